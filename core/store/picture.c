/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "internal.h"

/* ---- storing */

/* made_by: what had taken away the picture in whose place this one comes. scene_hash: where nobody
 * says of what it was drawn, it is of the scene as that stands. */
static int insert_picture(int64_t *id, struct store_tx *tx, const struct store_job *job,
			  const void *data, size_t len, const char *ext,
			  const struct result_info *info)
{
	static const char sql[] =
		"INSERT INTO picture (concept, key, hash, ext, size_bytes, completed_ms, provider,"
		" model, options, prompt_version, prompt, requests, tokens_in, tokens_out, "
		"cost_micro,"
		" style, scene_hash, made_by) VALUES (:concept, :key, :hash, :ext, :size, :now,"
		" :provider, :model, :options, :version, :prompt, :requests, :tokens_in, "
		":tokens_out,"
		" :cost, nullif(:style, 0), coalesce(:scene_hash, (SELECT n.hash FROM concept AS n"
		" JOIN analysis AS a ON a.id = n.analysis WHERE (n.serial = :concept AND n.root IS "
		"NULL"
		" OR n.root = :concept) AND a.hidden_by IS NULL ORDER BY a.rank DESC, a.id DESC)),"
		" (SELECT max(p.hidden_by) FROM picture AS p JOIN edit AS e ON e.id = p.hidden_by"
		" WHERE p.concept = :concept AND e.kind = 3 AND e.undone_ms = 0))";
	const char *prompt = info->prompt ? info->prompt : "";
	char key[HASH_HEX], hex[HASH_HEX];
	result_key(key, prompt, info);
	CLEANUP(hash_free_cleanup) struct hash *h = hash_new();
	hash_add(h, data, len);
	hash_hex(hex, h);
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":concept", job->concept);
	query_text(&q, ":key", key);
	query_text(&q, ":hash", hex);
	query_text(&q, ":ext", ext);
	query_int(&q, ":size", (int64_t)len);
	query_int(&q, ":now", TIME_OR_NOW(info->completed_unix_ms));
	query_text(&q, ":provider", info->provider);
	query_text(&q, ":model", info->model);
	query_text(&q, ":options", info->options ? info->options : "");
	query_int(&q, ":version", info->prompt_version);
	query_text(&q, ":prompt", prompt);
	query_int(&q, ":style", info->style);
	query_text(&q, ":scene_hash", info->scene_hash);
	query_bind_usage(&q, &job->usage);
	int result = query_run(&q);
	*id = sqlite3_last_insert_rowid(tx->conn.db);
	return result;
}

static int insert_bytes(struct store_tx *tx, int64_t id, const void *data, size_t len)
{
	static const char sql[] = "INSERT INTO picture_data (id, bytes) VALUES (:id, :bytes)";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":id", id);
	query_blob(&q, ":bytes", data, len);
	return query_run(&q);
}

static int insert_looks(struct store_tx *tx, int64_t picture, const struct result_info *info)
{
	static const char sql[] =
		"INSERT OR IGNORE INTO picture_look (picture, look) VALUES (:picture, :look)";
	int result = 0;
	for (size_t i = 0; i < info->look_count && result == 0; i++) {
		CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
		query_int(&q, ":picture", picture);
		query_int(&q, ":look", info->looks[i]);
		result = query_run(&q);
	}
	return result;
}

bool picture_is_ext(const char *ext)
{
	static const char *const known[] = {"png", "jpg", "webp"};
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strcmp(ext, known[i]) == 0)
			return true;
	}
	return false;
}

int tx_picture_done(struct store_tx *tx, int64_t job_id, const void *data, size_t len,
		    const char *ext, const struct result_info *info)
{
	if (!picture_is_ext(ext))
		return -EINVAL;
	CLEANUP(store_job_finish) struct store_job job = {0};
	int64_t id;
	int result = tx_own_job(&job, tx, job_id, JOB_ILLUSTRATE);
	if (result == 0)
		result = insert_picture(&id, tx, &job, data, len, ext, info);
	if (result == 0)
		result = insert_bytes(tx, id, data, len);
	if (result == 0)
		result = insert_looks(tx, id, info);
	if (result == 0)
		result = tx_complete_job(tx, job_id, 0);
	if (result < 0)
		return result;
	return tx_announce(tx, &(struct announcement){
				       .type = EVENT_IMAGE_COMPLETE,
				       .text = job.text_id,
				       .scene = job.scene,
				       .provider = info->provider,
				       .ext = ext,
			       });
}

