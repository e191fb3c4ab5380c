/* SPDX-License-Identifier: MIT */
#include "openai.h"

#include <stdio.h>
#include <string.h>

/*
 * A chapter by way of chat/completions. An answer is asked for as strictly as the server can be
 * held to it: by a schema, else as some JSON, else in words alone. Each refusal of a form is
 * remembered. What comes back is read by core/story whatever the server promised: some take a
 * schema and ignore it.
 */

enum {
	ANSWER_BYTES_MAX = 8 << 20,
	ROOM_TOKENS = 32768,
	SHOWN_BYTES = 4000, /* of an answer that could not be used, when it is asked for again */
	TRIES_IN_PROSE = 8,
	TOKENS_MAX = 1 << 30,
};

#define STRING "{\"type\":\"string\"}"
#define STRINGS "{\"type\":\"array\",\"items\":" STRING "}"
static const char schema[] =
	"{\"type\":\"object\",\"properties\":{"
	"\"concepts\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
	"\"quote\":" STRING ",\"description\":" STRING ",\"mood\":" STRING ",\"lighting\":" STRING
	",\"elements\":" STRINGS "},"
	"\"required\":[\"quote\",\"description\",\"mood\",\"lighting\",\"elements\"],"
	"\"additionalProperties\":false}},"
	"\"elements\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
	"\"type\":{\"type\":\"string\",\"enum\":[\"character\",\"creature\",\"place\",\"item\"]},"
	"\"name\":" STRING ",\"aliases\":" STRINGS ",\"description\":" STRING ","
	"\"quotes\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
	"\"text\":" STRING "},\"required\":[\"text\"],\"additionalProperties\":false}}},"
	"\"required\":[\"type\",\"name\",\"aliases\",\"description\",\"quotes\"],"
	"\"additionalProperties\":false}}},"
	"\"required\":[\"concepts\",\"elements\"],\"additionalProperties\":false}";

/* ---- asking */

static void add_message(cJSON *messages, const char *role, const char *content)
{
	cJSON *m = cJSON_CreateObject();
	cJSON_AddStringToObject(m, "role", role);
	cJSON_AddStringToObject(m, "content", content);
	cJSON_AddItemToArray(messages, m);
}

static void add_messages(cJSON *root, const struct openai_exchange *x)
{
	cJSON *messages = cJSON_AddArrayToObject(root, "messages");
	add_message(messages, "user", x->prompt);
	if (!x->reminded)
		return;
	CLEANUP(cleanup_free)
	char *reminder = xasprintf("That cannot be used: %s. Answer once more, with the whole JSON "
				   "by the schema above and nothing else.",
				   x->fault);
	add_message(messages, "assistant", x->bad);
	add_message(messages, "user", reminder);
}

static void add_form(cJSON *root, unsigned quirks)
{
	if ((quirks & QUIRK_NO_SCHEMA) && (quirks & QUIRK_NO_JSON))
		return;
	cJSON *form = cJSON_AddObjectToObject(root, "response_format");
	if (quirks & QUIRK_NO_SCHEMA) {
		cJSON_AddStringToObject(form, "type", "json_object");
		return;
	}
	cJSON_AddStringToObject(form, "type", "json_schema");
	cJSON *s = cJSON_AddObjectToObject(form, "json_schema");
	cJSON_AddStringToObject(s, "name", "visual_analysis");
	cJSON_AddBoolToObject(s, "strict", true);
	cJSON_AddRawToObject(s, "schema", schema);
}

/* Newer models of OpenAI refuse the old name, most others know no other. */
static const char *room_name(const struct openai_exchange *x)
{
	bool new_name = !strncmp(x->base_url, "https://api.openai.com/", 23);
	return new_name != !!(x->quirks & QUIRK_OTHER_TOKENS) ? "max_completion_tokens"
							      : "max_tokens";
}

static int request(struct buf *body, const struct openai_exchange *x)
{
	CLEANUP(openai_json_free) cJSON *root = cJSON_CreateObject();
	cJSON_AddStringToObject(root, "model", x->model);
	add_messages(root, x);
	add_form(root, x->quirks);
	if (x->roomy)
		cJSON_AddNumberToObject(root, room_name(x), ROOM_TOKENS);
	return openai_json_print(body, root);
}

/* ---- judging */

