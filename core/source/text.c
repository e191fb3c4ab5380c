/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "encoding.h"
#include "reader.h"
#include "text.h"
#include "writer.h"

/*
 * Plain text, as Project Gutenberg and everybody else writes it. Paragraphs are apart by empty
 * lines and their lines are joined; lines that end early are verse and stay. Headings are found by
 * their words (headings.c), where text follows them: so a list of contents has none. The licence
 * before and after a Gutenberg book becomes documents of their own, front and back matter.
 */

#define EMPHASIS_BYTES 2000 /* longer emphasis is a stray underscore */
#define LONG_LINE 120	    /* on average: then every line is a paragraph */

struct paragraph {
	const char *s, *end; /* without the last newline */
	int lines, blanks;   /* empty lines before it */
};

struct cursor {
	const char *s, *end;
	bool line_is_paragraph;
};

struct plain {
	struct reading *r;
	struct writer w;
	size_t wrap; /* where the lines of prose end */
	bool line_is_paragraph;
	bool numbers_count; /* bare numbers are chapters */
	int last_number;
};

/* ---- lines and paragraphs */

static const char *line_end(const char *s, const char *end)
{
	const char *nl = memchr(s, '\n', (size_t)(end - s));

	return nl ? nl : end;
}

static bool is_blank(const char *s, const char *end)
{
	for (; s < end; s++)
		if (!isspace((unsigned char)*s))
			return false;
	return true;
}

static bool next_paragraph(struct paragraph *p, struct cursor *c)
{
	const char *stop;

	*p = (struct paragraph){0};
	for (; c->s < c->end; c->s = stop + (stop < c->end)) {
		stop = line_end(c->s, c->end);
		if (!is_blank(c->s, stop))
			break;
		p->blanks++;
	}
	if (c->s >= c->end)
		return false;
	p->s = c->s;
	do {
		stop = line_end(c->s, c->end);
		if (is_blank(c->s, stop))
			break;
		p->end = stop;
		p->lines++;
		c->s = stop + (stop < c->end);
	} while (c->s < c->end && !c->line_is_paragraph);
	return true;
}

static size_t line_length(const char *s, const char *end)
{
	while (s < end && isspace((unsigned char)*s))
		s++;
	while (s < end && isspace((unsigned char)end[-1]))
		end--;
	return (size_t)(end - s);
}

/* ---- headings */

static enum heading_kind heading(const struct plain *t, bool *bare, int *number,
				 const struct paragraph *p)
{
	bool second_bare;
	int second_number;
	enum heading_kind kind;
	const char *nl;

	if (p->lines > 3)
		return HEADING_NONE;
	nl = line_end(p->s, p->end);
	kind = heading_of_line(bare, number, p->s, (size_t)(nl - p->s));
	if (kind == HEADING_NUMBER &&
	    (!t->numbers_count || p->lines > 1 || (!*bare && p->blanks < 2)))
		return HEADING_NONE;
	/* Two headings in one paragraph are a list; so is one that goes on as a sentence. */
	if (kind && p->lines > 1 &&
	    (heading_of_line(&second_bare, &second_number, nl + 1,
			     (size_t)(line_end(nl + 1, p->end) - nl - 1)) ||
	     line_length(p->s, nl) > 60))
		return HEADING_NONE;
	return kind;
}

/* A heading has text behind it before the next heading; a part may have a chapter. */
static bool has_text(const struct plain *t, enum heading_kind kind, struct cursor ahead, int depth)
{
	struct paragraph next;
	enum heading_kind other;
	bool bare;
	int number;

	if (!next_paragraph(&next, &ahead))
		return false;
	other = heading(t, &bare, &number, &next);
	if (!other)
		return true;
	return kind == HEADING_PART && other != HEADING_PART && depth < 3 &&
	       has_text(t, other, ahead, depth + 1);
}

static bool is_upper(const char *s, const char *end)
{
	for (; s < end; s++)
		if (islower((unsigned char)*s))
			return false;
	return true;
}

/* A short line between a bare label and the text: the chapter's title. */
static bool is_subtitle(const struct plain *t, const struct paragraph *p, struct cursor after)
{
	struct paragraph next;
	const char *last = p->end;
	bool bare, upper = is_upper(p->s, p->end);
	int number;

	while (last > p->s && isspace((unsigned char)last[-1]))
		last--;
	if (p->lines > 2 || line_length(p->s, p->end) > 120 || heading(t, &bare, &number, p))
		return false;
	if (strchr("\"'([-*", p->s[strspn(p->s, " \t")]) || (unsigned char)p->s[0] == 0xe2)
		return false; /* speech, a dash, a picture's caption */
	if (!upper && (strchr(".,;:!?\"'", last[-1]) || islower((unsigned char)*p->s) ||
		       (unsigned char)last[-1] >= 0x80))
		return false;
	return next_paragraph(&next, &after) && !heading(t, &bare, &number, &next);
}

/* ---- emphasis */

static bool is_word(const char *s, const char *from, const char *end)
{
	return s >= from && s < end && (isalnum((unsigned char)*s) || (unsigned char)*s >= 0x80);
}

