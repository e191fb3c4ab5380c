/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "internal.h"
#include "lock_table.h"

/*
 * The file of the locks, its transactions and its numbers.
 *
 * Durability. A lock need not survive a crash of the machine: the next boot voids it anyway. So
 * commits are not synced, and the loop may make them itself. But a number must never be used twice,
 * or an old holder's token would fence nothing; so numbers are reserved in blocks, and the end of a
 * block is on the disk before its first number is used. The next boot begins behind that end.
 *
 * One truth. Whoever has the file open holds OPEN_BYTE of NAME-locks-live shared. A person may
 * delete the file; each process sees at its next call that its file has no name any more, closes it
 * and opens what stands there now. While one is still left with the old file, nobody makes a new
 * one: two tables would grant one lock twice.
 */

#define APPLICATION_ID 0x626b6c6b /* "bklk" */
#define APPLICATION_ID_SQL "0x626b6c6b"
/* Measured with 512 to 8192: a commit writes two or three pages, and its cost is that of summing
 * them up. */
#define PAGE_BYTES "1024"
#define VERSION 2
#define OPEN_BYTE ((INT64_C(1) << 62) + 1)
#define BLOCK 1000
/* Another process is in a transaction of some 30 us, or was stopped in it. */
#define SPIN_US 60
#define BUSY_MOST_US (3 * INT64_C(1000000))

extern const char locks_schema_1[], locks_schema_2[]; /* locks-1.sql, locks-2.sql */

/* ---- small things */

void lock_numbers_add(struct lock_numbers *v, int64_t number)
{
	v->items = xgrow(v->items, &v->cap, v->len + 1, sizeof(*v->items));
	v->items[v->len++] = number;
}

void lock_numbers_finish(struct lock_numbers *v)
{
	free(v->items);
	*v = (struct lock_numbers){0};
}

/* Did somebody commit since this one found it busy? */
static bool others_moved(const struct locks *l)
{
	struct conn_moment now;
	return conn_moment(&now, &l->conn) && memcmp(&now, &l->busy_moment, sizeof(now)) != 0;
}

int lock_unusable(struct locks *l, int code)
{
	const char *why = l->conn.last.code == code ? l->conn.last.msg : strerror(-code);
	if (code == -EBADMSG)
		why = "damaged; who holds what cannot be told. Delete it when nobody edits the "
		      "book";
	else if (code == -ENOSPC)
		why = "the disk is full; make room on it, then try again";
	else if (code == -EBUSY)
		why = others_moved(l)
			      ? "too many change it at once, and no turn came in 3 s; try again"
			      : "another process is in it and does not come out (is one "
				"stopped?); try again";
	return err_set(&l->err, -ENOLCK, "%s: %s", l->path, why);
}

static int fail(struct locks *l, int result)
{
	if (result < 0 && l->open && !l->failed)
		l->failed = result;
	return result;
}

int lock_run(struct locks *l, struct query *q)
{
	return fail(l, query_run(q));
}

int lock_step(struct locks *l, struct query *q)
{
	return fail(l, query_row(q));
}

static int get_number(int64_t *out, struct conn *c, const char *sql)
{
	CLEANUP(query_end) struct query q = query_begin(c, sql);
	int more = query_row(&q);
	if (more == 1)
		*out = query_get_int(&q, 0);
	return more == 1 ? 0 : more < 0 ? more : -EBADMSG;
}

static const char newest_sql[] = "SELECT coalesce(max(seq), 0) FROM event";
static const char reserved_sql[] = "SELECT reserved FROM meta";

/* ---- numbers */

/* Old events go in the same rare transaction, a block at a time. */
static int trim(struct conn *c, int64_t newest)
{
	static const char sql[] = "DELETE FROM event WHERE seq <= :old AND seq < :newest";
	CLEANUP(query_end) struct query q = query_begin(c, sql);
	query_int(&q, ":old", newest - LOCK_LOG_KEEP);
	query_int(&q, ":newest", newest);
	return query_run(&q);
}

static int raise_reserved(int64_t *reserved, struct conn *c, int64_t need)
{
	static const char sql[] = "UPDATE meta SET reserved = :reserved";
	int64_t newest = 0;
	int result = get_number(&newest, c, newest_sql);
	if (result == 0)
		result = get_number(reserved, c, reserved_sql);
	if (result < 0 || *reserved >= newest + need)
		return result; /* another process was faster */
	*reserved = newest + (need + BLOCK - 1) / BLOCK * BLOCK;
	CLEANUP(query_end) struct query q = query_begin(c, sql);
	query_int(&q, ":reserved", *reserved);
	result = query_run(&q);
	return result < 0 ? result : trim(c, newest);
}

