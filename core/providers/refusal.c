/* SPDX-License-Identifier: MIT */
#include "exchange.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/*
 * Six shapes of JSON, HTML, and nothing at all: each gives a line a person can read, and a verdict:
 * come again, never with this, or in another form.
 */

static void copy(char *out, size_t size, const char *s)
{
	snprintf(out, size, "%s", s ? s : "");
}

/* ---- reading */

static const cJSON *error_of(const cJSON *root)
{
	if (cJSON_IsArray(root))
		root = root->child;
	const cJSON *e = json_member(root, "error");
	if (e && !cJSON_IsNull(e) && !cJSON_IsFalse(e))
		return e;
	const char *object = json_text(root, "object");
	return object && !strcmp(object, "error") ? root : json_member(root, "detail");
}

/* A choice that was broken off says so itself. */
bool refusal_in(const cJSON *root)
{
	const cJSON *e = error_of(root);
	return e && !json_member(cJSON_IsArray(root) ? root->child : root, "choices");
}

static void append(struct refusal *e, const char *s)
{
	size_t len = strlen(e->message);
	if (s && *s)
		snprintf(e->message + len, sizeof(e->message) - len, "%s%s", len ? ": " : "", s);
	for (char *c = e->message + len; *c; c++)
		*c = (unsigned char)*c < ' ' ? ' ' : *c;
}

/* A number is the status once more; then Google's word for it is better, or a type. */
static void read_code(struct refusal *e, const cJSON *error)
{
	static const char *const names[] = {"code", "status", "type"};
	const char *code = NULL;
	for (size_t i = 0; !code && i < ARRAY_LEN(names); i++)
		code = json_text(error, names[i]);
	copy(e->code, sizeof(e->code), code);
}

static void read_message(struct refusal *e, const cJSON *error)
{
	const char *said = json_text(error, "message");
	append(e, cJSON_GetStringValue(error));
	append(e, said ? said : json_text(error, "msg"));
}

/* Google says in the details what stands in others' headers. */
static void read_details(struct refusal *e, const cJSON *error)
{
	const cJSON *detail;
	cJSON_ArrayForEach(detail, json_member(error, "details"))
	{
		const char *delay = json_text(detail, "retryDelay");
		const char *reason = json_text(detail, "reason");
		if (delay)
			e->retry_after_ms = http_wait_ms(delay, 1000, clock_unix_ms(), NULL);
		if (reason && !strcmp(reason, "API_KEY_INVALID"))
			e->status = 401;
	}
}

/* OpenRouter's, of the server behind it. */
static void read_metadata(struct refusal *e, const cJSON *metadata)
{
	const char *reset = json_text(json_member(metadata, "headers"), "X-RateLimit-Reset");
	append(e, json_text(metadata, "raw"));
	if (reset)
		e->retry_after_ms = http_wait_ms(reset, 1000, clock_unix_ms(), NULL);
	e->moderated = cJSON_IsArray(json_member(metadata, "reasons"));
}

static void read_json(struct refusal *e, const cJSON *root)
{
	const cJSON *error = error_of(root);
	if (cJSON_IsArray(error)) /* FastAPI: {"detail": [{"msg": ...}]} */
		error = error->child;
	read_message(e, error);
	read_metadata(e, json_member(error, "metadata"));
	append(e, json_text(root, "errors")); /* AUTOMATIC1111's reason stands beside its error */
	if (cJSON_IsString(error)) /* and where the error is but a name, so do the words */
		append(e, json_text(root, "message"));
	read_code(e, error);
	copy(e->param, sizeof(e->param), json_text(error, "param"));
	/* An error within a 200, or one of a server behind the server. */
	const cJSON *code = json_member(error, "code");
	if (e->status < 400 && cJSON_IsNumber(code) && code->valueint >= 400 &&
	    code->valueint < 600)
		e->status = code->valueint;
	read_details(e, error);
	const cJSON *room = json_member(error, "n_ctx"); /* llama.cpp's */
	if (cJSON_IsNumber(room) && room->valuedouble > 0 && room->valuedouble < 1e9)
		e->limit = (int64_t)room->valuedouble;
}