/* An underscore that begins emphasis has one in this paragraph that ends it. *searched: there is
 * none before it, so that no stretch is gone through twice. */
static const char *emphasis_end(const char *s, const char *from, const char *end,
				const char **searched)
{
	if (is_word(s - 1, from, end) || s + 1 >= end || isspace((unsigned char)s[1]) ||
	    s[1] == '_')
		return NULL;
	if (end - s > EMPHASIS_BYTES)
		end = s + EMPHASIS_BYTES;
	for (const char *at = *searched > s + 2 ? *searched : s + 2; at < end; at++)
		if (*at == '_' && !isspace((unsigned char)at[-1]) && !is_word(at + 1, from, end))
			return at;
	if (end > *searched)
		*searched = end;
	return NULL;
}

static void write_marked(struct writer *w, const char *s, const char *end, bool keep_lines)
{
	const char *run = s, *close = NULL, *searched = s;

	for (const char *at = s; at < end; at++) {
		if (*at == '\n' && keep_lines) {
			writer_text(w, run, (size_t)(at - run));
			writer_break(w);
			run = at + 1;
		}
		if (*at != '_')
			continue;
		if (at == close) {
			writer_text(w, run, (size_t)(at - run));
			writer_mark(w, INLINE_EM, false);
			close = NULL;
			run = at + 1;
		} else if (!close && (close = emphasis_end(at, s, end, &searched))) {
			writer_text(w, run, (size_t)(at - run));
			writer_mark(w, INLINE_EM, true);
			run = at + 1;
		}
	}
	writer_text(w, run, (size_t)(end - run));
}

/* ---- paragraphs */

/* "* * * * *", "-----", "***" */
static bool is_rule(const struct paragraph *p)
{
	size_t signs = 0;
	char sign = p->s[strspn(p->s, " \t")];

	if (p->lines > 1 || !strchr("*-_~=#", sign))
		return false;
	for (const char *s = p->s; s < p->end; s++) {
		if (*s != sign && !isspace((unsigned char)*s))
			return false;
		signs += *s == sign;
	}
	return signs >= 3;
}

/* All lines but the last end well before the margin. */
static bool is_verse(const struct plain *t, const struct paragraph *p)
{
	if (p->lines < 2)
		return false;
	for (const char *s = p->s; s < p->end;) {
		const char *nl = line_end(s, p->end);

		if (nl < p->end && line_length(s, nl) * 4 > t->wrap * 3)
			return false;
		s = nl + 1;
	}
	return true;
}

static void write_paragraph(struct plain *t, const struct paragraph *p)
{
	writer_close(&t->w);
	if (is_rule(p))
		writer_rule(&t->w);
	else
		write_marked(&t->w, p->s, p->end, is_verse(t, p));
	writer_close(&t->w);
}

static void write_heading(struct plain *t, int level, const char *s, const char *end)
{
	writer_heading_begin(&t->w, level);
	write_marked(&t->w, s, end, false);
	writer_heading_end(&t->w);
}

static void write_headings(struct plain *t, const struct paragraph *p, enum heading_kind kind,
			   bool bare, struct cursor *c)
{
	int level = kind == HEADING_PART ? 1 : 2;
	const char *nl = line_end(p->s, p->end);
	struct cursor after = *c;
	struct paragraph next;

	write_heading(t, level, p->s, bare && p->lines > 1 ? nl : p->end);
	if (bare && p->lines > 1)
		write_heading(t, level + 1, nl + 1, p->end);
	else if (bare && next_paragraph(&next, &after) && is_subtitle(t, &next, after)) {
		write_heading(t, level + 1, next.s, next.end);
		*c = after;
	}
}

static void read_body(struct plain *t, const char *s, const char *end)
{
	struct cursor c = {s, end, t->line_is_paragraph};
	struct paragraph p;

	while (next_paragraph(&p, &c)) {
		bool bare;
		int number;
		enum heading_kind kind = heading(t, &bare, &number, &p);

		if (kind == HEADING_NUMBER && number != 1 && number != t->last_number + 1)
			kind = HEADING_NONE;
		if (!kind || !has_text(t, kind, c, 0)) {
			write_paragraph(t, &p);
			continue;
		}
		if (kind == HEADING_NUMBER)
			t->last_number = number;
		write_headings(t, &p, kind, bare, &c);
	}
}

/* ---- the looks of the whole */

static void survey(struct plain *t, const char *s, const char *end)
{
	size_t lines = 0, bytes = 0, widths[128] = {0}, seen = 0, labelled = 0;

	for (const char *at = s; at < end;) {
		const char *nl = line_end(at, end);
		size_t len = line_length(at, nl);
		bool bare;
		int number;

		if (len) {
			enum heading_kind kind =
				heading_of_line(&bare, &number, at, (size_t)(nl - at));

			lines++;
			bytes += len;
			widths[len < 127 ? len : 127]++;
			labelled += kind == HEADING_CHAPTER && bare;
			labelled += kind == HEADING_PART;
		}
		at = nl + 1;
	}
	t->line_is_paragraph = lines && bytes / lines > LONG_LINE;
	t->numbers_count = labelled < 2;
	for (t->wrap = 127; t->wrap > 1 && seen * 10 < lines; t->wrap--)
		seen += widths[t->wrap];
}

