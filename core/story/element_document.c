/* SPDX-License-Identifier: MIT */
#include "clean.h"
#include "story.h"

#include <stdio.h>
#include <string.h>

/*
 * elements/characters/Ida.md: an entry of the catalogue for people, and what somebody who edited
 * it wants changed. Nothing of an entry begins a line but what is written here, so what a name or
 * a description holds is no field. The pages behind what is said are for the reader: they are taken
 * out of both sides before these are compared.
 */

enum {
	DOCUMENT_BYTES = 1 << 20,
};

enum field {
	FIELD_NAME,
	FIELD_TYPE,
	FIELD_ALIASES,
	FIELD_DESCRIPTION,
	FIELD_LOOK,
	FIELD_LOOK_FROM,
	FIELDS,
	FIELD_OTHER
};

static const char *const labels[FIELDS] = {
	[FIELD_NAME] = "name",	     [FIELD_TYPE] = "Type",
	[FIELD_ALIASES] = "Aliases", [FIELD_DESCRIPTION] = "Description",
	[FIELD_LOOK] = "Look",	     [FIELD_LOOK_FROM] = "Look from",
};

/* ---- writing */

static bool is_blank(char c)
{
	return (unsigned char)c <= ' ' || c == 0x7f;
}

static bool is_empty(const char *s)
{
	while (is_blank(*s) && *s)
		s++;
	return !*s;
}

/* Text on one line. */
static void put_flat(struct buf *out, const char *s)
{
	for (bool space = false; *s; s++) {
		if (!is_blank(*s) && space)
			buf_addc(out, ' ');
		if (!is_blank(*s))
			buf_addc(out, *s);
		space = is_blank(*s);
	}
}

struct pages {
	const char *(*label)(void *arg, const struct appearance *a); /* or NULL: none are written */
	void *arg;
};

static const char *page_of(const struct pages *p, const struct appearance *a)
{
	const char *page = p->label && a->quote ? p->label(p->arg, a) : NULL;
	return page ? page : "";
}

/* A label that could end the brackets is left out. */
static void put_page(struct buf *out, const char *page)
{
	if (!is_empty(page) && strlen(page) <= PAGE_MOST && !strpbrk(page, "()\n\r\t"))
		buf_addf(out, " (page %s)", page);
}

/* What is told of how it looks, a fact or a description each: the looks, then the others. */
static size_t told_count(const struct catalogue_entry *e)
{
	return e->look_count ? e->look_count + e->descriptions.len - 1 : e->descriptions.len;
}

static const struct appearance *told_at(const struct catalogue_entry *e, size_t i)
{
	return i < e->look_count ? &e->looks[i] : &e->described[i - e->look_count];
}

static const char *told(const struct catalogue_entry *e, size_t i)
{
	return i < e->look_count ? e->looks[i].quote->text
				 : e->descriptions.items[i - e->look_count];
}

static bool ends_sentence(const struct buf *out)
{
	return out->len && strchr(".!?", out->data[out->len - 1]);
}

/* "tall; in a grey coat (page 12); fair hair (page 15)": each in the book's words, and behind those
 * of one page where that is. Who describes in sentences may or may not end them. */
static void put_description(struct buf *out, const struct catalogue_entry *e, const struct pages *p)
{
	char page[PAGE_MOST + 2] = "";
	const char *between = NULL; /* NULL: nothing is told so far */
	if (e->said) {
		put_flat(out, e->said);
		return;
	}
	for (size_t i = 0, count = told_count(e); i < count; i++) {
		if (is_empty(told(e, i)))
			continue;
		const char *now = page_of(p, told_at(e, i));
		if (between && strcmp(page, now) != 0)
			put_page(out, page);
		snprintf(page, sizeof(page), "%s", now);
		buf_adds(out, between ? between : "");
		put_flat(out, told(e, i));
		between = i >= e->look_count && ends_sentence(out) ? " " : "; ";
	}
	put_page(out, page);
}

static void put_aliases(struct buf *out, const struct catalogue_entry *e)
{
	for (size_t i = 0; i < e->aliases.len; i++) {
		buf_adds(out, i ? ", " : "");
		put_flat(out, e->aliases.items[i]);
	}
}

/* The line that is in the prompt of each of its pictures, and whose it was first. */
static void put_looks(struct buf *out, const struct catalogue_entry *e)
{
	const char *values[] = {e->look, e->look ? e->look_source : NULL};
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		if (!values[i])
			continue;
		buf_addf(out, "**%s:** ", labels[FIELD_LOOK + i]);
		put_flat(out, values[i]);
		buf_adds(out, "\n\n");
	}
}

