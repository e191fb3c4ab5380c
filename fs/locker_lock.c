/* SPDX-License-Identifier: MIT */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "locker.h"

/*
 * bookfs lock. Waiting is a row in the table's queue; whoever frees what we want grants it to us,
 * and a bell says so.
 *
 * Signals. Ctrl-C, TERM and HUP are read, not taken, from before we ask until it is said what we
 * got: one that comes in between gives back what was just granted, and leaves the queue. So there
 * is no moment in which a signal leaves us a lock that nobody was told of.
 */

enum { SWEEP_MS = 250, WRITTEN_EVERY_MS = 250, WAIT_MOST_S = 7 * 24 * 3600 };

/* ---- signals */

static void hold_signals(struct locker *k)
{
	sigset_t caught;

	signals_of_end(&caught);
	sigprocmask(SIG_BLOCK, &caught, NULL);
	if (k->signals < 0)
		k->signals = signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void let_signals(struct locker *k)
{
	sigprocmask(SIG_SETMASK, &k->mask, NULL);
}

static bool was_interrupted(struct locker *k)
{
	struct signalfd_siginfo info;

	if (read(k->signals, &info, sizeof(info)) != sizeof(info))
		return false;
	k->signal = (int)info.ssi_signo;
	return true;
}

/* ---- waiting */

/* Said again only when it is another number. */
static void countdown(int64_t *said, int64_t left_ms)
{
	int64_t left_s = (left_ms + 999) / 1000;

	if (left_s == *said)
		return;
	*said = left_s;
	fprintf(stderr, "\r\033[Kwaiting, %lld s (Ctrl-C: give up) ", (long long)left_s);
}

/* 1 granted, 0 not in time or interrupted, or the table's failure. */
static int wait_granted(struct locker *k, int wait_s)
{
	int64_t until = clock_boot_ms() + (int64_t)wait_s * 1000, left, told = 0, said = -1;
	struct pollfd fds[] = {{.fd = locks_fd(k->table), .events = POLLIN},
			       {.fd = k->signals, .events = POLLIN}};
	bool show = isatty(STDERR_FILENO);
	int r;

	while ((r = locks_wait_next(&told, k->table)) == 0) {
		left = until - clock_boot_ms();
		if (left <= 0 || fds[1].revents)
			break;
		if (show)
			countdown(&said, left);
		poll(fds, ARRAY_LEN(fds), (int)(left < SWEEP_MS ? left : SWEEP_MS));
		r = locks_sweep(k->table);
		if (r < 0)
			break;
	}
	if (said >= 0)
		fputs("\r\033[K", stderr);
	return r;
}

/* 0 it was granted, else as locks_acquire. */
static int wait_for(struct locker *k, const struct lock_claim *claim, int wait_s,
		    struct lock_refusal *no)
{
	int64_t waiter;
	int r = locks_wait(&waiter, k->table, claim, no);

	if (r == 0)
		r = wait_granted(k, wait_s);
	if (r != 0)
		return r < 0 ? r : 0;
	locks_wait_cancel(k->table, waiter);
	/* Once more, as it says who has it now. */
	return locks_acquire(k->table, claim, no);
}

struct sharing {
	const struct lock_claim *claim;
	struct lock *out;
};

static int find_share(void *arg, const struct lock *have)
{
	struct sharing *s = arg;
	bool ours = s->claim->descriptor ? have->descriptor_ours : !have->descriptor;

	if (strncmp(have->resource, "Book.", 5) != 0 || !ours ||
	    !lock_is_of(have, s->claim->holder))
		return 0;
	*s->out = *have;
	return 1;
}

/* The share that the claim was answered with: it has a name of its own. */
static bool share_of(struct lock *out, struct locker *k, const struct lock_claim *claim)
{
	return locks_each(k->table, find_share, &(struct sharing){claim, out}) == 1;
}

/* What was got since that number: what was its own before stays so. */
static void give_back(struct locker *k, const struct lock_claim *claim, int64_t since)
{
	struct lock have;

	if (claim->descriptor) {
		locks_release_descriptor(k->table, claim->descriptor);
		return;
	}
	if (claim->shared && share_of(&have, k, claim) && have.token > since)
		locks_release_token(k->table, have.resource, have.token);
	for (int i = 0; i < claim->count; i++)
		if (locks_get(&have, k->table, claim->resources[i]) == 0 && have.token > since &&
		    lock_is_of(&have, claim->holder))
			locks_release_token(k->table, have.resource, have.token);
}

/* A write that is under way is waited for. In between others may begin theirs. */
static int ask(struct locker *k, const struct lock_claim *claim, int wait_s,
	       struct lock_refusal *no)
{
	int64_t until = clock_boot_ms() + LOCK_WRITTEN_MOST_MS;
	struct pollfd signals = {.fd = k->signals, .events = POLLIN};
	int r;

	do
		r = wait_s ? wait_for(k, claim, wait_s, no) : locks_acquire(k->table, claim, no);
	while (r == -EBUSY && no->why == LOCK_REFUSED_WRITTEN && clock_boot_ms() < until &&
	       poll(&signals, 1, WRITTEN_EVERY_MS) == 0);
	return r;
}

int locker_get(struct locker *k, const struct lock_claim *claim, int wait_s,
	       struct lock_refusal *no)
{
	int64_t since;
	int r;

	hold_signals(k);
	r = locks_seq(&since, k->table);
	if (r == 0)
		r = ask(k, claim, wait_s, no);
	if (was_interrupted(k)) {
		if (r == 0)
			give_back(k, claim, since);
		r = -EINTR;
	}
	if (r < 0)
		let_signals(k);
	return r;
}

/* ---- the command */

struct request {
	struct strv words, wait, reason, as, ttl;
	bool shared;
	char **command; /* NULL: none */
};

static void request_finish(struct request *q)
{
	strv_finish(&q->words);
	strv_finish(&q->wait);
	strv_finish(&q->reason);
	strv_finish(&q->as);
	strv_finish(&q->ttl);
}

/* A whole number of seconds, or none was given: 0. <0: it is none. */
static int seconds(const struct strv *v, int least, int most)
{
	const char *s = locker_last(v);
	char *end;
	long n;

	if (!s)
		return 0;
	errno = 0;
	n = strtol(s, &end, 10);
	return errno || end == s || *end || n < least || n > most ? -EINVAL : (int)n;
}

static void say_lock(const struct lock *have)
{
	printf("%s token=%lld instance=%s\n", have->resource, (long long)have->token,
	       have->holder.instance);
}

static void say_taken(struct locker *k, const struct lock_claim *claim)
{
	struct lock have;

	if (claim->shared && share_of(&have, k, claim))
		say_lock(&have);
	for (int i = 0; i < claim->count && !claim->shared; i++)
		if (locks_get(&have, k->table, claim->resources[i]) == 0)
			say_lock(&have);
}

static int get(struct locker *k, const struct request *q, const struct lock_claim *claim,
	       struct lock_refusal *no)
{
	int r = locker_get(k, claim, seconds(&q->wait, 0, WAIT_MOST_S), no);

	return r == -EBUSY && locker_can_ask() ? locker_dialog(k, claim, no) : r;
}

static int status_of(const struct locker *k, int r, const struct lock_refusal *no,
		     const struct lock_claim *claim)
{
	switch (r) {
	case -EINTR:
		fputs("bookfs: interrupted; nothing was taken\n", stderr);
		return 128 + k->signal;
	case -ECANCELED:
		fputs("bookfs: nothing was taken\n", stderr);
		return EXIT_HELD;
	default:
		return locker_refused(k, r, no, claim);
	}
}

static int lock_by_name(struct locker *k, const struct request *q, const struct lock_claim *claim)
{
	struct lock_refusal no = {0};
	int r = get(k, q, claim, &no);

	if (r < 0)
		return status_of(k, r, &no, claim);
	say_taken(k, claim);
	return EXIT_DONE;
}

/* What an outer command of ours has is not asked for. */
static int lock_for_command(struct locker *k, const struct request *q,
			    const struct lock_claim *claim)
{
	CLEANUP(cleanup_free)
	const char **wanted = xcalloc((size_t)claim->count, sizeof(*wanted));
	struct lock_claim ask = *claim;
	struct lock_refusal no = {0};
	int r = 0;

	ask.resources = wanted;
	ask.count = 0;
	for (int i = 0; i < claim->count; i++)
		if (!locker_is_under(k, claim->resources[i]))
			wanted[ask.count++] = claim->resources[i];
	if (ask.count)
		r = get(k, q, &ask, &no);
	return r < 0 ? status_of(k, r, &no, &ask) : locker_guard(k, claim, q->command);
}

static int share_for_command(struct locker *k, const struct request *q,
			     const struct lock_claim *claim)
{
	struct lock_claim had = *claim;
	struct lock_refusal no = {0};
	struct lock have;
	const char *name = have.resource;
	int r = get(k, q, claim, &no);

	if (r < 0)
		return status_of(k, r, &no, claim);
	had.resources = share_of(&have, k, claim) ? &name : claim->resources;
	return locker_guard(k, &had, q->command);
}

static int lock(struct locker *k, const struct request *q)
{
	static const char *const book[] = {"Book"};
	const struct lock_claim claim = {
		.resources = q->shared ? book : (const char *const *)q->words.items + 1,
		.count = q->shared ? 1 : (int)q->words.len - 1,
		.shared = q->shared,
		.holder = &k->me.as,
		.ttl_s = seconds(&q->ttl, 1, LOCK_TTL_MOST_S),
		.reason = locker_last(&q->reason),
		.descriptor = q->command ? 1 : 0, /* the only one of this process */
		.descriptor_pid = getpid(),
	};

	if (!q->command)
		return lock_by_name(k, q, &claim);
	return q->shared ? share_for_command(k, q, &claim) : lock_for_command(k, q, &claim);
}

/* What follows "--" is not ours to read. */
static int split_command(struct request *q, int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (!strcmp(argv[i], "--")) {
			q->command = argv + i + 1;
			return i;
		}
	return argc;
}

static int check(const struct command *c, const struct request *q)
{
	if (q->shared && (q->words.len > 2 || !q->words.len ||
			  (q->words.len == 2 && strcmp(q->words.items[1], "Book") != 0)))
		return say_usage(c, "all of the book is shared, and nothing else: bookfs lock "
				    "--shared BOOK");
	if (q->words.len < 2 && !q->shared)
		return say_usage(c, "name a book and what to lock: bookfs lock BOOK Chapter_03");
	if (q->command && !q->command[0])
		return say_usage(c, "name the command behind --");
	if (seconds(&q->wait, 0, WAIT_MOST_S) < 0)
		return say_usage(c, "--wait %s: a number of seconds, at most a week",
				 locker_last(&q->wait));
	if (seconds(&q->ttl, 1, LOCK_TTL_MOST_S) < 0)
		return say_usage(c, "--ttl %s: a number of seconds, from 1 to 31 days",
				 locker_last(&q->ttl));
	if (q->reason.len && !lock_reason_valid(locker_last(&q->reason)))
		return say_usage(c, "--reason: one line of at most 255 bytes");
	return 0;
}

static int run_lock(const struct command *c, int argc, char **argv)
{
	CLEANUP(locker_finish) struct locker k = {0};
	CLEANUP(request_finish) struct request q = {0};
	const struct flag flags[] = {{"--wait", .values = &q.wait},
				     {"--reason", .values = &q.reason},
				     {"--as", .values = &q.as},
				     {"--ttl", .values = &q.ttl},
				     {"--shared", .on = &q.shared},
				     {"--store", .take = options_store, .options = &k.options}};
	struct err err = {0};
	int r;

	options_init(&k.options);
	argc = split_command(&q, argc, argv);
	r = flags_parse(&q.words, c, flags, ARRAY_LEN(flags), argc, argv);
	if (r == 0)
		r = check(c, &q);
	if (r)
		return r < 0 ? EXIT_DONE : r;
	if (locker_open(&k, q.words.items[0], locker_last(&q.as), &err) < 0 ||
	    locker_check_names(&k, q.words.items + 1, q.words.len - 1, &err) < 0)
		return say_failed(&err);
	return lock(&k, &q);
}

const struct command command_lock = {
	.name = "lock",
	.usage = "bookfs lock [--wait SECONDS] [--reason TEXT] [--as ID] [--ttl SECONDS]"
		 " [--store PATH] BOOK|DIR R...|--shared [-- COMMAND]",
	.summary = "BOOK|DIR R...: nobody else works on these, as with touch DIR/locks/R",
	.help = "Takes all of the locks, or none: Chapter_01 and on, FrontMatter, BackMatter,\n"
		"StyleSystem, QuoteRegistry, ImageRegistry, ProjectConfig; Book is all of it. "
		"They\n"
		"last until `bookfs unlock`, or until the holder ends: the agent whose\n"
		"BOOKFS_INSTANCE it is, else the shell. With a command they are held while it "
		"runs,\n"
		"and its status is ours.\n"
		"\n"
		"    --shared         Book, beside others who read it too: nobody writes "
		"meanwhile\n"
		"    --wait SECONDS   wait for them, in order of arrival\n"
		"    --reason TEXT    shown to those who are refused\n"
		"    --as ID          who takes them, instead of BOOKFS_INSTANCE\n"
		"    --ttl SECONDS    idle for so long they may be removed by anybody; 900\n"
		"    --store PATH     the book's store is there\n"
		"\n"
		"Refused, a person is asked what to do; without a terminal one line says who has\n"
		"it, and the status is 75.\n",
	.run = run_lock,
};
