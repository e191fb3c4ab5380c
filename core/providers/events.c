/* SPDX-License-Identifier: MIT */
#include "exchange.h"

#include <string.h>

/*
 * Server-sent events. No answer is asked for as a stream, yet some servers know nothing else. Of an
 * event only its data counts: each kind of server says inside it what it is.
 */

static const char *const fields[] = {"data:", "event:", "id:", "retry:", ":"};

bool events_are(const char *s)
{
	s += strspn(s, " \t\r\n");
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (!strncmp(s, fields[i], strlen(fields[i])))
			return true;
	return false;
}

/* The line at *at, without its end. */
static size_t take_line(const char **line, const char **at)
{
	size_t len = strcspn(*at, "\r\n");
	*line = *at;
	*at += len;
	*at += **at == '\r' && (*at)[1] == '\n' ? 2 : **at != '\0';
	return len;
}

static void add_data(struct buf *data, const char *line, size_t len)
{
	if (len < 5 || strncmp(line, "data:", 5))
		return;
	size_t skip = len > 5 && line[5] == ' ' ? 6 : 5;
	if (data->len)
		buf_addc(data, '\n');
	buf_add(data, line + skip, len - skip);
}

bool events_next(struct buf *data, const char **at)
{
	const char *line;
	while (**at) {
		buf_clear(data);
		for (size_t len; **at && (len = take_line(&line, at));)
			add_data(data, line, len);
		if (data->len)
			return true;
	}
	return false;
}
