/* SPDX-License-Identifier: MIT */
#include "openai.h"

#include <string.h>

/*
 * The provider: tickets on their way between the loop (asking), the pool (judging) and the loop
 * again. A ticket in the pool outlives its cancellation and even its provider; it then has no owner
 * and only frees itself.
 */

enum {
	CONNECT_MS = 15000,
	STALL_MS = 60000,
	REQUESTS_MOST = 8,	     /* for one ticket, all refusals of forms included */
	PATIENT_MS = 10 * 60 * 1000, /* nobody holds a slot for longer */
};

struct openai {
	struct provider provider;
	struct loop *loop;
	struct http *http;
	char *base_url, *model, *key, *options;
	int64_t total_ms;
	unsigned quirks;
	struct provider_ticket *tickets;
	/* When the server tells one request to wait, all wait. */
	int64_t closed_until_boot_ms;
	struct timer *opening;
};

struct provider_ticket {
	struct openai *owner; /* NULL: cancelled, and the owner may be gone */
	struct provider_ticket *next, **at;
	const struct openai_kind *kind;
	struct openai_exchange exchange;
	int requests;
	struct http_call *call; /* while it is with the server */
	bool held;		/* waits for the server to be open */
	analyze_done_fn analyzed;
	paint_done_fn painted;
	void *arg;
};

/* ---- tickets */

static struct provider_ticket *ticket_new(struct openai *o, const struct openai_kind *kind,
					  void *arg)
{
	struct provider_ticket *t = xcalloc(1, sizeof(*t));
	*t = (struct provider_ticket){
		.owner = o, .next = o->tickets, .at = &o->tickets, .kind = kind, .arg = arg};
	t->exchange.base_url = xstrdup(o->base_url);
	t->exchange.model = xstrdup(o->model);
	if (t->next)
		t->next->at = &t->next;
	o->tickets = t;
	return t;
}

static void ticket_leave(struct provider_ticket *t)
{
	*t->at = t->next;
	if (t->next)
		t->next->at = t->at;
	t->owner = NULL;
}

static void ticket_free(struct provider_ticket *t)
{
	openai_exchange_finish(&t->exchange);
	free(t);
}

