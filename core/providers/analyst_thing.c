/* SPDX-License-Identifier: MIT */
#include "analyst_grammar.h"

/*
 * How a place or a thing looks:
 *
 *   as a clause		the tower was squat and square; it was built of black flint
 *   beside its name	the Tooth, a single fang of black rock
 *   what it has	its red roof; the wharf had forty lamps
 *   where nobody is	there were thirty stone houses; forty lanterns burned along the beams
 *
 * The last is said of the place that the clause names, or that the sentences before came to, or
 * that the chapter is called by.
 */

enum {
	DESCRIBED_SENTENCES = 2,
	ROW_WORDS = 18,
	OBJECT_WORDS = 7,
	LEAST_LOOKS = 1,
	WEIGHT = 4,
	CLOSE_WEIGHT = 8
};

enum {
	CONCRETE = LEX_LAND | LEX_BUILDING | LEX_MATERIAL | LEX_LIGHT | LEX_PLANT | LEX_SITE |
		   LEX_ITEM | LEX_VEHICLE | LEX_CLOTH | LEX_WEATHER
};

/* ---- phrases */

/* When it is, or who is there: nothing of how it looks. */
static bool is_vague(const struct word *w)
{
	return WORD_AMONG(w, "morning", "afternoon", "evening", "night", "day", "hour", "time",
			  "year", "moment", "way", "news", "home", "end", "line", "place", "point",
			  "part", "side", "sort", "kind", "thing", "number", "deal", "sound",
			  "noise", "voice", "piece", "page", "sign", "sight", "view", "world",
			  "country", "company", "letter", "paper", "case", "matter", "people",
			  "men", "women", "children", "crowd", "lady", "legend");
}

static bool is_object(const struct word *w)
{
	bool rare = w->lex && !w->lex->noun && !w->lex->verb && !w->lex->adjective;
	return !w->upper && !w->possessive && w->lex && (w->lex->noun >= 40 || rare) &&
	       !word_has(w, LEX_STOP | LEX_PERSON | LEX_CREATURE | LEX_GROUP) && !is_vague(w) &&
	       (word_has(w, CONCRETE) || !word_has(w, LEX_COLOUR | LEX_LOOK)) &&
	       !(word_has(w, LEX_ABSTRACT) && word_has(w, LEX_LISTED));
}

/* Is something to be seen in these words: a material, a colour, a thing? */
static bool is_seen(const struct scan *s, size_t from, size_t to, uint32_t kinds)
{
	for (size_t i = from; i < to; i++) {
		if (word_has(&s->words[i], kinds) && !is_vague(&s->words[i]))
			return true;
	}
	return false;
}

/* What stands, lies or runs somewhere and does no more. */
static bool is_standing(const struct word *w)
{
	return WORD_AMONG(w, "hung", "stood", "lay", "beat", "glowed", "gleamed", "poured",
			  "flickered", "went", "ran", "rose", "stretched", "grew", "burned", "led",
			  "leaned", "towered", "shone", "spread", "crossed", "covered", "climbed",
			  "lined", "surrounded");
}

/* Prepositions that go on with how it looks. */
static bool goes_on(const struct word *w)
{
	return WORD_AMONG(w, "of", "with", "like", "in", "on", "along", "across", "above", "below",
			  "under", "between", "among", "round", "over", "at", "without") ||
	       (grammar_is_participle(w) && !is_standing(w));
}

static bool is_called(const struct scan *s, size_t i)
{
	return s->named[i] && !s->cast->members[s->named[i] - 1].unnamed;
}

static size_t with_tail(const struct scan *s, size_t end)
{
	if (end >= s->count || !grammar_is_beside(&s->words[end - 1], &s->words[end]) ||
	    !goes_on(&s->words[end]))
		return end;
	size_t to = grammar_tail(s, end + 1);
	if (to == end + 1)
		to = end + 2 <= s->count && word_has(&s->words[end + 1], LEX_COLOUR) &&
				     s->words[end + 1].joined
			     ? end + 2
			     : end;
	if (to > end && to + 2 < s->count && word_is(&s->words[to], "as"))
		to = grammar_comparison(s, to);
	while (to > end && to + 1 < s->count && word_is(&s->words[to], "and") &&
	       s->words[to].joined && word_has(&s->words[to + 1], LEX_COLOUR | LEX_MATERIAL))
		to += 2;
	for (size_t i = end; i < to; i++) {
		if ((is_called(s, i) && scan_is_being(s->cast, s->named[i])) ||
		    WORD_AMONG(&s->words[i], "his", "her", "their", "my", "me", "him", "them", "us",
			       "our"))
			return end;
	}
	return to;
}

