/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "lock_table.h"

/*
 * The queues. A grant is a row: whoever frees a resource makes it, in the transaction that frees,
 * for the first in the queue whose whole set is free. So there is no moment in which the resource
 * is free for who comes by chance, and no wake-up that can be lost: the bell only says sooner what
 * the row says anyway.
 *
 * A waiter is in the queue of each resource of its set, in order of arrival, and must be first in
 * all of them. It may so keep free what it waits for together with something that is not; else a
 * set would wait for ever beside those who take its parts one by one.
 *
 * A granted waiter is not told yet. If its process ends before it takes notice, what was granted is
 * given back.
 */

#define WAITERS_MOST 4096

enum waiter_state { WAITS, GRANTED, ANCHOR_DIED };

struct waiter {
	struct lock_asker asker;
	enum waiter_state state;
	char reason[LOCK_REASON_BYTES];
};

/* ---- rows */

int64_t lock_first_waiter(struct locks *l, int64_t resource)
{
	static const char sql[] = "SELECT waiter FROM want WHERE resource = :resource"
				  " ORDER BY waiter LIMIT 1";
	if (l->open && !l->known.awaited)
		return 0;
	CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
	query_int(&q, ":resource", resource);
	return lock_step(l, &q) == 1 ? query_get_int(&q, 0) : 0;
}

static void waiter_finish(struct waiter *w)
{
	lock_asker_finish(&w->asker);
}

static int read_set(struct lock_numbers *out, struct locks *l, int64_t id)
{
	static const char sql[] = "SELECT resource FROM want WHERE waiter = :id ORDER BY resource";
	CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
	query_int(&q, ":id", id);
	int more;
	while ((more = lock_step(l, &q)) == 1)
		lock_numbers_add(out, query_get_int(&q, 0));
	return more;
}

/* 1, 0 or <0. */
static int read_waiter(struct waiter *out, struct locks *l, int64_t id)
{
	static const char sql[] = "SELECT " LOCK_HOLDER_COLUMNS
				  ", owner, state, descriptor, descriptor_pid, ttl_s, reason"
				  " FROM waiter WHERE id = :id";
	CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
	query_int(&q, ":id", id);
	int more = lock_step(l, &q);
	if (more != 1)
		return more;
	lock_read_holder(&out->asker.holder, &q, 0);
	out->asker.waiter = id;
	out->asker.owner = query_get_int(&q, 5);
	out->state = (enum waiter_state)query_get_enum(&q, 6, ANCHOR_DIED);
	out->asker.descriptor = query_get_int(&q, 7);
	out->asker.descriptor_pid = (pid_t)query_get_int(&q, 8);
	out->asker.ttl_s = (int)query_get_int(&q, 9);
	if (query_borrow(&q, 10)) {
		snprintf(out->reason, sizeof(out->reason), "%s", query_borrow(&q, 10));
		out->asker.reason = out->reason;
	}
	more = read_set(&out->asker.set, l, id);
	return more < 0 ? more : 1;
}

int lock_waiter_holder(struct lock_holder *out, struct locks *l, int64_t id)
{
	CLEANUP(waiter_finish) struct waiter w = {0};
	int more = read_waiter(&w, l, id);
	if (more == 1)
		*out = w.asker.holder;
	return more;
}

static int run_on(struct locks *l, const char *sql, int64_t id)
{
	CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
	query_int(&q, ":id", id);
	lock_known_waiters_changed(l);
	return lock_run(l, &q);
}

static const char unqueue_sql[] = "DELETE FROM want WHERE waiter = :id";
static const char forget_sql[] = "DELETE FROM waiter WHERE id = :id";
static const char grant_sql[] = "UPDATE waiter SET state = 1 WHERE id = :id";
static const char died_sql[] = "UPDATE waiter SET state = 2 WHERE id = :id";

static int add_row(struct locks *l, const struct lock_asker *a, int64_t id)
{
	static const char sql[] =
		"INSERT INTO waiter (id, state, owner, " LOCK_HOLDER_COLUMNS
		", descriptor, descriptor_pid, ttl_s, reason, since_ms) VALUES (:id, 0, :owner,"
		" :instance, :uid, :pid, :start, :ns, :descriptor, :descriptor_pid, :ttl, :reason,"
		" :now)";
	CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
	query_int(&q, ":id", id);
	query_int(&q, ":owner", a->owner);
	lock_bind_holder(&q, &a->holder);
	query_int(&q, ":descriptor", a->descriptor);
	query_int(&q, ":descriptor_pid", a->descriptor_pid);
	query_int(&q, ":ttl", a->ttl_s);
	query_text(&q, ":reason", a->reason);
	query_int(&q, ":now", l->now_unix_ms);
	lock_known_waiters_changed(l);
	return lock_run(l, &q);
}

