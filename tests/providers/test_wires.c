/* SPDX-License-Identifier: MIT */
#include "check.h"
#include "exchange.h"

/*
 * How each kind of server is spoken to, to the byte, and what is left out once it was refused. No
 * server is asked here.
 */

static struct service *service_for(enum provider_role role, const struct server_settings *s)
{
	struct service *service = NULL;
	struct err err = {0};
	CHECK_INT(service_new(&service, role, s, &err), 0);
	CHECK_STR(err.msg, "");
	return service;
}

/* ---- what is sent */

static const struct sent {
	const char *preset;
	enum aim aim;
	unsigned refused;
	const char *base_url, *model; /* NULL: the preset's */
	double temperature;
	int64_t seed;
	const char *size, *quality;
	bool roomy;
	const char *address, *body;
} requests[] = {
	{"openai", AIM_CHAPTER, 0, NULL, "m", -1, -1, NULL, NULL, false,
	 "https://api.openai.com/v1/chat/completions",
	 "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"P\"}],"
	 "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"visual_"
	 "analysis\",\"strict\":true,\"schema\":SCHEMA}}}"},
	{"openai", AIM_CHAPTER, OPTION_SCHEMA, NULL, "m", 0.7, 5, NULL, NULL, true,
	 "https://api.openai.com/v1/chat/completions",
	 "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"P\"}],"
	 "\"response_format\":{\"type\":\"json_object\"},\"temperature\":0.7,\"seed\":5,"
	 "\"max_completion_tokens\":32768}"},
	{"groq", AIM_CHAPTER, OPTION_SCHEMA | OPTION_JSON | OPTION_TEMPERATURE | OPTION_SEED, NULL,
	 NULL, 0.7, 5, NULL, NULL, true, "https://api.groq.com/openai/v1/chat/completions",
	 "{\"model\":\"openai/gpt-oss-120b\",\"messages\":[{\"role\":\"user\",\"content\":\"P\"}],"
	 "\"max_tokens\":32768}"},
	{"groq", AIM_CHAPTER, OPTION_SCHEMA | OPTION_JSON | OPTION_ROOM, NULL, NULL, -1, -1, NULL,
	 NULL, true, "https://api.groq.com/openai/v1/chat/completions",
	 "{\"model\":\"openai/gpt-oss-120b\",\"messages\":[{\"role\":\"user\",\"content\":\"P\"}],"
	 "\"max_completion_tokens\":32768}"},
	{"azure", AIM_CHAPTER, OPTION_SCHEMA | OPTION_JSON, "https://me.openai.azure.com/", "my 4o",
	 -1, -1, NULL, NULL, false,
	 "https://me.openai.azure.com/openai/deployments/my%204o/chat/completions?api-version="
	 "2024-10-21",
	 "{\"model\":\"my 4o\",\"messages\":[{\"role\":\"user\",\"content\":\"P\"}]}"},
	{"azure", AIM_CHAPTER, OPTION_SCHEMA | OPTION_JSON,
	 "https://me.services.ai.azure.com/models?api-version=2024-05-01-preview", "g", -1, -1,
	 NULL, NULL, false,
	 "https://me.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview",
	 "{\"model\":\"g\",\"messages\":[{\"role\":\"user\",\"content\":\"P\"}]}"},
	{"azure", AIM_PICTURE, 0, "https://me.openai.azure.com", "draw", -1, -1, NULL, "low", false,
	 "https://me.openai.azure.com/openai/deployments/draw/images/generations?api-version="
	 "2024-10-21",
	 "{\"model\":\"draw\",\"prompt\":\"P\",\"size\":\"1024x768\",\"quality\":\"low\","
	 "\"response_format\":\"b64_json\"}"},
	{"anthropic", AIM_CHAPTER, 0, NULL, NULL, 0.5, 5, NULL, NULL, false,
	 "https://api.anthropic.com/v1/messages",
	 "{\"model\":\"claude-haiku-4-5\",\"max_tokens\":16384,\"messages\":[{\"role\":\"user\","
	 "\"content\":\"P\"}],\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":"
	 "SCHEMA}},\"temperature\":0.5}"},
	{"anthropic", AIM_CHAPTER, OPTION_SCHEMA | OPTION_ROOM, NULL, NULL, -1, -1, NULL, NULL,
	 true, "https://api.anthropic.com/v1/messages",
	 "{\"model\":\"claude-haiku-4-5\",\"max_tokens\":4096,\"messages\":[{\"role\":\"user\","
	 "\"content\":\"P\"}]}"},
	{"gemini", AIM_CHAPTER, 0, NULL, NULL, 0.5, 5, NULL, NULL, true,
	 "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent",
	 "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"P\"}]}],\"generationConfig\":{"
	 "\"responseMimeType\":\"application/json\",\"responseJsonSchema\":SCHEMA,"
	 "\"temperature\":0.5,\"maxOutputTokens\":32768,\"seed\":5}}"},
	{"gemini", AIM_PICTURE, 0, NULL, "models/x", -1, -1, NULL, NULL, false,
	 "https://generativelanguage.googleapis.com/v1beta/models/x:generateContent",
	 "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"P\"}]}],\"generationConfig\":{"
	 "\"responseModalities\":[\"TEXT\",\"IMAGE\"],\"imageConfig\":{\"aspectRatio\":\"4:3\"}}}"},
	{"ollama", AIM_CHAPTER, 0, NULL, "qwen3", 0.5, 5, NULL, NULL, false,
	 "http://localhost:11434/api/chat",
	 "{\"model\":\"qwen3\",\"messages\":[{\"role\":\"user\",\"content\":\"P\"}],\"stream\":"
	 "false,\"truncate\":false,\"shift\":false,\"format\":SCHEMA,\"options\":{\"num_ctx\":"
	 "16384,\"temperature\":0.5,\"seed\":5}}"},
	{"ollama", AIM_CHAPTER, OPTION_SCHEMA, "http://box:11434/v1", "q", -1, -1, NULL, NULL,
	 false, "http://box:11434/api/chat",
	 "{\"model\":\"q\",\"messages\":[{\"role\":\"user\",\"content\":\"P\"}],\"stream\":false,"
	 "\"truncate\":false,\"shift\":false,\"format\":\"json\",\"options\":{\"num_ctx\":16384}}"},
	{"openai", AIM_PICTURE, 0, NULL, "gpt-image-1", -1, -1, "auto", "high", false,
	 "https://api.openai.com/v1/images/generations",
	 "{\"model\":\"gpt-image-1\",\"prompt\":\"P\",\"size\":\"auto\",\"quality\":\"high\"}"},
	{"localai", AIM_PICTURE, OPTION_SIZE, NULL, NULL, -1, 9, NULL, NULL, false,
	 "http://localhost:8080/v1/images/generations",
	 "{\"prompt\":\"P\",\"seed\":9,\"response_format\":\"b64_json\"}"},
	{"openrouter", AIM_PICTURE, 0, NULL, "a/b", -1, 9, NULL, NULL, false,
	 "https://openrouter.ai/api/v1/images",
	 "{\"model\":\"a/b\",\"prompt\":\"P\",\"aspect_ratio\":\"4:3\",\"seed\":9}"},
	{"openrouter", AIM_PICTURE, OPTION_PATH, NULL, "a/b", -1, -1, NULL, NULL, false,
	 "https://openrouter.ai/api/v1/chat/completions",
	 "{\"model\":\"a/b\",\"messages\":[{\"role\":\"user\",\"content\":\"P\"}],\"modalities\":["
	 "\"image\",\"text\"],\"image_config\":{\"aspect_ratio\":\"4:3\"}}"},
	{"openrouter", AIM_PICTURE, OPTION_PATH | OPTION_WORDS | OPTION_SIZE, NULL, "a/b", -1, -1,
	 NULL, NULL, false, "https://openrouter.ai/api/v1/chat/completions",
	 "{\"model\":\"a/b\",\"messages\":[{\"role\":\"user\",\"content\":\"P\"}],\"modalities\":["
	 "\"image\"]}"},
	{"sdcpp", AIM_PICTURE, 0, NULL, NULL, -1, 9, NULL, NULL, false,
	 "http://localhost:1234/v1/images/generations",
	 "{\"prompt\":\"P<sd_cpp_extra_args>{\\\"seed\\\": 9}</sd_cpp_extra_args>\",\"n\":1,"
	 "\"size\":\"1024x768\",\"output_format\":\"png\"}"},
	{"a1111", AIM_PICTURE, 0, NULL, "xl", -1, 9, "640x480", "30", false,
	 "http://localhost:7860/sdapi/v1/txt2img",
	 "{\"prompt\":\"P\",\"width\":640,\"height\":480,\"steps\":30,\"seed\":9,"
	 "\"override_settings\":{\"sd_model_checkpoint\":\"xl\"}}"},
	{"comfyui", AIM_PICTURE, 0, NULL, NULL, -1, 9, NULL, NULL, false,
	 "http://localhost:8188/prompt",
	 "{\"prompt\":{\"3\":{\"inputs\":{\"seed\":9,\"name\":\"seed 9\",\"a\":[\"4\",0],\"w\":"
	 "1024,\"h\":768}},\"6\":{\"inputs\":{\"text\":\"ink, P, {other} P\"}}},\"client_id\":"
	 "\"bookfs\"}"},
	{"openai", AIM_MODELS, 0, NULL, "m", -1, -1, NULL, NULL, false,
	 "https://api.openai.com/v1/models", ""},
	{"gemini", AIM_MODELS, 0, NULL, NULL, -1, -1, NULL, NULL, false,
	 "https://generativelanguage.googleapis.com/v1beta/models?pageSize=1000", ""},
	{"ollama", AIM_MODELS, 0, NULL, "m", -1, -1, NULL, NULL, false,
	 "http://localhost:11434/api/tags", ""},
	{"azure", AIM_MODELS, 0, "https://me.openai.azure.com", "m", -1, -1, NULL, NULL, false,
	 "https://me.openai.azure.com/openai/models?api-version=2024-10-21", ""},
};

