/* SPDX-License-Identifier: MIT */
#include "analyst.h"

#include <string.h>

/*
 * Which passages to show. For each sentence the best window of 3 to 8 sentences that begins there
 * is weighed by what can be seen in it per word, each word counted once, and by how many sides of a
 * scene it has: light, a place, somebody, something that moves. The best windows are taken one
 * after another, each blocking its neighbourhood, so that scenes spread by themselves and the
 * choice follows the content, not the place. For the same reason a window keeps to one paragraph
 * where that is long enough.
 */

enum {
	WINDOW_LEAST = 3,
	WINDOW_MOST = 8,
	WINDOW_WORDS = 130, /* a quote, not a chapter */
	WINDOW_PARAGRAPHS = 4,
	WORDS_AT_LEAST = 40, /* a short window does not win by two words */
	ASPECTS = 8,
};

struct window {
	uint32_t first, count;
	uint32_t value;
};

/* What a growing window holds so far. */
struct content {
	int64_t score, words, spoken;
	uint32_t paragraphs, asked;
	uint8_t aspects;
};

struct weigher {
	const struct prose *p;
	uint32_t *seen; /* by word of a mark: the window that counted it last, + 1 */
	uint32_t window;
};

static void add_content(struct weigher *g, struct content *c, const struct sentence *s)
{
	for (size_t i = 0; i < s->mark_count; i++) {
		const struct mark *m = &g->p->marks[s->marks + i];
		if (m->weight > 0 && g->seen[m->word] == g->window)
			continue;
		g->seen[m->word] = g->window;
		c->score += m->weight;
		c->aspects |= m->aspect;
	}
	c->words += s->words;
	c->spoken += s->spoken;
	c->asked += g->p->text[s->end - 1] == '?';
}

static unsigned count_aspects(uint8_t aspects)
{
	unsigned n = 0;
	for (; aspects; aspects &= (uint8_t)(aspects - 1))
		n++;
	return n;
}

/* Much of it spoken: talk. It counts only where there is nothing to be seen. */
static int64_t less_talk(int64_t value, int64_t spoken, int64_t bytes)
{
	if (spoken > bytes)
		spoken = bytes;
	value = value * (bytes - spoken) / bytes;
	return spoken * 10 > bytes * 4 ? value / 2 : value;
}

/* A scene has several sides. What has one or two is a report that happens to name a thing. */
static int64_t less_report(int64_t value, uint8_t aspects)
{
	static const uint8_t of_16[ASPECTS + 1] = {0, 1, 3, 7, 12, 16, 18, 20, 21};
	return value * of_16[count_aspects(aspects)] / 16;
}

static uint32_t weigh_window(const struct prose *p, size_t first, size_t last,
			     const struct content *c)
{
	const struct sentence *s = &p->sentences[first];
	if (c->score <= 0)
		return 1; /* better than no scene at all */
	int64_t value = c->score * 100000 / (c->words + WORDS_AT_LEAST);
	if (p->listed)
		value = less_report(value, c->aspects);
	value = less_talk(value, c->spoken, p->sentences[last].end - s->start + 1);
	value /= 1 + c->asked;
	value = value * 6 / (5 + c->paragraphs);
	return (uint32_t)(s->opens_paragraph ? value + value / 16 : value) + 1;
}

static bool grows(const struct prose *p, size_t first, size_t next, const struct content *c)
{
	const struct sentence *s = &p->sentences[next];
	return !(next > first && s->after_break) && c->paragraphs <= WINDOW_PARAGRAPHS &&
	       (c->words + s->words <= WINDOW_WORDS || next < first + WINDOW_LEAST);
}

/* The best window that begins at `first`; count 0 if there is none of three sentences. */
static struct window best_window(struct weigher *g, size_t first)
{
	struct window best = {.first = (uint32_t)first};
	struct content c = {0};
	g->window++;
	for (size_t n = 0; n < WINDOW_MOST && first + n < g->p->count; n++) {
		const struct sentence *s = &g->p->sentences[first + n];
		c.paragraphs += s->opens_paragraph || n == 0;
		if (!grows(g->p, first, first + n, &c))
			break;
		add_content(g, &c, s);
		uint32_t value = weigh_window(g->p, first, first + n, &c);
		if (n + 1 >= WINDOW_LEAST && (!best.count || value > best.value)) {
			best.count = (uint32_t)n + 1;
			best.value = value;
		}
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
	struct air air;
	char lighting[LIGHTING_BYTES];
	air_read(&air, p, w->first, w->count);
	air_lighting(lighting, &air);
	analysis_set(&c->mood, mood_names[air.mood]);
	analysis_set(&c->lighting, lighting);
	brief_write(c, p, cast, &air, w->first, w->count);
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
	CLEANUP(cleanup_free) uint32_t *seen = xcalloc(MARK_WORDS, sizeof(*seen));
	struct weigher g = {p, seen, 0};
	for (size_t i = 0; i < p->count; i++) {
		struct window w = best_window(&g, i);
		if (w.count)
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
