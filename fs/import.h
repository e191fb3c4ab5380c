/* SPDX-License-Identifier: MIT */
#ifndef IMPORT_H
#define IMPORT_H

/* Private to fs: what export writes and import reads, beside the files that others know. */

#include "fs.h"

enum { FILE_BYTES = 64 << 20 };

/* ---- part.c: a file that has its name only once it is whole and on the disk */

struct part {
	int folder; /* borrowed: AT_FDCWD for a path of its own */
	char *name, *temporary;
	int fd;
};
int part_begin(struct part *p, int folder, const char *name);
int part_commit(struct part *p, int64_t mtime_unix_ms); /* 0: now */
void part_finish(struct part *p); /* removes what was not committed; takes a zeroed one */

/* A file below a folder, whole; -EINVAL: it is no regular one. */
int dir_read(struct buf *out, int folder, const char *path);
/* Calls fn for each name in folder's sub, in the order of bytes; one that is not there has none. */
void dir_each(int folder, const char *sub, void (*fn)(void *arg, const char *name), void *arg);

/* ---- import.c */

#define IMPORTED "imported" /* who made what was taken in, as far as is known */

/* Over all documents that import reads in this folder, pictures left out: is it still that? */
void import_digest(char out[HASH_HEX], int folder);

/* ---- finder.c: which chapter of the book a chapter of theirs is */

struct finder;
/* b: borrowed until finder_free; its chapters with a text are those that can be meant. */
struct finder *finder_new(const struct book *b);
struct finder *finder_free(struct finder *p);
DEFINE_CLEANUP(struct finder, finder_free)
int finder_find(const struct finder *p, const struct finding *f); /* 0: none, or several as much */

/* ---- record.c: what no file of others says (store.h, store_record) */

#define RECORD_FOLDER ".bookfs"
#define RECORD_PATH RECORD_FOLDER "/store.ndjson"

struct exported {
	size_t written, kept; /* files */
};
/* digest: of the folder as it is now. */
int record_write(struct exported *count, struct store_reader *r, int folder, const char *digest,
		 struct err *err);
/* 1 all of it was brought back; 0 there is none; <0 and why it was not. -ECANCELED: the folder is
 * not as it was exported. */
int record_read(struct restored *out, struct store *s, int folder, const char *digest,
		struct err *err);

#endif
