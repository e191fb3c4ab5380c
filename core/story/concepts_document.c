/* SPDX-License-Identifier: MIT */
#include "clean.h"
#include "json.h"
#include "story.h"

#include <stdio.h>
#include <string.h>

/*
 * chapters/9/concepts.json as a person, or a person's tool, left it. It is taken whole or not at
 * all: a scene that is not in it is struck out, one without an id is new. What was not touched
 * stays as it is, also where a quote stands in the chapter if its words stand there twice. Unlike
 * an answer nothing is cut: a person is told what is too long.
 */

/* What is written into the file from elsewhere, and what a scene has. */
static const char *const root_keys[] = {"chapterNumber", "chapterTitle", "status",   "concepts",
					"tokensUsed",	 "completedAt",	 "provider", "model",
					"note",		 "outdated",	 "error"};
static const char *const scene_keys[] = {"id",		"pageRange", "quote",	 "quoteVerified",
					 "description", "mood",	     "lighting", "elements"};

struct document {
	const struct concepts_edit *edit;
	const char *json;
	size_t len;
	struct analysis *a;
	struct folded *text; /* of the chapter */
	size_t index;	     /* of the scene that is read */
	struct err *err;
};

static int line_of(const struct document *d, const char *key)
{
	return json_line(d->json, d->len, &(struct json_place){"concepts", d->index, key});
}

static int fault(const struct document *d, const char *key, const char *what)
{
	return err_set(d->err, -EINVAL, "line %d: %s: %s", line_of(d, key), key, what);
}

static const cJSON *member(const cJSON *object, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, key);
	return cJSON_IsNull(v) ? NULL : v;
}

/* ---- ids */

/* 0: it has none. */
static int read_id(const struct document *d, int *scene, const cJSON *object)
{
	const cJSON *v = member(object, "id");
	int chapter;
	*scene = 0;
	if (!v || (cJSON_IsString(v) && !*v->valuestring))
		return 0;
	if (!cJSON_IsString(v) || concept_id_parse(&chapter, scene, v->valuestring) < 0 ||
	    *scene > SCENE_MAX)
		return err_set(d->err, -EINVAL,
			       "line %d: id: not like ch%d_scene1; leave it out of a new scene",
			       line_of(d, "id"), d->edit->chapter);
	if (chapter != d->edit->chapter)
		return err_set(d->err, -EINVAL, "line %d: id: a scene of chapter %d, this is %d",
			       line_of(d, "id"), chapter, d->edit->chapter);
	return 0;
}

/* The numbers of all scenes: given ones stay, others follow the highest that there is or was. */
static int number_scenes(struct document *d, const cJSON *array)
{
	CLEANUP(cleanup_free) bool *seen = xcalloc(SCENE_MAX + 1, sizeof(*seen));
	const struct analysis *from = d->edit->from;
	int highest = 0;
	for (size_t i = 0; from && i < from->concept_count; i++)
		highest = from->concepts[i].scene > highest ? from->concepts[i].scene : highest;
	d->index = 0;
	for (const cJSON *v = array->child; v; v = v->next, d->index++) {
		struct concept *c = analysis_add_concept(d->a);
		if (d->index == CONCEPTS_MAX)
			return err_set(d->err, -EINVAL, "line %d: more than %d scenes",
				       line_of(d, NULL), CONCEPTS_MAX);
		if (!cJSON_IsObject(v))
			return err_set(d->err, -EINVAL, "line %d: a scene is an object, {...}",
				       line_of(d, NULL));
		int r = read_id(d, &c->scene, v);
		if (r < 0)
			return r;
		if (c->scene && seen[c->scene])
			return fault(d, "id", "another scene has it too");
		seen[c->scene] = true;
		highest = c->scene > highest ? c->scene : highest;
	}
	for (size_t i = 0; i < d->a->concept_count; i++) {
		struct concept *c = &d->a->concepts[i];
		c->scene = c->scene ? c->scene : ++highest;
	}
	d->index = 0;
	return highest > SCENE_MAX ? fault(d, "concepts", "no number is left for a new scene") : 0;
}

/* ---- a scene */

