/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "fs.h"

/*
 * .bookfs/why: an errno says little, so the newest refusals and failures are kept with who got
 * them. Whoever reads the file gets the newest one of the nearest relative: `cat` is told of its
 * sibling's failure, the child of the same shell, before anything else in the session. When the
 * same goes well by one as near as that, it is told no more.
 */

enum { KEPT = 256, KIN = 3 };

struct refusal {
	struct caller caller;
	uint64_t ino;
	char *name, *reason;
	const char *remedy; /* or NULL: the code's */
	int code;
	bool reading;
	int64_t unix_ms; /* 0: it is over */
};

struct why_table {
	struct refusal ring[KEPT];
	size_t next; /* how many there ever were */
};

struct why_table *why_new(void)
{
	return xcalloc(1, sizeof(struct why_table));
}

static void forget(struct refusal *r)
{
	free(r->name);
	free(r->reason);
}

struct why_table *why_free(struct why_table *w)
{
	if (!w)
		return NULL;
	for (size_t i = 0; i < KEPT; i++)
		forget(&w->ring[i]);
	free(w);
	return NULL;
}

void why_remember(struct why_table *w, const struct caller *c, uint64_t ino, const char *name,
		  int code, const char *reason)
{
	why_remember_with(w, c, ino, name, code, reason, NULL);
}

void why_remember_with(struct why_table *w, const struct caller *c, uint64_t ino, const char *name,
		       int code, const char *reason, const char *remedy)
{
	struct refusal *r = &w->ring[w->next++ % KEPT];

	forget(r);
	*r = (struct refusal){.caller = *c,
			      .ino = ino,
			      .name = xstrdup(name),
			      .reason = xstrdup(reason && *reason ? reason : NULL),
			      .remedy = remedy,
			      .code = code,
			      .unix_ms = clock_unix_ms()};
}

void why_remember_open(struct why_table *w, const struct caller *c, uint64_t ino, int code,
		       const char *reason)
{
	why_remember(w, c, ino, NULL, code, reason);
	w->ring[(w->next - 1) % KEPT].reading = true;
}

/* 0: a stranger; the more, the nearer. A shell that failed itself (a redirection) is as near to its
 * child that reads as the child's sibling is. */
static int nearness(const struct caller *reader, const struct caller *other)
{
	if (reader->uid != other->uid)
		return 0;
	if (!reader->pid || !other->pid)
		return 1;
	if (reader->pid == other->pid)
		return 4;
	if (reader->parent == other->pid || reader->pid == other->parent ||
	    (reader->parent == other->parent && reader->parent > 1))
		return KIN;
	return reader->session == other->session && reader->session ? 2 : 1;
}

static const struct refusal *find(const struct why_table *w, const struct caller *reader)
{
	const struct refusal *best = NULL;
	int best_nearness = 0;
	size_t kept = w->next < KEPT ? w->next : KEPT;

	for (size_t i = 1; i <= kept; i++) {
		const struct refusal *r = &w->ring[(w->next - i) % KEPT];
		int near = r->unix_ms ? nearness(reader, &r->caller) : 0;

		if (near > best_nearness) {
			best_nearness = near;
			best = r;
		}
	}
	return best;
}

static bool is_about(const struct refusal *r, uint64_t ino, const char *name, bool reading)
{
	return r->unix_ms && r->ino == ino && r->reading == reading &&
	       (name && r->name ? !strcmp(name, r->name) : name == r->name);
}

void why_settle(struct why_table *w, const struct caller *c, uint64_t ino, const char *name,
		bool reading)
{
	size_t kept = w->next < KEPT ? w->next : KEPT;

	for (size_t i = 0; i < kept; i++)
		if (is_about(&w->ring[i], ino, name, reading) &&
		    nearness(c, &w->ring[i].caller) >= KIN)
			w->ring[i].unix_ms = 0;
}

void why_settle_by(struct why_table *w, fuse_req_t req, uint64_t ino, const char *name,
		   bool reading)
{
	size_t kept = w->next < KEPT ? w->next : KEPT;
	struct caller caller;

	for (size_t i = 0; i < kept; i++) {
		if (!is_about(&w->ring[i], ino, name, reading))
			continue;
		caller_find(&caller, fuse_req_ctx(req));
		why_settle(w, &caller, ino, name, reading);
		return;
	}
}

const char *why_reason(const struct why_table *w, const struct caller *c)
{
	const struct refusal *r = find(w, c);

	return r ? r->reason : NULL;
}

