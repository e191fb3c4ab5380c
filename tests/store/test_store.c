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
	CHECK_INT(a.analysis->concept_count, 2);
	CHECK_INT(a.serials[0], 1);
	CHECK_INT(a.serials[1], 2);
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
	CHECK_INT(wish_pictures(s, 4, true), 1); /* drawn again; what there is stays shown */
	CHECK_INT(store_picture(&p, r, 4, 1), 0);
	CHECK_INT(p.state, STATE_COMPLETED);
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

/* ---- results belong to texts */

static int64_t analysis_of(struct store *s, int chapter)
{
	int64_t id = -1;
	CHECK_INT(store_analysis_id(&id, store_reader(s), chapter), 0);
	return id;
}

static void analyse(struct store *s, int chapter, int concepts, const char *word)
{
	struct store_job job;
	CHECK_INT(wish(s, chapter, true, true), 0);
	CHECK_INT(claim(&job, s, JOB_ANALYZE), 1);
	CHECK_INT(job.chapter, chapter);
	CHECK_INT(finish_analysis(s, job.id, concepts, word), 0);
	store_job_finish(&job);
}

static void import_changed(struct store *s, int changed)
{
	struct book *b = make_book(5, changed);
	CHECK_INT(import_book(s, b), 0);
	free_book(b);
}

static void test_changed_text(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = NULL;
	struct err err = {0};
	struct store_state state;
	CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
	import_changed(s, 0);
	for (int chapter = 2; chapter <= 4; chapter++)
		analyse(s, chapter, 1, "as it was");
	int64_t second = analysis_of(s, 2), third = analysis_of(s, 3);
	CHECK(second > 0 && third > 0);

	import_changed(s, 3);
	CHECK_INT(analysis_of(s, 2), second);
	CHECK_INT(analysis_of(s, 3), 0);
	CHECK_INT(store_state(&state, store_reader(s), 3), 0);
	CHECK_INT(state.state, STATE_NONE);
	CHECK_INT(wish(s, 3, false, false), 0); /* asked for, not done when it changes back */

	import_changed(s, 0);
	CHECK_INT(analysis_of(s, 3), third);
	struct store_job job;
	CHECK_INT(claim(&job, s, JOB_ANALYZE), 0); /* that text is gone, and its job with it */
	int64_t generation;
	CHECK_INT(store_generation(&generation, store_reader(s)), 0);
	CHECK_INT(generation, 3);
	CHECK_INT(check_store(s), 0);
}

/* What was made of a chapter's text stands in for it while nothing is made of the next, where a
 * process shows that; it is never taken for the new one's. */
static int count_outdated(void *arg, const struct store_event *e)
{
	if (e->type != EVENT_OUTDATED)
		return 0;
	CHECK_INT(e->chapter, 3);
	(*(int *)arg)++;
	return 0;
}

static void check_third(struct store *s, int64_t shown, bool of_former, enum job_state state)
{
	CLEANUP(store_analysis_finish) struct store_analysis a = {0};
	CLEANUP(store_state_finish) struct store_state now = {0};
	CHECK_INT(store_analysis(&a, store_reader(s), 3, true), shown ? 0 : -ENOENT);
	CHECK_INT(a.id, shown);
	CHECK_INT(a.of_former, of_former);
	CHECK_INT(analysis_of(s, 3), shown);
	CHECK_INT(store_state(&now, store_reader(s), 3), 0);
	CHECK_INT(now.state, state);
}

