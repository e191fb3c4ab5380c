/* SPDX-License-Identifier: MIT */
#include "analyst_weigh.h"
#include "analyst_names.h"

/* ---- words */

bool weigh_is_person(const struct word *w)
{
	return !w->upper && word_has(w, LEX_PERSON | LEX_CREATURE) && w->lex->noun >= 60 &&
	       !word_has(w, LEX_STOP | LEX_BODY);
}

/* A part of the body or a garment: what is told of it is told of its owner. */
bool weigh_is_part(const struct word *w)
{
	return word_has(w, LEX_BODY | LEX_CLOTH) ||
	       WORD_AMONG(w, "eye", "eyes", "curl", "curls", "lock", "locks", "braid", "plait",
			  "plaits", "lash", "lashes", "scar", "freckles", "antlers", "plumage",
			  "complexion", "voice");
}

bool weigh_is_look(const struct word *w)
{
	return word_has(w, LEX_COLOUR | LEX_LOOK) && !word_has(w, LEX_STOP) &&
	       !WORD_AMONG(w, "open", "opened", "closed", "shut", "longer", "little", "full");
}

bool weigh_is_participle(const struct word *w)
{
	if (WORD_AMONG(w, "made", "built", "hung", "set", "cut", "bound", "worn", "torn", "broken",
		       "sunk", "blown", "strung", "hewn", "woven", "overgrown", "grown"))
		return true;
	return w->len > 4 && !w->upper && !memcmp(w->s + w->len - 2, "ed", 2);
}

