/* SPDX-License-Identifier: MIT */
#include "clean.h"
#include "json.h"
#include "story.h"

#include <stdio.h>
#include <string.h>

/*
 * What a provider answered becomes an analysis. The answer is hostile: everything in it is counted,
 * cut or refused, strings of one line become one line, and a quote that stands in the chapter is
 * replaced by the chapter's own bytes.
 */

enum {
	ELEMENTS_MAX = 512,
	QUOTES_MAX = 2000, /* of all elements; each one costs a search of the chapter */
};

struct answer {
	struct analysis *a;
	const struct folded *text;
	const char *chapter; /* what folded was made of */
	size_t quotes;
	struct err *err;
};

static int fault(struct answer *s, const char *key, const char *what)
{
	return err_set(s->err, -EBADMSG, "%s: %s", key, what);
}

static const cJSON *member(const cJSON *object, const char *a, const char *b)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, a);
	if (!v && b)
		v = cJSON_GetObjectItemCaseSensitive(object, b);
	return cJSON_IsNull(v) ? NULL : v;
}

static int read_string(struct answer *s, char **field, const cJSON *object, const char *key,
		       size_t max)
{
	const cJSON *v = member(object, key, NULL);
	if (!v)
		return 0;
	if (!cJSON_IsString(v))
		return fault(s, key, "not a string");
	free(*field);
	*field = clean_text(v->valuestring, max, false);
	return 0;
}

/* As read_string, and it must say something. */
static int need_string(struct answer *s, char **field, const cJSON *object, const char *key,
		       size_t max)
{
	int r = read_string(s, field, object, key, max);
	return r == 0 && !**field ? fault(s, key, "missing") : r;
}

static int add_name(struct answer *s, struct strv *out, const cJSON *v, const char *key)
{
	if (cJSON_IsObject(v))
		v = member(v, "name", NULL);
	if (!cJSON_IsString(v))
		return fault(s, key, "an item is not a string");
	CLEANUP(cleanup_free) char *name = clean_text(v->valuestring, NAME_MAX_BYTES, false);
	if (*name && !strv_has(out, name) && out->len < NAMES_MAX)
		strv_add(out, name);
	return 0;
}

static int read_names(struct answer *s, struct strv *out, const cJSON *v, const char *key)
{
	if (!v)
		return 0;
	if (cJSON_IsString(v))
		return add_name(s, out, v, key);
	if (!cJSON_IsArray(v))
		return fault(s, key, "not an array");
	int r = 0;
	for (v = v->child; r == 0 && v; v = v->next)
		r = add_name(s, out, v, key);
	return r;
}

static int read_page(struct answer *s, struct quote *q, const cJSON *v)
{
	char page[PAGE_BYTES];
	if (!v)
		return 0;
	if (cJSON_IsString(v)) {
		CLEANUP(cleanup_free) char *text = clean_text(v->valuestring, PAGE_BYTES, false);
		analysis_set(&q->page, *text ? text : NULL);
		return 0;
	}
	double d = cJSON_IsNumber(v) ? v->valuedouble : -1;
	if (!(d >= 0 && d < 1e9) || (double)(int64_t)d != d)
		return fault(s, "page", "neither a string nor a whole number");
	snprintf(page, sizeof(page), "%d", (int)d);
	analysis_set(&q->page, page);
	return 0;
}

/* The text as it stands in the chapter, if it does; else as the provider has it. */
static int read_quote(struct answer *s, struct quote *q, const cJSON *v)
{
	if (!cJSON_IsString(v))
		return fault(s, "quote", "not a string");
	if (++s->quotes > QUOTES_MAX)
		return fault(s, "quotes", "too many in one answer");
	free(q->text);
	q->text = clean_text(v->valuestring, QUOTE_BYTES, true);
	q->offset = folded_locate(&q->len, s->text, q->text);
	if (q->offset == QUOTE_NOT_FOUND)
		return 0;
	free(q->text);
	q->text = xstrndup(s->chapter + q->offset, q->len);
	return 0;
}

