/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "awake.h"
#include "near.h"
#include "pool.h"

/*
 * The order of one turn: posted calls, due timers, the poller while it is busy, then epoll. The
 * poller is why this is not a library's loop: the time of a FUSE request on an otherwise idle
 * machine is the time to wake its server, so after each request the loop tries the descriptor again
 * for SPIN_US before it sleeps (fuse.md, Speed: a factor of three). Where there are two processors
 * the loop goes to the client's and gives way to it between two trials (near.c), and no processor
 * sleeps (awake.c). Where a spin is in the client's way it ends in vain: after each of those it is
 * left out for more requests, PASSES_MOST at last, until one is worth it again. A stream of
 * requests must not starve the others, so no spin lasts longer than BUSY_US before everybody else
 * is asked too.
 *
 * Watches are unlinked at once but freed at the end of the turn: an event for a watch that an
 * earlier event of the same batch freed finds it dead instead of gone.
 */

enum { SPIN_US = 50, SHORT_US = 30, BUSY_US = 1000, PASSES_MOST = 31, BATCH = 64 };

struct watch {
	struct loop *loop;
	int fd;
	void (*fn)(void *arg, uint32_t revents); /* NULL: dead, freed at the end of the turn */
	void *arg;
	struct watch *next_dead;
};

struct timer {
	struct loop *loop;
	struct timer *next; /* in the order of at_boot_ms */
	bool set;
	int64_t at_boot_ms;
	void (*fn)(void *arg);
	void *arg;
};

struct post {
	struct post *next;
	void (*fn)(void *arg);
	void *arg;
};

struct loop {
	int epoll_fd, wake_fd;
	bool stop;
	pthread_t thread;
	struct pool *pool;
	struct timer *timers;
	struct watch *dead;
	struct watch *wake, *poller;
	bool (*serve)(void *arg);
	void *serve_arg;
	int64_t busy_until_us;	 /* the poller is tried again until then */
	int passes, passes_next; /* requests after which it is not, as that was in vain */
	struct near near;
	struct awake *awake; /* NULL: there are not two processors */

	pthread_mutex_t lock;
	struct post *posts, **last_post; /* under lock */
	atomic_bool posted; /* posts is not empty; read without the lock while spinning */
};

/* ---- watches */

int loop_watch(struct watch **out, struct loop *l, int fd, uint32_t events,
	       void (*fn)(void *arg, uint32_t revents), void *arg)
{
	struct watch *w = xcalloc(1, sizeof(*w));
	struct epoll_event e = {.events = events, .data.ptr = w};

	*w = (struct watch){.loop = l, .fd = fd, .fn = fn, .arg = arg};
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0) {
		int r = -errno;

		free(w);
		return r;
	}
	*out = w;
	return 0;
}

int watch_events(struct watch *w, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = w};

	return epoll_ctl(w->loop->epoll_fd, EPOLL_CTL_MOD, w->fd, &e) < 0 ? -errno : 0;
}

struct watch *watch_free(struct watch *w)
{
	if (!w)
		return NULL;
	epoll_ctl(w->loop->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
	w->fn = NULL;
	w->next_dead = w->loop->dead;
	w->loop->dead = w;
	return NULL;
}

static void bury(struct loop *l)
{
	struct watch *w;

	while ((w = l->dead)) {
		l->dead = w->next_dead;
		free(w);
	}
}

/* ---- timers: a sorted list, as there are only a few */

struct timer *timer_new(struct loop *l, void (*fn)(void *arg), void *arg)
{
	struct timer *t = xcalloc(1, sizeof(*t));

