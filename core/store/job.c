/* SPDX-License-Identifier: MIT */
#include "internal.h"

/*
 * The life of a job: claimed, ended, given back, inherited. That a job is claimed once stands on
 * two things: a claim is made within BEGIN IMMEDIATE, so there is an order of claims; and whether
 * its owner lives is the kernel's word (live.h). Every end of a claim asks whether it still is
 * ours.
 */

static const char *const state_names[] = {
	[STATE_NONE] = "pending",
	[STATE_PENDING] = "pending",
	[STATE_IN_PROGRESS] = "in_progress",
	[STATE_COMPLETED] = "completed",
	[STATE_FAILED] = "failed",
	[STATE_SKIPPED] = "skipped",
};

const char *job_state_name(enum job_state s)
{
	return state_names[s];
}

void store_job_finish(struct store_job *j)
{
	free(j->profile);
	free(j->error);
	free(j->subject);
	*j = (struct store_job){0};
}

/* ---- dead owners */

/* Of all with claims; ours are alive. fn's answer other than 0 ends it and is returned. */
static int each_dead(struct store *s, struct conn *c, int (*fn)(void *arg, int64_t owner),
		     void *arg)
{
	static const char sql[] = "SELECT DISTINCT owner FROM job WHERE state = 2";
	CLEANUP(query_end) struct query q = query_begin(c, sql);
	int more, ended = 0;
	while (!ended && (more = query_row(&q)) == 1) {
		int64_t owner = query_get_int(&q, 0);
		if (!live_is_alive(s->live, owner))
			ended = fn(arg, owner);
	}
	return ended ? ended : more;
}

static int found_one(void *arg, int64_t owner)
{
	return 1;
}

int store_has_dead(struct store *s, struct conn *c)
{
	return each_dead(s, c, found_one, NULL);
}

struct release {
	struct store_tx *tx;
	int count;
};

static int release_claims(void *arg, int64_t owner)
{
	static const char sql[] =
		"UPDATE job SET state = 1, owner = 0, attempts = max(attempts - 1, 0),"
		" changed_ms = :now WHERE state = 2 AND owner = :owner";
	struct release *r = arg;
	CLEANUP(query_end) struct query q = query_begin(&r->tx->conn, sql);
	query_int(&q, ":now", clock_unix_ms());
	query_int(&q, ":owner", owner);
	int changed;
	int result = query_run_count(&q, &changed);
	if (result == 0)
		r->count += changed;
	return result;
}

int tx_release_dead(struct store_tx *tx, int *count)
{
	struct release r = {.tx = tx};
	int result = each_dead(tx->store, &tx->conn, release_claims, &r);
	if (result == 0 && r.count > 0)
		result = tx_event(tx, &(struct store_event){.type = EVENT_QUEUED});
	if (result == 0 && count)
		*count = r.count;
	return result;
}

/* ---- profiles nobody has */

static int register_worker(struct store_tx *tx, const struct worker *w)
{
	static const char sql[] = "INSERT OR REPLACE INTO worker (owner, kind, profile, only_asked)"
				  " VALUES (:owner, :kind, :profile, :only_asked)";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":owner", live_owner(tx->store->live));
	query_int(&q, ":kind", w->kind);
	query_text(&q, ":profile", w->profile);
	query_int(&q, ":only_asked", w->only_asked);
	return query_run(&q);
}

static int forget_worker(struct store_tx *tx, int64_t owner)
{
	static const char sql[] = "DELETE FROM worker WHERE owner = :owner";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":owner", owner);
	return query_run(&q);
}

static int forget_dead_workers(struct store_tx *tx)
{
	static const char sql[] = "SELECT DISTINCT owner FROM worker";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	int more, result = 0;
	while (result == 0 && (more = query_row(&q)) == 1) {
		int64_t owner = query_get_int(&q, 0);
		if (!live_is_alive(tx->store->live, owner))
			result = forget_worker(tx, owner);
	}
	return result < 0 ? result : more;
}

