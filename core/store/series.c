/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "internal.h"

/*
 * The file of a series. It has no log and no side files but SQLite's journal while somebody writes,
 * so that it can be copied and put on a share like any document; what it costs, a sync for each
 * element that a book draws first, is little beside the picture.
 */

#define APPLICATION_ID 0x626b7365 /* "bkse" */
#define APPLICATION_ID_SQL "0x626b7365"
#define VERSION 1

extern const char series_schema_1[]; /* series-1.sql */

/* Another book has it for one line, or a stranger: a picture need not wait longer. */
#define BUSY_SERIES_US (5 * INT64_C(1000000))

struct series {
	struct conn conn;
	int64_t book; /* this one's row */
	char *path;
	dev_t device; /* of the file that is open, */
	ino_t inode;  /* whatever has its name now */
};

/* ---- the file */

static int identify(int64_t *version, struct conn *c, struct err *err)
{
	int64_t id = 0, tables = 0;
	int result = conn_int(&id, c, "PRAGMA application_id", err);
	if (result == 0)
		result = conn_int(version, c, "PRAGMA user_version", err);
	if (result == 0)
		result = conn_int(&tables, c, "SELECT count(*) FROM sqlite_schema", err);
	if (result < 0)
		return result;
	if (id == 0 && tables == 0)
		return 0; /* empty: to be filled */
	if (id != APPLICATION_ID || *version < 1)
		return err_set(err, -EBADMSG, "not a series of bookfs; name another file");
	if (*version > VERSION)
		return err_set(err, -ENOTSUP, "made by a newer bookfs; use that one");
	return 0;
}

/* Of two who make it at once the second finds it made. */
static int fill(struct conn *c, struct err *err)
{
	int64_t version = 0;
	int result = conn_exec(c, "BEGIN IMMEDIATE", err);
	if (result < 0)
		return result;
	result = identify(&version, c, err);
	if (result == 0 && version == 0)
		result = conn_exec(c,
				   "PRAGMA application_id = " APPLICATION_ID_SQL
				   "; PRAGMA user_version = 1",
				   err);
	if (result == 0 && version == 0)
		result = conn_exec(c, series_schema_1, err);
	if (result == 0)
		return conn_exec(c, "COMMIT", err);
	conn_exec(c, "ROLLBACK", NULL);
	return result;
}

static int enter_book(struct series *s, const char *key, const char *title)
{
	static const char put[] = "INSERT INTO book (key, title) VALUES (:key, :title)"
				  " ON CONFLICT (key) DO UPDATE SET title = :title";
	static const char get[] = "SELECT id FROM book WHERE key = :key";
	CLEANUP(query_end) struct query q = query_begin(&s->conn, put);
	query_text(&q, ":key", key);
	query_text(&q, ":title", title);
	int result = query_run(&q);
	if (result < 0)
		return result;
	CLEANUP(query_end) struct query row = query_begin(&s->conn, get);
	query_text(&row, ":key", key);
	result = query_row(&row);
	if (result == 1)
		s->book = query_get_int(&row, 0);
	return result < 0 ? result : 0;
}

static int set_up(struct series *s, const char *key, const char *title, struct err *err)
{
	int64_t version = 0;
	int result = identify(&version, &s->conn, err);
	if (result == 0 && version == 0)
		result = fill(&s->conn, err);
	if (result < 0)
		return result;
	result = enter_book(s, key, title);
	return result < 0 ? err_set(err, result, "%s", series_reason(s, result)) : 0;
}

/* SQLite would write on into a file that nobody finds any more. */
static int still_there(struct series *s)
{
	struct stat st;
	if (stat(s->path, &st) < 0)
		return err_set(&s->conn.last, -errno, "%s: %s", s->path,
			       errno == ENOENT
				       ? "it was deleted; mount or run again, which begins it anew"
				       : strerror(errno));
	if (st.st_dev != s->device || st.st_ino != s->inode)
		return err_set(&s->conn.last, -ESTALE,
			       "%s: it was replaced by another file; mount or run again", s->path);
	return 0;
}

