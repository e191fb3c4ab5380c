/* SPDX-License-Identifier: MIT */
#ifndef HTTP_RECORD_H
#define HTTP_RECORD_H

/*
 * Private to http.c: exchanges written to a folder, so that what a person met can be met again
 * (tests/replay). An exchange N is three files: N.req, the body that was sent; N.body, what came
 * back, unpacked; N.meta.json, the rest of both, which is there last and whole. They are for their
 * owner alone (0600), and no key is in them: neither where we send it nor where it is repeated.
 *
 * Threads: the loop's; the writing is done in its pool.
 */

#include "http.h"

struct http_recorder;
int http_record_open(struct http_recorder **out, struct loop *loop, const char *dir,
		     struct err *err);
struct http_recorder *http_record_close(
	struct http_recorder *r); /* what is on its way is written */

struct http_recording; /* one exchange; all of these take NULL */
struct http_recording *http_record_begin(struct http_recorder *r,
					 const struct http_request *request);
void http_record_head(struct http_recording *e, const char *line, size_t len); /* of the answer */
/* Ends it. NULL: nobody waited for the answer, and nothing is written. */
void http_record_end(struct http_recording *e, const struct http_answer *answer);
/* What N.meta.json will hold. Owned; not of NULL. */
char *http_record_meta(const struct http_recording *e);

/* A key in a text, blotted out, however JSON may have written it. Shorter ones than 8 bytes are no
 * secrets and may be any word. */
void http_blot(const char *key, char *text, size_t len);

#endif
