/* SPDX-License-Identifier: MIT */
/*
 * Many processes that want one lock, in C, as shells take longer to start than locks to take.
 *
 *     lockers race IDIOM LOCKS RESOURCE PROCESSES ROUNDS
 *         In each round all begin at once; exactly one must get it, and gives it back. IDIOM:
 * touch, redirect, noclobber, name, flock, fcntl, ctl. Prints the rounds won. lockers pairs IDIOM
 * LOCKS RESOURCE COUNT Takes and gives back, COUNT times; prints "PER_SECOND P50_US P99_US
 * WORST_US". IDIOM: touch, flock. lockers park LOCKS RESOURCE COUNT COUNT children wait in flock;
 * prints "parked" once all do; ends them when its input ends.
 *
 * Each process is a holder of its own: BOOKFS_INSTANCE is in its environment, so a child is begun
 * anew with exec.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char path[512], all[512], ctl[512], id[64];
static const char *resource;

static void set_paths(const char *locks, const char *r)
{
	resource = r;
	snprintf(path, sizeof(path), "%s/%s", locks, r);
	snprintf(all, sizeof(all), "%s/.all/%s", locks, r);
	snprintf(ctl, sizeof(ctl), "%s/.ctl", locks);
}

static void die(const char *what)
{
	fprintf(stderr, "lockers: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- the idioms: whether it was taken; held_fd is what is to be closed with it */

static int held_fd = -1;

static bool take_open(int flags)
{
	int fd = open(path, O_WRONLY | O_CREAT | flags, 0666);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* As touch(1) does: its exit status is that of the second call. */
static bool take_touch(void)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_NOCTTY | O_NONBLOCK, 0666);
	bool taken = fd >= 0 ? futimens(fd, NULL) == 0 : utimensat(AT_FDCWD, path, NULL, 0) == 0;

	if (fd >= 0)
		close(fd);
	return taken;
}

static bool take_redirect(void)
{
	return take_open(O_TRUNC);
}

static bool take_noclobber(void)
{
	return take_open(O_EXCL);
}

static bool take_name(void)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	bool taken = fd >= 0 && write(fd, id, strlen(id)) > 0;

	if (fd >= 0)
		close(fd);
	return taken;
}

static bool take_flock(void)
{
	held_fd = open(all, O_RDONLY);
	if (held_fd < 0)
		die(all);
	if (flock(held_fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	close(held_fd);
	return false;
}

static bool take_fcntl(void)
{
	struct flock f = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	held_fd = open(all, O_RDWR);
	if (held_fd < 0)
		die(all);
	if (fcntl(held_fd, F_SETLK, &f) == 0)
		return true;
	close(held_fd);
	return false;
}

static bool take_ctl(void)
{
	char line[128];
	int fd = open(ctl, O_WRONLY);
	bool taken;

	snprintf(line, sizeof(line), "acquire %s", resource);
	taken = fd >= 0 && write(fd, line, strlen(line)) > 0;
	if (fd >= 0)
		close(fd);
	return taken;
}

static void give_back(void)
{
	if (held_fd >= 0)
		close(held_fd);
	else if (unlink(path) < 0)
		die("giving it back");
	held_fd = -1;
}

static const struct {
	const char *name;
	bool (*take)(void);
} idioms[] = {
	{"touch", take_touch}, {"redirect", take_redirect}, {"noclobber", take_noclobber},
	{"name", take_name},   {"flock", take_flock},	    {"fcntl", take_fcntl},
	{"ctl", take_ctl},
};

static bool (*idiom(const char *name))(void)
{
	for (size_t i = 0; i < sizeof(idioms) / sizeof(idioms[0]); i++)
		if (!strcmp(idioms[i].name, name))
			return idioms[i].take;
	errno = EINVAL;
	die(name);
	return NULL;
}

/* ---- race */

struct round {
	int ready, tried, won, next;
};

static void wait_for(int *value, int at_least)
{
	while (__atomic_load_n(value, __ATOMIC_SEQ_CST) < at_least)
		usleep(20);
}

static void racer(struct round *rounds, int count, int processes, const char *name)
{
	bool (*take)(void) = idiom(name);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < count; i++) {
		struct round *r = &rounds[i];
		bool won;

		__atomic_add_fetch(&r->ready, 1, __ATOMIC_SEQ_CST);
		wait_for(&r->ready, processes);
		won = take();
		if (won)
			__atomic_add_fetch(&r->won, 1, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&r->tried, 1, __ATOMIC_SEQ_CST);
		wait_for(&r->tried, processes);
		if (won)
			give_back();
		__atomic_add_fetch(&r->next, 1, __ATOMIC_SEQ_CST);
		wait_for(&r->next, processes);
	}
	exit(0);
}

/* Begun anew, with an instance of its own and the rounds as descriptor 9. */
static void spawn(char **argv, int n)
{
	char number[16];

	if (fork() != 0)
		return;
	snprintf(id, sizeof(id), "CLI-%d", n);
	snprintf(number, sizeof(number), "%d", n);
	setenv("BOOKFS_INSTANCE", id, 1);
	setenv("LOCKER", number, 1);
	execv("/proc/self/exe", argv);
	die("exec");
}

static int race(char **argv)
{
	int processes = atoi(argv[5]), count = atoi(argv[6]), one = 0, status, failed = 0;
	size_t size = sizeof(struct round) * (size_t)count;
	const char *self = getenv("LOCKER");
	struct round *rounds;

	set_paths(argv[3], argv[4]);
	if (!self && (dup2(memfd_create("rounds", 0), 9) < 0 || ftruncate(9, (off_t)size) < 0))
		die("rounds");
	rounds = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, 9, 0);
	if (rounds == MAP_FAILED)
		die("mmap");
	if (self) {
		snprintf(id, sizeof(id), "CLI-%s", self);
		racer(rounds, count, processes, argv[2]);
	}
	for (int i = 0; i < processes; i++)
		spawn(argv, i + 1);
	/* The others would wait for one that failed; they end with this process. */
	for (int i = 0; i < processes && !failed; i++)
		failed = wait(&status) > 0 && status != 0;
	for (int i = 0; i < count; i++) {
		one += rounds[i].won == 1;
		if (rounds[i].won != 1)
			fprintf(stderr, "round %d: %d winners\n", i, rounds[i].won);
	}
	printf("%d\n", one);
	return failed || one != count;
}

