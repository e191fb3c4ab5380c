/* SPDX-License-Identifier: MIT */
#include "analyst_grammar.h"

enum { TAIL_WORDS = 9, MODIFIERS = 6 };

/* ---- words */

bool grammar_is_person(const struct word *w)
{
	return !w->upper && word_has(w, LEX_PERSON | LEX_CREATURE) && w->lex->noun >= 60 &&
	       !word_has(w, LEX_STOP | LEX_BODY);
}

/* A part of the body or a garment: what is told of it is told of its owner. */
bool grammar_is_part(const struct word *w)
{
	return word_has(w, LEX_BODY | LEX_CLOTH) ||
	       WORD_AMONG(w, "eye", "eyes", "curl", "curls", "lock", "locks", "braid", "plait",
			  "plaits", "lash", "lashes", "scar", "freckles", "antlers", "antler",
			  "plumage", "feather", "feathers", "whiskers", "beak", "mane", "horns",
			  "fur", "tusks", "complexion", "arm", "arms", "ear", "ears");
}

bool grammar_is_look(const struct word *w)
{
	return word_has(w, LEX_COLOUR | LEX_LOOK) && !word_has(w, LEX_STOP) &&
	       !WORD_AMONG(w, "open", "opened", "closed", "shut", "longer", "little", "full");
}

bool grammar_is_participle(const struct word *w)
{
	if (WORD_AMONG(w, "made", "built", "hung", "set", "cut", "bound", "worn", "torn", "broken",
		       "sunk", "blown", "strung", "hewn", "woven", "overgrown", "grown"))
		return true;
	return w->len > 4 && !w->upper && !memcmp(w->s + w->len - 2, "ed", 2);
}

bool grammar_is_age(const struct word *w)
{
	return WORD_AMONG(w, "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen",
			  "sixteen", "seventeen", "eighteen", "nineteen", "twenty", "thirty",
			  "forty", "fifty", "sixty", "seventy", "eighty", "ninety");
}

bool grammar_is_number(const struct word *w)
{
	return grammar_is_age(w) ||
	       WORD_AMONG(w, "two", "three", "four", "five", "six", "seven", "eight", "nine",
			  "hundred", "hundreds", "thousand", "thousands");
}

/* What a body is for longer than a day. */
bool grammar_is_build(const struct word *w)
{
	return WORD_AMONG(w, "tall", "short", "small", "big", "thin", "lean", "stout", "fat",
			  "slender", "slim", "bald", "bearded", "lanky", "wiry", "stooped",
			  "stocky", "plump", "burly", "sturdy", "gaunt", "portly", "squat", "round",
			  "broad", "beautiful", "handsome", "pretty", "ugly", "lame", "tanned",
			  "freckled", "wrinkled", "huge", "gigantic", "tiny", "old", "young",
			  "aged", "elderly", "shaggy", "blond", "blonde", "swarthy", "dark", "fair",
			  "lovely", "hideous", "barefoot", "mottled", "spotted", "striped",
			  "little", "muscular", "haggard", "emaciated", "hazel", "hooked",
			  "aquiline", "grizzled", "shaven", "ruddy", "sallow");
}

bool grammar_is_visible(const struct word *w)
{
	return !w->upper && (grammar_is_build(w) || grammar_is_look(w) || word_has(w, LEX_COLOUR));
}

/* It is so at this moment, or in the speaker's mind. */
bool grammar_is_passing(const struct word *w)
{
	return WORD_AMONG(w, "wet", "open", "opened", "closed", "shut", "empty", "distant", "deep",
			  "low", "high", "hard", "soft", "broken", "better", "own", "poor", "dear",
			  "heavy", "hollow", "wild", "fine", "lifted", "raised", "turned", "other",
			  "dead", "warm", "cold", "first", "last", "long", "flat", "great", "sharp",
			  "dry", "new", "little", "wide", "blind", "lost", "clear", "clean", "dim",
			  "faint", "whole", "famous", "rich", "strange");
}

