/* SPDX-License-Identifier: MIT */
#include "analyst_names.h"

#include <stdio.h>
#include <string.h>

/* Bounds: a chapter with more names than this is no chapter. Later ones are not counted. */
enum {
	NAMES_MAX = 1 << 15,
	SLOTS = NAMES_MAX * 2,
	MENTIONS_MAX = 1 << 20,
	SMALL_WORDS = 1 << 20,

	NAME_WORDS = 5,
	NAME_TEXT_BYTES = 80,
	TITLE_VOTES = 8,
	SEX_VOTES = 3,
	RARE = 4500, /* of a word's rank by use */
};

enum { THINGS = LEX_CREATURE | LEX_PERSON | LEX_ITEM | LEX_SITE | LEX_VEHICLE };

/* FNV-1a over the word in ASCII lower case. */
static uint32_t hash_word(const char *s, size_t len)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		h = (h ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * 16777619u;
	}
	return h ^ h >> 15;
}

static uint8_t *small_at(const struct names *n, const char *word, size_t len)
{
	return &n->small[hash_word(word, len) % SMALL_WORDS];
}

static void see_small(struct names *n, const struct word *w)
{
	uint8_t *times = small_at(n, w->s, w->len);
	*times = (uint8_t)(*times + (*times < 255));
}

/* The name's index + 1, or 0; *at is its slot, or the free one for it. */
static size_t look_up(uint32_t *at, const struct names *n, const char *text, bool noun)
{
	*at = (hash_word(text, strlen(text)) + noun) % SLOTS;
	for (; n->slots[*at]; *at = (*at + 1) % SLOTS) {
		const struct sighting *seen = &n->items[n->slots[*at] - 1].s;
		if (!strcmp(seen->name, text) && seen->noun == noun)
			return n->slots[*at];
	}
	return 0;
}

/* NULL when there is no more room. */
static struct name *add_mention(struct names *n, const char *text, bool noun,
				const struct mention *where)
{
	uint32_t slot;
	size_t i = look_up(&slot, n, text, noun);
	if (n->mention_count == MENTIONS_MAX || (!i && n->len == NAMES_MAX))
		return NULL;
	if (!i) {
		n->items = xgrow(n->items, &n->cap, n->len + 1, sizeof(*n->items));
		n->items[n->len] = (struct name){
			.s = {.name = xstrdup(text), .noun = noun},
			.first = where->sentence,
		};
		i = n->slots[slot] = (uint32_t)++n->len;
	}
	n->mentions =
		xgrow(n->mentions, &n->mention_cap, n->mention_count + 1, sizeof(*n->mentions));
	n->mentions[n->mention_count] = *where;
	n->mentions[n->mention_count++].name = (uint32_t)i - 1;
	struct name *name = &n->items[i - 1];
	name->s.n[SIGHT_COUNT]++;
	return name;
}

/* ---- names */

static bool is_title(const struct word *w)
{
	return w->upper && word_has(w, LEX_TITLE);
}

/* May this word be part of a name? */
static bool is_capital(const struct word *w)
{
	return w->upper && !(w->shout && w->len > 3) && !word_has(w, LEX_NONAME) &&
	       !(word_has(w, LEX_STOP) && !word_has(w, LEX_TITLE));
}

/* "the Good Hope", "the Two Owls": behind "the" even a word of grammar may begin a name. */
static bool begins_name(const struct word *words, size_t count, size_t i)
{
	const struct word *w = &words[i];
	if (is_capital(w))
		return true;
	return i && i + 1 < count && w->upper && !w->shout && word_is(w - 1, "the") &&
	       w->s - (w[-1].s + w[-1].len) <= 2 && word_has(w, LEX_STOP) && is_capital(w + 1) &&
	       w[1].joined;
}

/* "Mr. Hart": a stop and a blank after a title join as a blank does, and so does a hyphen between
 * two capitals. */
static bool follows(const struct word *before, const struct word *w)
{
	if (w->opens || before->possessive)
		return false;
	if (w->joined)
		return true;
	const char *gap = before->s + before->len;
	if (w->s - gap == 1 && *gap == '-')
		return before->upper && w->upper;
	return (word_has(before, LEX_ABBR) || before->len == 1) && w->s - gap == 2 &&
	       !memcmp(gap, ". ", 2);
}

