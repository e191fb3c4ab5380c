/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_ENCODING_H
#define SOURCE_ENCODING_H

/*
 * Bytes of any encoding become clean UTF-8: valid, without NUL and control characters but tab and
 * newline, lines ending in '\n' alone.
 */

#include "base.h"

enum text_class {
	TEXT_PLAIN,
	TEXT_MARKUP, /* a declared encoding is looked for; HTML's named entities become characters,
			so that an XML parser knows them without a DTD */
};
int text_decode(struct buf *out, const char *data, size_t len, enum text_class class);
/* What Windows-1252 means by a byte from 0x80 to 0x9f. */
uint32_t text_cp1252(unsigned char c);
/* Could these bytes be text at all, in any of the encodings? */
bool text_plausible(const char *data, size_t len);

#endif
