/* SPDX-License-Identifier: MIT */
#include "pipeline.h"

#include <errno.h>
#include <semaphore.h>
#include <string.h>

/*
 * A picture's prompt names who and what is in the scene as the whole book describes them, so it
 * needs the catalogue of all analyses. Reading and merging those takes milliseconds the loop does
 * not have: it is done in the pool, for one picture after the other (`preparing`), and only what
 * changed since the last is read again. While nothing is painted nothing of it is kept. The store
 * may be closed when jobs are gone, so paint_leave() waits for the preparation a thread is at.
 */
struct cast {
	struct store_reader *reader;
	struct store_cast *kept;
};

static void cast_free(struct jobs *j)
{
	struct cast *c = j->cast;
	if (!c)
		return;
	store_cast_free(c->kept);
	store_reader_close(c->reader);
	free(c);
	j->cast = NULL;
}

static struct cast *cast_new(void)
{
	struct cast *c = xcalloc(1, sizeof(*c));
	c->kept = store_cast_new();
	return c;
}

/* ---- one picture */

enum { AROUND_BYTES = 600 };

enum phase { PREPARE_QUEUED, PREPARE_AT_WORK, PREPARE_CANCELLED };

struct preparation {
	struct jobs *jobs;
	struct task *task; /* NULL: it is gone, and the cast */
	atomic_int phase;
	sem_t worked;
	struct store *store;
	struct paint_limits limits; /* as they were on the loop: a refusal lowers them */
	struct cast *cast;
	struct look looks[SCENE_ELEMENTS]; /* to be fixed first; its strings are owned */
	size_t look_count;
	int rounds;
	struct provider_outcome outcome;
};

/* Looks that are fixed and gone again in the meantime, by a person who corrects the cast. */
enum { ROUNDS_MOST = 4 };

static const struct concept *concept_of(const struct task *t)
{
	return analysis_scene(t->source.analysis, t->job.scene);
}

/* The concept must still be the one that was asked for: a newer analysis has others. */
static int concept_find(struct task *t, struct store_reader *r, struct err *err)
{
	store_analysis_finish(&t->source); /* of the round before */
	int rc = store_analysis(&t->source, r, t->job.chapter, true);
	if (rc < 0)
		return err_set(err, rc, "the scene's analysis cannot be read: %s", strerror(-rc));
	const struct concept *scene = concept_of(t);
	if (!scene || t->job.concept != t->source.serials[scene - t->source.analysis->concepts])
		return err_set(err, -ESTALE, "a newer analysis has replaced this scene");
	return 0;
}

/* What stands AROUND_BYTES before and behind the passage, cut at characters; nothing where the
 * passage is not in the text. */
static int read_around(struct buf *out, const struct task *t, struct store_reader *r)
{
	const struct quote *q = &concept_of(t)->quote;
	int rc = q->offset == QUOTE_NOT_FOUND ? -ENOENT : store_text(out, r, t->job.text_id);
	if (rc < 0 || q->offset > out->len || q->len > out->len - q->offset)
		return rc == -ENOENT ? 0 : rc;
	size_t from = q->offset > AROUND_BYTES ? q->offset - AROUND_BYTES : 0;
	size_t end = q->offset + q->len + AROUND_BYTES;
	end = end < out->len ? end : out->len;
	while (from > 0 && ((unsigned char)out->data[from] & 0xc0) == 0x80)
		from--;
	while (end < out->len && ((unsigned char)out->data[end] & 0xc0) == 0x80)
		end++;
	memmove(out->data, out->data + from, end - from);
	out->len = end - from;
	out->data[out->len] = '\0';
	return 0;
}

/* What goes into a prompt, as the store is now. */
struct material {
	const struct catalogue *catalogue; /* the cast's */
	struct buf around, style;
	int64_t style_id;
};

static void material_finish(struct material *m)
{
	buf_finish(&m->around);
	buf_finish(&m->style);
}

static int material_read(struct material *m, struct task *t, struct cast *c, struct err *err)
{
	int rc = concept_find(t, c->reader, err);
	if (rc < 0)
		return rc;
	rc = store_cast_catalogue(&m->catalogue, c->kept, c->reader);
	if (rc == 0)
		rc = read_around(&m->around, t, c->reader);
	if (rc == 0)
		rc = store_style(&m->style, &m->style_id, c->reader);
	return rc < 0 ? err_set(err, rc, "the cast cannot be read: %s", strerror(-rc)) : 0;
}

static int material_take(struct material *m, struct preparation *p, struct err *err)
{
	struct cast *c = p->cast;
	int rc = c->reader ? 0 : store_reader_open(&c->reader, p->store, err);
	if (rc < 0)
		return rc;
	rc = store_snapshot_begin(c->reader);
	if (rc < 0)
		return err_set(err, rc, "the store cannot be read: %s", strerror(-rc));
	rc = material_read(m, p->task, c, err);
	store_snapshot_end(c->reader);
	return rc;
}

