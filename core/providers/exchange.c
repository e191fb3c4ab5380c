/* SPDX-License-Identifier: MIT */
#include "exchange.h"
#include "picture.h"

#include <stdio.h>
#include <string.h>

enum {
	PICTURE_BYTES_MAX = 24 << 20,
	BODY_BYTES_MAX = 32 << 20,
	MODELS_MOST = 2000,
	POLL_FIRST_MS = 50,
	POLL_MOST_MS = 2000,
	LAPSES_MOST = 3,
	LAPSE_FIRST_MS = 250,
};
/* Of what may be refused, what stands in requests for the one and for the other. */
enum {
	OF_CHAPTERS = OPTION_SCHEMA | OPTION_JSON | OPTION_ROOM | OPTION_TEMPERATURE | OPTION_SEED,
	OF_PICTURES = OPTION_SEED | OPTION_SIZE | OPTION_QUALITY | OPTION_PICTURE_FORMAT |
		      OPTION_WORDS | OPTION_PATH | OPTION_REFERENCES,
	OF_QUESTIONS =
		OPTION_JSON | OPTION_ROOM | OPTION_TEMPERATURE | OPTION_SEED | OPTION_REFERENCES,
};
static const unsigned of_aims[] = {[AIM_CHAPTER] = OF_CHAPTERS,
				   [AIM_PICTURE] = OF_PICTURES,
				   [AIM_QUESTION] = OF_QUESTIONS,
				   [AIM_MODELS] = 0};

void lessons_add(struct lessons *all, const struct lessons *more)
{
	all->refused |= more->refused;
	if (more->context_tokens &&
	    (!all->context_tokens || more->context_tokens < all->context_tokens))
		all->context_tokens = more->context_tokens;
	if (more->prompt_bytes && (!all->prompt_bytes || more->prompt_bytes < all->prompt_bytes))
		all->prompt_bytes = more->prompt_bytes;
}

void exchange_finish(struct exchange *x)
{
	free(x->prompt);
	free(x->references);
	buf_finish(&x->text);
	free(x->bad);
	free(x->fault);
	free(x->url);
	analysis_free(x->analysis);
	buf_finish(&x->picture);
	buf_finish(&x->json);
	strv_finish(&x->models);
	buf_finish(&x->answer.body);
}

void exchange_fail(struct exchange *x, int code, int64_t retry_after_ms, const char *fmt, ...)
{
	char reason[480];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	x->verdict = VERDICT_FAILED;
	x->outcome.retry_after_ms = retry_after_ms;
	x->outcome.refused = false;
	x->outcome.code = err_set(&x->outcome.err, code, "%s", reason);
}

/* ---- asking */

const struct wire_format *exchange_wire(const struct exchange *x)
{
	const struct wire_format *w = x->service->wire;
	return w->instead && (x->lessons.refused & OPTION_PATH) ? wire_format(w->instead) : w;
}

unsigned exchange_options(const struct exchange *x)
{
	const struct service *s = x->service;
	unsigned options = exchange_wire(x)->options & ~x->lessons.refused & of_aims[x->aim];
	if (s->temperature < 0)
		options &= ~(unsigned)OPTION_TEMPERATURE;
	if (s->seed < 0)
		options &= ~(unsigned)OPTION_SEED;
	if (!x->reference_count)
		options &= ~(unsigned)OPTION_REFERENCES;
	if (!s->image_quality)
		options &= ~(unsigned)OPTION_QUALITY;
	if (!x->roomy && !exchange_wire(x)->always_room)
		options &= ~(unsigned)OPTION_ROOM;
	if (options & OPTION_SCHEMA)
		options &= ~(unsigned)OPTION_JSON;
	return options;
}

static void add_path(struct buf *url, const struct service *s, const char *path)
{
	buf_adds(url, path);
	if (s->query)
		buf_addf(url, "%c%s", strchr(path, '?') ? '&' : '?', s->query);
}

int exchange_address(struct buf *url, const struct exchange *x)
{
	const struct wire_format *w = exchange_wire(x);
	const char *form_path = references_form_path(x);
	const char *path = x->aim == AIM_MODELS ? w->models : form_path ? form_path : w->path;
	buf_adds(url, x->step == STEP_ASK ? x->service->base_url : x->url);
	if (x->step == STEP_ASK && w->address)
		w->address(url, x, path);
	else if (x->step == STEP_ASK)
		add_path(url, x->service, path);
	return buf_error(url);
}

int exchange_body(struct buf *body, const struct exchange *x, struct err *err)
{
	if (x->step != STEP_ASK || x->aim == AIM_MODELS)
		return 0;
	CLEANUP(json_drop) cJSON *root = cJSON_CreateObject();
	body->max_bytes = BODY_BYTES_MAX;
	int r = exchange_wire(x)->body(root, x, err);
	if (r < 0)
		return r;
	r = references_form_path(x) ? references_form(body, root, x) : json_print(body, root);
	if (r < 0)
		err_set(err, r, "the request is too large");
	return r;
}