static bool counts(const struct scan *s, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		if (grammar_is_number(&s->words[i]))
			return true;
	}
	return false;
}

/* "a long low room with four windows", "forty rope bridges". */
static size_t read_object(const struct scan *s, size_t i)
{
	struct phrase p;
	size_t first = i;
	while (first < s->count && first < i + 2 &&
	       WORD_AMONG(&s->words[first], "a", "an", "the", "one", "every", "no", "whole",
			  "only"))
		first++;
	for (size_t k = first; k < s->count && k < first + OBJECT_WORDS; k++) {
		const struct word *w = &s->words[k];
		bool comma = k > first && scan_comma(w - 1, w);
		if (k > i && !grammar_is_beside(w - 1, w) && !comma)
			return i;
		bool last = k + 1 == s->count || !w[1].joined || !is_object(w + 1);
		if (!is_object(w) || !last)
			continue;
		grammar_modifiers(&p, s, k);
		bool compound = k > first && is_object(w - 1) && w->joined;
		if (compound)
			grammar_modifiers(&p, s, k - 1);
		size_t end = with_tail(s, k + 1);
		p.looks += compound && word_has(w - 1, LEX_MATERIAL);
		p.looks += is_seen(s, k + 1, end, LEX_COLOUR | LEX_MATERIAL) ||
			   counts(s, k + 1, end) ||
			   (end > k + 1 && grammar_is_participle(w + 1) &&
			    is_seen(s, k + 2, end, CONCRETE));
		return p.from <= first && p.looks >= LEAST_LOOKS ? end : i;
	}
	return i;
}

/* What has been done to a thing and stays. */
static bool is_state(const struct word *w)
{
	return WORD_AMONG(w, "made", "built", "painted", "carved", "hung", "covered", "lined",
			  "surrounded", "paved", "tiled", "furnished", "decorated", "adorned",
			  "panelled", "thatched", "roofed", "fenced", "walled", "planted", "wooded",
			  "overgrown", "draped", "carpeted", "hollowed", "tarred", "lit", "lighted",
			  "bound", "set", "studded", "crowned", "ringed", "enclosed", "shaded",
			  "worn", "polished", "gilded", "stained", "streaked", "striped", "bearded",
			  "combed", "wrapped", "cracked", "scorched", "blackened", "whitewashed",
			  "silhouetted", "inscribed", "embroidered", "flanked", "clothed", "strewn",
			  "littered", "carpeted", "dotted", "cut", "hewn", "shaped", "forged",
			  "woven", "plastered", "overhung", "bordered", "trimmed", "sawn",
			  "trampled", "shrouded");
}

/* "flint that shone when it was wet", as far as the next mark. */
static size_t with_relative(const struct scan *s, size_t i)
{
	enum { RELATIVE_WORDS = 7 };
	if (i >= s->count || !s->words[i].joined || !WORD_AMONG(&s->words[i], "that", "which"))
		return i;
	for (size_t k = i + 1; k <= s->count && k < i + RELATIVE_WORDS; k++) {
		if (k == s->count || scan_apart(&s->words[k - 1], &s->words[k]))
			return k;
		if (s->starts[k] || WORD_AMONG(&s->words[k], "he", "she", "they", "i", "we", "you"))
			return i;
	}
	return i;
}

