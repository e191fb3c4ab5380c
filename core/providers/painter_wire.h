/* SPDX-License-Identifier: MIT */
#ifndef PROVIDERS_PAINTER_WIRE_H
#define PROVIDERS_PAINTER_WIRE_H

/*
 * What this process and bookfs-painter say to each other over one socket: a frame is a head and its
 * body. One request at a time, one answer to each. Both ends are of one build and one machine, so
 * numbers are as the machine has them; the mark says so if they are not.
 */

#include "base.h"

#define WIRE_MARK 0x31504642u /* "BFP1" */
enum {
	WIRE_BYTES_MAX = 64 << 20,
	WIRE_NAMES_MAX = 64,
	WIRE_LINES_MAX = 4096,
	WIRE_STRING_MAX = 64 << 10
};

struct wire_head {
	uint32_t mark;
	uint32_t status; /* of an answer: 0 and a PNG, or an errno and a reason; of a request 0 */
	uint32_t len;	 /* of the body */
};

/* A card to paint. */
struct card {
	int32_t chapter, scene, width_px, height_px;
	char *book_title, *chapter_title, *quote, *description, *mood, *lighting;
	struct strv names; /* who and what is in the scene */
};

/* A page of a picture book, for bookfs-binder. */
enum sheet_kind { SHEET_COVER, SHEET_PLATE, SHEET_CAST }; /* as enum binder_page */
struct sheet {
	int32_t kind;
	char *title, *text, *foot;
	struct strv lines;  /* of the cast: a name, what is said of it, a name ... */
	struct buf picture; /* PNG, JPEG; empty: none */
};

/* A whole frame. -EFBIG. */
int wire_put_card(struct buf *out, const struct card *c);
/* Of a frame's body. Owned: card_finish. -EBADMSG. */
int wire_get_card(struct card *out, const char *body, size_t len);
void card_finish(struct card *c);
int wire_put_sheet(struct buf *out, const struct sheet *s);
int wire_get_sheet(struct sheet *out, const char *body, size_t len);
void sheet_finish(struct sheet *s);

#endif