static int add_waiter(struct locks *l, const struct lock_asker *a, int64_t id)
{
	static const char sql[] = "INSERT INTO want (resource, waiter) VALUES (:resource, :id)";
	int result = add_row(l, a, id);
	for (size_t i = 0; i < a->set.len && result == 0; i++) {
		CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
		query_int(&q, ":resource", a->set.items[i]);
		query_int(&q, ":id", id);
		result = lock_run(l, &q);
	}
	return result;
}

static void note_waiter(struct locks *l, const struct lock_asker *a, int64_t id,
			enum lock_event_type type)
{
	lock_event(l, &(struct lock_note){.type = type,
					  .resource = a->set.len ? a->set.items[0] : 0,
					  .instance = a->holder.instance,
					  .token = id});
}

/* ---- leaving */

struct undoing {
	struct lock_row *rows;
	size_t len, cap;
	int64_t waiter;
};

static int gather_granted(void *arg, struct lock_row *row)
{
	struct undoing *u = arg;
	if (row->waiter != u->waiter)
		return 0;
	u->rows = xgrow(u->rows, &u->cap, u->len + 1, sizeof(*u->rows));
	u->rows[u->len++] = *row;
	return 0;
}

/* What was granted to it and not renewed since. */
static int undo_grant(struct locks *l, const struct waiter *w)
{
	struct undoing u = {.waiter = w->asker.waiter};
	int result = lock_rows(l, gather_granted, &u);
	for (size_t i = 0; i < u.len && result == 0; i++) {
		struct lock_row *row = &u.rows[i];
		bool by_descriptor = row->k.descriptor && !w->asker.descriptor;
		result = lock_row_lessen(l, row, row->k.by_name && w->asker.descriptor,
					 by_descriptor, LOCK_EVENT_RELEASED);
	}
	free(u.rows);
	return result;
}

/* Those behind it move up. */
static int leave_queues(struct locks *l, const struct waiter *w)
{
	for (size_t i = 0; i < w->asker.set.len; i++)
		lock_numbers_add(&l->freed, w->asker.set.items[i]);
	note_waiter(l, &w->asker, w->asker.waiter, LOCK_EVENT_GAVE_UP);
	return run_on(l, unqueue_sql, w->asker.waiter);
}

static int drop(struct locks *l, const struct waiter *w)
{
	int result = 0;
	if (w->state == GRANTED)
		result = undo_grant(l, w);
	else if (w->state == WAITS)
		result = leave_queues(l, w);
	return result < 0 ? result : run_on(l, forget_sql, w->asker.waiter);
}

/* 1 if it went. Its process, if that lives, is told. */
static int drop_if_dead(struct locks *l, const struct waiter *w)
{
	if (!live_is_alive(l->live, w->asker.owner))
		return drop(l, w) < 0 ? -1 : 1;
	if (w->state != WAITS || lock_watch_life(l, &w->asker.holder.anchor) != PROCESS_DEAD)
		return 0;
	leave_queues(l, w);
	return run_on(l, died_sql, w->asker.waiter) < 0 ? -1 : 1;
}

static int list_waiters(struct lock_numbers *out, struct locks *l)
{
	static const char sql[] = "SELECT id FROM waiter ORDER BY id";
	CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
	int more;
	while ((more = lock_step(l, &q)) == 1)
		lock_numbers_add(out, query_get_int(&q, 0));
	return more;
}

int lock_drop_waiters(struct locks *l, int64_t owner)
{
	CLEANUP(lock_numbers_finish) struct lock_numbers ids = {0};
	int result = list_waiters(&ids, l);
	for (size_t i = 0; i < ids.len && result >= 0; i++) {
		CLEANUP(waiter_finish) struct waiter w = {0};
		result = read_waiter(&w, l, ids.items[i]);
		if (result == 1 && owner)
			result = w.asker.owner == owner ? drop(l, &w) : 0;
		else if (result == 1)
			result = drop_if_dead(l, &w);
	}
	return result < 0 ? result : 0;
}

/* ---- handing over */

/* All of its set is free for it, and it is first in every queue. Nothing is judged here: whoever
 * is found dead frees, and then this is asked again. */
static bool can_have(struct locks *l, const struct lock_asker *a)
{
	for (size_t i = 0; i < a->set.len; i++) {
		struct lock_row row;
		int64_t at = lock_share_of(l, a->set.items[i], a);
		int more = at ? lock_row_get(&row, l, at) : -EBUSY;
		if (more < 0 || (more == 1 && !lock_row_admits(l, &row, a)))
			return false;
		if (lock_first_waiter(l, a->set.items[i]) != a->waiter)
			return false;
		if (more == 0 && !lock_book_admits(l, a->set.items[i], a))
			return false;
	}
	return true;
}

/* While somebody writes, it is not handed over: it stays free for the first, and is asked for again
 * (lock_settle_all). */
