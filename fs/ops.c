/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "edit.h"

/*
 * What the kernel asks: find the node, ask a view, reply exactly once. There is no inode table, so
 * there is nothing to forget.
 */

static struct fs *fs_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

void fs_refuse(fuse_req_t req, uint64_t node, const char *name, int code, const char *reason)
{
	struct fs *fs = fs_of(req);
	struct view_attr attr;
	struct caller caller;

	caller_find(&caller, fuse_req_ctx(req));
	if (node_attr(&attr, fs, node) < 0)
		attr.ino = 0;
	why_remember(fs->why, &caller, attr.ino, name, code, reason);
	fuse_reply_err(req, -code);
}

/* The files whose bytes fs makes have the size that their reader will find. */
static void fill_host_size(struct view_attr *a, struct fs *fs, fuse_req_t req)
{
	CLEANUP(buf_finish) struct buf bytes = {0};

	if (a->class != VIEW_HOST && a->class != VIEW_CONTROL)
		return;
	host_bytes(&bytes, fs, a->host, req);
	a->size_bytes = bytes.len;
}

/* A folder whose list changes by itself must be asked again; elsewhere "no such file" stays true.
 */
static void reply_no_entry(fuse_req_t req, uint64_t folder)
{
	struct view_attr attr;
	const struct fuse_entry_param none = {.entry_timeout = 86400};

	if (view_attr(&attr, fs_of(req)->views, folder) < 0 || attr.volatile_list)
		fuse_reply_err(req, ENOENT);
	else
		fuse_reply_entry(req, &none);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fs_of(req);
	bool helper = helper_is(fs->helper, req);
	struct fuse_entry_param e;
	struct view_attr attr;
	int r;

	if (helper ? pass_shows(req, parent, name) : edit_lookup(req, parent, name))
		return;
	r = helper ? helper_lookup(&attr, fs->helper, parent, name)
		   : node_lookup(&attr, fs, parent, name);
	if (r == -ENOENT && !helper) {
		reply_no_entry(req, parent);
	} else if (r < 0) {
		fuse_reply_err(req, -r);
	} else {
		fill_host_size(&attr, fs, req);
		node_entry(&e, fs, &attr);
		/* What the helper is shown is true for it alone. */
		if (helper)
			e.entry_timeout = 0;
		fuse_reply_entry(req, &e);
	}
}

static void reply_attr(fuse_req_t req, struct view_attr *a)
{
	struct stat st;

	fill_host_size(a, fs_of(req), req);
	node_stat(&st, fs_of(req), a);
	fuse_reply_attr(req, &st, node_attr_timeout(a));
}

static void op_getattr(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct view_attr attr;
	int r = node_attr(&attr, fs_of(req), node);

	if (r < 0)
		fuse_reply_err(req, -r);
	else
		reply_attr(req, &attr);
}

/* truncate(2) of ctl does nothing, as `echo > ctl` does. All else that would change something of
 * what is not editable is refused, chmod and touch too. */
static void op_setattr(fuse_req_t req, fuse_ino_t node, struct stat *st, int to_set,
		       struct fuse_file_info *fi)
{
	struct view_attr attr;
	int r = node_attr(&attr, fs_of(req), node);

	if (r < 0)
		fuse_reply_err(req, -r);
	else if (attr.class == VIEW_CONTROL && !(to_set & ~(FUSE_SET_ATTR_SIZE)))
		reply_attr(req, &attr);
	else if (attr.editable)
		edit_setattr(req, &attr, st, to_set);
	else
		fs_refuse(req, node, NULL, -EROFS, NULL);
}

static void op_access(fuse_req_t req, fuse_ino_t node, int mask)
{
	struct view_attr attr;
	int r = node_attr(&attr, fs_of(req), node);

	const char *reason;

	if (r == 0 && mask & W_OK && (attr.editable || attr.scratch))
		r = edit_allowed(req, &reason);
	else if (r == 0 && mask & W_OK && attr.class != VIEW_CONTROL)
		r = -EROFS;
	if (r == 0 && mask & X_OK && !(attr.mode & 0111))
		r = -EACCES;
	fuse_reply_err(req, -r);
}

