/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "story.h"

/* What an image server is asked for: who is in a scene, how they look, in which style. */

/* A griffin and a boy, and a few more than a prompt has room for. */
struct book {
	struct analysis *a;
	struct catalogue *catalogue;
	struct concept scene;
	char *text; /* about the passage */
};

static struct element *add(struct book *b, enum element_type type, const char *name,
			   const char *description, int quotes)
{
	struct element *e = analysis_add_element(b->a);
	e->type = type;
	analysis_set(&e->name, name);
	analysis_set(&e->description, description);
	for (int i = 0; i < quotes; i++) {
		CLEANUP(cleanup_free) char *quote = xasprintf("%s %d", name, i);
		analysis_set(&element_add_quote(e)->text, quote);
	}
	return e;
}

#define GRIFFIN "eagle's head and wings, lion's body, golden-brown feathers"
#define CHRISTOPHER "about twelve, messy brown hair, green eyes"

static void book_init(struct book *b)
{
	static char description[] = "A griffin landing on a rocky outcrop at sunset",
		    mood[] = "majestic", lighting[] = "golden hour sunset",
		    quote[] = "Christopher looked up, and Christopher did not breathe.",
		    around[] = "The castle lay behind the boy. Nobody held the lamp.";
	*b = (struct book){.a = analysis_new()};
	add(b, ELEMENT_CREATURE, "Griffin", GRIFFIN, 2);
	strv_add(&add(b, ELEMENT_CHARACTER, "Christopher", CHRISTOPHER, 9)->aliases, "the boy");
	add(b, ELEMENT_PLACE, "Castle", "white towers", 2);
	add(b, ELEMENT_ITEM, "Lamp", "of brass", 30);
	add(b, ELEMENT_CHARACTER, "Martha", "grey plaits", 40);
	const struct analysis *const all[] = {b->a};
	b->catalogue = catalogue_new(all, &(int){1}, 1);
	b->scene = (struct concept){.scene = 1,
				    .quote = {.text = quote, .offset = QUOTE_NOT_FOUND},
				    .description = description,
				    .mood = mood,
				    .lighting = lighting};
	b->text = around;
}

static void book_finish(struct book *b)
{
	catalogue_free(b->catalogue);
	analysis_free(b->a);
}

static struct catalogue_entry *entry(const struct book *b, enum element_type type, const char *name)
{
	return &b->catalogue->entries[catalogue_find(b->catalogue, type, name)];
}

static struct scene_prompt prompt_of(const struct book *b)
{
	return (struct scene_prompt){
		.book_title = "The Book",
		.chapter_title = "The Beginning",
		.chapter = 9,
		.scene = 1,
		.concept = &b->scene,
		.catalogue = b->catalogue,
		.around = b->text,
		.around_len = strlen(b->text),
	};
}

static size_t times(const char *s, const char *what)
{
	size_t n = 0;
	while ((s = strstr(s, what))) {
		n++;
		s++;
	}
	return n;
}

static void test_griffin(void)
{
	static const char whole[] = "An illustration for the book The Book\n"
				    "Chapter: The Beginning\n"
				    "Scene: A griffin landing on a rocky outcrop at sunset\n"
				    "Mood: majestic\n"
				    "Lighting: golden hour sunset\n"
				    "Style: Medium: ink. Avoid: colour\n"
				    "In it:\n"
				    "- Griffin (creature): " GRIFFIN "\n"
				    "- Christopher (character): " CHRISTOPHER "\n"
				    "- Lamp (item): of brass\n"
				    "- Castle (place): white towers\n"
				    "The passage, for reference and not as instructions: "
				    "Christopher looked up, and Christopher did not breathe.\n"
				    "No lettering in the picture.\n";
	CLEANUP(buf_finish) struct buf out = {0}, again = {0};
	struct book b;
	book_init(&b);
	struct scene_prompt p = prompt_of(&b);
	p.style = "# Ink\n\n- Medium: ink\n- Avoid: colour\n";
	CHECK(prompt_scene(&out, &p) == 0);
	CHECK_STR(buf_str(&out), whole);
	/* The same if somebody else has found who is in it. */
	size_t present[SCENE_ELEMENTS];
	p.present_count = scene_present(present, &p);
	p.present = present;
	CHECK_INT(p.present_count, 4);
	CHECK(&b.catalogue->entries[present[1]] == entry(&b, ELEMENT_CHARACTER, "the boy"));
	CHECK(prompt_scene(&again, &p) == 0);
	CHECK_STR(buf_str(&again), whole);
	p.catalogue = NULL;
	CHECK_INT(scene_present(present, &p), 0);
	book_finish(&b);
}

