/* SPDX-License-Identifier: MIT */
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "check.h"
#include "near.h"

/* A child that ran on that processor last, and is stopped. */
static pid_t child_on(int processor)
{
	cpu_set_t one;
	pid_t child = fork();
	int status;

	if (child != 0) {
		CHECK_INT(waitpid(child, &status, WUNTRACED), child);
		return child;
	}
	CPU_ZERO(&one);
	CPU_SET(processor, &one);
	sched_setaffinity(0, sizeof(one), &one);
	raise(SIGSTOP);
	_exit(0);
}

static int first_two(cpu_set_t *two, int numbers[2])
{
	cpu_set_t all;
	int n = 0;

	CPU_ZERO(two);
	CHECK_INT(sched_getaffinity(0, sizeof(all), &all), 0);
	for (int i = 0; i < CPU_SETSIZE && n < 2; i++)
		if (CPU_ISSET(i, &all)) {
			CPU_SET(i, two);
			numbers[n++] = i;
		}
	return n;
}

/* As long as requests come. */
static bool gets_there(struct loop *l, pid_t client, int processor)
{
	int64_t until_us = clock_mono_us() + 300000;

	while (sched_getcpu() != processor && clock_mono_us() < until_us)
		loop_client(l, client);
	return sched_getcpu() == processor;
}

/* The thread goes to where its client is, back and forth. */
static void test_client(void)
{
	enum { TIMES = 10, LEAST = 8 }; /* the scheduler may part them at once */
	cpu_set_t before, two;
	int numbers[2], there = 0;
	struct loop *l;
	pid_t children[2];

	CHECK_INT(sched_getaffinity(0, sizeof(before), &before), 0);
	if (first_two(&two, numbers) < 2)
		return;
	CHECK_INT(sched_setaffinity(0, sizeof(two), &two), 0);
	CHECK_INT(loop_new(&l, 1), 0);
	for (int i = 0; i < 2; i++)
		children[i] = child_on(numbers[i]);
	for (int i = 0; i < TIMES; i++)
		there += gets_there(l, children[i % 2], numbers[i % 2]);
	CHECK(there >= LEAST);
	for (int i = 0; i < 2; i++) {
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
	}
	CHECK_INT(sched_getaffinity(0, sizeof(two), &two), 0);
	CHECK_INT(CPU_COUNT(&two), 2);
	CHECK_INT(sched_setaffinity(0, sizeof(before), &before), 0);
	loop_free(l);
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

/* Gives way beside a process that computes, and has then a request of that client: how often the
 * other ran. */
static long given(struct near *n, pid_t client)
{
	enum { TIMES = 200 };
	long from = switches();

	for (int i = 0; i < TIMES; i++) {
		near_give_way(n);
		near_client(n, client);
	}
	return switches() - from;
}

/* A client on the same processor had nothing to wait for. One on the other waited for the process
 * that computes: so that is not done again for a while. */
static void test_calm(void)
{
	enum { FEW = 50 };
	cpu_set_t before, two, one;
	int numbers[2];
	pid_t here, there, busy;
	struct near n;

	CHECK_INT(sched_getaffinity(0, sizeof(before), &before), 0);
	if (first_two(&two, numbers) < 2)
		return;
	CHECK_INT(sched_setaffinity(0, sizeof(two), &two), 0);
	near_init(&n);
	CHECK(n.possible);
	here = child_on(numbers[0]);
	there = child_on(numbers[1]);
	CPU_ZERO(&one);
	CPU_SET(numbers[0], &one);
	CHECK_INT(sched_setaffinity(0, sizeof(one), &one), 0);
	busy = busy_child();
	CHECK(given(&n, here) > FEW);
	CHECK(given(&n, there) < FEW);
	CHECK(given(&n, here) < FEW); /* that while */
	for (int i = 0; i < 3; i++) {
		const pid_t child = i == 0 ? here : i == 1 ? there : busy;

		kill(child, SIGKILL);
		CHECK_INT(waitpid(child, NULL, 0), child);
	}
	CHECK_INT(sched_setaffinity(0, sizeof(before), &before), 0);
}

int main(void)
{
	test_client();
	test_calm();
	return check_result();
}