/* "the Miller's Ear": what follows belongs to it, behind "the" and an ordinary word. */
static bool owns_name(const struct word *words, size_t count, size_t i)
{
	const struct word *w = &words[i];
	return i && i + 1 < count && w->possessive && word_is(w - 1, "the") && w->lex &&
	       (w->lex->noun >= 50 || word_has(w, LEX_PERSON)) && is_capital(w + 1) &&
	       w[1].s - (w->s + w->len) <= 5;
}

/* A verb, as in a title: "Ida Makes Peace". */
static bool is_deed(const struct word *w)
{
	return (w->lex && w->lex->verb >= 60 && w->lex->noun < 40 && !is_title(w) &&
		!word_has(w, LEX_SITE | LEX_LAND | LEX_BUILDING)) ||
	       WORD_AMONG(w, "makes", "goes", "gets", "takes", "comes", "gives");
}

/* "Hill Street Mr. Hart": a new name. */
static bool is_abbreviated(const struct word *w)
{
	return is_title(w) && word_has(w, LEX_ABBR);
}

static bool is_particle(const struct word *w)
{
	return !w->upper && WORD_AMONG(w, "of", "de", "von", "van", "la", "du", "del");
}

/* "the Lake of Como", "King of Hill"; but "Mr. Hart of Hart Street" is Mr. Hart. */
static bool owns_of(const struct word *words, size_t i)
{
	const struct word *w = &words[i];
	bool article = i && word_is(w - 1, "the") && w->joined;
	return article || (w->lex && w->lex->noun >= 50 && !word_has(w, LEX_ABBR));
}

/* How many words from i on are one name; "of" and its like may stand within. */
static size_t run_length(const struct word *words, size_t count, size_t i)
{
	size_t n = 1 + owns_name(words, count, i);
	while (i + n < count && follows(&words[i + n - 1], &words[i + n])) {
		const struct word *w = &words[i + n];
		if (is_capital(w) && !is_deed(w) && !(is_abbreviated(w) && !is_title(w - 1))) {
			n++;
			continue;
		}
		if (!is_particle(w) || (word_is(w, "of") && !owns_of(words, i)) ||
		    i + n + 1 >= count || !is_capital(w + 1) || !follows(w, w + 1))
			break;
		n += 2;
	}
	return n;
}

/* The words' text as it stands, but for "Mr. Hart" always one stop and one blank between them;
 * false if it is too long for a name. */
static bool name_text(char out[NAME_TEXT_BYTES], const struct word *words, size_t count)
{
	size_t len = 0;
	for (size_t i = 0; i < count; i++) {
		const char *end = words[i].s + words[i].len;
		if (len + words[i].len + 4 > NAME_TEXT_BYTES)
			return false;
		memcpy(out + len, words[i].s, words[i].len);
		len += words[i].len;
		if (i + 1 == count)
			break;
		if (words[i].possessive) {
			memcpy(out + len, "'s", 2);
			len += 2;
		}
		if (*end == '.')
			out[len++] = '.';
		out[len++] = *end == '-' ? '-' : ' ';
	}
	out[len] = '\0';
	return true;
}

/* A title, or what stands in its place: "Aunty Ida", "M. Brand". */
static bool is_address(const struct word *w)
{
	return is_title(w) || (w->len == 1 && !memcmp(w->s, "M.", 2)) ||
	       (w->upper && WORD_AMONG(w, "aunty", "auntie", "grandfather", "grandmother", "cap"));
}

/* Said to anybody who is loved or pitied: no part of the name. */
static bool is_endearment(const struct word *w)
{
	return WORD_AMONG(w, "dear", "dearest", "poor", "darling", "beloved", "honest", "precious",
			  "sweet", "unhappy", "wretched");
}

/* Bytes of the titles that the name begins with ("Captain Sir "), where something follows them. */
static size_t title_bytes(const char *name, const struct word *words, size_t count)
{
	const char *bare = name;
	for (size_t n = 0; n + 1 < count && is_address(&words[n]); n++) {
		bool followed = words[n + 1].upper ||
				(is_particle(&words[n + 1]) && !word_is(&words[n + 1], "of"));
		if (!followed)
			break;
		size_t len = strcspn(bare, " -");
		if (bare[len] != ' ')
			break; /* "King-Street" */
		bare += len + 1;
	}
	return (size_t)(bare - name);
}

