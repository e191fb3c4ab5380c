/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "markup.h"
#include "writer.h"
#include "xhtml.h"

enum action {
	ACT_INLINE, /* nothing but its text */
	ACT_BLOCK,
	ACT_BREAK,
	ACT_CASE,
	ACT_CELL,
	ACT_CODE,
	ACT_DEFAULT,
	ACT_DESCRIPTION,
	ACT_EM,
	ACT_H1,
	ACT_H2,
	ACT_H3,
	ACT_H4,
	ACT_H5,
	ACT_H6,
	ACT_HEAD,
	ACT_IMAGE,
	ACT_ITEM,
	ACT_META,
	ACT_OL,
	ACT_PRE,
	ACT_QUOTE,
	ACT_READING, /* rt: the reading of a ruby base */
	ACT_ROW,
	ACT_RP,
	ACT_RULE,
	ACT_SECTION,
	ACT_SKIP,
	ACT_STRONG,
	ACT_SWITCH,
	ACT_TABLE,
	ACT_TITLE,
	ACT_UL,
	ACT_PAGE, /* a page break: its text is the label */
};

static const struct {
	const char *name;
	enum action action;
} elements[] = {
	/* sorted by name */
	{"address", ACT_BLOCK},
	{"annotation", ACT_SKIP},
	{"annotation-xml", ACT_SKIP},
	{"area", ACT_SKIP},
	{"article", ACT_SECTION},
	{"aside", ACT_SECTION},
	{"b", ACT_STRONG},
	{"blockquote", ACT_QUOTE},
	{"body", ACT_SECTION},
	{"bodymatter", ACT_SECTION},
	{"br", ACT_BREAK},
	{"caption", ACT_BLOCK},
	{"case", ACT_CASE},
	{"center", ACT_BLOCK},
	{"cite", ACT_EM},
	{"code", ACT_CODE},
	{"dd", ACT_BLOCK},
	{"default", ACT_DEFAULT},
	{"defs", ACT_SKIP},
	{"desc", ACT_DESCRIPTION},
	{"details", ACT_BLOCK},
	{"dfn", ACT_EM},
	{"div", ACT_SECTION},
	{"dl", ACT_BLOCK},
	{"dt", ACT_BLOCK},
	{"em", ACT_EM},
	{"fieldset", ACT_BLOCK},
	{"figcaption", ACT_BLOCK},
	{"figure", ACT_BLOCK},
	{"footer", ACT_BLOCK},
	{"form", ACT_BLOCK},
	{"h1", ACT_H1},
	{"h2", ACT_H2},
	{"h3", ACT_H3},
	{"h4", ACT_H4},
	{"h5", ACT_H5},
	{"h6", ACT_H6},
	{"head", ACT_HEAD},
	{"header", ACT_BLOCK},
	{"hgroup", ACT_BLOCK},
	{"hr", ACT_RULE},
	{"i", ACT_EM},
	{"img", ACT_IMAGE},
	{"kbd", ACT_CODE},
	{"li", ACT_ITEM},
	{"line", ACT_BLOCK},
	{"main", ACT_SECTION},
	{"menu", ACT_UL},
	{"meta", ACT_META},
	{"metadata", ACT_SKIP},
	{"mtd", ACT_CELL},
	{"mtr", ACT_ROW},
	{"nav", ACT_SECTION},
	{"ol", ACT_OL},
	{"option", ACT_BLOCK},
	{"p", ACT_BLOCK},
	{"pre", ACT_PRE},
	{"rp", ACT_RP},
	{"rt", ACT_READING},
	{"samp", ACT_CODE},
	{"script", ACT_SKIP},
	{"section", ACT_SECTION},
	{"strong", ACT_STRONG},
	{"style", ACT_SKIP},
	{"summary", ACT_BLOCK},
	{"switch", ACT_SWITCH},
	{"table", ACT_TABLE},
	{"td", ACT_CELL},
	{"template", ACT_SKIP},
	{"text", ACT_BLOCK},
	{"th", ACT_CELL},
	{"title", ACT_TITLE},
	{"tr", ACT_ROW},
	{"tt", ACT_CODE},
	{"ul", ACT_UL},
	{"var", ACT_EM},
};

/* A page break's text is its label; more than this is the book's. */
#define LABEL_BYTES 16