/* was: as it is now; NULL: a new scene. */
static int read_string(const struct document *d, char **field, const char *was, const cJSON *object,
		       const char *key, size_t max)
{
	const cJSON *v = member(object, key);
	if (v && !cJSON_IsString(v))
		return fault(d, key, "not a string");
	if (v && was && !strcmp(v->valuestring, was)) {
		analysis_set(field, was);
		return 0;
	}
	CLEANUP(cleanup_free)
	char *clean = clean_text(v ? v->valuestring : "", SIZE_MAX, max == QUOTE_BYTES);
	if (strlen(clean) > max)
		return err_set(d->err, -EINVAL, "line %d: %s: %zu bytes, at most %zu",
			       line_of(d, key), key, strlen(clean), max);
	analysis_set(field, clean);
	return 0;
}

static bool same_names(const struct strv *was, const cJSON *array)
{
	size_t i = 0;
	for (const cJSON *v = array ? array->child : NULL; v; v = v->next, i++)
		if (i == was->len || !cJSON_IsString(v) || strcmp(v->valuestring, was->items[i]))
			return false;
	return i == was->len;
}

static int read_names(const struct document *d, struct strv *out, const struct concept *was,
		      const cJSON *object)
{
	const cJSON *v = member(object, "elements");
	if (v && !cJSON_IsArray(v))
		return fault(d, "elements", "not a list of names");
	if (was && same_names(&was->elements, v)) {
		for (size_t i = 0; i < was->elements.len; i++)
			strv_add(out, was->elements.items[i]);
		return 0;
	}
	for (v = v ? v->child : NULL; v; v = v->next) {
		if (!cJSON_IsString(v))
			return fault(d, "elements", "a name is not a string");
		CLEANUP(cleanup_free) char *name = clean_text(v->valuestring, SIZE_MAX, false);
		if (strlen(name) > NAME_MAX_BYTES || out->len == NAMES_MAX)
			return fault(d, "elements", "more than 64 names, or one over 200 bytes");
		if (*name && !strv_has(out, name))
			strv_add(out, name);
	}
	return 0;
}

/* The page is the text's own where the quote stands in it, else the person's word. */
static int read_page(const struct document *d, struct quote *q, const struct quote *was,
		     const cJSON *object)
{
	CLEANUP(cleanup_free) char *page = xstrdup("");
	if (q->offset != QUOTE_NOT_FOUND)
		return 0;
	int r = read_string(d, &page, was && was->page ? was->page : NULL, object, "pageRange",
			    PAGE_BYTES);
	if (r == 0)
		analysis_set(&q->page, *page ? page : NULL);
	return r;
}

static int read_quote(const struct document *d, struct quote *q, const struct quote *was,
		      const cJSON *object)
{
	int r = read_string(d, &q->text, was ? was->text : NULL, object, "quote", QUOTE_BYTES);
	if (r < 0)
		return r;
	if (was && !strcmp(q->text, was->text)) {
		q->offset = was->offset;
		q->len = was->len;
		analysis_set(&q->page, was->page);
	} else {
		q->offset = folded_locate(&q->len, d->text, q->text);
	}
	if (q->offset != QUOTE_NOT_FOUND && (!was || strcmp(q->text, was->text) != 0)) {
		free(q->text);
		q->text = xstrndup(d->edit->text + q->offset, q->len);
	}
	return read_page(d, q, was, object);
}

static int read_scene(const struct document *d, struct concept *c, const cJSON *object)
{
	const struct analysis *from = d->edit->from;
	const struct concept *was = from ? analysis_scene(from, c->scene) : NULL;
	int r = read_quote(d, &c->quote, was ? &was->quote : NULL, object);
	if (r < 0 ||
	    (r = read_string(d, &c->description, was ? was->description : NULL, object,
			     "description", DESCRIPTION_BYTES)) < 0 ||
	    (r = read_string(d, &c->mood, was ? was->mood : NULL, object, "mood", MOOD_BYTES)) <
		    0 ||
	    (r = read_string(d, &c->lighting, was ? was->lighting : NULL, object, "lighting",
			     MOOD_BYTES)) < 0 ||
	    (r = read_names(d, &c->elements, was, object)) < 0)
		return r;
	return *c->description ? 0 : fault(d, "description", "it is missing: what is to be drawn");
}

/* ---- what cannot be kept */

static bool is_known(const char *key, const char *const *keys, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(key, keys[i]))
			return true;
	return false;
}

/* The first of an object's members that no place is for; NULL: none. */
static const char *stray(const cJSON *object, const char *const *keys, size_t count)
{
	for (const cJSON *v = object->child; v; v = v->next)
		if (v->string && !is_known(v->string, keys, count))
			return v->string;
	return NULL;
}

