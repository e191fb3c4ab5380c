/* SPDX-License-Identifier: MIT */
#include "http.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Header fields that say when to come again, and how much may be asked before that: Retry-After
 * (RFC 9110) and what servers of models add to it. Each is a stranger's text. */

#define WAIT_MOST_MS (7LL * 24 * 3600 * 1000)
#define COUNT_MOST 1e15
/* A number this large is no wait but a moment: seconds, or milliseconds, since 1970. */
#define EPOCH_LEAST_S 1e9
#define EPOCH_LEAST_MS 1e12

static int64_t bounded(double ms)
{
	if (!(ms >= 0))
		return 0;
	return ms > (double)WAIT_MOST_MS ? WAIT_MOST_MS : (int64_t)ms;
}

/* "2", "0.5", as no locale changes it; *at goes behind it. */
static bool take_number(double *out, const char **at)
{
	const char *s = *at;
	double n = 0, unit = 1;
	if (!isdigit((unsigned char)*s))
		return false;
	for (; isdigit((unsigned char)*s); s++)
		n = n * 10 + (*s - '0');
	if (*s == '.')
		for (s++; isdigit((unsigned char)*s); s++)
			n += (*s - '0') * (unit /= 10);
	*out = n;
	*at = s;
	return true;
}

static int64_t wait_of_number(double n, double unit_ms, int64_t now_unix_ms)
{
	if (n >= EPOCH_LEAST_MS)
		return bounded(n - (double)now_unix_ms);
	if (n >= EPOCH_LEAST_S)
		return bounded(n * 1000 - (double)now_unix_ms);
	return bounded(n * unit_ms);
}

/* Go's way to write a duration: "6m0s", "1.5s", "12ms". */
static int64_t wait_of_duration(const char *s)
{
	static const struct {
		const char *name;
		double ms;
	} units[] = {{"ms", 1},	   {"us", 1e-3},   {"\xc2\xb5s", 1e-3}, {"ns", 1e-6},
		     {"d", 864e5}, {"h", 3600000}, {"m", 60000},	{"s", 1000}};
	double n, ms = 0;
	while (*s) {
		size_t u = 0;
		if (!take_number(&n, &s))
			return -1;
		while (u < ARRAY_LEN(units) && strncmp(s, units[u].name, strlen(units[u].name)))
			u++;
		if (u == ARRAY_LEN(units))
			return -1;
		ms += n * units[u].ms;
		s += strlen(units[u].name);
	}
	return bounded(ms);
}

/* Two or four digits, and what stands behind them. */
static bool take_digits(int *out, const char **at, int count, const char *behind)
{
	*out = 0;
	for (int i = 0; i < count; i++, ++*at) {
		if (!isdigit((unsigned char)**at))
			return false;
		*out = *out * 10 + (**at - '0');
	}
	return !*behind || (**at && strchr(behind, *(*at)++));
}

