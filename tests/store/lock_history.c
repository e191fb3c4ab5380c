/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "fixture.h"

/* Sixteen processes take, wait for, break and release locks of one table at random, some of them
 * die by SIGKILL in the midst of it, and each operation is written down as check_history.py reads
 * it (the format is described there). Usage: lock_history FILE MILLISECONDS SEED [calm]: nobody is
 * killed, so that nobody new repairs by chance what was left undone */

#define PROCESSES 16
#define RESOURCES 5
#define SET_MOST 3
#define WAIT_MS 600

static const char *const names[RESOURCES] = {"Chapter_01", "Chapter_02", "Chapter_03",
					     "StyleSystem", "ImageRegistry"};

static int out;
static int64_t until_us;
static unsigned seed;

struct actor {
	struct locks *locks;
	struct lock_holder holder;
	int operations;
};

struct set {
	const char *names[SET_MOST];
	int64_t tokens[SET_MOST];
	int count;
};

static unsigned draw(unsigned below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static void note(const char *fmt, ...) PRINTF(1, 2);
static void note(const char *fmt, ...)
{
	char line[512];
	va_list args;
	va_start(args, fmt);
	int len = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (write(out, line, (size_t)len) != len)
		_exit(9);
}

static long long now(void)
{
	return clock_mono_us();
}

static const char *result_name(int result)
{
	return result >= 0 ? "OK" : strerrorname_np(-result);
}

/* "A+B", "1+2" */
static void join(char *names_out, char *tokens_out, const struct set *s)
{
	names_out[0] = tokens_out[0] = '\0';
	for (int i = 0; i < s->count; i++) {
		const char *plus = i ? "+" : "";
		sprintf(names_out + strlen(names_out), "%s%s", plus, s->names[i]);
		sprintf(tokens_out + strlen(tokens_out), "%s%lld", plus, (long long)s->tokens[i]);
	}
}

static int begin(struct actor *a, const char *kind, const struct set *s)
{
	char resources[128], tokens[128];
	join(resources, tokens, s);
	a->operations++;
	note("I %s/%d %s %lld %s %s %s\n", a->holder.instance, a->operations, a->holder.instance,
	     now(), kind, resources, tokens);
	return a->operations;
}

static void end(struct actor *a, int operation, int result, const struct set *s)
{
	char resources[128], tokens[128];
	join(resources, tokens, s);
	note("R %s/%d %lld %s %s\n", a->holder.instance, operation, now(), result_name(result),
	     tokens);
}

static void draw_set(struct set *s)
{
	bool used[RESOURCES] = {false};
	*s = (struct set){.count = draw(4) ? 1 : 2 + (int)draw(SET_MOST - 1)};
	for (int i = 0; i < s->count;) {
		unsigned k = draw(RESOURCES);
		if (!used[k])
			s->names[i++] = names[k];
		used[k] = true;
	}
}

/* What it really has got. */
static void read_tokens(struct actor *a, struct set *s)
{
	for (int i = 0; i < s->count; i++) {
		struct lock k;
		s->tokens[i] =
			locks_get(&k, a->locks, s->names[i]) == 0 && lock_is_of(&k, &a->holder)
				? k.token
				: 0;
	}
}

static struct lock_claim claim_of(struct actor *a, const struct set *s)
{
	return (struct lock_claim){.resources = s->names, .count = s->count, .holder = &a->holder};
}

static int take(struct actor *a, struct set *s)
{
	struct lock_claim c = claim_of(a, s);
	int operation = begin(a, "take", s);
	int result = locks_acquire(a->locks, &c, NULL);
	if (result == 0)
		read_tokens(a, s);
	end(a, operation, result, s);
	return result;
}

/* The bell, or the net under it. */
static int wait_told(struct actor *a, int64_t waiter, int ms)
{
	struct pollfd p = {.fd = locks_fd(a->locks), .events = POLLIN};
	int64_t limit_us = now() + ms * 1000, told;
	for (;;) {
		int result = locks_wait_next(&told, a->locks);
		if (result != 0)
			return result == 1 && told != waiter ? -EPROTO : result;
		if (now() >= limit_us)
			return 0;
		poll(&p, 1, 100);
		locks_sweep(a->locks);
	}
}

static int await(struct actor *a, struct set *s, int ms)
{
	struct lock_claim c = claim_of(a, s);
	int64_t waiter = 0;
	int operation = begin(a, "wait", s);
	int result = locks_wait(&waiter, a->locks, &c, NULL);
	if (result == 0) {
		note("Q %s/%d %lld\n", a->holder.instance, operation, now());
		result = wait_told(a, waiter, ms);
		if (result == 0) {
			note("C %s/%d %lld\n", a->holder.instance, operation, now());
			result = locks_wait_cancel(a->locks, waiter);
			result = result == 0 ? -ETIMEDOUT : result;
		}
	}
	if (result == 1)
		read_tokens(a, s);
	end(a, operation, result, s);
	return result < 0 ? result : 0;
}

static void release(struct actor *a, const struct set *s)
{
	for (int i = 0; i < s->count; i++) {
		struct set one = {{s->names[i]}, {s->tokens[i]}, 1};
		if (!one.tokens[0])
			continue;
		int operation = begin(a, "release", &one);
		end(a, operation, locks_release_token(a->locks, one.names[0], one.tokens[0]), &one);
	}
}

static void break_one(struct actor *a)
{
	struct set one = {{names[draw(RESOURCES)]}, {0}, 1};
	struct lock k;
	if (locks_get(&k, a->locks, one.names[0]) < 0)
		return;
	one.tokens[0] = k.token;
	int operation = begin(a, "break", &one);
	end(a, operation,
	    locks_break(a->locks, &a->holder, one.names[0], k.token, "at random", NULL), &one);
}

/* A second claim while it holds the first: this is where circles come from. */
static void nest(struct actor *a, const struct set *outer)
{
	struct set inner;
	draw_set(&inner);
	for (int i = 0; i < inner.count; i++)
		for (int j = 0; j < outer->count; j++)
			if (inner.names[i] == outer->names[j])
				return;
	if (await(a, &inner, 50) == 0)
		release(a, &inner);
}

/* For a while only by waiting: then nobody's attempt repairs a hand-over that was forgotten. */
static bool only_waits(void)
{
	return now() / 700000 % 2;
}

static void act(struct actor *a)
{
	struct set s;
	draw_set(&s);
	bool waits = only_waits();
	if (!waits && draw(20) == 0) {
		break_one(a);
		return;
	}
	int result = waits || draw(2) ? await(a, &s, WAIT_MS) : take(a, &s);
	if (result < 0)
		return;
	usleep(draw(400));
	if (!waits && draw(10) == 0)
		nest(a, &s);
	release(a, &s);
}

static int live(const struct fixture *f, int slot, int generation)
{
	struct actor a = {.holder.uid = getuid()};
	struct err err = {0};
	seed = seed * 31 + (unsigned)(slot * 1000 + generation);
	snprintf(a.holder.instance, sizeof(a.holder.instance), "P%d.%d", slot, generation);
	process_find(&a.holder.anchor, getpid());
	if (locks_open(&a.locks, NULL, f->store_path, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	while (now() < until_us)
		act(&a);
	locks_close(a.locks);
	return 0;
}

static pid_t start(const struct fixture *f, int slot, int generation)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(live(f, slot, generation));
	return pid;
}

int main(int argc, char **argv)
{
	struct fixture f;
	pid_t pids[PROCESSES];
	int generations[PROCESSES] = {0}, failures = 0;
	bool calm = argc == 5 && !strcmp(argv[4], "calm");
	if (argc != 4 && !calm)
		return 2;
	out = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (out < 0)
		return 2;
	seed = (unsigned)atoi(argv[3]);
	until_us = now() + atoi(argv[2]) * INT64_C(1000);
	fixture_init(&f);
	for (int i = 0; i < PROCESSES; i++)
		pids[i] = start(&f, i, 0);
	while (!calm && now() < until_us - 300000) {
		usleep(20000 + draw(100000));
		int victim = (int)draw(PROCESSES);
		long long killed_us = now();
		kill(pids[victim], SIGKILL);
		waitpid(pids[victim], NULL, 0);
		note("K P%d.%d %lld %lld\n", victim, generations[victim], killed_us, now());
		pids[victim] = start(&f, victim, ++generations[victim]);
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status = 1;
		waitpid(pids[i], &status, 0);
		failures += status != 0;
	}
	fixture_finish(&f);
	return failures != 0;
}
