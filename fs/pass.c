/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "pass.h"

/* These are ours whatever the folder has. */
static bool is_always_ours(const char *name)
{
	return !strcmp(name, "locks") || !strcmp(name, ".locks") || !strcmp(name, ".bookfs");
}

bool pass_is_ours(struct pass *p, const struct pass_node *folder, const char *name)
{
	struct view_attr attr;

	if (folder != &p->root || strv_has(&p->moved, name))
		return false;
	return node_lookup(&attr, p->fs, VIEW_ROOT, name) == 0;
}

bool pass_hides(const struct pass *p, const struct pass_node *folder, const char *name)
{
	size_t len;

	if (folder->ino == p->store_ino && folder->dev == p->store_dev) {
		len = strlen(p->store_name);
		if (!strncmp(name, p->store_name, len) && (!name[len] || name[len] == '-'))
			return true;
	}
	return folder->ino == p->mount_ino && folder->dev == p->mount_dev &&
	       !strcmp(name, p->mount_name);
}

/* ---- names of ours that the folder has, too */

bool pass_moved(const struct pass *p, const char *name)
{
	return strv_has(&p->moved, name);
}

void pass_list_moved(struct pass *p, struct view_list *list)
{
	struct view_attr a;

	for (size_t i = 0; i < p->moved.len; i++) {
		if (node_lookup(&a, p->fs, VIEW_ROOT, p->moved.items[i]) < 0)
			continue;
		list->items = xgrow(list->items, &list->cap, list->len + 1, sizeof(*list->items));
		list->items[list->len++] = (struct view_item){.name = xstrdup(p->moved.items[i]),
							      .node = a.node,
							      .ino = a.ino,
							      .mode = a.mode};
	}
}

