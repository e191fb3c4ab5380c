/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <time.h>

#include "pass.h"

/*
 * Open files. Each open of the kernel's is an open of ours: locks and permissions are its own.
 *
 * What the page cache has is read at once, anything else in the pool. Writing goes to the page
 * cache too, until the disk stalls one: from then on, for a second, it is done in the pool, so that
 * nobody else waits with it. No writeback cache: what is written was written when it returns.
 *
 * The kernel's own pages of a file are kept from one open to the next while the file is what it was
 * when they were read; any write of ours ends that. A file whose time of change is too young to
 * tell two changes apart is not trusted either.
 *
 * Attributes that are on their way to the kernel when a file is written must not be taken for true
 * after it. The kernel sees to that where somebody writes, but not where it writes pages of a
 * mapping by itself, nor where a hole is punched: it would tell the time of the change before for a
 * second, and an editor would take the file for changed by others. So it is told to ask again
 * before such a change is answered.
 */

enum {
	READ_MOST = 1 << 20,
	SPLICE_LEAST = 1 << 17,
	STALL_US = 5000,
	SLOW_MS = 1000,
	YOUNG_NS = 20000000
};

/* ---- what may wait */

struct pass_job {
	fuse_req_t req;
	struct pass *p;
	ssize_t (*run)(struct pass_job *j); /* what it says in errno fails it */
	void (*reply)(struct pass_job *j);
	bool changes_nothing; /* so it is answered where it ran: the reader need not wait for us */
	int fd, from_fd, mode;
	off_t off, from_off;
	size_t len;
	char *data;
	fuse_ino_t untold; /* whose attributes the kernel is to ask for again; 0: it knows */
	ssize_t result;
	int code;
	struct pass_leave leave; /* taken */
};

static void perform(struct pass_job *j)
{
	j->result = j->run(j);
	j->code = j->result < 0 ? errno : 0;
}

static void answer(struct pass_job *j)
{
	if (j->untold)
		pass_forget_attributes(pass_of(j->req), j->untold);
	if (j->code)
		fuse_reply_err(j->req, j->code);
	else
		j->reply(j);
}

static void job_run(void *arg)
{
	struct pass_job *j = arg;

	perform(j);
	pass_leave_unguard(&j->leave);
	if (j->changes_nothing)
		answer(j);
}

static void job_done(void *arg)
{
	struct pass_job *j = arg;

	bool guarded = j->leave.count > 0;

	if (!j->changes_nothing)
		answer(j);
	pass_leave_end(&j->leave);
	if (guarded)
		again_now(j->p->fs->again);
	fs_done(j->p->fs);
	free(j->data);
	free(j);
}

static void in_pool(fuse_req_t req, struct pass_job *what)
{
	struct pass_job *j = malloc(sizeof(*j));

	if (!j) {
		pass_leave_end(&what->leave);
		free(what->data);
		fuse_reply_err(req, ENOMEM);
		return;
	}
	*j = *what;
	j->req = req;
	j->p = pass_of(req);
	j->p->fs->pending++;
	loop_work(j->p->fs->loop, job_run, job_done, j);
}

static void reply_done(struct pass_job *j)
{
	fuse_reply_err(j->req, 0);
}

static void reply_count(struct pass_job *j)
{
	fuse_reply_write(j->req, (size_t)j->result);
}

static void reply_data(struct pass_job *j)
{
	fuse_reply_buf(j->req, j->data, (size_t)j->result);
}

/* ---- opening */

static bool is_young(struct timespec changed)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (now.tv_sec - changed.tv_sec) * 1000000000LL + now.tv_nsec - changed.tv_nsec <
	       YOUNG_NS;
}

bool pass_keeps_pages(struct pass_node *n, const struct stat *st)
{
	const struct pass_stamp was = n->stamp;

	n->stamp = (struct pass_stamp){.mtime = st->st_mtim,
				       .ctime = st->st_ctim,
				       .size = st->st_size,
				       .valid = !n->direct && !is_young(st->st_ctim)};
	return was.valid && pass_same_time(was.mtime, st->st_mtim) &&
	       pass_same_time(was.ctime, st->st_ctim) && was.size == st->st_size;
}

void pass_file_free(struct link *l)
{
	struct pass_file *f = LINK_OWNER(l, struct pass_file, link);

	ring_remove(&f->link);
	ring_remove(&f->of_node);
	pass_file_unfence(f);
	close(f->fd);
	free(f);
}

