/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "rig.h"

/* What the files of a chapter say and do before there is a result, and when there is none. */

static void test_trigger(void)
{
	struct bench b;
	struct err err = {0};
	bench_open(&b, 5);
	struct view_attr before = at(&b, "chapters/2/concepts.json");
	CHECK_INT(before.class, VIEW_TRIGGER);
	CHECK_INT(before.chapter, 2);
	CHECK_INT(before.size_bytes, 4096);
	CHECK_INT(view_trigger(b.views, 2, clock_unix_ms(), &err), 0);
	struct view_content *c;
	CHECK_INT(view_content(&c, b.views, before.node), -EINVAL);
	struct view_attr elements = at(&b, "chapters/2/elements.json");
	CHECK_INT(elements.class, VIEW_TRIGGER);

	analyse(&b, 2, 2, "a cold lamp");
	CHECK_INT(view_trigger(b.views, 2, clock_unix_ms(), &err), 1);
	struct view_attr after = at(&b, "chapters/2/concepts.json"), again;
	CHECK_INT(after.class, VIEW_STABLE);
	CHECK(after.node != before.node);
	CHECK_INT(after.ino, before.ino);
	CHECK_INT(view_attr(&again, b.views, before.node), -ESTALE);
	CHECK(after.mtime_unix_ms > clock_unix_ms() - 10000);

	cJSON *j = json(&b, "chapters/2/concepts.json");
	CHECK_INT(number(j, "chapterNumber"), 2);
	CHECK_STR(string(j, "chapterTitle"), "Chapter the 2th");
	CHECK_STR(string(j, "status"), "completed");
	CHECK_STR(string(j, "provider"), "builtin");
	CHECK_INT(number(j, "tokensUsed"), 100);
	CHECK_INT(length(j, "concepts"), 2);
	const cJSON *concept = cJSON_GetArrayItem(cJSON_GetObjectItem(j, "concepts"), 1);
	CHECK_STR(string(concept, "id"), "ch2_scene2");
	CHECK_STR(string(concept, "pageRange"), "4");
	CHECK_STR(string(concept, "quote"), "a lantern swung");
	CHECK_STR(string(concept, "description"), "a cold lamp, scene 2");
	CHECK(!cJSON_GetObjectItem(concept, "quoteVerified"));
	CHECK(!cJSON_GetObjectItem(j, "outdated"));
	cJSON_Delete(j);
	CLEANUP(cleanup_free) char *one = text(&b, "chapters/2/concepts.json");
	CHECK_TEXT(&b, ".analyze.state/chapter_2.json", one);
	bench_close(&b);
}

static void test_front_matter(void)
{
	struct bench b;
	struct err err;
	bench_open(&b, 5);
	CHECK_INT(at(&b, "chapters/1/concepts.json").class, VIEW_STABLE);
	CHECK_INT(view_trigger(b.views, 1, clock_unix_ms(), &err), 1);
	cJSON *j = json(&b, "chapters/1/concepts.json");
	CHECK_STR(string(j, "status"), "skipped");
	CHECK(cJSON_IsArray(cJSON_GetObjectItem(j, "concepts")));
	CHECK_INT(length(j, "concepts"), 0);
	cJSON_Delete(j);
	j = json(&b, "chapters/5/elements.json");
	CHECK_STR(string(j, "status"), "skipped");
	CHECK(cJSON_IsArray(cJSON_GetObjectItem(j, "elements")));
	cJSON_Delete(j);
	CHECK_INT(at(&b, "chapters/1/prompt.txt").size_bytes, 0);
	bench_close(&b);
}

static void test_failures(void)
{
	struct bench b;
	struct err err = {0};
	struct store_job job = {0};
	bench_open(&b, 5);
	int64_t asked = clock_unix_ms();
	CHECK(wish(b.store, 3, true, false) >= 0);
	CHECK_INT(claim(&job, b.store, JOB_ANALYZE), 1);
	CHECK_INT(view_trigger(b.views, 3, asked, &err), 0);
	CHECK_INT(fail_job(b.store, job.id, 0), 0);
	store_job_finish(&job);
	CHECK(view_trigger(b.views, 3, asked, &err) < 0);
	CHECK(strstr(err.msg, "chapter 3: ") == err.msg);
	CHECK(view_trigger(b.views, 3, clock_unix_ms() + 10, &err) < 0); /* still fresh */
	CHECK_INT(at(&b, "chapters/3/concepts.json").class, VIEW_TRIGGER);
	cJSON *j = json(&b, ".analyze.state/chapter_3.json");
	CHECK_STR(string(j, "status"), "failed");
	CHECK(cJSON_IsArray(cJSON_GetObjectItem(j, "concepts")));
	CHECK(cJSON_GetObjectItem(j, "error") != NULL);
	cJSON_Delete(j);
	struct view_settings never = usual;
	never.trigger = false;
	views_free(b.views);
	open_views(&b, &never);
	CHECK_INT(view_trigger(b.views, 4, asked, &err), -ENODATA);
	CHECK_INT(at(&b, "chapters/4/concepts.json").class, VIEW_TRIGGER);
	CHECK_INT(view_trigger(b.views, 44, asked, &err), -ENOENT);
	bench_close(&b);
}

static void test_outdated(void)
{
	static const struct {
		const char *provider, *options;
		int prompt_version;
		const char *why;
	} cases[] = {
		{"openai", "scenes=2", 1, "made by builtin extractive-1, this mount uses openai "},
		{"builtin", "scenes=3", 1, "made with scenes=2, this mount uses scenes=3"},
		{"builtin", "scenes=2", 2, "made with prompt version 1, this is version 2"},
	};
	struct bench b;
	bench_open(&b, 5);
	analyse(&b, 2, 1, "a cold lamp");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct view_settings s = usual;
		s.provider = cases[i].provider;
		s.options = cases[i].options;
		s.prompt_version = cases[i].prompt_version;
		views_free(b.views);
		open_views(&b, &s);
		cJSON *j = json(&b, "chapters/2/concepts.json");
		CHECK_INT(length(j, "concepts"), 1); /* never hidden */
		CHECK(strstr(string(j, "outdated"), cases[i].why) != NULL);
		cJSON_Delete(j);
		j = json(&b, "status.json");
		const cJSON *c = cJSON_GetArrayItem(cJSON_GetObjectItem(j, "chapters"), 1);
		CHECK(strstr(string(c, "outdated"), cases[i].why) != NULL);
		cJSON_Delete(j);
	}
	bench_close(&b);
}

int main(void)
{
	log_open(LOG_TO_STDERR, getenv("VERBOSE") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	test_trigger();
	test_front_matter();
	test_failures();
	test_outdated();
	return check_result();
}
