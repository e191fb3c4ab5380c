/* SPDX-License-Identifier: MIT */
#include "entry.h"
#include "fold.h"
#include "name_index.h"

#include <string.h>

/*
 * What a person says of the catalogue is said again of each one that is merged anew, in the order
 * in which it was said: by name, since rows come and go with the analyses. What a correction takes
 * away is marked, and goes when all are done; what it joins is sorted then. So many corrections of
 * one entry cost no more than as many of different ones.
 */

/* ---- the list */

struct correction *corrections_add(struct corrections *c, enum correction_kind kind,
				   enum element_type type, const char *name)
{
	c->items = xgrow(c->items, &c->cap, c->len + 1, sizeof(*c->items));
	struct correction *new = &c->items[c->len++];
	*new = (struct correction){
		.kind = kind, .type = type, .name = xstrdup(name), .to_type = type};
	return new;
}

void corrections_finish(struct corrections *c)
{
	for (size_t i = 0; i < c->len; i++) {
		free(c->items[i].name);
		free(c->items[i].to);
		free(c->items[i].text);
	}
	free(c->items);
	*c = (struct corrections){0};
}

void corrections_move(struct corrections *out, struct corrections *from)
{
	for (size_t i = 0; i < from->len; i++) {
		out->items = xgrow(out->items, &out->cap, out->len + 1, sizeof(*out->items));
		out->items[out->len++] = from->items[i];
	}
	from->len = 0;
}

/* ---- finding, among entries that change */

enum { GONE = 1, JOINED = 2 };

struct work {
	struct catalogue *c;
	unsigned char *marks; /* of entries: GONE, JOINED */
	size_t marks_cap;
};

static size_t first_that_is(struct work *w, const struct called *by)
{
	for (;;) {
		size_t found = name_index_first(w->c->names, by);
		if (found == NO_ENTRY)
			return NO_ENTRY;
		const struct catalogue_entry *e = &w->c->entries[found];
		const enum called_how how = by->alias ? CALLED_BY_ALIAS : CALLED_BY_NAME;
		if (!(w->marks[found] & GONE) && e->type == by->type &&
		    entry_called(e, by->name) == how)
			return found;
		name_index_drop(w->c->names, by);
	}
}

/* As catalogue_find. */
static size_t find(struct work *w, enum element_type type, const char *name)
{
	CLEANUP(cleanup_free) char *folded = fold_name(name);
	struct called by[NAME_ORDER];
	size_t found = NO_ENTRY;
	name_order(by, type, folded);
	for (size_t i = 0; i < NAME_ORDER && found == NO_ENTRY; i++)
		found = first_that_is(w, &by[i]);
	return found;
}

/* An entry of that name and type alone. */
static size_t find_named(struct work *w, enum element_type type, const char *name)
{
	CLEANUP(cleanup_free) char *folded = fold_name(name);
	return first_that_is(w, &(struct called){type, false, folded});
}

static size_t make(struct work *w, enum element_type type, const char *name)
{
	struct catalogue_entry *e = entry_add(w->c);
	e->type = type;
	e->name = xstrdup(name);
	w->marks = xgrow(w->marks, &w->marks_cap, w->c->len, 1);
	w->marks[w->c->len - 1] = 0;
	name_index_add_entry(w->c->names, e, w->c->len - 1);
	return w->c->len - 1;
}

static void strv_take(struct strv *v, size_t i)
{
	free(v->items[i]);
	memmove(v->items + i, v->items + i + 1, (--v->len - i) * sizeof(v->items[0]));
}

static void drop_alias(struct catalogue_entry *e, const char *name)
{
	CLEANUP(cleanup_free) char *folded = fold_name(name);
	for (size_t i = e->aliases.len; i--;) {
		CLEANUP(cleanup_free) char *alias = fold_name(e->aliases.items[i]);
		if (!strcmp(alias, folded))
			strv_take(&e->aliases, i);
	}
}

/* The person's word: it has room where there are as many as there may be. */
static void keep_alias(struct catalogue_entry *e, const char *name)
{
	CLEANUP(cleanup_free) char *folded = fold_name(name);
	if (*folded && entry_called(e, folded) == CALLED_OTHERWISE && e->aliases.len == ALIASES_MAX)
		strv_take(&e->aliases, e->aliases.len - 1);
	entry_add_alias(e, name);
}

