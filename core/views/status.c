/* SPDX-License-Identifier: MIT */
#include "tree.h"

#include <string.h>

/* Where the work stands: status.json, and the manifests that older tools read (formats.md). All of
 * them are made from one table, read within one change number, so that they cannot disagree. */

struct picture_state {
	int chapter, scene;
	int64_t id, concept;
	enum job_state state;
	int attempts;
	char *error, *outdated;
	bool waits_approval;
	struct store_usage usage;
	char file[NAME_BYTES]; /* "" while there is none */
};

struct table {
	const struct views *v;
	struct store_state *chapters; /* [N - 1] */
	size_t chapter_count;
	struct picture_state *pictures;
	size_t picture_count, picture_cap;
	int64_t tokens;
	struct store_usage usage[2]; /* by job_kind */
};

static void table_finish(struct table *t)
{
	for (size_t i = 0; i < t->chapter_count; i++)
		store_state_finish(&t->chapters[i]);
	for (size_t i = 0; i < t->picture_count; i++) {
		free(t->pictures[i].error);
		free(t->pictures[i].outdated);
	}
	free(t->chapters);
	free(t->pictures);
}

static int picture_add(void *arg, const struct store_picture *p)
{
	struct table *t = arg;
	t->pictures =
		xgrow(t->pictures, &t->picture_cap, t->picture_count + 1, sizeof(t->pictures[0]));
	struct picture_state *s = &t->pictures[t->picture_count++];
	*s = (struct picture_state){
		.chapter = p->chapter,
		.scene = p->scene,
		.id = p->id,
		.concept = p->concept,
		.state = p->id ? STATE_COMPLETED : p->state,
		.attempts = p->attempts,
		.error = p->id ? NULL : xstrdup(p->error),
		.outdated = xstrdup(p->outdated),
		.waits_approval = p->waits_approval,
		.usage = p->usage,
	};
	if (p->id)
		image_file(s->file, p->chapter, p->scene, p->ext);
	return 0;
}

/* chapter 0: the whole book. */
static int table_read(struct table *t, struct views *v, int chapter)
{
	t->v = v;
	t->chapters = xcalloc(v->chapter_count + 1, sizeof(t->chapters[0]));
	for (size_t i = 0; i < v->chapter_count; i++) {
		if (chapter && (size_t)chapter != i + 1) {
			t->chapter_count++;
			continue;
		}
		int err = store_state(&t->chapters[i], v->reader, (int)i + 1);
		if (err < 0)
			return err;
		t->chapter_count++;
	}
	int err = store_pictures(v->reader, chapter, picture_add, t);
	if (err == 0 && !chapter)
		err = store_tokens(&t->tokens, v->reader);
	if (err == 0 && !chapter)
		err = store_spent(t->usage, v->reader);
	return err;
}

/* ---- status.json */

static void add_state(cJSON *json, enum job_state state, int attempts, const char *error)
{
	cJSON_AddStringToObject(json, "status", job_state_name(state));
	cJSON_AddNumberToObject(json, "attempts", attempts);
	cJSON_AddItemToObject(json, "error", view_json_text(error));
}

static double cost_of(const struct store_usage *u)
{
	return (double)u->cost_micro / 1e6;
}

static void add_usage(cJSON *json, const struct store_usage *u)
{
	cJSON_AddNumberToObject(json, "requests", (double)u->requests);
	cJSON_AddNumberToObject(json, "tokensIn", (double)u->tokens_in);
	cJSON_AddNumberToObject(json, "tokensOut", (double)u->tokens_out);
	cJSON_AddNumberToObject(json, "cost", cost_of(u));
}

static cJSON *chapter_json(struct views *v, const struct table *t, int chapter)
{
	const struct store_state *s = &t->chapters[chapter - 1];
	const struct chapter_state *c = views_analysis(v, chapter);
	cJSON *json = cJSON_CreateObject();
	cJSON_AddItemToObject(json, "number", chapter_name_json(v, chapter));
	cJSON_AddStringToObject(json, "title", views_chapter(v, chapter)->title);
	add_state(json, s->state, s->attempts, s->error);
	cJSON_AddNumberToObject(json, "concepts", s->concepts);
	cJSON_AddNumberToObject(json, "tokensUsed", (double)s->tokens);
	add_usage(json, &s->usage);
	cJSON_AddItemToObject(json, "outdated",
			      c && c->outdated ? cJSON_CreateString(c->outdated)
					       : cJSON_CreateFalse());
	return json;
}

