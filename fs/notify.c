/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "fs.h"

/*
 * Makes the kernel forget. An invalidation takes the folder's lock in the kernel, which a look-up
 * may hold that waits for the loop's answer: so it goes out from a thread of its own, which holds
 * nothing and waits for nothing of ours.
 */

struct item {
	struct item *next;
	struct notify *notify;
	struct view_change change;
	uint64_t node; /* whose pages are to be forgotten, and no name's folder; 0: none */
	bool doubt;    /* the name may be right */
};

struct notify {
	struct fs *fs;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct item *items, **last; /* under lock, as end is */
	bool end;
	void (*done)(void *arg);
	void *done_arg;
};

static void announce(void *arg)
{
	struct item *i = arg;

	if (i->change.announce && !i->notify->fs->ending)
		helper_announce(i->notify->fs->helper, &i->change);
	free(i);
}

/* Errors are no news: the kernel did not remember the name, or the mount is gone. */
static void tell_kernel(struct item *i)
{
	struct fuse_session *se = i->notify->fs->session;
	const struct view_change *c = &i->change;

	if (i->doubt && fuse_lowlevel_notify_expire_entry(se, c->folder, c->name, strlen(c->name),
							  FUSE_LL_EXPIRE_ONLY) != -ENOSYS)
		return;
	fuse_lowlevel_notify_inval_entry(se, c->folder, c->name, strlen(c->name));
	if (i->node)
		fuse_lowlevel_notify_inval_inode(se, i->node, 0, 0);
	else if (!c->old_node || !c->node)
		fuse_lowlevel_notify_inval_inode(se, c->folder, 0, 0);
}

static struct item *take(struct notify *n)
{
	struct item *i;

	pthread_mutex_lock(&n->lock);
	while (!n->items && !n->end)
		pthread_cond_wait(&n->wake, &n->lock);
	i = n->end ? NULL : n->items;
	if (i && !(n->items = i->next))
		n->last = &n->items;
	pthread_mutex_unlock(&n->lock);
	return i;
}

static void *run(void *arg)
{
	struct notify *n = arg;
	struct item *i;

	while ((i = take(n))) {
		tell_kernel(i);
		loop_post(n->fs->loop, announce, i);
	}
	loop_post(n->fs->loop, n->done, n->done_arg);
	return NULL;
}

int notify_new(struct notify **out, struct fs *fs)
{
	struct notify *n = xcalloc(1, sizeof(*n));
	int r;

	n->fs = fs;
	n->last = &n->items;
	pthread_mutex_init(&n->lock, NULL);
	pthread_cond_init(&n->wake, NULL);
	r = pthread_create(&n->thread, NULL, run, n);
	if (r) {
		free(n);
		return -r;
	}
	*out = n;
	return 0;
}

static void put(struct notify *n, struct item *i)
{
	i->notify = n;
	pthread_mutex_lock(&n->lock);
	*n->last = i;
	n->last = &i->next;
	pthread_cond_signal(&n->wake);
	pthread_mutex_unlock(&n->lock);
}

void notify_name(struct notify *n, const struct view_change *c)
{
	struct item *i = xcalloc(1, sizeof(*i));

	i->change = *c;
	put(n, i);
}

void notify_node(struct notify *n, uint64_t node, uint64_t folder, const char *name)
{
	struct item *i = xcalloc(1, sizeof(*i));

	i->node = node;
	i->change.folder = folder;
	snprintf(i->change.name, sizeof(i->change.name), "%s", name);
	put(n, i);
}

void notify_doubt(struct notify *n, uint64_t folder, const char *name)
{
	struct item *i = xcalloc(1, sizeof(*i));

	i->doubt = true;
	i->change.folder = folder;
	snprintf(i->change.name, sizeof(i->change.name), "%s", name);
	put(n, i);
}

void notify_end(struct notify *n, void (*done)(void *arg), void *arg)
{
	pthread_mutex_lock(&n->lock);
	n->done = done;
	n->done_arg = arg;
	n->end = true;
	pthread_cond_signal(&n->wake);
	pthread_mutex_unlock(&n->lock);
}

struct notify *notify_free(struct notify *n)
{
	struct item *i;

	if (!n)
		return NULL;
	pthread_join(n->thread, NULL);
	while ((i = n->items)) {
		n->items = i->next;
		free(i);
	}
	pthread_cond_destroy(&n->wake);
	pthread_mutex_destroy(&n->lock);
	free(n);
	return NULL;
}
