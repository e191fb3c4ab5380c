/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "rig.h"

/* Limits, budgets and retries, with a provider whose requests pass the gates. */

static struct bench gated_bench(void)
{
	return (struct bench){.gated = true};
}

static struct spending spending_of(struct bench *b)
{
	struct spending s;
	jobs_spending(&s, b->jobs);
	return s;
}

static bool spent(struct bench *b)
{
	return spending_of(b).exhausted && jobs_in_flight(b->jobs) == 0;
}

static void command(struct bench *b, const char *line)
{
	b->answers = 0;
	jobs_command(b->jobs, line, strlen(line), answered, b);
}

static bool heard(struct bench *b)
{
	return b->answers > 0;
}

static void command_done(struct bench *b, const char *line)
{
	command(b, line);
	CHECK(run_until(b, heard, 5000));
	CHECK_INT(b->last_result, 0);
}

static int requests(const struct bench *b)
{
	return b->slow->requests[0] + b->slow->requests[1];
}

static int untouched(void *arg, const struct store_job *j)
{
	int *count = arg;
	CHECK_INT(j->state, STATE_PENDING);
	CHECK_INT(j->attempts, 0);
	++*count;
	return 0;
}

static int pending(struct bench *b)
{
	int count = 0;
	CHECK_INT(store_jobs(store_reader(b->store), untouched, &count), 0);
	return count;
}

static int rest_found(void *arg, enum job_kind kind, const char *why)
{
	struct bench *b = arg;
	snprintf(b->last_message, sizeof(b->last_message), "%s", why);
	return 1;
}

/* ---- budgets */

static bool rest_stored(struct bench *b)
{
	b->last_message[0] = '\0';
	store_rests(store_reader(b->store), rest_found, b);
	return b->last_message[0] && spent(b);
}

static void test_requests(void)
{
	struct bench b = gated_bench();
	struct jobs_settings three = usual;
	struct err why = {0};
	three.budget.requests = 3;
	bench_open(&b, 8, (struct slow_settings){.latency_ms = 5}, three);
	jobs_wish_all(b.jobs, answered, &b);
	CHECK(run_until(&b, rest_stored, 10000));
	CHECK_STR(b.last_message, "the budget is spent: max_requests=3");
	CHECK_INT(requests(&b), 3);
	CHECK_INT(pending(&b), 3 + 6); /* of 6 chapters; and what the analysed ones want drawn */
	CHECK_INT(jobs_rests(b.jobs, JOB_ANALYZE, &why), -EDQUOT);
	CHECK_STR(why.msg, "the budget is spent: max_requests=3");
	CHECK_INT(spending_of(&b).spent.requests, 3);
	CHECK_INT(spending_of(&b).left.requests, 0);

	command(&b, "budget +4\n");
	CHECK_INT(jobs_rests(b.jobs, JOB_ANALYZE, &why), -EDQUOT); /* until it is stored */
	CHECK(run_until(&b, heard, 5000));
	CHECK(run_until(&b, rest_stored, 10000));
	CHECK_INT(requests(&b), 7);

	command_done(&b, "budget +100");
	CHECK(run_until(&b, all_done, 10000));
	CHECK_INT(requests(&b), 6 + 12);
	CHECK_INT(drawn(&b), 12);
	CHECK_INT(store_rests(store_reader(b.store), rest_found, &b), 0);
	CHECK(!spending_of(&b).exhausted);
	bench_close(&b);
}

static void test_images(void)
{
	struct bench b = gated_bench();
	struct jobs_settings two = usual;
	two.budget.images = 2;
	bench_open(&b, 5, (struct slow_settings){.latency_ms = 5}, two);
	jobs_wish_all(b.jobs, answered, &b);
	CHECK(run_until(&b, spent, 10000));
	CHECK_INT(analysed(&b), 3);
	CHECK_INT(drawn(&b), 2);
	CHECK_INT(requests(&b), 5);
	command_done(&b, "budget +1"); /* of the only thing that has an end */
	CHECK(run_until(&b, rest_stored, 10000));
	CHECK_INT(drawn(&b), 3);
	command(&b, "budget +1 tokens");
	CHECK_INT(b.last_result, -EINVAL);
	CHECK_STR(b.last_message, "there is no budget of tokens, so there is nothing to raise");
	bench_close(&b);
}

static void fail_first_picture(struct provider_outcome *o, void *arg, const struct slow_call *call)
{
	if (call->paint && call->number == 1)
		o->code = err_set(&o->err, -EIO, "the brush fell down");
}

