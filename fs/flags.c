/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "fs.h"

enum { WORD_BYTES = 32 };

/* Levenshtein's distance, of words that are short enough to be a misspelt name. */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_BYTES + 1], a_len = strlen(a), b_len = strlen(b);

	if (a_len > WORD_BYTES || b_len > WORD_BYTES)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b_len];
}

/* The name that was probably meant, or NULL. */
const char *flags_nearest(const char *word, const char *const *names, size_t count)
{
	size_t limit = strlen(word) / 3 + 1, best = limit + 1;
	const char *nearest = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t d = distance(word, names[i]);

		if (d < best) {
			best = d;
			nearest = names[i];
		}
	}
	return nearest;
}

static const struct flag *flag_named(const struct flag *flags, size_t count, const char *name,
				     size_t len)
{
	for (size_t i = 0; i < count; i++) {
		const char *spellings[] = {flags[i].name, flags[i].also};

		for (size_t k = 0; k < ARRAY_LEN(spellings); k++)
			if (spellings[k] && strlen(spellings[k]) == len &&
			    !memcmp(spellings[k], name, len))
				return &flags[i];
	}
	return NULL;
}

static int unknown_flag(const struct command *c, const struct flag *flags, size_t count,
			const char *word)
{
	const char *names[16], *near;

	for (size_t i = 0; i < count && i < ARRAY_LEN(names); i++)
		names[i] = flags[i].name;
	near = word[1] == '-' ? flags_nearest(word, names, count) : NULL;
	if (near)
		return say_usage(c, "%s is not known; %s is near", word, near);
	return say_usage(c, "%s is not known", word);
}

static int take_value(const struct command *c, const struct flag *f, const char *value)
{
	struct err err = {0};

	if (f->values)
		strv_add(f->values, value);
	else if (f->take(f->options, value, &err) < 0)
		return say_usage(c, "%s", err.msg);
	return 0;
}

/* One flag at argv[*i], its value in the same word ("-oro", "--store=x") or the next. */
static int take_flag(const struct command *c, const struct flag *flags, size_t count, int *i,
		     int argc, char **argv)
{
	const char *word = argv[*i], *value = strchr(word, '=');
	size_t len = value ? (size_t)(value - word) : strlen(word);
	const struct flag *f = flag_named(flags, count, word, len);

	if (f && value)
		value++;
	if (!f && word[1] != '-' && (f = flag_named(flags, count, word, 2)) && !f->on)
		value = word + 2;
	if (!f || (f->on && value))
		return unknown_flag(c, flags, count, word);
	if (f->on) {
		*f->on = true;
		return 0;
	}
	if (!value && *i + 1 >= argc)
		return say_usage(c, "%s needs a value", word);
	return take_value(c, f, value ? value : argv[++*i]);
}

static int help(const struct command *c)
{
	printf("usage: %s\n\n%s", c->usage, c->help);
	return FLAGS_ANSWERED;
}

int flags_parse(struct strv *words, const struct command *c, const struct flag *flags,
		size_t flag_count, int argc, char **argv)
{
	bool only_words = false;

	for (int i = 0; i < argc; i++) {
		int r = 0;

		if (!argv[i][0])
			r = say_usage(c, "word %d is empty: a variable that is not set?", i + 1);
		else if (only_words || argv[i][0] != '-' || !argv[i][1])
			strv_add(words, argv[i]);
		else if (!strcmp(argv[i], "--"))
			only_words = true;
		else if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			r = help(c);
		else
			r = take_flag(c, flags, flag_count, &i, argc, argv);
		if (r)
			return r;
	}
	return 0;
}

int flags_parse_one(char **word, const char *what, const struct command *c,
		    const struct flag *flags, size_t flag_count, int argc, char **argv)
{
	CLEANUP(strv_finish) struct strv words = {0};
	int r = flags_parse(&words, c, flags, flag_count, argc, argv);

	if (r)
		return r;
	if (words.len != 1)
		return say_usage(c, "name %s", what);
	*word = xstrdup(words.items[0]);
	return 0;
}

int flags_parse_none(const struct command *c, const struct flag *flags, size_t flag_count, int argc,
		     char **argv)
{
	CLEANUP(strv_finish) struct strv words = {0};
	int r = flags_parse(&words, c, flags, flag_count, argc, argv);

	if (r == 0 && words.len)
		return say_usage(c, "one word too many: %s", words.items[0]);
	return r;
}