static void test_former_text(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = NULL;
	CLEANUP(store_reader_close_cleanup) struct store_reader *other = NULL;
	struct err err = {0};
	struct store_picture p;
	struct store_job job;
	int outdated = 0;
	CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
	import_changed(s, 0);
	analyse(s, 3, 2, "as it was");
	int64_t third = analysis_of(s, 3);
	CHECK_INT(claim(&job, s, JOB_ILLUSTRATE), 1);
	CHECK_INT(finish_picture(s, job.id, "PNG", 3), 0);
	store_job_finish(&job);

	import_changed(s, 3);
	check_third(s, 0, false, STATE_NONE);
	store_show_former(s, true);
	check_third(s, third, true, STATE_COMPLETED);
	CHECK_INT(store_picture(&p, store_reader(s), 3, 1), 0);
	CHECK(p.id > 0);
	CHECK_INT(store_concept(&p, store_reader(s), p.concept), 0);
	CHECK_INT(p.chapter, 3);
	CHECK_INT(store_reader_open(&other, s, &err), 0);
	int64_t id;
	CHECK_INT(store_analysis_id(&id, other, 3), 0);
	CHECK_INT(id, third);

	import_changed(s, 3); /* again, as another chapter was written: it is remembered on */
	check_third(s, third, true, STATE_COMPLETED);
	CHECK_INT(wish_pictures(s, 3, true), 0); /* none is drawn of it any more */
	analyse(s, 3, 1, "as it is now");
	CHECK(analysis_of(s, 3) > third);
	check_third(s, analysis_of(s, 3), false, STATE_COMPLETED);
	import_changed(s, 0);
	check_third(s, third, false, STATE_COMPLETED);
	CHECK_INT(store_events(store_reader(s), 0, 1000, count_outdated, &outdated), 0);
	CHECK_INT(outdated, 1);
	CHECK_INT(check_store(s), 0);
}

/* Two chapters of one text: one job, one result, shown and told in both. */
static int count_ready(void *arg, const struct store_event *e)
{
	if (e->type != EVENT_CONCEPTS_READY)
		return 0;
	CHECK_STR(e->detail, "2"); /* how many were found */
	(*(int *)arg)++;
	return 0;
}

static int count_pictures(void *arg, const struct store_picture *p)
{
	(*(int *)arg)++;
	return 0;
}

static void test_twins(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = NULL;
	struct err err = {0};
	CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
	struct book *b = make_book(5, 0);
	struct book_chapter *third = &b->chapters[2];
	free(third->text);
	third->text = xstrdup(b->chapters[1].text);
	third->text_bytes = b->chapters[1].text_bytes;
	CHECK_INT(import_book(s, b), 0);
	free_book(b);
	int64_t seq;
	CHECK_INT(store_seq(&seq, store_reader(s)), 0);
	CHECK_INT(wish(s, 3, true, false), 0);
	analyse(s, 2, 2, "twins");
	CHECK(analysis_of(s, 2) > 0);
	CHECK_INT(analysis_of(s, 2), analysis_of(s, 3));
	int ready = 0, pictures = 0;
	CHECK_INT(store_events(store_reader(s), seq, 100, count_ready, &ready), 0);
	CHECK_INT(ready, 2);
	CHECK_INT(store_pictures(store_reader(s), 0, count_pictures, &pictures), 0);
	CHECK_INT(pictures, 4);
	struct store_job job;
	CHECK_INT(claim(&job, s, JOB_ANALYZE), 0);
	CHECK_INT(check_store(s), 0);
}

/* ---- the cast */

static void analyse_with(struct store *s, int chapter, const char *name)
{
	CLEANUP(analysis_free_cleanup) struct analysis *a = make_analysis(1, name);
	struct store_job job;
	struct element *e = analysis_add_element(a);
	e->type = ELEMENT_CHARACTER;
	analysis_set(&e->name, name);
	CHECK_INT(wish(s, chapter, true, true), 0);
	CHECK_INT(claim(&job, s, JOB_ANALYZE), 1);
	CHECK_INT(finish_analysis_by(s, job.id, a, &builtin_info), 0);
	store_job_finish(&job);
}

