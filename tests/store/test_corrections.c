/* SPDX-License-Identifier: MIT */
#include <sys/stat.h>

#include "check.h"
#include "person.h"

/* What persons say of the cast and of how all is drawn. */

static void check_outdated(struct store *s, int chapter, int scene, const char *want)
{
	struct store_picture p = {0};
	CHECK_INT(store_picture(&p, store_reader(s), chapter, scene), 0);
	CHECK_STR(p.outdated ? p.outdated : "", want);
}

/* ---- corrections, looks, style, portraits */

static int64_t fix(struct store *s, const char *name, const char *line)
{
	struct look look = {.type = ELEMENT_CHARACTER, .name = name, .line = line};
	CHECK_INT(DO(s, do_fix, .looks = &look, .count = 1), 0);
	return look.id;
}

static void describe(struct store *s, const char *name, const char *text)
{
	CLEANUP(corrections_finish) struct corrections list = {0};
	struct correction *c =
		corrections_add(&list, CORRECTION_DESCRIPTION, ELEMENT_CHARACTER, name);
	c->text = xstrdup(text);
	CHECK_INT(DO(s, do_correct, .text = "elements/characters/Alice.md", .list = &list), 0);
}

static void check_alice(struct store *s, struct store_cast *cast, const char *said,
			const char *look, const char *drawn_in)
{
	const struct catalogue *c = NULL;
	CHECK_INT(store_cast_catalogue(&c, cast, store_reader(s)), 0);
	size_t i = c ? catalogue_find(c, ELEMENT_CHARACTER, "Alice") : NO_ENTRY;
	CHECK(i != NO_ENTRY);
	if (i == NO_ENTRY)
		return;
	CHECK_STR(c->entries[i].said ? c->entries[i].said : "", said);
	CHECK_STR(c->entries[i].look ? c->entries[i].look : "", look);
	CHECK_STR(c->entries[i].drawn_in, drawn_in);
}

/* From which book of a series a line is; an own one is from none. */
static void test_sources(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = open_book(f);
	CLEANUP(store_cast_free_cleanup) struct store_cast *cast = store_cast_new();
	const struct catalogue *c = NULL;
	struct look look = {.type = ELEMENT_CHARACTER,
			    .name = "Alice",
			    .line = "Alice: fair hair",
			    .source = "The First"};
	analyse(s, 2, 2, "first");
	CHECK_INT(DO(s, do_fix, .looks = &look, .count = 1), 0);
	CHECK_INT(store_cast_catalogue(&c, cast, store_reader(s)), 0);
	size_t i = catalogue_find(c, ELEMENT_CHARACTER, "Alice");
	CHECK_STR(i == NO_ENTRY ? NULL : c->entries[i].look_source, "The First");
	describe(s, "Alice", "A girl in red.");
	fix(s, "Alice", "Alice: a girl in red");
	CHECK_INT(store_cast_catalogue(&c, cast, store_reader(s)), 0);
	CHECK(c->entries[catalogue_find(c, ELEMENT_CHARACTER, "Alice")].look_source == NULL);
}

