/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "pass.h"

/*
 * A file of the folder is a node as long as the kernel knows it. The node keeps a descriptor that
 * only names the file (O_PATH), so whatever is renamed behind the mount, a request meets the file
 * that the kernel means.
 *
 * Most files are looked up and nothing more. A plain file of one name gets its descriptor when it
 * is used first: until then it is its folder's, by the name that it was looked up by, and must be
 * the same file when it is opened; else it is ESTALE, and the kernel looks the name up once more.
 * Without a descriptor the inode's number may have gone to another file, which its time of birth
 * tells.
 *
 * Descriptors are limited and projects are not: past half of the limit the one that was used
 * longest ago is given back, and its node is opened again as if it were used first. The last ones
 * clients do not get, however many files they open: without any, nobody could be told who has a
 * lock, as that is read in /proc.
 *
 * Names are resolved one at a time, never through a link, never onto another file system: a mount
 * within the folder, ours too, is EXDEV before it is asked anything.
 */

enum { SLOT_BITS = 32, SLOT_SHIFT = 6, SERIAL_SHIFT = SLOT_SHIFT + SLOT_BITS };
enum { DESCRIPTORS_OWN = 128, DESCRIPTORS_FEW = 4 * DESCRIPTORS_OWN, DESCRIPTORS_FIRST = 4096 };

enum { RESOLVE_TRIES = 32 };

int pass_resolve(int folder, const char *name, uint64_t flags, mode_t mode)
{
	const struct open_how how = {
		.flags = flags | O_NOFOLLOW | O_CLOEXEC,
		.mode = flags & O_CREAT ? mode & 07777 : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS,
	};
	long r = -1;

	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	errno = EAGAIN;
	/* RESOLVE_BENEATH may lose a race against a rename somewhere; a lease is not waited for. */
	for (int i = 0; i < RESOLVE_TRIES && r < 0 && errno == EAGAIN; i++)
		r = syscall(SYS_openat2, folder, name, &how, sizeof(how));
	return r < 0 ? -errno : (int)r;
}

void pass_proc_name(char out[16], int fd)
{
	snprintf(out, 16, "%d", fd);
}

static struct timespec time_of(const struct statx_timestamp *t)
{
	return (struct timespec){.tv_sec = t->tv_sec, .tv_nsec = t->tv_nsec};
}

/* What a descriptor is open on, or has by this name; by which mount it was come by. */
static int describe(struct stat *st, struct timespec *born, uint64_t *mount, int fd,
		    const char *name)
{
	struct statx x;
	const int flags = AT_NO_AUTOMOUNT | (*name ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH);

	if (statx(fd, name, flags, STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, &x) < 0)
		return -errno;
	*st = (struct stat){
		.st_dev = makedev(x.stx_dev_major, x.stx_dev_minor),
		.st_rdev = makedev(x.stx_rdev_major, x.stx_rdev_minor),
		.st_ino = x.stx_ino,
		.st_mode = x.stx_mode,
		.st_nlink = x.stx_nlink,
		.st_uid = x.stx_uid,
		.st_gid = x.stx_gid,
		.st_size = (off_t)x.stx_size,
		.st_blksize = x.stx_blksize,
		.st_blocks = (blkcnt_t)x.stx_blocks,
		.st_atim = time_of(&x.stx_atime),
		.st_mtim = time_of(&x.stx_mtime),
		.st_ctim = time_of(&x.stx_ctime),
	};
	*born = x.stx_mask & STATX_BTIME ? time_of(&x.stx_btime) : (struct timespec){0};
	*mount = x.stx_mask & STATX_MNT_ID ? x.stx_mnt_id : 0;
	return 0;
}

/* ---- the table */

static struct pass_node **bucket_of(const struct pass_table *t, dev_t dev, ino_t ino)
{
	uint64_t h = (ino ^ dev << 40) * 0x9e3779b97f4a7c15ull;

	return &t->buckets[(h >> 32) & (t->bucket_count - 1)];
}

static struct pass_node *find(const struct pass_table *t, dev_t dev, ino_t ino)
{
	struct pass_node *n = *bucket_of(t, dev, ino);

	while (n && (n->ino != ino || n->dev != dev))
		n = n->chain;
	return n;
}

/* A descriptor keeps the number from being given away. */
static bool is_of(const struct pass_node *n, struct timespec born)
{
	return n->fd >= 0 || pass_same_time(n->born, born);
}

