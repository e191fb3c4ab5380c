/* SPDX-License-Identifier: MIT */
#ifndef PAINTER_TYPE_H
#define PAINTER_TYPE_H

#include <pango/pangocairo.h>

#include "scene.h"

/*
 * Words in print. One type_setter sets all the blocks of one card. A character that no installed
 * font has is never shown as a box: it is left out, and a text that would lose much by that is left
 * out whole.
 */

struct type {
	double size_px, least_px;
	bool bold, italic;
	bool capitals; /* small, widely set, for the lines at the card's edges */
	bool right;    /* where the script runs to the right; else at the script's beginning */
	struct colour colour;
};

struct type_setter;
struct type_setter *type_setter_new(cairo_t *cr);
struct type_setter *type_setter_free(struct type_setter *t);
/* Is there a font to set a card's own words in ("Chapter 9")? Without one letters are boxes. */
bool type_has_font(struct type_setter *t);

/* Words as they may be set: valid UTF-8, one line, no control characters, no Markdown, no heaps of
 * marks, nothing that turns the direction of what is behind it, at most max_chars with an ellipsis
 * behind them, and only letters that there is a font for. "" if they cannot be set. Owned. */
char *type_clean(struct type_setter *t, const char *s, size_t max_chars);

/* A block that is ready to be set. */
struct type_block {
	PangoLayout *layout;
	double h;	 /* 0: nothing to be set */
	bool from_right; /* its script runs to the left */
	bool upright;	 /* its script has no italics */
};
/* The text as large as it fits into w by h; what does not at the least size ends in an ellipsis. */
void type_fit(struct type_block *b, struct type_setter *t, const struct type *type,
	      const char *text, double w, double h);
/* The same for prose: rather fewer sentences than small ones or half of one. */
void type_fit_prose(struct type_block *b, struct type_setter *t, const struct type *type,
		    const char *text, double w, double h);
void type_show(const struct type_block *b, cairo_t *cr, const struct type *type, double x,
	       double y);
void type_block_finish(struct type_block *b);

#endif
