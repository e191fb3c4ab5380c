/* SPDX-License-Identifier: MIT */
#ifndef PACK_H
#define PACK_H

/*
 * Books for tests, written as text. A line "@@ NAME" begins a member of the archive, what follows
 * up to the next such line (without its last newline) is its content. Members are stored, not
 * compressed.
 */

#include "base.h"

void pack(struct buf *zip, const char *spec, size_t len);

/* Aborts with the broken promise of source.h, if one is broken. */
struct book;
void hold_promises(const struct book *b);

#endif
