/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "lock.h"

/* locks/.ctl: one write is one command, one transaction, and its errno the answer. */

struct command_run {
	struct lockfs *l;
	const struct lock_command *c;
	const struct lock_holder *me;
	struct lock_refusal no;
};

static const char *const *names_of(const struct lock_command *c)
{
	return (const char *const *)c->resources.items;
}

static int run_acquire(struct command_run *r)
{
	const struct lock_claim claim = {
		.resources = names_of(r->c),
		.count = (int)r->c->resources.len,
		.holder = r->me,
		.ttl_s = r->c->words.ttl_s,
		.reason = r->c->words.reason[0] ? r->c->words.reason : NULL,
	};

	return locks_acquire(r->l->table, &claim, &r->no);
}

static int run_renew(struct command_run *r)
{
	return locks_renew(r->l->table, r->me, names_of(r->c), (int)r->c->resources.len, 0, NULL,
			   &r->no);
}

static int run_release(struct command_run *r)
{
	return locks_release(r->l->table, r->me, names_of(r->c), (int)r->c->resources.len, &r->no);
}

/* Who knows the id it is from, and is the same user, may hand it on. */
static int run_transfer(struct command_run *r)
{
	struct lock_holder from = *r->me, to = *r->me;

	memcpy(from.instance, r->c->from, sizeof(from.instance));
	memcpy(to.instance, r->c->words.id, sizeof(to.instance));
	/* Its process is what the table knows of that id. */
	to.anchor = (struct process){0};
	return locks_transfer(r->l->table, &from, r->c->resources.items[0], &to, &r->no);
}

static int run_break(struct command_run *r)
{
	return locks_break(r->l->table, r->me, r->c->resources.items[0], r->c->number,
			   r->c->words.reason, &r->no);
}

static int run_clear(struct command_run *r)
{
	return r->c->all ? locks_clear_all(r->l->table, r->me, r->c->number, &r->no)
			 : locks_clear_stale(r->l->table, r->me, &r->no);
}

static int (*const runs[])(struct command_run *r) = {
	[LOCK_VERB_ACQUIRE] = run_acquire, [LOCK_VERB_RENEW] = run_renew,
	[LOCK_VERB_RELEASE] = run_release, [LOCK_VERB_TRANSFER] = run_transfer,
	[LOCK_VERB_BREAK] = run_break,	   [LOCK_VERB_CLEAR] = run_clear,
};

/* What is renewed, released or handed on without `as` is whoever's among one's own that has it. */
static int who_commands(struct lock_holder *out, struct lockfs *l, fuse_req_t req,
			const struct lock_command *c)
{
	struct holder me;
	int r;

	if ((c->verb == LOCK_VERB_RENEW || c->verb == LOCK_VERB_RELEASE) && !c->words.id[0] &&
	    c->resources.len)
		return lockfs_who_of(out, l, req, c->resources.items[0]);
	r = lockfs_who(&me, l, req, c->verb == LOCK_VERB_TRANSFER ? NULL : &c->words);
	if (r == 0)
		*out = me.as;
	return r;
}

int lockfs_command(struct lockfs *l, fuse_req_t req, const char *text, size_t len)
{
	CLEANUP(lock_command_finish) struct lock_command c = {0};
	struct lock_holder me;
	struct command_run run = {.l = l, .c = &c, .me = &me};
	struct err err = {0};
	int r;

	if (!lockfs_table(l))
		return lockfs_refused(l, req, NULL, -ENOLCK, l->no_table.msg);
	r = lock_command_parse(&c, text, len, lockfs_chapters(l), &err);
	if (r < 0)
		return lockfs_refused(l, req, ".ctl", r, err.msg);
	r = who_commands(&me, l, req, &c);
	if (r < 0)
		return r;
	r = runs[c.verb](&run);
	if (r < 0)
		return lockfs_refused_by(l, req, c.resources.len ? c.resources.items[0] : ".ctl", r,
					 &run.no);
	lockfs_settled(l, req, c.resources.len ? c.resources.items[0] : ".ctl");
	return 0;
}
