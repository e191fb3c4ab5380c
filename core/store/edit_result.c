/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "internal.h"

/* A person's hand on results: an analysis edited, analyses and pictures taken away. */

static const struct result_info person = {.provider = "person", .model = "", .options = ""};

/* ---- an edit */

/* Earlier versions stored no hashes, and without those nobody could tell that a scene was edited.
 */
static int hash_scene(struct store_tx *tx, int64_t analysis, const struct concept *c)
{
	static const char concept_sql[] = "UPDATE concept SET hash = :hash"
					  " WHERE analysis = :analysis AND scene = :scene";
	static const char picture_sql[] =
		"UPDATE picture SET scene_hash = :hash WHERE scene_hash IS NULL AND concept ="
		" (SELECT " ROOT_OF_N " FROM concept AS n"
		" WHERE n.analysis = :analysis AND n.scene = :scene)";
	const char *const sql[] = {concept_sql, picture_sql};
	char hash[HASH_HEX];
	int result = 0;
	concept_hash(hash, c);
	for (size_t i = 0; i < ARRAY_LEN(sql) && result == 0; i++) {
		CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql[i]);
		query_text(&q, ":hash", hash);
		query_int(&q, ":analysis", analysis);
		query_int(&q, ":scene", c->scene);
		result = query_run(&q);
	}
	return result;
}

static int lacks_hashes(struct store_tx *tx, int64_t analysis)
{
	static const char sql[] =
		"SELECT 1 FROM concept WHERE analysis = :analysis AND hash IS NULL LIMIT 1";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":analysis", analysis);
	return query_row(&q);
}

static int hash_scenes(struct store_tx *tx, int chapter, int64_t analysis)
{
	CLEANUP(store_analysis_finish) struct store_analysis a = {0};
	int lacks = analysis ? lacks_hashes(tx, analysis) : 0;
	int result = lacks == 1 ? analysis_read(&a, &tx->conn, chapter, true) : lacks;
	for (size_t i = 0; result == 0 && a.analysis && i < a.analysis->concept_count; i++)
		result = hash_scene(tx, analysis, &a.analysis->concepts[i]);
	return result;
}

static bool scenes_differ(const struct analysis *a)
{
	for (size_t i = 0; i < a->concept_count; i++)
		if (a->concepts[i].scene < 1 ||
		    analysis_scene(a, a->concepts[i].scene) != &a->concepts[i])
			return false;
	return true;
}

/* What it took to have what the person began from. */
static int usage_of(struct store_usage *out, struct store_tx *tx, int64_t analysis)
{
	static const char sql[] =
		"SELECT " USAGE_COLUMNS("a") " FROM analysis AS a WHERE a.id = :analysis";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":analysis", analysis);
	int more = query_row(&q);
	if (more == 1)
		*out = query_usage(&q, 0);
	return more < 0 ? more : 0;
}

static int is_body_of(struct store_tx *tx, int64_t analysis, const struct analysis_row *row)
{
	static const char sql[] = "SELECT 1 FROM analysis WHERE id = :analysis AND body = :body";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":analysis", analysis);
	query_blob(&q, ":body", row->body.data, row->body.len);
	return query_row(&q);
}

static int store_edited(struct store_tx *tx, int chapter, const struct found_chapter *c,
			const struct analysis_row *row, const struct analysis *a)
{
	char subject[64], detail[32];
	int64_t edit = 0, id = 0;
	snprintf(subject, sizeof(subject), "chapters/%d/concepts.json", chapter);
	snprintf(detail, sizeof(detail), "%d scene%s", row->concepts,
		 row->concepts == 1 ? "" : "s");
	int result =
		tx_add_edit(&edit, tx, &(struct deed){EDIT_CONCEPTS, chapter, subject, detail});
	if (result == 0)
		result = hash_scenes(tx, chapter, c->shown);
	if (result == 0)
		result = analysis_row_insert(&id, tx, row, &person, edit);
	if (result == 0)
		result = concepts_insert(tx, id, a, c->shown);
	if (result == 0)
		result = jobs_drop_superseded(tx, c->text, id);
	if (result == 0)
		result = tx_announce(tx, &(struct announcement){.type = EVENT_EDITED,
								.text = c->text,
								.detail = subject});
	return result;
}

int tx_edit_analysis(struct store_tx *tx, int chapter, int64_t seen, const struct analysis *a)
{
	CLEANUP(analysis_row_finish) struct analysis_row row = {0};
	struct store_usage usage = {0};
	struct found_chapter c;
	int result = tx_find_chapter(&c, tx, chapter);
	if (result < 0)
		return result;
	if (c.kind != BOOK_STORY)
		return -ENODATA;
	if (seen && seen != c.shown)
		return -ESTALE;
	if (!scenes_differ(a))
		return -EINVAL;
	result = usage_of(&usage, tx, c.shown);
	if (result == 0)
		result = analysis_row_make(&row, tx, c.text, &usage, a, &person);
	if (result == 0)
		result = is_body_of(tx, c.shown, &row);
	if (result) /* an editor's save of what stands there is no edit */
		return result < 0 ? result : 0;
	return store_edited(tx, chapter, &c, &row, a);
}

