/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "analyst_clock.h"
#include "analyst_mood.h"
#include "check.h"

/* ---- what the mood is weighed by */

static void note_term(void *context, const char *term)
{
	strv_add(context, term);
}

static void read_terms(struct strv *out, const char *text)
{
	struct prose p;

	CHECK(prose_init(&p, text, strlen(text)) == 0);
	for (size_t i = 0; i < p.count; i++)
		mood_each_term(&p, i, note_term, out);
	prose_finish(&p);
}

static void test_terms(void)
{
	CLEANUP(strv_finish) struct strv terms = {0}, idiom = {0};

	read_terms(&terms, "He walked alone down the deserted streets. I saw him.\n");
	CHECK(strv_has(&terms, "walk") && strv_has(&terms, "deserted_street"));
	CHECK(strv_has(&terms, "~lonely"));
	/* No pair goes over a stop, none has the narrator in it. */
	CHECK(!strv_has(&terms, "street_i") && !strv_has(&terms, "i") &&
	      !strv_has(&terms, "i_see"));
	read_terms(&idiom, "They told the man to leave her alone at the door.\n");
	CHECK(strv_has(&idiom, "alone") && !strv_has(&idiom, "~lonely"));
}

/* It is searched by halves. */
static void test_table(void)
{
	for (size_t i = 1; i < mood_term_count; i++)
		CHECK(strcmp(mood_terms[i - 1].words, mood_terms[i].words) < 0);
	CHECK(mood_term_count > 1000);
}

static enum mood mood_of(const char *text)
{
	struct prose p;

	CHECK(prose_init(&p, text, strlen(text)) == 0);
	enum mood mood = mood_read(&p, 0, p.count);
	prose_finish(&p);
	return mood;
}

static void test_moods(void)
{
	CHECK(mood_of("Nobody came. He set one plate upon the table and ate by himself. There was "
		      "nobody whom he could have told.\n") == MOOD_LONELY);
	CHECK(mood_of("They danced round the table, laughing and clapping. \"Hurrah!\" shouted "
		      "the twins. The whole band cheered.\n") == MOOD_JOYFUL);
	CHECK(mood_of("Und der Mann ging durch die alte Stadt, bis er das Haus fand, in dem seine "
		      "Mutter gewohnt hatte.\n") == MOOD_NONE);
}

/* ---- the clock */

static void test_clock(void)
{
	static const struct {
		const char *text;
		unsigned hour; /* the first that is told */
		enum light part;
	} cases[] = {
		{"It was nine o\xe2\x80\x99"
		 "clock when the door opened.\n",
		 9, LIGHT_NONE},
		{"At half past six the bell rang in the yard.\n", 6, LIGHT_NONE},
		{"He woke at four in the morning and lay still.\n", 4, LIGHT_NIGHT},
		{"It was past ten at night when they came home.\n", 10, LIGHT_NIGHT},
		{"The clock over the bank gave three.\n", 3, LIGHT_NONE},
		{"There were nine men at two yards from the wall.\n", 0, LIGHT_NONE},
		{"One of them gave twelve to the other.\n", 0, LIGHT_NONE},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct prose p;
		struct word words[SENTENCE_WORDS];
		enum light part = LIGHT_NONE;
		unsigned hour = 0;

		CHECK(prose_init(&p, cases[i].text, strlen(cases[i].text)) == 0);
		size_t count = prose_words(words, &p, &p.sentences[0]);
		for (size_t k = 0; k < count && !hour; k++)
			hour = clock_at(&part, words, count, k);
		CHECK_INT(hour, cases[i].hour);
		CHECK(!hour || part == cases[i].part);
		prose_finish(&p);
	}
	CHECK(clock_hour(12, false) == LIGHT_NOON && clock_hour(12, true) == LIGHT_NIGHT);
	CHECK(clock_hour(3, false) == LIGHT_AFTERNOON && clock_hour(9, false) == LIGHT_MORNING);
}

int main(void)
{
	test_terms();
	test_table();
	test_moods();
	test_clock();
	return check_result();
}
