/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "story.h"

/* A chapter's scenes as a person left them. */

static const char text[] = "# Nine\n\nThe sea was grey.  A heron stood.\n\nThe sea\nwas grey.\n";

/* Scenes 1, 2 and 5: two were struck out before. The first is of the passage's second place. */
static struct analysis *known(void)
{
	static const struct {
		int scene;
		const char *quote, *description;
	} scenes[] = {{1, "The sea\nwas grey.", "A grey sea"},
		      {2, "nowhere", "A ship"},
		      {5, "A heron stood.", "A heron"}};
	struct analysis *a = analysis_new();
	for (size_t i = 0; i < ARRAY_LEN(scenes); i++) {
		struct concept *c = analysis_add_concept(a);
		c->scene = scenes[i].scene;
		analysis_set(&c->quote.text, scenes[i].quote);
		analysis_set(&c->description, scenes[i].description);
		analysis_set(&c->mood, "calm");
		strv_add(&c->elements, "Heron");
		const char *at = strstr(text, scenes[i].quote);
		c->quote.offset = at ? (size_t)(at - text) : QUOTE_NOT_FOUND;
		c->quote.len = at ? strlen(scenes[i].quote) : 0;
	}
	analysis_set(&a->concepts[1].quote.page, "12");
	struct element *e = analysis_add_element(a);
	analysis_set(&e->name, "Heron");
	analysis_set(&analysis_add_sighting(a)->name, "heron");
	analysis_set(&a->note, "made by hand");
	a->tokens = 7;
	return a;
}

static int read_json(struct analysis **out, const struct analysis *from, const char *json,
		     struct err *err)
{
	const struct concepts_edit e = {9, from, text, sizeof(text) - 1};
	return concepts_document_read(out, &e, json, strlen(json), err);
}

#define SEA                                                                                        \
	"{\"id\": \"ch9_scene1\", \"pageRange\": \"3\", \"quote\": \"The sea\\nwas grey.\", "      \
	"\"description\": \"A grey sea\", \"mood\": \"calm\", \"lighting\": \"\", "                \
	"\"elements\": [\"Heron\"]}"

static void test_whole(void)
{
	static const char json[] =
		"\xef\xbb\xbf{\r\n\"chapterNumber\": 9, \"chapterTitle\": \"x\", \"status\": "
		"\"completed\", \"concepts\": [\n{\"description\": \"  Two\\nherons \", "
		"\"quote\": \"the sea was grey\"},\n" SEA
		",\n{\"id\": null, \"description\": \"New\", \"quote\": \"A  heron stood\", "
		"\"mood\": null, \"elements\": [\"Heron\", \"Ship\", \"Heron\", \" \"]},\n"
		"{\"id\": \"ch9_scene2\", \"quote\": \"nowhere\", \"pageRange\": \"14\", "
		"\"quoteVerified\": false, \"description\": \"A ship\", \"mood\": \"dark\"},\n"
		"{\"id\": \"ch9_scene3\", \"description\": \"again\"}],\n"
		"\"tokensUsed\": 3, \"completedAt\": null, \"provider\": \"x\"}\r\n";
	CLEANUP(analysis_free_cleanup) struct analysis *from = known(), *a = NULL;
	struct err err = {.code = -EIO, .msg = "stale"};
	CHECK(read_json(&a, from, json, &err) == 0);
	CHECK(!err.code && !err.msg[0]);
	if (!a)
		return;
	static const int scenes[] = {6, 1, 7, 2, 3};
	CHECK_INT(a->concept_count, 5);
	for (size_t i = 0; i < a->concept_count && i < 5; i++)
		CHECK_INT(a->concepts[i].scene, scenes[i]);
	const struct concept *c = a->concepts;
	CHECK(c[0].quote.offset == QUOTE_NOT_FOUND && !c[0].quote.page);
	CHECK_STR(c[0].description, "Two herons");
	/* What was not touched is where it was, though the words stand before too. */
	CHECK(c[1].quote.offset == from->concepts[0].quote.offset && c[1].quote.len == 17);
	CHECK_STR(c[1].mood, "calm");
	CHECK(!c[1].quote.page); /* the text knows it */
	CHECK(c[2].quote.offset == 27 && c[2].quote.len == 13);
	CHECK_STR(c[2].quote.text, "A heron stood");
	CHECK(c[2].elements.len == 2 && !*c[2].mood && !*c[2].lighting);
	CHECK_STR(c[3].quote.page, "14");
	CHECK_STR(c[3].mood, "dark");
	CHECK_INT(c[3].elements.len, 0);
	/* What the chapter holds besides stays. */
	CHECK(a->element_count == 1 && a->sighting_count == 1 && a->tokens == 7);
	CHECK_STR(a->note, "A person has edited the scenes. made by hand");
}