int tx_adopt(struct store_tx *tx, const struct worker *w)
{
	/* What we have a job of our own for need not be taken over; OR IGNORE leaves the stranger
	 * where it is, and so do two strangers for one thing. */
	static const char sql[] =
		"UPDATE OR IGNORE job SET profile = :profile WHERE state = 1 AND kind = :kind"
		" AND profile NOT IN (SELECT profile FROM worker WHERE kind = :kind)"
		" AND (errand = 0 OR kind = 1 OR :asks)";
	static const char drop_sql[] =
		"DELETE FROM job WHERE state = 1 AND kind = :kind"
		" AND profile NOT IN (SELECT profile FROM worker WHERE kind = :kind)"
		" AND (errand = 0 OR kind = 1 OR :asks)";
	int result = forget_dead_workers(tx);
	if (result == 0)
		result = tx_release_dead(tx, NULL);
	if (result == 0)
		result = register_worker(tx, w);
	if (result < 0)
		return result;
	CLEANUP(query_end) struct query adopt = query_begin(&tx->conn, sql);
	query_text(&adopt, ":profile", w->profile);
	query_int(&adopt, ":kind", w->kind);
	query_int(&adopt, ":asks", w->asks);
	CLEANUP(query_end) struct query drop = query_begin(&tx->conn, drop_sql);
	query_int(&drop, ":kind", w->kind);
	query_int(&drop, ":asks", w->asks);
	int adopted = 0, dropped = 0;
	result = query_run_count(&adopt, &adopted);
	if (result == 0)
		result = query_run_count(&drop, &dropped);
	if (result < 0 || adopted + dropped == 0)
		return result;
	return tx_event(tx, &(struct store_event){.type = EVENT_QUEUED});
}

int tx_rest(struct store_tx *tx, enum job_kind kind, const char *why)
{
	static const char sql[] =
		"UPDATE worker SET rests = :why WHERE owner = :owner AND kind = :kind";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_text(&q, ":why", why);
	query_int(&q, ":owner", live_owner(tx->store->live));
	query_int(&q, ":kind", kind);
	return query_run(&q);
}

int store_rests(struct store_reader *r, int (*fn)(void *arg, enum job_kind kind, const char *why),
		void *arg)
{
	static const char sql[] =
		"SELECT owner, kind, rests FROM worker WHERE rests IS NOT NULL ORDER BY kind";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	int more, ended = 0;
	while (!ended && (more = query_row(&q)) == 1) {
		enum job_kind kind = (enum job_kind)query_get_enum(&q, 1, JOB_ILLUSTRATE);
		if (q.failed)
			return q.failed;
		if (live_is_alive(r->store->live, query_get_int(&q, 0)))
			ended = fn(arg, kind, query_string(&q, 2));
	}
	return ended ? ended : more;
}

/* ---- claims */

#define JOB_COLUMNS                                                                                \
	"id, kind, state, chapter, text, concept, scene, on_demand, profile, attempts, "           \
	"error_code,"                                                                              \
	" error, not_before_ms, tokens, started_ms, ended_ms, owner, " USAGE_COLUMNS(              \
		"job") ", errand, subject"

static int read_job(struct store_job *out, struct query *q, const struct store *s)
{
	*out = (struct store_job){
		.id = query_get_int(q, 0),
		.kind = (enum job_kind)query_get_enum(q, 1, JOB_ILLUSTRATE),
		.state = (enum job_state)query_get_state(q, 2),
		.chapter = (int)query_get_int(q, 3),
		.text_id = query_get_int(q, 4),
		.concept = query_get_int(q, 5),
		.scene = (int)query_get_int(q, 6),
		.on_demand = query_get_int(q, 7) != 0,
		.profile = xstrdup(query_string(q, 8)),
		.attempts = (int)query_get_int(q, 9),
		.error_code = (int)query_get_int(q, 10),
		.error = query_dup(q, 11),
		.not_before_unix_ms = query_get_int(q, 12),
		.tokens = query_get_int(q, 13),
		.started_unix_ms = query_get_int(q, 14),
		.ended_unix_ms = query_get_int(q, 15),
		.usage = query_usage(q, 17),
		.errand = query_get_enum(q, 21, ERRANDS - 1),
		.subject = xstrdup(query_string(q, 22)),
	};
	out->owner_alive =
		out->state == STATE_IN_PROGRESS && live_is_alive(s->live, query_get_int(q, 16));
	if (q->failed)
		store_job_finish(out);
	return q->failed;
}

