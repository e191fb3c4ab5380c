/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "fold.h"
#include "story.h"

/*
 * Who and what of a catalogue a text names. The names are a tree of words, all its edges in one
 * hash table, so that a text is read once however many names there are: from each word on the
 * longest name that stands there is taken.
 *
 * A word is a run of letters and digits; of scripts without blanks a character is one. What stands
 * between words is nothing: who has an apostrophe in his name has two words, and a possessive names
 * its owner.
 */

struct edge {
	uint32_t from, to; /* nodes; to 0: a free slot */
	uint32_t word;	   /* where in the words it stands, NUL behind it */
};

struct ending {
	uint32_t entry; /* + 1; 0: no name ends here */
	bool proper;	/* a person's, with a capital: Rose is not found in "a rose" */
};

struct mentions {
	struct edge *edges;
	size_t edge_count, edge_slots; /* a power of two */
	struct ending *endings;	       /* by node; 0 is the root */
	size_t node_count, node_cap;
	struct buf words;
};

/* ---- words */

struct word {
	char folded[128]; /* what is longer is compared by its beginning */
	size_t len;
	const char *at, *behind;
	bool capital;
};

static bool is_dense(uint32_t c)
{
	return (c >= 0x3040 && c <= 0x30ff) || (c >= 0x3400 && c <= 0x9fff) ||
	       (c >= 0xf900 && c <= 0xfaff) || (c >= 0x20000 && c <= 0x3ffff);
}

static bool is_letter(uint32_t c)
{
	return c >= 0xc0 && c != 0xd7 && c != 0xf7 && (c < 0x2000 || c > 0x206f) &&
	       (c < 0x3000 || c > 0x303f) && (c < 0xfe00 || c > 0xff0f) && c != 0xfffd;
}

/* A character of the text: a letter or digit, or what is between words. */
struct letter {
	char folded[4];
	size_t len; /* 0: it is no letter */
	bool capital, dense;
};

static void next_letter(struct letter *l, const char **s, const char *end)
{
	unsigned char byte = (unsigned char)**s;
	unsigned char small = byte >= 'A' && byte <= 'Z' ? byte + 32 : byte;

	l->dense = false;
	if (byte < 0x80) { /* most of most texts */
		bool letter = (small >= 'a' && small <= 'z') || (byte >= '0' && byte <= '9');
		l->folded[0] = (char)small;
		l->capital = small != byte;
		l->len = letter;
		(*s)++;
		return;
	}
	uint32_t c = utf8_next(s, end), folded = fold_case(c);
	l->len = is_letter(c) ? utf8_put(l->folded, folded) : 0;
	l->dense = is_dense(c);
	l->capital = folded != c || l->dense;
}

/* The next word at or behind s; false at the end. */
static bool next_word(struct word *w, const char *s, const char *end)
{
	struct letter l;

	w->len = 0;
	w->capital = false;
	w->at = NULL;
	while (s < end) {
		const char *from = s;

		next_letter(&l, &s, end);
		if (!l.len && !w->at)
			continue;
		if (!l.len || (w->at && l.dense))
			break;
		if (!w->at) {
			w->at = from;
			w->capital = l.capital;
		}
		if (w->len + 4 < sizeof(w->folded)) {
			memcpy(w->folded + w->len, l.folded, sizeof(l.folded));
			w->len += l.len;
		}
		w->behind = s;
		if (l.dense)
			break;
	}
	w->folded[w->len] = '\0';
	return w->at;
}

/* ---- the tree */

static size_t slot_of(const struct mentions *m, uint32_t from, const char *word)
{
	uint64_t hash = 14695981039346656037u ^ from; /* FNV-1a */
	size_t i;

	for (const char *s = word; *s; s++)
		hash = (hash ^ (unsigned char)*s) * 1099511628211u;
	hash ^= hash >> 29;
	for (i = (size_t)hash & (m->edge_slots - 1); m->edges[i].to;
	     i = (i + 1) & (m->edge_slots - 1))
		if (m->edges[i].from == from && !strcmp(m->words.data + m->edges[i].word, word))
			break;
	return i;
}

