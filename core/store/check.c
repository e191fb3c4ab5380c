/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "internal.h"

/*
 * What must be true of a store, asked of all of it: SQLite's own rules, then ours. Most of ours are
 * queries that find rows which should not be; what hangs on hashes is computed again.
 */

struct check {
	struct conn *conn;
	void (*say)(void *arg, const char *line);
	void *arg;
	int faults;
	struct strv unread; /* why queries could not be read, each once */
};

static void fault(struct check *c, const char *fmt, ...) PRINTF(2, 3);
static void fault(struct check *c, const char *fmt, ...)
{
	char line[512];
	struct err printable;
	va_list args;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	err_set(&printable, -EBADMSG, "%s", line); /* a stranger's names come to a terminal */
	c->say(c->arg, printable.msg);
	c->faults++;
}

/* SQLite says some of what it finds in several lines. */
static void page_faults(struct check *c, const char *text)
{
	CLEANUP(cleanup_free) char *copy = xstrdup(text);
	char *rest = copy, *line;
	while ((line = strsep(&rest, "\n"))) {
		if (*line)
			fault(c, "the file is damaged: %s", line);
	}
}

static int check_pages(struct check *c)
{
	static const char sql[] = "PRAGMA integrity_check";
	CLEANUP(query_end) struct query q = query_begin(c->conn, sql);
	int more;
	while ((more = query_row(&q)) == 1) {
		const char *line = query_borrow(&q, 0);
		if (line && strcmp(line, "ok") != 0)
			page_faults(c, line);
	}
	return more;
}

static int check_references(struct check *c)
{
	static const char sql[] = "PRAGMA foreign_key_check";
	CLEANUP(query_end) struct query q = query_begin(c->conn, sql);
	int more;
	while ((more = query_row(&q)) == 1)
		fault(c, "a row of %s (%lld) refers to one of %s that is not there",
		      query_string(&q, 0), (long long)query_get_int(&q, 1), query_string(&q, 2));
	return more;
}

/* What an edit that was undone made is hidden, and what it hid is shown. */
#define HIDDEN_RULES(table, id)                                                                    \
	{"SELECT r." id " FROM " table " AS r JOIN edit AS e ON e.id = r.made_by"                  \
	 " WHERE e.undone_ms > 0 AND r.hidden_by IS NULL",                                         \
	 table " %lld is shown, but the edit that made it was undone"},                            \
	{                                                                                          \
		"SELECT r." id " FROM " table " AS r JOIN edit AS e ON e.id = r.hidden_by"         \
		" WHERE e.undone_ms > 0 AND r.made_by IS NOT r.hidden_by",                         \
			table " %lld is hidden, but the edit that hid it was undone"               \
	}