/* Old and young are said of anybody and anything; other titles of persons. */
static bool says_person(const struct word *w)
{
	return is_address(w) && !WORD_AMONG(w, "old", "young", "saint", "st");
}

static bool says_male(const struct word *w)
{
	return (w->len == 1 && *w->s == 'M') ||
	       WORD_AMONG(w, "mr", "mister", "sir", "lord", "king", "prince", "duke", "count",
			  "baron", "uncle", "father", "brother", "master", "monsieur", "herr",
			  "signor", "don", "squire", "emperor", "grandfather");
}

static bool says_female(const struct word *w)
{
	return WORD_AMONG(w, "mrs", "miss", "ms", "lady", "madam", "madame", "mme", "mlle", "frau",
			  "mademoiselle", "queen", "princess", "duchess", "countess", "baroness",
			  "aunt", "aunty", "auntie", "mother", "sister", "mistress", "dame",
			  "empress", "grandmother", "signora");
}

static void add_name(struct names *n, const struct context *c, uint32_t sentence)
{
	char text[NAME_TEXT_BYTES];
	const struct word *first = &c->words[c->i];
	if (c->len > NAME_WORDS || !name_text(text, first, c->len))
		return;
	struct mention where = {0, sentence, (uint16_t)c->i, (uint8_t)c->len};
	struct name *name = add_mention(n, text, false, &where);
	if (!name)
		return;
	struct sighting *s = &name->s;
	s->bare = title_bytes(text, first, c->len);
	s->n[SIGHT_INSIDE] += !first->opens || c->len > 1;
	if (s->bare && says_person(first)) {
		s->n[SIGHT_TITLED]++;
		s->n[SIGHT_CHARACTER] += TITLE_VOTES;
		s->n[SIGHT_MALE] += says_male(first) * SEX_VOTES;
		s->n[SIGHT_FEMALE] += says_female(first) * SEX_VOTES;
	}
	votes_cast(s, c);
}

/* The same in a language whose words are not known: one that is short, or that stands small as
 * well, or before what is a name without it, is no name. */
static bool opens_strange_name(const struct names *n, const struct context *c)
{
	enum { SHORT_BYTES = 4 };
	char text[NAME_TEXT_BYTES];
	uint32_t slot;
	const struct word *first = &c->words[c->i];
	if (c->len <= NAME_WORDS && name_text(text, first, c->len) &&
	    look_up(&slot, n, text, false))
		return true;
	if (first->len <= SHORT_BYTES || *small_at(n, first->s, first->len))
		return false;
	return c->len > NAME_WORDS || !name_text(text, first + 1, c->len - 1) ||
	       !look_up(&slot, n, text, false);
}

/* A capital that opens a sentence says nothing: "Suddenly Ida" is Ida. But what is known from
 * elsewhere is known here: "Hill Street was empty". */
static bool opens_name(const struct names *n, const struct context *c)
{
	char text[NAME_TEXT_BYTES];
	uint32_t slot;
	const struct word *first = &c->words[c->i];
	if (!c->prose->listed)
		return opens_strange_name(n, c);
	if (is_address(first) || !first->lex)
		return true;
	if (c->len > NAME_WORDS || !name_text(text, first, c->len))
		return false;
	return look_up(&slot, n, text, false) != 0 || (first->lex->noun >= 90 && c->len == 2);
}

static size_t see_run(struct names *n, const struct context *sentence, size_t i, uint32_t number)
{
	struct context c = *sentence;
	const struct word *w = &c.words[i];
	size_t len = run_length(c.words, c.count, i);
	c.i = i;
	c.len = len;
	while (c.len > 1 && is_endearment(&c.words[c.i])) {
		c.i++;
		c.len--;
	}
	while (w->opens && c.len > 1 && (c.i > i ? !c.words[c.i].upper : !opens_name(n, &c))) {
		c.i++;
		c.len--;
	}
	bool alone = c.len == 1;
	if (!(alone && (is_abbreviated(w) || is_endearment(&c.words[c.i]))) &&
	    !(alone && is_title(w) && w->opens))
		add_name(n, &c, number);
	return len;
}

/* ---- unnamed ones */

static bool is_determiner(const struct word *w)
{
	return WORD_AMONG(w, "the", "a", "an", "this", "that");
}

static bool is_modifier(const struct word *w)
{
	return !w->upper && (word_has(w, LEX_LOOK | LEX_COLOUR | LEX_MATERIAL) ||
			     (w->lex && w->lex->adjective >= 50));
}

