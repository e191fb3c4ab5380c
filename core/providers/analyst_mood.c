/* SPDX-License-Identifier: MIT */
#include "analyst_mood.h"

#include <stdio.h>
#include <string.h>

/*
 * The mood of a passage. It is seldom named: "nobody", "one plate" and "by himself" make it lonely
 * together. So it is weighed, not looked up: every word and every two words in a row that moods.txt
 * knows add what they weigh for each mood, once, and the heaviest mood is the passage's. The
 * weights were learned from several hundred passages whose mood is known; tests/quality/train.py
 * does it, and says how well they do on passages that they have not been learned from.
 */

enum { FEWEST_TERMS = 3, NEIGHBOURS = 3, NAMES = 6 };

static size_t put_word(char *out, size_t len, const struct word *w)
{
	const char *s = w->lex ? w->lex->word : w->s;
	size_t n = w->lex ? strlen(s) : w->len;
	if (len + n + 1 >= MOOD_TERM_BYTES)
		return len;
	for (size_t i = 0; i < n; i++)
		out[len++] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] + 32) : s[i];
	out[len] = '\0';
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

void mood_each_term(const struct prose *p, size_t sentence,
		    void (*see)(void *context, const char *term), void *context)
{
	struct word words[SENTENCE_WORDS];
	bool idle[SENTENCE_WORDS];
	size_t count = prose_words(words, p, &p->sentences[sentence]);
	air_idioms(idle, words, count);
	for (size_t i = 0; i < count; i++) {
		char term[MOOD_TERM_BYTES] = "";
		if (named_by(&words[i]) && !idle[i]) {
			snprintf(term, sizeof(term), "~%s", mood_names[named_by(&words[i])]);
			see(context, term);
			term[0] = '\0';
		}
		if (is_narrator(&words[i]))
			continue;
		size_t len = put_word(term, 0, &words[i]);
		see(context, term);
		if (i + 1 == count || !len || is_narrator(&words[i + 1]))
			continue;
		term[len++] = '_';
		put_word(term, len, &words[i + 1]);
		see(context, term);
	}
}

struct weighing {
	int32_t sums[MOODS];
	size_t terms;
	uint8_t *seen; /* by term */
};

static int compare_term(const void *term, const void *row)
{
	return strcmp(term, ((const struct mood_term *)row)->words);
}

static void weigh_term(void *context, const char *term)
{
	struct weighing *g = context;
	for (size_t m = MOOD_CALM; m < MOODS && *term == '~'; m++)
		g->sums[m] += strcmp(term + 1, mood_names[m]) ? 0 : MOOD_NAMED;
	const struct mood_term *t =
		bsearch(term, mood_terms, mood_term_count, sizeof(*mood_terms), compare_term);
	if (!t || g->seen[t - mood_terms])
		return;
	g->seen[t - mood_terms] = true;
	g->terms++;
	for (size_t m = 0; m < MOODS; m++)
		g->sums[m] += t->weights[m];
}

/* The sentences around a passage that stand in its paragraphs, a few at most, have its mood. */
static void widen(const struct prose *p, size_t *first, size_t *end)
{
	for (size_t n = 0; n < NEIGHBOURS && *first && !p->sentences[*first].opens_paragraph; n++)
		(*first)--;
	for (size_t n = 0; n < NEIGHBOURS && *end < p->count && !p->sentences[*end].opens_paragraph;
	     n++)
		(*end)++;
}

enum mood mood_read(const struct prose *p, size_t first, size_t count)
{
	size_t best = MOOD_CALM;
	if (!p->listed)
		return MOOD_NONE;
	CLEANUP(cleanup_free) uint8_t *seen = xcalloc(mood_term_count, 1);
	struct weighing g = {.seen = seen};
	for (size_t m = 0; m < MOODS; m++)
		g.sums[m] = mood_start[m];
	size_t end = first + count;
	widen(p, &first, &end);
	for (size_t i = first; i < end; i++)
		mood_each_term(p, i, weigh_term, &g);
	for (size_t m = MOOD_CALM + 1; m < MOODS && g.terms >= FEWEST_TERMS; m++) {
		if (g.sums[m] > g.sums[best])
			best = m;
	}
	return (enum mood)best;
}
