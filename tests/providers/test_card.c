/* SPDX-License-Identifier: MIT */
#include <cairo.h>
#include <math.h>
#include <pango/pangocairo.h>
#include <stdio.h>
#include <string.h>

#include "card.h"
#include "check.h"
#include "scene.h"

/*
 * Cards as they are painted, without the child: what is set where, on what ground, and that no two
 * scenes are one picture.
 *
 * This program has a pango_cairo_show_layout of its own, which notes each text and the ground under
 * it before it is set.
 */

struct text {
	cairo_rectangle_int_t ink; /* in pixels */
	bool cut;
	int unknown;
	double contrast; /* the least with any pixel under it */
	char words[1024];
};

static struct text texts[16];
static size_t text_count;

static struct colour pixel_at(cairo_surface_t *s, int x, int y)
{
	uint32_t p;
	memcpy(&p, cairo_image_surface_get_data(s) + y * cairo_image_surface_get_stride(s) + 4 * x,
	       4);
	return (struct colour){(p >> 16 & 255) / 255., (p >> 8 & 255) / 255., (p & 255) / 255.};
}

static double least_contrast(cairo_t *cr, const cairo_rectangle_int_t *r)
{
	cairo_surface_t *s = cairo_get_target(cr);
	struct colour ink;
	double alpha, least = 21;
	cairo_pattern_get_rgba(cairo_get_source(cr), &ink.r, &ink.g, &ink.b, &alpha);
	CHECK(alpha == 1);
	cairo_surface_flush(s);
	for (int y = r->y; y < r->y + r->height; y++) {
		for (int x = r->x; x < r->x + r->width; x++) {
			if (x < 0 || y < 0 || x >= cairo_image_surface_get_width(s) ||
			    y >= cairo_image_surface_get_height(s))
				continue;
			double c = colour_contrast(ink, pixel_at(s, x, y));
			least = c < least ? c : least;
		}
	}
	return least;
}

void pango_cairo_show_layout(cairo_t *cr, PangoLayout *l)
{
	PangoRectangle ink;
	double x, y, x1, y1;
	struct text *t = &texts[text_count++ % ARRAY_LEN(texts)];
	cairo_get_current_point(cr, &x, &y);
	pango_layout_get_pixel_extents(l, &ink, NULL);
	x += ink.x;
	y += ink.y;
	x1 = x + ink.width;
	y1 = y + ink.height;
	cairo_user_to_device(cr, &x, &y);
	cairo_user_to_device(cr, &x1, &y1);
	t->ink =
		(cairo_rectangle_int_t){(int)floor(x), (int)floor(y), (int)ceil(x1) - (int)floor(x),
					(int)ceil(y1) - (int)floor(y)};
	t->cut = pango_layout_is_ellipsized(l);
	t->unknown = pango_layout_get_unknown_glyphs_count(l);
	t->contrast = least_contrast(cr, &t->ink);
	snprintf(t->words, sizeof(t->words), "%s", pango_layout_get_text(l));
	pango_cairo_layout_path(cr, l);
	cairo_fill(cr);
}

/* ---- cards */

static struct card card_of(const char *title, const char *quote)
{
	return (struct card){
		.chapter = 9,
		.scene = 2,
		.width_px = 512,
		.height_px = 512,
		.book_title = (char *)"A Book of Tests",
		.chapter_title = (char *)title,
		.quote = (char *)quote,
		.description = (char *)"A shore at dusk.",
		.mood = (char *)"lonely",
		.lighting = (char *)"dusk",
	};
}

static void paint(struct buf *png, const struct card *c)
{
	struct err err = {0};
	text_count = 0;
	buf_clear(png);
	CHECK_INT(card_paint(png, c, &err), 0);
	CHECK(text_count <= ARRAY_LEN(texts));
	CHECK(png->len > 1000);
}

static bool holds(const struct buf *b, const char *what)
{
	return memmem(b->data, b->len, what, strlen(what)) != NULL;
}

static bool meet(const cairo_rectangle_int_t *a, const cairo_rectangle_int_t *b)
{
	return a->x < b->x + b->width && b->x < a->x + a->width && a->y < b->y + b->height &&
	       b->y < a->y + a->height;
}

static void check_texts(const struct card *c)
{
	int shorter = c->width_px < c->height_px ? c->width_px : c->height_px,
	    margin = shorter / 25;
	for (size_t i = 0; i < text_count; i++) {
		const struct text *t = &texts[i];
		CHECK(t->ink.x >= margin && t->ink.y >= margin);
		CHECK(t->ink.x + t->ink.width <= c->width_px - margin);
		CHECK(t->ink.y + t->ink.height <= c->height_px - margin);
		CHECK_INT(t->unknown, 0);
		CHECK(t->contrast >= 4.5);
		for (size_t k = 0; k < i; k++) {
			CHECK(!meet(&t->ink, &texts[k].ink));
			if (meet(&t->ink, &texts[k].ink))
				fprintf(stderr,
					"%.20s / %.20s, %d x %d: %d,%d %dx%d / %d,%d %dx%d\n",
					t->words, texts[k].words, c->width_px, c->height_px,
					t->ink.x, t->ink.y, t->ink.width, t->ink.height,
					texts[k].ink.x, texts[k].ink.y, texts[k].ink.width,
					texts[k].ink.height);
		}
	}
}

