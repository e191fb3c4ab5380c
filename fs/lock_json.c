/* SPDX-License-Identifier: MIT */
#include "lock_json.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

/* ---- lists */

void lock_entries_add(struct lock_entries *list, const struct lock_entry *e)
{
	list->items = xgrow(list->items, &list->cap, list->len + 1, sizeof(list->items[0]));
	list->items[list->len++] = *e;
}

struct lock_entry *lock_entries_find(const struct lock_entries *list, const char *resource)
{
	for (size_t i = 0; i < list->len; i++)
		if (!strcmp(list->items[i].resource, resource))
			return &list->items[i];
	return NULL;
}

void lock_entries_finish(struct lock_entries *list)
{
	free(list->items);
	*list = (struct lock_entries){0};
}

/* ---- how far a text has come
 *
 * A writer's write(2)s cut the text anywhere. The one that completes the object is told the
 * verdict; one that makes it impossible is told at once, as nobody looks later.
 */

enum { SCAN_DEPTH = 32 };

enum expects { A_VALUE, A_VALUE_OR_END, A_KEY, A_KEY_OR_END, A_COLON, A_COMMA_OR_END, THE_END };

struct scan {
	const char *at, *end;
	char open[SCAN_DEPTH]; /* '{' or '[' */
	int depth;
	enum expects next;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static enum lock_json_state scan_escape(struct scan *s)
{
	if (s->at == s->end)
		return LOCK_JSON_PART;
	if (*s->at != 'u')
		return strchr("\"\\/bfnrt", *s->at) && *s->at++ ? LOCK_JSON_WHOLE
								: LOCK_JSON_BROKEN;
	s->at++;
	for (int i = 0; i < 4; i++, s->at++) {
		if (s->at == s->end)
			return LOCK_JSON_PART;
		if (!*s->at || !strchr("0123456789abcdefABCDEF", *s->at))
			return LOCK_JSON_BROKEN;
	}
	return LOCK_JSON_WHOLE;
}

/* Behind the opening quote. */
static enum lock_json_state scan_string(struct scan *s)
{
	while (s->at < s->end) {
		char c = *s->at++;
		enum lock_json_state escape;

		if (c == '"')
			return LOCK_JSON_WHOLE;
		if ((unsigned char)c < ' ')
			return LOCK_JSON_BROKEN;
		if (c == '\\' && (escape = scan_escape(s)) != LOCK_JSON_WHOLE)
			return escape;
	}
	return LOCK_JSON_PART;
}

/* A number or a word; what it says is the parser's. */
static enum lock_json_state scan_plain(struct scan *s)
{
	const char *start = s->at;

	while (s->at < s->end && *s->at && strchr("+-.0123456789aeflnrstuE", *s->at))
		s->at++;
	if (s->at == start)
		return LOCK_JSON_BROKEN;
	return s->at < s->end ? LOCK_JSON_WHOLE : LOCK_JSON_PART;
}

static enum lock_json_state scan_open(struct scan *s, char c)
{
	if (s->depth == SCAN_DEPTH || (s->depth == 0 && c != '{'))
		return LOCK_JSON_BROKEN;
	s->open[s->depth++] = c;
	s->next = c == '{' ? A_KEY_OR_END : A_VALUE_OR_END;
	s->at++;
	return LOCK_JSON_WHOLE;
}

static enum lock_json_state scan_close(struct scan *s, char c)
{
	if (s->depth == 0 || s->open[s->depth - 1] != (c == '}' ? '{' : '['))
		return LOCK_JSON_BROKEN;
	s->next = --s->depth ? A_COMMA_OR_END : THE_END;
	s->at++;
	return LOCK_JSON_WHOLE;
}

static enum lock_json_state scan_value(struct scan *s, char c)
{
	if (c == '{' || c == '[')
		return scan_open(s, c);
	if (s->depth == 0)
		return LOCK_JSON_BROKEN;
	s->next = A_COMMA_OR_END;
	if (c != '"')
		return scan_plain(s);
	s->at++;
	return scan_string(s);
}

/* One step: a bracket, a string, a comma ... */
static enum lock_json_state scan_step(struct scan *s, char c)
{
	switch (s->next) {
	case A_VALUE:
		return scan_value(s, c);
	case A_VALUE_OR_END:
		return c == ']' ? scan_close(s, c) : scan_value(s, c);
	case A_KEY_OR_END:
		if (c == '}')
			return scan_close(s, c);
		/* fall through */
	case A_KEY:
		if (c != '"')
			return LOCK_JSON_BROKEN;
		s->next = A_COLON;
		s->at++;
		return scan_string(s);
	case A_COLON:
		s->next = A_VALUE;
		s->at++;
		return c == ':' ? LOCK_JSON_WHOLE : LOCK_JSON_BROKEN;
	case A_COMMA_OR_END:
		if (c != ',')
			return c == '}' || c == ']' ? scan_close(s, c) : LOCK_JSON_BROKEN;
		s->next = s->open[s->depth - 1] == '{' ? A_KEY : A_VALUE;
		s->at++;
		return LOCK_JSON_WHOLE;
	default:
		return LOCK_JSON_BROKEN;
	}
}

enum lock_json_state lock_json_scan(const char *text, size_t len)
{
	struct scan s = {.at = text, .end = text + len, .next = A_VALUE};
	enum lock_json_state state = LOCK_JSON_WHOLE;

