/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "lock_table.h"

#define GRACE_MOST_S 60
/* What two clocks that are read one after the other may differ by. */
#define SLEEP_LEAST_MS 1000

/* ---- events */

int64_t lock_event(struct locks *l, const struct lock_note *n)
{
	static const char sql[] =
		"INSERT INTO event VALUES (:seq, :now, :type, :resource, :instance, :token,"
		" :detail)";
	if (l->seq >= l->reserved) {
		static const char reserved_sql[] = "SELECT reserved FROM meta";
		CLEANUP(query_end) struct query r = query_begin(&l->conn, reserved_sql);
		if (lock_step(l, &r) == 1)
			l->reserved = query_get_int(&r, 0);
		if (l->seq >= l->reserved && !l->failed)
			l->failed = -ERANGE; /* the transaction is done again with more */
	}
	int64_t seq = ++l->seq;
	if (l->failed)
		return seq;
	CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
	query_int(&q, ":seq", seq);
	query_int(&q, ":now", l->now_unix_ms);
	query_int(&q, ":type", n->type);
	query_int(&q, ":resource", n->resource);
	query_text(&q, ":instance", n->instance);
	query_int(&q, ":token", n->token ? n->token : seq);
	query_text(&q, ":detail", n->detail);
	lock_run(l, &q);
	return seq;
}

/* ---- rows */

static void copy_text(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
}

void lock_read_holder(struct lock_holder *out, struct query *q, int first)
{
	*out = (struct lock_holder){.uid = (uid_t)query_get_int(q, first + 1)};
	copy_text(out->instance, sizeof(out->instance), query_string(q, first));
	out->anchor.pid = (pid_t)query_get_int(q, first + 2);
	out->anchor.start_ticks = (uint64_t)query_get_int(q, first + 3);
	out->anchor.pid_namespace = (uint64_t)query_get_int(q, first + 4);
	/* Rows of another boot are void: what is here is of this one. */
	copy_text(out->anchor.boot, sizeof(out->anchor.boot), process_boot());
}

void lock_bind_holder(struct query *q, const struct lock_holder *h)
{
	query_text(q, ":instance", h->instance);
	query_int(q, ":uid", h->uid);
	query_int(q, ":pid", h->anchor.pid);
	query_int(q, ":start", (int64_t)h->anchor.start_ticks);
	query_int(q, ":ns", (int64_t)h->anchor.pid_namespace);
}

#define ROW_COLUMNS                                                                                \
	"resource, " LOCK_HOLDER_COLUMNS ", token, by_name, descriptor, descriptor_owner,"         \
	" descriptor_pid, waiter, acquired_ms, renewed_ms, renewed_boot_ms, ttl_s, reason, "       \
	"behind_ms,"                                                                               \
	" behind"

static int read_row(struct lock_row *out, struct locks *l, struct query *q)
{
	out->resource = query_get_int(q, 0);
	if (!lock_number_name(out->k.resource, out->resource)) {
		if (l->open)
			l->failed = -EBADMSG;
		return -EBADMSG;
	}
	lock_read_holder(&out->k.holder, q, 1);
	out->k.token = query_get_int(q, 6);
	out->k.by_name = query_get_int(q, 7) != 0;
	out->k.descriptor = query_get_int(q, 8);
	out->owner = query_get_int(q, 9);
	out->k.descriptor_pid = (pid_t)query_get_int(q, 10);
	out->waiter = query_get_int(q, 11);
	out->k.acquired_unix_ms = query_get_int(q, 12);
	out->k.renewed_unix_ms = query_get_int(q, 13);
	out->renewed_boot_ms = query_get_int(q, 14);
	out->k.ttl_s = (int)query_get_int(q, 15);
	copy_text(out->k.reason, sizeof(out->k.reason), query_string(q, 16));
	out->k.behind_unix_ms = query_get_int(q, 17);
	copy_text(out->k.behind, sizeof(out->k.behind), query_string(q, 18));
	return 1;
}

