/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>

#include "pass.h"

/* ---- whose a new file is
 *
 * The kernel has checked what the caller may do (default_permissions). What is made is made as him:
 * with his ids, but with our right to write where the check has let him, as his further groups are
 * not known here. */

static void override_permissions(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return;
	data[0].effective |=
		data[0].permitted & (1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH |
				     1u << CAP_FOWNER | 1u << CAP_MKNOD);
	syscall(SYS_capset, &header, data);
}

struct pass_identity pass_become(fuse_req_t req)
{
	const struct fuse_ctx *c = fuse_req_ctx(req);
	struct pass_identity was = {.changed =
					    geteuid() == 0 && (c->uid != 0 || c->gid != getegid())};

	if (was.changed) {
		setfsgid(c->gid);
		setfsuid(c->uid);
		if (c->uid != 0)
			override_permissions();
	}
	return was;
}

void pass_become_self(struct pass_identity *was)
{
	if (!was->changed)
		return;
	setfsuid(geteuid());
	setfsgid(getegid());
}

#define AS_CALLER(req)                                                                             \
	CLEANUP(pass_become_self) struct pass_identity identity = pass_become(req);                \
	(void)identity

/* ---- what stands before every change */

static bool is_ours(fuse_req_t req, fuse_ino_t folder, const char *name)
{
	struct pass *p = pass_of(req);

	return folder == VIEW_ROOT && pass_is_ours(p, &p->root, name);
}

enum name_act { NAME_MAKE, NAME_MOVE, NAME_REMOVE };

/* The folder's descriptor, or why not. What the helper has to show, it shows of ours. */
static int folder_to_change(struct pass_node **out, struct pass_leave *leave, fuse_req_t req,
			    fuse_ino_t folder, const char *name, enum name_act act)
{
	struct pass *p = pass_of(req);
	int r = pass_node(out, p, folder);

	if (r < 0)
		return r;
	if (pass_hides(p, *out, name))
		return act == NAME_MAKE ? -EPERM : -ENOENT;
	if (helper_is(p->fs->helper, req))
		return -EROFS;
	r = act == NAME_REMOVE ? pass_may_remove(leave, req, *out, name)
			       : pass_may_change(leave, req, *out, name);
	return r < 0 ? r : pass_fd(p, *out);
}

/* A name that was just made is handed to the kernel. */
static void reply_made(fuse_req_t req, struct pass_node *folder, const char *name)
{
	struct pass *p = pass_of(req);
	struct fuse_entry_param e;
	struct pass_node *n;
	struct stat st;
	int r = pass_look(&n, &st, p, folder, name);

	if (r < 0) {
		fuse_reply_err(req, -r);
		return;
	}
	pass_entry(&e, p, n, &st);
	if (fuse_reply_entry(req, &e) < 0)
		pass_forget(p, n->id, 1);
}

/* ---- making */

void pass_mknod(fuse_req_t req, fuse_ino_t folder, const char *name, mode_t mode, dev_t dev)
{
	CLEANUP(pass_leave_end) struct pass_leave leave = {0};
	struct pass_node *n = NULL;
	int r;

	if (is_ours(req, folder, name)) {
		book_ops.mknod(req, folder, name, mode, dev);
		return;
	}
	r = folder_to_change(&n, &leave, req, folder, name, NAME_MAKE);
	if (r >= 0) {
		AS_CALLER(req);
		r = mknodat(r, name, mode, dev) < 0 ? -errno : 0;
	}
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		reply_made(req, n, name);
}

void pass_mkdir(fuse_req_t req, fuse_ino_t folder, const char *name, mode_t mode)
{
	CLEANUP(pass_leave_end) struct pass_leave leave = {0};
	struct pass_node *n = NULL;
	int r;

	if (is_ours(req, folder, name)) {
		book_ops.mkdir(req, folder, name, mode);
		return;
	}
	r = folder_to_change(&n, &leave, req, folder, name, NAME_MAKE);
	if (r >= 0) {
		AS_CALLER(req);
		r = mkdirat(r, name, mode) < 0 ? -errno : 0;
	}
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		reply_made(req, n, name);
}

