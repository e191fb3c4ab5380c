/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "lock_table.h"

/* Looking, without a transaction of its own: each call sees one state of the table. */

#define USED_MS 1000 /* a holder who writes on and on renews so often */

static int answer(struct locks *l, int result)
{
	return result >= 0 || result == -ENOLCK ? result : lock_unusable(l, result);
}

/* The row without asking whether its holder lives; 1, 0, or -ENOLCK. */
static int look_up(struct lock_row *row, struct locks *l, const char *resource)
{
	int64_t number = lock_number(resource);
	int result = lock_ready(l);
	if (result < 0 || number == 0)
		return result < 0 ? result : 0;
	return answer(l, lock_row_get(row, l, number));
}

static bool is_dead(struct locks *l, const struct lock_row *row)
{
	return row->k.by_name && lock_watch_life(l, &row->k.holder.anchor) == PROCESS_DEAD;
}

/* A dead one's lock is not shown, however soon one looks. */
int locks_get(struct lock *out, struct locks *l, const char *resource)
{
	struct lock_row row;
	int more = look_up(&row, l, resource);
	if (more == 1 && is_dead(l, &row)) {
		more = lock_sweep(l);
		if (more == 0)
			more = look_up(&row, l, resource);
	}
	if (more == 1)
		*out = row.k;
	return more == 1 ? 0 : more < 0 ? more : -ENOENT;
}

int locks_fence(struct locks *l, const char *resource, int64_t token)
{
	struct lock_row row;
	int more = look_up(&row, l, resource);
	return more < 0 ? more : more == 1 && row.k.token == token ? 0 : -ESTALE;
}

struct use {
	int64_t resource, token;
};

static int renew_used(struct locks *l, void *arg)
{
	struct use *u = arg;
	struct lock_row row;
	int more = lock_row_get(&row, l, u->resource);
	if (more != 1 || row.k.token != u->token)
		return more < 0 ? more : -ESTALE;
	row.k.renewed_unix_ms = l->now_unix_ms;
	row.renewed_boot_ms = l->now_boot_ms;
	lock_event(l, &(struct lock_note){.type = LOCK_EVENT_RENEWED,
					  .resource = row.resource,
					  .instance = row.k.holder.instance,
					  .token = row.k.token});
	return lock_row_put(l, &row);
}

int locks_used(struct locks *l, const char *resource, int64_t token)
{
	struct lock k;
	struct use u = {.token = token};
	int result = locks_over(&k, l, resource);
	if (result < 0 || k.token != token)
		return result == -ENOLCK ? result : -ESTALE;
	u.resource = lock_number(k.resource);
	return k.idle_ms < USED_MS ? 0 : lock_transact(l, renew_used, &u);
}

/* ---- all of them */

struct looking {
	struct locks *locks;
	int (*fn)(void *arg, const struct lock *k);
	void *arg;
	const struct process *anchor;
	const char *instance;
	struct lock_holder *out;
};

static int find_dead(void *arg, struct lock_row *row)
{
	struct looking *k = arg;
	return is_dead(k->locks, row);
}

static int show(void *arg, struct lock_row *row)
{
	struct looking *k = arg;
	return k->fn(k->arg, &row->k);
}

int locks_each(struct locks *l, int (*fn)(void *arg, const struct lock *k), void *arg)
{
	struct looking k = {.locks = l, .fn = fn, .arg = arg};
	int result = lock_ready(l);
	if (result == 0)
		result = answer(l, lock_rows(l, find_dead, &k));
	if (result == 1)
		result = lock_sweep(l);
	if (result < 0)
		return result;
	result = lock_rows(l, show, &k);
	return l->conn.last.code && result == l->conn.last.code ? answer(l, result) : result;
}

static int is_holder(struct looking *k, const struct lock_holder *h)
{
	bool found =
		k->anchor ? process_is(&h->anchor, k->anchor) : !strcmp(h->instance, k->instance);
	if (found)
		*k->out = *h;
	return found;
}

static int find_holder(struct looking *k, struct locks *l)
{
	static const char sql[] = "SELECT " LOCK_HOLDER_COLUMNS " FROM lock UNION ALL "
				  "SELECT " LOCK_HOLDER_COLUMNS " FROM waiter WHERE state = 0";
	int more = lock_ready(l);
	if (more < 0)
		return more;
	CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
	while ((more = lock_step(l, &q)) == 1) {
		struct lock_holder h;
		lock_read_holder(&h, &q, 0);
		if (is_holder(k, &h))
			return 0;
	}
	return more < 0 ? answer(l, more) : -ENOENT;
}

