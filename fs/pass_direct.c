/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "cover.h"
#include "pass.h"
#include "source.h"

/*
 * Files that the kernel reads and writes by itself (FUSE passthrough, Linux 6.9): an open is
 * answered with the folder's own file, and reads, writes and mappings go to that, as fast as
 * without a mount and of the same pages. It is allowed to an administrator's mount alone; any other
 * is served by us.
 *
 * What goes by us no more we cannot refuse any more. So all files are read by it, and those written
 * that no lock covers and that have no second name that may be covered. The others we write
 * ourselves, so that a holder who lost his lock is stopped in the midst of a write; and the texts
 * of the book in any case: they are small, and changed by many. A file that is being written by the
 * kernel cannot be given a name beneath a lock: EXDEV, and who moves it will copy it. Rules that a
 * project makes while a file is open hold from its next open.
 *
 * The kernel wants all opens of a node to be of one kind, and counts one as ended before it tells
 * us: the kind is chosen by the first of them and is kept until the last is closed. Where somebody
 * reads and a writer comes who has to be ours, he can be so beside him if he only writes: of such
 * an open the kernel hands each write to us. Of one that reads, too, it would hand us no mapping.
 * For him the node is given up: he is answered ESTALE, looks the name up again and meets a new one,
 * of our kind until the last has closed it, as he looks only once. What he writes in a mapping the
 * reader then sees when it is written back.
 */

/* Of newer headers than are asked for. */
enum { DIRECT_FLAG2 = 1 << (37 - 32), STACK_DEPTH = 1, OPEN_DIRECT = 1 << 7 };
struct backing {
	int32_t fd;
	uint32_t flags;
	uint64_t padding;
};
#define BACKING_OPEN _IOW(FUSE_DEV_IOC_MAGIC, 1, struct backing)
#define BACKING_CLOSE _IOW(FUSE_DEV_IOC_MAGIC, 2, uint32_t)

/* ---- saying so to the kernel */

void pass_direct_offered(struct pass *p, const struct fuse_init_in *in)
{
	p->can_direct = in->flags & FUSE_INIT_EXT && in->flags2 & DIRECT_FLAG2;
}

void pass_direct_greet(struct pass *p, struct fuse_init_out *out)
{
	if (!p->can_direct)
		return;
	out->flags |= FUSE_INIT_EXT;
	out->flags2 |= DIRECT_FLAG2;
	out->unused[0] = STACK_DEPTH;
}

void pass_direct_answer(const struct pass *p, struct fuse_open_out *out)
{
	out->open_flags |= OPEN_DIRECT;
	out->open_flags &= ~(uint32_t)FOPEN_KEEP_CACHE;
	out->padding = (uint32_t)p->answered_backing;
}

static void enlist(struct pass *p, struct pass_node *n)
{
	struct backing b = {.fd = pass_fd(p, n)};
	int id = b.fd < 0 ? -1 : ioctl(fuse_session_fd(p->fs->session), BACKING_OPEN, &b);

	if (id > 0) {
		n->backing = id;
		return;
	}
	log_info("the kernel does not read the folder's files by itself (%s): bookfs does",
		 strerror(errno));
	p->can_direct = false;
}

void pass_direct_forget(struct pass *p, struct pass_node *n)
{
	uint32_t id = (uint32_t)n->backing;

	if (id && ioctl(fuse_session_fd(p->fs->session), BACKING_CLOSE, &id) < 0)
		log_debug("a file's descriptor stays with the kernel: %s", strerror(errno));
	n->backing = 0;
}

/* ---- which files */

static bool is_covered(const struct pass *p, const char *path)
{
	char resource[LOCK_RESOURCE_BYTES];

	return p->fs->options->enforce != ENFORCE_OFF && cover_of(resource, p->rules, path);
}

/* Can nobody be refused to write it? */
static bool is_free(const struct pass *p, const struct pass_node *n, const struct stat *st)
{
	CLEANUP(buf_finish) struct buf path = {0};

	return st->st_nlink <= 1 && n->cover_count == 0 && pass_path(&path, p, n, NULL) &&
	       !is_covered(p, buf_str(&path));
}

static bool may_read(const struct pass *p, const struct pass_node *n, const struct stat *st)
{
	return p->can_direct && S_ISREG(st->st_mode) && !n->past && !n->by_us;
}

static bool may_write(const struct pass *p, const struct pass_node *n, const struct stat *st)
{
	return may_read(p, n, st) && !book_folder_counts(n->name, false) && is_free(p, n, st);
}

int pass_direct(bool *writes, struct pass *p, struct pass_node *n, const struct stat *st,
		enum pass_use use)
{
	bool is_open = n->opens > 0;

	*writes = use != PASS_READS && may_write(p, n, st);
	if (!is_open)
		n->direct = use == PASS_READS ? may_read(p, n, st) : *writes;
	*writes = *writes && n->direct;
	if (!n->direct)
		return 0;
	if (use == PASS_READS_AND_WRITES && !*writes) {
		pass_retire(p, n);
		return -ESTALE;
	}
	if (!n->backing)
		enlist(p, n);
	n->direct = n->backing > 0;
	*writes = *writes && n->direct;
	return n->backing;
}

/* ---- names that move */

/* The path that a file has when `from` has become `to`; false: it is not beneath it. */
static bool moved_path(struct buf *out, const struct pass *p, const struct pass_file *f,
		       const char *from, const char *to)
{
	CLEANUP(buf_finish) struct buf path = {0};
	size_t len = strlen(from);
	const char *was;

	if (!pass_path(&path, p, f->node, NULL))
		return false;
	was = buf_str(&path);
	if (strncmp(was, from, len) != 0 || (was[len] && was[len] != '/'))
		return false;
	buf_clear(out);
	return buf_addf(out, "%s%s", to, was + len) == 0;
}

static bool any_escapes(const struct pass *p, const char *from, const char *to)
{
	CLEANUP(buf_finish) struct buf path = {0};

	for (const struct link *l = p->files.next; l != &p->files; l = l->next) {
		const struct pass_file *f = LINK_OWNER(l, struct pass_file, link);

		if (f->direct && moved_path(&path, p, f, from, to) && is_covered(p, buf_str(&path)))
			return true;
	}
	return false;
}

bool pass_direct_escapes(const struct pass *p, const struct pass_node *from, const char *name,
			 const struct pass_node *to, const char *to_name, bool exchange)
{
	CLEANUP(buf_finish) struct buf path = {0};
	CLEANUP(buf_finish) struct buf to_path = {0};

	return pass_path(&path, p, from, name) && pass_path(&to_path, p, to, to_name) &&
	       (any_escapes(p, buf_str(&path), buf_str(&to_path)) ||
		(exchange && any_escapes(p, buf_str(&to_path), buf_str(&path))));
}
