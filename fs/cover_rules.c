/* SPDX-License-Identifier: MIT */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "cover_rules.h"
#include "lock_json.h"
#include "project_file.h"

/*
 * A project's own rules:
 *
 *     {"rules": [
 *         {"path": "Drafts/Chapter_NN", "lock": "Chapter_NN"},
 *         {"path": "Data", "lock": "ProjectConfig"},
 *         {"path": "Manuscript/Style/notes*.md", "lock": null}
 *     ]}
 *
 * A path is relative to the project. It means what has that name and, if that is a folder, all
 * that is in it; "/" or "/" and two stars at its end say the same and nothing more. * is any part
 * of a name. NN, in a rule whose lock is Chapter_NN, is the chapter's number, with any zeros before
 * it; null is none. The first rule that matches counts; what none of them is about, the table says.
 */

static const char file_name[] = ".config/locks.json";
enum { NUMBER_MARK = '\1' };

/* ---- matching */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* All digits at s; their number, or 0: it is no chapter's. */
static int take_number(size_t *s, const struct cover_part *p)
{
	int number = 0;

	if (*s > 0 && is_digit(p->s[*s - 1]))
		return 0;
	for (; *s < p->len && is_digit(p->s[*s]); (*s)++)
		if (number <= COVER_CHAPTER_MOST)
			number = number * 10 + (p->s[*s] - '0');
	return number <= COVER_CHAPTER_MOST ? number : 0;
}

/* Of a pattern's character that is no star; moves s on. */
static bool match_one(int *number, const struct cover_part *p, size_t *s, const char *c)
{
	if (*c == NUMBER_MARK)
		return (*number = take_number(s, p)) > 0;
	if (*s == p->len || !cover_part_is(&(struct cover_part){p->s + *s, 1}, (char[]){*c, '\0'}))
		return false;
	(*s)++;
	return true;
}

/* One star remembers where it began to match; the last one is all that ever need be tried again. */
static bool match_part(int *number, const struct cover_part *pattern, const struct cover_part *p)
{
	size_t at = 0, s = 0, star = SIZE_MAX, star_s = 0;

	while (s < p->len || at < pattern->len) {
		if (at < pattern->len && pattern->s[at] == '*') {
			star = at++;
			star_s = s;
		} else if (at < pattern->len && match_one(number, p, &s, pattern->s + at)) {
			at++;
		} else if (star == SIZE_MAX || star_s == p->len) {
			return false;
		} else {
			s = ++star_s;
			at = star + 1;
		}
	}
	return true;
}

enum cover_match cover_rule_match(char out[LOCK_RESOURCE_BYTES], const struct cover_rule *r,
				  const struct cover_path *path)
{
	size_t both = path->count < r->path.count ? path->count : r->path.count;
	int number = 0;

	for (size_t i = 0; i < both; i++)
		if (!match_part(&number, &r->path.parts[i], &path->parts[i]))
			return COVER_NO;
	out[0] = '\0';
	if (!r->numbered)
		snprintf(out, LOCK_RESOURCE_BYTES, "%s", r->resource);
	else if (number)
		cover_chapter(out, number);
	return both == r->path.count ? COVER_YES : COVER_ABOVE;
}

/* ---- reading: a path */

