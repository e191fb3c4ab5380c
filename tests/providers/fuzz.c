/* SPDX-License-Identifier: MIT */
#include "card.h"
#include "fuzz.h"
#include "painter_wire.h"
#include "providers.h"

static void check_quote(const struct quote *q, const char *text, size_t len)
{
	FUZZ_HOLDS(q->offset <= len && q->len <= len - q->offset && q->len > 0);
	FUZZ_HOLDS(!strncmp(text + q->offset, q->text, q->len));
}

/* Of any bytes at all: what it says is verbatim, bounded, and the same twice. */
static void fuzz_analyze(const char *s, size_t len)
{
	CLEANUP(analysis_free_cleanup) struct analysis *a = NULL, *b = NULL;
	CLEANUP(buf_finish) struct buf one = {0}, two = {0};
	struct err err = {0};
	struct analyze_request r = {.text = s, .text_len = len, .scenes = len ? s[0] & 7 : 1};

	FUZZ_HOLDS(builtin_analyze(&a, &r, &err) == 0);
	FUZZ_HOLDS(builtin_analyze(&b, &r, &err) == 0);
	FUZZ_HOLDS((int)a->concept_count <= r.scenes && a->note);
	for (size_t i = 0; i < a->concept_count; i++) {
		const char *description = a->concepts[i].description;
		check_quote(&a->concepts[i].quote, s, len);
		FUZZ_HOLDS(utf8_words(description, strlen(description)) <= 60);
	}
	for (size_t i = 0; i < a->element_count; i++) {
		FUZZ_HOLDS(a->elements[i].name[0]);
		for (size_t k = 0; k < a->elements[i].quote_count; k++)
			check_quote(&a->elements[i].quotes[k], s, len);
	}
	FUZZ_HOLDS(analysis_encode(&one, a) == 0 && analysis_encode(&two, b) == 0);
	FUZZ_HOLDS(one.len == two.len && !memcmp(one.data, two.data, one.len));
}

/* The painter's side of the wire: what is a card is written as it was read. */
static void fuzz_card(const char *s, size_t len)
{
	CLEANUP(buf_finish) struct buf again = {0};
	CLEANUP(card_finish) struct card c = {0};

	if (wire_get_card(&c, s, len) < 0)
		return;
	FUZZ_HOLDS(wire_put_card(&again, &c) == 0);
	FUZZ_HOLDS(again.len <= sizeof(struct wire_head) + len);
}

/* All the way to a picture: a small one, for the sake of speed. */
static void fuzz_page(const char *s, size_t len)
{
	CLEANUP(buf_finish) struct buf png = {0};
	CLEANUP(card_finish) struct card c = {0};
	struct err err = {0};

	if (wire_get_card(&c, s, len) < 0)
		return;
	c.width_px = 64 + (c.width_px & 63);
	c.height_px = 64 + (c.height_px & 63);
	FUZZ_HOLDS(card_paint(&png, &c, &err) == 0);
	FUZZ_HOLDS(png.len > 8 && !memcmp(png.data, "\x89PNG\r\n\x1a\n", 8));
}

/* What fontconfig and Pango keep for the life of a process is no leak. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfontconfig\nleak:libpango\n";
}

static const struct fuzz_target targets[] = {
	{"builtin_analyze", fuzz_analyze},
	{"painter_card", fuzz_card},
	{"painter_page", fuzz_page},
};
FUZZ_MAIN(targets)