/* Whoever they are, they are others the next time. */
static bool is_anybody(const struct word *w)
{
	return WORD_AMONG(w, "man", "men", "woman", "women", "girl", "boy", "child", "children",
			  "baby", "lady", "ladies", "gentleman", "gentlemen", "fellow", "lad",
			  "people", "person", "friend", "animal", "bird", "fish", "beast", "reader",
			  "devil", "angel", "girls", "boys");
}

/* Nobody's own: what a text calls "the fork" may be an item, though the list does not say so. */
static bool is_thing_noun(const struct word *w)
{
	if (w->upper || !w->lex || w->lex->noun < 50 || word_has(w, LEX_STOP | LEX_BODY) ||
	    is_anybody(w))
		return false;
	return word_has(w, THINGS) || (!w->lex->kinds && w->lex - lexicon_table >= RARE);
}

/* Words that are rare elsewhere say more: 0 for those that every story has (a man, a door). */
static uint32_t rarity(const struct lexeme *l)
{
	size_t rank = (size_t)(l - lexicon_table);
	bool land = l->kinds & LEX_LAND && !(l->kinds & LEX_BUILDING);
	if (rank < 500 || land || kind_sight(l->kinds) == SIGHT_CHARACTER)
		return 0; /* what a person does must tell */
	return rank < 2000 ? 1 : rank < 6000 ? 2 : 3;
}

/* A word that the list does not know, behind a word that describes it or in a compound, may be a
 * thing of this story: "the red inkhorn". */
static bool is_strange_noun(const struct word *w)
{
	return !w->lex && !w->upper && w->len >= 5 && !w->possessive &&
	       memcmp(w->s + w->len - 2, "ed", 2) != 0 && memcmp(w->s + w->len - 2, "ly", 2) != 0 &&
	       memcmp(w->s + w->len - 3, "ing", 3) != 0;
}

static bool is_compound(const struct word *w)
{
	return w->joined && !w->upper && w->lex && w->lex->noun >= 60 && !word_has(w, LEX_STOP);
}

/* "the lamp hanging there" */
static bool is_doing(const struct word *w)
{
	return w->len > 4 && !memcmp(w->s + w->len - 3, "ing", 3);
}

/* The thing's noun behind the determiner at i: past what describes it, the last of several nouns
 * ("boot jack"); 0 if it is none. *plain: nothing stands between. */
static size_t find_thing(const struct context *c, size_t i)
{
	size_t k = i + 1;
	while (k + 1 < c->count && k <= i + 3 && c->words[k].joined &&
	       (is_modifier(&c->words[k]) || is_compound(&c->words[k + 1])) &&
	       c->words[k + 1].joined && !c->words[k].upper && !c->words[k].possessive &&
	       !word_has(&c->words[k], LEX_STOP))
		k++;
	if (k >= c->count || !c->words[k].joined)
		return 0;
	if (k > i + 1 && is_strange_noun(&c->words[k]))
		return k;
	if (k > i + 1 && is_doing(&c->words[k]) && !is_modifier(&c->words[k - 1]))
		return 0;
	return is_thing_noun(&c->words[k]) ? k : 0;
}

/* "red inkhorn", or only the noun's base form if nothing describes it. */
static void thing_text(char out[NAME_TEXT_BYTES], const struct word *words, size_t i, size_t k)
{
	const struct word *noun = &words[k];
	const char *start = words[k > i + 2 ? k - 1 : i + 1].s;
	size_t len = (size_t)(noun->s - start);
	if (len > NAME_TEXT_BYTES / 2 || memchr(start, '\n', len))
		len = 0;
	memcpy(out, noun->s - len, len);
	snprintf(out + len, NAME_TEXT_BYTES - len, "%.*s",
		 noun->lex ? LEXEME_BYTES : (noun->len < LEXEME_BYTES ? noun->len : LEXEME_BYTES),
		 noun->lex ? noun->lex->word : noun->s);
}