/* "built of black flint", "painted black and white", "hollowed out of the mountain". */
static size_t read_made(const struct scan *s, size_t i)
{
	const struct word *w = &s->words[i];
	if (i + 1 >= s->count || !w[1].joined || !is_state(w))
		return i;
	bool made = WORD_AMONG(w + 1, "of", "in", "with", "out", "from", "on", "into", "by", "at",
			       "like", "to");
	size_t end = grammar_tail(s, i + 1);
	if (word_has(w + 1, LEX_COLOUR) && end == i + 1)
		end = i + 2;
	if (!(made || grammar_is_visible(w + 1)) || end == i + 1)
		return i;
	while (end + 1 < s->count && word_is(&s->words[end], "and") && s->words[end].joined &&
	       word_has(&s->words[end + 1], LEX_COLOUR))
		end += 2;
	if (end < s->count && s->words[end].joined &&
	    WORD_AMONG(&s->words[end], "within", "without", "inside", "outside", "above", "below"))
		end++;
	if (!is_seen(s, i + 1, end, CONCRETE | LEX_COLOUR))
		return i;
	return word_has(&s->words[end - 1], LEX_MATERIAL | LEX_LAND) ||
			       word_is(&s->words[i + 1], "of")
		       ? with_relative(s, end)
		       : end;
}

static size_t read_measures(const struct scan *s, size_t i)
{
	size_t n = i;
	while (n < s->count && (grammar_is_number(&s->words[n]) || WORD_AMONG(&s->words[n], "a")))
		n++;
	if (n == i || n + 1 >= s->count ||
	    !WORD_AMONG(&s->words[n], "feet", "foot", "fathoms", "miles", "mile", "yards", "inches",
			"fingers", "paces", "leagues", "storeys", "tons", "stories"))
		return i;
	return WORD_AMONG(&s->words[n + 1], "long", "wide", "high", "deep", "broad", "tall",
			  "across", "thick", "square")
		       ? n + 2
		       : i;
}

static size_t read_adjective(const struct scan *s, size_t i)
{
	const struct word *w = &s->words[i];
	if (!grammar_is_visible(w) ||
	    WORD_AMONG(w, "open", "opened", "closed", "shut", "great", "little"))
		return i;
	size_t end = i + 1;
	while (end < s->count && s->words[end].joined && grammar_is_visible(&s->words[end]))
		end++;
	bool noun = end < s->count && s->words[end].joined && s->words[end].lex &&
		    s->words[end].lex->noun >= 60 && !word_has(&s->words[end], LEX_STOP);
	return noun ? i : end;
}

/* "of steel gone black with age", "among reed beds the colour of lions". */
static size_t read_within(const struct scan *s, size_t i)
{
	if (i + 1 >= s->count || !WORD_AMONG(&s->words[i], "of", "among", "between", "with"))
		return i;
	size_t end = grammar_tail(s, i + 1);
	if (end == i + 1 && word_has(&s->words[i + 1], LEX_MATERIAL) && s->words[i + 1].joined)
		end = i + 2;
	return end > i + 1 && is_seen(s, i + 1, end, LEX_MATERIAL | LEX_COLOUR) ? end : i;
}

static size_t read_item(const struct scan *s, size_t i)
{
	size_t (*const readers[])(const struct scan *,
				  size_t) = {read_measures, grammar_comparison, read_object,
					     read_made,	    read_adjective,	read_within};
	if (i >= s->count || WORD_AMONG(&s->words[i], "not", "never", "nothing"))
		return i;
	for (size_t n = 0; n < ARRAY_LEN(readers); n++) {
		size_t end = readers[n](s, i);
		if (end > i)
			return end;
	}
	return i;
}

static bool ends_clause(const struct scan *s, size_t i)
{
	return i == s->count || scan_apart(&s->words[i - 1], &s->words[i]) ||
	       WORD_AMONG(&s->words[i], "with", "and", "that", "which", "where", "when", "but",
			  "itself", "there", "now", "then");
}

/* An adjective of any kind. */
static bool is_plain(const struct word *w)
{
	return !w->upper && w->joined && w->lex && w->lex->adjective >= 60 &&
	       !word_has(w, LEX_STOP) && !grammar_is_visible(w);
}

