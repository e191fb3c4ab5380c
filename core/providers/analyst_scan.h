/* SPDX-License-Identifier: MIT */
#ifndef PROVIDERS_ANALYST_SCAN_H
#define PROVIDERS_ANALYST_SCAN_H

/*
 * A chapter read for looks, sentence by sentence: first whom each word is about (analyst_whom.c),
 * then what is said of beings (analyst_being.c) and of places and things (analyst_looks.c).
 */

#include "analyst_looks.h"
#include "analyst_names.h"

/* Whom a word is about: a member + 1, or one of these. */
#define NOBODY 0u
#define SOMEBODY (LOOKS_SOMEBODY + 1)

/* Whom a pronoun means. */
enum slot { SLOT_MALE, SLOT_FEMALE, SLOT_THING, SLOT_THEM, SLOTS_OF };

/* A thing is named by the way, or the clause is about it; or it stands before: "its roof", "Hill
 * House, a long low building". */
enum telling { BY_THE_WAY, SUBJECT, CLOSE };

struct scan {
	struct looks *out;
	const struct cast *cast;
	const struct prose *prose;
	size_t mention;		/* the next one */
	size_t paragraph;	/* its first fact */
	size_t earlier;		/* that of the paragraph before */
	uint32_t who[SLOTS_OF]; /* member + 1 */
	uint32_t age[SLOTS_OF]; /* sentences since it was said who */
	bool doubt[SLOTS_OF];	/* two may be meant */
	uint32_t *same;		/* of a member: who is meant by it, as member + 1 */
	uint32_t ship;		/* which the sentence began with, and "she" is */
	uint32_t topic;		/* the place where it happens */
	uint32_t topic_age;	/* in paragraphs */
	uint32_t described;	/* the thing that the last sentences told of */
	uint32_t described_age; /* in sentences */
	size_t first_fact;	/* of the sentence */
	/* of the sentence: */
	const struct sentence *sentence;
	struct word words[SENTENCE_WORDS];
	uint32_t owner[SENTENCE_WORDS];	   /* whom a fact here is about */
	uint32_t named[SENTENCE_WORDS];	   /* whose name, or a noun for whom, ends here */
	bool starts[SENTENCE_WORDS];	   /* a name begins here that owns nothing */
	bool quoted[SENTENCE_WORDS];	   /* within quotation marks */
	enum telling told[SENTENCE_WORDS]; /* how a thing that owns it is told of */
	bool scenic[SENTENCE_WORDS];	   /* nobody is in the clause */
	uint32_t place[SENTENCE_WORDS];	   /* that the clause names, as member + 1, or NOBODY */
	size_t count;
};

/* Reads the sentence of that number, which is s->sentence, up to s->place. */
void whom_read(struct scan *s, uint32_t number);

/* Adds what the sentence says of how beings look; of how places and things do. */
void being_facts(struct scan *s);
void thing_facts(struct scan *s);

/* words[from] to words[to - 1] are a fact about the owner. */
void scan_add(struct scan *s, size_t from, size_t to, uint32_t owner, uint32_t weight);

/* ---- marks between words */

/* Anything but a blank, a hyphen or an apostrophe. */
bool scan_apart(const struct word *before, const struct word *w);
bool scan_comma(const struct word *before, const struct word *w);
bool scan_clause(const struct word *before, const struct word *w); /* ";" or ":" */

/* ---- who and what */

bool scan_is_thing(const struct cast *c, uint32_t m); /* a place or an item */
bool scan_is_being(const struct cast *c, uint32_t m); /* or somebody */

/* ---- words */

bool scan_is_linking(const struct word *w);	/* was, had, wore */
bool scan_is_preposition(const struct word *w); /* before an object */
bool scan_is_owning(const struct word *w);	/* his, her, its, their */
/* A finite verb; behind an article or another word that describes it is none ("black curls"). */
bool scan_is_verb(const struct word *w, const struct word *first);

#endif
