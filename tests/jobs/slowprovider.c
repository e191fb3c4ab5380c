/* SPDX-License-Identifier: MIT */
#include "slowprovider.h"

#include <stdio.h>
#include <string.h>

/* One grey point, 1 by 1. */
static const unsigned char png[] = {
	0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48,
	0x44, 0x52, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00,
	0x00, 0x3a, 0x7e, 0x9b, 0x55, 0x00, 0x00, 0x00, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78,
	0xda, 0x63, 0x68, 0x00, 0x00, 0x00, 0x82, 0x00, 0x81, 0xda, 0x45, 0x08, 0x3b, 0x00,
	0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};

struct provider_ticket {
	struct slow *slow;
	struct provider_ticket *next;
	struct timer *timer;
	struct gate_pass *pass; /* of a gate; NULL: there is none */
	bool gone;		/* the pass let it go */
	struct slow_call call;
	struct analysis *analysis;
	analyze_done_fn analyzed;
	paint_done_fn painted;
	answer_done_fn answered;
	void *arg;
};

/* Before each change of `painting`. */
static void count_busy(struct slow *s)
{
	int64_t now_us = clock_mono_us();
	s->paint_busy_us += s->painting * (now_us - s->paint_moved_us);
	s->paint_moved_us = now_us;
}

static void ticket_free(struct provider_ticket *t)
{
	struct provider_ticket **at = &t->slow->open;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	count_busy(t->slow);
	if (t->gone && t->call.paint)
		t->slow->painting--;
	else if (t->gone)
		t->slow->analyzing--;
	timer_free(t->timer);
	analysis_free(t->analysis);
	free(t);
}

static void paint_answer(struct provider_ticket *t, const struct provider_outcome *o)
{
	size_t len = sizeof(png);
	if (t->slow->settings.picture_bytes > len)
		len = t->slow->settings.picture_bytes;
	unsigned char *bytes = xcalloc(1, len);
	memcpy(bytes, png, sizeof(png));
	t->painted(t->arg, o, o->code ? NULL : bytes, o->code ? 0 : len, o->code ? NULL : "png");
	free(bytes);
}

static struct gate *gate_of(const struct provider_ticket *t)
{
	return t->slow->settings.gates[t->call.paint];
}

static void leave_gate(struct provider_ticket *t, const struct provider_outcome *o)
{
	struct gate *g = gate_of(t);
	struct gate_report report = {
		.usage = o->usage,
		.status = o->code == 0		  ? 200
			  : o->retry_after_ms > 0 ? 429
						  : 500,
		.retry_after_ms = o->retry_after_ms > 0 ? o->retry_after_ms : -1,
		.requests_left = -1,
		.tokens_left = -1,
	};
	if (t->slow->settings.report)
		t->slow->settings.report(&report, &t->call);
	if (g)
		g->ops->leave(g, t->pass, &report);
}

static void answer_with(struct provider_ticket *t, const struct provider_outcome *outcome)
{
	struct provider_ticket copy = *t;
	struct provider_outcome o = *outcome;
	if (o.code == 0)
		t->analysis = NULL; /* the answer takes it */
	else
		copy.analysis = NULL;
	ticket_free(t);
	if (copy.call.paint)
		paint_answer(&copy, &o);
	else if (copy.answered)
		copy.answered(copy.arg, &o, o.code ? NULL : copy.slow->settings.says,
			      o.code ? 0 : strlen(copy.slow->settings.says));
	else
		copy.analyzed(copy.arg, &o, copy.analysis);
}

static void answer(void *arg)
{
	struct provider_ticket *t = arg;
	struct slow *s = t->slow;
	struct provider_outcome o = {.usage = {1, s->settings.tokens / 2, s->settings.tokens / 2}};
	if (!t->call.paint && t->call.number == s->settings.held && !s->paints) {
		timer_set(t->timer, clock_boot_ms() + s->settings.latency_ms);
		return;
	}
	if (s->settings.script)
		s->settings.script(&o, s->settings.arg, &t->call);
	leave_gate(t, &o);
	answer_with(t, &o);
}

static void begin(void *arg, const struct provider_outcome *no)
{
	struct provider_ticket *t = arg;
	struct slow *s = t->slow;
	bool paint = t->call.paint;
	if (no) {
		answer_with(t, no);
		return;
	}
	t->gone = true;
	timer_set(t->timer, clock_boot_ms() + s->settings.latency_ms);
	s->started_us[paint][s->requests[paint]++ % 256] = clock_mono_us();
	count_busy(s);
	int *now = paint ? &s->painting : &s->analyzing;
	int *most = paint ? &s->most_painting : &s->most_analyzing;
	if (++*now > *most)
		*most = *now;
	int both = s->analyzing < s->painting ? s->analyzing : s->painting;
	if (both > s->most_both)
		s->most_both = both;
}

static struct provider_ticket *ticket_new(struct slow *s, struct slow_call call, void *arg)
{
	struct provider_ticket *t = xcalloc(1, sizeof(*t));
	t->slow = s;
	t->call = call;
	t->arg = arg;
	t->call.number = call.paint ? ++s->paints : call.ask ? ++s->asks : ++s->analyses;
	t->call.attempt = ++s->attempts[call.chapter % 128][call.scene % 8];
	t->next = s->open;
	s->open = t;
	t->timer = timer_new(s->loop, answer, t);
	struct gate *g = gate_of(t);
	if (g)
		t->pass = g->ops->enter(g, "https://slow.example", s->settings.tokens, begin, t);
	else
		begin(t, NULL);
	return t;
}

/* ---- what it finds: a scene in each paragraph, somebody who is everywhere, something that is here
 */

static void add_quote(struct quote *q, const struct analyze_request *r, size_t offset, size_t len)
{
	free(q->text);
	q->text = xstrndup(r->text + offset, len);
	q->offset = offset;
	q->len = len;
}

