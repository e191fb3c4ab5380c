/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "fs.h"

/*
 * Opens that wait for an analysis, or for a book to be held (held.c). No thread waits: the request
 * itself is kept, in a queue of those who wait for the same, and answered when the store has a
 * result (ESTALE: the kernel looks the name up again and finds the finished node), a failure, or
 * when its time is up. All wait equally long, so the first of a queue is the first whose time is
 * up.
 *
 * A request that its caller gave up must be answered too, or the caller sleeps on. libfuse tells of
 * it in the midst of its own lists, so that function only moves the reader to another ring; the
 * answer follows when the kernel's request has been handled.
 *
 * Thousands are answered a batch a turn of the loop: others are served in between.
 */

enum { BATCH = 128 };

struct reader {
	struct link link; /* of its queue, the interrupted, or the answered */
	struct parked_table *table;
	fuse_req_t req;
	uint64_t ino;
	int code; /* once answered */
	int64_t asked_unix_ms, until_boot_ms;
	struct caller caller;
};

struct queue {
	struct link link;
	struct link readers;
	int chapter; /* whose analysis; or */
	int host;    /* which book */
};

struct parked_table {
	struct fs *fs;
	struct link queues, interrupted, answered;
	struct timer *timer;
	bool posted, ended;
};

/* ---- answering */

static void reply(struct reader *r)
{
	ring_remove(&r->link);
	fuse_reply_err(r->req, -r->code);
	free(r);
}

static void reply_batch(void *arg)
{
	struct parked_table *t = arg;

	for (int i = 0; i < BATCH && !ring_empty(&t->answered); i++)
		reply(LINK_OWNER(t->answered.next, struct reader, link));
	t->posted = !ring_empty(&t->answered);
	if (t->posted)
		loop_post(t->fs->loop, reply_batch, t);
}

static void answer(struct reader *r, int code, const char *reason)
{
	struct parked_table *t = r->table;

	if (code != -ESTALE)
		why_remember_open(t->fs->why, &r->caller, r->ino, code, reason);
	r->code = code;
	ring_remove(&r->link);
	ring_add(&t->answered, &r->link);
	if (!t->posted)
		loop_post(t->fs->loop, reply_batch, t);
	t->posted = true;
}

static void answer_queue(struct queue *q, int code, const char *reason)
{
	while (!ring_empty(&q->readers))
		answer(LINK_OWNER(q->readers.next, struct reader, link), code, reason);
}

/* The name leads to what they waited for. */
static void answer_found(struct parked_table *t, struct queue *q)
{
	int readers = 0;

	for (const struct link *l = q->readers.next; l != &q->readers; l = l->next)
		readers++;
	if (q->host)
		held_owe(t->fs->held, q->host, readers);
	answer_queue(q, -ESTALE, NULL);
}

static struct queue *queue_free(struct queue *q)
{
	ring_remove(&q->link);
	free(q);
	return NULL;
}

static struct queue *queue_of(struct parked_table *t, int chapter, int host, bool make)
{
	struct queue *q;

	for (struct link *l = t->queues.next; l != &t->queues; l = l->next) {
		q = LINK_OWNER(l, struct queue, link);
		if (q->chapter == chapter && q->host == host)
			return q;
	}
	if (!make)
		return NULL;
	q = xcalloc(1, sizeof(*q));
	q->chapter = chapter;
	q->host = host;
	ring_init(&q->readers);
	ring_add(&t->queues, &q->link);
	return q;
}

/* ---- time limits */

static void expire(struct queue *q, int64_t now_boot_ms)
{
	while (!ring_empty(&q->readers)) {
		struct reader *first = LINK_OWNER(q->readers.next, struct reader, link);

		if (first->until_boot_ms > now_boot_ms)
			return;
		answer(first, -ETIMEDOUT, NULL);
	}
}

static void set_timer(struct parked_table *t)
{
	int64_t earliest = INT64_MAX;

	for (struct link *l = t->queues.next; l != &t->queues; l = l->next) {
		const struct queue *q = LINK_OWNER(l, struct queue, link);

		if (!ring_empty(&q->readers)) {
			int64_t until =
				LINK_OWNER(q->readers.next, struct reader, link)->until_boot_ms;

			earliest = until < earliest ? until : earliest;
		}
	}
	if (earliest == INT64_MAX)
		timer_stop(t->timer);
	else
		timer_set(t->timer, earliest);
}

static void on_timer(void *arg)
{
	struct parked_table *t = arg;

	for (struct link *l = t->queues.next; l != &t->queues; l = l->next)
		expire(LINK_OWNER(l, struct queue, link), clock_boot_ms());
	set_timer(t);
}

