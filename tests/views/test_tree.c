/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "rig.h"

/* The folders and their names, all of them at once, and what a look at them costs. */

static void test_tree(void)
{
	struct bench b;
	bench_open(&b, 5);
	CHECK_NAMES(&b, "/",
		    "book.json status.json Contents.md Chapters.md Elements.md progress.md "
		    "progress.analyze.md progress.illustrate.md .imaginize.state.json chapters "
		    "by-title elements images source gallery .analyze.state .illustrate.state "
		    ".bookfs locks "
		    ".locks style.md");
	CHECK_NAMES(&b, "chapters", "1 2 3 4 5");
	CHECK_NAMES(
		&b, "chapters/2",
		"title text.md concepts.json elements.json status.json prompt.txt prompts images");
	CHECK_NAMES(&b, "by-title",
		    "01 Chapter the 1th 02 Chapter the 2th 03 Chapter the 3th 04 Chapter the 4th "
		    "05 Chapter the 5th");
	CHECK_NAMES(&b, "elements", "characters creatures places items");
	CHECK_NAMES(&b, "images", "");
	CHECK_NAMES(&b, ".bookfs", "ctl why waiting log seq events.log styles history");
	CHECK_INT(at(&b, ".bookfs/events").class, VIEW_STREAM); /* reachable */
	CHECK_INT(at(&b, ".bookfs/ctl").host, HOST_CTL);
	size_t before = walk_all(&b);
	analyse(&b, 2, 2, "a cold lamp");
	draw(&b, "PICTURE");
	/* +1 picture, link, prompt; +2 concept states; +1 chapter state */
	CHECK_INT(walk_all(&b), before + 6);
	bench_close(&b);
}

static void test_no_such_names(void)
{
	static const char *const missing[] = {"chapters/0",
					      "chapters/6",
					      "chapters/01",
					      "chapters/1 ",
					      "chapters/+1",
					      "chapters/99999999999999999999",
					      "chapters/",
					      "images/chapter_2_scene_1.jpg",
					      "images/chapter_02_scene_1.png",
					      "images/chapter_2_scene_1.png.png",
					      "images/chapter_3_scene_1.png",
					      "images/chapter__scene_.png",
					      "chapters/3/images/chapter_2_scene_1.png",
					      "chapters/2/prompts/ch3_scene1.txt",
					      "chapters/2/prompts/ch2_scene01.txt",
					      "chapters/2/prompts/.txt",
					      "by-title/1 Chapter the 1th",
					      "by-title/01",
					      "elements/characters/.md",
					      "elements/characters/nobody.md",
					      "elements/persons",
					      ".analyze.state/chapter_02.json",
					      ".analyze.state/chapter_3.json",
					      ".illustrate.state/concept_1.json",
					      ".illustrate.state/concept_0001.json",
					      ".illustrate.state/concept_900.json",
					      "source/OPS/one",
					      "source/OP",
					      "source/OPS/one.xhtml2",
					      "locks/Chapter_01",
					      "nothing"};
	struct bench b;
	struct view_attr attr;
	bench_open(&b, 5);
	analyse(&b, 2, 1, "a cold lamp");
	draw(&b, "PICTURE");
	for (size_t i = 0; i < ARRAY_LEN(missing); i++) {
		if (missing[i][strlen(missing[i]) - 1] == '/')
			continue;
		int err = find(&attr, &b, missing[i]);
		if (err != -ENOENT)
			fprintf(stderr, "%s is there\n", missing[i]);
		CHECK_INT(err, -ENOENT);
	}
	CHECK_INT(find(&attr, &b, "book.json/x"), -ENOTDIR);
	/* Ids nobody gave out. */
	unsigned long long seed = 11;
	for (int i = 0; i < 20000; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		struct view_content *c = NULL;
		struct view_list *l = NULL;
		char *target = NULL;
		uint64_t parent;
		view_attr(&attr, b.views, seed >> (i % 40));
		if (view_content(&c, b.views, seed >> (i % 40)) == 0)
			view_content_release(b.views, c);
		if (view_list(&l, b.views, seed >> (i % 40)) == 0)
			view_list_free(l);
		if (view_link(&target, b.views, seed >> (i % 40)) == 0)
			free(target);
		view_parent(&parent, b.views, seed >> (i % 40));
	}
	bench_close(&b);
}

/* ---- cost */

static void test_cheap(void)
{
	struct bench b;
	bench_open(&b, MANY_CHAPTERS);
	struct view_attr attr;
	uint64_t chapter = at(&b, "chapters/60").node;
	const int rounds = 20000;
	int64_t began = clock_mono_us();
	for (int i = 0; i < rounds; i++)
		view_lookup(&attr, b.views, chapter, "text.md");
	double us = (double)(clock_mono_us() - began) / rounds;
	fprintf(stderr, "lookup of a stable file: %.2f us\n", us);
	CHECK(us < 100); /* a few; a query too many would be more */
	began = clock_mono_us();
	walk_all(&b);
	fprintf(stderr, "walk over %d chapters: %.1f ms\n", MANY_CHAPTERS,
		(double)(clock_mono_us() - began) / 1000);
	bench_close(&b);
}

int main(void)
{
	log_open(LOG_TO_STDERR, getenv("VERBOSE") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	test_tree();
	test_no_such_names();
	test_cheap();
	return check_result();
}
