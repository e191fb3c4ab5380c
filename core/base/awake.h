/* SPDX-License-Identifier: MIT */
#ifndef BASE_AWAKE_H
#define BASE_AWAKE_H

/* A thread that keeps a processor from sleeping while requests come. Internal to base. */

#include "base.h"

struct awake;

int awake_new(struct awake **out); /* a thread; 0 or -errno */
struct awake *awake_free(struct awake *a);
void awake_keep(struct awake *a); /* for a while from now on; takes NULL */

#endif
