/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cover.h"
#include "locker.h"

/* ---- the table */

/* Where the mount has its store: the book's path alone does not say it (--store). Another table
 * than the mount's would exclude nobody, so there is no guessing. */
static int read_store_path(struct options *o, const char *dir, struct err *err)
{
	CLEANUP(cleanup_free) char *path = xasprintf("%s/.bookfs/store", dir);
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[4096];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (n < 0 && errno == ENOTCONN)
		return mountpoint_killed(dir, err);
	if (n < 0)
		return err_set(err, -errno, "%s: the mount does not say where its locks are: %s",
			       dir, strerror(errno));
	if (n <= 1 || text[n - 1] != '\n')
		return err_set(err, -EIO, "%s: not a path", path);
	o->store = xstrndup(text, (size_t)n - 1);
	return 0;
}

static int find_mounted(struct options *o, const char *dir, struct mountpoint *there,
			struct err *err)
{
	o->book = xstrdup(there->source);
	mountpoint_finish(there);
	if (o->store)
		return mountpoint_has_store(dir, err);
	return read_store_path(o, dir, err);
}

int locker_find_book(struct options *o, const char *place, struct err *err)
{
	CLEANUP(cleanup_free) char *dir = NULL;
	struct mountpoint there;
	int r = mountpoint_path(&dir, place, err);

	if (r == 0 && mountpoint_find(&there, dir) == 1)
		return find_mounted(o, dir, &there, err);
	r = options_book(o, place, err);
	return r == -EISDIR ? err_set(err, r, "%s: no book is mounted there", place) : r;
}

static int open_table(struct locker *k, struct err *err)
{
	CLEANUP(cleanup_free) char *path = NULL, *note = NULL;
	int r = store_locate(&path, &note, k->options.book, k->options.store, err);

	if (r < 0)
		return r;
	if (note)
		fprintf(stderr, "bookfs: %s\n", note);
	r = locks_open(&k->table, NULL, path, err);
	/* A mount has said it; and who names another store wants another world. */
	if (r == 0 && !k->options.store)
		return locks_of_book(k->table, k->options.book, err);
	if (r != -EACCES && r != -EPERM && r != -EROFS)
		return r;
	return err_set(err, r,
		       "%s-locks: %s; in a mount of the book by its owner (allow_other) touch DIR/"
		       "locks/R takes a lock",
		       path, strerror(-r));
}

/* Where /proc shows another pid namespace than ours, our number there is somebody else's. */
static bool can_be_seen(void)
{
	char number[32] = "";

	return readlink("/proc/self", number, sizeof(number) - 1) > 0 && atoi(number) == getpid();
}

static int find_me(struct locker *k, const char *as, struct err *err)
{
	const char *instance = getenv("BOOKFS_INSTANCE");

	if (!as && instance && *instance && !lock_instance_valid(instance))
		return err_set(err, -EINVAL, "BOOKFS_INSTANCE=%s: " LOCK_INSTANCE_RULE, instance);
	k->holders = holders_new();
	if (can_be_seen())
		return holder_find(&k->me, k->holders, k->table, getpid(), getuid(), as, 0, err);
	if (!as && instance && *instance)
		as = instance;
	return holder_find(&k->me, k->holders, k->table, 0, getuid(), as, 0, err);
}

int locker_find(struct locker *k, const char *place, const char *as, struct err *err)
{
	k->place = place;
	k->signals = -1;
	sigprocmask(SIG_SETMASK, NULL, &k->mask);
	k->store_given = k->options.store != NULL;
	if (as && !lock_instance_valid(as))
		return err_set(err, -EINVAL, "--as %s: " LOCK_INSTANCE_RULE, as);
	return locker_find_book(&k->options, place, err);
}

int locker_begin(struct locker *k, const char *as, struct err *err)
{
	int r = open_table(k, err);

	return r < 0 ? r : find_me(k, as, err);
}

int locker_open(struct locker *k, const char *place, const char *as, struct err *err)
{
	int r = locker_find(k, place, as, err);

	return r < 0 ? r : locker_begin(k, as, err);
}

void locker_finish(struct locker *k)
{
	if (k->table && k->signals >= 0)
		close(k->signals);
	k->table = locks_close(k->table);
	k->holders = holders_free(k->holders);
	options_finish(&k->options);
}

const char *locker_last(const struct strv *v)
{
	return v->len ? v->items[v->len - 1] : NULL;
}

/* ---- names */

/* Chapters past those that may always be locked: the store knows them, or else the book. */
static int count_chapters(const struct locker *k)
{
	CLEANUP(cleanup_free) char *path = NULL;
	CLEANUP(store_close_cleanup) struct store *store = NULL;
	CLEANUP(book_free_cleanup) struct book *book = NULL;
	struct store_options how = {.book_path = k->options.book};
	const struct book_options plain = {.limits = book_limits_default};
	struct err err = {0};
	struct stat st;

	if (stat(k->options.book, &st) == 0 && S_ISDIR(st.st_mode))
		return COVER_CHAPTER_MOST;
	if (store_locate(&path, NULL, k->options.book, k->options.store, &err) < 0)
		return 0;
	how.path = path;
	if ((store_open(&store, NULL, &how, &err) == 0 &&
	     store_book(&book, store_reader(store)) == 0) ||
	    book_read(&book, k->options.book, &plain, &err) == 0)
		return (int)book->chapter_count;
	return 0;
}

