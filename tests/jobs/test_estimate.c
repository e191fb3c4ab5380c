/* SPDX-License-Identifier: MIT */
#include "rig.h"

/* What an estimate learns from the answers that are there. */

static const struct estimate_scope whole = {.images = true};

/* Estimated are 50 tokens in and 50 out, for chapters and pictures alike. */
static void talkative(struct provider_outcome *o, void *arg, const struct slow_call *call)
{
	o->usage = call->paint ? (struct usage){1, 30, 1000} : (struct usage){1, 100, 400};
}

static bool three_analysed(struct bench *b)
{
	return analysed(b) == 3 && jobs_in_flight(b->jobs) == 0;
}

static bool one_drawn(struct bench *b)
{
	return drawn(b) == 1 && jobs_in_flight(b->jobs) == 0;
}

static struct estimate estimate_of(struct bench *b, const struct estimate_scope *scope)
{
	struct estimate e = {0};
	struct err err = {0};
	CHECK_INT(jobs_estimate(&e, b->jobs, scope, &err), 0);
	return e;
}

static void check_usage(const struct usage *u, int requests, int64_t in, int64_t out)
{
	CHECK_INT(u->requests, requests);
	CHECK_INT(u->tokens_in, in);
	CHECK_INT(u->tokens_out, out);
}

/* Three of six chapters are there. */
static void open_with_three(struct bench *b)
{
	struct jobs_settings s = usual;
	s.images = false;
	bench_open(b, 8, (struct slow_settings){.tokens = 100, .script = talkative}, s);
	struct estimate e = estimate_of(b, &whole);
	check_usage(&e.text, 6, 6 * 50, 6 * 50);
	check_usage(&e.image, 12, 12 * 50, 12 * 50);
	for (int chapter = 3; chapter < 6; chapter++)
		jobs_wish_analysis(b->jobs, chapter, true, false, answered, b);
	CHECK(run_until(b, three_analysed, 10000));
}

/* What was expected counts as half an answer beside those that are there. */
static void test_habits(void)
{
	struct bench b = {0};
	open_with_three(&b);
	struct estimate e = estimate_of(&b, &whole);
	check_usage(&e.text, 3, 3 * 93, 3 * 350); /* 50 * 325 / 175, 50 * 1225 / 175 */
	check_usage(&e.image, 12, 12 * 50, 12 * 50);
	jobs_wish_pictures(b.jobs, 3, 1, answered, &b);
	CHECK(run_until(&b, one_drawn, 10000));
	e = estimate_of(&b, &whole);
	check_usage(&e.image, 11, 11 * 30, 11 * 1000);
	bench_close(&b);
}

/* Another model has habits of its own. */
static void test_another_model(void)
{
	struct bench b = {0};
	open_with_three(&b);
	close_jobs(&b);
	open_jobs(&b, (struct slow_settings){.model = "slow-2", .tokens = 100}, &usual);
	struct estimate e = estimate_of(&b, &whole);
	check_usage(&e.text, 3, 3 * 50, 3 * 50);
	bench_close(&b);
}

int main(void)
{
	test_habits();
	test_another_model();
	return check_result();
}
