/* SPDX-License-Identifier: MIT */

/*
 * A store may be a stranger's: a file with our application_id and any value in any row, or one that
 * a disk has damaged. And a name under the mount is what any caller makes up. Whatever it is, every
 * file is rendered or refused, and no folder lists a name that is none.
 */

#include <fcntl.h>
#include <sqlite3.h>

#include "fixture.h"
#include "fuzz.h"
#include "views.h"

DEFINE_CLEANUP(struct view_list, view_list_free)

/* What every run begins with: a store in which a bit of everything is, without the rules that would
 * keep other values out. */
static struct {
	struct fixture files;
	char *bytes;
	size_t len;
	struct strv updates; /* a statement for each column there is */
} base;

static const struct view_settings settings = {
	.provider = "builtin",
	.model = "extractive-1",
	.options = "scenes=2",
	.prompt_version = 1,
	.pages_per_image = 10,
	.images = true,
	.trigger = true,
};

static void leave(void)
{
	fixture_finish(&base.files);
	free(base.bytes);
	strv_finish(&base.updates);
}

static void work_on(struct store *s)
{
	struct store_job job = {0};

	wish(s, 2, true, true);
	if (claim(&job, s, JOB_ANALYZE) == 1)
		finish_analysis(s, job.id, 2, "grey");
	store_job_finish(&job);
	wish(s, 3, true, true);
	if (claim(&job, s, JOB_ANALYZE) == 1)
		fail_job(s, job.id, 0);
	store_job_finish(&job);
	if (claim(&job, s, JOB_ILLUSTRATE) == 1)
		finish_picture(s, job.id, "\211PNG", 4);
	store_job_finish(&job);
}

/* A row at least in each table of what persons decide. */
static int decide(struct store_tx *tx, void *arg, struct err *err)
{
	CLEANUP(analysis_free_cleanup) struct analysis *a = make_analysis(2, "edited");
	CLEANUP(corrections_finish) struct corrections list = {0};
	const struct wish all = {.chapter = 2, .profile = "painter"};
	const struct bytes portrait = {"\211PNG", 4, "png"};
	struct look look = {.type = ELEMENT_CHARACTER, .name = "Ida", .line = "Ida: tall"};
	struct correction *c = corrections_add(&list, CORRECTION_MERGE, ELEMENT_CHARACTER, "Bo");
	c->to = xstrdup("Ida");
	corrections_add(&list, CORRECTION_DESCRIPTION, ELEMENT_CHARACTER, "Ida")->text =
		xstrdup("short");
	int result = tx_fix_looks(tx, &look, 1);
	if (result == 0)
		result = tx_correct(tx, "elements/characters/Ida.md", &list);
	if (result == 0)
		result = tx_fix_looks(tx, &look, 1);
	if (result == 0)
		result = tx_set_style(tx, "ink");
	if (result == 0)
		result = tx_edit_analysis(tx, 2, 0, a);
	if (result == 0)
		result = tx_approve(NULL, tx, &all, 0);
	return result < 0 ? result : tx_set_portrait(tx, ELEMENT_CHARACTER, "Ida", &portrait);
}

static int take_back(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_undo(NULL, tx, *(const int *)arg);
}

static int see_edit(void *arg, const struct store_edit *e)
{
	FUZZ_HOLDS(edit_kind_name(e->kind) && e->subject && e->detail);
	return 0;
}

static int see_portrait(void *arg, const struct store_portrait *p)
{
	CLEANUP(buf_finish) struct buf bytes = {0};

	FUZZ_HOLDS(p->name && p->type < ELEMENT_TYPES);
	store_portrait_bytes(&bytes, arg, p->id);
	return 0;
}

/* What views show of it, and back, one by one and all. */
static void see_decided(struct store *s)
{
	CLEANUP(store_cast_free_cleanup) struct store_cast *cast = store_cast_new();
	const struct catalogue *c = NULL;
	struct store_reader *r = store_reader(s);

	store_edits(r, 0, see_edit, NULL);
	store_portraits(r, see_portrait, r);
	for (int most = 1; most >= 0; most--) {
		store_cast_catalogue(&c, cast, r);
		store_write_wait(s, take_back, &most, NULL);
	}
	store_cast_catalogue(&c, cast, r);
}