static void test_looks(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = open_book(f);
	CLEANUP(store_cast_free_cleanup) struct store_cast *cast = store_cast_new();
	struct result_info info = builtin_info;
	analyse(s, 2, 2, "first");
	analyse(s, 3, 1, "third");
	check_alice(s, cast, "", "", "");
	int64_t look = fix(s, "Alice", "Alice: fair hair");
	CHECK(look > 0);
	CHECK_INT(fix(s, "Alice", "Alice: dark hair"), look); /* the first holds */
	CHECK(fix(s, "Hatter", "a tall hat") != look);
	struct store *other = NULL; /* another mount of the book, which asks to draw her too */
	CHECK_INT(fixture_open(&other, f, NULL, NULL), 0);
	CHECK_INT(fix(other, "Alice", "Alice: dark hair"), look);
	store_close(other);
	check_alice(s, cast, "", "Alice: fair hair", "");
	info.looks = &look;
	info.look_count = 1;
	CHECK_INT(wish_pictures(s, 2, false), 2);
	draw(s, "PNG without");
	draw_by(s, "PNG with", &info);
	check_alice(s, cast, "", "Alice: fair hair", "ch2_scene2");
	check_outdated(s, 2, 2, "");

	describe(s, "Alice", "red hair, freckles");
	check_alice(s, cast, "red hair, freckles", "", "");
	check_outdated(s, 2, 1, "");
	check_outdated(s, 2, 2, "the look of Alice was corrected");
	int64_t red = fix(s, "Alice", "Alice: red hair");
	CHECK(red > look);
	info.looks = &red;
	CHECK_INT(DO(s, do_regenerate, .chapter = 2, .scene = 1), 0);
	draw_by(s, "PNG red", &info);
	check_alice(s, cast, "red hair, freckles", "Alice: red hair", "ch2_scene1");
	CHECK_INT(check_store(s), 0);

	CHECK_INT(DO(s, do_undo, .most = 1), 1);
	check_alice(s, cast, "", "Alice: fair hair", "ch2_scene2");
	check_outdated(s, 2, 1, "the look of Alice was corrected");
	check_outdated(s, 2, 2, "");
	CHECK_INT(check_store(s), 0);
}

static void check_len(struct store *s, struct store_cast *cast, size_t want)
{
	const struct catalogue *c = NULL;
	CHECK_INT(store_cast_catalogue(&c, cast, store_reader(s)), 0);
	CHECK_INT(c ? c->len : 99, want);
}

static void test_corrections(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = open_book(f);
	CLEANUP(store_cast_free_cleanup) struct store_cast *cast = store_cast_new();
	CLEANUP(corrections_finish) struct corrections list = {0}, read = {0}, none = {0};
	analyse(s, 2, 1, "first");
	int64_t look = fix(s, "Alice", "Alice: fair hair");
	CHECK_INT(DO(s, do_correct, .text = "elements/characters/Alice.md", .list = &none), 0);
	struct correction *c =
		corrections_add(&list, CORRECTION_RENAME, ELEMENT_CHARACTER, "Alice");
	c->to = xstrdup("Alice Liddell");
	c = corrections_add(&list, CORRECTION_RETYPE, ELEMENT_CHARACTER, "Alice Liddell");
	c->to_type = ELEMENT_CREATURE;
	CHECK_INT(DO(s, do_correct, .text = "elements/characters/Alice.md", .list = &list), 0);
	CHECK_INT(store_corrections(&read, store_reader(s)), 0);
	CHECK_INT(read.len, 2);
	CHECK_STR(read.items[0].to, "Alice Liddell");
	CHECK_INT(read.items[1].to_type, ELEMENT_CREATURE);

	/* Called otherwise and of another type, she looks as she did. */
	const struct catalogue *now = NULL;
	CHECK_INT(store_cast_catalogue(&now, cast, store_reader(s)), 0);
	CHECK_INT(now->len, 1);
	CHECK_STR(now->entries[0].name, "Alice Liddell");
	CHECK_INT(now->entries[0].type, ELEMENT_CREATURE);
	CHECK_INT(now->entries[0].look_id, look);

	/* The look goes with a new description, though it was fixed under her old name. */
	CLEANUP(corrections_finish) struct corrections said = {0};
	c = corrections_add(&said, CORRECTION_DESCRIPTION, ELEMENT_CREATURE, "Alice Liddell");
	c->text = xstrdup("red hair");
	CHECK_INT(DO(s, do_correct, .text = "elements/creatures/Alice Liddell.md", .list = &said),
		  0);
	CHECK_INT(store_cast_catalogue(&now, cast, store_reader(s)), 0);
	CHECK(now->entries[0].look == NULL);
	CHECK_STR(now->entries[0].said, "red hair");

	CLEANUP(corrections_finish) struct corrections gone = {0};
	corrections_add(&gone, CORRECTION_REMOVE, ELEMENT_CREATURE, "Alice Liddell");
	CHECK_INT(DO(s, do_correct, .text = "elements/creatures/Alice Liddell.md", .list = &gone),
		  0);
	check_len(s, cast, 0);
	CHECK_INT(check_store(s), 0);
	CHECK_INT(DO(s, do_undo, .most = 1), 1);
	check_len(s, cast, 1);
	CHECK_INT(DO(s, do_undo, .most = 0), 2);
	check_alice(s, cast, "", "Alice: fair hair", "");
	CHECK_INT(check_store(s), 0);
}

