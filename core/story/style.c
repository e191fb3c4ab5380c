/* SPDX-License-Identifier: MIT */
#include "clean.h"
#include "fold.h"
#include "story.h"

#include <string.h>

/* ---- style.md as words of a prompt */

/* A line of Markdown without what only orders it; NULL: nothing of it is said. */
struct line {
	const char *s;
	size_t len;
	bool item; /* of a list, or behind an empty line: it does not go on with the one before */
};

static bool is_blank(char c)
{
	return (unsigned char)c <= ' ' || c == 0x7f;
}

/* Where the comment that begins at s ends; what is not closed goes to the end. */
static const char *skip_comment(const char *s)
{
	const char *stop = strstr(s, "-->");
	return stop ? stop + 3 : s + strlen(s);
}

/* The bytes of a list's mark, "- ", "* ", "+ ", "12. ", "3) ", or of a quotation's, "> ". */
static size_t list_mark(const char *s, size_t len)
{
	size_t n = 0;
	while (n < len && n < 3 && s[n] >= '0' && s[n] <= '9')
		n++;
	bool number = n && n < len && (s[n] == '.' || s[n] == ')');
	bool mark = !n && len && strchr("-*+>", s[0]);
	if (!number && !mark)
		return 0;
	return n + 1 == len || is_blank(s[n + 1]) ? n + 1 : 0;
}

static bool is_heading(const char *s, size_t len)
{
	size_t n = 0;
	while (n < len && s[n] == '#')
		n++;
	return n && (n == len || is_blank(s[n]));
}

/* "---", "===", "***": a rule, or what underlines a heading. */
static bool is_rule(const char *s, size_t len)
{
	size_t n = 0;
	while (n < len && (s[n] == s[0] || is_blank(s[n])))
		n++;
	return len >= 3 && n == len && strchr("-=*_", s[0]);
}

static void put_words(struct buf *out, size_t start, const struct line *l)
{
	bool space = out->len > start;
	if (space && l->item && !strchr(".!?:;,", out->data[out->len - 1]))
		buf_addc(out, '.');
	for (size_t i = 0; i < l->len; i++) {
		if (i + 1 < l->len && (!memcmp(l->s + i, "**", 2) || !memcmp(l->s + i, "__", 2))) {
			i++;
			continue;
		}
		if (is_blank(l->s[i])) {
			space = out->len > start;
			continue;
		}
		if (space)
			buf_addc(out, ' ');
		space = false;
		buf_addc(out, l->s[i]);
	}
}

/* The body without its comments; each leaves a blank. */
static char *without_comments(const char *body)
{
	CLEANUP(buf_finish) struct buf out = {0};
	while (*body) {
		const char *stop = strstr(body, "<!--");
		size_t len = stop ? (size_t)(stop - body) : strlen(body);
		buf_add(&out, body, len);
		buf_addc(&out, ' ');
		body = stop ? skip_comment(stop + 4) : body + len;
	}
	return xstrdup(buf_str(&out));
}

/* At most max bytes behind start, cut behind a word, else at a character. */
static void cut(struct buf *out, size_t start, size_t max)
{
	if (out->len - start <= max)
		return;
	size_t len = max;
	while (len && out->data[start + len] != ' ')
		len--;
	if (!len)
		for (len = max; len && ((unsigned char)out->data[start + len] & 0xc0) == 0x80;)
			len--;
	while (len && strchr(" ,;:", out->data[start + len - 1]))
		len--;
	out->len = start + len;
	out->data[out->len] = '\0';
}

