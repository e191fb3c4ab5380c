/* SPDX-License-Identifier: MIT */
#include "type.h"

#include <string.h>

#define FAMILIES "EB Garamond, Libertinus Serif, Libre Baskerville, Gentium, DejaVu Serif, serif"

static bool is_markup(uint32_t cp)
{
	return cp == '*' || cp == '_' || cp == '#' || cp == '`' || cp == '\\' || cp == '>';
}

/* Also the marks that turn the direction of all text behind them. */
static bool is_control(uint32_t cp)
{
	return cp < ' ' || (cp >= 0x7f && cp < 0xa0) || (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2066 && cp <= 0x2069) || cp == 0xfeff;
}

char *type_clean(const char *s, size_t max_chars)
{
	struct buf out = {0};
	const char *end = s + strlen(s);
	size_t chars = 0;
	while (s < end && chars < max_chars) {
		char utf8[4];
		uint32_t cp = utf8_next(&s, end);
		if (is_markup(cp))
			continue;
		bool blank = cp == ' ' || is_control(cp);
		if (blank && (!out.len || out.data[out.len - 1] == ' '))
			continue;
		buf_add(&out, utf8, utf8_put(utf8, blank ? ' ' : cp));
		chars++;
	}
	if (s < end)
		buf_adds(&out, "\xe2\x80\xa6");
	return buf_steal(&out, NULL);
}

static PangoFontDescription *describe(const struct type *t, double size)
{
	PangoFontDescription *d = pango_font_description_new();
	pango_font_description_set_family(d, FAMILIES);
	pango_font_description_set_absolute_size(d, size * PANGO_SCALE);
	if (t->bold)
		pango_font_description_set_weight(d, PANGO_WEIGHT_BOLD);
	if (t->italic)
		pango_font_description_set_style(d, PANGO_STYLE_ITALIC);
	return d;
}

static void fit(PangoLayout *l, const struct type *t, double size)
{
	PangoFontDescription *d = describe(t, size);
	pango_layout_set_font_description(l, d);
	pango_font_description_free(d);
}

/* The outlines as they are: no hints of a screen, so that a card does not depend on one. */
static PangoLayout *layout_new(cairo_t *cr, const struct type *t, const char *text, double width)
{
	PangoLayout *l = pango_cairo_create_layout(cr);
	cairo_font_options_t *options = cairo_font_options_create();
	cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
	cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
	cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
	pango_cairo_context_set_font_options(pango_layout_get_context(l), options);
	pango_cairo_context_set_resolution(pango_layout_get_context(l), 96);
	pango_context_set_language(pango_layout_get_context(l), pango_language_from_string("en"));
	cairo_font_options_destroy(options);
	pango_layout_set_text(l, text, -1);
	pango_layout_set_width(l, (int)(width * PANGO_SCALE));
	pango_layout_set_wrap(l, PANGO_WRAP_WORD_CHAR);
	pango_layout_set_alignment(l, t->align);
	if (!t->capitals)
		pango_layout_set_line_spacing(l, 1.12f);
	return l;
}

static void space_letters(PangoLayout *l, double pixels)
{
	PangoAttrList *attributes = pango_attr_list_new();
	pango_attr_list_insert(attributes,
			       pango_attr_letter_spacing_new((int)(pixels * PANGO_SCALE)));
	pango_layout_set_attributes(l, attributes);
	pango_attr_list_unref(attributes);
}

bool type_has_font(cairo_t *cr)
{
	const struct type plain = {.size_px = 20};
	PangoLayout *l = layout_new(cr, &plain, "Chapter 0123456789 Scene", 1000);
	fit(l, &plain, plain.size_px);
	bool has = pango_layout_get_unknown_glyphs_count(l) == 0;
	g_object_unref(l);
	return has;
}

double type_set(cairo_t *cr, const struct type *t, const char *text, double x, double y,
		double width, bool dry)
{
	PangoRectangle logical;
	double size = t->size_px;
	if (!*text)
		return 0;
	CLEANUP(cleanup_free) char *shown = NULL;
	if (t->capitals) {
		char *upper = g_utf8_strup(text, -1);
		shown = xstrdup(upper);
		g_free(upper);
	}
	PangoLayout *l = layout_new(cr, t, shown ? shown : text, width);
	if (t->capitals)
		space_letters(l, t->size_px * .14);
	for (fit(l, t, size); size > t->least_px && pango_layout_get_line_count(l) > t->lines;)
		fit(l, t, size -= 1);
	pango_layout_set_height(l, -t->lines);
	pango_layout_set_ellipsize(l, PANGO_ELLIPSIZE_END);
	pango_layout_get_extents(l, NULL, &logical);
	if (!dry) {
		colour_set(cr, t->colour, 1);
		cairo_move_to(cr, x, y);
		pango_cairo_show_layout(cr, l);
	}
	g_object_unref(l);
	return (double)logical.height / PANGO_SCALE;
}