/* A picture is a tile or two to most models, of some 260 tokens each (Gemini's documentation). */
int64_t exchange_tokens(const struct exchange *x)
{
	enum { REFERENCE_TOKENS = 300 };
	int64_t tokens = x->prompt ? tokens_estimate(x->prompt, strlen(x->prompt)) : 0;
	return tokens + REFERENCE_TOKENS * (int64_t)x->reference_count;
}

/* ---- a picture */

/* A picture that is none may be one the next time. */
static void take_picture(struct exchange *x)
{
	struct err err = {0};
	if (picture_check(&x->ext, buf_str(&x->picture), x->picture.len, &err) < 0)
		exchange_fail(x, -EIO, 0, "%s", err.msg);
}

static void decode(struct exchange *x, const char *base64)
{
	struct err err = {0};
	x->picture.max_bytes = PICTURE_BYTES_MAX;
	if (picture_base64(&x->picture, base64, &err) < 0)
		exchange_fail(x, -EIO, 0, "%s", err.msg);
	else
		take_picture(x);
}

/* Soon at first, a picture may come from a cache; then at leisure. */
static int64_t poll_wait_ms(int polls)
{
	int64_t ms = POLL_FIRST_MS;
	for (int i = 0; i < polls && ms < POLL_MOST_MS; i++)
		ms += ms / 2;
	return ms < POLL_MOST_MS ? ms : POLL_MOST_MS;
}

/* An address is a stranger's: https, or the server that was asked for the picture. */
static void follow(struct exchange *x, const struct reply *r)
{
	char theirs[HTTP_ORIGIN_BYTES], ours[HTTP_ORIGIN_BYTES];
	if (http_origin(theirs, r->url) < 0 || http_origin(ours, x->service->base_url) < 0 ||
	    (strncmp(theirs, "https:", 6) && strcmp(theirs, ours))) {
		exchange_fail(x, -EIO, -1,
			      "the picture's address is neither https nor the server's own");
		return;
	}
	reply_set(&x->url, r->url);
	x->step = r->pending ? STEP_POLL : STEP_FETCH;
	x->wait_ms = r->pending ? poll_wait_ms(x->polls++) : 0;
	x->verdict = VERDICT_NEXT;
}

static void judge_fetched(struct exchange *x)
{
	struct http_answer *a = &x->answer;
	/* It is paid for, and painted anew it would lie there as well. */
	if (a->status >= 300 && a->status < 400) {
		exchange_fail(x, -EIO, -1,
			      "the picture cannot be fetched: its server sends us elsewhere (%d), "
			      "which is not followed: %s",
			      a->status, a->location);
		return;
	}
	if (a->status != 200) {
		exchange_fail(x, -EIO, 0, "the picture cannot be fetched: its server says %d",
			      a->status);
		return;
	}
	x->picture = a->body;
	a->body = (struct buf){0};
	take_picture(x);
}

static void conclude_picture(struct exchange *x, const struct reply *r)
{
	if (r->base64)
		decode(x, r->base64);
	else if (r->url && !strncmp(r->url, "data:", 5))
		decode(x, r->url);
	else if (r->url)
		follow(x, r);
	else if (r->text.len)
		exchange_fail(x, -EIO, 0, "the server's answer holds words and no picture: %.200s",
			      buf_str(&r->text));
	else
		exchange_fail(x, -EIO, 0, "the server's answer holds no picture");
}

/* ---- judging */

static void refuse(struct exchange *x, const char *why)
{
	exchange_fail(x, -EIO, -1, "the model will not do this one: %s", why);
	x->outcome.refused = true;
}

/* A server may cut a long prompt and say nothing of it. What it has kept from a request before is
 * not counted again by some, so that few tokens prove nothing. */
static bool is_cut_prompt(const struct exchange *x, const struct reply *r)
{
	enum { LEAST = 512 };
	return x->aim == AIM_CHAPTER && exchange_wire(x)->cuts_prompts && r->tokens_in >= LEAST &&
	       r->tokens_in < exchange_tokens(x) / 2;
}

static void split(struct exchange *x, const struct reply *r)
{
	exchange_fail(x, -EIO, -1, "the model has read only %lld tokens of the chapter",
		      (long long)r->tokens_in);
	x->lessons.context_tokens = r->tokens_in * 4 / 3; /* with room for its answer */
	x->verdict = VERDICT_SPLIT;
}