int locks_holder_of(struct lock_holder *out, struct locks *l, const struct process *anchor)
{
	return find_holder(&(struct looking){.anchor = anchor, .out = out}, l);
}

int locks_holder_named(struct lock_holder *out, struct locks *l, const char *instance)
{
	return find_holder(&(struct looking){.instance = instance, .out = out}, l);
}

/* ---- who waits */

static void add_name(char *out, size_t size, int64_t number)
{
	char name[LOCK_RESOURCE_BYTES];
	size_t len = strlen(out);
	if (lock_number_name(name, number) && len + strlen(name) + 2 <= size)
		snprintf(out + len, size - len, "%s%s", len ? "+" : "", name);
}

static int name_set(struct lock_waiter *w, struct locks *l)
{
	static const char sql[] = "SELECT resource FROM want WHERE waiter = :id ORDER BY resource";
	CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
	query_int(&q, ":id", w->id);
	int more;
	while ((more = lock_step(l, &q)) == 1)
		add_name(w->resources, sizeof(w->resources), query_get_int(&q, 0));
	return more;
}

int locks_waiters_each(struct locks *l, const char *resource,
		       int (*fn)(void *arg, const struct lock_waiter *w), void *arg)
{
	static const char sql[] =
		"SELECT " LOCK_HOLDER_COLUMNS ", id, owner, since_ms FROM waiter WHERE state = 0"
		" AND (:resource = 0 OR EXISTS (SELECT 1 FROM want WHERE want.waiter = waiter.id"
		" AND want.resource = :resource)) ORDER BY id";
	int more = lock_ready(l);
	if (more < 0)
		return more;
	CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
	query_int(&q, ":resource", resource ? lock_number(resource) : 0);
	while ((more = lock_step(l, &q)) == 1) {
		struct lock_waiter w = {.id = query_get_int(&q, 5)};
		lock_read_holder(&w.holder, &q, 0);
		w.ours = query_get_int(&q, 6) == live_owner(l->live);
		w.since_unix_ms = query_get_int(&q, 7);
		more = name_set(&w, l);
		if (more < 0)
			break;
		more = fn(arg, &w);
		if (more != 0)
			return more;
	}
	return answer(l, more);
}

/* ---- history */

int locks_seq(int64_t *seq, struct locks *l)
{
	int result = lock_ready(l);
	if (result == 0)
		result = lock_known_look(l);
	if (result == 0)
		*seq = l->known.seq;
	return answer(l, result);
}

static const char *const event_names[] = {
	[LOCK_EVENT_ACQUIRED] = "acquired",
	[LOCK_EVENT_RENEWED] = "renewed",
	[LOCK_EVENT_RELEASED] = "released",
	[LOCK_EVENT_EXPIRED] = "expired",
	[LOCK_EVENT_OVERRIDDEN] = "overridden",
	[LOCK_EVENT_BROKEN] = "broken",
	[LOCK_EVENT_CLEARED] = "cleared",
	[LOCK_EVENT_TRANSFERRED] = "transferred",
	[LOCK_EVENT_WAITING] = "waiting",
	[LOCK_EVENT_GAVE_UP] = "gave up",
	[LOCK_EVENT_CHANGED_BEHIND] = "changed behind",
	[LOCK_EVENT_CHANGED] = "changed",
	[LOCK_EVENT_VOIDED] = "void",
};
_Static_assert(ARRAY_LEN(event_names) == LOCK_EVENT_TYPES, "a name for each");

const char *lock_event_name(enum lock_event_type t)
{
	return event_names[t];
}

int locks_log(struct locks *l, int64_t after, int max,
	      int (*fn)(void *arg, const struct lock_event *e), void *arg)
{
	static const char sql[] = "SELECT seq, time_ms, type, resource, instance, token, detail"
				  " FROM event WHERE seq > :after ORDER BY seq LIMIT :max";
	int more = lock_ready(l);
	if (more < 0)
		return more;
	CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
	query_int(&q, ":after", after);
	query_int(&q, ":max", max);
	while ((more = lock_step(l, &q)) == 1) {
		struct lock_event e = {.seq = query_get_int(&q, 0),
				       .time_unix_ms = query_get_int(&q, 1),
				       .token = query_get_int(&q, 5),
				       .detail = query_string(&q, 6)};
		e.type = (enum lock_event_type)query_get_enum(&q, 2, LOCK_EVENT_TYPES - 1);
		lock_number_name(e.resource, query_get_int(&q, 3));
		snprintf(e.instance, sizeof(e.instance), "%s", query_string(&q, 4));
		int result = fn(arg, &e);
		if (result != 0)
			return result;
	}
	return answer(l, more);
}
