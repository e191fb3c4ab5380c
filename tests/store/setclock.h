/* SPDX-License-Identifier: MIT */
#ifndef SETCLOCK_H
#define SETCLOCK_H

/* The clock of base.h, moved on by a test. In a program's own sources it stands in for clock.c. */

#include <stdint.h>

void clock_pass(int64_t ms);  /* time goes by */
void clock_sleep(int64_t ms); /* the machine is suspended: CLOCK_MONOTONIC stands still */

#endif
