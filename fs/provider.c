/* SPDX-License-Identifier: MIT */
#include "fs.h"

static int server_new(struct provider **out, struct loop *loop, const struct options *o,
		      const struct server *s, struct err *err)
{
	const struct openai_settings settings = {
		.base_url = s->base_url,
		.model = s->model,
		.key = s->key,
		.key_url = s->key_url,
		.slots = s->slots,
		.timeout_ms = o->timeout_s * 1000LL,
	};

	return provider_openai_new(out, loop, &settings, err);
}

/* Pictures are a server's only where one was named for them. */
int provider_make(struct provider **text, struct provider **image, struct loop *loop,
		  const struct options *o, struct err *err)
{
	CLEANUP(provider_free_cleanup) struct provider *reader = NULL;
	struct provider *painter;
	int r = o->openai ? server_new(&reader, loop, o, &o->text_server, err)
			  : provider_builtin_new(&reader, loop, err);

	if (r < 0)
		return r;
	if (!o->openai)
		painter = reader;
	else if (o->image_server.base_url)
		r = server_new(&painter, loop, o, &o->image_server, err);
	else
		r = provider_builtin_new(&painter, loop, err);
	if (r < 0)
		return r;
	*text = reader;
	*image = painter;
	reader = NULL;
	return 0;
}
