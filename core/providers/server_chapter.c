/* SPDX-License-Identifier: MIT */
#include "ticket.h"

#include <string.h>

/*
 * A chapter, in as many parts as the model's context makes of it: mostly one. They are asked for
 * one after another, so that a chapter takes one of the server's slots. If one fails, the chapter
 * fails, and those that were paid for are kept for the next attempt. A server may say by itself
 * that a part is too long; then it is cut again, and so are those that come.
 */

enum {
	ROOM_TOKENS = 8192, /* of a context, for the answer; a quarter at most */
	PART_LEAST_TOKENS = 200,
};

/* ---- parts that were paid for */

static void prompt_hash(char out[HASH_HEX], const char *prompt)
{
	CLEANUP(hash_free_cleanup) struct hash *h = hash_new();
	hash_adds(h, prompt);
	hash_hex(out, h);
}

static struct analysis *kept_take(struct server *s, const char hash[HASH_HEX])
{
	for (size_t i = 0; i < SERVER_KEPT; i++)
		if (s->kept[i].done && !strcmp(s->kept[i].prompt, hash)) {
			struct analysis *a = s->kept[i].done;
			s->kept[i].done = NULL;
			return a;
		}
	return NULL;
}

void chapter_keep_parts(struct provider_ticket *t)
{
	struct server *s = t->owner;
	for (size_t i = 0; i < t->part_at; i++) {
		struct kept *k = &s->kept[s->kept_next++ % SERVER_KEPT];
		analysis_free(k->done);
		k->done = t->parts[i].done;
		memcpy(k->prompt, t->parts[i].prompt, HASH_HEX);
		t->parts[i].done = NULL;
	}
}

void chapter_forget(struct server *s)
{
	for (size_t i = 0; i < SERVER_KEPT; i++)
		analysis_free(s->kept[i].done);
}

/* ---- prompts */

static int make_prompt(char **out, const struct chapter_prompt *c, const struct part *p)
{
	struct chapter_prompt of_part = *c;
	struct buf words = {0};
	of_part.text = c->text + p->start;
	of_part.text_len = p->len;
	of_part.scenes = p->scenes;
	int r = prompt_chapter(&words, &of_part);
	if (r == 0)
		*out = buf_steal(&words, NULL);
	buf_finish(&words);
	return r;
}

/* Tokens of a prompt besides the text. */
static int64_t frame_tokens(const struct chapter_prompt *c)
{
	const struct part none = {.scenes = c->scenes};
	CLEANUP(cleanup_free) char *prompt = NULL;
	make_prompt(&prompt, c, &none);
	return prompt ? tokens_estimate(prompt, strlen(prompt)) : 0;
}

/* Tokens of text that a part may have, two thirds of what there is room for: a server counts in
 * its own way. */
static int64_t part_tokens(const struct server *s, int64_t frame)
{
	int64_t context = s->service->context_tokens, learnt = s->lessons.context_tokens;
	if (learnt && learnt < context)
		context = learnt;
	int64_t room = context / 4 < ROOM_TOKENS ? context / 4 : ROOM_TOKENS;
	int64_t tokens = (context - room - frame) * 2 / 3;
	return tokens > PART_LEAST_TOKENS ? tokens : PART_LEAST_TOKENS;
}

static void fill_prompt(struct chapter_prompt *c, const struct server *s,
			const struct analyze_request *r)
{
	*c = (struct chapter_prompt){
		.book_title = r->book_title,
		.language = r->language,
		.chapter_title = r->chapter_title,
		.chapter = r->chapter,
		.scenes = r->scenes,
		.text = r->text,
		.text_len = r->text_len,
		.instructions = s->service->instructions,
	};
}

/* ---- part by part */

/* What the parts say as one. */
static void conclude(struct provider_ticket *t)
{
	struct exchange *x = &t->exchange;
	x->outcome = (struct provider_outcome){0};
	if (t->part_count > 1) {
		x->analysis = parts_merge(t->parts, t->part_count);
	} else {
		x->analysis = t->parts[0].done;
		t->parts[0].done = NULL;
	}
	ticket_finish(t);
}

static void set_exchange(struct provider_ticket *t, char *prompt)
{
	struct exchange *x = &t->exchange;
	const struct part *p = &t->parts[t->part_at];
	exchange_finish(x);
	*x = (struct exchange){.service = t->service, .aim = AIM_CHAPTER, .prompt = prompt};
	buf_add(&x->text, t->chapter.text + p->start, p->len);
	t->tries = 0;
	t->spent = (struct usage){0};
}

