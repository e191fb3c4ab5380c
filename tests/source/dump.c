/* SPDX-License-Identifier: MIT */

/*
 * book_dump FILE...: what source makes of a book, as JSON, one object a line; for the corpus tests
 * and for people. book_dump -t FILE N prints chapter N's text.
 */

#include <stdio.h>
#include <string.h>

#include "source.h"

static void print_string(const char *s)
{
	putchar('"');
	for (; s && *s; s++) {
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if ((unsigned char)*s < 0x20)
			printf("\\u%04x", (unsigned)*s);
		else
			putchar(*s);
	}
	putchar('"');
}

static void print_field(const char *name, const char *value)
{
	printf("\"%s\": ", name);
	if (value)
		print_string(value);
	else
		printf("null");
}

static void print_list(const char *name, const struct strv *v)
{
	printf("\"%s\": [", name);
	for (size_t i = 0; i < v->len; i++) {
		printf("%s", i ? ", " : "");
		print_string(v->items[i]);
	}
	printf("]");
}

static void print_chapter(const struct book_chapter *c, size_t number)
{
	printf("%s{\"number\": %zu, ", number > 1 ? ", " : "", number);
	print_field("title", c->title);
	printf(", \"kind\": \"%s\", \"words\": %lld, \"pages\": [", book_kind_name(c->kind),
	       (long long)c->words);
	for (size_t i = 0; i < c->page_count; i++) {
		printf("%s[%zu, ", i ? ", " : "", c->pages[i].offset);
		print_string(c->pages[i].label);
		printf("]");
	}
	printf("], ");
	print_field("text", c->text);
	printf("}");
}

static void print_book(const struct book *b)
{
	printf("{");
	print_field("title", b->title);
	printf(", ");
	print_list("creators", &b->creators);
	printf(", ");
	print_field("language", b->language);
	printf(", ");
	print_field("publisher", b->publisher);
	printf(", ");
	print_field("identifier", b->identifier);
	printf(", \"pages\": %lld, \"words\": %lld, \"realPages\": %s, \"chapters\": [",
	       (long long)b->pages, (long long)b->words, b->real_pages ? "true" : "false");
	for (size_t i = 0; i < b->chapter_count; i++)
		print_chapter(&b->chapters[i], i + 1);
	printf("], \"contents\": [");
	for (size_t i = 0; i < b->content_count; i++) {
		const struct book_entry *e = &b->contents[i];

		printf("%s{", i ? ", " : "");
		print_field("title", e->title);
		printf(", \"depth\": %d, \"chapter\": %d, \"role\": \"%s\", ", e->depth, e->chapter,
		       book_role_name(e->role));
		print_field("in", e->in);
		printf("}");
	}
	printf("], \"files\": [");
	for (size_t i = 0; i < b->file_count; i++) {
		printf("%s", i ? ", " : "");
		print_string(b->files[i].name);
	}
	printf("], ");
	print_list("warnings", &b->warnings);
	printf("}\n");
}

static int dump(const char *path, int depth, int chapter)
{
	CLEANUP(book_free_cleanup) struct book *b = NULL;
	struct book_options options = {.limits = book_limits_default, .depth = depth};
	struct err err = {0};
	int r = book_read(&b, path, &options, &err);

	if (r < 0) {
		printf("{\"code\": %d, ", r);
		print_field("error", err.msg);
		printf("}\n");
		return 1;
	}
	if (!chapter)
		print_book(b);
	else if (chapter <= (int)b->chapter_count)
		fputs(b->chapters[chapter - 1].text, stdout);
	return 0;
}

int main(int argc, char **argv)
{
	int depth = 0, failed = 0;

	if (argc == 4 && !strcmp(argv[1], "-t"))
		return dump(argv[2], 0, atoi(argv[3]));
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-d") && i + 1 < argc)
			depth = atoi(argv[++i]);
		else
			failed |= dump(argv[i], depth, 0);
	}
	return failed;
}
