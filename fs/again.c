/* SPDX-License-Identifier: MIT */
#include <linux/fuse.h>
#include <string.h>

#include "fs.h"

/*
 * Who wants a lock while somebody writes to what it covers has to wait, and we must not: the write
 * may be one of ours, or its disk may stall. So the request is dropped without an answer, as it was
 * read, and read once more when a write of ours has ended, and every few milliseconds as long as
 * others may write. That its process does not want it any more the kernel tells libfuse, which
 * knows of no such request by then, so it is seen here.
 *
 * Who makes a name or removes one has its folder for himself until he is answered, in the kernel,
 * and who writes, the file: meanwhile nobody else takes or gives back any lock by its name, or
 * commands anything. So these are not let wait as long as who asks by flock(2).
 *
 * Likewise who opens or cuts a project's file of which somebody behind the mount has a lease
 * (fcntl(2), F_SETLEASE), as Samba and NFS servers take them: that is asked back, and the kernel
 * takes it away in the end (/proc/sys/fs/lease-break-time, 45 s).
 *
 * An operation that may say -EINPROGRESS has changed nothing that would be in its own way the next
 * time.
 */

enum { AGAIN_MS = 5, ALONE_MOST_MS = 4000 };

struct asked {
	struct link link;
	struct fuse_buf request;
	int64_t until_boot_ms;
};

struct again {
	struct fs *fs;
	struct link waiting;
	struct timer *timer;
	bool ended;

	/* of the request that is answered now */
	bool answering;		  /* there is one, and it can be kept */
	const struct asked *kept; /* NULL: it was read just now */
	bool interrupted, later;
};

/* Is it answered? */
static bool answer(struct again *a, struct fuse_buf *request, const struct asked *kept)
{
	a->answering = !(request->flags & FUSE_BUF_IS_FD);
	a->kept = kept;
	a->later = false;
	fuse_session_process_buf(a->fs->session, request);
	a->answering = false;
	return !a->later;
}

static void keep(struct again *a, struct asked *k)
{
	if (ring_empty(&a->waiting))
		timer_set(a->timer, clock_boot_ms() + AGAIN_MS);
	ring_add(&a->waiting, &k->link);
}

static void asked_free(struct asked *k)
{
	free(k->request.mem);
	free(k);
}

/* Once more, and then it is not wanted. */
static bool interrupt(struct again *a, const struct fuse_buf *request)
{
	const struct fuse_in_header *head = request->mem;
	const struct fuse_interrupt_in *in = (const void *)(head + 1);

	if (request->flags & FUSE_BUF_IS_FD || head->opcode != FUSE_INTERRUPT)
		return false;
	for (struct link *l = a->waiting.next; l != &a->waiting; l = l->next) {
		struct asked *k = LINK_OWNER(l, struct asked, link);

		head = k->request.mem;
		if (head->unique != in->unique)
			continue;
		ring_remove(l);
		a->interrupted = true;
		answer(a, &k->request, k);
		a->interrupted = false;
		asked_free(k);
		return true;
	}
	return false;
}

static int64_t most_ms(const struct fuse_buf *request)
{
	const struct fuse_in_header *head = request->mem;

	switch (head->opcode) {
	case FUSE_CREATE:
	case FUSE_UNLINK:
	case FUSE_RENAME:
	case FUSE_RENAME2:
	case FUSE_WRITE:
		return ALONE_MOST_MS;
	default:
		return LOCK_WRITTEN_MOST_MS;
	}
}

void again_serve(struct again *a, struct fuse_buf *request)
{
	struct asked *k;

	if (interrupt(a, request) || answer(a, request, NULL))
		return;
	k = xcalloc(1, sizeof(*k));
	*k = (struct asked){.until_boot_ms = clock_boot_ms() + most_ms(request)};
	k->request = (struct fuse_buf){.size = request->size, .mem = xcalloc(1, request->size)};
	memcpy(k->request.mem, request->mem, request->size);
	keep(a, k);
}

static struct asked *next_of(struct link *ring)
{
	struct asked *k = LINK_OWNER(ring->next, struct asked, link);

	ring_remove(&k->link);
	return k;
}

void again_now(struct again *a)
{
	struct link now;

	timer_stop(a->timer);
	ring_take(&now, &a->waiting);
	while (!ring_empty(&now)) {
		struct asked *k = next_of(&now);

		if (answer(a, &k->request, k))
			asked_free(k);
		else
			keep(a, k);
	}
}

int again_may(struct again *a, fuse_req_t req)
{
	if (a->interrupted || fuse_req_interrupted(req))
		return -EINTR;
	if (!a->answering || a->ended)
		return -EBUSY;
	return !a->kept || clock_boot_ms() < a->kept->until_boot_ms ? -EINPROGRESS : -EBUSY;
}

void again_later(struct again *a, fuse_req_t req)
{
	a->later = true;
	fuse_reply_none(req);
}

void again_until_done(struct again *a, fuse_req_t req)
{
	if (a->interrupted || a->ended || fuse_req_interrupted(req))
		fuse_reply_err(req, EINTR);
	else if (!a->answering)
		fuse_reply_err(req, EAGAIN);
	else
		again_later(a, req);
}

/* ---- lifetime */

static void on_time(void *arg)
{
	again_now(arg);
}

struct again *again_new(struct fs *fs)
{
	struct again *a = xcalloc(1, sizeof(*a));

	a->fs = fs;
	a->timer = timer_new(fs->loop, on_time, a);
	ring_init(&a->waiting);
	return a;
}

void again_end(struct again *a)
{
	a->ended = true;
	again_now(a);
}

struct again *again_free(struct again *a)
{
	if (!a)
		return NULL;
	timer_free(a->timer);
	while (!ring_empty(&a->waiting))
		asked_free(next_of(&a->waiting));
	free(a);
	return NULL;
}
