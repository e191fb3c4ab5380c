/* SPDX-License-Identifier: MIT */
#include "analyst.h"

#include <string.h>

/*
 * What can be seen in a sentence. Each word that tells something of it leaves a mark: colours,
 * light, bodies, things for it; ideas, suppositions and talk against it. In a language that the
 * lexicon does not cover, words that are rare in the chapter and long carry more than the frequent
 * short ones of grammar; where the script marks nouns (German) or has them in characters of their
 * own (Japanese), these count.
 */

enum {
	ASPECT_COLOUR = 1 << 0,
	ASPECT_LIGHT = 1 << 1,
	ASPECT_PLACE = 1 << 2,
	ASPECT_BODY = 1 << 3,
	ASPECT_CREATURE = 1 << 4,
	ASPECT_MOTION = 1 << 5,
	ASPECT_THING = 1 << 6,
	ASPECT_PERSON = 1 << 7,
};

/* The first that fits is taken. */
static const struct {
	uint32_t kinds;
	int8_t weight;
	uint8_t aspect;
} weights[] = {
	{LEX_COLOUR, 6, ASPECT_COLOUR},	  {LEX_WEATHER, 5, ASPECT_LIGHT},
	{LEX_LIGHT, 5, ASPECT_LIGHT},	  {LEX_CREATURE, 4, ASPECT_CREATURE},
	{LEX_LAND, 4, ASPECT_PLACE},	  {LEX_PLANT, 4, ASPECT_PLACE},
	{LEX_CLOTH, 4, ASPECT_BODY},	  {LEX_VEHICLE, 4, ASPECT_THING},
	{LEX_MATERIAL, 4, ASPECT_COLOUR}, {LEX_MOTION, 3, ASPECT_MOTION},
	{LEX_BUILDING, 3, ASPECT_PLACE},  {LEX_BODY, 3, ASPECT_BODY},
	{LEX_SITE, 2, ASPECT_PLACE},	  {LEX_ITEM, 2, ASPECT_THING},
	{LEX_LOOK, 2, ASPECT_COLOUR},	  {LEX_SENSE, 2, ASPECT_MOTION},
	{LEX_FOOD, 2, ASPECT_THING},	  {LEX_PERSON, 1, ASPECT_PERSON},
	{LEX_GROUP, 1, ASPECT_PERSON},
};

enum { LOOKS = LEX_COLOUR | LEX_MATERIAL | LEX_BODY | LEX_CLOTH | LEX_LOOK };
enum { OF_IDEAS = -3, OF_IDEAS_PERHAPS = -1, OF_SUPPOSITION = -2, OF_TALK = -2 };

static bool is_among(const struct word *w, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (w->s[0] == list[i][0] && w->len == strlen(list[i]) &&
		    !strncmp(w->s, list[i], w->len))
			return true;
	}
	return false;
}

/* What may be, was before, or is said to somebody, does not happen before our eyes. */
static int weigh_grammar(const struct word *w)
{
	static const char *const suppositions[] = {
		"would",   "could", "should",  "might",	 "may",	      "must",
		"shall",   "will",  "can",     "if",	 "had",	      "whether",
		"perhaps", "why",   "because", "If",	 "years",     "months",
		"weeks",   "often", "usually", "always", "sometimes", "generally"};
	static const char *const talk[] = {"you", "your", "You", "Your", "yes", "Yes", "sir"};
	if (is_among(w, suppositions, ARRAY_LEN(suppositions)))
		return OF_SUPPOSITION;
	return is_among(w, talk, ARRAY_LEN(talk)) ? OF_TALK : 0;
}

