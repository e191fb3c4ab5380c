/* SPDX-License-Identifier: MIT */
#include "card.h"

#include <stdio.h>
#include <string.h>

#include "png.h"
#include "type.h"

/*
 * The page: a picture to the edges on one side, a panel with the words on the other: a band at the
 * foot or the head, or a column at one side, as the scene has it; wide pages always have a column,
 * tall ones a band. By night the panel is dark. On the panel stand the chapter's title, a rule, the
 * book's own words in italics, as many whole sentences as there is room for, a thing from the scene
 * as a printer's ornament, and in small capitals where the scene is from and what its mood and
 * light are.
 *
 * All measures are of a page whose shorter side is PAGE, and are scaled as a whole.
 */

enum {
	PAGE = 1024,
	MARGIN = 52,
	GUTTER = 56,  /* between a band's columns */
	COLUMN = 380, /* a side panel's width */
	TITLE = 300,  /* a band's first column */
	GAP = 22,
	RULE = 64,
	EMBLEM = 78,
	SIZE_LEAST = 64,
	SIZE_MOST = 4096,
};

struct box {
	double x, y, w, h;
};

enum layout { LAYOUT_FOOT, LAYOUT_HEAD, LAYOUT_LEFT, LAYOUT_RIGHT };

/* What the card says, ready to be set. */
struct words {
	char *title, *quote, *book, *place, *air;
	struct strv unset; /* what no font here has the letters for */
};

struct page {
	cairo_t *cr;
	double w, h;
	const struct card *card;
	struct scene *scene;
	struct type_setter *setter;
	struct words words;
};

/* ---- the words */

static char *clean(struct page *p, const char *name, const char *text, size_t max_chars)
{
	char *s = type_clean(p->setter, text, max_chars);
	if (!*s && *text)
		strv_add(&p->words.unset, name);
	return s;
}

static void words_init(struct page *p)
{
	const struct card *c = p->card;
	struct words *w = &p->words;
	w->place = c->scene ? xasprintf("Chapter %d \xc2\xb7 Scene %d", c->chapter, c->scene)
			    : xstrdup("Portrait");
	w->title = clean(p, "title", c->chapter_title, 300);
	w->quote = clean(p, "words", *c->quote ? c->quote : c->description, 900);
	w->book = clean(p, "book", c->book_title, 300);
	CLEANUP(cleanup_free) char *mood = clean(p, "mood", c->mood, 60);
	CLEANUP(cleanup_free) char *light = clean(p, "light", c->lighting, 60);
	w->air = xasprintf("%s%s%s", mood, *mood && *light ? " \xc2\xb7 " : "", light);
	if (!*w->title) {
		free(w->title);
		w->title = xasprintf("Chapter %d", c->chapter);
	}
}

static void words_finish(struct words *w)
{
	free(w->title);
	free(w->quote);
	free(w->book);
	free(w->place);
	free(w->air);
	strv_finish(&w->unset);
}

static struct type title_type(const struct page *p)
{
	return (struct type){
		.size_px = 45, .least_px = 12, .bold = true, .colour = p->scene->colours.ink};
}

static struct type quote_type(const struct page *p)
{
	return (struct type){
		.size_px = 29, .least_px = 23, .italic = true, .colour = p->scene->colours.ink};
}

static struct type line_type(const struct page *p, bool right)
{
	return (struct type){.size_px = 14.5,
			     .least_px = 10,
			     .capitals = true,
			     .right = right,
			     .colour = p->scene->colours.soft};
}

/* ---- setting them: each returns the height it took */

/* A title that runs to the left has its rule at the right. */
static double set_title(const struct page *p, struct box at, bool dry)
{
	const struct type type = title_type(p);
	CLEANUP(type_block_finish) struct type_block b;
	type_fit(&b, p->setter, &type, p->words.title, at.w, at.h - GAP - 4);
	if (!dry) {
		type_show(&b, p->cr, &type, at.x, at.y);
		colour_set(p->cr, p->scene->colours.rule, 1);
		cairo_rectangle(p->cr, b.from_right ? at.x + at.w - RULE : at.x, at.y + b.h + GAP,
				RULE, 4);
		cairo_fill(p->cr);
	}
	return b.h + GAP + 4;
}

