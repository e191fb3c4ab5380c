/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_TEXT_H
#define SOURCE_TEXT_H

/* What plain text tells by its looks alone. headings.c */

#include "base.h"

enum heading_kind {
	HEADING_NONE,
	HEADING_PART,	 /* PART II, BOOK THE FIRST */
	HEADING_CHAPTER, /* CHAPTER IX, Kapitel 3, PROLOGUE */
	HEADING_NUMBER,	 /* IV. or 12 alone: a chapter only where nothing else is one */
};
/* One line without its line end. *bare: it is a label alone ("CHAPTER IX"), a title may follow. */
enum heading_kind heading_of_line(bool *bare, int *number, const char *s, size_t len);

#endif
