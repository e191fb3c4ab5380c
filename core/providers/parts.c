/* SPDX-License-Identifier: MIT */
#include "exchange.h"

#include <string.h>

/*
 * A chapter that is longer than a model's context is asked for in parts. How a model counts is not
 * known, so that the estimate is of the common ones, and the parts are cut with some to spare.
 */

/* ---- counting */

/*
 * A run of one script is a word, which takes some thousandths of a token, and so does each of its
 * letters; of Latin the first four are a part of the word, and one with letters that English has
 * not is dearer. The numbers are a least-squares fit to what o200k_base, the tokenizer of OpenAI's
 * newer models, makes of 26 books in English, Japanese and Arabic, of the translations of Debian's
 * programs and manuals into 33 languages, and of collections of sayings in eight. By them each book
 * is told within 11 %, and a language within a fifth: Polish comes out too cheap, French too dear.
 * Llama 3 counts those books as o200k does, but for Arabic (a fifth more); older tokenizers, Llama
 * 2's and Mistral's first, take 10 to 25 % more for English and twice as much for other scripts.
 * Which one a server has shows in what its answers took (core/jobs/estimate.c).
 */
enum script {
	SPACE,
	LINE,
	LATIN,
	DIGIT,
	SIGN,
	CYRILLIC,
	LETTER,
	THAI,
	BURMESE,
	KANA,
	HANGUL,
	HAN,
	WIDE
};

static const struct {
	short word, letter;
} prices[] = {
	[LINE] = {950, 0},	  [LATIN] = {800, 0},	 [DIGIT] = {0, 380}, [SIGN] = {440, 260},
	[CYRILLIC] = {1250, 120}, [LETTER] = {100, 400}, [THAI] = {0, 430},  [BURMESE] = {0, 565},
	[KANA] = {1130, 500},	  [HANGUL] = {0, 755},	 [HAN] = {0, 820},   [WIDE] = {0, 1000}};
enum { SHORT_WORD = 4, LONG_WORD_LETTER = 300, FOREIGN_WORD = 850 };

static enum script script_of(uint32_t cp)
{
	static const struct {
		uint32_t first, last;
		enum script script;
	} ranges[] = {{'0', '9', DIGIT},	 {'!', '~', SIGN},	    {0xa1, 0xbf, SIGN},
		      {0xc0, 0x36f, LATIN},	 {0x400, 0x52f, CYRILLIC},  {0xe00, 0xeff, THAI},
		      {0x1000, 0x109f, BURMESE}, {0x1780, 0x17ff, BURMESE}, /* Khmer */
		      {0x1e00, 0x1eff, LATIN},				    /* Vietnamese */
		      {0x370, 0x1fff, LETTER}, /* Greek, Hebrew, Arabic, those of India ... */
		      {0x2010, 0x206f, SIGN},	 {0x3041, 0x30ff, KANA},    {0x3400, 0x9fff, HAN},
		      {0xac00, 0xd7a3, HANGUL}};
	if (cp == ' ' || cp == '\t' || cp == '\r')
		return SPACE;
	if (cp == '\n')
		return LINE;
	if ((cp | 0x20) >= 'a' && (cp | 0x20) <= 'z' && cp < 0x80)
		return LATIN;
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
		if (cp >= ranges[i].first && cp <= ranges[i].last)
			return ranges[i].script;
	return WIDE;
}

struct count {
	int64_t thousandths;
	enum script last;
	size_t run;
	bool foreign;
};

static void count_next(struct count *c, uint32_t cp)
{
	enum script now = script_of(cp);
	bool foreign = now == LATIN && cp >= 0xc0 && cp < 0x370;
	if (now != c->last) {
		c->run = 0;
		c->foreign = false;
		c->thousandths += prices[now].word;
	}
	c->run++;
	c->thousandths += prices[now].letter;
	if (now == LATIN && c->run > SHORT_WORD)
		c->thousandths += LONG_WORD_LETTER;
	if (foreign && !c->foreign)
		c->thousandths += FOREIGN_WORD;
	c->foreign |= foreign;
	c->last = now;
}

int64_t tokens_estimate(const char *s, size_t len)
{
	struct count c = {0};
	for (const char *end = s + len; s < end;)
		count_next(&c, utf8_next(&s, end));
	return (c.thousandths + 500) / 1000;
}

/* ---- cutting */

/* A border that ends at or before `most`, the best there is in the last half; `most` itself if
 * there is none. */
static size_t border_before(const char *text, size_t start, size_t most)
{
	static const char *const borders[] = {"\n\n", "\n", ". ", "\xe3\x80\x82", " "};
	for (size_t i = 0; i < ARRAY_LEN(borders); i++) {
		size_t len = strlen(borders[i]);
		for (size_t at = most; at >= start + (most - start) / 2 + len; at--)
			if (!memcmp(text + at - len, borders[i], len))
				return at;
	}
	return most;
}

