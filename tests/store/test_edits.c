/* SPDX-License-Identifier: MIT */
#include <sys/stat.h>

#include "check.h"
#include "person.h"

/* What persons decide: it shows at once, it lasts, it spends nothing, and it can be taken back. */

/* Nothing waits to be done by anybody. */
static bool is_idle(struct store *s)
{
	int analyses = -1, pictures = -1;
	CHECK_INT(store_open_jobs(&analyses, store_reader(s), JOB_ANALYZE), 0);
	CHECK_INT(store_open_jobs(&pictures, store_reader(s), JOB_ILLUSTRATE), 0);
	return analyses == 0 && pictures == 0;
}

static void check_state(struct store *s, int chapter, enum job_state want)
{
	struct store_state state = {0};
	CHECK_INT(store_state(&state, store_reader(s), chapter), 0);
	CHECK_INT(state.state, want);
	CHECK(state.error == NULL && state.error_code == 0);
	CHECK(want != STATE_NONE || (state.attempts == 0 && state.tokens == 0));
	store_state_finish(&state);
}

/* "" : it has no picture; NULL: there is no such scene. */
static void check_picture(struct store *s, int chapter, int scene, const char *want)
{
	CLEANUP(buf_finish) struct buf bytes = {0};
	struct store_picture p = {0};
	CHECK_INT(store_picture(&p, store_reader(s), chapter, scene), want ? 0 : -ENOENT);
	if (!want)
		return;
	CHECK((p.id > 0) == (*want != '\0'));
	if (p.id)
		CHECK_INT(store_picture_bytes(&bytes, store_reader(s), p.id), 0);
	CHECK_STR(buf_str(&bytes), want);
	CHECK_INT(p.state, *want ? STATE_COMPLETED : STATE_NONE);
}

static void check_outdated(struct store *s, int chapter, int scene, const char *want)
{
	struct store_picture p = {0};
	CHECK_INT(store_picture(&p, store_reader(s), chapter, scene), 0);
	CHECK_STR(p.outdated ? p.outdated : "", want);
}

/* ---- an analysis edited */

static void test_edit(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = open_book(f);
	struct store_analysis a = {0};
	struct store_picture p;
	analyse(s, 2, 3, "first");
	draw_all(s, 2);
	int64_t before = best_of(s, 2);

	CLEANUP(analysis_free_cleanup) struct analysis *edited = copy_of(s, 2);
	CHECK_INT(DO(s, do_edit, .chapter = 2, .analysis = edited), 0);
	CHECK_INT(best_of(s, 2), before); /* saved as it was: no edit */
	strike_out(edited, 1);
	analysis_set(&edited->concepts[1].description, "a storm instead");
	struct concept *new = analysis_add_concept(edited);
	new->scene = 4;
	analysis_set(&new->description, "a harbour at night");
	CHECK_INT(DO(s, do_edit, .chapter = 9, .analysis = edited), -ENOENT);
	CHECK_INT(DO(s, do_edit, .chapter = 1, .analysis = edited), -ENODATA);
	CHECK_INT(DO(s, do_edit, .chapter = 2, .id = before + 5, .analysis = edited), -ESTALE);
	new->scene = 3;
	CHECK_INT(DO(s, do_edit, .chapter = 2, .analysis = edited), -EINVAL);
	new->scene = 4;
	CHECK_INT(DO(s, do_edit, .chapter = 2, .id = before, .analysis = edited), 0);
	CHECK(is_idle(s)); /* nothing is drawn by itself */
	CHECK_INT(check_store(s), 0);

	CHECK_INT(store_analysis(&a, store_reader(s), 2, true), 0);
	CHECK_STR(a.provider, "person");
	CHECK_INT(a.analysis->concept_count, 3);
	CHECK_INT(a.serials[0], 1);
	CHECK_INT(a.serials[1], 3); /* scene 3 is the same concept */
	CHECK(a.serials[2] > 3);
	check_picture(s, 2, 1, "PNG 2.1");
	check_picture(s, 2, 2, NULL);
	check_picture(s, 2, 3, "PNG 2.3");
	check_picture(s, 2, 4, "");
	check_outdated(s, 2, 1, "");
	check_outdated(s, 2, 3, "the scene was edited");
	CHECK_INT(store_concept(&p, store_reader(s), 3), 0);
	CHECK_INT(p.scene, 3);
	CHECK_INT(store_concept(&p, store_reader(s), 2), 0); /* not in the book, still there */
	CHECK_INT(store_concept(&p, store_reader(s), a.serials[2]), 0);
	store_analysis_finish(&a);

	/* An edit of the edit, and a new picture of what was edited. */
	analysis_set(&edited->concepts[0].mood, "calm");
	CHECK_INT(DO(s, do_edit, .chapter = 2, .analysis = edited), 0);
	check_outdated(s, 2, 1, "the scene was edited");
	CHECK_INT(DO(s, do_regenerate, .chapter = 2, .scene = 3), 0);
	check_picture(s, 2, 3, "PNG 2.3"); /* until the new one is there */
	draw(s, "PNG anew");
	check_picture(s, 2, 3, "PNG anew");
	check_outdated(s, 2, 3, "");
	CHECK_INT(wish_pictures(s, 2, false), 1); /* scene 4 alone */
	CHECK_INT(DO(s, do_regenerate, .chapter = 2, .scene = 2), -ENOENT);
	CHECK_INT(check_store(s), 0);

	CHECK_INT(DO(s, do_undo, .most = 0), 2);
	CHECK(is_idle(s)); /* scene 4 is no more, nor is its picture wanted */
	CHECK_INT(best_of(s, 2), before);
	check_picture(s, 2, 2, "PNG 2.2");
	check_outdated(s, 2, 3, "the scene was edited"); /* that picture is of the edit */
	CHECK_INT(check_store(s), 0);
}

