/* SPDX-License-Identifier: MIT */
#include "analyst_names.h"

/*
 * What is it that is named? Each mention votes, by the words around the name, for one type or
 * several; over a chapter, and again over the book, the sum decides. Persons speak, go, own a face
 * and are called; one is in or at a place; a ship is gone aboard of; a day is until, and a people
 * stands before a noun.
 */

enum {
	THE_NOUN = 10, /* the text says what it is, or the name does */
	SPEAKS = 6,
	ACTS = 4,
	CALLED = 4,
	OWNS = 3,
	THERE = 3,
	HINT = 1,
};

enum sight kind_sight(uint32_t kinds)
{
	if (kinds & LEX_CREATURE)
		return SIGHT_CREATURE;
	if (kinds & LEX_PERSON)
		return SIGHT_CHARACTER;
	if (kinds & (LEX_VEHICLE | LEX_ITEM))
		return SIGHT_ITEM;
	if (kinds & (LEX_SITE | LEX_LAND | LEX_BUILDING))
		return SIGHT_PLACE;
	return kinds & (LEX_CLOTH | LEX_MATERIAL) ? SIGHT_ITEM : SIGHTS;
}

static bool is_noun(const struct word *w)
{
	return w->lex && !w->upper && w->lex->noun >= 50 && !word_has(w, LEX_STOP);
}

static const struct word *word_at(const struct context *c, size_t i)
{
	return i < c->count ? &c->words[i] : NULL;
}

static const struct word *before(const struct context *c, size_t n)
{
	return c->i >= n ? &c->words[c->i - n] : NULL;
}

/* The bytes between a word and the next. */
static bool gap_has(const struct context *c, size_t after, char what)
{
	const struct word *w = &c->words[after];
	const char *s = w->s + w->len, *end = after + 1 < c->count
						      ? c->words[after + 1].s
						      : c->prose->text + c->sentence->end;
	for (; s < end; s++) {
		if (*s == what)
			return true;
	}
	return false;
}

static bool is_article(const struct word *w)
{
	return w && WORD_AMONG(w, "the", "a", "an");
}

/* ---- in the name itself */

/* "Harvest Eve", "the Silver Age". */
static bool word_among_times(const struct word *w)
{
	return WORD_AMONG(w, "eve", "night", "day", "days", "age", "ages", "year", "century",
			  "season", "week", "month", "morning", "evening", "era", "tide",
			  "midwinter", "midsummer", "yuletide", "war", "revolution");
}

/* "the Grey Goose" is a goose, "Hill Street" a street; "Mr. Fox" is no fox, and neither is Ida
 * Hill a hill if she speaks. */
static void vote_own_noun(struct sighting *s, const struct context *c)
{
	const struct word *head = &c->words[c->i + c->len - 1];
	bool article = c->i && word_is(before(c, 1), "the");
	for (size_t k = 1; k + 1 < c->len; k++) {
		if (word_is(&c->words[c->i + k], "of"))
			head = &c->words[c->i + k - 1];
	}
	uint32_t kinds = head->lex && head->lex->noun >= 40 ? head->lex->kinds : 0;
	enum sight sight = kind_sight(kinds);
	if (word_among_times(head)) {
		s->n[SIGHT_NOTHING] += THE_NOUN;
		return;
	}
	if (s->bare || sight == SIGHTS)
		return;
	if (article && sight == SIGHT_CREATURE)
		s->n[sight] += HINT; /* a ship may be called so */
	else if (article || (c->len > 1 && kinds & (LEX_LAND | LEX_BUILDING | LEX_SITE)))
		s->n[sight] += THERE;
}

/* ---- what it does */

