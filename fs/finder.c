/* SPDX-License-Identifier: MIT */
#include <cjson/cJSON.h>
#include <string.h>

#include "import.h"

/*
 * Chapters of another illustrator's count something else, so a chapter of theirs is the one of ours
 * in whose text its quotes stand, and whose title it has. Those of its title are looked at first:
 * if one of them has all quotes, the others need not be.
 */

enum { QUOTES_MOST = 16 }; /* so many of a chapter tell where it is */

struct finder {
	const struct book *book;
	struct folded **texts; /* [i] of chapters; NULL: it cannot be meant */
};

struct finder *finder_new(const struct book *b)
{
	struct finder *p = xcalloc(1, sizeof(*p));

	p->book = b;
	p->texts = xcalloc(b->chapter_count + 1, sizeof(struct folded *));
	for (size_t i = 0; i < b->chapter_count; i++)
		if (b->chapters[i].text)
			p->texts[i] = folded_new(b->chapters[i].text, b->chapters[i].text_bytes);
	return p;
}

struct finder *finder_free(struct finder *p)
{
	if (!p)
		return NULL;
	for (size_t i = 0; i < p->book->chapter_count; i++)
		folded_free(p->texts[i]);
	free(p->texts);
	free(p);
	return NULL;
}

static bool same_title(const char *a, const char *b)
{
	CLEANUP(buf_finish) struct buf x = {0}, y = {0};

	for (; *a; a++)
		if (*a != ' ')
			buf_addc(&x, *a);
	for (; *b; b++)
		if (*b != ' ')
			buf_addc(&y, *b);
	return x.len && x.len == y.len && !strcasecmp(buf_str(&x), buf_str(&y));
}

/* A scene's quote is a string, or an object with its text. */
static const char *quote_of(const cJSON *concept)
{
	const cJSON *quote = cJSON_GetObjectItemCaseSensitive(concept, "quote");
	const char *s = cJSON_GetStringValue(quote);

	return s ? s : cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(quote, "text"));
}

static void read_quotes(struct strv *out, const struct finding *f)
{
	cJSON *concepts = f->concepts ? cJSON_Parse(f->concepts) : NULL, *concept;

	cJSON_ArrayForEach(concept, concepts)
	{
		const char *quote = quote_of(concept);

		if (quote && *quote && out->len < QUOTES_MOST)
			strv_add(out, quote);
	}
	cJSON_Delete(concepts);
}

static int quotes_in(const struct folded *text, const struct strv *quotes)
{
	int found = 0;
	size_t len;

	for (size_t i = 0; i < quotes->len; i++)
		found += folded_locate(&len, text, quotes->items[i]) != QUOTE_NOT_FOUND;
	return found;
}

struct best {
	int chapter, points;
	bool several;
};

/* A quote is worth two, the title one. */
static void look(struct best *best, const struct finder *p, size_t i, const struct strv *quotes,
		 bool titled)
{
	int points = 2 * quotes_in(p->texts[i], quotes) + titled;

	best->several =
		points == best->points ? points > 0 : points < best->points && best->several;
	if (points <= best->points)
		return;
	best->points = points;
	best->chapter = (int)i + 1;
}

int finder_find(const struct finder *p, const struct finding *f)
{
	CLEANUP(strv_finish) struct strv quotes = {0};
	struct best best = {0};

	read_quotes(&quotes, f);
	for (int titled = 1; titled >= 0; titled--) {
		for (size_t i = 0; i < p->book->chapter_count; i++)
			if (p->texts[i] &&
			    same_title(f->title, p->book->chapters[i].title) == (titled != 0))
				look(&best, p, i, &quotes, titled != 0);
		if (best.points == 2 * (int)quotes.len + 1)
			break;
	}
	return best.several ? 0 : best.chapter;
}
