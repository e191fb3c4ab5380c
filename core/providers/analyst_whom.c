/* SPDX-License-Identifier: MIT */
#include "analyst_grammar.h"

/*
 * Whom a word is about: whom the last name or pronoun before it means. A pronoun means the last of
 * that sex who was named. That is often enough wrong, so that a name within quotation marks, a
 * newcomer ("a girl", "the old man") or a few sentences make an end of it: better no fact than one
 * of somebody else.
 */

enum {
	KNOWN_PLACE = 4, /* votes */
	NAME_WEIGHT = 6,
	THING_SENTENCES = 3,
	PERSON_SENTENCES = 6,
	TOPIC_PARAGRAPHS = 2,
};

/* The sexes a noun or name may be of, as slots. */
static bool is_male_noun(const struct word *w)
{
	return WORD_AMONG(w, "man", "boy", "lad", "fellow", "gentleman", "father", "son", "brother",
			  "king", "youth", "uncle", "monk", "priest", "sailor", "prince");
}

static bool is_female_noun(const struct word *w)
{
	return WORD_AMONG(w, "woman", "girl", "lady", "maid", "mother", "daughter", "sister",
			  "queen", "aunt", "maiden", "wife", "princess", "widow");
}

static void mean(struct scan *s, enum slot slot, uint32_t m)
{
	s->who[slot] = m;
	s->age[slot] = 0;
	s->doubt[slot] = false;
}

/* called: a comma follows, as when somebody is spoken to. */
static void remember(struct scan *s, uint32_t m, bool called)
{
	const struct member *who = &s->cast->members[m - 1];
	uint32_t male = who->sum[SIGHT_MALE], female = who->sum[SIGHT_FEMALE];
	bool thing = scan_is_thing(s->cast, m);
	if (who->type == ELEMENT_CHARACTER) {
		s->who[SLOT_THEM] = NOBODY;
		s->ship = NOBODY;
	}
	bool known = male || female || (who->type == ELEMENT_CHARACTER && !called);
	if (!thing && known && male * 2 >= female * 3)
		mean(s, SLOT_MALE, m);
	if (!thing && known && female * 2 >= male * 3)
		mean(s, SLOT_FEMALE, m);
	if (thing && !who->unnamed && female && female >= male)
		mean(s, SLOT_FEMALE, m); /* a ship, a bell */
	if (who->type != ELEMENT_CHARACTER)
		mean(s, SLOT_THING, m);
}

/* What has a name and is no place. */
static bool is_ship(const struct scan *s, uint32_t m)
{
	return s->cast->members[m - 1].type == ELEMENT_ITEM && !s->cast->members[m - 1].unnamed;
}

/* Who comes to a place is there, and what a sentence is about is where it plays. */
static void enter(struct scan *s, uint32_t m, const struct word *before)
{
	const struct member *place = &s->cast->members[m - 1];
	if (place->type != ELEMENT_PLACE ||
	    s->sentence->spoken * 2u > s->sentence->end - s->sentence->start ||
	    (place->unnamed && place->sum[SIGHT_PLACE] < KNOWN_PLACE))
		return;
	if (before && word_is(before, "the") && before > s->words)
		before--;
	if (before && word_is(before, "of") && before < s->words + 6 &&
	    WORD_AMONG(&s->words[0], "at", "in", "on", "under"))
		before = s->words;
	if (before &&
	    !WORD_AMONG(before, "to", "into", "at", "in", "through", "across", "inside", "upon",
			"reached", "entered", "passed", "crossed", "approached", "saw"))
		return;
	s->topic = m;
	s->topic_age = 0;
}

/* Of "a boy with black curls" the boy, from the article at i on; or NULL. */
static const struct word *newcomer(const struct scan *s, size_t i)
{
	const struct word *w = s->words;
	if (WORD_AMONG(&w[i], "somebody", "someone", "something"))
		return &w[i];
	if (!WORD_AMONG(&w[i], "a", "an", "another"))
		return NULL;
	for (size_t k = i + 1;
	     k < s->count && k < i + 5 && !grammar_is_part(&w[k]) && !w[k].possessive; k++) {
		if (grammar_is_person(&w[k]))
			return k + 1 < s->count && grammar_is_part(&w[k + 1]) && w[k + 1].joined
				       ? NULL
				       : &w[k];
		if (k > i + 1 && !w[k].joined)
			break;
	}
	return NULL;
}

