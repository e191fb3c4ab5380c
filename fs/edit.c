/* SPDX-License-Identifier: MIT */
#include "edit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { NOTES = 16, NOTE_MS = 2000, ABSENCES = 16, ABSENCE_MS = 1000 };

/* The next look-up of the file by this thread is the second half of its open for writing. */
struct note {
	pid_t thread;
	struct draft *draft; /* NULL: none */
	int flags;	     /* of the open */
	int64_t until_boot_ms;
};

/* mv(1) from another file system, tar, `cp --remove-destination` remove a file and then make it
 * anew, in one thread. For that one it is gone until it does; or it could not make it. */
struct absence {
	pid_t thread;
	uint64_t folder; /* 0: none */
	char name[NAME_BYTES];
	int64_t until_boot_ms;
};

struct edits {
	struct fs *fs;
	struct note notes[NOTES];
	struct absence absences[ABSENCES];
	size_t next_note, next_absence, absent;
};

struct edits *edits_new(struct fs *fs)
{
	struct edits *e = xcalloc(1, sizeof(*e));

	e->fs = fs;
	return e;
}

static void note_drop(struct note *n)
{
	if (n->draft)
		draft_release(n->draft);
	*n = (struct note){0};
}

struct edits *edits_free(struct edits *e)
{
	for (size_t i = 0; e && i < NOTES; i++)
		note_drop(&e->notes[i]);
	free(e);
	return NULL;
}

static struct fs *fs_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

const char *edit_remedy(int code)
{
	switch (code) {
	case -EINVAL:
		return "the old content stays: put it right and write it again";
	case -ESTALE:
		return "read it again, and make the change in what it says now";
	case -ENODATA:
		return "write what it is: echo '**Description:** A lamp.' > NAME.md";
	case -ENOSPC:
		return "remove what editors left beside the book's own files";
	default:
		return NULL;
	}
}

void edit_refuse(fuse_req_t req, uint64_t node, const char *name, int code, const char *reason)
{
	struct fs *fs = fs_of(req);
	struct view_attr attr;
	struct caller caller;

	caller_find(&caller, fuse_req_ctx(req));
	if (node_attr(&attr, fs, node) < 0)
		attr.ino = 0;
	why_remember_with(fs->why, &caller, attr.ino, name, code, reason, edit_remedy(code));
	fuse_reply_err(req, -code);
}

/* ---- notes and absences */

/* Takes the reference to d. */
static void note_add(struct edits *e, pid_t thread, struct draft *d, int flags)
{
	struct note *n = &e->notes[e->next_note++ % NOTES];

	note_drop(n);
	*n = (struct note){thread, d, flags, clock_boot_ms() + NOTE_MS};
}

static struct note *note_of(struct edits *e, pid_t thread)
{
	int64_t now = clock_boot_ms();
	struct note *found = NULL;

	for (size_t i = 0; i < NOTES; i++) {
		struct note *n = &e->notes[i];

		if (n->draft && n->until_boot_ms < now)
			note_drop(n);
		else if (n->draft && n->thread == thread &&
			 (!found || n->until_boot_ms >= found->until_boot_ms))
			found = n;
	}
	return found;
}

static void absence_add(struct edits *e, const struct commit *c)
{
	struct absence *a = &e->absences[e->next_absence++ % ABSENCES];

	e->absent += a->folder == 0;
	*a = (struct absence){.thread = c->thread,
			      .folder = c->folder,
			      .until_boot_ms = clock_boot_ms() + ABSENCE_MS};
	memcpy(a->name, c->name, sizeof(a->name));
}

static struct absence *absence_of(struct edits *e, pid_t thread, uint64_t folder, const char *name)
{
	for (size_t i = 0; e->absent && i < ABSENCES; i++) {
		struct absence *a = &e->absences[i];

		if (a->folder && a->until_boot_ms < clock_boot_ms()) {
			a->folder = 0;
			e->absent--;
		}
		if (a->folder == folder && a->thread == thread && !strcmp(a->name, name))
			return a;
	}
	return NULL;
}

static bool absence_take(struct edits *e, pid_t thread, uint64_t folder, const char *name)
{
	struct absence *a = absence_of(e, thread, folder, name);

	if (!a)
		return false;
	a->folder = 0;
	e->absent--;
	return true;
}

/* ---- who may */

int edit_allowed(fuse_req_t req, const char **reason)
{
	uid_t uid = fuse_req_ctx(req)->uid;

	if (uid != getuid() && uid != 0) {
		*reason = "the book is changed by who mounted it";
		return -EACCES;
	}
	if (fs_of(req)->engine->read_only) {
		*reason = "the store cannot be written";
		return -EROFS;
	}
	return 0;
}

