/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "lock_table.h"

#define SWEEP_MS 250 /* as often, whoever asks: it judges every holder */

/* Locks that end otherwise than by their holder's release, or pass to somebody else. */

/* ---- by token */

struct known {
	int64_t resource, token;
};

static int release_known(struct locks *l, void *arg)
{
	const struct known *k = arg;
	struct lock_row row;
	int more = lock_row_get(&row, l, k->resource);
	if (more != 1 || row.k.token != k->token)
		return more < 0 ? more : -ESTALE;
	return lock_row_lessen(l, &row, false, row.k.descriptor != 0, LOCK_EVENT_RELEASED);
}

int locks_release_token(struct locks *l, const char *resource, int64_t token)
{
	struct known k = {lock_number(resource), token};
	return lock_transact(l, release_known, &k);
}

/* ---- descriptors */

struct descriptor {
	int64_t owner, id; /* id 0: all of the owner's */
	struct lock_numbers held;
};

static int gather_descriptor(void *arg, struct lock_row *row)
{
	struct descriptor *d = arg;
	if (row->k.descriptor && row->owner == d->owner && (!d->id || row->k.descriptor == d->id))
		lock_numbers_add(&d->held, row->resource);
	return 0;
}

static int release_descriptors(struct locks *l, void *arg)
{
	struct descriptor *d = arg;
	d->held.len = 0;
	int result = lock_rows(l, gather_descriptor, d);
	for (size_t i = 0; i < d->held.len && result >= 0; i++) {
		struct lock_row row;
		result = lock_row_get(&row, l, d->held.items[i]);
		if (result == 1)
			result =
				lock_row_lessen(l, &row, row.k.by_name, false, LOCK_EVENT_RELEASED);
	}
	return result < 0 ? result : d->held.len ? 0 : -ENOENT;
}

int locks_release_descriptor(struct locks *l, int64_t descriptor)
{
	struct descriptor d = {.owner = live_owner(l->live), .id = descriptor};
	int result = descriptor ? lock_transact(l, release_descriptors, &d) : -ENOENT;
	lock_numbers_finish(&d.held);
	return result;
}

static int leave(struct locks *l, void *arg)
{
	struct descriptor *d = arg;
	int result = release_descriptors(l, d);
	if (result == -ENOENT)
		result = 0;
	return result < 0 ? result : lock_drop_waiters(l, d->owner);
}

int lock_leave(struct locks *l)
{
	struct descriptor d = {.owner = live_owner(l->live)};
	int result = lock_transact(l, leave, &d);
	lock_numbers_finish(&d.held);
	return result;
}

/* ---- the dead */

static int sweep(struct locks *l, void *arg)
{
	CLEANUP(lock_numbers_finish) struct lock_numbers held = {0};
	int result = lock_gather(&held, l, NULL);
	for (size_t i = 0; i < held.len && result >= 0; i++) {
		struct lock_row row;
		result = lock_row_get(&row, l, held.items[i]);
		if (result == 1)
			result = lock_row_judge(l, &row, false);
	}
	if (result >= 0)
		lock_in_grace(l, 0); /* notes that the machine slept */
	if (result >= 0 && l->known.awaited)
		result = lock_ask_queues(l, NULL);
	return result < 0 ? result : lock_drop_waiters(l, 0);
}

int lock_sweep(struct locks *l)
{
	return lock_transact(l, sweep, NULL);
}

int locks_sweep(struct locks *l)
{
	bool ended = !l->loop && live_drain(l->live);
	int64_t now = clock_boot_ms();
	if (!ended && now - l->swept_boot_ms < SWEEP_MS)
		return 0;
	l->swept_boot_ms = now;
	return lock_sweep(l);
}

/* ---- to another holder */

static int transfer(struct locks *l, void *arg)
{
	struct lock_request *r = arg;
	struct lock_row row;
	int64_t resource = r->others.items[0];
	int more = lock_row_get(&row, l, resource);
	if (more == 0)
		return lock_refuse_free(r->no, resource);
	if (more < 0 || !lock_is_of(&row.k, &r->asker.holder))
		return more < 0 ? more : lock_refuse_held(r->no, &row);
	if (row.k.descriptor && lock_row_judge(l, &row, false) == 1 && row.k.descriptor)
		return lock_refuse_descriptor(r->no, &row);
	struct lock_holder to = *r->to, known;
	/* To one who has just died it would be lost at once: he is as good as unknown. */
	if (to.anchor.pid == 0 && locks_holder_named(&known, l, to.instance) == 0 &&
	    known.uid == to.uid && lock_watch_life(l, &known.anchor) != PROCESS_DEAD)
		to.anchor = known.anchor;
	int result = lock_check_id(l, &to, r->no);
	if (result < 0)
		return result;
	row.k.holder = to;
	row.k.behind_unix_ms = 0;
	row.k.behind[0] = '\0';
	row.waiter = 0;
	row.k.acquired_unix_ms = row.k.renewed_unix_ms = l->now_unix_ms;
	row.renewed_boot_ms = l->now_boot_ms;
	row.k.token = lock_event(l, &(struct lock_note){.type = LOCK_EVENT_TRANSFERRED,
							.resource = resource,
							.instance = to.instance,
							.detail = r->asker.holder.instance});
	lock_watch_anchor(l, &to.anchor);
	return lock_row_put(l, &row);
}

