/* SPDX-License-Identifier: MIT */
#include "analyst.h"
#include "analyst_names.h"

#include <stdio.h>
#include <string.h>

/*
 * From counted names to the cast: which are names at all, which are one person's, what each is.
 */

enum { CANDIDATES_MAX = 240, CAST_MAX = 40, UNNAMED_MAX = 6, QUOTES = 4, LOOK_PHRASES = 5 };

struct candidate {
	const struct name *name;
	uint32_t index; /* in names */
	uint32_t count; /* with those joined to it */
	struct candidate *into;
};

static uint32_t mentions_of(const struct name *n)
{
	return n->inside + n->start;
}

/* A single capitalised word that is elsewhere written small is no name; of one seen only at the
 * starts of sentences nobody can tell, unless it is frequent and stands nowhere small. */
static bool is_name(const struct names *all, const struct prose *p, const struct name *n)
{
	size_t len = strlen(n->text);
	bool single = !strchr(n->text, ' '), small = single && names_small(all, n->text, len);
	if (len < 2 || (single && small && n->inside < 3 && !n->titled))
		return false;
	const struct lexeme *l = single ? lexicon_find(n->text, len) : NULL;
	if (l && l->kinds & (LEX_STOP | LEX_NONAME | LEX_ABBR))
		return false;
	if (!p->cased && (n->article * 2 >= mentions_of(n) || mentions_of(n) < 3))
		return false;
	if (n->titled)
		return true;
	if (n->inside)
		return mentions_of(n) > 1 || n->person >= 4 || p->words < 1500;
	return n->start >= 3 && !small && !l;
}

/* An unnamed thing that comes up once is scenery. */
static bool is_thing(const struct name *n)
{
	return n->inside >= (n->kinds & LEX_CREATURE ? 2u : 3u);
}

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static size_t choose(struct candidate *out, const struct names *names, const struct prose *p)
{
	struct candidate *all = xcalloc(names->len + 1, sizeof(*all));
	size_t count = 0;
	for (size_t i = 0; i < names->len; i++) {
		const struct name *n = &names->items[i];
		if (n->kinds ? is_thing(n) : is_name(names, p, n))
			all[count++] = (struct candidate){n, (uint32_t)i, mentions_of(n), NULL};
	}
	qsort(all, count, sizeof(*all), compare_candidates);
	count = count > CANDIDATES_MAX ? CANDIDATES_MAX : count;
	memcpy(out, all, count * sizeof(*all));
	free(all);
	return count;
}

/* ---- one person's names */

static const char *without_title(const char *name)
{
	const char *space = strchr(name, ' ');
	size_t len = space ? (size_t)(space - name) : 0;
	if (len && name[len - 1] == '.')
		len--;
	const struct lexeme *l = len ? lexicon_find_exact(name, len) : NULL;
	return l && l->kinds & LEX_TITLE ? space + 1 : name;
}

static bool same_word(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		if ((*a | 32) != (*b | 32))
			return false;
	}
	return *a == *b;
}

/* Is `part` the name without its title, or the first or last of its words? */
static bool is_part(const char *part, const char *name)
{
	const char *bare = without_title(name), *last = strrchr(name, ' ');
	size_t len = strlen(part);
	if (bare != name && same_word(part, bare))
		return true;
	if (!last)
		return false;
	return same_word(part, last + 1) ||
	       (bare == name && !strncmp(part, name, len) && name[len] == ' ');
}

/* A short name goes to the one longer name that it is part of. With two of them (Mr. and Mrs. Hart)
 * it stays by itself: who is meant, the name does not say. */
static void join_aliases(struct candidate *c, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct candidate *into = NULL;
		size_t fits = 0;
		for (size_t k = 0; k < count; k++) {
			if (k == i || c[k].name->kinds ||
			    !is_part(c[i].name->text, c[k].name->text))
				continue;
			fits++;
			into = &c[k];
		}
		if (fits == 1)
			c[i].into = into;
	}
	/* Each step leads to a name of more words, so it ends. */
	for (size_t i = 0; i < count; i++) {
		while (c[i].into && c[i].into->into)
			c[i].into = c[i].into->into;
		if (c[i].into)
			c[i].into->count += mentions_of(c[i].name);
	}
}

/* ---- what it is */

static enum element_type type_of_kinds(uint32_t kinds)
{
	if (kinds & LEX_CREATURE)
		return ELEMENT_CREATURE;
	if (kinds & LEX_PERSON)
		return ELEMENT_CHARACTER;
	return kinds & LEX_SITE ? ELEMENT_PLACE : ELEMENT_ITEM;
}

/* The kinds of the words in a name: "White Rabbit" is a rabbit, "Baker Street" a street. */
static uint32_t kinds_within(const char *name)
{
	uint32_t kinds = 0;
	while (*name) {
		size_t len = strcspn(name, " ");
		const struct lexeme *l = lexicon_find(name, len);
		if (l)
			kinds |= l->kinds;
		name += len + strspn(name + len, " ");
	}
	return kinds;
}

