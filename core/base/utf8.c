/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base.h"

#define REPLACEMENT 0xfffdu

/* RFC 3629, section 4: no overlong forms, no surrogates, nothing past U+10FFFF. */
uint32_t utf8_next(const char **p, const char *end)
{
	const unsigned char *s = (const unsigned char *)*p;
	size_t left = (size_t)(end - *p);
	uint32_t cp, least;
	size_t len;

	*p += 1;
	if (s[0] < 0x80)
		return s[0];
	if (s[0] >= 0xc2 && s[0] <= 0xdf) {
		len = 2, cp = s[0] & 0x1f, least = 0x80;
	} else if (s[0] >= 0xe0 && s[0] <= 0xef) {
		len = 3, cp = s[0] & 0x0f, least = 0x800;
	} else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		len = 4, cp = s[0] & 0x07, least = 0x10000;
	} else {
		return REPLACEMENT;
	}
	if (left < len)
		return REPLACEMENT;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return REPLACEMENT;
		cp = cp << 6 | (s[i] & 0x3f);
	}
	if (cp < least || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return REPLACEMENT;
	*p += len - 1;
	return cp;
}

bool utf8_valid(const char *s, size_t len)
{
	const char *end = s + len;

	while (s < end) {
		const char *at = s;

		/* U+FFFD itself is three bytes; a malformed one moves on by a single byte. */
		if (utf8_next(&s, end) == REPLACEMENT && s == at + 1)
			return false;
	}
	return true;
}

size_t utf8_put(char out[4], uint32_t cp)
{
	if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		cp = REPLACEMENT;
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

static bool is_space(uint32_t cp)
{
	return cp == ' ' || (cp >= 0x09 && cp <= 0x0d) || cp == 0x85 || cp == 0xa0 ||
	       cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 ||
	       cp == 0x202f || cp == 0x205f || cp == 0x3000;
}

int64_t utf8_words(const char *s, size_t len)
{
	const char *end = s + len;
	bool inside = false;
	int64_t words = 0;

	while (s < end) {
		bool space = is_space(utf8_next(&s, end));

		words += inside == false && !space;
		inside = !space;
	}
	return words;
}

/* Characters that have no place in a file name: controls, and those that reorder or hide what a
 * person reads. */
static bool is_unprintable(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || (cp >= 0x200b && cp <= 0x200f) ||
	       (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff ||
	       (cp >= 0xfff9 && cp <= 0xfffc) || (cp >= 0xfdd0 && cp <= 0xfdef) ||
	       (cp & 0xfffe) == 0xfffe;
}

void utf8_name(char out[NAME_BYTES], const char *s, size_t len)
{
	const char *end = s + len;
	size_t n = 0, kept = 0; /* kept: the length without trailing white space */

	while (s < end) {
		uint32_t cp = utf8_next(&s, end);
		char bytes[4];
		size_t size;

		if (is_space(cp))
			cp = ' ';
		else if (cp == '/')
			cp = '-';
		else if (is_unprintable(cp))
			continue;
		if (cp == ' ' && (n == 0 || out[n - 1] == ' '))
			continue;
		size = utf8_put(bytes, cp);
		if (n + size > NAME_BYTES - 1)
			break;
		memcpy(out + n, bytes, size);
		n += size;
		if (cp != ' ')
			kept = n;
	}
	out[kept] = '\0';
	if (!kept)
		strcpy(out, "untitled");
	else if (!strcmp(out, ".") || !strcmp(out, ".."))
		memset(out, '_', kept);
}
