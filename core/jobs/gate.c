/* SPDX-License-Identifier: MIT */
#include "gate.h"

#include <string.h>

#include "pipeline.h"

/*
 * A gate lets the requests of one kind go, to each server in the order of their coming. What may
 * keep the first of a queue, in the order in which it is asked: the budget of this process; a word
 * of the server, heard by any process; the server's limits, of which a start is taken in a
 * transaction, so that all processes of the book keep them together. Where nothing limits, a
 * request costs one read.
 *
 * A start is a moment. It is taken ahead, for whoever is first when it comes; who comes too late
 * for it, since the machine was busy, takes another. So two starts are never nearer than their
 * moments, less what may pass between a timer and the wire, and by that the moments are farther
 * apart than was asked.
 */

#define LATE_SHARE 32 /* of the interval, how late a start may be */
#define LATE_LEAST_MS 2
#define LATE_MOST_MS 20
#define WIRE_MS 1	/* and how much the way to the server may differ */
#define LEAD_LEAST_MS 4 /* a start is so far ahead, to be stored by then */
#define LEAD_MOST_MS 1000
#define LONG_WAIT_MS (10 * 60 * 1000) /* nothing is kept waiting in memory so long */
#define STORE_MS 1000		      /* pause when a start could not be stored */

struct gate_pass {
	struct gate_pass *next; /* in the queue */
	struct server *server;
	void (*go)(void *arg, const struct provider_outcome *no);
	void *arg;
	int64_t tokens;
	struct budget held; /* what it may take, once `holds` */
	bool holds;
};

struct line_gate;
struct server {
	struct server *next;
	struct line_gate *gate;
	char *origin;
	struct gate_pass *first;
	struct timer *timer;
	int64_t told_boot_ms; /* what it asked for */
	int64_t at_boot_ms;   /* the start that is taken; 0: none */
	int64_t lead_ms;
	int64_t store_again_boot_ms; /* a start could not be stored */
	bool starting;		     /* a start is with the writer */
};

struct line_gate {
	struct gate gate;
	enum job_kind kind;
	struct loop *loop;
	struct store *store;
	struct jobs *jobs; /* NULL: nothing limits */
	struct server *servers;
	int writes;
	bool posted, closed;
};

static struct line_gate *line_gate(const struct gate *g)
{
	return (struct line_gate *)g;
}

static void destroy(struct line_gate *g)
{
	if (!g->posted && !g->writes)
		free(g);
}

/* ---- writing what was learnt of a server */

struct note {
	struct line_gate *gate;
	char *origin;
	enum job_kind from, to; /* told: for these kinds */
	int64_t told_boot_ms;	/* 0: nothing */
	int64_t tokens_ms;	/* what a start took too little of */
};

static int note_work(struct store_tx *tx, void *arg, struct err *err)
{
	const struct note *n = arg;
	int rc = 0;
	for (int kind = n->from; n->told_boot_ms && rc == 0 && kind <= (int)n->to; kind++)
		rc = tx_server_told(tx, n->origin, (enum job_kind)kind, n->told_boot_ms);
	if (rc == 0 && n->tokens_ms)
		rc = tx_server_tokens(tx, n->origin, n->gate->kind, n->tokens_ms);
	return rc;
}

static void note_done(void *arg, int result, const struct err *err)
{
	struct note *n = arg;
	struct line_gate *g = n->gate;
	if (result < 0)
		log_warn("jobs: other processes do not hear what a server said: %s", err->msg);
	free(n->origin);
	free(n);
	g->writes--;
	if (g->closed)
		destroy(g);
}

static void note_write(const struct server *s, const struct note *what)
{
	struct note *n = xcalloc(1, sizeof(*n));
	*n = *what;
	n->gate = s->gate;
	n->origin = xstrdup(s->origin);
	n->gate->writes++;
	store_write(n->gate->store, note_work, note_done, n);
}

/* ---- the queue */

static void unlink_pass(struct gate_pass *p)
{
	struct gate_pass **at = &p->server->first;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
}

static void settle(struct gate_pass *p, const struct budget *took)
{
	struct jobs *j = p->server->gate->jobs;
	if (!p->holds || !j)
		return;
	p->holds = false;
	jobs_settle(j, &p->held, took);
}