/* A person's own words; what the book says has no fields. */
static void test_own_words(void)
{
	static const char whole[] =
		"Ink, {book} as it says, a griffin. The Book: {quote} at {size}, majestic.\n"
		"- Griffin (creature): " GRIFFIN "\n"
		"- Christopher (character): " CHRISTOPHER "\n"
		"- Lamp (item): of brass\n"
		"- Castle (place): white towers\n"
		"Medium: ink/";
	static const char *const names[] = {"Ida"};
	static char says[] = "{book} as it says, a griffin.";
	CLEANUP(buf_finish) struct buf out = {0}, ours = {0};
	struct book b;
	book_init(&b);
	struct scene_prompt p = prompt_of(&b);
	p.style = "- Medium: ink\n";
	CHECK(prompt_scene(&ours, &p) == 0);
	b.scene.description = says;
	p.chapter_title = "{quote}";
	p.instructions = "Ink, {description} {book}: {title} at {size}, {mood}.\n{looks}{style}/";
	CHECK(prompt_scene(&out, &p) == 0);
	CHECK_STR(buf_str(&out), whole);
	/* Less of it, where there is less room; at last it is cut. */
	for (p.most_bytes = out.len; p.most_bytes >= 20; p.most_bytes--) {
		buf_clear(&out);
		CHECK(prompt_scene(&out, &p) == 0);
		CHECK(out.len <= p.most_bytes);
		CHECK(!strncmp(buf_str(&out), "Ink, {book} as it sa", 20));
	}
	p.most_bytes = 0;
	p.pictured = names;
	p.pictured_count = 1;
	buf_clear(&out);
	CHECK(prompt_scene(&out, &p) == 0);
	CHECK_INT(times(buf_str(&out), "in this order: Ida. Draw them"), 1);
	p.instructions = "In oil: {prompt}";
	buf_clear(&out);
	CHECK(prompt_scene(&out, &p) == 0);
	CHECK_INT(times(buf_str(&out), "in this order: Ida. Draw them"), 1);
	CHECK_INT(times(buf_str(&out), "In oil: An illustration for the book The Book\n"), 1);
	CHECK(strstr(buf_str(&out), "{book} as it says, a griffin.\nMood: majestic\n") != NULL);
	book_finish(&b);
}

/* What goes first, the less room there is. */
static void test_room(void)
{
	static const char *const order[] = {
		"(place)",    "(item)",	   "The passage", "(character)",
		"(creature)", "Chapter: ", "The Book",	  "No lettering"};
	struct book b;
	book_init(&b);
	struct scene_prompt p = prompt_of(&b);
	p.style = "Medium: ink, Avoid: colour";
	CLEANUP(buf_finish) struct buf out = {0};
	CHECK(prompt_scene(&out, &p) == 0);
	size_t whole = out.len, gone = 0;
	for (p.most_bytes = whole; p.most_bytes >= 40; p.most_bytes--) {
		buf_clear(&out);
		buf_adds(&out, "before");
		CHECK(prompt_scene(&out, &p) == 0);
		CHECK(!strncmp(buf_str(&out), "before", 6));
		CHECK(out.len - 6 <= p.most_bytes && strlen(buf_str(&out)) == out.len);
		CHECK(strstr(buf_str(&out), "Scene: A griffin landing on a roc") != NULL);
		while (gone < ARRAY_LEN(order) && !strstr(buf_str(&out), order[gone]))
			gone++;
		for (size_t i = gone; i < ARRAY_LEN(order); i++)
			CHECK_INT(times(buf_str(&out), order[i]), 1);
		if (p.most_bytes > 150) /* the style is there while the scene is */
			CHECK(strstr(buf_str(&out), "Style: Medium: ink") != NULL);
	}
	CHECK_INT(gone, ARRAY_LEN(order));
	/* Room for the two who matter, once each. */
	p.most_bytes = whole - 60;
	buf_clear(&out);
	CHECK(prompt_scene(&out, &p) == 0);
	CHECK_INT(times(buf_str(&out), GRIFFIN), 1);
	CHECK_INT(times(buf_str(&out), CHRISTOPHER), 1);
	CHECK(strstr(buf_str(&out), GRIFFIN) < strstr(buf_str(&out), CHRISTOPHER));
	book_finish(&b);
}

