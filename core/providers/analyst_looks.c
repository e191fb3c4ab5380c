/* SPDX-License-Identifier: MIT */
#include "analyst_looks.h"
#include "analyst_names.h"
#include "analyst_weigh.h"

/*
 * How somebody looks is told in short stretches: "small and wiry", "with short copper hair", "a
 * coat patched at both elbows". A sentence is cut into such stretches at its marks, verbs and
 * relative words; each belongs to whom the last name or pronoun before it means; those with
 * something to see in them are facts, word for word as they stand.
 *
 * Whom a pronoun means is the last of that sex who was named. That is often enough wrong for a
 * single fact and seldom for a description, where name and looks stand close together: hence facts
 * that come in company weigh more.
 */

enum {
	FACT_WORDS = 14,
	FACTS_MAX = 1 << 16,
	TOPIC_PARAGRAPHS = 2,
	THING_SENTENCES = 3,
	NAME_WEIGHT = 6,
	KNOWN_PLACE = 4, /* votes */
	LEAST_WEIGHT = 4
};

#define NOBODY 0u
#define SOMEBODY (LOOKS_SOMEBODY + 1)

enum slot { SLOT_MALE, SLOT_FEMALE, SLOT_THING, SLOT_THEM, SLOTS_OF };

/* A thing is named by the way, or the clause is about it; or it stands before: "its roof", "Hill
 * House, a long low building". */
enum telling { BY_THE_WAY, SUBJECT, CLOSE };

struct scan {
	struct looks *out;
	const struct cast *cast;
	const struct prose *prose;
	size_t mention;		/* the next one */
	size_t paragraph;	/* its first fact */
	uint32_t who[SLOTS_OF]; /* member + 1 */
	uint32_t *same;		/* of a member: who is meant by it, as member + 1 */
	uint32_t ship;		/* which the sentence began with, and "she" is */
	uint32_t thing_age;	/* sentences since the thing was named */
	uint32_t topic;		/* the place where it happens */
	uint32_t topic_age;	/* in paragraphs */
	/* of the sentence: */
	const struct sentence *sentence;
	struct word words[SENTENCE_WORDS];
	uint32_t owner[SENTENCE_WORDS];	   /* whom a fact here is about: member + 1, or NOBODY */
	bool starts[SENTENCE_WORDS];	   /* a name begins here that owns nothing */
	enum telling told[SENTENCE_WORDS]; /* how a thing that owns it is told of */
	bool scenic[SENTENCE_WORDS];	   /* nobody is in the clause */
	uint32_t place[SENTENCE_WORDS];	   /* that the clause names, as member + 1, or NOBODY */
	size_t count;
};

/* ---- whom a stretch is about */

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

static bool gap_is_mark(const struct word *before, const struct word *w)
{
	for (const char *s = before->s + before->len; s < w->s; s++) {
		if (!strchr(" -'s\n", *s) && (unsigned char)*s != 0xe2 &&
		    (unsigned char)*s != 0x80 && (unsigned char)*s != 0x99)
			return true;
	}
	return false;
}

static bool is_spoken(const struct sentence *s)
{
	return s->spoken * 2u > s->end - s->start;
}

static bool is_comma(const struct word *before, const struct word *w)
{
	return w->s - (before->s + before->len) == 2 && !memcmp(before->s + before->len, ", ", 2);
}

static bool gap_ends_clause(const struct word *before, const struct word *w)
{
	const char *gap = before->s + before->len;
	size_t len = (size_t)(w->s - gap);
	return memchr(gap, ';', len) || memchr(gap, ':', len);
}

static bool is_thing(const struct cast *c, uint32_t m)
{
	return m != NOBODY && m != SOMEBODY &&
	       (c->members[m - 1].type == ELEMENT_PLACE || c->members[m - 1].type == ELEMENT_ITEM);
}

