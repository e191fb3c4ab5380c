/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cover.h"
#include "lock.h"

/* A touch right after another says nothing new. */
enum { RENEWED_ALREADY_MS = 1000 };

/* ---- refusals */

int lockfs_refused(struct lockfs *l, fuse_req_t req, const char *name, int code, const char *reason)
{
	struct caller caller;

	caller_find(&caller, fuse_req_ctx(req));
	why_remember(l->why, &caller, 0, name, code, reason ? reason : strerror(-code));
	why_remember_with(l->fs->why, &caller, l->folders[LOCK_LOCKS].ino, name, code,
			  reason ? reason : strerror(-code), "cat locks/.why says more");
	return code;
}

void lockfs_settled(struct lockfs *l, fuse_req_t req, const char *name)
{
	why_settle_by(l->why, req, 0, name, false);
	why_settle_by(l->fs->why, req, l->folders[LOCK_LOCKS].ino, name, false);
}

static void add_time(struct buf *out, const char *label, int64_t unix_ms)
{
	char when[ISO_TIME_BYTES];

	clock_iso(when, unix_ms);
	buf_addf(out, "%s%s", label, when);
}

static void add_holder(struct buf *out, const struct lock *k)
{
	buf_addf(out, "%s is held by %s", k->resource, k->holder.instance);
	if (k->holder.anchor.pid)
		buf_addf(out, " (pid %d)", (int)k->holder.anchor.pid);
	if (k->descriptor)
		buf_addf(out, " through a file that pid %d has open", (int)k->descriptor_pid);
	add_time(out, " since ", k->acquired_unix_ms);
	add_time(out, ", renewed ", k->renewed_unix_ms);
	if (k->state == LOCK_STATE_STALE)
		buf_addf(out, ": stale, as it was not renewed for %d s", k->ttl_s);
	if (k->reason[0])
		buf_addf(out, ", reason: %s", k->reason);
	buf_addc(out, '\n');
}

/* What there is to do about it: the three commands. */
static void add_ways(struct buf *out, const struct lockfs *l, const struct lock *k,
		     const char *name)
{
	const char *dir = l->fs->options->dir;
	/* What was wanted may be a part of what is held. */
	const char *wanted = name && lockfs_number(l, name) >= 0 ? name : k->resource;

	buf_addf(out,
		 "wait:     cat %s/locks/.wait/%s   (or: flock -w 120 %s/locks/.all/%s COMMAND)\n",
		 dir, k->resource, dir, wanted);
	buf_adds(out, "cancel:   nothing to do; nothing of yours was taken\n");
	if (k->state == LOCK_STATE_STALE)
		buf_addf(out, "override: rm %s/locks/%s\n", dir, k->resource);
	else
		buf_addf(out,
			 "override: echo 'break %s token=%lld reason=\"WHY\"' > %s/locks/.ctl\n",
			 k->resource, (long long)k->token, dir);
}

void lockfs_describe(struct buf *out, const struct lockfs *l, const struct lock *k,
		     const char *wanted)
{
	add_holder(out, k);
	add_ways(out, l, k, wanted);
}

/* One line; and why nobody can tell who holds what. */
static void say(struct err *out, const struct lockfs *l, int code, const struct lock_refusal *no)
{
	const char *why = l->table ? locks_reason(l->table) : l->no_table.msg;

	err_set(out, code, "%s", no->err.msg[0] ? no->err.msg : strerror(-code));
	if (code == -ENOLCK && why[0] && !strstr(out->msg, why))
		err_set(out, code, "%s: %s", no->err.msg, why);
}

int lockfs_refused_by(struct lockfs *l, fuse_req_t req, const char *name, int code,
		      const struct lock_refusal *no)
{
	CLEANUP(buf_finish) struct buf text = {0};
	const struct lock *k = &no->lock;
	struct caller caller;
	struct err said;

	if (no->why == LOCK_REFUSED_WRITTEN)
		code = again_may(l->fs->again, req);
	if (code == -EINPROGRESS)
		return code;
	say(&said, l, code, no);
	switch (no->why) {
	case LOCK_REFUSED_HELD:
	case LOCK_REFUSED_STALE:
	case LOCK_REFUSED_IN_USE:
	case LOCK_REFUSED_CIRCLE:
	case LOCK_REFUSED_OLD:
		buf_addf(&text, "%s\n", said.msg);
		if (k->resource[0] && k->holder.instance[0])
			lockfs_describe(&text, l, k, name);
		break;
	default:
		buf_addf(&text, "%s\n", said.msg);
	}
	caller_find(&caller, fuse_req_ctx(req));
	why_remember(l->why, &caller, 0, name, code, buf_str(&text));
	why_remember_with(l->fs->why, &caller, l->folders[LOCK_LOCKS].ino, name, code, said.msg,
			  "cat locks/.why says more");
	return code;
}

static int refused_table(struct lockfs *l, fuse_req_t req, const char *name)
{
	return lockfs_refused(l, req, name, -ENOLCK,
			      l->no_table.msg[0] ? l->no_table.msg
						 : "the lock table cannot be used");
}

