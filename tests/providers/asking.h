/* SPDX-License-Identifier: MIT */
#ifndef ASKING_H
#define ASKING_H

/* One request to the scripted server and its answer, waited for. */

#include <string.h>

#include "check.h"
#include "http.h"
#include "providers.h"
#include "server.h"

static struct server server;
static struct loop *loop;

static void asking_begin(void)
{
	server_start(&server);
	if (loop_new(&loop, 2) < 0)
		exit(2);
}

static void asking_end(void)
{
	loop = loop_free(loop);
	server_end(&server);
}

/* The model is a gpt-image, which takes references; port 0: the server's. */
static struct provider *provider_at(int port, const char *preset, const char *word,
				    enum provider_role role)
{
	CLEANUP(cleanup_free)
	char *url = xasprintf("http://127.0.0.1:%d/%s/v1", port ? port : server.port, word);
	const struct server_settings s = {.preset = provider_preset(preset),
					  .base_url = url,
					  .model = "gpt-image-1",
					  .slots = 1,
					  .timeout_ms = 60000,
					  .temperature = -1,
					  .seed = -1};
	struct provider *p = NULL;
	struct err err = {0};
	if (provider_server_new(&p, loop, role, &s, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		exit(2);
	}
	return p;
}

struct got {
	struct provider_outcome o;
	int calls;
};

static void got_it(struct got *g, const struct provider_outcome *o)
{
	g->o = *o;
	g->calls++;
	loop_stop(loop);
}

static void painted(void *arg, const struct provider_outcome *o, const void *data, size_t len,
		    const char *ext)
{
	got_it(arg, o);
}

static struct provider_ticket *ask_paint(struct provider *p, struct got *g,
					 const struct paint_reference *references, size_t count)
{
	const struct paint_request r = {.book_title = "The Light",
					.chapter_title = "One",
					.chapter = 1,
					.scene = 1,
					.prompt = "A lighthouse,\nwhite.",
					.width_px = 1024,
					.height_px = 1024,
					.references = references,
					.reference_count = count};
	return p->ops->paint(p, &r, painted, g);
}

#endif
