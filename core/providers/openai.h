/* SPDX-License-Identifier: MIT */
#ifndef OPENAI_H
#define OPENAI_H

/*
 * Private to providers: the wire format that OpenAI began and most servers speak. An exchange is
 * one request's way: its body is made, sent, and what comes back is judged. Making and judging are
 * pure functions of the exchange, so that a thread of the pool does them, and a fuzzer.
 */

#include <cjson/cJSON.h>

#include "http.h"
#include "providers.h"

/* What a server has shown not to take. Learnt from its refusals and kept for as long as the
 * provider lives, so that it is asked in vain once and not with each chapter. */
enum openai_quirk {
	QUIRK_NO_SCHEMA = 1,	      /* response_format json_schema */
	QUIRK_NO_JSON = 2,	      /* response_format json_object */
	QUIRK_OTHER_TOKENS = 4,	      /* the other name of the limit of an answer's tokens */
	QUIRK_NO_SIZE = 8,	      /* a picture's size */
	QUIRK_NO_PICTURE_FORMAT = 16, /* a picture's response_format */
};

enum openai_verdict {
	VERDICT_GOOD,
	VERDICT_FAILED, /* outcome says how */
	VERDICT_AGAIN,	/* ask once more: what is to be changed stands in the exchange */
	VERDICT_FETCH,	/* the picture is to be had at `url` */
};

struct openai_exchange {
	/* What is asked; fixed but for the flags. */
	char *base_url, *model;
	char *prompt;
	struct buf text; /* chat: the chapter, where quotes are looked up */
	int width_px, height_px;
	unsigned quirks; /* with which it is asked, then with those that it has taught */
	bool roomy;	 /* the answer was cut: ask for room */
	bool reminded;	 /* the answer could not be used: show the fault */
	char *bad, *fault;
	bool fetching; /* the answer to be judged is the picture itself */

	struct http_answer answer;

	/* The judgement. */
	enum openai_verdict verdict;
	struct provider_outcome outcome;
	int64_t tokens; /* of all its requests */
	struct analysis *analysis;
	struct buf picture;
	const char *ext;
	char *url;
};
void openai_exchange_finish(struct openai_exchange *x);

struct openai_kind {
	const char *path; /* below the base address */
	size_t max_bytes; /* of an answer */
	int (*request)(struct buf *body, const struct openai_exchange *x);
	void (*judge)(struct openai_exchange *x); /* any thread */
};
extern const struct openai_kind openai_chat, openai_image;

/* openai_json.c: JSON of strangers. */

static inline void openai_json_free(cJSON **json)
{
	cJSON_Delete(*json);
}
/* NULL: not JSON, not UTF-8, or of too many values. Owned. */
cJSON *openai_json(const char *s, size_t len);
const char *openai_json_string(const cJSON *object, const char *key); /* NULL if it is none */
int openai_json_print(struct buf *out, const cJSON *json);
/* The JSON in a model's answer: behind <think>...</think>, within a fence or prose, trailing commas
 * taken away; nothing is invented. From *at on; moves *at behind it. false: no more. */
bool openai_json_find(struct buf *out, const char **at);

/* openai_error.c: what a server says when it refuses. */

struct openai_error {
	int status;
	char code[64], param[64];
	char message[320]; /* never empty */
};
/* Of an answer with an error's status, or of any that holds one (`root`, or NULL). */
void openai_error_read(struct openai_error *e, int status, const char *body, size_t len);
bool openai_error_in(const cJSON *root);
/* What becomes of the request. */
void openai_error_outcome(struct provider_outcome *o, const struct openai_error *e,
			  const struct http_answer *a);
/* Does it refuse something that names one of these words? */
bool openai_error_names(const struct openai_error *e, const char *const *words, size_t count);

/* The start of every judgement. 0: the answer is a good one of JSON, *root is owned; else the
 * verdict stands, and *e says why (status 0: nothing came). */
int openai_judge_answer(cJSON **root, struct openai_error *e, struct openai_exchange *x);
void openai_fail(struct openai_exchange *x, int code, int64_t retry_after_ms, const char *fmt, ...)
	PRINTF(4, 5);
/* Asks again with a quirk more, if that is one. */
bool openai_learn(struct openai_exchange *x, unsigned quirk);

#endif
