/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "lock.h"

/*
 * flock, fcntl and OFD locks on a resource, and `cat locks/.wait/R`. The table keeps the queue and
 * says who is next; here are the requests that wait for its word.
 *
 * The kernel tells us of a closed file when it has time to (RELEASE is not waited for). So a lock
 * that is asked for without waiting, and that only a descriptor stands in the way of, is tried
 * again for 5 ms before it is refused: else `flock -n R true; flock -n R true` would fail.
 *
 * fcntl's locks are of ranges, and a resource has one holder: whoever has any range of the file has
 * the resource. For each owner the least range that covers all of his is kept; when all of that is
 * unlocked, he has given it back. Locks for reading exclude as those for writing do; but flock's on
 * Book, which is what many read at once, do not exclude each other. An owner is a process (POSIX:
 * they go with the first close of any of its descriptors, which FLUSH tells) or an open file (OFD:
 * nobody tells, so they go with the handle they were taken through).
 */

enum { TRY_MS = 5, TRY_EVERY_MS = 1 };

struct range {
	struct link link;
	struct lock_handle *handle; /* it was taken through */
	unsigned number;
	uint64_t owner;
	int64_t descriptor;
	int64_t start, end; /* the last byte of it */
};

struct waiter {
	struct link link;
	struct lockfs *l;
	fuse_req_t req;
	struct lock_handle *handle; /* NULL: it only wants to know (.wait) */
	struct fuse_file_info fi;   /* .wait */
	unsigned number;
	int64_t id; /* in the table; 0: it is not there */
	int64_t descriptor;
	int64_t until_boot_ms; /* trying */
	bool shared;
	bool is_range;
	struct range range;
};

/* ---- ranges */

static int64_t end_of(const struct flock *f)
{
	return f->l_len ? f->l_start + f->l_len - 1 : INT64_MAX;
}

static struct range *range_find(struct lockfs *l, unsigned number, uint64_t owner)
{
	for (struct link *k = l->ranges.next; k != &l->ranges; k = k->next) {
		struct range *r = LINK_OWNER(k, struct range, link);

		if (r->number == number && r->owner == owner)
			return r;
	}
	return NULL;
}

static void range_free(struct range *r)
{
	ring_remove(&r->link);
	free(r);
}

static void range_drop(struct range *r)
{
	locks_release_descriptor(r->handle->l->table, r->descriptor);
	range_free(r);
}

static void range_add(struct lockfs *l, const struct range *range)
{
	struct range *r = xcalloc(1, sizeof(*r));

	*r = *range;
	ring_add(&l->ranges, &r->link);
}

static void range_extend(struct range *r, int64_t start, int64_t end)
{
	r->start = start < r->start ? start : r->start;
	r->end = end > r->end ? end : r->end;
}

/* What lies in the midst of the rest changes nothing. */
static void range_cut(struct range *r, int64_t start, int64_t end)
{
	if (start <= r->start && end >= r->end)
		range_drop(r);
	else if (start <= r->start && end >= r->start)
		r->start = end + 1;
	else if (end >= r->end && start <= r->end)
		r->end = start - 1;
}

/* ---- claims */

static struct strv one_name(const struct lockfs *l, unsigned number)
{
	char name[LOCK_RESOURCE_BYTES];
	struct strv names = {0};

	if (lockfs_name(name, l, number))
		strv_add(&names, name);
	return names;
}

/* As locks_wait and locks_acquire answer: 1 it is taken, 0 (sleep) it waits. */
static int claim(struct waiter *w, bool sleep, struct lock_refusal *no)
{
	struct lockfs *l = w->l;
	CLEANUP(strv_finish) struct strv names = one_name(l, w->number);
	struct lock_holder as;
	const struct lock_claim c = {
		.resources = (const char *const *)names.items,
		.count = (int)names.len,
		.shared = w->shared,
		.holder = &as,
		.descriptor = w->descriptor,
		.descriptor_pid = fuse_req_ctx(w->req)->pid,
	};
	int r;

	if (!lockfs_table(l) || names.len == 0)
		return err_set(&no->err, -ENOLCK, "%s", l->no_table.msg);
	r = lockfs_who_of(&as, l, w->req, names.items[0]);
	if (r < 0)
		return r;
	if (sleep)
		return locks_wait(&w->id, l->table, &c, no);
	r = locks_acquire(l->table, &c, no);
	return r < 0 ? r : 1;
}

static void waiter_free(struct waiter *w)
{
	ring_remove(&w->link);
	free(w);
}

static void finish(struct waiter *w, int code, const struct lock_refusal *no)
{
	CLEANUP(strv_finish) struct strv names = one_name(w->l, w->number);

	/* flock(2) and fcntl(2) have a name of their own for it. */
	if (code == -EBUSY)
		code = -EWOULDBLOCK;
	if (code < 0 && no && names.len)
		lockfs_refused_by(w->l, w->req, names.items[0], code, no);
	if (code == 0 && w->is_range)
		range_add(w->l, &w->range);
	if (code == 0 && !w->is_range) {
		w->handle->descriptor = w->descriptor;
		w->handle->shared = w->shared;
	}
	fuse_reply_err(w->req, -code);
	waiter_free(w);
}

