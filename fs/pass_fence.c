/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "cover.h"
#include "fence.h"
#include "lock.h"
#include "pass.h"

/*
 * Whose a file is, before it is changed (locks.md, "Enforcement"). A node's path, by the names that
 * it and its folders were looked up by, says which lock covers it; the table of locks says who
 * holds that. Where no lock covers a path nothing is asked of anybody.
 *
 * Who may change something is given leave: until it is done the lock stays whose it is, in whatever
 * process somebody wants to take it (locks_guard). A file that is open for writing remembers under
 * which lock it was opened. It is asked again at each write, and where it belongs is found anew
 * after each rename, as the file may have become a chapter since.
 *
 * A file that has another name once it was seen by a name that is covered stays covered, by
 * whatever name it is changed. What the kernel was never shown cannot be known.
 *
 * Mappings. The kernel writes their pages when it likes, through whatever open file it finds, the
 * new holder's too. So when a lock changes hands, each node that somebody has open for writing whom
 * that shuts out becomes one of the past: its files can be closed, and read by those who only read.
 * The kernel is told to forget its name and pages, and finds a node that is new, with pages of its
 * own. That is done before anything else is asked under the lock, so that nobody meets the old node
 * in between.
 *
 * Whose the lock is now does not tell all: somebody may have taken it, written and given it back
 * since it was looked at last, in another process or while this one was stopped. So the table is
 * asked, too, who had it meanwhile. Of those only the id is known; who bears it had it himself.
 */

/* An open file under one of the locks that cover it. */
struct pass_fence {
	struct link link;    /* of the cover's */
	struct link of_file; /* of the file's */
	struct pass_file *file;
	struct pass_cover *cover;
	int64_t token; /* 0: it was nobody's */
	bool found;    /* when it was looked where the file belongs */
};

/* ---- where a node belongs */

enum { RENEW_MS = 250 };

struct pass_cover *pass_cover_named(struct pass *p, const char *resource)
{
	struct pass_cover *c;

	for (struct link *l = p->covers.next; l != &p->covers; l = l->next) {
		c = LINK_OWNER(l, struct pass_cover, link);
		if (!strcmp(c->resource, resource))
			return c;
	}
	c = xcalloc(1, sizeof(*c));
	snprintf(c->resource, sizeof(c->resource), "%s", resource);
	ring_init(&c->fences);
	ring_add(&p->covers, &c->link);
	return c;
}

/* NULL: no lock covers it. */
static struct pass_cover *cover_at(struct pass *p, struct pass_node *n, const char *name)
{
	char resource[LOCK_RESOURCE_BYTES];

	if (!pass_path(&p->path, p, n, name) || !cover_of(resource, p->rules, buf_str(&p->path)))
		return NULL;
	return pass_cover_named(p, resource);
}

static void remember_cover(struct pass_node *n, struct pass_cover *c)
{
	for (size_t i = 0; i < n->cover_count; i++)
		if (n->covers[i] == c)
			return;
	n->covers =
		xgrow(n->covers, &n->cover_cap, n->cover_count + 1, sizeof(struct pass_cover *));
	n->covers[n->cover_count++] = c;
}

void pass_seen(struct pass *p, struct pass_node *n, bool alone, struct pass_node *folder,
	       const char *name)
{
	struct pass_cover *c;

	if (p->fs->options->enforce == ENFORCE_OFF || (alone && !n->cover_count))
		return;
	if (alone) {
		n->cover_count = 0;
		return;
	}
	c = n->name ? cover_at(p, n, NULL) : NULL;
	if (c)
		remember_cover(n, c);
	c = cover_at(p, folder, name);
	if (c)
		remember_cover(n, c);
}

/* ---- a lock changes hands */

static void shut_out(struct pass *p, struct pass_node *n)
{
	pass_becomes_past(p, n);
	notify_node(p->fs->notify, n->id, n->parent, n->name);
}

/* k: who has it now, or NULL. */
static void judge(struct pass *p, struct pass_fence *f, const struct lock *k)
{
	struct lock_refusal no;

	if (!f->file->node->past && fence_judge(&f->token, p->fs, f->cover->resource, k,
						f->file->pid, f->file->uid, &no) < 0)
		shut_out(p, f->file->node);
}

