/* SPDX-License-Identifier: MIT */
#include "internal.h"

/* Wishes: what people and readers ask for becomes a row that outlives them. */

struct open_job {
	int64_t id;
	bool on_demand;
	int64_t not_before_ms, asked_by;
	enum job_state state;
};

/* The job for this that is not done with: open, else failed (which a new wish revives). 1 or 0. */
static int find_job(struct open_job *out, struct store_tx *tx, const struct job_wish *w)
{
	static const char sql[] =
		"SELECT id, on_demand, not_before_ms, state, asked_by FROM job"
		" WHERE kind = :kind AND text = :text AND concept = :concept AND profile = :profile"
		" AND errand = :errand AND subject = :subject"
		" AND state IN (1, 2, 4) ORDER BY state = 4, id DESC LIMIT 1";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":kind", w->kind);
	query_int(&q, ":text", w->text);
	query_int(&q, ":concept", w->concept);
	query_text(&q, ":profile", w->profile);
	query_int(&q, ":errand", w->errand);
	query_text(&q, ":subject", w->subject ? w->subject : "");
	int more = query_row(&q);
	if (more != 1)
		return more;
	*out = (struct open_job){
		.id = query_get_int(&q, 0),
		.on_demand = query_get_int(&q, 1) != 0,
		.not_before_ms = query_get_int(&q, 2),
		.state = (enum job_state)query_get_state(&q, 3),
		.asked_by = query_get_int(&q, 4),
	};
	return q.failed ? q.failed : 1;
}

static int insert_job(int64_t *id, struct store_tx *tx, const struct job_wish *w)
{
	static const char sql[] =
		"INSERT INTO job (kind, state, text, concept, chapter, scene, profile, on_demand,"
		" attempts, error_code, not_before_ms, tokens, owner, started_ms, ended_ms, "
		"changed_ms, errand, subject)"
		" VALUES (:kind, 1, :text, :concept, :chapter, :scene, :profile, :on_demand,"
		" 0, 0, 0, 0, 0, 0, 0, :now, :errand, :subject)";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":kind", w->kind);
	query_int(&q, ":text", w->text);
	query_int(&q, ":concept", w->concept);
	query_int(&q, ":chapter", w->chapter);
	query_int(&q, ":scene", w->scene);
	query_text(&q, ":profile", w->profile);
	query_int(&q, ":on_demand", w->on_demand);
	query_int(&q, ":now", clock_unix_ms());
	query_int(&q, ":errand", w->errand);
	query_text(&q, ":subject", w->subject ? w->subject : "");
	int result = query_run(&q);
	*id = sqlite3_last_insert_rowid(tx->conn.db);
	return result;
}

static int revive_job(struct store_tx *tx, int64_t id, bool on_demand)
{
	static const char sql[] =
		"UPDATE job SET state = 1, attempts = 0, error_code = 0, error = NULL,"
		" not_before_ms = 0, on_demand = :on_demand, changed_ms = :now WHERE id = :id";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":id", id);
	query_int(&q, ":on_demand", on_demand);
	query_int(&q, ":now", clock_unix_ms());
	return query_run(&q);
}

static int hurry_job(struct store_tx *tx, int64_t id)
{
	static const char sql[] =
		"UPDATE job SET on_demand = 1, not_before_ms = 0, changed_ms = :now"
		" WHERE id = :id";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":id", id);
	query_int(&q, ":now", clock_unix_ms());
	return query_run(&q);
}

static int set_job(struct store_tx *tx, const char *sql, int64_t id, int64_t value)
{
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":id", id);
	query_int(&q, ":value", value);
	return query_run(&q);
}

static int ask_job(struct store_tx *tx, int64_t id, int64_t asked_by)
{
	return set_job(tx, "UPDATE job SET asked_by = :value WHERE id = :id", id, asked_by);
}

static bool is_hurried(const struct open_job *job, const struct job_wish *w)
{
	return w->on_demand && !(job->on_demand && job->not_before_ms <= clock_unix_ms());
}

