/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
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
 * that no lock covers and that have no second name that may be covered; what a lock covers, by who
 * only writes, as pass_delegate.c has it. The others we write ourselves, and so texts that no lock
 * covers: they are small, and a rule that the project makes while one is open may cover it. Of
 * other files such a rule holds from their next open. A file that is being written by the kernel
 * cannot be given a name beneath another lock: EXDEV, and who moves it will copy it.
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

int pass_direct_enlist(struct pass *p, int fd)
{
	struct backing b = {.fd = fd};
	int id = fd < 0 ? -1 : ioctl(fuse_session_fd(p->fs->session), BACKING_OPEN, &b);

	if (id > 0)
		return id;
	log_info("the kernel does not read the folder's files by itself (%s): bookfs does",
		 strerror(errno));
	p->can_direct = false;
	return 0;
}

void pass_direct_forget(struct pass *p, struct pass_node *n)
{
	uint32_t id = (uint32_t)n->backing;

	if (id && ioctl(fuse_session_fd(p->fs->session), BACKING_CLOSE, &id) < 0)
		log_debug("a file's descriptor stays with the kernel: %s", strerror(errno));
	n->backing = 0;
}

/* ---- which files */

static bool is_covered(char resource[LOCK_RESOURCE_BYTES], const struct pass *p, const char *path)
{
	return p->fs->options->enforce != ENFORCE_OFF && cover_of(resource, p->rules, path);
}

/* Can nobody be refused to write it? */
static bool is_free(const struct pass *p, const struct pass_node *n, const struct stat *st)
{
	CLEANUP(buf_finish) struct buf path = {0};
	char resource[LOCK_RESOURCE_BYTES];

	return st->st_nlink <= 1 && n->cover_count == 0 && pass_path(&path, p, n, NULL) &&
	       !is_covered(resource, p, buf_str(&path));
}

static bool may_read(const struct pass *p, const struct pass_node *n, const struct stat *st)
{
	return p->can_direct && S_ISREG(st->st_mode) && !n->past && !n->by_us;
}

static bool may_write(const struct pass *p, const struct pass_node *n, const struct stat *st)
{
	return may_read(p, n, st) && !book_folder_counts(n->name, false) && is_free(p, n, st);
}

static bool is_delegated(struct pass *p, struct pass_file *f, const struct pass_leave *leave)
{
	f->delegated = pass_delegate(p, f->node, leave) == 0;
	f->node->delegating += f->delegated;
	return f->delegated;
}

/* By a descriptor that only names it: the kernel keeps open what it is given, and with a reader's
 * own his locks would outlast him. */
static void enlist_file(struct pass *p, struct pass_node *n, int open_fd)
{
	CLEANUP(cleanup_close) int fd = -1;
	char number[16];

	pass_proc_name(number, open_fd);
	if (n->fd < 0)
		fd = openat(p->proc, number, O_PATH | O_CLOEXEC);
	if (n->fd >= 0 || fd >= 0)
		n->backing = pass_direct_enlist(p, n->fd >= 0 ? n->fd : fd);
}

int pass_direct(struct pass_file *f, struct pass *p, const struct stat *st, enum pass_use use,
		const struct pass_leave *leave)
{
	struct pass_node *n = f->node;
	bool is_open = n->opens > 0, may = use != PASS_READS && may_write(p, n, st);
	bool covered = use == PASS_WRITES && !may && may_read(p, n, st) &&
		       pass_may_delegate(p, n, st, leave);

	if (!is_open)
		n->direct = use == PASS_READS ? may_read(p, n, st) : may || covered;
	if (!n->direct)
		return 0;
	if (use == PASS_READS_AND_WRITES && !may) {
		pass_retire(p, n);
		return -ESTALE;
	}
	if (!n->backing)
		enlist_file(p, n, f->fd);
	n->direct = n->backing > 0;
	f->direct = n->direct && (may || (covered && is_delegated(p, f, leave)));
	return n->backing;
}

/* ---- names that move */

/* Is it beneath another lock when `from` has become `to`? */
static bool escapes(const struct pass *p, const struct pass_file *f, const char *from,
		    const char *to)
{
	CLEANUP(buf_finish) struct buf path = {0};
	CLEANUP(buf_finish) struct buf to_path = {0};
	char was[LOCK_RESOURCE_BYTES], is[LOCK_RESOURCE_BYTES];
	size_t len = strlen(from);
	const char *at;

	if (!pass_path(&path, p, f->node, NULL))
		return false;
	at = buf_str(&path);
	if (strncmp(at, from, len) != 0 || (at[len] && at[len] != '/') ||
	    buf_addf(&to_path, "%s%s", to, at + len) < 0)
		return false;
	return is_covered(is, p, buf_str(&to_path)) &&
	       (!is_covered(was, p, at) || strcmp(was, is) != 0);
}

static bool any_escapes(const struct pass *p, const char *from, const char *to)
{
	for (const struct link *l = p->files.next; l != &p->files; l = l->next) {
		const struct pass_file *f = LINK_OWNER(l, struct pass_file, link);

		if (f->direct && escapes(p, f, from, to))
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
