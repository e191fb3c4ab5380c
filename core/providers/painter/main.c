/* SPDX-License-Identifier: MIT */
#include "card.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/*
 * bookfs-painter: reads cards from standard input, writes pictures to standard output, and ends
 * when its input does. Not for people.
 */

enum { MEMORY_BYTES_MAX = 1 << 30 };

/* 1 all of it, 0 the end at a frame's border, <0. */
static int read_whole(void *to, size_t len)
{
	char *at = to;
	size_t done = 0;
	while (done < len) {
		ssize_t n = read(0, at + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : done ? -EBADMSG : 0;
		done += (size_t)n;
	}
	return 1;
}

static int write_whole(const void *from, size_t len)
{
	const char *at = from;
	while (len) {
		ssize_t n = write(1, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int answer(int code, const void *body, size_t len)
{
	const struct wire_head head = {WIRE_MARK, (uint32_t)-code, (uint32_t)len};
	int r = write_whole(&head, sizeof(head));
	return r < 0 ? r : write_whole(body, len);
}

static int paint(const char *body, size_t len)
{
	CLEANUP(card_finish) struct card c = {0};
	CLEANUP(buf_finish) struct buf png = {0};
	struct err err = {0};
	int r = wire_get_card(&c, body, len);
	if (r < 0)
		err_set(&err, r, "the painter was asked for something else than a card");
	else
		r = card_paint(&png, &c, &err);
	return r < 0 ? answer(r, err.msg, strlen(err.msg) + 1) : answer(0, png.data, png.len);
}

static int serve(void)
{
	for (;;) {
		struct wire_head head;
		int r = read_whole(&head, sizeof(head));
		if (r <= 0)
			return r;
		if (head.mark != WIRE_MARK || head.len > WIRE_BYTES_MAX)
			return -EBADMSG;
		CLEANUP(cleanup_free) char *body = malloc(head.len + 1);
		if (!body)
			return -ENOMEM;
		if ((r = read_whole(body, head.len)) <= 0)
			return r < 0 ? r : -EBADMSG;
		if ((r = paint(body, head.len)) < 0)
			return r;
	}
}

/* A font or a text that would take all memory takes this process. (Not under a sanitizer, whose
 * shadow is larger than any limit.) */
static void set_limits(void)
{
#if !defined(BOOKFS_SANITIZED)
	setrlimit(RLIMIT_AS, &(struct rlimit){MEMORY_BYTES_MAX, MEMORY_BYTES_MAX});
#endif
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}

int main(int argc, char **argv)
{
	if (isatty(0) || argc > 1) {
		fprintf(stderr, "bookfs-painter is started by bookfs to paint its cards\n");
		return 2;
	}
	set_limits();
	/* Fonts are chosen by the text alone, not by who runs this where. */
	setenv("LC_ALL", "C.UTF-8", 1);
	setenv("FC_LANG", "en", 1);
	unsetenv("PANGO_LANGUAGE");
	return serve() < 0 ? 1 : 0;
}
