/* SPDX-License-Identifier: MIT */
#include "analyst_looks.h"
#include "analyst_names.h"

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
	FACTS_A_MEMBER = 20,
	FACTS_MAX = 1 << 16,
	TOPIC_PARAGRAPHS = 3,
	LEAST_WEIGHT = 4
};

#define NOBODY 0u
#define SOMEBODY UINT32_MAX /* who may be named later */

enum slot { SLOT_MALE, SLOT_FEMALE, SLOT_THING, SLOTS_OF };

struct scan {
	struct looks *out;
	const struct cast *cast;
	const struct prose *prose;
	size_t mention;		/* the next one */
	size_t paragraph;	/* its first fact */
	uint32_t who[SLOTS_OF]; /* member + 1 */
	uint32_t topic;		/* the place where it happens */
	uint32_t topic_age;	/* in paragraphs */
	/* of the sentence: */
	const struct sentence *sentence;
	struct word words[SENTENCE_WORDS];
	uint32_t owner[SENTENCE_WORDS]; /* whom a fact here is about: member + 1, or NOBODY */
	bool starts[SENTENCE_WORDS];	/* a name begins here that owns nothing */
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

static void remember(struct scan *s, uint32_t m)
{
	const struct member *who = &s->cast->members[m - 1];
	uint32_t male = who->sum[SIGHT_MALE], female = who->sum[SIGHT_FEMALE];
	bool thing = who->type == ELEMENT_PLACE || who->type == ELEMENT_ITEM;
	if (!thing && male >= female)
		s->who[SLOT_MALE] = m;
	if (!thing && female >= male)
		s->who[SLOT_FEMALE] = m;
	if (who->type != ELEMENT_CHARACTER)
		s->who[SLOT_THING] = m;
	if (who->type == ELEMENT_PLACE || (thing && !who->unnamed)) {
		s->topic = m;
		s->topic_age = 0;
	}
}

static bool is_preposition(const struct word *w)
{
	return WORD_AMONG(w, "to", "at", "of", "by", "from", "for", "beside", "behind", "after",
			  "before", "like", "near", "towards", "upon", "on", "into", "in", "over",
			  "under", "above", "below", "against", "than", "with");
}

static bool is_person_noun(const struct word *w)
{
	return !w->upper && word_has(w, LEX_PERSON | LEX_CREATURE) && w->lex->noun >= 60 &&
	       !word_has(w, LEX_STOP | LEX_BODY);
}

/* A part of the body or a garment: what is told of it is told of its owner. */
static bool is_part(const struct word *w)
{
	return word_has(w, LEX_BODY | LEX_CLOTH) ||
	       WORD_AMONG(w, "eye", "eyes", "curl", "curls", "lock", "locks", "braid", "plait",
			  "plaits", "lash", "lashes", "scar", "freckles", "antlers", "plumage",
			  "complexion", "voice");
}

static bool is_look(const struct word *w)
{
	return word_has(w, LEX_COLOUR | LEX_LOOK) && !word_has(w, LEX_STOP) &&
	       !WORD_AMONG(w, "open", "opened", "closed", "shut", "longer", "little", "full");
}

/* A finite verb; behind an article or another word that describes it is none ("black curls"). */
static bool is_verb(const struct word *w, const struct word *first)
{
	if (!w->lex || w->lex->verb < 60 || w->lex->adjective >= 30 || is_look(w) || is_part(w))
		return false;
	if (w > first && w->joined &&
	    (is_look(w - 1) || word_has(w - 1, LEX_MATERIAL) ||
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
	for (size_t k = i + 1; k < s->count && k < i + 5 && !is_part(&w[k]) && !w[k].possessive;
	     k++) {
		if (is_person_noun(&w[k]))
			return &w[k];
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
	return WORD_AMONG(w, "his", "her", "its");
}

/* Whom the pronoun means; `now` if it is none. */
static uint32_t meant(const struct scan *s, const struct word *w, uint32_t now)
{
	if (WORD_AMONG(w, "he", "his", "him"))
		return s->who[SLOT_MALE];
	if (WORD_AMONG(w, "she", "her", "hers"))
		return s->who[SLOT_FEMALE];
	if (WORD_AMONG(w, "it", "its"))
		return s->who[SLOT_THING];
	if (WORD_AMONG(w, "i", "my", "me", "you", "your", "we", "our", "they", "their", "them"))
		return NOBODY;
	return now;
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

static bool is_linking(const struct word *w)
{
	return WORD_AMONG(w, "was", "were", "is", "are", "had", "has", "wore", "wears", "wearing",
			  "looked", "seemed", "have", "been", "be");
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
	return found;
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
	       w->lex->noun >= 60 && !is_part(w) && !is_person_noun(w) && !word_has(w, LEX_STOP);
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
		    is_part(&w[k - i]) || is_person_noun(&w[k - i]) || is_look(&w[k - i]))
			return false;
		if (is_linking(&w[k - i]) || is_verb(&w[k - i], s->words))
			return true;
	}
	return false;
}

static bool is_spoken(const struct sentence *s)
{
	return s->spoken * 2u > s->end - s->start;
}

/* A name or pronoun that begins a clause is who it is about; one that owns something within it,
 * only as far as the next mark: "her arms were as thick as Ida's, and ...". */
static void find_owners(struct scan *s, uint32_t number)
{
	uint32_t now = s->topic, back = NOBODY;
	bool lent = false, spoken = is_spoken(s->sentence);
	for (size_t i = 0; i < s->count; i++) {
		const struct word *w = &s->words[i];
		size_t last = i;
		bool mark = i == 0 || gap_is_mark(w - 1, w);
		if (mark && lent)
			now = back;
		lent = lent && !mark;
		uint32_t named = named_at(s, &last, i, number);
		if (named && s->cast->members[named - 1].unnamed && !mark && !is_linking(w - 1))
			named = NOBODY; /* a thing by the way */
		bool owns = named ? last < s->count && s->words[last].possessive : is_owning(w);
		bool object = i && !mark &&
			      (is_preposition(w - 1) ||
			       (named && !is_linking(w - 1) && w[-1].lex && w[-1].lex->verb >= 50 &&
				!word_has(w - 1, LEX_SPEECH)));
		uint32_t who = named ? named : meant(s, w, now);
		const struct word *other = named || spoken ? NULL : newcomer(s, i);
		s->starts[i] = named && !owns;
		if (named)
			recognise(s, i, named);
		if (other && is_other(s, i)) {
			meet(s, other);
			who = SOMEBODY;
		} else if ((owns || object) && now && !mark && !lent && who != now) {
			back = now;
			lent = true;
		}
		if (is_linking(w) && i && is_thing_before(s, i, now))
			who = NOBODY;
		if (mark && !named && is_scenery(s, i))
			who = s->topic;
		now = who;
		if (named && (!(owns || object) || mark || !is_rival(s, named, lent ? back : now)))
			remember(s, named);
		s->owner[i] = now;
	}
}

/* ---- stretches */

static bool is_relative(const struct word *w)
{
	return WORD_AMONG(w, "that", "who", "which", "whom", "when", "where", "while", "because",
			  "until", "though", "although", "if", "but", "for", "so", "then", "he",
			  "she", "it", "they", "i", "you", "we", "there", "what", "never");
}

static bool is_comma(const struct word *before, const struct word *w)
{
	return w->s - (before->s + before->len) == 2 && !memcmp(before->s + before->len, ", ", 2);
}

static uint32_t noun_kinds(enum element_type t)
{
	return t == ELEMENT_CHARACTER ? LEX_BODY | LEX_CLOTH | LEX_PERSON
	       : t == ELEMENT_CREATURE
		       ? LEX_BODY | LEX_CLOTH | LEX_CREATURE
		       : LEX_LAND | LEX_BUILDING | LEX_MATERIAL | LEX_LIGHT | LEX_PLANT | LEX_SITE |
				 LEX_ITEM | LEX_VEHICLE | LEX_CLOTH;
}

/* Does a new stretch begin at word i? `noun`: the one so far has a part of the body or a garment in
 * it, of which "was" may tell: "his beard was white". */
static bool breaks(const struct scan *s, size_t from, size_t i, bool noun)
{
	const struct word *w = &s->words[i], *prev = w - 1;
	if (gap_is_mark(prev, w))
		return !(is_comma(prev, w) && is_look(prev) &&
			 (is_look(w) || (noun && i - from < 6)));
	if (is_relative(w) || s->starts[i])
		return true;
	if (is_linking(w) || is_linking(prev))
		return !noun || WORD_AMONG(w, "had", "has") || WORD_AMONG(prev, "had", "has");
	if (WORD_AMONG(w, "and", "or"))
		return i + 1 == s->count || is_verb(w + 1, s->words) || is_relative(w + 1) ||
		       is_linking(w + 1) || s->starts[i + 1] ||
		       WORD_AMONG(w + 1, "his", "her", "its");
	return is_verb(w, s->words) || is_verb(prev, s->words);
}

struct stretch {
	size_t from, to; /* words, the last one not in it */
	bool predicate;	 /* behind "was", "wore" */
	bool with;
};

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

static bool is_age(const struct word *w)
{
	return WORD_AMONG(w, "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen",
			  "sixteen", "seventeen", "eighteen", "nineteen", "twenty", "thirty",
			  "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "aged");
}

static bool is_number(const struct word *w)
{
	return is_age(w) || WORD_AMONG(w, "two", "three", "four", "five", "six", "seven", "eight",
				       "nine", "hundred", "hundreds", "thousand", "thousands");
}

static bool is_unit(const struct word *w)
{
	return WORD_AMONG(w, "miles", "fathoms", "feet", "yards", "leagues", "paces", "steps",
			  "storeys", "tons");
}

/* How much is to be seen in it of one of that type; 0: nothing. */
static uint32_t weigh(const struct scan *s, const struct stretch *t, enum element_type type)
{
	uint32_t looks = 0, nouns = 0, colours = 0, materials = 0, persons = 0, ages = 0;
	uint32_t kinds = noun_kinds(type);
	uint32_t parts = 0, numbers = 0, units = 0;
	bool being = type == ELEMENT_CHARACTER || type == ELEMENT_CREATURE;
	for (size_t i = t->from; i < t->to; i++) {
		const struct word *w = &s->words[i];
		if (WORD_AMONG(w, "you", "your", "i", "my"))
			return 0;
		colours += word_has(w, LEX_COLOUR);
		looks += is_look(w);
		materials += word_has(w, LEX_MATERIAL);
		persons += is_person_noun(w);
		parts += is_part(w);
		nouns += (word_has(w, kinds) || is_part(w)) && !is_person_noun(w) &&
			 !word_has(w, LEX_STOP);
		ages += is_age(w);
		numbers += is_number(w);
		units += is_unit(w);
	}
	bool told = t->predicate || t->with;
	bool looked =
		being ? (nouns && looks + materials) || (t->predicate && looks + ages + persons) ||
				(told && ages && t->to - t->from < 4)
		      : (nouns && (told || looks + materials + colours + numbers)) ||
				(looks + materials + colours && (told || t->to - t->from >= 3)) ||
				(numbers && units);
	if (!looked)
		return 0;
	if (being && t->to - t->from == 1 && !ages && !colours)
		return 0; /* "wet": of the moment */
	return 1 + 3 * colours + 2 * looks + 2 * nouns + 2 * materials + 4 * (ages && told) +
	       2 * told + persons + parts + (being ? 0 : numbers + 2 * units);
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

static void see_stretch(struct scan *s, struct stretch *t)
{
	trim(t, s);
	if (t->from >= t->to)
		return;
	uint32_t owner = s->owner[t->from] ? s->owner[t->from] : s->topic;
	if (owner == NOBODY)
		return;
	uint32_t weight = weigh(
		s, t, owner == SOMEBODY ? ELEMENT_CHARACTER : s->cast->members[owner - 1].type);
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
		noun |= is_part(&s->words[i]);
	}
	t.to = s->count;
	if (s->count)
		see_stretch(s, &t);
	for (size_t i = before; i < s->out->len; i++)
		s->out->facts[i].weight += 2 * (uint32_t)(s->out->len - before - 1);
}

/* ---- the whole */

static int compare_facts(const void *a, const void *b)
{
	const struct fact *x = a, *y = b;
	if (x->member != y->member)
		return x->member < y->member ? -1 : 1;
	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

/* Whom the paragraph has not named, the next one will not. */
static void forget(struct scan *s)
{
	s->paragraph = s->out->len;
	if (++s->topic_age > TOPIC_PARAGRAPHS)
		s->topic = NOBODY;
	for (size_t k = 0; k < SLOTS_OF; k++)
		s->who[k] = s->who[k] == SOMEBODY ? NOBODY : s->who[k];
}

void looks_init(struct looks *l, const struct cast *cast, const struct prose *p)
{
	struct scan *s = xcalloc(1, sizeof(*s));
	s->out = l;
	s->cast = cast;
	s->prose = p;
	for (size_t i = 0; p->listed && i < p->count; i++) {
		s->sentence = &p->sentences[i];
		s->count = prose_words(s->words, p, s->sentence);
		if (s->sentence->after_break)
			s->topic = NOBODY; /* people go on */
		if (s->sentence->opens_paragraph)
			forget(s);
		find_owners(s, (uint32_t)i);
		if (!is_spoken(s->sentence))
			see_stretches(s);
	}
	free(s);
	if (l->len)
		qsort(l->facts, l->len, sizeof(*l->facts), compare_facts);
}

void looks_finish(struct looks *l)
{
	free(l->facts);
}

static int compare_starts(const void *a, const void *b)
{
	const struct fact *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

/* The first fact of the member or of a later one. */
static size_t find_facts(const struct looks *l, size_t member)
{
	size_t low = 0, high = l->len;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (l->facts[mid].member < member)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

size_t looks_count(const struct looks *l, size_t member)
{
	return find_facts(l, member + 1) - find_facts(l, member);
}

void looks_renumber(struct looks *l, const uint32_t *to)
{
	while (l->len && l->facts[l->len - 1].member == SOMEBODY - 1)
		l->len--; /* nobody has named him */
	for (size_t i = 0; i < l->len; i++)
		l->facts[i].member = to[l->facts[i].member];
	if (l->len)
		qsort(l->facts, l->len, sizeof(*l->facts), compare_facts);
}

void looks_put(struct element *e, const struct looks *l, size_t member, const struct prose *p)
{
	struct fact best[FACTS_A_MEMBER];
	size_t from = find_facts(l, member), count = looks_count(l, member);
	count = count < FACTS_A_MEMBER ? count : FACTS_A_MEMBER;
	if (!count)
		return;
	memcpy(best, l->facts + from, count * sizeof(*best));
	qsort(best, count, sizeof(*best), compare_starts);
	for (size_t i = 0; i < count; i++) {
		struct quote *q = element_add_look(e);
		free(q->text);
		q->offset = best[i].start;
		q->len = best[i].end - best[i].start;
		q->text = xstrndup(p->text + q->offset, q->len);
	}
}
