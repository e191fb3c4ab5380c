/* SPDX-License-Identifier: MIT */
#include "internal.h"

/* The imported book, read back. Chapters are numbered without a gap, or the store is damaged. */

static int read_head(struct book *b, struct conn *c)
{
	static const char sql[] =
		"SELECT title, language, publisher, identifier, pages, real_pages, words FROM book";
	CLEANUP(query_end) struct query q = query_begin(c, sql);
	int more = query_row(&q);
	if (more != 1)
		return more < 0 ? more : -ENOENT;
	b->title = xstrdup(query_string(&q, 0));
	b->language = xstrdup(query_string(&q, 1));
	b->publisher = xstrdup(query_string(&q, 2));
	b->identifier = xstrdup(query_string(&q, 3));
	b->pages = query_get_int(&q, 4);
	b->real_pages = query_get_int(&q, 5) != 0;
	b->words = query_get_int(&q, 6);
	return 0;
}

static int read_lines(struct book *b, struct conn *c)
{
	static const char sql[] = "SELECT kind, line FROM book_line ORDER BY kind, place";
	CLEANUP(query_end) struct query q = query_begin(c, sql);
	int more;
	while ((more = query_row(&q)) == 1) {
		bool creator = query_get_int(&q, 0) == 0;
		strv_add(creator ? &b->creators : &b->warnings, query_string(&q, 1));
	}
	return more;
}

static int read_chapters(struct book *b, struct conn *c)
{
	static const char sql[] =
		"SELECT c.number, c.title, c.kind, t.bytes, t.words, c.text, t.hash"
		" FROM chapter AS c JOIN text AS t ON t.id = c.text ORDER BY c.number";
	CLEANUP(query_end) struct query q = query_begin(c, sql);
	size_t cap = 0;
	int more;
	while ((more = query_row(&q)) == 1) {
		if (query_get_int(&q, 0) != (int64_t)b->chapter_count + 1)
			return -EBADMSG;
		b->chapters = xgrow(b->chapters, &cap, b->chapter_count + 1, sizeof(*b->chapters));
		struct book_chapter *chapter = &b->chapters[b->chapter_count++];
		*chapter = (struct book_chapter){
			.title = xstrdup(query_string(&q, 1)),
			.kind = (enum book_kind)query_get_enum(&q, 2, BOOK_GAP),
			.text_bytes = (size_t)query_get_int(&q, 3),
			.words = query_get_int(&q, 4),
			.text_id = query_get_int(&q, 5),
		};
		query_hex(chapter->text_hash, &q, 6);
		if (q.failed)
			return q.failed;
	}
	return more;
}

static int read_pages(struct book *b, struct conn *c)
{
	static const char sql[] = "SELECT chapter, start, label FROM page ORDER BY chapter, place";
	CLEANUP(query_end) struct query q = query_begin(c, sql);
	size_t cap = 0;
	struct book_chapter *last = NULL;
	int more;
	while ((more = query_row(&q)) == 1) {
		int64_t number = query_get_int(&q, 0), start = query_get_int(&q, 1);
		if (!b->chapters || number < 1 || number > (int64_t)b->chapter_count || start < 0)
			return -EBADMSG;
		struct book_chapter *chapter = &b->chapters[number - 1];
		if (chapter != last)
			cap = 0;
		last = chapter;
		chapter->pages = xgrow(chapter->pages, &cap, chapter->page_count + 1,
				       sizeof(*chapter->pages));
		chapter->pages[chapter->page_count++] = (struct book_page){
			.offset = (size_t)start,
			.label = xstrdup(query_string(&q, 2)),
		};
	}
	return more;
}

static int read_contents(struct book *b, struct conn *c)
{
	static const char sql[] =
		"SELECT title, depth, chapter, role, within FROM content ORDER BY place";
	CLEANUP(query_end) struct query q = query_begin(c, sql);
	size_t cap = 0;
	int more;
	while ((more = query_row(&q)) == 1) {
		b->contents = xgrow(b->contents, &cap, b->content_count + 1, sizeof(*b->contents));
		b->contents[b->content_count++] = (struct book_entry){
			.title = xstrdup(query_string(&q, 0)),
			.depth = query_get_enum(&q, 1, (int)book_limits_default.depth),
			.chapter = query_get_enum(&q, 2, (int)b->chapter_count),
			.role = (enum book_role)query_get_enum(&q, 3, ROLE_BACK),
			.in = query_dup(&q, 4),
		};
		if (q.failed)
			return q.failed;
	}
	return more;
}

static int read_files(struct book *b, struct conn *c)
{
	static const char sql[] =
		"SELECT name, member, size_bytes, mtime_s FROM file ORDER BY place";
	CLEANUP(query_end) struct query q = query_begin(c, sql);
	size_t cap = 0;
	int more;
	while ((more = query_row(&q)) == 1) {
		b->files = xgrow(b->files, &cap, b->file_count + 1, sizeof(*b->files));
		b->files[b->file_count++] = (struct book_file){
			.name = xstrdup(query_string(&q, 0)),
			.index = (uint64_t)query_get_int(&q, 1),
			.size_bytes = (uint64_t)query_get_int(&q, 2),
			.mtime_unix_s = query_get_int(&q, 3),
		};
	}
	return more;
}

int store_book(struct book **out, struct store_reader *r)
{
	static int (*const read[])(struct book * b, struct conn * c) = {
		read_head, read_lines, read_chapters, read_pages, read_contents, read_files};
	int result = store_snapshot_begin(r);
	if (result < 0)
		return result;
	CLEANUP(book_free_cleanup) struct book *b = xcalloc(1, sizeof(*b));
	for (size_t i = 0; i < ARRAY_LEN(read) && result == 0; i++)
		result = read[i](b, &r->conn);
	store_snapshot_end(r);
	if (result < 0)
		return result;
	*out = b;
	b = NULL;
	return 0;
}

static int book_number(int64_t *out, struct store_reader *r, const char *sql)
{
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	int more = query_row(&q);
	if (more >= 0)
		*out = more ? query_get_int(&q, 0) : 0;
	return more < 0 ? more : 0;
}

int store_generation(int64_t *generation, struct store_reader *r)
{
	static const char sql[] = "SELECT generation FROM book";
	return book_number(generation, r, sql);
}

int store_imported_at(int64_t *unix_ms, struct store_reader *r)
{
	static const char sql[] = "SELECT imported_ms FROM book";
	return book_number(unix_ms, r, sql);
}

int store_text(struct buf *out, struct store_reader *r, int64_t text_id)
{
	static const char sql[] = "SELECT body FROM text WHERE id = :id";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	query_int(&q, ":id", text_id);
	int more = query_row(&q);
	if (more != 1)
		return more < 0 ? more : -ENOENT;
	size_t len;
	const void *body = query_get_blob(&q, 0, &len);
	return len ? buf_add(out, body, len) : 0;
}
