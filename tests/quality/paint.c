/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "providers.h"

/*
 * The built-in painter for a script: paint [PRELOAD], where PRELOAD is a shared object that only
 * the painter's own process gets. On standard input
 *
 *   WIDTH HEIGHT CHAPTER SCENE BYTES FILE\n and so many bytes: strings that each end in NUL, which
 *   are the book's title, the chapter's, the quote, the description, the mood, the lighting, names
 *
 * and for each an answer on standard output: ERRNO MICROSECONDS REASON\n, when FILE is written.
 */

struct job {
	struct loop *loop;
	const char *file;
	int64_t start_us;
};

static int write_file(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "w");
	if (!f)
		return -errno;
	bool whole = fwrite(data, 1, len, f) == len;
	return fclose(f) == 0 && whole ? 0 : -EIO;
}

static void painted(void *arg, const struct provider_outcome *outcome, const void *data, size_t len,
		    const char *ext)
{
	struct job *job = arg;
	int64_t us = clock_mono_us() - job->start_us;
	int code = outcome->code ? outcome->code : write_file(job->file, data, len);

	printf("%d %lld %s\n", -code, (long long)us, outcome->err.msg);
	fflush(stdout);
	loop_stop(job->loop);
}

/* The next string of what was read; "" behind the last. */
static char *next(char **at, char *end)
{
	char *s = *at;

	*at = s < end ? s + strlen(s) + 1 : s;
	return s;
}

static void paint(struct loop *loop, struct provider *p, struct paint_request *r, char *strings,
		  size_t len, const char *file)
{
	struct job job = {.loop = loop, .file = file};
	struct concept c = {0};
	char *at = strings, *end = strings + len;

	r->book_title = next(&at, end);
	r->chapter_title = next(&at, end);
	c.quote.text = next(&at, end);
	c.description = next(&at, end);
	c.mood = next(&at, end);
	c.lighting = next(&at, end);
	while (at < end)
		strv_add(&c.elements, next(&at, end));
	r->concept = &c;
	r->prompt = "";
	job.start_us = clock_mono_us();
	p->ops->paint(p, r, painted, &job);
	loop_run(loop);
	strv_finish(&c.elements);
}

int main(int argc, char **argv)
{
	CLEANUP(loop_free_cleanup) struct loop *loop = NULL;
	CLEANUP(provider_free_cleanup) struct provider *provider = NULL;
	struct err err = {0};
	char line[PATH_MAX + 80];

	if (argc > 1)
		setenv("LD_PRELOAD", argv[1], 1);
	if (loop_new(&loop, 1) < 0 || provider_builtin_new(&provider, loop, &err) < 0)
		return 1;
	while (fgets(line, sizeof(line), stdin)) {
		struct paint_request r = {0};
		char file[PATH_MAX];
		size_t len;

		if (sscanf(line, "%d %d %d %d %zu %4095[^\n]", &r.width_px, &r.height_px,
			   &r.chapter, &r.scene, &len, file) != 6)
			return 2;
		CLEANUP(cleanup_free) char *strings = xcalloc(1, len + 1);
		if (fread(strings, 1, len, stdin) != len)
			return 2;
		paint(loop, provider, &r, strings, len, file);
	}
	return 0;
}
