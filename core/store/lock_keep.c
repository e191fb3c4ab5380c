/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "lock_table.h"

/*
 * What waits for the disk, done beside the loop by a thread of its pool on a connection of its own:
 * folding the log into the file, and reserving the next numbers before the last are used up. A
 * process without a loop does both itself.
 *
 * What is held must be given back on a full disk too, and that is a write: so the log always has
 * blocks ahead of its end (fallocate, behind the file's size: SQLite sees nothing of it), and as
 * long as it cannot get them nobody takes anything more. Where the file system knows no such thing
 * the disk's own room is all there is.
 */

#define FRAMES_SOFT 2048 /* 2 MB */
/* Writers are kept out for some milliseconds, so that it can begin anew. */
#define FRAMES_HARD 8192
/* The thread is late (its pool has other work, the machine has): who writes folds it himself. */
#define FRAMES_FULL 12288
#define AHEAD 400 /* numbers left when more are reserved */
#define FRAME_BYTES (24 + 1024)
#define ROOM_BYTES (256 * 1024)
#define ROOM_LEAST (ROOM_BYTES / 8) /* giving back ten times */

struct lock_keeper {
	struct locks *locks; /* NULL: let go, the work under way frees this */
	struct conn conn;
	char *path;
	bool busy;
	pthread_mutex_t folding; /* so that who is late is waited for */
	int frames;		 /* in the log when it was folded last */
	int64_t need;		 /* numbers to reserve; 0: none */
	bool hard, fold, room;
	int64_t reserved, room_end; /* what came of it; 0: nothing */
	struct err err;
};

static int checkpoint(struct conn *c, bool hard)
{
	int code = sqlite3_wal_checkpoint_v2(c->db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	if (code == SQLITE_OK && hard)
		code = sqlite3_wal_checkpoint_v2(c->db, "main", SQLITE_CHECKPOINT_RESTART, NULL,
						 NULL);
	return code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY ? 0 : code;
}

static int fold(struct lock_keeper *k, struct conn *c, bool hard)
{
	pthread_mutex_lock(&k->folding);
	int code = checkpoint(c, hard);
	pthread_mutex_unlock(&k->folding);
	return code;
}

static int open_own(struct lock_keeper *k)
{
	if (k->conn.db)
		return 0;
	int result = conn_open(&k->conn, k->path, CONN_WRITE, &k->err);
	int keep = 1;
	/* If it should close after the file was replaced: see drop_table(). */
	if (result == 0)
		sqlite3_file_control(k->conn.db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
	return result;
}

/* The end of the blocks that the log has now for sure; -ENOSPC. */
static int64_t give_room(const char *table_path)
{
	CLEANUP(cleanup_free) char *path = xasprintf("%s-wal", table_path);
	CLEANUP(cleanup_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return INT64_MAX;
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, st.st_size, ROOM_BYTES) == 0)
		return st.st_size + ROOM_BYTES;
	return errno == ENOSPC || errno == EDQUOT ? -ENOSPC : INT64_MAX;
}

static void work(void *arg)
{
	struct lock_keeper *k = arg;
	k->reserved = 0;
	k->room_end = k->room ? give_room(k->path) : 0;
	k->err = (struct err){0};
	if (open_own(k) < 0)
		return;
	if (k->need)
		lock_reserve(&k->reserved, &k->conn, k->need, &k->err);
	int code = k->fold ? fold(k, &k->conn, k->hard) : 0;
	if (code)
		conn_error(&k->conn, code, &k->err);
}

static void destroy(struct lock_keeper *k)
{
	conn_close(&k->conn);
	pthread_mutex_destroy(&k->folding);
	free(k->path);
	free(k);
}

static void done(void *arg)
{
	struct lock_keeper *k = arg;
	k->busy = false;
	if (!k->locks) {
		destroy(k);
		return;
	}
	if (k->reserved > k->locks->reserved)
		k->locks->reserved = k->reserved;
	if (k->room_end)
		k->locks->room_end = k->room_end;
	if (k->err.code)
		log_warn("locks: %s: %s", k->path, k->err.msg);
}

struct lock_keeper *lock_keeper_new(struct locks *l)
{
	struct lock_keeper *k = xcalloc(1, sizeof(*k));
	k->locks = l;
	k->path = xstrdup(l->path);
	pthread_mutex_init(&k->folding, NULL);
	return k;
}

struct lock_keeper *lock_keeper_free(struct lock_keeper *k)
{
	if (!k)
		return NULL;
	k->locks = NULL;
	if (!k->busy)
		destroy(k);
	return NULL;
}

/* ---- after a commit */

/* The log is long, and longer than when it was folded last (it begins anew at the first commit that
 * finds nobody reading in it). */
static bool fold_is_due(struct lock_keeper *k, int frames)
{
	if (frames < k->frames)
		k->frames = 0;
	return frames - k->frames >= FRAMES_SOFT;
}

static int64_t room(const struct locks *l)
{
	return l->room_end - (int64_t)l->frames * FRAME_BYTES;
}

void lock_room_make(struct locks *l)
{
	if (room(l) < ROOM_LEAST)
		l->room_end = give_room(l->path);
}

int lock_room_check(struct locks *l)
{
	lock_room_make(l);
	if (l->room_end < 0)
		l->failed = -ENOSPC;
	return l->failed;
}

void lock_keep(struct locks *l)
{
	struct lock_keeper *k = l->keeper;
	if (!k)
		return;
	bool due = fold_is_due(k, l->frames);
	if (k->busy) {
		if (due && l->frames >= FRAMES_FULL) {
			k->frames = l->frames;
			fold(k, &l->conn, false);
		}
		return;
	}
	k->fold = due;
	k->hard = l->frames >= FRAMES_HARD;
	k->need = l->loop && l->reserved - l->seq < AHEAD ? AHEAD : 0;
	k->room = l->loop && room(l) < ROOM_BYTES / 2;
	if (!k->fold && !k->need && !k->room)
		return;
	if (k->fold)
		k->frames = l->frames;
	if (!l->loop) {
		fold(k, &l->conn, k->hard);
		return;
	}
	k->busy = true;
	loop_work(l->loop, work, done, k);
}