static void test_cast(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = NULL;
	CLEANUP(store_cast_free_cleanup) struct store_cast *cast = store_cast_new();
	const struct catalogue *first, *second;
	struct err err = {0};
	CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
	struct store_reader *r = store_reader(s);
	CHECK_INT(store_cast_catalogue(&first, cast, r), 0);
	CHECK_INT(first->len, 0); /* before an import */
	import_changed(s, 0);
	analyse_with(s, 2, "Ada");
	analyse_with(s, 4, "Ben");
	CHECK_INT(store_cast_catalogue(&first, cast, r), 0);
	CHECK_INT(first->len, 2);
	CHECK_INT(store_cast_catalogue(&second, cast, r), 0);
	CHECK(second == first); /* nothing changed, nothing is merged again */
	analyse_with(s, 2, "Ben");
	CHECK_INT(store_cast_catalogue(&first, cast, r), 0);
	CHECK_INT(first->len, 1);
	CHECK_STR(first->entries[0].name, "Ben");
	import_changed(s, 4);
	analyse_with(s, 3, "Cleo");
	CHECK_INT(store_cast_catalogue(&first, cast, r), 0);
	CHECK_INT(first->len, 2);
	struct book *shorter = make_book(2, 0);
	CHECK_INT(import_book(s, shorter), 0);
	CHECK_INT(store_cast_catalogue(&first, cast, r), 0);
	CHECK_INT(first->len, 1); /* its third chapter is gone */
	free_book(shorter);
	CHECK_INT(check_store(s), 0);
}

/* ---- asked for again */

static const struct result_info server_info = {
	.provider = "openai", .model = "m", .prompt_version = 1, .image_profile = "painter"};

static void analyse_by_server(struct store *s, int chapter)
{
	struct store_job job;
	CLEANUP(analysis_free_cleanup) struct analysis *a = make_analysis(1, "by a server");
	CHECK_INT(wish_for(s, "openai m", chapter, true, true), 0);
	CHECK_INT(claim_for(&job, s, JOB_ANALYZE, "openai m"), 1);
	CHECK_INT(finish_analysis_by(s, job.id, a, &server_info), 0);
	store_job_finish(&job);
}

static void test_again(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = NULL;
	struct err err = {0};
	struct store_analysis a;
	struct store_job job;
	CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
	import_changed(s, 0);
	analyse(s, 2, 2, "same");
	int64_t first = analysis_of(s, 2);
	CHECK_INT(wish(s, 2, true, false), 0);
	CHECK_INT(claim(&job, s, JOB_ANALYZE), 0); /* a result stands */
	analyse(s, 2, 2, "same");
	CHECK_INT(analysis_of(s, 2), first); /* the same answer is the same result */
	CHECK_INT(wish_pictures(s, 2, false), 0);

	analyse(s, 2, 3, "different");
	int64_t second = analysis_of(s, 2);
	CHECK(second != first);
	CHECK_INT(store_analysis(&a, store_reader(s), 2, false), 0);
	CHECK(a.analysis == NULL && a.serials == NULL);
	store_analysis_finish(&a);
	CHECK_INT(store_analysis(&a, store_reader(s), 2, true), 0);
	CHECK_INT(a.serials[0], 3); /* 1 and 2 are never given again */
	store_analysis_finish(&a);
	CHECK_INT(claim(&job, s, JOB_ILLUSTRATE), 1);
	CHECK_INT(job.concept, 3); /* the old concepts' pictures are wanted no more */
	CHECK_INT(yield_job(s, job.id), 0);
	store_job_finish(&job);
	struct store_picture p;
	CHECK_INT(store_concept(&p, store_reader(s), 1), 0);

	analyse_by_server(s, 2);
	int64_t by_server = analysis_of(s, 2);
	CHECK(by_server != second);
	analyse(s, 2, 1, "builtin after the server");
	CHECK_INT(analysis_of(s, 2), by_server);
	CHECK_INT(check_store(s), 0);
}

/* ---- the queue */

static int keep_job(void *arg, const struct store_job *j)
{
	struct store_job *kept = arg;
	kept->state = j->state;
	kept->attempts = j->attempts;
	kept->error_code = j->error_code;
	kept->on_demand = j->on_demand;
	return 1;
}