/* The next part that is not there yet; behind the last, the end. */
static void go_on(struct provider_ticket *t)
{
	for (; t->part_at < t->part_count; t->part_at++) {
		struct part *p = &t->parts[t->part_at];
		char *prompt = NULL;
		if (make_prompt(&prompt, &t->chapter, p) < 0) {
			ticket_fail(t, -EFBIG, "the chapter is too large to be sent");
			return;
		}
		if (t->part_count > 1) {
			prompt_hash(p->prompt, prompt);
			p->done = kept_take(t->owner, p->prompt);
		}
		if (!p->done) {
			set_exchange(t, prompt);
			ticket_ask(t);
			return;
		}
		free(prompt);
	}
	conclude(t);
}

void chapter_part_done(struct provider_ticket *t)
{
	struct exchange *x = &t->exchange;
	x->analysis->tokens = t->spent.tokens_in + t->spent.tokens_out;
	t->parts[t->part_at++].done = x->analysis;
	x->analysis = NULL;
	go_on(t);
}

/* What is left of the chapter is cut anew, smaller than the part was in any case. */
void chapter_too_long(struct provider_ticket *t)
{
	const struct part *p = &t->parts[t->part_at];
	const char *text = t->chapter.text;
	struct part rest = {.start = p->start, .len = t->chapter.text_len - p->start}, *pieces;
	int64_t had = tokens_estimate(text + p->start, p->len);
	int64_t most = part_tokens(t->owner, frame_tokens(&t->chapter));
	if (had <= PART_LEAST_TOKENS) {
		ticket_finish(t); /* it has failed with the server's own words */
		return;
	}
	for (size_t i = t->part_at; i < t->part_count; i++)
		rest.scenes += t->parts[i].scenes;
	size_t count = parts_split(&pieces, text, &rest, most < had * 2 / 3 ? most : had * 2 / 3);
	struct part *all = xcalloc(t->part_at + count, sizeof(*all));
	memcpy(all, t->parts, t->part_at * sizeof(*all));
	memcpy(all + t->part_at, pieces, count * sizeof(*all));
	free(pieces);
	free(t->parts);
	t->parts = all;
	t->part_count = t->part_at + count;
	go_on(t);
}

struct provider_ticket *chapter_ask(struct provider *p, const struct analyze_request *r,
				    analyze_done_fn done, void *arg)
{
	struct server *s = (struct server *)p;
	struct provider_ticket *t = ticket_new(s, AIM_CHAPTER, arg);
	const struct part whole = {.len = r->text_len, .scenes = r->scenes};
	t->analyzed = done;
	fill_prompt(&t->chapter, s, r);
	t->chapter.book_title = xstrdup(r->book_title);
	t->chapter.language = xstrdup(r->language);
	t->chapter.chapter_title = xstrdup(r->chapter_title);
	t->part_count =
		parts_split(&t->parts, r->text, &whole, part_tokens(s, frame_tokens(&t->chapter)));
	go_on(t);
	return t;
}

void chapter_finish(struct provider_ticket *t)
{
	for (size_t i = 0; i < t->part_count; i++)
		analysis_free(t->parts[i].done);
	free(t->parts);
	free((char *)t->chapter.book_title);
	free((char *)t->chapter.language);
	free((char *)t->chapter.chapter_title);
}

void chapter_estimate(struct usage *out, struct provider *p, const struct analyze_request *r)
{
	struct server *s = (struct server *)p;
	const struct part whole = {.len = r->text_len, .scenes = r->scenes};
	struct chapter_prompt c;
	struct part *parts;
	fill_prompt(&c, s, r);
	int64_t frame = frame_tokens(&c);
	size_t count = parts_split(&parts, r->text, &whole, part_tokens(s, frame));
	*out = (struct usage){.requests = (int)count, .tokens_in = frame * (int64_t)count};
	for (size_t i = 0; i < count; i++) {
		const char *text = r->text + parts[i].start;
		out->tokens_in += tokens_estimate(text, parts[i].len);
		out->tokens_out += answer_tokens(text, parts[i].len, parts[i].scenes);
	}
	free(parts);
}
