/* SPDX-License-Identifier: MIT */
#include "analyst_air.h"
#include "analyst_clock.h"

#include <stdio.h>
#include <string.h>

/*
 * What the words of a passage say of its light, its hour and its ground: they are elected by the
 * words of lexicon.txt in it and, with less weight, by those around it. A word has no vote where it
 * is not meant: denied ("no moon"), compared ("like a storm"), of something that has no body ("a
 * ray of hope"), or part of a turn of speech ("in the light of"). What is only supposed or spoken
 * has half a vote. A clock tells the hour too, once it is known whether it is dark. The last word
 * on light and hour is analyst_air.c's, which weighs what was elected here with all else.
 */

enum {
	STRONG = 2, /* a vote within the passage is worth so much more than one beside it */
	NEIGHBOURS = 3,
	PHRASE = 3, /* tells a light as much as a word that is no hint */
	CLOCK = 4,
	LOOK_BACK = 30, /* sentences: an hour lasts until another is named */
	LEAST_HOUR = 2,
	LEAST_LIGHT = 3,
	LEAST_GROUND = 6,
	MANY_VOTES = 9,
	COMPANY = 5, /* words on either side */
	NEGATION_REACH = 3,
	SIMILE_REACH = 12,
};

static bool is_one_of(const struct word *w, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(list[i]);
		if (w->len == len && (w->s[0] | 32) == list[i][0] &&
		    !strncmp(w->s + 1, list[i] + 1, len - 1))
			return true;
	}
	return false;
}

static bool is_word(const struct word *w, const char *what)
{
	return is_one_of(w, &what, 1);
}

static bool is_hour(enum light light)
{
	return light >= LIGHT_DAWN && light <= LIGHT_NIGHT;
}

/* ---- is it meant? */

static bool is_denied(const struct word *words, size_t i)
{
	static const char *const denials[] = {
		"no",	    "not",  "never", "without", "nor",	   "neither", "hardly",
		"scarcely", "didn", "wasn",  "weren",	"couldn",  "hadn",    "wouldn",
		"isn",	    "aren", "don",   "doesn",	"nothing", "ceased",  "instead"};
	for (size_t back = 1; back <= NEGATION_REACH && back <= i; back++) {
		if (is_one_of(&words[i - back], denials, ARRAY_LEN(denials)))
			return true;
		/* "No moon that evening" denies the moon alone. */
		const struct lexeme *l = words[i - back].lex;
		if (!words[i - back].joined || (l && l->noun > 40 && !(l->kinds & LEX_STOP)))
			break;
	}
	return false;
}

/* "like a storm", "as if by lightning", "as cold as the moon". */
static bool is_compared(const struct word *words, size_t i)
{
	static const char *const wishes[] = {"would", "should", "ll"};
	static const char *const seeming[] = {"if", "though"};
	for (size_t back = 1; back <= SIMILE_REACH && back <= i; back++) {
		size_t k = i - back;
		if (!words[k + 1].joined)
			break;
		if (is_word(&words[k], "like"))
			return !(k && is_one_of(&words[k - 1], wishes, ARRAY_LEN(wishes)));
		if (is_word(&words[k], "as") &&
		    (is_one_of(&words[k + 1], seeming, ARRAY_LEN(seeming)) ||
		     (k > 1 && is_word(&words[k - 2], "as"))))
			return true;
	}
	return false;
}

/* "a ray of hope", "a storm of applause": what stands behind "of" has no body. */
static bool is_figure(const struct word *words, size_t count, size_t i)
{
	const uint32_t bodies = LEX_LAND | LEX_BUILDING | LEX_BODY | LEX_CLOTH | LEX_CREATURE |
				LEX_ITEM | LEX_PLANT | LEX_VEHICLE | LEX_MATERIAL | LEX_LIGHT |
				LEX_WEATHER | LEX_COLOUR | LEX_SITE;
	const struct lexeme *own = words[i].lex;
	if (i + 2 >= count || !is_word(&words[i + 1], "of"))
		return false;
	/* "A noon of great heat" is one; "the dawn of hope" is not. */
	if (own->light > LIGHT_DAWN && own->light <= LIGHT_NIGHT)
		return false;
	for (size_t k = i + 2; k < count && k < i + 5 && words[k].joined; k++) {
		const struct word *w = &words[k];
		if (w->kinds & bodies)
			return false;
		if (w->lex && (w->kinds & LEX_ABSTRACT || w->lex->mood) && w->lex->noun > 40)
			return true;
	}
	return false;
}

