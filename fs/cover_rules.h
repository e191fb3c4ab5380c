/* SPDX-License-Identifier: MIT */
#ifndef COVER_RULES_H
#define COVER_RULES_H

/*
 * What cover.c (the answers) and cover_rules.c (a project's own rules) share: a path in its parts,
 * and how they are compared. Letters of ASCII in either case are the same, as they are to some file
 * systems, and to who misspells a folder.
 */

#include "cover.h"

enum {
	COVER_PARTS = 16, /* what is deeper is never told apart by a rule */
	COVER_RULES_MOST = 256,
	COVER_RULES_BYTES = 64 << 10
};

struct cover_part {
	const char *s;
	size_t len;
};
struct cover_path {
	struct cover_part parts[COVER_PARTS];
	size_t count; /* of these */
};
/* Empty parts and "." are none, ".." takes one back. Points into path. */
void cover_path_split(struct cover_path *out, const char *path);

bool cover_part_is(const struct cover_part *p, const char *name);
/* "Chapter_07", "fig-07-lamp.png": what stands behind the prefix as a number, if no letter follows
 * it; 0: it is none, or past COVER_CHAPTER_MOST. */
int cover_part_number(const struct cover_part *p, const char *prefix);

struct cover_rule {
	char *text; /* what path's parts point into; NUMBER_MARK is where its number stands */
	struct cover_path path;
	bool numbered;			    /* its lock is that of the chapter of that number */
	char resource[LOCK_RESOURCE_BYTES]; /* else this; "": of none */
};
struct cover_rules {
	struct cover_rule *rules;
	size_t count, cap;
	struct cover_text *texts; /* by path */
	size_t text_count;
	bool figures;
};

/* ABOVE: of a folder; there may be something in it that the rule is about. */
enum cover_match { COVER_NO, COVER_ABOVE, COVER_YES };
/* out: the resource, "" if it is of none; of ABOVE "" too where any chapter's may be meant. */
enum cover_match cover_rule_match(char out[LOCK_RESOURCE_BYTES], const struct cover_rule *r,
				  const struct cover_path *path);
void cover_chapter(char out[LOCK_RESOURCE_BYTES], int number);
/* The same from text. */
int cover_rules_parse(struct cover_rules *out, const char *text, size_t len, struct err *err);

#endif