static size_t paragraph(const struct analyze_request *r, size_t from)
{
	const char *end = memchr(r->text + from, '\n', r->text_len - from);
	return end ? (size_t)(end - r->text) - from : r->text_len - from;
}

static void find_scenes(struct analysis *a, const struct analyze_request *r)
{
	size_t at = 0;
	for (int i = 0; i < r->scenes && at < r->text_len; i++) {
		size_t len = paragraph(r, at);
		struct concept *c = analysis_add_concept(a);
		char what[64];
		snprintf(what, sizeof(what), "Scene %d of chapter %d", i + 1, r->chapter);
		add_quote(&c->quote, r, at, len);
		analysis_set(&c->description, what);
		analysis_set(&c->mood, "patient");
		analysis_set(&c->lighting, "dim");
		strv_add(&c->elements, "Keeper");
		at += len;
		while (at < r->text_len && r->text[at] == '\n')
			at++;
	}
}

static void find_element(struct analysis *a, const struct analyze_request *r,
			 enum element_type type, const char *name)
{
	struct element *e = analysis_add_element(a);
	e->type = type;
	analysis_set(&e->name, name);
	analysis_set(&e->description, "seen by a slow reader");
	add_quote(element_add_quote(e), r, 0, paragraph(r, 0));
}

static struct analysis *find(const struct slow *s, const struct analyze_request *r)
{
	struct analysis *a = analysis_new();
	char name[32];
	snprintf(name, sizeof(name), "Lamp %d", r->chapter);
	find_scenes(a, r);
	find_element(a, r, ELEMENT_CHARACTER, "Keeper");
	if (s->settings.also && r->chapter > 3) {
		find_element(a, r, ELEMENT_CHARACTER, s->settings.also);
		for (size_t i = 0; i < a->concept_count; i++)
			strv_add(&a->concepts[i].elements, s->settings.also);
	}
	find_element(a, r, ELEMENT_ITEM, name);
	analysis_set(&a->note, "made by a test");
	a->tokens = 100;
	return a;
}

/* ---- the table */

static struct provider_ticket *analyze(struct provider *p, const struct analyze_request *r,
				       analyze_done_fn done, void *arg)
{
	struct slow *s = (struct slow *)p;
	s->order[s->analyses % 256] = r->chapter;
	struct provider_ticket *t = ticket_new(s, (struct slow_call){.chapter = r->chapter}, arg);
	t->analyzed = done;
	t->analysis = find(s, r);
	return t;
}

static struct provider_ticket *paint(struct provider *p, const struct paint_request *r,
				     paint_done_fn done, void *arg)
{
	struct slow *s = (struct slow *)p;
	snprintf(s->last_prompt, sizeof(s->last_prompt), "%s", r->prompt);
	s->last_references = r->reference_count;
	const struct slow_call call = {.paint = true, .chapter = r->chapter, .scene = r->scene};
	struct provider_ticket *t = ticket_new(s, call, arg);
	t->painted = done;
	return t;
}

static struct provider_ticket *ask(struct provider *p, const struct question *q,
				   answer_done_fn done, void *arg)
{
	struct slow *s = (struct slow *)p;
	snprintf(s->last_question, sizeof(s->last_question), "%s", q->prompt);
	s->last_pictures = q->picture_count;
	struct provider_ticket *t = ticket_new(s, (struct slow_call){.ask = true}, arg);
	t->answered = done;
	return t;
}

static void cancel(struct provider *p, struct provider_ticket *t)
{
	struct gate *g = gate_of(t);
	if (g && !t->gone)
		g->ops->cancel(g, t->pass);
	else
		leave_gate(t, &(struct provider_outcome){.code = -ECANCELED});
	ticket_free(t);
}

static void estimate(struct usage *out, const struct slow *s)
{
	*out = (struct usage){1, s->settings.tokens / 2, s->settings.tokens / 2};
}

static void estimate_analyze(struct usage *out, struct provider *p, const struct analyze_request *r)
{
	estimate(out, (const struct slow *)p);
}

static void estimate_paint(struct usage *out, struct provider *p, const struct paint_request *r)
{
	estimate(out, (const struct slow *)p);
}

static void estimate_ask(struct usage *out, struct provider *p, const struct question *q)
{
	estimate(out, (const struct slow *)p);
}

struct slow *slow_free(struct slow *s)
{
	while (s && s->open)
		cancel(&s->provider, s->open);
	free(s);
	return NULL;
}

static struct provider *free_provider(struct provider *p)
{
	slow_free((struct slow *)p);
	return NULL;
}

static const struct provider_ops slow_ops = {
	.name = "slow",
	.analyze = analyze,
	.paint = paint,
	.cancel = cancel,
	.estimate_analyze = estimate_analyze,
	.estimate_paint = estimate_paint,
	.free = free_provider,
};

static const struct provider_ops asking_ops = {
	.name = "asking",
	.analyze = analyze,
	.paint = paint,
	.ask = ask,
	.cancel = cancel,
	.estimate_analyze = estimate_analyze,
	.estimate_paint = estimate_paint,
	.estimate_ask = estimate_ask,
	.free = free_provider,
};

struct slow *slow_new(struct loop *loop, const struct slow_settings *settings)
{
	struct slow *s = xcalloc(1, sizeof(*s));
	s->provider = (struct provider){
		.ops = settings->says ? &asking_ops : &slow_ops,
		.model = settings->model ? settings->model : "slow-1",
		.options = "",
		.analyze_slots = settings->analyze_slots ? settings->analyze_slots : 2,
		.paint_slots = settings->paint_slots ? settings->paint_slots : 2,
	};
	s->settings = *settings;
	s->loop = loop;
	return s;
}
