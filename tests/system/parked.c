/* SPDX-License-Identifier: MIT */
/*
 * Many readers of one file whose open waits: parked FILE PROCESSES THREADS
 *
 * Every thread opens FILE, notes when the open returned, and reads all of it. Lines on standard
 * output, for parked.py:
 *     asking N        all threads have called open() (they are in it, or just about to be)
 *     awake {JSON}    all have ended: {"readers", "good", "errors", "errno", "spread_ms",
 * "last_unix_ms", "bytes"}; good: as many bytes as fstat said, and all readers the same number
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STACK_BYTES = 64 << 10 };

/* One page that all processes share. */
static struct shared {
	sem_t asking; /* posted by each reader before it opens */
	_Atomic int good, errors, last_errno;
	_Atomic int64_t first_us, last_us, bytes;
} * shared;
static const char *path;

static int64_t unix_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void note_awake(int64_t now)
{
	int64_t none = 0, last = atomic_load(&shared->last_us);
	atomic_compare_exchange_strong(&shared->first_us, &none, now);
	while (last < now && !atomic_compare_exchange_weak(&shared->last_us, &last, now))
		;
}

static int64_t read_all(int fd)
{
	char buf[4096];
	int64_t total = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof buf)) > 0)
		total += n;
	return n < 0 ? -1 : total;
}

static void *reader(void *arg)
{
	struct stat st;

	sem_post(&shared->asking);
	int fd = open(path, O_RDONLY);
	int code = errno;
	note_awake(unix_us());
	if (fd < 0 || fstat(fd, &st)) {
		atomic_store(&shared->last_errno, fd < 0 ? code : errno);
		atomic_fetch_add(&shared->errors, 1);
		return NULL;
	}
	int64_t total = read_all(fd), none = 0;
	atomic_compare_exchange_strong(&shared->bytes, &none, total);
	if (total > 0 && total == st.st_size && total == atomic_load(&shared->bytes))
		atomic_fetch_add(&shared->good, 1);
	close(fd);
	return NULL;
}

static int process(int threads)
{
	pthread_attr_t attr;
	pthread_t *ids = calloc((size_t)threads, sizeof *ids);

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	for (int i = 0; ids && i < threads; i++)
		if ((errno = pthread_create(&ids[i], &attr, reader, NULL)))
			err(1, "thread %d", i);
	for (int i = 0; ids && i < threads; i++)
		pthread_join(ids[i], NULL);
	free(ids);
	return ids ? 0 : 1;
}

static void start(int processes, int threads)
{
	for (int i = 0; i < processes; i++) {
		pid_t pid = fork();
		if (pid < 0)
			err(1, "fork");
		if (!pid)
			_exit(process(threads));
	}
}

/* How many of them ask, once all do or 60 s have passed. */
static int count_asking(int readers)
{
	struct timespec end;
	int asking = 0;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 60;
	while (asking < readers && !sem_timedwait(&shared->asking, &end))
		asking++;
	return asking;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		errx(2, "usage: parked FILE PROCESSES THREADS");
	int processes = atoi(argv[2]), threads = atoi(argv[3]), readers = processes * threads;
	int status;

	path = argv[1];
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		err(1, "mmap");
	sem_init(&shared->asking, 1, 0);
	start(processes, threads);
	printf("asking %d\n", count_asking(readers));
	fflush(stdout);
	while (wait(&status) > 0)
		;
	printf("awake {\"readers\": %d, \"good\": %d, \"errors\": %d, \"errno\": %d, "
	       "\"spread_ms\": %.1f, \"last_unix_ms\": %lld, \"bytes\": %lld}\n",
	       readers, atomic_load(&shared->good), atomic_load(&shared->errors),
	       atomic_load(&shared->last_errno),
	       (double)(atomic_load(&shared->last_us) - atomic_load(&shared->first_us)) / 1000,
	       (long long)(atomic_load(&shared->last_us) / 1000),
	       (long long)atomic_load(&shared->bytes));
	return 0;
}
