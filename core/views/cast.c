/* SPDX-License-Identifier: MIT */
#include "tree.h"

#include <stdio.h>
#include <string.h>

/*
 * elements/: the catalogue of all analyses, as files. It is merged when somebody looks, from
 * analyses that are read again only where they changed, and given up when nobody does (views_idle).
 * A name keeps its number, its item, for as long as this mount lives, whatever the catalogue
 * becomes.
 */

/* ---- numbers of names: open addressing, at most half full, a slot is an item + 1 */

static uint32_t *slot_of(const struct names *n, const char *key)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a */
	for (const char *s = key; *s; s++)
		hash = (hash ^ (unsigned char)*s) * 1099511628211u;
	size_t i = (size_t)hash & (n->slot_count - 1);
	while (n->slots[i] && strcmp(n->list.items[n->slots[i] - 1], key) != 0)
		i = (i + 1) & (n->slot_count - 1);
	return &n->slots[i];
}

static void slots_double(struct names *n)
{
	free(n->slots);
	n->slot_count = n->slot_count ? n->slot_count * 2 : 256;
	n->slots = xcalloc(n->slot_count, sizeof(n->slots[0]));
	for (size_t i = 0; i < n->list.len; i++)
		*slot_of(n, n->list.items[i]) = (uint32_t)i + 1;
}

static int names_find(const struct names *n, const char *key)
{
	return n->slot_count && *slot_of(n, key) ? (int)*slot_of(n, key) - 1 : -1;
}

/* -1: more names than an id can count. */
static int names_intern(struct names *n, const char *key)
{
	int item = names_find(n, key);
	if (item >= 0 || n->list.len > ITEM_MAX)
		return item;
	if (2 * (n->list.len + 1) > n->slot_count)
		slots_double(n);
	uint32_t *slot = slot_of(n, key);
	strv_add(&n->list, key);
	*slot = (uint32_t)n->list.len;
	return (int)n->list.len - 1;
}

void view_names_finish(struct names *n)
{
	strv_finish(&n->list);
	free(n->slots);
	*n = (struct names){0};
}

/* ---- the catalogue */

static void places_drop(struct cast *c)
{
	free(c->items);
	free(c->entries);
	c->items = NULL;
	c->entries = NULL;
	c->entry_count = 0;
}

void views_cast_drop(struct views *v)
{
	struct cast *c = &v->cast;
	places_drop(c);
	store_cast_free(c->kept);
	*c = (struct cast){0};
}

static void entry_key(char out[KEY_BYTES], int type, const char *file, size_t len)
{
	snprintf(out, KEY_BYTES, "%d/%.*s", type, (int)len, file);
}

/* Which item is which entry, both ways. */
static void cast_number(struct cast *c, struct names *names)
{
	const struct catalogue *all = c->catalogue;
	c->items = xcalloc(all->len + 1, sizeof(c->items[0]));
	for (size_t i = 0; i < all->len; i++) {
		char key[KEY_BYTES];
		const struct catalogue_entry *e = &all->entries[i];
		entry_key(key, (int)e->type, e->file, strlen(e->file));
		c->items[i] = names_intern(names, key);
	}
	c->entry_count = names->list.len;
	c->entries = xcalloc(c->entry_count + 1, sizeof(const struct catalogue_entry *));
	for (size_t i = 0; i < all->len; i++)
		if (c->items[i] >= 0)
			c->entries[c->items[i]] = &all->entries[i];
}

static int cast_renew(struct views *v)
{
	struct cast *c = &v->cast;
	bool first = !c->seq;
	places_drop(c);
	if (!c->kept)
		c->kept = store_cast_new();
	c->catalogue = NULL;
	int err = store_cast_catalogue(&c->catalogue, c->kept, v->reader);
	if (err < 0)
		return err;
	cast_number(c, &v->names);
	c->seq = v->topics[TOPIC_CAST].seq;
	if (first)
		v->names.told = v->names.list.len; /* they were there before anybody looked */
	return 0;
}

int views_catalogue(const struct catalogue **out, struct views *v)
{
	struct cast *c = &v->cast;
	if (!c->catalogue || c->seq != v->topics[TOPIC_CAST].seq) {
		int err = cast_renew(v);
		if (err < 0)
			return err;
	}
	*out = c->catalogue;
	return 0;
}

/* ---- the folders */

int element_types_find(struct ref *child, struct views *v, const struct ref *folder,
		       const char *name)
{
	for (int t = 0; t < ELEMENT_TYPES; t++) {
		if (strcmp(element_type_folder((enum element_type)t), name) == 0) {
			child->item = t;
			return 0;
		}
	}
	return -ENOENT;
}

int element_types_list(struct view_list *out, struct views *v, const struct ref *folder)
{
	for (int t = 0; t < ELEMENT_TYPES; t++) {
		const struct ref ref = {.kind = KIND_ELEMENT_TYPE, .item = t};
		int err = view_list_add(out, v, element_type_folder((enum element_type)t), ref);
		if (err < 0)
			return err;
	}
	return 0;
}

const struct catalogue_entry *element_entry(struct views *v, int item)
{
	const struct catalogue *all;
	if (views_catalogue(&all, v) < 0 || (size_t)item >= v->cast.entry_count)
		return NULL;
	return v->cast.entries[item];
}

int elements_find(struct ref *child, struct views *v, const struct ref *folder, const char *name)
{
	size_t len = strlen(name);
	if (len <= 3 || strcmp(name + len - 3, ".md") != 0)
		return -ENOENT;
	child->item = element_named(v, folder->item, name, len - 3);
	return child->item >= 0 ? 0 : -ENOENT;
}

int element_named(struct views *v, int type, const char *file, size_t len)
{
	const struct catalogue *all;
	char key[KEY_BYTES];
	if (len == 0 || len >= NAME_BYTES || views_catalogue(&all, v) < 0)
		return -1;
	entry_key(key, type, file, len);
	int item = names_find(&v->names, key);
	return item >= 0 && element_entry(v, item) ? item : -1;
}

int elements_list(struct view_list *out, struct views *v, const struct ref *folder)
{
	const struct catalogue *all;
	int err = views_catalogue(&all, v);
	for (size_t i = 0; err == 0 && i < all->len; i++) {
		const struct ref ref = {.kind = KIND_ELEMENT, .item = v->cast.items[i]};
		char name[KEY_BYTES];
		if ((int)all->entries[i].type != folder->item || ref.item < 0)
			continue;
		snprintf(name, sizeof(name), "%s.md", all->entries[i].file);
		err = view_list_add(out, v, name, ref);
	}
	return err;
}

int element_detail(struct view_attr *attr, struct views *v, struct ref *ref)
{
	return element_entry(v, ref->item) ? 0 : -ENOENT;
}
