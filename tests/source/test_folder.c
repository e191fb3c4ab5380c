/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"
#include "source.h"

/* A book that is a folder: which file is which chapter, and that nothing outside is read. */

static char dir[] = "/tmp/bookfs-folder-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	return remove(path);
}

static void begin(void)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
}

static void end(void)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static char *at(const char *path)
{
	return xasprintf("%s/%s", dir, path);
}

/* With the folders that it is in. */
static void put(const char *path, const char *text)
{
	CLEANUP(cleanup_free) char *full = at(path);

	for (char *s = full + strlen(dir) + 1; (s = strchr(s, '/')); *s++ = '/') {
		*s = '\0';
		mkdir(full, 0700);
	}
	FILE *f = fopen(full, "w");

	CHECK(f != NULL);
	fputs(text, f);
	fclose(f);
}

static struct book *read_it(void)
{
	const struct book_options options = {.limits = book_limits_default};
	struct book *b = NULL;
	struct err err = {0};

	CHECK_INT(book_read(&b, dir, &options, &err), 0);
	return b;
}

static void check_chapter(const struct book *b, size_t number, const char *title,
			  enum book_kind kind, const char *text)
{
	CHECK(number <= b->chapter_count);
	if (number > b->chapter_count)
		return;
	CHECK_STR(b->chapters[number - 1].title, title);
	CHECK_INT(b->chapters[number - 1].kind, kind);
	CHECK_STR(b->chapters[number - 1].text, text);
}

static void test_project(void)
{
	begin();
	put(".config/book.json", "{\"title\": \"The Lamp Book\", \"project\": {\"author\": \"Ina "
				 "Vale\"}, \"language\": \"en\"}");
	put(".config/broken.json", "{\"title\": ");
	put("README.md", "# Not a chapter\n");
	put("Drafts/old.md", "not of the book\n");
	put("Manuscript/_TOC_/TOC.md", "# Contents\n\n- Chapter 1: Oil and **Wick**\n"
				       "| 3 | The Wind |\n3. A second title\n");
	put("Manuscript/Chapters/Chapter_01/Chapter_01.md", "# Chapter 1\n\nLit at dusk.\n");
	put("Manuscript/Chapters/Chapter_01/Chapter_01_Part_2.md", "a section beside the whole\n");
	put("Manuscript/Chapters/Chapter_01/Chapter_01_chg.md", "change this\n");
	put("Manuscript/Chapters/Chapter_03/Chapter_03_B10.md", "Tenth.\n");
	put("Manuscript/Chapters/Chapter_03/Chapter_03_B2.md", "Second.\n");
	put("Manuscript/Chapters/Chapter_03/notes.txt", "no part of it\n");
	put("Manuscript/Chapters/Chapter_04.md", "# The Shore\n\nFlat.\n");
	put("Manuscript/Chapters/Chapter_1234.md", "too far\n");
	put("Manuscript/Chapters/Chapter_4.md", "another fourth\n");
	put("Manuscript/FrontMatter/preface.md", "A word before.\n");
	put("Manuscript/BackMatter/index_of_names.md", "Ina.\n");

	CLEANUP(book_free_cleanup) struct book *b = read_it();

	CHECK_STR(b->title, "The Lamp Book");
	CHECK_STR(b->language, "en");
	CHECK_INT(b->creators.len, 1);
	CHECK_INT(b->chapter_count, 7);
	check_chapter(b, 1, "Oil and Wick", BOOK_STORY, "# Chapter 1\n\nLit at dusk.\n");
	check_chapter(b, 2, "", BOOK_GAP, "");
	check_chapter(b, 3, "The Wind", BOOK_STORY, "Second.\n\nTenth.\n");
	check_chapter(b, 4, "The Shore", BOOK_STORY, "# The Shore\n\nFlat.\n");
	check_chapter(b, 5, "", BOOK_GAP, "");
	check_chapter(b, 6, "preface", BOOK_FRONT, "A word before.\n");
	check_chapter(b, 7, "index of names", BOOK_BACK, "Ina.\n");
	CHECK_INT(b->content_count, 5);
	CHECK_INT(b->contents[0].chapter, 6); /* is read first */
	CHECK_INT(b->contents[4].chapter, 7);
	CHECK_INT(b->warnings.len, 2);
	for (size_t i = 0; i < b->warnings.len; i++)
		CHECK(strstr(b->warnings.items[i],
			     "Chapter_1234.md is left out: the number of a chapter is 999 at "
			     "most") ||
		      strstr(b->warnings.items[i], "Chapter_04.md is chapter 4 already"));
	end();
}

