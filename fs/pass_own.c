/* SPDX-License-Identifier: MIT */
#include <fcntl.h>

#include "pass.h"

/*
 * What a program makes for itself beside a text that it edits, and hides: an editor's swap file. If
 * the text becomes another's meanwhile, the program may change nothing there any more, but go on
 * with what it made and take it away: else the next editor of the text, the holder's too, would
 * find a swap file that nobody has, and stop to ask. It goes on by the open that made the file, and
 * takes away as the very process, and only while the name is hidden: so no holder loses a file that
 * is his or the book's.
 *
 * The last of them are remembered, as they are few: a process has one for each text it edits, and
 * who makes thousands renames them at once.
 */

enum { OWN_MOST = 64 };

struct own {
	struct link link;
	dev_t dev;
	ino_t ino;
	struct process maker;
};

static int caller_process(struct process *out, fuse_req_t req)
{
	struct caller c;

	caller_find(&c, fuse_req_ctx(req));
	return process_find(out, c.pid);
}

static void own_free(struct pass *p, struct own *o)
{
	ring_remove(&o->link);
	p->own_count--;
	free(o);
}

void pass_own_made(fuse_req_t req, const char *name, const struct stat *st)
{
	struct pass *p = pass_of(req);
	struct process maker;
	struct own *o;

	if (*name != '.' || caller_process(&maker, req) < 0)
		return;
	o = xcalloc(1, sizeof(*o));
	*o = (struct own){.dev = st->st_dev, .ino = st->st_ino, .maker = maker};
	ring_add(&p->own, &o->link);
	if (++p->own_count > OWN_MOST)
		own_free(p, LINK_OWNER(p->own.next, struct own, link));
}

/* The last that was made: an inode's number comes again. */
static struct own *find_own(const struct pass *p, const struct stat *st)
{
	for (struct link *l = p->own.prev; l != &p->own; l = l->prev) {
		struct own *o = LINK_OWNER(l, struct own, link);

		if (o->ino == st->st_ino && o->dev == st->st_dev)
			return o;
	}
	return NULL;
}

bool pass_own_goes_on(const struct pass_file *f)
{
	return f->own && f->node->name[0] == '.';
}

bool pass_own_is(fuse_req_t req, struct pass_node *folder, const char *name)
{
	struct pass *p = pass_of(req);
	const struct own *o;
	struct process caller;
	struct stat st;
	int fd = *name == '.' && p->own_count ? pass_fd(p, folder) : -1;

	if (fd < 0 || fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	o = find_own(p, &st);
	return o && caller_process(&caller, req) == 0 && process_is(&caller, &o->maker);
}

void pass_own_init(struct pass *p)
{
	ring_init(&p->own);
}

void pass_own_finish(struct pass *p)
{
	while (!ring_empty(&p->own))
		own_free(p, LINK_OWNER(p->own.next, struct own, link));
}