static void test_failures(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = NULL;
	struct err err = {0};
	struct store_job job, row = {0};
	struct store_state state;
	int64_t due;
	CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
	struct store_reader *r = store_reader(s);
	import_changed(s, 0);
	CHECK_INT(wish(s, 2, false, false), 0);
	CHECK_INT(claim(&job, s, JOB_ANALYZE), 1);
	int64_t later = clock_unix_ms() + 60000;
	CHECK_INT(fail_job(s, job.id, later), 0);
	CHECK_INT(fail_job(s, job.id, later), -ESTALE);
	store_job_finish(&job);
	CHECK_INT(store_claimable(&due, r, JOB_ANALYZE, "builtin"), 0);
	CHECK_INT(due, later);
	CHECK_INT(claim(&job, s, JOB_ANALYZE), 0);
	CHECK_INT(store_state(&state, r, 2), 0);
	CHECK_INT(state.state, STATE_PENDING);
	CHECK_STR(state.error, "the server said no");
	CHECK_INT(state.not_before_unix_ms, later);
	store_state_finish(&state);

	CHECK_INT(wish(s, 2, true, false), 0); /* a reader does not wait for the retry */
	CHECK_INT(claim(&job, s, JOB_ANALYZE), 1);
	CHECK_INT(job.attempts, 2);
	CHECK(job.on_demand);
	CHECK_INT(yield_job(s, job.id), 0);
	CHECK_INT(yield_job(s, job.id), -ESTALE);
	store_job_finish(&job);
	CHECK_INT(store_jobs(r, keep_job, &row), 1);
	CHECK_INT(row.attempts, 1);
	CHECK_INT(claim(&job, s, JOB_ANALYZE), 1);
	CHECK_INT(fail_job(s, job.id, 0), 0);
	store_job_finish(&job);
	CHECK_INT(store_state(&state, r, 2), 0);
	CHECK_INT(state.state, STATE_FAILED);
	CHECK_INT(state.error_code, -EIO);
	store_state_finish(&state);
	CHECK_INT(check_store(s), 0);
	CHECK_INT(retry_failed(s, 3), 0);
	CHECK_INT(retry_failed(s, 0), 1);
	CHECK_INT(retry_failed(s, 0), 0);
	CHECK_INT(claim(&job, s, JOB_ANALYZE), 1);
	CHECK_INT(job.attempts, 1);
	CHECK_INT(fail_job(s, job.id, 0), 0);
	store_job_finish(&job);
	CHECK_INT(wish(s, 2, true, false), 0); /* asked for anew, it is tried anew */
	CHECK_INT(claim(&job, s, JOB_ANALYZE), 1);
	CHECK_INT(job.attempts, 1);
	store_job_finish(&job);
}

static void test_pause(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = NULL;
	struct err err = {0};
	struct store_job job;
	bool paused = true;
	int64_t due;
	CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
	struct store_reader *r = store_reader(s);
	import_changed(s, 0);
	CHECK_INT(store_paused(&paused, r), 0);
	CHECK(!paused);
	CHECK_INT(wish(s, 2, false, false), 0);
	CHECK_INT(pause_store(s, true), 0);
	CHECK_INT(store_paused(&paused, r), 0);
	CHECK(paused);
	CHECK_INT(claim(&job, s, JOB_ANALYZE), 0);
	CHECK_INT(store_claimable(&due, r, JOB_ANALYZE, "builtin"), 0);
	CHECK(due == INT64_MAX);
	CHECK_INT(wish(s, 3, true, false), 0); /* somebody waits: that goes on */
	CHECK_INT(claim(&job, s, JOB_ANALYZE), 1);
	CHECK_INT(job.chapter, 3);
	store_job_finish(&job);
	CHECK_INT(pause_store(s, false), 0);
	CHECK_INT(claim(&job, s, JOB_ANALYZE), 1);
	CHECK_INT(job.chapter, 2);
	store_job_finish(&job);
}

