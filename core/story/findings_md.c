/* SPDX-License-Identifier: MIT */
#include "clean.h"
#include "findings.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cjson/cJSON.h>

/*
 * The documents for people, read back. They are written by several tools in several ways, so what
 * a line is is told by its own beginning, and what is not known is passed over.
 */

struct lines {
	const char *at, *end;
	const char *s; /* the line */
	size_t len;
};

static bool next_line(struct lines *l)
{
	const char *stop;

	if (l->at >= l->end)
		return false;
	stop = memchr(l->at, '\n', (size_t)(l->end - l->at));
	l->s = l->at;
	l->len = (size_t)((stop ? stop : l->end) - l->at);
	l->at = stop ? stop + 1 : l->end;
	while (l->len && strchr(" \t\r", l->s[l->len - 1]))
		l->len--;
	return true;
}

/* How many '#' begin it, 0 for none; the heading's words. */
static int heading(const struct lines *l, char **words)
{
	size_t n = 0;

	while (n < l->len && l->s[n] == '#')
		n++;
	if (!n || n > 6 || n == l->len || l->s[n] != ' ')
		return 0;
	*words = xstrndup(l->s + n + 1, l->len - n - 1);
	return (int)n;
}

/* What stands behind "**Label:**"; NULL: it is no such line. Not ended by NUL. */
static const char *labelled(size_t *len, const struct lines *l, const char *label)
{
	size_t n = strlen(label);
	const char *s = l->s;

	if (l->len < n + 5 || memcmp(s, "**", 2) || strncasecmp(s + 2, label, n) ||
	    memcmp(s + 2 + n, ":**", 3))
		return NULL;
	s += n + 5;
	*len = l->len - n - 5;
	while (*len && *s == ' ') {
		s++;
		(*len)--;
	}
	return s;
}

static void add_line(struct buf *b, const char *s, size_t len)
{
	if (b->len)
		buf_addc(b, '\n');
	buf_add(b, s, len);
}

/* ---- Chapters.md */

struct scene {
	struct buf quote, description;
	char pages[64];
	bool open;
};

static void scene_end(struct scene *s, cJSON *concepts)
{
	cJSON *c;

	if (s->open && s->quote.len && s->description.len) {
		c = cJSON_CreateObject();
		cJSON_AddStringToObject(c, "quote", buf_str(&s->quote));
		cJSON_AddStringToObject(c, "description", buf_str(&s->description));
		if (s->pages[0])
			cJSON_AddStringToObject(c, "page", s->pages);
		cJSON_AddItemToArray(concepts, c);
	}
	buf_clear(&s->quote);
	buf_clear(&s->description);
	s->pages[0] = '\0';
	s->open = false;
}

static void chapter_end(struct findings *f, int number, const char *title, cJSON *concepts)
{
	struct finding *c = title && concepts->child ? findings_chapter(f, number, title) : NULL;

	if (c && !*c->title)
		analysis_set(&c->title, title);
	if (c && !c->concepts)
		c->concepts = cJSON_PrintUnformatted(concepts);
	cJSON_Delete(concepts);
}

/* `**Generated Image:** [View Image](images/chapter_9_scene_1.png)` says how they count; 0: it is
 * none. */
static int number_of_image(const struct lines *l)
{
	size_t len;
	const char *v = labelled(&len, l, "Generated Image");
	const char *name = v ? memmem(v, len, "/chapter_", 9) : NULL;
	CLEANUP(cleanup_free) char *file = NULL;
	const char *s;

	if (!name)
		return 0;
	file = xstrndup(name + 1, (size_t)(v + len - name) - 1);
	s = file;
	return findings_picture_chapter(&s);
}

static void scene_line(struct scene *s, const struct lines *l)
{
	size_t len;
	const char *v;

	if ((v = labelled(&len, l, "Pages")) || (v = labelled(&len, l, "Page")))
		snprintf(s->pages, sizeof(s->pages), "%.*s", (int)(len < 60 ? len : 60), v);
	else if ((v = labelled(&len, l, "Visual Elements")) ||
		 (v = labelled(&len, l, "Description")))
		add_line(&s->description, v, len);
	else if (l->len && l->s[0] == '>')
		add_line(&s->quote, l->s + 1 + (l->len > 1 && l->s[1] == ' '),
			 l->len - 1 - (l->len > 1 && l->s[1] == ' '));
}

