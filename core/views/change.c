/* SPDX-License-Identifier: MIT */
#include "tree.h"

#include <stdio.h>
#include <string.h>

/*
 * What the kernel and watchers must be told after a commit. Only names whose bytes the kernel may
 * keep are told of: documents and folders that change have no timeouts and speak for themselves.
 */

#define BATCH_EVENTS 1024

struct telling {
	struct views *v;
	void (*fn)(void *arg, const struct view_change *c);
	void *arg;
	bool elements; /* the catalogue may have changed */
};

static uint64_t folder_of(enum kind kind, int chapter, int item)
{
	const struct ref ref = {.kind = kind, .chapter = chapter, .item = item};
	return ref_node(&ref);
}

static uint64_t node_of(struct views *v, struct ref ref)
{
	struct view_attr attr;
	return ref_resolve(&attr, v, &ref) == 0 ? attr.node : 0;
}

static void say(struct telling *t, struct view_change *c, const char *name)
{
	snprintf(c->name, sizeof(c->name), "%.255s", name);
	t->fn(t->arg, c);
}

static void tell_file(struct telling *t, enum kind kind, int chapter, bool announce)
{
	struct chapter_state *state = &t->v->chapters[chapter - 1];
	uint32_t *told = kind == KIND_CONCEPTS ? &state->told_concepts : &state->told_elements;
	const struct ref old = {.kind = kind, .chapter = chapter, .version = *told};
	struct ref now = {.kind = kind, .chapter = chapter};
	struct view_attr attr;
	if (ref_resolve(&attr, t->v, &now) < 0)
		return;
	struct view_change c = {
		.folder = folder_of(KIND_CHAPTER, chapter, 0),
		.old_node = ref_node(&old),
		.node = attr.node,
		.announce = announce && now.version && now.version != old.version,
		.chapter = chapter,
	};
	*told = now.version;
	say(t, &c, view_nodes[kind].name);
}

static void tell_picture(struct telling *t, int chapter, int scene)
{
	struct store_picture p = {0};
	if (store_picture(&p, t->v->reader, chapter, scene) < 0 || !p.id)
		return;
	struct chapter_state *state = &t->v->chapters[chapter - 1];
	for (size_t i = 0; i < state->shown_len; i++)
		if (state->shown[i].scene == scene && !state->shown[i].id)
			state->shown[i].id = p.id;
	char name[NAME_BYTES];
	image_file(name, chapter, scene, p.ext);
	const struct ref image = {KIND_IMAGE, chapter, scene, version_of(p.id)};
	const struct ref link = {KIND_IMAGE_LINK, chapter, scene, version_of(p.id)};
	struct view_change c = {
		.folder = folder_of(KIND_IMAGES, 0, 0), .node = ref_node(&image), .announce = true};
	say(t, &c, name);
	c = (struct view_change){.folder = folder_of(KIND_CHAPTER_IMAGES, chapter, 0),
				 .node = ref_node(&link)};
	say(t, &c, name);
}

/* A new analysis has other concepts: names of the old one's pictures lead to nothing until they are
 * drawn anew. Those that the kernel may have heard of are told; and what was gone and is there
 * again, as an edit was taken back. */
static void tell_gone(struct telling *t, int chapter)
{
	struct chapter_state *c = &t->v->chapters[chapter - 1];
	for (size_t i = 0; i < c->shown_len; i++) {
		struct shown *s = &c->shown[i];
		struct store_picture now = {0};
		if (store_picture(&now, t->v->reader, chapter, s->scene) < 0)
			now.id = 0;
		if (!s->id && now.id)
			tell_picture(t, chapter, s->scene);
		if (now.id == s->id)
			continue;
		const struct ref image = {KIND_IMAGE, chapter, s->scene, version_of(s->id)};
		const struct ref link = {KIND_IMAGE_LINK, chapter, s->scene, version_of(s->id)};
		struct view_change gone = {.folder = folder_of(KIND_IMAGES, 0, 0),
					   .old_node = ref_node(&image)};
		char name[NAME_BYTES];
		image_file(name, chapter, s->scene, s->ext);
		say(t, &gone, name);
		gone.folder = folder_of(KIND_CHAPTER_IMAGES, chapter, 0);
		gone.old_node = ref_node(&link);
		say(t, &gone, name);
		*s = (struct shown){.id = now.id, .scene = s->scene};
		memcpy(s->ext, now.ext, sizeof(s->ext));
	}
}

/* New names in elements/: worth looking for only if somebody has looked there before. */
static int tell_elements(struct telling *t)
{
	struct views *v = t->v;
	const struct catalogue *all;
	if (!v->cast.seq)
		return 0;
	int err = views_catalogue(&all, v);
	if (err < 0)
		return err;
	for (size_t item = v->names.told; item < v->names.list.len; item++) {
		const struct catalogue_entry *e = element_entry(v, (int)item);
		struct ref ref = {.kind = KIND_ELEMENT, .item = (int)item};
		if (!e)
			continue;
		struct view_change c = {.folder = folder_of(KIND_ELEMENT_TYPE, 0, (int)e->type),
					.node = node_of(v, ref)};
		char name[KEY_BYTES];
		snprintf(name, sizeof(name), "%s.md", e->file);
		say(t, &c, name);
	}
	v->names.told = v->names.list.len;
	return 0;
}

static void tell_analysis(struct telling *t, int chapter)
{
	tell_file(t, KIND_CONCEPTS, chapter, true);
	tell_file(t, KIND_CHAPTER_ELEMENTS, chapter, true);
	tell_gone(t, chapter);
}

