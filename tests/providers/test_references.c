/* SPDX-License-Identifier: MIT */
#include "check.h"
#include "exchange.h"

#include <stdio.h>
#include <string.h>

/* What may go with a request for a picture, and how reference pictures are sent: to the byte. No
 * server is asked here. */

/* ---- limits */

static const struct limit {
	const char *preset, *model;
	size_t prompt_bytes, references;
} limits[] = {
	{"openai", "dall-e-2", 1000, 0},
	{"openai", "dall-e-3", 4000, 0},
	{"openai", "gpt-image-1", 32000, 16},
	{"openai", "gpt-image-1.5-mini", 32000, 16},
	{"openai", "some-other", 32000, 0},
	{"openai", NULL, 32000, 16},
	{"azure", "dall-e-3", 4000, 0},
	{"azure", "my-gpt-image-1", 32000, 16},
	{"openrouter", "openai/dall-e-3", 4000, 0},
	{"openrouter", "a/b", 32000, 3},
	{"gemini", NULL, 32000, 3},
	{"gemini", "gemini-3-pro-image", 32000, 14},
	{"xai", NULL, 32000, 0},
	{"localai", NULL, 32000, 0},
	{"sdcpp", "", 32000, 0},
	{"a1111", "xl", 32000, 0},
	{"comfyui", NULL, 32000, 0},
};

static void test_limit(const struct limit *t)
{
	struct paint_limits l = {0};
	provider_paint_limits(&l, provider_preset(t->preset), t->model);
	CHECK_INT(l.prompt_bytes, t->prompt_bytes);
	CHECK_INT(l.references, t->references);
	CHECK((l.reference_bytes > 0) == (t->references > 0));
	CHECK(l.all_references_bytes >= l.reference_bytes);
}

/* What is too large is passed over; what comes behind it may still go. */
static void test_taken(void)
{
	const struct paint_limits l = {0, 2, 100, 150};
	struct paint_reference all[] = {{"a", "", 101, "png"}, {"b", "", 100, "png"},
					{"c", "", 0, "png"},   {"d", "", 51, "png"},
					{"e", "", 50, "png"},  {"f", "", 0, "png"}};
	bool taken[ARRAY_LEN(all)];
	CHECK_INT(paint_references_taken(taken, &l, all, ARRAY_LEN(all)), 2);
	CHECK(!taken[0] && taken[1] && !taken[2] && !taken[3] && taken[4] && !taken[5]);
	CHECK_INT(paint_references_taken(NULL, &l, all, ARRAY_LEN(all)), 2);
	all[5].len = 1; /* room for it there is, but they are two already */
	CHECK_INT(paint_references_taken(NULL, &(struct paint_limits){0, 2, 100, 1000}, all, 6), 2);
	CHECK_INT(paint_references_taken(NULL, &(struct paint_limits){0}, all, 6), 0);
	CHECK_INT(paint_references_taken(NULL, &l, NULL, 0), 0);
}

static size_t prompt_bytes_of(const struct server_settings *s)
{
	struct service *service = NULL;
	struct err err = {0};
	CHECK_INT(service_new(&service, ROLE_IMAGE, s, &err), 0);
	struct exchange x = {.service = service, .aim = AIM_PICTURE, .prompt = xcalloc(1, 9001)};
	memset(x.prompt, 'a', 9000);
	char *cut = wire_prompt(&x);
	size_t len = strlen(cut);
	CHECK_INT(len, service->paint_limits.prompt_bytes);
	free(cut);
	exchange_finish(&x);
	service_drop(service);
	return len;
}

static void test_settings(void)
{
	struct server_settings s = {.preset = provider_preset("openai"), .model = "dall-e-3"};
	CHECK_INT(prompt_bytes_of(&s), 4000);
	s.prompt_bytes = 600;
	CHECK_INT(prompt_bytes_of(&s), 600);
	s.prompt_bytes = 8000; /* whoever knows better */
	CHECK_INT(prompt_bytes_of(&s), 8000);
}

/* ---- bytes that are not copied */

