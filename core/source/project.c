/* SPDX-License-Identifier: MIT */
#include "folder.h"
#include "reader.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>

/*
 * Which files of a folder are which chapter. A writing project keeps a chapter in
 * Manuscript/Chapters/Chapter_NN/Chapter_NN.md, or in Chapter_NN.md beside the others, or in
 * sections Chapter_NN_Part.md; NN is its number. In any other folder each text is a chapter, in the
 * order of a TOC file, else of the names.
 */

enum { NUMBER_MOST = 999, CONFIG_BYTES = 1 << 18, CONFIG_FILES = 32, TOC_BYTES = 1 << 20 };

static const char front_folder[] = "FrontMatter/", back_folder[] = "BackMatter/";

static const char *behind(const char *s, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(s, prefix, len) ? NULL : s + len;
}

static const char *file_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* ---- a project's chapters */

/* "Chapter_07": the number, and what stands behind it; 0: it is none; more than NUMBER_MOST: it is
 * too high. */
static int chapter_number(const char **rest, const char *s)
{
	const char *at = behind(s, "Chapter_");
	int number = 0;

	if (!at || !isdigit((unsigned char)*at))
		return 0;
	for (; isdigit((unsigned char)*at) && number <= NUMBER_MOST; at++)
		number = number * 10 + (*at - '0');
	*rest = at + strspn(at, "0123456789");
	return number;
}

enum part { PART_NONE, PART_WHOLE, PART_SECTION };

/* What the author wants changed, and his notes, are no text of the chapter. */
static bool is_note(const char *rest)
{
	static const char *const notes[] = {"_chg", "_notes"};
	const char *dot = strrchr(rest, '.');

	for (size_t i = 0; i < ARRAY_LEN(notes); i++) {
		size_t len = strlen(notes[i]);

		if ((size_t)(dot - rest) >= len && !strncasecmp(dot - len, notes[i], len))
			return true;
	}
	return false;
}

/* Manuscript/Chapters/Chapter_07/Chapter_07_Storm.md: 7, a section. */
static enum part part_of(int *number, const char *path)
{
	const char *at = behind(path, PROJECT_CHAPTERS), *rest;
	int within;

	*number = at ? chapter_number(&rest, at) : 0;
	if (!*number)
		return PART_NONE;
	if (*rest == '/') {
		within = chapter_number(&rest, rest + 1);
		if (within != *number)
			return PART_NONE;
	}
	if (strchr(rest, '/'))
		return PART_NONE;
	if (*rest == '.')
		return PART_WHOLE;
	return *rest == '_' && !is_note(rest) ? PART_SECTION : PART_NONE;
}

/* It looks like a chapter, and is none of the book. */
static bool is_left_out(struct reading *r, const char *path, int number, enum part part,
			const struct strv *whole)
{
	if (part == PART_NONE)
		return true;
	if (number > NUMBER_MOST) {
		reading_warn(r, "%s is left out: the number of a chapter is %d at most", path,
			     NUMBER_MOST);
		return true;
	}
	if (part == PART_WHOLE && whole[number].len) {
		reading_warn(r, "%s is left out: %s is chapter %d already", path,
			     whole[number].items[0], number);
		return true;
	}
	return false;
}

static void plan_numbered(struct plan *p, struct reading *r, const struct folder *f)
{
	struct strv *whole = xcalloc(NUMBER_MOST + 1, sizeof(*whole));
	struct strv *sections = xcalloc(NUMBER_MOST + 1, sizeof(*sections));
	int number;

	for (size_t i = 0; i < f->count; i++) {
		enum part part = part_of(&number, f->files[i].path);

		if (!is_left_out(r, f->files[i].path, number, part, whole))
			strv_add(part == PART_WHOLE ? &whole[number] : &sections[number],
				 f->files[i].path);
	}
	for (number = 1; number <= NUMBER_MOST; number++) {
		struct strv *files = whole[number].len ? &whole[number] : &sections[number];

		if (files->len) {
			struct plan_chapter *c = plan_add(p);

			c->number = number;
			c->kind_known = true;
			c->files = *files;
			*files = (struct strv){0};
		}
		strv_finish(&whole[number]);
		strv_finish(&sections[number]);
	}
	free(whole);
	free(sections);
}

static bool is_for_readers_of_the_folder(const char *name)
{
	static const char *const names[] = {"readme",	 "license", "licence",	    "copying",
					    "changelog", "authors", "contributing", "toc",
					    "summary",	 "todo"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		size_t len = strlen(names[i]);

		if (!strncasecmp(name, names[i], len) && (name[len] == '.' || !name[len]))
			return true;
	}
	return false;
}

static struct plan_chapter *plan_file(struct plan *p, struct folder_file *file)
{
	struct plan_chapter *c = plan_add(p);

