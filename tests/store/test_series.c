/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "check.h"
#include "store.h"

/* A file that several books share: who looks how, by the book that fixed it first. */

static char dir[] = "/tmp/bookfs-series-XXXXXX";
static char *file;

static struct book book_of(const char *identifier, const char *title)
{
	return (struct book){.identifier = (char *)identifier, .title = (char *)title};
}

static struct series *open_for(const char *identifier, const char *title)
{
	const struct book b = book_of(identifier, title);
	struct series *s = NULL;
	struct err err = {0};

	CHECK_INT(series_open(&s, file, &b, &err), 0);
	return s;
}

static struct catalogue_entry entry_of(const char *name, struct strv *aliases, const char *alias)
{
	if (alias)
		strv_add(aliases, alias);
	return (struct catalogue_entry){
		.type = ELEMENT_CHARACTER, .name = (char *)name, .aliases = *aliases};
}

static void put(struct series *s, const char *name, const char *alias, const char *line)
{
	struct strv aliases = {0};
	const struct catalogue_entry e = entry_of(name, &aliases, alias);

	CHECK_INT(series_put(s, &e, line), 0);
	aliases = e.aliases;
	strv_finish(&aliases);
}

/* "line/book", or "". */
static char *look(struct series *s, const char *name, const char *alias)
{
	CLEANUP(cleanup_free) char *line = NULL, *from = NULL;
	struct strv aliases = {0};
	const struct catalogue_entry e = entry_of(name, &aliases, alias);
	int found = series_look(&line, &from, s, &e);

	CHECK(found >= 0);
	aliases = e.aliases;
	strv_finish(&aliases);
	return found == 1 ? xasprintf("%s/%s", line, from) : xstrdup("");
}

static void check_look(struct series *s, const char *name, const char *alias, const char *want)
{
	CLEANUP(cleanup_free) char *got = look(s, name, alias);

	CHECK_STR(got, want);
}

static void test_looks(void)
{
	CLEANUP(series_close_cleanup) struct series *first = open_for("urn:1", "The First");
	CLEANUP(series_close_cleanup) struct series *second = open_for("urn:2", "The Second");
	CLEANUP(series_close_cleanup) struct series *third = open_for("", "The Third");

	put(first, "Ida Brand", "the captain", "Ida Brand: grey coat");
	check_look(first, "Ida Brand", NULL, ""); /* its own is no other book's */
	check_look(second, "Ida Brand", NULL, "Ida Brand: grey coat/The First");
	check_look(second, "ida  BRAND", NULL, "Ida Brand: grey coat/The First");
	put(second, "Ida Brand", NULL, "Ida Brand: red coat");
	put(second, "Tolly", NULL, "Tolly: freckled");
	check_look(third, "Ida Brand", NULL, "Ida Brand: grey coat/The First"); /* the earliest */
	check_look(third, "Tolly", NULL, "Tolly: freckled/The Second");
	/* A name of the one is an alias of the other; an alias of both is not enough. */
	check_look(third, "Miss Brand", "Ida Brand", "Ida Brand: grey coat/The First");
	check_look(third, "Captain Roe", "the captain", "");
	put(first, "Ida Brand", NULL, "Ida Brand: blue coat"); /* corrected there */
	check_look(third, "Ida Brand", NULL, "Ida Brand: blue coat/The First");
}

static void test_same_book_again(void)
{
	CLEANUP(series_close_cleanup)
	struct series *again = open_for("urn:1", "The First, revised");
	CLEANUP(series_close_cleanup) struct series *third = open_for("", "The Third");

	check_look(again, "Tolly", NULL, "Tolly: freckled/The Second");
	check_look(third, "Ida Brand", NULL, "Ida Brand: blue coat/The First, revised");
}

/* "line/book", with "-" for its own. */
static void check_agree(struct series *s, const char *name, const char *said, const char *own,
			const char *want)
{
	CLEANUP(cleanup_free) char *line = NULL, *from = NULL, *got = NULL;
	const struct catalogue_entry e = {
		.type = ELEMENT_CHARACTER, .name = (char *)name, .said = (char *)said};

	CHECK(series_agree(&line, &from, s, &e, own) >= 0);
	got = xasprintf("%s/%s", line ? line : "", from ? from : "-");
	CHECK_STR(got, want);
}

/* Whoever asks first has it put before anybody else can ask. */
static void test_agreed(void)
{
	CLEANUP(series_close_cleanup) struct series *one = open_for("urn:a1", "One");
	CLEANUP(series_close_cleanup) struct series *two = open_for("urn:a2", "Two");

	check_agree(one, "Moss", NULL, "Moss: green", "Moss: green/-");
	check_agree(two, "Moss", NULL, "Moss: grey", "Moss: green/One");
	check_agree(one, "Moss", NULL, "Moss: greener", "Moss: green/-"); /* others may have it */
	check_agree(two, "Moss", "blue", "Moss: blue", "Moss: blue/-");	  /* a person's word */
	check_agree(one, "Moss", "red", "Moss: red", "Moss: red/-");
	check_look(two, "Moss", NULL, "Moss: red/One");
}

