/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "illustrate.h"
#include "late.h"

/*
 * Plates find their seats in the order of reading: a chapter is looked for from where the one
 * before it began, and a quote within its chapter, so that what stands twice in a book (a refrain,
 * two novels in one volume) leads to the right place.
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
	free(b->chapters);
	free(b->seats);
}

/* ---- seats */

/* Moves *s to the end of those letters, between it and `to`. */
static bool find(struct spot *s, const struct binding *b, const struct spot *to, const char *wanted,
		 size_t len)
{
	for (size_t d = s->document; d < b->count && d <= to->document; d++) {
		size_t at = places_find(&b->documents[d].places, wanted, len,
					d == s->document ? s->letters : 0,
					d == to->document ? to->letters : SIZE_MAX);

		if (at != SIZE_MAX) {
			*s = (struct spot){d, at};
			return true;
		}
	}
	return false;
}

/* All of it, or `least` letters of its end, or of its start: what a reader of documents or a model
 * made of the rest may be another. Returns the end within `wanted` of what was found; 0: nothing
 * was. */
static size_t find_some(struct spot *s, const struct binding *b, const struct spot *to,
			const struct buf *wanted, size_t least)
{
	static const size_t parts[] = {SIZE_MAX, SOME, FEW};
	const char *w = buf_str(wanted);

	for (size_t i = 0; i < ARRAY_LEN(parts) && parts[i] >= least; i++) {
		size_t len = parts[i] < wanted->len ? parts[i] : wanted->len;

		if (find(s, b, to, w + wanted->len - len, len))
			return wanted->len;
		if (len < wanted->len && find(s, b, to, w, len))
			return len;
	}
	return 0;
}

/* Where each chapter begins. One that is not found begins where the one before it does. */
static void find_chapters(struct binding *b)
{
	const struct spot end = {b->count, 0};
	size_t count = b->book->chapter_count;
	struct spot behind = {0};

	b->chapters = xcalloc(count + 1, sizeof(*b->chapters));
	for (size_t i = 0; i < count; i++) {
		const struct book_chapter *c = &b->book->chapters[i];
		size_t len = c->text_bytes < OPENING_BYTES ? c->text_bytes : OPENING_BYTES;
		struct spot start = {0};
		struct buf opening = {0};
		size_t found;

		letters_add(&opening, c->text ? c->text : "", c->text ? len : 0);
		found = find_some(&behind, b, &end, &opening, SOME);
		if (!found && (found = find_some(&start, b, &end, &opening, SOME)))
			behind = start;
		buf_finish(&opening);
		b->chapters[i] = found ? behind : b->chapters[i ? i - 1 : 0];
		if (found)
			b->chapters[i].letters -= found < behind.letters ? found : behind.letters;
	}
	b->chapters[count] = end;
}

static bool is_behind(const struct spot *a, const struct spot *b)
{
	return a->document > b->document || (a->document == b->document && a->letters > b->letters);
}

/* Where the chapter at s ends: where another begins. Which one depends on the spine; what it calls
 * not linear is read last. */
static struct spot chapter_end(const struct binding *b, const struct spot *s)
{
	struct spot end = b->chapters[b->book->chapter_count];

	for (size_t i = 0; i < b->book->chapter_count; i++)
		if (is_behind(&b->chapters[i], s) && is_behind(&end, &b->chapters[i]))
			end = b->chapters[i];
	return end;
}

/* Moves *s from where its chapter begins to where its quote ends: in the chapter, else whole and
 * anywhere, else where the chapter's first letter is. */
static void find_quote(struct spot *s, const struct binding *b, const struct book_plate *p)
{
	const struct spot end = b->chapters[b->book->chapter_count], to = chapter_end(b, s);
	struct spot anywhere = {0};
	struct buf quote = {0};

	letters_add(&quote, p->quote, strlen(p->quote));
	if (!find_some(s, b, &to, &quote, FEW)) {
		s->letters++;
		if (find(&anywhere, b, &end, buf_str(&quote), quote.len))
			*s = anywhere;
	}
	buf_finish(&quote);
}

static void seat(struct seat *out, struct binding *b, const struct book_plate *p)
{
	struct spot s = {0};
	struct bound *d;

	out->document = SIZE_MAX;
	if (!b->count)
		return;
	if (p->chapter >= 1 && (size_t)p->chapter <= b->book->chapter_count) {
		s = b->chapters[p->chapter - 1];
		find_quote(&s, b, p);
	}
	d = &b->documents[s.document];
	out->offset = places_behind(&d->places, s.letters);
	if (out->offset == SIZE_MAX)
		return;
	out->document = s.document;
	d->plates++;
}

void binding_seat(struct binding *b)
{
	find_chapters(b);
	b->seats = xcalloc(b->plates->count + 1, sizeof(*b->seats));
	for (size_t i = 0; i < b->plates->count; i++)
		seat(&b->seats[i], b, &b->plates->items[i]);
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

/* Members may lie over each other: read one by one they do no harm, but a copy of all of them has
 * no bound that the book's size gives. */
static int check_copy(const struct archive *a, int fd, struct err *err)
{
	struct stat st;
	uint64_t left;

	if (fstat(fd, &st) < 0)
		return err_set(err, -errno, "the book cannot be read: %s", strerror(errno));
	left = (uint64_t)st.st_size;
	for (size_t i = 0; i < archive_count(a); i++) {
		uint64_t size = archive_at(a, i)->packed_bytes;

		if (size > left)
			return err_set(err, -EBADMSG,
				       "the book cannot be bound: members of its archive lie over "
				       "each other");
		left -= size;
	}
	return 0;
}

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
		r = late_xml(err);
	if (zip && r == 0)
		r = archive_open(&a, fd, &book_limits_default, err);
	if (a)
		r = check_copy(a, fd, err);
	close(fd);
	if (r == 0)
		r = packer_open(&packer, out, name, zip ? path : NULL, "application/epub+zip", err);
	binding.packer = packer;
	if (r == 0)
		r = zip ? bind_own(&binding, a, err) : bind_new(&binding, err);
	return r < 0 ? r : packer_write(packer, err);
}
