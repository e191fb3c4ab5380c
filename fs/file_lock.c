/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/file.h>

#include "fs.h"

/*
 * flock and fcntl on the files of the book. The kernel kept these by itself until locks/ had to be
 * asked about its own, and it knows no difference between files. Nobody can open these for writing,
 * so fcntl can only lock them for reading, which excludes nobody; flock can exclude.
 */

struct file_locks {
	struct link held, waiting, interrupted;
};

struct file_lock {
	struct link link;
	struct handle *handle;
	bool exclusive;
	fuse_req_t req; /* waiting */
	struct file_locks *table;
};

struct file_locks *file_locks_new(void)
{
	struct file_locks *t = xcalloc(1, sizeof(*t));

	ring_init(&t->held);
	ring_init(&t->waiting);
	ring_init(&t->interrupted);
	return t;
}

static void lock_free(struct file_lock *k)
{
	ring_remove(&k->link);
	free(k);
}

struct file_locks *file_locks_free(struct file_locks *t)
{
	if (!t)
		return NULL;
	file_locks_end(t);
	while (!ring_empty(&t->held))
		lock_free(LINK_OWNER(t->held.next, struct file_lock, link));
	free(t);
	return NULL;
}

/* The versions of a file are one file (views.h: st_ino leaves them out). */
static bool same_file(const struct handle *a, const struct handle *b)
{
	return a->ino == b->ino;
}

static bool is_free(const struct file_locks *t, const struct file_lock *wanted)
{
	for (const struct link *l = t->held.next; l != &t->held; l = l->next) {
		const struct file_lock *k = LINK_OWNER(l, struct file_lock, link);

		if (k->handle != wanted->handle && same_file(k->handle, wanted->handle) &&
		    (k->exclusive || wanted->exclusive))
			return false;
	}
	return true;
}

static void drop_held(struct file_locks *t, const struct handle *h)
{
	for (struct link *l = t->held.next, *next; l != &t->held; l = next) {
		struct file_lock *k = LINK_OWNER(l, struct file_lock, link);

		next = l->next;
		if (k->handle == h)
			lock_free(k);
	}
}

static void grant(struct file_locks *t, struct file_lock *k)
{
	fuse_req_t req = k->req;

	drop_held(t, k->handle); /* it was the other kind */
	k->req = NULL;
	ring_remove(&k->link);
	ring_add(&t->held, &k->link);
	fuse_reply_err(req, 0);
}

static void wake(struct file_locks *t)
{
	for (struct link *l = t->waiting.next, *next; l != &t->waiting; l = next) {
		struct file_lock *k = LINK_OWNER(l, struct file_lock, link);

		next = l->next;
		if (is_free(t, k))
			grant(t, k);
	}
}

static void on_interrupt(fuse_req_t req, void *arg)
{
	struct file_lock *k = arg;

	ring_remove(&k->link);
	ring_add(&k->table->interrupted, &k->link);
}

void file_flock(fuse_req_t req, struct handle *h, int op)
{
	struct file_locks *t = h->fs->file_locks;
	struct file_lock *k;

	if (op & LOCK_UN) {
		file_closed(h);
		fuse_reply_err(req, 0);
		return;
	}
	k = xcalloc(1, sizeof(*k));
	*k = (struct file_lock){.handle = h, .exclusive = op & LOCK_EX, .req = req, .table = t};
	ring_init(&k->link);
	if (is_free(t, k)) {
		grant(t, k);
	} else if (op & LOCK_NB || h->fs->ending) {
		lock_free(k);
		fuse_reply_err(req, op & LOCK_NB ? EWOULDBLOCK : ENOLCK);
	} else {
		ring_add(&t->waiting, &k->link);
		fuse_req_interrupt_func(req, on_interrupt, k);
	}
}

void file_setlk(fuse_req_t req, struct handle *h, const struct flock *range)
{
	fuse_reply_err(req, range->l_type == F_WRLCK ? ENOLCK : 0);
}

void file_closed(struct handle *h)
{
	struct file_locks *t = h->fs->file_locks;

	drop_held(t, h);
	wake(t);
}

static void give_up(struct file_lock *k, int code)
{
	fuse_reply_err(k->req, -code);
	lock_free(k);
}

void file_locks_interrupts(struct file_locks *t)
{
	while (!ring_empty(&t->interrupted))
		give_up(LINK_OWNER(t->interrupted.next, struct file_lock, link), -EINTR);
}

/* Not EINTR: the kernel would begin these again, without a signal that says so. */
void file_locks_end(struct file_locks *t)
{
	while (!ring_empty(&t->waiting))
		give_up(LINK_OWNER(t->waiting.next, struct file_lock, link), -ENOLCK);
	file_locks_interrupts(t);
}