static cJSON *picture_json(const struct picture_state *p)
{
	char id[CONCEPT_ID_BYTES];
	cJSON *json = cJSON_CreateObject();
	concept_id(id, p->chapter, p->scene);
	cJSON_AddStringToObject(json, "id", id);
	cJSON_AddNumberToObject(json, "chapter", p->chapter);
	cJSON_AddItemToObject(json, "file", view_json_text(p->file[0] ? p->file : NULL));
	add_state(json, p->state, p->attempts, p->error);
	add_usage(json, &p->usage);
	cJSON_AddItemToObject(json, "outdated",
			      p->outdated ? cJSON_CreateString(p->outdated) : cJSON_CreateFalse());
	if (p->waits_approval)
		cJSON_AddStringToObject(json, "waits", "approval");
	return json;
}

static cJSON *pictures_json(const struct table *t)
{
	cJSON *array = cJSON_CreateArray();
	for (size_t i = 0; i < t->picture_count; i++)
		cJSON_AddItemToArray(array, picture_json(&t->pictures[i]));
	return array;
}

static cJSON *portrait_json(struct views *v, const struct portrait *p)
{
	CLEANUP(cleanup_free) char *path = portrait_path(v, p);
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "file", path);
	cJSON_AddBoolToObject(json, "drawn", p->drawn);
	cJSON_AddItemToObject(json, "outdated",
			      p->outdated ? cJSON_CreateString("drawn by another look")
					  : cJSON_CreateFalse());
	return json;
}

static int add_portraits(cJSON *json, struct views *v)
{
	const struct portraits *all;
	int err = portraits_read(&all, v);
	cJSON *array = cJSON_AddArrayToObject(json, "portraits");
	for (size_t i = 0; err == 0 && i < all->len; i++)
		cJSON_AddItemToArray(array, portrait_json(v, &all->items[i]));
	return err;
}

/* One count for each status; nobody asked counts as pending, as it is written. */
static cJSON *counts_json(const int counts[STATE_SKIPPED + 1])
{
	cJSON *json = cJSON_CreateObject();
	for (int s = STATE_PENDING; s <= STATE_SKIPPED; s++) {
		int count = counts[s] + (s == STATE_PENDING ? counts[STATE_NONE] : 0);
		cJSON_AddNumberToObject(json, job_state_name((enum job_state)s), count);
	}
	return json;
}

static cJSON *totals_json(const struct table *t)
{
	int chapters[STATE_SKIPPED + 1] = {0}, images[STATE_SKIPPED + 1] = {0};
	for (size_t i = 0; i < t->chapter_count; i++)
		if (views_chapter(t->v, (int)i + 1))
			chapters[t->chapters[i].state]++;
	for (size_t i = 0; i < t->picture_count; i++)
		images[t->pictures[i].state]++;
	cJSON *json = cJSON_CreateObject();
	cJSON_AddItemToObject(json, "chapters", counts_json(chapters));
	cJSON_AddItemToObject(json, "images", counts_json(images));
	cJSON_AddNumberToObject(json, "tokensUsed", (double)t->tokens);
	const struct store_usage *text = &t->usage[JOB_ANALYZE], *image = &t->usage[JOB_ILLUSTRATE];
	const struct store_usage all = {
		.requests = text->requests + image->requests,
		.tokens_in = text->tokens_in + image->tokens_in,
		.tokens_out = text->tokens_out + image->tokens_out,
		.cost_micro = text->cost_micro + image->cost_micro,
	};
	add_usage(json, &all);
	return json;
}

/* ---- how fast it goes, by what ended last */

#define PACE_EVENTS 256
#define PACE_MS (5 * 60 * 1000) /* an older one says nothing of now */

struct pace {
	int count[2]; /* by job_kind */
	int64_t first_unix_ms[2], last_unix_ms[2];
};

