/* SPDX-License-Identifier: MIT */
#include "analyst_grammar.h"

/*
 * How a person or a beast looks, from what cannot well mean anything else:
 *
 *   a part of the body or a garment that is described and somebody's
 *			his grey eyes; Ida's long hair; had a scar; in a torn red coat
 *   the same as a clause	her arms were as thick as his
 *   the person as a clause	he was tall and stooped, and about sixty
 *   what stands beside a name	Ida, a stout woman of forty;
 *   a newcomer		a round boy with black curls
 *
 * Each is a fact word for word, cut where the description ends. Whatever else a sentence says is
 * none: a description of nobody is better than one of somebody else.
 */

enum { PHRASE_WORDS = 16, TAIL_WORDS = 9, MODIFIERS = 6, WEIGHT = 4 };

/* ---- words that describe */

/* ---- a part: what is described, and where the phrase begins and ends */

/* Parts that one has and moves; only what is said of them at length is a look. */
static bool is_limb(const struct word *w)
{
	return WORD_AMONG(w, "face", "head", "hand", "hands", "body", "figure", "form");
}

/* A noun that is a part of the body or a garment here, and not of something else's name. */
static bool is_part(const struct scan *s, size_t i)
{
	const struct word *w = &s->words[i];
	if (w->upper ||
	    WORD_AMONG(w, "voice", "back", "heart", "side", "sole", "palm", "breath", "lap",
		       "tongue", "blood", "nerve", "nerves", "joint", "joints", "pocket", "pockets",
		       "flesh", "curtain", "curtains", "sheet", "sheets", "blanket", "flag", "sail",
		       "sails", "towel", "bone", "bones", "brain", "stomach", "wound", "tears",
		       "pants", "mantle", "finery"))
		return false;
	if (word_is(w, "gap"))
		return i + 2 < s->count && word_is(w + 1, "between") && scan_is_owning(w + 2);
	if (!grammar_is_part(w) && !is_limb(w))
		return false;
	return i + 1 == s->count ||
	       !(grammar_is_hyphen(w, w + 1) ||
		 (w[1].joined && w[1].lex && w[1].lex->noun >= 70 && !word_has(&w[1], LEX_STOP) &&
		  !scan_is_verb(&w[1], s->words)));
}

/* What may follow the noun of a phrase that is no clause's subject: "patched at both elbows". */
static bool opens_state(const struct word *w)
{
	return grammar_is_participle(w) ||
	       WORD_AMONG(w, "of", "with", "like", "hanging", "falling", "curling", "flowing", "in",
			  "over", "across", "on", "under", "about", "round", "down", "tied");
}

static void read_state(struct phrase *p, const struct scan *s, bool owned)
{
	const struct word *w = &s->words[p->to];
	if (p->to >= s->count)
		return;
	bool comma = scan_comma(w - 1, w) && grammar_is_participle(w) && p->to + 1 < s->count &&
		     WORD_AMONG(w + 1, "at", "with", "in", "by", "round", "about", "up");
	size_t to = p->to;
	if (!comma && !grammar_is_beside(w - 1, w))
		return;
	if (!comma && grammar_comparison(s, to) > to) {
		p->to = grammar_comparison(s, to);
		p->looks++;
		return;
	}
	bool gap = word_is(w - 1, "gap"),
	     coloured = word_is(w, "the") && to + 2 < s->count &&
			WORD_AMONG(w + 1, "colour", "color", "size", "shape");
	p->looks += gap + coloured;
	if (WORD_AMONG(w, "that", "which") && w->joined) {
		size_t verb = to + 1 + (to + 2 < s->count && WORD_AMONG(w + 1, "had", "have"));
		bool been = verb + 1 < s->count &&
			    WORD_AMONG(&s->words[verb], "was", "were", "been", "is", "are") &&
			    grammar_is_participle(&s->words[verb + 1]);
		size_t end = been ? grammar_tail(s, verb + 2) : verb + 2;
		p->looks += been && end > verb + 2;
		p->to = been && end > verb + 2 ? end : to;
		return;
	}
	bool dress = word_is(w, "with") && word_has(w - 1, LEX_CLOTH);
	if (owned ? !(dress || WORD_AMONG(w, "of", "like"))
		  : !(comma || gap || coloured || opens_state(w)))
		return;
	p->to = grammar_tail(s, to + 1);
	bool short_state = p->to == to + 1 && to + 1 < s->count && grammar_is_participle(w) &&
			   w[1].joined && grammar_is_visible(w + 1);
	p->looks += short_state;
	if (short_state)
		p->to = to + 2; /* "broken short" */
	else if (p->to == to + 1)
		p->to = to; /* nothing followed it */
	else if (grammar_is_participle(w) || word_is(w, "tied") ||
		 (word_is(w, "of") && (word_has(w + 1, LEX_MATERIAL | LEX_COLOUR) ||
				       (to + 2 < s->count && word_has(w + 2, LEX_MATERIAL)))))
		p->looks++;
}

