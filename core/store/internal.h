/* SPDX-License-Identifier: MIT */
#ifndef INTERNAL_H
#define INTERNAL_H

/*
 * What the files of this folder share: who holds which connection.
 *
 *	reader	  the loop's, query_only	  writer.c   the writer thread's
 *	folder.c  a thread that folds the WAL	  store_reader_open()	a pool thread's
 */

#include <pthread.h>
#include <stdatomic.h>

#include "conn.h"
#include "live.h"
#include "store.h"

struct store_reader {
	struct conn conn;
	struct store *store;
	int snapshots;	   /* nested store_snapshot_begin */
	char *borrowed[3]; /* strings of the last store_picture() or store_concept() */
	bool seq_known;	   /* seq was the newest at seq_moment */
	int64_t seq;
	struct conn_moment seq_moment;
};

struct store_tx {
	struct conn conn;
	struct store *store;
};

/* Which file a book was: cheap to compare, all but the hash. */
struct book_identity {
	int64_t size_bytes, mtime_ns, inode;
	char hash[HASH_HEX]; /* "" while not computed */
};

struct store {
	char *path, *book_path;
	struct loop *loop; /* or NULL */
	bool read_only;
	atomic_bool shows_former;
	struct live *live;
	struct store_reader reader;
	struct store_tx tx;    /* the writer thread's, once that runs */
	struct writer *writer; /* NULL when read_only */
	struct folder *folder; /* likewise */
	struct change *change; /* NULL without a loop */
	/* The book file as store_import_current() found it, before it was read: tx_import() must
	 * not record a file that changed meanwhile. Under the lock, as two threads use it. */
	pthread_mutex_t identity_lock;
	struct book_identity identity;
};

/* ---- writer.c */
int writer_start(struct writer **out, struct store *s, struct err *err);
struct writer *writer_stop(struct writer *w); /* commits what waits */
void writer_idle(struct writer *w);	      /* gives back what it can do without */

/* ---- folder.c */
int folder_start(struct folder **out, struct store *s, struct err *err);
struct folder *folder_stop(struct folder *f);
void folder_committed(struct folder *f, int frames); /* the log has so many pages now */

/* ---- change.c */
struct change *change_new(struct store *s);
struct change *change_free(struct change *c);
void change_post(struct change *c); /* any thread: a commit can be seen */

/* ---- shared queries */

/* The best analysis of a text, as an SQL expression over a column or parameter. */
#define BEST_ANALYSIS(text)                                                                        \
	"(SELECT best.id FROM analysis AS best WHERE best.text = " text                            \
	" AND best.hidden_by IS NULL ORDER BY best.rank DESC, best.id DESC LIMIT 1)"
/* The one that a chapter shows: the best of its text, else of the text that stood there before,
 * where this process shows that (store_show_former). A number that no chapter has (BOOK_GAP) shows
 * none, though a chapter that has no text yet has the same, and one may have stood there. */
#define SHOWN_ANALYSIS(chapter)                                                                    \
	"CASE WHEN " chapter ".kind <> 3 THEN coalesce(" BEST_ANALYSIS(                            \
		chapter                                                                            \
		".text") ", CASE WHEN shows_former() THEN " BEST_ANALYSIS(chapter                  \
									  ".former") " END) END"

/* The serial number that the pictures, jobs and files of concept n go by; and did somebody let it
 * be drawn? */
#define ROOT_OF_N "coalesce(n.root, n.serial)"
#define N_IS_APPROVED                                                                              \
	"EXISTS (SELECT 1 FROM approval WHERE concept = " ROOT_OF_N " AND hidden_by IS NULL)"

/* Is a row of job nothing that this process, :owner, leaves to others? */
#define JOB_IS_TAKEN                                                                               \
	"(asked_by = :owner OR NOT EXISTS (SELECT 1 FROM worker WHERE owner = :owner"              \
	" AND kind = :kind AND only_asked = 1) OR EXISTS (SELECT 1 FROM approval"                  \
	" WHERE concept = job.concept AND hidden_by IS NULL))"

#define TIME_OR_NOW(ms) ((ms) ? (ms) : clock_unix_ms())

/* event.c: one event for each chapter that has this text now, for none with chapter 0. scene 0:
 * no concept. ext: the picture's, or NULL. */
struct announcement {
	enum store_event_type type;
	int64_t text;
	int scene;
	const char *provider, *detail, *ext;
};
int tx_announce(struct store_tx *tx, const struct announcement *a);

/* edit.c: a row of the journal, for what is done next; the caller announces it. */
struct deed {
	enum edit_kind kind;
	int chapter;
	const char *subject, *detail; /* detail may be NULL */
};
int tx_add_edit(int64_t *id, struct store_tx *tx, const struct deed *d);
/* What was asked for came too late for what a person did meanwhile: its edit counts as undone, and
 * what it made is hidden by it. */
int tx_lay_beneath(struct store_tx *tx, int64_t edit);

/* job.c: jobs in progress whose owner is dead are pending again, their attempt given back. *count
 * may be NULL. */
int tx_release_dead(struct store_tx *tx, int *count);
int store_has_dead(struct store *s, struct conn *c); /* 1, 0 or <0 */

/* Our claim, owned; -ESTALE if it is not ours any more. */
#define JOB_ANY ((enum job_kind) - 1)
int tx_own_job(struct store_job *out, struct store_tx *tx, int64_t job_id, enum job_kind kind);
int tx_complete_job(struct store_tx *tx, int64_t id, int64_t tokens);

