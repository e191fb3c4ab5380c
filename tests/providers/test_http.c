/* SPDX-License-Identifier: MIT */
#include "check.h"
#include "http.h"
#include "http_record.h"
#include "server.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

static struct server server;
static struct loop *loop;
static struct http *http;

struct got {
	struct http_answer a; /* body moved here */
	int calls, *left;
};

static void done(void *arg, struct http_answer *a)
{
	struct got *g = arg;
	g->a = *a;
	a->body = (struct buf){0};
	g->calls++;
	if (--*g->left == 0)
		loop_stop(loop);
}

static char *url_of(const char *path)
{
	return xasprintf("http://127.0.0.1:%d/%s", server.port, path);
}

static const struct http_request usual = {
	.max_bytes = 1 << 20, .connect_ms = 20000, .stall_ms = 20000, .total_ms = 30000};

/* One request, to its end. */
static struct got ask(const char *path, struct http_request r)
{
	CLEANUP(cleanup_free) char *url = url_of(path);
	int left = 1;
	struct got g = {.left = &left};
	r.url = url;
	http_send(http, &r, done, &g);
	CHECK_INT(g.calls, 0);
	loop_run(loop);
	CHECK_INT(g.calls, 1);
	return g;
}

static void expect(const char *path, struct http_request r, int code, const char *reason)
{
	struct got g = ask(path, r);
	CHECK_INT(g.a.code, code);
	if (code < 0 && !strstr(g.a.err.msg, reason)) {
		fprintf(stderr, "%s: \"%s\" has no \"%s\"\n", path, g.a.err.msg, reason);
		check_failures++;
	}
	buf_finish(&g.a.body);
}

static void test_answers(void)
{
	struct got g = ask("plain", usual);
	CHECK_INT(g.a.code, 0);
	CHECK_INT(g.a.status, 200);
	CHECK_STR(buf_str(&g.a.body), "hello");
	CHECK_INT(g.a.retry_after_ms, -1);
	buf_finish(&g.a.body);

	g = ask("gzip", usual);
	CHECK_INT(g.a.code, 0);
	CHECK_INT(g.a.body.len, 5002);
	buf_finish(&g.a.body);

	g = ask("html", usual);
	CHECK_INT(g.a.code, 0);
	CHECK_INT(g.a.status, 502);
	buf_finish(&g.a.body);

	g = ask("closed", usual);
	CHECK_INT(g.a.status, 429);
	CHECK_INT(g.a.retry_after_ms, 3600 * 1000);
	buf_finish(&g.a.body);

	g = ask("insist", usual);
	CHECK_INT(g.a.should_retry, 1);
	buf_finish(&g.a.body);
}

static void test_failures(void)
{
	struct http_request brief = usual, silent = usual;
	brief.total_ms = 400;
	silent.stall_ms = 300;
	expect("cut", usual, -EIO, "cannot be asked");
	expect("reset", usual, -EIO, "cannot be asked");
	expect("garbage", usual, -EIO, "cannot be asked");
	struct got g = ask("garbage", usual);
	CHECK(!g.a.hopeless);
	buf_finish(&g.a.body);
	expect("huge", usual, -EFBIG, "larger than 1048576 bytes");
	expect("endless", usual, -EFBIG, "larger than");
	expect("bomb", usual, -EFBIG, "larger than");
	expect("head", usual, -EFBIG, "head of the server's answer is too large");
	expect("longline", usual, -EFBIG, "head of the server's answer is too large");
	expect("hang", brief, -ETIMEDOUT, "in time");
	expect("stall", silent, -ETIMEDOUT, "fell silent");
	expect("trickle", brief, -ETIMEDOUT, "in time");
}

