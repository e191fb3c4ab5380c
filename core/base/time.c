/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base.h"

void clock_iso(char out[ISO_TIME_BYTES], int64_t unix_ms)
{
	time_t seconds = (time_t)(unix_ms / 1000);
	int ms = (int)(unix_ms % 1000);
	struct tm tm;
	size_t n;

	if (ms < 0)
		ms += 1000, seconds--;
	if (!gmtime_r(&seconds, &tm) || tm.tm_year > 9999 - 1900)
		memset(&tm, 0, sizeof(tm));
	n = strftime(out, ISO_TIME_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, ISO_TIME_BYTES - n, ".%03dZ", ms);
}

int64_t clock_ms_of(struct timespec t)
{
	int64_t ms;

	if (__builtin_mul_overflow((int64_t)t.tv_sec, 1000, &ms) ||
	    __builtin_add_overflow(ms, t.tv_nsec / 1000000, &ms))
		return t.tv_sec < 0 ? INT64_MIN : INT64_MAX;
	return ms;
}

/* The nanoseconds count on from the second, before 1970 too. */
struct timespec clock_timespec(int64_t unix_ms)
{
	int64_t ms = unix_ms % 1000 + (unix_ms % 1000 < 0 ? 1000 : 0);

	return (struct timespec){.tv_sec = unix_ms / 1000 - (unix_ms % 1000 < 0),
				 .tv_nsec = ms * 1000000};
}
