/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "locker.h"

/* unlock, locks, break, clear. */

struct words {
	struct strv list, as, token, reason;
	bool all, stale, yes, json;
};

static void words_finish(struct words *w)
{
	strv_finish(&w->list);
	strv_finish(&w->as);
	strv_finish(&w->token);
	strv_finish(&w->reason);
}

static int open_for(struct locker *k, const struct words *w)
{
	struct err err = {0};

	if (locker_open(k, w->list.items[0], locker_last(&w->as), &err) < 0 ||
	    locker_check_names(k, w->list.items + 1, w->list.len - 1, &err) < 0)
		return say_failed(&err);
	return 0;
}

/* ---- unlock */

/* One's own locks may be another id's of the same process tree: the lock itself says whose. */
static void be_who_has(struct locker *k, const char *resource)
{
	struct lock have;

	if (locks_get(&have, k->table, resource) == 0 && !lock_is_of(&have, &k->me.as) &&
	    holder_is_above(k->holders, &have.holder, getpid(), getuid()))
		k->me.as = have.holder;
}

/* --all of nothing is done: it is what a script's last line says. */
static int unlock(struct locker *k, const struct words *w)
{
	struct lock_refusal no = {0};
	int r;

	if (!w->all && !locker_last(&w->as))
		be_who_has(k, w->list.items[1]);
	r = locks_release(k->table, &k->me.as, (const char *const *)w->list.items + 1,
			  (int)w->list.len - 1, &no);
	return r < 0 ? locker_refused(k, r, &no, NULL) : EXIT_DONE;
}

static int run_unlock(const struct command *c, int argc, char **argv)
{
	CLEANUP(locker_finish) struct locker k = {0};
	CLEANUP(words_finish) struct words w = {0};
	const struct flag flags[] = {{"--all", .on = &w.all},
				     {"--as", .values = &w.as},
				     {"--store", .take = options_store, .options = &k.options}};
	int r;

	options_init(&k.options);
	r = flags_parse(&w.list, c, flags, ARRAY_LEN(flags), argc, argv);
	if (r)
		return r < 0 ? EXIT_DONE : r;
	if (w.list.len < 1 || (w.list.len < 2) != w.all)
		return say_usage(c, "name a book and what to unlock, or --all of yours: bookfs "
				    "unlock BOOK Chapter_03");
	r = open_for(&k, &w);
	return r ? r : unlock(&k, &w);
}

const struct command command_unlock = {
	.name = "unlock",
	.usage = "bookfs unlock [--as ID] [--store PATH] BOOK|DIR R...|--all",
	.summary = "BOOK|DIR R...: gives locks back, as with rm DIR/locks/R",
	.help = "Gives back locks of one's own: all that are named, or none. --all: whatever one\n"
		"has. --as ID: as this holder.\n",
	.run = run_unlock,
};

/* ---- locks */

static int print_list(const struct locker *k, const struct lock_list *list, bool json)
{
	CLEANUP(buf_finish) struct buf text = {0};
	int r = json ? view_lock_table_json(&text, list) : view_lock_rows(&text, list);

	if (!json && list->len) {
		buf_adds(&text, "to clear them: ");
		locker_add_command(&text, k, "clear --all");
		r = buf_addc(&text, '\n');
	}
	if (r == 0)
		fputs(buf_str(&text), stdout);
	return r;
}

static int run_locks(const struct command *c, int argc, char **argv)
{
	CLEANUP(locker_finish) struct locker k = {0};
	CLEANUP(words_finish) struct words w = {0};
	CLEANUP(lock_list_finish) struct lock_list list = {0};
	const struct flag flags[] = {{"--json", .on = &w.json},
				     {"--store", .take = options_store, .options = &k.options}};
	CLEANUP(cleanup_free) char *word = NULL;
	int r;

	options_init(&k.options);
	r = flags_parse_one(&word, "one book or one mounted directory: bookfs locks BOOK|DIR", c,
			    flags, ARRAY_LEN(flags), argc, argv);
	if (r)
		return r < 0 ? EXIT_DONE : r;
	strv_add(&w.list, word);
	r = open_for(&k, &w);
	if (r)
		return r;
	r = lock_list_read(&list, k.table);
	if (r == 0)
		r = print_list(&k, &list, w.json);
	return r < 0 ? locker_failed(&k, r) : EXIT_DONE;
}

const struct command command_locks = {
	.name = "locks",
	.usage = "bookfs locks [--json] [--store PATH] BOOK|DIR",
	.summary = "BOOK|DIR: who holds what, stale ones marked",
	.help = "Shows all locks of the book, as DIR/locks/.table does; --json as .table.json.\n",
	.run = run_locks,
};

/* ---- break */

static int break_lock(const struct command *c, struct locker *k, const struct words *w)
{
	struct lock_refusal no = {0};
	const char *text = locker_last(&w->token);
	int64_t token;
	char *end;
	int r;

	errno = 0;
	token = strtoll(text, &end, 10);
	if (errno || *end || end == text || token < 1)
		return say_usage(c, "--token %s: a number, as bookfs locks shows it",
				 locker_last(&w->token));
	r = locks_break(k->table, &k->me.as, w->list.items[1], token, locker_last(&w->reason), &no);
	return r < 0 ? locker_refused(k, r, &no, NULL) : EXIT_DONE;
}

