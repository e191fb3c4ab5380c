/* SPDX-License-Identifier: MIT */
#ifndef PAINTER_CARD_H
#define PAINTER_CARD_H

#include "painter_wire.h"

/* Paints the card as a PNG. -EINVAL for a size that is none, -ENOPKG without any font,
 * -ENOMEM, -EIO; err says why. */
int card_paint(struct buf *png, const struct card *c, struct err *err);

#endif
