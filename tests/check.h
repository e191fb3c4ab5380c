/* SPDX-License-Identifier: MIT */
#ifndef CHECK_H
#define CHECK_H

/* The few lines that a C test program needs: each failing check says where and what, check_result()
 * is main's value. */

#include <stdio.h>
#include <string.h>

static int check_failures;

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			check_failures++;                                                          \
		}                                                                                  \
	} while (0)

#define CHECK_INT(got, want)                                                                       \
	do {                                                                                       \
		long long check_got = (long long)(got), check_want = (long long)(want);            \
		if (check_got != check_want) {                                                     \
			fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #got, \
				check_got, check_want);                                            \
			check_failures++;                                                          \
		}                                                                                  \
	} while (0)

#define CHECK_STR(got, want)                                                                       \
	do {                                                                                       \
		const char *check_got = (got), *check_want = (want);                               \
		if (!check_got || strcmp(check_got, check_want)) {                                 \
			fprintf(stderr, "%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__,   \
				#got, check_got ? check_got : "(null)", check_want);               \
			check_failures++;                                                          \
		}                                                                                  \
	} while (0)

static inline int check_result(void)
{
	if (check_failures)
		fprintf(stderr, "%d checks failed\n", check_failures);
	return check_failures ? 1 : 0;
}

#endif
