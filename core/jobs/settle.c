/* SPDX-License-Identifier: MIT */
#include "settle.h"

#include <string.h>

#include "preparation.h"

bool settle_asks(const struct jobs *j)
{
	return j->lines[JOB_ANALYZE].asks;
}

bool settle_wanted(const struct jobs *j)
{
	return j->settling.wanted && !j->draining;
}

static int is_doubts(void *arg, const struct store_job *job)
{
	const struct jobs *j = arg;
	return job->errand == ERRAND_DOUBTS && job->state != STATE_FAILED &&
	       !strcmp(job->profile, j->lines[JOB_ANALYZE].profile);
}

/* What another is to ask is not waited for: nobody may ever come who can. */
bool jobs_settling(const struct jobs *j)
{
	if (!j->settings.resolve)
		return false;
	return j->settling.wanted || j->settling.under_way ||
	       store_errands(store_reader(j->store), is_doubts, (void *)j) == 1;
}

void jobs_on_settled(struct jobs *j, void (*fn)(void *arg), void *arg)
{
	j->settling.told = fn;
	j->settling.told_arg = arg;
}

/* Analyses that are still to come would make another cast of it. */
void settle_check(struct jobs *j)
{
	struct store_reader *r = store_reader(j->store);
	struct cast_moment now;
	int open = 0;
	if (store_open_jobs(&open, r, JOB_ANALYZE) < 0 || open || store_cast_moment(&now, r) < 0 ||
	    memcmp(&now, &j->settling.seen, sizeof(now)) == 0)
		return;
	j->settling.seen = now;
	j->settling.wanted = now.looks > 1 || (j->settings.resolve && settle_asks(j));
	preparation_next(j);
}

void settle_begin(struct jobs *j)
{
	j->settling.wanted = false;
	j->settling.under_way++;
}

/* ---- in the pool */

static int find_doubts(bool *any, struct preparation *p, const struct catalogue *c)
{
	CLEANUP(corrections_finish) struct corrections said = {0};
	CLEANUP(doubts_finish) struct doubts doubts = {0};
	bool known = false, whole = false;
	struct store_reader *r = p->cast->reader;
	int rc = store_cast_key(p->settlement.key, &whole, r);
	if (rc == 0 && whole)
		rc = store_errand_known(&known, r, ERRAND_DOUBTS, p->settlement.key);
	if (rc == 0 && whole && !known)
		rc = store_decided(&said, r);
	if (rc < 0 || !whole || known)
		return rc;
	catalogue_doubts(&doubts, c, &said, 1);
	*any = doubts.len > 0;
	return 0;
}

static int look_through(struct preparation *p)
{
	const struct catalogue *c = NULL;
	int rc = store_cast_catalogue(&c, p->cast->kept, p->cast->reader);
	if (rc == 0)
		rc = store_looks_unsettled(&p->settlement.looks, c, p->cast->reader);
	if (rc == 0 && p->jobs->settings.resolve && settle_asks(p->jobs))
		rc = find_doubts(&p->settlement.doubts, p, c);
	return rc;
}

int settle_look(struct preparation *p, struct err *err)
{
	int rc = preparation_reader(p, err);
	if (rc == 0)
		rc = store_snapshot_begin(p->cast->reader);
	if (rc < 0)
		return rc;
	rc = look_through(p);
	store_snapshot_end(p->cast->reader);
	return rc;
}

/* ---- back on the loop */

struct order {
	struct jobs *jobs;
	struct settlement what;
};

static int settle_work(struct store_tx *tx, void *arg, struct err *err)
{
	const struct order *o = arg;
	const struct errand_wish w = {
		.errand = ERRAND_DOUBTS,
		.subject = o->what.key,
		.profile = o->jobs->lines[JOB_ANALYZE].profile,
	};
	int rc = o->what.looks ? tx_settle_looks(tx) : 0;
	return rc == 0 && o->what.doubts ? tx_wish_errand(NULL, tx, &w) : rc;
}

/* A pause, or a cast that cannot be read just now: the next change looks again. */
static void look_again(struct jobs *j)
{
	j->settling.seen = (struct cast_moment){0};
	jobs_look_again(j);
}

static void end(struct jobs *j)
{
	j->settling.under_way--;
	pipeline_pump(&j->lines[JOB_ILLUSTRATE]);
	if (j->settling.told)
		j->settling.told(j->settling.told_arg);
}

static void settled(void *arg, int result, const struct err *err)
{
	struct order *o = arg;
	struct jobs *j = o->jobs;
	free(o);
	if (atomic_load(&j->closed)) {
		jobs_release(j);
		return;
	}
	if (result < 0) {
		log_warn("jobs: the cast is not settled: %s",
			 err && err->msg[0] ? err->msg : strerror(-result));
		look_again(j);
	}
	end(j);
	jobs_release(j);
}

void settle_looked(struct jobs *j, const struct settlement *s, int code)
{
	if (code < 0)
		look_again(j);
	if (code < 0 || (!s->looks && !s->doubts)) {
		end(j);
		return;
	}
	struct order *o = xcalloc(1, sizeof(*o));
	o->jobs = jobs_hold(j);
	o->what = *s;
	store_write(j->store, settle_work, settled, o);
}