/* A node that cannot be found any more lives on until it is forgotten. */
static void unhash(struct pass_table *t, const struct pass_node *n)
{
	struct pass_node **at = bucket_of(t, n->dev, n->ino);

	while (*at && *at != n)
		at = &(*at)->chain;
	if (*at)
		*at = n->chain;
}

static void enhash(struct pass_table *t, struct pass_node *n)
{
	struct pass_node **at = bucket_of(t, n->dev, n->ino);

	n->chain = *at;
	*at = n;
}

static void grow_buckets(struct pass_table *t)
{
	struct pass_node **before = t->buckets;
	size_t count = t->bucket_count;

	t->bucket_count = count * 4;
	t->buckets = xcalloc(t->bucket_count, sizeof(struct pass_node *));
	for (size_t i = 0; i < count; i++)
		for (struct pass_node *n = before[i], *next; n; n = next) {
			next = n->chain;
			enhash(t, n);
		}
	free(before);
}

/* Free slots are chained by their place, in what else would be a pointer. */
static size_t take_slot(struct pass_table *t)
{
	size_t at = t->free_slot;

	if (at == SIZE_MAX) {
		at = t->slot_count++;
		t->slots = xgrow(t->slots, &t->slot_cap, t->slot_count, sizeof(struct pass_node *));
	} else {
		t->free_slot = (size_t)(uintptr_t)t->slots[at] >> 1;
		if (t->free_slot == SIZE_MAX >> 1)
			t->free_slot = SIZE_MAX;
	}
	return at;
}

static void give_slot(struct pass_table *t, size_t at)
{
	t->slots[at] = (struct pass_node *)(uintptr_t)(t->free_slot << 1 | 1);
	t->free_slot = at;
}

static size_t slot_of(uint64_t id)
{
	return (size_t)(id >> SLOT_SHIFT) & UINT32_MAX;
}

static struct pass_node *node_new(struct pass_table *t, const struct stat *st, struct timespec born)
{
	struct pass_node *n = xcalloc(1, sizeof(*n));
	size_t slot = take_slot(t);

	*n = (struct pass_node){
		.id = t->serial++ << SERIAL_SHIFT | (uint64_t)slot << SLOT_SHIFT | NODE_PASS,
		.dev = st->st_dev,
		.ino = st->st_ino,
		.born = born,
		.type = st->st_mode & S_IFMT,
		.fd = -1,
	};
	ring_init(&n->owners);
	ring_init(&n->files);
	ring_init(&n->names);
	ring_init(&n->used);
	t->slots[slot] = n;
	if (++t->node_count > t->bucket_count)
		grow_buckets(t);
	enhash(t, n);
	return n;
}

static void give_back(struct pass *p, struct pass_node *n)
{
	if (n->opens == 0)
		pass_direct_forget(p, n);
	if (n->fd < 0)
		return;
	close(n->fd);
	n->fd = -1;
	ring_remove(&n->used);
	p->table.descriptors--;
}

static void node_free(struct pass *p, struct pass_node *n)
{
	struct pass_table *t = &p->table;

	unhash(t, n);
	pass_unwatch(p, n);
	give_back(p, n);
	give_slot(t, slot_of(n->id));
	t->node_count--;
	pass_owners_free(n);
	free(n->covers);
	free(n->name);
	free(n);
}

static void take_descriptor(struct pass *p, struct pass_node *n, int fd)
{
	struct pass_table *t = &p->table;

	n->fd = fd;
	ring_add(&t->used, &n->used);
	if (++t->descriptors > t->descriptors_most)
		give_back(p, LINK_OWNER(t->used.next, struct pass_node, used));
}

/* After the root has been opened. */
void pass_table_knows_mount(struct pass *p)
{
	struct timespec born;
	struct stat st;

	if (describe(&st, &born, &p->table.mount, p->root.fd, "") < 0)
		p->table.mount = 0;
}

static size_t raise_limit(void)
{
	struct rlimit limit = {.rlim_cur = 1024};

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	return (size_t)limit.rlim_cur;
}

/* Each time that the kernel's table of them has to grow, a process with threads waits until all
 * processors have seen it, some ms. */
void pass_make_room(void)
{
	size_t most = raise_limit();
	CLEANUP(cleanup_close) int fd = open("/", O_PATH | O_CLOEXEC);
	CLEANUP(cleanup_close)
	int last = fcntl(fd, F_DUPFD_CLOEXEC,
			 most > DESCRIPTORS_FIRST ? DESCRIPTORS_FIRST - 1 : (int)most / 2);

	(void)last;
}

