/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "fs.h"
#include "holder.h"

/* The kernel names the thread. The request is pending while this runs, so the thread cannot end
 * and its number not pass to another. */
void caller_find(struct caller *c, const struct fuse_ctx *ctx)
{
	char status[4096];
	size_t len;

	*c = (struct caller){.uid = ctx->uid};
	if (ctx->pid == 0 || !proc_text(status, sizeof(status), ctx->pid, "status"))
		return;
	c->pid = (pid_t)proc_field(status, "\nTgid:");
	c->parent = (pid_t)proc_field(status, "\nPPid:");
	c->session = (pid_t)proc_field(status, "\nNSsid:");
	len = proc_text(c->name, sizeof(c->name), c->pid, "comm");
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