static const char workflow[] =
	"{\"3\": {\"inputs\": {\"seed\": \"{seed}\", \"name\": \"seed {seed}\", \"a\": [\"4\", 0], "
	"\"w\": \"{width}\", \"h\": \"{height}\"}},"
	" \"6\": {\"inputs\": {\"text\": \"ink, {prompt}, {other} {prompt}\"}}}";

/* `expected` with SCHEMA in it, for short. Owned. */
static char *whole(const char *expected)
{
	const char *at = strstr(expected, "SCHEMA");
	return at ? xasprintf("%.*s%s%s", (int)(at - expected), expected, wire_schema, at + 6)
		  : xstrdup(expected);
}

static void test_request(const struct sent *r)
{
	const enum provider_role role = r->aim == AIM_PICTURE ? ROLE_IMAGE : ROLE_TEXT;
	const struct server_settings settings = {
		.preset = provider_preset(r->preset),
		.base_url = r->base_url,
		.model = r->model,
		.temperature = r->temperature,
		.seed = r->seed,
		.image_size = r->size,
		.image_quality = r->quality,
		.workflow = workflow,
	};
	struct service *service = service_for(role, &settings);
	struct exchange x = {.service = service,
			     .aim = r->aim,
			     .prompt = xstrdup("P"),
			     .width_px = 1024,
			     .height_px = 768,
			     .lessons.refused = r->refused,
			     .roomy = r->roomy};
	CLEANUP(buf_finish) struct buf url = {0}, body = {0};
	CLEANUP(cleanup_free) char *expected = whole(r->body);
	CHECK_INT(exchange_address(&url, &x), 0);
	CHECK_INT(exchange_body(&body, &x, NULL), 0);
	CHECK_STR(buf_str(&url), r->address);
	CHECK_STR(buf_str(&body), expected);
	exchange_finish(&x);
	service_drop(service);
}

