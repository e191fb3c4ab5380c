/* SPDX-License-Identifier: MIT */
#include "lock_old.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { COPIES_MAX = 64, READERS_MAX = 64 };

static const char json_name[] = "locks.json";

/* A text somebody writes: of an open locks.json, or of a temporary file under a name. */
struct lock_copy {
	struct link link;
	struct lock_old *old;
	char name[NAME_BYTES];		 /* "": of locks.json, or its name is gone */
	char owner[LOCK_INSTANCE_BYTES]; /* whose */
	unsigned number;
	int handles;
	struct buf text;
	bool is_json;		  /* what is written is judged */
	bool written;		  /* and not judged yet */
	int verdict;		  /* the last one */
	size_t head_len;	  /* written without a gap from the start on, in this pass */
	struct lock_entries seen; /* what the text said when it was opened */
};

/* What a holder read last, or wrote. */
struct reader {
	char instance[LOCK_INSTANCE_BYTES];
	struct lock_entries entries;
	uint64_t used;
};

/* mv(1) from another file system and `cp --remove-destination` unlink first, then make the file
 * anew. It is gone for that process alone, until it does. */
struct absence {
	pid_t pid;
	int64_t until_boot_ms;
};
enum { ABSENCES = 16, ABSENCE_MS = 2000 };

struct lock_old {
	struct link copies;
	size_t named;
	unsigned numbers;
	struct reader readers[READERS_MAX];
	uint64_t uses;
	struct absence absences[ABSENCES];
	size_t absence_next;
};

struct lock_old *lock_old_new(void)
{
	struct lock_old *o = xcalloc(1, sizeof(*o));

	ring_init(&o->copies);
	return o;
}

static void copy_free(struct lock_copy *c)
{
	ring_remove(&c->link);
	buf_finish(&c->text);
	lock_entries_finish(&c->seen);
	free(c);
}

struct lock_old *lock_old_free(struct lock_old *o)
{
	while (o && !ring_empty(&o->copies))
		copy_free(LINK_OWNER(o->copies.next, struct lock_copy, link));
	for (size_t i = 0; o && i < READERS_MAX; i++)
		lock_entries_finish(&o->readers[i].entries);
	free(o);
	return NULL;
}

/* ---- who has read what */

static struct reader *reader_of(struct lock_old *o, const char *instance, bool make)
{
	struct reader *oldest = &o->readers[0];

	for (size_t i = 0; i < READERS_MAX; i++) {
		struct reader *r = &o->readers[i];

		if (r->used && !strcmp(r->instance, instance)) {
			r->used = ++o->uses;
			return r;
		}
		oldest = r->used < oldest->used ? r : oldest;
	}
	if (!make)
		return NULL;
	lock_entries_finish(&oldest->entries);
	snprintf(oldest->instance, sizeof(oldest->instance), "%s", instance);
	oldest->used = ++o->uses;
	return oldest;
}

static void entries_copy(struct lock_entries *out, const struct lock_entries *of)
{
	lock_entries_finish(out);
	for (size_t i = 0; i < of->len; i++)
		lock_entries_add(out, &of->items[i]);
}

/* ---- the truth */

int lock_old_text(struct buf *out, struct lockfs *l)
{
	CLEANUP(lock_list_finish) struct lock_list list = {0};
	int r = lockfs_read(&list, l);

	return r < 0 ? r : view_lock_old(out, &list);
}

struct truth {
	struct lock_list list;
	struct lock_entries entries; /* in the order of list */
	struct holder me;
};

static void truth_finish(struct truth *t)
{
	lock_list_finish(&t->list);
	lock_entries_finish(&t->entries);
}

static enum lock_whose whose(const struct lock *k, const struct truth *t, struct lockfs *l,
			     fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	if (lock_is_of(k, &t->me.as) || holder_is_above(l->holders, &k->holder, ctx->pid, ctx->uid))
		return LOCK_MINE;
	return k->state == LOCK_STATE_STALE ? LOCK_STALE : LOCK_OTHERS;
}

static int truth_read(struct truth *t, struct lockfs *l, fuse_req_t req)
{
	int r = lockfs_table(l) ? lockfs_who(&t->me, l, req, NULL)
				: lockfs_refused(l, req, json_name, -ENOLCK, l->no_table.msg);

	if (r == 0) {
		locks_sweep(l->table);
		r = lock_list_read(&t->list, l->table);
	}
	for (size_t i = 0; r == 0 && i < t->list.len; i++) {
		const struct lock *k = &t->list.items[i];
		struct lock_entry e = {.token = k->token, .whose = whose(k, t, l, req)};

		memcpy(e.resource, k->resource, sizeof(e.resource));
		memcpy(e.instance, k->holder.instance, sizeof(e.instance));
		lock_entries_add(&t->entries, &e);
	}
	return r;
}