/* The concept's newest picture, if it is these bytes. */
static int is_there(struct store_tx *tx, int64_t concept, const void *data, size_t len)
{
	static const char sql[] =
		"SELECT 1 FROM picture WHERE hash = :hash AND id = (SELECT max(id)"
		" FROM picture WHERE concept = :concept AND hidden_by IS NULL)";
	char hex[HASH_HEX];
	CLEANUP(hash_free_cleanup) struct hash *h = hash_new();
	hash_add(h, data, len);
	hash_hex(hex, h);
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_text(&q, ":hash", hex);
	query_int(&q, ":concept", concept);
	return query_row(&q);
}

int tx_bring_picture(struct store_tx *tx, const struct store_picture *of, int64_t text_id,
		     const struct bytes *b, const struct result_info *info)
{
	const struct store_job job = {.concept = of->concept};
	int64_t id;
	int result = picture_is_ext(b->ext) ? is_there(tx, of->concept, b->data, b->len) : -EINVAL;
	if (result)
		return result < 0 ? result : 0;
	result = insert_picture(&id, tx, &job, b->data, b->len, b->ext, info);
	if (result == 0)
		result = insert_bytes(tx, id, b->data, b->len);
	if (result < 0)
		return result;
	result = tx_announce(tx, &(struct announcement){
					 .type = EVENT_IMAGE_COMPLETE,
					 .text = text_id,
					 .scene = of->scene,
					 .provider = info->provider,
					 .ext = b->ext,
				 });
	return result < 0 ? result : 1;
}

/* ---- taking away */

int tx_find_scene(struct found_scene *out, struct store_tx *tx, int chapter, int scene)
{
	static const char sql[] = "SELECT c.text, " ROOT_OF_N " FROM chapter AS c JOIN concept AS n"
				  " ON n.analysis = " SHOWN_ANALYSIS(
					  "c") " WHERE c.number = :chapter AND n.scene = :scene";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":chapter", chapter);
	query_int(&q, ":scene", scene);
	int more = query_row(&q);
	if (more == 1 && out)
		*out = (struct found_scene){query_get_int(&q, 0), query_get_int(&q, 1)};
	return more == 1 ? 0 : more < 0 ? more : -ENOENT;
}

static int newest_ext(char out[8], struct store_tx *tx, int64_t concept)
{
	static const char sql[] = "SELECT ext FROM picture WHERE concept = :concept"
				  " AND hidden_by IS NULL ORDER BY id DESC LIMIT 1";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":concept", concept);
	int more = query_row(&q);
	if (more == 1 && picture_is_ext(query_string(&q, 0)))
		snprintf(out, 8, "%s", query_string(&q, 0));
	return more == 1 ? 0 : more < 0 ? more : -ENOENT;
}

/* The pictures, the leave to draw one, and the work that waits. */
static int hide_pictures(struct store_tx *tx, int64_t concept, int64_t edit)
{
	static const char *const sql[] = {
		"UPDATE picture SET hidden_by = :edit"
		" WHERE concept = :concept AND hidden_by IS NULL",
		"UPDATE approval SET hidden_by = :edit"
		" WHERE concept = :concept AND hidden_by IS NULL",
		"UPDATE job SET state = 5 WHERE :edit AND concept = :concept AND concept > 0"
		" AND state IN (1, 4)",
	};
	int result = 0;
	for (size_t i = 0; i < ARRAY_LEN(sql) && result == 0; i++) {
		CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql[i]);
		query_int(&q, ":edit", edit);
		query_int(&q, ":concept", concept);
		result = query_run(&q);
	}
	return result;
}

