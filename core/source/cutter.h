/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_CUTTER_H
#define SOURCE_CUTTER_H

/* What chapters.c and boundaries.c work on together. */

#include "chapters.h"

enum { NO_ENTRY = -1 };

struct boundary {
	size_t offset;
	int entry;		 /* or NO_ENTRY */
	enum matter_kind matter; /* of one without an entry */
	char *title;		 /* of one without an entry; owned */
	int64_t words_before;	 /* measured from the start of the flow */
};

struct node {		  /* beside each contents entry */
	int parent, last; /* last: the last descendant, or itself */
	int boundary;	  /* or -1 */
	int children;
	int64_t own, extent;
	enum book_role role;
	int chapter;		  /* 1.., 0 */
	enum matter_kind inherit; /* from a part */
};

struct cutter {
	struct book *book;
	struct flow *flow;
	struct contents *contents;
	const struct book_options *options;
	struct node *nodes;
	struct boundary *bounds;
	size_t bound_count, bound_cap;
	struct landmark { /* those that say something and lead somewhere */
		size_t offset;
		enum matter_kind kind;
	} * landmarks;
	size_t landmark_count;
	size_t headings_searched;
	struct chapter_range *ranges;
	size_t range_cap;
	int *chapter_entry; /* the entry of each chapter, or NO_ENTRY */
	size_t chapter_entry_cap;
	size_t *chapter_bound;
	size_t chapter_bound_cap;
};

/* Words between two places of the flow, as the rule weighs them. */
int64_t cutter_measure(const struct cutter *k, size_t from, size_t to);
bool cutter_is_blank(const struct cutter *k, size_t from, size_t to);
/* Is `entry` the ancestor or within it? */
bool cutter_is_within(const struct cutter *k, int entry, int ancestor);

/* boundaries.c: where things begin. Gives entries better places where they share one, fills
 * bounds. */
void cutter_find_boundaries(struct cutter *k);
/* What marks, landmarks and the title say of a range of the flow. */
enum matter_kind cutter_matter(const struct cutter *k, size_t start, size_t end, const char *title);
/* Front or back by where it stands, when the thing can be either. */
enum matter_kind cutter_settled(enum matter_kind kind, enum matter_kind division, size_t offset,
				size_t total);

#endif
