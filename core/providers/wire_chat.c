/* SPDX-License-Identifier: MIT */
#include "exchange.h"

#include <string.h>

/*
 * chat/completions, which OpenAI began and most servers speak. An answer is asked for as strictly
 * as the server can be held to it: by a schema, else as some JSON, else in words alone. Some of
 * its models draw, if they are asked for an image too.
 */

enum {
	ANSWER_OPTIONS = OPTION_SCHEMA | OPTION_JSON | OPTION_ROOM | OPTION_TEMPERATURE |
			 OPTION_SEED | OPTION_REFERENCES
};

static void add_form(cJSON *root, unsigned options)
{
	if (!(options & (OPTION_SCHEMA | OPTION_JSON)))
		return;
	cJSON *form = cJSON_AddObjectToObject(root, "response_format");
	if (options & OPTION_JSON) {
		cJSON_AddStringToObject(form, "type", "json_object");
		return;
	}
	cJSON_AddStringToObject(form, "type", "json_schema");
	cJSON *s = cJSON_AddObjectToObject(form, "json_schema");
	cJSON_AddStringToObject(s, "name", "visual_analysis");
	cJSON_AddBoolToObject(s, "strict", true);
	cJSON_AddRawToObject(s, "schema", wire_schema);
}

/* Newer models of OpenAI refuse the old name, most others know no other. */
static const char *room_name(const struct exchange *x, unsigned options)
{
	bool new_name = !strncmp(x->service->base_url, "https://api.openai.com/", 23);
	return new_name == !!(options & OPTION_ROOM) ? "max_completion_tokens" : "max_tokens";
}

static void add_chance(cJSON *root, const struct service *s, unsigned options)
{
	if (options & OPTION_TEMPERATURE)
		cJSON_AddNumberToObject(root, "temperature", s->temperature);
	if (options & OPTION_SEED)
		cJSON_AddNumberToObject(root, "seed", (double)s->seed);
}

int wire_chat_body(cJSON *root, const struct exchange *x, struct err *err)
{
	unsigned options = exchange_options(x);
	cJSON_AddStringToObject(root, "model", x->service->model);
	wire_messages(root, x);
	add_form(root, options);
	add_chance(root, x->service, options);
	if (x->roomy)
		cJSON_AddNumberToObject(root, room_name(x, options), WIRE_ROOM_TOKENS);
	return 0;
}

static void add_prompt(cJSON *messages, const struct exchange *x)
{
	CLEANUP(cleanup_free) char *prompt = wire_prompt(x);
	wire_prompted(messages, prompt, x);
}

static int picture_body(cJSON *root, const struct exchange *x, struct err *err)
{
	unsigned options = exchange_options(x);
	cJSON_AddStringToObject(root, "model", x->service->model);
	add_prompt(cJSON_AddArrayToObject(root, "messages"), x);
	cJSON *kinds = cJSON_AddArrayToObject(root, "modalities");
	cJSON_AddItemToArray(kinds, cJSON_CreateString("image"));
	if (options & OPTION_WORDS)
		cJSON_AddItemToArray(kinds, cJSON_CreateString("text"));
	if (options & OPTION_SIZE)
		cJSON_AddStringToObject(cJSON_AddObjectToObject(root, "image_config"),
					"aspect_ratio", wire_aspect(x));
	add_chance(root, x->service, options & OPTION_SEED);
	return 0;
}

/* ---- reading */

/* A string, or the text of its parts; what a model thinks is a part of another kind. */
static void read_content(struct reply *r, const cJSON *content)
{
	const cJSON *part;
	reply_text(r, cJSON_GetStringValue(content));
	cJSON_ArrayForEach(part, content)
	{
		reply_text(r, json_text(part, "text"));
	}
}

static const cJSON *picture_url(const cJSON *message)
{
	const cJSON *first = reply_first(json_member(message, "images"));
	const cJSON *url = json_member(first, "image_url");
	return cJSON_IsString(url) ? url : json_member(url, "url");
}

static enum reply_end end_of(const char *reason)
{
	static const struct {
		const char *reason;
		enum reply_end end;
	} ends[] = {{"length", REPLY_CUT},
		    {"model_length", REPLY_CUT}, /* Mistral's */
		    {"content_filter", REPLY_FILTERED},
		    {"error", REPLY_BROKEN},
		    {"insufficient_system_resource", REPLY_BROKEN}}; /* DeepSeek's */
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (!strcmp(reason, ends[i].reason))
			return ends[i].end;
	return REPLY_DONE;
}

/* A whole message, or what an event adds to it. */
static void read_choice(struct reply *r, const cJSON *choice)
{
	const cJSON *message = json_member(choice, "message");
	const char *reason = json_text(choice, "finish_reason");
	if (!message)
		message = json_member(choice, "delta");
	read_content(r, json_member(message, "content"));
	reply_take(&r->url, picture_url(message));
	if (reason && *reason)
		r->end = end_of(reason);
	const char *refusal = json_text(message, "refusal");
	if (refusal && *refusal) {
		reply_set(&r->refusal, refusal);
		r->end = REPLY_FILTERED;
	}
	reply_set(&r->refusal, json_text(json_member(choice, "error"), "message"));
}

void wire_chat_read(struct reply *r, const cJSON *root)
{
	const cJSON *usage = json_member(root, "usage");
	const cJSON *choice = reply_first(json_member(root, "choices"));
	reply_tokens(&r->tokens_in, usage, "prompt_tokens");
	reply_tokens(&r->tokens_out, usage, "completion_tokens");
	if (!choice)
		return;
	r->seen = true;
	read_choice(r, choice);
	reply_set(&r->refusal, json_text(json_member(root, "error"), "message"));
}

/* ---- the wires */

const struct wire_format wire_chat = {
	.path = "/chat/completions",
	.models = "/models",
	.options = ANSWER_OPTIONS,
	.body = wire_chat_body,
	.read = wire_chat_read,
};

const struct wire_format wire_chat_images = {
	.path = "/chat/completions",
	.models = "/models",
	.options = OPTION_WORDS | OPTION_SIZE | OPTION_SEED | OPTION_REFERENCES,
	.model_needed = true,
	.body = picture_body,
	.read = wire_chat_read,
};
