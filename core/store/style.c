/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "internal.h"

/* style.md. Each is a row, and the newest that is shown is it; an empty one ends those before. */

int style_now(struct buf *out, int64_t *id, struct conn *c)
{
	static const char sql[] =
		"SELECT id, body FROM style WHERE hidden_by IS NULL ORDER BY id DESC LIMIT 1";
	CLEANUP(query_end) struct query q = query_begin(c, sql);
	int more = query_row(&q);
	const char *body = more == 1 ? query_string(&q, 1) : "";
	*id = *body ? query_get_int(&q, 0) : 0;
	buf_adds(out, body);
	return more < 0 ? more : buf_error(out);
}

int store_style(struct buf *out, int64_t *id, struct store_reader *r)
{
	return style_now(out, id, &r->conn);
}

static int insert_style(struct store_tx *tx, const char *body, int64_t edit, bool beneath)
{
	static const char sql[] = "INSERT INTO style (body, made_by, hidden_by)"
				  " VALUES (:body, :edit, iif(:beneath, :edit, NULL))";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_text(&q, ":body", body);
	query_int(&q, ":edit", edit);
	query_int(&q, ":beneath", beneath);
	return query_run(&q);
}

/* Its first line, for the journal: mostly a heading. */
static void add_title(struct buf *out, const char *body)
{
	enum { TITLE_BYTES = 80 };
	body += strspn(body, "# \t\r\n");
	size_t len = strcspn(body, "\r\n");
	while (len > TITLE_BYTES || (len > 0 && !utf8_valid(body, len)))
		len--;
	buf_add(out, *body ? body : "none", *body ? len : strlen("none"));
}

/* What style.md says while there is none: whoever saves that has set none. */
static bool is_none(const char *body)
{
	CLEANUP(buf_finish) struct buf none = {0};
	return style_none(&none) == 0 && strcmp(buf_str(&none), body) == 0;
}

int style_set(struct store_tx *tx, const char *body, const char *by, bool beneath)
{
	CLEANUP(buf_finish) struct buf now = {0}, title = {0};
	const char *new = body && !is_none(body) ? body : "";
	int64_t id = 0, edit = 0;
	int result = style_now(&now, &id, &tx->conn);
	if (result < 0 || strcmp(buf_str(&now), new) == 0)
		return result;
	add_title(&title, new);
	if (by)
		buf_addf(&title, ", %s", by);
	result = buf_error(&title);
	if (result == 0)
		result = tx_add_edit(&edit, tx,
				     &(struct deed){EDIT_STYLE, 0, "style.md", buf_str(&title)});
	if (result == 0)
		result = insert_style(tx, new, edit, beneath);
	if (result == 0 && beneath)
		result = tx_lay_beneath(tx, edit);
	if (result == 0)
		result = tx_event(tx, &(struct store_event){.type = EVENT_EDITED,
							    .detail = (char *)"style.md"});
	return result;
}

int tx_set_style(struct store_tx *tx, const char *body)
{
	return style_set(tx, body, NULL, false);
}
