/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "lock_table.h"

/*
 * Taking and giving back. A set is asked for in two passes within one transaction: the first only
 * judges, and whatever refuses one resource refuses all; the second takes.
 */

/* ---- answers */

int lock_refuse(struct lock_refusal *no, int code, enum lock_refusal_why why,
		const struct lock_row *row, const char *fmt, ...)
{
	if (!no)
		return code;
	*no = (struct lock_refusal){.why = why};
	if (row)
		no->lock = row->k;
	va_list args;
	va_start(args, fmt);
	char msg[sizeof(no->err.msg)];
	vsnprintf(msg, sizeof(msg), fmt, args);
	va_end(args);
	return err_set(&no->err, code, "%s", msg);
}

int lock_answer(struct locks *l, int result, struct lock_refusal *no)
{
	if ((result == -ENOLCK || l->failed) && no)
		*no = (struct lock_refusal){.why = result == -EBUSY ? LOCK_REFUSED_WRITTEN
								    : LOCK_REFUSED_NOT,
					    .err = l->err};
	return result;
}

int lock_refuse_held(struct lock_refusal *no, const struct lock_row *row)
{
	bool stale = row->k.state == LOCK_STATE_STALE;
	return lock_refuse(no, -EBUSY, stale ? LOCK_REFUSED_STALE : LOCK_REFUSED_HELD, row,
			   "%s is held by %s%s", row->k.resource, row->k.holder.instance,
			   stale ? ", which has been idle too long; anybody may remove it" : "");
}

int lock_refuse_descriptor(struct lock_refusal *no, const struct lock_row *row)
{
	return lock_refuse(no, -EBUSY, LOCK_REFUSED_IN_USE, row,
			   "%s is held by an open file of process %d", row->k.resource,
			   (int)row->k.descriptor_pid);
}

int lock_refuse_free(struct lock_refusal *no, int64_t resource)
{
	struct lock_row row = {.resource = resource};
	lock_number_name(row.k.resource, resource);
	return lock_refuse(no, -ENOENT, LOCK_REFUSED_FREE, &row, "%s is not locked",
			   row.k.resource);
}

/* ---- who asks for what */

