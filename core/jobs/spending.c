/* SPDX-License-Identifier: MIT */
#include "gate.h"
#include "pipeline.h"

#include <string.h>

/*
 * What the jobs of this process may spend. A kind of work rests when a request of it was refused
 * for the budget, or would be: its jobs stay pending, their attempts are not used up, and the store
 * says why. It goes on when the budget is raised.
 */

struct rest {
	struct jobs *jobs;
	enum job_kind kind;
	bool first; /* of the two */
	struct err why;
};

/* The event itself says that it is the budget: "max_requests=50". */
static char *spent_part(struct rest *r)
{
	char *colon = strchr(r->why.msg, ':');
	return colon ? colon + 2 : NULL;
}

static int rest_work(struct store_tx *tx, void *arg, struct err *err)
{
	struct rest *r = arg;
	int rc = tx_rest(tx, r->kind, r->why.msg);
	if (rc == 0)
		rc = tx_event(tx, &(struct store_event){.type = r->first ? EVENT_BUDGET_SPENT
									 : EVENT_QUEUED,
							.detail = r->first ? spent_part(r) : NULL});
	return rc;
}

static void rest_done(void *arg, int result, const struct err *err)
{
	struct rest *r = arg;
	if (result < 0)
		log_warn("jobs: that the budget is spent is not stored: %s", err->msg);
	jobs_release(r->jobs);
	free(r);
}

static void rest(struct jobs *j, enum job_kind kind, const struct budget *want)
{
	struct rest *r = xcalloc(1, sizeof(*r));
	r->first = !j->lines[JOB_ANALYZE].rests && !j->lines[JOB_ILLUSTRATE].rests;
	r->jobs = jobs_hold(j);
	r->kind = kind;
	purse_reason(&r->why, &j->purse, want);
	j->lines[kind].rests = true;
	j->lines[kind].why_rests = r->why;
	log_info("jobs: %s waits: %s", j->lines[kind].ops->noun, r->why.msg);
	store_write(j->store, rest_work, rest_done, r);
	pipeline_yield(&j->lines[kind]);
}

struct budget jobs_price(const struct jobs *j, enum job_kind kind, int64_t tokens)
{
	const struct prices *p = &j->settings.prices[kind];
	struct budget b = {.requests = 1, .tokens = tokens, .images = kind == JOB_ILLUSTRATE};
	/* Of what the tokens will be is not known: as dear as they may be. */
	int64_t in = cost_of(p, tokens, 0, b.images), out = cost_of(p, 0, tokens, b.images);
	b.cost_micro = in > out ? in : out;
	return b;
}

enum purse_answer jobs_pay(struct jobs *j, enum job_kind kind, const struct budget *want,
			   struct err *why)
{
	enum purse_answer answer = purse_ask(&j->purse, want);
	if (answer == PURSE_YES)
		purse_hold(&j->purse, want);
	if (answer == PURSE_LATER)
		j->purse.waited_for = true;
	if (answer == PURSE_NO && !j->lines[kind].rests)
		rest(j, kind, want);
	if (answer == PURSE_NO)
		*why = j->lines[kind].why_rests;
	return answer;
}

bool jobs_can_pay(struct jobs *j, enum job_kind kind)
{
	if (!gate_is_used(j->settings.gates[kind]))
		return true;
	const struct budget least = jobs_price(j, kind, kind == JOB_ANALYZE);
	enum purse_answer answer = purse_ask(&j->purse, &least);
	if (answer == PURSE_LATER)
		j->purse.waited_for = true;
	if (answer == PURSE_NO && !j->lines[kind].rests)
		rest(j, kind, &least);
	return answer == PURSE_YES;
}

static void look(struct jobs *j)
{
	for (size_t i = 0; i < ARRAY_LEN(j->lines); i++) {
		gate_look(j->settings.gates[i]);
		pipeline_pump(&j->lines[i]);
	}
}

void jobs_settle(struct jobs *j, const struct budget *held, const struct budget *took)
{
	purse_settle(&j->purse, held, took);
	if (!j->purse.waited_for)
		return;
	j->purse.waited_for = false;
	look(j);
}

void jobs_raise(struct jobs *j, const struct budget *by)
{
	purse_raise(&j->purse, by);
	for (size_t i = 0; i < ARRAY_LEN(j->lines); i++)
		j->lines[i].rests = false;
	look(j);
}

int jobs_rests(const struct jobs *j, enum job_kind kind, struct err *why)
{
	if (!j->lines[kind].rests)
		return 0;
	*why = j->lines[kind].why_rests;
	return -EDQUOT;
}

/* Has this kind work that this process would begin by itself? */
static bool has_work(const struct jobs *j, enum job_kind kind)
{
	const struct pipeline *p = &j->lines[kind];
	int64_t due_unix_ms;
	if (p->rests || (kind == JOB_ILLUSTRATE && pipeline_in_turn(j)))
		return false;
	return store_claimable(&due_unix_ms, store_reader(j->store), kind, p->profile) == 0 &&
	       due_unix_ms != INT64_MAX;
}

void jobs_spending(struct spending *out, const struct jobs *j)
{
	int64_t told = 0;
	*out = (struct spending){.spent = j->purse.spent};
	purse_left(&out->left, &j->purse);
	for (size_t i = 0; i < ARRAY_LEN(j->lines); i++) {
		int64_t t = gate_told_boot_ms(j->settings.gates[i]);
		told = t > told ? t : told;
		out->exhausted |= j->lines[i].rests;
	}
	if (told)
		out->waits_until_unix_ms = clock_unix_ms() + told - clock_boot_ms();
	if (out->exhausted)
		out->exhausted = !has_work(j, JOB_ANALYZE) && !has_work(j, JOB_ILLUSTRATE);
}
