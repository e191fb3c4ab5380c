/* SPDX-License-Identifier: MIT */
#include "exchange.h"

#include <string.h>

/*
 * Azure speaks OpenAI's format at addresses of its own: a model is a deployment with a path, and
 * the version of the API stands behind a '?'. An address that has a path (".../openai/v1",
 * ".../models") is taken as it is.
 */

#define VERSION "api-version=2024-10-21"
#define VERSION_OF_FORMS "api-version=2025-04-01-preview" /* the first that has images/edits */

static void azure_address(struct buf *url, const struct exchange *x, const char *path)
{
	const struct service *s = x->service;
	const char *host = strstr(s->base_url, "://") + 3;
	const bool bare = !strchr(host, '/');
	if (bare)
		buf_adds(url, "/openai");
	if (bare && x->aim != AIM_MODELS) {
		buf_adds(url, "/deployments/");
		wire_escape(url, s->model);
	}
	buf_adds(url, path);
	const char *version = references_form_path(x) ? VERSION_OF_FORMS : VERSION;
	if (s->query || bare)
		buf_addf(url, "?%s", s->query ? s->query : version);
}

const struct wire_format wire_azure_chat = {
	.path = "/chat/completions",
	.models = "/models",
	.address = azure_address,
	.key_field = "api-key: ",
	.options = OPTION_SCHEMA | OPTION_JSON | OPTION_ROOM | OPTION_TEMPERATURE | OPTION_SEED |
		   OPTION_REFERENCES,
	.model_needed = true,
	.body = wire_chat_body,
	.read = wire_chat_read,
};

const struct wire_format wire_azure_images = {
	.path = "/images/generations",
	.models = "/models",
	.form_path = "/images/edits",
	.address = azure_address,
	.key_field = "api-key: ",
	.options = OPTION_SIZE | OPTION_QUALITY | OPTION_PICTURE_FORMAT | OPTION_REFERENCES,
	.model_needed = true,
	.body = wire_images_body,
	.read = wire_images_read,
};