/* A row of such: "squat and square, built of black flint". */
static size_t read_row(const struct scan *s, size_t i)
{
	size_t end = i, at = i;
	while (at < s->count && at - i < ROW_WORDS) {
		size_t from = at;
		while (from < s->count && from - at < 2 && grammar_is_adverb(&s->words[from]))
			from++;
		size_t next = read_item(s, from);
		if (next == from && from + 2 < s->count && word_has(&s->words[from], CONCRETE) &&
		    word_is(&s->words[from + 1], "and") && s->words[from + 1].joined &&
		    !is_vague(&s->words[from]))
			next = from + 1; /* "clinker and glassy stones" */
		if (next == from)
			break;
		at = next;
		end = ends_clause(s, at) ? at : end;
		if (at + 1 < s->count && word_is(&s->words[at], "and") && s->words[at].joined &&
		    is_plain(&s->words[at + 1])) {
			at += 2; /* "broad and brown and lazy" */
			end = ends_clause(s, at) ? at : end;
		}
		if (at < s->count && word_is(&s->words[at], "and") &&
		    (s->words[at].joined || scan_comma(&s->words[at - 1], &s->words[at])))
			at++;
		else if (at >= s->count || !scan_comma(&s->words[at - 1], &s->words[at]))
			break;
	}
	return end;
}

/* One word is enough if it is a colour. */
static bool is_enough(const struct scan *s, size_t from, size_t to)
{
	const struct word *w = &s->words[from];
	return to > from + 1 || (to > from && word_has(w, LEX_COLOUR) && !word_has(w, LEX_LIGHT));
}

/* ---- facts */

static bool may_tell(const struct scan *s, size_t i, uint32_t owner)
{
	return scan_is_thing(s->cast, owner) && !s->quoted[i];
}

/* What follows may go on about it. */
static void tell(struct scan *s, size_t from, size_t to, uint32_t owner)
{
	scan_add(s, from, to, owner, CLOSE_WEIGHT);
	s->described = owner;
	s->described_age = 0;
}

/* The verb at i or, behind "had", the one after it; 0: it does not say how something is. */
static size_t verb_at(const struct scan *s, size_t i)
{
	const struct word *w = &s->words[i];
	if (WORD_AMONG(w, "was", "were", "is", "are", "grew"))
		return i;
	return i + 1 < s->count && WORD_AMONG(w, "had", "has") && word_is(w + 1, "been") ? i + 1
											 : 0;
}

/* Does the name that ends at i stand behind a preposition: "the prospect of Ostrand"? */
static bool is_within(const struct scan *s, size_t i)
{
	while (i && (s->words[i].upper || word_is(&s->words[i], "the")) && !s->words[i].opens)
		i--;
	return scan_is_preposition(&s->words[i]) || word_is(&s->words[i], "towards");
}

/* Where "the gate of the tower" begins, of which the verb at i tells; behind it, if it is no such
 * thing. */
static size_t part_of(const struct scan *s, size_t i)
{
	for (size_t k = i; k--;) {
		if (scan_apart(&s->words[k], &s->words[k + 1]))
			break;
		bool clause = k == 0 || scan_apart(&s->words[k - 1], &s->words[k]);
		if (word_is(&s->words[k], "the") && clause && k + 2 < i &&
		    is_object(&s->words[k + 1]) && word_has(&s->words[k + 1], CONCRETE) &&
		    WORD_AMONG(&s->words[k + 2], "of", "at", "in", "on"))
			return k;
	}
	return SIZE_MAX;
}

/* "The tower was squat and square", "it had been built of flint". */
static void see_clause(struct scan *s, size_t i)
{
	size_t verb = verb_at(s, i);
	if (!verb || verb + 1 >= s->count || scan_apart(&s->words[verb], &s->words[verb + 1]) ||
	    !may_tell(s, i, s->owner[i]) || !grammar_stands_before(s, i))
		return;
	size_t end = read_row(s, verb + 1);
	bool hour = word_is(&s->words[i] - 1, "it") &&
		    is_seen(s, verb + 1, end < verb + 4 ? end : verb + 4,
			    LEX_LIGHT | LEX_WEATHER); /* "it was twilight" */
	size_t from = verb + 1;
	if (s->named[i - 1] && is_within(s, i - 1))
		from = part_of(s, i); /* "the gate of the tower was" */
	if (is_enough(s, verb + 1, end) && !hour && from <= verb + 1)
		tell(s, from, end, s->owner[i]);
}