/* ---- Project Gutenberg */

/* The line that holds "START OF THE PROJECT GUTENBERG" (or END, THIS): its start, else NULL. */
static const char *licence_line(const char *s, const char *end, const char *which)
{
	static const char *const articles[] = {"THE", "THIS"};

	for (size_t i = 0; i < ARRAY_LEN(articles); i++) {
		CLEANUP(cleanup_free)
		char *mark = xasprintf("%s OF %s PROJECT GUTENBERG", which, articles[i]);
		const char *at = memmem(s, (size_t)(end - s), mark, strlen(mark));

		while (at && at > s && at[-1] != '\n')
			at--;
		if (at)
			return at;
	}
	return NULL;
}

static const char *language_code(const char *name)
{
	static const struct {
		const char *name, *code;
	} languages[] = {
		{"English", "en"},  {"French", "fr"},	  {"German", "de"},    {"Spanish", "es"},
		{"Italian", "it"},  {"Portuguese", "pt"}, {"Dutch", "nl"},     {"Russian", "ru"},
		{"Japanese", "ja"}, {"Chinese", "zh"},	  {"Finnish", "fi"},   {"Swedish", "sv"},
		{"Danish", "da"},   {"Latin", "la"},	  {"Greek", "el"},     {"Hungarian", "hu"},
		{"Polish", "pl"},   {"Esperanto", "eo"},  {"Norwegian", "no"}, {"Czech", "cs"},
		{"Catalan", "ca"},  {"Arabic", "ar"},	  {"Hebrew", "he"},    {"Korean", "ko"}};

	for (size_t i = 0; i < ARRAY_LEN(languages); i++)
		if (!strcasecmp(name, languages[i].name))
			return languages[i].code;
	return "";
}

static char *field(const char *s, const char *end, const char *name)
{
	size_t len = strlen(name);

	for (; s < end; s = line_end(s, end) + 1)
		if ((size_t)(end - s) > len && !strncmp(s, name, len)) {
			s += len;
			return text_folded(s, (size_t)(line_end(s, end) - s));
		}
	return NULL;
}

static void header_fields(struct book *b, const char *s, const char *end)
{
	char *title = field(s, end, "Title:"), *author = field(s, end, "Author:");
	char *language = field(s, end, "Language:");

	if (title && *title) {
		free(b->title);
		b->title = xstrdup(title);
	}
	if (author && *author)
		strv_add(&b->creators, author);
	if (language) {
		free(b->language);
		b->language = xstrdup(language_code(language));
	}
	free(title);
	free(author);
	free(language);
}

/* ---- documents */

static void begin(struct plain *t, const char *path)
{
	flow_doc_begin(t->r->flow, path, true);
	writer_init(&t->w, t->r->flow);
}

static void end_document(struct plain *t)
{
	writer_finish(&t->w);
	flow_doc_end(t->r->flow);
}

/* Licence text: its own document, no headings in it. */
static void read_aside(struct plain *t, const char *path, const char *title, enum matter_kind kind,
		       const char *s, const char *end)
{
	struct flow *f = t->r->flow;
	struct cursor c = {s, end, t->line_is_paragraph};
	struct paragraph p;
	size_t mark;

	if (is_blank(s, end))
		return;
	begin(t, path);
	f->docs[f->doc_count - 1].title = xstrdup(title);
	mark = flow_open_mark(f, f->text.len, (struct matter){kind, kind});
	while (next_paragraph(&p, &c))
		write_paragraph(t, &p);
	end_document(t);
	if (mark != SIZE_MAX)
		f->marks[mark].end = f->text.len;
}

static void read_all(struct plain *t, const char *s, const char *end)
{
	const char *head = licence_line(s, end, "START");
	const char *foot = licence_line(head ? head : s, end, "END");

	head = head ? line_end(head, end) : NULL;
	if (head) {
		header_fields(t->r->book, s, head);
		read_aside(t, "header", "Project Gutenberg header", MATTER_FRONT, s, head);
	}
	s = head ? head : s;
	survey(t, s, foot ? foot : end);
	begin(t, "text");
	read_body(t, s, foot ? foot : end);
	end_document(t);
	if (foot)
		read_aside(t, "license", "Project Gutenberg License", MATTER_BACK, foot, end);
}

int text_read(struct reading *r, const char *s, size_t len)
{
	struct buf text = {.max_bytes = r->options->limits.text_bytes * 2};
	struct plain t = {.r = r, .wrap = 70};
	int result = text_decode(&text, s, len, TEXT_PLAIN);

	if (result == 0) {
		read_all(&t, buf_str(&text), buf_str(&text) + text.len);
		result = buf_error(&r->flow->text);
	}
	buf_finish(&text);
	return result < 0 ? err_set(r->err, result, "the text is too large") : 0;
}
