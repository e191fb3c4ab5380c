/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "live.h"

#define MAKING_BYTE (INT64_C(1) << 62) /* owners are below it */

struct live {
	char *live_path, *bell_path;
	int live_fd, bell_fd, notify_fd;
	int live_watch;
	int64_t owner;
};

/* One byte of the file; an OFD lock belongs to the open file, not to the process, so two stores in
 * one process exclude each other too. */
static int lock_byte(int fd, int command, short type, int64_t byte)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
	return fcntl(fd, command, &lock) < 0 ? -errno : 0;
}

/* Is the file we have open the one that has the name now? */
static bool is_named(const struct live *l)
{
	struct stat ours, named;
	return fstat(l->live_fd, &ours) == 0 && stat(l->live_path, &named) == 0 &&
	       named.st_ino == ours.st_ino && named.st_dev == ours.st_dev;
}

/* Opens NAME-live and locks byte 0 shared. The last of others may remove the file between the two,
 * and a lock on a file without a name would be seen by nobody: then again. */
static int join(struct live *l, mode_t mode)
{
	for (;;) {
		l->live_fd = open(l->live_path, O_RDWR | O_CREAT | O_CLOEXEC, mode);
		if (l->live_fd < 0)
			return -errno;
		int result = lock_byte(l->live_fd, F_OFD_SETLKW, F_RDLCK, 0);
		if (result < 0 || is_named(l))
			return result;
		close(l->live_fd);
	}
}

/* Lets go first and then asks: two who leave together would otherwise each see the other's lock,
 * and neither would clean up. Who holds byte 0 alone has nobody else in the file, and who comes now
 * waits for it in join(). */
static void leave(struct live *l)
{
	lock_byte(l->live_fd, F_OFD_SETLK, F_UNLCK, 0);
	if (lock_byte(l->live_fd, F_OFD_SETLK, F_WRLCK, 0) < 0 || !is_named(l))
		return;
	unlink(l->bell_path);
	unlink(l->live_path);
}

static int draw_owner(struct live *l)
{
	int result;
	do {
		uint64_t random;
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return -EIO;
		l->owner = (int64_t)(random >> 2) | 1;
		result = lock_byte(l->live_fd, F_OFD_SETLK, F_WRLCK, l->owner);
	} while (result == -EAGAIN || result == -EACCES);
	return result;
}

int live_open(struct live **out, const char *store_path, bool writable, struct err *err)
{
	CLEANUP(live_close_cleanup) struct live *l = xcalloc(1, sizeof(*l));
	*l = (struct live){.live_fd = -1, .bell_fd = -1, .notify_fd = -1, .live_watch = -1};
	l->live_path = xasprintf("%s-live", store_path);
	l->bell_path = xasprintf("%s-bell", store_path);
	if (!writable) {
		l->live_fd = open(l->live_path, O_RDONLY | O_CLOEXEC);
	} else {
		struct stat st;
		mode_t mode = stat(store_path, &st) < 0 ? 0644 : st.st_mode & 0666;
		int result = join(l, mode);
		if (result == 0)
			result = draw_owner(l);
		if (result < 0)
			return err_set(err, result, "%s: %s", l->live_path, strerror(-result));
		l->bell_fd = open(l->bell_path, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
		if (l->bell_fd < 0)
			return err_set(err, -errno, "%s: %s", l->bell_path, strerror(errno));
	}
	*out = l;
	l = NULL;
	return 0;
}

struct live *live_close(struct live *l)
{
	if (!l)
		return NULL;
	if (l->owner)
		leave(l);
	cleanup_close(&l->notify_fd);
	cleanup_close(&l->bell_fd);
	cleanup_close(&l->live_fd);
	free(l->live_path);
	free(l->bell_path);
	free(l);
	return NULL;
}

int live_open_lasting(const struct live *l)
{
	int fd = open(l->live_path, O_RDWR | O_CLOEXEC);
	int result = fd < 0 ? -errno : lock_byte(fd, F_OFD_SETLK, F_RDLCK, 0);
	if (result == 0)
		return fd;
	cleanup_close(&fd);
	return result;
}

int live_lock_making(struct live *l)
{
	return lock_byte(l->live_fd, F_OFD_SETLKW, F_WRLCK, MAKING_BYTE);
}

void live_unlock_making(struct live *l)
{
	lock_byte(l->live_fd, F_OFD_SETLK, F_UNLCK, MAKING_BYTE);
}

int64_t live_owner(const struct live *l)
{
	return l->owner;
}

bool live_is_alive(const struct live *l, int64_t owner)
{
	if (owner == l->owner && owner != 0)
		return true; /* one's own lock is never in one's way */
	if (owner <= 0 || l->live_fd < 0)
		return false;
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = owner, .l_len = 1};
	return fcntl(l->live_fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

bool live_is_alone(const struct live *l)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	return l->owner != 0 && fcntl(l->live_fd, F_OFD_GETLK, &lock) == 0 &&
	       lock.l_type == F_UNLCK;
}

void live_ring(const struct live *l)
{
	if (l->bell_fd >= 0 && pwrite(l->bell_fd, "\a", 1, 0) < 0)
		log_warn("store: the bell does not ring: %s", strerror(errno));
}

int live_fd(struct live *l)
{
	if (l->notify_fd >= 0)
		return l->notify_fd;
	l->notify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (l->notify_fd < 0)
		return -1;
	inotify_add_watch(l->notify_fd, l->bell_path, IN_MODIFY);
	l->live_watch = inotify_add_watch(l->notify_fd, l->live_path, IN_CLOSE_WRITE);
	return l->notify_fd;
}

bool live_drain(const struct live *l)
{
	_Alignas(struct inotify_event) char events[4096];
	bool ended = false;
	ssize_t len;
	while ((len = read(l->notify_fd, events, sizeof(events))) > 0)
		for (const char *p = events; p < events + len;) {
			const struct inotify_event *e = (const void *)p;
			ended |= e->wd == l->live_watch;
			p += sizeof(*e) + e->len;
		}
	return ended;
}
