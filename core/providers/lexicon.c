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

/* Lower case, NUL-terminated; false if it is too long to be listed. */
static bool fold_word(char out[LEXEME_BYTES + 1], const char *word, size_t len)
{
	if (len > LEXEME_BYTES)
		return false;
	for (size_t i = 0; i < len; i++)
		out[i] = word[i] >= 'A' && word[i] <= 'Z' ? (char)(word[i] + 32) : word[i];
	out[len] = '\0';
	return true;
}

/* FNV-1a, as in lexicon.py. */
static uint32_t hash_word(const char *word)
{
	uint32_t h = 2166136261u;
	for (; *word; word++)
		h = (h ^ (unsigned char)*word) * 16777619u;
	return h ^ h >> 15;
}

static const struct lexeme *find(const char *word)
{
	uint32_t at = hash_word(word) % LEXICON_SLOTS;
	for (; lexicon_slots[at]; at = (at + 1) % LEXICON_SLOTS) {
		const struct lexeme *l = &lexicon_table[lexicon_slots[at] - 1];
		if (!strcmp(l->word, word))
			return l;
	}
	return NULL;
}

const struct lexeme *lexicon_find_exact(const char *word, size_t len)
{
	char folded[LEXEME_BYTES + 1];
	return fold_word(folded, word, len) ? find(folded) : NULL;
}

/* Endings and what stands in their place in the base form, the likeliest first; and how the base
 * form must be in use. */
enum use { USE_NOUN = 1, USE_VERB = 2, USE_ADJECTIVE = 4 };

static const struct {
	const char *ending, *base;
	unsigned uses;
} endings[] = {
	{"ies", "y", USE_NOUN | USE_VERB},
	{"ves", "f", USE_NOUN},
	{"men", "man", USE_NOUN},
	{"s", "", USE_NOUN | USE_VERB}, /* "pines" are no pins */
	{"es", "", USE_NOUN | USE_VERB},
	{"ied", "y", USE_VERB},
	{"ed", "", USE_VERB},
	{"ed", "e", USE_VERB},
	{"ing", "", USE_VERB},
	{"ing", "e", USE_VERB},
	{"ier", "y", USE_ADJECTIVE},
	{"iest", "y", USE_ADJECTIVE},
	{"er", "", USE_ADJECTIVE},
	{"er", "e", USE_ADJECTIVE},
	{"est", "", USE_ADJECTIVE},
	{"est", "e", USE_ADJECTIVE},
	{"ly", "", USE_ADJECTIVE},
};

/* A word of our own list that WordNet does not know may be anything. */
static bool is_used(const struct lexeme *l, unsigned uses)
{
	return (!l->noun && !l->verb && !l->adjective) || (uses & USE_NOUN && l->noun) ||
	       (uses & USE_VERB && l->verb) || (uses & USE_ADJECTIVE && l->adjective);
}

static const struct lexeme *find_without(char *word, size_t len, const char *ending,
					 const char *base, unsigned uses)
{
	char stem[LEXEME_BYTES + 2];
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
	return l && !l->base && !(l->kinds & (LEX_STOP | LEX_ABBR | LEX_NONAME)) && is_used(l, uses)
		       ? l
		       : NULL;
}

/* With the ending i. "tinged" may be of "ting" or "tinge": the word in more use, which stands
 * first.
 */
static const struct lexeme *find_base(char *word, size_t len, size_t i)
{
	const struct lexeme *l =
		find_without(word, len, endings[i].ending, endings[i].base, endings[i].uses);
	bool silent = i + 1 < ARRAY_LEN(endings) && !strcmp(endings[i + 1].base, "e");
	const struct lexeme *other = l && silent ? find_without(word, len, endings[i + 1].ending,
								"e", endings[i + 1].uses)
						 : NULL;
	return other && other < l ? other : l;
}

const struct lexeme *lexicon_find(const char *word, size_t len)
{
	char folded[LEXEME_BYTES + 1];
	if (!fold_word(folded, word, len))
		return NULL;
	const struct lexeme *l = find(folded);
	for (size_t i = 0; !l && i < ARRAY_LEN(endings); i++)
		l = find_base(folded, len, i);
	return l && l->base ? &lexicon_table[l->base - 1] : l;
}
