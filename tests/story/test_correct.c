/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "check.h"
#include "story.h"

/* What a person says of the catalogue. */

static struct element *add(struct analysis *a, enum element_type type, const char *name,
			   const char *alias, const char *description, const char *quote)
{
	struct element *e = analysis_add_element(a);
	e->type = type;
	analysis_set(&e->name, name);
	analysis_set(&e->description, description);
	if (*alias)
		strv_add(&e->aliases, alias);
	if (*quote)
		analysis_set(&element_add_quote(e)->text, quote);
	return e;
}

/* Three chapters: Alice under two names, a griffin of two types, and a town. */
struct book {
	struct analysis *chapters[3];
};

static void book_init(struct book *b)
{
	for (int i = 0; i < 3; i++)
		b->chapters[i] = analysis_new();
	struct analysis *one = b->chapters[0], *two = b->chapters[1], *three = b->chapters[2];
	add(one, ELEMENT_CHARACTER, "Alice", "", "brown hair", "Alice sat down.");
	add(one, ELEMENT_CREATURE, "Griffin", "the beast", "golden", "A griffin.");
	add(one, ELEMENT_PLACE, "Hall", "", "long", "The hall.");
	add(two, ELEMENT_CHARACTER, "Poor Alice", "", "pale", "Poor Alice wept.");
	add(two, ELEMENT_CHARACTER, "Griffin", "", "winged", "The Griffin slept.");
	add(three, ELEMENT_CHARACTER, "Alice", "", "fair hair", "Alice stood up.");
	add(three, ELEMENT_CREATURE, "Griffin", "", "", "It flew.");
	add(three, ELEMENT_CHARACTER, "Bert", "", "old", "Bert met Alice.");
	for (int i = 0; i < 3; i++)
		for (size_t k = 0; k < b->chapters[i]->element_count; k++)
			b->chapters[i]->elements[k].quotes[0].offset = 10 * k;
}

static void book_finish(struct book *b)
{
	for (int i = 0; i < 3; i++)
		analysis_free(b->chapters[i]);
}

static struct catalogue *merged(const struct book *b, const struct corrections *list)
{
	const struct analysis *const all[] = {b->chapters[0], b->chapters[1], b->chapters[2]};
	struct catalogue *c = catalogue_new(all, (const int[]){1, 2, 3}, 3);
	catalogue_correct(c, list);
	return c;
}

static const struct catalogue_entry *entry(const struct catalogue *c, enum element_type type,
					   const char *name)
{
	size_t i = catalogue_find(c, type, name);
	return i == NO_ENTRY ? NULL : &c->entries[i];
}

static void say(struct corrections *list, enum correction_kind kind, enum element_type type,
		const char *name, const char *to, const char *text)
{
	struct correction *c = corrections_add(list, kind, type, name);
	c->to = xstrdup(to);
	c->text = xstrdup(text);
}

/* All that must be so of any catalogue. */
static void check_whole(const struct catalogue *c)
{
	for (size_t i = 0; i < c->len; i++) {
		const struct catalogue_entry *e = &c->entries[i];
		const struct catalogue_entry *found = entry(c, e->type, e->name);
		CHECK(found && !strcasecmp(found->name, e->name) && found->type == e->type);
		CHECK(e->aliases.len <= 64 && e->descriptions.len <= 64);
		for (size_t k = 0; k < e->aliases.len; k++)
			CHECK(strcmp(e->aliases.items[k], e->name) != 0);
		for (size_t k = 1; k < e->appearance_count; k++)
			CHECK(e->appearances[k - 1].chapter <= e->appearances[k].chapter);
		for (size_t k = 1; k < e->descriptions.len - (e->look_count > 0); k++)
			CHECK(e->described[k - 1].chapter <= e->described[k].chapter);
		CHECK(i == 0 || c->entries[i - 1].type <= e->type);
		for (size_t k = 0; k < i; k++)
			CHECK(c->entries[k].type != e->type ||
			      strcasecmp(c->entries[k].file, e->file) != 0);
	}
}

