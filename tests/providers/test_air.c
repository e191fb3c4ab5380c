/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "analyst_air.h"
#include "analyst_clock.h"
#include "check.h"

/* ---- what the air is weighed by */

static void note_term(void *context, const char *term)
{
	strv_add(context, term);
}

static void read_terms(struct strv *out, const char *text)
{
	struct air_votes votes;
	struct prose p;

	CHECK(prose_init(&p, text, strlen(text)) == 0);
	light_vote(&votes, &p, 0, p.count);
	air_each_term(&p, &votes, 0, p.count, &(struct term_sink){note_term, out});
	prose_finish(&p);
}

static void test_terms(void)
{
	CLEANUP(strv_finish) struct strv terms = {0}, idiom = {0}, dark = {0}, lengthy = {0};

	read_terms(&terms, "He walked alone down the deserted streets. I saw him.\n");
	CHECK(strv_has(&terms, "walk") && strv_has(&terms, "deserted_street"));
	CHECK(strv_has(&terms, "~lonely"));
	/* No pair goes over a stop, none has the narrator in it. */
	CHECK(!strv_has(&terms, "street_i") && !strv_has(&terms, "i") &&
	      !strv_has(&terms, "i_see"));
	read_terms(&idiom, "They told the man to leave her alone at the door.\n");
	CHECK(strv_has(&idiom, "alone") && !strv_has(&idiom, "~lonely"));
	read_terms(&dark, "There was no moon. The sun had set at nine, and a lamp burned.\n");
	CHECK(strv_has(&dark, "~not_moon") && strv_has(&dark, "sun.set"));
	CHECK(strv_has(&dark, "~vote_sunset") && strv_has(&dark, "~light_lamplight"));
	CHECK(strv_has(&dark, "~clock_9") && !strv_has(&dark, "~vote_moonlight"));
	/* What no row can hold is no term, nor half of one. */
	read_terms(&lengthy, "An unaccountably-unaccountable unextraordinariness came.\n");
	CHECK(strv_has(&lengthy, "come") && !strv_has(&lengthy, "an_"));
	for (size_t i = 0; i < lengthy.len; i++)
		CHECK(strlen(lengthy.items[i]) < AIR_TERM_BYTES);
}

/* Others are never found. */
static bool cue_is_base(const char *words)
{
	for (size_t len; *words; words += len + (words[len] == '_')) {
		len = strcspn(words, "_");
		const struct lexeme *l = lexicon_find(words, len);
		if (l && (strlen(l->word) != len || memcmp(l->word, words, len))) {
			printf("%s: %s\n", words, l->word);
			return false;
		}
	}
	return true;
}

/* A cue is found in any form of its words, and a group that is there often is there in three ways.
 */
static void test_cues(void)
{
	CLEANUP(strv_finish) struct strv rooks = {0}, other = {0};

	read_terms(&rooks, "The rooks were home. Lamps were lit along the quay.\n");
	CHECK(strv_has(&rooks, "~cue_dusk") && strv_has(&rooks, "~cues_dusk"));
	CHECK(!strv_has(&rooks, "~cue_dawn") && !strv_has(&rooks, "~many_lamp"));
	/* It ends where its sentence ends. */
	read_terms(&other, "It was her last day. Was over the hill a town?\n");
	CHECK(!strv_has(&other, "~cue_dusk"));
	for (size_t i = 0; i < air_cue_count; i++)
		CHECK(cue_is_base(air_cues[i].words));
	for (size_t i = 1; i < air_cue_count; i++)
		CHECK(strcmp(air_cues[i - 1].words, air_cues[i].words) ||
		      air_cues[i - 1].group < air_cues[i].group);
}

/* It is searched by halves. */
static void test_table(void)
{
	for (size_t i = 1; i < air_term_count; i++)
		CHECK(strcmp(air_terms[i - 1].words, air_terms[i].words) < 0);
	CHECK(air_term_count > 1000);
}

static struct air air_of(const char *text)
{
	struct prose p;
	struct air air;

	CHECK(prose_init(&p, text, strlen(text)) == 0);
	air_read(&air, &p, 0, p.count);
	prose_finish(&p);
	return air;
}

static void test_moods(void)
{
	CHECK(air_of("Nobody came. He set one plate upon the table and ate by himself. There was "
		     "nobody whom he could have told.\n")
		      .mood == MOOD_LONELY);
	CHECK(air_of("They danced round the table, laughing and clapping. \"Hurrah!\" shouted "
		     "the twins. The whole band cheered.\n")
		      .mood == MOOD_JOYFUL);
	CHECK(air_of("Und der Mann ging durch die alte Stadt, bis er das Haus fand, in dem seine "
		     "Mutter gewohnt hatte.\n")
		      .mood == MOOD_NONE);
}

static void test_lights(void)
{
	struct air lamp = air_of("It was past midnight. One lamp burned on the table, and they sat "
				 "about it without a word.\n");
	struct air moon = air_of("Under the full moon the fields lay white to the edge of the "
				 "wood, and not a leaf stirred.\n");
	struct air none = air_of("He counted the money again. It was two shillings short, and he "
				 "said so to the clerk.\n");

	CHECK(lamp.light == LIGHT_LAMPLIGHT && lamp.hour == LIGHT_NIGHT);
	CHECK(moon.light == LIGHT_MOONLIGHT && moon.hour == LIGHT_NIGHT);
	CHECK(none.light == LIGHT_NONE && none.hour == LIGHT_NONE);
}

/* Where a passage does not tell its hour, the one told before it lasts, but no sun shines by night.
 */
static void test_hour_before(void)
{
	static const char text[] = "It was evening. He counted the money again. It was two "
				   "shillings short, and he said so to the clerk.\n";
	struct air_votes votes;
	struct prose p;

	CHECK(prose_init(&p, text, sizeof(text) - 1) == 0);
	light_vote(&votes, &p, 1, 2);
	CHECK(light_hour_before(&votes, &p, 1) == LIGHT_DUSK);
	CHECK(light_hour_before(&votes, &p, 0) == LIGHT_NONE);
	prose_finish(&p);
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
		{"At ten to four she came.\n", 4, LIGHT_NONE},
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
	test_cues();
	test_table();
	test_moods();
	test_lights();
	test_hour_before();
	test_clock();
	return check_result();
}
