/* SPDX-License-Identifier: MIT */
#include "json.h"
#include "story.h"

#include <string.h>

/*
 * The store's form of an analysis. Canonical: keys in one order, no white space, absent instead of
 * null, so that equal analyses are equal bytes:
 *
 *   {"concepts":[{"scene":0,"quote":Q,"description":"","mood":"","lighting":"","elements":[""]}],
 *    "elements":[{"type":"","name":"","description":"","aliases":[""],"quotes":[Q],"looks":[Q]}],
 *    "sightings":[{"name":"","bare":0,"noun":true,"other":"","n":[0]}],"note":"","tokens":0}
 *   Q: {"text":"","offset":0,"len":0,"page":""}; offset and len only where the quote was found
 *   scene: the concept's number; only where that is not its place, counted from 1
 *   n: the counts of enum sight, in its order, without the zeros at the end
 */

/* A double holds whole numbers up to here; no text is longer, no bill higher. */
#define NUMBER_MAX ((double)(1ll << 53))
/* Such that the sum over all chapters stays one. */
#define COUNT_MAX ((double)(1 << 20))

static void put_field(struct buf *out, const char *key, const char *value)
{
	buf_addf(out, "\"%s\":", key);
	json_string(out, value);
}

static void put_quote(struct buf *out, const struct quote *q)
{
	buf_addc(out, '{');
	put_field(out, "text", q->text);
	if (q->offset != QUOTE_NOT_FOUND)
		buf_addf(out, ",\"offset\":%zu,\"len\":%zu", q->offset, q->len);
	if (q->page) {
		buf_addc(out, ',');
		put_field(out, "page", q->page);
	}
	buf_addc(out, '}');
}

static void put_concept(struct buf *out, const struct concept *c, size_t place)
{
	buf_addc(out, '{');
	if (c->scene != (int)place)
		buf_addf(out, "\"scene\":%d,", c->scene);
	buf_adds(out, "\"quote\":");
	put_quote(out, &c->quote);
	buf_addc(out, ',');
	put_field(out, "description", c->description);
	buf_addc(out, ',');
	put_field(out, "mood", c->mood);
	buf_addc(out, ',');
	put_field(out, "lighting", c->lighting);
	buf_adds(out, ",\"elements\":");
	json_strings(out, &c->elements);
	buf_addc(out, '}');
}

static void put_quotes(struct buf *out, const char *key, const struct quote *quotes, size_t count)
{
	buf_addf(out, ",\"%s\":[", key);
	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_addc(out, ',');
		put_quote(out, &quotes[i]);
	}
	buf_addc(out, ']');
}

static void put_element(struct buf *out, const struct element *e)
{
	buf_addc(out, '{');
	put_field(out, "type", element_type_name(e->type));
	buf_addc(out, ',');
	put_field(out, "name", e->name);
	buf_addc(out, ',');
	put_field(out, "description", e->description);
	buf_adds(out, ",\"aliases\":");
	json_strings(out, &e->aliases);
	put_quotes(out, "quotes", e->quotes, e->quote_count);
	if (e->look_count)
		put_quotes(out, "looks", e->looks, e->look_count);
	buf_addc(out, '}');
}

static void put_sighting(struct buf *out, const struct sighting *s)
{
	size_t count = SIGHTS;
	while (count && !s->n[count - 1])
		count--;
	buf_addc(out, '{');
	put_field(out, "name", s->name);
	if (s->bare)
		buf_addf(out, ",\"bare\":%zu", s->bare);
	if (s->noun)
		buf_adds(out, ",\"noun\":true");
	if (s->other) {
		buf_addc(out, ',');
		put_field(out, "other", s->other);
	}
	for (size_t i = 0; i < count; i++)
		buf_addf(out, "%s%u", i ? "," : ",\"n\":[", s->n[i]);
	buf_adds(out, count ? "]}" : "}");
}

static void put_sightings(struct buf *out, const struct analysis *a)
{
	for (size_t i = 0; i < a->sighting_count; i++) {
		buf_adds(out, i ? "," : ",\"sightings\":[");
		put_sighting(out, &a->sightings[i]);
	}
	if (a->sighting_count)
		buf_addc(out, ']');
}

int analysis_encode(struct buf *out, const struct analysis *a)
{
	buf_adds(out, "{\"concepts\":[");
	for (size_t i = 0; i < a->concept_count; i++) {
		if (i)
			buf_addc(out, ',');
		put_concept(out, &a->concepts[i], i + 1);
	}
	buf_adds(out, "],\"elements\":[");
	for (size_t i = 0; i < a->element_count; i++) {
		if (i)
			buf_addc(out, ',');
		put_element(out, &a->elements[i]);
	}
	buf_addc(out, ']');
	put_sightings(out, a);
	if (a->note) {
		buf_addc(out, ',');
		put_field(out, "note", a->note);
	}
	buf_addf(out, ",\"tokens\":%lld}", (long long)a->tokens);
	return buf_error(out);
}