/* Rows that should not be: each query gives the number of one. */
static const struct {
	const char *sql, *what;
} rules[] = {
	{"SELECT id FROM job WHERE state = 3 AND kind = 0 AND errand = 0"
	 " AND text NOT IN (SELECT text FROM analysis)",
	 "job %lld is completed, but its analysis is not there"},
	{"SELECT id FROM job WHERE state = 3 AND kind = 1 AND errand = 0"
	 " AND concept NOT IN (SELECT concept FROM picture)",
	 "job %lld is completed, but its picture is not there"},
	{"SELECT id FROM job WHERE kind = 1 AND errand = 0 AND state <> 5"
	 " AND NOT EXISTS (SELECT 1 FROM concept WHERE serial = job.concept)",
	 "job %lld is to draw a concept that is not there"},
	{"SELECT id FROM job WHERE kind NOT IN (0, 1) OR state NOT BETWEEN 1 AND 5"
	 " OR errand NOT BETWEEN 0 AND 4 OR (errand > 0 AND concept <> 0)"
	 " OR (errand IN (1, 2, 3) AND kind <> 0) OR (errand = 4 AND kind <> 1)",
	 "job %lld is in a state that does not exist"},
	{"SELECT id FROM job WHERE (state = 2) <> (owner <> 0)",
	 "job %lld has an owner and is not in progress, or the other way"},
	{"SELECT id FROM job WHERE state = 4 AND (error IS NULL OR error_code = 0)",
	 "job %lld failed without a reason"},
	{"SELECT id FROM analysis AS a WHERE concepts <>"
	 " (SELECT count(*) FROM concept WHERE analysis = a.id)",
	 "analysis %lld has not as many concepts as it says"},
	{"SELECT n.serial FROM concept AS n JOIN analysis AS a ON a.id = n.analysis"
	 " WHERE n.root IS NOT NULL AND NOT EXISTS (SELECT 1 FROM concept AS f"
	 " JOIN analysis AS b ON b.id = f.analysis WHERE f.serial = n.root AND f.root IS NULL"
	 " AND f.scene = n.scene AND b.text = a.text)",
	 "concept %lld goes by the number of one that is not the same scene"},
	{"SELECT p.id FROM picture AS p JOIN concept AS n ON n.serial = p.concept"
	 " WHERE n.root IS NOT NULL",
	 "picture %lld is of a number that its scene does not go by"},
	{"SELECT id FROM picture WHERE id NOT IN (SELECT id FROM picture_data)",
	 "picture %lld has no bytes"},
	{"SELECT id FROM verdict WHERE kind NOT IN (0, 7) OR type NOT BETWEEN 0 AND 3"
	 " OR to_type NOT BETWEEN 0 AND 3",
	 "verdict %lld is of a kind that does not exist"},
	HIDDEN_RULES("analysis", "id"),
	HIDDEN_RULES("picture", "id"),
	HIDDEN_RULES("correction", "id"),
	HIDDEN_RULES("look", "id"),
	HIDDEN_RULES("style", "id"),
	HIDDEN_RULES("approval", "concept"),
	HIDDEN_RULES("portrait", "id"),
	{"SELECT id FROM edit WHERE kind NOT BETWEEN 0 AND 8",
	 "edit %lld is of a kind that does not exist"},
	{"SELECT id FROM analysis WHERE rank = 2 AND made_by IS NOT NULL AND made_by NOT IN"
	 " (SELECT id FROM edit WHERE kind IN (0, 1))",
	 "analysis %lld is a person's, but not by an edit of one"},
	{"SELECT id FROM correction WHERE kind NOT BETWEEN 0 AND 7 OR type NOT BETWEEN 0 AND 3"
	 " OR to_type NOT BETWEEN 0 AND 3",
	 "correction %lld means nothing"},
	{"SELECT id FROM correction WHERE kind IN (0, 1, 3, 7) AND to_name IS NULL",
	 "correction %lld does not say to whom"},
	{"SELECT id FROM look WHERE type NOT BETWEEN 0 AND 3", "look %lld is of nothing's"},
	{"SELECT concept FROM approval WHERE concept NOT IN"
	 " (SELECT serial FROM concept WHERE root IS NULL)",
	 "scene %lld is approved, but it is not there"},
	{"SELECT id FROM portrait WHERE type NOT BETWEEN 0 AND 3", "portrait %lld is of nothing's"},
	{"SELECT id FROM portrait WHERE id NOT IN (SELECT id FROM portrait_data)",
	 "portrait %lld has no bytes"},
	{"SELECT number FROM chapter WHERE kind NOT BETWEEN 0 AND 3",
	 "chapter %lld is of a kind that does not exist"},
	{"SELECT max(number) FROM chapter HAVING max(number) <> count(*) OR min(number) <> 1",
	 "the chapters up to %lld are not numbered without a gap"},
	{"SELECT chapter FROM content WHERE chapter > 0"
	 " AND chapter NOT IN (SELECT number FROM chapter)",
	 "the contents lead to chapter %lld, which is not there"},
};

static int check_rules(struct check *c)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		CLEANUP(query_end) struct query q = query_begin(c->conn, rules[i].sql);
		int more;
		while ((more = query_row(&q)) == 1) {
			const char *at = strstr(rules[i].what, "%lld");
			fault(c, "%.*s%lld%s", (int)(at - rules[i].what), rules[i].what,
			      (long long)query_get_int(&q, 0), at + strlen("%lld"));
		}
		if (more < 0)
			return more;
	}
	return 0;
}