static void op_readlink(fuse_req_t req, fuse_ino_t node)
{
	CLEANUP(cleanup_free) char *target = NULL;
	int r = view_link(&target, fs_of(req)->views, node);

	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_readlink(req, target);
}

/* ---- folders */

static void op_opendir(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct view_list *list = NULL;
	struct view_attr attr;
	int r = view_attr(&attr, fs->views, node);

	if (r == 0)
		r = view_list(&list, fs->views, node);
	if (r < 0) {
		fuse_reply_err(req, -r);
		return;
	}
	if (fs->pass && node == fs->control_folder)
		pass_list_moved(fs->pass, list);
	fi->fh = (uintptr_t)list;
	/* What is beside the book's own comes and goes by itself too. */
	fi->cache_readdir = fi->keep_cache =
		!drafts_list(list, fs->drafts, node) && !attr.volatile_list;
	if (fuse_reply_open(req, fi) != 0)
		view_list_free(list);
}

static void op_releasedir(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	view_list_free((struct view_list *)(uintptr_t)fi->fh);
	fuse_reply_err(req, 0);
}

/* An entry with its attributes, so that ls -l asks for nothing more. One whose node has passed
 * since the folder was opened goes without them, and is looked up. */
static size_t add_plus(fuse_req_t req, char *out, size_t room, const struct view_item *item,
		       off_t next)
{
	struct fs *fs = fs_of(req);
	struct fuse_entry_param e = {.attr = {.st_ino = item->ino, .st_mode = item->mode}};
	struct view_attr attr;

	const struct draft *d = draft_has(item->node) ? draft_at(fs->drafts, item->node) : NULL;

	if (d && next > 2) {
		draft_entry(&e, d);
	} else if (next > 2 && view_attr(&attr, fs->views, item->node) == 0) {
		fill_host_size(&attr, fs, req);
		node_entry(&e, fs, &attr);
	}
	return fuse_add_direntry_plus(req, out, room, item->name, &e, next);
}

static size_t add_plain(fuse_req_t req, char *out, size_t room, const struct view_item *item,
			off_t next)
{
	const struct stat st = {.st_ino = item->ino, .st_mode = item->mode};

	return fuse_add_direntry(req, out, room, item->name, &st, next);
}

/* "." and ".." come first, then the list. */
static struct view_item item_at(struct fs *fs, uint64_t folder, const struct view_list *list,
				off_t at)
{
	struct view_item dots = {.name = at ? ".." : ".", .mode = S_IFDIR};
	struct view_attr attr;
	uint64_t node = folder;

	if (at >= 2)
		return list->items[at - 2];
	if (at == 1 && view_parent(&node, fs->views, folder) < 0)
		node = VIEW_ROOT;
	if (view_attr(&attr, fs->views, node) == 0)
		dots.ino = attr.ino;
	return dots;
}

static void read_folder(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
			struct fuse_file_info *fi,
			size_t (*add)(fuse_req_t req, char *out, size_t room,
				      const struct view_item *item, off_t next))
{
	const struct view_list *list = (const struct view_list *)(uintptr_t)fi->fh;
	CLEANUP(cleanup_free) char *out = malloc(size);
	size_t used = 0;

	if (!out) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	for (off_t at = offset; at < (off_t)list->len + 2; at++) {
		const struct view_item item = item_at(fs_of(req), node, list, at);
		size_t n = add(req, out + used, size - used, &item, at + 1);

		if (n > size - used)
			break;
		used += n;
	}
	fuse_reply_buf(req, out, used);
}

static void op_readdir(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
		       struct fuse_file_info *fi)
{
	read_folder(req, node, size, offset, fi, add_plain);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
			   struct fuse_file_info *fi)
{
	read_folder(req, node, size, offset, fi, add_plus);
}

/* ---- files */

static void host_open(fuse_req_t req, const struct view_attr *a, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct handle *h = handle_new(fs, a);

	host_bytes(&h->bytes, fs, a->host, req);
	fi->direct_io = 1;
	handle_reply(req, fi, h);
}

