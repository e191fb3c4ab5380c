/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include "pass.h"

/* The descriptor by which a node's attributes are read: the open file's, or the node's own. */
static int fd_of(struct pass_node **out, fuse_req_t req, fuse_ino_t node)
{
	int r = pass_node(out, pass_of(req), node);

	return r < 0 ? r : pass_fd(pass_of(req), *out);
}

static void reply_attr(fuse_req_t req, struct pass_node *n, int r, const struct stat *st)
{
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_attr(req, st, pass_trusts(pass_of(req), n, st));
}

static bool is_open(const struct pass_node *n, const struct fuse_file_info *fi)
{
	return fi && fi->fh && S_ISREG(n->type);
}

void pass_getattr(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct pass_node *n;
	struct stat st;
	int r = pass_node(&n, pass_of(req), node);

	if (r == 0 && is_open(n, fi))
		r = fstat(pass_file_of(fi)->fd, &st) < 0 ? -errno : 0;
	else if (r == 0)
		r = pass_stat(&st, pass_of(req), n);
	reply_attr(req, n, r, &st);
}

/* ---- changing them */

static int set_size(struct pass *p, struct pass_node *n, int fd, off_t size,
		    const struct fuse_file_info *fi)
{
	char number[16];
	int open_fd, r = 0;

	n->stamp.valid = false;
	if (is_open(n, fi))
		return ftruncate(pass_file_of(fi)->fd, size) < 0 ? -errno : 0;
	pass_proc_name(number, fd);
	open_fd = openat(p->proc, number, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (open_fd < 0)
		return -errno;
	if (ftruncate(open_fd, size) < 0)
		r = -errno;
	close(open_fd);
	return r;
}

static int set_mode(struct pass *p, int fd, mode_t mode)
{
	char number[16];

	pass_proc_name(number, fd);
	return fchmodat(p->proc, number, mode & 07777, 0) < 0 ? -errno : 0;
}

static int set_owner(int fd, const struct stat *st, int to_set)
{
	uid_t uid = to_set & FUSE_SET_ATTR_UID ? st->st_uid : (uid_t)-1;
	gid_t gid = to_set & FUSE_SET_ATTR_GID ? st->st_gid : (gid_t)-1;

	return fchownat(fd, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static struct timespec new_time(struct timespec t, int to_set, int set, int now)
{
	if (!(to_set & (set | now)))
		t.tv_nsec = UTIME_OMIT;
	else if (to_set & now)
		t.tv_nsec = UTIME_NOW;
	return t;
}

static int set_times(int fd, const struct stat *st, int to_set)
{
	const struct timespec times[2] = {
		new_time(st->st_atim, to_set, FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW),
		new_time(st->st_mtim, to_set, FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW),
	};

	return utimensat(fd, "", times, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

/* In the order in which one does not undo another: a new owner takes the set-id bits away, a new
 * size moves the time. */
static int set_all(struct pass *p, struct pass_node *n, int fd, const struct stat *st, int to_set,
		   const struct fuse_file_info *fi)
{
	static const int times = FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW |
				 FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW;
	int r = 0;

	if (to_set & FUSE_SET_ATTR_SIZE)
		r = set_size(p, n, fd, st->st_size, fi);
	if (r == 0 && to_set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
		r = set_owner(fd, st, to_set);
	if (r == 0 && to_set & FUSE_SET_ATTR_MODE)
		r = set_mode(p, fd, st->st_mode);
	if (r == 0 && to_set & times)
		r = set_times(fd, st, to_set);
	return r;
}

void pass_setattr(fuse_req_t req, fuse_ino_t node, struct stat *st, int to_set,
		  struct fuse_file_info *fi)
{
	CLEANUP(pass_leave_end) struct pass_leave leave = {0};
	struct pass *p = pass_of(req);
	struct pass_node *n;
	struct stat now;
	int fd = -1, r = fd = fd_of(&n, req, node);

	if (r >= 0 && !pass_recalls(p, req, n))
		r = is_open(n, fi) ? pass_may_write(&leave, req, pass_file_of(fi), false)
				   : pass_may_change(&leave, req, n, NULL);
	if (r >= 0)
		r = set_all(p, n, fd, st, to_set, fi);
	if (r == -EAGAIN) {
		again_until_done(p->fs->again, req);
		return;
	}
	if (r >= 0)
		r = fstat(fd, &now) < 0 ? -errno : 0;
	reply_attr(req, n, r, &now);
}

void pass_access(fuse_req_t req, fuse_ino_t node, int mask)
{
	struct pass *p = pass_of(req);
	struct pass_node *n;
	char number[16];
	int fd = fd_of(&n, req, node);

	if (fd < 0) {
		fuse_reply_err(req, -fd);
		return;
	}
	pass_proc_name(number, fd);
	fuse_reply_err(req, faccessat(p->proc, number, mask, 0) < 0 ? errno : 0);
}

/* ---- links, the file system */

void pass_readlink(fuse_req_t req, fuse_ino_t node)
{
	char target[PATH_MAX + 1];
	struct pass_node *n;
	ssize_t len;
	int fd = fd_of(&n, req, node);

	if (fd < 0) {
		fuse_reply_err(req, -fd);
		return;
	}
	len = readlinkat(fd, "", target, sizeof(target));
	if (len < 0 || len == (ssize_t)sizeof(target)) {
		fuse_reply_err(req, len < 0 ? errno : ENAMETOOLONG);
		return;
	}
	target[len] = '\0';
	fuse_reply_readlink(req, target);
}

/* Asked of any node, the folder's file system answers. */
void pass_statfs(fuse_req_t req, fuse_ino_t node)
{
	struct statvfs st;

	if (fstatvfs(pass_of(req)->root.fd, &st) < 0)
		fuse_reply_err(req, errno);
	else
		fuse_reply_statfs(req, &st);
}

/* ---- extended attributes: by a path, as a descriptor that only names a file is refused. A link
 * has none that a person could set. */

static int xattr_path(char out[32], struct pass_node **n, fuse_req_t req, fuse_ino_t node)
{
	int fd = fd_of(n, req, node);

	if (fd < 0)
		return fd;
	if (S_ISLNK((*n)->type))
		return -EOPNOTSUPP;
	snprintf(out, 32, "/proc/self/fd/%d", fd);
	return 0;
}

void pass_setxattr(fuse_req_t req, fuse_ino_t node, const char *name, const char *value,
		   size_t size, int flags)
{
	CLEANUP(pass_leave_end) struct pass_leave leave = {0};
	struct pass_node *n;
	char path[32];
	int r = xattr_path(path, &n, req, node);

	if (r == 0)
		r = pass_may_change(&leave, req, n, NULL);
	if (r == 0 && setxattr(path, name, value, size, flags) < 0)
		r = -errno;
	fuse_reply_err(req, -r);
}

/* What the kernel looks for before it writes (pass_conn.c, pass_delegate.c), by its size alone. */
static const char capability[] = "security.capability";
enum { CAPABILITY_BYTES = 20 };

void pass_removexattr(fuse_req_t req, fuse_ino_t node, const char *name)
{
	CLEANUP(pass_leave_end) struct pass_leave leave = {0};
	struct pass_node *n;
	char path[32];
	int r = xattr_path(path, &n, req, node);

	if (r == 0 && !strcmp(name, capability))
		r = pass_asks_to_write(req, n);
	if (r == 0)
		r = pass_may_change(&leave, req, n, NULL);
	if (r == 0 && removexattr(path, name) < 0)
		r = -errno;
	fuse_reply_err(req, -r);
}

/* The kernel asks for one of each new file, as soon as it is written: a path takes longer. */
static ssize_t get_xattr(fuse_req_t req, fuse_ino_t node, const char *name, char *value,
			 size_t size)
{
	struct pass_node *n;
	char path[32];
	ssize_t len;
	int r = pass_node(&n, pass_of(req), node), fd = r < 0 ? r : pass_open_fd(n);

	if (r == 0 && name && !size && !strcmp(name, capability) && pass_asks_to_write(req, n) < 0)
		return CAPABILITY_BYTES;
	if (fd >= 0) {
		len = name ? fgetxattr(fd, name, value, size) : flistxattr(fd, value, size);
	} else {
		r = xattr_path(path, &n, req, node);
		if (r < 0)
			return r;
		len = name ? getxattr(path, name, value, size) : listxattr(path, value, size);
	}
	return len < 0 ? -errno : len;
}

/* name NULL: the list of names. size 0: how many bytes it takes. */
static void read_xattr(fuse_req_t req, fuse_ino_t node, const char *name, size_t size)
{
	CLEANUP(cleanup_free) char *value = size ? malloc(size) : NULL;
	ssize_t r = size && !value ? -ENOMEM : get_xattr(req, node, name, value, size);

	if (r < 0)
		fuse_reply_err(req, (int)-r);
	else if (size)
		fuse_reply_buf(req, value, (size_t)r);
	else
		fuse_reply_xattr(req, (size_t)r);
}

void pass_getxattr(fuse_req_t req, fuse_ino_t node, const char *name, size_t size)
{
	read_xattr(req, node, name, size);
}

void pass_listxattr(fuse_req_t req, fuse_ino_t node, size_t size)
{
	read_xattr(req, node, NULL, size);
}
