/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "rig.h"

/* What persons bring and change: what is shown of it, what moves with it, and what a name means to
 * who would change it. */

struct deed {
	int chapter, scene;
	const struct analysis *analysis;
	const struct corrections *corrections;
	const char *text;
	const struct bytes *bytes;
	int (*fn)(struct store_tx *tx, const struct deed *d);
};

static int do_deed(struct store_tx *tx, void *arg, struct err *err)
{
	const struct deed *d = arg;
	return d->fn(tx, d);
}

static void done(struct bench *b, struct deed d)
{
	struct err err = {0};
	CHECK_INT(store_write_wait(b->store, do_deed, &d, &err), 0);
}

static int edit_scenes(struct store_tx *tx, const struct deed *d)
{
	return tx_edit_analysis(tx, d->chapter, 0, d->analysis);
}

static int remove_scenes(struct store_tx *tx, const struct deed *d)
{
	return tx_remove_analysis(tx, d->chapter);
}

static int remove_picture(struct store_tx *tx, const struct deed *d)
{
	return tx_remove_picture(tx, d->chapter, d->scene);
}

static int approve(struct store_tx *tx, const struct deed *d)
{
	const struct wish w = {.chapter = d->chapter, .profile = "painter"};
	int count;
	return tx_approve(&count, tx, &w, 0);
}

static int style(struct store_tx *tx, const struct deed *d)
{
	return tx_set_style(tx, d->text);
}

static int correct(struct store_tx *tx, const struct deed *d)
{
	return tx_correct(tx, "elements", d->corrections);
}

static int portrait(struct store_tx *tx, const struct deed *d)
{
	return tx_set_portrait(tx, ELEMENT_CHARACTER, d->text, d->bytes);
}

static int undo(struct store_tx *tx, const struct deed *d)
{
	int count;
	return tx_undo(&count, tx, 1);
}

/* ---- what moves */

static void test_versions(void)
{
	struct bench b;
	bench_open(&b, 5);
	analyse(&b, 2, 2, "a cold lamp");
	analyse(&b, 3, 1, "a warm lamp");
	uint64_t two = at(&b, "chapters/2/concepts.json").node;
	uint64_t three = at(&b, "chapters/3/concepts.json").node;
	uint64_t none = at(&b, "style.md").node, status = at(&b, "status.json").node;

	done(&b, (struct deed){.fn = style, .text = "Ink.\n"});
	CHECK_TEXT(&b, "style.md", "Ink.\n");
	CHECK(at(&b, "style.md").node != none);
	CHECK(at(&b, "status.json").node != status);
	/* An edit of the style leaves all analyses as they are. */
	CHECK_INT(at(&b, "chapters/2/concepts.json").node, two);

	CLEANUP(analysis_free_cleanup) struct analysis *a = make_analysis(1, "a red door");
	done(&b, (struct deed){.fn = edit_scenes, .chapter = 2, .analysis = a});
	CHECK(at(&b, "chapters/2/concepts.json").node != two);
	CHECK_INT(at(&b, "chapters/3/concepts.json").node, three);
	check_contains(&b, "chapters/2/concepts.json", "\"provider\":\t\"person\"");
	two = at(&b, "chapters/2/concepts.json").node;
	uint64_t ino = at(&b, "chapters/2/concepts.json").ino;

	done(&b, (struct deed){.fn = remove_scenes, .chapter = 2});
	CHECK_INT(at(&b, "chapters/2/concepts.json").class, VIEW_TRIGGER);
	CHECK_INT(at(&b, "chapters/2/concepts.json").ino, ino);
	done(&b, (struct deed){.fn = undo});
	CHECK_INT(at(&b, "chapters/2/concepts.json").class, VIEW_STABLE);
	check_contains(&b, "chapters/2/concepts.json", "a red door");
	CHECK_INT(at(&b, "chapters/3/concepts.json").node, three);
	CHECK_INT((int)walk_all(&b) > 50, true);
	bench_close(&b);
}