/* "The river drops two thousand feet", "it goes out nine miles". */
static void see_extent(struct scan *s, size_t i)
{
	const struct word *w = &s->words[i];
	if (!may_tell(s, i, s->owner[i]) || !grammar_stands_before(s, i) || !w->lex ||
	    w->lex->verb < 30)
		return;
	size_t n = i + 1 + (i + 1 < s->count && WORD_AMONG(w + 1, "out", "down", "up"));
	size_t first = n;
	while (n < s->count && grammar_is_number(&s->words[n]))
		n++;
	if (n > first && n < s->count && !scan_is_linking(w) &&
	    WORD_AMONG(&s->words[n], "feet", "fathoms", "miles", "yards", "leagues"))
		scan_add(s, i, n + 1, s->owner[i], CLOSE_WEIGHT);
}

/* "stood on a hill", "lay up under the roof". */
static void see_stand(struct scan *s, size_t i)
{
	const struct word *w = &s->words[i];
	if (!WORD_AMONG(w, "lay", "stood", "lies", "stands", "rose", "rises", "hung", "hangs") ||
	    !may_tell(s, i, s->owner[i]) || !grammar_stands_before(s, i))
		return;
	size_t end = grammar_tail(s, i + 1);
	for (size_t k = i; k < end; k++) {
		if (scan_is_being(s->cast, s->named[k]))
			return;
	}
	if (end > i + 2 && is_seen(s, i + 1, end, LEX_LAND | LEX_BUILDING | LEX_SITE | LEX_PLANT))
		scan_add(s, i, end, s->owner[i], CLOSE_WEIGHT);
}

/* Is it what the name's owner is of: "the direction of Ostrand"? */
static bool is_of(const struct scan *s, size_t i)
{
	while (i && (s->words[i].upper || word_is(&s->words[i], "the")) && !s->words[i].opens)
		i--;
	return WORD_AMONG(&s->words[i], "of", "towards", "from", "near", "for", "by", "than");
}

/* "silver and brown and blue". */
static size_t read_colours(const struct scan *s, size_t i)
{
	size_t end = i;
	for (size_t k = i; k < s->count && word_has(&s->words[k], LEX_COLOUR); k += 2) {
		end = k + 1;
		if (end >= s->count || !word_is(&s->words[end], "and"))
			break;
	}
	return end > i + 1 ? end : i;
}

/* "the Tooth, a single fang of black rock", and further on: ", bearded with green weed". */
static void see_beside(struct scan *s, size_t i)
{
	const struct word *w = &s->words[i];
	if (!i || !scan_comma(w - 1, w) || w[-1].possessive)
		return;
	bool name = scan_is_thing(s->cast, s->named[i - 1]), within = name && is_within(s, i - 1);
	uint32_t owner = name ? s->named[i - 1] : s->owner[i];
	bool on = s->out->len > s->first_fact && s->out->facts[s->out->len - 1].member + 1 == owner;
	bool colours = !name && read_colours(s, i) > i;
	if (!may_tell(s, i, owner) || !(name || on || colours))
		return;
	size_t end = within ? read_object(s, i) : name ? read_row(s, i) : read_made(s, i);
	if (WORD_AMONG(w, "with", "among") || (within && is_of(s, i - 1)))
		return;
	if (!name && end == i)
		end = read_colours(s, i);
	if (end > i + 1 && ends_clause(s, end))
		tell(s, i, end, owner);
}

/* "the long channel that they call Ostrand", "a barge called Swift". */
static void see_called(struct scan *s, size_t i)
{
	size_t the = i - (i && word_is(&s->words[i - 1], "the")), to;
	if (!s->starts[i] || the < 3 || !may_tell(s, i, s->owner[i]) ||
	    !WORD_AMONG(&s->words[the - 1], "call", "calls", "called", "named"))
		return;
	for (to = the - 1; to && the - to < 6 && !WORD_AMONG(&s->words[to], "that", "which");)
		to--;
	to = WORD_AMONG(&s->words[to], "that", "which") ? to : the - 1;
	for (size_t k = to > 6 ? to - 6 : 0; k + 1 < to; k++) {
		if (WORD_AMONG(&s->words[k], "a", "an", "the", "one") && read_object(s, k) >= to) {
			scan_add(s, k, to, s->owner[i], CLOSE_WEIGHT);
			return;
		}
	}
}

