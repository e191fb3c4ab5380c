/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "check.h"
#include "fixture.h"
#include "internal.h"

/* Where a store is, or is to be made: beside its book, moved with it, in the state folder, under a
 * name that fits. */

static void run_sql(const char *path, const char *sql)
{
	struct conn c;
	struct err err = {0};
	CHECK_INT(conn_open(&c, path, CONN_WRITE, &err), 0);
	sqlite3_db_config(c.db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
	CHECK_INT(conn_exec(&c, sql, &err), 0);
	conn_close(&c);
}

static void write_file(const char *path, const void *data, size_t len)
{
	CLEANUP(cleanup_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	CHECK_INT(write(fd, data, len), len);
}

static int64_t ask(const char *path, const char *sql)
{
	struct conn c;
	int64_t value = -1;
	CHECK_INT(conn_open(&c, path, CONN_READONLY, NULL), 0);
	CHECK_INT(conn_int(&value, &c, sql, NULL), 0);
	conn_close(&c);
	return value;
}

static void check_located(const char *book, const char *explicit_path, const char *want)
{
	CLEANUP(cleanup_free) char *path = NULL;
	CLEANUP(cleanup_free) char *note = NULL;
	struct err err = {0};
	CHECK_INT(store_locate(&path, &note, book, explicit_path, &err), 0);
	CHECK_STR(path, want);
}

static void test_locate_moved(void)
{
	struct fixture f;
	fixture_init(&f);
	CLEANUP(cleanup_free) char *state = xasprintf("%s/state", f.dir);
	CLEANUP(cleanup_free) char *moved = xasprintf("%s/renamed.txt", f.dir);
	CLEANUP(cleanup_free) char *beside = xasprintf("%s.bookfs", moved);
	CLEANUP(cleanup_free) char *in_state = xasprintf("%s/bookfs/kept.bookfs", state);
	CLEANUP(cleanup_free) char *folder = xasprintf("%s/bookfs", state);
	setenv("XDG_STATE_HOME", state, 1);
	CHECK_INT(fixture_fill(&f), 0);
	check_located(f.book_path, NULL, f.store_path);
	CHECK_INT(rename(f.book_path, moved), 0);
	check_located(moved, NULL, f.store_path); /* renamed: the store knows its content */

	fixture_write_book(&f, "another book under the old name\n");
	check_located(moved, NULL, beside); /* the old name is taken again: a store of its own */
	unlink(f.book_path);

	CHECK_INT(mkdir(state, 0700), 0);
	CHECK_INT(mkdir(folder, 0700), 0);
	CHECK_INT(rename(f.store_path, in_state), 0);
	check_located(moved, NULL, in_state);

	/* The new name is written down, so that the next time no hash is needed. */
	struct store *s = NULL;
	struct err err = {0};
	struct store_options options = {.path = in_state, .book_path = moved};
	CHECK_INT(store_open(&s, NULL, &options, &err), 0);
	CHECK_INT(store_import_current(s, "depth=0", &err), 1);
	store_close(s);
	CHECK_INT(ask(in_state, "SELECT path LIKE '%/renamed.txt' FROM book"), 1);
	check_located(moved, NULL, in_state);
	fixture_finish(&f);
}

/* The one file that a text is has the name the book has now; an archive's member keeps its own. */
static void check_renamed(const char *member, const char *after)
{
	struct fixture f;
	struct store *s = NULL;
	struct err err = {0};
	struct book *b = NULL;
	fixture_init(&f);
	CHECK_INT(fixture_fill(&f), 0);
	CLEANUP(cleanup_free) char *sql = xasprintf("UPDATE file SET name = '%s'", member);
	run_sql(f.store_path, sql);
	CLEANUP(cleanup_free) char *moved = xasprintf("%s/renamed.txt", f.dir);
	CHECK_INT(rename(f.book_path, moved), 0);
	struct store_options options = {.path = f.store_path, .book_path = moved};
	CHECK_INT(store_open(&s, NULL, &options, &err), 0);
	CHECK_INT(store_import_current(s, "depth=0", &err), 1);
	CHECK_INT(store_book(&b, store_reader(s)), 0);
	CHECK_STR(b->files[0].name, after);
	book_free(b);
	store_close(s);
	fixture_finish(&f);
}

static void test_renamed(void)
{
	check_renamed("book.txt", "renamed.txt");
	check_renamed("OPS/one.xhtml", "OPS/one.xhtml");
}

/* A folder that cannot be written: the state folder, and a line that says so. As nobody. */
static int locate_as_nobody(const struct fixture *f, const char *state)
{
	if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
		return 77;
	char *path = NULL, *note = NULL, *again = NULL;
	struct err err = {0};
	CHECK_INT(store_locate(&path, &note, f->book_path, NULL, &err), 0);
	CHECK(path && !strncmp(path, state, strlen(state)));
	CHECK(note && strstr(note, "cannot be written"));
	struct store_options options = {.path = path, .book_path = f->book_path, .create = true};
	struct store *s = NULL;
	CHECK_INT(store_open(&s, NULL, &options, &err), 0);
	store_close(s);
	CHECK_INT(store_locate(&again, NULL, f->book_path, NULL, &err), 0);
	CHECK_STR(again, path);
	return check_failures != 0;
}

static void test_locate_state(void)
{
	struct fixture f;
	fixture_init(&f);
	char state[] = "/tmp/bookfs-state-XXXXXX";
	CHECK(mkdtemp(state) != NULL);
	CHECK_INT(chmod(state, 0777), 0);
	CHECK_INT(chmod(f.dir, 0555), 0);
	setenv("XDG_STATE_HOME", state, 1);
	pid_t child = fork();
	if (child == 0)
		_exit(locate_as_nobody(&f, state));
	int status = -1;
	waitpid(child, &status, 0);
	CHECK(WIFEXITED(status));
	CHECK(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77);
	chmod(f.dir, 0755);
	fixture_finish(&f);
	snprintf(f.dir, sizeof(f.dir), "%s", state);
	fixture_finish(&f);
}

/* A book's name may fill all that a name may have: the store's is then a shorter one, cut at a
 * character, that leaves room for every file beside it, belongs to this name alone, and is found
 * again. */
static void check_long_name(const struct fixture *f, size_t len, char last)
{
	char name[NAME_MAX + 1];
	memset(name, 'x', sizeof(name));
	for (size_t i = 1 + len % 2; i + 2 < len; i += 2)
		memcpy(name + i, "\xc3\xa9", 2);
	name[len - 1] = last;
	name[len] = '\0';
	CLEANUP(cleanup_free) char *book = xasprintf("%s/%s", f->dir, name);
	CHECK_INT(rename(f->book_path, book), 0);
	CLEANUP(cleanup_free) char *path = NULL;
	struct err err = {0};
	CHECK_INT(store_locate(&path, NULL, book, NULL, &err), 0);
	const char *base = path ? strrchr(path, '/') + 1 : "";
	CHECK(strlen(base) + strlen("-v99.bak.part-journal") <= NAME_MAX);
	CHECK(utf8_valid(base, strlen(base)));
	struct store_options options = {.path = path, .book_path = book, .create = true};
	struct store *s = NULL;
	CHECK_INT(store_open(&s, NULL, &options, &err), 0);
	store_close(s);
	check_located(book, NULL, path);
	name[len - 1] = last + 1;
	CLEANUP(cleanup_free) char *other = xasprintf("%s/%s", f->dir, name);
	CLEANUP(cleanup_free) char *other_path = NULL;
	write_file(other, "another book\n", 13);
	CHECK_INT(store_locate(&other_path, NULL, other, NULL, &err), 0);
	CHECK(path && other_path && strcmp(path, other_path) != 0);
	unlink(other);
	CHECK_INT(rename(book, f->book_path), 0);
	if (path)
		unlink(path);
}

static void test_long_names(void)
{
	struct fixture f;
	fixture_init(&f);
	static const size_t lens[] = {100, 226, 227, 228, 233, 240, 250, 254, 255};
	for (size_t i = 0; i < ARRAY_LEN(lens); i++)
		check_long_name(&f, lens[i], 'a');
	/* A name that a person gave is not made another. */
	char name[NAME_MAX + 1] = "";
	memset(name, 'n', NAME_MAX);
	CLEANUP(cleanup_free) char *long_path = xasprintf("%s/%s", f.dir, name);
	char *path = NULL;
	struct err err = {0};
	CHECK_INT(store_locate(&path, NULL, f.book_path, long_path, &err), -ENAMETOOLONG);
	CHECK(strstr(err.msg, "shorter") != NULL);
	fixture_finish(&f);
}

static void test_file_systems(void)
{
	CHECK_STR(locate_unsafe_file_system(0x6969), "NFS");
	CHECK_STR(locate_unsafe_file_system((long)0xff534d42), "CIFS");
	CHECK_STR(locate_unsafe_file_system((long)(int)0xff534d42),
		  "CIFS"); /* as 32 bits sign it */
	CHECK_STR(locate_unsafe_file_system(0x01021997), "9p");
	CHECK(locate_unsafe_file_system(0xef53) == NULL);
	CHECK(locate_unsafe_file_system(0x01021994) == NULL); /* tmpfs */
}

int main(void)
{
	umask(022);
	log_open(LOG_TO_STDERR, LOG_LEVEL_ERROR);
	test_locate_moved();
	test_renamed();
	test_locate_state();
	test_long_names();
	test_file_systems();
	return check_result();
}
