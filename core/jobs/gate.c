/* SPDX-License-Identifier: MIT */
#include "pipeline.h"

struct gate_pass {
	struct gate_pass *next;
	void (*go)(void *arg, const struct provider_outcome *no);
	void *arg;
	bool gone;
};

struct line_gate {
	struct gate gate;
	struct loop *loop;
	struct gate_pass *passes;
	bool posted, closed;
};

static void look(void *arg)
{
	struct line_gate *g = arg;
	g->posted = false;
	if (g->closed) {
		free(g);
		return;
	}
	for (struct gate_pass *p = g->passes; p; p = p->next)
		if (!p->gone) {
			p->gone = true;
			g->posted = true;
			loop_post(g->loop, look, g); /* go may end any of them */
			p->go(p->arg, NULL);
			return;
		}
}

static struct gate_pass *enter(struct gate *gate, const char *server, int64_t tokens,
			       void (*go)(void *arg, const struct provider_outcome *no), void *arg)
{
	struct line_gate *g = (struct line_gate *)gate;
	struct gate_pass *p = xcalloc(1, sizeof(*p));
	*p = (struct gate_pass){.go = go, .arg = arg};
	struct gate_pass **last = &g->passes;
	while (*last)
		last = &(*last)->next;
	*last = p;
	if (!g->posted)
		loop_post(g->loop, look, g);
	g->posted = true;
	return p;
}

static void drop(struct line_gate *g, struct gate_pass *p)
{
	struct gate_pass **at = &g->passes;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	free(p);
}

static void leave(struct gate *gate, struct gate_pass *p, const struct gate_report *report)
{
	drop((struct line_gate *)gate, p);
}

static void cancel(struct gate *gate, struct gate_pass *p)
{
	drop((struct line_gate *)gate, p);
}

static const struct gate_ops gate_ops = {.enter = enter, .leave = leave, .cancel = cancel};

struct gate *jobs_gate_new(struct loop *loop, struct store *store, enum job_kind kind)
{
	struct line_gate *g = xcalloc(1, sizeof(*g));
	g->gate.ops = &gate_ops;
	g->loop = loop;
	return &g->gate;
}

struct gate *jobs_gate_free(struct gate *gate)
{
	struct line_gate *g = (struct line_gate *)gate;
	if (!g)
		return NULL;
	while (g->passes)
		drop(g, g->passes);
	g->closed = true;
	if (!g->posted)
		free(g);
	return NULL;
}
