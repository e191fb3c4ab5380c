/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "internal.h"

/* What a person says of the catalogue. */

static int insert_correction(struct store_tx *tx, const struct correction *c, int64_t edit)
{
	static const char sql[] =
		"INSERT INTO correction (kind, type, name, to_type, to_name, text, made_by)"
		" VALUES (:kind, :type, :name, :to_type, :to_name, :text, :edit)";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":kind", c->kind);
	query_int(&q, ":type", c->type);
	query_text(&q, ":name", c->name);
	query_int(&q, ":to_type", c->to_type);
	query_text(&q, ":to_name", c->to);
	query_text(&q, ":text", c->text);
	query_int(&q, ":edit", edit);
	return query_run(&q);
}

static int read_all(struct corrections *out, struct conn *c, const char *sql)
{
	CLEANUP(query_end) struct query q = query_begin(c, sql);
	int more;
	while ((more = query_row(&q)) == 1) {
		int kind = query_get_enum(&q, 0, CORRECTION_KINDS - 1);
		int type = query_get_enum(&q, 1, ELEMENT_TYPES - 1);
		int to_type = query_get_enum(&q, 3, ELEMENT_TYPES - 1);
		if (q.failed)
			return q.failed;
		struct correction *new =
			corrections_add(out, (enum correction_kind)kind, (enum element_type)type,
					query_string(&q, 2));
		new->to_type = (enum element_type)to_type;
		new->to = query_dup(&q, 4);
		new->text = query_dup(&q, 5);
	}
	return more;
}

int corrections_read(struct corrections *out, struct conn *c)
{
	static const char sql[] = "SELECT kind, type, name, to_type, to_name, text FROM correction"
				  " WHERE hidden_by IS NULL ORDER BY id";
	return read_all(out, c, sql);
}

int decided_read(struct corrections *out, struct conn *c)
{
	static const char sql[] =
		"SELECT kind, type, name, to_type, to_name, text FROM"
		" (SELECT kind, type, name, to_type, to_name, text, id AS place, 0 AS answer, id"
		" FROM correction WHERE hidden_by IS NULL UNION ALL"
		" SELECT kind, type, name, to_type, to_name, NULL, place, 1, id FROM verdict)"
		" ORDER BY place, answer, id";
	return read_all(out, c, sql);
}

int store_decided(struct corrections *out, struct store_reader *r)
{
	return decided_read(out, &r->conn);
}

int store_corrections(struct corrections *out, struct store_reader *r)
{
	return corrections_read(out, &r->conn);
}

/* ---- looks that go with them */

static bool ends_look(const struct correction *c)
{
	return c->kind == CORRECTION_DESCRIPTION || c->kind == CORRECTION_MERGE ||
	       c->kind == CORRECTION_REMOVE;
}

static int hide_look(struct store_tx *tx, int64_t look, int64_t edit)
{
	static const char sql[] = "UPDATE look SET hidden_by = :edit WHERE id = :look";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":edit", edit);
	query_int(&q, ":look", look);
	return query_run(&q);
}

/* Whether the look of this name is that of the corrected element. Merged into another, an element
 * takes on the other's. */
static bool is_its_look(const struct catalogue *cast, const struct correction *c,
			enum element_type type, const char *name)
{
	size_t owner = catalogue_owner(cast, type, name),
	       its = catalogue_owner(cast, c->type, c->name);
	if (its == NO_ENTRY)
		return type == c->type && strcmp(name, c->name) == 0;
	return owner == its && !(c->kind == CORRECTION_MERGE && c->to &&
				 catalogue_owner(cast, c->to_type, c->to) == its);
}

static int hide_looks(struct store_tx *tx, const struct catalogue *cast, const struct correction *c,
		      int64_t edit)
{
	static const char sql[] = "SELECT id, type, name FROM look WHERE hidden_by IS NULL";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	int more, result = 0;
	while (result == 0 && (more = query_row(&q)) == 1) {
		enum element_type type =
			(enum element_type)query_get_enum(&q, 1, ELEMENT_TYPES - 1);
		if (q.failed)
			return q.failed;
		if (is_its_look(cast, c, type, query_string(&q, 2)))
			result = hide_look(tx, query_get_int(&q, 0), edit);
	}
	return result ? result : more;
}

static int any_look(struct store_tx *tx)
{
	static const char sql[] = "SELECT 1 FROM look WHERE hidden_by IS NULL LIMIT 1";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	return query_row(&q);
}

/* By the catalogue as the person saw it: the correction may name an element by what is an alias of
 * the look's name. */
static int end_looks(struct store_tx *tx, const struct corrections *list, int64_t edit)
{
	CLEANUP(store_cast_free_cleanup) struct store_cast *cast = NULL;
	const struct catalogue *catalogue = NULL;
	int result = any_look(tx);
	if (result != 1)
		return result;
	result = 0;
	for (size_t i = 0; i < list->len && result == 0; i++) {
		if (!ends_look(&list->items[i]))
			continue;
		if (!cast) {
			cast = store_cast_new();
			result = cast_read(&catalogue, cast, &tx->conn);
		}
		if (result == 0)
			result = hide_looks(tx, catalogue, &list->items[i], edit);
	}
	return result;
}

/* ---- saying it */

/* "Poor Ida merged into Ida, and 2 more" */
static void add_words(struct buf *out, const struct corrections *list)
{
	static const char *const words[] = {
		[CORRECTION_MERGE] = "merged into",   [CORRECTION_RENAME] = "renamed",
		[CORRECTION_RETYPE] = "is of type",   [CORRECTION_SPLIT] = "is not",
		[CORRECTION_ALIASES] = "has aliases", [CORRECTION_DESCRIPTION] = "described",
		[CORRECTION_REMOVE] = "is nobody",    [CORRECTION_APART] = "is another than",
	};
	const struct correction *c = &list->items[0];
	const char *to = c->kind == CORRECTION_RETYPE ? element_type_name(c->to_type) : c->to;
	buf_addf(out, "%s %s%s%s", c->name, words[c->kind], to ? " " : "", to ? to : "");
	if (list->len > 1)
		buf_addf(out, ", and %zu more", list->len - 1);
}

int tx_correct(struct store_tx *tx, const char *subject, const struct corrections *list)
{
	CLEANUP(buf_finish) struct buf words = {0};
	int64_t edit = 0;
	if (list->len == 0)
		return 0;
	add_words(&words, list);
	int result = buf_error(&words);
	if (result == 0)
		result = tx_add_edit(&edit, tx,
				     &(struct deed){EDIT_ELEMENT, 0, subject, buf_str(&words)});
	if (result == 0)
		result = end_looks(tx, list, edit);
	for (size_t i = 0; i < list->len && result == 0; i++)
		result = insert_correction(tx, &list->items[i], edit);
	if (result == 0)
		result = tx_event(
			tx, &(struct store_event){.type = EVENT_EDITED, .detail = (char *)subject});
	return result;
}