/* "its red roof", "the wharf had forty lamps". */
static void see_had(struct scan *s, size_t i)
{
	const struct word *w = &s->words[i];
	bool had = WORD_AMONG(w, "had", "has") && grammar_stands_before(s, i);
	bool its = scan_is_owning(w) && !word_is(w, "his"), named = s->named[i] && w->possessive;
	uint32_t owner = named ? s->named[i] : s->owner[i];
	if (!(had || its || named) || !may_tell(s, i, owner))
		return;
	size_t end = read_object(s, i + 1);
	if (end == i + 1 || word_has(&s->words[end - 1], LEX_ABSTRACT))
		return;
	if (!had && end + 1 < s->count && WORD_AMONG(&s->words[end], "was", "were", "is", "are")) {
		size_t row = read_row(s, end + 1);
		end = row > end + 1 ? row : end;
	}
	scan_add(s, i + 1, end, owner, WEIGHT);
}

/* The place that the clause of word i shows. */
static uint32_t setting(const struct scan *s, size_t i)
{
	if (!s->scenic[i] || s->quoted[i])
		return NOBODY;
	if (s->place[i])
		return s->place[i];
	return s->described_age <= DESCRIBED_SENTENCES ? s->described : s->cast->home;
}

static bool opens_clause(const struct scan *s, size_t i)
{
	return i == 0 || scan_clause(&s->words[i - 1], &s->words[i]) ||
	       (scan_comma(&s->words[i - 1], &s->words[i]) && s->scenic[i]) ||
	       (word_is(&s->words[i - 1], "and") && i > 1 &&
		scan_comma(&s->words[i - 2], &s->words[i - 1]));
}

/* "There were awnings in crimson", "there was moss on it". */
static void see_there(struct scan *s, size_t i)
{
	if (i + 2 >= s->count || !word_is(&s->words[i], "there") ||
	    !WORD_AMONG(&s->words[i + 1], "was", "were", "is", "are") || s->quoted[i])
		return;
	uint32_t on = scan_is_thing(s->cast, s->owner[i]) ? s->owner[i] : NOBODY;
	uint32_t owner = on != NOBODY ? on : setting(s, i);
	size_t end = read_object(s, i + 2);
	if (end == i + 2 && on != NOBODY && is_object(&s->words[i + 2]))
		end = with_tail(s, i + 3);
	if (end > i + 2 && owner != NOBODY)
		scan_add(s, i + 2, end, owner, WEIGHT);
}

/* "At the top of the tower, in a room with four windows, ..." */
static void see_within(struct scan *s, size_t i)
{
	uint32_t place = NOBODY;
	if (!i || i + 2 >= s->count || !word_is(&s->words[i], "in") ||
	    !scan_comma(&s->words[i - 1], &s->words[i]) || s->quoted[i] ||
	    !WORD_AMONG(&s->words[0], "at", "in", "on", "under", "above"))
		return;
	for (size_t k = 0; k < i; k++) {
		if (scan_is_verb(&s->words[k], s->words) || scan_is_linking(&s->words[k]))
			return;
		place = scan_is_thing(s->cast, s->named[k]) ? s->named[k] : place;
	}
	size_t end = read_object(s, i + 1);
	if (place != NOBODY && end > i + 1)
		scan_add(s, i + 1, end, place, WEIGHT);
}

