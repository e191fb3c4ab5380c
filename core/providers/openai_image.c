/* SPDX-License-Identifier: MIT */
#include "openai.h"
#include "picture.h"

#include <stdio.h>
#include <string.h>

/*
 * A scene by way of images/generations. The picture comes within the answer, or as an address to
 * fetch it from; its bytes say what it is, whatever was asked for.
 */

enum { PICTURE_BYTES_MAX = 24 << 20, ANSWER_BYTES_MAX = 40 << 20 };

/* How long a prompt may be, in bytes, which is never more than the characters allowed. */
static size_t prompt_most(const char *model)
{
	if (!strcmp(model, "dall-e-2"))
		return 1000;
	return !strcmp(model, "dall-e-3") ? 4000 : 32000;
}

static char *cut_prompt(const struct openai_exchange *x)
{
	size_t len = strlen(x->prompt), most = prompt_most(x->model);
	if (len > most)
		for (len = most; len && ((unsigned char)x->prompt[len] & 0xc0) == 0x80;)
			len--;
	return xstrndup(x->prompt, len);
}

static int request(struct buf *body, const struct openai_exchange *x)
{
	CLEANUP(openai_json_free) cJSON *root = cJSON_CreateObject();
	CLEANUP(cleanup_free) char *prompt = cut_prompt(x);
	char size[32];
	if (*x->model)
		cJSON_AddStringToObject(root, "model", x->model);
	cJSON_AddStringToObject(root, "prompt", prompt);
	snprintf(size, sizeof(size), "%dx%d", x->width_px, x->height_px);
	if (!(x->quirks & QUIRK_NO_SIZE))
		cJSON_AddStringToObject(root, "size", size);
	/* The older models answer with an address unless told otherwise, the newer refuse to be
	 * told. */
	if (!strncmp(x->model, "dall-e", 6) && !(x->quirks & QUIRK_NO_PICTURE_FORMAT))
		cJSON_AddStringToObject(root, "response_format", "b64_json");
	return openai_json_print(body, root);
}

static bool learn_form(struct openai_exchange *x, const struct openai_error *e)
{
	static const char *const format[] = {"response_format"}, *const size[] = {"size"};
	if (e->status != 400 && e->status != 422)
		return false;
	if (openai_error_names(e, format, 1))
		return openai_learn(x, QUIRK_NO_PICTURE_FORMAT);
	return openai_error_names(e, size, 1) && openai_learn(x, QUIRK_NO_SIZE);
}

/* A picture that is none may be one the next time. */
static void take(struct openai_exchange *x)
{
	struct err err = {0};
	if (picture_check(&x->ext, buf_str(&x->picture), x->picture.len, &err) < 0)
		openai_fail(x, -EIO, 0, "%s", err.msg);
	else
		x->verdict = VERDICT_GOOD;
}

static void decode(struct openai_exchange *x, const char *base64)
{
	struct err err = {0};
	x->picture.max_bytes = PICTURE_BYTES_MAX;
	if (picture_base64(&x->picture, base64, &err) < 0)
		openai_fail(x, -EIO, 0, "%s", err.msg);
	else
		take(x);
}

/* An address is a stranger's: https, or the server that was asked for the picture. */
static void follow(struct openai_exchange *x, const char *url)
{
	char theirs[HTTP_ORIGIN_BYTES], ours[HTTP_ORIGIN_BYTES];
	if (!strncmp(url, "data:", 5)) {
		decode(x, url);
		return;
	}
	if (http_origin(theirs, url) < 0 || http_origin(ours, x->base_url) < 0 ||
	    (strncmp(theirs, "https:", 6) && strcmp(theirs, ours))) {
		openai_fail(x, -EIO, -1,
			    "the picture's address is neither https nor the server's own");
		return;
	}
	x->url = xstrdup(url);
	x->fetching = true;
	x->verdict = VERDICT_FETCH;
}

static void judge_fetched(struct openai_exchange *x)
{
	struct http_answer *a = &x->answer;
	if (a->code < 0) {
		openai_fail(x, a->code == -EFBIG ? -EIO : a->code, a->hopeless ? -1 : 0,
			    "the picture cannot be fetched: %s", a->err.msg);
		return;
	}
	if (a->status != 200) {
		openai_fail(x, -EIO, 0, "the picture cannot be fetched: its server says %d",
			    a->status);
		return;
	}
	x->picture = a->body;
	a->body = (struct buf){0};
	take(x);
}

static void judge(struct openai_exchange *x)
{
	CLEANUP(openai_json_free) cJSON *root = NULL;
	struct openai_error e;
	if (x->fetching) {
		judge_fetched(x);
		return;
	}
	if (openai_judge_answer(&root, &e, x) < 0) {
		learn_form(x, &e);
		return;
	}
	const cJSON *data = cJSON_GetObjectItemCaseSensitive(root, "data");
	const cJSON *first = cJSON_IsArray(data) ? data->child : NULL;
	const char *base64 = openai_json_string(first, "b64_json");
	const char *url = openai_json_string(first, "url");
	if (base64 && *base64)
		decode(x, base64);
	else if (url && *url)
		follow(x, url);
	else
		openai_fail(x, -EIO, 0, "the server's answer holds no picture");
}

const struct openai_kind openai_image = {
	.path = "/images/generations",
	.max_bytes = ANSWER_BYTES_MAX,
	.request = request,
	.judge = judge,
};
