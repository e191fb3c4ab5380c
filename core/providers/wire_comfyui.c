/* SPDX-License-Identifier: MIT */
#include "exchange.h"

#include <stdio.h>
#include <string.h>

/*
 * ComfyUI runs a graph of nodes, its workflow, which is the person's own: exported for the API,
 * with {prompt}, {width}, {height} and {seed} written where they belong. It is queued; its history
 * says when it is done and which files came of it, and one of them is the picture.
 */

enum { DEPTH_MAX = 32 };

/* ---- asking */

/* What a place in the workflow stands for. */
struct places {
	const char *prompt;
	int64_t width, height, seed;
};

static const char *value_of(char number[24], const struct places *p, const char *name, size_t len)
{
	const struct {
		const char *name;
		int64_t value;
	} numbers[] = {{"{width}", p->width}, {"{height}", p->height}, {"{seed}", p->seed}};
	if (len == 8 && !strncmp(name, "{prompt}", len))
		return p->prompt;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (len == strlen(numbers[i].name) && !strncmp(name, numbers[i].name, len)) {
			snprintf(number, 24, "%lld", (long long)numbers[i].value);
			return number;
		}
	return NULL;
}

/* What is put in is not looked through again: a book may write of {seed} too. */
static char *fill(const char *s, const struct places *p)
{
	struct buf out = {0};
	char number[24];
	while (*s) {
		const char *end = *s == '{' ? strchr(s, '}') : NULL;
		const char *value = end ? value_of(number, p, s, (size_t)(end + 1 - s)) : NULL;
		if (value)
			buf_adds(&out, value);
		else
			buf_addc(&out, *s);
		s = value ? end + 1 : s + 1;
	}
	return buf_steal(&out, NULL);
}

/* A value that is nothing but the place of a number becomes a number. */
static cJSON *filled(const char *s, const struct places *p)
{
	char number[24];
	const char *value = value_of(number, p, s, strlen(s));
	CLEANUP(cleanup_free) char *text = NULL;
	if (value == number)
		return cJSON_CreateNumber(strtod(number, NULL));
	text = fill(s, p);
	return cJSON_CreateString(text ? text : "");
}

static void fill_all(cJSON *parent, const struct places *p, int depth)
{
	cJSON *next;
	for (cJSON *v = parent->child; v && depth < DEPTH_MAX; v = next) {
		next = v->next;
		if (!cJSON_IsString(v)) {
			fill_all(v, p, depth + 1);
			continue;
		}
		cJSON *with = filled(v->valuestring, p);
		if (v->string) { /* of an object: the new one takes over its name */
			with->string = v->string;
			v->string = NULL;
		}
		cJSON_ReplaceItemViaPointer(parent, v, with);
	}
}

/* The same scene with the same prompt gives the same picture; 32 bits, as all nodes take them. */
static int64_t seed_of(const struct exchange *x)
{
	uint32_t n = 2166136261u;
	if (x->service->seed >= 0)
		return x->service->seed;
	for (const unsigned char *s = (const unsigned char *)x->prompt; *s; s++)
		n = (n ^ *s) * 16777619u;
	return n;
}

static int make_body(cJSON *root, const struct exchange *x, struct err *err)
{
	const char *text = x->service->workflow;
	CLEANUP(cleanup_free) char *prompt = wire_prompt(x);
	cJSON *workflow = json_read(text, strlen(text));
	int sides[2];
	wire_sides(sides, x);
	const struct places places = {prompt, sides[0], sides[1], seed_of(x)};
	if (!workflow)
		return err_set(err, -EINVAL, "the workflow is no JSON");
	fill_all(workflow, &places, 0);
	cJSON_AddItemToObject(root, "prompt", workflow);
	cJSON_AddStringToObject(root, "client_id", "bookfs");
	return 0;
}

static int check(const struct service *s, struct err *err)
{
	if (!s->workflow)
		return err_set(err, -EINVAL,
			       "provider comfyui needs a workflow, exported for the API");
	CLEANUP(json_drop) cJSON *root = json_read(s->workflow, strlen(s->workflow));
	if (!cJSON_IsObject(root))
		return err_set(err, -EINVAL, "the workflow is no JSON");
	if (json_member(root, "nodes"))
		return err_set(err, -EINVAL,
			       "the workflow is of the editor's form: export it for the API");
	if (!strstr(s->workflow, "{prompt}"))
		return err_set(err, -EINVAL,
			       "the workflow has no {prompt}: write it where the words belong");
	return 0;
}

/* ---- reading */

static void read_queued(struct reply *r, const char *id)
{
	struct buf url = {0};
	buf_addf(&url, "%s/history/", r->exchange->service->base_url);
	wire_escape(&url, id);
	reply_set(&r->url, buf_str(&url));
	r->pending = true;
	buf_finish(&url);
}

static const cJSON *file_of(const cJSON *outputs)
{
	const cJSON *node, *file, *found = NULL;
	cJSON_ArrayForEach(node, outputs)
	{
		cJSON_ArrayForEach(file, json_member(node, "images"))
		{
			const char *type = json_text(file, "type");
			bool kept = type && !strcmp(type, "output");
			if (json_text(file, "filename") && (!found || kept))
				found = file;
			if (found && kept)
				return found;
		}
	}
	return found;
}

static void add_field(struct buf *url, const cJSON *file, const char *name, char before)
{
	const char *value = json_text(file, name);
	buf_addf(url, "%c%s=", before, name);
	wire_escape(url, value ? value : "");
}

/* Why a node failed stands in the last of the messages. */
static void read_failure(struct reply *r, const cJSON *status)
{
	const cJSON *message;
	r->end = REPLY_BROKEN;
	cJSON_ArrayForEach(message, json_member(status, "messages"))
	{
		reply_set(&r->refusal,
			  json_text(cJSON_GetArrayItem(message, 1), "exception_message"));
	}
}

static void read_history(struct reply *r, const cJSON *job)
{
	const cJSON *status = json_member(job, "status");
	const char *how = json_text(status, "status_str");
	const cJSON *file = file_of(json_member(job, "outputs"));
	if (how && !strcmp(how, "error")) {
		read_failure(r, status);
		return;
	}
	r->pending = !file && !cJSON_IsTrue(json_member(status, "completed"));
	if (r->pending)
		reply_set(&r->url, r->exchange->url);
	if (!file)
		return;
	struct buf url = {0};
	buf_addf(&url, "%s/view", r->exchange->service->base_url);
	add_field(&url, file, "filename", '?');
	add_field(&url, file, "subfolder", '&');
	add_field(&url, file, "type", '&');
	reply_set(&r->url, buf_str(&url));
	buf_finish(&url);
}

static void read_answer(struct reply *r, const cJSON *root)
{
	const char *id = json_text(root, "prompt_id");
	if (r->exchange->step == STEP_POLL)
		read_history(r, root->child);
	else if (id)
		read_queued(r, id);
}

const struct wire_format wire_comfyui = {
	.path = "/prompt",
	.models = "/models/checkpoints",
	.body = make_body,
	.read = read_answer,
	.check = check,
};
