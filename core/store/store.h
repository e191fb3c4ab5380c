/* SPDX-License-Identifier: MIT */
#ifndef STORE_H
#define STORE_H

/*
 * store: the one SQLite file beside a book (DESIGN.md, "Where things are kept"): the imported text,
 * the work queue, the results, the pictures, the events. Typed functions, one a query; no SQL and
 * no SQLite type outside this folder, so that another database can stand behind this header.
 *
 * Threads. Reading: a store_reader is a query_only connection and belongs to one thread at a time;
 * the loop uses the store's own (store_reader()), a pool thread opens one of its own. Writing:
 * closures given to store_write() run on the one writer thread, which groups those that wait into a
 * transaction, commits, syncs, rings the bell for the other processes, and only then posts each
 * `done` to the loop. A closure that returns <0 is rolled back alone; if the commit itself fails,
 * every done of the group gets that error and nothing of the group is stored.
 *
 * Several processes may have one store open (fuse.md, "SQLite beside it"): every write is BEGIN
 * IMMEDIATE; a claim's owner is alive exactly as long as its byte of NAME-live cannot be locked.
 */

#include "base.h"
#include "source.h"
#include "story.h"

/* ---- finding and opening */

struct store;
struct store_reader;
struct store_tx;

/* Where the store of a book is, or is to be made:
 * 1. explicit_path if given (-ENAMETOOLONG: no room for the side files' names); 2. BOOK.bookfs
 * beside the book (of a name too long for that its start and a hash); 3. a store beside it, or one
 * in $XDG_STATE_HOME/bookfs/ (else ~/.local/state/bookfs/), that holds this content hash and whose
 * own book is gone (moved or renamed);
 * 4. new: beside the book if the folder is writable and its file system's locks work on this
 * machine alone (not NFS, SMB, 9p, virtiofs, FUSE), else in the state folder, *note saying so. The
 * content hash is computed only if 2 misses. An explicit path on such a file system: -ENOTSUP with
 * the remedy. *path and *note (or NULL) are owned. */
int store_locate(char **path, char **note, const char *book_path, const char *explicit_path,
		 struct err *err);

struct store_options {
	const char *path;      /* the store's file */
	const char *book_path; /* absolute; recorded at import */
	bool create;	       /* make it if it is missing; else -ENOENT */
};

/* Opens, migrates (after a copy NAME-vN.bak), checks. -EBADMSG: damaged or not a bookfs store
 * (never overwritten), with the remedy in err; -ENOTSUP: written by a newer bookfs, or a file
 * system without working locks; -EROFS never: a store that cannot be written is opened read-only
 * (store_read_only). The loop must outlive the store. loop may be NULL for a store that is only
 * read and written with store_write_wait. */
int store_open(struct store **out, struct loop *loop, const struct store_options *options,
	       struct err *err);
struct store *store_close(
	struct store *s); /* commits what waits, folds the WAL in, removes the side files if last */
DEFINE_CLEANUP(struct store, store_close)
bool store_read_only(const struct store *s);
/* A chapter with a new text and no analysis of it shows that of the text before it, of_former, with
 * its pictures; off at first. What is asked for is of the new text all the same. */
void store_show_former(struct store *s, bool on);
/* Gives back the caches that are not needed while nothing goes on. The loop's thread. */
void store_idle(struct store *s);
const char *store_path(const struct store *s);

struct store_reader *store_reader(struct store *s); /* the loop's; borrowed until store_close */
int store_reader_open(struct store_reader **out, struct store *s,
		      struct err *err); /* for another thread */
struct store_reader *store_reader_close(struct store_reader *r);
DEFINE_CLEANUP(struct store_reader, store_reader_close)
/* Why the last read of r that failed did, with the remedy if there is one; code is what it gave, 0
 * if that is not known. Borrowed until the next read. */
const char *store_reason(const struct store_reader *r, int code);
/* Several reads of one state: what is read between the two belongs to one store_seq. Never held
 * over a wait. Nests. */
int store_snapshot_begin(struct store_reader *r);
void store_snapshot_end(struct store_reader *r);

