/* SPDX-License-Identifier: MIT */
#include "http.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Header fields that say when to come again (RFC 9110, Retry-After, and what servers of models add
 * to it). Each is a stranger's text. */

#define WAIT_MOST_MS (7LL * 24 * 3600 * 1000)

static int64_t bounded(double ms)
{
	if (!(ms >= 0))
		return 0;
	return ms > (double)WAIT_MOST_MS ? WAIT_MOST_MS : (int64_t)ms;
}

/* "2", "0.5", as no locale changes it. */
static bool is_number(double *out, const char *s)
{
	double n = 0, unit = 1;
	if (!isdigit((unsigned char)*s))
		return false;
	for (; isdigit((unsigned char)*s); s++)
		n = n * 10 + (*s - '0');
	if (*s == '.')
		for (s++; isdigit((unsigned char)*s); s++)
			n += (*s - '0') * (unit /= 10);
	*out = n;
	return !*s;
}

/* A number of units; else a date. */
static int64_t wait_of(const char *value, double unit_ms, int64_t now_unix_ms,
		       time_t (*date)(const char *text, const time_t *unused))
{
	double n;
	if (is_number(&n, value))
		return bounded(n * unit_ms);
	time_t at = date(value, NULL);
	return at < 0 ? -1 : bounded((double)at * 1000 - (double)now_unix_ms);
}

/* The value of the field `name` if line is one, without white space around it; cut to size. */
static bool field(char *out, size_t size, const char *line, size_t len, const char *name)
{
	size_t n = strlen(name);
	if (len <= n || strncasecmp(line, name, n) || line[n] != ':')
		return false;
	for (line += n + 1, len -= n + 1; len && strchr(" \t", *line); line++)
		len--;
	while (len && strchr(" \t\r\n", line[len - 1]))
		len--;
	snprintf(out, size, "%.*s", (int)(len < size ? len : size - 1), line);
	return true;
}

void http_header(struct http_answer *a, const char *line, size_t len, int64_t now_unix_ms,
		 time_t (*date)(const char *text, const time_t *unused))
{
	char value[256];
	if (len > 5 && !strncmp(line, "HTTP/", 5)) { /* another head: what stood before is void */
		a->retry_after_ms = a->should_retry = -1;
		a->location[0] = '\0';
	} else if (field(value, sizeof(value), line, len, "retry-after-ms")) {
		int64_t ms = wait_of(value, 1, now_unix_ms, date);
		a->retry_after_ms = ms >= 0 ? ms : a->retry_after_ms;
	} else if (field(value, sizeof(value), line, len, "retry-after")) {
		if (a->retry_after_ms < 0) /* the finer one stands */
			a->retry_after_ms = wait_of(value, 1000, now_unix_ms, date);
	} else if (field(value, sizeof(value), line, len, "x-should-retry")) {
		a->should_retry = !strcmp(value, "true") ? 1 : !strcmp(value, "false") ? 0 : -1;
	} else {
		field(a->location, sizeof(a->location), line, len, "location");
	}
}
