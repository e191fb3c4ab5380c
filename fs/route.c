/* SPDX-License-Identifier: MIT */
#include "edit.h"

/*
 * A mount is more than one file system: the book, the locks on it, and what is being written. Each
 * has a table of operations, and a request goes to the one that its node (for a name, its folder)
 * belongs to.
 */

static const struct fuse_lowlevel_ops *ops_of(fuse_req_t req, fuse_ino_t node)
{
	const struct fs *fs = fuse_req_userdata(req);

	if (draft_has(node))
		return &draft_ops;
	return lockfs_has(fs->locks, node) ? &lock_ops : &book_ops;
}

#define INFO struct fuse_file_info *fi
#define ROUTE(op, parameters, arguments)                                                           \
	static void route_##op parameters                                                          \
	{                                                                                          \
		ops_of(req, node)->op arguments;                                                   \
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
ROUTE(poll, (fuse_req_t req, fuse_ino_t node, INFO, struct fuse_pollhandle *ph),
      (req, node, fi, ph))
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
ROUTE(link, (fuse_req_t req, fuse_ino_t of, fuse_ino_t node, const char *name),
      (req, of, node, name))
ROUTE(flock, (fuse_req_t req, fuse_ino_t node, INFO, int op), (req, node, fi, op))
ROUTE(setlk, (fuse_req_t req, fuse_ino_t node, INFO, struct flock *range, int sleep),
      (req, node, fi, range, sleep))
ROUTE(getlk, (fuse_req_t req, fuse_ino_t node, INFO, struct flock *range), (req, node, fi, range))

static void route_rename(fuse_req_t req, fuse_ino_t folder, const char *name, fuse_ino_t to_folder,
			 const char *to_name, unsigned flags)
{
	const struct fs *fs = fuse_req_userdata(req);
	fuse_ino_t decides = lockfs_has(fs->locks, to_folder) ? to_folder : folder;

	ops_of(req, decides)->rename(req, folder, name, to_folder, to_name, flags);
}

static void init(void *userdata, struct fuse_conn_info *conn)
{
	book_ops.init(userdata, conn);
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
};
