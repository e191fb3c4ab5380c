/* SPDX-License-Identifier: MIT */
#include "entry.h"
#include "fold.h"
#include "name_index.h"
#include "tally.h"

#include <string.h>

/*
 * Elements of all chapters become entries. Where a provider has read (a model, a person), its word
 * is taken: two are one when the name of one is a name or an alias of the other. An alias that two
 * elements share joins nothing by itself: two people may both be called "sir". Characters and
 * creatures are one kind here (a griffin speaks in chapter 3 and is seen in chapter 9), and the
 * entry's type is what most chapters say; otherwise types stay apart.
 *
 * Where a provider has counted (builtin), the counts of all chapters are judged anew as one: so a
 * name that a chapter took for a town, or gave to the wrong Miss Hart, is outvoted by the book,
 * and what turns out to be no name is left out.
 *
 * The order of work is by chapter, then by place in its analysis, so the result does not depend on
 * the order of the arguments.
 */

#define NOT_COUNTED (NO_GROUP - 1)

/* One element and the entry it belongs to: a node of a union-find forest. */
struct node {
	const struct element *element;
	int chapter;
	size_t parent; /* of lower or equal index: the first of an entry is its root */
	size_t entry;  /* of a root */
	size_t group;  /* of the tally; NO_GROUP: no element after all; or NOT_COUNTED */
};

/* One name or alias of a node. */
struct key {
	char *name; /* folded */
	int kind;
	bool alias;
	size_t node;
};

struct merge {
	struct tally tally;
	size_t *first; /* of a group of the tally: its first node + 1 */
	struct node *nodes;
	size_t node_count, node_cap;
	struct key *keys;
	size_t key_count, key_cap;
};

static void merge_finish(struct merge *m)
{
	for (size_t i = 0; i < m->key_count; i++)
		free(m->keys[i].name);
	free(m->keys);
	free(m->nodes);
	free(m->first);
	tally_finish(&m->tally);
}

static size_t root_of(struct merge *m, size_t i)
{
	while (m->nodes[i].parent != i)
		i = m->nodes[i].parent = m->nodes[m->nodes[i].parent].parent;
	return i;
}

static void join(struct merge *m, size_t a, size_t b)
{
	a = root_of(m, a);
	b = root_of(m, b);
	m->nodes[a > b ? a : b].parent = a > b ? b : a;
}

static int kind_of(enum element_type t)
{
	return t == ELEMENT_CREATURE ? ELEMENT_CHARACTER : (int)t;
}

static enum element_type type_of(const struct merge *m, const struct node *n)
{
	return n->group < m->tally.count ? sights_type(m->tally.sums[n->group].n)
					 : n->element->type;
}

static void add_key(struct merge *m, size_t node, const char *name, bool alias)
{
	char *folded = fold_name(name);
	if (!*folded) {
		free(folded);
		return;
	}
	m->keys = xgrow(m->keys, &m->key_cap, m->key_count + 1, sizeof(*m->keys));
	m->keys[m->key_count++] = (struct key){
		.name = folded,
		.kind = kind_of(type_of(m, &m->nodes[node])),
		.alias = alias,
		.node = node,
	};
}

static int compare_nodes(const void *a, const void *b)
{
	const struct node *x = a, *y = b;
	if (x->chapter != y->chapter)
		return x->chapter < y->chapter ? -1 : 1;
	return x->parent < y->parent ? -1 : x->parent > y->parent;
}

static int compare_keys(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int r = x->kind - y->kind;
	if (r == 0)
		r = strcmp(x->name, y->name);
	if (r == 0)
		r = x->alias - y->alias;
	return r ? r : x->node < y->node ? -1 : x->node > y->node;
}

static void add_nodes(struct merge *m, const struct analysis *a, int chapter)
{
	for (size_t k = 0; k < a->element_count; k++) {
		size_t group = a->sighting_count ? tally_find(&m->tally, a->elements[k].name)
						 : NOT_COUNTED;
		if (group == NO_GROUP)
			continue;
		m->nodes = xgrow(m->nodes, &m->node_cap, m->node_count + 1, sizeof(*m->nodes));
		m->nodes[m->node_count++] =
			(struct node){&a->elements[k], chapter, k, 0, .group = group};
	}
}