static const struct lock *truth_lock(const struct truth *t, const char *resource)
{
	for (size_t i = 0; i < t->list.len; i++)
		if (!strcmp(t->list.items[i].resource, resource))
			return &t->list.items[i];
	return NULL;
}

/* ---- doing what was written */

static int take_one(const struct lock_entry *e, const struct truth *t, struct lockfs *l,
		    const struct lock_plan *p, struct lock_refusal *no)
{
	struct lock_holder as = t->me.as;
	const char *names[] = {e->resource}, *remove[] = {e->resource};
	const struct lock_claim claim = {.resources = names, .count = 1, .holder = &as};
	bool override = lock_entries_find(&p->remove, e->resource);

	memcpy(as.instance, e->instance, sizeof(as.instance));
	return locks_exchange(l->table, &claim, &as, remove, override, no);
}

/* All entries under one instance: one transaction takes them and removes what is in their way. */
static int take_all(const struct lock_plan *p, const struct truth *t, struct lockfs *l,
		    struct lock_refusal *no)
{
	size_t done = 0;
	int r = 0;

	while (r >= 0 && done < p->take.len)
		r = take_one(&p->take.items[done++], t, l, p, no);
	if (r >= 0)
		return 0;
	/* The last one was refused. */
	for (done--; done-- > 0;) {
		const char *names[] = {p->take.items[done].resource};
		struct lock_holder as = t->me.as;

		memcpy(as.instance, p->take.items[done].instance, sizeof(as.instance));
		locks_release(l->table, &as, names, 1, NULL);
	}
	return r;
}

static int give_back(const struct lock_plan *p, const struct truth *t, struct lockfs *l,
		     struct lock_refusal *no)
{
	for (size_t i = 0; i < p->remove.len; i++) {
		const struct lock_entry *e = &p->remove.items[i];
		const struct lock *k = truth_lock(t, e->resource);
		const struct lock_holder *by = e->whose == LOCK_MINE ? &k->holder : &t->me.as;
		int r;

		if (lock_entries_find(&p->take, e->resource))
			continue;
		r = locks_remove(l->table, by, e->resource, no);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

static int rename_and_renew(const struct lock_plan *p, const struct truth *t, struct lockfs *l,
			    struct lock_refusal *no)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < p->rename.len; i++) {
		const struct lock_entry *e = &p->rename.items[i];
		struct lock_holder to = t->me.as;

		memcpy(to.instance, e->instance, sizeof(to.instance));
		r = locks_transfer(l->table, &truth_lock(t, e->resource)->holder, e->resource, &to,
				   no);
	}
	for (size_t i = 0; r >= 0 && i < p->renew.len; i++) {
		const char *names[] = {p->renew.items[i].resource};

		r = locks_renew(l->table, &truth_lock(t, names[0])->holder, names, 1, 0, NULL, no);
	}
	return r < 0 ? r : 0;
}

/* What he knows from now on: what he wrote, as far as it is so. */
static void remember_written(struct lockfs *l, fuse_req_t req, const struct lock_entries *written)
{
	CLEANUP(truth_finish) struct truth t = {0};
	struct reader *r;

	if (truth_read(&t, l, req) < 0)
		return;
	r = reader_of(l->old, t.me.as.instance, true);
	lock_entries_finish(&r->entries);
	for (size_t i = 0; i < t.entries.len; i++) {
		const struct lock_entry *w =
			lock_entries_find(written, t.entries.items[i].resource);

		if (w && !strcmp(w->instance, t.entries.items[i].instance))
			lock_entries_add(&r->entries, &t.entries.items[i]);
	}
}

static int refuse_clear(struct lockfs *l, fuse_req_t req, const struct lock *k)
{
	CLEANUP(cleanup_free) char *text = NULL;
	int64_t seq = 0;

	locks_seq(&seq, l->table);
	text = xasprintf("%s is held by %s, so not all was cleared: what was yours or stale is "
			 "gone\nto clear all the same, whosever they are:\n"
			 "  echo clear all seq=%lld > %s/locks/.ctl",
			 k->resource, k->holder.instance, (long long)seq, l->fs->options->dir);
	return lockfs_refused(l, req, json_name, -EBUSY, text);
}