/* What a person wrote stands over whatever is analysed later, but for an analysis by name. */
static void test_over_edit(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = open_book(f);
	struct store_job job;
	analyse(s, 2, 2, "first");
	CLEANUP(analysis_free_cleanup) struct analysis *mine = make_analysis(1, "mine");
	CLEANUP(analysis_free_cleanup) struct analysis *later = make_analysis(1, "later");
	CLEANUP(analysis_free_cleanup) struct analysis *theirs = make_analysis(2, "theirs");
	CHECK_INT(DO(s, do_edit, .chapter = 2, .analysis = mine), 0);
	int64_t edit = best_of(s, 2);
	CHECK_INT(wish(s, 2, true, false), 0);
	CHECK_INT(claim(&job, s, JOB_ANALYZE), 0); /* a result stands */

	CHECK_INT(wish_for(s, "openai", 2, true, true), 0);
	CHECK_INT(claim_for(&job, s, JOB_ANALYZE, "openai"), 1);
	CHECK_INT(DO(s, do_edit, .chapter = 2, .analysis = later), 0); /* while it is at work */
	int64_t second = best_of(s, 2);
	CHECK(second > edit);
	CHECK_INT(finish_analysis_by(s, job.id, theirs, &by_server), 0);
	store_job_finish(&job);
	CHECK_INT(best_of(s, 2), second); /* it was not asked to replace that one */
	CHECK_INT(check_store(s), 0);

	analyse_by(s, 2, 2, "theirs again", &by_server);
	int64_t third = best_of(s, 2);
	CHECK(third > second);
	CHECK_INT(DO(s, do_undo, .most = 1), 1);
	CHECK_INT(best_of(s, 2), second);
	CHECK_INT(check_store(s), 0);
	CHECK_INT(DO(s, do_undo, .most = 0), 3); /* the first edit had gone by itself */
	CHECK_INT(best_of(s, 2), third);
	CHECK_INT(DO(s, do_undo, .most = 0), 0);
	CHECK_INT(check_store(s), 0);

	/* Where there was no edit when it was asked for, there is none to replace. */
	analyse(s, 3, 2, "first");
	CHECK_INT(wish_for(s, "openai", 3, true, true), 0);
	CHECK_INT(claim_for(&job, s, JOB_ANALYZE, "openai"), 1);
	CHECK_INT(DO(s, do_edit, .chapter = 3, .analysis = mine), 0);
	CHECK_INT(finish_analysis_by(s, job.id, theirs, &by_server), 0);
	store_job_finish(&job);
	CHECK_INT(DO(s, do_undo, .most = 0), 1);
}

/* ---- taken away */

