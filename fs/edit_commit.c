/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "edit.h"
#include "lock.h"
#include "lock_json.h"

/*
 * What somebody wrote becomes an edit: it is compared with what is there (nothing new is no edit),
 * read, and stored; the answer comes when the store has it. A text of concepts.json is read on a
 * pool thread, as its quotes are looked for in the whole chapter.
 */

static struct store_reader *reader_of(const struct commit *c)
{
	return store_reader(c->fs->engine->store);
}

struct commit *commit_new(fuse_req_t req, void (*done)(struct commit *c, int result))
{
	struct commit *c = xcalloc(1, sizeof(*c));

	c->req = req;
	c->done = done;
	if (req) {
		c->fs = fuse_req_userdata(req);
		caller_find(&c->caller, fuse_req_ctx(req));
	}
	return c;
}

struct commit *commit_named(fuse_req_t req, void (*done)(struct commit *c, int result),
			    uint64_t folder, const char *name)
{
	struct commit *c = commit_new(req, done);
	struct view_attr attr;

	c->folder = folder;
	c->thread = fuse_req_ctx(req)->pid;
	snprintf(c->name, sizeof(c->name), "%s", name);
	memcpy(c->why_name, c->name, sizeof(c->why_name));
	if (node_attr(&attr, c->fs, folder) == 0)
		c->why_ino = attr.ino;
	return c;
}

int commit_refuse(struct commit *c, int code, const char *reason)
{
	why_remember_with(c->fs->why, &c->caller, c->why_ino, c->why_name[0] ? c->why_name : NULL,
			  code, reason, code == -ENOSPC ? NULL : edit_remedy(code));
	log_warn("%s: not changed: %s", c->subject.path,
		 reason && *reason ? reason : strerror(-code));
	return code;
}

static void run(struct commit *c);

/* The next commit of a draft, if there is one: not from within this one. */
static void run_next(void *arg)
{
	run(arg);
}

static void go_on(struct draft *d, const struct commit *ended)
{
	if (d->commits != ended)
		return;
	d->commits = ended->next;
	if (!d->commits)
		return;
	d->commits->seen = d->seen;
	loop_post(d->fs->loop, run_next, d->commits);
}

static void finish(struct commit *c, int result)
{
	struct fs *fs = c->fs;
	struct draft *d = c->draft;

	if (d)
		d->verdict = result;
	if (d && result == 0) {
		d->after_rm = false;
		commit_base(d, fs);
		if (d->subject.what != VIEW_EDIT_NONE)
			draft_rename(d, 0, NULL); /* it is the book's by now */
	}
	if (result == 0 && !c->err.msg[0])
		why_settle(fs->why, &c->caller, c->why_ino, c->why_name[0] ? c->why_name : NULL,
			   false);
	c->done(c, result);
	if (d)
		go_on(d, c);
	if (d)
		draft_release(d);
	buf_finish(&c->bytes);
	buf_finish(&c->text);
	analysis_free(c->from);
	analysis_free(c->analysis);
	corrections_finish(&c->corrections);
	free(c);
	fs_done(fs);
}

static void fail(struct commit *c, int code, const char *reason)
{
	finish(c, commit_refuse(c, code, reason));
}

static void begin(struct commit *c)
{
	c->fs->pending++;
	if (c->draft)
		draft_hold(c->draft);
}

/* ---- what it is compared with */

static int hash_subject(char out[HASH_HEX], struct fs *fs, struct view_subject *s)
{
	CLEANUP(hash_free_cleanup) struct hash *h = hash_new();
	struct buf bytes = {.max_bytes = DRAFT_BYTES_MOST};
	int r = view_subject_bytes(&bytes, fs->views, s);

	if (r == 0)
		hash_add(h, buf_str(&bytes), bytes.len);
	hash_hex(out, h);
	buf_finish(&bytes);
	return r;
}

static bool is_compared(const struct view_subject *s)
{
	return s->what == VIEW_EDIT_ELEMENT || s->what == VIEW_EDIT_STYLE;
}

/* The subject as it is now. */
static void find_again(struct view_subject *s, struct fs *fs)
{
	struct view_subject now;

	if (s->node && view_subject_of(&now, fs->views, s->node) == 0)
		*s = now.path[0] ? now : *s;
}