int tx_remove_picture(struct store_tx *tx, int chapter, int scene)
{
	struct found_scene found;
	char ext[8] = "png", subject[64];
	int64_t edit = 0;
	int result = tx_find_scene(&found, tx, chapter, scene);
	if (result == 0)
		result = newest_ext(ext, tx, found.concept);
	if (result < 0)
		return result;
	snprintf(subject, sizeof(subject), "images/chapter_%d_scene_%d.%s", chapter, scene, ext);
	result = tx_add_edit(&edit, tx, &(struct deed){EDIT_PICTURE_REMOVED, chapter, subject});
	if (result == 0)
		result = hide_pictures(tx, found.concept, edit);
	if (result == 0)
		result = tx_announce(tx, &(struct announcement){.type = EVENT_EDITED,
								.text = found.text,
								.scene = scene,
								.detail = subject});
	return result;
}

/* ---- reading */

/* Is picture p of what concept n was before or after an edit? Without edits no hash is read. */
#define EDITED "iif(EXISTS (SELECT 1 FROM edit), p.scene_hash <> n.hash, 0)"
/* Nobody asked for it, or what was drawn is taken away, and nobody let it be drawn. */
#define WAITS "iif(p.id IS NULL, coalesce(j.state, 3) = 3 AND NOT " N_IS_APPROVED ", 0)"

#define ASKED_HERE "iif(j.state = 1, j.asked_by = :owner OR " N_IS_APPROVED ", 0)"

#define PICTURE_COLUMNS(chapter)                                                                   \
	"SELECT " ROOT_OF_N ", " chapter ", n.scene,"                                              \
	" p.id, p.ext, p.size_bytes, p.completed_ms, p.prompt,"                                    \
	" j.state, j.attempts, j.error_code, j.error, j.not_before_ms,"                            \
	" " USAGE_COLUMNS("p") ", " USAGE_COLUMNS("j") ", " WAITS ", " EDITED                      \
						       ", p.style, " ASKED_HERE
/* The newest picture and the newest job of concept n. */
#define PICTURE_JOINS                                                                              \
	" LEFT JOIN picture AS p ON p.id = (SELECT id FROM picture"                                \
	" WHERE concept = " ROOT_OF_N " AND hidden_by IS NULL ORDER BY id DESC LIMIT 1)"           \
	" LEFT JOIN job AS j ON j.id = (SELECT id FROM job"                                        \
	" WHERE concept = " ROOT_OF_N " AND concept > 0 AND state <> 5 ORDER BY id DESC LIMIT 1)"
/* Concepts n of the best analyses of chapters c. */
#define CURRENT_CONCEPTS                                                                           \
	" FROM chapter AS c JOIN concept AS n INDEXED BY concept_seen ON n.analysis "              \
	"= " SHOWN_ANALYSIS("c") PICTURE_JOINS

/* The picture that the job drew was taken away, and with it all that tells of it. */
static void forget_job(struct store_picture *p)
{
	p->state = STATE_NONE;
	p->attempts = 0;
	p->usage = (struct store_usage){0};
}

static int read_picture(struct store_picture *out, struct query *q)
{
	*out = (struct store_picture){
		.concept = query_get_int(q, 0),
		.chapter = (int)query_get_int(q, 1),
		.scene = (int)query_get_int(q, 2),
		.id = query_get_int(q, 3),
		.size_bytes = query_get_int(q, 5),
		.completed_unix_ms = query_get_int(q, 6),
		.prompt = query_borrow(q, 7),
		.state = (enum job_state)query_get_state(q, 8),
		.attempts = (int)query_get_int(q, 9),
		.error_code = (int)query_get_int(q, 10),
		.error = query_borrow(q, 11),
		.not_before_unix_ms = query_get_int(q, 12),
		.usage = query_usage(q, query_get_int(q, 3) ? 13 : 17),
		.waits_approval = query_get_int(q, 21) != 0,
		.asked_here = query_get_int(q, 24) != 0,
	};
	const char *ext = query_borrow(q, 4);
	if (ext && picture_is_ext(ext)) /* it becomes a part of a file's name */
		memcpy(out->ext, ext, strlen(ext));
	if (out->id)
		out->state = STATE_COMPLETED;
	else if (out->state == STATE_COMPLETED)
		forget_job(out);
	return q->failed;
}

/* ---- why a picture is not as it would be drawn now
 *
 * What most books have nothing of is asked once a list: was any look ever taken away, is there a
 * style. */

struct drawing {
	bool looks_gone;
	int64_t style; /* the newest row, an empty one too; 0: none */
	struct {
		int64_t style;
		int differs;
	} judged; /* the style asked about last: most pictures have the same */
};

