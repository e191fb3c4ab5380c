/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <sys/stat.h>

#include "check.h"
#include "fixture.h"

/* One process, one store: every function of store.h does what it says. */

static int count_events(void *arg, const struct store_event *e)
{
	(*(int *)arg)++;
	return 0;
}

static void test_book(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = NULL;
	struct err err = {0};
	CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
	struct store_reader *r = store_reader(s);
	struct book *got = NULL, *b = make_book(5, 0);
	int64_t n = -1;
	CHECK_INT(store_book(&got, r), -ENOENT);
	CHECK_INT(store_generation(&n, r), 0);
	CHECK_INT(n, 0);
	CHECK_INT(store_import_current(s, "depth=0", &err), 0);
	CHECK_INT(import_book(s, b), 0);
	CHECK_INT(store_import_current(s, "depth=0", &err), 1);
	CHECK_INT(store_import_current(s, "depth=2", &err), 0);
	CHECK_INT(store_book(&got, r), 0);
	CHECK_STR(got->title, "The Lantern");
	CHECK_STR(got->creators.items[1], "B. Writer");
	CHECK_STR(got->warnings.items[0], "OPS/missing.xhtml: not there");
	CHECK_STR(got->identifier, "urn:x");
	CHECK_INT(got->chapter_count, 5);
	CHECK_INT(got->chapters[0].kind, BOOK_FRONT);
	CHECK_INT(got->chapters[3].page_count, 2);
	CHECK_STR(got->chapters[3].pages[1].label, "9");
	CHECK_INT(got->chapters[3].pages[1].offset, 1000);
	CHECK_INT(got->chapters[3].words, b->chapters[3].words);
	CHECK(got->chapters[3].text == NULL);
	CHECK_STR(got->contents[2].in, "Part One");
	CHECK(got->contents[1].in == NULL);
	CHECK_INT(got->contents[1].role, ROLE_CHAPTER);
	CHECK_STR(got->files[0].name, "OPS/one.xhtml");
	CHECK_INT(got->files[0].index, 3);
	CLEANUP(buf_finish) struct buf text = {0};
	CHECK_INT(store_text(&text, r, got->chapters[3].text_id), 0);
	CHECK_STR(buf_str(&text), b->chapters[3].text);
	CHECK_INT(store_text(&text, r, 999), -ENOENT);
	CHECK_INT(store_generation(&n, r), 0);
	CHECK_INT(n, 1);
	CHECK_INT(store_imported_at(&n, r), 0);
	CHECK(n > 1600000000000);
	int events = 0;
	CHECK_INT(store_events(r, 0, 100, count_events, &events), 0);
	CHECK_INT(events, 1);
	CHECK_INT(check_store(s), 0);
	free_book(got);
	free_book(b);
}

/* A chapter's way: asked for, claimed, done, its pictures; and what views see of it. */
static void test_work(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = NULL;
	struct err err = {0};
	CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
	struct store_reader *r = store_reader(s);
	struct store_job job, second;
	struct store_state state;
	int64_t id, due;

	CHECK_INT(wish(s, 1, true, false), -ENODATA);
	CHECK_INT(wish(s, 9, true, false), -ENOENT);
	CHECK_INT(store_claimable(&due, r, JOB_ANALYZE, "builtin"), 0);
	CHECK(due == INT64_MAX);
	CHECK_INT(claim(&job, s, JOB_ANALYZE), 0);
	CHECK_INT(wish(s, 3, false, false), 0);
	CHECK_INT(wish(s, 2, false, false), 0);
	CHECK_INT(wish(s, 4, true, false), 0);
	CHECK_INT(wish(s, 4, true, false), 0);
	CHECK_INT(store_claimable(&due, r, JOB_ANALYZE, "builtin"), 0);
	CHECK(due <= clock_unix_ms());
	CHECK_INT(store_claimable(&due, r, JOB_ANALYZE, "other"), 0);
	CHECK(due == INT64_MAX);

	CHECK_INT(claim(&job, s, JOB_ANALYZE), 1);
	CHECK_INT(job.chapter, 4); /* on demand goes first, then by chapter */
	CHECK_INT(job.attempts, 1);
	CHECK(job.owner_alive);
	CHECK_INT(claim(&second, s, JOB_ANALYZE), 1);
	CHECK_INT(second.chapter, 2);
	CHECK_INT(store_state(&state, r, 4), 0);
	CHECK_INT(state.state, STATE_IN_PROGRESS);
	store_state_finish(&state);

	CHECK_INT(finish_analysis(s, job.id, 2, "first"), 0);
	CHECK_INT(finish_analysis(s, job.id, 2, "first"), -ESTALE);
	CHECK_INT(store_analysis_id(&id, r, 4), 0);
	CHECK(id > 0);
	CHECK_INT(store_analysis_id(&id, r, 3), 0);
	CHECK_INT(id, 0);
	struct store_analysis a;
	CHECK_INT(store_analysis(&a, r, 3, true), -ENOENT);
	CHECK_INT(store_analysis(&a, r, 4, true), 0);
	CHECK_INT(a.first_concept, 1);
	CHECK_INT(a.analysis->concept_count, 2);
	CHECK_STR(a.analysis->concepts[1].description, "first, scene 2");
	CHECK_STR(a.model, "extractive-1");
	store_analysis_finish(&a);
	store_job_finish(&job);

	CHECK_INT(claim(&job, s, JOB_ILLUSTRATE), 1);
	CHECK_INT(job.concept, 1);
	CHECK_INT(job.scene, 1);
	CHECK_INT(finish_picture(s, job.id, "PNG bytes", 9), 0);
	struct store_picture p;
	CHECK_INT(store_picture(&p, r, 4, 1), 0);
	CHECK_INT(p.state, STATE_COMPLETED);
	CHECK_STR(p.ext, "png");
	CHECK_STR(p.prompt, "a lantern over grey water");
	CLEANUP(buf_finish) struct buf bytes = {0};
	CHECK_INT(store_picture_bytes(&bytes, r, p.id), 0);
	CHECK_STR(buf_str(&bytes), "PNG bytes");
	CHECK_INT(store_picture_bytes(&bytes, r, 77), -ENOENT);
	CHECK_INT(store_picture(&p, r, 4, 2), 0);
	CHECK_INT(p.state, STATE_PENDING);
	CHECK_INT(p.id, 0);
	CHECK_INT(store_picture(&p, r, 4, 3), -ENOENT);
	CHECK_INT(store_concept(&p, r, 2), 0);
	CHECK_INT(p.chapter, 4);
	CHECK_INT(p.scene, 2);
	CHECK_INT(store_concept(&p, r, 3), -ENOENT);

	struct store_totals t;
	CHECK_INT(store_totals(&t, r), 0);
	CHECK_INT(t.chapters[STATE_SKIPPED], 2);
	CHECK_INT(t.chapters[STATE_COMPLETED], 1);
	CHECK_INT(t.chapters[STATE_IN_PROGRESS], 1);
	CHECK_INT(t.chapters[STATE_PENDING], 1);
	CHECK_INT(t.images[STATE_COMPLETED], 1);
	CHECK_INT(t.images[STATE_PENDING], 1);
	CHECK_INT(t.tokens, 100);
	CHECK_INT(t.running, 1);
	CHECK_INT(check_store(s), 0);
	store_job_finish(&job);
	store_job_finish(&second);
}

int main(void)
{
	struct fixture f;
	fixture_init(&f);
	test_book(&f);
	test_work(&f);
	fixture_finish(&f);
	return check_result();
}