/* A later analysis may find that she is a doll; she looks as she did. */
static void test_other_type(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = open_book(f);
	CLEANUP(store_cast_free_cleanup) struct store_cast *cast = store_cast_new();
	const struct catalogue *c = NULL;
	analyse(s, 2, 1, "first");
	int64_t look = fix(s, "Alice", "Alice: fair hair");
	CLEANUP(analysis_free_cleanup) struct analysis *other = copy_of(s, 2);
	other->elements[0].type = ELEMENT_ITEM;
	CHECK_INT(DO(s, do_edit, .chapter = 2, .analysis = other), 0);
	CHECK_INT(store_cast_catalogue(&c, cast, store_reader(s)), 0);
	CHECK_INT(c->len, 1);
	CHECK_INT(c->entries[0].type, ELEMENT_ITEM);
	CHECK_INT(c->entries[0].look_id, look);
}

/* Of two that are merged the one that stays keeps its look. */
static void test_merged(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = open_book(f);
	CLEANUP(store_cast_free_cleanup) struct store_cast *cast = store_cast_new();
	CLEANUP(analysis_free_cleanup) struct analysis *two = make_analysis(1, "two");
	CLEANUP(corrections_finish) struct corrections list = {0};
	analysis_set(&analysis_add_element(two)->name, "Alice");
	analysis_set(&analysis_add_element(two)->name, "Mabel");
	CHECK_INT(DO(s, do_edit, .chapter = 2, .analysis = two), 0); /* where nothing stood */
	fix(s, "Mabel", "Mabel: short");
	fix(s, "Alice", "Alice: fair hair");
	struct correction *c = corrections_add(&list, CORRECTION_MERGE, ELEMENT_CHARACTER, "Mabel");
	c->to = xstrdup("Alice");
	CHECK_INT(DO(s, do_correct, .text = "elements/characters/Mabel.md", .list = &list), 0);
	check_len(s, cast, 1);
	check_alice(s, cast, "", "Alice: fair hair", "");
	/* Said again, it takes nothing away. */
	CHECK_INT(DO(s, do_correct, .text = "elements/characters/Mabel.md", .list = &list), 0);
	check_alice(s, cast, "", "Alice: fair hair", "");
	CHECK_INT(DO(s, do_undo, .most = 0), 3);
	check_len(s, cast, 0);
	CHECK_INT(check_store(s), 0);
}

static void check_style(struct store *s, const char *want)
{
	CLEANUP(buf_finish) struct buf body = {0};
	int64_t id = -1;
	CHECK_INT(store_style(&body, &id, store_reader(s)), 0);
	CHECK_STR(buf_str(&body), want);
	CHECK((id > 0) == (*want != '\0'));
}

