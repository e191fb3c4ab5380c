/* SPDX-License-Identifier: MIT */
#include "type.h"

#include <string.h>

#define FAMILIES                                                                                   \
	"EB Garamond, Libertinus Serif, Libre Baskerville, Gentium, Caladea, Noto Serif, "         \
	"DejaVu Serif, serif"

#define LINE 1.5 /* no line is taller than so many times its size */

struct type_setter {
	cairo_t *cr;
	PangoContext *context;
};

/* The outlines as they are: no hints of a screen, so that a card does not depend on one. */
struct type_setter *type_setter_new(cairo_t *cr)
{
	struct type_setter *t = xcalloc(1, sizeof(*t));
	t->cr = cr;
	t->context = pango_cairo_create_context(cr);
	cairo_font_options_t *options = cairo_font_options_create();
	cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
	cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
	cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
	pango_cairo_context_set_font_options(t->context, options);
	pango_cairo_context_set_resolution(t->context, 96);
	pango_context_set_language(t->context, pango_language_from_string("en"));
	cairo_font_options_destroy(options);
	return t;
}

struct type_setter *type_setter_free(struct type_setter *t)
{
	if (t)
		g_object_unref(t->context);
	free(t);
	return NULL;
}

static void set_font(PangoLayout *l, const struct type *type, double size, bool italic)
{
	PangoFontDescription *d = pango_font_description_new();
	pango_font_description_set_family(d, FAMILIES);
	pango_font_description_set_absolute_size(d, size * PANGO_SCALE);
	if (type->bold)
		pango_font_description_set_weight(d, PANGO_WEIGHT_BOLD);
	if (italic)
		pango_font_description_set_style(d, PANGO_STYLE_ITALIC);
	pango_layout_set_font_description(l, d);
	pango_font_description_free(d);
}

/* ---- what can be set */

static bool is_markup(uint32_t cp)
{
	return cp == '*' || cp == '_' || cp == '#' || cp == '`' || cp == '\\' || cp == '>';
}

/* Also the marks that turn the direction of all text behind them, private letters, and no
 * characters at all. The joiners stay: scripts need them. */