static void conclude(struct exchange *x, const struct reply *r)
{
	x->outcome.usage.tokens_in = r->tokens_in;
	x->outcome.usage.tokens_out = r->tokens_out;
	if (r->end == REPLY_FILTERED)
		refuse(x, r->refusal ? r->refusal : "its answer was held back by a filter");
	else if (r->end == REPLY_BROKEN)
		exchange_fail(x, -EIO, 0, "the server broke off its answer: %s",
			      r->refusal ? r->refusal : "it does not say why");
	else if (x->aim == AIM_PICTURE)
		conclude_picture(x, r);
	else if (!r->seen)
		exchange_fail(x, -EIO, 0, "the server's answer holds no choice");
	else if (is_cut_prompt(x, r))
		split(x, r);
	else
		reply_read_text(r, x);
}

/* The names of a list of models, in any of the forms there are. */
static void read_models(struct exchange *x, const cJSON *root)
{
	static const char *const lists[] = {"data", "models"}, *const names[] = {"id", "model_name",
										 "name", "title"};
	const cJSON *list = root, *item;
	for (size_t i = 0; !cJSON_IsArray(list) && i < ARRAY_LEN(lists); i++)
		list = json_member(root, lists[i]);
	if (!cJSON_IsArray(list)) {
		exchange_fail(x, -EIO, -1, "the server's answer is no list of models");
		return;
	}
	cJSON_ArrayForEach(item, list)
	{
		const char *name = cJSON_GetStringValue(item);
		for (size_t i = 0; !name && i < ARRAY_LEN(names); i++)
			name = json_text(item, names[i]);
		if (name && !strncmp(name, "models/", 7))
			name += 7;
		if (name && *name && x->models.len < MODELS_MOST)
			strv_add(&x->models, name);
	}
}

static void judge_refusal(struct exchange *x, const char *body, size_t len)
{
	struct refusal e;
	refusal_read(&e, x->answer.status, body, len);
	x->answer.status = e.status; /* a refusal may stand within a 200 */
	refusal_outcome(&x->outcome, &e, &x->answer);
	x->verdict = VERDICT_FAILED;
	refusal_learn(x, &e);
}

/* One JSON of the answer. false: it is none, or an error; the verdict stands. */
static bool read_one(struct exchange *x, struct reply *r, const char *s, size_t len)
{
	CLEANUP(json_drop) cJSON *root = json_read(s, len);
	if (!root || refusal_in(root)) {
		judge_refusal(x, s, len);
		return false;
	}
	if (s == x->answer.body.data) /* megabytes of a picture, which are in root too */
		buf_finish(&x->answer.body);
	if (x->aim == AIM_MODELS)
		read_models(x, root);
	else
		exchange_wire(x)->read(r, root);
	return true;
}

/* A stream that ends without a word of its end was cut. */
static bool read_events(struct exchange *x, struct reply *r, const char *body)
{
	CLEANUP(buf_finish) struct buf data = {.max_bytes = x->answer.body.len + 1};
	bool ended = false;
	for (const char *at = body; events_next(&data, &at);) {
		ended = !strcmp(buf_str(&data),
				"[DONE]"); /* OpenAI's last word, which is no JSON */
		if (!ended && !read_one(x, r, buf_str(&data), data.len))
			return false;
	}
	if (!ended && r->end == REPLY_OPEN && !r->base64)
		exchange_fail(x, -EIO, 0, "the server's answer is cut off after %zu bytes",
			      x->answer.body.len);
	return x->verdict == VERDICT_GOOD;
}

static void judge_answer(struct exchange *x)
{
	CLEANUP(reply_finish) struct reply r = {.exchange = x};
	const char *body = buf_str(&x->answer.body);
	bool good = events_are(body) ? read_events(x, &r, body)
				     : read_one(x, &r, body, x->answer.body.len);
	if (!good || x->aim == AIM_MODELS)
		return;
	buf_finish(&x->answer.body); /* all of it is in the reply */
	conclude(x, &r);
}

/* The picture is paid for: the way to it is tried some times before it is asked for again. */
static bool is_lapse(struct exchange *x)
{
	const struct http_answer *a = &x->answer;
	const bool passing = a->code < 0 ? !a->hopeless : refusal_is_passing(a->status);
	if (x->step == STEP_ASK || !passing || x->lapses == LAPSES_MOST)
		return false;
	x->wait_ms = LAPSE_FIRST_MS << x->lapses++;
	x->verdict = VERDICT_NEXT;
	return true;
}

void exchange_judge(struct exchange *x)
{
	const struct http_answer *a = &x->answer;
	x->verdict = VERDICT_GOOD;
	x->wait_ms = 0;
	if (is_lapse(x))
		return;
	if (a->code < 0)
		exchange_fail(x, a->code == -EFBIG ? -EIO : a->code, a->hopeless ? -1 : 0, "%s%s",
			      x->step == STEP_FETCH ? "the picture cannot be fetched: " : "",
			      a->err.msg);
	else if (x->step == STEP_FETCH)
		judge_fetched(x);
	else if (a->status < 200 || a->status > 299)
		judge_refusal(x, buf_str(&a->body), a->body.len);
	else
		judge_answer(x);
}
