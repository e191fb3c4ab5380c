/* SPDX-License-Identifier: MIT */
#include "card.h"
#include "fuzz.h"
#include "http_record.h"
#include "exchange.h"
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

static const struct preset fuzz_preset = {.name = "fuzz"};

/* Any status and any body: the first line is the status and what was asked before (f: a picture's
 * address, p: whether it is done, r: with a reminder), the rest what a server said. */
static void judge(enum wire wire, enum aim aim, const char *s, size_t len)
{
	static const char text[] = "The old lighthouse stood white against the black sky.";
	const char *end = memchr(s, '\n', len);
	size_t head = end ? (size_t)(end - s) + 1 : 0;
	CLEANUP(cleanup_free) char *status = xstrndup(s, head);
	struct service service = {.preset = &fuzz_preset,
				  .wire = wire_format(wire),
				  .base_url = "http://127.0.0.1/v1",
				  .model = "m",
				  .workflow = "{\"1\": {\"text\": \"{prompt}\"}}",
				  .temperature = 0.5,
				  .seed = 7,
				  .context_tokens = 4096};
	struct exchange x = {.service = &service,
			     .aim = aim,
			     .prompt = xstrdup("a prompt"),
			     .width_px = 512,
			     .height_px = 512,
			     .step = strchr(status, 'f')   ? STEP_FETCH
				     : strchr(status, 'p') ? STEP_POLL
							   : STEP_ASK,
			     .url = xstrdup("http://127.0.0.1/v1/history/1"),
			     .reminded = strchr(status, 'r'),
			     .answer = {.status = atoi(status) % 1000}};

	if (x.reminded) {
		x.bad = xstrdup("bad");
		x.fault = xstrdup("fault");
	}
	buf_adds(&x.text, text);
	buf_add(&x.answer.body, s + head, len - head);
	exchange_judge(&x);
	FUZZ_HOLDS(x.verdict != VERDICT_FAILED || (x.outcome.code < 0 && x.outcome.err.msg[0]));
	FUZZ_HOLDS(x.verdict != VERDICT_NEXT || (x.url && x.step != STEP_ASK));
	FUZZ_HOLDS(x.verdict != VERDICT_SPLIT || x.lessons.context_tokens > 0);
	if (x.verdict == VERDICT_GOOD && aim == AIM_CHAPTER)
		for (size_t i = 0; i < x.analysis->concept_count; i++)
			if (x.analysis->concepts[i].quote.offset != QUOTE_NOT_FOUND)
				check_quote(&x.analysis->concepts[i].quote, text, strlen(text));
	if (x.verdict == VERDICT_GOOD && aim == AIM_PICTURE)
		FUZZ_HOLDS(x.picture.len && x.ext);
	/* What it said may be shown to it again. */
	if (x.verdict == VERDICT_AGAIN && x.step == STEP_ASK) {
		CLEANUP(buf_finish) struct buf body = {0}, url = {0};
		FUZZ_HOLDS(exchange_body(&body, &x, NULL) == 0);
		FUZZ_HOLDS(exchange_address(&url, &x) == 0);
		CLEANUP(json_drop) cJSON *root = json_read(buf_str(&body), body.len);
		FUZZ_HOLDS(root != NULL);
	}
	exchange_finish(&x);
}

#define WIRE_TARGET(name, wire, aim)                                                               \
	static void fuzz_##name(const char *s, size_t len)                                         \
	{                                                                                          \
		judge(wire, aim, s, len);                                                          \
	}
WIRE_TARGET(chat, WIRE_CHAT, AIM_CHAPTER)
WIRE_TARGET(anthropic, WIRE_ANTHROPIC, AIM_CHAPTER)
WIRE_TARGET(gemini, WIRE_GEMINI, AIM_CHAPTER)
WIRE_TARGET(ollama, WIRE_OLLAMA, AIM_CHAPTER)
WIRE_TARGET(images, WIRE_IMAGES, AIM_PICTURE)
WIRE_TARGET(chat_images, WIRE_OPENROUTER, AIM_PICTURE)
WIRE_TARGET(gemini_images, WIRE_GEMINI, AIM_PICTURE)
WIRE_TARGET(a1111, WIRE_A1111, AIM_PICTURE)
WIRE_TARGET(comfyui, WIRE_COMFYUI, AIM_PICTURE)
WIRE_TARGET(models, WIRE_CHAT, AIM_MODELS)

