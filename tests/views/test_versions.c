/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "rig.h"

/* Other bytes are another node; files that grow keep their beginning. */

static void test_versions(void)
{
	struct bench b;
	bench_open(&b, 5);
	struct view_attr first = at(&b, "status.json"), again = at(&b, "status.json");
	struct view_attr book = at(&b, "book.json");
	CHECK_INT(first.class, VIEW_DOCUMENT);
	CHECK_INT(first.node, again.node);
	CLEANUP(cleanup_free) char *before = text(&b, "status.json");
	analyse(&b, 2, 1, "a cold lamp");
	struct view_attr second = at(&b, "status.json");
	CHECK(second.node != first.node);
	CHECK_INT(second.ino, first.ino);
	CHECK_INT(at(&b, "book.json").node, book.node); /* not its business */
	/* Handed out seconds ago: it opens, and has the bytes it had. */
	struct view_content *c = NULL;
	CHECK_INT(view_attr(&again, b.views, first.node), 0);
	CHECK_INT(again.size_bytes, first.size_bytes);
	CHECK_INT(view_content(&c, b.views, first.node), 0);
	CHECK(c && c->len == strlen(before) && memcmp(c->data, before, c->len) == 0);
	/* What is held outlives everything; what is not is gone when the memory is wanted. */
	views_idle(b.views);
	CHECK(memcmp(c->data, before, c->len) == 0);
	view_content_release(b.views, c);
	views_idle(b.views);
	CHECK_INT(view_attr(&again, b.views, first.node), -ESTALE);
	CHECK_INT(view_content(&c, b.views, first.node), -ESTALE);
	/* A folder's time moves with its list. */
	struct view_attr images = at(&b, "images");
	CHECK(images.volatile_list);
	usleep(3000);
	draw(&b, "PICTURE");
	CHECK(at(&b, "images").mtime_unix_ms > images.mtime_unix_ms);
	CHECK_INT(at(&b, "images").node, images.node);
	bench_close(&b);
}

/* Equal ids, equal bytes: every document, after every kind of event. */
static void test_versions_follow_bytes(void)
{
	static const char *const paths[] = {"book.json",
					    "status.json",
					    "Contents.md",
					    "Chapters.md",
					    "Elements.md",
					    ".imaginize.state.json",
					    "chapters/2/status.json",
					    "chapters/3/status.json",
					    "chapters/2/title",
					    "chapters/2/text.md",
					    "chapters/2/prompt.txt",
					    ".analyze.state/manifest.json",
					    ".illustrate.state/manifest.json",
					    ".bookfs/seq"};
	struct bench b;
	uint64_t nodes[ARRAY_LEN(paths)] = {0};
	char *texts[ARRAY_LEN(paths)] = {0};
	struct store_job job = {0};
	bench_open(&b, 5);
	for (int step = 0; step < 10; step++) {
		if (step == 1)
			wish(b.store, 2, true, false);
		else if (step == 2)
			CHECK_INT(claim(&job, b.store, JOB_ANALYZE), 1);
		else if (step == 3)
			finish_analysis(b.store, job.id, 2, "a cold lamp");
		else if (step == 4)
			draw(&b, "ONE");
		else if (step == 5)
			pause_store(b.store, true);
		else if (step == 6)
			pause_store(b.store, false);
		else if (step == 7)
			draw(&b, "TWO");
		else if (step == 8)
			analyse(&b, 2, 1, "a warm lamp");
		views_idle(b.views); /* nothing is remembered: all is made again */
		for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
			struct view_attr attr = at(&b, paths[i]);
			char *now = text(&b, paths[i]);
			if (texts[i] && attr.node == nodes[i] && strcmp(now, texts[i]) != 0)
				fprintf(stderr, "step %d: %s\n", step, paths[i]);
			CHECK(!texts[i] || attr.node != nodes[i] || strcmp(now, texts[i]) == 0);
			free(texts[i]);
			texts[i] = now;
			nodes[i] = attr.node;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		free(texts[i]);
	store_job_finish(&job);
	bench_close(&b);
}

/* ---- append-only files */

static void test_growing(void)
{
	static const char *const paths[] = {"progress.md", "progress.analyze.md",
					    "progress.illustrate.md", ".bookfs/events.log"};
	struct bench b;
	char *texts[ARRAY_LEN(paths)] = {0};
	uint64_t nodes[ARRAY_LEN(paths)] = {0};
	struct view_content *held = NULL;
	bench_open(&b, 5);
	for (int step = 0; step < 6; step++) {
		if (step == 1)
			analyse(&b, 2, 2, "a cold lamp");
		else if (step == 2)
			draw(&b, "PICTURE");
		else if (step == 3)
			views_idle(b.views); /* made again from the first event on */
		else if (step == 4)
			analyse(&b, 3, 1, "a warm lamp");
		for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
			char *now = text(&b, paths[i]);
			if (texts[i])
				CHECK(strncmp(now, texts[i], strlen(texts[i])) == 0);
			if (nodes[i])
				CHECK_INT(at(&b, paths[i]).node, nodes[i]);
			nodes[i] = at(&b, paths[i]).node;
			free(texts[i]);
			texts[i] = now;
		}
		if (step == 0)
			CHECK_INT(view_content(&held, b.views, nodes[0]), 0);
	}
	CHECK(strncmp(texts[0], held->data, held->len) == 0); /* still there, still short */
	CHECK(held->len < strlen(texts[0]));
	view_content_release(b.views, held);
	CHECK(strstr(texts[0], "# Illustrate Progress Report\n") == texts[0]);
	CHECK(strstr(texts[0], "**Book:** The Lantern\n"));
	CHECK(strstr(texts[0], "✅ Completed Chapter 2: Chapter the 2th - "
			       "Found 2 visual concepts\n"));
	CHECK(strstr(texts[0], "images/chapter_2_scene_1.png"));
	CHECK(strstr(texts[1], "Completed Chapter 3") && !strstr(texts[1], "Drew"));
	CHECK(strstr(texts[2], "Drew ch2_scene1") && !strstr(texts[2], "Completed"));
	CHECK(strstr(texts[3], "\"event\":\"conceptsReady\",\"chapter\":2"));
	int64_t seq = 0; /* no event left out, none twice */
	for (const char *line = texts[3]; line && *line; line = strchr(line, '\n') + 1) {
		CHECK_INT(strtoll(line + strlen("{\"seq\":"), NULL, 10), seq + 1);
		seq++;
	}
	int64_t newest;
	CHECK_INT(store_seq(&newest, store_reader(b.store)), 0);
	CHECK_INT(seq, newest);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		free(texts[i]);
	bench_close(&b);
}

int main(void)
{
	log_open(LOG_TO_STDERR, getenv("VERBOSE") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	test_versions();
	test_versions_follow_bytes();
	test_growing();
	return check_result();
}
