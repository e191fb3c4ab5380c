/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <fcntl.h>
#include <pango/pangocairo.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Stands before Pango in the painter's process, so that a test sees what the real program sets, and
 * the card that is under it. By the environment: QUALITY_TEXT=off draws no text; QUALITY_TEXT_LOG
 * names a file to which each piece of text adds a line
 *
 *   X Y WIDTH HEIGHT ELLIPSIZED UNKNOWN TEXT
 *
 * its ink in pixels of the surface, whether it was cut, how many letters have no glyph in any font,
 * and the text in hexadecimal digits.
 */

static bool is_off(void)
{
	const char *text = getenv("QUALITY_TEXT");
	return text && !strcmp(text, "off");
}

static void log_layout(cairo_t *cr, PangoLayout *l)
{
	const char *path = getenv("QUALITY_TEXT_LOG");
	PangoRectangle ink;
	double x, y, w, h;
	FILE *f = path ? fopen(path, "a") : NULL;
	if (!f)
		return;
	pango_layout_get_pixel_extents(l, &ink, NULL);
	cairo_get_current_point(cr, &x, &y);
	x += ink.x;
	y += ink.y;
	w = ink.width;
	h = ink.height;
	cairo_user_to_device(cr, &x, &y);
	cairo_user_to_device_distance(cr, &w, &h);
	fprintf(f, "%.0f %.0f %.0f %.0f %d %d ", x, y, w, h, pango_layout_is_ellipsized(l),
		pango_layout_get_unknown_glyphs_count(l));
	for (const unsigned char *s = (const unsigned char *)pango_layout_get_text(l); *s; s++)
		fprintf(f, "%02x", *s);
	fputc('\n', f);
	fclose(f);
}

/* All that sets text on a context or makes a path of it. */
#define INSTEAD(name, type)                                                                        \
	void name(cairo_t *cr, type *text)                                                         \
	{                                                                                          \
		void (*real)(cairo_t *, type *) =                                                  \
			(void (*)(cairo_t *, type *))dlsym(RTLD_NEXT, #name);                      \
		NOTE(cr, text);                                                                    \
		if (!is_off())                                                                     \
			real(cr, text);                                                            \
	}

#define NOTE(cr, text) log_layout(cr, text)
INSTEAD(pango_cairo_show_layout, PangoLayout)
INSTEAD(pango_cairo_layout_path, PangoLayout)
#undef NOTE
#define NOTE(cr, text)
INSTEAD(pango_cairo_show_layout_line, PangoLayoutLine)
INSTEAD(pango_cairo_layout_line_path, PangoLayoutLine)
