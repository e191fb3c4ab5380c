/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "encoding.h"
#include "reader.h"

/*
 * Markdown stays as it is, but for blank lines: its headings (ATX and setext, CommonMark 4.2 and
 * 4.3) are the contents. What is fenced is no heading. A metadata block in front (---, as pandoc
 * and many sites have it) names title, author and language; it is data, not text.
 */

struct lines {
	const char *s, *end;
};

static bool next_line(const char **line, size_t *len, struct lines *l)
{
	const char *nl;

	if (l->s >= l->end)
		return false;
	nl = memchr(l->s, '\n', (size_t)(l->end - l->s));
	*line = l->s;
	*len = (size_t)((nl ? nl : l->end) - l->s);
	l->s = nl ? nl + 1 : l->end;
	return true;
}

static bool is_blank(const char *s, size_t len)
{
	for (; len; s++, len--)
		if (!isspace((unsigned char)*s))
			return false;
	return true;
}

/* ---- the metadata block */

static char *unquoted(const char *s, size_t len)
{
	char *value = text_folded(s, len);
	size_t n = strlen(value);

	if (n >= 2 && (*value == '"' || *value == '\'') && value[n - 1] == *value) {
		memmove(value, value + 1, n - 2);
		value[n - 2] = '\0';
	}
	return value;
}

static void metadata(struct book *b, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	size_t key = colon ? (size_t)(colon - line) : 0;
	char *value, **to = NULL;

	if (!key)
		return;
	value = unquoted(colon + 1, len - key - 1);
	if (key == 5 && !strncasecmp(line, "title", 5))
		to = &b->title;
	else if ((key == 4 && !strncasecmp(line, "lang", 4)) ||
		 (key == 8 && !strncasecmp(line, "language", 8)))
		to = &b->language;
	else if (key == 9 && !strncasecmp(line, "publisher", 9))
		to = &b->publisher;
	else if (((key == 6 && !strncasecmp(line, "author", 6)) ||
		  (key == 7 && !strncasecmp(line, "creator", 7))) &&
		 *value && *value != '[')
		strv_add(&b->creators, value);
	if (to && *value) {
		free(*to);
		*to = value;
		return;
	}
	free(value);
}

/* Moves past the block, if there is one that is closed. */
static void read_metadata(struct book *b, struct lines *l)
{
	struct lines ahead = *l;
	const char *line;
	size_t len;

	if (!next_line(&line, &len, &ahead) || len < 3 || strncmp(line, "---", 3) ||
	    !is_blank(line + 3, len - 3))
		return;
	for (struct lines scan = ahead; next_line(&line, &len, &scan);) {
		if (is_blank(line, len))
			return; /* a thematic break and text behind it */
		if (len >= 3 && (!strncmp(line, "---", 3) || !strncmp(line, "...", 3))) {
			*l = scan;
			break;
		}
	}
	if (l->s == ahead.s || l->s < ahead.s)
		return;
	while (ahead.s < l->s && next_line(&line, &len, &ahead))
		metadata(b, line, len);
}

/* ---- headings */

/* Emphasis, code and links are no part of a title. */
static char *plain_title(const char *s, size_t len)
{
	char *out = xcalloc(1, len + 1), *title;
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\\' && i + 1 < len && ispunct((unsigned char)s[i + 1])) {
			out[n++] = s[++i];
			continue;
		}
		if (s[i] == ']' && i + 1 < len && s[i + 1] == '(') {
			const char *close = memchr(s + i, ')', len - i);

			i = close ? (size_t)(close - s) : i;
			continue;
		}
		if (s[i] == '{' && i + 1 < len && (s[i + 1] == '#' || s[i + 1] == '.'))
			break; /* attributes */
		if (!strchr("*`[]", s[i]) && !(s[i] == '_' && (i == 0 || s[i - 1] == ' ' ||
							       i + 1 == len || s[i + 1] == ' ')))
			out[n++] = s[i];
	}
	title = text_folded(out, n);
	free(out);
	return title;
}

