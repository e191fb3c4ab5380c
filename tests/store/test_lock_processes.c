/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "check.h"
#include "faultvfs.h"
#include "fixture.h"

/* Several processes on one table of locks: one winner of each race, a death seen at once, the log
 * kept short, a disk that fails. Nothing of a table is open across a fork. */

static struct fixture fixture;

static struct locks *open_table(struct loop *loop)
{
	struct locks *l = NULL;
	struct err err = {0};
	if (locks_open(&l, loop, fixture.store_path, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		_exit(100);
	}
	return l;
}

static struct lock_holder holder(const char *instance)
{
	struct lock_holder h = {.uid = getuid()};
	snprintf(h.instance, sizeof(h.instance), "%s", instance);
	CHECK_INT(process_find(&h.anchor, getpid()), 0);
	return h;
}

static int take(struct locks *l, const struct lock_holder *h, const char *name)
{
	return locks_acquire(l, &(struct lock_claim){.resources = &name, .count = 1, .holder = h},
			     NULL);
}

static int drop(struct locks *l, const struct lock_holder *h, const char *name)
{
	return locks_remove(l, h, name, NULL);
}

/* ---- one winner */

enum { RACERS = 40, ROUNDS = 500 };

struct race {
	pthread_barrier_t gate;
	int winners[ROUNDS], wrong;
	int64_t tokens[ROUNDS];
};

static int race_once(struct race *r, struct locks *l, const struct lock_holder *me, int round)
{
	struct lock k;
	pthread_barrier_wait(&r->gate);
	int result = take(l, me, "Chapter_09");
	if (result == 0) {
		__atomic_add_fetch(&r->winners[round], 1, __ATOMIC_SEQ_CST);
		if (locks_get(&k, l, "Chapter_09") == 0)
			r->tokens[round] = k.token;
	}
	pthread_barrier_wait(&r->gate);
	if (result == 0 && drop(l, me, "Chapter_09") != 0)
		return 1;
	return result != 0 && result != -EBUSY;
}

static int race(struct race *r, int number)
{
	char id[32];
	snprintf(id, sizeof(id), "Racer-%d", number);
	struct lock_holder me = holder(id);
	struct locks *l = open_table(NULL);
	int wrong = 0;
	for (int round = 0; round < ROUNDS; round++)
		wrong += race_once(r, l, &me, round);
	locks_close(l);
	return wrong != 0;
}

static void test_race(void)
{
	struct race *r =
		mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_barrierattr_t shared;
	pthread_barrierattr_init(&shared);
	pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&r->gate, &shared, RACERS);
	int64_t began = clock_mono_us();
	for (int i = 0; i < RACERS; i++)
		if (fork() == 0)
			_exit(race(r, i));
	for (int i = 0; i < RACERS; i++) {
		int status = -1;
		wait(&status);
		CHECK_INT(status, 0);
	}
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_INT(r->winners[i], 1);
		CHECK(i == 0 || r->tokens[i] > r->tokens[i - 1]);
	}
	printf("%d races of %d: %lld ms\n", ROUNDS, RACERS,
	       (long long)(clock_mono_us() - began) / 1000);
	munmap(r, sizeof(*r));
}

/* ---- a death */

struct waiter {
	struct loop *loop;
	struct locks *locks;
	int64_t granted_us;
	int result;
};

static void on_change(void *arg)
{
	struct waiter *w = arg;
	int64_t told;
	int r = locks_wait_next(&told, w->locks);
	if (r == 0)
		return; /* another change, maybe in the turn in which it was told */
	w->result = r;
	w->granted_us = clock_mono_us();
	loop_stop(w->loop);
}

static void on_limit(void *arg)
{
	loop_stop(((struct waiter *)arg)->loop);
}

static void wait_on_loop(struct waiter *w, int64_t limit_ms)
{
	struct timer *limit = timer_new(w->loop, on_limit, w);
	timer_set(limit, clock_boot_ms() + limit_ms);
	loop_run(w->loop);
	timer_free(limit);
}

/* Waits in its own process; the time of the grant comes through the pipe. */
static void wait_for_lock(int ready, int times)
{
	struct waiter w = {0};
	struct lock_holder me = holder("Waiter");
	const char *name = "Chapter_01";
	int64_t id;
	if (loop_new(&w.loop, 1) < 0)
		_exit(1);
	w.locks = open_table(w.loop);
	locks_on_change(w.locks, on_change, &w);
	struct lock_claim c = {.resources = &name, .count = 1, .holder = &me};
	if (locks_wait(&id, w.locks, &c, NULL) != 0 || write(ready, "", 1) != 1)
		_exit(2);
	wait_on_loop(&w, 60000);
	if (write(times, &w.granted_us, sizeof(w.granted_us)) < 0)
		_exit(3);
	locks_close(w.locks);
	loop_free(w.loop);
	_exit(w.result != 1);
}

