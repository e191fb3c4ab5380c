/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "import.h"

/* "where/name" becomes "where/.name.part": of one file system, and in nobody's way. */
static char *temporary_of(const char *name)
{
	const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;

	return xasprintf("%.*s.%.200s.part", (int)(last - name), name, last);
}

/* What is being written as the process is told to end goes with it. Threads but the first have all
 * signals blocked (pool.c), so nothing of it is freed meanwhile. */
static struct {
	_Atomic(const char *) temporary;
	int folder;
} unfinished;

static void on_end(int signal)
{
	const char *name = unfinished.temporary;

	if (name)
		unlinkat(unfinished.folder, name, 0);
	raise(signal); /* comes as this returns, and is the end */
}

static void forget(struct part *p)
{
	unfinished.temporary = NULL;
	free(p->temporary);
	p->temporary = NULL;
}

static void note(const struct part *p)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
	const struct sigaction end = {.sa_handler = on_end, .sa_flags = (int)SA_RESETHAND};
	struct sigaction now;

	unfinished.folder = p->folder;
	unfinished.temporary = p->temporary;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (sigaction(ends[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL)
			sigaction(ends[i], &end, NULL);
}

int part_begin(struct part *p, int folder, const char *name)
{
	*p = (struct part){
		.folder = folder, .name = xstrdup(name), .temporary = temporary_of(name)};
	note(p);
	p->fd = openat(folder, p->temporary, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		       0666);
	return p->fd < 0 ? -errno : 0;
}

int part_commit(struct part *p, int64_t mtime_unix_ms)
{
	const struct timespec when = clock_timespec(mtime_unix_ms);
	const struct timespec times[2] = {when, when};

	if (mtime_unix_ms && futimens(p->fd, times) < 0)
		return -errno;
	if (fsync(p->fd) < 0 || renameat(p->folder, p->temporary, p->folder, p->name) < 0)
		return -errno;
	forget(p);
	return 0;
}

void part_finish(struct part *p)
{
	if (p->temporary && p->fd >= 0)
		unlinkat(p->folder, p->temporary, 0);
	if (p->name && p->fd >= 0)
		close(p->fd);
	if (p->temporary)
		forget(p);
	free(p->name);
	*p = (struct part){.fd = -1};
}

/* ---- a folder that may be anybody's */

int dir_read(struct buf *out, int folder, const char *path)
{
	CLEANUP(cleanup_close)
	int fd = openat(folder, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	out->max_bytes = FILE_BYTES;
	do {
		char part[65536];

		n = read(fd, part, sizeof(part));
		if (n > 0)
			buf_add(out, part, (size_t)n);
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? -errno : buf_error(out);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

void dir_each(int folder, const char *sub, void (*fn)(void *arg, const char *name), void *arg)
{
	CLEANUP(cleanup_close)
	int fd = openat(folder, sub, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent **names;
	int count = fd < 0 ? 0 : scandirat(fd, ".", &names, NULL, by_name);

	for (int i = 0; i < count; i++) {
		fn(arg, names[i]->d_name);
		free(names[i]);
	}
	if (count > 0)
		free(names);
}