static void looks_drop(struct preparation *p)
{
	for (size_t i = 0; i < p->look_count; i++) {
		free((char *)p->looks[i].name);
		free((char *)p->looks[i].line);
		free((char *)p->looks[i].source);
	}
	p->look_count = 0;
}

/* As an earlier book of the series has it, else as this one does. */
static int look_propose(struct preparation *p, const struct catalogue_entry *e)
{
	CLEANUP(buf_finish) struct buf own = {0};
	struct series *series = p->jobs->settings.series;
	char *line = NULL, *source = NULL;
	int rc = look_line(&own, e);
	if (rc == 0 && series)
		rc = series_agree(&line, &source, series, e, buf_str(&own));
	if (rc < 0)
		return rc;
	p->looks[p->look_count++] = (struct look){.type = e->type,
						  .name = xstrdup(e->name),
						  .line = line ? line : xstrdup(buf_str(&own)),
						  .source = source};
	return 0;
}

/* How those who are in it look, by the lines that are fixed; those of others are proposed. What
 * was fixed for this picture, the other books of the series are told. */
static int looks_note(struct preparation *p, const struct scene_prompt *scene)
{
	struct series *series = p->rounds ? p->jobs->settings.series : NULL;
	const struct catalogue *cast = scene->catalogue;
	int rc = 0;
	for (size_t i = 0; cast && rc == 0 && i < scene->present_count; i++) {
		const struct catalogue_entry *e = &cast->entries[scene->present[i]];
		if (!e->look)
			rc = look_propose(p, e);
		else if (series && !e->look_source)
			rc = series_put(series, e, e->look);
	}
	return rc;
}

/* Of whom the prompt had no room to tell, the picture is none. */
static void looks_keep_told(struct task *t, const struct scene_prompt *scene)
{
	const struct catalogue *cast = scene->catalogue;
	t->look_count = 0;
	for (size_t i = 0; cast && i < scene->present_count; i++) {
		const struct catalogue_entry *e = &cast->entries[scene->present[i]];
		if (strstr(buf_str(&t->prompt), e->look))
			t->looks[t->look_count++] = e->look_id;
	}
}

static int prompt_make(struct preparation *p, struct err *err)
{
	CLEANUP(material_finish) struct material m = {0};
	size_t present[SCENE_ELEMENTS];
	struct task *t = p->task;
	const struct paint_limits *limits = &p->limits;
	int rc = material_take(&m, p, err);
	if (rc < 0)
		return rc;
	struct scene_prompt scene = {
		.book_title = t->book_title,
		.chapter_title = t->chapter_title,
		.chapter = t->job.chapter,
		.scene = t->job.scene,
		.concept = concept_of(t),
		.catalogue = m.catalogue,
		.around = buf_str(&m.around),
		.around_len = m.around.len,
		.style = buf_str(&m.style),
		.present = present,
		.most_bytes = limits->prompt_bytes,
	};
	scene.present_count = scene_present(present, &scene);
	t->style = m.style_id;
	rc = looks_note(p, &scene);
	if (rc < 0)
		return err_set(err, rc, "the looks of the cast: %s",
			       p->jobs->settings.series
				       ? series_reason(p->jobs->settings.series, rc)
				       : strerror(-rc));
	if (p->look_count)
		return 0;
	rc = likenesses_read(&t->likenesses, p->cast->reader, &scene, limits);
	if (rc < 0)
		return err_set(err, rc, "the portraits cannot be read: %s", strerror(-rc));
	const char *pictured[SCENE_ELEMENTS];
	for (size_t i = 0; i < t->likenesses.count; i++)
		pictured[i] = t->likenesses.items[i].name;
	scene.pictured = pictured;
	scene.pictured_count = t->likenesses.count;
	rc = prompt_scene(&t->prompt, &scene);
	if (rc == 0)
		looks_keep_told(t, &scene);
	return rc;
}

static bool phase_move(struct preparation *p, int to)
{
	int from = PREPARE_QUEUED;
	return atomic_compare_exchange_strong(&p->phase, &from, to);
}

static void prepare(void *arg) /* pool */
{
	struct preparation *p = arg;
	if (!phase_move(p, PREPARE_AT_WORK))
		return;
	p->outcome.code = prompt_make(p, &p->outcome.err);
	if (p->outcome.code == -ESTALE || p->outcome.code == -ENOENT || p->outcome.code == -EFBIG)
		p->outcome.retry_after_ms = -1;
	sem_post(&p->worked);
}