static int remember(struct series *s, const char *path, struct err *err)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return err_set(err, -errno, "%s", strerror(errno));
	s->path = xstrdup(path);
	s->device = st.st_dev;
	s->inode = st.st_ino;
	s->conn.busy_most_us = BUSY_SERIES_US;
	return 0;
}

int series_open(struct series **out, const char *path, const struct book *b, struct err *err)
{
	struct stat st;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return err_set(err, -EBADMSG, "the series: %s: not a regular file; name another",
			       path);
	struct series *s = xcalloc(1, sizeof(*s));
	int result = conn_open(&s->conn, path, CONN_CREATE, err);
	if (result == 0) {
		result = set_up(s, *b->identifier ? b->identifier : b->title, b->title, err);
		if (result == 0)
			result = remember(s, path, err);
		if (result < 0)
			err_prefix(err, "%s", path);
	}
	if (result == 0)
		*out = s;
	else
		series_close(s);
	return result < 0 ? err_prefix(err, "the series") : 0;
}

struct series *series_close(struct series *s)
{
	if (!s)
		return NULL;
	conn_close(&s->conn);
	free(s->path);
	free(s);
	return NULL;
}

/* ---- looks */

/* Two are one if the name of either is a name of the other: an alias alone ("the captain") is many
 * people's. */
static int look_named(char **line, char **from, struct series *s, enum element_type type,
		      const char *name, bool main)
{
	static const char sql[] =
		"SELECT l.line, b.title FROM name AS n JOIN look AS l ON l.id = n.look"
		" JOIN book AS b ON b.id = l.book WHERE n.folded = :folded AND l.type = :type"
		" AND l.book <> :book AND (n.main = 1 OR :main = 1) ORDER BY l.id LIMIT 1";
	CLEANUP(cleanup_free) char *folded = fold_name(name);
	CLEANUP(query_end) struct query q = query_begin(&s->conn, sql);
	query_text(&q, ":folded", folded);
	query_int(&q, ":type", type);
	query_int(&q, ":book", s->book);
	query_int(&q, ":main", main);
	int more = query_row(&q);
	if (more == 1) {
		*line = xstrdup(query_string(&q, 0));
		*from = xstrdup(query_string(&q, 1));
	}
	return more;
}

int series_look(char **line, char **from, struct series *s, const struct catalogue_entry *e)
{
	int found = look_named(line, from, s, e->type, e->name, true);
	for (size_t i = 0; found == 0 && i < e->aliases.len; i++)
		found = look_named(line, from, s, e->type, e->aliases.items[i], false);
	return found;
}

static int put_name(struct series *s, int64_t look, const char *name, bool main)
{
	static const char sql[] = "INSERT INTO name (folded, look, main) VALUES (:folded, :look,"
				  " :main) ON CONFLICT DO UPDATE SET main = max(main, :main)";
	CLEANUP(cleanup_free) char *folded = fold_name(name);
	CLEANUP(query_end) struct query q = query_begin(&s->conn, sql);
	query_text(&q, ":folded", folded);
	query_int(&q, ":look", look);
	query_int(&q, ":main", main);
	return query_run(&q);
}

static int put_look(int64_t *id, struct series *s, const struct catalogue_entry *e,
		    const char *line)
{
	static const char sql[] =
		"INSERT INTO look (book, type, name, line, made_ms)"
		" VALUES (:book, :type, :name, :line, :now)"
		" ON CONFLICT (book, type, name) DO UPDATE SET line = :line RETURNING id";
	CLEANUP(query_end) struct query q = query_begin(&s->conn, sql);
	query_int(&q, ":book", s->book);
	query_int(&q, ":type", e->type);
	query_text(&q, ":name", e->name);
	query_text(&q, ":line", line);
	query_int(&q, ":now", clock_unix_ms());
	int more = query_row(&q);
	if (more == 1)
		*id = query_get_int(&q, 0);
	return more < 0 ? more : query_run(&q);
}