static void put_appearance(struct buf *out, const struct appearance *a, const struct pages *p)
{
	const char *page = page_of(p, a);
	if (is_empty(page))
		buf_addf(out, "- Chapter %d: \"", a->chapter);
	else {
		buf_adds(out, "- Page ");
		put_flat(out, page);
		buf_adds(out, ": \"");
	}
	put_flat(out, a->quote->text);
	buf_adds(out, "\"\n");
}

int element_section(struct buf *out, const struct catalogue_entry *e,
		    const char *(*page)(void *arg, const struct appearance *a), void *arg)
{
	const struct pages pages = {page, arg};
	buf_addf(out, "**Type:** %s\n\n", element_type_name(e->type));
	if (e->aliases.len) {
		buf_adds(out, "**Aliases:** ");
		put_aliases(out, e);
		buf_adds(out, "\n\n");
	}
	buf_adds(out, "**Description:** ");
	put_description(out, e, &pages);
	buf_adds(out, "\n\n");
	put_looks(out, e);
	buf_adds(out, "**Appearances:**\n\n");
	for (size_t i = 0; i < e->appearance_count; i++)
		put_appearance(out, &e->appearances[i], &pages);
	return buf_error(out);
}

int element_document(struct buf *out, const struct catalogue_entry *e,
		     const char *(*page)(void *arg, const struct appearance *a), void *arg)
{
	buf_adds(out, "# ");
	put_flat(out, e->name);
	buf_adds(out, "\n\n");
	return element_section(out, e, page, arg);
}

/* ---- reading */

struct document {
	struct buf values[FIELDS]; /* their lines */
	int lines[FIELDS];	   /* where each begins, from 1; 0: it is not there */
	struct err *err;
};

static void document_finish(struct document *d)
{
	for (size_t i = 0; i < FIELDS; i++)
		buf_finish(&d->values[i]);
}

static bool same_label(const char *s, const char *label, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] + 32) : s[i];
		char l = label[i] >= 'A' && label[i] <= 'Z' ? (char)(label[i] + 32) : label[i];
		if (c != l)
			return false;
	}
	return label[len] == '\0';
}

/* The field that a line begins, "**Type:** place", and where its value is; -1: it goes on with what
 * was before. */
static int field_of(const char **value, const char *line, const char *end)
{
	while (line < end && *line == ' ')
		line++;
	size_t level = 0;
	while (line + level < end && line[level] == '#')
		level++;
	if (level) {
		if (line + level < end && !is_blank(line[level]))
			return -1;
		*value = line + level;
		return level == 1 ? FIELD_NAME : FIELD_OTHER;
	}
	if (end - line < 2 || memcmp(line, "**", 2) != 0)
		return -1;
	const char *stop = memmem(line + 2, (size_t)(end - line - 2), "**", 2);
	if (!stop)
		return -1;
	size_t len = (size_t)(stop - line - 2);
	bool within = len && line[2 + len - 1] == ':'; /* **Type:** */
	if (!within && (stop + 2 == end || stop[2] != ':'))
		return -1;
	*value = stop + (within ? 2 : 3);
	len -= within;
	for (int f = FIELD_TYPE; f < FIELDS; f++)
		if (strlen(labels[f]) == len && same_label(line + 2, labels[f], len))
			return f;
	return FIELD_OTHER;
}

static int check_bytes(const char *text, size_t len, struct err *err)
{
	const char *nul = len ? memchr(text, '\0', len) : NULL;
	if (len > DOCUMENT_BYTES)
		return err_set(err, -EINVAL, "a document of more than %d bytes", DOCUMENT_BYTES);
	if (nul || !utf8_valid(text, len))
		return err_set(err, -EINVAL, nul ? "the character NUL in it" : "not UTF-8");
	return 0;
}

