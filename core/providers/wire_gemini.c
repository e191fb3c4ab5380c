/* SPDX-License-Identifier: MIT */
#include "exchange.h"

#include <string.h>

/* Gemini's generateContent: one form for words and pictures. */

/* Its parts, of which the text is the first. */
static cJSON *add_content(cJSON *contents, const char *role, const char *text)
{
	cJSON *content = cJSON_CreateObject(), *part = cJSON_CreateObject();
	cJSON_AddStringToObject(content, "role", role);
	cJSON_AddStringToObject(part, "text", text);
	cJSON *parts = cJSON_AddArrayToObject(content, "parts");
	cJSON_AddItemToArray(parts, part);
	cJSON_AddItemToArray(contents, content);
	return parts;
}

static void add_contents(cJSON *root, const struct exchange *x)
{
	cJSON *contents = cJSON_AddArrayToObject(root, "contents");
	CLEANUP(cleanup_free)
	char *prompt = x->aim == AIM_PICTURE ? wire_prompt(x) : xstrdup(x->prompt);
	references_add_inline(add_content(contents, "user", prompt), x);
	if (!x->reminded)
		return;
	CLEANUP(cleanup_free) char *reminder = wire_reminder(x);
	add_content(contents, "model", x->bad);
	add_content(contents, "user", reminder);
}

static void want_picture(cJSON *config, const struct exchange *x, unsigned options)
{
	cJSON *kinds = cJSON_AddArrayToObject(config, "responseModalities");
	if (options & OPTION_WORDS)
		cJSON_AddItemToArray(kinds, cJSON_CreateString("TEXT"));
	cJSON_AddItemToArray(kinds, cJSON_CreateString("IMAGE"));
	if (options & OPTION_SIZE)
		cJSON_AddStringToObject(cJSON_AddObjectToObject(config, "imageConfig"),
					"aspectRatio", wire_aspect(x));
}

static void want_words(cJSON *config, const struct exchange *x, unsigned options)
{
	if (options & (OPTION_SCHEMA | OPTION_JSON))
		cJSON_AddStringToObject(config, "responseMimeType", "application/json");
	if (options & OPTION_SCHEMA)
		cJSON_AddRawToObject(config, "responseJsonSchema", wire_schema);
	if (options & OPTION_TEMPERATURE)
		cJSON_AddNumberToObject(config, "temperature", x->service->temperature);
	if (options & OPTION_ROOM)
		cJSON_AddNumberToObject(config, "maxOutputTokens", WIRE_ROOM_TOKENS);
}

static int make_body(cJSON *root, const struct exchange *x, struct err *err)
{
	unsigned options = exchange_options(x);
	add_contents(root, x);
	cJSON *config = cJSON_AddObjectToObject(root, "generationConfig");
	if (x->aim == AIM_PICTURE)
		want_picture(config, x, options);
	else
		want_words(config, x, options);
	if (options & OPTION_SEED)
		cJSON_AddNumberToObject(config, "seed", (double)x->service->seed);
	return 0;
}

/* ---- reading */

/* RECITATION is no moderation: it comes and goes with a model's chance. */
static enum reply_end end_of(const char *reason)
{
	static const char *const filters[] = {"SAFETY",
					      "BLOCKLIST",
					      "PROHIBITED_CONTENT",
					      "SPII",
					      "IMAGE_SAFETY",
					      "IMAGE_PROHIBITED_CONTENT",
					      "IMAGE_RECITATION"};
	for (size_t i = 0; i < ARRAY_LEN(filters); i++)
		if (!strcmp(reason, filters[i]))
			return REPLY_FILTERED;
	if (!strcmp(reason, "MAX_TOKENS"))
		return REPLY_CUT;
	return strcmp(reason, "STOP") ? REPLY_BROKEN : REPLY_DONE;
}

static void read_part(struct reply *r, const cJSON *part)
{
	const cJSON *data = json_member(part, "inlineData");
	if (!data)
		data = json_member(part, "inline_data");
	if (cJSON_IsTrue(json_member(part, "thought")))
		return; /* a draft, in words or drawn */
	reply_text(r, json_text(part, "text"));
	reply_take(&r->base64, json_member(data, "data"));
}

static void read_candidate(struct reply *r, const cJSON *candidate)
{
	const char *reason = json_text(candidate, "finishReason");
	const cJSON *part;
	cJSON_ArrayForEach(part, json_member(json_member(candidate, "content"), "parts"))
	{
		read_part(r, part);
	}
	r->seen = true;
	if (!reason)
		return;
	r->end = end_of(reason);
	if (r->end == REPLY_FILTERED || r->end == REPLY_BROKEN)
		reply_set(&r->refusal, reason);
	reply_set(&r->refusal, json_text(candidate, "finishMessage"));
}

static void read_answer(struct reply *r, const cJSON *root)
{
	const cJSON *usage = json_member(root, "usageMetadata");
	const cJSON *candidate = reply_first(json_member(root, "candidates"));
	const char *blocked = json_text(json_member(root, "promptFeedback"), "blockReason");
	int64_t thoughts = 0, words = -1;
	reply_tokens(&r->tokens_in, usage, "promptTokenCount");
	reply_tokens(&thoughts, usage, "thoughtsTokenCount");
	reply_tokens(&words, usage, "candidatesTokenCount");
	if (words >= 0 || thoughts)
		r->tokens_out = (words > 0 ? words : 0) + thoughts;
	if (candidate)
		read_candidate(r, candidate);
	if (blocked) {
		r->end = REPLY_FILTERED;
		reply_set(&r->refusal, blocked);
	}
}

static void address(struct buf *url, const struct exchange *x, const char *path)
{
	const struct service *s = x->service;
	const char *model = s->model;
	if (x->aim == AIM_MODELS) {
		buf_adds(url, path);
	} else {
		buf_adds(url, "/models/");
		wire_escape(url, strncmp(model, "models/", 7) ? model : model + 7);
		buf_adds(url, path);
	}
	if (s->query)
		buf_addf(url, "%c%s", strchr(path, '?') ? '&' : '?', s->query);
}

const struct wire_format wire_gemini = {
	.path = ":generateContent",
	.models = "/models?pageSize=1000",
	.address = address,
	.key_field = "x-goog-api-key: ",
	.options = OPTION_SCHEMA | OPTION_JSON | OPTION_ROOM | OPTION_TEMPERATURE | OPTION_SEED |
		   OPTION_SIZE | OPTION_WORDS | OPTION_REFERENCES,
	.model_needed = true,
	.body = make_body,
	.read = read_answer,
};