/* Of a page its title; else of any text its start. */
static void read_text(struct refusal *e, const char *body, size_t len)
{
	CLEANUP(cleanup_free) char *text = xstrndup(body, len < 4096 ? len : 4096);
	const char *title = strcasestr(text, "<title>");
	if (title) {
		title += 7;
		snprintf(e->message, sizeof(e->message), "a page \"%.*s\"",
			 (int)strcspn(title, "<\r\n"), title);
	} else if (text[0] && text[0] != '<') {
		snprintf(e->message, sizeof(e->message), "\"%.200s\"", text);
	} else {
		copy(e->message, sizeof(e->message),
		     len ? "a page without a title" : "an empty answer");
	}
}

/* "maximum context length is 8192 tokens, you asked for 9000": the least of what may be a limit. */
static int64_t limit_in(const char *s)
{
	enum { LEAST = 256 };
	int64_t least = 0;
	while (*s) {
		size_t digits = strspn(s, "0123456789");
		int64_t n = digits && digits < 10 ? strtoll(s, NULL, 10) : 0;
		bool word = digits && (isalpha((unsigned char)s[digits]) || s[digits] == '-');
		if (n >= LEAST && !word && (!least || n < least))
			least = n;
		s += digits ? digits : 1;
	}
	return least;
}

void refusal_read(struct refusal *e, int status, const char *body, size_t len)
{
	CLEANUP(json_drop) cJSON *root = json_read(body, len);
	*e = (struct refusal){.status = status, .retry_after_ms = -1};
	if (root)
		read_json(e, root);
	if (!e->message[0])
		read_text(e, body ? body : "", len);
	if (!e->limit)
		e->limit = limit_in(e->message);
}

/* ---- what becomes of the request */

static bool is_one_of(const char *code, const char *const *codes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(code, codes[i]))
			return true;
	return false;
}

static const char *const spent[] = {"insufficient_quota", "billing_hard_limit_reached",
				    "insufficient_credits", "billing_error"};
static const char *const moderated[] = {"content_policy_violation", "moderation_blocked",
					"content_filter", "contentFilter",
					"ResponsibleAIPolicyViolation"};

/* Some know no code for it. */
static bool is_spent(const struct refusal *e)
{
	return e->status == 402 || is_one_of(e->code, spent, ARRAY_LEN(spent)) ||
	       (e->status < 500 && strcasestr(e->message, "credit balance"));
}

bool refusal_is_passing(int status)
{
	return status == 408 || status == 409 || status == 429 || status >= 500;
}

/* "the server refused it (400 invalid_model): MESSAGE" */
static int say(struct err *err, int code, const char *what, const struct refusal *e)
{
	return err_set(err, code, "%s (%d%s%s): %s", what, e->status, e->code[0] ? " " : "",
		       e->code, e->message);
}

static int64_t wait_of(const struct refusal *e, const struct http_answer *a)
{
	if (a->retry_after_ms > 0)
		return a->retry_after_ms;
	return e->retry_after_ms > 0 ? e->retry_after_ms : 0;
}

void refusal_outcome(struct provider_outcome *o, const struct refusal *e,
		     const struct http_answer *a)
{
	int status = e->status;
	*o = (struct provider_outcome){.retry_after_ms = -1};
	if (is_spent(e)) {
		o->code = say(&o->err, -EDQUOT, "the server's account is spent", e);
		return;
	}
	if (e->moderated || is_one_of(e->code, moderated, ARRAY_LEN(moderated))) {
		o->refused = true;
		o->code = say(&o->err, -EIO, "the server will not do this one", e);
		return;
	}
	if (status == 401 || status == 403) {
		o->code = say(&o->err, -EACCES, "the server refused the key", e);
		return;
	}
	if (status >= 300 && status < 400 && a->location[0]) {
		o->code = err_set(&o->err, -EIO,
				  "the server sends us elsewhere (%d), which is not followed: %s",
				  status, a->location);
		return;
	}
	bool again =
		a->should_retry < 0 ? status < 400 || refusal_is_passing(status) : a->should_retry;
	if (again)
		o->retry_after_ms = wait_of(e, a);
	o->code = say(&o->err, -EIO,
		      again ? "the server cannot do it now" : "the server refused it", e);
}

/* ---- another form of the request */

#define WORDS(...)                                                                                 \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

static bool names(const struct refusal *e, const char *const *words)
{
	for (; *words; words++)
		if (strcasestr(e->message, *words) || strcasestr(e->param, *words) ||
		    !strcmp(e->code, *words))
			return true;
	return false;
}

