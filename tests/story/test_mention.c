/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <time.h>

#include "check.h"
#include "story.h"

/* Who a text names, and what of that a picture's prompt says. */

struct person {
	enum element_type type;
	const char *name, *aliases, *description; /* aliases: one, or NULL */
};

static struct analysis *analysis_of(const struct person *people, size_t count)
{
	struct analysis *a = analysis_new();

	for (size_t i = 0; i < count; i++) {
		struct element *e = analysis_add_element(a);

		e->type = people[i].type;
		analysis_set(&e->name, people[i].name);
		analysis_set(&e->description, people[i].description);
		if (people[i].aliases)
			strv_add(&e->aliases, people[i].aliases);
	}
	return a;
}

static void say(void *arg, const struct mentioned *m)
{
	struct buf *out = arg;

	buf_addf(out, "%s%zu@%zu+%zu", out->len ? " " : "", m->entry, m->offset, m->len);
}

struct said {
	const struct catalogue *catalogue;
	const char *text;
	struct buf out;
};

static void say_name(void *arg, const struct mentioned *m)
{
	struct said *s = arg;

	buf_addf(&s->out, "%s%s=%.*s", s->out.len ? ", " : "", s->catalogue->entries[m->entry].name,
		 (int)m->len, s->text + m->offset);
}

static void check_mentions(int line, const struct person *people, size_t count, const char *text,
			   const char *want)
{
	CLEANUP(analysis_free_cleanup) struct analysis *a = analysis_of(people, count);
	CLEANUP(catalogue_free_cleanup)
	struct catalogue *c = catalogue_new(&(const struct analysis *){a}, &(int){1}, 1);
	CLEANUP(mentions_free_cleanup) struct mentions *m = mentions_new(c);
	struct said s = {.catalogue = c, .text = text};

	mentions_find(m, text, strlen(text), say_name, &s);
	if (strcmp(buf_str(&s.out), want)) {
		fprintf(stderr, "line %d: \"%s\", not \"%s\"\n", line, buf_str(&s.out), want);
		check_failures++;
	}
	buf_finish(&s.out);
}
#define CHECK_MENTIONS(people, text, want)                                                         \
	check_mentions(__LINE__, people, ARRAY_LEN(people), text, want)

static void test_words(void)
{
	static const struct person people[] = {
		{ELEMENT_CHARACTER, "Rose", NULL, "red hair"},
		{ELEMENT_CHARACTER, "Alice Liddell", "Alice", "fair hair"},
		{ELEMENT_CHARACTER, "O'Brien", NULL, "tall"},
		{ELEMENT_CREATURE, "the White Rabbit", "the Rabbit", "pink eyes"},
		{ELEMENT_PLACE, "Rose Hill", NULL, "a hill"},
		{ELEMENT_PLACE, "Room 7", NULL, "a door"},
		{ELEMENT_CHARACTER, "\xc3\x89mile", NULL, "small"},
		{ELEMENT_CHARACTER, "\xe5\xa4\xaa\xe9\x83\x8e", NULL, "a boy"}, /* Taro */
	};

	CHECK_MENTIONS(people, "Alice's rose stood on Rose Hill; Rose saw it.",
		       "Alice Liddell=Alice, Rose Hill=Rose Hill, Rose=Rose");
	CHECK_MENTIONS(people,
		       "ALICE LIDDELL met O\xe2\x80\x99"
		       "Brien.",
		       "Alice Liddell=ALICE LIDDELL, O'Brien=O\xe2\x80\x99"
		       "Brien");
	CHECK_MENTIONS(people, "a white rabbit, The Rabbit, Rabbits, Malice",
		       "the White Rabbit=white rabbit, the White Rabbit=Rabbit");
	CHECK_MENTIONS(people, "\xe6\x98\x94\xe5\xa4\xaa\xe9\x83\x8e\xe3\x81\xaf",
		       "\xe5\xa4\xaa\xe9\x83\x8e=\xe5\xa4\xaa\xe9\x83\x8e");
	CHECK_MENTIONS(people, "\xc3\xa9mile, \xc3\x89MILE", "\xc3\x89mile=\xc3\x89MILE");
	CHECK_MENTIONS(people, "room 7, room 71, 7", "Room 7=room 7");
	CHECK_MENTIONS(people, "", "");
	CHECK_MENTIONS(people, "Rose\xff\xfe Hill\xc3", "Rose Hill=Rose\xff\xfe Hill");
}

