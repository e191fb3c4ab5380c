/* SPDX-License-Identifier: MIT */
#ifndef STORY_CATALOGUE_ENTRY_H
#define STORY_CATALOGUE_ENTRY_H

#include "story.h"

/*
 * What an entry of the catalogue gathers, each thing once and within bounds, and how entries stand
 * in it: for the merge (catalogue.c) and for the corrections (correct.c).
 */

/* An entry has no more, whatever a provider says. */
enum { ALIASES_MAX = 64, DESCRIPTIONS_MAX = 64, LOOKS_MAX = 48 };

struct catalogue_entry *entry_add(struct catalogue *c); /* borrowed until the next */
void entry_finish(struct catalogue_entry *e);

enum called_how { CALLED_OTHERWISE, CALLED_BY_NAME, CALLED_BY_ALIAS };
enum called_how entry_called(const struct catalogue_entry *e, const char *folded);

void entry_add_alias(struct catalogue_entry *e, const char *alias); /* unless it is called so */
void entry_add_description(struct catalogue_entry *e, const char *text,
			   const struct appearance *where);
void entry_add_appearance(struct catalogue_entry *e, const struct appearance *a);
void entry_add_look(struct catalogue_entry *e, const struct appearance *a);
/* When all looks are there: they in a row are the last description. */
void entry_tell_looks(struct catalogue_entry *e);

/* Names the files, sorts, makes the index of names. */
void entries_arrange(struct catalogue *c);

#endif
