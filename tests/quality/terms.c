/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "analyst_mood.h"

/*
 * What of a text the mood is read from, for train.py: on standard input BYTES\n and so many bytes
 * of text, again and again; for each its terms on standard output, a line each, and an empty line.
 */

static void print_term(void *context, const char *term)
{
	if (*term)
		puts(term);
}

int main(void)
{
	char line[32];

	while (fgets(line, sizeof(line), stdin)) {
		size_t len = strtoul(line, NULL, 10);
		CLEANUP(cleanup_free) char *text = xcalloc(1, len + 1);
		struct prose p;

		if (fread(text, 1, len, stdin) != len || prose_init(&p, text, len) < 0)
			return 1;
		for (size_t i = 0; i < p.count; i++)
			mood_each_term(&p, i, print_term, NULL);
		putchar('\n');
		prose_finish(&p);
	}
	return 0;
}
