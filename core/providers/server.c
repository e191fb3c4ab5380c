/* SPDX-License-Identifier: MIT */
#include "ticket.h"

#include <string.h>

/*
 * The provider that asks a server. A ticket is one chapter, one picture or one list on its way: to
 * the gate, which says when a request may go; to the server; to the pool, where the answer is
 * judged; and round again, if it is to be asked in another form, or for the next part of a long
 * chapter. A ticket in the pool outlives its cancellation and even its provider; it then has no
 * owner and only frees itself.
 */

enum {
	CONNECT_MS = 15000,
	STALL_MS = 60000,
	TRIES_MOST = 10,	  /* of one exchange, all refusals of forms included */
	TEXT_BYTES_MAX = 8 << 20, /* of an answer */
	PICTURE_BYTES_MAX = 40 << 20,
};

/* ---- tickets */

struct provider_ticket *ticket_new(struct server *s, enum aim aim, void *arg)
{
	struct provider_ticket *t = xcalloc(1, sizeof(*t));
	*t = (struct provider_ticket){.owner = s,
				      .next = s->tickets,
				      .at = &s->tickets,
				      .service = s->service,
				      .exchange = {.service = s->service, .aim = aim},
				      .arg = arg};
	s->service->refs++;
	if (t->next)
		t->next->at = &t->next;
	s->tickets = t;
	return t;
}

static void ticket_leave(struct provider_ticket *t)
{
	*t->at = t->next;
	if (t->next)
		t->next->at = t->at;
	t->owner = NULL;
	t->pause = timer_free(t->pause);
}

static void ticket_free(struct provider_ticket *t)
{
	exchange_finish(&t->exchange);
	chapter_finish(t);
	service_drop(t->service);
	free(t);
}

static void tell(struct provider_ticket *t)
{
	struct exchange *x = &t->exchange;
	const bool good = x->outcome.code == 0;
	ticket_leave(t);
	x->outcome.usage = t->usage;
	if (t->listed)
		t->listed(t->arg, &x->outcome, &x->models);
	else if (t->answered)
		t->answered(t->arg, &x->outcome, good ? buf_str(&x->json) : NULL, x->json.len);
	else if (t->analyzed)
		t->analyzed(t->arg, &x->outcome, good ? x->analysis : NULL);
	else if (good)
		t->painted(t->arg, &x->outcome, x->picture.data, x->picture.len, x->ext);
	else
		t->painted(t->arg, &x->outcome, NULL, 0, NULL);
	if (good)
		x->analysis = NULL; /* whoever was told has it */
	ticket_free(t);
}

static void tell_posted(void *arg)
{
	struct provider_ticket *t = arg;
	if (t->owner)
		tell(t);
	else
		ticket_free(t);
}

/* ---- the end of a way */

/* Told from the loop and never from inside the call that asked. */
void ticket_finish(struct provider_ticket *t)
{
	const struct provider_outcome *o = &t->exchange.outcome;
	if (o->code < 0 && o->retry_after_ms >= 0)
		chapter_keep_parts(t);
	loop_post(t->owner->loop, tell_posted, t);
}

void ticket_fail(struct provider_ticket *t, int code, const char *reason)
{
	exchange_fail(&t->exchange, code, -1, "%s", reason);
	ticket_finish(t);
}

/* ---- through the gate */

static void leave_gate(struct provider_ticket *t, const struct gate_report *report)
{
	if (t->pass && t->passed)
		t->owner->gate->ops->leave(t->owner->gate, t->pass, report);
	else if (t->pass)
		t->owner->gate->ops->cancel(t->owner->gate, t->pass);
	t->pass = NULL;
	t->passed = false;
}

/* What an answer's head says; of usage nothing is known yet. */
static struct gate_report report_of(const struct http_answer *a)
{
	return (struct gate_report){
		.status = a->code < 0 ? 0 : a->status,
		.retry_after_ms = a->retry_after_ms,
		.requests_left = a->requests_left,
		.requests_reset_ms = a->requests_reset_ms,
		.tokens_left = a->tokens_left,
		.tokens_reset_ms = a->tokens_reset_ms,
	};
}

static void send_it(struct provider_ticket *t);

static void gate_opened(void *arg, const struct provider_outcome *no)
{
	struct provider_ticket *t = arg;
	if (no) {
		t->pass = NULL;
		t->exchange.outcome = *no;
		ticket_finish(t);
		return;
	}
	t->passed = true;
	send_it(t);
}

