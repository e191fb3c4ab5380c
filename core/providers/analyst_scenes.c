/* SPDX-License-Identifier: MIT */
#include "analyst.h"

#include <string.h>

/*
 * Which passages to show. For each sentence the best window of 3 to 8 sentences that begins there
 * is weighed by what can be seen in it per word; the best windows are taken one after another, each
 * blocking its neighbourhood, so that scenes spread by themselves and the choice follows the
 * content, not the place. Mood, light and ground are elected by the window's words, and with less
 * weight by those of its neighbours.
 */

enum {
	WINDOW_LEAST = 3,
	WINDOW_MOST = 8,
	WINDOW_WORDS = 130, /* a quote, not a chapter */
	WINDOW_PARAGRAPHS = 3,
	NEIGHBOURS = 3,
	DETAILS = 6,
	NAMES_SHOWN = 4,
	DESCRIPTION_WORDS = 60,
	SHARED_WORDS = 12,
};

struct window {
	uint32_t first, count;
	uint32_t value;
};

/* Visible words per word, less what is spoken; a short window must earn more. */
static uint32_t weigh_window(const struct prose *p, const struct window *w)
{
	uint64_t score = 0, words = 0, spoken = 0;
	for (size_t i = w->first; i < w->first + w->count; i++) {
		score += p->sentences[i].score;
		words += p->sentences[i].words;
		spoken += p->sentences[i].spoken;
	}
	const struct sentence *first = &p->sentences[w->first];
	uint64_t bytes = p->sentences[w->first + w->count - 1].end - first->start + 1;
	uint64_t value = (score * 1000 + 1) * 100 / (words + 30);
	if (spoken > bytes)
		spoken = bytes;
	value = value * (bytes - spoken) / bytes;
	if (spoken * 3 > bytes)
		value /= 8;
	return (uint32_t)(first->opens_paragraph ? value + value / 8 : value);
}

static bool grows(const struct prose *p, size_t first, size_t next, uint64_t words, int paragraphs)
{
	const struct sentence *s = &p->sentences[next];
	return !(next > first && s->after_break) && paragraphs <= WINDOW_PARAGRAPHS &&
	       (words + s->words <= WINDOW_WORDS || next < first + WINDOW_LEAST);
}

/* The best window that begins at `first`; count 0 if there is none of three sentences. */
static struct window best_window(const struct prose *p, size_t first)
{
	struct window best = {.first = (uint32_t)first};
	uint64_t words = 0;
	int paragraphs = 0;
	for (size_t n = 0; n < WINDOW_MOST && first + n < p->count; n++) {
		paragraphs += p->sentences[first + n].opens_paragraph;
		if (!grows(p, first, first + n, words, paragraphs))
			break;
		words += p->sentences[first + n].words;
		struct window w = {(uint32_t)first, (uint32_t)n + 1, 0};
		w.value = weigh_window(p, &w);
		if (n + 1 >= WINDOW_LEAST && (!best.count || w.value > best.value))
			best = w;
	}
	return best;
}

