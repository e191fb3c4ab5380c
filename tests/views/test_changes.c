/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "rig.h"

/* What is told of a change, and an import while views stand. */

struct heard {
	struct view_change changes[64];
	int count;
};

static void hear(void *arg, const struct view_change *c)
{
	struct heard *h = arg;
	if (h->count < 64)
		h->changes[h->count++] = *c;
}

static struct heard listen(struct bench *b)
{
	struct heard h = {0};
	CHECK_INT(views_changed(b->views, hear, &h), 0);
	return h;
}

static const struct view_change *said(const struct heard *h, uint64_t folder, const char *name)
{
	for (int i = 0; i < h->count; i++)
		if (h->changes[i].folder == folder && strcmp(h->changes[i].name, name) == 0)
			return &h->changes[i];
	return NULL;
}

static void test_changes(void)
{
	struct bench b;
	struct store_job job = {0};
	bench_open(&b, 5);
	CHECK_INT(listen(&b).count, 0); /* what was there before is no change */
	uint64_t chapter = at(&b, "chapters/2").node, images = at(&b, "images").node;
	uint64_t trigger = at(&b, "chapters/2/concepts.json").node;
	analyse(&b, 2, 2, "a cold lamp");
	at(&b, "chapters/2/concepts.json"); /* somebody looks before views_changed */
	struct heard h = listen(&b);
	const struct view_change *c = said(&h, chapter, "concepts.json");
	CHECK(c && c->announce && c->chapter == 2);
	CHECK(c && c->old_node == trigger);
	CHECK(c && c->node == at(&b, "chapters/2/concepts.json").node);
	c = said(&h, chapter, "elements.json");
	CHECK(c && c->announce && c->chapter == 2);
	CHECK_INT(listen(&b).count, 0);

	draw(&b, "PICTURE");
	struct view_attr picture = at(&b, "images/chapter_2_scene_1.png");
	h = listen(&b);
	c = said(&h, images, "chapter_2_scene_1.png");
	CHECK(c && c->announce && c->old_node == 0 && c->node == picture.node);
	c = said(&h, at(&b, "chapters/2/images").node, "chapter_2_scene_1.png");
	CHECK(c && !c->announce &&
	      c->node == at(&b, "chapters/2/images/chapter_2_scene_1.png").node);

	wish(b.store, 3, true, false);
	CHECK_INT(claim(&job, b.store, JOB_ANALYZE), 1);
	CHECK_INT(listen(&b).count, 0); /* nothing the kernel keeps */
	fail_job(b.store, job.id, 0);
	store_job_finish(&job);
	h = listen(&b);
	CHECK(h.count == 1 && h.changes[0].chapter == 3 && !h.changes[0].announce);

	/* Another analysis: its concepts have no pictures yet, the old names lead nowhere. */
	analyse(&b, 2, 1, "a warm lamp");
	h = listen(&b);
	c = said(&h, images, "chapter_2_scene_1.png");
	CHECK(c && c->node == 0 && c->old_node == picture.node && !c->announce);
	c = said(&h, chapter, "concepts.json");
	CHECK(c && c->announce && c->old_node != trigger && c->node != c->old_node);
	struct view_attr attr;
	CHECK_INT(find(&attr, &b, "images/chapter_2_scene_1.png"), -ENOENT);

	/* New elements are told to those who have looked for elements. */
	CHECK_NAMES(&b, "elements/characters", "");
	analyse_story(&b, 4);
	h = listen(&b);
	c = said(&h, at(&b, "elements/characters").node, "Ada.md");
	CHECK(c && c->node == at(&b, "elements/characters/Ada.md").node);
	views_idle(b.views); /* forgotten, looked for again: she is not new */
	CHECK_NAMES(&b, "elements/characters", "Ada.md");
	analyse_story(&b, 3);
	h = listen(&b);
	CHECK(!said(&h, at(&b, "elements/characters").node, "Ada.md"));
	analyse(&b, 3, 1, "nobody");
	analyse(&b, 4, 1, "nobody");
	CHECK_NAMES(&b, "elements/characters", "");
	CHECK_INT(find(&attr, &b, "elements/characters/Ada.md"), -ENOENT);
	bench_close(&b);
}

static void test_import_again(void)
{
	struct bench b;
	bench_open(&b, 5);
	analyse(&b, 2, 1, "a cold lamp");
	analyse(&b, 3, 1, "a warm lamp");
	listen(&b);
	struct view_attr text2 = at(&b, "chapters/2/text.md");
	struct book *book = make_book(6, 3);
	CHECK_INT(import_book(b.store, book), 0);
	free_book(book);
	CHECK_NAMES(&b, "chapters", "1 2 3 4 5 6");
	CHECK_INT(at(&b, "chapters/2/concepts.json").class, VIEW_STABLE);
	CHECK_INT(at(&b, "chapters/3/concepts.json").class, VIEW_TRIGGER); /* another text */
	CHECK(at(&b, "chapters/2/text.md").node == text2.node); /* who reads it goes on */
	check_contains(&b, "chapters/3/text.md", "as it is told now");
	struct heard h = listen(&b);
	const struct view_change *c = said(&h, at(&b, "chapters/3").node, "concepts.json");
	CHECK(c && c->chapter == 3 && !c->announce);
	c = said(&h, at(&b, "chapters/3").node, "text.md");
	CHECK(c && c->node == at(&b, "chapters/3/text.md").node);
	CHECK(!said(&h, at(&b, "chapters/2").node, "concepts.json"));
	CHECK(!said(&h, at(&b, "chapters/2").node, "text.md"));
	c = said(&h, at(&b, "chapters").node, "6");
	CHECK(c && !c->old_node && c->node == at(&b, "chapters/6").node);
	CHECK(!said(&h, at(&b, "chapters").node, "5"));
	book = make_book(4, 3);
	CHECK_INT(import_book(b.store, book), 0);
	free_book(book);
	h = listen(&b);
	c = said(&h, at(&b, "chapters").node, "5");
	CHECK(c && c->old_node && !c->node);
	CHECK(said(&h, at(&b, "chapters").node, "6"));
	CHECK_INT(h.count, 8); /* two in by-title/, and the files of 4, which ends the book now */
	walk_all(&b);
	bench_close(&b);
}

int main(void)
{
	log_open(LOG_TO_STDERR, getenv("VERBOSE") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	test_changes();
	test_import_again();
	return check_result();
}
