/* SPDX-License-Identifier: MIT */
#include "fs.h"

static int server_new(struct provider **out, struct loop *loop, const struct options *o,
		      enum provider_role role, struct err *err)
{
	const struct server *s = role == ROLE_TEXT ? &o->text_server : &o->image_server;
	const struct server_settings settings = {
		.preset = provider_preset("openai"),
		.base_url = s->base_url,
		.model = s->model,
		.key = s->key,
		.key_url = s->key_url,
		.slots = s->slots,
		.timeout_ms = o->timeout_s * 1000LL,
		.temperature = -1,
		.seed = -1,
	};

	return provider_server_new(out, loop, role, &settings, err);
}

/* Pictures are a server's only where one was named for them. */
int provider_make(struct provider **text, struct provider **image, struct loop *loop,
		  struct gate *const gates[2], const struct options *o, struct err *err)
{
	CLEANUP(provider_free_cleanup) struct provider *reader = NULL;
	struct provider *painter;
	int r = o->openai ? server_new(&reader, loop, o, ROLE_TEXT, err)
			  : provider_builtin_new(&reader, loop, err);

	if (r < 0)
		return r;
	if (!o->openai)
		painter = reader;
	else if (o->image_server.base_url)
		r = server_new(&painter, loop, o, ROLE_IMAGE, err);
	else
		r = provider_builtin_new(&painter, loop, err);
	if (r < 0)
		return r;
	*text = reader;
	*image = painter;
	reader = NULL;
	return 0;
}
