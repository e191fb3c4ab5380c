/* SPDX-License-Identifier: MIT */
#ifndef PROVIDERS_ANALYST_NAMES_H
#define PROVIDERS_ANALYST_NAMES_H

#include "analyst.h"

#include <string.h>

/*
 * Names and unnamed beings and things, counted over a chapter. A name is a run of capitalised
 * words; what stands around it says what it is (analyst_votes.c). An unnamed one is a determiner
 * and a noun of the word list ("the old lantern"). Who is who is story's to say (sightings_group).
 */

struct name {
	struct sighting s; /* of an unnamed one, the noun is the name */
	uint32_t first;	   /* the first sentence */
	bool kept;	   /* worth telling the catalogue of */
};

struct names {
	struct name *items;
	size_t len, cap;
	struct mention *mentions; /* in order of sentence, then of word */
	size_t mention_count, mention_cap;
	uint32_t *slots;       /* hash of text -> index + 1 */
	size_t words, uncased; /* uncased: in a script without capitals */
	uint8_t *small;	       /* at a word's hash: times seen without a capital, up to 255 */

	const struct lexeme *thing; /* the last one that was spoken of */
};

int names_init(struct names *n, const struct prose *p);
/* The last name in the chapter's title: its index + 1, or 0. A place that only the title names is
 * added, mentioned by nobody: another chapter may. */
uint32_t names_in_title(struct names *n, const char *title);
void names_finish(struct names *n);

/* A name within its sentence: words[i] to words[i + len - 1]. */
struct context {
	const struct prose *prose;
	const struct sentence *sentence;
	const struct word *words;
	size_t count, i, len;
	const struct lexeme *thing; /* the last one that was spoken of, or NULL */
};
/* What stands around the name, and in it, as votes. */
void votes_cast(struct sighting *s, const struct context *c);
/* What an unnamed being does. */
void votes_deeds(struct sighting *s, const struct context *c);
/* The kinds of noun a type is made of. */
enum sight kind_sight(uint32_t kinds);

/* ---- words */

static inline bool word_has(const struct word *w, uint32_t kinds)
{
	return w->lex && w->lex->kinds & kinds;
}

/* In any case of its first letter. */
static inline bool word_is(const struct word *w, const char *what)
{
	return w->len == strlen(what) && (w->s[0] | 32) == what[0] &&
	       !memcmp(w->s + 1, what + 1, w->len - 1u);
}

static inline bool word_among(const struct word *w, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (word_is(w, list[i]))
			return true;
	}
	return false;
}
#define WORD_AMONG(w, ...)                                                                         \
	word_among(w, (const char *const[]){__VA_ARGS__},                                          \
		   sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

#endif
