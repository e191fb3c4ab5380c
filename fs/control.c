/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "fs.h"

/*
 * .bookfs/ctl: a write is one or several lines, a command each, done in order; the first that
 * fails ends it. The write is answered when the store has what was asked, so its errno is the
 * verdict.
 */

enum { WRITE_BYTES = 4096 };

struct control {
	struct fs *fs;
	fuse_req_t req;
	struct caller caller;
	uint64_t ino;
	size_t len, at; /* of text; the next command */
	char text[];
};

static void next_command(struct control *c);

static void finish(struct control *c, int result, const char *reason)
{
	if (result < 0) {
		why_remember(c->fs->why, &c->caller, c->ino, NULL, result, reason);
		fuse_reply_err(c->req, -result);
	} else {
		why_settle(c->fs->why, &c->caller, c->ino, NULL, false);
		fuse_reply_write(c->req, c->len);
	}
	fs_done(c->fs);
	free(c);
}

static void commanded(void *arg, int result, const struct err *err)
{
	struct control *c = arg;

	if (result < 0)
		finish(c, result, err ? err->msg : NULL);
	else
		next_command(c);
}

static void next_command(struct control *c)
{
	while (c->at < c->len) {
		const char *line = c->text + c->at;
		size_t len = strcspn(line, "\n");

		c->at += len + 1;
		if (strspn(line, " \t\r") < len) {
			jobs_command(c->fs->engine->jobs, line, len, commanded, c);
			return;
		}
	}
	finish(c, 0, NULL);
}

void control_write(fuse_req_t req, const char *data, size_t len)
{
	struct fs *fs = fuse_req_userdata(req);
	struct view_attr attr;
	struct control *c;

	if (view_lookup(&attr, fs->views, fs->control_folder, "ctl") < 0)
		attr.ino = 0;
	c = xcalloc(1, sizeof(*c) + (len < WRITE_BYTES ? len : 0) + 1);
	*c = (struct control){.fs = fs, .req = req, .len = len, .ino = attr.ino};
	caller_find(&c->caller, fuse_req_ctx(req));
	fs->pending++;
	if (fs->engine->read_only) {
		finish(c, -EROFS, "the store cannot be written");
	} else if (len >= WRITE_BYTES || memchr(data, '\0', len)) {
		finish(c, -EINVAL, "commands are lines of text, 4 KB at most in one write");
	} else {
		memcpy(c->text, data, len);
		next_command(c);
	}
}
