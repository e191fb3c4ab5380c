/* SPDX-License-Identifier: MIT */
#include "clean.h"

#include <string.h>

static bool is_control(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x2028 || cp == 0x2029;
}

char *clean_text(const char *s, size_t max, bool keep_lines)
{
	struct buf out = {.max_bytes = strlen(s) + 1};
	const char *end = s + strlen(s);
	while (s < end) {
		char utf8[4];
		uint32_t cp = utf8_next(&s, end);
		if (keep_lines && cp == '\n') {
			buf_addc(&out, '\n');
			continue;
		}
		bool blank = cp == ' ' || is_control(cp);
		if (blank && (!out.len || strchr(" \n", out.data[out.len - 1])))
			continue;
		size_t n = utf8_put(utf8, blank ? ' ' : cp);
		if (out.len + n > max)
			break;
		buf_add(&out, utf8, n);
	}
	while (out.len && strchr(" \n", out.data[out.len - 1]))
		out.len--;
	char *done = xstrndup(buf_str(&out), out.len);
	buf_finish(&out);
	return done;
}
