/* SPDX-License-Identifier: MIT */
#include <sched.h>
#include <stdatomic.h>

#include "awake.h"
#include "calm.h"
#include "thread.h"

/*
 * To wake a thread on a virtual processor that sleeps takes an interrupt through the host: several
 * times what bookfs takes to answer a request. Client and server wait for each other in turn, so
 * where there are two processors one of them sleeps each time. While requests come, a thread that
 * does nothing but give way keeps it from that: who is woken there has it at once.
 *
 * Where others compute no processor sleeps anyway: it is left alone for a while when TIMES in turn
 * it got none for CROWDED_US.
 */

enum { AWAKE_US = 300, CROWDED_US = 1200, TIMES = 4 };

struct awake {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool ending; /* under lock */
	atomic_bool asleep;
	_Atomic int64_t until_us;
	struct calm calm;
};

/* false: others compute. */
static bool gets_processor(struct awake *a)
{
	int64_t now_us = clock_mono_us();

	while (now_us < atomic_load(&a->until_us)) {
		const int64_t from_us = now_us;

		sched_yield();
		now_us = clock_mono_us();
		if (now_us - from_us > CROWDED_US)
			return false;
	}
	return true;
}

static void *awake_thread(void *arg)
{
	struct awake *a = arg;
	int in_vain = 0;

	pthread_mutex_lock(&a->lock);
	while (!a->ending) {
		atomic_store(&a->asleep, true);
		pthread_cond_wait(&a->wake, &a->lock);
		pthread_mutex_unlock(&a->lock);
		in_vain = gets_processor(a) ? 0 : in_vain + 1;
		if (in_vain >= TIMES)
			be_calm(&a->calm, clock_mono_us());
		pthread_mutex_lock(&a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

void awake_keep(struct awake *a)
{
	const int64_t now_us = a ? clock_mono_us() : 0;

	if (!a || is_calm(&a->calm, now_us))
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
	int r;

	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->wake, NULL);
	r = thread_start(&a->thread, awake_thread, a);
	if (r < 0) {
		free(a);
		return r;
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
