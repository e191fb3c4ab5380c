/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "chapters.h"
#include "encoding.h"
#include "folder.h"
#include "late.h"
#include "reader.h"
#include "xhtml.h"

#define WARNINGS_MAX 100

const struct book_limits book_limits_default = {
	.entries = 100000,
	.depth = 256,
	.text_bytes = (size_t)64 << 20,
	.total_bytes = (size_t)2 << 30,
	.ratio = 1000,
};

/* ---- names */

static const char *const kind_names[] = {
	[BOOK_STORY] = "story", [BOOK_FRONT] = "front", [BOOK_BACK] = "back", [BOOK_GAP] = "gap"};
static const char *const role_names[] = {[ROLE_PART] = "part",
					 [ROLE_CHAPTER] = "chapter",
					 [ROLE_SECTION] = "section",
					 [ROLE_FRONT] = "front",
					 [ROLE_BACK] = "back"};

const char *book_kind_name(enum book_kind k)
{
	return kind_names[k];
}

const char *book_role_name(enum book_role r)
{
	return role_names[r];
}

int book_kind_parse(enum book_kind *out, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(kind_names); i++)
		if (!strcmp(name, kind_names[i])) {
			*out = (enum book_kind)i;
			return 0;
		}
	return -EINVAL;
}

int book_role_parse(enum book_role *out, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(role_names); i++)
		if (!strcmp(name, role_names[i])) {
			*out = (enum book_role)i;
			return 0;
		}
	return -EINVAL;
}

/* A chapter's place among those at the end that have no number; 0: it has one. */
static int matter_place(const struct book *b, int number)
{
	int first = number;

	while (first > 0 && (b->chapters[first - 1].kind == BOOK_FRONT ||
			     b->chapters[first - 1].kind == BOOK_BACK))
		first--;
	return first > 0 && b->chapters[first - 1].kind == BOOK_GAP ? number - first : 0;
}

int book_last_number(const struct book *b)
{
	int count = (int)b->chapter_count, place = count ? matter_place(b, count) : 0;

	return place ? count - place - 1 : count;
}

void book_chapter_name(char out[BOOK_CHAPTER_NAME_BYTES], const struct book *b, int number)
{
	enum book_kind kind = b->chapters[number - 1].kind;
	int first = number - matter_place(b, number), same = 0;

	if (first == number) {
		snprintf(out, BOOK_CHAPTER_NAME_BYTES, "%d", number);
		return;
	}
	for (int n = first; n < number; n++)
		same += b->chapters[n].kind == kind;
	snprintf(out, BOOK_CHAPTER_NAME_BYTES, "%s-%d", book_kind_name(kind), same);
}

/* Written again it must be the same: "09" names no chapter. */
int book_chapter_named(int *number, const struct book *b, const char *name)
{
	char again[BOOK_CHAPTER_NAME_BYTES];
	int last = book_last_number(b), from = last + 1, to = (int)b->chapter_count;
	char *end;
	long n = strtol(name, &end, 10);

	if (end != name) {
		from = n >= 1 && n <= last ? (int)n : to + 1;
		to = from;
	}
	for (int at = from; at <= to && at <= (int)b->chapter_count; at++) {
		book_chapter_name(again, b, at);
		if (b->chapters[at - 1].kind == BOOK_GAP || strcmp(again, name) != 0)
			continue;
		*number = at;
		return 0;
	}
	return -ENOENT;
}

/* ---- a book's life */

struct book *book_free(struct book *b)
{
	if (!b)
		return NULL;
	for (size_t i = 0; i < b->chapter_count; i++) {
		for (size_t p = 0; p < b->chapters[i].page_count; p++)
			free(b->chapters[i].pages[p].label);
		free(b->chapters[i].pages);
		free(b->chapters[i].title);
		free(b->chapters[i].text);
	}
	for (size_t i = 0; i < b->content_count; i++) {
		free(b->contents[i].title);
		free(b->contents[i].in);
	}
	for (size_t i = 0; i < b->file_count; i++)
		free(b->files[i].name);
	free(b->chapters);
	free(b->contents);
	free(b->files);
	free(b->title);
	free(b->language);
	free(b->publisher);
	free(b->identifier);
	strv_finish(&b->creators);
	strv_finish(&b->warnings);
	free(b);
	return NULL;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "The Fox.epub" -> "The Fox" */
static char *title_of_file(const char *path)
{
	char name[NAME_BYTES];
	const char *base = base_name(path);
	const char *dot = strrchr(base, '.');

	utf8_name(name, base, dot && dot > base ? (size_t)(dot - base) : strlen(base));
	return xstrdup(name);
}

struct book *book_new(const char *path)
{
	struct book *b = xcalloc(1, sizeof(*b));