/* A profile that no living process has is taken over; one that another has is not. */
static void test_adopt(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = NULL;
	CLEANUP(store_close_cleanup) struct store *other = NULL;
	struct err err = {0};
	struct store_job job;
	CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
	CHECK_INT(fixture_open(&other, f, NULL, &err), 0);
	import_changed(s, 0);
	CHECK_INT(adopt(other, JOB_ANALYZE, "openai m"), 0);
	CHECK_INT(wish_for(s, "openai m", 2, false, false), 0);
	CHECK_INT(wish_for(s, "gone", 2, false, false), 0);
	CHECK_INT(wish_for(s, "gone", 3, false, false), 0);
	CHECK_INT(wish(s, 3, false, false), 0);
	CHECK_INT(adopt(s, JOB_ANALYZE, "builtin"), 0);
	int chapters[] = {2, 3};
	for (size_t i = 0; i < ARRAY_LEN(chapters); i++) {
		CHECK_INT(claim(&job, s, JOB_ANALYZE), 1);
		CHECK_INT(job.chapter, chapters[i]);
		store_job_finish(&job);
	}
	CHECK_INT(claim(&job, s, JOB_ANALYZE), 0);
	other = store_close(other);
	CHECK_INT(adopt(s, JOB_ANALYZE, "later"), 0);
	CHECK_INT(claim_for(&job, s, JOB_ANALYZE, "later"), 1);
	CHECK_INT(job.chapter, 2);
	store_job_finish(&job);
}

/* ---- groups and snapshots */

struct group {
	struct loop *loop;
	struct store *store;
	int done, failed, changes;
	int64_t changes_seq;
};

static int good_work(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_event(tx, &(struct store_event){.type = EVENT_EDITED, .chapter = 2});
}

static int bad_work(struct store_tx *tx, void *arg, struct err *err)
{
	int result = tx_event(tx, &(struct store_event){.type = EVENT_EDITED, .chapter = 666});
	return result < 0 ? result : err_set(err, -EPERM, "no, after all");
}

static void on_done(void *arg, int result, const struct err *err)
{
	struct group *g = arg;
	g->done++;
	if (result == -EPERM) {
		CHECK_STR(err->msg, "no, after all");
		g->failed++;
	} else {
		CHECK_INT(result, 0);
	}
	if (g->done == 90)
		loop_stop(g->loop);
}

static void on_change(void *arg)
{
	struct group *g = arg;
	g->changes++;
	CHECK_INT(store_seq(&g->changes_seq, store_reader(g->store)), 0);
}

static void write_many(void *arg)
{
	struct group *g = arg;
	for (int i = 0; i < 90; i++)
		store_write(g->store, i % 3 ? good_work : bad_work, on_done, g);
}

static int no_devil(void *arg, const struct store_event *e)
{
	CHECK(e->chapter != 666);
	(*(int *)arg)++;
	return 0;
}

static void test_groups(struct fixture *f)
{
	CLEANUP(loop_free_cleanup) struct loop *loop = NULL;
	CLEANUP(store_close_cleanup) struct store *s = NULL;
	struct err err = {0};
	CHECK_INT(loop_new(&loop, 1), 0);
	CHECK_INT(fixture_open(&s, f, loop, &err), 0);
	struct group g = {.loop = loop, .store = s};
	store_on_change(s, on_change, &g);
	int64_t before, after;
	CHECK_INT(store_seq(&before, store_reader(s)), 0);
	loop_post(loop, write_many, &g);
	CHECK_INT(loop_run(loop), 0);
	CHECK_INT(g.done, 90);
	CHECK_INT(g.failed, 30);
	int events = 0;
	CHECK_INT(store_events(store_reader(s), before, 1000, no_devil, &events), 0);
	CHECK_INT(events, 60);
	CHECK_INT(store_seq(&after, store_reader(s)), 0);
	CHECK(g.changes >= 1 && g.changes < 30); /* many commits together are told once */
	printf("60 writes of 90 kept, told in %d changes\n", g.changes);
}

