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

/* ---- pages behind a text: " (page 12)" */

static bool is_blank(char c)
{
	return (unsigned char)c <= ' ' || c == 0x7f;
}

/* What is left behind one of these may be one too: so it is the same wherever they stood. */
void add_without_pages(struct buf *out, const char *s)
{
	static const char mark[] = " (page ";
	const size_t start = out->len;
	for (bool space = false; *s; s++) {
		if (is_blank(*s)) {
			space = true;
			continue;
		}
		if (space && out->len > start)
			buf_addc(out, ' ');
		space = false;
		buf_addc(out, *s);
		if (*s != ')' || buf_error(out))
			continue;
		size_t open = out->len - 1; /* behind the last bracket before this one */
		while (open > start && !strchr("()", out->data[open - 1]))
			open--;
		if (open < start + 2 || out->len - 1 - open > PAGE_MOST + 5 ||
		    strncmp(out->data + open - 2, mark, strlen(mark)) != 0)
			continue;
		out->len = open - 2;
		out->data[out->len] = '\0';
	}
}

char *clean_pages(const char *s)
{
	CLEANUP(buf_finish) struct buf out = {0};
	add_without_pages(&out, s);
	return xstrdup(buf_str(&out));
}