/* The names of a group are its first node's, so that what others read is found by any of them. */
static void join_counted(struct merge *m)
{
	m->first = xcalloc(m->tally.count + 1, sizeof(*m->first));
	for (size_t i = 0; i < m->node_count; i++) {
		size_t group = m->nodes[i].group;
		if (group == NOT_COUNTED)
			continue;
		if (m->first[group])
			join(m, m->first[group] - 1, i);
		else
			m->first[group] = i + 1;
	}
	for (size_t i = 0; i < m->tally.count; i++) {
		size_t group = m->tally.group[i];
		if (group != NO_GROUP && m->first[group])
			add_key(m, m->first[group] - 1, m->tally.names[i].name, group != i);
	}
}

static void collect(struct merge *m, const struct analysis *const *analyses, const int *numbers,
		    size_t count)
{
	tally_init(&m->tally, analyses, numbers, count);
	for (size_t i = 0; i < count; i++)
		add_nodes(m, analyses[i], numbers[i]);
	if (m->node_count)
		qsort(m->nodes, m->node_count, sizeof(*m->nodes), compare_nodes);
	for (size_t i = 0; i < m->node_count; i++) {
		const struct element *e = m->nodes[i].element;
		m->nodes[i].parent = i;
		if (m->nodes[i].group != NOT_COUNTED)
			continue;
		add_key(m, i, e->name, false);
		for (size_t k = 0; k < e->aliases.len; k++)
			add_key(m, i, e->aliases.items[k], true);
	}
	join_counted(m);
	if (m->key_count)
		qsort(m->keys, m->key_count, sizeof(*m->keys), compare_keys);
}

/* Equal keys stand together, names before aliases: a group without a name joins nothing. */
static void unite(struct merge *m)
{
	for (size_t i = 0, k; i < m->key_count; i = k) {
		const struct key *first = &m->keys[i];
		for (k = i + 1; k < m->key_count; k++) {
			const struct key *other = &m->keys[k];
			if (other->kind != first->kind || strcmp(other->name, first->name) != 0)
				break;
			if (!first->alias)
				join(m, first->node, other->node);
		}
	}
}

/* ---- entries */

/* An entry's members, in order of chapter. */
struct members {
	const struct node **nodes;
	size_t len;
	size_t group; /* of the first that was counted, or NOT_COUNTED */
};

/* Where a member's description is from: its chapter, by the first quote of it there. */
static struct appearance described_at(const struct node *n)
{
	const struct element *e = n->element;
	return (struct appearance){n->chapter, e->quote_count ? e->quotes : NULL, e};
}

/* Without a look, what the first chapter says that counted. */
static void describe_counted(struct catalogue_entry *e, const struct members *m)
{
	for (size_t i = 0; i < m->len && !e->look_count && !e->descriptions.len; i++) {
		const struct appearance where = described_at(m->nodes[i]);
		if (m->nodes[i]->group != NOT_COUNTED)
			entry_add_description(e, m->nodes[i]->element->description, &where);
	}
}

static int compare_names(const void *a, const void *b)
{
	const struct node *x = *(const struct node *const *)a, *y = *(const struct node *const *)b;
	int r = strcmp(x->element->name, y->element->name);
	return r ? r : x < y ? -1 : x > y;
}

/* What most of the members are called; of equally frequent names the first. Nodes are in order of
 * chapter, so of two the first is the lower. */
static char *best_name(const struct members *m, const struct tally *t)
{
	if (m->group != NOT_COUNTED) {
		const struct sighting *s = &t->names[m->group];
		return s->noun ? xasprintf("the %s", s->name) : xstrdup(s->name);
	}
	const struct node **sorted = xcalloc(m->len, sizeof(struct node *));
	const struct node *best = NULL;
	size_t best_count = 0;
	memcpy(sorted, m->nodes, m->len * sizeof(struct node *));
	qsort(sorted, m->len, sizeof(struct node *), compare_names);
	for (size_t i = 0, k; i < m->len; i = k) {
		for (k = i + 1; k < m->len; k++) {
			if (strcmp(sorted[k]->element->name, sorted[i]->element->name) != 0)
				break;
		}
		if (k - i > best_count || (k - i == best_count && sorted[i] < best)) {
			best = sorted[i];
			best_count = k - i;
		}
	}
	free(sorted);
	return xstrdup(best->element->name);
}

