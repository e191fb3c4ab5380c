/* SPDX-License-Identifier: MIT */
#ifndef FAULTVFS_H
#define FAULTVFS_H

/*
 * faultvfs: SQLite's file layer, with a disk that can be told to fail. It stands between SQLite and
 * its own VFS as the default, so a program under test needs to know nothing of it.
 *
 * In a test program: faultvfs_install() before anything is opened, then faultvfs_plan(). For a
 * whole program: LD_PRELOAD=libfaultvfs.so and BOOKFS_FAULTVFS="calls=wsotd at=17 how=enospc
 * slow=50 from_on count=FILE" (each part may be missing; FILE holds the number of calls at the
 * end).
 *
 * Threads: any.
 */

#include <stdbool.h>
#include <stdint.h>

enum fault_call {
	FAULT_WRITE = 1,
	FAULT_SYNC = 2,
	FAULT_OPEN = 4,
	FAULT_TRUNCATE = 8,
	FAULT_DELETE = 16,
	FAULT_MAP = 32, /* of the log's index in shared memory */
	FAULT_ALL = 63,
};

enum fault_how {
	FAULT_EIO,
	FAULT_ENOSPC,
	FAULT_SHORT, /* a write stops half way and says the disk is full; others: as FAULT_ENOSPC */
};

struct fault_plan {
	unsigned calls; /* which are counted, slowed and may fail */
	int64_t at;	/* the at'th of them fails; 0: none */
	bool from_on;	/* and all after it */
	enum fault_how how;
	int slow_ms; /* each of them takes so long */
};

int faultvfs_install(void);			   /* 0, or -1 */
void faultvfs_plan(const struct fault_plan *plan); /* counts from 0 again */
int64_t faultvfs_calls(void);			   /* counted since the plan */
int64_t faultvfs_failed(void);			   /* and failed */

#endif