static void painted(void *arg, const struct provider_outcome *outcome, const void *data, size_t len,
		    const char *ext)
{
	struct task *t = arg;
	struct provider_outcome failed = *outcome;
	if (failed.code == 0 && buf_add(&t->picture, data, len) < 0)
		failed.code = err_set(&failed.err, buf_error(&t->picture),
				      "the picture is too large: %zu bytes", len);
	if (failed.code < 0) {
		pipeline_fail(t, &failed);
		return;
	}
	for (size_t i = 0; i + 1 < sizeof(t->ext) && ext[i]; i++)
		t->ext[i] = ext[i];
	pipeline_answer(t, outcome);
}

static void ask(struct task *t)
{
	const struct jobs_settings *s = &t->pipeline->jobs->settings;
	const struct paint_request request = {
		.book_title = t->book_title,
		.chapter_title = t->chapter_title,
		.chapter = t->job.chapter,
		.scene = t->job.scene,
		.concept = concept_of(t),
		.prompt = buf_str(&t->prompt),
		.width_px = s->image_width_px,
		.height_px = s->image_height_px,
		.references = t->likenesses.items,
		.reference_count = t->likenesses.count,
	};
	struct provider *p = t->pipeline->provider;
	t->ticket = p->ops->paint(p, &request, painted, t);
}

static void prepare_next(struct jobs *j);

static void preparation_end(struct preparation *p)
{
	struct task *t = p->task;
	struct jobs *j = p->jobs;
	if (t) {
		j->preparation = NULL;
		prepare_next(j); /* first: what follows may end the last task and free the cast */
		if (p->outcome.code < 0)
			pipeline_fail(t, &p->outcome);
		else
			pipeline_ready(t);
	}
	looks_drop(p);
	sem_destroy(&p->worked);
	free(p);
	jobs_release(j);
}

static int looks_fix(struct store_tx *tx, void *arg, struct err *err)
{
	struct preparation *p = arg;
	return tx_fix_looks(tx, p->looks, p->look_count);
}

static void prepared(void *arg);

/* The prompt is made once more, of the lines that are fixed now. */
static void looks_fixed(void *arg, int result, const struct err *err)
{
	struct preparation *p = arg;
	if (result < 0) {
		p->outcome.code = err_set(&p->outcome.err, result, "%s",
					  err && err->msg[0] ? err->msg : strerror(-result));
	} else if (p->task) {
		looks_drop(p);
		while (sem_trywait(&p->worked) < 0 && errno == EINTR)
			continue;
		atomic_store(&p->phase, PREPARE_QUEUED);
		loop_work(p->jobs->loop, prepare, prepared, p);
		return;
	}
	preparation_end(p);
}

static void prepared(void *arg)
{
	struct preparation *p = arg;
	if (!p->task || p->outcome.code < 0 || !p->look_count) {
		preparation_end(p);
	} else if (p->rounds++ < ROUNDS_MOST) {
		store_write(p->store, looks_fix, looks_fixed, p);
	} else {
		p->outcome.code = err_set(&p->outcome.err, -EAGAIN,
					  "the cast is being corrected at this moment");
		preparation_end(p);
	}
}

void paint_leave(struct jobs *j)
{
	struct preparation *p = j->preparation;
	if (p) {
		if (!phase_move(p, PREPARE_CANCELLED))
			while (sem_wait(&p->worked) < 0)
				continue; /* a signal */
		p->task = NULL;
		j->preparation = NULL;
	}
	cast_free(j);
}

static struct task *next_unprepared(const struct jobs *j)
{
	for (struct task *t = j->lines[JOB_ILLUSTRATE].tasks; t; t = t->next)
		if (t->unprepared)
			return t;
	return NULL;
}

static void prepare_next(struct jobs *j)
{
	struct task *t = j->preparation ? NULL : next_unprepared(j);
	if (!t)
		return;
	if (!j->cast)
		j->cast = cast_new();
	struct preparation *p = xcalloc(1, sizeof(*p));
	sem_init(&p->worked, 0, 0);
	p->jobs = j;
	p->task = t;
	p->store = j->store;
	p->cast = j->cast;
	p->limits = t->pipeline->provider->paint_limits;
	t->unprepared = false;
	j->preparation = p;
	jobs_hold(j);
	loop_work(j->loop, prepare, prepared, p);
}

static void begin(struct task *t, const struct book_chapter *c)
{
	t->unprepared = true;
	prepare_next(t->pipeline->jobs);
}

static int store(struct store_tx *tx, void *arg, struct err *err)
{
	struct task *t = arg;
	struct result_info info = pipeline_result(t->pipeline);
	info.prompt = buf_str(&t->prompt);
	info.looks = t->looks;
	info.look_count = t->look_count;
	info.style = t->style;
	return tx_picture_done(tx, t->job.id, t->picture.data, t->picture.len, t->ext, &info);
}

const struct pipeline_ops paint_ops = {
	.noun = "the picture",
	.failed = EVENT_IMAGE_FAILED,
	.begin = begin,
	.ask = ask,
	.store = store,
	.idle = cast_free,
};
