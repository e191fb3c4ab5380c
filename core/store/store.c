/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/stat.h>

#include "internal.h"
#include "schema.h"
#include "trim.h"

/* ---- opening */

static bool folder_writable(const char *path)
{
	const char *slash = strrchr(path, '/');
	CLEANUP(cleanup_free) char *folder = xstrndup(path, (size_t)(slash - path) + 1);
	return access(folder, W_OK) == 0;
}

/* Asks whose file it is by SQLite itself (it may be open in this process, so nothing else may open
 * it), and without leave to write, so that a stranger's stays as it is. */
static int identify(int64_t *version, const char *path, struct err *err)
{
	struct conn c = {0};
	int result = conn_open(&c, path, conn_reading_mode(path), err);
	if (result == 0)
		result = schema_identify(version, &c, path, err);
	conn_close(&c);
	return result;
}

static int open_read_only(struct store *s, struct err *err)
{
	int64_t version = 0;
	int result = identify(&version, s->path, err);
	if (result < 0)
		return result;
	if (version != schema_version)
		return err_set(
			err, -ENOTSUP,
			"%s: of another version of bookfs (format %lld, not %d), and it cannot "
			"be written",
			s->path, (long long)version, schema_version);
	s->read_only = true;
	result = conn_open(&s->reader.conn, s->path, conn_reading_mode(s->path), err);
	return result < 0 ? result : live_open(&s->live, s->path, false, err);
}

/* What owners that died held is free again from the start, not at the first claim. */
static int free_claims(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_release_dead(tx, NULL);
}

/* The writing connection, to a store that is there and up to date. */
static int make_ready(struct store *s, struct err *err)
{
	int result = live_lock_making(s->live);
	if (result < 0)
		return err_set(err, result, "%s-live: %s", s->path, strerror(-result));
	if (!locate_is_taken(s->path)) {
		unlink(s->path);
		result = schema_create(s->path, schema_steps, schema_version, err);
	}
	if (result == -EEXIST)
		result = 0;
	if (result == 0)
		result = conn_open(&s->tx.conn, s->path, CONN_WRITE, err);
	if (result == 0)
		result = schema_migrate(&s->tx.conn, s->path, schema_steps, schema_version, err);
	live_unlock_making(s->live);
	return result;
}

static int open_writable(struct store *s, bool is_new, struct err *err)
{
	int64_t version;
	int result = is_new ? 0 : identify(&version, s->path, err);
	if (result == 0)
		result = live_open(&s->live, s->path, true, err);
	if (result == 0)
		result = make_ready(s, err);
	if (result == 0)
		result = conn_open(&s->reader.conn, s->path, CONN_QUERY, err);
	if (result == 0)
		result = folder_start(&s->folder, s, err);
	if (result == 0)
		result = writer_start(&s->writer, s, err);
	if (result == 0 && store_has_dead(s, &s->reader.conn) > 0)
		result = store_write_wait(s, free_claims, NULL, err);
	return result;
}

/* 1 there is a file, 0 there is none and it may be made. */
static int look_at(const char *path, const struct store_options *options, struct err *err)
{
	struct stat st;
	bool found = stat(path, &st) == 0;
	if (found && !S_ISREG(st.st_mode))
		return err_set(err, -EBADMSG, "%s: not a regular file; choose another with --store",
			       path);
	if (found && locate_is_taken(path))
		return 1;
	if (!found && errno != ENOENT)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!options->create)
		return err_set(
			err, -ENOENT,
			"%s: there is no store yet; bookfs run, or a mount of the book, makes it",
			path);
	return 0;
}

