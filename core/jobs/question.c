/* SPDX-License-Identifier: MIT */
#include "preparation.h"

#include <string.h>

/* What is asked of a server of texts besides chapters: doubts of the cast, and a style. */

enum {
	STYLE_CHAPTERS = 3, /* by which a style is proposed */
	STYLE_PICTURES = 4,
};

struct questioning {
	int chapters; /* of the book */
	/* Takes the answer; <0: it cannot be used, and why. */
	int (*take)(struct questioning *q, const char *json, size_t len, struct err *err);
	struct buf prompt;
	int64_t answer_tokens;
	struct store_cast *cast; /* of the doubts */
	const struct catalogue *catalogue;
	struct doubts doubts;
	struct corrections verdicts; /* the answer */
	struct paint_reference pictures[STYLE_PICTURES];
	struct buf bytes[STYLE_PICTURES];
	size_t picture_count;
	struct buf style; /* the answer */
};

void questioning_free(struct questioning *q)
{
	if (!q)
		return;
	buf_finish(&q->prompt);
	buf_finish(&q->style);
	doubts_finish(&q->doubts);
	corrections_finish(&q->verdicts);
	store_cast_free(q->cast);
	for (size_t i = 0; i < STYLE_PICTURES; i++)
		buf_finish(&q->bytes[i]);
	free(q);
}

static void begin(struct task *t, const struct book_chapter *c)
{
	t->question = xcalloc(1, sizeof(*t->question));
	t->question->chapters = (int)t->pipeline->jobs->book->chapter_count;
	preparation_begin(t, c);
}

/* An answer that says nothing we can use: perhaps the next does. */
static void answer_unusable(struct task *t, const struct provider_outcome *outcome,
			    const struct err *why)
{
	struct provider_outcome failed = *outcome;
	failed.code = err_set(&failed.err, -EIO, "the model's answer cannot be used: %s", why->msg);
	failed.retry_after_ms = 0;
	pipeline_fail(t, &failed);
}

static void answered(void *arg, const struct provider_outcome *outcome, const char *json,
		     size_t len)
{
	struct task *t = arg;
	struct err err = {0};
	if (outcome->code < 0)
		pipeline_fail(t, outcome);
	else if (t->question->take(t->question, json, len, &err) < 0)
		answer_unusable(t, outcome, &err);
	else
		pipeline_answer(t, outcome);
}

static void ask(struct task *t)
{
	const struct questioning *q = t->question;
	struct provider *p = t->pipeline->provider;
	const struct question question = {
		.prompt = buf_str(&q->prompt),
		.pictures = q->pictures,
		.picture_count = q->picture_count,
		.answer_tokens = q->answer_tokens,
	};
	t->ticket = p->ops->ask(p, &question, answered, t);
}

/* ---- doubts */

static int doubts_find(struct questioning *q, struct store_reader *r)
{
	CLEANUP(corrections_finish) struct corrections said = {0};
	int rc = store_cast_catalogue(&q->catalogue, q->cast, r);
	if (rc == 0)
		rc = store_decided(&said, r);
	if (rc == 0)
		catalogue_doubts(&q->doubts, q->catalogue, &said, DOUBTS_MOST);
	return rc;
}

/* With a catalogue of its own, which stays as it is until the answer is there. */
static int doubts_prepare(struct preparation *p, struct err *err)
{
	struct questioning *q = p->task->question;
	int rc = preparation_reader(p, err);
	if (rc == 0)
		rc = store_snapshot_begin(p->cast->reader);
	if (rc < 0)
		return rc;
	q->cast = store_cast_new();
	rc = doubts_find(q, p->cast->reader);
	store_snapshot_end(p->cast->reader);
	if (rc < 0)
		return err_set(err, rc, "the cast cannot be read: %s", strerror(-rc));
	q->answer_tokens = (int64_t)q->doubts.len * VERDICT_TOKENS;
	return prompt_doubts(&q->prompt, q->catalogue, &q->doubts);
}

static int doubts_take(struct questioning *q, const char *json, size_t len, struct err *err)
{
	return doubts_answer(&q->verdicts, q->catalogue, &q->doubts, json, len, err);
}

