/* SPDX-License-Identifier: MIT */
#ifndef CONN_H
#define CONN_H

/*
 * conn: one SQLite connection with its prepared statements, and how a query is written here:
 *
 *	static const char sql[] = "SELECT hash FROM text WHERE id = :id";
 *	CLEANUP(query_end) struct query q = query_begin(c, sql);
 *	query_int(&q, ":id", id);
 *	int more = query_row(&q);	1 a row, 0 the end, -errno
 *
 * A failure sticks to the query, so that a chain of binds needs no check but that of its row. A
 * statement is prepared at its first use and kept; its text is a literal and never built.
 */

#include <sqlite3.h>
#include <stdatomic.h>

#include "base.h"

#define QUERY_SLOTS 256 /* a power of two, some three times the queries there are */

struct conn {
	sqlite3 *db;
	unsigned jitter;       /* state of the busy handler's own random numbers */
	int64_t busy_since_us; /* when the wait for a lock began */
	int64_t busy_most_us;  /* how long it may last */
	struct err last;       /* why a query failed last, for who asked it */
	struct {
		const char *sql;
		sqlite3_stmt *st;
	} kept[QUERY_SLOTS];   /* by the literal's address */
	bool has_index;	       /* in the store's -shm, in memory shared with all who have it open */
	const uint64_t *index; /* the header of the log's index, once conn_index() found it */
	atomic_bool shows_former; /* what shows_former() says in SQL; of the writer's, any thread */
};

enum conn_mode {
	CONN_WRITE,    /* read and write; the file must exist */
	CONN_CREATE,   /* the same, makes it */
	CONN_QUERY,    /* for a store that may be written: may not write itself */
	CONN_READONLY, /* for a store that may not be written, by whomever */
	CONN_FROZEN,   /* the same, and nobody else can write it either: needs no side files */
};
/* How to read a store without leave to write it: without a log the file is all there is, and then
 * SQLite need not be given a log and an index of its own to read it by. */
enum conn_mode conn_reading_mode(const char *path);
int conn_open(struct conn *c, const char *path, enum conn_mode mode, struct err *err);
void conn_close(struct conn *c); /* takes one that was never opened (zeroed) */

/* What every commit, of whatever process, changes: two equal moments see one database. Costs no
 * system call, where the smallest query locks and unlocks. */
struct conn_moment {
	uint64_t words[6];
};
void conn_index(struct conn *c); /* to be called after a query; without it no moment is told */
bool conn_moment(struct conn_moment *out, const struct conn *c); /* false: ask the database */

/* What a person can do about a file that is not as we left it. */
#define STORE_REMEDY "move it away, or put a copy of it back, and run again"
#define STORE_DAMAGED "the store is damaged; " STORE_REMEDY
/* -errno for what SQLite just said on this connection, the reason in err. */
int conn_error(struct conn *c, int code, struct err *err);
/* One statement without parameters or rows, not kept. */
int conn_exec(struct conn *c, const char *sql, struct err *err);
int conn_int(int64_t *out, struct conn *c, const char *sql, struct err *err);

struct query {
	struct conn *conn;
	const char *sql;
	sqlite3_stmt *st;
	int failed; /* sticky: 0 or -errno */
};
struct query query_begin(struct conn *c, const char *sql);
void query_end(struct query *q); /* keeps the statement for the next time */
void query_int(struct query *q, const char *name, int64_t value);
/* Borrowed until query_end. NULL binds NULL. */
void query_text(struct query *q, const char *name, const char *value);
void query_blob(struct query *q, const char *name, const void *data, size_t len);
int query_row(struct query *q);
int query_run(struct query *q); /* to its end; 0 or -errno */
int query_run_count(struct query *q, int *changed);

/* Columns of the row, counted from 0. */
int64_t query_get_int(struct query *q, int column);
/* A number that indexes a table of ours: a file may hold anything, so others than 0..most fail the
 * query. */
int query_get_enum(struct query *q, int column, int most);
const char *query_borrow(struct query *q, int column); /* NULL for NULL; until the next row */
/* The same, but "" for NULL: where our schema allows none, a stranger's may. */
const char *query_string(struct query *q, int column);
char *query_dup(struct query *q, int column); /* owned, or NULL */
void query_hex(char out[HASH_HEX], struct query *q, int column);
const void *query_get_blob(struct query *q, int column, size_t *len); /* until the next row */

#endif
