/* SPDX-License-Identifier: MIT */
#include <sys/statvfs.h>

#include "edit.h"
#include "pass.h"

/*
 * A mount is more than one file system: the book, the locks on it, and what is being written. Each
 * has a table of operations, and a request goes to the one that its node (for a name, its folder)
 * belongs to.
 */

static const struct fuse_lowlevel_ops *ops_of(fuse_req_t req, fuse_ino_t node)
{
	const struct fs *fs = fuse_req_userdata(req);

	if (pass_has(fs->pass, node))
		return &pass_ops;
	if (draft_has(node))
		return &draft_ops;
	return lockfs_has(fs->locks, node) ? &lock_ops : &book_ops;
}

/* What a table has not, the kernel does not ask of its nodes. Should it, one request fails. */
#define INFO struct fuse_file_info *fi
#define ROUTE(op, parameters, arguments)                                                           \
	static void route_##op parameters                                                          \
	{                                                                                          \
		const struct fuse_lowlevel_ops *ops = ops_of(req, node);                           \
                                                                                                   \
		if (ops->op)                                                                       \
			ops->op arguments;                                                         \
		else                                                                               \
			fuse_reply_err(req, EOPNOTSUPP);                                           \
	}

ROUTE(lookup, (fuse_req_t req, fuse_ino_t node, const char *name), (req, node, name))
ROUTE(getattr, (fuse_req_t req, fuse_ino_t node, INFO), (req, node, fi))
ROUTE(setattr, (fuse_req_t req, fuse_ino_t node, struct stat *st, int to_set, INFO),
      (req, node, st, to_set, fi))
ROUTE(access, (fuse_req_t req, fuse_ino_t node, int mask), (req, node, mask))
ROUTE(readlink, (fuse_req_t req, fuse_ino_t node), (req, node))
ROUTE(opendir, (fuse_req_t req, fuse_ino_t node, INFO), (req, node, fi))
ROUTE(readdir, (fuse_req_t req, fuse_ino_t node, size_t size, off_t off, INFO),
      (req, node, size, off, fi))
ROUTE(readdirplus, (fuse_req_t req, fuse_ino_t node, size_t size, off_t off, INFO),
      (req, node, size, off, fi))
ROUTE(releasedir, (fuse_req_t req, fuse_ino_t node, INFO), (req, node, fi))
ROUTE(open, (fuse_req_t req, fuse_ino_t node, INFO), (req, node, fi))
ROUTE(read, (fuse_req_t req, fuse_ino_t node, size_t size, off_t off, INFO),
      (req, node, size, off, fi))
ROUTE(write, (fuse_req_t req, fuse_ino_t node, const char *data, size_t size, off_t off, INFO),
      (req, node, data, size, off, fi))
ROUTE(flush, (fuse_req_t req, fuse_ino_t node, INFO), (req, node, fi))
ROUTE(fsync, (fuse_req_t req, fuse_ino_t node, int datasync, INFO), (req, node, datasync, fi))
ROUTE(release, (fuse_req_t req, fuse_ino_t node, INFO), (req, node, fi))
ROUTE(create, (fuse_req_t req, fuse_ino_t node, const char *name, mode_t mode, INFO),
      (req, node, name, mode, fi))
ROUTE(mknod, (fuse_req_t req, fuse_ino_t node, const char *name, mode_t mode, dev_t dev),
      (req, node, name, mode, dev))
ROUTE(mkdir, (fuse_req_t req, fuse_ino_t node, const char *name, mode_t mode),
      (req, node, name, mode))
ROUTE(unlink, (fuse_req_t req, fuse_ino_t node, const char *name), (req, node, name))
ROUTE(rmdir, (fuse_req_t req, fuse_ino_t node, const char *name), (req, node, name))
ROUTE(symlink, (fuse_req_t req, const char *target, fuse_ino_t node, const char *name),
      (req, target, node, name))
ROUTE(flock, (fuse_req_t req, fuse_ino_t node, INFO, int op), (req, node, fi, op))
ROUTE(setlk, (fuse_req_t req, fuse_ino_t node, INFO, struct flock *range, int sleep),
      (req, node, fi, range, sleep))
ROUTE(getlk, (fuse_req_t req, fuse_ino_t node, INFO, struct flock *range), (req, node, fi, range))

static void route_poll(fuse_req_t req, fuse_ino_t node, INFO, struct fuse_pollhandle *ph)
{
	const struct fuse_lowlevel_ops *ops = ops_of(req, node);

	if (ops->poll)
		ops->poll(req, node, fi, ph);
	else
		node_ready(req, ph);
}

/* ---- what the book has not, and a folder's files have (pass.h). For a book that is no folder the
 * kernel is told once that there is no such thing, and asks no more. */

static bool is_pass(fuse_req_t req, fuse_ino_t node)
{
	const struct fs *fs = fuse_req_userdata(req);

	return pass_has(fs->pass, node);
}

/* Of the book's own nodes in such a mount, an answer for them alone. */
static void reply_lacks(fuse_req_t req, int code)
{
	const struct fs *fs = fuse_req_userdata(req);

	fuse_reply_err(req, fs->pass ? code : ENOSYS);
}

#define ROUTE_PASS(op, code, parameters, arguments)                                                \
	static void route_##op parameters                                                          \
	{                                                                                          \
		if (is_pass(req, node))                                                            \
			pass_ops.op arguments;                                                     \
		else                                                                               \
			reply_lacks(req, code);                                                    \
	}

