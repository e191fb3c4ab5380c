/* SPDX-License-Identifier: MIT */
#include "analyst_names.h"

#include <string.h>

/* Bounds: a chapter with more names than this is no chapter. Later ones are not counted. */
enum {
	NAMES_MAX = 1 << 15,
	SLOTS = NAMES_MAX * 2,
	MENTIONS_MAX = 1 << 20,
	SMALL_BITS = 1 << 20,
	NAME_WORDS = 5,
	NAME_TEXT_BYTES = 80,
};

enum { THINGS = LEX_CREATURE | LEX_PERSON | LEX_ITEM | LEX_SITE };

/* FNV-1a over the word in ASCII lower case. */
static uint32_t hash_word(const char *s, size_t len)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		h = (h ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * 16777619u;
	}
	return h ^ h >> 15;
}

bool names_small(const struct names *n, const char *word, size_t len)
{
	uint32_t bit = hash_word(word, len) % SMALL_BITS;
	return n->small[bit / 8] >> bit % 8 & 1;
}

static void see_small(struct names *n, const struct word *w)
{
	uint32_t bit = hash_word(w->s, w->len) % SMALL_BITS;
	n->small[bit / 8] |= (uint8_t)(1 << bit % 8);
}

/* The name's index, or SIZE_MAX when there is no more room. */
static size_t find_name(struct names *n, const char *text, uint32_t kinds, uint32_t sentence)
{
	uint32_t at = (hash_word(text, strlen(text)) + (kinds != 0)) % SLOTS;
	for (; n->slots[at]; at = (at + 1) % SLOTS) {
		const struct name *seen = &n->items[n->slots[at] - 1];
		if (!strcmp(seen->text, text) && !seen->kinds == !kinds)
			return n->slots[at] - 1;
	}
	if (n->len == NAMES_MAX)
		return SIZE_MAX;
	n->items = xgrow(n->items, &n->cap, n->len + 1, sizeof(*n->items));
	n->items[n->len] = (struct name){.text = xstrdup(text), .kinds = kinds, .first = sentence};
	n->slots[at] = (uint32_t)++n->len;
	return n->len - 1;
}

static struct name *mention(struct names *n, const char *text, uint32_t kinds, uint32_t sentence)
{
	size_t i = find_name(n, text, kinds, sentence);
	if (i == SIZE_MAX || n->mention_count == MENTIONS_MAX)
		return NULL;
	n->mentions =
		xgrow(n->mentions, &n->mention_cap, n->mention_count + 1, sizeof(*n->mentions));
	n->mentions[n->mention_count++] = (struct mention){(uint32_t)i, sentence};
	return &n->items[i];
}

/* ---- names */

static bool is_kind(const struct word *w, uint32_t kinds)
{
	return w->lex && w->lex->kinds & kinds;
}

static bool is_word(const struct word *w, const char *what)
{
	return w->len == strlen(what) && !strncmp(w->s, what, w->len);
}

static bool is_among(const struct word *w, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (is_word(w, list[i]))
			return true;
	}
	return false;
}

static bool is_title(const struct word *w)
{
	return w->upper && is_kind(w, LEX_TITLE);
}

/* May this word be part of a name? */
static bool is_capital(const struct word *w)
{
	return w->upper && !(w->shout && w->len > 3) && !is_kind(w, LEX_NONAME) &&
	       !(is_kind(w, LEX_STOP) && !is_kind(w, LEX_TITLE));
}

/* "Mr. Hyde": a stop and a blank after a title join as a blank does. */
static bool follows(const struct word *before, const struct word *w)
{
	if (w->opens || before->possessive)
		return false;
	if (w->joined)
		return true;
	const char *gap = before->s + before->len;
	return (is_kind(before, LEX_ABBR) || before->len == 1) && w->s - gap == 2 &&
	       !memcmp(gap, ". ", 2);
}

/* How many words from i on are one name; "of" and its like may stand within. */
static size_t run_length(const struct word *words, size_t count, size_t i)
{
	static const char *const inner[] = {"of", "de", "von", "van", "la", "du", "del"};
	size_t n = 1;
	while (i + n < count && follows(&words[i + n - 1], &words[i + n])) {
		const struct word *w = &words[i + n];
		if (is_capital(w)) {
			n++;
			continue;
		}
		if (!is_among(w, inner, ARRAY_LEN(inner)) || i + n + 1 >= count ||
		    !is_capital(w + 1) || !follows(w, w + 1))
			break;
		n += 2;
	}
	return n;
}

/* The words' text with one blank between them; false if it is too long for a name. */
static bool name_text(char out[NAME_TEXT_BYTES], const struct word *words, size_t count)
{
	size_t len = 0;
	for (size_t i = 0; i < count; i++) {
		bool dotted = i + 1 < count && words[i + 1].s - words[i].s == words[i].len + 2;
		if (len + words[i].len + 3 > NAME_TEXT_BYTES)
			return false;
		if (i)
			out[len++] = ' ';
		memcpy(out + len, words[i].s, words[i].len);
		len += words[i].len;
		if (dotted)
			out[len++] = '.';
	}
	out[len] = '\0';
	return true;
}