static void find_moved(struct pass *p)
{
	CLEANUP(buf_finish) struct buf names = {0};
	struct view_attr attr;
	const struct dirent *d;
	DIR *dir = fdopendir(openat(p->root.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	while (dir && (d = readdir(dir))) {
		if (is_always_ours(d->d_name) ||
		    node_lookup(&attr, p->fs, VIEW_ROOT, d->d_name) < 0)
			continue;
		buf_addf(&names, "%s%s", names.len ? ", " : "", d->d_name);
		strv_add(&p->moved, d->d_name);
	}
	if (dir)
		closedir(dir);
	if (names.len)
		fprintf(stderr,
			"bookfs: the folder has names that are ours, too: %s; ours are in "
			".bookfs/\n",
			buf_str(&names));
	view_set_moved(p->fs->views, &p->moved);
}

static bool is_to_move(struct pass *p, const char *name)
{
	struct view_attr attr;
	struct stat st;

	return !is_always_ours(name) && node_lookup(&attr, p->fs, VIEW_ROOT, name) == 0 &&
	       fstatat(p->root.fd, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0;
}

static void tell_moved(struct pass *p, const char *name)
{
	const uint64_t folders[] = {p->fs->control_folder, VIEW_ROOT};

	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		struct view_change c = {.folder = folders[i]};

		snprintf(c.name, sizeof(c.name), "%s", name);
		notify_name(p->fs->notify, &c);
	}
}

void pass_root_changed(struct pass *p, const char *name)
{
	bool move = is_to_move(p, name);
	struct strv moved = {0};

	if (move == strv_has(&p->moved, name))
		return;
	for (size_t i = 0; i < p->moved.len; i++)
		if (strcmp(p->moved.items[i], name) != 0)
			strv_add(&moved, p->moved.items[i]);
	if (move)
		strv_add(&moved, name);
	strv_finish(&p->moved);
	p->moved = moved;
	view_set_moved(p->fs->views, &p->moved);
	pass_git_names(p);
	tell_moved(p, name);
	if (move)
		log_warn("the folder has a name that is ours, too: %s; ours is .bookfs/%s", name,
			 name);
	else
		log_info("%s is ours again: the folder has no such name any more", name);
}

/* ---- the whole */

/* The folder that a path names something in, and its name there. */
static void locate(dev_t *dev, ino_t *ino, char **name, const char *path)
{
	const char *slash = strrchr(path, '/');
	CLEANUP(cleanup_free)
	char *folder = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
	struct stat st;

	*name = xstrdup(slash ? slash + 1 : path);
	if (stat(folder, &st) == 0) {
		*dev = st.st_dev;
		*ino = st.st_ino;
	}
}

static int open_root(struct pass *p, const char *folder)
{
	struct stat st;

	p->root = (struct pass_node){.id = VIEW_ROOT, .type = S_IFDIR, .lookups = 1};
	ring_init(&p->root.owners);
	ring_init(&p->root.files);
	ring_init(&p->root.names);
	ring_init(&p->root.used);
	p->root.fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	p->proc = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->root.fd < 0 || p->proc < 0 || fstat(p->root.fd, &st) < 0)
		return -errno;
	p->root.dev = st.st_dev;
	p->root.ino = st.st_ino;
	pass_table_knows_mount(p);
	pass_watch_init(p);
	return 0;
}

int pass_new(struct pass **out, struct fs *fs, struct err *err)
{
	const struct options *o = fs->options;
	struct pass *p;
	struct stat st;
	int r;

	if (stat(o->book, &st) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	p = xcalloc(1, sizeof(*p));
	p->fs = fs;
	ring_init(&p->files);
	ring_init(&p->folders);
	pass_table_init(p);
	pass_fence_init(p);
	pass_own_init(p);
	pass_waits_init(p);
	pass_delegate_init(p);
	*out = p;
	r = open_root(p, o->book);
	if (r < 0)
		return err_set(err, r, "%s: %s", o->book, strerror(-r));
	locate(&p->store_dev, &p->store_ino, &p->store_name, store_path(fs->engine->store));
	locate(&p->mount_dev, &p->mount_ino, &p->mount_name, o->dir);
	/* A file's mode is its maker's affair: the kernel has taken his umask off. This thread
	 * alone, as SQLite's has ours. */
	if (unshare(CLONE_FS) == 0)
		umask(0);
	find_moved(p);
	pass_git_names(p);
	return pass_rules_init(p, err);
}

void pass_end(struct pass *p)
{
	if (!p)
		return;
	pass_waits_end(p);
	pass_delegate_end(p);
}

struct pass *pass_free(struct pass *p)
{
	if (!p)
		return NULL;
	while (!ring_empty(&p->files))
		pass_file_free(p->files.next);
	while (!ring_empty(&p->folders))
		pass_folder_free(p->folders.next);
	pass_table_finish(p);
	pass_watch_finish(p);
	pass_fence_finish(p);
	pass_own_finish(p);
	pass_waits_finish(p);
	pass_delegate_finish(p);
	cleanup_close(&p->root.fd);
	cleanup_close(&p->proc);
	strv_finish(&p->moved);
	free(p->store_name);
	free(p->mount_name);
	free(p->git_names);
	free(p->chunk);
	free(p);
	return NULL;
}

void pass_init(struct fuse_conn_info *conn)
{
	/* Writing as root takes no set-id bit away: the kernel shall. */
	conn->want &= ~(unsigned)FUSE_CAP_HANDLE_KILLPRIV;
	/* Where ours lead changes with what is moved. */
	conn->want &= ~(unsigned)FUSE_CAP_CACHE_SYMLINKS;
	/* What is read much at once: pass_files.c. */
	conn->want |= conn->capable & FUSE_CAP_SPLICE_WRITE;
}

const struct fuse_lowlevel_ops pass_ops = {
	.lookup = pass_lookup,
	.forget = pass_op_forget,
	.getattr = pass_getattr,
	.setattr = pass_setattr,
	.access = pass_access,
	.readlink = pass_readlink,
	.statfs = pass_statfs,
	.setxattr = pass_setxattr,
	.getxattr = pass_getxattr,
	.listxattr = pass_listxattr,
	.removexattr = pass_removexattr,
	.opendir = pass_opendir,
	.readdir = pass_readdir,
	.readdirplus = pass_readdirplus,
	.releasedir = pass_releasedir,
	.fsyncdir = pass_fsyncdir,
	.create = pass_create,
	.mknod = pass_mknod,
	.mkdir = pass_mkdir,
	.symlink = pass_symlink,
	.link = pass_link,
	.unlink = pass_unlink,
	.rmdir = pass_rmdir,
	.rename = pass_rename,
	.open = pass_open,
	.read = pass_read,
	.write = pass_write,
	.flush = pass_flush,
	.fsync = pass_fsync,
	.release = pass_release,
	.fallocate = pass_fallocate,
	.copy_file_range = pass_copy,
	.lseek = pass_lseek,
	.flock = pass_flock,
	.setlk = pass_setlk,
	.getlk = pass_getlk,
};
