/* SPDX-License-Identifier: MIT */
#include "analyst_phrase.h"

#include <stdio.h>
#include <string.h>

/*
 * A scene's description, as one would tell it to somebody who is to draw it: where and in which
 * light, who does what, and what else must be in the picture. Its facts are the passage's; its
 * order and tense are its own. Of the passage's sentences only clauses are used that the little
 * grammar understands, said in the present; the rest gives things.
 */

enum {
	BRIEF_WORDS = 60,
	SHARED_WORDS = 12, /* in a row, with the quote */
	CLAUSES = 3,
	THINGS = 4,
	PIECES_MAX = 64,
	SENTENCES_MAX = 8,
	NAMES_SHOWN = 3,
	HEADS = 6,
	LEAST_CLAUSE = 8, /* what shows less is not worth its words */
	FIRST_CLAUSE = 5, /* but better than none */
	LEAST_THING = 3,
	ARTICLE_SENTENCES = 40, /* enough to tell how somebody is called */
};

struct line { /* a sentence of the passage */
	struct word words[SENTENCE_WORDS];
	struct token tokens[SENTENCE_WORDS];
	size_t count, number;
};

struct piece { /* of the description: a clause, a thing, a place */
	const struct line *line;
	struct clause clause; /* of a thing only the subject */
	int score;
	const struct lexeme *heads[HEADS];
	size_t head_count;
};

struct pieces {
	struct piece items[PIECES_MAX];
	size_t len;
};

struct brief {
	const struct air *air;
	const struct cast *cast;
	const struct prose *prose;
	struct pieces clauses, things, places;
	size_t lines, variant;
	struct line line[SENTENCES_MAX];
	bool man, woman; /* somebody was named whom "he" and "she" can mean */
};

/* ---- pieces */

static bool is_word(const struct word *w, const char *what)
{
	return (w->s[0] | 32) == what[0] && w->len == strlen(what) &&
	       !strncmp(w->s + 1, what + 1, w->len - 1u);
}

static int weigh_kinds(uint32_t kinds)
{
	static const struct {
		uint32_t kinds;
		int weight;
	} weights[] = {
		{LEX_STOP, 0},
		{LEX_COLOUR | LEX_LIGHT | LEX_WEATHER, 5},
		{LEX_LOOK | LEX_MATERIAL | LEX_CLOTH | LEX_CREATURE | LEX_PERSON | LEX_VEHICLE, 4},
		{LEX_LAND | LEX_BUILDING | LEX_ITEM | LEX_PLANT | LEX_MOTION | LEX_SITE, 3},
		{LEX_BODY, 2},
		{LEX_ABSTRACT, -3},
	};
	for (size_t i = 0; i < ARRAY_LEN(weights); i++) {
		if (kinds & weights[i].kinds)
			return weights[i].weight;
	}
	return 1;
}

static void fill_piece(struct piece *s, size_t from, size_t to)
{
	const struct token *t = s->line->tokens;
	for (size_t i = from; i < to; i++) {
		s->score += weigh_kinds(t[i].word->kinds);
		if ((t[i].tag == TAG_NOUN || t[i].tag == TAG_NAME) && t[i].word->lex &&
		    s->head_count < HEADS)
			s->heads[s->head_count++] = t[i].word->lex;
	}
}

static struct piece *add_piece(struct pieces *list, const struct line *l, const struct clause *c)
{
	if (list->len == PIECES_MAX)
		return NULL;
	struct piece *s = &list->items[list->len++];
	*s = (struct piece){.line = l, .clause = *c};
	return s;
}

/* "I saw before me the ...": whose "me" would need another word than the narrator's. */
static bool is_about_self(const struct token *t, const struct clause *c)
{
	bool self = false;
	for (size_t i = c->verb; i < c->end; i++)
		self |= is_word(t[i].word, "me");
	return self && is_word(t[c->subject.first].word, "i");
}

