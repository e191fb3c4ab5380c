/* SPDX-License-Identifier: MIT */
#include "symbols.h"

#include <search.h>
#include <string.h>

struct named {
	const char *a, *b;
	size_t number;
	char bytes[]; /* of both */
};

static int compare(const void *x, const void *y)
{
	const struct named *e = x, *other = y;
	int c = strcmp(e->a, other->a);

	return c ? c : strcmp(e->b, other->b);
}

static struct named *find(const struct symbols *n, const char *a, const char *b)
{
	struct named key = {.a = a, .b = b};
	struct named **found = tfind(&key, &n->tree, compare);

	return found ? *found : NULL;
}

static void insert(struct symbols *n, const char *a, const char *b, size_t number)
{
	size_t a_size = strlen(a) + 1, b_size = strlen(b) + 1;
	struct named *e = xcalloc(1, sizeof(*e) + a_size + b_size);

	memcpy(e->bytes, a, a_size);
	memcpy(e->bytes + a_size, b, b_size);
	e->a = e->bytes;
	e->b = e->bytes + a_size;
	e->number = number;
	if (!tsearch(e, &n->tree, compare))
		abort(); /* as xcalloc does */
	n->count++;
}

size_t symbols_get(const struct symbols *n, const char *a, const char *b)
{
	const struct named *e = find(n, a, b);

	return e ? e->number : 0;
}

void symbols_set(struct symbols *n, const char *a, const char *b, size_t number)
{
	struct named *e = find(n, a, b);

	if (e)
		e->number = number;
	else
		insert(n, a, b, number);
}

void symbols_add(struct symbols *n, const char *a, const char *b, size_t number)
{
	if (!find(n, a, b))
		insert(n, a, b, number);
}

void symbols_finish(struct symbols *n)
{
	tdestroy(n->tree, free);
	*n = (struct symbols){0};
}
