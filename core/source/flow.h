/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_FLOW_H
#define SOURCE_FLOW_H

/*
 * The flow: the whole book as one running text in reading order, and what was seen at which
 * offset of it. Every reader (XHTML, plain text, Markdown) appends to it; chapters.c cuts it. That
 * a chapter is a range of one text is what makes "no word lost, none twice" hold by construction.
 */

#include "matter.h"
#include "symbols.h"
#include "source.h"

#define NO_OFFSET SIZE_MAX
/* Stands in the flow before each document, so that no two documents have a place in common even
 * if they are empty. It is blank, occurs in no clean text, and is left out of chapters. */
#define FLOW_DOC '\f'

struct flow_doc { /* one document of the spine */
	char *path;
	char *title; /* of its head, or NULL */
	size_t start, end;
	size_t first_heading, first_page, first_mark;
	bool linear;
};
struct flow_heading {
	size_t offset;
	int level;
	char *title;
};
/* What epub:type (or role) says of a range. */
struct flow_mark {
	size_t start, end;
	struct matter matter;
};
struct flow_page {
	size_t offset;
	char *label;
};
/* A place that a contents entry, a page list, a landmark points to: known before it is read. */
struct flow_target {
	char *path, *fragment; /* fragment "" = the document's start */
	size_t offset;	       /* NO_OFFSET until it was met */
	bool exact;	       /* the fragment itself was met */
};

struct flow {
	struct buf text;
	struct flow_doc *docs;
	size_t doc_count, doc_cap;
	struct flow_heading *headings;
	size_t heading_count, heading_cap;
	struct flow_mark *marks;
	size_t mark_count, mark_cap;
	struct flow_page *pages;
	size_t page_count, page_cap;
	struct flow_target *targets;
	size_t target_count, target_cap;
	struct symbols wanted; /* path, fragment -> target number + 1 */
	size_t *met;	       /* targets met in the document being read */
	size_t met_count, met_cap;
};

struct flow *flow_new(void);
struct flow *flow_free(struct flow *f);
DEFINE_CLEANUP(struct flow, flow_free)

/* The number of the target for path#fragment, for flow->targets. */
size_t flow_want(struct flow *f, const char *path, const char *fragment);
/* Begins and ends a document; between them text and everything else is added. */
void flow_doc_begin(struct flow *f, const char *path, bool linear);
void flow_doc_end(struct flow *f);
/* Forgets what was read since flow_doc_begin. */
void flow_doc_restart(struct flow *f);

/* An id of the document being read, at offset: false if nobody wants it or it was met before. Its
 * target's number is in *target. */
bool flow_meet(size_t *target, struct flow *f, const char *id, size_t offset);
void flow_add_heading(struct flow *f, size_t offset, int level, const char *title, size_t len);
void flow_add_page(struct flow *f, size_t offset, const char *label);
size_t flow_open_mark(struct flow *f, size_t offset, struct matter matter);

/* Targets whose fragment was not met are at their document's start. */
void flow_resolve(struct flow *f);
/* The document at offset: the last that starts at or before it. */
const struct flow_doc *flow_doc_at(const struct flow *f, size_t offset);

/* Where a target is; NO_OFFSET if it was not asked for or not found. */
size_t flow_target_offset(struct flow *f, const char *path, const char *fragment);
/* The number of the first heading at or behind offset. */
size_t flow_heading_from(const struct flow *f, size_t offset);

/* White space folded to single blanks, none at the ends; owned. */
char *text_folded(const char *s, size_t len);

#endif
