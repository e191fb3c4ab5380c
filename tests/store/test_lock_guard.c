/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "fixture.h"
#include "store.h"

/* Between looking who holds a resource and writing under it nobody takes it away: by two processes,
 * and by the threads of one. */

enum { ROUNDS = 1000 };

static struct fixture fixture;
static const char three[] = "Chapter_03";

struct shared {
	atomic_llong token;   /* under which the writer writes; 0: he is to wait, -1: to end */
	atomic_llong written; /* bytes so far */
	atomic_bool writes;
};

static struct lock_holder holder(const char *instance)
{
	struct lock_holder h = {.uid = getuid()};
	snprintf(h.instance, sizeof(h.instance), "%s", instance);
	return h;
}

static int64_t take(struct locks *l, const struct lock_holder *h)
{
	const char *names[] = {three};
	struct lock k;
	CHECK_INT(locks_acquire(l,
				&(struct lock_claim){.resources = names, .count = 1, .holder = h},
				NULL),
		  0);
	CHECK_INT(locks_get(&k, l, three), 0);
	return k.token;
}

static struct locks *open_table(void)
{
	struct locks *l = NULL;
	struct err err = {0};
	CHECK_INT(locks_open(&l, NULL, fixture.store_path, &err), 0);
	return l;
}

/* ---- two processes */

/* Writes on as long as the lock is his. What the machine does between the look and the write is up
 * to it: he gives way on purpose. */
static void write_under(struct shared *s, struct locks *l, int64_t token)
{
	for (bool mine = true; mine;) {
		CHECK_INT(locks_guard(l, three), 0);
		mine = locks_fence(l, three, token) == 0;
		sched_yield();
		if (mine)
			s->written++;
		locks_unguard(l, three);
		s->writes = true;
	}
}

static void write_on(struct shared *s)
{
	struct locks *l = open_table();
	long long token, last = 0;
	while ((token = s->token) >= 0) {
		if (token == last || token == 0) {
			sched_yield();
			continue;
		}
		write_under(s, l, token);
		last = token;
		s->token = 0;
	}
	locks_close(l);
}

static void test_two_processes(void)
{
	struct shared *s =
		mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const struct lock_holder a = holder("A"), b = holder("B");
	struct locks *l = open_table();
	int late = 0, status;
	pid_t pid = fork();
	if (pid == 0) {
		write_on(s);
		_exit(check_result());
	}
	for (int i = 0; i < ROUNDS; i++) {
		int64_t token = take(l, &a);
		s->writes = false;
		s->token = token;
		while (!s->writes)
			sched_yield();
		/* Two ways of taking it away, and one of its becoming somebody else's. */
		if (i % 2) {
			CHECK_INT(locks_break(l, &b, three, token, "late", NULL), 0);
		} else {
			CHECK_INT(locks_release_token(l, three, token), 0);
			take(l, &b);
		}
		long long before = s->written;
		while (s->token)
			sched_yield();
		late += s->written != before;
		if (i % 2 == 0)
			CHECK_INT(locks_remove(l, &b, three, NULL), 0);
	}
	CHECK_INT(late, 0);
	CHECK(s->written > 0);
	s->token = -1;
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
	locks_close(l);
	munmap(s, sizeof(*s));
}

/* ---- one that does not end */

static void test_no_end(struct locks *writer, struct locks *l)
{
	const struct lock_holder a = holder("A"), b = holder("B");
	struct lock_refusal no = {0};
	struct lock k;
	int64_t token = take(l, &a), waiter;
	const char *names[] = {three};
	const struct lock_claim claim = {.resources = names, .count = 1, .holder = &b};

	CHECK_INT(locks_guard(writer, three), 0);
	CHECK_INT(locks_break(l, &b, three, token, "late", &no), -EBUSY);
	CHECK_INT(no.why, LOCK_REFUSED_WRITTEN);
	CHECK(strstr(no.err.msg, "a write to Chapter_03 is under way"));
	CHECK_INT(locks_get(&k, l, three), 0);
	CHECK(lock_is_of(&k, &a));
	/* What is his own he renews, and gives back at once; the next one waits for the write. */
	take(l, &a);
	CHECK_INT(locks_wait(&waiter, l, &claim, NULL), 0);
	CHECK_INT(locks_release(l, &a, names, 1, NULL), 1);
	CHECK_INT(locks_get(&k, l, three), -ENOENT);
	CHECK_INT(locks_wait_next(&waiter, l), 0);
	locks_unguard(writer, three);
	/* Of others nobody is kept out. */
	CHECK_INT(locks_guard(writer, "Chapter_04"), 0);
	CHECK_INT(locks_sweep(l), 0);
	CHECK_INT(locks_get(&k, l, three), 0);
	CHECK(lock_is_of(&k, &b));
	CHECK_INT(locks_wait_next(&waiter, l), 1);
	CHECK_INT(locks_remove(l, &b, three, NULL), 0);
	locks_unguard(writer, "Chapter_04");
	/* Whoever moves a folder keeps out all. */
	CHECK_INT(locks_guard(writer, NULL), 0);
	CHECK_INT(locks_acquire(l, &claim, &no), -EBUSY);
	CHECK(strstr(no.err.msg, "under way"));
	locks_unguard(writer, NULL);
	CHECK_INT(locks_guard(writer, "Chapter_3"), -EINVAL);
}

