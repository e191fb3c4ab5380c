/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "fs.h"

/*
 * What the environment says of servers. A key is a secret: it is taken only when a server was asked
 * for, and then out of the environment, so that no child of ours inherits it. That a key is there
 * chooses no provider: it is said how it would be used, and no more.
 */

enum { WAIT_BUILTIN_S = 60, WAIT_SERVER_S = 600 };

#define OPENAI_URL "https://api.openai.com/v1"

void server_finish(struct server *s)
{
	if (s->key)
		explicit_bzero(s->key, strlen(s->key));
	free(s->base_url);
	free(s->model);
	free(s->key);
	free(s->key_url);
}

/* Owned; NULL if it is not set. */
static char *from_environment(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? xstrdup(value) : NULL;
}

/* What /proc/PID/environ shows is the very memory that the variable stands in. */
static char *take_secret(const char *name)
{
	char *theirs = getenv(name);
	char *value = theirs && *theirs ? xstrdup(theirs) : NULL;

	if (theirs)
		explicit_bzero(theirs, strlen(theirs));
	unsetenv(name);
	return value;
}

static int complete_text(struct server *s, struct err *err)
{
	if (!s->model)
		return err_set(err, -EINVAL, "provider=openai needs the model too: model=NAME");
	if (!s->base_url)
		s->base_url = from_environment("OPENAI_BASE_URL");
	if (!s->base_url)
		s->base_url = xstrdup(OPENAI_URL);
	s->key = take_secret("OPENAI_API_KEY");
	s->key_url = xstrdup(s->base_url);
	if (!s->key && !strncmp(s->base_url, OPENAI_URL, strlen(OPENAI_URL)))
		return err_set(err, -EINVAL, "%s needs a key: set OPENAI_API_KEY", s->base_url);
	return 0;
}

/* Its own key, else the one for text, which goes along only if both are one server. */
static void complete_image(struct server *s, const struct server *text)
{
	char *own = take_secret("OPENAI_IMAGE_API_KEY");

	if (!s->model && !s->base_url) {
		free(own);
		return;
	}
	if (!s->base_url)
		s->base_url = xstrdup(text->base_url);
	s->key = own ? own : xstrdup(text->key);
	s->key_url = xstrdup(own ? s->base_url : text->key_url);
}

static bool names_server(const struct options *o)
{
	return o->text_server.base_url || o->text_server.model || o->image_server.base_url ||
	       o->image_server.model;
}

int options_complete(struct options *o, struct err *err)
{
	int r;

	if (!o->wait_s)
		o->wait_s = o->openai ? WAIT_SERVER_S : WAIT_BUILTIN_S;
	if (!o->openai && names_server(o))
		return err_set(err, -EINVAL, "a model or a server was named: add provider=openai");
	if (!o->openai && getenv("OPENAI_API_KEY"))
		fprintf(stderr, "bookfs: OPENAI_API_KEY is set and not used: nothing is sent "
				"without -o provider=openai,model=NAME\n");
	if (!o->openai)
		return 0;
	r = complete_text(&o->text_server, err);
	if (r == 0)
		complete_image(&o->image_server, &o->text_server);
	return r;
}