/* A picture that did not come was none: the last one waits for the first, and is drawn then. */
static void test_image_that_failed(void)
{
	struct bench b = gated_bench();
	struct jobs_settings two = usual;
	two.budget.images = 2;
	bench_open(&b, 3, (struct slow_settings){.latency_ms = 5, .script = fail_first_picture},
		   two);
	jobs_wish_all(b.jobs, answered, &b);
	CHECK(run_until(&b, all_done, 10000));
	CHECK_INT(drawn(&b), 2);
	CHECK_INT(b.slow->requests[1], 3);
	bench_close(&b);
}

static void test_tokens_and_cost(void)
{
	struct bench b = gated_bench();
	struct jobs_settings s = usual;
	s.images = false;
	s.budget.tokens = 250;
	s.prices[JOB_ANALYZE] = (struct prices){10000, 40000, 0};
	bench_open(&b, 8, (struct slow_settings){.latency_ms = 5, .tokens = 100}, s);
	jobs_wish_all(b.jobs, answered, &b);
	CHECK(run_until(&b, rest_stored, 10000));
	CHECK_STR(b.last_message, "the budget is spent: max_tokens=250");
	CHECK_INT(requests(&b), 2);
	CHECK_INT(spending_of(&b).spent.tokens, 200);
	CHECK_INT(spending_of(&b).spent.cost_micro, 2 * 2); /* fifty of 0.01, and of 0.04 */
	struct store_totals t = totals(&b);
	CHECK_INT(t.usage[JOB_ANALYZE].requests, 2);
	CHECK_INT(t.usage[JOB_ANALYZE].tokens_in, 100);
	CHECK_INT(t.usage[JOB_ANALYZE].tokens_out, 100);
	CHECK_INT(t.usage[JOB_ANALYZE].cost_micro, 4);
	CHECK_INT(t.tokens, 200);
	CLEANUP(store_analysis_finish) struct store_analysis a = {0};
	CHECK_INT(store_analysis(&a, store_reader(b.store), 2, false), 0);
	CHECK_INT(a.usage.cost_micro, 2);
	CHECK_INT(a.usage.tokens_in, 50);
	bench_close(&b);
}

static void test_cost(void)
{
	struct bench b = gated_bench();
	struct jobs_settings s = usual;
	s.budget.cost_micro = 100000;
	s.prices[JOB_ILLUSTRATE].per_image = 40000;
	bench_open(&b, 4, (struct slow_settings){.latency_ms = 5}, s);
	jobs_wish_all(b.jobs, answered, &b);
	CHECK(run_until(&b, rest_stored, 10000));
	CHECK_STR(b.last_message, "the budget is spent: max_cost=0.100000");
	CHECK_INT(drawn(&b), 2);
	CHECK_INT(spending_of(&b).left.cost_micro, 20000);
	command_done(&b, "budget +0.02 cost");
	CHECK(run_until(&b, rest_stored, 10000));
	CHECK_INT(drawn(&b), 3);
	bench_close(&b);
}

static void test_estimate(void)
{
	struct bench b = gated_bench();
	struct jobs_settings s = usual;
	const struct estimate_scope whole = {.images = true};
	struct estimate e;
	struct err err = {0};
	s.prices[JOB_ILLUSTRATE].per_image = 40000;
	s.prices[JOB_ANALYZE].per_million_out = 1000000;
	s.budget.requests = 4;
	bench_open(&b, 8, (struct slow_settings){.latency_ms = 5, .tokens = 100}, s);
	CHECK_INT(jobs_estimate(&e, b.jobs, &whole, &err), 0);
	CHECK_INT(e.chapters, 6);
	CHECK_INT(e.pictures, 12);
	CHECK_INT(e.text.requests, 6);
	CHECK_INT(e.image.requests, 12);
	CHECK_INT(e.text.tokens_out, 300);
	CHECK_INT(e.cost_micro, 300 + 12 * 40000);
	jobs_wish_all(b.jobs, answered, &b);
	CHECK(run_until(&b, spent, 10000));
	CHECK_INT(jobs_estimate(&e, b.jobs, &whole, &err), 0);
	CHECK_INT(e.text.requests + e.image.requests, 18 - 4); /* what is left of it */
	bench_close(&b);
}

/* ---- limits */

/* Until the last request was let go. No start is before its moment, however late others are. */
static double last_ms(const struct slow *s, int paint, int64_t since_us)
{
	int64_t last = since_us;
	for (int i = 0; i < s->requests[paint]; i++)
		last = s->started_us[paint][i] > last ? s->started_us[paint][i] : last;
	return (double)(last - since_us) / 1000 + 2; /* moments are in milliseconds */
}

