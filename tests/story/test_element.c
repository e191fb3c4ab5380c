/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "story.h"

/* An element as a document, and what an edited one says. */

static struct element *add(struct analysis *a, enum element_type type, const char *name,
			   const char *description)
{
	struct element *e = analysis_add_element(a);
	e->type = type;
	analysis_set(&e->name, name);
	analysis_set(&e->description, description);
	return e;
}

static void quote(struct quote *q, const char *text, const char *page)
{
	analysis_set(&q->text, text);
	analysis_set(&q->page, page);
}

static const char *page(void *arg, const struct appearance *a)
{
	(void)arg;
	return a->quote->page ? a->quote->page : "";
}

/* Alice of two chapters that do not agree. */
struct book {
	struct analysis *one, *two;
	struct catalogue *catalogue;
	struct catalogue_entry *alice;
};

static void book_init(struct book *b)
{
	b->one = analysis_new();
	b->two = analysis_new();
	struct element *e = add(b->one, ELEMENT_CHARACTER, "Alice", "A girl\nof seven.");
	strv_add(&e->aliases, "Miss Alice");
	strv_add(&e->aliases, "Alice, the girl");
	quote(element_add_quote(e), "\"Oh!\" said\nAlice", "3");
	quote(element_add_quote(e), "She ran", NULL);
	e = add(b->two, ELEMENT_CHARACTER, "Alice", "fair hair");
	quote(element_add_quote(e), "Alice", "15-17");
	quote(element_add_look(b->one->elements), "tall.", "3");
	quote(element_add_look(b->one->elements), "in a blue frock", "3");
	quote(element_add_look(e), "red hands", "16");
	const struct analysis *const all[] = {b->one, b->two};
	b->catalogue = catalogue_new(all, (const int[]){1, 2}, 2);
	b->alice = &b->catalogue->entries[0];
}

static void book_finish(struct book *b)
{
	catalogue_free(b->catalogue);
	analysis_free(b->one);
	analysis_free(b->two);
}

static const char document[] =
	"# Alice\n\n**Type:** character\n\n**Aliases:** Miss Alice, Alice, the girl\n\n"
	"**Description:** tall.; in a blue frock (page 3); red hands (page 16); A girl of seven. "
	"(page 3) fair hair (page 15-17)\n\n**Appearances:**\n\n- Page 3: \"\"Oh!\" said Alice\"\n"
	"- Chapter 1: \"She ran\"\n- Page 15-17: \"Alice\"\n";

static void test_document(void)
{
	CLEANUP(buf_finish) struct buf out = {0}, none = {0};
	struct book b;
	book_init(&b);
	CHECK(element_document(&out, b.alice, page, NULL) == 0);
	CHECK_STR(buf_str(&out), document);
	buf_clear(&out);
	CHECK(element_section(&out, b.alice, page, NULL) == 0);
	CHECK_STR(buf_str(&out), strstr(document, "**Type"));
	analysis_set(&b.alice->said, "short (page 3)\nand round");
	CHECK(element_document(&none, b.alice, NULL, NULL) == 0);
	CHECK(strstr(buf_str(&none), "\n**Description:** short (page 3) and round\n\n"));
	CHECK(strstr(buf_str(&none), "\n- Chapter 2: \"Alice\"\n"));
	book_finish(&b);
}

static const char *const kinds[] = {"merge",   "rename",      "retype", "split",
				    "aliases", "description", "remove"};

/* "rename character Alice: Lissy; ..." */
static void print(struct buf *out, const struct corrections *list)
{
	for (size_t i = 0; i < list->len; i++) {
		const struct correction *c = &list->items[i];
		buf_addf(out, "%s%s %s %s", i ? "; " : "", kinds[c->kind],
			 element_type_name(c->type), c->name);
		if (c->to_type != c->type)
			buf_addf(out, " -> %s", element_type_name(c->to_type));
		if (c->to || c->text)
			buf_addf(out, ": %s", c->to ? c->to : c->text);
	}
	for (size_t i = 0; i < out->len; i++)
		if (out->data[i] == '\n')
			out->data[i] = '|';
}

/* What the document says of Alice; a fault is its line. */
static void check_read(int line, const struct catalogue_entry *e, const char *text, size_t len,
		       const char *want)
{
	struct corrections list = {0};
	CLEANUP(buf_finish) struct buf got = {0};
	struct err err = {0};
	int r = element_document_read(&list, e, ELEMENT_PLACE, "Hall", text, len, &err);
	if (r < 0)
		buf_addf(&got, "%s", err.msg);
	else
		print(&got, &list);
	CHECK(r == 0 || (r == -EINVAL && err.code == r && !list.len));
	if (strcmp(buf_str(&got), want) != 0) {
		fprintf(stderr, "line %d: \"%s\", not \"%s\"\n", line, buf_str(&got), want);
		check_failures++;
	}
	corrections_finish(&list);
}
#define CHECK_READ(e, text, want) check_read(__LINE__, e, text, sizeof(text) - 1, want)

