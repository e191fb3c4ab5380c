/* SPDX-License-Identifier: MIT */
#include "internal.h"

struct store_cast {
	struct store_analysis *chapters; /* in order of number; id 0: not analysed */
	size_t len, cap;
	struct catalogue *catalogue; /* borrows from them; NULL: to be merged */
};

struct store_cast *store_cast_new(void)
{
	return xcalloc(1, sizeof(struct store_cast));
}

static void chapters_cut(struct store_cast *c, size_t keep)
{
	while (c->len > keep) {
		c->catalogue = catalogue_free(c->catalogue);
		store_analysis_finish(&c->chapters[--c->len]);
	}
}

struct store_cast *store_cast_free(struct store_cast *c)
{
	if (!c)
		return NULL;
	chapters_cut(c, 0);
	catalogue_free(c->catalogue);
	free(c->chapters);
	free(c);
	return NULL;
}

static int chapter_read(struct store_cast *c, struct store_reader *r, size_t i, int number,
			int64_t id)
{
	struct store_analysis *have = &c->chapters[i];
	if (have->id == id && have->chapter == number)
		return 0;
	c->catalogue = catalogue_free(c->catalogue);
	store_analysis_finish(have);
	have->chapter = number;
	return id ? store_analysis(have, r, number, true) : 0;
}

static int chapters_read(struct store_cast *c, struct store_reader *r)
{
	static const char sql[] =
		"SELECT c.number, " BEST_ANALYSIS("c.text") " FROM chapter AS c ORDER BY c.number";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	size_t count = 0;
	int more, result = 0;
	while (result == 0 && (more = query_row(&q)) == 1) {
		if (count == c->len) {
			c->chapters =
				xgrow(c->chapters, &c->cap, count + 1, sizeof(c->chapters[0]));
			c->chapters[c->len++] = (struct store_analysis){0};
		}
		result = chapter_read(c, r, count++, (int)query_get_int(&q, 0),
				      query_get_int(&q, 1));
	}
	if (result == 0 && more == 0)
		chapters_cut(c, count);
	return result ? result : more;
}

static struct catalogue *merge(const struct store_cast *c)
{
	const struct analysis **analyses = xcalloc(c->len + 1, sizeof(const struct analysis *));
	int *numbers = xcalloc(c->len + 1, sizeof(numbers[0]));
	size_t count = 0;
	for (size_t i = 0; i < c->len; i++) {
		if (!c->chapters[i].analysis)
			continue;
		analyses[count] = c->chapters[i].analysis;
		numbers[count++] = c->chapters[i].chapter;
	}
	struct catalogue *merged = catalogue_new(analyses, numbers, count);
	free(analyses);
	free(numbers);
	return merged;
}

int store_cast_catalogue(const struct catalogue **out, struct store_cast *c, struct store_reader *r)
{
	int result = store_snapshot_begin(r);
	if (result < 0)
		return result;
	result = chapters_read(c, r);
	store_snapshot_end(r);
	if (result < 0)
		return result;
	if (!c->catalogue)
		c->catalogue = merge(c);
	*out = c->catalogue;
	return 0;
}
