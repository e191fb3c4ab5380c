/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "fs.h"

/*
 * .bookfs/events: each opener reads the events from its open on, a line each; a read waits for the
 * next. What was fetched and is not read yet is kept per opener, and no more than a chunk of it.
 *
 * A read hands out one line at most. So head(1) and the shell's `read`, which seek back to where
 * their line ended, are there already: offsets mean nothing here.
 */

enum { CHUNK_EVENTS = 64 };

struct stream {
	struct link link;
	struct stream_table *table;
	int64_t seq; /* of the last event fetched */
	struct buf lines;
	size_t at; /* in lines: what is read */
	struct link reads;
	struct fuse_pollhandle *poll;
};

struct stream_table {
	struct fs *fs;
	struct link streams, interrupted;
	bool ended;
};

struct read_parked {
	struct link link; /* of its stream, or the interrupted */
	struct stream_table *table;
	fuse_req_t req;
	size_t size;
};

struct stream_table *stream_table_new(struct fs *fs)
{
	struct stream_table *t = xcalloc(1, sizeof(*t));

	t->fs = fs;
	ring_init(&t->streams);
	ring_init(&t->interrupted);
	return t;
}

struct stream_table *stream_table_free(struct stream_table *t)
{
	if (t)
		stream_end(t);
	free(t);
	return NULL;
}

int stream_open(struct stream **out, struct stream_table *t)
{
	struct stream *s = xcalloc(1, sizeof(*s));
	int r = store_seq(&s->seq, store_reader(t->fs->engine->store));

	if (r < 0) {
		free(s);
		return r;
	}
	s->table = t;
	ring_init(&s->reads);
	ring_add(&t->streams, &s->link);
	*out = s;
	return 0;
}

static void set_poll(struct stream *s, struct fuse_pollhandle *ph)
{
	if (s->poll)
		fuse_pollhandle_destroy(s->poll);
	s->poll = ph;
}

struct stream *stream_close(struct stream *s)
{
	while (!ring_empty(&s->reads)) {
		struct read_parked *r = LINK_OWNER(s->reads.next, struct read_parked, link);

		ring_remove(&r->link);
		fuse_reply_err(r->req, EINTR);
		free(r);
	}
	set_poll(s, NULL);
	ring_remove(&s->link);
	buf_finish(&s->lines);
	free(s);
	return NULL;
}

static int add_line(void *arg, const struct store_event *e)
{
	struct stream *s = arg;
	int r = view_event(&s->lines, e);

	s->seq = e->seq;
	return r;
}

/* Is there something to read? */
static bool fetch(struct stream *s)
{
	struct store_reader *r = store_reader(s->table->fs->engine->store);

	if (s->at < s->lines.len)
		return true;
	buf_clear(&s->lines);
	s->at = 0;
	store_events(r, s->seq, CHUNK_EVENTS, add_line, s);
	return s->lines.len > 0;
}

static void reply_line(fuse_req_t req, struct stream *s, size_t size)
{
	const char *line = s->lines.data + s->at;
	size_t left = s->lines.len - s->at, most = left < size ? left : size;
	const char *end = memchr(line, '\n', most);
	size_t n = end ? (size_t)(end - line) + 1 : most;

	/* Read for nobody if the caller is gone: the next read has it. */
	if (fuse_reply_buf(req, line, n) == 0)
		s->at += n;
}

static void on_interrupt(fuse_req_t req, void *arg)
{
	struct read_parked *r = arg;

	ring_remove(&r->link);
	ring_add(&r->table->interrupted, &r->link);
}

void stream_read(fuse_req_t req, struct stream *s, size_t size, bool nonblock)
{
	struct read_parked *r;

	if (ring_empty(&s->reads) && fetch(s)) {
		reply_line(req, s, size);
		return;
	}
	if (nonblock || s->table->ended) {
		fuse_reply_err(req, s->table->ended ? EINTR : EAGAIN);
		return;
	}
	r = xcalloc(1, sizeof(*r));
	*r = (struct read_parked){.table = s->table, .req = req, .size = size};
	ring_add(&s->reads, &r->link);
	fuse_req_interrupt_func(req, on_interrupt, r);
}

void stream_poll(fuse_req_t req, struct stream *s, struct fuse_pollhandle *ph)
{
	if (ph)
		set_poll(s, ph);
	fuse_reply_poll(req, fetch(s) ? POLLIN | POLLRDNORM : 0);
}

static void wake(struct stream *s)
{
	while (!ring_empty(&s->reads) && fetch(s)) {
		struct read_parked *r = LINK_OWNER(s->reads.next, struct read_parked, link);

		ring_remove(&r->link);
		reply_line(r->req, s, r->size);
		free(r);
	}
	if (s->poll && fetch(s)) {
		fuse_lowlevel_notify_poll(s->poll);
		set_poll(s, NULL);
	}
}

void stream_changed(struct stream_table *t)
{
	for (struct link *l = t->streams.next; l != &t->streams; l = l->next)
		wake(LINK_OWNER(l, struct stream, link));
}

void stream_interrupts(struct stream_table *t)
{
	while (!ring_empty(&t->interrupted)) {
		struct read_parked *r = LINK_OWNER(t->interrupted.next, struct read_parked, link);

		ring_remove(&r->link);
		fuse_reply_err(r->req, EINTR);
		free(r);
	}
}

void stream_end(struct stream_table *t)
{
	t->ended = true;
	for (struct link *l = t->streams.next; l != &t->streams; l = l->next) {
		struct stream *s = LINK_OWNER(l, struct stream, link);

		while (!ring_empty(&s->reads))
			on_interrupt(NULL, LINK_OWNER(s->reads.next, struct read_parked, link));
		set_poll(s, NULL);
	}
	stream_interrupts(t);
}
