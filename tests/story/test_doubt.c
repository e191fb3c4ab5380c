/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "story.h"

/* Which entries may be one, how that is asked, and what an answer says. */

static void add(struct analysis *a, enum element_type type, const char *name, const char *alias,
		int quotes)
{
	struct element *e = analysis_add_element(a);
	e->type = type;
	analysis_set(&e->name, name);
	if (*alias)
		strv_add(&e->aliases, alias);
	for (int i = 0; i < quotes; i++) {
		CLEANUP(cleanup_free) char *quote = xasprintf("%s\n\"%d\"", name, i);
		analysis_set(&element_add_quote(e)->text, quote);
	}
}

struct book {
	struct analysis *a;
	struct catalogue *catalogue;
	struct corrections said;
	struct doubts doubts;
};

static void book_init(struct book *b)
{
	*b = (struct book){.a = analysis_new()};
	add(b->a, ELEMENT_CHARACTER, "Alice Liddell", "", 9);
	add(b->a, ELEMENT_CHARACTER, "Poor Alice", "sir", 3);
	add(b->a, ELEMENT_CHARACTER, "Ida Brand", "sir", 5);
	add(b->a, ELEMENT_CHARACTER, "Captain Brand", "sir", 4);
	add(b->a, ELEMENT_CHARACTER, "Otto Brand", "sir", 2);
	add(b->a, ELEMENT_PLACE, "Alice", "", 2);
	add(b->a, ELEMENT_PLACE, "Rose Hill", "the house", 2);
	add(b->a, ELEMENT_PLACE, "Red Hill", "the House", 1);
	add(b->a, ELEMENT_CREATURE, "the Rabbit", "", 1);
	add(b->a, ELEMENT_CHARACTER, "White Rabbit", "", 7);
	add(b->a, ELEMENT_ITEM, "Mr.", "", 1);
	for (int i = 0; i < 12; i++) { /* a word that many have says nothing */
		CLEANUP(cleanup_free) char *name = xasprintf("Guard %c", 'A' + i);
		add(b->a, ELEMENT_CHARACTER, name, "", 1);
	}
	add(b->a, ELEMENT_CHARACTER, "Guard", "", 1);
}

static void look(struct book *b, size_t most)
{
	const struct analysis *const all[] = {b->a};
	catalogue_free(b->catalogue);
	b->catalogue = catalogue_new(all, &(int){1}, 1);
	catalogue_correct(b->catalogue, &b->said);
	catalogue_doubts(&b->doubts, b->catalogue, &b->said, most);
}

static void book_finish(struct book *b)
{
	doubts_finish(&b->doubts);
	corrections_finish(&b->said);
	catalogue_free(b->catalogue);
	analysis_free(b->a);
}

static void check_pairs(int line, const struct book *b, const char *want)
{
	CLEANUP(buf_finish) struct buf got = {0};
	for (size_t i = 0; i < b->doubts.len; i++)
		buf_addf(&got, "%s%s = %s", i ? ", " : "",
			 b->catalogue->entries[b->doubts.items[i].a].name,
			 b->catalogue->entries[b->doubts.items[i].b].name);
	if (strcmp(buf_str(&got), want) != 0) {
		fprintf(stderr, "line %d: \"%s\", not \"%s\"\n", line, buf_str(&got), want);
		check_failures++;
	}
}
#define CHECK_PAIRS(b, want) check_pairs(__LINE__, b, want)

static int answer(struct book *b, const char *json, struct err *err)
{
	return doubts_answer(&b->said, b->catalogue, &b->doubts, json, strlen(json), err);
}