static struct mark mark_of(const struct word *w)
{
	struct mark m = {0};
	if (w->upper && !w->opens && !w->shout)
		return (struct mark){MARK_WORDS - 1, 1, ASPECT_PERSON};
	if (!w->lex)
		return m;
	m.word = (uint16_t)(w->lex - lexicon_table);
	if (w->kinds & LEX_STOP)
		m.weight = (int8_t)weigh_grammar(w);
	for (size_t i = 0; i < ARRAY_LEN(weights) && !m.weight; i++) {
		if (w->kinds & weights[i].kinds) {
			m.weight = weights[i].weight;
			/* Of a word that only WordNet knows we are less sure. */
			m.weight = (int8_t)(m.weight - (m.weight > 1 && !(w->kinds & LEX_LISTED)));
			m.aspect = weights[i].aspect;
		}
	}
	if (!m.weight && w->kinds & LEX_ABSTRACT)
		m.weight = w->kinds & LEX_LISTED ? OF_IDEAS : OF_IDEAS_PERHAPS;
	return m;
}

static bool add_mark(struct prose *p, struct sentence *s, struct mark m)
{
	if (!m.weight)
		return true;
	if (p->mark_count == p->mark_cap) {
		size_t cap = p->mark_cap ? p->mark_cap * 2 : 1024;
		void *grown = realloc(p->marks, cap * sizeof(*p->marks));
		if (!grown)
			return false;
		p->marks = grown;
		p->mark_cap = cap;
	}
	p->marks[p->mark_count++] = m;
	s->mark_count++;
	return true;
}

/* ---- languages that the lexicon does not cover */

static uint32_t hash_word(const struct word *w)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < w->len; i++)
		h = (h ^ (unsigned char)w->s[i]) * 16777619u;
	return (h ^ h >> 16) % MARK_WORDS;
}

static void count_words(uint32_t counts[MARK_WORDS], const struct prose *p)
{
	struct word words[SENTENCE_WORDS];
	for (size_t i = 0; i < p->count; i++) {
		size_t count = prose_words(words, p, &p->sentences[i]);
		for (size_t k = 0; k < count; k++)
			counts[hash_word(&words[k])]++;
	}
}

static size_t letters_in(const struct word *w)
{
	size_t letters = 0;
	for (const char *s = w->s, *end = w->s + w->len; s < end; letters++)
		utf8_next(&s, end);
	return letters;
}

/* Ideographs are words by themselves; those that write endings and particles are not. */
static bool is_content_character(const struct word *w)
{
	const char *s = w->s;
	uint32_t cp = utf8_next(&s, w->s + w->len);
	return (cp >= 0x4e00 && cp <= 0x9fff) || (cp >= 0x20000 && cp <= 0x3ffff);
}

static struct mark mark_of_shape(const struct word *w, const struct prose *p,
				 const uint32_t counts[MARK_WORDS])
{
	uint32_t hash = hash_word(w), count = counts[hash];
	bool frequent = (int64_t)count * 300 > p->words && count > 2;
	size_t letters = letters_in(w);
	int weight = frequent || letters < 4 ? 0 : letters < 7 ? 1 : 2;
	if (is_content_character(w))
		weight = frequent ? 0 : 2;
	else if (!p->cased && w->upper && !w->opens && !frequent)
		weight += 2;
	return (struct mark){.word = (uint16_t)hash, .weight = (int8_t)weight};
}

/* ---- sentences */

static bool weigh_sentence(struct prose *p, struct sentence *s, const uint32_t *counts)
{
	struct word words[SENTENCE_WORDS];
	size_t count = prose_words(words, p, s), looks = 0;
	s->words = (uint16_t)count;
	s->marks = (uint32_t)p->mark_count;
	for (size_t i = 0; i < count; i++) {
		struct mark m = counts ? mark_of_shape(&words[i], p, counts) : mark_of(&words[i]);
		if (!add_mark(p, s, m))
			return false;
		looks += (words[i].kinds & LOOKS) != 0;
	}
	s->looks = (uint8_t)(looks > 255 ? 255 : looks);
	return true;
}

int sight_weigh(struct prose *p)
{
	CLEANUP(cleanup_free) uint32_t *counts = NULL;
	if (!p->listed) {
		counts = xcalloc(MARK_WORDS, sizeof(*counts));
		count_words(counts, p);
	}
	for (size_t i = 0; i < p->count; i++) {
		if (!weigh_sentence(p, &p->sentences[i], counts))
			return -ENOMEM;
	}
	return 0;
}
