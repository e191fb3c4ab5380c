/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "late.h"
#include "markup.h"

/*
 * Tag soup: markup that no XML parser takes. The reader goes over the bytes once and never gives
 * up, so no word is lost. It is not HTML5's tree construction, which nobody here needs: a start
 * tag opens, an end tag closes the nearest element of its name and all within it (a stray one is
 * dropped), and a handful of elements are closed by their successors.
 *
 * libxml2's HTML parser is not used for this: its time is the product of tags and nesting, and it
 * loses what stands behind an oddity it does not know.
 */

#define ATTRS_MAX 32

/* What is looked for from afar. */
enum sign { SIGN_COMMENT_END, SIGN_TAG_END, SIGN_BRACKET, SIGN_BRACKET_END, SIGN_COUNT };
static const char *const signs[SIGN_COUNT] = {"-->", ">", "[", "]"};

struct soup {
	const struct markup_events *events;
	void *arg;
	enum markup_kind kind;
	const char *s, *end;
	struct open_element {
		char name[MARKUP_NAME_BYTES];
		uint32_t hash;
		unsigned fences; /* which implied ends stop here */
	} open[MARKUP_DEPTH];
	size_t depth;
	struct buf text; /* decoded character data, attribute values */
	const char *met[SIGN_COUNT];
};

static bool is_one_of(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (!strcmp(name, *names))
			return true;
	return false;
}

static bool is_void(const char *name)
{
	static const char *const names[] = {"br",    "hr",    "img",	"input",  "meta",
					    "link",  "area",  "base",	"col",	  "embed",
					    "param", "track", "wbr",	"source", "basefont",
					    "frame", "image", "keygen", NULL};

	return is_one_of(name, names);
}

static bool is_raw(const char *name)
{
	static const char *const names[] = {"script", "style", "xmp", NULL};

	return is_one_of(name, names);
}

static bool ends_paragraph(const char *name)
{
	static const char *const names[] = {
		"p",	   "div",     "h1",	  "h2",		"h3",	 "h4",	   "h5",
		"h6",	   "ul",      "ol",	  "dl",		"table", "pre",	   "hr",
		"section", "article", "nav",	  "blockquote", "li",	 "dt",	   "dd",
		"tr",	   "td",      "th",	  "form",	"aside", "header", "footer",
		"figure",  "center",  "fieldset", "address",	NULL};

	return is_one_of(name, names);
}

/* ---- characters */

static size_t numeric_reference(uint32_t *cp, const char *s, const char *end)
{
	const char *at = s + 2;
	unsigned base = 10;
	uint32_t value = 0;
	const char *digits;

	if (at < end && (*at == 'x' || *at == 'X')) {
		base = 16;
		at++;
	}
	for (digits = at; at < end && isxdigit((unsigned char)*at); at++) {
		unsigned d = isdigit((unsigned char)*at)
				     ? (unsigned)(*at - '0')
				     : (unsigned)(tolower((unsigned char)*at) - 'a' + 10);

		if (d >= base)
			break;
		if (value < 0x110000)
			value = value * base + d;
	}
	if (at == digits)
		return 0;
	*cp = value < 0x20 && !strchr("\t\n", (int)value) ? 0xfffd : value;
	if (value == 0 || value > 0x10ffff)
		*cp = 0xfffd;
	return (size_t)(at - s) + (at < end && *at == ';');
}

static size_t named_reference(uint32_t *cp, const char *s, const char *end)
{
	char name[12];
	size_t n = 0;
	const htmlEntityDesc *desc;

	for (const char *at = s + 1; at < end && n < 11 && isalnum((unsigned char)*at); at++)
		name[n++] = *at;
	/* Without its semicolon a name may run into the word behind it: the longest that is one. */
	for (; n >= 2; n--) {
		name[n] = '\0';
		desc = libxml.html_entity((const xmlChar *)name);
		if (!strcmp(name, "apos"))
			*cp = '\'';
		else if (desc)
			*cp = desc->value;
		else
			continue;
		if (s + 1 + n < end && s[1 + n] == ';')
			return n + 2;
		return n <= 4 && *cp < 0x100 ? n + 1 : 0;
	}
	return 0;
}

