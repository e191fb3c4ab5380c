/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "internal.h"

/* ---- which file the book is */

/* A folder's own size and time say nothing of what is deeper in it: its texts' hash does, which is
 * quick to make, and a part of it stands where a file has its time. */
static struct book_identity folder_identity(int64_t inode, const char *hash)
{
	struct book_identity id = {.inode = inode};
	memcpy(id.hash, hash, HASH_HEX);
	id.mtime_ns = (int64_t)(strtoull(id.hash + HASH_HEX - 17, NULL, 16) >> 1);
	return id;
}

int book_identity_of(struct book_identity *out, const char *path, bool with_hash, struct err *err)
{
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode)) {
		char hash[HASH_HEX];
		int r = book_folder_hash(hash, fd);
		if (r < 0)
			return err_set(err, r, "%s: %s", path, strerror(-r));
		*out = folder_identity((int64_t)st.st_ino, hash);
		return 0;
	}
	struct book_identity id = {
		.size_bytes = st.st_size,
		.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
		.inode = (int64_t)st.st_ino,
	};
	int result = with_hash ? hash_file(id.hash, fd) : 0;
	if (result < 0)
		return err_set(err, result, "%s: %s", path, strerror(-result));
	*out = id;
	return 0;
}

static bool same_file(const struct book_identity *a, const struct book_identity *b)
{
	return a->size_bytes == b->size_bytes && a->mtime_ns == b->mtime_ns && a->inode == b->inode;
}

static void remember(struct store *s, const struct book_identity *id)
{
	pthread_mutex_lock(&s->identity_lock);
	s->identity = *id;
	pthread_mutex_unlock(&s->identity_lock);
}

void store_folder_seen(struct store *s, int64_t inode, const char *hash)
{
	const struct book_identity id = folder_identity(inode, hash);
	remember(s, &id);
}

int store_imported_hash(char hash[HASH_HEX], struct store_reader *r)
{
	CLEANUP(query_end) struct query q = query_begin(&r->conn, "SELECT hash FROM book");
	int more = query_row(&q);
	hash[0] = '\0';
	if (more == 1)
		query_hex(hash, &q, 0);
	return more < 0 ? more : q.failed;
}

/* As store_import_current() found it, else as it is now. */
static int identity_to_record(struct book_identity *out, struct store *s, struct err *err)
{
	pthread_mutex_lock(&s->identity_lock);
	*out = s->identity;
	pthread_mutex_unlock(&s->identity_lock);
	return out->hash[0] ? 0 : book_identity_of(out, s->book_path, true, err);
}

struct recorded {
	struct book_identity id;
	char *path, *options_key;
};

static void recorded_finish(struct recorded *r)
{
	free(r->path);
	free(r->options_key);
}

/* 1, or 0 before the first import. */
static int recorded(struct recorded *out, struct conn *c)
{
	static const char sql[] =
		"SELECT size_bytes, mtime_ns, inode, hash, path, options_key FROM book";
	CLEANUP(query_end) struct query q = query_begin(c, sql);
	int more = query_row(&q);
	if (more <= 0)
		return more;
	out->id = (struct book_identity){
		.size_bytes = query_get_int(&q, 0),
		.mtime_ns = query_get_int(&q, 1),
		.inode = query_get_int(&q, 2),
	};
	query_hex(out->id.hash, &q, 3);
	if (q.failed)
		return q.failed;
	out->path = xstrdup(query_string(&q, 4));
	out->options_key = xstrdup(query_string(&q, 5));
	return 1;
}

static void file_name(char out[NAME_BYTES], const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	utf8_name(out, name, strlen(name));
}

/* The one file that a book without an archive is goes by the book's name. */
static int rename_file(struct store_tx *tx, const char *old_path)
{
	static const char sql[] = "UPDATE file SET name = :now WHERE name = :then"
				  " AND (SELECT count(*) FROM file) = 1";
	char then[NAME_BYTES], now[NAME_BYTES];
	file_name(then, old_path);
	file_name(now, tx->store->book_path);
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_text(&q, ":then", then);
	query_text(&q, ":now", now);
	return query_run(&q);
}

