/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "fs.h"

enum { TEXT_BYTES_MOST = 1 << 20 };

/* A person's own prompt or workflow, whole. NULL path: there is none. */
static int read_text(char **out, const char *path, struct err *err)
{
	CLEANUP(buf_finish) struct buf text = {.max_bytes = TEXT_BYTES_MOST};
	CLEANUP(cleanup_close) int fd = -1;
	char part[16384];
	ssize_t n;

	if (!path)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	while (fd >= 0 && (n = read(fd, part, sizeof(part))) > 0)
		buf_add(&text, part, (size_t)n);
	if (fd < 0 || n < 0)
		return err_set(err, -EINVAL, "%s: %s", path, strerror(errno));
	if (buf_error(&text) < 0 || !utf8_valid(buf_str(&text), text.len) ||
	    strlen(buf_str(&text)) != text.len)
		return err_set(err, -EINVAL, "%s: no text of at most %d KB", path,
			       TEXT_BYTES_MOST / 1024);
	*out = buf_steal(&text, NULL);
	return 0;
}

static int server_new(struct provider **out, struct loop *loop, const struct options *o,
		      enum provider_role role, struct gate *gate, struct err *err)
{
	const struct server *s = role == ROLE_TEXT ? &o->text_server : &o->image_server;
	CLEANUP(cleanup_free) char *workflow = NULL, *instructions = NULL, *path = NULL;
	struct server_settings settings = {
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
		.context_tokens = o->context_tokens,
		.record_dir = o->record_dir,
		.gate = gate,
	};
	int r;

	if (role == ROLE_TEXT && o->prompt_dir)
		path = xasprintf("%s/chapter.txt", o->prompt_dir);
	r = read_text(&instructions, path, err);
	if (r == 0 && role == ROLE_IMAGE)
		r = read_text(&workflow, o->workflow, err);
	settings.instructions = instructions;
	settings.workflow = workflow;
	return r == 0 ? provider_server_new(out, loop, role, &settings, err) : r;
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
