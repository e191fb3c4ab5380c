/* SPDX-License-Identifier: MIT */
#ifndef PAINTER_TYPE_H
#define PAINTER_TYPE_H

#include <pango/pangocairo.h>

#include "scene.h"

/* A block of text: set at size_px, or smaller down to least_px until it fits into the lines; what
 * still does not ends in an ellipsis. */
struct type {
	double size_px, least_px;
	int lines;
	bool bold, italic;
	bool capitals; /* small, widely set, for the lines at the card's edges */
	PangoAlignment align;
	struct colour colour;
};

/* Words as they may be set: valid UTF-8, one line, no control characters, no Markdown, at most
 * max_chars with an ellipsis behind them. Owned. */
char *type_clean(const char *s, size_t max_chars);
/* Is there a font to set a card's own words in ("Chapter 9")? Without one letters are boxes. */
bool type_has_font(cairo_t *cr);
/* Sets the text with its top at y, and returns its height in pixels. dry: only measures. */
double type_set(cairo_t *cr, const struct type *t, const char *text, double x, double y,
		double width, bool dry);

#endif
