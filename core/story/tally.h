/* SPDX-License-Identifier: MIT */
#ifndef STORY_TALLY_H
#define STORY_TALLY_H

#include "story.h"

/*
 * The sightings of all chapters summed up, and who is who by the sums (sightings_group). Does not
 * depend on the order of the arguments. Strings are borrowed from the analyses.
 */

struct tally {
	struct sighting *names; /* the sum of each, sorted by name */
	size_t *group;		/* of each: its leader, or NO_GROUP */
	struct sighting *sums;	/* of a leader: its whole group's counts */
	size_t *next;		/* of each: the next of its group, or NO_GROUP */
	size_t *first;		/* of a leader: the first of its group */
	size_t count;
};

void tally_init(struct tally *t, const struct analysis *const *analyses, const int *numbers,
		size_t count);
void tally_finish(struct tally *t);
/* The leader of an element that was counted under this name ("the mule": a noun), or NO_GROUP. */
size_t tally_find(const struct tally *t, const char *element);

#endif
