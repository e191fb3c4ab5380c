/* SPDX-License-Identifier: MIT */
#include <cairo.h>
#include <stdio.h>
#include <string.h>

#include "card.h"
#include "providers.h"

/*
 * The cards of a book on one sheet: contact_sheet BOOK SHEET.png [COLUMNS ROWS [CARD_PX]]. Run by
 * hand; the README's picture is examples/contact-sheet.png. When the book has more scenes than the
 * sheet has places, they are taken from all over it. With BOOKFS_CARDS=PREFIX in the environment
 * each card is written too, whole, as PREFIXchN_sceneM.png.
 */

enum { CARD_PX = 1024, GAP_PX = 6 };

struct shelf { /* the scenes of all chapters, in order */
	struct book *book;
	struct analysis **analyses;
	struct place {
		size_t chapter, scene;
	} * scenes;
	size_t count, cap;
};

static void find_scenes(struct shelf *s, int wanted)
{
	int64_t words = 0;
	for (size_t i = 0; i < s->book->chapter_count; i++)
		words += s->book->chapters[i].kind == BOOK_STORY ? s->book->chapters[i].words : 0;
	for (size_t i = 0; i < s->book->chapter_count; i++) {
		const struct book_chapter *c = &s->book->chapters[i];
		struct err err = {0};
		struct analyze_request r = {.book_title = s->book->title,
					    .language = s->book->language,
					    .chapter_title = c->title,
					    .chapter = (int)i + 1,
					    .text = c->text,
					    .text_len = c->text_bytes,
					    .scenes = 1 + (int)(c->words * wanted / (words + 1))};
		if (c->kind != BOOK_STORY || builtin_analyze(&s->analyses[i], &r, &err) < 0)
			continue;
		for (size_t k = 0; k < s->analyses[i]->concept_count; k++) {
			s->scenes = xgrow(s->scenes, &s->cap, s->count + 1, sizeof(*s->scenes));
			s->scenes[s->count++] = (struct place){i, k};
		}
	}
}

static void write_card(const struct card *c, const struct buf *png)
{
	const char *prefix = getenv("BOOKFS_CARDS");
	if (!prefix)
		return;
	CLEANUP(cleanup_free)
	char *path = xasprintf("%sch%d_scene%d.png", prefix, c->chapter, c->scene);
	FILE *f = fopen(path, "w");
	if (!f || fwrite(png->data, 1, png->len, f) != png->len || fclose(f) != 0)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
}

static int paint_scene(struct buf *png, const struct shelf *s, const struct place *at)
{
	const struct concept *concept = &s->analyses[at->chapter]->concepts[at->scene];
	struct err err = {0};
	const struct card c = {
		.chapter = (int)at->chapter + 1,
		.scene = (int)at->scene + 1,
		.width_px = CARD_PX,
		.height_px = CARD_PX,
		.book_title = s->book->title,
		.chapter_title = s->book->chapters[at->chapter].title,
		.quote = concept->quote.text,
		.description = concept->description,
		.mood = concept->mood,
		.lighting = concept->lighting,
		.names = concept->elements,
	};
	int64_t start_us = clock_mono_us();
	int r = card_paint(png, &c, &err);
	fprintf(stderr, "ch%d_scene%d: %lld us, %zu bytes, %s, %s %s\n", c.chapter, c.scene,
		(long long)(clock_mono_us() - start_us), png->len, c.mood, c.lighting, err.msg);
	if (r == 0)
		write_card(&c, png);
	return r;
}

struct reader {
	const struct buf *png;
	size_t at;
};

static cairo_status_t read_part(void *arg, unsigned char *data, unsigned len)
{
	struct reader *r = arg;
	if (len > r->png->len - r->at)
		return CAIRO_STATUS_READ_ERROR;
	memcpy(data, r->png->data + r->at, len);
	r->at += len;
	return CAIRO_STATUS_SUCCESS;
}

static void place_card(cairo_t *cr, const struct buf *png, double x, double y, double size)
{
	struct reader r = {.png = png};
	cairo_surface_t *card = cairo_image_surface_create_from_png_stream(read_part, &r);
	cairo_save(cr);
	cairo_translate(cr, x, y);
	cairo_scale(cr, size / CARD_PX, size / CARD_PX);
	cairo_set_source_surface(cr, card, 0, 0);
	cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_BEST);
	cairo_paint(cr);
	cairo_restore(cr);
	cairo_surface_destroy(card);
}

/* A picture for a README: 32 steps a channel are enough for flat inks, and half the bytes. */
static void save_bytes(cairo_surface_t *s)
{
	int stride = cairo_image_surface_get_stride(s);
	cairo_surface_flush(s);
	for (int y = 0; y < cairo_image_surface_get_height(s); y++) {
		uint32_t *row = (uint32_t *)(void *)(cairo_image_surface_get_data(s) + y * stride);
		for (int x = 0; x < cairo_image_surface_get_width(s); x++)
			row[x] = (row[x] & 0xf8f8f8) | (row[x] >> 5 & 0x070707);
	}
	cairo_surface_mark_dirty(s);
}

static int make_sheet(const char *path, const struct shelf *s, int columns, int rows, int size)
{
	int places = columns * rows, pitch = size + GAP_PX, r = 0;
	cairo_surface_t *sheet = cairo_image_surface_create(
		CAIRO_FORMAT_RGB24, columns * pitch + GAP_PX, rows * pitch + GAP_PX);
	cairo_t *cr = cairo_create(sheet);
	cairo_set_source_rgb(cr, .88, .86, .82);
	cairo_paint(cr);
	for (int i = 0; r == 0 && i < places && (size_t)i < s->count; i++) {
		CLEANUP(buf_finish) struct buf png = {0};
		size_t at = s->count <= (size_t)places ? (size_t)i
						       : (size_t)i * s->count / (size_t)places;
		r = paint_scene(&png, s, &s->scenes[at]);
		if (r == 0)
			place_card(cr, &png, GAP_PX + i % columns * pitch,
				   GAP_PX + i / columns * pitch, size);
	}
	cairo_destroy(cr);
	save_bytes(sheet);
	if (r == 0 && cairo_surface_write_to_png(sheet, path) != CAIRO_STATUS_SUCCESS)
		r = -EIO;
	cairo_surface_destroy(sheet);
	return r;
}

int main(int argc, char **argv)
{
	CLEANUP(book_free_cleanup) struct book *book = NULL;
	struct book_options options = {.limits = book_limits_default};
	struct err err = {0};
	int columns = argc > 4 ? atoi(argv[3]) : 6, rows = argc > 4 ? atoi(argv[4]) : 4;
	int size = argc > 5 ? atoi(argv[5]) : 200;

	if (argc < 3 || columns < 1 || rows < 1 || size < 16 || columns * size > 8192 ||
	    rows * size > 8192) {
		fprintf(stderr, "usage: contact_sheet BOOK SHEET.png [COLUMNS ROWS [CARD_PX]]\n");
		return 2;
	}
	if (book_read(&book, argv[1], &options, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	struct shelf s = {.book = book};
	s.analyses = xcalloc(book->chapter_count, sizeof(*s.analyses));
	find_scenes(&s, columns * rows);
	int r = make_sheet(argv[2], &s, columns, rows, size);
	for (size_t i = 0; i < book->chapter_count; i++)
		analysis_free(s.analyses[i]);
	free(s.analyses);
	free(s.scenes);
	return r < 0;
}
