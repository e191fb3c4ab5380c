/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "check.h"
#include "fixture.h"
#include "internal.h"
#include "schema.h"

/* The store as a file: found, made, brought up to date, refused, read only, folded in. */

static int one_event(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_event(tx, &(struct store_event){.type = EVENT_EDITED});
}

static void run_sql(const char *path, const char *sql)
{
	struct conn c;
	struct err err = {0};
	CHECK_INT(conn_open(&c, path, CONN_WRITE, &err), 0);
	sqlite3_db_config(c.db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
	CHECK_INT(conn_exec(&c, sql, &err), 0);
	conn_close(&c);
}

static char *file_hash(const char *path)
{
	char hex[HASH_HEX] = "";
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		hash_file(hex, fd);
	return xstrdup(hex);
}

/* Opening fails with this code and words, and the file is as it was. */
static void check_refused(const struct fixture *f, int code, const char *words)
{
	struct store *s = NULL;
	struct err err = {0};
	CLEANUP(cleanup_free) char *before = file_hash(f->store_path);
	CHECK_INT(fixture_open(&s, f, NULL, &err), code);
	CLEANUP(cleanup_free) char *after = file_hash(f->store_path);
	CHECK_STR(after, before);
	if (!strstr(err.msg, words))
		fprintf(stderr, "said: %s\n", err.msg);
	CHECK(strstr(err.msg, words) != NULL);
	CHECK(strstr(err.msg, f->store_path) != NULL);
	CHECK(!fixture_exists(f, "-live") && !fixture_exists(f, "-bell"));
	store_close(s);
}

static void write_file(const char *path, const void *data, size_t len)
{
	CLEANUP(cleanup_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	CHECK_INT(write(fd, data, len), len);
}

/* ---- refused */

static void test_foreign(void)
{
	struct fixture f;
	fixture_init(&f);
	write_file(f.store_path, "Dear diary, this is not a store at all.\n", 40);
	check_refused(&f, -EBADMSG, "not a bookfs store");
	check_refused(&f, -EBADMSG, "choose another with --store");
	unlink(f.store_path);
	struct conn c;
	CHECK_INT(conn_open(&c, f.store_path, CONN_CREATE, NULL), 0);
	CHECK_INT(conn_exec(&c, "CREATE TABLE mine (x); INSERT INTO mine VALUES (1)", NULL), 0);
	conn_close(&c);
	check_refused(&f, -EBADMSG, "not a bookfs store");
	run_sql(f.store_path, "PRAGMA journal_mode = WAL");
	check_refused(&f, -EBADMSG, "not a bookfs store");
	CHECK(!fixture_exists(&f, "-wal") && !fixture_exists(&f, "-shm"));
	unlink(f.store_path);
	CHECK_INT(mkdir(f.store_path, 0755), 0);
	struct store *s = NULL;
	struct err err = {0};
	CHECK_INT(fixture_open(&s, &f, NULL, &err), -EBADMSG);
	rmdir(f.store_path);
	struct store_options options = {.path = f.store_path, .book_path = f.book_path};
	CHECK_INT(store_open(&s, NULL, &options, &err), -ENOENT);
	CHECK(!fixture_exists(&f, ""));
	fixture_finish(&f);
}

/* A file without a byte is nobody's: what a full disk or a kill leaves of a file just made. */
static void test_empty(void)
{
	struct fixture f;
	fixture_init(&f);
	write_file(f.store_path, "", 0);
	struct store *s = NULL;
	struct err err = {0};
	struct store_options options = {.path = f.store_path, .book_path = f.book_path};
	CHECK_INT(store_open(&s, NULL, &options, &err), -ENOENT);
	CHECK_INT(fixture_fill(&f), 0);
	CHECK_INT(fixture_open(&s, &f, NULL, &err), 0);
	CHECK_INT(check_store(s), 0);
	store_close(s);
	fixture_finish(&f);
}

/* What a process left that died while it made the store is in nobody's way. */
static void test_half_made(void)
{
	struct fixture f;
	fixture_init(&f);
	CLEANUP(cleanup_free) char *part = fixture_path(&f, "-new");
	CLEANUP(cleanup_free) char *journal = fixture_path(&f, "-new-journal");
	write_file(part, "half a page", 11);
	write_file(journal, "half a journal", 14);
	CHECK_INT(fixture_fill(&f), 0);
	CHECK(!fixture_exists(&f, "-new") && !fixture_exists(&f, "-new-journal"));
	fixture_finish(&f);
}

static char *read_file(const char *path, size_t *len)
{
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st = {0};
	CHECK(fd >= 0 && fstat(fd, &st) == 0);
	char *data = xcalloc(1, (size_t)st.st_size + 1);
	CHECK_INT(read(fd, data, (size_t)st.st_size), st.st_size);
	*len = (size_t)st.st_size;
	return data;
}

/* The store of a killed process was deleted, its log was not: a new store has nothing of it. */
static void test_old_log(void)
{
	struct fixture f;
	struct store *s = NULL;
	struct err err = {0};
	size_t len;
	int64_t generation = -1;
	fixture_init(&f);
	CLEANUP(cleanup_free) char *log_path = fixture_path(&f, "-wal");
	struct book *b = make_book(5, 0);
	CHECK_INT(fixture_open(&s, &f, NULL, &err), 0);
	CHECK_INT(import_book(s, b), 0);
	CLEANUP(cleanup_free) char *log = read_file(log_path, &len);
	CHECK(len > 10000);
	store_close(s);
	unlink(f.store_path);
	write_file(log_path, log, len);
	CHECK_INT(fixture_open(&s, &f, NULL, &err), 0);
	CHECK_INT(store_generation(&generation, store_reader(s)), 0);
	CHECK_INT(generation, 0);
	CHECK_INT(check_store(s), 0);
	store_close(s);
	free_book(b);
	fixture_finish(&f);
}

/* Parts of a good store, changed for the worse. */
static void test_tampered(void)
{
	struct fixture f;
	fixture_init(&f);
	CHECK_INT(fixture_fill(&f), 0);
	run_sql(f.store_path, "CREATE TRIGGER evil AFTER INSERT ON event BEGIN"
			      " DELETE FROM analysis; END");
	check_refused(&f, -EBADMSG, "not as bookfs makes its stores");
	run_sql(f.store_path, "DROP TRIGGER evil; PRAGMA user_version = 99");
	check_refused(&f, -ENOTSUP, "newer bookfs");
	CLEANUP(cleanup_free) char *back = xasprintf("PRAGMA user_version = %d", schema_version);
	run_sql(f.store_path, back);
	struct store *s = NULL;
	struct err err = {0};
	CHECK_INT(fixture_open(&s, &f, NULL, &err), 0);
	CHECK_INT(check_store(s), 0);
	store_close(s);
	fixture_finish(&f);
}

static void count_line(void *arg, const char *line)
{
	(*(int *)arg)++;
}

static void keep_line(void *arg, const char *line)
{
	snprintf(arg, 128, "%s", line);
}

/* One letter of a text, a picture, a result: SQLite sees nothing wrong, its hash does. */
static void test_flipped(void)
{
	static const char *const flips[][2] = {
		{"UPDATE text SET body = CAST(replace(CAST(body AS TEXT), 'lantern', 'lanterm')"
		 " AS BLOB) WHERE id = 2",
		 "text 2 is not as it was stored"},
		{"UPDATE picture_data SET bytes = CAST('PNH' AS BLOB)",
		 "picture 1 is not as it was stored"},
		{"UPDATE analysis SET body = CAST(replace(CAST(body AS TEXT), ':100', ':101')"
		 " AS BLOB)",
		 "analysis 1 is not as it was stored"},
	};
	for (size_t i = 0; i < ARRAY_LEN(flips); i++) {
		struct fixture f;
		char line[128] = "";
		struct err err = {0};
		fixture_init(&f);
		CHECK_INT(fixture_fill(&f), 0);
		run_sql(f.store_path, flips[i][0]);
		struct store *s = NULL;
		CHECK_INT(fixture_open(&s, &f, NULL, &err), 0);
		CHECK_INT(store_check(s, keep_line, line), 1);
		CHECK_STR(line, flips[i][1]);
		store_close(s);
		fixture_finish(&f);
	}
}

/* Any bytes of the file overwritten: refused, or opened and its faults found by reading, never a
 * crash. The first fault of a page is found by store_check. */
static void test_damaged(void)
{
	struct fixture f;
	fixture_init(&f);
	CHECK_INT(fixture_fill(&f), 0);
	size_t len;
	CLEANUP(cleanup_free) char *good = read_file(f.store_path, &len);
	CLEANUP(cleanup_free) char *bad = xcalloc(1, len);
	int found = 0, pages = 0;
	for (size_t page = 0; page < len; page += 8192, pages++) {
		memcpy(bad, good, len);
		memset(bad + page, 0xa5, 64);
		write_file(f.store_path, bad, len);
		struct store *s = NULL;
		struct err err = {0};
		int lines = 0, result = fixture_open(&s, &f, NULL, &err);
		if (result == 0)
			result = store_check(s, count_line, &lines);
		found += result != 0;
		CHECK(result == -EBADMSG || result == -EIO || result >= 0);
		CHECK_INT(result > 0 ? lines : 0, result > 0 ? result : 0);
		if (s) {
			struct store_totals t;
			struct book *b = NULL;
			store_totals(&t, store_reader(s));
			store_book(&b, store_reader(s));
			free_book(b);
		}
		store_close(s);
	}
	CHECK_INT(found, pages);
	write_file(f.store_path, good, len / 2);
	check_refused(&f, -EBADMSG, "damaged");
	check_refused(&f, -EBADMSG, "move it away");
	fixture_finish(&f);
}

static void keep_lines(void *arg, const char *line)
{
	struct strv *lines = arg;
	CHECK(!strv_has(lines, line));
	strv_add(lines, line);
}

/* The first page of each table and index; the schema, without which nothing is opened, stays. */
static void wreck_tables(char *data, size_t len, const char *path)
{
	struct conn c;
	struct err err = {0};
	int64_t size = 0;
	CHECK_INT(conn_open(&c, path, CONN_READONLY, &err), 0);
	CHECK_INT(conn_int(&size, &c, "PRAGMA page_size", &err), 0);
	struct query q = query_begin(&c, "SELECT rootpage FROM sqlite_schema WHERE rootpage > 1");
	while (query_row(&q) == 1) {
		size_t at = (size_t)((query_get_int(&q, 0) - 1) * size);
		CHECK(at + 208 < len);
		memset(data + at + 8, 0xa5, 200);
	}
	query_end(&q);
	conn_close(&c);
}

/* Many pages at once: what cannot be read is said once, not by each question that meets it, and
 * what to do is said, also to who asks nothing but the book. */
static void test_wrecked(void)
{
	struct fixture f;
	fixture_init(&f);
	CHECK_INT(fixture_fill(&f), 0);
	size_t len;
	CLEANUP(cleanup_free) char *data = read_file(f.store_path, &len);
	wreck_tables(data, len, f.store_path);
	write_file(f.store_path, data, len);
	CLEANUP(store_close_cleanup) struct store *s = NULL;
	CLEANUP(strv_finish) struct strv lines = {0};
	struct err err = {0};
	struct book *b = NULL;
	CHECK_INT(fixture_open(&s, &f, NULL, &err), 0);
	if (s) {
		CHECK(store_check(s, keep_lines, &lines) > 0);
		int result = store_book(&b, store_reader(s));
		CHECK_INT(result, -EBADMSG);
		CHECK(strstr(store_reason(store_reader(s), result), "move it away") != NULL);
		CHECK_STR(store_reason(store_reader(s), -EACCES), strerror(EACCES));
	} else {
		fprintf(stderr, "%s\n", err.msg);
	}
	fixture_finish(&f);
}

/* What store_check is to find, one at a time. */
static void test_check(void)
{
	static const char *const faults[] = {
		"UPDATE text SET body = x'41' WHERE id = 2",
		"UPDATE analysis SET model = 'other'",
		"UPDATE analysis SET body = x'7b'",
		"UPDATE analysis SET concepts = 2",
		"UPDATE picture SET size_bytes = 4",
		"UPDATE picture_data SET bytes = x'00'",
		"UPDATE picture SET prompt = 'other'",
		"DELETE FROM picture_data",
		"DELETE FROM picture_data; DELETE FROM picture",
		"UPDATE job SET owner = 5",
		"UPDATE job SET state = 4",
		"UPDATE job SET concept = 77 WHERE kind = 1",
		"UPDATE chapter SET kind = 7 WHERE number = 2",
		"DELETE FROM page WHERE chapter = 3; DELETE FROM chapter WHERE number = 3",
#define EDIT(kind, undone)                                                                         \
	"INSERT INTO edit VALUES (1, 1, " kind ", 2, 'chapters/2/concepts.json', '', " undone ");"
		EDIT("0", "5") "UPDATE analysis SET made_by = 1",
		EDIT("1", "5") "UPDATE analysis SET hidden_by = 1",
		EDIT("3", "5") "UPDATE picture SET hidden_by = 1",
		EDIT("5", "5") "INSERT INTO style VALUES (1, 'ink', 1, NULL)",
		EDIT("9", "0"),
		EDIT("8", "0") "UPDATE analysis SET rank = 2, made_by = 1",
		EDIT("4",
		     "0") "INSERT INTO correction VALUES (1, 9, 0, 'A', 0, NULL, NULL, 1, NULL)",
		EDIT("4",
		     "0") "INSERT INTO correction VALUES (1, 0, 0, 'A', 0, NULL, NULL, 1, NULL)",
		EDIT("8", "0") "INSERT INTO approval VALUES (77, 1, NULL)",
		EDIT("6", "0") "INSERT INTO portrait VALUES (1, 0, 'A', 'png', '', 0, 1, 1, NULL, "
			       "NULL, NULL)",
		EDIT("6", "0") "INSERT INTO portrait VALUES (1, 0, 'A', 'png', '', 0, 1, 1, NULL, "
			       "NULL, NULL);"
			       "INSERT INTO portrait_data VALUES (1, x'00')",
		"PRAGMA foreign_keys = OFF; UPDATE picture SET hidden_by = 1",
		"INSERT INTO verdict VALUES (1, 0, 9, 0, 'A', 0, 'B')",
		"INSERT INTO look (id, type, name, line, made_ms) VALUES (1, 9, 'A', 'a', 1)",
		"UPDATE concept SET hash = 'other'",
		"UPDATE concept SET scene = 7",
		"UPDATE concept SET root = 1",
		"UPDATE concept SET root = 5",
		"PRAGMA foreign_keys = OFF; DELETE FROM analysis",
	};
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		struct fixture f;
		fixture_init(&f);
		CHECK_INT(fixture_fill(&f), 0);
		run_sql(f.store_path, faults[i]);
		struct store *s = NULL;
		struct err err = {0};
		int lines = 0;
		CHECK_INT(fixture_open(&s, &f, NULL, &err), 0);
		int result = store_check(s, count_line, &lines);
		if (result < 1)
			fprintf(stderr, "not found: %s\n", faults[i]);
		CHECK(result > 0);
		CHECK_INT(lines, result);
		store_close(s);
		fixture_finish(&f);
	}
}

/* ---- migration */

static int64_t ask(const char *path, const char *sql)
{
	struct conn c;
	int64_t value = -1;
	CHECK_INT(conn_open(&c, path, CONN_READONLY, NULL), 0);
	CHECK_INT(conn_int(&value, &c, sql, NULL), 0);
	conn_close(&c);
	return value;
}

/* A step that only this test knows, after the real ones. */
static void test_migration(void)
{
	const int count = schema_version;
	CLEANUP(cleanup_free) const char **steps = xcalloc((size_t)count + 2, sizeof(*steps));
	memcpy(steps, schema_steps, (size_t)count * sizeof(*steps));
	steps[count] = "ALTER TABLE picture ADD COLUMN later INTEGER NOT NULL DEFAULT 7;"
		       "UPDATE book SET title = 'Later'";
	struct fixture f;
	struct conn c;
	struct err err = {0};
	fixture_init(&f);
	CHECK_INT(fixture_fill(&f), 0);
	CLEANUP(cleanup_free) char *copy = xasprintf("%s-v%d.bak", f.store_path, schema_version);

	CHECK_INT(conn_open(&c, f.store_path, CONN_WRITE, &err), 0);
	steps[count + 1] = "CREATE TABLE event (x)"; /* fails: there is one */
	CHECK(schema_migrate(&c, f.store_path, steps, count + 2, &err) < 0);
	conn_close(&c);
	CHECK_INT(ask(f.store_path, "PRAGMA user_version"), count);
	CHECK_INT(ask(f.store_path, "SELECT title = 'The Lantern' FROM book"), 1);

	CHECK_INT(conn_open(&c, f.store_path, CONN_WRITE, &err), 0);
	CHECK_INT(schema_migrate(&c, f.store_path, steps, count + 1, &err), 0);
	CHECK_INT(schema_migrate(&c, f.store_path, steps, count + 1, &err), 0);
	conn_close(&c);
	CHECK_INT(ask(f.store_path, "PRAGMA user_version"), count + 1);
	CHECK_INT(ask(f.store_path, "SELECT later FROM picture"), 7);
	CHECK_INT(ask(copy, "PRAGMA user_version"), count);
	CHECK_INT(ask(copy, "PRAGMA application_id"), STORE_APPLICATION_ID);
	CHECK_INT(ask(copy, "SELECT title = 'The Lantern' FROM book"), 1);
	CHECK_INT(ask(copy, "SELECT count(*) FROM picture_data"), 1);
	check_refused(&f, -ENOTSUP, "newer bookfs");
	fixture_finish(&f);
}

/* A file that an earlier version made, kept as its SQL, brought up to date. */
static struct store *open_dump(const struct fixture *f, const char *dump_path)
{
	size_t len;
	CLEANUP(cleanup_free) char *dump = read_file(dump_path, &len);
	struct conn c;
	struct store *s = NULL;
	struct err err = {0};
	CHECK_INT(conn_open(&c, f->store_path, CONN_CREATE, &err), 0);
	sqlite3_db_config(c.db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
	CHECK_INT(conn_exec(&c, dump, &err), 0);
	conn_close(&c);
	CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
	if (err.code)
		fprintf(stderr, "%s\n", err.msg);
	CHECK_INT(ask(f->store_path, "PRAGMA user_version"), schema_version);
	CHECK_INT(check_store(s), 0);
	return s;
}

static void check_drawn(struct store *s, const char *want)
{
	struct store_picture p;
	CLEANUP(buf_finish) struct buf bytes = {0};
	CHECK_INT(store_picture(&p, store_reader(s), 2, 1), 0);
	CHECK_INT(store_picture_bytes(&bytes, store_reader(s), p.id), 0);
	CHECK_STR(buf_str(&bytes), want);
	CHECK(p.outdated == NULL);
}

static void test_version_1(const char *dump_path)
{
	struct fixture f;
	fixture_init(&f);
	CLEANUP(store_close_cleanup) struct store *s = open_dump(&f, dump_path);
	check_drawn(s, "PNG");
	fixture_finish(&f);
}

/* Two analyses of one chapter and their pictures, one that a server made, one that failed, and work
 * that waits: all of it is there, and goes on. */
static void test_version_3(const char *dump_path)
{
	struct fixture f;
	fixture_init(&f);
	CLEANUP(store_close_cleanup) struct store *s = open_dump(&f, dump_path);
	struct store_reader *r = store_reader(s);
	struct store_analysis a = {0};
	struct store_picture p;
	struct store_totals t;
	struct store_job job;
	check_drawn(s, "PNG later");
	CHECK_INT(store_analysis(&a, r, 2, true), 0);
	CHECK_STR(a.analysis->concepts[1].description, "later, scene 2");
	CHECK_INT(a.serials[0], 3);
	CHECK_INT(a.serials[1], 4);
	store_analysis_finish(&a);
	CHECK_INT(store_concept(&p, r, 1), 0); /* of the earlier analysis, and its picture */
	CHECK(p.id > 0 && p.chapter == 2 && p.scene == 1);
	CHECK_INT(store_picture(&p, r, 2, 2), 0);
	CHECK_INT(p.state, STATE_FAILED);
	CHECK_STR(p.error, "the server said no");
	CHECK_INT(store_analysis(&a, r, 3, true), 0);
	CHECK_STR(a.provider, "openai");
	store_analysis_finish(&a);
	CHECK_INT(store_totals(&t, r), 0);
	CHECK_INT(t.chapters[STATE_COMPLETED], 2);
	CHECK_INT(t.chapters[STATE_PENDING], 1);
	CHECK_INT(t.images[STATE_COMPLETED], 1);
	CHECK_INT(t.images[STATE_PENDING], 1);
	CHECK_INT(claim(&job, s, JOB_ILLUSTRATE), 1);
	CHECK_INT(job.concept, 5);
	CHECK_INT(finish_picture(s, job.id, "PNG new", 7), 0);
	store_job_finish(&job);
	CHECK_INT(check_store(s), 0);
	fixture_finish(&f);
}

/* ---- read only */

/* As somebody who may only read: in a child, as root may write anything. */
static int read_as_nobody(const struct fixture *f)
{
	if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
		return 77;
	struct store *s = NULL;
	struct err err = {0};
	int64_t id = 0;
	struct conn c;
	CHECK_INT(conn_open(&c, f->store_path, CONN_WRITE, &err), -EACCES);
	CHECK(strstr(err.msg, strerror(EACCES)) != NULL);
	conn_close(&c);
	CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
	if (!s) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	CHECK(store_read_only(s));
	CHECK_INT(store_analysis_id(&id, store_reader(s), 2), 0);
	CHECK(id > 0);
	CHECK_INT(store_write_wait(s, one_event, NULL, &err), -EROFS);
	CHECK(strstr(err.msg, "reading only") != NULL);
	CHECK_INT(check_store(s), 0);
	store_close(s);
	return check_failures != 0;
}

static void check_nobody(const struct fixture *f)
{
	pid_t child = fork();
	if (child == 0)
		_exit(read_as_nobody(f));
	int status = -1;
	waitpid(child, &status, 0);
	CHECK(WIFEXITED(status));
	CHECK(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77);
}

/* Holds the store open until told, so that a log is there; a process of its own, as one that has a
 * store open must not fork. */
static pid_t start_holding(const struct fixture *f, int *gate)
{
	int in[2], out[2];
	char byte;
	CHECK_INT(pipe(in), 0);
	CHECK_INT(pipe(out), 0);
	pid_t child = fork();
	if (child == 0) {
		struct store *s = NULL;
		close(in[1]);
		if (fixture_open(&s, f, NULL, NULL) < 0 ||
		    store_write_wait(s, one_event, NULL, NULL) < 0 || write(out[1], "", 1) != 1 ||
		    read(in[0], &byte, 1) < 0)
			_exit(1);
		store_close(s);
		_exit(0);
	}
	close(in[0]);
	close(out[1]);
	CHECK_INT(read(out[0], &byte, 1), 1);
	close(out[0]);
	*gate = in[1];
	return child;
}

static void test_read_only(void)
{
	struct fixture f;
	fixture_init(&f);
	CHECK_INT(fixture_fill(&f), 0);
	CHECK_INT(chmod(f.store_path, 0444), 0);
	CHECK_INT(chmod(f.dir, 0555), 0);
	check_nobody(&f);
	CHECK_INT(chmod(f.store_path, 0644), 0);
	CHECK_INT(chmod(f.dir, 0755), 0);

	int gate;
	pid_t child = start_holding(&f, &gate);
	check_nobody(&f);
	close(gate);
	int status = -1;
	waitpid(child, &status, 0);
	CHECK_INT(status, 0);
	fixture_finish(&f);
}

/* ---- folding in */

/* After 2 s without a commit the log is empty while the store is open, and the one file is all. */
static void test_fold(void)
{
	struct fixture f;
	fixture_init(&f);
	CHECK_INT(fixture_fill(&f), 0);
	struct store *s = NULL;
	struct err err = {0};
	CHECK_INT(fixture_open(&s, &f, NULL, &err), 0);
	CHECK_INT(store_write_wait(s, one_event, NULL, NULL), 0);
	CLEANUP(cleanup_free) char *log = fixture_path(&f, "-wal");
	struct stat st = {0};
	CHECK_INT(stat(log, &st), 0);
	CHECK(st.st_size > 0);
	int64_t limit = clock_mono_us() + 4000000, before = st.st_size;
	/* The file system tells nobody that SQLite has cut a file; looking is all there is. */
	while (stat(log, &st) == 0 && st.st_size > 0 && clock_mono_us() < limit)
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	CHECK(before > 0);
	CHECK_INT(st.st_size, 0);
	CHECK(clock_mono_us() - (limit - 4000000) > 1500000); /* not before it was idle */
	CHECK_INT(ask(f.store_path, "SELECT count(*) FROM event WHERE type = 10"), 1);
	store_close(s);
	fixture_finish(&f);
}

int main(int argc, char **argv)
{
	umask(022);
	log_open(LOG_TO_STDERR, LOG_LEVEL_ERROR);
	test_foreign();
	test_empty();
	test_half_made();
	test_old_log();
	test_tampered();
	test_flipped();
	test_damaged();
	test_wrecked();
	test_check();
	test_migration();
	if (argc > 2) {
		test_version_1(argv[1]);
		test_version_3(argv[2]);
	}
	test_read_only();
	test_fold();
	return check_result();
}