static void on_interrupt(fuse_req_t req, void *arg)
{
	struct waiter *w = arg;

	ring_remove(&w->link);
	ring_add(&w->l->interrupted, &w->link);
}

static void park(struct waiter *w, struct link *ring)
{
	ring_add(ring, &w->link);
	/* May call on_interrupt at once. */
	fuse_req_interrupt_func(w->req, on_interrupt, w);
}

/* Only a descriptor stands in the way, and it may be closed already. */
static bool may_be_closed(int code, const struct lock_refusal *no)
{
	return code == -EBUSY && no->lock.descriptor && !no->lock.by_name;
}

static void ask(struct waiter *w, bool sleep)
{
	struct lock_refusal no = {0};
	int r = w->l->ended ? -ENOLCK : claim(w, sleep, &no);

	if (no.why == LOCK_REFUSED_WRITTEN)
		r = again_may(w->l->fs->again, w->req);
	if (r == -EINPROGRESS) {
		again_later(w->l->fs->again, w->req);
		waiter_free(w);
	} else if (r == 0) {
		park(w, &w->l->waiting);
	} else if (!sleep && may_be_closed(r, &no)) {
		w->until_boot_ms = clock_boot_ms() + TRY_MS;
		timer_set(w->l->retry, clock_boot_ms() + TRY_EVERY_MS);
		park(w, &w->l->trying);
	} else {
		finish(w, r < 0 ? r : 0, &no);
	}
}

static struct waiter *waiter_new(fuse_req_t req, struct lock_handle *h, int64_t descriptor)
{
	struct waiter *w = xcalloc(1, sizeof(*w));

	*w = (struct waiter){
		.l = h->l,
		.req = req,
		.handle = h,
		.number = h->node.number,
		.descriptor = descriptor ? descriptor : ++h->l->descriptors,
	};
	ring_init(&w->link);
	return w;
}

static bool is_lockable(const struct lock_handle *h)
{
	return h && (h->node.what == LOCK_ANY || h->node.what == LOCK_HELD);
}

static void unlock(struct lock_handle *h)
{
	if (h->descriptor)
		locks_release_descriptor(h->l->table, h->descriptor);
	h->descriptor = 0;
}

static bool is_book(const struct lock_handle *h)
{
	char name[LOCK_RESOURCE_BYTES];

	return lockfs_name(name, h->l, h->node.number) && !strcmp(name, "Book");
}

void lockfs_flock(fuse_req_t req, struct lock_handle *h, int op)
{
	struct waiter *w;
	bool shared;

	if (!is_lockable(h)) {
		fuse_reply_err(req, EOPNOTSUPP);
		return;
	}
	if (op & LOCK_UN) {
		unlock(h);
		fuse_reply_err(req, 0);
		return;
	}
	/* One becomes the other by being given back, as flock(2) has it. */
	shared = op & LOCK_SH && is_book(h);
	if (h->shared != shared)
		unlock(h);
	w = waiter_new(req, h, h->descriptor);
	w->shared = shared;
	ask(w, !(op & LOCK_NB));
}

void lockfs_setlk(fuse_req_t req, struct lock_handle *h, uint64_t owner, const struct flock *f,
		  bool sleep)
{
	struct range *mine = is_lockable(h) ? range_find(h->l, h->node.number, owner) : NULL;
	struct waiter *w;

	if (!is_lockable(h)) {
		fuse_reply_err(req, EOPNOTSUPP);
		return;
	}
	if (mine && f->l_type == F_UNLCK)
		range_cut(mine, f->l_start, end_of(f));
	else if (mine)
		range_extend(mine, f->l_start, end_of(f));
	if (mine || f->l_type == F_UNLCK) {
		fuse_reply_err(req, 0);
		return;
	}
	w = waiter_new(req, h, 0);
	w->is_range = true;
	w->range = (struct range){
		.handle = h,
		.number = h->node.number,
		.owner = owner,
		.descriptor = w->descriptor,
		.start = f->l_start,
		.end = end_of(f),
	};
	ask(w, sleep);
}

void lockfs_getlk(fuse_req_t req, struct lock_handle *h, uint64_t owner, struct flock *f)
{
	CLEANUP(strv_finish) struct strv names = {0};
	struct lock_holder as;
	struct lock k;

	if (is_lockable(h))
		names = one_name(h->l, h->node.number);
	f->l_type = F_UNLCK;
	if (names.len && !range_find(h->l, h->node.number, owner) &&
	    lockfs_now(&k, h->l, names.items[0]) == 0 &&
	    (k.descriptor || lockfs_who_of(&as, h->l, req, names.items[0]) < 0 ||
	     !lock_is_of(&k, &as)))
		*f = (struct flock){
			.l_type = F_WRLCK,
			.l_pid = k.descriptor ? k.descriptor_pid : k.holder.anchor.pid,
		};
	fuse_reply_lock(req, f);
}

