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
#define PICTURE_OF_BOOK "IN (SELECT id FROM picture WHERE concept " CONCEPT_OF_BOOK ")"

/* In the order in which rows refer to earlier ones. add: to a store with results of its own; a row
 * gets a number there, that of what it belongs to (:parent) and, a concept, of its root. What is
 * hidden, or hangs on an edit, is for a store that takes all. */
static const struct table {
	const char *name, *write, *read, *add;
} tables[] = {
	{"edit",
	 "SELECT json_array('edit', id, time_ms, kind, chapter, subject, detail, undone_ms)"
	 " FROM edit ORDER BY id",
	 "INSERT INTO edit (id, time_ms, kind, chapter, subject, detail, undone_ms)"
	 " SELECT :row->>1, :row->>2, :row->>3, :row->>4, :row->>5, :row->>6, :row->>7"},
	{"analysis",
	 "SELECT json_array('analysis', id, key, (SELECT hash FROM text WHERE id = text), rank,"
	 " provider, model, options, prompt_version, completed_ms, tokens, concepts,"
	 " CAST(body AS TEXT), hash, requests, tokens_in, tokens_out, cost_micro, made_by,"
	 " hidden_by) FROM analysis WHERE " OF_BOOK " ORDER BY id",
	 "INSERT INTO analysis (id, key, text, rank, provider, model, options, prompt_version,"
	 " completed_ms, tokens, concepts, body, hash, requests, tokens_in, tokens_out, cost_micro,"
	 " made_by, hidden_by)"
	 " SELECT :row->>1, :row->>2, (SELECT id FROM text WHERE hash = :row->>3), :row->>4,"
	 " :row->>5, :row->>6, :row->>7, :row->>8, :row->>9, :row->>10, :row->>11,"
	 " CAST(:row->>12 AS BLOB), :row->>13, :row->>14, :row->>15, :row->>16, :row->>17,"
	 " :row->>18, :row->>19",
	 "SELECT json_set(:row, '$[1]', NULL, '$[18]', nullif(:parent, 0), '$[19]', :root)"
	 " WHERE :row->>19 IS NULL"},
	{"concept",
	 "SELECT json_array('concept', serial, analysis, scene, hash, root) FROM concept"
	 " WHERE serial " CONCEPT_OF_BOOK " ORDER BY serial",
	 "INSERT INTO concept (serial, analysis, scene, hash, root)"
	 " SELECT :row->>1, :row->>2, :row->>3, :row->>4, :row->>5",
	 "SELECT json_set(:row, '$[1]', NULL, '$[2]', :parent, '$[5]', :root) WHERE :parent > 0"},
	{"picture",
	 "SELECT json_array('picture', id, concept, key, hash, ext, size_bytes, completed_ms,"
	 " provider, model, options, prompt_version, prompt, requests, tokens_in, tokens_out,"
	 " cost_micro, scene_hash, style, made_by, hidden_by)"
	 " FROM picture WHERE concept " CONCEPT_OF_BOOK " ORDER BY id",
	 "INSERT INTO picture (id, concept, key, hash, ext, size_bytes, completed_ms, provider,"
	 " model, options, prompt_version, prompt, requests, tokens_in, tokens_out, cost_micro,"
	 " scene_hash, style, made_by, hidden_by)"
	 " SELECT :row->>1, :row->>2, :row->>3, :row->>4, :row->>5, :row->>6, :row->>7, :row->>8,"
	 " :row->>9, :row->>10, :row->>11, :row->>12, :row->>13, :row->>14, :row->>15, :row->>16,"
	 " :row->>17, :row->>18, :row->>19, :row->>20",
	 "SELECT json_set(:row, '$[1]', NULL, '$[2]', :parent, '$[18]', :root, '$[19]', NULL)"
	 " WHERE :parent > 0 AND :row->>20 IS NULL"},
	/* Ended: completed, failed, or nobody's. */
	{"job",
	 "SELECT json_array('job', id, kind, state, (SELECT hash FROM text WHERE id = text),"
	 " concept, chapter, scene, profile, attempts, error_code, error, tokens, started_ms,"
	 " ended_ms, changed_ms, requests, tokens_in, tokens_out, cost_micro, errand,"
	 " subject) FROM job WHERE state IN (3, 4, 5) AND " OF_BOOK " ORDER BY id",
	 "INSERT INTO job (id, kind, state, text, concept, chapter, scene, profile, on_demand,"
	 " attempts, error_code, error, not_before_ms, tokens, owner, started_ms, ended_ms,"
	 " changed_ms, requests, tokens_in, tokens_out, cost_micro, errand, subject)"
	 " SELECT :row->>1, :row->>2, :row->>3, (SELECT id FROM text WHERE hash = :row->>4),"
	 " :row->>5, :row->>6, :row->>7, :row->>8, 0, :row->>9, :row->>10, :row->>11, 0, :row->>12,"
	 " 0, :row->>13, :row->>14, :row->>15, :row->>16, :row->>17, :row->>18, :row->>19,"
	 " :row->>20, :row->>21 WHERE :row->>3 IN (3, 4, 5)"},
	{"correction",
	 "SELECT json_array('correction', id, kind, type, name, to_type, to_name, text, made_by,"
	 " hidden_by) FROM correction ORDER BY id",
	 "INSERT INTO correction (id, kind, type, name, to_type, to_name, text, made_by, hidden_by)"
	 " SELECT :row->>1, :row->>2, :row->>3, :row->>4, :row->>5, :row->>6, :row->>7, :row->>8,"
	 " :row->>9"},
	{"verdict",
	 "SELECT json_array('verdict', id, place, kind, type, name, to_type, to_name) FROM verdict"
	 " ORDER BY id",
	 "INSERT INTO verdict (id, place, kind, type, name, to_type, to_name)"
	 " SELECT :row->>1, :row->>2, :row->>3, :row->>4, :row->>5, :row->>6, :row->>7"},
	{"look",
	 "SELECT json_array('look', id, type, name, line, made_ms, made_by, hidden_by, source,"
	 " lost_to) FROM look ORDER BY id",
	 "INSERT INTO look (id, type, name, line, made_ms, made_by, hidden_by, source, lost_to)"
	 " SELECT :row->>1, :row->>2, :row->>3, :row->>4, :row->>5, :row->>6, :row->>7,"
	 " :row->>8, :row->>9"},
	{"picture_look",
	 "SELECT json_array('picture_look', picture, look) FROM picture_look"
	 " WHERE picture " PICTURE_OF_BOOK " ORDER BY picture, look",
	 "INSERT INTO picture_look (picture, look) SELECT :row->>1, :row->>2"},
	{"style", "SELECT json_array('style', id, body, made_by, hidden_by) FROM style ORDER BY id",
	 "INSERT INTO style (id, body, made_by, hidden_by)"
	 " SELECT :row->>1, :row->>2, :row->>3, :row->>4"},
	{"approval",
	 "SELECT json_array('approval', concept, made_by, hidden_by) FROM approval"
	 " WHERE concept " CONCEPT_OF_BOOK " ORDER BY concept, made_by",
	 "INSERT INTO approval (concept, made_by, hidden_by) SELECT :row->>1, :row->>2, :row->>3"},
	{"portrait",
	 "SELECT json_array('portrait', id, type, name, hash, ext, size_bytes, made_ms, made_by,"
	 " hidden_by, drawn_by, prompt) FROM portrait ORDER BY id",
	 "INSERT INTO portrait (id, type, name, hash, ext, size_bytes, made_ms, made_by, hidden_by,"
	 " drawn_by, prompt)"
	 " SELECT :row->>1, :row->>2, :row->>3, :row->>4, :row->>5, :row->>6, :row->>7, :row->>8,"
	 " :row->>9, :row->>10, :row->>11"},
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

int store_picture_hashes(struct store_reader *r, int (*fn)(void *arg, const struct picture_hash *p),
			 void *arg)
{
	static const char sql[] = "SELECT id, hash, 0 FROM picture WHERE concept " CONCEPT_OF_BOOK
				  " UNION ALL SELECT id, hash, 1 FROM portrait ORDER BY 3, 1";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	int more, ended = 0;
	while (!ended && (more = query_row(&q)) == 1) {
		const struct picture_hash p = {query_get_int(&q, 0), query_string(&q, 1),
					       query_get_int(&q, 2) != 0};
		ended = fn(arg, &p);
	}
	return ended ? ended : more;
}

int store_picture_hash_bytes(struct buf *out, struct store_reader *r, const struct picture_hash *p)
{
	static const char picture_sql[] = "SELECT bytes FROM picture_data WHERE id = :id";
	static const char portrait_sql[] = "SELECT bytes FROM portrait_data WHERE id = :id";
	CLEANUP(query_end)
	struct query q = query_begin(&r->conn, p->portrait ? portrait_sql : picture_sql);
	query_int(&q, ":id", p->id);
	int more = query_row(&q);
	if (more != 1)
		return more < 0 ? more : -ENOENT;
	size_t len;
	const void *data = query_get_blob(&q, 0, &len);
	return len ? buf_add(out, data, len) : 0;
}

/* ---- reading back */

/* Rows that have another number here than in the record. */
struct numbers {
	struct {
		int64_t theirs, ours;
		bool there; /* it was, before */
	} * items;
	size_t len, cap;
};

struct restoring {
	struct store_tx *tx;
	const struct record *from;
	struct restored done;
	bool whole; /* the store had no results: every row keeps its number */
	struct numbers analyses, concepts;
};

static void numbers_add(struct numbers *n, int64_t theirs, int64_t ours, bool there)
{
	n->items = xgrow(n->items, &n->cap, n->len + 1, sizeof(n->items[0]));
	n->items[n->len].theirs = theirs;
	n->items[n->len].ours = ours;
	n->items[n->len++].there = there;
}

/* They come in order. 0: none. */
static int64_t numbers_find(bool *there, const struct numbers *n, int64_t theirs)
{
	size_t low = 0, high = n->len;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (n->items[middle].theirs < theirs)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == n->len || n->items[low].theirs != theirs)
		return 0;
	*there = n->items[low].there;
	return n->items[low].ours;
}