/* "The ground was all clinker and glassy stones": of the place where it is. */
static void see_ground(struct scan *s, size_t i)
{
	const struct word *w = &s->words[i];
	uint32_t place = s->scenic[i] && s->place[i] ? s->place[i] : s->cast->home;
	if (i + 3 >= s->count || !word_is(w, "the") || !s->scenic[i] || s->quoted[i] ||
	    !opens_clause(s, i) || !is_object(w + 1) ||
	    !WORD_AMONG(w + 2, "was", "were", "is", "are") || is_called(s, i + 1) ||
	    place == NOBODY || !word_has(w + 1, LEX_LAND | LEX_BUILDING | LEX_SITE))
		return;
	size_t end = read_row(s, i + 3);
	if (end > i + 4 || is_enough(s, i + 3, end))
		scan_add(s, i, end, place, WEIGHT);
}

/* "that stood up from the sand as high as a house". */
static void see_size(struct scan *s, size_t i)
{
	if (!i || !word_is(&s->words[i], "as") || !may_tell(s, i, s->owner[i]) ||
	    s->told[i] == BY_THE_WAY || scan_apart(&s->words[i - 1], &s->words[i]) ||
	    i + 1 >= s->count ||
	    !WORD_AMONG(&s->words[i + 1], "high", "tall", "wide", "broad", "long", "big", "large"))
		return;
	size_t end = grammar_comparison(s, i);
	if (end == i || scan_is_linking(&s->words[i - 1]))
		return;
	size_t from = i; /* "a furnace as big as a chapel" */
	for (size_t k = i - 1; is_object(&s->words[i - 1]) && k && k + 4 > i; k--) {
		if (k > 1 && scan_is_preposition(&s->words[k - 1]) &&
		    !word_is(&s->words[k - 1], "in"))
			break; /* "from the sand as high as" */
		if (WORD_AMONG(&s->words[k - 1], "a", "an", "the"))
			from = k - 1;
	}
	if (from > 1 && from < i && scan_is_preposition(&s->words[from - 1]) &&
	    !WORD_AMONG(&s->words[from - 1], "in", "with"))
		from = i;
	scan_add(s, from, end, s->owner[i], WEIGHT);
}

/* The same before a verb, where "the trees changed to fire" is no state of theirs. */
static size_t read_subject(const struct scan *s, size_t i)
{
	size_t end = read_object(s, i);
	for (size_t k = i + 1; k < end; k++) {
		if (grammar_is_participle(&s->words[k]) && is_object(&s->words[k - 1]))
			return k;
	}
	return end;
}

/* "Forty lanterns burned along the beams", and ": forty rope bridges," */
static void see_scene(struct scan *s, size_t i)
{
	if (setting(s, i) == NOBODY || !opens_clause(s, i))
		return;
	size_t end = read_subject(s, i);
	bool listed = i && scan_clause(&s->words[i - 1], &s->words[i]) && end > i &&
		      (end == s->count || scan_apart(&s->words[end - 1], &s->words[end]));
	if (end > i && end + 1 < s->count && is_standing(&s->words[end])) {
		size_t tail = grammar_tail(s, end + 1);
		end = tail > end + 1 ? tail : end;
		listed = true;
	}
	if (listed)
		scan_add(s, i, end, setting(s, i), WEIGHT);
}

/* "here and there a thorn tree combed flat by the wind", "every door painted green". */
static void see_made(struct scan *s, size_t i)
{
	if (!WORD_AMONG(&s->words[i], "a", "an", "every", "each") || setting(s, i) == NOBODY)
		return;
	for (size_t k = i + 1; k + 2 < s->count && k < i + 4 && s->words[k].joined; k++) {
		if (!is_object(&s->words[k]) || !s->words[k + 1].joined)
			continue;
		size_t end = is_standing(&s->words[k + 1]) ? k + 1 : read_made(s, k + 1);
		if (end > k + 1 && ends_clause(s, end))
			scan_add(s, i, end, setting(s, i), WEIGHT);
	}
}

void thing_facts(struct scan *s)
{

	s->described_age += s->sentence->opens_paragraph ? DESCRIBED_SENTENCES + 1 : 1;
	for (size_t i = 0; i < s->count; i++) {
		see_clause(s, i);
		see_extent(s, i);
		see_stand(s, i);
		see_beside(s, i);
		see_called(s, i);
		see_had(s, i);
		see_there(s, i);
		see_within(s, i);
		see_ground(s, i);
		see_size(s, i);
		see_made(s, i);
		see_scene(s, i);
	}
}
