/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "analyst_air.h"

/*
 * What of a text its mood, light and hour are read from, for train.py: on standard input BYTES\n
 * and so many bytes of text, again and again; for each its terms on standard output, a line each,
 * and an empty line.
 */

static void print_term(void *context, const char *term)
{
	(void)context;
	puts(term);
}

int main(void)
{
	char line[32];

	while (fgets(line, sizeof(line), stdin)) {
		size_t len = strtoul(line, NULL, 10);
		CLEANUP(cleanup_free) char *text = xcalloc(1, len + 1);
		struct air_votes votes;
		struct prose p;

		if (fread(text, 1, len, stdin) != len || prose_init(&p, text, len) < 0)
			return 1;
		light_vote(&votes, &p, 0, p.count);
		air_each_term(&p, &votes, 0, p.count, &(struct term_sink){print_term, NULL});
		putchar('\n');
		prose_finish(&p);
	}
	return 0;
}
