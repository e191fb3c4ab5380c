/* SPDX-License-Identifier: MIT */
#ifndef PROVIDERS_ANALYST_LOOKS_H
#define PROVIDERS_ANALYST_LOOKS_H

#include "analyst.h"

#define LOOKS_SOMEBODY (UINT32_MAX - 1) /* a fact of one who may be named later */

/* A stretch of the text that says how a member of the cast looks. */
struct fact {
	uint32_t member;
	uint32_t start, end; /* bytes of the text */
	uint32_t weight;
};

struct looks {
	struct fact *facts; /* by member, the weightiest first */
	size_t len, cap;
};

void looks_init(struct looks *l, const struct cast *cast, const struct prose *p);
void looks_sort(struct looks *l);
void looks_finish(struct looks *l);
size_t looks_count(const struct looks *l, size_t member);
/* The members have other numbers now: to[old] is the new one. */
void looks_renumber(struct looks *l, const uint32_t *to);
/* The member's best facts, in the order of the text. */
void looks_put(struct element *e, const struct looks *l, size_t member, const struct prose *p);

#endif