static void events_open(fuse_req_t req, const struct view_attr *a, struct fuse_file_info *fi)
{
	struct handle *h = handle_new(fs_of(req), a);
	int r = stream_open(&h->stream, fs_of(req)->streams);

	if (r < 0) {
		handle_free(h);
		fs_refuse(req, a->node, NULL, r, NULL);
		return;
	}
	fi->direct_io = 1;
	handle_reply(req, fi, h);
}

static void (*const opens[])(fuse_req_t req, const struct view_attr *a,
			     struct fuse_file_info *fi) = {
	[VIEW_STABLE] = content_open, [VIEW_DOCUMENT] = content_open, [VIEW_GROWING] = content_open,
	[VIEW_TRIGGER] = parked_open, [VIEW_HOST] = host_open,	      [VIEW_STREAM] = events_open,
	[VIEW_CONTROL] = host_open,   [VIEW_HELD] = held_open,
};

/* The kernel leaves truncating to the open, even to one for reading. */
static bool is_for_writing(const struct fuse_file_info *fi)
{
	return (fi->flags & O_ACCMODE) != O_RDONLY || fi->flags & O_TRUNC;
}

/* Others may read what the mount's owner lets them see; commands are the owner's. */
static bool may_write(fuse_req_t req, const struct view_attr *a)
{
	uid_t uid = fuse_req_ctx(req)->uid;

	return a->class == VIEW_CONTROL && (uid == getuid() || uid == 0);
}

static void open_as(fuse_req_t req, const struct view_attr *a, struct fuse_file_info *fi)
{
	if (a->of_analysis)
		ahead_opened(req, a->chapter);
	opens[a->class](req, a, fi);
}

void book_open(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct view_attr attr;
	int r = node_attr(&attr, fs_of(req), node);

	/* Who writes begins from what is there now; and the kernel looks up once, for the draft. */
	if (r == -ESTALE && is_for_writing(fi))
		r = view_attr_now(&attr, fs_of(req)->views, node);
	if (r < 0)
		fuse_reply_err(req, -r);
	else if (is_for_writing(fi) && attr.editable)
		edit_open(req, &attr, fi);
	else if (is_for_writing(fi) && !may_write(req, &attr))
		fs_refuse(req, node, NULL, attr.class == VIEW_CONTROL ? -EACCES : -EROFS,
			  attr.class == VIEW_CONTROL ? "commands are for who mounted the book"
						     : NULL);
	else if ((size_t)attr.class >= ARRAY_LEN(opens) || !opens[attr.class])
		fuse_reply_err(req, EISDIR);
	else
		open_as(req, &attr, fi);
}

static void op_open(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	if (is_for_writing(fi) || !fresh_open(req, node, fi))
		book_open(req, node, fi);
}

static struct handle *handle_of(const struct fuse_file_info *fi)
{
	return (struct handle *)(uintptr_t)fi->fh;
}

static void op_read(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
		    struct fuse_file_info *fi)
{
	struct handle *h = handle_of(fi);

	if (!h)
		fuse_reply_err(req, EBADF);
	else if (h->held)
		held_read(req, h, size, offset);
	else if (h->stream)
		stream_read(req, h->stream, size, fi->flags & O_NONBLOCK);
	else if (h->class == VIEW_HOST || h->class == VIEW_CONTROL)
		reply_slice(req, h->bytes.data, h->bytes.len, size, offset);
	else
		content_read(req, h, size, offset);
}

static void op_write(fuse_req_t req, fuse_ino_t node, const char *data, size_t size, off_t offset,
		     struct fuse_file_info *fi)
{
	const struct handle *h = handle_of(fi);

	if (!h || h->class != VIEW_CONTROL)
		fs_refuse(req, node, NULL, -EROFS, NULL);
	else
		control_write(req, data, size);
}

static void op_poll(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi,
		    struct fuse_pollhandle *ph)
{
	struct handle *h = handle_of(fi);

	if (h && h->stream)
		stream_poll(req, h->stream, ph);
	else
		node_ready(req, ph);
}

static void op_lseek(fuse_req_t req, fuse_ino_t node, off_t off, int whence,
		     struct fuse_file_info *fi)
{
	const struct handle *h = handle_of(fi);
	uint64_t size_bytes = h ? h->size_bytes : 0;
	struct view_attr attr;

