/* SPDX-License-Identifier: MIT */
#include "exchange.h"

#include <string.h>

/* AUTOMATIC1111's web UI, and those that took over its API. */

/* Here quality is a number of steps. */
static int steps_of(const char *quality)
{
	char *end;
	long steps = quality ? strtol(quality, &end, 10) : 0;
	return steps > 0 && steps <= 1000 && !*end ? (int)steps : 0;
}

static int make_body(cJSON *root, const struct exchange *x, struct err *err)
{
	const struct service *s = x->service;
	unsigned options = exchange_options(x);
	CLEANUP(cleanup_free) char *prompt = wire_prompt(x);
	int sides[2];
	wire_sides(sides, x);
	cJSON_AddStringToObject(root, "prompt", prompt);
	cJSON_AddNumberToObject(root, "width", sides[0]);
	cJSON_AddNumberToObject(root, "height", sides[1]);
	if (steps_of(s->image_quality))
		cJSON_AddNumberToObject(root, "steps", steps_of(s->image_quality));
	if (options & OPTION_SEED)
		cJSON_AddNumberToObject(root, "seed", (double)s->seed);
	if (*s->model)
		cJSON_AddStringToObject(cJSON_AddObjectToObject(root, "override_settings"),
					"sd_model_checkpoint", s->model);
	return 0;
}

static void read_answer(struct reply *r, const cJSON *root)
{
	reply_take(&r->base64, reply_first(json_member(root, "images")));
}

const struct wire_format wire_a1111 = {
	.path = "/sdapi/v1/txt2img",
	.models = "/sdapi/v1/sd-models",
	.options = OPTION_SEED,
	.body = make_body,
	.read = read_answer,
};
