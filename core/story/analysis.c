/* SPDX-License-Identifier: MIT */
#include "story.h"

#include <string.h>

static const struct {
	const char *name, *folder, *title;
} types[ELEMENT_TYPES] = {
	[ELEMENT_CHARACTER] = {"character", "characters", "Characters"},
	[ELEMENT_CREATURE] = {"creature", "creatures", "Creatures"},
	[ELEMENT_PLACE] = {"place", "places", "Places"},
	[ELEMENT_ITEM] = {"item", "items", "Items"},
};

const char *element_type_name(enum element_type t)
{
	return types[t].name;
}

const char *element_type_folder(enum element_type t)
{
	return types[t].folder;
}

const char *element_type_title(enum element_type t)
{
	return types[t].title;
}

/* strcasecmp would follow the locale (a Turkish one has no "i" for "I"). */
static bool same_ascii(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		int x = *a >= 'A' && *a <= 'Z' ? *a + 32 : *a;
		int y = *b >= 'A' && *b <= 'Z' ? *b + 32 : *b;
		if (x != y)
			return false;
	}
	return *a == *b;
}

int element_type_parse(enum element_type *out, const char *name)
{
	for (int t = 0; t < ELEMENT_TYPES; t++) {
		if (same_ascii(name, types[t].name)) {
			*out = (enum element_type)t;
			return 0;
		}
	}
	if (!same_ascii(name, "object"))
		return -EINVAL;
	*out = ELEMENT_ITEM;
	return 0;
}

struct analysis *analysis_new(void)
{
	return xcalloc(1, sizeof(struct analysis));
}

static void quote_finish(struct quote *q)
{
	free(q->text);
	free(q->page);
}

static void concept_finish(struct concept *c)
{
	quote_finish(&c->quote);
	free(c->description);
	free(c->mood);
	free(c->lighting);
	strv_finish(&c->elements);
}

static void element_finish(struct element *e)
{
	for (size_t i = 0; i < e->quote_count; i++)
		quote_finish(&e->quotes[i]);
	free(e->quotes);
	free(e->name);
	free(e->description);
	strv_finish(&e->aliases);
}

struct analysis *analysis_free(struct analysis *a)
{
	if (!a)
		return NULL;
	for (size_t i = 0; i < a->concept_count; i++)
		concept_finish(&a->concepts[i]);
	for (size_t i = 0; i < a->element_count; i++)
		element_finish(&a->elements[i]);
	free(a->concepts);
	free(a->elements);
	free(a->note);
	free(a);
	return NULL;
}

struct concept *analysis_add_concept(struct analysis *a)
{
	a->concepts =
		xgrow(a->concepts, &a->concept_cap, a->concept_count + 1, sizeof(*a->concepts));
	struct concept *c = &a->concepts[a->concept_count++];
	*c = (struct concept){
		.quote = {.text = xstrdup(""), .offset = QUOTE_NOT_FOUND},
		.description = xstrdup(""),
		.mood = xstrdup(""),
		.lighting = xstrdup(""),
	};
	return c;
}

struct element *analysis_add_element(struct analysis *a)
{
	a->elements =
		xgrow(a->elements, &a->element_cap, a->element_count + 1, sizeof(*a->elements));
	struct element *e = &a->elements[a->element_count++];
	*e = (struct element){.name = xstrdup(""), .description = xstrdup("")};
	return e;
}

struct quote *element_add_quote(struct element *e)
{
	e->quotes = xgrow(e->quotes, &e->quote_cap, e->quote_count + 1, sizeof(*e->quotes));
	struct quote *q = &e->quotes[e->quote_count++];
	*q = (struct quote){.text = xstrdup(""), .offset = QUOTE_NOT_FOUND};
	return q;
}

void analysis_set(char **field, const char *value)
{
	char *copy = xstrdup(value);
	free(*field);
	*field = copy;
}
