/* SPDX-License-Identifier: MIT */
#include "fs.h"

static int server_new(struct provider **out, struct loop *loop, const struct options *o,
		      enum provider_role role, struct gate *gate, struct err *err)
{
	const struct server *s = role == ROLE_TEXT ? &o->text_server : &o->image_server;
	const struct server_settings settings = {
		.preset = s->preset,
		.base_url = s->base_url,
		.model = s->model,
		.key = s->key,
		.key_url = s->key_url,
		.slots = s->slots ? s->slots : 1,
		.timeout_ms = o->timeout_s * 1000LL,
		.temperature = o->temperature_milli < 0 ? -1 : (double)o->temperature_milli / 1000,
		.seed = o->seed,
		.image_size = o->image_size,
		.image_quality = o->image_quality,
		.workflow = o->workflow_text,
		.instructions = o->instructions,
		.context_tokens = o->context_tokens,
		.prompt_bytes = (size_t)o->prompt_bytes,
		.record_dir = o->record_dir,
		.gate = gate,
	};

	return provider_server_new(out, loop, role, &settings, err);
}

static int make(struct provider **out, struct loop *loop, const struct options *o,
		enum provider_role role, struct gate *gate, struct err *err)
{
	const struct server *s = role == ROLE_TEXT ? &o->text_server : &o->image_server;

	return s->preset ? server_new(out, loop, o, role, gate, err)
			 : provider_builtin_new(out, loop, err);
}

int provider_make(struct provider **text, struct provider **image, struct loop *loop,
		  struct gate *const gates[2], const struct options *o, struct err *err)
{
	CLEANUP(provider_free_cleanup) struct provider *reader = NULL;
	struct provider *painter;
	int r = make(&reader, loop, o, ROLE_TEXT, gates[JOB_ANALYZE], err);

	if (r < 0)
		return r;
	painter = reader;
	if (o->text_server.preset || o->image_server.preset)
		r = make(&painter, loop, o, ROLE_IMAGE, gates[JOB_ILLUSTRATE], err);
	if (r < 0)
		return r;
	*text = reader;
	*image = painter;
	reader = NULL;
	return 0;
}
