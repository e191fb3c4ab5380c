/* SPDX-License-Identifier: MIT */
#include "fold.h"

#include <string.h>

/* Blocks in which case is a constant distance, or upper and lower stand side by side (step 2). */
static const struct {
	uint32_t first, last;
	int distance;
	int step;
} cases[] = {
	{'A', 'Z', 32, 1},	 {0xc0, 0xd6, 32, 1},	  {0xd8, 0xde, 32, 1},
	{0x100, 0x137, 1, 2},	 {0x139, 0x148, 1, 2},	  {0x14a, 0x177, 1, 2},
	{0x179, 0x17e, 1, 2},	 {0x386, 0x386, 38, 1},	  {0x388, 0x38a, 37, 1},
	{0x38c, 0x38c, 64, 1},	 {0x38e, 0x38f, 63, 1},	  {0x391, 0x3a1, 32, 1},
	{0x3a3, 0x3ab, 32, 1},	 {0x400, 0x40f, 80, 1},	  {0x410, 0x42f, 32, 1},
	{0x460, 0x481, 1, 2},	 {0x48a, 0x4bf, 1, 2},	  {0x4d0, 0x52f, 1, 2},
	{0x531, 0x556, 48, 1},	 {0x1e00, 0x1e95, 1, 2},  {0x1ea0, 0x1eff, 1, 2},
	{0x2160, 0x216f, 16, 1}, {0xff21, 0xff3a, 32, 1}, {0x10400, 0x10427, 40, 1},
};

uint32_t fold_case(uint32_t cp)
{
	for (size_t i = 0; i < ARRAY_LEN(cases) && cp >= cases[i].first; i++) {
		if (cp <= cases[i].last && (cp - cases[i].first) % (uint32_t)cases[i].step == 0)
			return cp + (uint32_t)cases[i].distance;
	}
	return cp;
}

/* Three bytes for one are the most: U+FFFD for a malformed one. */
static size_t fold_into(char *out, const char *name, size_t len)
{
	const char *end = name + len;
	size_t n = 0;
	while (name < end) {
		unsigned char c = (unsigned char)*name;
		if (c > ' ' && c < 0x80) { /* as most names are */
			out[n++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
			name++;
			continue;
		}
		uint32_t cp = utf8_next(&name, end);
		if (cp == 0x2019 || cp == 0x2bc)
			cp = '\'';
		if (cp != ' ' && cp != 0xa0)
			n += utf8_put(out + n, fold_case(cp));
		else if (n && out[n - 1] != ' ')
			out[n++] = ' ';
	}
	out[n] = '\0';
	return n;
}

char *fold_name(const char *name)
{
	char few[384];
	size_t len = strlen(name), room = 3 * len + 4;
	CLEANUP(cleanup_free) char *many = room > sizeof(few) ? xcalloc(room, 1) : NULL;
	char *s = many ? many : few;
	size_t n = fold_into(s, name, len);
	bool article = n > 4 && !memcmp(s, "the ", 4);
	return xstrndup(article ? s + 4 : s, article ? n - 4 : n);
}
