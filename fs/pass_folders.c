/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "pass.h"

/*
 * Folders. The root is merged of the folder's names and ours, and listed as it was when it was
 * opened or read from its start again; any other folder is read as the caller goes, and its offsets
 * are those of its own file system. The kernel keeps its list for the next who opens it, as it
 * keeps a file's pages; who finds it there needs no descriptor.
 */

struct pass_folder {
	struct link link;
	int fd;			  /* -1: nobody has needed it yet */
	DIR *dir;		  /* which has that; NULL: nobody has read it yet */
	struct view_list *merged; /* the root's; NULL: to be made */
	bool root;
	off_t at;		   /* where dir stands */
	const struct dirent *kept; /* read and not handed out */
};

/* ---- looking up */

void pass_lookup(fuse_req_t req, fuse_ino_t folder, const char *name)
{
	struct pass *p = pass_of(req);
	struct fuse_entry_param e = {0};
	struct pass_node *n, *in;
	struct stat st;
	int r = pass_node(&in, p, folder);

	if (r == 0 && pass_is_ours(p, in, name)) {
		book_ops.lookup(req, folder, name);
		return;
	}
	if (r == 0)
		r = pass_hides(p, in, name) ? -ENOENT : pass_look(&n, &st, p, in, name);
	/* It was the folder's until now. */
	if (r == -ENOENT && in == &p->root && pass_moved(p, name)) {
		pass_root_changed(p, name);
		book_ops.lookup(req, folder, name);
		return;
	}
	if (r == 0)
		pass_entry(&e, p, n, &st);
	else if (r == -ENOENT)
		e.entry_timeout = pass_absent(p, in, name);
	if (r < 0 && r != -ENOENT)
		fuse_reply_err(req, -r);
	else if (fuse_reply_entry(req, &e) < 0 && e.ino)
		pass_forget(p, e.ino, 1);
}

/* ---- the merged root */

static void merge_item(struct view_list *l, const char *name, uint64_t node, ino_t ino, mode_t mode)
{
	l->items = xgrow(l->items, &l->cap, l->len + 1, sizeof(*l->items));
	l->items[l->len++] =
		(struct view_item){.name = xstrdup(name), .node = node, .ino = ino, .mode = mode};
}

static struct view_list *merge(struct pass *p, DIR *dir)
{
	struct view_list *l = xcalloc(1, sizeof(*l)), *ours = NULL;
	const struct dirent *d;

	merge_item(l, ".", 0, p->root.ino, S_IFDIR);
	merge_item(l, "..", 0, p->root.ino, S_IFDIR);
	rewinddir(dir);
	while ((d = readdir(dir)))
		if (strcmp(d->d_name, ".") && strcmp(d->d_name, "..") &&
		    !pass_hides(p, &p->root, d->d_name) && !pass_is_ours(p, &p->root, d->d_name))
			merge_item(l, d->d_name, 0, d->d_ino, DTTOIF(d->d_type));
	if (view_list(&ours, p->fs->views, VIEW_ROOT) < 0)
		return l;
	for (size_t i = 0; i < ours->len; i++)
		if (pass_is_ours(p, &p->root, ours->items[i].name))
			merge_item(l, ours->items[i].name, ours->items[i].node, ours->items[i].ino,
				   ours->items[i].mode);
	view_list_free(ours);
	return l;
}

/* ---- opening and closing */

void pass_folder_free(struct link *l)
{
	struct pass_folder *f = LINK_OWNER(l, struct pass_folder, link);

	ring_remove(&f->link);
	if (f->dir)
		closedir(f->dir);
	else
		cleanup_close(&f->fd);
	view_list_free(f->merged);
	free(f);
}

