/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "pipeline.h"
#include "settle.h"

/*
 * What is not done yet, put to the providers' estimates instead of to the providers. How much a
 * model reads out of a text and how much it says no estimate knows; but where it has answered for
 * this book already it is gone by that: tokens are corrected by what those answers took, beside
 * what they had been estimated at.
 */

static void usage_add(struct usage *sum, const struct usage *u, int times)
{
	sum->requests += u->requests * times;
	sum->tokens_in += u->tokens_in * times;
	sum->tokens_out += u->tokens_out * times;
}

/* Answers by the same model that are there: what they took, and what was to be expected. */
struct habit {
	struct usage taken, expected;
	int answers;
};

/* An estimate as far as it is, of what is wanted. */
struct count {
	struct estimate sum;
	struct jobs *jobs;
	const struct book *book;
	const struct estimate_scope *scope;
	struct habit habit;	/* of analyses */
	bool doubts_wait;	/* they are asked for already */
	struct usage a_picture; /* what one takes by habit; 0: nothing is known */
};

static bool is_wanted(const struct count *c, int chapter)
{
	return chapter >= 1 && (size_t)chapter <= c->book->chapter_count &&
	       (!c->scope->chapters || c->scope->chapters[chapter - 1]);
}

/* text is what the request borrows. */
static int request_of(struct analyze_request *out, struct buf *text, const struct count *k,
		      int number)
{
	const struct book_chapter *c = &k->book->chapters[number - 1];
	int pages_per_image = k->jobs->settings.pages_per_image;
	int rc = store_text(text, store_reader(k->jobs->store), c->text_id);
	if (rc < 0)
		return rc;
	*out = (struct analyze_request){
		.book_title = k->book->title,
		.language = k->book->language,
		.chapter = number,
		.chapter_title = c->title,
		.text = buf_str(text),
		.text_len = text->len,
		.scenes = scenes_wanted((int64_t)c->page_count, pages_per_image),
	};
	return 0;
}

static void expect_analysis(struct usage *out, const struct count *k,
			    const struct analyze_request *r)
{
	struct provider *p = k->jobs->lines[JOB_ANALYZE].provider;
	*out = (struct usage){0};
	if (p->ops->estimate_analyze)
		p->ops->estimate_analyze(out, p, r);
}

/* ---- habits */

/* One answer may be a long one by chance: what was expected counts as half an answer. */
static int64_t by_habit(int64_t expected_now, int64_t taken, int64_t expected, int answers)
{
	if (!taken || !expected)
		return expected_now;
	double one_half = (double)expected / answers / 2;
	return (int64_t)((double)expected_now * ((double)taken + one_half) /
				 ((double)expected + one_half) +
			 0.5);
}

static void apply_habit(struct usage *u, const struct habit *h)
{
	const struct usage *taken = &h->taken, *expected = &h->expected;
	u->tokens_in = by_habit(u->tokens_in, taken->tokens_in, expected->tokens_in, h->answers);
	u->tokens_out =
		by_habit(u->tokens_out, taken->tokens_out, expected->tokens_out, h->answers);
}

static int learn_of_chapter(struct count *k, int number)
{
	CLEANUP(store_analysis_finish) struct store_analysis a = {0};
	CLEANUP(buf_finish) struct buf text = {0};
	const struct result_info ours = pipeline_result(&k->jobs->lines[JOB_ANALYZE]);
	struct analyze_request request;
	struct usage expected;
	int rc = store_analysis(&a, store_reader(k->jobs->store), number, false);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	if (!a.usage.tokens_in || strcmp(a.provider, ours.provider) || strcmp(a.model, ours.model))
		return 0;
	rc = request_of(&request, &text, k, number);
	if (rc < 0)
		return rc;
	expect_analysis(&expected, k, &request);
	usage_add(&k->habit.expected, &expected, 1);
	k->habit.answers++;
	k->habit.taken.tokens_in += a.usage.tokens_in;
	k->habit.taken.tokens_out += a.usage.tokens_out;
	return 0;
}

