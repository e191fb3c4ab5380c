/* SPDX-License-Identifier: MIT */
#include "lexicon.h"

#include <string.h>

const char *const mood_names[MOODS] = {
	"",	    "calm",	"joyful", "tender",   "melancholy", "tense",  "eerie",
	"menacing", "majestic", "lonely", "wondrous", "turbulent",  "solemn",
};

const char *const light_names[LIGHTS] = {
	"",	    "dawn",	"morning light", "noon light", "afternoon light", "sunset",
	"dusk",	    "night",	"moonlight",	 "starlight",  "firelight",	  "lamplight",
	"sunlight", "overcast", "storm light",	 "mist",
};

enum { WORD_BYTES = 16 }; /* longer than any word of the list, with an ending */

/* Lower case, NUL-terminated; false if it is too long to be listed. */
static bool fold_word(char out[WORD_BYTES + 1], const char *word, size_t len)
{
	if (len > WORD_BYTES)
		return false;
	for (size_t i = 0; i < len; i++)
		out[i] = word[i] >= 'A' && word[i] <= 'Z' ? (char)(word[i] + 32) : word[i];
	out[len] = '\0';
	return true;
}

static const struct lexeme *find(const char *word)
{
	size_t low = 0, high = lexicon_words;
	while (low < high) {
		size_t mid = (low + high) / 2;
		int r = strcmp(word, lexicon_table[mid].word);
		if (r == 0)
			return &lexicon_table[mid];
		if (r < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

const struct lexeme *lexicon_find_exact(const char *word, size_t len)
{
	char folded[WORD_BYTES + 1];
	return fold_word(folded, word, len) ? find(folded) : NULL;
}

/* Endings and what stands in their place in the base form, the likeliest first. */
static const struct {
	const char *ending, *base;
} endings[] = {
	{"ies", "y"}, {"ves", "f"}, {"es", ""},	 {"s", ""},    {"ied", "y"},
	{"ed", ""},   {"ed", "e"},  {"ing", ""}, {"ing", "e"}, {"ly", ""},
};

static const struct lexeme *find_without(char *word, size_t len, const char *ending,
					 const char *base)
{
	char stem[WORD_BYTES + 2];
	size_t cut = strlen(ending);
	if (len < cut + 3 || memcmp(word + len - cut, ending, cut) != 0)
		return NULL;
	memcpy(stem, word, len - cut);
	strcpy(stem + len - cut, base);
	const struct lexeme *l = find(stem);
	size_t n = len - cut;
	/* "dragged", "running": the doubled consonant goes. */
	if (!l && !*base && n > 3 && stem[n - 1] == stem[n - 2]) {
		stem[n - 1] = '\0';
		l = find(stem);
	}
	/* "theing" is no form of "the". */
	return l && !(l->kinds & (LEX_STOP | LEX_ABBR | LEX_NONAME)) ? l : NULL;
}

const struct lexeme *lexicon_find(const char *word, size_t len)
{
	char folded[WORD_BYTES + 1];
	if (!fold_word(folded, word, len))
		return NULL;
	const struct lexeme *l = find(folded);
	for (size_t i = 0; !l && i < ARRAY_LEN(endings); i++)
		l = find_without(folded, len, endings[i].ending, endings[i].base);
	return l;
}