static bool is_age(const struct word *w)
{
	return WORD_AMONG(w, "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen",
			  "sixteen", "seventeen", "eighteen", "nineteen", "twenty", "thirty",
			  "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "aged");
}

bool weigh_is_number(const struct word *w)
{
	return is_age(w) || WORD_AMONG(w, "two", "three", "four", "five", "six", "seven", "eight",
				       "nine", "hundred", "hundreds", "thousand", "thousands");
}

bool weigh_is_unit(const struct word *w)
{
	return WORD_AMONG(w, "miles", "fathoms", "feet", "yards", "leagues", "paces", "steps",
			  "storeys", "tons");
}

/* When it is, or how one feels: nothing of a place. */
static bool is_hour(const struct word *w)
{
	return WORD_AMONG(w, "morning", "afternoon", "evening", "night", "day", "days", "hour",
			  "hours", "minute", "minutes", "noon", "tide", "year", "years", "month",
			  "months", "week", "weeks", "time", "moment", "o'clock", "distance", "way",
			  "sense", "idea", "news", "public", "pause", "order", "speed");
}

/* Of a person who does something. */
static bool is_somebodys(const struct word *w)
{
	return WORD_AMONG(w, "his", "him", "their", "them", "our", "us", "me", "her", "himself",
			  "herself", "who", "whom", "whose");
}

/* "no longer than a thumb" */
static bool compares(const struct word *w, size_t left)
{
	return left > 2 && word_is(w + 1, "than") && w->len > 4 && !w->upper &&
	       !memcmp(w->s + w->len - 2, "er", 2) &&
	       (w[2].upper || WORD_AMONG(w + 2, "a", "an", "any", "my", "his", "her", "most")) &&
	       !WORD_AMONG(w, "rather", "other", "better", "later", "sooner", "further", "farther");
}

/* As a noun or what describes it does; not "before anything", "out of the house". */
static bool opens_phrase(const struct word *w)
{
	if (WORD_AMONG(w, "the", "a", "an", "no", "one", "every", "another", "each", "all") ||
	    weigh_is_number(w) || weigh_is_participle(w))
		return true;
	return !word_has(w, LEX_STOP | LEX_PREPOSITION | LEX_PRONOUN) &&
	       !(w->lex && w->lex->verb >= 60) &&
	       !(w->len > 2 && !memcmp(w->s + w->len - 2, "ly", 2));
}

/* Of another clause, or denied. */
static bool opens_clause(const struct word *w)
{
	return WORD_AMONG(w, "after", "before", "when", "while", "where", "if", "because", "until",
			  "not", "never", "just", "even", "like", "such", "what", "how", "too",
			  "order", "once", "almost", "spite", "instead", "although", "neither",
			  "nor", "whose", "him", "me", "being", "having", "came");
}

static uint32_t noun_kinds(enum element_type t)
{
	return t == ELEMENT_CHARACTER ? LEX_BODY | LEX_CLOTH | LEX_PERSON
	       : t == ELEMENT_CREATURE
		       ? LEX_BODY | LEX_CLOTH | LEX_CREATURE
		       : LEX_LAND | LEX_BUILDING | LEX_MATERIAL | LEX_LIGHT | LEX_PLANT | LEX_SITE |
				 LEX_ITEM | LEX_VEHICLE | LEX_CLOTH;
}

/* ---- stretches */

struct sum {
	uint32_t looks, nouns, colours, materials, persons, ages, parts, numbers, units;
	uint32_t things; /* nouns of any kind but ideas */
	uint32_t people;
	uint32_t pure;		      /* words that do nothing but describe */
	uint32_t strays;	      /* words that a place or a thing is not described by */
	uint32_t ideas, hours, heads; /* nouns */
	uint32_t names;
	uint32_t count;
};

static void add_word(struct sum *n, const struct word *w, size_t left, uint32_t kinds, bool being)
{
	bool state = !being && left > 1 && w[1].joined && weigh_is_participle(w) &&
		     (word_has(w + 1, kinds) ||
		      WORD_AMONG(w + 1, "with", "by", "of", "in", "into", "from", "out", "and"));
	bool compared = compares(w, left);
	bool hyphen = left > 1 && w[1].s == w->s + w->len + 1 && w->s[w->len] == '-';
	n->count++;
	n->colours += word_has(w, LEX_COLOUR);
	n->looks += weigh_is_look(w) || compared || state;
	n->materials += word_has(w, LEX_MATERIAL);
	n->persons += weigh_is_person(w);
	n->people += weigh_is_person(w) && word_has(w, LEX_PERSON);
	n->parts += weigh_is_part(w) && !hyphen;
	n->nouns += (word_has(w, kinds) || weigh_is_part(w)) && !weigh_is_person(w) &&
		    !word_has(w, LEX_STOP);
	n->things += w->lex && w->lex->noun >= 60 && !word_has(w, LEX_STOP | LEX_ABSTRACT);
	n->pure += weigh_is_look(w) || word_has(w, LEX_COLOUR) || word_is(w, "and") ||
		   (!being && n->count == 1 && weigh_is_participle(w));
	n->ages += is_age(w);
	n->numbers += weigh_is_number(w);
	n->units += weigh_is_unit(w);
	n->names += w->upper;
	bool idea = word_has(w, LEX_ABSTRACT) && word_has(w, LEX_LISTED) &&
		    !word_has(w, kinds | LEX_COLOUR | LEX_LOOK) && w->lex->noun >= 60 &&
		    !n->heads && !n->numbers;
	n->heads += w->lex && w->lex->noun >= 60 && !word_has(w, LEX_COLOUR);
	n->ideas += idea;
	n->hours += is_hour(w) || word_is(w, "times");
	n->strays += is_hour(w) || idea ||
		     (is_somebodys(w) && !(n->count > 1 && word_is(w - 1, "than")));
}

/* What one is for longer than a day. */
static bool is_build(const struct word *w)
{
	return WORD_AMONG(w, "tall", "short", "small", "thin", "lean", "stout", "fat", "slender",
			  "slim", "bald", "bearded", "barefoot", "beautiful", "handsome", "ugly");
}

/* "wrapped in a cloak" is told; "raised a hand", "stroking a cat" is done. */
static bool is_done(const struct word *first, const struct sum *n)
{
	bool deed = n->count > 1 && ((first[1].lex && first[1].lex->verb >= 60) ||
				     (weigh_is_participle(first + 1) && n->count == 2));
	if (deed && WORD_AMONG(first, "long", "hard", "high", "deep", "often", "again"))
		return true; /* "long felt" */
	if (WORD_AMONG(first, "up", "back", "off", "down", "out", "round", "again", "away", "over"))
		return true;
	if (first->len > 5 && !memcmp(first->s + first->len - 3, "ing", 3))
		return !WORD_AMONG(first, "wearing", "hanging");
	if (!weigh_is_participle(first) || n->count == n->pure)
		return false;
	return n->count < 2 || !(n->nouns + n->materials + n->colours) ||
	       !WORD_AMONG(first + 1, "in", "with", "at", "as", "to", "like", "by", "round",
			   "about");
}

static bool is_seen_of_being(const struct sum *n, const struct stretch *t, const struct word *first,
			     bool told)
{
	bool pure = n->pure > 1 && n->pure == n->count;
	if (n->hours && !n->nouns && !n->ages)
		return false;
	if ((n->ideas && !n->ages) || is_done(first, n) || opens_clause(first))
		return false;
	if (n->count == 1 && !n->ages && !n->colours && !(t->predicate && is_build(first)))
		return false; /* "wet": of the moment */
	return (n->nouns && n->looks + n->materials) ||
	       (t->predicate && n->materials && weigh_is_participle(first)) ||
	       ((t->predicate || pure) &&
		(n->looks + n->ages + n->colours || n->persons > n->people)) ||
	       (told && n->ages && n->count < 4);
}

static bool is_seen_of_thing(const struct sum *n, const struct stretch *t, const struct word *first,
			     bool told)
{
	uint32_t said = n->looks + n->materials + n->colours;
	if (n->strays || n->names == n->count || opens_clause(first) ||
	    (t->scene && !opens_phrase(first)))
		return false;
	if (n->count == 1)
		return n->colours || (n->materials && t->with);
	if (n->count == 2 && word_is(first, "the") && !said)
		return false;
	if (t->scene && (n->parts || n->people || !(said + n->numbers)))
		return false;
	if (t->scene && !(n->nouns || (n->colours && n->things) || t->predicate || n->colours > 1 ||
			  n->pure > 1 || weigh_is_participle(first)))
		return false;
	return (n->nouns && (told || said + n->numbers)) || (said && (told || n->count >= 3)) ||
	       (n->numbers && n->units);
}

uint32_t weigh_stretch(const struct word *words, const struct stretch *t, enum element_type type)
{
	struct sum n = {0};
	bool being = type == ELEMENT_CHARACTER || type == ELEMENT_CREATURE;
	for (size_t i = t->from; i < t->to; i++) {
		if (WORD_AMONG(&words[i], "you", "your", "i", "my"))
			return 0;
		add_word(&n, &words[i], t->to - i, noun_kinds(type), being);
	}
	bool told = t->predicate || (t->with && being) || (n.pure > 1 && n.pure == n.count);
	if (!(being ? is_seen_of_being(&n, t, &words[t->from], told)
		    : is_seen_of_thing(&n, t, &words[t->from], told)))
		return 0;
	return 1 + 3 * n.colours + 2 * n.looks + 2 * n.nouns + 2 * n.materials +
	       4 * (n.ages && told) + 2 * told + n.persons + n.parts +
	       (being ? 0 : n.numbers + 2 * n.units);
}
