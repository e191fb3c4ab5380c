/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#include "awake.h"

/*
 * To wake a thread on a virtual processor that sleeps takes an interrupt through the host: several
 * times what bookfs takes to answer a request. Client and server wait for each other in turn, so
 * where there are two processors one of them sleeps each time. While requests come, a thread that
 * does nothing but give way keeps it from that: who is woken there has it at once. The loop gives
 * way, too, where it waits for the next request, as the client may be on its own processor.
 *
 * To give way to a process that computes is to lose the processor for all of its turn. So once that
 * took CROWDED_US neither is done for a while, which grows as long as it happens soon again: where
 * others are at work no processor sleeps anyway.
 */

enum { AWAKE_US = 300, CROWDED_US = 1200, CALM_FIRST_US = 1000000, CALM_MOST_US = 16000000 };

struct awake {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool ending; /* under lock */
	atomic_bool asleep;
	_Atomic int64_t until_us, calm_until_us, calm_us;
};

/* ---- others who want the processor */

static bool is_calm(const struct awake *a, int64_t now_us)
{
	return now_us < atomic_load(&a->calm_until_us);
}

static void be_calm(struct awake *a, int64_t now_us)
{
	int64_t last_us = atomic_load(&a->calm_us);
	bool soon = now_us - atomic_load(&a->calm_until_us) < last_us;
	int64_t calm_us = !soon ? CALM_FIRST_US : last_us < CALM_MOST_US ? last_us * 2 : last_us;

	atomic_store(&a->calm_us, calm_us);
	atomic_store(&a->calm_until_us, now_us + calm_us);
}

/* When it has the processor again. */
static int64_t give_way(struct awake *a, int64_t now_us)
{
	int64_t then_us;

	sched_yield();
	then_us = clock_mono_us();
	if (then_us - now_us > CROWDED_US)
		be_calm(a, then_us);
	return then_us;
}

void awake_give_way(struct awake *a)
{
	int64_t now_us = a ? clock_mono_us() : 0;

	if (a && !is_calm(a, now_us))
		give_way(a, now_us);
}

/* ---- the thread */

static void stay_awake(struct awake *a)
{
	int64_t now_us = clock_mono_us();

	while (now_us < atomic_load(&a->until_us) && !is_calm(a, now_us))
		now_us = give_way(a, now_us);
}

static void *awake_thread(void *arg)
{
	struct awake *a = arg;

	pthread_mutex_lock(&a->lock);
	while (!a->ending) {
		atomic_store(&a->asleep, true);
		pthread_cond_wait(&a->wake, &a->lock);
		pthread_mutex_unlock(&a->lock);
		stay_awake(a);
		pthread_mutex_lock(&a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

void awake_keep(struct awake *a)
{
	int64_t now_us = a ? clock_mono_us() : 0;

	if (!a || is_calm(a, now_us))
		return;
	atomic_store(&a->until_us, now_us + AWAKE_US);
	if (!atomic_load(&a->asleep))
		return;
	pthread_mutex_lock(&a->lock);
	atomic_store(&a->asleep, false);
	pthread_cond_signal(&a->wake);
	pthread_mutex_unlock(&a->lock);
}

/* ---- life */

int awake_new(struct awake **out)
{
	struct awake *a = xcalloc(1, sizeof(*a));
	sigset_t all, before;
	int r;

	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->wake, NULL);
	/* Signals belong to the thread that runs the loop. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&a->thread, NULL, awake_thread, a);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r) {
		free(a);
		return -r;
	}
	*out = a;
	return 0;
}

struct awake *awake_free(struct awake *a)
{
	if (!a)
		return NULL;
	pthread_mutex_lock(&a->lock);
	a->ending = true;
	atomic_store(&a->until_us, 0);
	pthread_cond_signal(&a->wake);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	pthread_cond_destroy(&a->wake);
	pthread_mutex_destroy(&a->lock);
	free(a);
	return NULL;
}
