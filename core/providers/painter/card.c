/* SPDX-License-Identifier: MIT */
#include "card.h"

#include <math.h>
#include <stdio.h>

#include "png.h"
#include "type.h"

/*
 * The page: the picture on top, framed by paper; under it the chapter's title, a short rule, the
 * book's own words in italics, what is to be drawn in smaller roman; at head and foot a line of
 * small capitals. All measures are of a page whose shorter side is PAGE, and are scaled as a whole.
 */

enum {
	PAGE = 1024,
	MARGIN = 64,
	HEAD = 56,    /* the line of small capitals */
	PICTURE = 98, /* the picture's top */
	FOOT = 66,    /* the last line, from below */
	WORDS = 340,  /* the most that the words under the picture take */
	ABOVE = 32,   /* between the picture and the words */
	BELOW = 44,   /* between the words and the last line */
	SIZE_LEAST = 64,
	SIZE_MOST = 4096,
};

struct page {
	cairo_t *cr;
	double w, h, text_w;
	const struct card *card;
	const struct palette *colours;
};

static void draw_picture(const struct page *p, struct scene *s)
{
	cairo_save(p->cr);
	cairo_rectangle(p->cr, MARGIN, PICTURE, s->w, s->h);
	cairo_clip(p->cr);
	cairo_translate(p->cr, MARGIN, PICTURE);
	scene_draw(s);
	cairo_restore(p->cr);
	colour_set(p->cr, p->colours->ink, .55);
	cairo_set_line_width(p->cr, 1.2);
	cairo_rectangle(p->cr, MARGIN - 7, PICTURE - 7, s->w + 14, s->h + 14);
	cairo_stroke(p->cr);
}

/* Two lines of small capitals share a row: the left one gives way. */
static void set_row(const struct page *p, double y, const char *left, const char *right,
		    struct colour colour)
{
	const double gap = 36, right_w = p->text_w * .36;
	struct type t = {16, 13, 1, false, false, true, PANGO_ALIGN_LEFT, colour};
	type_set(p->cr, &t, left, MARGIN, y, p->text_w - right_w - gap, false);
	t.align = PANGO_ALIGN_RIGHT;
	type_set(p->cr, &t, right, p->w - MARGIN - right_w, y, right_w, false);
}

static void set_edges(const struct page *p)
{
	char place[64];
	const struct card *c = p->card;
	CLEANUP(cleanup_free) char *book = type_clean(c->book_title, 300);
	CLEANUP(cleanup_free) char *mood = type_clean(c->mood, 80);
	CLEANUP(cleanup_free) char *light = type_clean(c->lighting, 80);
	snprintf(place, sizeof(place), "Chapter %d \xc2\xb7 Scene %d", c->chapter, c->scene);
	set_row(p, HEAD, book, place, p->colours->soft_ink);
	set_row(p, p->h - FOOT, mood, light, p->colours->accent);
}

/* Title, rule, quote, description, from y on down to foot; the quote has what the others leave.
 * Returns the height of it all. dry: only measures. */
static double set_words(const struct page *p, double y, double foot, bool dry)
{
	const double gap = 17, start = y;
	CLEANUP(cleanup_free) char *title = type_clean(p->card->chapter_title, 300);
	CLEANUP(cleanup_free) char *quote = type_clean(p->card->quote, 700);
	CLEANUP(cleanup_free) char *words = type_clean(p->card->description, 500);
	const struct type title_type = {
		38, 23, 2, true, false, false, PANGO_ALIGN_LEFT, p->colours->ink};
	const struct type words_type = {
		19, 17, 3, false, false, false, PANGO_ALIGN_LEFT, p->colours->soft_ink};
	struct type quote_type = {25, 22, 5, false, true, false, PANGO_ALIGN_LEFT, p->colours->ink};

	y += type_set(p->cr, &title_type, title, MARGIN, y, p->text_w, dry) + gap;
	if (!dry) {
		colour_set(p->cr, p->colours->accent, 1);
		cairo_rectangle(p->cr, MARGIN, y, 72, 3);
		cairo_fill(p->cr);
	}
	y += gap + 3;
	double words_h = type_set(p->cr, &words_type, words, 0, 0, p->text_w, true);
	double quote_h = type_set(p->cr, &quote_type, quote, 0, 0, p->text_w, true);
	while (quote_type.lines > 1 && y + quote_h + gap + words_h > foot) {
		quote_type.lines--;
		quote_h = type_set(p->cr, &quote_type, quote, 0, 0, p->text_w, true);
	}
	if (!dry) {
		type_set(p->cr, &quote_type, quote, MARGIN, y, p->text_w, false);
		type_set(p->cr, &words_type, words, MARGIN, y + quote_h + gap, p->text_w, false);
	}
	return y + quote_h + gap + words_h - start;
}

/* ---- legibility: a contrast of at least 4.5 : 1 (WCAG 2, 1.4.3) */

static double linear(double v)
{
	return v <= .03928 ? v / 12.92 : pow((v + .055) / 1.055, 2.4);
}

static double luminance(struct colour c)
{
	return .2126 * linear(c.r) + .7152 * linear(c.g) + .0722 * linear(c.b);
}

static void make_legible(struct colour *c, struct colour paper)
{
	const struct colour black = {0, 0, 0};
	while ((luminance(paper) + .05) / (luminance(*c) + .05) < 4.6)
		*c = colour_mix(*c, black, .08);
}

/* Few words leave the picture more of the page. */
static void paint_page(cairo_t *cr, const struct card *c, double w, double h)
{
	struct scene s = {.cr = cr, .w = w - 2 * MARGIN};
	scene_read(&s, c);
	make_legible(&s.colours.accent, s.colours.paper);
	make_legible(&s.colours.soft_ink, s.colours.paper);
	struct page p = {cr, w, h, w - 2 * MARGIN, c, &s.colours};
	double words_h = set_words(&p, 0, WORDS, true), foot = h - FOOT - BELOW;
	s.h = foot - words_h - ABOVE - PICTURE;
	colour_set(cr, s.colours.paper, 1);
	cairo_paint(cr);
	draw_picture(&p, &s);
	set_edges(&p);
	set_words(&p, foot - words_h, foot + 1, false);
}

static bool is_size(int32_t px)
{
	return px >= SIZE_LEAST && px <= SIZE_MOST;
}

int card_paint(struct buf *png, const struct card *c, struct err *err)
{
	if (!is_size(c->width_px) || !is_size(c->height_px))
		return err_set(err, -EINVAL, "a card of %d x %d pixels", c->width_px, c->height_px);
	double scale = (c->width_px < c->height_px ? c->width_px : c->height_px) / (double)PAGE;
	cairo_surface_t *surface =
		cairo_image_surface_create(CAIRO_FORMAT_RGB24, c->width_px, c->height_px);
	cairo_t *cr = cairo_create(surface);
	cairo_scale(cr, scale, scale);
	int r = type_has_font(cr) ? 0 : -ENOPKG;
	if (r == 0)
		paint_page(cr, c, c->width_px / scale, c->height_px / scale);
	if (r == 0 && cairo_status(cr) != CAIRO_STATUS_SUCCESS)
		r = -ENOMEM;
	cairo_destroy(cr);
	if (r == 0)
		r = png_write(png, surface, c);
	cairo_surface_destroy(surface);
	if (r == -ENOPKG)
		return err_set(err, r,
			       "no font is installed to set a picture's words in: install one (apt "
			       "install fonts-dejavu-core), then write \"retry failed\" into "
			       ".bookfs/ctl or run again");
	return r < 0 ? err_set(err, r, "the card could not be drawn") : 0;
}