/* Somebody who does something makes the picture. */
static void add_clause(struct brief *b, const struct line *l, const struct clause *c)
{
	const uint32_t beings = LEX_PERSON | LEX_CREATURE | LEX_GROUP;
	const struct token *head = &l->tokens[c->subject.head];
	struct piece *s = is_about_self(l->tokens, c) ? NULL : add_piece(&b->clauses, l, c);
	if (!s)
		return;
	fill_piece(s, c->subject.first, c->end);
	s->score = s->score * 12 / (c->end - c->subject.first + 4);
	if (head->tag == TAG_NAME || head->tag == TAG_PRONOUN || head->word->kinds & beings)
		s->score += 5;
	if (l->tokens[c->verb].tag == TAG_BE || l->tokens[c->verb].tag == TAG_HAD)
		s->score -= s->score / 4;
}

static bool stands_alone(const struct token *t, const struct phrase *p)
{
	static const char *const others[] = {"its",   "their", "our",  "your",	  "any",
					     "every", "no",    "each", "another", "some"};
	const uint32_t masses = LEX_LIGHT | LEX_WEATHER | LEX_MATERIAL;
	const struct token *first = &t[p->first], *head = &t[p->head];
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		if (is_word(first->word, others[i]))
			return false;
	}
	bool verbal =
		first->word->len > 4 && !memcmp(first->word->s + first->word->len - 3, "ing", 3);
	if (head->word->possessive || head->tag == TAG_NAME || verbal)
		return false;
	if (first->tag == TAG_DETERMINER || first->tag == TAG_NUMBER || first->word->possessive)
		return true;
	return p->count > 1 && (head->plural || head->word->kinds & masses);
}

/* An hour is no thing, and bare light is said already. */
static bool is_air(const struct token *head, const struct phrase *p)
{
	const struct lexeme *l = head->word->lex;
	return (l->light >= LIGHT_DAWN && l->light <= LIGHT_NIGHT) ||
	       (l->kinds & LEX_LIGHT && p->count < 3);
}

static bool is_shown(const struct token *head)
{
	const uint32_t kinds = LEX_PERSON | LEX_CREATURE | LEX_LAND | LEX_PLANT | LEX_BODY |
			       LEX_ITEM | LEX_VEHICLE | LEX_BUILDING | LEX_SITE | LEX_LIGHT |
			       LEX_WEATHER | LEX_CLOTH | LEX_GROUP | LEX_MATERIAL | LEX_FOOD;
	return head->word->kinds & kinds && !(head->word->kinds & (LEX_STOP | LEX_ABSTRACT));
}

static bool is_setting(const struct token *head)
{
	const struct lexeme *l = head->word->lex;
	return l && !(l->kinds & LEX_STOP) &&
	       (l->ground_weight > 1 || (!l->ground && l->kinds & LEX_SITE));
}

/* "The valley of the Thames" is a place, "a stream of fire" is none; and "his room" is whose? */
static bool is_place(const struct line *l, const struct phrase *p)
{
	const struct token *t = l->tokens;
	size_t last = (size_t)p->first + p->count - 1;
	if (!is_setting(&t[p->head]) || t[p->first].word->possessive ||
	    is_word(t[p->first].word, "my") || is_word(t[p->first].word, "his") ||
	    is_word(t[p->first].word, "her"))
		return false;
	return last == p->head || t[last].tag == TAG_NAME || is_setting(&t[last]) ||
	       t[last].word->kinds & (LEX_PLANT | LEX_BUILDING | LEX_LAND);
}

static void add_thing(struct brief *b, const struct line *l, const struct phrase *p)
{
	const struct clause c = {.subject = *p};
	const struct token *head = &l->tokens[p->head];
	bool place = is_place(l, p);
	struct piece *s = add_piece(place ? &b->places : &b->things, l, &c);
	if (!s)
		return;
	fill_piece(s, p->first, (size_t)p->first + p->count);
	if (place && head->word->lex->ground && head->word->lex->ground == b->air->ground)
		s->score += 6;
	if (place && p->first && l->tokens[p->first - 1].tag == TAG_PREPOSITION)
		s->score += 2;
}

static bool is_simile(const struct token *t, size_t i)
{
	return i && !t[i].cut && (is_word(t[i - 1].word, "like") || is_word(t[i - 1].word, "as"));
}

