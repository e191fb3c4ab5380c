/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "asking.h"

/* What answers took: as the server counts, and where nobody says, as it is estimated. */

static const char chapter[] =
	"The old lighthouse stood white against the black sky above the harbour.\n\n"
	"Captain Morrow lifted the brass lantern and went down the narrow stone stair.\n";

static void analyzed(void *arg, const struct provider_outcome *o, struct analysis *a)
{
	analysis_free(a);
	got_it(arg, o);
}

static const struct analyze_request request = {
	.book_title = "The Light",
	.language = "en",
	.chapter = 1,
	.chapter_title = "One",
	.text = chapter,
	.text_len = sizeof(chapter) - 1,
	.scenes = 1,
};

static void check_usage(const char *what, const struct usage *u, int64_t in, int64_t out,
			int64_t slack)
{
	if (u->requests == 1 && u->tokens_in >= in - slack && u->tokens_in <= in + slack &&
	    u->tokens_out == out)
		return;
	fprintf(stderr, "%s: %d requests, %lld + %lld tokens, not 1, %lld + %lld\n", what,
		u->requests, (long long)u->tokens_in, (long long)u->tokens_out, (long long)in,
		(long long)out);
	check_failures++;
}

/* A chapter's request that got lost is counted as it was sent, and one that was not taken is not.
 */
static void test_chapters(void)
{
	static const struct {
		const char *word;
		int code;
		bool in, out;
	} words[] = {{"mute", 0, true, true},	     {"reset", -EIO, true, false},
		     {"cut", -EIO, true, false},     {"empty", -EIO, false, false},
		     {"inside", -EIO, false, false}, {"limited", -EIO, false, false}};
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		CLEANUP(provider_free_cleanup)
		struct provider *p = provider_at(0, "openai", words[i].word, ROLE_TEXT);
		struct usage expected = {0};
		struct got g = {0};
		p->ops->estimate_analyze(&expected, p, &request);
		CHECK(expected.tokens_in > 300 && expected.tokens_out > 200);
		p->ops->analyze(p, &request, analyzed, &g);
		loop_run(loop);
		CHECK_INT(g.o.code, words[i].code);
		/* An estimate knows all of the prompt but the fence about the text. */
		check_usage(words[i].word, &g.o.usage, words[i].in ? expected.tokens_in : 0,
			    words[i].out ? expected.tokens_out : 0, words[i].in ? 40 : 0);
	}
}

/* Nobody answers at a port that somebody has and does not listen at: nothing was sent. */
static void test_nobody(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	struct got g = {0};
	CLEANUP(cleanup_close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_INT(bind(fd, (struct sockaddr *)&a, len), 0);
	CHECK_INT(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	CLEANUP(provider_free_cleanup)
	struct provider *p = provider_at(ntohs(a.sin_port), "openai", "good", ROLE_TEXT);
	p->ops->analyze(p, &request, analyzed, &g);
	loop_run(loop);
	CHECK_INT(g.o.code, -EIO);
	check_usage("nobody", &g.o.usage, 0, 0, 0);
}

/* A picture's are the server's, in OpenAI's words and in OpenRouter's. */
static void test_pictures(void)
{
	static const struct {
		const char *preset, *word;
		int64_t in, out;
	} words[] = {{"openai", "counted", 50, 1056},
		     {"openrouter", "counted", 50, 1056},
		     {"openai", "good", 0, 0},
		     {"openai", "reset", 0, 0}};
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		CLEANUP(provider_free_cleanup)
		struct provider *p = provider_at(0, words[i].preset, words[i].word, ROLE_IMAGE);
		struct got g = {0};
		ask_paint(p, &g, NULL, 0);
		loop_run(loop);
		check_usage(words[i].word, &g.o.usage, words[i].in, words[i].out, 0);
	}
}

int main(void)
{
	asking_begin();
	test_chapters();
	test_nobody();
	test_pictures();
	asking_end();
	return check_result();
}
