/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "internal.h"

struct store_cast {
	struct store_analysis *chapters; /* in order of number; id 0: not analysed */
	size_t len, cap;
	struct catalogue *catalogue; /* borrows from them; NULL: to be merged */
	struct stamp {
		/* Corrections come with new numbers and never come back once they were hidden. */
		int64_t newest_correction, corrections, newest_verdict;
		/* Of looks, and of the pictures they were drawn in. */
		int64_t newest_edit, undone, newest_look, newest_picture;
	} stamp;
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

static int chapter_read(struct store_cast *c, struct conn *conn, size_t i, int number, int64_t id)
{
	struct store_analysis *have = &c->chapters[i];
	if (have->id == id && have->chapter == number)
		return 0;
	c->catalogue = catalogue_free(c->catalogue);
	store_analysis_finish(have);
	have->chapter = number;
	return id ? analysis_read(have, conn, number, true) : 0;
}

static int chapters_read(struct store_cast *c, struct conn *conn)
{
	static const char sql[] =
		"SELECT c.number, " SHOWN_ANALYSIS("c") " FROM chapter AS c ORDER BY c.number";
	CLEANUP(query_end) struct query q = query_begin(conn, sql);
	size_t count = 0;
	int more, result = 0;
	while (result == 0 && (more = query_row(&q)) == 1) {
		if (count == c->len) {
			c->chapters =
				xgrow(c->chapters, &c->cap, count + 1, sizeof(c->chapters[0]));
			c->chapters[c->len++] = (struct store_analysis){0};
		}
		result = chapter_read(c, conn, count++, (int)query_get_int(&q, 0),
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

/* ---- what persons say, and how all look */

static int read_stamp(struct stamp *out, struct conn *conn)
{
	static const char sql[] = "SELECT coalesce((SELECT max(id) FROM correction), 0),"
				  " (SELECT count(*) FROM correction WHERE hidden_by IS NULL),"
				  " coalesce((SELECT max(id) FROM edit), 0),"
				  " (SELECT count(*) FROM edit WHERE undone_ms > 0),"
				  " coalesce((SELECT max(id) FROM look), 0),"
				  " coalesce((SELECT max(id) FROM picture), 0),"
				  " coalesce((SELECT max(id) FROM verdict), 0)";
	CLEANUP(query_end) struct query q = query_begin(conn, sql);
	int more = query_row(&q);
	if (more == 1)
		*out = (struct stamp){
			.newest_correction = query_get_int(&q, 0),
			.corrections = query_get_int(&q, 1),
			.newest_edit = query_get_int(&q, 2),
			.undone = query_get_int(&q, 3),
			.newest_look = query_get_int(&q, 4),
			.newest_picture = query_get_int(&q, 5),
			.newest_verdict = query_get_int(&q, 6),
		};
	return more == 1 ? 0 : more < 0 ? more : -EBADMSG;
}

static int merge_corrected(struct store_cast *c, struct conn *conn)
{
	CLEANUP(corrections_finish) struct corrections list = {0};
	int result = decided_read(&list, conn);
	if (result < 0)
		return result;
	c->catalogue = merge(c);
	if (list.len)
		catalogue_correct(c->catalogue, &list);
	return 0;
}

static bool looks_hold(const struct store_cast *c, struct stamp now)
{
	if (looks_all_drawn(c->catalogue))
		now.newest_picture = c->stamp.newest_picture;
	return memcmp(&now, &c->stamp, sizeof(now)) == 0;
}

/* Merging is dear, the looks are a query or two. */
int cast_read(const struct catalogue **out, struct store_cast *c, struct conn *conn)
{
	struct stamp now = {0};
	int result = chapters_read(c, conn);
	if (result == 0)
		result = read_stamp(&now, conn);
	if (result < 0)
		return result;
	if (now.newest_correction != c->stamp.newest_correction ||
	    now.corrections != c->stamp.corrections ||
	    now.newest_verdict != c->stamp.newest_verdict)
		c->catalogue = catalogue_free(c->catalogue);
	bool hold = c->catalogue && looks_hold(c, now);
	if (!c->catalogue)
		result = merge_corrected(c, conn);
	if (result == 0 && !hold)
		result = looks_set(c->catalogue, conn);
	if (result < 0) {
		c->catalogue = catalogue_free(c->catalogue); /* half of it is worse than none */
		return result;
	}
	c->stamp = now;
	*out = c->catalogue;
	return 0;
}

int store_cast_catalogue(const struct catalogue **out, struct store_cast *c, struct store_reader *r)
{
	int result = store_snapshot_begin(r);
	if (result < 0)
		return result;
	result = cast_read(out, c, &r->conn);
	store_snapshot_end(r);
	return result;
}

int store_cast_key(char out[HASH_HEX], bool *whole, struct store_reader *r)
{
	static const char sql[] =
		"SELECT c.number, " BEST_ANALYSIS("c.text") ", c.kind"
							    " FROM chapter AS c ORDER BY c.number";
	CLEANUP(hash_free_cleanup) struct hash *h = hash_new();
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	int more, missing = 0;
	while ((more = query_row(&q)) == 1) {
		int64_t row[] = {query_get_int(&q, 0), query_get_int(&q, 1)};
		hash_add(h, row, sizeof(row));
		missing += !row[1] && query_get_int(&q, 2) == BOOK_STORY;
	}
	hash_hex(out, h);
	*whole = missing == 0;
	return more;
}

int store_cast_moment(struct cast_moment *out, struct store_reader *r)
{
	static const char sql[] =
		"SELECT (SELECT max(id) FROM analysis), (SELECT max(id) FROM edit),"
		" (SELECT count(*) FROM edit WHERE undone_ms > 0), (SELECT max(id) FROM verdict),"
		" (SELECT max(generation) FROM book),"
		" (SELECT count(*) FROM (SELECT 1 FROM look WHERE hidden_by IS NULL LIMIT 2))";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	int more = query_row(&q);
	if (more == 1)
		*out = (struct cast_moment){
			.analyses = query_get_int(&q, 0),
			.edits = query_get_int(&q, 1),
			.undone = query_get_int(&q, 2),
			.verdicts = query_get_int(&q, 3),
			.generation = query_get_int(&q, 4),
			.looks = query_get_int(&q, 5),
		};
	return more < 0 ? more : 0;
}