static void test_unchanged(void)
{
	struct book b;
	book_init(&b);
	const struct catalogue_entry *alice = b.alice;
	check_read(__LINE__, alice, document, strlen(document), "");
	CHECK_READ(alice, "", "");
	CHECK_READ(alice, "# Alice", "");
	CHECK_READ(alice, "\xef\xbb\xbf# Alice  \r\n\r\n**Type:**  Character\t\r\n", "");
	CHECK_READ(alice, "**type**: character\n#\tAlice\n", "");
	CHECK_READ(alice, "**Aliases:**\n\n- Miss Alice\n* Alice, the girl\n", "");
	/* The pages are the reader's; how lines are broken is the editor's. */
	CHECK_READ(alice,
		   "**Description:** tall.; in a blue frock (page 4);\r\nred hands; A girl\n\nof "
		   "seven. fair hair (page 1)\n## Notes\n**Description** is what?\n",
		   "");
	CHECK_READ(alice, "Nothing of it.\n**Hair:** green\n- **Type:** item\n", "");
	book_finish(&b);
}

static void test_changed(void)
{
	struct book b;
	book_init(&b);
	const struct catalogue_entry *alice = b.alice;
	CHECK_READ(alice, "# Lissy", "rename character Alice: Lissy");
	CHECK_READ(alice, "**Type:** CREATURE", "retype character Alice -> creature");
	CHECK_READ(alice, "**Aliases:** Alice, the girl, Liddell",
		   "aliases character Alice: Alice, the girl|Liddell|");
	CHECK_READ(alice, "**Aliases:** Miss Alice\n- b, c\n+ d",
		   "aliases character Alice: Miss Alice|b|c|d|");
	CHECK_READ(alice, "**Aliases:**\n**Description:**",
		   "aliases character Alice: ; description character Alice: ");
	CHECK_READ(alice, "**Description:** (page 1) A girl (page 3),\n\n #7 (page x) (page 12)\n",
		   "description character Alice: (page 1) A girl, #7");
	CHECK_READ(alice, "**Description:** a (page 1 (page 2); 3) b (pages 4)\n# Alice\nlost",
		   "description character Alice: a b (pages 4)");
	CHECK_READ(alice,
		   "**Description:** small\n**Aliases:** Liddell\n# Lissy\n**Type:** object\n",
		   "rename character Alice: Lissy; retype character Lissy -> item; aliases item "
		   "Lissy: Liddell|Alice; description item Lissy: small");
	book_finish(&b);
}

static void test_new(void)
{
	CHECK_READ(NULL, "", "description place Hall: ");
	CHECK_READ(NULL, "# Hall\n\n**Description:** long\n**Aliases:** the room\n",
		   "description place Hall: long; aliases place Hall: the room|");
	/* A copy of Alice.md is not Alice; a name that no file can have is one. */
	CHECK_READ(NULL, "# Alice\n**Type:** place\n", "description place Hall: ");
	struct corrections list = {0};
	CHECK(element_document_read(&list, NULL, ELEMENT_ITEM, "A-B", "# A/B\n", 6, NULL) == 0);
	CHECK_STR(list.len ? list.items[0].name : "", "A/B");
	corrections_finish(&list);
}

static void test_faults(void)
{
	CLEANUP(buf_finish) struct buf big = {0};
	struct book b;
	book_init(&b);
	const struct catalogue_entry *alice = b.alice;
	CHECK_READ(alice, "\n#  \n", "line 2: name: it is empty");
	CHECK_READ(alice, "# Lissy\n**Type:** ghost\n",
		   "line 2: Type: not one of character, creature, place, item");
	CHECK_READ(alice, "**Type:**\n",
		   "line 1: Type: not one of character, creature, place, item");
	CHECK_READ(NULL, "**Type:** item\n", "line 1: Type: item, in the folder places");
	CHECK_READ(alice, "**Type:** item\n\n**Type:** item\n",
		   "line 3: another Type, the first is in line 1");
	CHECK_READ(alice, "# a\n# b\n", "line 2: another name, the first is in line 1");
	CHECK_READ(alice, "# a\n\xff\n", "not UTF-8");
	CHECK_READ(alice, "# a\n\0\n", "the character NUL in it");
	buf_adds(&big, "# Alice\n**Description:** ");
	for (int i = 0; i < 8193; i++)
		buf_addc(&big, 'x');
	check_read(__LINE__, alice, big.data, big.len,
		   "line 2: Description: longer than 8192 bytes");
	buf_clear(&big);
	buf_adds(&big, "# ");
	for (int i = 0; i < 300; i++)
		buf_addc(&big, 'x');
	check_read(__LINE__, alice, big.data, big.len, "line 1: name: longer than 200 bytes");
	memcpy(big.data, "**Aliases:**", 12);
	check_read(__LINE__, alice, big.data, big.len,
		   "line 1: Aliases: one is longer than 200 bytes");
	buf_clear(&big);
	buf_adds(&big, "**Aliases:** ");
	for (int i = 0; i < 65; i++)
		buf_addf(&big, "a%d,", i);
	check_read(__LINE__, alice, big.data, big.len, "line 1: Aliases: more than 64");
	while (big.len <= 1 << 20)
		buf_adds(&big, "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n");
	check_read(__LINE__, alice, big.data, big.len, "a document of more than 1048576 bytes");
	book_finish(&b);
}

