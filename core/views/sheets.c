/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "plates.h"
#include "views.h"

/* The pages of a picture book, for a PDF or a CBZ: told one by one, as each may be large. */

struct view_sheets {
	struct plates plates;
	size_t *drawn;	    /* of plates.items, those with a picture */
	char *title, *foot; /* of the page told last */
	struct buf by;	    /* who wrote it */
	struct strv cast;
};

static const struct strv no_lines;

static void tell_cover(struct view_sheet *out, struct view_sheets *s)
{
	const struct book *b = s->plates.book;

	s->foot =
		xasprintf("%zu %s", s->plates.drawn, s->plates.drawn == 1 ? "picture" : "pictures");
	*out = (struct view_sheet){.page = VIEW_PAGE_COVER,
				   .title = b->title,
				   .text = buf_str(&s->by),
				   .foot = s->foot,
				   .lines = &no_lines,
				   .picture = s->plates.items[s->drawn[0]].picture};
}

static void tell_plate(struct view_sheet *out, struct view_sheets *s, const struct plate *p)
{
	s->title = plates_chapter(&s->plates, p->chapter);
	if (p->pages[0])
		s->foot = xasprintf("%s %s", strchr(p->pages, '-') ? "pages" : "page", p->pages);
	*out = (struct view_sheet){.page = VIEW_PAGE_PLATE,
				   .title = s->title,
				   .text = p->caption,
				   .foot = s->foot ? s->foot : "",
				   .lines = &no_lines,
				   .picture = p->picture};
}

static void tell_cast(struct view_sheet *out, const struct view_sheets *s)
{
	*out = (struct view_sheet){.page = VIEW_PAGE_CAST,
				   .title = "The cast",
				   .text = "",
				   .foot = "",
				   .lines = &s->cast};
}

static void read_words(struct view_sheets *s)
{
	const struct catalogue *c = s->plates.cast;
	const struct strv *creators = &s->plates.book->creators;

	for (size_t i = 0; i < creators->len; i++)
		buf_addf(&s->by, "%s%s", i ? ", " : "", creators->items[i]);
	for (size_t i = 0; i < c->len; i++) {
		CLEANUP(cleanup_free) char *look = plates_look(&c->entries[i]);

		strv_add(&s->cast, c->entries[i].name);
		strv_add(&s->cast, look);
	}
}

int view_sheets_open(struct view_sheets **out, struct store_reader *r, struct err *err)
{
	CLEANUP(view_sheets_close_cleanup) struct view_sheets *s = xcalloc(1, sizeof(*s));
	size_t count = 0;
	int code = plates_read(&s->plates, r, false, err);

	if (code < 0)
		return code;
	s->drawn = xcalloc(s->plates.count + 1, sizeof(*s->drawn));
	for (size_t i = 0; i < s->plates.count; i++)
		if (s->plates.items[i].picture)
			s->drawn[count++] = i;
	if (!count)
		return err_set(err, -ENODATA, "no picture is finished yet: bookfs run makes them");
	read_words(s);
	*out = s;
	s = NULL;
	return 0;
}

struct view_sheets *view_sheets_close(struct view_sheets *s)
{
	if (!s)
		return NULL;
	plates_finish(&s->plates);
	strv_finish(&s->cast);
	buf_finish(&s->by);
	free(s->drawn);
	free(s->title);
	free(s->foot);
	free(s);
	return NULL;
}

size_t view_sheets_count(const struct view_sheets *s)
{
	return s->plates.drawn + 2;
}

void view_sheet(struct view_sheet *out, struct view_sheets *s, size_t i)
{
	free(s->title);
	free(s->foot);
	s->title = s->foot = NULL;
	if (i == 0)
		tell_cover(out, s);
	else if (i <= s->plates.drawn)
		tell_plate(out, s, &s->plates.items[s->drawn[i - 1]]);
	else
		tell_cast(out, s);
}