int locker_check_names(struct locker *k, char *const *names, size_t count, struct err *err)
{
	char meant[LOCK_RESOURCE_BYTES];
	int chapters = 0;

	for (size_t i = 0; i < count; i++) {
		if (!chapters && !lock_resource_valid(names[i], 0))
			chapters = count_chapters(k);
		if (lock_resource_valid(names[i], chapters))
			continue;
		if (lock_resource_nearest(meant, names[i], chapters))
			return err_set(err, -EINVAL, "%s is nothing to lock; %s is near", names[i],
				       meant);
		return err_set(err, -EINVAL,
			       "%s is nothing to lock: there are Chapter_01 and on, FrontMatter, "
			       "BackMatter, StyleSystem, QuoteRegistry, ImageRegistry, "
			       "ProjectConfig, Book",
			       names[i]);
	}
	return 0;
}

/* ---- words for a person */

static void add_age(struct buf *out, int64_t ms)
{
	long long s = ms / 1000;

	if (s < 120)
		buf_addf(out, "%lld s ago", s);
	else
		buf_addf(out, "%lld min ago", s / 60);
}

void locker_describe(struct buf *out, const struct lock *k)
{
	char since[ISO_TIME_BYTES];

	clock_iso(since, k->acquired_unix_ms);
	buf_addf(out, "%s is held by %s", k->resource, k->holder.instance);
	if (k->holder.anchor.pid)
		buf_addf(out, " (pid %d)", (int)k->holder.anchor.pid);
	if (k->descriptor)
		buf_addf(out, " through pid %d", (int)k->descriptor_pid);
	buf_addf(out, " since %.19sZ, renewed ", since);
	add_age(out, k->idle_ms);
	if (k->state == LOCK_STATE_STALE)
		buf_adds(out, ", stale");
	if (k->reason[0])
		buf_addf(out, ", reason: %s", k->reason);
}

/* As a shell reads it. */
static void add_word(struct buf *out, const char *word)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789_./@%+:,-";

	buf_addc(out, ' ');
	if (word[strspn(word, plain)] == '\0') {
		buf_adds(out, word);
		return;
	}
	buf_addc(out, '\'');
	for (; *word; word++)
		if (*word == '\'')
			buf_adds(out, "'\\''");
		else
			buf_addc(out, *word);
	buf_addc(out, '\'');
}

void locker_add_command(struct buf *out, const struct locker *k, const char *command)
{
	buf_addf(out, "bookfs %s", command);
	if (k->store_given) {
		buf_adds(out, " --store");
		add_word(out, k->options.store);
	}
	add_word(out, k->place);
}

/* The three commands, for who reads no dialog. */
static void add_ways(struct buf *out, const struct locker *k, const struct lock *in_the_way,
		     const struct lock_claim *claim)
{
	if (claim) {
		buf_adds(out, "; wait: ");
		locker_add_command(out, k,
				   claim->shared ? "lock --shared --wait 120" : "lock --wait 120");
		for (int i = 0; i < claim->count && !claim->shared; i++)
			add_word(out, claim->resources[i]);
		buf_adds(out, claim->descriptor ? " -- COMMAND" : "");
		buf_adds(out, "; cancel: nothing was taken");
	}
	buf_adds(out, "; override: ");
	locker_add_command(out, k, "break");
	buf_addf(out, " %s --token %lld --reason %s", in_the_way->resource,
		 (long long)in_the_way->token,
		 in_the_way->state == LOCK_STATE_STALE ? "stale" : "WHY");
}

bool locker_is_held(const struct lock_refusal *no)
{
	return no->why == LOCK_REFUSED_HELD || no->why == LOCK_REFUSED_STALE ||
	       no->why == LOCK_REFUSED_IN_USE;
}

int locker_failed(const struct locker *k, int code)
{
	fprintf(stderr, "bookfs: %s\n", code == -ENOLCK ? locks_reason(k->table) : strerror(-code));
	return EXIT_FAILED;
}

int locker_refused(const struct locker *k, int code, const struct lock_refusal *no,
		   const struct lock_claim *claim)
{
	CLEANUP(buf_finish) struct buf line = {0};

	if (code == -ENOLCK || !no->err.msg[0])
		return locker_failed(k, code);
	if (locker_is_held(no)) {
		locker_describe(&line, &no->lock);
		add_ways(&line, k, &no->lock, claim);
	} else {
		buf_adds(&line, no->err.msg);
	}
	fprintf(stderr, "bookfs: %s\n", buf_str(&line));
	return code == -EBUSY ? EXIT_HELD : EXIT_FAILED;
}

/* A job in the background that read from the terminal would be stopped. */
bool locker_can_ask(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO) &&
	       tcgetpgrp(STDIN_FILENO) == getpgrp();
}

char *locker_ask(const char *question)
{
	char *line = NULL;
	size_t cap = 0;

	fputs(question, stderr);
	if (getline(&line, &cap, stdin) < 0) {
		free(line);
		fputc('\n', stderr);
		return NULL;
	}
	line[strcspn(line, "\n")] = '\0';
	return line;
}