/* ---- whatever an entry holds, its document says nothing new */

static unsigned seed = 7;

static unsigned any(unsigned below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % below;
}

static void put_any(char **out)
{
	static const char *const parts[] = {"a",
					    "Alice",
					    " ",
					    "\n",
					    "\r\n",
					    "\t",
					    "# ",
					    "**Type:** item",
					    "**",
					    ":",
					    "(page 3)",
					    " (page ",
					    ")",
					    "(",
					    ", ",
					    "; ",
					    ".",
					    "- ",
					    "\x01\x7f",
					    "?",
					    "\xc3\xa4",
					    "page ",
					    "**Aliases:**",
					    "\\",
					    "\""};
	CLEANUP(buf_finish) struct buf b = {0};
	for (unsigned n = any(9); n--;)
		buf_adds(&b, parts[any(ARRAY_LEN(parts))]);
	analysis_set(out, buf_str(&b));
}

static void put_any_quote(struct quote *q)
{
	put_any(&q->text);
	if (any(2))
		put_any(&q->page);
}

static struct analysis *any_chapter(void)
{
	struct analysis *a = analysis_new();
	for (unsigned n = 1 + any(4); n--;) {
		struct element *e = analysis_add_element(a);
		e->type = (enum element_type)any(4);
		put_any(&e->name);
		put_any(&e->description);
		for (unsigned k = any(3); k--;) {
			CLEANUP(cleanup_free) char *alias = NULL;
			put_any(&alias);
			strv_add(&e->aliases, alias);
		}
		for (unsigned k = any(3); k--;)
			put_any_quote(element_add_quote(e));
		for (unsigned k = any(3); k--;)
			put_any_quote(element_add_look(e));
	}
	return a;
}

static void check_again(const struct catalogue_entry *e)
{
	struct corrections list = {0};
	CLEANUP(buf_finish) struct buf out = {0}, said = {0};
	struct err err = {0};
	CHECK(element_document(&out, e, page, NULL) == 0);
	CHECK(element_document_read(&list, e, e->type, e->file, buf_str(&out), out.len, &err) == 0);
	print(&said, &list);
	if (list.len || err.code) {
		fprintf(stderr, "%s%s, of:\n%s\n", buf_str(&said), err.msg, buf_str(&out));
		check_failures++;
	}
	corrections_finish(&list);
}

static void test_any(void)
{
	for (int round = 0; round < 3000; round++) {
		CLEANUP(analysis_free_cleanup) struct analysis *a = any_chapter();
		CLEANUP(analysis_free_cleanup) struct analysis *b = any_chapter();
		const struct analysis *const all[] = {a, b};
		CLEANUP(catalogue_free_cleanup)
		struct catalogue *c = catalogue_new(all, (const int[]){1, 2}, 2);
		for (size_t i = 0; i < c->len && check_failures < 5; i++) {
			check_again(&c->entries[i]);
			put_any(&c->entries[i].said);
			check_again(&c->entries[i]);
		}
	}
}

/* The look that all its pictures have is shown, and not changed here. */
static void test_look(void)
{
	CLEANUP(buf_finish) struct buf out = {0};
	struct book b;
	book_init(&b);
	analysis_set(&b.alice->look, "Alice (character): tall");
	analysis_set(&b.alice->look_source, "The first book");
	CHECK(element_document(&out, b.alice, page, NULL) == 0);
	CHECK(strstr(buf_str(&out), "(page 15-17)\n\n**Look:** Alice (character): tall\n\n"
				    "**Look from:** The first book\n\n**Appearances:**"));
	check_read(__LINE__, b.alice, buf_str(&out), out.len, "");
	char *line = strstr(buf_str(&out), "**Look:**");
	memcpy(strstr(line, "tall"), "tiny", 4);
	check_read(
		__LINE__, b.alice, buf_str(&out), out.len,
		"line 9: Look: it is the same in all pictures and is not written here: change the "
		"Description, and later pictures have a look of that");
	analysis_set(&b.alice->look, NULL); /* gone with a description; an editor saves once more */
	check_read(__LINE__, b.alice, buf_str(&out), out.len, "");
	book_finish(&b);
}

int main(void)
{
	test_look();
	test_document();
	test_unchanged();
	test_changed();
	test_new();
	test_faults();
	test_any();
	return check_result();
}
