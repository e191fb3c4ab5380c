/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_FOLDER_H
#define SOURCE_FOLDER_H

/*
 * A book that is a folder of text files. folder.c finds and reads them, project.c knows which of
 * them are which chapter.
 *
 * Nothing outside the folder is opened: names are resolved beneath it, without symbolic links and
 * without entering another file system, so that a mount within it, ours or a dead one, is never
 * touched.
 */

#include "reader.h"

struct folder_file {
	char *path; /* beneath the folder, '/' between names, valid UTF-8 */
	bool planned;
};
struct folder {
	int fd;			   /* borrowed */
	bool is_project;	   /* its files are those of the book, not its notes and drafts */
	struct folder_file *files; /* texts, in natural order of their paths: 2 before 10 */
	size_t count, cap;
	size_t seen; /* entries of any kind */
	bool more;   /* there are more than the limits allow */
	/* Is called with each folder, and no file is listed; or NULL. */
	void (*enter)(void *arg, int folder, const char *path);
	void *arg;
};
int folder_list(struct folder *out, int fd, const struct book_limits *limits);
void folder_finish(struct folder *f);
int folder_open(int fd, const char *path); /* a folder beneath; a descriptor or -errno */
bool folder_is_text(const char *name);	   /* by its ending */
/* A small file of it, whole: -ENOENT, -EFBIG past max, and others. */
int folder_load(struct buf *out, int fd, const char *path, size_t max);
int folder_compare(const char *a, const char *b); /* natural order */

/* What stands in which files, in reading order. */
struct plan_chapter {
	int number; /* 0: the next one */
	enum book_kind kind;
	bool kind_known; /* else its title tells */
	char *title;	 /* or NULL: its first heading, else its file's name */
	struct strv files;
};
struct plan {
	bool own_numbers; /* chapters without one are front or back matter */
	struct plan_chapter *chapters;
	size_t count, cap;
};
struct plan_chapter *plan_add(struct plan *p);
void plan_finish(struct plan *p);
/* A writing project has texts in this folder; anywhere else all texts are chapters. Also fills the
 * title and the like of r's book from what the folder says of itself, and warns of what is no
 * chapter though it looks like one. */
#define PROJECT_CHAPTERS "Manuscript/Chapters/"
void project_plan(struct plan *out, struct reading *r, const struct folder *f);
/* Does the book change with this text? What is about the folder and not of the book is left out. */
bool project_reads(const char *path, bool is_project);
bool project_has_folder(const char *name); /* Are such texts in this folder of a project? */
/* The files in which a project says what its book is, in their order. */
#define PROJECT_CONFIG ".config"
void project_configs(struct strv *out, int folder);
bool project_is_config(const char *name); /* is it one of these? */

/* In place of an archive or a single file. */
int folder_read(struct reading *r, int fd);

#endif