/* The same book, moved, or touched: recorded, so that next time its hash need not be computed. */
static int tx_record_identity(struct store_tx *tx, void *arg, struct err *err)
{
	static const char sql[] = "UPDATE book SET path = :path, size_bytes = :size,"
				  " mtime_ns = :mtime, inode = :inode WHERE hash = :hash";
	struct book_identity id;
	int result = identity_to_record(&id, tx->store, err);
	if (result == 0)
		result = rename_file(tx, arg);
	if (result < 0)
		return result;
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_text(&q, ":path", tx->store->book_path);
	query_int(&q, ":size", id.size_bytes);
	query_int(&q, ":mtime", id.mtime_ns);
	query_int(&q, ":inode", id.inode);
	query_text(&q, ":hash", id.hash);
	return query_run(&q);
}

/* Waited for, as source/ shows the name. A disk that is full stops nobody from reading. */
static void record_identity(struct store *s, char *old_path)
{
	struct err err = {0};
	if (store_write_wait(s, tx_record_identity, old_path, &err) < 0)
		log_warn("store: the book's new place is not recorded: %s", err.msg);
}

/* The book's file as it is. Its hash is computed only if the file is not plainly the recorded one,
 * which *same tells. */
static int identify(struct book_identity *now, bool *same, const struct book_identity *then,
		    const struct store *s, struct err *err)
{
	int result = book_identity_of(now, s->book_path, false, err);
	if (result < 0)
		return result;
	*same = then->hash[0] && same_file(then, now);
	if (!*same)
		return book_identity_of(now, s->book_path, true, err);
	memcpy(now->hash, then->hash, HASH_HEX);
	return 0;
}

static int recorded_or_why(struct recorded *out, struct store *s, struct err *err)
{
	int known = recorded(out, &s->reader.conn);
	if (known < 0)
		err_set(err, known, "%s: %s", s->path, s->reader.conn.last.msg);
	return known;
}

int store_import_current(struct store *s, const char *options_key, struct err *err)
{
	CLEANUP(recorded_finish) struct recorded then = {0};
	struct book_identity now = {0};
	bool same;
	int known = recorded_or_why(&then, s, err);
	int result = known < 0 ? known : identify(&now, &same, &then.id, s, err);
	if (result < 0)
		return result;
	remember(s, &now);
	if (!known || strcmp(then.id.hash, now.hash) != 0 ||
	    strcmp(then.options_key, options_key ? options_key : "") != 0)
		return 0;
	if (s->writer && (!same || strcmp(then.path, s->book_path) != 0))
		record_identity(s, then.path);
	return 1;
}

int store_book_changed(struct store *s, struct err *err)
{
	CLEANUP(recorded_finish) struct recorded then = {0};
	struct book_identity now = {0};
	bool same;
	int known = recorded_or_why(&then, s, err);
	if (known <= 0)
		return known;
	int result = identify(&now, &same, &then.id, s, err);
	return result < 0 ? result : strcmp(then.id.hash, now.hash) != 0;
}

/* ---- import */

/* What the last import wrote and no result stands on; children before parents. */
static int clear_book(struct store_tx *tx)
{
	static const char *const clear_sql[] = {
		"DELETE FROM page", "DELETE FROM chapter",   "DELETE FROM content",
		"DELETE FROM file", "DELETE FROM book_line",
	};
	int result = 0;
	for (size_t i = 0; i < ARRAY_LEN(clear_sql) && result == 0; i++) {
		CLEANUP(query_end) struct query q = query_begin(&tx->conn, clear_sql[i]);
		result = query_run(&q);
	}
	return result;
}

static int put_book(struct store_tx *tx, const struct book *b, const struct book_identity *id,
		    const char *options_key)
{
	static const char sql[] =
		"INSERT OR REPLACE INTO book (id, generation, path, size_bytes, mtime_ns, inode, "
		"hash,"
		" options_key, imported_ms, title, language, publisher, identifier, pages, "
		"real_pages,"
		" words) VALUES (1, coalesce((SELECT generation FROM book), 0) + 1, :path, :size,"
		" :mtime, :inode, :hash, :options, :now, :title, :language, :publisher, "
		":identifier,"
		" :pages, :real_pages, :words)";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_text(&q, ":path", tx->store->book_path);
	query_int(&q, ":size", id->size_bytes);
	query_int(&q, ":mtime", id->mtime_ns);
	query_int(&q, ":inode", id->inode);
	query_text(&q, ":hash", id->hash);
	query_text(&q, ":options", options_key ? options_key : "");
	query_int(&q, ":now", clock_unix_ms());
	query_text(&q, ":title", b->title ? b->title : "");
	query_text(&q, ":language", b->language ? b->language : "");
	query_text(&q, ":publisher", b->publisher ? b->publisher : "");
	query_text(&q, ":identifier", b->identifier ? b->identifier : "");
	query_int(&q, ":pages", b->pages);
	query_int(&q, ":real_pages", b->real_pages);
	query_int(&q, ":words", b->words);
	return query_run(&q);
}

