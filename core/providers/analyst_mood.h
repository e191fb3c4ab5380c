/* SPDX-License-Identifier: MIT */
#ifndef PROVIDERS_ANALYST_MOOD_H
#define PROVIDERS_ANALYST_MOOD_H

#include "analyst.h"

/* What a word, or two that follow each other, tells of a passage's mood. */
struct mood_term {
	const char *words; /* base forms in small letters, with _ between them */
	int8_t weights[MOODS];
};

/* mood_table.c, which the build makes of moods.txt: sorted by words. */
extern const struct mood_term mood_terms[];
extern const size_t mood_term_count;
extern const int16_t mood_start[MOODS]; /* before any word is read */

/* A word that names a mood itself tells so much for it, whatever was learned; as in train.py. */
enum { MOOD_NAMED = 8, MOOD_TERM_BYTES = 48 };

/* The terms of a sentence, known or not, one after another: words, and pairs of them; and "~lonely"
 * for each word that names that mood. */
void mood_each_term(const struct prose *p, size_t sentence,
		    void (*see)(void *context, const char *term), void *context);
/* The mood that weighs most in the passage. Of a text that the lexicon does not cover none. */
enum mood mood_read(const struct prose *p, size_t first, size_t count);

#endif