/* An agent has nothing of ours open: only its pidfd tells. */
static pid_t start_agent(void)
{
	pid_t pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static void test_death(void)
{
	int ready[2], times[2], status = -1;
	char byte;
	int64_t granted_us = 0;
	CHECK_INT(pipe(ready) + pipe(times), 0);
	pid_t waiter = fork();
	if (waiter == 0) {
		CHECK_INT(read(ready[0], &byte, 1), 1);
		wait_for_lock(times[1], times[1]);
	}
	pid_t agent = start_agent();
	struct locks *l = open_table(NULL);
	struct lock_holder me = holder("Agent");
	CHECK_INT(process_find(&me.anchor, agent), 0);
	CHECK_INT(take(l, &me, "Chapter_01"), 0);
	CHECK_INT(write(ready[1], "", 1), 1);
	CHECK_INT(read(times[0], &byte, 1), 1);
	int64_t killed_us = clock_mono_us();
	kill(agent, SIGKILL);
	CHECK_INT(read(times[0], &granted_us, sizeof(granted_us)), sizeof(granted_us));
	waitpid(waiter, &status, 0);
	CHECK_INT(status, 0);
	waitpid(agent, NULL, 0);
	locks_close(l);
	printf("from the death to the waiter's grant: %lld us\n",
	       (long long)(granted_us - killed_us));
	CHECK(granted_us > killed_us);
	close(ready[0]);
	close(ready[1]);
	close(times[0]);
	close(times[1]);
}

/* How long after a release the waiter, in his process, has it. */
static int64_t measure_bell(void)
{
	int ready[2], times[2], status = -1;
	char byte;
	int64_t granted_us = 0;
	struct locks *l = NULL;
	struct lock_holder me = holder("Holder");
	CHECK_INT(pipe(ready) + pipe(times), 0);
	pid_t waiter = fork();
	if (waiter == 0) {
		CHECK_INT(read(ready[0], &byte, 1), 1);
		wait_for_lock(times[1], times[1]);
	}
	l = open_table(NULL);
	CHECK_INT(take(l, &me, "Chapter_01"), 0);
	CHECK_INT(write(ready[1], "", 1), 1);
	CHECK_INT(read(times[0], &byte, 1), 1);
	int64_t freed_us = clock_mono_us();
	CHECK_INT(drop(l, &me, "Chapter_01"), 0);
	CHECK_INT(read(times[0], &granted_us, sizeof(granted_us)), sizeof(granted_us));
	waitpid(waiter, &status, 0);
	CHECK_INT(status, 0);
	locks_close(l);
	close(ready[0]);
	close(ready[1]);
	close(times[0]);
	close(times[1]);
	return granted_us - freed_us;
}

/* The bell wakes him. The net comes every 250 ms, now and then just in time; so the median. */
static void test_bell(void)
{
	int soon = 0;
	for (int i = 0; i < 5; i++) {
		int64_t us = measure_bell();
		printf("from the release to the waiter's grant: %lld us\n", (long long)us);
		soon += us < 100000;
	}
	CHECK(soon >= 3);
}

/* ---- beside the loop */

enum { PAIRS = 20000 };

struct load {
	struct loop *loop;
	struct locks *locks;
	struct lock_holder me;
	struct timer *timer;
	int pairs, wrong, changes;
};

static void on_load(void *arg)
{
	struct load *w = arg;
	for (int i = 0; i < 50; i++) {
		w->wrong += take(w->locks, &w->me, "Chapter_05") != 0;
		w->wrong += drop(w->locks, &w->me, "Chapter_05") != 0;
	}
	w->pairs += 50;
	timer_set(w->timer, clock_boot_ms());
	if (w->pairs >= PAIRS)
		loop_stop(w->loop);
}

static void count_change(void *arg)
{
	((struct load *)arg)->changes++;
}

/* Whoever the loop's pool works for meanwhile, for as long as it likes. */
static void occupy(void *arg)
{
	char byte;
	CHECK_INT(read(*(int *)arg, &byte, 1), 0);
}

static void leave(void *arg)
{
	(void)arg;
}

static void test_log_is_folded(bool pool_is_free)
{
	int busy[2];
	struct load w = {.me = holder("Busy")};
	struct stat wal = {0};
	CHECK_INT(pipe(busy), 0);
	CHECK_INT(loop_new(&w.loop, 2), 0);
	for (int i = 0; i < 2 && !pool_is_free; i++)
		loop_work(w.loop, occupy, leave, &busy[0]);
	w.locks = open_table(w.loop);
	locks_on_change(w.locks, count_change, &w);
	w.timer = timer_new(w.loop, on_load, &w);
	timer_set(w.timer, clock_boot_ms());
	CHECK_INT(loop_run(w.loop), 0);
	CHECK_INT(w.wrong, 0);
	CHECK(w.changes > 0);
	CLEANUP(cleanup_free) char *path = fixture_path(&fixture, "-locks-wal");
	CHECK_INT(stat(path, &wal), 0);
	printf("%d pairs left a log of %lld KB\n", PAIRS, (long long)wal.st_size / 1024);
	CHECK(wal.st_size < 24 << 20); /* 100 MB and more were written */
	timer_free(w.timer);
	locks_close(w.locks); /* with work under way, perhaps */
	close(busy[1]);
	loop_free(w.loop);
	close(busy[0]);
	CHECK(!fixture_exists(&fixture, "-locks-live")); /* the last one tidies up */
}

/* A person removes the folder while it is in use: the net must not put a file back into it. */
static void test_removed(void)
{
	struct waiter w = {0};
	CLEANUP(cleanup_free) char *path = fixture_path(&fixture, "-locks");
	CHECK_INT(loop_new(&w.loop, 1), 0);
	w.locks = open_table(w.loop);
	unlink(path);
	wait_on_loop(&w, 350);
	CHECK(!fixture_exists(&fixture, "-locks"));
	struct lock_holder me = holder("Again");
	CHECK_INT(take(w.locks, &me, "Chapter_01"), 0); /* but who needs one makes it */
	CHECK_INT(drop(w.locks, &me, "Chapter_01"), 0);
	locks_close(w.locks);
	loop_free(w.loop);
}

/* ---- the disk */

/* Only what promises that a number is never used twice waits for the disk: once in a thousand. */
static void test_syncs(void)
{
	static const char *const set[] = {"Chapter_01", "Chapter_02", "Chapter_03", "Chapter_04",
					  "Chapter_05"};
	struct locks *l = open_table(NULL);
	struct lock_holder me = holder("Synced");
	struct lock_claim c = {.resources = set, .count = ARRAY_LEN(set), .holder = &me};
	int64_t seq = 0, syncs = 0;
	CHECK_INT(locks_seq(&seq, l), 0);
	CHECK_INT(seq, LOCK_FIRST_TOKEN);
	faultvfs_plan(&(struct fault_plan){.calls = FAULT_SYNC});
	for (int i = 0; i < 99; i++) {
		CHECK_INT(locks_acquire(l, &c, NULL), 0);
		CHECK_INT(locks_release(l, &me, set, ARRAY_LEN(set), NULL), ARRAY_LEN(set));
	}
	CHECK_INT(faultvfs_calls(), 0);
	CHECK_INT(locks_acquire(l, &c, NULL), 0);
	CHECK_INT(locks_release(l, &me, set, ARRAY_LEN(set), NULL), ARRAY_LEN(set));
	syncs = faultvfs_calls();
	CHECK(syncs >= 1 && syncs <= 2);
	faultvfs_plan(&(struct fault_plan){0});
	locks_close(l);
}

static void test_full_disk(void)
{
	struct locks *l = open_table(NULL);
	struct lock_holder me = holder("Full");
	struct lock_refusal no = {0};
	const char *name = "Chapter_02";
	struct lock_claim c = {.resources = &name, .count = 1, .holder = &me};
	for (int at = 1; at <= 6; at++) {
		faultvfs_plan(&(struct fault_plan){
			.calls = FAULT_WRITE, .at = at, .from_on = true, .how = FAULT_ENOSPC});
		CHECK_INT(locks_acquire(l, &c, &no), at == 1 || faultvfs_failed() ? -ENOLCK : 0);
		if (faultvfs_failed()) {
			CHECK(strstr(no.err.msg, "-locks: the disk is full") != NULL);
			CHECK_STR(locks_reason(l), no.err.msg);
		}
		faultvfs_plan(&(struct fault_plan){0});
		struct lock k;
		CHECK_INT(locks_get(&k, l, name), no.err.code ? -ENOENT : 0);
		if (!no.err.code)
			CHECK_INT(drop(l, &me, name), 0);
		no = (struct lock_refusal){0};
	}
	CHECK_INT(locks_acquire(l, &c, NULL), 0); /* there is room again */
	CHECK_INT(drop(l, &me, name), 0);
	locks_close(l);
}

int main(void)
{
	CHECK_INT(faultvfs_install(), 0);
	fixture_init(&fixture);
	setlinebuf(stdout);
	test_syncs();
	test_full_disk();
	test_race();
	test_death();
	test_bell();
	test_log_is_folded(true);
	test_log_is_folded(false);
	test_removed();
	fixture_finish(&fixture);
	return check_result();
}