bool grammar_is_adverb(const struct word *w)
{
	if (WORD_AMONG(w, "very", "rather", "quite", "almost", "nearly", "about", "over", "past",
		       "perhaps", "slightly", "always", "somewhat", "exceedingly", "more", "most",
		       "only", "now", "all"))
		return true;
	return !w->upper && w->len > 4 && !memcmp(w->s + w->len - 2, "ly", 2) &&
	       !(w->lex && w->lex->noun >= 50);
}

/* ---- words side by side */

/* One word that another is made of with a hyphen: "sea-green". */
bool grammar_is_hyphen(const struct word *before, const struct word *w)
{
	return w->s - (before->s + before->len) == 1 && before->s[before->len] == '-';
}

/* Do the words stand side by side, as within one phrase? */
bool grammar_is_beside(const struct word *before, const struct word *w)
{
	return w->joined || grammar_is_hyphen(before, w) || !scan_apart(before, w);
}

bool grammar_is_modifier(const struct word *w)
{
	if (w->possessive)
		return false;
	if (w->upper || word_has(w, LEX_STOP) || grammar_is_part(w))
		return grammar_is_number(w) || WORD_AMONG(w, "little", "long", "open", "full");
	return grammar_is_visible(w) || word_has(w, LEX_MATERIAL) || grammar_is_number(w) ||
	       grammar_is_participle(w) || (w->lex && w->lex->adjective >= 50) ||
	       grammar_is_adverb(w);
}

bool grammar_is_pronoun(const struct word *w)
{
	return WORD_AMONG(w, "he", "she", "it", "they");
}

/* ---- phrases */

/* "pilot jacket", where something describes it: "a green pilot jacket". */
static bool is_compound(const struct scan *s, size_t noun)
{
	const struct word *w = &s->words[noun] - 1;
	return w[1].joined && !w->upper && w->lex && w->lex->noun >= 60 &&
	       !word_has(w, LEX_STOP | LEX_COLOUR | LEX_ABSTRACT) && !grammar_is_part(w) &&
	       !grammar_is_visible(w) && w->joined && grammar_is_modifier(w - 1) &&
	       !word_has(w, LEX_MATERIAL);
}

/* "long grey coat" up to the noun. */
void grammar_modifiers(struct phrase *p, const struct scan *s, size_t noun)
{
	size_t at = noun - (noun > 1 && is_compound(s, noun));
	*p = (struct phrase){.from = noun, .noun = noun, .to = noun + 1};
	while (at && noun - at < MODIFIERS) {
		const struct word *w = &s->words[at - 1];
		bool comma = scan_comma(w, w + 1) && grammar_is_visible(w) && at < noun &&
			     grammar_is_visible(w + 1);
		bool anybodys = w->possessive && grammar_is_person(w) && at > 1 &&
				WORD_AMONG(w - 1, "a", "an"); /* "a man's red jersey" */
		bool list = word_is(w, "and") && at < noun && at > 1 &&
			    grammar_is_modifier(w - 1) && !grammar_is_part(w - 1) &&
			    (w->joined || scan_comma(w - 1, w));
		if (!(grammar_is_beside(w, w + 1) || comma) ||
		    !(grammar_is_modifier(w) || list || anybodys ||
		      (at < noun && grammar_is_hyphen(w, w + 1))))
			break;
		p->looks += (grammar_is_visible(w) && !grammar_is_passing(w)) ||
			    word_has(w, LEX_MATERIAL) || grammar_is_number(w) ||
			    grammar_is_hyphen(w, w + 1) || WORD_AMONG(w, "long", "torn", "deep");
		at--;
	}
	p->from = at;
}

static bool ends_tail(const struct scan *s, size_t i)
{
	const struct word *w = &s->words[i];
	return s->starts[i] || scan_is_verb(w, s->words) || scan_is_linking(w) ||
	       grammar_is_pronoun(w) ||
	       WORD_AMONG(w, "that", "which", "who", "whom", "whose", "when", "where", "while",
			  "because", "until", "if", "but", "for", "then", "i", "you", "we", "and",
			  "or", "as", "than", "there", "so", "before", "after", "hung", "stood",
			  "lay", "ran", "fell", "came", "went", "rose", "swung");
}