int style_line(struct buf *out, const char *body, size_t max)
{
	CLEANUP(cleanup_free) char *text = without_comments(body);
	const size_t start = out->len;
	const char *s = !strncmp(text, "\xef\xbb\xbf", 3) ? text + 3 : text;
	bool apart = true;
	for (; *s; s += *s == '\n') {
		struct line l = {s, strcspn(s, "\n"), apart};
		s += l.len;
		while (l.len && is_blank(*l.s)) {
			l.s++;
			l.len--;
		}
		while (l.len && is_blank(l.s[l.len - 1]))
			l.len--;
		apart = !l.len || is_heading(l.s, l.len) || is_rule(l.s, l.len);
		if (apart)
			continue;
		for (size_t n; (n = list_mark(l.s, l.len)); l.item = true) {
			for (l.s += n, l.len -= n; l.len && is_blank(*l.s); l.len--)
				l.s++;
		}
		if (l.len)
			put_words(out, start, &l);
	}
	if (buf_error(out))
		return buf_error(out);
	cut(out, start, max);
	return 0;
}

int style_none(struct buf *out)
{
	buf_adds(out,
		 "# No style yet\n\n"
		 "<!--\n"
		 "What is written into this file goes into the prompt of every picture that is "
		 "made from\nthen on: the medium, the palette, the line, the light, the "
		 "composition, what to avoid.\nHeadings, and remarks between such marks as "
		 "these, do not. An empty file: no style.\n\n"
		 "Presets to start from, in .bookfs/styles/ (or write \"style NAME\" into "
		 ".bookfs/ctl;\n\"style propose\" makes one of what the first chapters are like):");
	for (size_t i = 0; style_preset(i); i++)
		buf_addf(out, "%s %s", i ? "," : "", style_preset(i)->name);
	return buf_adds(out, "\n-->\n");
}

/* ---- a proposal */

enum { PHRASES_MAX = 64, PHRASE_BYTES = 40, TOLD = 4 };

/* What scenes say, each with how often; the first said before those said as often. */
struct phrases {
	struct phrase {
		char *text; /* folded */
		size_t count;
	} items[PHRASES_MAX];
	size_t len;
};

static void phrases_finish(struct phrases *p)
{
	for (size_t i = 0; i < p->len; i++)
		free(p->items[i].text);
}

static void count_phrase(struct phrases *p, const char *s, size_t len, size_t times)
{
	CLEANUP(cleanup_free) char *raw = xstrndup(s, len);
	CLEANUP(cleanup_free) char *clean = clean_text(raw, PHRASE_BYTES + 1, false);
	CLEANUP(cleanup_free) char *text = fold_name(clean);
	if (!*text || strlen(clean) > PHRASE_BYTES || strpbrk(clean, "<>*_#`"))
		return;
	for (size_t i = 0; i < p->len; i++) {
		CLEANUP(cleanup_free) char *known = fold_name(p->items[i].text);
		if (!strcmp(known, text)) {
			p->items[i].count += times;
			return;
		}
	}
	if (p->len == PHRASES_MAX)
		return;
	p->items[p->len++] = (struct phrase){clean, times};
	clean = NULL;
}

/* "calm, a little sad" is two. */
static void count_phrases(struct phrases *p, const char *s)
{
	while (*s) {
		size_t len = strcspn(s, ",;/.");
		count_phrase(p, s, len, 1);
		s += len + (s[len] != '\0');
	}
}

static const struct phrase *most_said(const struct phrases *p, const bool *told)
{
	const struct phrase *best = NULL;
	for (size_t i = 0; i < p->len; i++)
		if (!told[i] && (!best || p->items[i].count > best->count))
			best = &p->items[i];
	return best;
}

static void put_phrases(struct buf *out, const char *label, const struct phrases *p,
			const char *behind)
{
	bool told[PHRASES_MAX] = {false};
	for (size_t i = 0; i < TOLD && i < p->len; i++) {
		const struct phrase *best = most_said(p, told);
		told[best - p->items] = true;
		buf_addf(out, "%s%s", i ? ", " : label, best->text);
	}
	if (p->len)
		buf_addf(out, "%s\n", behind);
}

