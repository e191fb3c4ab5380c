/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "illustrate.h"

/*
 * Plates find their seats in the order of reading: a chapter is looked for from where the one
 * before it began, and a quote from where its chapter begins, so that what stands twice in a book
 * (a refrain, two novels in one volume) leads to the right place.
 */

enum {
	OPENING_BYTES = 400, /* of a chapter, to know it by */
	SOME = 80,	     /* bytes of letters that hardly ever stand twice in a book */
	FEW = 30
};

void binding_document(struct binding *b, const char *path, const char *text, size_t len)
{
	struct bound *d;

	b->documents = xgrow(b->documents, &b->cap, b->count + 1, sizeof(*b->documents));
	d = &b->documents[b->count++];
	*d = (struct bound){.path = xstrdup(path)};
	places_read(&d->places, text, len);
}

void binding_finish(struct binding *b)
{
	for (size_t i = 0; i < b->count; i++) {
		free(b->documents[i].path);
		places_finish(&b->documents[i].places);
	}
	free(b->documents);
	free(b->seats);
}

/* ---- seats */

struct spot {
	size_t document, letters;
};

/* Moves *s to the end of those letters, from there on, else from the start. */
static bool find(struct spot *s, const struct binding *b, const char *wanted, size_t len)
{
	for (size_t k = 0; k < b->count; k++) {
		size_t d = (s->document + k) % b->count;
		size_t at = places_find(&b->documents[d].places, wanted, len, k ? 0 : s->letters);

		if (at != SIZE_MAX) {
			*s = (struct spot){d, at};
			return true;
		}
	}
	return false;
}

/* All of it, or its end, or at least its start: what a reader of documents or a model made of the
 * rest may be another. */
static bool find_some(struct spot *s, const struct binding *b, const struct buf *wanted)
{
	const char *w = buf_str(wanted);
	size_t len = wanted->len;

	if (len <= SOME)
		return find(s, b, w, len);
	return find(s, b, w, len) || find(s, b, w + len - SOME, SOME) || find(s, b, w, SOME) ||
	       find(s, b, w + len - FEW, FEW) || find(s, b, w, FEW);
}

static bool find_text(struct spot *s, const struct binding *b, const char *text, size_t len)
{
	struct buf letters = {0};
	bool found;

	letters_add(&letters, text, len);
	found = find_some(s, b, &letters);
	buf_finish(&letters);
	return found;
}

/* *s: where an earlier chapter began, and then where this one does. */
static void find_chapter(struct spot *s, const struct binding *b, int chapter)
{
	const struct book_chapter *c = &b->book->chapters[chapter - 1];
	size_t len = c->text_bytes < OPENING_BYTES ? c->text_bytes : OPENING_BYTES;
	struct spot found = *s;

	if (c->text && find_text(&found, b, c->text, len))
		*s = found;
}

static void seat(struct seat *out, struct binding *b, const struct book_plate *p,
		 const struct spot *chapter)
{
	struct spot s = {chapter->document, 0};
	struct bound *d;

	if (!b->count || !find_text(&s, b, p->quote, strlen(p->quote)))
		s = *chapter;
	out->document = SIZE_MAX;
	if (!b->count)
		return;
	d = &b->documents[s.document];
	out->offset = places_behind(&d->places, s.letters);
	if (out->offset == SIZE_MAX)
		return;
	out->document = s.document;
	d->plates++;
}

void binding_seat(struct binding *b)
{
	struct spot spot = {0};
	int chapter = 0;

	b->seats = xcalloc(b->plates->count + 1, sizeof(*b->seats));
	for (size_t i = 0; i < b->plates->count; i++) {
		const struct book_plate *p = &b->plates->items[i];

		if (p->chapter != chapter && p->chapter >= 1 &&
		    (size_t)p->chapter <= b->book->chapter_count)
			find_chapter(&spot, b, p->chapter);
		chapter = p->chapter;
		seat(&b->seats[i], b, p, &spot);
	}
}

/* ---- filling */

char *binding_file(const struct binding *b, size_t plate)
{
	return xasprintf("%s%s", b->folder, b->plates->items[plate].name);
}

static void add_plate(struct buf *out, const struct binding *b, size_t plate, const char *document,
		      const char *prefix)
{
	CLEANUP(cleanup_free) char *file = binding_file(b, plate);

	plate_add(out, &b->plates->items[plate], document, file, prefix, b->epub2);
}

