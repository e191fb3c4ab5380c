/* SPDX-License-Identifier: MIT */
#include "sheet.h"

#include <gdk-pixbuf/gdk-pixbuf.h>
#include <string.h>

#include "type.h"

/*
 * The pages of a picture book: the picture as large as it fits, above it where in the book we are,
 * below it what is to be seen, at the foot the page of the book it illustrates.
 */

enum {
	MARGIN = 34,
	HEAD = 30,
	FOOT = 20,
	CAPTION = 92,
	GAP = 12,
	NAMES_LEAST = 7 /* points: smaller nobody reads */
};
#define TEXT_W (SHEET_W - 2 * MARGIN)

static const struct colour ink = {0.13, 0.12, 0.10}, soft = {0.38, 0.36, 0.32};

/* ---- pictures */

struct reading {
	const char *at;
	size_t left;
};

static cairo_status_t read_some(void *arg, unsigned char *to, unsigned len)
{
	struct reading *r = arg;

	if (len > r->left)
		return CAIRO_STATUS_READ_ERROR;
	memcpy(to, r->at, len);
	r->at += len;
	r->left -= len;
	return CAIRO_STATUS_SUCCESS;
}

static cairo_surface_t *read_png(const struct buf *b)
{
	struct reading r = {buf_str(b), b->len};

	return cairo_image_surface_create_from_png_stream(read_some, &r);
}

/* Rows of red, green, blue become cairo's words; what shines through lies on white. */
static void copy_pixels(cairo_surface_t *to, const GdkPixbuf *from)
{
	int w = gdk_pixbuf_get_width(from), h = gdk_pixbuf_get_height(from);
	int channels = gdk_pixbuf_get_n_channels(from);

	cairo_surface_flush(to);
	for (int y = 0; y < h; y++) {
		const guchar *s = gdk_pixbuf_read_pixels(from) +
				  (size_t)y * (size_t)gdk_pixbuf_get_rowstride(from);
		uint32_t *out = (uint32_t *)(void *)(cairo_image_surface_get_data(to) +
						     y * cairo_image_surface_get_stride(to));

		for (int x = 0; x < w; x++, s += channels) {
			unsigned alpha = channels == 4 ? s[3] : 255, white = 255 - alpha;

			out[x] = (s[0] * alpha / 255 + white) << 16 |
				 (s[1] * alpha / 255 + white) << 8 | (s[2] * alpha / 255 + white);
		}
	}
	cairo_surface_mark_dirty(to);
}

/* A JPEG goes into a PDF as it is. */
static void keep_jpeg(cairo_surface_t *s, const struct buf *b)
{
	unsigned char *copy;

	if (b->len < 3 || memcmp(buf_str(b), "\xff\xd8\xff", 3) != 0)
		return;
	copy = malloc(b->len);
	if (!copy)
		return;
	memcpy(copy, buf_str(b), b->len);
	if (cairo_surface_set_mime_data(s, CAIRO_MIME_TYPE_JPEG, copy, b->len, free, copy) !=
	    CAIRO_STATUS_SUCCESS)
		free(copy);
}

static cairo_surface_t *read_other(const struct buf *b)
{
	GdkPixbufLoader *loader = gdk_pixbuf_loader_new();
	cairo_surface_t *surface = NULL;
	GdkPixbuf *pixels = NULL;

	if (gdk_pixbuf_loader_write(loader, (const guchar *)buf_str(b), b->len, NULL) &&
	    gdk_pixbuf_loader_close(loader, NULL))
		pixels = gdk_pixbuf_loader_get_pixbuf(loader);
	else
		gdk_pixbuf_loader_close(loader, NULL);
	if (pixels) {
		surface =
			cairo_image_surface_create(CAIRO_FORMAT_RGB24, gdk_pixbuf_get_width(pixels),
						   gdk_pixbuf_get_height(pixels));
		if (cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS) {
			copy_pixels(surface, pixels);
			keep_jpeg(surface, b);
		}
	}
	g_object_unref(loader);
	return surface;
}

/* NULL: it cannot be read. */
static cairo_surface_t *read_picture(const struct buf *b)
{
	static const char png[] = "\x89PNG";
	cairo_surface_t *s =
		b->len > 4 && !memcmp(buf_str(b), png, 4) ? read_png(b) : read_other(b);

	if (s && cairo_surface_status(s) == CAIRO_STATUS_SUCCESS &&
	    cairo_image_surface_get_width(s) > 0 && cairo_image_surface_get_height(s) > 0)
		return s;
	if (s)
		cairo_surface_destroy(s);
	return NULL;
}

/* As large as it fits into the box, in its middle. */
static int draw_picture(cairo_t *cr, const struct buf *b, double y, double h)
{
	cairo_surface_t *s = read_picture(b);
	double w = TEXT_W, scale, pw, ph;

	if (!s)
		return -EBADMSG;
	pw = cairo_image_surface_get_width(s);
	ph = cairo_image_surface_get_height(s);
	scale = w / pw < h / ph ? w / pw : h / ph;
	cairo_save(cr);
	cairo_translate(cr, MARGIN + (w - pw * scale) / 2, y + (h - ph * scale) / 2);
	cairo_scale(cr, scale, scale);
	cairo_set_source_surface(cr, s, 0, 0);
	cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_BEST);
	cairo_paint(cr);
	cairo_restore(cr);
	cairo_surface_destroy(s);
	return 0;
}