static int read_drawing(struct drawing *out, struct conn *c)
{
	static const char sql[] =
		"SELECT EXISTS (SELECT 1 FROM look WHERE hidden_by IS NOT NULL OR lost_to IS NOT "
		"NULL),"
		" (SELECT id FROM style WHERE hidden_by IS NULL ORDER BY id DESC LIMIT 1)";
	CLEANUP(query_end) struct query q = query_begin(c, sql);
	int more = query_row(&q);
	if (more == 1)
		*out = (struct drawing){query_get_int(&q, 0) != 0, query_get_int(&q, 1), {-1, 0}};
	return more < 0 ? more : 0;
}

static int look_gone(char **why, struct conn *c, int64_t picture)
{
	static const char sql[] =
		"SELECT iif(l.hidden_by IS NULL, l.name || ' and ' || w.name || ' are one, who is"
		" drawn by the look of ' || w.name, 'the look of ' || l.name || ' was corrected')"
		" FROM picture_look AS d JOIN look AS l ON l.id = d.look"
		" LEFT JOIN look AS w ON w.id = l.lost_to WHERE d.picture = :picture"
		" AND (l.hidden_by IS NOT NULL OR w.id IS NOT NULL) ORDER BY l.id LIMIT 1";
	CLEANUP(query_end) struct query q = query_begin(c, sql);
	query_int(&q, ":picture", picture);
	int more = query_row(&q);
	if (more == 1)
		*why = query_dup(&q, 0);
	return more;
}

static int style_words(struct buf *out, struct conn *c, int64_t id)
{
	static const char sql[] = "SELECT body FROM style WHERE id = :id";
	CLEANUP(query_end) struct query q = query_begin(c, sql);
	query_int(&q, ":id", id);
	int more = query_row(&q);
	return more == 1 ? style_line(out, query_string(&q, 0), SIZE_MAX) : more;
}

/* By what goes into prompts: one that was changed and changed back is the same, and a remark is
 * nothing. */
static int style_differs(struct conn *c, int64_t then, int64_t now)
{
	CLEANUP(buf_finish) struct buf was = {0}, is = {0};
	int result = style_words(&was, c, then);
	if (result == 0)
		result = style_words(&is, c, now);
	return result < 0 ? result : strcmp(buf_str(&was), buf_str(&is)) != 0;
}

/* *why: owned, NULL: it is. edited, style: of the row. */
static int judge_drawing(char **why, struct conn *c, struct drawing *now, int64_t picture,
			 bool edited, int64_t style)
{
	if (edited) {
		*why = xstrdup("the scene was edited");
		return 0;
	}
	int result = now->looks_gone ? look_gone(why, c, picture) : 0;
	if (result != 0 || now->style == style)
		return result < 0 ? result : 0;
	if (now->judged.style != style) {
		now->judged.style = style;
		now->judged.differs = style_differs(c, style, now->style);
	}
	result = now->judged.differs;
	if (result == 1)
		*why = xstrdup("the style was changed");
	return result < 0 ? result : 0;
}

/* ---- reading rows */

/* The next row: 1, 0 the end. *why is what out->outdated borrows. */
static int next_picture(struct store_picture *out, char **why, struct query *q, struct drawing *now)
{
	int more = query_row(q);
	if (more != 1)
		return more;
	int result = read_picture(out, q);
	free(*why);
	*why = NULL;
	if (result == 0 && out->id)
		result = judge_drawing(why, q->conn, now, out->id, query_get_int(q, 22) != 0,
				       query_get_int(q, 23));
	out->outdated = *why;
	return result < 0 ? result : 1;
}

int store_pictures(struct store_reader *r, int chapter,
		   int (*fn)(void *arg, const struct store_picture *p), void *arg)
{
	static const char sql[] = PICTURE_COLUMNS("c.number") CURRENT_CONCEPTS
		" WHERE c.number BETWEEN :first AND :last ORDER BY c.number, n.scene";
	CLEANUP(cleanup_free) char *why = NULL;
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	struct store_picture picture;
	struct drawing now = {0};
	query_int(&q, ":owner", live_owner(r->store->live));
	query_int(&q, ":first", chapter);
	query_int(&q, ":last", chapter ? chapter : INT32_MAX);
	int more = read_drawing(&now, &r->conn), ended = 0;
	if (more < 0)
		return more;
	while (!ended && (more = next_picture(&picture, &why, &q, &now)) == 1)
		ended = fn(arg, &picture);
	return ended ? ended : more;
}

