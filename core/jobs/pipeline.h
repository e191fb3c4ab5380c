/* SPDX-License-Identifier: MIT */
#ifndef PIPELINE_H
#define PIPELINE_H

/*
 * Private to jobs. A pipeline is one kind of work with its slots; a task is one claim on its way
 * from the store through a provider and back.
 *
 *	claim -> begin -> pipeline_ready -> ask -> pipeline_answer or pipeline_fail -> stored -> end
 *
 * A slot is taken from the asking until the provider answered. Some tasks are claimed and prepared
 * ahead, so that a slot's next request leaves the moment it is free: a claim and the storing of an
 * answer are syncs of the disk, and a provider waits for neither. Until its result is stored a task
 * is never dropped: a full disk is waited out.
 */

#include <stdatomic.h>

#include "budget.h"
#include "likeness.h"
#include "jobs.h"
#include "settle.h"

struct preparation;

#define RETRIES_MOST 10 /* before something succeeds: pipeline.c */

struct task {
	struct pipeline *pipeline;
	const struct pipeline_ops *ops;
	struct task *next;
	struct store_job job;
	struct provider_ticket *ticket; /* while the provider works on it */
	bool open;			/* there is no answer yet */
	bool ready;			/* waits for a slot */
	bool asking;			/* holds a slot */
	bool answered;			/* to be stored when no claim is before it */
	bool writing;			/* its closure is with the writer */
	bool unprepared;		/* what is sent is to be made (preparation.h) */
	char *book_title, *language, *chapter_title;

	struct buf text;	       /* analyze: the chapter */
	int scenes;		       /* analyze: wanted */
	struct analysis *analysis;     /* analyze: the answer; a portrait: its one scene */
	struct questioning *question;  /* an errand to a server of texts */
	struct store_analysis source;  /* illustrate: what the concept is a part of */
	struct buf prompt;	       /* illustrate: the final one, */
	int64_t looks[SCENE_ELEMENTS]; /* the look lines in it, */
	size_t look_count;
	int64_t style;		      /* and the style; 0: none */
	struct likenesses likenesses; /* illustrate: portraits that go along */
	struct buf picture;	      /* illustrate: the answer */
	char ext[8];

	int code; /* 0: there is an answer to store; else a failure to store */
	struct err why;
	int64_t retry_at_unix_ms;
	bool waits; /* code < 0: it did not fail, it could not be asked; no attempt is used up */
	struct store_usage usage;
	enum store_event_type event;
	int store_failures;
	struct timer *store_again;
};

struct pipeline_ops {
	const char *noun; /* in messages */
	enum store_event_type failed;
	/* Prepares; ends in pipeline_ready or pipeline_fail. c is borrowed until it returns. */
	void (*begin)(struct task *t, const struct book_chapter *c);
	/* In the pool, for those that begin with preparation_begin. */
	int (*prepare)(struct preparation *p, struct err *err);
	void (*ask)(struct task *t);  /* ends in pipeline_answer or pipeline_fail */
	store_work_fn store;	      /* writes the answer; arg is the task */
	void (*idle)(struct jobs *j); /* the last task of the line ended; or NULL */
};
extern const struct pipeline_ops analyze_ops, paint_ops, portrait_ops, doubts_ops, style_ops;

struct questioning;
void questioning_free(struct questioning *q); /* question.c */

struct pipeline {
	struct jobs *jobs;
	const struct pipeline_ops *ops;
	enum job_kind kind;
	struct provider *provider;
	int slots;
	char *profile, *options;
	/* What the writer reads of the provider, who may be gone by then. */
	char *provider_name, *model;
	bool asks;
	struct task *tasks;
	int open;	/* tasks that have no answer yet */
	int asking;	/* those of them that hold a slot */
	int claiming;	/* tasks that claims under way may bring */
	bool dry;	/* the last claim found less than it had room for */
	unsigned epoch; /* of the store's changes, to see whether one came during a claim */
	struct timer *due;
	int claim_failures;
	int retries; /* that may still be made before something succeeds */
	bool rests;  /* its budget is spent */
	struct err why_rests;
};

struct cast;

struct jobs {
	struct loop *loop;
	struct store *store;
	struct jobs_settings settings;
	struct purse purse;
	struct pipeline lines[2]; /* by enum job_kind */
	struct timer *tick;
	bool tick_set;
	struct book *book; /* without texts; of `generation` */
	int64_t generation;
	struct cast *cast;
	struct preparation *preparation; /* one is being made, with the cast */
	struct settling settling;
	unsigned jitter;
	bool started, draining, paused;
	void (*drained)(void *arg);
	void *drained_arg;
	int adopt_failures; /* since jobs_start */
	int writes;	    /* closures with the writer, and work in the pool */
	int unstored;	    /* tasks that wait to store again */
	atomic_bool closed; /* jobs_free was called: the writer claims no more for us */
};

/* Around every closure given to the writer or the pool: jobs lives until the last came back. */
struct jobs *jobs_hold(struct jobs *j);
void jobs_release(struct jobs *j);
/* The book as it is now; borrowed until the next call. */
int jobs_book(struct book **out, struct jobs *j);
/* Half to one and a half of what doubles from base_ms with each failure, at most cap_ms. */
int64_t jobs_backoff(struct jobs *j, int64_t base_ms, int64_t cap_ms, int failures);

void jobs_look_again(struct jobs *j); /* in a second */

/* spending.c. What a request may take at most; pays for it, or begins a rest; what it took. */
struct budget jobs_price(const struct jobs *j, enum job_kind kind, int64_t tokens);
enum purse_answer jobs_pay(struct jobs *j, enum job_kind kind, const struct budget *want,
			   struct err *why);
void jobs_settle(struct jobs *j, const struct budget *held, const struct budget *took);
/* Is there enough for the least request? If not for now jobs are pumped again, else it rests. */
bool jobs_can_pay(struct jobs *j, enum job_kind kind);
void jobs_raise(struct jobs *j, const struct budget *by);

void pipeline_init(struct pipeline *p, struct jobs *j, enum job_kind kind, struct provider *pr);
void pipeline_finish(struct pipeline *p);
void pipeline_pump(struct pipeline *p);
/* Prepared tasks that are not to be asked now (a pause, a rest, the end) go back to the store. */
void pipeline_yield(struct pipeline *p);
/* overlap=no: are there analyses for the pictures to wait for? */
bool pipeline_in_turn(const struct jobs *j);
void pipeline_leave(struct pipeline *p); /* jobs_free: every task that can go goes */
void pipeline_ready(struct task *t);
/* The answer is in the task. */
void pipeline_answer(struct task *t, const struct provider_outcome *outcome);
void pipeline_fail(struct task *t, const struct provider_outcome *outcome);
/* What all results of a pipeline have in common. */
struct result_info pipeline_result(const struct pipeline *p);
void task_drop(struct task *t); /* of a closed jobs: unlinks and frees it */

/* paint.c: of a picture and of a portrait. */
void paint_answered(void *arg, const struct provider_outcome *outcome, const void *data, size_t len,
		    const char *ext);

#endif