	while (state == LOCK_JSON_WHOLE) {
		while (s.at < s.end && is_space(*s.at))
			s.at++;
		if (s.at == s.end)
			return s.next == THE_END ? LOCK_JSON_WHOLE : LOCK_JSON_PART;
		state = scan_step(&s, *s.at);
	}
	return state;
}

/* ---- what it says */

static cJSON *json_free(cJSON *json)
{
	cJSON_Delete(json);
	return NULL;
}
DEFINE_CLEANUP(cJSON, json_free)

static int take_entry(struct lock_entries *out, const cJSON *item, int chapters, struct err *err)
{
	const char *resource =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "resource"));
	const char *instance =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "instance"));
	struct lock_entry e = {0};

	if (!resource || !instance)
		return err_set(err, -EINVAL,
			       "an entry of locks.json needs a \"resource\" and an \"instance\"");
	if (!lock_resource_valid(resource, chapters))
		return err_set(err, -EINVAL,
			       "there is no resource \"%.60s\"; locks/.resources lists them",
			       resource);
	if (!lock_instance_valid(instance))
		return err_set(err, -EINVAL, "\"%.60s\" is no instance id, such as CLI-12345",
			       instance);
	if (lock_entries_find(out, resource))
		return err_set(err, -EINVAL, "%s is in locks.json twice", resource);
	snprintf(e.resource, sizeof(e.resource), "%s", resource);
	snprintf(e.instance, sizeof(e.instance), "%s", instance);
	lock_entries_add(out, &e);
	return 0;
}

int lock_json_parse(struct lock_entries *out, const char *text, size_t len, int chapters,
		    struct err *err)
{
	CLEANUP(json_free_cleanup) cJSON *json = NULL;
	struct lock_entries entries = {0};
	const cJSON *list, *item;
	int r = 0;

	if (len <= LOCK_JSON_MAX_BYTES && lock_json_scan(text, len) == LOCK_JSON_WHOLE &&
	    utf8_valid(text, len))
		json = cJSON_ParseWithLength(text, len);
	list = cJSON_GetObjectItemCaseSensitive(json, "locks");
	if (!cJSON_IsArray(list))
		return err_set(err, -EINVAL, "locks.json is to be {\"locks\": [ ... ]}");
	cJSON_ArrayForEach(item, list)
	{
		r = entries.len < LOCK_SET_MOST
			    ? take_entry(&entries, item, chapters, err)
			    : err_set(err, -EINVAL, "more than %d locks", LOCK_SET_MOST);
		if (r < 0)
			break;
	}
	if (r < 0)
		lock_entries_finish(&entries);
	else
		*out = entries;
	return r;
}

/* ---- what it means */

static bool same_instance(const struct lock_entry *a, const struct lock_entry *b)
{
	return a && b && !strcmp(a->instance, b->instance);
}

/* Did he see this very lock? */
static bool was_seen(const struct lock_entry *read, const struct lock_entry *now)
{
	return read && read->token == now->token;
}

/* A resource that he wrote. */
static int plan_written(struct lock_plan *p, const struct lock_entry *read,
			const struct lock_entry *now, const struct lock_entry *written)
{
	bool untouched = same_instance(read, written);

	if (!now) {
		/* Another's that went meanwhile is no wish; one of mine that went is to be mine
		 * again, or he would work on without it. */
		if (!untouched || read->whose == LOCK_MINE)
			lock_entries_add(&p->take, written);
		return 0;
	}
	if (same_instance(now, written)) {
		if (now->whose == LOCK_MINE)
			lock_entries_add(&p->renew, now);
		/* Somebody else's of that very name, whom he never saw, is in his way. */
		return now->whose == LOCK_MINE || untouched ? 0 : -EBUSY;
	}
	if (untouched && read->whose != LOCK_MINE)
		return 0;
	if (now->whose == LOCK_MINE) {
		lock_entries_add(&p->rename, written);
		return 0;
	}
	if (now->whose != LOCK_STALE || !was_seen(read, now))
		return -EBUSY;
	lock_entries_add(&p->remove, now);
	lock_entries_add(&p->take, written);
	return 0;
}

/* One that he did not write: what he never saw stays. */
static int plan_left_out(struct lock_plan *p, const struct lock_entry *read,
			 const struct lock_entry *now)
{
	if (now->whose == LOCK_OTHERS)
		return p->clear || was_seen(read, now) ? -EBUSY : 0;
	if (p->clear || was_seen(read, now))
		lock_entries_add(&p->remove, now);
	return 0;
}

int lock_plan_make(struct lock_plan *out, const struct lock_entry **conflict,
		   const struct lock_entries *read, const struct lock_entries *now,
		   const struct lock_entries *written)
{
	struct lock_plan p = {.clear = written->len == 0};
	const struct lock_entry *in_the_way = NULL;

	for (size_t i = 0; i < written->len; i++) {
		const struct lock_entry *w = &written->items[i];
		const struct lock_entry *n = lock_entries_find(now, w->resource);

		if (plan_written(&p, lock_entries_find(read, w->resource), n, w) < 0 && !in_the_way)
			in_the_way = n;
	}
	for (size_t i = 0; i < now->len; i++) {
		const struct lock_entry *n = &now->items[i];

		if (!lock_entries_find(written, n->resource) &&
		    plan_left_out(&p, lock_entries_find(read, n->resource), n) < 0 && !in_the_way)
			in_the_way = n;
	}
	*conflict = in_the_way;
	if (in_the_way && !p.clear)
		lock_plan_finish(&p);
	*out = p;
	return in_the_way ? -EBUSY : 0;
}

void lock_plan_finish(struct lock_plan *p)
{
	lock_entries_finish(&p->take);
	lock_entries_finish(&p->rename);
	lock_entries_finish(&p->remove);
	lock_entries_finish(&p->renew);
}