void commit_base(struct draft *d, struct fs *fs)
{
	find_again(&d->subject, fs);
	if (d->subject.what == VIEW_EDIT_CONCEPTS)
		store_analysis_id(&d->seen, store_reader(fs->engine->store), d->subject.chapter);
	if (is_compared(&d->subject) && d->subject.node &&
	    hash_subject(d->base, fs, &d->subject) < 0)
		d->base[0] = '\0';
}

static int check_base(struct commit *c)
{
	char now[HASH_HEX];

	if (!is_compared(&c->subject) || !c->subject.node || !c->draft->base[0] ||
	    hash_subject(now, c->fs, &c->subject) < 0 || !strcmp(now, c->draft->base))
		return 0;
	return err_set(&c->err, -ESTALE, "somebody else changed it since it was opened");
}

static bool is_unchanged(struct commit *c)
{
	struct buf now = {.max_bytes = DRAFT_BYTES_MOST};
	bool same;

	if (!c->subject.node || (c->subject.what == VIEW_EDIT_PORTRAIT && !c->subject.portrait))
		return false;
	same = view_subject_bytes(&now, c->fs->views, &c->subject) == 0 &&
	       now.len == c->bytes.len && !memcmp(buf_str(&now), buf_str(&c->bytes), now.len);
	buf_finish(&now);
	return same;
}

/* ---- storing */

static struct wish picture_wish(const struct commit *c)
{
	return (struct wish){.chapter = c->subject.chapter,
			     .profile = jobs_profile(c->fs->engine->jobs, JOB_ILLUSTRATE),
			     .on_demand = true};
}

static int work_edit(struct store_tx *tx, void *arg, struct err *err)
{
	struct commit *c = arg;
	const struct bytes bytes = {c->bytes.data, c->bytes.len, c->ext};

	switch (c->subject.what) {
	case VIEW_EDIT_CONCEPTS:
		return tx_edit_analysis(tx, c->subject.chapter, c->seen, c->analysis);
	case VIEW_EDIT_ELEMENT:
		return tx_correct(tx, c->subject.path, &c->corrections);
	case VIEW_EDIT_STYLE:
		return tx_set_style(tx, buf_str(&c->bytes));
	case VIEW_EDIT_PORTRAIT:
		return tx_set_portrait(tx, c->subject.type, buf_str(&c->text), &bytes);
	default:
		return -EINVAL;
	}
}

static const char *reason_of(const struct commit *c, int result)
{
	if (result == -ESTALE)
		return "somebody else changed it since it was read";
	if (result == -ENODATA)
		return "front and back matter have no scenes";
	if (result == -ENOENT && c->subject.what == VIEW_EDIT_APPROVED)
		return "this chapter is not analysed: there is nothing to approve";
	return result == -ENOENT ? "it is not there any more" : NULL;
}

static void stored(void *arg, int result, const struct err *err)
{
	struct commit *c = arg;

	if (result < 0)
		fail(c, result, err && err->msg[0] ? err->msg : reason_of(c, result));
	else
		finish(c, 0);
}

static void store(struct commit *c, store_work_fn work)
{
	store_write(c->fs->engine->store, work, stored, c);
}

/* ---- concepts.json */

static int read_chapter(struct commit *c)
{
	struct store_analysis best = {0};
	int r = store_analysis(&best, reader_of(c), c->subject.chapter, true);

	if (r == 0) {
		c->from = best.analysis;
		best.analysis = NULL;
	}
	store_analysis_finish(&best);
	if (r < 0 && r != -ENOENT)
		return r;
	return view_chapter_text(&c->text, c->fs->views, c->subject.chapter);
}

static bool same_analysis(const struct analysis *a, const struct analysis *b)
{
	CLEANUP(buf_finish) struct buf x = {0}, y = {0};

	return a && b && analysis_encode(&x, a) == 0 && analysis_encode(&y, b) == 0 &&
	       x.len == y.len && !memcmp(buf_str(&x), buf_str(&y), x.len);
}

static int read_concepts(struct commit *c)
{
	const struct concepts_edit e = {.chapter = c->subject.chapter,
					.from = c->from,
					.text = buf_str(&c->text),
					.text_len = c->text.len};

	return concepts_document_read(&c->analysis, &e, buf_str(&c->bytes), c->bytes.len, &c->err);
}

static void parse(void *arg) /* pool */
{
	struct commit *c = arg;

	c->result = read_concepts(c);
}