static void refuse(struct gate_pass *p, const struct provider_outcome *no)
{
	struct gate_pass gone = *p;
	unlink_pass(p);
	settle(p, &(struct budget){0});
	free(p);
	gone.go(gone.arg, no);
}

static void let_go(struct gate_pass *p)
{
	unlink_pass(p);
	p->go(p->arg, NULL);
}

/* ---- the budget */

/* PURSE_NO: the pass is gone. */
static enum purse_answer pay(struct gate_pass *p)
{
	struct line_gate *g = p->server->gate;
	struct provider_outcome no = {.code = -EDQUOT};
	if (!g->jobs || p->holds)
		return PURSE_YES;
	p->held = jobs_price(g->jobs, g->kind, p->tokens);
	enum purse_answer answer = jobs_pay(g->jobs, g->kind, &p->held, &no.err);
	if (answer == PURSE_NO)
		refuse(p, &no);
	else
		p->holds = answer == PURSE_YES;
	return answer;
}

/* ---- waiting */

/* While what is in flight is being waited for, nobody waits for more; and nobody for so long. */
static void wait_until(struct server *s, int64_t at_boot_ms)
{
	const struct jobs *j = s->gate->jobs;
	int64_t wait_ms = at_boot_ms - clock_boot_ms();
	struct provider_outcome no = {0};
	char until[ISO_TIME_BYTES];
	if (j && j->draining) {
		no.code = err_set(&no.err, -ECANCELED, "it is not asked any more");
	} else if (wait_ms > LONG_WAIT_MS) {
		clock_iso(until, clock_unix_ms() + wait_ms);
		no.code =
			err_set(&no.err, -EAGAIN, "the server is not to be asked before %s", until);
		no.retry_after_ms = wait_ms;
	} else {
		timer_set(s->timer, at_boot_ms);
		return;
	}
	while (s->first)
		refuse(s->first, &no);
}

/* What this process was told it knows; what others were told is in the store. */
static int64_t told_of(struct server *s)
{
	int64_t wait_ms, now = clock_boot_ms();
	struct store_reader *r = store_reader(s->gate->store);
	if (store_server_wait(&wait_ms, r, s->origin, s->gate->kind) == 0 && wait_ms > 0 &&
	    now + wait_ms > s->told_boot_ms)
		s->told_boot_ms = now + wait_ms;
	return s->told_boot_ms;
}

/* ---- starts */

static const struct limits *limits_of(const struct line_gate *g)
{
	static const struct limits none;
	return g->jobs ? &g->jobs->settings.limits[g->kind] : &none;
}

/* Requests a minute are spread over it: a server may judge by the second. */
static int64_t interval_of(const struct limits *l)
{
	int64_t ms = l->interval_ms;
	int64_t of_minute = l->requests_per_minute
				    ? (60000 + l->requests_per_minute - 1) / l->requests_per_minute
				    : 0;
	return ms > of_minute ? ms : of_minute;
}

static int64_t between(int64_t least, int64_t value, int64_t most)
{
	return value < least ? least : value > most ? most : value;
}

static int64_t late_of(int64_t interval_ms)
{
	return between(LATE_LEAST_MS, interval_ms / LATE_SHARE, LATE_MOST_MS);
}

static int64_t tokens_to_ms(const struct limits *l, int64_t tokens)
{
	return l->tokens_per_minute > 0 ? tokens * 60000 / l->tokens_per_minute : 0;
}

struct start {
	struct server *server;
	struct line_gate *gate;
	struct server_start what;
	char *origin;
	int64_t asked_boot_ms;
};

static int start_work(struct store_tx *tx, void *arg, struct err *err)
{
	struct start *st = arg;
	return tx_server_start(&st->what, tx);
}

static void start_taken(struct server *s, const struct start *st)
{
	int64_t took_ms = clock_boot_ms() - st->asked_boot_ms;
	s->lead_ms = between(LEAD_LEAST_MS, 2 * took_ms, LEAD_MOST_MS);
	if (st->what.at_boot_ms - clock_boot_ms() > LONG_WAIT_MS)
		wait_until(s, st->what.at_boot_ms);
	else
		s->at_boot_ms = st->what.at_boot_ms;
}