static void test_merge(void)
{
	struct book b;
	struct corrections list = {0};
	book_init(&b);
	say(&list, CORRECTION_DESCRIPTION, ELEMENT_CHARACTER, "Poor Alice", NULL, "white");
	say(&list, CORRECTION_MERGE, ELEMENT_CHARACTER, "Poor Alice", "Alice", NULL);
	CLEANUP(catalogue_free_cleanup) struct catalogue *c = merged(&b, &list);
	const struct catalogue_entry *alice = entry(c, ELEMENT_CHARACTER, "poor alice");
	CHECK_STR(alice && alice->said ? alice->said : "", "white");
	CHECK(alice && alice->appearance_count == 3 && alice->mentions == 3);
	if (alice) {
		CHECK_STR(alice->name, "Alice");
		CHECK_STR(alice->file, "Alice");
		CHECK_INT(alice->aliases.len, 1);
		CHECK_INT(alice->descriptions.len, 3);
		/* What contradicts stays, with where it is said. */
		CHECK_STR(alice->descriptions.items[0], "brown hair");
		CHECK_STR(alice->descriptions.items[1], "pale");
		CHECK_STR(alice->descriptions.items[2], "fair hair");
		CHECK(alice->described[0].chapter == 1 && alice->described[2].chapter == 3);
		CHECK_STR(alice->described[1].quote->text, "Poor Alice wept.");
		CHECK_STR(alice->appearances[1].quote->text, "Poor Alice wept.");
	}
	CHECK_INT(c->len, 4);
	check_whole(c);
	corrections_finish(&list);
	book_finish(&b);
}

/* Into another type; of whoever is not there; of two that are one already; in a chain. */
static void test_merge_odd(void)
{
	struct book b;
	struct corrections list = {0};
	book_init(&b);
	say(&list, CORRECTION_MERGE, ELEMENT_CHARACTER, "Bert", "Hall", NULL);
	list.items[0].to_type = ELEMENT_PLACE;
	say(&list, CORRECTION_MERGE, ELEMENT_CHARACTER, "Nobody", "Alice", NULL);
	say(&list, CORRECTION_MERGE, ELEMENT_CREATURE, "Griffin", "the Beast", NULL);
	list.items[2].to_type = ELEMENT_CREATURE;
	say(&list, CORRECTION_MERGE, ELEMENT_CHARACTER, "Alice", "Poor Alice", NULL);
	say(&list, CORRECTION_MERGE, ELEMENT_CHARACTER, "Poor Alice", "Liddell", NULL);
	CLEANUP(catalogue_free_cleanup) struct catalogue *c = merged(&b, &list);
	const struct catalogue_entry *hall = entry(c, ELEMENT_PLACE, "Bert");
	const struct catalogue_entry *beast = entry(c, ELEMENT_CREATURE, "Griffin");
	const struct catalogue_entry *alice = entry(c, ELEMENT_CHARACTER, "Alice");
	CHECK_INT(c->len, 3);
	CHECK_STR(hall ? hall->name : "", "Hall");
	CHECK(hall && hall->type == ELEMENT_PLACE && hall->descriptions.len == 2);
	CHECK_STR(beast ? beast->name : "", "the Beast");
	CHECK_STR(alice ? alice->name : "", "Liddell");
	CHECK(alice && alice->appearance_count == 3 && alice->aliases.len == 2);
	CHECK(!entry(c, ELEMENT_CHARACTER, "Nobody"));
	check_whole(c);
	corrections_finish(&list);
	book_finish(&b);
}