struct heard {
	bool concepts, picture, back, gone;
};

static void hear(void *arg, const struct view_change *c)
{
	struct heard *h = arg;
	if (!strcmp(c->name, "concepts.json") && c->announce)
		h->concepts = true;
	if (!strcmp(c->name, "chapter_2_scene_1.png"))
		*(c->node ? &h->back : &h->gone) = true;
}

static struct heard listen(struct bench *b)
{
	struct heard h = {0};
	CHECK_INT(views_changed(b->views, hear, &h), 0);
	return h;
}

static void test_telling(void)
{
	struct bench b;
	bench_open(&b, 5);
	analyse(&b, 2, 1, "a cold lamp");
	draw(&b, "PICTURE");
	at(&b, "images/chapter_2_scene_1.png");
	at(&b, "chapters/2/concepts.json");
	listen(&b);

	done(&b, (struct deed){.fn = remove_picture, .chapter = 2, .scene = 1});
	struct heard h = listen(&b);
	CHECK(h.gone && !h.back && !h.concepts);
	CHECK_NAMES(&b, "images", "");
	done(&b, (struct deed){.fn = undo});
	h = listen(&b);
	CHECK(h.back && !h.concepts);
	CHECK_NAMES(&b, "images", "chapter_2_scene_1.png");

	CLEANUP(analysis_free_cleanup) struct analysis *a = make_analysis(1, "a red door");
	done(&b, (struct deed){.fn = edit_scenes, .chapter = 2, .analysis = a});
	h = listen(&b);
	CHECK(h.concepts && !h.gone);
	/* The scene was kept, and is another than was drawn. */
	cJSON *status = json(&b, "chapters/2/status.json");
	const cJSON *image = cJSON_GetArrayItem(cJSON_GetObjectItem(status, "images"), 0);
	CHECK(cJSON_IsString(cJSON_GetObjectItem(image, "outdated")));
	CHECK(!cJSON_GetObjectItem(image, "waits"));
	cJSON_Delete(status);
	bench_close(&b);
}

/* ---- what is shown */

static void test_shown(void)
{
	struct bench b;
	bench_open(&b, 5);
	analyse_story(&b, 2);
	CLEANUP(cleanup_free) char *before = names(&b, "elements/characters");
	CHECK_STR(before, "Ada.md");

	static const char png[] = "bytes of a picture";
	const struct bytes bytes = {png, sizeof(png) - 1, "png"};
	done(&b, (struct deed){.fn = portrait, .text = "Ada", .bytes = &bytes});
	CHECK_NAMES(&b, "elements/characters", "Ada.md Ada.png");
	CHECK_INT(at(&b, "elements/characters/Ada.png").size_bytes, sizeof(png) - 1);
	CHECK(at(&b, "elements/characters/Ada.png").costly);
	struct view_attr attr;
	CHECK_INT(find(&attr, &b, "elements/characters/Ada.jpg"), -ENOENT);

	/* It goes with the element, whatever that is called. */
	struct corrections list = {0};
	struct correction *k = corrections_add(&list, CORRECTION_RENAME, ELEMENT_CHARACTER, "Ada");
	k->to = xstrdup("Adela");
	done(&b, (struct deed){.fn = correct, .corrections = &list});
	corrections_finish(&list);
	CHECK_NAMES(&b, "elements/characters", "Adela.md Adela.png");
	check_contains(&b, "elements/characters/Adela.md", "Ada");

	CHECK_INT(find(&attr, &b, "chapters/2/approved"), -ENOENT);
	done(&b, (struct deed){.fn = approve, .chapter = 2});
	CHECK_TEXT(&b, "chapters/2/approved", "");
	CHECK(at(&b, "chapters/2/approved").editable);

	CLEANUP(cleanup_free) char *history = text(&b, ".bookfs/history");
	const char *set = strstr(history, "elements/characters/Ada.png");
	CHECK(set && strstr(set, "chapters/2/approved"));
	check_contains(&b, ".bookfs/styles/ink.md", "ink");
	bench_close(&b);
}

