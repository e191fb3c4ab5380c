/* SPDX-License-Identifier: MIT */
#include "analyst_phrase.h"

#include <string.h>

enum { CLAUSE_WORDS = 12 };

/* ---- tags */

static bool is_word(const struct word *w, const char *what)
{
	return (w->s[0] | 32) == what[0] && w->len == strlen(what) &&
	       !strncmp(w->s + 1, what + 1, w->len - 1u);
}

/* Words of grammar whose part the lexicon does not tell. */
static const struct {
	const char *word;
	enum tag tag;
} grammar[] = {
	{"i", TAG_PRONOUN},	   {"he", TAG_PRONOUN},	      {"she", TAG_PRONOUN},
	{"him", TAG_OBJECT},	   {"me", TAG_OBJECT},	      {"it", TAG_OBJECT},
	{"them", TAG_OBJECT},	   {"her", TAG_DETERMINER},   {"was", TAG_BE},
	{"were", TAG_BE},	   {"had", TAG_HAD},	      {"and", TAG_AND},
	{"up", TAG_PARTICLE},	   {"down", TAG_PARTICLE},    {"out", TAG_PARTICLE},
	{"away", TAG_PARTICLE},	   {"back", TAG_PARTICLE},    {"off", TAG_PARTICLE},
	{"forward", TAG_PARTICLE}, {"aside", TAG_PARTICLE},   {"there", TAG_OTHER},
	{"one", TAG_NUMBER},	   {"two", TAG_NUMBER},	      {"three", TAG_NUMBER},
	{"four", TAG_NUMBER},	   {"five", TAG_NUMBER},      {"six", TAG_NUMBER},
	{"seven", TAG_NUMBER},	   {"eight", TAG_NUMBER},     {"nine", TAG_NUMBER},
	{"ten", TAG_NUMBER},	   {"dozen", TAG_NUMBER},     {"hundred", TAG_NUMBER},
	{"several", TAG_NUMBER},   {"few", TAG_NUMBER},	      {"many", TAG_NUMBER},
	{"which", TAG_LINK},	   {"who", TAG_LINK},	      {"whom", TAG_LINK},
	{"whose", TAG_LINK},	   {"when", TAG_LINK},	      {"where", TAG_LINK},
	{"while", TAG_LINK},	   {"as", TAG_LINK},	      {"that", TAG_LINK},
	{"but", TAG_LINK},	   {"if", TAG_LINK},	      {"though", TAG_LINK},
	{"because", TAG_LINK},	   {"so", TAG_LINK},	      {"than", TAG_LINK},
	{"until", TAG_LINK},	   {"till", TAG_LINK},	      {"for", TAG_PREPOSITION},
	{"or", TAG_LINK},	   {"like", TAG_PREPOSITION}, {"not", TAG_OTHER},
	{"did", TAG_OTHER},	   {"done", TAG_OTHER},	      {"been", TAG_OTHER},
	{"to", TAG_PREPOSITION},   {"same", TAG_FILLER},      {"other", TAG_FILLER},
	{"made", TAG_LINK},	   {"took", TAG_LINK},	      {"went", TAG_LINK},
	{"came", TAG_LINK},	   {"got", TAG_LINK},	      {"let", TAG_LINK},
	{"what", TAG_LINK},	   {"own", TAG_FILLER},	      {"very", TAG_FILLER},
};

/* "taken" and "gone" are no past tense, "ran" and "won" are. */
static bool is_participle(const struct word *w)
{
	static const char *const pasts[] = {"ran", "began", "won", "spun"};
	static const char *const participles[] = {"gone", "done",  "sung", "drunk",
						  "sunk", "begun", "come", "become"};
	for (size_t i = 0; i < ARRAY_LEN(pasts); i++) {
		if (is_word(w, pasts[i]))
			return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(participles); i++) {
		if (is_word(w, participles[i]))
			return true;
	}
	return w->s[w->len - 1] == 'n';
}

static bool ends_with(const struct word *w, const char *ending)
{
	size_t len = strlen(ending);
	return w->len > len && !memcmp(w->s + w->len - len, ending, len);
}

static bool is_base(const struct word *w)
{
	return is_word(w, w->lex->word);
}

