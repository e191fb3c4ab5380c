/* SPDX-License-Identifier: MIT */
#ifndef RIG_H
#define RIG_H

/* What the tests of views stand on: a book in a store, views of it, and its files by their paths.
 */

#include <cjson/cJSON.h>

#include "check.h"
#include "fixture.h"
#include "views.h"

/* A store with a book, a loop and views of it. */
struct bench {
	struct fixture files;
	struct loop *loop;
	struct store *store;
	struct views *views;
};

extern const struct view_settings usual;

/* Opens b->views anew, of the store that is open. */
void open_views(struct bench *b, const struct view_settings *settings);
void bench_open(struct bench *b, int chapters);
void bench_open_book(struct bench *b, struct book *book); /* takes */
void bench_close(struct bench *b);

/* Results, as jobs would store them: of a chapter, of the picture that is due. */
void analyse(struct bench *b, int chapter, int concepts, const char *word);
void draw(struct bench *b, const char *bytes);
/* Two concepts and two elements whose words have line ends, slashes and pages in them. */
void analyse_story(struct bench *b, int chapter);

/* A file by its path below the mount: what it is, its text (owned), its JSON (owned). */
int find(struct view_attr *out, struct bench *b, const char *path);
struct view_attr at(struct bench *b, const char *path);
char *text(struct bench *b, const char *path);
cJSON *json(struct bench *b, const char *path);
const char *string(const cJSON *j, const char *key);
double number(const cJSON *j, const char *key);
int length(const cJSON *j, const char *key);
/* Of a folder, with spaces between; owned. */
char *names(struct bench *b, const char *path);
void check_contains(struct bench *b, const char *path, const char *want);
/* Looks at every node there is, and how they hold together; their count. */
size_t walk_all(struct bench *b);

#define CHECK_TEXT(b, path, want)                                                                  \
	do {                                                                                       \
		CLEANUP(cleanup_free) char *check_text = text(b, path);                            \
		CHECK_STR(check_text, want);                                                       \
	} while (0)

#define CHECK_NAMES(b, path, want)                                                                 \
	do {                                                                                       \
		CLEANUP(cleanup_free) char *check_names = names(b, path);                          \
		CHECK_STR(check_names, want);                                                      \
	} while (0)

#endif
