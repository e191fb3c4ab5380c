/* SPDX-License-Identifier: MIT */
#ifndef STORE_ERRAND_H
#define STORE_ERRAND_H

/*
 * A part of store.h, which brings it: what the book as a whole is asked for besides analyses and
 * pictures of scenes, and what comes of it. An errand is a job like any other, claimed once and
 * paid once.
 */

enum errand {
	ERRAND_NONE,
	ERRAND_DOUBTS,	       /* who of the cast may be one with whom; subject: of which cast */
	ERRAND_STYLE,	       /* a style, by the first chapters */
	ERRAND_STYLE_PICTURES, /* and by the first pictures */
	ERRAND_PORTRAIT,       /* subject: whose, "characters/Ida" */
	ERRANDS
};
/* "the portrait of Ida", "doubts of the cast": for a line. Owned. */
char *errand_words(enum errand e, const char *subject);

struct errand_wish {
	enum errand errand;
	const char *subject; /* or "" */
	const char *profile;
	bool on_demand;
	bool again; /* also what was asked for before */
};
/* Asks for it, unless it is asked for; *job_id (may be NULL) 0: it was before. -ENOENT: the book
 * has no chapter. */
int tx_wish_errand(int64_t *job_id, struct store_tx *tx, const struct errand_wish *w);
/* Of an element by its name or an alias, as the cast has it; type NULL: of any. -ENODATA: nobody is
 * called so; -EEXIST: it has a person's own picture, which nothing takes the place of. */
int tx_wish_portrait(struct store_tx *tx, const enum element_type *type, const char *name,
		     const char *profile, struct err *err);
/* Was it ever asked for? */
int store_errand_known(bool *known, struct store_reader *r, enum errand e, const char *subject);
/* Those that are not ended and those that failed. fn's value other than 0 ends it and is returned.
 */
int store_errands(struct store_reader *r, int (*fn)(void *arg, const struct store_job *j),
		  void *arg);

/* ---- doubts of the cast (story.h, catalogue_doubts)
 *
 * What a server answered holds as corrections do, in the order of time, and a person's word goes
 * over it: what a person has decided by then, or decides later, stands. */

/* Ends a claim. Of verdicts those that no correction decides. */
int tx_doubts_done(struct store_tx *tx, int64_t job_id, struct corrections *verdicts);
/* Corrections and verdicts, in the order in which they hold. */
int store_decided(struct corrections *out, struct store_reader *r);
/* What the cast is merged from, to tell one cast from another: of the best analyses. *whole: every
 * chapter has one. */
int store_cast_key(char out[HASH_HEX], bool *whole, struct store_reader *r);
/* When it may have become another; cheap. */
struct cast_moment {
	int64_t analyses, edits, undone, verdicts, generation;
	int64_t looks; /* how many lines hold */
};
int store_cast_moment(struct cast_moment *out, struct store_reader *r);
/* Of two look lines that turned out to be one element's the later loses, and pictures with it are
 * outdated; one that has no other beside it any more holds again. Is there something to do? Any
 * thread, with a catalogue as it is now. */
int store_looks_unsettled(bool *out, const struct catalogue *c, struct store_reader *r);
int tx_settle_looks(struct store_tx *tx);

/* ---- style.md, proposed: ends a claim */
int tx_style_done(struct store_tx *tx, int64_t job_id, const char *body);

/* ---- portraits: pictures of how elements look */

struct store_portrait {
	int64_t id;
	enum element_type type;
	const char *name; /* of the element, as it was called then */
	char ext[8];
	const char *prompt; /* it was drawn by; NULL: it is a person's own */
	int64_t size_bytes, made_unix_ms;
};
int tx_set_portrait(struct store_tx *tx, enum element_type type, const char *name,
		    const struct bytes *b);
int tx_remove_portrait(struct store_tx *tx, int64_t id); /* -ENOENT */
/* Ends a claim: the portrait of whom the job's subject names now. Where a person has brought one
 * meanwhile that stays, and this one is kept as if it had been undone. */
int tx_portrait_done(struct store_tx *tx, int64_t job_id, const struct bytes *b,
		     const struct result_info *info);
int store_portraits(struct store_reader *r, int (*fn)(void *arg, const struct store_portrait *p),
		    void *arg);
int store_portrait_bytes(struct buf *out, struct store_reader *r, int64_t id);
/* "characters/Ida": whom it names in a catalogue; NO_ENTRY. */
size_t errand_sitter(const struct catalogue *c, const char *subject);
/* Whose of the catalogue's entries a thing is that was called so then; of another type too, if
 * there is none of its own. NO_ENTRY. */
size_t catalogue_owner(const struct catalogue *c, enum element_type type, const char *name);

#endif
