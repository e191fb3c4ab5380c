/* SPDX-License-Identifier: MIT */
#ifndef RIG_H
#define RIG_H

/* What the tests of jobs stand on: a book in a store, a provider that can be slow, and a loop. */

#include "check.h"
#include "fixture.h"
#include "jobs.h"
#include "slowprovider.h"

/* A store, a loop, a slow provider and jobs; run until `until` says enough or the time is up. */
struct bench {
	struct fixture files;
	struct loop *loop;
	struct store *store;
	struct slow *slow;
	bool gated; /* set before: the provider's requests pass gates */
	struct gate *gates[2];
	struct jobs *jobs;
	bool (*until)(struct bench *b);
	struct timer *limit, *poll;
	bool late;
	int answers; /* wishes that came back */
	int last_result;
	char last_message[512];
	bool drained;
};

extern const struct jobs_settings usual;

void bench_open(struct bench *b, int chapters, struct slow_settings slow,
		struct jobs_settings jobs);
void bench_close(struct bench *b);
/* The steps of bench_open, for a test that has something to do between them. */
void open_store(struct bench *b);
void import_made(struct bench *b, int chapters);
void open_jobs(struct bench *b, struct slow_settings slow, const struct jobs_settings *jobs);

void close_jobs(struct bench *b);

/* Runs the loop until `until` says so; false: not within limit_ms. */
bool run_until(struct bench *b, bool (*until)(struct bench *b), int limit_ms);
bool idle(struct bench *b);
bool all_done(struct bench *b);
bool never(struct bench *b);

/* Callbacks, with the bench as their arg. */
void answered(void *arg, int result, const struct err *err);
void drained(void *arg);

struct store_totals totals(struct bench *b);
int analysed(struct bench *b);
int drawn(struct bench *b);

#endif
