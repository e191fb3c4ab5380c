/* SPDX-License-Identifier: MIT */
#ifndef STORY_FORM_H
#define STORY_FORM_H

/*
 * Counted names taken apart, for the rules that say whose they are (sighting.c): title, first name,
 * last name; an index of their words; and the groups that they are joined to.
 */

#include "story.h"

enum shape { SHAPE_FULL, SHAPE_TITLED, SHAPE_LONE, SHAPE_NOUN };
enum sex { SEX_UNKNOWN, SEX_MALE, SEX_FEMALE };

/* Of women, two ranks are two persons: Mrs. Hart and Miss Hart. */
enum {
	RANK_SIR = 1,
	RANK_WIFE = 2,
	RANK_MISS = 4,
	RANK_LADY = 8,
	RANK_AUNT = 16,
	RANK_MOTHER = 32,
	RANK_SISTER = 64,
};

/* given: stands before a given name too. */
struct title {
	const char *word;
	enum sex sex;
	unsigned rank;
	bool given;
};
/* Of the title's last word; NULL: an office ("captain"), which anybody may have. */
const struct title *form_title(const char *title);

struct form {
	const struct sighting *s;
	char *key;	  /* folded, without the title */
	const char *last; /* within key: its last word */
	size_t first_len; /* of its first word */
	char *title;	  /* folded, or "" */
	enum shape shape;
	enum sex sex;	      /* by the title */
	unsigned ranks;	      /* of titles, a bit each; of a root, all of its group */
	size_t parent;	      /* union-find */
	uint32_t alone;	      /* times that the first of its names stands alone */
	uint32_t sum[SIGHTS]; /* of a root */
	bool out;
};

/* One word of a form's key: its first, its last, or its only one. */
struct entry {
	const char *word;
	size_t len;
	size_t form;
};

struct forms {
	struct form *items;
	size_t count;
	struct entry *words; /* sorted by word, then by form */
	size_t word_count;
	uint64_t mentions; /* of names, all */
	bool whole;
	bool covered; /* by a lexicon: it is known who is he and who she */
	bool peopled; /* there is somebody in the book; else it is a manual */
};

void form_init(struct form *f, const struct sighting *s, size_t index);
void forms_finish(struct forms *f);

/* ---- the index of words */

void forms_index(struct forms *f);
int form_compare(const struct entry *a, const char *word, size_t len);
int form_compare_entries(const void *a, const void *b);
/* The first entry that is not before the word. */
size_t form_find(const struct entry *entries, size_t count, const char *word, size_t len);
size_t forms_find(const struct forms *f, const char *word, size_t len);
/* Fills in form.alone. */
void forms_count_alone(struct forms *f);

/* ---- groups */

size_t forms_root(struct forms *f, size_t i);
void forms_join(struct forms *f, size_t a, size_t b);
const uint32_t *forms_sum(struct forms *f, size_t i);
enum sex forms_sex(struct forms *f, size_t i);
bool forms_same_sex(struct forms *f, size_t a, size_t b);
bool forms_may_join(struct forms *f, size_t a, size_t b);
uint64_t form_votes(const uint32_t n[SIGHTS]);
/* 1: a being, -1: a thing, if the votes say so clearly; else 0. */
int form_nature(const uint32_t n[SIGHTS]);

#endif
