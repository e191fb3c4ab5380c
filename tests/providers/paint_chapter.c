/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "providers.h"

/* Paints the scenes of a chapter by the built-in provider: paint_chapter TEXT SCENES PREFIX writes
 * PREFIX1.png, PREFIX2.png ... For looking at cards, and for contact sheets. */

struct work {
	struct loop *loop;
	struct provider *provider;
	struct analysis *analysis;
	const char *prefix, *title;
	size_t at;
	int failed;
	int64_t start_us;
};

static void paint_next(struct work *w);

static void painted(void *arg, const struct provider_outcome *outcome, const void *data, size_t len,
		    const char *ext)
{
	struct work *w = arg;
	CLEANUP(cleanup_free) char *path = xasprintf("%s%zu.%s", w->prefix, w->at + 1, ext);

	fprintf(stderr, "%s: %lld us, %zu bytes %s\n", path,
		(long long)(clock_mono_us() - w->start_us), len, outcome->err.msg);
	FILE *f = outcome->code == 0 ? fopen(path, "w") : NULL;
	w->failed += !f || fwrite(data, 1, len, f) != len;
	if (f)
		fclose(f);
	w->at++;
	paint_next(w);
}

static void paint_next(struct work *w)
{
	if (w->at == w->analysis->concept_count) {
		loop_stop(w->loop);
		return;
	}
	struct paint_request r = {
		.book_title = "The Book of Samples",
		.chapter_title = w->title,
		.chapter = 1,
		.scene = (int)w->at + 1,
		.concept = &w->analysis->concepts[w->at],
		.prompt = "",
		.width_px = 1024,
		.height_px = 1024,
	};
	w->start_us = clock_mono_us();
	w->provider->ops->paint(w->provider, &r, painted, w);
}

static int read_file(struct buf *out, const char *path)
{
	char part[65536];
	size_t n;
	FILE *f = fopen(path, "r");

	if (!f)
		return -errno;
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_add(out, part, n);
	fclose(f);
	return buf_error(out);
}

int main(int argc, char **argv)
{
	CLEANUP(loop_free_cleanup) struct loop *loop = NULL;
	CLEANUP(provider_free_cleanup) struct provider *provider = NULL;
	CLEANUP(analysis_free_cleanup) struct analysis *a = NULL;
	CLEANUP(buf_finish) struct buf text = {0};
	struct err err = {0};

	if (argc < 4 || read_file(&text, argv[1]) < 0)
		return 2;
	struct analyze_request r = {.book_title = "",
				    .language = "",
				    .chapter_title = "",
				    .text = buf_str(&text),
				    .text_len = text.len,
				    .scenes = atoi(argv[2])};
	if (builtin_analyze(&a, &r, &err) < 0 || loop_new(&loop, 1) < 0 ||
	    provider_builtin_new(&provider, loop, &err) < 0)
		return 1;
	struct work w = {.loop = loop,
			 .provider = provider,
			 .analysis = a,
			 .prefix = argv[3],
			 .title = argc > 4 ? argv[4] : "A Chapter"};
	paint_next(&w);
	loop_run(loop);
	return w.failed != 0;
}