/* Asked again, with what was wrong. */
static void test_reminder(void)
{
	static const struct {
		const char *preset, *in_body;
	} wires[] = {{"openai", "{\"role\":\"assistant\",\"content\":\"bad\"},{\"role\":\"user\","},
		     {"gemini", "{\"role\":\"model\",\"parts\":[{\"text\":\"bad\"}]},{\"role\":"
				"\"user\","}};
	for (size_t i = 0; i < ARRAY_LEN(wires); i++) {
		const struct server_settings settings = {.preset = provider_preset(wires[i].preset),
							 .model = "m",
							 .temperature = -1,
							 .seed = -1};
		struct service *service = service_for(ROLE_TEXT, &settings);
		struct exchange x = {.service = service,
				     .prompt = xstrdup("P"),
				     .reminded = true,
				     .bad = xstrdup("bad"),
				     .fault = xstrdup("it rains")};
		CLEANUP(buf_finish) struct buf body = {0};
		CHECK_INT(exchange_body(&body, &x, NULL), 0);
		CHECK(strstr(buf_str(&body), wires[i].in_body) != NULL);
		CHECK(strstr(buf_str(&body), "That cannot be used: it rains.") != NULL);
		exchange_finish(&x);
		service_drop(service);
	}
}

/* ---- what is learnt */

static const struct lesson {
	const char *preset;
	enum aim aim;
	int status;
	const char *body;
	enum verdict verdict;
	unsigned refused; /* then */
	int64_t limit;	  /* of a context, or of a prompt */
} lessons[] = {
	{"openai", AIM_CHAPTER, 400,
	 "{\"error\":{\"message\":\"'temperature' does not support 0.7 with this model\"}}",
	 VERDICT_AGAIN, OPTION_TEMPERATURE},
	{"openai", AIM_CHAPTER, 400, "{\"error\":{\"message\":\"no\",\"param\":\"seed\"}}",
	 VERDICT_AGAIN, OPTION_SEED},
	{"openai", AIM_CHAPTER, 422, "{\"detail\":[{\"msg\":\"response_format: not permitted\"}]}",
	 VERDICT_AGAIN, OPTION_SCHEMA},
	/* What was not sent cannot be what is refused. */
	{"openai", AIM_CHAPTER, 400, "{\"error\":{\"message\":\"the size of max_tokens\"}}",
	 VERDICT_FAILED, 0},
	{"openai", AIM_CHAPTER, 401, "{\"error\":{\"message\":\"temperature\"}}", VERDICT_FAILED,
	 0},
	{"openai", AIM_CHAPTER, 400,
	 "{\"error\":{\"message\":\"maximum context length is 300 tokens, you asked for 900\"}}",
	 VERDICT_SPLIT, 0, 300},
	{"llamacpp", AIM_CHAPTER, 400,
	 "{\"error\":{\"code\":400,\"message\":\"the request exceeds the available context size\","
	 "\"type\":\"exceed_context_size_error\",\"n_prompt_tokens\":500,\"n_ctx\":310}}",
	 VERDICT_SPLIT, 0, 310},
	{"ollama", AIM_CHAPTER, 400, "{\"error\":\"the input length exceeds the context length\"}",
	 VERDICT_SPLIT, 0, 201},
	{"groq", AIM_CHAPTER, 413,
	 "{\"error\":{\"message\":\"Request too large for model `m`: Limit 350, Requested 500\"}}",
	 VERDICT_SPLIT, 0, 350},
	{"anthropic", AIM_CHAPTER, 400,
	 "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":"
	 "\"max_tokens: 16384 > 4096\"}}",
	 VERDICT_AGAIN, OPTION_ROOM},
	{"openai", AIM_PICTURE, 400, "{\"error\":{\"message\":\"Unknown parameter: 'quality'.\"}}",
	 VERDICT_AGAIN, OPTION_QUALITY},
	{"openai", AIM_PICTURE, 400,
	 "{\"error\":{\"message\":\"Invalid 'prompt': string too long. Expected at most 300\"}}",
	 VERDICT_AGAIN, 0, 300},
	{"openrouter", AIM_PICTURE, 404, "<html>", VERDICT_AGAIN, OPTION_PATH},
	{"openai", AIM_PICTURE, 404, "{\"error\":{\"message\":\"no such model\"}}", VERDICT_FAILED,
	 0},
	{"openai", AIM_PICTURE, 400,
	 "{\"error\":{\"message\":\"quality\",\"code\":\"content_policy_violation\"}}",
	 VERDICT_FAILED, 0},
};

