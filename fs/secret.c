/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "settings.h"

/*
 * Keys, from where people keep them. A command that prints one (pass, a keyring's client) is run
 * without a shell, its words cut at spaces and quotes; only where it has signs that mean something
 * to a shell alone does /bin/sh run it. It may ask for a passphrase: it has our terminal, and its
 * messages are not caught.
 */

enum { SECRET_BYTES = 4096, SECRET_TIMEOUT_MS = 60000, NOT_RUN = 127 };

char *secret_free(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
	return NULL;
}

/* What /proc/PID/environ shows is the very memory that the variable stands in. */
char *secret_from_environment(const char *variable)
{
	char *theirs = getenv(variable);
	char *value = theirs && *theirs ? xstrdup(theirs) : NULL;

	if (theirs)
		explicit_bzero(theirs, strlen(theirs));
	unsetenv(variable);
	return value;
}

/* Enough to know which of one's keys it is. */
void secret_print_masked(struct buf *out, const char *secret)
{
	size_t len = strlen(secret);

	buf_addf(out, "****%s", len >= 20 ? secret + len - 4 : "");
}

/* ---- the first line of what a descriptor gives */

struct first_line {
	char text[SECRET_BYTES];
	size_t len;
};

static void first_line_wipe(struct first_line *l)
{
	explicit_bzero(l, sizeof(*l));
}

/* Reads to the end, so that who writes more is not killed by a closed pipe; or until `writer`, a
 * pidfd or -1, has ended, whose children may keep the pipe open. */
static int read_first_line(struct first_line *out, int fd, int writer)
{
	int64_t until = clock_boot_ms() + SECRET_TIMEOUT_MS;
	struct pollfd p[] = {{.fd = fd, .events = POLLIN}, {.fd = writer, .events = POLLIN}};
	char more[512];

	for (;;) {
		int64_t left = until - clock_boot_ms();
		size_t room = sizeof(out->text) - 1 - out->len;
		ssize_t n;

		if (poll(p, ARRAY_LEN(p), left > 0 ? (int)left : 0) == 0)
			return -ETIMEDOUT;
		if (!p[0].revents)
			return 0;
		n = read(fd, room ? out->text + out->len : more, room ? room : sizeof(more));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		out->len += room ? (size_t)n : 0;
	}
}

static char *trimmed(struct first_line *l)
{
	size_t start, len;

	l->text[l->len] = '\0';
	l->text[strcspn(l->text, "\n")] = '\0';
	start = strspn(l->text, " \t");
	len = strlen(l->text + start);
	while (len && strchr(" \t\r", l->text[start + len - 1]))
		len--;
	return xstrndup(l->text + start, len);
}

static int check_key(const char *key, const char *whence, struct err *err)
{
	if (!*key)
		return err_set(err, -EINVAL, "%s: its first line holds no key", whence);
	for (const char *c = key; *c; c++)
		if (*c <= ' ' || *c > '~')
			return err_set(err, -EINVAL,
				       "%s: its first line holds a character that no key has",
				       whence);
	return 0;
}

static int take_line(char **out, struct first_line *l, const char *whence, struct err *err)
{
	char *key = trimmed(l);
	int r = check_key(key, whence, err);

	if (r < 0)
		secret_free(key);
	else
		*out = key;
	return r;
}

/* ---- a file */

/* Others may read it: a container hands secrets over so. It is only said. */
int secret_from_file(char **out, const char *path, struct err *err)
{
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	CLEANUP(first_line_wipe) struct first_line line = {0};
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, -EINVAL, "the key's file %s: %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return err_set(err, -EINVAL, "the key's file %s is a directory", path);
	if (S_ISREG(st.st_mode) && (st.st_mode & (S_IRGRP | S_IROTH)))
		fprintf(stderr, "bookfs: %s holds a key and others can read it: chmod 600 %s\n",
			path, path);
	r = read_first_line(&line, fd, -1);
	if (r < 0)
		return err_set(err, -EINVAL, "the key's file %s: %s", path, strerror(-r));
	return take_line(out, &line, path, err);
}

