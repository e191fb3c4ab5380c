/* SPDX-License-Identifier: MIT */
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "awake.h"
#include "check.h"

enum { LONG_US = 10000000, TIMES = 200, FEW = 50 };

static int64_t used_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The thread works while requests come, and only then. */
static void test_keep(void)
{
	const int64_t until_us = clock_mono_us() + LONG_US;
	struct awake *a;
	int64_t before_us, after_us;

	CHECK_INT(awake_new(&a), 0);
	before_us = used_us();
	for (int i = 0; i < 20; i++) {
		const int64_t least_us = used_us() + 100;

		while (used_us() < least_us && clock_mono_us() < until_us) {
			awake_keep(a);
			poll(NULL, 0, 1);
		}
		CHECK(used_us() >= least_us);
	}
	after_us = used_us();
	CHECK(after_us - before_us >= 2000);
	/* It is asleep as soon as nobody asks: what it may still use is less than it was awake for.
	 */
	poll(NULL, 0, 50);
	CHECK(used_us() - after_us < 10000);
	a = awake_free(a);
	CHECK(!a);
}

static pid_t busy_child(void)
{
	pid_t child = fork();

	if (child == 0)
		for (;;)
			;
	return child;
}

static long switches(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_nvcsw + u.ru_nivcsw;
}

/* Beside a process that computes it is tried once and not again for a while: each time would cost
 * a turn of that. */
static void test_calm(void)
{
	cpu_set_t before, one;
	struct awake *a;
	long from;
	pid_t child;

	CHECK_INT(sched_getaffinity(0, sizeof(before), &before), 0);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	CHECK_INT(sched_setaffinity(0, sizeof(one), &one), 0);
	child = busy_child();
	CHECK_INT(awake_new(&a), 0);
	from = switches();
	for (int i = 0; i < TIMES; i++)
		awake_give_way(a);
	CHECK(switches() - from < FEW);
	awake_free(a);
	kill(child, SIGKILL);
	CHECK_INT(waitpid(child, NULL, 0), child);
	CHECK_INT(sched_setaffinity(0, sizeof(before), &before), 0);
}

static void test_none(void)
{
	awake_keep(NULL);
	awake_give_way(NULL);
	CHECK(!awake_free(NULL));
}

int main(void)
{
	test_keep();
	test_calm();
	test_none();
	return check_result();
}