static bool nobody_writes(struct locks *l, const struct lock_asker *a)
{
	bool shut = true;
	for (size_t i = 0; i < a->set.len && shut; i++)
		shut = lock_guard_shut(l, a->set.items[i]);
	return shut;
}

static int grant(struct locks *l, const struct waiter *w)
{
	int result = lock_take(l, &w->asker);
	if (result == 0)
		result = run_on(l, unqueue_sql, w->asker.waiter);
	return result < 0 ? result : run_on(l, grant_sql, w->asker.waiter);
}

static void hand_over(struct locks *l, int64_t resource)
{
	int64_t first;
	while (!l->failed && (first = lock_first_waiter(l, resource)) != 0) {
		CLEANUP(waiter_finish) struct waiter w = {0};
		int more = read_waiter(&w, l, first);
		if (more == 0) /* a want of nobody: not by us */
			more = run_on(l, unqueue_sql, first) < 0 ? -1 : 1;
		else if (more == 1)
			more = drop_if_dead(l, &w);
		if (more == 1)
			continue;
		if (more != 0 || !can_have(l, &w.asker) || !nobody_writes(l, &w.asker))
			return;
		if (grant(l, &w) < 0 || !lock_is_share(resource))
			return; /* else the next may share it */
	}
}

/* Those who wait for the book wait for any of it, and all wait for those who have it. */
static void settle_book(struct locks *l)
{
	bool all = false;
	for (size_t i = 0; i < l->freed.len && !all; i++)
		all = l->freed.items[i] <= LOCK_BOOK;
	if (all)
		lock_ask_queues(l, NULL);
	lock_numbers_add(&l->freed, LOCK_BOOK);
	lock_numbers_add(&l->freed, LOCK_SHARED);
}

int lock_settle(struct locks *l)
{
	if (l->freed.len && l->known.awaited)
		settle_book(l);
	for (size_t i = 0; i < l->freed.len; i++) /* it may grow */
		hand_over(l, l->freed.items[i]);
	l->freed.len = 0;
	return l->failed;
}

int lock_ask_queues(struct locks *l, void *arg)
{
	static const char sql[] = "SELECT DISTINCT resource FROM want";
	CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
	int more;
	while ((more = lock_step(l, &q)) == 1)
		lock_numbers_add(&l->freed, query_get_int(&q, 0));
	return more;
}

int lock_settle_all(struct locks *l)
{
	return lock_transact(l, lock_ask_queues, NULL);
}

/* ---- circles */

/* From a waiter to who is in its way: the holders of what it wants and the one before it in each
 * queue; from these, if they wait too, on. Does that lead back to it? Only who holds something can
 * be in anybody's way, apart from the queue. */
static bool closes_circle(struct locks *l, const struct lock_asker *a, int64_t id)
{
	static const char holds_sql[] =
		"SELECT 1 FROM lock WHERE instance = :instance AND uid = :uid";
	static const char sql[] =
		"WITH RECURSIVE"
		" blocker (waiter, instance, uid) AS ("
		"  SELECT want.waiter, lock.instance, lock.uid FROM want JOIN lock"
		"   ON lock.resource = want.resource OR lock.resource = :book"
		"   OR want.resource = :book"
		"   OR (lock.resource <= :shared) <> (want.resource = :shared)"
		"  UNION ALL"
		"  SELECT want.waiter, w.instance, w.uid FROM want JOIN waiter AS w ON w.id ="
		"   (SELECT max(b.waiter) FROM want AS b WHERE b.resource = want.resource"
		"    AND b.waiter < want.waiter)"
		"  UNION ALL"
		"  SELECT want.waiter, w.instance, w.uid FROM want"
		"   JOIN waiter AS me ON me.id = want.waiter"
		"   JOIN want AS b ON b.waiter < want.waiter AND b.resource <> want.resource"
		"    AND (b.resource = :book OR want.resource = :book"
		"     OR (b.resource = :shared) <> (want.resource = :shared))"
		"   JOIN waiter AS w ON w.id = b.waiter"
		"   WHERE NOT EXISTS (SELECT 1 FROM lock WHERE lock.instance = me.instance"
		"    AND lock.uid = me.uid)),"
		" ahead (instance, uid) AS ("
		"  SELECT instance, uid FROM blocker WHERE waiter = :id"
		"   AND NOT (instance = :instance AND uid = :uid)"
		"  UNION"
		"  SELECT b.instance, b.uid FROM ahead AS a"
		"   JOIN waiter AS w ON w.instance = a.instance AND w.uid = a.uid AND w.state = 0"
		"   JOIN blocker AS b ON b.waiter = w.id)"
		" SELECT 1 FROM ahead WHERE instance = :instance AND uid = :uid LIMIT 1";
	CLEANUP(query_end) struct query h = query_begin(&l->conn, holds_sql);
	query_text(&h, ":instance", a->holder.instance);
	query_int(&h, ":uid", a->holder.uid);
	if (lock_step(l, &h) != 1)
		return false;
	CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
	query_text(&q, ":instance", a->holder.instance);
	query_int(&q, ":uid", a->holder.uid);
	query_int(&q, ":id", id);
	query_int(&q, ":book", LOCK_BOOK);
	query_int(&q, ":shared", LOCK_SHARED);
	return lock_step(l, &q) == 1;
}

