/* SPDX-License-Identifier: MIT */
#ifndef SCRATCH_H
#define SCRATCH_H

/*
 * Private to fs: drafts, the files of the mount that are not in the store. What somebody writes is
 * his draft until it is an edit (edit.h); and the files that editors make beside what they edit
 * (.concepts.json.swp, concepts.json~, sedXXXXXX) are drafts that become one when they are renamed
 * onto it, or nothing. They are in memory, capped in size and number, and end with the mount.
 *
 * A draft has a node of its own, so that what is written stays out of the page cache of those who
 * read the file that is edited: 61 in the six low bits, which no kind of views and no lock has.
 */

#include "fence.h"
#include "fs.h"

enum {
	DRAFT_NODE = 61,
	DRAFTS_MOST = 256,		  /* with those that have no name */
	SCRATCH_MOST = 64,		  /* names */
	DRAFTS_BYTES_MOST = 128 << 20,	  /* all together */
	DRAFT_BYTES_MOST = 64 << 20,	  /* of one */
	DRAFT_TEXT_BYTES_MOST = 16 << 20, /* of one that is to be text */
};

struct draft {
	struct link link;
	struct drafts *all;
	struct fs *fs;
	uint64_t serial, ino;
	uint64_t folder; /* its name's; 0: it has none */
	char name[NAME_BYTES];
	mode_t mode; /* with its type: a file, or a symbolic link whose target bytes are */
	int64_t mtime_unix_ms;
	struct buf bytes;
	int refs; /* handles, commits, notes; without any a scratch file lives by its name */

	/* What it is to become (edit.c). */
	struct view_subject subject; /* what NONE: nothing yet */
	struct fence fence;
	bool written;		/* since it was last judged */
	bool emptied;		/* by O_TRUNC, and nothing was written since */
	bool abandoned;		/* who wrote it was killed */
	bool after_rm;		/* made by who had just removed what it is */
	struct commit *commits; /* under way: the first is; the others wait for it */
	pid_t writer;		/* the thread that wrote last; 0: not known */
	int verdict;		/* the last one */
	size_t head;		/* written without a gap from the start on, since it was empty */
	int64_t seen;		/* CONCEPTS: the analysis it began from; 0: any */
	char base[HASH_HEX];	/* other text: as it was then; "": any */
};

struct drafts *drafts_new(struct fs *fs);
struct drafts *drafts_free(struct drafts *all);
bool drafts_any(const struct drafts *all);
/* Is the file of this st_ino being written by somebody? */
bool drafts_write(const struct drafts *all, uint64_t ino);

/* name NULL: it has none. The caller has a reference. -ENOSPC: there are too many. */
int draft_new(struct draft **out, struct drafts *all, uint64_t folder, const char *name);
struct draft *draft_at(const struct drafts *all, uint64_t node); /* NULL: gone */
struct draft *draft_named(const struct drafts *all, uint64_t folder,
			  const char *name); /* or NULL */
void draft_hold(struct draft *d);
void draft_release(struct draft *d);				       /* takes a reference */
void draft_rename(struct draft *d, uint64_t folder, const char *name); /* NULL: no name */
/* Its name was removed, or is another file's: what is written to it goes with it. */
void draft_orphan(struct draft *d);
/* -EFBIG: past what one may have; -ENOSPC: past what all may. */
int draft_resize(struct draft *d, size_t size);
int draft_write(struct draft *d, const void *data, size_t len, off_t offset);

uint64_t draft_node(const struct draft *d);
void draft_stat(struct stat *st, const struct draft *d);
void draft_entry(struct fuse_entry_param *e, const struct draft *d);
/* Its names are added to a folder's list. Are there any? */
bool drafts_list(struct view_list *list, const struct drafts *all, uint64_t folder);

#endif