int locks_transfer(struct locks *l, const struct lock_holder *h, const char *resource,
		   const struct lock_holder *to, struct lock_refusal *no)
{
	CLEANUP(lock_request_finish) struct lock_request r = {0};
	int result = lock_request_of(&r, h, &resource, 1, no);
	if (result == 0 && !lock_instance_valid(to->instance))
		result = lock_refuse(no, -EINVAL, LOCK_REFUSED_NOT, NULL,
				     "an id is 1 to 63 letters, digits and . _ : @ -");
	r.to = to;
	return result < 0 ? result : lock_request_run(l, transfer, &r);
}

/* ---- by force */

static int break_work(struct locks *l, void *arg)
{
	struct lock_request *r = arg;
	struct lock_row row = {0};
	int more = lock_row_get(&row, l, r->others.items[0]);
	if (more < 0)
		return more;
	if (more == 0 || row.k.token != r->number)
		return lock_refuse(r->no, -ESTALE, LOCK_REFUSED_OLD, more ? &row : NULL,
				   "the token is not %lld any more", (long long)r->number);
	char detail[LOCK_INSTANCE_BYTES + LOCK_REASON_BYTES + 4];
	snprintf(detail, sizeof(detail), "%s: %s", r->asker.holder.instance, r->reason);
	return lock_row_free(l, &row, LOCK_EVENT_BROKEN, detail);
}

int locks_break(struct locks *l, const struct lock_holder *by, const char *resource, int64_t token,
		const char *reason, struct lock_refusal *no)
{
	CLEANUP(lock_request_finish) struct lock_request r = {0};
	int result = lock_request_of(&r, by, &resource, 1, no);
	if (result == 0 && (!reason || !*reason || !lock_reason_valid(reason)))
		result = lock_refuse(no, -EINVAL, LOCK_REFUSED_NOT, NULL,
				     "why? A reason is one line of at most 255 bytes");
	r.number = token;
	r.reason = reason;
	return result < 0 ? result : lock_request_run(l, break_work, &r);
}

/* Clears what is held, or only what is stale; how many. */
static int clear(struct locks *l, struct lock_request *r, bool only_stale)
{
	int result = lock_gather(&r->others, l, NULL), count = 0;
	for (size_t i = 0; i < r->others.len && result >= 0; i++) {
		struct lock_row row;
		result = lock_row_get(&row, l, r->others.items[i]);
		if (result == 1)
			result = lock_row_judge(l, &row, true);
		if (result != 1 || (only_stale && row.k.state != LOCK_STATE_STALE))
			continue;
		result = lock_row_free(l, &row, LOCK_EVENT_CLEARED, r->asker.holder.instance);
		count++;
	}
	return result < 0 ? result : count;
}

static int clear_stale(struct locks *l, void *arg)
{
	return clear(l, arg, true);
}

static int clear_all(struct locks *l, void *arg)
{
	struct lock_request *r = arg;
	if (l->seq != r->number)
		return lock_refuse(r->no, -ESTALE, LOCK_REFUSED_OLD, NULL,
				   "the table has changed since: seq is %lld now",
				   (long long)l->seq);
	return clear(l, r, false);
}

int locks_clear_stale(struct locks *l, const struct lock_holder *by, struct lock_refusal *no)
{
	CLEANUP(lock_request_finish) struct lock_request r = {.asker.holder = *by, .no = no};
	return lock_request_run(l, clear_stale, &r);
}

int locks_clear_all(struct locks *l, const struct lock_holder *by, int64_t seq,
		    struct lock_refusal *no)
{
	CLEANUP(lock_request_finish)
	struct lock_request r = {.asker.holder = *by, .number = seq, .no = no};
	return lock_request_run(l, clear_all, &r);
}
