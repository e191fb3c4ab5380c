/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <time.h>

#include "base.h"

static int64_t now_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_unix_ms(void)
{
	return now_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_boot_ms(void)
{
	return now_us(CLOCK_BOOTTIME) / 1000;
}

int64_t clock_mono_us(void)
{
	return now_us(CLOCK_MONOTONIC);
}