/* ---- whose it is */

/* Is the word the last one of the last fact: "a stout woman of forty", "a boy"? */
static bool ends_fact(const struct scan *s, size_t i)
{
	const struct looks *l = s->out;
	return l->len > s->first_fact &&
	       s->prose->text + l->facts[l->len - 1].end == s->words[i].s + s->words[i].len;
}

/* The one that "had", "wore" or "with" before the phrase is about, or NOBODY. */
static uint32_t wearer(const struct scan *s, const struct phrase *p)
{
	size_t from = p->from, i = from;
	while (i && from - i < 2 && grammar_is_beside(&s->words[i - 1], &s->words[i]) &&
	       WORD_AMONG(&s->words[i - 1], "a", "an", "the", "no", "only", "such", "one", "two"))
		i--;
	if (!i || !grammar_is_beside(&s->words[i - 1], &s->words[i]))
		return NOBODY;
	if (i > 1 && word_is(&s->words[i - 1], "on") && WORD_AMONG(&s->words[i - 2], "had", "has"))
		i--;
	const struct word *w = &s->words[i - 1];
	if (WORD_AMONG(w, "had", "has", "wore", "wears", "wearing"))
		return grammar_stands_before(s, i - 1) ||
				       (i > 1 && WORD_AMONG(w, "wore", "wears") &&
					word_is(w - 1, "and")) ||
				       word_is(w, "wearing")
			       ? s->owner[i - 1]
			       : NOBODY;
	if (i < 2 || !WORD_AMONG(w, "with", "in"))
		return NOBODY;
	bool dressed = WORD_AMONG(w - 1, "dressed", "clad", "clothed", "wrapped", "muffled");
	bool person =
		grammar_is_person(w - 1) && (s->owner[i - 1] == SOMEBODY || ends_fact(s, i - 2));
	bool being = person || s->named[i - 2] || grammar_is_visible(w - 1) ||
		     grammar_is_number(w - 1) || word_is(w - 1, "one") ||
		     (grammar_is_part(w - 1) && word_is(w, "with"));
	return dressed || ((being || scan_comma(w - 1, w)) && word_is(w, "with")) ||
			       (being && word_has(&s->words[p->noun], LEX_CLOTH))
		       ? s->owner[i - 1]
		       : NOBODY;
}