static bool is_for_writing(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC;
}

/* Who only writes has no use for the kernel's pages: a copy less, twice as fast. Of such writes it
 * would leave us to take set-id bits away (pass_conn.c), which libfuse does not tell: not where the
 * mount serves others. Nor past the page cache, as such a write may be under way when it has
 * returned, and would come late (pass_delegate.c). */
static enum pass_use use_of(const struct pass *p, int flags)
{
	if ((flags & O_ACCMODE) == O_RDONLY)
		return PASS_READS;
	return (flags & O_ACCMODE) == O_WRONLY && !(flags & O_DIRECT) &&
			       !p->fs->options->allow_other
		       ? PASS_WRITES
		       : PASS_READS_AND_WRITES;
}

/* What is known of an open before it is answered. */
static int prepare(struct fuse_file_info *fi, struct pass *p, struct pass_file *f,
		   const struct stat *st, const struct pass_leave *leave)
{
	enum pass_use use = use_of(p, fi->flags);
	struct pass_node *n = f->node;

	p->answered_backing = pass_direct(f, p, st, use, leave);
	fi->direct_io = use == PASS_WRITES && !f->direct;
	fi->noflush = (fi->flags & O_ACCMODE) == O_RDONLY && ring_empty(&n->owners);
	fi->keep_cache = pass_keeps_pages(n, st);
	/* Nor is the size what the kernel thinks. */
	if (!fi->keep_cache && !n->direct && n->lookups)
		pass_forget_attributes(p, n->id);
	return p->answered_backing < 0 ? p->answered_backing : 0;
}

static int reply(fuse_req_t req, struct fuse_file_info *fi, struct pass_file *f,
		 const struct fuse_entry_param *made)
{
	fi->fh = (uintptr_t)f;
	return made ? fuse_reply_create(req, made, fi) : fuse_reply_open(req, fi);
}

void pass_file_reply(fuse_req_t req, struct fuse_file_info *fi, struct pass_node *n, int fd,
		     const struct stat *st, const struct fuse_entry_param *made,
		     const struct pass_leave *leave)
{
	struct pass *p = pass_of(req);
	struct pass_file *f = xcalloc(1, sizeof(*f));
	int r;

	*f = (struct pass_file){.node = n, .fd = fd, .own = made && fi->flags & O_EXCL};
	ring_init(&f->fences);
	r = prepare(fi, p, f, st, leave);
	if ((fi->flags & O_ACCMODE) != O_RDONLY)
		pass_file_fence(f, req, leave);
	n->opens++;
	ring_add(&p->files, &f->link);
	ring_add(&n->files, &f->of_node);
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		r = reply(req, fi, f, made);
	p->answered_backing = 0;
	if (r == 0)
		return;
	n->opens--;
	pass_delegate_closed(p, f);
	pass_file_free(&f->link);
	pass_forget(p, n->id, made ? 1 : 0);
}

/* O_APPEND is told with each write: pages that the kernel writes for a mapping come by any handle,
 * and have their place. O_DIRECT is the kernel's affair. */
void pass_open(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	static const int kept = O_ACCMODE | O_TRUNC | O_SYNC | O_DSYNC | O_NOATIME;
	CLEANUP(pass_leave_end) struct pass_leave leave = {0};
	struct pass *p = pass_of(req);
	struct pass_node *n;
	struct stat st = {0};
	int r = pass_node(&n, p, node);

	if (r == 0 && is_for_writing(fi->flags))
		r = pass_may_change(&leave, req, n, NULL);
	else if (r == 0)
		pass_may_be_past(p, n);
	if (r == 0 && (n->past || n->retired))
		r = -ESTALE;
	if (r == 0)
		r = pass_room(p);
	if (r == 0)
		r = pass_open_node(&st, p, n, fi->flags & kept);
	if (r == -EAGAIN) {
		again_until_done(p->fs->again, req);
		return;
	}
	if (r < 0) {
		fuse_reply_err(req, -r);
		return;
	}
	if (fi->flags & O_TRUNC)
		n->stamp.valid = false;
	pass_file_reply(req, fi, n, r, &st, NULL, &leave);
}

void pass_flush(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	pass_owner_closed(pass_file_of(fi)->node, fi->lock_owner);
	fuse_reply_err(req, 0);
}