static void read_line(struct brief *b, struct line *l)
{
	phrase_tag(l->tokens, l->words, l->count);
	for (size_t i = 0; i < l->count;) {
		struct clause c;
		if (phrase_clause(&c, l->tokens, l->count, i))
			add_clause(b, l, &c);
		struct phrase p = phrase_noun(l->tokens, l->count, i);
		size_t end = i + p.count;
		/* "A shining raven black" is no raven. */
		bool whole = end == l->count || l->tokens[end].cut ||
			     l->tokens[end].tag != TAG_ADJECTIVE;
		if (p.count && whole && !is_simile(l->tokens, i) && is_shown(&l->tokens[p.head]) &&
		    stands_alone(l->tokens, &p) && !is_air(&l->tokens[p.head], &p))
			add_thing(b, l, &p);
		i += p.count ? p.count : 1;
	}
}

/* ---- saying it */

struct saying { /* words of one line */
	struct buf *out;
	struct brief *b;
	const struct line *line;
	bool of_narrator; /* the subject is "I" */
};

/* Can this pronoun mean that one? */
static bool may_mean(const struct member *m, bool woman)
{
	uint32_t he = m->sum[SIGHT_MALE], she = m->sum[SIGHT_FEMALE];
	return m->type == ELEMENT_CHARACTER && !m->unnamed && (woman ? she >= he : he >= she);
}

/* Does the sentence call somebody "the" so and so? */
static bool has_article(const struct prose *p, size_t sentence, const char *name)
{
	const struct sentence *s = &p->sentences[sentence];
	size_t len = strlen(name);
	for (size_t i = s->start + 4; i + len <= s->end; i++) {
		const char *at = p->text + i;
		if (*at == *name && !memcmp(at, name, len) && !memcmp(at - 3, "he ", 3) &&
		    (at[-4] | 32) == 't')
			return true;
	}
	return false;
}

/* "the Grey Lady" but "Lady Grey": as the first sentences about them have it. */
static const char *article_of(const struct prose *p, const struct member *m)
{
	const struct lexeme *l = lexicon_find(m->name, strlen(m->name));
	if (l && l->noun >= 50 && l->kinds & (LEX_PERSON | LEX_CREATURE) &&
	    !(l->kinds & LEX_PROPER))
		return "the "; /* a king, a hare */
	for (size_t i = 0; i < m->count && i < ARTICLE_SENTENCES; i++) {
		if (has_article(p, m->sentences[i], m->name))
			return "the ";
	}
	return "";
}

/* The one person named in this sentence or the one before it: whom "he" or "she" means. */
static const struct member *who_is_meant(const struct brief *b, size_t sentence, bool woman)
{
	const struct member *found = NULL;
	for (size_t i = 0; i < b->cast->len; i++) {
		const struct member *m = &b->cast->members[i];
		for (size_t k = 0; k < m->count && may_mean(m, woman); k++) {
			if (m->sentences[k] + 1 != sentence && m->sentences[k] != sentence)
				continue;
			if (found && found != m)
				return NULL;
			found = m;
		}
	}
	return found;
}

enum { OF_NOBODY, OF_MAN, OF_WOMAN, OF_NARRATOR };

static const struct stand_in {
	const char *word, *first, *later;
	int who;
	bool owns;
} stand_ins[] = {
	{"my", "the narrator\xe2\x80\x99s", "the", OF_NARRATOR, true},
	{"me", "the narrator", "the narrator", OF_NARRATOR, false},
	{"i", "the narrator", "the narrator", OF_NARRATOR, false},
	{"he", "a man", "he", OF_MAN, false},
	{"his", "a man\xe2\x80\x99s", "his", OF_MAN, true},
	{"him", "a man", "him", OF_MAN, false},
	{"she", "a woman", "she", OF_WOMAN, false},
	{"her", "a woman\xe2\x80\x99s", "her", OF_WOMAN, true},
	{"this", "the", "the", OF_NOBODY, false},
	{"that", "the", "the", OF_NOBODY, false},
	{"these", "the", "the", OF_NOBODY, false},
	{"those", "the", "the", OF_NOBODY, false},
};

