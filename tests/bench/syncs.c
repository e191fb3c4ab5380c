/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a program, it counts what the program waits for the disk: when the program ends, a
 * line "SYNCS" is appended to the file that SYNCS names.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_long syncs;

int fsync(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
	syncs++;
	return real(fd);
}

int fdatasync(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
	syncs++;
	return real(fd);
}

__attribute__((destructor)) static void tell(void)
{
	const char *path = getenv("SYNCS");
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
	if (fd < 0)
		return;
	dprintf(fd, "%ld\n", atomic_load(&syncs));
	close(fd);
}