/* Ships and winds go and come as well as people do: behind "the" only speech is telling. */
static void vote_deeds(struct sighting *s, const struct context *c, const struct word *next)
{
	bool article = c->i && is_article(before(c, 1));
	if (word_has(next, LEX_SPEECH) && next->lex->verb >= 30)
		s->n[SIGHT_CHARACTER] += SPEAKS;
	else if (next->lex && next->lex->verb >= 50)
		s->n[SIGHT_CHARACTER] +=
			word_has(next, LEX_MOTION | LEX_SENSE) && !article ? ACTS : HINT;
	else if (next->len > 4 && !memcmp(next->s + next->len - 2, "ed", 2))
		s->n[SIGHT_CHARACTER] += HINT;
	else if (WORD_AMONG(next, "who", "whose", "whom"))
		s->n[SIGHT_CHARACTER] += ACTS;
}

static void vote_speech(struct sighting *s, const struct context *c)
{
	const struct word *prev = before(c, 1), *next = word_at(c, c->i + c->len);
	bool owner = c->words[c->i + c->len - 1].possessive;
	bool joined = c->words[c->i].joined;
	if (is_article(prev)) {
		joined = prev->joined;
		prev = before(c, 2);
		if (prev && WORD_AMONG(prev, "call", "calls", "called"))
			return; /* "which they call the Deep" */
	}
	if (prev && !owner && joined && word_has(prev, LEX_SPEECH) && !prev->upper)
		s->n[SIGHT_CHARACTER] += SPEAKS;
	if (next && !next->upper && !owner && next->joined)
		vote_deeds(s, c, next);
}

void votes_deeds(struct sighting *s, const struct context *c)
{
	vote_speech(s, c);
}

static void vote_owner(struct sighting *s, const struct context *c)
{
	const struct word *next = word_at(c, c->i + c->len);
	if (!c->words[c->i + c->len - 1].possessive)
		return;
	s->n[SIGHT_CHARACTER] += HINT;
	for (size_t k = 0; next && k < 3 && c->i + c->len + k < c->count; k++) {
		if (word_has(&next[k], LEX_BODY | LEX_CLOTH | LEX_PERSON))
			s->n[SIGHT_CHARACTER] += OWNS;
		if (is_noun(&next[k]))
			break;
	}
}

/* "Come here, Ida!": between a comma and a mark, in speech. "Stop!" is nobody. */
static void vote_called(struct sighting *s, const struct context *c)
{
	size_t last = c->i + c->len - 1;
	bool ends = last + 1 == c->count || gap_has(c, last, ',') || gap_has(c, last, '!') ||
		    gap_has(c, last, '?');
	bool begins = c->words[c->i].opens ? !c->words[c->i].lex || c->len > 1
					   : c->i && gap_has(c, c->i - 1, ',');
	if (c->sentence->spoken && ends && begins && !c->words[last].possessive)
		s->n[SIGHT_CHARACTER] += CALLED;
}

/* ---- where it stands */

static void vote_place(struct sighting *s, const struct context *c)
{
	const struct word *prev = before(c, 1);
	bool article = prev && word_is(prev, "the");
	bool owner = c->words[c->i + c->len - 1].possessive;
	if (article)
		prev = before(c, 2);
	if (!prev || owner)
		return;
	if (WORD_AMONG(prev, "in", "at", "into", "across", "near", "throughout", "outside",
		       "within", "around", "along", "inside", "leave", "left", "reached", "down",
		       "up", "over", "through", "beyond"))
		s->n[SIGHT_PLACE] += THERE;
	else if (WORD_AMONG(prev, "to", "from", "towards", "toward", "for", "of"))
		s->n[SIGHT_PLACE] += HINT;
	else if (WORD_AMONG(prev, "aboard", "board", "sailed", "steered", "moored"))
		s->n[SIGHT_ITEM] += SPEAKS;
	else if (WORD_AMONG(prev, "until", "till", "since", "during", "last", "next", "every",
			    "before", "after", "by", "on") &&
		 !article)
		s->n[SIGHT_NOTHING] +=
			WORD_AMONG(prev, "by", "on", "before", "after") ? HINT : THERE;
	else if (WORD_AMONG(prev, "with", "and", "told", "asked", "dear", "poor"))
		s->n[SIGHT_CHARACTER] += article ? 0 : HINT;
}

