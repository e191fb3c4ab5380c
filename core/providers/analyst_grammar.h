/* SPDX-License-Identifier: MIT */
#ifndef PROVIDERS_ANALYST_GRAMMAR_H
#define PROVIDERS_ANALYST_GRAMMAR_H

/*
 * The little grammar that descriptions are read with: which words describe, how far a phrase of
 * them goes. Phrases are ranges of words of the sentence that is scanned; "from i on: the end, or
 * i" means that nothing of the kind begins there.
 */

#include "analyst_scan.h"

/* ---- words */

bool grammar_is_person(const struct word *w); /* a noun for a person or a beast */
bool grammar_is_part(const struct word *w);   /* of a body, or a garment */
bool grammar_is_look(const struct word *w);
bool grammar_is_participle(const struct word *w);
bool grammar_is_number(const struct word *w);
bool grammar_is_age(const struct word *w);
bool grammar_is_build(const struct word *w);   /* what a body is for longer than a day */
bool grammar_is_visible(const struct word *w); /* a look, a colour, a build */
bool grammar_is_passing(const struct word *w); /* but not for long, or hardly to be seen */
bool grammar_is_adverb(const struct word *w);
bool grammar_is_pronoun(const struct word *w);
bool grammar_is_modifier(const struct word *w); /* before a noun */

/* "sea-green": one word made of two. */
bool grammar_is_hyphen(const struct word *before, const struct word *w);
/* Do they stand side by side, as within one phrase? */
bool grammar_is_beside(const struct word *before, const struct word *w);

/* ---- phrases */

/* A noun and what describes it. */
struct phrase {
	size_t from, noun, to; /* to: behind it */
	size_t looks;	       /* words in it that are seen */
};
/* "long grey coat" up to the noun. */
void grammar_modifiers(struct phrase *p, const struct scan *s, size_t noun);
/* The end of what hangs on the word before i: "at the elbows", "like a hare". */
size_t grammar_tail(const struct scan *s, size_t i);
/* "as thick as his", "taller than any of them". */
size_t grammar_comparison(const struct scan *s, size_t i);
/* "sixty", "sixty years old", "ten inches high", "forty-five". */
size_t grammar_measure(const struct scan *s, size_t i);

/* Is the word before a verb what the verb tells of: "he", "Ida", "Ida, who"? */
bool grammar_stands_before(const struct scan *s, size_t verb);

#endif
