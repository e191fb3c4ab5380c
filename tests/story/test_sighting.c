/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "story.h"

/* Who is who by counted names, and the catalogue of chapters that were counted. */

static void see(struct analysis *a, const char *name, size_t bare, uint32_t count, uint32_t persons,
		uint32_t places)
{
	struct sighting *s = analysis_add_sighting(a);
	analysis_set(&s->name, name);
	s->bare = bare;
	s->n[SIGHT_COUNT] = s->n[SIGHT_INSIDE] = count;
	s->n[SIGHT_TITLED] = bare ? count : 0;
	s->n[SIGHT_CHARACTER] = persons;
	s->n[SIGHT_PLACE] = places;
}

static struct sighting *see_person(struct analysis *a, const char *name, size_t bare,
				   uint32_t count)
{
	see(a, name, bare, count, 5 * count, 0);
	return &a->sightings[a->sighting_count - 1];
}

/* Somebody who is a she: so it is no manual. */
static void people(struct analysis *a, uint32_t times)
{
	see_person(a, "Rosa", 0, times)->n[SIGHT_FEMALE] = times;
}

static struct element *tell(struct analysis *a, enum element_type type, const char *name,
			    const char *look)
{
	struct element *e = analysis_add_element(a);
	e->type = type;
	analysis_set(&e->name, name);
	analysis_set(&e->description, *look ? look : "No looks told");
	analysis_set(&element_add_quote(e)->text, name);
	if (*look)
		analysis_set(&element_add_look(e)->text, look);
	return e;
}

/* The leader's name, or "" for none. */
static const char *led_by(const struct analysis *a, const char *name)
{
	size_t group[32];
	sightings_group(group, a->sightings, a->sighting_count, true);
	for (size_t i = 0; i < a->sighting_count; i++) {
		if (!strcmp(a->sightings[i].name, name))
			return group[i] == NO_GROUP ? "" : a->sightings[group[i]].name;
	}
	return "?";
}

static void test_who(void)
{
	CLEANUP(analysis_free_cleanup) struct analysis *a = analysis_new();
	see_person(a, "Ida Brand", 0, 4);
	see_person(a, "Ida", 0, 40);
	see_person(a, "Corbin Brand", 0, 8);
	see_person(a, "Brand", 0, 8);
	see_person(a, "Mr. Hart", 4, 9)->n[SIGHT_MALE] = 9;
	see_person(a, "Mrs. Hart", 5, 9)->n[SIGHT_FEMALE] = 9;
	see_person(a, "Hart", 0, 2);
	see_person(a, "Captain Lea Moss", 8, 2);
	see_person(a, "Captain Moss", 8, 5);
	see_person(a, "Bertram", 0, 30);
	see_person(a, "Bert", 0, 3);

	see_person(a, "Once", 0, 1);
	see(a, "Diary", 0, 40, 3, 0);

	CHECK_STR(led_by(a, "Ida"), "Ida Brand");
	CHECK_STR(led_by(a, "Brand"), "Corbin Brand");
	CHECK_STR(led_by(a, "Mr. Hart"), "Mr. Hart");
	CHECK_STR(led_by(a, "Mrs. Hart"), "Mrs. Hart");
	CHECK_STR(led_by(a, "Hart"), "");
	CHECK_STR(led_by(a, "Captain Moss"), "Captain Lea Moss");
	CHECK_STR(led_by(a, "Bert"), "Bertram");
	CHECK_STR(led_by(a, "Once"), "");
	CHECK_STR(led_by(a, "Diary"), ""); /* it hardly does anything */
}

