/* SPDX-License-Identifier: MIT */
#include "tally.h"

#include <string.h>

struct counted {
	const struct sighting *s;
	int chapter;
};

static int compare_names(const char *name, bool noun, const struct sighting *s)
{
	int r = strcmp(name, s->name);
	return r ? r : (int)noun - (int)s->noun;
}

static int compare_counted(const void *a, const void *b)
{
	const struct counted *x = a, *y = b;
	int r = compare_names(x->s->name, x->s->noun, y->s);
	return r ? r : x->chapter < y->chapter ? -1 : x->chapter > y->chapter;
}

static void add_counts(uint32_t sum[SIGHTS], const uint32_t n[SIGHTS])
{
	for (size_t i = 0; i < SIGHTS; i++)
		sum[i] = sum[i] > UINT32_MAX - n[i] ? UINT32_MAX : sum[i] + n[i];
}

/* Equal names stand together. A name's title and its other name are as its first chapter has them.
 */
static void sum_up(struct tally *t, const struct counted *all, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t n = t->count;
		if (!n || compare_names(all[i].s->name, all[i].s->noun, &t->names[n - 1])) {
			t->names[t->count++] = *all[i].s;
			continue;
		}
		struct sighting *last = &t->names[n - 1];
		add_counts(last->n, all[i].s->n);
		if (!last->other)
			last->other = all[i].s->other;
	}
}

/* From the last to the first, so that a chain is in the names' order. */
static void chain(struct tally *t)
{
	for (size_t i = 0; i < t->count; i++)
		t->first[i] = NO_GROUP;
	for (size_t i = t->count; i--;) {
		size_t leader = t->group[i];
		if (leader == NO_GROUP)
			continue;
		add_counts(t->sums[leader].n, t->names[i].n);
		t->next[i] = t->first[leader];
		t->first[leader] = i;
	}
}

void tally_init(struct tally *t, const struct analysis *const *analyses, const int *numbers,
		size_t count)
{
	size_t len = 0;
	*t = (struct tally){0};
	for (size_t i = 0; i < count; i++)
		len += analyses[i]->sighting_count;
	struct counted *all = xcalloc(len + 1, sizeof(*all));
	len = 0;
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < analyses[i]->sighting_count; k++)
			all[len++] = (struct counted){&analyses[i]->sightings[k], numbers[i]};
	}
	qsort(all, len, sizeof(*all), compare_counted);
	t->names = xcalloc(len + 1, sizeof(*t->names));
	sum_up(t, all, len);
	free(all);
	t->group = xcalloc(t->count + 1, sizeof(*t->group));
	t->sums = xcalloc(t->count + 1, sizeof(*t->sums));
	sightings_group(t->group, t->names, t->count, true);
	t->next = xcalloc(t->count + 1, sizeof(*t->next));
	t->first = xcalloc(t->count + 1, sizeof(*t->first));
	chain(t);
}

void tally_finish(struct tally *t)
{
	free(t->names);
	free(t->group);
	free(t->sums);
	free(t->next);
	free(t->first);
}

static size_t find(const struct tally *t, const char *name, bool noun)
{
	size_t low = 0, high = t->count;
	while (low < high) {
		size_t mid = (low + high) / 2;
		int r = compare_names(name, noun, &t->names[mid]);
		if (r == 0)
			return t->group[mid];
		if (r < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NO_GROUP;
}

size_t tally_find(const struct tally *t, const char *element)
{
	size_t found = find(t, element, false);
	if (found == NO_GROUP && !strncmp(element, "the ", 4))
		found = find(t, element + 4, true);
	return found;
}