/* What a snapshot shows does not move, and a reader of its own sees what is new. */
static void test_snapshot(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = NULL;
	CLEANUP(store_reader_close_cleanup) struct store_reader *own = NULL;
	struct err err = {0};
	int64_t first, second, third;
	CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
	struct store_reader *r = store_reader(s);
	CHECK_INT(store_reader_open(&own, s, &err), 0);
	CHECK_INT(store_snapshot_begin(r), 0);
	CHECK_INT(store_seq(&first, r), 0);
	CHECK_INT(store_write_wait(s, good_work, NULL, &err), 0);
	CHECK_INT(store_snapshot_begin(r), 0);
	CHECK_INT(store_seq(&second, r), 0);
	store_snapshot_end(r);
	CHECK_INT(store_seq(&third, r), 0);
	CHECK_INT(second, first);
	CHECK_INT(third, first);
	CHECK_INT(store_seq(&second, own), 0);
	CHECK_INT(second, first + 1);
	store_snapshot_end(r);
	CHECK_INT(store_seq(&third, r), 0);
	CHECK_INT(third, first + 1);
}

/* The number is asked for before every answer, and remembered until something is committed. */
static void test_seq_moves(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = NULL;
	struct err err = {0};
	int64_t before, same, after;
	CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
	for (int i = 0; i < 20; i++) {
		CHECK_INT(store_seq(&before, store_reader(s)), 0);
		CHECK_INT(store_seq(&same, store_reader(s)), 0);
		CHECK_INT(same, before);
		CHECK_INT(store_write_wait(s, good_work, NULL, &err), 0);
		CHECK_INT(store_seq(&after, store_reader(s)), 0);
		CHECK_INT(after, before + 1);
	}
}

/* ---- which book */

static void test_book_file(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = NULL;
	struct err err = {0};
	CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
	CHECK_INT(store_book_changed(s, &err), 0); /* nothing is imported yet */
	fixture_write_book(f, "first edition\n");
	CHECK_INT(store_import_current(s, "depth=0", &err), 0);
	fixture_write_book(f, "second edition\n"); /* changed while the first was being read */
	import_changed(s, 0);
	CHECK_INT(store_import_current(s, "depth=0", &err), 0);
	import_changed(s, 0);
	CHECK_INT(store_import_current(s, "depth=0", &err), 1);
	CHECK_INT(store_book_changed(s, &err), 0);
	fixture_write_book(f, "second edition\n"); /* touched, the same */
	CHECK_INT(store_book_changed(s, &err), 0);
	CHECK_INT(store_import_current(s, "depth=0", &err), 1);
	fixture_write_book(f, "third edition.\n");
	CHECK_INT(store_book_changed(s, &err), 1);
	CHECK_INT(store_import_current(s, "depth=0", &err), 0);
	CHECK_INT(store_import_current(s, "depth=2", &err), 0);
	unlink(f->book_path);
	CHECK_INT(store_import_current(s, "depth=0", &err), -ENOENT);
	CHECK_INT(store_book_changed(s, &err), -ENOENT);
	fixture_write_book(f, "first edition\n");
}

static void test_names(void)
{
	CHECK_STR(store_event_name(EVENT_CONCEPTS_READY), "conceptsReady");
	for (int i = 0; i < EVENT_TYPES; i++)
		CHECK(store_event_name((enum store_event_type)i) != NULL);
	CHECK_STR(job_state_name(STATE_NONE), "pending");
	CHECK_STR(job_state_name(STATE_IN_PROGRESS), "in_progress");
	CHECK_STR(job_state_name(STATE_SKIPPED), "skipped");
}

int main(void)
{
	static void (*const tests[])(struct fixture * f) = {
		test_changed_text, test_former_text, test_twins,     test_cast,
		test_again,	   test_failures,    test_pause,     test_adopt,
		test_groups,	   test_snapshot,    test_seq_moves, test_book_file,
	};
	struct fixture f;
	fixture_init(&f);
	test_book(&f);
	test_work(&f); /* on the same book */
	fixture_finish(&f);
	for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
		fixture_init(&f);
		tests[i](&f);
		fixture_finish(&f);
	}
	test_names();
	return check_result();
}
