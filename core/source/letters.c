/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "illustrate.h"
#include "markup.h"

/*
 * Where in a document a passage stands that is known by its words only. A quote has passed through
 * Markdown, perhaps through a model; the document has markup, entities, soft hyphens and other
 * dashes. Letters and digits are what both have, so only those are compared.
 *
 * The document is cut into tags and text here once more, because a parser that says what a document
 * means does not say at which byte.
 */

enum { LEVELS = 256 };

/* ---- letters */

static bool is_letter(uint32_t c)
{
	if (c < 0x80)
		return isalnum((int)c);
	return c > 0xbf && c != 0xd7 && c != 0xf7 && (c < 0x2000 || c > 0x206f) &&
	       (c < 0x3000 || c > 0x303f) && (c < 0xff00 || c > 0xff0f) && c < 0xfe00;
}

static void add_letter(struct buf *letters, uint32_t c)
{
	char bytes[4];

	if (!is_letter(c))
		return;
	if (c < 0x80)
		buf_addc(letters, (char)tolower((int)c));
	else
		buf_add(letters, bytes, utf8_put(bytes, c));
}

/* Behind the number of a list's item, which in a document is none of its text; an author's own is
 * escaped ("12\. "). */
static const char *item_text(const char *line, const char *end)
{
	const char *s = line + strspn(line, " >"), *digits = s;

	while (s < end && isdigit((unsigned char)*s))
		s++;
	return s > digits && end - s > 1 && (*s == '.' || *s == ')') && s[1] == ' ' ? s : line;
}

void letters_add(struct buf *letters, const char *s, size_t len)
{
	const char *end = s + len;

	for (bool at_start = true; s < end;) {
		s = at_start ? item_text(s, end) : s;
		at_start = *s == '\n';
		add_letter(letters, utf8_next(&s, end));
	}
}

/* The same with references; named ones became characters when the text was cleaned, but for those
 * of XML itself, which are no letters. */
static void add_text(struct buf *letters, const char *s, size_t len)
{
	const char *end = s + len;

	while (s < end) {
		const char *stop = *s == '&' ? memchr(s, ';', (size_t)(end - s)) : NULL;

		if (!stop || stop - s > 10) {
			add_letter(letters, utf8_next(&s, end));
			continue;
		}
		if (s[1] == '#')
			add_letter(letters, (uint32_t)(s[2] == 'x' || s[2] == 'X'
							       ? strtoul(s + 3, NULL, 16)
							       : strtoul(s + 2, NULL, 10)));
		s = stop + 1;
	}
}

/* ---- tags */

struct tag {
	char name[MARKUP_NAME_BYTES];
	const char *raw; /* as written, with its prefix */
	size_t raw_len;
	bool end, empty;
	const char *from, *behind;
};

static const char *find(const char *s, const char *end, const char *what)
{
	const char *at = memmem(s, (size_t)(end - s), what, strlen(what));

	return at ? at + strlen(what) : end;
}

/* Behind the '>' of a tag: one within quotes is none. */
static const char *tag_end(const char *s, const char *end)
{
	char quote = '\0';

	for (; s < end; s++) {
		if (quote)
			quote = *s == quote ? '\0' : quote;
		else if (*s == '"' || *s == '\'')
			quote = *s;
		else if (*s == '>')
			return s + 1;
	}
	return end;
}

/* The tag at s, which is a '<'. false: it is a comment, an instruction, a declaration, or none; *t
 * says where it ends. CDATA is text, so what begins it alone is passed over. */
