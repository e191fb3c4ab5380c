/* SPDX-License-Identifier: MIT */
#include "picture.h"

#include <string.h>

enum { SIDE_MAX_PX = 16384 };

static uint32_t be(const unsigned char *p, int bytes)
{
	uint32_t n = 0;
	for (int i = 0; i < bytes; i++)
		n = n << 8 | p[i];
	return n;
}

static uint32_t le(const unsigned char *p, int bytes)
{
	uint32_t n = 0;
	while (bytes-- > 0)
		n = n << 8 | p[bytes];
	return n;
}

struct size {
	uint32_t width, height;
};

static int cut_off(const char *kind, size_t len, struct err *err)
{
	return err_set(err, -EBADMSG, "the %s picture is cut off after %zu bytes", kind, len);
}

/* Chunk by chunk to IEND (PNG, 5.3). */
static int check_png(struct size *size, const unsigned char *p, size_t len, struct err *err)
{
	size_t at = 8;
	if (len < 33 || memcmp(p + 12, "IHDR", 4))
		return cut_off("PNG", len, err);
	*size = (struct size){be(p + 16, 4), be(p + 20, 4)};
	while (len - at >= 12) {
		size_t chunk = be(p + at, 4);
		if (chunk > len - at - 12)
			break;
		if (!memcmp(p + at + 4, "IEND", 4))
			return 0;
		at += chunk + 12;
	}
	return cut_off("PNG", len, err);
}

/* Start of frame: C0 to CF but DHT, JPG and DAC (ITU T.81, table B.1). */
static bool is_frame(unsigned char marker)
{
	return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
	       marker != 0xcc;
}

/* Segment by segment to the scan; behind it the end must stand, be it before some padding. */
static int check_jpeg(struct size *size, const unsigned char *p, size_t len, struct err *err)
{
	size_t at = 2, end = len;
	while (at + 4 <= len && p[at] == 0xff) {
		unsigned char marker = p[at + 1];
		if (marker == 0xff) {
			at++;
			continue;
		}
		size_t segment = be(p + at + 2, 2);
		if (is_frame(marker) && at + 9 <= len)
			*size = (struct size){be(p + at + 7, 2), be(p + at + 5, 2)};
		if (marker == 0xda || segment < 2)
			break;
		at += segment + 2;
	}
	while (end && (!p[end - 1] || strchr(" \r\n", p[end - 1])))
		end--;
	if (at + 4 > len || end < at + 2 || p[end - 2] != 0xff || p[end - 1] != 0xd9)
		return cut_off("JPEG", len, err);
	return 0;
}

/* RIFF with one of three kinds of first chunk (RFC 9649, 2.5 to 2.7). */
static int check_webp(struct size *size, const unsigned char *p, size_t len, struct err *err)
{
	if (len < 30 || le(p + 4, 4) > len - 8)
		return cut_off("WebP", len, err);
	if (!memcmp(p + 12, "VP8X", 4))
		*size = (struct size){le(p + 24, 3) + 1, le(p + 27, 3) + 1};
	else if (!memcmp(p + 12, "VP8L", 4))
		*size = (struct size){(le(p + 21, 4) & 0x3fff) + 1,
				      (le(p + 21, 4) >> 14 & 0x3fff) + 1};
	else if (!memcmp(p + 12, "VP8 ", 4))
		*size = (struct size){le(p + 26, 2) & 0x3fff, le(p + 28, 2) & 0x3fff};
	return 0;
}

static const struct form {
	const char *ext, *magic;
	size_t magic_len;
	int (*check)(struct size *size, const unsigned char *p, size_t len, struct err *err);
} forms[] = {
	{"png", "\x89PNG\r\n\x1a\n", 8, check_png},
	{"jpg", "\xff\xd8\xff", 3, check_jpeg},
	{"webp", "RIFF", 4, check_webp},
};

int picture_check(const char **ext, const void *data, size_t len, struct err *err)
{
	struct size size = {0};
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		const struct form *f = &forms[i];
		if (len < f->magic_len || memcmp(data, f->magic, f->magic_len))
			continue;
		if (f->check == check_webp &&
		    (len < 12 || memcmp((const char *)data + 8, "WEBP", 4)))
			continue;
		int r = f->check(&size, data, len, err);
		if (r < 0)
			return r;
		if (!size.width || !size.height || size.width > SIDE_MAX_PX ||
		    size.height > SIDE_MAX_PX)
			return err_set(err, -EBADMSG, "a picture of %u by %u points", size.width,
				       size.height);
		*ext = f->ext;
		return 0;
	}
	return err_set(err, -EBADMSG, "what came as a picture is neither PNG nor JPEG nor WebP");
}

/* ---- base64 */

/* The value of a letter and one more; 0: it is none. */
/* clang-format off */
static const unsigned char letters[256] = {
	['A'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
		18, 19, 20, 21, 22, 23, 24, 25, 26,
	['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
		44, 45, 46, 47, 48, 49, 50, 51, 52,
	['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
	['+'] = 63, ['-'] = 63, ['/'] = 64, ['_'] = 64,
};
/* clang-format on */

/* Groups of four letters as long as they come so, which is all but a picture's end: it is
 * megabytes, and letter by letter takes ten times as long. Returns where it stopped. */
static const char *add_groups(struct buf *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	char bytes[3 * 256];
	size_t n = 0;
	for (unsigned a, b, c, d; (a = letters[s[0]]) && (b = letters[s[1]]) &&
				  (c = letters[s[2]]) && (d = letters[s[3]]);
	     s += 4) {
		uint32_t bits = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
		bytes[n++] = (char)(bits >> 16);
		bytes[n++] = (char)(bits >> 8);
		bytes[n++] = (char)bits;
		if (n == sizeof(bytes)) {
			buf_add(out, bytes, n);
			n = 0;
		}
	}
	buf_add(out, bytes, n);
	return (const char *)s;
}

int picture_base64(struct buf *out, const char *text, struct err *err)
{
	const char *comma = strncmp(text, "data:", 5) ? NULL : strchr(text, ',');
	uint32_t bits = 0;
	int held = 0;
	text = comma ? comma + 1 : text;
	if (buf_reserve(out, strlen(text) / 4 * 3 + 3) < 0)
		return err_set(err, buf_error(out), "the picture is larger than %zu bytes",
			       out->max_bytes);
	for (; *text && *text != '='; text++) {
		if (held == 0)
			text = add_groups(out, text);
		if (!*text || *text == '=')
			break;
		unsigned letter = letters[(unsigned char)*text];
		if (!letter && !strchr(" \t\r\n", *text))
			return err_set(err, -EBADMSG, "the picture's base64 is none");
		if (!letter)
			continue;
		bits = bits << 6 | (letter - 1);
		held += 6;
		if (held >= 8) {
			held -= 8;
			buf_addc(out, (char)(bits >> held));
		}
	}
	if (!out->len)
		return err_set(err, -EBADMSG, "the picture is empty");
	return buf_error(out);
}