/* Replies if not. node: of the file, or of the folder if it is to be made. */
bool edit_may_change(fuse_req_t req, uint64_t node, const char *name, struct fence *fence)
{
	const char *reason = NULL;
	int r = edit_allowed(req, &reason);

	if (r < 0) {
		edit_refuse(req, node, name, r, reason);
		return false;
	}
	r = fence ? fence_request(fence, fs_of(req), req, node) : 0;
	if (r < 0)
		fuse_reply_err(req, -r);
	return r == 0;
}

int edit_may_set(const struct stat *st, int to_set)
{
	if (to_set & FUSE_SET_ATTR_MODE && st->st_mode & (S_ISUID | S_ISGID | S_ISVTX))
		return -EPERM;
	if ((to_set & FUSE_SET_ATTR_UID && st->st_uid != getuid()) ||
	    (to_set & FUSE_SET_ATTR_GID && st->st_gid != getgid()))
		return -EPERM;
	return 0;
}

/* ---- opening */

static int edit_draft(struct draft **out, struct fs *fs, const struct view_attr *a, bool empty)
{
	struct draft *d;
	int r = draft_new(&d, fs->drafts, 0, NULL);

	if (r < 0)
		return r;
	r = view_subject_of(&d->subject, fs->views, a->node);
	if (r == 0 && !empty) {
		struct buf bytes = {.max_bytes = DRAFT_BYTES_MOST};

		r = view_subject_bytes(&bytes, fs->views, &d->subject);
		if (r == 0)
			r = draft_write(d, buf_str(&bytes), bytes.len, 0);
		buf_finish(&bytes);
	}
	if (r < 0) {
		draft_release(d);
		return r;
	}
	d->head = 0;
	d->ino = a->ino;
	d->emptied = empty;
	d->mtime_unix_ms = a->mtime_unix_ms;
	commit_base(d, fs);
	*out = d;
	return 0;
}

void edit_open(fuse_req_t req, const struct view_attr *a, const struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct fence fence;
	struct draft *d;
	int r;

	if (!edit_may_change(req, a->node, NULL, &fence))
		return;
	r = edit_draft(&d, fs, a, fi->flags & O_TRUNC);
	if (r < 0) {
		edit_refuse(req, a->node, NULL, r,
			    r == -ENOSPC ? "too many files are being written at once" : NULL);
		return;
	}
	d->fence = fence;
	note_add(fs->edits, fuse_req_ctx(req)->pid, d, fi->flags);
	fuse_reply_err(req, ESTALE);
}

bool edit_opened(fuse_req_t req, const struct draft *d, int flags)
{
	struct note *n = note_of(fs_of(req)->edits, fuse_req_ctx(req)->pid);
	bool same;

	if (!n || n->draft != d)
		return true;
	same = n->flags == flags;
	note_drop(n);
	return same;
}

bool edit_lookup(fuse_req_t req, uint64_t folder, const char *name)
{
	struct fs *fs = fs_of(req);
	struct edits *e = fs->edits;
	struct fuse_entry_param entry;
	const struct draft *d = NULL;
	struct view_attr attr;
	struct note *n;

	if (!drafts_any(fs->drafts) && !e->absent)
		return false;
	if (absence_of(e, fuse_req_ctx(req)->pid, folder, name)) {
		fuse_reply_err(req, ENOENT);
		return true;
	}
	d = draft_named(fs->drafts, folder, name);
	n = d ? NULL : note_of(e, fuse_req_ctx(req)->pid);
	if (n && node_lookup(&attr, fs, folder, name) == 0 && attr.ino == n->draft->ino)
		d = n->draft;
	if (!d)
		return false;
	draft_entry(&entry, d);
	fuse_reply_entry(req, &entry);
	return true;
}

/* ---- making names */

static bool is_name(const char *name)
{
	size_t len = strlen(name);

	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return false;
	return utf8_valid(name, len);
}

/* May this name be made in this folder? Replies if not. */
bool edit_may_make(fuse_req_t req, uint64_t folder, const char *name, struct view_subject *s)
{
	struct fs *fs = fs_of(req);
	struct view_attr attr;
	int r = node_attr(&attr, fs, folder);

	if (r == 0 && !attr.scratch)
		r = -EROFS;
	if (r == 0 && strlen(name) >= NAME_BYTES)
		r = -ENAMETOOLONG;
	if (r < 0) {
		edit_refuse(req, folder, name, r, NULL);
		return false;
	}
	if (!is_name(name)) {
		edit_refuse(req, folder, NULL, -EINVAL,
			    "a name here is UTF-8 without control characters");
		return false;
	}
	r = view_subject(s, fs->views, folder, name);
	if (r < 0)
		fuse_reply_err(req, -r);
	return r == 0;
}

