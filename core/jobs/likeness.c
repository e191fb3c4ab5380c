/* SPDX-License-Identifier: MIT */
#include "likeness.h"

#include <string.h>

/* Portraits of those who are in a scene, in their order. One goes by the name that its element had
 * when it was set; whose it is now the catalogue knows. */

/* Of two of one element the newer. */
struct search {
	const struct scene_prompt *scene;
	struct store_portrait found[SCENE_ELEMENTS]; /* id 0: none */
};

static int note(void *arg, const struct store_portrait *p)
{
	struct search *s = arg;
	size_t entry = catalogue_owner(s->scene->catalogue, p->type, p->name);
	for (size_t i = 0; entry != NO_ENTRY && i < s->scene->present_count; i++)
		if (s->scene->present[i] == entry && s->found[i].id < p->id)
			s->found[i] = *p;
	return 0;
}

const char *likeness_ext(const char *ext)
{
	return !strcmp(ext, "jpg") ? "jpg" : !strcmp(ext, "webp") ? "webp" : "png";
}

static int add(struct likenesses *out, struct store_reader *r, const struct store_portrait *p,
	       const char *name)
{
	struct buf *bytes = &out->bytes[out->count];
	int rc = store_portrait_bytes(bytes, r, p->id);
	if (rc < 0) {
		buf_finish(bytes);
		return rc;
	}
	out->items[out->count++] = (struct paint_reference){.name = xstrdup(name),
							    .data = bytes->data,
							    .len = bytes->len,
							    .ext = likeness_ext(p->ext)};
	return 0;
}

/* Leaves out what the painter would not take, so that the prompt tells of no other. */
static void keep_taken(struct likenesses *out, const struct paint_limits *limits)
{
	bool taken[SCENE_ELEMENTS];
	size_t kept = 0;
	paint_references_taken(taken, limits, out->items, out->count);
	for (size_t i = 0; i < out->count; i++) {
		if (!taken[i]) {
			buf_finish(&out->bytes[i]);
			free((char *)out->items[i].name);
			continue;
		}
		struct buf bytes = out->bytes[i];
		out->bytes[i] = (struct buf){0};
		out->bytes[kept] = bytes;
		out->items[kept++] = out->items[i];
	}
	out->count = kept;
}

int likenesses_read(struct likenesses *out, struct store_reader *r,
		    const struct scene_prompt *scene, const struct paint_limits *limits)
{
	struct search s = {.scene = scene};
	if (!limits->references)
		return 0;
	int rc = store_portraits(r, note, &s);
	for (size_t i = 0; rc == 0 && i < scene->present_count; i++)
		if (s.found[i].id && (size_t)s.found[i].size_bytes <= limits->reference_bytes)
			rc = add(out, r, &s.found[i],
				 scene->catalogue->entries[scene->present[i]].name);
	if (rc == 0)
		keep_taken(out, limits);
	return rc;
}

void likenesses_finish(struct likenesses *l)
{
	for (size_t i = 0; i < l->count; i++) {
		buf_finish(&l->bytes[i]);
		free((char *)l->items[i].name);
	}
	l->count = 0;
}
