/* SPDX-License-Identifier: MIT */
#ifndef PROVIDERS_ANALYST_CLOCK_H
#define PROVIDERS_ANALYST_CLOCK_H

#include "analyst.h"

/* The hour that the word at i tells, 1 to 12, or 0 if it tells none; *part is set to the part of
 * the day where the words say which, else to LIGHT_NONE. */
unsigned clock_at(enum light *part, const struct word *words, size_t count, size_t i);
/* Of the two such hours of a day the dark or the bright one, as a part of the day. */
enum light clock_hour(unsigned hour, bool dark);

#endif
