/* SPDX-License-Identifier: MIT */
#include <linux/fuse.h>
#include <string.h>
#include <sys/stat.h>

#include "cover.h"
#include "lock.h"
#include "pass.h"

/*
 * Files that the kernel writes by itself although a lock covers them.
 *
 * Who opened one was let in, and while the lock stays whose it is he need not be asked at each
 * write. So that is delegated to the kernel, in the words of NFS (RFC 8881, section 10.4), and with
 * it the guard of the lock: nobody gets the lock, in whatever process, while it is out. Who wants
 * it has it recalled; a minute later it is recalled anyway, so that whoever still writes renews his
 * lock.
 *
 * Recalling. Before a write of a file of which it does not know that it has none, the kernel asks
 * for security.capability; and it knows nothing any more once an answer has brought the file's
 * attributes. So the helper process makes the file's owner, by the mount and a name that only it
 * is shown, what he is. That waits for the write that is under way, as both take the inode's lock,
 * and behind it the next one asks. Then the guard can go. A notification would take no such lock,
 * and a thread of ours that waits for one in its own mount could not be killed.
 *
 * A write that asks is judged as any is (pass_fence.c). If it may be, it is delegated again. If
 * not, the kernel is told that there is a capability, has it removed before it writes, and fails
 * the write with what it is answered to that. Splices and sendfile(2) go the same way.
 *
 * Should bookfs be killed, who has the file open can go on; but so does the guard, as the kernel
 * has its file, until he has closed his. A lock is never somebody else's meanwhile.
 *
 * What would change hands in this mount is not refused for it: the request is put aside until all
 * is recalled. And so is a write that asks meanwhile, or there would be no end to it; if that takes
 * long (a write stalls), what it is not about goes on, and the change is asked for again (again.c).
 * What the helper itself asks for is not put aside: it may be busy with that, and recalls nothing
 * before.
 */

enum { DELEGATIONS_MOST = 64, DELEGATION_MS = 60000, HELD_UP_MS = 1000 };

struct held_up {
	struct link link;
	struct fuse_buf request;
};

/* ---- giving */

bool pass_may_delegate(const struct pass *p, const struct pass_node *n, const struct stat *st,
		       const struct pass_leave *leave)
{
	return leave && leave->count == 1 && leave->grants[0].guarded && p->can_kill_priv &&
	       !p->fs->options->allow_other && !p->ended && helper_is_there(p->fs->helper) &&
	       p->delegation_count < DELEGATIONS_MOST && st->st_nlink == 1 && !n->cover_count &&
	       n->name && n->name[0] != '.';
}

static void on_wanted(void *arg)
{
	pass_recall_all(arg);
}

static void on_end(void *arg)
{
	struct pass *p = arg;

	pass_recall_all(p);
	if (p->delegation_count)
		timer_set(p->delegations_end, clock_boot_ms() + DELEGATION_MS);
}

/* The kernel has the file of the guards open, too. */
static int let_last(struct pass *p, struct locks *table)
{
	if (p->lasting)
		return 0;
	locks_on_wanted(table, on_wanted, p);
	p->lasting = pass_direct_enlist(p, locks_lasting_fd(table));
	return p->lasting ? 0 : -ENOTSUP;
}

int pass_delegate(struct pass *p, struct pass_node *n, const struct pass_leave *leave)
{
	struct pass_cover *c = leave->grants[0].cover;
	int r;

	if (n->delegated)
		return n->delegated == c ? 0 : -EBUSY;
	r = locks_delegate(leave->table, c->resource);
	if (r < 0)
		return r;
	n->delegated = c;
	n->recalling = n->recalled = false;
	ring_add(&p->delegations, &n->delegation);
	if (p->delegation_count++ == 0)
		timer_set(p->delegations_end, clock_boot_ms() + DELEGATION_MS);
	r = let_last(p, leave->table);
	if (r < 0)
		pass_undelegate(p, n);
	return r;
}

void pass_undelegate(struct pass *p, struct pass_node *n)
{
	struct pass_cover *c = n->delegated;
	struct locks *table = lockfs_table(p->fs->locks);

	if (!c)
		return;
	n->delegated = NULL;
	ring_remove(&n->delegation);
	p->delegation_count--;
	/* What was written until now was by a mount. */
	pass_cover_begins(c);
	pass_cover_ends(c);
	if (table)
		locks_undelegate(table, c->resource);
}

bool pass_is_delegated(struct pass *p, const char *path)
{
	CLEANUP(buf_finish) struct buf at = {0};

	for (struct link *l = p->delegations.next; l != &p->delegations; l = l->next)
		if (pass_path(&at, p, LINK_OWNER(l, struct pass_node, delegation), NULL) &&
		    !strcmp(buf_str(&at), path))
			return true;
	return false;
}

/* ---- requests that are put aside */

static void let_on(void *arg)
{
	struct pass *p = arg;
	struct link held;

	timer_stop(p->held_end);
	/* They came first. */
	again_now(p->fs->again);
	ring_take(&held, &p->held);
	while (!ring_empty(&held)) {
		struct held_up *h = LINK_OWNER(held.next, struct held_up, link);

		ring_remove(&h->link);
		again_serve(p->fs->again, &h->request);
		free(h->request.mem);
		free(h);
	}
}

static bool changes_locks(uint32_t opcode)
{
	switch (opcode) {
	case FUSE_OPEN:
	case FUSE_CREATE:
	case FUSE_MKNOD:
	case FUSE_SETATTR:
	case FUSE_WRITE:
	case FUSE_UNLINK:
	case FUSE_RENAME:
	case FUSE_RENAME2:
	case FUSE_SETLK:
	case FUSE_SETLKW:
	case FUSE_FLUSH:
		return true;
	default:
		return false;
	}
}