static int put(struct series *s, const struct catalogue_entry *e, const char *line)
{
	int64_t id = 0;
	int result = put_look(&id, s, e, line);
	if (result == 0)
		result = put_name(s, id, e->name, true);
	for (size_t i = 0; result == 0 && i < e->aliases.len; i++)
		result = put_name(s, id, e->aliases.items[i], false);
	return result;
}

/* What SQLite says is of a store. */
static int fault(struct series *s, int result)
{
	const char *words = result == -EBADMSG ? "it is damaged; move it away, or put a copy of it "
						 "back, and mount or run again"
			    : result == -EBUSY ? "another program holds it and does not let go"
					       : strerror(-result);
	return err_set(&s->conn.last, result, "%s: %s", s->path, words);
}

static int begin(struct series *s)
{
	int result = still_there(s);
	if (result == 0 && (result = conn_exec(&s->conn, "BEGIN IMMEDIATE", NULL)) < 0)
		fault(s, result);
	return result;
}

static int end(struct series *s, int result)
{
	int committed = result < 0 ? result : conn_exec(&s->conn, "COMMIT", NULL);
	if (committed == 0)
		return result;
	conn_exec(&s->conn, "ROLLBACK", NULL);
	return fault(s, committed);
}

int series_put(struct series *s, const struct catalogue_entry *e, const char *line)
{
	int result = begin(s);
	return result < 0 ? result : end(s, put(s, e, line));
}

/* What was put and not fixed, as the power failed between the two, others may have by now. */
static int own_look(char **line, struct series *s, const struct catalogue_entry *e)
{
	static const char sql[] =
		"SELECT line FROM look WHERE book = :book AND type = :type AND name = :name";
	CLEANUP(query_end) struct query q = query_begin(&s->conn, sql);
	query_int(&q, ":book", s->book);
	query_int(&q, ":type", e->type);
	query_text(&q, ":name", e->name);
	int more = query_row(&q);
	if (more == 1)
		*line = xstrdup(query_string(&q, 0));
	return more;
}

static int agree(char **line, char **from, struct series *s, const struct catalogue_entry *e,
		 const char *own)
{
	int found = e->said ? 0 : series_look(line, from, s, e);
	if (found)
		return found;
	found = e->said ? 0 : own_look(line, s, e);
	if (found == 0) {
		*line = xstrdup(own);
		found = put(s, e, own);
	}
	return found < 0 ? found : 0;
}

int series_agree(char **line, char **from, struct series *s, const struct catalogue_entry *e,
		 const char *own)
{
	CLEANUP(cleanup_free) char *now = NULL, *where = NULL;
	int result = begin(s);
	if (result == 0)
		result = end(s, agree(&now, &where, s, e, own));
	if (result < 0)
		return result;
	*line = now;
	*from = where;
	now = where = NULL;
	return result;
}

static int share(struct series *s, struct store_reader *r)
{
	static const char sql[] = "SELECT type, name, line FROM look"
				  " WHERE hidden_by IS NULL AND source IS NULL ORDER BY id";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	int more;
	while ((more = query_row(&q)) == 1) {
		const struct catalogue_entry e = {
			.type = (enum element_type)query_get_enum(&q, 0, ELEMENT_TYPES - 1),
			.name = (char *)query_string(&q, 1)};
		int result = q.failed ? q.failed : put(s, &e, query_string(&q, 2));
		if (result < 0)
			return result;
	}
	return more;
}

int series_share(struct series *s, struct store_reader *r)
{
	int result = begin(s);
	return result < 0 ? result : end(s, share(s, r));
}

const char *series_reason(const struct series *s, int code)
{
	return s->conn.last.code == code ? s->conn.last.msg : strerror(-code);
}
