/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <stdio.h>

static void changed(void *arg)
{
	struct bench *b = arg;
	if (b->jobs)
		jobs_changed(b->jobs);
}

static void out_of_time(void *arg)
{
	struct bench *b = arg;
	b->late = true;
	loop_stop(b->loop);
}

static void look(void *arg)
{
	struct bench *b = arg;
	if (b->until(b))
		loop_stop(b->loop);
	else
		timer_set(b->poll, clock_boot_ms() + 2);
}

bool run_until(struct bench *b, bool (*until)(struct bench *b), int limit_ms)
{
	b->until = until;
	b->late = false;
	timer_set(b->limit, clock_boot_ms() + limit_ms);
	timer_set(b->poll, clock_boot_ms());
	loop_run(b->loop);
	timer_stop(b->limit);
	timer_stop(b->poll);
	return !b->late;
}

void open_jobs(struct bench *b, struct slow_settings slow, const struct jobs_settings *jobs)
{
	struct err err = {0};
	struct jobs_settings settings = *jobs;
	for (int kind = JOB_ANALYZE; b->gated && kind <= JOB_ILLUSTRATE; kind++)
		b->gates[kind] = slow.gates[kind] = settings.gates[kind] =
			jobs_gate_new(b->loop, b->store, (enum job_kind)kind);
	b->slow = slow_new(b->loop, &slow);
	CHECK_INT(jobs_new(&b->jobs, b->loop, b->store, &b->slow->provider, &b->slow->provider,
			   &settings, &err),
		  0);
	jobs_start(b->jobs);
}

void open_store(struct bench *b)
{
	struct err err = {0};
	CHECK_INT(loop_new(&b->loop, 2), 0);
	CHECK_INT(fixture_open(&b->store, &b->files, b->loop, &err), 0);
	store_on_change(b->store, changed, b);
	b->limit = timer_new(b->loop, out_of_time, b);
	b->poll = timer_new(b->loop, look, b);
}

void import_made(struct bench *b, int chapters)
{
	struct book *book = make_book(chapters, 0);
	CHECK_INT(import_book(b->store, book), 0);
	free_book(book);
}

const struct jobs_settings usual = {
	.pages_per_image = 1, /* the fixture's chapters have two pages: two scenes */
	.images = true,
	.max_attempts = 3,
	.image_width_px = 64,
	.image_height_px = 64,
	.budget = BUDGET_ENDLESS,
};

void bench_open(struct bench *b, int chapters, struct slow_settings slow, struct jobs_settings jobs)
{
	*b = (struct bench){.gated = b->gated};
	fixture_init(&b->files);
	open_store(b);
	import_made(b, chapters);
	open_jobs(b, slow, &jobs);
}

void close_jobs(struct bench *b)
{
	b->jobs = jobs_free(b->jobs);
	b->slow = slow_free(b->slow);
	for (size_t i = 0; i < ARRAY_LEN(b->gates); i++)
		b->gates[i] = jobs_gate_free(b->gates[i]);
}

void bench_close(struct bench *b)
{
	close_jobs(b);
	CHECK_INT(check_store(b->store), 0);
	b->poll = timer_free(b->poll);
	b->limit = timer_free(b->limit);
	b->store = store_close(b->store);
	b->loop = loop_free(b->loop);
	fixture_finish(&b->files);
}

void answered(void *arg, int result, const struct err *err)
{
	struct bench *b = arg;
	b->answers++;
	b->last_result = result;
	snprintf(b->last_message, sizeof(b->last_message), "%s", result < 0 ? err->msg : "");
}

struct store_totals totals(struct bench *b)
{
	struct store_totals t = {0};
	CHECK_INT(store_totals(&t, store_reader(b->store)), 0);
	return t;
}

int analysed(struct bench *b)
{
	return totals(b).chapters[STATE_COMPLETED];
}

int drawn(struct bench *b)
{
	return totals(b).images[STATE_COMPLETED];
}

bool idle(struct bench *b)
{
	struct store_totals t = totals(b);
	return jobs_in_flight(b->jobs) == 0 && !t.chapters[STATE_PENDING] &&
	       !t.chapters[STATE_IN_PROGRESS] && !t.images[STATE_PENDING] &&
	       !t.images[STATE_IN_PROGRESS];
}

bool all_done(struct bench *b)
{
	return b->answers && analysed(b) && idle(b);
}

void drained(void *arg)
{
	struct bench *b = arg;
	b->drained = true;
	loop_stop(b->loop);
}

bool never(struct bench *b)
{
	return false;
}