/* "among the Ostrands were", "Vienna": a people, a place of the map. */
static void vote_known(struct sighting *s, const struct context *c)
{
	const struct word *w = &c->words[c->i], *prev = before(c, 1);
	if (prev && word_is(prev, "the") && c->i > 1 &&
	    WORD_AMONG(before(c, 2), "among", "amongst", "between", "with", "by"))
		s->n[SIGHT_CHARACTER] += THERE;
	const struct word *next = word_at(c, c->i + c->len);
	if (prev && word_is(prev, "the") && next && WORD_AMONG(next, "were", "are", "have"))
		s->n[SIGHT_CHARACTER] += THERE;
	if (prev && word_is(prev, "the") && c->len == 1 && !w->lex && w->len > 4 &&
	    w->s[w->len - 1] == 's')
		s->n[SIGHT_CHARACTER] += THERE; /* a people of the book's own */
	if (c->len == 1 && word_has(w, LEX_GEO) && !word_has(w, LEX_PERSON))
		s->n[SIGHT_PLACE] += 2 * HINT;
}

/* "Loo—ook!": a word, sung or called. */
static bool is_drawn_out(const struct word *w, const struct word *next)
{
	const char *end = w->s + w->len;
	bool dash = (next->s - end == 1 && *end == '-') ||
		    (next->s - end == 3 && !memcmp(end, "\xe2\x80\x94", 3));
	return dash && !next->upper && !next->lex && next->s[0] == end[-1];
}

/* "on Sundays"; "Sunday" alone has been a name. */
static bool is_days(const struct word *w)
{
	return WORD_AMONG(w, "mondays", "tuesdays", "wednesdays", "thursdays", "fridays",
			  "saturdays", "sundays");
}

/* "English ships", "a Frenchman": a people, or what comes of a land. */
static void vote_nothing(struct sighting *s, const struct context *c)
{
	const struct word *w = &c->words[c->i], *next = word_at(c, c->i + c->len),
			  *prev = before(c, 1);
	if (c->len > 1)
		return;
	if (w->lex && w->lex->kinds & LEX_PROPER && !(w->lex->kinds & (LEX_GEO | LEX_PERSON)))
		s->n[SIGHT_NOTHING] += THERE;
	if (is_days(w))
		s->n[SIGHT_NOTHING] += THE_NOUN;
	if (next && next->joined && is_noun(next) && next->lex->verb < 20 && !w->possessive)
		s->n[SIGHT_NOTHING] += THERE;
	if (prev &&
	    WORD_AMONG(prev, "a", "an", "any", "no", "some", "many", "these", "those", "two"))
		s->n[SIGHT_NOTHING] += THERE;
	/* "your Majesty", "my Lord"; and nobody is called Terrible. */
	if (prev && (w->lex || word_is(prev, "your")) &&
	    WORD_AMONG(prev, "your", "his", "her", "my", "our"))
		s->n[SIGHT_NOTHING] += SPEAKS;
	if (w->lex && w->lex->adjective >= 60)
		s->n[SIGHT_NOTHING] += 2 * HINT;
	if (next && is_drawn_out(w, next))
		s->n[SIGHT_NOTHING] += SPEAKS;
}

/* A ship stands among ships, or in italics: "the *Swift*". */
static void vote_ship(struct sighting *s, const struct context *c)
{
	const char *start = c->words[c->i].s;
	const struct word *last = &c->words[c->i + c->len - 1];
	if (!c->i || !word_is(before(c, 1), "the"))
		return;
	if (strchr("*_", start[-1]) && strchr("*_", last->s[last->len]))
		s->n[SIGHT_ITEM] += THERE;
	for (size_t k = 0; k < c->count; k++) {
		if (!c->words[k].upper && word_has(&c->words[k], LEX_VEHICLE)) {
			s->n[SIGHT_ITEM] += 2 * HINT;
			return;
		}
	}
}