static void remember_columns(sqlite3 *db)
{
	static const char sql[] =
		"SELECT format('UPDATE OR IGNORE \"%w\" SET \"%w\" = ?1 WHERE ', m.name, p.name)"
		" || iif(m.sql LIKE '%WITHOUT ROWID%', '?2 = ?2', format('rowid ="
		" (SELECT rowid FROM \"%w\" LIMIT 1 OFFSET ?2)', m.name))"
		" FROM sqlite_schema AS m, pragma_table_info(m.name) AS p"
		" WHERE m.type = 'table' ORDER BY m.name, p.cid";
	sqlite3_stmt *st = NULL;

	FUZZ_HOLDS(sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW)
		strv_add(&base.updates, (const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	FUZZ_HOLDS(base.updates.len > 50);
}

static void make_lawless(void)
{
	static const char sql[] = "PRAGMA writable_schema = 1;"
				  "UPDATE sqlite_schema SET sql = replace(replace(replace(sql,"
				  " ' NOT NULL', ''), ' STRICT,', ''), ') STRICT', ')')"
				  " WHERE type = 'table'";
	sqlite3 *db = NULL;

	FUZZ_HOLDS(sqlite3_open(base.files.store_path, &db) == SQLITE_OK);
	FUZZ_HOLDS(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
	remember_columns(db);
	FUZZ_HOLDS(sqlite3_close(db) == SQLITE_OK);
}

static void read_base(void)
{
	CLEANUP(buf_finish) struct buf b = {0};
	CLEANUP(cleanup_close) int fd = open(base.files.store_path, O_RDONLY | O_CLOEXEC);
	char part[4096];
	ssize_t n;

	while ((n = read(fd, part, sizeof(part))) > 0)
		buf_add(&b, part, (size_t)n);
	base.bytes = buf_steal(&b, &base.len);
	FUZZ_HOLDS(n == 0 && base.len > 0);
}

static void make_base(void)
{
	struct store *s = NULL;
	struct err err = {0};
	struct book *book;

	if (base.bytes)
		return;
	setenv("TMPDIR", "/dev/shm", 0); /* it is written anew thousands of times */
	fixture_init(&base.files);
	atexit(leave);
	FUZZ_HOLDS(fixture_open(&s, &base.files, NULL, &err) == 0);
	book = make_book(4, 0);
	FUZZ_HOLDS(import_book(s, book) == 0);
	free_book(book);
	work_on(s);
	FUZZ_HOLDS(store_write_wait(s, decide, NULL, &err) == 0);
	store_close(s);
	make_lawless();
	read_base();
}

/* What an earlier run left beside it goes, as the log of another file would. */
static void write_store(const char *bytes, size_t len)
{
	static const char *const sides[] = {"-wal", "-shm", "-bell", "-live", "-new", "-v1.bak"};
	CLEANUP(cleanup_close)
	int fd = open(base.files.store_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
		CLEANUP(cleanup_free) char *path = fixture_path(&base.files, sides[i]);
		unlink(path);
	}
	FUZZ_HOLDS(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
}

/* ---- what is done with it */

static bool is_whole; /* the store is as it was made, so that sizes are true */

static void see_content(struct views *v, const struct view_attr *attr)
{
	struct view_content *c = NULL;
	struct err err = {0};

	if (attr->class == VIEW_TRIGGER && view_trigger(v, attr->chapter, 0, &err) < 0)
		FUZZ_HOLDS(err.msg[0] && !strchr(err.msg, '\n'));
	if (attr->class != VIEW_STABLE && attr->class != VIEW_DOCUMENT &&
	    attr->class != VIEW_GROWING)
		return;
	if (view_content(&c, v, attr->node) < 0)
		return;
	FUZZ_HOLDS(!is_whole || c->len == attr->size_bytes);
	view_content_release(v, c);
}

static void see_folder(struct views *v, uint64_t node, int depth);

static void see(struct views *v, uint64_t folder, const char *name, int depth)
{
	CLEANUP(cleanup_free) char *target = NULL;
	struct view_attr attr = {0};

	if (view_lookup(&attr, v, folder, name) < 0)
		return;
	if (attr.class == VIEW_FOLDER)
		see_folder(v, attr.node, depth + 1);
	else if (attr.class == VIEW_LINK && view_link(&target, v, attr.node) == 0)
		FUZZ_HOLDS(*target && *target != '/');
	else
		see_content(v, &attr);
}

static void see_folder(struct views *v, uint64_t node, int depth)
{
	CLEANUP(view_list_free_cleanup) struct view_list *l = NULL;

	if (depth > 8 || view_list(&l, v, node) < 0)
		return;
	for (size_t i = 0; i < l->len; i++) {
		const char *name = l->items[i].name;

		FUZZ_HOLDS(*name && strlen(name) < NAME_BYTES && !strpbrk(name, "/\n"));
		FUZZ_HOLDS(strcmp(name, ".") && strcmp(name, "..") &&
			   utf8_valid(name, strlen(name)));
		see(v, node, name, depth);
	}
}

static void say(void *arg, const char *line)
{
	FUZZ_HOLDS(*line && !strchr(line, '\n'));
}

/* As a mount would, all of it; and then what works on it. */
static void use_store(void)
{
	CLEANUP(store_close_cleanup) struct store *s = NULL;
	CLEANUP(views_free_cleanup) struct views *v = NULL;
	CLEANUP(buf_finish) struct buf status = {0};
	struct view_settings with = settings;
	struct err err = {0};

	with.book_path = base.files.book_path;
	if (fixture_open(&s, &base.files, NULL, &err) < 0 || views_new(&v, s, &with, &err) < 0) {
		FUZZ_HOLDS(err.msg[0] && !strchr(err.msg, '\n'));
		return;
	}
	see_folder(v, VIEW_ROOT, 0);
	view_status(&status, v);
	store_check(s, say, NULL);
	work_on(s);
	see_decided(s);
}

/* ---- targets */

struct reader {
	const char *at, *end;
};

static unsigned next(struct reader *r)
{
	return r->at < r->end ? (unsigned char)*r->at++ : 0;
}

static void bind_value(sqlite3_stmt *st, struct reader *r)
{
	unsigned kind = next(r) % 5, len;
	int64_t n = 0;

	switch (kind) {
	case 0:
		sqlite3_bind_null(st, 1);
		break;
	case 1:
		sqlite3_bind_int(st, 1, (signed char)next(r));
		break;
	case 2:
		for (int i = 0; i < 8; i++)
			n = (int64_t)((uint64_t)n << 8 | next(r));
		sqlite3_bind_int64(st, 1, n);
		break;
	default:
		len = next(r);
		if (len > (size_t)(r->end - r->at))
			len = (unsigned)(r->end - r->at);
		if (kind == 3)
			sqlite3_bind_text(st, 1, r->at, (int)len, SQLITE_TRANSIENT);
		else
			sqlite3_bind_blob(st, 1, r->at, (int)len, SQLITE_TRANSIENT);
		r->at += len;
	}
}

/* Changes of one value each: which column, which row, what to. */
static void fuzz_rows(const char *s, size_t len)
{
	struct reader r = {s, s + len};
	sqlite3 *db = NULL;

	make_base();
	write_store(base.bytes, base.len);
	FUZZ_HOLDS(sqlite3_open(base.files.store_path, &db) == SQLITE_OK);
	sqlite3_exec(db, "PRAGMA synchronous = OFF; PRAGMA ignore_check_constraints = 1", NULL,
		     NULL, NULL);
	for (int i = 0; r.at < r.end && i < 32; i++) {
		sqlite3_stmt *st = NULL;
		const char *sql = base.updates.items[next(&r) % base.updates.len];

		FUZZ_HOLDS(sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK);
		sqlite3_bind_int(st, 2, (int)next(&r));
		bind_value(st, &r);
		sqlite3_step(st);
		sqlite3_finalize(st);
	}
	FUZZ_HOLDS(sqlite3_close(db) == SQLITE_OK);
	use_store();
}

/* Bytes of the file: three say where, the fourth is what to; an odd one at the end cuts it. */
static void fuzz_damage(const char *s, size_t len)
{
	struct reader r = {s, s + len};
	CLEANUP(cleanup_free) char *bytes = NULL;

	make_base();
	bytes = xcalloc(1, base.len);
	memcpy(bytes, base.bytes, base.len);
	while (r.end - r.at >= 4) {
		size_t at = next(&r) << 16;

		at |= next(&r) << 8;
		at |= next(&r);
		bytes[at % base.len] = (char)next(&r);
	}
	write_store(bytes, r.at < r.end ? base.len * next(&r) / 256 : base.len);
	use_store();
}

/* A name in every folder; what is found under it is a file like any other. */
static void look_in(struct views *v, uint64_t folder, const char *name)
{
	CLEANUP(view_list_free_cleanup) struct view_list *l = NULL;

	see(v, folder, name, 8);
	if (view_list(&l, v, folder) < 0)
		return;
	for (size_t i = 0; i < l->len; i++)
		if (S_ISDIR(l->items[i].mode))
			look_in(v, l->items[i].node, name);
}

static void fuzz_names(const char *s, size_t len)
{
	static struct store *store;
	static struct views *v;
	CLEANUP(cleanup_free) char *name = xstrndup(s, len);
	struct err err = {0};

	make_base();
	is_whole = true;
	if (!v) {
		FUZZ_HOLDS(fixture_open(&store, &base.files, NULL, &err) == 0);
		FUZZ_HOLDS(views_new(&v, store, &settings, &err) == 0);
	}
	look_in(v, VIEW_ROOT, name);
}

static const struct fuzz_target targets[] = {
	{"rows", fuzz_rows},
	{"damage", fuzz_damage},
	{"names", fuzz_names},
};
FUZZ_MAIN(targets)
