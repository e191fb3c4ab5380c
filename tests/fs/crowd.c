/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* COUNT threads open PATH and read it. Says how many read the same true size, and how long after
 * the first the last one had it. */

static const char *path;
static atomic_int good;
static atomic_llong first_us = INT64_MAX, last_us;
static atomic_long size = -1;

static long long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void *reader(void *arg)
{
	char byte;
	long mine, none = -1;
	long long now, seen;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	now = now_us();
	mine = lseek(fd, 0, SEEK_END);
	atomic_compare_exchange_strong(&size, &none, mine);
	if (mine == atomic_load(&size) && pread(fd, &byte, 1, 0) == 1 && byte == '{')
		atomic_fetch_add(&good, 1);
	for (seen = atomic_load(&first_us); now < seen;)
		if (atomic_compare_exchange_weak(&first_us, &seen, now))
			break;
	for (seen = atomic_load(&last_us); now > seen;)
		if (atomic_compare_exchange_weak(&last_us, &seen, now))
			break;
	close(fd);
	return NULL;
}

int main(int argc, char **argv)
{
	int count = argc == 3 ? atoi(argv[1]) : 0;
	pthread_t *threads = calloc(count > 0 ? (size_t)count : 1, sizeof(*threads));
	pthread_attr_t small;
	int started = 0;

	if (count < 1 || !threads)
		return 2;
	path = argv[2];
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 * 1024);
	while (started < count && pthread_create(&threads[started], &small, reader, NULL) == 0)
		started++;
	for (int i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	printf("good=%d spread_ms=%lld\n", atomic_load(&good),
	       (atomic_load(&last_us) - atomic_load(&first_us)) / 1000);
	return 0;
}