	file->planned = true;
	strv_add(&c->files, file->path);
	return c;
}

static bool is_matter(const char *path, const char *folder)
{
	const char *at = behind(path, "Manuscript/");

	return behind(at ? at : path, folder) && !is_for_readers_of_the_folder(file_of(path));
}

static void plan_matter(struct plan *p, const struct folder *f, const char *folder,
			enum book_kind kind)
{
	for (size_t i = 0; i < f->count; i++) {
		if (!is_matter(f->files[i].path, folder))
			continue;
		struct plan_chapter *c = plan_file(p, &f->files[i]);

		c->kind = kind;
		c->kind_known = true;
	}
}

/* ---- tables of contents */

static const char *line_end(const char *s)
{
	const char *end = strchr(s, '\n');

	return end ? end : s + strlen(s);
}

/* "| 3 | The Lamp |", "- Chapter 3: The Lamp", "3. [The Lamp](Chapter_03.md)": 3, and where the
 * title begins. */
static int toc_number(const char **title, const char *s, const char *end)
{
	int number = 0;

	while (s < end && strchr("#*-+|>[ \t", *s))
		s++;
	if (end - s > 7 && !strncasecmp(s, "chapter", 7))
		for (s += 7; s < end && (*s == ' ' || *s == '_');)
			s++;
	const char *first = s;

	for (; s < end && isdigit((unsigned char)*s) && number <= NUMBER_MOST; s++)
		number = number * 10 + (*s - '0');
	const char *mark = s;

	while (s < end && strchr(".:)|-*[] \t\xe2\x80\x93\x94", *s))
		s++;
	*title = s;
	return s > mark && mark > first && number <= NUMBER_MOST && s < end ? number : 0;
}

static char *toc_title(const char *s, const char *end)
{
	for (const char *at = s; at < end; at++)
		if (*at == '|' || *at == ']') {
			end = at;
			break;
		}
	CLEANUP(cleanup_free) char *plain = xcalloc(1, (size_t)(end - s) + 1);
	size_t n = 0;

	for (; s < end; s++)
		if (*s != '*' && *s != '`')
			plain[n++] = *s;
	return utf8_valid(plain, n) ? text_folded(plain, n) : xstrdup("");
}

static void plan_titles(struct plan *p, const char *toc)
{
	for (const char *s = toc, *end; *s; s = *end ? end + 1 : end) {
		const char *title;

		end = line_end(s);
		int number = toc_number(&title, s, end);

		for (size_t i = 0; number && i < p->count; i++)
			if (p->chapters[i].number == number && !p->chapters[i].title)
				p->chapters[i].title = toc_title(title, end);
	}
}

static int compare_path(const void *path, const void *file)
{
	return folder_compare(path, ((const struct folder_file *)file)->path);
}

/* The file that a link leads to, or NULL. */
static struct folder_file *linked(const struct folder *f, const char *s, const char *end)
{
	const char *hash = memchr(s, '#', (size_t)(end - s));

	while (end - s > 2 && s[0] == '.' && s[1] == '/')
		s += 2;
	CLEANUP(cleanup_free) char *path = xstrndup(s, (size_t)((hash > s ? hash : end) - s));

	return f->count ? bsearch(path, f->files, f->count, sizeof(*f->files), compare_path) : NULL;
}

/* "[Title](path)", in their order. */
static void plan_links(struct plan *p, const struct folder *f, const char *toc)
{
	for (const char *s = toc; (s = strchr(s, '[')); s++) {
		const char *line = line_end(s), *close = memmem(s, (size_t)(line - s), "](", 2);
		const char *end = close ? memchr(close, ')', (size_t)(line - close)) : NULL;
		struct folder_file *file = end ? linked(f, close + 2, end) : NULL;

		if (file && !file->planned)
			plan_file(p, file)->title = toc_title(s + 1, close);
	}
}

static const char *const project_tocs[] = {"Manuscript/_TOC_/TOC.md", "_TOC_/TOC.md", NULL};
static const char *const folder_tocs[] = {"TOC.md", "toc.md", "SUMMARY.md", "_TOC_/TOC.md", NULL};

static void load_toc(struct buf *out, const struct folder *f, const char *const *paths)
{
	for (; *paths; paths++) {
		out->len = 0;
		if (folder_load(out, f->fd, *paths, TOC_BYTES) == 0 && out->len)
			return;
	}
	out->len = 0;
}

/* ---- what a project says of its book */

static const char *text_value(const cJSON *object, const char *const *keys)
{
	for (; *keys; keys++) {
		const char *value = cJSON_GetStringValue(cJSON_GetObjectItem(object, *keys));

		if (value && *value)
			return value;
	}
	return NULL;
}

