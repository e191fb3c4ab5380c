/* SPDX-License-Identifier: MIT */
#include "tree.h"

#include <stdio.h>
#include <string.h>

#define HISTORY_EVENTS 4096 /* how far back times are looked up at the start */
#define BATCH_EVENTS 1024
#define FAILURE_FRESH_MS 30000 /* so long a failure answers those who come after it, too */

/* ---- what an event moves */

#define MOVES(topic) (1u << (topic))
static const unsigned moves[EVENT_TYPES] = {
	[EVENT_ANALYSIS_STARTED] = MOVES(TOPIC_WORK),
	[EVENT_CONCEPTS_READY] = MOVES(TOPIC_ANALYSIS) | MOVES(TOPIC_PICTURES) | MOVES(TOPIC_WORK) |
				 MOVES(TOPIC_CAST),
	[EVENT_ANALYSIS_FAILED] = MOVES(TOPIC_WORK),
	[EVENT_IMAGE_STARTED] = MOVES(TOPIC_WORK),
	[EVENT_IMAGE_COMPLETE] = MOVES(TOPIC_PICTURES) | MOVES(TOPIC_WORK),
	[EVENT_IMAGE_FAILED] = MOVES(TOPIC_WORK),
	[EVENT_REFUSED] = MOVES(TOPIC_WORK),
	[EVENT_WAITING] = MOVES(TOPIC_WORK),
	[EVENT_BUDGET_SPENT] = MOVES(TOPIC_WORK),
	[EVENT_OUTDATED] = MOVES(TOPIC_ANALYSIS) | MOVES(TOPIC_PICTURES) | MOVES(TOPIC_WORK) |
			   MOVES(TOPIC_CAST),
	/* And the analysis, where it became another. */
	[EVENT_EDITED] = MOVES(TOPIC_PICTURES) | MOVES(TOPIC_WORK) | MOVES(TOPIC_CAST),
	[EVENT_IMPORTED] = MOVES(TOPIC_BOOK) | MOVES(TOPIC_ANALYSIS) | MOVES(TOPIC_PICTURES) |
			   MOVES(TOPIC_WORK) | MOVES(TOPIC_CAST),
	[EVENT_QUEUED] = MOVES(TOPIC_WORK),
	[EVENT_PAUSED] = MOVES(TOPIC_WORK),
	[EVENT_RESUMED] = MOVES(TOPIC_WORK),
	[EVENT_BUDGET_RAISED] = MOVES(TOPIC_WORK),
	[EVENT_SERVER_WAITS] = MOVES(TOPIC_WORK),
	[EVENT_LOOKS_FIXED] = MOVES(TOPIC_CAST),
	[EVENT_CAST_SETTLED] = MOVES(TOPIC_PICTURES) | MOVES(TOPIC_WORK) | MOVES(TOPIC_CAST),
	[EVENT_FAILED] = MOVES(TOPIC_WORK),
};

static void stamps_move(struct stamp stamps[TOPICS], unsigned topics, const struct store_event *e)
{
	for (int t = 0; t < TOPICS; t++)
		if (topics & MOVES(t))
			stamps[t] = (struct stamp){e->seq, e->time_unix_ms};
}

static void analysis_forget(struct chapter_state *c)
{
	c->analysis_known = false;
	free(c->outdated);
	c->outdated = NULL;
}

static void chapter_move(struct chapter_state *c, unsigned topics, const struct store_event *e)
{
	stamps_move(c->topics, topics, e);
	if (topics & MOVES(TOPIC_ANALYSIS))
		analysis_forget(c);
}

/* An edit may be of a picture or of the style alone. Of an analysis that nobody asked for since it
 * last moved nobody can tell. */
static bool is_edited(struct views *v, const struct chapter_state *c, int chapter)
{
	int64_t id;
	return !c->analysis_known || store_analysis_id(&id, v->reader, chapter) < 0 ||
	       id != c->analysis_id;
}

static void edit_move(struct views *v, const struct store_event *e)
{
	bool moved = false;
	for (int chapter = 1; (size_t)chapter <= v->chapter_count; chapter++) {
		struct chapter_state *c = &v->chapters[chapter - 1];
		if ((e->chapter && chapter != e->chapter) || !is_edited(v, c, chapter))
			continue;
		chapter_move(c, MOVES(TOPIC_ANALYSIS), e);
		moved = true;
	}
	if (moved)
		stamps_move(v->topics, MOVES(TOPIC_ANALYSIS), e);
}

/* Only what the import changed: who has a file of another chapter open shall not notice. */
static void import_move(struct views *v, unsigned topics, const struct store_event *e)
{
	stamps_move(v->every, MOVES(TOPIC_ANY), e);
	for (size_t i = 0; i < v->chapter_count; i++) {
		struct chapter_state *c = &v->chapters[i];
		if (!c->anew)
			continue;
		chapter_move(c, topics, e);
		c->anew_seq = e->seq;
	}
}