static bool is_control(uint32_t cp)
{
	return cp < ' ' || (cp >= 0x7f && cp < 0xa0) || cp == 0x061c || cp == 0x200b ||
	       cp == 0x200e || cp == 0x200f || (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff || cp == 0xfffc || cp == 0xfffd ||
	       (cp >= 0xe000 && cp <= 0xf8ff) || cp >= 0xe0000;
}

/* Letters bear a few marks; more would stand outside the line, and then outside the card. */
enum { MARKS_MOST = 3, JOINERS_MOST = 1 };

static bool heaped(uint32_t cp, int *marks, int *joiners)
{
	bool joiner = cp == 0x200c || cp == 0x200d;
	bool mark = !joiner && g_unichar_ismark(cp);
	*joiners = joiner ? *joiners + 1 : mark ? *joiners : 0;
	*marks = mark ? *marks + 1 : joiner ? *marks : 0;
	return *marks > MARKS_MOST || *joiners > JOINERS_MOST;
}

static void tidy(struct buf *out, const char *s, size_t max_chars)
{
	const char *end = s + strnlen(s, max_chars * 16);
	int marks = 0, joiners = 0;
	size_t chars = 0;
	while (s < end && chars < max_chars) {
		char utf8[4];
		uint32_t cp = utf8_next(&s, end);
		if (is_markup(cp) || heaped(cp, &marks, &joiners))
			continue;
		bool blank = g_unichar_isspace(cp) || is_control(cp);
		if (blank && (!out->len || out->data[out->len - 1] == ' '))
			continue;
		buf_add(out, utf8, utf8_put(utf8, blank ? ' ' : cp));
		chars++;
	}
	while (out->len && out->data[out->len - 1] == ' ')
		out->data[--out->len] = '\0';
	if (s < end && out->len)
		buf_adds(out, "\xe2\x80\xa6");
}

/* Marks each byte at which an unknown glyph's cluster begins; how many there are. */
static size_t find_unknown(PangoLayout *l, char *unknown)
{
	PangoLayoutIter *it = pango_layout_get_iter(l);
	size_t count = 0;
	do {
		PangoLayoutRun *run = pango_layout_iter_get_run_readonly(it);
		for (int i = 0; run && i < run->glyphs->num_glyphs; i++) {
			if (!(run->glyphs->glyphs[i].glyph & PANGO_GLYPH_UNKNOWN_FLAG))
				continue;
			unknown[run->item->offset + run->glyphs->log_clusters[i]] = 1;
			count++;
		}
	} while (pango_layout_iter_next_run(it));
	pango_layout_iter_free(it);
	return count;
}

static PangoLayout *layout_new(struct type_setter *t, const char *text)
{
	PangoLayout *l = pango_layout_new(t->context);
	pango_layout_set_text(l, text, -1);
	return l;
}

/* Takes out what there is no glyph for. A tenth may go: an ornament, a stray letter; a text that
 * would lose more is another script's, and is not set at all. */
static void drop_unknown(struct type_setter *t, struct buf *text)
{
	static const struct type plain = {.size_px = 20};
	PangoLayout *l = layout_new(t, buf_str(text));
	set_font(l, &plain, plain.size_px, false);
	CLEANUP(cleanup_free) char *unknown = NULL;
	if (pango_layout_get_unknown_glyphs_count(l) > 0) {
		unknown = xcalloc(text->len + 1, 1);
		size_t count = find_unknown(l, unknown);
		size_t chars = (size_t)g_utf8_strlen(text->data, (gssize)text->len), to = 0;
		for (size_t i = 0; i < text->len;) {
			size_t n = (size_t)(g_utf8_next_char(text->data + i) - (text->data + i));
			if (!unknown[i]) {
				memmove(text->data + to, text->data + i, n);
				to += n;
			}
			i += n;
		}
		text->len = count * 10 > chars ? 0 : to;
		text->data[text->len] = '\0';
	}
	g_object_unref(l);
}

char *type_clean(struct type_setter *t, const char *s, size_t max_chars)
{
	struct buf out = {0};
	tidy(&out, s, max_chars);
	if (out.len)
		drop_unknown(t, &out);
	return buf_steal(&out, NULL);
}

bool type_has_font(struct type_setter *t)
{
	CLEANUP(cleanup_free) char *own = type_clean(t, "Chapter 0123456789 Scene", 100);
	return *own != '\0';
}

/* ---- blocks */

static void space_letters(PangoLayout *l, double pixels)
{
	PangoAttrList *attributes = pango_attr_list_new();
	pango_attr_list_insert(attributes,
			       pango_attr_letter_spacing_new((int)(pixels * PANGO_SCALE)));
	pango_layout_set_attributes(l, attributes);
	pango_attr_list_unref(attributes);
}

/* Letters that join must not be spaced out. */
static bool joins(const char *text)
{
	for (; *text; text = g_utf8_next_char(text)) {
		GUnicodeScript script = g_unichar_get_script(g_utf8_get_char(text));
		if (script == G_UNICODE_SCRIPT_ARABIC || script == G_UNICODE_SCRIPT_DEVANAGARI ||
		    script == G_UNICODE_SCRIPT_BENGALI || script == G_UNICODE_SCRIPT_SYRIAC ||
		    script == G_UNICODE_SCRIPT_MONGOLIAN)
			return true;
	}
	return false;
}

/* Scripts with small and capital letters have italics; to slant others is no way to print them. */
static bool has_italics(const char *text)
{
	for (; *text; text = g_utf8_next_char(text)) {
		gunichar c = g_utf8_get_char(text);
		if (g_unichar_islower(c) || g_unichar_isupper(c))
			return true;
	}
	return false;
}

static void block_begin(struct type_block *b, struct type_setter *t, const struct type *type,
			const char *text, double w)
{
	CLEANUP(cleanup_free) char *shown = NULL;
	if (type->capitals) {
		char *upper = g_utf8_strup(text, -1);
		shown = xstrdup(upper);
		g_free(upper);
	}
	b->layout = layout_new(t, shown ? shown : text);
	b->from_right = pango_layout_get_direction(b->layout, 0) == PANGO_DIRECTION_RTL;
	b->upright = !has_italics(text);
	pango_layout_set_width(b->layout, (int)(w * PANGO_SCALE));
	pango_layout_set_wrap(b->layout, PANGO_WRAP_WORD_CHAR);
	if (type->right)
		pango_layout_set_alignment(b->layout,
					   b->from_right ? PANGO_ALIGN_LEFT : PANGO_ALIGN_RIGHT);
	if (type->capitals && !joins(text))
		space_letters(b->layout, type->size_px * .12);
	else
		pango_layout_set_line_spacing(b->layout, type->bold ? 1.02f : 1.1f);
}

static double height_at(struct type_block *b, const struct type *type, double size)
{
	PangoRectangle logical;
	set_font(b->layout, type, size, type->italic && !b->upright);
	pango_layout_get_extents(b->layout, NULL, &logical);
	return (double)logical.height / PANGO_SCALE;
}

/* Tries sizes from the largest down; true if one of them fits. */
static bool fit_size(struct type_block *b, const struct type *type, double h)
{
	double size = type->size_px;
	for (;;) {
		b->h = height_at(b, type, size);
		if (b->h <= h)
			return true;
		if (size <= type->least_px)
			return false;
		/* The height goes with the square of the size. */
		size *= h / b->h > .7 ? .94 : h / b->h > .4 ? .85 : .7;
		if (size < type->least_px)
			size = type->least_px;
	}
}

/* By lines: a height in pixels would not know of the space between them. */
static void cut_to(struct type_block *b, double h)
{
	PangoRectangle logical;
	double line = b->h / pango_layout_get_line_count(b->layout);
	int lines = (int)(h / line);
	pango_layout_set_height(b->layout, lines > 1 ? -lines : -1);
	pango_layout_set_ellipsize(b->layout, PANGO_ELLIPSIZE_END);
	pango_layout_get_extents(b->layout, NULL, &logical);
	b->h = (double)logical.height / PANGO_SCALE;
}

void type_fit(struct type_block *b, struct type_setter *t, const struct type *type,
	      const char *text, double w, double h)
{
	*b = (struct type_block){0};
	if (!*text || h < type->least_px * LINE)
		return;
	block_begin(b, t, type, text, w);
	if (!fit_size(b, type, h))
		cut_to(b, h);
}

static bool ends_sentence(uint32_t cp)
{
	return cp == '.' || cp == '!' || cp == '?' || cp == 0x2026 || cp == 0x3002 ||
	       cp == 0xff01 || cp == 0xff1f || cp == 0x061f || cp == 0x0964;
}

static bool closes(uint32_t cp)
{
	return cp == '"' || cp == '\'' || cp == ')' || cp == 0x2019 || cp == 0x201d || cp == 0xbb ||
	       cp == 0x300d;
}

/* The length of the text without its last sentence; 0 if it is but one. An abbreviation's stop is
 * not told from a sentence's, but for the shortest ("Mr.", "J."). */
static size_t without_last_sentence(const char *text, size_t len)
{
	size_t found = 0, word = 0;
	const char *at = text, *end = text + len;
	while (at < end) {
		uint32_t cp = utf8_next(&at, end);
		word = cp == ' ' ? 0 : word + 1;
		if (!ends_sentence(cp) || (cp == '.' && word <= 3))
			continue;
		const char *next = at;
		while (next < end) {
			at = next;
			cp = utf8_next(&next, end);
			if (!closes(cp) && !ends_sentence(cp))
				break;
			at = next;
		}
		if (at < end && (*at == ' ' || (unsigned char)*at >= 0xe3))
			found = (size_t)(at - text);
	}
	return found;
}

void type_fit_prose(struct type_block *b, struct type_setter *t, const struct type *type,
		    const char *text, double w, double h)
{
	enum { SHORTEN_MOST = 8 };
	size_t len = strlen(text);
	*b = (struct type_block){0};
	if (!len || h < type->least_px * LINE)
		return;
	block_begin(b, t, type, text, w);
	for (int i = 0; i < SHORTEN_MOST && !fit_size(b, type, h); i++) {
		size_t shorter = without_last_sentence(text, len);
		if (!shorter)
			break;
		len = shorter;
		pango_layout_set_text(b->layout, text, (int)len);
	}
	if (b->h > h)
		cut_to(b, h);
}

void type_show(const struct type_block *b, cairo_t *cr, const struct type *type, double x, double y)
{
	if (!b->layout)
		return;
	colour_set(cr, type->colour, 1);
	cairo_move_to(cr, x, y);
	pango_cairo_show_layout(cr, b->layout);
}

void type_block_finish(struct type_block *b)
{
	if (b->layout)
		g_object_unref(b->layout);
	*b = (struct type_block){0};
}
