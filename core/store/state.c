/* SPDX-License-Identifier: MIT */
#include "internal.h"

/* Where a chapter stands is its best analysis and its newest job, and whether it is story at all.
 */
#define STATE_COLUMNS                                                                              \
	"SELECT c.kind, a.id, a.concepts, a.tokens, a.completed_ms, j.state, j.attempts, "         \
	"j.error_code,"                                                                            \
	" j.error, j.not_before_ms, j.tokens, j.changed_ms, " USAGE_COLUMNS(                       \
		"a") ", " USAGE_COLUMNS("j") " FROM chapter AS c"                                  \
					     " LEFT JOIN analysis AS a ON a.id = " SHOWN_ANALYSIS( \
						     "c") " LEFT JOIN job AS j ON j.id ="          \
							  " (SELECT max(id) FROM job WHERE "       \
							  "kind = 0 AND errand = 0 AND text = "    \
							  "c.text AND "                            \
							  "state <> 5)"

static enum job_state state_of(struct query *q)
{
	if (query_get_enum(q, 0, BOOK_GAP) != BOOK_STORY)
		return STATE_SKIPPED;
	if (query_get_int(q, 1))
		return STATE_COMPLETED;
	enum job_state job = (enum job_state)query_get_state(q, 5);
	return job == STATE_COMPLETED ? STATE_NONE : job; /* its result was taken away */
}

static int read_state(struct store_state *out, struct query *q)
{
	struct store_state s = {
		.state = state_of(q),
		.analysis_id = query_get_int(q, 1),
		.concepts = (int)query_get_int(q, 2),
		.tokens = query_get_int(q, 3),
		.attempts = (int)query_get_int(q, 6),
		.not_before_unix_ms = query_get_int(q, 9),
		.usage = query_usage(q, query_get_int(q, 1) ? 12 : 16),
	};
	enum job_state job = (enum job_state)query_get_state(q, 5);
	if (q->failed)
		return q->failed;
	if (job == STATE_FAILED || job == STATE_PENDING) {
		s.error_code = (int)query_get_int(q, 7);
		s.error = query_dup(q, 8);
	}
	if (!s.analysis_id)
		s.tokens = query_get_int(q, 10);
	if (!s.analysis_id && job == STATE_COMPLETED) {
		s.attempts = 0;
		s.tokens = 0;
		s.usage = (struct store_usage){0};
	}
	int64_t completed = query_get_int(q, 4), moved = query_get_int(q, 11);
	s.changed_unix_ms = completed > moved ? completed : moved;
	*out = s;
	return 0;
}

void store_state_finish(struct store_state *s)
{
	free(s->error);
	*s = (struct store_state){0};
}

int store_state(struct store_state *out, struct store_reader *r, int chapter)
{
	static const char sql[] = STATE_COLUMNS " WHERE c.number = :chapter";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	query_int(&q, ":chapter", chapter);
	int more = query_row(&q);
	if (more != 1)
		return more < 0 ? more : -ENOENT;
	return read_state(out, &q);
}

/* ---- totals */

static int count_chapters(struct store_totals *t, struct conn *c)
{
	static const char sql[] = STATE_COLUMNS;
	CLEANUP(query_end) struct query q = query_begin(c, sql);
	int more;
	while ((more = query_row(&q)) == 1) {
		t->chapters[state_of(&q)]++;
		if (q.failed)
			return q.failed;
	}
	return more;
}

static int count_image(void *arg, const struct store_picture *p)
{
	struct store_totals *t = arg;
	t->images[p->state]++;
	return 0;
}

int store_tokens(int64_t *tokens, struct store_reader *r)
{
	static const char sql[] = "SELECT coalesce(sum(tokens), 0) FROM job";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	int more = query_row(&q);
	if (more == 1)
		*tokens = query_get_int(&q, 0);
	return more < 0 ? more : 0;
}

int store_spent(struct store_usage out[2], struct store_reader *r)
{
	static const char sql[] = "SELECT kind, sum(requests), sum(tokens_in), sum(tokens_out),"
				  " sum(cost_micro) FROM job GROUP BY kind";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	int more;
	out[JOB_ANALYZE] = out[JOB_ILLUSTRATE] = (struct store_usage){0};
	while ((more = query_row(&q)) == 1) {
		int kind = query_get_enum(&q, 0, JOB_ILLUSTRATE);
		if (q.failed)
			return q.failed;
		out[kind] = query_usage(&q, 1);
	}
	return more;
}

static int count_running(struct store_totals *t, struct store_reader *r)
{
	static const char sql[] = "SELECT owner, count(*) FROM job WHERE state = 2 GROUP BY owner";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	int more;
	while ((more = query_row(&q)) == 1)
		if (live_is_alive(r->store->live, query_get_int(&q, 0)))
			t->running += (int)query_get_int(&q, 1);
	return more;
}

int store_totals(struct store_totals *out, struct store_reader *r)
{
	struct store_totals t = {0};
	int result = store_snapshot_begin(r);
	if (result < 0)
		return result;
	result = count_chapters(&t, &r->conn);
	if (result == 0)
		result = store_pictures(r, 0, count_image, &t);
	if (result == 0)
		result = store_tokens(&t.tokens, r);
	if (result == 0)
		result = store_spent(t.usage, r);
	if (result == 0)
		result = count_running(&t, r);
	store_snapshot_end(r);
	if (result == 0)
		*out = t;
	return result;
}