/* One row, its strings moved to where they last until the next call. */
static int one_picture(struct store_picture *out, struct store_reader *r, struct query *q)
{
	CLEANUP(cleanup_free) char *why = NULL;
	struct store_picture picture;
	struct drawing now = {0};
	int more = read_drawing(&now, &r->conn);
	if (more == 0)
		more = next_picture(&picture, &why, q, &now);
	if (more != 1)
		return more < 0 ? more : -ENOENT;
	const char **strings[] = {&picture.prompt, &picture.error, &picture.outdated};
	for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
		free(r->borrowed[i]);
		*strings[i] = r->borrowed[i] = xstrdup(*strings[i]);
	}
	*out = picture;
	return 0;
}

int store_picture(struct store_picture *out, struct store_reader *r, int chapter, int scene)
{
	static const char sql[] = PICTURE_COLUMNS("c.number") CURRENT_CONCEPTS
		" WHERE c.number = :chapter AND n.scene = :scene";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	query_int(&q, ":owner", live_owner(r->store->live));
	query_int(&q, ":chapter", chapter);
	query_int(&q, ":scene", scene);
	return one_picture(out, r, &q);
}

/* Of the analyses it is in, the one that is seen, else the newest. */
int store_concept(struct store_picture *out, struct store_reader *r, int64_t concept)
{
	static const char sql[] = PICTURE_COLUMNS(
		"coalesce((SELECT min(number) FROM chapter WHERE text = a.text),"
		" (SELECT min(c.number) FROM chapter AS c WHERE c.former = a.text "
		"AND " SHOWN_ANALYSIS(
			"c") " = a.id), 0)") " FROM concept AS n JOIN analysis AS a ON a.id = "
					     "n.analysis" PICTURE_JOINS
					     " WHERE (n.serial = :serial AND n.root IS NULL OR "
					     "n.root = :serial)"
					     " AND a.hidden_by IS NULL"
					     " ORDER BY a.id = " BEST_ANALYSIS(
						     "a.text") " DESC, a.id DESC LIMIT 1";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	query_int(&q, ":owner", live_owner(r->store->live));
	query_int(&q, ":serial", concept);
	return one_picture(out, r, &q);
}

/* Neither the picture was taken away nor every analysis that has its scene. */
static int is_shown(struct store_reader *r, int64_t picture)
{
	static const char sql[] =
		"SELECT 1 FROM picture AS p WHERE p.id = :id AND p.hidden_by IS NULL"
		" AND EXISTS (SELECT 1 FROM concept AS n JOIN analysis AS a ON a.id = n.analysis"
		" WHERE (n.serial = p.concept OR n.root = p.concept) AND a.hidden_by IS NULL)";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	query_int(&q, ":id", picture);
	return query_row(&q);
}

/* By SQLite's blob reading: straight from its pages into the buffer, where a column would be put
 * together in memory of its own first. */
int store_picture_bytes(struct buf *out, struct store_reader *r, int64_t picture_id)
{
	sqlite3_blob *blob = NULL;
	int shown = is_shown(r, picture_id);
	if (shown != 1)
		return shown < 0 ? shown : -ENOENT;
	int code = sqlite3_blob_open(r->conn.db, "main", "picture_data", "bytes", picture_id, 0,
				     &blob);
	if (code == SQLITE_ERROR)
		return -ENOENT;
	if (code)
		return conn_error(&r->conn, code, &r->conn.last);
	int len = sqlite3_blob_bytes(blob);
	int result = buf_reserve(out, (size_t)len);
	if (result == 0) {
		code = sqlite3_blob_read(blob, out->data + out->len, len, 0);
		if (code)
			result = conn_error(&r->conn, code, &r->conn.last);
	}
	sqlite3_blob_close(blob);
	if (result < 0)
		return result;
	out->len += (size_t)len;
	out->data[out->len] = '\0';
	return 0;
}