static void test_remove(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = open_book(f);
	struct store_reader *r = store_reader(s);
	struct store_picture p = {0};
	struct store_job job;
	analyse(s, 2, 2, "first");
	draw_all(s, 2);
	analyse(s, 3, 1, "third");
	CHECK_INT(store_picture(&p, r, 2, 1), 0);
	int64_t picture = p.id, concept = p.concept;
	CHECK_INT(wish(s, 2, false, true), 0); /* and again, which fails */
	CHECK_INT(claim(&job, s, JOB_ANALYZE), 1);
	CHECK_INT(fail_job(s, job.id, 0), 0);
	store_job_finish(&job);
	CHECK_INT(wish_pictures(s, 3, false), 1); /* which waits */
	CLEANUP(cleanup_free) char *was = all_of(s);

	CHECK_INT(DO(s, do_remove, .chapter = 5), -ENOENT);
	CHECK_INT(DO(s, do_remove, .chapter = 77), -ENOENT);
	CHECK_INT(DO(s, do_remove, .chapter = 2), 0);
	CHECK_INT(DO(s, do_remove, .chapter = 2), -ENOENT);
	CHECK_INT(DO(s, do_remove, .chapter = 3), 0);
	CHECK(is_idle(s));
	check_state(s, 2, STATE_NONE);
	check_state(s, 3, STATE_NONE);
	CHECK_INT(retry_failed(s, 0), 0);
	CHECK_INT(best_of(s, 2), 0);
	check_picture(s, 2, 1, NULL);
	CLEANUP(buf_finish) struct buf bytes = {0};
	CHECK_INT(store_picture_bytes(&bytes, r, picture), -ENOENT);
	CHECK_INT(store_concept(&p, r, concept), -ENOENT);
	struct store_analysis a = {0};
	CHECK_INT(store_analysis(&a, r, 2, true), -ENOENT);
	CHECK_INT(DO(s, do_remove_picture, .chapter = 2, .scene = 1), -ENOENT);
	CHECK_INT(check_store(s), 0);

	CHECK_INT(DO(s, do_undo, .most = 0), 2);
	CHECK(is_idle(s)); /* no work comes back by itself */
	CLEANUP(cleanup_free) char *now = all_of(s);
	CHECK(strstr(was, "3.1: 0 of 3, 1, ") && strstr(now, "3.1: 0 of 3, 0, "));
	check_picture(s, 2, 1, "PNG 2.1");
	check_picture(s, 2, 2, "PNG 2.2");
	CHECK_INT(check_store(s), 0);
}

/* What was made in its place goes again when the removal is undone, also if it is newer. */
static void test_made_in_place(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = open_book(f);
	analyse(s, 2, 1, "first");
	draw_all(s, 2);
	int64_t first = best_of(s, 2);
	CLEANUP(cleanup_free) char *was = all_of(s);
	CHECK_INT(DO(s, do_remove_picture, .chapter = 2, .scene = 1), 0);
	CHECK_INT(DO(s, do_remove, .chapter = 2), 0);
	analyse(s, 2, 1, "first"); /* to the byte the same, and yet another */
	CHECK(best_of(s, 2) > first);
	check_picture(s, 2, 1, "");
	draw_all(s, 2);
	CHECK_INT(check_store(s), 0);
	CHECK_INT(DO(s, do_undo, .most = 1), 1);
	CHECK_INT(best_of(s, 2), first);
	check_picture(s, 2, 1, "");
	CHECK_INT(DO(s, do_regenerate, .chapter = 2, .scene = 1), 0);
	draw(s, "PNG in its place");
	check_picture(s, 2, 1, "PNG in its place");
	CHECK_INT(check_store(s), 0);
	CHECK_INT(DO(s, do_undo, .most = 1), 1);
	CLEANUP(cleanup_free) char *now = all_of(s);
	CHECK_STR(now, was);
	check_picture(s, 2, 1, "PNG 2.1");
	CHECK_INT(check_store(s), 0);
}

static void test_remove_picture(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = open_book(f);
	struct store_picture p = {0};
	analyse(s, 2, 2, "first");
	draw_all(s, 2);
	CHECK_INT(DO(s, do_regenerate, .chapter = 2, .scene = 1), 0);
	draw(s, "PNG later");
	CHECK_INT(DO(s, do_regenerate, .chapter = 2, .scene = 1), 0); /* waits */
	CHECK_INT(store_picture(&p, store_reader(s), 2, 1), 0);
	int64_t later = p.id;
	CHECK_INT(DO(s, do_remove_picture, .chapter = 2, .scene = 7), -ENOENT);
	CHECK_INT(DO(s, do_remove_picture, .chapter = 2, .scene = 1), 0);
	CHECK(is_idle(s));
	check_picture(s, 2, 1, ""); /* not the earlier one either */
	CHECK_INT(retry_failed(s, 0), 0);
	CHECK_INT(DO(s, do_regenerate, .chapter = 2, .scene = 1), 0);
	CHECK(!is_idle(s));
	check_picture(s, 2, 2, "PNG 2.2");
	CLEANUP(buf_finish) struct buf bytes = {0};
	CHECK_INT(store_picture_bytes(&bytes, store_reader(s), later), -ENOENT);
	CHECK_INT(DO(s, do_remove_picture, .chapter = 2, .scene = 1), -ENOENT);
	CHECK_INT(check_store(s), 0);
	CHECK_INT(DO(s, do_undo, .most = 0), 1);
	check_picture(s, 2, 1, "PNG later");
	CHECK(is_idle(s)); /* what was asked for in its place is not needed */
	CHECK_INT(check_store(s), 0);
}

