/* SPDX-License-Identifier: MIT */
#ifndef FIXTURE_H
#define FIXTURE_H

/* What the store's tests stand on: a folder of their own, a book built in code, and the few
 * closures that every test writes with. */

#include "store.h"

#define MANY_CHAPTERS 120

/* A new folder, removed with all in it by fixture_finish; DIR/book.txt and DIR/book.txt.bookfs. */
struct fixture {
	char dir[64];
	char book_path[96], store_path[112];
};
void fixture_init(struct fixture *f);
void fixture_finish(struct fixture *f);
void fixture_write_book(const struct fixture *f, const char *bytes);
char *fixture_path(const struct fixture *f, const char *suffix); /* store_path + suffix; owned */
bool fixture_exists(const struct fixture *f, const char *suffix);
/* Makes the store, with a book of five chapters, an analysis of the second and a picture in it. */
int fixture_fill(const struct fixture *f);
int fixture_open(struct store **out, const struct fixture *f, struct loop *loop, struct err *err);

/* Chapter 1 is front matter, the last back matter, the rest story; changed > 0: that chapter has
 * another text. Owned; free_book. */
struct book *make_book(int chapters, int changed);
void free_book(struct book *b);

struct analysis *make_analysis(int concepts, const char *word);
extern const struct result_info builtin_info; /* with pictures for "painter" */

/* Each waits until it is stored. */
int import_book(struct store *s, const struct book *b);
int wish(struct store *s, int chapter, bool on_demand, bool again);
int wish_for(struct store *s, const char *profile, int chapter, bool on_demand, bool again);
int wish_pictures(struct store *s, int chapter, bool again); /* the count */
int claim(struct store_job *out, struct store *s, enum job_kind kind);
int claim_for(struct store_job *out, struct store *s, enum job_kind kind, const char *profile);
int finish_analysis(struct store *s, int64_t job, int concepts, const char *word);
int finish_analysis_by(struct store *s, int64_t job, const struct analysis *a,
		       const struct result_info *info);
int finish_picture(struct store *s, int64_t job, const void *data, size_t len);
int fail_job(struct store *s, int64_t job, int64_t retry_at_unix_ms);
int pause_store(struct store *s, bool paused);
int retry_failed(struct store *s, int chapter); /* the count */
int adopt(struct store *s, enum job_kind kind, const char *profile);
int yield_job(struct store *s, int64_t job);

/* Faults that store_check finds, printed; must be 0 nearly always. */
int check_store(struct store *s);

#endif
