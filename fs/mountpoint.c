/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fs.h"

/* proc(5): blanks and backslashes of a path are written \ooo. In place. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; to++) {
		unsigned byte;

		if (s[0] == '\\' && sscanf(s + 1, "%3o", &byte) == 1) {
			*to = (char)byte;
			s += 4;
		} else {
			*to = *s++;
		}
	}
	*to = '\0';
}

/* One line of mountinfo: "36 35 98:0 /root /dir options optional... - type source options". */
static bool mounted_there(struct mountpoint *out, char *line, const char *dir)
{
	char *words[6], *rest = line, *tail = strstr(line, " - "), *type, *source;

	if (!tail)
		return false;
	*tail = '\0';
	tail += 3;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!(words[i] = strsep(&rest, " ")))
			return false;
	unescape(words[4]);
	type = strsep(&tail, " ");
	source = strsep(&tail, " ");
	if (strcmp(words[4], dir) || !source)
		return false;
	/* The topmost mount at dir comes last: an earlier one is hidden, whatever this one is. */
	mountpoint_finish(out);
	if (strcmp(type, FS_TYPE) || sscanf(words[2], "%u:%u", &out->major, &out->minor) != 2)
		return true;
	unescape(source);
	out->source = xstrdup(source);
	return true;
}

int mountpoint_find(struct mountpoint *out, const char *dir)
{
	struct mountpoint found = {0};
	CLEANUP(cleanup_free) char *line = NULL;
	size_t cap = 0;
	FILE *f = fopen("/proc/self/mountinfo", "re");

	if (!f)
		return -errno;
	while (getline(&line, &cap, f) > 0)
		mounted_there(&found, line, dir);
	fclose(f);
	if (!found.source)
		return 0;
	*out = found;
	return 1;
}

void mountpoint_finish(struct mountpoint *m)
{
	free(m->source);
	m->source = NULL;
}

/* Everything but the last word of the path is resolved; the last may be a mount that hangs. */
int mountpoint_path(char **out, const char *dir, struct err *err)
{
	CLEANUP(cleanup_free) char *copy = xstrdup(dir), *parent = NULL;
	struct mountpoint there = {0};
	char *end = copy + strlen(copy), *name;

	while (end > copy + 1 && end[-1] == '/')
		*--end = '\0';
	name = strrchr(copy, '/');
	name = name ? name + 1 : copy;
	if (!*name || !strcmp(name, ".") || !strcmp(name, "..")) {
		*out = realpath(dir, NULL);
		return *out ? 0 : err_set(err, -errno, "%s: %s", dir, strerror(errno));
	}
	if (name == copy) {
		parent = realpath(".", NULL);
	} else {
		char first = *name;

		*name = '\0';
		parent = realpath(copy, NULL);
		*name = first;
	}
	if (!parent)
		return err_set(err, -errno, "%s: %s", dir, strerror(errno));
	*out = xasprintf("%s/%s", strcmp(parent, "/") ? parent : "", name);
	if (mountpoint_find(&there, *out) == 1) {
		mountpoint_finish(&there);
		return 0;
	}
	/* Not a mount of ours: a symbolic link to the directory may be followed. */
	name = realpath(*out, NULL);
	if (name) {
		free(*out);
		*out = name;
	}
	return 0;
}

/* Has it no entry? A failure to read it counts as yes: the mount will say what is wrong. */
static bool is_empty(const char *dir)
{
	DIR *d = opendir(dir);
	int entries = 0;

	if (!d)
		return true;
	while (entries <= 2 && readdir(d))
		entries++;
	closedir(d);
	return entries <= 2;
}

static int clear_dead(const char *dir, struct err *err)
{
	struct stat st;

	if (stat(dir, &st) == 0 || errno != ENOTCONN)
		return err_set(err, -EBUSY,
			       "%s: a book is mounted there already (bookfs umount %s)", dir, dir);
	log_info("%s: clearing the mount that a killed bookfs left", dir);
	return mountpoint_detach(dir, true, err);
}

