/* SPDX-License-Identifier: MIT */
#include <cjson/cJSON.h>
#include <fcntl.h>
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

/* NULL: it is of a mount with a store elsewhere, or of another user. */
static struct store *open_store(const struct options *o)
{
	CLEANUP(cleanup_free) char *path = NULL, *note = NULL;
	struct store_options how = {.book_path = options_reach(o)};
	struct store *store = NULL;
	struct err err = {0};

	if (store_locate(&path, &note, o->book, o->store, &err) < 0)
		return NULL;
	how.path = path;
	return store_open(&store, NULL, &how, &err) < 0 ? NULL : store;
}

static const struct file_state *file_state(const struct options *o, struct store *store)
{
	struct err err = {0};
	int r;

	if (access(o->book, R_OK) < 0)
		return &gone;
	r = store ? store_book_changed(store, &err) : -ENOENT;
	return r < 0 ? NULL : r ? &changed : &current;
}

/* A file of the mount. */
static int read_mounted(struct buf *out, const char *dir, const char *name, struct err *err)
{
	CLEANUP(cleanup_free) char *path = xasprintf("%s/%s", dir, name);
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char part[16384];
	ssize_t n = -1;

	while (fd >= 0 && (n = read(fd, part, sizeof(part))) > 0)
		buf_add(out, part, (size_t)n);
	if (n < 0 && errno == ENOTCONN)
		return mountpoint_killed(dir, err);
	return n < 0 ? err_set(err, -errno, "%s: %s", path, strerror(errno)) : buf_error(out);
}

