/* SPDX-License-Identifier: MIT */
#include "painter_wire.h"

#include <string.h>

static void put_number(struct buf *out, uint32_t n)
{
	buf_add(out, &n, sizeof(n));
}

/* A string past the cap is cut at a character: a card shows its beginning. */
static void put_string(struct buf *out, const char *s)
{
	s = s ? s : "";
	size_t len = strlen(s);
	if (len > WIRE_STRING_MAX) {
		for (len = WIRE_STRING_MAX; len && ((unsigned char)s[len] & 0xc0) == 0x80;)
			len--;
	}
	put_number(out, (uint32_t)len);
	buf_add(out, s, len);
}

static void put_strings(struct buf *out, const struct strv *v, size_t most)
{
	size_t count = v->len < most ? v->len : most;

	put_number(out, (uint32_t)count);
	for (size_t i = 0; i < count; i++)
		put_string(out, v->items[i]);
}

static void begin(struct buf *out)
{
	const struct wire_head head = {.mark = WIRE_MARK};

	buf_add(out, &head, sizeof(head));
}

static int end(struct buf *out)
{
	struct wire_head head = {.mark = WIRE_MARK};

	if (buf_error(out) < 0)
		return buf_error(out);
	head.len = (uint32_t)(out->len - sizeof(head));
	memcpy(out->data, &head, sizeof(head));
	return 0;
}

int wire_put_card(struct buf *out, const struct card *c)
{
	begin(out);
	put_number(out, (uint32_t)c->chapter);
	put_number(out, (uint32_t)c->scene);
	put_number(out, (uint32_t)c->width_px);
	put_number(out, (uint32_t)c->height_px);
	put_string(out, c->book_title);
	put_string(out, c->chapter_title);
	put_string(out, c->quote);
	put_string(out, c->description);
	put_string(out, c->mood);
	put_string(out, c->lighting);
	put_strings(out, &c->names, WIRE_NAMES_MAX);
	return end(out);
}

int wire_put_sheet(struct buf *out, const struct sheet *s)
{
	begin(out);
	put_number(out, (uint32_t)s->kind);
	put_string(out, s->title);
	put_string(out, s->text);
	put_string(out, s->foot);
	put_strings(out, &s->lines, WIRE_LINES_MAX);
	put_number(out, (uint32_t)s->picture.len);
	buf_add(out, buf_str(&s->picture), s->picture.len);
	return end(out);
}

struct reader {
	const char *at, *end;
	bool failed;
};

static uint32_t get_number(struct reader *r)
{
	uint32_t n = 0;
	if ((size_t)(r->end - r->at) < sizeof(n)) {
		r->failed = true;
		return 0;
	}
	memcpy(&n, r->at, sizeof(n));
	r->at += sizeof(n);
	return n;
}

static char *get_string(struct reader *r)
{
	uint32_t len = get_number(r);
	if (r->failed || len > WIRE_STRING_MAX || len > (size_t)(r->end - r->at)) {
		r->failed = true;
		return xstrdup("");
	}
	r->at += len;
	return xstrndup(r->at - len, len);
}

static void get_strings(struct strv *out, struct reader *r, uint32_t most)
{
	uint32_t count = get_number(r);

	for (uint32_t i = 0; !r->failed && i < count && i < most; i++) {
		CLEANUP(cleanup_free) char *s = get_string(r);
		strv_add(out, s);
	}
}

int wire_get_card(struct card *out, const char *body, size_t len)
{
	struct reader r = {.at = body, .end = body + len};
	struct card c = {0};
	c.chapter = (int32_t)get_number(&r);
	c.scene = (int32_t)get_number(&r);
	c.width_px = (int32_t)get_number(&r);
	c.height_px = (int32_t)get_number(&r);
	c.book_title = get_string(&r);
	c.chapter_title = get_string(&r);
	c.quote = get_string(&r);
	c.description = get_string(&r);
	c.mood = get_string(&r);
	c.lighting = get_string(&r);
	get_strings(&c.names, &r, WIRE_NAMES_MAX);
	if (r.failed || r.at != r.end) {
		card_finish(&c);
		return -EBADMSG;
	}
	*out = c;
	return 0;
}

void card_finish(struct card *c)
{
	free(c->book_title);
	free(c->chapter_title);
	free(c->quote);
	free(c->description);
	free(c->mood);
	free(c->lighting);
	strv_finish(&c->names);
}

int wire_get_sheet(struct sheet *out, const char *body, size_t len)
{
	struct reader r = {.at = body, .end = body + len};
	struct sheet s = {.kind = (int32_t)get_number(&r)};
	uint32_t bytes;

	s.title = get_string(&r);
	s.text = get_string(&r);
	s.foot = get_string(&r);
	get_strings(&s.lines, &r, WIRE_LINES_MAX);
	bytes = get_number(&r);
	if (r.failed || bytes != (size_t)(r.end - r.at)) {
		sheet_finish(&s);
		return -EBADMSG;
	}
	buf_add(&s.picture, r.at, bytes);
	*out = s;
	return 0;
}

void sheet_finish(struct sheet *s)
{
	free(s->title);
	free(s->text);
	free(s->foot);
	strv_finish(&s->lines);
	buf_finish(&s->picture);
}