/* The whole of it, read by so many bytes at a time. */
static char *read_all(struct http_upload *u, size_t step)
{
	struct buf all = {0};
	char part[64];
	http_upload_seek(u, 0);
	for (size_t n; (n = http_upload_read(u, part, step));)
		buf_add(&all, part, n);
	CHECK_INT(all.len, http_upload_len(u));
	return buf_steal(&all, NULL);
}

static void test_upload(void)
{
	/* RFC 4648, 10, and what is not text. */
	static const struct http_insert inserts[] = {
		{0, "f", 1, true},    {1, "fo", 2, true},     {1, "foo", 3, true},
		{2, "foob", 4, true}, {2, "", 0, true},	      {3, "fooba", 5, true},
		{3, "raw", 3, false}, {4, "foobar", 6, true}, {4, "\0\377\376", 3, true}};
	static const char expected[] = "Zg==aZm8=Zm9vbZm9vYg==cZm9vYmE=rawdZm9vYmFyAP/+";
	const struct http_request r = {.body = "abcd",
				       .body_len = 4,
				       .inserts = inserts,
				       .insert_count = ARRAY_LEN(inserts)};
	struct http_upload *u = http_upload_new(&r);
	CHECK_INT(http_upload_len(u), sizeof(expected) - 1);
	for (size_t step = 1; step <= 64; step++) {
		char *all = read_all(u, step);
		CHECK_STR(all, expected);
		free(all);
	}
	for (size_t at = 0; at < sizeof(expected); at++) {
		char rest[64];
		http_upload_seek(u, at);
		size_t n = http_upload_read(u, rest, sizeof(rest));
		CHECK_INT(n, sizeof(expected) - 1 - at);
		CHECK(!memcmp(rest, expected + at, n));
	}
	http_upload_free(u);
	u = http_upload_new(&(struct http_request){.body = "", .body_len = 0});
	CHECK_INT(http_upload_len(u), 0);
	http_upload_free(u);
}

/* ---- what is sent */

