/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "conn.h"

/* Long enough for a stopped debugger or a suspended laptop's disk, short enough to say why. */
#define BUSY_MOST_US (30 * INT64_C(1000000))

/* SQLite's own busy timeout backs off up to 100 ms, and of three processes one starves (fuse.md).
 * Equal, short, random pauses are fair. */
static int busy(void *arg, int tries)
{
	struct conn *c = arg;
	int64_t now = clock_mono_us();
	if (tries == 0)
		c->busy_since_us = now;
	if (now - c->busy_since_us > c->busy_most_us)
		return 0;
	c->jitter = c->jitter * 1664525 + 1013904223; /* any will do that differs between us */
	struct timespec pause = {.tv_nsec = 100000 + (long)(c->jitter >> 8) % 400000};
	nanosleep(&pause, NULL);
	return 1;
}

/* A path as a URI: every byte that means something in one is escaped. */
static char *uri_of(const char *path, const char *query)
{
	struct buf b = {0};
	buf_adds(&b, "file:");
	for (const unsigned char *p = (const unsigned char *)path; *p; p++)
		if (*p > ' ' && *p < 0x7f && !strchr("%?#", *p))
			buf_addc(&b, (char)*p);
		else
			buf_addf(&b, "%%%02x", *p);
	buf_adds(&b, query);
	return buf_steal(&b, NULL);
}

/*
 * FULL: what was promised is on the disk. Checkpoints are folder.c's. The file may come from
 * anybody: no schema of it may call functions, and cells are checked as they are read. The page
 * cache stays small, as the kernel's holds the pages anyway.
 */
static const char setup_sql[] = "PRAGMA synchronous = FULL;"
				"PRAGMA wal_autocheckpoint = 0;"
				"PRAGMA foreign_keys = ON;"
				"PRAGMA trusted_schema = OFF;"
				"PRAGMA cell_size_check = ON;"
				"PRAGMA secure_delete = OFF;"
				"PRAGMA temp_store = MEMORY;"
				"PRAGMA cache_size = -1024;";

static const int open_flags[] = {
	[CONN_WRITE] = SQLITE_OPEN_READWRITE,
	[CONN_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
	[CONN_QUERY] = SQLITE_OPEN_READWRITE,
	[CONN_READONLY] = SQLITE_OPEN_READONLY,
	[CONN_FROZEN] = SQLITE_OPEN_READONLY,
};

enum conn_mode conn_reading_mode(const char *path)
{
	CLEANUP(cleanup_free) char *log = xasprintf("%s-wal", path);
	return access(log, F_OK) == 0 ? CONN_READONLY : CONN_FROZEN;
}

/* A file that it cannot open for writing, for whatever reason, SQLite opens for reading and says
 * nothing; every write would then fail with a reason that is none. errno is still the open's. */
static int open_file(struct conn *c, const char *uri, int flags, struct err *err)
{
	errno = 0;
	int code =
		sqlite3_open_v2(uri, &c->db, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
	int why = errno ? errno : EROFS;
	if (code)
		return conn_error(c, code, err);
	if (flags & SQLITE_OPEN_READWRITE && sqlite3_db_readonly(c->db, "main") == 1)
		return err_set(err, -why, "the store cannot be opened for writing (%s)",
			       strerror(why));
	return 0;
}

/* SQLite follows links in a path itself, by what they say. A descriptor's link in /proc says where
 * its folder was, and leads past what is mounted over it: it must be followed, not read. */
static int look_at(const char *path, struct stat *st)
{
	return strncmp(path, "/proc/", strlen("/proc/")) ? lstat(path, st) : stat(path, st);
}

static void follow_descriptors(void)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	if (vfs && vfs->iVersion >= 3)
		vfs->xSetSystemCall(vfs, "lstat", (sqlite3_syscall_ptr)look_at);
}

static void shows_former(sqlite3_context *context, int count, sqlite3_value **values)
{
	const struct conn *c = sqlite3_user_data(context);
	sqlite3_result_int(context, atomic_load(&c->shows_former));
}

int conn_open(struct conn *c, const char *path, enum conn_mode mode, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, follow_descriptors);
	*c = (struct conn){.busy_most_us = BUSY_MOST_US, .has_index = mode == CONN_QUERY};
	c->jitter = (unsigned)clock_mono_us() ^ (unsigned)getpid() ^ (unsigned)(uintptr_t)c;
	CLEANUP(cleanup_free) char *uri = uri_of(path, mode == CONN_FROZEN ? "?immutable=1" : "");
	if (!uri)
		return err_set(err, -ENOMEM, "%s: no memory", path);
	int result = open_file(c, uri, open_flags[mode], err);
	if (result == 0) {
		sqlite3_extended_result_codes(c->db, 1);
		sqlite3_busy_handler(c->db, busy, c);
		sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		sqlite3_create_function(c->db, "shows_former", 0, SQLITE_UTF8, c, shows_former,
					NULL, NULL);
		result = conn_exec(c, setup_sql, err);
	}
	if (result == 0 && mode == CONN_QUERY)
		result = conn_exec(c, "PRAGMA query_only = ON", err);
	if (result < 0) {
		err_prefix(err, "%s", path);
		conn_close(c);
	}
	return result;
}