int lock_rows_read(struct locks *l, int (*fn)(void *arg, const struct lock_row *row), void *arg)
{
	static const char sql[] = "SELECT " ROW_COLUMNS " FROM lock ORDER BY resource";
	CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
	int more;
	while ((more = lock_step(l, &q)) == 1) {
		struct lock_row row = {0};
		int result = read_row(&row, l, &q);
		if (result == 1)
			result = fn(arg, &row);
		if (result != 0)
			return result;
	}
	return more;
}

/* What a row says at this moment. */
static void copy_row(struct lock_row *out, struct locks *l, const struct lock_row *known)
{
	*out = *known;
	out->k.descriptor_ours = out->k.descriptor && out->owner == live_owner(l->live);
	int64_t now = l->open ? l->now_boot_ms : clock_boot_ms();
	out->k.idle_ms = now > out->renewed_boot_ms ? now - out->renewed_boot_ms : 0;
	out->k.state = lock_is_past(l, out) ? LOCK_STATE_STALE : LOCK_STATE_HELD;
}

int lock_row_get(struct lock_row *out, struct locks *l, int64_t resource)
{
	int result = lock_known_look(l);
	const struct lock_row *known = result < 0 ? NULL : lock_known_from(l, resource);
	if (!known || known->resource != resource)
		return result;
	copy_row(out, l, known);
	return 1;
}

int lock_rows(struct locks *l, int (*fn)(void *arg, struct lock_row *row), void *arg)
{
	const struct lock_row *known;
	struct lock_row row;
	int result = lock_known_look(l);
	for (int64_t from = INT64_MIN; result == 0; from = row.resource + 1) {
		known = lock_known_from(l, from);
		if (!known)
			break;
		copy_row(&row, l, known);
		result = fn(arg, &row);
	}
	return result;
}

/* It is to be somebody's, or another's than it was. */
static void shut_for(struct locks *l, int64_t resource, int64_t token)
{
	const struct lock_row *was = lock_known_from(l, resource);
	bool same = was && was->resource == resource && was->k.token == token;
	if (!l->failed && !same && !lock_guard_shut(l, resource))
		l->failed = -EINPROGRESS;
}

int lock_row_put(struct locks *l, const struct lock_row *row)
{
	static const char sql[] =
		"INSERT OR REPLACE INTO lock (" ROW_COLUMNS ") VALUES (:resource, :instance, :uid,"
		" :pid, :start, :ns, :token, :by_name, :descriptor, :owner, :descriptor_pid,"
		" :waiter, :acquired, :renewed, :renewed_boot, :ttl, :reason, :behind_ms,"
		" :behind)";
	CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
	query_int(&q, ":resource", row->resource);
	lock_bind_holder(&q, &row->k.holder);
	query_int(&q, ":token", row->k.token);
	query_int(&q, ":by_name", row->k.by_name);
	query_int(&q, ":descriptor", row->k.descriptor);
	query_int(&q, ":owner", row->owner);
	query_int(&q, ":descriptor_pid", row->k.descriptor_pid);
	query_int(&q, ":waiter", row->waiter);
	query_int(&q, ":acquired", row->k.acquired_unix_ms);
	query_int(&q, ":renewed", row->k.renewed_unix_ms);
	query_int(&q, ":renewed_boot", row->renewed_boot_ms);
	query_int(&q, ":ttl", row->k.ttl_s);
	query_text(&q, ":reason", row->k.reason);
	query_int(&q, ":behind_ms", row->k.behind_unix_ms);
	query_text(&q, ":behind", row->k.behind);
	shut_for(l, row->resource, row->k.token);
	struct lock_row known = *row;
	lock_number_name(known.k.resource, known.resource);
	copy_text(known.k.holder.anchor.boot, sizeof(known.k.holder.anchor.boot), process_boot());
	lock_known_put(l, &known);
	return lock_run(l, &q);
}

static void note_row(struct locks *l, const struct lock_row *row, enum lock_event_type type,
		     const char *detail)
{
	lock_event(l, &(struct lock_note){.type = type,
					  .resource = row->resource,
					  .instance = row->k.holder.instance,
					  .token = row->k.token,
					  .detail = detail});
}