static const struct sent {
	const char *preset, *model;
	unsigned refused;
	const char *url; /* NULL: the preset's */
	const char *address, *body;
} sent[] = {
	{"openai", "gpt-image-1", 0, NULL, "https://api.openai.com/v1/images/edits",
	 "--M\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\ngpt-image-1\r\n"
	 "--M\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\nTwo\nlines\r\n"
	 "--M\r\nContent-Disposition: form-data; name=\"size\"\r\n\r\n1024x768\r\n"
	 "--M\r\nContent-Disposition: form-data; name=\"quality\"\r\n\r\nhigh\r\n"
	 "--M\r\nContent-Disposition: form-data; name=\"seed\"\r\n\r\n9\r\n"
	 "--M\r\nContent-Disposition: form-data; name=\"image[]\"; filename=\"Mary _Ann_.png\"\r\n"
	 "Content-Type: image/png\r\n\r\nfoobar\r\n"
	 "--M\r\nContent-Disposition: form-data; name=\"image[]\"; "
	 "filename=\"\xc3\x89mile.jpg\"\r\n"
	 "Content-Type: image/jpeg\r\n\r\nfoob\r\n--M--\r\n"},
	{"openai", "gpt-image-1", OPTION_REFERENCES | OPTION_QUALITY | OPTION_SEED, NULL,
	 "https://api.openai.com/v1/images/generations",
	 "{\"model\":\"gpt-image-1\",\"prompt\":\"Two\\nlines\",\"size\":\"1024x768\"}"},
	{"openai", "dall-e-3", OPTION_QUALITY | OPTION_SEED, NULL,
	 "https://api.openai.com/v1/images/generations",
	 "{\"model\":\"dall-e-3\",\"prompt\":\"Two\\nlines\",\"size\":\"1024x768\","
	 "\"response_format\":\"b64_json\"}"},
	{"azure", "gpt-image-1", OPTION_QUALITY | OPTION_SIZE, "https://me.openai.azure.com",
	 "https://me.openai.azure.com/openai/deployments/gpt-image-1/images/edits"
	 "?api-version=2025-04-01-preview",
	 "--M\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\ngpt-image-1\r\n"
	 "--M\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\nTwo\nlines\r\n"
	 "--M\r\nContent-Disposition: form-data; name=\"image[]\"; filename=\"Mary _Ann_.png\"\r\n"
	 "Content-Type: image/png\r\n\r\nfoobar\r\n"
	 "--M\r\nContent-Disposition: form-data; name=\"image[]\"; "
	 "filename=\"\xc3\x89mile.jpg\"\r\n"
	 "Content-Type: image/jpeg\r\n\r\nfoob\r\n--M--\r\n"},
	{"openrouter", "a/b", OPTION_QUALITY | OPTION_SEED, NULL,
	 "https://openrouter.ai/api/v1/images",
	 "{\"model\":\"a/b\",\"prompt\":\"Two\\nlines\",\"aspect_ratio\":\"4:3\","
	 "\"input_references\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
	 "\"data:image/png;base64,Zm9vYmFy\"}},{\"type\":\"image_url\",\"image_url\":{\"url\":"
	 "\"data:image/jpeg;base64,Zm9vYg==\"}}]}"},
	{"openrouter", "a/b", OPTION_PATH | OPTION_SEED, NULL,
	 "https://openrouter.ai/api/v1/chat/completions",
	 "{\"model\":\"a/b\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\","
	 "\"text\":\"Two\\nlines\"},{\"type\":\"image_url\",\"image_url\":{\"url\":"
	 "\"data:image/png;base64,Zm9vYmFy\"}},{\"type\":\"image_url\",\"image_url\":{\"url\":"
	 "\"data:image/jpeg;base64,Zm9vYg==\"}}]}],\"modalities\":[\"image\",\"text\"],"
	 "\"image_config\":{\"aspect_ratio\":\"4:3\"}}"},
	{"openrouter", "a/b", OPTION_PATH | OPTION_SEED | OPTION_REFERENCES, NULL,
	 "https://openrouter.ai/api/v1/chat/completions",
	 "{\"model\":\"a/b\",\"messages\":[{\"role\":\"user\",\"content\":\"Two\\nlines\"}],"
	 "\"modalities\":[\"image\",\"text\"],\"image_config\":{\"aspect_ratio\":\"4:3\"}}"},
	{"gemini", NULL, OPTION_SEED, NULL,
	 "https://generativelanguage.googleapis.com/v1beta/models/"
	 "gemini-2.5-flash-image:generateContent",
	 "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"Two\\nlines\"},"
	 "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"Zm9vYmFy\"}},"
	 "{\"inlineData\":{\"mimeType\":\"image/jpeg\",\"data\":\"Zm9vYg==\"}}]}],"
	 "\"generationConfig\":{\"responseModalities\":[\"TEXT\",\"IMAGE\"],"
	 "\"imageConfig\":{\"aspectRatio\":\"4:3\"}}}"},
	{"sdcpp", NULL, OPTION_SEED, NULL, "http://localhost:1234/v1/images/generations",
	 "{\"prompt\":\"Two\\nlines\",\"n\":1,\"size\":\"1024x768\",\"output_format\":\"png\"}"},
};

static const struct paint_reference cast[] = {{"Mary \"Ann\"", "foobar", 6, "png"},
					      {"\xc3\x89mile", "foob", 4, "jpg"}};

/* The body as it goes out. */
static char *body_of(const struct exchange *x)
{
	CLEANUP(buf_finish) struct buf text = {0};
	struct http_insert inserts[ARRAY_LEN(cast)];
	struct buf all = {0};
	char part[50];
	CHECK_INT(exchange_body(&text, x, NULL), 0);
	size_t count = references_insert(inserts, &text, x);
	CHECK_INT(count, references_go(x) ? ARRAY_LEN(cast) : 0);
	const struct http_request r = {
		.body = text.data, .body_len = text.len, .inserts = inserts, .insert_count = count};
	struct http_upload *u = http_upload_new(&r);
	for (size_t n; (n = http_upload_read(u, part, sizeof(part)));)
		buf_add(&all, part, n);
	http_upload_free(u);
	return buf_steal(&all, NULL);
}