/* One is in or at a place; what else precedes places precedes persons as well. */
static uint32_t place_votes(const struct word *before)
{
	static const char *const strong[] = {"in", "at"};
	static const char *const weak[] = {"from",    "to",   "near", "towards",
					   "through", "into", "of"};
	return is_among(before, strong, ARRAY_LEN(strong)) ? 4
	       : is_among(before, weak, ARRAY_LEN(weak))   ? 1
							   : 0;
}

/* Persons speak, move, own, and are spoken of as he and she. */
static uint32_t person_votes(const struct word *words, size_t count, size_t i, size_t n)
{
	static const char *const pronouns[] = {"he", "she", "his", "her", "him", "who", "whose"};
	uint32_t votes = words[i + n - 1].possessive ? 4 : 0;
	if (i && is_kind(&words[i - 1], LEX_SPEECH))
		votes += 4;
	if (i + n < count && is_kind(&words[i + n], LEX_SPEECH))
		votes += 6;
	else if (i + n < count && is_kind(&words[i + n], LEX_MOTION | LEX_SENSE))
		votes += words[i + n].upper ? 0 : 4;
	for (size_t k = i + n; k < count && k < i + n + 12; k++) {
		if (is_among(&words[k], pronouns, ARRAY_LEN(pronouns)))
			return votes + 2;
	}
	return votes;
}

static void vote(struct name *name, const struct word *words, size_t count, size_t i, size_t n)
{
	static const char *const articles[] = {"the", "a", "an"};
	name->person += person_votes(words, count, i, n);
	if (i) {
		name->place += place_votes(&words[i - 1]);
		name->article += is_among(&words[i - 1], articles, ARRAY_LEN(articles));
	}
	name->titled += is_title(&words[i]) && n > 1;
}

static void add_name(struct names *n, const struct word *words, size_t count, size_t i, size_t len,
		     uint32_t sentence)
{
	char text[NAME_TEXT_BYTES];
	if (len > NAME_WORDS || !name_text(text, words + i, len))
		return;
	struct name *name = mention(n, text, 0, sentence);
	if (!name)
		return;
	if (words[i].opens)
		name->start++;
	else
		name->inside++;
	vote(name, words, count, i, len);
}

/* A capital that opens a sentence says nothing: "Suddenly Alice" is Alice. */
static size_t see_run(struct names *n, const struct word *words, size_t count, size_t i,
		      uint32_t sentence)
{
	size_t len = run_length(words, count, i);
	const struct word *w = &words[i];
	bool name_like = is_title(w) || !w->lex;
	if (w->opens && len > 1 && !name_like)
		add_name(n, words, count, i + 1, len - 1, sentence);
	else if (len > 1 || !is_title(w) || !w->opens)
		add_name(n, words, count, i, len, sentence);
	return len;
}

/* ---- unnamed ones */

static bool is_determiner(const struct word *w)
{
	static const char *const list[] = {"a",	   "an",    "the", "this", "that",
					   "his",  "her",   "its", "my",   "our",
					   "your", "their", "The", "A",	   "An"};
	return is_among(w, list, ARRAY_LEN(list));
}

/* From the determiner at i: looks, then a noun of the list that no other noun follows. */
static void see_thing(struct names *n, const struct word *words, size_t count, size_t i,
		      uint32_t sentence)
{
	size_t k = i + 1;
	while (k < count && k <= i + 3 && words[k].joined && !words[k].upper &&
	       is_kind(&words[k], LEX_LOOK | LEX_COLOUR | LEX_MATERIAL) && k + 1 < count &&
	       words[k + 1].joined && is_kind(&words[k + 1], THINGS | LEX_LOOK | LEX_COLOUR))
		k++;
	if (k >= count || !words[k].joined || words[k].upper || !is_kind(&words[k], THINGS) ||
	    is_kind(&words[k], LEX_STOP | LEX_BODY))
		return;
	char text[NAME_TEXT_BYTES];
	strcpy(text, words[k].lex->word);
	text[0] = (char)(text[0] - 32);
	struct name *name = mention(n, text, words[k].lex->kinds & THINGS, sentence);
	if (name)
		name->inside++;
}

static void see_sentence(struct names *n, const struct prose *p, uint32_t sentence)
{
	struct word words[SENTENCE_WORDS];
	size_t count = prose_words(words, p, &p->sentences[sentence]);
	for (size_t i = 0; i < count;) {
		if (is_determiner(&words[i]))
			see_thing(n, words, count, i, sentence);
		if (!words[i].upper)
			see_small(n, &words[i]);
		i += is_capital(&words[i]) ? see_run(n, words, count, i, sentence) : 1;
	}
}

int names_init(struct names *n, const struct prose *p)
{
	*n = (struct names){0};
	n->slots = xcalloc(SLOTS, sizeof(*n->slots));
	n->small = xcalloc(SMALL_BITS / 8, 1);
	for (size_t i = 0; i < p->count; i++)
		see_sentence(n, p, (uint32_t)i);
	return 0;
}

void names_finish(struct names *n)
{
	for (size_t i = 0; i < n->len; i++)
		free(n->items[i].text);
	free(n->items);
	free(n->mentions);
	free(n->slots);
	free(n->small);
}
