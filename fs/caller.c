/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "fs.h"

/* A small file of /proc, NUL-terminated; its length, or 0. */
static size_t read_proc(char *out, size_t cap, pid_t pid, const char *name)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, out, cap - 1);
	out[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static pid_t field(const char *status, const char *label)
{
	const char *at = strstr(status, label);

	return at ? (pid_t)strtol(at + strlen(label), NULL, 10) : 0;
}

/* The kernel names the thread. The request is pending while this runs, so the thread cannot end
 * and its number not pass to another. */
void caller_find(struct caller *c, const struct fuse_ctx *ctx)
{
	char status[4096];
	size_t len;

	*c = (struct caller){.uid = ctx->uid};
	if (ctx->pid == 0 || !read_proc(status, sizeof(status), ctx->pid, "status"))
		return;
	c->pid = field(status, "\nTgid:");
	c->parent = field(status, "\nPPid:");
	c->session = field(status, "\nNSsid:");
	len = read_proc(c->name, sizeof(c->name), c->pid, "comm");
	if (len && c->name[len - 1] == '\n')
		c->name[len - 1] = '\0';
}

/* comm is cut at 15. */
bool caller_never_asks(const struct caller *c, const struct options *o)
{
	for (size_t i = 0; i < o->never_trigger_for.len; i++)
		if (c->name[0] &&
		    !strncmp(o->never_trigger_for.items[i], c->name, sizeof(c->name) - 1))
			return true;
	return false;
}
