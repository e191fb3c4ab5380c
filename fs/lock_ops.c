/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lock.h"
#include "lock_old.h"

/*
 * The operations of locks/ and .locks/: find the node, ask for a verdict, reply exactly once.
 *
 * touch(1) of a name that is there is an open for writing and then a change of the times, by path:
 * both are refused when the lock is somebody else's. If only the second were, `> locks/R` would
 * succeed; if only the first, touch would exit 0, as it takes the second for the answer.
 */

static struct lockfs *lockfs_of(fuse_req_t req)
{
	return ((struct fs *)fuse_req_userdata(req))->locks;
}

static struct lock_node node_of(struct lockfs *l, uint64_t node)
{
	struct lock_node n;

	lock_node_decode(&n, l, node);
	return n;
}

static struct lock_handle *handle_of(const struct fuse_file_info *fi)
{
	return fi ? (struct lock_handle *)(uintptr_t)fi->fh : NULL;
}

/* code <= 0. */
static void reply_code(fuse_req_t req, int code)
{
	if (code == -EINPROGRESS)
		again_later(lockfs_of(req)->fs->again, req);
	else
		fuse_reply_err(req, -code);
}

static void refuse(fuse_req_t req, const char *name, int code, const char *reason)
{
	fuse_reply_err(req, -lockfs_refused(lockfs_of(req), req, name, code, reason));
}

static void refuse_name(fuse_req_t req, const char *name)
{
	refuse(req, name, -EPERM,
	       "here are locks and nothing else: touch locks/RESOURCE takes one, rm gives it back, "
	       "locks/.ctl does the rest");
}

/* ---- attributes */

/* What a file says; its length is its size. */
static int text_of(struct buf *out, struct lockfs *l, fuse_req_t req, const struct lock_node *n)
{
	CLEANUP(lock_list_finish) struct lock_list list = {0};

	bool lists = n->number == LOCK_HELPER_TABLE || n->number == LOCK_HELPER_TABLE_JSON ||
		     n->number == LOCK_HELPER_DASHBOARD;
	int r = lists ? lockfs_read(&list, l) : 0;

	if (r < 0)
		return r;
	switch (n->number) {
	case LOCK_HELPER_RESOURCES:
		return view_lock_resources(out, l->fs->views);
	case LOCK_HELPER_WHY:
		return lockfs_why_text(out, l, req);
	case LOCK_HELPER_CTL:
		return buf_adds(out, lock_commands_help);
	case LOCK_HELPER_TABLE:
		return view_lock_table(out, &list);
	case LOCK_HELPER_TABLE_JSON:
		return view_lock_table_json(out, &list);
	case LOCK_HELPER_DASHBOARD:
		return view_lock_dashboard(out, &list);
	default:
		return lockfs_me_text(out, l, req);
	}
}

static int names_text(struct buf *out, struct lockfs *l, const struct lock_node *n)
{
	CLEANUP(strv_finish) struct strv names = {0};
	char name[LOCK_RESOURCE_BYTES];
	struct lock k;
	int r = 0;

	if (n->what == LOCK_ANY && lockfs_name(name, l, n->number))
		strv_add(&names, name);
	else
		r = lock_node_names(&names, l, n);
	for (size_t i = 0; r == 0 && i < names.len; i++) {
		r = lockfs_now(&k, l, names.items[i]);
		r = r == 0 ? view_lock(out, &k) : r == -ENOENT ? 0 : r;
	}
	return r;
}

static int file_text(struct buf *out, struct lockfs *l, fuse_req_t req, const struct lock_node *n)
{
	if (n->what == LOCK_HELPER)
		return text_of(out, l, req, n);
	if (n->what == LOCK_OLD_JSON)
		return lock_old_text(out, l);
	if (n->what == LOCK_FOR_FILE)
		return lockfs_for_text(out, l, req, n);
	if (n->what == LOCK_HELD || n->what == LOCK_SET || n->what == LOCK_ANY)
		return names_text(out, l, n);
	return 0;
}