static void test_style(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = open_book(f);
	struct result_info info = builtin_info;
	int64_t id = 0;
	CLEANUP(buf_finish) struct buf body = {0};
	analyse(s, 2, 2, "first");
	check_style(s, "");
	CHECK_INT(DO(s, do_style, .text = ""), 0);
	CHECK_INT(DO(s, do_undo, .most = 0), 0); /* none in place of none */
	CHECK_INT(DO(s, do_style, .text = "# Ink\n\nblack lines\n"), 0);
	check_style(s, "# Ink\n\nblack lines\n");
	CHECK_INT(store_style(&body, &id, store_reader(s)), 0);
	CHECK_INT(wish_pictures(s, 2, false), 2);
	draw(s, "PNG without");
	info.style = id;
	draw_by(s, "PNG ink", &info);
	check_outdated(s, 2, 1, "the style was changed");
	check_outdated(s, 2, 2, "");
	CHECK_INT(DO(s, do_style, .text = "oil"), 0);
	check_outdated(s, 2, 2, "the style was changed");
	CHECK_INT(DO(s, do_style, .text = "# Ink\n\nblack lines\n"), 0);
	check_outdated(s, 2, 2, ""); /* as it was */
	CHECK_INT(DO(s, do_style, .text = NULL), 0);
	check_style(s, "");
	check_outdated(s, 2, 1, "");
	check_outdated(s, 2, 2, "the style was changed");
	CHECK_INT(check_store(s), 0);
	CHECK_INT(DO(s, do_undo, .most = 2), 2);
	check_style(s, "oil");
	CHECK_INT(DO(s, do_undo, .most = 0), 2);
	check_style(s, "");
	CHECK_INT(check_store(s), 0);
}

static int never_portrait(void *arg, const struct store_portrait *p)
{
	return 1;
}

static int keep_portrait(void *arg, const struct store_portrait *p)
{
	*(int64_t *)arg = p->id;
	CHECK_STR(p->name, "Alice");
	return 0;
}

static int64_t portrait_of(struct store *s, const char *want)
{
	CLEANUP(buf_finish) struct buf bytes = {0};
	int64_t id = 0;
	CHECK_INT(store_portraits(store_reader(s), keep_portrait, &id), 0);
	if (id)
		CHECK_INT(store_portrait_bytes(&bytes, store_reader(s), id), 0);
	CHECK_STR(buf_str(&bytes), want);
	return id;
}

static void test_portraits(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = open_book(f);
	struct bytes first = {"PNG one", 7, "png"}, second = {"JPG two", 7, "jpg"},
		     odd = {"?", 1, "exe"};
	CHECK_INT(DO(s, do_portrait, .text = "Alice", .bytes = &odd), -EINVAL);
	CHECK_INT(DO(s, do_portrait, .text = "Alice", .bytes = &first), 0);
	CHECK_INT(DO(s, do_portrait, .text = "Alice", .bytes = &first), 0);
	int64_t old = portrait_of(s, "PNG one");
	CHECK_INT(DO(s, do_portrait, .text = "Alice", .bytes = &second), 0);
	int64_t id = portrait_of(s, "JPG two");
	CHECK_INT(DO(s, do_remove_portrait, .id = old), -ENOENT); /* not the one that is seen */
	CHECK_INT(DO(s, do_remove_portrait, .id = id), 0);
	CHECK_INT(DO(s, do_remove_portrait, .id = id), -ENOENT);
	CHECK_INT(store_portraits(store_reader(s), never_portrait, NULL), 0);
	CLEANUP(buf_finish) struct buf bytes = {0};
	CHECK_INT(store_portrait_bytes(&bytes, store_reader(s), id), -ENOENT);
	CHECK_INT(check_store(s), 0);
	CHECK_INT(DO(s, do_undo, .most = 1), 1);
	portrait_of(s, "JPG two");
	CHECK_INT(DO(s, do_undo, .most = 1), 1);
	portrait_of(s, "PNG one");
	CHECK_INT(DO(s, do_undo, .most = 0), 1);
	CHECK_INT(store_portraits(store_reader(s), never_portrait, NULL), 0);
	CHECK_INT(check_store(s), 0);
}

int main(void)
{
	static void (*const tests[])(struct fixture * f) = {
		test_looks,  test_sources, test_corrections, test_other_type,
		test_merged, test_style,   test_portraits,
	};
	struct stat st;
	if (stat("/dev/shm", &st) == 0) /* hundreds of syncs cost nothing there */
		setenv("TMPDIR", "/dev/shm", 1);
	log_open(LOG_TO_STDERR, LOG_LEVEL_ERROR);
	for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
		struct fixture f;
		fixture_init(&f);
		tests[i](&f);
		fixture_finish(&f);
	}
	return check_result();
}
