/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_CHAPTERS_H
#define SOURCE_CHAPTERS_H

/* The chapter rule (DESIGN.md): the flow is cut where the contents say, and every entry gets its
 * role. */

#include "contents.h"

/* Fills book's chapters (kinds, texts, words) and contents. Entries have their offsets. */
int chapters_cut(struct book *b, struct flow *f, struct contents *c,
		 const struct book_options *options, struct err *err);

/* Fills the chapters' texts, hashes, words and pages by where they are in the flow (blank lines at
 * their ends are nobody's); the ranges become those of the texts. */
struct chapter_range {
	size_t start, end;
};
int chapters_fill(struct book *b, const struct flow *f, struct chapter_range *ranges,
		  struct err *err);

/* Words as the rule weighs them: in scripts without blanks two characters count as one. */
int64_t text_measure(const char *s, size_t len);

/* pages.c: where chapters begin in the flow. */
void pages_assign(struct book *b, const struct flow *f, const struct chapter_range *ranges);

#endif
