/* SPDX-License-Identifier: MIT */
#include "card.h"
#include "fuzz.h"
#include "openai.h"
#include "painter_wire.h"
#include "picture.h"
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

/* Any status and any body: the first line is the status, the rest what a server said. */
static void judge(const struct openai_kind *kind, const char *s, size_t len)
{
	static const char text[] = "The old lighthouse stood white against the black sky.";
	const char *end = memchr(s, '\n', len);
	size_t head = end ? (size_t)(end - s) + 1 : 0;
	CLEANUP(cleanup_free) char *status = xstrndup(s, head);
	struct openai_exchange x = {.base_url = xstrdup("http://127.0.0.1/v1"),
				    .model = xstrdup("m"),
				    .prompt = xstrdup("p"),
				    .answer = {.status = atoi(status) % 1000}};

	x.fetching = strchr(status, 'f');
	x.reminded = strchr(status, 'r');
	buf_adds(&x.text, text);
	buf_add(&x.answer.body, s + head, len - head);
	kind->judge(&x);
	FUZZ_HOLDS(x.verdict != VERDICT_FAILED || (x.outcome.code < 0 && x.outcome.err.msg[0]));
	FUZZ_HOLDS(x.verdict != VERDICT_FETCH || x.url);
	if (x.verdict == VERDICT_GOOD && kind == &openai_chat)
		for (size_t i = 0; i < x.analysis->concept_count; i++)
			if (x.analysis->concepts[i].quote.offset != QUOTE_NOT_FOUND)
				check_quote(&x.analysis->concepts[i].quote, text, strlen(text));
	if (x.verdict == VERDICT_GOOD && kind == &openai_image)
		FUZZ_HOLDS(x.picture.len && x.ext);
	if (x.verdict == VERDICT_AGAIN) { /* what it said may be shown to it again */
		CLEANUP(buf_finish) struct buf body = {0};
		FUZZ_HOLDS(kind->request(&body, &x) == 0);
		CLEANUP(openai_json_free) cJSON *root = openai_json(buf_str(&body), body.len);
		FUZZ_HOLDS(root != NULL);
	}
	openai_exchange_finish(&x);
}

static void fuzz_chat(const char *s, size_t len)
{
	judge(&openai_chat, s, len);
}

static void fuzz_image(const char *s, size_t len)
{
	judge(&openai_image, s, len);
}

/* Header fields and addresses: a line each. */
static time_t no_date(const char *text, const time_t *unused)
{
	return (time_t)(unsigned char)text[0] - 64;
}

static void fuzz_head(const char *s, size_t len)
{
	struct http_answer a = {0};
	char origin[HTTP_ORIGIN_BYTES];
	CLEANUP(cleanup_free) char *line = xstrndup(s, len);

	http_header_void(&a);
	http_header(&a, s, len, 1795338000000, no_date);
	const int64_t waits[] = {a.retry_after_ms, a.requests_reset_ms, a.tokens_reset_ms};
	for (size_t i = 0; i < ARRAY_LEN(waits); i++)
		FUZZ_HOLDS(waits[i] >= -1 && waits[i] <= 7LL * 24 * 3600 * 1000);
	FUZZ_HOLDS(a.requests_left >= -1 && a.tokens_left >= -1);
	FUZZ_HOLDS(strlen(a.location) < sizeof(a.location));
	if (http_origin(origin, line) == 0)
		FUZZ_HOLDS(!strncmp(origin, "http", 4) && !strpbrk(origin, "@\\?# ") &&
			   strlen(origin) > 7);
}

/* What fontconfig and Pango keep for the life of a process is no leak. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfontconfig\nleak:libpango\n";
}

static const struct fuzz_target targets[] = {
	{"builtin_analyze", fuzz_analyze}, {"painter_card", fuzz_card},
	{"painter_page", fuzz_page},	   {"openai_chat", fuzz_chat},
	{"openai_image", fuzz_image},	   {"http_head", fuzz_head},
};
FUZZ_MAIN(targets)