void lockfs_note_behind(struct lockfs *l, const char *path)
{
	char resource[LOCK_RESOURCE_BYTES];

	if (l->table && cover_of(resource, l->fs->pass ? pass_rules(l->fs->pass) : NULL, path))
		locks_note_behind(l->table, resource, path);
}

static bool is_above(struct lockfs *l, fuse_req_t req, const struct lock *k)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	return holder_is_above(l->holders, &k->holder, ctx->pid, ctx->uid);
}

/* What was done to what is his, by whom no mount could refuse. */
static void add_changes_behind(struct buf *out, struct lockfs *l, fuse_req_t req)
{
	CLEANUP(lock_list_finish) struct lock_list list = {0};
	char when[ISO_TIME_BYTES];
	struct holder me;

	if (lockfs_read(&list, l) < 0 || lockfs_who(&me, l, req, NULL) < 0)
		return;
	for (size_t i = 0; i < list.len; i++) {
		const struct lock *k = &list.items[i];

		if (!k->behind_unix_ms || !(lock_is_of(k, &me.as) || is_above(l, req, k)))
			continue;
		clock_iso(when, k->behind_unix_ms);
		buf_addf(out,
			 "%s, which is yours, was changed behind the mount at %s: %s; read it "
			 "again\n",
			 k->resource, when, k->behind);
	}
}

int lockfs_why_text(struct buf *out, struct lockfs *l, fuse_req_t req)
{
	struct caller caller;
	const char *reason;

	add_changes_behind(out, l, req);
	caller_find(&caller, fuse_req_ctx(req));
	reason = why_reason(l->why, &caller);
	if (!reason && !lockfs_table(l))
		return buf_addf(out, "locks cannot be used: %s\n", l->no_table.msg);
	if (!reason && out->len)
		return buf_error(out);
	if (!reason)
		return buf_adds(out, "nothing of yours was refused here\n");
	buf_adds(out, reason);
	return out->len && out->data[out->len - 1] == '\n' ? 0 : buf_addc(out, '\n');
}

/* ---- who asks */

int lockfs_who(struct holder *out, struct lockfs *l, fuse_req_t req, const struct lock_words *words)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct err err = {0};
	int r = holder_find(out, l->holders, l->table, ctx->pid, ctx->uid, words ? words->id : NULL,
			    words ? words->pid : 0, &err);

	return r < 0 ? lockfs_refused(l, req, NULL, r, err.msg) : 0;
}

/* One process tree may hold locks under several ids: which of them he is the lock itself says. */
static int who_has(struct lock_holder *out, struct lockfs *l, fuse_req_t req, const struct lock *k)
{
	struct holder me;
	int r = lockfs_who(&me, l, req, NULL);

	if (r < 0)
		return r;
	*out = lock_is_of(k, &me.as) || !is_above(l, req, k) ? me.as : k->holder;
	return 0;
}

int lockfs_who_of(struct lock_holder *out, struct lockfs *l, fuse_req_t req, const char *resource)
{
	struct lock k = {0};

	if (lockfs_now(&k, l, resource) < 0)
		k.holder.uid = (uid_t)-1;
	return who_has(out, l, req, &k);
}

int lockfs_me_text(struct buf *out, struct lockfs *l, fuse_req_t req)
{
	static const char *const rules[] = {
		[HOLDER_WRITTEN] = "1, the id that was written",
		[HOLDER_ENVIRONMENT] = "2, BOOKFS_INSTANCE in your environment",
		[HOLDER_ANCESTOR] = "3, an ancestor of yours holds a lock or waits for one",
		[HOLDER_NEW] = "4, nobody yet: you would be a new holder",
	};
	struct holder me;
	int r = lockfs_who(&me, l, req, NULL);

	if (r < 0)
		return r;
	buf_addf(out, "instance: %s\nuid: %u\nrule: %s\n", me.as.instance, (unsigned)me.as.uid,
		 rules[me.rule]);
	if (me.as.anchor.pid)
		buf_addf(out, "lives with: pid %d, %s\n", (int)me.as.anchor.pid, me.because);
	else
		buf_addf(out, "lives with: no process; %s\n", me.because);
	if (me.id_is_none)
		buf_addf(out, "your BOOKFS_INSTANCE is not used: %s\n", LOCK_INSTANCE_RULE);
	return buf_error(out);
}

/* ---- taking and giving back */

static const char *const *items(const struct strv *names)
{
	return (const char *const *)names->items;
}

int lockfs_take(struct lock_holder *as, struct lockfs *l, fuse_req_t req, const struct strv *names,
		bool make)
{
	struct lock_refusal no = {0};
	struct lock_claim claim = {
		.resources = items(names),
		.count = (int)names->len,
		.make = make,
	};
	struct holder me;
	int r;

	if (!lockfs_table(l))
		return refused_table(l, req, names->items[0]);
	r = lockfs_who(&me, l, req, NULL);
	if (r < 0)
		return r;
	claim.holder = &me.as;
	r = locks_acquire(l->table, &claim, &no);
	if (r < 0)
		return lockfs_refused_by(l, req, names->items[0], r, &no);
	lockfs_settled(l, req, names->items[0]);
	*as = me.as;
	return 0;
}

