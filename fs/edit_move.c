/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "edit.h"

/*
 * Renaming. A scratch file that gets the name of something editable becomes an edit of it; what is
 * editable and gets another name is copied, so that its own name never lacks; and what is in
 * elements/ is called otherwise, or is one with another.
 */

static struct fs *fs_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static void replied(struct commit *c, int result)
{
	fuse_reply_err(c->req, -result);
}

/* The draft is now what it was renamed to, and who has it open goes on writing that. */
static void draft_renamed(struct commit *c, int result)
{
	struct draft *d = c->draft, *there;
	struct view_attr attr;

	if (result == 0) {
		there = draft_named(c->fs->drafts, c->folder, c->name);
		if (there)
			draft_orphan(there);
		d->subject = c->subject;
		if (node_lookup(&attr, c->fs, c->folder, c->name) == 0)
			d->ino = attr.ino;
		commit_base(d, c->fs);
		draft_rename(d, 0, NULL);
	}
	fuse_reply_err(c->req, -result);
}

struct move {
	fuse_req_t req;
	uint64_t folder, to_folder;
	const char *name, *to_name;
	struct view_subject from, to;
};

static void refuse_move(const struct move *m, int code, const char *reason)
{
	edit_refuse(m->req, m->to_folder, m->to_name, code, reason);
}

/* A scratch file becomes what its new name is. */
static void move_onto(const struct move *m, struct draft *d)
{
	const char *why = edit_why_not_new(fs_of(m->req), &m->to);
	struct fence fence;
	struct commit *c;

	if (!S_ISREG(d->mode) || m->to.what == VIEW_EDIT_APPROVED ||
	    m->to.what == VIEW_EDIT_PICTURE || why) {
		refuse_move(m, m->to.what == VIEW_EDIT_PICTURE ? -EROFS : -EINVAL,
			    S_ISREG(d->mode) ? why : "a symbolic link is no content");
		return;
	}
	if (!edit_may_change(m->req, m->to.node ? m->to.node : m->to_folder, m->to_name, &fence))
		return;
	d->fence = fence;
	c = commit_named(m->req, draft_renamed, m->to_folder, m->to_name);
	c->subject = m->to;
	c->draft = d;
	c->seen = m->folder == m->to_folder ? d->seen : 0;
	commit_draft(c);
}

/* May a scratch file be called so? Replies if not; what is called so is gone. */
static bool make_way(const struct move *m)
{
	struct drafts *drafts = fs_of(m->req)->drafts;
	struct draft *there = draft_named(drafts, m->to_folder, m->to_name);
	struct view_subject s;

	if (!there && m->to.node) {
		refuse_move(m, -EROFS, NULL);
		return false;
	}
	if (!edit_may_make(m->req, m->to_folder, m->to_name, &s))
		return false;
	if (there)
		draft_rename(there, 0, NULL);
	return true;
}

static void move_draft(const struct move *m, struct draft *d)
{
	if (m->to.what != VIEW_EDIT_NONE) {
		move_onto(m, d);
		return;
	}
	if (!edit_may_change(m->req, m->to_folder, m->to_name, NULL) || !make_way(m))
		return;
	draft_rename(d, m->to_folder, m->to_name);
	fuse_reply_err(m->req, 0);
}

/* An editor puts the old version away before it writes the new one, and may be killed in between:
 * so it gets a copy, and the name keeps what it has. */
static void move_away(const struct move *m)
{
	struct fs *fs = fs_of(m->req);
	struct buf bytes = {.max_bytes = DRAFT_BYTES_MOST};
	struct view_change forget = {.folder = m->to_folder, .old_node = m->from.node};
	struct draft *d;
	int r;

	if (!edit_may_change(m->req, m->to_folder, m->to_name, NULL) || !make_way(m))
		return;
	r = view_subject_bytes(&bytes, fs->views, &m->from);
	if (r == 0)
		r = edit_make_draft(&d, m->req, m->to_folder, m->to_name, &m->to);
	if (r == 0) {
		r = draft_write(d, buf_str(&bytes), bytes.len, 0);
		draft_release(d);
	}
	buf_finish(&bytes);
	if (r < 0) {
		edit_refuse_room(m->req, m->to_folder, m->to_name, r);
		return;
	}
	fuse_reply_err(m->req, 0);
	/* The kernel has the old node under the new name. */
	snprintf(forget.name, sizeof(forget.name), "%s", m->to_name);
	notify_name(fs->notify, &forget);
}

/* mv A.md B.md: one is the other, or it is called so; in another folder it is of that type. */
static void move_element(const struct move *m)
{
	struct fs *fs = fs_of(m->req);
	const struct catalogue_entry *e = view_element(fs->views, m->from.type, m->from.stem);
	CLEANUP(cleanup_free) char *name = e ? xstrdup(e->name) : NULL;
	bool same = !strcmp(m->from.stem, m->to.stem);
	struct correction *k;
	struct fence fence;
	struct commit *c;

	if (!name) {
		fuse_reply_err(m->req, ENOENT);
		return;
	}
	if (!edit_may_change(m->req, m->from.node, m->name, &fence))
		return;
	c = commit_named(m->req, replied, m->to_folder, m->to_name);
	c->subject = m->to;
	e = m->to.node ? view_element(fs->views, m->to.type, m->to.stem) : NULL;
	if (e) {
		k = corrections_add(&c->corrections, CORRECTION_MERGE, m->from.type, name);
		k->to = xstrdup(e->name);
		k->to_type = m->to.type;
	}
	if (!e && m->from.type != m->to.type) {
		k = corrections_add(&c->corrections, CORRECTION_RETYPE, m->from.type, name);
		k->to_type = m->to.type;
	}
	if (!e && !same) {
		k = corrections_add(&c->corrections, CORRECTION_RENAME, m->to.type, name);
		k->to = xstrdup(m->to.stem);
	}
	commit_corrections(c);
}

static void move_file(const struct move *m)
{
	if (m->from.what == VIEW_EDIT_NONE || m->from.what == VIEW_EDIT_PICTURE || !m->from.node)
		refuse_move(m, m->from.node ? -EROFS : -ENOENT, NULL);
	else if (m->from.what == VIEW_EDIT_ELEMENT && m->to.what == VIEW_EDIT_ELEMENT)
		move_element(m);
	else if (m->from.what == VIEW_EDIT_APPROVED || m->to.what != VIEW_EDIT_NONE)
		refuse_move(m, -EPERM, "this file stays where it is: cp copies it");
	else
		move_away(m);
}

void edit_rename(fuse_req_t req, uint64_t folder, const char *name, uint64_t to_folder,
		 const char *to_name)
{
	struct fs *fs = fs_of(req);
	struct draft *d = draft_named(fs->drafts, folder, name);
	struct move m = {.req = req,
			 .folder = folder,
			 .to_folder = to_folder,
			 .name = name,
			 .to_name = to_name};
	int r = view_subject(&m.from, fs->views, folder, name);

	if (r == 0)
		r = view_subject(&m.to, fs->views, to_folder, to_name);
	if (r < 0)
		edit_refuse(req, to_folder, to_name, r, NULL);
	else if (d)
		move_draft(&m, d);
	else
		move_file(&m);
}
