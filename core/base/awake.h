/* SPDX-License-Identifier: MIT */
#ifndef BASE_AWAKE_H
#define BASE_AWAKE_H

/* The processors that a loop and its client are woken on. Internal to base. */

#include "base.h"

struct awake;

int awake_new(struct awake **out); /* a thread; 0 or -errno */
struct awake *awake_free(struct awake *a);
/* A request was served: for a while no processor sleeps. These take NULL, which is never awake. */
void awake_keep(struct awake *a);
/* Lets whoever wants the calling thread's processor have it, unless others than the client do. */
void awake_give_way(struct awake *a);

#endif
