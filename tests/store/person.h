/* SPDX-License-Identifier: MIT */
#ifndef PERSON_H
#define PERSON_H

/* A person before the store: what persons do to it, and what they see of it. */

#include "fixture.h"

/* What a deed is done to; each takes the fields that it needs. */
struct deed_arg {
	int chapter, scene, most;
	int64_t id;
	const struct analysis *analysis;
	const char *text;
	const struct corrections *list;
	struct look *looks;
	size_t count;
	const struct bytes *bytes;
};
int do_edit(struct store_tx *tx, void *arg, struct err *err);
int do_remove(struct store_tx *tx, void *arg, struct err *err);
int do_remove_picture(struct store_tx *tx, void *arg, struct err *err);
int do_undo(struct store_tx *tx, void *arg, struct err *err);
int do_style(struct store_tx *tx, void *arg, struct err *err);
int do_correct(struct store_tx *tx, void *arg, struct err *err);
int do_fix(struct store_tx *tx, void *arg, struct err *err);
int do_approve(struct store_tx *tx, void *arg, struct err *err);
int do_regenerate(struct store_tx *tx, void *arg, struct err *err);
int do_portrait(struct store_tx *tx, void *arg, struct err *err);
int do_remove_portrait(struct store_tx *tx, void *arg, struct err *err);
int do_deed(struct store *s, store_work_fn work, struct deed_arg d); /* waits until it is stored */
#define DO(s, work, ...) do_deed(s, work, (struct deed_arg){__VA_ARGS__})

extern const struct result_info by_builtin, by_server; /* without a wish for pictures */
struct store *open_book(const struct fixture *f);      /* six chapters, nothing done */
void analyse_by(struct store *s, int chapter, int scenes, const char *word,
		const struct result_info *info);
void analyse(struct store *s, int chapter, int scenes, const char *word);
/* The picture that waits first. */
void draw_by(struct store *s, const char *bytes, const struct result_info *info);
void draw(struct store *s, const char *bytes);
void draw_all(struct store *s, int chapter); /* those that are missing: "PNG 2.1", "PNG 2.2" ... */

int64_t best_of(struct store *s, int chapter);		/* the analysis that is shown */
struct analysis *copy_of(struct store *s, int chapter); /* of it, to be edited; owned */
void strike_out(struct analysis *a, size_t i);		/* its scene i, counted from 0 */
char *all_of(struct store *s); /* all that can be seen of the book, as text; owned */

#endif