	*t = (struct timer){.loop = l, .fn = fn, .arg = arg};
	return t;
}

void timer_stop(struct timer *t)
{
	struct timer **at = &t->loop->timers;

	if (!t->set)
		return;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	t->set = false;
}

void timer_set(struct timer *t, int64_t at_boot_ms)
{
	struct timer **at = &t->loop->timers;

	timer_stop(t);
	while (*at && (*at)->at_boot_ms <= at_boot_ms)
		at = &(*at)->next;
	t->at_boot_ms = at_boot_ms;
	t->next = *at;
	t->set = true;
	*at = t;
}

struct timer *timer_free(struct timer *t)
{
	if (t)
		timer_stop(t);
	free(t);
	return NULL;
}

/* At most a batch: timers that set themselves to now cannot hold the loop. */
static void run_timers(struct loop *l)
{
	int64_t now;

	if (!l->timers)
		return;
	now = clock_boot_ms();
	for (int n = 0; n < BATCH && l->timers && l->timers->at_boot_ms <= now; n++) {
		struct timer *t = l->timers;

		timer_stop(t);
		t->fn(t->arg);
	}
}

static int sleep_ms(const struct loop *l)
{
	int64_t left;

	if (l->stop || atomic_load(&l->posted))
		return 0;
	if (!l->timers)
		return -1;
	left = l->timers->at_boot_ms - clock_boot_ms();
	return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* ---- posted calls */

void loop_post(struct loop *l, void (*fn)(void *arg), void *arg)
{
	struct post *p = xcalloc(1, sizeof(*p));
	const uint64_t one = 1;
	bool first;

	*p = (struct post){.fn = fn, .arg = arg};
	pthread_mutex_lock(&l->lock);
	first = !l->posts;
	*l->last_post = p;
	l->last_post = &p->next;
	atomic_store(&l->posted, true);
	pthread_mutex_unlock(&l->lock);
	if (first && write(l->wake_fd, &one, sizeof(one)) < 0)
		abort(); /* an eventfd takes 2^64 - 2 of these */
}

static void run_posted(struct loop *l)
{
	struct post *p;

	if (!atomic_load(&l->posted))
		return;
	pthread_mutex_lock(&l->lock);
	p = l->posts;
	l->posts = NULL;
	l->last_post = &l->posts;
	atomic_store(&l->posted, false);
	pthread_mutex_unlock(&l->lock);
	while (p) {
		struct post *next = p->next;

		p->fn(p->arg);
		free(p);
		p = next;
	}
}

static void on_wake(void *arg, uint32_t revents)
{
	struct loop *l = arg;
	uint64_t count;
	ssize_t ignored = read(l->wake_fd, &count, sizeof(count));

	(void)ignored;
}

void loop_work(struct loop *l, void (*work)(void *arg), void (*done)(void *arg), void *arg)
{
	pool_add(l->pool, work, done, arg);
}

/* ---- the poller */

/* Of what takes longer the client's wake-up is a small part; and both processors have work. */
static bool serve(struct loop *l)
{
	int64_t from_us = clock_mono_us();

	if (!l->serve || !l->serve(l->serve_arg))
		return false;
	if (clock_mono_us() - from_us < SHORT_US)
		awake_keep(l->awake);
	return true;
}

static void be_busy(struct loop *l)
{
	l->busy_until_us = clock_mono_us() + SPIN_US;
}

static void on_poller(void *arg, uint32_t revents)
{
	struct loop *l = arg;

	if (!serve(l))
		return;
	if (l->passes > 0)
		l->passes--;
	else
		be_busy(l);
}

static void was_in_vain(struct loop *l)
{
	l->busy_until_us = 0;
	l->passes = l->passes_next;
	if (l->passes_next < PASSES_MOST)
		l->passes_next = l->passes_next * 2 + 1;
}

static void spin(struct loop *l)
{
	int64_t now = clock_mono_us();
	const int64_t limit = now + BUSY_US;
	bool waited = false;

	while (now < l->busy_until_us && now < limit && !l->stop && !atomic_load(&l->posted)) {
		if (!serve(l)) {
			waited = true;
			near_give_way(&l->near);
		} else {
			if (waited)
				l->passes_next = 0;
			waited = false;
			be_busy(l);
		}
		now = clock_mono_us();
	}
	if (now >= l->busy_until_us)
		was_in_vain(l);
}

int loop_poller(struct loop *l, int fd, bool (*serve_one)(void *arg), void *arg)
{
	int r = l->near.possible ? awake_new(&l->awake) : 0;

	if (r == 0)
		r = loop_watch(&l->poller, l, fd, EPOLLIN, on_poller, l);
	if (r < 0)
		return r;
	l->serve = serve_one;
	l->serve_arg = arg;
	return 0;
}

void loop_poller_stop(struct loop *l)
{
	l->serve = NULL;
	l->busy_until_us = 0;
	l->awake = awake_free(l->awake);
	l->poller = watch_free(l->poller);
}

void loop_client(struct loop *l, pid_t client)
{
	near_client(&l->near, client);
}

/* ---- the loop itself */

int loop_new(struct loop **out, int pool_threads)
{
	struct loop *l = xcalloc(1, sizeof(*l));
	int r;

	pthread_mutex_init(&l->lock, NULL);
	l->last_post = &l->posts;
	l->thread = pthread_self();
	near_init(&l->near);
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->wake_fd < 0 || l->epoll_fd < 0)
		r = -errno;
	else
		r = loop_watch(&l->wake, l, l->wake_fd, EPOLLIN, on_wake, l);
	if (r == 0)
		r = pool_new(&l->pool, l, pool_threads);
	if (r < 0) {
		loop_free(l);
		return r;
	}
	*out = l;
	return 0;
}

struct loop *loop_free(struct loop *l)
{
	if (!l)
		return NULL;
	l->pool = pool_free(l->pool);
	while (atomic_load(&l->posted))
		run_posted(l);
	loop_poller_stop(l);
	watch_free(l->wake);
	bury(l);
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	pthread_mutex_destroy(&l->lock);
	free(l);
	return NULL;
}

bool loop_is_current(const struct loop *l)
{
	return pthread_equal(l->thread, pthread_self());
}

void loop_stop(struct loop *l)
{
	l->stop = true;
}

int loop_run(struct loop *l)
{
	struct epoll_event events[BATCH];

	l->stop = false;
	while (!l->stop) {
		int n, timeout_ms;

		run_posted(l);
		run_timers(l);
		if (l->busy_until_us)
			spin(l);
		timeout_ms = clock_mono_us() < l->busy_until_us ? 0 : sleep_ms(l);
		n = epoll_wait(l->epoll_fd, events, BATCH, timeout_ms);
		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < n; i++) {
			struct watch *w = events[i].data.ptr;

			if (w->fn)
				w->fn(w->arg, events[i].events);
		}
		bury(l);
	}
	return 0;
}