struct element {
	enum action action;
	size_t mark; /* an open semantic mark, or SIZE_MAX */
};

struct xhtml {
	struct flow *flow;
	struct writer w;
	struct buf text; /* character data that the parser gives in pieces */
	struct xhtml_about *about;
	struct element open[MARKUP_DEPTH + 1];
	size_t depth;
	size_t skipping; /* depth at which skipped content began; 0 none */
	bool in_head, in_title;
	struct buf title;
	struct buf label; /* a page break's text */
	size_t label_at;
	bool label_known, in_page;
	bool switch_taken;
	bool parenthesis; /* the document's ruby brings its own */
	int rows;	  /* of the table being read */
	bool cell_empty;
	int navs; /* nav elements around: their lists are not numbered */
	int svgs;
	bool line; /* the last block was a line of verse by its class */
};

static enum action action_of(const char *name)
{
	size_t low = 0, high = ARRAY_LEN(elements);

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = strcmp(name, elements[mid].name);

		if (!c)
			return elements[mid].action;
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return ACT_INLINE;
}

/* ---- page breaks */

static bool is_page_break(const char *const *attrs)
{
	const char *class = markup_attr(attrs, "class");

	return markup_has_token(markup_epub_type(attrs), "pagebreak") ||
	       markup_has_token(markup_attr(attrs, "role"), "doc-pagebreak") ||
	       markup_has_token(class, "x-ebookmaker-pageno") ||
	       markup_has_token(class, "pagenum") || markup_has_token(class, "pageno");
}

static void page_begin(struct xhtml *x, const char *const *attrs)
{
	const char *label = markup_attr(attrs, "title");

	if (!label || !*label)
		label = markup_attr(attrs, "aria-label");
	x->in_page = true;
	x->label_known = label && *label;
	x->label_at = x->flow->text.len;
	buf_clear(&x->label);
	x->label.max_bytes = x->flow->text.max_bytes;
	if (x->label_known)
		flow_add_page(x->flow, x->label_at, label);
}

static void page_end(struct xhtml *x)
{
	x->in_page = false;
	if (x->label.len > LABEL_BYTES) { /* not a page break at all, or one around everything */
		writer_text(&x->w, x->label.data, x->label.len);
		return;
	}
	if (!x->label_known && x->label.len)
		flow_add_page(x->flow, x->label_at, x->label.data);
}

/* ---- elements */

static bool has_class(const char *const *attrs, const char *token)
{
	return markup_has_token(markup_attr(attrs, "class"), token);
}

/* A line of verse that is an element of its own (docutils, many converters). */
static bool is_line(const char *const *attrs)
{
	return has_class(attrs, "line") || has_class(attrs, "verse-line") ||
	       has_class(attrs, "verseline") || has_class(attrs, "poem-line");
}

static void block_begin(struct xhtml *x, const char *const *attrs)
{
	bool line = is_line(attrs);

	/* The first block of a table's cell is the cell. */
	if (x->cell_empty && (!x->w.open || x->w.cell_due))
		return;
	writer_close(&x->w);
	if (line && x->line)
		writer_separate(&x->w, SEPARATE_LINE);
	else if (x->w.separator == SEPARATE_LINE)
		writer_separate(&x->w, SEPARATE_BLOCK);
	x->line = line;
}

static void heading_begin(struct xhtml *x, enum action a)
{
	x->cell_empty = false;
	writer_heading_begin(&x->w, a - ACT_H1 + 1);
}