static void test_lesson(const struct lesson *l)
{
	const struct server_settings settings = {.preset = provider_preset(l->preset),
						 .model = "m",
						 .temperature = 0.7,
						 .seed = 5,
						 .image_quality = "high"};
	struct service *service =
		service_for(l->aim == AIM_PICTURE ? ROLE_IMAGE : ROLE_TEXT, &settings);
	struct exchange x = {.service = service, .aim = l->aim, .answer = {.status = l->status}};
	CLEANUP(buf_finish) struct buf prompt = {0};
	for (int i = 0; i < 200; i++)
		buf_adds(&prompt, "word. ");
	x.prompt = xstrdup(buf_str(&prompt));
	x.answer.should_retry = -1;
	buf_adds(&x.answer.body, l->body);
	exchange_judge(&x);
	int64_t limit =
		l->aim == AIM_PICTURE ? (int64_t)x.lessons.prompt_bytes : x.lessons.context_tokens;
	if (x.verdict != l->verdict || x.lessons.refused != l->refused || limit != l->limit) {
		fprintf(stderr, "%s: verdict %d, refused %x, limit %lld\n", l->body, x.verdict,
			x.lessons.refused, (long long)limit);
		check_failures++;
	}
	if (l->aim == AIM_PICTURE && l->limit) { /* and never more is sent */
		CLEANUP(cleanup_free) char *cut = wire_prompt(&x);
		CHECK_INT((int)strlen(cut), (int)l->limit);
	}
	exchange_finish(&x);
	service_drop(service);
}

/* ---- what is read */

static const struct answer {
	const char *preset, *body;
	enum verdict verdict;
	const char *says; /* the words, or the reason */
	int tokens_in, tokens_out;
} answers[] = {
	{"openai",
	 "data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n"
	 "data: {\"choices\":[{\"delta\":{\"content\":\"lo\"},\"finish_reason\":\"stop\"}]}\n\n"
	 "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n"
	 "data: [DONE]\n\n",
	 VERDICT_AGAIN, "Hello", 3, 2},
	{"openai", "data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n", VERDICT_FAILED,
	 "is cut off"},
	{"openai", "data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\ndata: [DONE]\n\n",
	 VERDICT_AGAIN, "Hel"},
	{"openai", "{\"choices\":[{\"message\":{\"content\":null},\"finish_reason\":\"error\"}]}",
	 VERDICT_FAILED, "broke off its answer"},
	{"anthropic",
	 "{\"type\":\"message\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\"},"
	 "{\"type\":\"text\",\"text\":\"Hello\"}],\"stop_reason\":\"end_turn\",\"usage\":{"
	 "\"input_tokens\":3,\"cache_read_input_tokens\":40,\"cache_creation_input_tokens\":500,"
	 "\"output_tokens\":2}}",
	 VERDICT_AGAIN, "Hello", 543, 2},
	{"anthropic",
	 "data: {\"type\":\"message_start\",\"message\":{\"content\":[],\"usage\":{"
	 "\"input_tokens\":3,\"output_tokens\":1}}}\n\n"
	 "data: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"Hel\"}}\n\n"
	 "data: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"lo\"}}\n\n"
	 "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{"
	 "\"output_tokens\":2}}\n\n",
	 VERDICT_AGAIN, "Hello", 3, 2},
	{"anthropic", "{\"content\":[],\"stop_reason\":\"refusal\"}", VERDICT_FAILED,
	 "will not do this one"},
	{"gemini",
	 "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hm\",\"thought\":true},{\"text\":"
	 "\"Hello\"}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":3,"
	 "\"candidatesTokenCount\":2,\"thoughtsTokenCount\":40}}",
	 VERDICT_AGAIN, "Hello", 3, 42},
	{"gemini", "{\"candidates\":[{\"finishReason\":\"RECITATION\"}]}", VERDICT_FAILED,
	 "broke off its answer: RECITATION"},
	{"gemini", "{\"promptFeedback\":{\"blockReason\":\"PROHIBITED_CONTENT\"}}", VERDICT_FAILED,
	 "will not do this one: PROHIBITED_CONTENT"},
	{"ollama",
	 "{\"message\":{\"content\":\"Hello\"},\"done\":true,\"done_reason\":\"stop\","
	 "\"prompt_eval_count\":3,\"eval_count\":2}",
	 VERDICT_AGAIN, "Hello", 3, 2},
};