static bool read_tag(struct tag *t, const char *s, const char *end)
{
	const char *name = s + 1;

	t->from = s;
	t->end = name < end && *name == '/';
	name += t->end;
	if (name < end && !isalpha((unsigned char)*name) && *name != '_') {
		size_t left = (size_t)(end - s);

		t->behind = left >= 4 && !memcmp(s, "<!--", 4)	      ? find(s + 4, end, "-->")
			    : left >= 9 && !memcmp(s, "<![CDATA[", 9) ? s + 9
			    : left >= 2 && s[1] == '?'		      ? find(s + 2, end, "?>")
			    : left >= 2 && s[1] == '!'		      ? tag_end(s, end)
								      : s + 1;
		return false;
	}
	t->raw = name;
	while (name < end && !isspace((unsigned char)*name) && *name != '>' && *name != '/')
		name++;
	t->raw_len = (size_t)(name - t->raw);
	markup_local(t->name, t->raw, t->raw_len);
	t->behind = tag_end(name, end);
	t->empty = t->behind - t->from > 2 && t->behind[-2] == '/';
	return true;
}

static void take_prefix(char prefix[16], const struct tag *t)
{
	const char *colon = memchr(t->raw, ':', t->raw_len);
	size_t len = colon ? (size_t)(colon - t->raw) + 1 : 0;

	if (len < 16) {
		memcpy(prefix, t->raw, len);
		prefix[len] = '\0';
	}
}

size_t markup_end_of(char prefix[16], const char *s, size_t len, const char *name)
{
	const char *start = s, *end = s + len;
	struct tag t;

	while ((s = memchr(s, '<', (size_t)(end - s)))) {
		if (read_tag(&t, s, end) && t.end && !strcmp(t.name, name)) {
			take_prefix(prefix, &t);
			return (size_t)(t.from - start);
		}
		s = t.behind;
	}
	return SIZE_MAX;
}

/* ---- a document */

enum role {
	ROLE_INLINE,
	ROLE_BLOCK,  /* behind it another block may stand */
	ROLE_HOLDER, /* a block that holds blocks */
	ROLE_LIST,   /* a block that holds items */
	ROLE_ITEM,   /* holds text or blocks: at its end another one may stand */
	ROLE_VOID,   /* never has an end in HTML */
	ROLE_SILENT, /* its text is none of the book's */
};

static enum role role_of(const char *name)
{
	static const struct {
		const char *name;
		enum role role;
	} roles[] = {
		{"address", ROLE_BLOCK}, {"area", ROLE_VOID},	      {"article", ROLE_HOLDER},
		{"aside", ROLE_HOLDER},	 {"blockquote", ROLE_HOLDER}, {"body", ROLE_HOLDER},
		{"br", ROLE_VOID},	 {"center", ROLE_BLOCK},      {"col", ROLE_VOID},
		{"dd", ROLE_ITEM},	 {"div", ROLE_HOLDER},	      {"dl", ROLE_LIST},
		{"figure", ROLE_BLOCK},	 {"footer", ROLE_BLOCK},      {"h1", ROLE_BLOCK},
		{"h2", ROLE_BLOCK},	 {"h3", ROLE_BLOCK},	      {"h4", ROLE_BLOCK},
		{"h5", ROLE_BLOCK},	 {"h6", ROLE_BLOCK},	      {"head", ROLE_SILENT},
		{"header", ROLE_BLOCK},	 {"hr", ROLE_VOID},	      {"img", ROLE_VOID},
		{"input", ROLE_VOID},	 {"li", ROLE_ITEM},	      {"link", ROLE_VOID},
		{"main", ROLE_HOLDER},	 {"meta", ROLE_VOID},	      {"nav", ROLE_BLOCK},
		{"ol", ROLE_LIST},	 {"p", ROLE_BLOCK},	      {"pre", ROLE_BLOCK},
		{"rp", ROLE_SILENT},	 {"script", ROLE_SILENT},     {"section", ROLE_HOLDER},
		{"style", ROLE_SILENT},	 {"table", ROLE_BLOCK},	      {"template", ROLE_SILENT},
		{"ul", ROLE_LIST},
	};

	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		if (!strcmp(name, roles[i].name))
			return roles[i].role;
	return ROLE_INLINE;
}

struct walk {
	struct places *places;
	const char *start;
	struct open {
		char name[MARKUP_NAME_BYTES];
		enum role role;
		bool holds;   /* blocks may be added to it; of a list: to its items */
		size_t since; /* how many letters are before it */
	} stack[LEVELS];
	int depth;
	int silent; /* how many of those are open */
	bool in_body;
};