int store_open(struct store **out, struct loop *loop, const struct store_options *options,
	       struct err *err)
{
	CLEANUP(cleanup_free) char *path = locate_absolute_path(options->path);
	if (!path)
		return err_set(err, -errno, "%s: %s", options->path, strerror(errno));
	int there = look_at(path, options, err);
	if (there < 0)
		return there;
	int result = locate_check_file_system(path, err);
	if (result < 0)
		return result;
	CLEANUP(store_close_cleanup) struct store *s = xcalloc(1, sizeof(*s));
	s->path = xstrdup(path);
	s->book_path = xstrdup(options->book_path ? options->book_path : "");
	s->loop = loop;
	s->reader.store = s;
	s->tx.store = s;
	pthread_mutex_init(&s->identity_lock, NULL);
	if (there && (access(path, W_OK) < 0 || !folder_writable(path)))
		result = open_read_only(s, err);
	else
		result = open_writable(s, !there, err);
	if (result < 0)
		return result;
	if (loop)
		s->change = change_new(s);
	*out = s;
	s = NULL;
	return 0;
}

/* Best done by who is alone: nobody then reads on from the number of an event he has seen. */
static void tidy(struct store *s)
{
	if (live_is_alone(s->live) && trim_events(&s->tx.conn) < 0)
		log_info("store: old events stay: %s", s->tx.conn.last.msg);
}

/* The writing connection last: the last connection of all folds the log in and removes it, and a
 * query_only one cannot. */
struct store *store_close(struct store *s)
{
	if (!s)
		return NULL;
	bool written = s->writer != NULL;
	s->writer = writer_stop(s->writer);
	s->folder = folder_stop(s->folder);
	s->change = change_free(s->change);
	for (size_t i = 0; i < ARRAY_LEN(s->reader.borrowed); i++)
		free(s->reader.borrowed[i]);
	conn_close(&s->reader.conn);
	if (written)
		tidy(s);
	conn_close(&s->tx.conn);
	s->live = live_close(s->live);
	pthread_mutex_destroy(&s->identity_lock);
	free(s->path);
	free(s->book_path);
	free(s);
	return NULL;
}

bool store_read_only(const struct store *s)
{
	return s->read_only;
}

void store_show_former(struct store *s, bool on)
{
	atomic_store(&s->shows_former, on);
	atomic_store(&s->reader.conn.shows_former, on);
	atomic_store(&s->tx.conn.shows_former, on);
}

const char *store_path(const struct store *s)
{
	return s->path;
}

void store_idle(struct store *s)
{
	sqlite3_db_release_memory(s->reader.conn.db);
	if (s->writer)
		writer_idle(s->writer);
}

/* ---- readers */

struct store_reader *store_reader(struct store *s)
{
	return &s->reader;
}

int store_reader_open(struct store_reader **out, struct store *s, struct err *err)
{
	struct store_reader *r = xcalloc(1, sizeof(*r));
	r->store = s;
	enum conn_mode mode = s->read_only ? conn_reading_mode(s->path) : CONN_QUERY;
	int result = conn_open(&r->conn, s->path, mode, err);
	if (result < 0) {
		free(r);
		return result;
	}
	atomic_store(&r->conn.shows_former, atomic_load(&s->shows_former));
	*out = r;
	return 0;
}

struct store_reader *store_reader_close(struct store_reader *r)
{
	if (!r)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(r->borrowed); i++)
		free(r->borrowed[i]);
	conn_close(&r->conn);
	free(r);
	return NULL;
}

const char *store_reason(const struct store_reader *r, int code)
{
	const struct err *last = &r->conn.last;
	if (last->code && (!code || last->code == code))
		return last->msg;
	return !code || code == -EBADMSG ? STORE_DAMAGED : strerror(-code);
}

int store_snapshot_begin(struct store_reader *r)
{
	static const char sql[] = "BEGIN";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	int result = r->snapshots > 0 ? 0 : query_run(&q);
	if (result == 0)
		r->snapshots++;
	return result;
}

void store_snapshot_end(struct store_reader *r)
{
	static const char sql[] = "COMMIT";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	if (--r->snapshots == 0)
		query_run(&q);
}

int store_paused(bool *paused, struct store_reader *r)
{
	static const char sql[] = "SELECT paused FROM control";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	int more = query_row(&q);
	if (more == 1)
		*paused = query_get_int(&q, 0) != 0;
	return more == 1 ? 0 : more < 0 ? more : -EBADMSG;
}
