/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>

#include "base.h"

/*
 * A pid is used again, so a process is told by its pid and the moment it began; and a pid means
 * something only in the namespace it was seen in, of one boot of one machine. Whoever cannot show
 * that a process is dead must not say so: everything unclear is PROCESS_UNKNOWN.
 *
 * The pidfd is opened before the moment is compared. It stays with the process it was opened on, so
 * that no newcomer under the same number comes between the two.
 */

/* ---- where we are */

static struct {
	pthread_once_t once;
	char boot[37], machine[33];
	uint64_t pid_namespace; /* 0: not known */
} here = {.once = PTHREAD_ONCE_INIT};

/* The first `len` characters of a file of one line; "" if it has fewer. */
static void read_id(char *out, size_t len, const char *path)
{
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, out, len);
	out[got == (ssize_t)len ? len : 0] = '\0';
}

static void look_around(void)
{
	struct stat ns;

	read_id(here.boot, sizeof(here.boot) - 1, "/proc/sys/kernel/random/boot_id");
	read_id(here.machine, sizeof(here.machine) - 1, "/etc/machine-id");
	if (stat("/proc/self/ns/pid", &ns) == 0)
		here.pid_namespace = ns.st_ino;
}

const char *process_boot(void)
{
	pthread_once(&here.once, look_around);
	return here.boot;
}

/* ---- one process */

/* Field 22 of its stat; the second is its name in brackets and may hold anything. */
static int read_start(uint64_t *ticks, pid_t pid)
{
	char path[32], text[1024];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (len < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	text[len] = '\0';
	const char *p = strrchr(text, ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p)
		return -EIO;
	*ticks = strtoull(p, NULL, 10);
	return 0;
}

/* A process has ended when its last thread has, whatever its first one did. */
static bool has_ended(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	return poll(&p, 1, 0) > 0;
}

int process_find(struct process *out, pid_t pid)
{
	struct process p = {.pid = pid};

	pthread_once(&here.once, look_around);
	if (pid <= 0)
		return -ESRCH;
	CLEANUP(cleanup_close) int fd = pidfd_open(pid, 0);
	if (fd < 0 && (errno == ESRCH || errno == EINVAL))
		return -ESRCH;
	int result = read_start(&p.start_ticks, pid);
	if (result < 0)
		return result;
	if (fd >= 0 && has_ended(fd))
		return -ESRCH;
	p.pid_namespace = here.pid_namespace;
	memcpy(p.boot, here.boot, sizeof(p.boot));
	memcpy(p.machine, here.machine, sizeof(p.machine));
	*out = p;
	return 0;
}

bool process_is(const struct process *a, const struct process *b)
{
	return a->pid > 0 && a->pid == b->pid && a->start_ticks == b->start_ticks &&
	       a->pid_namespace == b->pid_namespace && strcmp(a->boot, b->boot) == 0;
}

static bool can_judge(const struct process *p)
{
	return p->pid > 0 && here.boot[0] && strcmp(p->boot, here.boot) == 0 &&
	       here.pid_namespace && p->pid_namespace == here.pid_namespace;
}

int process_fd(const struct process *p)
{
	uint64_t ticks = 0;

	pthread_once(&here.once, look_around);
	if (!can_judge(p))
		return -ENOTSUP;
	int fd = pidfd_open(p->pid, 0);
	if (fd < 0)
		return errno == EINVAL ? -ESRCH : -errno; /* EINVAL: the number is a thread's now */
	int result = read_start(&ticks, p->pid);
	if (result == -ESRCH && !has_ended(fd))
		result = -ENOTSUP; /* proc(5), hidepid */
	else if (result == 0 && ticks != p->start_ticks)
		result = -ESRCH;
	if (result == 0)
		return fd;
	close(fd);
	return result;
}

enum process_life process_life(const struct process *p)
{
	pthread_once(&here.once, look_around);
	if (p->pid > 0 && here.boot[0] && p->boot[0] && strcmp(p->boot, here.boot) != 0 &&
	    here.machine[0] && strcmp(p->machine, here.machine) == 0)
		return PROCESS_DEAD;
	CLEANUP(cleanup_close) int fd = process_fd(p);
	if (fd == -ESRCH || (fd >= 0 && has_ended(fd)))
		return PROCESS_DEAD;
	return fd >= 0 ? PROCESS_ALIVE : PROCESS_UNKNOWN;
}