/* What "he", "my" and their like are to somebody who has not read what is before; the name, where
 * it is clear whose. */
static bool put_stand_in(const struct saying *y, const struct word *w)
{
	const struct stand_in *s = NULL;
	for (size_t i = 0; i < ARRAY_LEN(stand_ins) && !s; i++)
		s = is_word(w, stand_ins[i].word) ? &stand_ins[i] : NULL;
	if (!s)
		return false;
	bool narrator = y->of_narrator;
	bool *known = s->who == OF_MAN ? &y->b->man : s->who == OF_WOMAN ? &y->b->woman : &narrator;
	bool somebody = s->who == OF_MAN || s->who == OF_WOMAN;
	const struct member *m = somebody && !*known
					 ? who_is_meant(y->b, y->line->number, s->who == OF_WOMAN)
					 : NULL;
	if (m)
		buf_addf(y->out, "%s%s%s", article_of(y->b->prose, m), m->name,
			 s->owns ? "\xe2\x80\x99s" : "");
	else
		buf_adds(y->out, *known ? s->later : s->first);
	*known = true;
	return true;
}

static void put_token(const struct saying *y, size_t i)
{
	const struct token *t = &y->line->tokens[i];
	const struct word *w = t->word;
	if (t->tag == TAG_FILLER)
		return;
	if (y->out->len && !strchr("- ", y->out->data[y->out->len - 1]))
		buf_addc(y->out, t->hyphen ? '-' : ' ');
	if (put_stand_in(y, w))
		return;
	bool small = t->tag != TAG_NAME && w->upper;
	buf_addc(y->out, small ? (char)(w->s[0] + 32) : w->s[0]);
	buf_add(y->out, w->s + 1, w->len - 1u);
	if (w->kinds & LEX_ABBR && t->tag == TAG_NAME)
		buf_addc(y->out, '.');
	if (w->possessive)
		buf_adds(y->out, "\xe2\x80\x99s");
	y->b->man |= is_word(w, "man");
	y->b->woman |= is_word(w, "woman");
}

static void put_tokens(const struct saying *y, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		put_token(y, i);
}

static void put_phrase(struct buf *out, struct brief *b, const struct piece *s)
{
	const struct phrase *p = &s->clause.subject;
	const struct saying y = {out, b, s->line, false};
	put_tokens(&y, p->first, (size_t)p->first + p->count);
}

static void put_clause(struct buf *out, struct brief *b, const struct piece *s)
{
	const struct token *t = s->line->tokens;
	const struct clause *c = &s->clause;
	const struct saying y = {out, b, s->line, is_word(t[c->subject.first].word, "i")};
	put_phrase(out, b, s);
	/* Behind "the clown", "his" is the clown's. */
	if (t[c->subject.head].word->kinds & (LEX_PERSON | LEX_CREATURE) ||
	    t[c->subject.head].tag == TAG_NAME)
		b->man = b->woman = true;
	if (c->adverb)
		put_token(&y, c->verb - 1u);
	buf_addc(out, ' ');
	phrase_present(out, &t[c->verb], t[c->subject.head].plural);
	put_tokens(&y, c->verb + 1u, c->end);
}

/* ---- choosing */

static bool shares_head(const struct piece *a, const struct piece *b)
{
	for (size_t i = 0; i < a->head_count; i++) {
		for (size_t k = 0; k < b->head_count; k++) {
			if (a->heads[i] == b->heads[k])
				return true;
		}
	}
	return false;
}

static bool is_new(const struct piece *s, const struct piece *const *said, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (s == said[i] || shares_head(s, said[i]))
			return false;
	}
	return true;
}

static const struct piece *best_of(const struct pieces *list, const struct piece *const *said,
				   size_t count, int least)
{
	const struct piece *best = NULL;
	for (size_t i = 0; i < list->len; i++) {
		const struct piece *s = &list->items[i];
		if (s->score >= least && (!best || s->score > best->score) &&
		    is_new(s, said, count))
			best = s;
	}
	return best;
}

