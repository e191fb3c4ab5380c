/* SPDX-License-Identifier: MIT */
#include "painter_child.h"
#include "painter_client.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

/*
 * The child holds nothing that is worth saving, so it is always ended outright (SIGKILL), which
 * makes the wait for it short and the state here simple: either there is a child and a socket to
 * it, or there is neither. One timer serves both of its limits: an answer is due, or it is idle.
 */

enum { ANSWER_MS = 30000, IDLE_MS = 5000 };

struct painter_order {
	struct painter *painter;
	struct painter_order *next;
	struct buf frame;
	painter_done_fn done; /* NULL: cancelled while the child paints it */
	void *arg;
};

struct painter {
	struct loop *loop;
	pid_t pid; /* 0: no child */
	int fd;
	struct watch *watch;
	struct timer *timer;
	struct painter_order *current;
	struct painter_order *waiting, **last;
	size_t sent; /* of current's frame */
	struct buf answer;
	bool kicked; /* a call of kicked() is posted */
	bool freed;  /* ... and will free this */
};

static void on_timer(void *arg);
static void on_socket(void *arg, uint32_t revents);

/* ---- the child */

/* Ends the child, if there is one, and says how it ended. */
static void end_child(struct painter *p, char how[64])
{
	int status = 0;

	snprintf(how, 64, "was ended");
	if (!p->pid)
		return;
	p->watch = watch_free(p->watch);
	close(p->fd);
	p->fd = -1;
	kill(p->pid, SIGKILL);
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	log_debug("painter %d ended", (int)p->pid);
	p->pid = 0;
	buf_clear(&p->answer);
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		snprintf(how, 64, "crashed (signal %d)", WTERMSIG(status));
	else if (WIFEXITED(status))
		snprintf(how, 64, "gave up (exit status %d)", WEXITSTATUS(status));
}

static int start_child(struct painter *p, struct err *err)
{
	char path[PATH_MAX];
	int fds[2], r;

	child_path(path, "bookfs-painter");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return err_set(err, -errno, "no socket for the painter: %s", strerror(errno));
	CLEANUP(cleanup_close) int theirs = fds[1];
	p->fd = fds[0];
	fcntl(p->fd, F_SETFL, O_NONBLOCK);
	r = child_spawn(&p->pid, path, NULL, theirs, theirs, -1);
	if (r < 0) {
		p->pid = 0;
		close(p->fd);
		return err_set(err, r, "cannot start %s: %s", path, strerror(-r));
	}
	r = loop_watch(&p->watch, p->loop, p->fd, EPOLLIN, on_socket, p);
	if (r < 0) {
		char how[64];
		end_child(p, how);
		return err_set(err, r, "cannot watch the painter: %s", strerror(-r));
	}
	log_debug("painter %d started", (int)p->pid);
	return 0;
}

/* ---- orders */

static struct painter_order *order_free(struct painter_order *o)
{
	buf_finish(&o->frame);
	free(o);
	return NULL;
}

static void free_orders(struct painter *p)
{
	struct painter_order *next;
	for (struct painter_order *o = p->waiting; o; o = next) {
		next = o->next;
		order_free(o);
	}
	if (p->current)
		p->current = order_free(p->current);
	p->waiting = NULL;
	p->last = &p->waiting;
}

static void kicked(void *arg);

/* The next order is always begun from the loop, so that nothing here is called from within itself.
 */
static void kick(struct painter *p)
{
	if (!p->kicked)
		loop_post(p->loop, kicked, p);
	p->kicked = true;
}

/* The painter must be in order before done is called, which may ask for more, or free all this. */
static void answer(struct painter *p, int code, const char *reason, const void *data, size_t len)
{
	struct painter_order *o = p->current;
	p->current = NULL;
	kick(p);
	if (o->done)
		o->done(o->arg, code, reason, data, len);
	order_free(o);
}

/* The child did what it must not: current fails, and the next one gets another child. */
static void fail(struct painter *p, int code, const char *what)
{
	char how[64], reason[256];
	end_child(p, how);
	if (!p->current)
		return;
	snprintf(reason, sizeof(reason), "%s: the painter %s", what, how);
	log_warn("%s", reason);
	answer(p, code, reason, NULL, 0);
}