static int refuse_held(struct lockfs *l, fuse_req_t req, const struct lock *k)
{
	struct lock_refusal no = {.why = LOCK_REFUSED_HELD, .lock = *k};

	if (k->state == LOCK_STATE_STALE)
		no.why = LOCK_REFUSED_STALE;
	err_set(&no.err, -EBUSY, "%s is held by %s: nothing of locks.json was changed", k->resource,
		k->holder.instance);
	return lockfs_refused_by(l, req, json_name, -EBUSY, &no);
}

static int do_plan(const struct lock_plan *p, const struct truth *t, struct lockfs *l,
		   fuse_req_t req)
{
	struct lock_refusal no = {0};
	int r = take_all(p, t, l, &no);

	if (r == 0)
		r = give_back(p, t, l, &no);
	if (r == 0)
		r = rename_and_renew(p, t, l, &no);
	return r < 0 ? lockfs_refused_by(l, req, json_name, r, &no) : 0;
}

static int judge_entries(struct lockfs *l, fuse_req_t req, const struct lock_entries *written)
{
	static const struct lock_entries nothing;
	CLEANUP(truth_finish) struct truth t = {0};
	CLEANUP(lock_plan_finish) struct lock_plan plan = {0};
	const struct lock_entry *conflict = NULL;
	const struct reader *reader;
	int r = truth_read(&t, l, req), done;

	if (r < 0)
		return r;
	reader = reader_of(l->old, t.me.as.instance, false);
	r = lock_plan_make(&plan, &conflict, reader ? &reader->entries : &nothing, &t.entries,
			   written);
	done = r < 0 && !plan.clear ? r : do_plan(&plan, &t, l, req);
	if (conflict && plan.clear && done == 0)
		return refuse_clear(l, req, truth_lock(&t, conflict->resource));
	if (conflict && done == r)
		return refuse_held(l, req, truth_lock(&t, conflict->resource));
	if (done == 0)
		remember_written(l, req, written);
	return done;
}

static int judge(struct lockfs *l, fuse_req_t req, const struct buf *text)
{
	CLEANUP(lock_entries_finish) struct lock_entries written = {0};
	struct err err = {0};
	int r = lock_json_parse(&written, buf_str(text), text->len, lockfs_chapters(l), &err);

	return r < 0 ? lockfs_refused(l, req, json_name, r, err.msg)
		     : judge_entries(l, req, &written);
}

/* ---- copies */

static struct lock_copy *copy_new(struct lock_old *o)
{
	struct lock_copy *c = xcalloc(1, sizeof(*c));

	c->old = o;
	c->number = ++o->numbers;
	c->text.max_bytes = LOCK_JSON_MAX_BYTES;
	ring_add(&o->copies, &c->link);
	return c;
}

static void copy_drop_name(struct lock_copy *c)
{
	c->name[0] = '\0';
	c->old->named--;
	if (c->handles == 0)
		copy_free(c);
}

static struct lock_copy *copy_named(struct lock_old *o, const char *owner, const char *name)
{
	for (struct link *k = o->copies.next; k != &o->copies; k = k->next) {
		struct lock_copy *c = LINK_OWNER(k, struct lock_copy, link);

		if (!strcmp(c->name, name) && !strcmp(c->owner, owner))
			return c;
	}
	return NULL;
}

static struct lock_copy *copy_numbered(struct lock_old *o, const struct lock_node *n)
{
	for (struct link *k = o->copies.next; k != &o->copies; k = k->next) {
		struct lock_copy *c = LINK_OWNER(k, struct lock_copy, link);

		if (c->number == n->token)
			return c;
	}
	return NULL;
}

/* The oldest that nobody has open makes room. */
static int make_room(struct lock_old *o)
{
	if (o->named < COPIES_MAX)
		return 0;
	for (struct link *k = o->copies.next; k != &o->copies; k = k->next) {
		struct lock_copy *c = LINK_OWNER(k, struct lock_copy, link);

		if (c->name[0] && c->handles == 0) {
			copy_drop_name(c);
			return 0;
		}
	}
	return -ENOSPC;
}

static struct lock_node copy_node(const struct lock_copy *c)
{
	return (struct lock_node){.what = LOCK_OLD_COPY, .token = c->number};
}

static void attach(struct lock_handle *h, struct lock_copy *c)
{
	h->copy = c;
	c->handles++;
}

void lock_copy_close(struct lock_handle *h)
{
	struct lock_copy *c = h->copy;

	h->copy = NULL;
	if (c && --c->handles == 0 && !c->name[0])
		copy_free(c);
}

/* ---- names */

static bool is_absent(const struct lock_old *o, pid_t pid)
{
	for (size_t i = 0; i < ABSENCES; i++)
		if (pid && o->absences[i].pid == pid &&
		    o->absences[i].until_boot_ms > clock_boot_ms())
			return true;
	return false;
}