int tx_put_job(int64_t *id, struct store_tx *tx, const struct job_wish *w)
{
	struct open_job job = {0};
	int found = find_job(&job, tx, w);
	if (found < 0)
		return found;
	int64_t asked_by = w->asked_by ? w->asked_by : live_owner(tx->store->live);
	int result = 0;
	if (!found) {
		result = insert_job(&job.id, tx, w);
	} else if (job.state == STATE_FAILED) {
		result = revive_job(tx, job.id, w->on_demand);
	} else if (is_hurried(&job, w)) {
		result = hurry_job(tx, job.id);
	} else if (asked_by == job.asked_by) {
		*id = job.id;
		return 0;
	}
	if (result == 0 && asked_by != job.asked_by)
		result = ask_job(tx, job.id, asked_by);
	*id = job.id;
	return result < 0 ? result : 1;
}

/* ---- analyses */

int tx_find_chapter(struct found_chapter *out, struct store_tx *tx, int number)
{
	static const char sql[] =
		"SELECT c.text, c.kind, " BEST_ANALYSIS("c.text") ", " SHOWN_ANALYSIS(
			"c") ","
			     " (SELECT min(number) FROM chapter WHERE text = c.text AND kind = 0)"
			     " FROM chapter AS c WHERE c.number = :number";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":number", number);
	int more = query_row(&q);
	if (more != 1)
		return more < 0 ? more : -ENOENT;
	*out = (struct found_chapter){
		.text = query_get_int(&q, 0),
		.kind = (enum book_kind)query_get_enum(&q, 1, BOOK_GAP),
		.best = query_get_int(&q, 2),
		.shown = query_get_int(&q, 3),
		.first = (int)query_get_int(&q, 4),
	};
	return q.failed;
}

int tx_tell_queued(struct store_tx *tx, int chapter)
{
	return tx_event(tx, &(struct store_event){.type = EVENT_QUEUED, .chapter = chapter});
}

static int want_pictures(struct store_tx *tx, int64_t job)
{
	return set_job(tx, "UPDATE job SET pictures = :value WHERE id = :id", job, 1);
}

/* Asked for by name over a person's edit: the result takes the place of that one, but of none that
 * is made after. */
static int want_over(struct store_tx *tx, int64_t job, int64_t best)
{
	return set_job(tx, "UPDATE job SET over_edit = :value WHERE id = :id", job, best);
}

int tx_wish_analysis(int64_t *job_id, struct store_tx *tx, const struct wish *w)
{
	struct found_chapter chapter;
	int64_t id = 0;
	int result = tx_find_chapter(&chapter, tx, w->chapter);
	if (result < 0)
		return result;
	if (chapter.kind != BOOK_STORY)
		return -ENODATA;
	if (w->again || !chapter.best) {
		struct job_wish job = {
			.kind = JOB_ANALYZE,
			.text = chapter.text,
			.chapter = chapter.first,
			.profile = w->profile,
			.on_demand = w->on_demand,
		};
		result = tx_put_job(&id, tx, &job);
		if (result == 1)
			result = tx_tell_queued(tx, w->chapter);
		if (result == 0 && w->pictures)
			result = want_pictures(tx, id);
		if (result == 0 && chapter.best)
			result = want_over(tx, id, chapter.best);
	}
	if (result == 0 && job_id)
		*job_id = id;
	return result;
}

/* ---- pictures */

