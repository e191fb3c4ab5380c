/* SPDX-License-Identifier: MIT */
#include "analyst_air.h"

#include <stdio.h>
#include <string.h>

/*
 * The air of a passage: its mood, its light and its hour. They are seldom named: "nobody", "one
 * plate" and "by himself" make it lonely together, and who lights a lamp tells the hour. So they
 * are weighed, not looked up. What is weighed are terms: every word, every two words in a row, what
 * the rules of analyst_light.c found ("~light_mist"), and the cues of analyst_cue.c. Each term that
 * airs.txt knows adds, once, what it weighs for every mood, light and hour. The heaviest mood is
 * the passage's; light and hour are chosen together, for a moon does not shine at noon: the pair
 * that weighs most, with what such a pair weighs itself. The weights were learned from passages
 * whose air is known; tests/quality/train.py does it, and says how well they do on passages that
 * they have not been learned from. The ground is elected by the rules alone.
 */

enum { FEWEST_TERMS = 3, NEIGHBOURS = 3, NAMES = 6 };

/* ---- terms */

/* Behind what is in term, or nothing where it is too long. */
static size_t put_word(char term[AIR_TERM_BYTES], size_t len, const struct word *w)
{
	const char *s = w->lex ? w->lex->word : w->s;
	size_t n = w->lex ? strlen(s) : w->len;
	if (len + n >= AIR_TERM_BYTES)
		return 0;
	for (size_t i = 0; i < n; i++)
		term[len++] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] + 32) : s[i];
	term[len] = '\0';
	return len;
}

/* Who tells a story says "I" whatever its mood. */
static bool is_narrator(const struct word *w)
{
	static const char *const words[] = {"i",  "me", "my",  "myself", "mine",
					    "we", "us", "our", "ours",	 "ourselves"};
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t len = strlen(words[i]);
		if (w->len == len && (w->s[0] | 32) == words[i][0] &&
		    !memcmp(w->s + 1, words[i] + 1, len - 1))
			return true;
	}
	return false;
}

/* A word that names a mood: "deserted". */
static enum mood named_by(const struct word *w)
{
	return w->lex && w->lex->mood_weight >= NAMES ? (enum mood)w->lex->mood : MOOD_NONE;
}

static void put_named(const struct word *w, const struct term_sink *out)
{
	char term[AIR_TERM_BYTES];
	snprintf(term, sizeof(term), "~%s", mood_names[named_by(w)]);
	out->put(out->context, term);
}

/* The word, and with the next one. */
static void put_terms(const struct word *w, const struct word *next, const struct term_sink *out)
{
	char term[AIR_TERM_BYTES];
	size_t len = is_narrator(w) ? 0 : put_word(term, 0, w);
	if (!len)
		return;
	out->put(out->context, term);
	if (!next || is_narrator(next) || len + 1 == AIR_TERM_BYTES)
		return;
	term[len] = '_';
	if (put_word(term, len + 1, next))
		out->put(out->context, term);
}

static void put_sentence(struct air_cues *cues, const struct prose *p, const struct sentence *s,
			 const struct term_sink *out)
{
	struct word words[SENTENCE_WORDS];
	bool idle[SENTENCE_WORDS];
	size_t count = prose_words(words, p, s);
	light_idioms(idle, words, count);
	for (size_t i = 0; i < count; i++) {
		if (named_by(&words[i]) && !idle[i])
			put_named(&words[i], out);
		put_terms(&words[i], i + 1 < count ? &words[i + 1] : NULL, out);
	}
	light_word_terms(words, count, out);
	cue_count(cues, words, count);
}

/* The sentences around a passage that stand in its paragraphs, a few at most, have its air. */
static void widen(const struct prose *p, size_t *first, size_t *end)
{
	for (size_t n = 0; n < NEIGHBOURS && *first && !p->sentences[*first].opens_paragraph; n++)
		(*first)--;
	for (size_t n = 0; n < NEIGHBOURS && *end < p->count && !p->sentences[*end].opens_paragraph;
	     n++)
		(*end)++;
}

