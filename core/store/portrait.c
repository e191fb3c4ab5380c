/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "internal.h"

/* Pictures of how elements look. One goes by the name that the element had then; whose it is now,
 * the catalogue says. */

/* What a row is of. */
struct sitting {
	struct store_portrait portrait;
	const char *drawn_by, *prompt; /* NULL: a person's own */
	int64_t made_by, hidden_by;    /* 0: it is shown */
};

/* Portraits p that are the newest of their element. */
#define CURRENT                                                                                    \
	" FROM portrait AS p WHERE p.hidden_by IS NULL AND p.id = (SELECT max(id) FROM portrait"   \
	" WHERE type = p.type AND name = p.name AND hidden_by IS NULL)"

static int insert_row(int64_t *id, struct store_tx *tx, const struct sitting *s, const char *hash)
{
	static const char sql[] =
		"INSERT INTO portrait (type, name, ext, hash, size_bytes, made_ms, made_by,"
		" hidden_by, drawn_by, prompt) VALUES (:type, :name, :ext, :hash, :size, :now,"
		" :edit, nullif(:hidden_by, 0), :drawn_by, :prompt)";
	const struct store_portrait *p = &s->portrait;
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":type", p->type);
	query_text(&q, ":name", p->name);
	query_text(&q, ":ext", p->ext);
	query_text(&q, ":hash", hash);
	query_int(&q, ":size", p->size_bytes);
	query_int(&q, ":now", clock_unix_ms());
	query_int(&q, ":edit", s->made_by);
	query_int(&q, ":hidden_by", s->hidden_by);
	query_text(&q, ":drawn_by", s->drawn_by);
	query_text(&q, ":prompt", s->prompt);
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
		    const struct store_portrait *p, const char *detail)
{
	char name[NAME_BYTES];
	utf8_name(name, p->name, strlen(p->name));
	CLEANUP(cleanup_free)
	char *subject = xasprintf("elements/%s/%s.%s", element_type_folder(p->type), name, p->ext);
	int result = tx_add_edit(edit, tx, &(struct deed){kind, 0, subject, detail});
	return result < 0 ? result
			  : tx_event(tx, &(struct store_event){.type = EVENT_EDITED,
							       .detail = subject});
}

static void hash_bytes(char out[HASH_HEX], const struct bytes *b)
{
	CLEANUP(hash_free_cleanup) struct hash *h = hash_new();
	hash_add(h, b->data, b->len);
	hash_hex(out, h);
}

int tx_set_portrait(struct store_tx *tx, enum element_type type, const char *name,
		    const struct bytes *b)
{
	struct sitting s = {
		.portrait = {.type = type, .name = name, .size_bytes = (int64_t)b->len}};
	char hash[HASH_HEX];
	int64_t id = 0;
	if (!picture_is_ext(b->ext))
		return -EINVAL;
	memcpy(s.portrait.ext, b->ext, strlen(b->ext));
	hash_bytes(hash, b);
	int result = is_current(tx, &s.portrait, hash);
	if (result)
		return result < 0 ? result : 0;
	result = add_deed(&s.made_by, tx, EDIT_PORTRAIT, &s.portrait, NULL);
	if (result == 0)
		result = insert_row(&id, tx, &s, hash);
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
		.prompt = query_borrow(q, 6),
	};
	const char *ext = query_string(q, 3);
	if (picture_is_ext(ext)) /* it becomes a part of a file's name */
		memcpy(out->ext, ext, strlen(ext));
	return q->failed;
}

#define COLUMNS                                                                                    \
	"SELECT p.id, p.type, p.name, p.ext, p.size_bytes, p.made_ms,"                             \
	" iif(p.drawn_by IS NULL, NULL, coalesce(p.prompt, ''))"

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
		result = add_deed(&edit, tx, EDIT_PORTRAIT_REMOVED, &p, NULL);
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

/* ---- drawn */

