/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "internal.h"

/*
 * Folding the write-ahead log into the store's file, on a thread and a connection of its own, so
 * that neither the loop nor a commit waits for it.
 *
 * Past FRAMES_SOFT pages they are copied while writers go on (PASSIVE); the log then begins anew at
 * the next commit that finds no reader in it. Past FRAMES_HARD it waits for that (RESTART). Once
 * nobody has committed for 2 s the log is emptied (TRUNCATE), and a copy of the one file is a copy
 * of everything. Whether anybody has, in any process, is read off the log's modification time; it
 * is looked at by name only, as opening and closing it would drop SQLite's locks.
 */

#define FRAMES_SOFT 1024  /* 8 MB */
#define FRAMES_HARD 16384 /* 128 MB */
#define IDLE_MS 2000

struct folder {
	struct store *store;
	struct conn conn;
	char *wal_path;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
	bool idle;  /* waits for a commit, however long */
	int frames; /* in the log, as the last commit that woke us left it; 0: seen to */
};

static int checkpoint(struct folder *f, int mode)
{
	int code = sqlite3_wal_checkpoint_v2(f->conn.db, "main", mode, NULL, NULL);
	if (code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY)
		return 0; /* others are at it, or in it: later */
	struct err err = {0};
	conn_error(&f->conn, code, &err);
	log_warn("store: the log is not folded in: %s", err.msg);
	return err.code;
}

static int64_t unix_ms_of(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Does what is due; returns in how many ms to look again, -1: after the next commit. The kernel's
 * clock, not ours: it is compared with a file's time. */
static int64_t fold(struct folder *f, int frames)
{
	struct stat wal;
	if (stat(f->wal_path, &wal) < 0 || wal.st_size == 0)
		return -1;
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t idle_ms = unix_ms_of(now) - unix_ms_of(wal.st_mtim);
	if (idle_ms >= IDLE_MS || idle_ms < -IDLE_MS) { /* or the clock was set back */
		/* The pages first, without the writers' lock; then little is left to do under it.
		 */
		if (checkpoint(f, SQLITE_CHECKPOINT_PASSIVE) < 0 ||
		    checkpoint(f, SQLITE_CHECKPOINT_TRUNCATE) < 0)
			return -1; /* a disk that fails is not asked again before it is needed */
		return stat(f->wal_path, &wal) == 0 && wal.st_size > 0 ? IDLE_MS : -1;
	}
	if (frames > FRAMES_HARD)
		checkpoint(f, SQLITE_CHECKPOINT_RESTART);
	else if (frames > FRAMES_SOFT)
		checkpoint(f, SQLITE_CHECKPOINT_PASSIVE);
	return IDLE_MS - idle_ms + 10;
}

/* Waits until the log is long, at most wait_ms (-1: for any commit, without end). false: stop. */
static bool wait_for(struct folder *f, int64_t wait_ms, int *frames)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += wait_ms / 1000;
	until.tv_nsec += wait_ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&f->lock);
	int result = 0;
	f->idle = wait_ms < 0;
	while (!f->stop && f->frames == 0 && result == 0)
		result = wait_ms < 0 ? pthread_cond_wait(&f->wake, &f->lock)
				     : pthread_cond_timedwait(&f->wake, &f->lock, &until);
	*frames = f->frames;
	f->frames = 0;
	f->idle = false;
	bool go_on = !f->stop;
	pthread_mutex_unlock(&f->lock);
	return go_on;
}

static void *fold_thread(void *arg)
{
	struct folder *f = arg;
	int frames = 0;
	int64_t wait_ms;
	do
		wait_ms = fold(f, frames);
	while (wait_for(f, wait_ms, &frames));
	return NULL;
}

int folder_start(struct folder **out, struct store *s, struct err *err)
{
	struct folder *f = xcalloc(1, sizeof(*f));
	f->store = s;
	f->wal_path = xasprintf("%s-wal", s->path);
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	int result = conn_open(&f->conn, s->path, CONN_WRITE, err);
	if (result == 0) {
		result = -pthread_create(&f->thread, NULL, fold_thread, f);
		if (result == 0) {
			*out = f;
			return 0;
		}
		conn_close(&f->conn);
		err_set(err, result, "no thread to fold with: %s", strerror(-result));
	}
	free(f->wal_path);
	free(f);
	return result;
}

struct folder *folder_stop(struct folder *f)
{
	if (!f)
		return NULL;
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_cond_signal(&f->wake);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	conn_close(&f->conn);
	pthread_cond_destroy(&f->wake);
	pthread_mutex_destroy(&f->lock);
	free(f->wal_path);
	free(f);
	return NULL;
}

void folder_committed(struct folder *f, int frames)
{
	pthread_mutex_lock(&f->lock);
	if (f->idle || frames > FRAMES_SOFT) {
		f->frames = frames;
		pthread_cond_signal(&f->wake);
	}
	pthread_mutex_unlock(&f->lock);
}