void edit_refuse_room(fuse_req_t req, uint64_t folder, const char *name, int code)
{
	edit_refuse(req, folder, name, code,
		    "there are too many files beside the book's own: remove what editors left");
}

/* What cannot be made of nothing; NULL: it can. */
const char *edit_why_not_new(struct fs *fs, const struct view_subject *s)
{
	if (s->what == VIEW_EDIT_PORTRAIT && !view_element(fs->views, s->type, s->stem))
		return "a picture in elements/ is a portrait, and nobody there is called so: make "
		       "NAME.md first";
	return NULL;
}

static void approved(struct commit *c, int result)
{
	struct fuse_entry_param entry;
	struct draft *d;
	int r = result < 0 ? result : draft_new(&d, c->fs->drafts, 0, NULL);

	if (r < 0) {
		fuse_reply_err(c->req, -r);
		return;
	}
	d->subject = c->subject;
	draft_entry(&entry, d);
	draft_open_reply(c->req, d, &c->file, &entry);
	draft_release(d);
}

static void approve(fuse_req_t req, const struct view_subject *s, uint64_t folder, const char *name,
		    const struct fuse_file_info *fi)
{
	struct commit *c = commit_new(req, approved);

	c->subject = *s;
	c->file = *fi;
	c->folder = folder;
	snprintf(c->why_name, sizeof(c->why_name), "%s", name);
	commit_approval(c);
}

/* A file that is to become something, or a scratch file. */
int edit_make_draft(struct draft **out, fuse_req_t req, uint64_t folder, const char *name,
		    const struct view_subject *s)
{
	struct fs *fs = fs_of(req);
	struct draft *d;
	struct view_attr attr;
	int r = draft_new(&d, fs->drafts, folder, name);

	if (r < 0)
		return r;
	d->subject = *s;
	/* A file made beside concepts.json is made of what that says now. */
	if (s->what == VIEW_EDIT_NONE && node_attr(&attr, fs, folder) == 0 && attr.chapter)
		store_analysis_id(&d->seen, store_reader(fs->engine->store), attr.chapter);
	*out = d;
	return 0;
}

static bool make_subject(fuse_req_t req, uint64_t folder, const char *name,
			 const struct view_subject *s, struct fence *fence)
{
	const char *why = edit_why_not_new(fs_of(req), s);

	if (why)
		edit_refuse(req, folder, name, -EINVAL, why);
	return !why && edit_may_change(req, s->node ? s->node : folder, name,
				       s->what == VIEW_EDIT_NONE ? NULL : fence);
}

void edit_create(fuse_req_t req, uint64_t folder, const char *name, mode_t mode,
		 struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct fuse_entry_param entry;
	struct fence fence = {0};
	struct view_subject s;
	struct draft *d;
	bool absent;
	int r;

	if (!edit_may_make(req, folder, name, &s))
		return;
	absent = absence_take(fs->edits, fuse_req_ctx(req)->pid, folder, name);
	/* The kernel did not know that it is there. */
	if ((s.node && !absent) || draft_named(fs->drafts, folder, name)) {
		fuse_reply_err(req, fi->flags & O_EXCL ? EEXIST : ESTALE);
		return;
	}
	if (!make_subject(req, folder, name, &s, &fence))
		return;
	if (s.what == VIEW_EDIT_APPROVED) {
		approve(req, &s, folder, name, fi);
		return;
	}
	r = edit_make_draft(&d, req, folder, name, &s);
	if (r < 0) {
		edit_refuse_room(req, folder, name, r);
		return;
	}
	d->mode = S_IFREG | (mode & 0777);
	d->fence = fence;
	d->after_rm = absent;
	draft_entry(&entry, d);
	draft_open_reply(req, d, fi, &entry);
	draft_release(d);
}

/* A scratch file of its own, not open. */
static void make_closed(fuse_req_t req, uint64_t folder, const char *name, mode_t mode,
			const char *target)
{
	struct fs *fs = fs_of(req);
	struct fuse_entry_param entry;
	struct view_subject s;
	struct draft *d;
	int r = 0;

	if (!edit_may_make(req, folder, name, &s) || !edit_may_change(req, folder, name, NULL))
		return;
	if (s.node || draft_named(fs->drafts, folder, name)) {
		fuse_reply_err(req, EEXIST);
		return;
	}
	if (s.what != VIEW_EDIT_NONE) {
		edit_refuse(req, folder, name, -EPERM, "this name is for a plain file");
		return;
	}
	r = edit_make_draft(&d, req, folder, name, &s);
	if (r == 0)
		d->mode = mode;
	if (r == 0 && target)
		r = draft_write(d, target, strlen(target), 0);
	if (r < 0) {
		edit_refuse_room(req, folder, name, r);
		return;
	}
	draft_entry(&entry, d);
	draft_release(d);
	fuse_reply_entry(req, &entry);
}

