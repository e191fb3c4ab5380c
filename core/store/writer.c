/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <malloc.h>
#include <string.h>

#include "internal.h"

/*
 * The writer thread. A commit costs a sync, some 250 us, and the sync costs the same for one
 * closure or thirty. So whatever waits when the thread is free becomes one transaction; while it
 * syncs, the next group gathers. Nobody waits on purpose. Each closure runs in a savepoint: what
 * one did can be undone without the others.
 */

#define GROUP_MOST 64 /* closures: bounds what one failed commit undoes */

struct write {
	struct write *next;
	store_work_fn work;
	store_done_fn done;
	void *arg;
	int result;
	struct err err;
	bool waited_for; /* by store_write_wait, which owns it; else posted and freed */
	bool finished;
};

struct writer {
	struct store_tx *tx;
	int frames; /* pages in the log after the last commit */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work, finished;
	struct write *first, **last;
	bool stop;
	bool tidy; /* give the cache back once nothing waits */
};

/* ---- the transaction */

static int command(struct writer *w, const char *sql)
{
	CLEANUP(query_end) struct query q = query_begin(&w->tx->conn, sql);
	return query_run(&q);
}

static const char begin_sql[] = "BEGIN IMMEDIATE", commit_sql[] = "COMMIT",
		  rollback_sql[] = "ROLLBACK", savepoint_sql[] = "SAVEPOINT work",
		  undo_sql[] = "ROLLBACK TO work", release_sql[] = "RELEASE work";

/* After a full disk or an I/O error SQLite may have rolled everything back by itself. */
static bool lost(struct writer *w)
{
	return sqlite3_get_autocommit(w->tx->conn.db) != 0;
}

static void explain(struct writer *w, struct write *item)
{
	const struct err *last = &w->tx->conn.last;
	if (item->err.code == item->result)
		return;
	if (last->code == item->result)
		item->err = *last;
	else
		err_set(&item->err, item->result, "%s", strerror(-item->result));
}

/* 0, or <0 if the whole transaction is lost with it. */
static int run_one(struct writer *w, struct write *item)
{
	w->tx->conn.last = (struct err){0};
	int result = command(w, savepoint_sql);
	if (result < 0)
		return result;
	item->result = item->work(w->tx, item->arg, &item->err);
	if (item->result < 0) {
		explain(w, item);
		if (lost(w))
			return item->result;
		result = command(w, undo_sql);
	}
	return result < 0 ? result : command(w, release_sql);
}

static int run_group(struct writer *w, struct write *group, struct err *err)
{
	w->tx->conn.last = (struct err){0};
	int result = command(w, begin_sql);
	for (struct write *item = group; item && result == 0; item = item->next)
		result = run_one(w, item);
	if (result == 0)
		result = command(w, commit_sql);
	if (result < 0) {
		*err = w->tx->conn.last;
		if (err->code != result)
			err_set(err, result, "%s", strerror(-result));
		if (!lost(w))
			command(w, rollback_sql);
	}
	return result;
}

static void commit(struct writer *w, struct write *group)
{
	struct err err = {0};
	int before = sqlite3_total_changes(w->tx->conn.db);
	if (run_group(w, group, &err) < 0) {
		log_info("store: not stored: %s", err.msg); /* who asked is told, and tells */
		for (struct write *item = group; item; item = item->next)
			if (item->result >= 0) {
				item->result = err.code;
				item->err = err;
			}
		return;
	}
	if (sqlite3_total_changes(w->tx->conn.db) == before)
		return;
	live_ring(w->tx->store->live);
	folder_committed(w->tx->store->folder, w->frames);
	change_post(w->tx->store->change);
}

/* ---- handing back */

static void deliver(void *arg)
{
	struct write *item = arg;
	item->done(item->arg, item->result, &item->err);
	free(item);
}

