/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "import.h"

/*
 * bookfs import: what another illustrator left in a folder, or an export of ours, becomes results
 * of the book (formats.md). An export that nobody changed comes back whole, by its record; else the
 * files are read, as anybody's. What is taken was paid for once and is kept like a server's; what
 * cannot be placed is named.
 */

enum {
	ANSWER_BYTES = 64 << 20,
	LOST_NAMED = 10, /* of a cast */
};

struct import {
	struct engine *engine;
	struct book *book; /* with the texts of its story */
	struct findings found;
	int folder;
	const char *sub; /* of it, while its names are looked at */
	struct hash *digest;
	int *places;	  /* of found.chapters: ours, or 0 */
	bool *cast_taken; /* of found.cast's elements */
	int chapters, pictures, there;
	struct strv lost; /* what could not be placed */
};

/* ---- the folder */

static const char *reason(int code)
{
	return code == -ELOOP || code == -EINVAL ? "is no regular file" : strerror(-code);
}

static void take_file(struct import *m, const char *path)
{
	CLEANUP(buf_finish) struct buf bytes = {0};
	int r = dir_read(&bytes, m->folder, path);

	if (r == 0) {
		hash_adds(m->digest, path);
		hash_add(m->digest, buf_str(&bytes), bytes.len);
		findings_read(&m->found, path, buf_str(&bytes), bytes.len);
	} else if (r != -ENOENT) {
		CLEANUP(cleanup_free) char *line = xasprintf("%s: %s", path, reason(r));

		strv_add(&m->lost, line);
	}
}

static void take_json(void *arg, const char *name)
{
	struct import *m = arg;
	CLEANUP(cleanup_free) char *path = xasprintf("%s/%s", m->sub, name);
	size_t len = strlen(name);

	if (len > 5 && !strcmp(name + len - 5, ".json"))
		take_file(m, path);
}

/* chapters/9/: where our own export has them, and where a person edits them. */
static void take_chapter(void *arg, const char *name)
{
	static const char *const files[] = {"concepts.json", "elements.json"};
	struct import *m = arg;

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		CLEANUP(cleanup_free)
		char *path = xasprintf("%s/%s/%s", m->sub, name, files[i]);

		if (name[0] >= '1' && name[0] <= '9')
			take_file(m, path);
	}
}

static void take_picture(void *arg, const char *name)
{
	struct import *m = arg;

	findings_picture(&m->found, name);
}

/* The most exact first (story.h). */
static void read_folder(struct import *m)
{
	static const struct {
		const char *sub;
		void (*take)(void *arg, const char *name);
	} folders[] = {{"chapters", take_chapter},
		       {".analyze.state", take_json},
		       {".illustrate.state", take_json},
		       {"images", take_picture},
		       {".", take_picture}};
	static const char *const documents[] = {".imaginize.state.json", "Chapters.md",
						"Elements.md"};

	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		m->sub = folders[i].sub;
		dir_each(m->folder, m->sub, folders[i].take, m);
	}
	for (size_t i = 0; i < ARRAY_LEN(documents); i++)
		take_file(m, documents[i]);
}

void import_digest(char out[HASH_HEX], int folder)
{
	CLEANUP(hash_free_cleanup) struct hash *h = hash_new();
	struct import m = {.folder = folder, .digest = h};

	read_folder(&m);
	hash_hex(out, h);
	findings_finish(&m.found);
	strv_finish(&m.lost);
}

/* ---- a chapter of theirs */

static int parse(struct analysis **out, const struct import *m, const struct finding *f,
		 int chapter, struct err *err)
{
	const struct book_chapter *c = &m->book->chapters[chapter - 1];
	CLEANUP(buf_finish) struct buf answer = {.max_bytes = ANSWER_BYTES};
	int r = finding_answer(&answer, f);

	return r < 0 ? err_set(err, r, "nothing was found of it")
		     : analysis_parse(out, buf_str(&answer), answer.len, c->text, c->text_bytes,
				      err);
}

/* ---- the cast of the whole book: to the chapters that name one */

