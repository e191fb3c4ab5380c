/* SPDX-License-Identifier: MIT */
#include "painter_child.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* In a build tree the programs stand one or two folders above core/; installed they do not, and the
 * painter is where it was installed. */
void child_path(char out[PATH_MAX], const char *name)
{
	static const char *const near[] = {"..", "../.."};
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	for (size_t i = 0; n > 0 && i < ARRAY_LEN(near); i++) {
		self[n] = '\0';
		char *slash = strrchr(self, '/');
		int len = snprintf(out, PATH_MAX, "%.*s/%s/core/providers/%s", (int)(slash - self),
				   self, near[i], name);
		if (len < PATH_MAX && access(out, X_OK) == 0)
			return;
	}
	snprintf(out, PATH_MAX, "%s/%s", CHILDREN_PATH, name);
}

int child_spawn(pid_t *pid, const char *path, const char *mode, int in, int out, int errors)
{
	extern char **environ;
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	char *argv[] = {(char *)path, (char *)mode, NULL};

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in, 0);
	posix_spawn_file_actions_adddup2(&files, out, 1);
	if (errors < 0)
		posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&files, 3);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						POSIX_SPAWN_SETPGROUP);
	int r = posix_spawn(pid, path, &files, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return -r;
}