static bool is_alphanumeric(char c)
{
	return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* NN becomes the mark, where it is no part of a word. How many there were. */
static int mark_numbers(char *text)
{
	int count = 0;
	char *to = text;

	for (const char *s = text; *s; s++) {
		if (s[0] == 'N' && s[1] == 'N' && !is_alphanumeric(s[2]) &&
		    (s == text || !is_alphanumeric(s[-1]))) {
			*to++ = NUMBER_MARK;
			s++;
			count++;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
	return count;
}

static bool has_odd_bytes(const char *path)
{
	for (; *path; path++)
		if ((unsigned char)*path < ' ' || *path == '\x7f')
			return true;
	return false;
}

/* The end that says no more than the path. */
static void cut_end(char *path)
{
	size_t len = strlen(path);

	if (len > 3 && !strcmp(path + len - 3, "/**"))
		path[len - 3] = '\0';
	else if (len > 1 && path[len - 1] == '/')
		path[len - 1] = '\0';
}

static int check_parts(const char *path, struct err *err)
{
	size_t count = 1;

	for (const char *s = path;; s++) {
		size_t len = strcspn(s, "/");

		if (!len || (len <= 2 && !strncmp(s, "..", len)))
			return err_set(err, -EINVAL,
				       "\"%.60s\" is no path within the project; write it without "
				       "\"/\" at its start, \".\" and \"..\"",
				       path);
		s += len;
		if (!*s)
			break;
		count++;
	}
	if (count > COVER_PARTS)
		return err_set(err, -EINVAL, "\"%.60s...\" has more than %d parts; write fewer",
			       path, COVER_PARTS);
	return 0;
}

static int check_pattern(const char *path, struct err *err)
{
	if (has_odd_bytes(path))
		return err_set(err, -EINVAL, "\"%.60s\" has control characters", path);
	if (strpbrk(path, "?[]{}\\"))
		return err_set(err, -EINVAL,
			       "\"%.60s\": of a pattern only * is known; write * for what differs",
			       path);
	if (strstr(path, "**"))
		return err_set(err, -EINVAL,
			       "\"%.60s\": ** may only be the end; a folder's rule is about all "
			       "that is in it",
			       path);
	return check_parts(path, err);
}

static int take_path(struct cover_rule *r, const char *path, struct err *err)
{
	int numbers, result;

	r->text = xstrdup(path);
	cut_end(r->text);
	result = check_pattern(r->text, err);
	if (result < 0)
		return result;
	if (r->numbered) {
		numbers = mark_numbers(r->text);
		if (numbers != 1)
			return err_set(err, -EINVAL,
				       "\"%.60s\" has %s NN; write it once, where the chapter's "
				       "number stands, as in \"Drafts/Chapter_NN\"",
				       path, numbers ? "more than one" : "no");
	}
	cover_path_split(&r->path, r->text);
	return 0;
}

/* ---- reading: the rest of a rule */

static int take_lock(struct cover_rule *r, const cJSON *lock, struct err *err)
{
	char meant[LOCK_RESOURCE_BYTES];
	const char *name = cJSON_GetStringValue(lock);

	if (cJSON_IsNull(lock))
		return 0;
	if (!name)
		return err_set(err, -EINVAL,
			       "\"lock\" is to be a name as in locks/.resources, Chapter_NN, or "
			       "null");
	r->numbered = !strcmp(name, "Chapter_NN");
	if (r->numbered)
		return 0;
	if (lock_resource_valid(name, COVER_CHAPTER_MOST)) {
		snprintf(r->resource, sizeof(r->resource), "%s", name);
		return 0;
	}
	if (lock_resource_nearest(meant, name, COVER_CHAPTER_MOST))
		return err_set(err, -EINVAL, "there is no resource \"%.60s\"; write %s", name,
			       meant);
	return err_set(err, -EINVAL,
		       "there is no resource \"%.60s\"; locks/.resources lists them, Chapter_NN is "
		       "the path's chapter, null is none",
		       name);
}

/* Each key once, and no other. */
static int check_keys(const cJSON *object, const char *const *keys, const char *what,
		      struct err *err)
{
	const cJSON *item, *other;
	const char *const *k;

	cJSON_ArrayForEach(item, object)
	{
		for (k = keys; *k && strcmp(*k, item->string) != 0; k++)
			;
		if (!*k)
			return err_set(err, -EINVAL, "\"%.60s\" is no word here; %s", item->string,
				       what);
		for (other = item->next; other; other = other->next)
			if (!strcmp(other->string, item->string))
				return err_set(err, -EINVAL, "\"%s\" is there twice", *k);
	}
	return 0;
}

static int take_rule(struct cover_rule *r, const cJSON *json, struct err *err)
{
	static const char *const keys[] = {"path", "lock", NULL};
	static const char want[] = "write {\"path\": \"Data\", \"lock\": \"ProjectConfig\"}";
	const cJSON *lock = cJSON_GetObjectItemCaseSensitive(json, "lock");
	const char *path = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "path"));
	int result;

	if (!cJSON_IsObject(json))
		return err_set(err, -EINVAL, "it is no object; %s", want);
	result = check_keys(json, keys, want, err);
	if (result < 0)
		return result;
	if (!path || !lock)
		return err_set(err, -EINVAL, "it has no %s; %s",
			       path ? "\"lock\"" : "\"path\" that is a text", want);
	result = take_lock(r, lock, err);
	return result < 0 ? result : take_path(r, path, err);
}

/* ---- reading: the file */

static cJSON *rules_json_free(cJSON *json)
{
	cJSON_Delete(json);
	return NULL;
}
DEFINE_CLEANUP(cJSON, rules_json_free)

static int take_rules(struct cover_rules *out, const cJSON *list, struct err *err)
{
	const cJSON *item;
	int result = 0;

	cJSON_ArrayForEach(item, list)
	{
		if (out->count == COVER_RULES_MOST)
			return err_set(err, -EINVAL, "%s: more than %d rules; write fewer",
				       file_name, COVER_RULES_MOST);
		out->rules = xgrow(out->rules, &out->cap, out->count + 1, sizeof(out->rules[0]));
		out->rules[out->count] = (struct cover_rule){0};
		result = take_rule(&out->rules[out->count++], item, err);
		if (result < 0) {
			err_prefix(err, "%s: rule %zu", file_name, out->count);
			return result;
		}
	}
	return result;
}

int cover_rules_parse(struct cover_rules *out, const char *text, size_t len, struct err *err)
{
	static const char *const keys[] = {"rules", NULL};
	CLEANUP(rules_json_free_cleanup) cJSON *json = NULL;
	const cJSON *list;
	int result;

	if (!utf8_valid(text, len))
		return err_set(err, -EINVAL, "%s is not UTF-8; save it as UTF-8", file_name);
	if (lock_json_scan(text, len) == LOCK_JSON_WHOLE && !memmem(text, len, "\\u0000", 6))
		json = cJSON_ParseWithLength(text, len);
	if (!json)
		return err_set(err, -EINVAL, "%s is not JSON; write {\"rules\": [ ... ]}",
			       file_name);
	result = check_keys(json, keys, "write {\"rules\": [ ... ]}", err);
	if (result < 0) {
		err_prefix(err, "%s", file_name);
		return result;
	}
	list = cJSON_GetObjectItemCaseSensitive(json, "rules");
	if (!cJSON_IsArray(list))
		return err_set(err, -EINVAL, "%s has no list of rules; write {\"rules\": [ ... ]}",
			       file_name);
	return take_rules(out, list, err);
}

int cover_rules_read(struct cover_rules **out, int folder, bool figures, struct err *err)
{
	CLEANUP(cover_rules_free_cleanup) struct cover_rules *r = xcalloc(1, sizeof(*r));
	CLEANUP(buf_finish) struct buf text = {0};
	int result = project_file_load(&text, folder, file_name, COVER_RULES_BYTES, err);

	if (result == 0)
		result = cover_rules_parse(r, buf_str(&text), text.len, err);
	if (result < 0 && result != -ENOENT)
		return result;
	r->figures = figures;
	*out = r->count || figures ? r : NULL;
	if (*out)
		r = NULL;
	return 0;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(((const struct cover_text *)a)->path, ((const struct cover_text *)b)->path);
}

void cover_rules_texts(struct cover_rules **r, const struct cover_text *texts, size_t count)
{
	if (!count)
		return;
	if (!*r)
		*r = xcalloc(1, sizeof(**r));
	(*r)->texts = xcalloc(count, sizeof(*texts));
	(*r)->text_count = count;
	memcpy((*r)->texts, texts, count * sizeof(*texts));
	qsort((*r)->texts, count, sizeof(*texts), compare_texts);
}

struct cover_rules *cover_rules_free(struct cover_rules *r)
{
	for (size_t i = 0; r && i < r->text_count; i++)
		free(r->texts[i].path);
	if (r)
		free(r->texts);
	for (size_t i = 0; r && i < r->count; i++)
		free(r->rules[i].text);
	if (r)
		free(r->rules);
	free(r);
	return NULL;
}
