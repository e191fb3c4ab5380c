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
	for (size_t i = 0; i < e->look_count; i++)
		quote_finish(&e->looks[i]);
	free(e->quotes);
	free(e->looks);
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
	for (size_t i = 0; i < a->sighting_count; i++) {
		free(a->sightings[i].name);
		free(a->sightings[i].other);
	}
	free(a->concepts);
	free(a->elements);
	free(a->sightings);
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
		.scene = (int)a->concept_count,
		.quote = {.text = xstrdup(""), .offset = QUOTE_NOT_FOUND},
		.description = xstrdup(""),
		.mood = xstrdup(""),
		.lighting = xstrdup(""),
	};
	return c;
}

const struct concept *analysis_scene(const struct analysis *a, int scene)
{
	/* Mostly none was struck out. */
	if (scene >= 1 && (size_t)scene <= a->concept_count &&
	    a->concepts[scene - 1].scene == scene)
		return &a->concepts[scene - 1];
	for (size_t i = 0; i < a->concept_count; i++)
		if (a->concepts[i].scene == scene)
			return &a->concepts[i];
	return NULL;
}

struct element *analysis_add_element(struct analysis *a)
{
	a->elements =
		xgrow(a->elements, &a->element_cap, a->element_count + 1, sizeof(*a->elements));
	struct element *e = &a->elements[a->element_count++];
	*e = (struct element){.name = xstrdup(""), .description = xstrdup("")};
	return e;
}

static struct quote *add_quote(struct quote **quotes, size_t *count, size_t *cap)
{
	*quotes = xgrow(*quotes, cap, *count + 1, sizeof(**quotes));
	struct quote *q = &(*quotes)[(*count)++];
	*q = (struct quote){.text = xstrdup(""), .offset = QUOTE_NOT_FOUND};
	return q;
}

struct quote *element_add_quote(struct element *e)
{
	return add_quote(&e->quotes, &e->quote_count, &e->quote_cap);
}

struct quote *element_add_look(struct element *e)
{
	return add_quote(&e->looks, &e->look_count, &e->look_cap);
}

struct sighting *analysis_add_sighting(struct analysis *a)
{
	a->sightings =
		xgrow(a->sightings, &a->sighting_cap, a->sighting_count + 1, sizeof(*a->sightings));
	struct sighting *s = &a->sightings[a->sighting_count++];
	*s = (struct sighting){.name = xstrdup("")};
	return s;
}

void analysis_set(char **field, const char *value)
{
	char *copy = xstrdup(value);
	free(*field);
	*field = copy;
}