/* The hash over a blob is the one stored beside it, and it is as long as it is said to be. */
static void check_blob(struct check *c, struct query *q, const char *what)
{
	size_t len;
	const void *data = query_get_blob(q, 3, &len);
	const char *stored = query_borrow(q, 1);
	char hex[HASH_HEX];
	CLEANUP(hash_free_cleanup) struct hash *h = hash_new();
	if (len)
		hash_add(h, data, len);
	hash_hex(hex, h);
	if (!stored || strcmp(stored, hex) != 0 || (int64_t)len != query_get_int(q, 2))
		fault(c, "%s %lld is not as it was stored", what, (long long)query_get_int(q, 0));
}

static int check_blobs(struct check *c, const char *sql, const char *what)
{
	CLEANUP(query_end) struct query q = query_begin(c->conn, sql);
	int more;
	while ((more = query_row(&q)) == 1)
		check_blob(c, &q, what);
	return more;
}

static int check_texts(struct check *c)
{
	static const char sql[] = "SELECT id, hash, bytes, body FROM text";
	return check_blobs(c, sql, "text");
}

static int check_analyses(struct check *c)
{
	static const char sql[] = "SELECT id, hash, length(body), body FROM analysis"
				  " WHERE hash IS NOT NULL";
	return check_blobs(c, sql, "analysis");
}

static int check_pictures(struct check *c)
{
	static const char sql[] = "SELECT p.id, p.hash, p.size_bytes, d.bytes"
				  " FROM picture AS p JOIN picture_data AS d ON d.id = p.id";
	return check_blobs(c, sql, "picture");
}

static int check_portraits(struct check *c)
{
	static const char sql[] = "SELECT p.id, p.hash, p.size_bytes, d.bytes"
				  " FROM portrait AS p JOIN portrait_data AS d ON d.id = p.id";
	return check_blobs(c, sql, "portrait");
}

/* Keys of results; subject is what they were made from. */
static int check_keys(struct check *c, const char *sql, const char *what)
{
	CLEANUP(query_end) struct query q = query_begin(c->conn, sql);
	int more;
	while ((more = query_row(&q)) == 1) {
		const char *stored = query_borrow(&q, 1), *subject = query_borrow(&q, 2);
		struct result_info info = {
			.provider = query_borrow(&q, 3),
			.model = query_borrow(&q, 4),
			.options = query_borrow(&q, 5),
			.prompt_version = (int)query_get_int(&q, 6),
		};
		char key[HASH_HEX] = "";
		if (subject && info.provider && info.model && info.options)
			result_key(key, subject, &info);
		if (!stored || strcmp(stored, key) != 0)
			fault(c, "%s %lld is not stored under its key", what,
			      (long long)query_get_int(&q, 0));
	}
	return more;
}

static int check_analysis_keys(struct check *c)
{
	static const char sql[] =
		"SELECT a.id, a.key, t.hash, a.provider, a.model, a.options, a.prompt_version"
		" FROM analysis AS a JOIN text AS t ON t.id = a.text";
	return check_keys(c, sql, "analysis");
}

static int check_picture_keys(struct check *c)
{
	static const char sql[] =
		"SELECT id, key, prompt, provider, model, options, prompt_version FROM picture";
	return check_keys(c, sql, "picture");
}

static bool is_within(const struct quote *q, int64_t bytes)
{
	return q->offset == QUOTE_NOT_FOUND ||
	       (q->offset <= (size_t)bytes && q->len <= (size_t)bytes - q->offset);
}

static bool quotes_are_within(const struct analysis *a, int64_t bytes)
{
	for (size_t i = 0; i < a->concept_count; i++)
		if (!is_within(&a->concepts[i].quote, bytes))
			return false;
	for (size_t i = 0; i < a->element_count; i++) {
		const struct element *e = &a->elements[i];
		for (size_t k = 0; k < e->quote_count; k++)
			if (!is_within(&e->quotes[k], bytes))
				return false;
		for (size_t k = 0; k < e->look_count; k++)
			if (!is_within(&e->looks[k], bytes))
				return false;
	}
	return true;
}

