/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "internal.h"

void result_key(char out[HASH_HEX], const char *subject, const struct result_info *info)
{
	char version[16];
	snprintf(version, sizeof(version), "%d", info->prompt_version);
	CLEANUP(hash_free_cleanup) struct hash *h = hash_new();
	hash_adds(h, subject);
	hash_adds(h, info->provider);
	hash_adds(h, info->model);
	hash_adds(h, version);
	hash_adds(h, info->options ? info->options : "");
	hash_hex(out, h);
}

/* ---- storing */

void analysis_row_finish(struct analysis_row *row)
{
	buf_finish(&row->body);
}

static int64_t usage_tokens(const struct store_usage *u)
{
	return u->tokens_in + u->tokens_out;
}

int analysis_row_make(struct analysis_row *row, struct store_tx *tx, int64_t text,
		      const struct store_usage *usage, const struct analysis *a,
		      const struct result_info *info)
{
	static const char sql[] = "SELECT hash FROM text WHERE id = :id";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":id", text);
	int more = query_row(&q);
	if (more != 1)
		return more < 0 ? more : -EBADMSG;
	result_key(row->key, query_string(&q, 0), info);
	row->text = text;
	row->concepts = (int)a->concept_count;
	row->usage = *usage;
	row->tokens = usage_tokens(usage) ? usage_tokens(usage) : a->tokens;
	int result = analysis_encode(&row->body, a);
	CLEANUP(hash_free_cleanup) struct hash *h = hash_new();
	hash_add(h, buf_str(&row->body), row->body.len);
	hash_hex(row->hash, h);
	return result;
}

/* The best analysis if it is this one to the byte: asked for again, the answer was the same. Then
 * it stays, with its concepts' numbers and their pictures. 0: it is not. */
static int find_same(int64_t *id, struct store_tx *tx, const struct analysis_row *row)
{
	static const char sql[] = "SELECT id FROM analysis WHERE id = " BEST_ANALYSIS(
		":text") " AND key = :key AND body = :body";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":text", row->text);
	query_text(&q, ":key", row->key);
	query_blob(&q, ":body", row->body.data, row->body.len);
	int more = query_row(&q);
	if (more == 1)
		*id = query_get_int(&q, 0);
	return more;
}

/* made_by: the edit it is, or else the one that took away what stood there, if that was a removal.
 */
int analysis_row_insert(int64_t *id, struct store_tx *tx, const struct analysis_row *row,
			const struct result_info *info, int64_t edit)
{
	static const char sql[] =
		"INSERT INTO analysis (key, text, rank, provider, model, options, prompt_version,"
		" completed_ms, tokens, concepts, body, hash, requests, tokens_in, tokens_out,"
		" cost_micro, made_by) VALUES (:key, :text,"
		" CASE :provider WHEN 'builtin' THEN 0 WHEN 'person' THEN 2 ELSE 1 END, :provider,"
		" :model, :options, :version, :now, :tokens, :concepts, :body, :hash, :requests,"
		" :tokens_in, :tokens_out, :cost, coalesce(nullif(:edit, 0),"
		" (SELECT max(a.hidden_by) FROM analysis AS a JOIN edit AS e ON e.id = a.hidden_by"
		" WHERE a.text = :text AND e.kind = 1 AND e.undone_ms = 0)))";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":edit", edit);
	query_text(&q, ":key", row->key);
	query_int(&q, ":text", row->text);
	query_text(&q, ":provider", info->provider);
	query_text(&q, ":model", info->model);
	query_text(&q, ":options", info->options ? info->options : "");
	query_int(&q, ":version", info->prompt_version);
	query_int(&q, ":now", TIME_OR_NOW(info->completed_unix_ms));
	query_int(&q, ":tokens", row->tokens);
	query_int(&q, ":concepts", row->concepts);
	query_blob(&q, ":body", row->body.data, row->body.len);
	query_text(&q, ":hash", row->hash);
	query_bind_usage(&q, &row->usage);
	int result = query_run(&q);
	*id = sqlite3_last_insert_rowid(tx->conn.db);
	return result;
}

static int insert_concept(struct store_tx *tx, int64_t analysis, const struct concept *c,
			  int64_t from)
{
	static const char sql[] =
		"INSERT INTO concept (analysis, scene, hash, root) VALUES (:analysis, :scene, "
		":hash,"
		" (SELECT " ROOT_OF_N " FROM concept AS n"
		" WHERE n.analysis = :from AND n.scene = :scene))";
	char hash[HASH_HEX];
	concept_hash(hash, c);
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":analysis", analysis);
	query_int(&q, ":scene", c->scene);
	query_text(&q, ":hash", hash);
	query_int(&q, ":from", from);
	return query_run(&q);
}

