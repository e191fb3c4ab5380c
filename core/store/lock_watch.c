/* SPDX-License-Identifier: MIT */
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>

#include "lock_table.h"

/*
 * How the loop hears of deaths and changes.
 *
 * The anchor of each holder is watched by a pidfd, in every process that has the table open:
 * whoever is first removes the lock, and finds out inside the transaction that he is. A process
 * that had the table open closes NAME-locks-live when it ends; its descriptors and waiters go then.
 * Changes by others ring the bell. Four times a second the table is asked in case one was lost.
 */

#define NET_MS 250
/* The kernel tells of the close a moment before it drops the lock. */
#define AFTER_CLOSE_MS 5
#define ANCHORS_KEPT 64 /* are watched on though they hold nothing: they will again */

struct anchor {
	struct anchor *next;
	struct lock_watch *owner;
	struct process process;
	int fd;
	struct watch *watch;
	bool seen;
};

struct lock_watch {
	struct locks *locks; /* NULL: closed, the posted call that is under way frees this */
	struct watch *bell;
	struct timer *net;
	struct anchor *anchors; /* the one used last is first */
	int count;
	bool posted;
	bool sweep;	   /* at the net's next turn */
	bool unwatched;	   /* there is an anchor without a pidfd */
	int64_t known_seq; /* whose anchors are watched */
	int64_t told_seq;
	void (*fn)(void *arg);
	void *arg;
};

/* ---- anchors */

static struct anchor *find(struct lock_watch *w, const struct process *p)
{
	for (struct anchor **at = &w->anchors; *at; at = &(*at)->next) {
		struct anchor *a = *at;
		if (!process_is(&a->process, p))
			continue;
		*at = a->next;
		a->next = w->anchors;
		return w->anchors = a;
	}
	return NULL;
}

static void forget(struct anchor **at)
{
	struct anchor *a = *at;
	*at = a->next;
	a->owner->count--;
	a->watch = watch_free(a->watch);
	close(a->fd);
	free(a);
}

static void look(struct lock_watch *w);

static void sweep_soon(struct lock_watch *w, int64_t delay_ms)
{
	w->sweep = true;
	timer_set(w->net, clock_boot_ms() + delay_ms);
}

static void on_death(void *arg, uint32_t revents)
{
	struct anchor *a = arg;
	struct lock_watch *w = a->owner;
	struct anchor **at = &w->anchors;
	while (*at != a)
		at = &(*at)->next;
	forget(at);
	if (lock_sweep(w->locks) < 0)
		sweep_soon(w, NET_MS);
	look(w);
}

void lock_watch_anchor(struct locks *l, const struct process *p)
{
	struct lock_watch *w = l->watch;
	if (!w || p->pid == 0)
		return;
	struct anchor *a = find(w, p);
	if (a) {
		a->seen = true;
		return;
	}
	int fd = process_fd(p);
	if (fd == -ESRCH)
		sweep_soon(w, 0);
	if (fd < 0) {
		w->unwatched |= fd != -ESRCH && fd != -ENOTSUP;
		return;
	}
	a = xcalloc(1, sizeof(*a));
	*a = (struct anchor){.next = w->anchors, .owner = w, .process = *p, .fd = fd, .seen = true};
	w->anchors = a;
	w->count++;
	if (loop_watch(&a->watch, l->loop, fd, EPOLLIN, on_death, a) < 0) {
		w->unwatched = true;
		forget(&w->anchors);
	}
}

enum process_life lock_watch_life(struct locks *l, const struct process *p)
{
	struct anchor *a = l->watch && p->pid ? find(l->watch, p) : NULL;
	if (!a)
		return process_life(p);
	struct pollfd poll_fd = {.fd = a->fd, .events = POLLIN};
	return poll(&poll_fd, 1, 0) > 0 ? PROCESS_DEAD : PROCESS_ALIVE;
}

static int watch_row(void *arg, struct lock_row *row)
{
	lock_watch_anchor(arg, &row->k.holder.anchor);
	return 0;
}

/* The anchors of what others took. */
static void watch_all(struct lock_watch *w)
{
	for (struct anchor *a = w->anchors; a; a = a->next)
		a->seen = false;
	w->unwatched = false;
	if (lock_rows(w->locks, watch_row, w->locks) < 0)
		return;
	for (struct anchor **at = &w->anchors; *at && w->count > ANCHORS_KEPT;)
		if ((*at)->seen)
			at = &(*at)->next;
		else
			forget(at);
}

/* ---- changes */

static void look(struct lock_watch *w)
{
	int64_t seq = w->told_seq;
	bool there = lock_is_there(w->locks);
	if (there && locks_seq(&seq, w->locks) < 0)
		return;
	if (there && seq != w->known_seq)
		watch_all(w);
	w->known_seq = seq;
	if (seq == w->told_seq && !w->locks->lost_waiters)
		return;
	w->told_seq = seq;
	if (w->fn)
		w->fn(w->arg);
}

static bool has_slept(const struct locks *l)
{
	return clock_boot_ms() - clock_mono_us() / 1000 - l->slept_ms > 1000;
}

static void on_net(void *arg)
{
	struct lock_watch *w = arg;
	timer_set(w->net, clock_boot_ms() + NET_MS);
	if ((w->sweep || w->unwatched || has_slept(w->locks)) && lock_is_there(w->locks))
		w->sweep = lock_sweep(w->locks) < 0;
	else if (w->locks->waiting > 0 && lock_is_there(w->locks))
		lock_settle_all(w->locks);
	lock_guard_look(w->locks);
	look(w);
}

static void on_bell(void *arg, uint32_t revents)
{
	struct lock_watch *w = arg;
	if (live_drain(w->locks->live))
		sweep_soon(w, AFTER_CLOSE_MS);
	lock_guard_look(w->locks);
	look(w);
}

static void on_post(void *arg)
{
	struct lock_watch *w = arg;
	w->posted = false;
	if (w->locks)
		look(w);
	else
		free(w);
}

/* Who changed it may be in the middle of something: it is told a little later, once. */
void lock_watch_tell(struct locks *l)
{
	struct lock_watch *w = l->watch;
	if (!w)
		return;
	if (l->began_seq == w->known_seq)
		w->known_seq = l->seq; /* nothing of others is between */
	if (w->posted || !w->fn)
		return;
	w->posted = true;
	loop_post(l->loop, on_post, w);
}

/* ---- lifetime */

struct lock_watch *lock_watch_new(struct locks *l)
{
	struct lock_watch *w = xcalloc(1, sizeof(*w));
	w->locks = l;
	int fd = live_fd(l->live);
	if (fd < 0 || loop_watch(&w->bell, l->loop, fd, EPOLLIN, on_bell, w) < 0)
		log_warn("locks: no bell; changes of other processes are seen %d ms late", NET_MS);
	w->net = timer_new(l->loop, on_net, w);
	timer_set(w->net, clock_boot_ms()); /* and looks at what is there */
	return w;
}

struct lock_watch *lock_watch_free(struct lock_watch *w)
{
	if (!w)
		return NULL;
	w->bell = watch_free(w->bell);
	w->net = timer_free(w->net);
	while (w->anchors)
		forget(&w->anchors);
	w->locks = NULL;
	if (!w->posted)
		free(w);
	return NULL;
}

void locks_on_change(struct locks *l, void (*fn)(void *arg), void *arg)
{
	if (!l->watch)
		return;
	l->watch->fn = fn;
	l->watch->arg = arg;
}

int locks_fd(struct locks *l)
{
	return live_fd(l->live);
}