/* ---- pairs */

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int pairs(char **argv)
{
	bool (*take)(void) = idiom(argv[2]);
	int count = atoi(argv[5]);
	int64_t *took = calloc((size_t)count, sizeof(*took)), start;

	set_paths(argv[3], argv[4]);
	start = now_ns();
	for (int i = 0; i < count; i++) {
		int64_t begun = now_ns();

		if (!take())
			die("taking it");
		give_back();
		took[i] = now_ns() - begun;
	}
	start = now_ns() - start;
	qsort(took, (size_t)count, sizeof(*took), by_size);
	printf("%.0f %.1f %.1f %.1f\n", count * 1e9 / (double)start, (double)took[count / 2] / 1e3,
	       (double)took[count - 1 - count / 100] / 1e3, (double)took[count - 1] / 1e3);
	free(took);
	return 0;
}

/* ---- park */

/* How many came into the queue so far, as the history of the locks tells. */
static int count_arrivals(const char *locks)
{
	char log[512], line[1024];
	int count = 0;
	FILE *f;

	snprintf(log, sizeof(log), "%s/.log", locks);
	f = fopen(log, "re");
	if (!f)
		die(log);
	while (fgets(line, sizeof(line), f))
		count += strstr(line, " waiting ") != NULL;
	fclose(f);
	return count;
}

static int park(char **argv)
{
	int count = atoi(argv[4]), before, fd;
	struct pollfd p = {.fd = 0, .events = POLLIN};

	set_paths(argv[2], argv[3]);
	before = count_arrivals(argv[2]);
	for (int i = 0; i < count; i++) {
		if (fork() != 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fd = open(all, O_RDONLY);
		if (fd < 0 || flock(fd, LOCK_EX) < 0)
			die("flock");
		_exit(0);
	}
	while (count_arrivals(argv[2]) < before + count)
		usleep(1000);
	puts("parked");
	fflush(stdout);
	poll(&p, 1, -1);
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	while (wait(NULL) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 7 && !strcmp(argv[1], "race"))
		return race(argv);
	if (argc == 6 && !strcmp(argv[1], "pairs"))
		return pairs(argv);
	if (argc == 5 && !strcmp(argv[1], "park"))
		return setpgid(0, 0) < 0 ? 1 : park(argv);
	fprintf(stderr, "lockers: see lockers.c\n");
	return 2;
}