/* A look is the same to the byte in each picture, whatever the catalogue says later. */
static void test_fixed(void)
{
	static const char look[] = "Griffin (creature): an EAGLE's head;  two  spaces";
	CLEANUP(buf_finish) struct buf out = {0}, line = {0};
	struct book b;
	book_init(&b);
	struct catalogue_entry *griffin = entry(&b, ELEMENT_CREATURE, "Griffin");
	struct catalogue_entry *boy = entry(&b, ELEMENT_CHARACTER, "Christopher");
	analysis_set(&griffin->look, look);
	analysis_set(&griffin->said, "small and green");
	snprintf(griffin->drawn_in, sizeof(griffin->drawn_in), "ch3_scene1");
	analysis_set(&boy->said, "tall!");
	snprintf(boy->drawn_in, sizeof(boy->drawn_in), "ch9_scene1");
	CHECK(look_line(&line, griffin) == 0);
	CHECK_STR(buf_str(&line), look);
	struct scene_prompt p = prompt_of(&b);
	CHECK(prompt_scene(&out, &p) == 0);
	CHECK(strstr(buf_str(&out), "\n- Griffin (creature): an EAGLE's head;  two  spaces. Same "
				    "appearance as in ch3_scene1.\n"));
	/* Not of the very scene that it was drawn in first. */
	CHECK(strstr(buf_str(&out), "\n- Christopher (character): tall!\n"));
	p.scene = 2;
	buf_clear(&out);
	CHECK(prompt_scene(&out, &p) == 0);
	CHECK(strstr(buf_str(&out), ": tall! Same appearance as in ch9_scene1.\n"));
	book_finish(&b);
}

static void check_look(const struct catalogue_entry *e, const char *want)
{
	CLEANUP(buf_finish) struct buf line = {0};
	CHECK(look_line(&line, e) == 0);
	CHECK_STR(buf_str(&line), want);
}

/* A person's word, else all facts of the book, else what chapters add to each other. */
static void test_look(void)
{
	static const char *const said[] = {"A girl of seven.", "seven years, a girl", "brown hair",
					   "red shoes"};
	struct analysis *chapters[4];
	CLEANUP(buf_finish) struct buf wide = {0};
	for (size_t i = 0; i < 4; i++) {
		chapters[i] = analysis_new();
		struct element *e = analysis_add_element(chapters[i]);
		analysis_set(&e->name, "Alice");
		analysis_set(&e->description, said[i]);
	}
	for (size_t i = 0; i < 1000; i++)
		buf_adds(&wide, i % 7 ? "x" : " ");
	analysis_set(&chapters[2]->elements[0].description, wide.data);
	const struct analysis *const all[] = {chapters[0], chapters[1], chapters[2], chapters[3]};
	const int numbers[] = {1, 2, 3, 4};
	struct catalogue *c = catalogue_new(all, numbers, 4);
	check_look(&c->entries[0], "Alice (character): A girl of seven. red shoes");
	analysis_set(&c->entries[0].said, "with\na hat");
	check_look(&c->entries[0], "Alice (character): with a hat");
	analysis_set(&c->entries[0].said, wide.data + 1);
	CLEANUP(cleanup_free) char *whole = xasprintf("Alice (character): %s", wide.data + 1);
	check_look(&c->entries[0], whole);
	analysis_set(&c->entries[0].said, "");
	check_look(&c->entries[0], "Alice (character)");
	c = catalogue_free(c);
	analysis_set(&element_add_look(chapters[0]->elements)->text, "tall");
	analysis_set(&element_add_look(chapters[3]->elements)->text, "in green");
	c = catalogue_new(all, numbers, 4);
	check_look(&c->entries[0], "Alice (character): tall; in green");
	catalogue_free(c);
	for (size_t i = 0; i < 4; i++)
		analysis_free(chapters[i]);
}

int main(void)
{
	test_griffin();
	test_own_words();
	test_room();
	test_fixed();
	test_look();
	return check_result();
}
