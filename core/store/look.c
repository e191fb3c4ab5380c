/* SPDX-License-Identifier: MIT */
#include "internal.h"

/*
 * Look lines. One is fixed under the name that the element has in the catalogue then, and belongs
 * to whatever entry has that name or alias now: names grow with the book ("Ida", "Ida
 * Brand"), lines stay. Fixing is a write, and writes are one after the other, so that of two
 * processes the second finds what the first fixed.
 */

static int find_look(int64_t *id, struct store_tx *tx, const struct look *l)
{
	static const char sql[] = "SELECT id FROM look WHERE type = :type AND name = :name"
				  " AND hidden_by IS NULL";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":type", l->type);
	query_text(&q, ":name", l->name);
	int more = query_row(&q);
	if (more == 1)
		*id = query_get_int(&q, 0);
	return more;
}

/* made_by: the edit that took away the line before. */
static int insert_look(int64_t *id, struct store_tx *tx, const struct look *l)
{
	static const char sql[] = "INSERT INTO look (type, name, line, source, made_ms, made_by)"
				  " VALUES (:type, :name, :line, :source, :now, (SELECT "
				  "max(o.hidden_by) FROM look AS o JOIN edit AS e ON e.id = "
				  "o.hidden_by"
				  " WHERE o.type = :type AND o.name = :name AND e.undone_ms = 0))";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":type", l->type);
	query_text(&q, ":name", l->name);
	query_text(&q, ":line", l->line);
	query_text(&q, ":source", l->source);
	query_int(&q, ":now", clock_unix_ms());
	int result = query_run(&q);
	*id = sqlite3_last_insert_rowid(tx->conn.db);
	return result;
}

int tx_fix_looks(struct store_tx *tx, struct look *looks, size_t count)
{
	int result = 0;
	bool fixed = false;
	for (size_t i = 0; i < count && result == 0; i++) {
		int found = find_look(&looks[i].id, tx, &looks[i]);
		result = found < 0 ? found : 0;
		if (found == 0)
			result = insert_look(&looks[i].id, tx, &looks[i]);
		fixed |= found == 0;
	}
	return result || !fixed ? result
				: tx_event(tx, &(struct store_event){.type = EVENT_LOOKS_FIXED});
}

/* ---- whose they are */

/* Of another type too, if there is none of its own: a person, or a later chapter, says that a
 * creature is a character. */
size_t catalogue_owner(const struct catalogue *c, enum element_type type, const char *name)
{
	size_t i = catalogue_find(c, type, name);
	for (int other = 0; i == NO_ENTRY && other < ELEMENT_TYPES; other++)
		i = catalogue_find(c, (enum element_type)other, name);
	return i;
}

static void look_clear(struct catalogue_entry *e)
{
	free(e->look);
	free(e->look_source);
	e->look = e->look_source = NULL;
	e->look_id = 0;
	e->drawn_in[0] = '\0';
}

/* The earliest is the first row. */
/* The next line that is seen, and whose it is; NULL: nobody's any more. */
static const char lines_sql[] = "SELECT id, type, name, line, source, coalesce(lost_to, 0)"
				" FROM look WHERE hidden_by IS NULL ORDER BY id";
static int next_line(struct catalogue_entry **out, const struct catalogue *c, struct query *q)
{
	int more = query_row(q);
	if (more != 1)
		return more;
	enum element_type type = (enum element_type)query_get_enum(q, 1, ELEMENT_TYPES - 1);
	size_t i = q->failed ? NO_ENTRY : catalogue_owner(c, type, query_string(q, 2));
	*out = i == NO_ENTRY ? NULL : &c->entries[i];
	return q->failed ? q->failed : 1;
}

static int set_lines(struct catalogue *c, struct conn *conn)
{
	CLEANUP(query_end) struct query q = query_begin(conn, lines_sql);
	struct catalogue_entry *e;
	int more;
	while ((more = next_line(&e, c, &q)) == 1) {
		if (!e || e->look)
			continue;
		e->look_id = query_get_int(&q, 0);
		e->look = query_dup(&q, 3);
		e->look_source = query_dup(&q, 4);
	}
	return more;
}

