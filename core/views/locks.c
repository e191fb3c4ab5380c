/* SPDX-License-Identifier: MIT */
#include "tree.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* The lock table, written down: what the files of locks/ and .locks/ say (locks.md). */

/* ---- which resource a path belongs to */

int view_chapters(const struct views *v)
{
	return book_last_number(v->book);
}

static void chapter_resource(char out[LOCK_RESOURCE_BYTES], const struct views *v, int chapter)
{
	enum book_kind kind = views_chapter(v, chapter)->kind;
	if (kind == BOOK_STORY)
		snprintf(out, LOCK_RESOURCE_BYTES, "Chapter_%02d", chapter);
	else
		snprintf(out, LOCK_RESOURCE_BYTES, "%s",
			 kind == BOOK_FRONT ? "FrontMatter" : "BackMatter");
}

bool view_resource(char out[LOCK_RESOURCE_BYTES], struct views *v, uint64_t node)
{
	struct ref ref;
	if (ref_decode(&ref, node) < 0)
		return false;
	if (ref.kind == KIND_IMAGES || ref.kind == KIND_IMAGE || ref.kind == KIND_ELEMENT_TYPE ||
	    ref.kind == KIND_ELEMENT || ref.kind == KIND_PORTRAIT) {
		snprintf(out, LOCK_RESOURCE_BYTES, "ImageRegistry");
		return true;
	}
	if (ref.kind == KIND_STYLE) {
		snprintf(out, LOCK_RESOURCE_BYTES, "StyleSystem");
		return true;
	}
	if (!view_nodes[ref.kind].of_chapter || !views_chapter(v, ref.chapter))
		return false;
	chapter_resource(out, v, ref.chapter);
	return true;
}

char *chapter_lock_target(struct views *v, const struct ref *ref)
{
	char resource[LOCK_RESOURCE_BYTES];
	chapter_resource(resource, v, ref->chapter);
	CLEANUP(cleanup_free) char *way = way_to(v, "chapters", 2, "locks");
	return xasprintf("%s/%s", way, resource);
}

/* ---- the list */

static int add_lock(void *arg, const struct lock *k)
{
	struct lock_list *list = arg;
	list->items = xgrow(list->items, &list->cap, list->len + 1, sizeof(list->items[0]));
	list->items[list->len++] = *k;
	return 0;
}

int lock_list_read(struct lock_list *out, struct locks *l)
{
	int err = locks_seq(&out->seq, l);
	return err < 0 ? err : locks_each(l, add_lock, out);
}

void lock_list_finish(struct lock_list *list)
{
	free(list->items);
	*list = (struct lock_list){0};
}

/* ---- one lock */

/* To the second, as people write times. */
static void second_iso(char out[ISO_TIME_BYTES], int64_t unix_ms)
{
	clock_iso(out, unix_ms);
	memcpy(strchr(out, '.'), "Z", 2);
}

static const char *state_name(const struct lock *k)
{
	return k->state == LOCK_STATE_STALE ? "stale" : "held";
}

/* What the process is called that a lock lives with; "" if it is not to be seen. */
static void command_name(char out[32], const struct process *p)
{
	char path[64];
	out[0] = '\0';
	if (!p->pid || process_life(p) != PROCESS_ALIVE)
		return;
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)p->pid);
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, 31);
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

static const char *way_name(const struct lock *k)
{
	return !k->descriptor ? "name" : k->by_name ? "name and descriptor" : "descriptor";
}

int view_lock(struct buf *out, const struct lock *k)
{
	char acquired[ISO_TIME_BYTES], renewed[ISO_TIME_BYTES], command[32];
	second_iso(acquired, k->acquired_unix_ms);
	second_iso(renewed, k->renewed_unix_ms);
	command_name(command, &k->holder.anchor);
	buf_addf(out, "resource: %s\ninstance: %s\ntoken: %lld\nstate: %s\n", k->resource,
		 k->holder.instance, (long long)k->token, state_name(k));
	if (k->holder.anchor.pid && command[0])
		buf_addf(out, "pid: %d (%s)\n", (int)k->holder.anchor.pid, command);
	else if (k->holder.anchor.pid)
		buf_addf(out, "pid: %d\n", (int)k->holder.anchor.pid);
	buf_addf(out, "acquired: %s\nrenewed: %s\nttl: %d\n", acquired, renewed, k->ttl_s);
	if (k->descriptor)
		buf_addf(out, "held by: %s of pid %d\n", way_name(k), (int)k->descriptor_pid);
	if (k->reason[0])
		buf_addf(out, "reason: %s\n", k->reason);
	if (k->behind_unix_ms) {
		second_iso(renewed, k->behind_unix_ms);
		buf_addf(out, "changed behind: %s %s\n", renewed, k->behind);
	}
	return buf_error(out);
}