/* "fired", "starred" and "stormed" are done by people; "dark eyes" are so by day. */
static bool is_other_use(const struct word *words, size_t count, size_t i)
{
	const uint32_t things = LEX_BODY | LEX_CLOTH | LEX_ITEM | LEX_PERSON | LEX_CREATURE |
				LEX_MATERIAL | LEX_COLOUR | LEX_LOOK | LEX_FOOD;
	const struct word *w = &words[i];
	size_t base = strlen(w->lex->word);
	bool formed = w->len > base && (w->s[w->len - 1] == 'd' || w->s[w->len - 1] == 'g');
	bool weather = w->kinds & LEX_WEATHER && w->lex->light != LIGHT_STORM; /* "it rained" */
	if (formed && w->lex->noun && w->lex->light >= LIGHT_MOONLIGHT && !weather)
		return true;
	return w->lex->adjective > 50 && i + 1 < count && words[i + 1].joined &&
	       words[i + 1].kinds & things;
}

static bool is_meant(const struct word *words, size_t count, size_t i)
{
	return !is_denied(words, i) && !is_compared(words, i) && !is_figure(words, count, i);
}

/* ---- votes */

/* The sun tells the hour by what it does. */
static enum light hour_of_sun(const struct word *words, size_t count, size_t i)
{
	static const struct {
		const char *word;
		enum light hour;
	} signs[] = {
		{"set", LIGHT_SUNSET},	     {"setting", LIGHT_SUNSET}, {"sink", LIGHT_SUNSET},
		{"sank", LIGHT_SUNSET},	     {"sunk", LIGHT_SUNSET},	{"dip", LIGHT_SUNSET},
		{"decline", LIGHT_SUNSET},   {"low", LIGHT_SUNSET},	{"west", LIGHT_SUNSET},
		{"western", LIGHT_SUNSET},   {"drop", LIGHT_SUNSET},	{"evening", LIGHT_SUNSET},
		{"touch", LIGHT_SUNSET},     {"behind", LIGHT_SUNSET},	{"below", LIGHT_SUNSET},
		{"slant", LIGHT_SUNSET},     {"late", LIGHT_SUNSET},	{"dying", LIGHT_SUNSET},
		{"red", LIGHT_SUNSET},	     {"gone", LIGHT_SUNSET},	{"rim", LIGHT_SUNSET},
		{"crimson", LIGHT_SUNSET},   {"last", LIGHT_SUNSET},	{"go", LIGHT_SUNSET},
		{"westering", LIGHT_SUNSET}, {"down", LIGHT_SUNSET},	{"rise", LIGHT_DAWN},
		{"risen", LIGHT_DAWN},	     {"rose", LIGHT_DAWN},	{"rising", LIGHT_DAWN},
		{"east", LIGHT_DAWN},	     {"eastern", LIGHT_DAWN},	{"peep", LIGHT_DAWN},
		{"high", LIGHT_NOON},	     {"overhead", LIGHT_NOON},	{"zenith", LIGHT_NOON},
		{"beat", LIGHT_NOON},	     {"scorch", LIGHT_NOON},	{"blaze", LIGHT_NOON},
		{"shine", LIGHT_NONE},	     {"pour", LIGHT_NONE},	{"stream", LIGHT_NONE},
	};
	size_t from = i > 3 ? i - 3 : 0, to = i + 7 < count ? i + 7 : count;
	for (size_t k = from; k < to; k++) {
		const char *word = words[k].lex ? words[k].lex->word : "";
		for (size_t n = 0; n < ARRAY_LEN(signs) && k != i; n++) {
			if (!strcmp(word, signs[n].word) || is_word(&words[k], signs[n].word))
				return signs[n].hour;
		}
	}
	return LIGHT_NONE;
}