static enum element_type type_of(const struct candidate *c, size_t count,
				 const struct candidate *of)
{
	uint32_t person = 0, place = 0, kinds = of->name->kinds ? 0 : kinds_within(of->name->text);
	bool titled = false;
	if (of->name->kinds)
		return type_of_kinds(of->name->kinds);
	for (size_t i = 0; i < count; i++) {
		if (&c[i] != of && c[i].into != of)
			continue;
		person += c[i].name->person;
		place += c[i].name->place;
		titled |= c[i].name->titled > 0;
	}
	if (kinds & LEX_CREATURE)
		return ELEMENT_CREATURE;
	if (titled || kinds & (LEX_PERSON | LEX_TITLE))
		return ELEMENT_CHARACTER;
	if (kinds & (LEX_LAND | LEX_BUILDING) && person <= place)
		return ELEMENT_PLACE;
	if (kinds & LEX_ITEM && person <= place + 1)
		return ELEMENT_ITEM;
	return place >= 4 && place > person ? ELEMENT_PLACE : ELEMENT_CHARACTER;
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

/* The longest way to say a name is the element's name, the others are its aliases. */
static void fill_member(struct member *m, const struct candidate *c, size_t count,
			const struct candidate *of)
{
	m->type = type_of(c, count, of);
	m->name = xstrdup(of->name->text);
	for (size_t i = 0; i < count; i++) {
		if (c[i].into != of)
			continue;
		const char *alias = c[i].name->text;
		CLEANUP(cleanup_free) char *unnamed = NULL;
		if (c[i].name->kinds) {
			unnamed = xasprintf("the %s", alias);
			unnamed[4] = (char)(unnamed[4] + 32);
			alias = unnamed;
		}
		if (!strv_has(&m->aliases, alias))
			strv_add(&m->aliases, alias);
	}
}

static int compare_order(const void *a, const void *b)
{
	return compare_candidates(*(const struct candidate *const *)a,
				  *(const struct candidate *const *)b);
}

static void fill_cast(struct cast *cast, const struct candidate *c, size_t count,
		      const struct names *names)
{
	const struct candidate *order[CANDIDATES_MAX];
	uint32_t *member_of = xcalloc(names->len + 1, sizeof(*member_of)); /* index + 1 */
	size_t unnamed[ELEMENT_TYPES] = {0};
	for (size_t i = 0; i < count; i++)
		order[i] = &c[i];
	qsort(order, count, sizeof(struct candidate *), compare_order);
	for (size_t i = 0; i < count && cast->len < CAST_MAX; i++) {
		const struct candidate *of = order[i];
		if (of->into)
			continue;
		enum element_type type = type_of(c, count, of);
		if (of->name->kinds && unnamed[type]++ >= UNNAMED_MAX)
			continue;
		cast->members =
			xgrow(cast->members, &cast->cap, cast->len + 1, sizeof(*cast->members));
		struct member *m = &cast->members[cast->len++];
		memset(m, 0, sizeof(*m));
		fill_member(m, c, count, of);
		for (size_t k = 0; k < count; k++) {
			if (&c[k] == of || c[k].into == of)
				member_of[c[k].index] = (uint32_t)cast->len;
		}
	}
	for (size_t i = 0; i < names->mention_count; i++) {
		uint32_t m = member_of[names->mentions[i].name];
		if (m)
			add_sentence(&cast->members[m - 1], names->mentions[i].sentence);
	}
	free(member_of);
}

int cast_init(struct cast *cast, const struct prose *p)
{
	CLEANUP(names_finish) struct names names;
	struct candidate c[CANDIDATES_MAX];
	*cast = (struct cast){0};
	int r = names_init(&names, p);
	if (r < 0)
		return r;
	size_t count = choose(c, &names, p);
	join_aliases(c, count);
	fill_cast(cast, c, count, &names);
	return 0;
}

void cast_finish(struct cast *c)
{
	for (size_t i = 0; i < c->len; i++) {
		free(c->members[i].name);
		strv_finish(&c->members[i].aliases);
		free(c->members[i].sentences);
	}
	free(c->members);
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

static uint32_t look_nouns(enum element_type t)
{
	return t == ELEMENT_CHARACTER  ? LEX_BODY | LEX_CLOTH | LEX_PERSON
	       : t == ELEMENT_CREATURE ? LEX_BODY | LEX_CLOTH | LEX_CREATURE
	       : t == ELEMENT_PLACE    ? LEX_LAND | LEX_BUILDING | LEX_MATERIAL | LEX_LIGHT
				       : LEX_ITEM | LEX_MATERIAL | LEX_LIGHT;
}

static void describe(struct element *e, const struct member *m, const struct prose *p,
		     const uint32_t *sentences, size_t count)
{
	struct strv looks = {0};
	for (size_t i = 0; i < count; i++) {
		struct word words[SENTENCE_WORDS];
		size_t n = prose_words(words, p, &p->sentences[sentences[i]]);
		look_phrases(&looks, words, n, LOOK_PHRASES, look_nouns(m->type));
	}
	CLEANUP(buf_finish) struct buf out = {0};
	for (size_t i = 0; i < looks.len; i++)
		buf_addf(&out, "%s%s", i ? ", " : "With it: ", looks.items[i]);
	if (!looks.len)
		buf_addf(&out, "Named in %zu %s of the chapter", m->count,
			 m->count == 1 ? "sentence" : "sentences");
	analysis_set(&e->description, buf_str(&out));
	strv_finish(&looks);
}

void cast_elements(struct analysis *a, const struct cast *cast, const struct prose *p)
{
	for (size_t i = 0; i < cast->len; i++) {
		const struct member *m = &cast->members[i];
		struct element *e = analysis_add_element(a);
		e->type = m->type;
		analysis_set(&e->name, m->name);
		for (size_t k = 0; k < m->aliases.len; k++)
			strv_add(&e->aliases, m->aliases.items[k]);
		uint32_t best[QUOTES];
		size_t count = best_sentences(best, m, p);
		for (size_t k = 0; k < count; k++) {
			const struct sentence *s = &p->sentences[best[k]];
			struct quote *q = element_add_quote(e);
			free(q->text);
			q->offset = s->start;
			q->len = s->end - s->start;
			q->text = xstrndup(p->text + q->offset, q->len);
		}
		describe(e, m, p, best, count);
	}
}
