/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "internal.h"
#include "lock_table.h"

/*
 * One book, one table. A book may have several names (hard links), or be moved while somebody uses
 * it; by each name another store may be found, and so another table, and two would have one lock.
 *
 * So whoever uses a table locks a byte of the book's own file, shared: which one says the table's
 * number. Another byte that is locked is another table. Both look after they have locked, so of two
 * who come together at least one sees the other. And so that the second name leads to the first
 * one's store, where the book can be found by its file is remembered (locate.c).
 */

#define FIRST_BYTE (INT64_C(1) << 61) /* behind all that a book has */
#define BYTES (INT64_C(1) << 32)

static int ask(int fd, int command, short type, int64_t start, int64_t len)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
	if (fcntl(fd, command, &lock) < 0)
		return -errno;
	return lock.l_type != F_UNLCK;
}

static int64_t byte_of(const struct locks *l)
{
	uint64_t mixed = (l->inode ^ l->device << 17) * UINT64_C(0x9e3779b97f4a7c15);
	return FIRST_BYTE + (int64_t)(mixed >> 32);
}

static bool is_locked(int fd, int64_t start, int64_t end)
{
	return start < end && ask(fd, F_OFD_GETLK, F_WRLCK, start, end - start) == 1;
}

int lock_book_claim(struct locks *l, struct err *err)
{
	int64_t mine = byte_of(l);
	if (l->book_fd < 0)
		return 0;
	ask(l->book_fd, F_OFD_SETLK, F_UNLCK, FIRST_BYTE, BYTES);
	/* Where a file cannot be locked nobody else has a lock on it. */
	if (ask(l->book_fd, F_OFD_SETLK, F_RDLCK, mine, 1) < 0)
		return 0;
	if (!is_locked(l->book_fd, FIRST_BYTE, mine) &&
	    !is_locked(l->book_fd, mine + 1, FIRST_BYTE + BYTES))
		return 0;
	ask(l->book_fd, F_OFD_SETLK, F_UNLCK, FIRST_BYTE, BYTES);
	return err_set(err, -ENOLCK,
		       "this very book is in use by another name, with other locks; use that name, "
		       "or end its mounts first");
}

int locks_of_book(struct locks *l, const char *book_path, struct err *err)
{
	CLEANUP(cleanup_free)
	char *store_path = xstrndup(l->path, strlen(l->path) - strlen("-locks"));
	struct err own = {0};
	l->book_fd = open(book_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int result = lock_book_claim(l, &own);
	if (result < 0)
		return err_set(err, result, "%s: %s", book_path, own.msg);
	locate_remember(book_path, store_path);
	return 0;
}
