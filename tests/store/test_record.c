/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "check.h"
#include "fixture.h"
#include "internal.h"

/* A store that is written down and read back is the same to the row; what somebody wrote instead is
 * judged, and leaves nothing behind. */

static int keep(void *arg, const char *line)
{
	strv_add(arg, line);
	return 0;
}

static struct strv written(struct store *s)
{
	struct strv lines = {0};
	CHECK_INT(store_record(store_reader(s), keep, &lines), 0);
	return lines;
}

/* ---- reading back */

struct reading {
	const struct strv *lines;
	size_t at;
	int bytes_result;
	struct restored done;
	struct err err;
};

static int next_line(void *arg, const char **line)
{
	struct reading *r = arg;
	if (r->at == r->lines->len)
		return 0;
	*line = r->lines->items[r->at++];
	return 1;
}

static int picture_bytes(struct buf *out, void *arg, const char *hash)
{
	const struct reading *r = arg;
	CHECK_INT(strlen(hash), 64);
	return r->bytes_result < 0 ? r->bytes_result : buf_adds(out, "picture");
}

static int restore(struct store_tx *tx, void *arg, struct err *err)
{
	const struct record from = {next_line, picture_bytes, arg};
	struct reading *r = arg;
	return tx_restore(&r->done, tx, &from, err);
}

static int read_back(struct store *s, const struct strv *lines, int bytes_result)
{
	struct reading r = {.lines = lines, .bytes_result = bytes_result};
	return store_write_wait(s, restore, &r, &r.err);
}

/* ---- a store with all that there is */

static void illustrate(struct store *s, int chapter)
{
	CLEANUP(store_job_finish) struct store_job analyze = {0};
	struct store_job draw = {0};
	CHECK_INT(wish(s, chapter, true, false), 0);
	CHECK_INT(claim(&analyze, s, JOB_ANALYZE), 1);
	CHECK_INT(finish_analysis(s, analyze.id, 2, "A lantern"), 0);
	CHECK_INT(claim_for(&draw, s, JOB_ILLUSTRATE, "painter"), 1);
	CHECK_INT(finish_picture(s, draw.id, "picture", 7), 0);
	store_job_finish(&draw);
	CHECK_INT(claim_for(&draw, s, JOB_ILLUSTRATE, "painter"), 1);
	CHECK_INT(fail_job(s, draw.id, 0), 0);
	store_job_finish(&draw);
}

static struct store *opened(const struct fixture *f, int changed)
{
	struct store *s = NULL;
	struct err err = {0};
	struct book *b = make_book(5, changed);
	CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
	CHECK_INT(import_book(s, b), 0);
	free_book(b);
	return s;
}

/* What came of errands: a job, a verdict, a look that lost, a portrait that was drawn. */
static int add_errands(struct store_tx *tx, void *arg, struct err *err)
{
	return conn_exec(
		&tx->conn,
		"INSERT INTO verdict VALUES (1, 0, 0, 0, 'Poor Ida', 0, 'Ida');"
		"INSERT INTO look (id, type, name, line, made_ms) VALUES (1, 0, 'Ida', 'a', 1);"
		"INSERT INTO look (id, type, name, line, made_ms, lost_to)"
		" VALUES (2, 0, 'Poor Ida', 'b', 1, 1);"
		"INSERT INTO edit VALUES (1, 1, 6, 0, 'elements/characters/Ida.png', 'drawn', 0);"
		"INSERT INTO portrait VALUES (1, 0, 'Ida', 'png', 'HASH', 7, 1, 1, NULL, 'by one',"
		" 'Ida, tall');"
		"UPDATE portrait SET hash = (SELECT hash FROM picture LIMIT 1);"
		"INSERT INTO portrait_data VALUES (1, CAST('picture' AS BLOB));"
		"INSERT INTO job (kind, state, text, concept, chapter, scene, profile, on_demand,"
		" attempts, error_code, not_before_ms, tokens, owner, started_ms, ended_ms,"
		" changed_ms, errand, subject) SELECT 1, 3, text, 0, 2, 0, 'x', 0, 1, 0, 0, 0, 0, "
		"1,"
		" 1, 1, 4, 'characters/Ida' FROM chapter WHERE number = 2",
		err);
}

