/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "story.h"

/* style.md: as words of a prompt, the presets, and a proposal. */

static void check_line(int line, const char *body, size_t max, const char *want)
{
	CLEANUP(buf_finish) struct buf out = {0};
	buf_adds(&out, "x");
	CHECK(style_line(&out, body, max) == 0);
	if (strcmp(buf_str(&out) + 1, want) != 0) {
		fprintf(stderr, "line %d: \"%s\", not \"%s\"\n", line, buf_str(&out) + 1, want);
		check_failures++;
	}
}
#define CHECK_LINE(body, max, want) check_line(__LINE__, body, max, want)

static void test_line(void)
{
	CHECK_LINE("", 99, "");
	CHECK_LINE("# Ink\n\n## And so on\n#\n", 99, "");
	CHECK_LINE("<!-- a\n- b --> c <!-- d", 99, "c");
	CHECK_LINE("\xef\xbb\xbf# Ink\r\n\r\n- pen\r\n-  **black**  ink,\r\n  wet\r\n* "
		   "paper.\r\n1. one\r\n"
		   "12) two\r\n> - three!\r\n",
		   99, "pen. black ink, wet. paper. one. two. three!");
	CHECK_LINE("one\ntwo\n\nthree\n---\nTitle\n=====\nfour: \nfive\n", 99,
		   "one two. three. Title. four: five");
	CHECK_LINE("#7 and a-b * c 3.5 __x__\n-\n- \n", 99, "#7 and a-b * c 3.5 x");
	CHECK_LINE("a\tb\x01"
		   "c",
		   99, "a b c");
	CHECK_LINE("one two three", 13, "one two three");
	CHECK_LINE("one two three", 12, "one two");
	CHECK_LINE("one, two three", 8, "one, two");
	CHECK_LINE("one, two three", 7, "one");
	CHECK_LINE("one two", 2, "on");
	CHECK_LINE("one two", 0, "");
	CHECK_LINE("\xc3\xa4\xc3\xb6\xc3\xbc", 5, "\xc3\xa4\xc3\xb6");
}

static void test_presets(void)
{
	static const char *const says[] = {"\n- Medium: ", "\n- Palette: ",	"\n- Line: ",
					   "\n- Light: ",  "\n- Composition: ", "\n- Avoid: "};
	size_t count = 0;
	for (; style_preset(count); count++) {
		const struct style_preset *p = style_preset(count);
		CLEANUP(buf_finish) struct buf line = {0};
		CHECK(style_preset_named(p->name) == p);
		for (const char *s = p->name; *s; s++)
			CHECK(islower((unsigned char)*s) || *s == '-');
		CHECK(p->body[0] == '#' && p->body[strlen(p->body) - 1] == '\n');
		for (size_t i = 0; i < ARRAY_LEN(says); i++)
			CHECK(strstr(p->body, says[i]) != NULL);
		/* All of it has room in a prompt. */
		CHECK(style_line(&line, p->body, 4096) == 0 && line.len > 100 && line.len < 900);
		CHECK(!strncmp(buf_str(&line), "Medium: ", 8));
	}
	CHECK(count >= 8);
	CHECK(!style_preset_named("nothing"));
}

/* Whoever keeps what is said while there is no style has none. */
static void test_none(void)
{
	CLEANUP(buf_finish) struct buf out = {0};
	CHECK(style_none(&out) == 0);
	CHECK_LINE(buf_str(&out), 999, "");
	for (size_t i = 0; style_preset(i); i++)
		CHECK(strstr(buf_str(&out), style_preset(i)->name) != NULL);
}

static struct analysis *chapter(const char *mood, const char *lighting, const char *place,
				int quotes)
{
	struct analysis *a = analysis_new();
	struct concept *c = analysis_add_concept(a);
	analysis_set(&c->mood, mood);
	analysis_set(&c->lighting, lighting);
	struct element *e = analysis_add_element(a);
	e->type = ELEMENT_PLACE;
	analysis_set(&e->name, place);
	for (int i = 0; i < quotes; i++)
		element_add_quote(e);
	analysis_set(&analysis_add_element(a)->name, "Anna");
	return a;
}

static void test_propose(void)
{
	struct analysis *chapters[] = {
		chapter("Calm, tense", "moonlight", "the Stair", 1),
		chapter("eerie; tense", "Moonlight", "Harbour", 3),
		chapter("tense <!-- now", "lamplight", "-->\n- Avoid: nothing", 9)};
	const struct analysis *const all[] = {chapters[0], chapters[1], chapters[2]};
	CLEANUP(buf_finish) struct buf out = {0}, again = {0}, none = {0}, line = {0};
	CHECK(style_propose(&out, all, 3) == 0 && style_propose(&again, all, 3) == 0);
	CHECK_STR(buf_str(&out), buf_str(&again));
	const char *s = buf_str(&out);
	CHECK(strstr(s, "3 scenes of the first chapters") != NULL);
	/* Thrice under the moon or a lamp, twice tense. */
	CHECK(strstr(s, "\n- Medium: soft chalk pastel on dark tinted paper\n") != NULL);
	CHECK(strstr(s, "\n- Light: moonlight, lamplight, as each scene says, never flat\n"));
	CHECK(strstr(s, "\n- Mood of the whole: tense, Calm, eerie\n") != NULL);
	CHECK(strstr(s, "\n- Setting: Harbour, the Stair; buildings, dress ") != NULL);
	CHECK(!strstr(s, "nothing") && !strstr(s, "Anna"));
	CHECK(style_line(&line, s, 4096) == 0 && line.len < 900);
	CHECK(strstr(buf_str(&line), "Avoid: white backgrounds") != NULL);
	/* Of no scene at all it is a style too. */
	CHECK(style_propose(&none, NULL, 0) == 0);
	CHECK(strstr(buf_str(&none), "\n- Medium: ") && !strstr(buf_str(&none), "Setting"));
	for (size_t i = 0; i < 3; i++)
		analysis_free(chapters[i]);
}

int main(void)
{
	test_line();
	test_presets();
	test_none();
	test_propose();
	return check_result();
}
