/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_ARCHIVE_H
#define SOURCE_ARCHIVE_H

/*
 * A hostile zip archive, read member by member within limits. Only regular files are members;
 * their names are sanitised once, here.
 */

#include "source.h"

struct archive_member {
	char *path; /* as the archive says it, decoded to UTF-8, '/' between folders: for finding */
	char *name; /* sanitised and unique: for showing */
	uint64_t index, size_bytes, packed_bytes;
	int64_t mtime_unix_s;
	bool encrypted;
};

struct archive;

bool archive_is_zip(const void *data, size_t len);
int archive_open(struct archive **out, int fd, const struct book_limits *limits,
		 struct err *err); /* fd: borrowed for the call only */
int archive_open_memory(struct archive **out, const void *data, size_t len,
			const struct book_limits *limits,
			struct err *err); /* data: borrowed until close */
struct archive *archive_close(struct archive *a);
DEFINE_CLEANUP(struct archive, archive_close)

size_t archive_count(const struct archive *a);
const struct archive_member *archive_at(const struct archive *a, size_t i);
/* By its path, then ignoring case; NULL. */
const struct archive_member *archive_find(const struct archive *a, const char *path);
const struct archive_member *archive_by_index(const struct archive *a, uint64_t index);
/* Appends the member. -EFBIG past b's cap, the total, or the ratio; -EIO damaged; -EACCES
 * encrypted. */
int archive_read(struct buf *b, struct archive *a, const struct archive_member *m);

#endif
