/* SPDX-License-Identifier: MIT */
#ifndef PICTURE_H
#define PICTURE_H

/* Private to providers: pictures as bytes from a stranger. Pure functions, any thread. */

#include "base.h"

/* Is this a whole PNG, JPEG or WebP of a size that can be shown? *ext (borrowed for ever) as the
 * bytes are: "png", "jpg", "webp". -EBADMSG with the reason. */
int picture_check(const char **ext, const void *data, size_t len, struct err *err);

/* Base64 (RFC 4648, both alphabets), a "data:...," before it, white space and missing '=' let
 * pass. -EBADMSG; the buffer's own errors. */
int picture_base64(struct buf *out, const char *text, struct err *err);

#endif