void ticket_ask(struct provider_ticket *t)
{
	struct gate *g = t->owner->gate;
	if (!g)
		send_it(t);
	else
		t->pass = g->ops->enter(g, t->owner->origin, exchange_tokens(&t->exchange),
					gate_opened, t);
}

/* ---- to the server */

static void answered(void *arg, struct http_answer *answer);

/* The picture's address may be another server's: the key is for ours alone. */
static bool is_ours(const struct server *s, const char *url)
{
	char theirs[HTTP_ORIGIN_BYTES];
	return http_origin(theirs, url) == 0 && !strcmp(theirs, s->origin);
}

static void post(struct provider_ticket *t, const char *url, struct buf *body)
{
	const struct server *s = t->owner;
	const struct exchange *x = &t->exchange;
	const struct wire_format *w = exchange_wire(x);
	const bool ours = is_ours(s, url);
	const bool picture = x->aim == AIM_PICTURE;
	CLEANUP(cleanup_free) char *form = NULL;
	CLEANUP(cleanup_free)
	struct http_insert *inserts = xcalloc(x->reference_count + 1, sizeof(*inserts));
	const size_t insert_count = body->len ? references_insert(inserts, body, x) : 0;
	if (references_form_path(x))
		form = xasprintf("multipart/form-data; boundary=%s", x->mark);
	const struct http_request r = {
		.url = url,
		.key = ours ? s->key : NULL,
		.key_field = w->key_field,
		.fields = ours ? w->fields : NULL,
		.body = body->len ? body->data : NULL,
		.body_len = body->len,
		.body_type = form,
		.inserts = inserts,
		.insert_count = insert_count,
		.max_bytes = picture ? PICTURE_BYTES_MAX : TEXT_BYTES_MAX,
		.connect_ms = CONNECT_MS,
		.stall_ms = STALL_MS,
		.total_ms = s->total_ms,
	};
	t->call = http_send(s->http, &r, answered, t);
}

static void send_it(struct provider_ticket *t)
{
	struct exchange *x = &t->exchange;
	CLEANUP(buf_finish) struct buf url = {0}, body = {0};
	struct http_answer none = {0};
	struct err err = {0};
	http_header_void(&none);
	t->report = report_of(&none);
	x->outcome = (struct provider_outcome){0};
	lessons_add(&x->lessons, &t->owner->lessons);
	int r = exchange_address(&url, x);
	if (r == 0)
		r = exchange_body(&body, x, &err);
	if (r < 0) {
		leave_gate(t, NULL);
		ticket_fail(t, r, err.msg[0] ? err.msg : "the request is too large");
		return;
	}
	t->asked = x->step == STEP_ASK;
	t->tries += t->asked;
	if (t->asked)
		t->until_boot_ms = clock_boot_ms() + t->owner->total_ms;
	post(t, buf_str(&url), &body);
}

/* ---- from the server */

static void judge(void *arg) /* pool */
{
	struct provider_ticket *t = arg;
	exchange_judge(&t->exchange);
	buf_finish(&t->exchange.answer.body);
}

static void usage_add(struct usage *all, const struct usage *more)
{
	all->requests += more->requests;
	all->tokens_in += more->tokens_in;
	all->tokens_out += more->tokens_out;
}

/* What a server does not say. A chapter that was sent whole was read, and is billed, though its
 * answer got lost; one that is refused is not. */
static void fill_in(struct usage *u, const struct provider_ticket *t)
{
	const struct exchange *x = &t->exchange;
	const struct http_answer *a = &x->answer;
	const bool told = x->aim == AIM_CHAPTER || x->aim == AIM_QUESTION;
	if (!told || u->tokens_in || !a->sent || a->status >= 300)
		return;
	u->tokens_in = exchange_tokens(x);
	if (a->code == 0 && x->aim == AIM_QUESTION)
		u->tokens_out = tokens_estimate(buf_str(&x->json), x->json.len);
	else if (a->code == 0)
		u->tokens_out =
			answer_tokens(buf_str(&x->text), x->text.len, t->parts[t->part_at].scenes);
}

/* Following the address of a picture is no request of its own. When to come again may stand in an
 * answer's text, and so may its true status. */
