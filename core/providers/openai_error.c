/* SPDX-License-Identifier: MIT */
#include "openai.h"

#include <stdio.h>
#include <string.h>

/*
 * Six shapes of JSON, HTML, and nothing at all: each gives a line a person can read, and a verdict:
 * come again, or never with this.
 */

static void copy(char *out, size_t size, const char *s)
{
	snprintf(out, size, "%s", s ? s : "");
}

/* A string, or a number written as one. */
static void copy_value(char *out, size_t size, const cJSON *v)
{
	if (cJSON_IsNumber(v))
		snprintf(out, size, "%d", v->valueint);
	else
		copy(out, size, cJSON_GetStringValue(v));
}

static const cJSON *member(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static const cJSON *error_of(const cJSON *root)
{
	if (cJSON_IsArray(root))
		root = root->child;
	const cJSON *e = member(root, "error");
	if (e && !cJSON_IsNull(e) && !cJSON_IsFalse(e))
		return e;
	const char *object = openai_json_string(root, "object");
	return object && !strcmp(object, "error") ? root : member(root, "detail");
}

bool openai_error_in(const cJSON *root)
{
	const cJSON *e = error_of(root);
	return e && !member(cJSON_IsArray(root) ? root->child : root, "choices");
}

static void read_json(struct openai_error *e, const cJSON *root)
{
	const cJSON *error = error_of(root);
	if (cJSON_IsArray(error)) /* FastAPI: {"detail": [{"msg": ...}]} */
		error = error->child;
	if (cJSON_IsString(error))
		copy(e->message, sizeof(e->message), error->valuestring);
	const char *said = openai_json_string(error, "message");
	copy(e->message + strlen(e->message), sizeof(e->message) - strlen(e->message),
	     said ? said : openai_json_string(error, "msg"));
	copy_value(e->code, sizeof(e->code), member(error, "code"));
	if (!e->code[0])
		copy_value(e->code, sizeof(e->code), member(error, "type"));
	copy_value(e->param, sizeof(e->param), member(error, "param"));
	/* An error within a 200, or one of a server behind the server. */
	const cJSON *code = member(error, "code");
	if (e->status < 400 && cJSON_IsNumber(code) && code->valueint >= 400 &&
	    code->valueint < 600)
		e->status = code->valueint;
}

/* Of a page its title; else of any text its start. */
static void read_text(struct openai_error *e, const char *body, size_t len)
{
	CLEANUP(cleanup_free) char *text = xstrndup(body, len < 4096 ? len : 4096);
	const char *title = strcasestr(text, "<title>");
	if (title) {
		title += 7;
		snprintf(e->message, sizeof(e->message), "a page \"%.*s\"",
			 (int)strcspn(title, "<\r\n"), title);
	} else if (text[0] && text[0] != '<') {
		snprintf(e->message, sizeof(e->message), "\"%.200s\"", text);
	} else {
		copy(e->message, sizeof(e->message),
		     len ? "a page without a title" : "an empty answer");
	}
}

void openai_error_read(struct openai_error *e, int status, const char *body, size_t len)
{
	CLEANUP(openai_json_free) cJSON *root = openai_json(body, len);
	*e = (struct openai_error){.status = status};
	if (root)
		read_json(e, root);
	if (!e->message[0])
		read_text(e, body ? body : "", len);
}

bool openai_error_names(const struct openai_error *e, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcasestr(e->message, words[i]) || strcasestr(e->param, words[i]))
			return true;
	return false;
}

static bool is_one_of(const char *code, const char *const *codes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(code, codes[i]))
			return true;
	return false;
}

static const char *const spent[] = {"insufficient_quota", "billing_hard_limit_reached",
				    "insufficient_credits"};
static const char *const moderated[] = {"content_policy_violation", "moderation_blocked",
					"content_filter", "ResponsibleAIPolicyViolation"};

static bool is_passing(int status)
{
	return status == 408 || status == 409 || status == 429 || status >= 500;
}

/* "the server refused it (400 invalid_model): MESSAGE" */
static int say(struct err *err, int code, const char *what, const struct openai_error *e)
{
	return err_set(err, code, "%s (%d%s%s): %s", what, e->status, e->code[0] ? " " : "",
		       e->code, e->message);
}

void openai_error_outcome(struct provider_outcome *o, const struct openai_error *e,
			  const struct http_answer *a)
{
	int status = e->status;
	*o = (struct provider_outcome){.retry_after_ms = -1};
	if (status == 402 || is_one_of(e->code, spent, ARRAY_LEN(spent))) {
		o->code = say(&o->err, -EDQUOT, "the server's account is spent", e);
		return;
	}
	if (is_one_of(e->code, moderated, ARRAY_LEN(moderated))) {
		o->refused = true;
		o->code = say(&o->err, -EIO, "the server will not do this one", e);
		return;
	}
	if (status == 401 || status == 403) {
		o->code = say(&o->err, -EACCES, "the server refused the key", e);
		return;
	}
	if (status >= 300 && status < 400) {
		o->code = err_set(&o->err, -EIO,
				  "the server sends us elsewhere (%d), which is not followed: %s",
				  status, a->location);
		return;
	}
	bool again = a->should_retry < 0 ? status < 400 || is_passing(status) : a->should_retry;
	if (again)
		o->retry_after_ms = a->retry_after_ms > 0 ? a->retry_after_ms : 0;
	o->code = say(&o->err, -EIO,
		      again ? "the server cannot do it now" : "the server refused it", e);
}

/* ---- what every judgement begins with */

void openai_fail(struct openai_exchange *x, int code, int64_t retry_after_ms, const char *fmt, ...)
{
	char reason[480];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	x->verdict = VERDICT_FAILED;
	x->outcome = (struct provider_outcome){.retry_after_ms = retry_after_ms};
	x->outcome.code = err_set(&x->outcome.err, code, "%s", reason);
}

bool openai_learn(struct openai_exchange *x, unsigned quirk)
{
	if (x->quirks & quirk)
		return false;
	x->quirks |= quirk;
	x->verdict = VERDICT_AGAIN;
	return true;
}

static int refused(struct openai_error *e, struct openai_exchange *x)
{
	const struct http_answer *a = &x->answer;
	openai_error_read(e, a->status, buf_str(&a->body), a->body.len);
	openai_error_outcome(&x->outcome, e, a);
	x->verdict = VERDICT_FAILED;
	return x->outcome.code;
}

int openai_judge_answer(cJSON **root, struct openai_error *e, struct openai_exchange *x)
{
	const struct http_answer *a = &x->answer;
	*e = (struct openai_error){0};
	if (a->code < 0) {
		openai_fail(x, a->code == -EFBIG ? -EIO : a->code, a->hopeless ? -1 : 0, "%s",
			    a->err.msg);
		return a->code;
	}
	if (a->status < 200 || a->status > 299)
		return refused(e, x);
	CLEANUP(openai_json_free) cJSON *json = openai_json(buf_str(&a->body), a->body.len);
	if (!json || openai_error_in(json))
		return refused(e, x);
	*root = json;
	json = NULL;
	return 0;
}

void openai_exchange_finish(struct openai_exchange *x)
{
	free(x->base_url);
	free(x->model);
	free(x->prompt);
	buf_finish(&x->text);
	free(x->bad);
	free(x->fault);
	free(x->url);
	analysis_free(x->analysis);
	buf_finish(&x->picture);
	buf_finish(&x->answer.body);
}