static enum element_type best_type(const struct members *m, const struct tally *t)
{
	size_t counts[ELEMENT_TYPES] = {0};
	int best = 0;
	if (m->group != NOT_COUNTED)
		return sights_type(t->sums[m->group].n);
	for (size_t i = 0; i < m->len; i++)
		counts[m->nodes[i]->element->type]++;
	for (int t1 = 1; t1 < ELEMENT_TYPES; t1++) {
		if (counts[t1] > counts[best])
			best = t1;
	}
	return (enum element_type)best;
}

static void add_counted_aliases(struct catalogue_entry *e, const struct members *m,
				const struct tally *t)
{
	if (m->group == NOT_COUNTED)
		return;
	for (size_t i = t->first[m->group]; i != NO_GROUP; i = t->next[i]) {
		CLEANUP(cleanup_free)
		char *noun = t->names[i].noun ? xasprintf("the %s", t->names[i].name) : NULL;
		entry_add_alias(e, noun ? noun : t->names[i].name);
	}
}

static bool is_being(enum element_type t)
{
	return kind_of(t) == ELEMENT_CHARACTER;
}

static void add_member(struct catalogue_entry *e, const struct node *n)
{
	const struct element *member = n->element;
	if (n->group == NOT_COUNTED) {
		const struct appearance where = described_at(n);
		entry_add_alias(e, member->name);
		for (size_t k = 0; k < member->aliases.len; k++)
			entry_add_alias(e, member->aliases.items[k]);
		entry_add_description(e, member->description, &where);
		e->mentions += (int64_t)member->quote_count;
	}
	/* What a chapter took for a place has looks of one. */
	bool alike = is_being(member->type) == is_being(e->type);
	for (size_t k = 0; k < member->look_count && alike; k++)
		entry_add_look(e, &(struct appearance){n->chapter, &member->looks[k], member});
	for (size_t k = 0; k < member->quote_count; k++)
		entry_add_appearance(e,
				     &(struct appearance){n->chapter, &member->quotes[k], member});
}

static void fill_entry(struct catalogue_entry *e, const struct members *m, const struct tally *t)
{
	e->type = best_type(m, t);
	e->name = best_name(m, t);
	if (m->group != NOT_COUNTED)
		e->mentions = t->sums[m->group].n[SIGHT_COUNT];
	add_counted_aliases(e, m, t);
	for (size_t i = 0; i < m->len; i++)
		add_member(e, m->nodes[i]);
	describe_counted(e, m);
	entry_tell_looks(e);
}

static int compare_roots(const void *a, const void *b)
{
	const struct node *x = *(const struct node *const *)a, *y = *(const struct node *const *)b;
	if (x->entry != y->entry)
		return x->entry < y->entry ? -1 : 1;
	return x < y ? -1 : x > y;
}

static void make_entries(struct catalogue *c, struct merge *m)
{
	const struct node **order = xcalloc(m->node_count + 1, sizeof(struct node *));
	for (size_t i = 0; i < m->node_count; i++) {
		m->nodes[i].entry = root_of(m, i);
		order[i] = &m->nodes[i];
	}
	qsort(order, m->node_count, sizeof(struct node *), compare_roots);
	for (size_t i = 0, k; i < m->node_count; i = k) {
		for (k = i + 1; k < m->node_count && order[k]->entry == order[i]->entry; k++)
			continue;
		struct members members = {order + i, k - i, NOT_COUNTED};
		for (size_t n = i; n < k && members.group == NOT_COUNTED; n++)
			members.group = order[n]->group;
		fill_entry(entry_add(c), &members, &m->tally);
	}
	free(order);
}

/* ---- the whole */

struct catalogue *catalogue_new(const struct analysis *const *analyses, const int *numbers,
				size_t count)
{
	struct catalogue *c = xcalloc(1, sizeof(*c));
	CLEANUP(merge_finish) struct merge m = {0};
	collect(&m, analyses, numbers, count);
	unite(&m);
	make_entries(c, &m);
	entries_arrange(c);
	return c;
}

struct catalogue *catalogue_free(struct catalogue *c)
{
	if (!c)
		return NULL;
	for (size_t i = 0; i < c->len; i++)
		entry_finish(&c->entries[i]);
	name_index_free(c->names);
	free(c->entries);
	free(c);
	return NULL;
}
