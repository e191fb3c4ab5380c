/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "pass.h"

/*
 * Locks on the folder's files hold against those who use the folder directly, too. flock goes to
 * the handle's own descriptor, which is one a handle. fcntl's belong to a process: each owner that
 * the kernel names gets an open of its own, with locks of that open (OFD), which goes as soon as
 * the owner closes any descriptor of the file, as POSIX has it. Where nothing is flushed, the
 * handle's end ends it: of an OFD lock of the caller's, and of a file that was opened to read when
 * nobody had a lock on it, as a request less at each close is worth more than that closing it loses
 * those by other descriptors of the same process.
 *
 * Who has to wait waits in a thread. A signal interrupts it, sent until it is seen, as it may come
 * just before the wait begins.
 */

enum { WAITS_MOST = 256, NUDGE_MS = 10, STACK_BYTES = 64 << 10 };

struct pass_owner {
	struct link link;
	uint64_t owner;
	const struct pass_file *file; /* by which it came first */
	int fd;
};

static void owner_free(struct pass_owner *o)
{
	ring_remove(&o->link);
	close(o->fd);
	free(o);
}

void pass_owners_free(struct pass_node *n)
{
	while (!ring_empty(&n->owners))
		owner_free(LINK_OWNER(n->owners.next, struct pass_owner, link));
}

static struct pass_owner *owner_find(const struct pass_node *n, uint64_t owner)
{
	for (struct link *l = n->owners.next; l != &n->owners; l = l->next)
		if (LINK_OWNER(l, struct pass_owner, link)->owner == owner)
			return LINK_OWNER(l, struct pass_owner, link);
	return NULL;
}

void pass_owner_closed(struct pass_node *n, uint64_t owner)
{
	struct pass_owner *o = owner_find(n, owner);

	if (o)
		owner_free(o);
}

void pass_file_closed(struct pass_file *f)
{
	for (struct link *l = f->node->owners.next, *next; l != &f->node->owners; l = next) {
		next = l->next;
		if (LINK_OWNER(l, struct pass_owner, link)->file == f)
			owner_free(LINK_OWNER(l, struct pass_owner, link));
	}
}

