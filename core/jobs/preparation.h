/* SPDX-License-Identifier: MIT */
#ifndef PREPARATION_H
#define PREPARATION_H

/*
 * Private to jobs. What is sent for a picture or an errand names people as the whole book describes
 * them, so it needs the catalogue of all analyses. Reading and merging those takes milliseconds the
 * loop does not have: it is done in the pool, for one task after the other, and only what changed
 * since the last is read again. While nothing is painted nothing of it is kept. The store may be
 * closed when jobs are gone, so preparation_leave() waits for the one that a thread is at.
 */

#include <semaphore.h>

#include "pipeline.h"

struct cast {
	struct store_reader *reader;
	struct store_cast *kept;
};

struct preparation {
	struct jobs *jobs;
	struct task *task; /* NULL: it looks at the cast alone (settle.c) */
	bool gone;	   /* nobody waits for it any more */
	atomic_int phase;
	sem_t worked;
	struct store *store;
	struct paint_limits limits; /* as they were on the loop: a refusal lowers them */
	struct cast *cast;
	struct look looks[SCENE_ELEMENTS]; /* to be fixed first; its strings are owned */
	size_t look_count;
	int rounds;
	struct settlement settlement;
	struct provider_outcome outcome;
};

/* A task's `begin`: calls its ops' prepare in the pool, fixes the looks that it proposes and calls
 * it once more; ends in pipeline_ready or pipeline_fail. */
void preparation_begin(struct task *t, const struct book_chapter *c);
void preparation_next(struct jobs *j);	/* looks for what is to be prepared */
void preparation_idle(struct jobs *j);	/* nothing is painted any more */
void preparation_leave(struct jobs *j); /* jobs_free: before the tasks go */

/* In the pool. The reader, opened if need be. */
int preparation_reader(struct preparation *p, struct err *err);
/* Those of the catalogue whose look is not fixed are proposed to be: then there is a next round. */
int preparation_looks(struct preparation *p, const struct catalogue *c, const size_t *entries,
		      size_t count, struct err *err);

#endif
