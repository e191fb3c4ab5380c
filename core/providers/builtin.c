/* SPDX-License-Identifier: MIT */
#include "painter_client.h"
#include "providers.h"

#include <string.h>

/*
 * The offline provider: the analyst on the loop's pool, the painter in its child.
 */

struct builtin {
	struct provider provider;
	struct loop *loop;
	struct painter *painter;
	struct provider_ticket *tickets; /* those not answered, so that free can cancel them */
};

/* What an analysis reads is copied, since the pool may still read it when the caller has cancelled
 * and gone. */
struct reading {
	struct analyze_request request;
	char *book_title, *language, *chapter_title, *text;
	struct analysis *result;
	struct err err;
	int code;
};

struct provider_ticket {
	struct builtin *owner; /* NULL: cancelled, and the owner may be gone */
	struct provider_ticket *next, **at;
	struct reading *reading;     /* an analysis */
	struct painter_order *order; /* a picture */
	analyze_done_fn analyzed;
	paint_done_fn painted;
	void *arg;
};

static struct provider_ticket *ticket_new(struct builtin *b, void *arg)
{
	struct provider_ticket *t = xcalloc(1, sizeof(*t));
	*t = (struct provider_ticket){
		.owner = b, .next = b->tickets, .at = &b->tickets, .arg = arg};
	if (t->next)
		t->next->at = &t->next;
	b->tickets = t;
	return t;
}

static void ticket_leave(struct provider_ticket *t)
{
	*t->at = t->next;
	if (t->next)
		t->next->at = t->at;
	t->owner = NULL;
}

/* ---- analysing */

static struct reading *reading_new(const struct analyze_request *r)
{
	struct reading *g = xcalloc(1, sizeof(*g));
	g->text = malloc(r->text_len + 1);
	if (!g->text) {
		free(g);
		return NULL;
	}
	memcpy(g->text, r->text, r->text_len);
	g->book_title = xstrdup(r->book_title);
	g->language = xstrdup(r->language);
	g->chapter_title = xstrdup(r->chapter_title);
	g->request = (struct analyze_request){
		.book_title = g->book_title,
		.language = g->language,
		.chapter = r->chapter,
		.chapter_title = g->chapter_title,
		.text = g->text,
		.text_len = r->text_len,
		.scenes = r->scenes,
	};
	return g;
}

static struct reading *reading_free(struct reading *g)
{
	free(g->text);
	free(g->book_title);
	free(g->language);
	free(g->chapter_title);
	analysis_free(g->result);
	free(g);
	return NULL;
}

static void read_chapter(void *arg)
{
	struct provider_ticket *t = arg;
	struct reading *g = t->reading;
	g->code = builtin_analyze(&g->result, &g->request, &g->err);
}

static void chapter_read(void *arg)
{
	struct provider_ticket *t = arg;
	struct reading *g = t->reading;
	struct analysis *result = g->result;
	/* The rules are what they are: the same text fails the same way again. */
	struct provider_outcome outcome = {
		.code = g->code, .err = g->err, .retry_after_ms = g->code < 0 ? -1 : 0};
	g->result = NULL;
	reading_free(g);
	if (t->owner) {
		ticket_leave(t);
		t->analyzed(t->arg, &outcome, result);
	} else {
		analysis_free(result);
	}
	free(t);
}

static void no_memory(void *arg)
{
	struct provider_ticket *t = arg;
	struct provider_outcome outcome = {.code = -ENOMEM};
	err_set(&outcome.err, -ENOMEM, "no memory for the chapter's text");
	if (t->owner) {
		ticket_leave(t);
		t->analyzed(t->arg, &outcome, NULL);
	}
	free(t);
}

static struct provider_ticket *builtin_ask_analyze(struct provider *p,
						   const struct analyze_request *r,
						   analyze_done_fn done, void *arg)
{
	struct builtin *b = (struct builtin *)p;
	struct provider_ticket *t = ticket_new(b, arg);
	t->analyzed = done;
	t->reading = reading_new(r);
	if (t->reading)
		loop_work(b->loop, read_chapter, chapter_read, t);
	else
		loop_post(b->loop, no_memory, t);
	return t;
}

/* ---- painting */

static void picture_painted(void *arg, int code, const char *reason, const void *data, size_t len)
{
	struct provider_ticket *t = arg;
	/* What must be installed first is not there a moment later. */
	bool final = code == -ENOPKG;
	struct provider_outcome outcome = {.code = final ? -EIO : code,
					   .retry_after_ms = final ? -1 : 0};
	if (code < 0)
		err_set(&outcome.err, outcome.code, "%s", reason);
	ticket_leave(t);
	t->painted(t->arg, &outcome, data, len, "png");
	free(t);
}

static void too_large(void *arg)
{
	struct provider_ticket *t = arg;
	struct provider_outcome outcome = {.code = -EFBIG, .retry_after_ms = -1};
	err_set(&outcome.err, -EFBIG, "a scene too large to be painted");
	if (t->owner) {
		ticket_leave(t);
		t->painted(t->arg, &outcome, NULL, 0, "png");
	}
	free(t);
}

static struct provider_ticket *builtin_ask_paint(struct provider *p, const struct paint_request *r,
						 paint_done_fn done, void *arg)
{
	struct builtin *b = (struct builtin *)p;
	struct provider_ticket *t = ticket_new(b, arg);
	const struct concept *c = r->concept;
	const struct card card = {
		.chapter = r->chapter,
		.scene = r->scene,
		.width_px = r->width_px,
		.height_px = r->height_px,
		.book_title = (char *)r->book_title,
		.chapter_title = (char *)r->chapter_title,
		.quote = c->quote.text,
		.description = c->description,
		.mood = c->mood,
		.lighting = c->lighting,
		.names = c->elements,
	};
	t->painted = done;
	t->order = painter_ask(b->painter, &card, picture_painted, t);
	if (!t->order)
		loop_post(b->loop, too_large, t);
	return t;
}

/* ---- the provider */

/* A ticket of the pool, or one posted, is freed when that comes back; one of the painter now. */
static void builtin_cancel(struct provider *p, struct provider_ticket *t)
{
	struct builtin *b = (struct builtin *)p;
	ticket_leave(t);
	if (t->order) {
		painter_cancel(b->painter, t->order);
		free(t);
	}
}

static struct provider *builtin_free(struct provider *p)
{
	struct builtin *b = (struct builtin *)p;
	struct provider_ticket *next;
	for (struct provider_ticket *t = b->tickets; t; t = next) {
		next = t->next;
		builtin_cancel(p, t);
	}
	b->painter = painter_free(b->painter);
	free(b);
	return NULL;
}

static const struct provider_ops builtin_ops = {
	.name = "builtin",
	.analyze = builtin_ask_analyze,
	.paint = builtin_ask_paint,
	.cancel = builtin_cancel,
	.free = builtin_free,
};

int provider_builtin_new(struct provider **out, struct loop *loop, struct err *err)
{
	struct builtin *b = xcalloc(1, sizeof(*b));
	b->provider = (struct provider){
		.ops = &builtin_ops,
		.model = "extractive-5",
		.options = "",
		.analyze_slots = 2,
		.paint_slots = 2,
	};
	b->loop = loop;
	b->painter = painter_new(loop);
	*out = &b->provider;
	return 0;
}

struct provider *provider_free(struct provider *p)
{
	return p ? p->ops->free(p) : NULL;
}