/* In the order of the text, so that "he" comes behind whom it means. */
static void insert_ordered(const struct piece **list, size_t *count, const struct piece *s)
{
	size_t at = (*count)++;
	for (; at && list[at - 1] > s; at--)
		list[at] = list[at - 1];
	list[at] = s;
}

struct choice {
	bool placed; /* by a clause */
	const struct piece *place, *clauses[CLAUSES], *things[THINGS];
	size_t clause_count, thing_count, name_count;
	const struct member *names[NAMES_SHOWN];
};

static void choose(struct choice *c, const struct brief *b)
{
	const struct piece *said[1 + CLAUSES + THINGS] = {NULL};
	size_t count = 0;
	while (c->clause_count < CLAUSES) {
		const struct piece *s = best_of(&b->clauses, said, count,
						c->clause_count ? LEAST_CLAUSE : FIRST_CLAUSE);
		if (!s)
			break;
		said[count++] = s;
		insert_ordered(c->clauses, &c->clause_count, s);
	}
	/* What somebody does there tells the place as well. */
	const struct piece *place = best_of(&b->places, said, 0, 1);
	c->placed = place && !is_new(place, said, count);
	c->place = c->placed ? NULL : place;
	if (place)
		said[count++] = place;
	while (c->thing_count < THINGS) {
		bool bare = c->clause_count + c->thing_count < 2;
		const struct piece *s = best_of(&b->things, said, count, bare ? 1 : LEAST_THING);
		if (!s)
			break;
		said[count++] = s;
		insert_ordered(c->things, &c->thing_count, s);
	}
}

/* ---- composing */

static const char *const ground_phrases[GROUNDS] = {
	"",
	"the open sea",
	"a shore",
	"a riverside",
	"among trees",
	"mountain country",
	"open country",
	"a road",
	"a town",
	"an interior",
	"a great hall",
	"old walls",
	"the open sky",
};
static const char *const light_phrases[LIGHTS] = {
	"",
	"at dawn",
	"in the morning",
	"at noon",
	"in the afternoon",
	"at sunset",
	"at dusk",
	"at night",
	"by moonlight",
	"under the stars",
	"by firelight",
	"by lamplight",
	"in sunlight",
	"under clouds",
	"in a storm",
	"in mist",
};

static void put_air(struct buf *out, const struct air *a)
{
	bool night_said = a->light == LIGHT_MOONLIGHT || a->light == LIGHT_STARLIGHT;
	buf_adds(out, light_phrases[a->light]);
	if (a->hour && !(night_said && a->hour == LIGHT_NIGHT))
		buf_addf(out, "%s%s", a->light ? ", " : "", light_phrases[a->hour]);
}

/* "The old mill, by moonlight." or "By moonlight, the old mill." */
static void put_lead(struct buf *out, struct brief *b, const struct choice *c)
{
	CLEANUP(buf_finish) struct buf where = {0}, air = {0};
	put_air(&air, b->air);
	if (c->place)
		put_phrase(&where, b, c->place);
	else if (!c->placed || !c->clause_count)
		buf_adds(&where, ground_phrases[b->air->ground]);
	if (!where.len && air.len && !c->clause_count)
		buf_adds(&where, "a scene");
	bool light_first = b->variant & 1 && air.len;
	const struct buf *one = light_first ? &air : &where, *two = light_first ? &where : &air;
	buf_addf(out, "%s%s%s", buf_str(one), one->len && two->len ? ", " : "", buf_str(two));
}

/* A sentence of the description begins with a capital and ends with a stop. */
static void end_sentence(struct buf *out, size_t start)
{
	if (out->len == start || !out->data)
		return;
	char *first = out->data + start + (start ? 1 : 0);
	if (*first >= 'a' && *first <= 'z')
		*first = (char)(*first - 32);
	buf_addc(out, '.');
}

static size_t begin_sentence(struct buf *out)
{
	size_t start = out->len;
	if (start)
		buf_addc(out, ' ');
	return start;
}

