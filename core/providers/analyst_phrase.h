/* SPDX-License-Identifier: MIT */
#ifndef PROVIDERS_ANALYST_PHRASE_H
#define PROVIDERS_ANALYST_PHRASE_H

#include "analyst.h"

/*
 * A little English grammar: noun phrases, and plain clauses in the past tense that can be said
 * again in the present. It takes only what it is sure of; what it does not understand, it leaves.
 */

enum tag {
	TAG_OTHER,
	TAG_DETERMINER,
	TAG_NUMBER,
	TAG_FILLER, /* same, own: not said again */
	TAG_ADJECTIVE,
	TAG_NOUN,
	TAG_NAME,
	TAG_PRONOUN, /* I, he, she */
	TAG_OBJECT,  /* him, her, me, it, them */
	TAG_PREPOSITION,
	TAG_PARTICLE, /* up, away */
	TAG_ADVERB,
	TAG_PAST,	/* a finite verb, or a participle that looks like one */
	TAG_PARTICIPLE, /* taken, gone */
	TAG_ING,
	TAG_BE, /* was, were */
	TAG_HAD,
	TAG_AND,
	TAG_LINK, /* which, when, but: another clause begins */
};

struct token {
	const struct word *word;
	uint8_t tag;
	bool cut;    /* punctuation stands before it */
	bool hyphen; /* it is joined to the one before by one */
	bool plural;
};

struct phrase { /* words of one sentence */
	uint16_t first, count;
	uint16_t head; /* the noun that it is about */
};

struct clause {
	struct phrase subject;
	uint16_t adverb; /* 1: a word between subject and verb */
	uint16_t verb;	 /* index of the token */
	uint16_t end;	 /* behind its last token */
};

void phrase_tag(struct token *tokens, const struct word *words, size_t count);
/* The noun phrase that begins at i; count 0 if none does. */
struct phrase phrase_noun(const struct token *t, size_t count, size_t i);
/* The clause whose subject begins at i; false if it is not a plain one. */
bool phrase_clause(struct clause *out, const struct token *t, size_t count, size_t i);
/* "stands", "stand". */
void phrase_present(struct buf *out, const struct token *verb, bool plural);

#endif