static void vote_word(struct air_votes *v, const struct word *words, size_t count, size_t i,
		      uint32_t weight)
{
	const struct lexeme *l = words[i].lex;
	if (!l->light && !l->ground)
		return;
	if (!is_meant(words, count, i))
		return;
	v->grounds[l->ground] += weight * l->ground_weight;
	if (is_other_use(words, count, i))
		return;
	v->lights[l->light] += weight * l->light_weight;
	if (l->light && weight >= STRONG)
		v->last[is_hour(l->light)] = (enum light)l->light;
	enum light hour = !strcmp(l->word, "sun") ? hour_of_sun(words, count, i) : LIGHT_NONE;
	if (hour)
		v->lights[hour] += weight * 3;
}

/* A clock tells more than a word that is no hint. */
static void vote_clock(struct air_votes *v, const struct word *words, size_t count, size_t i,
		       uint32_t weight)
{
	enum light part;
	unsigned hour = clock_at(&part, words, count, i);
	if (!hour || is_compared(words, i))
		return;
	if (part)
		v->lights[part] += weight * CLOCK;
	else
		v->clock[hour] += weight * CLOCK;
}

static bool is_supposed(const struct word *words, size_t count)
{
	static const char *const signs[] = {"if", "would", "might", "should"};
	for (size_t i = 0; i < count; i++) {
		if (is_one_of(&words[i], signs, ARRAY_LEN(signs)))
			return true;
	}
	return false;
}

static bool tells_hour(const struct word *w)
{
	return w->lex && is_hour(w->lex->light);
}

