/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_READER_H
#define SOURCE_READER_H

/* One reader a format: each fills a flow and contents, and the book's metadata. book.c cuts. */

#include "archive.h"
#include "contents.h"

struct reading {
	struct book *book;
	struct flow *flow;
	struct contents contents;
	const struct book_options *options;
	struct err *err;
};
/* One line for book->warnings; past a hundred only counted. */
void reading_warn(struct reading *r, const char *fmt, ...) PRINTF(2, 3);

struct book *book_new(const char *path); /* empty, called as its file is */

int epub_read(struct reading *r, struct archive *a);
/* s: the file's bytes. */
int html_read(struct reading *r, const char *s, size_t len);
int text_read(struct reading *r, const char *s, size_t len);
/* Whichever of these it is, by its name's ending and its first bytes. */
int text_file_read(struct reading *r, const char *name, const char *s, size_t len);
int markdown_read(struct reading *r, const char *s, size_t len);

#endif
