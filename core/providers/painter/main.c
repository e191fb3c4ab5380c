/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <unistd.h>

#include "card.h"
#include "serve.h"

/*
 * bookfs-painter: reads cards from standard input, writes pictures to standard output, and ends
 * when its input does. Not for people.
 */

static int paint(struct buf *png, const char *body, size_t len, void *arg, struct err *err)
{
	CLEANUP(card_finish) struct card c = {0};
	int r = wire_get_card(&c, body, len);

	(void)arg;
	if (r < 0)
		return err_set(err, r, "the painter was asked for something else than a card");
	return card_paint(png, &c, err);
}

int main(int argc, char **argv)
{
	(void)argv;
	if (isatty(0) || argc > 1) {
		fprintf(stderr, "bookfs-painter is started by bookfs to paint its cards\n");
		return 2;
	}
	serve_set_up();
	return serve(paint, NULL) < 0 ? 1 : 0;
}