static bool is_dull(const struct word *w)
{
	return word_has(w, LEX_STOP | LEX_PREPOSITION) && !WORD_AMONG(w, "one", "him", "it");
}

/* The end of what hangs on the word before i: "at the elbows", "like a hare"; as far as i if
 * nothing does. */
size_t grammar_tail(const struct scan *s, size_t i)
{
	size_t at = i;
	while (at < s->count && at - i < TAIL_WORDS &&
	       grammar_is_beside(&s->words[at - 1], &s->words[at]) && !ends_tail(s, at))
		at++;
	bool cut = at < s->count && grammar_is_beside(&s->words[at - 1], &s->words[at]) &&
		   at - i == TAIL_WORDS;
	while (at > i && is_dull(&s->words[at - 1]))
		at--;
	return cut || at - i < 2 ? i : at;
}

static bool is_comparative(const struct word *w)
{
	return w->len > 4 && !w->upper && !memcmp(w->s + w->len - 2, "er", 2) &&
	       !WORD_AMONG(w, "other", "rather", "better", "later", "sooner", "easier", "older",
			   "younger", "never", "either", "further", "farther");
}

/* "as thick as his", "taller than any of them": the end of what begins at i, or i. */
size_t grammar_comparison(const struct scan *s, size_t i)
{
	const struct word *w = &s->words[i];
	size_t as = i;
	bool no = word_is(w, "no") && i + 1 < s->count;
	if (WORD_AMONG(w, "easier", "better", "other", "rather"))
		return i;
	if (is_comparative(w + no) && i + no + 3 < s->count && word_is(w + no + 1, "than"))
		as = i + no + 1;
	else if (WORD_AMONG(w, "as", "so") && i + 3 < s->count && grammar_is_visible(w + 1))
		as = i + 2;
	else if (grammar_is_visible(w) && i + 2 < s->count)
		as = i + 1;
	if (as == i || !WORD_AMONG(&s->words[as], "as", "like", "than") ||
	    !grammar_is_beside(&s->words[as - 1], &s->words[as]))
		return i;
	size_t end = as + 1;
	while (end < s->count && end - as < 7 &&
	       grammar_is_beside(&s->words[end - 1], &s->words[end]) && !ends_tail(s, end) &&
	       !WORD_AMONG(&s->words[end], "with", "in", "at"))
		end++;
	const struct word *last = &s->words[end - 1];
	bool whole = end == s->count || !scan_is_verb(&s->words[end], s->words);
	return whole && end > as + 1 && !is_dull(last) &&
			       !WORD_AMONG(&s->words[as + 1], "if", "though", "ever", "he", "she")
		       ? end
		       : i;
}

/* "sixty", "sixty years old", "ten inches high", "forty-five". */
size_t grammar_measure(const struct scan *s, size_t i)
{
	size_t n = i;
	while (n < s->count && (grammar_is_number(&s->words[n]) || grammar_is_age(&s->words[n])) &&
	       (n == i || grammar_is_beside(&s->words[n - 1], &s->words[n])))
		n++;
	if (n == i)
		return i;
	const struct word *w = &s->words[n];
	if (n + 1 < s->count && w->joined && w[1].joined &&
	    WORD_AMONG(w, "years", "inches", "feet", "fathoms", "months", "foot", "ells") &&
	    WORD_AMONG(w + 1, "old", "high", "tall", "long", "wide", "broad"))
		return n + 2;
	bool ends =
		n == s->count || scan_apart(w - 1, w) || WORD_AMONG(w, "and", "or", "with", "in");
	return ends && grammar_is_age(&s->words[i]) ? n : i;
}

/* Is the word before a verb the one whom the verb tells of: "he", "Ida", "Ida, who"? */
bool grammar_stands_before(const struct scan *s, size_t verb)
{
	if (!verb)
		return false;
	const struct word *w = &s->words[verb - 1];
	bool who = word_is(w, "who") && verb > 1 && s->named[verb - 2] &&
		   s->named[verb - 2] == s->owner[verb];
	return grammar_is_pronoun(w) || who ||
	       (s->named[verb - 1] && s->named[verb - 1] == s->owner[verb] && !w->possessive);
}