/* "Ida saw a boy": somebody else. Behind "was" or a comma he is still the one before: "Hart, a
 * boy of ten", "Hart was a boy". */
static bool is_other(const struct scan *s, size_t i)
{
	return i == 0 ||
	       (s->words[i].joined && !WORD_AMONG(&s->words[i - 1], "was", "is", "were", "be",
						  "been", "as", "like", "still", "only", "such"));
}

static void meet(struct scan *s, const struct word *noun)
{
	if (!is_female_noun(noun))
		mean(s, SLOT_MALE, SOMEBODY);
	if (!is_male_noun(noun))
		mean(s, SLOT_FEMALE, SOMEBODY);
	if (word_has(noun, LEX_CREATURE) || word_is(noun, "something"))
		mean(s, SLOT_THING, SOMEBODY);
}
/* "The old gentleman laughed": from now on "he" is the one who has no name here. "I saw the old
 * gentleman": it may be. */
static void stranger(struct scan *s, size_t i, bool mark)
{
	const struct word *w = s->words;
	bool subject =
		mark || (i && WORD_AMONG(&w[i - 1], "and", "when", "where", "while", "then"));
	if (!WORD_AMONG(&w[i], "the", "this", "that", "one"))
		return;
	bool one = word_is(&w[i], "one") && i + 1 < s->count && word_is(&w[i + 1], "of");
	for (size_t k = i + 1; k < s->count && k < i + 4 && w[k].joined && !w[k].upper; k++) {
		bool person = grammar_is_person(&w[k]) && !grammar_is_visible(&w[k]) &&
			      word_has(&w[k], LEX_PERSON);
		if (!(person || one) || w[k].possessive)
			continue;
		if (subject)
			meet(s, &w[k]);
		s->doubt[SLOT_MALE] |= !subject && !is_female_noun(&w[k]);
		s->doubt[SLOT_FEMALE] |= !subject && !is_male_noun(&w[k]);
		return;
	}
}

static uint32_t last_of(const struct scan *s, enum slot slot)
{
	uint32_t most = slot == SLOT_THING ? THING_SENTENCES : PERSON_SENTENCES;
	return s->age[slot] < most && !s->doubt[slot] ? s->who[slot] : NOBODY;
}

/* Whom the pronoun means; `now` if it is none. */
static uint32_t meant(const struct scan *s, const struct word *w, uint32_t now)
{
	if (WORD_AMONG(w, "he", "his", "him"))
		return last_of(s, SLOT_MALE);
	if (WORD_AMONG(w, "she", "her", "hers"))
		return s->ship ? s->ship : last_of(s, SLOT_FEMALE);
	if (WORD_AMONG(w, "it", "its"))
		return last_of(s, SLOT_THING);
	if (WORD_AMONG(w, "they", "their", "them"))
		return last_of(s, SLOT_THEM);
	if (WORD_AMONG(w, "i", "my", "me", "you", "your", "we", "our"))
		return NOBODY;
	return now;
}

/* The name that begins at word i, as member + 1, or NOBODY; *last is its last word. */
static uint32_t named_at(struct scan *s, size_t *last, size_t i, uint32_t number)
{
	const struct names *n = s->cast->names;
	uint32_t found = NOBODY;
	for (; s->mention < n->mention_count; s->mention++) {
		const struct mention *m = &n->mentions[s->mention];
		if (m->sentence > number || (m->sentence == number && m->word > i))
			break;
		if (m->sentence == number && m->word == i && s->cast->member_of[m->name]) {
			found = s->cast->member_of[m->name];
			*last = m->word + m->words - 1u;
		}
	}
	return found ? s->same[found - 1] : found;
}

/* "They were wolves": the unnamed creature, as member + 1, of a noun behind no article. */
static uint32_t kind_at(const struct scan *s, size_t i)
{
	const struct word *w = &s->words[i];
	if (w->upper || !word_has(w, LEX_CREATURE) || !i || !scan_is_linking(w - 1))
		return NOBODY;
	for (size_t m = 0; m < s->cast->all; m++) {
		const struct member *it = &s->cast->members[m];
		if (it->unnamed && it->type == ELEMENT_CREATURE &&
		    !strcmp(strrchr(it->name, ' ') + 1, w->lex->word))
			return (uint32_t)m + 1;
	}
	return NOBODY;
}