void edit_mknod(fuse_req_t req, uint64_t folder, const char *name, mode_t mode)
{
	if (S_ISREG(mode))
		make_closed(req, folder, name, S_IFREG | (mode & 0777), NULL);
	else
		edit_refuse(req, folder, name, -EROFS,
			    "a book has files and folders, nothing else");
}

void edit_symlink(fuse_req_t req, const char *target, uint64_t folder, const char *name)
{
	make_closed(req, folder, name, S_IFLNK | 0777, target);
}

/* ---- removing */

static void removed(struct commit *c, int result)
{
	if (result == 0)
		absence_add(c->fs->edits, c);
	fuse_reply_err(c->req, -result);
}

/* What stays whatever is asked; NULL: it can be removed. */
static const char *why_it_stays(struct fs *fs, const struct view_subject *s)
{
	CLEANUP(buf_finish) struct buf style = {0};
	int64_t id = 0;

	if (s->what == VIEW_EDIT_APPROVED)
		return "what is approved is asked for: bookfs undo takes it back, and a scene "
		       "struck out of concepts.json is not drawn";
	if (s->what == VIEW_EDIT_CONCEPTS &&
	    store_analysis_id(&id, store_reader(fs->engine->store), s->chapter) == 0 && id == 0)
		return "this chapter is not analysed: there is nothing to remove";
	if (s->what == VIEW_EDIT_STYLE &&
	    store_style(&style, &id, store_reader(fs->engine->store)) == 0 && id == 0)
		return "no style is set: there is nothing to remove";
	return NULL;
}

void edit_unlink(fuse_req_t req, uint64_t folder, const char *name)
{
	struct fs *fs = fs_of(req);
	struct draft *d = draft_named(fs->drafts, folder, name);
	struct view_subject s;
	struct fence fence;
	struct commit *c;
	const char *why;
	int r;

	if (d) {
		if (edit_may_change(req, folder, name, NULL)) {
			draft_orphan(d);
			fuse_reply_err(req, 0);
		}
		return;
	}
	r = view_subject(&s, fs->views, folder, name);
	if (r < 0 || !s.node || s.what == VIEW_EDIT_NONE) {
		edit_refuse(req, folder, name, r < 0 ? r : -EROFS, NULL);
		return;
	}
	why = why_it_stays(fs, &s);
	if (why) {
		edit_refuse(req, folder, name, -EPERM, why);
		return;
	}
	if (!edit_may_change(req, s.node, name, &fence))
		return;
	c = commit_named(req, removed, folder, name);
	c->subject = s;
	commit_removal(c);
}

/* ---- attributes of what is editable and not a draft */

static void reply_attr(fuse_req_t req, uint64_t node)
{
	struct fs *fs = fs_of(req);
	struct view_attr now;
	struct stat st;

	if (node_attr(&now, fs, node) < 0) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	node_stat(&st, fs, &now);
	fuse_reply_attr(req, &st, 0);
}

/* The node that was truncated is past: its size is what was asked for, and is asked again. */
static void truncated(struct commit *c, int result)
{
	struct stat st;

	if (result < 0) {
		fuse_reply_err(c->req, -result);
		return;
	}
	draft_stat(&st, c->draft);
	fuse_reply_attr(c->req, &st, 0);
}

/* truncate(2) by path is an edit of its own. */
static void truncate_file(fuse_req_t req, const struct view_attr *a, off_t size)
{
	struct fs *fs = fs_of(req);
	struct fence fence;
	struct commit *c;
	struct draft *d;
	int r;

	if (!edit_may_change(req, a->node, NULL, &fence))
		return;
	r = edit_draft(&d, fs, a, false);
	if (r == 0) {
		r = size < 0 ? -EINVAL : draft_resize(d, (size_t)size);
		d->fence = fence;
		d->written = true;
		if (r < 0)
			draft_release(d);
	}
	if (r < 0) {
		edit_refuse(req, a->node, NULL, r, NULL);
		return;
	}
	c = commit_new(req, truncated);
	c->why_ino = a->ino;
	c->subject = d->subject;
	c->draft = d;
	c->seen = d->seen;
	commit_draft(c);
	draft_release(d);
}

void edit_setattr(fuse_req_t req, const struct view_attr *a, const struct stat *st, int to_set)
{
	int r = edit_may_set(st, to_set);

	if (r < 0)
		edit_refuse(req, a->node, NULL, r, "owner and mode are the mount's");
	else if (to_set & FUSE_SET_ATTR_SIZE)
		truncate_file(req, a, st->st_size);
	else
		reply_attr(req, a->node);
}