/* "Flats" and "knuckles" are several, "glass" and "iris" are one. */
static bool is_plural(const struct word *w)
{
	static const char *const always[] = {"clothes", "people", "cattle", "police", "folk"};
	for (size_t i = 0; i < ARRAY_LEN(always); i++) {
		if (is_word(w, always[i]))
			return true;
	}
	if (!ends_with(w, "s") || ends_with(w, "ss") || ends_with(w, "us") || ends_with(w, "is"))
		return false;
	const struct lexeme *one = lexicon_find(w->s, w->len - 1u);
	return !is_base(w) || (one && one->noun >= 5);
}

/* The tag of a form that is not the base: stood, walked, knives, walking, darker. */
static enum tag tag_form(struct token *t, enum tag before)
{
	const struct word *w = t->word;
	const struct lexeme *form = lexicon_find_exact(w->s, w->len);
	if (form && form->base && form->verb > form->noun)
		return is_participle(w) ? TAG_PARTICIPLE : TAG_PAST;
	if (ends_with(w, "ing"))
		return TAG_ING;
	if (ends_with(w, "ly"))
		return TAG_ADVERB;
	if (ends_with(w, "ed") && w->lex->verb)
		return TAG_PAST;
	/* "The sun beats": a verb, where a noun stands before it. */
	if (ends_with(w, "s") && before == TAG_NOUN && w->lex->verb > w->lex->noun)
		return TAG_OTHER;
	if (w->lex->adjective > 50 && !(ends_with(w, "s") && w->lex->noun))
		return TAG_ADJECTIVE;
	t->plural = w->lex->noun > 0;
	return t->plural ? TAG_NOUN : TAG_OTHER;
}

static enum tag tag_open(struct token *t, enum tag before)
{
	const uint32_t looks = LEX_COLOUR | LEX_LOOK | LEX_MATERIAL;
	const struct word *w = t->word;
	bool named = before == TAG_DETERMINER || before == TAG_ADJECTIVE || before == TAG_NUMBER;
	if (!w->lex)
		return w->upper ? TAG_NAME : ends_with(w, "ly") ? TAG_ADVERB : TAG_OTHER;
	if (w->upper && !w->opens)
		return TAG_NAME;
	if (is_word(w, "lay") &&
	    (before == TAG_NOUN || before == TAG_NAME || before == TAG_PRONOUN))
		return TAG_PAST;
	if (!is_base(w))
		return tag_form(t, before);
	if (ends_with(w, "ly") && w->lex->adjective < 50)
		return TAG_ADVERB;
	if (w->lex->adjective >= 50 || (w->kinds & looks && w->lex->adjective >= 20))
		return TAG_ADJECTIVE;
	if (w->lex->noun < 50 && !(named && w->lex->noun >= 15))
		return TAG_OTHER;
	t->plural = is_plural(w);
	return TAG_NOUN;
}

static enum tag tag_word(struct token *t, enum tag before)
{
	const struct word *w = t->word;
	for (size_t i = 0; i < ARRAY_LEN(grammar); i++) {
		if (is_word(w, grammar[i].word))
			return grammar[i].tag;
	}
	if (w->kinds & LEX_STOP) {
		if (w->kinds & LEX_DETERMINER)
			return TAG_DETERMINER;
		if (w->kinds & LEX_PREPOSITION)
			return TAG_PREPOSITION;
		return w->upper && w->kinds & LEX_TITLE ? TAG_NAME : TAG_OTHER;
	}
	return tag_open(t, before);
}

void phrase_tag(struct token *tokens, const struct word *words, size_t count)
{
	enum tag before = TAG_OTHER;
	for (size_t i = 0; i < count; i++) {
		const struct word *w = &words[i];
		struct token *t = &tokens[i];
		*t = (struct token){.word = w};
		t->hyphen = i && w->s - (w[-1].s + w[-1].len) == 1 && w->s[-1] == '-';
		/* "Mr. Hart" is joined, and "the dog's ear". */
		bool titled = i && w[-1].kinds & LEX_ABBR && w->s - (w[-1].s + w[-1].len) == 2;
		t->cut = !i || (!w->joined && !t->hyphen && !titled);
		t->tag = (uint8_t)tag_word(t, t->cut ? TAG_OTHER : before);
		before = (enum tag)t->tag;
	}
}

/* ---- noun phrases */

