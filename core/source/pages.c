/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "chapters.h"

#define PAGE_WORDS 300

static void add_page(struct book_chapter *c, size_t *cap, size_t offset, const char *label)
{
	/* Two breaks at one place: the page between them is empty. */
	if (c->page_count && c->pages[c->page_count - 1].offset == offset) {
		free(c->pages[c->page_count - 1].label);
		c->pages[c->page_count - 1].label = xstrdup(label);
		return;
	}
	c->pages = xgrow(c->pages, cap, c->page_count + 1, sizeof(*c->pages));
	c->pages[c->page_count++] = (struct book_page){offset, xstrdup(label)};
}

/* Where offset `to` of the flow is in the text of a chapter that begins at `from`. */
static size_t offset_in_text(const struct flow *f, size_t from, size_t to)
{
	size_t n = to - from;

	for (size_t at = from; at < to; at++)
		n -= f->text.data[at] == FLOW_DOC;
	return n;
}

/* The pages the book has: a chapter begins on the page that the one before it ended on, the first
 * on its first page. */
static void real_pages(struct book *b, const struct flow *f, const struct chapter_range *ranges)
{
	const char *current = NULL;
	size_t p = 0;

	for (size_t i = 0; i < b->chapter_count; i++) {
		struct book_chapter *c = &b->chapters[i];
		size_t cap = 0, at = ranges[i].start, from, offset = 0;

		for (; p < f->page_count && f->pages[p].offset <= ranges[i].start; p++)
			current = f->pages[p].label;
		if (!current && p < f->page_count && f->pages[p].offset < ranges[i].end)
			current = f->pages[p].label;
		if (current)
			add_page(c, &cap, 0, current);
		for (; p < f->page_count && f->pages[p].offset < ranges[i].end; p++) {
			current = f->pages[p].label;
			from = f->pages[p].offset;
			offset += offset_in_text(f, at, from);
			at = from;
			add_page(c, &cap, offset, current);
		}
	}
	b->pages = (int64_t)f->page_count;
	b->real_pages = true;
}

/* The byte behind the words (as text_measure weighs them) that fill `room`, or the end. *used is
 * what was measured. */
static size_t page_end(const struct book_chapter *c, size_t at, int64_t room, int64_t *used)
{
	const char *s = c->text + at, *end = c->text + c->text_bytes;

	*used = 0;
	while (s < end && *used < room) {
		const char *run = s;

		while (s < end && (unsigned char)*s > ' ')
			s++;
		while (s < end && (unsigned char)*s <= ' ')
			s++;
		*used += text_measure(run, (size_t)(s - run));
	}
	return (size_t)(s - c->text);
}

static void made_pages(struct book *b)
{
	int64_t page = 1, room = PAGE_WORDS;

	for (size_t i = 0; i < b->chapter_count; i++) {
		struct book_chapter *c = &b->chapters[i];
		size_t at = 0, cap = 0;

		if (c->text_bytes && room <= 0) {
			page++;
			room = PAGE_WORDS;
		}
		while (at < c->text_bytes) {
			int64_t used;
			char label[24];

			snprintf(label, sizeof(label), "%lld", (long long)page);
			add_page(c, &cap, at, label);
			at = page_end(c, at, room, &used);
			room -= used;
			if (room <= 0 && at < c->text_bytes) {
				page++;
				room = PAGE_WORDS;
			}
		}
	}
	b->pages = b->words ? page : 0;
}

static int compare(const void *a, const void *b)
{
	const struct flow_page *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

void pages_assign(struct book *b, const struct flow *f, const struct chapter_range *ranges)
{
	if (f->page_count) {
		qsort(f->pages, f->page_count, sizeof(*f->pages), compare);
		real_pages(b, f, ranges);
	} else {
		made_pages(b);
	}
}

const char *book_page_at(const struct book_chapter *c, size_t offset)
{
	size_t low = 0, high = c->page_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (c->pages[mid].offset <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? c->pages[low - 1].label : "";
}