/* ---- taken away */

/* "2 scenes by openai gpt-4o" */
static int words_of(struct buf *out, struct store_tx *tx, int64_t analysis)
{
	static const char sql[] = "SELECT concepts, provider, model FROM analysis WHERE id = :id";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":id", analysis);
	int more = query_row(&q);
	if (more != 1)
		return more < 0 ? more : -ENOENT;
	int64_t count = query_get_int(&q, 0);
	const char *model = query_string(&q, 2);
	buf_addf(out, "%lld scene%s by %s%s%s", (long long)count, count == 1 ? "" : "s",
		 query_string(&q, 1), *model ? " " : "", model);
	return buf_error(out);
}

/* All of the text that it is of. */
static int hide_analyses(struct store_tx *tx, int64_t shown, int64_t edit)
{
	static const char sql[] = "UPDATE analysis SET hidden_by = :edit WHERE hidden_by IS NULL"
				  " AND text = (SELECT text FROM analysis WHERE id = :shown)";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":edit", edit);
	query_int(&q, ":shown", shown);
	return query_run(&q);
}

/* What waits to be done, and what failed: the person wants none of it. */
static int drop_jobs(struct store_tx *tx, int64_t text)
{
	static const char sql[] = "UPDATE job SET state = 5, changed_ms = :now"
				  " WHERE errand = 0 AND text = :text AND state IN (1, 4)";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":now", clock_unix_ms());
	query_int(&q, ":text", text);
	return query_run(&q);
}

int tx_remove_analysis(struct store_tx *tx, int chapter)
{
	CLEANUP(buf_finish) struct buf words = {0};
	struct found_chapter c;
	char subject[64];
	int64_t edit = 0;
	int result = tx_find_chapter(&c, tx, chapter);
	if (result == 0)
		result = words_of(&words, tx, c.shown);
	if (result < 0)
		return result;
	snprintf(subject, sizeof(subject), "chapters/%d/concepts.json", chapter);
	result = tx_add_edit(
		&edit, tx,
		&(struct deed){EDIT_CONCEPTS_REMOVED, chapter, subject, buf_str(&words)});
	if (result == 0)
		result = hide_analyses(tx, c.shown, edit);
	if (result == 0)
		result = drop_jobs(tx, c.text);
	if (result == 0)
		result = tx_announce(tx, &(struct announcement){.type = EVENT_EDITED,
								.text = c.text,
								.detail = subject});
	return result;
}

/* ---- replaced */

/* 1: there is a person's edit that the job may replace. */
static int may_replace(struct store_tx *tx, int64_t job)
{
	static const char sql[] = "SELECT 1 FROM job AS j JOIN analysis AS a ON a.text = j.text"
				  " AND a.rank = 2 AND a.id <= j.over_edit AND a.hidden_by IS NULL"
				  " WHERE j.id = :job LIMIT 1";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":job", job);
	return query_row(&q);
}

static int hide_edits(struct store_tx *tx, int64_t job, int64_t edit)
{
	static const char sql[] =
		"UPDATE analysis SET hidden_by = :edit FROM job AS j WHERE j.id = :job"
		" AND analysis.text = j.text AND rank = 2 AND analysis.id <= j.over_edit"
		" AND hidden_by IS NULL";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":edit", edit);
	query_int(&q, ":job", job);
	return query_run(&q);
}

int tx_replace_edits(struct store_tx *tx, const struct store_job *job,
		     const struct result_info *info)
{
	CLEANUP(cleanup_free) char *by = xasprintf("%s %s", info->provider, info->model);
	char subject[64];
	int64_t edit = 0;
	int result = may_replace(tx, job->id);
	if (result != 1)
		return result;
	snprintf(subject, sizeof(subject), "chapters/%d/concepts.json", job->chapter);
	result = tx_add_edit(&edit, tx,
			     &(struct deed){EDIT_CONCEPTS_ANEW, job->chapter, subject, by});
	if (result == 0)
		result = hide_edits(tx, job->id, edit);
	if (result == 0)
		result = tx_announce(tx, &(struct announcement){.type = EVENT_EDITED,
								.text = job->text_id,
								.detail = subject});
	return result;
}

/* ---- put right, after an undo */

int tx_drop_unseen(struct store_tx *tx)
{
	static const char sql[] =
		"UPDATE job SET state = 5, changed_ms = :now WHERE kind = 1 AND errand = 0 AND "
		"state IN (1, 4)"
		" AND concept NOT IN (SELECT " ROOT_OF_N " FROM chapter AS c JOIN concept AS n"
		" ON n.analysis = " BEST_ANALYSIS("c.text") ")";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":now", clock_unix_ms());
	return query_run(&q);
}
