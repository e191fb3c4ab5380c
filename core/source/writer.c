/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "encoding.h"
#include "writer.h"

/*
 * Everything that separates is written late, just before the next character that is seen: so there
 * is no white space at the end of a block, no mark around nothing, no empty block. A position is
 * the end of what was written before it; what chapters.c cuts is trimmed anyway.
 */

void writer_init(struct writer *w, struct flow *flow)
{
	*w = (struct writer){.flow = flow};
	w->block_at = w->line_len = flow->text.len;
	w->capture.max_bytes = 8192;
}

void writer_finish(struct writer *w)
{
	if (w->in_pre)
		writer_pre_end(w);
	if (w->heading)
		writer_heading_end(w);
	writer_close(w);
	buf_finish(&w->capture);
	buf_finish(&w->pre);
	free(w->snaps);
}

static struct buf *text(struct writer *w)
{
	return &w->flow->text;
}

/* ---- positions */

size_t writer_position(const struct writer *w)
{
	return w->open ? w->block_at : w->flow->text.len;
}

void writer_anchor(struct writer *w, const char *id)
{
	size_t target;

	if (!flow_meet(&target, w->flow, id, writer_position(w)) || !w->open || w->heading)
		return;
	w->snaps = xgrow(w->snaps, &w->snap_cap, w->snap_count + 1, sizeof(*w->snaps));
	w->snaps[w->snap_count++] = (struct snap){target, w->flow->text.len};
}

static void settle_snaps(struct writer *w)
{
	for (size_t i = 0; i < w->snap_count; i++)
		if (w->snaps[i].len == w->flow->text.len)
			w->flow->targets[w->snaps[i].target].offset = w->snaps[i].len;
	w->snap_count = 0;
}

/* ---- separators and prefixes */

static void put_prefix(struct writer *w, bool first_line)
{
	for (int i = 0; i < w->depth && i < WRITER_LEVELS; i++) {
		struct writer_level *l = &w->levels[i];

		if (!l->list) {
			buf_adds(text(w), "> ");
		} else if (l->marker_due && first_line) {
			size_t before = text(w)->len;

			if (l->ordered)
				buf_addf(text(w), "%d. ", l->number);
			else
				buf_adds(text(w), "- ");
			l->indent = (int)(text(w)->len - before);
			l->marker_due = false;
		} else {
			buf_addf(text(w), "%*s", l->indent, "");
		}
	}
}

static void put_separator(struct writer *w)
{
	if (text(w)->len == 0)
		return;
	buf_adds(text(w), w->separator == SEPARATE_BLOCK  ? "\n\n"
			  : w->separator == SEPARATE_ITEM ? "\n"
							  : "  \n");
}

static void begin_block(struct writer *w)
{
	w->block_at = text(w)->len;
	put_separator(w);
	put_prefix(w, true);
	w->separator = SEPARATE_BLOCK;
	w->open = true;
	w->space = w->newline = false;
	w->breaks = 0;
	w->cell_due = false;
	w->line_len = text(w)->len;
	if (w->heading)
		buf_addf(text(w), "%.*s ", w->heading, "######");
}

static bool is_cjk(uint32_t cp)
{
	return (cp >= 0x2e80 && cp < 0xa000) || (cp >= 0xf900 && cp < 0xfb00) ||
	       (cp >= 0xff00 && cp < 0xffef) || (cp >= 0x20000 && cp < 0x40000);
}

/* A line end between two Chinese or Japanese characters is no blank. */
static bool is_joined(const struct writer *w, const char *next, const char *end)
{
	const struct buf *b = &w->flow->text;
	const char *last;

	if (!w->newline || b->len < 3 || !is_cjk(utf8_next(&next, end)))
		return false;
	last = b->data + b->len - 3;
	if (b->data[b->len - 1] == ')') /* the reading of a ruby base */
		return true;
	return ((unsigned char)*last & 0xf0) == 0xe0 && is_cjk(utf8_next(&last, b->data + b->len));
}

static void put_marks(struct writer *w)
{
	static const enum inline_mark order[] = {INLINE_STRONG, INLINE_EM, INLINE_CODE};

	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		bool there = false;

		for (int k = 0; k < w->written_count; k++)
			there |= w->written[k] == order[i];
		if (there || !w->want[order[i]] || (w->heading && order[i] == INLINE_STRONG))
			continue;
		buf_adds(text(w), order[i] == INLINE_EM	      ? "*"
				  : order[i] == INLINE_STRONG ? "**"
							      : "`");
		w->written[w->written_count++] = order[i];
	}
}

static void unput_mark(struct writer *w)
{
	enum inline_mark m = w->written[--w->written_count];

	buf_adds(text(w), m == INLINE_EM ? "*" : m == INLINE_STRONG ? "**" : "`");
}

static void put_break(struct writer *w)
{
	while (w->written_count && w->breaks > 1)
		unput_mark(w);
	buf_adds(text(w), w->breaks > 1 ? "\n\n" : "  \n");
	if (w->breaks > 1)
		w->block_at = text(w)->len - 2;
	put_prefix(w, false);
	w->line_len = text(w)->len;
}