/* The best that is due. The order is that of the index job_next, so the first row is the answer. */
static int find_due(int64_t *id, struct store_tx *tx, enum job_kind kind, const char *profile)
{
	static const char sql[] =
		"SELECT id FROM job WHERE state = 1 AND kind = :kind AND profile = :profile"
		" AND chapter > 0 AND not_before_ms <= :now"
		" AND (on_demand = 1 OR (SELECT paused FROM control) = 0) AND " JOB_IS_TAKEN
		" ORDER BY on_demand DESC, chapter, scene, id LIMIT 1";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":kind", kind);
	query_text(&q, ":profile", profile);
	query_int(&q, ":owner", live_owner(tx->store->live));
	query_int(&q, ":now", clock_unix_ms());
	int more = query_row(&q);
	if (more == 1)
		*id = query_get_int(&q, 0);
	return more;
}

static int take_job(struct store_job *out, struct store_tx *tx, int64_t id)
{
	static const char sql[] =
		"UPDATE job SET state = 2, owner = :owner, attempts = attempts + 1,"
		" started_ms = :now, ended_ms = 0, changed_ms = :now WHERE id = :id"
		" RETURNING " JOB_COLUMNS;
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":owner", live_owner(tx->store->live));
	query_int(&q, ":now", clock_unix_ms());
	query_int(&q, ":id", id);
	struct store_job job;
	int more = query_row(&q);
	if (more != 1)
		return more < 0 ? more : -EIO;
	int result = read_job(&job, &q, tx->store);
	if (result < 0)
		return result;
	result = query_run(&q);
	if (result < 0)
		store_job_finish(&job);
	else
		*out = job;
	return result;
}

/* An errand is no chapter's: only that it failed, or waits, is worth a line. */
static int announce(struct store_tx *tx, const struct store_job *job, enum store_event_type type,
		    const char *reason)
{
	if (!job->errand)
		return tx_announce(tx, &(struct announcement){
					       .type = type,
					       .text = job->text_id,
					       .scene = job->scene,
					       .detail = reason,
				       });
	CLEANUP(cleanup_free) char *words = errand_words((enum errand)job->errand, job->subject);
	CLEANUP(cleanup_free) char *line = xasprintf("%s: %s", words, reason ? reason : "");
	bool failed = reason && type != EVENT_WAITING;
	return tx_event(tx, &(struct store_event){.type = failed ? EVENT_FAILED : EVENT_QUEUED,
						  .detail = failed ? line : NULL});
}

int tx_claim(struct store_job *out, struct store_tx *tx, enum job_kind kind, const char *profile)
{
	static const enum store_event_type started[] = {
		[JOB_ANALYZE] = EVENT_ANALYSIS_STARTED,
		[JOB_ILLUSTRATE] = EVENT_IMAGE_STARTED,
	};
	int64_t id;
	int result = tx_release_dead(tx, NULL);
	int found = result < 0 ? result : find_due(&id, tx, kind, profile);
	if (found != 1)
		return found;
	struct store_job job;
	result = take_job(&job, tx, id);
	if (result < 0)
		return result;
	result = announce(tx, &job, started[kind], NULL);
	if (result < 0) {
		store_job_finish(&job);
		return result;
	}
	*out = job;
	return 1;
}