static bool may_precede_noun(const struct token *t)
{
	return t->tag == TAG_ADJECTIVE || t->tag == TAG_NOUN || t->tag == TAG_NUMBER ||
	       t->tag == TAG_FILLER || t->tag == TAG_ING || t->tag == TAG_PARTICIPLE ||
	       t->tag == TAG_PAST;
}

static size_t name_length(const struct token *t, size_t count, size_t i)
{
	size_t n = 0;
	while (i + n < count && t[i + n].tag == TAG_NAME && (n == 0 || !t[i + n].cut)) {
		n++;
		if (t[i + n - 1].word->possessive)
			break;
	}
	return n;
}

/* "old and beautiful", before a noun. */
static bool is_joined_look(const struct token *t, size_t count, size_t k)
{
	return k + 2 < count && t[k].tag == TAG_AND && !t[k].cut && !t[k + 1].cut &&
	       t[k - 1].tag == TAG_ADJECTIVE && t[k + 1].tag == TAG_ADJECTIVE &&
	       (t[k + 2].tag == TAG_NOUN || t[k + 2].tag == TAG_ADJECTIVE) && !t[k + 2].cut;
}

/* Looks and nouns from k on; the last noun is the head, SIZE_MAX if there is none. */
static size_t find_head(const struct token *t, size_t count, size_t i, size_t k)
{
	size_t head = SIZE_MAX;
	for (; k < count && (k == i || !t[k].cut); k++) {
		/* A verb form is part of it only between the article and the noun. */
		bool verbal =
			t[k].tag == TAG_ING || t[k].tag == TAG_PAST || t[k].tag == TAG_PARTICIPLE;
		if (k > i && head == SIZE_MAX && is_joined_look(t, count, k))
			continue;
		if (!may_precede_noun(&t[k]) || (verbal && (head != SIZE_MAX || k == i)))
			break;
		if (t[k].tag != TAG_NOUN)
			continue;
		head = k;
		if (t[k].plural)
			break;
	}
	return head;
}

/* Without "of". A possessive name before the noun is a determiner. */
static struct phrase plain_noun(const struct token *t, size_t count, size_t i)
{
	size_t names = name_length(t, count, i), k = i + names;
	if (names && !t[k - 1].word->possessive)
		return (struct phrase){(uint16_t)i, (uint16_t)names, (uint16_t)(k - 1)};
	if (!names && t[k].tag == TAG_DETERMINER) {
		k++;
		names = k < count && !t[k].cut ? name_length(t, count, k) : 0;
		if (names && !t[k + names - 1].word->possessive)
			return (struct phrase){(uint16_t)i, (uint16_t)(names + 1),
					       (uint16_t)(k + names - 1)};
		k += names;
	}
	size_t head = find_head(t, count, i, k);
	if (head == SIZE_MAX)
		return (struct phrase){.first = (uint16_t)i};
	return (struct phrase){(uint16_t)i, (uint16_t)(head + 1 - i), (uint16_t)head};
}

struct phrase phrase_noun(const struct token *t, size_t count, size_t i)
{
	struct phrase p = plain_noun(t, count, i);
	size_t of = i + p.count;
	if (!p.count || of + 1 >= count || t[of].cut || t[of + 1].cut ||
	    !is_word(t[of].word, "of") || t[p.head].word->possessive)
		return p;
	struct phrase behind = plain_noun(t, count, of + 1);
	size_t end = of + 1 + behind.count;
	/* "Of a shining raven black": of what, stands farther on. */
	bool goes_on = end < count && !t[end].cut && t[end].tag == TAG_ADJECTIVE;
	if (behind.count && !t[behind.head].word->possessive && !goes_on)
		p.count = (uint16_t)(p.count + 1 + behind.count);
	return p;
}

/* ---- clauses */

/* Behind "and" a clause begins, or the rest of "mauve and purple blossoms". */
static bool continues(const struct token *t, size_t i)
{
	if (i < 2 || t[i - 1].tag != TAG_AND || t[i - 1].cut)
		return false;
	return t[i - 2].tag == TAG_ADJECTIVE ||
	       (t[i].tag != TAG_DETERMINER && t[i].tag != TAG_PRONOUN && t[i - 2].tag != TAG_PAST);
}

