/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "fs.h"

/*
 * Unmounting is done when the process behind the mount has stored what it had in flight, and
 * ended. Which process that is the mount itself says, in .bookfs/pid; asked a second time when we
 * hold a descriptor of that process, the number cannot have passed to another in between.
 */

static pid_t ask_pid(const char *dir)
{
	CLEANUP(cleanup_free) char *path = xasprintf("%s/.bookfs/pid", dir);
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[32];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return (pid_t)strtol(text, NULL, 10);
}

/* -1: not to be seen from here (another pid namespace, a dead mount). */
static int open_daemon(const char *dir)
{
	pid_t pid = ask_pid(dir);
	int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;

	if (fd >= 0 && ask_pid(dir) != pid) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A picture that arrives has a folder open for a moment; others have it open for longer. */
static int detach(const char *dir, struct err *err)
{
	enum { TRIES = 20, PAUSE_MS = 10 };
	int r = -EBUSY;

	for (int i = 0; r == -EBUSY && i < TRIES; i++) {
		if (i)
			poll(NULL, 0, PAUSE_MS);
		r = mountpoint_detach(dir, false, err);
	}
	return r;
}

static void wait_for_end(int daemon, const char *dir)
{
	enum { SILENT_MS = 300 };
	struct pollfd p = {.fd = daemon, .events = POLLIN};

	if (daemon < 0 || poll(&p, 1, SILENT_MS) == 1)
		return;
	fprintf(stderr,
		"bookfs: %s is unmounted; requests in flight are waited for and stored (Ctrl-C "
		"leaves "
		"them to the process that stores them)\n",
		dir);
	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

static int unmount(const char *dir)
{
	CLEANUP(cleanup_free) char *path = NULL;
	struct mountpoint there;
	struct err err = {0};
	int daemon, r = mountpoint_path(&path, dir, &err);

	if (r < 0)
		return say_failed(&err);
	r = mountpoint_find(&there, path);
	if (r <= 0) {
		err_set(&err, -EINVAL, "%s: no book is mounted there", dir);
		return say_failed(&err);
	}
	mountpoint_finish(&there);
	daemon = open_daemon(path);
	if (detach(path, &err) < 0)
		return say_failed(&err);
	wait_for_end(daemon, dir);
	if (daemon >= 0)
		close(daemon);
	return EXIT_DONE;
}

static int run_umount(const struct command *c, int argc, char **argv)
{
	CLEANUP(strv_finish) struct strv words = {0};
	int r = flags_parse(&words, c, NULL, 0, argc, argv);

	if (r)
		return r < 0 ? EXIT_DONE : r;
	if (words.len != 1)
		return say_usage(c, "name one directory: bookfs umount DIR");
	return unmount(words.items[0]);
}

const struct command command_umount = {
	.name = "umount",
	.usage = "bookfs umount DIR",
	.summary = "DIR: unmount, and wait until everything is stored",
	.help = "Unmounts the book at DIR and waits until its process has stored what it had in\n"
		"flight and has ended.\n",
	.run = run_umount,
};