/* A person may have decided all of them in the meantime. */
static void doubts_ask(struct task *t)
{
	t->question->take = doubts_take;
	if (t->question->doubts.len)
		ask(t);
	else
		pipeline_answer(t, &(struct provider_outcome){0});
}

static int doubts_store(struct store_tx *tx, void *arg, struct err *err)
{
	struct task *t = arg;
	return tx_doubts_done(tx, t->job.id, &t->question->verdicts);
}

const struct pipeline_ops doubts_ops = {
	.noun = "doubts of the cast",
	.failed = EVENT_FAILED,
	.begin = begin,
	.prepare = doubts_prepare,
	.ask = doubts_ask,
	.store = doubts_store,
};

/* ---- a style */

struct pictures {
	int64_t ids[STYLE_PICTURES];
	const char *exts[STYLE_PICTURES];
	size_t count;
};

static int picture_note(void *arg, const struct store_picture *p)
{
	struct pictures *list = arg;
	if (!p->id)
		return 0;
	list->exts[list->count] = likeness_ext(p->ext);
	list->ids[list->count++] = p->id;
	return list->count == STYLE_PICTURES;
}

/* The first that there are, of them what may go along. */
static int pictures_read(struct questioning *q, struct preparation *p, struct err *err)
{
	struct pictures list = {0};
	struct store_reader *r = p->cast->reader;
	int rc = store_pictures(r, 0, picture_note, &list);
	for (size_t i = 0; rc >= 0 && i < list.count; i++) {
		rc = store_picture_bytes(&q->bytes[i], r, list.ids[i]);
		q->pictures[i] = (struct paint_reference){"picture", q->bytes[i].data,
							  q->bytes[i].len, list.exts[i]};
	}
	if (rc < 0)
		return err_set(err, rc, "the pictures cannot be read: %s", strerror(-rc));
	q->picture_count = list.count;
	if (paint_references_taken(NULL, &p->limits, q->pictures, q->picture_count))
		return 0;
	return err_set(err, -EINVAL,
		       list.count ? "this kind of server is not shown pictures: \"style propose\" "
				    "goes by the text"
				  : "no picture is drawn yet");
}

static int style_prompt_make(struct questioning *q, const struct task *t, struct preparation *p)
{
	struct store_analysis first[STYLE_CHAPTERS];
	const struct analysis *analyses[STYLE_CHAPTERS];
	size_t count = 0;
	int rc = 0;
	for (int i = 1; rc == 0 && count < STYLE_CHAPTERS && i <= q->chapters; i++) {
		rc = store_analysis(&first[count], p->cast->reader, i, true);
		if (rc == 0) {
			analyses[count] = first[count].analysis;
			count++;
		}
		rc = rc == -ENOENT ? 0 : rc;
	}
	const struct style_prompt prompt = {
		.book_title = t->book_title,
		.analyses = analyses,
		.count = count,
		.pictures = paint_references_taken(NULL, &p->limits, q->pictures, q->picture_count),
	};
	if (rc == 0)
		rc = prompt_style(&q->prompt, &prompt);
	while (count)
		store_analysis_finish(&first[--count]);
	return rc;
}

static int style_prepare(struct preparation *p, struct err *err)
{
	struct task *t = p->task;
	struct questioning *q = t->question;
	int rc = preparation_reader(p, err);
	if (rc == 0 && t->job.errand == ERRAND_STYLE_PICTURES)
		rc = pictures_read(q, p, err);
	if (rc < 0)
		return rc;
	q->answer_tokens = ERRAND_TOKENS;
	rc = style_prompt_make(q, t, p);
	return rc < 0 ? err_set(err, rc, "the chapters cannot be read: %s", strerror(-rc)) : 0;
}

static int style_take(struct questioning *q, const char *json, size_t len, struct err *err)
{
	return style_answer(&q->style, json, len, q->picture_count, err);
}

static void style_ask(struct task *t)
{
	t->question->take = style_take;
	ask(t);
}

static int style_store(struct store_tx *tx, void *arg, struct err *err)
{
	struct task *t = arg;
	return tx_style_done(tx, t->job.id, buf_str(&t->question->style));
}

const struct pipeline_ops style_ops = {
	.noun = "a style",
	.failed = EVENT_FAILED,
	.begin = begin,
	.prepare = style_prepare,
	.ask = style_ask,
	.store = style_store,
};