static int pace_add(void *arg, const struct store_event *e)
{
	struct pace *p = arg;
	int kind = e->type == EVENT_CONCEPTS_READY   ? JOB_ANALYZE
		   : e->type == EVENT_IMAGE_COMPLETE ? JOB_ILLUSTRATE
						     : -1;
	if (kind < 0)
		return 0;
	if (!p->count[kind] || e->time_unix_ms - p->last_unix_ms[kind] > PACE_MS) {
		p->count[kind] = 0;
		p->first_unix_ms[kind] = e->time_unix_ms;
	}
	p->count[kind]++;
	p->last_unix_ms[kind] = e->time_unix_ms;
	return 0;
}

/* Between the first and the last there is one pause less than there are ends; 0: not known. */
static double per_minute(const struct pace *p, enum job_kind kind)
{
	int64_t ms = p->last_unix_ms[kind] - p->first_unix_ms[kind];
	return p->count[kind] > 1 && ms > 0 ? (p->count[kind] - 1) * 60000.0 / (double)ms : 0;
}

static int open_jobs(const struct table *t, enum job_kind kind)
{
	int open = 0;
	for (size_t i = 0; kind == JOB_ANALYZE && i < t->chapter_count; i++)
		open += t->chapters[i].state == STATE_PENDING ||
			t->chapters[i].state == STATE_IN_PROGRESS;
	for (size_t i = 0; kind == JOB_ILLUSTRATE && i < t->picture_count; i++)
		open += t->pictures[i].state == STATE_PENDING ||
			t->pictures[i].state == STATE_IN_PROGRESS;
	return open;
}

/* Of what was asked for; 0: nobody is at it, or it cannot be told. */
static int64_t eta_unix_ms(const struct table *t, const struct pace *p)
{
	int64_t eta = 0;
	for (int k = JOB_ANALYZE; k <= JOB_ILLUSTRATE; k++) {
		int open = open_jobs(t, (enum job_kind)k);
		double pace = per_minute(p, (enum job_kind)k);
		if (open && pace <= 0)
			return 0;
		int64_t end = open ? p->last_unix_ms[k] + (int64_t)(open * 60000.0 / pace) : 0;
		eta = end > eta ? end : eta;
	}
	return eta;
}

static void add_rate(cJSON *json, const char *name, double per_minute)
{
	if (per_minute > 0)
		cJSON_AddNumberToObject(json, name, (double)(int64_t)(per_minute * 100) / 100);
	else
		cJSON_AddNullToObject(json, name);
}

static int add_pace(cJSON *json, struct views *v, const struct table *t, bool running)
{
	struct pace p = {0};
	int64_t seq = v->topics[TOPIC_WORK].seq;
	int err = store_events(v->reader, seq - PACE_EVENTS, PACE_EVENTS, pace_add, &p);
	cJSON *pace = cJSON_AddObjectToObject(json, "pace");
	add_rate(pace, "chaptersPerMinute", per_minute(&p, JOB_ANALYZE));
	add_rate(pace, "imagesPerMinute", per_minute(&p, JOB_ILLUSTRATE));
	cJSON_AddItemToObject(pace, "eta", view_json_time(running ? eta_unix_ms(t, &p) : 0));
	return err;
}

/* ---- what is done now, and what is waited for */

struct work {
	cJSON *running, *waiting;
};

static cJSON *job_json(const struct store_job *j)
{
	char id[CONCEPT_ID_BYTES];
	cJSON *json = cJSON_CreateObject();
	if (j->errand) {
		CLEANUP(cleanup_free)
		char *words = errand_words((enum errand)j->errand, j->subject);
		cJSON_AddItemToObject(json, "work", view_json_text(words));
		return json;
	}
	cJSON_AddStringToObject(json, "work", j->kind == JOB_ANALYZE ? "analyze" : "illustrate");
	cJSON_AddNumberToObject(json, "chapter", j->chapter);
	if (j->kind == JOB_ILLUSTRATE) {
		concept_id(id, j->chapter, j->scene);
		cJSON_AddStringToObject(json, "id", id);
	}
	return json;
}

