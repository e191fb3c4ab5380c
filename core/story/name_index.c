/* SPDX-License-Identifier: MIT */
#include "name_index.h"

#include <string.h>

#include "fold.h"

#define NOBODY UINT32_MAX

/* One of those that are called so. The first of a queue holds where it ends; one that has become
 * empty keeps a first, with nobody in it. */
struct item {
	uint32_t entry; /* or NOBODY */
	uint32_t next;	/* + 1; 0: none */
	uint32_t last;	/* of a queue's first */
	uint32_t word;	/* where in the words its key stands */
};

struct name_index {
	uint32_t *slots; /* the first of a queue + 1; 0: free. Open addressing, at most half full */
	size_t slot_count, used;
	struct item *items;
	size_t len, cap;
	struct buf words; /* type, role and folded name of each key, NUL behind it */
};

static void put_key(struct buf *out, const struct called *by)
{
	buf_addc(out, (char)('0' + by->type));
	buf_addc(out, by->alias ? 'a' : 'n');
	buf_add(out, by->name, strlen(by->name) + 1);
}

static bool is_key(const char *key, const struct called *by)
{
	return key[0] == (char)('0' + by->type) && key[1] == (by->alias ? 'a' : 'n') &&
	       !strcmp(key + 2, by->name);
}

static uint32_t *slot_of(const struct name_index *n, const struct called *by)
{
	uint64_t hash = 14695981039346656037u ^ (2 * (unsigned)by->type + by->alias); /* FNV-1a */
	size_t i;

	for (const char *s = by->name; *s; s++)
		hash = (hash ^ (unsigned char)*s) * 1099511628211u;
	hash ^= hash >> 29;
	for (i = (size_t)hash & (n->slot_count - 1); n->slots[i]; i = (i + 1) & (n->slot_count - 1))
		if (is_key(n->words.data + n->items[n->slots[i] - 1].word, by))
			break;
	return &n->slots[i];
}

static void slots_double(struct name_index *n)
{
	uint32_t *old = n->slots;
	size_t count = n->slot_count;

	n->slot_count = count ? count * 2 : 64;
	n->slots = xcalloc(n->slot_count, sizeof(n->slots[0]));
	for (size_t i = 0; i < count; i++) {
		const char *key = old[i] ? n->words.data + n->items[old[i] - 1].word : NULL;
		if (key)
			*slot_of(n, &(struct called){(enum element_type)(key[0] - '0'),
						     key[1] == 'a', key + 2}) = old[i];
	}
	free(old);
}

void name_index_add(struct name_index *n, const struct called *by, size_t entry)
{
	if (2 * (n->used + 1) > n->slot_count)
		slots_double(n);
	uint32_t *slot = slot_of(n, by);
	if (*slot && n->items[*slot - 1].entry == NOBODY) {
		n->items[*slot - 1].entry = (uint32_t)entry;
		return;
	}
	n->items = xgrow(n->items, &n->cap, n->len + 1, sizeof(*n->items));
	struct item *new = &n->items[n->len++];
	*new = (struct item){.entry = (uint32_t)entry, .last = (uint32_t)n->len};
	if (*slot) {
		struct item *first = &n->items[*slot - 1];
		new->word = first->word;
		n->items[first->last - 1].next = (uint32_t)n->len;
		first->last = (uint32_t)n->len;
		return;
	}
	new->word = (uint32_t)n->words.len;
	put_key(&n->words, by);
	*slot = (uint32_t)n->len;
	n->used++;
}

size_t name_index_first(const struct name_index *n, const struct called *by)
{
	uint32_t first = *slot_of(n, by);

	return first && n->items[first - 1].entry != NOBODY ? n->items[first - 1].entry : NO_ENTRY;
}

void name_index_drop(struct name_index *n, const struct called *by)
{
	uint32_t *slot = slot_of(n, by);
	struct item *first = &n->items[*slot - 1];

	if (!first->next) {
		first->entry = NOBODY;
		return;
	}
	*slot = first->next;
	n->items[*slot - 1].last = first->last;
}

void name_index_add_entry(struct name_index *n, const struct catalogue_entry *e, size_t entry)
{
	CLEANUP(cleanup_free) char *name = fold_name(e->name);

	name_index_add(n, &(struct called){e->type, false, name}, entry);
	for (size_t i = 0; i < e->aliases.len; i++) {
		CLEANUP(cleanup_free) char *alias = fold_name(e->aliases.items[i]);
		name_index_add(n, &(struct called){e->type, true, alias}, entry);
	}
}

struct name_index *name_index_new(const struct catalogue *c)
{
	struct name_index *n = xcalloc(1, sizeof(*n));

	n->words.max_bytes = UINT32_MAX;
	slots_double(n);
	for (size_t i = 0; i < c->len; i++)
		name_index_add_entry(n, &c->entries[i], i);
	return n;
}

struct name_index *name_index_free(struct name_index *n)
{
	if (!n)
		return NULL;
	free(n->slots);
	free(n->items);
	buf_finish(&n->words);
	free(n);
	return NULL;
}

void name_order(struct called by[NAME_ORDER], enum element_type type, const char *folded)
{
	const enum element_type other = type == ELEMENT_CHARACTER  ? ELEMENT_CREATURE
					: type == ELEMENT_CREATURE ? ELEMENT_CHARACTER
								   : type;
	by[0] = (struct called){type, false, folded};
	by[1] = (struct called){type, true, folded};
	by[2] = (struct called){other, false, folded};
	by[3] = (struct called){other, true, folded};
}

size_t catalogue_find(const struct catalogue *c, enum element_type type, const char *name)
{
	CLEANUP(cleanup_free) char *folded = fold_name(name);
	struct called by[NAME_ORDER];
	size_t found = NO_ENTRY;

	name_order(by, type, folded);
	for (size_t i = 0; i < NAME_ORDER && found == NO_ENTRY; i++)
		found = name_index_first(c->names, &by[i]);
	return found;
}
