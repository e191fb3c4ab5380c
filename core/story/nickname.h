/* SPDX-License-Identifier: MIT */
#ifndef STORY_NICKNAME_H
#define STORY_NICKNAME_H

#include "base.h"

/* The n-th beginning, from 0 on, of the names that this given name in lower case may be short for,
 * or NULL. */
const char *nickname_full(const char *nick, size_t n);
/* Does the one, of three letters or more, begin the other? */
bool nickname_like(const char *a, const char *b);

#endif
