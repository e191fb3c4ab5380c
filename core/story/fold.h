/* SPDX-License-Identifier: MIT */
#ifndef STORY_FOLD_H
#define STORY_FOLD_H

#include "story.h"

/* Lower case of a letter of the Latin, Greek, Cyrillic and Armenian scripts, by rule and not by
 * locale: enough to tell that two names differ in case alone. Other characters as they are. */
uint32_t fold_case(uint32_t cp);

#endif
