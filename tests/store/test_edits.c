/* SPDX-License-Identifier: MIT */
#include <sys/stat.h>

#include "check.h"
#include "fixture.h"

/* What persons decide: it shows at once, it lasts, it spends nothing, and it can be taken back. */

#define SEEN_ANY 0

/* ---- each deed, waiting until it is stored */

struct deed_arg {
	int chapter, scene, most;
	int64_t id;
	const struct analysis *analysis;
	const char *text;
	const struct corrections *list;
	struct look *looks;
	size_t count;
	const struct bytes *bytes;
	bool again;
};

static int do_edit(struct store_tx *tx, void *arg, struct err *err)
{
	struct deed_arg *d = arg;
	return tx_edit_analysis(tx, d->chapter, d->id, d->analysis);
}

static int do_remove(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_remove_analysis(tx, ((struct deed_arg *)arg)->chapter);
}

static int do_remove_picture(struct store_tx *tx, void *arg, struct err *err)
{
	struct deed_arg *d = arg;
	return tx_remove_picture(tx, d->chapter, d->scene);
}

static int do_undo(struct store_tx *tx, void *arg, struct err *err)
{
	int count = -1;
	int result = tx_undo(&count, tx, ((struct deed_arg *)arg)->most);
	return result < 0 ? result : count;
}

static int do_style(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_set_style(tx, ((struct deed_arg *)arg)->text);
}

static int do_correct(struct store_tx *tx, void *arg, struct err *err)
{
	struct deed_arg *d = arg;
	return tx_correct(tx, d->text, d->list);
}

static int do_fix(struct store_tx *tx, void *arg, struct err *err)
{
	struct deed_arg *d = arg;
	return tx_fix_looks(tx, d->looks, d->count);
}

static int do_approve(struct store_tx *tx, void *arg, struct err *err)
{
	struct deed_arg *d = arg;
	const struct wish w = {.chapter = d->chapter, .profile = "painter", .on_demand = true};
	int count = -1;
	int result = tx_approve(&count, tx, &w, d->scene);
	return result < 0 ? result : count;
}

static int do_regenerate(struct store_tx *tx, void *arg, struct err *err)
{
	struct deed_arg *d = arg;
	const struct wish w = {.chapter = d->chapter, .profile = "painter", .on_demand = true};
	return tx_regenerate(tx, &w, d->scene);
}

static int do_portrait(struct store_tx *tx, void *arg, struct err *err)
{
	struct deed_arg *d = arg;
	return tx_set_portrait(tx, ELEMENT_CHARACTER, d->text, d->bytes);
}

static int do_remove_portrait(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_remove_portrait(tx, ((struct deed_arg *)arg)->id);
}

static int run(struct store *s, store_work_fn work, struct deed_arg d)
{
	return store_write_wait(s, work, &d, NULL);
}
#define DO(s, work, ...) run(s, work, (struct deed_arg){__VA_ARGS__})

/* ---- what there is */

static struct store *opened(const struct fixture *f)
{
	struct store *s = NULL;
	struct err err = {0};
	struct book *b = make_book(6, 0);
	CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
	CHECK_INT(import_book(s, b), 0);
	free_book(b);
	return s;
}

static void analyse_by(struct store *s, int chapter, int scenes, const char *word,
		       const struct result_info *info)
{
	CLEANUP(analysis_free_cleanup) struct analysis *a = make_analysis(scenes, word);
	struct element *e = analysis_add_element(a);
	struct store_job job;
	analysis_set(&e->name, "Alice");
	analysis_set(&e->description, "a girl with a lantern");
	CHECK_INT(wish_for(s, info->provider, chapter, true, true), 0);
	CHECK_INT(claim_for(&job, s, JOB_ANALYZE, info->provider), 1);
	CHECK_INT(finish_analysis_by(s, job.id, a, info), 0);
	store_job_finish(&job);
}

/* Without a wish for pictures. */
static const struct result_info by_builtin = {
	.provider = "builtin", .model = "extractive-1", .prompt_version = 1};
static const struct result_info by_server = {
	.provider = "openai", .model = "m", .prompt_version = 1};

static void analyse(struct store *s, int chapter, int scenes, const char *word)
{
	analyse_by(s, chapter, scenes, word, &by_builtin);
}

struct picture_arg {
	int64_t job;
	const char *bytes;
	const struct result_info *info;
};

static int do_picture(struct store_tx *tx, void *arg, struct err *err)
{
	struct picture_arg *p = arg;
	return tx_picture_done(tx, p->job, p->bytes, strlen(p->bytes), "png", p->info);
}

/* The next that waits; the chapter and scene it was of. */
static void draw_by(struct store *s, const char *bytes, const struct result_info *info)
{
	struct store_job job;
	CHECK_INT(claim(&job, s, JOB_ILLUSTRATE), 1);
	struct picture_arg arg = {job.id, bytes, info};
	CHECK_INT(store_write_wait(s, do_picture, &arg, NULL), 0);
	store_job_finish(&job);
}

static void draw(struct store *s, const char *bytes)
{
	draw_by(s, bytes, &builtin_info);
}

static void draw_all(struct store *s, int chapter)
{
	int count = wish_pictures(s, chapter, false);
	CHECK(count > 0);
	for (int i = 0; i < count; i++) {
		CLEANUP(cleanup_free) char *bytes = xasprintf("PNG %d.%d", chapter, i + 1);
		draw(s, bytes);
	}
}

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

