/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "press.h"
#include "providers.h"
#include "source.h"
#include "views.h"

/* ---- picture books: a page is written as soon as it is set, so none is kept */

struct picture_book {
	const struct press *press;
	struct binder *binder;
	struct view_sheets *sheets;
	struct err *err;
};

static void picture_book_finish(struct picture_book *b)
{
	binder_close(b->binder);
	view_sheets_close(b->sheets);
}

static int begin(struct picture_book *b, enum binder_kind kind, int fd)
{
	int r = view_sheets_open(&b->sheets, b->press->reader, b->err);

	return r < 0 ? r : binder_open(&b->binder, kind, fd, b->err);
}

/* png: of a CBZ; else NULL. */
static int set_page(struct buf *png, struct picture_book *b, size_t i)
{
	static const enum binder_page pages[] = {[VIEW_PAGE_COVER] = BINDER_COVER,
						 [VIEW_PAGE_PLATE] = BINDER_PLATE,
						 [VIEW_PAGE_CAST] = BINDER_CAST};
	struct store_reader *reader = b->press->reader;
	CLEANUP(buf_finish) struct buf picture = {0};
	struct view_sheet v;
	int r;

	if (b->press->stop && *b->press->stop)
		return err_set(b->err, -ECANCELED, "it is not wanted any more");
	view_sheet(&v, b->sheets, i);
	r = v.picture ? store_picture_bytes(&picture, reader, v.picture) : 0;
	if (r < 0)
		return err_set(b->err, r, "%s", store_reason(reader, r));
	return binder_add(
		png, b->binder,
		&(struct binder_sheet){pages[v.page], v.title, v.text, v.foot, v.lines, &picture},
		b->err);
}

static int make_cbz(int fd, const char *name, const struct press *p, struct err *err)
{
	CLEANUP(picture_book_finish) struct picture_book b = {.press = p, .err = err};
	CLEANUP(crate_free_cleanup) struct crate *crate = crate_new(fd, name);
	int r = begin(&b, BINDER_PAGES, -1);

	for (size_t i = 0; r == 0 && i < view_sheets_count(b.sheets); i++) {
		CLEANUP(buf_finish) struct buf png = {0};
		char page[32];

		snprintf(page, sizeof(page), "page-%04zu.png", i + 1);
		r = set_page(&png, &b, i);
		if (r == 0)
			r = crate_add(crate, page, png.data, png.len, err);
	}
	return r == 0 ? crate_finish(crate, err) : r;
}

static int make_pdf(int fd, const char *name, const struct press *p, struct err *err)
{
	CLEANUP(picture_book_finish) struct picture_book b = {.press = p, .err = err};
	int r = begin(&b, BINDER_PDF, fd);

	for (size_t i = 0; r == 0 && i < view_sheets_count(b.sheets); i++)
		r = set_page(NULL, &b, i);
	return r == 0 ? binder_finish(b.binder, err) : r;
}

/* ---- */

static int make_epub(int fd, const char *name, const struct press *p, struct err *err)
{
	return view_bind_epub(fd, name, p->book_path, p->reader, p->stop, err);
}

int press_make(int fd, const char *name, const struct press *p, struct err *err)
{
	static int (*const shapes[])(int fd, const char *name, const struct press *p,
				     struct err *err) = {
		[PRESS_EPUB] = make_epub, [PRESS_PDF] = make_pdf, [PRESS_CBZ] = make_cbz};

	return shapes[p->shape](fd, name, p, err);
}
