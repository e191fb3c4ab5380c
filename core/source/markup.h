/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_MARKUP_H
#define SOURCE_MARKUP_H

/*
 * XML and HTML as a stream of events. No tree is built, so a document costs its own size and no
 * more, however deep it is nested. Input is clean UTF-8 (text_decode).
 *
 * Well-formed XML is read by libxml2 without network, DTD or entities of its own. What libxml2
 * refuses is read again by a reader of tag soup (soup.c), which never gives up: that is why the
 * receiver must be able to begin anew.
 */

#include "base.h"

#define MARKUP_NAME_BYTES 32
/* Deeper elements send no events; their text is kept. */
#define MARKUP_DEPTH 256

struct markup_events {
	/* name: the local part in lower case. attrs: name, value, ..., NULL, with prefixes. */
	void (*start)(void *arg, const char *name, const char *const *attrs);
	void (*end)(void *arg, const char *name); /* every start has its end */
	void (*text)(void *arg, const char *s, size_t len);
	void (*restart)(void *arg); /* forget everything since markup_read was called */
};

enum markup_kind {
	MARKUP_XML,  /* package documents, NCX: no element is special */
	MARKUP_XHTML /* void elements, raw text and implied ends when it is not well-formed */
};
/* 0; 1: not well-formed, read as far as can be made out. */
int markup_read(const struct markup_events *events, void *arg, const char *s, size_t len,
		enum markup_kind kind);

/* An attribute by its name without prefix, exact names first; NULL. */
const char *markup_attr(const char *const *attrs, const char *name);
/* epub:type under any prefix, else NULL. */
const char *markup_epub_type(const char *const *attrs);
/* Is `token` one of the words of `list` (which may be NULL)? */
bool markup_has_token(const char *list, const char *token);
/* The local part of a name in lower case. */
void markup_local(char out[MARKUP_NAME_BYTES], const char *name, size_t len);

/* soup.c */
void soup_read(const struct markup_events *events, void *arg, const char *s, size_t len,
	       enum markup_kind kind);

#endif