void pass_table_init(struct pass *p)
{
	struct pass_table *t = &p->table;
	size_t most = raise_limit(), own = most < DESCRIPTORS_FEW ? most / 4 : DESCRIPTORS_OWN;

	*t = (struct pass_table){.bucket_count = 1024, .free_slot = SIZE_MAX, .serial = 1};
	t->buckets = xcalloc(t->bucket_count, sizeof(struct pass_node *));
	t->descriptors_most = most / (most < DESCRIPTORS_FEW ? 8 : 2);
	t->descriptors_end = most - own;
	ring_init(&t->used);
}

/* They are numbered from the lowest that is free. */
int pass_room(const struct pass *p)
{
	CLEANUP(cleanup_close) int next = fcntl(p->proc, F_DUPFD_CLOEXEC, 0);

	return next >= 0 && (size_t)next < p->table.descriptors_end ? 0 : -ENFILE;
}

void pass_table_finish(struct pass *p)
{
	struct pass_table *t = &p->table;

	pass_each_node(p, node_free);
	free(t->slots);
	free(t->buckets);
}

/* ---- nodes */

int pass_node(struct pass_node **out, const struct pass *p, uint64_t id)
{
	const struct pass_table *t = &p->table;
	struct pass_node *n;

	if (id == VIEW_ROOT) {
		*out = (struct pass_node *)&p->root;
		return 0;
	}
	if (slot_of(id) >= t->slot_count)
		return -ESTALE;
	n = t->slots[slot_of(id)];
	if ((uintptr_t)n & 1 || n->id != id)
		return -ESTALE;
	*out = n;
	return 0;
}

static int folder_of(struct pass *p, const struct pass_node *n)
{
	struct pass_node *folder;
	int r = pass_node(&folder, p, n->parent);

	return r < 0 ? r : pass_fd(p, folder);
}

/* What is open there, or has that name: is it this file? */
static int describe_same(struct stat *st, const struct pass_node *n, int fd, const char *name)
{
	struct stat there = {0};
	struct timespec born = {0};
	uint64_t mount;
	int r = describe(&there, &born, &mount, fd, name);

	if (r < 0 || there.st_ino != n->ino || there.st_dev != n->dev ||
	    !pass_same_time(born, n->born))
		return -ESTALE;
	*st = there;
	return 0;
}

/* By the name that it had. */
static int open_named(struct pass *p, struct pass_node *n)
{
	struct stat st;
	int fd = -1, r = folder_of(p, n);

	if (r >= 0)
		r = fd = pass_resolve(r, n->name, O_PATH, 0);
	if (r < 0)
		return r == -EMFILE || r == -ENFILE || r == -ENOMEM ? r : -ESTALE;
	r = describe_same(&st, n, fd, "");
	if (r < 0) {
		close(fd);
		return r;
	}
	take_descriptor(p, n, fd);
	return fd;
}

/* Nobody has it open, and no name leads to it: it is what it was told to be. */
static int describe_unlinked(struct stat *st, const struct pass_node *n)
{
	*st = (struct stat){
		.st_dev = n->dev,
		.st_ino = n->ino,
		.st_mode = n->told.mode,
		.st_uid = n->told.uid,
		.st_gid = n->told.gid,
		.st_size = n->told.size,
		.st_blksize = 4096,
		.st_blocks = (n->told.size + 511) / 512,
		.st_atim = n->told.mtime,
		.st_mtim = n->told.mtime,
		.st_ctim = n->told.ctime,
	};
	return n->told.mode ? 0 : -ESTALE;
}

int pass_stat(struct stat *st, struct pass *p, struct pass_node *n)
{
	int fd;

	if (n->unlinked && n->fd < 0 && ring_empty(&n->files))
		return describe_unlinked(st, n);
	if (n->fd >= 0 || !ring_empty(&n->files))
		return fstat(pass_fd(p, n), st) < 0 ? -errno : 0;
	fd = folder_of(p, n);
	return fd < 0 ? -ESTALE : describe_same(st, n, fd, n->name);
}

int pass_open_fd(const struct pass_node *n)
{
	return ring_empty(&n->files) ? -1
				     : LINK_OWNER(n->files.next, struct pass_file, of_node)->fd;
}

int pass_fd(struct pass *p, struct pass_node *n)
{
	if (n == &p->root)
		return n->fd;
	if (n->fd < 0)
		return ring_empty(&n->files) ? open_named(p, n) : pass_open_fd(n);
	ring_remove(&n->used);
	ring_add(&p->table.used, &n->used);
	return n->fd;
}

/* No rule tells deeper folders apart (cover.c). */
enum { PATH_PARTS = 20 };

