/* SPDX-License-Identifier: MIT */
#include "preparation.h"

#include <errno.h>
#include <string.h>

#include "settle.h"

enum phase { PREPARE_QUEUED, PREPARE_AT_WORK, PREPARE_CANCELLED };

/* Looks that are fixed and gone again in the meantime, by a person who corrects the cast. */
enum { ROUNDS_MOST = 4 };

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

int preparation_reader(struct preparation *p, struct err *err)
{
	struct cast *c = p->cast;
	return c->reader ? 0 : store_reader_open(&c->reader, p->store, err);
}

/* ---- looks */

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

/* Those that were fixed for this one, the other books of the series are told. */
static int looks_note(struct preparation *p, const struct catalogue *cast, const size_t *entries,
		      size_t count)
{
	struct series *series = p->rounds ? p->jobs->settings.series : NULL;
	int rc = 0;
	for (size_t i = 0; cast && rc == 0 && i < count; i++) {
		const struct catalogue_entry *e = &cast->entries[entries[i]];
		if (!e->look)
			rc = look_propose(p, e);
		else if (series && !e->look_source)
			rc = series_put(series, e, e->look);
	}
	return rc;
}

int preparation_looks(struct preparation *p, const struct catalogue *c, const size_t *entries,
		      size_t count, struct err *err)
{
	struct series *series = p->jobs->settings.series;
	int rc = looks_note(p, c, entries, count);
	return rc < 0 ? err_set(err, rc, "the looks of the cast: %s",
				series ? series_reason(series, rc) : strerror(-rc))
		      : 0;
}

/* ---- in the pool, and back */

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
	if (p->task)
		p->outcome.code = p->task->ops->prepare(p, &p->outcome.err);
	else
		p->outcome.code = settle_look(p, &p->outcome.err);
	if (p->outcome.code == -ESTALE || p->outcome.code == -ENOENT || p->outcome.code == -EFBIG ||
	    p->outcome.code == -EINVAL)
		p->outcome.retry_after_ms = -1;
	sem_post(&p->worked);
}

static void preparation_end(struct preparation *p)
{
	struct task *t = p->task;
	struct jobs *j = p->jobs;
	if (!p->gone) {
		j->preparation = NULL;
		preparation_next(
			j); /* first: what follows may end the last task and free the cast */
		if (!t)
			settle_looked(j, &p->settlement, p->outcome.code);
		else if (p->outcome.code < 0)
			pipeline_fail(t, &p->outcome);
		else
			pipeline_ready(t);
		preparation_idle(j);
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
	} else if (!p->gone) {
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
	if (p->gone || p->outcome.code < 0 || !p->look_count) {
		preparation_end(p);
	} else if (p->rounds++ < ROUNDS_MOST) {
		store_write(p->store, looks_fix, looks_fixed, p);
	} else {
		p->outcome.code = err_set(&p->outcome.err, -EAGAIN,
					  "the cast is being corrected at this moment");
		preparation_end(p);
	}
}

void preparation_idle(struct jobs *j)
{
	if (!j->preparation && !j->lines[JOB_ILLUSTRATE].tasks)
		cast_free(j);
}

void preparation_leave(struct jobs *j)
{
	struct preparation *p = j->preparation;
	if (p) {
		if (!phase_move(p, PREPARE_CANCELLED))
			while (sem_wait(&p->worked) < 0)
				continue; /* a signal */
		p->gone = true;
		j->preparation = NULL;
	}
	cast_free(j);
}

static struct task *next_unprepared(const struct jobs *j)
{
	for (size_t i = 0; i < ARRAY_LEN(j->lines); i++)
		for (struct task *t = j->lines[i].tasks; t; t = t->next)
			if (t->unprepared)
				return t;
	return NULL;
}

void preparation_next(struct jobs *j)
{
	struct task *t = j->preparation ? NULL : next_unprepared(j);
	if (j->preparation || (!t && !settle_wanted(j)))
		return;
	if (!j->cast)
		j->cast = cast_new();
	struct preparation *p = xcalloc(1, sizeof(*p));
	sem_init(&p->worked, 0, 0);
	p->jobs = j;
	p->task = t;
	p->store = j->store;
	p->cast = j->cast;
	if (t) {
		const struct provider *by = t->pipeline->provider;
		p->limits = t->pipeline->kind == JOB_ANALYZE ? by->look_limits : by->paint_limits;
		t->unprepared = false;
	}
	j->preparation = p;
	if (!t)
		settle_begin(j);
	jobs_hold(j);
	loop_work(j->loop, prepare, prepared, p);
}

void preparation_begin(struct task *t, const struct book_chapter *c)
{
	t->unprepared = true;
	preparation_next(t->pipeline->jobs);
}
