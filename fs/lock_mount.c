/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <string.h>

#include "lock.h"
#include "lock_old.h"

/* Watchers are told what others changed no more often than this: what is taken and given back in
 * between was there for nobody. */
enum { SHOW_EVERY_MS = 10, LOG_EVENTS = 1000 };

/* ---- handles */

struct lock_handle *lock_handle_new(struct lockfs *l, const struct lock_node *n)
{
	struct lock_handle *h = xcalloc(1, sizeof(*h));

	h->l = l;
	h->node = *n;
	ring_add(&l->handles, &h->link);
	return h;
}

struct lock_handle *lock_handle_free(struct lock_handle *h)
{
	if (!h)
		return NULL;
	lockfs_closed(h);
	lock_copy_close(h);
	ring_remove(&h->link);
	buf_finish(&h->bytes);
	free(h);
	return NULL;
}

void lock_handle_reply(fuse_req_t req, struct fuse_file_info *fi, struct lock_handle *h)
{
	fi->fh = (uintptr_t)h;
	fi->direct_io = 1;
	if (fuse_reply_open(req, fi) != 0)
		lock_handle_free(h);
}

/* ---- .log */

static int add_event(void *arg, const struct lock_event *e)
{
	struct lockfs *l = arg;

	l->log_seq = e->seq;
	return view_lock_event(&l->log, e);
}

int lockfs_log_text(const struct buf **out, struct lockfs *l)
{
	int64_t before;
	int r = 0;

	do {
		before = l->log_seq;
		if (lockfs_table(l))
			r = locks_log(l->table, l->log_seq, LOG_EVENTS, add_event, l);
	} while (r == 0 && l->log_seq != before);
	*out = &l->log;
	return r;
}

/* ---- what watchers see */

static int64_t *shown_at(struct lockfs *l, unsigned number)
{
	size_t before = l->shown_cap;

	l->shown = xgrow(l->shown, &l->shown_cap, number + 1, sizeof(l->shown[0]));
	memset(l->shown + before, 0, (l->shown_cap - before) * sizeof(l->shown[0]));
	return &l->shown[number];
}

void lockfs_shown(struct lockfs *l, const char *resource, int64_t token)
{
	int number = lockfs_number(l, resource);

	if (number >= 0)
		*shown_at(l, (unsigned)number) = token;
}

/* The helper process does it through the mount, and is believed only while it is so. */
static bool is_held(void *arg, const char *name)
{
	struct lock k;

	return lockfs_now(&k, arg, name) == 0;
}

static bool is_free(void *arg, const char *name)
{
	return !is_held(arg, name);
}

static void show_one(struct lockfs *l, unsigned number, int64_t token)
{
	uint64_t folder = l->folders[LOCK_LOCKS].node;
	int64_t before = *shown_at(l, number);
	char name[LOCK_RESOURCE_BYTES];

	if (before == token || !lockfs_name(name, l, number))
		return;
	*shown_at(l, number) = token;
	/* A name that changed hands stays there. */
	if (!before)
		helper_show(l->fs->helper, HELPER_CREATE, folder, name, is_held, l);
	else if (!token)
		helper_show(l->fs->helper, HELPER_UNLINK, folder, name, is_free, l);
}

static void show(void *arg)
{
	struct lockfs *l = arg;
	CLEANUP(lock_list_finish) struct lock_list list = {0};
	CLEANUP(cleanup_free) int64_t *now = NULL;

	l->show_set = false;
	if (l->ended || lock_list_read(&list, l->table) < 0)
		return;
	for (size_t i = 0; i < list.len; i++) /* room for all */
		if (lockfs_number(l, list.items[i].resource) >= 0)
			shown_at(l, (unsigned)lockfs_number(l, list.items[i].resource));
	now = xcalloc(l->shown_cap ? l->shown_cap : 1, sizeof(*now));
	for (size_t i = 0; i < list.len; i++) {
		int number = lockfs_number(l, list.items[i].resource);

		if (number >= 0)
			now[number] = list.items[i].token;
	}
	for (unsigned i = 0; i < l->shown_cap; i++)
		show_one(l, i, now[i]);
}