static void test_others(void)
{
	struct book b;
	struct corrections list = {0};
	book_init(&b);
	say(&list, CORRECTION_RENAME, ELEMENT_CHARACTER, "Bert", "Sir Bert", NULL);
	say(&list, CORRECTION_RETYPE, ELEMENT_PLACE, "Hall", NULL, NULL);
	list.items[1].to_type = ELEMENT_ITEM;
	/* It is called a creature here, and was a character when that was said. */
	say(&list, CORRECTION_DESCRIPTION, ELEMENT_CHARACTER, "griffin", NULL, "an eagle's head");
	say(&list, CORRECTION_ALIASES, ELEMENT_CREATURE, "Griffin", NULL, "Gryphon\nGRIFFIN\n\nit");
	say(&list, CORRECTION_REMOVE, ELEMENT_CHARACTER, "Poor Alice", NULL, NULL);
	say(&list, CORRECTION_DESCRIPTION, ELEMENT_ITEM, "Lamp", NULL, "of brass");
	say(&list, CORRECTION_RENAME, ELEMENT_ITEM, "Nothing", "Something", NULL);
	CLEANUP(catalogue_free_cleanup) struct catalogue *c = merged(&b, &list);
	const struct catalogue_entry *bert = entry(c, ELEMENT_CHARACTER, "bert");
	const struct catalogue_entry *hall = entry(c, ELEMENT_ITEM, "Hall");
	const struct catalogue_entry *griffin = entry(c, ELEMENT_CREATURE, "gryphon");
	const struct catalogue_entry *lamp = entry(c, ELEMENT_ITEM, "lamp");
	CHECK_STR(bert ? bert->name : "", "Sir Bert");
	CHECK_STR(bert ? bert->file : "", "Sir Bert");
	CHECK(hall && hall->type == ELEMENT_ITEM && !entry(c, ELEMENT_PLACE, "Hall"));
	CHECK_STR(griffin && griffin->said ? griffin->said : "", "an eagle's head");
	CHECK(griffin && griffin->aliases.len == 2 && !strv_has(&griffin->aliases, "the beast"));
	CHECK(!entry(c, ELEMENT_CHARACTER, "Poor Alice") && entry(c, ELEMENT_CHARACTER, "Alice"));
	CHECK_STR(lamp && lamp->said ? lamp->said : "", "of brass");
	CHECK(lamp && !lamp->mentions && !lamp->appearance_count);
	CHECK(!entry(c, ELEMENT_ITEM, "Something"));
	check_whole(c);
	corrections_finish(&list);
	book_finish(&b);
}

/* In the order in which it was said. */
static void test_order(void)
{
	struct book b;
	struct corrections list = {0};
	book_init(&b);
	say(&list, CORRECTION_RENAME, ELEMENT_CHARACTER, "Bert", "Hugo", NULL);
	say(&list, CORRECTION_DESCRIPTION, ELEMENT_CHARACTER, "Hugo", NULL, "young");
	say(&list, CORRECTION_DESCRIPTION, ELEMENT_CHARACTER, "Bert", NULL, "younger");
	say(&list, CORRECTION_REMOVE, ELEMENT_CHARACTER, "Alice", NULL, NULL);
	say(&list, CORRECTION_RENAME, ELEMENT_CHARACTER, "Poor Alice", "Alice", NULL);
	say(&list, CORRECTION_RENAME, ELEMENT_CREATURE, "Griffin", "Hugo", NULL);
	list.items[5].type = ELEMENT_CREATURE;
	say(&list, CORRECTION_RETYPE, ELEMENT_CREATURE, "Hugo", NULL, NULL);
	list.items[6].to_type = ELEMENT_CHARACTER;
	CLEANUP(catalogue_free_cleanup) struct catalogue *c = merged(&b, &list);
	const struct catalogue_entry *alice = entry(c, ELEMENT_CHARACTER, "Alice");
	CHECK(alice && alice->appearance_count == 1 && alice->aliases.len == 1);
	CHECK_INT(c->len, 4);
	size_t hugos = 0;
	for (size_t i = 0; i < c->len; i++) {
		const struct catalogue_entry *e = &c->entries[i];
		if (strcmp(e->name, "Hugo") != 0)
			continue;
		hugos++;
		/* Who came first in the book has the plain name. */
		CHECK_STR(e->file, e->said ? "Hugo (2)" : "Hugo");
		CHECK(!e->said || !strcmp(e->said, "younger"));
	}
	CHECK_INT(hugos, 2);
	check_whole(c);
	corrections_finish(&list);
	book_finish(&b);
}