static int finish(struct conn *c, int result)
{
	if (result == 0)
		result = conn_exec(c, "COMMIT", &c->last);
	if (result < 0 && !sqlite3_get_autocommit(c->db))
		conn_exec(c, "ROLLBACK", NULL);
	return result;
}

int lock_reserve(int64_t *reserved, struct conn *c, int64_t need, struct err *err)
{
	int64_t upto = 0;
	int result = conn_exec(c, "PRAGMA synchronous = FULL; BEGIN IMMEDIATE", &c->last);
	if (result == 0)
		result = finish(c, raise_reserved(&upto, c, need));
	conn_exec(c, "PRAGMA synchronous = NORMAL", NULL);
	if (result == 0)
		*reserved = upto;
	return result < 0 && err ? (*err = c->last, result) : result;
}

/* ---- opening */

static int open_byte(struct locks *l, int command, short type)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = OPEN_BYTE, .l_len = 1};
	if (fcntl(l->open_fd, command, &lock) < 0)
		return -errno;
	return lock.l_type != F_UNLCK; /* F_OFD_GETLK: somebody else has it */
}

/* SQLite's own pauses are made for disks; here one waits for some microseconds of another process,
 * and the loop waits with it. */
static int busy(void *arg, int tries)
{
	struct locks *l = arg;
	struct conn *c = &l->conn;
	int64_t now = clock_mono_us();
	if (tries == 0) {
		c->busy_since_us = now;
		conn_moment(&l->busy_moment, c);
	}
	if (now - c->busy_since_us > BUSY_MOST_US)
		return 0;
	if (now - c->busy_since_us < SPIN_US)
		return 1;
	c->jitter = c->jitter * 1664525 + 1013904223;
	struct timespec pause = {.tv_nsec = 10000 + (long)(c->jitter >> 8) % 100000};
	nanosleep(&pause, NULL);
	return 1;
}

static int on_commit(void *arg, sqlite3 *db, const char *name, int frames)
{
	struct locks *l = arg;
	l->frames = frames;
	l->known.wrote = true;
	return SQLITE_OK;
}

static const char make_sql[] = "PRAGMA page_size = " PAGE_BYTES "; BEGIN IMMEDIATE;"
			       "PRAGMA application_id = " APPLICATION_ID_SQL ";"
			       "PRAGMA user_version = 1;";

/* SQLite's journal makes it whole or empty. What an earlier file left behind is not ours. */
static int make(struct locks *l, struct err *err)
{
	static const char *const sides[] = {"-journal", "-wal", "-shm"};
	for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
		CLEANUP(cleanup_free) char *name = xasprintf("%s%s", l->path, sides[i]);
		unlink(name);
	}
	struct conn c = {0};
	int result = conn_open(&c, l->path, CONN_CREATE, err);
	if (result == 0)
		result = conn_exec(&c, make_sql, err);
	if (result == 0)
		result = conn_exec(&c, locks_schema_1, err);
	if (result == 0)
		result = conn_exec(&c, "COMMIT; PRAGMA journal_mode = WAL", err);
	conn_close(&c);
	return result;
}

/* An empty file is what a process leaves that was killed while it made one. */
static int make_if_missing(struct locks *l, struct err *err)
{
	struct stat st;
	if (stat(l->path, &st) == 0 && (st.st_size > 0 || !S_ISREG(st.st_mode)))
		return 0;
	if (open_byte(l, F_OFD_GETLK, F_WRLCK))
		return err_set(err, -ENOLCK,
			       "it was deleted while another process uses it; end the other "
			       "mounts of the book");
	int fd = open(l->path, O_RDWR | O_CREAT | O_CLOEXEC, l->mode);
	if (fd < 0)
		return err_set(err, -errno, "%s", strerror(errno));
	close(fd);
	return make(l, err);
}

static int identify(struct conn *c, struct err *err)
{
	int64_t id = 0, version = 0, active = 0;
	int result = conn_int(&id, c, "PRAGMA application_id", err);
	if (result == 0)
		result = conn_int(&version, c, "PRAGMA user_version", err);
	if (result == 0)
		result = conn_int(&active, c,
				  "SELECT count(*) FROM sqlite_schema"
				  " WHERE type NOT IN ('table', 'index')",
				  err);
	if (result < 0)
		return result;
	if (id != APPLICATION_ID || version < 1 || active > 0)
		return err_set(err, -EBADMSG, "not a table of locks; move it away");
	if (version > VERSION)
		return err_set(err, -ENOTSUP, "made by a newer bookfs; use that one");
	return 0;
}

