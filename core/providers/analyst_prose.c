/* SPDX-License-Identifier: MIT */
#include "analyst.h"

#include <string.h>

/*
 * Markdown becomes sentences. Headings, scene breaks, pictures, tables and code are no prose and
 * stay out. A sentence ends behind . ! ? or an ellipsis and what closes there, when white space and
 * no small letter follow, and no abbreviation stands before; behind an ideographic stop at once. A
 * "sentence" without an end is cut at SENTENCE_BYTES, so that nothing here grows with hostile text.
 */

enum { SENTENCE_LEAST_BYTES = 8, CLOSING_BYTES = 64, PROSE_BYTES_MAX = 64 << 20 };

bool text_is_space(uint32_t cp)
{
	return cp <= ' ' || cp == 0x85 || cp == 0xa0 || cp == 0x1680 ||
	       (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 || cp == 0x202f ||
	       cp == 0x205f || cp == 0x3000;
}

bool text_is_upper(uint32_t cp)
{
	if (cp < 0x80)
		return cp >= 'A' && cp <= 'Z';
	if (cp >= 0x100 && cp < 0x180)
		return cp < 0x138 || (cp >= 0x14a && cp < 0x178) ? !(cp & 1) : cp & 1;
	return (cp >= 0xc0 && cp <= 0xde && cp != 0xd7) ||
	       (cp >= 0x386 && cp <= 0x3ab && cp != 0x390) || (cp >= 0x400 && cp <= 0x42f) ||
	       (cp >= 0x531 && cp <= 0x556);
}

/* Everything but white space, digits, punctuation and symbols of the common blocks. */
bool text_is_letter(uint32_t cp)
{
	if (cp < 0x80)
		return (cp >= 'A' && cp <= 'Z') || (cp >= 'a' && cp <= 'z');
	return cp >= 0xc0 && cp != 0xd7 && cp != 0xf7 && !(cp >= 0x2000 && cp < 0x2c00) &&
	       !(cp >= 0x2e00 && cp <= 0x3004) && !(cp >= 0x3008 && cp <= 0x3020) && cp != 0x60c &&
	       cp != 0x61b && cp != 0x61f && cp != 0x6d4 && !(cp >= 0xff00 && cp < 0xff21) &&
	       cp != 0xfffd && cp != 0xfeff;
}

static bool is_lower(uint32_t cp)
{
	if (cp < 0x80)
		return cp >= 'a' && cp <= 'z';
	return (cp >= 0xdf && cp <= 0xff && cp != 0xf7) || (cp >= 0x3ac && cp <= 0x3ce) ||
	       (cp >= 0x430 && cp <= 0x45f) || (cp >= 0x100 && cp < 0x180 && !text_is_upper(cp));
}

static bool is_ideographic(uint32_t cp)
{
	return (cp >= 0x3040 && cp <= 0x9fff) || (cp >= 0xac00 && cp <= 0xd7a3) ||
	       (cp >= 0x20000 && cp <= 0x3ffff);
}

static bool is_stop(uint32_t cp)
{
	return cp == '.' || cp == '!' || cp == '?' || cp == 0x2026 || cp == 0x61f || cp == 0x6d4 ||
	       cp == 0x964;
}

static bool is_wide_stop(uint32_t cp)
{
	return cp == 0x3002 || cp == 0xff01 || cp == 0xff1f;
}

static bool is_closing(uint32_t cp)
{
	return cp == '"' || cp == '\'' || cp == ')' || cp == ']' || cp == '*' || cp == '_' ||
	       cp == 0x2019 || cp == 0x201d || cp == 0xbb || cp == 0x203a || cp == 0x300d ||
	       cp == 0x300f || cp == 0xff09;
}

/* ---- speech */

/* Which quotation is open: its closing mark, or 0. */
static uint32_t closes_with(uint32_t cp)
{
	static const uint32_t pairs[][2] = {
		{'"', '"'},	  {0x201c, 0x201d}, {0x201e, 0x201c}, {0xab, 0xbb},
		{0x2018, 0x2019}, {0x300c, 0x300d}, {0x300e, 0x300f},
	};
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		if (pairs[i][0] == cp)
			return pairs[i][1];
	}
	return 0;
}