enum line_kind { LINE_CREATOR, LINE_WARNING };

static int put_lines(struct store_tx *tx, enum line_kind kind, const struct strv *lines)
{
	static const char sql[] =
		"INSERT INTO book_line (kind, place, line) VALUES (:kind, :place, :line)";
	int result = 0;
	for (size_t i = 0; i < lines->len && result == 0; i++) {
		CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
		query_int(&q, ":kind", kind);
		query_int(&q, ":place", (int64_t)i);
		query_text(&q, ":line", lines->items[i]);
		result = query_run(&q);
	}
	return result;
}

static int find_text(int64_t *id, struct store_tx *tx, const char *hash)
{
	static const char sql[] = "SELECT id FROM text WHERE hash = :hash";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_text(&q, ":hash", hash);
	int more = query_row(&q);
	if (more == 1)
		*id = query_get_int(&q, 0);
	return more;
}

/* The text's row, made if no chapter of this or an earlier import had it. Hashed here, whatever the
 * caller says: results are found by it. */
static int put_text(int64_t *id, struct store_tx *tx, const struct book_chapter *c)
{
	static const char sql[] =
		"INSERT INTO text (hash, bytes, words, body) VALUES (:hash, :bytes, :words, :body)";
	char hex[HASH_HEX];
	CLEANUP(hash_free_cleanup) struct hash *h = hash_new();
	if (c->text_bytes)
		hash_add(h, c->text, c->text_bytes);
	hash_hex(hex, h);
	int found = find_text(id, tx, hex);
	if (found != 0)
		return found < 0 ? found : 0;
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_text(&q, ":hash", hex);
	query_int(&q, ":bytes", (int64_t)c->text_bytes);
	query_int(&q, ":words", c->words);
	query_blob(&q, ":body", c->text, c->text_bytes);
	int result = query_run(&q);
	*id = sqlite3_last_insert_rowid(tx->conn.db);
	return result;
}

static int put_pages(struct store_tx *tx, int number, const struct book_chapter *c)
{
	static const char sql[] = "INSERT INTO page (chapter, place, start, label)"
				  " VALUES (:chapter, :place, :start, :label)";
	int result = 0;
	for (size_t i = 0; i < c->page_count && result == 0; i++) {
		CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
		query_int(&q, ":chapter", number);
		query_int(&q, ":place", (int64_t)i);
		query_int(&q, ":start", (int64_t)c->pages[i].offset);
		query_text(&q, ":label", c->pages[i].label ? c->pages[i].label : "");
		result = query_run(&q);
	}
	return result;
}

static int put_chapter(struct store_tx *tx, int number, const struct book_chapter *c,
		       int64_t former)
{
	static const char sql[] =
		"INSERT INTO chapter (number, title, kind, text, former)"
		" VALUES (:number, :title, :kind, :text, nullif(nullif(:former, :text), 0))";
	int64_t text = 0;
	int result = put_text(&text, tx, c);
	if (result < 0)
		return result;
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":number", number);
	query_text(&q, ":title", c->title ? c->title : "");
	query_int(&q, ":kind", c->kind);
	query_int(&q, ":text", text);
	query_int(&q, ":former", former);
	result = query_run(&q);
	return result < 0 ? result : put_pages(tx, number, c);
}

/* What each chapter was: the text that it has if something was made of it, else the one that it
 * remembers. */
struct formers {
	struct former {
		int64_t text; /* 0: none */
		bool current; /* it is what the chapter had until now */
	} * items;	      /* [number - 1] */
	size_t len, cap;
};

static void formers_finish(struct formers *f)
{
	free(f->items);
}

static int read_formers(struct formers *f, struct store_tx *tx)
{
	static const char sql[] = "SELECT iif(" BEST_ANALYSIS(
		"c.text") ", c.text, c.former), c.text FROM chapter AS c ORDER BY c.number";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	int more;
	while ((more = query_row(&q)) == 1) {
		int64_t former = query_get_int(&q, 0), text = query_get_int(&q, 1);
		f->items = xgrow(f->items, &f->cap, f->len + 1, sizeof(f->items[0]));
		f->items[f->len++] = (struct former){former, former == text};
	}
	return more;
}

