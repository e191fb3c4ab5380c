/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "source.h"

/*
 * bind_book BOOK OUT [CHAPTER QUOTE]...: puts a plate behind each quote, else behind a paragraph in
 * the midst of each chapter, and reads the new book again: every word is as it was, and captions
 * stand behind their paragraphs.
 */

/* One grey point. */
static const unsigned char png[] = {0x89, 'P', 'N',  'G',  0x0d, 0x0a, 0x1a, 0x0a, 0,	 0, 0, 0x0d,
				    'I',  'H', 'D',  'R',  0,	 0,    0,    1,	   0,	 0, 0, 1,
				    8,	  0,   0,    0,	   0,	 0x3a, 0x7e, 0x9b, 0x55, 0, 0, 0,
				    0x0a, 'I', 'D',  'A',  'T',	 0x78, 0x9c, 0x63, 0x68, 0, 0, 0,
				    0x82, 0,   0x81, 0x77, 0xcd, 0x72, 0xb6, 0,	   0,	 0, 0, 'I',
				    'E',  'N', 'D',  0xae, 0x42, 0x60, 0x82};

enum { PLATES_MOST = 5000, QUOTE_LEAST = 80 };

static struct book_plate plates[PLATES_MOST];
static char *strings[3 * PLATES_MOST];
static size_t plate_count, string_count;

static int plate_bytes(struct buf *out, void *arg, size_t plate)
{
	(void)arg;
	(void)plate;
	return buf_add(out, png, sizeof(png));
}

static char *keep(char *s)
{
	return strings[string_count++] = s;
}

/* A paragraph of prose at or behind the middle; false: there is none. */
static bool find_paragraph(const char **s, size_t *len, const struct book_chapter *c)
{
	const char *at = c->text + c->text_bytes / 2;

	while ((at = strstr(at, "\n\n"))) {
		const char *end = strstr(at += 2, "\n\n");

		if (!end)
			return false;
		*s = at;
		*len = (size_t)(end - at);
		if (*len >= QUOTE_LEAST && !strchr("#>-*|`0123456789 \\", *at) &&
		    !memchr(at, '\n', *len))
			return true;
	}
	return false;
}

static void add_plate(int chapter, int scene, char *quote /* takes */)
{
	plates[plate_count++] = (struct book_plate){
		.chapter = chapter,
		.name = keep(xasprintf("chapter_%d_scene_%d.png", chapter, scene)),
		.quote = keep(quote),
		.alt = "a <point> & \"no more\"",
		.caption = keep(xasprintf("Plate%dOf%dHere", scene, chapter)),
		.size_bytes = sizeof(png),
	};
}

static void add_plates(const struct book *b)
{
	for (size_t i = 0; i < b->chapter_count && plate_count < PLATES_MOST; i++) {
		const char *s;
		size_t len;

		if (b->chapters[i].text && find_paragraph(&s, &len, &b->chapters[i]))
			add_plate((int)i + 1, 1, xstrndup(s, len));
	}
}

static struct book *read_book(const char *path)
{
	const struct book_options options = {.limits = book_limits_default};
	struct book *b = NULL;
	struct err err = {0};

	if (book_read(&b, path, &options, &err) < 0)
		fprintf(stderr, "%s\n", err.msg);
	return b;
}

static void add_letters(struct buf *out, const char *s)
{
	for (; *s; s++)
		if (!strchr(" \n\t\\*_#>`", *s))
			buf_addc(out, *s);
}

static void add_chapters(struct buf *out, const struct book *b, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (b->chapters[i].text)
			add_letters(out, b->chapters[i].text);
}

/* As they are read: front matter of a project has no number, and stands behind all chapters. */
static void letters(struct buf *out, const struct book *b)
{
	size_t last = (size_t)book_last_number(b), back = last;

	while (back < b->chapter_count && b->chapters[back].kind != BOOK_BACK)
		back++;
	add_chapters(out, b, last, back);
	add_chapters(out, b, 0, last);
	add_chapters(out, b, back, b->chapter_count);
}

static size_t remove_all(struct buf *text, const char *what)
{
	size_t len = strlen(what), count = 0;
	char *at;

	while ((at = text->len ? strstr(text->data, what) : NULL)) {
		memmove(at, at + len, text->len - (size_t)(at + len - text->data) + 1);
		text->len -= len;
		count++;
	}
	return count;
}

/* The caption is the very next thing that is said. */
static bool is_seated(const struct buf *text, const struct book_plate *p)
{
	struct buf both = {0};
	bool found;

	add_letters(&both, p->quote);
	add_letters(&both, p->caption);
	found = strstr(buf_str(text), buf_str(&both));
	buf_finish(&both);
	return found;
}

/* least: how many stand behind their quotes in text.md, too. */
static void compare(const char *path, const struct book *was, const struct book *is, size_t least)
{
	struct buf before = {.max_bytes = SIZE_MAX}, after = {.max_bytes = SIZE_MAX};
	size_t shown = 0, seated = 0;

	letters(&before, was);
	letters(&after, is);
	for (size_t i = 0; i < plate_count; i++)
		seated += is_seated(&after, &plates[i]);
	for (size_t i = 0; i < plate_count; i++)
		shown += remove_all(&after, plates[i].caption) == 1;
	remove_all(&after, "TheLamplighter:lightslamps.");
	remove_all(&after, "ThecastCharacters");
	printf("%s: %zu plates, %zu shown, %zu in their places, %zu bytes\n", path, plate_count,
	       shown, seated, before.len);
	CHECK_INT(shown, plate_count);
	CHECK(seated >= least);
	CHECK(before.len == after.len && !memcmp(buf_str(&before), buf_str(&after), before.len));
	buf_finish(&before);
	buf_finish(&after);
}

int main(int argc, char **argv)
{
	static const struct book_cast cast[] = {{"Characters", "The Lamplighter", "lights lamps."}};
	struct book_plates all = {plates, 0, cast, 1, plate_bytes, NULL};
	struct book *was, *is = NULL;
	struct err err = {0};
	int fd;

	if (argc < 3) {
		fputs("usage: bind_book BOOK OUT [CHAPTER QUOTE]...\n", stderr);
		return 2;
	}
	was = read_book(argv[1]);
	if (!was)
		return 1;
	for (int i = 3; i + 1 < argc; i += 2)
		add_plate(atoi(argv[i]), i / 2, xstrdup(argv[i + 1]));
	if (argc == 3)
		add_plates(was);
	all.count = plate_count;
	fd = open(argv[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (book_illustrate(fd, argv[2], argv[1], was, &all, &err) < 0)
		fprintf(stderr, "%s\n", err.msg);
	else
		is = read_book(argv[2]);
	close(fd);
	CHECK(is);
	if (is)
		/* Of a table a plate stands behind the whole. */
		compare(argv[1], was, is, argc == 3 ? plate_count * 4 / 5 : 0);
	book_free(was);
	book_free(is);
	for (size_t i = 0; i < string_count; i++)
		free(strings[i]);
	return check_result();
}