static int learn_habits(struct count *k)
{
	const struct result_info ours = pipeline_result(&k->jobs->lines[JOB_ILLUSTRATE]);
	struct store_usage sum;
	int count, rc = 0;
	for (size_t i = 0; rc == 0 && i < k->book->chapter_count; i++)
		if (k->book->chapters[i].kind == BOOK_STORY)
			rc = learn_of_chapter(k, (int)i + 1);
	if (rc == 0)
		rc = store_picture_habit(&sum, &count, store_reader(k->jobs->store), ours.provider,
					 ours.model);
	if (rc == 0 && count) {
		k->a_picture.tokens_in = sum.tokens_in / count;
		k->a_picture.tokens_out = sum.tokens_out / count;
	}
	return rc;
}

/* ---- what is left to do */

static void estimate_pictures(struct count *c, const struct paint_request *r, int count)
{
	struct provider *p = c->jobs->lines[JOB_ILLUSTRATE].provider;
	struct estimate *e = &c->sum;
	struct usage one = {0};
	if (c->scope->most && e->pictures + count > c->scope->most)
		count = c->scope->most - e->pictures;
	if (p->ops->estimate_paint)
		p->ops->estimate_paint(&one, p, r);
	if (c->a_picture.tokens_in || c->a_picture.tokens_out) {
		one.tokens_in = c->a_picture.tokens_in;
		one.tokens_out = c->a_picture.tokens_out;
	}
	usage_add(&e->image, &one, count);
	e->pictures += count;
}

static int estimate_chapter(struct count *k, int number)
{
	CLEANUP(store_state_finish) struct store_state state = {0};
	CLEANUP(buf_finish) struct buf text = {0};
	struct analyze_request request;
	struct usage one;
	int rc = store_state(&state, store_reader(k->jobs->store), number);
	if (rc < 0 || state.state == STATE_SKIPPED || state.state == STATE_COMPLETED)
		return rc;
	rc = request_of(&request, &text, k, number);
	if (rc < 0)
		return rc;
	expect_analysis(&one, k, &request);
	apply_habit(&one, &k->habit);
	usage_add(&k->sum.text, &one, 1);
	k->sum.chapters++;
	const struct paint_request picture = {
		.book_title = request.book_title,
		.chapter_title = request.chapter_title,
		.chapter = number,
		.prompt = "",
		.width_px = k->jobs->settings.image_width_px,
		.height_px = k->jobs->settings.image_height_px,
	};
	if (k->scope->images && utf8_words(request.text, request.text_len))
		estimate_pictures(k, &picture, request.scenes);
	return 0;
}

static int estimate_picture(void *arg, const struct store_picture *p)
{
	struct count *k = arg;
	if (p->id || !is_wanted(k, p->chapter))
		return 0;
	const struct paint_request request = {
		.book_title = k->book->title,
		.chapter = p->chapter,
		.scene = p->scene,
		.prompt = p->prompt ? p->prompt : "",
		.width_px = k->jobs->settings.image_width_px,
		.height_px = k->jobs->settings.image_height_px,
	};
	estimate_pictures(k, &request, 1);
	return 0;
}

/* Chapters with one text have one analysis. */
struct wanted {
	int64_t text_id;
	int number;
};

static int by_text(const void *a, const void *b)
{
	const struct wanted *x = a, *y = b;
	if (x->text_id != y->text_id)
		return x->text_id < y->text_id ? -1 : 1;
	return x->number - y->number;
}

