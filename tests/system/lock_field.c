/* SPDX-License-Identifier: MIT */
#include "lock_field.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base.h"

struct control *field;
unsigned field_seed;

static char folder[256];
static int out = -1;

/* ---- writing down */

unsigned field_draw(unsigned below)
{
	field_seed = field_seed * 1664525 + 1013904223;
	return (field_seed >> 8) % below;
}

void field_note(const char *fmt, ...)
{
	char line[512];
	va_list args;

	va_start(args, fmt);
	int len = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (write(out, line, (size_t)len) != len)
		_exit(9);
}

long long field_now(void)
{
	return clock_mono_us();
}

void field_die(const char *what)
{
	fprintf(stderr, "lock_client: %s: %s\n", what, strerror(errno));
	exit(1);
}

void field_record(const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (out < 0)
		field_die(path);
}

/* ---- the mounts */

struct door {
	int fd; /* of locks/ */
	int epoch;
};
static struct door doors[MOUNTS] = {{-1, -1}, {-1, -1}};

bool field_is_lost(int result)
{
	return result == -ENOTCONN || result == -EBADF || result == -ECONNABORTED ||
	       result == -ENODEV || result == -EIO || result == -ESHUTDOWN;
}

int field_door(int m)
{
	char path[300];
	struct door *d = &doors[m];
	int epoch = field->epochs[m];

	if (d->fd >= 0 && d->epoch == epoch)
		return d->fd;
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	d->epoch = epoch;
	if (epoch < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/m%d/locks", folder, m);
	d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->fd >= 0 && field->epochs[m] != epoch) {
		close(d->fd);
		d->fd = -1;
	}
	return d->fd;
}

int field_any_mount(void)
{
	int m = (int)field_draw(MOUNTS);

	while (field_door(m) < 0) {
		usleep(500);
		m = !m;
	}
	return m;
}

void field_via(char name[16], int m)
{
	snprintf(name, 16, "m%d.%d", m, doors[m].epoch);
}

int field_open(int m, const char *name, int flags)
{
	int fd = openat(field_door(m), name, flags | O_CLOEXEC, 0666);

	return fd < 0 ? -errno : fd;
}

int field_command(int m, const char *text)
{
	int fd = field_open(m, ".ctl", O_WRONLY), result = 0;

	if (fd < 0)
		return fd;
	if (write(fd, text, strlen(text)) < 0)
		result = -errno;
	close(fd);
	return result;
}

void field_enter(const char *where)
{
	char path[300];
	int fd;

	snprintf(folder, sizeof(folder), "%s", where);
	snprintf(path, sizeof(path), "%s/control", where);
	fd = open(path, O_RDWR | O_CLOEXEC);
	field = fd < 0 ? MAP_FAILED
		       : mmap(NULL, sizeof(*field), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (field == MAP_FAILED)
		field_die(path);
}
