/* SPDX-License-Identifier: MIT */
#include "png.h"

#include <stdio.h>
#include <string.h>

enum { SIGNATURE_BYTES = 8, HEADER_BYTES = SIGNATURE_BYTES + 12 + 13 }; /* with the chunk IHDR */

static void put_be32(struct buf *out, uint32_t n)
{
	const unsigned char bytes[] = {(unsigned char)(n >> 24), (unsigned char)(n >> 16),
				       (unsigned char)(n >> 8), (unsigned char)n};
	buf_add(out, bytes, sizeof(bytes));
}

static uint32_t crc32_of(const char *s, size_t len)
{
	uint32_t crc = 0xffffffff;
	while (len--) {
		crc ^= (unsigned char)*s++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
	}
	return ~crc;
}

/* iTXt: keyword, no compression, no language, then UTF-8. */
static void put_text(struct buf *out, const char *keyword, const char *text)
{
	CLEANUP(buf_finish) struct buf chunk = {0};
	buf_adds(&chunk, "iTXt");
	buf_add(&chunk, keyword, strlen(keyword) + 1);
	buf_add(&chunk, "\0\0\0\0", 4);
	buf_adds(&chunk, text);
	put_be32(out, (uint32_t)(chunk.len - 4));
	buf_add(out, chunk.data, chunk.len);
	put_be32(out, crc32_of(chunk.data, chunk.len));
}

static void put_texts(struct buf *out, const struct card *c)
{
	char chapter[32], concept[64];
	snprintf(chapter, sizeof(chapter), "%d", c->chapter);
	snprintf(concept, sizeof(concept), "ch%d_scene%d", c->chapter, c->scene);
	put_text(out, "Software", "bookfs builtin");
	put_text(out, "Title", c->book_title);
	put_text(out, "Chapter", chapter);
	put_text(out, "Chapter title", c->chapter_title);
	put_text(out, "Concept", concept);
}

static cairo_status_t write_part(void *arg, const unsigned char *data, unsigned len)
{
	return buf_add(arg, data, len) < 0 ? CAIRO_STATUS_WRITE_ERROR : CAIRO_STATUS_SUCCESS;
}

int png_write(struct buf *out, cairo_surface_t *surface, const struct card *c)
{
	CLEANUP(buf_finish) struct buf plain = {0};
	if (cairo_surface_write_to_png_stream(surface, write_part, &plain) !=
		    CAIRO_STATUS_SUCCESS ||
	    plain.len < HEADER_BYTES)
		return -EIO;
	buf_add(out, plain.data, HEADER_BYTES);
	put_texts(out, c);
	buf_add(out, plain.data + HEADER_BYTES, plain.len - HEADER_BYTES);
	return buf_error(out);
}