/* Full verification: integrity, foreign keys, results against their hashes, jobs against results.
 * Calls say for each fault, a line for a person. Returns the number of faults, or <0. */
int store_check(struct store *s, void (*say)(void *arg, const char *line), void *arg);

/* ---- writing */

typedef int (*store_work_fn)(struct store_tx *tx, void *arg, struct err *err); /* writer thread */
typedef void (*store_done_fn)(void *arg, int result,
			      const struct err *err); /* loop, after the sync */
void store_write(struct store *s, store_work_fn work, store_done_fn done,
		 void *arg); /* done may be NULL */
/* The same, waiting. Not on a loop that is running. */
int store_write_wait(struct store *s, store_work_fn work, void *arg, struct err *err);

/* ---- change */

enum store_event_type {
	EVENT_ANALYSIS_STARTED,
	EVENT_CONCEPTS_READY,
	EVENT_ANALYSIS_FAILED,
	EVENT_IMAGE_STARTED,
	EVENT_IMAGE_COMPLETE,
	EVENT_IMAGE_FAILED,
	EVENT_REFUSED,
	EVENT_WAITING,
	EVENT_BUDGET_SPENT,
	EVENT_OUTDATED,
	EVENT_EDITED,
	EVENT_MOUNTED,
	EVENT_UNMOUNTED,
	EVENT_IMPORTED,
	EVENT_QUEUED,
	EVENT_PAUSED,
	EVENT_RESUMED,
	EVENT_BUDGET_RAISED,
	EVENT_SERVER_WAITS,
	EVENT_LOOKS_FIXED,
	EVENT_CAST_SETTLED, /* who is one with whom */
	EVENT_FAILED,	    /* an errand; detail: which, and why */
	EVENT_TYPES
};
const char *store_event_name(
	enum store_event_type t); /* "analysisStarted" ..., as formats.md has them */

struct store_event {
	int64_t seq; /* grows, never used twice */
	int64_t time_unix_ms;
	enum store_event_type type;
	int chapter;	/* 0: none */
	char *id;	/* a concept's id, or NULL */
	char *provider; /* or NULL */
	char *detail;	/* an error, a file, what is waited for, how many concepts; or NULL */
};
void store_event_finish(struct store_event *e);

/* Calls fn on the loop after a commit of any process can be seen: once for many at a time. */
void store_on_change(struct store *s, void (*fn)(void *arg), void *arg);

/* The newest event's seq. Every commit that changes what a view shows writes one. */
int store_seq(int64_t *seq, struct store_reader *r);
/* Events after `after`, oldest first, at most max; fn's value other than 0 ends it, returned. */
int store_events(struct store_reader *r, int64_t after, int max,
		 int (*fn)(void *arg, const struct store_event *e), void *arg);
int tx_event(struct store_tx *tx,
	     const struct store_event *e); /* seq and time (if 0) are filled in */

/* ---- the book */

/* What was imported last, and whether the book file is still that: by size, mtime, inode, and only
 * if they differ by its hash. 1 current, 0 must be imported (again), <0 error. options_hash: what
 * of the settings changes an import (depth). */
int store_import_current(struct store *s, const char *options_key, struct err *err);
/* Is the book's file another than the one that was imported? 1 yes; 0 no, or nothing was; <0 it
 * cannot be told. Writes nothing. */
int store_book_changed(struct store *s, struct err *err);
/* What book_folder_hash gave for what was imported, or ""; and what it gives for what will be. */
int store_imported_hash(char hash[HASH_HEX], struct store_reader *r);
void store_folder_seen(struct store *s, int64_t inode, const char *hash);
/* Stores a book as the new generation; texts of older ones stay while results stand on them. */
int tx_import(struct store_tx *tx, const struct book *b, const char *options_key, struct err *err);
/* The book without its texts (text NULL, text_id set). Owned: book_free. -ENOENT: none yet. */
int store_book(struct book **out, struct store_reader *r);
int store_generation(int64_t *generation,
		     struct store_reader *r); /* changes with each import; 0 before the first */
int store_imported_at(int64_t *unix_ms, struct store_reader *r);
int store_text(struct buf *out, struct store_reader *r, int64_t text_id);

/* ---- work */

