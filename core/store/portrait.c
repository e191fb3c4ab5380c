/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "internal.h"

/* Pictures of how elements look. One goes by the name that the element had then; whose it is now,
 * the catalogue says. */

/* Portraits p that are the newest of their element. */
#define CURRENT                                                                                    \
	" FROM portrait AS p WHERE p.hidden_by IS NULL AND p.id = (SELECT max(id) FROM portrait"   \
	" WHERE type = p.type AND name = p.name AND hidden_by IS NULL)"

static int insert_row(int64_t *id, struct store_tx *tx, const struct store_portrait *p,
		      const char *hash, int64_t edit)
{
	static const char sql[] =
		"INSERT INTO portrait (type, name, ext, hash, size_bytes, made_ms, made_by)"
		" VALUES (:type, :name, :ext, :hash, :size, :now, :edit)";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":type", p->type);
	query_text(&q, ":name", p->name);
	query_text(&q, ":ext", p->ext);
	query_text(&q, ":hash", hash);
	query_int(&q, ":size", p->size_bytes);
	query_int(&q, ":now", clock_unix_ms());
	query_int(&q, ":edit", edit);
	int result = query_run(&q);
	*id = sqlite3_last_insert_rowid(tx->conn.db);
	return result;
}

static int insert_bytes(struct store_tx *tx, int64_t id, const struct bytes *b)
{
	static const char sql[] = "INSERT INTO portrait_data (id, bytes) VALUES (:id, :bytes)";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":id", id);
	query_blob(&q, ":bytes", b->data, b->len);
	return query_run(&q);
}

static int is_current(struct store_tx *tx, const struct store_portrait *p, const char *hash)
{
	static const char sql[] =
		"SELECT 1" CURRENT " AND p.type = :type AND p.name = :name AND p.hash = :hash";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":type", p->type);
	query_text(&q, ":name", p->name);
	query_text(&q, ":hash", hash);
	return query_row(&q);
}

/* The journal's row and its event; subject is the portrait's path. */
static int add_deed(int64_t *edit, struct store_tx *tx, enum edit_kind kind,
		    const struct store_portrait *p)
{
	char name[NAME_BYTES];
	utf8_name(name, p->name, strlen(p->name));
	CLEANUP(cleanup_free)
	char *subject = xasprintf("elements/%s/%s.%s", element_type_folder(p->type), name, p->ext);
	int result = tx_add_edit(edit, tx, &(struct deed){kind, 0, subject});
	return result < 0 ? result
			  : tx_event(tx, &(struct store_event){.type = EVENT_EDITED,
							       .detail = subject});
}

int tx_set_portrait(struct store_tx *tx, enum element_type type, const char *name,
		    const struct bytes *b)
{
	struct store_portrait p = {.type = type, .name = name, .size_bytes = (int64_t)b->len};
	char hash[HASH_HEX];
	int64_t id = 0, edit = 0;
	if (!picture_is_ext(b->ext))
		return -EINVAL;
	memcpy(p.ext, b->ext, strlen(b->ext));
	CLEANUP(hash_free_cleanup) struct hash *h = hash_new();
	hash_add(h, b->data, b->len);
	hash_hex(hash, h);
	int result = is_current(tx, &p, hash);
	if (result)
		return result < 0 ? result : 0;
	result = add_deed(&edit, tx, EDIT_PORTRAIT, &p);
	if (result == 0)
		result = insert_row(&id, tx, &p, hash, edit);
	return result < 0 ? result : insert_bytes(tx, id, b);
}

static int read_row(struct store_portrait *out, struct query *q)
{
	*out = (struct store_portrait){
		.id = query_get_int(q, 0),
		.type = (enum element_type)query_get_enum(q, 1, ELEMENT_TYPES - 1),
		.name = query_string(q, 2),
		.size_bytes = query_get_int(q, 4),
		.made_unix_ms = query_get_int(q, 5),
	};
	const char *ext = query_string(q, 3);
	if (picture_is_ext(ext)) /* it becomes a part of a file's name */
		memcpy(out->ext, ext, strlen(ext));
	return q->failed;
}

#define COLUMNS "SELECT p.id, p.type, p.name, p.ext, p.size_bytes, p.made_ms"

static int hide(struct store_tx *tx, const struct store_portrait *p, int64_t edit)
{
	static const char sql[] = "UPDATE portrait SET hidden_by = :edit"
				  " WHERE type = :type AND name = :name AND hidden_by IS NULL";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":edit", edit);
	query_int(&q, ":type", p->type);
	query_text(&q, ":name", p->name);
	return query_run(&q);
}

/* Those before it too, or one of them would be seen again. */
int tx_remove_portrait(struct store_tx *tx, int64_t id)
{
	static const char sql[] = COLUMNS CURRENT " AND p.id = :id";
	struct store_portrait p;
	int64_t edit = 0;
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":id", id);
	int more = query_row(&q);
	int result = more == 1 ? read_row(&p, &q) : more < 0 ? more : -ENOENT;
	if (result == 0)
		result = add_deed(&edit, tx, EDIT_PORTRAIT_REMOVED, &p);
	return result < 0 ? result : hide(tx, &p, edit);
}

int store_portraits(struct store_reader *r, int (*fn)(void *arg, const struct store_portrait *p),
		    void *arg)
{
	static const char sql[] = COLUMNS CURRENT " ORDER BY p.type, p.name";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	int more, ended = 0;
	while (!ended && (more = query_row(&q)) == 1) {
		struct store_portrait p;
		ended = read_row(&p, &q);
		if (!ended)
			ended = fn(arg, &p);
	}
	return ended ? ended : more;
}

int store_portrait_bytes(struct buf *out, struct store_reader *r, int64_t id)
{
	static const char sql[] = "SELECT bytes FROM portrait_data WHERE id ="
				  " (SELECT id FROM portrait WHERE id = :id AND hidden_by IS NULL)";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	query_int(&q, ":id", id);
	int more = query_row(&q);
	if (more != 1)
		return more < 0 ? more : -ENOENT;
	size_t len;
	const void *data = query_get_blob(&q, 0, &len);
	return len ? buf_add(out, data, len) : 0;
}
