/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "edit.h"
#include "lock.h"
#include "lock_json.h"

/* The operations on drafts. Several may have one open: who opened a scratch file by its name, and
 * who has it from another process. */

static struct draft *draft_of(fuse_req_t req, fuse_ino_t node)
{
	const struct fs *fs = fuse_req_userdata(req);

	return draft_at(fs->drafts, node);
}

static struct handle *handle_of(const struct fuse_file_info *fi)
{
	return fi ? (struct handle *)(uintptr_t)fi->fh : NULL;
}

bool draft_has(uint64_t node)
{
	return (node & 63) == DRAFT_NODE;
}

/* What is not there yet is told by its folder and name. */
static uint64_t why_ino(const struct draft *d)
{
	struct view_attr folder;

	return d->folder && node_attr(&folder, d->fs, d->folder) == 0 ? folder.ino : d->ino;
}

static const char *why_name(const struct draft *d)
{
	return d->folder ? d->name : NULL;
}

static void refuse(fuse_req_t req, const struct draft *d, int code, const char *reason)
{
	struct fs *fs = fuse_req_userdata(req);
	struct caller caller;

	caller_find(&caller, fuse_req_ctx(req));
	why_remember_with(fs->why, &caller, why_ino(d), why_name(d), code, reason,
			  edit_remedy(code));
	fuse_reply_err(req, -code);
}

static const char *reason_of_size(int code)
{
	return code == -EFBIG ? "a file here is 64 MB at most, a text 16 MB"
			      : "what is being written in this mount is too much already";
}

/* ---- attributes */

static void reply_attr(fuse_req_t req, const struct draft *d)
{
	struct stat st;

	draft_stat(&st, d);
	fuse_reply_attr(req, &st, 0);
}

static void op_getattr(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	const struct draft *d = draft_of(req, node);

	if (d)
		reply_attr(req, d);
	else
		fuse_reply_err(req, ESTALE);
}

/* What a lock forbids by now. Replies if so. */
static bool may_write(fuse_req_t req, struct draft *d)
{
	struct fs *fs = fuse_req_userdata(req);
	struct lock_refusal no = {0};
	int r = fence_check(&d->fence, lockfs_table(fs->locks), &no);

	if (r == 0)
		return true;
	lockfs_refused_by(fs->locks, req, d->fence.resource, r, &no);
	fuse_reply_err(req, -r);
	return false;
}

static int resize(struct draft *d, off_t size)
{
	int r = size < 0 ? -EINVAL : draft_resize(d, (size_t)size);

	if (r == 0) {
		d->emptied = size == 0;
		d->written = size != 0;
	}
	return r;
}

/* touch(1) of what is nothing yet: it would be gone when it is closed, and nobody told. */
static int may_set_time(const struct draft *d, int to_set, const char **reason)
{
	if (!(to_set & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW)) || !d->folder ||
	    d->subject.what == VIEW_EDIT_NONE || d->bytes.len)
		return 0;
	*reason = "it begins to exist once there is something in it";
	return -ENODATA;
}

static void op_setattr(fuse_req_t req, fuse_ino_t node, struct stat *st, int to_set,
		       struct fuse_file_info *fi)
{
	struct draft *d = draft_of(req, node);
	const char *reason = NULL;
	int r = d ? edit_allowed(req, &reason) : -ESTALE;

	if (r == 0 && (r = edit_may_set(st, to_set)) < 0)
		reason = "owner and mode are the mount's";
	if (r == 0)
		r = may_set_time(d, to_set, &reason);
	if (r == -ESTALE) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	if (r == 0 && to_set & FUSE_SET_ATTR_SIZE) {
		if (!may_write(req, d))
			return;
		r = resize(d, st->st_size);
		reason = r < 0 ? reason_of_size(r) : NULL;
	}
	if (r < 0) {
		refuse(req, d, r, reason);
		return;
	}
	if (to_set & FUSE_SET_ATTR_MODE)
		d->mode = (d->mode & S_IFMT) | (st->st_mode & 0777);
	if (to_set & FUSE_SET_ATTR_MTIME_NOW)
		d->mtime_unix_ms = clock_unix_ms();
	else if (to_set & FUSE_SET_ATTR_MTIME)
		d->mtime_unix_ms = clock_ms_of(st->st_mtim);
	reply_attr(req, d);
}