static void take(char **to, const cJSON *object, const char *const *keys)
{
	const char *value = text_value(object, keys);

	if (!value)
		return;
	free(*to);
	*to = text_folded(value, strlen(value));
}

static void take_creators(struct book *b, const cJSON *object)
{
	static const char *const one[] = {"author", "creator", NULL};
	const cJSON *all = cJSON_GetObjectItem(object, "authors"), *item;
	const char *value = text_value(object, one);

	if (b->creators.len)
		return;
	if (value)
		strv_add(&b->creators, value);
	cJSON_ArrayForEach(item, all) if (cJSON_IsString(item) && *item->valuestring)
		strv_add(&b->creators, item->valuestring);
}

static void take_about(struct book *b, const cJSON *object)
{
	static const char *const titles[] = {"title", "bookTitle", "book_title", NULL};
	static const char *const languages[] = {"language", "lang", NULL};
	static const char *const publishers[] = {"publisher", NULL};
	static const char *const identifiers[] = {"identifier", "isbn", NULL};

	take(&b->title, object, titles);
	take(&b->language, object, languages);
	take(&b->publisher, object, publishers);
	take(&b->identifier, object, identifiers);
	take_creators(b, object);
}

static void read_config(struct book *b, int fd, const char *path)
{
	CLEANUP(buf_finish) struct buf bytes = {0};
	cJSON *json = folder_load(&bytes, fd, path, CONFIG_BYTES) == 0
			      ? cJSON_ParseWithLength(buf_str(&bytes), bytes.len)
			      : NULL;

	take_about(b, cJSON_GetObjectItem(json, "project"));
	take_about(b, cJSON_GetObjectItem(json, "book"));
	take_about(b, json);
	cJSON_Delete(json);
}

static int compare_names(const void *a, const void *b)
{
	return folder_compare(*(char *const *)a, *(char *const *)b);
}

bool project_is_config(const char *name)
{
	size_t len = strlen(name);

	return len > 5 && !strcasecmp(name + len - 5, ".json");
}

void project_configs(struct strv *out, int folder)
{
	int fd = folder_open(folder, PROJECT_CONFIG);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (dir && out->len < CONFIG_FILES && (e = readdir(dir)))
		if (project_is_config(e->d_name))
			strv_add(out, e->d_name);
	if (dir)
		closedir(dir);
	if (out->len)
		qsort(out->items, out->len, sizeof(*out->items), compare_names);
	for (size_t i = 0; i < out->len; i++) {
		char *name = out->items[i];

		out->items[i] = xasprintf("%s/%s", PROJECT_CONFIG, name);
		free(name);
	}
}

static void read_configs(struct book *b, const struct folder *f)
{
	CLEANUP(strv_finish) struct strv paths = {0};

	project_configs(&paths, f->fd);
	for (size_t i = 0; i < paths.len; i++)
		read_config(b, f->fd, paths.items[i]);
}

/* ---- */

static void plan_project(struct plan *p, struct reading *r, const struct folder *f)
{
	CLEANUP(buf_finish) struct buf toc = {0};

	p->own_numbers = true;
	plan_numbered(p, r, f);
	load_toc(&toc, f, project_tocs);
	plan_titles(p, buf_str(&toc));
	plan_matter(p, f, front_folder, BOOK_FRONT);
	plan_matter(p, f, back_folder, BOOK_BACK);
}

static void plan_folder(struct plan *p, const struct folder *f)
{
	CLEANUP(buf_finish) struct buf toc = {0};

	load_toc(&toc, f, folder_tocs);
	plan_links(p, f, buf_str(&toc));
	for (size_t i = 0; i < f->count; i++) {
		struct folder_file *file = &f->files[i];

		if (!file->planned && !is_for_readers_of_the_folder(file_of(file->path)))
			plan_file(p, file);
	}
}

static bool is_one_of(const char *path, const char *const *paths)
{
	while (*paths && strcmp(*paths, path))
		paths++;
	return *paths;
}

bool project_reads(const char *path, bool is_project)
{
	int number;

	if (!is_project)
		return is_one_of(path, folder_tocs) || !is_for_readers_of_the_folder(file_of(path));
	return is_one_of(path, project_tocs) || part_of(&number, path) != PART_NONE ||
	       is_matter(path, front_folder) || is_matter(path, back_folder);
}

bool project_has_folder(const char *name)
{
	static const char *const folders[] = {"Manuscript", "FrontMatter", "BackMatter", "_TOC_",
					      NULL};

	return is_one_of(name, folders);
}

void project_plan(struct plan *out, struct reading *r, const struct folder *f)
{
	read_configs(r->book, f);
	if (f->is_project)
		plan_project(out, r, f);
	else
		plan_folder(out, f);
}
