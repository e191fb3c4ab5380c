/* SPDX-License-Identifier: MIT */
#ifndef BASE_CALM_H
#define BASE_CALM_H

/* For how long something that was no use is left alone: a second, and twice as long each time that
 * it is no use again soon after. Internal to base. */

#include <stdatomic.h>

#include "base.h"

enum { CALM_FIRST_US = 1000000, CALM_MOST_US = 16000000 };

/* By one thread; others may ask is_calm(). */
struct calm {
	_Atomic int64_t until_us;
	int64_t last_us;
};

static inline bool is_calm(const struct calm *c, int64_t now_us)
{
	return now_us < atomic_load(&c->until_us);
}

static inline void be_calm(struct calm *c, int64_t now_us)
{
	if (now_us - atomic_load(&c->until_us) > c->last_us)
		c->last_us = CALM_FIRST_US;
	else if (c->last_us < CALM_MOST_US)
		c->last_us *= 2;
	atomic_store(&c->until_us, now_us + c->last_us);
}

#endif