void lockfs_closing(struct lock_handle *h, uint64_t owner)
{
	struct range *r = range_find(h->l, h->node.number, owner);

	if (r && is_lockable(h))
		range_drop(r);
}

void lockfs_closed(struct lock_handle *h)
{
	struct lockfs *l = h->l;

	if (h->descriptor)
		locks_release_descriptor(l->table, h->descriptor);
	for (struct link *k = l->ranges.next, *next; k != &l->ranges; k = next) {
		struct range *r = LINK_OWNER(k, struct range, link);

		next = k->next;
		if (r->handle == h)
			range_drop(r);
	}
}

/* ---- .wait/R */

/* 0 held, -ENOENT it is free, or why that cannot be told. */
static int watched(struct lockfs *l, unsigned number)
{
	CLEANUP(strv_finish) struct strv names = one_name(l, number);
	struct lock k;

	return names.len == 0 || l->ended ? -ENOENT : lockfs_now(&k, l, names.items[0]);
}

static void let_know(struct waiter *w, int code)
{
	const struct lock_node n = {.what = LOCK_AWAITED, .number = w->number};

	if (code == -ENOENT)
		lock_handle_reply(w->req, &w->fi, lock_handle_new(w->l, &n));
	else
		fuse_reply_err(w->req, -code);
	waiter_free(w);
}

void lockfs_await(fuse_req_t req, struct lockfs *l, unsigned number, struct fuse_file_info *fi)
{
	struct waiter *w = xcalloc(1, sizeof(*w));
	int r = watched(l, number);

	*w = (struct waiter){.l = l, .req = req, .fi = *fi, .number = number};
	ring_init(&w->link);
	if (r < 0)
		let_know(w, r);
	else
		park(w, &l->watching);
}

/* ---- what happens to those who wait */

static void try_again(struct lockfs *l)
{
	int64_t now_boot_ms = clock_boot_ms();

	for (struct link *k = l->trying.next, *next; k != &l->trying; k = next) {
		struct waiter *w = LINK_OWNER(k, struct waiter, link);
		struct lock_refusal no = {0};
		int r = claim(w, false, &no);

		next = k->next;
		if (r > 0 || !may_be_closed(r, &no) || w->until_boot_ms <= now_boot_ms)
			finish(w, r < 0 ? r : 0, &no);
	}
	if (!ring_empty(&l->trying))
		timer_set(l->retry, now_boot_ms + TRY_EVERY_MS);
}

static void on_retry(void *arg)
{
	try_again(arg);
}

static void finish_waiting(struct lockfs *l, int64_t id, int code)
{
	for (struct link *k = l->waiting.next; k != &l->waiting; k = k->next) {
		struct waiter *w = LINK_OWNER(k, struct waiter, link);

		if (w->id == id) {
			finish(w, code, NULL);
			return;
		}
	}
}

static void tell_watchers(struct lockfs *l)
{
	unsigned last = UINT32_MAX;
	int r = 0;

	for (struct link *k = l->watching.next, *next; k != &l->watching; k = next) {
		struct waiter *w = LINK_OWNER(k, struct waiter, link);

		next = k->next;
		if (w->number != last)
			r = watched(l, w->number);
		last = w->number;
		if (r < 0)
			let_know(w, r);
	}
}

void lockfs_waits_changed(struct lockfs *l)
{
	int64_t id;
	int r;

	/* Its anchor is dead: nobody is there for whom it could be taken. */
	while ((r = locks_wait_next(&id, l->table)) > 0 || r == -ECANCELED)
		finish_waiting(l, id, r > 0 ? 0 : -ENOLCK);
	if (!ring_empty(&l->watching))
		tell_watchers(l);
	if (!ring_empty(&l->trying))
		try_again(l);
}

static void give_up(struct waiter *w, int code)
{
	if (w->id)
		locks_wait_cancel(w->l->table, w->id);
	fuse_reply_err(w->req, -code);
	waiter_free(w);
}

void lockfs_interrupts(struct lockfs *l)
{
	while (!ring_empty(&l->interrupted))
		give_up(LINK_OWNER(l->interrupted.next, struct waiter, link), -EINTR);
}

/* Not EINTR: the kernel would begin these again, without a signal that says so. */
void lockfs_waits_end(struct lockfs *l)
{
	struct link *const rings[] = {&l->waiting, &l->trying, &l->watching};

	for (size_t i = 0; i < ARRAY_LEN(rings); i++)
		while (!ring_empty(rings[i])) {
			struct waiter *w = LINK_OWNER(rings[i]->next, struct waiter, link);

			give_up(w, w->handle ? -ENOLCK : -EINTR);
		}
	lockfs_interrupts(l);
}

void lockfs_waits_init(struct lockfs *l)
{
	ring_init(&l->waiting);
	ring_init(&l->watching);
	ring_init(&l->trying);
	ring_init(&l->interrupted);
	ring_init(&l->ranges);
	l->retry = timer_new(l->fs->loop, on_retry, l);
}

void lockfs_waits_finish(struct lockfs *l)
{
	timer_free(l->retry);
}