static void op_access(fuse_req_t req, fuse_ino_t node, int mask)
{
	const struct draft *d = draft_of(req, node);
	const char *reason;
	int r = !d				   ? -ESTALE
		: mask & W_OK			   ? edit_allowed(req, &reason)
		: mask & X_OK && !(d->mode & 0111) ? -EACCES
						   : 0;

	fuse_reply_err(req, -r);
}

static void op_readlink(fuse_req_t req, fuse_ino_t node)
{
	const struct draft *d = draft_of(req, node);

	if (!d || !S_ISLNK(d->mode))
		fuse_reply_err(req, d ? EINVAL : ESTALE);
	else
		fuse_reply_readlink(req, buf_str(&d->bytes));
}

/* ---- open files */

void draft_open_reply(fuse_req_t req, struct draft *d, struct fuse_file_info *fi,
		      const struct fuse_entry_param *created)
{
	const struct view_attr a = {.node = draft_node(d), .ino = d->ino, .class = VIEW_DOCUMENT};
	struct handle *h = handle_new(fuse_req_userdata(req), &a);

	h->draft = d;
	draft_hold(d);
	fi->fh = (uintptr_t)h;
	fi->keep_cache = 1; /* nobody writes it but through the kernel */
	if ((created ? fuse_reply_create(req, created, fi) : fuse_reply_open(req, fi)) != 0)
		handle_free(h);
}

static bool is_for_writing(const struct fuse_file_info *fi)
{
	return (fi->flags & O_ACCMODE) != O_RDONLY || fi->flags & O_TRUNC;
}

static void op_open(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct draft *d = draft_of(req, node);
	const char *reason = NULL;
	int r = d && is_for_writing(fi) ? edit_allowed(req, &reason) : 0;

	if (!d) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	if (r == 0 && fi->flags & O_TRUNC)
		r = resize(d, 0);
	if (r < 0) {
		refuse(req, d, r, reason);
		return;
	}
	draft_hold(d);
	if (edit_opened(req, d, fi->flags))
		draft_open_reply(req, d, fi, NULL);
	else
		fuse_reply_err(req, ESTALE);
	draft_release(d);
}

static void op_read(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
		    struct fuse_file_info *fi)
{
	const struct draft *d = handle_of(fi)->draft;

	reply_slice(req, buf_str(&d->bytes), d->bytes.len, size, offset);
}

static void op_lseek(fuse_req_t req, fuse_ino_t node, off_t off, int whence,
		     struct fuse_file_info *fi)
{
	node_seek(req, handle_of(fi)->draft->bytes.len, off, whence);
}

/* Shells and others who do not look at what close(2) says are told by the write that makes the
 * document whole, or impossible, as far as it is written from its start on. */
static int judge_write(struct draft *d, fuse_req_t req, struct err *err)
{
	if (d->subject.what != VIEW_EDIT_CONCEPTS || d->head != d->bytes.len ||
	    d->bytes.len > LOCK_JSON_MAX_BYTES)
		return 0;
	return commit_judge_write(d, err);
}

static void op_write(fuse_req_t req, fuse_ino_t node, const char *data, size_t size, off_t offset,
		     struct fuse_file_info *fi)
{
	struct draft *d = handle_of(fi)->draft;
	size_t had = d->bytes.len, head = d->head;
	struct err err = {0};
	int r;

	if (!may_write(req, d))
		return;
	r = draft_write(d, data, size, offset);
	if (r < 0) {
		refuse(req, d, r, reason_of_size(r));
		return;
	}
	r = judge_write(d, req, &err);
	if (r < 0) {
		/* A write that failed has written nothing. */
		if ((size_t)offset == had && draft_resize(d, had) == 0)
			d->head = head;
		refuse(req, d, r, err.msg);
		return;
	}
	d->written = true;
	d->writer = fuse_req_ctx(req)->pid;
	d->emptied = d->abandoned = false;
	fuse_reply_write(req, size);
}