void conn_close(struct conn *c)
{
	for (size_t i = 0; i < QUERY_SLOTS; i++)
		sqlite3_finalize(c->kept[i].st);
	int code = sqlite3_close(c->db);
	assert(code == SQLITE_OK); /* a query was left open */
	(void)code;
	*c = (struct conn){0};
}

/*
 * SQLite has no call that says for nothing whether something was committed: data_version and every
 * query begin a read, two locks of the file. But the last act of each commit is to write the header
 * of the log's index, 48 bytes in memory that all connections share ("The WAL-Index File Format",
 * 2.1: a change counter, the last frame, its checksum). It is only compared here, and half of a new
 * header is another header, too.
 */
bool conn_moment(struct conn_moment *out, const struct conn *c)
{
	if (!c->index)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(out->words); i++)
		out->words[i] = __atomic_load_n(&c->index[i], __ATOMIC_ACQUIRE);
	return true;
}

/* The first part of the index is mapped at one address for as long as the connection is open. */
void conn_index(struct conn *c)
{
	enum { INDEX_PART_BYTES = 32768 };
	void volatile *index = NULL;
	sqlite3_file *file = NULL;
	if (c->index || !c->has_index)
		return;
	sqlite3_file_control(c->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
	if (file && file->pMethods && file->pMethods->iVersion >= 2 &&
	    file->pMethods->xShmMap(file, 0, INDEX_PART_BYTES, 0, &index) == SQLITE_OK)
		c->index = (const uint64_t *)index;
}

/* ---- errors */

static const struct {
	int code, result;
	const char *reason;
} errors[] = {
	{SQLITE_FULL, -ENOSPC, "the disk is full"},
	{SQLITE_IOERR, -EIO, "the disk reports an error"},
	{SQLITE_CORRUPT, -EBADMSG, STORE_DAMAGED},
	{SQLITE_NOTADB, -EBADMSG, "not a bookfs store; choose another with --store"},
	{SQLITE_READONLY, -EROFS, "the store cannot be written"},
	{SQLITE_BUSY, -EBUSY, "another process holds the store's lock and does not let go"},
	{SQLITE_LOCKED, -EBUSY, "another query holds the store's lock"},
	{SQLITE_NOMEM, -ENOMEM, "no memory"},
	{SQLITE_CANTOPEN, -EIO, "the store cannot be opened"},
	{SQLITE_PERM, -EACCES, "permission denied"},
	{SQLITE_AUTH, -EACCES, "permission denied"},
	{SQLITE_TOOBIG, -EFBIG, "too large for the store"},
	{SQLITE_CONSTRAINT, -EBADMSG, "the store's rows contradict each other; " STORE_REMEDY},
	{SQLITE_MISMATCH, -EBADMSG, "a row of the store is of no kind it knows; " STORE_REMEDY},
	{SQLITE_PROTOCOL, -EBUSY, "the store's lock cannot be had"},
};

int conn_error(struct conn *c, int code, struct err *err)
{
	int result = -EIO;
	const char *reason = "the store cannot be used";
	for (size_t i = 0; i < ARRAY_LEN(errors); i++)
		if (errors[i].code == (code & 0xff)) {
			result = errors[i].result;
			reason = errors[i].reason;
		}
	int system = c->db ? sqlite3_system_errno(c->db) : 0;
	bool from_system = (code & 0xff) == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_IOERR;
	if (from_system && system == ENOSPC)
		reason = "the disk is full";
	if (from_system && system > 0)
		return err_set(err, -system, "%s (%s)", reason, strerror(system));
	return err_set(err, result, "%s (%s)", reason,
		       c->db ? sqlite3_errmsg(c->db) : sqlite3_errstr(code));
}

int conn_exec(struct conn *c, const char *sql, struct err *err)
{
	int code = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
	return code ? conn_error(c, code, err) : 0;
}

int conn_int(int64_t *out, struct conn *c, const char *sql, struct err *err)
{
	sqlite3_stmt *st = NULL;
	int code = sqlite3_prepare_v2(c->db, sql, -1, &st, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(st);
	int result = 0;
	if (code == SQLITE_ROW)
		*out = sqlite3_column_int64(st, 0);
	else
		result = code == SQLITE_DONE ? -ENODATA : conn_error(c, code, err);
	sqlite3_finalize(st);
	return result;
}

/* ---- queries */

static size_t slot_of(struct conn *c, const char *sql)
{
	size_t i = ((uintptr_t)sql >> 4) * 2654435761u % QUERY_SLOTS;
	while (c->kept[i].sql && c->kept[i].sql != sql)
		i = (i + 1) % QUERY_SLOTS;
	return i;
}

/* Takes the kept statement out of its slot, so that a query inside a loop over the same query gets
 * one of its own. */
struct query query_begin(struct conn *c, const char *sql)
{
	struct query q = {.conn = c, .sql = sql};
	size_t slot = slot_of(c, sql);
	q.st = c->kept[slot].st;
	c->kept[slot].sql = sql;
	c->kept[slot].st = NULL;
	if (q.st)
		return q;
	int code = sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &q.st, NULL);
	if (code)
		q.failed = conn_error(c, code, &c->last);
	return q;
}

void query_end(struct query *q)
{
	if (!q->st)
		return;
	sqlite3_reset(q->st);
	sqlite3_clear_bindings(q->st);
	size_t slot = slot_of(q->conn, q->sql);
	if (q->conn->kept[slot].st)
		sqlite3_finalize(q->st);
	else
		q->conn->kept[slot].st = q->st;
	q->st = NULL;
}

/* The parameter's number; 0 once the query has failed. A name that is not in the SQL is a fault of
 * ours. */
static int parameter(struct query *q, const char *name)
{
	if (q->failed)
		return 0;
	int number = sqlite3_bind_parameter_index(q->st, name);
	assert(number > 0);
	return number;
}

static void bound(struct query *q, int code)
{
	if (code && !q->failed)
		q->failed = conn_error(q->conn, code, &q->conn->last);
}

void query_int(struct query *q, const char *name, int64_t value)
{
	int number = parameter(q, name);
	if (number)
		bound(q, sqlite3_bind_int64(q->st, number, value));
}

void query_text(struct query *q, const char *name, const char *value)
{
	int number = parameter(q, name);
	if (number)
		bound(q, sqlite3_bind_text(q->st, number, value, -1, SQLITE_STATIC));
}

void query_blob(struct query *q, const char *name, const void *data, size_t len)
{
	int number = parameter(q, name);
	if (number) /* a NULL pointer would bind NULL, and an empty text is not that */
		bound(q, sqlite3_bind_blob64(q->st, number, data ? data : "", len, SQLITE_STATIC));
}

int query_row(struct query *q)
{
	if (q->failed)
		return q->failed;
	int code = sqlite3_step(q->st);
	if (code == SQLITE_ROW)
		return 1;
	if (code != SQLITE_DONE)
		q->failed = conn_error(q->conn, code, &q->conn->last);
	return q->failed;
}

int query_run(struct query *q)
{
	int more;
	while ((more = query_row(q)) > 0)
		;
	return more;
}

int query_run_count(struct query *q, int *changed)
{
	int result = query_run(q);
	if (result == 0)
		*changed = sqlite3_changes(q->conn->db);
	return result;
}

int64_t query_get_int(struct query *q, int column)
{
	return sqlite3_column_int64(q->st, column);
}

int query_get_enum(struct query *q, int column, int most)
{
	int64_t value = sqlite3_column_int64(q->st, column);
	if (value >= 0 && value <= most)
		return (int)value;
	q->failed =
		err_set(&q->conn->last, -EBADMSG, STORE_DAMAGED " (a number that means nothing)");
	return 0;
}

const char *query_borrow(struct query *q, int column)
{
	return (const char *)sqlite3_column_text(q->st, column);
}

const char *query_string(struct query *q, int column)
{
	const char *text = query_borrow(q, column);
	return text ? text : "";
}

char *query_dup(struct query *q, int column)
{
	return xstrdup(query_borrow(q, column));
}

void query_hex(char out[HASH_HEX], struct query *q, int column)
{
	const char *hex = query_borrow(q, column);
	size_t len = hex ? strlen(hex) : 0;
	if (len != HASH_HEX - 1) {
		q->failed = err_set(&q->conn->last, -EBADMSG, STORE_DAMAGED " (no hash)");
		len = 0;
	}
	if (len)
		memcpy(out, hex, len);
	out[len] = '\0';
}

const void *query_get_blob(struct query *q, int column, size_t *len)
{
	const void *data = sqlite3_column_blob(q->st, column);
	*len = (size_t)sqlite3_column_bytes(q->st, column);
	return data;
}