static void edges_double(struct mentions *m)
{
	struct edge *old = m->edges;
	size_t slots = m->edge_slots;

	m->edge_slots = slots ? slots * 2 : 256;
	m->edges = xcalloc(m->edge_slots, sizeof(*m->edges));
	for (size_t i = 0; i < slots; i++)
		if (old[i].to)
			m->edges[slot_of(m, old[i].from, m->words.data + old[i].word)] = old[i];
	free(old);
}

static uint32_t node_new(struct mentions *m)
{
	m->endings = xgrow(m->endings, &m->node_cap, m->node_count + 1, sizeof(*m->endings));
	m->endings[m->node_count] = (struct ending){0};
	return (uint32_t)m->node_count++;
}

static uint32_t step(struct mentions *m, uint32_t from, const struct word *w)
{
	struct edge *e;

	if (2 * (m->edge_count + 1) > m->edge_slots)
		edges_double(m);
	e = &m->edges[slot_of(m, from, w->folded)];
	if (e->to)
		return e->to;
	*e = (struct edge){from, node_new(m), (uint32_t)m->words.len};
	buf_add(&m->words, w->folded, w->len + 1);
	m->edge_count++;
	return e->to;
}

/* "the White Rabbit" is found as "White Rabbit". A name that two have is the first one's. */
static void add_name(struct mentions *m, const char *name, uint32_t entry, bool person)
{
	const char *end = name + strlen(name);
	bool first = true, proper = false;
	uint32_t node = 0;
	struct word w;

	for (const char *s = name; next_word(&w, s, end); s = w.behind) {
		if (first && !strcmp(w.folded, "the") && w.behind < end)
			continue;
		if (first)
			proper = person && w.capital;
		first = false;
		node = step(m, node, &w);
	}
	if (node && !m->endings[node].entry)
		m->endings[node] = (struct ending){entry + 1, proper};
}

struct mentions *mentions_new(const struct catalogue *c)
{
	struct mentions *m = xcalloc(1, sizeof(*m));

	m->words.max_bytes = UINT32_MAX;
	node_new(m);
	edges_double(m);
	buf_addc(&m->words, '\0'); /* so that there are some */
	for (size_t i = 0; i < c->len; i++)
		add_name(m, c->entries[i].name, (uint32_t)i,
			 c->entries[i].type == ELEMENT_CHARACTER);
	for (size_t i = 0; i < c->len; i++)
		for (size_t k = 0; k < c->entries[i].aliases.len; k++)
			add_name(m, c->entries[i].aliases.items[k], (uint32_t)i,
				 c->entries[i].type == ELEMENT_CHARACTER);
	return m;
}

struct mentions *mentions_free(struct mentions *m)
{
	if (!m)
		return NULL;
	free(m->edges);
	free(m->endings);
	buf_finish(&m->words);
	free(m);
	return NULL;
}

/* ---- finding */

/* The longest name that begins with the word `first`; what stands behind it, or NULL. */
static const char *longest(uint32_t *entry, const struct mentions *m, const struct word *first,
			   const char *end)
{
	const char *behind = NULL;
	struct word w = *first;
	uint32_t node = 0;

	do {
		const struct edge *e = &m->edges[slot_of(m, node, w.folded)];

		if (!e->to)
			break;
		node = e->to;
		if (m->endings[node].entry && (first->capital || !m->endings[node].proper)) {
			*entry = m->endings[node].entry - 1;
			behind = w.behind;
		}
	} while (next_word(&w, w.behind, end));
	return behind;
}

void mentions_find(const struct mentions *m, const char *text, size_t len,
		   void (*fn)(void *arg, const struct mentioned *what), void *arg)
{
	const char *end = text + len;
	struct word w;

	for (const char *s = text; next_word(&w, s, end);) {
		uint32_t entry = 0;
		const char *behind = longest(&entry, m, &w, end);

		if (behind)
			fn(arg, &(struct mentioned){entry, (size_t)(w.at - text),
						    (size_t)(behind - w.at)});
		s = behind ? behind : w.behind;
	}
}
