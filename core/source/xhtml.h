/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_XHTML_H
#define SOURCE_XHTML_H

/* A content document (XHTML, HTML, SVG, DTBook) becomes Markdown on the flow. */

#include "flow.h"

/* What a document says of itself, for books that are one HTML file. */
struct xhtml_about {
	char *title, *author, *language; /* owned; NULL if not said */
};

/* Between flow_doc_begin and flow_doc_end. s: clean UTF-8. 0; 1: not well-formed. about may be
 * NULL. */
int xhtml_read(struct flow *f, const char *s, size_t len, struct xhtml_about *about);

#endif
