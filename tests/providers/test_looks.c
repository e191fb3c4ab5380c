/* SPDX-License-Identifier: MIT */
#include "asking.h"

/* Reference pictures on their way to the scripted server, which says what came. */

enum { LARGE = 3 << 20 };

static struct paint_reference cast[] = {{"Alice", NULL, 0, "png"}, {"Gryphon", NULL, LARGE, "jpg"}};
static char *hashes[ARRAY_LEN(cast)]; /* as the server's log has them */

/* Bytes of every kind, of no use to a packer. */
static void make_cast(void)
{
	static const char *const types[] = {"image/png", "image/jpeg"};
	static unsigned char large[LARGE], small[] = "\x89PNG\r\n\0--\n";
	uint32_t n = 1;
	for (size_t i = 0; i < LARGE; i++)
		large[i] = (unsigned char)((n = n * 1664525 + 1013904223) >> 24);
	cast[0].data = small;
	cast[0].len = sizeof(small);
	cast[1].data = large;
	for (size_t i = 0; i < ARRAY_LEN(cast); i++) {
		char hex[HASH_HEX];
		CLEANUP(hash_free_cleanup) struct hash *h = hash_new();
		hash_add(h, cast[i].data, cast[i].len);
		hash_hex(hex, h);
		hashes[i] = xasprintf("\"%s %s\"", types[i], hex);
	}
}

static struct provider *provider_for(const char *preset, const char *word)
{
	return provider_at(0, preset, word, ROLE_IMAGE);
}

static void paint(struct provider *p)
{
	struct got g = {0};
	ask_paint(p, &g, cast, ARRAY_LEN(cast));
	loop_run(loop);
	CHECK_INT(g.calls, 1);
	CHECK_INT(g.o.code, 0);
	CHECK_STR(g.o.err.msg, "");
}

/* ---- what the server saw */

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
		exit(2);
	http_send(h, &r, fetched, &text);
	loop_run(loop);
	http_free(h);
	return text;
}

/* Of each request since the last look: with the pictures, or without. */
static void check_log(const char *expected)
{
	CLEANUP(cleanup_free) char *log = fetch("log");
	CLEANUP(buf_finish) struct buf seen = {0};
	char *rest = log, *line;
	while ((line = strsep(&rest, "\n")) && *line) {
		bool all = strstr(line, hashes[0]) && strstr(line, hashes[1]);
		buf_addc(&seen, all ? '+' : strstr(line, "\"references\": []") ? '-' : '?');
	}
	CHECK_STR(buf_str(&seen), expected);
	free(fetch("clear"));
}

/* ---- tests */

static void test_ways(void)
{
	static const char *const ways[][3] = {{"openai", "looks", "+"},
					      {"openrouter", "looks", "+"},
					      {"openrouter", "nopath", "++"},
					      {"gemini", "looks", "+"},
					      {"azure", "looks", "+"}};
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		CLEANUP(provider_free_cleanup)
		struct provider *p = provider_for(ways[i][0], ways[i][1]);
		paint(p);
		check_log(ways[i][2]);
	}
}

/* What a server shows not to take it is asked with once. */
static void test_blind(void)
{
	static const char *const presets[] = {"openai", "openrouter", "gemini"};
	for (size_t i = 0; i < ARRAY_LEN(presets); i++) {
		CLEANUP(provider_free_cleanup)
		struct provider *p = provider_for(presets[i], "blind");
		CHECK(p->paint_limits.references > 0);
		paint(p);
		CHECK_INT(p->paint_limits.references, 0);
		paint(p);
		check_log("+--");
	}
}

/* These were too large; others may not be. */
static void test_too_large(void)
{
	CLEANUP(provider_free_cleanup) struct provider *p = provider_for("openai", "narrowdoor");
	paint(p);
	CHECK_INT(p->paint_limits.references, 16);
	paint(p);
	check_log("+-+-");
}

static void stop(void *arg)
{
	loop_stop(loop);
}

/* At all moments of the way out: nobody reads the pictures any more. */
static void test_cancel(void)
{
	struct timer *t = timer_new(loop, stop, NULL);
	for (int ms = 0; ms < 8; ms++) {
		CLEANUP(provider_free_cleanup) struct provider *p = provider_for("openai", "hang");
		struct got g = {0};
		void *copy = xcalloc(1, LARGE);
		const void *kept = cast[1].data;
		cast[1].data = memcpy(copy, kept, LARGE);
		struct provider_ticket *ticket = ask_paint(p, &g, cast, ARRAY_LEN(cast));
		timer_set(t, clock_boot_ms() + ms);
		loop_run(loop);
		p->ops->cancel(p, ticket);
		free(copy);
		cast[1].data = kept;
		timer_set(t, clock_boot_ms() + 1);
		loop_run(loop);
		CHECK_INT(g.calls, 0);
	}
	timer_free(t);
}

int main(void)
{
	asking_begin();
	make_cast();
	test_ways();
	test_blind();
	test_too_large();
	test_cancel();
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
		free(hashes[i]);
	asking_end();
	return check_result();
}
