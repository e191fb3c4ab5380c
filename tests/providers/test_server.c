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
					  .timeout_ms = 1500,
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
				       .max_bytes = 1000,
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

/* At every moment of its way: before, at the server, in the pool, told. */
static void test_cancel(void)
{
	struct provider *p = provider_for("good", false), *painter = provider_for("good", true);
	struct timer *t = timer_new(loop, stop, NULL);
	for (int ms = 0; ms < 12; ms++) {
		int left = 100;
		struct got g[2] = {{.left = &left}, {.left = &left}};
		struct provider_ticket *a = p->ops->analyze(p, &chapter_request, analyzed, &g[0]);
		painter->ops->paint(painter, &scene_request, painted, &g[1]);
		timer_set(t, clock_boot_ms() + ms);
		loop_run(loop);
		if (!g[0].calls)
			p->ops->cancel(p, a);
		int calls = g[0].calls + g[1].calls;
		if (ms % 2) { /* the other goes with the provider */
			painter = provider_free(painter);
			painter = provider_for("good", true);
		}
		timer_set(t, clock_boot_ms() + 20);
		loop_run(loop);
		CHECK(!(ms % 2) || g[0].calls + g[1].calls == calls);
		CHECK(g[0].calls <= 1 && g[1].calls <= 1);
		analysis_free(g[0].a);
		buf_finish(&g[1].picture);
	}
	timer_free(t);
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
	loop = loop_free(loop);
	server_end(&server);
	return check_result();
}
