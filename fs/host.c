/* SPDX-License-Identifier: MIT */
#include "fs.h"

static int log_text(struct buf *out, struct fs *fs, fuse_req_t req)
{
	uint64_t dropped;

	return log_copy(out, &dropped);
}

static int waiting_text(struct buf *out, struct fs *fs, fuse_req_t req)
{
	return parked_text(out, fs->parked);
}

static int caller_why_text(struct buf *out, struct fs *fs, fuse_req_t req)
{
	struct caller c;

	caller_find(&c, fuse_req_ctx(req));
	return why_text(out, fs, &c);
}

static int control_text(struct buf *out, struct fs *fs, fuse_req_t req)
{
	return buf_adds(out, "analyze N|all\nillustrate N|all\nretry failed\npause\nresume\n");
}

/* The number means nothing to a caller that cannot be seen from here. */
static int pid_text(struct buf *out, struct fs *fs, fuse_req_t req)
{
	return buf_addf(out, "%d\n", fuse_req_ctx(req)->pid ? (int)getpid() : 0);
}

/* Where the store is, for the commands that are given the directory alone. */
static int store_path_text(struct buf *out, struct fs *fs, fuse_req_t req)
{
	return buf_addf(out, "%s\n", store_path(fs->engine->store));
}

static int (*const texts[])(struct buf *out, struct fs *fs, fuse_req_t req) = {
	[HOST_WHY] = caller_why_text, [HOST_WAITING] = waiting_text, [HOST_LOG] = log_text,
	[HOST_CTL] = control_text,    [HOST_PID] = pid_text,	     [HOST_STORE] = store_path_text,
};

int host_bytes(struct buf *out, struct fs *fs, int host, fuse_req_t req)
{
	if ((size_t)host >= ARRAY_LEN(texts) || !texts[host])
		return 0;
	return texts[host](out, fs, req);
}
