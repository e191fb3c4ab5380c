/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "lock_table.h"

/*
 * Book: all of it. Who holds it alone excludes every other holder of anything. Who shares it, as a
 * compiler does that reads the whole, excludes every other writer, and nobody who shares it, too.
 *
 * A share is a row like any other, Book.1 to Book.64, so it ends with its holder or its descriptor,
 * is shown, goes stale and is taken away as any lock is. Which of them he gets is nobody's choice:
 * a claim names LOCK_SHARED, and that is what stands in the queue.
 *
 * What waits for the book would wait for ever beside others who come and take a chapter each. So
 * who comes later and holds nothing waits behind it. Who holds something goes on, as the book waits
 * for him; would he wait for it in his turn, neither came to an end.
 */

bool lock_is_share(int64_t number)
{
	return number <= LOCK_SHARED;
}

bool lock_conflict(int64_t a, int64_t b)
{
	if (lock_is_share(a) && lock_is_share(b))
		return a == b && a != LOCK_SHARED;
	return a == b || a == LOCK_BOOK || b == LOCK_BOOK || lock_is_share(a) || lock_is_share(b);
}

/* ---- which share */

/* One of mine that this claim is about. */
static bool is_claimed(const struct lock_row *row, const struct lock_asker *a)
{
	if (!lock_row_is_mine(row, a))
		return false;
	return row->k.descriptor == a->descriptor && (!a->descriptor || row->owner == a->owner);
}

int64_t lock_share_of(struct locks *l, int64_t resource, const struct lock_asker *a)
{
	struct lock_row row;
	int64_t free = 0;
	if (resource != LOCK_SHARED)
		return resource;
	for (int64_t at = LOCK_FIRST_SHARE; at < LOCK_SHARED; at++) {
		if (lock_row_get(&row, l, at) == 1) {
			if (is_claimed(&row, a))
				return at;
		} else if (!free) {
			free = at;
		}
	}
	return free;
}

int64_t lock_book_of(struct locks *l, const struct lock_holder *h)
{
	struct lock_row row;
	if (lock_row_get(&row, l, LOCK_BOOK) == 1 && lock_is_of(&row.k, h))
		return LOCK_BOOK;
	for (int64_t at = LOCK_FIRST_SHARE; at < LOCK_SHARED; at++)
		if (lock_row_get(&row, l, at) == 1 && row.k.by_name && lock_is_of(&row.k, h))
			return at;
	return LOCK_BOOK;
}

/* ---- what stands in the way */

struct opposition {
	struct locks *locks;
	int64_t resource;
	const struct lock_asker *asker;
	struct lock_row *found;
	bool judge; /* what is dead goes */
};

static int look_at(void *arg, struct lock_row *row)
{
	struct opposition *k = arg;
	bool others = k->resource != LOCK_BOOK && !lock_is_share(k->resource);
	if (others && row->resource > LOCK_BOOK)
		return 1; /* those behind it are parts of the book */
	if (row->resource == k->resource || !lock_conflict(row->resource, k->resource) ||
	    lock_row_is_mine(row, k->asker))
		return 0;
	if (k->judge && lock_row_judge(k->locks, row, true) != 1)
		return 0;
	*k->found = *row;
	return 1;
}

static bool is_opposed(struct lock_row *found, struct locks *l, int64_t resource,
		       const struct lock_asker *a, bool judge)
{
	struct opposition k = {l, resource, a, found, judge};
	found->resource = 0;
	return lock_rows(l, look_at, &k) == 1 && found->resource;
}

static int holds_any(void *arg, struct lock_row *row)
{
	return lock_row_is_mine(row, arg);
}

/* The first that came before the asker for what excludes his, of another's queue than his own; 0:
 * there is none, or he need not wait for it. */
static int64_t waiter_ahead(struct locks *l, int64_t resource, const struct lock_asker *a)
{
	static const char sql[] =
		"SELECT want.waiter FROM want JOIN waiter ON waiter.id = want.waiter"
		" WHERE want.resource <> :resource"
		" AND (want.resource = :book OR :resource = :book"
		"  OR (want.resource = :shared) <> (:resource = :shared))"
		" AND (:id = 0 OR want.waiter < :id)"
		" AND NOT (waiter.instance = :instance AND waiter.uid = :uid)"
		" ORDER BY want.waiter LIMIT 1";
	if ((l->open && !l->known.awaited) || lock_rows(l, holds_any, (void *)a) == 1)
		return 0;
	CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
	query_int(&q, ":resource", resource);
	query_int(&q, ":book", LOCK_BOOK);
	query_int(&q, ":shared", LOCK_SHARED);
	query_int(&q, ":id", a->waiter);
	query_text(&q, ":instance", a->holder.instance);
	query_int(&q, ":uid", a->holder.uid);
	return lock_step(l, &q) == 1 ? query_get_int(&q, 0) : 0;
}

bool lock_book_admits(struct locks *l, int64_t resource, const struct lock_asker *a)
{
	struct lock_row row;
	return !is_opposed(&row, l, resource, a, false) && !waiter_ahead(l, resource, a);
}

static int refuse_awaited(struct lock_refusal *no, struct locks *l, int64_t resource,
			  int64_t waiter)
{
	struct lock_row row = {.resource = resource};
	lock_number_name(row.k.resource, resource);
	lock_waiter_holder(&row.k.holder, l, waiter);
	return lock_refuse(no, -EBUSY, LOCK_REFUSED_AWAITED, &row,
			   "%s is free, but %s came before, for what it is a part of",
			   row.k.resource, row.k.holder.instance);
}

