/* SPDX-License-Identifier: MIT */
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fs.h"

enum { POOL_THREADS = 2, IMAGE_PX = 1024 };

/* What of the options makes another import of the same book. */
static char *import_key(const struct options *o)
{
	return xasprintf("depth=%d", o->depth);
}

int engine_import(struct store_tx *tx, void *arg, struct err *err)
{
	const struct engine_book *b = arg;
	CLEANUP(cleanup_free) char *key = import_key(b->options);

	return tx_import(tx, b->book, key, err);
}

struct book_options engine_reads(const struct options *o)
{
	return (struct book_options){.limits = book_limits_default, .depth = o->depth};
}

/* The book as it was read, and the file it was read from. */
struct reading {
	struct book *book;
	struct stat file;
};

static void reading_finish(struct reading *reading)
{
	reading->book = book_free(reading->book);
}

static int read_book(struct reading *reading, const struct options *o, struct err *err)
{
	const struct book_options how = engine_reads(o);
	int r;

	reading_finish(reading);
	if (stat(o->book, &reading->file) < 0)
		return err_set(err, -errno, "%s: %s", o->book, strerror(errno));
	r = book_read(&reading->book, o->book, &how, err);
	for (size_t i = 0; r == 0 && i < reading->book->warnings.len; i++)
		log_warn("%s", reading->book->warnings.items[i]);
	return r;
}

static int import_book(struct engine *e, const struct options *o, struct reading *reading,
		       struct err *err)
{
	struct engine_book import = {.options = o};
	int r = 0;

	if (e->read_only)
		return err_set(err, -EROFS,
			       "%s holds another state of the book and cannot be written",
			       store_path(e->store));
	if (!reading->book || !file_is_still(o->book, &reading->file))
		r = read_book(reading, o, err);
	if (r < 0)
		return r;
	import.book = reading->book;
	r = store_write_wait(e->store, engine_import, &import, err);
	return r < 0 ? err_prefix(err, "%s", store_path(e->store)) : 0;
}

static int import_if_changed(struct engine *e, const struct options *o, struct reading *reading,
			     struct err *err)
{
	CLEANUP(cleanup_free) char *key = import_key(o);
	int r = store_import_current(e->store, key, err);

	return r == 0 ? import_book(e, o, reading, err) : r < 0 ? r : 0;
}

/* What is kept in a folder that is mounted over is reached as the folder is. */
static void go_by_reach(char **path, const struct options *o)
{
	char *name = *path;
	size_t len;

	if (!o->reach || !o->book)
		return;
	len = strlen(o->book);
	if (strncmp(name, o->book, len) || name[len] != '/')
		return;
	*path = xasprintf("%s%s", o->reach, name + len);
	free(name);
}

/* A folder that is mounted over itself has our names beside its own: it cannot be read as a book.
 */
static int check_not_over(const struct options *o, struct err *err)
{
	CLEANUP(cleanup_free) char *store = NULL;
	struct stat st;

	if (o->reach || stat(o->book, &st) < 0 || !S_ISDIR(st.st_mode) ||
	    !mountpoint_is_over(&store, o->book))
		return 0;
	return err_set(err, -EBUSY,
		       "%s is mounted over itself: ask that mount (echo analyze all > "
		       "%s/.bookfs/ctl), or bookfs umount %s first",
		       o->book, o->book, o->book);
}

/* A store that was made and whose import failed, on a full disk for one, has nothing to be shown.
 */
static int check_book(const struct engine *e, struct err *err)
{
	int64_t generation;

	if (store_generation(&generation, store_reader(e->store)) < 0 || generation)
		return 0; /* another failure is told by who meets it */
	return err_set(err, -ENOENT, "%s holds no book yet; bookfs run, or a mount, reads it in",
		       store_path(e->store));
}

/* A store is made only for what could be read as a book: a mistyped name leaves nothing behind. */
static int open_store(struct engine *e, const struct options *o, enum engine_use use,
		      struct reading *reading, struct err *err)
{
	CLEANUP(cleanup_free) char *path = NULL, *note = NULL;
	struct store_options how = {.book_path = o->book, .create = use == ENGINE_WORK};
	int r = store_locate(&path, &note, o->book, o->store, err);

