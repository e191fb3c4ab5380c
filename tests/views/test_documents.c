/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "rig.h"

/* What is rendered for people and for programs. */

static void test_documents(void)
{
	struct bench b;
	struct book *book = make_book(5, 0);
	free(book->chapters[2].title);
	book->chapters[2].title = xstrdup(book->chapters[1].title);
	free(book->chapters[3].title);
	book->chapters[3].title = xstrdup("A/B: \"C\"");
	bench_open_book(&b, book);
	analyse_story(&b, 2);
	analyse_story(&b, 3);
	analyse_story(&b, 4);
	CHECK_TEXT(&b, "chapters/4/title", "A/B: \"C\"\n");
	check_contains(&b, "Chapters.md",
		       "# Chapters - The Lantern\n\n### Chapter the 2th (Chapter 2)");
	check_contains(&b, "Chapters.md", "### Chapter the 2th (Chapter 3)\n");
	check_contains(&b, "Chapters.md", "### A/B: \"C\"\n");
	check_contains(&b, "Chapters.md",
		       "#### Scene 1\n\n**Pages:** 4-5\n\n**Source Text:**\n\n> one line\n>\n> "
		       "another\n\n**Visual Elements:** a line and another\n");
	check_contains(&b, "Chapters.md", "#### Scene 2\n\n**Pages:** xii\n");
	check_contains(&b, "Elements.md",
		       "# Story Elements - The Lantern\n\n## Characters\n\n### Ada\n\n"
		       "**Type:** character\n\n**Description:** old and tall (page "
		       "4)\n\n**Appearances:**\n\n"
		       "- Page 4: \"seen from the sea\"\n");
	check_contains(&b, "Elements.md", "## Places\n\n### The Light/house\n");
	check_contains(&b, "Contents.md", "chapters/2/text.md), pages 4-5, completed");
	check_contains(&b, "Contents.md", "chapters/1/text.md), pages 2-3, skipped");
	CHECK_NAMES(&b, "elements/characters", "Ada.md");
	check_contains(&b, "elements/characters/Ada.md", "# Ada\n\n**Type:** character\n");
	CLEANUP(cleanup_free) char *places = names(&b, "elements/places");
	CHECK(!strchr(places, '/') && strstr(places, ".md"));
	CHECK_NAMES(&b, "by-title",
		    "01 Chapter the 1th 02 Chapter the 2th 03 Chapter the 2th 04 A-B: \"C\" "
		    "05 Chapter the 5th");
	char *target = NULL;
	CHECK_INT(view_link(&target, b.views, at(&b, "by-title/03 Chapter the 2th").node), 0);
	CHECK_STR(target, "../chapters/3");
	free(target);
	cJSON *j = json(&b, "chapters/2/concepts.json");
	const cJSON *c = cJSON_GetArrayItem(cJSON_GetObjectItem(j, "concepts"), 1);
	CHECK(cJSON_IsFalse(cJSON_GetObjectItem(c, "quoteVerified")));
	CHECK_STR(string(c, "pageRange"), "xii");
	cJSON_Delete(j);
	j = json(&b, "chapters/2/elements.json");
	CHECK_INT(length(j, "elements"), 2);
	c = cJSON_GetArrayItem(cJSON_GetObjectItem(j, "elements"), 1);
	CHECK_STR(string(c, "type"), "character");
	CHECK_INT(length(c, "quotes"), 1);
	cJSON_Delete(j);
	bench_close(&b);
}

