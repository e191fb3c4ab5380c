/* SPDX-License-Identifier: MIT */
#ifndef EDIT_H
#define EDIT_H

/*
 * Private to fs: the mount as something that is edited (issue 6).
 *
 *     scratch.c      drafts: bytes in memory, their names, their nodes
 *     edit.c         opening for writing, and names: made, removed
 *     edit_move.c    and renamed
 *     edit_ops.c     the operations on an open draft
 *     edit_commit.c  a draft becomes an edit in the store, or is refused
 *
 * Who opens an editable file for writing gets a draft of his own, under a node of its own, and all
 * others go on reading what the store has. The kernel learns of that node by the way that it finds
 * a new version (fuse.md, "Versions"): the open is answered ESTALE, it looks the name up again, and
 * this look-up, of this thread, leads to the draft. A draft is judged when it is flushed (each
 * close(2)) or synced: it becomes an edit, and the answer comes after the store has it, or it is
 * refused, with the line and the reason in .bookfs/why, and the file is as it was.
 *
 * An editor that is killed in the midst of a save closes its files too; what it had written by then
 * is no edit. Nor is an empty file by itself: every `>` makes one first.
 */

#include "scratch.h"

/* ---- edit.c */

struct edits;
struct edits *edits_new(struct fs *fs);
struct edits *edits_free(struct edits *e);

/* 0, or why this caller may change nothing here: -EACCES, -EROFS. */
int edit_allowed(fuse_req_t req, const char **reason);
/* What to do about it; NULL: what the errno stands for says it. */
const char *edit_remedy(int code);
/* These reply if not, or always. node: of the file, or of the folder if it is to be made. */
void edit_refuse(fuse_req_t req, uint64_t node, const char *name, int code, const char *reason);
void edit_refuse_room(fuse_req_t req, uint64_t folder, const char *name, int code);
bool edit_may_change(fuse_req_t req, uint64_t node, const char *name, struct fence *fence);
bool edit_may_make(fuse_req_t req, uint64_t folder, const char *name, struct view_subject *s);
/* What cannot be made of nothing; NULL: it can. */
const char *edit_why_not_new(struct fs *fs, const struct view_subject *s);
/* A file that is to become something, or a scratch file. */
int edit_make_draft(struct draft **out, fuse_req_t req, uint64_t folder, const char *name,
		    const struct view_subject *s);
/* These reply. */
void edit_open(fuse_req_t req, const struct view_attr *a, const struct fuse_file_info *fi);
/* An open has come to a draft. false: it is another than the one that the draft was made for, which
 * was given up on its way. */
bool edit_opened(fuse_req_t req, const struct draft *d, int flags);
bool edit_lookup(fuse_req_t req, uint64_t folder, const char *name); /* false: ask views */
void edit_create(fuse_req_t req, uint64_t folder, const char *name, mode_t mode,
		 struct fuse_file_info *fi);
void edit_mknod(fuse_req_t req, uint64_t folder, const char *name, mode_t mode);
void edit_symlink(fuse_req_t req, const char *target, uint64_t folder, const char *name);
void edit_unlink(fuse_req_t req, uint64_t folder, const char *name);
void edit_setattr(fuse_req_t req, const struct view_attr *a, const struct stat *st, int to_set);
/* The mode, owner and times of what is edited are not kept; what would matter is refused. */
int edit_may_set(const struct stat *st, int to_set);

/* ---- edit_move.c */

void edit_rename(fuse_req_t req, uint64_t folder, const char *name, uint64_t to_folder,
		 const char *to_name);

/* ---- edit_ops.c */

extern const struct fuse_lowlevel_ops draft_ops;
bool draft_has(uint64_t node); /* is it a draft's? */
void draft_open_reply(fuse_req_t req, struct draft *d, struct fuse_file_info *fi,
		      const struct fuse_entry_param *created);

/* ---- edit_commit.c */

/* done is called once, on the loop: 0 the store has it, or it changed nothing; <0 told in
 * .bookfs/why. */
struct commit {
	fuse_req_t req; /* NULL: nobody waits */
	void (*done)(struct commit *c, int result);
	struct draft *draft;	     /* what is committed; or NULL */
	struct view_subject subject; /* as what */
	struct caller caller;
	uint64_t why_ino;
	char why_name[NAME_BYTES]; /* "" none */
	/* For done. */
	uint64_t folder;
	char name[NAME_BYTES];
	pid_t thread;
	struct fuse_file_info file;

	/* edit_commit.c's own */
	struct fs *fs;
	struct commit *next;
	struct buf bytes, text;
	struct analysis *from, *analysis;
	struct corrections corrections;
	const char *ext;
	int64_t seen;
	int result;
	struct err err;
};
struct commit *commit_new(fuse_req_t req, void (*done)(struct commit *c, int result));
/* Of a name in a folder. */
struct commit *commit_named(fuse_req_t req, void (*done)(struct commit *c, int result),
			    uint64_t folder, const char *name);
void commit_draft(struct commit *c);	   /* draft, as subject; takes c */
void commit_removal(struct commit *c);	   /* of subject */
void commit_approval(struct commit *c);	   /* of subject.chapter */
void commit_corrections(struct commit *c); /* corrections, of subject.path */
int commit_refuse(struct commit *c, int code, const char *reason); /* tells why; code */
/* A text of concepts.json that is whole by now: 0, or the errno that its write gets. */
int commit_judge_write(struct draft *d, struct err *err);
/* What a draft begins from, to be compared when it is committed. */
void commit_base(struct draft *d, struct fs *fs);

#endif