static void test_pairs(void)
{
	struct book b;
	struct err err = {0};
	book_init(&b);
	look(&b, 99);
	CHECK_PAIRS(&b, "Ida Brand = Captain Brand, Alice Liddell = Poor Alice, Captain Brand = "
			"Otto Brand, White Rabbit = the Rabbit, Rose Hill = Red Hill");
	look(&b, 2);
	CHECK_PAIRS(&b, "Ida Brand = Captain Brand, Alice Liddell = Poor Alice");
	/* Each is asked once, whatever the answer; the others next time. */
	CHECK(answer(&b,
		     "{\"pairs\": [{\"pair\": 2, \"same\": true, \"name\": \"poor alice\"},"
		     " {\"pair\": 1, \"same\": null}]}",
		     &err) == 0);
	look(&b, 99);
	CHECK_PAIRS(&b, "Captain Brand = Otto Brand, White Rabbit = the Rabbit, Rose Hill = Red "
			"Hill");
	size_t alice = catalogue_find(b.catalogue, ELEMENT_CHARACTER, "Alice Liddell");
	CHECK_STR(b.catalogue->entries[alice].name, "Poor Alice");
	CHECK_INT(b.catalogue->entries[alice].appearance_count, 12);
	CHECK(answer(&b,
		     "[{\"pair\": 2, \"same\": true, \"name\": \"Bert\"}, {\"pair\": 1, \"same\": "
		     "false}, {\"pair\": 3}]",
		     &err) == 0);
	look(&b, 99);
	CHECK_PAIRS(&b, "");
	size_t rabbit = catalogue_find(b.catalogue, ELEMENT_CREATURE, "Rabbit");
	CHECK_STR(b.catalogue->entries[rabbit].name, "White Rabbit");
	book_finish(&b);
}

/* What a person has said of two is not asked. */
static void test_said(void)
{
	struct book b;
	book_init(&b);
	corrections_add(&b.said, CORRECTION_MERGE, ELEMENT_CHARACTER, "Captain Brand")->to =
		xstrdup("Ida Brand");
	corrections_add(&b.said, CORRECTION_SPLIT, ELEMENT_CHARACTER, "Ida Brand")->to =
		xstrdup("Captain Brand");
	corrections_add(&b.said, CORRECTION_RENAME, ELEMENT_PLACE, "Red Hill")->to =
		xstrdup("Rose Hill");
	/* Two whom a person gave one name and type; two who share a word, but not all. */
	add(b.a, ELEMENT_ITEM, "Red Lamp", "", 1);
	add(b.a, ELEMENT_PLACE, "Red Lamp", "", 1);
	corrections_add(&b.said, CORRECTION_RETYPE, ELEMENT_ITEM, "Red Lamp")->to_type =
		ELEMENT_PLACE;
	add(b.a, ELEMENT_CHARACTER, "White Queen", "", 8);
	add(b.a, ELEMENT_CHARACTER, "Red Queen", "", 8);
	add(b.a, ELEMENT_CHARACTER, "King of Spades", "", 8);
	add(b.a, ELEMENT_CHARACTER, "Queen of Spades", "", 8);
	look(&b, 99);
	CHECK_PAIRS(&b, "Alice Liddell = Poor Alice, Captain Brand = Otto Brand, White Rabbit = "
			"the Rabbit");
	book_finish(&b);
}

static void test_prompt(void)
{
	CLEANUP(buf_finish) struct buf out = {0}, again = {0};
	struct book b;
	book_init(&b);
	analysis_set(&b.a->elements[2].description, "tall\n\"very\"");
	look(&b, 1);
	CHECK(prompt_doubts(&out, b.catalogue, &b.doubts) == 0);
	const char *s = buf_str(&out), *fence = strstr(s, "\nBOOK-");
	CHECK(strstr(s, "Pair 1:\n{\"name\": \"Ida Brand\", \"type\": \"character\", \"aliases\": "
			"[\"sir\"], \"looks\": \"tall \\\"very\\\"\", \"chapters\": \"1 to 1\", "
			"\"first\": \"Ida Brand \\\"0\\\"\", \"last\": \"Ida Brand \\\"4\\\"\"}\n"
			"{\"name\": \"Captain Brand\", "));
	CHECK(fence && strstr(fence + 1, fence) == NULL && strstr(s, "\"pairs\""));
	/* Who writes the fence into his book gets another one. */
	if (fence) {
		CLEANUP(cleanup_free) char *own = xstrndup(fence + 1, 21);
		analysis_set(&b.a->elements[2].description, own);
		look(&b, 1);
		CHECK(prompt_doubts(&again, b.catalogue, &b.doubts) == 0);
		const char *other = strstr(buf_str(&again), "two lines BOOK-");
		CHECK(other && strncmp(other + 10, own, 21) != 0);
	}
	book_finish(&b);
}