/* The title stands there whole, or the picture says that no font has its letters. */
static void check_title(const struct buf *png, const char *title)
{
	bool whole = holds(png, "has its letters: title");
	for (size_t i = 0; i < text_count; i++)
		whole |= !texts[i].cut && !strcmp(texts[i].words, title);
	CHECK(whole);
	if (!whole)
		fprintf(stderr, "%s\n", title);
}

static const char *const words[] = {
	"W",
	"word ",
	"\xd0\x96\xd0\xb8\xd0\xb7\xd0\xbd\xd1\x8c ", /* Cyrillic */
	"\xd9\x83\xd8\xaa\xd8\xa7\xd8\xa8 ",	     /* Arabic */
	"\xe7\xac\xac\xe4\xb9\x9d\xe7\xab\xa0",	     /* CJK */
	"Donaudampfschifffahrtsgesellschaft ",
};

static void test_titles(void)
{
	static const int sizes[][2] = {{512, 512}, {768, 512}, {512, 768}};
	static const glong lengths[] = {1, 2, 40, 120, 300};
	CLEANUP(buf_finish) struct buf png = {0};
	for (size_t i = 0; i < ARRAY_LEN(words) * ARRAY_LEN(lengths); i++) {
		CLEANUP(buf_finish) struct buf title = {0};
		glong chars = lengths[i % ARRAY_LEN(lengths)];
		while (g_utf8_strlen(buf_str(&title), -1) < chars)
			buf_adds(&title, words[i / ARRAY_LEN(lengths)]);
		*g_utf8_offset_to_pointer(title.data, chars) = '\0';
		g_strchomp(title.data);
		struct card c = card_of(title.data, title.data);
		c.book_title = title.data;
		c.width_px = sizes[i % ARRAY_LEN(sizes)][0];
		c.height_px = sizes[i % ARRAY_LEN(sizes)][1];
		c.mood = (char *)mood_names[i % MOODS];
		c.lighting = (char *)light_names[i % LIGHTS];
		paint(&png, &c);
		check_texts(&c);
		check_title(&png, title.data);
	}
}

/* Scripts that run to the left are set from the right. */
static void test_direction(void)
{
	CLEANUP(buf_finish) struct buf png = {0};
	struct card c = card_of("\xd9\x83\xd8\xaa\xd8\xa7\xd8\xa8", "word");
	struct card d = card_of("word", "word");
	c.width_px = d.width_px = 300; /* tall: a band, whose first column is the title's */
	c.height_px = d.height_px = 600;
	paint(&png, &d);
	int left = texts[0].ink.x, place = 0;
	paint(&png, &c);
	for (size_t i = 0; i < text_count; i++)
		place = !strcmp(texts[i].words, c.chapter_title) ? texts[i].ink.x : place;
	if (holds(&png, "has its letters: title"))
		return; /* no font for it here */
	CHECK(place > left + 30);
}

/* Nothing that turns the line, has no width or is private, and no heaps of marks. */
static void check_plain(void)
{
	for (size_t i = 0; i < text_count; i++) {
		int marks = 0;
		for (const char *at = texts[i].words; *at; at = g_utf8_next_char(at)) {
			gunichar c = g_utf8_get_char_validated(at, -1);
			if (c > 0x10ffff)
				break; /* this program's copy is cut there */
			marks = g_unichar_ismark(c) ? marks + 1 : 0;
			CHECK(marks <= 4 && c >= ' ');
			CHECK(c != 0x202e && c != 0x2066 && c != 0x2067 && c != 0x200b &&
			      c != 0x2060 && c != 0xe000 && c != '*' && c != 0xfffd);
		}
	}
}