/* ---- wishing */

struct wish_sent {
	struct parked_table *table;
	int chapter;
};

/* The wish is stored, or cannot be (the disk is full): then waiting is in vain. */
static void wished(void *arg, int result, const struct err *err)
{
	struct wish_sent *w = arg;
	struct queue *q = queue_of(w->table, w->chapter, HOST_NONE, false);

	if (result < 0 && q)
		answer_queue(q, result, err ? err->msg : NULL);
	fs_done(w->table->fs);
	free(w);
}

void parked_wish(struct parked_table *t, int chapter)
{
	struct wish_sent *w = xcalloc(1, sizeof(*w));

	*w = (struct wish_sent){.table = t, .chapter = chapter};
	t->fs->pending++;
	jobs_wish_analysis(t->fs->engine->jobs, chapter, true, false, wished, w);
}

static void wish(struct parked_table *t, int chapter, int host)
{
	if (host)
		held_wish(t->fs->held, host);
	else
		parked_wish(t, chapter);
}

/* ---- how it stands */

/* Nothing is begun while the budget is spent; what is in flight still ends. */
static int budget_spent(const struct fs *fs, int chapter, struct err *err)
{
	CLEANUP(store_state_finish) struct store_state s = {0};

	if (jobs_rests(fs->engine->jobs, JOB_ANALYZE, err) == 0)
		return 0;
	if (store_state(&s, store_reader(fs->engine->store), chapter) == 0 &&
	    s.state == STATE_IN_PROGRESS)
		return 0;
	return err->code;
}

/* 1 it is there, 0 wait, <0 and the reason. */
static int look(const struct fs *fs, int chapter, int host, int64_t asked_unix_ms, struct err *err)
{
	int r;

	if (host)
		return held_look(fs->held, host, asked_unix_ms, err);
	r = view_trigger(fs->views, chapter, asked_unix_ms, err);
	return r ? r : budget_spent(fs, chapter, err);
}

/* ---- opening */

static void on_interrupt(fuse_req_t req, void *arg)
{
	struct reader *r = arg;

	ring_remove(&r->link);
	ring_add(&r->table->interrupted, &r->link);
}

static void park(struct parked_table *t, fuse_req_t req, const struct view_attr *a,
		 const struct caller *caller)
{
	struct queue *q = queue_of(t, a->chapter, (int)a->host, true);
	struct reader *r = xcalloc(1, sizeof(*r));
	bool first = ring_empty(&q->readers);

	*r = (struct reader){
		.table = t,
		.req = req,
		.ino = a->ino,
		.code = -EINTR,
		.asked_unix_ms = clock_unix_ms(),
		.until_boot_ms = clock_boot_ms() + t->fs->options->wait_s * 1000LL,
		.caller = *caller,
	};
	ring_add(&q->readers, &r->link);
	/* May call on_interrupt at once. */
	fuse_req_interrupt_func(req, on_interrupt, r);
	if (!first)
		return;
	wish(t, a->chapter, (int)a->host);
	set_timer(t);
}

/*
 * O_NONBLOCK asks to start the work and not to wait. But POSIX gives it no meaning on a regular
 * file, and some programs open every file with it for fear of pipes, then take EAGAIN for damage:
 * they wait like any other. Those that walk a tree (tar, grep -r) are known by the O_NOFOLLOW
 * beside it, the rest by name.
 */
static bool wants_no_wait(const struct caller *caller, int flags)
{
	static const char *const habitual[] = {"file", "gzip", "xz", "bsdtar", "bsdcpio", "bsdcat"};

	if (!(flags & O_NONBLOCK) || flags & O_NOFOLLOW)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(habitual); i++)
		if (!strcmp(caller->name, habitual[i]))
			return false;
	return true;
}

void parked_open(fuse_req_t req, const struct view_attr *a, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);
	struct parked_table *t = fs->parked;
	struct caller caller;
	struct err err = {0};
	char reason[128];
	int r = look(fs, a->chapter, (int)a->host, clock_unix_ms(), &err);

	if (r > 0) {
		if (a->host)
			held_owe(fs->held, (int)a->host, 1);
		fuse_reply_err(req, ESTALE);
		return;
	}
	caller_find(&caller, fuse_req_ctx(req));
	if (r == 0 && t->ended)
		r = -EINTR;
	if (r == 0 && caller_never_asks(&caller, fs->options)) {
		snprintf(reason, sizeof(reason), "%s is one of the programs that start no analysis",
			 caller.name);
		err_set(&err, r = -ENODATA, "%s", reason);
	}
	if (r == 0 && wants_no_wait(&caller, fi->flags)) {
		wish(t, a->chapter, (int)a->host);
		r = -EAGAIN;
	}
	if (r == 0) {
		park(t, req, a, &caller);
		return;
	}
	why_remember_open(fs->why, &caller, a->ino, r, err.msg);
	fuse_reply_err(req, -r);
}