static void see_thing(struct names *n, const struct context *sentence, size_t i, uint32_t number)
{
	struct context c = *sentence;
	char text[NAME_TEXT_BYTES];
	size_t k = find_thing(&c, i);
	if (!k)
		return;
	thing_text(text, c.words, i, k);
	struct mention where = {0, number, (uint16_t)i, (uint8_t)(k - i + 1)};
	struct name *name = add_mention(n, text, true, &where);
	if (!name)
		return;
	const struct lexeme *l = c.words[k].lex;
	n->thing = l;

	enum sight sight = l ? kind_sight(l->kinds) : SIGHTS;
	name->s.n[sight == SIGHTS ? SIGHT_ITEM : sight] += l ? rarity(l) : 3;
	if (sight == SIGHT_CHARACTER || sight == SIGHT_CREATURE) {
		c.i = i;
		c.len = k - i + 1;
		votes_deeds(&name->s, &c);
	}
	name->s.n[SIGHT_ARTICLE] += word_is(&c.words[i], "the");
}

/* In a script that has no capitals: Japanese, Arabic. */
static bool is_uncased(const struct word *w)
{
	const char *s = w->s;
	uint32_t cp = utf8_next(&s, w->s + w->len);
	return cp >= 0x590 && !(cp >= 0x1e00 && cp < 0x2000) && text_is_letter(cp);
}

static void see_sentence(struct names *n, const struct prose *p, uint32_t sentence)
{
	struct word words[SENTENCE_WORDS];
	const struct sentence *s = &p->sentences[sentence];
	size_t count = prose_words(words, p, s);
	struct context c = {.prose = p, .sentence = s, .words = words, .count = count};
	for (size_t i = 0; i < count;) {
		c.thing = n->thing;
		if (is_determiner(&words[i]))
			see_thing(n, &c, i, sentence);
		if (!words[i].upper)
			see_small(n, &words[i]);
		n->words++;
		n->uncased += is_uncased(&words[i]);
		i += begins_name(words, count, i) ? see_run(n, &c, i, sentence) : 1;
	}
}

int names_init(struct names *n, const struct prose *p)
{
	*n = (struct names){0};
	n->slots = xcalloc(SLOTS, sizeof(*n->slots));
	n->small = xcalloc(SMALL_WORDS, 1);

	for (size_t i = 0; i < p->count; i++)
		see_sentence(n, p, (uint32_t)i);
	for (size_t i = 0; i < n->len; i++) {
		struct sighting *s = &n->items[i].s;
		if (!s->noun && !strchr(s->name, ' '))
			s->n[SIGHT_SMALL] = *small_at(n, s->name, strlen(s->name));
		if (!p->listed) /* who is he and who she, nobody knows */
			s->n[SIGHT_MALE] = s->n[SIGHT_FEMALE] = s->n[SIGHT_COUNT];
	}
	return 0;
}

/* The index of the title's name + 1: as it stands, or its last word ("Mount Ostrand"), or what it
 * is made of. */
static uint32_t entitle(struct names *n, const struct word *words, size_t len)
{
	char text[NAME_TEXT_BYTES];
	uint32_t slot;
	if (len > NAME_WORDS || !name_text(text, words, len))
		return 0;
	size_t i = look_up(&slot, n, text, false);
	const struct word *head = len > 1 && word_is(&words[1], "of") ? words : &words[len - 1];
	if (i || n->len == NAMES_MAX || !word_has(head, LEX_SITE | LEX_BUILDING))
		return (uint32_t)i;
	n->items = xgrow(n->items, &n->cap, n->len + 1, sizeof(*n->items));
	n->items[n->len] = (struct name){.s = {.name = xstrdup(text)}};
	n->items[n->len].s.n[SIGHT_PLACE] = 1;
	return n->slots[slot] = (uint32_t)++n->len;
}

uint32_t names_in_title(struct names *n, const char *title)
{
	struct word words[SENTENCE_WORDS];
	size_t len = strnlen(title, SENTENCE_BYTES - 1), last = 0, run = 0;
	const struct prose p = {.text = title, .len = len};
	const struct sentence s = {.end = (uint32_t)len};
	size_t count = prose_words(words, &p, &s);
	for (size_t i = 0; i < count;) {
		size_t step = begins_name(words, count, i) ? run_length(words, count, i) : 1;
		if (is_capital(&words[i]) && !(i && word_is(&words[i - 1], "from"))) {
			last = i;
			run = step;
		}
		i += step;
	}

	return run ? entitle(n, &words[last], run) : 0;
}

void names_finish(struct names *n)
{
	for (size_t i = 0; i < n->len; i++) {
		free(n->items[i].s.name);
		free(n->items[i].s.other);
	}
	free(n->items);
	free(n->mentions);
	free(n->slots);
	free(n->small);
}
