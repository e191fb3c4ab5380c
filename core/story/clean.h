/* SPDX-License-Identifier: MIT */
#ifndef STORY_CLEAN_H
#define STORY_CLEAN_H

#include "base.h"

/* How much of a field is taken, in bytes, from a provider or a person. */
enum {
	CONCEPTS_MAX = 256,
	NAMES_MAX = 64, /* aliases of an element, elements of a concept */
	QUOTE_BYTES = 32 << 10,
	DESCRIPTION_BYTES = 8 << 10,
	MOOD_BYTES = 200,
	NAME_MAX_BYTES = 200,
	PAGE_BYTES = 32,
	PAGE_MOST = 63, /* of a page's label behind a text */
};

/* The string without control characters, white space at its ends, and runs of blanks; cut at a
 * character to at most max bytes. keep_lines: newlines stay. Owned. */
char *clean_text(const char *s, size_t max, bool keep_lines);

/* The same text on one line, without the pages that a document of ours puts behind what it tells.
 */
void add_without_pages(struct buf *out, const char *s);
char *clean_pages(const char *s); /* owned */

#endif