static void test_split(void)
{
	struct book b;
	struct corrections list = {0};
	book_init(&b);
	struct element *e = add(b.chapters[2], ELEMENT_CHARACTER, "Alice", "Poor Alice", "tall",
				"Then Poor Alice laughed.");
	analysis_set(&element_add_quote(e)->text, "Alice saw Poor Alice.");
	analysis_set(&element_add_quote(e)->text, "She fell.");
	analysis_set(&element_add_look(b.chapters[1]->elements)->text, "red eyes");
	analysis_set(&element_add_look(b.chapters[0]->elements)->text, "green shoes");
	CLEANUP(catalogue_free_cleanup) struct catalogue *one = merged(&b, &list);
	const struct catalogue_entry *alice = entry(one, ELEMENT_CHARACTER, "Alice");
	CHECK(alice && alice->appearance_count == 6 && alice->look_count == 2);
	CHECK(alice && alice == entry(one, ELEMENT_CHARACTER, "Poor Alice"));

	add(b.chapters[0], ELEMENT_ITEM, "POOR ALICE", "", "a doll", "");

	say(&list, CORRECTION_SPLIT, ELEMENT_CHARACTER, "Alice", "poor Alice", NULL);
	list.items[0].to_type = ELEMENT_ITEM;
	CLEANUP(catalogue_free_cleanup) struct catalogue *two = merged(&b, &list);
	const struct catalogue_entry *poor = entry(two, ELEMENT_ITEM, "Poor Alice");
	alice = entry(two, ELEMENT_CHARACTER, "Alice");
	CHECK(poor && alice && !entry(two, ELEMENT_CHARACTER, "Poor Alice"));
	CHECK(alice && alice->appearance_count == 4 && alice->mentions == 4);
	CHECK(poor && poor->appearance_count == 3 && poor->mentions == 3);
	/* What chapter 2 tells of whom it calls so is hers. */
	CHECK(poor && poor->descriptions.len == 3 && alice->descriptions.len == 4);
	CHECK_STR(poor ? poor->descriptions.items[0] : "", "a doll");
	CHECK_STR(poor ? poor->descriptions.items[1] : "", "pale");
	CHECK_STR(poor ? poor->descriptions.items[2] : "", "red eyes");
	CHECK_STR(poor ? poor->name : "", "POOR ALICE");
	CHECK_STR(alice ? alice->descriptions.items[3] : "", "green shoes");
	check_whole(two);
	corrections_finish(&list);
	book_finish(&b);
}

/* Also when the alias has become the more frequent name; and a name that is its only one stays. */
static void test_split_name(void)
{
	struct book b;
	struct corrections list = {0};
	book_init(&b);
	say(&list, CORRECTION_MERGE, ELEMENT_CHARACTER, "Alice", "Poor Alice", NULL);
	say(&list, CORRECTION_SPLIT, ELEMENT_CHARACTER, "Alice", "Poor Alice", NULL);
	say(&list, CORRECTION_SPLIT, ELEMENT_CHARACTER, "Bert", "Bert", NULL);
	say(&list, CORRECTION_SPLIT, ELEMENT_CHARACTER, "Bert", "Hugo", NULL);
	CLEANUP(catalogue_free_cleanup) struct catalogue *c = merged(&b, &list);
	const struct catalogue_entry *alice = entry(c, ELEMENT_CHARACTER, "Alice");
	const struct catalogue_entry *poor = entry(c, ELEMENT_CHARACTER, "Poor Alice");
	CHECK(alice && poor && alice != poor && alice->appearance_count == 2);
	CHECK(poor && poor->appearance_count == 1 && !poor->aliases.len);
	CHECK(entry(c, ELEMENT_CHARACTER, "Bert") && !entry(c, ELEMENT_CHARACTER, "Hugo"));
	CHECK_INT(c->len, 5);
	check_whole(c);
	corrections_finish(&list);
	book_finish(&b);
}

