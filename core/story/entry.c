/* SPDX-License-Identifier: MIT */
#include "entry.h"

#include <stdio.h>
#include <string.h>

#include "fold.h"
#include "name_index.h"

struct catalogue_entry *entry_add(struct catalogue *c)
{
	c->entries = xgrow(c->entries, &c->cap, c->len + 1, sizeof(*c->entries));
	struct catalogue_entry *e = &c->entries[c->len++];
	*e = (struct catalogue_entry){.first = c->len - 1};
	return e;
}

void entry_finish(struct catalogue_entry *e)
{
	free(e->name);
	strv_finish(&e->aliases);
	strv_finish(&e->descriptions);
	free(e->described);
	free(e->looks);
	free(e->appearances);
	free(e->said);
	free(e->look);
	free(e->look_source);
}

enum called_how entry_called(const struct catalogue_entry *e, const char *folded)
{
	CLEANUP(cleanup_free) char *name = fold_name(e->name);
	if (!strcmp(name, folded))
		return CALLED_BY_NAME;
	for (size_t i = 0; i < e->aliases.len; i++) {
		CLEANUP(cleanup_free) char *alias = fold_name(e->aliases.items[i]);
		if (!strcmp(alias, folded))
			return CALLED_BY_ALIAS;
	}
	return CALLED_OTHERWISE;
}

void entry_add_alias(struct catalogue_entry *e, const char *alias)
{
	if (e->aliases.len == ALIASES_MAX || !strcmp(e->name, alias) ||
	    strv_has(&e->aliases, alias))
		return;
	CLEANUP(cleanup_free) char *folded = fold_name(alias);
	if (*folded && entry_called(e, folded) == CALLED_OTHERWISE)
		strv_add(&e->aliases, alias);
}

void entry_add_description(struct catalogue_entry *e, const char *text,
			   const struct appearance *where)
{
	if (!*text || e->descriptions.len == DESCRIPTIONS_MAX || strv_has(&e->descriptions, text))
		return;
	strv_add(&e->descriptions, text);
	e->described =
		xgrow(e->described, &e->described_cap, e->descriptions.len, sizeof(*e->described));
	e->described[e->descriptions.len - 1] = *where;
}

static bool same_quote(const struct quote *a, const struct quote *b)
{
	return a->offset == b->offset && !strcmp(a->text, b->text);
}

void entry_add_appearance(struct catalogue_entry *e, const struct appearance *a)
{
	for (size_t i = e->appearance_count; i-- && e->appearances[i].chapter == a->chapter;) {
		if (same_quote(e->appearances[i].quote, a->quote))
			return;
	}
	e->appearances = xgrow(e->appearances, &e->appearance_cap, e->appearance_count + 1,
			       sizeof(*e->appearances));
	e->appearances[e->appearance_count++] = *a;
}

/* ---- looks */

static bool is_said(const struct catalogue_entry *e, const char *word, size_t len)
{
	for (size_t i = 0; i < e->look_count; i++) {
		const char *text = e->looks[i].quote->text;
		if (memmem(text, strlen(text), word, len))
			return true;
	}
	return false;
}

/* Are two of three of its words in earlier facts? */
static bool is_stale(const struct catalogue_entry *e, const char *fact)
{
	size_t words = 0, stale = 0;
	for (size_t len; *fact; fact += len + strspn(fact + len, " ,")) {
		len = strcspn(fact, " ,");
		if (len < 3)
			continue;
		words++;
		stale += is_said(e, fact, len);
	}
	return stale * 3 >= words * 2;
}

/* "red jersey" was not all: "a man's red jersey". */
static void improve_look(struct catalogue_entry *e, const struct appearance *a)
{
	enum { LEAST = 4 };
	size_t len = strlen(a->quote->text);
	for (size_t i = 0; i < e->look_count; i++) {
		const char *text = e->looks[i].quote->text;
		size_t old = strlen(text);
		if (old >= LEAST && old < len && !strcmp(a->quote->text + len - old, text)) {
			e->looks[i] = *a;
			return;
		}
	}
}

void entry_add_look(struct catalogue_entry *e, const struct appearance *a)
{
	if (e->look_count == LOOKS_MAX || is_stale(e, a->quote->text)) {
		improve_look(e, a);
		return;
	}
	e->looks = xgrow(e->looks, &e->look_cap, e->look_count + 1, sizeof(*e->looks));
	e->looks[e->look_count++] = *a;
}

