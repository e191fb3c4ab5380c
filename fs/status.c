/* SPDX-License-Identifier: MIT */
#include <cjson/cJSON.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "fs.h"

/*
 * The state of a book, by its file or by its mount. Both give the same document, status.json, and
 * the words for a person are made from that. What a mount cannot show, as nothing tells it: whether
 * the book's file is still the one that was imported. That is asked of the store, and added.
 */

struct file_state {
	const char *name, *reason, *remedy; /* the latter NULL: it is as it was */
};
static const struct file_state current = {"current", NULL, NULL};
static const struct file_state changed = {
	"changed", "the book's file has changed since it was imported",
	"bookfs run, or mounting it again, imports it; only what changed is analysed again"};
static const struct file_state gone = {
	"gone", "the book's file cannot be read",
	"put it back; what is stored can be read in a mount that stands"};

static const struct file_state *file_state(const struct options *o)
{
	CLEANUP(cleanup_free) char *path = NULL, *note = NULL;
	CLEANUP(store_close_cleanup) struct store *store = NULL;
	struct store_options how = {.book_path = o->book};
	struct err err = {0};
	int r;

	if (access(o->book, R_OK) < 0)
		return &gone;
	if (store_locate(&path, &note, o->book, o->store, &err) < 0)
		return NULL;
	how.path = path;
	if (store_open(&store, NULL, &how, &err) < 0)
		return NULL; /* of a mount with a store elsewhere, or of another user */
	r = store_book_changed(store, &err);
	return r < 0 ? NULL : r ? &changed : &current;
}

static int read_mounted(struct buf *out, const char *dir, struct err *err)
{
	CLEANUP(cleanup_free) char *path = xasprintf("%s/status.json", dir);
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char part[16384];
	ssize_t n = -1;

	while (fd >= 0 && (n = read(fd, part, sizeof(part))) > 0)
		buf_add(out, part, (size_t)n);
	return n < 0 ? err_set(err, -errno, "%s: %s", path, strerror(errno)) : buf_error(out);
}

/* Where the store of a mount is, as it need not be beside the book. */
static void find_store(struct options *o, const char *dir)
{
	CLEANUP(cleanup_free) char *path = xasprintf("%s/.bookfs/store", dir);
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char name[PATH_MAX];
	ssize_t n = fd < 0 ? -1 : read(fd, name, sizeof(name) - 1);

	if (n < 1 || o->store)
		return;
	name[n] = '\0';
	name[strcspn(name, "\n")] = '\0';
	o->store = xstrdup(name);
}

/* Read only as far as a store lets itself be read: no import, no work. */
static int read_stored(struct buf *out, const struct options *o, struct err *err)
{
	CLEANUP(cleanup_free) char *path = NULL, *note = NULL;
	CLEANUP(engine_close_cleanup) struct engine *e = NULL;
	CLEANUP(views_free_cleanup) struct views *views = NULL;
	int r = store_locate(&path, &note, o->book, o->store, err);

	if (r < 0)
		return r;
	if (access(path, F_OK) < 0)
		return err_set(err, -ENOENT, "%s has no store yet: mount it, or bookfs run %s",
			       o->book, o->book);
	r = engine_open(&e, o, ENGINE_LOOK, err);
	if (r == 0)
		r = engine_views(&views, e, o, err);
	if (r == 0)
		r = view_status(out, views);
	if (r < 0 && !err->msg[0])
		err_set(err, r, "%s: %s", path, store_reason(store_reader(e->store), r));
	return r;
}

static int count(const cJSON *counts, const char *state)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(counts, state);

	return cJSON_IsNumber(n) ? n->valueint : 0;
}

static void say_counts(const cJSON *totals, const char *name)
{
	const cJSON *counts = cJSON_GetObjectItemCaseSensitive(totals, name);

	printf("%s: %d completed, %d in progress, %d pending, %d failed, %d skipped\n", name,
	       count(counts, "completed"), count(counts, "in_progress"), count(counts, "pending"),
	       count(counts, "failed"), count(counts, "skipped"));
}

static const char *text_of(const cJSON *object, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

	return s ? s : "";
}