static int event_move(void *arg, const struct store_event *e)
{
	struct views *v = arg;
	unsigned topics = MOVES(TOPIC_ANY);
	if ((unsigned)e->type < EVENT_TYPES)
		topics |= moves[e->type];
	v->seq = e->seq;
	stamps_move(v->topics, topics, e);
	if (e->type == EVENT_EDITED)
		edit_move(v, e);
	if (e->type == EVENT_IMPORTED) {
		import_move(v, topics, e);
		return 0;
	}
	if (e->chapter <= 0 || (size_t)e->chapter > v->chapter_count) {
		stamps_move(v->every, topics, e);
		for (size_t i = 0; i < v->chapter_count && topics & MOVES(TOPIC_ANALYSIS); i++)
			analysis_forget(&v->chapters[i]);
		return 0;
	}
	chapter_move(&v->chapters[e->chapter - 1], topics, e);
	return 0;
}

static int events_move(struct views *v, int64_t until)
{
	while (v->seq < until) {
		int64_t before = v->seq;
		int err = store_events(v->reader, v->seq, BATCH_EVENTS, event_move, v);
		if (err < 0)
			return err;
		if (v->seq == before)
			v->seq = until; /* nothing left between */
	}
	for (size_t i = 0; i < v->chapter_count; i++)
		v->chapters[i].anew = false;
	return 0;
}

struct stamp views_stamp(const struct views *v, enum topic topic, int chapter)
{
	if (chapter < 1 || (size_t)chapter > v->chapter_count)
		return v->topics[topic];
	struct stamp own = v->chapters[chapter - 1].topics[topic];
	return own.seq > v->every[topic].seq ? own : v->every[topic];
}

/* ---- the book */

static void book_drop(struct views *v)
{
	for (size_t i = 0; i < v->chapter_count; i++) {
		free(v->chapters[i].outdated);
		free(v->chapters[i].section);
		free(v->chapters[i].shown);
	}
	free(v->chapters);
	free(v->files);
	v->chapters = NULL;
	v->files = NULL;
	v->chapter_count = v->file_count = 0;
	v->book = book_free(v->book);
}

static int title_compare(const void *a, const void *b)
{
	const struct book_chapter *const *x = a, *const *y = b;
	return strcmp((*x)->title, (*y)->title);
}

/* Headings must tell chapters apart that are called the same. */
static void find_same_titles(struct views *v)
{
	const struct book_chapter **byname =
		xcalloc(v->chapter_count + 1, sizeof(const struct book_chapter *));
	for (size_t i = 0; i < v->chapter_count; i++)
		byname[i] = &v->book->chapters[i];
	qsort(byname, v->chapter_count, sizeof(const struct book_chapter *), title_compare);
	for (size_t i = 1; i < v->chapter_count; i++)
		if (title_compare(&byname[i - 1], &byname[i]) == 0)
			v->chapters[byname[i - 1] - v->book->chapters].same_title =
				v->chapters[byname[i] - v->book->chapters].same_title = true;
	free(byname);
}

static bool chapter_is_same(const struct book_chapter *a, const struct book_chapter *b)
{
	return a->kind == b->kind && strcmp(a->title, b->title) == 0 &&
	       strcmp(a->text_hash, b->text_hash) == 0;
}

/* What is known of chapters before the book is replaced is handed on. */
static struct chapter_state *chapters_hand_on(struct views *v, const struct book *book,
					      size_t count)
{
	struct chapter_state *chapters = xcalloc(count + 1, sizeof(chapters[0]));
	bool same_book = v->book && strcmp(v->book->title, book->title) == 0 &&
			 strcmp(v->book->language, book->language) == 0;
	for (size_t i = 0; i < count; i++) {
		if (i < v->chapter_count) {
			chapters[i] = v->chapters[i];
			v->chapters[i] = (struct chapter_state){0};
			free(chapters[i].section);
			chapters[i].section = NULL;
			chapters[i].same_title = false;
		}
		chapters[i].anew = chapters[i].anew || i >= v->chapter_count || !same_book ||
				   !chapter_is_same(&v->book->chapters[i], &book->chapters[i]);
		if (chapters[i].anew)
			analysis_forget(&chapters[i]);
	}
	return chapters;
}

/* The names that the kernel may know; those that are not told yet stay. */
static void names_remember(struct views *v)
{
	if (v->told_links.len)
		return;
	for (int chapter = 1; (size_t)chapter <= v->chapter_count; chapter++) {
		char name[NAME_BYTES] = "", link[NAME_BYTES] = "";
		if (views_chapter(v, chapter)) {
			chapter_name(name, v, chapter);
			title_link_name(link, v, chapter);
		}
		strv_add(&v->told_names, name);
		strv_add(&v->told_links, link);
	}
}

