/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "lock_table.h"

/* What the table is told of that happened without it: a file was changed behind the mount, and what
 * an old locks.json says. */

/* ---- changes behind the mount */

struct change {
	struct locks *locks;
	int64_t resource;
	char path[LOCK_REASON_BYTES];
	int count;
};

/* It becomes a part of lines that people read. */
static void copy_path(char out[LOCK_REASON_BYTES], const char *path)
{
	snprintf(out, LOCK_REASON_BYTES, "%s", path);
	if (!lock_reason_valid(out)) /* the end may be half a character */
		for (char *at = out; *at; at++)
			if (*at < ' ' || *at == 0x7f)
				*at = '?';
}

static int note_change(void *arg, struct lock_row *row)
{
	struct change *c = arg;
	if (!lock_conflict(row->resource, c->resource) || lock_row_judge(c->locks, row, false) != 1)
		return 0;
	row->k.behind_unix_ms = c->locks->now_unix_ms;
	snprintf(row->k.behind, sizeof(row->k.behind), "%s", c->path);
	lock_event(c->locks, &(struct lock_note){.type = LOCK_EVENT_CHANGED_BEHIND,
						 .resource = row->resource,
						 .instance = row->k.holder.instance,
						 .token = row->k.token,
						 .detail = c->path});
	c->count++;
	return lock_row_put(c->locks, row);
}

static int note_changes(struct locks *l, void *arg)
{
	struct change *c = arg;
	c->count = 0;
	int result = lock_rows(l, note_change, c);
	return result < 0 ? result : c->count;
}

int locks_note_behind(struct locks *l, const char *resource, const char *path)
{
	struct change c = {.locks = l, .resource = lock_number(resource)};
	struct lock k;
	copy_path(c.path, path);
	int result = locks_over(&k, l, resource);
	if (result < 0)
		return result == -ENOENT ? 0 : result;
	return lock_transact(l, note_changes, &c);
}

/* ---- a locks.json on the disk */

struct intake {
	struct lock_asker asker;
	const char *entry;
};

static int remember(struct locks *l, const char *entry)
{
	static const char sql[] = "INSERT INTO taken_in VALUES (:entry)";
	CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
	query_text(&q, ":entry", entry);
	return lock_run(l, &q);
}

static bool is_known(struct locks *l, const char *entry)
{
	static const char sql[] = "SELECT 1 FROM taken_in WHERE entry = :entry";
	CLEANUP(query_end) struct query q = query_begin(&l->conn, sql);
	query_text(&q, ":entry", entry);
	return lock_step(l, &q) == 1;
}

/* Who is refused does not come later, either: the file says how it was. */
static int take_in(struct locks *l, void *arg)
{
	struct intake *i = arg;
	if (is_known(l, i->entry))
		return 0;
	int result = remember(l, i->entry);
	if (result == 0)
		result = lock_may_take(l, &i->asker, NULL);
	if (result == 0)
		result = lock_take(l, &i->asker);
	return result < 0 ? result : 1;
}

int locks_take_in(struct locks *l, const struct lock_claim *c, const char *entry)
{
	struct intake i = {.entry = entry};
	int result = lock_asker_of(&i.asker, l, c, NULL);
	if (result == 0)
		result = lock_transact(l, take_in, &i);
	lock_asker_finish(&i.asker);
	return result;
}