static void set_absent(struct lock_old *o, pid_t pid, bool absent)
{
	for (size_t i = 0; i < ABSENCES; i++)
		if (o->absences[i].pid == pid)
			o->absences[i].pid = 0;
	if (absent)
		o->absences[o->absence_next++ % ABSENCES] =
			(struct absence){pid, clock_boot_ms() + ABSENCE_MS};
}

int lock_old_lookup(struct lock_node *out, struct lockfs *l, fuse_req_t req, const char *name)
{
	struct holder me;
	const struct lock_copy *c;
	int r;

	if (!strcmp(name, ".why")) {
		*out = (struct lock_node){.what = LOCK_HELPER, .number = LOCK_HELPER_WHY};
		return 0;
	}
	if (!strcmp(name, ".for")) {
		*out = (struct lock_node){.what = LOCK_FOR};
		return 0;
	}
	if (!strcmp(name, json_name)) {
		*out = (struct lock_node){.what = LOCK_OLD_JSON};
		return is_absent(l->old, fuse_req_ctx(req)->pid) ? -ENOENT : 0;
	}
	if (l->old->named == 0)
		return -ENOENT;
	r = lockfs_who(&me, l, req, NULL);
	c = r == 0 ? copy_named(l->old, me.as.instance, name) : NULL;
	if (c)
		*out = copy_node(c);
	return r < 0 ? r : c ? 0 : -ENOENT;
}

int lock_old_unlink(struct lockfs *l, fuse_req_t req, const char *name)
{
	struct holder me;
	struct lock_copy *c;
	int r = lockfs_who(&me, l, req, NULL);

	if (r < 0)
		return r;
	if (!strcmp(name, json_name)) {
		set_absent(l->old, fuse_req_ctx(req)->pid, true);
		return 0;
	}
	c = copy_named(l->old, me.as.instance, name);
	if (!c)
		return lockfs_refused(l, req, name, -EPERM, "this file only tells");
	copy_drop_name(c);
	return 0;
}

static int rename_to_json(struct lock_copy *c, struct lockfs *l, fuse_req_t req)
{
	int r = judge(l, req, &c->text);

	if (r == 0)
		copy_drop_name(c);
	return r;
}

int lock_old_rename(struct lockfs *l, fuse_req_t req, const char *name, const char *to_name,
		    unsigned flags)
{
	struct lock_copy *c, *over;
	struct holder me;
	int r = lockfs_who(&me, l, req, NULL);

	if (r < 0)
		return r;
	if (flags)
		return -EINVAL;
	c = copy_named(l->old, me.as.instance, name);
	if (!c)
		return lockfs_refused(l, req, name, -EPERM,
				      "locks.json stays where it is: write it, or rename onto it");
	if (!strcmp(to_name, json_name))
		return rename_to_json(c, l, req);
	over = copy_named(l->old, me.as.instance, to_name);
	if (over && over != c)
		copy_drop_name(over);
	snprintf(c->name, sizeof(c->name), "%s", to_name);
	return 0;
}

/* ---- open files */

int lock_copy_open(struct lock_handle *h, fuse_req_t req, int flags)
{
	CLEANUP(truth_finish) struct truth t = {0};
	struct lockfs *l = h->l;
	struct lock_copy *c;
	int r = 0;

	if (h->node.what == LOCK_OLD_COPY) {
		c = copy_numbered(l->old, &h->node);
		if (!c)
			return -ESTALE;
		attach(h, c);
		if (flags & O_TRUNC)
			buf_clear(&c->text);
		return 0;
	}
	attach(h, copy_new(l->old));
	c = h->copy;
	c->is_json = true;
	if (flags & O_TRUNC)
		return 0;
	r = lockfs_table(l) ? truth_read(&t, l, req) : lockfs_read(&t.list, l);
	if (r < 0)
		return r;
	entries_copy(&c->seen, &t.entries);
	return view_lock_old(&c->text, &t.list);
}

int lock_copy_create(struct lock_handle *h, fuse_req_t req, const char *name, int flags)
{
	struct lockfs *l = h->l;
	struct holder me;
	int r = lockfs_who(&me, l, req, NULL);

	if (r < 0)
		return r;
	if (!strcmp(name, json_name)) {
		set_absent(l->old, fuse_req_ctx(req)->pid, false);
		h->node = (struct lock_node){.what = LOCK_OLD_JSON};
		return lock_copy_open(h, req, flags | O_TRUNC);
	}
	r = strlen(name) < NAME_BYTES ? make_room(l->old) : -ENAMETOOLONG;
	if (r < 0)
		return r;
	attach(h, copy_new(l->old));
	snprintf(h->copy->name, sizeof(h->copy->name), "%s", name);
	memcpy(h->copy->owner, me.as.instance, sizeof(h->copy->owner));
	l->old->named++;
	h->node = copy_node(h->copy);
	return 0;
}