	if (h && (h->class == VIEW_HOST || h->class == VIEW_CONTROL))
		size_bytes = h->bytes.len;
	else if (h && h->class == VIEW_GROWING && node_attr(&attr, h->fs, node) == 0)
		size_bytes = attr.size_bytes;
	node_seek(req, size_bytes, off, whence);
}

static void op_flush(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	fuse_reply_err(req, 0);
}

static void op_fsync(fuse_req_t req, fuse_ino_t node, int datasync, struct fuse_file_info *fi)
{
	fuse_reply_err(req, 0);
}

static void op_flock(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi, int op)
{
	if (handle_of(fi))
		file_flock(req, handle_of(fi), op);
	else
		fuse_reply_err(req, EBADF);
}

static void op_setlk(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi,
		     struct flock *range, int sleep)
{
	file_setlk(req, handle_of(fi), range);
}

static void op_getlk(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi,
		     struct flock *range)
{
	range->l_type = F_UNLCK;
	fuse_reply_lock(req, range);
}

static void op_release(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	handle_free(handle_of(fi));
	fuse_reply_err(req, 0);
}

/* ---- names: the helper makes some, and persons */

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		      struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct fuse_entry_param e;
	struct view_attr attr;

	if (!helper_is(fs->helper, req)) {
		edit_create(req, parent, name, mode, fi);
		return;
	}
	if (helper_create(&attr, fs->helper, parent, name) < 0) {
		fs_refuse(req, parent, name, -EROFS, NULL);
		return;
	}
	node_entry(&e, fs, &attr);
	e.entry_timeout = 0;
	fi->fh = 0;
	fuse_reply_create(req, &e, fi);
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to_parent,
		      const char *to_name, unsigned flags)
{
	struct fs *fs = fs_of(req);

	if (flags & ~(unsigned)RENAME_NOREPLACE)
		fs_refuse(req, to_parent, to_name, -EINVAL, "names here are not exchanged");
	else if (!helper_is(fs->helper, req))
		edit_rename(req, parent, name, to_parent, to_name);
	else if (helper_rename(fs->helper, parent, name, to_parent, to_name) == 0)
		fuse_reply_err(req, 0);
	else
		fs_refuse(req, to_parent, to_name, -EROFS, NULL);
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev)
{
	edit_mknod(req, parent, name, mode);
}

static const char folders_are_fixed[] = "the folders of a mounted book are what they are";

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	fs_refuse(req, parent, name, -EROFS, folders_are_fixed);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	if (helper_is(fs_of(req)->helper, req))
		fs_refuse(req, parent, name, -EROFS, NULL);
	else
		edit_unlink(req, parent, name);
}

static void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	fs_refuse(req, parent, name, -EROFS, folders_are_fixed);
}

static void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	edit_symlink(req, target, parent, name);
}

static void op_link(fuse_req_t req, fuse_ino_t node, fuse_ino_t parent, const char *name)
{
	struct view_attr attr;
	bool scratch = node_attr(&attr, fs_of(req), parent) == 0 && attr.scratch;

	fs_refuse(req, parent, name, scratch ? -EPERM : -EROFS,
		  scratch ? "a file here has one name: cp makes another file" : NULL);
}

/* ---- */

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	conn->max_background = 64;
	conn->want |= conn->capable & FUSE_CAP_CACHE_SYMLINKS;
	conn->want |= conn->capable & (FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO);
	/* Descriptors of requests in pipes would be two system calls more for each. */
	conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE);
}

const struct fuse_lowlevel_ops book_ops = {
	.init = op_init,
	.lookup = op_lookup,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.access = op_access,
	.readlink = op_readlink,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.releasedir = op_releasedir,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.flush = op_flush,
	.fsync = op_fsync,
	.poll = op_poll,
	.lseek = op_lseek,
	.release = op_release,
	.create = op_create,
	.rename = op_rename,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.symlink = op_symlink,
	.link = op_link,
	.flock = op_flock,
	.setlk = op_setlk,
	.getlk = op_getlk,
};
