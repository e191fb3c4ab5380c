/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "internal.h"

/*
 * The store written down, and read back. A line is an array: what it is, then its columns. The rows
 * keep their numbers, so that the order of results and the serial numbers of concepts are what they
 * were; texts go by their hashes, as each import numbers them anew.
 *
 * A record may come from anybody. What is brought back is judged by the rules of store_check before
 * it is kept, and work that is not ended is not brought back at all.
 */

/* The texts of chapters, and the format: a record fits a store if these two are equal. */
static const char head_sql[] =
	"SELECT json_array('bookfs', (SELECT user_version FROM pragma_user_version),"
	" (SELECT json_group_array(hash) FROM (SELECT t.hash FROM chapter AS c"
	" JOIN text AS t ON t.id = c.text ORDER BY c.number)))";

/* Results of a text that the book no longer has have nowhere to go. */
#define OF_BOOK "text IN (SELECT text FROM chapter)"
#define CONCEPT_OF_BOOK                                                                            \
	"IN (SELECT serial FROM concept WHERE analysis IN (SELECT id FROM analysis WHERE " OF_BOOK \
	"))"

/* In the order in which rows refer to earlier ones. */
static const struct table {
	const char *name, *write, *read;
} tables[] = {
	{"analysis",
	 "SELECT json_array('analysis', id, key, (SELECT hash FROM text WHERE id = text), rank,"
	 " provider, model, options, prompt_version, completed_ms, tokens, concepts,"
	 " CAST(body AS TEXT), hash, requests, tokens_in, tokens_out, cost_micro)"
	 " FROM analysis WHERE " OF_BOOK " ORDER BY id",
	 "INSERT INTO analysis (id, key, text, rank, provider, model, options, prompt_version,"
	 " completed_ms, tokens, concepts, body, hash, requests, tokens_in, tokens_out, cost_micro)"
	 " SELECT :row->>1, :row->>2, (SELECT id FROM text WHERE hash = :row->>3), :row->>4,"
	 " :row->>5, :row->>6, :row->>7, :row->>8, :row->>9, :row->>10, :row->>11,"
	 " CAST(:row->>12 AS BLOB), :row->>13, :row->>14, :row->>15, :row->>16, :row->>17"},
	{"concept",
	 "SELECT json_array('concept', serial, analysis, scene) FROM concept"
	 " WHERE serial " CONCEPT_OF_BOOK " ORDER BY serial",
	 "INSERT INTO concept (serial, analysis, scene) SELECT :row->>1, :row->>2, :row->>3"},
	{"picture",
	 "SELECT json_array('picture', id, concept, key, hash, ext, size_bytes, completed_ms,"
	 " provider, model, options, prompt_version, prompt, requests, tokens_in, tokens_out,"
	 " cost_micro) FROM picture WHERE concept " CONCEPT_OF_BOOK " ORDER BY id",
	 "INSERT INTO picture (id, concept, key, hash, ext, size_bytes, completed_ms, provider,"
	 " model, options, prompt_version, prompt, requests, tokens_in, tokens_out, cost_micro)"
	 " SELECT :row->>1, :row->>2, :row->>3, :row->>4, :row->>5, :row->>6, :row->>7, :row->>8,"
	 " :row->>9, :row->>10, :row->>11, :row->>12, :row->>13, :row->>14, :row->>15, :row->>16"},
	/* Ended: completed or failed. */
	{"job",
	 "SELECT json_array('job', id, kind, state, (SELECT hash FROM text WHERE id = text),"
	 " concept, chapter, scene, profile, attempts, error_code, error, tokens, started_ms,"
	 " ended_ms, changed_ms, requests, tokens_in, tokens_out, cost_micro)"
	 " FROM job WHERE state IN (3, 4) AND " OF_BOOK " ORDER BY id",
	 "INSERT INTO job (id, kind, state, text, concept, chapter, scene, profile, on_demand,"
	 " attempts, error_code, error, not_before_ms, tokens, owner, started_ms, ended_ms,"
	 " changed_ms, requests, tokens_in, tokens_out, cost_micro)"
	 " SELECT :row->>1, :row->>2, :row->>3, (SELECT id FROM text WHERE hash = :row->>4),"
	 " :row->>5, :row->>6, :row->>7, :row->>8, 0, :row->>9, :row->>10, :row->>11, 0, :row->>12,"
	 " 0, :row->>13, :row->>14, :row->>15, :row->>16, :row->>17, :row->>18, :row->>19"
	 " WHERE :row->>3 IN (3, 4)"},
	/* Where it was mounted (11, 12) is nobody else's business. */
	{"event",
	 "SELECT json_array('event', time_ms, type, chapter, id, provider,"
	 " CASE WHEN type IN (11, 12) THEN NULL ELSE detail END) FROM event ORDER BY seq",
	 "INSERT INTO event (time_ms, type, chapter, id, provider, detail)"
	 " SELECT :row->>1, :row->>2, :row->>3, :row->>4, :row->>5, :row->>6"},
};

/* ---- writing down */

static int tell(struct store_reader *r, const char *sql, int (*fn)(void *arg, const char *line),
		void *arg)
{
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	int more, ended = 0;
	while (!ended && (more = query_row(&q)) == 1)
		ended = fn(arg, query_string(&q, 0));
	return ended ? ended : more;
}

int store_record(struct store_reader *r, int (*fn)(void *arg, const char *line), void *arg)
{
	int result = store_snapshot_begin(r);
	if (result < 0)
		return result;
	result = tell(r, head_sql, fn, arg);
	for (size_t i = 0; i < ARRAY_LEN(tables) && result == 0; i++)
		result = tell(r, tables[i].write, fn, arg);
	store_snapshot_end(r);
	return result;
}