static size_t size_of(struct lockfs *l, fuse_req_t req, const struct lock_node *n,
		      const struct lock_handle *h)
{
	CLEANUP(buf_finish) struct buf text = {0};
	const struct buf *log;

	if (n->what == LOCK_OLD_COPY || (h && h->copy))
		return lock_copy_size(l, n, h);
	if (n->what == LOCK_HELPER && n->number == LOCK_HELPER_LOG)
		return lockfs_log_text(&log, l) < 0 ? 0 : log->len;
	file_text(&text, l, req, n);
	return text.len;
}

static void op_getattr(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct lockfs *l = lockfs_of(req);
	struct lock_node n = node_of(l, node);
	struct lock k;
	bool held = n.what == LOCK_HELD && lock_node_lock(&k, l, &n) == 0;
	struct stat st;

	lock_node_stat(&st, l, &n, held ? &k : NULL);
	if (S_ISREG(st.st_mode) && (held || n.what != LOCK_HELD))
		st.st_size = (off_t)size_of(l, req, &n, handle_of(fi));
	st.st_blocks = (st.st_size + 511) / 512;
	fuse_reply_attr(req, &st, 0);
}

/* The size is asked for again before anybody sees it, as all timeouts are 0. But the kernel goes by
 * it: whoever appends writes there, and who reads asynchronously (io_uring) reads so far. A lock's
 * own text is shorter than this, and what is appended to it is no text. */
static void fill_size(struct fuse_entry_param *e, struct lockfs *l, fuse_req_t req,
		      const struct lock_node *n)
{
	if (n->what == LOCK_HELD)
		e->attr.st_size = VIEW_PLACEHOLDER_BYTES;
	else if (S_ISREG(e->attr.st_mode))
		e->attr.st_size = (off_t)size_of(l, req, n, NULL);
}

static void fill_entry(struct fuse_entry_param *e, struct lockfs *l, const struct lock_node *n,
		       const struct lock *k)
{
	*e = (struct fuse_entry_param){.ino = lock_node_id(l, n)};
	lock_node_stat(&e->attr, l, n, n->what == LOCK_HELD ? k : NULL);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct lockfs *l = lockfs_of(req);
	struct lock_node folder = node_of(l, parent), n;
	struct fuse_entry_param e;
	struct lock k;
	bool shown = helper_lookup_shown(&e, l->fs->helper, req, parent, name);
	int r;

	if (shown)
		r = e.ino ? 0 : -ENOENT;
	else if (folder.what == LOCK_OLD)
		r = lock_old_lookup(&n, l, req, name);
	else
		r = lock_node_lookup(&n, &k, l, &folder, name);
	if (r == 0 && !shown) {
		fill_entry(&e, l, &n, &k);
		fill_size(&e, l, req, &n);
	}
	if (r < 0)
		reply_code(req, r);
	else
		fuse_reply_entry(req, &e);
}

/* How long the lock may be idle, from a time that touch -d set; 0: the times say nothing. */
static int ttl_of(const struct stat *st, int to_set)
{
	int64_t now = clock_unix_ms(), until = clock_ms_of(st->st_mtim);

	if (!(to_set & FUSE_SET_ATTR_MTIME) || to_set & FUSE_SET_ATTR_MTIME_NOW || until <= now)
		return 0;
	return until - now > LOCK_TTL_MOST_S * 1000LL ? -EINVAL : (int)((until - now + 999) / 1000);
}

/*
 * Nothing tells one process that cannot be seen from another, so each is a holder of its own, and
 * the second half of a touch is not known to be that of whose first half took the lock. It is taken
 * for it while that one's file is still open, unless another of them was refused since then: that
 * one's second half would be taken for it too.
 */
static bool is_rest_of_touch(struct lockfs *l, fuse_req_t req, const struct lock_node *n,
			     const struct lock *k)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	for (struct link *i = l->handles.next; !ctx->pid && i != &l->handles; i = i->next) {
		const struct lock_handle *h = LINK_OWNER(i, struct lock_handle, link);

		if (h->took && !h->contested && h->node.token == n->token &&
		    h->as.uid == ctx->uid && lock_is_of(k, &h->as))
			return true;
	}
	return false;
}