static void test_answer(const struct answer *a)
{
	const struct server_settings settings = {
		.preset = provider_preset(a->preset), .model = "m", .temperature = -1, .seed = -1};
	struct service *service = service_for(ROLE_TEXT, &settings);
	struct exchange x = {.service = service, .prompt = xstrdup("P")};
	x.answer.status = 200;
	buf_adds(&x.answer.body, a->body);
	exchange_judge(&x);
	const char *said = x.verdict == VERDICT_AGAIN ? x.bad : x.outcome.err.msg;
	const struct usage *u = &x.outcome.usage;
	bool right = a->verdict == VERDICT_AGAIN ? said && !strcmp(said, a->says)
						 : strstr(said, a->says) != NULL;
	if (x.verdict != a->verdict || !right || u->tokens_in != a->tokens_in ||
	    u->tokens_out != a->tokens_out) {
		fprintf(stderr, "%s: verdict %d, \"%s\", %lld + %lld tokens\n", a->body, x.verdict,
			said, (long long)u->tokens_in, (long long)u->tokens_out);
		check_failures++;
	}
	exchange_finish(&x);
	service_drop(service);
}

/* Ollama of old cuts a prompt to what its model sees. */
static void test_cut_prompt(void)
{
	static const struct {
		int tokens;
		enum verdict verdict;
	} counts[] = {{1200, VERDICT_AGAIN}, {600, VERDICT_SPLIT}, {20, VERDICT_AGAIN}};
	const struct server_settings settings = {
		.preset = provider_preset("ollama"), .model = "m", .temperature = -1, .seed = -1};
	struct service *service = service_for(ROLE_TEXT, &settings);
	CLEANUP(buf_finish) struct buf prompt = {0};
	for (int i = 0; i < 900; i++)
		buf_adds(&prompt, "word. ");
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		struct exchange x = {.service = service, .answer = {.status = 200}};
		x.prompt = xstrdup(buf_str(&prompt));
		buf_addf(
			&x.answer.body,
			"{\"message\":{\"content\":\"{}\"},\"done\":true,\"prompt_eval_count\":%d}",
			counts[i].tokens);
		exchange_judge(&x);
		CHECK_INT((int)x.verdict, (int)counts[i].verdict);
		CHECK_INT((int)x.lessons.context_tokens,
			  counts[i].verdict == VERDICT_SPLIT ? 800 : 0);
		exchange_finish(&x);
	}
	service_drop(service);
}

/* What becomes of a request that was refused, and in whose words. */
static const struct refused {
	int status, code;
	int64_t retry_ms; /* 1: some time */
	bool refused;
	const char *body, *says;
} refusals[] = {
	{403, -EIO, -1, true,
	 "{\"error\":{\"code\":403,\"message\":\"flagged\",\"metadata\":{\"reasons\":[\"x\"]}}}",
	 "will not do this one (403): flagged"},
	{403, -EACCES, -1, false, "{\"error\":{\"message\":\"no right to it\"}}",
	 "refused the key (403): no right to it"},
	{400, -EDQUOT, -1, false,
	 "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"Your "
	 "credit balance is too low\"}}",
	 "account is spent (400 invalid_request_error)"},
	{400, -EACCES, -1, false,
	 "{\"error\":{\"code\":400,\"message\":\"API key not "
	 "valid.\",\"status\":\"INVALID_ARGUMENT\","
	 "\"details\":[{\"reason\":\"API_KEY_INVALID\"}]}}",
	 "refused the key (401 INVALID_ARGUMENT)"},
	{429, -EIO, 48000, false,
	 "{\"error\":{\"code\":429,\"message\":\"wait\\nfor it\",\"status\":\"RESOURCE_EXHAUSTED\","
	 "\"details\":[{\"retryDelay\":\"48s\"}]}}",
	 "cannot do it now (429 RESOURCE_EXHAUSTED): wait for it"},
	{200, -EIO, 1, false,
	 "{\"error\":{\"message\":\"Provider returned error\",\"code\":429,\"metadata\":{\"raw\":"
	 "\"busy\",\"headers\":{\"X-RateLimit-Reset\":\"99999999999000\"}}}}",
	 "cannot do it now (429): Provider returned error: busy"},
	{529, -EIO, 0, false,
	 "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}"
	 "}",
	 "cannot do it now (529 overloaded_error): Overloaded"},
	{304, -EIO, 0, false, "", "cannot do it now (304): an empty answer"},
	{500, -EIO, 0, false,
	 "{\"error\":\"OutOfMemoryError\",\"detail\":\"\",\"body\":\"\",\"errors\":\"CUDA\"}",
	 "cannot do it now (500): OutOfMemoryError: CUDA"},
};

