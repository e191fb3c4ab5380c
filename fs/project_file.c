/* SPDX-License-Identifier: MIT */
#include "project_file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static int open_file(int folder, const char *path, struct err *err)
{
	const struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));

	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENOTDIR)
		return -ENOENT;
	return err_set(err, -EINVAL, "%s cannot be read: %s", path,
		       errno == EXDEV ? "it leads out of the project" : strerror(errno));
}

int project_file_load(struct buf *out, int folder, const char *path, size_t max, struct err *err)
{
	CLEANUP(cleanup_close) int fd = open_file(folder, path, err);
	char chunk[4096];
	struct stat st;
	ssize_t n = 0;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "%s is no file", path);
	out->max_bytes = max;
	while (!buf_error(out) && (n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(out, chunk, (size_t)n);
	if (n < 0)
		return err_set(err, -EINVAL, "%s cannot be read: %s", path, strerror(errno));
	if (buf_error(out))
		return err_set(err, -EINVAL, "%s is larger than %zu KB", path, max >> 10);
	return 0;
}