ROUTE_PASS(setxattr, EOPNOTSUPP,
	   (fuse_req_t req, fuse_ino_t node, const char *name, const char *value, size_t size,
	    int flags),
	   (req, node, name, value, size, flags))
ROUTE_PASS(getxattr, EOPNOTSUPP, (fuse_req_t req, fuse_ino_t node, const char *name, size_t size),
	   (req, node, name, size))
ROUTE_PASS(listxattr, EOPNOTSUPP, (fuse_req_t req, fuse_ino_t node, size_t size), (req, node, size))
ROUTE_PASS(removexattr, EOPNOTSUPP, (fuse_req_t req, fuse_ino_t node, const char *name),
	   (req, node, name))
ROUTE_PASS(fallocate, EOPNOTSUPP,
	   (fuse_req_t req, fuse_ino_t node, int mode, off_t off, off_t len, INFO),
	   (req, node, mode, off, len, fi))
ROUTE_PASS(fsyncdir, 0, (fuse_req_t req, fuse_ino_t node, int datasync, INFO),
	   (req, node, datasync, fi))

static void route_forget(fuse_req_t req, fuse_ino_t node, uint64_t lookups)
{
	if (is_pass(req, node))
		pass_ops.forget(req, node, lookups);
	else
		fuse_reply_none(req);
}

static void route_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	struct fs *fs = fuse_req_userdata(req);

	for (size_t i = 0; fs->pass && i < count; i++)
		if (pass_has(fs->pass, forgets[i].ino))
			pass_forget(fs->pass, forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

/* What libfuse says of a file system that does not say it. */
static void route_statfs(fuse_req_t req, fuse_ino_t node)
{
	const struct statvfs none = {.f_namemax = 255, .f_bsize = 512};
	const struct fs *fs = fuse_req_userdata(req);

	if (fs->pass)
		pass_ops.statfs(req, node);
	else
		fuse_reply_statfs(req, &none);
}

/* Where all are the book's own, the kernel knows by itself that they have no holes. */
static void route_lseek(fuse_req_t req, fuse_ino_t node, off_t off, int whence, INFO)
{
	const struct fs *fs = fuse_req_userdata(req);

	if (fs->pass)
		ops_of(req, node)->lseek(req, node, off, whence, fi);
	else
		fuse_reply_err(req, ENOSYS);
}

static void route_copy_file_range(fuse_req_t req, fuse_ino_t from, off_t from_off,
				  struct fuse_file_info *from_fi, fuse_ino_t to, off_t to_off,
				  struct fuse_file_info *to_fi, size_t len, int flags)
{
	if (is_pass(req, from) && is_pass(req, to))
		pass_ops.copy_file_range(req, from, from_off, from_fi, to, to_off, to_fi, len,
					 flags);
	else
		reply_lacks(req, EXDEV);
}

/* ---- names of two file systems */

static bool crosses(const struct fs *fs, fuse_ino_t a, fuse_ino_t b)
{
	return pass_has(fs->pass, a) != pass_has(fs->pass, b);
}

static void route_link(fuse_req_t req, fuse_ino_t of, fuse_ino_t node, const char *name)
{
	const struct fs *fs = fuse_req_userdata(req);

	if (pass_has(fs->pass, node) && !pass_has(fs->pass, of))
		fuse_reply_err(req, EXDEV);
	else
		ops_of(req, node)->link(req, of, node, name);
}

static void route_rename(fuse_req_t req, fuse_ino_t folder, const char *name, fuse_ino_t to_folder,
			 const char *to_name, unsigned flags)
{
	const struct fs *fs = fuse_req_userdata(req);
	fuse_ino_t decides = lockfs_has(fs->locks, to_folder) ? to_folder : folder;

	if (!lockfs_has(fs->locks, decides) && crosses(fs, folder, to_folder)) {
		fuse_reply_err(req, EXDEV);
		return;
	}
	ops_of(req, decides)->rename(req, folder, name, to_folder, to_name, flags);
}

static void init(void *userdata, struct fuse_conn_info *conn)
{
	const struct fs *fs = userdata;

	book_ops.init(userdata, conn);
	if (fs->pass)
		pass_init(conn);
}

const struct fuse_lowlevel_ops fs_ops = {
	.init = init,
	.lookup = route_lookup,
	.getattr = route_getattr,
	.setattr = route_setattr,
	.access = route_access,
	.readlink = route_readlink,
	.opendir = route_opendir,
	.readdir = route_readdir,
	.readdirplus = route_readdirplus,
	.releasedir = route_releasedir,
	.open = route_open,
	.read = route_read,
	.write = route_write,
	.flush = route_flush,
	.fsync = route_fsync,
	.poll = route_poll,
	.release = route_release,
	.create = route_create,
	.rename = route_rename,
	.mknod = route_mknod,
	.mkdir = route_mkdir,
	.unlink = route_unlink,
	.rmdir = route_rmdir,
	.symlink = route_symlink,
	.link = route_link,
	.flock = route_flock,
	.setlk = route_setlk,
	.getlk = route_getlk,
	.forget = route_forget,
	.forget_multi = route_forget_multi,
	.statfs = route_statfs,
	.setxattr = route_setxattr,
	.getxattr = route_getxattr,
	.listxattr = route_listxattr,
	.removexattr = route_removexattr,
	.fallocate = route_fallocate,
	.fsyncdir = route_fsyncdir,
	.lseek = route_lseek,
	.copy_file_range = route_copy_file_range,
};
