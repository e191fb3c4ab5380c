/* SPDX-License-Identifier: MIT */
/* clang-format off */
/*
 * The measuring loops of the benchmark: what is measured is the file system, not an interpreter.
 *
 *     measure stat   MS DIR [SUFFIX]     stats a second over all files below DIR, for MS milliseconds
 *     measure open   MS DIR [SUFFIX]     open + close a second
 *     measure read   0  DIR [SUFFIX]     reads every file once: "BYTES SECONDS FILES"
 *     measure warm   N  DIR [SUFFIX]     the same N times over, after a time that does not count
 *     measure random N  DIR [SUFFIX]     N reads of 4 KiB at random places: reads a second
 *     measure write  MB DIR              writes a new file DIR/measure: bytes a second
 *     measure change N  DIR [SUFFIX]     N writes of 4 KiB at random places: writes a second
 *     measure create MS DIR              create + close + unlink a second
 *     measure small  N  DIR              N files of 3 KB are written aside and renamed, then looked at
 *                                        and read: files a second
 *     measure remove N  DIR              removes them: files a second
 *     measure list   N  DIR              opens and lists DIR N times: lists a second
 *
 * Symbolic links are not followed. Prints one line; exit 1 and a reason when anything fails: a
 * figure of calls that failed is no figure.
 */
/* clang-format on */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char **files;
static long long *sizes;
static size_t file_count;
static const char *suffix = "";

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int collect(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	size_t len = strlen(path), want = strlen(suffix);
	if (type != FTW_F || !S_ISREG(st->st_mode) || len < want ||
	    strcmp(path + len - want, suffix))
		return 0;
	files = realloc(files, (file_count + 1) * sizeof *files);
	sizes = realloc(sizes, (file_count + 1) * sizeof *sizes);
	if (!files || !sizes || !(files[file_count] = strdup(path)))
		err(1, "memory");
	sizes[file_count++] = st->st_size;
	return 0;
}

static void one_stat(size_t i)
{
	struct stat st;
	if (stat(files[i % file_count], &st))
		err(1, "stat %s", files[i % file_count]);
}

static void one_open(size_t i)
{
	int fd = open(files[i % file_count], O_RDONLY);
	if (fd < 0)
		err(1, "open %s", files[i % file_count]);
	close(fd);
}

static void one_create(const char *folder)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/measure", folder);
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0644);
	if (fd < 0)
		err(1, "create %s", path);
	close(fd);
	if (unlink(path))
		err(1, "unlink %s", path);
}

static void one_list(const char *folder)
{
	DIR *d = opendir(folder);
	if (!d)
		err(1, "open %s", folder);
	while (readdir(d))
		;
	closedir(d);
}

static void repeat(const char *what, double seconds, const char *folder)
{
	double start = now_s(), end = start + seconds, now = start;
	size_t done = 0;

	/* The clock is asked every 64 calls, so that it is not what is measured. */
	for (; now < end; now = now_s())
		for (int k = 0; k < 64; k++, done++)
			if (what[0] == 's')
				one_stat(done);
			else if (what[0] == 'o')
				one_open(done);
			else
				one_create(folder);
	printf("%.1f\n", (double)done / (now - start));
}

static char buf[1 << 17];

/* From where the descriptor stands to the end. */
static long long drain(int fd, size_t i)
{
	long long bytes = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof buf)) > 0)
		bytes += n;
	if (n < 0)
		err(1, "read %s", files[i]);
	return bytes;
}

static void read_all(void)
{
	double start = now_s();
	long long bytes = 0;

	for (size_t i = 0; i < file_count; i++) {
		int fd = open(files[i], O_RDONLY);
		if (fd < 0)
			err(1, "open %s", files[i]);
		bytes += drain(fd, i);
		close(fd);
	}
	printf("%lld %.6f %zu\n", bytes, now_s() - start, file_count);
}

static int *open_all(int flags)
{
	int *fds = calloc(file_count, sizeof *fds);

	if (!fds)
		err(1, "memory");
	for (size_t i = 0; i < file_count; i++)
		if ((fds[i] = open(files[i], flags)) < 0)
			err(1, "open %s", files[i]);
	return fds;
}

static void read_warm(long rounds)
{
	int *fds = open_all(O_RDONLY);
	long long bytes = 0;
	double start = 0;

	for (long n = -1; n < rounds; n++) {
		if (n == 0) {
			start = now_s();
			bytes = 0;
		}
		for (size_t i = 0; i < file_count; i++) {
			lseek(fds[i], 0, SEEK_SET);
			bytes += drain(fds[i], i);
		}
	}
	printf("%lld %.6f %zu\n", bytes, now_s() - start, file_count);
	free(fds);
}

