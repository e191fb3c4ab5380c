/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "base.h"

#define KEPT_BYTES (256 * 1024)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static enum log_sink sink = LOG_TO_STDERR;
static enum log_level most = LOG_LEVEL_WARN;
static struct buf kept = {.max_bytes = KEPT_BYTES};
static uint64_t dropped; /* bytes that are no longer in kept */

void log_open(enum log_sink to, enum log_level level)
{
	pthread_mutex_lock(&lock);
	sink = to;
	most = level;
	if (to == LOG_TO_SYSLOG)
		openlog("bookfs", LOG_PID, LOG_DAEMON);
	pthread_mutex_unlock(&lock);
}

/* Keeps whole lines: the oldest quarter goes when there is no room. */
static void keep(const char *line, size_t len)
{
	if (kept.len + len > KEPT_BYTES) {
		char *cut = memchr(kept.data + KEPT_BYTES / 4, '\n', kept.len - KEPT_BYTES / 4);
		size_t gone = cut ? (size_t)(cut - kept.data) + 1 : kept.len;

		memmove(kept.data, kept.data + gone, kept.len - gone);
		kept.len -= gone;
		dropped += gone;
	}
	buf_add(&kept, line, len);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
	char line[768], when[ISO_TIME_BYTES];
	struct err message;
	va_list ap;
	int n;

	/* err_set makes it one printable line. */
	va_start(ap, fmt);
	vsnprintf(line, sizeof(message.msg), fmt, ap);
	va_end(ap);
	err_set(&message, 0, "%s", line);

	clock_iso(when, clock_unix_ms());
	n = snprintf(line, sizeof(line), "%s %s %s\n", when, names[level], message.msg);
	pthread_mutex_lock(&lock);
	if (level <= most) {
		keep(line, (size_t)n);
		if (sink == LOG_TO_SYSLOG)
			syslog(priorities[level], "%s", message.msg);
		else
			fprintf(stderr, "bookfs: %s\n", message.msg);
	}
	pthread_mutex_unlock(&lock);
}

int log_copy(struct buf *out, uint64_t *gone)
{
	int r;

	pthread_mutex_lock(&lock);
	r = buf_add(out, buf_str(&kept), kept.len);
	*gone = dropped;
	pthread_mutex_unlock(&lock);
	return r;
}

uint64_t log_bytes(void)
{
	uint64_t n;

	pthread_mutex_lock(&lock);
	n = dropped + kept.len;
	pthread_mutex_unlock(&lock);
	return n;
}