/* Where the store of a mount is, as it need not be beside the book. */
static void find_store(struct options *o, const char *dir)
{
	CLEANUP(buf_finish) struct buf path = {0};
	struct err err;

	if (read_mounted(&path, dir, ".bookfs/store", &err) < 0 || !path.len)
		return;
	o->store = xstrndup(path.data, strcspn(path.data, "\n"));
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

static const cJSON *get(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static double number(const cJSON *object, const char *name)
{
	const cJSON *n = get(object, name);

	return cJSON_IsNumber(n) ? n->valuedouble : 0;
}

static int count(const cJSON *counts, const char *state)
{
	return (int)number(counts, state);
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
	const char *s = cJSON_GetStringValue(get(object, name));

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

static void say_spent(const cJSON *totals)
{
	CLEANUP(buf_finish) struct buf cost = {0};

	printf("tokens used: %.0f", number(totals, "tokensUsed"));
	if (number(totals, "requests") > 0) {
		words_of_cost(&cost, (int64_t)(number(totals, "cost") * 1e6 + 0.5));
		printf(" (%.0f in, %.0f out), by %.0f requests; cost %s",
		       number(totals, "tokensIn"), number(totals, "tokensOut"),
		       number(totals, "requests"), buf_str(&cost));
	}
	putchar('\n');
}

static void say_pace(const cJSON *pace)
{
	if (*text_of(pace, "eta"))
		printf("pace: %.1f chapters and %.1f pictures a minute; done at %s\n",
		       number(pace, "chaptersPerMinute"), number(pace, "imagesPerMinute"),
		       text_of(pace, "eta"));
}

/* What has an end. */
static void say_budget(const cJSON *budget)
{
	const cJSON *left;

	cJSON_ArrayForEach(left, get(budget, "left"))
	{
		if (cJSON_IsNumber(left))
			printf("budget: %.10g %s spent, %.10g left (max_%s=)\n",
			       number(get(budget, "spent"), left->string), left->string,
			       left->valuedouble, left->string);
	}
}

static void say_waiting(const cJSON *w)
{
	printf("waiting: %s", text_of(w, "reason"));
	if (*text_of(w, "until"))
		printf(" (until %s)", text_of(w, "until"));
	if (*text_of(w, "remedy"))
		printf(": %s", text_of(w, "remedy"));
	putchar('\n');
}

static void say_approval(const cJSON *images)
{
	const cJSON *image;
	int waiting = 0;

	cJSON_ArrayForEach(image, images) waiting += !strcmp(text_of(image, "waits"), "approval");
	if (waiting)
		printf("not asked for: %d %s (touch chapters/N/approved in the mount, or bookfs "
		       "run)\n",
		       waiting, waiting == 1 ? "picture" : "pictures");
}

static int say_status(const cJSON *root)
{
	const cJSON *totals = get(root, "totals"), *item;

	say_counts(totals, "chapters");
	say_counts(totals, "images");
	say_approval(get(root, "images"));
	say_spent(totals);
	say_pace(get(root, "pace"));
	say_budget(get(root, "budget"));
	say_failures(get(root, "chapters"), "number", "chapter");
	say_failures(get(root, "images"), "chapter", "picture of chapter");
	cJSON_ArrayForEach(item, get(root, "waiting")) say_waiting(item);
	say_file_state(root);
	return EXIT_DONE;
}

/* What a process knows beside the store: NULL, or of the mount that was named. */
static void add_budget(cJSON *root, const struct buf *spending)
{
	cJSON *budget = cJSON_ParseWithLength(buf_str(spending), spending->len);

	if (budget)
		cJSON_AddItemToObject(root, "budget", budget);
}

static int answer(const struct buf *json, const struct buf *spending, const struct file_state *f,
		  bool as_json)
{
	cJSON *root = cJSON_ParseWithLength(buf_str(json), json->len);
	int r;

	if (!root) {
		fprintf(stderr, "bookfs: status.json is not JSON\n");
		return EXIT_FAILED;
	}
	add_budget(root, spending);
	if (f)
		add_file_state(root, f);
	r = as_json ? say_json(root) : say_status(root);
	cJSON_Delete(root);
	return r;
}

/* spending: of a mount alone. */
static int get_status(struct buf *out, struct buf *spending, struct options *o, const char *word,
		      struct err *err)
{
	struct err none;
	CLEANUP(cleanup_free) char *dir = NULL;
	struct mountpoint there;
	int r = mountpoint_path(&dir, word, err);

	if (r == 0 && mountpoint_find(&there, dir) == 1) {
		if (o->store) {
			mountpoint_finish(&there);
			return mountpoint_has_store(dir, err);
		}
		o->book = xstrdup(there.source);
		mountpoint_finish(&there);
		find_store(o, dir);
		if (!strcmp(o->book, dir) && o->store && !strncmp(o->store, "/proc/", 6))
			o->reach = xstrndup(o->store, (size_t)(strrchr(o->store, '/') - o->store));
		read_mounted(spending, dir, ".bookfs/spending", &none);
		return read_mounted(out, dir, "status.json", err);
	}
	r = options_book(o, word, err);
	return r == 0 ? read_stored(out, o, err) : r;
}

static int run_status(const struct command *c, int argc, char **argv)
{
	CLEANUP(options_finish) struct options o;
	CLEANUP(cleanup_free) char *word = NULL;
	CLEANUP(buf_finish) struct buf json = {0}, spending = {0};
	bool as_json = false;
	const struct flag flags[] = {{"--json", .on = &as_json},
				     {"--store", .take = options_store, .options = &o}};
	CLEANUP(store_close_cleanup) struct store *store = NULL;
	struct err err = {0};
	int r;

	options_init(&o);
	r = flags_parse_one(&word, "one book or one mounted directory: bookfs status BOOK|DIR", c,
			    flags, ARRAY_LEN(flags), argc, argv);
	if (r)
		return r < 0 ? EXIT_DONE : r;
	log_open(LOG_TO_STDERR, LOG_LEVEL_WARN);
	if (get_status(&json, &spending, &o, word, &err) < 0)
		return say_failed(&err);
	store = open_store(&o);
	r = answer(&json, &spending, file_state(&o, store), as_json);
	if (r == EXIT_DONE && store && !as_json)
		beside_say(stdout, "", o.book, store_reader(store));
	return r;
}

const struct command command_status = {
	.name = "status",
	.usage = "bookfs status [--json] [--store PATH] BOOK|DIR",
	.summary = "BOOK|DIR: how far the work is",
	.help = "Says how many chapters and pictures are done, what failed and why, and what is\n"
		"waited for, what it took, how fast it goes, and whether the book's file has\n"
		"changed since its import. Of a mount also what it has spent of its budget.\n"
		"--json prints the document that a mount shows as status.json, with \"bookFile\"\n"
		"and \"budget\" added.\n",
	.run = run_status,
};