static void start_done(void *arg, int result, const struct err *err)
{
	struct start *st = arg;
	struct line_gate *g = st->gate;
	g->writes--;
	if (g->closed) {
		destroy(g);
	} else {
		st->server->starting = false;
		if (result == 0)
			start_taken(st->server, st);
		else
			st->server->store_again_boot_ms = clock_boot_ms() + STORE_MS;
		gate_look(&g->gate);
	}
	free(st->origin);
	free(st);
}

static void start(struct server *s)
{
	struct line_gate *g = s->gate;
	const struct limits *l = limits_of(g);
	int64_t interval_ms = interval_of(l);
	struct start *st = xcalloc(1, sizeof(*st));
	st->gate = g;
	st->server = s;
	st->origin = xstrdup(s->origin);
	st->asked_boot_ms = clock_boot_ms();
	st->what = (struct server_start){
		.origin = st->origin,
		.kind = g->kind,
		.interval_ms = interval_ms ? interval_ms + late_of(interval_ms) + WIRE_MS : 0,
		.tokens_ms = tokens_to_ms(l, s->first->tokens),
		.lead_ms = s->lead_ms,
		.most_ms = LONG_WAIT_MS,
		.missed_boot_ms = s->at_boot_ms,
	};
	s->at_boot_ms = 0;
	s->starting = true;
	g->writes++;
	store_write(g->store, start_work, start_done, st);
}

/* Takes a start, waits for it, or lets the first go. */
static void look_limited(struct server *s)
{
	int64_t now = clock_boot_ms(), late_ms = late_of(interval_of(limits_of(s->gate)));
	if (now < s->store_again_boot_ms)
		wait_until(s, s->store_again_boot_ms);
	else if (!s->at_boot_ms || s->at_boot_ms < told_of(s) || now > s->at_boot_ms + late_ms)
		start(s);
	else if (now < s->at_boot_ms)
		wait_until(s, s->at_boot_ms);
	else {
		s->at_boot_ms = 0;
		let_go(s->first);
	}
}

static void look_unlimited(struct server *s)
{
	int64_t told_boot_ms = told_of(s);
	if (told_boot_ms > clock_boot_ms())
		wait_until(s, told_boot_ms);
	else
		let_go(s->first);
}

/* ---- looking */

/* Whom the first waits for, or that it went, is seen from whether it is still the first. */
static void server_look(struct server *s)
{
	const struct gate_pass *before = NULL;
	while (s->first && s->first != before && !s->starting) {
		const struct limits *l = limits_of(s->gate);
		before = s->first;
		enum purse_answer paid = pay(s->first);
		if (paid == PURSE_NO)
			continue;
		if (paid == PURSE_LATER)
			return;
		if (interval_of(l) || l->tokens_per_minute)
			look_limited(s);
		else
			look_unlimited(s);
	}
}

static void look(void *arg)
{
	struct line_gate *g = arg;
	g->posted = false;
	if (g->closed) {
		destroy(g);
		return;
	}
	for (struct server *s = g->servers; s; s = s->next)
		server_look(s);
}

static void on_timer(void *arg)
{
	struct server *s = arg;
	server_look(s);
}

void gate_look(struct gate *gate)
{
	struct line_gate *g = line_gate(gate);
	if (!g || g->posted)
		return;
	g->posted = true;
	loop_post(g->loop, look, g);
}

/* ---- passes */

static struct server *server_of(struct line_gate *g, const char *origin)
{
	for (struct server *s = g->servers; s; s = s->next)
		if (strcmp(s->origin, origin) == 0)
			return s;
	struct server *s = xcalloc(1, sizeof(*s));
	s->gate = g;
	s->origin = xstrdup(origin);
	s->lead_ms = LEAD_LEAST_MS;
	s->timer = timer_new(g->loop, on_timer, s);
	s->next = g->servers;
	g->servers = s;
	return s;
}

static struct gate_pass *enter(struct gate *gate, const char *origin, int64_t tokens,
			       void (*go)(void *arg, const struct provider_outcome *no), void *arg)
{
	struct gate_pass *p = xcalloc(1, sizeof(*p));
	p->server = server_of(line_gate(gate), origin);
	p->go = go;
	p->arg = arg;
	p->tokens = tokens;
	struct gate_pass **last = &p->server->first;
	while (*last)
		last = &(*last)->next;
	*last = p;
	gate_look(gate);
	return p;
}