static void decode(struct buf *out, const char *s, const char *end)
{
	while (s < end) {
		const char *amp = memchr(s, '&', (size_t)(end - s));
		uint32_t cp;
		size_t n;
		char bytes[4];

		buf_add(out, s, (size_t)((amp ? amp : end) - s));
		if (!amp)
			return;
		n = amp + 1 < end && amp[1] == '#' ? numeric_reference(&cp, amp, end)
						   : named_reference(&cp, amp, end);
		if (n)
			buf_add(out, bytes, utf8_put(bytes, cp));
		else
			buf_addc(out, '&');
		s = amp + (n ? n : 1);
	}
}

static void send_text(struct soup *p, const char *s, const char *end)
{
	if (s >= end)
		return;
	if (!memchr(s, '&', (size_t)(end - s))) {
		p->events->text(p->arg, s, (size_t)(end - s));
		return;
	}
	buf_clear(&p->text);
	decode(&p->text, s, end);
	if (!buf_error(&p->text))
		p->events->text(p->arg, p->text.data, p->text.len);
}

/* ---- elements */

static void close_to(struct soup *p, size_t depth)
{
	while (p->depth > depth)
		p->events->end(p->arg, p->open[--p->depth].name);
}

/* The stack is searched at every tag, so names are told apart by a number first. */
static uint32_t name_hash(const char *name)
{
	uint32_t hash = 2166136261u;

	while (*name)
		hash = (hash ^ (unsigned char)*name++) * 16777619u;
	return hash;
}

static bool is_open(const struct soup *p, size_t i, uint32_t hash, const char *name)
{
	return p->open[i].hash == hash && !strcmp(p->open[i].name, name);
}

static void end_element(struct soup *p, const char *name)
{
	uint32_t hash = name_hash(name);

	for (size_t i = p->depth; i-- > 0;)
		if (is_open(p, i, hash, name)) {
			close_to(p, i);
			return;
		}
}

enum { FENCE_LISTS = 1, FENCE_TABLES = 2, FENCE_ROWS = 4, FENCE_BLOCKS = 8 };

static unsigned fences_of(const char *name)
{
	static const char *const lists[] = {"ul", "ol", "dl", "table", NULL};
	static const char *const tables[] = {"table", NULL};
	static const char *const rows[] = {"table", "tr", NULL};
	static const char *const blocks[] = {"table", "td",	 "th",	       "li",	 "div",
					     "body",  "section", "blockquote", "object", NULL};

	return (is_one_of(name, lists) ? FENCE_LISTS : 0) |
	       (is_one_of(name, tables) ? FENCE_TABLES : 0) |
	       (is_one_of(name, rows) ? FENCE_ROWS : 0) |
	       (is_one_of(name, blocks) ? FENCE_BLOCKS : 0);
}

/* Closes the nearest `name`, unless a fence stands between. */
static void end_implied(struct soup *p, const char *name, unsigned fences)
{
	uint32_t hash = name_hash(name);

	for (size_t i = p->depth; i-- > 0;) {
		if (is_open(p, i, hash, name)) {
			close_to(p, i);
			return;
		}
		if (p->open[i].fences & fences)
			return;
	}
}

static void imply_ends(struct soup *p, const char *name)
{
	if (!strcmp(name, "body"))
		end_implied(p, "head", FENCE_TABLES);
	if (ends_paragraph(name))
		end_implied(p, "p", FENCE_BLOCKS);
	if (!strcmp(name, "li"))
		end_implied(p, "li", FENCE_LISTS);
	else if (!strcmp(name, "dt") || !strcmp(name, "dd")) {
		end_implied(p, "dt", FENCE_LISTS);
		end_implied(p, "dd", FENCE_LISTS);
	} else if (!strcmp(name, "tr"))
		end_implied(p, "tr", FENCE_TABLES);
	else if (!strcmp(name, "td") || !strcmp(name, "th")) {
		end_implied(p, "td", FENCE_ROWS);
		end_implied(p, "th", FENCE_ROWS);
	}
}