/* ---- reading */

static const cJSON *member(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static int get_string(char **field, const cJSON *object, const char *key, struct err *err)
{
	const cJSON *v = member(object, key);
	if (!cJSON_IsString(v))
		return err_set(err, -EBADMSG, "%s: not a string", key);
	analysis_set(field, v->valuestring);
	return 0;
}

static int get_optional(char **field, const cJSON *object, const char *key, struct err *err)
{
	return member(object, key) ? get_string(field, object, key, err) : 0;
}

static int get_number(int64_t *out, const cJSON *object, const char *key, struct err *err)
{
	const cJSON *v = member(object, key);
	double d = cJSON_IsNumber(v) ? v->valuedouble : -1;
	if (!(d >= 0 && d <= NUMBER_MAX) || (double)(int64_t)d != d)
		return err_set(err, -EBADMSG, "%s: not a whole number from 0 on", key);
	*out = (int64_t)d;
	return 0;
}

static int get_array(const cJSON **out, const cJSON *object, const char *key, struct err *err)
{
	const cJSON *v = member(object, key);
	if (!cJSON_IsArray(v))
		return err_set(err, -EBADMSG, "%s: not an array", key);
	*out = v->child;
	return 0;
}

/* Room for as many as the list has and no more: a long book's analyses are held all at once. */
static void *room_for(size_t *cap, const cJSON *list, size_t size)
{
	*cap = (size_t)cJSON_GetArraySize(list);
	return *cap ? xcalloc(*cap, size) : NULL;
}

static int get_strings(struct strv *out, const cJSON *object, const char *key, struct err *err)
{
	const cJSON *v = NULL;
	int r = get_array(&v, object, key, err);
	if (r < 0)
		return r;
	out->items = room_for(&out->cap, member(object, key), sizeof(out->items[0]));
	for (; v; v = v->next) {
		if (!cJSON_IsString(v))
			return err_set(err, -EBADMSG, "%s: an item is not a string", key);
		strv_add(out, v->valuestring);
	}
	return 0;
}

static int get_quote(struct quote *q, const cJSON *object, struct err *err)
{
	if (!cJSON_IsObject(object))
		return err_set(err, -EBADMSG, "a quote is not an object");
	int r = get_string(&q->text, object, "text", err);
	if (r < 0 || (r = get_optional(&q->page, object, "page", err)) < 0)
		return r;
	if (!member(object, "offset"))
		return 0;
	int64_t offset = 0, len = 0;
	if ((r = get_number(&offset, object, "offset", err)) < 0 ||
	    (r = get_number(&len, object, "len", err)) < 0)
		return r;
	q->offset = (size_t)offset;
	q->len = (size_t)len;
	return 0;
}

/* Whose bit is set: the scenes that there are so far. */
struct scenes {
	unsigned char bits[SCENE_MAX / 8 + 1];
};

static int get_scene(struct concept *c, struct scenes *seen, const cJSON *object, struct err *err)
{
	int64_t n = c->scene;
	int r = member(object, "scene") ? get_number(&n, object, "scene", err) : 0;
	if (r < 0)
		return r;
	if (n < 1 || n > SCENE_MAX)
		return err_set(err, -EBADMSG, "scene: not from 1 to %d", SCENE_MAX);
	if (seen->bits[n / 8] & (1u << (n % 8)))
		return err_set(err, -EBADMSG, "scene: there is a %d already", (int)n);
	seen->bits[n / 8] |= (unsigned char)(1u << (n % 8));
	c->scene = (int)n;
	return 0;
}

static int get_concept(struct concept *c, const cJSON *object, struct err *err)
{
	int r = get_quote(&c->quote, member(object, "quote"), err);
	if (r < 0 || (r = get_string(&c->description, object, "description", err)) < 0 ||
	    (r = get_string(&c->mood, object, "mood", err)) < 0 ||
	    (r = get_string(&c->lighting, object, "lighting", err)) < 0)
		return r;
	return get_strings(&c->elements, object, "elements", err);
}

static int get_element(struct element *e, const cJSON *object, struct err *err)
{
	CLEANUP(cleanup_free) char *type = NULL;
	int r = get_string(&type, object, "type", err);
	if (r < 0 || (r = get_string(&e->name, object, "name", err)) < 0 ||
	    (r = get_string(&e->description, object, "description", err)) < 0 ||
	    (r = get_strings(&e->aliases, object, "aliases", err)) < 0)
		return r;
	if (element_type_parse(&e->type, type) < 0)
		return err_set(err, -EBADMSG, "type: not one of character, creature, place, item");
	const cJSON *v = NULL;
	r = get_array(&v, object, "quotes", err);
	if (r == 0)
		e->quotes = room_for(&e->quote_cap, member(object, "quotes"), sizeof(*e->quotes));
	for (; r == 0 && v; v = v->next)
		r = get_quote(element_add_quote(e), v, err);
	v = NULL;
	if (r == 0 && member(object, "looks"))
		r = get_array(&v, object, "looks", err);
	if (r == 0)
		e->looks = room_for(&e->look_cap, member(object, "looks"), sizeof(*e->looks));
	for (; r == 0 && v; v = v->next)
		r = get_quote(element_add_look(e), v, err);
	return r;
}

static int get_counts(uint32_t n[SIGHTS], const cJSON *object, struct err *err)
{
	const cJSON *v = NULL;
	int r = member(object, "n") ? get_array(&v, object, "n", err) : 0;
	for (size_t i = 0; r == 0 && v; v = v->next, i++) {
		double d = cJSON_IsNumber(v) ? v->valuedouble : -1;
		if (i == SIGHTS || !(d >= 0 && d <= COUNT_MAX) || (double)(uint32_t)d != d)
			return err_set(err, -EBADMSG, "n: not at most %d counts", SIGHTS);
		n[i] = (uint32_t)d;
	}
	return r;
}

static int get_sighting(struct sighting *s, const cJSON *object, struct err *err)
{
	int64_t bare = 0;
	int r = get_string(&s->name, object, "name", err);
	if (r == 0 && member(object, "bare"))
		r = get_number(&bare, object, "bare", err);
	if (r < 0 || (r = get_optional(&s->other, object, "other", err)) < 0)
		return r;
	if (bare >= (int64_t)strlen(s->name) && bare)
		return err_set(err, -EBADMSG, "bare: no name is left");
	s->bare = (size_t)bare;
	s->noun = cJSON_IsTrue(member(object, "noun"));
	return get_counts(s->n, object, err);
}

static int get_concepts(struct analysis *a, const cJSON *root, struct err *err)
{
	struct scenes seen = {0};
	const cJSON *v = NULL;
	int r = get_array(&v, root, "concepts", err);
	if (r == 0)
		a->concepts =
			room_for(&a->concept_cap, member(root, "concepts"), sizeof(*a->concepts));
	for (int i = 0; r == 0 && v; v = v->next, i++) {
		struct concept *c = analysis_add_concept(a);
		r = get_concept(c, v, err);
		if (r == 0)
			r = get_scene(c, &seen, v, err);
		if (r < 0)
			return err_prefix(err, "concepts[%d]", i), r;
	}
	return r;
}

static int get_elements(struct analysis *a, const cJSON *root, struct err *err)
{
	const cJSON *v = NULL;
	int r = get_array(&v, root, "elements", err);
	if (r == 0)
		a->elements =
			room_for(&a->element_cap, member(root, "elements"), sizeof(*a->elements));
	for (int i = 0; r == 0 && v; v = v->next, i++) {
		r = get_element(analysis_add_element(a), v, err);
		if (r < 0)
			return err_prefix(err, "elements[%d]", i), r;
	}
	return r;
}

static int get_sightings(struct analysis *a, const cJSON *root, struct err *err)
{
	const cJSON *v = NULL;
	int r = member(root, "sightings") ? get_array(&v, root, "sightings", err) : 0;
	if (r == 0)
		a->sightings = room_for(&a->sighting_cap, member(root, "sightings"),
					sizeof(*a->sightings));
	for (int i = 0; r == 0 && v; v = v->next, i++) {
		r = get_sighting(analysis_add_sighting(a), v, err);
		if (r < 0)
			return err_prefix(err, "sightings[%d]", i), r;
	}
	return r;
}

int analysis_decode(struct analysis **out, const char *json, size_t len, struct err *err)
{
	CLEANUP(json_free) cJSON *root = NULL;
	CLEANUP(analysis_free_cleanup) struct analysis *a = analysis_new();
	int r = json_parse(&root, json, len, err);
	if (r < 0 || (r = get_concepts(a, root, err)) < 0 || (r = get_elements(a, root, err)) < 0 ||
	    (r = get_sightings(a, root, err)) < 0 ||
	    (r = get_optional(&a->note, root, "note", err)) < 0 ||
	    (r = get_number(&a->tokens, root, "tokens", err)) < 0)
		return r;
	*out = a;
	a = NULL;
	return 0;
}