/* Books that agree on many names, each its own way round. */
static void test_agreed_at_once(void)
{
	enum { NAMES = 15, BOOKS = 3 };
	char titles[BOOKS][16];
	pid_t children[BOOKS];
	int ends[BOOKS][2];

	for (int b = 0; b < BOOKS; b++) {
		snprintf(titles[b], sizeof(titles[b]), "Book %d", b);
		CHECK_INT(pipe(ends[b]), 0);
		children[b] = fork();
		if (children[b])
			continue;
		struct series *s = open_for(titles[b], titles[b]);

		for (int i = 0; s && i < NAMES; i++) {
			CLEANUP(cleanup_free) char *name = xasprintf("Agreed %d", i);
			CLEANUP(cleanup_free) char *own = xasprintf("by %s\n", titles[b]);
			CLEANUP(cleanup_free) char *line = NULL, *from = NULL;
			const struct catalogue_entry e = {.name = name};

			CHECK(series_agree(&line, &from, s, &e, own) >= 0);
			CHECK(line && write(ends[b][1], line, strlen(line)) > 0);
		}
		series_close(s);
		_exit(check_failures ? 1 : 0);
	}
	char said[BOOKS][512] = {{0}};

	for (int b = 0; b < BOOKS; b++) {
		int status;

		close(ends[b][1]);
		waitpid(children[b], &status, 0);
		CHECK_INT(status, 0);
		CHECK(read(ends[b][0], said[b], sizeof(said[b]) - 1) > 0);
		close(ends[b][0]);
		CHECK_STR(said[b], said[0]);
	}
}

/* Nothing is told to a file that nobody will find. */
static void test_taken_away(void)
{
	const struct catalogue_entry e = {.name = (char *)"Nobody"};
	CLEANUP(cleanup_free) char *aside = xasprintf("%s.aside", file);
	CLEANUP(cleanup_free) char *line = NULL, *from = NULL;
	CLEANUP(series_close_cleanup) struct series *s = open_for("urn:t", "Taken");

	CHECK_INT(rename(file, aside), 0);
	CHECK_INT(series_agree(&line, &from, s, &e, "x"), -ENOENT);
	CHECK(strstr(series_reason(s, -ENOENT), "deleted") != NULL);
	CLEANUP(series_close_cleanup) struct series *new = open_for("urn:n", "New");

	CHECK_INT(series_put(s, &e, "x"), -ESTALE);
	CHECK(strstr(series_reason(s, -ESTALE), "replaced") != NULL);
	check_look(new, "Nobody", NULL, "");
	CHECK_INT(rename(aside, file), 0);
	CHECK_INT(series_put(s, &e, "x"), 0);
}

/* Two books at once: none waits in vain, none loses a line. */
static void test_two_processes(void)
{
	enum { LINES = 20, BOOKS = 2 };
	pid_t children[BOOKS];

	for (int b = 0; b < BOOKS; b++) {
		children[b] = fork();
		if (children[b] == 0) {
			char identifier[16], name[32];

			snprintf(identifier, sizeof(identifier), "urn:p%d", b);
			struct series *s = open_for(identifier, identifier);

			for (int i = 0; s && i < LINES; i++) {
				snprintf(name, sizeof(name), "Name %d of %d", i, b);
				put(s, name, NULL, name);
			}
			series_close(s);
			_exit(check_failures ? 1 : 0);
		}
	}
	for (int b = 0; b < BOOKS; b++) {
		int status;

		waitpid(children[b], &status, 0);
		CHECK_INT(status, 0);
	}
	CLEANUP(series_close_cleanup) struct series *s = open_for("urn:1", "The First");

	for (int b = 0; b < BOOKS; b++)
		for (int i = 0; i < LINES; i++) {
			CLEANUP(cleanup_free) char *name = xasprintf("Name %d of %d", i, b);
			CLEANUP(cleanup_free) char *want = xasprintf("%s/urn:p%d", name, b);

			check_look(s, name, NULL, want);
		}
}

static void test_strangers(void)
{
	const struct book b = book_of("urn:1", "The First");
	CLEANUP(cleanup_free) char *text = xasprintf("%s/notes.txt", dir);
	struct series *s = NULL;
	struct err err = {0};
	FILE *f = fopen(text, "w");

	fputs("Not a series, but somebody's notes, which must stay as they are.\n", f);
	fclose(f);
	CHECK_INT(series_open(&s, text, &b, &err), -EBADMSG);
	CHECK(strstr(err.msg, "notes.txt") != NULL);
	CHECK_INT(series_open(&s, "/nowhere/at/all", &b, &err), -ENOENT);
	unlink(text);
	CHECK_INT(series_open(&s, dir, &b, &err), -EBADMSG);
	CHECK_INT(mkfifo(text, 0600), 0);
	CHECK_INT(series_open(&s, text, &b, &err), -EBADMSG);
	CHECK(strstr(err.msg, "not a regular file") != NULL);
	unlink(text);
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	file = xasprintf("%s/saga", dir);
	test_looks();
	test_same_book_again();
	test_two_processes();
	test_strangers();
	test_agreed();
	test_agreed_at_once();
	test_taken_away();
	unlink(file);
	CHECK_INT(rmdir(dir), 0); /* no side file stays */
	free(file);
	return check_result();
}