void entry_tell_looks(struct catalogue_entry *e)
{
	CLEANUP(buf_finish) struct buf row = {0};
	for (size_t i = 0; i < e->look_count; i++)
		buf_addf(&row, "%s%s", i ? "; " : "", e->looks[i].quote->text);
	if (row.len)
		strv_add(&e->descriptions, buf_str(&row));
}

/* ---- file names */

#define SUFFIX ".md"

/* The names given so far: open addressing, at most half full. next: the number to try for another
 * one called so. */
struct taken {
	struct taken_name {
		char *key;
		int next;
	} * slots;
	size_t mask;
};

/* Of the name, given or free: then key is NULL. */
static struct taken_name *taken_slot(const struct taken *t, const char *key)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a */
	for (const char *s = key; *s; s++)
		hash = (hash ^ (unsigned char)*s) * 1099511628211u;
	size_t i = hash & t->mask;
	while (t->slots[i].key && strcmp(t->slots[i].key, key) != 0)
		i = (i + 1) & t->mask;
	return &t->slots[i];
}

/* The name cut so that a number from 2 on and the suffix have room behind it. */
static void number_name(char out[NAME_BYTES], const char *name, int number)
{
	char tail[32] = "";
	if (number > 1)
		snprintf(tail, sizeof(tail), " (%d)", number);
	size_t room = NAME_BYTES - 1 - strlen(SUFFIX) - strlen(tail), len = strlen(name);
	if (len > room) {
		for (len = room; len && ((unsigned char)name[len] & 0xc0) == 0x80;)
			len--;
	}
	while (len && name[len - 1] == ' ')
		len--;
	snprintf(out, NAME_BYTES, "%.*s%s", (int)len, name, tail);
}

/* Gives the entry the name with that number; NULL, or the slot of whoever has it. */
static struct taken_name *take(struct catalogue_entry *e, struct taken *t, const char *safe,
			       int number)
{
	number_name(e->file, safe, number);
	CLEANUP(cleanup_free) char *folded = fold_name(e->file);
	CLEANUP(cleanup_free) char *key = xasprintf("%d/%s", (int)e->type, folded);
	struct taken_name *slot = taken_slot(t, key);
	if (slot->key)
		return slot;
	*slot = (struct taken_name){key, 2};
	key = NULL;
	return NULL;
}

static void name_file(struct catalogue_entry *e, struct taken *t)
{
	char safe[NAME_BYTES];
	utf8_name(safe, e->name, strlen(e->name));
	struct taken_name *other = take(e, t, safe, 1);
	while (other && take(e, t, safe, other->next++))
		continue;
}

static int compare_first(const void *a, const void *b)
{
	const struct catalogue_entry *x = *(struct catalogue_entry *const *)a,
				     *y = *(struct catalogue_entry *const *)b;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* Unique in the folder of its type even where case does not count, as on a copy that goes to
 * another system. In order of first appearance, so that a later chapter renames nobody. */
static void name_files(struct catalogue *c)
{
	struct catalogue_entry **order = xcalloc(c->len + 1, sizeof(struct catalogue_entry *));
	struct taken t = {.mask = 15};
	while (t.mask < 2 * c->len)
		t.mask = t.mask * 2 + 1;
	t.slots = xcalloc(t.mask + 1, sizeof(*t.slots));
	for (size_t i = 0; i < c->len; i++)
		order[i] = &c->entries[i];
	qsort(order, c->len, sizeof(struct catalogue_entry *), compare_first);
	for (size_t i = 0; i < c->len; i++)
		name_file(order[i], &t);
	for (size_t i = 0; i <= t.mask; i++)
		free(t.slots[i].key);
	free(t.slots);
	free(order);
}

/* ---- their order */

static int compare_entries(const void *a, const void *b)
{
	const struct catalogue_entry *x = a, *y = b;
	if (x->type != y->type)
		return (int)x->type - (int)y->type;
	if (x->mentions != y->mentions)
		return x->mentions > y->mentions ? -1 : 1;
	int r = strcmp(x->name, y->name);
	return r ? r : strcmp(x->file, y->file);
}

void entries_arrange(struct catalogue *c)
{
	name_files(c);
	if (c->len)
		qsort(c->entries, c->len, sizeof(*c->entries), compare_entries);
	name_index_free(c->names);
	c->names = name_index_new(c);
}
