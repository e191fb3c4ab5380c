/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base.h"

int buf_reserve(struct buf *b, size_t more)
{
	size_t max = b->max_bytes ? b->max_bytes : BUF_MAX_DEFAULT;
	size_t need, cap;
	char *data;

	if (b->failed)
		return b->failed;
	if (more > max || b->len > max - more)
		return b->failed = -EFBIG;
	need = b->len + more + 1;
	if (need <= b->cap)
		return 0;
	cap = b->cap < 128 ? 256 : b->cap * 2;
	if (cap - 1 > max)
		cap = max + 1;
	if (cap < need)
		cap = need;
	data = realloc(b->data, cap);
	if (!data)
		return b->failed = -ENOMEM;
	b->data = data;
	b->cap = cap;
	return 0;
}

int buf_add(struct buf *b, const void *data, size_t len)
{
	int r = buf_reserve(b, len);

	if (r < 0)
		return r;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

int buf_adds(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int buf_addc(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

/* XML 1.0, section 2.2; what was no UTF-8 is left out with the rest. */
static bool may_stand_in_xml(uint32_t c)
{
	return c == '\t' || c == '\n' || (c >= 0x20 && c < 0xd800) || (c > 0xdfff && c < 0xfffd) ||
	       c > 0xffff;
}

int buf_add_xml(struct buf *b, const char *text)
{
	const char *end = text + strlen(text);

	while (text < end) {
		const char *from = text;
		uint32_t c = utf8_next(&text, end);

		if (c == '&')
			buf_adds(b, "&amp;");
		else if (c == '<')
			buf_adds(b, "&lt;");
		else if (c == '>')
			buf_adds(b, "&gt;");
		else if (c == '"')
			buf_adds(b, "&quot;");
		else if (may_stand_in_xml(c))
			buf_add(b, from, (size_t)(text - from));
	}
	return buf_error(b);
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n, r;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return b->failed = -ENOMEM;
	r = buf_reserve(b, (size_t)n);
	if (r < 0)
		return r;
	va_start(ap, fmt);
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

int buf_error(const struct buf *b)
{
	return b->failed;
}

const char *buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = 0;
	if (b->data)
		b->data[0] = '\0';
}

char *buf_steal(struct buf *b, size_t *len)
{
	char *data = b->failed ? NULL : b->data ? b->data : xstrdup("");

	if (b->failed)
		free(b->data);
	if (len)
		*len = data ? b->len : 0;
	*b = (struct buf){.max_bytes = b->max_bytes};
	return data;
}

void buf_finish(struct buf *b)
{
	free(b->data);
	*b = (struct buf){.max_bytes = b->max_bytes};
}
