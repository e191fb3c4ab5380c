/* SPDX-License-Identifier: MIT */
#include "exchange.h"

#include <string.h>

/* Anthropic's messages. */

/* Each request must say how long its answer may be; the oldest models write no more than the least
 * of these. */
enum { ROOM_TOKENS = 16384, ROOM_LEAST_TOKENS = 4096 };

static int room(const struct exchange *x, unsigned options)
{
	if (!(options & OPTION_ROOM))
		return ROOM_LEAST_TOKENS;
	return x->roomy ? WIRE_ROOM_TOKENS : ROOM_TOKENS;
}

static void add_form(cJSON *root)
{
	cJSON *format =
		cJSON_AddObjectToObject(cJSON_AddObjectToObject(root, "output_config"), "format");
	cJSON_AddStringToObject(format, "type", "json_schema");
	cJSON_AddRawToObject(format, "schema", wire_schema);
}

static int make_body(cJSON *root, const struct exchange *x, struct err *err)
{
	unsigned options = exchange_options(x);
	cJSON_AddStringToObject(root, "model", x->service->model);
	cJSON_AddNumberToObject(root, "max_tokens", room(x, options));
	wire_messages(root, x);
	if (options & OPTION_SCHEMA)
		add_form(root);
	if (options & OPTION_TEMPERATURE)
		cJSON_AddNumberToObject(root, "temperature", x->service->temperature);
	return 0;
}

/* What was read from a cache or written to one was read too. */
static void read_usage(struct reply *r, const cJSON *usage)
{
	int64_t plain = -1, made = 0, kept = 0;
	reply_tokens(&plain, usage, "input_tokens");
	reply_tokens(&made, usage, "cache_creation_input_tokens");
	reply_tokens(&kept, usage, "cache_read_input_tokens");
	if (plain >= 0)
		r->tokens_in = plain + made + kept;
	reply_tokens(&r->tokens_out, usage, "output_tokens");
}

static void read_end(struct reply *r, const char *reason)
{
	if (!reason)
		return;
	r->end = REPLY_DONE;
	if (!strcmp(reason, "max_tokens") || !strcmp(reason, "model_context_window_exceeded"))
		r->end = REPLY_CUT;
	if (!strcmp(reason, "refusal"))
		r->end = REPLY_FILTERED;
}

static void read_message(struct reply *r, const cJSON *message)
{
	const cJSON *part, *content = json_member(message, "content");
	r->seen = cJSON_IsArray(content);
	cJSON_ArrayForEach(part, content)
	{
		reply_text(r, json_text(part, "text"));
	}
	read_usage(r, json_member(message, "usage"));
	read_end(r, json_text(message, "stop_reason"));
}

/* A message, or an event that begins one, adds to it, or ends it. */
static void read_answer(struct reply *r, const cJSON *root)
{
	const cJSON *delta = json_member(root, "delta");
	const cJSON *message = json_member(root, "message");
	if (message)
		read_message(r, message);
	else if (json_member(root, "content"))
		read_message(r, root);
	reply_text(r, json_text(delta, "text"));
	read_end(r, json_text(delta, "stop_reason"));
	if (delta)
		read_usage(r, json_member(root, "usage"));
}

static const char *const fields[] = {"anthropic-version: 2023-06-01", NULL};

const struct wire_format wire_anthropic = {
	.path = "/messages",
	.models = "/models?limit=1000",
	.key_field = "x-api-key: ",
	.fields = fields,
	.options = OPTION_SCHEMA | OPTION_ROOM | OPTION_TEMPERATURE,
	.model_needed = true,
	.always_room = true,
	.body = make_body,
	.read = read_answer,
};
