/* SPDX-License-Identifier: MIT */
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "providers.h"

/*
 * The built-in analyst for a script: on standard input
 *
 *   analyze SCENES BYTES TITLE\n and so many bytes of text: a chapter of that title, which may be
 * empty catalogue\n                of all texts since the last one, as chapters 1, 2, ...
 *
 * and for each an answer on standard output: MICROSECONDS BYTES\n, so many bytes of JSON, \n.
 * Microseconds are of this thread's processor, so that another's load does not count.
 */

struct chapters {
	struct analysis **items;
	size_t len, cap;
};

static void chapters_finish(struct chapters *c)
{
	for (size_t i = 0; i < c->len; i++)
		analysis_free(c->items[i]);
	free(c->items);
	*c = (struct chapters){0};
}

static int64_t processor_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int answer(int64_t us, const struct buf *json)
{
	printf("%lld %zu\n", (long long)us, json->len);
	fwrite(json->data, 1, json->len, stdout);
	putchar('\n');
	return fflush(stdout) == 0 ? 0 : -EIO;
}

static int analyze(struct chapters *chapters, int scenes, size_t len, const char *title)
{
	CLEANUP(cleanup_free) char *text = xcalloc(1, len + 1);
	CLEANUP(buf_finish) struct buf json = {0};
	struct analysis *a = NULL;
	struct err err = {0};

	if (fread(text, 1, len, stdin) != len)
		return -EBADMSG;
	struct analyze_request r = {.book_title = "",
				    .language = "en",
				    .chapter = (int)chapters->len + 1,
				    .chapter_title = title,
				    .text = text,
				    .text_len = len,
				    .scenes = scenes};
	int64_t start = processor_us();
	int result = builtin_analyze(&a, &r, &err);
	int64_t us = processor_us() - start;
	if (result < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return result;
	}
	chapters->items = xgrow(chapters->items, &chapters->cap, chapters->len + 1,
				sizeof(struct analysis *));
	chapters->items[chapters->len++] = a;
	result = analysis_encode(&json, a);
	return result < 0 ? result : answer(us, &json);
}

/* An entry as an element of an analysis, so that the codec writes it. */
static void add_entry(struct analysis *all, const struct catalogue_entry *entry)
{
	struct element *e = analysis_add_element(all);
	CLEANUP(buf_finish) struct buf looks = {0};

	e->type = entry->type;
	analysis_set(&e->name, entry->name);
	for (size_t i = 0; i < entry->aliases.len; i++)
		strv_add(&e->aliases, entry->aliases.items[i]);
	for (size_t i = 0; i < entry->descriptions.len; i++)
		buf_addf(&looks, "%s%s", i ? "\n" : "", entry->descriptions.items[i]);
	analysis_set(&e->description, buf_str(&looks));
	for (size_t i = 0; i < entry->appearance_count; i++) {
		struct quote *q = element_add_quote(e);

		analysis_set(&q->text, entry->appearances[i].quote->text);
		q->offset = QUOTE_NOT_FOUND;
	}
}

static int print_catalogue(struct chapters *chapters)
{
	CLEANUP(cleanup_free) int *numbers = xcalloc(chapters->len + 1, sizeof(int));
	CLEANUP(analysis_free_cleanup) struct analysis *all = analysis_new();
	CLEANUP(catalogue_free_cleanup) struct catalogue *c = NULL;
	CLEANUP(buf_finish) struct buf json = {0};

	for (size_t i = 0; i < chapters->len; i++)
		numbers[i] = (int)i + 1;
	int64_t start = processor_us();
	c = catalogue_new((const struct analysis *const *)chapters->items, numbers, chapters->len);
	int64_t us = processor_us() - start;
	for (size_t i = 0; i < c->len; i++)
		add_entry(all, &c->entries[i]);
	int result = analysis_encode(&json, all);
	chapters_finish(chapters);
	return result < 0 ? result : answer(us, &json);
}

int main(void)
{
	CLEANUP(chapters_finish) struct chapters chapters = {0};
	char line[1000];
	int result = 0;

	setlocale(LC_ALL, "");
	while (result == 0 && fgets(line, sizeof(line), stdin)) {
		int scenes;
		size_t len;
		int title;

		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "analyze %d %zu %n", &scenes, &len, &title) == 2)
			result = analyze(&chapters, scenes, len, line + title);
		else if (!strcmp(line, "catalogue"))
			result = print_catalogue(&chapters);
		else
			result = -EBADMSG;
	}
	return result < 0 ? 1 : 0;
}
