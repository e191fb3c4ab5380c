/* SPDX-License-Identifier: MIT */
#include "check.h"
#include "exchange.h"
#include "picture.h"
#include "server.h"

static struct server server;
static struct loop *loop;

static const char chapter[] =
	"The old lighthouse stood white against the black sky above the harbour.\n\n"
	"Captain Morrow lifted the brass lantern and went down the narrow stone stair.\n";

struct got {
	struct provider_outcome o;
	struct analysis *a;
	struct buf picture;
	char ext[8];
	int calls, *left;
};

static void one_less(struct got *g, const struct provider_outcome *o)
{
	g->o = *o;
	g->calls++;
	if (--*g->left == 0)
		loop_stop(loop);
}

static void analyzed(void *arg, const struct provider_outcome *o, struct analysis *a)
{
	struct got *g = arg;
	CHECK((o->code == 0) == (a != NULL));
	g->a = a;
	one_less(g, o);
}

static void painted(void *arg, const struct provider_outcome *o, const void *data, size_t len,
		    const char *ext)
{
	struct got *g = arg;
	if (o->code == 0) {
		buf_add(&g->picture, data, len);
		snprintf(g->ext, sizeof(g->ext), "%s", ext);
	}
	one_less(g, o);
}

static const struct analyze_request chapter_request = {
	.book_title = "The Light",
	.language = "en",
	.chapter = 1,
	.chapter_title = "One",
	.text = chapter,
	.text_len = sizeof(chapter) - 1,
	.scenes = 1,
};
static const struct paint_request scene_request = {
	.book_title = "The Light",
	.chapter_title = "One",
	.chapter = 1,
	.scene = 1,
	.prompt = "A lighthouse.",
	.width_px = 1024,
	.height_px = 1024,
};

#define KEY "sk-a-secret-of-some-length"