/* ---- what happens to those who wait */

/* Whoever came first asked first: what ended since then is an answer to all. */
static void look_again(struct parked_table *t, struct queue *q)
{
	struct err err = {0};
	int r = look(t->fs, q->chapter, q->host,
		     LINK_OWNER(q->readers.next, struct reader, link)->asked_unix_ms, &err);

	if (r > 0)
		answer_found(t, q);
	else if (r < 0)
		answer_queue(q, r, err.msg);
}

void parked_changed(struct parked_table *t)
{
	for (struct link *l = t->queues.next, *next; l != &t->queues; l = next) {
		struct queue *q = LINK_OWNER(l, struct queue, link);

		next = l->next;
		if (!ring_empty(&q->readers))
			look_again(t, q);
		if (ring_empty(&q->readers))
			queue_free(q);
	}
}

void parked_ask_again(struct parked_table *t)
{
	for (struct link *l = t->queues.next; l != &t->queues; l = l->next) {
		const struct queue *q = LINK_OWNER(l, struct queue, link);

		if (!q->host && !ring_empty(&q->readers))
			parked_wish(t, q->chapter);
	}
}

void parked_interrupts(struct parked_table *t)
{
	while (!ring_empty(&t->interrupted)) {
		struct reader *r = LINK_OWNER(t->interrupted.next, struct reader, link);

		why_remember_open(t->fs->why, &r->caller, r->ino, -EINTR, NULL);
		r->code = -EINTR;
		reply(r);
	}
}

void parked_end(struct parked_table *t)
{
	t->ended = true;
	for (struct link *l = t->queues.next; l != &t->queues; l = l->next)
		answer_queue(LINK_OWNER(l, struct queue, link), -EINTR,
			     "the book is being unmounted");
	parked_interrupts(t);
	while (!ring_empty(&t->answered))
		reply(LINK_OWNER(t->answered.next, struct reader, link));
}

/* ---- .bookfs/waiting */

static void reader_text(struct buf *out, const char *path, const struct reader *r)
{
	char since[ISO_TIME_BYTES], until[ISO_TIME_BYTES];

	clock_iso(since, r->asked_unix_ms);
	clock_iso(until, clock_unix_ms() + r->until_boot_ms - clock_boot_ms());
	buf_addf(out, "%s: ", path);
	if (r->caller.pid)
		buf_addf(out, "%s (pid %d)", r->caller.name, (int)r->caller.pid);
	else
		buf_adds(out, "a process of another pid namespace");
	buf_addf(out, ", since %s, until %s\n", since, until);
}

/* A path is looked for once for a run of readers of one file. */
static void queue_text(struct buf *out, struct parked_table *t, const struct queue *q)
{
	CLEANUP(buf_finish) struct buf path = {0};
	uint64_t ino = 0;

	for (const struct link *l = q->readers.next; l != &q->readers; l = l->next) {
		const struct reader *r = LINK_OWNER(l, struct reader, link);

		if (r->ino != ino) {
			buf_clear(&path);
			node_path(&path, t->fs, r->ino);
			ino = r->ino;
		}
		reader_text(out, buf_str(&path), r);
	}
}

int parked_text(struct buf *out, struct parked_table *t)
{
	for (const struct link *l = t->queues.next; l != &t->queues; l = l->next)
		queue_text(out, t, LINK_OWNER(l, struct queue, link));
	return out->len ? buf_error(out) : buf_adds(out, "nobody waits\n");
}

struct parked_table *parked_new(struct fs *fs)
{
	struct parked_table *t = xcalloc(1, sizeof(*t));

	t->fs = fs;
	ring_init(&t->queues);
	ring_init(&t->interrupted);
	ring_init(&t->answered);
	t->timer = timer_new(fs->loop, on_timer, t);
	return t;
}

struct parked_table *parked_free(struct parked_table *t)
{
	if (!t)
		return NULL;
	parked_end(t);
	while (!ring_empty(&t->queues))
		queue_free(LINK_OWNER(t->queues.next, struct queue, link));
	timer_free(t->timer);
	free(t);
	return NULL;
}