/* ---- all of them */

static void age(char out[32], int64_t ms)
{
	long long s = ms / 1000;
	if (s < 120)
		snprintf(out, 32, "%lld s", s);
	else if (s < 7200)
		snprintf(out, 32, "%lld min", s / 60);
	else
		snprintf(out, 32, "%lld h %lld min", s / 3600, s / 60 % 60);
}

static void add_behind(struct buf *out, const struct lock *k)
{
	char when[ISO_TIME_BYTES];
	if (!k->behind_unix_ms)
		return;
	second_iso(when, k->behind_unix_ms);
	buf_addf(out, "%-15s was changed behind the mount at %s: %s\n", "", when, k->behind);
}

int view_lock_rows(struct buf *out, const struct lock_list *list)
{
	char since[ISO_TIME_BYTES], idle[32], command[32];
	buf_addf(out, "%-15s %-24s %-6s %-21s %-12s %-8s %s\n", "resource", "instance", "state",
		 "since", "idle", "token", "process");
	for (size_t i = 0; i < list->len; i++) {
		const struct lock *k = &list->items[i];
		second_iso(since, k->acquired_unix_ms);
		age(idle, k->idle_ms);
		command_name(command, &k->holder.anchor);
		buf_addf(out, "%-15s %-24s %-6s %-21s %-12s %-8lld ", k->resource,
			 k->holder.instance, state_name(k), since, idle, (long long)k->token);
		if (k->holder.anchor.pid)
			buf_addf(out, "%d %s\n", (int)k->holder.anchor.pid, command);
		else
			buf_adds(out, "-\n");
		add_behind(out, k);
	}
	if (list->len == 0)
		buf_adds(out, "nothing is locked\n");
	return buf_error(out);
}

int view_lock_table(struct buf *out, const struct lock_list *list)
{
	view_lock_rows(out, list);
	buf_addf(out, "seq: %lld\n", (long long)list->seq);
	if (list->len)
		buf_addf(out, "to clear all of these: echo clear all seq=%lld > locks/.ctl\n",
			 (long long)list->seq);
	return buf_error(out);
}

static cJSON *lock_json(const struct lock *k)
{
	char command[32];
	int64_t idle_s = k->idle_ms / 1000;
	cJSON *json = cJSON_CreateObject();
	command_name(command, &k->holder.anchor);
	cJSON_AddStringToObject(json, "resource", k->resource);
	cJSON_AddStringToObject(json, "instance", k->holder.instance);
	cJSON_AddNumberToObject(json, "token", (double)k->token);
	cJSON_AddStringToObject(json, "state", state_name(k));
	cJSON_AddNumberToObject(json, "uid", k->holder.uid);
	if (k->holder.anchor.pid)
		cJSON_AddNumberToObject(json, "pid", k->holder.anchor.pid);
	else
		cJSON_AddNullToObject(json, "pid");
	cJSON_AddItemToObject(json, "command", view_json_text(command[0] ? command : NULL));
	cJSON_AddItemToObject(json, "acquired", view_json_time(k->acquired_unix_ms));
	cJSON_AddItemToObject(json, "renewed", view_json_time(k->renewed_unix_ms));
	cJSON_AddNumberToObject(json, "ttl", k->ttl_s);
	cJSON_AddNumberToObject(json, "idle", (double)idle_s);
	cJSON_AddStringToObject(json, "heldBy", way_name(k));
	cJSON_AddItemToObject(json, "reason", view_json_text(k->reason[0] ? k->reason : NULL));
	cJSON_AddItemToObject(json, "changedBehind",
			      k->behind_unix_ms ? view_json_time(k->behind_unix_ms)
						: cJSON_CreateNull());
	cJSON_AddItemToObject(json, "changedPath",
			      view_json_text(k->behind_unix_ms ? k->behind : NULL));
	return json;
}