static void test_refusal(const struct refused *r)
{
	const struct server_settings settings = {
		.preset = provider_preset("openai"), .model = "m", .temperature = -1, .seed = -1};
	struct service *service = service_for(ROLE_TEXT, &settings);
	struct exchange x = {.service = service, .prompt = xstrdup("P")};
	http_header_void(&x.answer);
	x.answer.status = r->status;
	buf_adds(&x.answer.body, r->body);
	exchange_judge(&x);
	const struct provider_outcome *o = &x.outcome;
	bool waits = r->retry_ms == 1 ? o->retry_after_ms > 1 : o->retry_after_ms == r->retry_ms;
	if (o->code != r->code || !waits || o->refused != r->refused ||
	    !strstr(o->err.msg, r->says)) {
		fprintf(stderr, "%s: code %d, again %lld, \"%s\"\n", r->body, o->code,
			(long long)o->retry_after_ms, o->err.msg);
		check_failures++;
	}
	exchange_finish(&x);
	service_drop(service);
}

static void test_lessons_add(void)
{
	struct lessons all = {0};
	lessons_add(&all, &(struct lessons){OPTION_SEED, 4000, 900});
	lessons_add(&all, &(struct lessons){OPTION_SIZE, 8000, 800});
	CHECK_INT((int)all.refused, OPTION_SEED | OPTION_SIZE);
	CHECK_INT((int)all.context_tokens, 4000);
	CHECK_INT((int)all.prompt_bytes, 800);
}

/* A book that writes of stable-diffusion.cpp's tags sets nothing. */
static void test_tags(void)
{
	const struct server_settings settings = {
		.preset = provider_preset("sdcpp"), .temperature = -1, .seed = -1};
	struct service *service = service_for(ROLE_IMAGE, &settings);
	struct exchange x = {
		.service = service,
		.aim = AIM_PICTURE,
		.prompt = xstrdup("<SD_cpp_extra_args>{\"steps\":9}</sd_cpp_extra_args>")};
	CLEANUP(buf_finish) struct buf body = {0};
	CHECK_INT(exchange_body(&body, &x, NULL), 0);
	CHECK(strcasestr(buf_str(&body), "sd_cpp_extra_args") == NULL);
	exchange_finish(&x);
	service_drop(service);
}

/* ---- settings */

static const struct wrong {
	const char *preset;
	enum provider_role role;
	const char *base_url, *model, *workflow, *says;
} wrongs[] = {
	{"anthropic", ROLE_IMAGE, NULL, "m", NULL, "does not draw pictures"},
	{"sdcpp", ROLE_TEXT, NULL, "m", NULL, "does not read chapters"},
	{"azure", ROLE_TEXT, NULL, "m", NULL, "needs the server's address"},
	{"openai", ROLE_TEXT, NULL, NULL, NULL, "needs the name of a model"},
	{"ollama", ROLE_TEXT, "http://h", NULL, NULL, "needs the name of a model"},
	{"openai", ROLE_TEXT, "ftp://h", "m", NULL, "must be http://"},
	{"openai", ROLE_TEXT, "https://h/v1#x", "m", NULL, "must not hold a #"},
	{"comfyui", ROLE_IMAGE, NULL, NULL, NULL, "needs a workflow"},
	{"comfyui", ROLE_IMAGE, NULL, NULL, "{", "no JSON"},
	{"comfyui", ROLE_IMAGE, NULL, NULL, "{\"nodes\":[],\"a\":\"{prompt}\"}", "export it"},
	{"comfyui", ROLE_IMAGE, NULL, NULL, "{\"1\":{}}", "no {prompt}"},
};

static void test_wrong(const struct wrong *w)
{
	const struct server_settings settings = {.preset = provider_preset(w->preset),
						 .base_url = w->base_url,
						 .model = w->model,
						 .workflow = w->workflow};
	struct service *service = NULL;
	struct err err = {0};
	CHECK_INT(service_new(&service, w->role, &settings, &err), -EINVAL);
	if (!strstr(err.msg, w->says)) {
		fprintf(stderr, "\"%s\" does not say \"%s\"\n", err.msg, w->says);
		check_failures++;
	}
	CHECK(service == NULL);
}

static void check_options(const struct server_settings *s, enum provider_role role,
			  const char *expected)
{
	struct service *service = service_for(role, s);
	CLEANUP(cleanup_free) char *options = service_options(service, role);
	CHECK_STR(options, expected);
	service_drop(service);
}

/* They are part of a result's key: what was not set does not stand there. */
static void test_options(void)
{
	struct server_settings s = {
		.preset = provider_preset("openai"), .model = "m", .temperature = -1, .seed = -1};
	check_options(&s, ROLE_TEXT, "at api.openai.com");
	check_options(&s, ROLE_IMAGE, "at api.openai.com");
	s.temperature = 0.7;
	s.seed = 5;
	s.instructions = "Read {text}";
	s.image_size = "auto";
	check_options(&s, ROLE_TEXT,
		      "at api.openai.com, temperature 700/1000, seed 5, instructions "
		      "e98ca6eb7a2fd881");
	check_options(&s, ROLE_IMAGE, "at api.openai.com, seed 5, size auto");
}

