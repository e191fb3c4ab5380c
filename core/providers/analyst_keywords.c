/* SPDX-License-Identifier: MIT */
#include "analyst.h"

#include <string.h>

/*
 * The description of a passage in a language that the lexicon does not cover: the names in it, and
 * its own words of content. These are the nouns where the script tells them (in German by their
 * capital, in Japanese and Chinese as runs of ideographs), else the longest words. What they mean
 * is not known, and the description does not pretend to.
 */

enum { KEYWORDS = 6, KEYWORD_BYTES = 48, LEAST_LETTERS = 5 };

struct keyword {
	const char *s;
	size_t len, letters;
};

static bool is_ideograph(const struct word *w)
{
	const char *s = w->s;
	uint32_t cp = utf8_next(&s, w->s + w->len);
	return (cp >= 0x4e00 && cp <= 0x9fff) || (cp >= 0x20000 && cp <= 0x3ffff);
}

static size_t count_letters(const char *s, size_t len)
{
	size_t letters = 0;
	for (const char *end = s + len; s < end; letters++)
		utf8_next(&s, end);
	return letters;
}

/* The keyword that begins at word i, and how many words it takes; no letters if there is none. */
static size_t read_keyword(struct keyword *k, const struct prose *p, const struct word *words,
			   size_t count, size_t i)
{
	const struct word *w = &words[i];
	size_t n = 1;
	*k = (struct keyword){.s = w->s, .len = w->len};
	if (is_ideograph(w)) {
		for (; i + n < count && is_ideograph(&words[i + n]) &&
		       words[i + n].s == words[i + n - 1].s + words[i + n - 1].len;
		     n++)
			k->len += words[i + n].len;
		k->letters = n > 1 ? n * LEAST_LETTERS : 1;
		return n;
	}
	size_t letters = count_letters(w->s, w->len);
	bool noun = !p->cased && w->upper && !w->opens && letters > 2;
	if (letters >= LEAST_LETTERS || noun)
		k->letters = letters + (noun ? 2 * LEAST_LETTERS : 0);
	return n;
}

static bool is_known(const struct keyword *list, size_t count, const struct keyword *k)
{
	for (size_t i = 0; i < count; i++) {
		if (list[i].len == k->len && !memcmp(list[i].s, k->s, k->len))
			return true;
	}
	return false;
}

/* The weightiest stay, in the order of the text. */
static void keep_keyword(struct keyword list[KEYWORDS], size_t *count, const struct keyword *k)
{
	if (!k->letters || k->len >= KEYWORD_BYTES || is_known(list, *count, k))
		return;
	if (*count == KEYWORDS) {
		size_t least = 0;
		for (size_t i = 1; i < KEYWORDS; i++)
			least = list[i].letters < list[least].letters ? i : least;
		if (list[least].letters >= k->letters)
			return;
		memmove(list + least, list + least + 1, (KEYWORDS - 1 - least) * sizeof(*list));
		(*count)--;
	}
	list[(*count)++] = *k;
}

static size_t find_keywords(struct keyword list[KEYWORDS], const struct prose *p, size_t first,
			    size_t count)
{
	struct word words[SENTENCE_WORDS];
	size_t found = 0;
	for (size_t i = first; i < first + count; i++) {
		size_t n = prose_words(words, p, &p->sentences[i]);
		for (size_t k = 0; k < n;) {
			struct keyword word;
			k += read_keyword(&word, p, words, n, k);
			keep_keyword(list, &found, &word);
		}
	}
	return found;
}

void keywords_write(struct concept *c, const struct prose *p, size_t first, size_t count)
{
	CLEANUP(buf_finish) struct buf out = {0};
	struct keyword list[KEYWORDS];
	size_t found = find_keywords(list, p, first, count);
	buf_adds(&out, found ? "A scene, in the passage\xe2\x80\x99s own words: "
			     : "A scene of this chapter");
	for (size_t i = 0; i < found; i++) {
		buf_adds(&out, i ? ", " : "");
		buf_add(&out, list[i].s, list[i].len);
	}
	buf_addc(&out, '.');
	for (size_t i = 0; i < c->elements.len && i < 3; i++)
		buf_addf(&out, "%s%s", i ? ", " : " With ", c->elements.items[i]);
	if (c->elements.len)
		buf_addc(&out, '.');
	analysis_set(&c->description, buf_str(&out));
}