/* An apostrophe within a word closes nothing. */
static bool closes(uint32_t open, uint32_t cp, const char *next, const char *end)
{
	if (cp != open && !(open == 0x201c && cp == 0x201d))
		return false;
	return cp != 0x2019 || next == end || !text_is_letter(utf8_next(&next, end));
}

/* ---- blocks */

struct scanner {
	struct prose *prose;
	const char *block_end;
	bool opens_paragraph, after_break;
	uint32_t open; /* the mark that will close the quotation, or 0 */
	bool dash_speech;
	bool told; /* the paragraph before was one of a story that somebody tells */
	int r;
};

static bool only_of(const char *s, const char *end, const char *set)
{
	while (s < end && strchr(set, *s))
		s++;
	return s == end;
}

/* A heading, a scene break, a picture, a table, code: no prose. */
static bool is_apart(const char *s, const char *end)
{
	if (*s == '#' || *s == '|' || (*s == '!' && s + 1 < end && s[1] == '['))
		return true;
	return (end - s >= 3 && !memcmp(s, "```", 3)) || only_of(s, end, "*-_=~. \t\n\\");
}

/* The first byte of the next line that has something on it, or end. */
static const char *skip_blank(const char *s, const char *end)
{
	while (s < end && strchr(" \t\n\r", *s))
		s++;
	return s;
}

static const char *block_end(const char *s, const char *end)
{
	for (const char *nl; (nl = memchr(s, '\n', (size_t)(end - s))); s = nl + 1) {
		const char *next = nl + 1;
		while (next < end && strchr(" \t\r", *next))
			next++;
		if (next >= end || *next == '\n')
			return nl;
	}
	return end;
}

/* ---- sentences */

static void add_sentence(struct scanner *sc, const char *start, const char *end, size_t spoken)
{
	struct prose *p = sc->prose;
	while (end > start && strchr(" \t\n\r>", end[-1]))
		end--;
	if (end == start)
		return;
	if (p->count == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 256;
		void *grown = realloc(p->sentences, cap * sizeof(*p->sentences));
		if (!grown) {
			sc->r = -ENOMEM;
			return;
		}
		p->sentences = grown;
		p->cap = cap;
	}
	size_t len = (size_t)(end - start);
	p->sentences[p->count++] = (struct sentence){
		.start = (uint32_t)(start - p->text),
		.end = (uint32_t)(end - p->text),
		.spoken = (uint16_t)(sc->dash_speech || spoken > len ? len : spoken),
		.opens_paragraph = sc->opens_paragraph,
		.after_break = sc->after_break,
	};
	sc->opens_paragraph = sc->after_break = false;
}

/* "Mr." and "J." end no sentence. */
static bool is_abbreviation(const char *start, const char *stop)
{
	const char *s = stop;
	while (s > start && (unsigned char)s[-1] < 0x80 && text_is_letter((unsigned char)s[-1]))
		s--;
	size_t len = (size_t)(stop - s);
	if (len == 1)
		return text_is_upper((unsigned char)*s) && *s != 'I';
	const struct lexeme *l = len ? lexicon_find_exact(s, len) : NULL;
	return l && l->kinds & LEX_ABBR;
}

/* Behind the stop at s: does a sentence end there? *past is set behind what closes it. */
static bool ends_here(struct scanner *sc, const char *start, const char *stop, const char **past)
{
	const char *s = *past;
	while (s < sc->block_end) {
		const char *next = s;
		uint32_t cp = utf8_next(&next, sc->block_end);
		if ((!is_closing(cp) && !is_stop(cp)) || s - *past > CLOSING_BYTES)
			break;
		if (sc->open && closes(sc->open, cp, next, sc->block_end))
			sc->open = 0;
		s = next;
	}
	*past = s;
	if (s == sc->block_end)
		return true;
	const char *next = s;
	if (!text_is_space(utf8_next(&next, sc->block_end)))
		return false;
	if (stop - start < SENTENCE_LEAST_BYTES || (*stop == '.' && is_abbreviation(start, stop)))
		return false;
	uint32_t cp = ' ';
	while (next < sc->block_end && (text_is_space(cp) || cp == '*' || cp == '_' || cp == '>'))
		cp = utf8_next(&next, sc->block_end);
	return !is_lower(cp);
}

