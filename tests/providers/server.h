/* SPDX-License-Identifier: MIT */
#ifndef SERVER_H
#define SERVER_H

/* server.py, started by a test and ended with it. SERVER in the environment is its path. */

#include <stdio.h>
#include <signal.h>
#include <sys/wait.h>

#include "base.h"

struct server {
	pid_t pid;
	int in; /* its end is the server's end */
	int port;
};

static void server_start(struct server *s)
{
	int in[2], out[2];
	const char *path = getenv("SERVER");
	if (!path || pipe(in) < 0 || pipe(out) < 0)
		exit(2);
	s->pid = fork();
	if (s->pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		execlp("python3", "python3", "-B", path, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	s->in = in[1];
	FILE *f = fdopen(out[0], "r");
	if (!f || fscanf(f, "%d", &s->port) != 1)
		exit(2);
	fclose(f);
}

static void server_end(struct server *s)
{
	close(s->in);
	waitpid(s->pid, NULL, 0);
}

#endif