static bool is_clause_start(const struct token *t, size_t i)
{
	if (continues(t, i))
		return false;
	return t[i].cut || t[i - 1].tag == TAG_AND || is_word(t[i - 1].word, "while") ||
	       is_word(t[i - 1].word, "when") || is_word(t[i - 1].word, "where") ||
	       is_word(t[i - 1].word, "but") || is_word(t[i - 1].word, "then");
}

static bool has_verb(const struct token *t, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		if (t[i].tag == TAG_PAST || t[i].tag == TAG_BE || t[i].tag == TAG_HAD)
			return true;
	}
	return false;
}

/* Where the clause's words end: at punctuation, at another clause, or at too many words. */
static size_t clause_reach(const struct token *t, size_t count, size_t verb)
{
	size_t end = verb + 1;
	while (end < count && !t[end].cut && t[end].tag != TAG_LINK)
		end++;
	for (size_t i = verb + 1; i < end; i++) {
		if (t[i].tag == TAG_AND && (has_verb(t, i, end) || i + 1 == end))
			end = i;
	}
	return end;
}

static bool may_end(const struct token *t)
{
	return t->tag == TAG_NOUN || t->tag == TAG_NAME || t->tag == TAG_OBJECT ||
	       t->tag == TAG_PARTICLE || t->tag == TAG_ADJECTIVE || t->tag == TAG_ADVERB;
}

/* Cuts what is too long before a preposition, and what cannot stand last. */
static size_t trim_clause(const struct token *t, size_t count, size_t verb, size_t end)
{
	size_t most = verb + CLAUSE_WORDS;
	while (end > verb + 1 &&
	       (end > most || !may_end(&t[end - 1]) || t[end - 1].word->possessive ||
		(end < count && !t[end].cut && is_word(t[end].word, "of")) ||
		(end < count && !t[end].cut && t[end].tag != TAG_PREPOSITION &&
		 t[end].tag != TAG_LINK && t[end].tag != TAG_AND && t[end].tag != TAG_PARTICLE &&
		 t[end].tag != TAG_ING)))
		end--;
	return end;
}

/* "I looked round me": the narrator looks round. */
static size_t drop_self(const struct token *t, const struct clause *c)
{
	bool own = is_word(t[c->subject.first].word, "i") && c->end > c->verb + 2 &&
		   is_word(t[c->end - 1].word, "me");
	return own && t[c->end - 2].tag == TAG_PREPOSITION ? c->end - 1u : c->end;
}

static bool is_understood(const struct token *t, size_t from, size_t to)
{
	static const char *const others[] = {
		"we",	 "us",	"our",	   "you",    "your", "would", "could",	"not",
		"never", "no",	"nothing", "myself", "they", "did",   "should", "might",
		"will",	 "can", "shall",   "must",   "been", "it",    "them"};
	for (size_t i = from; i < to; i++) {
		for (size_t k = 0; k < ARRAY_LEN(others); k++) {
			if (is_word(t[i].word, others[k]))
				return false;
		}
		if (t[i].tag == TAG_PRONOUN || t[i].tag == TAG_HAD || t[i].tag == TAG_BE)
			return false;
	}
	return true;
}

/* "was standing", "was pale", "was in the hall", "were covered with moss". */
static bool is_state(const struct token *t, size_t end, size_t i)
{
	return i < end &&
	       (t[i].tag == TAG_ING || t[i].tag == TAG_ADJECTIVE || t[i].tag == TAG_PREPOSITION ||
		t[i].tag == TAG_PAST || t[i].tag == TAG_PARTICIPLE || t[i].tag == TAG_DETERMINER ||
		(t[i].tag == TAG_ADVERB && is_state(t, end, i + 1)));
}

static bool is_action(const struct token *t, size_t end, size_t verb)
{
	const uint32_t idle = LEX_ABSTRACT | LEX_SPEECH;
	const struct word *w = t[verb].word;
	bool bare = verb + 1 == end;
	if (!w->lex->verb || w->kinds & idle || w->upper)
		return false;
	if (!bare && is_word(t[verb + 1].word, "by"))
		return false;
	/* "The door barred with iron" has another verb, or none. */
	if (ends_with(w, "ed") && !(w->kinds & (LEX_MOTION | LEX_SENSE | LEX_LIGHT | LEX_WEATHER)))
		return !bare &&
		       (t[verb + 1].tag == TAG_DETERMINER || t[verb + 1].tag == TAG_OBJECT ||
			t[verb + 1].tag == TAG_PARTICLE || t[verb + 1].tag == TAG_ADVERB);
	return !bare || w->kinds & (LEX_MOTION | LEX_LIGHT | LEX_WEATHER);
}