static void cancel(struct gate *gate, struct gate_pass *p)
{
	unlink_pass(p);
	settle(p, &(struct budget){0});
	free(p);
	gate_look(gate);
}

/* What it took: of a server that counts no tokens as many as were estimated. */
static struct budget took(const struct gate_pass *p, const struct gate_report *r)
{
	const struct line_gate *g = p->server->gate;
	bool good = r->status >= 200 && r->status < 300;
	int64_t in = r->usage.tokens_in, out = r->usage.tokens_out;
	if (good && !in && !out)
		in = p->tokens;
	struct budget b = {.requests = 1, .tokens = in + out};
	b.images = good && g->kind == JOB_ILLUSTRATE;
	b.cost_micro = cost_of(&g->jobs->settings.prices[g->kind], in, out, b.images);
	return b;
}

/* A word of the server holds for all that is asked of it; that a limit is used up only for this
 * kind: a model's limits are its own. */
static void listen(struct server *s, const struct gate_report *r)
{
	const struct line_gate *g = s->gate;
	struct note n = {.from = g->kind, .to = g->kind};
	int64_t wait_ms = 0;
	if (r->requests_left == 0 && r->requests_reset_ms > wait_ms)
		wait_ms = r->requests_reset_ms;
	if (r->tokens_left == 0 && r->tokens_reset_ms > wait_ms)
		wait_ms = r->tokens_reset_ms;
	if (r->retry_after_ms >= 0) { /* sooner than the limit is whole again, it may be asked */
		wait_ms = r->retry_after_ms;
		n.from = JOB_ANALYZE;
		n.to = JOB_ILLUSTRATE;
	}
	if (wait_ms <= 0)
		return;
	n.told_boot_ms = clock_boot_ms() + wait_ms;
	if (n.told_boot_ms > s->told_boot_ms)
		s->told_boot_ms = n.told_boot_ms;
	note_write(s, &n);
}

static void leave(struct gate *gate, struct gate_pass *p, const struct gate_report *r)
{
	struct line_gate *g = line_gate(gate);
	struct server *s = p->server;
	struct budget b = {0};
	if (r) {
		int64_t used = r->usage.tokens_in + r->usage.tokens_out;
		int64_t more_ms = used ? tokens_to_ms(limits_of(g), used - p->tokens) : 0;
		if (g->jobs)
			b = took(p, r);
		if (more_ms)
			note_write(s, &(struct note){.tokens_ms = more_ms});
		listen(s, r);
	}
	settle(p, &b);
	free(p);
}

static const struct gate_ops gate_ops = {.enter = enter, .leave = leave, .cancel = cancel};

/* ---- life */

void gate_attach(struct gate *gate, struct jobs *j)
{
	if (gate)
		line_gate(gate)->jobs = j;
}

bool gate_is_used(const struct gate *gate)
{
	return gate && line_gate(gate)->servers;
}

int64_t gate_told_boot_ms(const struct gate *gate)
{
	int64_t told = 0;
	for (const struct server *s = gate ? line_gate(gate)->servers : NULL; s; s = s->next)
		told = s->told_boot_ms > told ? s->told_boot_ms : told;
	return told > clock_boot_ms() ? told : 0;
}

struct gate *jobs_gate_new(struct loop *loop, struct store *store, enum job_kind kind)
{
	struct line_gate *g = xcalloc(1, sizeof(*g));
	g->gate.ops = &gate_ops;
	g->kind = kind;
	g->loop = loop;
	g->store = store;
	return &g->gate;
}

static void server_free(struct server *s)
{
	while (s->first) {
		struct gate_pass *p = s->first;
		unlink_pass(p);
		free(p);
	}
	timer_free(s->timer);
	free(s->origin);
	free(s);
}

struct gate *jobs_gate_free(struct gate *gate)
{
	struct line_gate *g = line_gate(gate);
	if (!g)
		return NULL;
	for (struct server *s = g->servers, *next; s; s = next) {
		next = s->next;
		server_free(s);
	}
	g->servers = NULL;
	g->closed = true;
	destroy(g); /* else what is posted or written does it */
	return NULL;
}