/* "Z", "+02:00"; nothing is UTC too. */
static bool take_zone(int *seconds, const char *s)
{
	int sign = *s == '-' ? -1 : 1, hours, minutes;
	*seconds = 0;
	if (!*s || !strcasecmp(s, "Z"))
		return true;
	if ((*s != '+' && *s != '-') || (s++, !take_digits(&hours, &s, 2, ":")) ||
	    !take_digits(&minutes, &s, 2, "") || *s)
		return false;
	*seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

/* RFC 3339: "2026-01-31T23:59:59.5Z". */
static int64_t wait_of_date(const char *s, int64_t now_unix_ms)
{
	struct tm t = {0};
	double part = 0;
	int zone_s;
	if (!take_digits(&t.tm_year, &s, 4, "-") || !take_digits(&t.tm_mon, &s, 2, "-") ||
	    !take_digits(&t.tm_mday, &s, 2, "Tt ") || !take_digits(&t.tm_hour, &s, 2, ":") ||
	    !take_digits(&t.tm_min, &s, 2, ":") || !take_digits(&t.tm_sec, &s, 2, ""))
		return -1;
	if (*s == '.' && (s++, !isdigit((unsigned char)*s)))
		return -1;
	for (double unit = 1000; isdigit((unsigned char)*s); s++)
		part += (*s - '0') * (unit /= 10);
	if (!take_zone(&zone_s, s))
		return -1;
	t.tm_year -= 1900;
	t.tm_mon--;
	return bounded(((double)timegm(&t) - zone_s) * 1000 + part - (double)now_unix_ms);
}

int64_t http_wait_ms(const char *value, double unit_ms, int64_t now_unix_ms, http_date_fn date)
{
	const char *end = value;
	double n;
	if (take_number(&n, &end) && !*end)
		return wait_of_number(n, unit_ms, now_unix_ms);
	if (isdigit((unsigned char)*value)) {
		int64_t ms = wait_of_duration(value);
		return ms >= 0 ? ms : wait_of_date(value, now_unix_ms);
	}
	/* HTTP's dates begin with the day's name; what reads them reads much else too. */
	if (!date || !isalpha((unsigned char)*value))
		return -1;
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

/* How much is left, and when it is whole again. */
static const struct limit_fields {
	const char *left, *reset;
	bool of_tokens;
} limit_fields[] = {
	/* OpenAI, Azure, Groq, DeepSeek, xAI */
	{"x-ratelimit-remaining-requests", "x-ratelimit-reset-requests", false},
	{"x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens", true},
	{"anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset", false},
	{"anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset", true},
	/* OpenRouter, and whoever stands before a small server */
	{"x-ratelimit-remaining", "x-ratelimit-reset", false},
	{"ratelimit-remaining", "ratelimit-reset", false},
	/* Mistral, which names no moment */
	{"x-ratelimit-remaining-req-minute", "x-ratelimit-reset-req-minute", false},
	{"x-ratelimit-remaining-tokens-minute", "x-ratelimit-reset-tokens-minute", true},
};

static int64_t count_of(const char *value)
{
	double n;
	if (!take_number(&n, &value) || *value)
		return -1;
	return (int64_t)(n > COUNT_MOST ? COUNT_MOST : n);
}

static void read_limit(struct http_answer *a, const char *line, size_t len, int64_t now_unix_ms,
		       http_date_fn date)
{
	char value[64];
	for (size_t i = 0; i < ARRAY_LEN(limit_fields); i++) {
		const struct limit_fields *f = &limit_fields[i];
		if (field(value, sizeof(value), line, len, f->left))
			*(f->of_tokens ? &a->tokens_left : &a->requests_left) = count_of(value);
		else if (field(value, sizeof(value), line, len, f->reset))
			*(f->of_tokens ? &a->tokens_reset_ms : &a->requests_reset_ms) =
				http_wait_ms(value, 1000, now_unix_ms, date);
	}
}

void http_header_void(struct http_answer *a)
{
	a->retry_after_ms = a->should_retry = -1;
	a->requests_left = a->requests_reset_ms = a->tokens_left = a->tokens_reset_ms = -1;
	a->location[0] = '\0';
}

void http_header(struct http_answer *a, const char *line, size_t len, int64_t now_unix_ms,
		 http_date_fn date)
{
	char value[256];
	if (len > 5 && !strncmp(line, "HTTP/", 5)) { /* another head: what stood before is void */
		http_header_void(a);
	} else if (field(value, sizeof(value), line, len, "retry-after-ms")) {
		int64_t ms = http_wait_ms(value, 1, now_unix_ms, date);
		a->retry_after_ms = ms >= 0 ? ms : a->retry_after_ms;
	} else if (field(value, sizeof(value), line, len, "retry-after")) {
		if (a->retry_after_ms < 0) /* the finer one stands */
			a->retry_after_ms = http_wait_ms(value, 1000, now_unix_ms, date);
	} else if (field(value, sizeof(value), line, len, "x-should-retry")) {
		a->should_retry = !strcmp(value, "true") ? 1 : !strcmp(value, "false") ? 0 : -1;
	} else if (!field(a->location, sizeof(a->location), line, len, "location")) {
		read_limit(a, line, len, now_unix_ms, date);
	}
}