/* Words of moods and lights, and what they ask for. */
static const struct {
	const char *preset, *palette;
	const char *words[16];
} tones[] = {
	{"gouache",
	 "clear matt colours, one of them warm, the same five in every picture",
	 {"cheer", "joy", "play", "funny", "comic", "warm", "merry", "happy", "tender", "lively"}},
	{"engraving",
	 "black and ivory, the dark larger than the light",
	 {"eerie", "dread", "fear", "grim", "horror", "sinister", "ominous", "gloom", "menac",
	  "terr"}},
	{"oil",
	 "deep earths and embers, a warm red kept for the subject",
	 {"tense", "drama", "fierce", "angry", "heroic", "epic", "majest", "fire", "torch", "storm",
	  "battle"}},
	{"pastel",
	 "blues and ambers out of a dark ground",
	 {"night", "moon", "lamp", "candle", "dusk", "twilight", "dark", "star", "secret",
	  "myster"}},
	{"watercolour",
	 "clear broken colours, warm greys instead of black",
	 {"calm", "quiet", "peace", "serene", "soft", "dawn", "morning", "mist", "day", "sea",
	  "rain", "sad", "melanch", "wistful", "lonely"}},
};

static size_t score(const struct phrases *p, const char *const words[16])
{
	size_t sum = 0;
	for (size_t i = 0; i < p->len; i++) {
		CLEANUP(cleanup_free) char *text = fold_name(p->items[i].text);
		bool hit = false;
		for (size_t k = 0; k < 16 && words[k]; k++)
			hit = hit || strstr(text, words[k]);
		sum += hit ? p->items[i].count : 0;
	}
	return sum;
}

/* "Medium: ..." of a preset, a whole line. */
static void put_preset_line(struct buf *out, const struct style_preset *preset, const char *key)
{
	const char *at = strstr(preset->body, key);
	if (at)
		buf_add(out, at, strcspn(at, "\n") + 1);
}

static void propose(struct buf *out, const struct phrases *moods, const struct phrases *lights,
		    const struct phrases *places)
{
	size_t best = ARRAY_LEN(tones) - 1, most = 0;
	for (size_t i = 0; i < ARRAY_LEN(tones); i++) {
		size_t sum = score(moods, tones[i].words) + score(lights, tones[i].words);
		if (sum > most) {
			best = i;
			most = sum;
		}
	}
	const struct style_preset *preset = style_preset_named(tones[best].preset);
	put_preset_line(out, preset, "- Medium:");
	buf_addf(out, "- Palette: %s\n", tones[best].palette);
	put_preset_line(out, preset, "- Line:");
	put_phrases(out, "- Light: ", lights, ", as each scene says, never flat");
	put_phrases(out, "- Mood of the whole: ", moods, "");
	put_phrases(out, "- Setting: ", places,
		    "; buildings, dress and tools of one place and time");
	put_preset_line(out, preset, "- Composition:");
	put_preset_line(out, preset, "- Avoid:");
}

int style_propose(struct buf *out, const struct analysis *const *analyses, size_t count)
{
	CLEANUP(phrases_finish) struct phrases moods = {0}, lights = {0}, places = {0};
	size_t scenes = 0;
	for (size_t i = 0; i < count; i++) {
		const struct analysis *a = analyses[i];
		scenes += a->concept_count;
		for (size_t k = 0; k < a->concept_count; k++) {
			count_phrases(&moods, a->concepts[k].mood);
			count_phrases(&lights, a->concepts[k].lighting);
		}
		for (size_t k = 0; k < a->element_count; k++) {
			const struct element *e = &a->elements[k];
			if (e->type == ELEMENT_PLACE)
				count_phrase(&places, e->name, strlen(e->name), 1 + e->quote_count);
		}
	}
	buf_addf(out,
		 "# A style for this book\n\n"
		 "<!-- Proposed from %zu %s of the first chapters. It is yours to change: what "
		 "stands "
		 "here goes into\nthe prompt of every picture that is made from then on. -->\n\n",
		 scenes, scenes == 1 ? "scene" : "scenes");
	propose(out, &moods, &lights, &places);
	return buf_error(out);
}
