/* SPDX-License-Identifier: MIT */
#ifndef HTTP_H
#define HTTP_H

/*
 * Private to providers: one HTTP engine over the loop. Requests run side by side, connections are
 * kept and shared, HTTP/2 is used where it is offered, answers may come packed; proxy and
 * certificates are as the environment says (http_proxy, https_proxy, no_proxy, SSL_CERT_FILE,
 * SSL_CERT_DIR, CURL_CA_BUNDLE), and a certificate that cannot be verified ends the request. It
 * knows no provider, tries nothing twice, and follows no redirect of a request that has a key.
 *
 * Threads: the loop's. An answer comes as one call of `done` on the loop, never from inside the
 * call that asked; none comes of a call that was cancelled.
 */

#include "base.h"

struct http;
int http_new(struct http **out, struct loop *loop, struct err *err); /* -ENOPKG: no libcurl */
struct http *http_free(struct http *h);				     /* cancels what is open */
/* From now on every exchange is written to the folder dir, which is made if need be, without keys:
 * http_record.h. -errno: nothing can be written there. */
int http_record(struct http *h, const char *dir, struct err *err);

/* Bytes within a body, which are not copied: behind `at` bytes of its text they stand, as they are
 * or in base64 (RFC 4648, 4). */
struct http_insert {
	size_t at;
	const void *data;
	size_t len;
	bool base64;
};

struct http_request {
	const char *url;
	/* Sent to the url's own server and to nobody else, and blotted out of whatever comes back;
	 * or NULL. */
	const char *key;
	const char *key_field;	   /* what the key stands behind; NULL: "Authorization: Bearer " */
	const char *const *fields; /* of the head, "Name: value", a NULL behind them; or NULL */
	const char *body;	   /* to be posted, copied; NULL: a GET */
	size_t body_len;
	const char *body_type; /* NULL: JSON */
	/* In order of their places. Copied; what they point to is borrowed until done or cancel. */
	const struct http_insert *inserts;
	size_t insert_count;
	size_t max_bytes;   /* of the answer, unpacked */
	int64_t connect_ms; /* until the connection stands */
	int64_t stall_ms;   /* without a byte, once the answer has begun */
	int64_t total_ms;
};

/* code 0: a complete answer, whatever its status. -ETIMEDOUT, -EFBIG, else -EIO with the reason. */
struct http_answer {
	int code;
	struct err err;
	bool hopeless; /* code < 0, and the same again would end the same way */
	int status;
	bool sent;		/* the request was sent whole */
	int64_t retry_after_ms; /* what the server asks for; -1: nothing */
	int should_retry;	/* x-should-retry: 1, 0, or -1: not said */
	/* What is left of the server's limits, and when it is whole again, from now; -1: not said.
	 */
	int64_t requests_left, requests_reset_ms, tokens_left, tokens_reset_ms;
	char location[256]; /* of a redirect, cut; or "" */
	struct buf body;    /* done may take it (buf_steal) */
};
typedef void (*http_done_fn)(void *arg, struct http_answer *answer);

struct http_call;
struct http_call *http_send(struct http *h, const struct http_request *r, http_done_fn done,
			    void *arg);
void http_cancel(struct http_call *c);

/* http_header.c: what the engine reads of an answer's head; `line` is one header field, date reads
 * HTTP's dates (libcurl's, or NULL). http_header_void makes an answer that says nothing. */
typedef time_t (*http_date_fn)(const char *text, const time_t *unused);
void http_header_void(struct http_answer *a);
void http_header(struct http_answer *a, const char *line, size_t len, int64_t now_unix_ms,
		 http_date_fn date);
/* How long from now a server means: "2" or "0.5" of the unit; epoch seconds or milliseconds, where
 * it can be nothing else; "6m0s", "12ms"; a date by RFC 3339, or by HTTP. A week at most; -1: it is
 * none of these. */
int64_t http_wait_ms(const char *value, double unit_ms, int64_t now_unix_ms, http_date_fn date);

/* http_upload.c: the body of a request with inserts, from any place of it on. */
struct http_upload;
struct http_upload *http_upload_new(const struct http_request *r);
struct http_upload *http_upload_free(struct http_upload *u);
size_t http_upload_len(const struct http_upload *u);
size_t http_upload_read(struct http_upload *u, char *out, size_t room); /* 0: the end */
void http_upload_seek(struct http_upload *u, size_t at);

/* http_url.c: scheme, host and port, in small letters, the scheme's own port left out:
 * "https://api.example.org". -EINVAL: no http or https address, or one with a user or with what
 * two readers may read differently. */
#define HTTP_ORIGIN_BYTES 300
int http_origin(char out[HTTP_ORIGIN_BYTES], const char *url);

#endif