enum job_kind { JOB_ANALYZE, JOB_ILLUSTRATE };
enum job_state {
	STATE_NONE,
	STATE_PENDING,
	STATE_IN_PROGRESS,
	STATE_COMPLETED,
	STATE_FAILED,
	STATE_SKIPPED
};
const char *job_state_name(
	enum job_state s); /* "pending", "in_progress", ...; STATE_NONE is "pending" too */

/* What answers took: in a job all its attempts, in a result all that it took to have it. */
struct store_usage {
	int64_t requests;
	int64_t tokens_in, tokens_out; /* 0 where the server did not say */
	int64_t cost_micro;	       /* millionths, at the prices of then */
};

/* A job is one analysis of one text, or one picture of one concept. At most one of them that is not
 * ended exists for a text or concept and profile. A profile says with whom and how ("builtin",
 * "openai gpt-4o ..."): a process claims only jobs of the profiles it can do, so that a reader of
 * one mount never spends on another's account. */
struct store_job {
	int64_t id;
	enum job_kind kind;
	enum job_state state;
	int chapter; /* the (first) chapter that has this text now; 0 if none has */
	int64_t text_id;
	int64_t concept; /* illustrate: the concept's serial number NNN; else 0 */
	int scene;	 /* illustrate: 1.. */
	int errand;	 /* enum errand: it is this instead, about subject */
	char *subject;
	bool on_demand;
	char *profile;
	int attempts;
	int error_code; /* -errno of the last failure, or 0 */
	char *error;	/* its reason, or NULL */
	int64_t not_before_unix_ms;
	int64_t tokens;
	struct store_usage usage;
	int64_t started_unix_ms, ended_unix_ms;
	bool owner_alive; /* in_progress: is its owner? */
};
void store_job_finish(struct store_job *j);

/* Asks for an analysis of a chapter. Does nothing if such a job is queued or running (raises it to
 * on_demand, makes a waiting retry due), or, unless `again`, if a completed result stands. -ENOENT
 * no such chapter; -ENODATA front or back matter. *job_id (may be NULL) 0 if nothing is to do. */
struct wish {
	int chapter;
	const char *profile;
	bool on_demand, again;
	bool pictures;	  /* analysis: draw what it finds, whatever result_info says */
	int most;	  /* pictures: make at most so many jobs; 0: all */
	int64_t asked_by; /* pictures: for which process; 0: this one */
};
int tx_wish_analysis(int64_t *job_id, struct store_tx *tx, const struct wish *w);
/* Asks for the pictures of a chapter's concepts that have none (0: all); *count = jobs made. */
int tx_wish_pictures(int *count, struct store_tx *tx, const struct wish *w);
/* Puts failed jobs back to pending, attempts at 0; chapter 0: all. */
int tx_retry_failed(int *count, struct store_tx *tx, int chapter);
int tx_pause(struct store_tx *tx, bool paused); /* paused: on-demand work only, in every process */
int store_paused(bool *paused, struct store_reader *r);
/* Jobs that wait and whose profile no live process has, become ours. Called once at start. */
struct worker {
	enum job_kind kind;
	const char *profile;
	bool asks;	 /* takes errands to a server of texts */
	bool only_asked; /* takes what is wished by this process, or approved, nothing else */
};
int tx_adopt(struct store_tx *tx, const struct worker *w);

/* Claims the best job that is due: on-demand first, then by chapter and scene. A job whose owner is
 * dead counts as pending (its attempt is given back). 1 and *out owned (store_job_finish), 0 none,
 * <0 error. Writes analysisStarted or imageStarted. */
int tx_claim(struct store_job *out, struct store_tx *tx, enum job_kind kind, const char *profile);
/* Is there something to claim, without writing? *due_unix_ms: when the next becomes due (now or
 * earlier: at once), or INT64_MAX. Counts jobs of dead owners. */
int store_claimable(int64_t *due_unix_ms, struct store_reader *r, enum job_kind kind,
		    const char *profile);
/* Does somebody wait for one that is due? */
int store_demanded(bool *demanded, struct store_reader *r, enum job_kind kind, const char *profile);
/* How many are asked for and not ended, of those that this process may claim; errands aside. */
int store_open_jobs(int *count, struct store_reader *r, enum job_kind kind);

