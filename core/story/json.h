/* SPDX-License-Identifier: MIT */
#ifndef STORY_JSON_H
#define STORY_JSON_H

/*
 * JSON within story: reading by cJSON behind a check that bounds its recursion and memory, and a
 * writer whose bytes depend on the values alone (cJSON's depends on the locale at places).
 */

#include <cjson/cJSON.h>

#include "base.h"

static inline void json_free(cJSON **json)
{
	cJSON_Delete(*json);
}

/* Parses one JSON text. *out is owned (cJSON_Delete). -EBADMSG: not JSON, not UTF-8, NUL or other
 * control characters in it, deeper than 64, or more than 200,000 values. */
int json_parse(cJSON **out, const char *json, size_t len, struct err *err);

/* As json_parse; *at: the byte where the fault is. */
int json_parse_at(cJSON **out, size_t *at, const char *json, size_t len, struct err *err);

/* A value of the root; or the item of an array of it, or of the root if that is an array; or the
 * item's value. */
struct json_place {
	const char *array; /* or NULL */
	size_t index;
	const char *key; /* or NULL */
};
/* The line, from 1, where it stands in a text that was parsed; of what is not there, where that
 * would be. */
int json_line(const char *json, size_t len, const struct json_place *place);

void json_string(struct buf *out, const char *s); /* quoted; malformed UTF-8 becomes U+FFFD */
void json_strings(struct buf *out, const struct strv *v);

#endif