static void remember_name(struct pass_node *n, const struct pass_node *folder, const char *name)
{
	n->parent = folder->id;
	n->unlinked = false;
	if (n->name && !strcmp(n->name, name))
		return;
	free(n->name);
	n->name = xstrdup(name);
}

bool pass_path(struct buf *out, const struct pass *p, const struct pass_node *n, const char *name)
{
	const char *parts[PATH_PARTS];
	size_t count = 0;

	if (name)
		parts[count++] = name;
	for (struct pass_node *up; n != &p->root; n = up) {
		parts[count++ % PATH_PARTS] = n->name;
		if (pass_node(&up, p, n->parent) < 0)
			return false;
	}
	buf_clear(out);
	for (size_t i = 0; i < count && i < PATH_PARTS; i++) {
		if (i)
			buf_addc(out, '/');
		buf_adds(out, parts[(count - 1 - i) % PATH_PARTS]);
	}
	return !buf_error(out);
}

void pass_retire(struct pass *p, struct pass_node *n)
{
	const struct stat st = {.st_dev = n->dev, .st_ino = n->ino, .st_mode = n->type};
	struct pass_node *heir;

	unhash(&p->table, n);
	n->retired = true;
	pass_forget_attributes(p, n->id);
	heir = node_new(&p->table, &st, n->born);
	heir->by_us = true;
	heir->parent = n->parent;
	heir->name = xstrdup(n->name);
	for (size_t i = 0; i < n->cover_count; i++) {
		heir->covers =
			xgrow(heir->covers, &heir->cover_cap, i + 1, sizeof(struct pass_cover *));
		heir->covers[heir->cover_count++] = n->covers[i];
	}
}

static void looked_up(struct pass *p, struct pass_node *n, const struct stat *st,
		      struct pass_node *folder, const char *name)
{
	pass_seen(p, n, st->st_nlink <= 1 || S_ISDIR(st->st_mode), folder, name);
	remember_name(n, folder, name);
	pass_leads_to(p, folder, name, n);
	n->git = (uint8_t)pass_git_of(p, folder, name);
	n->lookups++;
}

/* Can it do without a descriptor? What has one name only, and is known by its birth. */
static bool may_wait(const struct stat *st, struct timespec born)
{
	return S_ISREG(st->st_mode) && st->st_nlink == 1 && born.tv_sec != 0;
}

/* There is one, or it is made. */
static struct pass_node *node_for(struct pass_table *t, const struct stat *st, struct timespec born)
{
	struct pass_node *n = find(t, st->st_dev, st->st_ino);

	if (n && is_of(n, born))
		return n;
	if (n)
		unhash(t, n);
	return node_new(t, st, born);
}

int pass_enter(struct pass_node **out, struct stat *st, struct pass *p, int fd,
	       struct pass_node *folder, const char *name)
{
	struct pass_table *t = &p->table;
	struct pass_node *n;
	struct timespec born = {0};
	uint64_t mount;
	int r = describe(st, &born, &mount, fd, "");

	if (r < 0) {
		close(fd);
		return r;
	}
	n = node_for(t, st, born);
	if (n->fd < 0)
		take_descriptor(p, n, fd);
	else
		close(fd);
	looked_up(p, n, st, folder, name);
	*out = n;
	return 0;
}

int pass_enter_open(struct pass_node **out, struct stat *st, struct pass *p, int fd,
		    struct pass_node *folder, const char *name)
{
	struct timespec born = {0};
	uint64_t mount;
	char number[16];
	int r = describe(st, &born, &mount, fd, "");

	if (r < 0)
		return r;
	if (!may_wait(st, born)) {
		pass_proc_name(number, fd);
		fd = openat(p->proc, number, O_PATH | O_CLOEXEC);
		return fd < 0 ? -errno : pass_enter(out, st, p, fd, folder, name);
	}
	*out = node_for(&p->table, st, born);
	looked_up(p, *out, st, folder, name);
	return 0;
}

int pass_peek(struct pass_node **out, struct stat *st, struct pass *p, struct pass_node *folder,
	      const char *name)
{
	struct timespec born = {0};
	uint64_t mount;
	struct pass_node *n;
	int fd = pass_fd(p, folder), r = fd < 0 ? fd : describe(st, &born, &mount, fd, name);

	if (r < 0)
		return r;
	n = find(&p->table, st->st_dev, st->st_ino);
	*out = n && is_of(n, born) ? n : NULL;
	return 0;
}

void pass_each_node(struct pass *p, void (*fn)(struct pass *p, struct pass_node *n))
{
	const struct pass_table *t = &p->table;

	for (size_t i = 0; i < t->slot_count; i++)
		if (!((uintptr_t)t->slots[i] & 1))
			fn(p, t->slots[i]);
}