/* From an earlier version, once, whoever comes first. What an earlier bookfs that is running writes
 * is still right. */
static int upgrade(struct conn *c, struct err *err)
{
	int64_t version = VERSION;
	int result = conn_int(&version, c, "PRAGMA user_version", err);
	if (result < 0 || version == VERSION)
		return result;
	result = conn_exec(c, "BEGIN IMMEDIATE", err);
	if (result < 0)
		return result;
	result = conn_int(&version, c, "PRAGMA user_version", err);
	if (result == 0 && version < VERSION)
		result = conn_exec(c, locks_schema_2, err);
	if (result == 0)
		result = conn_exec(c, "PRAGMA user_version = 2; COMMIT", err);
	if (!sqlite3_get_autocommit(c->db))
		conn_exec(c, "ROLLBACK", NULL);
	return result;
}

static int set_up(struct locks *l, struct err *err)
{
	int result = conn_open(&l->conn, l->path, CONN_WRITE, err);
	if (result == 0)
		result = identify(&l->conn, err);
	if (result == 0)
		result = conn_exec(&l->conn,
				   "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
				   "PRAGMA foreign_keys = OFF",
				   err);
	if (result < 0)
		return result;
	l->conn.has_index = true;
	sqlite3_busy_handler(l->conn.db, busy, l);
	result = upgrade(&l->conn, err);
	if (result < 0)
		return result;
	sqlite3_wal_hook(l->conn.db, on_commit, l);
	struct stat st;
	if (stat(l->path, &st) < 0)
		return err_set(err, -errno, "%s", strerror(errno));
	l->device = st.st_dev;
	l->inode = st.st_ino;
	return lock_book_claim(l, err);
}

/* ---- another boot */

static int64_t slept_ms(void)
{
	return clock_boot_ms() - clock_mono_us() / 1000;
}

/* Nothing of what was is held any more, and numbers go on behind all that can have been used. */
static int begin_anew(struct conn *c, int64_t behind, const char *boot, const char *why)
{
	static const char event_sql[] =
		"INSERT INTO event VALUES (:seq, :now, :type, 0, '', 0, :why)";
	static const char meta_sql[] = "UPDATE meta SET boot = :boot, reserved = :reserved,"
				       " slept_ms = :slept, resumed_boot_ms = 0";
	int result =
		conn_exec(c, "DELETE FROM lock; DELETE FROM want; DELETE FROM waiter", &c->last);
	if (result < 0)
		return result;
	CLEANUP(query_end) struct query e = query_begin(c, event_sql);
	query_int(&e, ":seq", behind + 1);
	query_int(&e, ":now", clock_unix_ms());
	query_int(&e, ":type", LOCK_EVENT_VOIDED);
	query_text(&e, ":why", why);
	CLEANUP(query_end) struct query m = query_begin(c, meta_sql);
	query_text(&m, ":boot", boot);
	query_int(&m, ":reserved", behind + BLOCK);
	query_int(&m, ":slept", slept_ms());
	result = query_run(&e);
	return result < 0 ? result : query_run(&m);
}

static int is_of_boot(bool *out, struct conn *c, const char *boot)
{
	static const char sql[] = "SELECT boot = :boot FROM meta";
	CLEANUP(query_end) struct query q = query_begin(c, sql);
	query_text(&q, ":boot", boot);
	int more = query_row(&q);
	*out = more == 1 && query_get_int(&q, 0);
	return more == 1 ? 0 : more < 0 ? more : -EBADMSG;
}

static int void_if_old(struct locks *l)
{
	struct conn *c = &l->conn;
	int64_t newest = 0;
	bool same = false;
	int result = is_of_boot(&same, c, process_boot());
	if (result == 0)
		result = get_number(&newest, c, newest_sql);
	if (result == 0)
		result = get_number(&l->reserved, c, reserved_sql);
	if (result < 0 || (same && newest >= l->floor))
		return result;
	const char *why = newest == 0 ? "a new table"
			  : same      ? "the table was replaced"
				      : "the machine was started again";
	int64_t behind = l->reserved > l->floor ? l->reserved : l->floor;
	if (behind < LOCK_FIRST_TOKEN - 1)
		behind = LOCK_FIRST_TOKEN - 1;
	result = conn_exec(c, "PRAGMA synchronous = FULL; BEGIN IMMEDIATE", &c->last);
	if (result == 0)
		result = finish(c, begin_anew(c, behind, process_boot(), why));
	conn_exec(c, "PRAGMA synchronous = NORMAL", NULL);
	if (result == 0)
		l->reserved = behind + BLOCK;
	return result;
}

