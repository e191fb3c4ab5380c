/* SPDX-License-Identifier: MIT */
#include "scratch.h"

/*
 * Reading. Views render small files at once; pictures and members of the archive come from a pool
 * thread, and the read is answered when they are there. An open file keeps the content it began
 * with, so that every page of a version is of that version.
 */

struct handle *handle_new(struct fs *fs, const struct view_attr *a)
{
	struct handle *h = xcalloc(1, sizeof(*h));

	*h = (struct handle){.fs = fs,
			     .node = a->node,
			     .ino = a->ino,
			     .size_bytes = a->size_bytes,
			     .class = a->class};
	ring_add(&fs->handles, &h->link);
	return h;
}

struct handle *handle_free(struct handle *h)
{
	if (!h)
		return NULL;
	if (h->content)
		view_content_release(h->fs->views, h->content);
	if (h->stream)
		stream_close(h->stream);
	if (h->draft)
		draft_release(h->draft);
	if (h->held)
		held_closed(h->held);
	file_closed(h);
	ring_remove(&h->link);
	buf_finish(&h->bytes);
	free(h);
	return NULL;
}

void handle_reply(fuse_req_t req, struct fuse_file_info *fi, struct handle *h)
{
	fi->fh = (uintptr_t)h;
	fi->noflush = 1;
	if (fuse_reply_open(req, fi) != 0)
		handle_free(h); /* the opener is gone: there will be no release */
}

enum { READ_BYTES = 128 << 10 }; /* what the kernel asks for first, of what is larger */

void content_open(fuse_req_t req, const struct view_attr *a, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);

	/* A node is a version, so its pages stay right; a growing file's do not. */
	fi->keep_cache = a->class != VIEW_GROWING;
	why_settle_by(fs->why, req, a->ino, NULL, true);
	handle_reply(req, fi, handle_new(fs, a));
	if (a->class == VIEW_STABLE)
		view_ahead(fs->views, a->node, 0, READ_BYTES);
}

void reply_slice(fuse_req_t req, const void *data, size_t len, size_t size, off_t offset)
{
	size_t at = (uint64_t)offset < len ? (size_t)offset : len;

	fuse_reply_buf(req, (const char *)data + at, len - at < size ? len - at : size);
}

static void refuse_read(fuse_req_t req, struct handle *h, int code)
{
	struct view_attr attr;
	struct caller caller;

	caller_find(&caller, fuse_req_ctx(req));
	if (view_attr(&attr, h->fs->views, h->node) < 0)
		attr = (struct view_attr){.ino = h->ino};
	why_remember_read(h->fs->why, &caller, &attr, code);
	fuse_reply_err(req, -code);
}

struct load {
	fuse_req_t req;
	struct handle *handle;
	size_t size;
	off_t offset;
};

/* The handle outlives its reads: the kernel releases it after the last of them is answered. */
static void loaded(void *arg, int result, struct view_content *c)
{
	struct load *l = arg;
	struct handle *h = l->handle;

	if (result < 0) {
		refuse_read(l->req, h, result);
	} else {
		reply_slice(l->req, c->data, c->len, l->size, l->offset);
		if (!h->content)
			h->content = c;
		else
			view_content_release(h->fs->views, c);
	}
	free(l);
	fs_done(h->fs);
}

static void load(fuse_req_t req, struct handle *h, size_t size, off_t offset)
{
	struct load *l = xcalloc(1, sizeof(*l));

	*l = (struct load){.req = req, .handle = h, .size = size, .offset = offset};
	h->fs->pending++;
	view_load(h->fs->views, h->fs->loop, h->node, loaded, l);
}

void content_read(fuse_req_t req, struct handle *h, size_t size, off_t offset)
{
	struct view_content *c = h->content;
	const char *piece;
	int r = c ? 0 : view_content(&c, h->fs->views, h->node);

	if (r == -EAGAIN && view_piece(&piece, &size, h->fs->views, h->node, offset) == 0) {
		fuse_reply_buf(req, piece, size);
		view_ahead(h->fs->views, h->node, (uint64_t)offset + size, size);
		return;
	}
	if (r == -EAGAIN) {
		load(req, h, size, offset);
		return;
	}
	if (r < 0) {
		refuse_read(req, h, r);
		return;
	}
	reply_slice(req, c->data, c->len, size, offset);
	if (h->class == VIEW_GROWING)
		view_content_release(h->fs->views, c);
	else
		h->content = c;
}
