/* SPDX-License-Identifier: MIT */
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <time.h>

#include "pass.h"

/*
 * How long the kernel may trust what it was told of a name and of a file. The folder is changed by
 * others, too: of that inotify tells (watcher.c), the kernel is told to forget, and so it may trust
 * for long. A folder is watched before anything in it is looked at, until the kernel forgets it.
 *
 * inotify does not say who did it, and need not. What the kernel takes a name for, and what it was
 * told of a file last, is remembered here; what is so now is looked at. If that is the same, then
 * nothing is to be said: it was done through the mount, and the kernel knows, or will ask. What is
 * not the same is forgotten. So it does not matter either in what order events and answers come:
 * the kernel takes an answer that was under way for older than what it is told (attributes), or
 * takes it before (names, by the folder's lock; a name that leads elsewhere is unhashed).
 *
 * For how long nevertheless: for a mapping that somebody else writes there is no event until it is
 * closed, nor for the blocks that the disk takes later. Therefore what was changed just now is
 * trusted for a second, as all is where nothing is told: where there are more folders than can be
 * watched, by file systems on which others work elsewhere, and for a file with several names, as
 * only the folder is told whose name was used. A name that leads nowhere is trusted for less time,
 * for which nobody can be told when events were lost.
 */

enum { TRUST_LONG_S = 60, TRUST_NOWHERE_S = 10, TRUST_SHORT_S = 1, SETTLED_S = 2 };
enum { BUCKETS_FIRST = 1024 };

/* A name that the kernel may take for a node. */
struct pass_name {
	struct pass_name *chain;
	struct link of_node;
	struct pass_node *node;
	uint64_t folder;
	char name[];
};

/* ---- names */

static struct pass_name **place_of(const struct pass_names *t, uint64_t folder, const char *name)
{
	uint64_t h = folder;

	for (const char *c = name; *c; c++)
		h = (h ^ (unsigned char)*c) * 0x100000001b3ull;
	h *= 0x9e3779b97f4a7c15ull;
	return &t->buckets[(h >> 32) & (t->bucket_count - 1)];
}

static struct pass_name **find(const struct pass_names *t, uint64_t folder, const char *name)
{
	struct pass_name **at = place_of(t, folder, name);

	while (*at && ((*at)->folder != folder || strcmp((*at)->name, name) != 0))
		at = &(*at)->chain;
	return at;
}

static struct pass_name **slot_of(const struct pass_names *t, const struct pass_name *k)
{
	struct pass_name **at = place_of(t, k->folder, k->name);

	while (*at != k)
		at = &(*at)->chain;
	return at;
}

static void remove_at(struct pass_names *t, struct pass_name **at)
{
	struct pass_name *k = *at;

	*at = k->chain;
	ring_remove(&k->of_node);
	free(k);
	t->count--;
}

static void grow(struct pass_names *t)
{
	struct pass_name **before = t->buckets, **at;
	size_t count = t->bucket_count;

	t->bucket_count = count * 4;
	t->buckets = xcalloc(t->bucket_count, sizeof(struct pass_name *));
	for (size_t i = 0; i < count; i++)
		for (struct pass_name *k = before[i], *next; k; k = next) {
			next = k->chain;
			at = place_of(t, k->folder, k->name);
			k->chain = *at;
			*at = k;
		}
	free(before);
}

static void add(struct pass_names *t, struct pass_node *n, uint64_t folder, const char *name)
{
	size_t len = strlen(name) + 1;
	struct pass_name *k = xcalloc(1, sizeof(*k) + len), **at;

	if (++t->count > t->bucket_count)
		grow(t);
	at = place_of(t, folder, name);
	k->chain = *at;
	k->folder = folder;
	k->node = n;
	memcpy(k->name, name, len);
	ring_add(&n->names, &k->of_node);
	*at = k;
}

void pass_leads_to(struct pass *p, const struct pass_node *folder, const char *name,
		   struct pass_node *n)
{
	struct pass_name **at = find(&p->names, folder->id, name);

	if (*at && (*at)->node == n)
		return;
	if (*at)
		remove_at(&p->names, at);
	if (n && folder->watch > 0)
		add(&p->names, n, folder->id, name);
}

/* ---- what is watched */

bool pass_watch(struct pass *p, struct pass_node *folder)
{
	int fd;

	if (folder->watch || !p->is_told)
		return folder->watch > 0;
	fd = pass_fd(p, folder);
	if (fd < 0)
		return false;
	folder->watch = watcher_add_node(p->fs->watcher, fd, folder->id);
	if (folder->watch == -ENOSPC && !p->watches_out) {
		p->watches_out = true;
		log_info("more folders are in use than can be watched "
			 "(fs.inotify.max_user_watches): changes in some are seen after a second");
	}
	return folder->watch > 0;
}

void pass_unwatch(struct pass *p, struct pass_node *n)
{
	while (!ring_empty(&n->names)) {
		const struct pass_name *k = LINK_OWNER(n->names.next, struct pass_name, of_node);

		remove_at(&p->names, slot_of(&p->names, k));
	}
	if (n->watch > 0)
		watcher_drop_node(p->fs->watcher, n->watch);
	n->watch = 0;
}

/* ---- how long it is trusted */

static struct pass_told told_of(const struct stat *st)
{
	return (struct pass_told){.mtime = st->st_mtim,
				  .ctime = st->st_ctim,
				  .size = st->st_size,
				  .mode = st->st_mode,
				  .uid = st->st_uid,
				  .gid = st->st_gid,
				  .links = st->st_nlink};
}

static bool is_settled(const struct stat *st)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return now.tv_sec - st->st_ctim.tv_sec > SETTLED_S;
}

