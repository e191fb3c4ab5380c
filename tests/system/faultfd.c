/* SPDX-License-Identifier: MIT */
/*
 * A file-descriptor shim (LD_PRELOAD): one chosen call on the files below a folder fails, once.
 *
 *     FAULTFD_BELOW   the folder; other files are let through untouched and uncounted
 *     FAULTFD_SHARED  a file of a few bytes, mapped by every process of the program: the count of
 *                     matching calls (int64, then one count a group), so that the Nth is one in all
 *     FAULTFD_CALLS   which calls match: letters of w (write pwrite writev), s (fsync fdatasync),
 *                     o (open for writing, and creating), O (every open), r (rename link unlink),
 *                     t (ftruncate fallocate)
 *     FAULTFD_AT      fails the Nth matching call, from 1; 0 none
 *     FAULTFD_HOW     ENOSPC | EIO | EDQUOT | short (a write does half of it; others: EIO)
 *                     FAULTFD_FROM_ON=1 makes every call from the Nth on fail
 *     FAULTFD_SLOW_MS every matching call takes that much longer
 *
 * What it cannot see is what goes through a mapping (SQLite's -shm).
 */
/* Both names of a call are needed (open and open64), so the headers must not make one the other. */
#undef _FILE_OFFSET_BITS
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* The calls that stand in for libc's have libc's prototypes, or none in its headers (the 64s). */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

enum verdict { GO_ON, FAIL, SHORT };

static const char *below;
static const char *letters = "";
static int64_t fail_at;
static int fail_errno;
static bool fail_short, fail_from_on;
static long slow_ms;
static _Atomic int64_t *count;
static _Atomic int64_t own_count;

static const struct {
	const char *name;
	int code;
} hows[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO}, {"EDQUOT", EDQUOT}, {"short", EIO}};

__attribute__((constructor)) static void begin(void)
{
	const char *how = getenv("FAULTFD_HOW"), *shared = getenv("FAULTFD_SHARED");
	const char *at = getenv("FAULTFD_AT"), *slow = getenv("FAULTFD_SLOW_MS");

	for (size_t i = 0; how && i < sizeof hows / sizeof *hows; i++)
		if (!strcmp(how, hows[i].name)) {
			fail_errno = hows[i].code;
			fail_short = !strcmp(how, "short");
		}
	fail_from_on = getenv("FAULTFD_FROM_ON") != NULL;
	fail_at = at ? atoll(at) : 0;
	slow_ms = slow ? atol(slow) : 0;
	letters = getenv("FAULTFD_CALLS") ? getenv("FAULTFD_CALLS") : "";
	count = &own_count;
	int fd = shared ? open(shared, O_RDWR | O_CLOEXEC) : -1;
	if (fd >= 0) {
		void *map = mmap(NULL, sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (map != MAP_FAILED)
			count = map;
		close(fd);
	}
	below = getenv("FAULTFD_BELOW"); /* last: from here on calls are counted */
}

static bool is_below(const char *path)
{
	size_t len = below ? strlen(below) : 0;
	return len && !strncmp(path, below, len);
}

static bool fd_is_below(int fd)
{
	char link[64], path[PATH_MAX];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = below ? readlink(link, path, sizeof path - 1) : -1;
	if (n < 0)
		return false;
	path[n] = '\0';
	return is_below(path);
}

/* A path as a call got it: one relative to a folder is below when that folder is. */
static bool path_is_below(int folder, const char *path)
{
	if (path[0] == '/')
		return is_below(path);
	char cwd[PATH_MAX];
	if (folder != AT_FDCWD)
		return fd_is_below(folder);
	return getcwd(cwd, sizeof cwd) && is_below(cwd);
}

static enum verdict judge(char letter)
{
	if (!strchr(letters, letter))
		return GO_ON;
	if (slow_ms) {
		struct timespec t = {slow_ms / 1000, slow_ms % 1000 * 1000000};
		nanosleep(&t, NULL);
	}
	int64_t n = atomic_fetch_add(count, 1) + 1;
	if (!fail_at || !(fail_from_on ? n >= fail_at : n == fail_at))
		return GO_ON;
	errno = fail_errno;
	return fail_short && letter == 'w' ? SHORT : FAIL;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define EXPORT __attribute__((visibility("default")))
/* The same function under the name that programs with 64-bit offsets call. */
#define ALSO(name) EXPORT __attribute__((alias(#name)))
_Static_assert(sizeof(off_t) == sizeof(off64_t), "pwrite and pwrite64 are one function here");

/* ---- writes */

EXPORT ssize_t write(int fd, const void *data, size_t len)
{
	enum verdict v = fd_is_below(fd) ? judge('w') : GO_ON;
	return v == FAIL ? -1 : NEXT(write)(fd, data, v == SHORT ? len / 2 : len);
}

EXPORT ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
	enum verdict v = fd_is_below(fd) ? judge('w') : GO_ON;
	return v == FAIL ? -1 : NEXT(pwrite)(fd, data, v == SHORT ? len / 2 : len, at);
}

ALSO(pwrite) ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at);