static void test_interval(void)
{
	struct bench b = gated_bench();
	struct jobs_settings s = usual;
	s.limits[JOB_ILLUSTRATE].interval_ms = 60;
	s.limits[JOB_ANALYZE].requests_per_minute = 600;
	bench_open(&b, 5, (struct slow_settings){.latency_ms = 5}, s);
	int64_t since_us = clock_mono_us();
	jobs_wish_all(b.jobs, answered, &b);
	CHECK(run_until(&b, all_done, 20000));
	CHECK_INT(b.slow->requests[1], 6);
	CHECK(last_ms(b.slow, 1, since_us) >= 5 * 60);
	CHECK(last_ms(b.slow, 0, since_us) >= 2 * 100);
	bench_close(&b);
}

static void test_tokens_a_minute(void)
{
	struct bench b = gated_bench();
	struct jobs_settings s = usual;
	s.images = false;
	s.limits[JOB_ANALYZE].tokens_per_minute = 60000; /* 100 are a tenth of a second */
	bench_open(&b, 5, (struct slow_settings){.latency_ms = 5, .tokens = 100}, s);
	int64_t since_us = clock_mono_us();
	jobs_wish_all(b.jobs, answered, &b);
	CHECK(run_until(&b, all_done, 20000));
	CHECK(last_ms(b.slow, 0, since_us) >= 2 * 100);
	bench_close(&b);
}

/* ---- words of the server */

static void nothing_left(struct gate_report *r, const struct slow_call *call)
{
	if (call->paint || call->number != 1)
		return;
	r->requests_left = 0;
	r->requests_reset_ms = 250;
}

/* A limit that is used up is the model's: pictures go on. */
static void test_nothing_left(void)
{
	struct bench b = gated_bench();
	const struct slow_settings slow = {
		.latency_ms = 5, .analyze_slots = 1, .report = nothing_left};
	bench_open(&b, 4, slow, usual);
	jobs_wish_all(b.jobs, answered, &b);
	CHECK(run_until(&b, all_done, 20000));
	CHECK_INT(b.slow->requests[0], 2);
	CHECK(b.slow->started_us[0][1] - b.slow->started_us[0][0] >= 250000 - 2000);
	CHECK(b.slow->started_us[1][0] < b.slow->started_us[0][1]);
	bench_close(&b);
}

static void ask_for_a_wait(struct provider_outcome *o, void *arg, const struct slow_call *call)
{
	int64_t *ended_us = arg;
	if (call->paint || call->number != 1)
		return;
	o->code = err_set(&o->err, -EAGAIN, "too many requests");
	o->retry_after_ms = 250;
	*ended_us = clock_mono_us();
}

/* All wait that ask the same server, for chapters and for pictures; also with one slot. */
static void test_told(void)
{
	struct bench b = gated_bench();
	int64_t told_us = 0;
	const struct slow_settings slow = {
		.latency_ms = 5, .analyze_slots = 1, .script = ask_for_a_wait, .arg = &told_us};
	bench_open(&b, 5, slow, usual);
	jobs_wish_all(b.jobs, answered, &b);
	CHECK(run_until(&b, all_done, 20000));
	CHECK_INT(b.slow->requests[0], 4);
	for (int i = 1; i < 4; i++)
		CHECK(b.slow->started_us[0][i] >= told_us + 250000 - 2000); /* clocks are in ms */
	CHECK(b.slow->started_us[1][0] >= told_us + 250000 - 2000);
	bench_close(&b);
}

static void ask_for_an_hour(struct provider_outcome *o, void *arg, const struct slow_call *call)
{
	o->code = err_set(&o->err, -EAGAIN, "come back later");
	o->retry_after_ms = 3600 * 1000;
}

static bool told(struct bench *b)
{
	return spending_of(b).waits_until_unix_ms > 0 && jobs_in_flight(b->jobs) == 0;
}