/* ---- one and the same */

static void call(struct work *w, size_t i, enum element_type type, const char *name)
{
	struct catalogue_entry *e = &w->c->entries[i];
	char *old = e->name;
	drop_alias(e, name);
	e->name = xstrdup(name);
	e->type = type;
	keep_alias(e, old);
	free(old);
	name_index_add_entry(w->c->names, e, i);
}

/* Both in order of chapter. */
static void join_descriptions(struct catalogue_entry *e, const struct catalogue_entry *other)
{
	CLEANUP(strv_finish) struct strv own = e->descriptions;
	CLEANUP(cleanup_free) struct appearance *where = e->described;
	e->descriptions = (struct strv){0};
	e->described = NULL;
	e->described_cap = 0;
	for (size_t i = 0, k = 0; i < own.len || k < other->descriptions.len;) {
		bool first = k == other->descriptions.len ||
			     (i < own.len && where[i].chapter <= other->described[k].chapter);
		if (first)
			entry_add_description(e, own.items[i], &where[i]);
		else
			entry_add_description(e, other->descriptions.items[k],
					      &other->described[k]);
		*(first ? &i : &k) += 1;
	}
}

static void join_looks(struct catalogue_entry *e, const struct catalogue_entry *other)
{
	CLEANUP(cleanup_free) struct appearance *own = e->looks;
	size_t count = e->look_count;
	e->looks = NULL;
	e->look_count = e->look_cap = 0;
	for (size_t i = 0, k = 0; i < count || k < other->look_count;) {
		bool first = k == other->look_count ||
			     (i < count && own[i].chapter <= other->looks[k].chapter);
		entry_add_look(e, first ? &own[i] : &other->looks[k]);
		*(first ? &i : &k) += 1;
	}
}

static void push_appearance(struct catalogue_entry *e, const struct appearance *a)
{
	e->appearances = xgrow(e->appearances, &e->appearance_cap, e->appearance_count + 1,
			       sizeof(*e->appearances));
	e->appearances[e->appearance_count++] = *a;
}

/* The fewer to the more, so that who gathers many is not moved for each; they are sorted later. */
static void join_appearances(struct catalogue_entry *e, struct catalogue_entry *other)
{
	if (e->appearance_count < other->appearance_count) {
		const struct catalogue_entry old = *e;
		e->appearances = other->appearances;
		e->appearance_count = other->appearance_count;
		e->appearance_cap = other->appearance_cap;
		other->appearances = old.appearances;
		other->appearance_count = old.appearance_count;
		other->appearance_cap = old.appearance_cap;
	}
	for (size_t i = 0; i < other->appearance_count; i++)
		push_appearance(e, &other->appearances[i]);
}

static void join(struct work *w, size_t to, size_t from)
{
	struct catalogue_entry *e = &w->c->entries[to], *other = &w->c->entries[from];
	keep_alias(e, other->name);
	for (size_t i = 0; i < other->aliases.len; i++)
		entry_add_alias(e, other->aliases.items[i]);
	join_descriptions(e, other);
	join_looks(e, other);
	join_appearances(e, other);
	e->mentions += other->mentions;
	e->first = e->first < other->first ? e->first : other->first;
	if (!e->said) {
		e->said = other->said;
		other->said = NULL;
	}
	w->marks[to] |= JOINED;
	w->marks[from] |= GONE;
}

static void merge(struct work *w, const struct correction *c, size_t i)
{
	size_t to = find(w, c->to_type, c->to);
	if (to == NO_ENTRY)
		to = i;
	if (to != i)
		join(w, to, i);
	call(w, to, c->to_type, c->to);
}

/* ---- two after all */

enum { OWN = 1, OTHERS = 2 };

/* Who a text names: 0 the entry by what is left to it, 1 the other one. */
struct division {
	struct mentions *names;
	char *alias; /* folded */
	bool seen[2];
};

static void note(void *arg, const struct mentioned *m)
{
	struct division *d = arg;
	d->seen[m->entry] = true;
}

