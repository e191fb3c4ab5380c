/* SPDX-License-Identifier: MIT */
#include <cjson/cJSON.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "fs.h"

/*
 * The state of a book, by its file or by its mount. Both give the same document, status.json, and
 * the words for a person are made from that.
 */

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

static int say_status(const struct buf *json)
{
	cJSON *root = cJSON_ParseWithLength(buf_str(json), json->len);
	const cJSON *totals = cJSON_GetObjectItemCaseSensitive(root, "totals"), *item;

	if (!root) {
		fprintf(stderr, "bookfs: status.json is not JSON\n");
		return EXIT_FAILED;
	}
	say_counts(totals, "chapters");
	say_counts(totals, "images");
	printf("tokens used: %d\n", count(totals, "tokensUsed"));
	say_failures(cJSON_GetObjectItemCaseSensitive(root, "chapters"), "number", "chapter");
	say_failures(cJSON_GetObjectItemCaseSensitive(root, "images"), "chapter",
		     "picture of chapter");
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(root, "waiting"))
		printf("waiting: %s\n", text_of(item, "reason"));
	cJSON_Delete(root);
	return EXIT_DONE;
}

static int get_status(struct buf *out, struct options *o, const char *word, struct err *err)
{
	CLEANUP(cleanup_free) char *dir = NULL;
	struct mountpoint there;
	int r = mountpoint_path(&dir, word, err);

	if (r == 0 && mountpoint_find(&there, dir) == 1) {
		mountpoint_finish(&there);
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
	if (!as_json)
		return say_status(&json);
	return fwrite(json.data, 1, json.len, stdout) == json.len ? EXIT_DONE : EXIT_FAILED;
}

const struct command command_status = {
	.name = "status",
	.usage = "bookfs status [--json] [--store PATH] BOOK|DIR",
	.summary = "BOOK|DIR: how far the work is",
	.help = "Says how many chapters and pictures are done, what failed and why, and what is\n"
		"waited for. --json prints the document that a mount shows as status.json.\n",
	.run = run_status,
};