static void add_slot(struct walk *w, const struct open *in, const char *at)
{
	struct places *p = w->places;

	p->slots = xgrow(p->slots, &p->cap, p->count + 1, sizeof(*p->slots));
	p->slots[p->count++] = (struct slot){p->letters.len, in->since, (size_t)(at - w->start)};
}

/* A list in what may hold none of ours (the contents of a nav) may not either. */
static bool holds(enum role role, const struct open *parent)
{
	if (role == ROLE_LIST)
		return parent->role != ROLE_LIST && parent->holds;
	return role == ROLE_HOLDER ||
	       (role == ROLE_ITEM && parent->role == ROLE_LIST && parent->holds);
}

static void open_tag(struct walk *w, const struct tag *t)
{
	static const struct open none;
	struct open *o = &w->stack[w->depth];
	enum role role = role_of(t->name);

	if (!strcmp(t->name, "body")) {
		take_prefix(w->places->prefix, t);
		w->in_body = true;
	}
	if (t->empty || role == ROLE_VOID || w->depth == LEVELS)
		return;
	*o = (struct open){.role = role,
			   .holds = holds(role, w->depth ? o - 1 : &none),
			   .since = w->places->letters.len};
	memcpy(o->name, t->name, sizeof(o->name));
	w->silent += role == ROLE_SILENT;
	w->depth++;
}

/* What is open within it ends with it; an end of nothing is passed over. */
static void close_tag(struct walk *w, const struct tag *t)
{
	int at = w->depth - 1;
	const struct open *o, *parent;

	while (at >= 0 && strcmp(w->stack[at].name, t->name))
		at--;
	if (at < 0)
		return;
	for (; w->depth > at; w->depth--)
		w->silent -= w->stack[w->depth - 1].role == ROLE_SILENT;
	if (!w->in_body || w->silent)
		return;
	o = &w->stack[at];
	if (!strcmp(t->name, "body") || (o->role == ROLE_ITEM && o->holds))
		add_slot(w, o, t->from);
	parent = at ? o - 1 : NULL;
	if (parent && parent->holds && parent->role != ROLE_LIST &&
	    (o->role == ROLE_BLOCK || o->role == ROLE_HOLDER || o->role == ROLE_LIST))
		add_slot(w, parent, t->behind);
}

void places_read(struct places *p, const char *s, size_t len)
{
	const char *end = s + len;
	struct walk w = {.places = p, .start = s};
	struct tag t;

	p->letters.max_bytes = len * 2 + 1;
	while (s < end) {
		const char *next = memchr(s, '<', (size_t)(end - s));

		if (!next)
			next = end;
		if (!w.silent)
			add_text(&p->letters, s, (size_t)(next - s));
		if (next == end)
			return;
		if (read_tag(&t, next, end)) {
			if (t.end)
				close_tag(&w, &t);
			else
				open_tag(&w, &t);
		}
		s = t.behind;
	}
}

void places_finish(struct places *p)
{
	buf_finish(&p->letters);
	free(p->slots);
	*p = (struct places){0};
}

/* ---- finding */

size_t places_find(const struct places *p, const char *wanted, size_t len, size_t from, size_t to)
{
	const char *at;

	if (to > p->letters.len)
		to = p->letters.len;
	if (!len || from > to)
		return SIZE_MAX;
	at = memmem(buf_str(&p->letters) + from, to - from, wanted, len);
	return at ? (size_t)(at - buf_str(&p->letters)) + len : SIZE_MAX;
}

/* What holds the place holds the passage's last letter too: nothing of another cell or note comes
 * between. */
size_t places_behind(const struct places *p, size_t letters)
{
	size_t low = 0, high = p->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (p->slots[mid].letters < letters)
			low = mid + 1;
		else
			high = mid;
	}
	while (low < p->count && p->slots[low].since >= letters)
		low++;
	return low < p->count ? p->slots[low].offset : SIZE_MAX;
}
