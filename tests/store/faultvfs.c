/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sqlite3.h>

#include "faultvfs.h"

/* The file as SQLite sees it; the real one lies right behind it. */
struct fault_file {
	sqlite3_file base;
	sqlite3_file *real;
};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs fault_vfs;

static pthread_mutex_t plan_lock = PTHREAD_MUTEX_INITIALIZER;
static struct fault_plan plan;
static int64_t calls, failed;
static _Thread_local int last_errno;

void faultvfs_plan(const struct fault_plan *p)
{
	pthread_mutex_lock(&plan_lock);
	plan = *p;
	calls = failed = 0;
	pthread_mutex_unlock(&plan_lock);
}

static int64_t read_count(const int64_t *count)
{
	pthread_mutex_lock(&plan_lock);
	int64_t value = *count;
	pthread_mutex_unlock(&plan_lock);
	return value;
}

int64_t faultvfs_calls(void)
{
	return read_count(&calls);
}

int64_t faultvfs_failed(void)
{
	return read_count(&failed);
}

/* Counts a call; must it fail? *how says in which way. */
static bool must_fail(enum fault_call call, enum fault_how *how)
{
	pthread_mutex_lock(&plan_lock);
	bool counted = plan.calls & call;
	calls += counted;
	bool hit = counted && plan.at && (calls == plan.at || (plan.from_on && calls > plan.at));
	failed += hit;
	*how = plan.how;
	int slow_ms = counted ? plan.slow_ms : 0;
	pthread_mutex_unlock(&plan_lock);
	if (slow_ms)
		nanosleep(&(struct timespec){.tv_sec = slow_ms / 1000,
					     .tv_nsec = slow_ms % 1000 * 1000000L},
			  NULL);
	if (hit)
		last_errno = *how == FAULT_EIO ? EIO : ENOSPC;
	return hit;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
	return ((struct fault_file *)file)->real;
}

/* ---- calls that may fail */

static int fault_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 offset)
{
	enum fault_how how;
	sqlite3_file *real = real_of(file);
	if (!must_fail(FAULT_WRITE, &how))
		return real->pMethods->xWrite(real, data, len, offset);
	if (how == FAULT_EIO)
		return SQLITE_IOERR_WRITE;
	if (how == FAULT_SHORT)
		real->pMethods->xWrite(real, data, len / 2, offset);
	return SQLITE_FULL;
}

static int fault_sync(sqlite3_file *file, int flags)
{
	enum fault_how how;
	sqlite3_file *real = real_of(file);
	if (must_fail(FAULT_SYNC, &how))
		return SQLITE_IOERR_FSYNC;
	return real->pMethods->xSync(real, flags);
}

static int fault_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	enum fault_how how;
	sqlite3_file *real = real_of(file);
	if (must_fail(FAULT_TRUNCATE, &how))
		return SQLITE_IOERR_TRUNCATE;
	return real->pMethods->xTruncate(real, size);
}

static int fault_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
	enum fault_how how;
	sqlite3_file *real = real_of(file);
	if (extend && must_fail(FAULT_MAP, &how)) {
		*out = NULL;
		return SQLITE_IOERR_SHMMAP;
	}
	return real->pMethods->xShmMap(real, page, size, extend, out);
}

static int fault_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	enum fault_how how;
	if (must_fail(FAULT_DELETE, &how))
		return SQLITE_IOERR_DELETE;
	return real_vfs->xDelete(real_vfs, name, sync);
}

static int fault_last_error(sqlite3_vfs *vfs, int len, char *text)
{
	int number = last_errno;
	last_errno = 0;
	return number ? number : real_vfs->xGetLastError(real_vfs, len, text);
}

/* ---- calls that go through */

static int fault_close(sqlite3_file *file)
{
	sqlite3_file *real = real_of(file);
	return real->pMethods ? real->pMethods->xClose(real) : SQLITE_OK;
}

static int fault_read(sqlite3_file *file, void *data, int len, sqlite3_int64 offset)
{
	sqlite3_file *real = real_of(file);
	return real->pMethods->xRead(real, data, len, offset);
}

static int fault_file_size(sqlite3_file *file, sqlite3_int64 *size)
{
	sqlite3_file *real = real_of(file);
	return real->pMethods->xFileSize(real, size);
}

static int fault_lock(sqlite3_file *file, int level)
{
	sqlite3_file *real = real_of(file);
	return real->pMethods->xLock(real, level);
}

static int fault_unlock(sqlite3_file *file, int level)
{
	sqlite3_file *real = real_of(file);
	return real->pMethods->xUnlock(real, level);
}

static int fault_check_reserved(sqlite3_file *file, int *out)
{
	sqlite3_file *real = real_of(file);
	return real->pMethods->xCheckReservedLock(real, out);
}

static int fault_control(sqlite3_file *file, int op, void *arg)
{
	sqlite3_file *real = real_of(file);
	return real->pMethods->xFileControl(real, op, arg);
}

static int fault_sector_size(sqlite3_file *file)
{
	sqlite3_file *real = real_of(file);
	return real->pMethods->xSectorSize(real);
}

static int fault_characteristics(sqlite3_file *file)
{
	sqlite3_file *real = real_of(file);
	return real->pMethods->xDeviceCharacteristics(real);
}

static int fault_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
	sqlite3_file *real = real_of(file);
	return real->pMethods->xShmLock(real, offset, count, flags);
}

static void fault_shm_barrier(sqlite3_file *file)
{
	sqlite3_file *real = real_of(file);
	real->pMethods->xShmBarrier(real);
}

static int fault_shm_unmap(sqlite3_file *file, int remove)
{
	sqlite3_file *real = real_of(file);
	return real->pMethods->xShmUnmap(real, remove);
}

static const sqlite3_io_methods methods = {
	.iVersion = 2, /* without xFetch: everything is read and written by calls that are seen */
	.xClose = fault_close,
	.xRead = fault_read,
	.xWrite = fault_write,
	.xTruncate = fault_truncate,
	.xSync = fault_sync,
	.xFileSize = fault_file_size,
	.xLock = fault_lock,
	.xUnlock = fault_unlock,
	.xCheckReservedLock = fault_check_reserved,
	.xFileControl = fault_control,
	.xSectorSize = fault_sector_size,
	.xDeviceCharacteristics = fault_characteristics,
	.xShmMap = fault_shm_map,
	.xShmLock = fault_shm_lock,
	.xShmBarrier = fault_shm_barrier,
	.xShmUnmap = fault_shm_unmap,
};

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
	enum fault_how how;
	struct fault_file *f = (struct fault_file *)file;
	f->base.pMethods = NULL;
	f->real = (sqlite3_file *)(f + 1);
	if (must_fail(FAULT_OPEN, &how))
		return SQLITE_CANTOPEN;
	int code = real_vfs->xOpen(real_vfs, name, f->real, flags, out);
	if (f->real->pMethods)
		f->base.pMethods = &methods;
	return code;
}

int faultvfs_install(void)
{
	real_vfs = sqlite3_vfs_find(NULL);
	if (!real_vfs)
		return -1;
	fault_vfs = *real_vfs;
	fault_vfs.zName = "fault";
	fault_vfs.szOsFile = (int)sizeof(struct fault_file) + real_vfs->szOsFile;
	fault_vfs.pNext = NULL;
	fault_vfs.xOpen = fault_open;
	fault_vfs.xDelete = fault_delete;
	fault_vfs.xGetLastError = fault_last_error;
	return sqlite3_vfs_register(&fault_vfs, 1) == SQLITE_OK ? 0 : -1;
}