int store_claimable(int64_t *due_unix_ms, struct store_reader *r, enum job_kind kind,
		    const char *profile)
{
	static const char sql[] =
		"SELECT min(not_before_ms) FROM job WHERE state = 1 AND kind = :kind"
		" AND profile = :profile AND chapter > 0"
		" AND (on_demand = 1 OR (SELECT paused FROM control) = 0) AND " JOB_IS_TAKEN;
	int dead = store_has_dead(r->store, &r->conn);
	if (dead < 0)
		return dead;
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	query_int(&q, ":kind", kind);
	query_text(&q, ":profile", profile);
	query_int(&q, ":owner", live_owner(r->store->live));
	int more = query_row(&q);
	if (more < 0)
		return more;
	bool any = more == 1 && sqlite3_column_type(q.st, 0) != SQLITE_NULL;
	*due_unix_ms = dead ? 0 : any ? query_get_int(&q, 0) : INT64_MAX;
	return 0;
}

int store_demanded(bool *demanded, struct store_reader *r, enum job_kind kind, const char *profile)
{
	static const char sql[] =
		"SELECT 1 FROM job WHERE state = 1 AND kind = :kind AND profile = :profile"
		" AND on_demand = 1 AND chapter > 0 AND not_before_ms <= :now AND " JOB_IS_TAKEN
		" LIMIT 1";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	query_int(&q, ":kind", kind);
	query_text(&q, ":profile", profile);
	query_int(&q, ":owner", live_owner(r->store->live));
	query_int(&q, ":now", clock_unix_ms());
	int more = query_row(&q);
	if (more >= 0)
		*demanded = more == 1;
	return more < 0 ? more : 0;
}

int store_open_jobs(int *count, struct store_reader *r, enum job_kind kind)
{
	static const char sql[] = "SELECT count(*) FROM job WHERE kind = :kind AND errand = 0"
				  " AND state IN (1, 2) AND chapter > 0 AND " JOB_IS_TAKEN;
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	query_int(&q, ":kind", kind);
	query_int(&q, ":owner", live_owner(r->store->live));
	int more = query_row(&q);
	if (more == 1)
		*count = (int)query_get_int(&q, 0);
	return more < 0 ? more : 0;
}

/* ---- ends without a result */

int tx_own_job(struct store_job *out, struct store_tx *tx, int64_t job_id, enum job_kind kind)
{
	static const char sql[] = "SELECT " JOB_COLUMNS " FROM job"
				  " WHERE id = :id AND state = 2 AND owner = :owner";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":id", job_id);
	query_int(&q, ":owner", live_owner(tx->store->live));
	int more = query_row(&q);
	if (more != 1)
		return more < 0 ? more : -ESTALE;
	struct store_job job;
	int result = read_job(&job, &q, tx->store);
	if (result < 0)
		return result;
	if (kind != JOB_ANY && job.kind != kind) {
		store_job_finish(&job);
		return -EINVAL;
	}
	*out = job;
	return 0;
}

struct store_usage query_usage(struct query *q, int column)
{
	return (struct store_usage){
		.requests = query_get_int(q, column),
		.tokens_in = query_get_int(q, column + 1),
		.tokens_out = query_get_int(q, column + 2),
		.cost_micro = query_get_int(q, column + 3),
	};
}

void query_bind_usage(struct query *q, const struct store_usage *u)
{
	query_int(q, ":requests", u->requests);
	query_int(q, ":tokens_in", u->tokens_in);
	query_int(q, ":tokens_out", u->tokens_out);
	query_int(q, ":cost", u->cost_micro);
}

int tx_job_spent(struct store_tx *tx, int64_t job_id, const struct store_usage *u)
{
	static const char sql[] =
		"UPDATE job SET requests = requests + :requests, tokens_in = tokens_in + "
		":tokens_in,"
		" tokens_out = tokens_out + :tokens_out, cost_micro = cost_micro + :cost,"
		" tokens = tokens + :tokens_in + :tokens_out WHERE id = :id";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_bind_usage(&q, u);
	query_int(&q, ":id", job_id);
	return query_run(&q);
}

int tx_complete_job(struct store_tx *tx, int64_t id, int64_t tokens)
{
	static const char sql[] =
		"UPDATE job SET state = 3, owner = 0, error_code = 0, error = NULL, not_before_ms "
		"= 0,"
		" tokens = tokens + :tokens, ended_ms = :now, changed_ms = :now WHERE id = :id";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":id", id);
	query_int(&q, ":tokens", tokens);
	query_int(&q, ":now", clock_unix_ms());
	return query_run(&q);
}