/* Each scene has its row, with its hash. */
static int check_scenes(struct check *c, int64_t id, const struct analysis *a)
{
	static const char sql[] = "SELECT serial, scene, hash FROM concept WHERE analysis = :id";
	CLEANUP(query_end) struct query q = query_begin(c->conn, sql);
	query_int(&q, ":id", id);
	int more;
	while ((more = query_row(&q)) == 1) {
		const struct concept *scene = analysis_scene(a, (int)query_get_int(&q, 1));
		const char *stored = query_borrow(&q, 2);
		char hash[HASH_HEX] = "";
		if (scene)
			concept_hash(hash, scene);
		if (!scene || (stored && strcmp(stored, hash) != 0))
			fault(c, "concept %lld is not a scene of its analysis",
			      (long long)query_get_int(&q, 0));
	}
	return more;
}

static int check_bodies(struct check *c)
{
	static const char sql[] = "SELECT a.id, a.concepts, a.body, t.bytes"
				  " FROM analysis AS a JOIN text AS t ON t.id = a.text";
	CLEANUP(query_end) struct query q = query_begin(c->conn, sql);
	int more;
	while ((more = query_row(&q)) == 1) {
		CLEANUP(analysis_free_cleanup) struct analysis *a = NULL;
		struct err err = {0};
		size_t len;
		const char *body = query_get_blob(&q, 2, &len);
		long long id = (long long)query_get_int(&q, 0);
		int result = 0;
		if (analysis_decode(&a, body ? body : "", len, &err) < 0)
			fault(c, "analysis %lld cannot be read: %s", id, err.msg);
		else if ((int64_t)a->concept_count != query_get_int(&q, 1))
			fault(c, "analysis %lld has not as many concepts as it says", id);
		else if (!quotes_are_within(a, query_get_int(&q, 3)))
			fault(c, "analysis %lld quotes what is not in its text", id);
		else
			result = check_scenes(c, id, a);
		if (result < 0)
			return result;
	}
	return more;
}

/* Several questions meet the same damaged page. */
static void unreadable(struct check *c)
{
	const char *reason = c->conn->last.msg;
	if (strv_has(&c->unread, reason))
		return;
	strv_add(&c->unread, reason);
	fault(c, "%s", reason);
}

typedef int (*check_fn)(struct check *c);

/* Goes on after damage, as what one query cannot read another may. */
static int run(struct check *c, const check_fn *checks, size_t count)
{
	int result = 0;
	for (size_t i = 0; i < count && result >= 0; i++) {
		result = checks[i](c);
		if (result == -EBADMSG) {
			unreadable(c);
			result = 0;
		}
	}
	strv_finish(&c->unread);
	return result < 0 ? result : c->faults;
}

int check_results(struct conn *conn, void (*say)(void *arg, const char *line), void *arg)
{
	static const check_fn checks[] = {
		check_references,    check_rules,    check_bodies,	 check_analyses,
		check_analysis_keys, check_pictures, check_picture_keys, check_portraits,
	};
	struct check c = {.conn = conn, .say = say, .arg = arg};
	return run(&c, checks, ARRAY_LEN(checks));
}

/* On a connection of its own, as it reads for long. */
int store_check(struct store *s, void (*say)(void *arg, const char *line), void *arg)
{
	static const check_fn checks[] = {
		check_pages,	    check_references, check_rules,	   check_texts,
		check_bodies,	    check_analyses,   check_analysis_keys, check_pictures,
		check_picture_keys, check_portraits,
	};
	CLEANUP(store_reader_close_cleanup) struct store_reader *r = NULL;
	struct err err = {0};
	int result = store_reader_open(&r, s, &err);
	if (result < 0)
		return result;
	struct check c = {.conn = &r->conn, .say = say, .arg = arg};
	result = store_snapshot_begin(r);
	if (result < 0)
		return result;
	result = run(&c, checks, ARRAY_LEN(checks));
	store_snapshot_end(r);
	return result;
}