static void put_things(struct buf *out, struct brief *b, const struct choice *c)
{
	static const char *const before[] = {"The picture shows", "One sees", "The eye finds"};
	size_t start = begin_sentence(out);
	buf_adds(out, before[b->variant % ARRAY_LEN(before)]);
	for (size_t i = 0; i < c->thing_count; i++) {
		CLEANUP(buf_finish) struct buf thing = {0};
		put_phrase(&thing, b, c->things[i]);
		buf_addf(out, "%s %s",
			 !i			   ? ""
			 : i + 1 == c->thing_count ? " and"
						   : ",",
			 buf_str(&thing));
	}
	end_sentence(out, start);
}

/* Is it said already, by this name or the last word of it? */
static bool is_named(const char *text, const char *name)
{
	const char *last = strrchr(name, ' ');
	return strstr(text, name) || (last && strstr(text, last + 1));
}

static void put_names(struct buf *out, const struct brief *b, const struct choice *c)
{
	const struct member *missing[NAMES_SHOWN];
	size_t count = 0;
	for (size_t i = 0; i < c->name_count; i++) {
		if (!is_named(buf_str(out), c->names[i]->name))
			missing[count++] = c->names[i];
	}
	size_t start = begin_sentence(out);
	for (size_t i = 0; i < count; i++)
		buf_addf(out, "%s%s%s",
			 !i		  ? "With "
			 : i + 1 == count ? " and "
					  : ", ",
			 article_of(b->prose, missing[i]), missing[i]->name);
	if (count)
		end_sentence(out, start);
	else if (out->len > start)
		out->data[out->len = start] = '\0';
}

static void compose(struct buf *out, struct brief *b, const struct choice *c)
{
	b->man = b->woman = false;
	put_lead(out, b, c);
	end_sentence(out, 0);
	for (size_t i = 0; i < c->clause_count; i++) {
		CLEANUP(buf_finish) struct buf clause = {0};
		size_t start = begin_sentence(out);
		put_clause(&clause, b, c->clauses[i]);
		buf_adds(out, buf_str(&clause));
		end_sentence(out, start);
	}
	put_names(out, b, c);
	if (c->thing_count)
		put_things(out, b, c);
}

/* ---- is it our own? */

static bool next_word(const char **word, size_t *len, const char **s, const char *end)
{
	*word = NULL;
	while (*s < end) {
		const char *next = *s;
		bool letter = text_is_letter(utf8_next(&next, end));
		if (!letter && *word)
			break;
		if (letter && !*word)
			*word = *s;
		*s = next;
		if (letter)
			*len = (size_t)(*s - *word);
	}
	return *word != NULL;
}

static bool same_words(const char *a, size_t a_len, const char *b, size_t b_len)
{
	if (a_len != b_len)
		return false;
	for (size_t i = 0; i < a_len; i++) {
		int x = a[i] >= 'A' && a[i] <= 'Z' ? a[i] + 32 : a[i];
		int y = b[i] >= 'A' && b[i] <= 'Z' ? b[i] + 32 : b[i];
		if (x != y)
			return false;
	}
	return true;
}

/* Words in a row, from these places on, that both have. */
static size_t common_run(const char *a, const char *a_end, const char *b, const char *b_end)
{
	const char *x, *y;
	size_t n = 0, x_len = 0, y_len = 0;
	while (next_word(&x, &x_len, &a, a_end) && next_word(&y, &y_len, &b, b_end) &&
	       same_words(x, x_len, y, y_len))
		n++;
	return n;
}

/* Does the description copy the quote? Both are short (60 words, 8 sentences). */
static bool copies(const char *description, const char *quote, size_t quote_len)
{
	const char *end = description + strlen(description), *quote_end = quote + quote_len;
	const char *word;
	size_t len;
	for (const char *a = description; a < end;) {
		const char *from = a;
		if (!next_word(&word, &len, &a, end))
			break;
		for (const char *b = quote; b < quote_end;) {
			const char *at = b;
			if (common_run(from, end, at, quote_end) > SHARED_WORDS)
				return true;
			if (!next_word(&word, &len, &b, quote_end))
				break;
		}
	}
	return false;
}

/* ---- the description */

static bool shorten(struct choice *c)
{
	if (c->thing_count > 1)
		c->thing_count--;
	else if (c->clause_count > 1)
		c->clause_count--;
	else if (c->thing_count)
		c->thing_count--;
	else if (c->name_count)
		c->name_count--;
	else if (c->clause_count)
		c->clause_count--;
	else if (c->place)
		c->place = NULL;
	else
		return false;
	return true;
}