/* An alias that many have is the first one's, then the next one's. */
static void test_shared_alias(void)
{
	struct book b;
	struct corrections list = {0};
	book_init(&b);
	strv_add(&b.chapters[0]->elements[0].aliases, "dear");
	strv_add(&b.chapters[2]->elements[2].aliases, "dear");
	say(&list, CORRECTION_ALIASES, ELEMENT_CHARACTER, "Dear", NULL, "girl");
	say(&list, CORRECTION_DESCRIPTION, ELEMENT_CHARACTER, "dear", NULL, "grey");
	/* The word of one of two is kept; who came first gives the place. */
	say(&list, CORRECTION_DESCRIPTION, ELEMENT_CHARACTER, "Poor Alice", NULL, "pale");
	say(&list, CORRECTION_MERGE, ELEMENT_CHARACTER, "Poor Alice", "Alice", NULL);
	say(&list, CORRECTION_MERGE, ELEMENT_CHARACTER, "Alice", "Bert", NULL);
	say(&list, CORRECTION_RENAME, ELEMENT_CREATURE, "Griffin", "Bert", NULL);
	say(&list, CORRECTION_RETYPE, ELEMENT_CREATURE, "Bert", NULL, NULL);
	list.items[6].to_type = ELEMENT_CHARACTER;
	CLEANUP(catalogue_free_cleanup) struct catalogue *c = merged(&b, &list);
	CHECK_INT(c->len, 3);
	for (size_t i = 0; i < c->len; i++) {
		const struct catalogue_entry *e = &c->entries[i];
		if (strv_has(&e->aliases, "Alice")) {
			CHECK_STR(e->file, "Bert");
			CHECK_STR(e->said ? e->said : "", "grey");
			CHECK(strv_has(&e->aliases, "girl"));
		} else if (e->type == ELEMENT_CHARACTER) {
			CHECK_STR(e->file, "Bert (2)");
			CHECK(!e->said && strv_has(&e->aliases, "Griffin"));
		}
	}
	check_whole(c);
	corrections_finish(&list);
	book_finish(&b);
}

/* A correction that lacks what it needs, from whatever store. */
static void test_incomplete(void)
{
	struct book b;
	struct corrections list = {0};
	book_init(&b);
	for (int kind = 0; kind <= CORRECTION_KINDS; kind++)
		if (kind != CORRECTION_REMOVE)
			say(&list, (enum correction_kind)kind, ELEMENT_CHARACTER, "Alice", NULL,
			    NULL);
	say(&list, CORRECTION_RENAME, ELEMENT_CHARACTER, "Alice", "", NULL);
	say(&list, CORRECTION_REMOVE, ELEMENT_CHARACTER, "", NULL, NULL);
	CLEANUP(catalogue_free_cleanup) struct catalogue *c = merged(&b, &list);
	CHECK_INT(c->len, 5);
	CHECK(entry(c, ELEMENT_CHARACTER, "Alice"));
	check_whole(c);
	corrections_finish(&list);
	book_finish(&b);
}

/* ---- many */

static void print(struct buf *out, const struct catalogue *c)
{
	for (size_t i = 0; i < c->len; i++) {
		const struct catalogue_entry *e = &c->entries[i];
		buf_addf(out, "%d/%s %s %lld %s:", (int)e->type, e->file, e->name,
			 (long long)e->mentions, e->said ? e->said : "-");
		for (size_t k = 0; k < e->aliases.len; k++)
			buf_addf(out, " %s", e->aliases.items[k]);
		for (size_t k = 0; k < e->descriptions.len; k++)
			buf_addf(out, ", %s", e->descriptions.items[k]);
		for (size_t k = 0; k < e->appearance_count; k++)
			buf_addf(out, "; %d %s", e->appearances[k].chapter,
				 e->appearances[k].quote->text);
		buf_addc(out, '\n');
	}
}

