/* SPDX-License-Identifier: MIT */
#include "internal.h"

/*
 * The journal of what persons did, and the way back. An edit's doing can be told by the rows alone:
 * what it made, and what came to stand where it had taken something away, is made by it; what it
 * took away is hidden by it. To undo it is to hide the one and show the other, the newest edit
 * first, so that each is undone in the state that it left.
 */

static const char *const names[EDIT_KINDS] = {
	[EDIT_CONCEPTS] = "edited",
	[EDIT_CONCEPTS_REMOVED] = "removed",
	[EDIT_CONCEPTS_ANEW] = "analysed anew",
	[EDIT_PICTURE_REMOVED] = "removed",
	[EDIT_ELEMENT] = "corrected",
	[EDIT_STYLE] = "set",
	[EDIT_PORTRAIT] = "set",
	[EDIT_PORTRAIT_REMOVED] = "removed",
	[EDIT_APPROVED] = "approved",
};

const char *edit_kind_name(enum edit_kind k)
{
	return names[k];
}

int tx_add_edit(int64_t *id, struct store_tx *tx, const struct deed *d)
{
	static const char sql[] = "INSERT INTO edit (time_ms, kind, chapter, subject, detail)"
				  " VALUES (:now, :kind, :chapter, :subject, :detail)";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":now", clock_unix_ms());
	query_int(&q, ":kind", d->kind);
	query_int(&q, ":chapter", d->chapter);
	query_text(&q, ":subject", d->subject);
	query_text(&q, ":detail", d->detail ? d->detail : "");
	int result = query_run(&q);
	*id = sqlite3_last_insert_rowid(tx->conn.db);
	return result;
}

int store_edits(struct store_reader *r, int most, int (*fn)(void *arg, const struct store_edit *e),
		void *arg)
{
	static const char sql[] = "SELECT id, time_ms, kind, chapter, subject, detail, undone_ms"
				  " FROM edit ORDER BY id DESC LIMIT :most";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	query_int(&q, ":most", most ? most : -1);
	int more, ended = 0;
	while (!ended && (more = query_row(&q)) == 1) {
		const struct store_edit e = {
			.id = query_get_int(&q, 0),
			.time_unix_ms = query_get_int(&q, 1),
			.kind = (enum edit_kind)query_get_enum(&q, 2, EDIT_KINDS - 1),
			.chapter = (int)query_get_int(&q, 3),
			.subject = query_string(&q, 4),
			.detail = query_string(&q, 5),
			.undone_unix_ms = query_get_int(&q, 6),
		};
		ended = q.failed ? q.failed : fn(arg, &e);
	}
	return ended ? ended : more;
}

/* ---- undo */

/* First what was asked for in the place of what comes back, and not begun. Then the rows: those it
 * made go before those it hid come, as only one look of an element may be shown. */
#define TAKE_BACK(table)                                                                           \
	"UPDATE " table " SET hidden_by = :edit WHERE made_by = :edit AND hidden_by IS NULL",      \
		"UPDATE " table " SET hidden_by = NULL WHERE hidden_by = :edit"                    \
		" AND made_by IS NOT :edit"
static const char *const undo_sql[] = {
	"UPDATE job SET state = 5 WHERE state = 1 AND kind = 0 AND errand = 0 AND :edit IN"
	" (SELECT hidden_by FROM analysis WHERE text = job.text)",
	"UPDATE job SET state = 5 WHERE state = 1 AND kind = 1 AND concept IN"
	" (SELECT concept FROM picture WHERE hidden_by = :edit"
	" UNION SELECT concept FROM approval WHERE made_by = :edit)",
	TAKE_BACK("analysis"),
	TAKE_BACK("picture"),
	TAKE_BACK("correction"),
	TAKE_BACK("look"),
	TAKE_BACK("style"),
	TAKE_BACK("approval"),
	TAKE_BACK("portrait"),
};

static int take_back(struct store_tx *tx, int64_t edit)
{
	int result = 0;
	for (size_t i = 0; i < ARRAY_LEN(undo_sql) && result == 0; i++) {
		CLEANUP(query_end) struct query q = query_begin(&tx->conn, undo_sql[i]);
		query_int(&q, ":edit", edit);
		result = query_run(&q);
	}
	return result;
}

static int mark_undone(struct store_tx *tx, int64_t edit)
{
	static const char sql[] = "UPDATE edit SET undone_ms = :now WHERE id = :edit";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":now", clock_unix_ms());
	query_int(&q, ":edit", edit);
	return query_run(&q);
}

int tx_lay_beneath(struct store_tx *tx, int64_t edit)
{
	return mark_undone(tx, edit);
}

/* In each chapter that has the text, or in none. */
static int announce(struct store_tx *tx, int chapter, const char *subject)
{
	struct found_chapter found = {0};
	struct announcement a = {.type = EVENT_EDITED, .detail = subject};
	int result = chapter ? tx_find_chapter(&found, tx, chapter) : 0;
	a.text = found.text;
	return result < 0 && result != -ENOENT ? result : tx_announce(tx, &a);
}

/* 1 one was undone, 0 none stands. */
static int undo_newest(struct store_tx *tx)
{
	static const char sql[] = "SELECT id, chapter, subject FROM edit WHERE undone_ms = 0"
				  " ORDER BY id DESC LIMIT 1";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	int more = query_row(&q);
	if (more != 1)
		return more;
	int64_t edit = query_get_int(&q, 0);
	int result = take_back(tx, edit);
	if (result == 0)
		result = mark_undone(tx, edit);
	if (result == 0)
		result = announce(tx, (int)query_get_int(&q, 1), query_string(&q, 2));
	return result < 0 ? result : 1;
}

int tx_undo(int *count, struct store_tx *tx, int most)
{
	int undone = 0, more = 1;
	while ((!most || undone < most) && (more = undo_newest(tx)) == 1)
		undone++;
	int result = more < 0 ? more : undone ? tx_drop_unseen(tx) : 0;
	if (result == 0 && count)
		*count = undone;
	return result;
}