EXPORT ssize_t writev(int fd, const struct iovec *parts, int n)
{
	enum verdict v = fd_is_below(fd) ? judge('w') : GO_ON;
	if (v == SHORT)
		return NEXT(write)(fd, parts[0].iov_base, parts[0].iov_len / 2);
	return v == FAIL ? -1 : NEXT(writev)(fd, parts, n);
}

/* ---- syncs */

EXPORT int fsync(int fd)
{
	return fd_is_below(fd) && judge('s') ? -1 : NEXT(fsync)(fd);
}

EXPORT int fdatasync(int fd)
{
	return fd_is_below(fd) && judge('s') ? -1 : NEXT(fdatasync)(fd);
}

/* ---- opens */

static bool refuse_open(int folder, const char *path, int flags)
{
	if (!path_is_below(folder, path))
		return false;
	bool writes = (flags & O_ACCMODE) != O_RDONLY || flags & O_CREAT;
	return judge(writes && strchr(letters, 'o') ? 'o' : 'O') != GO_ON;
}

/* The mode is there only when the flags say so. */
#define MODE(flags, last)                                                                          \
	({                                                                                         \
		mode_t mode_ = 0;                                                                  \
		if ((flags)&O_CREAT || ((flags)&O_TMPFILE) == O_TMPFILE) {                         \
			va_list va_;                                                               \
			va_start(va_, last);                                                       \
			mode_ = va_arg(va_, mode_t);                                               \
			va_end(va_);                                                               \
		}                                                                                  \
		mode_;                                                                             \
	})

EXPORT int open(const char *path, int flags, ...)
{
	mode_t mode = MODE(flags, flags);
	return refuse_open(AT_FDCWD, path, flags) ? -1 : NEXT(open)(path, flags, mode);
}

ALSO(open) int open64(const char *path, int flags, ...);

EXPORT int openat(int folder, const char *path, int flags, ...)
{
	mode_t mode = MODE(flags, flags);
	return refuse_open(folder, path, flags) ? -1 : NEXT(openat)(folder, path, flags, mode);
}
ALSO(openat) int openat64(int folder, const char *path, int flags, ...);

/* ---- names */

EXPORT int rename(const char *from, const char *to)
{
	return path_is_below(AT_FDCWD, from) && judge('r') ? -1 : NEXT(rename)(from, to);
}

EXPORT int renameat(int a, const char *from, int b, const char *to)
{
	return path_is_below(a, from) && judge('r') ? -1 : NEXT(renameat)(a, from, b, to);
}

EXPORT int link(const char *from, const char *to)
{
	return path_is_below(AT_FDCWD, to) && judge('r') ? -1 : NEXT(link)(from, to);
}

EXPORT int unlink(const char *path)
{
	return path_is_below(AT_FDCWD, path) && judge('r') ? -1 : NEXT(unlink)(path);
}

/* ---- sizes */

EXPORT int ftruncate(int fd, off_t size)
{
	return fd_is_below(fd) && judge('t') ? -1 : NEXT(ftruncate)(fd, size);
}
ALSO(ftruncate) int ftruncate64(int fd, off64_t size);

EXPORT int fallocate(int fd, int mode, off_t at, off_t len)
{
	return fd_is_below(fd) && judge('t') ? -1 : NEXT(fallocate)(fd, mode, at, len);
}
ALSO(fallocate) int fallocate64(int fd, int mode, off64_t at, off64_t len);
