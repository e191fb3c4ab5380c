/* SPDX-License-Identifier: MIT */
#ifndef PROJECT_FILE_H
#define PROJECT_FILE_H

/*
 * Private to fs: the few files of a project that are read for what they tell us
 * (.config/locks.json, .locks/locks.json). They are anybody's work.
 */

#include "base.h"

/* The whole file beneath an open folder, at most max; links that lead out of the folder are not
 * followed. -ENOENT: there is none; -EINVAL: err names the file and says what is wrong. */
int project_file_load(struct buf *out, int folder, const char *path, size_t max, struct err *err);

#endif