static void test_sent(const struct sent *t)
{
	const struct server_settings s = {.preset = provider_preset(t->preset),
					  .model = t->model,
					  .base_url = t->url,
					  .temperature = -1,
					  .seed = 9,
					  .image_quality = "high"};
	CLEANUP(buf_finish) struct buf url = {0};
	struct service *service = NULL;
	struct err err = {0};
	CHECK_INT(service_new(&service, ROLE_IMAGE, &s, &err), 0);
	struct exchange x = {.service = service,
			     .aim = AIM_PICTURE,
			     .prompt = xstrdup("Two\nlines"),
			     .width_px = 1024,
			     .height_px = 768,
			     .lessons.refused = t->refused};
	references_take(&x, cast, ARRAY_LEN(cast));
	CHECK(!x.reference_count == !x.mark[0]);
	CHECK_INT(strlen(x.mark), x.reference_count ? 39 : 0);
	snprintf(x.mark, sizeof(x.mark), "M");
	CHECK_INT(exchange_address(&url, &x), 0);
	CLEANUP(cleanup_free) char *body = body_of(&x);
	CHECK_STR(buf_str(&url), t->address);
	CHECK_STR(body, t->body);
	CHECK_INT(exchange_tokens(&x), 3 + 300 * (int)x.reference_count);
	exchange_finish(&x);
	service_drop(service);
}

/* ---- beside a question */

static const struct question_sent {
	const char *preset, *model, *body;
} question_sent[] = {
	{"openai", "gpt-4o",
	 "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\","
	 "\"text\":\"Two\\nlines\"},{\"type\":\"image_url\",\"image_url\":{\"url\":"
	 "\"data:image/png;base64,Zm9vYmFy\"}},{\"type\":\"image_url\",\"image_url\":{\"url\":"
	 "\"data:image/jpeg;base64,Zm9vYg==\"}}]}],\"response_format\":{\"type\":\"json_object\"},"
	 "\"seed\":9}"},
	{"gemini", NULL,
	 "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"Two\\nlines\"},"
	 "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"Zm9vYmFy\"}},"
	 "{\"inlineData\":{\"mimeType\":\"image/jpeg\",\"data\":\"Zm9vYg==\"}}]}],"
	 "\"generationConfig\":{\"responseMimeType\":\"application/json\",\"seed\":9}}"},
	{"ollama", "llama3",
	 "{\"model\":\"llama3\",\"messages\":[{\"role\":\"user\",\"content\":\"Two\\nlines\"}],"
	 "\"stream\":false,\"truncate\":false,\"shift\":false,\"format\":\"json\",\"options\":"
	 "{\"num_ctx\":16384,\"seed\":9}}"},
};

static struct service *text_service(const char *preset, const char *model)
{
	const struct server_settings s = {
		.preset = provider_preset(preset), .model = model, .temperature = -1, .seed = 9};
	struct service *service = NULL;
	struct err err = {0};
	CHECK_INT(service_new(&service, ROLE_TEXT, &s, &err), 0);
	return service;
}

static void test_question_sent(const struct question_sent *t)
{
	struct service *service = text_service(t->preset, t->model);
	struct exchange x = {
		.service = service, .aim = AIM_QUESTION, .prompt = xstrdup("Two\nlines")};
	references_take(&x, cast, ARRAY_LEN(cast));
	CLEANUP(cleanup_free) char *body = body_of(&x);
	CHECK_STR(body, t->body);
	exchange_finish(&x);
	x = (struct exchange){.service = service, .aim = AIM_CHAPTER, .prompt = xstrdup("a")};
	references_take(&x, cast, ARRAY_LEN(cast)); /* a chapter is read without pictures */
	CHECK(!references_go(&x));
	exchange_finish(&x);
	service_drop(service);
}