/* "the long channel that they call the Deep", "a ship called the Swift": what is before it is its
 * own. */
static void call(struct scan *s, size_t i, uint32_t member)
{
	const struct word *w = s->words;
	size_t from = i && word_is(&w[i - 1], "the") ? i - 1 : i;
	if (!from || !WORD_AMONG(&w[from - 1], "call", "calls", "called", "named", "name"))
		return;
	for (size_t k = from; k--;) {
		if (s->owner[k] != NOBODY && s->owner[k] != SOMEBODY && s->owner[k] != s->topic)
			return;
		s->owner[k] = member;
		s->told[k] = CLOSE;
		s->starts[k] = false;
		if (k && scan_clause(&w[k - 1], &w[k]))
			return;
	}
}

/* "That was Ida", "whose name was Ida": the one who was told of before the name. */
static void recognise(struct scan *s, size_t i, uint32_t member)
{
	const struct word *w = s->words;
	bool that =
		i == 2 && WORD_AMONG(&w[0], "that", "this", "it") && WORD_AMONG(&w[1], "was", "is");
	bool name = i >= 2 && WORD_AMONG(&w[i - 1], "was", "is") && word_is(&w[i - 2], "name");
	bool called = i >= 1 && WORD_AMONG(&w[i - 1], "called", "named");
	size_t the = i - (i && word_is(&w[i - 1], "the"));
	bool him = the >= 2 && WORD_AMONG(&w[the - 1], "him", "her", "it", "them") &&
		   WORD_AMONG(&w[the - 2], "call", "calls", "called", "name", "named");
	if (!that && !name && !called && !him)
		return;
	for (size_t k = him ? s->earlier : s->paragraph; k < s->out->len; k++) {
		if (s->out->facts[k].member == SOMEBODY - 1)
			s->out->facts[k].member = member - 1;
	}
	const uint32_t *n = s->cast->members[member - 1].sum;
	if (n[SIGHT_MALE] >= n[SIGHT_FEMALE])
		mean(s, SLOT_MALE, member);
	if (n[SIGHT_FEMALE] >= n[SIGHT_MALE])
		mean(s, SLOT_FEMALE, member);
}

/* "The light was red" tells nothing of him; "his beard was white" does. */
static bool is_thing_before(const struct scan *s, size_t i, uint32_t now)
{
	const struct word *w = &s->words[i - 1];
	if (now == NOBODY || now == SOMEBODY || scan_apart(w, w + 1))
		return false;
	for (size_t k = i; k-- && k + 5 > i && !scan_apart(&s->words[k], &s->words[k + 1]);) {
		if (scan_is_owning(&s->words[k]) || s->words[k].possessive)
			return false;
	}
	enum element_type type = s->cast->members[now - 1].type;
	return (type == ELEMENT_CHARACTER || type == ELEMENT_CREATURE) && !w->upper && w->lex &&
	       w->lex->noun >= 60 && !grammar_is_part(w) && !grammar_is_person(w) &&
	       !word_has(w, LEX_STOP);
}

/* Would the pronoun that now means the one mean the other from here on? */
static bool is_rival(const struct scan *s, uint32_t named, uint32_t now)
{
	if (now == NOBODY || now == SOMEBODY || now == named)
		return false;
	enum element_type type = s->cast->members[now - 1].type;
	const uint32_t *a = s->cast->members[now - 1].sum, *b = s->cast->members[named - 1].sum;
	return type != ELEMENT_PLACE && type != ELEMENT_ITEM &&
	       (a[SIGHT_MALE] > a[SIGHT_FEMALE]) == (b[SIGHT_MALE] > b[SIGHT_FEMALE]);
}