void pass_symlink(fuse_req_t req, const char *target, fuse_ino_t folder, const char *name)
{
	CLEANUP(pass_leave_end) struct pass_leave leave = {0};
	struct pass_node *n = NULL;
	int r;

	if (is_ours(req, folder, name)) {
		book_ops.symlink(req, target, folder, name);
		return;
	}
	r = folder_to_change(&n, &leave, req, folder, name, NAME_MAKE);
	if (r >= 0) {
		AS_CALLER(req);
		r = symlinkat(target, r, name) < 0 ? -errno : 0;
	}
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		reply_made(req, n, name);
}

void pass_link(fuse_req_t req, fuse_ino_t node, fuse_ino_t folder, const char *name)
{
	CLEANUP(pass_leave_end) struct pass_leave leave = {0};
	struct pass *p = pass_of(req);
	struct pass_node *n = NULL, *to = NULL;
	char number[16];
	int fd = -1, r;

	if (is_ours(req, folder, name)) {
		book_ops.link(req, node, folder, name);
		return;
	}
	r = pass_node(&n, p, node);
	if (r == 0)
		r = pass_may_change(&leave, req, n, NULL);
	if (r == 0)
		r = fd = folder_to_change(&to, &leave, req, folder, name, NAME_MAKE);
	if (r >= 0)
		r = pass_direct_escapes(p, n, NULL, to, name, false) ? -EXDEV : pass_fd(p, n);
	if (r >= 0) {
		pass_proc_name(number, r);
		r = linkat(p->proc, number, fd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
	}
	if (r < 0) {
		fuse_reply_err(req, -r);
		return;
	}
	p->moves++;
	reply_made(req, to, name); /* which sees what the name is covered by */
	pass_fences_moved(p);
}

/* Opens the name, made if it was missing, and enters it. What else was given that name behind the
 * mount is for the kernel to open, which did not know of it; nobody waits for a pipe's other end.
 */
static int create(struct pass_node **out, struct stat *st, fuse_req_t req, struct pass_node *folder,
		  const char *name, mode_t mode, int flags)
{
	struct pass *p = pass_of(req);
	int fd = -1, r = pass_room(p);

	pass_watch(p, folder);
	if (r == 0)
		r = pass_fd(p, folder);
	if (r >= 0) {
		AS_CALLER(req);
		fd = pass_resolve(r, name, (uint64_t)flags | O_CREAT | O_NONBLOCK | O_NOCTTY, mode);
		r = fd;
	}
	if (r < 0)
		return r == -ENXIO || r == -ELOOP || r == -EAGAIN ? -ESTALE : r;
	r = pass_enter_open(out, st, p, fd, folder, name);
	if (r == 0 && S_ISREG(st->st_mode))
		return fd;
	if (r == 0)
		pass_forget(p, (*out)->id, 1);
	close(fd);
	return r == 0 ? -ESTALE : r;
}

void pass_create(fuse_req_t req, fuse_ino_t folder, const char *name, mode_t mode,
		 struct fuse_file_info *fi)
{
	CLEANUP(pass_leave_end) struct pass_leave leave = {0};
	static const int kept = O_ACCMODE | O_EXCL | O_TRUNC | O_SYNC | O_DSYNC;
	struct fuse_entry_param e;
	struct pass_node *n = NULL, *to = NULL;
	struct stat st;
	int r;

	if (is_ours(req, folder, name)) {
		book_ops.create(req, folder, name, mode, fi);
		return;
	}
	r = folder_to_change(&to, &leave, req, folder, name, NAME_MAKE);
	if (r >= 0)
		r = create(&n, &st, req, to, name, mode, fi->flags & kept);
	if (r < 0) {
		fuse_reply_err(req, -r);
		return;
	}
	if (leave.count && fi->flags & O_EXCL)
		pass_own_made(req, name, &st);
	pass_entry(&e, pass_of(req), n, &st);
	pass_file_reply(req, fi, n, r, &st, &e, &leave);
}

/* ---- removing and moving */

static void remove_name(fuse_req_t req, fuse_ino_t folder, const char *name, int flags)
{
	CLEANUP(pass_leave_end) struct pass_leave leave = {0};
	struct pass *p = pass_of(req);
	struct pass_node *n = NULL, *file = NULL;
	struct stat st;
	bool known = false;
	int r;

	if (is_ours(req, folder, name)) {
		book_ops.unlink(req, folder, name);
		return;
	}
	r = folder_to_change(&n, &leave, req, folder, name, NAME_REMOVE);
	if (r >= 0 && !flags) {
		file = pass_led_to(p, n, name);
		known = !file && fstatat(r, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	}
	if (r >= 0)
		r = unlinkat(r, name, flags) < 0 ? -errno : 0;
	if (r == 0)
		pass_leads_to(p, n, name, NULL);
	if (r == 0 && file)
		file->unlinked = file->told.links <= 1;
	else if (r == 0 && known)
		pass_unnamed(p, &st);
	fuse_reply_err(req, -r);
}

void pass_unlink(fuse_req_t req, fuse_ino_t folder, const char *name)
{
	remove_name(req, folder, name, 0);
}

void pass_rmdir(fuse_req_t req, fuse_ino_t folder, const char *name)
{
	remove_name(req, folder, name, AT_REMOVEDIR);
}

/* What has the two names before. */
struct moved {
	struct stat from, to;
	bool has_from, has_to, exchange;
};

static void look_at(struct moved *m, int fd, const char *name, int to_fd, const char *to_name,
		    unsigned flags)
{
	*m = (struct moved){.exchange = flags & RENAME_EXCHANGE};
	m->has_from = fstatat(fd, name, &m->from, AT_SYMLINK_NOFOLLOW) == 0;
	m->has_to = fstatat(to_fd, to_name, &m->to, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool is_folder(bool has, const struct stat *st)
{
	return has && S_ISDIR(st->st_mode);
}

/* A folder: what is in it goes from there to here, and so may lose a lock and come under one. */
static int may_move(struct pass_leave *leave, fuse_req_t req, const struct moved *m,
		    struct pass_node *from, const char *name, struct pass_node *to,
		    const char *to_name)
{
	int r;

	if (!is_folder(m->has_from, &m->from) && !(m->exchange && is_folder(m->has_to, &m->to)))
		return 0;
	r = pass_may_move(leave, req, from, name);
	return r == 0 ? pass_may_move(leave, req, to, to_name) : r;
}

static void note_moved(struct pass *p, const struct moved *m, struct pass_node *from,
		       const char *name, struct pass_node *to, const char *to_name)
{
	bool same = m->has_from && m->has_to && m->from.st_ino == m->to.st_ino &&
		    m->from.st_dev == m->to.st_dev; /* and nothing was done */

	p->moves++;
	pass_leads_to(p, from, name, NULL);
	pass_leads_to(p, to, to_name, NULL);
	if (m->has_to && !m->exchange && !same)
		pass_unnamed(p, &m->to);
	if (m->has_from)
		pass_renamed(p, &m->from, to, to_name);
	if (m->has_to && m->exchange)
		pass_renamed(p, &m->to, from, name);
	pass_fences_moved(p);
}

void pass_rename(fuse_req_t req, fuse_ino_t folder, const char *name, fuse_ino_t to_folder,
		 const char *to_name, unsigned flags)
{
	CLEANUP(pass_leave_end) struct pass_leave leave = {0};
	bool ours = is_ours(req, folder, name), to_ours = is_ours(req, to_folder, to_name);
	struct pass_node *from = NULL, *to = NULL;
	struct moved moved;
	int fd = -1, to_fd = -1, r;

	if (ours && to_ours) {
		book_ops.rename(req, folder, name, to_folder, to_name, flags);
		return;
	}
	if (ours || to_ours) {
		fuse_reply_err(req, EXDEV);
		return;
	}
	r = fd = folder_to_change(&from, &leave, req, folder, name, NAME_MOVE);
	if (r >= 0)
		r = to_fd = folder_to_change(&to, &leave, req, to_folder, to_name, NAME_MAKE);
	if (r >= 0) {
		look_at(&moved, fd, name, to_fd, to_name, flags);
		r = may_move(&leave, req, &moved, from, name, to, to_name);
	}
	if (r == 0 &&
	    pass_direct_escapes(pass_of(req), from, name, to, to_name, flags & RENAME_EXCHANGE))
		r = -EXDEV;
	if (r == 0)
		r = renameat2(fd, name, to_fd, to_name, flags) < 0 ? -errno : 0;
	if (r == 0)
		note_moved(pass_of(req), &moved, from, name, to, to_name);
	fuse_reply_err(req, -r);
}
