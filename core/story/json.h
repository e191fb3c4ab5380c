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

void json_string(struct buf *out, const char *s); /* quoted; malformed UTF-8 becomes U+FFFD */
void json_strings(struct buf *out, const struct strv *v);

#endif