static void send_more(struct painter *p)
{
	const struct buf *frame = &p->current->frame;
	while (p->sent < frame->len) {
		ssize_t n = send(p->fd, frame->data + p->sent, frame->len - p->sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break; /* full: EPOLLOUT tells; ended: EPOLLHUP does */
		p->sent += (size_t)n;
	}
	watch_events(p->watch, p->sent < frame->len ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void next_order(struct painter *p)
{
	struct err err = {0};
	if (p->current)
		return;
	if (!p->waiting) {
		timer_set(p->timer, clock_boot_ms() + IDLE_MS);
		return;
	}
	p->current = p->waiting;
	p->waiting = p->current->next;
	if (!p->waiting)
		p->last = &p->waiting;
	p->sent = 0;
	if (!p->pid && start_child(p, &err) < 0) {
		log_warn("%s", err.msg);
		answer(p, err.code, err.msg, NULL, 0);
		return;
	}
	timer_set(p->timer, clock_boot_ms() + ANSWER_MS);
	send_more(p);
}

/* ---- answers */

static bool is_png(const char *data, size_t len)
{
	return len > 8 && !memcmp(data, "\x89PNG\r\n\x1a\n", 8);
}

/* A whole answer is in the buffer. */
static void take_answer(struct painter *p, const struct wire_head *head)
{
	size_t len;
	char *data = buf_steal(&p->answer, &len);
	const char *body = data + sizeof(*head);
	if (head->status == 0 && is_png(body, head->len))
		answer(p, 0, "", body, head->len);
	else if (head->status == 0)
		fail(p, -EIO, "no picture in its answer");
	else
		answer(p, head->status == ENOPKG ? -ENOPKG : -EIO,
		       *body ? body : "the painter gave no reason", NULL, 0);
	free(data);
}

/* False: the child is gone, or all this is. */
static bool check_answer(struct painter *p)
{
	struct wire_head head;
	if (p->answer.len < sizeof(head))
		return true;
	memcpy(&head, p->answer.data, sizeof(head));
	size_t whole = sizeof(head) + head.len;
	if (!p->current || head.mark != WIRE_MARK || head.len > WIRE_BYTES_MAX - sizeof(head) ||
	    p->answer.len > whole) {
		fail(p, -EIO, "nonsense in its answer");
		return false;
	}
	if (p->answer.len < whole)
		return true;
	take_answer(p, &head);
	return false;
}

static void on_socket(void *arg, uint32_t revents)
{
	struct painter *p = arg;
	char part[65536];

	if (revents & EPOLLOUT && p->current)
		send_more(p);
	for (;;) {
		ssize_t n = recv(p->fd, part, sizeof(part), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			fail(p, -EIO, "no answer");
			return;
		}
		p->answer.max_bytes = WIRE_BYTES_MAX;
		if (buf_add(&p->answer, part, (size_t)n) < 0) {
			fail(p, -EFBIG, "an endless answer");
			return;
		}
		if (!check_answer(p))
			return;
	}
}

static void on_timer(void *arg)
{
	struct painter *p = arg;
	char how[64];
	if (p->current)
		fail(p, -ETIMEDOUT, "no answer within 30 s");
	else
		end_child(p, how);
}

/* ---- for the provider */

struct painter *painter_new(struct loop *loop)
{
	struct painter *p = xcalloc(1, sizeof(*p));
	p->loop = loop;
	p->fd = -1;
	p->last = &p->waiting;
	p->timer = timer_new(loop, on_timer, p);
	return p;
}

static void kicked(void *arg)
{
	struct painter *p = arg;
	p->kicked = false;
	if (p->freed)
		free(p);
	else
		next_order(p);
}

struct painter *painter_free(struct painter *p)
{
	char how[64];
	if (!p)
		return NULL;
	end_child(p, how);
	free_orders(p);
	buf_finish(&p->answer);
	p->timer = timer_free(p->timer);
	p->freed = true;
	if (!p->kicked)
		free(p);
	return NULL;
}

struct painter_order *painter_ask(struct painter *p, const struct card *c, painter_done_fn done,
				  void *arg)
{
	struct painter_order *o = xcalloc(1, sizeof(*o));
	*o = (struct painter_order){.painter = p, .done = done, .arg = arg};
	if (wire_put_card(&o->frame, c) < 0)
		return order_free(o);
	*p->last = o;
	p->last = &o->next;
	kick(p);
	return o;
}

void painter_cancel(struct painter *p, struct painter_order *o)
{
	if (p->current == o) {
		o->done = NULL;
		return;
	}
	for (struct painter_order **at = &p->waiting; *at; at = &(*at)->next) {
		if (*at != o)
			continue;
		*at = o->next;
		if (!o->next)
			p->last = at;
		order_free(o);
		return;
	}
}