static void restoring_finish(struct restoring *r)
{
	free(r->analyses.items);
	free(r->concepts.items);
}

/* A column of a line that is a number; 0: it is none. */
static int line_number(int64_t *out, struct store_tx *tx, const char *line, int column)
{
	static const char sql[] = "SELECT :row->>:column";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_text(&q, ":row", line);
	query_int(&q, ":column", column);
	int more = query_row(&q);
	if (more == 1)
		*out = query_get_int(&q, 0);
	return more < 0 ? more : 0;
}

/* The row that a query finds by a line and the number of what it belongs to; 0: none. */
static int look_up(int64_t *out, struct store_tx *tx, const char *sql, const char *line,
		   int64_t number)
{
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_text(&q, ":row", line);
	query_int(&q, ":number", number);
	int more = query_row(&q);
	if (more >= 0)
		*out = more ? query_get_int(&q, 0) : 0;
	return more < 0 ? more : 0;
}

static int put_row(struct store_tx *tx, const struct table *t, const char *line, struct err *err)
{
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, t->read);
	query_text(&q, ":row", line);
	int result = query_run(&q);
	return result == -EBADMSG ? err_set(err, result, "a line of %s fits no row", t->name)
				  : result;
}

/* 1, or 0: it is nothing for this store. 0 as a number: none. */
static int put_added(struct store_tx *tx, const struct table *t, const char *line, int64_t parent,
		     int64_t root, struct err *err)
{
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, t->add);
	query_text(&q, ":row", line);
	query_int(&q, ":parent", parent);
	if (root)
		query_int(&q, ":root", root);
	int result = query_row(&q);
	if (result == 1)
		result = put_row(tx, t, query_string(&q, 0), err);
	else if (result == 0)
		return 0;
	return result < 0 ? result : 1;
}