/* An open of the file of its own, with what the folder allows. */
static int open_apart(struct pass *p, const struct pass_file *f)
{
	static const int modes[] = {O_RDWR, O_RDONLY, O_WRONLY};
	char number[16];
	int fd = -1, r = pass_room(p);

	if (r < 0)
		return r;
	pass_proc_name(number, f->fd);
	for (size_t i = 0; fd < 0 && i < ARRAY_LEN(modes); i++)
		fd = openat(p->proc, number, modes[i] | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int owner_of(struct pass_owner **out, struct pass *p, const struct pass_file *f,
		    uint64_t owner)
{
	struct pass_owner *o = owner_find(f->node, owner);
	int fd;

	if (!o) {
		fd = open_apart(p, f);
		if (fd < 0)
			return fd;
		o = xcalloc(1, sizeof(*o));
		*o = (struct pass_owner){.owner = owner, .file = f, .fd = fd};
		ring_add(&f->node->owners, &o->link);
	}
	*out = o;
	return 0;
}

/* ---- waiting */

struct pass_wait {
	struct link link;
	struct pass *p;
	fuse_req_t req;
	pthread_t thread;
	int fd; /* a duplicate: the lock is the open's, whoever closes it meanwhile */
	bool is_flock;
	int op;		    /* flock's */
	struct flock range; /* fcntl's */
	atomic_bool ended;
	int code;
};

static void on_signal(int number)
{
	(void)number; /* to interrupt a system call is all that it is for */
}

static void wait_done(void *arg)
{
	struct pass_wait *w = arg;
	struct pass *p = w->p;

	pthread_join(w->thread, NULL);
	ring_remove(&w->link);
	p->wait_count--;
	fuse_reply_err(w->req, w->code);
	close(w->fd);
	free(w);
	fs_done(p->fs);
}

static void *wait_run(void *arg)
{
	struct pass_wait *w = arg;
	int r;

	do
		r = w->is_flock ? flock(w->fd, w->op) : fcntl(w->fd, F_OFD_SETLKW, &w->range);
	while (r < 0 && errno == EINTR && !w->ended);
	w->code = r < 0 ? errno : 0;
	loop_post(w->p->fs->loop, wait_done, w);
	return NULL;
}

/* Those that are to end and have not. */
static void nudge(void *arg)
{
	struct pass *p = arg;
	bool more = false;

	for (struct link *l = p->waiting.next; l != &p->waiting; l = l->next) {
		struct pass_wait *w = LINK_OWNER(l, struct pass_wait, link);

		if (w->ended) {
			pthread_kill(w->thread, SIGUSR2);
			more = true;
		}
	}
	if (more)
		timer_set(p->nudge, clock_boot_ms() + NUDGE_MS);
}

static void end_wait(struct pass_wait *w)
{
	w->ended = true;
	timer_set(w->p->nudge, clock_boot_ms());
}

static void on_interrupt(fuse_req_t req, void *arg)
{
	end_wait(arg);
}

static void wait_in_thread(fuse_req_t req, const struct pass_wait *what)
{
	struct pass *p = pass_of(req);
	struct pass_wait *w;
	pthread_attr_t attr;
	int r;

	if (p->wait_count == WAITS_MOST || p->ended) {
		fuse_reply_err(req, p->ended ? EINTR : ENOLCK);
		return;
	}
	w = xcalloc(1, sizeof(*w));
	w->p = p;
	w->req = req;
	w->is_flock = what->is_flock;
	w->op = what->op;
	w->range = what->range;
	w->fd = fcntl(what->fd, F_DUPFD_CLOEXEC, 0);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	r = w->fd < 0 ? errno : pthread_create(&w->thread, &attr, wait_run, w);
	pthread_attr_destroy(&attr);
	if (r) {
		if (w->fd >= 0)
			close(w->fd);
		free(w);
		fuse_reply_err(req, ENOLCK);
		return;
	}
	p->wait_count++;
	p->fs->pending++;
	ring_add(&p->waiting, &w->link);
	fuse_req_interrupt_func(req, on_interrupt, w);
}

void pass_waits_init(struct pass *p)
{
	const struct sigaction action = {.sa_handler = on_signal};

	ring_init(&p->waiting);
	sigaction(SIGUSR2, &action, NULL);
	p->nudge = timer_new(p->fs->loop, nudge, p);
}

void pass_waits_end(struct pass *p)
{
	p->ended = true;
	for (struct link *l = p->waiting.next; l != &p->waiting; l = l->next)
		end_wait(LINK_OWNER(l, struct pass_wait, link));
}

void pass_waits_finish(struct pass *p)
{
	p->nudge = timer_free(p->nudge);
}

/* ---- what is asked */

void pass_flock(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi, int op)
{
	int fd = pass_file_of(fi)->fd;

	if (flock(fd, op | LOCK_NB) == 0)
		fuse_reply_err(req, 0);
	else if (errno != EWOULDBLOCK || op & LOCK_NB)
		fuse_reply_err(req, errno);
	else
		wait_in_thread(req, &(struct pass_wait){.fd = fd, .is_flock = true, .op = op});
}

void pass_setlk(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi, struct flock *range,
		int sleep)
{
	struct pass *p = pass_of(req);
	struct pass_file *f = pass_file_of(fi);
	struct pass_owner *o = NULL;
	int r = 0;

	if (range->l_type != F_UNLCK || owner_find(f->node, fi->lock_owner))
		r = owner_of(&o, p, f, fi->lock_owner);
	range->l_pid = 0;
	if (r < 0 || !o)
		fuse_reply_err(req, -r);
	else if (fcntl(o->fd, F_OFD_SETLK, range) == 0)
		fuse_reply_err(req, 0);
	else if ((errno != EAGAIN && errno != EACCES) || !sleep)
		fuse_reply_err(req, errno);
	else
		wait_in_thread(req, &(struct pass_wait){.fd = o->fd, .range = *range});
}

void pass_getlk(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi, struct flock *range)
{
	struct pass_file *f = pass_file_of(fi);
	struct pass_owner *o;
	int r = owner_of(&o, pass_of(req), f, fi->lock_owner);

	range->l_pid = 0;
	if (r == 0 && fcntl(o->fd, F_OFD_GETLK, range) < 0)
		r = -errno;
	if (r < 0) {
		fuse_reply_err(req, -r);
		return;
	}
	if (range->l_pid < 0) /* a lock of an open has no process */
		range->l_pid = 0;
	fuse_reply_lock(req, range);
}