static int book_load(struct views *v, int64_t generation)
{
	struct book *book;
	int64_t imported;
	int err = store_book(&book, v->reader);
	if (err < 0)
		return err;
	err = store_imported_at(&imported, v->reader);
	if (err < 0) {
		book_free(book);
		return err;
	}
	size_t count = book->chapter_count > CHAPTER_MAX ? CHAPTER_MAX : book->chapter_count;
	struct chapter_state *chapters = chapters_hand_on(v, book, count);
	views_cast_drop(v);
	portraits_drop(v);
	names_remember(v);
	book_drop(v);
	v->book = book;
	v->generation = generation;
	v->imported_unix_ms = imported;
	v->chapter_count = count;
	v->chapters = chapters;
	find_same_titles(v);
	sources_index(v);
	return 0;
}

int views_refresh(struct views *v)
{
	int64_t seq, generation;
	int err = store_seq(&seq, v->reader);
	if (err < 0 || seq == v->seq)
		return err;
	err = store_generation(&generation, v->reader);
	if (err == 0 && generation != v->generation)
		err = book_load(v, generation);
	return err < 0 ? err : events_move(v, seq);
}

const struct book_chapter *views_chapter(const struct views *v, int chapter)
{
	if (chapter < 1 || (size_t)chapter > v->chapter_count)
		return NULL;
	const struct book_chapter *c = &v->book->chapters[chapter - 1];
	return c->kind == BOOK_GAP ? NULL : c;
}

size_t views_chapters(const struct views *v)
{
	size_t count = 0;
	for (int chapter = 1; (size_t)chapter <= v->chapter_count; chapter++)
		count += views_chapter(v, chapter) != NULL;
	return count;
}

/* ---- analyses */

/* Why this mount would make it otherwise. A person's edit is nobody's to make otherwise. */
char *views_outdated(const struct views *v, const struct store_analysis *a)
{
	const struct view_settings *s = &v->settings;
	if (a->of_former)
		return xasprintf("made of the text before it was changed");
	if (!a->provider || strcmp(a->provider, "person") == 0)
		return NULL;
	if (strcmp(a->provider, s->provider) != 0 || strcmp(a->model, s->model) != 0)
		return xasprintf("made by %s %s, this mount uses %s %s", a->provider, a->model,
				 s->provider, s->model);
	if (a->prompt_version != s->prompt_version)
		return xasprintf("made with prompt version %d, this is version %d",
				 a->prompt_version, s->prompt_version);
	if (a->options && strcmp(a->options, s->options) != 0)
		return xasprintf("made with %s, this mount uses %s", a->options, s->options);
	return NULL;
}

struct chapter_state *views_analysis(struct views *v, int chapter)
{
	struct chapter_state *c = &v->chapters[chapter - 1];
	if (c->analysis_known)
		return c;
	struct store_analysis a = {0};
	int err = store_analysis(&a, v->reader, chapter, false);
	if (err < 0 && err != -ENOENT)
		return NULL;
	analysis_forget(c);
	c->analysis_known = true;
	c->analysis_id = err == 0 ? a.id : 0;
	c->of_former = err == 0 && a.of_former;
	c->completed_unix_ms = err == 0 ? a.completed_unix_ms : 0;
	if (err == 0)
		c->outdated = views_outdated(v, &a);
	store_analysis_finish(&a);
	return c;
}

/* ---- life */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static void settings_copy(struct view_settings *to, const struct view_settings *from)
{
	*to = *from;
	to->provider = xstrdup(from->provider ? from->provider : "");
	to->model = xstrdup(from->model ? from->model : "");
	to->options = xstrdup(from->options ? from->options : "");
	to->instructions = xstrdup(from->instructions);
	to->book_path = xstrdup(from->book_path ? from->book_path : "");
	to->book_name = xstrdup(from->book_name ? from->book_name : base_name(to->book_path));
}

static int start(struct views *v)
{
	int64_t seq, generation;
	int err = store_seq(&seq, v->reader);
	if (err == 0)
		err = store_generation(&generation, v->reader);
	if (err == 0)
		err = book_load(v, generation);
	if (err < 0)
		return err;
	for (int t = 0; t < TOPICS; t++)
		v->topics[t] = v->every[t] = (struct stamp){0, v->imported_unix_ms};
	v->seq = seq > HISTORY_EVENTS ? seq - HISTORY_EVENTS : 0;
	err = events_move(v, seq);
	v->told_seq = v->seq;
	return err;
}

