/* SPDX-License-Identifier: MIT */
#ifndef STORY_FINDINGS_H
#define STORY_FINDINGS_H

/* Private to story: the parts of findings_read (story.h). */

#include "story.h"

/* The chapter of that number, else of that title; made if it is not there. number: 0 if it is not
 * known. NULL: there are too many. */
struct finding *findings_chapter(struct findings *f, int number, const char *title);
/* Behind "chapter_9" at *s: 9; 0: it is none. */
int findings_picture_chapter(const char **s);
void findings_note(struct findings *f, const char *path, const char *what);
void findings_read_chapters(struct findings *f, const char *s, size_t len); /* Chapters.md */
void findings_read_elements(struct findings *f, const char *s, size_t len); /* Elements.md */

#endif