const struct buf *lock_copy_bytes(struct lock_handle *h, fuse_req_t req)
{
	struct lock_copy *c = h->copy;
	struct holder me;

	/* He knows what was held when he opened it. */
	if (c->is_json && !c->written && lockfs_who(&me, h->l, req, NULL) == 0)
		entries_copy(&reader_of(h->l->old, me.as.instance, true)->entries, &c->seen);
	return &c->text;
}

size_t lock_copy_size(struct lockfs *l, const struct lock_node *n, const struct lock_handle *h)
{
	const struct lock_copy *c = h ? h->copy : copy_numbered(l->old, n);

	return c ? c->text.len : 0;
}

/* ---- writing */

static int copy_resize(struct lock_copy *c, size_t len)
{
	static const char zeros[4096];
	int r = 0;

	while (r == 0 && c->text.len < len) {
		size_t gap = len - c->text.len;

		r = buf_add(&c->text, zeros, gap < sizeof(zeros) ? gap : sizeof(zeros));
	}
	if (r == 0 && len < c->text.len) {
		c->text.len = len;
		c->text.data[len] = '\0';
	}
	return r;
}

static bool is_blank(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr(" \t\r\n", s[i]) || !s[i])
			return false;
	return true;
}

static int settle(struct lock_handle *h, fuse_req_t req)
{
	struct lock_copy *c = h->copy;

	c->written = false;
	c->verdict = judge(h->l, req, &c->text);
	return c->verdict;
}

/* The verdict on a write: what was written from the start on, and behind it nothing of before. */
static int judge_write(struct lock_handle *h, fuse_req_t req)
{
	struct lock_copy *c = h->copy;
	const char *text = buf_str(&c->text);
	bool covers = is_blank(text + c->head_len, c->text.len - c->head_len);

	switch (lock_json_scan(text, c->head_len)) {
	case LOCK_JSON_BROKEN:
		return settle(h, req);
	case LOCK_JSON_WHOLE:
		return covers ? settle(h, req) : 0;
	default:
		return 0;
	}
}

int lock_copy_write(struct lock_handle *h, fuse_req_t req, const char *data, size_t len,
		    off_t offset)
{
	struct lock_copy *c = h->copy;
	size_t at = (size_t)offset, len_before = c->text.len, head_before = c->head_len;
	bool says_nothing = c->is_json && !c->written && at == c->text.len && is_blank(data, len);
	int r;

	if (offset < 0 || at > LOCK_JSON_MAX_BYTES || len > LOCK_JSON_MAX_BYTES)
		return -EFBIG;
	r = copy_resize(c, at + len > c->text.len ? at + len : c->text.len);
	if (r < 0)
		return r;
	memcpy(c->text.data + at, data, len);
	if (at <= c->head_len || at == len_before) /* appended: all before it stands */
		c->head_len = at == 0 ? len : at + len > c->head_len ? at + len : c->head_len;
	/* The newline behind a whole object, in a write of its own. */
	if (!c->is_json || says_nothing)
		return says_nothing ? c->verdict : 0;
	c->written = true;
	r = judge_write(h, req);
	/* A write that failed has written nothing; the next comes to the same place. */
	if (r < 0 && at == len_before) {
		copy_resize(c, len_before);
		c->head_len = head_before;
	}
	return r;
}

int lock_copy_setattr(struct lockfs *l, fuse_req_t req, const struct lock_node *n,
		      struct lock_handle *h, const struct stat *st, int to_set)
{
	struct lock_copy *c = h ? h->copy : copy_numbered(l->old, n);
	int r;

	/* Modes, owners and times, which mv and cp -p bring along, are nobody's here. */
	if (!(to_set & FUSE_SET_ATTR_SIZE) || !c)
		return 0;
	if (st->st_size < 0 || st->st_size > LOCK_JSON_MAX_BYTES)
		return -EFBIG;
	r = copy_resize(c, (size_t)st->st_size);
	c->head_len = c->head_len < c->text.len ? c->head_len : c->text.len;
	if (r < 0 || !c->is_json || !h || c->text.len == 0 || !c->written)
		return r;
	return judge_write(h, req);
}

int lock_copy_verdict(struct lock_handle *h, fuse_req_t req)
{
	struct lock_copy *c = h->copy;

	if (c->is_json && c->written)
		return settle(h, req);
	return c->is_json ? c->verdict : 0;
}
