/* SPDX-License-Identifier: MIT */
#ifndef PROVIDERS_LEXICON_H
#define PROVIDERS_LEXICON_H

/*
 * What a word shows. One list for the analyst, who chooses and names, and the painter, who draws:
 * both see the same grounds, hours and moods in a passage. The list is ours (lexicon.txt) where
 * moods, light and grounds are concerned, and WordNet's where a word that we do not list is a
 * person, a plant, a garment ...; of a word with several senses its uses decide.
 *
 * Pure and free of locales: letters are ASCII ones, all others are looked up as they are.
 */

#include "base.h"

enum lex_kind {
	LEX_COLOUR = 1 << 0,
	LEX_MATERIAL = 1 << 1,
	LEX_LIGHT = 1 << 2,
	LEX_WEATHER = 1 << 3,
	LEX_SENSE = 1 << 4,
	LEX_MOTION = 1 << 5,
	LEX_LAND = 1 << 6,
	LEX_BUILDING = 1 << 7,
	LEX_BODY = 1 << 8,
	LEX_CLOTH = 1 << 9,
	LEX_CREATURE = 1 << 10,
	LEX_ITEM = 1 << 11,
	LEX_PERSON = 1 << 12,
	LEX_LOOK = 1 << 13,
	LEX_ABSTRACT = 1 << 14,
	LEX_SPEECH = 1 << 15,
	LEX_STOP = 1 << 16,
	LEX_TITLE = 1 << 17,
	LEX_NONAME = 1 << 18,
	LEX_ABBR = 1 << 19,
	LEX_SITE = 1 << 20,
	LEX_PLANT = 1 << 21,
	LEX_FOOD = 1 << 22,
	LEX_VEHICLE = 1 << 23,
	LEX_GROUP = 1 << 24,  /* of people or beasts */
	LEX_GEO = 1 << 25,    /* with a capital it is a place of the map */
	LEX_PROPER = 1 << 26, /* with a capital it is a people, a language, a day */
	LEX_LISTED = 1 << 27, /* stands in lexicon.txt; other rows are WordNet's alone */
	LEX_DETERMINER = 1 << 28,
	LEX_PRONOUN = 1 << 29,
	LEX_PREPOSITION = 1 << 30,
};

enum mood {
	MOOD_NONE,
	MOOD_CALM,
	MOOD_JOYFUL,
	MOOD_TENDER,
	MOOD_MELANCHOLY,
	MOOD_TENSE,
	MOOD_EERIE,
	MOOD_MENACING,
	MOOD_MAJESTIC,
	MOOD_LONELY,
	MOOD_WONDROUS,
	MOOD_TURBULENT,
	MOOD_SOLEMN,
	MOODS
};

enum light {
	LIGHT_NONE,
	LIGHT_DAWN,
	LIGHT_MORNING,
	LIGHT_NOON,
	LIGHT_AFTERNOON,
	LIGHT_SUNSET,
	LIGHT_DUSK,
	LIGHT_NIGHT,
	LIGHT_MOONLIGHT,
	LIGHT_STARLIGHT,
	LIGHT_FIRELIGHT,
	LIGHT_LAMPLIGHT,
	LIGHT_SUNLIGHT,
	LIGHT_OVERCAST,
	LIGHT_STORM,
	LIGHT_MIST,
	LIGHTS
};

enum ground {
	GROUND_NONE,
	GROUND_SEA,
	GROUND_SHORE,
	GROUND_RIVER,
	GROUND_FOREST,
	GROUND_MOUNTAIN,
	GROUND_FIELD,
	GROUND_ROAD,
	GROUND_TOWN,
	GROUND_ROOM,
	GROUND_HALL,
	GROUND_RUIN,
	GROUND_SKY,
	GROUNDS
};

enum { LEXEME_BYTES = 16, LEXICON_SLOTS = 1 << 16 };

struct lexeme {
	uint32_t kinds; /* of enum lex_kind */
	uint16_t base;	/* of an irregular form (saw, knives): its base form's row + 1 */
	char word[LEXEME_BYTES + 1];
	uint8_t mood, light, ground;
	uint8_t mood_weight, light_weight, ground_weight; /* as lexicon.py says */
	uint8_t noun, verb, adjective; /* per cent of its uses; what is missing to 100 is other */
};

/* lexicon_table.c, which the build makes of lexicon.txt and of WordNet: the words in order of use,
 * and at each word's hash its row + 1. */
extern const struct lexeme lexicon_table[];
extern const size_t lexicon_words;
extern const uint16_t lexicon_slots[LEXICON_SLOTS];
/* Words together ("first_light", base forms with _ between them) that tell a light, or are a
 * turn of speech in which no word means what it says (none). Sorted. */
extern const struct lex_phrase {
	const char *words;
	enum light light;
} lexicon_phrases[];
extern const size_t lexicon_phrase_count;

/* As in a concept's "mood" and "lighting"; "" for none. */
extern const char *const mood_names[MOODS];
extern const char *const light_names[LIGHTS];

/* The base form of the word, which may be in any case: the word itself, or what it is a form of,
 * irregular ("knives") or regular. NULL: not known. */
const struct lexeme *lexicon_find(const char *word, size_t len);
/* The word just as it is, in any case: "rose" is the flower. */
const struct lexeme *lexicon_find_exact(const char *word, size_t len);

#endif