int tx_put_pictures(int *count, struct store_tx *tx, int64_t analysis, int scene,
		    const struct wish *w)
{
	static const char sql[] =
		"SELECT " ROOT_OF_N ", n.scene, a.text,"
		" (SELECT min(number) FROM chapter WHERE text = a.text AND kind = 0),"
		" EXISTS (SELECT 1 FROM picture WHERE concept = " ROOT_OF_N
		" AND hidden_by IS NULL)"
		" FROM concept AS n JOIN analysis AS a ON a.id = n.analysis"
		" WHERE n.analysis = :analysis AND :scene IN (0, n.scene) ORDER "
		"BY n.scene";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":analysis", analysis);
	query_int(&q, ":scene", scene);
	int more;
	while ((more = query_row(&q)) == 1 && (!w->most || *count < w->most)) {
		struct job_wish job = {
			.kind = JOB_ILLUSTRATE,
			.concept = query_get_int(&q, 0),
			.scene = (int)query_get_int(&q, 1),
			.text = query_get_int(&q, 2),
			.chapter = (int)query_get_int(&q, 3),
			.profile = w->profile,
			.on_demand = w->on_demand,
			.asked_by = w->asked_by,
		};
		bool drawn = query_get_int(&q, 4) != 0;
		int64_t id;
		int put = drawn && !w->again ? 0 : tx_put_job(&id, tx, &job);
		if (put < 0)
			return put;
		*count += put;
	}
	return more < 0 ? more : 0;
}

int tx_wish_pictures(int *count, struct store_tx *tx, const struct wish *w)
{
	static const char sql[] =
		"SELECT DISTINCT " BEST_ANALYSIS("c.text") " FROM chapter AS c"
							   " WHERE c.kind = 0 AND c.number BETWEEN "
							   ":first AND :last ORDER BY c.number";
	int made = 0;
	if (w->chapter) {
		struct found_chapter chapter;
		int result = tx_find_chapter(&chapter, tx, w->chapter);
		if (result < 0)
			return result;
		if (chapter.kind != BOOK_STORY)
			return -ENODATA;
	}
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":first", w->chapter);
	query_int(&q, ":last", w->chapter ? w->chapter : INT32_MAX);
	int more, result = 0;
	while (result == 0 && (more = query_row(&q)) == 1)
		result = tx_put_pictures(&made, tx, query_get_int(&q, 0), 0, w);
	if (result < 0 || more < 0)
		return result < 0 ? result : more;
	if (made)
		result = tx_tell_queued(tx, w->chapter);
	if (result == 0 && count)
		*count = made;
	return result;
}

int tx_regenerate(struct store_tx *tx, const struct wish *w, int scene)
{
	struct wish again = *w;
	struct found_chapter chapter;
	int made = 0;
	again.again = true;
	int result = tx_find_chapter(&chapter, tx, w->chapter);
	if (result == 0)
		result = tx_find_scene(NULL, tx, w->chapter, scene);
	if (result == 0 && !chapter.best)
		result = -ESTALE;
	if (result == 0)
		result = tx_put_pictures(&made, tx, chapter.best, scene, &again);
	return result == 0 && made ? tx_tell_queued(tx, w->chapter) : result;
}

/* ---- for all */

int tx_retry_failed(int *count, struct store_tx *tx, int chapter)
{
	/* A failed job whose like is open again already is left out: one of them is enough. */
	static const char sql[] =
		"UPDATE job SET state = 1, attempts = 0, error_code = 0, error = NULL,"
		" not_before_ms = 0, changed_ms = :now, asked_by = :owner"
		" WHERE state = 4 AND chapter BETWEEN :first AND :last"
		" AND NOT EXISTS (SELECT 1 FROM job AS o WHERE o.kind = job.kind AND o.text = "
		"job.text"
		" AND o.concept = job.concept AND o.profile = job.profile AND o.errand = job.errand"
		" AND o.subject = job.subject AND o.state IN (1, 2))";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":now", clock_unix_ms());
	query_int(&q, ":owner", live_owner(tx->store->live));
	query_int(&q, ":first", chapter);
	query_int(&q, ":last", chapter ? chapter : INT32_MAX);
	int changed;
	int result = query_run_count(&q, &changed);
	if (result == 0 && changed > 0)
		result = tx_tell_queued(tx, chapter);
	if (result == 0 && count)
		*count = changed;
	return result;
}

int tx_pause(struct store_tx *tx, bool paused)
{
	static const char sql[] = "UPDATE control SET paused = :paused WHERE paused <> :paused";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":paused", paused);
	int changed;
	int result = query_run_count(&q, &changed);
	if (result < 0 || !changed)
		return result;
	return tx_event(tx, &(struct store_event){.type = paused ? EVENT_PAUSED : EVENT_RESUMED});
}
