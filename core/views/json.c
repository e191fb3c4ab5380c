/* SPDX-License-Identifier: MIT */
#include "tree.h"

#include <string.h>

/* book.json and what a chapter's analysis is as JSON. */

cJSON *view_json_free(cJSON *json)
{
	cJSON_Delete(json);
	return NULL;
}

cJSON *view_json_text(const char *s)
{
	return s ? cJSON_CreateString(s) : cJSON_CreateNull();
}

cJSON *view_json_time(int64_t unix_ms)
{
	char iso[ISO_TIME_BYTES];
	if (unix_ms == 0)
		return cJSON_CreateNull();
	clock_iso(iso, unix_ms);
	return cJSON_CreateString(iso);
}

int view_json_print(struct buf *out, cJSON *json)
{
	char *text = cJSON_Print(json);
	cJSON_Delete(json);
	if (!text)
		return -ENOMEM;
	buf_adds(out, text);
	cJSON_free(text);
	return buf_addc(out, '\n');
}

static cJSON *json_strings(const struct strv *v)
{
	cJSON *array = cJSON_CreateArray();
	for (size_t i = 0; i < v->len; i++)
		cJSON_AddItemToArray(array, cJSON_CreateString(v->items[i]));
	return array;
}

/* ---- book.json */

static cJSON *book_chapter_json(const struct views *v, int number)
{
	const struct book_chapter *c = views_chapter(v, number);
	const struct quote whole = {.offset = 0, .len = c->text_bytes};
	char pages[64];
	cJSON *json = cJSON_CreateObject();
	views_page_range(pages, c, &whole);
	cJSON_AddItemToObject(json, "number", chapter_name_json(v, number));
	cJSON_AddStringToObject(json, "title", c->title);
	cJSON_AddStringToObject(json, "kind", book_kind_name(c->kind));
	cJSON_AddStringToObject(json, "pageRange", pages);
	cJSON_AddNumberToObject(json, "words", (double)c->words);
	return json;
}

static cJSON *book_entry_json(const struct views *v, const struct book_entry *e)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "title", e->title);
	cJSON_AddNumberToObject(json, "depth", e->depth);
	cJSON_AddItemToObject(json, "chapter",
			      views_chapter(v, e->chapter) ? chapter_name_json(v, e->chapter)
							   : cJSON_CreateNull());
	cJSON_AddStringToObject(json, "role", book_role_name(e->role));
	cJSON_AddItemToObject(json, "in", view_json_text(e->in));
	return json;
}

int render_book(struct buf *out, struct views *v, const struct ref *ref)
{
	const struct book *b = v->book;
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "title", b->title);
	cJSON_AddItemToObject(json, "creators", json_strings(&b->creators));
	cJSON_AddStringToObject(json, "language", b->language);
	cJSON_AddStringToObject(json, "publisher", b->publisher);
	cJSON_AddStringToObject(json, "identifier", b->identifier);
	cJSON_AddNumberToObject(json, "pages", (double)b->pages);
	cJSON_AddNumberToObject(json, "words", (double)b->words);
	cJSON *chapters = cJSON_AddArrayToObject(json, "chapters");
	for (size_t i = 0; i < v->chapter_count; i++)
		if (views_chapter(v, (int)i + 1))
			cJSON_AddItemToArray(chapters, book_chapter_json(v, (int)i + 1));
	cJSON *contents = cJSON_AddArrayToObject(json, "contents");
	for (size_t i = 0; i < b->content_count; i++)
		cJSON_AddItemToArray(contents, book_entry_json(v, &b->contents[i]));
	return view_json_print(out, json);
}

/* ---- concepts and elements */

static void add_unverified(cJSON *json, const struct quote *q)
{
	if (q->offset == QUOTE_NOT_FOUND)
		cJSON_AddFalseToObject(json, "quoteVerified");
}

static cJSON *concept_json(const struct concept *c, const struct book_chapter *chapter, int number)
{
	char id[CONCEPT_ID_BYTES], pages[64];
	cJSON *json = cJSON_CreateObject();
	concept_id(id, number, c->scene);
	views_page_range(pages, chapter, &c->quote);
	cJSON_AddStringToObject(json, "id", id);
	cJSON_AddStringToObject(json, "pageRange", pages);
	cJSON_AddStringToObject(json, "quote", c->quote.text);
	add_unverified(json, &c->quote);
	cJSON_AddStringToObject(json, "description", c->description);
	cJSON_AddStringToObject(json, "mood", c->mood);
	cJSON_AddStringToObject(json, "lighting", c->lighting);
	cJSON_AddItemToObject(json, "elements", json_strings(&c->elements));
	return json;
}