/* Where nobody is he or she, names are of programs and headings; but somebody may have a title. */
static void test_manual(void)
{
	CLEANUP(analysis_free_cleanup) struct analysis *a = analysis_new();
	see(a, "Setup", 0, 40, 12, 20);
	see(a, "Overview", 0, 9, 0, 0);
	see(a, "Ostrand", 0, 4, 0, 12);
	see_person(a, "Dr. Hart", 4, 3);
	CHECK_STR(led_by(a, "Setup"), "");
	CHECK_STR(led_by(a, "Overview"), "");
	CHECK_STR(led_by(a, "Ostrand"), "Ostrand");
	CHECK_STR(led_by(a, "Dr. Hart"), "Dr. Hart");
}

/* "the Throat" that does something is a place all the same, "the murderer" is somebody. */
static void test_articles(void)
{
	const uint32_t name[SIGHTS] = {[SIGHT_COUNT] = 10,
				       [SIGHT_INSIDE] = 10,
				       [SIGHT_ARTICLE] = 10,
				       [SIGHT_CHARACTER] = 8},
		       noun[SIGHTS] = {
			       [SIGHT_COUNT] = 10, [SIGHT_ARTICLE] = 10, [SIGHT_CHARACTER] = 8};
	CHECK_INT(sights_type(name), ELEMENT_PLACE);
	CHECK_INT(sights_type(noun), ELEMENT_CHARACTER);
}

/* A language that no lexicon covers: each name has been counted for both sexes. */
static void test_uncovered(void)
{
	CLEANUP(analysis_free_cleanup) struct analysis *a = analysis_new();
	see(a, "Johann", 0, 7, 0, 0);
	a->sightings[0].n[SIGHT_MALE] = a->sightings[0].n[SIGHT_FEMALE] = 7;
	CHECK_STR(led_by(a, "Johann"), "Johann");
}

static const struct catalogue_entry *entry(const struct catalogue *c, const char *name)
{
	for (size_t i = 0; i < c->len; i++) {
		if (!strcmp(c->entries[i].name, name))
			return &c->entries[i];
	}
	return NULL;
}

static void check_cast(const struct catalogue *c)
{
	const struct catalogue_entry *ida = entry(c, "Ida Brand"), *wend = entry(c, "Wend");
	CHECK_INT(c->len, 2);
	CHECK(ida && ida->mentions == 30 && strv_has(&ida->aliases, "Ida"));
	CHECK(ida && ida->look_count == 2 && ida->looks[0].chapter == 1 &&
	      ida->looks[1].chapter == 2);
	CHECK(ida && ida->descriptions.len == 1);
	CHECK_STR(ida && ida->descriptions.len ? ida->descriptions.items[0] : "",
		  "red hair; a long green cloak");
	CHECK(wend && wend->type == ELEMENT_PLACE);
}

/* What one chapter says of a name, the others outvote; what is said once is nobody. */
static void test_book(void)
{
	CLEANUP(analysis_free_cleanup) struct analysis *one = analysis_new(), *two = analysis_new();
	see_person(one, "Ida Brand", 0, 5);
	see(one, "Wend", 0, 3, 4, 0);
	see_person(one, "Once", 0, 1);
	people(one, 5);
	tell(one, ELEMENT_CHARACTER, "Ida Brand", "red hair");
	tell(one, ELEMENT_CHARACTER, "Wend", "");
	tell(one, ELEMENT_CHARACTER, "Once", "");
	see_person(two, "Ida", 0, 25);
	see(two, "Wend", 0, 9, 0, 30);
	struct element *e = tell(two, ELEMENT_CHARACTER, "Ida", "red hair, very red");
	analysis_set(&element_add_look(e)->text, "a long green cloak");
	tell(two, ELEMENT_PLACE, "Wend", "");
	const struct analysis *const forth[] = {one, two}, *const back[] = {two, one};
	CLEANUP(catalogue_free_cleanup)
	struct catalogue *c = catalogue_new(forth, (const int[]){1, 2}, 2);
	CLEANUP(catalogue_free_cleanup)
	struct catalogue *d = catalogue_new(back, (const int[]){2, 1}, 2);
	check_cast(c);
	check_cast(d);
}