static double set_quote(const struct page *p, struct box at, bool dry)
{
	const struct type type = quote_type(p);
	CLEANUP(type_block_finish) struct type_block b;
	type_fit_prose(&b, p->setter, &type, p->words.quote, at.w, at.h);
	if (!dry)
		type_show(&b, p->cr, &type, at.x, at.y);
	return b.h;
}

/* One line of small capitals, its foot at `foot`. */
static double set_line(const struct page *p, const char *text, double x, double foot, double w,
		       bool right)
{
	const struct type type = line_type(p, right);
	CLEANUP(type_block_finish) struct type_block b;
	type_fit(&b, p->setter, &type, text, w, type.size_px * 1.6);
	type_show(&b, p->cr, &type, x, foot - b.h);
	return b.h;
}

static void set_emblem(const struct page *p, double x, double foot, double room)
{
	enum shape emblem = p->scene->cast.emblem;
	if (!emblem || room < EMBLEM * .75)
		return;
	const struct palette *c = &p->scene->colours;
	scene_shape(p->scene, emblem, x + EMBLEM * .5, foot, room < EMBLEM ? room : EMBLEM, false,
		    c->rule, emblem == SHAPE_CANDLE ? c->rule : c->panel);
}

/* ---- the panel */

static void set_column(const struct page *p, struct box panel)
{
	struct box at = {panel.x + MARGIN, panel.y + MARGIN + 8, panel.w - 2 * MARGIN, panel.h};
	double foot = panel.y + panel.h - MARGIN, low = foot;
	low -= set_line(p, p->words.air, at.x, low, at.w, false) + 6;
	low -= set_line(p, p->words.place, at.x, low, at.w, false) + 6;
	low -= set_line(p, p->words.book, at.x, low, at.w, false) + GAP;
	at.h = (low - at.y) * .55;
	at.y += set_title(p, at, false) + GAP + 8;
	at.h = low - at.y;
	at.y += set_quote(p, at, false) + GAP;
	set_emblem(p, at.x, low, low - at.y);
}

/* As tall as its words need. */
static double band_height(const struct page *p)
{
	const double most = p->h * .42 - 2 * MARGIN - 30;
	struct box first = {0, 0, TITLE, most}, second = {0, 0, 0, most};
	second.w = p->w - 2 * MARGIN - GUTTER - TITLE;
	double title = set_title(p, first, true) + 50, quote = set_quote(p, second, true) + 34;
	double words = title > quote ? title : quote;
	return 2 * MARGIN + (words < 180 ? 180 : words);
}

static void set_band(const struct page *p, struct box panel)
{
	double foot = panel.y + panel.h - MARGIN + 8, most = panel.h - 2 * MARGIN;
	struct box at = {panel.x + MARGIN, panel.y + MARGIN - 6, TITLE, most - 44};
	double low = foot;
	low -= set_line(p, p->words.place, at.x, low, TITLE, false) + 6;
	low -= set_line(p, p->words.book, at.x, low, TITLE, false) + GAP;
	double y = at.y + set_title(p, at, false) + GAP;
	set_emblem(p, at.x, low, low - y);
	at.x += TITLE + GUTTER;
	at.w = panel.w - 2 * MARGIN - GUTTER - TITLE;
	at.h = most - 28;
	set_line(p, p->words.air, at.x, foot, at.w, true);
	set_quote(p, at, false);
}

