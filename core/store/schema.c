/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "schema.h"

const char *const schema_steps[] = {
#include "schema-1.sql.h"
};
const int schema_version = ARRAY_LEN(schema_steps);

/*
 * A file may be anybody's. It is a store if it says so and if nothing in it would run by itself: a
 * trigger or a view of a stranger. It is empty if it has no table at all, as a file of 0 bytes or
 * one that a process died in the midst of making.
 */
int schema_identify(int64_t *version, struct conn *c, const char *path, struct err *err)
{
	int64_t id, tables, active;
	int result = conn_int(&id, c, "PRAGMA application_id", err);
	if (result == 0)
		result = conn_int(&tables, c, "SELECT count(*) FROM sqlite_schema", err);
	if (result == 0)
		result = conn_int(&active, c,
				  "SELECT count(*) FROM sqlite_schema"
				  " WHERE type NOT IN ('table', 'index')",
				  err);
	if (result == 0)
		result = conn_int(version, c, "PRAGMA user_version", err);
	if (result < 0)
		return err_prefix(err, "%s", path);
	if (id == 0 && tables == 0 && *version == 0)
		return 0;
	if (id != STORE_APPLICATION_ID)
		return err_set(
			err, -EBADMSG,
			"%s: an SQLite file, but not a bookfs store; choose another with --store",
			path);
	if (active > 0 || *version < 1)
		return err_set(
			err, -EBADMSG,
			"%s: not as bookfs makes its stores; move it away, or choose another "
			"with --store",
			path);
	return 1;
}

/* ---- the copy before a migration */

static int sync_folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	CLEANUP(cleanup_free)
	char *folder = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
	CLEANUP(cleanup_close) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int copy_pages(struct conn *to, struct conn *from, struct err *err)
{
	sqlite3_backup *copy = sqlite3_backup_init(to->db, "main", from->db, "main");
	if (!copy)
		return conn_error(to, sqlite3_errcode(to->db), err);
	int code;
	while ((code = sqlite3_backup_step(copy, 1024)) == SQLITE_OK)
		;
	sqlite3_backup_finish(copy);
	return code == SQLITE_DONE ? 0 : conn_error(to, code, err);
}

/* Under a name of its own until it is whole and synced, so that a .bak is always a good one. */
static int back_up(struct conn *c, const char *path, int64_t version, struct err *err)
{
	CLEANUP(cleanup_free) char *name = xasprintf("%s-v%lld.bak", path, (long long)version);
	CLEANUP(cleanup_free) char *part = xasprintf("%s.part", name);
	unlink(part);
	struct conn to = {0};
	int result = conn_open(&to, part, CONN_CREATE, err);
	if (result == 0)
		result = copy_pages(&to, c, err);
	conn_close(&to);
	if (result == 0 && (rename(part, name) < 0 || sync_folder_of(name) < 0))
		result = err_set(err, -errno, "%s", strerror(errno));
	if (result < 0) {
		unlink(part);
		return err_prefix(err, "%s: the copy before the store is brought up to date", name);
	}
	return 0;
}

/* ---- steps */

static int set_version(struct conn *c, int version, struct err *err)
{
	/* A pragma takes no parameters; this is a number of our own. */
	char sql[64];
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", version);
	return conn_exec(c, sql, err);
}

/* Another process may have done it while we waited for the lock, so the version is asked within the
 * transaction. */
static int run_steps(struct conn *c, const char *const *steps, int count, struct err *err)
{
	int64_t version;
	int result = conn_int(&version, c, "PRAGMA user_version", err);
	if (result == 0 && version == 0)
		result = conn_exec(c, "PRAGMA application_id = 0x626b6673", err);
	for (int64_t i = version; result == 0 && i < count; i++)
		result = conn_exec(c, steps[i], err);
	return result < 0 || version >= count ? result : set_version(c, count, err);
}

int schema_migrate(struct conn *c, const char *path, const char *const *steps, int count,
		   struct err *err)
{
	int64_t version;
	int result = schema_identify(&version, c, path, err);
	if (result < 0)
		return result;
	if (version > count)
		return err_set(
			err, -ENOTSUP,
			"%s: made by a newer bookfs (format %lld, this one knows %d); use that "
			"one, or choose another store with --store",
			path, (long long)version, count);
	if (version == count)
		return 0;
	if (version > 0)
		result = back_up(c, path, version, err);
	else
		result = conn_exec(c, "PRAGMA page_size = " STORE_PAGE_BYTES, err);
	if (result == 0)
		result = conn_exec(c, "PRAGMA journal_mode = WAL", err);
	if (result == 0)
		result = conn_exec(c, "BEGIN IMMEDIATE", err);
	if (result < 0)
		return result;
	result = run_steps(c, steps, count, err);
	if (result == 0)
		result = conn_exec(c, "COMMIT", err);
	if (result < 0 && !sqlite3_get_autocommit(c->db))
		conn_exec(c, "ROLLBACK", NULL);
	return result < 0 ? err_prefix(err, "%s", path) : 0;
}
