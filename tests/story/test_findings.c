/* SPDX-License-Identifier: MIT */
#include "check.h"
#include "story.h"

/* What other illustrators left, in each dialect that is known, and broken. */

static void take(struct findings *f, const char *path, const char *s)
{
	findings_read(f, path, s, strlen(s));
}

static const char text[] = "The griffin came down. Its wings were gold. Alice laughed.\n";

/* A chapter's findings, checked with its text. */
static struct analysis *parse(const struct finding *c)
{
	CLEANUP(buf_finish) struct buf answer = {0};
	struct analysis *a = NULL;
	struct err err = {0};

	CHECK_INT(finding_answer(&answer, c), 0);
	if (analysis_parse(&a, buf_str(&answer), answer.len, text, strlen(text), &err) < 0) {
		fprintf(stderr, "%s\n%s\n", err.msg, buf_str(&answer));
		check_failures++;
		return analysis_new();
	}
	return a;
}

static void test_monolith(void)
{
	static const char state[] =
		"{\"version\":\"2.0.0\",\"phases\":{\"analyze\":{\"status\":\"completed\","
		"\"chapters\":"
		"{\"9\":{\"status\":\"completed\",\"concepts\":1,\"sceneConcepts\":[{\"chapter\":"
		"\"The "
		"Beginning\",\"pageRange\":\"15-17\",\"quote\":\"Its wings were "
		"gold.\",\"description\":"
		"\"A griffin\",\"reasoning\":\"r\",\"mood\":\"calm\",\"lighting\":\"dawn\","
		"\"elements_present\":[\"Griffin\"],\"chapterNumber\":9}],\"elements\":[{\"type\":"
		"\"object\",\"name\":\"Lamp\",\"quotes\":[{\"text\":\"q\",\"page\":3}],"
		"\"description\":"
		"\"brass\",\"aliases\":[\"the light\"]}],\"tokensUsed\":2150},\"0\":{},\"x\":3}},"
		"\"illustrate\":{\"chapters\":[]}},\"toc\":{\"chapters\":[{\"number\":9,\"title\":"
		"\"The "
		"Beginning\"}]}}";
	CLEANUP(findings_finish) struct findings f = {0};

	take(&f, ".imaginize.state.json", state);
	CHECK_INT(f.chapter_count, 1);
	if (f.chapter_count == 1) {
		CLEANUP(analysis_free_cleanup) struct analysis *a = parse(&f.chapters[0]);

		CHECK_INT(f.chapters[0].number, 9);
		CHECK_INT(f.chapters[0].tokens, 2150);
		CHECK_STR(f.chapters[0].title, "The Beginning");
		CHECK_INT(a->concept_count, 1);
		CHECK_INT(a->concepts[0].quote.offset, 23);
		CHECK_STR(a->concepts[0].elements.items[0], "Griffin");
		CHECK_INT(a->elements[0].type, ELEMENT_ITEM);
		CHECK_STR(a->elements[0].aliases.items[0], "the light");
	}
	CHECK_INT(f.notes.len, 0);
}

/* The more exact file stands first and stays; the other adds what it had not. */
static void test_split(void)
{
	CLEANUP(findings_finish) struct findings f = {0};

	take(&f, ".analyze.state/chapter_9.json",
	     "{\"chapterNumber\":9,\"chapterTitle\":\"Nine\",\"status\":\"completed\",\"concepts\":"
	     "[{"
	     "\"id\":\"ch9_scene1\",\"pageRange\":\"1\",\"quote\":\"Alice "
	     "laughed.\",\"description\":"
	     "\"first\"}],\"tokensUsed\":7}");
	take(&f, "chapters/9/elements.json",
	     "{\"chapterNumber\":9,\"chapterTitle\":\"Nine\",\"elements\":[{\"type\":\"character\","
	     "\"name\":\"Alice\"}]}");
	take(&f, ".imaginize.state.json",
	     "{\"phases\":{\"analyze\":{\"chapters\":{\"9\":{\"sceneConcepts\":[{\"quote\":\"x\","
	     "\"description\":\"second\"}]}}}}}");
	take(&f, ".illustrate.state/concept_001.json",
	     "{\"conceptId\":\"ch9_scene1\",\"chapterNumber\":9,\"status\":\"completed\","
	     "\"enrichedPrompt\":\"draw it\",\"imageUrl\":\"chapter_9_scene_1.png\"}");
	take(&f, ".analyze.state/manifest.json", "{\"totalChapters\":83}");
	CHECK(findings_picture(&f, "chapter_9_scene_1.png"));
	CHECK(findings_picture(&f, "chapter_10_the_scene_of_it_scene_2.webp"));
	CHECK(!findings_picture(&f, "chapter_9_scene_1.gif"));
	CHECK(!findings_picture(&f, "chapter__scene_1.png"));
	CHECK(!findings_picture(&f, "chapter_99999999999_scene_1.png"));
	CHECK(!findings_picture(&f, "chapter_9_scene_.png"));
	CHECK_INT(f.chapter_count, 1);
	CHECK_INT(f.notes.len, 0);
	CHECK_INT(f.picture_count, 2);
	if (f.chapter_count == 1 && f.picture_count == 2) {
		CLEANUP(analysis_free_cleanup) struct analysis *a = parse(&f.chapters[0]);

		CHECK_STR(a->concepts[0].description, "first");
		CHECK_STR(a->elements[0].name, "Alice");
		CHECK_STR(f.pictures[0].prompt, "draw it");
		CHECK_STR(f.pictures[0].file, "chapter_9_scene_1.png");
		CHECK_INT(f.pictures[1].chapter, 10);
		CHECK_INT(f.pictures[1].scene, 2);
	}
}

