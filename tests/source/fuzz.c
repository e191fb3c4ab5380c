/* SPDX-License-Identifier: MIT */

/*
 * The parsers of untrusted bytes, one target each. Built for libFuzzer with FUZZ_TARGET naming one
 * of them; built without, a program that feeds files to a target, so that the corpus is a test:
 *     fuzz_corpus TARGET FILE|FOLDER...
 */

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "contents.h"
#include "encoding.h"
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
	else if (!err.msg[0] || strchr(err.msg, '\n'))
		abort(); /* a refusal has one line */
}

static void fuzz_book(const char *s, size_t len)
{
	read_as("book.epub", s, len, 0);
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

	if (text_decode(&clean, s, len, TEXT_MARKUP) < 0)
		return;
	rootfile = container_rootfile(buf_str(&clean), clean.len);
	p = package_read("OPS/c.opf", buf_str(&clean), clean.len, &options.limits);
	for (size_t i = 0; i < p->spine_count; i++)
		package_item(p, p->spine[i].idref);
	for (size_t i = 0; i < p->item_count; i++)
		if (*p->items[i].path == '/' || !strncmp(p->items[i].path, "../", 3))
			abort(); /* a path out of the archive */
}

static void fuzz_contents(const char *s, size_t len)
{
	CLEANUP(buf_finish) struct buf clean = {0};
	CLEANUP(contents_finish) struct contents c = {0};

	if (text_decode(&clean, s, len, TEXT_MARKUP) < 0)
		return;
	contents_read_nav(&c, "OPS/nav.xhtml", buf_str(&clean), clean.len, &options.limits);
	contents_read_ncx(&c, "OPS/toc.ncx", buf_str(&clean), clean.len, &options.limits);
	for (size_t i = 0; i < c.count; i++)
		if (c.entries[i].depth < 0 || c.entries[i].depth >= (int)options.limits.depth)
			abort();
}

static const struct {
	const char *name;
	void (*feed)(const char *s, size_t len);
} targets[] = {
	{"book", fuzz_book},	     {"epub", fuzz_epub},	  {"html", fuzz_html},
	{"text", fuzz_text},	     {"markdown", fuzz_markdown}, {"package", fuzz_package},
	{"contents", fuzz_contents},
};

static int feed(const char *target, const char *s, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(targets); i++)
		if (!strcmp(target, targets[i].name)) {
			targets[i].feed(s, len);
			return 0;
		}
	return -ENOENT;
}

#ifdef FUZZ_TARGET

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	feed(FUZZ_TARGET, (const char *)data, size);
	return 0;
}

#else

static int feed_path(const char *target, const char *path);

static int feed_folder(const char *target, const char *path)
{
	DIR *d = opendir(path);
	int fed = 0;

	if (!d)
		return 0;
	for (struct dirent *e; (e = readdir(d));) {
		CLEANUP(cleanup_free) char *name = xasprintf("%s/%s", path, e->d_name);

		if (e->d_name[0] != '.')
			fed += feed_path(target, name);
	}
	closedir(d);
	return fed;
}

static int feed_path(const char *target, const char *path)
{
	CLEANUP(buf_finish) struct buf b = {0};
	struct stat st;
	char chunk[65536];
	FILE *f;
	size_t n;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return feed_folder(target, path);
	f = fopen(path, "rb");
	if (!f)
		return 0;
	while ((n = fread(chunk, 1, sizeof(chunk), f)))
		buf_add(&b, chunk, n);
	fclose(f);
	return feed(target, buf_str(&b), b.len) == 0;
}

int main(int argc, char **argv)
{
	int fed = 0;

	for (int i = 2; i < argc; i++)
		fed += feed_path(argv[1], argv[i]);
	if (!fed)
		fprintf(stderr, "usage: fuzz_corpus TARGET FILE|FOLDER...\n");
	return fed ? 0 : 1;
}

#endif
