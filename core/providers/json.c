/* SPDX-License-Identifier: MIT */
#include "exchange.h"

#include <string.h>

enum { VALUES_MAX = 200000 };

/* A node of cJSON costs some 64 bytes and may stand for one byte: so they are counted first. What
 * stands in strings is counted with them, which does no harm. */
static bool is_bounded(const char *s, size_t len)
{
	size_t values = 0;
	for (size_t i = 0; i < len; i++)
		values += s[i] == ',' || s[i] == '[' || s[i] == '{';
	return values <= VALUES_MAX;
}

cJSON *json_read(const char *s, size_t len)
{
	if (!len || !is_bounded(s, len) || !utf8_valid(s, len))
		return NULL;
	return cJSON_ParseWithLength(s, len);
}

const cJSON *json_member(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

const char *json_text(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(json_member(object, key));
}

int json_print(struct buf *out, const cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);
	int r = text ? buf_adds(out, text) : -ENOMEM;
	cJSON_free(text);
	return r;
}

/* ---- the JSON in a model's answer */

static const char *behind_spaces(const char *s)
{
	return s + strspn(s, " \t\r\n");
}

static const char *behind_thought(const char *s)
{
	const char *end;
	s = behind_spaces(s);
	if (strncmp(s, "<think>", 7))
		return s;
	end = strstr(s, "</think>");
	return behind_spaces(end ? end + 8 : s);
}

static const char *behind_fence(const char *s)
{
	if (strncmp(s, "```", 3))
		return s;
	return behind_spaces(s + strcspn(s, "\n"));
}

/* Behind the string whose quotation mark is at s; NULL: it does not end. */
static const char *behind_string(const char *s)
{
	for (s++; *s && *s != '"'; s++)
		if (*s == '\\' && !*++s)
			return NULL;
	return *s ? s + 1 : NULL;
}

static bool is_trailing(const char *comma)
{
	const char *next = behind_spaces(comma + 1);
	return *next == '}' || *next == ']';
}

/* Copies the value that opens at s, to where its brackets close. NULL: they do not. */
static const char *copy_value(struct buf *out, const char *s)
{
	for (int depth = 0; *s;) {
		const char *next = *s == '"' ? behind_string(s) : s + 1;
		if (!next)
			return NULL;
		depth += (*s == '{' || *s == '[') - (*s == '}' || *s == ']');
		if (*s != ',' || !is_trailing(s))
			buf_add(out, s, (size_t)(next - s));
		s = next;
		if (depth == 0)
			return s;
	}
	return NULL;
}

/* A bare array counts only where the answer begins: within prose it may be a footnote. */
bool json_find(struct buf *out, const char **at)
{
	const char *s = behind_fence(behind_thought(*at));
	if (*s != '[')
		s = strchr(s, '{');
	buf_clear(out);
	s = s ? copy_value(out, s) : NULL;
	if (s)
		*at = s;
	return s != NULL;
}
