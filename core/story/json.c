/* SPDX-License-Identifier: MIT */
#include "json.h"

#include <string.h>

enum { JSON_DEPTH_MAX = 64, JSON_VALUES_MAX = 200000, JSON_BYTES_MAX = 16 << 20 };

/* Where the check stands in the text. */
struct scan {
	const char *at, *end;
	size_t depth, values;
};

/* An escape \u0000 would end a C string in its midst; all other escapes are cJSON's to judge. */
static int scan_string(struct scan *s, struct err *err)
{
	for (s->at++; s->at < s->end && *s->at != '"'; s->at++) {
		unsigned char c = (unsigned char)*s->at;
		if (c < ' ' && c != '\t' && c != '\n' && c != '\r')
			return err_set(err, -EBADMSG, "a control character within a string");
		if (c != '\\')
			continue;
		if (s->end - s->at >= 6 && !memcmp(s->at, "\\u0000", 6))
			return err_set(err, -EBADMSG, "the character NUL within a string");
		if (++s->at == s->end)
			break;
	}
	return 0;
}

/* A node of cJSON costs some 64 bytes and may stand for one byte of text, and its parser recurses:
 * so both are counted before it sees the text. */
static int scan_json(size_t *at, const char *json, size_t len, struct err *err)
{
	struct scan s = {.at = json, .end = json + len};
	for (; s.at < s.end; s.at++) {
		int r = 0;
		*at = (size_t)(s.at - json);
		switch (*s.at) {
		case '"':
			r = scan_string(&s, err);
			break;
		case '[':
		case '{':
			s.values++;
			if (++s.depth > JSON_DEPTH_MAX)
				r = err_set(err, -EBADMSG, "JSON nested deeper than %d",
					    JSON_DEPTH_MAX);
			break;
		case ']':
		case '}':
			if (s.depth)
				s.depth--;
			break;
		case ',':
			s.values++;
			break;
		case '\0':
			r = err_set(err, -EBADMSG, "the character NUL in JSON");
			break;
		}
		if (r < 0)
			return r;
		if (s.values > JSON_VALUES_MAX)
			return err_set(err, -EBADMSG, "JSON of more than %d values",
				       JSON_VALUES_MAX);
		if (s.at >= s.end)
			break;
	}
	return 0;
}

static const char *skip_blank(const char *s, const char *end)
{
	while (s < end && (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\r'))
		s++;
	return s;
}

/* The first byte that is no UTF-8. */
static size_t first_malformed(const char *json, size_t len)
{
	const char *s = json, *at = json;
	while (s < json + len) {
		at = s;
		if (utf8_next(&s, json + len) == 0xfffd &&
		    (s - at != 3 || memcmp(at, "\xef\xbf\xbd", 3) != 0))
			break;
	}
	return (size_t)(at - json);
}

int json_parse_at(cJSON **out, size_t *at, const char *json, size_t len, struct err *err)
{
	*at = 0;
	if (len > JSON_BYTES_MAX)
		return err_set(err, -EBADMSG, "JSON of more than %d bytes", JSON_BYTES_MAX);
	if (skip_blank(json, json + len) == json + len)
		return err_set(err, -EBADMSG, "an empty answer");
	if (!utf8_valid(json, len)) {
		*at = first_malformed(json, len);
		return err_set(err, -EBADMSG, "not UTF-8");
	}
	int r = scan_json(at, json, len, err);
	if (r < 0)
		return r;
	const char *stop = json;
	cJSON *root = cJSON_ParseWithLengthOpts(json, len, &stop, false);
	if (root)
		stop = skip_blank(stop, json + len);
	*at = (size_t)(stop - json);
	if (!root)
		return err_set(err, -EBADMSG, "not JSON at byte %zu of %zu", (size_t)(stop - json),
			       len);
	if (stop < json + len) {
		cJSON_Delete(root);
		return err_set(err, -EBADMSG, "more text after the JSON, at byte %zu of %zu",
			       (size_t)(stop - json), len);
	}
	*out = root;
	return 0;
}

int json_parse(cJSON **out, const char *json, size_t len, struct err *err)
{
	size_t at;
	return json_parse_at(out, &at, json, len, err);
}

/* ---- where a value stands, in a text that has been parsed */

static const char *skip_space(const char *s, const char *end)
{
	while (s < end && (unsigned char)*s <= ' ')
		s++;
	return s;
}

/* s begins a value; behind it. */
static const char *skip_value(const char *s, const char *end)
{
	size_t depth = 0;
	for (bool within = false; s < end; s++) {
		if (within && *s == '\\')
			s++;
		else if (*s == '"')
			within = !within;
		else if (!within && (*s == '[' || *s == '{'))
			depth++;
		else if (!within && depth && (*s == ']' || *s == '}'))
			depth--;
		else if (!within && !depth && strchr(",:]}", *s))
			break;
	}
	return s < end ? s : end;
}

/* The value with that number of an array, or with that name of an object; NULL: there is none. */
static const char *find_value(const char *s, const char *end, size_t index, const char *key)
{
	for (size_t i = 0; s < end && !strchr("]}", *s); i++) {
		const char *name = s = skip_space(s + 1, end);
		if (s == end || strchr("]}", *s))
			return NULL;
		if (key) {
			s = skip_value(s, end);
			if (s == end)
				return NULL;
			size_t len = (size_t)(s - name), want = strlen(key);
			s = skip_space(s + 1, end);
			if (len >= want + 2 && !strncmp(name + 1, key, want) &&
			    name[want + 1] == '"')
				return s;
		} else if (i == index) {
			return s;
		}
		s = skip_value(s, end);
	}
	return NULL;
}

int json_line(const char *json, size_t len, const struct json_place *place)
{
	const char *end = json + len, *at = skip_space(json, end), *next = at;
	int line = 1;
	if (place->array) {
		if (at < end && *at == '{')
			next = find_value(at, end, 0, place->array);
		at = next ? next : at;
		next = next ? find_value(next, end, place->index, NULL) : NULL;
		at = next ? next : at;
	}
	if (next && place->key && (next = find_value(next, end, 0, place->key)))
		at = next;
	for (const char *s = json; s < at; s++)
		line += *s == '\n';
	return line;
}

static void put_escaped(struct buf *out, uint32_t cp)
{
	char utf8[4];
	if (cp == '"' || cp == '\\')
		buf_addf(out, "\\%c", (int)cp);
	else if (cp == '\n')
		buf_adds(out, "\\n");
	else if (cp < 0x20 || cp == 0x7f)
		buf_addf(out, "\\u%04x", (unsigned)cp);
	else
		buf_add(out, utf8, utf8_put(utf8, cp));
}

void json_string(struct buf *out, const char *s)
{
	const char *end = s + strlen(s);
	buf_addc(out, '"');
	while (s < end)
		put_escaped(out, utf8_next(&s, end));
	buf_addc(out, '"');
}

void json_strings(struct buf *out, const struct strv *v)
{
	buf_addc(out, '[');
	for (size_t i = 0; i < v->len; i++) {
		if (i)
			buf_addc(out, ',');
		json_string(out, v->items[i]);
	}
	buf_addc(out, ']');
}