/* The next of a document's plates at or behind (offset, plate), by place and then by scene. */
static size_t next_plate(const struct binding *b, size_t document, size_t offset, size_t from)
{
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < b->plates->count; i++) {
		const struct seat *s = &b->seats[i];

		if (s->document == document &&
		    (s->offset > offset || (s->offset == offset && i >= from)) &&
		    (best == SIZE_MAX || s->offset < b->seats[best].offset))
			best = i;
	}
	return best;
}

void binding_fill(struct buf *out, const struct binding *b, size_t document, const char *text,
		  size_t len)
{
	const struct bound *d = &b->documents[document];
	size_t at = 0;

	for (size_t i = next_plate(b, document, 0, 0); i != SIZE_MAX;
	     i = next_plate(b, document, at, i + 1)) {
		buf_add(out, text + at, b->seats[i].offset - at);
		at = b->seats[i].offset;
		add_plate(out, b, i, d->path, d->places.prefix);
	}
	buf_add(out, text + at, len - at);
}

/* ---- the page at the end */

static void add_cast(struct buf *out, const struct book_plates *p)
{
	const char *group = "";

	for (size_t i = 0; i < p->cast_count; i++) {
		const struct book_cast *c = &p->cast[i];

		if (strcmp(group, c->group)) {
			buf_adds(out, "<h2>");
			buf_add_xml(out, c->group);
			buf_adds(out, "</h2>\n");
			group = c->group;
		}
		buf_adds(out, "<p><b>");
		buf_add_xml(out, c->name);
		buf_adds(out, "</b>");
		if (*c->text)
			buf_adds(out, ": ");
		buf_add_xml(out, c->text);
		buf_adds(out, "</p>\n");
	}
}

bool binding_page(struct buf *out, const struct binding *b, const char *path)
{
	size_t left = 0;

	for (size_t i = 0; i < b->plates->count; i++)
		left += b->seats[i].document == SIZE_MAX;
	if (!left && !b->plates->cast_count)
		return false;
	buf_adds(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<html xmlns=\""
		      "http://www.w3.org/1999/xhtml\" xml:lang=\"en\">\n<head><title>");
	/* A book whose pages have one size each wants it of this one too (EPUB 3.3, 8.2.2.6). */
	buf_addf(out, "%s</title>%s</head>\n<body>\n<h1>%s</h1>\n",
		 b->plates->cast_count ? "The cast" : "Pictures",
		 b->epub2 ? "" : "<meta name=\"viewport\" content=\"width=1000, height=1400\"/>",
		 b->plates->cast_count ? "The cast" : "Pictures");
	add_cast(out, b->plates);
	for (size_t i = 0; i < b->plates->count; i++)
		if (b->seats[i].document == SIZE_MAX)
			add_plate(out, b, i, path, "");
	buf_adds(out, "\n</body>\n</html>\n");
	return true;
}

int binding_write_ours(struct binding *b, struct buf *page, struct err *err)
{
	CLEANUP(cleanup_free) char *path = xasprintf("%s" BOUND_PAGE, b->folder);
	int r = page ? packer_add(b->packer, path, page, err) : 0;

	for (size_t i = 0; r == 0 && i < b->plates->count; i++) {
		CLEANUP(cleanup_free) char *file = binding_file(b, i);

		r = packer_add_plate(b->packer, file, b->plates, i, err);
	}
	return r;
}

/* ---- */

int book_illustrate(int out, const char *name, const char *path, const struct book *b,
		    const struct book_plates *plates, struct err *err)
{
	CLEANUP(packer_close_cleanup) struct packer *packer = NULL;
	CLEANUP(archive_close_cleanup) struct archive *a = NULL;
	CLEANUP(binding_finish) struct binding binding = {.book = b, .plates = plates};
	char magic[4] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = 0;
	bool zip = fd >= 0 && read(fd, magic, 4) == 4 && archive_is_zip(magic, 4);

	if (fd < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (zip)
		r = archive_open(&a, fd, &book_limits_default, err);
	close(fd);
	if (r == 0)
		r = packer_open(&packer, out, name, zip ? path : NULL, "application/epub+zip", err);
	binding.packer = packer;
	if (r == 0)
		r = zip ? bind_own(&binding, a, err) : bind_new(&binding, err);
	return r < 0 ? r : packer_write(packer, err);
}
