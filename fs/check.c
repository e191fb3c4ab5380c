/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "fs.h"

static void say(void *arg, const char *line)
{
	puts(line);
}

static int check(const struct options *o)
{
	CLEANUP(cleanup_free) char *path = NULL, *note = NULL;
	CLEANUP(store_close_cleanup) struct store *store = NULL;
	struct store_options how = {.book_path = o->book};
	struct err err = {0};
	int faults;

	if (store_locate(&path, &note, o->book, o->store, &err) < 0)
		return say_failed(&err);
	how.path = path;
	if (store_open(&store, NULL, &how, &err) < 0)
		return say_failed(&err);
	faults = store_check(store, say, NULL);
	if (faults < 0) {
		err_set(&err, faults, "%s: it cannot be checked", path);
		return say_failed(&err);
	}
	if (faults == 0)
		printf("%s: no fault\n", path);
	return faults ? EXIT_FAILED : EXIT_DONE;
}

static int run_check(const struct command *c, int argc, char **argv)
{
	CLEANUP(options_finish) struct options o;
	CLEANUP(cleanup_free) char *book = NULL;
	const struct flag flags[] = {{"--store", .take = options_store, .options = &o}};
	struct err err = {0};
	int r;

	options_init(&o);
	r = flags_parse_one(&book, "one book: bookfs check BOOK", c, flags, ARRAY_LEN(flags), argc,
			    argv);
	if (r)
		return r < 0 ? EXIT_DONE : r;
	if (options_book(&o, book, &err) < 0)
		return say_failed(&err);
	log_open(LOG_TO_STDERR, LOG_LEVEL_WARN);
	return check(&o);
}

const struct command command_check = {
	.name = "check",
	.usage = "bookfs check [--store PATH] BOOK",
	.summary = "BOOK: verify the store, say what is wrong",
	.help = "Verifies the store of BOOK and prints a line for each fault. Exit 0: there is "
		"none.\n",
	.run = run_check,
};