static void test_any_folder(void)
{
	begin();
	put("10 Snow.txt", "Snow fell.\n");
	put("2 Rain.md", "---\ntitle: The Rain\n---\n\nRain fell.\n");
	put("deep/1.html", "<html><body><h1>Deep</h1><p>Down.</p></body></html>");
	put("notes~", "an editor's copy\n");
	put(".hidden.md", "hidden\n");
	put("LICENSE.txt", "free\n");
	put("picture.png", "no text\n");

	CLEANUP(book_free_cleanup) struct book *b = read_it();

	CHECK_INT(b->chapter_count, 3);
	check_chapter(b, 1, "The Rain", BOOK_STORY, "Rain fell.\n");
	check_chapter(b, 2, "10 Snow", BOOK_STORY, "Snow fell.\n");
	check_chapter(b, 3, "Deep", BOOK_STORY, "# Deep\n\nDown.\n");
	put("TOC.md", "1. [Deep down](deep/1.html#here)\n2. [Snow](./10%20Snow.txt) [gone](no.md)\n"
		      "3. [Rain](./2 Rain.md)\n");
	CLEANUP(book_free_cleanup) struct book *listed = read_it();

	CHECK_INT(listed->chapter_count, 3);
	check_chapter(listed, 1, "Deep down", BOOK_STORY, "# Deep\n\nDown.\n");
	check_chapter(listed, 2, "Rain", BOOK_STORY, "Rain fell.\n");
	check_chapter(listed, 3, "10 Snow", BOOK_STORY, "Snow fell.\n");
	end();
}

static void check_named(const struct book *b, int number, const char *name)
{
	char called[BOOK_CHAPTER_NAME_BYTES];
	int found = 0;

	book_chapter_name(called, b, number);
	CHECK_STR(called, name);
	CHECK_INT(book_chapter_named(&found, b, name), 0);
	CHECK_INT(found, number);
}

/* Chapters go by their numbers, front and back matter of a project by names. */
static void test_names(void)
{
	static const char *const none[] = {"",
					   "0",
					   "3",
					   "4",
					   "5",
					   "6",
					   "02",
					   "+2",
					   " 2",
					   "2 ",
					   "front",
					   "front-0",
					   "front-3",
					   "front-01",
					   "back-2",
					   "story-1",
					   "gap-1",
					   "back--1",
					   "99999999999999999999"};
	int number;

	begin();
	put("Manuscript/Chapters/Chapter_01.md", "One.\n");
	put("Manuscript/Chapters/Chapter_02.md", "Two.\n");
	put("Manuscript/Chapters/Chapter_04/notes.txt", "none\n");
	put("FrontMatter/a.md", "A.\n");
	put("FrontMatter/b.md", "B.\n");
	put("FrontMatter/README.md", "None.\n");
	put("BackMatter/z.md", "Z.\n");
	CLEANUP(book_free_cleanup) struct book *b = read_it();

	CHECK_INT(b->chapter_count, 6);
	CHECK_INT(book_last_number(b), 2);
	check_named(b, 1, "1");
	check_named(b, 2, "2");
	check_named(b, 4, "front-1");
	check_named(b, 5, "front-2");
	check_named(b, 6, "back-1");
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		CHECK_INT(book_chapter_named(&number, b, none[i]), -ENOENT);
	end();
	begin();
	put("1 One.md", "One.\n");
	put("2 Appendix.md", "# Appendix\n\nMore.\n");
	CLEANUP(book_free_cleanup) struct book *plain = read_it();

	CHECK_INT(plain->chapters[1].kind, BOOK_BACK);
	CHECK_INT(book_last_number(plain), 2);
	check_named(plain, 2, "2");
	end();
	begin();
	put("Manuscript/Chapters/Chapter_00.md", "none\n");
	put("BackMatter/z.md", "Z.\n");
	CLEANUP(book_free_cleanup) struct book *only = read_it();

	CHECK_INT(book_last_number(only), 0);
	check_named(only, 2, "back-1");
	end();
}