/* Is it of a write to a file that is not delegated any more? */
static bool asks_anew(const struct pass *p, const struct fuse_in_header *head)
{
	struct pass_node *n;

	return head->opcode == FUSE_GETXATTR && pass_has(p, head->nodeid) &&
	       pass_node(&n, p, head->nodeid) == 0 && n->delegating &&
	       (!n->delegated || n->recalled);
}

bool pass_holds_up(struct pass *p, const struct fuse_buf *buf)
{
	const struct fuse_in_header *head = buf->mem;
	struct held_up *h;

	if (!p || p->ended || (!p->delegation_count && !p->recalls) ||
	    buf->flags & FUSE_BUF_IS_FD || helper_has_pid(p->fs->helper, (pid_t)head->pid))
		return false;
	if (lockfs_has(p->fs->locks, head->nodeid) && changes_locks(head->opcode))
		pass_recall_all(p);
	else if (!asks_anew(p, head))
		return false;
	if (!p->recalls)
		return false;
	h = xcalloc(1, sizeof(*h));
	h->request = (struct fuse_buf){.size = buf->size, .mem = malloc(buf->size)};
	if (!h->request.mem) {
		free(h);
		return false;
	}
	memcpy(h->request.mem, buf->mem, buf->size);
	if (ring_empty(&p->held))
		timer_set(p->held_end, clock_boot_ms() + HELD_UP_MS);
	ring_add(&p->held, &h->link);
	return true;
}

/* ---- recalling */

/* From when the helper's request was answered, no write passes that has not asked; so one that asks
 * is known to come after it, even if the helper has not said yet that it is done. */
static void end_if_recalled(struct pass *p, struct pass_node *n)
{
	if (n->recalled)
		pass_undelegate(p, n);
}

static void recalled(void *arg, uint64_t id)
{
	struct pass *p = arg;
	struct pass_node *n;

	p->recalls--;
	if (pass_node(&n, p, id) == 0) {
		n->recalling = false;
		end_if_recalled(p, n);
	}
	if (p->recalls == 0)
		let_on(p);
}

static void recall(struct pass *p, struct pass_node *n)
{
	if (n->recalling)
		return;
	n->recalling = true;
	n->recalled = false;
	p->recalls++;
	helper_touch(p->fs->helper, n->id, recalled, p);
}

void pass_recall_all(struct pass *p)
{
	for (struct link *l = p->delegations.next, *next; l != &p->delegations; l = next) {
		next = l->next;
		recall(p, LINK_OWNER(l, struct pass_node, delegation));
	}
}

bool pass_recalls(struct pass *p, fuse_req_t req, struct pass_node *n)
{
	if (!helper_is(p->fs->helper, req))
		return false;
	n->recalled = true;
	return true;
}

static struct pass_file *next_of(const struct pass_node *n, struct link *l)
{
	for (; l != &n->files; l = l->next) {
		struct pass_file *f = LINK_OWNER(l, struct pass_file, of_node);

		if (f->delegated)
			return f;
	}
	return NULL;
}

/* Its own name may be another's by now, or gone: the file that is open is what is meant. */
bool pass_shows(fuse_req_t req, uint64_t folder, const char *name)
{
	struct fs *fs = fuse_req_userdata(req);
	uint64_t id = helper_touches(fs->helper, folder, name);
	struct fuse_entry_param e = {.ino = id};
	struct pass_file *f = NULL;
	struct pass_node *n;

	if (!id)
		return false;
	if (pass_node(&n, fs->pass, id) == 0)
		f = next_of(n, n->files.next);
	if (!f || fstat(f->fd, &e.attr) < 0) {
		fuse_reply_err(req, ENOENT);
		return true;
	}
	n->lookups++;
	if (fuse_reply_entry(req, &e) < 0)
		pass_forget(fs->pass, id, 1);
	return true;
}

/* ---- a write that asks */

int pass_asks_to_write(fuse_req_t req, struct pass_node *n)
{
	CLEANUP(pass_leave_end) struct pass_leave leave = {0};
	struct pass *p = pass_of(req);
	int r = 0;

	if (!n->delegating || helper_is(p->fs->helper, req))
		return 0;
	end_if_recalled(p, n);
	for (struct pass_file *f = next_of(n, n->files.next); r == 0 && f;
	     f = next_of(n, f->of_node.next))
		r = pass_may_write(&leave, req, f, false);
	if (r == 0 && leave.count > 1)
		r = -EBUSY; /* it has got names beneath several locks since */
	return r == 0 && leave.count ? pass_delegate(p, n, &leave) : r;
}

/* ---- lifetime */

void pass_delegate_closed(struct pass *p, struct pass_file *f)
{
	if (f->delegated && --f->node->delegating == 0)
		pass_undelegate(p, f->node);
}

void pass_delegate_init(struct pass *p)
{
	ring_init(&p->delegations);
	ring_init(&p->held);
	p->delegations_end = timer_new(p->fs->loop, on_end, p);
	p->held_end = timer_new(p->fs->loop, let_on, p);
}

/* What is delegated is so until its file is closed. */
void pass_delegate_end(struct pass *p)
{
	timer_stop(p->delegations_end);
	let_on(p);
}

void pass_delegate_finish(struct pass *p)
{
	p->delegations_end = timer_free(p->delegations_end);
	p->held_end = timer_free(p->held_end);
	while (!ring_empty(&p->held)) {
		struct held_up *h = LINK_OWNER(p->held.next, struct held_up, link);

		ring_remove(&h->link);
		free(h->request.mem);
		free(h);
	}
}
