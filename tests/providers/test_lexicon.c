/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "check.h"
#include "lexicon.h"

static const struct lexeme *find(const char *word)
{
	return lexicon_find(word, strlen(word));
}

static bool is(const char *word, uint32_t kinds)
{
	const struct lexeme *l = find(word);
	return l && (l->kinds & kinds) == kinds;
}

static void check_base(const char *form, const char *base)
{
	const struct lexeme *l = find(form);
	CHECK_STR(l ? l->word : "(none)", base);
}

/* A word is what it is in most of its uses, not what it may be. */
static void test_kinds(void)
{
	static const struct {
		const char *word;
		uint32_t kinds;
	} cases[] = {
		{"halberd", LEX_ITEM},	     {"hawthorn", LEX_PLANT},
		{"washerwoman", LEX_PERSON}, {"heron", LEX_CREATURE},
		{"gable", LEX_BUILDING},     {"moorland", LEX_SITE},
		{"tricycle", LEX_VEHICLE},   {"marmalade", LEX_FOOD},
		{"kneecap", LEX_BODY},	     {"blizzard", LEX_WEATHER},
		{"gnarled", LEX_LOOK},	     {"crimson", LEX_COLOUR},
		{"pewter", LEX_MATERIAL},    {"scramble", LEX_MOTION},
		{"petticoat", LEX_CLOTH},    {"justification", LEX_ABSTRACT},
		{"Paris", LEX_GEO},	     {"Portuguese", LEX_PROPER},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (!is(cases[i].word, cases[i].kinds))
			fprintf(stderr, "%s: another kind\n", cases[i].word);
		CHECK(is(cases[i].word, cases[i].kinds));
	}
	CHECK(!is("star", LEX_PERSON) && !is("page", LEX_PERSON) && !is("time", LEX_ITEM));
	CHECK(!find("qwxyz") && !find("") && !find("incomprehensibilities"));
}

/* Our own list wins: WordNet has "moon" as a body in the sky and a verb of idleness. */
static void test_listed(void)
{
	const struct lexeme *moon = find("moon");
	CHECK(moon && moon->kinds & LEX_LISTED && moon->light == LIGHT_MOONLIGHT);
	CHECK(find("halberd") && !(find("halberd")->kinds & LEX_LISTED));
	CHECK(find("moon") && find("moon")->noun > find("moon")->verb);
}

static void test_forms(void)
{
	check_base("knives", "knife");
	check_base("Mice", "mouse");
	check_base("rose", "rise");
	check_base("ground", "ground");
	check_base("dragged", "drag");
	check_base("greener", "green");
	check_base("gloomiest", "gloomy");
	check_base("towers", "tower");
	check_base("bower", "bower"); /* no bow is more bow than another */
	const struct lexeme *rose = lexicon_find_exact("rose", 4);
	CHECK(rose && rose->kinds & LEX_PLANT);
}

/* Words of like meaning have the mood of those that name it; what has other senses more often has
 * not. */
static void test_moods(void)
{
	static const struct {
		const char *word;
		enum mood mood;
	} words[] = {
		{"mournful", MOOD_MELANCHOLY}, {"dolorous", MOOD_MELANCHOLY},
		{"jocund", MOOD_JOYFUL},       {"ghostliness", MOOD_EERIE},
		{"affright", MOOD_TENSE},      {"table", MOOD_NONE},
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		const struct lexeme *l = lexicon_find_exact(words[i].word, strlen(words[i].word));
		CHECK(l && l->mood == words[i].mood);
	}
	const struct lexeme *named = lexicon_find_exact("mournful", 8);
	const struct lexeme *like = lexicon_find_exact("dolorous", 8);
	CHECK(named && like && named->mood_weight > like->mood_weight);
}

/* The table and its hash belong together: every row is found, none twice. */
static void test_table(void)
{
	for (size_t i = 0; i < lexicon_words; i++) {
		const struct lexeme *l = &lexicon_table[i];
		CHECK(lexicon_find_exact(l->word, strlen(l->word)) == l);
		CHECK(l->mood < MOODS && l->light < LIGHTS && l->ground < GROUNDS);
		CHECK(!l->base || (l->base <= lexicon_words && !lexicon_table[l->base - 1].base));
	}
}

int main(void)
{
	test_kinds();
	test_listed();
	test_forms();
	test_moods();
	test_table();
	return check_result();
}