static int read_slept(struct locks *l)
{
	static const char sql[] = "SELECT slept_ms FROM meta";
	return get_number(&l->slept_ms, &l->conn, sql);
}

/* One process at a time. */
static int open_table(struct locks *l, struct err *err)
{
	int result = live_lock_making(l->live);
	if (result < 0)
		return err_set(err, result, "%s", strerror(-result));
	result = make_if_missing(l, err);
	if (result == 0)
		result = set_up(l, err);
	if (result == 0)
		result = void_if_old(l);
	if (result == 0)
		result = read_slept(l);
	if (result == 0)
		result = open_byte(l, F_OFD_SETLK, F_RDLCK) < 0 ? -ENOLCK : 0;
	if (result < 0 && err->code != result)
		*err = l->conn.last;
	live_unlock_making(l->live);
	lock_room_make(l); /* while there may be some */
	return result;
}

/* A file that has lost its name takes its log's name along when it is closed, which is another's
 * by now, unless it is told not to. */
static void drop_table(struct locks *l)
{
	int keep = 1;
	l->keeper = lock_keeper_free(l->keeper);
	l->lost_waiters |= l->waiting > 0;
	l->waiting = 0;
	l->frames = 0;
	l->room_end = 0;
	lock_known_forget(l);
	if (l->conn.db)
		sqlite3_file_control(l->conn.db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
	conn_close(&l->conn);
	open_byte(l, F_OFD_SETLK, F_UNLCK);
}

static bool is_named(const struct locks *l)
{
	struct stat st;
	return l->conn.db && stat(l->path, &st) == 0 && st.st_ino == l->inode &&
	       st.st_dev == l->device;
}

/* Somebody iterates, or is in a transaction: this one is brought to its end first. */
static bool is_in_use(const struct locks *l)
{
	sqlite3_stmt *st = NULL;
	while (l->conn.db && (st = sqlite3_next_stmt(l->conn.db, st)))
		if (sqlite3_stmt_busy(st))
			return true;
	return l->open;
}

bool lock_is_there(struct locks *l)
{
	if (is_named(l) || is_in_use(l))
		return true;
	if (access(l->path, F_OK) == 0)
		return lock_ready(l) == 0;
	drop_table(l);
	return false;
}

int lock_ready(struct locks *l)
{
	if (is_named(l) || is_in_use(l))
		return 0;
	struct err err = {0};
	drop_table(l);
	int result = open_table(l, &err);
	if (result < 0) {
		drop_table(l);
		return err_set(&l->err, -ENOLCK, "%s: %s", l->path, err.msg);
	}
	log_warn("locks: %s was replaced; all its locks are gone", l->path);
	l->keeper = lock_keeper_new(l);
	return 0;
}

/* ---- transactions */

static int command(struct locks *l, const char *sql)
{
	CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
	return query_run(&q);
}

static const char begin_sql[] = "BEGIN IMMEDIATE", commit_sql[] = "COMMIT",
		  rollback_sql[] = "ROLLBACK";

static int begin(struct locks *l)
{
	l->failed = 0;
	l->freed.len = 0;
	l->conn.last = (struct err){0};
	int result = command(l, begin_sql);
	if (result < 0)
		return result;
	l->open = true;
	l->now_unix_ms = clock_unix_ms();
	l->now_boot_ms = clock_boot_ms();
	result = lock_known_begin(l);
	l->seq = l->began_seq = l->known.seq;
	return fail(l, result);
}

/* Commits, or undoes all if a query failed. */
static int end(struct locks *l, int result)
{
	if (!l->failed)
		fail(l, command(l, commit_sql));
	l->open = false;
	l->shut_any = lock_guard_open(l) && !l->failed;
	lock_known_end(l, !l->failed);
	if (!l->failed) {
		if (l->seq > l->floor)
			l->floor = l->seq;
		return result;
	}
	if (!sqlite3_get_autocommit(l->conn.db))
		command(l, rollback_sql);
	return l->failed;
}

static int attempt(struct locks *l, lock_work_fn work, void *arg)
{
	int result = begin(l);
	if (!l->open)
		return l->failed = result;
	if (!l->failed)
		result = work(l, arg);
	if (!l->failed)
		lock_settle(l);
	return end(l, result);
}

struct tries {
	int64_t need, waits_since_us;
};

/* What the last attempt lacked; true: the next one has it. */
static bool provide(struct locks *l, struct tries *t)
{
	if (l->failed == -EINPROGRESS)
		return lock_guard_await(l, &t->waits_since_us);
	if (l->failed != -ERANGE || t->need >= 100 * BLOCK)
		return false;
	t->need = t->need ? t->need * 2 : BLOCK;
	l->failed = lock_reserve(&l->reserved, &l->conn, t->need, NULL);
	return !l->failed;
}

int lock_transact(struct locks *l, lock_work_fn work, void *arg)
{
	struct tries tries = {0};
	int result = lock_ready(l);
	if (result < 0)
		return result;
	do
		result = attempt(l, work, arg);
	while (provide(l, &tries));
	lock_guard_waited(l, l->shut_any);
	if (l->failed == -EINPROGRESS)
		return lock_guard_refuse(l);
	if (l->failed)
		return lock_unusable(l, l->failed);
	if (l->seq != l->began_seq) {
		if (open_byte(l, F_OFD_GETLK, F_WRLCK) != 0)
			live_ring(l->live);
		lock_watch_tell(l);
	}
	lock_keep(l);
	return result;
}

/* ---- the table as a whole */

static int name_file(const char *path, struct err *err)
{
	bool named = strncmp(err->msg, path, strlen(path)) == 0;
	return named ? err->code : err_prefix(err, "%s", path);
}

/* What no process could use gets its remedy, what this one may not keeps its code. */
static int explain(const char *path, int result, struct err *err)
{
	if (result == -EROFS || result == -EACCES || result == -EPERM)
		return name_file(path, err);
	if (err->code == -EBADMSG && !strstr(err->msg, "not a table"))
		err_set(err, -EBADMSG,
			"damaged; who holds what cannot be told. Delete it when nobody edits the "
			"book");
	err->code = -ENOLCK;
	return name_file(path, err);
}

static int open_all(struct locks *l, struct err *err)
{
	int result = live_open(&l->live, l->path, true, err);
	if (result < 0)
		return result;
	l->open_fd = open(l->live_path, O_RDWR | O_CLOEXEC);
	if (l->open_fd < 0)
		return err_set(err, -errno, "%s", strerror(errno));
	result = open_table(l, err);
	if (result == 0) {
		l->keeper = lock_keeper_new(l);
		l->watch = l->loop ? lock_watch_new(l) : NULL;
		result = lock_sweep(l);
		if (result < 0)
			*err = l->err;
	}
	return result;
}

int locks_open(struct locks **out, struct loop *loop, const char *store_path, struct err *err)
{
	struct err own = {0};
	CLEANUP(locks_close_cleanup) struct locks *l = xcalloc(1, sizeof(*l));
	l->open_fd = l->book_fd = -1;
	l->guards = lock_guards_new();
	l->loop = loop;
	CLEANUP(cleanup_free) char *path = locate_absolute_path(store_path);
	if (!path)
		return err_set(err, -ENOLCK, "%s: %s", store_path, strerror(errno));
	struct stat st;
	l->mode = stat(path, &st) < 0 ? 0644 : st.st_mode & 0666;
	l->path = xasprintf("%s-locks", path);
	l->live_path = xasprintf("%s-live", l->path);
	int result = open_all(l, &own);
	if (result < 0) {
		explain(l->path, result, &own);
		return err_set(err, own.code, "%s", own.msg);
	}
	*out = l;
	l = NULL;
	return 0;
}

struct locks *locks_close(struct locks *l)
{
	if (!l)
		return NULL;
	if (is_named(l))
		lock_leave(l);
	l->watch = lock_watch_free(l->watch);
	if (!is_named(l))
		drop_table(l);
	l->keeper = lock_keeper_free(l->keeper);
	conn_close(&l->conn);
	cleanup_close(&l->open_fd);
	cleanup_close(&l->book_fd);
	l->guards = lock_guards_free(l->guards);
	l->live = live_close(l->live);
	lock_numbers_finish(&l->freed);
	lock_known_forget(l);
	free(l->live_path);
	free(l->path);
	free(l);
	return NULL;
}

const char *locks_reason(const struct locks *l)
{
	return l->err.msg;
}