static void open_element(struct soup *p, const char *name)
{
	struct open_element *e = &p->open[p->depth++];

	strcpy(e->name, name);
	e->hash = name_hash(name);
	e->fences = fences_of(name);
}

static void start_element(struct soup *p, const char *name, const char *const *attrs, bool closed)
{
	if (p->kind == MARKUP_XHTML) {
		imply_ends(p, name);
		closed = closed || is_void(name);
	}
	if (p->depth == MARKUP_DEPTH)
		return;
	p->events->start(p->arg, name, attrs);
	if (closed)
		p->events->end(p->arg, name);
	else
		open_element(p, name);
}

/* ---- tags */

static const char *skip_space(const char *s, const char *end)
{
	while (s < end && isspace((unsigned char)*s))
		s++;
	return s;
}

static const char *name_end(const char *s, const char *end)
{
	while (s < end && !isspace((unsigned char)*s) && !strchr("/>=<\"'", *s))
		s++;
	return s;
}

/* One attribute; its name and value go to `text`, NUL-terminated. False at the tag's end. */
static bool read_attr(struct soup *p, size_t *name_at, size_t *value_at)
{
	const char *end = p->end, *s = p->s, *name;

	while (s < end && (isspace((unsigned char)*s) || *s == '/' || strchr("\"'=", *s)))
		s++;
	p->s = s;
	if (s >= end || *s == '>' || *s == '<')
		return false;
	name = s;
	s = name_end(s, end);
	*name_at = p->text.len;
	buf_add(&p->text, name, (size_t)(s - name));
	buf_addc(&p->text, '\0');
	*value_at = p->text.len;
	p->s = s;
	s = skip_space(s, end);
	if (s < end && *s == '=') {
		const char *value = skip_space(s + 1, end), *stop = value;

		if (value < end && (*value == '"' || *value == '\'')) {
			stop = memchr(value + 1, *value, (size_t)(end - value - 1));
			if (!stop)
				stop = value + 1 + strcspn(value + 1, "><");
			decode(&p->text, value + 1, stop);
			p->s = stop < end && *stop == *value ? stop + 1 : stop;
		} else {
			while (stop < end && !isspace((unsigned char)*stop) && *stop != '>')
				stop++;
			decode(&p->text, value, stop);
			p->s = stop;
		}
	}
	buf_addc(&p->text, '\0');
	return !buf_error(&p->text);
}

static void raw_text(struct soup *p, const char *name)
{
	size_t len = strlen(name);
	const char *s = p->s;

	while ((s = memchr(s, '<', (size_t)(p->end - s)))) {
		if ((size_t)(p->end - s) > len + 1 && s[1] == '/' && !strncasecmp(s + 2, name, len))
			break;
		s++;
	}
	s = s ? s : p->end;
	if (s > p->s)
		p->events->text(p->arg, p->s, (size_t)(s - p->s));
	p->s = s;
}

static void start_tag(struct soup *p)
{
	const char *attrs[2 * ATTRS_MAX + 1];
	size_t at[2 * ATTRS_MAX], count = 0;
	const char *stop = name_end(p->s + 1, p->end);
	char name[MARKUP_NAME_BYTES];
	bool closed;

	markup_local(name, p->s + 1, (size_t)(stop - p->s - 1));
	p->s = stop;
	buf_clear(&p->text);
	while (read_attr(p, &at[count], &at[count + 1]))
		if (count + 2 < 2 * ATTRS_MAX)
			count += 2;
	closed = p->s[-1] == '/';
	if (p->s < p->end && *p->s == '>')
		p->s++;
	for (size_t i = 0; i < count; i++)
		attrs[i] = p->text.data + at[i];
	attrs[count] = NULL;
	start_element(p, name, attrs, closed);
	if (!closed && p->kind == MARKUP_XHTML && is_raw(name)) {
		raw_text(p, name);
	}
}