/* ---- approval */

static void check_waits(struct store *s, int scene, bool want)
{
	struct store_picture p = {0};
	CHECK_INT(store_picture(&p, store_reader(s), 2, scene), 0);
	CHECK_INT(p.waits_approval, want);
}

static void test_approval(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = open_book(f);
	CHECK_INT(DO(s, do_approve, .chapter = 2), -ENOENT); /* no analysis yet */
	CHECK_INT(DO(s, do_approve, .chapter = 1), -ENODATA);
	CHECK_INT(DO(s, do_approve, .chapter = 77), -ENOENT);
	analyse(s, 2, 3, "first");
	CHECK_INT(store_approved(store_reader(s), 2), 0);
	CHECK_INT(store_approved(store_reader(s), 3), 0);
	check_waits(s, 1, true);
	CHECK_INT(DO(s, do_approve, .chapter = 2, .scene = 9), -ENOENT);
	CHECK_INT(DO(s, do_approve, .chapter = 2, .scene = 2), 1);
	check_waits(s, 1, true);
	check_waits(s, 2, false);
	CHECK_INT(DO(s, do_approve, .chapter = 2, .scene = 2), 0);
	draw(s, "PNG 2");
	CHECK_INT(store_approved(store_reader(s), 2), 0);
	CHECK_INT(DO(s, do_approve, .chapter = 2), 2);
	CHECK_INT(store_approved(store_reader(s), 2), 1);
	CHECK_INT(DO(s, do_approve, .chapter = 2), 0);
	CHECK_INT(check_store(s), 0);

	CHECK_INT(DO(s, do_undo, .most = 1), 1); /* the two are not drawn yet */
	CHECK(is_idle(s));
	check_waits(s, 1, true);
	CHECK_INT(DO(s, do_remove_picture, .chapter = 2, .scene = 2), 0);
	check_waits(s, 2, true); /* it would be drawn again only if approved again */
	CHECK_INT(DO(s, do_undo, .most = 1), 1);
	check_waits(s, 2, false);
	check_picture(s, 2, 2, "PNG 2");
	CHECK_INT(check_store(s), 0);
}

static int do_ask_only(struct store_tx *tx, void *arg, struct err *err)
{
	const struct worker w = {.kind = JOB_ILLUSTRATE, .profile = "painter", .only_asked = true};
	return tx_adopt(tx, &w);
}

static void check_claim(struct store *s, int scene)
{
	CLEANUP(store_job_finish) struct store_job job = {0};
	int64_t due = 0;
	CHECK_INT(store_claimable(&due, store_reader(s), JOB_ILLUSTRATE, "painter"), 0);
	CHECK_INT(due == INT64_MAX, !scene);
	CHECK_INT(claim(&job, s, JOB_ILLUSTRATE), scene != 0);
	CHECK_INT(job.scene, scene);
}

/* Who draws only what is asked of him leaves another's wishes, what was approved apart; once they
 * are his too he takes them. */
static void test_others_wishes(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *other = open_book(f), *s = NULL;
	struct store_picture p = {0};
	struct err err = {0};
	analyse(other, 2, 3, "first");
	CHECK_INT(DO(other, do_approve, .chapter = 2, .scene = 2), 1);
	CHECK_INT(wish_pictures(other, 2, false), 2);
	CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
	CHECK_INT(store_write_wait(s, do_ask_only, NULL, NULL), 0);
	CHECK_INT(store_picture(&p, store_reader(s), 2, 1), 0);
	CHECK(p.state == STATE_PENDING && !p.asked_here);
	check_claim(s, 2);
	check_claim(s, 0);
	CHECK_INT(DO(s, do_regenerate, .chapter = 2, .scene = 3), 0);
	CHECK_INT(store_picture(&p, store_reader(s), 2, 3), 0);
	CHECK(p.asked_here);
	check_claim(s, 3);
	check_claim(s, 0);
	check_claim(other, 1);
}

/* ---- all of it, and back */

static int count_edit(void *arg, const struct store_edit *e)
{
	int *kinds = arg;
	kinds[e->kind]++;
	CHECK(e->time_unix_ms > 0 && *e->subject);
	CHECK(edit_kind_name(e->kind) != NULL);
	return 0;
}

static int newest_edit(void *arg, const struct store_edit *e)
{
	*(int64_t *)arg = e->id;
	return 1;
}