static void test_chapters_md(void)
{
	CLEANUP(findings_finish) struct findings f = {0};

	take(&f, "Chapters.md",
	     "# Chapters - Book\r\n\r\n### The Beginning\r\n\r\n#### Scene 1\r\n\r\n**Pages:** "
	     "3-8\r\n\r\n"
	     "**Source Text:**\r\n\r\n> Its wings were gold.\r\n> Alice laughed.\r\n\r\n**Visual "
	     "Elements:** A griffin lands\r\n\r\n**Generated Image:** [View "
	     "Image](images/a.png)\r\n\r\n"
	     "#### Scene 2\n\n> no description\n\n### Empty\n\n### Last\n#### Scene 1\n>a\n"
	     "**Description:** b");
	CHECK_INT(f.chapter_count, 2);
	if (f.chapter_count == 2) {
		CLEANUP(analysis_free_cleanup) struct analysis *a = parse(&f.chapters[0]);

		CHECK_STR(f.chapters[0].title, "The Beginning");
		CHECK_STR(f.chapters[1].title, "Last");
		CHECK_INT(a->concept_count, 1);
		CHECK_STR(a->concepts[0].description, "A griffin lands");
		CHECK_INT(a->concepts[0].quote.offset, 23);
	}
}

/* One line an element: type name (aliases) description [quotes]. */
static void check_elements(int line, const char *md, const char *want)
{
	CLEANUP(findings_finish) struct findings f = {0};
	CLEANUP(buf_finish) struct buf out = {0};

	take(&f, "x/Elements.md", md);
	for (size_t i = 0; i < f.cast->element_count; i++) {
		const struct element *e = &f.cast->elements[i];

		buf_addf(&out, "%s%s %s", i ? "; " : "", element_type_name(e->type), e->name);
		for (size_t k = 0; k < e->aliases.len; k++)
			buf_addf(&out, " (%s)", e->aliases.items[k]);
		buf_addf(&out, ": %s", e->description);
		for (size_t k = 0; k < e->quote_count; k++)
			buf_addf(&out, " [%s %s]", e->quotes[k].page ? e->quotes[k].page : "?",
				 e->quotes[k].text);
	}
	if (strcmp(buf_str(&out), want)) {
		fprintf(stderr, "line %d: \"%s\", not \"%s\"\n", line, buf_str(&out), want);
		check_failures++;
	}
}
#define CHECK_ELEMENTS(md, want) check_elements(__LINE__, md, want)

static void test_elements_md(void)
{
	CHECK_ELEMENTS(
		"# Story Elements\n\n### Characters\n\n#### Alice\n\n**Aliases:** the girl, "
		"Miss Alice\n\nA child.\n\n**Reference Quotes:**\n\n1. \"Alice laughed.\" (Page "
		"1)\n2. \"again\"\n\n### Locations\n#### Hall\nlong\n",
		"character Alice (the girl) (Miss Alice): A child. [1 Alice laughed.] [? again]; "
		"place Hall: long");
	CHECK_ELEMENTS(
		"## Characters\n### Alice\nA fair child.\n\n**Appears in:** Chapter 2, Chapter "
		"3\n\n## Items\n### Key\nsmall\nand golden\n",
		"character Alice: A fair child.; item Key: small and golden");
	CHECK_ELEMENTS("## Creatures\n### Griffin\n**Type:** creature\n**Description:** gold\n"
		       "**Additional Details:** huge\n**Unknown:** x\n",
		       "creature Griffin: gold huge");
	CHECK_ELEMENTS(
		"# Story Elements - B\n\n## Characters\n\n### Alice\n\n**Type:** character\n\n"
		"**Description:** fair\n\n**Appearances:**\n- Page 15-17: \"she said \"no\"\"\n",
		"character Alice: fair [15-17 she said \"no\"]");
	CHECK_ELEMENTS(
		"## Characters\n\n### Alice\n\n**Description:** tall (page 3); red hands (page "
		"16-17)\n\n**Look:** Alice: tall\n\n**Look from:** Another\n",
		"character Alice: tall; red hands");
	CHECK_ELEMENTS("", "");
	CHECK_ELEMENTS("### Alice\nno type above\n", "");
}

static void test_broken(void)
{
	static const char *const files[] = {"",
					    "{",
					    "[]",
					    "null",
					    "{\"phases\":[]}",
					    "{\"phases\":{\"analyze\":{\"chapters\":7}}}",
					    "{\"chapterNumber\":-1,\"concepts\":{}}",
					    "{\"chapterNumber\":\"9\"}",
					    "{\"conceptId\":\"nonsense\"}",
					    "{\"a\":1}",
					    "\xff\xfe"};
	CLEANUP(findings_finish) struct findings f = {0};

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		take(&f, "a.json", files[i]);
		take(&f, "Chapters.md", files[i]);
		take(&f, "Elements.md", files[i]);
	}
	CHECK_INT(f.picture_count, 0);
	CHECK(f.notes.len >= 6);
	for (size_t i = 0; i < f.chapter_count; i++) {
		CLEANUP(buf_finish) struct buf out = {0};

		CHECK_INT(finding_answer(&out, &f.chapters[i]), -ENOENT);
	}
}

int main(void)
{
	test_monolith();
	test_split();
	test_chapters_md();
	test_elements_md();
	test_broken();
	return check_result();
}