static int job_add(void *arg, const struct store_job *j)
{
	struct work *w = arg;
	if (j->state == STATE_IN_PROGRESS && j->owner_alive) {
		cJSON *json = job_json(j);
		cJSON_AddItemToObject(json, "since", view_json_time(j->started_unix_ms));
		cJSON_AddItemToArray(w->running, json);
	} else if (j->state == STATE_PENDING && j->error) {
		cJSON *json = job_json(j);
		cJSON_AddItemToObject(json, "reason", view_json_text(j->error));
		cJSON_AddItemToObject(json, "until", view_json_time(j->not_before_unix_ms));
		cJSON_AddItemToArray(w->waiting, json);
	} else if (j->state == STATE_FAILED && j->errand) { /* no chapter and no picture says so */
		cJSON *json = job_json(j);
		cJSON_AddItemToObject(json, "reason", view_json_text(j->error));
		cJSON_AddItemToObject(json, "until", cJSON_CreateNull());
		cJSON_AddStringToObject(json, "remedy", "echo retry failed > .bookfs/ctl");
		cJSON_AddItemToArray(w->waiting, json);
	}
	return 0;
}

static int rest_add(void *arg, enum job_kind kind, const char *why)
{
	struct work *w = arg;
	CLEANUP(cleanup_free)
	char *reason = xasprintf("%s wait: %s", kind == JOB_ANALYZE ? "analyses" : "pictures", why);
	cJSON *json = cJSON_CreateObject();
	cJSON_AddItemToObject(json, "reason", view_json_text(reason));
	cJSON_AddItemToObject(json, "until", cJSON_CreateNull());
	cJSON_AddStringToObject(json, "remedy", "echo budget +50 > .bookfs/ctl goes on");
	cJSON_AddItemToArray(w->waiting, json);
	return 0;
}

static int server_add(void *arg, const char *origin, enum job_kind kind, int64_t until_unix_ms)
{
	struct work *w = arg;
	CLEANUP(cleanup_free)
	char *reason = xasprintf("%s asked to be left alone, with %s", origin,
				 kind == JOB_ANALYZE ? "chapters" : "pictures");
	cJSON *json = cJSON_CreateObject();
	cJSON_AddItemToObject(json, "reason", view_json_text(reason));
	cJSON_AddItemToObject(json, "until", view_json_time(until_unix_ms));
	cJSON_AddItemToArray(w->waiting, json);
	return 0;
}

static int add_work(cJSON *json, struct views *v)
{
	struct work w = {cJSON_AddArrayToObject(json, "running"),
			 cJSON_AddArrayToObject(json, "waiting")};
	bool paused;
	int err = store_paused(&paused, v->reader);
	if (err == 0 && paused) {
		cJSON *pause = cJSON_CreateObject();
		cJSON_AddStringToObject(pause, "reason",
					"paused: only what is read is analysed; "
					"\"resume\" goes on");
		cJSON_AddItemToObject(pause, "until", cJSON_CreateNull());
		cJSON_AddItemToArray(w.waiting, pause);
	}
	if (err == 0)
		err = store_rests(v->reader, rest_add, &w);
	/* By the clock of this version: its bytes do not change with time. */
	if (err == 0)
		err = store_servers_told(v->reader, v->topics[TOPIC_WORK].time_unix_ms, server_add,
					 &w);
	return err < 0 ? err : store_jobs(v->reader, job_add, &w);
}

static int status_print(struct buf *out, struct views *v, const struct table *t)
{
	CLEANUP(view_json_free_cleanup) cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "provider", v->settings.provider);
	cJSON *chapters = cJSON_AddArrayToObject(json, "chapters");
	for (int chapter = 1; (size_t)chapter <= t->chapter_count; chapter++)
		if (views_chapter(v, chapter))
			cJSON_AddItemToArray(chapters, chapter_json(v, t, chapter));
	cJSON_AddItemToObject(json, "images", pictures_json(t));
	cJSON_AddItemToObject(json, "totals", totals_json(t));
	int err = add_portraits(json, v);
	if (err == 0)
		err = add_work(json, v);
	if (err == 0)
		err = add_pace(json, v, t,
			       cJSON_GetArraySize(cJSON_GetObjectItem(json, "running")) > 0);
	if (err < 0)
		return err;
	cJSON *whole = json;
	json = NULL;
	return view_json_print(out, whole);
}

int render_status(struct buf *out, struct views *v, const struct ref *ref)
{
	CLEANUP(table_finish) struct table t = {0};
	int err = table_read(&t, v, 0);
	return err < 0 ? err : status_print(out, v, &t);
}

int view_status(struct buf *out, struct views *v)
{
	int err = store_snapshot_begin(v->reader);
	if (err < 0)
		return err;
	err = views_refresh(v);
	if (err == 0)
		err = render_status(out, v, NULL);
	store_snapshot_end(v->reader);
	return err;
}