static void test_nobody_there(void)
{
	int left = 1;
	struct got g = {.left = &left};
	struct http_request r = usual;
	r.url = "http://127.0.0.1:1/";
	http_send(http, &r, done, &g);
	loop_run(loop);
	CHECK_INT(g.a.code, -EIO);
	CHECK(!g.a.hopeless);
	left = 1;
	r.url = "gopher://127.0.0.1/";
	http_send(http, &r, done, &g);
	loop_run(loop);
	CHECK_INT(g.a.code, -EIO);
	CHECK(g.a.hopeless);
}

static void test_redirects(void)
{
	struct http_request r = usual;
	struct got g = ask("redirect", r);
	CHECK_INT(g.a.status, 200);
	CHECK_STR(buf_str(&g.a.body), "hello");
	buf_finish(&g.a.body);
	r.key = "a-secret-of-some-length";
	g = ask("redirect", r);
	CHECK_INT(g.a.status, 302);
	CHECK(strstr(g.a.location, "/plain") != NULL);
	buf_finish(&g.a.body);
}

static void test_key(void)
{
	struct http_request r = usual;
	r.key = "sk-a-secret-of-some-length";
	r.body = "{\"x\": 1}";
	r.body_len = strlen(r.body);
	struct got g = ask("back", r);
	CHECK(strstr(buf_str(&g.a.body), "Bearer **************************\"") != NULL);
	CHECK(strstr(buf_str(&g.a.body), r.key) == NULL);
	CHECK(strstr(buf_str(&g.a.body), "\"body\": {\"x\": 1}") != NULL);
	CHECK(strstr(buf_str(&g.a.body), "\"Content-Type\": \"application/json\"") != NULL);
	buf_finish(&g.a.body);
	r.key = NULL;
	g = ask("back", r);
	CHECK(strstr(buf_str(&g.a.body), "Authorization") == NULL);
	buf_finish(&g.a.body);
}

/* However it was written: what reads the answer takes the escapes away. */
static void test_blot(void)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"a sk-/secret b", "a ********** b"},
		{"sk-/secretsk-/secret", "********************"},
		{"\"sk-\\/secret\"", "\"***********\""},
		{"\"\\u0073\\u006B-\\u002F\\u0073ecret\"", "\"******************************\""},
		{"\"{\\\"sk-\\\\\\/secret\\\"}\"", "\"{\\\"*************\\\"}\""},
		{"\\nsk-/secret", "\\n**********"},
		{"sk-/secre", "sk-/secre"},
		{"sk-u002fsecret", "sk-u002fsecret"},
		{"sk-/secre\\", "sk-/secre\\"},
		{"", ""},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(cleanup_free) char *text = xstrdup(cases[i].text);
		http_blot("sk-/secret", text, strlen(text));
		CHECK_STR(text, cases[i].want);
	}
	char short_one[] = "a word";
	http_blot("word", short_one, strlen(short_one));
	CHECK_STR(short_one, "a word");
	http_blot(NULL, short_one, strlen(short_one));
}

static void test_connection_is_kept(void)
{
	struct got a = ask("connection", usual), b = ask("connection", usual);
	CHECK_STR(buf_str(&a.a.body), buf_str(&b.a.body));
	buf_finish(&a.a.body);
	buf_finish(&b.a.body);
}

/* The proxy is asked for what nobody else could answer. */
static void test_proxy(void)
{
	CLEANUP(cleanup_free) char *proxy = xasprintf("http://127.0.0.1:%d", server.port);
	struct http_request r = usual;
	int left = 1;
	struct got g = {.left = &left};
	setenv("http_proxy", proxy, 1);
	r.url = "http://nowhere.invalid/plain";
	http_send(http, &r, done, &g);
	loop_run(loop);
	unsetenv("http_proxy");
	CHECK_STR(buf_str(&g.a.body), "hello");
	buf_finish(&g.a.body);
}

static struct got ask_url(const char *url, struct http_request r)
{
	int left = 1;
	struct got g = {.left = &left};
	r.url = url;
	http_send(http, &r, done, &g);
	loop_run(loop);
	return g;
}

/* The port of a server that speaks TLS with a certificate nobody knows, and of one that speaks
 * HTTP/2 with the same. */