/* Most names that are looked up need not be opened: *out, or NULL. That no other file system is
 * entered by it, the mount's number tells, which is the same in all of the folder. */
static int look_unopened(struct pass_node **out, struct stat *st, struct pass *p, int fd,
			 const char *name)
{
	const struct pass_node *n;
	struct timespec born = {0};
	uint64_t mount = 0;
	int r;

	*out = NULL;
	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	r = describe(st, &born, &mount, fd, name);
	if (r < 0 || !mount || mount != p->table.mount)
		return r == -ENOENT ? r : 0;
	n = find(&p->table, st->st_dev, st->st_ino);
	if ((n && n->fd >= 0) || may_wait(st, born))
		*out = node_for(&p->table, st, born);
	return 0;
}

int pass_look(struct pass_node **out, struct stat *st, struct pass *p, struct pass_node *folder,
	      const char *name)
{
	int r, fd = pass_fd(p, folder);

	if (fd < 0)
		return fd;
	pass_watch(p, folder);
	if (pass_git_of(p, folder, name) == PASS_GIT_EXCLUDE)
		pass_git_exclude(p, fd);
	r = look_unopened(out, st, p, fd, name);
	if (r < 0)
		return r;
	if (*out) {
		looked_up(p, *out, st, folder, name);
		return 0;
	}
	fd = pass_resolve(fd, name, O_PATH, 0);
	return fd < 0 ? fd : pass_enter(out, st, p, fd, folder, name);
}

/* Others change the folder, too. */
static bool is_named(struct pass *p, const struct pass_node *n, int folder)
{
	struct stat st;

	if (fstatat(folder, n->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno != ENOENT;
	return st.st_ino == n->ino && st.st_dev == n->dev;
}

/* What has no name is opened by what is open of it; and what is to be cut, only when it is known to
 * be the file that is meant. That takes longer: /proc makes a name of its own for each. */
static int open_itself(struct stat *st, struct pass *p, struct pass_node *n, int flags)
{
	char number[16];
	int fd = pass_fd(p, n);

	if (fd < 0)
		return fd;
	pass_proc_name(number, fd);
	fd = openat(p->proc, number, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, st) == 0)
		return fd < 0 ? -errno : fd;
	close(fd);
	return -EIO;
}

int pass_open_node(struct stat *st, struct pass *p, struct pass_node *n, int flags)
{
	int fd, folder = n->unlinked ? -ESTALE : folder_of(p, n);

	if (folder < 0)
		return open_itself(st, p, n, flags);
	if (flags & O_TRUNC)
		return is_named(p, n, folder) ? open_itself(st, p, n, flags) : -ESTALE;
	/* Should it be a pipe by now, nobody waits; nor for a lease. */
	fd = pass_resolve(folder, n->name, (uint64_t)flags | O_NONBLOCK | O_NOCTTY, 0);
	if (fd == -EAGAIN)
		return open_itself(st, p, n, flags);
	if (fd < 0)
		return is_named(p, n, folder) ? fd : -ESTALE;
	if (describe_same(st, n, fd, "") == 0)
		return fd;
	close(fd);
	return -ESTALE;
}

void pass_unnamed(struct pass *p, const struct stat *st)
{
	struct pass_node *n = find(&p->table, st->st_dev, st->st_ino);

	if (n && st->st_nlink <= 1)
		n->unlinked = true;
}

void pass_renamed(struct pass *p, const struct stat *st, struct pass_node *folder, const char *name)
{
	struct pass_node *n = find(&p->table, st->st_dev, st->st_ino);

	if (!n)
		return;
	remember_name(n, folder, name);
	pass_leads_to(p, folder, name, n);
	n->git = (uint8_t)pass_git_of(p, folder, name);
}

void pass_becomes_past(struct pass *p, struct pass_node *n)
{
	unhash(&p->table, n);
	n->past = true;
}

void pass_forget(struct pass *p, uint64_t id, uint64_t lookups)
{
	struct pass_node *n;

	if (id == VIEW_ROOT || pass_node(&n, p, id) < 0)
		return;
	n->lookups -= lookups < n->lookups ? lookups : n->lookups;
	if (n->lookups == 0 && n->opens == 0)
		node_free(p, n);
}

void pass_op_forget(fuse_req_t req, fuse_ino_t node, uint64_t lookups)
{
	pass_forget(pass_of(req), node, lookups);
	fuse_reply_none(req);
}