int render_chapter_status(struct buf *out, struct views *v, const struct ref *ref)
{
	CLEANUP(table_finish) struct table t = {0};
	int err = table_read(&t, v, ref->chapter);
	if (err < 0)
		return err;
	const struct store_state *s = &t.chapters[ref->chapter - 1];
	bool waits = s->state == STATE_PENDING && s->error;
	cJSON *json = chapter_json(v, &t, ref->chapter);
	cJSON_AddItemToObject(json, "waitingUntil",
			      view_json_time(waits ? s->not_before_unix_ms : 0));
	cJSON_AddItemToObject(json, "images", pictures_json(&t));
	return view_json_print(out, json);
}

/* ---- the manifests */

static void add_number(cJSON *array, int chapter)
{
	cJSON_AddItemToArray(array, cJSON_CreateNumber(chapter));
}

struct manifest {
	cJSON *json, *completed, *in_progress, *failed;
};

static struct manifest manifest_new(const struct views *v)
{
	struct manifest m = {.json = cJSON_CreateObject()};
	cJSON_AddNumberToObject(m.json, "totalChapters", (double)views_chapters(v));
	m.completed = cJSON_AddArrayToObject(m.json, "completedChapters");
	m.in_progress = cJSON_AddArrayToObject(m.json, "inProgressChapters");
	m.failed = cJSON_AddArrayToObject(m.json, "failedChapters");
	cJSON_AddItemToObject(m.json, "lastUpdated",
			      view_json_time(v->topics[TOPIC_WORK].time_unix_ms));
	return m;
}

static void manifest_add(struct manifest *m, enum job_state state, int chapter)
{
	if (state == STATE_COMPLETED)
		add_number(m->completed, chapter);
	else if (state == STATE_IN_PROGRESS)
		add_number(m->in_progress, chapter);
	else if (state == STATE_FAILED)
		add_number(m->failed, chapter);
}

int render_analyze_manifest(struct buf *out, struct views *v, const struct ref *ref)
{
	CLEANUP(table_finish) struct table t = {0};
	int err = table_read(&t, v, 0);
	if (err < 0)
		return err;
	struct manifest m = manifest_new(v);
	for (size_t i = 0; i < t.chapter_count; i++)
		if (views_chapter(v, (int)i + 1))
			manifest_add(&m, t.chapters[i].state, (int)i + 1);
	return view_json_print(out, m.json);
}

/* A chapter's pictures together: failed if one is, completed if all are, else in progress as soon
 * as one is begun or done. */
static enum job_state together(const struct table *t, size_t *i)
{
	int chapter = t->pictures[*i].chapter;
	size_t count = 0, done = 0, begun = 0, failed = 0;
	for (; *i < t->picture_count && t->pictures[*i].chapter == chapter; ++*i, count++) {
		enum job_state s = t->pictures[*i].state;
		done += s == STATE_COMPLETED;
		begun += s == STATE_IN_PROGRESS || s == STATE_COMPLETED;
		failed += s == STATE_FAILED;
	}
	return failed	       ? STATE_FAILED
	       : done == count ? STATE_COMPLETED
	       : begun	       ? STATE_IN_PROGRESS
			       : STATE_PENDING;
}

int render_illustrate_manifest(struct buf *out, struct views *v, const struct ref *ref)
{
	CLEANUP(table_finish) struct table t = {0};
	int err = table_read(&t, v, 0);
	if (err < 0)
		return err;
	struct manifest m = manifest_new(v);
	for (size_t i = 0; i < t.picture_count;) {
		int chapter = t.pictures[i].chapter;
		manifest_add(&m, together(&t, &i), chapter);
	}
	return view_json_print(out, m.json);
}

