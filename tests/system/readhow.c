/* SPDX-License-Identifier: MIT */
/*
 * The ways to read a file that no everyday program of its own shows: readhow WAY FILE > COPY
 *
 *     sendfile   fstat, then sendfile of that many bytes
 *     splice     file to pipe to standard output
 *     mmap       fstat, then the mapping is written: a size that lies is a SIGBUS or a short copy
 *     pread      backwards, 1,000 bytes at a time
 *     readv      into two buffers
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OUT = STDOUT_FILENO };

static size_t size_of(int fd)
{
	struct stat st;
	if (fstat(fd, &st))
		err(1, "fstat");
	return (size_t)st.st_size;
}

static void put(const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(OUT, data, len);
		if (n < 0)
			err(1, "write");
		data += n, len -= (size_t)n;
	}
}

static void by_sendfile(int fd)
{
	for (size_t left = size_of(fd); left;) {
		ssize_t n = sendfile(OUT, fd, NULL, left);
		if (n <= 0)
			err(1, "sendfile ended %zu bytes early", left);
		left -= (size_t)n;
	}
}

static void by_splice(int fd)
{
	int ends[2];
	ssize_t n;

	if (pipe(ends))
		err(1, "pipe");
	while ((n = splice(fd, NULL, ends[1], NULL, 65536, 0)) > 0)
		for (ssize_t moved = 0, m; moved < n; moved += m)
			if ((m = splice(ends[0], NULL, OUT, NULL, (size_t)(n - moved), 0)) <= 0)
				err(1, "splice out");
	if (n < 0)
		err(1, "splice in");
}

static void by_mmap(int fd)
{
	size_t len = size_of(fd);
	char *map = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		err(1, "mmap");
	/* Copied first: a write() from a bad mapping would be EFAULT, not the SIGBUS readers get.
	 */
	char *copy = malloc(len);
	if (!copy)
		err(1, "memory");
	memcpy(copy, map, len);
	put(copy, len);
	free(copy);
	munmap(map, len);
}

static void by_pread(int fd)
{
	size_t len = size_of(fd), at = len;
	char *copy = malloc(len ? len : 1);
	if (!copy)
		err(1, "memory");
	while (at) {
		size_t want = at < 1000 ? at : 1000;
		at -= want;
		if (pread(fd, copy + at, want, (off_t)at) != (ssize_t)want)
			err(1, "pread at %zu", at);
	}
	put(copy, len);
	free(copy);
}

static void by_readv(int fd)
{
	char one[700], two[3000];
	struct iovec parts[] = {{one, sizeof one}, {two, sizeof two}};
	ssize_t n;

	while ((n = readv(fd, parts, 2)) > 0) {
		size_t first = (size_t)n < sizeof one ? (size_t)n : sizeof one;
		put(one, first);
		put(two, (size_t)n - first);
	}
	if (n < 0)
		err(1, "readv");
}

static const struct {
	const char *name;
	void (*copy)(int fd);
} ways[] = {
	{"sendfile", by_sendfile}, {"splice", by_splice}, {"mmap", by_mmap},
	{"pread", by_pread},	   {"readv", by_readv},
};

int main(int argc, char **argv)
{
	int fd = argc == 3 ? open(argv[2], O_RDONLY) : -1;

	if (argc != 3)
		errx(2, "usage: readhow sendfile|splice|mmap|pread|readv FILE");
	if (fd < 0)
		err(1, "%s", argv[2]);
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		if (!strcmp(ways[i].name, argv[1])) {
			ways[i].copy(fd);
			return 0;
		}
	errx(2, "no such way: %s", argv[1]);
}