static void test_presets(void)
{
	const struct preset *p;
	size_t count = 0;
	for (; (p = provider_preset_at(count)); count++) {
		CHECK(provider_preset(p->name) == p);
		CHECK(p->chat || p->image);
		CHECK(!p->chat || (wire_format(p->chat) && p->chat_slots > 0));
		CHECK(!p->image || (wire_format(p->image) && p->image_slots > 0));
		CHECK(!p->key_needed || p->key_variable);
		CHECK(!p->key_needed || !p->base_url || !strncmp(p->base_url, "https://", 8));
		CHECK(p->key_needed || !strncmp(p->base_url, "http://localhost:", 17));
		CHECK(!strchr(p->about, '\n') && strlen(p->about) < 100);
	}
	CHECK_INT((int)count, 15);
	CHECK(provider_preset("gpt") == NULL);
}

/* ---- long chapters */

static void test_tokens(void)
{
	static const char english[] = "The lighthouse-keeper's daughter ran, in 1852, to the sea.";
	static const char japanese[] =
		"\xe5\x90\x8d\xe5\x89\x8d\xe3\x81\xaf\xe3\x81\xbe\xe3\x81\xa0";
	static const char russian[] = "\xd0\x9c\xd0\xb0\xd1\x8f\xd0\xba";
	CHECK_INT((int)tokens_estimate(english, strlen(english)), 17);
	CHECK_INT((int)tokens_estimate(japanese, strlen(japanese)), 4);
	CHECK_INT((int)tokens_estimate(russian, strlen(russian)), 2);
	CHECK_INT((int)tokens_estimate("...--\"x", 7), 3);
	CHECK_INT((int)tokens_estimate("", 0), 0);
}

/* As o200k_base counts the same few lines in so many languages. */
static void test_tokens_of_others(void)
{
	static const struct {
		const char *text;
		int tokens;
	} known[] = {
		{"The keeper climbed the narrow stair with his lantern held before him. Outside "
		 "the rain beat upon the windows, and far below the sea was breaking over the "
		 "harbour wall. He did not hear the knocking until it came a third time.",
		 46},
		{"Le gardien monta l'escalier étroit, sa lanterne à la main. Dehors, la pluie "
		 "battait les fenêtres, et tout en bas la mer se brisait sur le mur du port. Il "
		 "n'entendit frapper qu'à la troisième fois.",
		 57},
		{"Смотритель поднялся по узкой лестнице с фонарём в руке. Снаружи дождь бил в "
		 "окна, а далеко внизу море разбивалось о стену гавани. Стук он услышал только в "
		 "третий раз.",
		 53},
		{"صعد الحارس الدرج الضيق والفانوس في يده. كان المطر في الخارج يضرب النوافذ، وفي "
		 "الأسفل البعيد كان البحر يتكسر على جدار الميناء. ولم يسمع الطرق إلا في المرة "
		 "الثالثة.",
		 53},
		{"रखवाला हाथ में लालटेन लिए सँकरी सीढ़ी पर चढ़ा। बाहर बारिश खिड़कियों पर पड़ रही थी, और बहुत "
		 "नीचे समुद्र बंदरगाह की दीवार से टकरा रहा था। दस्तक उसने तीसरी बार में सुनी।",
		 61},
		{"灯台守はランタンを手に狭い階段を上った。外では雨が窓を打ち、はるか下では海が港の"
		 "壁に砕けていた。三度目になって初めて、戸をたたく音が聞こえた。",
		 66},
		{"등대지기는 등불을 손에 들고 좁은 계단을 올라갔다. 밖에서는 비가 창문을 때리고, "
		 "저 아래에서는 바다가 항구의 벽에 부서지고 있었다. 세 번째에야 그는 문 두드리는 "
		 "소리를 들었다.",
		 61},
		{"คนเฝ้าประภาคารเดินขึ้นบันไดแคบพร้อมตะเกียงในมือ ข้างนอกฝนสาดหน้าต่าง "
		 "และไกลลงไปเบื้องล่างทะเลซัดกำแพงท่าเรือ เขาได้ยินเสียงเคาะเมื่อครั้งที่สาม",
		 67},
	};
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		int tokens = (int)tokens_estimate(known[i].text, strlen(known[i].text));
		int most = known[i].tokens * 15 / 100;
		if (tokens < known[i].tokens - most || tokens > known[i].tokens + most) {
			fprintf(stderr, "%.20s: %d tokens, not %d\n", known[i].text, tokens,
				known[i].tokens);
			check_failures++;
		}
	}
}

