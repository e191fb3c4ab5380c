/* SPDX-License-Identifier: MIT */
#include "analyst.h"
#include "analyst_looks.h"
#include "analyst_names.h"

/*
 * From counted names to the cast: who is who is story's to say; here what is worth an element, and
 * what an element says.
 */

enum {
	CAST_MAX = 60,
	MEMBERS_MAX = 400,
	SIGHTINGS_MAX = 400,
	UNNAMED_MAX = 8,
	FACTS_OF_THING = 1,
	QUOTES = 4,
};

static uint32_t votes_weight(const uint32_t n[SIGHTS])
{
	return n[SIGHT_CHARACTER] + n[SIGHT_CREATURE] + n[SIGHT_PLACE] + n[SIGHT_ITEM];
}

/* An unnamed thing that comes up once is scenery; one whose word is rare elsewhere and frequent
 * here is this story's. */
static bool is_thing(const uint32_t n[SIGHTS])
{
	return votes_weight(n) >= 4 && n[SIGHT_COUNT] >= 2;
}

/* The sightings worth keeping: the most frequent, in order of their names' first mention. */
struct chosen {
	struct sighting *s; /* borrowed strings */
	uint32_t *name;	    /* index in names */
	size_t count;
};

struct ranked {
	uint32_t count, name;
};

static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

static int compare_order(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	return x->name < y->name ? -1 : x->name > y->name;
}

static void chosen_finish(struct chosen *c)
{
	free(c->s);
	free(c->name);
}

/* In a text whose script has no capitals, what has them is foreign to it: a trademark, a quotation.
 */
static bool is_worth(const struct name *n, const struct names *all, const struct prose *p)
{
	if (all->uncased * 2 > all->words)
		return false;
	if (n->s.noun)
		return p->listed;
	if (!p->cased &&
	    (n->s.n[SIGHT_ARTICLE] * 2 >= n->s.n[SIGHT_COUNT] || n->s.n[SIGHT_COUNT] < 3))
		return false;
	return strlen(n->s.name) > 1;
}

static void choose(struct chosen *out, struct names *names, const struct prose *p)
{
	struct ranked *all = xcalloc(names->len + 1, sizeof(*all));
	size_t count = 0;
	for (size_t i = 0; i < names->len; i++) {
		if (is_worth(&names->items[i], names, p))
			all[count++] =
				(struct ranked){names->items[i].s.n[SIGHT_COUNT], (uint32_t)i};
	}
	qsort(all, count, sizeof(*all), compare_ranked);
	count = count > SIGHTINGS_MAX ? SIGHTINGS_MAX : count;
	qsort(all, count, sizeof(*all), compare_order);
	out->s = xcalloc(count + 1, sizeof(*out->s));
	out->name = xcalloc(count + 1, sizeof(*out->name));
	for (out->count = 0; out->count < count; out->count++) {
		out->name[out->count] = all[out->count].name;
		out->s[out->count] = names->items[all[out->count].name].s;
		names->items[all[out->count].name].kept = true;
	}
	free(all);
}

/* ---- the cast */

