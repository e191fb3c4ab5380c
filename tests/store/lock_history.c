/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "fixture.h"

/* Operations on one table of locks, each written down as check_history.py reads it (the format is
 * described there). Usage: lock_history FILE MILLISECONDS SEED
 *
 * First a drill, whose every step is fixed: a table that has one of the faults of mutate.py shows
 * it there for certain. Then, for so long, sixteen processes take, wait for, break and release at
 * random, and some of them die by SIGKILL in the midst of it. */

#define PROCESSES 16
#define RESOURCES 5
#define SET_MOST 3
#define WAIT_MS 600
#define DRILLED 3

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

/* Not in the moment in which the one before ended: to the checker what shares a moment has no
 * order. */
static int begin(struct actor *a, const char *kind, const struct set *s)
{
	char resources[128], tokens[128];
	for (long long moment = now(); now() == moment;)
		;
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

/* The bell, or the net under it; and a last look when it is late, however late that is. */
static int wait_told(struct actor *a, int64_t waiter, int ms)
{
	struct pollfd p = {.fd = locks_fd(a->locks), .events = POLLIN};
	int64_t limit_us = now() + ms * 1000, told;
	for (;;) {
		bool late = now() >= limit_us;
		locks_sweep(a->locks);
		int result = locks_wait_next(&told, a->locks);
		if (result != 0)
			return result == 1 && told != waiter ? -EPROTO : result;
		if (late)
			return 0;
		poll(&p, 1, 100);
	}
}

struct waiting {
	int64_t waiter;
	int operation, result; /* 0: it is in the queue */
};

static struct waiting begin_wait(struct actor *a, const struct set *s)
{
	struct lock_claim c = claim_of(a, s);
	struct waiting w = {.operation = begin(a, "wait", s)};
	w.result = locks_wait(&w.waiter, a->locks, &c, NULL);
	if (w.result == 0)
		note("Q %s/%d %lld\n", a->holder.instance, w.operation, now());
	return w;
}

static int give_up(struct actor *a, const struct waiting *w)
{
	note("C %s/%d %lld\n", a->holder.instance, w->operation, now());
	int result = locks_wait_cancel(a->locks, w->waiter);
	return result == 0 ? -ETIMEDOUT : result;
}

static int end_wait(struct actor *a, const struct waiting *w, struct set *s, int ms)
{
	int result = w->result;
	if (result == 0)
		result = wait_told(a, w->waiter, ms);
	if (w->result == 0 && result == 0)
		result = give_up(a, w);
	if (result == 1)
		read_tokens(a, s);
	end(a, w->operation, result, s);
	return result < 0 ? result : 0;
}

static int await(struct actor *a, struct set *s, int ms)
{
	struct waiting w = begin_wait(a, s);
	return end_wait(a, &w, s, ms);
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

static void break_it(struct actor *a, const char *name)
{
	struct set one = {{name}, {0}, 1};
	struct lock k;
	if (locks_get(&k, a->locks, name) < 0)
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
		break_it(a, names[draw(RESOURCES)]);
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

static int enter(struct actor *a, const struct fixture *f, char kind, int slot, int generation)
{
	struct err err = {0};
	*a = (struct actor){.holder.uid = getuid()};
	snprintf(a->holder.instance, sizeof(a->holder.instance), "%c%d.%d", kind, slot, generation);
	process_find(&a->holder.anchor, getpid());
	if (locks_open(&a->locks, NULL, f->store_path, &err) == 0)
		return 0;
	fprintf(stderr, "%s\n", err.msg);
	return -1;
}

/* ---- the drill */

static const struct set first = {{"Chapter_01"}, {0}, 1}, second = {{"Chapter_02"}, {0}, 1},
			both = {{"Chapter_01", "Chapter_02"}, {0}, 2};

/* release-by-name: what was a's is c's by now, whatever a believes. */
static void drill_break(struct actor *a, struct actor *b, struct actor *c)
{
	struct set had = first, has = first;
	take(a, &had);
	break_it(b, first.names[0]);
	take(c, &has);
	release(a, &had);
	release(c, &has);
}

/* partial-set; and old-token, as one has after the other what another had. */
static void drill_sets(struct actor *a, struct actor *b)
{
	struct set s = both;
	take(a, &s);
	release(a, &s);
	s = both;
	take(b, &s);
	release(b, &s);
}

/* lost-wakeup: nobody but the waiter comes near it after the release. */
static void drill_wait(struct actor *a, struct actor *b)
{
	struct set held = first, wanted = first;
	take(a, &held);
	struct waiting w = begin_wait(b, &wanted);
	release(a, &held);
	if (end_wait(b, &w, &wanted, WAIT_MS) == 0)
		release(b, &wanted);
}

/* unchecked-grant: of the two that are wanted one becomes free, and then b must not have them. */
static void drill_grant(struct actor *a, struct actor *b, struct actor *c)
{
	struct set one = first, other = second, wanted = both;
	take(a, &one);
	take(c, &other);
	struct waiting w = begin_wait(b, &wanted);
	release(a, &one);
	w.result = wait_told(b, w.waiter, 0);
	if (w.result == 0)
		release(c, &other);
	int result = end_wait(b, &w, &wanted, WAIT_MS);
	if (w.result != 0)
		release(c, &other);
	if (result == 0)
		release(b, &wanted);
}

/* No fault: what b waited for was given to it and broken before it came to know of either. Nobody
 * passes it who takes that then, and when it gives up it gives nothing back. */
static void drill_untold(struct actor *a, struct actor *b, struct actor *c)
{
	struct set held = first, has = first, wanted = first;
	take(a, &held);
	struct waiting w = begin_wait(b, &wanted);
	release(a, &held);
	break_it(c, first.names[0]);
	take(c, &has);
	end(b, w.operation, w.result == 0 ? give_up(b, &w) : w.result, &wanted);
	release(c, &has);
}

static int drill(const struct fixture *f)
{
	struct actor actors[DRILLED], *a = actors, *b = actors + 1, *c = actors + 2;
	for (int i = 0; i < DRILLED; i++)
		if (enter(&actors[i], f, 'D', i, 0) < 0)
			return 1;
	drill_break(a, b, c);
	drill_sets(a, b);
	drill_wait(a, b);
	drill_grant(a, b, c);
	drill_untold(a, b, c);
	for (int i = 0; i < DRILLED; i++)
		locks_close(actors[i].locks);
	return 0;
}

/* ---- at random */

static int live(const struct fixture *f, int slot, int generation)
{
	struct actor a;
	seed = seed * 31 + (unsigned)(slot * 1000 + generation);
	if (enter(&a, f, 'P', slot, generation) < 0)
		return 1;
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

/* Some are killed and come again. How many ended badly. */
static int live_all(const struct fixture *f)
{
	pid_t pids[PROCESSES];
	int generations[PROCESSES] = {0}, failures = 0;
	for (int i = 0; i < PROCESSES; i++)
		pids[i] = start(f, i, 0);
	while (now() < until_us - 300000) {
		usleep(20000 + draw(100000));
		int victim = (int)draw(PROCESSES);
		long long killed_us = now();
		kill(pids[victim], SIGKILL);
		waitpid(pids[victim], NULL, 0);
		note("K P%d.%d %lld %lld\n", victim, generations[victim], killed_us, now());
		pids[victim] = start(f, victim, ++generations[victim]);
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status = 1;
		waitpid(pids[i], &status, 0);
		failures += status != 0;
	}
	return failures;
}

int main(int argc, char **argv)
{
	struct fixture f;
	if (argc != 4)
		return 2;
	out = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (out < 0)
		return 2;
	seed = (unsigned)atoi(argv[3]);
	fixture_init(&f);
	int failures = drill(&f), ms = atoi(argv[2]);
	until_us = now() + ms * INT64_C(1000);
	if (ms)
		failures += live_all(&f);
	fixture_finish(&f);
	return failures != 0;
}
