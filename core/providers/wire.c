/* SPDX-License-Identifier: MIT */
#include "exchange.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* The kinds of servers, and what their requests have in common. */

static const struct wire_format *const formats[] = {
	[WIRE_CHAT] = &wire_chat,
	[WIRE_ANTHROPIC] = &wire_anthropic,
	[WIRE_GEMINI] = &wire_gemini,
	[WIRE_OLLAMA] = &wire_ollama,
	[WIRE_AZURE_CHAT] = &wire_azure_chat,
	[WIRE_IMAGES] = &wire_images,
	[WIRE_OPENROUTER] = &wire_openrouter,
	[WIRE_CHAT_IMAGES] = &wire_chat_images,
	[WIRE_AZURE_IMAGES] = &wire_azure_images,
	[WIRE_SDCPP] = &wire_sdcpp,
	[WIRE_A1111] = &wire_a1111,
	[WIRE_COMFYUI] = &wire_comfyui,
};

const struct wire_format *wire_format(enum wire w)
{
	return (size_t)w < ARRAY_LEN(formats) ? formats[w] : NULL;
}

#define STRING "{\"type\":\"string\"}"
#define STRINGS "{\"type\":\"array\",\"items\":" STRING "}"
const char wire_schema[] =
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

/* ---- words */

void wire_message(cJSON *messages, const char *role, const char *content)
{
	cJSON *m = cJSON_CreateObject();
	cJSON_AddStringToObject(m, "role", role);
	cJSON_AddStringToObject(m, "content", content);
	cJSON_AddItemToArray(messages, m);
}

char *wire_reminder(const struct exchange *x)
{
	return xasprintf("That cannot be used: %s. Answer once more, with the whole JSON by the "
			 "schema above and nothing else.",
			 x->fault);
}

/* With pictures the prompt is the first of several parts. */
void wire_prompted(cJSON *messages, const char *prompt, const struct exchange *x)
{
	if (!references_go(x)) {
		wire_message(messages, "user", prompt);
		return;
	}
	cJSON *message = cJSON_CreateObject(), *text = cJSON_CreateObject();
	cJSON_AddStringToObject(message, "role", "user");
	cJSON *parts = cJSON_AddArrayToObject(message, "content");
	cJSON_AddStringToObject(text, "type", "text");
	cJSON_AddStringToObject(text, "text", prompt);
	cJSON_AddItemToArray(parts, text);
	references_add_urls(parts, x);
	cJSON_AddItemToArray(messages, message);
}

void wire_messages(cJSON *root, const struct exchange *x)
{
	cJSON *messages = cJSON_AddArrayToObject(root, "messages");
	wire_prompted(messages, x->prompt, x);
	if (!x->reminded)
		return;
	CLEANUP(cleanup_free) char *reminder = wire_reminder(x);
	wire_message(messages, "assistant", x->bad);
	wire_message(messages, "user", reminder);
}

/* ---- pictures */

static size_t prompt_most(const struct exchange *x)
{
	size_t most = x->service->paint_limits.prompt_bytes, learnt = x->lessons.prompt_bytes;
	return learnt && learnt < most ? learnt : most;
}

char *wire_prompt(const struct exchange *x)
{
	size_t len = strlen(x->prompt), most = prompt_most(x);
	if (len > most)
		for (len = most; len && ((unsigned char)x->prompt[len] & 0xc0) == 0x80;)
			len--;
	return xstrndup(x->prompt, len);
}

char *wire_size(const struct exchange *x)
{
	if (x->service->image_size)
		return xstrdup(x->service->image_size);
	return xasprintf("%dx%d", x->width_px, x->height_px);
}

void wire_sides(int sides[2], const struct exchange *x)
{
	int width, height, end = 0;
	const char *size = x->service->image_size;
	sides[0] = x->width_px;
	sides[1] = x->height_px;
	if (size && sscanf(size, "%4dx%4d%n", &width, &height, &end) == 2 && !size[end] &&
	    width > 0 && height > 0) {
		sides[0] = width;
		sides[1] = height;
	}
}

/* The nearest of those that are known everywhere. */
const char *wire_aspect(const struct exchange *x)
{
	static const struct {
		const char *name;
		int width, height;
	} aspects[] = {{"1:1", 1, 1}, {"4:3", 4, 3},   {"3:4", 3, 4},  {"3:2", 3, 2},
		       {"2:3", 2, 3}, {"16:9", 16, 9}, {"9:16", 9, 16}};
	int sides[2];
	size_t best = 0;
	double least = 1e9;
	wire_sides(sides, x);
	for (size_t i = 0; i < ARRAY_LEN(aspects); i++) {
		double ratio = (double)sides[0] * aspects[i].height /
			       ((double)sides[1] * aspects[i].width);
		double off = ratio < 1 ? 1 / ratio : ratio;
		if (off < least) {
			least = off;
			best = i;
		}
	}
	return aspects[best].name;
}

void wire_escape(struct buf *out, const char *s)
{
	for (; *s; s++)
		if (isalnum((unsigned char)*s) || strchr("-._~:@/", *s))
			buf_addc(out, *s);
		else
			buf_addf(out, "%%%02X", (unsigned char)*s);
}
