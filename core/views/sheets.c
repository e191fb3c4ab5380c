/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "plates.h"
#include "views.h"

/* The pages of a picture book, for a PDF or a CBZ. */

struct telling {
	const struct plates *plates;
	int (*fn)(void *arg, const struct view_sheet *s);
	void *arg;
};

static const struct strv no_lines;

static int tell_cover(const struct telling *t, int64_t picture)
{
	const struct book *b = t->plates->book;
	CLEANUP(buf_finish) struct buf by = {0};
	CLEANUP(cleanup_free)
	char *foot = xasprintf("%zu %s", t->plates->drawn,
			       t->plates->drawn == 1 ? "picture" : "pictures");

	for (size_t i = 0; i < b->creators.len; i++)
		buf_addf(&by, "%s%s", i ? ", " : "", b->creators.items[i]);
	return t->fn(t->arg, &(struct view_sheet){.page = VIEW_PAGE_COVER,
						  .title = b->title,
						  .text = buf_str(&by),
						  .foot = foot,
						  .lines = &no_lines,
						  .picture = picture});
}

static int tell_plate(const struct telling *t, const struct plate *p)
{
	CLEANUP(cleanup_free) char *title = plates_chapter(t->plates, p->chapter);
	CLEANUP(cleanup_free)
	char *foot =
		p->pages[0] ? xasprintf("%s %s", strchr(p->pages, '-') ? "pages" : "page", p->pages)
			    : xstrdup("");

	return t->fn(t->arg, &(struct view_sheet){.page = VIEW_PAGE_PLATE,
						  .title = title,
						  .text = p->caption,
						  .foot = foot,
						  .lines = &no_lines,
						  .picture = p->picture});
}

static int tell_cast(const struct telling *t)
{
	CLEANUP(strv_finish) struct strv lines = {0};
	const struct catalogue *c = t->plates->cast;

	for (size_t i = 0; i < c->len; i++) {
		CLEANUP(cleanup_free) char *look = plates_look(&c->entries[i]);

		strv_add(&lines, c->entries[i].name);
		strv_add(&lines, look);
	}
	return t->fn(t->arg, &(struct view_sheet){.page = VIEW_PAGE_CAST,
						  .title = "The cast",
						  .text = "",
						  .foot = "",
						  .lines = &lines});
}

static int tell_all(const struct telling *t, struct err *err)
{
	const struct plates *p = t->plates;
	size_t first = 0;
	int r;

	while (first < p->count && !p->items[first].picture)
		first++;
	if (first == p->count)
		return err_set(err, -ENOENT, "no picture is finished yet: bookfs run makes them");
	r = tell_cover(t, p->items[first].picture);
	for (size_t i = first; r == 0 && i < p->count; i++)
		if (p->items[i].picture)
			r = tell_plate(t, &p->items[i]);
	return r ? r : tell_cast(t);
}

int view_sheets(struct store_reader *r, int (*fn)(void *arg, const struct view_sheet *s), void *arg,
		struct err *err)
{
	struct plates p = {0};
	const struct telling t = {&p, fn, arg};
	int code = plates_read(&p, r, false, err);

	if (code == 0)
		code = tell_all(&t, err);
	plates_finish(&p);
	return code;
}