/* What another process was told holds for a new one, which knows it from the store. */
static void test_told_another(void)
{
	struct bench b = gated_bench();
	bench_open(&b, 5, (struct slow_settings){.latency_ms = 5, .script = ask_for_an_hour},
		   usual);
	jobs_wish_analysis(b.jobs, 2, true, false, answered, &b);
	CHECK(run_until(&b, told, 5000));
	CHECK_INT(requests(&b), 1);
	close_jobs(&b);
	open_jobs(&b, (struct slow_settings){.latency_ms = 5}, &usual);
	jobs_wish_analysis(b.jobs, 3, true, false, answered, &b);
	CHECK(run_until(&b, told, 5000));
	CHECK_INT(requests(&b), 0);
	CHECK_INT(pending(&b), 2);
	struct store_state s = {0};
	CHECK_INT(store_state(&s, store_reader(b.store), 3), 0);
	CHECK(s.not_before_unix_ms > clock_unix_ms() + 3500 * 1000);
	CHECK(s.error && strstr(s.error, "not to be asked before"));
	store_state_finish(&s);
	bench_close(&b);
}

/* Who waits at the gate holds up no drain. */
static bool one_waits(struct bench *b)
{
	return b->slow->requests[1] == 1 && !b->slow->painting && jobs_in_flight(b->jobs) > 0;
}

static void test_drain(void)
{
	struct bench b = gated_bench();
	struct jobs_settings s = usual;
	s.limits[JOB_ILLUSTRATE].interval_ms = 3600 * 100;
	bench_open(&b, 5, (struct slow_settings){.latency_ms = 5}, s);
	jobs_wish_all(b.jobs, answered, &b);
	CHECK(run_until(&b, one_waits, 10000));
	jobs_drain(b.jobs, drained, &b);
	run_until(&b, never, 5000);
	CHECK(b.drained);
	CHECK_INT(b.slow->requests[1], 1);
	CHECK_INT(totals(&b).images[STATE_IN_PROGRESS], 0);
	CHECK_INT(pending(&b), 5);
	bench_close(&b);
}

/* ---- retries */

static void refuse(struct provider_outcome *o, void *arg, const struct slow_call *call)
{
	o->code = err_set(&o->err, -EIO, "no");
}

static bool all_failed(struct bench *b)
{
	return totals(b).chapters[STATE_FAILED] == 28 && jobs_in_flight(b->jobs) == 0;
}

/* A server that refuses everything is not asked again for each chapter; who asks for another try
 * means that it is well again. */
static void test_refused(void)
{
	struct bench b = gated_bench();
	struct jobs_settings s = usual;
	s.max_attempts = 2;
	bench_open(&b, 30, (struct slow_settings){.latency_ms = 1, .script = refuse}, s);
	jobs_wish_all(b.jobs, answered, &b);
	CHECK(run_until(&b, all_failed, 20000));
	CHECK_INT(b.slow->requests[0], 28 + 10);
	struct store_state state = {0};
	CHECK_INT(store_state(&state, store_reader(b.store), 29), 0);
	CHECK(state.error && strstr(state.error, "no; nearly all requests fail"));
	store_state_finish(&state);
	command_done(&b, "retry failed");
	CHECK(run_until(&b, all_failed, 20000));
	CHECK_INT(b.slow->requests[0], 2 * (28 + 10));
	bench_close(&b);
}

static void refuse_third(struct provider_outcome *o, void *arg, const struct slow_call *call)
{
	if (call->number % 3 == 0)
		o->code = err_set(&o->err, -EIO, "not this one");
}

static void test_third_refused(void)
{
	struct bench b = gated_bench();
	struct jobs_settings s = usual;
	s.images = false;
	s.max_attempts = 6;
	bench_open(&b, 30, (struct slow_settings){.latency_ms = 1, .script = refuse_third}, s);
	jobs_wish_all(b.jobs, answered, &b);
	CHECK(run_until(&b, all_done, 20000));
	CHECK_INT(analysed(&b), 28);
	CHECK(b.slow->requests[0] <= 28 * 3 / 2);
	bench_close(&b);
}

/* ---- order */

static void test_in_turn(void)
{
	struct bench b = gated_bench();
	struct jobs_settings s = usual;
	s.in_turn = true;
	bench_open(&b, 6, (struct slow_settings){.latency_ms = 5}, s);
	jobs_wish_all(b.jobs, answered, &b);
	CHECK(run_until(&b, all_done, 10000));
	CHECK_INT(drawn(&b), 8);
	CHECK_INT(b.slow->most_both, 0);
	for (int i = 0; i < 4; i++)
		CHECK(b.slow->started_us[0][i] < b.slow->started_us[1][0]);
	bench_close(&b);
}

int main(void)
{
	test_requests();
	test_images();
	test_image_that_failed();
	test_tokens_and_cost();
	test_cost();
	test_estimate();
	test_interval();
	test_tokens_a_minute();
	test_nothing_left();
	test_told();
	test_told_another();
	test_drain();
	test_refused();
	test_third_refused();
	test_in_turn();
	return check_result();
}
