/* SPDX-License-Identifier: MIT */
#include "png.h"

#include <libdeflate.h>
#include <stdio.h>
#include <string.h>

/*
 * A writer for the one kind of PNG that a card is: 8 bits a channel, red, green and blue, not
 * interlaced. cairo's own takes three times as long for it, most of the time a card takes.
 */

enum { BYTES_A_PIXEL = 3, LEVEL = 5 };

static void put_be32(char out[4], uint32_t n)
{
	for (int i = 0; i < 4; i++)
		out[i] = (char)(n >> (24 - 8 * i));
}

static void put_chunk(struct buf *out, const char *type, const void *data, size_t len)
{
	char word[4];
	put_be32(word, (uint32_t)len);
	buf_add(out, word, 4);
	buf_add(out, type, 4);
	buf_add(out, data, len);
	put_be32(word, libdeflate_crc32(libdeflate_crc32(0, type, 4), data, len));
	buf_add(out, word, 4);
}

/* ---- text chunks */

/* Titles and descriptions are a book's: of any length. */
enum { TEXT_BYTES_MOST = 4096 };

/* iTXt: keyword, no compression, no language, then UTF-8. An empty text has no chunk. */
static void put_text(struct buf *out, const char *keyword, const char *text)
{
	CLEANUP(buf_finish) struct buf chunk = {0};
	size_t len = strnlen(text, TEXT_BYTES_MOST);
	while (len && ((unsigned char)text[len] & 0xc0) == 0x80) /* not within a character */
		len--;
	if (!len || !utf8_valid(text, len))
		return;
	buf_add(&chunk, keyword, strlen(keyword) + 1);
	buf_add(&chunk, "\0\0\0\0", 4);
	buf_add(&chunk, text, len);
	put_chunk(out, "iTXt", chunk.data, chunk.len);
}

static void put_unset(struct buf *out, const struct strv *unset)
{
	CLEANUP(buf_finish) struct buf text = {0};
	for (size_t i = 0; i < unset->len; i++)
		buf_addf(&text, "%s%s",
			 i ? ", " : "left out, as no installed font has its letters: ",
			 unset->items[i]);
	put_text(out, "Comment", buf_str(&text));
}

static void put_texts(struct buf *out, const struct card *c, const struct strv *unset)
{
	char chapter[32], concept[64];
	snprintf(chapter, sizeof(chapter), "%d", c->chapter);
	snprintf(concept, sizeof(concept), "ch%d_scene%d", c->chapter, c->scene);
	put_text(out, "Software", "bookfs builtin");
	put_text(out, "Title", c->chapter_title);
	put_text(out, "Book", c->book_title);
	put_text(out, "Chapter", chapter);
	put_text(out, "Concept", concept);
	put_text(out, "Description", c->description);
	put_unset(out, unset);
}

/* ---- pixels */

static void get_row(unsigned char *row, cairo_surface_t *surface, int y, int width)
{
	const unsigned char *from = cairo_image_surface_get_data(surface) +
				    (size_t)y * (size_t)cairo_image_surface_get_stride(surface);
	for (int x = 0; x < width; x++) {
		uint32_t pixel;
		memcpy(&pixel, from + 4 * x, sizeof(pixel));
		row[BYTES_A_PIXEL * x] = (unsigned char)(pixel >> 16);
		row[BYTES_A_PIXEL * x + 1] = (unsigned char)(pixel >> 8);
		row[BYTES_A_PIXEL * x + 2] = (unsigned char)pixel;
	}
}

/* How many bytes of a filtered row are not 0: flat shapes make long runs of it. */
static size_t busy(const unsigned char *row, size_t len)
{
	size_t count = 0;
	for (size_t i = 0; i < len; i++)
		count += row[i] != 0;
	return count;
}

/* Sub (1) or Up (2), whichever leaves more nothing (PNG, 9.2). */
static void filter_row(unsigned char *out, unsigned char *other, const unsigned char *row,
		       const unsigned char *above, size_t len)
{
	for (size_t i = 0; i < BYTES_A_PIXEL; i++)
		other[i] = row[i];
	for (size_t i = BYTES_A_PIXEL; i < len; i++)
		other[i] = (unsigned char)(row[i] - row[i - BYTES_A_PIXEL]);
	for (size_t i = 0; i < len; i++)
		out[i + 1] = (unsigned char)(row[i] - above[i]);
	out[0] = 2;
	if (busy(other, len) < busy(out + 1, len)) {
		out[0] = 1;
		memcpy(out + 1, other, len);
	}
}

static void filter(unsigned char *out, cairo_surface_t *surface, int width, int height)
{
	size_t len = (size_t)width * BYTES_A_PIXEL;
	CLEANUP(cleanup_free) unsigned char *rows = xcalloc(3, len);
	unsigned char *above = rows, *row = rows + len, *other = rows + 2 * len;
	cairo_surface_flush(surface);
	for (int y = 0; y < height; y++) {
		unsigned char *swap = above;
		get_row(row, surface, y, width);
		filter_row(out + (size_t)y * (len + 1), other, row, above, len);
		above = row;
		row = swap;
	}
}

static int put_pixels(struct buf *out, cairo_surface_t *surface, int width, int height)
{
	size_t len = ((size_t)width * BYTES_A_PIXEL + 1) * (size_t)height;
	CLEANUP(cleanup_free) unsigned char *raw = malloc(len);
	struct libdeflate_compressor *deflate = libdeflate_alloc_compressor(LEVEL);
	size_t most = deflate ? libdeflate_zlib_compress_bound(deflate, len) : 0;
	CLEANUP(cleanup_free) char *packed = malloc(most + 1);
	size_t n = 0;
	if (raw && deflate && packed) {
		filter(raw, surface, width, height);
		n = libdeflate_zlib_compress(deflate, raw, len, packed, most);
	}
	if (deflate)
		libdeflate_free_compressor(deflate);
	if (n)
		put_chunk(out, "IDAT", packed, n);
	return n ? 0 : -ENOMEM;
}

int png_write(struct buf *out, cairo_surface_t *surface, const struct card *c,
	      const struct strv *unset)
{
	int width = cairo_image_surface_get_width(surface);
	int height = cairo_image_surface_get_height(surface);
	char head[13] = {0};
	put_be32(head, (uint32_t)width);
	put_be32(head + 4, (uint32_t)height);
	head[8] = 8; /* bits */
	head[9] = 2; /* red, green, blue */
	buf_add(out, "\x89PNG\r\n\x1a\n", 8);
	put_chunk(out, "IHDR", head, sizeof(head));
	if (c)
		put_texts(out, c, unset);
	int r = put_pixels(out, surface, width, height);
	put_chunk(out, "IEND", "", 0);
	return r < 0 ? r : buf_error(out);
}