/* A person's workflow: any JSON that is taken makes a request. */
static void fuzz_workflow(const char *s, size_t len)
{
	CLEANUP(cleanup_free) char *workflow = xstrndup(s, len);
	CLEANUP(buf_finish) struct buf body = {0};
	struct service service = {.preset = &fuzz_preset,
				  .wire = wire_format(WIRE_COMFYUI),
				  .base_url = "http://127.0.0.1",
				  .model = "",
				  .workflow = workflow,
				  .seed = -1};
	struct exchange x = {
		.service = &service, .aim = AIM_PICTURE, .prompt = "a {seed} \"quote\""};

	if (service.wire->check(&service, NULL) < 0)
		return;
	FUZZ_HOLDS(exchange_body(&body, &x, NULL) == 0);
	CLEANUP(json_drop) cJSON *root = json_read(buf_str(&body), body.len);
	FUZZ_HOLDS(root != NULL);
}

/* The parts are the whole, in order, none empty, and none begins within a character. */
static void fuzz_parts(const char *s, size_t len)
{
	int64_t most = len ? (unsigned char)s[0] % 20 + 1 : 1;
	const struct part whole = {.len = len, .scenes = 7};
	struct part *parts;
	size_t count = parts_split(&parts, s, &whole, most), at = 0;
	int scenes = 0;

	for (size_t i = 0; i < count; i++) {
		FUZZ_HOLDS(parts[i].start == at && (parts[i].len > 0 || !len));
		at += parts[i].len;
		scenes += parts[i].scenes;
		if (utf8_valid(s, len))
			FUZZ_HOLDS(utf8_valid(s + parts[i].start, parts[i].len));
	}
	FUZZ_HOLDS(at == len && scenes == whole.scenes);
	FUZZ_HOLDS(tokens_estimate(s, len) <= (int64_t)len);
	free(parts);
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

/* What is recorded of any head is JSON, printable, and without the key. The first line goes into
 * the address, the others are the answer's fields. */
static void fuzz_record(const char *s, size_t len)
{
	static const char key[] = "sk-secret-key";
	const char *end = memchr(s, '\n', len);
	size_t first = end ? (size_t)(end - s) : len;
	CLEANUP(cleanup_free) char *path = xstrndup(s, first);
	CLEANUP(cleanup_free) char *url = xasprintf("http://127.0.0.1%s", path);
	const char *const fields[] = {path, NULL};
	const struct http_request request = {.url = url, .key = key, .fields = fields};
	struct http_recorder *recorder = NULL;

	FUZZ_HOLDS(http_record_open(&recorder, NULL, "/tmp", NULL) == 0);
	struct http_recording *e = http_record_begin(recorder, &request);
	for (size_t at = first; at < len; at += first) {
		end = memchr(s + at, '\n', len - at);
		first = end ? (size_t)(end - s) + 1 - at : len - at;
		http_record_head(e, s + at, first);
	}
	CLEANUP(cleanup_free) char *meta = http_record_meta(e);
	CLEANUP(json_drop) cJSON *root = json_read(meta, strlen(meta));
	FUZZ_HOLDS(root && cJSON_GetObjectItemCaseSensitive(root, "response_headers"));
	FUZZ_HOLDS(!strstr(meta, key));
	http_record_end(e, NULL);
	http_record_close(recorder);
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
	{"wire_chat", fuzz_chat},
	{"wire_anthropic", fuzz_anthropic},
	{"wire_gemini", fuzz_gemini},
	{"wire_ollama", fuzz_ollama},
	{"wire_images", fuzz_images},
	{"wire_chat_images", fuzz_chat_images},
	{"wire_gemini_images", fuzz_gemini_images},
	{"wire_a1111", fuzz_a1111},
	{"wire_comfyui", fuzz_comfyui},
	{"wire_models", fuzz_models},
	{"workflow", fuzz_workflow},
	{"parts", fuzz_parts},
	{"http_head", fuzz_head},
	{"http_record", fuzz_record},
};
FUZZ_MAIN(targets)