static void turn(struct pass *p, struct pass_cover *c, const struct lock *k)
{
	for (struct link *l = c->fences.next; l != &c->fences; l = l->next)
		judge(p, LINK_OWNER(l, struct pass_fence, link), k);
}

struct turning {
	struct pass *pass;
	struct pass_cover *cover;
};

/* Somebody had it meanwhile. Under a lock of his own nobody else's was in between: turn() sees if
 * that is another's by now. */
static void turned(void *arg, const char *instance)
{
	struct turning *t = arg;
	struct pass *p = t->pass;

	for (struct link *l = t->cover->fences.next; l != &t->cover->fences; l = l->next) {
		struct pass_fence *f = LINK_OWNER(l, struct pass_fence, link);

		if (!f->token && !f->file->node->past &&
		    !fence_was_his(p->fs, instance, f->file->pid, f->file->uid))
			shut_out(p, f->file->node);
	}
}

/* 1 it is somebody's, 0 nobody's. */
static int look(struct lock *k, struct pass *p, struct pass_cover *c)
{
	struct locks *l = lockfs_table(p->fs->locks);
	struct turning t = {p, c};
	int r = l ? locks_over(k, l, c->resource) : -ENOLCK;
	int64_t token = r == 0 ? k->token : 0;
	int asked;

	if (r < 0 && r != -ENOENT)
		return r;
	if (ring_empty(&c->fences))
		c->seq = 0;
	asked = locks_takers(&c->seq, l, c->resource, token, turned, &t);
	if (asked < 0)
		return asked;
	if (token != c->token) {
		c->token = token;
		turn(p, c, r == 0 ? k : NULL);
	}
	return r == 0;
}

void pass_may_be_past(struct pass *p, struct pass_node *n)
{
	struct pass_cover *c = n->fences && !n->past ? cover_at(p, n, NULL) : NULL;
	struct lock k;

	if (c)
		look(&k, p, c);
	for (size_t i = 0; n->fences && i < n->cover_count; i++)
		look(&k, p, n->covers[i]);
}

void pass_locks_changed(struct pass *p)
{
	struct lock k;

	for (struct link *l = p ? p->covers.next : NULL; p && l != &p->covers; l = l->next) {
		struct pass_cover *c = LINK_OWNER(l, struct pass_cover, link);

		if (!ring_empty(&c->fences))
			look(&k, p, c);
	}
}

/* ---- leave */

void pass_leave_unguard(struct pass_leave *leave)
{
	for (size_t i = 0; i < leave->count; i++)
		if (leave->grants[i].guarded)
			locks_unguard(leave->table, leave->grants[i].cover->resource);
	for (size_t i = 0; i < leave->count; i++)
		leave->grants[i].guarded = false;
	if (leave->all)
		locks_unguard(leave->table, NULL);
	leave->all = false;
}

/* Whoever is let in is at work, so the lock is renewed. Its table does so once a second; it need
 * not be asked at each write. */
static void renew(struct locks *table, struct pass_cover *c, int64_t token)
{
	int64_t now = clock_boot_ms();

	if (token == c->used_token && now - c->used_boot_ms < RENEW_MS)
		return;
	c->used_token = token;
	c->used_boot_ms = now;
	locks_used(table, c->resource, token);
}

void pass_leave_end(struct pass_leave *leave)
{
	pass_leave_unguard(leave);
	for (size_t i = 0; i < leave->count; i++) {
		const struct pass_grant *g = &leave->grants[i];

		if (g->token)
			renew(leave->table, g->cover, g->token);
		if (g->let_in)
			pass_cover_ends(g->cover);
	}
	free(leave->grants);
	*leave = (struct pass_leave){0};
}

struct pass_leave pass_leave_steal(struct pass_leave *leave)
{
	struct pass_leave stolen = *leave;

	*leave = (struct pass_leave){0};
	return stolen;
}