static void check_errands(struct store *s)
{
	static const char *const rows[] = {
		"SELECT count(*) FROM verdict WHERE name = 'Poor Ida' AND to_name = 'Ida'",
		"SELECT count(*) FROM look WHERE id = 2 AND lost_to = 1",
		"SELECT count(*) FROM portrait WHERE drawn_by = 'by one' AND prompt = 'Ida, tall'",
		"SELECT count(*) FROM job WHERE errand = 4 AND subject = 'characters/Ida'"};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t count = 0;
		CHECK_INT(conn_int(&count, &s->reader.conn, rows[i], NULL), 0);
		CHECK_INT(count, 1);
	}
}

struct seen {
	int ready, drawn; /* of which something was said */
};

static int see(void *arg, const struct store_event *e)
{
	struct seen *seen = arg;
	seen->ready += e->type == EVENT_CONCEPTS_READY && e->chapter;
	seen->drawn += e->type == EVENT_IMAGE_COMPLETE && e->id;
	return 0;
}

static void test_there_and_back(struct store *full, struct store *empty)
{
	CLEANUP(strv_finish) struct strv lines = written(full), again = {0};
	CHECK_INT(read_back(empty, &lines, 0), 0);
	again = written(empty);
	CHECK_INT(again.len, lines.len);
	CHECK(lines.len > 15);
	for (size_t i = 0; i < lines.len && i < again.len; i++)
		CHECK_STR(again.items[i], lines.items[i]);
	check_errands(empty);
	CHECK_INT(check_store(empty), 0);
}

/* Another store has other numbers; what both have is not brought twice. */
static void test_to_others(struct store *full, struct store *other)
{
	CLEANUP(strv_finish) struct strv lines = written(full);
	struct reading first = {.lines = &lines}, second = {.lines = &lines};
	struct store_picture p;
	struct seen seen = {0};
	illustrate(other, 4);
	illustrate(other, 3);
	CHECK_INT(store_write_wait(other, restore, &first, &first.err), 0);
	CHECK_INT(first.done.analyses, 1);
	CHECK_INT(first.done.pictures, 1);
	CHECK_INT(first.done.there, 2);
	CHECK_INT(store_picture(&p, store_reader(other), 2, 1), 0);
	CHECK(p.id == 3 && p.concept == 5);
	CHECK_INT(store_write_wait(other, restore, &second, &second.err), 0);
	CHECK_INT(second.done.analyses + second.done.pictures, 0);
	CHECK_INT(second.done.there, 4);
	CHECK_INT(check_store(other), 0);
	CHECK_INT(store_events(store_reader(other), 0, 1000, see, &seen), 0);
	CHECK_INT(seen.ready, 3);
	CHECK_INT(seen.drawn, 3);
}

/* Who waits for work is not brought back: nobody is to pay for what a folder says. */
static void test_work_that_waits(struct store *full, struct store *empty)
{
	CLEANUP(strv_finish) struct strv lines = written(full);
	int open = -1;
	for (size_t i = 0; i < lines.len; i++)
		if (!strncmp(lines.items[i], "[\"job\"", 6))
			CHECK(strchr("34",
				     *(strchr(strchr(strchr(lines.items[i], ',') + 1, ',') + 1,
					      ',') +
				       1)) != NULL);
	strv_add(&lines, "[\"job\",99,0,1,null,0,3,0,\"paid\",0,0,null,0,0,0,0,0,0,0,0]");
	CHECK_INT(read_back(empty, &lines, 0), 0);
	CHECK_INT(store_open_jobs(&open, store_reader(empty), JOB_ANALYZE), 0);
	CHECK_INT(open, 0);
}

/* ---- what is none */

static char *replaced(const char *s, const char *what, const char *with)
{
	const char *at = strstr(s, what);
	return at ? xasprintf("%.*s%s%s", (int)(at - s), s, with, at + strlen(what)) : NULL;
}

static bool is_as_new(struct store *s)
{
	int64_t id = -1, seq = 0;
	CHECK_INT(store_analysis_id(&id, store_reader(s), 2), 0);
	CHECK_INT(store_seq(&seq, store_reader(s)), 0);
	return id == 0 && seq == 1 && check_store(s) == 0;
}