static int compare_values(const void *a, const void *b)
{
	const struct window *x = a, *y = b;
	if (x->value != y->value)
		return x->value > y->value ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

static int compare_places(const void *a, const void *b)
{
	const struct window *x = a, *y = b;
	return x->first < y->first ? -1 : x->first > y->first;
}

/* Takes the best that nothing blocks; a window taken blocks itself and `apart` sentences around. */
static size_t take_windows(struct window *windows, size_t count, size_t wanted, size_t sentences)
{
	size_t taken = 0, apart = sentences / (wanted * 4);
	uint8_t *blocked = xcalloc(sentences + 1, 1);
	for (size_t i = 0; i < count && taken < wanted; i++) {
		struct window w = windows[i];
		if (blocked[w.first] || blocked[w.first + w.count - 1])
			continue;
		size_t from = w.first > apart ? w.first - apart : 0;
		size_t to = w.first + w.count + apart;
		memset(blocked + from, 1, (to < sentences ? to : sentences) - from);
		windows[taken++] = w;
	}
	free(blocked);
	qsort(windows, taken, sizeof(*windows), compare_places);
	return taken;
}

/* ---- what is elected */

struct votes {
	uint32_t moods[MOODS], lights[LIGHTS], grounds[GROUNDS];
	const struct lexeme *weather[2];
};

static void count_votes(struct votes *v, const struct prose *p, size_t i, uint32_t weight)
{
	struct word words[SENTENCE_WORDS];
	size_t count = prose_words(words, p, &p->sentences[i]);
	for (size_t k = 0; k < count; k++) {
		const struct lexeme *l = words[k].lex;
		if (!l || (words[k].upper && !words[k].opens)) /* "Hill Street" is no hill */
			continue;
		v->moods[l->mood] += weight;
		v->lights[l->light] += weight;
		v->grounds[l->ground] += weight;
		if (weight > 1 && l->kinds & LEX_WEATHER && !v->weather[1] &&
		    !(v->weather[0] && !strncmp(v->weather[0]->word, l->word, 2)))
			v->weather[v->weather[0] != NULL] = l; /* not "ice and icy" */
	}
}

static size_t elected(const uint32_t *votes, size_t count)
{
	size_t best = 0;
	for (size_t i = 1; i < count; i++) {
		if (votes[i] && (!best || votes[i] > votes[best]))
			best = i;
	}
	return best;
}

static void elect(struct votes *v, const struct prose *p, const struct window *w)
{
	size_t from = w->first > NEIGHBOURS ? w->first - NEIGHBOURS : 0;
	for (size_t i = from; i < w->first + w->count + NEIGHBOURS && i < p->count; i++) {
		bool within = i >= w->first && i < w->first + w->count;
		count_votes(v, p, i, within ? 3 : 1);
	}
}

/* ---- phrases */

static bool is_kind(const struct word *w, uint32_t kinds)
{
	return w->lex && w->lex->kinds & kinds;
}

static void add_phrase(struct strv *out, const struct word *words, size_t count)
{
	char text[64];
	size_t len = 0;
	for (size_t i = 0; i < count; i++) {
		if (len + words[i].len + 2 > sizeof(text))
			return;
		if (i)
			text[len++] = ' ';
		for (size_t k = 0; k < words[i].len; k++) {
			char c = words[i].s[k];
			text[len++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
		}
	}
	text[len] = '\0';
	if (!strv_has(out, text))
		strv_add(out, text);
}

void look_phrases(struct strv *out, const struct word *words, size_t count, size_t most,
		  uint32_t noun_kinds)
{
	const uint32_t looks = LEX_COLOUR | LEX_MATERIAL | LEX_LOOK;
	for (size_t i = 0; i + 1 < count && out->len < most; i++) {
		size_t n = 0;
		while (n < 2 && i + n + 1 < count && is_kind(&words[i + n], looks) &&
		       words[i + n + 1].joined)
			n++;
		/* "long grey" is no thing yet: go back to the last word that is one. */
		while (n && (!is_kind(&words[i + n], noun_kinds) ||
			     is_kind(&words[i + n], LEX_COLOUR | LEX_STOP)))
			n--;
		if (!n)
			continue;
		add_phrase(out, words + i, n + 1);
		i += n;
	}
}

/* "ravine" is there with "ragged bare ravine". */
static bool is_shown(const struct strv *phrases, const struct word *w)
{
	for (size_t i = 0; i < phrases->len; i++) {
		if (memmem(phrases->items[i], strlen(phrases->items[i]), w->lex->word,
			   strlen(w->lex->word)))
			return true;
	}
	return false;
}

/* Nouns by themselves, where there are few phrases. */
static void plain_nouns(struct strv *out, const struct word *words, size_t count, size_t most)
{
	const uint32_t nouns = LEX_CREATURE | LEX_ITEM | LEX_CLOTH | LEX_LAND | LEX_BUILDING;
	for (size_t i = 0; i < count && out->len < most; i++) {
		if (is_kind(&words[i], nouns) && !is_kind(&words[i], LEX_STOP | LEX_MOTION) &&
		    !words[i].upper && !is_shown(out, &words[i]))
			add_phrase(out, &words[i], 1);
	}
}

/* ---- the description */

static const char *const ground_phrases[GROUNDS] = {
	"A scene",	"Open sea",	"A shore",    "A riverside", "Among trees",
	"Mountains",	"Open country", "A road",     "A town",	     "A room",
	"A great hall", "Old walls",	"A wide sky",
};

static const char *const light_phrases[LIGHTS] = {
	"",
	" at dawn",
	" in morning light",
	" at noon",
	" in the afternoon",
	" at sunset",
	" at dusk",
	" by night",
	" by moonlight",
	" under stars",
	" by firelight",
	" by lamplight",
	" in sunlight",
	" under cloud",
	" in a storm",
	" in mist",
};

static void put_list(struct buf *out, const char *before, const struct strv *items)
{
	for (size_t i = 0; i < items->len; i++)
		buf_addf(out, "%s%s", i ? ", " : before, items->items[i]);
}

static void compose(struct buf *out, const struct votes *v, const struct strv *names,
		    const struct strv *details)
{
	size_t light = elected(v->lights, LIGHTS);
	buf_addf(out, "%s%s", ground_phrases[elected(v->grounds, GROUNDS)], light_phrases[light]);
	for (size_t i = 0, shown = 0; i < ARRAY_LEN(v->weather) && v->weather[i]; i++) {
		if (v->weather[i]->light != light || !light)
			buf_addf(out, "%s%s", shown++ ? " and " : "; ", v->weather[i]->word);
	}
	buf_addc(out, '.');
	put_list(out, " Present: ", names);
	if (names->len)
		buf_addc(out, '.');
	put_list(out, " To be seen: ", details);
	if (details->len)
		buf_addc(out, '.');
}

static bool next_word(const char **word, size_t *len, const char **s, const char *end)
{
	*word = NULL;
	while (*s < end) {
		const char *next = *s;
		bool letter = text_is_letter(utf8_next(&next, end));
		if (!letter && *word)
			break;
		if (letter && !*word)
			*word = *s;
		*s = next;
		if (letter)
			*len = (size_t)(*s - *word);
	}
	return *word != NULL;
}

static bool same_words(const char *a, size_t a_len, const char *b, size_t b_len)
{
	if (a_len != b_len)
		return false;
	for (size_t i = 0; i < a_len; i++) {
		int x = a[i] >= 'A' && a[i] <= 'Z' ? a[i] + 32 : a[i];
		int y = b[i] >= 'A' && b[i] <= 'Z' ? b[i] + 32 : b[i];
		if (x != y)
			return false;
	}
	return true;
}

/* Words in a row, from these places on, that both have. */
static size_t common_run(const char *a, const char *a_end, const char *b, const char *b_end)
{
	const char *x, *y;
	size_t n = 0, x_len = 0, y_len = 0;
	while (next_word(&x, &x_len, &a, a_end) && next_word(&y, &y_len, &b, b_end) &&
	       same_words(x, x_len, y, y_len))
		n++;
	return n;
}

/* Does the description copy the quote? Both are short (60 words, 8 sentences). */
static bool copies(const char *description, const char *quote, size_t quote_len)
{
	const char *end = description + strlen(description), *quote_end = quote + quote_len;
	const char *word;
	size_t len;
	for (const char *a = description; a < end;) {
		const char *from = a;
		if (!next_word(&word, &len, &a, end))
			break;
		for (const char *b = quote; b < quote_end;) {
			const char *at = b;
			if (common_run(from, end, at, quote_end) > SHARED_WORDS)
				return true;
			if (!next_word(&word, &len, &b, quote_end))
				break;
		}
	}
	return false;
}

static void drop_last(struct strv *v)
{
	free(v->items[--v->len]);
}

/* Drops details, then names, until the description is short and its own. */
static void describe(struct concept *c, const struct votes *v, struct strv *details)
{
	struct strv names = {0};
	for (size_t i = 0; i < c->elements.len && i < NAMES_SHOWN; i++)
		strv_add(&names, c->elements.items[i]);
	for (;;) {
		CLEANUP(buf_finish) struct buf out = {0};
		compose(&out, v, &names, details);
		bool done = utf8_words(buf_str(&out), out.len) <= DESCRIPTION_WORDS &&
			    !copies(buf_str(&out), c->quote.text, strlen(c->quote.text));
		if (done || (!details->len && !names.len)) {
			analysis_set(&c->description, buf_str(&out));
			break;
		}
		drop_last(details->len ? details : &names);
	}
	strv_finish(&names);
}

/* ---- concepts */

static bool is_mentioned(const struct member *m, const struct window *w)
{
	size_t low = 0, high = m->count;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (m->sentences[mid] < w->first)
			low = mid + 1;
		else
			high = mid;
	}
	return low < m->count && m->sentences[low] < w->first + w->count;
}

static void add_details(struct strv *details, const struct prose *p, const struct window *w)
{
	const uint32_t things = LEX_MATERIAL | LEX_LIGHT | LEX_WEATHER | LEX_LAND | LEX_BUILDING |
				LEX_BODY | LEX_CLOTH | LEX_CREATURE | LEX_ITEM | LEX_PERSON;
	struct word words[SENTENCE_WORDS];
	for (size_t i = w->first; i < w->first + w->count; i++) {
		size_t count = prose_words(words, p, &p->sentences[i]);
		look_phrases(details, words, count, DETAILS, things);
	}
	for (size_t i = w->first; i < w->first + w->count; i++) {
		size_t count = prose_words(words, p, &p->sentences[i]);
		plain_nouns(details, words, count, DETAILS - 1);
	}
}

static void add_concept(struct analysis *a, const struct prose *p, const struct cast *cast,
			const struct window *w)
{
	struct concept *c = analysis_add_concept(a);
	const struct sentence *first = &p->sentences[w->first];
	free(c->quote.text);
	c->quote.offset = first->start;
	c->quote.len = p->sentences[w->first + w->count - 1].end - first->start;
	c->quote.text = xstrndup(p->text + c->quote.offset, c->quote.len);
	for (size_t i = 0; i < cast->len; i++) {
		if (is_mentioned(&cast->members[i], w))
			strv_add(&c->elements, cast->members[i].name);
	}
	struct votes v = {0};
	struct strv details = {0};
	elect(&v, p, w);
	add_details(&details, p, w);
	analysis_set(&c->mood, mood_names[elected(v.moods, MOODS)]);
	analysis_set(&c->lighting, light_names[elected(v.lights, LIGHTS)]);
	describe(c, &v, &details);
	strv_finish(&details);
}

int scenes_concepts(struct analysis *a, const struct prose *p, const struct cast *cast, int wanted)
{
	/* No more than one scene to a dozen sentences is a choice. */
	size_t most = p->count / 12 + 1, count = 0;
	if (wanted < 1 || p->count < WINDOW_LEAST)
		return 0;
	struct window *windows = malloc(p->count * sizeof(*windows));
	if (!windows)
		return -ENOMEM;
	for (size_t i = 0; i < p->count; i++) {
		struct window w = best_window(p, i);
		if (w.count && w.value)
			windows[count++] = w;
	}
	qsort(windows, count, sizeof(*windows), compare_values);
	count = take_windows(windows, count, (size_t)wanted < most ? (size_t)wanted : most,
			     p->count);
	for (size_t i = 0; i < count; i++)
		add_concept(a, p, cast, &windows[i]);
	free(windows);
	return 0;
}