/* Everything that was put off, before the character at s. */
static void begin_text(struct writer *w, const char *s, const char *end)
{
	if (!w->open)
		begin_block(w);
	else if (w->cell_due)
		buf_adds(text(w), " | ");
	else if (w->breaks && !w->heading)
		put_break(w);
	else if ((w->space || w->breaks) && !is_joined(w, s, end))
		buf_addc(text(w), ' ');
	if (w->heading && (w->space || w->breaks || w->cell_due))
		buf_addc(&w->capture, ' ');
	w->space = w->newline = w->cell_due = false;
	w->breaks = 0;
	put_marks(w);
}

void writer_close(struct writer *w)
{
	if (w->open) {
		while (w->written_count)
			unput_mark(w);
		settle_snaps(w);
	}
	w->open = false;
	w->space = w->newline = w->cell_due = false;
	w->breaks = 0;
}

void writer_separate(struct writer *w, enum separator s)
{
	w->separator = s;
}

/* ---- characters */

static bool at_line_start(const struct writer *w)
{
	return w->flow->text.len == w->line_len && !w->heading;
}

/* "12." or "12)" before a blank would be a list item. Returns the length of the digits. */
static size_t list_number(const char *s, const char *end)
{
	size_t n = 0;

	while (s + n < end && n < 9 && isdigit((unsigned char)s[n]))
		n++;
	if (!n || s + n >= end || (s[n] != '.' && s[n] != ')'))
		return 0;
	return s + n + 1 == end || isspace((unsigned char)s[n + 1]) ? n : 0;
}

static bool before_blank(const char *s, const char *end)
{
	return s + 1 >= end || isspace((unsigned char)s[1]);
}

static bool needs_escape(const struct writer *w, const char *s, const char *end)
{
	const struct buf *b = &w->flow->text;

	switch (*s) {
	case '*':
	case '`':
		return true;
	case '\\':
		return s + 1 < end && ispunct((unsigned char)s[1]);
	case '_': /* between letters it is no mark */
		return !(b->len && isalnum((unsigned char)b->data[b->len - 1]) && s + 1 < end &&
			 isalnum((unsigned char)s[1]));
	case '<':
		return s + 1 < end && (isalpha((unsigned char)s[1]) || strchr("/!?", s[1]));
	case '>':
		return at_line_start(w);
	case '#':
		return at_line_start(w);
	case '-':
	case '+':
		return at_line_start(w) && before_blank(s, end);
	case '=':
	case '~':
		return at_line_start(w) && s + 1 < end && s[1] == s[0];
	default:
		return false;
	}
}

static bool is_special(unsigned char c)
{
	return c <= ' ' || c == '*' || c == '`' || c == '\\' || c == '_' || c == '<' || c == 0xc2 ||
	       c == 0xe2 || c == 0xe3 || c == 0xef;
}

/* White space and characters nobody sees, other than ASCII blanks: their length, else 0.
 * A no-break space is a blank here: text is for reading and searching. */
