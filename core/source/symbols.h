/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_SYMBOLS_H
#define SOURCE_SYMBOLS_H

/*
 * A table from names to numbers. The names are a stranger's, and so is their count: no choice of
 * them makes a look-up take longer than the logarithm of it. libxml2's table, which would be at
 * hand, does not grow past 16,384 places.
 */

#include "base.h"

/* One that is all zero is empty. */
struct symbols {
	void *tree; /* search.h's */
	size_t count;
};
void symbols_finish(struct symbols *n); /* empty again */

/* A name is two strings; of many kinds the second is "". 0: it is not there. */
size_t symbols_get(const struct symbols *n, const char *a, const char *b);
/* What it is from now on; number: not 0. Both strings are copied. */
void symbols_set(struct symbols *n, const char *a, const char *b, size_t number);
/* The same, but of one that is there already nothing changes. */
void symbols_add(struct symbols *n, const char *a, const char *b, size_t number);

#endif
