/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

#include "encoding.h"
#include "late.h"

#define DECLARATION_BYTES 2048

uint32_t text_cp1252(unsigned char c)
{
	static const uint16_t high[32] = {0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020,
					  0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0xfffd,
					  0x017d, 0xfffd, 0xfffd, 0x2018, 0x2019, 0x201c, 0x201d,
					  0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a,
					  0x0153, 0xfffd, 0x017e, 0x0178};

	return c >= 0x80 && c < 0xa0 ? high[c - 0x80] : c;
}

static void put(struct buf *out, uint32_t cp)
{
	char bytes[4];

	buf_add(out, bytes, utf8_put(bytes, cp));
}

/* ---- which encoding */

/* The value of charset= or encoding= near the start; "" if there is none. */
static void declared(char name[40], const char *data, size_t len)
{
	size_t most = len < DECLARATION_BYTES ? len : DECLARATION_BYTES;

	name[0] = '\0';
	for (size_t i = 0; i + 9 < most; i++) {
		size_t key = !strncasecmp(data + i, "encoding", 8)  ? 8
			     : !strncasecmp(data + i, "charset", 7) ? 7
								    : 0;
		size_t at = i + key, n = 0;

		if (!key)
			continue;
		while (at < most && isspace((unsigned char)data[at]))
			at++;
		if (at >= most || data[at++] != '=')
			continue;
		while (at < most && (isspace((unsigned char)data[at]) || strchr("\"'", data[at])))
			at++;
		while (at < most && n < 39 &&
		       (isalnum((unsigned char)data[at]) || strchr("-_.:", data[at])))
			name[n++] = data[at++];
		name[n] = '\0';
		return;
	}
}

static bool is_latin1(const char *name)
{
	static const char *const names[] = {"iso-8859-1",   "iso8859-1", "latin1",   "latin-1",
					    "windows-1252", "cp1252",	 "us-ascii", "ascii",
					    "iso_8859-1",   "x-ansi"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcasecmp(name, names[i]))
			return true;
	return false;
}

/* Text in UTF-16 without a byte order mark has a zero byte in nearly every pair. */
static int utf16_order(const unsigned char *s, size_t len)
{
	size_t most = len < 512 ? len : 512, even = 0, odd = 0;

	if (len >= 2 && s[0] == 0xff && s[1] == 0xfe)
		return 1;
	if (len >= 2 && s[0] == 0xfe && s[1] == 0xff)
		return 2;
	for (size_t i = 0; i + 1 < most; i += 2) {
		even += s[i] == 0;
		odd += s[i + 1] == 0;
	}
	if (odd > most / 5 && even < odd / 8)
		return 1;
	return even > most / 5 && odd < even / 8 ? 2 : 0;
}

/* ---- conversions */

static void from_utf16(struct buf *out, const unsigned char *s, size_t len, bool big)
{
	size_t low = big ? 1 : 0, high = big ? 0 : 1;

	for (size_t i = 0; i + 1 < len; i += 2) {
		uint32_t cp = (uint32_t)(s[i + low] | s[i + high] << 8);

		if (cp >= 0xd800 && cp < 0xdc00 && i + 3 < len) {
			uint32_t next = (uint32_t)(s[i + 2 + low] | s[i + 2 + high] << 8);

			if (next >= 0xdc00 && next < 0xe000) {
				cp = 0x10000 + ((cp - 0xd800) << 10) + (next - 0xdc00);
				i += 2;
			}
		}
		put(out, cp);
	}
}

static void from_latin1(struct buf *out, const unsigned char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		put(out, text_cp1252(s[i]));
}

/* Whole sequences are UTF-8; a byte that is none is what Windows-1252 means by it. */
static void from_mixed(struct buf *out, const char *s, size_t len)
{
	const char *end = s + len;

	while (s < end) {
		const char *at = s;
		uint32_t cp = utf8_next(&s, end);

		put(out, s == at + 1 ? text_cp1252((unsigned char)*at) : cp);
	}
}

static bool mostly_utf8(const char *s, size_t len)
{
	const char *end = s + len;
	size_t good = 0, bad = 0;

	while (s < end) {
		const char *at = s;

		utf8_next(&s, end);
		good += s > at + 1;
		bad += s == at + 1 && (unsigned char)*at >= 0x80;
	}
	return good > bad;
}

/* -EINVAL, and nothing in out: nobody knows the name, or what it makes of the bytes is no text:
 * read as UCS-4, glibc's iconv gives what no UTF-8 is. */