/* All that a reader of the store can see of the book, as text. */
static int add_picture(void *arg, const struct store_picture *p)
{
	buf_addf(arg, "%d.%d: %lld of %lld, %d, %d attempts, \"%s\", %d, %lld tokens\n", p->chapter,
		 p->scene, (long long)p->id, (long long)p->concept, p->state, p->attempts,
		 p->outdated ? p->outdated : "", p->waits_approval, (long long)p->usage.tokens_in);
	return 0;
}

static int add_portrait(void *arg, const struct store_portrait *p)
{
	buf_addf(arg, "portrait %lld %s.%s\n", (long long)p->id, p->name, p->ext);
	return 0;
}

static void add_cast(struct buf *out, struct store_reader *r)
{
	CLEANUP(store_cast_free_cleanup) struct store_cast *cast = store_cast_new();
	const struct catalogue *c = NULL;
	CHECK_INT(store_cast_catalogue(&c, cast, r), 0);
	for (size_t i = 0; c && i < c->len; i++)
		buf_addf(out, "%s: %s, %s (%lld) in %s\n", c->entries[i].name,
			 c->entries[i].said ? c->entries[i].said : "-",
			 c->entries[i].look ? c->entries[i].look : "-",
			 (long long)c->entries[i].look_id, c->entries[i].drawn_in);
}

static char *all_of(struct store *s)
{
	struct store_reader *r = store_reader(s);
	struct buf out = {0};
	int64_t style = 0;
	for (int chapter = 1; chapter <= 6; chapter++) {
		struct store_state state = {0};
		struct store_analysis a = {0};
		CHECK_INT(store_state(&state, r, chapter), 0);
		buf_addf(&out, "%d: %d, analysis %lld of %d, %d attempts, %lld tokens\n", chapter,
			 state.state, (long long)state.analysis_id, state.concepts, state.attempts,
			 (long long)state.tokens);
		if (store_analysis(&a, r, chapter, true) == 0)
			analysis_encode(&out, a.analysis);
		store_analysis_finish(&a);
		store_state_finish(&state);
	}
	CHECK_INT(store_pictures(r, 0, add_picture, &out), 0);
	CHECK_INT(store_portraits(r, add_portrait, &out), 0);
	CHECK_INT(store_style(&out, &style, r), 0);
	add_cast(&out, r);
	return buf_steal(&out, NULL);
}

static int64_t best_of(struct store *s, int chapter)
{
	int64_t id = -1;
	CHECK_INT(store_analysis_id(&id, store_reader(s), chapter), 0);
	return id;
}

/* A copy of what a chapter shows, to be edited. */
static struct analysis *copy_of(struct store *s, int chapter)
{
	struct store_analysis a = {0};
	CHECK_INT(store_analysis(&a, store_reader(s), chapter, true), 0);
	struct analysis *copy = a.analysis;
	a.analysis = NULL;
	store_analysis_finish(&a);
	return copy;
}

static void strike_out(struct analysis *a, size_t i)
{
	struct concept struck = a->concepts[i];
	memmove(&a->concepts[i], &a->concepts[i + 1],
		(a->concept_count - i - 1) * sizeof(a->concepts[0]));
	a->concepts[--a->concept_count] = struck; /* freed with the others: the room is theirs */
	struct analysis *rest = analysis_new();
	*analysis_add_concept(rest) = struck;
	a->concepts[a->concept_count] = (struct concept){0};
	analysis_free(rest);
}

/* ---- an analysis edited */

static void test_edit(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = opened(f);
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
	CLEANUP(store_close_cleanup) struct store *s = opened(f);
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

static int never_portrait(void *arg, const struct store_portrait *p)
{
	return 1;
}

static void test_remove(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = opened(f);
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
	CLEANUP(store_close_cleanup) struct store *s = opened(f);
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
	CLEANUP(store_close_cleanup) struct store *s = opened(f);
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

static void test_looks(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = opened(f);
	CLEANUP(store_cast_free_cleanup) struct store_cast *cast = store_cast_new();
	struct result_info info = builtin_info;
	analyse(s, 2, 2, "first");
	analyse(s, 3, 1, "third");
	check_alice(s, cast, "", "", "");
	int64_t look = fix(s, "Alice", "Alice: fair hair");
	CHECK(look > 0);
	CHECK_INT(fix(s, "Alice", "Alice: dark hair"), look); /* the first holds */
	CHECK(fix(s, "Hatter", "a tall hat") != look);
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
	CLEANUP(store_close_cleanup) struct store *s = opened(f);
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
	CLEANUP(store_close_cleanup) struct store *s = opened(f);
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
	CLEANUP(store_close_cleanup) struct store *s = opened(f);
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
	CLEANUP(store_close_cleanup) struct store *s = opened(f);
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
	CLEANUP(store_close_cleanup) struct store *s = opened(f);
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

/* ---- approval */

static void check_waits(struct store *s, int scene, bool want)
{
	struct store_picture p = {0};
	CHECK_INT(store_picture(&p, store_reader(s), 2, scene), 0);
	CHECK_INT(p.waits_approval, want);
}

static void test_approval(struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = opened(f);
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
	CLEANUP(store_close_cleanup) struct store *s = opened(f);
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
	describe(s, "Alice", "red hair");
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
	CLEANUP(store_close_cleanup) struct store *s = opened(f);
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
		test_edit,	     test_over_edit, test_remove,      test_made_in_place,
		test_remove_picture, test_looks,     test_corrections, test_other_type,
		test_merged,	     test_style,     test_portraits,   test_approval,
		test_all_back,	     test_twins,
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
