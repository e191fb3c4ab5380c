/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "import.h"
#include "press.h"

/*
 * bookfs export: what a mount shows, as plain files (formats.md), or the book as one file to be
 * held. Each file appears whole under its name and with the time of its result; one that is there
 * already with both is not written again, so that an export which was interrupted goes on.
 */

struct export
{
	const struct engine *engine;
	struct views *views;
	struct err *err;
	struct exported count;
};

/* ---- one file */

static int failed(struct export *x, int code, const char *path)
{
	return err_set(x->err, code, "%s: %s", path, strerror(-code));
}

static bool is_there(int folder, const char *name, const struct view_attr *attr, size_t len)
{
	struct stat st;

	return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       (size_t)st.st_size == len && clock_ms_of(st.st_mtim) == attr->mtime_unix_ms;
}

static int write_file(int folder, const char *name, const struct view_content *c, int64_t mtime)
{
	CLEANUP(part_finish) struct part part = {.fd = -1};
	int r = part_begin(&part, folder, name);

	if (r == 0)
		r = file_write(part.fd, c->data, c->len);
	return r < 0 ? r : part_commit(&part, mtime);
}

/* What is loaded on a pool thread comes back by the loop. */
struct wanted {
	struct loop *loop;
	struct view_content *content;
	int result;
};

static void loaded(void *arg, int result, struct view_content *c)
{
	struct wanted *w = arg;

	w->result = result;
	w->content = c;
	loop_stop(w->loop);
}

static int content(struct view_content **out, struct export *x, uint64_t node)
{
	struct wanted w = {.loop = x->engine->loop};
	int r = view_content(out, x->views, node);

	if (r != -EAGAIN)
		return r;
	view_load(x->views, w.loop, node, loaded, &w);
	r = loop_run(w.loop);
	*out = w.content;
	return r < 0 ? r : w.result;
}

static int export_file(struct export *x, int folder, const char *name, const struct view_attr *attr,
		       const char *path)
{
	struct view_content *c = NULL;
	int r;

	if (attr->costly && is_there(folder, name, attr, attr->size_bytes)) {
		x->count.kept++;
		return 0;
	}
	r = content(&c, x, attr->node);
	if (r < 0)
		return failed(x, r, path);
	if (is_there(folder, name, attr, c->len)) {
		x->count.kept++;
	} else {
		r = write_file(folder, name, c, attr->mtime_unix_ms);
		x->count.written += r == 0;
	}
	view_content_release(x->views, c);
	return r < 0 ? failed(x, r, path) : 0;
}

static int export_link(struct export *x, int folder, const char *name, uint64_t node,
		       const char *path)
{
	CLEANUP(cleanup_free) char *target = NULL;
	char there[4096];
	int r = view_link(&target, x->views, node);
	ssize_t n = r < 0 ? -1 : readlinkat(folder, name, there, sizeof(there));

	if (r < 0)
		return failed(x, r, path);
	if (n >= 0 && (size_t)n == strlen(target) && !memcmp(there, target, (size_t)n)) {
		x->count.kept++;
		return 0;
	}
	if ((n >= 0 && unlinkat(folder, name, 0) < 0) || symlinkat(target, folder, name) < 0)
		return failed(x, -errno, path);
	x->count.written++;
	return 0;
}

/* ---- folders */

static int export_folder(struct export *x, int folder, uint64_t node, const char *path);

static int export_below(struct export *x, int folder, const char *name, uint64_t node,
			const char *path)
{
	CLEANUP(cleanup_close) int below = -1;

	if (mkdirat(folder, name, 0777) < 0 && errno != EEXIST)
		return failed(x, -errno, path);
	below = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return below < 0 ? failed(x, -errno, path) : export_folder(x, below, node, path);
}

/* An analysis that nobody asked for yet is nothing to be kept. */
static int export_item(struct export *x, int folder, const struct view_item *item, const char *path)
{
	struct view_attr attr;
	int r = view_attr(&attr, x->views, item->node);

	if (r < 0)
		return failed(x, r, path);
	switch (attr.class) {
	case VIEW_FOLDER:
		return export_below(x, folder, item->name, item->node, path);
	case VIEW_LINK:
		return export_link(x, folder, item->name, item->node, path);
	case VIEW_STABLE:
	case VIEW_DOCUMENT:
	case VIEW_GROWING:
		return export_file(x, folder, item->name, &attr, path);
	default:
		return 0;
	}
}

