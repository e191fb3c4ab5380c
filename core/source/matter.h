/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_MATTER_H
#define SOURCE_MATTER_H

/*
 * Front matter, back matter, story: what epub:type (EPUB 3 Structural Semantics Vocabulary), DPUB-
 * ARIA roles, the guide (OPF 2.0.1, section 2.6) and titles in the common languages say.
 */

#include "source.h"

enum matter_kind {
	MATTER_NONE,  /* says nothing */
	MATTER_STORY, /* chapter, prologue, introduction ... */
	MATTER_FRONT,
	MATTER_BACK,
	MATTER_EITHER, /* copyright, acknowledgements: front or back by where it stands */
};
struct matter {
	enum matter_kind kind;	   /* of the thing itself */
	enum matter_kind division; /* frontmatter, bodymatter (STORY), backmatter around it */
};
/* Tokens of epub:type, a role, a guide's type. */
struct matter matter_of_types(const char *types);
enum matter_kind matter_of_title(const char *title);
/* For comparing titles: lower case, without punctuation, single blanks. */
void matter_fold(char *out, size_t size, const char *s);

#endif
