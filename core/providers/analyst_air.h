/* SPDX-License-Identifier: MIT */
#ifndef PROVIDERS_ANALYST_AIR_H
#define PROVIDERS_ANALYST_AIR_H

#include "analyst.h"

/* ---- what the words say of light, hour and ground: analyst_light.c */

enum { CLOCK_HOURS = 12 };

struct air_votes {
	uint32_t lights[LIGHTS], grounds[GROUNDS];
	uint32_t clock[CLOCK_HOURS + 1]; /* one o'clock, two o'clock ... */
	enum light light, hour;		 /* elected */
	enum light last[2];		 /* told last: a light, an hour */
	enum ground ground;
};

/* Of the passage and, with less weight, of what is around it. */
void light_vote(struct air_votes *v, const struct prose *p, size_t first, size_t count);
/* The hour that lasts at the passage, of the sentences before it; none if v shows that it is over.
 */
enum light light_hour_before(const struct air_votes *v, const struct prose *p, size_t first);
/* Marks the words of turns of speech, in which they do not mean what they say. */
void light_idioms(bool idle[SENTENCE_WORDS], const struct word *words, size_t count);

/* ---- terms: what a passage is weighed by */

enum { AIR_TERM_BYTES = 24, AIR_MOODS = MOODS - 1, AIR_COLUMNS = AIR_MOODS + LIGHTS - 1 };

struct term_sink {
	void (*put)(void *context, const char *term);
	void *context;
};

/* "~hour_night", "~vote_mist", "~clock_9": what the votes came to. */
void light_terms(const struct air_votes *v, const struct term_sink *out);
/* Of a sentence: "sun.low", a word of light or weather with those about it; "~not_moon", which is
 * denied, compared or meant otherwise. */
void light_word_terms(const struct word *words, size_t count, const struct term_sink *out);
/* All terms of a passage, known or not, one after another: those, its cues, its words, and pairs of
 * them with _ between; "~lonely" for each word that names that mood. */
void air_each_term(const struct prose *p, const struct air_votes *v, size_t first, size_t count,
		   const struct term_sink *out);

/* ---- cues: words and phrases that tell something of the air, in groups: analyst_cue.c */

enum { AIR_GROUPS = 46 };

struct air_cue {
	const char *words; /* with _ between */
	uint8_t group;
};
extern const struct air_cue air_cues[]; /* sorted by their words, each as a whole */
extern const size_t air_cue_count;
extern const char *const air_groups[AIR_GROUPS];

struct air_cues {
	uint32_t found[AIR_GROUPS]; /* what they are worth */
};

/* How many of the words from here on are this phrase, each in any form; 0: it is not here. */
size_t cue_matches(const char *phrase, const struct word *words, size_t count);
/* Adds those of a sentence. */
void cue_count(struct air_cues *c, const struct word *words, size_t count);
/* "~cue_hearth", and "~cues_hearth" where there are some, "~many_hearth" where many. */
void cue_terms(const struct air_cues *c, const struct term_sink *out);

/* ---- what was learned: air_table.c, which the build makes of airs.txt and cues.txt */

struct air_term {
	char words[AIR_TERM_BYTES];  /* base forms in small letters */
	int8_t weights[AIR_COLUMNS]; /* for each mood from calm on, then each light from dawn on */
};
enum { AIR_SIGN = 16 };			  /* terms with "~" weigh so many times their row */
extern const struct air_term air_terms[]; /* sorted by words */
extern const size_t air_term_count;
extern const int16_t air_start[AIR_COLUMNS]; /* before any term is read */
/* What an hour and a light weigh together: each from none on, then from dawn and from moonlight. */
enum { AIR_HOURS = LIGHT_NIGHT + 1, AIR_LIGHTS = LIGHTS - LIGHT_NIGHT };
extern const int16_t air_pairs[AIR_HOURS][AIR_LIGHTS];

#endif