/* "characters/Ida"; false: it is none. */
static bool read_subject(enum element_type *type, const char **name, const char *subject)
{
	const char *slash = strchr(subject, '/');
	for (int t = 0; slash && t < ELEMENT_TYPES; t++) {
		const char *folder = element_type_folder((enum element_type)t);
		if (strlen(folder) != (size_t)(slash - subject) ||
		    strncmp(folder, subject, strlen(folder)) != 0)
			continue;
		*type = (enum element_type)t;
		*name = slash + 1;
		return true;
	}
	return false;
}

size_t errand_sitter(const struct catalogue *c, const char *subject)
{
	enum element_type type;
	const char *name;
	return read_subject(&type, &name, subject) ? catalogue_owner(c, type, name) : NO_ENTRY;
}

struct owner {
	const struct catalogue *catalogue;
	size_t entry;
	int64_t id;
	bool drawn;
};

/* Of several of one element, as two turned out to be one, the newest is it. */
static int note_own(struct owner *o, const struct store_portrait *p)
{
	if (p->id > o->id && catalogue_owner(o->catalogue, p->type, p->name) == o->entry) {
		o->id = p->id;
		o->drawn = p->prompt;
	}
	return 0;
}

int portrait_own(struct store_tx *tx, const struct catalogue *c, size_t entry)
{
	static const char sql[] = COLUMNS CURRENT;
	struct owner o = {.catalogue = c, .entry = entry};
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	int more, result = 0;
	while (result == 0 && (more = query_row(&q)) == 1) {
		struct store_portrait p;
		result = read_row(&p, &q);
		if (result == 0)
			result = note_own(&o, &p);
	}
	if (result < 0 || more < 0)
		return result < 0 ? result : more;
	return o.id && !o.drawn;
}

static int store_drawn(struct store_tx *tx, struct sitting *s, bool beneath, const struct bytes *b)
{
	char hash[HASH_HEX];
	int64_t id = 0;
	CLEANUP(cleanup_free) char *detail = xasprintf("drawn by %s", s->drawn_by);
	hash_bytes(hash, b);
	int result = add_deed(&s->made_by, tx, EDIT_PORTRAIT, &s->portrait, detail);
	s->hidden_by = beneath ? s->made_by : 0;
	if (result == 0)
		result = insert_row(&id, tx, s, hash);
	if (result == 0)
		result = insert_bytes(tx, id, b);
	return result == 0 && beneath ? tx_lay_beneath(tx, s->made_by) : result;
}

int tx_portrait_done(struct store_tx *tx, int64_t job_id, const struct bytes *b,
		     const struct result_info *info)
{
	CLEANUP(store_job_finish) struct store_job job = {0};
	CLEANUP(store_cast_free_cleanup) struct store_cast *cast = store_cast_new();
	CLEANUP(cleanup_free) char *by = xasprintf("%s %s", info->provider, info->model);
	const struct catalogue *c = NULL;
	if (!picture_is_ext(b->ext))
		return -EINVAL;
	int result = tx_own_job(&job, tx, job_id, JOB_ILLUSTRATE);
	if (result == 0)
		result = cast_read(&c, cast, &tx->conn);
	if (result < 0)
		return result;
	assert(c);
	struct sitting s = {.portrait = {.size_bytes = (int64_t)b->len},
			    .drawn_by = by,
			    .prompt = info->prompt};
	struct store_portrait *p = &s.portrait;
	if (!read_subject(&p->type, &p->name, job.subject))
		return -EBADMSG;
	memcpy(p->ext, b->ext, strlen(b->ext));
	size_t entry = catalogue_owner(c, p->type, p->name);
	if (entry != NO_ENTRY) { /* else it is kept under the name that it had */
		p->type = c->entries[entry].type;
		p->name = c->entries[entry].name;
	}
	int own = entry == NO_ENTRY ? 0 : portrait_own(tx, c, entry);
	result = own < 0 ? own : store_drawn(tx, &s, own, b);
	return result < 0 ? result : tx_complete_job(tx, job_id, 0);
}