struct naming {
	const struct analysis *cast;
	const struct catalogue *catalogue;
	bool *named; /* by entry */
};

static void note_name(void *arg, const struct mentioned *what)
{
	struct naming *n = arg;

	n->named[what->entry] = true;
}

static void add_element(struct analysis *a, const struct element *from, const char *text,
			size_t len)
{
	struct element *e;

	for (size_t i = 0; i < a->element_count; i++)
		if (!strcasecmp(a->elements[i].name, from->name))
			return;
	e = analysis_add_element(a);
	e->type = from->type;
	analysis_set(&e->name, from->name);
	analysis_set(&e->description, from->description);
	for (size_t i = 0; i < from->aliases.len; i++)
		strv_add(&e->aliases, from->aliases.items[i]);
	for (size_t i = 0; i < from->quote_count; i++) {
		size_t found, at = quote_locate(&found, text, len, from->quotes[i].text);
		struct quote *q;

		if (at == QUOTE_NOT_FOUND)
			continue;
		q = element_add_quote(e);
		free(q->text);
		*q = (struct quote){xstrndup(text + at, found), at, found, NULL};
	}
}

static void add_cast(struct analysis *a, const struct import *m, const struct catalogue *c,
		     const struct mentions *names, const struct book_chapter *chapter)
{
	struct naming n = {m->found.cast, c, xcalloc(c->len + 1, sizeof(bool))};

	mentions_find(names, chapter->text, chapter->text_bytes, note_name, &n);
	for (size_t i = 0; i < c->len; i++)
		for (size_t k = 0; n.named[i] && k < m->found.cast->element_count; k++)
			if (!strcmp(m->found.cast->elements[k].name, c->entries[i].name))
				add_element(a, &m->found.cast->elements[k], chapter->text,
					    chapter->text_bytes);
	free(n.named);
}

static bool is_called(const struct element *e, const char *name)
{
	bool same = !strcasecmp(e->name, name);

	for (size_t i = 0; !same && i < e->aliases.len; i++)
		same = !strcasecmp(e->aliases.items[i], name);
	return same;
}

/* Whom of the cast the chapter has now, by his own name or by another's whom he is. */
static void note_cast(struct import *m, const struct analysis *a)
{
	for (size_t i = 0; m->found.cast && i < m->found.cast->element_count; i++)
		for (size_t k = 0; !m->cast_taken[i] && k < a->element_count; k++)
			m->cast_taken[i] =
				is_called(&a->elements[k], m->found.cast->elements[i].name);
}

/* ---- storing */

struct bringing {
	int64_t text_id;
	const struct analysis *analysis;
	const struct store_picture *scene;
	struct bytes bytes;
	struct result_info info;
	bool stored;
};

static int bring(struct store_tx *tx, void *arg, struct err *err)
{
	struct bringing *b = arg;
	int r = b->analysis ? tx_bring_analysis(tx, b->text_id, b->analysis, &b->info)
			    : tx_bring_picture(tx, b->scene, b->text_id, &b->bytes, &b->info);

	b->stored = r == 1;
	return r < 0 ? err_set(err, r, "it cannot be stored: %s", strerror(-r)) : 0;
}

static void lose(struct import *m, const char *what, const char *why)
{
	CLEANUP(cleanup_free) char *line = xasprintf("%s: %s", what, why);

	strv_add(&m->lost, line);
}

static char *name_of(const struct finding *f)
{
	return *f->title ? xasprintf("chapter \"%.100s\"", f->title)
			 : xasprintf("chapter %d", f->number);
}

/* ---- is it there already? Then also what no file says of it. */

static bool same_quote(const struct quote *a, const struct quote *b)
{
	return !strcmp(a->text, b->text);
}

static bool same_strings(const struct strv *a, const struct strv *b)
{
	size_t i = 0;

	while (i < a->len && i < b->len && !strcmp(a->items[i], b->items[i]))
		i++;
	return i == a->len && i == b->len;
}

static bool same_concept(const struct concept *a, const struct concept *b)
{
	return same_quote(&a->quote, &b->quote) && !strcmp(a->description, b->description) &&
	       !strcmp(a->mood, b->mood) && !strcmp(a->lighting, b->lighting) &&
	       same_strings(&a->elements, &b->elements);
}