/* What turns the line, heaps up, is nothing, or is no text at all. */
static void test_hostile(void)
{
	static const char *const units[] = {
		"\xe2\x80\xaexyz ",			     /* turns the direction */
		"\xd8\xa7\xe2\x81\xa7\xe2\x81\xa6 left ",    /* isolates */
		"e\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85", /* marks upon marks */
		"\xe2\x80\x8b\xe2\x80\x8d\xe2\x81\xa0",	     /* no width */
		"<b>*_# `\\> & &amp; ",			     /* markup */
		"\xee\x80\x80\xf3\xb0\x80\x80 ",	     /* private letters */
		"\xf0\x92\x80\x80\xf0\x92\x80\x81",	     /* cuneiform */
		"\xff\xfe\xc0\x80 \x01\x7f",		     /* no UTF-8 */
		"\xef\xb7\xbd\xf0\x92\x90\xab",		     /* very wide */
		"sea dog men sea lamp ",
	};
	CLEANUP(buf_finish) struct buf png = {0};
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		CLEANUP(buf_finish) struct buf text = {0};
		while (text.len < WIRE_STRING_MAX - 64)
			buf_adds(&text, units[i]);
		struct card c = card_of(text.data, text.data);
		c.book_title = c.description = c.mood = c.lighting = text.data;
		c.width_px = c.height_px = 256;
		for (int k = 0; k < WIRE_NAMES_MAX; k++)
			strv_add(&c.names, units[i]);
		paint(&png, &c);
		check_texts(&c);
		CHECK(png.len < 1 << 20);
		check_plain();
		strv_finish(&c.names);
	}
}

/* A text longer than its chunk may be is cut between two characters. */
static void test_long_text(void)
{
	CLEANUP(buf_finish) struct buf png = {0}, text = {0};
	struct card c = card_of("Title", "word");
	while (text.len < 6000)
		buf_adds(&text, "\xf0\x9f\x90\x8e\xe6\xb5\xb7");
	for (int i = 0; i < 4; i++) {
		c.description = text.data + (i < 3 ? 4 + 7 * i : 7 * i);
		paint(&png, &c);
		CHECK(holds(&png, "Description"));
	}
}

/* ---- pictures */

static void test_differ(void)
{
	struct buf pngs[5] = {{0}};
	struct card c = card_of("Title", "The sea was grey.");
	paint(&pngs[0], &c);
	c.scene = 3;
	paint(&pngs[1], &c);
	c.mood = (char *)"calm";
	paint(&pngs[2], &c);
	c.lighting = (char *)"noon light";
	paint(&pngs[3], &c);
	paint(&pngs[4], &c);
	for (size_t i = 0; i < 3; i++)
		CHECK(pngs[i].len != pngs[i + 1].len ||
		      memcmp(pngs[i].data, pngs[i + 1].data, pngs[i].len));
	CHECK(pngs[3].len == pngs[4].len && !memcmp(pngs[3].data, pngs[4].data, pngs[3].len));
	for (size_t i = 0; i < ARRAY_LEN(pngs); i++)
		buf_finish(&pngs[i]);
}

static uint64_t seed_of(const struct card *c)
{
	struct scene s = {0};
	scene_read(&s, c);
	return s.seed;
}

/* Not only the colours and the words of another scene, mood or hour are others. */
static void test_seeds(void)
{
	struct card c = card_of("Title", "Stone.");
	uint64_t first = seed_of(&c);
	c.mood = (char *)"calm";
	uint64_t calm = seed_of(&c);
	c.lighting = (char *)"dawn";
	uint64_t dawn = seed_of(&c);
	c.scene++;
	CHECK(first != calm && calm != dawn && dawn != seed_of(&c));
}

static void read_words(struct scene *s, const char *quote)
{
	struct card c = card_of("Title", quote);
	c.description = (char *)"";
	*s = (struct scene){0};
	scene_read(s, &c);
}

static void test_reading(void)
{
	struct scene s;
	read_words(&s, "A dog lay before the fire, and the child slept.");
	CHECK(s.cast.beast_count == 1 && s.cast.beasts[0] == SHAPE_DOG);
	CHECK(s.cast.person_count == 1 && s.cast.persons[0] == SHAPE_BOY);
	read_words(&s, "Two horses drew the carriage along the road. He could not bear it.");
	CHECK(s.cast.beast_count == 1 && s.cast.beasts[0] == SHAPE_HORSE);
	CHECK(s.cast.craft == SHAPE_COACH && s.ground == GROUND_ROAD);
	read_words(&s, "Gulls wheeled over the lighthouse; a ship was on the sea in the rain.");
	CHECK(s.cast.birds && s.cast.beast_count == 0);
	CHECK(s.cast.landmark == SHAPE_LIGHTHOUSE && s.cast.craft == SHAPE_SHIP);
	CHECK(s.ground == GROUND_SEA && (s.weather & WEATHER_RAIN));
	read_words(&s, "The crowd pressed into the square under the tower.");
	CHECK(s.cast.crowd && s.cast.landmark == SHAPE_TOWER);
	read_words(
		&s,
		"Das Pferd stand am Meer, und der Mond schien auf das Schiff. Die See war still.");
	CHECK(s.ground == GROUND_SEA && s.cast.craft == SHAPE_SHIP);
	CHECK(s.cast.beast_count == 1 && s.cast.beasts[0] == SHAPE_HORSE);
	read_words(&s, "\xd0\x9b\xd0\xbe\xd1\x88\xd0\xb0\xd0\xb4\xd0\xb8 "
		       "\xd0\xb2 \xd0\xbb\xd0\xb5\xd1\x81\xd1\x83"); /* horses in a wood */
	CHECK(s.cast.beasts[0] == SHAPE_HORSE && s.ground == GROUND_FOREST);
	read_words(&s,
		   "\xe7\x8c\xab\xe3\x81\xaf\xe5\xb1\xb1\xe3\x81\xab"); /* a cat, on a mountain */
	CHECK(s.ground == GROUND_MOUNTAIN && s.cast.beasts[0] == SHAPE_CAT);
	read_words(&s, "Stone lay upon stone.");
	CHECK(!s.cast.person_count && !s.cast.beast_count && !s.cast.crowd);
}

