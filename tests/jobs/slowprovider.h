/* SPDX-License-Identifier: MIT */
#ifndef SLOWPROVIDER_H
#define SLOWPROVIDER_H

/* A provider for tests: answers after a fixed time, fails where its script says so, and counts. */

#include "providers.h"

struct slow_call {
	bool paint, ask;
	int chapter, scene; /* scene 0: an analysis */
	int number;	    /* which call of its kind this is, 1.. */
	int attempt;	    /* which call for this chapter and scene, 1.. */
};

struct slow_settings {
	const char *model; /* NULL: slow-1 */
	int latency_ms;
	int analyze_slots, paint_slots;
	struct gate *gates[2]; /* by paint; NULL: everything goes at once */
	int64_t tokens;	       /* that each answer takes, and is estimated to; half of them out */
	size_t picture_bytes;  /* at least so large; 0: the smallest PNG there is */
	const char *also;      /* another character, from chapter 4 on; NULL: none */
	const char *says;      /* the answer to each question; NULL: it answers none */
	int held;	       /* this analysis ends when a picture is being drawn; 0: none does */
	/* Fills *o for a call that shall fail; NULL: none does. */
	void (*report)(struct gate_report *r,
		       const struct slow_call *call); /* more of it; or NULL */
	void (*script)(struct provider_outcome *o, void *arg, const struct slow_call *call);
	void *arg;
};

/* What it saw. Read it as a struct provider by its first member. */
struct slow {
	struct provider provider;
	struct slow_settings settings;
	struct loop *loop;
	struct provider_ticket *open;
	int analyses, paints, asks; /* calls so far */
	int requests[2];	    /* that were let go, by paint */
	int64_t started_us[2][256];
	int analyzing, painting;
	int most_analyzing, most_painting, most_both; /* at one time */
	int64_t paint_busy_us, paint_moved_us;	      /* slots times time; its last change */
	int order[256];				      /* chapters, as analyses were asked for */
	int attempts[128][8];			      /* by chapter and scene, modulo */
	char last_prompt[512];			      /* the beginning of the last picture's */
	char last_question[4096];
	size_t last_references, last_pictures; /* that went along */
};
struct slow *slow_new(struct loop *loop, const struct slow_settings *settings);
struct slow *slow_free(struct slow *s);

#endif
