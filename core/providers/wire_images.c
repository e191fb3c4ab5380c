/* SPDX-License-Identifier: MIT */
#include "exchange.h"

#include <string.h>

/*
 * images/generations, which OpenAI began, and what others made of it. The picture comes within the
 * answer, or as an address to fetch it from; its bytes say what it is, whatever was asked for.
 */

/* The models that always answer with the picture refuse to be told to. */
static bool is_told(const struct exchange *x)
{
	return !strstr(x->service->model, "gpt-image");
}

int wire_images_body(cJSON *root, const struct exchange *x, struct err *err)
{
	const struct service *s = x->service;
	unsigned options = exchange_options(x);
	CLEANUP(cleanup_free) char *prompt = wire_prompt(x);
	CLEANUP(cleanup_free) char *size = wire_size(x);
	if (*s->model)
		cJSON_AddStringToObject(root, "model", s->model);
	cJSON_AddStringToObject(root, "prompt", prompt);
	if (options & OPTION_SIZE)
		cJSON_AddStringToObject(root, "size", size);
	if (options & OPTION_QUALITY)
		cJSON_AddStringToObject(root, "quality", s->image_quality);
	if (options & OPTION_SEED)
		cJSON_AddNumberToObject(root, "seed", (double)s->seed);
	if ((options & OPTION_PICTURE_FORMAT) && is_told(x))
		cJSON_AddStringToObject(root, "response_format", "b64_json");
	return 0; /* references make a form of it */
}

void wire_images_read(struct reply *r, const cJSON *root)
{
	const cJSON *usage = json_member(root, "usage");
	const cJSON *first = reply_first(json_member(root, "data"));
	reply_tokens(&r->tokens_in, usage, "input_tokens");
	reply_tokens(&r->tokens_out, usage, "output_tokens");
	reply_tokens(&r->tokens_in, usage, "prompt_tokens"); /* OpenRouter's words for them */
	reply_tokens(&r->tokens_out, usage, "completion_tokens");
	reply_take(&r->base64, json_member(first, "b64_json"));
	reply_set(&r->url, json_text(first, "url"));
}

const struct wire_format wire_images = {
	.path = "/images/generations",
	.models = "/models",
	.form_path = "/images/edits",
	.options = OPTION_SIZE | OPTION_QUALITY | OPTION_SEED | OPTION_PICTURE_FORMAT |
		   OPTION_REFERENCES,
	.body = wire_images_body,
	.read = wire_images_read,
};

/* ---- OpenRouter: one address for pictures of all models, which draw by aspects and not by sizes.
 * Where it is not to be found they are asked by way of a chat. */

static int openrouter_body(cJSON *root, const struct exchange *x, struct err *err)
{
	const struct service *s = x->service;
	unsigned options = exchange_options(x);
	CLEANUP(cleanup_free) char *prompt = wire_prompt(x);
	cJSON_AddStringToObject(root, "model", s->model);
	cJSON_AddStringToObject(root, "prompt", prompt);
	if (options & OPTION_SIZE)
		cJSON_AddStringToObject(root, s->image_size ? "size" : "aspect_ratio",
					s->image_size ? s->image_size : wire_aspect(x));
	if (options & OPTION_QUALITY)
		cJSON_AddStringToObject(root, "quality", s->image_quality);
	if (options & OPTION_SEED)
		cJSON_AddNumberToObject(root, "seed", (double)s->seed);
	if (references_go(x))
		references_add_urls(cJSON_AddArrayToObject(root, "input_references"), x);
	return 0;
}

const struct wire_format wire_openrouter = {
	.path = "/images",
	.models = "/models?output_modalities=image",
	.options = OPTION_PATH | OPTION_SIZE | OPTION_QUALITY | OPTION_SEED | OPTION_REFERENCES,
	.model_needed = true,
	.body = openrouter_body,
	.read = wire_images_read,
	.instead = WIRE_CHAT_IMAGES,
};

/* ---- stable-diffusion.cpp: it reads settings from within the prompt, between two tags. A book may
 * hold such tags: they are taken apart. */

#define TAG "sd_cpp_extra_args"

static char *sdcpp_prompt(const struct exchange *x, unsigned options)
{
	char *prompt = wire_prompt(x);
	for (char *at = prompt; (at = strcasestr(at, TAG)); at++)
		*at = ' ';
	if (!(options & OPTION_SEED))
		return prompt;
	char *with_seed = xasprintf("%s<" TAG ">{\"seed\": %lld}</" TAG ">", prompt,
				    (long long)x->service->seed);
	free(prompt);
	return with_seed;
}

static int sdcpp_body(cJSON *root, const struct exchange *x, struct err *err)
{
	unsigned options = exchange_options(x);
	CLEANUP(cleanup_free) char *prompt = sdcpp_prompt(x, options);
	CLEANUP(cleanup_free) char *size = wire_size(x);
	cJSON_AddStringToObject(root, "prompt", prompt);
	cJSON_AddNumberToObject(root, "n", 1);
	if (options & OPTION_SIZE)
		cJSON_AddStringToObject(root, "size", size);
	cJSON_AddStringToObject(root, "output_format", "png");
	return 0;
}

const struct wire_format wire_sdcpp = {
	.path = "/images/generations",
	.models = "/models",
	.options = OPTION_SIZE | OPTION_SEED,
	.body = sdcpp_body,
	.read = wire_images_read,
};