/* One sentence from start; what is behind it. */
static const char *scan_sentence(struct scanner *sc, const char *start)
{
	const char *s = start, *last_space = NULL;
	size_t spoken = 0;
	while (s < sc->block_end) {
		const char *at = s;
		uint32_t cp = utf8_next(&s, sc->block_end);
		if (s - start > SENTENCE_BYTES - 2 * CLOSING_BYTES) {
			s = last_space ? last_space : at;
			break;
		}
		if (text_is_space(cp))
			last_space = s;
		bool was_open = sc->open != 0;
		if (was_open ? closes(sc->open, cp, s, sc->block_end) : closes_with(cp) != 0)
			sc->open = was_open ? 0 : closes_with(cp);
		if (is_wide_stop(cp) || is_stop(cp)) {
			bool ends = ends_here(sc, start, at, &s) || is_wide_stop(cp);
			spoken += was_open ? (size_t)(s - at) : 0;
			if (ends)
				break;
			continue;
		}
		if (was_open || sc->open)
			spoken += (size_t)(s - at);
	}
	add_sentence(sc, start, s, spoken);
	return s;
}

static bool opens_speech(const char *s, const char *end)
{
	uint32_t cp = utf8_next(&s, end);
	return (cp == 0x2013 || cp == 0x2014 || cp == 0x2015) && s < end;
}

/* Does the paragraph belong to a story told by somebody, who is quoted over many paragraphs? Each
 * of them opens a quotation, only the last closes it. That is no talk. */
static bool is_told(const struct scanner *sc, const char *s)
{
	const char *end = sc->block_end;
	uint32_t first = utf8_next(&s, end), close = closes_with(first);
	size_t opened = 1, closed = 0;
	if (first != '"' && first != 0x201c && first != 0xab)
		return false;
	while (s < end) {
		uint32_t cp = utf8_next(&s, end);
		closed += cp == close;
		opened += cp == first && cp != close;
	}
	if (first == '"')
		return closed % 2 == 0 || (closed == 1 && sc->told && end[-1] == '"');
	return closed < opened || (closed == 1 && sc->told && end - s < 4);
}

static void scan_block(struct scanner *sc, const char *s)
{
	sc->open = 0;
	sc->told = is_told(sc, s);
	if (sc->told)
		utf8_next(&s, sc->block_end);
	sc->opens_paragraph = true;
	sc->dash_speech = opens_speech(s, sc->block_end);
	while (sc->r == 0 && s < sc->block_end) {
		while (s < sc->block_end && strchr(" \t\n\r>", *s))
			s++;
		if (s < sc->block_end)
			s = scan_sentence(sc, s);
	}
}

/* ---- words */

static bool is_apostrophe(uint32_t cp)
{
	return cp == '\'' || cp == 0x2019;
}

static bool is_opening_mark(uint32_t cp)
{
	return cp == '"' || cp == 0x201c || cp == 0x2018 || cp == 0xab || cp == 0x201e ||
	       cp == '\'' || cp == 0x2014;
}

/* From the apostrophe at s: "o'clock" goes on, "dog's" and "I'll" do not. Sets *s behind what is
 * not part of the word. */
static bool goes_on(struct word *w, const char **s, const char *end)
{
	const char *next = *s, *mark = *s;
	if (!is_apostrophe(utf8_next(&next, end)) || next == end)
		return false;
	const char *letter = next;
	uint32_t cp = utf8_next(&next, end);
	if (text_is_upper(cp)) {
		*s = letter;
		return true;
	}
	w->possessive = cp == 's';
	while (text_is_letter(cp) && next <= end) {
		letter = next;
		if (next == end)
			break;
		cp = utf8_next(&next, end);
	}
	*s = letter > mark ? letter : mark;
	return false;
}

/* What the word can be behind the one before it. Behind an article no verb stands, behind "he" and
 * "to" no noun; and "the rose" is no form of "rise". */
