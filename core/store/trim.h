/* SPDX-License-Identifier: MIT */
#ifndef TRIM_H
#define TRIM_H

/* trim: old events go, so that a store that is used for years does not grow by its diary. */

#include "conn.h"

/* What is kept for certain: so many of the newest, however old, and with them all that views look
 * back for. Of those before, what is younger than TRIM_AGE_MS, and no more than TRIM_MOST in all.
 * The first of all stays: it says when the work on the book began. */
#define TRIM_KEPT 10000
#define TRIM_MOST 100000
#define TRIM_AGE_MS (INT64_C(90) * 24 * 3600 * 1000)

/* For the last process that leaves, as then nobody reads on from a seq he has. */
int trim_events(struct conn *c);

#endif