/* Beside a chapter that somebody has read. */
static void test_mixed(void)
{
	CLEANUP(analysis_free_cleanup) struct analysis *one = analysis_new(), *two = analysis_new();
	see_person(one, "Ida Brand", 0, 5);
	tell(one, ELEMENT_CHARACTER, "Ida Brand", "red hair");
	people(one, 5);
	struct element *e = tell(two, ELEMENT_CHARACTER, "Ida Brand", "");
	analysis_set(&e->description, "A girl in green");
	tell(two, ELEMENT_ITEM, "Once", "");
	const struct analysis *const both[] = {one, two};
	CLEANUP(catalogue_free_cleanup)
	struct catalogue *c = catalogue_new(both, (const int[]){1, 2}, 2);
	const struct catalogue_entry *ida = entry(c, "Ida Brand");
	CHECK_INT(c->len, 2);
	CHECK(ida && ida->appearance_count == 2 && ida->descriptions.len == 2);
	CHECK(ida && strv_has(&ida->descriptions, "A girl in green"));
}

static void test_codec(void)
{
	static const char json[] = "{\"concepts\":[],\"elements\":[{\"type\":\"creature\",\"name\":"
				   "\"Daisy\",\"description\":"
				   "\"grey\",\"aliases\":[],\"quotes\":[],\"looks\":[{\"text\":"
				   "\"grey\",\"offset\":3,\"len\":4}"
				   "]}],\"sightings\":[{\"name\":\"Old "
				   "Daisy\",\"bare\":4,\"other\":\"mule\",\"n\":[3,2]},{"
				   "\"name\":\"mule\",\"noun\":true,\"n\":[1]}],\"tokens\":0}";
	static const char *const bad[] = {
		"{\"concepts\":[],\"elements\":[],\"sightings\":[{\"name\":\"A\",\"bare\":1}],"
		"\"tokens\":0}",
		"{\"concepts\":[],\"elements\":[],\"sightings\":[{\"name\":\"A\",\"n\":[-1]}],"
		"\"tokens\":0}",
		"{\"concepts\":[],\"elements\":[],\"sightings\":[{\"name\":\"A\",\"n\":[1e9]}],"
		"\"tokens\":0}",
		"{\"concepts\":[],\"elements\":[],\"sightings\":{},\"tokens\":0}"};
	CLEANUP(analysis_free_cleanup) struct analysis *a = NULL;
	CLEANUP(buf_finish) struct buf out = {0};
	struct err err = {0};
	CHECK(analysis_decode(&a, json, strlen(json), &err) == 0);
	CHECK(a && analysis_encode(&out, a) == 0);
	CHECK_STR(buf_str(&out), json);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct analysis *none = NULL;
		CHECK_INT(analysis_decode(&none, bad[i], strlen(bad[i]), &err), -EBADMSG);
	}
}

/* Many names of one family, and of one beginning. */
static void test_large(void)
{
	enum { NAMES = 20000 };
	CLEANUP(analysis_free_cleanup) struct analysis *a = analysis_new();
	for (int i = 0; i < NAMES; i++) {
		CLEANUP(cleanup_free) char *full = xasprintf("Ann%d Brand", i);
		CLEANUP(cleanup_free) char *lone = xasprintf("Ann%d", i);
		see_person(a, full, 0, 2);
		see_person(a, lone, 0, 2);
	}
	see_person(a, "Brand", 0, 2);
	people(a, NAMES);
	size_t *group = xcalloc(a->sighting_count, sizeof(*group));
	int64_t start = clock_mono_us();
	sightings_group(group, a->sightings, a->sighting_count, true);
	CHECK(clock_mono_us() - start < 3000000);
	CHECK(group[1] == 0 && group[2 * NAMES] == NO_GROUP);
	free(group);
}

int main(void)
{
	test_who();
	test_manual();
	test_articles();
	test_uncovered();
	test_book();
	test_mixed();
	test_codec();
	test_large();
	return check_result();
}