/* "The light was red", at a clause's beginning: of nobody's. */
static bool is_scenery(const struct scan *s, size_t i)
{
	const struct word *w = &s->words[i];
	if (!WORD_AMONG(w, "the", "a", "an", "this", "these", "those", "every", "each"))
		return false;
	for (size_t k = i + 1; k < s->count && k < i + 5; k++) {
		if (scan_apart(w + (k - i) - 1, w + (k - i)) || w[k - i].upper ||
		    grammar_is_part(&w[k - i]) || grammar_is_person(&w[k - i]) ||
		    grammar_is_look(&w[k - i]))
			return false;
		if (scan_is_linking(&w[k - i]) || scan_is_verb(&w[k - i], s->words))
			return true;
	}
	return false;
}

static bool is_there(const struct scan *s, size_t i)
{
	return word_is(&s->words[i], "there") && i + 1 < s->count &&
	       scan_is_linking(&s->words[i + 1]);
}

/* "There was moss on it": of what is named so; "there were lamps": of nobody. */
static uint32_t there(const struct scan *s, size_t i)
{
	for (size_t k = i + 2; k < s->count && !scan_apart(&s->words[k - 1], &s->words[k]); k++) {
		if (scan_is_preposition(&s->words[k - 1]) &&
		    WORD_AMONG(&s->words[k], "it", "him", "her", "them"))
			return meant(s, &s->words[k], NOBODY);
	}
	return NOBODY;
}

/* "Hill House, a long low building": told of the one before the comma, in whatever case he is. */
static bool is_apposed(const struct scan *s, size_t i)
{
	const struct word *w = &s->words[i];
	return scan_comma(w - 1, w) &&
	       (WORD_AMONG(w, "a", "an", "one", "as", "so", "all", "with", "of", "no") ||
		grammar_is_number(w) || grammar_is_look(w) || grammar_is_participle(w));
}

/* "the green lantern", "Ida's yellow Swift". */
static void see_name(struct scan *s, uint32_t member, size_t first, size_t last)
{
	bool unnamed = s->cast->members[member - 1].unnamed;
	if (!unnamed && !scan_is_thing(s->cast, member))
		return;
	size_t from = unnamed ? first + 1 : first - (first > 0);
	const struct word *w = &s->words[from];
	if (from < last && last < s->count && word_has(w, LEX_COLOUR | LEX_MATERIAL) && !w->upper &&
	    w[1].s - (w->s + w->len) <= 2 && !word_has(w, LEX_STOP)) /* "the yellow *Swift*" */
		scan_add(s, from, unnamed ? last + 1 : from + 1, member, NAME_WEIGHT);
}

/* What the words so far say. */
struct turn {
	uint32_t now;	/* whom this is about */
	uint32_t back;	/* whom it goes back to at the next mark, if lent */
	uint32_t thing; /* the last one named */
	size_t thing_end;
	bool lent;
	enum telling told;
};

/* The word that is read. */
struct spot {
	size_t i, last; /* last: of the name */
	bool mark;	/* stands before it */
	bool owns, object;
	uint32_t named, who;
};

static void see_mark(struct turn *t, const struct scan *s, struct spot *a)
{
	const struct word *w = &s->words[a->i];
	a->mark = a->i == 0 || scan_apart(w - 1, w);
	if (a->mark && t->lent)
		t->now = t->back;
	t->lent = t->lent && !a->mark;
	if (a->mark && a->i && scan_is_thing(s->cast, t->now) && scan_clause(w - 1, w))
		t->told = BY_THE_WAY;
}

static void see_who(struct scan *s, struct spot *a, const struct turn *t, uint32_t number)
{
	const struct word *w = &s->words[a->i];
	a->named = named_at(s, &a->last, a->i, number);
	if (a->named)
		s->named[a->last] = a->named;
	if (a->named && s->cast->members[a->named - 1].unnamed && !a->mark &&
	    !scan_is_linking(w - 1) && !word_has(&s->words[a->last], LEX_PERSON)) {
		enter(s, a->named, w - 1);
		a->named = NOBODY; /* a thing by the way */
	}
	a->owns = a->named ? a->last < s->count && s->words[a->last].possessive : scan_is_owning(w);
	bool done = a->named && a->i && !scan_is_linking(w - 1) && w[-1].lex &&
		    w[-1].lex->verb >= 50 && !word_has(w - 1, LEX_SPEECH);
	a->object = a->i && !a->mark && (scan_is_preposition(w - 1) || done);
	a->who = a->named ? a->named : meant(s, w, t->now);
	s->starts[a->i] = a->named && !a->owns;
	s->place[a->i] = a->named && s->cast->members[a->named - 1].type == ELEMENT_PLACE ? a->named
											  : NOBODY;
	uint32_t kind = a->named ? NOBODY : kind_at(s, a->i);
	if (kind) {
		mean(s, SLOT_THEM, kind);
		a->who = kind;
	}
}

