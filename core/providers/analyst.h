/* SPDX-License-Identifier: MIT */
#ifndef PROVIDERS_ANALYST_H
#define PROVIDERS_ANALYST_H

/*
 * The extractive analyst, in three steps: prose (a chapter's sentences and what is visible in
 * them), cast (who and what is named), scenes (which passages to show). All by whole numbers and
 * tables, so that the same text gives the same bytes everywhere; all in time linear in the text, or
 * nearly.
 */

#include "lexicon.h"
#include "providers.h"

/* ---- words of one sentence */

enum { SENTENCE_BYTES = 1000, SENTENCE_WORDS = SENTENCE_BYTES / 2 + 1 };

struct word {
	const char *s;
	uint16_t len;
	bool upper;	 /* begins with a capital */
	bool shout;	 /* more than one letter, all capitals */
	bool opens;	 /* stands first, or behind an opening quotation mark */
	bool possessive; /* "'s" follows, which is not part of it */
	bool joined;	 /* nothing but one blank stands before it */
	uint32_t kinds;	 /* the lexeme's, less those it cannot have behind the word before */
	const struct lexeme *lex;
};

/* ---- prose */

struct sentence {
	uint32_t start, end; /* bytes of the text */
	uint32_t marks;	     /* the first of its marks */
	uint16_t mark_count;
	uint16_t words;
	uint16_t spoken;      /* bytes within quotation marks */
	uint8_t looks;	      /* words about the looks of somebody or something */
	bool opens_paragraph; /* stands first in it */
	bool after_break;     /* a heading or a scene break is before it */
};

/* A word that tells for or against a passage. A passage counts each once, so that it is not chosen
 * for one word that comes again and again. */
struct mark {
	uint16_t word; /* which, below MARK_WORDS */
	int8_t weight;
	uint8_t aspect; /* a bit: of light, of persons, of things ... */
};
enum { MARK_WORDS = 1 << 16 };

struct prose {
	const char *text;
	size_t len;
	struct sentence *sentences;
	size_t count, cap;
	struct mark *marks;
	size_t mark_count, mark_cap;
	int64_t words, stop_words, capitals; /* capitals: within sentences */
	bool listed;			     /* the word list covers the language */
	bool cased;			     /* the script has capitals, and few words begin so */
};

/* -EFBIG for a text over 64 MB, -ENOMEM. */
int prose_init(struct prose *p, const char *text, size_t len);
void prose_finish(struct prose *p);
size_t prose_words(struct word words[SENTENCE_WORDS], const struct prose *p,
		   const struct sentence *s);
/* What can be seen in the sentences: their marks, words and looks. 0, or -ENOMEM. */
int sight_weigh(struct prose *p);

/* Code points, for words and sentences. */
bool text_is_space(uint32_t cp);
bool text_is_upper(uint32_t cp);
bool text_is_letter(uint32_t cp);

/* ---- cast */

struct mention {
	uint32_t name, sentence;
	uint16_t word; /* where it begins in the sentence */
	uint8_t words;
};

struct member { /* of the cast: becomes an element */
	enum element_type type;
	char *name;
	struct strv aliases;
	bool unnamed;
	uint32_t sum[SIGHTS];
	uint32_t *sentences; /* in which it is mentioned, ascending */
	size_t count, cap;
};

struct cast {
	struct member *members; /* the most mentioned first */
	size_t len, cap;
	size_t all; /* with those behind len, which are scenery */
	struct names *names;
	struct looks *looks;
	uint32_t *member_of; /* of a name: its index + 1, or 0 */
	const char *title;   /* the chapter's, or NULL; borrowed while the looks are read */
	uint32_t home;	     /* the place that the chapter is called by: its index + 1, or 0 */
};

/* title: the chapter's, or NULL. */
int cast_init(struct cast *c, const struct prose *p, const char *title);
void cast_finish(struct cast *c);
void cast_elements(struct analysis *a, const struct cast *c, const struct prose *p);

/* ---- the air of a passage */

struct air {
	enum mood mood;
	enum light light, hour; /* what shines, from moonlight on; from dawn to night */
	enum ground ground;
};
enum { LIGHTING_BYTES = 40 };
void air_read(struct air *a, const struct prose *p, size_t first, size_t count);
/* As in a concept's "lighting": "moonlight", "lamplight, night", "". */
void air_lighting(char out[LIGHTING_BYTES], const struct air *a);

/* ---- the description of a passage: sentences from first on */

void brief_write(struct concept *c, const struct prose *p, const struct cast *cast,
		 const struct air *air, size_t first, size_t count);

/* The same where the lexicon does not cover the language. */
void keywords_write(struct concept *c, const struct prose *p, size_t first, size_t count);

/* ---- scenes */

/* Phrases of a look ("long grey coat") in a sentence, at most `most`, each once; behind them what
 * out has. */
void look_phrases(struct strv *out, const struct word *words, size_t count, size_t most,
		  uint32_t noun_kinds);
int scenes_concepts(struct analysis *a, const struct prose *p, const struct cast *c, int wanted);

#endif
