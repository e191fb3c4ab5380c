/* SPDX-License-Identifier: MIT */
#include "exchange.h"

#include <string.h>

enum { CONTEXT_REMOTE_TOKENS = 128000, CONTEXT_LOCAL_TOKENS = 32768, CONTEXT_LEAST_TOKENS = 2048 };

struct service *service_drop(struct service *s)
{
	if (!s || --s->refs)
		return NULL;
	free(s->base_url);
	free(s->query);
	free(s->model);
	free(s->image_size);
	free(s->image_quality);
	free(s->workflow);
	free(s->instructions);
	free(s);
	return NULL;
}

static int check_address(const char *url, struct err *err)
{
	char origin[HTTP_ORIGIN_BYTES];
	if (http_origin(origin, url) < 0)
		return err_set(err, -EINVAL,
			       "the server's address must be http://... or https://..., without a "
			       "name and password in it");
	if (strchr(url, '#'))
		return err_set(err, -EINVAL, "the server's address must not hold a #");
	return 0;
}

/* "http://host/v1/" and "http://host/v1" are one. */
static void set_address(struct service *s, const char *url)
{
	size_t len = strcspn(url, "?");
	if (url[len] && url[len + 1])
		s->query = xstrdup(url + len + 1);
	while (len && url[len - 1] == '/')
		len--;
	s->base_url = xstrndup(url, len);
}

/* Pictures that a model which sees is shown beside a question: as many and as large as the usual
 * limits of a request leave room for. */
static const struct paint_limits look_limits = {
	.references = 4, .reference_bytes = 5 << 20, .all_references_bytes = 16 << 20};

static void set_limits(struct service *s, const struct server_settings *settings,
		       enum provider_role role)
{
	if (role == ROLE_TEXT) {
		if (s->wire->options & OPTION_REFERENCES)
			s->paint_limits = look_limits;
		return;
	}
	provider_paint_limits(&s->paint_limits, s->preset, s->model);
	if (settings->prompt_bytes)
		s->paint_limits.prompt_bytes = settings->prompt_bytes;
}

static int64_t usual_context(const struct service *s)
{
	if (s->wire->context_tokens)
		return s->wire->context_tokens;
	return s->preset->key_needed ? CONTEXT_REMOTE_TOKENS : CONTEXT_LOCAL_TOKENS;
}

/* A server of its own address may have a model that needs no name; the makers' have none. */
static int check_model(const struct service *s, bool own, struct err *err)
{
	if (*s->model || (!s->wire->model_needed && (own || !s->preset->key_needed)))
		return 0;
	return err_set(err, -EINVAL, "provider %s needs the name of a model", s->preset->name);
}

int service_new(struct service **out, enum provider_role role,
		const struct server_settings *settings, struct err *err)
{
	const struct preset *p = settings->preset;
	const bool text = role == ROLE_TEXT;
	const struct wire_format *wire = wire_format(text ? p->chat : p->image);
	const char *url = settings->base_url;
	const char *model = settings->model ? settings->model : text ? p->model : p->image_model;
	if (!wire)
		return err_set(err, -EINVAL, "provider %s does not %s", p->name,
			       text ? "read chapters" : "draw pictures");
	if (!url)
		url = !text && p->image_base_url ? p->image_base_url : p->base_url;
	if (!url)
		return err_set(err, -EINVAL, "provider %s needs the server's address", p->name);
	int r = check_address(url, err);
	if (r < 0)
		return r;
	struct service *s = xcalloc(1, sizeof(*s));
	*s = (struct service){
		.refs = 1,
		.preset = p,
		.wire = wire,
		.model = xstrdup(model ? model : ""),
		.temperature = settings->temperature,
		.seed = settings->seed,
		.image_size = xstrdup(settings->image_size),
		.image_quality = xstrdup(settings->image_quality),
		.workflow = xstrdup(settings->workflow),
		.instructions = xstrdup(settings->instructions),
	};
	set_address(s, url);
	set_limits(s, settings, role);
	s->context_tokens =
		settings->context_tokens > 0 ? settings->context_tokens : usual_context(s);
	if (s->context_tokens < CONTEXT_LEAST_TOKENS)
		s->context_tokens = CONTEXT_LEAST_TOKENS;
	if ((r = check_model(s, settings->base_url != NULL, err)) < 0 ||
	    (wire->check && (r = wire->check(s, err)) < 0)) {
		service_drop(s);
		return r;
	}
	*out = s;
	return 0;
}

static void add_digest(struct buf *out, const char *what, const char *text)
{
	char digits[HASH_HEX];
	if (!text)
		return;
	CLEANUP(hash_free_cleanup) struct hash *h = hash_new();
	hash_adds(h, text);
	hash_hex(digits, h);
	buf_addf(out, ", %s %.16s", what, digits);
}

/* Of settings that were not made nothing is said: a key of old stays what it was. */
char *service_options(const struct service *s, enum provider_role role)
{
	char origin[HTTP_ORIGIN_BYTES] = "";
	struct buf out = {0};
	http_origin(origin, s->base_url);
	buf_addf(&out, "at %s", strstr(origin, "//") + 2);
	if (role == ROLE_TEXT && s->temperature >= 0)
		buf_addf(&out, ", temperature %d/1000", (int)(s->temperature * 1000 + 0.5));
	if (s->seed >= 0)
		buf_addf(&out, ", seed %lld", (long long)s->seed);
	if (role == ROLE_TEXT) {
		add_digest(&out, "instructions", s->instructions);
	} else {
		if (s->image_size)
			buf_addf(&out, ", size %s", s->image_size);
		if (s->image_quality)
			buf_addf(&out, ", quality %s", s->image_quality);
		add_digest(&out, "workflow", s->workflow);
	}
	return buf_steal(&out, NULL);
}
