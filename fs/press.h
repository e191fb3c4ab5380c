/* SPDX-License-Identifier: MIT */
#ifndef PRESS_H
#define PRESS_H

/*
 * Private to fs: the book to be held is made, for the command line and for the mount alike. It
 * starts no paid work: what the store has is bound. Any thread that has a reader of its own; it
 * waits for the disk and for a child.
 */

#include <stdatomic.h>

#include "store.h"

enum press_shape { PRESS_EPUB, PRESS_PDF, PRESS_CBZ, PRESS_SHAPES };

struct press {
	enum press_shape shape;
	struct store_reader *reader;
	const char *book_path;
	const atomic_bool *stop; /* once it is set: -ECANCELED; or NULL */
};
/* Into fd, an empty file; name: of it, for messages. -ENODATA: there is no picture to be shown. */
int press_make(int fd, const char *name, const struct press *p, struct err *err);

#endif