void pass_release(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct pass_file *f = pass_file_of(fi);
	uint64_t id = f->node->id;

	pass_file_closed(f);
	pass_delegate_closed(pass_of(req), f);
	if (--f->node->opens == 0)
		f->node->by_us = false;
	pass_file_free(&f->link);
	pass_forget(pass_of(req), id, 0);
	fuse_reply_err(req, 0);
}

/* ---- reading */

static ssize_t run_read(struct pass_job *j)
{
	size_t done = 0;

	j->data = malloc(j->len);
	if (!j->data)
		return -1;
	while (done < j->len) {
		ssize_t n = pread(j->fd, j->data + done, j->len - done, j->off + (off_t)done);

		if (n < 0 && !done)
			return -1;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* What is to be had without waiting: all of it, up to the file's end; else -1. */
static ssize_t read_now(int fd, char *out, size_t size, off_t off)
{
	size_t done = 0;

	while (done < size) {
		const struct iovec part = {.iov_base = out + done, .iov_len = size - done};
		ssize_t n = preadv2(fd, &part, 1, off + (off_t)done, RWF_NOWAIT);

		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* The pages of the file itself go to the kernel by a pipe: a copy less. Nobody waits for it if its
 * ends are there: it is read in order. */
static bool splice_now(fuse_req_t req, int fd, size_t size, off_t off)
{
	struct fuse_bufvec v = FUSE_BUFVEC_INIT(size);
	char end;

	if (size < SPLICE_LEAST || read_now(fd, &end, 1, off) != 1 ||
	    read_now(fd, &end, 1, off + (off_t)size - 1) != 1)
		return false;
	v.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK;
	v.buf[0].fd = fd;
	v.buf[0].pos = off;
	fuse_reply_data(req, &v, 0);
	return true;
}

void pass_read(fuse_req_t req, fuse_ino_t node, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct pass *p = pass_of(req);
	int fd = pass_file_of(fi)->fd;
	ssize_t n = -1;

	if (pass_file_of(fi)->writes && pass_file_of(fi)->node->past) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	if (splice_now(req, fd, size, off))
		return;
	if (size <= READ_MOST) {
		if (!p->chunk)
			p->chunk = malloc(READ_MOST);
		if (p->chunk)
			n = read_now(fd, p->chunk, size, off);
	}
	if (n >= 0)
		fuse_reply_buf(req, p->chunk, (size_t)n);
	else
		in_pool(req, &(struct pass_job){.run = run_read,
						.reply = reply_data,
						.changes_nothing = true,
						.fd = fd,
						.off = off,
						.len = size});
}

/* ---- writing */

/* mode: RWF_APPEND, or 0. */
static ssize_t write_all(int fd, const char *data, size_t len, off_t off, int mode)
{
	size_t done = 0;

	while (done < len) {
		const struct iovec part = {.iov_base = (void *)(data + done),
					   .iov_len = len - done};
		ssize_t n = pwritev2(fd, &part, 1, off + (off_t)done, mode);

		if (n < 0 && !done)
			return -1;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static ssize_t run_write(struct pass_job *j)
{
	return write_all(j->fd, j->data, j->len, j->off, j->mode);
}

/* How often this thread has waited for something. Time alone would not tell a slow disk from a busy
 * machine. */
static long times_waited(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nvcsw : 0;
}

/* Who has been told that it is written may have the lock taken from him at once, even if we are
 * stopped then. */
static void write_now(struct pass_job *j, struct pass_leave *leave)
{
	long waited = times_waited();
	int64_t began_us = clock_mono_us();

	perform(j);
	pass_leave_unguard(leave);
	if (clock_mono_us() - began_us > STALL_US && times_waited() != waited)
		pass_of(j->req)->slow_until_boot_ms = clock_boot_ms() + SLOW_MS;
	answer(j);
}

static void write_in_pool(struct pass_job *j)
{
	const char *data = j->data;

	j->data = malloc(j->len);
	if (j->data) {
		memcpy(j->data, data, j->len);
		in_pool(j->req, j);
		return;
	}
	pass_leave_end(&j->leave);
	fuse_reply_err(j->req, ENOMEM);
}

void pass_write(fuse_req_t req, fuse_ino_t node, const char *data, size_t size, off_t off,
		struct fuse_file_info *fi)
{
	struct pass *p = pass_of(req);
	struct pass_file *f = pass_file_of(fi);
	CLEANUP(pass_leave_end) struct pass_leave leave = {0};
	int r = pass_may_write(&leave, req, f, fi->writepage);
	struct pass_job j = {.req = req,
			     .run = run_write,
			     .reply = reply_count,
			     .fd = f->fd,
			     .mode = fi->flags & O_APPEND && !fi->writepage ? RWF_APPEND : 0,
			     .off = off,
			     .len = size,
			     .data = (char *)data,
			     .untold = fi->writepage ? node : 0};

	if (r < 0) {
		fuse_reply_err(req, -r);
		return;
	}
	f->node->stamp.valid = false;
	if (!p->slow_until_boot_ms || clock_boot_ms() >= p->slow_until_boot_ms) {
		p->slow_until_boot_ms = 0;
		write_now(&j, &leave);
		return;
	}
	j.leave = pass_leave_steal(&leave);
	write_in_pool(&j);
}

/* ---- the rest */

static ssize_t run_sync(struct pass_job *j)
{
	return j->mode ? fdatasync(j->fd) : fsync(j->fd);
}

static void sync_fd(fuse_req_t req, int fd, int datasync)
{
	in_pool(req, &(struct pass_job){
			     .run = run_sync, .reply = reply_done, .fd = fd, .mode = datasync});
}

void pass_fsync(fuse_req_t req, fuse_ino_t node, int datasync, struct fuse_file_info *fi)
{
	CLEANUP(pass_leave_end) struct pass_leave leave = {0};
	struct pass_file *f = pass_file_of(fi);
	int r = pass_may_write(&leave, req, f, false);

	if (r < 0)
		fuse_reply_err(req, -r);
	else
		sync_fd(req, f->fd, datasync);
}

void pass_fsyncdir(fuse_req_t req, fuse_ino_t node, int datasync, struct fuse_file_info *fi)
{
	int fd = pass_folder_fd(pass_of(req), node, fi);

	if (fd < 0)
		fuse_reply_err(req, -fd);
	else
		sync_fd(req, fd, datasync);
}

static ssize_t run_fallocate(struct pass_job *j)
{
	return fallocate(j->fd, j->mode, j->off, (off_t)j->len);
}

void pass_fallocate(fuse_req_t req, fuse_ino_t node, int mode, off_t off, off_t len,
		    struct fuse_file_info *fi)
{
	struct pass_file *f = pass_file_of(fi);
	CLEANUP(pass_leave_end) struct pass_leave leave = {0};
	int r = pass_may_write(&leave, req, f, false);

	if (r < 0) {
		fuse_reply_err(req, -r);
		return;
	}
	f->node->stamp.valid = false;
	in_pool(req, &(struct pass_job){.leave = pass_leave_steal(&leave),
					.run = run_fallocate,
					.reply = reply_done,
					.untold = node,
					.fd = f->fd,
					.mode = mode,
					.off = off,
					.len = (size_t)len});
}

static ssize_t run_copy(struct pass_job *j)
{
	return copy_file_range(j->from_fd, &j->from_off, j->fd, &j->off, j->len, 0);
}

void pass_copy(fuse_req_t req, fuse_ino_t from, off_t from_off, struct fuse_file_info *from_fi,
	       fuse_ino_t to, off_t to_off, struct fuse_file_info *to_fi, size_t len, int flags)
{
	struct pass_file *f = pass_file_of(to_fi);
	CLEANUP(pass_leave_end) struct pass_leave leave = {0};
	int r = pass_may_write(&leave, req, f, false);

	if (r < 0) {
		fuse_reply_err(req, -r);
		return;
	}
	f->node->stamp.valid = false;
	in_pool(req, &(struct pass_job){.leave = pass_leave_steal(&leave),
					.run = run_copy,
					.reply = reply_count,
					.fd = f->fd,
					.from_fd = pass_file_of(from_fi)->fd,
					.off = to_off,
					.from_off = from_off,
					.len = len});
}

void pass_lseek(fuse_req_t req, fuse_ino_t node, off_t off, int whence, struct fuse_file_info *fi)
{
	off_t at = lseek(pass_file_of(fi)->fd, off, whence);

	if (at < 0)
		fuse_reply_err(req, errno);
	else
		fuse_reply_lseek(req, at);
}
