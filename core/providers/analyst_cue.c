/* SPDX-License-Identifier: MIT */
#include "analyst_air.h"

#include <stdio.h>
#include <string.h>

/*
 * Cues: words and phrases that a reader takes hour and light from without thinking, though they
 * name neither: the milk is brought, rooks come home, one feels along a wall. There are too many
 * for each to be learned from passages, so cues.txt has them in groups that tell the same, and what
 * is learned is what a group tells, and much of it. Some groups are of fear, joy, death: they tell
 * of the hour as well, but of the mood less than their words do each for itself, so it is not read
 * from them.
 */

enum { OF_WORD = 2, OF_PHRASE = 3, SOME = 5, MANY = 8 };

/* Is it the word, in any form? */
static bool is_form(const struct word *w, const char *word, size_t len)
{
	if (w->len == len && (w->s[0] | 32) == word[0] && !strncmp(w->s + 1, word + 1, len - 1))
		return true;
	return w->lex && strlen(w->lex->word) == len && !memcmp(w->lex->word, word, len);
}

size_t cue_matches(const char *phrase, const struct word *words, size_t count)
{
	for (size_t n = 0;; n++) {
		size_t len = strcspn(phrase, "_");
		if (n == count || !is_form(&words[n], phrase, len))
			return 0;
		if (!phrase[len])
			return n + 1;
		phrase += len + 1;
	}
}

static char small(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Is that its base form? Of a word that the lexicon does not know, the word itself. */
static bool is_base(const struct word *w, const char *base, size_t len)
{
	const char *own = w->lex ? w->lex->word : w->s;
	if ((w->lex ? strlen(own) : w->len) != len)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (small(own[i]) != base[i])
			return false;
	}
	return true;
}

/* The first word of a cue beside another word, in any case. */
static int compare_first(const char *cue, const char *word, size_t len)
{
	size_t own = strcspn(cue, "_");
	for (size_t i = 0; i < own && i < len; i++) {
		int order = (uint8_t)cue[i] - (uint8_t)small(word[i]);
		if (order)
			return order;
	}
	return (own > len) - (own < len);
}

/* Where those begin whose first word it is; they are sorted by it. */
static size_t first_cue(const char *word, size_t len)
{
	size_t low = 0, high = air_cue_count;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (compare_first(air_cues[mid].words, word, len) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* How many words from here on are this cue, or 0. */
static size_t matches(const char *cue, const struct word *words, size_t count)
{
	for (size_t n = 0; n < count; n++) {
		size_t len = strcspn(cue, "_");
		if (!is_base(&words[n], cue, len))
			return 0;
		if (!cue[len])
			return n + 1;
		cue += len + 1;
	}
	return 0;
}

/* Adds what those are worth that begin with the first of the words; of each group, one. */
static void add_cues(struct air_cues *c, const struct word *words, size_t count)
{
	const char *first = words->lex ? words->lex->word : words->s;
	size_t len = words->lex ? strlen(first) : words->len;
	uint8_t worth[AIR_GROUPS] = {0};
	for (size_t k = first_cue(first, len);
	     k < air_cue_count && !compare_first(air_cues[k].words, first, len); k++) {
		size_t n = matches(air_cues[k].words, words, count);
		uint8_t *best = &worth[air_cues[k].group];
		if (n)
			*best = n > 1 ? OF_PHRASE : *best ? *best : OF_WORD;
	}
	for (size_t g = 0; g < AIR_GROUPS; g++)
		c->found[g] += worth[g];
}

void cue_count(struct air_cues *c, const struct word *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add_cues(c, words + i, count - i);
}

static void put_group(const struct term_sink *out, const char *found, size_t group)
{
	char term[AIR_TERM_BYTES];
	snprintf(term, sizeof(term), "~%s_%s", found, air_groups[group]);
	out->put(out->context, term);
}

void cue_terms(const struct air_cues *c, const struct term_sink *out)
{
	for (size_t g = 0; g < AIR_GROUPS; g++) {
		if (c->found[g])
			put_group(out, "cue", g);
		if (c->found[g] >= SOME)
			put_group(out, "cues", g);
		if (c->found[g] >= MANY)
			put_group(out, "many", g);
	}
}
