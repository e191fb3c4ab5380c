/* SPDX-License-Identifier: MIT */
#include "analyst_looks.h"

#include <string.h>

/* The facts that were found: in order, by member, and as an element's. */

enum { FACTS_A_MEMBER = 20 };

static int compare_facts(const void *a, const void *b)
{
	const struct fact *x = a, *y = b;
	if (x->member != y->member)
		return x->member < y->member ? -1 : 1;
	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

void looks_sort(struct looks *l)
{
	if (l->len)
		qsort(l->facts, l->len, sizeof(*l->facts), compare_facts);
}

void looks_finish(struct looks *l)
{
	free(l->facts);
}

static int compare_starts(const void *a, const void *b)
{
	const struct fact *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

/* The first fact of the member or of a later one. */
static size_t find_facts(const struct looks *l, size_t member)
{
	size_t low = 0, high = l->len;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (l->facts[mid].member < member)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

size_t looks_count(const struct looks *l, size_t member)
{
	return find_facts(l, member + 1) - find_facts(l, member);
}

void looks_renumber(struct looks *l, const uint32_t *to)
{
	while (l->len && l->facts[l->len - 1].member == LOOKS_SOMEBODY)
		l->len--; /* nobody has named him */
	for (size_t i = 0; i < l->len; i++)
		l->facts[i].member = to[l->facts[i].member];
	looks_sort(l);
}

void looks_put(struct element *e, const struct looks *l, size_t member, const struct prose *p)
{
	struct fact best[FACTS_A_MEMBER];
	size_t from = find_facts(l, member), count = looks_count(l, member);
	count = count < FACTS_A_MEMBER ? count : FACTS_A_MEMBER;
	if (!count)
		return;
	memcpy(best, l->facts + from, count * sizeof(*best));
	qsort(best, count, sizeof(*best), compare_starts);
	for (size_t i = 0; i < count; i++) {
		struct quote *q = element_add_look(e);
		free(q->text);
		q->offset = best[i].start;
		q->len = best[i].end - best[i].start;
		q->text = xstrndup(p->text + q->offset, q->len);
	}
}
