/* SPDX-License-Identifier: MIT */

/* The parsers of a book's bytes, which are untrusted. */

#include <string.h>
#include <sys/mman.h>

#include "contents.h"
#include "encoding.h"
#include "fuzz.h"
#include "late.h"
#include "package.h"
#include "pack.h"
#include "source.h"

/* Small, so that the limits are met as well. */
static const struct book_options options = {
	.limits = {.entries = 200,
		   .depth = 16,
		   .text_bytes = 1 << 20,
		   .total_bytes = 4 << 20,
		   .ratio = 1000},
};

static void read_as(const char *name, const char *s, size_t len, int depth)
{
	CLEANUP(book_free_cleanup) struct book *b = NULL;
	struct book_options o = options;
	struct err err = {0};
	int r;

	o.depth = depth;
	r = book_read_memory(&b, s, len, name, &o, &err);
	if (r == 0)
		hold_promises(b);
	else
		FUZZ_HOLDS(err.msg[0] && !strchr(err.msg, '\n')); /* a refusal has one line */
}

/* A file of these bytes that has a path, and the format by its bytes alone. */
static char *file_path(int *fd, const char *s, size_t len)
{
	*fd = memfd_create("book", MFD_CLOEXEC);
	FUZZ_HOLDS(*fd >= 0 && write(*fd, s, len) == (ssize_t)len);
	return xasprintf("/proc/self/fd/%d", *fd);
}

static void fuzz_book(const char *s, size_t len)
{
	CLEANUP(book_free_cleanup) struct book *b = NULL;
	CLEANUP(cleanup_close) int fd = -1;
	CLEANUP(cleanup_free) char *path = file_path(&fd, s, len);
	struct err err = {0};

	read_as("book.epub", s, len, 0);
	if (book_read(&b, path, &options, &err) == 0)
		hold_promises(b);
	else
		FUZZ_HOLDS(err.msg[0] && !strchr(err.msg, '\n'));
}

/* The members of an EPUB as text (pack.h): past the zip, into everything at once. */
static void fuzz_epub(const char *s, size_t len)
{
	CLEANUP(buf_finish) struct buf zip = {0};

	pack(&zip, s, len);
	read_as("book.epub", buf_str(&zip), zip.len, len ? s[len - 1] & 3 : 0);
}

static void fuzz_html(const char *s, size_t len)
{
	read_as("book.html", s, len, 0);
}

static void fuzz_text(const char *s, size_t len)
{
	read_as("book.txt", s, len, 0);
}

static void fuzz_markdown(const char *s, size_t len)
{
	read_as("book.md", s, len, 0);
}

static void fuzz_package(const char *s, size_t len)
{
	CLEANUP(buf_finish) struct buf clean = {0};
	CLEANUP(package_free_cleanup) struct package *p = NULL;
	CLEANUP(cleanup_free) char *rootfile = NULL;

	FUZZ_HOLDS(late_xml(NULL) == 0);
	if (text_decode(&clean, s, len, TEXT_MARKUP) < 0)
		return;
	rootfile = container_rootfile(buf_str(&clean), clean.len);
	p = package_read("OPS/c.opf", buf_str(&clean), clean.len, &options.limits);
	for (size_t i = 0; i < p->spine_count; i++)
		package_item(p, p->spine[i].idref);
	for (size_t i = 0; i < p->item_count; i++)
		FUZZ_HOLDS(*p->items[i].path != '/' && strncmp(p->items[i].path, "../", 3));
}

static void fuzz_contents(const char *s, size_t len)
{
	CLEANUP(buf_finish) struct buf clean = {0};
	CLEANUP(contents_finish) struct contents c = {0};

	FUZZ_HOLDS(late_xml(NULL) == 0);
	if (text_decode(&clean, s, len, TEXT_MARKUP) < 0)
		return;
	contents_read_nav(&c, "OPS/nav.xhtml", buf_str(&clean), clean.len, &options.limits);
	contents_read_ncx(&c, "OPS/toc.ncx", buf_str(&clean), clean.len, &options.limits);
	for (size_t i = 0; i < c.count; i++)
		FUZZ_HOLDS(c.entries[i].depth >= 0 &&
			   c.entries[i].depth < (int)options.limits.depth);
}

/* What pieces there are, are the member's; r and b: how it was read whole. */
static void read_pieces(struct book_archive *a, uint64_t index, int r, const struct buf *b)
{
	const char *data;
	size_t at = 0, part = 7;

	while (at < b->len && book_archive_piece(&data, &part, a, index, b->len, at) == 0) {
		FUZZ_HOLDS(part > 0 && part <= b->len - at);
		FUZZ_HOLDS(r < 0 || !memcmp(buf_str(b) + at, data, part));
		at += part;
		part *= 2;
		book_archive_ahead(a, index, b->len, at, part);
	}
	FUZZ_HOLDS(r == 0 || at < b->len || at == 0);
}

/* source/ of the mount: a member read with room to spare and with just enough is the same. */
static void read_member(struct book_archive *a, uint64_t index)
{
	CLEANUP(buf_finish) struct buf b = {.max_bytes = 1 << 20};
	CLEANUP(buf_finish) struct buf exact = {0};
	int r = book_archive_member(&b, a, index);

	read_pieces(a, index, r, &b);
	if (r < 0 || b.len == 0)
		return;
	exact.max_bytes = b.len;
	FUZZ_HOLDS(book_archive_member(&exact, a, index) == 0);
	FUZZ_HOLDS(exact.len == b.len && !memcmp(exact.data, b.data, b.len));
}

static void fuzz_archive(const char *s, size_t len)
{
	CLEANUP(book_archive_close_cleanup) struct book_archive *a = NULL;
	CLEANUP(cleanup_close) int fd = -1;
	CLEANUP(cleanup_free) char *path = file_path(&fd, s, len);
	struct err err = {0};

	if (book_archive_open(&a, path, &err) < 0) {
		FUZZ_HOLDS(err.msg[0] && !strchr(err.msg, '\n'));
		return;
	}
	for (uint64_t index = 0; index < 20; index++)
		read_member(a, index);
}

static const struct fuzz_target targets[] = {
	{"book", fuzz_book},	     {"epub", fuzz_epub},	  {"html", fuzz_html},
	{"text", fuzz_text},	     {"markdown", fuzz_markdown}, {"package", fuzz_package},
	{"contents", fuzz_contents}, {"archive", fuzz_archive},
};
FUZZ_MAIN(targets)