/* All files are opened first: it is the reads (or writes) that are measured. The places are the
 * same each time. */
static void at_random(long count, bool writes)
{
	int *fds = open_all(writes ? O_RDWR : O_RDONLY);
	unsigned long long state = 88172645463325252ull;

	double start = now_s();
	for (long n = 0; n < count; n++) {
		state ^= state << 13, state ^= state >> 7, state ^= state << 17;
		size_t i = state % file_count;
		long long pages = sizes[i] / 4096;
		off_t at = pages ? (off_t)((long long)(state >> 20) % pages * 4096) : 0;
		if ((writes ? pwrite(fds[i], buf, 4096, at) : pread(fds[i], buf, 4096, at)) < 0)
			err(1, "%s %s", writes ? "write" : "read", files[i]);
	}
	printf("%.1f\n", (double)count / (now_s() - start));
	free(fds);
}

static void put(const char *path, long long bytes, size_t chunk)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0644);

	if (fd < 0)
		err(1, "create %s", path);
	for (long long done = 0; done < bytes; done += (long long)chunk)
		if (write(fd, buf, chunk) != (ssize_t)chunk)
			err(1, "write %s", path);
	if (close(fd))
		err(1, "close %s", path);
}

/* It stays, so that what follows can sync it: the caller removes it. */
static void write_one(long mb, const char *folder)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/measure", folder);
	double start = now_s();
	put(path, mb << 20, sizeof buf);
	printf("%.1f\n", (double)(mb << 20) / (now_s() - start));
}

static void small(long count, const char *folder)
{
	enum { SMALL = 3000 };
	char path[4096], aside[4096 + 8];
	struct stat st;
	double start = now_s();

	for (long n = 0; n < count; n++) {
		snprintf(path, sizeof path, "%s/measure%ld", folder, n);
		snprintf(aside, sizeof aside, "%s.new", path);
		put(aside, SMALL, SMALL);
		if (rename(aside, path))
			err(1, "rename %s", aside);
	}
	for (long n = 0; n < count; n++) {
		snprintf(path, sizeof path, "%s/measure%ld", folder, n);
		int fd = stat(path, &st) ? -1 : open(path, O_RDONLY);
		if (fd < 0 || read(fd, buf, sizeof buf) != SMALL || close(fd))
			err(1, "read %s", path);
	}
	printf("%.1f\n", (double)count / (now_s() - start));
}

static void remove_all(long count, const char *folder)
{
	char path[4096];
	double start = now_s();

	for (long n = 0; n < count; n++) {
		snprintf(path, sizeof path, "%s/measure%ld", folder, n);
		if (unlink(path))
			err(1, "unlink %s", path);
	}
	printf("%.1f\n", (double)count / (now_s() - start));
}

static void list_often(long count, const char *folder)
{
	double start = now_s();
	for (long n = 0; n < count; n++)
		one_list(folder);
	printf("%.1f\n", (double)count / (now_s() - start));
}

static const struct {
	const char *name;
	void (*run)(long amount, const char *folder);
} without_files[] = {
	{"list", list_often}, {"write", write_one}, {"small", small}, {"remove", remove_all}};

int main(int argc, char **argv)
{
	if (argc < 4)
		errx(2, "usage: measure "
			"stat|open|read|warm|random|write|change|create|small|remove|list "
			"AMOUNT DIR [SUFFIX]");
	const char *what = argv[1], *folder = argv[3];
	long amount = atol(argv[2]);
	suffix = argc > 4 ? argv[4] : "";

	for (size_t i = 0; i < sizeof without_files / sizeof *without_files; i++)
		if (!strcmp(what, without_files[i].name)) {
			without_files[i].run(amount, folder);
			return 0;
		}
	if (strcmp(what, "create")) {
		if (nftw(folder, collect, 32, FTW_PHYS))
			err(1, "%s", folder);
		if (!file_count)
			errx(1, "%s: no files *%s", folder, suffix);
	}
	if (!strcmp(what, "read"))
		read_all();
	else if (!strcmp(what, "warm"))
		read_warm(amount);
	else if (!strcmp(what, "random") || !strcmp(what, "change"))
		at_random(amount, what[0] == 'c');
	else
		repeat(what, (double)amount / 1000, folder);
	return 0;
}