/* ---- a command */

static bool needs_shell(const char *command)
{
	return strpbrk(command, "|&;<>()$`\\*?[]{}#~!\n") != NULL;
}

/* Words between spaces; quotes of either kind hold one together. false: one does not end. */
static bool cut_words(struct strv *out, const char *command)
{
	CLEANUP(buf_finish) struct buf word = {0};
	bool any = false;
	char quote = 0;

	for (const char *c = command; *c; c++) {
		if (quote ? *c == quote : *c == '"' || *c == '\'') {
			quote = quote ? 0 : *c;
			any = true;
		} else if (!quote && (*c == ' ' || *c == '\t')) {
			if (any)
				strv_add(out, buf_str(&word));
			buf_clear(&word);
			any = false;
		} else {
			buf_addc(&word, *c);
			any = true;
		}
	}
	if (any)
		strv_add(out, buf_str(&word));
	return !quote && out->len > 0;
}

static int command_words(struct strv *out, const char *command, struct err *err)
{
	if (needs_shell(command)) {
		strv_add(out, "/bin/sh");
		strv_add(out, "-c");
		strv_add(out, command);
	} else if (!cut_words(out, command))
		return err_set(err, -EINVAL, "api_key_command: a quote does not end: %s", command);
	return 0;
}

static pid_t start_command(const struct strv *words, int *fd)
{
	char **argv = xcalloc(words->len + 1, sizeof(*argv));
	int fds[2];
	pid_t pid;

	memcpy(argv, words->items, words->len * sizeof(*argv));
	if (pipe2(fds, O_CLOEXEC) < 0) {
		free(argv);
		return -1;
	}
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		execvp(argv[0], argv);
		_exit(NOT_RUN);
	}
	free(argv);
	close(fds[1]);
	if (pid < 0)
		close(fds[0]);
	else
		*fd = fds[0];
	return pid;
}

static int end_command(pid_t pid, int r, const char *name, struct err *err)
{
	int status = 0;

	if (r < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r == -ETIMEDOUT)
		return err_set(err, -EINVAL, "api_key_command: %s gave no key for %d s", name,
			       SECRET_TIMEOUT_MS / 1000);
	if (r < 0)
		return err_set(err, -EINVAL, "api_key_command: %s: %s", name, strerror(-r));
	if (WIFSIGNALED(status))
		return err_set(err, -EINVAL, "api_key_command: %s was ended by signal %d", name,
			       WTERMSIG(status));
	if (WEXITSTATUS(status) == NOT_RUN)
		return err_set(err, -EINVAL, "api_key_command: %s cannot be run: is it there?",
			       name);
	if (WEXITSTATUS(status))
		return err_set(err, -EINVAL, "api_key_command: %s failed with status %d", name,
			       WEXITSTATUS(status));
	return 0;
}

int secret_from_command(char **out, const char *command, struct err *err)
{
	CLEANUP(strv_finish) struct strv words = {0};
	CLEANUP(cleanup_close) int fd = -1, writer = -1;
	CLEANUP(first_line_wipe) struct first_line line = {0};
	const char *name;
	pid_t pid;
	int r = command_words(&words, command, err);

	if (r == 0 && !words.len)
		r = err_set(err, -EINVAL, "api_key_command: no command is named");
	if (r < 0 || !words.items)
		return r;
	name = words.items[words.len == 3 && needs_shell(command) ? 2 : 0];
	pid = start_command(&words, &fd);
	if (pid < 0)
		return err_set(err, -EINVAL, "api_key_command: %s: %s", name, strerror(errno));
	writer = (int)syscall(SYS_pidfd_open, pid, 0);
	r = read_first_line(&line, fd, writer);
	r = end_command(pid, r, name, err);
	return r < 0 ? r : take_line(out, &line, "api_key_command", err);
}
