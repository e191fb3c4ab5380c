/* SPDX-License-Identifier: MIT */
#include <time.h>

#include "base.h"
#include "setclock.h"

static int64_t passed_ms, slept_ms;

static int64_t now_us(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_unix_ms(void)
{
	return now_us(CLOCK_REALTIME) / 1000 + passed_ms + slept_ms;
}

int64_t clock_boot_ms(void)
{
	return now_us(CLOCK_BOOTTIME) / 1000 + passed_ms + slept_ms;
}

int64_t clock_mono_us(void)
{
	return now_us(CLOCK_MONOTONIC) + passed_ms * 1000;
}

void clock_pass(int64_t ms)
{
	passed_ms += ms;
}

void clock_sleep(int64_t ms)
{
	slept_ms += ms;
}