/* Links lead nowhere, in a name or in a folder. */
static void test_beneath(void)
{
	CLEANUP(cleanup_free) char *file = NULL, *folder = NULL;

	begin();
	put("1.md", "One.\n");
	file = at("2.md");
	folder = at("3");
	CHECK_INT(symlink("/etc/passwd", file), 0);
	CHECK_INT(symlink("/etc", folder), 0);

	CLEANUP(book_free_cleanup) struct book *b = read_it();

	CHECK_INT(b->chapter_count, 1);
	end();
}

static void test_no_book(void)
{
	const struct book_options options = {.limits = book_limits_default};
	struct book *b = NULL;
	struct err err = {0};

	begin();
	CHECK(!book_is_folder(dir));
	CHECK_INT(book_read(&b, dir, &options, &err), -EBADMSG);
	CHECK(strstr(err.msg, "a folder without a text") != NULL);
	put("1.md", "One.\n");
	CHECK(book_is_folder(dir));
	CHECK(!book_is_folder("/etc/passwd"));
	end();
}

/* Of any folder, more texts than a book has; of a project, only those of its book. */
static void test_too_many(void)
{
	const struct book_options options = {.limits = book_limits_default};
	struct book *b = NULL;
	struct err err = {0};
	char name[32];

	begin();
	for (int i = 0; i <= 10000; i++) {
		snprintf(name, sizeof(name), "Research/%d.md", i);
		put(name, "");
	}
	CHECK_INT(book_read(&b, dir, &options, &err), -EFBIG);
	CHECK(strstr(err.msg, "more than 10000 texts") != NULL);
	put("Manuscript/Chapters/notes.md", "Not yet.\n");
	CHECK_INT(book_read(&b, dir, &options, &err), -EBADMSG);
	CHECK(strstr(err.msg, "a project without a chapter") != NULL);
	put("Manuscript/Chapters/Chapter_01.md", "One.\n");
	b = read_it();
	CHECK_INT(b->chapter_count, 1);
	book_free(b);
	end();
}

static void hash_it(char out[HASH_HEX])
{
	CLEANUP(cleanup_close) int fd = open(dir, O_RDONLY | O_DIRECTORY);

	CHECK_INT(book_folder_hash(out, fd), 0);
}

static void test_hash(void)
{
	char first[HASH_HEX], again[HASH_HEX], other[HASH_HEX];

	begin();
	put("a/1.md", "One.\n");
	hash_it(first);
	put("a/picture.png", "no text\n");
	hash_it(again);
	CHECK_STR(again, first);
	put("README.md", "Of the folder.\n");
	put(".config/notes.txt", "None of it.\n");
	hash_it(again);
	CHECK_STR(again, first);
	put("a/1.md", "One and more.\n");
	hash_it(other);
	CHECK(strcmp(first, other) != 0);
	put(".config/book.json", "{}");
	hash_it(first);
	CHECK(strcmp(first, other) != 0);
	put("Manuscript/Chapters/Chapter_01.md", "A project now.\n");
	hash_it(first);
	put("a/1.md", "None of the book any more.\n");
	put("Manuscript/Chapters/Chapter_01_chg.md", "A note.\n");
	put("Manuscript/Chapters/README.md", "About the chapters.\n");
	hash_it(again);
	CHECK_STR(again, first);
	put("_TOC_/TOC.md", "1. The Lamp\n");
	hash_it(other);
	CHECK(strcmp(first, other) != 0);
	put("BackMatter/z.md", "Z.\n");
	hash_it(again);
	CHECK(strcmp(again, other) != 0);
	end();
}

int main(void)
{
	test_project();
	test_any_folder();
	test_names();
	test_beneath();
	test_no_book();
	test_too_many();
	test_hash();
	return check_result();
}