	if (r == 0 && use == ENGINE_WORK)
		r = check_not_over(o, err);
	if (r < 0)
		return r;
	go_by_reach(&path, o);
	if (note)
		log_warn("%s", note);
	if (use == ENGINE_WORK && access(path, F_OK) < 0)
		r = read_book(reading, o, err);
	if (r < 0)
		return r;
	how.path = path;
	r = store_open(&e->store, e->loop, &how, err);
	if (r < 0)
		return r;
	e->read_only = store_read_only(e->store);
	return use == ENGINE_WORK ? import_if_changed(e, o, reading, err) : check_book(e, err);
}

static int open_series(struct engine *e, const struct options *o, struct err *err)
{
	CLEANUP(book_free_cleanup) struct book *book = NULL;
	int r = store_book(&book, store_reader(e->store));

	if (r < 0)
		return err_set(err, r, "the store: %s", store_reason(store_reader(e->store), r));
	r = series_open(&e->series, o->series, book, err);
	if (r < 0)
		return r;
	r = series_share(e->series, store_reader(e->store));
	return r < 0 ? err_set(err, r, "the series: %s", series_reason(e->series, r)) : 0;
}

static int open_jobs(struct engine *e, const struct options *o, enum engine_use use,
		     struct err *err)
{
	struct jobs_settings settings = {.image_width_px = IMAGE_PX, .image_height_px = IMAGE_PX};
	int r;

	options_jobs(&settings, o);
	for (size_t i = 0; i < ARRAY_LEN(e->gates); i++)
		settings.gates[i] = e->gates[i] =
			jobs_gate_new(e->loop, e->store, (enum job_kind)i);
	r = provider_make(&e->provider, &e->painter, e->loop, e->gates, o, err);
	if (r == 0 && o->series && use == ENGINE_WORK)
		r = open_series(e, o, err);
	if (r < 0)
		return r;
	settings.series = e->series;
	return jobs_new(&e->jobs, e->loop, e->store, e->provider, e->painter, &settings, err);
}

int engine_open(struct engine **out, const struct options *o, enum engine_use use, struct err *err)
{
	CLEANUP(engine_close_cleanup) struct engine *e = xcalloc(1, sizeof(*e));
	CLEANUP(reading_finish) struct reading reading = {0};
	int r;

	/* Three threads that allocate little: one arena more than the main one is enough. What is
	 * free at its end is given back from the library's usual size on, which else grows by
	 * itself with the first large buffer, and malloc_trim() does not look there. */
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_TRIM_THRESHOLD, 128 << 10);
	r = loop_new(&e->loop, POOL_THREADS);
	if (r < 0)
		return err_set(err, r, "the event loop: %s", strerror(-r));
	r = open_store(e, o, use, &reading, err);
	if (r == 0)
		r = open_jobs(e, o, use, err);
	if (r < 0)
		return r;
	*out = e;
	e = NULL;
	/* An import needs some hundred times what the mount needs; the rest of the process's life
	 * is spent without it. */
	reading_finish(&reading);
	malloc_trim(0);
	return 0;
}

struct engine *engine_close(struct engine *e)
{
	if (!e)
		return NULL;
	jobs_free(e->jobs);
	series_close(e->series);
	if (e->painter != e->provider)
		provider_free(e->painter);
	provider_free(e->provider);
	for (size_t i = 0; i < ARRAY_LEN(e->gates); i++)
		jobs_gate_free(e->gates[i]);
	store_close(e->store); /* what the gates had to say is still written */
	loop_free(e->loop);
	free(e);
	return NULL;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int engine_views(struct views **out, const struct engine *e, const struct options *o,
		 struct err *err)
{
	const struct view_settings settings = {
		.provider = e->provider->ops->name,
		.model = e->provider->model,
		.options = jobs_options(e->jobs, JOB_ANALYZE),
		.prompt_version = PROMPT_VERSION,
		.instructions = o->instructions,
		.pages_per_image = o->pages_per_image,
		.images = o->images != IMAGES_OFF,
		.trigger = !o->never_trigger && !e->read_only,
		.book_path = options_reach(o),
		.book_name = base_name(o->book),
	};

	return views_new(out, e->store, &settings, err);
}