static void tls_ports(char cert[200], int *port, int *port2)
{
	struct got g = ask("tls", usual);
	CHECK_INT(sscanf(buf_str(&g.a.body), "%d %199s", port, cert), 2);
	buf_finish(&g.a.body);
	g = ask("tls2", usual);
	*port2 = atoi(buf_str(&g.a.body));
	buf_finish(&g.a.body);
}

/* It ends the request before anything was said, in words that help. */
static void test_certificate(const char *cert, int port)
{
	CLEANUP(cleanup_free) char *url = xasprintf("https://127.0.0.1:%d/plain", port);
	struct got g = ask_url(url, usual);
	CHECK_INT(g.a.code, -EIO);
	CHECK(g.a.hopeless && strstr(g.a.err.msg, "certificate cannot be verified"));
	CHECK(strstr(g.a.err.msg, "set SSL_CERT_FILE to") != NULL);
	static const char *const names[] = {"SSL_CERT_FILE", "CURL_CA_BUNDLE"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		setenv(names[i], cert, 1);
		g = ask_url(url, usual);
		unsetenv(names[i]);
		CHECK_STR(buf_str(&g.a.body), "hello");
		buf_finish(&g.a.body);
	}
	setenv("SSL_CERT_FILE", "/nowhere/at/all", 1);
	g = ask_url(url, usual);
	unsetenv("SSL_CERT_FILE");
	CHECK(g.a.hopeless && strstr(g.a.err.msg, "certificate cannot be verified"));
}

/* Where HTTP/2 is offered, all that is asked at once goes over one connection. */
static void test_http2(const char *cert, int port)
{
	enum { COUNT = 8 };
	CLEANUP(cleanup_free) char *url = xasprintf("https://127.0.0.1:%d/x", port);
	struct got g[COUNT] = {0};
	struct http_request r = usual;
	int left = COUNT;
	r.url = url;
	r.body = "{}";
	r.body_len = 2;
	setenv("SSL_CERT_FILE", cert, 1);
	for (int i = 0; i < COUNT; i++) {
		g[i].left = &left;
		http_send(http, &r, done, &g[i]);
	}
	loop_run(loop);
	unsetenv("SSL_CERT_FILE");
	for (int i = 0; i < COUNT; i++) {
		CHECK_STR(buf_str(&g[i].a.body), "connection 1");
		buf_finish(&g[i].a.body);
	}
}

/* The server answers them when all are there. */
static void test_side_by_side(void)
{
	enum { COUNT = 20 };
	CLEANUP(cleanup_free) char *url = url_of("meet");
	struct got g[COUNT] = {0};
	struct http_request r = usual;
	int left = COUNT;
	r.url = url;
	for (int i = 0; i < COUNT; i++) {
		g[i].left = &left;
		http_send(http, &r, done, &g[i]);
	}
	loop_run(loop);
	for (int i = 0; i < COUNT; i++) {
		CHECK_STR(buf_str(&g[i].a.body), "hello");
		buf_finish(&g[i].a.body);
	}
}

static struct http_call *victim;
static struct got victim_got;

static bool cancelled;

static void outran(void *arg, struct http_answer *a)
{
	victim = NULL;
	((struct got *)arg)->calls++;
}

/* The first answer cancels the second request, which may have ended in the same moment. */
static void cancels(void *arg, struct http_answer *a)
{
	cancelled = victim != NULL;
	if (victim)
		http_cancel(victim);
	victim = NULL;
	done(arg, a);
}

static int descriptors(void)
{
	int count = 0;
	DIR *d = opendir("/proc/self/fd");
	while (readdir(d))
		count++;
	closedir(d);
	return count;
}