/* Every row of it as it is, or what this store lacks. */
static int put(struct restoring *r, const struct table *t, const char *line, int64_t parent,
	       int64_t root, struct err *err)
{
	if (!r->whole)
		return put_added(r->tx, t, line, parent, root, err);
	int result = put_row(r->tx, t, line, err);
	return result < 0 ? result : 1;
}

/* Who shows the book hears of it; what is brought to an empty store brings its own events. */
static int announce(struct restoring *r, enum store_event_type type, const char *line, int64_t of)
{
	static const char picture_sql[] =
		"SELECT a.text, n.scene, :row->>8, :row->>5 FROM concept AS n JOIN analysis AS a"
		" ON a.id = n.analysis WHERE n.serial = :of";
	static const char analysis_sql[] =
		"SELECT text, 0, :row->>5, :row->>11 FROM analysis WHERE id = :of";
	bool picture = type == EVENT_IMAGE_COMPLETE;
	if (r->whole)
		return 0;
	CLEANUP(query_end)
	struct query q = query_begin(&r->tx->conn, picture ? picture_sql : analysis_sql);
	query_text(&q, ":row", line);
	query_int(&q, ":of", of);
	int result = query_row(&q);
	return result != 1
		       ? result
		       : tx_announce(r->tx, &(struct announcement){
						    .type = type,
						    .text = query_get_int(&q, 0),
						    .scene = (int)query_get_int(&q, 1),
						    .provider = query_string(&q, 2),
						    .detail = picture ? NULL : query_string(&q, 3),
						    .ext = picture ? query_string(&q, 3) : NULL,
					    });
}