static void resolve(struct word *w, const struct word *before)
{
	const uint32_t verbs = LEX_SENSE | LEX_MOTION | LEX_SPEECH;
	const uint32_t nouns = LEX_LAND | LEX_BUILDING | LEX_BODY | LEX_CLOTH | LEX_CREATURE |
			       LEX_ITEM | LEX_PERSON | LEX_SITE | LEX_PLANT | LEX_FOOD |
			       LEX_VEHICLE | LEX_GROUP | LEX_MATERIAL;
	uint32_t left = before && w->joined ? before->kinds : 0;
	bool behind_look = left & (LEX_LOOK | LEX_COLOUR) && !(left & LEX_STOP);
	if (left & LEX_DETERMINER || behind_look) {
		const struct lexeme *own = lexicon_find_exact(w->s, w->len);
		if (own && own->base && own->kinds & nouns && w->lex->verb > w->lex->noun)
			w->lex = own;
		w->kinds = w->lex->kinds;
		if (w->kinds & nouns)
			w->kinds &= ~verbs;
	} else {
		w->kinds = w->lex->kinds;
		if (left & LEX_PRONOUN && !(left & LEX_DETERMINER) && w->lex->verb)
			w->kinds &= ~nouns;
	}
}

/* The word that begins at *s; ideographs stand for themselves. */
static void scan_word(struct word *w, const char **s, const char *end)
{
	size_t letters = 0, uppers = 0;
	w->s = *s;
	while (*s < end) {
		const char *next = *s;
		uint32_t cp = utf8_next(&next, end);
		if (!text_is_letter(cp)) {
			w->len = (uint16_t)(*s - w->s);
			if (goes_on(w, s, end))
				continue;
			break;
		}
		uppers += text_is_upper(cp);
		w->upper |= letters++ == 0 && text_is_upper(cp);
		*s = next;
		w->len = (uint16_t)(*s - w->s);
		if (is_ideographic(cp))
			break;
	}
	w->shout = letters > 1 && uppers == letters;
}

size_t prose_words(struct word words[SENTENCE_WORDS], const struct prose *p,
		   const struct sentence *st)
{
	const char *s = p->text + st->start, *end = p->text + st->end;
	size_t count = 0;
	bool opens = true;
	const char *behind = NULL; /* the last word's end */
	while (s < end && count < SENTENCE_WORDS) {
		const char *next = s;
		uint32_t cp = utf8_next(&next, end);
		if (!text_is_letter(cp)) {
			opens |= is_opening_mark(cp) || cp == '\n'; /* a verse line */
			s = next;
			continue;
		}
		struct word *w = &words[count++];
		*w = (struct word){.opens = opens,
				   .joined = behind && s - behind == 1 && *behind == ' '};
		scan_word(w, &s, end);
		w->lex = lexicon_find(w->s, w->len);
		if (w->lex)
			resolve(w, count > 1 ? w - 1 : NULL);
		behind = s;
		opens = false;
	}
	return count;
}

static void count_sentence(struct prose *p, const struct sentence *s)
{
	struct word words[SENTENCE_WORDS];
	size_t count = prose_words(words, p, s);
	p->words += (int64_t)count;
	for (size_t i = 0; i < count; i++) {
		const struct word *w = &words[i];
		p->stop_words += w->lex && w->lex->kinds & LEX_STOP;
		p->capitals += w->upper && !w->opens && !w->shout;
	}
}

/* English prose is more than a third short words of grammar; other languages share a few of them
 * ("a", "in", "me"). In German a fifth of the words begin with a capital within a sentence. */
static void judge_language(struct prose *p)
{
	for (size_t i = 0; i < p->count && p->words < 20000; i++)
		count_sentence(p, &p->sentences[i]);
	p->listed = p->stop_words * 4 >= p->words;
	p->cased = p->capitals && (p->listed || p->capitals * 8 < p->words);
}

int prose_init(struct prose *p, const char *text, size_t len)
{
	*p = (struct prose){.text = text, .len = len};
	if (len > PROSE_BYTES_MAX)
		return -EFBIG;
	struct scanner sc = {.prose = p, .after_break = true};
	const char *end = text + len;
	for (const char *s = skip_blank(text, end); sc.r == 0 && s < end;
	     s = skip_blank(sc.block_end, end)) {
		sc.block_end = block_end(s, end);
		if (is_apart(s, sc.block_end))
			sc.after_break = true;
		else
			scan_block(&sc, s);
	}
	if (sc.r < 0)
		return sc.r;
	judge_language(p);
	return sight_weigh(p);
}

void prose_finish(struct prose *p)
{
	free(p->sentences);
	free(p->marks);
	p->sentences = NULL;
	p->marks = NULL;
	p->count = p->cap = p->mark_count = p->mark_cap = 0;
}