static int open_folder(struct pass_folder *f, struct pass *p, struct pass_node *n)
{
	int r = f->fd < 0 ? pass_room(p) : 0;

	if (r < 0 || f->fd >= 0)
		return r < 0 ? r : f->fd;
	r = pass_fd(p, n);
	if (r < 0)
		return r;
	f->fd = openat(r, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return f->fd < 0 ? -errno : f->fd;
}

void pass_opendir(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct pass *p = pass_of(req);
	struct pass_folder *f = xcalloc(1, sizeof(*f));
	struct pass_node *n = NULL;
	struct stat st = {0};
	int r = pass_node(&n, p, node);

	*f = (struct pass_folder){.fd = -1, .root = node == VIEW_ROOT};
	ring_add(&p->folders, &f->link);
	if (r == 0)
		r = pass_stat(&st, p, n);
	if (r == 0) {
		fi->fh = (uintptr_t)f;
		fi->cache_readdir = !f->root;
		fi->keep_cache = fi->cache_readdir && pass_keeps_pages(n, &st);
		r = fi->keep_cache ? 0 : open_folder(f, p, n);
	}
	if (r < 0)
		fuse_reply_err(req, -r);
	if (r < 0 || fuse_reply_open(req, fi) != 0)
		pass_folder_free(&f->link);
}

static struct pass_folder *folder_of(const struct fuse_file_info *fi)
{
	return (struct pass_folder *)(uintptr_t)fi->fh;
}

void pass_releasedir(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	pass_folder_free(&folder_of(fi)->link);
	fuse_reply_err(req, 0);
}

/* ---- reading */

/* What is added to an answer; its attributes too, where they were asked for. */
struct listing {
	fuse_req_t req;
	struct pass *p;
	struct pass_node *folder;
	bool plus;
	char *out;
	size_t room, used;
};

/* Attributes go along where the file can be looked at; else the kernel will ask, and be told. */
static struct pass_node *look_along(struct fuse_entry_param *e, const struct listing *l,
				    const struct view_item *item)
{
	struct view_attr attr;
	struct pass_node *n;
	struct stat st;

	if (!strcmp(item->name, ".") || !strcmp(item->name, ".."))
		return NULL;
	if (item->node) {
		if (view_attr(&attr, l->p->fs->views, item->node) == 0)
			node_entry(e, l->p->fs, &attr);
		return NULL;
	}
	if (pass_look(&n, &st, l->p, l->folder, item->name) < 0)
		return NULL;
	pass_entry(e, l->p, n, &st);
	return n;
}

/* Is there room for it? */
static bool add(struct listing *l, const struct view_item *item, off_t next)
{
	struct fuse_entry_param e = {.attr = {.st_ino = item->ino, .st_mode = item->mode}};
	struct pass_node *n = l->plus ? look_along(&e, l, item) : NULL;
	char *at = l->out + l->used;
	size_t room = l->room - l->used, len;

	len = l->plus ? fuse_add_direntry_plus(l->req, at, room, item->name, &e, next)
		      : fuse_add_direntry(l->req, at, room, item->name, &e.attr, next);
	if (len > room) {
		if (n)
			pass_forget(l->p, n->id, 1);
		return false;
	}
	l->used += len;
	return true;
}

static void read_merged(struct listing *l, struct pass_folder *f, off_t off)
{
	if (off == 0 || !f->merged) {
		view_list_free(f->merged);
		f->merged = merge(l->p, f->dir);
	}
	for (size_t i = (size_t)off; i < f->merged->len; i++)
		if (!add(l, &f->merged->items[i], (off_t)i + 1))
			return;
}

static int read_own(struct listing *l, struct pass_folder *f, off_t off)
{
	if (off != f->at) {
		f->kept = NULL;
		seekdir(f->dir, off);
		f->at = off;
	}
	for (;;) {
		const struct dirent *d = f->kept;

		errno = 0;
		if (!d)
			d = readdir(f->dir);
		if (!d)
			return -errno;
		f->kept = d;
		if (!pass_hides(l->p, l->folder, d->d_name)) {
			const struct view_item item = {.name = (char *)d->d_name,
						       .ino = d->d_ino,
						       .mode = DTTOIF(d->d_type)};

			if (!add(l, &item, d->d_off))
				return 0;
		}
		f->kept = NULL;
		f->at = d->d_off;
	}
}

static int open_list(struct pass_folder *f, struct pass *p, struct pass_node *n)
{
	int r = f->dir ? 0 : open_folder(f, p, n);

	if (r >= 0 && !f->dir)
		f->dir = fdopendir(f->fd);
	return r < 0 ? r : f->dir ? 0 : -errno;
}

static void read_folder(fuse_req_t req, fuse_ino_t node, size_t size, off_t off,
			struct fuse_file_info *fi, bool plus)
{
	struct pass_folder *f = folder_of(fi);
	CLEANUP(cleanup_free) char *out = malloc(size);
	struct listing l = {.req = req, .p = pass_of(req), .plus = plus, .out = out, .room = size};
	int r = out ? pass_node(&l.folder, l.p, node) : -ENOMEM;

	if (r == 0)
		r = open_list(f, l.p, l.folder);
	if (r == 0 && f->root)
		read_merged(&l, f, off);
	else if (r == 0)
		r = read_own(&l, f, off);
	if (r < 0 && !l.used)
		fuse_reply_err(req, -r);
	else
		fuse_reply_buf(req, out, l.used);
}

void pass_readdir(fuse_req_t req, fuse_ino_t node, size_t size, off_t off,
		  struct fuse_file_info *fi)
{
	read_folder(req, node, size, off, fi, false);
}

void pass_readdirplus(fuse_req_t req, fuse_ino_t node, size_t size, off_t off,
		      struct fuse_file_info *fi)
{
	read_folder(req, node, size, off, fi, true);
}

int pass_folder_fd(struct pass *p, fuse_ino_t node, const struct fuse_file_info *fi)
{
	struct pass_node *n;
	int r = pass_node(&n, p, node);

	return r < 0 ? r : open_folder(folder_of(fi), p, n);
}
