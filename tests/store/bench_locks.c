/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "store.h"

/* What a lock and its release cost as transactions alone, in one process and in three that work on
 * one table at once, with few and with many locks held beside it. Prints; asserts nothing.
 * Usage: bench_locks [PAIRS] */

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static struct locks *open_table(const char *store)
{
	struct locks *l = NULL;
	struct err err = {0};
	if (locks_open(&l, NULL, store, &err) < 0)
		fprintf(stderr, "%s\n", err.msg);
	return l;
}

static struct lock_holder me(const char *instance)
{
	struct lock_holder h = {.uid = getuid()};
	snprintf(h.instance, sizeof(h.instance), "%s", instance);
	process_find(&h.anchor, getpid());
	return h;
}

/* The times of `pairs` pairs, in us; 0, or how many failed. */
static int run(struct locks *l, const struct lock_holder *h, const char *name, int64_t *us,
	       int pairs)
{
	struct lock_claim c = {.resources = &name, .count = 1, .holder = h};
	int failed = 0;
	for (int i = 0; i < pairs; i++) {
		int64_t began = clock_mono_us();
		failed += locks_acquire(l, &c, NULL) != 0;
		failed += locks_remove(l, h, name, NULL) != 0;
		us[i] = clock_mono_us() - began;
	}
	return failed;
}

static void report(const char *what, int64_t *us, int pairs, int failed)
{
	int64_t sum = 0;
	for (int i = 0; i < pairs; i++)
		sum += us[i];
	qsort(us, (size_t)pairs, sizeof(*us), compare);
	printf("%-34s mean %6.1f us, median %4lld, p99 %5lld, worst %6lld%s\n", what,
	       (double)sum / pairs, (long long)us[pairs / 2], (long long)us[pairs * 99 / 100],
	       (long long)us[pairs - 1], failed ? ", SOME FAILED" : "");
}

static void bench_alone(const char *store, int pairs)
{
	int64_t *us = xcalloc((size_t)pairs, sizeof(*us));
	struct locks *l = open_table(store);
	struct lock_holder h = me("CLI-1"), other = me("CLI-2");
	run(l, &h, "Chapter_01", us, 100);
	int failed = run(l, &h, "Chapter_01", us, pairs);
	report("a pair, one process", us, pairs, failed);
	for (int i = 2; i < 90; i++) {
		char name[32];
		const char *names = name;
		snprintf(name, sizeof(name), "Chapter_%02d", i);
		struct lock_claim c = {.resources = &names, .count = 1, .holder = &other};
		locks_acquire(l, &c, NULL);
	}
	failed = run(l, &h, "Chapter_01", us, pairs);
	report("the same, 88 others held", us, pairs, failed);
	int64_t began = clock_mono_us();
	struct lock k;
	for (int i = 0; i < pairs; i++)
		locks_get(&k, l, "Chapter_50");
	printf("%-34s mean %6.1f us\n", "locks_get", (double)(clock_mono_us() - began) / pairs);
	locks_close(l);
	free(us);
}

static void bench_three(const char *store, int pairs)
{
	int gate[2];
	if (pipe(gate) < 0)
		return;
	fflush(stdout);
	for (int i = 0; i < 3; i++)
		if (fork() == 0) {
			char byte, id[16], name[32];
			snprintf(id, sizeof(id), "Three-%d", i);
			snprintf(name, sizeof(name), "Chapter_9%d", i + 1);
			int64_t *us = xcalloc((size_t)pairs, sizeof(*us));
			struct locks *l = open_table(store);
			struct lock_holder h = me(id);
			close(gate[1]);
			if (read(gate[0], &byte, 1) < 0)
				_exit(1);
			int failed = run(l, &h, name, us, pairs);
			report("a pair, one of three processes", us, pairs, failed);
			fflush(stdout);
			locks_close(l);
			_exit(0);
		}
	int64_t began = clock_mono_us();
	close(gate[0]);
	close(gate[1]);
	while (wait(NULL) > 0)
		;
	printf("%-34s %6.0f a second\n", "pairs of the three together",
	       3e6 * pairs / (double)(clock_mono_us() - began));
}

int main(int argc, char **argv)
{
	int pairs = argc > 1 ? atoi(argv[1]) : 10000;
	char dir[] = "/var/tmp/bench-locks-XXXXXX";
	if (!mkdtemp(dir))
		return 1;
	CLEANUP(cleanup_free) char *store = xasprintf("%s/book.bookfs", dir);
	bench_alone(store, pairs);
	bench_three(store, pairs);
	CLEANUP(cleanup_free) char *command = xasprintf("rm -r %s", dir);
	return system(command) != 0;
}
