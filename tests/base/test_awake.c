/* SPDX-License-Identifier: MIT */
#include <poll.h>
#include <sched.h>
#include <time.h>

#include "awake.h"
#include "check.h"

enum { LONG_US = 5000000, TURN_US = 1000 };

static int64_t used_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* By the other thread. */
static int64_t its_us(void)
{
	return used_us(CLOCK_PROCESS_CPUTIME_ID) - used_us(CLOCK_THREAD_CPUTIME_ID);
}

/* Somebody has the processor for a turn. */
static bool is_crowded(void)
{
	int64_t from_us = clock_mono_us();

	sched_yield();
	return clock_mono_us() - from_us > TURN_US;
}

/* It works for a while when it is asked to, and sleeps then. Beside others who compute it leaves
 * them the processor, and nothing is to be seen. */
static void test_keep(void)
{
	const int64_t until_us = clock_mono_us() + LONG_US;
	struct awake *a;
	int64_t before_us, most_us = 0;
	bool crowded = false;

	CHECK_INT(awake_new(&a), 0);
	while (most_us < 200 && clock_mono_us() < until_us) {
		crowded = crowded || is_crowded();
		before_us = its_us();
		awake_keep(a);
		poll(NULL, 0, 10);
		if (its_us() - before_us > most_us)
			most_us = its_us() - before_us;
	}
	CHECK(most_us >= 200 || crowded);
	CHECK(most_us < 5000);
	before_us = its_us();
	poll(NULL, 0, 50);
	CHECK(its_us() - before_us < 100);
	CHECK(!awake_free(a));
}

static void test_none(void)
{
	awake_keep(NULL);
	CHECK(!awake_free(NULL));
}

int main(void)
{
	test_keep();
	test_none();
	return check_result();
}
