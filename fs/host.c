/* SPDX-License-Identifier: MIT */
#include <string.h>

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
	return buf_adds(out, "analyze N|all\nillustrate N|all\nretry failed\npause\nresume\n"
			     "budget +N [requests|tokens|images|cost]\n");
}

/* The number means nothing to a caller that cannot be seen from here. */
static int pid_text(struct buf *out, struct fs *fs, fuse_req_t req)
{
	return buf_addf(out, "%d\n", fuse_req_ctx(req)->pid ? (int)getpid() : 0);
}

/* Where the store is, for the commands that are given the directory alone. One of a folder that is
 * mounted over itself is reached by our descriptor of it. */
static int store_path_text(struct buf *out, struct fs *fs, fuse_req_t req)
{
	static const char own[] = "/proc/self/";
	const char *path = store_path(fs->engine->store);

	if (strncmp(path, own, sizeof(own) - 1))
		return buf_addf(out, "%s\n", path);
	return buf_addf(out, "/proc/%d/%s\n", (int)getpid(), path + sizeof(own) - 1);
}

/* As JSON; what has no end is null. */
static void add_budget(struct buf *out, const char *name, const struct budget *b)
{
	const struct {
		const char *name;
		int64_t n;
		double unit;
	} parts[] = {{"requests", b->requests, 1},
		     {"tokens", b->tokens, 1},
		     {"images", b->images, 1},
		     {"cost", b->cost_micro, 1e6}};

	buf_addf(out, "\"%s\":{", name);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		buf_addf(out, "%s\"%s\":", i ? "," : "", parts[i].name);
		if (parts[i].n < 0)
			buf_adds(out, "null");
		else
			buf_addf(out, "%.15g", (double)parts[i].n / parts[i].unit);
	}
	buf_adds(out, "},");
}

/* What this process has spent and may spend: it moves with every request, and no version of the
 * store has it. */
static int spending_text(struct buf *out, struct fs *fs, fuse_req_t req)
{
	char until[ISO_TIME_BYTES];
	struct spending s;

	jobs_spending(&s, fs->engine->jobs);
	buf_adds(out, "{");
	add_budget(out, "spent", &s.spent);
	add_budget(out, "left", &s.left);
	buf_addf(out, "\"exhausted\":%s,\"serverWaitsUntil\":", s.exhausted ? "true" : "false");
	clock_iso(until, s.waits_until_unix_ms);
	return s.waits_until_unix_ms ? buf_addf(out, "\"%s\"}\n", until) : buf_adds(out, "null}\n");
}

static int (*const texts[])(struct buf *out, struct fs *fs, fuse_req_t req) = {
	[HOST_WHY] = caller_why_text,	 [HOST_WAITING] = waiting_text,
	[HOST_LOG] = log_text,		 [HOST_CTL] = control_text,
	[HOST_PID] = pid_text,		 [HOST_STORE] = store_path_text,
	[HOST_SPENDING] = spending_text,
};

int host_bytes(struct buf *out, struct fs *fs, int host, fuse_req_t req)
{
	if ((size_t)host >= ARRAY_LEN(texts) || !texts[host])
		return 0;
	return texts[host](out, fs, req);
}