static bool is_mentioned(const struct member *m, size_t first, size_t count)
{
	for (size_t i = 0; i < m->count; i++) {
		if (m->sentences[i] >= first && m->sentences[i] < first + count)
			return true;
	}
	return false;
}

/* "City" and "Africa" may have been taken for somebody; a picture with them would be wrong. */
static bool is_shown_by_name(const struct member *m)
{
	const struct lexeme *l = lexicon_find(m->name, strlen(m->name));
	bool being = m->type == ELEMENT_CHARACTER || m->type == ELEMENT_CREATURE;
	bool thing = l && (l->kinds & LEX_GEO || l->noun >= 50) &&
		     !(l->kinds & (LEX_PERSON | LEX_CREATURE | LEX_TITLE));
	return being && !m->unnamed && !thing;
}

static void choose_names(struct choice *c, const struct brief *b, size_t first, size_t count)
{
	for (size_t i = 0; i < b->cast->len && c->name_count < NAMES_SHOWN; i++) {
		const struct member *m = &b->cast->members[i];
		if (is_shown_by_name(m) && is_mentioned(m, first, count))
			c->names[c->name_count++] = m;
	}
}

static void write_brief(struct concept *c, struct brief *b, size_t first, size_t count)
{
	struct choice choice = {0};
	choose(&choice, b);
	choose_names(&choice, b, first, count);
	do {
		CLEANUP(buf_finish) struct buf out = {0};
		compose(&out, b, &choice);
		analysis_set(&c->description, buf_str(&out));
	} while ((utf8_words(c->description, strlen(c->description)) > BRIEF_WORDS ||
		  copies(c->description, c->quote.text, strlen(c->quote.text))) &&
		 shorten(&choice));
}

/* 1 where a double quotation mark opens speech, -1 where one closes it. */
static int quotation_mark(const char *start, const char *at, const char *end)
{
	if (*at == '"')
		return at == start || at[-1] <= ' ' ? 1 : -1;
	if (end - at < 3 || memcmp(at, "\xe2\x80", 2) != 0)
		return 0;
	return at[2] == '\x9c' ? 1 : at[2] == '\x9d' ? -1 : 0;
}

/* How many of the words are left without those in double quotation marks; of another kind of speech
 * none are. What is said is not to be drawn. */
static size_t drop_speech(struct word *words, size_t count, const struct prose *p,
			  const struct sentence *s)
{
	const char *at = p->text + s->start, *end = p->text + s->end;
	size_t kept = 0;
	bool spoken = false, marked = false;
	for (size_t i = 0; i < count; i++) {
		for (; at < words[i].s; at++) {
			int mark = quotation_mark(p->text + s->start, at, end);
			if (mark < 0 && !marked)
				kept = 0; /* it has begun in a sentence before */
			spoken = mark ? mark > 0 : spoken;
			marked |= mark != 0;
		}
		if (!spoken)
			words[kept++] = words[i];
	}
	return marked ? kept : 0;
}

void brief_write(struct concept *c, const struct prose *p, const struct cast *cast,
		 const struct air *air, size_t first, size_t count)
{
	if (!p->listed) {
		keywords_write(c, p, first, count);
		return;
	}
	struct brief *b = xcalloc(1, sizeof(*b));
	b->air = air;
	b->cast = cast;
	b->prose = p;
	b->variant = p->sentences[first].start;
	for (size_t i = first; i < first + count && b->lines < SENTENCES_MAX; i++) {
		struct line *l = &b->line[b->lines];
		l->number = i;
		l->count = prose_words(l->words, p, &p->sentences[i]);
		if (p->sentences[i].spoken > 2)
			l->count = drop_speech(l->words, l->count, p, &p->sentences[i]);
		if (!l->count)
			continue;
		b->lines++;
		read_line(b, l);
	}
	write_brief(c, b, first, count);
	if (!*c->description)
		keywords_write(c, p, first, count);
	free(b);
}
