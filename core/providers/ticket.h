/* SPDX-License-Identifier: MIT */
#ifndef TICKET_H
#define TICKET_H

/* Private to server.c and server_chapter.c: the provider that asks a server. */

#include "exchange.h"

/* A part that was paid for, of a chapter of which another part failed. */
enum { SERVER_KEPT = 64 };
struct kept {
	char prompt[HASH_HEX];
	struct analysis *done;
};

struct server {
	struct provider provider;
	struct provider_ops ops;
	struct loop *loop;
	struct http *http;
	struct service *service;
	char origin[HTTP_ORIGIN_BYTES];
	char *key, *options;
	int64_t total_ms;
	struct gate *gate;
	struct lessons lessons;
	struct kept kept[SERVER_KEPT];
	size_t kept_next;
	struct provider_ticket *tickets;
};

struct provider_ticket {
	struct server *owner; /* NULL: cancelled, and the owner may be gone */
	struct provider_ticket *next, **at;
	struct service *service;
	struct exchange exchange;
	struct usage usage; /* of all that was asked */
	struct usage spent; /* of it, for this part */
	int tries;
	int64_t until_boot_ms;	/* a picture is waited for until then */
	struct gate_pass *pass; /* while it is at the gate, or asked for */
	struct gate_report report;
	bool passed, asked;	/* it may go; it is a request, and not the way to a picture */
	struct http_call *call; /* while it is with the server */
	struct timer *pause;	/* between two looks at whether a picture is done */
	bool paused;

	struct chapter_prompt chapter; /* its strings but the text are owned */
	struct part *parts;
	size_t part_count, part_at;

	analyze_done_fn analyzed;
	paint_done_fn painted;
	answer_done_fn answered;
	models_done_fn listed;
	void *arg;
};

/* server.c */
struct provider_ticket *ticket_new(struct server *s, enum aim aim, void *arg);
void ticket_finish(struct provider_ticket *t); /* tells the outcome, later */
void ticket_fail(struct provider_ticket *t, int code, const char *reason);
void ticket_ask(struct provider_ticket *t); /* through the gate, to the server */

/* server_chapter.c */
struct provider_ticket *chapter_ask(struct provider *p, const struct analyze_request *r,
				    analyze_done_fn done, void *arg);
void chapter_estimate(struct usage *out, struct provider *p, const struct analyze_request *r);
void chapter_part_done(struct provider_ticket *t);
void chapter_too_long(struct provider_ticket *t);
/* Of a ticket that fails and may be tried again. */
void chapter_keep_parts(struct provider_ticket *t);
void chapter_finish(struct provider_ticket *t);
void chapter_forget(struct server *s);

#endif