static void answer(struct writer *w, struct write *item)
{
	if (item->waited_for) {
		pthread_mutex_lock(&w->lock);
		item->finished = true;
		pthread_cond_broadcast(&w->finished);
		pthread_mutex_unlock(&w->lock);
	} else if (item->done) {
		loop_post(w->tx->store->loop, deliver, item);
	} else {
		if (item->result < 0)
			log_warn("store: %s", item->err.msg);
		free(item);
	}
}

/* The pages that a work's last commits left behind stand between those of what was freed since:
 * both go, or the memory of a book that was analysed is never given back. */
static void give_back(struct writer *w)
{
	w->tidy = false;
	sqlite3_db_release_memory(w->tx->conn.db);
	malloc_trim(0);
}

/* The next group, or NULL when all is done and nothing more will come. */
static struct write *take(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	while (!w->first && !w->stop)
		if (w->tidy)
			give_back(w);
		else
			pthread_cond_wait(&w->work, &w->lock);
	struct write *group = w->first, **end = &w->first;
	for (int i = 0; i < GROUP_MOST && *end; i++)
		end = &(*end)->next;
	w->first = *end;
	*end = NULL;
	if (!w->first)
		w->last = &w->first;
	pthread_mutex_unlock(&w->lock);
	return group;
}

static void *write_thread(void *arg)
{
	struct writer *w = arg;
	struct write *group;
	while ((group = take(w)) != NULL) {
		commit(w, group);
		while (group) {
			struct write *next = group->next;
			answer(w, group);
			group = next;
		}
	}
	return NULL;
}

static int count_frames(void *arg, sqlite3 *db, const char *name, int frames)
{
	struct writer *w = arg;
	w->frames = frames;
	return SQLITE_OK;
}

int writer_start(struct writer **out, struct store *s, struct err *err)
{
	struct writer *w = xcalloc(1, sizeof(*w));
	w->tx = &s->tx;
	w->last = &w->first;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->work, NULL);
	pthread_cond_init(&w->finished, NULL);
	sqlite3_wal_hook(s->tx.conn.db, count_frames, w);
	int result = -pthread_create(&w->thread, NULL, write_thread, w);
	if (result < 0) {
		free(w);
		return err_set(err, result, "no thread to write with: %s", strerror(-result));
	}
	*out = w;
	return 0;
}

struct writer *writer_stop(struct writer *w)
{
	if (!w)
		return NULL;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	sqlite3_wal_hook(w->tx->conn.db, NULL, NULL);
	pthread_cond_destroy(&w->finished);
	pthread_cond_destroy(&w->work);
	pthread_mutex_destroy(&w->lock);
	free(w);
	return NULL;
}

void writer_idle(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->tidy = true;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
}

/* ---- asking */

static void enqueue(struct writer *w, struct write *item)
{
	pthread_mutex_lock(&w->lock);
	assert(!w->stop);
	*w->last = item;
	w->last = &item->next;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
}

static int refuse(const struct store *s, struct err *err)
{
	return err_set(err, -EROFS, "%s: the store is open for reading only", s->path);
}

void store_write(struct store *s, store_work_fn work, store_done_fn done, void *arg)
{
	assert(!done || s->loop);
	struct write *item = xcalloc(1, sizeof(*item));
	*item = (struct write){.work = work, .done = done, .arg = arg};
	if (s->writer) {
		enqueue(s->writer, item);
		return;
	}
	item->result = refuse(s, &item->err);
	if (done)
		loop_post(s->loop, deliver, item);
	else
		free(item);
}

int store_write_wait(struct store *s, store_work_fn work, void *arg, struct err *err)
{
	struct writer *w = s->writer;
	if (!w)
		return refuse(s, err);
	assert(!pthread_equal(pthread_self(), w->thread));
	struct write item = {.work = work, .arg = arg, .waited_for = true};
	enqueue(w, &item);
	pthread_mutex_lock(&w->lock);
	while (!item.finished)
		pthread_cond_wait(&w->finished, &w->lock);
	pthread_mutex_unlock(&w->lock);
	if (item.result < 0 && err)
		*err = item.err;
	return item.result;
}