static void end_tag(struct soup *p)
{
	const char *stop = name_end(p->s + 2, p->end);
	const char *close = memchr(stop, '>', (size_t)(p->end - stop));
	char name[MARKUP_NAME_BYTES];

	markup_local(name, p->s + 2, (size_t)(stop - p->s - 2));
	p->s = close ? close + 1 : p->end;
	if (p->kind == MARKUP_XHTML && is_void(name) && strcmp(name, "br"))
		return;
	end_element(p, name);
}

static bool starts(const struct soup *p, const char *what)
{
	size_t len = strlen(what);

	return (size_t)(p->end - p->s) >= len && !memcmp(p->s, what, len);
}

/* The next such sign from here on; NULL: there is none. What was found is kept until it is passed,
 * so that no stretch is gone through twice. */
static const char *next_sign(struct soup *p, enum sign sign)
{
	size_t len = strlen(signs[sign]), left = (size_t)(p->end - p->s);

	if (!p->met[sign] || p->met[sign] < p->s) {
		p->met[sign] = len == 1 ? memchr(p->s, *signs[sign], left)
					: memmem(p->s, left, signs[sign], len);
		if (!p->met[sign])
			p->met[sign] = p->end;
	}
	return p->met[sign] < p->end ? p->met[sign] : NULL;
}

static void skip_past(struct soup *p, enum sign sign)
{
	const char *at = next_sign(p, sign);

	if (at) {
		p->s = at + strlen(signs[sign]);
		return;
	}
	/* Never closed: it was one tag, so that the rest is not lost. */
	at = next_sign(p, SIGN_TAG_END);
	p->s = at ? at + 1 : p->end;
}

/* A document type may have declarations in brackets. */
static void skip_declaration(struct soup *p)
{
	const char *close = next_sign(p, SIGN_TAG_END);
	const char *bracket = next_sign(p, SIGN_BRACKET);

	if (bracket && (!close || bracket < close))
		skip_past(p, SIGN_BRACKET_END);
	skip_past(p, SIGN_TAG_END);
}

static void cdata(struct soup *p)
{
	const char *s = p->s + strlen("<![CDATA[");
	const char *stop = memmem(s, (size_t)(p->end - s), "]]>", 3);

	p->s = stop ? stop + 3 : p->end;
	stop = stop ? stop : p->end;
	if (stop > s)
		p->events->text(p->arg, s, (size_t)(stop - s));
}

/* At a '<'. */
static void tag(struct soup *p)
{
	if (starts(p, "<!--"))
		skip_past(p, SIGN_COMMENT_END);
	else if (starts(p, "<![CDATA["))
		cdata(p);
	else if (starts(p, "<!"))
		skip_declaration(p);
	else if (starts(p, "<?"))
		skip_past(p, SIGN_TAG_END);
	else if (starts(p, "</"))
		end_tag(p);
	else if (p->end - p->s > 1 && isalpha((unsigned char)p->s[1]))
		start_tag(p);
	else {
		p->events->text(p->arg, "<", 1);
		p->s++;
	}
}

void soup_read(const struct markup_events *events, void *arg, const char *s, size_t len,
	       enum markup_kind kind)
{
	struct soup *p = xcalloc(1, sizeof(*p));

	*p = (struct soup){.events = events, .arg = arg, .kind = kind, .s = s, .end = s + len};
	p->text.max_bytes = len * 4 + 4096;
	while (p->s < p->end) {
		const char *lt = memchr(p->s, '<', (size_t)(p->end - p->s));

		send_text(p, p->s, lt ? lt : p->end);
		p->s = lt ? lt : p->end;
		if (lt)
			tag(p);
	}
	close_to(p, 0);
	buf_finish(&p->text);
	free(p);
}
