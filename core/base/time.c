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