static int read_concept(struct answer *s, const cJSON *object)
{
	if (!cJSON_IsObject(object))
		return err_set(s->err, -EBADMSG, "not an object");
	struct concept *c = analysis_add_concept(s->a);
	int r = need_string(s, &c->description, object, "description", DESCRIPTION_BYTES);
	if (r < 0 || (r = read_string(s, &c->mood, object, "mood", MOOD_BYTES)) < 0 ||
	    (r = read_string(s, &c->lighting, object, "lighting", MOOD_BYTES)) < 0 ||
	    (r = read_page(s, &c->quote, member(object, "page", "pageRange"))) < 0 ||
	    (r = read_names(s, &c->elements, member(object, "elements", "elements_present"),
			    "elements")) < 0)
		return r;
	const cJSON *quote = member(object, "quote", NULL);
	return quote ? read_quote(s, &c->quote, quote) : 0;
}

static int read_element_quote(struct answer *s, struct element *e, const cJSON *v)
{
	const cJSON *text = cJSON_IsObject(v) ? member(v, "text", "quote") : v;
	if (!cJSON_IsString(text))
		return fault(s, "quotes", "an item has no text");
	if (!text->valuestring[0])
		return 0;
	struct quote *q = element_add_quote(e);
	int r = cJSON_IsObject(v) ? read_page(s, q, member(v, "page", NULL)) : 0;
	return r < 0 ? r : read_quote(s, q, text);
}

static int read_element(struct answer *s, const cJSON *object)
{
	if (!cJSON_IsObject(object))
		return err_set(s->err, -EBADMSG, "not an object");
	struct element *e = analysis_add_element(s->a);
	CLEANUP(cleanup_free) char *type = xstrdup("");
	int r = need_string(s, &e->name, object, "name", NAME_MAX_BYTES);
	if (r < 0 || (r = need_string(s, &type, object, "type", NAME_MAX_BYTES)) < 0 ||
	    (r = read_string(s, &e->description, object, "description", DESCRIPTION_BYTES)) < 0 ||
	    (r = read_names(s, &e->aliases, member(object, "aliases", NULL), "aliases")) < 0)
		return r;
	if (element_type_parse(&e->type, type) < 0)
		return fault(s, "type", "not one of character, creature, place, item");
	const cJSON *quotes = member(object, "quotes", NULL);
	if (quotes && !cJSON_IsArray(quotes))
		return fault(s, "quotes", "not an array");
	for (const cJSON *v = quotes ? quotes->child : NULL; r == 0 && v; v = v->next)
		r = read_element_quote(s, e, v);
	return r;
}

static int read_all(struct answer *s, const cJSON *array, const char *key, int max,
		    int (*read)(struct answer *s, const cJSON *object))
{
	if (!cJSON_IsArray(array))
		return fault(s, key, "not an array");
	int i = 0;
	for (const cJSON *v = array->child; v; v = v->next, i++) {
		int r = i == max ? err_set(s->err, -EBADMSG, "more than %d of them", max)
				 : read(s, v);
		if (r < 0)
			return err_prefix(s->err, "%s[%d]", key, i), r;
	}
	return 0;
}

static int read_answer(struct answer *s, const cJSON *root)
{
	const cJSON *concepts = cJSON_IsArray(root) ? root : member(root, "concepts", "scenes");
	const cJSON *elements = cJSON_IsObject(root) ? member(root, "elements", NULL) : NULL;
	if (!concepts)
		return fault(s, "concepts", "missing");
	int r = read_all(s, concepts, "concepts", CONCEPTS_MAX, read_concept);
	return r == 0 && elements ? read_all(s, elements, "elements", ELEMENTS_MAX, read_element)
				  : r;
}

int analysis_parse(struct analysis **out, const char *json, size_t len, const char *text,
		   size_t text_len, struct err *err)
{
	CLEANUP(json_free) cJSON *root = NULL;
	int r = json_parse(&root, json, len, err);
	if (r < 0)
		return r;
	CLEANUP(folded_free_cleanup) struct folded *folded = folded_new(text, text_len);
	if (!folded)
		return err_set(err, -ENOMEM, "no memory to look up quotes");
	CLEANUP(analysis_free_cleanup) struct analysis *a = analysis_new();
	struct answer s = {.a = a, .text = folded, .chapter = text, .err = err};
	if ((r = read_answer(&s, root)) < 0)
		return r;
	*out = a;
	a = NULL;
	return 0;
}