int mountpoint_prepare(char **out, bool *made, const char *dir, const char *book, struct err *err)
{
	CLEANUP(cleanup_free) char *path = NULL;
	struct mountpoint there = {0};
	struct stat st;
	int r = mountpoint_path(&path, dir, err);

	if (!path)
		return r;
	if (mountpoint_find(&there, path) == 1) {
		mountpoint_finish(&there);
		r = clear_dead(path, err);
		if (r < 0)
			return r;
	}
	*made = mkdir(path, 0777) == 0;
	if (!*made && errno != EEXIST)
		return err_set(err, -errno, "%s: cannot make the directory: %s", dir,
			       strerror(errno));
	if (stat(path, &st) < 0)
		return err_set(err, -errno, "%s: %s", dir, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return err_set(err, -ENOTDIR, "%s is not a directory: name an empty or a new one",
			       dir);
	if (strcmp(path, book) && !is_empty(path))
		return err_set(err, -ENOTEMPTY,
			       "%s is not empty: name an empty directory or a new one", dir);
	*out = path;
	path = NULL;
	return 0;
}

bool mountpoint_is_over(char **store, const char *book)
{
	CLEANUP(cleanup_free) char *path = xasprintf("%s/.bookfs/store", book);
	CLEANUP(cleanup_close) int fd = -1;
	struct mountpoint there = {0};
	char text[PATH_MAX];
	ssize_t n;

	if (mountpoint_find(&there, book) != 1)
		return false;
	if (!strcmp(there.source, book))
		fd = open(path, O_RDONLY | O_CLOEXEC);
	mountpoint_finish(&there);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	if (n <= 1 || text[n - 1] != '\n')
		return false;
	*store = xstrndup(text, (size_t)n - 1);
	return true;
}

int mountpoint_has_store(const char *dir, struct err *err)
{
	return err_set(err, -EINVAL,
		       "%s: a book is mounted there, and the mount knows its store: leave --store "
		       "out",
		       dir);
}

int mountpoint_killed(const char *dir, struct err *err)
{
	return err_set(err, -ENOTCONN,
		       "%s: the process behind this mount was killed: bookfs umount %s, then mount "
		       "it again",
		       dir, dir);
}

void mountpoint_clear_dead(const char *path)
{
	CLEANUP(cleanup_free) char *dir = NULL;
	struct mountpoint there = {0};
	struct stat st;
	struct err err;

	if (stat(path, &st) == 0 || errno != ENOTCONN || mountpoint_path(&dir, path, &err) < 0 ||
	    mountpoint_find(&there, dir) != 1)
		return;
	mountpoint_finish(&there);
	mountpoint_detach(dir, true, &err);
}

/* fusermount3 -u, for those who may not umount(2). Its own words are not shown: it speaks of
 * itself. */
static int detach_by_program(const char *dir, bool lazy, struct err *err)
{
	char *const argv[] = {"fusermount3", lazy ? "-uzq" : "-uq", "--", (char *)dir, NULL};
	posix_spawn_file_actions_t actions;
	int r, status;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	r = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (r)
		return err_set(err, -r, "fusermount3, which unmounts for users other than root: %s",
			       strerror(r));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_set(err, -errno, "fusermount3: %s", strerror(errno));
	return status ? err_set(err, -EBUSY, "%s: it is in use, or mounted by somebody else", dir)
		      : 0;
}

int mountpoint_detach(const char *dir, bool lazy, struct err *err)
{
	if (umount2(dir, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0)
		return 0;
	if (errno == EPERM)
		return detach_by_program(dir, lazy, err);
	if (errno == EBUSY)
		return err_set(err, -EBUSY,
			       "%s is in use (a program has a file or a folder of it open)", dir);
	return err_set(err, -errno, "%s: %s", dir, strerror(errno));
}
