/* SPDX-License-Identifier: MIT */
#ifndef BASE_NEAR_H
#define BASE_NEAR_H

/* The processor that the loop's client runs on. Internal to base: others call loop_client(). */

#include "calm.h"

struct near {
	bool possible; /* there are two processors */
	int64_t look_us, pause_us;
	int64_t away_us; /* that giving way took last, before the request that came then */
	struct calm calm;
};

void near_init(struct near *n);
/* Whose request is served. Now and then the calling thread goes to where he ran last. */
void near_client(struct near *n, pid_t client);
/* There is none: whoever wants the calling thread's processor may have it. */
void near_give_way(struct near *n);

#endif