static int never_undone(void *arg, const struct store_edit *e)
{
	CHECK(e->undone_unix_ms > 0);
	return 0;
}

static int count_edited(void *arg, const struct store_event *e)
{
	if (e->type == EVENT_EDITED) {
		CHECK(e->detail && *e->detail);
		(*(int *)arg)++;
	}
	return 0;
}

/* As rm -rf of a mount does, and a person's whole afternoon: nothing is asked of anybody, and undo
 * gives everything back. */
static void test_all_back(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = open_book(f);
	struct bytes portrait = {"PNG", 3, "png"};
	int kinds[EDIT_KINDS] = {0}, told = 0;
	int64_t seq = 0, newest = 0;
	for (int chapter = 2; chapter <= 5; chapter++) {
		analyse(s, chapter, 3, "kept");
		draw_all(s, chapter);
	}
	CLEANUP(cleanup_free) char *was = all_of(s);
	CHECK_INT(store_seq(&seq, store_reader(s)), 0);
	CHECK_INT(DO(s, do_style, .text = "oil"), 0);
	CLEANUP(corrections_finish) struct corrections said = {0};
	corrections_add(&said, CORRECTION_DESCRIPTION, ELEMENT_CHARACTER, "Alice")->text =
		xstrdup("red hair");
	CHECK_INT(DO(s, do_correct, .text = "elements/characters/Alice.md", .list = &said), 0);
	CHECK_INT(DO(s, do_portrait, .text = "Alice", .bytes = &portrait), 0);
	CLEANUP(analysis_free_cleanup) struct analysis *edited = copy_of(s, 4);
	strike_out(edited, 0);
	CHECK_INT(DO(s, do_edit, .chapter = 4, .analysis = edited), 0);
	for (int chapter = 2; chapter <= 5; chapter++) {
		for (int scene = 2; scene <= 3; scene++)
			CHECK_INT(DO(s, do_remove_picture, .chapter = chapter, .scene = scene), 0);
		CHECK_INT(DO(s, do_remove, .chapter = chapter), 0);
	}
	CHECK(is_idle(s));
	CHECK_INT(check_store(s), 0);
	CHECK_INT(store_edits(store_reader(s), 0, count_edit, kinds), 0);
	CHECK_INT(kinds[EDIT_CONCEPTS_REMOVED], 4);
	CHECK_INT(kinds[EDIT_PICTURE_REMOVED], 8);
	CHECK_INT(kinds[EDIT_ELEMENT] + kinds[EDIT_STYLE] + kinds[EDIT_PORTRAIT], 3);
	CHECK_INT(store_edits(store_reader(s), 0, newest_edit, &newest), 1);
	CHECK_INT(newest, 16);
	CHECK_INT(store_events(store_reader(s), seq, 1000, count_edited, &told), 0);
	CHECK_INT(told, 16);

	CHECK_INT(DO(s, do_undo, .most = 0), 16);
	CLEANUP(cleanup_free) char *now = all_of(s);
	CHECK_STR(now, was);
	CHECK(is_idle(s));
	CHECK_INT(store_edits(store_reader(s), 0, never_undone, NULL), 0);
	CHECK_INT(store_events(store_reader(s), seq, 1000, count_edited, &told), 0);
	CHECK_INT(told, 16 + 32);
	CHECK_INT(DO(s, do_undo, .most = 0), 0);
	CHECK_INT(check_store(s), 0);
}

/* Two chapters of one text are edited as one. */
static void test_twins(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = open_book(f);
	struct book *b = make_book(6, 0);
	struct book_chapter *third = &b->chapters[2];
	int64_t seq = 0;
	int told = 0;
	free(third->text);
	third->text = xstrdup(b->chapters[1].text);
	third->text_bytes = b->chapters[1].text_bytes;
	CHECK_INT(import_book(s, b), 0);
	free_book(b);
	analyse(s, 2, 1, "twins");
	CHECK_INT(store_seq(&seq, store_reader(s)), 0);
	CHECK_INT(DO(s, do_remove, .chapter = 3), 0);
	CHECK_INT(best_of(s, 2), 0);
	CHECK_INT(store_events(store_reader(s), seq, 100, count_edited, &told), 0);
	CHECK_INT(told, 2);
	CHECK_INT(DO(s, do_undo, .most = 0), 1);
	CHECK(best_of(s, 2) > 0);
	CHECK_INT(check_store(s), 0);
}

int main(void)
{
	static void (*const tests[])(struct fixture * f) = {
		test_edit,	    test_over_edit,	 test_remove,
		test_made_in_place, test_remove_picture, test_approval,
		test_others_wishes, test_all_back,	 test_twins,
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
