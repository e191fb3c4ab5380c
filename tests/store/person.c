/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "person.h"

/* What a test stands on is not what it tests: without it there is none. */
static void must(int64_t got, int64_t want)
{
	if (got == want)
		return;
	fprintf(stderr, "the test cannot begin: %lld, not %lld\n", (long long)got, (long long)want);
	exit(1);
}

/* ---- each deed */

int do_edit(struct store_tx *tx, void *arg, struct err *err)
{
	struct deed_arg *d = arg;
	return tx_edit_analysis(tx, d->chapter, d->id, d->analysis);
}

int do_remove(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_remove_analysis(tx, ((struct deed_arg *)arg)->chapter);
}

int do_remove_picture(struct store_tx *tx, void *arg, struct err *err)
{
	struct deed_arg *d = arg;
	return tx_remove_picture(tx, d->chapter, d->scene);
}

int do_undo(struct store_tx *tx, void *arg, struct err *err)
{
	int count = -1;
	int result = tx_undo(&count, tx, ((struct deed_arg *)arg)->most);
	return result < 0 ? result : count;
}

int do_style(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_set_style(tx, ((struct deed_arg *)arg)->text);
}

int do_correct(struct store_tx *tx, void *arg, struct err *err)
{
	struct deed_arg *d = arg;
	return tx_correct(tx, d->text, d->list);
}

int do_fix(struct store_tx *tx, void *arg, struct err *err)
{
	struct deed_arg *d = arg;
	return tx_fix_looks(tx, d->looks, d->count);
}

int do_approve(struct store_tx *tx, void *arg, struct err *err)
{
	struct deed_arg *d = arg;
	const struct wish w = {.chapter = d->chapter, .profile = "painter", .on_demand = true};
	int count = -1;
	int result = tx_approve(&count, tx, &w, d->scene);
	return result < 0 ? result : count;
}

int do_regenerate(struct store_tx *tx, void *arg, struct err *err)
{
	struct deed_arg *d = arg;
	const struct wish w = {.chapter = d->chapter, .profile = "painter", .on_demand = true};
	return tx_regenerate(tx, &w, d->scene);
}

int do_portrait(struct store_tx *tx, void *arg, struct err *err)
{
	struct deed_arg *d = arg;
	return tx_set_portrait(tx, ELEMENT_CHARACTER, d->text, d->bytes);
}

int do_remove_portrait(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_remove_portrait(tx, ((struct deed_arg *)arg)->id);
}

int do_deed(struct store *s, store_work_fn work, struct deed_arg d)
{
	return store_write_wait(s, work, &d, NULL);
}

/* ---- what there is */

struct store *open_book(const struct fixture *f)
{
	struct store *s = NULL;
	struct err err = {0};
	struct book *b = make_book(6, 0);
	must(fixture_open(&s, f, NULL, &err), 0);
	must(import_book(s, b), 0);
	free_book(b);
	return s;
}

void analyse_by(struct store *s, int chapter, int scenes, const char *word,
		const struct result_info *info)
{
	CLEANUP(analysis_free_cleanup) struct analysis *a = make_analysis(scenes, word);
	struct element *e = analysis_add_element(a);
	struct store_job job;
	analysis_set(&e->name, "Alice");
	analysis_set(&e->description, "a girl with a lantern");
	must(wish_for(s, info->provider, chapter, true, true), 0);
	must(claim_for(&job, s, JOB_ANALYZE, info->provider), 1);
	must(finish_analysis_by(s, job.id, a, info), 0);
	store_job_finish(&job);
}

/* Without a wish for pictures. */
const struct result_info by_builtin = {
	.provider = "builtin", .model = "extractive-1", .prompt_version = 1};
const struct result_info by_server = {.provider = "openai", .model = "m", .prompt_version = 1};

void analyse(struct store *s, int chapter, int scenes, const char *word)
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
void draw_by(struct store *s, const char *bytes, const struct result_info *info)
{
	struct store_job job;
	must(claim(&job, s, JOB_ILLUSTRATE), 1);
	struct picture_arg arg = {job.id, bytes, info};
	must(store_write_wait(s, do_picture, &arg, NULL), 0);
	store_job_finish(&job);
}

void draw(struct store *s, const char *bytes)
{
	draw_by(s, bytes, &builtin_info);
}

void draw_all(struct store *s, int chapter)
{
	int count = wish_pictures(s, chapter, false);
	must(count > 0, true);
	for (int i = 0; i < count; i++) {
		CLEANUP(cleanup_free) char *bytes = xasprintf("PNG %d.%d", chapter, i + 1);
		draw(s, bytes);
	}
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
	must(store_cast_catalogue(&c, cast, r), 0);
	for (size_t i = 0; c && i < c->len; i++)
		buf_addf(out, "%s: %s, %s (%lld) in %s\n", c->entries[i].name,
			 c->entries[i].said ? c->entries[i].said : "-",
			 c->entries[i].look ? c->entries[i].look : "-",
			 (long long)c->entries[i].look_id, c->entries[i].drawn_in);
}

char *all_of(struct store *s)
{
	struct store_reader *r = store_reader(s);
	struct buf out = {0};
	int64_t style = 0;
	for (int chapter = 1; chapter <= 6; chapter++) {
		struct store_state state = {0};
		struct store_analysis a = {0};
		must(store_state(&state, r, chapter), 0);
		buf_addf(&out, "%d: %d, analysis %lld of %d, %d attempts, %lld tokens\n", chapter,
			 state.state, (long long)state.analysis_id, state.concepts, state.attempts,
			 (long long)state.tokens);
		if (store_analysis(&a, r, chapter, true) == 0)
			analysis_encode(&out, a.analysis);
		store_analysis_finish(&a);
		store_state_finish(&state);
	}
	must(store_pictures(r, 0, add_picture, &out), 0);
	must(store_portraits(r, add_portrait, &out), 0);
	must(store_style(&out, &style, r), 0);
	add_cast(&out, r);
	return buf_steal(&out, NULL);
}

int64_t best_of(struct store *s, int chapter)
{
	int64_t id = -1;
	must(store_analysis_id(&id, store_reader(s), chapter), 0);
	return id;
}

/* A copy of what a chapter shows, to be edited. */
struct analysis *copy_of(struct store *s, int chapter)
{
	struct store_analysis a = {0};
	must(store_analysis(&a, store_reader(s), chapter, true), 0);
	struct analysis *copy = a.analysis;
	a.analysis = NULL;
	store_analysis_finish(&a);
	return copy;
}

void strike_out(struct analysis *a, size_t i)
{
	struct concept *c = &a->concepts[i];
	free(c->quote.text);
	free(c->quote.page);
	free(c->description);
	free(c->mood);
	free(c->lighting);
	strv_finish(&c->elements);
	memmove(c, c + 1, (--a->concept_count - i) * sizeof(*c));
}