/* "A braid hung down her back", "a scar ran across his chin": whose part is told behind. */
static uint32_t bearer(const struct scan *s, const struct phrase *p)
{
	for (size_t i = p->noun + 1; i + 1 < s->count && i < p->noun + 13; i++) {
		bool apart = scan_apart(&s->words[i - 1], &s->words[i]);
		bool apposed = p->from > 2 &&
			       scan_comma(&s->words[p->from - 2], &s->words[p->from - 1]) &&
			       grammar_is_part(&s->words[p->from - 2]);
		if ((apart && !apposed) || s->starts[i] || grammar_is_pronoun(&s->words[i]))
			return NOBODY;
		bool part = grammar_is_part(&s->words[i + 1]) ||
			    (i + 2 < s->count && s->words[i + 2].joined &&
			     grammar_is_part(&s->words[i + 2]));
		if (WORD_AMONG(&s->words[i], "his", "her") && part &&
		    (scan_is_preposition(&s->words[i - 1]) ||
		     WORD_AMONG(&s->words[i - 1], "down", "across", "round", "between", "about",
				"past")))
			return s->owner[i];
	}
	return NOBODY;
}

/* Whose part the phrase is; *owned: it says so itself ("his"). */
static uint32_t owner_of(bool *owned, const struct scan *s, const struct phrase *p)
{
	const struct word *w = &s->words[p->from] - 1;
	*owned = p->from && (scan_is_owning(w) || w->possessive) &&
		 grammar_is_beside(w, &s->words[p->from]);
	if (*owned && w->possessive)
		return s->named[p->from - 1];
	if (*owned)
		return s->owner[p->from - 1];
	uint32_t who = wearer(s, p);
	return who == NOBODY && p->from && WORD_AMONG(w, "a", "an", "the", "one") &&
			       grammar_is_beside(w, w + 1) &&
			       (p->from == 1 || !grammar_is_beside(w - 1, w) ||
				WORD_AMONG(w - 1, "and", "was"))
		       ? bearer(s, p)
		       : who;
}

static bool may_tell(const struct scan *s, size_t i, uint32_t owner)
{
	return scan_is_being(s->cast, owner) && !s->quoted[i];
}

/* ---- predicates */

/* "a small woman", "a stout man of forty in a green coat": the end, or i. */
static size_t read_kind(const struct scan *s, size_t i)
{
	size_t k = i + 1;
	bool seen = false;
	if (!WORD_AMONG(&s->words[i], "a", "an", "the"))
		return i;
	if (k + 3 < s->count && word_has(&s->words[k], LEX_CREATURE) &&
	    scan_comma(&s->words[k], &s->words[k + 1]) && word_is(&s->words[k + 3], "one") &&
	    grammar_is_visible(&s->words[k + 2]))
		return k + 4; /* "a jackdaw, a thin one" */
	for (; k < s->count && k - i < MODIFIERS; k++) {
		const struct word *w = &s->words[k];
		bool comma = scan_comma(w - 1, w) && seen && grammar_is_visible(w);
		if (!grammar_is_beside(w - 1, w) && !comma)
			return i;
		if ((grammar_is_person(w) && !grammar_is_visible(w)) || (seen && word_is(w, "one")))
			break;
		if (!grammar_is_modifier(w) && !word_is(w, "and") &&
		    !(k + 1 < s->count && grammar_is_hyphen(w, w + 1)))
			return i;
		seen |= (grammar_is_visible(w) && !grammar_is_passing(w)) ||
			grammar_is_hyphen(w - 1, w) || word_has(w, LEX_MATERIAL);
	}
	if (k >= s->count || k - i == MODIFIERS || s->words[k].possessive)
		return i;
	const struct word *of = &s->words[k + 1];
	bool aged = k + 2 < s->count && of->joined && word_is(of, "of") &&
		    (grammar_is_age(of + 1) || WORD_AMONG(of + 1, "about", "some", "perhaps"));
	if (aged)
		return grammar_measure(s, k + 2) > k + 2 ? grammar_measure(s, k + 2)
		       : k + 3 < s->count && grammar_measure(s, k + 3) > k + 3
			       ? grammar_measure(s, k + 3)
			       : k + 1;
	return seen ? k + 1 : i;
}