/* ---- what a name means */

static struct view_subject subject(struct bench *b, const char *folder, const char *name)
{
	struct view_subject s = {0};
	CHECK_INT(view_subject(&s, b->views, at(b, folder).node, name), 0);
	return s;
}

static void test_subjects(void)
{
	struct bench b;
	bench_open(&b, 5);
	analyse_story(&b, 2);
	draw(&b, "PICTURE");

	struct view_subject s = subject(&b, "chapters/2", "concepts.json");
	CHECK(s.what == VIEW_EDIT_CONCEPTS && s.chapter == 2 && s.node);
	CHECK_STR(s.path, "chapters/2/concepts.json");
	s = subject(&b, "images", "chapter_2_scene_1.png");
	CHECK(s.what == VIEW_EDIT_PICTURE && s.chapter == 2 && s.scene == 1);
	CHECK(!at(&b, "images/chapter_2_scene_1.png").editable);
	s = subject(&b, "elements/characters", "Ada.md");
	CHECK(s.what == VIEW_EDIT_ELEMENT && s.node && s.type == ELEMENT_CHARACTER);
	CHECK_STR(s.stem, "Ada");
	s = subject(&b, "elements/creatures", "A B.md");
	CHECK(s.what == VIEW_EDIT_ELEMENT && !s.node && s.type == ELEMENT_CREATURE);
	CHECK_STR(s.path, "elements/creatures/A B.md");
	CHECK_INT(subject(&b, "elements/characters", "Ada.webp").what, VIEW_EDIT_PORTRAIT);
	CHECK_INT(subject(&b, "/", "style.md").what, VIEW_EDIT_STYLE);
	CHECK_INT(subject(&b, "chapters/2", "approved").what, VIEW_EDIT_APPROVED);

	static const char *const nothing[] = {".Ada.md.swp", "#Ada.md#", ".Ada.md", ".md",
					      "Ada.md~",     ".png",	 "4913",    "a\xff.md"};
	for (size_t i = 0; i < ARRAY_LEN(nothing); i++)
		CHECK_INT(subject(&b, "elements/characters", nothing[i]).what, VIEW_EDIT_NONE);
	CHECK_INT(subject(&b, "/", "book.json").what, VIEW_EDIT_NONE);
	CHECK_INT(subject(&b, "chapters/2", "text.md").what, VIEW_EDIT_NONE);

	/* Front matter has no scenes. */
	CHECK(at(&b, "chapters/2/concepts.json").editable);
	CHECK(!at(&b, "chapters/1/concepts.json").editable);
	CHECK_INT(at(&b, "chapters/2/concepts.json").mode & 0777, 0644);
	CHECK_INT(at(&b, "chapters/1/concepts.json").mode & 0777, 0444);
	CHECK(at(&b, "chapters/2").scratch && !at(&b, "chapters").scratch);

	/* Each of them under its lock. */
	static const char *const held[][2] = {{"chapters/2/concepts.json", "Chapter_02"},
					      {"chapters/2", "Chapter_02"},
					      {"style.md", "StyleSystem"},
					      {"images/chapter_2_scene_1.png", "ImageRegistry"},
					      {"elements/characters", "ImageRegistry"},
					      {"elements/characters/Ada.md", "ImageRegistry"}};
	for (size_t i = 0; i < ARRAY_LEN(held); i++) {
		char resource[LOCK_RESOURCE_BYTES] = "";
		CHECK(view_resource(resource, b.views, at(&b, held[i][0]).node));
		CHECK_STR(resource, held[i][1]);
	}
	bench_close(&b);
}

int main(void)
{
	test_versions();
	test_telling();
	test_shown();
	test_subjects();
	return check_result();
}
