/* SPDX-License-Identifier: MIT */
#include <poll.h>
#include <string.h>

#include "scratch.h"

#define DAY_S 86400.0

/* How long the kernel may believe what it was told. What changes without the kernel's doing is
 * asked again each time (fuse.md, "Versions"); a trigger must be, as its node is to be replaced. */
static const struct {
	double entry_s, attr_s;
} trust[] = {
	[VIEW_FOLDER] = {DAY_S, DAY_S},	 [VIEW_LINK] = {DAY_S, DAY_S},
	[VIEW_STABLE] = {DAY_S, DAY_S},	 [VIEW_DOCUMENT] = {0, DAY_S},
	[VIEW_GROWING] = {DAY_S, 0},	 [VIEW_TRIGGER] = {0, 0},
	[VIEW_HOST] = {DAY_S, 0},	 [VIEW_STREAM] = {DAY_S, DAY_S},
	[VIEW_CONTROL] = {DAY_S, DAY_S}, [VIEW_HELD] = {0, DAY_S},
};

double node_entry_timeout(const struct view_attr *a)
{
	return trust[a->class].entry_s;
}

/* A folder's mtime moves with its list. */
double node_attr_timeout(const struct view_attr *a)
{
	return a->volatile_list ? 0 : trust[a->class].attr_s;
}

static const struct {
	const char *name;
	int host;
} own_files[] = {
	[OWN_PID] = {"pid", HOST_PID},
	[OWN_STORE] = {"store", HOST_STORE},
	[OWN_SPENDING] = {"spending", HOST_SPENDING},
};

static void own_attr(struct view_attr *out, struct fs *fs, uint64_t number)
{
	*out = (struct view_attr){
		.node = NODE_OWN(number),
		.ino = INO_OWN(number),
		.class = VIEW_HOST,
		.host = number < ARRAY_LEN(own_files) ? own_files[number].host : HOST_NONE,
		.mode = S_IFREG | 0444,
		.links = 1,
		.mtime_unix_ms = clock_unix_ms(),
	};
}

int node_attr(struct view_attr *out, struct fs *fs, uint64_t node)
{
	uint64_t own = (UINT64_MAX - node) >> 6;

	if ((node & 63) != 63)
		return view_attr(out, fs->views, node);
	if (own >= OWN_HELD_FIRST)
		return held_attr(out, fs->held, own);
	own_attr(out, fs, own);
	return 0;
}

int node_lookup(struct view_attr *out, struct fs *fs, uint64_t folder, const char *name)
{
	for (size_t i = 0; folder == fs->control_folder && i < ARRAY_LEN(own_files); i++)
		if (!strcmp(name, own_files[i].name)) {
			own_attr(out, fs, i);
			return 0;
		}
	if (folder == VIEW_ROOT && held_lookup(out, fs->held, name) == 0)
		return 0;
	if (fs->pass && folder == fs->control_folder && pass_moved(fs->pass, name))
		folder = VIEW_ROOT;
	return view_lookup(out, fs->views, folder, name);
}

void node_stat(struct stat *st, struct fs *fs, const struct view_attr *a)
{
	const struct timespec when = clock_timespec(a->mtime_unix_ms);

	*st = (struct stat){
		.st_ino = a->ino,
		.st_mode = a->mode,
		.st_nlink = a->links,
		.st_uid = getuid(),
		.st_gid = getgid(),
		.st_size = (off_t)a->size_bytes,
		.st_blocks = (blkcnt_t)((a->size_bytes + 511) / 512),
		.st_mtim = when,
		.st_ctim = when,
		.st_atim = when,
	};
}

void node_entry(struct fuse_entry_param *e, struct fs *fs, const struct view_attr *a)
{
	*e = (struct fuse_entry_param){
		.ino = a->node,
		.attr_timeout = node_attr_timeout(a),
		.entry_timeout = node_entry_timeout(a),
	};
	/* Whoever writes it may be done at any moment. */
	if (a->editable && drafts_write(fs->drafts, a->ino))
		e->entry_timeout = 0;
	node_stat(&e->attr, fs, a);
}

/* ---- paths, for people: nobody asks for one often, so nothing is remembered for it */

enum { WALK_ITEMS = 100000 };

/* A folder whose list is still to be looked through. */
struct visit {
	uint64_t node;
	char *path; /* ends in '/', or is "" */
};

struct walk {
	struct visit *queue;
	size_t len, cap, items;
};

static void walk_add(struct walk *w, uint64_t node, char *path)
{
	w->queue = xgrow(w->queue, &w->cap, w->len + 1, sizeof(*w->queue));
	w->queue[w->len++] = (struct visit){.node = node, .path = path};
}

static void walk_finish(struct walk *w)
{
	for (size_t i = 0; i < w->len; i++)
		free(w->queue[i].path);
	free(w->queue);
}

static int look_through(struct buf *out, struct walk *w, size_t at, struct fs *fs, uint64_t ino)
{
	struct view_list *list;
	int r = view_list(&list, fs->views, w->queue[at].node);

	if (r < 0)
		return r;
	r = -ENOENT;
	for (size_t i = 0; r < 0 && i < list->len && w->items < WALK_ITEMS; i++, w->items++) {
		const struct view_item *item = &list->items[i];

		if (item->ino == ino)
			r = buf_addf(out, "%s%s", w->queue[at].path, item->name);
		else if (S_ISDIR(item->mode))
			walk_add(w, item->node, xasprintf("%s%s/", w->queue[at].path, item->name));
	}
	view_list_free(list);
	return r;
}

int node_path(struct buf *out, struct fs *fs, uint64_t ino)
{
	CLEANUP(walk_finish) struct walk w = {0};
	struct view_attr root;
	int r = view_attr(&root, fs->views, VIEW_ROOT);

	if (r == 0 && root.ino == ino)
		return buf_adds(out, ".");
	if (held_name(ino))
		return buf_adds(out, held_name(ino));
	walk_add(&w, VIEW_ROOT, xstrdup(""));
	r = -ENOENT;
	for (size_t i = 0; i < w.len && r < 0 && w.items < WALK_ITEMS; i++)
		r = look_through(out, &w, i, fs, ino);
	return r;
}

void node_ready(fuse_req_t req, struct fuse_pollhandle *ph)
{
	if (ph)
		fuse_pollhandle_destroy(ph);
	fuse_reply_poll(req, POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM);
}

void node_seek(fuse_req_t req, uint64_t size_bytes, off_t off, int whence)
{
	if (off < 0 || (uint64_t)off >= size_bytes)
		fuse_reply_err(req, ENXIO);
	else
		fuse_reply_lseek(req, whence == SEEK_HOLE ? (off_t)size_bytes : off);
}