/* Where as many tokens end, behind one character at least. */
static size_t end_of_tokens(const char *text, size_t start, size_t end, int64_t tokens)
{
	struct count c = {0};
	const char *next = text + start;
	size_t at = start;
	while (at < end) {
		count_next(&c, utf8_next(&next, text + end));
		if (c.thousandths > tokens * 1000 && at > start)
			return at;
		at = (size_t)(next - text);
	}
	return end;
}

/* The scenes go by length, none gets lost. */
static void share_scenes(struct part *parts, size_t count, const struct part *whole)
{
	size_t before = 0;
	for (size_t i = 0; i < count; i++) {
		size_t from = before * (size_t)whole->scenes / whole->len;
		before += parts[i].len;
		parts[i].scenes = (int)(before * (size_t)whole->scenes / whole->len - from);
	}
}

size_t parts_split(struct part **out, const char *text, const struct part *whole, int64_t tokens)
{
	struct part *parts = NULL;
	size_t count = 0, cap = 0, at = whole->start, end = whole->start + whole->len;
	do {
		size_t stop = end_of_tokens(text, at, end, tokens);
		if (stop < end)
			stop = border_before(text, at, stop);
		parts = xgrow(parts, &cap, count + 1, sizeof(*parts));
		parts[count++] =
			(struct part){.start = at, .len = stop - at, .scenes = whole->scenes};
		at = stop;
	} while (at < end);
	if (count > 1)
		share_scenes(parts, count, whole);
	*out = parts;
	return count;
}

/* ---- merging */

static void move_quote(struct quote *q, size_t by)
{
	if (q->offset != QUOTE_NOT_FOUND)
		q->offset += by;
}

static void copy_quote(struct quote *to, const struct quote *q)
{
	to->offset = q->offset;
	to->len = q->len;
	analysis_set(&to->text, q->text);
	analysis_set(&to->page, q->page);
}

static void copy_strings(struct strv *to, const struct strv *from)
{
	for (size_t i = 0; i < from->len; i++)
		strv_add(to, from->items[i]);
}

static void add_concepts(struct analysis *all, const struct analysis *a)
{
	for (size_t i = 0; i < a->concept_count; i++) {
		const struct concept *from = &a->concepts[i];
		struct concept *c = analysis_add_concept(all);
		copy_quote(&c->quote, &from->quote);
		analysis_set(&c->description, from->description);
		analysis_set(&c->mood, from->mood);
		analysis_set(&c->lighting, from->lighting);
		copy_strings(&c->elements, &from->elements);
	}
}

/* All that the parts say of it, each once. */
static char *described(const struct catalogue_entry *e)
{
	struct buf all = {0};
	for (size_t i = 0; i < e->descriptions.len; i++) {
		const char *d = e->descriptions.items[i];
		size_t len = strlen(d);
		if (!len)
			continue;
		if (all.len)
			buf_addc(&all, ' ');
		buf_add(&all, d, len);
		if (!strchr(".!?", d[len - 1]) && i + 1 < e->descriptions.len)
			buf_addc(&all, '.');
	}
	return buf_steal(&all, NULL);
}

static void add_entry(struct analysis *all, const struct catalogue_entry *entry)
{
	struct element *e = analysis_add_element(all);
	CLEANUP(cleanup_free) char *description = described(entry);
	e->type = entry->type;
	analysis_set(&e->name, entry->name);
	analysis_set(&e->description, description);
	copy_strings(&e->aliases, &entry->aliases);
	for (size_t i = 0; i < entry->appearance_count; i++)
		if (entry->appearances[i].quote)
			copy_quote(element_add_quote(e), entry->appearances[i].quote);
}

static void move_quotes(struct analysis *a, size_t by)
{
	for (size_t i = 0; i < a->concept_count; i++)
		move_quote(&a->concepts[i].quote, by);
	for (size_t i = 0; i < a->element_count; i++)
		for (size_t k = 0; k < a->elements[i].quote_count; k++)
			move_quote(&a->elements[i].quotes[k], by);
}

struct analysis *parts_merge(struct part *parts, size_t count)
{
	const struct analysis **each = xcalloc(count, sizeof(struct analysis *));
	int *numbers = xcalloc(count, sizeof(*numbers));
	struct analysis *all = analysis_new();
	for (size_t i = 0; i < count; i++) {
		move_quotes(parts[i].done, parts[i].start);
		add_concepts(all, parts[i].done);
		all->tokens += parts[i].done->tokens;
		each[i] = parts[i].done;
		numbers[i] = (int)i + 1;
	}
	CLEANUP(catalogue_free_cleanup) struct catalogue *c = catalogue_new(each, numbers, count);
	for (size_t i = 0; i < c->len; i++)
		add_entry(all, &c->entries[i]);
	free(each);
	free(numbers);
	return all;
}