/* Who saves what he read has changed nothing; who edits twice is told once. */
static void test_unchanged(void)
{
	static const char same[] =
		"[" SEA ", {\"id\": \"ch9_scene2\", \"quote\": \"nowhere\", \"pageRange\": "
		"\"12\", \"description\": \"A ship\", \"mood\": \"calm\", "
		"\"elements\": [\"Heron\"]}, {\"id\": \"ch9_scene5\", \"quote\": \"A "
		"heron stood.\", \"description\": \"A heron\", \"mood\": \"calm\", "
		"\"elements\": [\"Heron\"]}]";
	CLEANUP(analysis_free_cleanup) struct analysis *from = known(), *a = NULL, *b = NULL;
	CLEANUP(analysis_free_cleanup) struct analysis *c = NULL;
	CLEANUP(buf_finish) struct buf then = {0}, now = {0};
	CHECK(read_json(&a, from, same, NULL) == 0 && analysis_encode(&now, a) == 0);
	CHECK(analysis_encode(&then, from) == 0);
	CHECK_STR(buf_str(&now), buf_str(&then));
	CHECK(read_json(&b, from, "[]", NULL) == 0 && read_json(&c, b, "[" SEA "]", NULL) == 0);
	CHECK_STR(c ? c->note : "", "A person has edited the scenes. made by hand");
}

static void test_small(void)
{
	CLEANUP(analysis_free_cleanup) struct analysis *from = known(), *a = NULL, *b = NULL;
	CLEANUP(analysis_free_cleanup) struct analysis *c = NULL;
	struct err err = {0};
	CHECK(read_json(&a, from, "{\"concepts\": []}", &err) == 0);
	CHECK(a && a->concept_count == 0 && a->element_count == 1);
	/* Of a chapter that nobody has analysed; the bare list. */
	CHECK(read_json(&b, NULL, "[{\"description\": \"x\"}, " SEA "]", &err) == 0);
	CHECK(b && b->concept_count == 2 && b->concepts[0].scene == 2 && !b->element_count);
	/* The words' first place. */
	CHECK(b && b->concepts[1].quote.offset == 8 && b->concepts[1].quote.len == 17);
	/* What no place is for is told. */
	CHECK(read_json(&c, NULL, "[\n" SEA ",\n{\"description\": \"x\",\n\"camera\": {}}]",
			&err) == 0);
	CHECK(c && c->concept_count == 2 && !err.code);
	CHECK(!strncmp(err.msg, "line 4: camera: not kept; a scene has id, ", 42));
	CLEANUP(analysis_free_cleanup) struct analysis *d = NULL;
	CHECK(read_json(&d, NULL, "{\"concepts\": [],\n\"style\": 1}", &err) == 0);
	CHECK(!strncmp(err.msg, "line 2: style: not kept;", 24));
}

static void test_faults(void)
{
	static const struct {
		const char *json, *why;
	} cases[] = {
		{"", "line 1: an empty answer"},
		{"{\n\n\"concepts\": [\n{\"id\": \"ch9_scene1\"\n\"quote\": \"\"}]}",
		 "line 5: not JSON at byte "},
		{"{\"concepts\": [", "line 1: not JSON at byte "},
		{"{\"concepts\": []}\n\n]", "line 3: more text after the JSON"},
		{"[\n\"\xff\"]", "line 2: not UTF-8"},
		{"[\n\n\"\x01\"]", "line 3: a control character"},
		{"3", "line 1: concepts: the list of scenes is missing"},
		{"{\"a\": {\"concepts\": []},\n\"concepts\": {}}", "line 2: concepts: the list "},
		{"{\"concepts\": [],\n\"chapterNumber\": 8}", "line 2: chapterNumber: this is "},
		{"[" SEA ",\n3]", "line 2: a scene is an object"},
		{"[" SEA ",\n{\"x\": [\"]\", {}],\n\n\"id\": 7}]", "line 4: id: not like ch9_"},
		{"[{\n\"id\": \"ch9_scene01\"}]", "line 2: id: not like ch9_scene1; leave it out "},
		{"[{\n\"id\": \"ch9_scene10000\"}]", "line 2: id: not like ch9_scene1"},
		{"[{\n\"id\": \"ch8_scene1\"}]", "line 2: id: a scene of chapter 8, this is 9"},
		{"[" SEA ",\n{\n \"id\" : \"ch9_scene1\"}]",
		 "line 3: id: another scene has it too"},
		{"[{\"id\": \"ch9_scene9999\", \"description\": \"x\"},\n{}]", "line 1: "},
		{"[{\"description\": \"x\",\n\"mood\": 3}]", "line 2: mood: not a string"},
		{"[{\"description\":\n\n{\"mood\":\n\"\"}}]", "line 3: description: not a string"},
		{"[{},\n{\"description\": \"\"}]", "line 1: description: it is missing"},
		{"\xef\xbb\xbf[{\"idea\": \"a\\\"]\",\n\"id\": 7}]", "line 2: id: not like ch9_"},
		{"[\n{\"description\": \" \"}]", "line 2: description: it is missing"},
		{"[{\"description\": \"x\",\n\"quote\": []}]", "line 2: quote: not a string"},
		{"[{\"description\": \"x\",\n\"elements\": \"y\"}]",
		 "line 2: elements: not a list"},
		{"[{\"description\": \"x\",\n\"elements\": [1]}]", "line 2: elements: a name is "},
		{"[{\"description\": \"x\",\n\"pageRange\": 4}]",
		 "line 2: pageRange: not a string"},
	};
	CLEANUP(analysis_free_cleanup) struct analysis *from = known();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct analysis *a = NULL;
		struct err err = {0};
		int r = read_json(&a, from, cases[i].json, &err);
		bool right = r == -EINVAL && err.code == r && !a &&
			     !strncmp(err.msg, cases[i].why, strlen(cases[i].why));
		CHECK(read_json(&a, from, cases[i].json, NULL) == r);
		if (!right)
			fprintf(stderr, "case %zu: %d, \"%s\"\n", i, r, err.msg);
		CHECK(right);
	}
}

