/* SPDX-License-Identifier: MIT */
#include "check.h"
#include "exchange.h"

#include <dirent.h>
#include <locale.h>
#include <sys/stat.h>

/*
 * Recorded answers of real servers, judged. They are of other programs' questions, so that a good
 * one ends as "no analysis", with the words that the model said; what counts is that these are all
 * its words, that tokens are counted, and that each failure has its reason. EXPECTED has a line for
 * each: what became of it. With no EXPECTED in the environment the lines are printed.
 */

static const struct preset preset = {.name = "replay"};

static int read_file(struct buf *out, const char *path)
{
	FILE *f = fopen(path, "rb");
	char part[65536];
	size_t n;
	if (!f)
		return -errno;
	while ((n = fread(part, 1, sizeof(part), f)))
		buf_add(out, part, n);
	fclose(f);
	return 0;
}

/* Some were recorded as they came, packed. */
static void read_body(struct buf *out, const char *path)
{
	CLEANUP(cleanup_free) char *command = xasprintf("gzip -dc '%s'", path);
	char part[65536];
	size_t n;
	read_file(out, path);
	if (out->len < 2 || memcmp(out->data, "\x1f\x8b", 2))
		return;
	FILE *f = popen(command, "r");
	buf_clear(out);
	while (f && (n = fread(part, 1, sizeof(part), f)))
		buf_add(out, part, n);
	if (f)
		pclose(f);
}

/* How the server was spoken to, by the path. */
static void set_wire(struct exchange *x, struct service *s, const char *path, const char *request)
{
	static const struct {
		const char *in_path;
		enum wire wire;
		enum aim aim;
	} ways[] = {{"/messages", WIRE_ANTHROPIC, AIM_CHAPTER},
		    {":generateContent", WIRE_GEMINI, AIM_CHAPTER},
		    {"/chat/completions", WIRE_CHAT, AIM_CHAPTER},
		    {"/images/", WIRE_IMAGES, AIM_PICTURE},
		    {"/models/", WIRE_CHAT, AIM_MODELS},
		    {"/responses", WIRE_CHAT, AIM_CHAPTER}};
	for (size_t i = ARRAY_LEN(ways); i--;)
		if (strstr(path, ways[i].in_path)) {
			s->wire = wire_format(ways[i].wire);
			x->aim = ways[i].aim;
		}
	if (strstr(request, "\"IMAGE\""))
		x->aim = AIM_PICTURE;
}

static void set_head(struct http_answer *a, const cJSON *meta)
{
	const cJSON *field;
	http_header_void(a);
	a->status = cJSON_GetObjectItem(meta, "status")->valueint;
	cJSON_ArrayForEach(field, cJSON_GetObjectItem(meta, "response_headers"))
	{
		CLEANUP(cleanup_free)
		char *line = xasprintf("%s: %s", field->string, cJSON_GetStringValue(field));
		http_header(a, line, strlen(line), clock_unix_ms(), NULL);
	}
}

/* "good", "again: 120 bytes said", "failed: the reason", with the tokens. */
static void put_verdict(struct buf *out, const struct exchange *x)
{
	static const char *const names[] = {[VERDICT_GOOD] = "good",
					    [VERDICT_FAILED] = "failed",
					    [VERDICT_AGAIN] = "again",
					    [VERDICT_NEXT] = "fetch",
					    [VERDICT_SPLIT] = "split"};
	const struct provider_outcome *o = &x->outcome;
	buf_addf(out, "%s", names[x->verdict]);
	if (o->usage.tokens_in || o->usage.tokens_out)
		buf_addf(out, ", tokens %lld+%lld", (long long)o->usage.tokens_in,
			 (long long)o->usage.tokens_out);
	if (x->bad)
		buf_addf(out, ", said %zu bytes", strlen(x->bad));
	if (x->roomy)
		buf_adds(out, ", cut");
	if (x->verdict == VERDICT_SPLIT)
		buf_addf(out, ", to %lld", (long long)x->lessons.context_tokens);
	if (x->verdict == VERDICT_FAILED)
		buf_addf(out, "%s, %s: %s", o->refused ? ", refused" : "",
			 o->retry_after_ms < 0 ? "final"
			 : o->retry_after_ms   ? "later"
					       : "soon",
			 o->err.msg);
}

static void judge(struct buf *out, const char *folder, const char *name)
{
	CLEANUP(cleanup_free) char *path = xasprintf("%s/%s", folder, name);
	CLEANUP(cleanup_free) char *from = xstrndup(path, strlen(path) - strlen(".meta.json"));
	CLEANUP(cleanup_free) char *body = xasprintf("%s.body", from);
	CLEANUP(cleanup_free) char *asked = xasprintf("%s.req", from);
	CLEANUP(buf_finish) struct buf text = {0}, request = {0};
	struct service service = {.preset = &preset,
				  .base_url = "https://example.org/v1",
				  .model = "m",
				  .temperature = -1,
				  .seed = -1};
	struct exchange x = {.service = &service};
	struct stat st;
	if (read_file(&text, path) < 0)
		return;
	CLEANUP(json_drop) cJSON *meta = json_read(buf_str(&text), text.len);
	read_file(&request, asked);
	set_wire(&x, &service, json_text(meta, "path"), buf_str(&request));
	set_head(&x.answer, meta);
	if (stat(body, &st) < 0 && x.answer.status == 200)
		return; /* it was too large to be kept */
	read_body(&x.answer.body, body);
	x.prompt = xstrdup(buf_str(&request));
	exchange_judge(&x);
	buf_addf(out, "%s/%.*s: ", strrchr(folder, '/') + 1, (int)strcspn(name, "."), name);
	put_verdict(out, &x);
	buf_addc(out, '\n');
	exchange_finish(&x);
}

static int is_meta(const struct dirent *d)
{
	return strstr(d->d_name, ".meta.json") != NULL;
}

static int is_host(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static void judge_host(struct buf *out, const char *folder)
{
	struct dirent **names;
	int count = scandir(folder, &names, is_meta, alphasort);
	for (int i = 0; i < count; i++) {
		judge(out, folder, names[i]->d_name);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
}

static void judge_all(struct buf *out, const char *folder)
{
	struct dirent **hosts;
	int count = scandir(folder, &hosts, is_host, alphasort);
	for (int i = 0; i < count; i++) {
		CLEANUP(cleanup_free)
		char *host = xasprintf("%s/%s", folder, hosts[i]->d_name);
		judge_host(out, host);
		free(hosts[i]);
	}
	if (count >= 0)
		free(hosts);
}

static void compare(const char *got, const char *expected)
{
	while (*got || *expected) {
		size_t a = strcspn(got, "\n"), b = strcspn(expected, "\n");
		if (a != b || strncmp(got, expected, a)) {
			fprintf(stderr, "is       %.*s\nexpected %.*s\n", (int)a, got, (int)b,
				expected);
			check_failures++;
		}
		got += a + (got[a] != '\0');
		expected += b + (expected[b] != '\0');
	}
}

int main(void)
{
	const char *corpus = getenv("BOOKFS_CORPUS"), *file = getenv("EXPECTED");
	CLEANUP(buf_finish) struct buf got = {0}, expected = {0};
	if (!corpus)
		return 77;
	CLEANUP(cleanup_free) char *folder = xasprintf("%s/api", corpus);
	setlocale(LC_ALL, "C");
	judge_all(&got, folder);
	if (!file)
		fputs(buf_str(&got), stdout);
	else if (read_file(&expected, file) < 0)
		return 1;
	else
		compare(buf_str(&got), buf_str(&expected));
	return check_result();
}