struct result_info {
	const char *provider, *model; /* "builtin", and which of its versions */
	const char *options;	      /* what else the result's key is made of */
	int prompt_version;
	const char *prompt;   /* illustrate: the final prompt; else NULL */
	const int64_t *looks; /* illustrate: the look lines in it, */
	size_t look_count;
	int64_t style;		   /* and the style; 0: none */
	int64_t completed_unix_ms; /* 0: now */
	const char *scene_hash;	   /* illustrate: concept_hash() of what is drawn; NULL: of the
				      scene as it is now */
	const char *image_profile; /* analyze: make illustrate jobs for this profile; NULL: none */
	bool only_wished;	   /* analyze: but only if a wish had `pictures` */
};
/* Ends a claim with its result. All in one transaction: the result, its concepts with their serial
 * numbers, the illustrate jobs, the event (conceptsReady, imageComplete). -ESTALE: the claim is no
 * longer ours (nothing is stored). */
int tx_analysis_done(struct store_tx *tx, int64_t job_id, const struct analysis *a,
		     const struct result_info *info);
/* ext: "png", "jpg", "webp". */
int tx_picture_done(struct store_tx *tx, int64_t job_id, const void *data, size_t len,
		    const char *ext, const struct result_info *info);
/* Results that somebody brings: no job was made for them and nobody is paid. 1 stored, 0 they were
 * there, byte for byte. Neither asks for pictures. */
int tx_bring_analysis(struct store_tx *tx, int64_t text_id, const struct analysis *a,
		      const struct result_info *info);
struct bytes {
	const void *data;
	size_t len;
	const char *ext; /* "png", "jpg", "webp" */
};
struct store_picture;
/* of: the scene it is of, by concept and scene. */
int tx_bring_picture(struct store_tx *tx, const struct store_picture *of, int64_t text_id,
		     const struct bytes *b, const struct result_info *info);
/* Ends an attempt. retry_at_unix_ms 0: final, the job is failed (code and reason stay readable);
 * else it is pending again until then. event: EVENT_ANALYSIS_FAILED, EVENT_IMAGE_FAILED,
 * EVENT_REFUSED, EVENT_WAITING. */
int tx_job_failed(struct store_tx *tx, int64_t job_id, int code, const char *reason,
		  int64_t retry_at_unix_ms, enum store_event_type event);
int tx_job_yield(struct store_tx *tx,
		 int64_t job_id); /* gives a claim back unfinished; the attempt does not count */
/* The same, not to be claimed before until_unix_ms (0: at once), with the reason why it waits. */
int tx_job_wait(struct store_tx *tx, int64_t job_id, int code, const char *reason,
		int64_t until_unix_ms);
/* Adds what an attempt took to its job. Before the claim ends: a result takes it over. */
int tx_job_spent(struct store_tx *tx, int64_t job_id, const struct store_usage *u);
/* Why this process begins nothing of this kind now; NULL: it does. After tx_adopt. */
int tx_rest(struct store_tx *tx, enum job_kind kind, const char *why);
/* What the processes that run say so; fn's value other than 0 ends it and is returned. */
int store_rests(struct store_reader *r, int (*fn)(void *arg, enum job_kind kind, const char *why),
		void *arg);

/* ---- servers: when they may be asked, for all processes of the book together
 *
 * origin: "https://api.example.org"; kind: what is asked for. */

/* For how long the server asked to be left alone from now on; 0: it did not. */
int store_server_wait(int64_t *wait_ms, struct store_reader *r, const char *origin,
		      enum job_kind kind);
/* Takes the next start, which is at at_boot_ms. */
struct server_start {
	const char *origin;
	enum job_kind kind;
	int64_t interval_ms;	/* to the start after this one */
	int64_t tokens_ms;	/* how long it takes to have as many tokens again; 0: no limit */
	int64_t lead_ms;	/* not before so long from now */
	int64_t most_ms;	/* farther away than this it is not taken */
	int64_t missed_boot_ms; /* instead of this one, which was ours; 0: none */
	int64_t at_boot_ms;	/* out */
};
int tx_server_start(struct server_start *s, struct store_tx *tx);
/* A start took more tokens than it was taken for, or fewer. */
int tx_server_tokens(struct store_tx *tx, const char *origin, enum job_kind kind, int64_t more_ms);
/* The server asked to be left alone: never shortens what it asked before. */
int tx_server_told(struct store_tx *tx, const char *origin, enum job_kind kind,
		   int64_t until_boot_ms);
