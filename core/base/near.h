/* SPDX-License-Identifier: MIT */
#ifndef BASE_NEAR_H
#define BASE_NEAR_H

/* The processor that the loop's client runs on. Internal to base: others call loop_client(). */

#include "base.h"

struct near {
	bool possible; /* there are two processors */
	int64_t look_us, pause_us;
};

void near_init(struct near *n);
/* Now and then the calling thread goes to where the client ran last. */
void near_client(struct near *n, pid_t client);

#endif