static bool is_by_force(enum lock_event_type type)
{
	return type == LOCK_EVENT_OVERRIDDEN || type == LOCK_EVENT_BROKEN ||
	       type == LOCK_EVENT_CLEARED;
}

int lock_row_free(struct locks *l, const struct lock_row *row, enum lock_event_type type,
		  const char *detail)
{
	static const char sql[] = "DELETE FROM lock WHERE resource = :resource AND token = :token";
	CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
	query_int(&q, ":resource", row->resource);
	query_int(&q, ":token", row->k.token);
	if (is_by_force(type))
		shut_for(l, row->resource, 0);
	lock_numbers_add(&l->freed, row->resource);
	note_row(l, row, type, detail);
	lock_known_remove(l, row->resource, row->k.token);
	return lock_run(l, &q);
}

int lock_row_lessen(struct locks *l, struct lock_row *row, bool by_name, bool by_descriptor,
		    enum lock_event_type type)
{
	if (!by_name && !by_descriptor)
		return lock_row_free(l, row, type, NULL);
	row->k.by_name = by_name;
	if (!by_descriptor) {
		row->k.descriptor = row->owner = 0;
		row->k.descriptor_pid = 0;
	}
	note_row(l, row, LOCK_EVENT_CHANGED, lock_event_name(type));
	lock_numbers_add(&l->freed, row->resource); /* for one of its holder who waits */
	return lock_row_put(l, row);
}

/* ---- who is dead */

static int64_t slept_now_ms(void)
{
	return clock_boot_ms() - clock_mono_us() / 1000;
}

/* Written down by the first who sees it in a transaction. Until then it seems to be this moment,
 * which errs on the sleeper's side. */
static void note_sleep(struct locks *l, int64_t slept_ms)
{
	static const char sql[] = "UPDATE meta SET slept_ms = :slept, resumed_boot_ms = :now";
	CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
	query_int(&q, ":slept", slept_ms);
	query_int(&q, ":now", l->now_boot_ms);
	lock_run(l, &q);
	l->slept_ms = slept_ms;
}

bool lock_in_grace(struct locks *l, int ttl_s)
{
	static const char sql[] = "SELECT slept_ms, resumed_boot_ms FROM meta";
	int64_t slept_ms = 0, resumed_ms = 0, now_slept_ms = slept_now_ms();
	{
		CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
		if (lock_step(l, &q) == 1) {
			slept_ms = query_get_int(&q, 0);
			resumed_ms = query_get_int(&q, 1);
		}
	}
	if (now_slept_ms - slept_ms > SLEEP_LEAST_MS) {
		if (l->open)
			note_sleep(l, now_slept_ms);
		return true;
	}
	l->slept_ms = slept_ms;
	int grace_s = ttl_s < GRACE_MOST_S ? ttl_s : GRACE_MOST_S;
	int64_t now = l->open ? l->now_boot_ms : clock_boot_ms();
	return resumed_ms > 0 && now - resumed_ms < (int64_t)grace_s * 1000;
}

bool lock_is_past(struct locks *l, const struct lock_row *row)
{
	return row->k.idle_ms >= (int64_t)row->k.ttl_s * 1000 && !lock_in_grace(l, row->k.ttl_s);
}

int lock_row_judge(struct locks *l, struct lock_row *row, bool conflict)
{
	bool by_descriptor = row->k.descriptor && live_is_alive(l->live, row->owner);
	enum process_life life = lock_watch_life(l, &row->k.holder.anchor);
	bool gone = life == PROCESS_DEAD ||
		    (conflict && life == PROCESS_UNKNOWN && row->k.state == LOCK_STATE_STALE);
	bool by_name = row->k.by_name && !gone;
	if (by_name == row->k.by_name && by_descriptor == (row->k.descriptor != 0))
		return 1;
	lock_row_lessen(l, row, by_name, by_descriptor, LOCK_EVENT_EXPIRED);
	return by_name || by_descriptor;
}
