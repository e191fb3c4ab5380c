/* SPDX-License-Identifier: MIT */
#ifndef PROVIDERS_ANALYST_WEIGH_H
#define PROVIDERS_ANALYST_WEIGH_H

#include "analyst.h"

/* Words of a sentence that may tell how somebody or something looks. */
struct stretch {
	size_t from, to; /* words, the last one not in it */
	bool predicate;	 /* behind "was", "wore" */
	bool with;
	bool scene; /* of the place where it plays, which the sentence does not name */
};

/* How much is to be seen in it of one of that type; 0: nothing. */
uint32_t weigh_stretch(const struct word *words, const struct stretch *t, enum element_type type);

/* ---- what a word is here */

bool weigh_is_person(const struct word *w);
bool weigh_is_part(const struct word *w); /* of a body, or a garment */
bool weigh_is_look(const struct word *w);
bool weigh_is_participle(const struct word *w);
bool weigh_is_number(const struct word *w);
bool weigh_is_unit(const struct word *w);

#endif