static void test_refused(struct store *full, struct store *empty)
{
	static const struct {
		const char *line, *what, *with;
		int result;
	} faults[] = {
		{"bookfs", "\"bookfs\"", "\"other\"", -ESTALE},
		{"analysis", "A lantern", "A lamp", -EBADMSG}, /* not its hash */
		{"analysis", "\\\"offset\\\":10", "\\\"offset\\\":99999", -EBADMSG},
		{"analysis", "[\"analysis\",1,", "[\"analysis\",\"one\",", -EBADMSG},
		{"analysis", "]", "", -EBADMSG}, /* no JSON */
		{"analysis", "[\"analysis\"", "[\"anal\"", -EBADMSG},
		{"concept", "[\"concept\",1,1,", "[\"concept\",1,7,", -EBADMSG},
		{"event", "[\"event\"", "[\"event\",1,77,0,null,null,null], [\"event\"", -EBADMSG},
		{"picture", "[\"picture\",1,1", "[\"picture\",1,50", -EBADMSG},
	};
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		CLEANUP(strv_finish) struct strv lines = written(full);
		bool found = false;
		for (size_t k = 0; k < lines.len && !found; k++) {
			bool is = !strncmp(lines.items[k] + 2, faults[i].line,
					   strlen(faults[i].line));
			char *other = is ? replaced(lines.items[k], faults[i].what, faults[i].with)
					 : NULL;
			found = other != NULL;
			if (found) {
				free(lines.items[k]);
				lines.items[k] = other;
			}
		}
		CHECK(found);
		CHECK_INT(read_back(empty, &lines, 0), faults[i].result);
		CHECK(is_as_new(empty));
	}
}

static void test_cut_short(struct store *full, struct store *empty)
{
	CLEANUP(strv_finish) struct strv lines = written(full);
	static const struct strv none;
	CHECK_INT(read_back(empty, &none, 0), -EBADMSG);
	CHECK_INT(read_back(empty, &lines, -ENOENT), -ENOENT);
	strv_add(&lines, "[\"event\",1,99,0,null,null,null]");
	CHECK_INT(read_back(empty, &lines, 0), -EBADMSG);
	CHECK(is_as_new(empty));
}

/* A column that a later version adds must be in the record, or be known not to belong there. */
static void test_whole(struct store *full)
{
	static const struct {
		const char *table;
		int without; /* of a job: when it may begin, its owner, who waits for it */
	} tables[] = {{"analysis", 0}, {"concept", 0}, {"picture", 0}, {"job", 6},
		      {"event", 1},    {"edit", 0},    {"style", 0}};
	static const char columns_sql[] = "SELECT count(*) FROM pragma_table_info(:table)";
	static const char length_sql[] = "SELECT json_array_length(:line) - 1";
	CLEANUP(strv_finish) struct strv lines = written(full);
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		CLEANUP(query_end)
		struct query columns = query_begin(&store_reader(full)->conn, columns_sql);
		query_text(&columns, ":table", tables[i].table);
		CHECK_INT(query_row(&columns), 1);
		for (size_t k = 0; k < lines.len; k++) {
			if (strncmp(lines.items[k] + 2, tables[i].table, strlen(tables[i].table)) !=
			    0)
				continue;
			CLEANUP(query_end)
			struct query length = query_begin(&store_reader(full)->conn, length_sql);
			query_text(&length, ":line", lines.items[k]);
			CHECK_INT(query_row(&length), 1);
			CHECK_INT(query_get_int(&length, 0),
				  query_get_int(&columns, 0) - tables[i].without);
		}
	}
}

int main(void)
{
	static void (*const tests[])(struct store * full, struct store * empty) = {
		test_there_and_back, test_to_others, test_work_that_waits, test_refused,
		test_cut_short};
	struct fixture from;
	fixture_init(&from);
	struct store *full = opened(&from, 0);
	illustrate(full, 2);
	illustrate(full, 3);
	CHECK_INT(store_write_wait(full, add_errands, NULL, NULL), 0);
	test_whole(full);
	for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
		struct fixture to;
		fixture_init(&to);
		struct store *empty = opened(&to, 0);
		tests[i](full, empty);
		store_close(empty);
		fixture_finish(&to);
	}
	struct fixture other;
	fixture_init(&other);
	struct store *changed = opened(&other, 3);
	CLEANUP(strv_finish) struct strv lines = written(full);
	CHECK_INT(read_back(changed, &lines, 0), -ESTALE);
	store_close(changed);
	fixture_finish(&other);
	store_close(full);
	fixture_finish(&from);
	return check_result();
}
