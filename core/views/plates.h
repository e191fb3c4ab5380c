/* SPDX-License-Identifier: MIT */
#ifndef PLATES_H
#define PLATES_H

/*
 * Private to views: the finished pictures with all that is said of them, for what is made of the
 * book to be held: an EPUB, a page for a browser. Nothing here needs struct views, so any thread
 * may do it that has a reader of its own.
 */

#include "source.h"
#include "store.h"
#include "story.h"

struct plate {
	int chapter, scene;
	char file[NAME_BYTES]; /* its name in images/; "" if it is not drawn */
	int64_t picture;       /* 0: not drawn */
	uint64_t size_bytes;
	enum job_state state;
	char pages[64]; /* "15-17", or "" */
	char *caption;	/* what is to be seen, on one line */
	char *quote, *mood, *lighting;
	struct strv names;
};

struct plates {
	struct book *book;   /* with its texts if they were asked for */
	struct plate *items; /* every scene of the best analyses, in order */
	size_t count, cap;
	size_t drawn;
	struct store_cast *kept;
	const struct catalogue *cast;
};
/* Zero-initialise; plates_finish. */
int plates_read(struct plates *out, struct store_reader *r, bool texts, struct err *err);
void plates_finish(struct plates *p);
/* "Chapter 3" where it has no title; owned. */
char *plates_chapter(const struct plates *p, int chapter);
/* What the catalogue says of one, on one line; owned. */
char *plates_look(const struct catalogue_entry *e);

#endif