static void count(struct provider_ticket *t)
{
	struct exchange *x = &t->exchange;
	struct usage *u = &x->outcome.usage;
	u->requests = t->asked;
	fill_in(u, t);
	usage_add(&t->usage, u);
	usage_add(&t->spent, u);
	t->report.usage = *u;
	if (x->answer.code == 0)
		t->report.status = x->answer.status;
	if (t->report.retry_after_ms < 0 && x->outcome.retry_after_ms > 0)
		t->report.retry_after_ms = x->outcome.retry_after_ms;
	leave_gate(t, &t->report);
}

static void look_again(void *arg)
{
	struct provider_ticket *t = arg;
	t->paused = false;
	send_it(t);
}

static void go_on(struct provider_ticket *t)
{
	struct exchange *x = &t->exchange;
	struct server *s = t->owner;
	int64_t at = clock_boot_ms() + x->wait_ms;
	if (!x->wait_ms) {
		send_it(t);
		return;
	}
	if (at > t->until_boot_ms) {
		exchange_fail(x, -ETIMEDOUT, 0, "the server did not finish the picture in %lld s",
			      (long long)(s->total_ms / 1000));
		ticket_finish(t);
		return;
	}
	if (!t->pause)
		t->pause = timer_new(s->loop, look_again, t);
	timer_set(t->pause, at);
	t->paused = true;
}

static void ask_again(struct provider_ticket *t)
{
	struct exchange *x = &t->exchange;
	if (t->tries < TRIES_MOST) {
		ticket_ask(t);
		return;
	}
	exchange_fail(x, -EIO, -1, "the server refuses every form of the request: %s",
		      x->outcome.err.msg);
	ticket_finish(t);
}

static void learn(struct server *s, const struct lessons *more)
{
	size_t *most = &s->provider.paint_limits.prompt_bytes;
	lessons_add(&s->lessons, more);
	if (s->lessons.prompt_bytes && s->lessons.prompt_bytes < *most)
		*most = s->lessons.prompt_bytes;
	if (s->lessons.refused & OPTION_REFERENCES)
		s->provider.paint_limits.references = 0;
}

static void judged(void *arg)
{
	struct provider_ticket *t = arg;
	struct exchange *x = &t->exchange;
	if (!t->owner) {
		ticket_free(t);
		return;
	}
	learn(t->owner, &x->lessons);
	count(t);
	switch (x->verdict) {
	case VERDICT_AGAIN:
		ask_again(t);
		break;
	case VERDICT_NEXT:
		go_on(t);
		break;
	case VERDICT_SPLIT:
		chapter_too_long(t);
		break;
	case VERDICT_GOOD:
		if (x->aim == AIM_CHAPTER) {
			chapter_part_done(t);
			break;
		}
		ticket_finish(t);
		break;
	case VERDICT_FAILED:
		ticket_finish(t);
		break;
	}
}

static void answered(void *arg, struct http_answer *answer)
{
	struct provider_ticket *t = arg;
	t->call = NULL;
	t->report = report_of(answer);
	t->exchange.answer = *answer;
	answer->body = (struct buf){0};
	loop_work(t->owner->loop, judge, judged, t);
}

/* ---- the provider */

static struct provider_ticket *ask_paint(struct provider *p, const struct paint_request *r,
					 paint_done_fn done, void *arg)
{
	struct provider_ticket *t = ticket_new((struct server *)p, AIM_PICTURE, arg);
	t->painted = done;
	t->exchange.prompt = xstrdup(r->prompt);
	t->exchange.width_px = r->width_px;
	t->exchange.height_px = r->height_px;
	references_take(&t->exchange, r->references, r->reference_count);
	ticket_ask(t);
	return t;
}

static struct provider_ticket *ask_question(struct provider *p, const struct question *q,
					    answer_done_fn done, void *arg)
{
	struct provider_ticket *t = ticket_new((struct server *)p, AIM_QUESTION, arg);
	t->answered = done;
	t->exchange.prompt = xstrdup(q->prompt);
	references_take(&t->exchange, q->pictures, q->picture_count);
	ticket_ask(t);
	return t;
}

static void estimate_question(struct usage *out, struct provider *p, const struct question *q)
{
	*out = (struct usage){.requests = 1,
			      .tokens_in = tokens_estimate(q->prompt, strlen(q->prompt)),
			      .tokens_out = q->answer_tokens};
}