/* Those that asked to be left alone until after after_unix_ms. fn as for store_events. */
int store_servers_told(struct store_reader *r, int64_t after_unix_ms,
		       int (*fn)(void *arg, const char *origin, enum job_kind kind,
				 int64_t until_unix_ms),
		       void *arg);

/* ---- results */

/* The best finished analysis of a chapter: a person's, the newest by a server, by builtin. */
struct store_analysis {
	int64_t id;
	int chapter;
	char *provider, *model, *options;
	int prompt_version;
	bool of_former; /* of the text that the chapter had before */
	int64_t completed_unix_ms;
	struct store_usage usage;
	struct analysis *analysis; /* decoded; NULL if not asked for */
	int64_t *serials;	   /* with it: [i] is of analysis->concepts[i]; owned */
};
void store_analysis_finish(struct store_analysis *a);
int store_analysis(struct store_analysis *out, struct store_reader *r, int chapter,
		   bool decode); /* -ENOENT */
/* Its id alone, for versions; 0 if there is none. */
int store_analysis_id(int64_t *id, struct store_reader *r, int chapter);

/* The cast: the catalogue (story.h) of all chapters' best analyses. It is kept from one look to the
 * next, so that only what changed is read again. One thread at a time. */
struct store_cast;
struct store_cast *store_cast_new(void);
struct store_cast *store_cast_free(struct store_cast *c);
DEFINE_CLEANUP(struct store_cast, store_cast_free)
/* As the store is now; the same if nothing changed. *out is borrowed until the next call. */
int store_cast_catalogue(const struct catalogue **out, struct store_cast *c,
			 struct store_reader *r);

/* Where a chapter stands: its newest job and its best analysis. */
struct store_state {
	enum job_state state; /* STATE_NONE: nobody asked; SKIPPED: front or back matter; COMPLETED:
				 a result stands */
	int64_t analysis_id;  /* 0: none */
	int concepts;
	int attempts;
	int error_code;
	char *error; /* of the newest job, if that failed or waits after a failure */
	int64_t not_before_unix_ms;
	int64_t tokens;
	struct store_usage usage; /* of the result, else of the newest job */
	int64_t changed_unix_ms;  /* of the newest job's last move, or the result's completion */
};
void store_state_finish(struct store_state *s);
int store_state(struct store_state *out, struct store_reader *r, int chapter);

/* The pictures of the best analyses' concepts: one row a concept, whether drawn or not. chapter 0:
 * all, in order of chapter and scene. fn's return value other than 0 ends it and is returned. */
struct store_picture {
	int64_t id;	 /* the finished picture's; 0: not there yet */
	int64_t concept; /* serial number */
	int chapter, scene;
	enum job_state state; /* STATE_NONE: not asked for */
	int attempts, error_code;
	const char *error;
	char ext[8]; /* "" while there is none */
	int64_t size_bytes;
	int64_t completed_unix_ms;
	const char *prompt;   /* the final one, once sent; or NULL */
	const char *outdated; /* why the picture is not as it would be drawn now; or NULL */
	bool waits_approval;  /* not asked for, and nobody approved it */
	bool asked_here;      /* pending: this process asked for it, or a person approved it */
	int64_t not_before_unix_ms;
	struct store_usage usage; /* of the picture, else of the newest job */
};
int store_pictures(struct store_reader *r, int chapter,
		   int (*fn)(void *arg, const struct store_picture *p), void *arg);
/* One of them: 0, or -ENOENT. Strings are borrowed until the next call on r. */
int store_picture(struct store_picture *out, struct store_reader *r, int chapter, int scene);
int store_picture_bytes(struct buf *out, struct store_reader *r, int64_t picture_id);
/* What pictures by this model took, of which its server said so: of so many all together. */
int store_picture_habit(struct store_usage *sum, int *count, struct store_reader *r,
			const char *provider, const char *model);
