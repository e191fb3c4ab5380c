/* SPDX-License-Identifier: MIT */
#ifndef COVER_H
#define COVER_H

/*
 * Private to fs: which lock covers which path of a writing project (locks.md; the project's folder
 * is the root). The first rule that matches answers; a project's own rules, in .config/locks.json,
 * come before ours. A path is what it is by its name alone: the file need not be there.
 *
 * Paths are relative to the project's folder, parts joined by '/', no "." or ".." among them, none
 * empty; any bytes but NUL otherwise. Pure, any thread; a struct cover_rules is not changed once it
 * is made.
 */

#include "fs.h"

enum { COVER_CHAPTER_MOST = 999 }; /* the last number that a chapter of a folder has */

struct cover_rules; /* the project's own; NULL wherever one is asked for: it has none */

/* Reads .config/locks.json beneath an open folder, which is closed to links that lead out of it.
 * *out is NULL if there is nothing to know. -EINVAL: it is not what it should be; err says the
 * file, the rule (counted from 1) and what is wrong with it. figures: an image belongs to its
 * chapter (fig-NN-*, Image_Registry_Chapter_NN.md), where its name says one. */
int cover_rules_read(struct cover_rules **out, int folder, bool figures, struct err *err);
/* In a plain folder, which is no writing project, a text is covered by the lock of the chapter that
 * it is, where neither a rule nor the table (which goes by names) says another. */
struct cover_text {
	char *path; /* owned by the rules from then on */
	char resource[LOCK_RESOURCE_BYTES];
};
void cover_rules_texts(struct cover_rules **r, const struct cover_text *texts, size_t count);
struct cover_rules *cover_rules_free(struct cover_rules *r);
DEFINE_CLEANUP(struct cover_rules, cover_rules_free)

/* The resource that path belongs to; false: to none, and out is "". */
bool cover_of(char out[LOCK_RESOURCE_BYTES], const struct cover_rules *r, const char *path);
/* Could a path of this resource be the folder or beneath it? What is to be said of a folder that is
 * moved or removed with all that is in it. May say yes where no file is, never no where one could
 * be. */
bool cover_reaches(const struct cover_rules *r, const char *resource, const char *folder);

#endif
