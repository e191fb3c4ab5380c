/* SPDX-License-Identifier: MIT */

/*
 * book_cast BOOK: the cast that the built-in analyst finds in a book, over all its chapters; one
 * line an entry, in the catalogue's order. For people, and for measuring.
 */

#include <stdio.h>
#include <stdlib.h>

#include "providers.h"

struct reading {
	struct analysis **analyses;
	int *numbers;
	size_t count;
};

static int read_chapters(struct reading *out, const struct book *b, struct err *err)
{
	out->analyses = xcalloc(b->chapter_count + 1, sizeof(struct analysis *));
	out->numbers = xcalloc(b->chapter_count + 1, sizeof(int));
	for (size_t i = 0; i < b->chapter_count; i++) {
		const struct book_chapter *c = &b->chapters[i];
		if (c->kind != BOOK_STORY)
			continue;
		struct analyze_request r = {
			.book_title = b->title,
			.language = b->language,
			.chapter = (int)i + 1,
			.chapter_title = c->title,
			.text = c->text,
			.text_len = c->text_bytes,
			.scenes = 1,
		};
		int result = builtin_analyze(&out->analyses[out->count], &r, err);
		if (result < 0)
			return result;
		out->numbers[out->count++] = (int)i + 1;
	}
	return 0;
}

static void reading_finish(struct reading *r)
{
	for (size_t i = 0; i < r->count; i++)
		analysis_free(r->analyses[i]);
	free(r->analyses);
	free(r->numbers);
}

static void print_entry(const struct catalogue_entry *e)
{
	printf("%-9s %4lld  %s", element_type_name(e->type), (long long)e->mentions, e->name);
	for (size_t k = 0; k < e->aliases.len; k++)
		printf(" / %s", e->aliases.items[k]);
	for (size_t k = 0; k < e->descriptions.len; k++)
		printf("%s%s", k ? "; " : ": ", e->descriptions.items[k]);
	printf("\n");
}

int main(int argc, char **argv)
{
	CLEANUP(book_free_cleanup) struct book *b = NULL;
	CLEANUP(reading_finish) struct reading r = {0};
	struct book_options options = {.limits = book_limits_default};
	struct err err = {0};
	if (argc != 2) {
		fprintf(stderr, "usage: book_cast BOOK\n");
		return 2;
	}
	if (book_read(&b, argv[1], &options, &err) < 0 || read_chapters(&r, b, &err) < 0) {
		fprintf(stderr, "%s: %s\n", argv[1], err.msg);
		return 1;
	}
	CLEANUP(catalogue_free_cleanup)
	struct catalogue *c =
		catalogue_new((const struct analysis *const *)r.analyses, r.numbers, r.count);
	for (size_t i = 0; i < c->len; i++)
		print_entry(&c->entries[i]);
	return 0;
}