static int from_named(struct buf *out, const char *name, const char *data, size_t len)
{
	iconv_t cd = iconv_open("UTF-8", name);
	char *in = (char *)data;
	size_t left = len;

	if (cd == (iconv_t)-1)
		return -EINVAL;
	while (left && !buf_error(out)) {
		char chunk[8192], *to = chunk;
		size_t room = sizeof(chunk);
		size_t r = iconv(cd, &in, &left, &to, &room);

		buf_add(out, chunk, (size_t)(to - chunk));
		if (r == (size_t)-1 && errno != E2BIG) {
			put(out, 0xfffd);
			in++;
			left--;
		}
	}
	iconv_close(cd);
	if (utf8_valid(buf_str(out), out->len))
		return 0;
	buf_clear(out);
	return -EINVAL;
}

/* Sets *text to UTF-8 that may still hold controls: data itself, or what `store` was given. */
static void to_utf8(const char **text, size_t *text_len, struct buf *store, const char *data,
		    size_t len, enum text_class class)
{
	int order = utf16_order((const unsigned char *)data, len);
	char name[40] = "";

	*text = data;
	*text_len = len;
	if (class == TEXT_MARKUP && !order)
		declared(name, data, len);
	if (order)
		from_utf16(store, (const unsigned char *)data, len, order == 2);
	else if (utf8_valid(data, len) && (!name[0] || is_latin1(name) || strcasestr(name, "utf")))
		return;
	else if (!name[0] || is_latin1(name) || strcasestr(name, "utf") ||
		 from_named(store, name, data, len) < 0) {
		if (mostly_utf8(data, len))
			from_mixed(store, data, len);
		else
			from_latin1(store, (const unsigned char *)data, len);
	}
	*text = buf_str(store);
	*text_len = store->len;
}

/* ---- cleaning */

/* A named entity at s ("&eacute;"), other than XML's own five: its length, else 0. */
static size_t named_entity(uint32_t *cp, const char *s, const char *end)
{
	char name[12];
	size_t n = 0;
	const htmlEntityDesc *desc;

	for (s++; s < end && n < sizeof(name) - 1 && isalnum((unsigned char)*s); s++)
		name[n++] = *s;
	name[n] = '\0';
	if (n < 2 || s >= end || *s != ';')
		return 0;
	desc = libxml.html_entity((const xmlChar *)name);
	if (!desc || desc->value == '&' || desc->value == '<' || desc->value == '>' ||
	    desc->value == '"' || desc->value == '\'')
		return 0;
	*cp = desc->value;
	return n + 2;
}

static bool is_dirty(unsigned char c, enum text_class class)
{
	return (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f || c == 0xef ||
	       (c == '&' && class == TEXT_MARKUP);
}

/* One character that needs a look, at s; returns how many bytes it takes. */
static size_t clean_one(struct buf *out, const char *s, const char *end, enum text_class class)
{
	const char *next = s;
	uint32_t cp;

	if (*s == '&') {
		size_t n = named_entity(&cp, s, end);

		if (n)
			put(out, cp);
		else
			buf_addc(out, '&');
		return n ? n : 1;
	}
	cp = utf8_next(&next, end);
	if (cp == '\r' || cp == '\f' || cp == '\v') {
		if (next >= end || *next != '\n' || cp != '\r')
			buf_addc(out, '\n');
	} else if (cp == 0xfffe || cp == 0xffff) {
		put(out, 0xfffd);
	} else if (cp >= 0x20 && cp != 0x7f && cp != 0xfeff) {
		buf_add(out, s, (size_t)(next - s));
	}
	return (size_t)(next - s);
}

int text_decode(struct buf *out, const char *data, size_t len, enum text_class class)
{
	struct buf store = {.max_bytes = SIZE_MAX / 4};
	const char *s, *end;
	size_t text_len;

	to_utf8(&s, &text_len, &store, data, len, class);
	if (store.failed && !out->failed)
		out->failed = store.failed;
	end = s + text_len;
	buf_reserve(out, text_len);
	while (s < end && !buf_error(out)) {
		const char *run = s;

		while (s < end && !is_dirty((unsigned char)*s, class))
			s++;
		buf_add(out, run, (size_t)(s - run));
		if (s < end)
			s += clean_one(out, s, end, class);
	}
	buf_finish(&store);
	return buf_error(out);
}

bool text_plausible(const char *data, size_t len)
{
	size_t most = len < 65536 ? len : 65536, controls = 0;

	if (utf16_order((const unsigned char *)data, len))
		return true;
	for (size_t i = 0; i < most; i++) {
		unsigned char c = (unsigned char)data[i];

		if (c == 0)
			return false;
		controls += c < 0x20 && !strchr("\t\n\v\f\r\x1a\x1b", c);
	}
	return controls * 100 <= most;
}
