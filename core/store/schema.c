/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "schema.h"

extern const char schema_1[], schema_2[], schema_3[], schema_4[], schema_5[], schema_6[],
	schema_7[]; /* schema-1.sql ... */

const char *const schema_steps[] = {schema_1, schema_2, schema_3, schema_4,
				    schema_5, schema_6, schema_7};
const int schema_version = ARRAY_LEN(schema_steps);

/* A file may be anybody's. It is a store if it says so and if nothing in it would run by itself: a
 * trigger or a view of a stranger. */
int schema_identify(int64_t *version, struct conn *c, const char *path, struct err *err)
{
	int64_t id = 0, active = 0;
	int result = conn_int(&id, c, "PRAGMA application_id", err);
	if (result == 0)
		result = conn_int(&active, c,
				  "SELECT count(*) FROM sqlite_schema"
				  " WHERE type NOT IN ('table', 'index')",
				  err);
	if (result == 0)
		result = conn_int(version, c, "PRAGMA user_version", err);
	if (result < 0)
		return err_prefix(err, "%s", path);
	if (id != STORE_APPLICATION_ID)
		return err_set(err, -EBADMSG, "%s: not a bookfs store; choose another with --store",
			       path);
	if (active > 0 || *version < 1)
		return err_set(
			err, -EBADMSG,
			"%s: not as bookfs makes its stores; move it away, or choose another "
			"with --store",
			path);
	return 0;
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
	if (result == 0) {
		result = rename(part, name) < 0 ? -errno : sync_folder_of(name);
		if (result < 0)
			err_set(err, result, "%s", strerror(-result));
	}
	if (result < 0) {
		unlink(part);
		return err_prefix(err, "%s: the copy before the store is brought up to date", name);
	}
	return 0;
}

/* ---- steps */

/* Another process may have run them before us, so the version is asked within the transaction. */
static int run_steps(struct conn *c, const char *const *steps, int count, struct err *err)
{
	int64_t version = 0;
	int result = conn_int(&version, c, "PRAGMA user_version", err);
	for (int64_t i = version; result == 0 && i < count; i++)
		result = conn_exec(c, steps[i], err);
	if (result < 0 || version >= count)
		return result;
	/* A pragma takes no parameters; this is a number of our own. */
	char sql[64];
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", count);
	return conn_exec(c, sql, err);
}

static int run_in_transaction(struct conn *c, const char *const *steps, int count, struct err *err)
{
	int result = conn_exec(c, "BEGIN IMMEDIATE", err);
	if (result == 0)
		result = run_steps(c, steps, count, err);
	if (result == 0)
		result = conn_exec(c, "COMMIT", err);
	if (result < 0 && !sqlite3_get_autocommit(c->db))
		conn_exec(c, "ROLLBACK", NULL);
	return result;
}

int schema_migrate(struct conn *c, const char *path, const char *const *steps, int count,
		   struct err *err)
{
	int64_t version = 0;
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
	result = back_up(c, path, version, err);
	if (result < 0)
		return result;
	result = run_in_transaction(c, steps, count, err);
	return result < 0 ? err_prefix(err, "%s", path) : 0;
}

/* ---- a new file */

static void remove_logs(const char *path)
{
	static const char *const suffixes[] = {"-journal", "-wal", "-shm"};
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		CLEANUP(cleanup_free) char *name = xasprintf("%s%s", path, suffixes[i]);
		unlink(name);
	}
}

static void remove_part(const char *part)
{
	unlink(part);
	remove_logs(part);
}

static int fill_new(const char *part, const char *const *steps, int count, struct err *err)
{
	struct conn c = {0};
	int result = conn_open(&c, part, CONN_CREATE, err);
	if (result == 0)
		result = conn_exec(&c,
				   "PRAGMA page_size = " STORE_PAGE_BYTES ";"
				   "PRAGMA application_id = " STORE_APPLICATION_ID_SQL,
				   err);
	if (result == 0)
		result = run_in_transaction(&c, steps, count, err);
	if (result == 0)
		result = conn_exec(&c, "PRAGMA journal_mode = WAL", err);
	conn_close(&c);
	return result;
}

/* Not every file system knows the flag; where none does, two processes at once are kept apart by
 * the caller. */
static int rename_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	return rename(from, to) < 0 ? -errno : 0;
}

int schema_create(const char *path, const char *const *steps, int count, struct err *err)
{
	CLEANUP(cleanup_free) char *part = xasprintf("%s-new", path);
	remove_part(part);
	int result = fill_new(part, steps, count, err);
	if (result == 0) {
		/* The log of a store that was killed and then deleted would be played into ours. */
		remove_logs(path);
		result = rename_new(part, path);
		if (result == 0)
			result = sync_folder_of(path);
		if (result < 0)
			err_set(err, result, "%s", strerror(-result));
	}
	if (result == 0)
		return 0;
	remove_part(part);
	return err_prefix(err, "%s: cannot be made", path);
}