/* Whatever is said of few names, the catalogue stays whole, and the same if it is merged again. */
static void test_random(void)
{
	static const char *const names[] = {"Alice", "Poor Alice", "Griffin", "the beast",
					    "Hall",  "Bert",	   "Hugo",    "Lamp"};
	unsigned seed = 1;
	struct book b;
	book_init(&b);
	analysis_set(&element_add_look(b.chapters[0]->elements)->text, "green shoes");
	for (int round = 0; round < 300; round++) {
		struct corrections list = {0};
		for (int i = 0; i < 12; i++) {
			unsigned r[5];
			for (size_t k = 0; k < 5; k++)
				r[k] = (seed = seed * 1103515245 + 12345) >> 16;
			say(&list, (enum correction_kind)(r[0] % CORRECTION_KINDS),
			    (enum element_type)(r[1] % 4), names[r[2] % 8], names[r[3] % 8],
			    names[r[4] % 8]);
			list.items[i].to_type = (enum element_type)(r[1] / 4 % 4);
		}
		CLEANUP(buf_finish) struct buf one = {0}, two = {0};
		CLEANUP(catalogue_free_cleanup) struct catalogue *c = merged(&b, &list);
		const struct analysis *const back[] = {b.chapters[2], b.chapters[0], b.chapters[1]};
		CLEANUP(catalogue_free_cleanup)
		struct catalogue *d = catalogue_new(back, (const int[]){3, 1, 2}, 3);
		catalogue_correct(d, &list);
		check_whole(c);
		print(&one, c);
		print(&two, d);
		CHECK_STR(buf_str(&one), buf_str(&two));
		corrections_finish(&list);
	}
	book_finish(&b);
}

/* Twice the corrections, of names that all have in common, cost about twice the processor. */
static clock_t many(int count)
{
	struct corrections list = {0};
	CLEANUP(analysis_free_cleanup) struct analysis *a = analysis_new();
	const struct analysis *const all[] = {a};
	for (int i = 0; i < 5000; i++) {
		CLEANUP(cleanup_free) char *name = xasprintf("Name %d", i);
		add(a, ELEMENT_CHARACTER, name, "sir", name, name);
	}
	for (int i = 0; i < count; i++) {
		CLEANUP(cleanup_free) char *name = xasprintf("Name %d", i);
		CLEANUP(cleanup_free) char *other = xasprintf("Name %d", i + 1);
		if (i % 2)
			say(&list, CORRECTION_MERGE, ELEMENT_CHARACTER, name, other, NULL);
		else
			say(&list, CORRECTION_ALIASES, ELEMENT_CHARACTER, "sir", NULL, "");
	}
	CLEANUP(catalogue_free_cleanup) struct catalogue *c = catalogue_new(all, &(int){1}, 1);
	const clock_t start = clock();
	catalogue_correct(c, &list);
	const clock_t took = clock() - start;
	CHECK_INT(c->len, 5000 - count / 2);
	corrections_finish(&list);
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
	fprintf(stderr, "of 5,000 entries: 1,000 corrections %.1f ms, 4,000 %.1f ms\n",
		(double)few * 1e3 / CLOCKS_PER_SEC, (double)most * 1e3 / CLOCKS_PER_SEC);
	CHECK(most < 8 * few);
}

int main(void)
{
	test_merge();
	test_merge_odd();
	test_others();
	test_order();
	test_split();
	test_split_name();
	test_shared_alias();
	test_incomplete();
	test_random();
	test_many();
	return check_result();
}
