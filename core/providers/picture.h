/* SPDX-License-Identifier: MIT */
#ifndef PICTURE_H
#define PICTURE_H

/* Private to providers: pictures as bytes from a stranger; picture_check is in providers.h. Pure
 * functions, any thread. */

#include "providers.h"

/* Base64 (RFC 4648, both alphabets), a "data:...," before it, white space and missing '=' let
 * pass. -EBADMSG; the buffer's own errors. */
int picture_base64(struct buf *out, const char *text, struct err *err);

#endif