static bool is_predicate(const struct token *t, size_t end, size_t verb)
{
	switch (t[verb].tag) {
	case TAG_BE:
		return is_state(t, end, verb + 1);
	case TAG_HAD:
		return verb + 1 < end && t[verb + 1].tag == TAG_DETERMINER;
	case TAG_PAST:
		return is_action(t, end, verb);
	default:
		return false;
	}
}

/* "He drew this forward", "to talk it | over": something is missing. */
static bool is_whole(const struct token *t, size_t count, size_t from, size_t end)
{
	bool stranded = end < count && !t[end].cut && t[end].tag == TAG_PREPOSITION &&
			(end + 1 == count || t[end + 1].cut || t[end + 1].tag == TAG_LINK ||
			 t[end + 1].tag == TAG_AND);
	for (size_t i = from; i < end; i++) {
		if (t[i].tag == TAG_DETERMINER && !is_word(t[i].word, "her") &&
		    i + plain_noun(t, end, i).count < i + 2)
			return false;
	}
	return !stranded;
}

/* Has the head a body, or is it light or weather? Ideas do not act in a picture. */
static bool is_visible(const struct token *head)
{
	const uint32_t kinds = LEX_PERSON | LEX_CREATURE | LEX_LAND | LEX_PLANT | LEX_BODY |
			       LEX_ITEM | LEX_VEHICLE | LEX_BUILDING | LEX_SITE | LEX_LIGHT |
			       LEX_WEATHER | LEX_CLOTH | LEX_GROUP | LEX_MATERIAL | LEX_COLOUR |
			       LEX_FOOD;
	return head->tag == TAG_NAME || head->word->kinds & kinds;
}

bool phrase_clause(struct clause *out, const struct token *t, size_t count, size_t i)
{
	struct clause c = {0};
	if (!is_clause_start(t, i))
		return false;
	c.subject = t[i].tag == TAG_PRONOUN ? (struct phrase){(uint16_t)i, 1, (uint16_t)i}
					    : phrase_noun(t, count, i);
	size_t verb = i + c.subject.count;
	if (!c.subject.count || (t[i].tag != TAG_PRONOUN && !is_visible(&t[c.subject.head])))
		return false;
	if (t[c.subject.head].word->possessive)
		return false;
	if (verb < count && t[verb].tag == TAG_ADVERB && !t[verb].cut) {
		c.adverb = 1;
		verb++;
	}
	if (verb >= count || t[verb].cut)
		return false;
	c.verb = (uint16_t)verb;
	c.end = (uint16_t)trim_clause(t, count, verb, clause_reach(t, count, verb));
	c.end = (uint16_t)drop_self(t, &c);
	if (!is_predicate(t, c.end, verb) || !is_understood(t, verb + 1, c.end) ||
	    !is_whole(t, count, verb + 1, c.end) ||
	    has_verb(t, c.end, c.end + 1u < count ? c.end + 1u : count))
		return false;
	*out = c;
	return true;
}

/* ---- the present tense */

void phrase_present(struct buf *out, const struct token *verb, bool plural)
{
	const char *base = is_word(verb->word, "lay") ? "lie" : verb->word->lex->word;
	size_t len = strlen(base);
	if (verb->tag == TAG_BE || verb->tag == TAG_HAD) {
		buf_adds(out, verb->tag == TAG_BE ? plural ? "are" : "is"
			      : plural		  ? "have"
						  : "has");
		return;
	}
	char last = base[len - 1], before = len > 1 ? base[len - 2] : 'a';
	bool vowel = strchr("aeiou", before) != NULL;
	if (plural)
		buf_adds(out, base);
	else if (last == 'y' && !vowel)
		buf_addf(out, "%.*sies", (int)len - 1, base);
	else if (strchr("sxzo", last) || (last == 'h' && strchr("cs", before)))
		buf_addf(out, "%ses", base);
	else
		buf_addf(out, "%ss", base);
}
