/* SPDX-License-Identifier: MIT */
#ifndef BASE_POOL_H
#define BASE_POOL_H

/* The loop's threads for CPU work and disk reads. Internal to base: others call loop_work(). */

#include "base.h"

struct pool;
int pool_new(struct pool **out, struct loop *loop, int threads);
struct pool *pool_free(struct pool *p); /* finishes what is queued, then joins */
void pool_add(struct pool *p, void (*work)(void *arg), void (*done)(void *arg), void *arg);

#endif