static bool same_element(const struct element *a, const struct element *b)
{
	bool same = a->type == b->type && !strcmp(a->name, b->name) &&
		    !strcmp(a->description, b->description) &&
		    same_strings(&a->aliases, &b->aliases) && a->quote_count == b->quote_count;

	for (size_t i = 0; same && i < a->quote_count; i++)
		same = same_quote(&a->quotes[i], &b->quotes[i]);
	return same;
}

static bool says_the_same(const struct analysis *a, const struct analysis *b)
{
	bool same = a->concept_count == b->concept_count && a->element_count == b->element_count;

	for (size_t i = 0; same && i < a->concept_count; i++)
		same = same_concept(&a->concepts[i], &b->concepts[i]);
	for (size_t i = 0; same && i < a->element_count; i++)
		same = same_element(&a->elements[i], &b->elements[i]);
	return same;
}

static bool is_there(const struct import *m, int chapter, const struct analysis *a)
{
	struct store_analysis best = {0};
	bool same = store_analysis(&best, store_reader(m->engine->store), chapter, true) == 0 &&
		    says_the_same(best.analysis, a);

	store_analysis_finish(&best);
	return same;
}

static int store_chapter(struct import *m, size_t i, const struct catalogue *cast,
			 const struct mentions *names, struct err *err)
{
	const struct finding *f = &m->found.chapters[i];
	const struct book_chapter *c = &m->book->chapters[m->places[i] - 1];
	CLEANUP(analysis_free_cleanup) struct analysis *a = NULL;
	struct bringing b = {.text_id = c->text_id,
			     .info = {.provider = IMPORTED, .model = "unknown", .options = ""}};
	struct err why = {0};
	int r = parse(&a, m, f, m->places[i], &why);

	if (r < 0 || !a) {
		CLEANUP(cleanup_free) char *name = name_of(f);

		lose(m, name, why.msg);
		m->places[i] = 0;
		return 0;
	}
	if (cast)
		add_cast(a, m, cast, names, c);
	note_cast(m, a);
	a->tokens = f->tokens;
	b.analysis = a;
	b.info.completed_unix_ms = f->completed_unix_ms;
	r = is_there(m, m->places[i], a) ? 0 : store_write_wait(m->engine->store, bring, &b, err);
	m->chapters += b.stored;
	m->there += r == 0 && !b.stored;
	return r;
}

/* One line of all whom no chapter names, as they may be many. */
static void lose_cast(struct import *m)
{
	const struct analysis *cast = m->found.cast;
	CLEANUP(buf_finish) struct buf names = {0};
	size_t lost = 0;

	for (size_t i = 0; cast && i < cast->element_count; i++)
		if (!m->cast_taken[i] && lost++ < LOST_NAMED)
			buf_addf(&names, "%s\"%.60s\"", lost > 1 ? ", " : "",
				 cast->elements[i].name);
	if (lost > LOST_NAMED)
		buf_addf(&names, " and %zu more", lost - LOST_NAMED);
	if (lost)
		buf_adds(&names, lost > 1 ? ": no chapter that was taken names them"
					  : ": no chapter that was taken names it");
	if (lost)
		lose(m, "Elements.md", buf_str(&names));
}

static int store_chapters(struct import *m, struct err *err)
{
	const struct analysis *all = m->found.cast;
	CLEANUP(catalogue_free_cleanup)
	struct catalogue *cast =
		all && all->element_count ? catalogue_new(&all, &(int){1}, 1) : NULL;
	CLEANUP(mentions_free_cleanup) struct mentions *names = cast ? mentions_new(cast) : NULL;
	CLEANUP(finder_free_cleanup) struct finder *finder = finder_new(m->book);
	int r = 0;

	for (size_t i = 0; r == 0 && i < m->found.chapter_count; i++) {
		const struct finding *f = &m->found.chapters[i];
		CLEANUP(cleanup_free) char *name = name_of(f);

		if (!f->concepts && !f->elements)
			continue;
		m->places[i] = finder_find(finder, f);
		if (m->places[i])
			r = store_chapter(m, i, cast, names, err);
		else
			lose(m, name, "its quotes and its title lead to no chapter of the book");
	}
	lose_cast(m);
	return r;
}