static void test_book_and_status(void)
{
	struct bench b;
	struct store_job job = {0};
	bench_open(&b, 5);
	cJSON *j = json(&b, "book.json");
	CHECK_STR(string(j, "title"), "The Lantern");
	CHECK_INT(length(j, "creators"), 2);
	CHECK_INT(length(j, "chapters"), 5);
	CHECK_INT(length(j, "contents"), 5);
	const cJSON *c = cJSON_GetArrayItem(cJSON_GetObjectItem(j, "chapters"), 1);
	CHECK_STR(string(c, "pageRange"), "4-5");
	CHECK_STR(string(c, "kind"), "story");
	cJSON_Delete(j);
	analyse(&b, 2, 2, "a cold lamp");
	draw(&b, "PICTURE");
	wish(b.store, 3, true, false);
	CHECK_INT(claim(&job, b.store, JOB_ANALYZE), 1);
	wish(b.store, 4, true, false);
	j = json(&b, "status.json");
	CHECK_STR(string(j, "provider"), "builtin");
	CHECK_INT(length(j, "chapters"), 5);
	CHECK_INT(length(j, "images"), 2);
	CHECK_INT(length(j, "running"), 1);
	c = cJSON_GetObjectItem(cJSON_GetObjectItem(j, "totals"), "chapters");
	CHECK_INT(number(c, "completed"), 1);
	CHECK_INT(number(c, "in_progress"), 1);
	CHECK_INT(number(c, "pending"), 1);
	CHECK_INT(number(c, "skipped"), 2);
	c = cJSON_GetArrayItem(cJSON_GetObjectItem(j, "images"), 0);
	CHECK_STR(string(c, "file"), "chapter_2_scene_1.png");
	CHECK_STR(string(c, "status"), "completed");
	c = cJSON_GetArrayItem(cJSON_GetObjectItem(j, "chapters"), 2);
	CHECK_STR(string(c, "status"), "in_progress");
	CHECK(cJSON_IsNull(cJSON_GetObjectItem(c, "error")));
	CHECK(cJSON_IsFalse(cJSON_GetObjectItem(c, "outdated")));
	cJSON_Delete(j);
	CLEANUP(cleanup_free) char *one = text(&b, "status.json");
	CLEANUP(buf_finish) struct buf two = {0};
	CHECK_INT(view_status(&two, b.views), 0);
	CHECK_STR(buf_str(&two), one);
	j = json(&b, ".analyze.state/manifest.json");
	CHECK_INT(number(j, "totalChapters"), 5);
	CHECK_INT(length(j, "completedChapters"), 1);
	CHECK_INT(length(j, "inProgressChapters"), 1);
	cJSON_Delete(j);
	j = json(&b, ".illustrate.state/manifest.json");
	CHECK_INT(length(j, "completedChapters"), 0);
	CHECK_INT(length(j, "inProgressChapters"), 1);
	cJSON_Delete(j);
	j = json(&b, ".imaginize.state.json");
	CHECK_STR(string(j, "version"), "3.0.0");
	CHECK_STR(string(j, "bookFile"), "book.txt");
	CHECK_STR(
		string(cJSON_GetObjectItem(cJSON_GetObjectItem(j, "phases"), "analyze"), "status"),
		"in_progress");
	cJSON_Delete(j);
	/* A failure that waits says for what and until when. */
	CHECK_INT(fail_job(b.store, job.id, clock_unix_ms() + 60000), 0);
	store_job_finish(&job);
	j = json(&b, "status.json");
	CHECK_INT(length(j, "waiting"), 1);
	c = cJSON_GetArrayItem(cJSON_GetObjectItem(j, "waiting"), 0);
	CHECK_INT(number(c, "chapter"), 3);
	CHECK(cJSON_IsString(cJSON_GetObjectItem(c, "reason")) &&
	      cJSON_IsString(cJSON_GetObjectItem(c, "until")));
	cJSON_Delete(j);
	j = json(&b, "chapters/3/status.json");
	CHECK_STR(string(j, "status"), "pending");
	CHECK(cJSON_IsString(cJSON_GetObjectItem(j, "waitingUntil")));
	cJSON_Delete(j);
	pause_store(b.store, true);
	j = json(&b, "status.json");
	CHECK_INT(length(j, "waiting"), 2);
	cJSON_Delete(j);
	bench_close(&b);
}

int main(void)
{
	log_open(LOG_TO_STDERR, getenv("VERBOSE") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	test_documents();
	test_book_and_status();
	return check_result();
}
