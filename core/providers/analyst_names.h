/* SPDX-License-Identifier: MIT */
#ifndef PROVIDERS_ANALYST_NAMES_H
#define PROVIDERS_ANALYST_NAMES_H

#include "analyst.h"

/*
 * Names and unnamed beings and things, counted over a chapter. A name is a run of capitalised
 * words; what stands around it says what it is. An unnamed one is a determiner and a noun of the
 * word list ("the old lantern").
 */

struct name {
	char *text;		/* as first written; of an unnamed one its noun, with a capital */
	uint32_t kinds;		/* of an unnamed one: what its noun is; 0 for a name */
	uint32_t inside;	/* times within a sentence, where a capital means something */
	uint32_t start;		/* times at a sentence's start */
	uint32_t person, place; /* votes of what stands around */
	uint32_t titled;	/* times behind an honorific */
	uint32_t article;	/* times behind an article */
	uint32_t first;		/* the first sentence */
};

struct names {
	struct name *items;
	size_t len, cap;
	struct mention *mentions; /* in order of sentence */
	size_t mention_count, mention_cap;
	uint32_t *slots; /* hash of text -> index + 1 */
	uint8_t *small;	 /* hash of words seen without a capital, a bit each */
};

int names_init(struct names *n, const struct prose *p);
void names_finish(struct names *n);
/* Does this word stand somewhere with a small first letter? (Rarely yes by chance.) */
bool names_small(const struct names *n, const char *word, size_t len);

#endif
