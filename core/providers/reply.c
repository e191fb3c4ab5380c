/* SPDX-License-Identifier: MIT */
#include "exchange.h"

#include <string.h>

/*
 * The words of a model become an analysis, whatever the server promised of them: some take a schema
 * and ignore it. What is beside the JSON is taken away, and nothing is invented; else the model is
 * shown its fault, once.
 */

enum {
	TEXT_BYTES_MAX = 8 << 20,
	SHOWN_BYTES = 4000, /* of an answer that could not be used, when it is asked for again */
	TRIES_IN_PROSE = 8,
	TOKENS_MAX = 1 << 30,
};

/* ---- gathering */

void reply_finish(struct reply *r)
{
	buf_finish(&r->text);
	free(r->refusal);
	free(r->base64);
	free(r->url);
}

void reply_text(struct reply *r, const char *text)
{
	r->text.max_bytes = TEXT_BYTES_MAX;
	if (text)
		buf_adds(&r->text, text);
}

void reply_set(char **field, const char *value)
{
	if (!value || !*value)
		return;
	char *copy = xstrdup(value); /* value may be of what it takes the place of */
	free(*field);
	*field = copy;
}

void reply_take(char **field, const cJSON *string)
{
	char *s = cJSON_GetStringValue(string);
	if (!s || !*s)
		return;
	free(*field);
	*field = s;
	((cJSON *)string)->valuestring = NULL;
}

const cJSON *reply_first(const cJSON *list)
{
	return cJSON_IsArray(list) ? list->child : NULL;
}

void reply_tokens(int64_t *field, const cJSON *usage, const char *key)
{
	const cJSON *n = json_member(usage, key);
	if (cJSON_IsNumber(n) && n->valuedouble >= 0 && n->valuedouble < TOKENS_MAX)
		*field = (int64_t)n->valuedouble;
}

/* ---- reading */

/* Shown once what is wrong with its answer, a model mostly mends it. */
static void mend(struct exchange *x, const char *content, const struct err *fault)
{
	if (x->reminded) {
		exchange_fail(x, -EIO, -1, "the model's answer cannot be used, twice: %s",
			      fault->msg);
		return;
	}
	const char *end = content + strnlen(content, SHOWN_BYTES);
	while (end > content && ((unsigned char)*end & 0xc0) == 0x80)
		end--;
	x->bad = xstrndup(content, (size_t)(end - content));
	x->fault = xstrdup(fault->msg);
	x->reminded = true;
	x->verdict = VERDICT_AGAIN;
}

static int parse_analysis(struct exchange *x, const char *json, size_t len, struct err *err)
{
	return analysis_parse(&x->analysis, json, len, buf_str(&x->text), x->text.len, err);
}

/* Any object: what must be in it whoever asks knows. */
static int parse_object(struct exchange *x, const char *json, size_t len, struct err *err)
{
	CLEANUP(json_drop) cJSON *root = json_read(json, len);
	if (!cJSON_IsObject(root))
		return err_set(err, -EBADMSG, "it is no JSON object");
	x->json.len = 0;
	return buf_add(&x->json, json, len);
}

static void read_content(struct exchange *x, const char *content)
{
	int (*const parse)(struct exchange *, const char *, size_t, struct err *) =
		x->aim == AIM_QUESTION ? parse_object : parse_analysis;
	struct buf json = {.max_bytes = TEXT_BYTES_MAX};
	struct err fault = {0}, other;
	const char *at = content;
	int r = parse(x, content, strlen(content), &fault);
	for (int i = 0; r < 0 && i < TRIES_IN_PROSE && json_find(&json, &at); i++)
		r = parse(x, buf_str(&json), json.len, i ? &other : &fault);
	buf_finish(&json);
	if (r < 0)
		mend(x, content, &fault);
}

static void cut_off(struct exchange *x)
{
	if (x->roomy) {
		exchange_fail(x, -EIO, -1,
			      "the model's answer is cut off for want of room: choose a model or a "
			      "server's setting with more, or a larger pages_per_image");
		return;
	}
	x->roomy = true;
	x->verdict = VERDICT_AGAIN;
}

void reply_read_text(const struct reply *r, struct exchange *x)
{
	if (buf_error(&r->text) < 0)
		exchange_fail(x, -EIO, -1, "the model's answer is too large");
	else if (r->end == REPLY_CUT)
		cut_off(x);
	else
		read_content(x, buf_str(&r->text));
}
