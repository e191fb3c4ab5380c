/* SPDX-License-Identifier: MIT */
#include "story.h"

#include <string.h>

/*
 * A provider copies a passage nearly verbatim: it straightens quotation marks, joins lines, drops
 * Markdown's emphasis. So both sides are folded into a plainer text and compared there:
 *
 *   a run of white space         one blank       any quotation mark or apostrophe     "
 *   a run of dashes              -               the ellipsis                         ...
 *   * _ ` # > \ ~, soft hyphens, characters of no width                               nothing
 *
 * What is found is led back to the text by folding once more from the nearest mark: a mark is kept
 * every MARK_BYTES, and the folding's only state is the character it wrote last. So folding costs
 * no more memory than the text, whatever the text is.
 */

enum { MARK_BYTES = 4096 };

struct mark {
	size_t folded, source;
};

struct folded {
	const char *source, *source_end;
	char *text;
	size_t len;
	struct mark *marks;
	size_t mark_count;
};

static bool is_space(uint32_t cp)
{
	return cp <= ' ' || cp == 0x85 || cp == 0xa0 || cp == 0x1680 ||
	       (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 || cp == 0x202f ||
	       cp == 0x205f || cp == 0x3000;
}

static bool is_quotation_mark(uint32_t cp)
{
	return cp == '"' || cp == '\'' || cp == 0xab || cp == 0xbb || cp == 0xb4 ||
	       (cp >= 0x2018 && cp <= 0x201f) || cp == 0x2032 || cp == 0x2033 || cp == 0x2039 ||
	       cp == 0x203a || (cp >= 0x300c && cp <= 0x300f) || cp == 0x301d || cp == 0x301e ||
	       cp == 0x301f || cp == 0xff02 || cp == 0xff07;
}

static bool is_dash(uint32_t cp)
{
	return cp == '-' || (cp >= 0x2010 && cp <= 0x2015) || cp == 0x2212;
}

static bool is_nothing(uint32_t cp)
{
	return (cp < 0x80 && cp && strchr("*_`#>\\~", (int)cp)) || cp == 0xad ||
	       (cp >= 0x200b && cp <= 0x200d) || cp == 0x2060 || cp == 0xfeff;
}

/* One character folded: bytes written to out. last: the byte written before, 0 at the start. */
static size_t fold(char out[4], uint32_t cp, char last)
{
	if (is_nothing(cp))
		return 0;
	if (is_space(cp)) {
		out[0] = ' ';
		return last && last != ' ';
	}
	if (is_dash(cp)) {
		out[0] = '-';
		return last != '-';
	}
	if (is_quotation_mark(cp)) {
		out[0] = '"';
		return 1;
	}
	if (cp == 0x2026) {
		out[0] = out[1] = out[2] = '.';
		return 3;
	}
	return utf8_put(out, cp);
}

/* U+FFFD for one malformed byte is the only fold that grows: three bytes for one. */
static size_t folded_bytes(const char *s, const char *end)
{
	char bytes[4], last = 0;
	size_t n = 0;
	while (s < end) {
		size_t k = fold(bytes, utf8_next(&s, end), last);
		if (k)
			last = bytes[k - 1];
		n += k;
	}
	return n;
}

struct folded *folded_free(struct folded *f)
{
	if (!f)
		return NULL;
	free(f->text);
	free(f->marks);
	free(f);
	return NULL;
}

struct folded *folded_new(const char *text, size_t len)
{
	CLEANUP(folded_free_cleanup) struct folded *f = xcalloc(1, sizeof(*f));
	f->source = text;
	f->source_end = text + len;
	size_t bytes = folded_bytes(text, f->source_end);
	f->text = calloc(bytes + 4, 1);
	f->marks = calloc(bytes / MARK_BYTES + 1, sizeof(*f->marks));
	if (!f->text || !f->marks)
		return NULL;
	for (const char *s = text; s < f->source_end;) {
		if (f->len >= f->mark_count * MARK_BYTES)
			f->marks[f->mark_count++] = (struct mark){f->len, (size_t)(s - text)};
		char last = f->len ? f->text[f->len - 1] : 0;
		f->len += fold(f->text + f->len, utf8_next(&s, f->source_end), last);
	}
	struct folded *done = f;
	f = NULL;
	return done;
}

/* Where the character that wrote folded byte `at` begins (or, with `behind`, ends) in the source.
 */
static size_t unfold(const struct folded *f, size_t at, bool behind)
{
	size_t m = at / MARK_BYTES < f->mark_count ? at / MARK_BYTES : f->mark_count - 1;
	while (m && f->marks[m].folded > at)
		m--;
	size_t len = f->marks[m].folded;
	const char *s = f->source + f->marks[m].source;
	char bytes[4], last = len ? f->text[len - 1] : 0;
	while (s < f->source_end) {
		const char *start = s;
		size_t k = fold(bytes, utf8_next(&s, f->source_end), last);
		if (k)
			last = bytes[k - 1];
		len += k;
		if (len > at)
			return (size_t)((behind ? s : start) - f->source);
	}
	return (size_t)(s - f->source);
}

/* White space around a quote, and quotation marks or dots that the provider put around it. */
static void trim(const char **s, size_t *len, const char *what)
{
	while (*len && strchr(what, **s)) {
		(*s)++;
		(*len)--;
	}
	while (*len && strchr(what, (*s)[*len - 1]))
		(*len)--;
}

size_t folded_locate(size_t *len, const struct folded *f, const char *quote)
{
	CLEANUP(folded_free_cleanup) struct folded *q = folded_new(quote, strlen(quote));
	if (!q || !f->len)
		return QUOTE_NOT_FOUND;
	static const char *const around[] = {" ", " \"."};
	const char *needle = q->text;
	size_t needle_len = q->len;
	for (size_t i = 0; i < ARRAY_LEN(around); i++) {
		trim(&needle, &needle_len, around[i]);
		if (!needle_len)
			return QUOTE_NOT_FOUND;
		const char *hit = memmem(f->text, f->len, needle, needle_len);
		if (!hit)
			continue;
		size_t at = (size_t)(hit - f->text), start = unfold(f, at, false);
		*len = unfold(f, at + needle_len - 1, true) - start;
		return start;
	}
	return QUOTE_NOT_FOUND;
}

size_t quote_locate(size_t *len, const char *text, size_t text_len, const char *quote)
{
	CLEANUP(folded_free_cleanup) struct folded *f = folded_new(text, text_len);
	return f ? folded_locate(len, f, quote) : QUOTE_NOT_FOUND;
}