static void test_cancel(void)
{
	CLEANUP(cleanup_free) char *url = url_of("plain.20"), *never = url_of("hang");
	struct http_request r = usual;
	int left = 1;
	struct got g = {.left = &left};
	r.url = url;
	http_send(http, &r, cancels, &g);
	victim = http_send(http, &r, outran, &victim_got);
	r.url = never;
	http_cancel(http_send(http, &r, outran, &victim_got)); /* before it began */
	loop_run(loop);
	CHECK_INT(victim_got.calls, cancelled ? 0 : 1);
	buf_finish(&g.a.body);
}

static time_t parse_date(const char *text, const time_t *unused)
{
	struct tm tm = {0};
	return strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm) ? timegm(&tm) : -1;
}

#define NOW_UNIX_MS (1795338005000 - 5000) /* 5 s before Sun, 22 Nov 2026 09:00:05 GMT */
#define WEEK_MS (7LL * 24 * 3600 * 1000)

static struct http_answer read_head(const char *const *lines)
{
	struct http_answer a = {0};
	http_header_void(&a);
	for (; *lines; lines++)
		http_header(&a, *lines, strlen(*lines), NOW_UNIX_MS, parse_date);
	return a;
}

static void test_retry_after(void)
{
	static const struct {
		const char *line;
		int64_t ms;
	} cases[] = {
		{"Retry-After: 2\r\n", 2000},
		{"retry-after:0.25", 250},
		{"Retry-After: 0", 0},
		{"Retry-After: Sun, 22 Nov 2026 09:00:05 GMT\r\n", 5000},
		{"Retry-After: Sat, 22 Nov 2025 09:00:05 GMT\r\n", 0},
		{"Retry-After: 2026-11-22T09:00:05Z", 5000},
		{"Retry-After: 2026-11-22T11:00:05.250+02:00", 5250},
		{"Retry-After: 2026-11-22T09:00:05-25", -1},
		{"Retry-After: 2026-11-22T09:00", -1},
		{"Retry-After: 1795338005", 5000},    /* epoch seconds */
		{"Retry-After: 1795338005123", 5123}, /* and milliseconds */
		{"Retry-After: 6m0s", 360000},
		{"Retry-After: 1h2m3.5s", 3723500},
		{"Retry-After: 17ms", 17},
		{"Retry-After: 500\xc2\xb5s", 0},
		{"Retry-After: 5x", -1},
		{"Retry-After: 5s5", -1},
		{"Retry-After-Ms: 12.5\r\n", 12},
		{"retry-after-ms: -1", -1},
		{"Retry-After: soon\r\n", -1},
		{"Retry-After: -3\r\n", -1},
		{"Retry-After: 1e9", -1},
		{"Retry-After: nan", -1},
		{"Retry-After:", -1},
		{"Retry-After: 99999999999999999999999999\r\n", WEEK_MS},
		{"Retry-After: 99999999999h", WEEK_MS},
		{"Retry-After: 9999-12-31T23:59:59Z", WEEK_MS},
		{"Retry-Afterwards: 2\r\n", -1},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *head[] = {cases[i].line, NULL};
		int64_t ms = read_head(head).retry_after_ms;
		if (ms != cases[i].ms) {
			fprintf(stderr, "%s: %lld ms\n", cases[i].line, (long long)ms);
			check_failures++;
		}
	}
	const char *both[] = {"Retry-After-Ms: 700", "Retry-After: 1", NULL};
	CHECK_INT(read_head(both).retry_after_ms, 700);
	const char *second[] = {"HTTP/1.1 100 Continue", "Retry-After: 1", "X-Should-Retry: true",
				"HTTP/1.1 200 OK", NULL};
	CHECK_INT(read_head(second).retry_after_ms, -1);
	CHECK_INT(read_head(second).should_retry, -1);
}

static void expect_limits(const char *const *head, int64_t requests_left, int64_t requests_reset_ms,
			  int64_t tokens_left, int64_t tokens_reset_ms)
{
	struct http_answer a = read_head(head);
	CHECK_INT(a.requests_left, requests_left);
	CHECK_INT(a.requests_reset_ms, requests_reset_ms);
	CHECK_INT(a.tokens_left, tokens_left);
	CHECK_INT(a.tokens_reset_ms, tokens_reset_ms);
}