static enum light light_of(const char *quote, const char *lighting)
{
	struct card c = card_of("Title", quote);
	struct scene s = {0};
	c.description = (char *)"";
	c.lighting = (char *)lighting;
	scene_read(&s, &c);
	return s.light;
}

/* A light and an hour: who rules where. */
static void test_light(void)
{
	static const char room[] = "The room and the chair.", field[] = "The field and the meadow.";
	CHECK_INT(light_of(room, "lamplight, noon"), LIGHT_LAMPLIGHT);
	CHECK_INT(light_of(field, "lamplight, noon"), LIGHT_NOON);
	CHECK_INT(light_of(field, "firelight, night"), LIGHT_FIRELIGHT);
	CHECK_INT(light_of(field, "mist, morning"), LIGHT_MORNING);
	CHECK_INT(light_of(field, "overcast, afternoon"), LIGHT_OVERCAST);
	CHECK_INT(light_of(field, "storm light, dusk"), LIGHT_STORM);
	CHECK_INT(light_of(field, "dawn"), LIGHT_DAWN);
	CHECK_INT(light_of(field, "the last red of the sunset, far off"), LIGHT_SUNSET);
	CHECK_INT(light_of("The moon stood over the field.", ""), LIGHT_MOONLIGHT);
	CHECK_INT(light_of(field, ",,, ,"), LIGHT_NONE);
}

/* Every silhouette is there, stands on its feet, and is a creature of its own. */
static void test_shapes(void)
{
	enum { SIZE = 64 };
	uint32_t sums[SHAPES] = {0};
	for (int i = 1; i < SHAPES; i++) {
		cairo_surface_t *s =
			cairo_image_surface_create(CAIRO_FORMAT_A8, SIZE * 6, SIZE * 2);
		cairo_t *cr = cairo_create(s);
		size_t ink = 0, len;
		cairo_translate(cr, SIZE * 3, SIZE * 1.5);
		cairo_scale(cr, SIZE, SIZE);
		shape_fill(cr, (enum shape)i, NULL);
		CHECK_INT(cairo_status(cr), CAIRO_STATUS_SUCCESS);
		cairo_destroy(cr);
		cairo_surface_flush(s);
		const unsigned char *data = cairo_image_surface_get_data(s);
		len = (size_t)(cairo_image_surface_get_stride(s) * SIZE * 2);
		for (size_t k = 0; k < len; k++) {
			ink += data[k] > 127;
			sums[i] = sums[i] * 31 + data[k];
		}
		CHECK(ink > SIZE * SIZE / 60);
		for (int k = 1; k < i; k++)
			CHECK(sums[k] != sums[i]);
		CHECK(shape_kind((enum shape)i) != KIND_NONE && shape_size((enum shape)i) > 0);
		cairo_surface_destroy(s);
	}
	CHECK(shape_of_word("Horses", 6) == SHAPE_HORSE &&
	      shape_of_word("wolves", 6) == SHAPE_WOLF);
	CHECK(shape_of_word("the", 3) == SHAPE_NONE && shape_of_word("s", 1) == SHAPE_NONE);
}

static void test_palettes(void)
{
	for (int i = 0; i < MOODS * LIGHTS * 2; i++) {
		struct palette p;
		palette_init(&p, (enum mood)(i % MOODS), (enum light)(i / MOODS % LIGHTS), i & 1,
			     (unsigned)i);
		CHECK(colour_contrast(p.ink, p.panel) >= 7);
		CHECK(colour_contrast(p.soft, p.panel) >= 4.5);
		CHECK(colour_contrast(p.rule, p.panel) >= 3);
	}
}

/* What fontconfig and Pango keep for the life of a process is no leak. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_options(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfontconfig\nleak:libpango\n";
}

const char *__lsan_default_options(void)
{
	return "print_suppressions=0";
}

int main(void)
{
	test_palettes();
	test_shapes();
	test_reading();
	test_light();
	test_differ();
	test_seeds();
	test_titles();
	test_direction();
	test_hostile();
	test_long_text();
	return check_result();
}
