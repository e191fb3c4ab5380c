/* SPDX-License-Identifier: MIT */
#ifndef LOCK_OLD_H
#define LOCK_OLD_H

/*
 * Private to fs: .locks/, where agents that only know locks.json look. Whoever writes has a private
 * copy, and readers always see the truth. A temporary sibling is its maker's alone, as two agents
 * that call theirs "tmp" must not meet in it; it counts when it is renamed to locks.json.
 */

#include "lock.h"
#include "lock_json.h"

struct lock_old *lock_old_new(void);
struct lock_old *lock_old_free(struct lock_old *o);

int lock_old_text(struct buf *out, struct lockfs *l); /* the truth */
int lock_old_lookup(struct lock_node *out, struct lockfs *l, fuse_req_t req, const char *name);
int lock_old_unlink(struct lockfs *l, fuse_req_t req, const char *name);
int lock_old_rename(struct lockfs *l, fuse_req_t req, const char *name, const char *to_name,
		    unsigned flags);

/* An open file of .locks/ (lock_handle.copy). */
int lock_copy_open(struct lock_handle *h, fuse_req_t req, int flags);
int lock_copy_create(struct lock_handle *h, fuse_req_t req, const char *name, int flags);
void lock_copy_close(struct lock_handle *h); /* any handle */
const struct buf *lock_copy_bytes(struct lock_handle *h, fuse_req_t req);
size_t lock_copy_size(struct lockfs *l, const struct lock_node *n, const struct lock_handle *h);
int lock_copy_write(struct lock_handle *h, fuse_req_t req, const char *data, size_t len,
		    off_t offset);
int lock_copy_setattr(struct lockfs *l, fuse_req_t req, const struct lock_node *n,
		      struct lock_handle *h, const struct stat *st, int to_set);
/* What has been written, if nobody judged it yet. 0, or what was answered. */
int lock_copy_verdict(struct lock_handle *h, fuse_req_t req);

#endif
