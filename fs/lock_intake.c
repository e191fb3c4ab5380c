/* SPDX-License-Identifier: MIT */
#include <cjson/cJSON.h>
#include <fcntl.h>
#include <string.h>

#include "lock.h"
#include "lock_json.h"
#include "project_file.h"

/*
 * A project that was worked on without a mount may have a .locks/locks.json on its disk. The mount
 * stands over it, so what it says is taken in: each entry once, as a lock of a holder who is known
 * by his id alone. The file stays as it is. What is given back does not come again, as the table
 * remembers the entry; one that is written later, with a time of its own, does.
 */

static const char file_name[] = ".locks/locks.json";

struct intake {
	struct lockfs *l;
	int taken;
	struct buf strange, refused; /* entries, for a person */
};

static cJSON *intake_json_free(cJSON *json)
{
	cJSON_Delete(json);
	return NULL;
}
DEFINE_CLEANUP(cJSON, intake_json_free)

static const char *text_of(const cJSON *item, const char *key)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, key));

	return text ? text : "";
}

static void add_to_list(struct buf *list, const char *resource, const char *instance)
{
	buf_addf(list, "%s\"%.40s\" of \"%.40s\"", list->len ? ", " : "", resource, instance);
}

static void take_entry(struct intake *i, const cJSON *item)
{
	const char *resource = text_of(item, "resource"), *instance = text_of(item, "instance");
	CLEANUP(cleanup_free)
	char *entry = xasprintf("%s %s %.64s", resource, instance, text_of(item, "timestamp"));
	struct lock_holder holder = {.uid = getuid()};
	const struct lock_claim claim = {
		.resources = &resource,
		.count = 1,
		.holder = &holder,
		.reason = "from .locks/locks.json",
	};
	int r;

	if (!lock_resource_valid(resource, lockfs_chapters(i->l)) ||
	    !lock_instance_valid(instance)) {
		add_to_list(&i->strange, resource, instance);
		return;
	}
	snprintf(holder.instance, sizeof(holder.instance), "%s", instance);
	r = locks_take_in(i->l->table, &claim, entry);
	i->taken += r > 0;
	if (r < 0)
		add_to_list(&i->refused, resource, instance);
}

static void take_all(struct lockfs *l, const cJSON *list)
{
	struct intake i = {.l = l};
	const cJSON *item;
	int count = 0;

	cJSON_ArrayForEach(item, list) if (count++ < LOCK_SET_MOST) take_entry(&i, item);
	if (i.taken)
		log_info("locks: %d taken in from %s", i.taken, file_name);
	if (i.strange.len)
		log_warn("locks: not taken in from %s, as there is no such resource or id: %s",
			 file_name, buf_str(&i.strange));
	if (i.refused.len)
		log_warn("locks: not taken in from %s, as somebody else has it: %s", file_name,
			 buf_str(&i.refused));
	buf_finish(&i.strange);
	buf_finish(&i.refused);
}

void lockfs_take_in(struct lockfs *l, int folder)
{
	CLEANUP(intake_json_free_cleanup) cJSON *json = NULL;
	CLEANUP(buf_finish) struct buf text = {0};
	struct err err = {0};
	int r = project_file_load(&text, folder, file_name, LOCK_JSON_MAX_BYTES, &err);

	if (r == -ENOENT)
		return;
	if (r == 0 && lock_json_scan(buf_str(&text), text.len) == LOCK_JSON_WHOLE &&
	    utf8_valid(buf_str(&text), text.len))
		json = cJSON_ParseWithLength(buf_str(&text), text.len);
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "locks");

	if (cJSON_IsArray(list))
		take_all(l, list);
	else
		log_warn("locks: nothing is taken in: %s",
			 r < 0 ? err.msg : ".locks/locks.json is not {\"locks\": [ ... ]}");
}