/* ---- what the kernel writes by itself */

static void count(void *arg)
{
	++*(int *)arg;
}

static void stop(void *arg)
{
	loop_stop(arg);
}

/* What a process wants that has delegated it, and what another wants. */
static void test_delegated(struct loop *loop, struct locks *l, struct locks *other)
{
	const struct lock_holder a = holder("A"), b = holder("B");
	const char *names[] = {three};
	const struct lock_claim claim = {.resources = names, .count = 1, .holder = &b};
	struct lock_refusal no = {0};
	struct timer *end = timer_new(loop, stop, loop);
	int wanted = 0, fd;

	take(l, &a);
	CHECK_INT(locks_lasting_fd(l), -1);
	CHECK_INT(locks_delegate(l, "Chapter_3"), -EINVAL);
	CHECK_INT(locks_guard(l, three), 0);
	CHECK_INT(locks_delegate(l, three), 0);
	CHECK_INT(locks_delegate(l, three), 0);
	locks_unguard(l, three);
	locks_on_wanted(l, count, &wanted);
	/* Who has it may write on, renew it and give it back. */
	CHECK_INT(locks_guard(l, three), 0);
	locks_unguard(l, three);
	take(l, &a);
	CHECK_INT(locks_release(l, &a, names, 1, NULL), 1);
	CHECK_INT(locks_acquire(l, &claim, &no), -EBUSY);
	CHECK_INT(locks_acquire(other, &claim, &no), -EBUSY);
	CHECK(strstr(no.err.msg, "a write to Chapter_03 is under way"));
	timer_set(end, clock_boot_ms() + 50);
	loop_run(loop);
	CHECK(wanted > 0);
	locks_undelegate(l, three);
	CHECK_INT(locks_acquire(l, &claim, NULL), -EBUSY);
	locks_undelegate(l, three);
	CHECK_INT(locks_acquire(other, &claim, NULL), 0);
	CHECK_INT(locks_remove(other, &b, three, NULL), 0);
	/* It outlives its process where somebody else has the file open. */
	CHECK_INT(locks_guard(l, three), 0);
	CHECK_INT(locks_delegate(l, three), 0);
	locks_unguard(l, three);
	fd = dup(locks_lasting_fd(l));
	locks_close(l);
	CHECK_INT(locks_acquire(other, &claim, NULL), -EBUSY);
	close(fd);
	CHECK_INT(locks_acquire(other, &claim, NULL), 0);
	CHECK_INT(locks_remove(other, &b, three, NULL), 0);
	timer_free(end);
}

/* A loop does not stand still for a write, and wants no others kept from writing for long. */
static void test_on_a_loop(struct loop *loop, struct locks *l, struct locks *other)
{
	const struct lock_holder b = holder("B");
	const char *names[] = {three};
	const struct lock_claim claim = {.resources = names, .count = 1, .holder = &b};
	struct lock_refusal no = {0};
	struct timer *end = timer_new(loop, stop, loop);
	struct locks *third = open_table();

	CHECK_INT(locks_guard(other, three), 0);
	CHECK_INT(locks_acquire(l, &claim, &no), -EBUSY);
	CHECK_INT(no.why, LOCK_REFUSED_WRITTEN);
	CHECK_INT(locks_guard(third, three), -EBUSY);
	timer_set(end, clock_boot_ms());
	loop_run(loop);
	CHECK_INT(locks_acquire(l, &claim, &no), -EBUSY);
	CHECK_INT(locks_guard(third, three), 0);
	locks_unguard(third, three);
	locks_unguard(other, three);
	CHECK_INT(locks_acquire(l, &claim, &no), 0);
	CHECK_INT(locks_guard(third, three), 0);
	locks_unguard(third, three);
	CHECK_INT(locks_remove(l, &b, three, NULL), 0);
	locks_close(third);
	timer_free(end);
}

static void test_delegating(struct locks *other)
{
	struct loop *loop = NULL;
	struct locks *l = NULL;
	struct err err = {0};

	CHECK_INT(loop_new(&loop, 1), 0);
	CHECK_INT(locks_open(&l, loop, fixture.store_path, &err), 0);
	test_on_a_loop(loop, l, other);
	test_delegated(loop, l, other);
	loop_free(loop);
}

/* ---- threads of one process */

struct pool {
	struct locks *locks;
	atomic_int ended;
};

static void *end_late(void *arg)
{
	struct pool *p = arg;
	usleep(20000);
	p->ended++;
	locks_unguard(p->locks, three);
	return NULL;
}

static void test_threads(struct locks *l)
{
	const struct lock_holder a = holder("A"), b = holder("B");
	struct pool p = {.locks = l};
	pthread_t threads[2];
	int64_t token = take(l, &a);

	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		CHECK_INT(locks_guard(l, three), 0);
		CHECK_INT(pthread_create(&threads[i], NULL, end_late, &p), 0);
	}
	CHECK_INT(locks_break(l, &b, three, token, "late", NULL), 0);
	CHECK_INT(p.ended, 2);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	fixture_init(&fixture);
	test_two_processes();
	struct locks *writer = open_table(), *l = open_table();
	test_no_end(writer, l);
	test_delegating(l);
	test_threads(l);
	locks_close(writer);
	locks_close(l);
	fixture_finish(&fixture);
	return check_result();
}
