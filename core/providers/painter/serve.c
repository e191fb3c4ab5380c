/* SPDX-License-Identifier: MIT */
#include "serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

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

/* 1 and a frame's body (owned), 0 the end of the input, <0. */
static int read_frame(char **body, size_t *len)
{
	struct wire_head head;
	int r = read_whole(&head, sizeof(head));
	if (r <= 0)
		return r;
	if (head.mark != WIRE_MARK || head.len > WIRE_BYTES_MAX)
		return -EBADMSG;
	*len = head.len;
	*body = malloc(head.len + 1);
	if (!*body)
		return -ENOMEM;
	r = read_whole(*body, head.len);
	if (r > 0)
		return r;
	free(*body);
	return r < 0 ? r : -EBADMSG;
}

static int answer(int code, const void *body, size_t len)
{
	const struct wire_head head = {WIRE_MARK, (uint32_t)-code, (uint32_t)len};
	int r = file_write(STDOUT_FILENO, &head, sizeof(head));
	return r < 0 ? r : file_write(STDOUT_FILENO, body, len);
}

int serve(serve_fn fn, void *arg)
{
	char *body;
	size_t len;
	int r;

	while ((r = read_frame(&body, &len)) > 0) {
		CLEANUP(buf_finish) struct buf out = {0};
		struct err err = {0};

		r = fn(&out, body, len, arg, &err);
		free(body);
		r = r < 0 ? answer(r, err.msg, strlen(err.msg) + 1) : answer(0, out.data, out.len);
		if (r < 0)
			return r;
	}
	return r;
}

int serve_silently(serve_fn fn, void *arg)
{
	char *body;
	size_t len;
	int r;

	while ((r = read_frame(&body, &len)) > 0) {
		struct err err = {0};

		r = fn(NULL, body, len, arg, &err);
		free(body);
		if (r < 0) {
			fprintf(stderr, "bookfs: %s\n", err.msg[0] ? err.msg : strerror(-r));
			return r;
		}
	}
	return r;
}

/* (Not under a sanitizer, whose shadow is larger than any limit.) */
void serve_set_up(void)
{
#if !defined(BOOKFS_SANITIZED)
	setrlimit(RLIMIT_AS, &(struct rlimit){MEMORY_BYTES_MAX, MEMORY_BYTES_MAX});
#endif
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	/* Fonts are chosen by the text alone, not by who runs this where. */
	setenv("LC_ALL", "C.UTF-8", 1);
	setenv("FC_LANG", "en", 1);
	unsetenv("PANGO_LANGUAGE");
}
