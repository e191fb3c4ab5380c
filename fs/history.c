/* SPDX-License-Identifier: MIT */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "locker.h"

/*
 * What persons did to a book, and the way back. Both go by the store alone, mounted or not; a mount
 * sees what was undone as it sees any commit. Whoever holds a lock on what an undo would change is
 * asked, as by any other edit.
 */

static int open_store(struct store **out, const struct options *o, struct err *err)
{
	CLEANUP(cleanup_free) char *path = NULL, *note = NULL;
	struct store_options how = {.book_path = o->book};
	int r = store_locate(&path, &note, o->book, o->store, err);

	if (r < 0)
		return r;
	if (access(path, F_OK) < 0)
		return err_set(err, -ENOENT, "%s has no store yet: nothing was done to it",
			       o->book);
	how.path = path;
	return store_open(out, NULL, &how, err);
}

/* ---- history */

static void second_iso(char out[ISO_TIME_BYTES], int64_t unix_ms)
{
	clock_iso(out, unix_ms);
	memcpy(strchr(out, '.'), "Z", 2);
}

/* An element's name may come from anybody, and this goes to a terminal. */
static void edit_line(struct err *out, const struct store_edit *e)
{
	char time[ISO_TIME_BYTES];

	second_iso(time, e->time_unix_ms);
	err_set(out, 0, "%4lld  %s  %-13s  %s%s%s", (long long)e->id, time, edit_kind_name(e->kind),
		e->subject, *e->detail ? ": " : "", e->detail);
}

static int say_one(void *arg, const struct store_edit *e)
{
	struct err line;

	(*(int *)arg)++;
	edit_line(&line, e);
	printf("%s%s\n", line.msg, e->undone_unix_ms ? "  (undone)" : "");
	return 0;
}

static cJSON *time_json(int64_t unix_ms)
{
	char time[ISO_TIME_BYTES];

	clock_iso(time, unix_ms);
	return unix_ms ? cJSON_CreateString(time) : cJSON_CreateNull();
}

static int add_one(void *arg, const struct store_edit *e)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddNumberToObject(json, "number", (double)e->id);
	cJSON_AddItemToObject(json, "time", time_json(e->time_unix_ms));
	cJSON_AddStringToObject(json, "what", edit_kind_name(e->kind));
	cJSON_AddStringToObject(json, "subject", e->subject);
	cJSON_AddStringToObject(json, "detail", e->detail);
	if (e->chapter)
		cJSON_AddNumberToObject(json, "chapter", e->chapter);
	else
		cJSON_AddNullToObject(json, "chapter");
	cJSON_AddItemToObject(json, "undone", time_json(e->undone_unix_ms));
	cJSON_AddItemToArray(arg, json);
	return 0;
}

static int list_json(struct store_reader *r)
{
	cJSON *root = cJSON_CreateObject();
	int code = store_edits(r, 0, add_one, cJSON_AddArrayToObject(root, "edits"));
	char *text = code == 0 ? cJSON_Print(root) : NULL;

	if (text)
		puts(text);
	free(text);
	cJSON_Delete(root);
	return code;
}

static int list(struct store_reader *r, bool as_json)
{
	int count = 0, code = as_json ? list_json(r) : store_edits(r, 0, say_one, &count);

	if (code == 0 && !as_json && !count)
		puts("nothing was edited or removed");
	return code;
}

static int history(const struct options *o, bool as_json)
{
	CLEANUP(store_close_cleanup) struct store *store = NULL;
	struct err err = {0};
	int code = open_store(&store, o, &err);

	if (code < 0)
		return say_failed(&err);
	code = list(store_reader(store), as_json);
	if (code == 0)
		return EXIT_DONE;
	err_set(&err, code, "%s: %s", store_path(store), store_reason(store_reader(store), code));
	return say_failed(&err);
}

static int run_history(const struct command *c, int argc, char **argv)
{
	CLEANUP(options_finish) struct options o;
	CLEANUP(cleanup_free) char *word = NULL;
	bool as_json = false;
	const struct flag flags[] = {{"--json", .on = &as_json},
				     {"--store", .take = options_store, .options = &o}};
	struct err err = {0};
	int r;

	options_init(&o);
	r = flags_parse_one(&word, "one book or one mounted directory: bookfs history BOOK|DIR", c,
			    flags, ARRAY_LEN(flags), argc, argv);
	if (r)
		return r < 0 ? EXIT_DONE : r;
	log_open(LOG_TO_STDERR, LOG_LEVEL_WARN);
	if (locker_find_book(&o, word, &err) < 0)
		return say_failed(&err);
	return history(&o, as_json);
}

const struct command command_history = {
	.name = "history",
	.usage = "bookfs history [--json] [--store PATH] BOOK|DIR",
	.summary = "BOOK|DIR: what persons edited, removed, approved",
	.help = "Lists what was done to the book by hand, the newest first: its number, when, "
		"what,\n"
		"and to which file of the mount. Nothing of it is gone: bookfs undo takes it "
		"back.\n",
	.run = run_history,
};

/* ---- undo */

struct undo {
	struct locker locker;
	int most; /* 0: all */
	struct strv lines, resources;
	int count;
};