int concepts_insert(struct store_tx *tx, int64_t analysis, const struct analysis *a, int64_t from)
{
	int result = 0;
	for (size_t i = 0; i < a->concept_count && result == 0; i++)
		result = insert_concept(tx, analysis, &a->concepts[i], from);
	return result;
}

static int best_of_text(int64_t *id, struct store_tx *tx, int64_t text)
{
	static const char sql[] = "SELECT " BEST_ANALYSIS(":text");
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":text", text);
	int more = query_row(&q);
	if (more == 1)
		*id = query_get_int(&q, 0);
	return more < 0 ? more : 0;
}

int jobs_drop_superseded(struct store_tx *tx, int64_t text, int64_t best)
{
	static const char sql[] =
		"UPDATE job SET state = 5, changed_ms = :now"
		" WHERE kind = 1 AND errand = 0 AND text = :text AND state IN (1, 4)"
		" AND concept NOT IN (SELECT " ROOT_OF_N
		" FROM concept AS n WHERE n.analysis = :best)";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":text", text);
	query_int(&q, ":best", best);
	query_int(&q, ":now", clock_unix_ms());
	return query_run(&q);
}

/* 1: by the settings or by a wish, 0: they are not. */
static int are_wanted(int64_t *asked_by, struct store_tx *tx, int64_t job,
		      const struct result_info *info)
{
	static const char sql[] = "SELECT asked_by FROM job WHERE id = :id AND pictures = 1";
	if (!info->image_profile || !info->only_wished)
		return info->image_profile != NULL;
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":id", job);
	int more = query_row(&q);
	if (more == 1)
		*asked_by = query_get_int(&q, 0);
	return more;
}

/* After a result is in: the pictures of what is best now. */
static int plan_pictures(struct store_tx *tx, const struct store_job *job,
			 const struct result_info *info)
{
	int64_t best = 0;
	int count = 0;
	struct wish wish = {.profile = info->image_profile};
	int result = best_of_text(&best, tx, job->text_id);
	if (result == 0)
		result = jobs_drop_superseded(tx, job->text_id, best);
	if (result == 0)
		result = are_wanted(&wish.asked_by, tx, job->id, info);
	if (result <= 0)
		return result;
	return tx_put_pictures(&count, tx, best, 0, &wish);
}

int tx_analysis_done(struct store_tx *tx, int64_t job_id, const struct analysis *a,
		     const struct result_info *info)
{
	CLEANUP(store_job_finish) struct store_job job = {0};
	CLEANUP(analysis_row_finish) struct analysis_row row = {0};
	char found[16];
	int64_t id = 0;
	int result = tx_own_job(&job, tx, job_id, JOB_ANALYZE);
	if (result == 0)
		result = analysis_row_make(&row, tx, job.text_id, &job.usage, a, info);
	if (result == 0)
		result = tx_replace_edits(tx, &job, info);
	if (result < 0)
		return result;
	int same = find_same(&id, tx, &row);
	if (same < 0)
		return same;
	if (!same) {
		result = analysis_row_insert(&id, tx, &row, info, 0);
		if (result == 0)
			result = concepts_insert(tx, id, a, 0);
	}
	if (result == 0)
		result = tx_complete_job(tx, job_id, usage_tokens(&job.usage) ? 0 : a->tokens);
	if (result == 0)
		result = plan_pictures(tx, &job, info);
	if (result < 0)
		return result;
	snprintf(found, sizeof(found), "%d", row.concepts);
	return tx_announce(tx, &(struct announcement){
				       .type = EVENT_CONCEPTS_READY,
				       .text = job.text_id,
				       .provider = info->provider,
				       .detail = found,
			       });
}

/* One that says the same of that text, whoever is best now. */
static int is_there(struct store_tx *tx, const struct analysis_row *row)
{
	static const char sql[] =
		"SELECT 1 FROM analysis WHERE text = :text AND key = :key AND body = :body"
		" AND hidden_by IS NULL";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":text", row->text);
	query_text(&q, ":key", row->key);
	query_blob(&q, ":body", row->body.data, row->body.len);
	return query_row(&q);
}