/* What a chapter told of one whom it calls by the alias is the other's; a text that names both is
 * both's. */
static int whose(struct division *d, const struct appearance *a, const char *text)
{
	CLEANUP(cleanup_free) char *name = fold_name(a->element->name);
	if (!strcmp(name, d->alias))
		return OTHERS;
	d->seen[0] = d->seen[1] = false;
	mentions_find(d->names, text, strlen(text), note, d);
	return d->seen[1] ? OTHERS | (d->seen[0] ? OWN : 0) : OWN;
}

static void divide_appearances(struct division *d, struct catalogue_entry *e,
			       struct catalogue_entry *other)
{
	size_t kept = 0, count = e->appearance_count;
	for (size_t i = 0; i < count; i++) {
		const struct appearance a = e->appearances[i];
		int of = whose(d, &a, a.quote->text);
		if (of & OTHERS) {
			push_appearance(other, &a);
			other->mentions++;
		}
		if (of & OWN)
			e->appearances[kept++] = a;
	}
	e->appearance_count = kept;
	e->mentions -= (int64_t)(count - kept);
	if (e->mentions < (int64_t)kept)
		e->mentions = (int64_t)kept;
}

static void divide_looks(struct division *d, struct catalogue_entry *e,
			 struct catalogue_entry *other)
{
	struct catalogue_entry taken = {0};
	size_t kept = 0;
	for (size_t i = 0; i < e->look_count; i++) {
		const struct appearance a = e->looks[i];
		int of = whose(d, &a, a.quote->text);
		if (of & OTHERS)
			entry_add_look(&taken, &a);
		if (of & OWN)
			e->looks[kept++] = a;
	}
	e->look_count = kept;
	join_looks(other, &taken);
	entry_finish(&taken);
}

static void divide_descriptions(struct division *d, struct catalogue_entry *e,
				struct catalogue_entry *other)
{
	struct catalogue_entry own = {0}, taken = {0};
	for (size_t i = 0; i < e->descriptions.len; i++) {
		int of = whose(d, &e->described[i], e->descriptions.items[i]);
		if (of & OTHERS)
			entry_add_description(&taken, e->descriptions.items[i], &e->described[i]);
		if (of & OWN)
			entry_add_description(&own, e->descriptions.items[i], &e->described[i]);
	}
	strv_finish(&e->descriptions);
	free(e->described);
	e->descriptions = own.descriptions;
	e->described = own.described;
	e->described_cap = own.described_cap;
	join_descriptions(other, &taken);
	entry_finish(&taken);
}

static void split(struct work *w, const struct correction *c, size_t i)
{
	CLEANUP(cleanup_free) char *folded = fold_name(c->to);
	enum called_how how = entry_called(&w->c->entries[i], folded);
	if (how == CALLED_OTHERWISE)
		return;
	if (how == CALLED_BY_NAME) /* it has become the more frequent of its names */
		call(w, i, w->c->entries[i].type, c->name);
	drop_alias(&w->c->entries[i], c->to);
	if (entry_called(&w->c->entries[i], folded) == CALLED_BY_NAME)
		return; /* its only name */
	size_t to = find_named(w, c->to_type, c->to);
	if (to == NO_ENTRY)
		to = make(w, c->to_type, c->to);
	struct catalogue_entry *e = &w->c->entries[i], *other = &w->c->entries[to];
	struct catalogue_entry both[2] = {*e, *other};
	struct division d = {
		.names = mentions_new(&(struct catalogue){.entries = both, .len = 2}),
		.alias = folded,
	};
	divide_appearances(&d, e, other);
	divide_looks(&d, e, other);
	divide_descriptions(&d, e, other);
	mentions_free(d.names);
	w->marks[to] |= JOINED;
}

/* ---- the others */

static void rename_entry(struct work *w, const struct correction *c, size_t i)
{
	call(w, i, w->c->entries[i].type, c->to);
}

static void retype(struct work *w, const struct correction *c, size_t i)
{
	w->c->entries[i].type = c->to_type;
	name_index_add_entry(w->c->names, &w->c->entries[i], i);
}