int render_illustrate_concept(struct buf *out, struct views *v, const struct ref *ref)
{
	struct store_picture p = {0};
	char id[CONCEPT_ID_BYTES], file[NAME_BYTES];
	int err = store_concept(&p, v->reader, ref->item);
	if (err < 0)
		return err;
	concept_id(id, p.chapter, p.scene);
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "conceptId", id);
	cJSON_AddNumberToObject(json, "chapterNumber", p.chapter);
	cJSON_AddStringToObject(json, "status", job_state_name(p.id ? STATE_COMPLETED : p.state));
	cJSON_AddItemToObject(json, "enrichedPrompt", view_json_text(p.prompt));
	if (p.id)
		image_file(file, p.chapter, p.scene, p.ext);
	cJSON_AddItemToObject(json, "imageUrl", view_json_text(p.id ? file : NULL));
	cJSON_AddItemToObject(json, "generatedAt", view_json_time(p.id ? p.completed_unix_ms : 0));
	cJSON_AddNumberToObject(json, "retries", p.attempts > 1 ? p.attempts - 1 : 0);
	if (p.error && !p.id)
		cJSON_AddStringToObject(json, "error", p.error);
	return view_json_print(out, json);
}

/* ---- .imaginize.state.json */

static cJSON *phase_json(size_t done, size_t begun, size_t failed, size_t all)
{
	cJSON *json = cJSON_CreateObject();
	enum job_state s = done == all		  ? STATE_COMPLETED
			   : done + failed == all ? STATE_FAILED
			   : begun		  ? STATE_IN_PROGRESS
						  : STATE_PENDING;
	cJSON_AddStringToObject(json, "status", job_state_name(s));
	return json;
}

static cJSON *analyze_phase(const struct table *t)
{
	size_t done = 0, begun = 0, failed = 0;
	for (size_t i = 0; i < t->chapter_count; i++) {
		enum job_state s = t->chapters[i].state;
		if (!views_chapter(t->v, (int)i + 1))
			continue;
		done += s == STATE_COMPLETED || s == STATE_SKIPPED;
		begun += s == STATE_COMPLETED || s == STATE_IN_PROGRESS;
		failed += s == STATE_FAILED;
	}
	return phase_json(done, begun, failed, views_chapters(t->v));
}

static cJSON *illustrate_phase(const struct table *t)
{
	size_t done = 0, begun = 0, failed = 0;
	for (size_t i = 0; i < t->picture_count; i++) {
		enum job_state s = t->pictures[i].state;
		done += s == STATE_COMPLETED;
		begun += s == STATE_COMPLETED || s == STATE_IN_PROGRESS;
		failed += s == STATE_FAILED;
	}
	/* Without concepts there is nothing to draw yet, and nothing is done. */
	return phase_json(done, begun, failed, t->picture_count ? t->picture_count : 1);
}

static cJSON *toc_json(const struct views *v)
{
	cJSON *toc = cJSON_CreateObject();
	cJSON *chapters = cJSON_AddArrayToObject(toc, "chapters");
	for (int chapter = 1; (size_t)chapter <= v->chapter_count; chapter++) {
		const struct book_chapter *c = views_chapter(v, chapter);
		if (!c)
			continue;
		const struct quote whole = {.offset = 0, .len = c->text_bytes};
		char pages[64];
		cJSON *json = cJSON_CreateObject();
		views_page_range(pages, c, &whole);
		cJSON_AddItemToObject(json, "chapterNumber", chapter_name_json(v, chapter));
		cJSON_AddStringToObject(json, "chapterTitle", c->title);
		cJSON_AddStringToObject(json, "pageRange", pages);
		cJSON_AddItemToArray(chapters, json);
	}
	return toc;
}

int render_state(struct buf *out, struct views *v, const struct ref *ref)
{
	CLEANUP(table_finish) struct table t = {0};
	int err = table_read(&t, v, 0);
	if (err < 0)
		return err;
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "version", "3.0.0");
	cJSON_AddStringToObject(json, "bookFile", v->settings.book_name);
	cJSON_AddStringToObject(json, "bookTitle", v->book->title);
	cJSON_AddNumberToObject(json, "totalPages", (double)v->book->pages);
	cJSON *phases = cJSON_AddObjectToObject(json, "phases");
	cJSON_AddItemToObject(phases, "analyze", analyze_phase(&t));
	cJSON_AddItemToObject(phases, "illustrate", illustrate_phase(&t));
	cJSON_AddItemToObject(json, "toc", toc_json(v));
	cJSON *tokens = cJSON_AddObjectToObject(json, "tokenStats");
	cJSON_AddNumberToObject(tokens, "totalUsed", (double)t.tokens);
	cJSON_AddItemToObject(json, "lastUpdated",
			      view_json_time(v->topics[TOPIC_WORK].time_unix_ms));
	return view_json_print(out, json);
}
