/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "jobs.h"
#include "slowprovider.h"

/*
 * bench_jobs [LATENCY_MS [SLOTS [CHAPTERS]]]: a whole book against a server of fixed latency.
 * Prints what it took, the bound that slots and dependencies set, and took / bound. The bound: the
 * first analysis, then the pictures in their slots; the other analyses run beside them. And how
 * long after the first concepts were committed the first picture was asked for.
 */

#define SCENES 2 /* a chapter of the fixture has two pages */

struct run {
	struct loop *loop;
	struct store *store;
	struct slow *slow;
	struct jobs *jobs;
	int pictures;			      /* wanted */
	int64_t began_us, ready_us, ended_us; /* ready: concepts are seen to be committed */
};

static void changed(void *arg)
{
	struct run *r = arg;
	struct store_totals t;
	if (!r->jobs)
		return;
	if (!r->ready_us && store_totals(&t, store_reader(r->store)) == 0 &&
	    t.chapters[STATE_COMPLETED])
		r->ready_us = clock_mono_us();
	jobs_changed(r->jobs);
	if (r->slow->paints < r->pictures || store_totals(&t, store_reader(r->store)) < 0 ||
	    t.images[STATE_COMPLETED] < r->pictures)
		return;
	r->ended_us = clock_mono_us();
	loop_stop(r->loop);
}

static int prepare(struct run *r, const struct fixture *f, int chapters, struct err *err)
{
	struct book *book = make_book(chapters, 0);
	int rc = loop_new(&r->loop, 2);
	if (rc == 0)
		rc = fixture_open(&r->store, f, r->loop, err);
	if (rc == 0)
		rc = import_book(r->store, book);
	free_book(book);
	return rc;
}

static int whole_book(struct run *r, const struct slow_settings *slow, struct err *err)
{
	static const struct jobs_settings settings = {.pages_per_image = 1,
						      .images = true,
						      .max_attempts = 3,
						      .image_width_px = 64,
						      .image_height_px = 64,
						      .budget = BUDGET_ENDLESS};
	r->slow = slow_new(r->loop, slow);
	int rc = jobs_new(&r->jobs, r->loop, r->store, &r->slow->provider, &r->slow->provider,
			  &settings, err);
	if (rc < 0)
		return rc;
	store_on_change(r->store, changed, r);
	jobs_start(r->jobs);
	r->began_us = clock_mono_us();
	jobs_wish_all(r->jobs, NULL, NULL);
	return loop_run(r->loop);
}

static void finish(struct run *r)
{
	r->jobs = jobs_free(r->jobs);
	slow_free(r->slow);
	store_close(r->store);
	loop_free(r->loop);
}

static int number(int argc, char **argv, int i, int otherwise)
{
	int n = argc > i ? atoi(argv[i]) : 0;
	return n > 0 ? n : otherwise;
}

int main(int argc, char **argv)
{
	int latency_ms = number(argc, argv, 1, 200), slots = number(argc, argv, 2, 4);
	int chapters = number(argc, argv, 3, 40);
	const struct slow_settings slow = {.latency_ms = latency_ms,
					   .analyze_slots = slots,
					   .paint_slots = slots,
					   .picture_bytes = 500000};
	struct run r = {.pictures = (chapters - 2) * SCENES};
	struct fixture f;
	struct err err = {0};
	fixture_init(&f);
	int rc = prepare(&r, &f, chapters, &err);
	if (rc == 0)
		rc = whole_book(&r, &slow, &err);
	if (rc < 0)
		fprintf(stderr, "bench_jobs: %s\n", err.msg[0] ? err.msg : strerror(-rc));
	double first_ms = (double)(r.slow->started_us[1][0] - r.ready_us) / 1000;
	finish(&r);
	fixture_finish(&f);
	double took_ms = (double)(r.ended_us - r.began_us) / 1000;
	double bound_ms = (double)latency_ms * (1 + (r.pictures + slots - 1) / slots);
	printf("latency_ms %d slots %d chapters %d took_ms %.0f bound_ms %.0f ratio %.3f"
	       " first_picture_ms %.2f\n",
	       latency_ms, slots, chapters, took_ms, bound_ms, took_ms / bound_ms, first_ms);
	return rc < 0;
}