static void test_refuses(void)
{
	static const char *const bad[] = {"",
					  "{}",
					  "{\"pairs\": 1}",
					  "[1]",
					  "[{}]",
					  "[{\"pair\": 0, \"same\": true}]",
					  "[{\"pair\": 6, \"same\": true}]",
					  "[{\"pair\": 1.5, \"same\": true}]",
					  "[{\"pair\": -1e300, \"same\": true}]",
					  "[{\"pair\": \"1\", \"same\": true}]",
					  "[{\"pair\": 1, \"same\": \"yes\"}]",
					  "[{\"pair\": 1, \"same\": true}, {\"pair\": 1}]"};
	struct book b;
	book_init(&b);
	look(&b, 99);
	CHECK_INT(b.doubts.len, 5);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = {0};
		int r = answer(&b, bad[i], &err);
		if (r != -EBADMSG || !err.msg[0] || b.said.len)
			fprintf(stderr, "case %zu:\n", i);
		CHECK(r == -EBADMSG && err.msg[0] && !b.said.len);
	}
	CHECK(answer(&b, "[]", NULL) == 0);
	CHECK_INT(b.said.len, 5); /* what is not answered is left two, and not asked again */
	for (size_t i = 0; i < b.said.len; i++)
		CHECK_INT(b.said.items[i].kind, CORRECTION_APART);
	book_finish(&b);
}

static clock_t many(int count)
{
	struct book b = {.a = analysis_new()};
	for (int i = 0; i < count; i++) {
		CLEANUP(cleanup_free) char *name = xasprintf("Name%d Family%d", i, i / 6);
		CLEANUP(cleanup_free) char *alias = xasprintf("Family%d", i / 2);
		add(b.a, ELEMENT_CHARACTER, name, alias, 1);
	}
	look(&b, 40);
	clock_t start = clock();
	catalogue_doubts(&b.doubts, b.catalogue, &b.said, 40);
	clock_t took = clock() - start;
	CHECK_INT(b.doubts.len, 40);
	book_finish(&b);
	return took;
}

static void test_many(void)
{
	clock_t few = many(1000), most = many(4000);
	for (int i = 0; i < 2; i++) {
		clock_t t = many(1000);
		few = t < few ? t : few;
		t = many(4000);
		most = t < most ? t : most;
	}
	fprintf(stderr, "doubts of 1,000 entries %.1f ms, of 4,000 %.1f ms\n",
		(double)few * 1e3 / CLOCKS_PER_SEC, (double)most * 1e3 / CLOCKS_PER_SEC);
	CHECK(most < 12 * few);
}

static void say(struct corrections *list, enum correction_kind kind, const char *name,
		const char *to)
{
	corrections_add(list, kind, ELEMENT_CHARACTER, name)->to = xstrdup(to);
}

/* A person's word, said meanwhile or of others: no verdict goes over it, nor round it. */
static void test_judged(void)
{
	CLEANUP(corrections_finish) struct corrections verdicts = {0};
	bool hold[5] = {false};
	struct book b;
	book_init(&b);
	look(&b, 99);
	say(&b.said, CORRECTION_APART, "Otto Brand", "Ida Brand");
	say(&b.said, CORRECTION_SPLIT, "Alice Liddell", "Poor Alice");
	say(&verdicts, CORRECTION_MERGE, "Captain Brand", "Ida Brand");
	say(&verdicts, CORRECTION_MERGE, "Otto Brand", "Captain Brand"); /* Ida by way of him */
	say(&verdicts, CORRECTION_MERGE, "Poor Alice", "Alice Liddell"); /* decided */
	say(&verdicts, CORRECTION_APART, "White Rabbit", "the Rabbit");
	say(&verdicts, CORRECTION_MERGE, "Nobody", "Ida Brand"); /* gone */
	verdicts_judge(hold, &verdicts, b.catalogue, &b.said);
	CHECK(hold[0] && hold[1] && !hold[2] && hold[3] && !hold[4]);
	CHECK_INT(verdicts.items[0].kind, CORRECTION_MERGE);
	CHECK_INT(verdicts.items[1].kind, CORRECTION_APART);
	book_finish(&b);
}

int main(void)
{
	test_judged();
	test_pairs();
	test_said();
	test_prompt();
	test_refuses();
	test_many();
	return check_result();
}