/* "a pale, washed blue", "the colour of wax". */
static size_t read_colour(const struct scan *s, size_t i)
{
	if (i + 2 < s->count && WORD_AMONG(&s->words[i + 1], "colour", "color", "size", "shape")) {
		size_t tail = grammar_tail(s, i + 1);
		return tail > i + 1 ? tail : i;
	}
	for (size_t k = i + 1; k < s->count && k < i + 5; k++) {
		const struct word *w = &s->words[k];
		bool beside = grammar_is_beside(w - 1, w) || (k > i + 1 && scan_comma(w - 1, w));
		if (!beside || !grammar_is_modifier(w))
			return i;
		bool last = k + 1 == s->count || !grammar_is_beside(w, w + 1) ||
			    word_has(w + 1, LEX_STOP);
		if (word_has(w, LEX_COLOUR) && last && !scan_comma(w, w + 1))
			return k + 1;
		if (word_has(w, LEX_COLOUR) && last && k > i + 1)
			return k + 1;
	}
	return i;
}

/* One thing that is said of somebody, from i on: its end, or i. `part`: of a part of his, where
 * any colour or shape will do. */
static size_t read_item(const struct scan *s, size_t i, bool part)
{
	const struct word *w = &s->words[i];
	if (i >= s->count || WORD_AMONG(w, "not", "never", "no", "nothing", "neither"))
		return i;
	size_t end = grammar_measure(s, i);
	if (end == i)
		end = grammar_comparison(s, i);
	if (end == i && !part)
		end = read_kind(s, i);
	if (end > i)
		return end;
	if (part && WORD_AMONG(w, "a", "an", "the", "of"))
		return read_colour(s, i);
	while (grammar_is_visible(w) && i + 1 < s->count && w[1].joined &&
	       grammar_is_visible(w + 1))
		i++, w++;
	if (part ? grammar_is_visible(w) &&
			    !WORD_AMONG(w, "wide", "open", "closed", "shut", "wet", "filled")
		 : (grammar_is_build(w) || word_has(w, LEX_COLOUR)) && !grammar_is_passing(w)) {
		bool noun = i + 1 < s->count && w[1].joined && w[1].lex && w[1].lex->noun >= 60 &&
			    !word_has(w + 1, LEX_STOP) && !grammar_is_visible(w + 1);
		return noun ? i : i + 1;
	}
	bool deed = WORD_AMONG(w, "filled", "fixed", "turned", "directed", "lifted", "raised",
			       "gathered", "clasped", "formed", "opened", "stretched", "pressed",
			       "buried", "attracted", "riveted", "fastened", "raised", "placed");
	bool state = grammar_is_participle(w) && !deed && i + 1 < s->count && w[1].joined &&
		     WORD_AMONG(w + 1, "in", "with", "by", "at", "round", "about", "as", "up") &&
		     (part ||
		      WORD_AMONG(w, "dressed", "clad", "clothed", "wrapped", "covered", "muffled"));
	return state ? grammar_tail(s, i + 1) : i;
}

/* A row of such: "seventy, tall and stooped, and about as broad as a door". */
static size_t read_predicate(const struct scan *s, size_t i, bool part)
{
	size_t end = i, at = i;
	while (at < s->count && at - i < PHRASE_WORDS) {
		size_t from = at;
		while (from < s->count && from - at < 2 && grammar_is_adverb(&s->words[from]) &&
		       (from == i || grammar_is_beside(&s->words[from - 1], &s->words[from]) ||
			from == at))
			from++;
		size_t next = read_item(s, from, part);
		if (next == from && end > i && from < s->count && !s->words[from].upper &&
		    grammar_is_participle(&s->words[from]) && word_is(&s->words[from - 1], "and") &&
		    (from + 1 == s->count || scan_apart(&s->words[from], &s->words[from + 1])))
			next = from + 1; /* "tall and stooped" */
		if (next == from)
			break;
		end = at = next;
		if (at < s->count && (WORD_AMONG(&s->words[at], "and", "but")) &&
		    (s->words[at].joined || scan_comma(&s->words[at - 1], &s->words[at])))
			at++;
		else if (at >= s->count || !scan_comma(&s->words[at - 1], &s->words[at]))
			break;
	}
	return end;
}