static struct catalogue_entry *entry_with(struct catalogue *c, int64_t look)
{
	for (size_t i = 0; i < c->len; i++)
		if (c->entries[i].look_id == look)
			return &c->entries[i];
	return NULL;
}

/* The scene of the first picture with the line, of those that are seen. (SQLite takes a group's
 * other columns from the row of its min().) */
static int set_scenes(struct catalogue *c, struct conn *conn)
{
	static const char sql[] =
		"SELECT d.look, c.number, n.scene, min(d.picture) FROM chapter AS c"
		" JOIN concept AS n ON n.analysis = " SHOWN_ANALYSIS(
			"c") " JOIN picture AS p ON p.concept = " ROOT_OF_N
			     " AND p.hidden_by IS NULL JOIN picture_look AS d"
			     " ON d.picture = p.id GROUP BY d.look";
	CLEANUP(query_end) struct query q = query_begin(conn, sql);
	int more;
	while ((more = query_row(&q)) == 1) {
		struct catalogue_entry *e = entry_with(c, query_get_int(&q, 0));
		if (e)
			concept_id(e->drawn_in, (int)query_get_int(&q, 1),
				   (int)query_get_int(&q, 2));
	}
	return more;
}

bool looks_all_drawn(const struct catalogue *c)
{
	for (size_t i = 0; i < c->len; i++)
		if (c->entries[i].look && !c->entries[i].drawn_in[0])
			return false;
	return true;
}

int looks_set(struct catalogue *c, struct conn *conn)
{
	for (size_t i = 0; i < c->len; i++)
		look_clear(&c->entries[i]);
	int result = set_lines(c, conn);
	return result < 0 ? result : set_scenes(c, conn);
}

/* ---- two lines of one element */

struct loss {
	int64_t look, to, had;
};
struct losses {
	struct loss *items;
	size_t len, cap;
};

/* Those whose loss is another than what is stored. A line that nobody has any more has lost to
 * none. */
static int find_losses(struct losses *out, const struct catalogue *c, struct conn *conn)
{
	CLEANUP(query_end) struct query q = query_begin(conn, lines_sql);
	struct catalogue_entry *e;
	int more;
	while ((more = next_line(&e, c, &q)) == 1) {
		struct loss l = {.look = query_get_int(&q, 0), .had = query_get_int(&q, 5)};
		if (e && e->look_id != l.look)
			l.to = e->look_id;
		if (l.to == l.had)
			continue;
		out->items = xgrow(out->items, &out->cap, out->len + 1, sizeof(*out->items));
		out->items[out->len++] = l;
	}
	return more;
}

static void losses_finish(struct losses *l)
{
	free(l->items);
}

int store_looks_unsettled(bool *out, const struct catalogue *c, struct store_reader *r)
{
	CLEANUP(losses_finish) struct losses losses = {0};
	int result = find_losses(&losses, c, &r->conn);
	if (result == 0)
		*out = losses.len > 0;
	return result;
}

static int set_loss(struct store_tx *tx, const struct loss *l)
{
	static const char sql[] = "UPDATE look SET lost_to = nullif(:to, 0) WHERE id = :look";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":to", l->to);
	query_int(&q, ":look", l->look);
	return query_run(&q);
}

int looks_settle(struct store_tx *tx, const struct catalogue *c)
{
	CLEANUP(losses_finish) struct losses losses = {0};
	int result = find_losses(&losses, c, &tx->conn);
	for (size_t i = 0; i < losses.len && result == 0; i++)
		result = set_loss(tx, &losses.items[i]);
	return result || !losses.len
		       ? result
		       : tx_event(tx, &(struct store_event){.type = EVENT_CAST_SETTLED});
}

int tx_settle_looks(struct store_tx *tx)
{
	CLEANUP(store_cast_free_cleanup) struct store_cast *cast = store_cast_new();
	const struct catalogue *c = NULL;
	int result = cast_read(&c, cast, &tx->conn);
	return result < 0 ? result : looks_settle(tx, c);
}