/* "Ida's brother": from now on "he" is the brother. The noun behind the owner's name, or NULL. */
static const struct word *relative_at(const struct scan *s, size_t owner)
{
	for (size_t k = owner + 1; k < s->count && k < owner + 4; k++) {
		const struct word *w = &s->words[k];
		if (scan_apart(w - 1, w) || w->upper)
			return NULL;
		if (grammar_is_person(w) && word_has(w, LEX_PERSON) && !grammar_is_visible(w))
			return w;
	}
	return NULL;
}

/* A name or pronoun that begins a clause is who it is about; one that owns something within it,
 * only as far as the next mark: "her arms were as thick as Ida's, and ...". */
static void turn_to(struct turn *t, struct scan *s, struct spot *a)
{
	const struct word *w = &s->words[a->i], *other = NULL;
	if (!a->named && !s->quoted[a->i])
		other = newcomer(s, a->i);
	if (!a->named && !other && !s->quoted[a->i])
		stranger(s, a->i, a->mark);
	if (other && is_other(s, a->i)) {
		meet(s, other);
		a->who = SOMEBODY;
	} else if ((a->owns || a->object) && t->now && !a->mark && !t->lent && a->who != t->now) {
		t->back = t->now;
		t->lent = true;
	}
	if (a->named && a->owns && relative_at(s, a->last))
		meet(s, relative_at(s, a->last));
	if (is_there(s, a->i))
		a->who = there(s, a->i);
	if (scan_is_linking(w) && a->i && is_thing_before(s, a->i, t->now))
		a->who = NOBODY;
	if (a->mark && !a->named && is_scenery(s, a->i))
		a->who = NOBODY;
	if (a->mark && a->i == t->thing_end && is_apposed(s, a->i)) {
		a->who = t->thing;
		t->told = CLOSE;
	} else if (a->named || a->owns || a->who != t->now) {
		t->told = a->owns ? CLOSE : a->object ? BY_THE_WAY : SUBJECT;
	}
}

/* What is named here may be meant by a pronoun from now on. */
static void keep(struct turn *t, struct scan *s, const struct spot *a)
{
	if (!a->named)
		return;
	if (!s->quoted[a->i])
		see_name(s, a->named, a->i, a->last);
	if (scan_is_thing(s->cast, a->named)) {
		if (!a->object && !a->owns && is_ship(s, a->named) && a->i <= 1)
			s->ship = a->named;
		t->thing = a->named;
		t->thing_end = a->last + 1;
		enter(s, a->named, a->object ? &s->words[a->i] - 1 : NULL);
	}
	bool aside = (a->owns || a->object) && !a->mark;
	if (!s->quoted[a->i] && (!aside || !is_rival(s, a->named, t->lent ? t->back : t->now)))
		remember(s, a->named,
			 a->last + 1 < s->count &&
				 scan_comma(&s->words[a->last], &s->words[a->last + 1]));
}

/* "Otto looked at him": from now on "he" may be either. */
static void doubt(struct scan *s, size_t i)
{
	const struct word *w = &s->words[i];
	bool him = word_is(w, "him"),
	     her = word_is(w, "her") && (i + 1 == s->count || scan_apart(w, w + 1) ||
					 word_has(w + 1, LEX_STOP | LEX_PREPOSITION));
	enum slot slot = him ? SLOT_MALE : SLOT_FEMALE;
	if ((him || her) && i && !s->quoted[i] && !s->age[slot] && s->who[slot] != SOMEBODY)
		s->doubt[slot] = true;
}