/* As much as the prompt asks for, of such sentences as the text has. */
static void test_answer_tokens(void)
{
	static const char six[] = "The sea was calm. \"Is it you?\" he asked. It was! Nobody, at "
				  "3.5 fathoms, spoke. So he went.\n";
	static const char japanese[] = "\xe5\xb1\xb1\xe3\x80\x82\xe5\xb7\x9d\xef\xbc\x81";
	const size_t len = strlen(six);
	CLEANUP(buf_finish) struct buf text = {0};
	for (int i = 0; i < 20; i++)
		buf_adds(&text, six);
	int64_t all = tokens_estimate(buf_str(&text), text.len),
		short_all = tokens_estimate(six, len);
	CHECK_INT((int)answer_tokens("", 0, 1), 10);
	CHECK_INT((int)answer_tokens("* * *\n\n--\n", 10, 3), 10);
	CHECK_INT((int)answer_tokens(six, len, 0), 10);
	/* Five sentences and a half, and three who are seen, with one and a half each. */
	CHECK_INT((int)answer_tokens(buf_str(&text), text.len, 1),
		  (int)(10 + 100 + all * 11 / 240 + (60 + all * 3 / 240) * 3));
	CHECK_INT((int)(answer_tokens(buf_str(&text), text.len, 3) -
			answer_tokens(buf_str(&text), text.len, 1)),
		  (int)(2 * (100 + all * 11 / 240) + (60 + all * 3 / 240) * 3));
	/* In a few lines there is one, or two, whatever is asked for. */
	CHECK_INT((int)answer_tokens(six, len, 1),
		  (int)(10 + 100 + short_all * 11 / 12 + (60 + short_all * 3 / 12) * 3 / 2));
	CHECK_INT((int)(answer_tokens(six, len, 3) - answer_tokens(six, len, 1)),
		  (int)(2 * (100 + short_all * 11 / 12)));
	CHECK_INT((int)answer_tokens(japanese, strlen(japanese), 1), 10 + 100 + 4 + (60 + 3));
}

static void test_split(void)
{
	static const char text[] = "One two three. Four five.\n\nSix seven eight nine.\n\nTen.";
	const struct part whole = {.len = strlen(text), .scenes = 5};
	struct part *parts;
	size_t count = parts_split(&parts, text, &whole, 10);
	CHECK_INT((int)count, 2);
	CHECK_INT((int)parts[1].start, 27); /* behind the empty line */
	CHECK_INT(parts[0].scenes + parts[1].scenes, 5);
	free(parts);
	count = parts_split(&parts, text, &whole, 100);
	CHECK_INT((int)count, 1);
	CHECK_INT(parts[0].scenes, 5);
	free(parts);
}

static struct analysis *said_of(const char *text, const char *description, const char *name)
{
	CLEANUP(cleanup_free)
	char *json = xasprintf("{\"concepts\":[{\"quote\":\"%s\",\"description\":\"%s\"}],"
			       "\"elements\":[{\"type\":\"character\",\"name\":\"%s\","
			       "\"description\":\"%s\",\"quotes\":[{\"text\":\"%s\"}]}]}",
			       text, description, name, description, text);
	struct analysis *a = NULL;
	CHECK_INT(analysis_parse(&a, json, strlen(json), text, strlen(text), NULL), 0);
	a->tokens = 10;
	return a;
}

/* Places are the chapter's, one name is one element. */
static void test_merge(void)
{
	struct part parts[] = {
		{.start = 0,
		 .len = 10,
		 .done = said_of("Morrow ran away.", "an old man", "Morrow")},
		{.start = 100, .len = 9, .done = said_of("Morrow sat.", "in a red coat", "Morrow")},
		{.start = 200, .len = 9, .done = said_of("Ida came.", "a girl", "Ida")}};
	CLEANUP(analysis_free_cleanup) struct analysis *a = parts_merge(parts, 3);
	CHECK_INT((int)a->concept_count, 3);
	CHECK_INT((int)a->concepts[1].quote.offset, 100);
	CHECK_STR(a->concepts[2].description, "a girl");
	CHECK_INT((int)a->element_count, 2);
	CHECK_STR(a->elements[0].name, "Morrow");
	CHECK_STR(a->elements[0].description, "an old man. in a red coat");
	CHECK_INT((int)a->elements[0].quote_count, 2);
	CHECK_INT((int)a->elements[0].quotes[1].offset, 100);
	CHECK_INT((int)a->tokens, 30);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		analysis_free(parts[i].done);
}

/* An answer by events is the same as one in a piece. */
static void test_events(void)
{
	static const char text[] =
		"\xef\xbb\xbf: hello\r\ndata: one\r\ndata: two\r\n\r\nevent: x\n\n"
		"data:three\n\ndata: last";
	static const char *const expected[] = {"one\ntwo", "three", "last"};
	CLEANUP(buf_finish) struct buf data = {0};
	const char *at = text + 3;
	CHECK(events_are(text + 3));
	CHECK(!events_are(" {\"data\": 1}"));
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		CHECK(events_next(&data, &at));
		CHECK_STR(buf_str(&data), expected[i]);
	}
	CHECK(!events_next(&data, &at));
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(requests); i++)
		test_request(&requests[i]);
	test_reminder();
	for (size_t i = 0; i < ARRAY_LEN(lessons); i++)
		test_lesson(&lessons[i]);
	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		test_answer(&answers[i]);
	test_cut_prompt();
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
		test_refusal(&refusals[i]);
	test_lessons_add();
	test_tags();
	for (size_t i = 0; i < ARRAY_LEN(wrongs); i++)
		test_wrong(&wrongs[i]);
	test_options();
	test_presets();
	test_tokens();
	test_tokens_of_others();
	test_answer_tokens();
	test_split();
	test_merge();
	test_events();
	return check_result();
}