/* A struct store_usage in a row of `table`, and as parameters. */
#define USAGE_COLUMNS(table)                                                                       \
	table ".requests, " table ".tokens_in, " table ".tokens_out, " table ".cost_micro"
struct store_usage query_usage(struct query *q, int column);
void query_bind_usage(struct query *q, const struct store_usage *u);

/* The state of a job as read from a row: STATE_NONE .. STATE_SKIPPED. */
#define query_get_state(q, column) query_get_enum(q, column, STATE_SKIPPED)

/* wish.c: an open job for this, made if there is none. 1 made or moved, 0 it was there. */
struct job_wish {
	enum job_kind kind;
	int64_t text, concept;
	int chapter, scene;
	const char *profile;
	bool on_demand;
	int64_t asked_by; /* 0: by this process */
	enum errand errand;
	const char *subject; /* or NULL */
};
int tx_put_job(int64_t *id, struct store_tx *tx, const struct job_wish *w);
/* Jobs for the concepts of an analysis, or for that of one scene (0: all); those with a picture
 * only if `again`. *count is added to. */
int tx_put_pictures(int *count, struct store_tx *tx, int64_t analysis, int scene,
		    const struct wish *w);
int tx_tell_queued(struct store_tx *tx, int chapter);

/* wish.c: a chapter by its number; -ENOENT. */
struct found_chapter {
	int64_t text;
	int64_t best;  /* the analysis of that text; 0: none */
	int64_t shown; /* the same, or that of an earlier text which is shown for it */
	enum book_kind kind;
	int first; /* the first chapter that has this text */
};
int tx_find_chapter(struct found_chapter *out, struct store_tx *tx, int number);

/* picture.c: is it one that pictures have? */
bool picture_is_ext(const char *ext);

/* picture.c: a scene of what a chapter shows; -ENOENT. out may be NULL. */
struct found_scene {
	int64_t text, concept; /* the number that its pictures go by */
};
int tx_find_scene(struct found_scene *out, struct store_tx *tx, int chapter, int scene);

/* analysis.c: the key a result is stored under: SHA-256 over its parts. subject: the text's hash,
 * or the prompt. */
void result_key(char out[HASH_HEX], const char *subject, const struct result_info *info);
/* An analysis as a row. */
struct analysis_row {
	int64_t text;
	char key[HASH_HEX], hash[HASH_HEX]; /* of what it was made from; of the body */
	struct buf body;
	int concepts;
	int64_t tokens;
	struct store_usage usage;
};
int analysis_row_make(struct analysis_row *row, struct store_tx *tx, int64_t text,
		      const struct store_usage *usage, const struct analysis *a,
		      const struct result_info *info);
void analysis_row_finish(struct analysis_row *row);
/* edit: which it is, of a person; 0: none. */
int analysis_row_insert(int64_t *id, struct store_tx *tx, const struct analysis_row *row,
			const struct result_info *info, int64_t edit);
/* from: the analysis whose scenes they are, where they have the same numbers; 0: none. */
int concepts_insert(struct store_tx *tx, int64_t analysis, const struct analysis *a, int64_t from);
/* Pictures nobody will see need not be drawn: of a text all but those of its best analysis. */
int jobs_drop_superseded(struct store_tx *tx, int64_t text, int64_t best);

/* edit_result.c: before a result that was asked for over a person's edit: that one goes. */
int tx_replace_edits(struct store_tx *tx, const struct store_job *job,
		     const struct result_info *info);

/* Jobs for pictures of scenes that no chapter shows are nobody's. */
int tx_drop_unseen(struct store_tx *tx);

/* cast.c, correction.c, look.c: on any connection. */
int cast_read(const struct catalogue **out, struct store_cast *c, struct conn *conn);
int corrections_read(struct corrections *out, struct conn *c);
int looks_set(struct catalogue *c, struct conn *conn); /* in place of those there are */
bool looks_all_drawn(const struct catalogue *c);       /* a new picture then changes nothing */
/* look.c: with the catalogue as it is now. */
int looks_settle(struct store_tx *tx, const struct catalogue *c);
/* portrait.c: has an entry a person's own? 1 or 0. */
int portrait_own(struct store_tx *tx, const struct catalogue *c, size_t entry);
/* style.c: as tx_set_style, with who says so; beneath: as if it had been undone. */
int style_set(struct store_tx *tx, const char *body, const char *by, bool beneath);
int style_now(struct buf *out, int64_t *id, struct conn *c);
/* correction.c: corrections and verdicts, in the order in which they hold. */
int decided_read(struct corrections *out, struct conn *c);

/* store_analysis() on any connection. */
int analysis_read(struct store_analysis *out, struct conn *c, int chapter, bool with_body);

/* locate.c: the file system's name if its locks do not work, or reach only this machine; else
 * NULL. */
const char *locate_unsafe_file_system(long magic);
int locate_check_file_system(const char *path, struct err *err);
/* Is there a file? One without a byte is nobody's: a full disk or a kill left it. */
bool locate_is_taken(const char *path);
char *locate_absolute_path(const char *path); /* owned; NULL and errno: the folder is not there */
/* That the store of this very file is there, for names it will have. If it cannot be, it is not. */
void locate_remember(const char *book_path, const char *store_path);

/* check.c: what hangs on results, read on this connection. The faults, or <0. */
int check_results(struct conn *conn, void (*say)(void *arg, const char *line), void *arg);

/* import.c */
int book_identity_of(struct book_identity *out, const char *path, bool with_hash, struct err *err);

#endif