static struct provider *provider_for(const char *name, bool paint)
{
	CLEANUP(cleanup_free)
	char *url = xasprintf("http://127.0.0.1:%d/%s/v1/", server.port, name);
	const struct server_settings s = {.preset = provider_preset("openai"),
					  .base_url = url,
					  .model = "m",
					  .key = KEY,
					  .slots = 3,
					  .timeout_ms = strcmp(name, "hang") ? 5000 : 300,
					  .temperature = -1,
					  .seed = -1};
	struct provider *p = NULL;
	struct err err = {0};
	if (provider_server_new(&p, loop, paint ? ROLE_IMAGE : ROLE_TEXT, &s, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
	return p;
}

static void put(struct provider *p, bool paint, struct got *g)
{
	if (paint)
		p->ops->paint(p, &scene_request, painted, g);
	else
		p->ops->analyze(p, &chapter_request, analyzed, g);
}

static void fetched(void *arg, struct http_answer *a)
{
	*(char **)arg = xstrdup(buf_str(&a->body));
	loop_stop(loop);
}

/* What the server says of itself. Owned. */
static char *fetch(const char *path)
{
	CLEANUP(cleanup_free)
	char *url = xasprintf("http://127.0.0.1:%d/%s", server.port, path);
	struct http *h;
	char *text = NULL;
	const struct http_request r = {.url = url,
				       .max_bytes = 1 << 20,
				       .connect_ms = 5000,
				       .stall_ms = 5000,
				       .total_ms = 5000};
	if (http_new(&h, loop, NULL) < 0)
		exit(1);
	http_send(h, &r, fetched, &text);
	loop_run(loop);
	http_free(h);
	return text;
}

static int count_of(const char *name)
{
	CLEANUP(cleanup_free) char *path = xasprintf("count/%s", name);
	CLEANUP(cleanup_free) char *text = fetch(path);
	return atoi(text);
}

enum { FINAL = -1, SOON = 0 };

static const struct scenario {
	const char *name;
	bool paint;
	int requests; /* in all */
	int code;
	int64_t retry_ms; /* of a failure */
	const char *reason;
	bool refused;
	const char *ext;
} scenarios[] = {
	{"good", false, 1},
	{"gzip", false, 1},
	{"noschema", false, 2},
	{"plainonly", false, 3},
	{"think", false, 1},
	{"parts", false, 1},
	{"half", false, 2},
	{"length", false, 3},
	{"invented", false, 1},
	{"limited", false, 1, -EIO, 1000, "(429 rate_limit_exceeded): too many requests"},
	{"closed", false, 1, -EIO, 3600000, "come back tomorrow"},
	{"shaky", false, 1, -EIO, SOON, "(500 invalid_request_error): internal"},
	{"html", false, 1, -EIO, SOON, "(502): a page \"502 Bad Gateway\""},
	{"empty", false, 1, -EIO, SOON, "(500): an empty answer"},
	{"inside", false, 1, -EIO, SOON, "upstream is away"},
	{"insist", false, 1, -EIO, SOON, "odd"},
	{"cut", false, 1, -EIO, SOON, "cannot be asked"},
	{"reset", false, 1, -EIO, SOON, "cannot be asked"},
	{"huge", false, 1, -EIO, FINAL, "larger than"},
	{"hang", false, 1, -ETIMEDOUT, SOON, "in time"},
	{"redirect", false, 1, -EIO, FINAL, "sends us elsewhere (302)"},
	{"unauthorized", false, 1, -EACCES, FINAL, "refused the key (401 invalid_api_key)"},
	{"noquota", false, 1, -EDQUOT, FINAL, "exceeded your current quota"},
	{"unpaid", false, 1, -EDQUOT, FINAL, "Insufficient credits"},
	{"nomodel", false, 1, -EIO, FINAL, "(404): no such model"},
	{"policy", false, 1, -EIO, FINAL, "was rejected", .refused = true},
	{"refusal", false, 1, -EIO, FINAL, "I will not draw this.", .refused = true},
	{"filter", false, 1, -EIO, FINAL, "held back", .refused = true},
	{"nonsense", false, 2, -EIO, FINAL, "cannot be used, twice"},
	{"short", false, 2, -EIO, FINAL, "cut off"},
	{"good", true, 1, .ext = "png"},
	{"jpeg", true, 1, .ext = "jpg"},
	{"webp", true, 1, .ext = "webp"},
	{"nosize", true, 2, .ext = "png"},
	{"url", true, 2, .ext = "png"},
	{"foreign", true, 1, -EIO, FINAL, "neither https nor the server's own"},
	{"file", true, 1, -EIO, FINAL, "neither https nor the server's own"},
	{"gone", true, 2, -EIO, SOON, "its server says 404"},
	{"moved", true, 2, -EIO, FINAL, "its server sends us elsewhere (302)"},
	{"magic", true, 1, -EIO, SOON, "neither PNG nor JPEG nor WebP"},
	{"cutpng", true, 1, -EIO, SOON, "cut off"},
	{"badbase", true, 1, -EIO, SOON, "base64"},
	{"nopicture", true, 1, -EIO, SOON, "holds no picture"},
	{"policy", true, 1, -EIO, FINAL, "was rejected", .refused = true},
	{"unauthorized", true, 1, -EACCES, FINAL, "refused the key"},
};

static bool is_as_told(const struct scenario *s, const struct got *g, int requests)
{
	const struct provider_outcome *o = &g->o;
	if (g->calls != 1 || o->code != s->code || requests != s->requests ||
	    strstr(o->err.msg, KEY))
		return false;
	if (s->code == 0)
		return !s->ext || !strcmp(g->ext, s->ext);
	return o->retry_after_ms == s->retry_ms && o->refused == s->refused &&
	       strstr(o->err.msg, s->reason);
}

static void test_scenario(const struct scenario *s)
{
	CLEANUP(provider_free_cleanup) struct provider *p = provider_for(s->name, s->paint);
	int left = 1, before = count_of(s->name);
	struct got g = {.left = &left};
	put(p, s->paint, &g);
	CHECK_INT(g.calls, 0);
	loop_run(loop);
	int requests = count_of(s->name) - before;
	if (!is_as_told(s, &g, requests)) {
		fprintf(stderr, "%s: code %d, again %lld, refused %d, \"%s\", %s, %d requests\n",
			s->name, g.o.code, (long long)g.o.retry_after_ms, g.o.refused, g.o.err.msg,
			g.ext, requests);
		check_failures++;
	}
	if (g.a) {
		bool invented = !strcmp(s->name, "invented");
		CHECK_INT(g.a->concept_count, 1);
		CHECK((g.a->concepts[0].quote.offset == 0) == !invented);
		CHECK((g.a->concepts[0].quote.offset == QUOTE_NOT_FOUND) == invented);
		CHECK(g.a->tokens >= 150);
	}
	analysis_free(g.a);
	buf_finish(&g.picture);
}

/* What a server does not take it is asked once: the second chapter needs no detour. */
static void test_remembers(void)
{
	CLEANUP(provider_free_cleanup) struct provider *p = provider_for("plainonly", false);
	int before = count_of("plainonly");
	for (int i = 0; i < 2; i++) {
		int left = 1;
		struct got g = {.left = &left};
		put(p, false, &g);
		loop_run(loop);
		CHECK_INT(g.o.code, 0);
		analysis_free(g.a);
	}
	CHECK_INT(count_of("plainonly") - before, 4);
}

static void stop(void *arg)
{
	loop_stop(loop);
}

static void run_for(int64_t ms)
{
	struct timer *t = timer_new(loop, stop, NULL);
	timer_set(t, clock_boot_ms() + ms);
	loop_run(loop);
	timer_free(t);
}

/* At every moment of its way: before, at the server, in the pool, told. */
static void test_cancel(void)
{
	struct provider *p = provider_for("good", false), *painter = provider_for("good", true);
	for (int ms = 0; ms < 12; ms++) {
		int left = 100;
		struct got g[2] = {{.left = &left}, {.left = &left}};
		struct provider_ticket *a = p->ops->analyze(p, &chapter_request, analyzed, &g[0]);
		painter->ops->paint(painter, &scene_request, painted, &g[1]);
		run_for(ms);
		if (!g[0].calls)
			p->ops->cancel(p, a);
		if (ms % 2) { /* the other goes with the provider */
			painter = provider_free(painter);
			painter = provider_for("good", true);
		}
		while (!(ms % 2) && !g[1].calls)
			run_for(1);
		int calls[2] = {g[0].calls, g[1].calls};
		run_for(20);
		CHECK(g[0].calls == calls[0] && calls[0] <= 1);
		CHECK(g[1].calls == calls[1] && calls[1] <= 1);
		analysis_free(g[0].a);
		buf_finish(&g[1].picture);
	}
	provider_free(p);
	provider_free(painter);
}

static int make(const char *base_url, const char *key, const char *key_url)
{
	const struct server_settings s = {.preset = provider_preset("openai"),
					  .base_url = base_url,
					  .key = key,
					  .key_url = key_url,
					  .slots = 1,
					  .timeout_ms = 1};
	struct provider *p = NULL;
	struct err err = {0};
	int r = provider_server_new(&p, loop, ROLE_TEXT, &s, &err);
	CHECK(r == 0 || !key || !strstr(err.msg, key));
	provider_free(p);
	return r;
}

static void test_settings(void)
{
	CHECK_INT(make("https://h/v1", "k", NULL), 0);
	CHECK_INT(make("h/v1", "k", NULL), -EINVAL);
	CHECK_INT(make("https://h/v1#x", "k", NULL), -EINVAL);
	CHECK_INT(make("https://a:b@h/v1", "k", NULL), -EINVAL);
	CHECK_INT(make("https://h/v1", "sk-secret\r\nX: y", NULL), -EINVAL);
}

/* A key is another server's: it is not sent. */
static void test_key_stays_home(void)
{
	CLEANUP(cleanup_free)
	char *url = xasprintf("http://127.0.0.1:%d/unauthorized/v1", server.port);
	const struct server_settings s = {.preset = provider_preset("openai"),
					  .base_url = url,
					  .key = KEY,
					  .key_url = "https://api.example.org/v1",
					  .slots = 1,
					  .timeout_ms = 1000};
	CLEANUP(provider_free_cleanup) struct provider *p = NULL;
	int left = 1;
	struct got g = {.left = &left};
	CHECK_INT(provider_server_new(&p, loop, ROLE_TEXT, &s, NULL), 0);
	put(p, false, &g);
	loop_run(loop);
	CHECK(strstr(g.o.err.msg, "provided: None") != NULL);
}

/* Nor does it go along to where a picture stands. */
static void test_picture_elsewhere(void)
{
	CLEANUP(cleanup_free) char *tls = fetch("tls");
	CLEANUP(provider_free_cleanup) struct provider *p = provider_for("elsewhere", true);
	int left = 1;
	struct got g = {.left = &left};
	char *file = strchr(tls, ' ') + 1;
	file[strcspn(file, " ")] = '\0';
	setenv("SSL_CERT_FILE", file, 1);
	put(p, true, &g);
	loop_run(loop);
	unsetenv("SSL_CERT_FILE");
	CHECK_STR(g.o.err.msg, "");
	CHECK_STR(g.ext, "png");
	buf_finish(&g.picture);
}

/* ---- other kinds of servers */

static const char workflow[] = "{\"6\": {\"inputs\": {\"text\": \"{prompt}\"}}}";

static struct provider *provider_of(const struct server_settings *like, const char *path)
{
	CLEANUP(cleanup_free) char *url = xasprintf("http://127.0.0.1:%d/%s", server.port, path);
	struct server_settings s = *like;
	struct provider *p = NULL;
	struct err err = {0};
	const bool paints = !s.preset->chat || s.image_quality || s.image_size;
	s.base_url = url;
	s.model = s.model ? s.model : "m";
	s.key = KEY;
	s.slots = 3;
	s.timeout_ms = s.timeout_ms ? s.timeout_ms : 5000;
	s.workflow = workflow;
	if (provider_server_new(&p, loop, paints ? ROLE_IMAGE : ROLE_TEXT, &s, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
	return p;
}

/* image_size tells that it is asked for a picture. */
static const struct way {
	const char *preset, *path, *size;
	int requests; /* of ours; followed addresses left out */
	int code;
	const char *key, *reason; /* as it was sent; of a failure */
} ways[] = {
	{"openai", "good/v1", NULL, 1, 0, "Bearer " KEY},
	{"openai", "sse/v1", NULL, 1, 0, "Bearer " KEY},
	{"openai", "sseerror/v1", NULL, 1, -EIO, "Bearer " KEY, "the model went away"},
	{"openai", "wrongtype/v1", NULL, 1, -EIO, "Bearer " KEY, "no choice"},
	{"openai", "wrongtype/v1", "auto", 1, -EIO, "Bearer " KEY, "no picture"},
	{"anthropic", "good/v1", NULL, 1, 0, KEY},
	{"anthropic", "wrongtype/v1", NULL, 1, -EIO, KEY, "no choice"},
	{"anthropic", "unauthorized/v1", NULL, 1, -EACCES, KEY, "refused the key"},
	{"gemini", "good/v1beta", NULL, 1, 0, KEY},
	{"gemini", "good/v1beta", "auto", 1, 0, KEY},
	{"gemini", "filter/v1beta", NULL, 1, -EIO, KEY, "SAFETY"},
	{"gemini", "wrongtype/v1beta", "auto", 1, -EIO, KEY, "no picture"},
	{"azure", "good", NULL, 1, 0, KEY},
	{"azure", "good", "auto", 1, 0, KEY},
	{"ollama", "ollama/v1", NULL, 1, 0, "Bearer " KEY},
	{"openai", "shakyfile/v1", "auto", 1, 0, "Bearer " KEY},
	{"openrouter", "good/v1", "auto", 1, 0, "Bearer " KEY},
	{"openrouter", "nopath/v1", "auto", 2, 0, "Bearer " KEY},
	{"sdcpp", "good/v1", "512x512", 1, 0, "Bearer " KEY},
	{"localai", "url/v1", "512x512", 1, 0, "Bearer " KEY},
	{"a1111", "good", "512x512", 1, 0, "Bearer " KEY},
	{"a1111", "cutbase", "512x512", 1, -EIO, "Bearer " KEY, "cut off"},
	{"comfyui", "good", "512x512", 1, 0, "Bearer " KEY},
	{"comfyui", "queue", "512x512", 1, 0, "Bearer " KEY},
	{"comfyui", "outofmemory", "512x512", 1, -EIO, "Bearer " KEY, "CUDA out of memory"},
	{"comfyui", "never", "512x512", 1, -ETIMEDOUT, "Bearer " KEY, "did not"},
};

static void test_way(const struct way *w)
{
	const struct server_settings s = {.preset = provider_preset(w->preset),
					  .image_size = w->size,
					  .temperature = -1,
					  .seed = -1,
					  .timeout_ms = w->code == -ETIMEDOUT ? 300 : 5000};
	free(fetch("clear"));
	CLEANUP(provider_free_cleanup) struct provider *p = provider_of(&s, w->path);
	CLEANUP(cleanup_free) char *key = xasprintf("\"key\": \"%s\"", w->key);
	int left = 1;
	struct got g = {.left = &left};
	put(p, w->size != NULL, &g);
	loop_run(loop);
	CLEANUP(cleanup_free) char *log = fetch("log");
	if (g.o.code != w->code || g.o.usage.requests != w->requests || !strstr(log, key) ||
	    (w->reason && !strstr(g.o.err.msg, w->reason))) {
		fprintf(stderr, "%s %s: code %d, %d requests, \"%s\"\n%s", w->preset, w->path,
			g.o.code, g.o.usage.requests, g.o.err.msg, log);
		check_failures++;
	}
	if (g.a) {
		CHECK_INT((int)g.a->concept_count, 1);
		CHECK(g.o.usage.tokens_in > 300 && g.o.usage.tokens_out > 30);
		CHECK(g.a->tokens == g.o.usage.tokens_in + g.o.usage.tokens_out);
	}
	CHECK(w->code < 0 || g.a || !strcmp(g.ext, "png"));
	analysis_free(g.a);
	buf_finish(&g.picture);
}

/* What it refuses is left out one by one, and then at once. */
static void test_fussy(void)
{
	const struct server_settings s = {
		.preset = provider_preset("openai"), .temperature = 0.5, .seed = 7};
	CLEANUP(provider_free_cleanup) struct provider *p = provider_of(&s, "fussy/v1");
	static const int requests[] = {5, 1}; /* temperature, seed, a schema, JSON */
	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		int left = 1;
		struct got g = {.left = &left};
		put(p, false, &g);
		loop_run(loop);
		CHECK_STR(g.o.err.msg, "");
		CHECK_INT(g.o.usage.requests, requests[i]);
		analysis_free(g.a);
	}
}

/* ---- the gate */

struct test_gate {
	struct gate gate;
	int entered, left, cancelled;
	struct gate_report last;
	const struct provider_outcome *no;
	bool shut;
};
struct gate_pass {
	struct test_gate *gate;
	void (*go)(void *arg, const struct provider_outcome *no);
	void *arg;
};

static void let_go(void *arg)
{
	struct gate_pass *pass = arg;
	const struct gate_pass p = *pass;
	if (p.gate->no)
		free(pass);
	p.go(p.arg, p.gate->no);
}

static struct gate_pass *gate_enter(struct gate *g, const char *origin, int64_t tokens,
				    void (*go)(void *arg, const struct provider_outcome *no),
				    void *arg)
{
	struct test_gate *t = (struct test_gate *)g;
	struct gate_pass *p = xcalloc(1, sizeof(*p));
	*p = (struct gate_pass){t, go, arg};
	t->entered++;
	CHECK(!strncmp(origin, "http://127.0.0.1:", 17) && strlen(origin) < 24);
	CHECK(tokens > 0);
	if (!t->shut)
		loop_post(loop, let_go, p);
	return p;
}

static void gate_leave(struct gate *g, struct gate_pass *p, const struct gate_report *report)
{
	struct test_gate *t = (struct test_gate *)g;
	t->left++;
	t->last = *report;
	free(p);
}

static void gate_cancel(struct gate *g, struct gate_pass *p)
{
	((struct test_gate *)g)->cancelled++;
	free(p);
}

static const struct gate_ops test_gate_ops = {gate_enter, gate_leave, gate_cancel};

static struct provider *gated(struct test_gate *g, const char *preset, const char *path,
			      const char *size)
{
	const struct server_settings s = {.preset = provider_preset(preset),
					  .image_size = size,
					  .temperature = -1,
					  .seed = -1,
					  .gate = &g->gate};
	*g = (struct test_gate){.gate.ops = &test_gate_ops};
	return provider_of(&s, path);
}

/* Each request goes through, and what it taught comes back; the way to a picture does not. */
static void test_gate(void)
{
	static const struct {
		const char *preset, *path, *size;
		int passes, status;
		int64_t retry_ms;
	} gates[] = {{"openai", "good/v1", NULL, 1, 200, -1},
		     {"openai", "plainonly/v1", NULL, 3, 200, -1},
		     {"openai", "closed/v1", NULL, 1, 429, 3600000},
		     {"openai", "inside/v1", NULL, 1, 502, -1},
		     {"gemini", "bodywait/v1beta", NULL, 1, 429, 7000},
		     {"openai", "reset/v1", NULL, 1, 0, -1},
		     {"openai", "url/v1", "auto", 1, 200, -1},
		     {"comfyui", "good", "auto", 1, 200, -1}};
	for (size_t i = 0; i < ARRAY_LEN(gates); i++) {
		struct test_gate gate;
		CLEANUP(provider_free_cleanup)
		struct provider *p = gated(&gate, gates[i].preset, gates[i].path, gates[i].size);
		int left = 1;
		struct got g = {.left = &left};
		put(p, gates[i].size != NULL, &g);
		loop_run(loop);
		CHECK_INT(gate.entered, gates[i].passes);
		CHECK_INT(gate.left, gates[i].passes);
		CHECK_INT(gate.last.status, gates[i].status);
		CHECK_INT((int)gate.last.retry_after_ms, (int)gates[i].retry_ms);
		CHECK_INT(gate.last.usage.requests, 1);
		CHECK_INT(g.o.usage.requests, gates[i].passes);
		CHECK_INT((int)gate.last.requests_left, -1);
		analysis_free(g.a);
		buf_finish(&g.picture);
	}
}

static void test_gate_says_no(void)
{
	const struct provider_outcome no = {
		.code = -EDQUOT, .err = {-EDQUOT, "all is spent"}, .retry_after_ms = 60000};
	struct test_gate gate;
	free(fetch("clear"));
	CLEANUP(provider_free_cleanup)
	struct provider *p = gated(&gate, "openai", "good/v1", NULL);
	int left = 1;
	struct got g = {.left = &left};
	gate.no = &no;
	put(p, false, &g);
	loop_run(loop);
	CHECK_INT(g.o.code, -EDQUOT);
	CHECK_STR(g.o.err.msg, "all is spent");
	CHECK_INT((int)g.o.retry_after_ms, 60000);
	CHECK_INT(g.o.usage.requests, 0);
	CHECK_INT(count_of("good"), 0);
}

/* A pass is given back wherever its ticket is cancelled. */
static void test_gate_cancel(void)
{
	struct test_gate gate;
	struct provider *p = gated(&gate, "openai", "hang/v1", NULL);
	int left = 9;
	struct got g = {.left = &left};
	gate.shut = true;
	p->ops->cancel(p, p->ops->analyze(p, &chapter_request, analyzed, &g));
	CHECK_INT(gate.cancelled, 1);
	gate.shut = false;
	put(p, false, &g);
	while (!count_of("hang")) /* until it is with the server */
		run_for(5);
	p = provider_free(p);
	CHECK_INT(gate.left, 1);
	CHECK_INT(gate.last.status, 0);
	CHECK(gate.last.usage.requests == 1 && gate.last.usage.tokens_in > 300);
}

/* ---- long chapters */

static char *long_text(void)
{
	struct buf text = {0};
	for (int i = 0; i < 100; i++)
		buf_addf(&text,
			 "In the year %d the keeper of the lighthouse walked along the shore.\n\n"
			 "He saw no ship, and he saw no bird. The water was very still.\n\n",
			 1800 + i);
	return buf_steal(&text, NULL);
}

static void ask_long(struct got *g, struct provider *p, const char *text)
{
	struct analyze_request r = chapter_request;
	int left = 1;
	*g = (struct got){.left = &left};
	r.text = text;
	r.text_len = strlen(text);
	r.scenes = 6;
	p->ops->analyze(p, &r, analyzed, g);
	loop_run(loop);
}

static void check_places(const struct analysis *a, const char *text)
{
	size_t last = 0;
	CHECK_INT((int)a->concept_count, 6);
	for (size_t i = 0; i < a->concept_count; i++) {
		const struct quote *q = &a->concepts[i].quote;
		CHECK(!strncmp(text + q->offset, q->text, q->len));
		CHECK(q->offset >= last);
		last = q->offset;
	}
	CHECK(last > 0);
	CHECK_INT((int)a->element_count, 1);
	CHECK(a->elements[0].quote_count > 1);
}

static bool is_near(int64_t a, int64_t b)
{
	return a * 100 >= b * 85 && a * 100 <= b * 115;
}

/* In parts, as estimated. */
static void test_long(void)
{
	const struct server_settings s = {.preset = provider_preset("openai"),
					  .temperature = -1,
					  .seed = -1,
					  .context_tokens = 2048};
	CLEANUP(provider_free_cleanup) struct provider *p = provider_of(&s, "good/v1");
	CLEANUP(cleanup_free) char *text = long_text();
	struct analyze_request r = chapter_request;
	struct usage u = {0};
	struct got g;
	r.text = text;
	r.text_len = strlen(text);
	r.scenes = 6;
	p->ops->estimate_analyze(&u, p, &r);
	CHECK_INT(u.requests, 4);
	ask_long(&g, p, text);
	CHECK_STR(g.o.err.msg, "");
	CHECK_INT(g.o.usage.requests, u.requests);
	CHECK(is_near(u.tokens_in, g.o.usage.tokens_in));
	check_places(g.a, text);
	CHECK(g.a->tokens == g.o.usage.tokens_in + g.o.usage.tokens_out);
	analysis_free(g.a);
}

/* What was paid for is not asked again when another part fails. */
static void test_long_fails(void)
{
	const struct server_settings s = {.preset = provider_preset("openai"),
					  .temperature = -1,
					  .seed = -1,
					  .context_tokens = 2048};
	free(fetch("clear"));
	CLEANUP(provider_free_cleanup) struct provider *p = provider_of(&s, "second500/v1");
	CLEANUP(cleanup_free) char *text = long_text();
	struct got g;
	ask_long(&g, p, text);
	CHECK_INT(g.o.code, -EIO);
	CHECK(strstr(g.o.err.msg, "internal") != NULL);
	CHECK_INT((int)g.o.retry_after_ms, SOON);
	CHECK_INT(g.o.usage.requests, 2);
	ask_long(&g, p, text);
	CHECK_INT(g.o.code, 0);
	CHECK_INT(g.o.usage.requests, 3);
	check_places(g.a, text);
	analysis_free(g.a);
}

/* A model that sees less than we knew says so, once; one that says it wrong, more often. */
static void test_too_long(void)
{
	static const struct {
		const char *path;
		int requests;
	} asked[] = {{"narrow/v1", 7}, {"narrow/v1", 6}, {"liar/v1", 5}};
	const struct server_settings s = {
		.preset = provider_preset("openai"), .temperature = -1, .seed = -1};
	CLEANUP(cleanup_free) char *text = long_text();
	struct provider *p = NULL;
	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		struct got g;
		if (!i || strcmp(asked[i].path, asked[i - 1].path)) {
			provider_free(p);
			p = provider_of(&s, asked[i].path);
		}
		ask_long(&g, p, text);
		CHECK_STR(g.o.err.msg, "");
		CHECK_INT(g.o.usage.requests, asked[i].requests);
		check_places(g.a, text);
		analysis_free(g.a);
	}
	provider_free(p);
}

/* ---- models */

static void listed(void *arg, const struct provider_outcome *o, const struct strv *names)
{
	struct buf *text = arg;
	buf_adds(text, o->err.msg);
	for (size_t i = 0; i < names->len; i++)
		buf_addf(text, "%s ", names->items[i]);
	loop_stop(loop);
}

static void test_models(void)
{
	static const struct {
		const char *preset, *path, *says;
	} lists[] = {{"openai", "good/v1", "m p "},
		     {"anthropic", "good/v1", "m p "},
		     {"gemini", "good/v1beta", "m p "},
		     {"a1111", "good", "m p "},
		     {"ollama", "ollama", "qwen3:8b "},
		     {"openai", "unauthorized/v1", "refused the key"},
		     {"openai", "plain/v1", "(200): \"hello\""}};
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const struct server_settings s = {
			.preset = provider_preset(lists[i].preset), .temperature = -1, .seed = -1};
		CLEANUP(provider_free_cleanup) struct provider *p = provider_of(&s, lists[i].path);
		CLEANUP(buf_finish) struct buf text = {0};
		p->ops->models(p, listed, &text);
		loop_run(loop);
		if (!strstr(buf_str(&text), lists[i].says)) {
			fprintf(stderr, "%s: %s\n", lists[i].preset, buf_str(&text));
			check_failures++;
		}
	}
}

int main(void)
{
	server_start(&server);
	if (loop_new(&loop, 2) < 0)
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(scenarios); i++)
		test_scenario(&scenarios[i]);
	test_remembers();
	test_cancel();
	test_settings();
	test_key_stays_home();
	test_picture_elsewhere();
	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		test_way(&ways[i]);
	test_fussy();
	test_gate();
	test_gate_says_no();
	test_gate_cancel();
	test_long();
	test_long_fails();
	test_too_long();
	test_models();
	loop = loop_free(loop);
	server_end(&server);
	return check_result();
}