static bool is_being(const struct word *w)
{
	return WORD_AMONG(w, "was", "were", "is", "are");
}

/* The verb of which the part's phrase is the subject, past at most a few words: "the hair on his
 * head was"; 0: none. */
static size_t verb_of(const struct scan *s, const struct phrase *p)
{
	for (size_t i = p->noun + 1; i < s->count && i < p->noun + 6; i++) {
		if (!grammar_is_beside(&s->words[i - 1], &s->words[i]))
			return 0;
		if (is_being(&s->words[i]))
			return i;
		if (scan_is_verb(&s->words[i], s->words) || scan_is_linking(&s->words[i]) ||
		    (i == p->noun + 1 && !scan_is_preposition(&s->words[i])))
			return 0;
	}
	return 0;
}

/* ---- facts */

static void add(struct scan *s, size_t from, size_t to, uint32_t owner, size_t looks)
{
	scan_add(s, from, to, owner, WEIGHT + (uint32_t)(2 * looks));
}

/* Is the noun at i one of a row behind the phrase before, "short hair and grey eyes"? */
static bool continues(const struct scan *s, const struct phrase *p, size_t before)
{
	if (!before || p->from <= before)
		return p->from == before;
	size_t i = before;
	if (WORD_AMONG(&s->words[i], "and") &&
	    (s->words[i].joined || scan_comma(&s->words[i - 1], &s->words[i])))
		i++;
	else if (!scan_comma(&s->words[i - 1], &s->words[i]))
		return false;
	if (i < p->from && WORD_AMONG(&s->words[i], "a", "an", "one", "with", "and"))
		i++;
	if (i < p->from && WORD_AMONG(&s->words[i], "a", "an", "one"))
		i++;
	return i == p->from;
}

/* Where the row of parts so far ends, and whose it is. */
struct row {
	size_t end;
	bool whole; /* nothing is left out before the end */
	uint32_t owner;
};

static bool see_clause(struct scan *s, const struct phrase *p, uint32_t owner)
{
	size_t verb = verb_of(s, p), first = verb + 1;
	if (p->from > 1 && scan_is_preposition(&s->words[p->from - 2]))
		return false; /* "the scar upon his chin was" */
	if (!verb && p->noun + 1 < s->count && s->words[p->noun + 1].joined && p->from == p->noun &&
	    grammar_is_visible(&s->words[p->noun + 1])) /* "his hair white" */
		first = p->noun + 1;
	else if (!verb)
		return false;
	size_t end = read_predicate(s, first, true);
	if (end == first)
		return false;
	if (!verb && end < s->count && grammar_is_beside(&s->words[end - 1], &s->words[end]))
		return false;
	add(s, p->from - 1, end, owner, p->looks + 1);
	return true;
}

/* The last fact goes on up to that word. */
static void lengthen(struct scan *s, size_t to, size_t looks)
{
	struct fact *last = &s->out->facts[s->out->len - 1];
	last->end = (uint32_t)(s->words[to - 1].s + s->words[to - 1].len - s->prose->text);
	last->weight += (uint32_t)(2 * looks);
}

/* "short hair that stood up like a brush and grey eyes": the row goes on behind. */
static size_t after_relative(const struct scan *s, size_t i)
{
	if (i >= s->count || !s->words[i].joined || !WORD_AMONG(&s->words[i], "that", "which"))
		return i;
	for (size_t k = i + 1;
	     k < s->count && k < i + 9 && grammar_is_beside(&s->words[k - 1], &s->words[k]); k++) {
		if (word_is(&s->words[k], "and"))
			return k;
	}
	return i;
}

