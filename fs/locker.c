/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "locker.h"

/* ---- the table */

/* Where the mount has its store: the book's path alone does not say it (--store). */
static void read_store_path(struct options *o, const char *dir)
{
	CLEANUP(cleanup_free) char *path = xasprintf("%s/.bookfs/store", dir);
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[4096];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (n <= 1 || text[n - 1] != '\n')
		return;
	free(o->store);
	o->store = xstrndup(text, (size_t)n - 1);
}

static int find_book(struct options *o, const char *place, struct err *err)
{
	CLEANUP(cleanup_free) char *dir = NULL;
	struct mountpoint there;
	int r = mountpoint_path(&dir, place, err);

	if (r < 0 || mountpoint_find(&there, dir) != 1)
		return options_book(o, place, err);
	o->book = xstrdup(there.source);
	mountpoint_finish(&there);
	if (!o->store)
		read_store_path(o, dir);
	return 0;
}

static int open_table(struct locker *k, struct err *err)
{
	CLEANUP(cleanup_free) char *path = NULL, *note = NULL;
	int r = k->options.store ? 0 : store_locate(&path, &note, k->options.book, NULL, err);

	if (r < 0)
		return r;
	if (note)
		fprintf(stderr, "bookfs: %s\n", note);
	return locks_open(&k->table, NULL, path ? path : k->options.store, err);
}

int locker_open(struct locker *k, const char *place, const char *as, struct err *err)
{
	int r = find_book(&k->options, place, err);

	k->place = place;
	if (as && !lock_instance_valid(as))
		return err_set(err, -EINVAL,
			       "--as %s: an id is 1 to 63 letters, digits and . _ : @ -", as);
	if (r == 0)
		r = open_table(k, err);
	if (r < 0)
		return r;
	k->holders = holders_new();
	return holder_find(&k->me, k->holders, k->table, getpid(), getuid(), as, 0, err);
}

void locker_finish(struct locker *k)
{
	k->table = locks_close(k->table);
	k->holders = holders_free(k->holders);
	options_finish(&k->options);
}

/* ---- names */

/* Chapters past those that may always be locked are asked of the store. */
static int count_chapters(const struct locker *k)
{
	CLEANUP(cleanup_free) char *path = NULL, *note = NULL;
	CLEANUP(store_close_cleanup) struct store *store = NULL;
	struct store_options how = {.book_path = k->options.book};
	struct book *book = NULL;
	struct err err = {0};
	int count = 0;

	if (store_locate(&path, &note, k->options.book, k->options.store, &err) < 0)
		return 0;
	how.path = path;
	if (store_open(&store, NULL, &how, &err) == 0 &&
	    store_book(&book, store_reader(store)) == 0)
		count = (int)book->chapter_count;
	book_free(book);
	return count;
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
			       "ProjectConfig",
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
	buf_addf(out, " since %s, renewed ", since);
	add_age(out, k->idle_ms);
	if (k->state == LOCK_STATE_STALE)
		buf_adds(out, ", stale");
	if (k->reason[0])
		buf_addf(out, ", reason: %s", k->reason);
}

void locker_describe_ways(struct buf *out, const struct locker *k, const struct lock_refusal *no)
{
	const struct lock *in_the_way = &no->lock;

	if (no->why != LOCK_REFUSED_HELD && no->why != LOCK_REFUSED_STALE &&
	    no->why != LOCK_REFUSED_IN_USE) {
		buf_adds(out, no->err.msg);
		return;
	}
	locker_describe(out, in_the_way);
	buf_addf(out, "; wait: bookfs lock %s %s --wait 120; cancel: nothing was taken; override: ",
		 k->place, in_the_way->resource);
	if (in_the_way->state == LOCK_STATE_STALE)
		buf_addf(out, "bookfs clear %s --stale", k->place);
	else
		buf_addf(out, "bookfs break %s %s --token %lld --reason WHY", k->place,
			 in_the_way->resource, (long long)in_the_way->token);
}

int locker_failed(const struct locker *k, int code)
{
	fprintf(stderr, "bookfs: %s\n", code == -ENOLCK ? locks_reason(k->table) : strerror(-code));
	return EXIT_FAILED;
}

int locker_refused(const struct locker *k, int code, const struct lock_refusal *no)
{
	CLEANUP(buf_finish) struct buf line = {0};

	if (no->why == LOCK_REFUSED_NOT && !no->err.msg[0])
		return locker_failed(k, code);
	locker_describe_ways(&line, k, no);
	fprintf(stderr, "bookfs: %s\n", buf_str(&line));
	return code == -EBUSY ? EXIT_HELD : EXIT_FAILED;
}

bool locker_can_ask(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
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