static enum layout choose_layout(const struct page *p)
{
	double share = scene_random(p->scene, 0, 1);
	if (p->w > p->h * 1.2)
		return share < .4 ? LAYOUT_LEFT : LAYOUT_RIGHT;
	if (p->h > p->w * 1.2)
		return share < .75 ? LAYOUT_FOOT : LAYOUT_HEAD;
	return share < .42   ? LAYOUT_FOOT
	       : share < .56 ? LAYOUT_HEAD
	       : share < .76 ? LAYOUT_LEFT
			     : LAYOUT_RIGHT;
}

static void split(const struct page *p, enum layout layout, struct box *picture, struct box *panel)
{
	bool column = layout == LAYOUT_LEFT || layout == LAYOUT_RIGHT;
	double w = column ? COLUMN : p->w, h = column ? p->h : band_height(p);
	*panel = (struct box){0, 0, w, h};
	*picture = (struct box){0, 0, column ? p->w - w : w, column ? h : p->h - h};
	panel->x = layout == LAYOUT_RIGHT ? picture->w : 0;
	panel->y = layout == LAYOUT_FOOT ? picture->h : 0;
	picture->x = layout == LAYOUT_LEFT ? w : 0;
	picture->y = layout == LAYOUT_HEAD ? h : 0;
}

static void draw_picture(const struct page *p, struct box at)
{
	cairo_save(p->cr);
	cairo_rectangle(p->cr, at.x, at.y, at.w, at.h);
	cairo_clip(p->cr);
	cairo_translate(p->cr, at.x, at.y);
	p->scene->w = at.w;
	p->scene->h = at.h;
	scene_draw(p->scene);
	cairo_restore(p->cr);
}

static void paint_page(struct page *p)
{
	struct box picture, panel;
	scene_read(p->scene, p->card);
	palette_init(&p->scene->colours, p->scene->mood, p->scene->light, scene_dark(p->scene),
		     (unsigned)scene_random(p->scene, 0, 1 << 16));
	words_init(p);
	enum layout layout = choose_layout(p);
	split(p, layout, &picture, &panel);
	colour_set(p->cr, p->scene->colours.panel, 1);
	cairo_paint(p->cr);
	draw_picture(p, picture);
	if (panel.h < p->h)
		set_band(p, panel);
	else
		set_column(p, panel);
}

/* ---- the card */

static bool is_size(int32_t px)
{
	return px >= SIZE_LEAST && px <= SIZE_MOST;
}

static int paint(struct buf *png, cairo_surface_t *surface, const struct card *c)
{
	double scale = (c->width_px < c->height_px ? c->width_px : c->height_px) / (double)PAGE;
	cairo_t *cr = cairo_create(surface);
	struct scene s = {.cr = cr};
	struct page p = {.cr = cr,
			 .w = c->width_px / scale,
			 .h = c->height_px / scale,
			 .card = c,
			 .scene = &s};
	cairo_scale(cr, scale, scale);
	p.setter = type_setter_new(cr);
	int r = type_has_font(p.setter) ? 0 : -ENOPKG;
	if (r == 0)
		paint_page(&p);
	if (r == 0 && cairo_status(cr) != CAIRO_STATUS_SUCCESS)
		r = -ENOMEM;
	p.setter = type_setter_free(p.setter);
	cairo_destroy(cr);
	if (r == 0)
		r = png_write(png, surface, c, &p.words.unset);
	words_finish(&p.words);
	return r;
}

int card_paint(struct buf *png, const struct card *c, struct err *err)
{
	if (!is_size(c->width_px) || !is_size(c->height_px))
		return err_set(err, -EINVAL, "a card of %d x %d pixels", c->width_px, c->height_px);
	cairo_surface_t *surface =
		cairo_image_surface_create(CAIRO_FORMAT_RGB24, c->width_px, c->height_px);
	int r = paint(png, surface, c);
	cairo_surface_destroy(surface);
	if (r == -ENOPKG)
		return err_set(err, r,
			       "no font is installed to set a picture's words in: install one (apt "
			       "install fonts-dejavu-core), then write \"retry failed\" into "
			       ".bookfs/ctl or run again");
	return r < 0 ? err_set(err, r, "the card could not be drawn") : 0;
}
