/* SPDX-License-Identifier: MIT */
#include <cjson/cJSON.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "import.h"

/*
 * What another illustrator left beside the book is named, with the command that takes it in, until
 * something was taken in; an export of ours as long as the book has no results. The look costs a
 * reading of the folder and a few questions of some folders in it. A mounted one is not asked
 * anything: it may hang, or be this book.
 */

enum { NAMES_MOST = 4096, FOLDERS_MOST = 256, SAID_MOST = 3, LINE_BYTES = 360 };

#define THEIR_NAME "imaginize_"
#define OUR_BOOK "book.json" /* in an export, and in a copy of a mount */

static bool has(int folder, const char *path)
{
	return faccessat(folder, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool is_theirs(int folder)
{
	return has(folder, ".imaginize.state.json") || has(folder, ".imaginize.manifest.json") ||
	       has(folder, ".analyze.state/manifest.json") ||
	       (has(folder, "Chapters.md") && has(folder, "Elements.md"));
}

static bool is_folder(int parent, const char *name)
{
	struct statx st;

	return statx(parent, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
		     STATX_TYPE, &st) == 0 &&
	       S_ISDIR(st.stx_mode) && !(st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

struct beside {
	struct strv theirs, ours;
	int asked;
};

static void look_into(struct beside *b, int parent, const char *name)
{
	CLEANUP(cleanup_close) int folder = -1;

	if (!is_folder(parent, name))
		return;
	b->asked++;
	folder = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder >= 0 && is_theirs(folder))
		strv_add(has(folder, OUR_BOOK) ? &b->ours : &b->theirs, name);
}

static void look_around(struct beside *b, const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *e;

	for (int i = 0; dir && i < NAMES_MOST && (e = readdir(dir)); i++) {
		bool likely = !strncmp(e->d_name, THEIR_NAME, strlen(THEIR_NAME));

		if (e->d_name[0] != '.' && (e->d_type == DT_DIR || e->d_type == DT_UNKNOWN) &&
		    (likely || b->asked < FOLDERS_MOST))
			look_into(b, dirfd(dir), e->d_name);
	}
	if (dir)
		closedir(dir);
}

/* ---- what is worth saying */

struct taken {
	bool any, imported;
};

static void find_taken(struct taken *out, const struct book *book, struct store_reader *r)
{
	struct store_analysis a = {0};

	for (size_t i = 0; i < book->chapter_count && !out->imported; i++) {
		if (store_analysis(&a, r, (int)i + 1, false) < 0)
			continue;
		out->any = true;
		out->imported = !strcmp(a.provider, IMPORTED);
		store_analysis_finish(&a);
	}
}

/* Many books may stand in one folder, each with its export. */
static bool is_of(const struct book *book, const char *parent, const char *name)
{
	CLEANUP(cleanup_free) char *path = xasprintf("%s/%s/" OUR_BOOK, parent, name);
	CLEANUP(buf_finish) struct buf text = {0};
	cJSON *root = dir_read(&text, AT_FDCWD, path) < 0
			      ? NULL
			      : cJSON_ParseWithLength(buf_str(&text), text.len);
	const char *title = cJSON_GetStringValue(cJSON_GetObjectItem(root, "title"));
	bool same = title && !strcmp(title, book->title);

	cJSON_Delete(root);
	return same;
}

static void keep_of(struct strv *names, const struct book *book, const char *parent)
{
	struct strv kept = {0};

	for (size_t i = 0; i < names->len; i++)
		if (is_of(book, parent, names->items[i]))
			strv_add(&kept, names->items[i]);
	strv_finish(names);
	*names = kept;
}

/* As a shell reads it; a terminal is told no more than '?' of what it would obey. */
static void add_quoted(struct buf *out, const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_./-+,=:@%";

	if (strspn(s, plain) == strlen(s)) {
		buf_adds(out, s);
		return;
	}
	buf_addc(out, '\'');
	for (; *s; s++)
		if (*s == '\'')
			buf_adds(out, "'\\''");
		else
			buf_addc(out, *s);
	buf_addc(out, '\'');
}

static void say(FILE *to, const char *prefix, const char *book, const char *parent,
		const struct strv *names, const char *what)
{
	for (size_t i = 0; i < names->len && i < SAID_MOST; i++) {
		CLEANUP(cleanup_free) char *path = xasprintf("%s/%s", parent, names->items[i]);
		CLEANUP(buf_finish) struct buf command = {0};
		struct err line;

		buf_adds(&command, "bookfs import ");
		add_quoted(&command, book);
		buf_addc(&command, ' ');
		add_quoted(&command, path);
		err_set(&line, 0, "%.100s beside the book holds %s: %s", names->items[i], what,
			command.len < LINE_BYTES ? buf_str(&command) : "bookfs import BOOK FOLDER");
		fprintf(to, "%s%s\n", prefix, line.msg);
	}
	if (names->len > SAID_MOST)
		fprintf(to, "%s%zu more such folders are beside the book\n", prefix,
			names->len - SAID_MOST);
}

void beside_say(FILE *to, const char *prefix, const char *book, struct store_reader *r)
{
	const char *slash = strrchr(book, '/');
	CLEANUP(cleanup_free) char *parent = xstrndup(book, slash ? (size_t)(slash - book) : 0);
	struct beside b = {0};
	CLEANUP(book_free_cleanup) struct book *told = NULL;
	struct taken taken = {0};

	look_around(&b, *parent ? parent : "/");
	if (b.theirs.len + b.ours.len && store_book(&told, r) == 0) {
		find_taken(&taken, told, r);
		keep_of(&b.ours, told, parent);
	}
	if (!taken.imported)
		say(to, prefix, book, parent, &b.theirs, "what another illustrator made");
	if (!taken.any)
		say(to, prefix, book, parent, &b.ours, "an export of bookfs");
	strv_finish(&b.theirs);
	strv_finish(&b.ours);
}
