/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base.h"

static _Noreturn void out_of_memory(void)
{
	static const char line[] = "bookfs: out of memory\n";
	ssize_t ignored = write(STDERR_FILENO, line, sizeof(line) - 1);

	(void)ignored;
	abort();
}

static void *checked(void *p)
{
	if (!p)
		out_of_memory();
	return p;
}

void *xcalloc(size_t count, size_t size)
{
	return checked(calloc(count ? count : 1, size ? size : 1));
}

char *xstrdup(const char *s)
{
	return s ? checked(strdup(s)) : NULL;
}

char *xstrndup(const char *s, size_t len)
{
	return checked(strndup(s, len));
}

char *xasprintf(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return checked(n < 0 ? NULL : s);
}

void *xgrow(void *array, size_t *cap, size_t need, size_t size)
{
	size_t grown = *cap ? *cap : 8;

	if (need <= *cap)
		return array;
	while (grown < need) {
		if (grown > SIZE_MAX / 2)
			out_of_memory();
		grown *= 2;
	}
	array = checked(reallocarray(array, grown, size));
	*cap = grown;
	return array;
}

void strv_add_len(struct strv *v, const char *s, size_t len)
{
	v->items = xgrow(v->items, &v->cap, v->len + 1, sizeof(*v->items));
	v->items[v->len++] = xstrndup(s, len);
}

void strv_add(struct strv *v, const char *s)
{
	strv_add_len(v, s, strlen(s));
}

bool strv_has(const struct strv *v, const char *s)
{
	for (size_t i = 0; i < v->len; i++)
		if (!strcmp(v->items[i], s))
			return true;
	return false;
}

void strv_finish(struct strv *v)
{
	for (size_t i = 0; i < v->len; i++)
		free(v->items[i]);
	free(v->items);
	*v = (struct strv){0};
}
