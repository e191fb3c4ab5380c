/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "locker.h"

static const struct command *const commands[] = {
	&command_mount,	    &command_umount,  &command_run,   &command_estimate, &command_status,
	&command_check,	    &command_history, &command_undo,  &command_export,	 &command_import,
	&command_providers, &command_models,  &command_probe, &command_config,	 &command_lock,
	&command_unlock,    &command_locks,   &command_break, &command_clear};

int say_usage(const struct command *c, const char *fmt, ...)
{
	struct err line; /* what was typed may hold anything, and this goes to a terminal */
	va_list ap;

	va_start(ap, fmt);
	err_setv(&line, -EINVAL, fmt, ap);
	va_end(ap);
	fprintf(stderr, "bookfs: %s (see bookfs %s%s--help)\n", line.msg, c ? c->name : "",
		c ? " " : "");
	return EXIT_USAGE;
}

int say_failed(const struct err *err)
{
	fprintf(stderr, "bookfs: %s\n", err->msg[0] ? err->msg : strerror(-err->code));
	return EXIT_FAILED;
}

static int help(void)
{
	puts("bookfs mounts a book as a directory. Reading chapters/9/concepts.json makes the\n"
	     "visual analysis of chapter 9; images/ fills in as pictures finish.\n"
	     "\n"
	     "    bookfs BOOK DIR        mount (the same as `bookfs mount BOOK DIR`)");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		printf("    bookfs %-16s%s\n", commands[i]->name, commands[i]->summary);
	puts("    bookfs --version\n"
	     "\n"
	     "`bookfs COMMAND --help` says more of each.");
	return EXIT_DONE;
}

static const struct command *command_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

/* `bookfs statsu x` would mount a book "statsu": if there is none, a command was meant. */
static const char *command_meant(const char *word)
{
	const char *names[ARRAY_LEN(commands)];

	if (word[0] == '-' || strchr(word, '/') || strchr(word, '.') || access(word, F_OK) == 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		names[i] = commands[i]->name;
	return flags_nearest(word, names, ARRAY_LEN(names));
}

static int run(int argc, char **argv)
{
	const struct command *c;
	const char *meant;

	if (argc < 2)
		return say_usage(NULL, "name a book and a directory: bookfs BOOK DIR");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
		return help();
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		return puts("bookfs " BOOKFS_VERSION) < 0 ? EXIT_FAILED : EXIT_DONE;
	c = command_named(argv[1]);
	if (c)
		return c->run(c, argc - 2, argv + 2);
	meant = command_meant(argv[1]);
	if (meant)
		return say_usage(NULL, "%s is no command and no book; \"%s\" is near", argv[1],
				 meant);
	return command_mount.run(&command_mount, argc - 1, argv + 1);
}

/* A descriptor below 3 that is closed would be given to the next file that is opened, and a message
 * or the way into the background would end there. What stands in fails as a closed one does. */
static void keep_standard_streams(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

/* An answer that did not reach its reader (a full disk, a closed pipe) is no success. */
int main(int argc, char **argv)
{
	int status;

	keep_standard_streams();
	status = run(argc, argv);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "bookfs: the answer cannot be written: %s\n", strerror(errno));
	return status == EXIT_DONE ? EXIT_FAILED : status;
}