static int run_break(const struct command *c, int argc, char **argv)
{
	CLEANUP(locker_finish) struct locker k = {0};
	CLEANUP(words_finish) struct words w = {0};
	const struct flag flags[] = {{"--token", .values = &w.token},
				     {"--reason", .values = &w.reason},
				     {"--as", .values = &w.as},
				     {"--store", .take = options_store, .options = &k.options}};
	int r;

	options_init(&k.options);
	r = flags_parse(&w.list, c, flags, ARRAY_LEN(flags), argc, argv);
	if (r)
		return r < 0 ? EXIT_DONE : r;
	if (w.list.len != 2)
		return say_usage(c, "name a book and one lock: bookfs break BOOK Chapter_03");
	if (!locker_last(&w.token) || !locker_last(&w.reason) ||
	    !lock_reason_valid(locker_last(&w.reason)) || !*locker_last(&w.reason))
		return say_usage(c, "give its --token, which bookfs locks shows, and a --reason of "
				    "one line");
	r = open_for(&k, &w);
	return r ? r : break_lock(c, &k, &w);
}

const struct command command_break = {
	.name = "break",
	.usage = "bookfs break [--as ID] [--store PATH] BOOK|DIR R --token N --reason TEXT",
	.summary = "BOOK|DIR R: takes a lock away from whoever holds it",
	.help = "The token says which lock was seen: if it changed hands since, nothing happens.\n"
		"What the former holder writes afterwards under it is refused. The history keeps\n"
		"who did it and why.\n",
	.run = run_break,
};

/* ---- clear */

/* Those that would go stay in the list. */
static void keep_stale(struct lock_list *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->len; i++)
		if (list->items[i].state == LOCK_STATE_STALE)
			list->items[kept++] = list->items[i];
	list->len = kept;
}

static bool agreed(const struct lock_list *list, bool yes)
{
	CLEANUP(cleanup_free) char *answer = NULL;

	for (size_t i = 0; i < list->len; i++) {
		CLEANUP(buf_finish) struct buf line = {0};

		locker_describe(&line, &list->items[i]);
		printf("%s\n", buf_str(&line));
	}
	if (yes)
		return true;
	fflush(stdout);
	answer = locker_ask(list->len == 1 ? "Clear this one? [y/N] " : "Clear these? [y/N] ");
	return answer && (*answer == 'y' || *answer == 'Y');
}

static int clear_locks(struct locker *k, const struct words *w)
{
	CLEANUP(lock_list_finish) struct lock_list list = {0};
	struct lock_refusal no = {0};
	int r = lock_list_read(&list, k->table);

	if (r < 0)
		return locker_failed(k, r);
	if (!w->all)
		keep_stale(&list);
	if (list.len == 0) {
		printf("nothing is %s\n", w->all ? "locked" : "stale");
		return EXIT_DONE;
	}
	if (!agreed(&list, w->yes)) {
		fputs("bookfs: nothing was cleared\n", stderr);
		return EXIT_FAILED;
	}
	r = w->all ? locks_clear_all(k->table, &k->me.as, list.seq, &no)
		   : locks_clear_stale(k->table, &k->me.as, &no);
	return r < 0 ? locker_refused(k, r, &no, NULL) : EXIT_DONE;
}

static int run_clear(const struct command *c, int argc, char **argv)
{
	CLEANUP(locker_finish) struct locker k = {0};
	CLEANUP(words_finish) struct words w = {0};
	const struct flag flags[] = {{"--stale", .on = &w.stale},
				     {"--all", .on = &w.all},
				     {"--yes", .on = &w.yes},
				     {"--as", .values = &w.as},
				     {"--store", .take = options_store, .options = &k.options}};
	int r;

	options_init(&k.options);
	r = flags_parse(&w.list, c, flags, ARRAY_LEN(flags), argc, argv);
	if (r)
		return r < 0 ? EXIT_DONE : r;
	if (w.list.len != 1 || w.all == w.stale)
		return say_usage(c, "name a book, and --stale or --all: bookfs clear BOOK --stale");
	if (!w.yes && !locker_can_ask())
		return say_usage(c, "it asks first, and there is nobody to ask: give --yes");
	r = open_for(&k, &w);
	return r ? r : clear_locks(&k, &w);
}

const struct command command_clear = {
	.name = "clear",
	.usage = "bookfs clear [--yes] [--as ID] [--store PATH] BOOK|DIR --stale|--all",
	.summary = "BOOK|DIR --stale|--all: clears locks nobody uses, or all of them",
	.help = "Shows what it would clear, and asks. --stale: those whose holder has not renewed\n"
		"them for their ttl. --all: everybody's; if one changed after it was shown, "
		"nothing\n"
		"happens. --yes does not ask.\n",
	.run = run_clear,
};