/* By serial number NNN, whatever analysis it belongs to now; -ENOENT. For
 * .illustrate.state/concept_NNN.json. */
int store_concept(struct store_picture *out, struct store_reader *r, int64_t concept);

/* ---- what persons decide (schema-4.sql)
 *
 * Each thing a person does is an edit: a row of the journal. What it makes is made by it, what it
 * takes away is hidden by it and stays, for it may have been paid for; undo hides the one and shows
 * the other again. None of these begins paid work by itself, tx_approve and tx_regenerate apart.
 * All write EVENT_EDITED. */

enum edit_kind {
	EDIT_CONCEPTS,	       /* a chapter's concepts.json was written */
	EDIT_CONCEPTS_REMOVED, /* it was removed: the chapter is pending again */
	EDIT_CONCEPTS_ANEW,    /* an analysis that was asked for took the place of an edit */
	EDIT_PICTURE_REMOVED,
	EDIT_ELEMENT, /* corrections of the catalogue */
	EDIT_STYLE,
	EDIT_PORTRAIT,
	EDIT_PORTRAIT_REMOVED,
	EDIT_APPROVED,
	EDIT_KINDS
};
const char *edit_kind_name(enum edit_kind k); /* "edited", "removed", ... a word for a list */
struct store_edit {
	int64_t id; /* grows, never used twice */
	int64_t time_unix_ms;
	enum edit_kind kind;
	int chapter;		/* 0: no chapter's */
	const char *subject;	/* a path of the mount: "chapters/9/concepts.json" */
	const char *detail;	/* a few words more, or "" */
	int64_t undone_unix_ms; /* 0: it stands */
};
/* The newest first, at most `most` (0: all). fn's value other than 0 ends it and is returned. */
int store_edits(struct store_reader *r, int most, int (*fn)(void *arg, const struct store_edit *e),
		void *arg);
/* Takes back the newest `most` edits that stand (0: all), the newest first. *count: how many. */
int tx_undo(int *count, struct store_tx *tx, int most);

/* A person's analysis of a chapter. Scenes that `a` has in common with the best one by number keep
 * their concept's serial number, pictures and jobs; those of others stay theirs, unseen. seen: the
 * id of the analysis that the person began from; -ESTALE if that is not the best any more; 0: any.
 * -ENOENT no such chapter; -ENODATA front or back matter. */
int tx_edit_analysis(struct store_tx *tx, int chapter, int64_t seen, const struct analysis *a);
/* Hides all analyses of a chapter's text. -ENOENT: there is none. */
int tx_remove_analysis(struct store_tx *tx, int chapter);
/* Hides all pictures of a scene. -ENOENT: it has none. */
int tx_remove_picture(struct store_tx *tx, int chapter, int scene);
/* Asks for a new picture of a scene that has one; the old one stays until then. w->chapter. */
int tx_regenerate(struct store_tx *tx, const struct wish *w, int scene);
/* Asks for the pictures of scenes that wait for approval: of one, or of all of w->chapter
 * (scene 0); *count = jobs made. -ENOENT no such chapter, scene, or no analysis yet. */
int tx_approve(int *count, struct store_tx *tx, const struct wish *w, int scene);
/* Of a chapter's scenes: are all approved? 1 yes, 0 no (or there are none). */
int store_approved(struct store_reader *r, int chapter);

/* All of them as one edit of subject. An element's fixed look goes with a correction of its
 * description, its merging into another, or its removal. */
int tx_correct(struct store_tx *tx, const char *subject, const struct corrections *list);
int store_corrections(struct corrections *out, struct store_reader *r); /* those that stand */

/* style.md. "" or NULL: none from now on. */
int tx_set_style(struct store_tx *tx, const char *body);
/* *id 0 and out empty: there is none. */
int store_style(struct buf *out, int64_t *id, struct store_reader *r);

#include "errand.h" /* and portraits */

