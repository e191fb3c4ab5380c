/* SPDX-License-Identifier: MIT */
#ifndef PROVIDERS_LEXICON_H
#define PROVIDERS_LEXICON_H

/*
 * What a word shows. One list (lexicon.txt) for the analyst, who chooses and names, and the
 * painter, who draws: both see the same grounds, hours and moods in a passage.
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

struct lexeme {
	const char *word; /* its base form */
	uint32_t kinds;	  /* of enum lex_kind */
	uint8_t mood, light, ground;
};

/* The list, sorted by bytes: lexicon_table.c, which the build makes of lexicon.txt. */
extern const struct lexeme lexicon_table[];
extern const size_t lexicon_words;

/* As in a concept's "mood" and "lighting"; "" for none. */
extern const char *const mood_names[MOODS];
extern const char *const light_names[LIGHTS];

/* The word in any case; also without the ending of a plural or a regular verb. NULL: not listed. */
const struct lexeme *lexicon_find(const char *word, size_t len);
/* The word just as it is, in any case. */
const struct lexeme *lexicon_find_exact(const char *word, size_t len);

#endif
