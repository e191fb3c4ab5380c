/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <linux/fuse.h>
#include <string.h>
#include <sys/uio.h>

#include "pass.h"

/*
 * Before each write(2) the kernel asks for the attribute security.capability, a request as long as
 * the write's own, unless the file system has said that it takes set-id bits and capabilities away
 * by itself (FUSE_HANDLE_KILLPRIV_V2). libfuse does not know that word, so it is put into its
 * answer to INIT, if the kernel offered it.
 *
 * And so it is done: the folder's file system takes them away when we write, unless we are root,
 * who may keep them, and then so was the caller. Where the mount serves others, nothing is said.
 *
 * Nor does it know that the kernel can read and write a file by itself (pass_direct.c): that is
 * agreed upon in the same way, and put into the answers to OPEN and CREATE, which end alike.
 */

enum {
	INIT_LEAST = 16,
	ANSWER_MOST = sizeof(struct fuse_entry_out) + sizeof(struct fuse_open_out)
};

static ssize_t read_request(int fd, void *buf, size_t len, void *userdata)
{
	struct pass *p = ((struct fs *)userdata)->pass;
	const struct fuse_in_header *head = buf;
	const struct fuse_init_in *in = (const struct fuse_init_in *)(head + 1);
	ssize_t n = read(fd, buf, len);

	if (!p->greeted && n >= (ssize_t)(sizeof(*head) + INIT_LEAST) &&
	    head->opcode == FUSE_INIT) {
		p->greeting = head->unique;
		p->can_kill_priv = in->flags & FUSE_HANDLE_KILLPRIV_V2;
		if (n >= (ssize_t)(sizeof(*head) + sizeof(*in)))
			pass_direct_offered(p, in);
	}
	return n;
}

static ssize_t greet(int fd, const struct iovec *iov, struct fs *fs)
{
	struct fuse_init_out out;
	struct iovec parts[2] = {iov[0], {.iov_base = &out, .iov_len = iov[1].iov_len}};

	memcpy(&out, iov[1].iov_base, iov[1].iov_len);
	if (fs->pass->can_kill_priv && !fs->options->allow_other)
		out.flags |= FUSE_HANDLE_KILLPRIV_V2;
	if (iov[1].iov_len == sizeof(out))
		pass_direct_greet(fs->pass, &out);
	fs->pass->greeted = true;
	return writev(fd, parts, 2);
}

static ssize_t answer_direct(int fd, const struct iovec *iov, const struct pass *p)
{
	char data[ANSWER_MOST];
	struct fuse_open_out open;
	size_t at = iov[1].iov_len - sizeof(open);
	struct iovec parts[2] = {iov[0], {.iov_base = data, .iov_len = iov[1].iov_len}};

	memcpy(data, iov[1].iov_base, iov[1].iov_len);
	memcpy(&open, data + at, sizeof(open));
	pass_direct_answer(p, &open);
	memcpy(data + at, &open, sizeof(open));
	return writev(fd, parts, 2);
}

static ssize_t write_answer(int fd, struct iovec *iov, int count, void *userdata)
{
	struct fs *fs = userdata;
	const struct fuse_out_header *head = iov[0].iov_base;

	if (!fs->pass->greeted && head->unique == fs->pass->greeting && !head->error &&
	    count == 2 && iov[1].iov_len <= sizeof(struct fuse_init_out))
		return greet(fd, iov, fs);
	/* Other threads answer reads; what is told to the kernel unasked has no number. */
	if (loop_is_current(fs->loop) && head->unique && fs->pass->answered_backing &&
	    !head->error && count == 2 && iov[1].iov_len >= sizeof(struct fuse_open_out) &&
	    iov[1].iov_len <= ANSWER_MOST)
		return answer_direct(fd, iov, fs->pass);
	return writev(fd, iov, count);
}

static ssize_t splice_answer(int from, off_t *from_off, int to, off_t *to_off, size_t len,
			     unsigned flags, void *userdata)
{
	return splice(from, from_off, to, to_off, len, flags);
}

void pass_connect(struct fs *fs)
{
	static const struct fuse_custom_io io = {
		.read = read_request, .writev = write_answer, .splice_send = splice_answer};

	fuse_session_custom_io(fs->session, &io, fuse_session_fd(fs->session));
}
