/* SPDX-License-Identifier: MIT */
/*
 * A FUSE file system that does nothing, for the benchmark: what a request costs when the answer
 * costs nothing. One folder, in it a file "ready" of 4096 zero bytes and whatever was created; a
 * created file is a name and no more. It keeps libfuse's own loop, so it is what a plain program of
 * a page gets, and no cache hides a request: all timeouts are 0, except for "ready".
 *
 * With a number of bytes it is what bookfs could be at best on this kernel: "ready" is as large,
 * what is written is taken without the kernel's pages and thrown away, and its loop is that of
 * bookfs, one thread that tries the descriptor for 50 us before it sleeps.
 *
 *     nullfs DIR [BYTES]       in the foreground, until it is unmounted or killed
 */
#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { READY = 2, FIRST = 3, SLOTS = 4096, NAME = 64 };
static const double a_day_s = 86400;

/* Slot s holds node s + FIRST; an empty name is a free slot. */
static char names[SLOTS][NAME];
static char zeros[1 << 20]; /* as much as a request can ask for */
static off_t ready_bytes = 4096;

static fuse_ino_t find(const char *name)
{
	if (!strcmp(name, "ready"))
		return READY;
	for (int s = 0; s < SLOTS; s++)
		if (!strcmp(names[s], name))
			return (fuse_ino_t)s + FIRST;
	return 0;
}

static struct stat attributes(fuse_ino_t node)
{
	bool folder = node == FUSE_ROOT_ID;
	return (struct stat){
		.st_ino = node,
		.st_mode = folder ? S_IFDIR | 0755 : S_IFREG | 0644,
		.st_nlink = folder ? 2 : 1,
		.st_size = node == READY ? ready_bytes : 0,
	};
}

static struct fuse_entry_param entry(fuse_ino_t node)
{
	double timeout_s = node == READY ? a_day_s : 0;
	return (struct fuse_entry_param){
		.ino = node,
		.attr = attributes(node),
		.attr_timeout = timeout_s,
		.entry_timeout = timeout_s,
	};
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	fuse_ino_t node = find(name);
	if (!node) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	struct fuse_entry_param e = entry(node);
	fuse_reply_entry(req, &e);
}

static void op_getattr(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct stat st = attributes(node);
	fuse_reply_attr(req, &st, node == READY ? a_day_s : 0);
}

static void op_open(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	fi->keep_cache = node == READY;
	fi->noflush = 1;
	fuse_reply_open(req, fi);
}

static void op_read(fuse_req_t req, fuse_ino_t node, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	off_t have = node == READY && off < ready_bytes ? ready_bytes - off : 0;
	size = size < sizeof zeros ? size : sizeof zeros;
	fuse_reply_buf(req, zeros, have < (off_t)size ? (size_t)have : size);
}

static void op_write(fuse_req_t req, fuse_ino_t node, const char *data, size_t size, off_t off,
		     struct fuse_file_info *fi)
{
	fuse_reply_write(req, size);
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		      struct fuse_file_info *fi)
{
	int s = 0;
	while (s < SLOTS && names[s][0])
		s++;
	if (s == SLOTS || strlen(name) >= NAME) {
		fuse_reply_err(req, ENOSPC);
		return;
	}
	strcpy(names[s], name);
	struct fuse_entry_param e = entry((fuse_ino_t)s + FIRST);
	fi->noflush = 1;
	fi->direct_io = 1;
	fuse_reply_create(req, &e, fi);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	fuse_ino_t node = find(name);
	if (node >= FIRST)
		names[node - FIRST][0] = '\0';
	fuse_reply_err(req, node >= FIRST ? 0 : node ? EPERM : ENOENT);
}

/* One name for all it needs: "." ".." and "ready" fit into every buffer the kernel offers. */
static void op_readdir(fuse_req_t req, fuse_ino_t node, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	static const struct {
		const char *name;
		fuse_ino_t node;
	} list[] = {{".", FUSE_ROOT_ID}, {"..", FUSE_ROOT_ID}, {"ready", READY}};
	char buf[512];
	size_t used = 0;

	for (off_t i = off; i < 3; i++) {
		struct stat st = attributes(list[i].node);
		used += fuse_add_direntry(req, buf + used, sizeof buf - used, list[i].name, &st,
					  i + 1);
	}
	fuse_reply_buf(req, buf, used < size ? used : size);
}

static const struct fuse_lowlevel_ops ops = {
	.lookup = op_lookup,
	.getattr = op_getattr,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.create = op_create,
	.unlink = op_unlink,
	.readdir = op_readdir,
};

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int spinning_loop(struct fuse_session *session)
{
	static const double spin_us = 50;
	struct fuse_buf buf = {0};
	struct pollfd p = {.fd = fuse_session_fd(session), .events = POLLIN};
	double until = 0;

	fcntl(p.fd, F_SETFL, fcntl(p.fd, F_GETFL) | O_NONBLOCK);
	while (!fuse_session_exited(session)) {
		if (fuse_session_receive_buf(session, &buf) > 0) {
			fuse_session_process_buf(session, &buf);
			until = now_us() + spin_us;
		} else if (now_us() >= until) {
			poll(&p, 1, -1);
		}
	}
	free(buf.mem);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: nullfs DIR [BYTES]\n");
		return 2;
	}
	if (argc == 3)
		ready_bytes = atoll(argv[2]);
	char *options[] = {argv[0], "-ofsname=nullfs", NULL};
	struct fuse_args args = FUSE_ARGS_INIT(2, options);
	struct fuse_session *session = fuse_session_new(&args, &ops, sizeof ops, NULL);
	if (!session || fuse_set_signal_handlers(session) || fuse_session_mount(session, argv[1]))
		return 1;
	int result = argc == 3 ? spinning_loop(session) : fuse_session_loop(session);
	fuse_session_unmount(session);
	fuse_remove_signal_handlers(session);
	fuse_session_destroy(session);
	return result < 0 ? 1 : 0;
}