static void remember(struct scan *s, uint32_t m)
{
	const struct member *who = &s->cast->members[m - 1];
	uint32_t male = who->sum[SIGHT_MALE], female = who->sum[SIGHT_FEMALE];
	bool thing = is_thing(s->cast, m);
	if (who->type == ELEMENT_CHARACTER) {
		s->who[SLOT_THEM] = NOBODY;
		s->ship = NOBODY;
	}
	if (!thing && male >= female)
		s->who[SLOT_MALE] = m;
	if (!thing && female >= male)
		s->who[SLOT_FEMALE] = m;
	if (who->type != ELEMENT_CHARACTER) {
		s->who[SLOT_THING] = m;
		s->thing_age = 0;
	}
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
	if (place->type != ELEMENT_PLACE || is_spoken(s->sentence) ||
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

/* "In a room with four windows, Ida": what a clause begins with shows where it is. */
static bool is_locative(const struct scan *s, size_t i)
{
	const struct word *w = &s->words[i];
	return (i == 0 || is_comma(w - 1, w)) &&
	       WORD_AMONG(w, "in", "on", "under", "beneath", "below", "above", "beyond", "behind",
			  "between", "along", "across", "over", "at");
}

/* The place that the clause of word i shows, or NOBODY. */
static uint32_t setting(const struct scan *s, size_t i, bool locative)
{
	if (!s->scenic[i] && !locative)
		return NOBODY;
	if (s->place[i])
		return s->place[i];
	if (s->topic && !s->topic_age)
		return s->topic;
	return s->cast->home ? s->cast->home : s->topic;
}

static bool is_preposition(const struct word *w)
{
	return WORD_AMONG(w, "to", "at", "of", "by", "from", "for", "beside", "behind", "after",
			  "before", "like", "near", "towards", "upon", "on", "into", "in", "over",
			  "under", "above", "below", "against", "than", "with");
}

/* What stands before the noun in a phrase of place. */
static bool is_direction(const struct word *w)
{
	return is_preposition(w) || WORD_AMONG(w, "out", "up", "down", "through", "round", "across",
					       "along", "beneath", "beyond", "between", "among");
}

static bool is_linking(const struct word *w)
{
	return WORD_AMONG(w, "was", "were", "is", "are", "had", "has", "wore", "wears", "wearing",
			  "looked", "seemed", "grew", "became", "have", "been", "be");
}

/* A finite verb; behind an article or another word that describes it is none ("black curls"). */
static bool is_verb(const struct word *w, const struct word *first)
{
	if (!w->lex || w->lex->verb < 60 || w->lex->adjective >= 30 || weigh_is_look(w) ||
	    weigh_is_part(w))
		return false;
	if (w > first && weigh_is_participle(w) &&
	    (!w->joined || is_linking(w - 1) || word_is(w - 1, "and")))
		return false;
	if (w > first && w->joined &&
	    (weigh_is_look(w - 1) || word_has(w - 1, LEX_MATERIAL) ||
	     WORD_AMONG(w - 1, "a", "an", "the", "his", "her", "its")))
		return false;
	return !(w->len > 4 &&
		 (!memcmp(w->s + w->len - 2, "ed", 2) || !memcmp(w->s + w->len - 3, "ing", 3)));
}

/* Of "a boy with black curls" the boy, from the article at i on; or NULL. */
static const struct word *newcomer(const struct scan *s, size_t i)
{
	const struct word *w = s->words;
	if (WORD_AMONG(&w[i], "somebody", "someone"))
		return &w[i];
	if (!WORD_AMONG(&w[i], "a", "an", "another"))
		return NULL;
	for (size_t k = i + 1;
	     k < s->count && k < i + 5 && !weigh_is_part(&w[k]) && !w[k].possessive; k++) {
		if (weigh_is_person(&w[k]))
			return k + 1 < s->count && weigh_is_part(&w[k + 1]) && w[k + 1].joined
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
		s->who[SLOT_MALE] = SOMEBODY;
	if (!is_male_noun(noun))
		s->who[SLOT_FEMALE] = SOMEBODY;
	if (word_has(noun, LEX_CREATURE))
		s->who[SLOT_THING] = SOMEBODY;
}

static bool is_owning(const struct word *w)
{
	return WORD_AMONG(w, "his", "her", "its", "their");
}

/* Whom the pronoun means; `now` if it is none. */
static uint32_t meant(const struct scan *s, const struct word *w, uint32_t now)
{
	if (WORD_AMONG(w, "he", "his", "him"))
		return s->who[SLOT_MALE];
	if (WORD_AMONG(w, "she", "her", "hers"))
		return s->ship ? s->ship : s->who[SLOT_FEMALE];
	if (WORD_AMONG(w, "it", "its"))
		return s->thing_age < THING_SENTENCES ? s->who[SLOT_THING] : NOBODY;
	if (WORD_AMONG(w, "they", "their", "them"))
		return s->who[SLOT_THEM];
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
	if (w->upper || !word_has(w, LEX_CREATURE) || !i || !is_linking(w - 1))
		return NOBODY;
	for (size_t m = 0; m < s->cast->all; m++) {
		const struct member *it = &s->cast->members[m];
		if (it->unnamed && it->type == ELEMENT_CREATURE &&
		    !strcmp(it->name + strlen("the "), w->lex->word))
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
		if (k && gap_ends_clause(&w[k - 1], &w[k]))
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
	if (!that && !name && !called)
		return;
	for (size_t k = s->paragraph; k < s->out->len; k++) {
		if (s->out->facts[k].member == SOMEBODY - 1)
			s->out->facts[k].member = member - 1;
	}
	for (size_t k = 0; k < SLOTS_OF; k++) {
		if (s->who[k] == SOMEBODY)
			s->who[k] = member;
	}
}

/* "The light was red" tells nothing of him; "his beard was white" does. */
static bool is_thing_before(const struct scan *s, size_t i, uint32_t now)
{
	const struct word *w = &s->words[i - 1];
	if (now == NOBODY || now == SOMEBODY || gap_is_mark(w, w + 1))
		return false;
	for (size_t k = i; k-- && k + 5 > i && !gap_is_mark(&s->words[k], &s->words[k + 1]);) {
		if (is_owning(&s->words[k]) || s->words[k].possessive)
			return false;
	}
	enum element_type type = s->cast->members[now - 1].type;
	return (type == ELEMENT_CHARACTER || type == ELEMENT_CREATURE) && !w->upper && w->lex &&
	       w->lex->noun >= 60 && !weigh_is_part(w) && !weigh_is_person(w) &&
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
		if (gap_is_mark(w + (k - i) - 1, w + (k - i)) || w[k - i].upper ||
		    weigh_is_part(&w[k - i]) || weigh_is_person(&w[k - i]) ||
		    weigh_is_look(&w[k - i]))
			return false;
		if (is_linking(&w[k - i]) || is_verb(&w[k - i], s->words))
			return true;
	}
	return false;
}

static bool is_there(const struct scan *s, size_t i)
{
	return word_is(&s->words[i], "there") && i + 1 < s->count && is_linking(&s->words[i + 1]);
}

/* "There was moss on it": of what is named so; "there were lamps": of nobody. */
static uint32_t there(const struct scan *s, size_t i)
{
	for (size_t k = i + 2; k < s->count && !gap_is_mark(&s->words[k - 1], &s->words[k]); k++) {
		if (is_preposition(&s->words[k - 1]) &&
		    WORD_AMONG(&s->words[k], "it", "him", "her", "them"))
			return meant(s, &s->words[k], NOBODY);
	}
	return NOBODY;
}

/* "Hill House, a long low building": told of the one before the comma, in whatever case he is. */
static bool is_apposed(const struct scan *s, size_t i)
{
	const struct word *w = &s->words[i];
	return is_comma(w - 1, w) &&
	       (WORD_AMONG(w, "a", "an", "one", "as", "so", "all", "with", "of", "no") ||
		weigh_is_number(w) || weigh_is_look(w) || weigh_is_participle(w));
}

static void add_fact(struct scan *s, const struct stretch *t, uint32_t owner, uint32_t weight)
{
	const struct word *last = &s->words[t->to - 1];
	uint32_t start = (uint32_t)(s->words[t->from].s - s->prose->text);
	struct looks *l = s->out;
	if (l->len == FACTS_MAX)
		return;
	l->facts = xgrow(l->facts, &l->cap, l->len + 1, sizeof(*l->facts));
	l->facts[l->len++] = (struct fact){
		.member = owner - 1,
		.start = start,
		.end = (uint32_t)(last->s + last->len - s->prose->text),
		.weight = weight,
	};
}

/* "the green lantern", "Ida's yellow Swift". */
static void see_name(struct scan *s, uint32_t member, size_t first, size_t last)
{
	bool unnamed = s->cast->members[member - 1].unnamed;
	size_t from = unnamed ? first + 1 : first - (first > 0);
	const struct word *w = &s->words[from];
	if (from < last && last < s->count && word_has(w, LEX_COLOUR | LEX_MATERIAL) && !w->upper &&
	    w[1].joined && !word_has(w, LEX_STOP))
		add_fact(s, &(struct stretch){.from = from, .to = last + 1}, member, NAME_WEIGHT);
}

/* A name or pronoun that begins a clause is who it is about; one that owns something within it,
 * only as far as the next mark: "her arms were as thick as Ida's, and ...". */
static void find_owners(struct scan *s, uint32_t number)
{
	uint32_t now = NOBODY, back = NOBODY, thing = NOBODY;
	bool lent = false, spoken = is_spoken(s->sentence);
	enum telling told = BY_THE_WAY;
	size_t thing_end = SENTENCE_WORDS;
	s->ship = NOBODY;
	for (size_t i = 0; i < s->count; i++) {
		const struct word *w = &s->words[i];
		size_t last = i;
		bool mark = i == 0 || gap_is_mark(w - 1, w);
		if (mark && lent)
			now = back;
		lent = lent && !mark;
		if (mark && i && is_thing(s->cast, now))
			told = gap_ends_clause(w - 1, w) ? BY_THE_WAY : told;
		uint32_t named = named_at(s, &last, i, number);
		if (named && s->cast->members[named - 1].unnamed && !mark && !is_linking(w - 1)) {
			enter(s, named, w - 1);
			named = NOBODY; /* a thing by the way */
		}
		bool owns = named ? last < s->count && s->words[last].possessive : is_owning(w);
		bool object = i && !mark &&
			      (is_preposition(w - 1) ||
			       (named && !is_linking(w - 1) && w[-1].lex && w[-1].lex->verb >= 50 &&
				!word_has(w - 1, LEX_SPEECH)));
		uint32_t who = named ? named : meant(s, w, now);
		const struct word *other = named || spoken ? NULL : newcomer(s, i);
		s->starts[i] = named && !owns;
		s->place[i] =
			named && s->cast->members[named - 1].type == ELEMENT_PLACE ? named : NOBODY;
		uint32_t kind = named ? NOBODY : kind_at(s, i);
		if (kind) {
			s->who[SLOT_THEM] = kind;
			who = kind;
		}
		if (named)
			recognise(s, i, named);
		if (named)
			call(s, i, named);
		if (other && is_other(s, i)) {
			meet(s, other);
			who = SOMEBODY;
		} else if ((owns || object) && now && !mark && !lent && who != now) {
			back = now;
			lent = true;
		}
		if (is_there(s, i))
			who = there(s, i);
		if (is_linking(w) && i && is_thing_before(s, i, now))
			who = NOBODY;
		if (mark && !named && is_scenery(s, i))
			who = NOBODY;
		if (mark && i == thing_end && is_apposed(s, i)) {
			who = thing;
			told = CLOSE;
		} else if (named || owns || who != now) {
			told = owns ? CLOSE : object ? BY_THE_WAY : SUBJECT;
		}
		if (named && !spoken)
			see_name(s, named, i, last);
		if (named && is_thing(s->cast, named)) {
			if (!object && !owns && is_ship(s, named) && i <= 1)
				s->ship = named;
			thing = named;
			thing_end = last + 1;
			enter(s, named, object ? w - 1 : NULL);
		}
		now = who;
		s->told[i] = told;
		if (named && (!(owns || object) || mark || !is_rival(s, named, lent ? back : now)))
			remember(s, named);
		s->owner[i] = now;
	}
}

/* ---- where nobody is */

static bool is_anybody(const struct scan *s, size_t i)
{
	const struct word *w = &s->words[i];
	if (s->starts[i] && s->owner[i] && !is_thing(s->cast, s->owner[i]))
		return true;
	return WORD_AMONG(w, "he", "she", "i", "we", "you", "they", "my", "your", "our", "who",
			  "somebody", "nobody", "his", "her", "everybody", "people") ||
	       (weigh_is_person(w) && word_has(w, LEX_PERSON));
}

/* Does a clause begin here? */
static bool is_clause(const struct scan *s, size_t i)
{
	const struct word *w = &s->words[i];
	return is_there(s, i) || gap_ends_clause(w - 1, w) ||
	       (is_comma(w - 1, w) && i + 1 < s->count && WORD_AMONG(w, "and", "but") &&
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

/* ---- stretches */

static bool is_relative(const struct word *w)
{
	return WORD_AMONG(w, "that", "who", "which", "whom", "when", "where", "while", "because",
			  "until", "though", "although", "if", "but", "for", "so", "then", "he",
			  "she", "it", "they", "i", "you", "we", "there", "what", "never");
}

/* Does a new stretch begin at word i? `noun`: the one so far has a part of the body or a garment in
 * it, of which "was" may tell: "his beard was white". */
static bool breaks(const struct scan *s, size_t from, size_t i, bool noun)
{
	const struct word *w = &s->words[i], *prev = w - 1;
	if (is_comma(prev, w) && noun && i - from < 6 && weigh_is_participle(w) &&
	    i + 1 < s->count && WORD_AMONG(w + 1, "at", "with", "in", "by"))
		return false; /* "a coat, patched at the elbows" */
	if (gap_is_mark(prev, w))
		return !(is_comma(prev, w) && weigh_is_look(prev) &&
			 (weigh_is_look(w) || (noun && i - from < 6)));
	if (is_relative(w) || s->starts[i])
		return true;
	if (is_linking(w) || is_linking(prev))
		return !noun || WORD_AMONG(w, "had", "has") || WORD_AMONG(prev, "had", "has");
	if (word_is(w, "and") && i + 2 < s->count && weigh_is_participle(w + 1) &&
	    !weigh_is_look(w + 1) &&
	    WORD_AMONG(w + 2, "at", "to", "upon", "up", "down", "out", "off", "back", "into", "him",
		       "her", "his", "them", "the", "a", "it"))
		return true; /* "long hair and looked up" */
	if (WORD_AMONG(w, "and", "or"))
		return i + 1 == s->count || is_verb(w + 1, s->words) || is_relative(w + 1) ||
		       is_linking(w + 1) || s->starts[i + 1] ||
		       WORD_AMONG(w + 1, "his", "her", "its");
	return is_verb(w, s->words) || is_verb(prev, s->words);
}

static bool is_left_waste(const struct word *w)
{
	return WORD_AMONG(w, "with", "in", "of", "by", "on", "at", "from", "to", "and", "or", "but",
			  "his", "her", "its", "all", "so", "very", "now", "then", "was", "were",
			  "is", "had", "has", "wore", "that", "which", "who", "as", "he", "she",
			  "it", "there", "for", "always", "still", "only", "also", "been", "be",
			  "too");
}

static bool is_right_waste(const struct word *w)
{
	return word_has(w, LEX_STOP) && !WORD_AMONG(w, "one", "on", "up", "off", "down", "out");
}

static void trim(struct stretch *t, const struct scan *s)
{
	t->with = WORD_AMONG(&s->words[t->from], "with", "in", "of");
	while (t->from < t->to && is_left_waste(&s->words[t->from]))
		t->from++;
	if (t->to - t->from > FACT_WORDS)
		t->to = t->from + FACT_WORDS;
	while (t->to > t->from && is_right_waste(&s->words[t->to - 1]))
		t->to--;
}

/* Of a thing only what is said of itself is a look: a predicate, or what stands close to it. */
static bool is_told(const struct scan *s, const struct stretch *t)
{
	const struct word *w = &s->words[t->from];
	if ((s->starts[t->from] && s->words[t->from].upper) || s->told[t->from] == BY_THE_WAY)
		return false;
	if (s->told[t->from] == SUBJECT && weigh_is_unit(&s->words[t->to - 1]))
		return true;
	return t->predicate || s->told[t->from] == CLOSE || t->with || weigh_is_participle(w) ||
	       (t->from && word_is(w - 1, "as"));
}

/* Of "raised her great blue eyes" the eyes. */
static void cut_deed(const struct scan *s, struct stretch *t)
{
	const struct word *first = &s->words[t->from];
	if (!weigh_is_participle(first) && !is_direction(first) &&
	    !WORD_AMONG(first, "back", "off", "again") && !(first->lex && first->lex->verb >= 40))
		return;
	for (size_t i = t->from; i + 2 < t->to; i++) {
		if (!WORD_AMONG(&s->words[i], "his", "her"))
			continue;
		for (size_t k = i + 1; k < t->to && k < i + 5 && s->words[k].joined; k++) {
			if (!weigh_is_part(&s->words[k]))
				continue;
			bool before = false; /* "hair in a rope to her waist" */
			for (size_t n = t->from; n < i; n++)
				before |=
					weigh_is_part(&s->words[n]) || weigh_is_look(&s->words[n]);
			if (!before)
				t->from = i + 1;
			return;
		}
	}
}

static void see_stretch(struct scan *s, struct stretch *t)
{
	size_t first = t->from;
	trim(t, s);
	if (t->from >= t->to)
		return;
	cut_deed(s, t);
	if ((s->starts[t->from] && s->words[t->from].upper) ||
	    (s->words[t->from].upper && !s->words[t->from].opens))
		return;
	uint32_t owner = s->owner[t->from];
	t->scene = owner == NOBODY || (is_thing(s->cast, owner) && !is_told(s, t));
	if (t->scene) {
		owner = setting(s, t->from, is_locative(s, first));
		while (t->from < t->to && is_direction(&s->words[t->from]))
			t->from++;
	}
	if (t->from == t->to)
		return;
	if (owner == NOBODY)
		return;
	uint32_t weight = weigh_stretch(s->words, t,
					owner == SOMEBODY ? ELEMENT_CHARACTER
							  : s->cast->members[owner - 1].type);
	if (weight >= LEAST_WEIGHT)
		add_fact(s, t, owner, weight);
}

static void see_stretches(struct scan *s)
{
	struct stretch t = {0};
	bool noun = false;
	size_t before = s->out->len;
	for (size_t i = 0; i < s->count; i++) {
		if (i && breaks(s, t.from, i, noun)) {
			t.to = i;
			bool linked = is_linking(&s->words[i - 1]) || is_linking(&s->words[i]);
			see_stretch(s, &t);
			bool goes_on = t.predicate && !s->starts[i] &&
				       is_comma(&s->words[i - 1], &s->words[i]);
			t = (struct stretch){.from = i, .predicate = linked || goes_on};
			noun = false;
		}
		noun |= weigh_is_part(&s->words[i]);
	}
	t.to = s->count;
	if (s->count)
		see_stretch(s, &t);
	for (size_t i = before; i < s->out->len; i++)
		s->out->facts[i].weight += 2 * (uint32_t)(s->out->len - before - 1);
}

/* ---- the whole */

/* Whom the paragraph has not named, the next one will not. */
static void forget(struct scan *s)
{
	s->paragraph = s->out->len;
	if (++s->topic_age >= TOPIC_PARAGRAPHS)
		s->topic = NOBODY;
	for (size_t k = 0; k < SLOTS_OF; k++)
		s->who[k] = s->who[k] == SOMEBODY ? NOBODY : s->who[k];
}

/* "the river" is the one that is named so, Ostrand River; and where a chapter is called "The Mill
 * at Ostrand", the mill is Ostrand. */
static uint32_t head_of(const struct cast *c, size_t unnamed)
{
	const char *noun = c->members[unnamed].name + strlen("the ");
	uint32_t found = (uint32_t)unnamed + 1;
	CLEANUP(cleanup_free) char *at = xasprintf("%s at ", noun);
	if (c->home && strcasestr(c->title, at))
		return c->home;
	for (size_t i = 0; i < c->all; i++) {
		const struct member *m = &c->members[i];
		const char *last = strrchr(m->name, ' ');
		bool often = m->sum[SIGHT_ARTICLE] * 2 >= m->sum[SIGHT_COUNT] &&
			     (m->sum[SIGHT_COUNT] >= 3 || i + 1 == c->home);
		if (m->unnamed || !is_thing(c, (uint32_t)i + 1) || !last || !often ||
		    strcasecmp(last + 1, noun) != 0)
			continue;
		if (found != unnamed + 1)
			return (uint32_t)unnamed + 1;
		found = (uint32_t)i + 1;
	}
	return found;
}

void looks_init(struct looks *l, const struct cast *cast, const struct prose *p)
{
	struct scan *s = xcalloc(1, sizeof(*s));
	s->out = l;
	s->cast = cast;
	s->prose = p;
	s->same = xcalloc(cast->all + 1, sizeof(*s->same));
	for (size_t i = 0; i < cast->all; i++)
		s->same[i] = cast->members[i].unnamed ? head_of(cast, i) : (uint32_t)i + 1;
	for (size_t i = 0; p->listed && i < p->count; i++) {
		s->sentence = &p->sentences[i];
		s->count = prose_words(s->words, p, s->sentence);
		if (s->sentence->after_break)
			s->topic = NOBODY; /* people go on */
		s->thing_age++;
		if (s->sentence->opens_paragraph)
			forget(s);
		find_owners(s, (uint32_t)i);
		find_scenery(s);
		if (!is_spoken(s->sentence))
			see_stretches(s);
	}
	free(s->same);
	free(s);
	looks_sort(l);
}
