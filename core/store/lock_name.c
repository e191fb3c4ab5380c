/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lock_table.h"

/* In the table a resource is a number: a chapter its own, the others those below 0; shares of Book
 * follow LOCK_SHARED. The list only ever grows at its end. */
static const char *const named[] = {
	"FrontMatter",	 "BackMatter",	  "StyleSystem", "QuoteRegistry",
	"ImageRegistry", "ProjectConfig", "Book",
};
static_assert(-LOCK_BOOK == ARRAY_LEN(named), "the last of them is the book");

static void chapter_name(char out[LOCK_RESOURCE_BYTES], int number)
{
	snprintf(out, LOCK_RESOURCE_BYTES, "Chapter_%02d", number);
}

static int64_t share_number(const char *name)
{
	int number = strlen(name) <= 2 ? atoi(name) : 0;
	bool plain = name[0] != '0' && strspn(name, "0123456789") == strlen(name);
	return plain && number >= 1 && number <= LOCK_SHARES ? LOCK_FIRST_SHARE - 1 + number : 0;
}

int64_t lock_number(const char *name)
{
	char again[LOCK_RESOURCE_BYTES];

	for (size_t i = 0; i < ARRAY_LEN(named); i++)
		if (!strcmp(name, named[i]))
			return -1 - (int64_t)i;
	if (!strncmp(name, "Book.", 5))
		return share_number(name + 5);
	if (strncmp(name, "Chapter_", 8) != 0 || strlen(name) > 8 + 5)
		return 0;
	int number = atoi(name + 8);
	chapter_name(again, number);
	return number > 0 && !strcmp(again, name) ? number : 0;
}

bool lock_number_name(char out[LOCK_RESOURCE_BYTES], int64_t number)
{
	out[0] = '\0';
	if (number < 0 && -number <= (int64_t)ARRAY_LEN(named))
		snprintf(out, LOCK_RESOURCE_BYTES, "%s", named[-number - 1]);
	else if (number > 0 && number <= LOCK_CHAPTER_MOST)
		chapter_name(out, (int)number);
	else if (number == LOCK_SHARED)
		snprintf(out, LOCK_RESOURCE_BYTES, "Book");
	else if (number >= LOCK_FIRST_SHARE && number < LOCK_SHARED)
		snprintf(out, LOCK_RESOURCE_BYTES, "Book.%d", (int)(number - LOCK_FIRST_SHARE + 1));
	return out[0] != '\0';
}

/* ---- what a book has */

static int most_chapter(int chapters)
{
	return chapters > LOCK_CHAPTERS_ALWAYS ? chapters : LOCK_CHAPTERS_ALWAYS;
}

bool lock_resource_valid(const char *name, int chapters)
{
	int64_t number = lock_number(name);
	return number != 0 && number <= most_chapter(chapters);
}

bool lock_resource_name(char out[LOCK_RESOURCE_BYTES], int k, int chapters)
{
	int count = (int)ARRAY_LEN(named);
	if (k < 0 || k >= count + most_chapter(chapters))
		return false;
	return lock_number_name(out, k < count ? -1 - k : k - count + 1);
}

/* ---- what was meant */

/* Letters and digits alone, small; cut at the end of `out`. */
static size_t fold_resource(char out[LOCK_RESOURCE_BYTES], const char *name)
{
	size_t len = 0;
	for (; *name && len < LOCK_RESOURCE_BYTES - 1; name++)
		if (isalnum((unsigned char)*name))
			out[len++] = (char)tolower((unsigned char)*name);
	out[len] = '\0';
	return len;
}

/* "3", "ch3", "chap 03", "Chapter-3": the number; 0 if it is nothing of the kind. */
static int chapter_of(const char *folded)
{
	static const char *const starts[] = {"chapter", "chap", "ch", ""};
	for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
		size_t len = strlen(starts[i]), digits = strspn(folded + len, "0123456789");
		if (strncmp(folded, starts[i], len) == 0)
			return digits && digits < 7 && !folded[len + digits] ? atoi(folded + len)
									     : 0;
	}
	return 0;
}

static int least(int a, int b)
{
	return a < b ? a : b;
}

/* How many letters must be put in, left out or exchanged (Levenshtein). */
static int distance(const char *a, const char *b)
{
	int row[LOCK_RESOURCE_BYTES];
	int width = (int)strlen(b);
	for (int j = 0; j <= width; j++)
		row[j] = j;
	for (int i = 1; *a; a++, i++) {
		int diagonal = row[0];
		row[0] = i;
		for (int j = 1; j <= width; j++) {
			int exchanged = diagonal + (*a != b[j - 1]);
			diagonal = row[j];
			row[j] = least(exchanged, least(row[j], row[j - 1]) + 1);
		}
	}
	return row[width];
}

bool lock_resource_nearest(char out[LOCK_RESOURCE_BYTES], const char *name, int chapters)
{
	char asked[LOCK_RESOURCE_BYTES], known[LOCK_RESOURCE_BYTES];
	int len = (int)fold_resource(asked, name);
	int number = chapter_of(asked);
	if (number > 0 && number <= most_chapter(chapters))
		return lock_number_name(out, number);
	int best = -1, nearest = least(4, len / 2 + 1);
	for (int i = 0; i < (int)ARRAY_LEN(named); i++) {
		fold_resource(known, named[i]);
		/* "style" and "frontmatter.md" too: one begins with the other. */
		size_t shorter = (size_t)least(len, (int)strlen(known));
		bool starts = shorter > 3 && strncmp(asked, known, shorter) == 0;
		int far = starts ? 0 : distance(asked, known);
		if (far < nearest) {
			nearest = far;
			best = i;
		}
	}
	return best >= 0 && lock_number_name(out, -1 - best);
}

/* ---- other texts */

bool lock_instance_valid(const char *instance)
{
	size_t len = strlen(instance);
	if (len == 0 || len >= LOCK_INSTANCE_BYTES)
		return false;
	for (; *instance; instance++)
		if (!isalnum((unsigned char)*instance) && !strchr("._:@-", *instance))
			return false;
	return true;
}

bool lock_reason_valid(const char *reason)
{
	size_t len = strlen(reason);
	if (len >= LOCK_REASON_BYTES || !utf8_valid(reason, len))
		return false;
	for (; *reason; reason++)
		if ((unsigned char)*reason < 0x20 || *reason == 0x7f)
			return false;
	return true;
}
