/* SPDX-License-Identifier: MIT */
#include "exchange.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/*
 * Reference pictures in a request: as files of a form, or as data: urls in its JSON. The bodies are
 * written with a word in each picture's place, which nobody can know, so that no text of a book can
 * hold it; then the words are taken out, and what goes there is told to the HTTP engine, which
 * sends the pictures from where they are.
 */

void references_take(struct exchange *x, const struct paint_reference *references, size_t count)
{
	const struct paint_limits *l = &x->service->paint_limits;
	CLEANUP(cleanup_free) bool *taken = xcalloc(count + 1, sizeof(*taken));
	unsigned char chance[16];
	size_t number = paint_references_taken(taken, l, references, count);
	if (!number)
		return;
	x->references = xcalloc(number, sizeof(*x->references));
	for (size_t i = 0; i < count; i++)
		if (taken[i])
			x->references[x->reference_count++] = references[i];
	if (getrandom(chance, sizeof(chance), 0) != sizeof(chance))
		abort(); /* not so few bytes, not on Linux */
	size_t len = (size_t)snprintf(x->mark, sizeof(x->mark), "bookfs-");
	for (size_t i = 0; i < sizeof(chance); i++)
		len += (size_t)snprintf(x->mark + len, sizeof(x->mark) - len, "%02x", chance[i]);
}

bool references_go(const struct exchange *x)
{
	return exchange_options(x) & OPTION_REFERENCES;
}

static const char *type_of(const struct paint_reference *r)
{
	return !strcmp(r->ext, "jpg")	 ? "image/jpeg"
	       : !strcmp(r->ext, "webp") ? "image/webp"
					 : "image/png";
}

/* ---- in JSON */

/* The word in its place; nothing else begins with the mark and a colon. */
static char *place_of(const struct exchange *x)
{
	return xasprintf("%s:", x->mark);
}

static char *url_of(const struct exchange *x, size_t k)
{
	return xasprintf("data:%s;base64,%s:", type_of(&x->references[k]), x->mark);
}

void references_add_urls(cJSON *list, const struct exchange *x)
{
	for (size_t k = 0; references_go(x) && k < x->reference_count; k++) {
		CLEANUP(cleanup_free) char *url = url_of(x, k);
		cJSON *item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "type", "image_url");
		cJSON_AddStringToObject(cJSON_AddObjectToObject(item, "image_url"), "url", url);
		cJSON_AddItemToArray(list, item);
	}
}

void references_add_inline(cJSON *parts, const struct exchange *x)
{
	for (size_t k = 0; references_go(x) && k < x->reference_count; k++) {
		CLEANUP(cleanup_free) char *place = place_of(x);
		cJSON *part = cJSON_CreateObject();
		cJSON *data = cJSON_AddObjectToObject(part, "inlineData");
		cJSON_AddStringToObject(data, "mimeType", type_of(&x->references[k]));
		cJSON_AddStringToObject(data, "data", place);
		cJSON_AddItemToArray(parts, part);
	}
}

/* ---- in a form (RFC 7578) */

/* As browsers write it (WHATWG HTML, multipart/form-data): what could end it is gone. */
static void add_file_name(struct buf *out, const struct paint_reference *r)
{
	enum { MOST = 100 };
	size_t len = strnlen(r->name, MOST);
	while (len && ((unsigned char)r->name[len] & 0xc0) == 0x80)
		len--;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)r->name[i];
		buf_addc(out, c < ' ' || c == 0x7f || strchr("\"\\/", c) ? '_' : (char)c);
	}
	buf_addf(out, ".%s", r->ext);
}

static void add_field(struct buf *out, const struct exchange *x, const cJSON *field)
{
	const char *text = cJSON_GetStringValue(field);
	buf_addf(out, "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n", x->mark,
		 field->string);
	if (text)
		buf_adds(out, text);
	else
		buf_addf(out, "%.0f", field->valuedouble);
	buf_adds(out, "\r\n");
}

int references_form(struct buf *out, const cJSON *root, const struct exchange *x)
{
	const cJSON *field;
	cJSON_ArrayForEach(field, root)
	{
		add_field(out, x, field);
	}
	for (size_t k = 0; k < x->reference_count; k++) {
		const struct paint_reference *r = &x->references[k];
		buf_addf(out,
			 "--%s\r\nContent-Disposition: form-data; name=\"image[]\"; filename=\"",
			 x->mark);
		add_file_name(out, r);
		buf_addf(out, "\"\r\nContent-Type: %s\r\n\r\n%s:\r\n", type_of(r), x->mark);
	}
	buf_addf(out, "--%s--\r\n", x->mark);
	return buf_error(out);
}

/* ---- the pictures for the words */

size_t references_insert(struct http_insert *out, struct buf *body, const struct exchange *x)
{
	CLEANUP(cleanup_free) char *place = place_of(x);
	const size_t len = strlen(place);
	const bool base64 = !references_form_path(x);
	size_t count = 0, from = 0;
	if (!references_go(x))
		return 0;
	for (char *at; count < x->reference_count &&
		       (at = memmem(body->data + from, body->len - from, place, len));
	     count++) {
		from = (size_t)(at - body->data);
		memmove(at, at + len, body->len - from - len + 1);
		body->len -= len;
		out[count] = (struct http_insert){from, x->references[count].data,
						  x->references[count].len, base64};
	}
	return count;
}

const char *references_form_path(const struct exchange *x)
{
	return references_go(x) ? exchange_wire(x)->form_path : NULL;
}
