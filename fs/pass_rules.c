/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cover.h"
#include "pass.h"

/*
 * A project may have rules of its own, which lock covers what (cover.h). They are read when the
 * mount begins, which ends there if they cannot be. After that they are read again when their file
 * is another than it was, or the book is: in a plain folder the texts are what they are by their
 * order. If they are wrong then, those that were go on: a slip of the pen leaves
 * no chapter unguarded.
 */

enum { LOOK_EVERY_MS = 100 };

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       !memcmp(&a->st_ctim, &b->st_ctim, sizeof(a->st_ctim));
}

struct texts {
	struct fs *fs;
	uint64_t chapters; /* the folder of the mount */
	struct cover_text *items;
	size_t len, cap;
};

/* Front and back matter have locks of their own: what the mount shows of the chapter says. */
static int add_text(void *arg, const char *path, int chapter)
{
	struct texts *t = arg;
	struct cover_text text = {0};
	struct view_attr folder;
	char name[16];

	snprintf(name, sizeof(name), "%d", chapter);
	if (node_lookup(&folder, t->fs, t->chapters, name) < 0 ||
	    !view_resource(text.resource, t->fs->views, folder.node))
		return 0;
	text.path = xstrdup(path);
	t->items = xgrow(t->items, &t->cap, t->len + 1, sizeof(text));
	t->items[t->len++] = text;
	return 0;
}

/* As the book was imported last. */
static void add_texts(struct cover_rules **rules, const struct pass *p)
{
	struct texts t = {.fs = p->fs};
	struct view_attr chapters;

	if (node_lookup(&chapters, p->fs, VIEW_ROOT, "chapters") < 0)
		return;
	t.chapters = chapters.node;
	book_folder_chapters(p->root.fd, add_text, &t);
	cover_rules_texts(rules, t.items, t.len);
	free(t.items);
}

static int read_rules(struct pass *p, struct err *err)
{
	struct cover_rules *rules = NULL;
	int r = cover_rules_read(&rules, p->root.fd, p->fs->options->figures, err);

	if (r < 0)
		return r;
	add_texts(&rules, p);
	store_imported_hash(p->rules_book, store_reader(p->fs->engine->store));
	cover_rules_free(p->rules);
	p->rules = rules;
	p->moves++; /* where open files belong is to be found anew */
	pass_recall_all(p);
	return 0;
}

static void look(struct stat *out, const struct pass *p)
{
	if (fstatat(p->root.fd, ".config/locks.json", out, AT_SYMLINK_NOFOLLOW) < 0)
		*out = (struct stat){0};
}

/* Another book than it was? Then its texts may be other chapters. */
static bool same_book(const struct pass *p)
{
	char hash[HASH_HEX] = "";

	store_imported_hash(hash, store_reader(p->fs->engine->store));
	return !strcmp(hash, p->rules_book);
}

int pass_rules_check(const struct options *o, struct err *err)
{
	CLEANUP(cleanup_close)
	int folder = open(options_reach(o), O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct cover_rules *rules = NULL;
	int r = folder < 0 ? 0 : cover_rules_read(&rules, folder, o->figures, err);

	cover_rules_free(rules);
	return r;
}

int pass_rules_init(struct pass *p, struct err *err)
{
	p->rules_looked_boot_ms = clock_boot_ms();
	look(&p->rules_file, p);
	return read_rules(p, err);
}

void pass_rules_look(struct pass *p)
{
	int64_t now = clock_boot_ms();
	struct err err = {0};
	struct stat st;

	if (now - p->rules_looked_boot_ms < LOOK_EVERY_MS)
		return;
	p->rules_looked_boot_ms = now;
	look(&st, p);
	if (same_file(&st, &p->rules_file) && same_book(p))
		return;
	p->rules_file = st;
	if (read_rules(p, &err) < 0)
		log_warn("%s; the rules before it go on", err.msg);
}

const struct cover_rules *pass_rules(struct pass *p)
{
	pass_rules_look(p);
	return p->rules;
}
