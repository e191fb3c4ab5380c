/* SPDX-License-Identifier: MIT */
#include "fence.h"

#include <stdio.h>
#include <string.h>

#include "lock.h"

static int refuse_held(struct lock_refusal *no, const struct lock *k)
{
	no->why = k->state == LOCK_STATE_STALE ? LOCK_REFUSED_STALE : LOCK_REFUSED_HELD;
	no->lock = *k;
	return err_set(&no->err, -EBUSY, "%s is held by %s", k->resource, k->holder.instance);
}

/* Nobody holds it. */
static int admit_free(const char *resource, enum enforce how, struct lock_refusal *no)
{
	if (how != ENFORCE_STRICT)
		return 0;
	no->why = LOCK_REFUSED_FREE;
	return err_set(&no->err, -EPERM, "this mount wants a lock first: touch locks/%s", resource);
}

static int refuse_old(struct lock_refusal *no, const char *resource, const struct lock *k)
{
	no->why = LOCK_REFUSED_OLD;
	if (k)
		no->lock = *k;
	return err_set(&no->err, -ESTALE,
		       "%s is not yours any more: it was overridden or given back; open the file "
		       "again",
		       resource);
}

int fence_take(struct fence *out, struct locks *l, enum enforce how, const char *resource,
	       const struct lock_holder *as, struct lock_refusal *no)
{
	struct fence f = {.as = *as};
	struct lock k;
	int r;

	if (how == ENFORCE_OFF || !resource[0]) {
		*out = f;
		return 0;
	}
	snprintf(f.resource, sizeof(f.resource), "%s", resource);
	r = l ? locks_over(&k, l, resource) : -ENOLCK;
	if (r == -ENOENT)
		r = admit_free(f.resource, how, no);
	else if (r < 0)
		r = err_set(&no->err, -ENOLCK, "nobody can tell who holds %s", resource);
	else if (!lock_is_of(&k, as))
		r = refuse_held(no, &k);
	else
		f.token = k.token;
	if (r == 0)
		*out = f;
	return r;
}

/* Where it was nobody's when it was opened, the opener may have taken it since then. */
int fence_check(struct fence *f, struct locks *l, struct lock_refusal *no)
{
	struct lock k;
	int r = 0;

	if (!f->resource[0])
		return 0;
	if (l)
		r = locks_over(&k, l, f->resource);
	if (!l || (r < 0 && r != -ENOENT))
		return err_set(&no->err, -ENOLCK, "nobody can tell who holds %s", f->resource);
	if (f->token)
		return r == 0 && k.token == f->token
			       ? 0
			       : refuse_old(no, f->resource, r == 0 ? &k : NULL);
	if (r == -ENOENT)
		return 0;
	if (!lock_is_of(&k, &f->as))
		return refuse_held(no, &k);
	f->token = k.token;
	return 0;
}

static bool find_who(struct holder *out, struct lockfs *l, pid_t pid, uid_t uid)
{
	struct err err;

	return holder_find(out, l->holders, l->table, pid, uid, NULL, 0, &err) == 0;
}

/* Under whatever id: the lock's own process is above him, or he is called so. */
static bool is_his(struct lockfs *l, const struct lock *k, pid_t pid, uid_t uid)
{
	struct holder me;

	return holder_is_above(l->holders, &k->holder, pid, uid) ||
	       (find_who(&me, l, pid, uid) && lock_is_of(k, &me.as));
}

int fence_judge(int64_t *token, struct fs *fs, const char *resource, const struct lock *k,
		pid_t pid, uid_t uid, struct lock_refusal *no)
{
	if (*token)
		return k && k->token == *token ? 0 : refuse_old(no, resource, k);
	if (!k)
		return admit_free(resource, fs->options->enforce, no);
	if (!is_his(fs->locks, k, pid, uid))
		return refuse_held(no, k);
	*token = k->token;
	return 0;
}

bool fence_was_his(struct fs *fs, const char *instance, pid_t pid, uid_t uid)
{
	struct holder me;

	return find_who(&me, fs->locks, pid, uid) && !strcmp(me.as.instance, instance);
}

void fence_used(const struct fence *f, struct locks *l)
{
	if (f->token && l)
		locks_used(l, f->resource, f->token);
}

int fence_request(struct fence *out, struct fs *fs, fuse_req_t req, uint64_t node)
{
	struct lock_refusal no = {0};
	struct lock_holder as;
	char resource[LOCK_RESOURCE_BYTES];
	int r = 0;

	*out = (struct fence){0};
	if (fs->options->enforce == ENFORCE_OFF || !view_resource(resource, fs->views, node))
		return 0;
	r = lockfs_who_of(&as, fs->locks, req, resource);
	if (r < 0)
		return r;
	r = fence_take(out, lockfs_table(fs->locks), fs->options->enforce, resource, &as, &no);
	return r < 0 ? lockfs_refused_by(fs->locks, req, resource, r, &no) : 0;
}