int lock_check_book(struct locks *l, int64_t resource, const struct lock_asker *a,
		    struct lock_refusal *no)
{
	struct lock_row row;
	bool opposed = is_opposed(&row, l, resource, a, true);
	if (!opposed && waiter_ahead(l, resource, a)) /* or is he dead? */
		lock_ask_queues(l, NULL);
	if (!opposed && l->freed.len) {
		lock_settle(l);
		opposed = is_opposed(&row, l, resource, a, true);
	}
	if (opposed)
		return lock_refuse_held(no, &row);
	int64_t ahead = waiter_ahead(l, resource, a);
	return ahead ? refuse_awaited(no, l, resource, ahead) : 0;
}

/* ---- what is over a part of it */

struct over {
	struct locks *locks;
	int64_t resource;
	struct lock_row best; /* resource 0: there is none */
	bool several;	      /* share it */
	bool dead;	      /* one of them is */
};

/* Those that can be there at once, but for shares, are one holder's. The resource's own comes last.
 */
static int note_over(void *arg, struct lock_row *row)
{
	struct over *o = arg;
	struct lock_row *best = &o->best;
	if (!lock_conflict(row->resource, o->resource))
		return 0;
	if (row->k.by_name && lock_watch_life(o->locks, &row->k.holder.anchor) == PROCESS_DEAD)
		o->dead = true;
	bool both = lock_is_share(row->resource) && best->resource;
	o->several |= both && !lock_is_of(&row->k, &best->k.holder);
	if (!both || row->k.token > best->k.token)
		*best = *row;
	return 0;
}

static int look_over(struct over *o, struct locks *l, int64_t resource)
{
	*o = (struct over){.locks = l, .resource = resource};
	return lock_rows(l, note_over, o);
}

/* Whoever asks is not alone in it. */
static void be_several(struct lock *k)
{
	char instance[LOCK_INSTANCE_BYTES];
	snprintf(instance, sizeof(instance), "%.40s and others", k->holder.instance);
	k->holder = (struct lock_holder){.uid = (uid_t)-1};
	snprintf(k->holder.instance, sizeof(k->holder.instance), "%s", instance);
}

int locks_over(struct lock *out, struct locks *l, const char *resource)
{
	struct over o = {0};
	int64_t number = lock_number(resource);
	int result = lock_ready(l);
	if (result == 0)
		result = look_over(&o, l, number);
	if (result == 0 && o.dead) {
		result = lock_sweep(l);
		if (result == 0)
			result = look_over(&o, l, number);
	}
	if (result < 0)
		return result == -ENOLCK ? result : lock_unusable(l, result);
	if (!o.best.resource)
		return -ENOENT;
	*out = o.best.k;
	if (o.several && lock_is_share(o.best.resource))
		be_several(out);
	return 0;
}

/* ---- who had it meanwhile */

struct takers {
	char (*ids)[LOCK_INSTANCE_BYTES];
	size_t len, cap;
};

static void takers_finish(struct takers *t)
{
	free(t->ids);
}

static void add_taker(struct takers *t, const char *id)
{
	t->ids = xgrow(t->ids, &t->cap, t->len + 1, sizeof(*t->ids));
	snprintf(t->ids[t->len++], sizeof(*t->ids), "%s", id);
}

/* Of resource 0 is what made all locks void, and names nobody. */
static int find_takers(struct takers *out, struct locks *l, int64_t resource, int64_t after,
		       int64_t token)
{
	static const char sql[] = "SELECT DISTINCT resource, instance FROM event"
				  " WHERE seq > :after AND seq <= :seen"
				  " AND type IN (:acquired, :transferred, :voided)"
				  " AND (token <> :token OR resource = 0)";
	CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
	query_int(&q, ":after", after);
	query_int(&q, ":seen", l->known.seq);
	query_int(&q, ":acquired", LOCK_EVENT_ACQUIRED);
	query_int(&q, ":transferred", LOCK_EVENT_TRANSFERRED);
	query_int(&q, ":voided", LOCK_EVENT_VOIDED);
	query_int(&q, ":token", token);
	int more;
	while ((more = lock_step(l, &q)) == 1) {
		int64_t taken = query_get_int(&q, 0);
		if (taken == 0 || lock_conflict(taken, resource))
			add_taker(out, query_string(&q, 1));
	}
	return more;
}

static int is_kept(struct locks *l, int64_t seq)
{
	static const char sql[] = "SELECT 1 FROM event WHERE seq = :seq";
	CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
	query_int(&q, ":seq", seq);
	return lock_step(l, &q);
}

/* Events go from the oldest on: while the one at `after` is there, so is all that came after it. */
static int takers_since(struct takers *out, struct locks *l, int64_t resource, int64_t after,
			int64_t token)
{
	int result = find_takers(out, l, resource, after, token);
	int kept = result < 0 ? result : is_kept(l, after);
	if (kept == 0)
		add_taker(out, "");
	return kept < 0 ? lock_unusable(l, kept) : 0;
}

/* fn may look at the table, so all of them are read before. */
int locks_takers(int64_t *seq, struct locks *l, const char *resource, int64_t token,
		 void (*fn)(void *arg, const char *instance), void *arg)
{
	CLEANUP(takers_finish) struct takers t = {0};
	int64_t after = *seq, seen = l->known.seq;
	int result = after == 0 || after == seen
			     ? 0
			     : takers_since(&t, l, lock_number(resource), after, token);
	if (result < 0)
		return result;
	*seq = seen;
	for (size_t i = 0; i < t.len; i++)
		fn(arg, t.ids[i]);
	return 0;
}