/* What a person reads names the file, too. No more of it than there is room for, from its end. */
static int refuse(struct pass *p, fuse_req_t req, const struct pass_cover *c, int code,
		  const char *path, struct lock_refusal *no)
{
	char name[256];
	size_t len = strlen(path), most = sizeof(name) - 1;

	snprintf(name, sizeof(name), "%s", len > most ? path + len - most : path);
	for (char *at = name; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	if (!no->err.msg[0])
		err_set(&no->err, code, "%s", strerror(-code));
	err_prefix(&no->err, "%s", name);
	return lockfs_refused_by(p->fs->locks, req, c->resource, code, no);
}

static int refuse_at(struct pass *p, fuse_req_t req, const struct pass_cover *c, int code,
		     struct pass_node *n, const char *name, struct lock_refusal *no)
{
	return refuse(p, req, c, code,
		      pass_path(&p->path, p, n, name) ? buf_str(&p->path) : c->resource, no);
}

static struct pass_grant *granted(const struct pass_leave *leave, const struct pass_cover *c)
{
	for (size_t i = 0; i < leave->count; i++)
		if (leave->grants[i].cover == c)
			return &leave->grants[i];
	return NULL;
}

static struct pass_grant *add_grant(struct pass_leave *leave, struct pass_cover *c)
{
	struct pass_grant *g;

	leave->grants = xgrow(leave->grants, &leave->cap, leave->count + 1, sizeof(*g));
	g = &leave->grants[leave->count++];
	*g = (struct pass_grant){.cover = c};
	return g;
}

/* Who asks is allowed to act under the lock; *token as in fence_judge(). */
static int admit(struct pass_leave *leave, struct pass *p, struct pass_cover *c, int64_t *token,
		 pid_t pid, uid_t uid, struct lock_refusal *no)
{
	struct pass_grant *g = granted(leave, c);
	struct lock k;
	int r = 0;

	leave->table = lockfs_table(p->fs->locks);
	if (!g) {
		g = add_grant(leave, c);
		r = leave->table ? locks_guard(leave->table, c->resource) : -ENOLCK;
		g->guarded = r == 0;
	}
	if (r == 0)
		r = look(&k, p, c);
	if (r == -EBUSY)
		return err_set(&no->err, r,
			       "the lock of %s is about to change, and does not; try again",
			       c->resource);
	if (r < 0)
		return err_set(&no->err, -ENOLCK, "nobody can tell who holds %s", c->resource);
	r = fence_judge(token, p->fs, c->resource, r ? &k : NULL, pid, uid, no);
	if (r < 0)
		return r;
	g->token = *token;
	if (!g->let_in)
		pass_cover_begins(c);
	g->let_in = true;
	return 0;
}

static int refuse_past(struct pass *p, fuse_req_t req, struct pass_node *n)
{
	struct lock_refusal no = {.why = LOCK_REFUSED_OLD};
	struct pass_cover *c = cover_at(p, n, NULL);

	if (!c)
		return -ESTALE;
	err_set(&no.err, -ESTALE,
		"%s changed hands while others had it open to write; open it again", c->resource);
	return refuse_at(p, req, c, -ESTALE, n, NULL, &no);
}

static int ask(struct pass_leave *leave, fuse_req_t req, struct pass_cover *c, struct pass_node *n,
	       const char *name)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct pass *p = pass_of(req);
	struct lock_refusal no = {0};
	int64_t token = 0;
	int r = admit(leave, p, c, &token, ctx->pid, ctx->uid, &no);

	if (r < 0)
		return refuse_at(p, req, c, r, n, name, &no);
	lockfs_settled(p->fs->locks, req, c->resource);
	return 0;
}

int pass_may_change(struct pass_leave *leave, fuse_req_t req, struct pass_node *n, const char *name)
{
	struct pass *p = pass_of(req);
	struct pass_cover *c;
	int r = 0;

	if (p->fs->options->enforce == ENFORCE_OFF)
		return 0;
	pass_rules_look(p);
	c = cover_at(p, n, name);
	if (c)
		r = ask(leave, req, c, n, name);
	for (size_t i = 0; !name && r == 0 && i < n->cover_count; i++)
		r = ask(leave, req, n->covers[i], n, NULL);
	return r == 0 && !name && n->past ? refuse_past(p, req, n) : r;
}