static void answer(struct exchange *x, int status, const char *body)
{
	x->answer =
		(struct http_answer){.status = status, .retry_after_ms = -1, .should_retry = -1};
	buf_finish(&x->answer.body);
	buf_adds(&x->answer.body, body);
	exchange_judge(x);
	buf_finish(&x->answer.body);
}

/* Any object will do; a model that sees nothing is not asked again without the pictures. */
static void test_question_answered(void)
{
	struct service *service = text_service("openai", "gpt-4o");
	struct exchange x = {.service = service, .aim = AIM_QUESTION, .prompt = xstrdup("a")};
	references_take(&x, cast, ARRAY_LEN(cast));
	answer(&x, 200,
	       "{\"choices\":[{\"message\":{\"content\":\"Here: {\\\"a\\\": 1}, so.\"},"
	       "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":7}}");
	CHECK(x.verdict == VERDICT_GOOD && x.outcome.usage.tokens_in == 7);
	CHECK_STR(buf_str(&x.json), "{\"a\": 1}");
	answer(&x, 400, "{\"error\":{\"message\":\"image_url is not supported by this model\"}}");
	CHECK(x.verdict == VERDICT_FAILED && x.outcome.code == -EIO);
	CHECK_INT(x.outcome.retry_after_ms, -1);
	CHECK(strstr(x.outcome.err.msg, "image_url is not supported"));
	answer(&x, 200, "{\"choices\":[{\"message\":{\"content\":\"[1]\"}}]}");
	CHECK(x.verdict == VERDICT_AGAIN && x.reminded); /* no object: shown once */
	exchange_finish(&x);
	service_drop(service);
}

/* ---- what is learnt of it */

static const struct refused {
	const char *says;
	int status;
	bool for_good, now; /* they are left out */
} refusals[] = {
	{"{\"error\":{\"message\":\"Unknown parameter: 'input_references'\"}}", 400, true, true},
	{"{\"error\":{\"message\":\"Image input modality is not enabled\"}}", 400, true, true},
	{"{\"error\":{\"message\":\"No endpoints found that support image input\"}}", 404, true,
	 true},
	{"not here", 404, true, true},
	{"", 405, true, true},
	{"", 413, false, true},
	{"{\"error\":{\"code\":\"invalid_image_file\",\"message\":\"bad\"}}", 400, false, true},
	{"{\"error\":{\"message\":\"Invalid value: 'size'\",\"param\":\"size\"}}", 400, false,
	 false},
	{"{\"error\":{\"message\":\"image input failed\"}}", 500, false, false},
	{"{\"error\":{\"message\":\"image input: slower\"}}", 429, false, false},
};

static void test_refused(const struct refused *t)
{
	const struct server_settings s = {.preset = provider_preset("openai"),
					  .model = "gpt-image-1"};
	struct service *service = NULL;
	struct err err = {0};
	CHECK_INT(service_new(&service, ROLE_IMAGE, &s, &err), 0);
	struct exchange x = {.service = service, .aim = AIM_PICTURE, .prompt = xstrdup("P")};
	references_take(&x, cast, ARRAY_LEN(cast));
	http_header_void(&x.answer);
	x.answer.status = t->status;
	buf_adds(&x.answer.body, t->says);
	exchange_judge(&x);
	if (references_go(&x) == t->now || (t->now && x.verdict != VERDICT_AGAIN) ||
	    !(x.lessons.refused & OPTION_REFERENCES) == t->for_good) {
		fprintf(stderr, "%d %s: %s\n", t->status, t->says, x.outcome.err.msg);
		check_failures++;
	}
	exchange_finish(&x);
	service_drop(service);
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		test_limit(&limits[i]);
	test_taken();
	test_settings();
	test_upload();
	for (size_t i = 0; i < ARRAY_LEN(sent); i++)
		test_sent(&sent[i]);
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
		test_refused(&refusals[i]);
	for (size_t i = 0; i < ARRAY_LEN(question_sent); i++)
		test_question_sent(&question_sent[i]);
	test_question_answered();
	return check_result();
}