/* A refusal of the form, and not of what was asked: the next rung of the ladder. */
static bool learn_form(struct openai_exchange *x, const struct openai_error *e)
{
	static const char *const of_form[] = {"response_format", "json_schema",	      "json_object",
					      "json schema",	 "structured output", "grammar"};
	static const char *const of_room[] = {"max_tokens", "max_completion_tokens"};
	if (e->status != 400 && e->status != 404 && e->status != 422 && e->status != 501)
		return false;
	if (x->roomy && openai_error_names(e, of_room, ARRAY_LEN(of_room)))
		return openai_learn(x, QUIRK_OTHER_TOKENS);
	if (!openai_error_names(e, of_form, ARRAY_LEN(of_form)))
		return false;
	return openai_learn(x, QUIRK_NO_SCHEMA) || openai_learn(x, QUIRK_NO_JSON);
}

/* A string, or the text of its parts. Owned; "" if there is none. */
static char *content_of(const cJSON *message)
{
	const cJSON *content = cJSON_GetObjectItemCaseSensitive(message, "content"), *part;
	struct buf text = {.max_bytes = ANSWER_BYTES_MAX};
	if (cJSON_IsString(content))
		return xstrdup(content->valuestring);
	cJSON_ArrayForEach(part, content)
	{
		const char *s = openai_json_string(part, "text");
		if (s)
			buf_adds(&text, s);
	}
	char *all = xstrdup(buf_str(&text));
	buf_finish(&text);
	return all;
}

static void refuse(struct openai_exchange *x, const char *why)
{
	openai_fail(x, -EIO, -1, "the model will not do this one: %s", why);
	x->outcome.refused = true;
}

/* Shown once what is wrong with its answer, a model mostly mends it. */
static void mend(struct openai_exchange *x, const char *content, const struct err *fault)
{
	if (x->reminded) {
		openai_fail(x, -EIO, -1, "the model's answer cannot be used, twice: %s",
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

static int parse(struct openai_exchange *x, const char *json, size_t len, struct err *err)
{
	return analysis_parse(&x->analysis, json, len, buf_str(&x->text), x->text.len, err);
}

static void read_content(struct openai_exchange *x, const char *content)
{
	struct buf json = {.max_bytes = ANSWER_BYTES_MAX};
	struct err fault = {0}, other;
	const char *at = content;
	int r = parse(x, content, strlen(content), &fault);
	for (int i = 0; r < 0 && i < TRIES_IN_PROSE && openai_json_find(&json, &at); i++)
		r = parse(x, buf_str(&json), json.len, i ? &other : &fault);
	buf_finish(&json);
	if (r < 0) {
		mend(x, content, &fault);
		return;
	}
	x->analysis->tokens = x->tokens;
	x->verdict = VERDICT_GOOD;
}

static void cut_off(struct openai_exchange *x)
{
	if (x->roomy) {
		openai_fail(x, -EIO, -1,
			    "the model's answer is cut off for want of room: choose a model or a "
			    "server's setting with more, or a larger pages_per_image");
		return;
	}
	x->roomy = true;
	x->verdict = VERDICT_AGAIN;
}

static void read_choice(struct openai_exchange *x, const cJSON *choice)
{
	const cJSON *message = cJSON_GetObjectItemCaseSensitive(choice, "message");
	const char *end = openai_json_string(choice, "finish_reason");
	const char *refusal = openai_json_string(message, "refusal");
	CLEANUP(cleanup_free) char *content = content_of(message);
	if (refusal && *refusal)
		refuse(x, refusal);
	else if (end && !strcmp(end, "content_filter"))
		refuse(x, "its answer was held back by a filter");
	else if (end && !strcmp(end, "error"))
		openai_fail(x, -EIO, 0, "the server broke off its answer");
	else if (end && !strcmp(end, "length"))
		cut_off(x);
	else
		read_content(x, content);
}

static void count_tokens(struct openai_exchange *x, const cJSON *root)
{
	const cJSON *usage = cJSON_GetObjectItemCaseSensitive(root, "usage");
	const cJSON *total = cJSON_GetObjectItemCaseSensitive(usage, "total_tokens");
	if (cJSON_IsNumber(total) && total->valuedouble >= 0 && total->valuedouble < TOKENS_MAX)
		x->tokens += (int64_t)total->valuedouble;
}

static void judge(struct openai_exchange *x)
{
	CLEANUP(openai_json_free) cJSON *root = NULL;
	struct openai_error e;
	if (openai_judge_answer(&root, &e, x) < 0) {
		learn_form(x, &e);
		return;
	}
	count_tokens(x, root);
	const cJSON *choices = cJSON_GetObjectItemCaseSensitive(root, "choices");
	const cJSON *choice = cJSON_IsArray(choices) ? choices->child : NULL;
	if (choice)
		read_choice(x, choice);
	else
		openai_fail(x, -EIO, 0, "the server's answer holds no choice");
}

const struct openai_kind openai_chat = {
	.path = "/chat/completions",
	.max_bytes = ANSWER_BYTES_MAX,
	.request = request,
	.judge = judge,
};