static int document_read(struct document *d, const char *text, size_t len)
{
	const char *s = text, *end = text + len;
	int field = FIELD_OTHER, r = check_bytes(text, len, d->err);
	if (r == 0 && len >= 3 && !memcmp(s, "\xef\xbb\xbf", 3))
		s += 3;
	for (int number = 1; r == 0 && s < end; number++) {
		const char *stop = memchr(s, '\n', (size_t)(end - s));
		const char *value = s, *line_end = stop ? stop : end;
		int begun = field_of(&value, s, line_end);
		field = begun < 0 ? field : begun;
		if (begun >= 0 && begun < FIELDS) {
			if (d->lines[begun])
				return err_set(d->err, -EINVAL,
					       "line %d: another %s, the first is in line %d",
					       number, labels[begun], d->lines[begun]);
			d->lines[begun] = number;
		}
		if (field < FIELDS) {
			buf_add(&d->values[field], value, (size_t)(line_end - value));
			buf_addc(&d->values[field], '\n');
		}
		if (field == FIELD_NAME)
			field = FIELD_OTHER; /* a heading is one line */
		s = stop ? stop + 1 : end;
	}
	return r;
}

static int fault(const struct document *d, enum field f, const char *what)
{
	return err_set(d->err, -EINVAL, "line %d: %s: %s", d->lines[f], labels[f], what);
}

/* What the document says against what is known, which it is compared with. */
struct edited {
	struct corrections *out;
	const struct catalogue_entry *e; /* NULL: new */
	enum element_type type;
	char *name; /* as the corrections so far leave it */
	bool renamed;
};

static int read_name(struct edited *w, const struct document *d)
{
	if (!d->lines[FIELD_NAME])
		return 0;
	CLEANUP(cleanup_free) char *name = clean_pages(buf_str(&d->values[FIELD_NAME]));
	CLEANUP(cleanup_free) char *was = clean_pages(w->e ? w->e->name : w->name);
	if (!strcmp(name, was))
		return 0;
	if (!*name)
		return fault(d, FIELD_NAME, "it is empty");
	if (strlen(name) > NAME_MAX_BYTES)
		return fault(d, FIELD_NAME, "longer than 200 bytes");
	if (!w->e) { /* a copy of another one's keeps that one's heading: the file's name counts */
		char file[NAME_BYTES];
		utf8_name(file, name, strlen(name));
		if (!strcmp(file, w->name))
			analysis_set(&w->name, name);
		return 0;
	}
	corrections_add(w->out, CORRECTION_RENAME, w->type, w->name)->to = xstrdup(name);
	analysis_set(&w->name, name);
	w->renamed = true;
	return 0;
}

static int read_type(struct edited *w, const struct document *d)
{
	enum element_type type;
	if (!d->lines[FIELD_TYPE])
		return 0;
	CLEANUP(cleanup_free) char *word = clean_pages(buf_str(&d->values[FIELD_TYPE]));
	if (element_type_parse(&type, word) < 0)
		return fault(d, FIELD_TYPE, "not one of character, creature, place, item");
	if (type == w->type)
		return 0;
	if (!w->e)
		return err_set(d->err, -EINVAL, "line %d: Type: %s, in the folder %s",
			       d->lines[FIELD_TYPE], element_type_name(type),
			       element_type_folder(w->type));
	corrections_add(w->out, CORRECTION_RETYPE, w->type, w->name)->to_type = type;
	w->type = type;
	return 0;
}

/* How much of s one alias is: one that is known, whatever is in it, else what stands before the
 * next comma. */
static size_t alias_len(const struct catalogue_entry *e, const char *s)
{
	size_t best = 0;
	for (size_t i = 0; e && i < e->aliases.len; i++) {
		CLEANUP(cleanup_free) char *known = clean_pages(e->aliases.items[i]);
		size_t len = strlen(known);
		if (len > best && !strncmp(s, known, len) && (s[len] == ',' || !s[len]))
			best = len;
	}
	return best ? best : strcspn(s, ",");
}

/* "a, b", or each in a line of its own, as an item of a list or not. */
static int split_aliases(struct strv *out, const struct edited *w, const struct document *d)
{
	const char *s = buf_str(&d->values[FIELD_ALIASES]);
	while (*s) {
		size_t len = strcspn(s, "\n");
		CLEANUP(cleanup_free) char *line = xstrndup(s, len);
		CLEANUP(cleanup_free) char *flat = clean_pages(line);
		const char *at = flat + (strchr("-*+", *flat) && flat[0] && flat[1] == ' ' ? 2 : 0);
		while (*at) {
			at += strspn(at, ", ");
			size_t n = alias_len(w->e, at);
			if (n > NAME_MAX_BYTES)
				return fault(d, FIELD_ALIASES, "one is longer than 200 bytes");
			if (n)
				strv_add_len(out, at, n);
			at += n;
		}
		s += len + (s[len] != '\0');
	}
	return out->len > NAMES_MAX ? fault(d, FIELD_ALIASES, "more than 64") : 0;
}