static int compare_numbers(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* Sorted, each once. */
static int numbers_of(struct lock_numbers *out, const char *const *names, int count,
		      struct lock_refusal *no)
{
	if (count < 0 || count > LOCK_SET_MOST)
		return lock_refuse(no, -EINVAL, LOCK_REFUSED_NOT, NULL,
				   "not more than %d resources at once", LOCK_SET_MOST);
	for (int i = 0; i < count; i++) {
		int64_t number = lock_number(names[i]);
		if (number == 0)
			return lock_refuse(no, -EINVAL, LOCK_REFUSED_NOT, NULL,
					   "%s: there is no such resource", names[i]);
		lock_numbers_add(out, number);
	}
	if (count > 1)
		qsort(out->items, out->len, sizeof(*out->items), compare_numbers);
	size_t kept = 0;
	for (size_t i = 0; i < out->len; i++)
		if (i == 0 || out->items[i] != out->items[kept - 1])
			out->items[kept++] = out->items[i];
	out->len = kept;
	return 0;
}

void lock_asker_finish(struct lock_asker *a)
{
	lock_numbers_finish(&a->set);
}

static int check_texts(const struct lock_holder *h, int ttl_s, const char *reason,
		       struct lock_refusal *no)
{
	const char *wrong = NULL;
	if (!lock_instance_valid(h->instance))
		wrong = "an id is 1 to 63 letters, digits and . _ : @ -";
	else if (ttl_s < 0 || ttl_s > LOCK_TTL_MOST_S)
		wrong = "ttl is 1 second to 31 days";
	else if (reason && !lock_reason_valid(reason))
		wrong = "a reason is one line of at most 255 bytes";
	return wrong ? lock_refuse(no, -EINVAL, LOCK_REFUSED_NOT, NULL, "%s", wrong) : 0;
}

static int share(struct lock_asker *a, struct lock_refusal *no)
{
	if (a->set.len != 1 || a->set.items[0] != LOCK_BOOK)
		return lock_refuse(no, -EINVAL, LOCK_REFUSED_NOT, NULL,
				   "only Book can be shared, and by itself");
	a->set.items[0] = LOCK_SHARED;
	return 0;
}

int lock_asker_of(struct lock_asker *out, struct locks *l, const struct lock_claim *c,
		  struct lock_refusal *no)
{
	*out = (struct lock_asker){
		.holder = *c->holder,
		.was = c->was,
		.owner = live_owner(l->live),
		.descriptor = c->descriptor,
		.descriptor_pid = c->descriptor_pid,
		.ttl_s = c->ttl_s,
		.reason = c->reason,
		.make = c->make,
	};
	int result = check_texts(c->holder, c->ttl_s, c->reason, no);
	if (result == 0 && c->count < 1)
		result = lock_refuse(no, -EINVAL, LOCK_REFUSED_NOT, NULL, "which resource?");
	if (result == 0)
		result = numbers_of(&out->set, c->resources, c->count, no);
	return result == 0 && c->shared ? share(out, no) : result;
}

/* ---- the first pass */

bool lock_is_of(const struct lock *k, const struct lock_holder *h)
{
	return k->holder.uid == h->uid && !strcmp(k->holder.instance, h->instance);
}

bool lock_row_is_mine(const struct lock_row *row, const struct lock_asker *a)
{
	return lock_is_of(&row->k, &a->holder) || (a->was && lock_is_of(&row->k, a->was));
}

static bool same_descriptor(const struct lock_row *row, const struct lock_asker *a)
{
	return row->k.descriptor == a->descriptor && row->owner == a->owner;
}

bool lock_row_admits(struct locks *l, const struct lock_row *row, const struct lock_asker *a)
{
	if (!lock_row_is_mine(row, a))
		return false;
	return !a->descriptor || !row->k.descriptor || same_descriptor(row, a);
}

/* Do they claim one id and cannot be the same? An anchor that is not known contradicts none. */
static bool contradicts(const struct lock_holder *other, const struct lock_holder *me)
{
	if (other->uid != me->uid)
		return true;
	return other->anchor.pid && me->anchor.pid && !process_is(&other->anchor, &me->anchor);
}

static int refuse_id(struct lock_refusal *no, const struct lock_row *row,
		     const struct lock_holder *me)
{
	return lock_refuse(no, -EEXIST, LOCK_REFUSED_ID, row, "%s is the id of process %d%s",
			   me->instance, (int)row->k.holder.anchor.pid,
			   row->k.holder.uid == me->uid ? "" : ", of another user");
}

struct identity {
	struct locks *locks;
	const struct lock_holder *me;
	struct lock_refusal *no;
};

static int check_holder_id(void *arg, struct lock_row *row)
{
	struct identity *i = arg;
	const struct lock_holder *other = &row->k.holder;
	if (strcmp(other->instance, i->me->instance) != 0 || !contradicts(other, i->me))
		return 0;
	return lock_row_judge(i->locks, row, true) ? refuse_id(i->no, row, i->me) : 0;
}

static int check_waiter_ids(struct identity *i)
{
	static const char sql[] = "SELECT " LOCK_HOLDER_COLUMNS
				  " FROM waiter WHERE instance = :instance AND state = 0";
	CLEANUP(query_end) struct query q = query_begin(&i->locks->conn, sql);
	query_text(&q, ":instance", i->me->instance);
	while (lock_step(i->locks, &q) == 1) {
		struct lock_row row = {0};
		lock_read_holder(&row.k.holder, &q, 0);
		if (contradicts(&row.k.holder, i->me) &&
		    process_life(&row.k.holder.anchor) != PROCESS_DEAD)
			return refuse_id(i->no, &row, i->me);
	}
	return 0;
}

/* The id is that of its first holder as long as that lives. */
int lock_check_id(struct locks *l, const struct lock_holder *me, struct lock_refusal *no)
{
	struct identity i = {.locks = l, .me = me, .no = no};
	int result = lock_rows(l, check_holder_id, &i);
	return result == 0 && l->known.awaited ? check_waiter_ids(&i) : result;
}

static int check_row(struct locks *l, struct lock_row *row, const struct lock_asker *a,
		     struct lock_refusal *no)
{
	if (!lock_row_is_mine(row, a))
		return lock_refuse_held(no, row);
	if (!lock_row_admits(l, row, a))
		return lock_refuse_descriptor(no, row);
	if (a->make)
		return lock_refuse(no, -EEXIST, LOCK_REFUSED_MINE, row, "%s is yours already",
				   row->k.resource);
	return 0;
}

/* Free, but is it awaited? Nobody passes those who came before. */
static int check_queue(struct locks *l, int64_t resource, struct lock_refusal *no)
{
	int64_t first = lock_first_waiter(l, resource);
	if (first == 0)
		return 0;
	struct lock_row row = {.resource = resource};
	lock_number_name(row.k.resource, resource);
	lock_waiter_holder(&row.k.holder, l, first);
	return lock_refuse(no, -EBUSY, LOCK_REFUSED_AWAITED, &row, "%s is free, but %s came before",
			   row.k.resource, row.k.holder.instance);
}

static int refuse_share(struct lock_refusal *no, int64_t resource)
{
	char name[LOCK_RESOURCE_BYTES];
	if (!resource)
		return lock_refuse(no, -EBUSY, LOCK_REFUSED_NOT, NULL, "%d share Book already",
				   LOCK_SHARES);
	lock_number_name(name, resource);
	return lock_refuse(no, -EINVAL, LOCK_REFUSED_NOT, NULL,
			   "%s is nobody's share of Book; flock -s on Book gives one", name);
}

/* Not mine, and not yet asked whether all of the book is somebody's. */
static int check_others(struct locks *l, int64_t resource, const struct lock_asker *a,
			struct lock_refusal *no)
{
	struct lock_row row;
	int more = lock_row_get(&row, l, resource);
	if (more == 1 && lock_row_judge(l, &row, true) == 1)
		return check_row(l, &row, a, no);
	if (more == 0 && lock_first_waiter(l, resource) == 0)
		return 0;
	/* It has just become free, or whoever is first may be dead: the queue's turn. */
	lock_numbers_add(&l->freed, resource);
	lock_settle(l);
	more = lock_row_get(&row, l, resource);
	return more == 1 ? check_row(l, &row, a, no) : check_queue(l, resource, no);
}

static int check_resource(struct locks *l, int64_t resource, const struct lock_asker *a,
			  struct lock_refusal *no)
{
	struct lock_row row;
	int64_t at = lock_share_of(l, resource, a);
	int more = at ? lock_row_get(&row, l, at) : 0;
	if (more == 1 && lock_row_admits(l, &row, a))
		return check_row(l, &row, a, no);
	if (!at || (more == 0 && at == resource && lock_is_share(at)))
		return refuse_share(no, at);
	int result = lock_room_check(l);
	if (result == 0)
		result = check_others(l, resource, a, no);
	return result == 0 ? lock_check_book(l, resource, a, no) : result;
}

int lock_may_take(struct locks *l, const struct lock_asker *a, struct lock_refusal *no)
{
	int result = lock_check_id(l, &a->holder, no);
	for (size_t i = 0; i < a->set.len && result == 0 && !l->failed; i++)
		result = check_resource(l, a->set.items[i], a, no);
	return result;
}

/* ---- the second */

static void renew_row(struct locks *l, struct lock_row *row, const struct lock_asker *a)
{
	row->k.holder.uid = a->holder.uid;
	memcpy(row->k.holder.instance, a->holder.instance, sizeof(row->k.holder.instance));
	if (a->holder.anchor.pid)
		row->k.holder.anchor = a->holder.anchor;
	row->k.renewed_unix_ms = l->now_unix_ms;
	row->renewed_boot_ms = l->now_boot_ms;
	if (a->ttl_s)
		row->k.ttl_s = a->ttl_s;
	if (a->reason)
		snprintf(row->k.reason, sizeof(row->k.reason), "%s", a->reason);
}

static void hold_by(struct lock_row *row, const struct lock_asker *a)
{
	if (!a->descriptor) {
		row->k.by_name = true;
		return;
	}
	row->k.descriptor = a->descriptor;
	row->k.descriptor_pid = a->descriptor_pid;
	row->owner = a->owner;
}

static int take_one(struct locks *l, int64_t resource, const struct lock_asker *a)
{
	struct lock_row row = {.k = {.ttl_s = LOCK_TTL_S, .acquired_unix_ms = l->now_unix_ms}};
	struct lock_note note = {.type = LOCK_EVENT_ACQUIRED,
				 .resource = resource,
				 .instance = a->holder.instance,
				 .detail = a->reason};
	int more = lock_row_get(&row, l, resource);
	if (more < 0)
		return more;
	if (more == 1) {
		note.type = LOCK_EVENT_RENEWED;
		note.token = row.k.token;
	}
	row.resource = resource;
	renew_row(l, &row, a);
	hold_by(&row, a);
	row.waiter = a->waiter;
	int64_t seq = lock_event(l, &note);
	if (more == 0)
		row.k.token = seq;
	return lock_row_put(l, &row);
}

int lock_take(struct locks *l, const struct lock_asker *a)
{
	int result = 0;
	for (size_t i = 0; i < a->set.len && result == 0; i++)
		result = take_one(l, lock_share_of(l, a->set.items[i], a), a);
	if (result == 0)
		lock_watch_anchor(l, &a->holder.anchor);
	return result;
}

/* ---- a whole request */

void lock_request_finish(struct lock_request *r)
{
	lock_asker_finish(&r->asker);
	lock_numbers_finish(&r->others);
}

int lock_request_run(struct locks *l, lock_work_fn work, struct lock_request *r)
{
	return lock_answer(l, lock_transact(l, work, r), r->no);
}

int lock_request_of(struct lock_request *r, const struct lock_holder *h,
		    const char *const *resources, int count, struct lock_refusal *no)
{
	*r = (struct lock_request){.asker.holder = *h, .all = count == 0, .no = no};
	return numbers_of(&r->others, resources, count, no);
}

static int acquire(struct locks *l, void *arg)
{
	struct lock_request *r = arg;
	int result = lock_may_take(l, &r->asker, r->no);
	return result < 0 ? result : lock_take(l, &r->asker);
}

int locks_acquire(struct locks *l, const struct lock_claim *c, struct lock_refusal *no)
{
	CLEANUP(lock_request_finish) struct lock_request r = {.no = no};
	int result = lock_asker_of(&r.asker, l, c, no);
	return result < 0 ? result : lock_request_run(l, acquire, &r);
}

/* ---- giving back */

/* 1 and *row: it is held, by me or (stale) by anybody; else a refusal. */
static int check_removal(struct lock_row *row, struct locks *l, int64_t resource,
			 const struct lock_holder *h, struct lock_refusal *no)
{
	int more = lock_row_get(row, l, resource);
	if (more < 0)
		return more;
	bool mine = more == 1 && lock_is_of(&row->k, h);
	if (more == 1 && (!mine || row->k.descriptor))
		more = lock_row_judge(l, row, false); /* one past its ttl is overridden, not gone */
	if (more == 0)
		return lock_refuse_free(no, resource);
	if (!mine && row->k.state != LOCK_STATE_STALE)
		return lock_refuse_held(no, row);
	return mine && row->k.descriptor ? lock_refuse_descriptor(no, row) : 1;
}

static int remove_one(struct locks *l, int64_t resource, const struct lock_holder *h)
{
	struct lock_row row;
	int more = lock_row_get(&row, l, resource);
	if (more != 1)
		return more;
	if (lock_is_of(&row.k, h))
		return lock_row_free(l, &row, LOCK_EVENT_RELEASED, NULL);
	return lock_row_free(l, &row, LOCK_EVENT_OVERRIDDEN, h->instance);
}

static int remove_set(struct locks *l, const struct lock_numbers *set, const struct lock_holder *h,
		      struct lock_refusal *no)
{
	struct lock_row row;
	int result = 1;
	for (size_t i = 0; i < set->len && result == 1; i++)
		result = check_removal(&row, l, set->items[i], h, no);
	if (result < 0)
		return result;
	for (size_t i = 0; i < set->len; i++)
		remove_one(l, set->items[i], h);
	return 0;
}

static int remove_work(struct locks *l, void *arg)
{
	struct lock_request *r = arg;
	return remove_set(l, &r->others, &r->asker.holder, r->no);
}

int locks_remove(struct locks *l, const struct lock_holder *h, const char *resource,
		 struct lock_refusal *no)
{
	CLEANUP(lock_request_finish) struct lock_request r = {.asker.holder = *h, .no = no};
	int result = numbers_of(&r.others, &resource, 1, no);
	return result < 0 ? result : lock_request_run(l, remove_work, &r);
}

/* Judged both before either is done: what refuses one refuses all. */
static int exchange(struct locks *l, void *arg)
{
	struct lock_request *r = arg;
	struct lock_row row;
	int result = lock_may_take(l, &r->asker, r->no);
	for (size_t i = 0; i < r->others.len && result >= 0; i++)
		result = check_removal(&row, l, r->others.items[i], &r->asker.holder, r->no);
	if (result < 0)
		return result;
	result = lock_take(l, &r->asker);
	return result < 0 ? result : remove_set(l, &r->others, &r->asker.holder, r->no);
}

int locks_exchange(struct locks *l, const struct lock_claim *take, const struct lock_holder *holder,
		   const char *const *remove, int count, struct lock_refusal *no)
{
	CLEANUP(lock_request_finish) struct lock_request r = {.asker.holder = *holder, .no = no};
	int result = take ? lock_asker_of(&r.asker, l, take, no) : 0;
	if (result == 0)
		result = numbers_of(&r.others, remove, count, no);
	return result < 0 ? result : lock_request_run(l, exchange, &r);
}

/* ---- all of mine, or some */

struct gathering {
	struct lock_numbers *out;
	const struct lock_holder *of; /* NULL: of anybody */
};

static int gather(void *arg, struct lock_row *row)
{
	struct gathering *g = arg;
	if (!g->of || lock_is_of(&row->k, g->of))
		lock_numbers_add(g->out, row->resource);
	return 0;
}

int lock_gather(struct lock_numbers *out, struct locks *l, const struct lock_holder *of)
{
	struct gathering g = {out, of};
	out->len = 0;
	return lock_rows(l, gather, &g);
}

static int check_mine(struct lock_row *row, struct locks *l, int64_t resource,
		      const struct lock_holder *h, struct lock_refusal *no)
{
	int more = lock_row_get(row, l, resource);
	if (more == 1 && !lock_is_of(&row->k, h))
		more = lock_row_judge(l, row, true);
	if (more <= 0)
		return more < 0 ? more : lock_refuse_free(no, resource);
	return lock_is_of(&row->k, h) ? 0 : lock_refuse_held(no, row);
}

/* Fills others if none was named; then all of them must be mine. */
static int find_mine(struct locks *l, struct lock_request *r)
{
	struct lock_row row;
	if (r->all)
		return lock_gather(&r->others, l, &r->asker.holder);
	int result = 0;
	for (size_t i = 0; i < r->others.len; i++)
		if (r->others.items[i] == LOCK_BOOK)
			r->others.items[i] = lock_book_of(l, &r->asker.holder);
	for (size_t i = 0; i < r->others.len && result == 0; i++)
		result = check_mine(&row, l, r->others.items[i], &r->asker.holder, r->no);
	return result;
}

static int renew(struct locks *l, void *arg)
{
	struct lock_request *r = arg;
	int result = find_mine(l, r);
	for (size_t i = 0; i < r->others.len && result == 0; i++) {
		struct lock_row row;
		result = lock_row_get(&row, l, r->others.items[i]);
		if (result != 1)
			break;
		renew_row(l, &row, &r->asker);
		lock_event(l, &(struct lock_note){.type = LOCK_EVENT_RENEWED,
						  .resource = row.resource,
						  .instance = row.k.holder.instance,
						  .token = row.k.token});
		result = lock_row_put(l, &row);
	}
	return result < 0 ? result : (int)r->others.len;
}

int locks_renew(struct locks *l, const struct lock_holder *h, const char *const *resources,
		int count, int ttl_s, const char *reason, struct lock_refusal *no)
{
	CLEANUP(lock_request_finish) struct lock_request r = {0};
	int result = check_texts(h, ttl_s, reason, no);
	if (result == 0)
		result = lock_request_of(&r, h, resources, count, no);
	r.asker.ttl_s = ttl_s;
	r.asker.reason = reason;
	return result < 0 ? result : lock_request_run(l, renew, &r);
}

/* Without a name, what a descriptor holds too stays with it. */
static int release_one(struct locks *l, struct lock_request *r, int64_t resource)
{
	struct lock_row row;
	int more = lock_row_get(&row, l, resource);
	if (more != 1 || (r->all && !row.k.by_name))
		return more < 0 ? more : 0;
	lock_row_lessen(l, &row, false, row.k.descriptor != 0, LOCK_EVENT_RELEASED);
	return 1;
}

static int release(struct locks *l, void *arg)
{
	struct lock_request *r = arg;
	struct lock_row row;
	int result = find_mine(l, r), count = 0;
	for (size_t i = 0; i < r->others.len && result >= 0 && !r->all; i++)
		result = check_removal(&row, l, r->others.items[i], &r->asker.holder, r->no);
	for (size_t i = 0; i < r->others.len && result >= 0; i++) {
		result = release_one(l, r, r->others.items[i]);
		count += result == 1;
	}
	return result < 0 ? result : count;
}

int locks_release(struct locks *l, const struct lock_holder *h, const char *const *resources,
		  int count, struct lock_refusal *no)
{
	CLEANUP(lock_request_finish) struct lock_request r = {0};
	int result = lock_request_of(&r, h, resources, count, no);
	return result < 0 ? result : lock_request_run(l, release, &r);
}
