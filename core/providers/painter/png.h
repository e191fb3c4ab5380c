/* SPDX-License-Identifier: MIT */
#ifndef PAINTER_PNG_H
#define PAINTER_PNG_H

#include <cairo.h>

#include "painter_wire.h"

/* The surface as a PNG (W3C PNG, third edition) with text chunks that say where it is from, and
 * which of the card's texts no font could set; without any if c is NULL. No times in it: equal
 * cards are equal bytes. */
int png_write(struct buf *out, cairo_surface_t *surface, const struct card *c,
	      const struct strv *unset);

#endif