/* How a claim ends. */
struct claim_end {
	enum job_state state;
	bool given_back; /* the attempt does not count */
	int code;
	const char *reason;
	int64_t not_before_ms;
	enum store_event_type event;
};

static int end_claim(struct store_tx *tx, int64_t job_id, const struct claim_end *e)
{
	static const char sql[] =
		"UPDATE job SET state = :state, owner = 0, attempts = max(attempts - :back, 0),"
		" error_code = :code, error = :reason, not_before_ms = :until, changed_ms = :now,"
		" ended_ms = iif(:back, ended_ms, :now) WHERE id = :id";
	CLEANUP(store_job_finish) struct store_job job = {0};
	int result = tx_own_job(&job, tx, job_id, JOB_ANY);
	if (result < 0)
		return result;
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":id", job_id);
	query_int(&q, ":state", e->state);
	query_int(&q, ":back", e->given_back);
	query_int(&q, ":code", e->code);
	query_text(&q, ":reason", e->reason);
	query_int(&q, ":until", e->not_before_ms);
	query_int(&q, ":now", clock_unix_ms());
	result = query_run(&q);
	if (result < 0)
		return result;
	return announce(tx, &job, e->event, e->reason);
}

int tx_job_failed(struct store_tx *tx, int64_t job_id, int code, const char *reason,
		  int64_t retry_at_unix_ms, enum store_event_type event)
{
	return end_claim(tx, job_id,
			 &(struct claim_end){
				 .state = retry_at_unix_ms ? STATE_PENDING : STATE_FAILED,
				 .code = code,
				 .reason = reason,
				 .not_before_ms = retry_at_unix_ms,
				 .event = event,
			 });
}

int tx_job_wait(struct store_tx *tx, int64_t job_id, int code, const char *reason,
		int64_t until_unix_ms)
{
	return end_claim(tx, job_id,
			 &(struct claim_end){
				 .state = STATE_PENDING,
				 .given_back = true,
				 .code = code,
				 .reason = reason,
				 .not_before_ms = until_unix_ms,
				 .event = EVENT_WAITING,
			 });
}

int tx_job_yield(struct store_tx *tx, int64_t job_id)
{
	static const char sql[] = "UPDATE job SET state = 1, owner = 0,"
				  " attempts = max(attempts - 1, 0), changed_ms = :now"
				  " WHERE id = :id AND state = 2 AND owner = :owner";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":id", job_id);
	query_int(&q, ":owner", live_owner(tx->store->live));
	query_int(&q, ":now", clock_unix_ms());
	int changed;
	int result = query_run_count(&q, &changed);
	if (result < 0)
		return result;
	return changed ? tx_event(tx, &(struct store_event){.type = EVENT_QUEUED}) : -ESTALE;
}

/* ---- the queue */

static int each_job(struct store_reader *r, const char *sql,
		    int (*fn)(void *arg, const struct store_job *j), void *arg)
{
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	int more, ended = 0;
	while (!ended && (more = query_row(&q)) == 1) {
		struct store_job job;
		ended = read_job(&job, &q, r->store);
		if (ended)
			break;
		ended = fn(arg, &job);
		store_job_finish(&job);
	}
	return ended ? ended : more;
}

int store_jobs(struct store_reader *r, int (*fn)(void *arg, const struct store_job *j), void *arg)
{
	static const char sql[] =
		"SELECT " JOB_COLUMNS " FROM job WHERE state IN (1, 2, 4)"
		" ORDER BY state = 4, state = 1, on_demand DESC, kind, chapter, scene, id";
	return each_job(r, sql, fn, arg);
}

int store_errands(struct store_reader *r, int (*fn)(void *arg, const struct store_job *j),
		  void *arg)
{
	static const char sql[] = "SELECT " JOB_COLUMNS " FROM job WHERE errand > 0"
				  " AND state IN (1, 2, 4) ORDER BY id";
	return each_job(r, sql, fn, arg);
}
