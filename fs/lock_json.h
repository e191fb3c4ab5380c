/* SPDX-License-Identifier: MIT */
#ifndef LOCK_JSON_H
#define LOCK_JSON_H

/*
 * Private to fs: what somebody wrote to .locks/locks.json, read, and what it means. Old agents read
 * the file, change the text, and write all of it back; between the two others took and gave back.
 * So what he wrote is compared with what he had read, and what differs is what he wants (a
 * three-way merge). Pure functions over lists; nothing is done here.
 */

#include "base.h"
#include "store.h"

enum { LOCK_JSON_MAX_BYTES = 256 * 1024 };

/* Is it a JSON object (RFC 8259), the beginning of one, or can it never become one? */
enum lock_json_state { LOCK_JSON_WHOLE, LOCK_JSON_PART, LOCK_JSON_BROKEN };
enum lock_json_state lock_json_scan(const char *text, size_t len);

enum lock_whose { LOCK_MINE, LOCK_STALE, LOCK_OTHERS };

struct lock_entry {
	char resource[LOCK_RESOURCE_BYTES];
	char instance[LOCK_INSTANCE_BYTES];
	int64_t token; /* 0: written, so it has none */
	enum lock_whose whose;
};
/* Zero-initialise. */
struct lock_entries {
	struct lock_entry *items;
	size_t len, cap;
};
void lock_entries_add(struct lock_entries *list, const struct lock_entry *e);
struct lock_entry *lock_entries_find(const struct lock_entries *list, const char *resource);
void lock_entries_finish(struct lock_entries *list);

/* {"locks": [{"resource", "instance", ...}, ...]}. -EINVAL: broken, an unknown name, one twice. */
int lock_json_parse(struct lock_entries *out, const char *text, size_t len, int chapters,
		    struct err *err);

/* What is to be done, all or nothing: items of take are of what was written, the others of now. */
struct lock_plan {
	struct lock_entries take;   /* nobody has them, or `remove` has made room */
	struct lock_entries rename; /* mine, under the instance that was written */
	struct lock_entries remove; /* mine, stale */
	struct lock_entries renew;  /* mine */
	bool clear; /* nothing was written: mine and stale go, even if others stay */
};
/* 0, or -EBUSY and *conflict, an item of now: then there is no plan, but for clear. read: what he
 * read last; now: how it is. *out is always to be finished. */
int lock_plan_make(struct lock_plan *out, const struct lock_entry **conflict,
		   const struct lock_entries *read, const struct lock_entries *now,
		   const struct lock_entries *written);
void lock_plan_finish(struct lock_plan *p);

#endif