int store_picture_hashes(struct store_reader *r,
			 int (*fn)(void *arg, int64_t picture, const char *hash, const char *ext),
			 void *arg)
{
	static const char sql[] =
		"SELECT id, hash, ext FROM picture WHERE concept " CONCEPT_OF_BOOK " ORDER BY id";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	int more, ended = 0;
	while (!ended && (more = query_row(&q)) == 1)
		ended = fn(arg, query_get_int(&q, 0), query_string(&q, 1), query_string(&q, 2));
	return ended ? ended : more;
}

/* ---- reading back */

static int is_empty(struct store_tx *tx, struct err *err)
{
	static const char sql[] = "SELECT 1 WHERE EXISTS (SELECT 1 FROM analysis)"
				  " OR EXISTS (SELECT 1 FROM job)";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	int more = query_row(&q);
	return more == 1 ? err_set(err, -EEXIST, "the store has results of its own") : more;
}

static int fits(struct store_tx *tx, const char *line, struct err *err)
{
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, head_sql);
	int more = query_row(&q);
	if (more == 1 && strcmp(query_string(&q, 0), line) == 0)
		return 0;
	return more < 0 ? more
			: err_set(err, -ESTALE, "it is of other texts, or of another bookfs");
}

/* What happened so far in an empty store is that the book was imported, which the record tells. */
static int drop_events(struct store_tx *tx)
{
	static const char sql[] = "DELETE FROM event";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	return query_run(&q);
}

/* SQLite's own complaint would blame the store. */
static int check_line(struct store_tx *tx, const char *line, struct err *err)
{
	static const char sql[] = "SELECT 1 WHERE json_valid(:row)";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_text(&q, ":row", line);
	int more = query_row(&q);
	return more == 1 ? 0 : more < 0 ? more : err_set(err, -EBADMSG, "a line is not JSON");
}

static int put_row(struct store_tx *tx, const char *sql, const char *line)
{
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_text(&q, ":row", line);
	return query_run(&q);
}

static int put_bytes(struct store_tx *tx, const struct record *from, const char *line)
{
	static const char row_sql[] = "SELECT :row->>1, :row->>4";
	static const char sql[] = "INSERT INTO picture_data (id, bytes) VALUES (:id, :bytes)";
	CLEANUP(buf_finish) struct buf bytes = {.max_bytes = SIZE_MAX};
	CLEANUP(query_end) struct query row = query_begin(&tx->conn, row_sql);
	query_text(&row, ":row", line);
	int result = query_row(&row);
	if (result == 1)
		result = from->bytes(&bytes, from->arg, query_string(&row, 1));
	if (result < 0)
		return result;
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":id", query_get_int(&row, 0));
	query_blob(&q, ":bytes", bytes.data, bytes.len);
	return query_run(&q);
}

static const struct table *table_of(const char *line)
{
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		size_t len = strlen(tables[i].name);
		if (strncmp(line, "[\"", 2) == 0 && strncmp(line + 2, tables[i].name, len) == 0 &&
		    line[2 + len] == '"')
			return &tables[i];
	}
	return NULL;
}

static int put_line(struct store_tx *tx, const struct record *from, const char *line,
		    struct err *err)
{
	const struct table *t = table_of(line);
	if (!t)
		return err_set(err, -EBADMSG, "a line is of no known kind");
	int result = check_line(tx, line, err);
	if (result == 0 && (result = put_row(tx, t->read, line)) == -EBADMSG)
		err_set(err, result, "a line of %s fits no row", t->name);
	if (result == 0 && strcmp(t->name, "picture") == 0)
		result = put_bytes(tx, from, line);
	return result;
}

static int put_lines(struct store_tx *tx, const struct record *from, struct err *err)
{
	const char *line;
	int result = drop_events(tx), more = 1;
	while (result == 0 && (more = from->line(from->arg, &line)) == 1)
		result = put_line(tx, from, line, err);
	return result < 0 ? result : more;
}

/* Numbers that index tables of ours. */
static int check_numbers(struct store_tx *tx)
{
	static const struct {
		const char *sql;
		int most;
	} numbers[] = {
		{"SELECT DISTINCT type FROM event", EVENT_TYPES - 1},
		{"SELECT DISTINCT rank FROM analysis", 2},
	};
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		CLEANUP(query_end) struct query q = query_begin(&tx->conn, numbers[i].sql);
		int more;
		while ((more = query_row(&q)) == 1) {
			query_get_enum(&q, 0, numbers[i].most);
			if (q.failed)
				return q.failed;
		}
		if (more < 0)
			return more;
	}
	return 0;
}

static void note_fault(void *arg, const char *line)
{
	struct err *err = arg;
	if (!err->code)
		err_set(err, -EBADMSG, "%s", line);
}

int tx_restore(struct store_tx *tx, const struct record *from, struct err *err)
{
	const char *line;
	int result = is_empty(tx, err);
	if (result < 0)
		return result;
	result = from->line(from->arg, &line);
	if (result <= 0)
		return result < 0 ? result : err_set(err, -EBADMSG, "it is empty");
	result = fits(tx, line, err);
	if (result == 0)
		result = put_lines(tx, from, err);
	if (result == 0)
		result = check_numbers(tx);
	if (result < 0)
		return result;
	struct err fault = {0};
	result = check_results(&tx->conn, note_fault, &fault);
	return result > 0 ? err_set(err, -EBADMSG, "%s", fault.msg) : result;
}
