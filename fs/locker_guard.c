/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "locker.h"

/*
 * A command under locks. They are a descriptor's of this process, not by name, so that they go when
 * it ends, however it ends, and not when the holder does. A command that loses its guardian is told
 * to end (SIGTERM): it may not work on without the locks.
 */

enum { RENEWALS_A_TTL = 3, LOOK_MS = 250 };

struct guard {
	struct locker *k;
	const struct lock_claim *claim;
	int64_t *tokens; /* as granted */
	bool *lost;	 /* and that was said */
	int64_t renew_at_boot_ms;
	int renew_every_ms;
};

/* ---- the locks */

/* proc(5), stat: "pid (comm) state ppid ..."; 0: it cannot be seen. */
static pid_t parent_of(pid_t pid)
{
	char text[512], *after;

	proc_text(text, sizeof(text), pid, "stat");
	after = strrchr(text, ')');
	return after && strlen(after) > 4 ? atoi(after + 4) : 0;
}

bool locker_is_under(struct locker *k, const char *resource)
{
	struct lock have;

	if (locks_get(&have, k->table, resource) < 0 || !have.descriptor ||
	    !lock_is_of(&have, &k->me.as))
		return false;
	for (pid_t above = getppid(); above > 1; above = parent_of(above))
		if (above == have.descriptor_pid)
			return true;
	return false;
}

/* Which locks they are, and how soon they must be renewed. -ENOENT: one went meanwhile. */
static int note_locks(struct guard *g)
{
	int shortest_s = LOCK_TTL_MOST_S;
	struct lock have;

	for (int i = 0; i < g->claim->count; i++) {
		int r = locks_get(&have, g->k->table, g->claim->resources[i]);

		if (r < 0 || !lock_is_of(&have, g->claim->holder))
			return r < 0 ? r : -ENOENT;
		g->tokens[i] = have.token;
		if (have.ttl_s < shortest_s)
			shortest_s = have.ttl_s;
	}
	g->renew_every_ms = shortest_s * (1000 / RENEWALS_A_TTL);
	return 0;
}

static int say_gone(const struct guard *g, int code)
{
	if (code != -ENOENT)
		return locker_failed(g->k, code);
	fputs("bookfs: the lock was taken away before the command ran\n", stderr);
	return EXIT_HELD;
}

/* Somebody took it away: the command works on without it, and a person should know. */
static void look(struct guard *g)
{
	locks_sweep(g->k->table);
	for (int i = 0; i < g->claim->count; i++)
		if (!g->lost[i] &&
		    locks_fence(g->k->table, g->claim->resources[i], g->tokens[i]) == -ESTALE) {
			g->lost[i] = true;
			fprintf(stderr, "bookfs: %s was taken away while the command runs\n",
				g->claim->resources[i]);
		}
	if (clock_boot_ms() < g->renew_at_boot_ms)
		return;
	g->renew_at_boot_ms = clock_boot_ms() + g->renew_every_ms;
	for (int i = 0; i < g->claim->count; i++)
		if (!g->lost[i])
			locks_used(g->k->table, g->claim->resources[i], g->tokens[i]);
}

/* ---- the command */

static void run_child(char **argv, const sigset_t *signals, pid_t guardian)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != guardian)
		_exit(128 + SIGTERM);
	sigprocmask(SIG_SETMASK, signals, NULL);
	execvp(argv[0], argv);
	fprintf(stderr, "bookfs: %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* The terminal's signals reach the command by themselves; those that were sent to us are handed on.
 */
static void hand_on(int signals, pid_t child)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) == sizeof(info) && info.ssi_code <= 0)
		kill(child, (int)info.ssi_signo);
}

static int wait_child(struct guard *g, pid_t child, int signals)
{
	CLEANUP(cleanup_close) int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	struct pollfd fds[] = {{.fd = pidfd, .events = POLLIN},
			       {.fd = signals, .events = POLLIN},
			       {.fd = locks_fd(g->k->table), .events = POLLIN}};
	int status;

	while (!fds[0].revents) {
		poll(fds, ARRAY_LEN(fds), LOOK_MS);
		if (fds[1].revents)
			hand_on(signals, child);
		look(g);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run_command(struct guard *g, char **argv)
{
	sigset_t caught;
	pid_t child, guardian = getpid();
	int signals, status;

	signals_of_end(&caught);
	sigaddset(&caught, SIGQUIT);
	sigprocmask(SIG_BLOCK, &caught, NULL);
	signals = signalfd(-1, &caught, SFD_CLOEXEC);
	child = fork();
	if (child == 0)
		run_child(argv, &g->k->mask, guardian);
	if (child < 0)
		fprintf(stderr, "bookfs: %s: %s\n", argv[0], strerror(errno));
	status = child < 0 ? EXIT_FAILED : wait_child(g, child, signals);
	close(signals);
	return status;
}

int locker_guard(struct locker *k, const struct lock_claim *claim, char **argv)
{
	CLEANUP(cleanup_free) int64_t *tokens = xcalloc((size_t)claim->count, sizeof(*tokens));
	CLEANUP(cleanup_free) bool *lost = xcalloc((size_t)claim->count, sizeof(*lost));
	struct guard g = {.k = k, .claim = claim, .tokens = tokens, .lost = lost};
	int status, r = note_locks(&g);

	status = r == 0 ? run_command(&g, argv) : say_gone(&g, r);
	locks_release_descriptor(k->table, claim->descriptor);
	return status;
}
