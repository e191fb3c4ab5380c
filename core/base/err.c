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

static int err_setv(struct err *e, int code, const char *fmt, va_list ap)
{
	if (!e)
		return code;
	e->code = code;
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
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