static void set_aliases(struct work *w, const struct correction *c, size_t i)
{
	struct catalogue_entry *e = &w->c->entries[i];
	strv_finish(&e->aliases);
	for (const char *s = c->text; *s;) {
		size_t len = strcspn(s, "\n");
		CLEANUP(cleanup_free) char *alias = xstrndup(s, len);
		entry_add_alias(e, alias);
		s += len + (s[len] != '\0');
	}
	name_index_add_entry(w->c->names, e, i);
}

static void describe(struct work *w, const struct correction *c, size_t i)
{
	analysis_set(&w->c->entries[i].said, c->text);
}

static void remove_entry(struct work *w, const struct correction *c, size_t i)
{
	w->marks[i] |= GONE;
}

/* What each needs; one that has not says nothing. That two are apart is for catalogue_doubts. */
static const struct {
	void (*apply)(struct work *w, const struct correction *c, size_t i);
	bool to, text;
} kinds[] = {
	[CORRECTION_MERGE] = {merge, .to = true},
	[CORRECTION_RENAME] = {rename_entry, .to = true},
	[CORRECTION_RETYPE] = {retype},
	[CORRECTION_SPLIT] = {split, .to = true},
	[CORRECTION_ALIASES] = {set_aliases, .text = true},
	[CORRECTION_DESCRIPTION] = {describe, .text = true},
	[CORRECTION_REMOVE] = {remove_entry},
	[CORRECTION_APART] = {NULL},
};

static void apply(struct work *w, const struct correction *c)
{
	if (c->kind >= ARRAY_LEN(kinds) || !kinds[c->kind].apply ||
	    (kinds[c->kind].to && (!c->to || !*c->to)) || (kinds[c->kind].text && !c->text))
		return;
	size_t i = find(w, c->type, c->name);
	if (i == NO_ENTRY && c->kind == CORRECTION_DESCRIPTION)
		i = make(w, c->type, c->name);
	if (i != NO_ENTRY)
		kinds[c->kind].apply(w, c, i);
}

/* ---- the whole */

static int compare_appearances(const void *a, const void *b)
{
	const struct appearance *x = a, *y = b;
	if (x->chapter != y->chapter)
		return x->chapter < y->chapter ? -1 : 1;
	if (x->quote->offset != y->quote->offset)
		return x->quote->offset < y->quote->offset ? -1 : 1;
	return strcmp(x->quote->text, y->quote->text);
}

/* Each once, in the order in which they stand in the book. */
static void sort_appearances(struct catalogue_entry *e)
{
	size_t count = 0;
	if (e->appearance_count)
		qsort(e->appearances, e->appearance_count, sizeof(*e->appearances),
		      compare_appearances);
	for (size_t i = 0; i < e->appearance_count; i++) {
		if (!count || compare_appearances(&e->appearances[count - 1], &e->appearances[i]))
			e->appearances[count++] = e->appearances[i];
	}
	e->appearance_count = count;
}

/* The looks in a row are the last description: away while looks are joined and divided. */
static void begin(struct work *w, struct catalogue *c)
{
	*w = (struct work){.c = c};
	w->marks = xgrow(w->marks, &w->marks_cap, c->len + 1, 1);
	memset(w->marks, 0, c->len);
	for (size_t i = 0; i < c->len; i++) {
		struct catalogue_entry *e = &c->entries[i];
		if (e->look_count)
			strv_take(&e->descriptions, e->descriptions.len - 1);
	}
}

static void end(struct work *w)
{
	struct catalogue *c = w->c;
	size_t count = 0;
	for (size_t i = 0; i < c->len; i++) {
		struct catalogue_entry *e = &c->entries[i];
		if (w->marks[i] & GONE) {
			entry_finish(e);
			continue;
		}
		if (w->marks[i] & JOINED)
			sort_appearances(e);
		entry_tell_looks(e);
		c->entries[count++] = *e;
	}
	c->len = count;
	free(w->marks);
	entries_arrange(c);
}

void catalogue_correct(struct catalogue *c, const struct corrections *list)
{
	struct work w;
	begin(&w, c);
	for (size_t i = 0; i < list->len; i++)
		apply(&w, &list->items[i]);
	end(&w);
}
