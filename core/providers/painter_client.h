/* SPDX-License-Identifier: MIT */
#ifndef PROVIDERS_PAINTER_CLIENT_H
#define PROVIDERS_PAINTER_CLIENT_H

/*
 * This process's end of the painter: starts the child, hands it one card after another, and turns
 * whatever the child may do into one answer a card. Threads: the loop's.
 */

#include "painter_wire.h"

struct painter;
struct painter_order; /* one card asked for */
/* code 0: data is a PNG; else -errno and a reason, -ENOPKG if something must be installed first.
 * Called once, never from inside painter_ask. */
typedef void (*painter_done_fn)(void *arg, int code, const char *reason, const void *data,
				size_t len);

struct painter *painter_new(struct loop *loop);
struct painter *painter_free(struct painter *p); /* ends the child; open orders get no answer */
/* Borrowed until done or painter_cancel. NULL: the card is too large to be sent. */
struct painter_order *painter_ask(struct painter *p, const struct card *c, painter_done_fn done,
				  void *arg);
void painter_cancel(struct painter *p, struct painter_order *o);

#endif
