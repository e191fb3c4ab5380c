/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "lock_table.h"

/*
 * The rows in memory.
 *
 * The smallest read of the table costs SQLite three system calls, and nearly always says what the
 * last one said. So the rows of `lock` and the newest number are kept, with the moment (conn.h) at
 * which they were true; they are read again once that has passed. The moment is taken before the
 * rows are read: if somebody commits in between, the rows are newer than it, and are merely read
 * once more than needed.
 *
 * What this process commits is written to both (lock_row.c), and then the moment of that very
 * commit is needed. The index counts commits ("The WAL-Index File Format", iChange). If it has gone
 * on by just ours since we had the write lock, nobody else's is between.
 */

static uint32_t commits_of(const struct conn_moment *m)
{
	uint32_t halves[2];
	memcpy(halves, &m->words[1], sizeof(halves));
	return halves[0];
}

static bool is_current(const struct locks *l)
{
	struct conn_moment now;
	return l->known.valid && conn_moment(&now, &l->conn) &&
	       memcmp(&now, &l->known.moment, sizeof(now)) == 0;
}

static int add(void *arg, const struct lock_row *row)
{
	struct lock_known *k = arg;
	k->rows = xgrow(k->rows, &k->cap, k->len + 1, sizeof(*k->rows));
	k->rows[k->len++] = *row;
	return 0;
}

/* Both in one state of the table: while the first query is not at its end, the second sees what it
 * saw. */
static int load(struct locks *l)
{
	static const char sql[] = "SELECT coalesce(max(seq), 0), EXISTS (SELECT 1 FROM waiter)"
				  " OR EXISTS (SELECT 1 FROM want) FROM event";
	struct lock_known *k = &l->known;
	k->valid = k->told = false;
	k->len = 0;
	bool timed = conn_moment(&k->moment, &l->conn);
	CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
	int more = lock_step(l, &q);
	if (more != 1)
		return more < 0 ? more : -EBADMSG;
	k->seq = query_get_int(&q, 0);
	k->awaited = query_get_int(&q, 1) != 0;
	int result = lock_rows_read(l, add, k);
	k->valid = result == 0 && (timed || l->open);
	if (!timed)
		conn_index(&l->conn);
	return result;
}

int lock_known_look(struct locks *l)
{
	bool known = l->open ? l->known.valid : is_current(l);
	return known ? 0 : load(l);
}

void lock_known_forget(struct locks *l)
{
	free(l->known.rows);
	l->known = (struct lock_known){0};
}

/* ---- rows */

/* The first at or behind `resource`. */
static size_t find(const struct lock_known *k, int64_t resource)
{
	size_t low = 0, high = k->len;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (k->rows[middle].resource < resource)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct lock_row *lock_known_from(const struct locks *l, int64_t resource)
{
	size_t at = find(&l->known, resource);
	return at < l->known.len ? &l->known.rows[at] : NULL;
}

static bool is_at(const struct lock_known *k, size_t at, int64_t resource)
{
	return at < k->len && k->rows[at].resource == resource;
}

void lock_known_put(struct locks *l, const struct lock_row *row)
{
	struct lock_known *k = &l->known;
	size_t at = find(k, row->resource);
	if (!is_at(k, at, row->resource)) {
		k->rows = xgrow(k->rows, &k->cap, k->len + 1, sizeof(*k->rows));
		memmove(&k->rows[at + 1], &k->rows[at], (k->len++ - at) * sizeof(*k->rows));
	}
	k->rows[at] = *row;
}

void lock_known_remove(struct locks *l, int64_t resource, int64_t token)
{
	struct lock_known *k = &l->known;
	size_t at = find(k, resource);
	if (is_at(k, at, resource) && k->rows[at].k.token == token)
		memmove(&k->rows[at], &k->rows[at + 1], (--k->len - at) * sizeof(*k->rows));
}

void lock_known_waiters_changed(struct locks *l)
{
	l->known.awaited = true;
	l->known.timed = false;
}

/* ---- transactions */

int lock_known_begin(struct locks *l)
{
	struct lock_known *k = &l->known;
	struct conn_moment now;
	k->timed = conn_moment(&now, &l->conn);
	k->commits = commits_of(&now);
	k->wrote = false;
	return is_current(l) ? 0 : load(l);
}

void lock_known_end(struct locks *l, bool committed)
{
	struct lock_known *k = &l->known;
	k->valid = k->valid && committed && k->timed && conn_moment(&k->moment, &l->conn) &&
		   commits_of(&k->moment) == k->commits + k->wrote;
	k->seq = l->seq;
}