static int put_analysis(struct restoring *r, const struct table *t, const char *line,
			struct err *err)
{
	static const char same_sql[] = "SELECT id FROM analysis WHERE key = :row->>2"
				       " AND hash = :row->>13 AND concepts = :number";
	int64_t theirs = 0, concepts = 0, same = 0;
	int result = line_number(&theirs, r->tx, line, 1);
	if (result == 0)
		result = line_number(&concepts, r->tx, line, 11);
	if (result == 0 && !r->whole)
		result = look_up(&same, r->tx, same_sql, line, concepts);
	r->done.there += same != 0;
	if (result == 0 && same)
		numbers_add(&r->analyses, theirs, same, true);
	if (result < 0 || same)
		return result;
	result = put(r, t, line, 0, 0, err);
	if (result <= 0)
		return result;
	int64_t ours = sqlite3_last_insert_rowid(r->tx->conn.db);
	numbers_add(&r->analyses, theirs, ours, false);
	r->done.analyses++;
	return announce(r, EVENT_CONCEPTS_READY, line, ours);
}

static int put_concept(struct restoring *r, const struct table *t, const char *line,
		       struct err *err)
{
	static const char ours_sql[] =
		"SELECT serial FROM concept WHERE analysis = :number AND scene = :row->>3";
	int64_t theirs = 0, analysis = 0, root = 0, ours = 0;
	bool there = false, ignored;
	if (r->whole)
		return put(r, t, line, 0, 0, err);
	int result = line_number(&theirs, r->tx, line, 1);
	if (result == 0)
		result = line_number(&analysis, r->tx, line, 2);
	if (result == 0)
		result = line_number(&root, r->tx, line, 5);
	analysis = numbers_find(&there, &r->analyses, analysis);
	root = numbers_find(&ignored, &r->concepts, root);
	if (result == 0 && !there)
		result = put(r, t, line, analysis, root, err);
	if (result >= 0)
		result = look_up(&ours, r->tx, ours_sql, line, analysis);
	numbers_add(&r->concepts, theirs, ours, there);
	return result;
}

/* 1, or <0. */
static int put_bytes(struct restoring *r, const char *sql, const char *line, int64_t id)
{
	static const char hash_sql[] = "SELECT :row->>4";
	CLEANUP(buf_finish) struct buf bytes = {.max_bytes = SIZE_MAX};
	CLEANUP(query_end) struct query row = query_begin(&r->tx->conn, hash_sql);
	query_text(&row, ":row", line);
	int result = query_row(&row);
	if (result == 1)
		result = r->from->bytes(&bytes, r->from->arg, query_string(&row, 0));
	if (result < 0)
		return result;
	CLEANUP(query_end) struct query q = query_begin(&r->tx->conn, sql);
	query_int(&q, ":id", id);
	query_blob(&q, ":bytes", bytes.data, bytes.len);
	result = query_run(&q);
	return result < 0 ? result : 1;
}

static int put_picture(struct restoring *r, const struct table *t, const char *line,
		       struct err *err)
{
	static const char same_sql[] =
		"SELECT id FROM picture WHERE concept = :number AND hash = :row->>4";
	static const char bytes_sql[] = "INSERT INTO picture_data (id, bytes) VALUES (:id, :bytes)";
	int64_t concept = 0, same = 0;
	bool there;
	int result = line_number(&concept, r->tx, line, 2);
	if (result == 0 && !r->whole) {
		concept = numbers_find(&there, &r->concepts, concept);
		result = look_up(&same, r->tx, same_sql, line, concept);
	}
	r->done.there += same != 0;
	if (result < 0 || same)
		return result;
	result = put(r, t, line, concept, 0, err);
	if (result == 1)
		result = put_bytes(r, bytes_sql, line, sqlite3_last_insert_rowid(r->tx->conn.db));
	r->done.pictures += result == 1;
	return result == 1 ? announce(r, EVENT_IMAGE_COMPLETE, line, concept) : result;
}

static int put_portrait(struct restoring *r, const struct table *t, const char *line,
			struct err *err)
{
	static const char bytes_sql[] =
		"INSERT INTO portrait_data (id, bytes) VALUES (:id, :bytes)";
	int result = r->whole ? put(r, t, line, 0, 0, err) : 0;
	return result == 1
		       ? put_bytes(r, bytes_sql, line, sqlite3_last_insert_rowid(r->tx->conn.db))
		       : result;
}

