/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "providers.h"

/* Prints the built-in analysis of a chapter: analyze_file FILE [SCENES]. */

static int read_all(struct buf *out, FILE *f)
{
	char part[65536];
	size_t n;

	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_add(out, part, n);
	return ferror(f) ? -EIO : buf_error(out);
}

static void print_analysis(const struct analysis *a)
{
	printf("note: %s\n", a->note);
	for (size_t i = 0; i < a->concept_count; i++) {
		const struct concept *c = &a->concepts[i];

		printf("\n== scene %zu at %zu: mood %s, light %s\n%s\n-- %s\n", i + 1,
		       c->quote.offset, c->mood, c->lighting, c->quote.text, c->description);
	}
	for (size_t i = 0; i < a->element_count; i++) {
		const struct element *e = &a->elements[i];

		printf("\n[%s] %s", element_type_name(e->type), e->name);
		for (size_t k = 0; k < e->aliases.len; k++)
			printf(" / %s", e->aliases.items[k]);
		printf(": %s", e->description);
	}
	printf("\n");
}

int main(int argc, char **argv)
{
	CLEANUP(analysis_free_cleanup) struct analysis *a = NULL;
	CLEANUP(buf_finish) struct buf text = {0};
	struct err err = {0};
	FILE *f = argc > 1 ? fopen(argv[1], "r") : stdin;

	if (!f || read_all(&text, f) < 0) {
		fprintf(stderr, "cannot read %s\n", argc > 1 ? argv[1] : "stdin");
		return 1;
	}
	if (f != stdin)
		fclose(f);
	struct analyze_request r = {
		.book_title = "Book",
		.language = "",
		.chapter = 1,
		.chapter_title = "Chapter",
		.text = buf_str(&text),
		.text_len = text.len,
		.scenes = argc > 2 ? atoi(argv[2]) : 3,
	};
	int64_t start = clock_mono_us();
	if (builtin_analyze(&a, &r, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	fprintf(stderr, "%zu bytes in %lld us\n", text.len, (long long)(clock_mono_us() - start));
	print_analysis(a);
	return 0;
}