static void parsed(void *arg)
{
	struct commit *c = arg;

	if (c->result == 0 && c->err.msg[0]) /* all but a field that is no scene's is done */
		why_remember_with(c->fs->why, &c->caller, c->why_ino,
				  c->why_name[0] ? c->why_name : NULL, 0, c->err.msg, NULL);
	if (c->result < 0)
		fail(c, c->result, c->err.msg);
	else if (same_analysis(c->from, c->analysis))
		finish(c, 0);
	else
		store(c, work_edit);
}

static void commit_concepts(struct commit *c)
{
	int r = read_chapter(c);

	if (r < 0)
		fail(c, r, NULL);
	else
		loop_work(c->fs->loop, parse, parsed, c);
}

int commit_judge_write(struct draft *d, struct err *err)
{
	struct commit c = {.fs = d->fs, .subject = d->subject};
	enum lock_json_state state = lock_json_scan(buf_str(&d->bytes), d->bytes.len);
	int r;

	if (state == LOCK_JSON_PART)
		return 0;
	r = buf_add(&c.bytes, buf_str(&d->bytes), d->bytes.len);
	if (r == 0)
		r = read_chapter(&c);
	if (r == 0)
		r = read_concepts(&c);
	if (r < 0)
		err_set(err, r, "%s", c.err.msg);
	buf_finish(&c.bytes);
	buf_finish(&c.text);
	analysis_free(c.from);
	analysis_free(c.analysis);
	return r;
}

/* ---- the others */

enum { ELEMENT_BYTES_MOST = 1 << 20, STYLE_BYTES_MOST = 1 << 20 };

static int check_text(struct commit *c, size_t most)
{
	if (c->bytes.len > most)
		return err_set(&c->err, -EFBIG, "%zu bytes are too many: %zu are allowed",
			       c->bytes.len, most);
	if (memchr(buf_str(&c->bytes), '\0', c->bytes.len) ||
	    !utf8_valid(buf_str(&c->bytes), c->bytes.len))
		return err_set(&c->err, -EINVAL, "it is not text in UTF-8");
	return 0;
}

/* Who is new by a name that another has as well is that one no more. */
static void part_first(struct commit *c)
{
	struct corrections all = {0};
	const struct correction *new = c->corrections.len ? &c->corrections.items[0] : NULL;
	const struct catalogue_entry *owner =
		new ? view_element_called(c->fs->views, new->type, new->name) : NULL;

	if (!owner)
		return;
	struct correction *split =
		corrections_add(&all, CORRECTION_SPLIT, owner->type, owner->name);
	split->to_type = new->type;
	split->to = xstrdup(new->name);
	corrections_move(&all, &c->corrections);
	corrections_finish(&c->corrections);
	c->corrections = all;
}

static void commit_element(struct commit *c)
{
	const struct catalogue_entry *e =
		view_element(c->fs->views, c->subject.type, c->subject.stem);
	int r = check_text(c, ELEMENT_BYTES_MOST);

	if (r == 0)
		r = element_document_read(&c->corrections, e, c->subject.type,
					  e ? e->name : c->subject.stem, buf_str(&c->bytes),
					  c->bytes.len, &c->err);
	if (r == 0 && !e)
		part_first(c);
	if (r < 0)
		fail(c, r, c->err.msg);
	else if (c->corrections.len == 0)
		finish(c, 0);
	else
		store(c, work_edit);
}

static void commit_style(struct commit *c)
{
	int r = check_text(c, STYLE_BYTES_MOST);

	if (r < 0)
		fail(c, r, c->err.msg);
	else
		store(c, work_edit);
}

static void commit_portrait(struct commit *c)
{
	const struct catalogue_entry *e =
		view_element(c->fs->views, c->subject.type, c->subject.stem);

	if (!e)
		fail(c, -EINVAL, "nobody in this folder is called so any more");
	else if (picture_check(&c->ext, c->bytes.data, c->bytes.len, &c->err) < 0)
		fail(c, -EINVAL, c->err.msg);
	else if (buf_adds(&c->text, e->name) == 0)
		store(c, work_edit);
}

static void (*const commits[])(struct commit *c) = {
	[VIEW_EDIT_CONCEPTS] = commit_concepts,
	[VIEW_EDIT_ELEMENT] = commit_element,
	[VIEW_EDIT_STYLE] = commit_style,
	[VIEW_EDIT_PORTRAIT] = commit_portrait,
};