/* ---- words */

struct press {
	cairo_t *cr;
	struct type_setter *setter;
};

/* Set into the box from its top; returns how high it became. */
static double set(const struct press *p, const struct type *type, const char *text, double y,
		  double h)
{
	CLEANUP(cleanup_free) char *clean = type_clean(p->setter, text, 2000);
	struct type_block b = {0};
	double used;

	type_fit(&b, p->setter, type, clean, TEXT_W, h);
	type_show(&b, p->cr, type, MARGIN, y);
	used = b.h;
	type_block_finish(&b);
	return used;
}

static void rule(const struct press *p, double y)
{
	colour_set(p->cr, soft, 1);
	cairo_set_line_width(p->cr, 0.6);
	cairo_move_to(p->cr, MARGIN, y);
	cairo_line_to(p->cr, MARGIN + 48, y);
	cairo_stroke(p->cr);
}

/* ---- the pages */

static int cover(const struct press *p, const struct sheet *s)
{
	const struct type title = {.size_px = 38, .least_px = 16, .colour = ink},
			  by = {.size_px = 15, .least_px = 9, .colour = soft},
			  foot = {.size_px = 10, .least_px = 7, .colour = soft};
	double y = MARGIN + 10 + set(p, &title, s->title, MARGIN + 10, 130);

	rule(p, y + GAP);
	y += 2 * GAP + set(p, &by, s->text, y + 2 * GAP, 40);
	set(p, &foot, s->foot, SHEET_H - MARGIN - FOOT, FOOT);
	return s->picture.len ? draw_picture(p->cr, &s->picture, y + GAP,
					     SHEET_H - MARGIN - FOOT - y - 2 * GAP)
			      : 0;
}

static int plate(const struct press *p, const struct sheet *s)
{
	const struct type head = {.size_px = 13, .least_px = 8, .colour = soft},
			  caption = {.size_px = 12.5, .least_px = 7, .colour = ink},
			  foot = {.size_px = 9.5, .least_px = 7, .colour = soft};
	double top = MARGIN + HEAD, foot_at = SHEET_H - MARGIN - FOOT / 2.0;
	double words_at = foot_at - GAP - CAPTION;

	set(p, &head, s->title, MARGIN, HEAD - 8);
	set(p, &caption, s->text, words_at, CAPTION);
	set(p, &foot, s->foot, foot_at, FOOT);
	return draw_picture(p->cr, &s->picture, top, words_at - GAP - top);
}

/* One after the other, as many as the page holds at the largest size that holds them all. */
static size_t lines_that_fit(const struct press *p, const struct sheet *s, double size, double from,
			     bool show)
{
	const struct type name = {.size_px = size, .least_px = size, .bold = true, .colour = ink},
			  said = {.size_px = size, .least_px = size, .colour = soft};
	double y = from, end = SHEET_H - MARGIN;

	for (size_t i = 0; i + 1 < s->lines.len; i += 2) {
		double room = end - y - 3 * size;
		struct press quiet = *p;

		if (room <= 0)
			return i;
		/* To measure is to set outside the page. */
		cairo_save(quiet.cr);
		if (!show)
			cairo_rectangle(quiet.cr, 0, 0, 0, 0), cairo_clip(quiet.cr);
		y += set(&quiet, &name, s->lines.items[i], y, 2 * size) + size * 0.2;
		y += set(&quiet, &said, s->lines.items[i + 1], y, end - y) + size * 0.6;
		cairo_restore(quiet.cr);
	}
	return s->lines.len;
}

static int cast(const struct press *p, const struct sheet *s)
{
	const struct type title = {.size_px = 24, .least_px = 12, .colour = ink};
	double y = MARGIN + set(p, &title, s->title, MARGIN, 60) + GAP, size = 11;

	while (size > NAMES_LEAST && lines_that_fit(p, s, size, y, false) < s->lines.len)
		size -= 1;
	lines_that_fit(p, s, size, y, true);
	return 0;
}

int sheet_draw(cairo_t *cr, const struct sheet *s, struct err *err)
{
	static int (*const kinds[])(const struct press *p, const struct sheet *s) = {
		[SHEET_COVER] = cover, [SHEET_PLATE] = plate, [SHEET_CAST] = cast};
	struct press p = {.cr = cr};
	int r = -EINVAL;

	cairo_set_source_rgb(cr, 1, 1, 1);
	cairo_paint(cr);
	p.setter = type_setter_new(cr);
	if (!type_has_font(p.setter))
		r = err_set(err, -ENOPKG,
			    "no font is installed to set a page's words in: install one (apt "
			    "install fonts-dejavu-core)");
	else if (s->kind >= 0 && (size_t)s->kind < ARRAY_LEN(kinds))
		r = kinds[s->kind](&p, s);
	type_setter_free(p.setter);
	return r == -EBADMSG ? err_set(err, r, "the picture cannot be read") : r;
}