int pass_may_remove(struct pass_leave *leave, fuse_req_t req, struct pass_node *folder,
		    const char *name)
{
	struct pass *p = pass_of(req);
	struct pass_cover *c;

	if (p->fs->options->enforce == ENFORCE_OFF || !pass_own_is(req, folder, name))
		return pass_may_change(leave, req, folder, name);
	c = cover_at(p, folder, name);
	if (c) {
		add_grant(leave, c)->let_in = true;
		pass_cover_begins(c);
	}
	return 0;
}

/* ---- a folder that goes elsewhere with all that is in it */

struct moving {
	struct pass *p;
	fuse_req_t req;
	const char *path;
	struct lock found; /* of somebody else */
};

/* Is there a lock that covers what may be in it? */
static bool is_covered_beneath(struct pass *p, const char *path)
{
	char name[LOCK_RESOURCE_BYTES];

	for (int i = 0; lock_resource_name(name, i, 0); i++)
		if (cover_reaches(p->rules, name, path))
			return true;
	return false;
}

static bool reaches(struct pass *p, const struct lock *k, const char *path)
{
	bool book = !strncmp(k->resource, "Book", strlen("Book")); /* or one who shares it */

	return book ? is_covered_beneath(p, path) : cover_reaches(p->rules, k->resource, path);
}

static int find_beneath(void *arg, const struct lock *k)
{
	struct moving *m = arg;
	const struct fuse_ctx *ctx = fuse_req_ctx(m->req);
	struct lock_refusal no;
	int64_t token = 0;

	if (!reaches(m->p, k, m->path) ||
	    fence_judge(&token, m->p->fs, k->resource, k, ctx->pid, ctx->uid, &no) == 0)
		return 0;
	m->found = *k;
	return 1;
}

int pass_may_move(struct pass_leave *leave, fuse_req_t req, struct pass_node *folder,
		  const char *name)
{
	struct pass *p = pass_of(req);
	struct moving m = {.p = p, .req = req};
	CLEANUP(buf_finish) struct buf path = {0};
	struct lock_refusal no = {.why = LOCK_REFUSED_HELD};
	int r;

	if (p->fs->options->enforce == ENFORCE_OFF || !pass_path(&path, p, folder, name))
		return 0;
	leave->table = lockfs_table(p->fs->locks);
	r = leave->table ? 0 : -ENOLCK;
	if (r == 0 && !leave->all)
		r = locks_guard(leave->table, NULL);
	leave->all = leave->all || r == 0;
	m.path = buf_str(&path);
	if (r == 0)
		r = locks_each(leave->table, find_beneath, &m);
	if (r <= 0)
		return r;
	no.lock = m.found;
	err_set(&no.err, -EBUSY, "%s is held by %s, and may be in it", m.found.resource,
		m.found.holder.instance);
	return refuse(p, req, pass_cover_named(p, m.found.resource), -EBUSY, m.path, &no);
}

/* ---- open files */

static void fence_free(struct pass_fence *f)
{
	ring_remove(&f->link);
	ring_remove(&f->of_file);
	f->file->node->fences--;
	free(f);
}

void pass_file_unfence(struct pass_file *f)
{
	while (!ring_empty(&f->fences))
		fence_free(LINK_OWNER(f->fences.next, struct pass_fence, of_file));
}

static struct pass_fence *fence_of(const struct pass_file *f, const struct pass_cover *c)
{
	for (struct link *l = f->fences.next; l != &f->fences; l = l->next)
		if (LINK_OWNER(l, struct pass_fence, of_file)->cover == c)
			return LINK_OWNER(l, struct pass_fence, of_file);
	return NULL;
}