static cJSON *quote_json(const struct quote *q, const struct book_chapter *chapter)
{
	char pages[64];
	cJSON *json = cJSON_CreateObject();
	views_page_range(pages, chapter, q);
	cJSON_AddStringToObject(json, "text", q->text);
	cJSON_AddStringToObject(json, "page", pages);
	add_unverified(json, q);
	return json;
}

static cJSON *element_json(const struct element *e, const struct book_chapter *chapter)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "type", element_type_name(e->type));
	cJSON_AddStringToObject(json, "name", e->name);
	cJSON_AddItemToObject(json, "aliases", json_strings(&e->aliases));
	cJSON_AddStringToObject(json, "description", e->description);
	cJSON *quotes = cJSON_AddArrayToObject(json, "quotes");
	for (size_t i = 0; i < e->quote_count; i++)
		cJSON_AddItemToArray(quotes, quote_json(&e->quotes[i], chapter));
	return json;
}

static cJSON *concepts_json(const struct analysis *a, const struct book_chapter *c, int chapter)
{
	cJSON *array = cJSON_CreateArray();
	for (size_t i = 0; a && i < a->concept_count; i++)
		cJSON_AddItemToArray(array, concept_json(&a->concepts[i], c, chapter));
	return array;
}

static cJSON *elements_json(const struct analysis *a, const struct book_chapter *c, int chapter)
{
	cJSON *array = cJSON_CreateArray();
	for (size_t i = 0; a && i < a->element_count; i++)
		cJSON_AddItemToArray(array, element_json(&a->elements[i], c));
	return array;
}

static cJSON *header_json(const struct views *v, int chapter, enum job_state state)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddItemToObject(json, "chapterNumber", chapter_name_json(v, chapter));
	cJSON_AddStringToObject(json, "chapterTitle", views_chapter(v, chapter)->title);
	cJSON_AddStringToObject(json, "status", job_state_name(state));
	return json;
}

static void add_origin(cJSON *json, const struct views *v, const struct store_analysis *a)
{
	CLEANUP(cleanup_free) char *outdated = views_outdated(v, a);
	cJSON_AddNumberToObject(json, "tokensUsed", (double)a->analysis->tokens);
	cJSON_AddItemToObject(json, "completedAt", view_json_time(a->completed_unix_ms));
	cJSON_AddItemToObject(json, "provider", view_json_text(a->provider));
	cJSON_AddItemToObject(json, "model", view_json_text(a->model));
	if (a->analysis->note)
		cJSON_AddStringToObject(json, "note", a->analysis->note);
	if (outdated)
		cJSON_AddStringToObject(json, "outdated", outdated);
}

typedef cJSON *(*part_fn)(const struct analysis *a, const struct book_chapter *c, int chapter);

/* No result stands: the state, and an empty list. */
static int render_without(struct buf *out, struct views *v, int chapter, const char *key)
{
	struct store_state s = {0};
	int err = store_state(&s, v->reader, chapter);
	if (err < 0)
		return err;
	cJSON *json = header_json(v, chapter, s.state);
	cJSON_AddItemToObject(json, key, cJSON_CreateArray());
	if (s.error)
		cJSON_AddStringToObject(json, "error", s.error);
	cJSON_AddNumberToObject(json, "tokensUsed", (double)s.tokens);
	store_state_finish(&s);
	return view_json_print(out, json);
}

static int render_analysis(struct buf *out, struct views *v, int chapter, const char *key,
			   part_fn part)
{
	struct store_analysis a = {0};
	int err = store_analysis(&a, v->reader, chapter, true);
	if (err == -ENOENT)
		return render_without(out, v, chapter, key);
	if (err < 0)
		return err;
	cJSON *json = header_json(v, chapter, STATE_COMPLETED);
	cJSON_AddItemToObject(json, key, part(a.analysis, views_chapter(v, chapter), chapter));
	add_origin(json, v, &a);
	store_analysis_finish(&a);
	return view_json_print(out, json);
}

int render_concepts(struct buf *out, struct views *v, const struct ref *ref)
{
	return render_analysis(out, v, ref->chapter, "concepts", concepts_json);
}

int render_chapter_elements(struct buf *out, struct views *v, const struct ref *ref)
{
	return render_analysis(out, v, ref->chapter, "elements", elements_json);
}