/* Theirs is ours; without a finding of that number they count as we do (our own export). */
static int place_of(const struct import *m, int chapter)
{
	for (size_t i = 0; i < m->found.chapter_count; i++)
		if (m->found.chapters[i].number == chapter)
			return m->places[i];
	return 0;
}

static int load_picture(struct buf *out, const struct import *m, const char *file)
{
	CLEANUP(cleanup_free) char *path = xasprintf("images/%s", file);
	int r = dir_read(out, m->folder, path);

	return r == -ENOENT ? dir_read(out, m->folder, file) : r;
}

static int store_picture_of(struct import *m, const struct found_picture *p, struct err *err)
{
	CLEANUP(buf_finish) struct buf bytes = {0};
	int chapter = place_of(m, p->chapter), r = load_picture(&bytes, m, p->file);
	struct store_picture scene;
	struct bringing b = {
		.scene = &scene,
		.info = {.provider = IMPORTED, .model = "", .options = "", .prompt = p->prompt}};
	struct err why = {0};

	if (r < 0)
		err_set(&why, r, "%s", reason(r));
	else if (!chapter ||
		 store_picture(&scene, store_reader(m->engine->store), chapter, p->scene) < 0)
		err_set(&why, -ENOENT, "its scene was not found");
	else
		picture_check(&b.bytes.ext, buf_str(&bytes), bytes.len, &why);
	if (why.code) {
		lose(m, p->file, why.msg);
		return 0;
	}
	b.info.completed_unix_ms = p->completed_unix_ms;
	b.text_id = m->book->chapters[chapter - 1].text_id;
	b.bytes.data = buf_str(&bytes);
	b.bytes.len = bytes.len;
	r = store_write_wait(m->engine->store, bring, &b, err);
	m->pictures += b.stored;
	m->there += r == 0 && !b.stored;
	return r;
}

static int store_pictures_of(struct import *m, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < m->found.picture_count; i++)
		if (m->found.pictures[i].file)
			r = store_picture_of(m, &m->found.pictures[i], err);
	return r;
}

/* ---- the command */

/* The chapters that can be analysed, with their texts. */
static int read_texts(struct import *m)
{
	struct store_reader *r = store_reader(m->engine->store);
	int code = store_book(&m->book, r);

	for (size_t i = 0; code == 0 && i < m->book->chapter_count; i++) {
		struct book_chapter *c = &m->book->chapters[i];
		CLEANUP(buf_finish) struct buf text = {.max_bytes = FILE_BYTES};

		if (c->kind != BOOK_STORY)
			continue;
		code = store_text(&text, r, c->text_id);
		if (code == 0)
			c->text = buf_steal(&text, &c->text_bytes);
	}
	return code;
}

static void say_result(const struct import *m)
{
	for (size_t i = 0; i < m->found.notes.len; i++)
		fprintf(stderr, "bookfs: not read: %s\n", m->found.notes.items[i]);
	for (size_t i = 0; i < m->lost.len; i++)
		fprintf(stderr, "bookfs: not taken: %s\n", m->lost.items[i]);
	printf("taken: %d chapters, %d pictures; there already: %d; not taken: %zu\n", m->chapters,
	       m->pictures, m->there, m->lost.len + m->found.notes.len);
}

/* 1: by its record, whole. */
static int take_whole(struct import *m, struct err *err)
{
	char digest[HASH_HEX];
	struct restored done = {0};
	struct err why = {0};
	int r;

	hash_hex(digest, m->digest);
	r = record_read(&done, m->engine->store, m->folder, digest, &why);
	m->chapters = done.analyses;
	m->pictures = done.pictures;
	m->there = done.there;
	if (r == -ENOSPC || r == -EIO || r == -EROFS)
		return err_set(err, r, "%s", why.msg);
	if (r < 0)
		fprintf(stderr, "bookfs: %s is not used, the files beside it are read: %s\n",
			RECORD_PATH, why.msg);
	return r == 1;
}