static void find_owners(struct scan *s, uint32_t number)
{
	struct turn t = {.thing_end = SENTENCE_WORDS};
	memset(s->named, 0, s->count * sizeof(*s->named));
	s->ship = NOBODY;
	for (size_t i = 0; i < s->count; i++) {
		struct spot a = {.i = i, .last = i};

		see_mark(&t, s, &a);
		see_who(s, &a, &t, number);
		if (a.named)
			recognise(s, i, a.named);
		if (a.named)
			call(s, i, a.named);
		turn_to(&t, s, &a);
		keep(&t, s, &a);
		if (!a.named)
			doubt(s, i);
		t.now = a.who;
		s->told[i] = t.told;
		s->owner[i] = t.now;
	}
}

/* 1: the mark opens a quotation, -1: it closes one, 0: it is none. */
static int quotation(const char *s, const char *start, const char *end)
{
	if (*s == '"')
		return s + 1 < end && !strchr(" \n,.;:!?", s[1]) &&
				       (s == start || strchr(" \n(*_", s[-1]))
			       ? 1
			       : -1;
	if (end - s < 3 || memcmp(s, "\xe2\x80", 2) != 0)
		return 0;
	return s[2] == '\x9c' ? 1 : s[2] == '\x9d' ? -1 : 0;
}

/* Whose first mark closes a quotation began within one, and so may one that has no mark. */
static void find_quoted(struct scan *s)
{
	const char *start = s->prose->text + s->sentence->start, *at = start,
		   *end = s->prose->text + s->sentence->end;
	bool within = s->sentence->spoken * 2u > s->sentence->end - s->sentence->start;
	for (const char *c = start; c < end && s->sentence->spoken; c++) {
		int mark = quotation(c, start, end);
		if (mark) {
			within = mark < 0;
			break;
		}
	}
	for (size_t i = 0; i < s->count; i++) {
		for (; at < s->words[i].s && s->sentence->spoken; at++) {
			int mark = quotation(at, start, end);
			within = mark ? mark > 0 : within;
		}
		s->quoted[i] = within && s->sentence->spoken;
	}
}

/* ---- where nobody is */

static bool is_anybody(const struct scan *s, size_t i)
{
	const struct word *w = &s->words[i];
	if (s->starts[i] && s->owner[i] && !scan_is_thing(s->cast, s->owner[i]))
		return true;
	return WORD_AMONG(w, "he", "she", "i", "we", "you", "they", "my", "your", "our", "who",
			  "somebody", "nobody", "his", "her", "everybody", "people") ||
	       (grammar_is_person(w) && word_has(w, LEX_PERSON));
}

/* Does a clause begin here? */
static bool is_clause(const struct scan *s, size_t i)
{
	const struct word *w = &s->words[i];
	return is_there(s, i) || scan_clause(w - 1, w) ||
	       (scan_comma(w - 1, w) && i + 1 < s->count && WORD_AMONG(w, "and", "but") &&
		WORD_AMONG(w + 1, "the", "there", "now", "here", "every", "on", "over", "under",
			   "beyond", "through"));
}

/* Clauses in which nobody is or does anything show the place: "There were lamps at every door". */
static void find_scenery(struct scan *s)
{
	for (size_t i = 0, k; i < s->count; i = k) {
		bool anybody = false;
		uint32_t place = NOBODY;
		for (k = i; k < s->count && (k == i || !is_clause(s, k)); k++) {
			anybody |= is_anybody(s, k);
			if (s->place[k])
				place = s->place[k];
		}
		for (size_t n = i; n < k; n++) {
			s->scenic[n] = !anybody;
			s->place[n] = place;
		}
	}
}

/* ---- the whole */

/* Whom the paragraph has not named, the next one will not. */
static void forget(struct scan *s)
{
	s->earlier = s->paragraph;
	s->paragraph = s->out->len;
	if (++s->topic_age >= TOPIC_PARAGRAPHS)
		s->topic = NOBODY;
	for (size_t k = 0; k < SLOTS_OF; k++)
		s->who[k] = s->who[k] == SOMEBODY ? NOBODY : s->who[k];
}

void whom_read(struct scan *s, uint32_t number)
{
	if (s->sentence->after_break)
		s->topic = NOBODY; /* people go on */
	find_quoted(s);
	for (size_t k = 0; k < SLOTS_OF; k++)
		s->age[k] += !(s->count && s->quoted[0] && s->quoted[s->count - 1]);
	if (s->sentence->opens_paragraph)
		forget(s);
	find_owners(s, number);
	find_scenery(s);
}
