/* SPDX-License-Identifier: MIT */
#include "exchange.h"

#include <string.h>

/*
 * Ollama's own chat. Its OpenAI-like one cannot be told how much of a prompt the model shall see,
 * and drops silently what is more than a small default: the middle of a chapter would be missing
 * and nobody would know. Here num_ctx says it, always the same, since another number loads the
 * model anew. What is too long nevertheless is refused where the server is new enough, and known by
 * its count of tokens where it is not: a model may have been made for less.
 */

enum { CONTEXT_TOKENS = 16384 };

static void add_options(cJSON *root, const struct exchange *x, unsigned options)
{
	const struct service *s = x->service;
	cJSON *list = cJSON_AddObjectToObject(root, "options");
	cJSON_AddNumberToObject(list, "num_ctx", (double)s->context_tokens);
	if (options & OPTION_TEMPERATURE)
		cJSON_AddNumberToObject(list, "temperature", s->temperature);
	if (options & OPTION_SEED)
		cJSON_AddNumberToObject(list, "seed", (double)s->seed);
	if (options & OPTION_ROOM)
		cJSON_AddNumberToObject(list, "num_predict", -1);
}

static int make_body(cJSON *root, const struct exchange *x, struct err *err)
{
	unsigned options = exchange_options(x);
	cJSON_AddStringToObject(root, "model", x->service->model);
	wire_messages(root, x);
	cJSON_AddBoolToObject(root, "stream", false);
	cJSON_AddBoolToObject(root, "truncate", false);
	cJSON_AddBoolToObject(root, "shift", false);
	if (options & OPTION_SCHEMA)
		cJSON_AddRawToObject(root, "format", wire_schema);
	if (options & OPTION_JSON)
		cJSON_AddStringToObject(root, "format", "json");
	add_options(root, x, options);
	return 0;
}

static void read_answer(struct reply *r, const cJSON *root)
{
	const cJSON *message = json_member(root, "message");
	const char *reason = json_text(root, "done_reason");
	r->seen = message != NULL;
	reply_text(r, json_text(message, "content"));
	reply_tokens(&r->tokens_in, root, "prompt_eval_count");
	reply_tokens(&r->tokens_out, root, "eval_count");
	if (cJSON_IsTrue(json_member(root, "done")))
		r->end = reason && !strcmp(reason, "length") ? REPLY_CUT : REPLY_DONE;
}

/* An address for its OpenAI-like side names the same server. */
static void address(struct buf *url, const struct exchange *x, const char *path)
{
	if (url->len > 3 && !strcmp(url->data + url->len - 3, "/v1"))
		url->len -= 3;
	buf_adds(url, path);
	if (x->service->query)
		buf_addf(url, "?%s", x->service->query);
}

const struct wire_format wire_ollama = {
	.path = "/api/chat",
	.models = "/api/tags",
	.address = address,
	.options = OPTION_SCHEMA | OPTION_JSON | OPTION_ROOM | OPTION_TEMPERATURE | OPTION_SEED,
	.model_needed = true,
	.cuts_prompts = true,
	.context_tokens = CONTEXT_TOKENS,
	.body = make_body,
	.read = read_answer,
};