static int atx_level(const char *s, size_t len)
{
	size_t indent = 0, level = 0;

	while (indent < len && indent < 4 && s[indent] == ' ')
		indent++;
	while (indent + level < len && s[indent + level] == '#')
		level++;
	if (indent > 3 || level < 1 || level > 6)
		return 0;
	return indent + level == len || isspace((unsigned char)s[indent + level]) ? (int)level : 0;
}

static void add_atx(struct flow *f, size_t offset, int level, const char *s, size_t len)
{
	CLEANUP(cleanup_free) char *title = NULL;

	while (len && (*s == ' ' || *s == '#')) {
		s++;
		len--;
	}
	while (len && (isspace((unsigned char)s[len - 1]) || s[len - 1] == '#'))
		len--;
	title = plain_title(s, len);
	flow_add_heading(f, offset, level, title, strlen(title));
}

static int setext_level(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] == s[0])
		n++;
	if (n < 2 || !is_blank(s + n, len - n))
		return 0;
	return s[0] == '=' ? 1 : s[0] == '-' ? 2 : 0;
}

static char fence(const char *s, size_t len)
{
	size_t indent = 0;

	while (indent < len && indent < 3 && s[indent] == ' ')
		indent++;
	if (len - indent >= 3 && (!strncmp(s + indent, "```", 3) || !strncmp(s + indent, "~~~", 3)))
		return s[indent];
	return 0;
}

struct markdown {
	struct flow *flow;
	char fence;	    /* within a fenced block */
	const char *before; /* the line before, if it was one of a paragraph's first */
	size_t before_len, before_at;
	int paragraph_lines;
	bool blank; /* a blank line is due */
};

static void add_line(struct markdown *m, const char *s, size_t len)
{
	struct buf *text = &m->flow->text;
	bool code = m->fence || (len && *s == '\t') || !strncmp(s, "    ", 4);

	if (text->len)
		buf_adds(text, m->blank ? "\n\n" : "\n");
	m->blank = false;
	/* A hard break's two blanks stay, other blanks at the end go. */
	while (!code && len && (s[len - 1] == ' ' || s[len - 1] == '\t') &&
	       !(len > 2 && s[len - 2] == ' ' && s[len - 3] != ' '))
		len--;
	buf_add(text, s, len);
}

static void one_line(struct markdown *m, const char *s, size_t len)
{
	char f = fence(s, len);
	size_t at = m->flow->text.len;
	int level = m->fence ? 0 : atx_level(s, len);

	if (!m->fence && is_blank(s, len)) {
		m->blank = true;
		m->paragraph_lines = 0;
		return;
	}
	if (f && (!m->fence || f == m->fence)) {
		add_line(m, s, len);
		m->fence = m->fence ? 0 : f;
		m->paragraph_lines = 0;
		return;
	}
	if (level) {
		m->blank = m->blank || at > 0;
		add_line(m, s, len);
		add_atx(m->flow, at, level, s, len);
		m->blank = true;
		m->paragraph_lines = 0;
		return;
	}
	add_line(m, s, len);
	level = m->fence || m->paragraph_lines != 1 ? 0 : setext_level(s, len);
	if (level) {
		CLEANUP(cleanup_free) char *title = plain_title(m->before, m->before_len);

		flow_add_heading(m->flow, m->before_at, level, title, strlen(title));
		m->blank = true;
		m->paragraph_lines = 0;
		return;
	}
	m->paragraph_lines++;
	m->before = s;
	m->before_len = len;
	m->before_at = at;
}

int markdown_read(struct reading *r, const char *s, size_t len)
{
	struct buf text = {.max_bytes = r->options->limits.text_bytes * 2};
	struct markdown m = {.flow = r->flow, .blank = r->flow->text.len > 0};
	const char *line;
	size_t n;
	int result = text_decode(&text, s, len, TEXT_PLAIN);
	struct lines l = {buf_str(&text), buf_str(&text) + text.len};

	flow_doc_begin(r->flow, "", true);
	if (result == 0)
		read_metadata(r->book, &l);
	while (result == 0 && next_line(&line, &n, &l))
		one_line(&m, line, n);
	flow_doc_end(r->flow);
	buf_finish(&text);
	result = result ? result : buf_error(&r->flow->text);
	return result < 0 ? err_set(r->err, result, "the text is too large") : 0;
}