static struct provider_ticket *ask_models(struct provider *p, models_done_fn done, void *arg)
{
	struct provider_ticket *t = ticket_new((struct server *)p, AIM_MODELS, arg);
	t->listed = done;
	ticket_ask(t);
	return t;
}

/* Pictures are paid by the piece. */
static void estimate_paint(struct usage *out, struct provider *p, const struct paint_request *r)
{
	*out = (struct usage){.requests = 1};
}

/* What a request took that nobody will hear of. The exchange may be the pool's just now: of it only
 * what never changes is looked at. */
static void give_back(struct provider_ticket *t)
{
	t->report.usage = (struct usage){.requests = 1, .tokens_in = exchange_tokens(&t->exchange)};
	leave_gate(t, &t->report);
}

/* One in the pool, or posted, frees itself when it comes back. */
static void cancel(struct provider *p, struct provider_ticket *t)
{
	const bool at_gate = t->pass && !t->passed, paused = t->paused;
	const bool here = at_gate || paused || t->call;
	give_back(t);
	ticket_leave(t);
	if (t->call)
		http_cancel(t->call);
	if (here)
		ticket_free(t);
}

static struct provider *server_free(struct provider *p)
{
	struct server *s = (struct server *)p;
	while (s->tickets)
		cancel(p, s->tickets);
	chapter_forget(s);
	http_free(s->http);
	service_drop(s->service);
	if (s->key)
		explicit_bzero(s->key, strlen(s->key));
	free(s->key);
	free(s->options);
	free(s);
	return NULL;
}

static const struct provider_ops server_ops = {
	.analyze = chapter_ask,
	.paint = ask_paint,
	.ask = ask_question,
	.cancel = cancel,
	.estimate_analyze = chapter_estimate,
	.estimate_paint = estimate_paint,
	.estimate_ask = estimate_question,
	.models = ask_models,
	.free = server_free,
};

/* A key goes into a header's line: nothing in it may end that. */
static int check_key(const char *key, struct err *err)
{
	for (const char *c = key; c && *c; c++)
		if (*c <= ' ' || *c > '~')
			return err_set(err, -EINVAL, "the key holds a character that no key has");
	return 0;
}

/* The key, if it is this server's. Owned; NULL: there is none for it. */
static int take_key(char **out, const char *origin, const struct server_settings *s,
		    struct err *err)
{
	char theirs[HTTP_ORIGIN_BYTES];
	int r = check_key(s->key, err);
	if (r < 0)
		return r;
	if (s->key_url && http_origin(theirs, s->key_url) < 0)
		return err_set(err, -EINVAL,
			       "the address whose the key is must be http://... or "
			       "https://...");
	const bool ours = !s->key_url || !strcmp(theirs, origin);
	*out = s->key && *s->key && ours ? xstrdup(s->key) : NULL;
	return 0;
}

int provider_server_new(struct provider **out, struct loop *loop, enum provider_role role,
			const struct server_settings *settings, struct err *err)
{
	struct server *s = xcalloc(1, sizeof(*s));
	CLEANUP(provider_free_cleanup) struct provider *p = &s->provider;
	s->ops = server_ops;
	p->ops = &s->ops;
	int r = service_new(&s->service, role, settings, err);
	if (r == 0 && (r = http_origin(s->origin, s->service->base_url)) == 0)
		r = take_key(&s->key, s->origin, settings, err);
	if (r == 0)
		r = http_new(&s->http, loop, err);
	if (r == 0 && settings->record_dir)
		r = http_record(s->http, settings->record_dir, err);
	if (r < 0)
		return r;
	s->loop = loop;
	s->options = service_options(s->service, role);
	s->total_ms = settings->timeout_ms;
	s->gate = settings->gate;
	s->ops.name = settings->preset->name;
	if (role == ROLE_IMAGE)
		s->ops.ask = NULL;
	if (!s->service->wire->models)
		s->ops.models = NULL;
	p->model = *s->service->model ? s->service->model : "default";
	p->options = s->options;
	p->analyze_slots = role == ROLE_TEXT ? settings->slots : 0;
	p->paint_slots = role == ROLE_IMAGE ? settings->slots : 0;
	*(role == ROLE_IMAGE ? &p->paint_limits : &p->look_limits) = s->service->paint_limits;
	*out = p;
	p = NULL;
	return 0;
}
