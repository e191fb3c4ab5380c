/* SPDX-License-Identifier: MIT */
#include "http.h"

#include <string.h>

/*
 * A body whose pictures stay where they are: they may be megabytes, of which a request would hold
 * two or three copies by its end. It is a row of stretches, of its text and of what is inserted;
 * base64 is made on the way out, in whole groups of four letters, of which the caller's room may
 * cut the last: so each read finds its place anew.
 */

struct stretch {
	size_t start, end; /* in the body */
	const unsigned char *data;
	size_t len;
	bool base64;
};

struct http_upload {
	char *text;
	struct stretch *stretches;
	size_t count, now, at;
};

static size_t base64_len(size_t len)
{
	return (len + 2) / 3 * 4;
}

static void add_stretch(struct http_upload *u, const void *data, size_t len, bool base64)
{
	size_t start = u->count ? u->stretches[u->count - 1].end : 0;
	if (len)
		u->stretches[u->count++] = (struct stretch){
			start, start + (base64 ? base64_len(len) : len), data, len, base64};
}

struct http_upload *http_upload_new(const struct http_request *r)
{
	struct http_upload *u = xcalloc(1, sizeof(*u));
	size_t from = 0;
	u->text = xstrndup(r->body, r->body_len);
	u->stretches = xcalloc(2 * r->insert_count + 1, sizeof(*u->stretches));
	for (size_t i = 0; i < r->insert_count; i++) {
		const struct http_insert *in = &r->inserts[i];
		add_stretch(u, u->text + from, in->at - from, false);
		add_stretch(u, in->data, in->len, in->base64);
		from = in->at;
	}
	add_stretch(u, u->text + from, r->body_len - from, false);
	return u;
}

struct http_upload *http_upload_free(struct http_upload *u)
{
	if (!u)
		return NULL;
	free(u->text);
	free(u->stretches);
	free(u);
	return NULL;
}

size_t http_upload_len(const struct http_upload *u)
{
	return u->count ? u->stretches[u->count - 1].end : 0;
}

/* The group of three bytes, or what is left of them. */
static void encode(char out[4], const unsigned char *p, size_t len)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned n = (unsigned)p[0] << 16 | (len > 1 ? (unsigned)p[1] << 8 : 0) |
		     (len > 2 ? (unsigned)p[2] : 0);
	out[0] = letters[n >> 18];
	out[1] = letters[n >> 12 & 63];
	out[2] = len > 1 ? letters[n >> 6 & 63] : '=';
	out[3] = len > 2 ? letters[n & 63] : '=';
}

static size_t read_base64(char *out, size_t room, const struct stretch *s, size_t from)
{
	size_t done = 0, whole = s->end - s->start;
	while (done < room && from < whole) {
		char group[4];
		size_t first = from / 4 * 3, skip = from % 4;
		size_t n = room - done < 4 - skip ? room - done : 4 - skip;
		encode(group, s->data + first, s->len - first);
		memcpy(out + done, group + skip, n);
		done += n;
		from += n;
	}
	return done;
}

static size_t read_bytes(char *out, size_t room, const struct stretch *s, size_t from)
{
	size_t n = s->len - from < room ? s->len - from : room;
	memcpy(out, s->data + from, n);
	return n;
}

size_t http_upload_read(struct http_upload *u, char *out, size_t room)
{
	size_t done = 0;
	while (done < room && u->now < u->count) {
		const struct stretch *s = &u->stretches[u->now];
		size_t from = u->at - s->start;
		size_t n = s->base64 ? read_base64(out + done, room - done, s, from)
				     : read_bytes(out + done, room - done, s, from);
		done += n;
		u->at += n;
		u->now += u->at == s->end;
	}
	return done;
}

void http_upload_seek(struct http_upload *u, size_t at)
{
	u->at = at;
	for (u->now = 0; u->now < u->count && at >= u->stretches[u->now].end;)
		u->now++;
}