/* What was, is the story of a store that had nothing else. */
static int put_history(struct restoring *r, const struct table *t, const char *line,
		       struct err *err)
{
	return r->whole ? put(r, t, line, 0, 0, err) : 0;
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

/* SQLite's own complaint would blame the store. */
static int check_line(struct store_tx *tx, const char *line, struct err *err)
{
	static const char sql[] = "SELECT 1 WHERE json_valid(:row)";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_text(&q, ":row", line);
	int more = query_row(&q);
	return more == 1 ? 0 : more < 0 ? more : err_set(err, -EBADMSG, "a line is not JSON");
}

static int put_line(struct restoring *r, const char *line, struct err *err)
{
	static const struct {
		const char *name;
		int (*put)(struct restoring *r, const struct table *t, const char *line,
			   struct err *err);
	} puts[] = {{"analysis", put_analysis},
		    {"concept", put_concept},
		    {"picture", put_picture},
		    {"portrait", put_portrait}};
	const struct table *t = table_of(line);
	if (!t)
		return err_set(err, -EBADMSG, "a line is of no known kind");
	int result = check_line(r->tx, line, err);
	if (result < 0)
		return result;
	for (size_t i = 0; i < ARRAY_LEN(puts); i++)
		if (strcmp(puts[i].name, t->name) == 0)
			return puts[i].put(r, t, line, err);
	return put_history(r, t, line, err);
}

/* What happened so far in an empty store is that the book was imported, which the record tells. */
static int drop_events(struct store_tx *tx)
{
	static const char sql[] = "DELETE FROM event";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	return query_run(&q);
}

static int put_lines(struct restoring *r, struct err *err)
{
	static const char used_sql[] = "SELECT EXISTS (SELECT 1 FROM analysis)"
				       " OR EXISTS (SELECT 1 FROM job)"
				       " OR EXISTS (SELECT 1 FROM edit)";
	const char *line;
	int64_t used = 0;
	int result = conn_int(&used, &r->tx->conn, used_sql, err), more = 1;
	r->whole = !used;
	if (result == 0 && r->whole)
		result = drop_events(r->tx);
	while (result >= 0 && (more = r->from->line(r->from->arg, &line)) == 1)
		result = put_line(r, line, err);
	return result < 0 ? result : more;
}

/* ---- judging */

static int fits(struct store_tx *tx, const struct record *from, struct err *err)
{
	const char *line;
	int more = from->line(from->arg, &line);
	if (more <= 0)
		return more < 0 ? more : err_set(err, -EBADMSG, "it is empty");
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, head_sql);
	more = query_row(&q);
	if (more == 1 && strcmp(query_string(&q, 0), line) == 0)
		return 0;
	return more < 0 ? more
			: err_set(err, -ESTALE, "it is of other texts, or of another bookfs");
}

/* Numbers that index tables of ours. */
static int check_numbers(struct store_tx *tx, struct err *err)
{
	static const struct {
		const char *sql;
		int most;
	} numbers[] = {
		{"SELECT DISTINCT type FROM event", EVENT_TYPES - 1},
		{"SELECT DISTINCT rank FROM analysis", 2},
		{"SELECT DISTINCT kind FROM edit", EDIT_KINDS - 1},
		{"SELECT DISTINCT kind FROM correction", CORRECTION_REMOVE},
		{"SELECT type FROM correction UNION SELECT to_type FROM correction"
		 " UNION SELECT type FROM look UNION SELECT type FROM portrait",
		 ELEMENT_TYPES - 1},
	};
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		CLEANUP(query_end) struct query q = query_begin(&tx->conn, numbers[i].sql);
		int more;
		while ((more = query_row(&q)) == 1) {
			query_get_enum(&q, 0, numbers[i].most);
			if (q.failed)
				return err_set(err, q.failed, "a number in it means nothing");
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

static int check_all(struct store_tx *tx, struct err *err)
{
	struct err fault = {0};
	int result = check_numbers(tx, err);
	if (result == 0)
		result = check_results(&tx->conn, note_fault, &fault);
	return result > 0 ? err_set(err, -EBADMSG, "%s", fault.msg) : result;
}

int tx_restore(struct restored *out, struct store_tx *tx, const struct record *from,
	       struct err *err)
{
	CLEANUP(restoring_finish) struct restoring r = {.tx = tx, .from = from};
	int result = fits(tx, from, err);
	if (result == 0)
		result = put_lines(&r, err);
	if (result == 0)
		result = check_all(tx, err);
	if (result == 0)
		*out = r.done;
	return result;
}
