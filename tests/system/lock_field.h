/* SPDX-License-Identifier: MIT */
#ifndef LOCK_FIELD_H
#define LOCK_FIELD_H

/*
 * What the parts of lock_client share: the folder with the mounts, what locks.py tells, and the
 * file a process writes its records to.
 */

#include <stdbool.h>
#include <stdint.h>

#define PROCESSES 16
#define MOUNTS 2

/* Shared with locks.py, which writes stop, epochs, and generation. */
struct control {
	_Atomic int32_t stop;
	_Atomic int32_t epochs[MOUNTS]; /* -1: it is down */
	struct slot {
		_Atomic int32_t generation;
		_Atomic int32_t operations;
		_Atomic int32_t waiting; /* which operation waits; 0: none */
		_Atomic int32_t since;	 /* and from when on, the low bits of the wall clock's ms */
		_Atomic int32_t wanted;	 /* a bit a resource that it has, or is about to take */
		_Atomic int32_t gift;	 /* 1 + a resource that is handed to it; | its giver << 8 */
		_Atomic int32_t giving;
		_Atomic int32_t known; /* 1 + the generation whose badge is in the table */
	} slots[PROCESSES];
};
extern struct control *field;
extern unsigned field_seed;

void field_enter(const char *folder);
unsigned field_draw(unsigned below);
/* From now on the records go to this file in the folder: a write a line, so that none is torn. */
void field_record(const char *name);
void field_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
long long field_now(void); /* in us */
_Noreturn void field_die(const char *what);

/* Did the mount die under what answered so? -EBADF: before its folder was opened. */
bool field_is_lost(int result);
/* locks/ of that mount as it is now, or -1 while it is down. */
int field_door(int m);
int field_any_mount(void); /* one that is up */
/* The name of the mount as the last field_door() found it. */
void field_via(char name[16], int m);
/* A file in locks/; -errno. */
int field_open(int m, const char *name, int flags);
int field_command(int m, const char *text); /* to .ctl */

/* lock_watch.c */
int lock_watch(const char *store);
int lock_deaths(int count, bool grants);

#endif
