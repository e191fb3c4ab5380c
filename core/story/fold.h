/* SPDX-License-Identifier: MIT */
#ifndef STORY_FOLD_H
#define STORY_FOLD_H

#include "base.h"

/* Lower case of a letter of the Latin, Greek, Cyrillic and Armenian scripts, by rule and not by
 * locale: enough to tell that two names differ in case alone. Other characters as they are. */
uint32_t fold_case(uint32_t cp);

/* What names are compared by: lower case, typographic apostrophes straight, white space one blank,
 * no leading article "the". Owned. */
char *fold_name(const char *name);

#endif