/* ---- who is it */

static void vote_pronouns(struct sighting *s, const struct context *c)
{
	for (size_t k = c->i + c->len; k < c->count && k < c->i + c->len + 12; k++) {
		const struct word *w = &c->words[k];
		bool male = WORD_AMONG(w, "he", "his", "him", "himself"),
		     female = WORD_AMONG(w, "she", "her", "hers", "herself");
		if (w->upper && !w->opens && w->len > 1)
			return; /* somebody else may be meant */
		if (!male && !female)
			continue;
		s->n[SIGHT_CHARACTER] += 2 * HINT;
		s->n[male ? SIGHT_MALE : SIGHT_FEMALE]++;
		return;
	}
}

/* Nobody else is named here, and somebody has a tail. */
static void vote_beast(struct sighting *s, const struct context *c)
{
	bool beast = false;
	for (size_t k = 0; k < c->count; k++) {
		const struct word *w = &c->words[k];
		if (w->upper && !w->opens && (k < c->i || k >= c->i + c->len) && w->len > 1)
			return;
		beast |= WORD_AMONG(w, "feather", "feathers", "wing", "wings", "beak", "claw",
				    "claws", "paw", "paws", "tail", "hoof", "hoofs", "hooves",
				    "mane", "fur", "snout", "muzzle", "whiskers", "antlers", "fins",
				    "scales", "hatched", "perched", "fluttered", "flapped",
				    "barked", "purred", "neighed", "whinnied", "croaked", "growled",
				    "kennel", "stable", "cage");
	}
	if (beast)
		s->n[SIGHT_CREATURE] += THERE;
}

/* ---- what the text says that it is */

static void state(struct sighting *s, const struct lexeme *noun)
{
	enum sight sight = kind_sight(noun->kinds);
	if (sight != SIGHTS)
		s->n[sight] += THE_NOUN;
}

/* The noun of "a thin black jackdaw" from the article at k on, or NULL. */
static const struct word *noun_from(const struct context *c, size_t k)
{
	if (k >= c->count || !is_article(&c->words[k]))
		return NULL;
	for (size_t n = k + 1; n < c->count && n < k + 5; n++) {
		const struct word *w = &c->words[n];
		if (!w->joined || w->upper)
			return NULL;
		bool last = n + 1 == c->count || !w[1].joined || !is_noun(&w[1]);
		if (is_noun(w) && last)
			return w;
	}
	return NULL;
}

/* The noun of "the long channel that they call Ostrand", or NULL; w is "call". */
static const struct word *noun_called(const struct context *c, const struct word *w)
{
	for (size_t n = 0; n < 5 && w > c->words + 1; n++, w--) {
		if (WORD_AMONG(w, "that", "which", "whom"))
			return is_noun(w - 1) ? w - 1 : NULL;
	}
	return NULL;
}

/* "A sturgeon. They call him Otto": the last thing that was spoken of. */
static void vote_called_thing(struct sighting *s, const struct context *c, const struct word *prev,
			      const struct word *two)
{
	if (!prev || !two || !WORD_AMONG(prev, "him", "her") ||
	    kind_sight(c->thing->kinds) != SIGHT_CREATURE ||
	    !WORD_AMONG(two, "call", "calls", "called", "named", "name"))
		return;
	state(s, c->thing);
	if (!s->other)
		s->other = xstrdup(c->thing->word);
}

/* "Otto was a jackdaw", "Hart, the baker,", "the jackdaw, Otto,", "a barge called Swift", "the
 * mule's name was Daisy", "the town of Ostrand". */
