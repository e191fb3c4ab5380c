/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_CONTENTS_H
#define SOURCE_CONTENTS_H

/*
 * The table of contents, page list and landmarks, as a navigation document (EPUB 3.3 section 7), an
 * NCX (OPF 2.0.1, DAISY 3), or the headings of the text give them.
 */

#include "flow.h"

#define NO_TARGET SIZE_MAX

struct contents_entry {
	char *title;
	int depth;
	char *path, *fragment; /* NULL: it leads nowhere */
	size_t offset;	       /* into the flow; NO_OFFSET */
	bool exact;	       /* the very place, not just the start of its document */
};
struct contents_page {
	char *label, *path, *fragment;
};
struct contents_landmark {
	char *types, *path, *fragment, *title;
};

struct contents {
	struct contents_entry *entries;
	size_t count, cap;
	struct contents_page *pages;
	size_t page_count, page_cap;
	struct contents_landmark *landmarks;
	size_t landmark_count, landmark_cap;
};

/* base: the document's path, against which its links are resolved. Appends; never fails. */
void contents_read_nav(struct contents *c, const char *base, const char *s, size_t len,
		       const struct book_limits *limits);
void contents_read_ncx(struct contents *c, const char *base, const char *s, size_t len,
		       const struct book_limits *limits);
void contents_from_headings(struct contents *c, const struct flow *f);
void contents_from_spine(struct contents *c, const struct flow *f);
void contents_add_landmark(struct contents *c, const char *types, const char *path,
			   const char *fragment, const char *title);
void contents_finish(struct contents *c);

#endif