/* Nothing to see but the state: whoever waits for the chapter must hear of it. */
static void tell_work(struct telling *t, int chapter)
{
	const struct ref now = {.kind = KIND_CHAPTER_STATUS, .chapter = chapter};
	struct view_change c = {.folder = folder_of(KIND_CHAPTER, chapter, 0),
				.old_node = ref_node(&now),
				.node = node_of(t->v, now),
				.chapter = chapter};
	say(t, &c, view_nodes[KIND_CHAPTER_STATUS].name);
}

static void tell_approved(struct telling *t, int chapter)
{
	const struct ref now = {.kind = KIND_APPROVED, .chapter = chapter};
	struct view_change c = {.folder = folder_of(KIND_CHAPTER, chapter, 0),
				.node = node_of(t->v, now)};
	say(t, &c, view_nodes[KIND_APPROVED].name);
}

/* What a person did, in this process or another: to one chapter, or to any. */
static void tell_edit(struct telling *t, const struct store_event *e)
{
	int of, scene;
	for (int chapter = 1; (size_t)chapter <= t->v->chapter_count; chapter++) {
		if (e->chapter && chapter != e->chapter)
			continue;
		if (t->v->chapters[chapter - 1].topics[TOPIC_ANALYSIS].seq >= e->seq)
			tell_analysis(t, chapter);
		else
			tell_gone(t, chapter);
		if (e->chapter)
			tell_approved(t, chapter);
	}
	if (e->id && views_chapter(t->v, e->chapter) && concept_id_parse(&of, &scene, e->id) == 0)
		tell_picture(t, e->chapter, scene); /* it may have come back */
}

static void tell_chapter(struct telling *t, const struct store_event *e)
{
	int of, scene;
	if (e->type == EVENT_CONCEPTS_READY)
		tell_analysis(t, e->chapter);
	else if (e->type == EVENT_ANALYSIS_FAILED || e->type == EVENT_REFUSED)
		tell_work(t, e->chapter);
	else if (e->type == EVENT_IMAGE_COMPLETE && e->id &&
		 concept_id_parse(&of, &scene, e->id) == 0)
		tell_picture(t, e->chapter, scene);
}

static void tell_moved(struct telling *t, uint64_t folder, uint64_t node, const char *name,
		       bool here)
{
	struct view_change c = {
		.folder = folder, .old_node = here ? 0 : node, .node = here ? node : 0};
	say(t, &c, name);
}

static void tell_renamed(struct telling *t, enum kind folder, enum kind kind, int chapter,
			 const struct strv *told, const char *now)
{
	const char *before = (size_t)chapter <= told->len ? told->items[chapter - 1] : "";
	uint64_t in = folder_of(folder, 0, 0), node = folder_of(kind, chapter, 0);
	if (strcmp(before, now) == 0)
		return;
	if (*before)
		tell_moved(t, in, node, before, false);
	if (*now)
		tell_moved(t, in, node, now, true);
}

/* A chapter came or went with an import, or is called otherwise. */
static void tell_names(struct telling *t, int chapter)
{
	char name[NAME_BYTES] = "", link[NAME_BYTES] = "";
	if (views_chapter(t->v, chapter)) {
		chapter_name(name, t->v, chapter);
		title_link_name(link, t->v, chapter);
	}
	tell_renamed(t, KIND_BY_TITLE, KIND_TITLE_LINK, chapter, &t->v->told_links, link);
	tell_renamed(t, KIND_CHAPTERS, KIND_CHAPTER, chapter, &t->v->told_names, name);
}

/* Another import: each file of a chapter that it changed is another. */
static void tell_import(struct telling *t, const struct store_event *e)
{
	static const enum kind files[] = {KIND_TITLE, KIND_TEXT};
	for (int chapter = 1;
	     (size_t)chapter <= t->v->chapter_count || (size_t)chapter <= t->v->told_links.len;
	     chapter++)
		tell_names(t, chapter);
	strv_finish(&t->v->told_links);
	strv_finish(&t->v->told_names);
	for (int chapter = 1; (size_t)chapter <= t->v->chapter_count; chapter++) {
		if (t->v->chapters[chapter - 1].anew_seq < e->seq)
			continue;
		for (size_t i = 0; i < ARRAY_LEN(files); i++) {
			const struct ref now = {.kind = files[i], .chapter = chapter};
			struct view_change c = {.folder = folder_of(KIND_CHAPTER, chapter, 0),
						.old_node = ref_node(&now),
						.node = node_of(t->v, now)};
			say(t, &c, view_nodes[files[i]].name);
		}
		tell_analysis(t, chapter);
	}
}

static int tell(void *arg, const struct store_event *e)
{
	struct telling *t = arg;
	t->v->told_seq = e->seq;
	if (e->type == EVENT_IMPORTED)
		tell_import(t, e);
	if (e->type == EVENT_CONCEPTS_READY || e->type == EVENT_EDITED)
		t->elements = true;
	if (e->type == EVENT_EDITED)
		tell_edit(t, e);
	if (views_chapter(t->v, e->chapter))
		tell_chapter(t, e);
	return 0;
}

int views_changed(struct views *v, void (*fn)(void *arg, const struct view_change *c), void *arg)
{
	struct telling t = {.v = v, .fn = fn, .arg = arg};
	int err = views_refresh(v);
	while (err == 0 && v->told_seq < v->seq) {
		int64_t before = v->told_seq;
		err = store_events(v->reader, before, BATCH_EVENTS, tell, &t);
		if (err == 0 && v->told_seq == before)
			v->told_seq = v->seq;
	}
	return err == 0 && t.elements ? tell_elements(&t) : err;
}