static int compare_sentences(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static void add_sentence(struct member *m, uint32_t sentence)
{
	if (m->count && m->sentences[m->count - 1] == sentence)
		return;
	m->sentences = xgrow(m->sentences, &m->cap, m->count + 1, sizeof(*m->sentences));
	m->sentences[m->count++] = sentence;
}

/* One member a group, in order of the sum of mentions. */
static size_t rank_groups(struct ranked *out, uint32_t (*sums)[SIGHTS], const size_t *group,
			  const struct chosen *c)
{
	size_t count = 0;
	for (size_t i = 0; i < c->count; i++) {
		for (size_t k = 0; k < SIGHTS && group[i] != NO_GROUP; k++)
			sums[group[i]][k] += c->s[i].n[k];
	}
	for (size_t i = 0; i < c->count; i++) {
		if (group[i] == i)
			out[count++] = (struct ranked){sums[i][SIGHT_COUNT], (uint32_t)i};
	}
	qsort(out, count, sizeof(*out), compare_ranked);
	return count;
}

static void add_alias(struct member *m, const struct sighting *s)
{
	CLEANUP(cleanup_free) char *noun = s->noun ? xasprintf("the %s", s->name) : NULL;
	const char *alias = noun ? noun : s->name;
	if (!strv_has(&m->aliases, alias))
		strv_add(&m->aliases, alias);
}

static void fill_member(struct cast *cast, const struct chosen *c, const size_t *group,
			size_t leader, const uint32_t sum[SIGHTS])
{
	cast->members = xgrow(cast->members, &cast->cap, cast->len + 1, sizeof(*cast->members));
	struct member *m = &cast->members[cast->len++];
	*m = (struct member){.unnamed = c->s[leader].noun};
	m->name = m->unnamed ? xasprintf("the %s", c->s[leader].name) : xstrdup(c->s[leader].name);
	for (size_t i = 0; i < c->count; i++) {
		if (group[i] != leader)
			continue;
		cast->member_of[c->name[i]] = (uint32_t)cast->len;
		if (i != leader)
			add_alias(m, &c->s[i]);
	}
	memcpy(m->sum, sum, sizeof(m->sum));
	m->type = sights_type(m->sum);
}

static void fill_cast(struct cast *cast, const struct chosen *c, const size_t *group)
{
	struct ranked *order = xcalloc(c->count + 1, sizeof(*order));
	uint32_t(*sums)[SIGHTS] = xcalloc(c->count + 1, sizeof(*sums));
	size_t count = rank_groups(order, sums, group, c);
	for (size_t i = 0; i < count && cast->len < MEMBERS_MAX; i++)
		fill_member(cast, c, group, order[i].name, sums[order[i].name]);
	free(order);
	free(sums);
	cast->all = cast->len;
}

/* An unnamed one is of the cast if it is spoken of or told of; a few of each type. */
static bool is_seen(const struct cast *cast, size_t i, size_t unnamed[ELEMENT_TYPES])
{
	const struct member *m = &cast->members[i];
	if (!m->unnamed)
		return true;
	if (!is_thing(m->sum) &&
	    (!votes_weight(m->sum) || looks_count(cast->looks, i) < FACTS_OF_THING))
		return false;
	return unnamed[m->type]++ < UNNAMED_MAX;
}

/* Puts what is scenery behind the cast. */
static void part_scenery(struct cast *cast)
{
	struct member *members = xcalloc(cast->all + 1, sizeof(*members));
	uint32_t *to = xcalloc(cast->all + 1, sizeof(*to));
	uint8_t *seen = xcalloc(cast->all + 1, 1);
	size_t unnamed[ELEMENT_TYPES] = {0}, len = 0, at = 0;
	for (size_t i = 0; i < cast->all; i++) {
		seen[i] = len < CAST_MAX && is_seen(cast, i, unnamed);
		len += seen[i];
	}
	for (int pass = 1; pass >= 0; pass--) {
		for (size_t i = 0; i < cast->all; i++) {
			if (seen[i] == pass) {
				to[i] = (uint32_t)at;
				members[at++] = cast->members[i];
			}
		}
	}
	looks_renumber(cast->looks, to);
	for (size_t i = 0; i < cast->names->len; i++) {
		if (cast->member_of[i])
			cast->member_of[i] = to[cast->member_of[i] - 1] + 1;
	}
	if (cast->home)
		cast->home = to[cast->home - 1] + 1;
	free(cast->members);
	cast->members = members;
	cast->len = len;
	cast->cap = cast->all + 1;
	free(to);
	free(seen);
}

static void find_sentences(struct cast *cast)
{
	for (size_t i = 0; i < cast->names->mention_count; i++) {
		uint32_t m = cast->member_of[cast->names->mentions[i].name];
		if (m)
			add_sentence(&cast->members[m - 1], cast->names->mentions[i].sentence);
	}
}

/* A chapter that is called by a place plays there. */
static void settle(struct cast *cast, uint32_t name)
{
	uint32_t m = name ? cast->member_of[name - 1] : 0;
	if (m && cast->members[m - 1].type == ELEMENT_PLACE)
		cast->home = m;
}

int cast_init(struct cast *cast, const struct prose *p, const char *title)
{
	CLEANUP(chosen_finish) struct chosen c = {0};
	*cast = (struct cast){.names = xcalloc(1, sizeof(*cast->names))};
	int r = names_init(cast->names, p);
	if (r < 0)
		return r;
	uint32_t home = title ? names_in_title(cast->names, title) : 0;
	choose(&c, cast->names, p);
	size_t *group = xcalloc(c.count + 1, sizeof(*group));
	cast->member_of = xcalloc(cast->names->len + 1, sizeof(*cast->member_of));
	sightings_group(group, c.s, c.count, false);
	fill_cast(cast, &c, group);
	free(group);
	cast->title = title;
	settle(cast, home);
	cast->looks = xcalloc(1, sizeof(*cast->looks));
	looks_init(cast->looks, cast, p);
	part_scenery(cast);
	find_sentences(cast);
	return 0;
}

void cast_finish(struct cast *c)
{
	for (size_t i = 0; i < c->all; i++) {
		free(c->members[i].name);
		strv_finish(&c->members[i].aliases);
		free(c->members[i].sentences);
	}
	free(c->members);
	free(c->member_of);
	if (c->names)
		names_finish(c->names);
	free(c->names);
	if (c->looks)
		looks_finish(c->looks);
	free(c->looks);
}

/* ---- elements */

/* The sentences that tell most of looks, in the order of the text. */
static size_t best_sentences(uint32_t out[QUOTES], const struct member *m, const struct prose *p)
{
	size_t count = 0;
	for (size_t i = 0; i < m->count; i++) {
		const struct sentence *s = &p->sentences[m->sentences[i]];
		size_t at = count;
		while (at && p->sentences[out[at - 1]].looks < s->looks)
			at--;
		if (at == QUOTES)
			continue;
		size_t moved = (count < QUOTES ? count : QUOTES - 1) - at;
		memmove(out + at + 1, out + at, moved * sizeof(*out));
		out[at] = m->sentences[i];
		count += count < QUOTES;
	}
	qsort(out, count, sizeof(*out), compare_sentences);
	return count;
}

static void set_quote(struct quote *q, const struct prose *p, size_t start, size_t end)
{
	free(q->text);
	q->offset = start;
	q->len = end - start;
	q->text = xstrndup(p->text + start, q->len);
}

/* ---- company: in whose sentences somebody is named */

enum { COMPANY = 3 };

struct company {
	uint32_t together[CAST_MAX][CAST_MAX]; /* sentences that name both */
};

static void meet_all(struct company *c, const uint32_t *members, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < count; k++)
			c->together[members[i]][members[k]] += i != k;
	}
}

