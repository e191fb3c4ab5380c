/* SPDX-License-Identifier: MIT */
#ifndef PAINTER_SHEET_H
#define PAINTER_SHEET_H

#include <cairo.h>

#include "painter_wire.h"

/* A page of A5, in points. */
#define SHEET_W 419.5
#define SHEET_H 595.3

/* Draws the page at cr's origin. -ENOPKG without any font; -EBADMSG: the picture is none that can
 * be read; the page is whole but for it then. */
int sheet_draw(cairo_t *cr, const struct sheet *s, struct err *err);

#endif