/* A person is told what is too long; of what is not touched the length is nobody's. */
static void test_bounds(void)
{
	static const struct {
		const char *key;
		int most;
		const char *why;
	} cases[] = {{"quote", 32 << 10, "line 2: quote: 32769 bytes, at most 32768"},
		     {"description", 8 << 10, "line 2: description: 8193 bytes, at most 8192"},
		     {"mood", 200, "line 2: mood: 201 bytes, at most 200"},
		     {"lighting", 200, "line 2: lighting: 201 bytes, at most 200"},
		     {"pageRange", 32, "line 2: pageRange: 33 bytes, at most 32"}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (int more = 0; more < 2; more++) {
			CLEANUP(buf_finish) struct buf json = {0}, word = {0};
			CLEANUP(analysis_free_cleanup) struct analysis *a = NULL, *b = NULL;
			struct err err = {0};
			for (int k = 0; k < cases[i].most + more; k++)
				buf_addc(&word, 'x');
			buf_addf(&json, "[{\n\"%s\": \"%s\", \"description\": \"x\"}]",
				 cases[i].key, word.data);
			int r = read_json(&a, NULL, json.data, &err);
			CHECK(r == (more ? -EINVAL : 0));
			CHECK_STR(err.msg, more ? cases[i].why : "");
			struct analysis *from = known();
			from->concepts[0].quote.offset = QUOTE_NOT_FOUND;
			char **const fields[] = {
				&from->concepts[0].quote.text, &from->concepts[0].description,
				&from->concepts[0].mood, &from->concepts[0].lighting,
				&from->concepts[0].quote.page};
			analysis_set(fields[i], word.data);
			buf_clear(&json);
			buf_addf(&json,
				 "[{\"id\": \"ch9_scene1\", \"%s\": \"%s\", \"quote\": \"The "
				 "sea\\nwas grey.\", \"description\": \"y\"}]",
				 cases[i].key, word.data);
			CHECK(read_json(&b, from, json.data, &err) == 0);
			analysis_free(from);
		}
	}
	CLEANUP(analysis_free_cleanup) struct analysis *from = known(), *a = NULL;
	CLEANUP(cleanup_free) char *wide = xasprintf("%0201d", 7);
	CLEANUP(cleanup_free)
	char *json = xasprintf("[{\"id\": \"ch9_scene1\", \"description\": \"y\", \"elements\": "
			       "[\"%s\"]}]",
			       wide);
	CHECK(read_json(&a, from, json, NULL) == -EINVAL && !a);
	analysis_set(&from->concepts[0].elements.items[0], wide);
	CHECK(read_json(&a, from, json, NULL) == 0);
}

static void test_many(void)
{
	CLEANUP(buf_finish) struct buf json = {0}, names = {0};
	struct analysis *a = NULL;
	struct err err = {0};
	buf_adds(&json, "[\n{\"description\": \"x\"}");
	for (int i = 1; i < 256; i++)
		buf_adds(&json, ",\n{\"description\": \"x\"}");
	buf_adds(&json, "]");
	CHECK(read_json(&a, NULL, json.data, &err) == 0 && a->concept_count == 256);
	a = analysis_free(a);
	json.data[--json.len] = '\0';
	buf_adds(&json, ",\n{\"description\": \"x\"}]");
	CHECK(read_json(&a, NULL, json.data, &err) == -EINVAL && !a);
	CHECK_STR(err.msg, "line 258: more than 256 scenes");
	buf_adds(&names, "[{\"description\": \"x\", \"elements\": [\"n\"");
	for (int i = 0; i < 64; i++)
		buf_addf(&names, ",\n\"n%d\"", i);
	buf_adds(&names, "]}]");
	CHECK(read_json(&a, NULL, names.data, &err) == -EINVAL && !a);
}

int main(void)
{
	test_whole();
	test_unchanged();
	test_small();
	test_faults();
	test_bounds();
	test_many();
	return check_result();
}