/* The part at i; it may go on a row. */
static void see_part(struct scan *s, struct row *row, size_t i)
{
	struct phrase p;
	bool owned;
	grammar_modifiers(&p, s, i);
	uint32_t owner = owner_of(&owned, s, &p);
	bool on = owner == NOBODY && row->end && continues(s, &p, row->end);
	owner = on ? row->owner : owner;
	bool subject =
		owned || (p.from && WORD_AMONG(&s->words[p.from] - 1, "a", "an", "the", "one"));
	if (!on && subject && may_tell(s, i, owner) && see_clause(s, &p, owner)) {
		row->end = 0;
		return;
	}
	if (!may_tell(s, i, owner))
		return;
	read_state(&p, s, owned);
	if (!p.looks)
		return;
	const struct word *det = &s->words[p.from] - 1;
	size_t from = p.from;
	if (p.from && WORD_AMONG(det, "a", "an", "one", "two", "no") &&
	    grammar_is_beside(det, det + 1))
		from--;
	if (on && row->whole && s->out->len > s->first_fact &&
	    word_is(&s->words[row->end], "and") && s->words[row->end].joined)
		lengthen(s, p.to, p.looks); /* "short hair and grey eyes" */
	else
		add(s, from, p.to, owner, p.looks);
	size_t next = after_relative(s, p.to);
	*row = (struct row){next, next == p.to, owner};
}

/* "He was tall", "Ida, who was thirteen": of the one who stands right before the verb. */
static void see_predicate(struct scan *s, size_t i)
{
	const struct word *w = &s->words[i];
	if (!i || !is_being(w) || i + 1 >= s->count || scan_apart(w, w + 1) ||
	    !grammar_stands_before(s, i))
		return;
	/* "It was a jackdaw, a thin one": of the jackdaw. */
	uint32_t owner =
		word_is(w - 1, "it") && s->owner[i] == NOBODY ? s->owner[i + 1] : s->owner[i];
	size_t end = read_predicate(s, i + 1, false);
	bool hour =
		word_is(w - 1, "it") && end == i + 2 &&
		(!word_has(w + 1, LEX_COLOUR) || word_has(w + 1, LEX_LIGHT)); /* "it was dark" */
	if (may_tell(s, i, owner) && !hour && end > i + 1)
		add(s, i + 1, end, owner, end - i - 1);
}

/* Between marks: "Ida, tall and thin, ...", "she stood there, a stout woman of forty". What is not
 * right behind the name must say more than one word. */
static void see_beside(struct scan *s, size_t i)
{
	const struct word *w = &s->words[i];
	if (!i || !scan_comma(w - 1, w) || w[-1].possessive || !may_tell(s, i, s->owner[i]))
		return;
	bool name = s->named[i - 1] == s->owner[i];
	size_t first = i + (word_is(w, "each") && i + 1 < s->count);
	size_t end = read_predicate(s, first, false);
	bool closed = end == s->count || scan_apart(&s->words[end - 1], &s->words[end]) ||
		      WORD_AMONG(&s->words[end], "with", "in", "who", "whose", "at");
	bool kind = word_is(w, "a") || word_is(w, "an") || first > i;
	if (!name && !kind && !grammar_is_build(&s->words[first]))
		return; /* of whatever the clause is about */
	if (!name && !kind && grammar_comparison(s, first) > first)
		return;
	if (end > first && closed && (name || end - first > 2))
		add(s, first, end, s->owner[i], end - first);
}

/* "A round boy with black curls": of one who may be named. */
static void see_newcomer(struct scan *s, size_t i)
{
	if (s->owner[i] != SOMEBODY || s->quoted[i])
		return;
	size_t end = read_kind(s, i);
	if (end > i)
		add(s, i, end, SOMEBODY, 1);
}

void being_facts(struct scan *s)
{
	struct row row = {0};
	for (size_t i = 0; i < s->count; i++) {
		see_newcomer(s, i);
		see_predicate(s, i);
		see_beside(s, i);
		if (is_part(s, i))
			see_part(s, &row, i);
	}
}