static void test_limits_told(void)
{
	const char *nothing[] = {"HTTP/2 200", "content-type: application/json", NULL};
	const char *openai[] = {"x-ratelimit-limit-requests: 30000",
				"x-ratelimit-remaining-requests: 29999",
				"X-RateLimit-Reset-Requests: 2ms",
				"x-ratelimit-limit-tokens: 150000000",
				"x-ratelimit-remaining-tokens: 0",
				"x-ratelimit-reset-tokens: 16.227s",
				NULL};
	const char *anthropic[] = {"anthropic-ratelimit-requests-remaining: 49",
				   "anthropic-ratelimit-requests-reset: 2026-11-22T09:00:05Z",
				   "anthropic-ratelimit-tokens-remaining: 39000",
				   "anthropic-ratelimit-tokens-reset: 2026-11-22T09:01:00Z", NULL};
	const char *openrouter[] = {"X-RateLimit-Limit: 20", "X-RateLimit-Remaining: 0",
				    "X-RateLimit-Reset: 1795338008000", NULL};
	const char *mistral[] = {"X-Ratelimit-Remaining-Req-Minute: 59",
				 "X-Ratelimit-Remaining-Tokens-Minute: 49832", NULL};
	const char *absurd[] = {"x-ratelimit-remaining-requests: -1",
				"x-ratelimit-reset-requests: never",
				"x-ratelimit-remaining-tokens: 99999999999999999999999",
				"x-ratelimit-reset-tokens: 99999999999999999999999", NULL};
	expect_limits(nothing, -1, -1, -1, -1);
	expect_limits(openai, 29999, 2, 0, 16227);
	expect_limits(anthropic, 49, 5000, 39000, 60000);
	expect_limits(openrouter, 0, 8000, -1, -1);
	expect_limits(mistral, 59, -1, 49832, -1);
	expect_limits(absurd, -1, -1, 1000000000000000, WEEK_MS);
}

static void expect_origin(const char *url, const char *origin)
{
	char out[HTTP_ORIGIN_BYTES];
	int r = http_origin(out, url);
	CHECK_INT(r, origin ? 0 : -EINVAL);
	if (r == 0)
		CHECK_STR(out, origin);
}

static void test_origins(void)
{
	expect_origin("https://API.example.org:443/v1", "https://api.example.org");
	expect_origin("http://[::1]:8080/v1", "http://[::1]:8080");
	expect_origin("http://h:80", "http://h");
	expect_origin("https://h:80/x@y", "https://h:80");
	expect_origin("https://user:word@h/v1", NULL);
	expect_origin("https://h\\@evil.example/v1", NULL);
	expect_origin("https://", NULL);
	expect_origin("https:///v1", NULL);
	expect_origin("https://h/ v1", NULL);
	expect_origin("ftp://h/", NULL);
	expect_origin("file:///etc/passwd", NULL);
}

/* ---- recording */

/* Owned; the mode must be its owner's alone. */
static char *read_record(const char *dir, const char *name)
{
	CLEANUP(cleanup_free) char *path = xasprintf("%s/%s", dir, name);
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY);
	struct buf text = {0};
	struct stat st;
	char piece[4096];
	if (fd < 0 || fstat(fd, &st) < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		check_failures++;
		return xstrdup("");
	}
	CHECK_INT(st.st_mode & 0777, 0600);
	for (ssize_t n; (n = read(fd, piece, sizeof(piece))) > 0;)
		buf_add(&text, piece, (size_t)n);
	return buf_steal(&text, NULL);
}

static void expect_record(const char *dir, const char *name, const char *part)
{
	CLEANUP(cleanup_free) char *text = read_record(dir, name);
	if (!strstr(text, part)) {
		fprintf(stderr, "%s: no \"%s\" in: %s\n", name, part, text);
		check_failures++;
	}
	CHECK(!strstr(text, "a-secret"));
}