static void vote_stated(struct sighting *s, const struct context *c)
{
	const struct word *next = word_at(c, c->i + c->len), *prev = before(c, 1), *noun = NULL;
	size_t last = c->i + c->len - 1;
	if (next && WORD_AMONG(next, "was", "is", "were") && next->joined)
		noun = noun_from(c, c->i + c->len + 1);
	else if (next && is_article(next) && gap_has(c, last, ','))
		noun = noun_from(c, c->i + c->len);
	if (prev && is_article(prev))
		prev = before(c, 2);
	const struct word *two = prev && prev > c->words ? prev - 1 : NULL;
	if (prev && two && WORD_AMONG(prev, "called", "named", "of") && is_noun(two)) {
		bool of = word_is(prev, "of");
		if (!of || two->lex->kinds & LEX_SITE)
			noun = two;
	}
	if (prev && WORD_AMONG(prev, "call", "calls", "called"))
		noun = noun_called(c, prev);
	if (prev && word_is(prev, "was") && two && word_is(two, "name") && two > c->words &&
	    two[-1].possessive && is_noun(two - 1)) {
		noun = two - 1;
		if (!s->other)
			s->other = xstrdup(noun->lex->word);
	}
	if (noun)
		state(s, noun->lex);
	else if (c->thing)
		vote_called_thing(s, c, prev, two);
}

/* "Ida, two tons of bronze,", "Ida weighed two tons", "a piece of Ida": a thing, whatever it is
 * called. */
static void vote_made(struct sighting *s, const struct context *c)
{
	size_t from = c->i + c->len;
	const struct word *prev = before(c, 1), *next = word_at(c, from);
	if (prev && c->i > 1 && word_is(prev, "of") &&
	    WORD_AMONG(before(c, 2), "piece", "pieces", "fragment", "fragments", "splinter"))
		s->n[SIGHT_ITEM] += SPEAKS;
	if (prev && WORD_AMONG(prev, "hung", "hangs"))
		s->n[SIGHT_ITEM] += SPEAKS; /* "in the middle hung" */
	if (next && next->joined && WORD_AMONG(next, "weighed", "weighs"))
		s->n[SIGHT_ITEM] += THE_NOUN;
	for (size_t k = from + 1; k + 2 < c->count && k < from + 9; k++) {
		const struct word *w = &c->words[k];
		if (w->upper)
			return;
		if (WORD_AMONG(w, "tons", "ton", "tonnes", "pounds", "hundredweight") &&
		    word_is(w + 1, "of") && word_has(w + 2, LEX_MATERIAL)) {
			s->n[SIGHT_ITEM] += THE_NOUN;
			return;
		}
	}
}

/* In a language whose nouns all have capitals: what stands behind an article, or what is declined
 * as an adjective is, is a noun and no name. */
static bool is_behind_article(const struct context *c)
{
	const struct word *w = before(c, 1);
	if (!w || w->upper || !c->words[c->i].joined)
		return false;
	if (WORD_AMONG(w, "der", "die", "das", "den", "dem", "des", "ein", "eine", "einen", "einem",
		       "einer", "eines", "kein", "keine", "keinen", "im", "am", "zum", "zur", "vom",
		       "beim", "ins", "mein", "dein", "sein", "ihr", "unser"))
		return true;
	const char *end = w->s + w->len;
	if (w->len < 4 || end[-3] == 't')
		return false; /* "sagte" */
	return end[-1] == 'e' || (end[-2] == 'e' && strchr("nmrs", end[-1]));
}

void votes_cast(struct sighting *s, const struct context *c)
{
	bool article = c->prose->cased ? c->i && word_is(before(c, 1), "the")
				       : c->words[c->i].opens || is_behind_article(c);
	s->n[SIGHT_ARTICLE] += article;
	vote_own_noun(s, c);
	vote_speech(s, c);
	vote_owner(s, c);
	vote_place(s, c);
	vote_known(s, c);
	vote_nothing(s, c);
	vote_pronouns(s, c);
	vote_stated(s, c);
	vote_made(s, c);
	vote_ship(s, c);
	vote_beast(s, c);
	vote_called(s, c);
}