/* Told, though all else is done: err's code stays 0. */
static void note_strays(struct document *d, const cJSON *root, const cJSON *array)
{
	const char *key =
		cJSON_IsObject(root) ? stray(root, root_keys, ARRAY_LEN(root_keys)) : NULL;
	int line = key ? json_line(d->json, d->len, &(struct json_place){.key = key}) : 0;
	d->index = 0;
	for (const cJSON *v = array->child; v && !key; v = v->next, d->index++) {
		key = stray(v, scene_keys, ARRAY_LEN(scene_keys));
		line = key ? line_of(d, key) : 0;
	}
	if (!key)
		err_set(d->err, 0, "%s", "");
	else
		err_set(d->err, 0,
			"line %d: %.60s: not kept; a scene has id, pageRange, quote, description, "
			"mood, lighting, elements",
			line, key);
}

/* ---- the whole */

static int copy_without_scenes(struct analysis **out, const struct analysis *from)
{
	CLEANUP(buf_finish) struct buf b = {0};
	struct analysis bare = *from;
	bare.concept_count = 0;
	int r = analysis_encode(&b, &bare);
	return r < 0 ? r : analysis_decode(out, buf_str(&b), b.len, NULL);
}

static int read_root(struct document *d, const cJSON **array, const cJSON *root)
{
	const cJSON *number = cJSON_IsObject(root) ? member(root, "chapterNumber") : NULL;
	*array = cJSON_IsArray(root) ? root : member(root, "concepts");
	if (number && (!cJSON_IsNumber(number) || number->valuedouble != d->edit->chapter))
		return err_set(
			d->err, -EINVAL, "line %d: chapterNumber: this is chapter %d",
			json_line(d->json, d->len, &(struct json_place){.key = "chapterNumber"}),
			d->edit->chapter);
	if (!*array || !cJSON_IsArray(*array))
		return err_set(d->err, -EINVAL, "line %d: concepts: the list of scenes is missing",
			       json_line(d->json, d->len, &(struct json_place){.key = "concepts"}));
	return 0;
}

static int read_document(struct document *d, const cJSON *root)
{
	const cJSON *array = NULL;
	int r = read_root(d, &array, root);
	if (r < 0 || (r = number_scenes(d, array)) < 0)
		return r;
	for (const cJSON *v = array->child; r == 0 && v; v = v->next, d->index++)
		r = read_scene(d, &d->a->concepts[d->index], v);
	if (r == 0)
		note_strays(d, root, array);
	return r;
}

/* What is said of how scenes were made is so no more of all of them. */
static void note_edit(struct analysis *a, const struct analysis *from)
{
	static const char edited[] = "A person has edited the scenes. ";
	CLEANUP(buf_finish) struct buf now = {0}, then = {0};
	if (!from || !from->note || !strncmp(from->note, edited, strlen(edited)))
		return;
	analysis_encode(&now, a);
	analysis_encode(&then, from);
	if (!strcmp(buf_str(&now), buf_str(&then)))
		return;
	CLEANUP(cleanup_free) char *note = xasprintf("%s%s", edited, from->note);
	analysis_set(&a->note, note);
}

static int not_json(const char *json, size_t at, struct err *err)
{
	int line = 1;
	for (size_t i = 0; i < at; i++)
		line += json[i] == '\n';
	err_prefix(err, "line %d", line);
	if (err)
		err->code = -EINVAL;
	return -EINVAL;
}

int concepts_document_read(struct analysis **out, const struct concepts_edit *e, const char *json,
			   size_t len, struct err *err)
{
	CLEANUP(json_free) cJSON *root = NULL;
	CLEANUP(analysis_free_cleanup) struct analysis *a = NULL;
	size_t mark = len >= 3 && !memcmp(json, "\xef\xbb\xbf", 3) ? 3 : 0, at = 0;
	json += mark;
	len -= mark;
	int r = json_parse_at(&root, &at, json, len, err);
	if (r < 0)
		return not_json(json, at, err);
	CLEANUP(folded_free_cleanup) struct folded *text = folded_new(e->text, e->text_len);
	if (!text)
		return err_set(err, -ENOMEM, "no memory to look up quotes");
	if (!e->from)
		a = analysis_new();
	else if ((r = copy_without_scenes(&a, e->from)) < 0)
		return err_set(err, r, "what the chapter has cannot be copied: %s", strerror(-r));
	struct document d = {.edit = e, .json = json, .len = len, .a = a, .text = text, .err = err};
	if ((r = read_document(&d, root)) < 0)
		return r;
	note_edit(a, e->from);
	*out = a;
	a = NULL;
	return 0;
}
