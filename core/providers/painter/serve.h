/* SPDX-License-Identifier: MIT */
#ifndef PAINTER_SERVE_H
#define PAINTER_SERVE_H

#include "painter_wire.h"

/*
 * What the programs that draw have in common: they read frames from standard input until that ends,
 * and a font or a text that would take all memory takes them alone.
 */

void serve_set_up(void); /* limits, and a locale that is everybody's */
/* One frame's body becomes the answer's, or a failure with its reason. */
typedef int (*serve_fn)(struct buf *out, const char *body, size_t len, void *arg, struct err *err);
/* Each frame is answered. 0 at the end of the input, or -errno of input or output. */
int serve(serve_fn fn, void *arg);
/* No frame is; the first failure ends it, and is written to standard error. */
int serve_silently(serve_fn fn, void *arg);

#endif
