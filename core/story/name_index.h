/* SPDX-License-Identifier: MIT */
#ifndef STORY_NAME_INDEX_H
#define STORY_NAME_INDEX_H

#include "story.h"

/*
 * Which entries of a catalogue are called how: for each type and name, and apart from these for
 * each type and alias, a queue of the entries, the first of the catalogue in front. Who changes
 * entries adds their new names, and drops from the front what is so no more when he meets it: each
 * is met once, so that many corrections of a name that many have stay linear.
 */

struct called {
	enum element_type type;
	bool alias;
	const char *name; /* folded */
};
struct name_index *name_index_new(const struct catalogue *c);
struct name_index *name_index_free(struct name_index *n);
void name_index_add(struct name_index *n, const struct called *by, size_t entry);
void name_index_add_entry(struct name_index *n, const struct catalogue_entry *e, size_t entry);
size_t name_index_first(const struct name_index *n, const struct called *by); /* NO_ENTRY */
void name_index_drop(struct name_index *n, const struct called *by);	      /* the first */

/* How one of that type and name is looked for, one after the other (catalogue_find). */
enum { NAME_ORDER = 4 };
void name_order(struct called by[NAME_ORDER], enum element_type type, const char *folded);

#endif