static bool same_aliases(const struct strv *a, const struct catalogue_entry *e)
{
	size_t count = 0;
	for (size_t i = 0; e && i < e->aliases.len; i++) {
		CLEANUP(cleanup_free) char *known = clean_pages(e->aliases.items[i]);
		if (*known && (count == a->len || strcmp(known, a->items[count++]) != 0))
			return false;
	}
	return count == a->len;
}

static int read_aliases(struct edited *w, const struct document *d)
{
	CLEANUP(strv_finish) struct strv aliases = {0};
	CLEANUP(buf_finish) struct buf was = {0}, lines = {0};
	if (!d->lines[FIELD_ALIASES])
		return 0;
	if (w->e)
		put_aliases(&was, w->e);
	CLEANUP(cleanup_free) char *now = clean_pages(buf_str(&d->values[FIELD_ALIASES]));
	CLEANUP(cleanup_free) char *then = clean_pages(buf_str(&was));
	if (!strcmp(now, then))
		return 0;
	int r = split_aliases(&aliases, w, d);
	if (r < 0 || same_aliases(&aliases, w->e))
		return r;
	for (size_t i = 0; i < aliases.len; i++)
		buf_addf(&lines, "%s\n", aliases.items[i]);
	if (w->renamed) /* the old name stays one */
		add_without_pages(&lines, w->e->name);
	corrections_add(w->out, CORRECTION_ALIASES, w->type, w->name)->text =
		xstrdup(buf_str(&lines));
	return 0;
}

static int read_description(struct edited *w, const struct document *d)
{
	CLEANUP(buf_finish) struct buf was = {0};
	const struct pages none = {0};
	if (w->e && !d->lines[FIELD_DESCRIPTION])
		return 0;
	if (w->e)
		put_description(&was, w->e, &none);
	CLEANUP(cleanup_free) char *now = clean_pages(buf_str(&d->values[FIELD_DESCRIPTION]));
	CLEANUP(cleanup_free) char *then = clean_pages(buf_str(&was));
	if (w->e && !strcmp(now, then))
		return 0;
	if (strlen(now) > DESCRIPTION_BYTES)
		return fault(d, FIELD_DESCRIPTION, "longer than 8192 bytes");
	corrections_add(w->out, CORRECTION_DESCRIPTION, w->type, w->name)->text = xstrdup(now);
	return 0;
}

/* A look is what was fixed when it was drawn first, and goes with the description. A text that
 * still has the one that went is none of that. */
static int read_looks(const struct edited *w, const struct document *d)
{
	const char *values[] = {w->e->look, w->e->look_source ? w->e->look_source : ""};
	for (int i = 0; w->e->look && i < (int)ARRAY_LEN(values); i++) {
		enum field f = (enum field)(FIELD_LOOK + i);
		CLEANUP(cleanup_free) char *now = clean_pages(buf_str(&d->values[f]));
		CLEANUP(cleanup_free) char *then = clean_pages(values[i]);
		if (d->lines[f] && strcmp(now, then) != 0)
			return fault(
				d, f,
				"it is the same in all pictures and is not written here: change "
				"the Description, and later pictures have a look of that");
	}
	return 0;
}

/* A new one is made by its description, so that comes first. */
static int read_all(struct edited *w, const struct document *d)
{
	int r = read_name(w, d);
	if (r < 0 || (r = read_type(w, d)) < 0)
		return r;
	if (w->e && (r = read_looks(w, d)) < 0)
		return r;
	if (w->e)
		return (r = read_aliases(w, d)) < 0 ? r : read_description(w, d);
	return (r = read_description(w, d)) < 0 ? r : read_aliases(w, d);
}

int element_document_read(struct corrections *out, const struct catalogue_entry *e,
			  enum element_type type, const char *name, const char *text, size_t len,
			  struct err *err)
{
	CLEANUP(document_finish) struct document d = {.err = err};
	struct corrections found = {0};
	struct edited w = {.out = &found,
			   .e = e,
			   .type = e ? e->type : type,
			   .name = xstrdup(e ? e->name : name)};
	int r = document_read(&d, text, len);
	if (r == 0)
		r = read_all(&w, &d);
	free(w.name);
	if (r == 0)
		corrections_move(out, &found);
	corrections_finish(&found);
	return r;
}