void findings_read_chapters(struct findings *f, const char *s, size_t len)
{
	struct lines l = {.at = s, .end = s + len};
	struct scene scene = {0};
	CLEANUP(cleanup_free) char *title = NULL;
	cJSON *concepts = cJSON_CreateArray();
	int number = 0; /* of the chapter, as its pictures say */

	while (next_line(&l)) {
		CLEANUP(cleanup_free) char *words = NULL;
		int depth = heading(&l, &words);

		if (depth == 2 || depth == 3) {
			scene_end(&scene, concepts);
			chapter_end(f, number, title, concepts);
			number = 0;
			concepts = cJSON_CreateArray();
			free(title);
			title = words;
			words = NULL;
		} else if (depth == 4) {
			scene_end(&scene, concepts);
			scene.open = true;
		} else if (depth == 0) {
			scene_line(&scene, &l);
			number = number ? number : number_of_image(&l);
		}
	}
	scene_end(&scene, concepts);
	chapter_end(f, number, title, concepts);
	buf_finish(&scene.quote);
	buf_finish(&scene.description);
}

/* ---- Elements.md, in four dialects */

static bool type_of_heading(enum element_type *type, const char *words)
{
	static const struct {
		const char *words;
		enum element_type type;
	} others[] = {{"Locations", ELEMENT_PLACE},
		      {"Objects", ELEMENT_ITEM},
		      {"People", ELEMENT_CHARACTER}};

	for (int t = 0; t < ELEMENT_TYPES; t++)
		if (!strcasecmp(words, element_type_title((enum element_type)t))) {
			*type = (enum element_type)t;
			return true;
		}
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (!strcasecmp(words, others[i].words)) {
			*type = others[i].type;
			return true;
		}
	return false;
}

static void add_aliases(struct element *e, const char *s, size_t len)
{
	while (len) {
		const char *comma = memchr(s, ',', len);
		size_t n = comma ? (size_t)(comma - s) : len;

		while (n && *s == ' ') {
			s++;
			n--;
			len--;
		}
		if (n)
			strv_add_len(&e->aliases, s, n);
		n += comma != NULL;
		s += n;
		len -= n;
	}
}

/* `1. "text" (Page 1)` or `- Page 15-17: "text"`. */
static void add_reference(struct element *e, const struct lines *l)
{
	const char *open = memchr(l->s, '"', l->len);
	const char *close = open ? memrchr(l->s, '"', l->len) : NULL;
	const char *page = memmem(l->s, l->len, "Page ", 5);
	struct quote *q;

	if (!open || close == open)
		return;
	q = element_add_quote(e);
	free(q->text);
	q->text = xstrndup(open + 1, (size_t)(close - open - 1));
	q->offset = QUOTE_NOT_FOUND;
	if (page) {
		size_t room = (size_t)(l->s + l->len - page) - 5, n = 0;

		while (n < room && strchr("0123456789-", page[5 + n]))
			n++;
		q->page = n ? xstrndup(page + 5, n) : NULL;
	}
}

static void describe(struct element *e, const char *s, size_t len)
{
	struct buf b = {0};

	buf_adds(&b, e->description);
	if (b.len && len)
		buf_addc(&b, ' ');
	CLEANUP(cleanup_free) char *line = xstrndup(s, len);
	add_without_pages(&b, line);
	analysis_set(&e->description, buf_str(&b));
	buf_finish(&b);
}

static void element_line(struct element *e, const struct lines *l)
{
	static const char *const passed[] = {
		"Type", "Reference Quotes", "Appearances", "Appears in", "Image",
		"Look", "Look from"};
	size_t len;
	const char *v;

	for (size_t i = 0; i < ARRAY_LEN(passed); i++)
		if (labelled(&len, l, passed[i]))
			return;
	if (!l->len || l->s[0] == '#' || (l->len >= 3 && !memcmp(l->s, "---", 3)))
		return;
	if ((v = labelled(&len, l, "Aliases")))
		add_aliases(e, v, len);
	else if ((v = labelled(&len, l, "Description")) ||
		 (v = labelled(&len, l, "Additional Details")))
		describe(e, v, len);
	else if (l->s[0] == '-' || (l->s[0] >= '0' && l->s[0] <= '9'))
		add_reference(e, l);
	else if (l->s[0] != '*' && l->s[0] != '>' && l->s[0] != '!')
		describe(e, l->s, l->len);
}

void findings_read_elements(struct findings *f, const char *s, size_t len)
{
	struct lines l = {.at = s, .end = s + len};
	enum element_type type = ELEMENT_CHARACTER;
	struct element *e = NULL;
	int types_at = 0; /* how deep the headings of types are */

	while (next_line(&l)) {
		CLEANUP(cleanup_free) char *words = NULL;
		int depth = heading(&l, &words);

		if (depth && type_of_heading(&type, words)) {
			types_at = depth;
			e = NULL;
		} else if (types_at && depth == types_at + 1) {
			e = analysis_add_element(f->cast);
			e->type = type;
			analysis_set(&e->name, words);
		} else if (!depth && e) {
			element_line(e, &l);
		}
	}
}