static bool is_fresh(const struct lock *k, const struct lock_holder *as)
{
	return lock_is_of(k, as) && k->by_name && k->idle_ms < RENEWED_ALREADY_MS;
}

int lockfs_renew(struct lock_holder *as, struct lock *first, struct lockfs *l, fuse_req_t req,
		 const struct strv *names, int ttl_s)
{
	struct lock_refusal no = {0};
	struct lock_claim claim = {
		.resources = items(names),
		.count = (int)names->len,
		.holder = as,
		.ttl_s = ttl_s,
	};
	bool fresh = !ttl_s;
	struct lock k;
	int r = 0;

	if (!lockfs_table(l))
		return refused_table(l, req, names->items[0]);
	for (size_t i = 0; r == 0 && i < names->len; i++) {
		/* It was looked up a moment ago. What went since then is not to be taken anew. */
		if (lockfs_now(&k, l, names->items[i]) < 0)
			return -ESTALE;
		if (i == 0) {
			*first = k;
			r = who_has(as, l, req, &k);
		}
		fresh = fresh && r == 0 && is_fresh(&k, as);
	}
	if (r < 0 || fresh)
		return r;
	/* A claim and not a mere renewal: what only a descriptor of mine held is mine by name too
	 * from now on, as a touch promises. */
	r = locks_acquire(l->table, &claim, &no);
	if (r < 0)
		return lockfs_refused_by(l, req, names->items[0], r, &no);
	lockfs_settled(l, req, names->items[0]);
	return 0;
}

int lockfs_give_back(struct lockfs *l, fuse_req_t req, const struct strv *names)
{
	struct lock_refusal no = {0};
	struct lock_holder as;
	int r;

	if (!lockfs_table(l))
		return refused_table(l, req, names->items[0]);
	r = lockfs_who_of(&as, l, req, names->items[0]);
	if (r < 0)
		return r;
	if (names->len == 1)
		r = locks_remove(l->table, &as, names->items[0], &no);
	else
		r = locks_exchange(l->table, NULL, &as, items(names), (int)names->len, &no);
	if (r < 0)
		return lockfs_refused_by(l, req, names->items[0], r, &no);
	lockfs_settled(l, req, names->items[0]);
	return 0;
}

/* ---- what is written into a lock's file */

static int rename_all(struct lock_handle *h, fuse_req_t req, const struct strv *names,
		      const struct lock_holder *from, const struct lock_holder *to)
{
	struct lockfs *l = h->l;
	struct lock_refusal no = {0};
	int r = 0;

	for (size_t i = 0; r == 0 && i < names->len; i++)
		r = locks_transfer(l->table, from, names->items[i], to, &no);
	return r < 0 ? lockfs_refused_by(l, req, names->items[0], r, &no) : 0;
}

static int apply(struct lock_handle *h, fuse_req_t req, const struct strv *names,
		 const struct lock_words *words)
{
	struct lockfs *l = h->l;
	struct lock_refusal no = {0};
	struct lock_holder as;
	struct holder to;
	struct lock k;
	int r = lockfs_now(&k, l, names->items[0]);

	if (r < 0)
		return lockfs_refused(l, req, names->items[0], -ESTALE,
				      "the lock was taken away meanwhile");
	r = lockfs_who(&to, l, req, words);
	if (r == 0)
		r = who_has(&as, l, req, &k);
	if (r < 0)
		return r;
	if (h->took && lock_is_of(&k, &h->as))
		as = h->as;
	/* Who knows the id, and is the same user, is the holder: he comes from another process. */
	if (words->id[0] && lock_is_of(&k, &to.as))
		as = k.holder;
	else if (words->id[0] && lock_is_of(&k, &as)) {
		r = rename_all(h, req, names, &as, &to.as);
		if (r < 0)
			return r;
		as = h->as = to.as;
	}
	r = locks_renew(l->table, &as, items(names), (int)names->len, words->ttl_s,
			words->reason[0] ? words->reason : NULL, &no);
	return r < 0 ? lockfs_refused_by(l, req, names->items[0], r, &no) : 0;
}

int lockfs_written(struct lock_handle *h, fuse_req_t req, const struct strv *names,
		   const char *text, size_t len)
{
	struct lockfs *l = h->l;
	struct lock_words words;
	struct err err = {0};
	int r = lockfs_table(l) ? lock_words_parse(&words, text, len, &err)
				: refused_table(l, req, names->items[0]);

	if (r < 0 && l->table)
		lockfs_refused(l, req, names->items[0], r, err.msg);
	if (r == 0)
		r = apply(h, req, names, &words);
	if (r == 0)
		lockfs_settled(l, req, names->items[0]);
	/* A command that fails has taken nothing. */
	if (r < 0 && r != -EINPROGRESS && h->took && l->table) {
		locks_release(l->table, &h->as, items(names), (int)names->len, NULL);
		h->took = false;
	}
	return r;
}