static size_t invisible(bool *blank, const char *s, const char *end)
{
	const char *next = s;
	uint32_t cp = utf8_next(&next, end);

	*blank = cp == 0xa0 || (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 ||
		 cp == 0x202f || cp == 0x205f || cp == 0x3000 || cp == 0x85;
	if (*blank || cp == 0xad || cp == 0x200b || cp == 0x2060 || cp == 0xfeff)
		return (size_t)(next - s);
	return 0;
}

static size_t blanks(struct writer *w, const char *s, const char *end)
{
	size_t n = 0;

	for (; s + n < end && (unsigned char)s[n] <= ' '; n++)
		w->newline |= s[n] == '\n';
	if (w->open)
		w->space = true;
	return n;
}

/* A reference to a C1 control (&#151;) means Windows-1252, as every browser has it. */
static size_t c1_control(struct writer *w, const char *s, const char *end)
{
	unsigned char c = s + 1 < end ? (unsigned char)s[1] : 0;
	char bytes[4];

	if ((unsigned char)*s != 0xc2 || c < 0x80 || c >= 0xa0 || c == 0x85)
		return 0;
	begin_text(w, s, end);
	buf_add(text(w), bytes, utf8_put(bytes, text_cp1252(c)));
	return 2;
}

static size_t put_run(struct writer *w, const char *s, const char *end)
{
	size_t n = 0, digits;

	begin_text(w, s, end);
	digits = at_line_start(w) ? list_number(s, end) : 0;
	if (digits) {
		buf_add(text(w), s, digits);
		buf_addc(text(w), '\\');
		n = digits + 1;
		buf_add(text(w), s + digits, 1);
	} else {
		if (!w->want[INLINE_CODE] && needs_escape(w, s, end))
			buf_addc(text(w), '\\');
		for (n = 1; s + n < end && !is_special((unsigned char)s[n]); n++)
			;
		buf_add(text(w), s, n);
	}
	if (w->heading)
		buf_add(&w->capture, s, n);
	return n;
}

void writer_text(struct writer *w, const char *s, size_t len)
{
	const char *end = s + len;

	if (w->in_pre) {
		buf_add(&w->pre, s, len);
		return;
	}
	while (s < end) {
		unsigned char c = (unsigned char)*s;
		bool blank;
		size_t n = 0;

		if (c <= ' ') {
			s += blanks(w, s, end);
			continue;
		}
		if (c == 0xc2)
			n = c1_control(w, s, end);
		if (!n && c >= 0xc2) {
			n = invisible(&blank, s, end);
			if (n && blank && w->open)
				w->space = true;
		}
		s += n ? n : put_run(w, s, end);
	}
}

void writer_break(struct writer *w)
{
	if (w->in_pre)
		buf_addc(&w->pre, '\n');
	else if (w->open)
		w->breaks++;
}

void writer_mark(struct writer *w, enum inline_mark mark, bool on)
{
	w->want[mark] += on ? 1 : w->want[mark] > 0 ? -1 : 0;
	if (on || w->want[mark])
		return;
	for (int i = 0; i < w->written_count; i++)
		if (w->written[i] == mark) {
			while (w->written_count > i)
				unput_mark(w);
			return;
		}
}

/* ---- blocks */

void writer_rule(struct writer *w)
{
	writer_close(w);
	if (text(w)->len > w->flow->docs[w->flow->doc_count - 1].start) {
		begin_block(w);
		buf_adds(text(w), "* * *");
	}
	writer_close(w);
}

void writer_heading_begin(struct writer *w, int level)
{
	if (w->heading)
		writer_heading_end(w);
	writer_close(w);
	w->heading = level;
	buf_clear(&w->capture);
}

void writer_heading_end(struct writer *w)
{
	if (w->open && w->heading)
		flow_add_heading(w->flow, w->block_at, w->heading, buf_str(&w->capture),
				 w->capture.len);
	writer_close(w);
	w->heading = 0;
}

void writer_pre_begin(struct writer *w)
{
	writer_close(w);
	w->in_pre = true;
	buf_clear(&w->pre);
	w->pre.max_bytes = w->flow->text.max_bytes;
}

static bool is_blank(const char *s, size_t len)
{
	return strspn(s, " \t\n") >= len;
}

void writer_pre_end(struct writer *w)
{
	const char *s = buf_str(&w->pre), *end = s + w->pre.len;

	w->in_pre = false;
	if (is_blank(s, w->pre.len))
		return;
	while (end > s && isspace((unsigned char)end[-1]))
		end--;
	for (const char *nl;
	     (nl = memchr(s, '\n', (size_t)(end - s))) && is_blank(s, (size_t)(nl - s));)
		s = nl + 1;
	begin_block(w);
	buf_adds(text(w), memmem(s, (size_t)(end - s), "```", 3) ? "~~~~" : "```");
	for (const char *line = s; line <= end;) {
		const char *nl = memchr(line, '\n', (size_t)(end - line));
		const char *stop = nl ? nl : end;

		buf_addc(text(w), '\n');
		put_prefix(w, false);
		buf_add(text(w), line, (size_t)(stop - line));
		line = stop + 1;
	}
	buf_addc(text(w), '\n');
	put_prefix(w, false);
	buf_adds(text(w), memmem(s, (size_t)(end - s), "```", 3) ? "~~~~" : "```");
	if (w->heading)
		buf_add(&w->capture, s, (size_t)(end - s));
	w->flow->text.failed = w->pre.failed ? w->pre.failed : w->flow->text.failed;
	writer_close(w);
}

static void push(struct writer *w, struct writer_level level)
{
	writer_close(w);
	if (w->depth < WRITER_LEVELS)
		w->levels[w->depth] = level;
	w->depth++;
}

void writer_quote_begin(struct writer *w)
{
	push(w, (struct writer_level){0});
}

void writer_list_begin(struct writer *w, bool ordered, int first)
{
	bool nested = w->depth && w->depth <= WRITER_LEVELS && w->levels[w->depth - 1].list;

	push(w, (struct writer_level){.list = true, .ordered = ordered, .number = first - 1});
	if (nested)
		w->separator = SEPARATE_ITEM;
}

void writer_item(struct writer *w)
{
	struct writer_level *l;

	writer_close(w);
	if (!w->depth || w->depth > WRITER_LEVELS || !w->levels[w->depth - 1].list)
		return;
	l = &w->levels[w->depth - 1];
	l->number++;
	l->marker_due = true;
	if (l->items++)
		w->separator = SEPARATE_ITEM;
}

void writer_level_end(struct writer *w)
{
	writer_close(w);
	if (w->depth)
		w->depth--;
	w->separator = SEPARATE_BLOCK;
}

void writer_cell(struct writer *w)
{
	if (w->open && w->flow->text.len > w->line_len)
		w->cell_due = true;
}