/* Is told what happens to it; to a folder, by its own watch also. */
static bool is_told(const struct pass *p, const struct pass_node *n, const struct stat *st)
{
	struct pass_node *folder;

	if (S_ISDIR(n->type) ? n->watch <= 0 : st->st_nlink != 1)
		return false;
	if (n == &p->root)
		return true;
	return !n->past && !n->retired && pass_node(&folder, p, n->parent) == 0 &&
	       folder->watch > 0;
}

double pass_trusts(const struct pass *p, struct pass_node *n, const struct stat *st)
{
	n->told = told_of(st);
	return is_told(p, n, st) && is_settled(st) ? TRUST_LONG_S : TRUST_SHORT_S;
}

double pass_absent(struct pass *p, const struct pass_node *folder, const char *name)
{
	pass_leads_to(p, folder, name, NULL);
	return folder->watch > 0 && folder != &p->root ? TRUST_NOWHERE_S : TRUST_SHORT_S;
}

void pass_entry(struct fuse_entry_param *e, const struct pass *p, struct pass_node *n,
		const struct stat *st)
{
	struct pass_node *folder;
	bool told = pass_node(&folder, p, n->parent) == 0 && folder->watch > 0;

	*e = (struct fuse_entry_param){
		.ino = n->id,
		.attr = *st,
		.attr_timeout = pass_trusts(p, n, st),
		.entry_timeout = told ? TRUST_LONG_S : TRUST_SHORT_S,
	};
}

/* ---- what is told */

void pass_forget_attributes(struct pass *p, uint64_t node)
{
	fuse_lowlevel_notify_inval_inode(p->fs->session, node, -1, 0);
}

static bool is_same(const struct pass_told *a, const struct pass_told *b)
{
	return pass_same_time(a->ctime, b->ctime) && pass_same_time(a->mtime, b->mtime) &&
	       a->size == b->size && a->mode == b->mode && a->links == b->links &&
	       a->uid == b->uid && a->gid == b->gid;
}

static void compare(struct pass *p, struct pass_node *n, const struct stat *st)
{
	const struct pass_told now = told_of(st);

	if (is_same(&n->told, &now))
		return;
	n->told = now;
	pass_forget_attributes(p, n->id);
}

/* A file that has lost a name, or a folder of which something changed. */
static void compare_open(struct pass *p, struct pass_node *n)
{
	struct stat st = {0};

	if (n->fd < 0 || fstat(n->fd, &st) == 0)
		compare(p, n, &st);
}

static void forget_name(struct pass *p, struct pass_node *folder, const char *name)
{
	struct view_change c = {.folder = folder->id};

	snprintf(c.name, sizeof(c.name), "%s", name);
	notify_name(p->fs->notify, &c);
	pass_leads_to(p, folder, name, NULL);
}

struct pass_node *pass_led_to(const struct pass *p, const struct pass_node *folder,
			      const char *name)
{
	const struct pass_name *k = *find(&p->names, folder->id, name);

	return k ? k->node : NULL;
}

/* false: it was not necessary. A name that is gone, and that the kernel takes for nothing, it had
 * removed itself; should it be there again, that is told next. */
static bool look_at(struct pass *p, struct pass_node *folder, const char *name, uint32_t mask)
{
	struct pass_node *was = pass_led_to(p, folder, name), *now = NULL;
	bool is_name = mask & (IN_CREATE | IN_DELETE | IN_MOVE), is_there;
	struct stat st;

	if (!was && mask & (IN_DELETE | IN_MOVED_FROM))
		return false;
	is_there = pass_peek(&now, &st, p, folder, name) == 0;
	if (now)
		compare(p, now, &st);
	if (!is_name || (was == now && (was || !is_there)))
		return true;
	forget_name(p, folder, name);
	if (was && was != now)
		compare_open(p, was);
	return true;
}

void pass_told_folder(struct pass *p)
{
	struct pass_node *folder;

	if (p->told_in && pass_node(&folder, p, p->told_in) == 0)
		compare_open(p, folder);
	p->told_in = 0;
}

bool pass_told_of(struct pass *p, uint64_t id, const char *name, uint32_t mask)
{
	struct pass_node *folder;

	if (p->fs->ending || pass_node(&folder, p, id) < 0)
		return false;
	if (mask & IN_IGNORED)
		folder->watch = 0;
	if (p->told_in != id)
		pass_told_folder(p);
	p->told_in = id;
	return *name && !pass_hides(p, folder, name) && look_at(p, folder, name, mask);
}

static void forget_all(struct pass *p, struct pass_node *n)
{
	pass_forget_attributes(p, n->id);
}

void pass_told_nothing(struct pass *p)
{
	log_info("more was changed in the folder than could be told: all is looked at again");
	for (size_t i = 0; i < p->names.bucket_count; i++)
		for (const struct pass_name *k = p->names.buckets[i]; k; k = k->chain)
			notify_doubt(p->fs->notify, k->folder, k->name);
	pass_each_node(p, forget_all);
}

/* ---- the whole */

/* On which nobody works but by way of this kernel, which tells of it. */
static bool is_of_this_machine(int fd)
{
	static const long known[] = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
				     F2FS_SUPER_MAGIC, TMPFS_MAGIC};
	struct statfs st;

	for (size_t i = 0; fstatfs(fd, &st) == 0 && i < ARRAY_LEN(known); i++)
		if ((long)st.f_type == known[i])
			return true;
	return false;
}

void pass_watch_init(struct pass *p)
{
	p->names.bucket_count = BUCKETS_FIRST;
	p->names.buckets = xcalloc(BUCKETS_FIRST, sizeof(struct pass_name *));
	p->is_told = is_of_this_machine(p->root.fd);
}

void pass_watch_finish(struct pass *p)
{
	pass_unwatch(p, &p->root);
	free(p->names.buckets);
}