void air_each_term(const struct prose *p, const struct air_votes *v, size_t first, size_t count,
		   const struct term_sink *out)
{
	size_t end = first + count;
	struct air_cues cues = {0};
	widen(p, &first, &end);
	light_terms(v, out);
	for (size_t i = first; i < end; i++)
		put_sentence(&cues, p, &p->sentences[i], out);
	cue_terms(&cues, out);
}

/* ---- weighing */

struct weighing {
	int32_t sums[AIR_COLUMNS];
	size_t terms;
	uint8_t *seen; /* by term */
};

static int compare_term(const void *term, const void *row)
{
	return strcmp(term, ((const struct air_term *)row)->words);
}

static void weigh_term(void *context, const char *term)
{
	struct weighing *g = context;
	const struct air_term *t =
		bsearch(term, air_terms, air_term_count, sizeof(*air_terms), compare_term);
	if (!t || g->seen[t - air_terms])
		return;
	g->seen[t - air_terms] = true;
	g->terms += *term != '~';
	int32_t times = *term == '~' ? AIR_SIGN : 1;
	for (size_t i = 0; i < AIR_COLUMNS; i++)
		g->sums[i] += times * t->weights[i];
}

static enum mood heaviest_mood(const struct weighing *g)
{
	size_t best = MOOD_CALM;
	for (size_t m = MOOD_CALM + 1; m < MOODS && g->terms >= FEWEST_TERMS; m++) {
		if (g->sums[m - 1] > g->sums[best - 1])
			best = m;
	}
	return (enum mood)best;
}

/* No light and no hour weigh nothing themselves. */
static int32_t light_sum(const struct weighing *g, enum light light)
{
	return light ? g->sums[AIR_MOODS + light - 1] : 0;
}

static void heaviest_pair(enum light *light, enum light *hour, const struct weighing *g)
{
	int32_t best = INT32_MIN;
	for (size_t h = 0; h < AIR_HOURS; h++) {
		for (size_t l = 0; l < AIR_LIGHTS; l++) {
			enum light shines = l ? (enum light)(LIGHT_NIGHT + l) : LIGHT_NONE;
			int32_t sum = light_sum(g, (enum light)h) + light_sum(g, shines) +
				      air_pairs[h][l];
			if (sum <= best)
				continue;
			best = sum;
			*hour = (enum light)h;
			*light = shines;
		}
	}
}

void air_read(struct air *a, const struct prose *p, size_t first, size_t count)
{
	struct air_votes v;
	*a = (struct air){0};
	if (!p->listed)
		return;
	CLEANUP(cleanup_free) uint8_t *seen = xcalloc(air_term_count, 1);
	struct weighing g = {.seen = seen};
	for (size_t i = 0; i < AIR_COLUMNS; i++)
		g.sums[i] = air_start[i];
	light_vote(&v, p, first, count);
	air_each_term(p, &v, first, count, &(struct term_sink){weigh_term, &g});
	a->ground = v.ground;
	a->mood = heaviest_mood(&g);
	heaviest_pair(&a->light, &a->hour, &g);
	if (!a->hour)
		a->hour = light_hour_before(&v, p, first);
}

void air_lighting(char out[LIGHTING_BYTES], const struct air *a)
{
	bool said = a->hour == LIGHT_NIGHT &&
		    (a->light == LIGHT_MOONLIGHT || a->light == LIGHT_STARLIGHT);
	const char *hour = light_names[a->hour];
	if (!a->light)
		strcpy(out, hour);
	else if (!a->hour || said)
		strcpy(out, light_names[a->light]);
	else /* "sunlight, morning" */
		snprintf(out, LIGHTING_BYTES, "%s, %.*s", light_names[a->light],
			 (int)strcspn(hour, " "), hour);
}
