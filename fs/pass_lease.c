/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <string.h>

#include "pass.h"

/*
 * Files of which somebody behind the mount has a lease (fcntl(2), F_SETLEASE), as Samba and NFS
 * servers take them: who opens or cuts one has it asked back, and the kernel takes it away in the
 * end (/proc/sys/fs/lease-break-time, 45 s). Nothing else is kept waiting by that: the request is
 * put aside and tried again.
 */

enum { TRY_EVERY_MS = 10 };

struct pass_leased {
	struct link link;
	fuse_req_t req;
	fuse_ino_t node;
	struct fuse_file_info fi; /* of an open */
	struct stat st;		  /* of what is cut */
	int to_set;		  /* 0: it is an open */
	bool interrupted;
};

static void on_interrupt(fuse_req_t req, void *arg)
{
	struct pass_leased *w = arg;

	w->interrupted = true;
}

static void put_aside(struct pass *p, const struct pass_leased *what)
{
	struct pass_leased *w;

	if (p->ended) {
		fuse_reply_err(what->req, EINTR);
		return;
	}
	w = xcalloc(1, sizeof(*w));
	*w = *what;
	if (ring_empty(&p->leased))
		timer_set(p->leased_retry, clock_boot_ms() + TRY_EVERY_MS);
	ring_add(&p->leased, &w->link);
	fuse_req_interrupt_func(w->req, on_interrupt, w);
}

void pass_leased_open(fuse_req_t req, fuse_ino_t node, const struct fuse_file_info *fi)
{
	put_aside(pass_of(req), &(struct pass_leased){.req = req, .node = node, .fi = *fi});
}

void pass_leased_setattr(fuse_req_t req, fuse_ino_t node, const struct stat *st, int to_set)
{
	put_aside(pass_of(req),
		  &(struct pass_leased){.req = req, .node = node, .st = *st, .to_set = to_set});
}

static bool is_leased(struct pass *p, const struct pass_leased *w)
{
	struct pass_node *n;
	struct stat st;
	int r = pass_node(&n, p, w->node);

	if (r == 0)
		r = pass_open_node(&st, p, n, w->to_set ? O_WRONLY : w->fi.flags & O_ACCMODE);
	if (r >= 0)
		close(r);
	return r == -EAGAIN;
}

static void go_on(struct pass_leased *w)
{
	fuse_req_interrupt_func(w->req, NULL, NULL);
	if (w->interrupted)
		fuse_reply_err(w->req, EINTR);
	else if (w->to_set)
		pass_setattr(w->req, w->node, &w->st, w->to_set, NULL);
	else
		pass_open(w->req, w->node, &w->fi);
	free(w);
}

static void try_again(void *arg)
{
	struct pass *p = arg;
	struct link all;

	ring_init(&all);
	while (!ring_empty(&p->leased)) {
		struct link *l = p->leased.next;

		ring_remove(l);
		ring_add(&all, l);
	}
	while (!ring_empty(&all)) {
		struct pass_leased *w = LINK_OWNER(all.next, struct pass_leased, link);

		ring_remove(&w->link);
		if (!w->interrupted && is_leased(p, w))
			ring_add(&p->leased, &w->link);
		else
			go_on(w);
	}
	if (!ring_empty(&p->leased))
		timer_set(p->leased_retry, clock_boot_ms() + TRY_EVERY_MS);
}

void pass_leased_init(struct pass *p)
{
	ring_init(&p->leased);
	p->leased_retry = timer_new(p->fs->loop, try_again, p);
}

void pass_leased_end(struct pass *p)
{
	while (!ring_empty(&p->leased)) {
		struct pass_leased *w = LINK_OWNER(p->leased.next, struct pass_leased, link);

		ring_remove(&w->link);
		w->interrupted = true;
		go_on(w);
	}
}

void pass_leased_finish(struct pass *p)
{
	p->leased_retry = timer_free(p->leased_retry);
}