static void note_contest(struct lockfs *l, fuse_req_t req)
{
	for (struct link *i = l->handles.next; !fuse_req_ctx(req)->pid && i != &l->handles;
	     i = i->next)
		LINK_OWNER(i, struct lock_handle, link)->contested = true;
}

/* *k: of a LOCK_HELD node, as it was. */
static int touch(struct lock *k, struct lockfs *l, fuse_req_t req, const struct lock_node *n,
		 int ttl_s)
{
	CLEANUP(strv_finish) struct strv names = {0};
	struct lock_holder as;
	int r = lock_node_names(&names, l, n);

	if (r == 0 && ttl_s < 0)
		return lockfs_refused(l, req, names.items[0], -EINVAL,
				      "a lock lives a month at most");
	if (r == 0 && !ttl_s && !fuse_req_ctx(req)->pid && lock_node_lock(k, l, n) == 0 &&
	    is_rest_of_touch(l, req, n, k))
		return 0;
	return r < 0 ? r : lockfs_renew(&as, k, l, req, &names, ttl_s);
}

static int set_times(struct lock *k, struct lockfs *l, fuse_req_t req, const struct lock_node *n,
		     const struct stat *st, int to_set)
{
	if (to_set & (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
		return lockfs_refused(l, req, NULL, -EPERM,
				      "a lock's owner and mode are its holder's");
	if (n->what == LOCK_HELD || n->what == LOCK_SET)
		return touch(k, l, req, n, ttl_of(st, to_set));
	/* A shell truncates what it opens for a descriptor; commands go to .ctl so. */
	if (to_set & FUSE_SET_ATTR_SIZE &&
	    (n->what == LOCK_ANY || (n->what == LOCK_HELPER && n->number == LOCK_HELPER_CTL)))
		return 0;
	return lockfs_refused(
		l, req, NULL, -EPERM,
		n->what == LOCK_ANY ? "a file of .all is for flock; touch locks/RESOURCE takes one"
				    : "this file only tells");
}

static void op_setattr(fuse_req_t req, fuse_ino_t node, struct stat *st, int to_set,
		       struct fuse_file_info *fi)
{
	struct lockfs *l = lockfs_of(req);
	struct lock_node n = node_of(l, node);
	struct lock k;
	int r;

	if (n.what == LOCK_OLD_JSON || n.what == LOCK_OLD_COPY)
		r = lock_copy_setattr(l, req, &n, handle_of(fi), st, to_set);
	else
		r = set_times(&k, l, req, &n, st, to_set);
	if (r < 0) {
		reply_code(req, r);
	} else if (n.what == LOCK_HELD) {
		/* Whoever looks asks again, as nothing is cached. */
		lock_node_stat(st, l, &n, &k);
		fuse_reply_attr(req, st, 0);
	} else {
		op_getattr(req, node, fi);
	}
}

static void op_access(fuse_req_t req, fuse_ino_t node, int mask)
{
	struct lockfs *l = lockfs_of(req);
	struct lock_node n = node_of(l, node);
	struct stat st;

	lock_node_stat(&st, l, &n, NULL);
	fuse_reply_err(req, mask & X_OK && !(st.st_mode & 0111) ? EACCES : 0);
}

/* ---- folders */

static void op_opendir(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct lockfs *l = lockfs_of(req);
	struct lock_node n = node_of(l, node);
	struct view_list *list = NULL;
	int r = lock_node_list(&list, l, &n);

	if (r < 0) {
		reply_code(req, r);
		return;
	}
	fi->fh = (uintptr_t)list;
	if (fuse_reply_open(req, fi) != 0)
		view_list_free(list);
}

static void op_releasedir(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	view_list_free((struct view_list *)(uintptr_t)fi->fh);
	fuse_reply_err(req, 0);
}

static size_t add_name(fuse_req_t req, char *out, size_t room, bool plus, const char *name,
		       const struct stat *st, off_t next)
{
	/* Node 0: it is looked up by whoever wants to know more. */
	const struct fuse_entry_param e = {.attr = *st};

	return plus ? fuse_add_direntry_plus(req, out, room, name, &e, next)
		    : fuse_add_direntry(req, out, room, name, st, next);
}

static void read_folder(fuse_req_t req, size_t size, off_t at, const struct view_list *list,
			bool plus)
{
	CLEANUP(cleanup_free) char *out = malloc(size);
	size_t used = 0;

	for (; out && at < (off_t)list->len + 2; at++) {
		const struct view_item *i = at < 2 ? NULL : &list->items[at - 2];
		const struct stat st = {.st_ino = i ? i->ino : 0, .st_mode = i ? i->mode : S_IFDIR};
		const char *name = i ? i->name : at ? ".." : ".";
		size_t n = add_name(req, out + used, size - used, plus, name, &st, at + 1);

		if (n > size - used)
			break;
		used += n;
	}
	if (out)
		fuse_reply_buf(req, out, used);
	else
		fuse_reply_err(req, ENOMEM);
}

static void op_readdir(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
		       struct fuse_file_info *fi)
{
	read_folder(req, size, offset, (const struct view_list *)(uintptr_t)fi->fh, false);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
			   struct fuse_file_info *fi)
{
	read_folder(req, size, offset, (const struct view_list *)(uintptr_t)fi->fh, true);
}

/* ---- files */

static bool is_for_writing(const struct fuse_file_info *fi)
{
	return (fi->flags & O_ACCMODE) != O_RDONLY || fi->flags & O_TRUNC;
}

/* May it be opened so? */
static int open_verdict(struct lock_handle *h, fuse_req_t req, const struct fuse_file_info *fi)
{
	const struct lock_node *n = &h->node;
	CLEANUP(strv_finish) struct strv names = {0};
	struct lock k;
	int r = 0;

	if (n->what == LOCK_HELD)
		r = lock_node_lock(&k, h->l, n);
	if (r < 0 || !is_for_writing(fi))
		return r;
	if (n->what == LOCK_FOR_FILE || n->what == LOCK_AWAITED ||
	    (n->what == LOCK_HELPER && n->number != LOCK_HELPER_CTL))
		return lockfs_refused(h->l, req, NULL, -EPERM, "this file only tells");
	if (n->what != LOCK_HELD && n->what != LOCK_SET)
		return 0;
	/* >> says who it is when it writes. */
	h->append = fi->flags & O_APPEND;
	r = lock_node_names(&names, h->l, n);
	if (r < 0 || h->append)
		return r;
	r = lockfs_renew(&h->as, &k, h->l, req, &names, 0);
	if (r < 0)
		note_contest(h->l, req);
	return r;
}

static void op_open(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct lockfs *l = lockfs_of(req);
	struct lock_node n = node_of(l, node);
	struct lock_handle *h;
	int r;

	if (n.what == LOCK_AWAITED && !is_for_writing(fi)) {
		lockfs_await(req, l, n.number, fi);
		return;
	}
	h = lock_handle_new(l, &n);
	if (n.what == LOCK_OLD_JSON || n.what == LOCK_OLD_COPY)
		r = lock_copy_open(h, req, fi->flags);
	else
		r = open_verdict(h, req, fi);
	if (r == 0 && !h->copy && (fi->flags & O_ACCMODE) != O_WRONLY)
		r = file_text(&h->bytes, l, req, &n);
	/* A FLUSH tells which process gave its fcntl locks up. Who opens as touch does has none. */
	fi->noflush = n.what == LOCK_HELD && fi->flags & O_NONBLOCK;
	if (r == 0) {
		lock_handle_reply(req, fi, h);
		return;
	}
	lock_handle_free(h);
	reply_code(req, r);
}

static void op_read(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
		    struct fuse_file_info *fi)
{
	struct lock_handle *h = handle_of(fi);
	const struct buf *bytes = &h->bytes;
	int r = 0;

	if (h->copy)
		bytes = lock_copy_bytes(h, req);
	else if (h->node.what == LOCK_HELPER && h->node.number == LOCK_HELPER_LOG)
		r = lockfs_log_text(&bytes, h->l);
	if (r < 0)
		reply_code(req, r);
	else
		reply_slice(req, buf_str(bytes), bytes->len, size, offset);
}

static void op_lseek(fuse_req_t req, fuse_ino_t node, off_t off, int whence,
		     struct fuse_file_info *fi)
{
	const struct lock_handle *h = handle_of(fi);

	node_seek(req, size_of(h->l, req, &h->node, h), off, whence);
}

static int write_text(struct lock_handle *h, fuse_req_t req, const char *data, size_t size)
{
	CLEANUP(strv_finish) struct strv names = {0};
	int r;

	if (h->node.what == LOCK_HELPER)
		return lockfs_command(h->l, req, data, size);
	r = lock_node_names(&names, h->l, &h->node);
	if (r < 0)
		return lockfs_refused(
			h->l, req, NULL, -EPERM,
			"this file is for flock; a text for a lock goes into locks/RESOURCE");
	return lockfs_written(h, req, &names, data, size);
}

static void op_write(fuse_req_t req, fuse_ino_t node, const char *data, size_t size, off_t offset,
		     struct fuse_file_info *fi)
{
	struct lock_handle *h = handle_of(fi);
	int r = h->copy ? lock_copy_write(h, req, data, size, offset)
			: write_text(h, req, data, size);

	if (r < 0)
		reply_code(req, r);
	else
		fuse_reply_write(req, size);
}

/* The verdict on .locks/locks.json again, for who looks for it at the end. */
static void op_flush(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct lock_handle *h = handle_of(fi);

	if (h)
		lockfs_closing(h, fi->lock_owner);
	reply_code(req, h && h->copy ? lock_copy_verdict(h, req) : 0);
}

static void op_fsync(fuse_req_t req, fuse_ino_t node, int datasync, struct fuse_file_info *fi)
{
	struct lock_handle *h = handle_of(fi);

	reply_code(req, h && h->copy ? lock_copy_verdict(h, req) : 0);
}

static void op_release(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	lock_handle_free(handle_of(fi));
	fuse_reply_err(req, 0);
}

/* ---- names */

static void reply_created(fuse_req_t req, struct fuse_file_info *fi, struct lock_handle *h,
			  const struct lock *k)
{
	struct fuse_entry_param e;

	fill_entry(&e, h->l, &h->node, k);
	fi->fh = (uintptr_t)h;
	fi->direct_io = 1;
	fi->noflush = h->node.what == LOCK_HELD && fi->flags & O_NONBLOCK;
	if (fuse_reply_create(req, &e, fi) != 0)
		lock_handle_free(h);
}

/* Takes what the name says. */
static int take(struct lock_handle *h, struct lock *k, fuse_req_t req, const struct strv *names,
		bool exclusive)
{
	int r = lockfs_take(&h->as, h->l, req, names, exclusive);

	if (r < 0)
		return r == -EBUSY && exclusive ? -EEXIST : r;
	h->took = true;
	for (size_t i = 0; r == 0 && i < names->len; i++) {
		r = locks_get(k, h->l->table, names->items[i]);
		if (r == 0)
			lockfs_shown(h->l, names->items[i], names->len == 1 ? k->token : 0);
	}
	h->node = lock_set_node(h->l, names);
	if (r == 0 && names->len == 1)
		h->node = (struct lock_node){
			.what = LOCK_HELD,
			.number = (unsigned)lockfs_number(h->l, names->items[0]),
			.token = (uint64_t)k->token,
		};
	return r;
}

static void create_lock(fuse_req_t req, struct lockfs *l, const char *name,
			struct fuse_file_info *fi)
{
	CLEANUP(strv_finish) struct strv names = {0};
	const struct lock_node any = {.what = LOCK_ANY};
	struct lock_handle *h;
	struct err err = {0};
	struct lock k;
	int r = lock_set_parse(&names, name, strlen(name), lockfs_chapters(l), &err);

	if (r < 0) {
		refuse(req, name, r, err.msg);
		return;
	}
	h = lock_handle_new(l, &any);
	h->node.number = (unsigned)lockfs_number(l, names.items[0]);
	/* flock(1) makes the file that it wants to lock: that alone takes nothing. */
	if (is_for_writing(fi))
		r = take(h, &k, req, &names, fi->flags & O_EXCL);
	if (r == 0) {
		reply_created(req, fi, h, &k);
		return;
	}
	lock_handle_free(h);
	reply_code(req, r);
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		      struct fuse_file_info *fi)
{
	struct lockfs *l = lockfs_of(req);
	struct lock_node folder = node_of(l, parent);
	struct fuse_entry_param e;
	struct lock_handle *h;
	int r;

	if (helper_create_shown(&e, l->fs->helper, req, parent, name)) {
		fi->fh = 0;
		fuse_reply_create(req, &e, fi);
	} else if (helper_is(l->fs->helper, req)) {
		fuse_reply_err(req, EROFS); /* it was so when it was sent, and is not any more */
	} else if (folder.what == LOCK_LOCKS) {
		create_lock(req, l, name, fi);
	} else if (folder.what == LOCK_OLD) {
		h = lock_handle_new(l, &(struct lock_node){.what = LOCK_OLD_COPY});
		r = lock_copy_create(h, req, name, fi->flags);
		if (r == 0) {
			reply_created(req, fi, h, NULL);
			return;
		}
		lock_handle_free(h);
		reply_code(req, r);
	} else {
		refuse(req, name, -EINVAL,
		       "there is no such resource; locks/.resources lists them");
	}
}

static int remove_lock(struct lockfs *l, fuse_req_t req, const char *name)
{
	CLEANUP(strv_finish) struct strv names = {0};
	int r;

	if (name[0] == '.')
		return lockfs_refused(l, req, name, -EPERM, "this file only tells");
	if (lock_set_parse(&names, name, strlen(name), lockfs_chapters(l), NULL) < 0)
		return -ENOENT;
	r = lockfs_give_back(l, req, &names);
	if (r == 0 && names.len == 1)
		lockfs_shown(l, name, 0);
	return r;
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct lockfs *l = lockfs_of(req);
	struct lock_node folder = node_of(l, parent);
	int r;

	if (helper_is(l->fs->helper, req))
		r = helper_unlink_shown(l->fs->helper, req, parent, name) ? 0 : -EROFS;
	else if (folder.what == LOCK_LOCKS)
		r = remove_lock(l, req, name);
	else if (folder.what == LOCK_OLD)
		r = lock_old_unlink(l, req, name);
	else
		r = lockfs_refused(l, req, name, -EPERM, "this name is always here");
	reply_code(req, r);
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to_parent,
		      const char *to_name, unsigned flags)
{
	struct lockfs *l = lockfs_of(req);
	uint64_t old = l->folders[LOCK_OLD].node;

	if (parent == old && to_parent == old)
		reply_code(req, lock_old_rename(l, req, name, to_name, flags));
	else
		refuse_name(req, name);
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev)
{
	refuse_name(req, name);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	refuse_name(req, name);
}

static void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	refuse_name(req, name);
}

static void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	refuse_name(req, name);
}

static void op_link(fuse_req_t req, fuse_ino_t node, fuse_ino_t parent, const char *name)
{
	refuse_name(req, name);
}

/* ---- flock(2), fcntl(2) */

static void op_flock(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi, int op)
{
	lockfs_flock(req, handle_of(fi), op);
}

static void op_setlk(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi,
		     struct flock *range, int sleep)
{
	lockfs_setlk(req, handle_of(fi), fi->lock_owner, range, sleep);
}

static void op_getlk(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi,
		     struct flock *range)
{
	lockfs_getlk(req, handle_of(fi), fi->lock_owner, range);
}

const struct fuse_lowlevel_ops lock_ops = {
	.lookup = op_lookup,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.access = op_access,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.releasedir = op_releasedir,
	.open = op_open,
	.read = op_read,
	.lseek = op_lseek,
	.write = op_write,
	.flush = op_flush,
	.fsync = op_fsync,
	.release = op_release,
	.create = op_create,
	.rename = op_rename,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.symlink = op_symlink,
	.link = op_link,
	.flock = op_flock,
	.setlk = op_setlk,
	.getlk = op_getlk,
};
