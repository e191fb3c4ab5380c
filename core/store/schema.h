/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_H
#define SCHEMA_H

/*
 * schema: whose file this is, which version it has, and the steps from there to ours
 * (schema-N.sql). Steps are only ever added.
 */

#include "conn.h"

/* "bkfs"; file(1) finds it at byte 68 of the file. */
#define STORE_APPLICATION_ID 0x626b6673
#define STORE_APPLICATION_ID_SQL "0x626b6673"
/* Measured with 4 to 64 KB: pictures are read at 4 to 6 GB/s with any of them, and a small commit
 * costs the more the larger they are. */
#define STORE_PAGE_BYTES "8192"

extern const char *const schema_steps[]; /* schema_steps[0] makes version 1 of an empty file */
extern const int schema_version;	 /* how many there are */

/* Is it a store, and of which version? -EBADMSG: it is something else, which is left alone. */
int schema_identify(int64_t *version, struct conn *c, const char *path, struct err *err);
/* Makes the file, by steps[], under another name until it is whole and synced. -EEXIST: somebody
 * else was faster. */
int schema_create(const char *path, const char *const *steps, int count, struct err *err);
/* Takes a store to version `count` by steps[], after a copy of it at PATH-vN.bak. -ENOTSUP: it is
 * newer than count. One process at a time. */
int schema_migrate(struct conn *c, const char *path, const char *const *steps, int count,
		   struct err *err);

#endif