static void tell(struct provider_ticket *t)
{
	struct openai_exchange *x = &t->exchange;
	ticket_leave(t);
	if (x->outcome.code < 0 && t->analyzed)
		t->analyzed(t->arg, &x->outcome, NULL);
	else if (x->outcome.code < 0)
		t->painted(t->arg, &x->outcome, NULL, 0, NULL);
	else if (t->analyzed)
		t->analyzed(t->arg, &x->outcome, x->analysis);
	else
		t->painted(t->arg, &x->outcome, x->picture.data, x->picture.len, x->ext);
	if (x->outcome.code == 0)
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

/* ---- to the server */

static void answered(void *arg, struct http_answer *answer);

/* The picture's address may be another server's: the key is for ours alone. */
static const char *key_for(const struct openai *o, const char *url)
{
	char theirs[HTTP_ORIGIN_BYTES], ours[HTTP_ORIGIN_BYTES];
	if (http_origin(theirs, url) < 0 || http_origin(ours, o->base_url) < 0)
		return NULL;
	return strcmp(theirs, ours) ? NULL : o->key;
}

static void go(struct provider_ticket *t)
{
	struct openai *o = t->owner;
	struct openai_exchange *x = &t->exchange;
	CLEANUP(buf_finish) struct buf body = {0};
	CLEANUP(cleanup_free) char *url = NULL;
	struct http_request r = {.connect_ms = CONNECT_MS,
				 .stall_ms = STALL_MS,
				 .total_ms = o->total_ms,
				 .max_bytes = t->kind->max_bytes};
	t->requests++;
	x->verdict = VERDICT_GOOD;
	x->outcome = (struct provider_outcome){0};
	if (!x->fetching) {
		x->quirks |= o->quirks;
		x->outcome.code = t->kind->request(&body, x);
		r.body = buf_str(&body);
		r.body_len = body.len;
	}
	if (x->outcome.code < 0) {
		openai_fail(x, x->outcome.code, -1, "the request is too large");
		loop_post(o->loop, tell_posted, t);
		return;
	}
	url = x->fetching ? xstrdup(x->url) : xasprintf("%s%s", o->base_url, t->kind->path);
	r.url = url;
	r.key = key_for(o, url);
	t->call = http_send(o->http, &r, answered, t);
}

/* Waits with the others while the server is closed. A long time is no wait: the work goes back to
 * its queue until then. */
static void dispatch(struct provider_ticket *t)
{
	struct openai *o = t->owner;
	int64_t closed_ms = o->closed_until_boot_ms - clock_boot_ms();
	if (closed_ms <= 0) {
		go(t);
	} else if (closed_ms <= PATIENT_MS) {
		t->held = true;
		timer_set(o->opening, o->closed_until_boot_ms);
	} else {
		openai_fail(&t->exchange, -EIO, closed_ms, "the server asked to be left alone");
		loop_post(o->loop, tell_posted, t);
	}
}

static void open_again(void *arg)
{
	struct openai *o = arg;
	struct provider_ticket *next;
	for (struct provider_ticket *t = o->tickets; t; t = next) {
		next = t->next;
		if (!t->held)
			continue;
		t->held = false;
		dispatch(t); /* it may have been closed for longer meanwhile */
	}
}

/* ---- from the server */

static void close_for_all(struct openai *o, const struct http_answer *a)
{
	int64_t until = clock_boot_ms() + a->retry_after_ms;
	if ((a->status == 429 || a->status == 503) && a->retry_after_ms > 0 &&
	    until > o->closed_until_boot_ms)
		o->closed_until_boot_ms = until;
}

static void judge(void *arg) /* pool */
{
	struct provider_ticket *t = arg;
	t->kind->judge(&t->exchange);
	buf_finish(&t->exchange.answer.body);
}

static void judged(void *arg)
{
	struct provider_ticket *t = arg;
	struct openai_exchange *x = &t->exchange;
	if (!t->owner) {
		ticket_free(t);
		return;
	}
	t->owner->quirks |= x->quirks;
	bool more = x->verdict == VERDICT_AGAIN || x->verdict == VERDICT_FETCH;
	if (more && t->requests >= REQUESTS_MOST) {
		openai_fail(x, -EIO, -1, "the server refuses every form of the request: %s",
			    x->outcome.err.msg);
		more = false;
	}
	if (more)
		dispatch(t);
	else
		tell(t);
}

static void answered(void *arg, struct http_answer *answer)
{
	struct provider_ticket *t = arg;
	t->call = NULL;
	t->exchange.answer = *answer;
	answer->body = (struct buf){0};
	close_for_all(t->owner, answer);
	loop_work(t->owner->loop, judge, judged, t);
}

/* ---- the provider */

static struct provider_ticket *ask_analyze(struct provider *p, const struct analyze_request *r,
					   analyze_done_fn done, void *arg)
{
	struct provider_ticket *t = ticket_new((struct openai *)p, &openai_chat, arg);
	struct openai_exchange *x = &t->exchange;
	const struct chapter_prompt prompt = {
		.book_title = r->book_title,
		.language = r->language,
		.chapter_title = r->chapter_title,
		.chapter = r->chapter,
		.scenes = r->scenes,
		.text = r->text,
		.text_len = r->text_len,
	};
	struct buf words = {0};
	t->analyzed = done;
	if (buf_add(&x->text, r->text, r->text_len) == 0 && prompt_chapter(&words, &prompt) == 0) {
		x->prompt = buf_steal(&words, NULL);
		dispatch(t);
	} else {
		buf_finish(&words);
		openai_fail(x, -EFBIG, -1, "the chapter is too large to be sent");
		loop_post(((struct openai *)p)->loop, tell_posted, t);
	}
	return t;
}

static struct provider_ticket *ask_paint(struct provider *p, const struct paint_request *r,
					 paint_done_fn done, void *arg)
{
	struct provider_ticket *t = ticket_new((struct openai *)p, &openai_image, arg);
	t->painted = done;
	t->exchange.prompt = xstrdup(r->prompt);
	t->exchange.width_px = r->width_px;
	t->exchange.height_px = r->height_px;
	dispatch(t);
	return t;
}

/* One in the pool, or posted, frees itself when it comes back. */
static void cancel(struct provider *p, struct provider_ticket *t)
{
	bool here = t->call || t->held;
	ticket_leave(t);
	if (t->call)
		http_cancel(t->call);
	if (here)
		ticket_free(t);
}

static struct provider *openai_free(struct provider *p)
{
	struct openai *o = (struct openai *)p;
	while (o->tickets)
		cancel(p, o->tickets);
	http_free(o->http);
	timer_free(o->opening);
	if (o->key)
		explicit_bzero(o->key, strlen(o->key));
	free(o->key);
	free(o->base_url);
	free(o->model);
	free(o->options);
	free(o);
	return NULL;
}

static const struct provider_ops openai_ops = {
	.name = "openai",
	.analyze = ask_analyze,
	.paint = ask_paint,
	.cancel = cancel,
	.free = openai_free,
};

/* A key goes into a header's line: nothing in it may end that. */
static int check_key(const char *key, struct err *err)
{
	for (const char *c = key; c && *c; c++)
		if (*c <= ' ' || *c > '~')
			return err_set(err, -EINVAL, "the key holds a character that no key has");
	return 0;
}

static int check_address(char origin[HTTP_ORIGIN_BYTES], const char *url, struct err *err)
{
	if (http_origin(origin, url) < 0)
		return err_set(err, -EINVAL,
			       "the server's address must be http://... or https://..., without a "
			       "name and password in it");
	if (strpbrk(url, "?#"))
		return err_set(err, -EINVAL, "the server's address must end in its path: %s", url);
	return 0;
}

/* "http://host/v1/" and "http://host/v1" are one. */
static char *without_slash(const char *url)
{
	size_t len = strlen(url);
	while (len && url[len - 1] == '/')
		len--;
	return xstrndup(url, len);
}

int provider_server_new(struct provider **out, struct loop *loop, enum provider_role role,
			const struct server_settings *s, struct err *err)
{
	char origin[HTTP_ORIGIN_BYTES], of_key[HTTP_ORIGIN_BYTES];
	const bool text = role == ROLE_TEXT;
	const char *base_url = s->base_url ? s->base_url : s->preset->base_url;
	const char *model = s->model ? s->model : text ? s->preset->model : s->preset->image_model;
	struct http *http;
	if (!base_url)
		return err_set(err, -EINVAL, "%s needs the server's address", s->preset->name);
	int r = check_address(origin, base_url, err);
	if (r == 0)
		r = check_key(s->key, err);
	if (r == 0)
		r = check_address(of_key, s->key_url ? s->key_url : base_url, err);
	if (r == 0)
		r = http_new(&http, loop, err);
	if (r < 0)
		return r;
	struct openai *o = xcalloc(1, sizeof(*o));
	*o = (struct openai){
		.loop = loop,
		.http = http,
		.base_url = without_slash(base_url),
		.model = xstrdup(model ? model : ""),
		.key = s->key && *s->key && !strcmp(origin, of_key) ? xstrdup(s->key) : NULL,
		.options = xasprintf("at %s", strstr(origin, "//") + 2),
		.total_ms = s->timeout_ms,
	};
	o->provider = (struct provider){
		.ops = &openai_ops,
		.model = *o->model ? o->model : "default",
		.options = o->options,
		.analyze_slots = text ? s->slots : 0,
		.paint_slots = text ? 0 : s->slots,
	};
	o->opening = timer_new(loop, open_again, o);
	*out = &o->provider;
	return 0;
}