static void undo_finish(struct undo *u)
{
	strv_finish(&u->lines);
	strv_finish(&u->resources);
	locker_finish(&u->locker);
}

static void add_resource(struct undo *u, const char *name)
{
	if (!strv_has(&u->resources, name) && !locker_is_under(&u->locker, name))
		strv_add(&u->resources, name);
}

/* What an edit changed, as locks call it. */
static void add_resources(struct undo *u, const struct store_edit *e)
{
	char chapter[LOCK_RESOURCE_BYTES];

	snprintf(chapter, sizeof(chapter), "Chapter_%02d", e->chapter);
	if (e->chapter)
		add_resource(u, chapter);
	if (e->kind == EDIT_PICTURE_REMOVED || e->kind == EDIT_PORTRAIT ||
	    e->kind == EDIT_PORTRAIT_REMOVED)
		add_resource(u, "ImageRegistry");
	if (e->kind == EDIT_STYLE)
		add_resource(u, "StyleSystem");
}

static int plan_one(void *arg, const struct store_edit *e)
{
	struct undo *u = arg;
	struct err line;

	if (e->undone_unix_ms)
		return 0;
	edit_line(&line, e);
	strv_add(&u->lines, line.msg);
	add_resources(u, e);
	return u->most && u->lines.len == (size_t)u->most;
}

/* For this process alone, as a guarded command has them; they go with it. */
static int take_locks(struct undo *u)
{
	struct lock_refusal no = {0};
	int r = 0;

	for (size_t i = 0; r == 0 && i < u->resources.len; i += LOCK_SET_MOST) {
		size_t rest = u->resources.len - i;
		const struct lock_claim claim = {
			.resources = (const char *const *)u->resources.items + i,
			.count = rest < LOCK_SET_MOST ? (int)rest : LOCK_SET_MOST,
			.holder = &u->locker.me.as,
			.reason = "undo",
			.descriptor = 1,
			.descriptor_pid = getpid(),
		};

		r = locks_acquire(u->locker.table, &claim, &no);
		if (r < 0)
			return locker_refused(&u->locker, r, &no, NULL);
	}
	return EXIT_DONE;
}

static int take_back(struct store_tx *tx, void *arg, struct err *err)
{
	struct undo *u = arg;

	return tx_undo(&u->count, tx, u->most);
}

static int undo(struct undo *u, struct store *store)
{
	struct err err = {0};
	int code = store_edits(store_reader(store), 0, plan_one, u), status;

	if (code < 0) {
		err_set(&err, code, "%s: %s", store_path(store),
			store_reason(store_reader(store), code));
		return say_failed(&err);
	}
	if (!u->lines.len) {
		puts("nothing is left to undo");
		return EXIT_DONE;
	}
	status = take_locks(u);
	if (status == EXIT_DONE && store_write_wait(store, take_back, u, &err) < 0)
		status = say_failed(&err);
	locks_release_descriptor(u->locker.table, 1);
	for (size_t i = 0; status == EXIT_DONE && i < u->lines.len; i++)
		printf("undone: %s\n", u->lines.items[i]);
	return status;
}

/* 0: it is none. */
static int count_of(const char *word)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(word, &end, 10);
	return errno || *end || end == word || n < 1 || n > 1000000 ? 0 : (int)n;
}

static int run_undo(const struct command *c, int argc, char **argv)
{
	CLEANUP(undo_finish) struct undo u = {.most = 1};
	CLEANUP(store_close_cleanup) struct store *store = NULL;
	CLEANUP(strv_finish) struct strv words = {0}, as = {0};
	bool all = false;
	const struct flag flags[] = {
		{"--all", .on = &all},
		{"--as", .values = &as},
		{"--store", .take = options_store, .options = &u.locker.options}};
	struct err err = {0};
	int r;

	options_init(&u.locker.options);
	r = flags_parse(&words, c, flags, ARRAY_LEN(flags), argc, argv);
	if (r)
		return r < 0 ? EXIT_DONE : r;
	if (words.len < 1 || words.len > 2 || (all && words.len == 2))
		return say_usage(c, "name one book or one mounted directory, and how many edits: "
				    "bookfs undo BOOK|DIR [N|--all]");
	u.most = all ? 0 : words.len == 2 ? count_of(words.items[1]) : 1;
	if (!all && !u.most)
		return say_usage(c, "%s: how many edits, 1 or more, or --all", words.items[1]);
	log_open(LOG_TO_STDERR, LOG_LEVEL_WARN);
	if (locker_find(&u.locker, words.items[0], locker_last(&as), &err) < 0 ||
	    open_store(&store, &u.locker.options, &err) < 0 ||
	    locker_begin(&u.locker, locker_last(&as), &err) < 0)
		return say_failed(&err);
	return undo(&u, store);
}

const struct command command_undo = {
	.name = "undo",
	.usage = "bookfs undo [--as ID] [--store PATH] BOOK|DIR [N|--all]",
	.summary = "BOOK|DIR [N|--all]: takes the newest edits back",
	.help = "Takes back the newest edit that stands, or the newest N, or --all: what was "
		"edited\n"
		"or removed is again as it was. It spends nothing. What somebody else has locked "
		"is\n"
		"left alone: then nothing is undone, and the exit status is 75.\n",
	.run = run_undo,
};
