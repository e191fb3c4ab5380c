/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base.h"

/* A message may carry a name from a hostile book to a terminal: no escape sequence, no second line,
 * no half character. */
static void make_printable(char *s)
{
	const char *end = s + strlen(s);

	while (s < end) {
		const char *next = s;
		uint32_t cp = utf8_next(&next, end);

		if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || (cp == 0xfffd && next == s + 1))
			*s = '?';
		if (cp >= 0x80 && cp < 0xa0)
			s[1] = '?';
		s += next - s;
	}
}

/* A message names a path first and says what is wrong with it last: of one that is too long the
 * middle goes. */
static void cut_middle(char *out, size_t size, const char *s)
{
	static const char gap[] = " ... ";
	size_t len = strlen(s), tail = 160, head = size - 1 - strlen(gap) - tail;

	if (len < size)
		memcpy(out, s, len + 1);
	else
		snprintf(out, size, "%.*s%s%s", (int)head, s, gap, s + len - tail);
}

int err_setv(struct err *e, int code, const char *fmt, va_list ap)
{
	CLEANUP(buf_finish) struct buf whole = {.max_bytes = 64 * 1024};
	va_list again;
	int len;

	if (!e)
		return code;
	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	e->code = code;
	if (len < 0 || buf_reserve(&whole, (size_t)len) < 0) {
		vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	} else {
		vsnprintf(whole.data, (size_t)len + 1, fmt, ap);
		cut_middle(e->msg, sizeof(e->msg), whole.data);
	}
	make_printable(e->msg);
	return code;
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_setv(e, code, fmt, ap);
	va_end(ap);
	return code;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
	CLEANUP(cleanup_free) char *reason = NULL;
	struct err prefix;
	va_list ap;

	if (!e)
		return 0;
	va_start(ap, fmt);
	err_setv(&prefix, e->code, fmt, ap);
	va_end(ap);
	reason = xstrdup(e->msg);
	return err_set(e, e->code, "%s: %s", prefix.msg, reason);
}
