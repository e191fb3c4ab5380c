/* SPDX-License-Identifier: MIT */
#include "folder.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "chapters.h"
#include "encoding.h"

/* Past these it is no book but somebody's home. */
enum { FOLDER_DEPTH = 16, FOLDER_TEXTS = 10000, FOLDER_ENTRIES = 200000 };

/* ---- opening */

static int open_beneath(int fd, const char *path, int flags)
{
	const struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS,
	};
	long r = syscall(SYS_openat2, fd, path, &how, sizeof(how));

	return r < 0 ? -errno : (int)r;
}

int folder_open(int fd, const char *path)
{
	return open_beneath(fd, path, O_RDONLY | O_DIRECTORY);
}

int folder_load(struct buf *out, int fd, const char *path, size_t max)
{
	CLEANUP(cleanup_close) int file = open_beneath(fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t n;

	if (file < 0)
		return file;
	if (fstat(file, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOENT;
	out->max_bytes = max;
	do {
		char chunk[16384];

		n = read(file, chunk, sizeof(chunk));
		if (n > 0)
			buf_add(out, chunk, (size_t)n);
	} while (n > 0 && !buf_error(out));
	return n < 0 ? -errno : buf_error(out);
}

/* ---- names */

bool folder_is_text(const char *name)
{
	static const char *const endings[] = {".md",   ".markdown", ".mkd", ".mdown", ".txt",
					      ".text", ".html",	    ".htm", ".xhtml", ".xht"};
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && dot > name && i < ARRAY_LEN(endings); i++)
		if (!strcasecmp(dot, endings[i]))
			return true;
	return false;
}

/* The digits at s as a number, however long: its length without zeros in front, and where it ends.
 */
static size_t digits(const char **start, const char **end, const char *s)
{
	while (*s == '0' && isdigit((unsigned char)s[1]))
		s++;
	*start = s;
	while (isdigit((unsigned char)*s))
		s++;
	*end = s;
	return (size_t)(s - *start);
}

/* A folder's files stand before those of a name that is longer; case matters last. */
static int weight(char c)
{
	return c == '\0' ? 0 : c == '/' ? 1 : tolower((unsigned char)c) + 1;
}

int folder_compare(const char *a, const char *b)
{
	const char *s = a, *t = b;

	while (*s && *t) {
		const char *s_end, *t_end;

		if (isdigit((unsigned char)*s) && isdigit((unsigned char)*t)) {
			size_t n = digits(&s, &s_end, s), m = digits(&t, &t_end, t);
			int order = n == m ? memcmp(s, t, n) : n < m ? -1 : 1;

			if (order)
				return order;
			s = s_end;
			t = t_end;
		} else if (weight(*s) != weight(*t)) {
			return weight(*s) - weight(*t);
		} else {
			s++;
			t++;
		}
	}
	return weight(*s) != weight(*t) ? weight(*s) - weight(*t) : strcmp(a, b);
}

/* ---- the list */

static int compare_files(const void *a, const void *b)
{
	const struct folder_file *x = a, *y = b;

	return folder_compare(x->path, y->path);
}

/* What is hidden, or an editor's copy. */
static bool is_passed_over(const char *name)
{
	size_t len = strlen(name);

	return *name == '.' || name[len - 1] == '~' || (*name == '#' && name[len - 1] == '#') ||
	       !utf8_valid(name, len);
}

bool book_folder_counts(const char *name, bool is_folder)
{
	if (is_folder && !strcmp(name, PROJECT_CONFIG))
		return true;
	return *name && !is_passed_over(name) &&
	       (is_folder || folder_is_text(name) || project_is_config(name));
}

static void walk(struct folder *f, const char *path, int depth, const struct book_limits *limits);

static bool is_listed(const struct folder *f, const char *path, const char *name)
{
	return !f->enter && folder_is_text(name) && (!f->is_project || project_reads(path, true));
}

static void note(struct folder *f, char *path, int depth, const struct dirent *e,
		 const struct book_limits *limits)
{
	if (e->d_type == DT_DIR && depth < FOLDER_DEPTH) {
		if (!f->is_project || depth || project_has_folder(e->d_name))
			walk(f, path, depth + 1, limits);
	} else if (e->d_type == DT_REG && is_listed(f, path, e->d_name)) {
		if (f->count == limits->entries || f->count == FOLDER_TEXTS) {
			f->more = true;
		} else {
			f->files = xgrow(f->files, &f->cap, f->count + 1, sizeof(*f->files));
			f->files[f->count++] = (struct folder_file){.path = path};
			return;
		}
	}
	free(path);
}

/* A file system that does not say what an entry is. */
static void learn_type(struct dirent *e, int dir_fd)
{
	struct stat st;

	if (e->d_type == DT_UNKNOWN &&
	    fstatat(dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0)
		e->d_type = (unsigned char)IFTODT(st.st_mode);
}

static void walk(struct folder *f, const char *path, int depth, const struct book_limits *limits)
{
	int fd = folder_open(f->fd, *path ? path : ".");
	DIR *dir;
	struct dirent *e;

	if (fd >= 0 && f->enter)
		f->enter(f->arg, fd, path);
	dir = fd < 0 ? NULL : fdopendir(fd);
	while (dir && !f->more && (e = readdir(dir))) {
		if (is_passed_over(e->d_name))
			continue;
		if (++f->seen > FOLDER_ENTRIES)
			f->more = true;
		learn_type(e, dirfd(dir));
		note(f, *path ? xasprintf("%s/%s", path, e->d_name) : xstrdup(e->d_name), depth, e,
		     limits);
	}
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}

static bool has_text(int fd)
{
	const struct book_limits one = {.entries = 1};
	struct folder f = {.fd = fd};

	walk(&f, "", 0, &one);
	bool found = f.count > 0;
	folder_finish(&f);
	return found;
}

static bool is_project(int fd)
{
	CLEANUP(cleanup_close) int chapters = folder_open(fd, PROJECT_CHAPTERS);

	return chapters >= 0 && has_text(chapters);
}

int folder_list(struct folder *out, int fd, const struct book_limits *limits)
{
	*out = (struct folder){.fd = fd, .is_project = is_project(fd)};
	walk(out, "", 0, limits);
	if (out->count)
		qsort(out->files, out->count, sizeof(*out->files), compare_files);
	return out->more ? -EFBIG : 0;
}

int book_folder_walk(int fd, void (*enter)(void *arg, int folder, const char *path), void *arg)
{
	struct folder f = {.fd = fd, .enter = enter, .arg = arg};

	walk(&f, "", 0, &book_limits_default);
	bool more = f.more;
	CLEANUP(cleanup_close) int config = folder_open(fd, PROJECT_CONFIG);

	if (config >= 0)
		enter(arg, config, PROJECT_CONFIG);
	folder_finish(&f);
	return more ? -EFBIG : 0;
}

void folder_finish(struct folder *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->files[i].path);
	free(f->files);
	*f = (struct folder){0};
}

static int add_file(struct hash *h, int fd, const char *path)
{
	CLEANUP(cleanup_close) int file = open_beneath(fd, path, O_PATH);
	struct stat st;

	if (file < 0 || fstat(file, &st) < 0)
		return -errno;
	const int64_t numbers[] = {st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
				   (int64_t)st.st_ino};

	hash_adds(h, path);
	hash_add(h, numbers, sizeof(numbers));
	return 0;
}

int book_folder_hash(char out[HASH_HEX], int fd)
{
	CLEANUP(hash_free_cleanup) struct hash *h = hash_new();
	CLEANUP(strv_finish) struct strv configs = {0};
	struct folder f;
	int result = folder_list(&f, fd, &book_limits_default);

	/* One that goes in this moment is not there; it is another hash then. */
	for (size_t i = 0; result == 0 && i < f.count; i++)
		if (project_reads(f.files[i].path, f.is_project))
			add_file(h, fd, f.files[i].path);
	project_configs(&configs, fd);
	for (size_t i = 0; i < configs.len; i++)
		add_file(h, fd, configs.items[i]);
	folder_finish(&f);
	if (result == 0)
		hash_hex(out, h);
	return result;
}

int book_folder_chapters(int fd, int (*fn)(void *arg, const char *path, int chapter), void *arg)
{
	CLEANUP(book_free_cleanup) struct book *b = book_new("");
	struct reading reading = {.book = b};
	struct plan plan = {0};
	struct folder f;
	int result = folder_list(&f, fd, &book_limits_default);

	if (result == 0 && !f.is_project) {
		project_plan(&plan, &reading, &f);
		for (size_t i = 0; result == 0 && i < plan.count; i++)
			result = fn(arg, plan.chapters[i].files.items[0], (int)i + 1);
	}
	plan_finish(&plan);
	folder_finish(&f);
	return result;
}

bool book_is_folder(const char *path)
{
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && has_text(fd);
}

/* ---- the plan */

struct plan_chapter *plan_add(struct plan *p)
{
	p->chapters = xgrow(p->chapters, &p->cap, p->count + 1, sizeof(*p->chapters));
	p->chapters[p->count] = (struct plan_chapter){0};
	return &p->chapters[p->count++];
}

void plan_finish(struct plan *p)
{
	for (size_t i = 0; i < p->count; i++) {
		free(p->chapters[i].title);
		strv_finish(&p->chapters[i].files);
	}
	free(p->chapters);
	*p = (struct plan){0};
}

/* ---- reading */

/* One text after another, each a document of the flow. What it says of itself in a metadata block
 * is its own, not the book's. */
struct read {
	struct reading *reading;
	const struct folder *folder;
	size_t bytes;
};

static int read_file(struct read *in, char **title, const char *path)
{
	const struct book_limits *limits = &in->reading->options->limits;
	CLEANUP(buf_finish) struct buf bytes = {0};
	CLEANUP(book_free_cleanup) struct book *own = book_new("");
	struct reading r = *in->reading;

	*own->title = '\0';
	int result = folder_load(&bytes, in->folder->fd, path, limits->text_bytes);

	if (result < 0) {
		reading_warn(in->reading, "%s: %s", path,
			     result == -EFBIG ? "too large" : strerror(-result));
		return 0;
	}
	in->bytes += bytes.len;
	if (in->bytes > limits->total_bytes)
		return err_set(in->reading->err, -EFBIG, "its texts are larger than %zu MB",
			       limits->total_bytes >> 20);
	if (!bytes.len || !text_plausible(buf_str(&bytes), bytes.len)) {
		if (bytes.len)
			reading_warn(in->reading, "%s: not a text", path);
		return 0;
	}
	r.book = own;
	result = text_file_read(&r, path, buf_str(&bytes), bytes.len);
	if (result == 0 && *own->title && !*title)
		*title = xstrdup(own->title);
	return result;
}

/* Its first heading, else its file's name. */
static char *title_of(const struct flow *f, const struct chapter_range *range, const char *path)
{
	size_t h = flow_heading_from(f, range->start);

	if (h < f->heading_count && f->headings[h].offset < range->end && *f->headings[h].title)
		return xstrdup(f->headings[h].title);
	const char *slash = path ? strrchr(path, '/') : NULL;
	const char *name = slash ? slash + 1 : path ? path : "";
	const char *dot = strrchr(name, '.');
	char *title = text_folded(name, dot ? (size_t)(dot - name) : strlen(name));

	for (char *s = title; *s; s++)
		if (*s == '_')
			*s = ' ';
	return title;
}

static enum book_kind kind_of(const struct plan_chapter *p, const char *title)
{
	enum matter_kind m = p->kind_known ? MATTER_NONE : matter_of_title(title);

	return p->kind_known	   ? p->kind
	       : m == MATTER_FRONT ? BOOK_FRONT
	       : m == MATTER_BACK  ? BOOK_BACK
				   : BOOK_STORY;
}

static int read_chapter(struct read *in, struct book_chapter *c, struct chapter_range *range,
			struct plan_chapter *p)
{
	struct flow *f = in->reading->flow;
	int result = 0;

	range->start = f->text.len;
	for (size_t i = 0; result == 0 && i < p->files.len; i++)
		result = read_file(in, &p->title, p->files.items[i]);
	range->end = f->text.len;
	if (result < 0)
		return result;
	c->title = p->title && *p->title
			   ? xstrdup(p->title)
			   : title_of(f, range, p->files.len ? p->files.items[0] : NULL);
	c->kind = kind_of(p, c->title);
	return 0;
}

static void list_entry(struct book *b, int number)
{
	const struct book_chapter *c = &b->chapters[number - 1];

	b->contents[b->content_count++] = (struct book_entry){
		.title = xstrdup(c->title),
		.chapter = number,
		.role = c->kind == BOOK_FRONT  ? ROLE_FRONT
			: c->kind == BOOK_BACK ? ROLE_BACK
					       : ROLE_CHAPTER,
	};
}

/* In reading order: front matter that has no number comes first. */
static void list_contents(struct book *b, bool own_numbers)
{
	int count = (int)b->chapter_count;

	b->contents = xcalloc(b->chapter_count, sizeof(*b->contents));
	for (int n = 1; own_numbers && n <= count; n++)
		if (b->chapters[n - 1].kind == BOOK_FRONT)
			list_entry(b, n);
	for (int n = 1; n <= count; n++) {
		enum book_kind kind = b->chapters[n - 1].kind;

		if (kind != BOOK_GAP && !(own_numbers && kind == BOOK_FRONT))
			list_entry(b, n);
	}
}

/* The last number that a chapter brings, and the gap that tells what stands behind it from
 * chapters. */
static size_t numbered_places(const struct plan *p)
{
	size_t most = 0, matter = 0;

	for (size_t i = 0; i < p->count; i++) {
		if ((size_t)p->chapters[i].number > most)
			most = (size_t)p->chapters[i].number;
		matter += !p->chapters[i].number;
	}
	return p->own_numbers && matter ? most + 1 : most;
}

/* Chapters with a number of their own are at its place, and gaps between them stay. */
static size_t places(const struct plan *p)
{
	size_t count = numbered_places(p);

	for (size_t i = 0; i < p->count; i++)
		count += !p->chapters[i].number;
	return count;
}

static int read_plan(struct read *in, struct plan *p)
{
	struct book *b = in->reading->book;
	size_t count = places(p), next = numbered_places(p);
	CLEANUP(cleanup_free) struct chapter_range *ranges = xcalloc(count + 1, sizeof(*ranges));
	int result = 0;

	b->chapters = xcalloc(count + 1, sizeof(*b->chapters));
	b->chapter_count = count;
	for (size_t i = 0; i < count; i++)
		b->chapters[i] = (struct book_chapter){.kind = BOOK_GAP};
	for (size_t i = 0; result == 0 && i < p->count; i++) {
		int number = p->chapters[i].number;
		size_t at = number ? (size_t)number - 1 : next++;

		result = read_chapter(in, &b->chapters[at], &ranges[at], &p->chapters[i]);
	}
	for (size_t i = 0; i < count; i++)
		if (!b->chapters[i].title)
			b->chapters[i].title = xstrdup("");
	if (result == 0)
		result = chapters_fill(b, in->reading->flow, ranges, in->reading->err);
	if (result == 0)
		list_contents(b, p->own_numbers);
	return result;
}

int folder_read(struct reading *r, int fd)
{
	struct folder f;
	struct plan plan = {0};
	struct read in = {.reading = r, .folder = &f};
	int result = folder_list(&f, fd, &r->options->limits);

	if (result < 0)
		err_set(r->err, result,
			"too many files for a book: more than %d texts, or than "
			"%d files",
			FOLDER_TEXTS, FOLDER_ENTRIES);
	else if (!f.count && !f.is_project)
		result = err_set(r->err, -EBADMSG,
				 "a folder without a text: no .md, .txt or .html file in it");
	if (result == 0) {
		project_plan(&plan, r, &f);
		result = plan.count ? read_plan(&in, &plan)
				    : err_set(r->err, -EBADMSG, "a project without a chapter");
	}
	plan_finish(&plan);
	folder_finish(&f);
	return result;
}