static int estimate_chapters(struct count *k)
{
	size_t room = k->book->chapter_count, count = 0;
	CLEANUP(cleanup_free) struct wanted *wanted = xcalloc(room + 1, sizeof(*wanted));
	for (size_t i = 0; i < room; i++)
		if (k->book->chapters[i].kind == BOOK_STORY && is_wanted(k, (int)i + 1))
			wanted[count++] = (struct wanted){k->book->chapters[i].text_id, (int)i + 1};
	qsort(wanted, count, sizeof(*wanted), by_text);
	for (size_t i = 0; i < count; i++) {
		bool again = i && wanted[i].text_id == wanted[i - 1].text_id;
		int rc = again ? 0 : estimate_chapter(k, wanted[i].number);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* ---- errands: the book's as a whole */

static bool is_whole(const struct count *k)
{
	for (size_t i = 0; i < k->book->chapter_count; i++)
		if (k->book->chapters[i].kind == BOOK_STORY && !is_wanted(k, (int)i + 1))
			return false;
	return true;
}

static void estimate_question(struct count *k, const char *prompt, int64_t answer_tokens)
{
	struct provider *p = k->jobs->lines[JOB_ANALYZE].provider;
	const struct question q = {.prompt = prompt, .answer_tokens = answer_tokens};
	struct usage one = {0};
	if (p->ops->estimate_ask)
		p->ops->estimate_ask(&one, p, &q);
	usage_add(&k->sum.text, &one, 1);
	k->sum.errands++;
}

static int estimate_errand(void *arg, const struct store_job *j)
{
	struct count *k = arg;
	if (j->state == STATE_FAILED || (j->kind == JOB_ANALYZE && !settle_asks(k->jobs)))
		return 0;
	if (j->kind == JOB_ANALYZE) {
		k->doubts_wait |= j->errand == ERRAND_DOUBTS;
		estimate_question(k, "", ERRAND_TOKENS);
		return 0;
	}
	const struct paint_request request = {.book_title = k->book->title,
					      .prompt = "",
					      .width_px = k->jobs->settings.image_width_px,
					      .height_px = k->jobs->settings.image_height_px};
	struct provider *p = k->jobs->lines[JOB_ILLUSTRATE].provider;
	struct usage one = {0};
	if (p->ops->estimate_paint)
		p->ops->estimate_paint(&one, p, &request);
	usage_add(&k->sum.image, &one, 1);
	k->sum.errands++;
	return 0;
}

/* Whether there will be doubts nobody knows before all is analysed; then it is looked. */
static int estimate_doubts(struct count *k)
{
	CLEANUP(store_cast_free_cleanup) struct store_cast *cast = store_cast_new();
	CLEANUP(corrections_finish) struct corrections said = {0};
	CLEANUP(doubts_finish) struct doubts doubts = {0};
	CLEANUP(buf_finish) struct buf prompt = {0};
	struct store_reader *r = store_reader(k->jobs->store);
	const struct catalogue *c = NULL;
	char key[HASH_HEX];
	bool whole = false, known = false;
	if (!k->jobs->settings.resolve || !settle_asks(k->jobs) || k->doubts_wait)
		return 0;
	int rc = store_cast_key(key, &whole, r);
	if (rc == 0)
		rc = store_errand_known(&known, r, ERRAND_DOUBTS, key);
	if (rc == 0)
		rc = store_cast_catalogue(&c, cast, r);
	if (rc == 0)
		rc = store_decided(&said, r);
	if (rc < 0 || known)
		return rc;
	catalogue_doubts(&doubts, c, &said, DOUBTS_MOST);
	rc = prompt_doubts(&prompt, c, &doubts);
	if (rc == 0 && (doubts.len || !whole)) {
		estimate_question(k, buf_str(&prompt), (int64_t)doubts.len * VERDICT_TOKENS);
		k->sum.unsure += !whole;
	}
	return rc;
}

int jobs_estimate(struct estimate *out, struct jobs *j, const struct estimate_scope *scope,
		  struct err *err)
{
	struct count k = {.jobs = j, .scope = scope};
	struct estimate *e = &k.sum;
	struct book *book = NULL;
	struct store_reader *r = store_reader(j->store);
	int rc = jobs_book(&book, j);
	k.book = book;
	if (rc == 0)
		rc = learn_habits(&k);
	if (rc == 0)
		rc = estimate_chapters(&k);
	bool whole = rc == 0 && is_whole(&k);
	if (rc == 0 && whole)
		rc = store_errands(r, estimate_errand, &k);
	if (rc == 0 && whole)
		rc = estimate_doubts(&k);
	if (rc == 0 && scope->images)
		rc = store_pictures(r, 0, estimate_picture, &k);
	if (rc < 0)
		return err_set(err, rc, "the store: %s", store_reason(r, rc));
	const struct prices *prices = j->settings.prices;
	e->cost_micro = cost_of(&prices[JOB_ANALYZE], e->text.tokens_in, e->text.tokens_out, 0) +
			cost_of(&prices[JOB_ILLUSTRATE], e->image.tokens_in, e->image.tokens_out,
				e->pictures);
	*out = *e;
	return 0;
}