int view_lock_table_json(struct buf *out, const struct lock_list *list)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *locks = cJSON_AddArrayToObject(json, "locks");
	for (size_t i = 0; i < list->len; i++)
		cJSON_AddItemToArray(locks, lock_json(&list->items[i]));
	cJSON_AddNumberToObject(json, "seq", (double)list->seq);
	return view_json_print(out, json);
}

int view_lock_dashboard(struct buf *out, const struct lock_list *list)
{
	char since[ISO_TIME_BYTES], idle[32];
	buf_adds(out, "# Locks\n\n| Resource | Instance | Locked At | Age | Status |\n"
		      "|----------|----------|-----------|-----|--------|\n");
	for (size_t i = 0; i < list->len; i++) {
		const struct lock *k = &list->items[i];
		second_iso(since, k->acquired_unix_ms);
		age(idle, k->idle_ms);
		buf_addf(out, "| %s | %s | %s | %s | %s |\n", k->resource, k->holder.instance,
			 since, idle, k->state == LOCK_STATE_STALE ? "⚠️ STALE" : "🔒 Active");
	}
	for (size_t i = 0, said = 0; i < list->len; i++) {
		const struct lock *k = &list->items[i];
		if (!k->behind_unix_ms)
			continue;
		second_iso(since, k->behind_unix_ms);
		buf_addf(out, "%s- %s was changed behind the mount at %s: `%s`\n",
			 said++ ? "" : "\n", k->resource, since, k->behind);
	}
	if (list->len == 0)
		buf_adds(out, "\nNothing is locked.\n");
	return buf_error(out);
}

/* A line a lock, as people and sed(1) edit it. Nothing in it needs an escape. */
int view_lock_old(struct buf *out, const struct lock_list *list)
{
	char renewed[ISO_TIME_BYTES];
	buf_adds(out, "{\"locks\": [");
	for (size_t i = 0; i < list->len; i++) {
		const struct lock *k = &list->items[i];
		clock_iso(renewed, k->renewed_unix_ms);
		buf_addf(out,
			 "%s\n  {\"resource\": \"%s\", \"timestamp\": \"%s\", "
			 "\"instance\": \"%s\"}",
			 i ? "," : "", k->resource, renewed, k->holder.instance);
	}
	return buf_adds(out, list->len ? "\n]}\n" : "]}\n");
}

/* ---- what may be locked, and what was */

static void add_resource(struct buf *out, struct views *v, const char *name)
{
	buf_adds(out, name);
	for (int n = 1; n <= (int)v->chapter_count; n++) {
		char of[LOCK_RESOURCE_BYTES], called[NAME_BYTES];
		if (!views_chapter(v, n))
			continue;
		chapter_resource(of, v, n);
		chapter_name(called, v, n);
		if (!strcmp(of, name))
			buf_addf(out, "\t%s %s", called, views_chapter(v, n)->title);
	}
	buf_addc(out, '\n');
}

int view_lock_resources(struct buf *out, struct views *v)
{
	char name[LOCK_RESOURCE_BYTES];
	int chapters = view_chapters(v), err = views_refresh(v);
	for (int k = 0; err == 0 && lock_resource_name(name, k, chapters); k++)
		add_resource(out, v, name);
	return err < 0 ? err : buf_error(out);
}

int view_lock_event(struct buf *out, const struct lock_event *e)
{
	char when[ISO_TIME_BYTES];
	clock_iso(when, e->time_unix_ms);
	buf_addf(out, "%s %lld %s", when, (long long)e->seq, lock_event_name(e->type));
	if (e->resource[0])
		buf_addf(out, " %s", e->resource);
	if (e->instance[0])
		buf_addf(out, " %s", e->instance);
	if (e->token)
		buf_addf(out, " token=%lld", (long long)e->token);
	if (e->detail && e->detail[0])
		buf_addf(out, " %s", e->detail);
	return buf_addc(out, '\n');
}
