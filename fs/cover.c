/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "cover_rules.h"

/*
 * The table of locks.md. What is said of a folder is said of all that is in it, so that an editor's
 * temporary file beside a chapter is the chapter's, too.
 *
 *     {Manuscript/,}{Chapters/,}Chapter_NN, and what goes on with no letter or digit:
 *                               Chapter_NN/x, Chapter_NN.md, Chapter_NN_Storm.md    Chapter_NN
 *     {Manuscript/,}FrontMatter, BackMatter                            of that name
 *     {Manuscript/,}Style                                              StyleSystem
 *     {Manuscript/,}Quotes                                             QuoteRegistry
 *     {Manuscript/,}.config, _TOC_                                     ProjectConfig
 *     {Manuscript/,}images                                             ImageRegistry
 *         but with figures: fig-NN-*, Image_Registry_Chapter_NN.md     Chapter_NN
 *
 * What is none of these is of none: Inbox, Drafts, Exports, Reports, Dashboard, Research, README,
 * .git.
 */

static const struct {
	const char *folder, *resource;
} folders[] = {
	{"FrontMatter", "FrontMatter"}, {"BackMatter", "BackMatter"}, {"Style", "StyleSystem"},
	{"Quotes", "QuoteRegistry"},	{".config", "ProjectConfig"}, {"_TOC_", "ProjectConfig"},
	{"images", "ImageRegistry"},
};

/* ---- parts */

static char fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool part_begins(const struct cover_part *p, const char *prefix, size_t len)
{
	if (p->len < len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (fold(p->s[i]) != fold(prefix[i]))
			return false;
	return true;
}

bool cover_part_is(const struct cover_part *p, const char *name)
{
	return p->len == strlen(name) && part_begins(p, name, p->len);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Of any alphabet: what is no ASCII counts as one. */
static bool is_letter(char c)
{
	return (fold(c) >= 'a' && fold(c) <= 'z') || (unsigned char)c >= 0x80;
}

int cover_part_number(const struct cover_part *p, const char *prefix)
{
	size_t at = strlen(prefix);
	int number = 0;

	if (!part_begins(p, prefix, at))
		return 0;
	for (; at < p->len && is_digit(p->s[at]) && number <= COVER_CHAPTER_MOST; at++)
		number = number * 10 + (p->s[at] - '0');
	if (number > COVER_CHAPTER_MOST || (at < p->len && is_letter(p->s[at])))
		return 0;
	return number;
}

void cover_path_split(struct cover_path *out, const char *path)
{
	size_t depth = 0;

	while (*path) {
		const struct cover_part p = {path, strcspn(path, "/")};

		path += p.len + (path[p.len] == '/');
		if (p.len == 2 && !strncmp(p.s, "..", 2)) {
			depth -= depth > 0;
		} else if (p.len && !(p.len == 1 && *p.s == '.')) {
			if (depth < COVER_PARTS)
				out->parts[depth] = p;
			depth++;
		}
	}
	out->count = depth < COVER_PARTS ? depth : COVER_PARTS;
}

void cover_chapter(char out[LOCK_RESOURCE_BYTES], int number)
{
	snprintf(out, LOCK_RESOURCE_BYTES, "Chapter_%02d", number);
}

/* ---- the table */

static bool part_at_is(const struct cover_path *p, size_t at, const char *name)
{
	return at < p->count && cover_part_is(&p->parts[at], name);
}

/* The chapter that an image's name says; 0: none. */
static int figure_number(const struct cover_path *p, size_t at)
{
	int number = 0;

	for (; at < p->count && !number; at++) {
		number = cover_part_number(&p->parts[at], "fig-");
		if (!number)
			number = cover_part_number(&p->parts[at], "Image_Registry_Chapter_");
	}
	return number;
}

static int chapter_number(const struct cover_path *p, size_t at)
{
	at += part_at_is(p, at, "Chapters");
	return at < p->count ? cover_part_number(&p->parts[at], "Chapter_") : 0;
}

static void table_of(char out[LOCK_RESOURCE_BYTES], const struct cover_path *p, bool figures)
{
	size_t at = part_at_is(p, 0, "Manuscript");
	int number = chapter_number(p, at);

	if (!number && figures && part_at_is(p, at, "images"))
		number = figure_number(p, at + 1);
	if (number)
		cover_chapter(out, number);
	for (size_t i = 0; !number && i < ARRAY_LEN(folders); i++)
		if (part_at_is(p, at, folders[i].folder))
			snprintf(out, LOCK_RESOURCE_BYTES, "%s", folders[i].resource);
}

/* Is that folder one with the resource's paths in it? It is of none, or an image's. */
static bool table_reaches(const struct cover_path *p, const char *resource, bool figures)
{
	size_t at = part_at_is(p, 0, "Manuscript");
	bool chapter = !strncmp(resource, "Chapter_", strlen("Chapter_"));

	if (at == p->count)
		return true;
	if (!chapter)
		return false;
	return (part_at_is(p, at, "Chapters") && at + 1 == p->count) ||
	       (figures && part_at_is(p, at, "images") && !figure_number(p, at + 1));
}

/* ---- the texts of a plain folder */

static int compare_text(const void *path, const void *text)
{
	return strcmp(path, ((const struct cover_text *)text)->path);
}

static void text_of(char out[LOCK_RESOURCE_BYTES], const struct cover_rules *r, const char *path)
{
	const struct cover_text *t = r && r->text_count ? bsearch(path, r->texts, r->text_count,
								  sizeof(*r->texts), compare_text)
							: NULL;

	if (t)
		snprintf(out, LOCK_RESOURCE_BYTES, "%s", t->resource);
}

static bool has_text(const struct cover_rules *r, const char *resource, const char *folder)
{
	size_t len = strlen(folder);

	for (size_t i = 0; r && i < r->text_count; i++) {
		const struct cover_text *t = &r->texts[i];

		if (!strcmp(t->resource, resource) && !strncmp(t->path, folder, len) &&
		    (!len || !t->path[len] || t->path[len] == '/'))
			return true;
	}
	return false;
}

/* ---- the answers */

bool cover_of(char out[LOCK_RESOURCE_BYTES], const struct cover_rules *r, const char *path)
{
	struct cover_path p;

	out[0] = '\0';
	cover_path_split(&p, path);
	for (size_t i = 0; r && i < r->count; i++)
		if (cover_rule_match(out, &r->rules[i], &p) == COVER_YES)
			return out[0];
	out[0] = '\0';
	table_of(out, &p, r && r->figures);
	if (!out[0])
		text_of(out, r, path);
	return out[0];
}

bool cover_reaches(const struct cover_rules *r, const char *resource, const char *folder)
{
	char found[LOCK_RESOURCE_BYTES] = "";
	struct cover_path p;

	cover_path_split(&p, folder);
	for (size_t i = 0; r && i < r->count; i++) {
		enum cover_match m = cover_rule_match(found, &r->rules[i], &p);
		bool any = m == COVER_ABOVE && r->rules[i].numbered && !found[0];

		if (m == COVER_YES || (m == COVER_ABOVE && !strcmp(found, resource)))
			return !strcmp(found, resource);
		if (any && !strncmp(resource, "Chapter_", strlen("Chapter_")))
			return true;
	}
	found[0] = '\0';
	table_of(found, &p, r && r->figures);
	return !strcmp(found, resource) || table_reaches(&p, resource, r && r->figures) ||
	       has_text(r, resource, folder);
}
