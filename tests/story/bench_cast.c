/* SPDX-License-Identifier: MIT */
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "story.h"

/*
 * The cast of a long book, by hand: bench_cast [CHAPTERS [ELEMENTS [counted]]]. Its chapters are
 * made up (2,000 with 25 of 5,000 elements each, a few of them nearly everywhere; with `counted`
 * also what the builtin analyst keeps of names), held as the store holds them, merged, corrected by
 * 1,000 corrections, and all their text is searched for names. Each step's time is the processor's,
 * of one run, beside that of half the book; memory is what is allocated.
 */

enum { IN_CHAPTER = 25, SCENES = 2, CORRECTIONS = 1000, TEXT_BYTES = 15000 };

static unsigned seed;

static unsigned any(unsigned below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % below;
}

/* Few are met often: one of two is of the first hundredth. */
static unsigned any_element(unsigned count)
{
	unsigned below = count;
	while (below > 10 && any(2))
		below /= 4;
	return any(below);
}

static const char *const words[] = {
	"the", "sea",	  "was",  "grey", "and",  "over", "stone", "quietly", "light", "of",
	"a",   "morning", "bird", "he",	  "said", "with", "long",  "brown",   "coat",  "harbour"};

static void put_words(struct buf *out, int count)
{
	for (int i = 0; i < count; i++)
		buf_addf(out, "%s ", words[any(ARRAY_LEN(words))]);
}

static char *some_words(int count, const char *name)
{
	struct buf out = {0};
	put_words(&out, count / 2);
	buf_addf(&out, "%s ", name);
	put_words(&out, count / 2);
	return buf_steal(&out, NULL);
}

static void name_of(char out[64], unsigned i)
{
	static const char *const first[] = {"Anna", "Bert", "Clara", "Dora", "Emil", "Frida"};
	snprintf(out, 64, "%s %c%csen%u", first[i % 6], 'A' + (int)(i / 6 % 26),
		 'a' + (int)(i / 156 % 26), i);
}

static void take(char **field, char *value)
{
	free(*field);
	*field = value;
}

static void add_element(struct analysis *a, unsigned i, int chapter)
{
	char name[64];
	struct element *e = analysis_add_element(a);
	name_of(name, i);
	e->type = i % 11 == 0 ? (enum element_type)(chapter % 2) : (enum element_type)(i % 4);
	analysis_set(&e->name, name);
	take(&e->description, some_words(12, name));
	strv_add(&e->aliases, strchr(name, ' ') + 1);
	for (int k = 0; k < 2; k++)
		take(&element_add_quote(e)->text, some_words(16, name));
}

static void add_sightings(struct analysis *a, unsigned elements)
{
	for (int k = 0; k < 60; k++) {
		char name[64];
		struct sighting *s = analysis_add_sighting(a);
		name_of(name, any_element(elements));
		analysis_set(&s->name, name);
		for (size_t i = 0; i < SIGHTS; i++)
			s->n[i] = any(4);
		s->n[SIGHT_COUNT] += 3;
	}
}

/* In the store's form and back, as they are read. */
static struct analysis *chapter(int number, unsigned elements, bool counted)
{
	CLEANUP(analysis_free_cleanup) struct analysis *a = analysis_new();
	CLEANUP(buf_finish) struct buf b = {0};
	struct analysis *held = NULL;
	for (int k = 0; k < IN_CHAPTER; k++)
		add_element(a, any_element(elements), number);
	for (int k = 0; k < SCENES; k++) {
		struct concept *c = analysis_add_concept(a);
		take(&c->description, some_words(40, a->elements[k].name));
		take(&c->quote.text, some_words(80, a->elements[k].name));
	}
	if (counted)
		add_sightings(a, elements);
	if (analysis_encode(&b, a) < 0 || analysis_decode(&held, buf_str(&b), b.len, NULL) < 0)
		abort();
	return held;
}

static void correct(struct corrections *list, unsigned elements)
{
	for (unsigned i = 0; i < CORRECTIONS; i++) {
		char name[64], other[64];
		unsigned k = i % elements;
		name_of(name, k);
		name_of(other, (k + 4) % elements);
		struct correction *c = corrections_add(list, (enum correction_kind)(i % 7),
						       (enum element_type)(k % 4), name);
		c->to = xstrdup(c->kind == CORRECTION_SPLIT ? strchr(name, ' ') + 1 : other);
		c->text = xstrdup("brown\nhair");
	}
}

static double since_ms(clock_t start)
{
	return (double)(clock() - start) * 1e3 / CLOCKS_PER_SEC;
}

static double held_mb(void)
{
	struct mallinfo2 m = mallinfo2();
	return (double)(m.uordblks + m.hblkhd) / (1 << 20);
}

/* The most that this process ever had resident. */
static double peak_mb(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)u.ru_maxrss / 1024;
}

static void count(void *arg, const struct mentioned *m)
{
	(void)m;
	++*(size_t *)arg;
}

static double measure(int chapters, unsigned elements, bool counted)
{
	const struct analysis **all = xcalloc((size_t)chapters, sizeof(const struct analysis *));
	int *numbers = xcalloc((size_t)chapters, sizeof(int));
	CLEANUP(buf_finish) struct buf text = {0};
	struct corrections list = {0};
	size_t found = 0;
	double before = held_mb();
	seed = 1;
	for (int i = 0; i < chapters; i++) {
		all[i] = chapter(i + 1, elements, counted);
		numbers[i] = i + 1;
	}
	double held = held_mb() - before;
	correct(&list, elements);
	while (text.len < TEXT_BYTES) {
		char name[64];
		name_of(name, any_element(elements));
		put_words(&text, 40);
		buf_addf(&text, "%s ", name);
	}

	clock_t start = clock();
	struct catalogue *c = catalogue_new(all, numbers, (size_t)chapters);
	double merge = since_ms(start);
	start = clock();
	catalogue_correct(c, &list);
	double corrected = since_ms(start);
	start = clock();
	struct mentions *m = mentions_new(c);
	for (int i = 0; i < chapters; i++)
		mentions_find(m, text.data, text.len, count, &found);
	double search = since_ms(start);
	double whole = held_mb() - before;

	printf("%5d chapters, %zu entries: merge %.0f ms, %d corrections %.1f ms, names in %.0f MB "
	       "of "
	       "text %.0f ms (%zu), all %.0f ms; analyses %.1f MB, with the catalogue %.1f MB\n",
	       chapters, c->len, merge, CORRECTIONS, corrected,
	       (double)text.len * chapters / (1 << 20), search, found, merge + corrected + search,
	       held, whole);
	mentions_free(m);
	catalogue_free(c);
	corrections_finish(&list);
	for (int i = 0; i < chapters; i++)
		analysis_free((struct analysis *)all[i]);
	free(all);
	free(numbers);
	return merge + corrected + search;
}

int main(int argc, char **argv)
{
	int chapters = argc > 1 ? atoi(argv[1]) : 2000;
	unsigned elements = argc > 2 ? (unsigned)atoi(argv[2]) : 5000;
	bool counted = argc > 3;

	if (chapters < 2 || elements < 10) {
		fprintf(stderr, "usage: %s [CHAPTERS [ELEMENTS [counted]]]\n", argv[0]);
		return 2;
	}
	double half = measure(chapters / 2, elements / 2, counted);
	double whole = measure(chapters, elements, counted);
	printf("twice the book takes %.2f times as long; at most %.1f MB resident\n", whole / half,
	       peak_mb());
	return 0;
}
