/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "painter_child.h"
#include "painter_wire.h"
#include "providers.h"

/* This process's end of bookfs-binder. It waits for the child, so it is for a command, not for a
 * loop. */

struct binder {
	pid_t pid;
	int fd;
	enum binder_kind kind;
};

int binder_open(struct binder **out, enum binder_kind kind, int pdf, struct err *err)
{
	CLEANUP(binder_close_cleanup) struct binder *b = xcalloc(1, sizeof(*b));
	CLEANUP(cleanup_close) int theirs = -1;
	char path[PATH_MAX];
	int fds[2], r;

	b->fd = -1;
	b->kind = kind;
	child_path(path, "bookfs-binder");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return err_set(err, -errno, "no socket for the binder: %s", strerror(errno));
	b->fd = fds[0];
	theirs = fds[1];
	r = child_spawn(&b->pid, path, kind == BINDER_PDF ? "pdf" : "pages", theirs,
			kind == BINDER_PDF ? pdf : theirs, STDERR_FILENO);
	if (r < 0) {
		b->pid = 0;
		return err_set(err, r, "cannot start %s: %s", path, strerror(-r));
	}
	*out = b;
	b = NULL;
	return 0;
}

static int put(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int get(int fd, void *to, size_t len)
{
	ssize_t n;

	do {
		n = recv(fd, to, len, MSG_WAITALL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : (size_t)n == len ? 0 : -EPIPE;
}

static int get_answer(struct buf *png, int fd, struct err *err)
{
	struct wire_head head;
	int r = get(fd, &head, sizeof(head));

	if (r == 0 && (head.mark != WIRE_MARK || head.len > WIRE_BYTES_MAX))
		r = -EBADMSG;
	if (r == 0)
		r = buf_reserve(png, head.len);
	if (r == 0)
		r = get(fd, png->data + png->len, head.len);
	if (r < 0)
		return err_set(err, r, "the binder gave no page: %s", strerror(-r));
	if (head.status)
		return err_set(err, -(int)head.status, "%.*s", (int)head.len, png->data + png->len);
	png->len += head.len;
	return 0;
}

/* The end of its input is what it waits for. */
static int wait_child(struct binder *b)
{
	int status = 0;

	close(b->fd);
	b->fd = -1;
	while (waitpid(b->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	b->pid = 0;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EPIPE;
}

int binder_add(struct buf *png, struct binder *b, const struct binder_sheet *sheet, struct err *err)
{
	struct buf frame = {.max_bytes = WIRE_BYTES_MAX};
	const struct sheet s = {
		.kind = (int32_t)sheet->kind,
		.title = (char *)sheet->title,
		.text = (char *)sheet->text,
		.foot = (char *)sheet->foot,
		.lines = *sheet->lines,
		.picture = *sheet->picture,
	};
	int r = wire_put_sheet(&frame, &s);

	if (r == 0)
		r = put(b->fd, frame.data, frame.len);
	buf_finish(&frame);
	/* It ended, and its end says why. */
	if (r == -EPIPE && (r = wait_child(b)) == 0)
		r = -EIO;
	if (r < 0)
		return err_set(err, r, "the binder takes no page: %s", strerror(-r));
	return b->kind == BINDER_PAGES ? get_answer(png, b->fd, err) : 0;
}

int binder_finish(struct binder *b, struct err *err)
{
	int r = wait_child(b);

	return r < 0 ? err_set(err, r, "the binder failed: %s", strerror(-r)) : 0;
}

struct binder *binder_close(struct binder *b)
{
	if (!b)
		return NULL;
	if (b->pid > 0) {
		kill(b->pid, SIGKILL);
		wait_child(b);
	}
	if (b->fd >= 0)
		close(b->fd);
	free(b);
	return NULL;
}