static void check_records(const char *dir)
{
	expect_record(dir, "000001.req", "{\"key\": \"*******************\"}");
	expect_record(dir, "000001.body", "\"body\": {\"key\": \"***");
	static const char *const parts[] = {
		"\"method\":\t\"POST\"", "\"path\":\t\"/back/v1/x?y\"",
		"\"api-key\":\t\"***\"", "\"x-more\":\t\"1\"",
		"\"status\":\t200",	 "\"Content-Type\":\t\"application/json\""};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		expect_record(dir, "000001.meta.json", parts[i]);
	expect_record(dir, "000002.meta.json", "\"Retry-After\":\t\"2\"");
	expect_record(dir, "000002.meta.json", "\"method\":\t\"GET\"");
	expect_record(dir, "000003.meta.json", "\"timed_out\":\ttrue");
	expect_record(dir, "000003.body", "{");
	expect_record(dir, "000004.meta.json", "\"status\":\t0");
}

static void remove_records(const char *dir)
{
	DIR *d = opendir(dir);
	int count = 0;
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.')
			count += unlinkat(dirfd(d), e->d_name, 0) == 0;
	closedir(d);
	CHECK_INT(count, 12); /* of a request that was cancelled there is nothing */
	CHECK_INT(rmdir(dir), 0);
}

static void test_record(void)
{
	char dir[] = "/tmp/bookfs-record-XXXXXX";
	const char *const fields[] = {"x-more: 1", NULL};
	struct http_request r = usual;
	struct http *plain = http;
	struct err err = {0};
	CLEANUP(cleanup_free) char *never = url_of("hang");
	struct got g = {0};
	CHECK(mkdtemp(dir) != NULL);
	CHECK_INT(http_new(&http, loop, &err), 0);
	CHECK_INT(http_record(http, "/proc/nowhere", &err), -ENOENT);
	CHECK(strstr(err.msg, "/proc/nowhere: nothing can be recorded there") != NULL);
	CHECK_INT(http_record(http, dir, &err), 0);
	r.key = "sk-a-secret-is-mine";
	r.key_field = "api-key: ";
	r.fields = fields;
	r.body = "{\"key\": \"sk-a-secret-is-mine\"}";
	r.body_len = strlen(r.body);
	g = ask("back/v1/x?y", r);
	CHECK_INT(g.a.status, 200);
	buf_finish(&g.a.body);
	g = ask("429:2", usual);
	buf_finish(&g.a.body);
	r = usual;
	r.stall_ms = 1000; /* by then the first byte is here */
	expect("stall", r, -ETIMEDOUT, "fell silent");
	expect("reset", usual, -EIO, "cannot be asked");
	r = usual;
	r.url = never;
	http_send(http, &r, done, &g);
	http = http_free(http);
	http = plain;
	loop = loop_free(loop); /* what is on its way is written first */
	check_records(dir);
	remove_records(dir);
}

int main(void)
{
	struct err err = {0};
	struct http_request r = usual;
	CLEANUP(cleanup_free) char *url = NULL;
	int before = descriptors(), none = 0, port = 0, port2 = 0;
	char cert[200] = "";
	struct got g = {.left = &none};

	test_retry_after();
	test_limits_told();
	test_origins();
	server_start(&server);
	if (loop_new(&loop, 1) < 0 || http_new(&http, loop, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	test_answers();
	test_connection_is_kept();
	test_key();
	test_blot();
	test_redirects();
	test_proxy();
	tls_ports(cert, &port, &port2);
	test_certificate(cert, port);
	test_http2(cert, port2);
	test_nobody_there();
	test_side_by_side();
	test_cancel();
	test_failures();
	r.url = url = url_of("hang");
	http_send(http, &r, done, &g); /* open at the end: nobody is told */
	http = http_free(http);
	test_record();
	CHECK_INT(g.calls, 0);
	server_end(&server);
	CHECK_INT(descriptors(), before);
	return check_result();
}