/* The scene that the design promises: both looks, once each, who matters most first. */
static const struct person riders[] = {
	{ELEMENT_CHARACTER, "Christopher", NULL, "about twelve, messy brown hair, green eyes"},
	{ELEMENT_CREATURE, "Griffin", NULL,
	 "eagle's head and wings, lion's body, golden-brown feathers"},
	{ELEMENT_CHARACTER, "Old Tom", NULL, "a grey beard"},
	{ELEMENT_CHARACTER, "Nobody Here", NULL, "a hat"},
};

static void scene(struct buf *out, size_t most_bytes)
{
	CLEANUP(analysis_free_cleanup)
	struct analysis *a = analysis_of(riders, ARRAY_LEN(riders));
	struct concept *k = analysis_add_concept(a);
	CLEANUP(catalogue_free_cleanup)
	struct catalogue *c = catalogue_new(&(const struct analysis *){a}, &(int){1}, 1);
	static const char around[] = "Old Tom had warned Christopher.";
	struct scene_prompt p = {.book_title = "Wings",
				 .chapter_title = "Nine",
				 .chapter = 9,
				 .scene = 1,
				 .concept = k,
				 .catalogue = c,
				 .around = around,
				 .around_len = sizeof(around) - 1,
				 .most_bytes = most_bytes};

	analysis_set(&k->description, "A griffin landing on a rocky outcrop at sunset");
	analysis_set(&k->quote.text,
		     "Christopher held his breath. The griffin folded its wings, and Christopher "
		     "saw the sun go down behind it.");
	CHECK_INT(prompt_scene(out, &p), 0);
}

static size_t times(const char *s, const char *what)
{
	size_t n = 0;

	for (const char *at = s; (at = strstr(at, what)); at++)
		n++;
	return n;
}

static void test_scene(void)
{
	CLEANUP(buf_finish) struct buf out = {0};
	const char *griffin, *boy, *tom;

	scene(&out, 0);
	griffin =
		strstr(buf_str(&out), "- Griffin (creature): eagle's head and wings, lion's body");
	boy = strstr(buf_str(&out), "- Christopher (character): about twelve, messy brown hair");
	tom = strstr(buf_str(&out), "- Old Tom (character): a grey beard");
	CHECK(griffin && boy && tom && griffin < boy && boy < tom);
	CHECK_INT(times(buf_str(&out), "golden-brown feathers"), 1);
	CHECK_INT(times(buf_str(&out), "green eyes"), 1);
	CHECK(!strstr(buf_str(&out), "Nobody"));
}

/* Every limit is kept, and what goes first is what matters least. */
static void test_limit(void)
{
	CLEANUP(buf_finish) struct buf whole = {0};
	size_t at_least;

	scene(&whole, 0);
	for (size_t most = whole.len; most > 0; most--) {
		CLEANUP(buf_finish) struct buf out = {0};
		const char *s;

		scene(&out, most);
		s = buf_str(&out);
		CHECK(out.len <= most);
		if (strstr(s, "Old Tom"))
			CHECK_INT(out.len, whole.len);
		if (strstr(s, "The passage"))
			CHECK(strstr(s, "Griffin") && strstr(s, "- Christopher"));
		if (strstr(s, "- Christopher"))
			CHECK(strstr(s, "- Griffin"));
		at_least = most;
	}
	CHECK_INT(at_least, 1);
}

/* A thousand names that begin alike cost a text no more than one. */
static double seconds(int names, size_t words)
{
	struct analysis *a = analysis_new();
	CLEANUP(buf_finish) struct buf text = {0}, out = {.max_bytes = SIZE_MAX};
	struct catalogue *c;
	struct mentions *m;
	struct timespec t0, t1;

	for (int i = 0; i < names; i++) {
		struct element *e = analysis_add_element(a);
		CLEANUP(cleanup_free) char *name = xasprintf("Captain Smith Number%d", i);

		analysis_set(&e->name, name);
	}
	c = catalogue_new(&(const struct analysis *){a}, &(int){1}, 1);
	m = mentions_new(c);
	for (size_t i = 0; i < words; i++)
		buf_addf(&text, "Captain Smith Number%zu ", i * 7919 % (size_t)names);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t0);
	mentions_find(m, buf_str(&text), text.len, say, &out);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t1);
	mentions_free(m);
	catalogue_free(c);
	analysis_free(a);
	return (double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9;
}

static void test_many(void)
{
	printf("mentions of 50,000 in 1.3 MB: %.1f ms among 10 names, %.1f ms among 5,000\n",
	       seconds(10, 50000) * 1e3, seconds(5000, 50000) * 1e3);
}

int main(void)
{
	test_words();
	test_scene();
	test_limit();
	test_many();
	return check_result();
}