static int take_files(struct import *m, struct err *err)
{
	int r = read_texts(m);

	if (r < 0)
		return err_set(err, r, "%s", store_reason(store_reader(m->engine->store), r));
	m->places = xcalloc(m->found.chapter_count + 1, sizeof(*m->places));
	m->cast_taken = xcalloc(m->found.cast ? m->found.cast->element_count + 1 : 1,
				sizeof(*m->cast_taken));
	r = store_chapters(m, err);
	return r == 0 ? store_pictures_of(m, err) : r;
}

/* A mount of the same book shows what was taken so far, and no more what was to be taken. */
static int check_stands(const char *folder, struct err *err)
{
	CLEANUP(cleanup_free) char *path = realpath(folder, NULL);
	struct mountpoint there;

	if (!path || mountpoint_find(&there, path) != 1)
		return 0;
	mountpoint_finish(&there);
	return err_set(err, -EBUSY,
		       "%s is a mount, and changes while it is read: name a copy of it, or what "
		       "bookfs export makes",
		       folder);
}

static int take_in(struct import *m, const struct options *o, const char *folder, struct err *err)
{
	int r = check_stands(folder, err);

	if (r < 0)
		return r;
	m->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->folder < 0)
		return err_set(err, -errno, "%s: %s", folder, strerror(errno));
	read_folder(m);
	if (!m->found.chapter_count && !m->found.picture_count)
		return err_set(err, -ENOENT,
			       "%s holds nothing that is known: neither .imaginize.state.json nor "
			       ".analyze.state/ nor Chapters.md",
			       folder);
	r = engine_open(&m->engine, o, ENGINE_WORK, err);
	if (r == 0)
		r = take_whole(m, err);
	return r ? r : take_files(m, err);
}

static int import(const struct options *o, const char *folder)
{
	struct import m = {.folder = -1, .digest = hash_new()};
	struct err err = {0};
	int r = take_in(&m, o, folder, &err);
	int had = m.chapters + m.pictures + m.there;
	int status = r < 0 || !had ? EXIT_FAILED : EXIT_DONE;

	if (r >= 0 && !had && !m.lost.len && !m.found.notes.len)
		r = err_set(&err, -ENODATA, "%s holds no analysis and no picture", folder);
	if (m.engine)
		say_result(&m);
	if (r < 0)
		say_failed(&err);
	book_free(m.book);
	engine_close(m.engine);
	findings_finish(&m.found);
	strv_finish(&m.lost);
	free(m.places);
	free(m.cast_taken);
	hash_free(m.digest);
	if (m.folder >= 0)
		close(m.folder);
	return status;
}

static int run_import(const struct command *c, int argc, char **argv)
{
	CLEANUP(options_finish) struct options o;
	CLEANUP(strv_finish) struct strv words = {0};
	const struct flag flags[] = {{"--store", .take = options_store, .options = &o}};
	struct err err = {0};
	int r;

	options_init(&o);
	r = flags_parse(&words, c, flags, ARRAY_LEN(flags), argc, argv);
	if (r)
		return r < 0 ? EXIT_DONE : r;
	if (words.len != 2)
		return say_usage(c, "name a book and a folder: bookfs import BOOK FOLDER");
	if (options_book(&o, words.items[0], &err) < 0)
		return say_failed(&err);
	log_open(LOG_TO_STDERR, LOG_LEVEL_WARN);
	return import(&o, words.items[1]);
}

const struct command command_import = {
	.name = "import",
	.usage = "bookfs import [--store PATH] BOOK FOLDER",
	.summary = "BOOK FOLDER: take in what another illustrator made",
	.help = "Reads the analyses and pictures in FOLDER, as imaginize or bookfs export wrote\n"
		"them, and keeps them as results of BOOK. Chapters are matched by their quotes\n"
		"and titles. What is there already is not taken twice; what cannot be placed is\n"
		"named. An export that nobody changed comes back whole.\n"
		"Exit 0: something was taken, or it was all there.\n",
	.run = run_import,
};
