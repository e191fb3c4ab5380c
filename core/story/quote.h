/* SPDX-License-Identifier: MIT */
#ifndef STORY_QUOTE_H
#define STORY_QUOTE_H

/*
 * A text folded for looking up quotes, so that many are found with one folding.
 */

#include "story.h"

struct folded;
/* NULL: no memory. text is borrowed until folded_free. */
struct folded *folded_new(const char *text, size_t len);
struct folded *folded_free(struct folded *f);
DEFINE_CLEANUP(struct folded, folded_free)
/* As quote_locate. Linear in both. */
size_t folded_locate(size_t *len, const struct folded *f, const char *quote);

#endif