/* ---- how elements look in all their pictures
 *
 * A look line is fixed when an element is first asked to be drawn, before the request leaves, so
 * that all its pictures have the same to the byte, whoever draws them. store_cast_catalogue brings
 * them with the entries. */
struct look {
	enum element_type type;
	const char *name;   /* of the entry */
	const char *line;   /* in: what to fix */
	const char *source; /* in: the book of the series that the line is of; NULL: this one */
	int64_t id;	    /* out: of the line that holds now, this or an earlier one */
};
int tx_fix_looks(struct store_tx *tx, struct look *looks, size_t count);

/* ---- a series: books that share how their cast looks (-o series=FILE)
 *
 * A SQLite file of its own with the look lines of all its books, each under the book that fixed it,
 * used by any number of processes at once. One thread at a time. */
struct series;
/* Makes the file if it is missing, and enters the book: by its identifier, else by its title. */
int series_open(struct series **out, const char *path, const struct book *b, struct err *err);
struct series *series_close(struct series *s);
DEFINE_CLEANUP(struct series, series_close)
/* How e looks in the earliest other book that has it: 1, *line and *from (title) owned; 0: none. */
int series_look(char **line, char **from, struct series *s, const struct catalogue_entry *e);
/* How e looks in this book. */
int series_put(struct series *s, const struct catalogue_entry *e, const char *line);
/* How e is to look, agreed with all books at once: 1 as the earliest other book has it, *line and
 * *from owned; 0 as no other has it, or a person says: *line is `own`, and is put, or what was put
 * of this book before. -ENOENT, -ESTALE: the file is not there any more, or another is. */
int series_agree(char **line, char **from, struct series *s, const struct catalogue_entry *e,
		 const char *own);
/* Puts all lines that this book fixed by itself, so that others have also what was drawn while it
 * was in no series. */
int series_share(struct series *s, struct store_reader *r);
const char *series_reason(const struct series *s, int code); /* borrowed until the next call */

struct store_totals {
	int chapters[STATE_SKIPPED + 1]; /* by job_state */
	int images[STATE_SKIPPED + 1];
	int64_t tokens;
	struct store_usage usage[2]; /* of all jobs there were, by job_kind */
	int running;		     /* jobs in progress whose owner lives */
};
int store_totals(struct store_totals *out, struct store_reader *r);
int store_tokens(int64_t *tokens, struct store_reader *r); /* totals.tokens, without the counting */
int store_spent(struct store_usage out[2], struct store_reader *r); /* totals.usage, likewise */
/* Jobs that are not ended and those that failed, in the order in which they would be done. */
int store_jobs(struct store_reader *r, int (*fn)(void *arg, const struct store_job *j), void *arg);

/* ---- the store written down (record.c), for an export that comes back whole
 *
 * A line of JSON each: the book's texts by their hashes, then all results with what made them, the
 * work that ended, and what happened. Work that waits is not in it, so nothing that is brought back
 * spends anything. Pictures are told by the hashes of their bytes. */

int store_record(struct store_reader *r, int (*fn)(void *arg, const char *line), void *arg);
/* All pictures and portraits there are, seen or not. fn as for store_events. */
struct picture_hash {
	int64_t id;
	const char *hash;
	bool portrait;
};
int store_picture_hashes(struct store_reader *r, int (*fn)(void *arg, const struct picture_hash *p),
			 void *arg);
int store_picture_hash_bytes(struct buf *out, struct store_reader *r, const struct picture_hash *p);
struct record {
	int (*line)(void *arg,
		    const char **line); /* 1 a line, borrowed until the next; 0 the end */
	/* What hashes to that; -ENOENT. */
	int (*bytes)(struct buf *out, void *arg, const char *hash);
	void *arg;
};
struct restored {
	int analyses, pictures; /* that were brought */
	int there;		/* that were there */
};
/* Brings it back into a store of the same texts, or nothing of it. One without results becomes what
 * was written down, to the row; others get the results that they lack. -ESTALE: it is of other
 * texts or another format of the store; -EBADMSG: it contradicts itself; -ENOENT: a picture is
 * missing. */
int tx_restore(struct restored *out, struct store_tx *tx, const struct record *from,
	       struct err *err);

#include "locks.h"

#endif