static void company_init(struct company *c, const struct cast *cast)
{
	const struct names *n = cast->names;
	uint32_t here[8], sentence = UINT32_MAX;
	size_t count = 0;
	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < n->mention_count; i++) {
		uint32_t m = cast->member_of[n->mentions[i].name];
		if (n->mentions[i].sentence != sentence) {
			meet_all(c, here, count);
			count = 0;
			sentence = n->mentions[i].sentence;
		}
		bool known = !m || m > cast->len || count == ARRAY_LEN(here);
		for (size_t k = 0; k < count && !known; k++)
			known = here[k] == m - 1;
		if (!known)
			here[count++] = m - 1;
	}
	meet_all(c, here, count);
}

/* Where nothing is told of the looks, with whom: "No looks told; together with Ida and Otto". */
static void put_company(struct buf *out, struct company *c, const struct cast *cast, size_t i)
{
	buf_adds(out, NO_LOOKS_TOLD);
	for (size_t n = 0; n < COMPANY; n++) {
		size_t best = 0;
		for (size_t k = 1; k < cast->len; k++)
			best = c->together[i][k] > c->together[i][best] ? k : best;
		if (!c->together[i][best])
			return;
		buf_addf(out, "%s%s", n ? ", " : "; together with ", cast->members[best].name);
		c->together[i][best] = 0;
	}
}

static void describe(struct element *e, struct company *c, const struct cast *cast, size_t member)
{
	CLEANUP(buf_finish) struct buf out = {0};
	for (size_t i = 0; i < e->look_count; i++)
		buf_addf(&out, "%s%s", i ? "; " : "", e->looks[i].text);
	if (!e->look_count)
		put_company(&out, c, cast, member);
	analysis_set(&e->description, buf_str(&out));
}

static void add_sightings(struct analysis *a, const struct cast *cast)
{
	for (size_t i = 0; i < cast->names->len; i++) {
		const struct sighting *from = &cast->names->items[i].s;
		if (!cast->names->items[i].kept)
			continue;
		struct sighting *s = analysis_add_sighting(a);
		analysis_set(&s->name, from->name);
		if (from->other)
			analysis_set(&s->other, from->other);
		s->bare = from->bare;
		s->noun = from->noun;
		memcpy(s->n, from->n, sizeof(s->n));
	}
}

void cast_elements(struct analysis *a, const struct cast *cast, const struct prose *p)
{
	struct company company;
	company_init(&company, cast);
	for (size_t i = 0; i < cast->len; i++) {
		const struct member *m = &cast->members[i];
		struct element *e = analysis_add_element(a);
		e->type = m->type;
		analysis_set(&e->name, m->name);
		for (size_t k = 0; k < m->aliases.len; k++)
			strv_add(&e->aliases, m->aliases.items[k]);
		uint32_t best[QUOTES];
		size_t count = best_sentences(best, m, p);
		for (size_t k = 0; k < count; k++)
			set_quote(element_add_quote(e), p, p->sentences[best[k]].start,
				  p->sentences[best[k]].end);
		looks_put(e, cast->looks, i, p);
		describe(e, &company, cast, i);
	}
	add_sightings(a, cast);
}