/* errno, what it means here, what to do. */
static const struct meaning {
	int code;
	const char *reason, *remedy;
} meanings[] = {
	{0, "it is done, but not all of it", "read the file to see what was kept"},
	{EEXIST, "it is there already", "remove what is there first"},
	{EROFS, "the mounted book is read only",
	 "copy the file out to change it; style.md, concepts.json and what is in elements/ are "
	 "changed here, commands go into .bookfs/ctl"},
	{EPERM, "this is not done here", "what may be changed is writable: ls -l shows it"},
	{EBUSY, "somebody else holds its lock", "cat locks/.why says who, and what to do"},
	{EFBIG, "it is too large",
	 "concepts.json has 16 MB at most, another text 1 MB, a picture 64 MB"},
	{ENAMETOOLONG, "the name is too long", "a name has 255 bytes at most"},
	{EIO, "the work failed", "see status.json; echo retry failed > .bookfs/ctl tries again"},
	{ETIMEDOUT, "it took longer than this mount waits",
	 "the work goes on: read the file again later, or mount with a longer -o wait=SECONDS"},
	{EACCES, "the provider refused the key",
	 "check the key, then echo retry failed > .bookfs/ctl"},
	{EDQUOT, "the budget is spent",
	 "echo budget +50 > .bookfs/ctl goes on; if it is the server's own, pay, then echo retry "
	 "failed"},
	{ENODATA, "this is not analysed yet, and reading it does not start the analysis",
	 "echo analyze CHAPTER > .bookfs/ctl starts it"},
	{EAGAIN, "opened without blocking: the analysis is under way",
	 "read it again later; .bookfs/events says when it is ready"},
	{EINTR, "the wait was interrupted", "the work goes on: read the file again"},
	{EINVAL, "the command is not known", "cat .bookfs/ctl lists the commands"},
	{ENOENT, "the book has no such chapter", "book.json lists the chapters"},
	{ESTALE, "the book's file has changed since it was mounted",
	 "unmount and mount it again: what has not changed keeps its results"},
	{ENOSPC, "the store's disk is full", "make room on it, then try again"},
};

/* The same of reading what is there: no work failed, and trying it again brings nothing. */
static const struct meaning meanings_of_book[] = {
	{EIO, "the book's file is damaged in this place",
	 "put an undamaged copy of the book there and mount it again: what was made of it stays"},
	{EACCES, "this part of the book's file is encrypted",
	 "the chapters' texts are what could be read of the book"},
};
static const struct meaning meanings_of_store[] = {
	{EIO, "the store cannot give it", "bookfs check BOOK says what is wrong with the store"},
};

/* Of a mount whose store is somebody else's, or on a disk that is read only: no command helps. */
#define ANOTHER_STORE "mount it as who owns the store, or with --store PATH for one of your own"
static const struct meaning meanings_of_read_only[] = {
	{EROFS, "the store cannot be written", ANOTHER_STORE},
	{ENODATA, "this is not analysed, and the store cannot be written", ANOTHER_STORE},
};

static const struct meaning *find_meaning(const struct meaning *table, size_t count, int code)
{
	for (size_t i = 0; i < count; i++)
		if (table[i].code == code)
			return &table[i];
	return NULL;
}

static const struct meaning *meaning_of(const struct fs *fs, int code)
{
	static const struct meaning other = {0, "it failed", "see .bookfs/log"};
	const struct meaning *m = NULL;

	if (fs->engine->read_only)
		m = find_meaning(meanings_of_read_only, ARRAY_LEN(meanings_of_read_only), code);
	if (!m)
		m = find_meaning(meanings, ARRAY_LEN(meanings), code);
	return m ? m : &other;
}

void why_remember_read(struct why_table *w, const struct caller *c, const struct view_attr *a,
		       int code)
{
	const struct meaning *m =
		a->of_book ? find_meaning(meanings_of_book, ARRAY_LEN(meanings_of_book), -code)
			   : find_meaning(meanings_of_store, ARRAY_LEN(meanings_of_store), -code);

	why_remember_with(w, c, a->ino, NULL, code, m ? m->reason : NULL, m ? m->remedy : NULL);
	w->ring[(w->next - 1) % KEPT].reading = true;
}

static void path_text(struct buf *out, struct fs *fs, const struct refusal *r)
{
	CLEANUP(buf_finish) struct buf path = {0};
	bool known = node_path(&path, fs, r->ino) == 0;

	if (!r->name)
		buf_adds(out, known ? buf_str(&path) : "(gone)");
	else if (known && strcmp(buf_str(&path), ".") != 0)
		buf_addf(out, "%s/%s", buf_str(&path), r->name);
	else
		buf_adds(out, r->name);
}

int why_text(struct buf *out, struct fs *fs, const struct caller *c)
{
	const struct refusal *r = find(fs->why, c);
	const struct meaning *m;
	char when[ISO_TIME_BYTES];

	if (!r)
		return buf_adds(out, "nothing of yours was refused, and nothing failed\n");
	m = meaning_of(fs, -r->code);
	clock_iso(when, r->unix_ms);
	buf_adds(out, "path: ");
	path_text(out, fs, r);
	if (r->code)
		buf_addf(out, "\nerrno: %s (%s)\n", strerrorname_np(-r->code), strerror(-r->code));
	else
		buf_adds(out, "\nerrno: none\n");
	buf_addf(out, "reason: %s\nremedy: %s\n", r->reason ? r->reason : m->reason,
		 r->remedy ? r->remedy : m->remedy);
	if (r->caller.pid)
		buf_addf(out, "who: %s (pid %d)\n", r->caller.name, (int)r->caller.pid);
	return buf_addf(out, "when: %s\n", when);
}