/* Where those begin whose first letter it is; they are sorted. */
static size_t first_phrase(char letter)
{
	size_t low = 0, high = lexicon_phrase_count;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (lexicon_phrases[mid].words[0] < letter)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The next phrase that begins at word i, and how many words it takes; NULL if there is none. *k is
 * 0 at first. */
static const struct lex_phrase *next_phrase(size_t *k, size_t *n, const struct word *words,
					    size_t count, size_t i)
{
	char letter = (char)(words[i].s[0] | 32);
	for (*k = *k ? *k : first_phrase(letter); *k < lexicon_phrase_count;) {
		const struct lex_phrase *f = &lexicon_phrases[(*k)++];
		if (f->words[0] != letter)
			return NULL;
		*n = cue_matches(f->words, words + i, count - i);
		if (*n)
			return f;
	}
	return NULL;
}

void light_idioms(bool idle[SENTENCE_WORDS], const struct word *words, size_t count)
{
	memset(idle, 0, count * sizeof(*idle));
	for (size_t i = 0; i < count; i++) {
		const struct lex_phrase *f;
		for (size_t k = 0, n; (f = next_phrase(&k, &n, words, count, i));)
			memset(idle + i, true, f->light ? 0 : n);
	}
}

/* Phrases that tell a light vote together, and their words no more; but of "a grey morning" the
 * hour votes as well. */
static void vote_phrases(bool idle[SENTENCE_WORDS], struct air_votes *v, const struct word *words,
			 size_t count, uint32_t weight)
{
	for (size_t i = 0; i < count; i++) {
		const struct lex_phrase *f;
		for (size_t k = 0, n; (f = next_phrase(&k, &n, words, count, i));) {
			if (f->light && is_meant(words, count, i))
				v->lights[f->light] += weight * PHRASE;
			for (size_t j = i; j < i + n; j++)
				idle[j] =
					!(f->light && !is_hour(f->light) && tells_hour(&words[j]));
		}
	}
}

static void vote_sentence(struct air_votes *v, const struct prose *p, size_t sentence,
			  uint32_t weight)
{
	struct word words[SENTENCE_WORDS];
	bool idle[SENTENCE_WORDS];
	const struct sentence *s = &p->sentences[sentence];
	size_t count = prose_words(words, p, s);
	bool less = s->spoken * 2u > s->end - s->start || is_supposed(words, count);
	weight = less ? (weight + 1) / 2 : weight;
	memset(idle, 0, count * sizeof(*idle));
	vote_phrases(idle, v, words, count, weight);
	for (size_t i = 0; i < count; i++) {
		vote_clock(v, words, count, i, weight);
		/* "Hill Street" is no hill. */
		if (words[i].lex && !idle[i] && (!words[i].upper || words[i].opens))
			vote_word(v, words, count, i, weight);
	}
}

static size_t elected(const uint32_t *votes, size_t from, size_t to, uint32_t least)
{
	size_t best = 0;
	for (size_t i = from; i < to; i++) {
		if (votes[i] >= least && (!best || votes[i] > votes[best]))
			best = i;
	}
	return best;
}

/* ---- the hour */

static uint32_t sum(const uint32_t *votes, size_t from, size_t to)
{
	uint32_t n = 0;
	for (size_t i = from; i < to; i++)
		n += votes[i];
	return n;
}

/* The hours of the clock become parts of the day. */
static void count_clock(struct air_votes *v)
{
	uint32_t bright = sum(v->lights, LIGHT_DAWN, LIGHT_SUNSET) + v->lights[LIGHT_SUNLIGHT];
	uint32_t dark = sum(v->lights, LIGHT_SUNSET, LIGHT_SUNLIGHT);
	for (unsigned hour = 1; hour <= CLOCK_HOURS; hour++)
		v->lights[clock_hour(hour, dark > bright)] += v->clock[hour];
}

static uint32_t stars(const struct air_votes *v)
{
	return v->lights[LIGHT_MOONLIGHT] + v->lights[LIGHT_STARLIGHT];
}

static void elect_hour(struct air_votes *v)
{
	if (v->lights[LIGHT_SUNLIGHT] > stars(v))
		v->lights[LIGHT_NIGHT] /= 2;
	else
		v->lights[LIGHT_NIGHT] += stars(v) / 2;
	count_clock(v);
	v->hour = (enum light)elected(v->lights, LIGHT_DAWN, LIGHT_NIGHT + 1, LEAST_HOUR);
}

static bool is_by_day(enum light hour)
{
	return hour == LIGHT_MORNING || hour == LIGHT_NOON || hour == LIGHT_AFTERNOON;
}

static void elect_light(struct air_votes *v)
{
	if (is_by_day(v->hour))
		v->lights[LIGHT_MOONLIGHT] = v->lights[LIGHT_STARLIGHT] = 0;
	if (v->hour == LIGHT_NIGHT)
		v->lights[LIGHT_SUNLIGHT] = 0;
	/* Where a sun or a fire is named at all, it shines; a single puff of smoke is no mist. */
	v->lights[LIGHT_SUNLIGHT] *= 2;
	if (!v->lights[LIGHT_LAMPLIGHT])
		v->lights[LIGHT_FIRELIGHT] *= 2; /* else it may be a candle's flame */
	if (v->lights[LIGHT_STORM])
		v->lights[LIGHT_STORM] += v->lights[LIGHT_OVERCAST];
	v->light = (enum light)elected(v->lights, LIGHT_MOONLIGHT, LIGHTS, LEAST_LIGHT);
}

/* Nobody lights a lamp by day, but where no day comes in; or a fire out of doors. */
static bool is_lit_for_night(const struct air_votes *v)
{
	uint32_t inside = v->grounds[GROUND_ROOM] + v->grounds[GROUND_HALL];
	uint32_t dark = v->grounds[GROUND_HALL] + v->grounds[GROUND_RUIN];
	if (v->light == LIGHT_LAMPLIGHT)
		return dark < LEAST_GROUND;
	return v->light == LIGHT_FIRELIGHT && inside < LEAST_GROUND;
}

void light_vote(struct air_votes *v, const struct prose *p, size_t first, size_t count)
{
	*v = (struct air_votes){0};
	size_t from = first > NEIGHBOURS ? first - NEIGHBOURS : 0;
	for (size_t i = from; i < first + count + NEIGHBOURS && i < p->count; i++)
		vote_sentence(v, p, i, i >= first && i < first + count ? STRONG : 1);
	v->ground = (enum ground)elected(v->grounds, 1, GROUNDS, LEAST_GROUND);
	elect_hour(v);
	elect_light(v);
	if (!v->hour && is_lit_for_night(v))
		v->hour = LIGHT_NIGHT;
}

/* Of the nearest sentence before the passage that names one. */
static enum light hour_named_before(const struct prose *p, size_t first)
{
	for (size_t back = 1; back <= LOOK_BACK && back <= first; back++) {
		struct air_votes v = {0};
		if (p->sentences[first - back + 1].after_break)
			break;
		vote_sentence(&v, p, first - back, STRONG);
		count_clock(&v);
		size_t hour = elected(v.lights, LIGHT_DAWN, LIGHT_NIGHT + 1, LEAST_HOUR);
		if (hour)
			return (enum light)hour;
	}
	return LIGHT_NONE;
}

enum light light_hour_before(const struct air_votes *v, const struct prose *p, size_t first)
{
	enum light before = hour_named_before(p, first);
	uint32_t sun = v->lights[LIGHT_SUNLIGHT];
	bool over = before == LIGHT_NIGHT ? sun > stars(v) : is_by_day(before) && stars(v) > sun;
	if (!over)
		return before;
	return stars(v) > sun ? LIGHT_NIGHT : LIGHT_NONE;
}

/* ---- as terms */

/* The first word of its name: "storm", "afternoon". */
static void put_light(const struct term_sink *out, const char *found, enum light light)
{
	char term[AIR_TERM_BYTES];
	const char *name = light_names[light];
	snprintf(term, sizeof(term), "~%s_%.*s", found, (int)strcspn(name, " "), name);
	if (light)
		out->put(out->context, term);
}

static void put_number(const struct term_sink *out, const char *found, unsigned number)
{
	char term[AIR_TERM_BYTES];
	snprintf(term, sizeof(term), "~%s_%u", found, number);
	out->put(out->context, term);
}

void light_terms(const struct air_votes *v, const struct term_sink *out)
{
	put_light(out, "hour", v->hour);
	put_light(out, "light", v->light);
	put_light(out, "last", v->last[false]);
	put_light(out, "last", v->last[true]);
	for (enum light i = LIGHT_DAWN; i < LIGHTS; i++) {
		if (v->lights[i] >= LEAST_LIGHT)
			put_light(out, "vote", i);
		if (v->lights[i] >= MANY_VOTES)
			put_light(out, "votes", i);
	}
	for (unsigned hour = 1; hour <= CLOCK_HOURS; hour++) {
		if (v->clock[hour])
			put_number(out, "clock", hour);
	}
	put_number(out, "ground", v->ground);
}

static bool is_luminary(const struct word *w)
{
	return w->lex && (w->lex->light || w->lex->ground == GROUND_SKY ||
			  w->lex->kinds & (LEX_LIGHT | LEX_WEATHER));
}

/* "sun.low": what stands about the word at i. */
static void put_company(const struct word *words, size_t count, size_t i,
			const struct term_sink *out)
{
	char term[AIR_TERM_BYTES];
	size_t from = i > COMPANY ? i - COMPANY : 0;
	for (size_t k = from; k < count && k <= i + COMPANY; k++) {
		const struct lexeme *l = words[k].lex;
		if (k == i || !l)
			continue;
		if (snprintf(term, sizeof(term), "%s.%s", words[i].lex->word, l->word) <
		    (int)sizeof(term))
			out->put(out->context, term);
	}
}

void light_word_terms(const struct word *words, size_t count, const struct term_sink *out)
{
	for (size_t i = 0; i < count; i++) {
		char term[AIR_TERM_BYTES];
		if (!is_luminary(&words[i]))
			continue;
		put_company(words, count, i, out);
		if (!words[i].lex->light || is_meant(words, count, i))
			continue;
		snprintf(term, sizeof(term), "~not_%s", words[i].lex->word);
		out->put(out->context, term);
	}
}