/* Once, when the chapter has lost its analysis. */
static int tell_outdated(struct store_tx *tx, int number)
{
	static const char sql[] =
		"SELECT 1 FROM chapter AS c WHERE c.number = :number AND c.kind = 0"
		" AND c.former AND " BEST_ANALYSIS("c.text") " IS NULL";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":number", number);
	int more = query_row(&q);
	if (more != 1)
		return more;
	const struct store_event e = {
		.type = EVENT_OUTDATED, .chapter = number, .detail = "the text was changed"};
	return tx_event(tx, &e);
}

static int put_chapters(struct store_tx *tx, const struct book *b, const struct formers *f)
{
	int result = 0;
	for (size_t i = 0; i < b->chapter_count && result == 0; i++) {
		const struct former none = {0}, *was = i < f->len ? &f->items[i] : &none;
		result = put_chapter(tx, (int)i + 1, &b->chapters[i], was->text);
		if (result == 0 && was->current)
			result = tell_outdated(tx, (int)i + 1);
	}
	return result;
}

static int put_content(struct store_tx *tx, int64_t place, const struct book_entry *e)
{
	static const char sql[] = "INSERT INTO content (place, title, depth, chapter, role, within)"
				  " VALUES (:place, :title, :depth, :chapter, :role, :within)";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":place", place);
	query_text(&q, ":title", e->title ? e->title : "");
	query_int(&q, ":depth", e->depth);
	query_int(&q, ":chapter", e->chapter);
	query_int(&q, ":role", e->role);
	query_text(&q, ":within", e->in);
	return query_run(&q);
}

static int put_file(struct store_tx *tx, int64_t place, const struct book_file *f)
{
	static const char sql[] = "INSERT INTO file (place, name, member, size_bytes, mtime_s)"
				  " VALUES (:place, :name, :member, :size, :mtime)";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":place", place);
	query_text(&q, ":name", f->name);
	query_int(&q, ":member", (int64_t)f->index);
	query_int(&q, ":size", (int64_t)f->size_bytes);
	query_int(&q, ":mtime", f->mtime_unix_s);
	return query_run(&q);
}

/* Jobs go with their texts: to the chapter that has it now, or away. What is in progress ends by
 * itself, as it may have been paid for. */
static int move_jobs(struct store_tx *tx)
{
	static const char move_sql[] =
		"UPDATE job SET chapter = coalesce((SELECT min(number) FROM chapter"
		" WHERE kind = 0 AND (text = job.text OR job.errand > 0)), 0)";
	static const char drop_sql[] = "DELETE FROM job WHERE chapter = 0 AND state IN (1, 4)";
	static const char texts_sql[] =
		"DELETE FROM text WHERE id NOT IN (SELECT text FROM chapter)"
		" AND id NOT IN (SELECT text FROM analysis) AND id NOT IN (SELECT text FROM job)";
	CLEANUP(query_end) struct query move = query_begin(&tx->conn, move_sql);
	CLEANUP(query_end) struct query drop = query_begin(&tx->conn, drop_sql);
	CLEANUP(query_end) struct query texts = query_begin(&tx->conn, texts_sql);
	int result = query_run(&move);
	if (result == 0)
		result = query_run(&drop);
	return result < 0 ? result : query_run(&texts);
}

int tx_import(struct store_tx *tx, const struct book *b, const char *options_key, struct err *err)
{
	struct book_identity id;
	CLEANUP(formers_finish) struct formers formers = {0};
	int result = identity_to_record(&id, tx->store, err);
	if (result == 0)
		result = read_formers(&formers, tx);
	if (result == 0)
		result = clear_book(tx);
	if (result == 0)
		result = put_book(tx, b, &id, options_key);
	if (result == 0)
		result = put_lines(tx, LINE_CREATOR, &b->creators);
	if (result == 0)
		result = put_lines(tx, LINE_WARNING, &b->warnings);
	if (result == 0)
		result = put_chapters(tx, b, &formers);
	for (size_t i = 0; i < b->content_count && result == 0; i++)
		result = put_content(tx, (int64_t)i, &b->contents[i]);
	for (size_t i = 0; i < b->file_count && result == 0; i++)
		result = put_file(tx, (int64_t)i, &b->files[i]);
	if (result == 0)
		result = move_jobs(tx);
	return result < 0 ? result : tx_event(tx, &(struct store_event){.type = EVENT_IMPORTED});
}