/* ---- becoming an edit */

/* A process that ends closes its files, also one that was killed in the midst of its writing:
 * proc(5), stat: field 9 is its flags, 52 its exit code. */
static bool is_killed(pid_t thread)
{
	enum { EXITING = 0x4 }; /* linux/sched.h, PF_EXITING */
	char text[1024];
	const char *p = proc_text(text, sizeof(text), thread, "stat") ? strrchr(text, ')') : NULL;
	unsigned long field = 0, flags = 0;

	if (!p || !thread)
		return false;
	for (int n = 3; n <= 52; n++) {
		p = strchr(p, ' ');
		if (!p)
			return false;
		field = strtoul(++p, NULL, 10);
		if (n == 9)
			flags = field;
	}
	return flags & EXITING && field & 0x7f;
}

/* A child that its writer forked closes what it inherited; that one is still at it. */
static bool is_anothers(const struct draft *d, fuse_req_t req)
{
	struct fuse_ctx ctx = *fuse_req_ctx(req);
	struct caller closes, writes;

	if (!d->writer || !ctx.pid || d->writer == ctx.pid)
		return false;
	caller_find(&closes, &ctx);
	ctx.pid = d->writer;
	caller_find(&writes, &ctx);
	return writes.parent && writes.pid != closes.pid;
}

static void flushed(struct commit *c, int result)
{
	if (c->req)
		fuse_reply_err(c->req, -result);
}

static void commit(struct draft *d, fuse_req_t req)
{
	struct commit *c = commit_new(req, flushed);

	c->draft = d;
	c->subject = d->subject;
	c->why_ino = why_ino(d);
	snprintf(c->why_name, sizeof(c->why_name), "%s", d->name);
	c->seen = d->seen;
	c->fs = d->fs;
	commit_draft(c);
}

static bool is_to_commit(const struct draft *d)
{
	return d->subject.what != VIEW_EDIT_NONE && d->written && !d->abandoned;
}

/* Whoever closes it a second time hears the same. */
static int verdict(const struct draft *d)
{
	return d->subject.what == VIEW_EDIT_NONE || d->abandoned || d->emptied ? 0 : d->verdict;
}

static void op_flush(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct draft *d = handle_of(fi)->draft;

	if (d->written && is_anothers(d, req)) {
		fuse_reply_err(req, 0);
		return;
	}
	if (d->written && is_killed(fuse_req_ctx(req)->pid))
		d->abandoned = true;
	if (is_to_commit(d))
		commit(d, req);
	else
		fuse_reply_err(req, -verdict(d));
}

static void op_fsync(fuse_req_t req, fuse_ino_t node, int datasync, struct fuse_file_info *fi)
{
	struct draft *d = handle_of(fi)->draft;

	if (is_to_commit(d))
		commit(d, req);
	else
		fuse_reply_err(req, -verdict(d));
}

/* What a mapping wrote after the last close(2) is an edit too. */
static void op_release(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct handle *h = handle_of(fi);
	struct draft *d = h->draft;

	if (d->abandoned)
		log_warn("%s: who wrote it was killed: it is as it was", d->subject.path);
	else if (is_to_commit(d))
		commit(d, NULL);
	handle_free(h);
	fuse_reply_err(req, 0);
}

/* ---- as with any file of the book */

static void op_flock(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi, int op)
{
	book_ops.flock(req, node, fi, op);
}

static void op_setlk(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi,
		     struct flock *range, int sleep)
{
	book_ops.setlk(req, node, fi, range, sleep);
}

static void op_getlk(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi,
		     struct flock *range)
{
	book_ops.getlk(req, node, fi, range);
}

const struct fuse_lowlevel_ops draft_ops = {
	.getattr = op_getattr,
	.setattr = op_setattr,
	.access = op_access,
	.readlink = op_readlink,
	.open = op_open,
	.read = op_read,
	.lseek = op_lseek,
	.write = op_write,
	.flush = op_flush,
	.fsync = op_fsync,
	.release = op_release,
	.flock = op_flock,
	.setlk = op_setlk,
	.getlk = op_getlk,
};
