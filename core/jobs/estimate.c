/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "pipeline.h"

/* What is not done yet, put to the providers' estimates instead of to the providers. */

static void usage_add(struct usage *sum, const struct usage *u, int times)
{
	sum->requests += u->requests * times;
	sum->tokens_in += u->tokens_in * times;
	sum->tokens_out += u->tokens_out * times;
}

/* An estimate as far as it is, of what is wanted. */
struct count {
	struct estimate sum;
	struct jobs *jobs;
	const struct book *book;
	const struct estimate_scope *scope;
};

static bool is_wanted(const struct count *c, int chapter)
{
	return chapter >= 1 && (size_t)chapter <= c->book->chapter_count &&
	       (!c->scope->chapters || c->scope->chapters[chapter - 1]);
}

static void estimate_pictures(struct count *c, const struct paint_request *r, int count)
{
	struct provider *p = c->jobs->lines[JOB_ILLUSTRATE].provider;
	struct estimate *e = &c->sum;
	struct usage one = {0};
	if (c->scope->most && e->pictures + count > c->scope->most)
		count = c->scope->most - e->pictures;
	if (p->ops->estimate_paint)
		p->ops->estimate_paint(&one, p, r);
	usage_add(&e->image, &one, count);
	e->pictures += count;
}

static int estimate_chapter(struct count *k, int number)
{
	struct jobs *j = k->jobs;
	const struct book *book = k->book;
	const struct book_chapter *c = &book->chapters[number - 1];
	struct provider *p = j->lines[JOB_ANALYZE].provider;
	CLEANUP(store_state_finish) struct store_state state = {0};
	CLEANUP(buf_finish) struct buf text = {0};
	struct store_reader *r = store_reader(j->store);
	int rc = store_state(&state, r, number);
	if (rc < 0 || state.state == STATE_SKIPPED || state.state == STATE_COMPLETED)
		return rc;
	rc = store_text(&text, r, c->text_id);
	if (rc < 0)
		return rc;
	const struct analyze_request request = {
		.book_title = book->title,
		.language = book->language,
		.chapter = number,
		.chapter_title = c->title,
		.text = buf_str(&text),
		.text_len = text.len,
		.scenes = scenes_wanted((int64_t)c->page_count, j->settings.pages_per_image),
	};
	struct usage one = {0};
	if (p->ops->estimate_analyze)
		p->ops->estimate_analyze(&one, p, &request);
	usage_add(&k->sum.text, &one, 1);
	k->sum.chapters++;
	const struct paint_request picture = {
		.book_title = book->title,
		.chapter_title = c->title,
		.chapter = number,
		.prompt = "",
		.width_px = j->settings.image_width_px,
		.height_px = j->settings.image_height_px,
	};
	if (k->scope->images)
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
		rc = estimate_chapters(&k);
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