int tx_bring_analysis(struct store_tx *tx, int64_t text_id, const struct analysis *a,
		      const struct result_info *info)
{
	static const struct store_usage free_of_charge;
	CLEANUP(analysis_row_finish) struct analysis_row row = {0};
	char found[16];
	int64_t id;
	int result = analysis_row_make(&row, tx, text_id, &free_of_charge, a, info);
	if (result == 0)
		result = is_there(tx, &row);
	if (result)
		return result < 0 ? result : 0;
	result = analysis_row_insert(&id, tx, &row, info, 0);
	if (result == 0)
		result = concepts_insert(tx, id, a, 0);
	if (result < 0)
		return result;
	snprintf(found, sizeof(found), "%d", row.concepts);
	result = tx_announce(tx, &(struct announcement){
					 .type = EVENT_CONCEPTS_READY,
					 .text = text_id,
					 .provider = info->provider,
					 .detail = found,
				 });
	return result < 0 ? result : 1;
}

/* ---- reading */

void store_analysis_finish(struct store_analysis *a)
{
	free(a->provider);
	free(a->model);
	free(a->options);
	free(a->serials);
	analysis_free(a->analysis);
	*a = (struct store_analysis){0};
}

static int decode(struct store_analysis *a, struct query *q, int column)
{
	size_t len;
	struct err err = {0};
	const char *body = query_get_blob(q, column, &len);
	int result = analysis_decode(&a->analysis, body ? body : "", len, &err);
	if (result < 0)
		log_error("store: analysis %lld: %s", (long long)a->id, err.msg);
	return result;
}

/* A number for each scene; a row without a scene, or the other way, is store_check's to find. */
static int read_serials(struct store_analysis *a, struct conn *c)
{
	static const char sql[] =
		"SELECT n.scene, " ROOT_OF_N " FROM concept AS n WHERE n.analysis = :analysis";
	a->serials = xcalloc(a->analysis->concept_count + 1, sizeof(a->serials[0]));
	CLEANUP(query_end) struct query q = query_begin(c, sql);
	query_int(&q, ":analysis", a->id);
	int more;
	while ((more = query_row(&q)) == 1) {
		const struct concept *scene =
			analysis_scene(a->analysis, (int)query_get_int(&q, 0));
		if (scene)
			a->serials[scene - a->analysis->concepts] = query_get_int(&q, 1);
	}
	return more;
}

int analysis_read(struct store_analysis *out, struct conn *c, int chapter, bool with_body)
{
	static const char sql[] =
		"SELECT a.id, a.provider, a.model, a.options, a.prompt_version, a.completed_ms,"
		" a.body, " USAGE_COLUMNS(
			"a") ", a.text <> c.text FROM chapter AS c JOIN analysis AS a ON a.id"
			     " = " SHOWN_ANALYSIS("c") " WHERE c.number = :chapter";
	CLEANUP(query_end) struct query q = query_begin(c, sql);
	query_int(&q, ":chapter", chapter);
	int more = query_row(&q);
	if (more != 1)
		return more < 0 ? more : -ENOENT;
	struct store_analysis a = {
		.id = query_get_int(&q, 0),
		.chapter = chapter,
		.provider = xstrdup(query_string(&q, 1)),
		.model = xstrdup(query_string(&q, 2)),
		.options = xstrdup(query_string(&q, 3)),
		.prompt_version = (int)query_get_int(&q, 4),
		.completed_unix_ms = query_get_int(&q, 5),
		.usage = query_usage(&q, 7),
		.of_former = query_get_int(&q, 11) != 0,
	};
	int result = with_body ? decode(&a, &q, 6) : 0;
	if (result == 0 && with_body)
		result = read_serials(&a, c);
	if (result < 0)
		store_analysis_finish(&a);
	else
		*out = a;
	return result;
}

int store_analysis(struct store_analysis *out, struct store_reader *r, int chapter, bool with_body)
{
	return analysis_read(out, &r->conn, chapter, with_body);
}

int store_analysis_id(int64_t *id, struct store_reader *r, int chapter)
{
	static const char sql[] =
		"SELECT " SHOWN_ANALYSIS("c") " FROM chapter AS c WHERE c.number = :chapter";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	query_int(&q, ":chapter", chapter);
	int more = query_row(&q);
	if (more >= 0)
		*id = more ? query_get_int(&q, 0) : 0;
	return more < 0 ? more : 0;
}