/* An initial that is a picture: "<img alt="T"/>he". */
static void image(struct xhtml *x, const char *const *attrs)
{
	const char *alt = markup_attr(attrs, "alt");
	const char *s = alt;

	if (!alt || !*alt)
		return;
	utf8_next(&s, alt + strlen(alt));
	if (*s == '\0' && (*alt & 0x80 || strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ", *alt)))
		writer_text(&x->w, alt, strlen(alt));
}

static void list_begin(struct xhtml *x, bool ordered, const char *const *attrs)
{
	const char *start = markup_attr(attrs, "start");
	int first = start ? atoi(start) : 1;

	x->cell_empty = false;
	writer_list_begin(&x->w, ordered, first >= 0 && first < 1000000 ? first : 1);
}

static void row_begin(struct xhtml *x)
{
	writer_close(&x->w);
	if (x->rows++)
		writer_separate(&x->w, SEPARATE_LINE);
	x->cell_empty = false;
}

static void cell_begin(struct xhtml *x)
{
	writer_cell(&x->w);
	x->cell_empty = true;
}

/* Of alternatives only one is read: the first in a language that is text here, else the default. */
static bool case_taken(struct xhtml *x, const char *const *attrs)
{
	const char *ns = markup_attr(attrs, "required-namespace");

	if (x->switch_taken || !ns ||
	    (!strstr(ns, "MathML") && !strstr(ns, "xhtml") && !strstr(ns, "svg")))
		return false;
	return x->switch_taken = true;
}

static void meta(struct xhtml *x, const char *const *attrs)
{
	const char *name = markup_attr(attrs, "name"), *content = markup_attr(attrs, "content");

	if (!x->about || !name || !content)
		return;
	if ((!strcasecmp(name, "author") || !strcasecmp(name, "dc.creator")) && !x->about->author)
		x->about->author = text_folded(content, strlen(content));
}

static void skip(struct xhtml *x)
{
	x->skipping = x->depth;
}

/* ---- what each element does: the table at the end */

static enum inline_mark mark_of(enum action a)
{
	return a == ACT_CODE ? INLINE_CODE : a == ACT_EM ? INLINE_EM : INLINE_STRONG;
}

static void begin_block(struct xhtml *x, enum action a, const char *const *attrs)
{
	block_begin(x, attrs);
}

static void begin_break(struct xhtml *x, enum action a, const char *const *attrs)
{
	writer_break(&x->w);
}

static void begin_case(struct xhtml *x, enum action a, const char *const *attrs)
{
	if (!case_taken(x, attrs))
		skip(x);
}

static void begin_cell(struct xhtml *x, enum action a, const char *const *attrs)
{
	cell_begin(x);
}

static void begin_mark(struct xhtml *x, enum action a, const char *const *attrs)
{
	writer_mark(&x->w, mark_of(a), true);
}

static void begin_default(struct xhtml *x, enum action a, const char *const *attrs)
{
	if (x->switch_taken)
		skip(x);
}

static void begin_heading(struct xhtml *x, enum action a, const char *const *attrs)
{
	heading_begin(x, a);
}

static void begin_head(struct xhtml *x, enum action a, const char *const *attrs)
{
	x->in_head = true;
}

static void begin_image(struct xhtml *x, enum action a, const char *const *attrs)
{
	image(x, attrs);
}

static void begin_item(struct xhtml *x, enum action a, const char *const *attrs)
{
	x->cell_empty = false;
	writer_item(&x->w);
}

static void begin_meta(struct xhtml *x, enum action a, const char *const *attrs)
{
	meta(x, attrs);
}

static void begin_list(struct xhtml *x, enum action a, const char *const *attrs)
{
	list_begin(x, a == ACT_OL && !x->navs, attrs);
}

static void begin_pre(struct xhtml *x, enum action a, const char *const *attrs)
{
	x->cell_empty = false;
	writer_pre_begin(&x->w);
}

static void begin_quote(struct xhtml *x, enum action a, const char *const *attrs)
{
	x->cell_empty = false;
	writer_quote_begin(&x->w);
}

static void begin_reading(struct xhtml *x, enum action a, const char *const *attrs)
{
	if (!x->parenthesis)
		writer_text(&x->w, "(", 1);
}

static void begin_parenthesis(struct xhtml *x, enum action a, const char *const *attrs)
{
	x->parenthesis = true;
}

static void begin_row(struct xhtml *x, enum action a, const char *const *attrs)
{
	row_begin(x);
}

static void begin_rule(struct xhtml *x, enum action a, const char *const *attrs)
{
	writer_rule(&x->w);
}

static void begin_skipped(struct xhtml *x, enum action a, const char *const *attrs)
{
	skip(x);
}

static void begin_switch(struct xhtml *x, enum action a, const char *const *attrs)
{
	x->switch_taken = false;
}

static void begin_table(struct xhtml *x, enum action a, const char *const *attrs)
{
	x->cell_empty = false;
	x->rows = 0;
	writer_close(&x->w);
}

static void begin_title(struct xhtml *x, enum action a, const char *const *attrs)
{
	x->in_title = !x->svgs;
	if (x->svgs) /* of a picture: it is read where nothing is seen */
		block_begin(x, attrs);
}

static void begin_page(struct xhtml *x, enum action a, const char *const *attrs)
{
	page_begin(x, attrs);
}

static void end_block(struct xhtml *x, enum action a)
{
	if (!x->cell_empty || !x->w.cell_due)
		writer_close(&x->w);
}

static void end_cell(struct xhtml *x, enum action a)
{
	x->cell_empty = false;
}

static void end_mark(struct xhtml *x, enum action a)
{
	writer_mark(&x->w, mark_of(a), false);
}

static void end_heading(struct xhtml *x, enum action a)
{
	writer_heading_end(&x->w);
}

static void end_head(struct xhtml *x, enum action a)
{
	x->in_head = false;
}

static void end_level(struct xhtml *x, enum action a)
{
	writer_level_end(&x->w);
}

static void end_row(struct xhtml *x, enum action a)
{
	writer_close(&x->w);
	x->cell_empty = false;
}

static void end_table(struct xhtml *x, enum action a)
{
	end_row(x, a);
	writer_separate(&x->w, SEPARATE_BLOCK);
}

static void end_pre(struct xhtml *x, enum action a)
{
	writer_pre_end(&x->w);
}

static void end_reading(struct xhtml *x, enum action a)
{
	if (!x->parenthesis)
		writer_text(&x->w, ")", 1);
}

static void end_title(struct xhtml *x, enum action a)
{
	x->in_title = false;
	if (x->svgs)
		writer_close(&x->w);
}

static void end_description(struct xhtml *x, enum action a)
{
	writer_close(&x->w);
}

static void end_page(struct xhtml *x, enum action a)
{
	page_end(x);
}

/* An inline element does nothing of its own. */
static const struct {
	void (*begin)(struct xhtml *x, enum action a, const char *const *attrs);
	void (*end)(struct xhtml *x, enum action a);
} acts[] = {
	[ACT_BLOCK] = {begin_block, end_block},
	[ACT_BREAK] = {begin_break},
	[ACT_CASE] = {begin_case},
	[ACT_CELL] = {begin_cell, end_cell},
	[ACT_CODE] = {begin_mark, end_mark},
	[ACT_DEFAULT] = {begin_default},
	[ACT_DESCRIPTION] = {begin_block, end_description},
	[ACT_EM] = {begin_mark, end_mark},
	[ACT_H1] = {begin_heading, end_heading},
	[ACT_H2] = {begin_heading, end_heading},
	[ACT_H3] = {begin_heading, end_heading},
	[ACT_H4] = {begin_heading, end_heading},
	[ACT_H5] = {begin_heading, end_heading},
	[ACT_H6] = {begin_heading, end_heading},
	[ACT_HEAD] = {begin_head, end_head},
	[ACT_IMAGE] = {begin_image},
	[ACT_ITEM] = {begin_item, end_row},
	[ACT_META] = {begin_meta},
	[ACT_OL] = {begin_list, end_level},
	[ACT_PAGE] = {begin_page, end_page},
	[ACT_PRE] = {begin_pre, end_pre},
	[ACT_QUOTE] = {begin_quote, end_level},
	[ACT_READING] = {begin_reading, end_reading},
	[ACT_ROW] = {begin_row, end_row},
	[ACT_RP] = {begin_parenthesis},
	[ACT_RULE] = {begin_rule},
	[ACT_SECTION] = {begin_block, end_block},
	[ACT_SKIP] = {begin_skipped},
	[ACT_STRONG] = {begin_mark, end_mark},
	[ACT_SWITCH] = {begin_switch},
	[ACT_TABLE] = {begin_table, end_table},
	[ACT_TITLE] = {begin_title, end_title},
	[ACT_UL] = {begin_list, end_level},
};

static void begin(struct xhtml *x, enum action a, const char *const *attrs)
{
	if (acts[a].begin)
		acts[a].begin(x, a, attrs);
}

static void end(struct xhtml *x, enum action a)
{
	if (acts[a].end)
		acts[a].end(x, a);
}

/* ---- events */

static size_t open_mark(struct xhtml *x, const char *const *attrs)
{
	struct matter m = matter_of_types(markup_epub_type(attrs));
	const char *role = markup_attr(attrs, "role");

	if (m.kind == MATTER_NONE && role && !strncasecmp(role, "doc-", 4))
		m.kind = matter_of_types(role).kind;
	if (m.kind == MATTER_NONE && m.division == MATTER_NONE)
		return SIZE_MAX;
	return flow_open_mark(x->flow, writer_position(&x->w), m);
}

static void ids(struct xhtml *x, const char *const *attrs, const char *name)
{
	const char *id = markup_attr(attrs, "id");

	if (id)
		writer_anchor(&x->w, id);
	id = !strcmp(name, "a") ? markup_attr(attrs, "name") : NULL;
	if (id)
		writer_anchor(&x->w, id);
}

static void flush_text(struct xhtml *x)
{
	if (!x->text.len)
		return;
	writer_text(&x->w, x->text.data, x->text.len);
	buf_clear(&x->text);
	if (x->w.open && !x->w.cell_due)
		x->cell_empty = false;
}

static void on_start(void *arg, const char *name, const char *const *attrs)
{
	struct xhtml *x = arg;
	enum action a = action_of(name);
	struct element *e = &x->open[x->depth < MARKUP_DEPTH ? x->depth : MARKUP_DEPTH];

	flush_text(x);
	x->depth++;
	*e = (struct element){a, SIZE_MAX};
	x->navs += !strcmp(name, "nav");
	x->svgs += !strcmp(name, "svg");
	if (!strcmp(name, "html") && x->about && !x->about->language && markup_attr(attrs, "lang"))
		x->about->language = xstrdup(markup_attr(attrs, "lang"));
	if (x->skipping || x->in_page)
		return;
	if (is_page_break(attrs))
		e->action = a = ACT_PAGE;
	/* What closes the block before it must do so before the place is taken. */
	if (a == ACT_INLINE || a == ACT_EM || a == ACT_STRONG || a == ACT_PAGE || a == ACT_CODE) {
		ids(x, attrs, name);
		begin(x, a, attrs);
		return;
	}
	begin(x, a, attrs);
	ids(x, attrs, name);
	if (a == ACT_SECTION)
		e->mark = open_mark(x, attrs);
}

static void on_end(void *arg, const char *name)
{
	struct xhtml *x = arg;
	struct element *e = &x->open[x->depth - 1 < MARKUP_DEPTH ? x->depth - 1 : MARKUP_DEPTH];

	flush_text(x);
	x->navs -= !strcmp(name, "nav");
	x->svgs -= !strcmp(name, "svg");
	if (x->skipping == x->depth)
		x->skipping = 0;
	else if (!x->skipping && (!x->in_page || e->action == ACT_PAGE))
		end(x, e->action);
	if (e->mark != SIZE_MAX)
		x->flow->marks[e->mark].end = x->flow->text.len;
	x->depth--;
}

static void on_text(void *arg, const char *s, size_t len)
{
	struct xhtml *x = arg;

	if (x->skipping)
		return;
	if (x->in_title)
		buf_add(&x->title, s, len);
	else if (x->in_page)
		buf_add(&x->label, s, len);
	else if (!x->in_head)
		buf_add(&x->text, s, len);
}

static void init(struct xhtml *x, struct flow *f, struct xhtml_about *about)
{
	*x = (struct xhtml){.flow = f, .about = about};
	x->title.max_bytes = 8192;
	x->text.max_bytes = f->text.max_bytes;
	writer_init(&x->w, f);
}

static void finish(struct xhtml *x)
{
	flush_text(x);
	if (x->in_page)
		page_end(x);
	writer_finish(&x->w);
	buf_finish(&x->text);
	buf_finish(&x->title);
	buf_finish(&x->label);
}

static void on_restart(void *arg)
{
	struct xhtml *x = arg;
	struct flow *f = x->flow;
	struct xhtml_about *about = x->about;

	finish(x);
	flow_doc_restart(f);
	init(x, f, about);
}

int xhtml_read(struct flow *f, const char *s, size_t len, struct xhtml_about *about)
{
	static const struct markup_events events = {on_start, on_end, on_text, on_restart};
	struct xhtml *x = xcalloc(1, sizeof(*x));
	struct flow_doc *doc = &f->docs[f->doc_count - 1];
	int r;

	init(x, f, about);
	r = markup_read(&events, x, s, len, MARKUP_XHTML);
	if (x->title.len) {
		doc->title = text_folded(x->title.data, x->title.len);
		if (about && !about->title)
			about->title = xstrdup(doc->title);
	}
	finish(x);
	free(x);
	return r;
}