	b->title = title_of_file(path);
	b->language = xstrdup("");
	b->publisher = xstrdup("");
	b->identifier = xstrdup("");
	return b;
}

void reading_warn(struct reading *r, const char *fmt, ...)
{
	struct err line = {0};
	char text[512];
	va_list ap;

	if (r->book->warnings.len >= WARNINGS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set(&line, -EBADMSG, "%s", text); /* makes one safe line of it */
	strv_add(&r->book->warnings, line.msg);
}

/* ---- formats */

enum format { FORMAT_NONE, FORMAT_TEXT, FORMAT_MARKDOWN, FORMAT_HTML };

static bool ends_with(const char *s, const char *suffix)
{
	size_t a = strlen(s), b = strlen(suffix);

	return a >= b && !strcasecmp(s + a - b, suffix);
}

static bool looks_like_html(const char *s, size_t len)
{
	size_t most = len < 1024 ? len : 1024;
	char head[1025];

	memcpy(head, s, most);
	head[most] = '\0';
	return strcasestr(head, "<html") || strcasestr(head, "<!doctype html");
}

static enum format format_of(const char *name, const char *s, size_t len)
{
	static const char *const html[] = {".html", ".htm", ".xhtml", ".xht"};
	static const char *const markdown[] = {".md", ".markdown", ".mkd", ".mdown"};

	for (size_t i = 0; i < ARRAY_LEN(html); i++)
		if (ends_with(name, html[i]))
			return FORMAT_HTML;
	for (size_t i = 0; i < ARRAY_LEN(markdown); i++)
		if (ends_with(name, markdown[i]))
			return FORMAT_MARKDOWN;
	return looks_like_html(s, len) ? FORMAT_HTML : FORMAT_TEXT;
}

/* What a file is that is no book, for the one line the user gets. */
static const char *foreign_format(const char *s, size_t len)
{
	static const struct {
		const char *magic;
		size_t at, len;
		const char *name;
	} known[] = {
		{"%PDF-", 0, 5, "a PDF"},
		{"BOOKMOBI", 60, 8, "a Kindle book (MOBI)"},
		{"{\\rtf", 0, 5, "an RTF document"},
		{"Rar!", 0, 4, "a RAR archive"},
		{"7z\274\257", 0, 4, "a 7z archive"},
		{"\037\213", 0, 2, "compressed with gzip"},
		{"SQLite format 3", 0, 15, "an SQLite database"},
		{"\211PNG", 0, 4, "a picture"},
		{"\377\330\377", 0, 3, "a picture"},
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (len >= known[i].at + known[i].len &&
		    !memcmp(s + known[i].at, known[i].magic, known[i].len))
			return known[i].name;
	return NULL;
}

/* ---- one HTML file */

static void take(char **to, char *from)
{
	if (from && *from) {
		free(*to);
		*to = from;
	} else {
		free(from);
	}
}

int html_read(struct reading *r, const char *s, size_t len)
{
	struct buf text = {.max_bytes = r->options->limits.text_bytes * 2};
	struct xhtml_about about = {0};
	int result = text_decode(&text, s, len, TEXT_MARKUP);

	if (result == 0) {
		flow_doc_begin(r->flow, "", true);
		xhtml_read(r->flow, buf_str(&text), text.len, &about);
		flow_doc_end(r->flow);
		result = buf_error(&r->flow->text);
	}
	buf_finish(&text);
	take(&r->book->title, about.title);
	take(&r->book->language, about.language);
	if (about.author && *about.author)
		strv_add(&r->book->creators, about.author);
	free(about.author);
	return result < 0 ? err_set(r->err, result, "the text is too large") : 0;
}

/* ---- reading */

static void list_files(struct book *b, const struct archive *a)
{
	b->file_count = archive_count(a);
	b->files = xcalloc(b->file_count, sizeof(*b->files));
	for (size_t i = 0; i < b->file_count; i++) {
		const struct archive_member *m = archive_at(a, i);

		b->files[i] = (struct book_file){.name = xstrdup(m->name),
						 .index = m->index,
						 .size_bytes = m->size_bytes,
						 .mtime_unix_s = m->mtime_unix_s};
	}
}

int text_file_read(struct reading *r, const char *name, const char *s, size_t len)
{
	switch (format_of(name, s, len)) {
	case FORMAT_HTML:
		return html_read(r, s, len);
	case FORMAT_MARKDOWN:
		return markdown_read(r, s, len);
	default:
		return text_read(r, s, len);
	}
}

static int read_single(struct reading *r, const char *name, const char *s, size_t len,
		       int64_t mtime_unix_s)
{
	char file[NAME_BYTES];
	const char *foreign = foreign_format(s, len);

	if (!len)
		return err_set(r->err, -EBADMSG, "the file is empty");
	if (foreign)
		return err_set(r->err, -EBADMSG, "not a book: the file is %s", foreign);
	if (!text_plausible(s, len))
		return err_set(r->err, -EBADMSG,
			       "not a book: neither EPUB, HTML, Markdown nor plain text");
	if (len > r->options->limits.text_bytes)
		return err_set(r->err, -EFBIG, "the text is larger than %zu MB",
			       r->options->limits.text_bytes >> 20);
	utf8_name(file, base_name(name), strlen(base_name(name)));
	r->book->files = xcalloc(1, sizeof(*r->book->files));
	r->book->file_count = 1;
	r->book->files[0] = (struct book_file){
		.name = xstrdup(file), .size_bytes = len, .mtime_unix_s = mtime_unix_s};
	return text_file_read(r, name, s, len);
}

/* takes archive's place: with one an EPUB is read, else a single file. */
static int read_with(struct book **out, struct archive *archive, const void *data, size_t len,
		     const char *name, int64_t mtime_unix_s, const struct book_options *options,
		     struct err *err)
{
	CLEANUP(book_free_cleanup) struct book *b = book_new(name);
	CLEANUP(flow_free_cleanup) struct flow *f = flow_new();
	struct reading r = {.book = b, .flow = f, .options = options, .err = err};
	int result = late_xml(err);

	if (result < 0)
		return result;
	if (archive) {
		list_files(b, archive);
		result = epub_read(&r, archive);
	} else {
		result = read_single(&r, name, data, len, mtime_unix_s);
	}
	if (result == 0 && !r.contents.count)
		contents_from_headings(&r.contents, f);
	if (result == 0 && !r.contents.count)
		contents_from_spine(&r.contents, f);
	if (result == 0)
		result = chapters_cut(b, f, &r.contents, options, err);
	contents_finish(&r.contents);
	if (result < 0)
		return result;
	*out = b;
	b = NULL;
	return 0;
}

int book_read_memory(struct book **out, const void *data, size_t len, const char *name,
		     const struct book_options *options, struct err *err)
{
	CLEANUP(archive_close_cleanup) struct archive *a = NULL;

	if (archive_is_zip(data, len)) {
		int r = archive_open_memory(&a, data, len, &options->limits, err);

		if (r < 0)
			return r;
	}
	return read_with(out, a, data, len, name, 0, options, err);
}

int book_folder_read(struct book **out, int fd, const char *path,
		     const struct book_options *options, struct err *err)
{
	CLEANUP(cleanup_free) char *full = realpath(path, NULL); /* its name, for "." too */
	CLEANUP(book_free_cleanup) struct book *b = book_new(full ? full : path);
	CLEANUP(flow_free_cleanup) struct flow *f = flow_new();
	struct reading r = {.book = b, .flow = f, .options = options, .err = err};
	int result = late_xml(err);

	if (result == 0)
		result = folder_read(&r, fd);
	if (result < 0)
		return err_prefix(err, "%s", path);
	*out = b;
	b = NULL;
	return 0;
}

/* Read, not mapped: a file that shrinks meanwhile is an error then, not a signal. */
static int load_file(struct buf *out, int fd, struct err *err)
{
	for (;;) {
		char chunk[65536];
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0)
			return err_set(err, -errno, "cannot read the file: %m");
		if (n == 0)
			return 0;
		if (buf_add(out, chunk, (size_t)n) < 0)
			return err_set(err, buf_error(out), "the text is larger than %zu MB",
				       out->max_bytes >> 20);
	}
}

static int open_book(int *fd, struct stat *st, const char *path, struct err *err)
{
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (*fd < 0 || fstat(*fd, st) < 0)
		return err_set(err, -errno, "%s: %m", path);
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		return err_set(err, -EBADMSG, "%s: neither a file nor a folder", path);
	return 0;
}

int book_read(struct book **out, const char *path, const struct book_options *options,
	      struct err *err)
{
	CLEANUP(cleanup_close) int fd = -1;
	CLEANUP(archive_close_cleanup) struct archive *a = NULL;
	struct buf data = {.max_bytes = options->limits.text_bytes};
	struct stat st = {0};
	char magic[4] = "";
	int r = open_book(&fd, &st, path, err);

	if (r < 0)
		return r;
	if (S_ISDIR(st.st_mode))
		return book_folder_read(out, fd, path, options, err);
	if (pread(fd, magic, sizeof(magic), 0) < 0)
		return err_set(err, -errno, "%s: %m", path);
	if (archive_is_zip(magic, sizeof(magic))) {
		r = archive_open(&a, fd, &options->limits, err);
		r = r < 0 ? r : read_with(out, a, NULL, 0, path, 0, options, err);
	} else {
		r = load_file(&data, fd, err);
		r = r < 0 ? r
			  : read_with(out, NULL, buf_str(&data), data.len, path, st.st_mtim.tv_sec,
				      options, err);
		buf_finish(&data);
	}
	if (r < 0)
		err_prefix(err, "%s", path);
	return r;
}