static void judge(struct commit *c)
{
	find_again(&c->subject, c->fs);
	if (is_unchanged(c) || (size_t)c->subject.what >= ARRAY_LEN(commits) ||
	    !commits[c->subject.what])
		finish(c, 0);
	else if (check_base(c) < 0)
		fail(c, c->err.code, c->err.msg);
	else
		commits[c->subject.what](c);
}

/* ---- made anew by who had removed it: then it was not removed, but is to be changed */

static int newest_standing(void *arg, const struct store_edit *e)
{
	struct commit *c = arg;

	if (e->undone_unix_ms)
		return 0;
	c->result = (e->kind == EDIT_CONCEPTS_REMOVED && c->subject.what == VIEW_EDIT_CONCEPTS &&
		     e->chapter == c->subject.chapter) ||
		    (e->kind == EDIT_ELEMENT && c->subject.what == VIEW_EDIT_ELEMENT &&
		     !strcmp(e->subject, c->subject.path));
	return 1;
}

static int work_undo(struct store_tx *tx, void *arg, struct err *err)
{
	int count;

	return tx_undo(&count, tx, 1);
}

static void undone(void *arg, int result, const struct err *err)
{
	struct commit *c = arg;

	if (result < 0) {
		stored(c, result, err);
		return;
	}
	view_subject_named(&c->subject, c->fs->views);
	c->seen = 0;
	judge(c);
}

static void run(struct commit *c)
{
	struct draft *d = c->draft;
	struct lock_refusal no = {0};
	int r = fence_check(&d->fence, lockfs_table(c->fs->locks), &no);

	if (r < 0) {
		finish(c,
		       c->req ? lockfs_refused_by(c->fs->locks, c->req, d->fence.resource, r, &no)
			      : commit_refuse(c, r, no.err.msg));
		return;
	}
	fence_used(&d->fence, lockfs_table(c->fs->locks));
	c->result = 0;
	if (d->after_rm)
		store_edits(reader_of(c), 0, newest_standing, c);
	if (c->result == 1)
		store_write(c->fs->engine->store, work_undo, undone, c);
	else
		judge(c);
}

/* Those of one draft one after the other, as each begins from what the last one left. */
void commit_draft(struct commit *c)
{
	struct draft *d = c->draft;
	struct commit **last = &d->commits;

	c->fs = d->fs;
	begin(c);
	d->written = false;
	c->bytes.max_bytes = DRAFT_BYTES_MOST;
	buf_add(&c->bytes, buf_str(&d->bytes), d->bytes.len);
	while (*last)
		last = &(*last)->next;
	*last = c;
	if (d->commits == c)
		run(c);
}

/* ---- what needs no text */

static int work_remove(struct store_tx *tx, void *arg, struct err *err)
{
	struct commit *c = arg;

	switch (c->subject.what) {
	case VIEW_EDIT_CONCEPTS:
		return tx_remove_analysis(tx, c->subject.chapter);
	case VIEW_EDIT_PICTURE:
		return tx_remove_picture(tx, c->subject.chapter, c->subject.scene);
	case VIEW_EDIT_ELEMENT:
		return tx_correct(tx, c->subject.path, &c->corrections);
	case VIEW_EDIT_STYLE:
		return tx_set_style(tx, NULL);
	case VIEW_EDIT_PORTRAIT:
		return tx_remove_portrait(tx, c->subject.portrait);
	default:
		return -EINVAL;
	}
}

void commit_removal(struct commit *c)
{
	const struct catalogue_entry *e = NULL;

	begin(c);
	if (c->subject.what == VIEW_EDIT_ELEMENT) {
		e = view_element(c->fs->views, c->subject.type, c->subject.stem);
		if (!e) {
			fail(c, -ENOENT, "it is not there any more");
			return;
		}
		corrections_add(&c->corrections, CORRECTION_REMOVE, e->type, e->name);
	}
	store(c, work_remove);
}

static int work_approve(struct store_tx *tx, void *arg, struct err *err)
{
	struct commit *c = arg;
	const struct wish w = picture_wish(c);
	int count;
	int r = tx_approve(&count, tx, &w, 0);

	return r == -ENOENT ? err_set(err, -ENODATA, "%s", reason_of(c, -ENOENT)) : r;
}

void commit_approval(struct commit *c)
{
	begin(c);
	store(c, work_approve);
}

static int work_correct(struct store_tx *tx, void *arg, struct err *err)
{
	struct commit *c = arg;

	return tx_correct(tx, c->subject.path, &c->corrections);
}

void commit_corrections(struct commit *c)
{
	begin(c);
	store(c, work_correct);
}
