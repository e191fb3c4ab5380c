/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

#include "base.h"

/*
 * A clock that a test moves on, in the place of base's: CLOCK_FILE names a file of two numbers of
 * milliseconds, native 64 bits each. The first has passed; the second was slept (a suspend), which
 * the monotonic clock does not count.
 */

static const volatile int64_t *moved(void)
{
	static const int64_t not_at_all[2];
	static const volatile int64_t *at;
	const char *path = getenv("CLOCK_FILE");
	int fd;

	if (at)
		return at;
	at = not_at_all;
	fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd >= 0) {
		void *map = mmap(NULL, sizeof(not_at_all), PROT_READ, MAP_SHARED, fd, 0);

		close(fd);
		if (map != MAP_FAILED)
			at = map;
	}
	return at;
}

static int64_t now_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_unix_ms(void)
{
	return now_us(CLOCK_REALTIME) / 1000 + moved()[0] + moved()[1];
}

int64_t clock_boot_ms(void)
{
	return now_us(CLOCK_BOOTTIME) / 1000 + moved()[0] + moved()[1];
}

int64_t clock_mono_us(void)
{
	return now_us(CLOCK_MONOTONIC) + moved()[0] * 1000;
}
