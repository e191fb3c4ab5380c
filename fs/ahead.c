/* SPDX-License-Identifier: MIT */
#include "fs.h"

/*
 * Who reads the analyses in order gets the next ones made while he is at this one. Whether it is
 * one reader is not asked: `for n in ...; do cat` is a new process each time, and an agent's
 * commands may have nothing in common. A trail is a place in the book where chapters were opened
 * one after the other; several are kept, as several may read. Two chapters make it one: who opens a
 * single file, again and again even, asks for that alone.
 *
 * What is asked for ahead is not on demand: it takes the slots that readers leave free. It is asked
 * for a turn of the loop later, so that the wish for what is opened goes first.
 */

enum { TRAILS = 8 };

struct trail {
	int chapter; /* the last that was opened; 0: none was */
	int asked;   /* as far as it was looked ahead */
	uint64_t used;
	bool due;
};

struct ahead {
	struct fs *fs;
	struct trail trails[TRAILS];
	uint64_t opens;
	bool posted;
};

static int window(const struct fs *fs)
{
	const struct options *o = fs->options;
	struct err why;

	if (jobs_rests(fs->engine->jobs, JOB_ANALYZE, &why) < 0)
		return 0;
	if (o->readahead >= 0)
		return o->readahead;
	return server_costs(&o->text_server) ? 0 : fs->engine->provider->analyze_slots;
}

/* That nobody can be told of a failure is no loss: who wants the chapter asks for it himself. */
static void wished(void *arg, int result, const struct err *err)
{
	fs_done(arg);
}

/* The next chapter within sight that has no analysis, if one could be made; 0: none. */
static int next_to_make(const struct fs *fs, struct trail *t)
{
	int last = t->chapter + window(fs);

	if (t->asked < t->chapter)
		t->asked = t->chapter;
	if (last > view_chapters(fs->views))
		last = view_chapters(fs->views);
	while (t->asked < last) {
		if (view_trigger(fs->views, t->asked + 1, clock_unix_ms(), NULL) == 0)
			return t->asked + 1;
		t->asked++;
	}
	return 0;
}

static void ask(struct fs *fs, struct trail *t)
{
	int chapter;

	while ((chapter = next_to_make(fs, t))) {
		t->asked = chapter;
		fs->pending++;
		jobs_wish_analysis(fs->engine->jobs, chapter, false, false, wished, fs);
	}
}

static void ask_all(void *arg)
{
	struct ahead *a = arg;

	a->posted = false;
	for (size_t i = 0; i < TRAILS; i++) {
		if (a->trails[i].due && !a->fs->ending)
			ask(a->fs, &a->trails[i]);
		a->trails[i].due = false;
	}
	fs_done(a->fs);
}

/* The trail that chapter continues, or NULL: it is on one already, or begins one. */
static struct trail *follow(struct ahead *a, int chapter)
{
	struct trail *oldest = a->trails, *before = NULL;

	for (struct trail *t = a->trails; t < a->trails + TRAILS; t++) {
		if (t->chapter == chapter)
			return NULL;
		if (t->chapter && t->chapter == chapter - 1)
			before = t;
		if (t->used < oldest->used)
			oldest = t;
	}
	if (!before)
		*oldest = (struct trail){0};
	(before ? before : oldest)->chapter = chapter;
	(before ? before : oldest)->used = ++a->opens;
	return before;
}

void ahead_opened(fuse_req_t req, int chapter)
{
	struct fs *fs = fuse_req_userdata(req);
	struct ahead *a = fs->ahead;
	struct trail *t = window(fs) > 0 && !fs->ending ? follow(a, chapter) : NULL;
	struct caller caller;

	if (!t || !next_to_make(fs, t))
		return;
	caller_find(&caller, fuse_req_ctx(req));
	if (caller_never_asks(&caller, fs->options))
		return;
	t->due = true;
	if (a->posted)
		return;
	a->posted = true;
	fs->pending++;
	loop_post(fs->loop, ask_all, a);
}

struct ahead *ahead_new(struct fs *fs)
{
	struct ahead *a = xcalloc(1, sizeof(*a));

	a->fs = fs;
	return a;
}

struct ahead *ahead_free(struct ahead *a)
{
	free(a);
	return NULL;
}