/* ---- requests */

struct wait_request {
	struct lock_asker asker;
	int64_t waiter;
	bool died;
	struct lock_refusal *no;
};

static int count_waiters(struct locks *l)
{
	static const char sql[] = "SELECT count(*) FROM waiter";
	CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
	return lock_step(l, &q) == 1 ? (int)query_get_int(&q, 0) : 0;
}

static int queue(struct locks *l, struct wait_request *r)
{
	int64_t id = l->seq + 1;
	if (count_waiters(l) >= WAITERS_MOST)
		return lock_refuse(r->no, -EBUSY, LOCK_REFUSED_NOT, NULL, "%d wait already",
				   WAITERS_MOST);
	int result = add_waiter(l, &r->asker, id);
	if (result < 0)
		return result;
	if (closes_circle(l, &r->asker, id)) {
		run_on(l, unqueue_sql, id);
		run_on(l, forget_sql, id);
		if (r->no) {
			r->no->why = LOCK_REFUSED_CIRCLE;
			err_set(&r->no->err, -EDEADLK, "%s waits for what %s holds",
				r->no->lock.holder.instance, r->asker.holder.instance);
		}
		return -EDEADLK;
	}
	note_waiter(l, &r->asker, id, LOCK_EVENT_WAITING);
	r->waiter = id;
	return 0;
}

static int wait_work(struct locks *l, void *arg)
{
	struct wait_request *r = arg;
	int result = lock_may_take(l, &r->asker, r->no);
	if (result == -EBUSY)
		return queue(l, r);
	if (result == 0)
		result = lock_take(l, &r->asker);
	return result < 0 ? result : 1;
}

int locks_wait(int64_t *waiter, struct locks *l, const struct lock_claim *c,
	       struct lock_refusal *no)
{
	struct lock_refusal own = {0};
	struct wait_request r = {.no = no ? no : &own};
	int result = lock_asker_of(&r.asker, l, c, no);
	if (result == 0)
		result = lock_answer(l, lock_transact(l, wait_work, &r), no);
	if (result == 0) {
		*waiter = r.waiter;
		l->waiting++;
	}
	lock_asker_finish(&r.asker);
	return result;
}

static int find_told(struct wait_request *r, struct locks *l)
{
	static const char sql[] = "SELECT id, state FROM waiter WHERE owner = :owner"
				  " AND state <> 0 ORDER BY id LIMIT 1";
	CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
	query_int(&q, ":owner", live_owner(l->live));
	int more = lock_step(l, &q);
	if (more == 1) {
		r->waiter = query_get_int(&q, 0);
		r->died = query_get_int(&q, 1) == ANCHOR_DIED;
	}
	return more;
}

static int tell(struct locks *l, void *arg)
{
	struct wait_request *r = arg;
	return run_on(l, forget_sql, r->waiter);
}

int locks_wait_next(int64_t *waiter, struct locks *l)
{
	struct wait_request r = {0};
	if (l->waiting == 0 && !l->lost_waiters)
		return 0;
	int result = lock_ready(l);
	if (l->lost_waiters) {
		l->lost_waiters = false;
		return -ENOLCK;
	}
	if (result == 0)
		result = lock_known_look(l);
	if (result == 0 && l->known.told)
		return 0;
	if (result == 0)
		result = find_told(&r, l);
	if (result < 0)
		return result == -ENOLCK ? result : lock_unusable(l, result);
	if (result == 0) {
		l->known.told = true;
		return 0;
	}
	result = lock_transact(l, tell, &r);
	if (result < 0)
		return result;
	l->waiting--;
	*waiter = r.waiter;
	return r.died ? -ECANCELED : 1;
}

static int cancel(struct locks *l, void *arg)
{
	struct wait_request *r = arg;
	CLEANUP(waiter_finish) struct waiter w = {0};
	int more = read_waiter(&w, l, r->waiter);
	if (more != 1 || w.asker.owner != live_owner(l->live))
		return more < 0 ? more : -ENOENT;
	return drop(l, &w);
}

int locks_wait_cancel(struct locks *l, int64_t waiter)
{
	struct wait_request r = {.waiter = waiter};
	int result = lock_transact(l, cancel, &r);
	if (result == 0 && l->waiting > 0)
		l->waiting--;
	return result;
}
