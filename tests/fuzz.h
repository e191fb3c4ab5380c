/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_H
#define FUZZ_H

/*
 * The frame of a file of fuzz targets. Built for libFuzzer with FUZZ_TARGET naming one of them
 * (tests/fuzz.sh); built without, a program that feeds the files of a folder to a target, so that
 * its corpus is a test:
 *     LAYER_fuzz TARGET FOLDER
 */

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base.h"

struct fuzz_target {
	const char *name;
	void (*run)(const char *s, size_t len);
};

#define FUZZ_HOLDS(condition)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static const struct fuzz_target *fuzz_find(const struct fuzz_target *targets, size_t count,
					   const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(targets[i].name, name))
			return &targets[i];
	}
	fprintf(stderr, "no target is called %s\n", name);
	exit(2);
}

#ifdef FUZZ_TARGET

#define FUZZ_MAIN(targets)                                                                         \
	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);                              \
	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)                               \
	{                                                                                          \
		static const struct fuzz_target *target;                                           \
		if (!target)                                                                       \
			target = fuzz_find(targets, ARRAY_LEN(targets), FUZZ_TARGET);              \
		target->run((const char *)data, size);                                             \
		return 0;                                                                          \
	}

#else

static void fuzz_file(const struct fuzz_target *target, const char *path)
{
	CLEANUP(buf_finish) struct buf b = {0};
	char part[4096];
	size_t n;
	FILE *f = fopen(path, "re");

	FUZZ_HOLDS(f != NULL);
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_add(&b, part, n);
	fclose(f);
	/* A copy of its very size, so that a sanitizer sees a byte read behind it. */
	CLEANUP(cleanup_free) char *exact = malloc(b.len ? b.len : 1);
	FUZZ_HOLDS(exact != NULL);
	memcpy(exact, buf_str(&b), b.len);
	target->run(exact, b.len);
}

static int fuzz_folder(const struct fuzz_target *target, const char *folder)
{
	int count = 0;
	DIR *d = opendir(folder);

	FUZZ_HOLDS(d != NULL);
	for (struct dirent *e; (e = readdir(d));) {
		CLEANUP(cleanup_free) char *path = xasprintf("%s/%s", folder, e->d_name);
		if (e->d_name[0] == '.')
			continue;
		fuzz_file(target, path);
		count++;
	}
	closedir(d);
	FUZZ_HOLDS(count > 0);
	return 0;
}

#define FUZZ_MAIN(targets)                                                                         \
	int main(int argc, char **argv)                                                            \
	{                                                                                          \
		if (argc != 3) {                                                                   \
			fprintf(stderr, "usage: %s TARGET FOLDER\n", argv[0]);                     \
			return 2;                                                                  \
		}                                                                                  \
		return fuzz_folder(fuzz_find(targets, ARRAY_LEN(targets), argv[1]), argv[2]);      \
	}

#endif
#endif