static void on_change(void *arg)
{
	struct lockfs *l = arg;

	l->changed_unix_ms = clock_unix_ms();
	lockfs_waits_changed(l);
	pass_locks_changed(l->fs->pass);
	if (!l->show_set)
		timer_set(l->show, clock_boot_ms() + SHOW_EVERY_MS);
	l->show_set = true;
}

/* ---- the whole */

static void find_folders(struct lockfs *l)
{
	view_lookup(&l->folders[LOCK_LOCKS], l->fs->views, VIEW_ROOT, "locks");
	view_lookup(&l->folders[LOCK_OLD], l->fs->views, VIEW_ROOT, ".locks");
}

/* What is held as the mount begins, nobody saw arrive. */
static void note_held(struct lockfs *l)
{
	CLEANUP(lock_list_finish) struct lock_list list = {0};

	if (lock_list_read(&list, l->table) < 0)
		return;
	for (size_t i = 0; i < list.len; i++)
		lockfs_shown(l, list.items[i].resource, list.items[i].token);
}

/* Who names another store wants another world. The book is reached past a mount over it, as the
 * table may be opened at any time. */
static int open_table(struct lockfs *l)
{
	const struct options *o = l->fs->options;
	int r;

	l->no_table = (struct err){0};
	r = locks_open(&l->table, l->fs->loop, store_path(l->fs->engine->store), &l->no_table);
	if (r == 0 && !o->store)
		r = locks_of_book(l->table, options_reach(o), &l->no_table);
	if (r < 0)
		l->table = locks_close(l->table);
	return r;
}

/* What its folder says of locks. */
static void take_in(struct lockfs *l)
{
	CLEANUP(cleanup_close)
	int folder = open(options_reach(l->fs->options), O_PATH | O_DIRECTORY | O_CLOEXEC);

	l->of_folder = folder >= 0;
	if (folder >= 0 && l->table)
		lockfs_take_in(l, folder);
}

static void use_table(struct lockfs *l)
{
	take_in(l);
	if (!l->table)
		return;
	note_held(l);
	locks_on_change(l->table, on_change, l);
}

/* A disk that was full may have room by now, and a file that could not be used be gone. */
struct locks *lockfs_table(struct lockfs *l)
{
	if (l->table || l->ended || open_table(l) < 0)
		return l->table;
	log_info("locks: they can be used now");
	use_table(l);
	on_change(l);
	return l->table;
}

/* The table never stands in the way of reading the book. */
void lockfs_new(struct lockfs **out, struct fs *fs)
{
	struct lockfs *l = xcalloc(1, sizeof(*l));

	l->fs = fs;
	l->holders = holders_new();
	l->why = why_new();
	l->changed_unix_ms = clock_unix_ms();
	l->log.max_bytes = LOCK_LOG_MAX_BYTES;
	ring_init(&l->handles);
	find_folders(l);
	l->named = lockfs_named(l);
	lockfs_waits_init(l);
	l->show = timer_new(fs->loop, show, l);
	l->old = lock_old_new();
	*out = l;
	if (open_table(l) < 0)
		log_warn("locks: %s", l->no_table.msg);
	use_table(l);
}

struct lockfs *lockfs_free(struct lockfs *l)
{
	if (!l)
		return NULL;
	lockfs_end(l);
	while (!ring_empty(&l->handles))
		lock_handle_free(LINK_OWNER(l->handles.next, struct lock_handle, link));
	lockfs_waits_finish(l);
	locks_close(l->table);
	timer_free(l->show);
	lock_old_free(l->old);
	holders_free(l->holders);
	why_free(l->why);
	for (size_t i = 0; i < LOCK_SETS; i++)
		strv_finish(&l->sets[i].list);
	for (size_t i = 0; i < LOCK_PATHS; i++)
		free(l->paths[i].path);
	free(l->shown);
	buf_finish(&l->log);
	free(l);
	return NULL;
}

void lockfs_end(struct lockfs *l)
{
	l->ended = true;
	if (l->table)
		locks_on_change(l->table, NULL, NULL);
	lockfs_waits_end(l);
}

bool lockfs_has(const struct lockfs *l, uint64_t node)
{
	struct lock_node n;

	return lock_node_decode(&n, l, node);
}
