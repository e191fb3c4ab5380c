/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "fs.h"

/*
 * The command returns when the mount answers: it forks before there is a thread, waits on a pipe,
 * and ends with what the child says: a zero byte, or the reason in a line. A child that dies says
 * nothing, which is an answer too. (fuse_daemonize would fork after the store has threads.)
 */

void signals_of_end(sigset_t *out)
{
	struct sigaction now;

	sigemptyset(out);
	sigaddset(out, SIGTERM);
	sigaddset(out, SIGINT);
	/* One that is blocked is kept even where it is ignored: nohup would be in vain. */
	if (sigaction(SIGHUP, NULL, &now) < 0 || now.sa_handler != SIG_IGN)
		sigaddset(out, SIGHUP);
}

void signals_block(void)
{
	sigset_t set;

	signals_of_end(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* A file that is as large as it may be (ulimit -f) is the error of one write. */
	signal(SIGXFSZ, SIG_IGN);
}

static int wait_for_verdict(int fd, pid_t child)
{
	char line[sizeof(((struct err *)0)->msg) + 1];
	size_t len = 0;
	ssize_t n;
	int status;

	while (len < sizeof(line) - 1) {
		n = read(fd, line + len, sizeof(line) - 1 - len);
		if (n == 0 || (n < 0 && errno != EINTR))
			break;
		len += n > 0 ? (size_t)n : 0;
		if (len && line[0] == '\0')
			return EXIT_DONE;
	}
	line[len] = '\0';
	if (len == 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status))
		fprintf(stderr, "bookfs: ended by signal %d while it started\n", WTERMSIG(status));
	else
		fprintf(stderr, "bookfs: %s\n", len ? line : "ended while it started");
	return EXIT_FAILED;
}

int start_fork(int *verdict, int *status, bool foreground, struct err *err)
{
	int fds[2];
	pid_t child;

	*verdict = -1;
	if (foreground)
		return 0;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(err, -errno, "pipe: %s", strerror(errno));
	child = fork();
	if (child < 0)
		return err_set(err, -errno, "fork: %s", strerror(errno));
	if (child == 0) {
		close(fds[0]);
		setsid();
		*verdict = fds[1];
		return 0;
	}
	close(fds[1]);
	*status = wait_for_verdict(fds[0], child);
	return 1;
}

bool start_is_awaited(int verdict)
{
	struct pollfd p = {.fd = verdict}; /* no reader is told unasked */

	return verdict < 0 || poll(&p, 1, 0) == 0;
}

static void leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || chdir("/") < 0)
		return;
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	if (null > STDERR_FILENO)
		close(null);
}

void start_tell(int verdict, int result, const struct err *err)
{
	const char *text = result == 0 ? "" : err->msg[0] ? err->msg : strerror(-result);
	ssize_t ignored;

	if (verdict < 0) {
		if (result < 0)
			say_failed(err);
		return;
	}
	/* The terminal first: whoever waits for the command may close it. */
	if (result == 0)
		leave_terminal();
	ignored = write(verdict, text, result == 0 ? 1 : strlen(text));
	(void)ignored;
	close(verdict);
}