/* What belongs to a mount, or to the book itself. */
static bool is_left_out(uint64_t folder, const char *name)
{
	static const char *const names[] = {".bookfs", "locks", ".locks", "source"};

	for (size_t i = 0; folder == VIEW_ROOT && i < ARRAY_LEN(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static int export_folder(struct export *x, int folder, uint64_t node, const char *path)
{
	struct view_list *list = NULL;
	int r = view_list(&list, x->views, node);

	if (r < 0)
		return failed(x, r, path);
	for (size_t i = 0; r == 0 && i < list->len; i++) {
		CLEANUP(cleanup_free)
		char *below = xasprintf("%s/%s", path, list->items[i].name);

		if (!is_left_out(node, list->items[i].name))
			r = export_item(x, folder, &list->items[i], below);
	}
	view_list_free(list);
	return r;
}

/* What no file of the mount says, for who imports it. */
static int export_record(struct export *x, int folder)
{
	char digest[HASH_HEX];

	import_digest(digest, folder);
	return record_write(&x->count, store_reader(x->engine->store), folder, digest, x->err);
}

static int is_chapter(void *arg, const char *path, int chapter)
{
	return 1;
}

/* Where each text of a folder is a chapter, those of an export in it would be some, too. A hidden
 * folder is not looked into. */
static int check_elsewhere(const char *out, const struct options *o, struct err *err)
{
	CLEANUP(cleanup_close) int folder = open(o->book, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(cleanup_free) char *path = NULL;
	size_t len = strlen(o->book);

	if (folder < 0 || mountpoint_path(&path, out, err) < 0)
		return 0; /* the book is a file; or out cannot be made, as is told then */
	if (strncmp(path, o->book, len) != 0 || (path[len] && path[len] != '/') ||
	    strstr(path + len, "/.") || book_folder_chapters(folder, is_chapter, NULL) != 1)
		return 0;
	return err_set(err, -EINVAL,
		       "%s is in the book's own folder, and what is written there would be "
		       "chapters of it: name a folder elsewhere",
		       out);
}

/* One folder of the mount, or all of it. */
static int export_to(const char *out, const char *name, const struct engine *e,
		     const struct options *o, struct err *err)
{
	CLEANUP(views_free_cleanup) struct views *views = NULL;
	CLEANUP(cleanup_close) int folder = -1;
	struct export x = {.engine = e, .err = err};
	struct view_attr attr;
	int r = check_elsewhere(out, o, err);

	if (r == 0)
		r = engine_views(&views, e, o, err);
	if (r < 0)
		return r;
	x.views = views;
	if (mkdir(out, 0777) < 0 && errno != EEXIST)
		return failed(&x, -errno, out);
	folder = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return failed(&x, -errno, out);
	if (name && (r = view_lookup(&attr, views, VIEW_ROOT, name)) == 0)
		r = export_below(&x, folder, name, attr.node, name);
	else if (!name && (r = export_folder(&x, folder, VIEW_ROOT, out)) == 0)
		r = export_record(&x, folder);
	if (r == 0)
		printf("%s: %zu files written, %zu were there\n", out, x.count.written,
		       x.count.kept);
	return r;
}

/* ---- the command */

/* A page and the pictures that it shows. */
static int export_page(const struct engine *e, const struct options *o, const char *out,
		       struct err *err)
{
	CLEANUP(buf_finish) struct buf page = {.max_bytes = SIZE_MAX};
	CLEANUP(cleanup_close) int folder = -1;
	struct view_content c;
	int r = export_to(out, "images", e, o, err);

	if (r == 0)
		r = view_gallery(&page, "images/", store_reader(e->store), err);
	if (r < 0)
		return r;
	c = (struct view_content){.data = buf_str(&page), .len = page.len};
	folder = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = folder < 0 ? -errno : write_file(folder, "index.html", &c, clock_unix_ms());
	return r < 0 ? err_set(err, r, "%s/index.html: %s", out, strerror(-r)) : 0;
}

/* Is it a file of the store: that itself, its locks, what stands beside it while processes run? */
static bool is_of_store(const char *file, const char *store)
{
	CLEANUP(cleanup_free) char *a = realpath(file, NULL), *b = realpath(store, NULL);
	size_t len = b ? strlen(b) : 0;

	return a && b && !strncmp(a, b, len) && (!a[len] || a[len] == '-');
}

/* A file of that name gives way, as with cp. What it is made from does not, nor what is no file: a
 * device or a pipe would be one afterwards. */
static int check_gives_way(const char *out, const struct engine *e, const struct options *o,
			   struct err *err)
{
	struct stat there, book;

	if (stat(out, &there) < 0)
		return 0; /* what is wrong with the name is known when it is used */
	if (!S_ISREG(there.st_mode))
		return err_set(err, -EEXIST, "%s is %s: name a file", out,
			       S_ISDIR(there.st_mode) ? "a directory" : "no regular file");
	if (stat(o->book, &book) == 0 && book.st_dev == there.st_dev && book.st_ino == there.st_ino)
		return err_set(err, -EEXIST, "%s is the book itself: name another file", out);
	if (is_of_store(out, store_path(e->store)))
		return err_set(err, -EEXIST, "%s belongs to the book's store: name another file",
			       out);
	return 0;
}

/* A book to be held, under its name once it is whole. */
static int export_shape(enum press_shape shape, const struct engine *e, const struct options *o,
			const char *out, struct err *err)
{
	CLEANUP(cleanup_free)
	char *there = realpath(out, NULL); /* a link stays, and its file goes */
	CLEANUP(part_finish) struct part part = {.fd = -1};
	const struct press press = {
		.shape = shape, .reader = store_reader(e->store), .book_path = o->book};
	int r = check_gives_way(out, e, o, err);

	if (r < 0)
		return r;
	r = part_begin(&part, AT_FDCWD, there ? there : out);
	if (r < 0)
		return err_set(err, r, "%s: %s", out, strerror(-r));
	r = press_make(part.fd, out, &press, err);
	if (r == 0 && (r = part_commit(&part, 0)) < 0)
		err_set(err, r, "%s: %s", out, strerror(-r));
	return r;
}

static int export_epub(const struct engine *e, const struct options *o, const char *out,
		       struct err *err)
{
	return export_shape(PRESS_EPUB, e, o, out, err);
}

static int export_cbz(const struct engine *e, const struct options *o, const char *out,
		      struct err *err)
{
	return export_shape(PRESS_CBZ, e, o, out, err);
}

static int export_pdf(const struct engine *e, const struct options *o, const char *out,
		      struct err *err)
{
	return export_shape(PRESS_PDF, e, o, out, err);
}

static int export_all(const struct engine *e, const struct options *o, const char *out,
		      struct err *err)
{
	return export_to(out, NULL, e, o, err);
}

typedef int (*export_fn)(const struct engine *e, const struct options *o, const char *out,
			 struct err *err);

static int export(const struct options *o, export_fn fn, const char *out)
{
	CLEANUP(engine_close_cleanup) struct engine *e = NULL;
	struct err err = {0};
	int r = engine_open(&e, o, ENGINE_LOOK, &err);

	if (r == 0)
		r = fn(e, o, out, &err);
	return r < 0 ? say_failed(&err) : EXIT_DONE;
}

static int run_export(const struct command *c, int argc, char **argv)
{
	CLEANUP(options_finish) struct options o;
	CLEANUP(strv_finish) struct strv words = {0};
	bool epub = false, html = false, cbz = false, pdf = false;
	const struct flag flags[] = {{"--epub", .on = &epub},
				     {"--html", .on = &html},
				     {"--cbz", .on = &cbz},
				     {"--pdf", .on = &pdf},
				     {"--store", .take = options_store, .options = &o}};
	struct err err = {0};
	int r;

	options_init(&o);
	r = flags_parse(&words, c, flags, ARRAY_LEN(flags), argc, argv);
	if (r)
		return r < 0 ? EXIT_DONE : r;
	if (words.len != 2)
		return say_usage(c, "name a book and what to write: bookfs export BOOK FOLDER");
	if (epub + html + cbz + pdf > 1)
		return say_usage(c, "one shape at a time: --epub, --html, --cbz or --pdf");
	if (options_book(&o, words.items[0], &err) < 0)
		return say_failed(&err);
	log_open(LOG_TO_STDERR, LOG_LEVEL_WARN);
	return export(&o,
		      epub   ? export_epub
		      : html ? export_page
		      : cbz  ? export_cbz
		      : pdf  ? export_pdf
			     : export_all,
		      words.items[1]);
}

const struct command command_export = {
	.name = "export",
	.usage = "bookfs export [--epub|--html|--cbz|--pdf] [--store PATH] BOOK OUT",
	.summary = "BOOK OUT: the results as plain files, or as a book",
	.help = "Writes what a mount of BOOK shows into the folder OUT: analyses, pictures and\n"
		"documents, without the book's own files. What is there already is not written\n"
		"again.\n"
		"\n"
		"    --epub           OUT is an EPUB: the book with its pictures at their scenes\n"
		"    --html           OUT is a folder with index.html, a page of all pictures\n"
		"    --cbz, --pdf     OUT is a picture book: a cover, a page a picture, the cast\n"
		"    --store PATH     the book's store is there\n",
	.run = run_export,
};