static void put_under(struct pass_file *f, struct pass_cover *c, const struct pass_leave *leave)
{
	struct pass_fence *fence = fence_of(f, c);
	const struct pass_grant *g = leave ? granted(leave, c) : NULL;

	if (!fence) {
		/* Who had it before this file came under it does not matter. */
		if (!g && ring_empty(&c->fences))
			c->seq = 0;
		fence = xcalloc(1, sizeof(*fence));
		*fence = (struct pass_fence){.file = f, .cover = c, .token = g ? g->token : 0};
		ring_add(&c->fences, &fence->link);
		ring_add(&f->fences, &fence->of_file);
		f->node->fences++;
	}
	fence->found = true;
}

/* Under which locks it is now. leave: that it was opened by. */
static void find_fences(struct pass *p, struct pass_file *f, const struct pass_leave *leave)
{
	struct pass_cover *c = pass_own_goes_on(f) ? NULL : cover_at(p, f->node, NULL);

	f->moves = p->moves;
	for (struct link *l = f->fences.next; l != &f->fences; l = l->next)
		LINK_OWNER(l, struct pass_fence, of_file)->found = false;
	if (c)
		put_under(f, c, leave);
	for (size_t i = 0; i < f->node->cover_count; i++)
		put_under(f, f->node->covers[i], leave);
	for (struct link *l = f->fences.next, *next; l != &f->fences; l = next) {
		next = l->next;
		if (!LINK_OWNER(l, struct pass_fence, of_file)->found)
			fence_free(LINK_OWNER(l, struct pass_fence, of_file));
	}
}

void pass_file_fence(struct pass_file *f, fuse_req_t req, const struct pass_leave *leave)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct pass *p = pass_of(req);

	f->writes = true;
	f->pid = ctx->pid;
	f->uid = ctx->uid;
	if (p->fs->options->enforce != ENFORCE_OFF)
		find_fences(p, f, leave);
}

/* Who first wrote after the lock was given back would be let in, as if it had been nobody's all
 * the time. */
void pass_fences_moved(struct pass *p)
{
	struct lock k;

	if (p->fs->options->enforce == ENFORCE_OFF)
		return;
	for (struct link *l = p->files.next; l != &p->files; l = l->next) {
		struct pass_file *f = LINK_OWNER(l, struct pass_file, link);

		if (!f->writes || f->moves == p->moves)
			continue;
		find_fences(p, f, NULL);
		for (struct link *m = f->fences.next; m != &f->fences; m = m->next) {
			struct pass_fence *fence = LINK_OWNER(m, struct pass_fence, of_file);

			if (look(&k, p, fence->cover) == 1)
				judge(p, fence, &k);
		}
	}
}

/* The kernel writes pages of a mapping in nobody's name: then it is who opened the file. */
int pass_may_write(struct pass_leave *leave, fuse_req_t req, struct pass_file *f, bool by_kernel)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct pass *p = pass_of(req);
	pid_t pid = by_kernel || !ctx->pid ? f->pid : ctx->pid;
	uid_t uid = by_kernel || !ctx->pid ? f->uid : ctx->uid;
	int r = 0;

	if (p->fs->options->enforce == ENFORCE_OFF)
		return 0;
	pass_rules_look(p);
	if (f->moves != p->moves)
		find_fences(p, f, NULL);
	for (struct link *l = f->fences.next; r == 0 && l != &f->fences; l = l->next) {
		struct pass_fence *fence = LINK_OWNER(l, struct pass_fence, of_file);
		struct lock_refusal no = {0};

		r = admit(leave, p, fence->cover, &fence->token, pid, uid, &no);
		if (r < 0)
			r = refuse_at(p, req, fence->cover, r, f->node, NULL, &no);
	}
	return r == 0 && f->node->past ? refuse_past(p, req, f->node) : r;
}

/* ---- the whole */

void pass_fence_init(struct pass *p)
{
	ring_init(&p->covers);
}

/* After the files. */
void pass_fence_finish(struct pass *p)
{
	while (!ring_empty(&p->covers)) {
		struct pass_cover *c = LINK_OWNER(p->covers.next, struct pass_cover, link);

		ring_remove(&c->link);
		free(c);
	}
	cover_rules_free(p->rules);
	buf_finish(&p->path);
}