int views_new(struct views **out, struct store *store, const struct view_settings *settings,
	      struct err *err)
{
	struct views *v = xcalloc(1, sizeof(*v));
	v->store = store;
	v->reader = store_reader(store);
	settings_copy(&v->settings, settings);
	if (stat(v->settings.book_path, &v->book_file) < 0)
		v->book_file.st_ino = 0;
	int rc = store_snapshot_begin(v->reader);
	if (rc == 0) {
		rc = start(v);
		store_snapshot_end(v->reader);
	}
	if (rc < 0) {
		err_set(err, rc, "%s: the stored book cannot be read: %s", store_path(store),
			store_reason(v->reader, rc));
		views_free(v);
		return rc;
	}
	*out = v;
	return 0;
}

void view_set_moved(struct views *v, const struct strv *names)
{
	strv_finish(&v->moved);
	for (size_t i = 0; i < names->len; i++)
		strv_add(&v->moved, names->items[i]);
}

void views_idle(struct views *v)
{
	views_cast_drop(v);
	portraits_drop(v);
	growing_clear(v);
	views_loads_idle(v);
	cache_clear(v);
	for (size_t i = 0; i < v->chapter_count; i++) {
		free(v->chapters[i].section);
		v->chapters[i].section = NULL;
	}
}

struct views *views_free(struct views *v)
{
	if (!v)
		return NULL;
	views_loads_orphan(v);
	views_idle(v);
	book_drop(v);
	view_names_finish(&v->names);
	strv_finish(&v->told_links);
	strv_finish(&v->told_names);
	strv_finish(&v->moved);
	free((char *)v->settings.provider);
	free((char *)v->settings.model);
	free((char *)v->settings.options);
	free((char *)v->settings.instructions);
	free((char *)v->settings.book_path);
	free((char *)v->settings.book_name);
	free(v);
	return NULL;
}

/* ---- waiting readers */

int view_trigger(struct views *v, int chapter, int64_t asked_unix_ms, struct err *err)
{
	int rc = views_refresh(v);
	if (rc < 0)
		return err_set(err, rc, "the store cannot be read: %s",
			       store_reason(v->reader, rc));
	const struct book_chapter *c = views_chapter(v, chapter);
	if (!c)
		return err_set(err, -ENOENT, "the book has no chapter %d", chapter);
	const struct chapter_state *have = views_analysis(v, chapter);
	if (!have)
		return err_set(err, -EIO, "chapter %d cannot be read from the store: %s", chapter,
			       store_reason(v->reader, 0));
	if (have->analysis_id || c->kind != BOOK_STORY)
		return 1;
	if (!v->settings.trigger)
		return err_set(err, -ENODATA,
			       "chapter %d is not analysed, and reading it starts no analysis here",
			       chapter);
	struct store_state s = {0};
	rc = store_state(&s, v->reader, chapter);
	if (rc < 0)
		return err_set(err, rc, "chapter %d cannot be read from the store: %s", chapter,
			       store_reason(v->reader, rc));
	bool old = s.changed_unix_ms < asked_unix_ms &&
		   s.changed_unix_ms < clock_unix_ms() - FAILURE_FRESH_MS;
	if (s.state == STATE_FAILED && !old)
		rc = err_set(err, s.error_code < 0 ? s.error_code : -EIO, "chapter %d: %s", chapter,
			     s.error ? s.error : "the analysis failed");
	store_state_finish(&s);
	return rc;
}

bool view_is_former(int64_t *since_unix_ms, struct views *v, int chapter)
{
	struct store_state s = {0};
	if (views_refresh(v) < 0 || !views_chapter(v, chapter))
		return false;
	const struct chapter_state *have = views_analysis(v, chapter);
	if (!have || !have->of_former || !v->settings.trigger ||
	    store_state(&s, v->reader, chapter) < 0)
		return false;
	bool failed = s.error_code && s.changed_unix_ms >= clock_unix_ms() - FAILURE_FRESH_MS;
	store_state_finish(&s);
	*since_unix_ms = views_stamp(v, TOPIC_BOOK, chapter).time_unix_ms;
	return !failed;
}

int view_book_stamp(int64_t *seq, int64_t *time_unix_ms, struct views *v)
{
	static const enum topic topics[] = {TOPIC_BOOK, TOPIC_ANALYSIS, TOPIC_PICTURES};
	struct stamp newest = {0};
	int err = views_refresh(v);
	if (err < 0)
		return err;
	for (size_t i = 0; i < ARRAY_LEN(topics); i++)
		if (v->topics[topics[i]].seq >= newest.seq)
			newest = v->topics[topics[i]];
	*seq = newest.seq;
	*time_unix_ms = newest.time_unix_ms;
	return 0;
}
