/* SPDX-License-Identifier: MIT */
#ifndef JOBS_H
#define JOBS_H

/*
 * jobs: wishes become results. Wishes are rows in the store (tx_wish_*); this layer claims them,
 * asks the providers, and stores the answers. Two pipelines, analysing and illustrating, run side
 * by side, each with its slots; on-demand work goes first. What one process claims no other does.
 *
 * It keeps nothing that matters in memory: after a kill -9 the store alone says what is to be done.
 *
 * Threads: the loop's.
 */

#include "base.h"
#include "store.h"
#include "providers.h"

/* How often one server is asked; by its origin, for all processes on the book together. 0: as often
 * as it likes. */
struct limits {
	int requests_per_minute;
	int64_t tokens_per_minute;
	int64_t interval_ms; /* least time between two starts */
};
/* What a process may spend until "budget +N" says more; <0: as much as it takes. Costs are
 * millionths of the currency that the prices are in. */
struct budget {
	int64_t requests, tokens, images, cost_micro;
};
#define BUDGET_ENDLESS                                                                             \
	{                                                                                          \
		-1, -1, -1, -1                                                                     \
	}
struct prices { /* in millionths */
	int64_t per_million_in, per_million_out, per_image;
};

struct jobs_settings {
	int pages_per_image; /* 10 */
	bool images;	     /* draw what an analysis found; else what is asked for here, and what
				a person approved */
	bool only_asked;     /* analyse what is asked for here, nothing that others left */
	int max_attempts;    /* 3: tries before a job is failed */
	int image_width_px, image_height_px;
	struct limits limits[2]; /* by enum job_kind */
	struct prices prices[2];
	struct budget budget;
	struct gate *gates[2]; /* jobs_gate_new; NULL: no provider has one */
	struct series *series; /* borrowed, and used by a pool thread alone; NULL: it is in none */
	bool resolve;	       /* ask the provider of texts about doubts of the cast */
	const char *picture_words; /* scene_prompt.instructions; borrowed until jobs_free */
	bool in_turn; /* overlap=no: no picture before all that is asked for is analysed */
};

struct jobs;
/* text and image may be one provider; both are borrowed until jobs_free. Claims nothing before
 * jobs_start. */
int jobs_new(struct jobs **out, struct loop *loop, struct store *store, struct provider *text,
	     struct provider *image, const struct jobs_settings *settings, struct err *err);
struct jobs *jobs_free(struct jobs *j); /* cancels; what was claimed is given back */
DEFINE_CLEANUP(struct jobs, jobs_free)

void jobs_start(struct jobs *j);   /* recovery, then work */
void jobs_changed(struct jobs *j); /* the store changed (call it from store_on_change) */
/* Claims no more; calls done on the loop when nothing is in flight and all is stored (at once if so
 * already). */
void jobs_drain(struct jobs *j, void (*done)(void *arg), void *arg);
int jobs_in_flight(const struct jobs *j);
/* resolve=yes: may there still be something to ask when all is analysed? fn is called on the loop
 * when that is known. */
bool jobs_settling(const struct jobs *j);
void jobs_on_settled(struct jobs *j, void (*fn)(void *arg), void *arg);
/* The store takes nothing at present (a full disk): results are held and tried again. */
bool jobs_stuck(const struct jobs *j);

/* What this process has spent and may still spend, and whether it waits for a budget or for a
 * server; for status. */
struct spending {
	struct budget spent, left;
	bool exhausted;		     /* nothing is asked before "budget +N" */
	int64_t waits_until_unix_ms; /* a server asked to be left alone until then; 0: none did */
};
void jobs_spending(struct spending *out, const struct jobs *j);
/* 0, or -EDQUOT: the budget is spent for this kind of work, and nothing of it is begun. */
int jobs_rests(const struct jobs *j, enum job_kind kind, struct err *why);
/* What is not done yet would take: chapters without an analysis, concepts without a picture, and
 * the pictures that analyses still to come will ask for. Asks no server, writes nothing. */
struct estimate {
	int chapters, pictures;	  /* jobs */
	int errands;		  /* likewise */
	int unsure;		  /* of them: about doubts, of which nobody knows yet whether there
				     are any */
	struct usage text, image; /* exact in requests, with those that are unsure */
	int64_t cost_micro;
};
struct estimate_scope {
	const bool *chapters; /* [number - 1]: those that count; NULL: all */
	bool images;	      /* with pictures, */
	int most;	      /* at most so many; 0: all */
};
int jobs_estimate(struct estimate *out, struct jobs *j, const struct estimate_scope *scope,
		  struct err *err);
/* What lets the requests of one kind of this process go. Providers are given it, and jobs_new is
 * told of it, which brings limits and budget. */
struct gate *jobs_gate_new(struct loop *loop, struct store *store, enum job_kind kind);
struct gate *jobs_gate_free(struct gate *g); /* after the provider and the jobs */

/* With whom analyses and pictures of this process are made: the profile that wishes carry. Borrowed
 * until jobs_free. */
const char *jobs_profile(const struct jobs *j, enum job_kind kind);
/* What else the key of such a result is made of (result_info.options); for view_settings. Borrowed
 * until jobs_free. */
const char *jobs_options(const struct jobs *j, enum job_kind kind);
const struct jobs_settings *jobs_settings(const struct jobs *j);

/* Convenience over store_write: a reader's or a command's wish, with this process's profiles. done
 * may be NULL. */
void jobs_wish_analysis(struct jobs *j, int chapter, bool on_demand, bool again, store_done_fn done,
			void *arg);
/* All story chapters; with pictures if settings say so. */
void jobs_wish_all(struct jobs *j, store_done_fn done, void *arg);
/* chapter 0: of all; most 0: all of them. */
void jobs_wish_pictures(struct jobs *j, int chapter, int most, store_done_fn done, void *arg);

/* Commands of .bookfs/ctl, one a line, all done or none: "analyze 9", "analyze all", "illustrate
 * 9", "illustrate all", "retry failed", "pause", "resume", "budget +50 [requests]", "budget +50
 * images", "budget +100000 tokens", "budget +1.50 cost". "budget +50" alone raises the requests, or
 * where only pictures have an end those; it is this process's budget. done gets 0, or -EINVAL with
 * a line that says what is wrong and what is allowed, -ENOENT no such chapter. */
void jobs_command(struct jobs *j, const char *line, size_t len, store_done_fn done, void *arg);

#endif