/* By what words it is known that an option is refused, and not what was asked. */
static bool learn_option(struct exchange *x, const struct refusal *e)
{
	const struct {
		unsigned options;
		const char *const *words;
	} known[] = {
		{OPTION_ROOM, WORDS("max_tokens", "max_completion_tokens", "maxOutputTokens",
				    "max_output_tokens", "num_predict")},
		{OPTION_SCHEMA | OPTION_JSON,
		 WORDS("response_format", "json_schema", "json_object", "json schema", "JSON mode",
		       "structured output", "grammar", "responseJsonSchema", "response_json_schema",
		       "responseMimeType", "response_mime_type", "output_config", "output format")},
		{OPTION_TEMPERATURE, WORDS("temperature")},
		{OPTION_PICTURE_FORMAT, WORDS("response_format")},
		{OPTION_WORDS, WORDS("modalit")},
		{OPTION_QUALITY, WORDS("quality")},
		{OPTION_SIZE, WORDS("size", "aspect", "image_config", "imageConfig")},
		{OPTION_SEED, WORDS("seed")},
	};
	if (e->status != 400 && e->status != 404 && e->status != 422 && e->status != 501)
		return false;
	unsigned sent = exchange_options(x);
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if ((sent & known[i].options) && names(e, known[i].words)) {
			x->lessons.refused |= sent & known[i].options;
			return true;
		}
	return false;
}

/* A limit that is believed must be less than what was refused. */
static bool learn_context(struct exchange *x, const struct refusal *e)
{
	const char *const *words =
		WORDS("context_length_exceeded", "exceed_context_size_error", "context length",
		      "context size", "context window", "prompt is too long", "input token count",
		      "maximum number of tokens", "too many tokens", "request too large");
	if (x->aim != AIM_CHAPTER || e->status < 400 || e->status == 429 || !names(e, words))
		return false;
	int64_t sent = exchange_tokens(x);
	x->lessons.context_tokens =
		e->limit && e->limit < sent * 4 / 3 ? e->limit : sent * 2 / 3 + 1;
	x->verdict = VERDICT_SPLIT;
	return true;
}

static bool learn_length(struct exchange *x, const struct refusal *e)
{
	size_t sent = x->prompt ? strlen(x->prompt) : 0, limit = (size_t)e->limit;
	size_t least = x->lessons.prompt_bytes ? x->lessons.prompt_bytes : SIZE_MAX;
	if (x->aim != AIM_PICTURE || (e->status != 400 && e->status != 422) ||
	    !names(e, WORDS("prompt")) ||
	    !names(e, WORDS("too long", "maximum length", "at most", "exceed", "longer",
			    "characters", "string_above_max_length")))
		return false;
	if (!limit || limit >= sent || limit >= least)
		return false;
	x->lessons.prompt_bytes = limit;
	return true;
}

/* A model that takes no pictures, or a server that has no place for them; or it is these pictures
 * that are wrong, and others may do. */
static bool learn_references(struct exchange *x, const struct refusal *e)
{
	const char *const *capability =
		WORDS("image[]", "input_references", "reference image", "image input",
		      "input image", "images as input", "image_url", "inlineData", "inline_data",
		      "multimodal", "vision", "multipart");
	const char *const *these = WORDS("invalid_image_file", "image_parse_error", "invalid image",
					 "image file", "unsupported image", "too large", "payload");
	const bool no_place = references_form_path(x) && (e->status == 404 || e->status == 405);
	if (x->aim == AIM_QUESTION) /* without them it is another */
		return false;
	if (!references_go(x) || e->status < 400 || e->status == 429 || e->status >= 500)
		return false;
	if (no_place || names(e, capability))
		x->lessons.refused |= OPTION_REFERENCES;
	else if (e->status == 413 || names(e, these))
		x->reference_count = 0;
	else
		return false;
	return true;
}

static bool learn_path(struct exchange *x, const struct refusal *e)
{
	if (!exchange_wire(x)->instead || (e->status != 404 && e->status != 405))
		return false;
	x->lessons.refused |= OPTION_PATH;
	return true;
}

void refusal_learn(struct exchange *x, const struct refusal *e)
{
	if (x->outcome.code != -EIO || x->outcome.refused || x->step != STEP_ASK ||
	    x->aim == AIM_MODELS || learn_context(x, e))
		return;
	if (learn_references(x, e) || learn_path(x, e) || learn_length(x, e) || learn_option(x, e))
		x->verdict = VERDICT_AGAIN;
}