static void say_failures(const cJSON *items, const char *title, const char *label)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, items)
	{
		const char *error = text_of(item, "error");

		if (*error)
			printf("%s %d%s%s: %s: %s\n", label, count(item, title),
			       *text_of(item, "id") ? " " : "", text_of(item, "id"),
			       text_of(item, "status"), error);
	}
}

static void add_file_state(cJSON *root, const struct file_state *f)
{
	cJSON *file = cJSON_AddObjectToObject(root, "bookFile");

	cJSON_AddStringToObject(file, "status", f->name);
	if (!f->remedy)
		return;
	cJSON_AddStringToObject(file, "reason", f->reason);
	cJSON_AddStringToObject(file, "remedy", f->remedy);
}

static void say_file_state(const cJSON *root)
{
	const cJSON *file = cJSON_GetObjectItemCaseSensitive(root, "bookFile");

	if (*text_of(file, "remedy"))
		printf("%s: %s\n", text_of(file, "reason"), text_of(file, "remedy"));
}

static int say_json(const cJSON *root)
{
	char *text = cJSON_Print(root);
	int r = text ? puts(text) : EOF;

	free(text);
	return r == EOF ? EXIT_FAILED : EXIT_DONE;
}

static int say_status(const cJSON *root)
{
	const cJSON *totals = cJSON_GetObjectItemCaseSensitive(root, "totals"), *item;

	say_counts(totals, "chapters");
	say_counts(totals, "images");
	printf("tokens used: %d\n", count(totals, "tokensUsed"));
	say_failures(cJSON_GetObjectItemCaseSensitive(root, "chapters"), "number", "chapter");
	say_failures(cJSON_GetObjectItemCaseSensitive(root, "images"), "chapter",
		     "picture of chapter");
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(root, "waiting"))
		printf("waiting: %s\n", text_of(item, "reason"));
	say_file_state(root);
	return EXIT_DONE;
}

static int answer(const struct buf *json, const struct file_state *f, bool as_json)
{
	cJSON *root = cJSON_ParseWithLength(buf_str(json), json->len);
	int r;

	if (!root) {
		fprintf(stderr, "bookfs: status.json is not JSON\n");
		return EXIT_FAILED;
	}
	if (f)
		add_file_state(root, f);
	r = as_json ? say_json(root) : say_status(root);
	cJSON_Delete(root);
	return r;
}

static int get_status(struct buf *out, struct options *o, const char *word, struct err *err)
{
	CLEANUP(cleanup_free) char *dir = NULL;
	struct mountpoint there;
	int r = mountpoint_path(&dir, word, err);

	if (r == 0 && mountpoint_find(&there, dir) == 1) {
		o->book = xstrdup(there.source);
		mountpoint_finish(&there);
		find_store(o, dir);
		return read_mounted(out, dir, err);
	}
	r = options_book(o, word, err);
	return r == 0 ? read_stored(out, o, err) : r;
}

static int run_status(const struct command *c, int argc, char **argv)
{
	CLEANUP(options_finish) struct options o;
	CLEANUP(cleanup_free) char *word = NULL;
	CLEANUP(buf_finish) struct buf json = {0};
	bool as_json = false;
	const struct flag flags[] = {{"--json", .on = &as_json},
				     {"--store", .take = options_store, .options = &o}};
	struct err err = {0};
	int r;

	options_init(&o);
	r = flags_parse_one(&word, "one book or one mounted directory: bookfs status BOOK|DIR", c,
			    flags, ARRAY_LEN(flags), argc, argv);
	if (r)
		return r < 0 ? EXIT_DONE : r;
	log_open(LOG_TO_STDERR, LOG_LEVEL_WARN);
	if (get_status(&json, &o, word, &err) < 0)
		return say_failed(&err);
	return answer(&json, file_state(&o), as_json);
}

const struct command command_status = {
	.name = "status",
	.usage = "bookfs status [--json] [--store PATH] BOOK|DIR",
	.summary = "BOOK|DIR: how far the work is",
	.help = "Says how many chapters and pictures are done, what failed and why, and what is\n"
		"waited for, and whether the book's file has changed since its import. --json\n"
		"prints the document that a mount shows as status.json, with \"bookFile\" added.\n",
	.run = run_status,
};
