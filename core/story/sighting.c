/* SPDX-License-Identifier: MIT */
#include "fold.h"
#include "form.h"
#include "nickname.h"

#include <string.h>

/*
 * Who is who. A name is a title, a given name and a surname, or a part of these; the parts that may
 * be one person's are joined from the surest to the vaguest:
 *
 *   equal names			Captain Ida Brand, Ida Brand
 *   a title with a surname		Mr. Hart		of the one Hart of that sex
 *   a given name			Ida			of the one Ida
 *   a surname alone			Brand, Goose			of the one who goes by it
 *   a short form			Bertie			of the one Bertram
 *   a noun				the goose		of the one Grey Goose
 *
 * Families are why this is not simple. Somebody who goes by the given name does not go by the
 * surname as well: of three Harts, "Hart" is the one whose given name seldom stands alone. Where
 * more than one remains, the name is nobody's: better one entry less than two people in one.
 */

enum { NEAR = 24 }; /* names that begin alike, looked at for one */

/* ---- the rules */

/* "Mrs. Ida Hart" and "Miss Ida Hart" may be one who married; Mr. and Mrs. John Hart are not. */
static void join_equal(struct forms *f)
{
	for (size_t i = 0; i < f->word_count; i++) {
		size_t a = f->words[i].form;
		const struct form *x = &f->items[a];
		if (x->shape != SHAPE_FULL || f->words[i].word != x->key)
			continue;
		for (size_t k = i + 1; k < f->word_count && k < i + 64; k++) {
			size_t b = f->words[k].form;
			const struct form *y = &f->items[b];
			if (form_compare(&f->words[k], x->key, x->first_len))
				break;
			bool ends = y->shape == SHAPE_FULL && f->words[k].word == y->key &&
				    !strcmp(x->last, y->last);
			if (ends && forms_same_sex(f, a, b))
				forms_join(f, a, b);
		}
	}
}

/* "Long John Hart" is John Hart, and Ida Maria Ida Maria Hart: a full name within another.
 */
static void join_longer(struct forms *f)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct form *x = &f->items[i];
		const char *rest = x->shape == SHAPE_FULL ? strchr(x->key, ' ') + 1 : "";
		const char *cut = strchr(rest, ' ');
		if (x->out || !cut || strstr(x->key, " of "))
			continue;
		size_t head = (size_t)(x->last - x->key) - 1, first = strcspn(rest, " ");
		for (size_t k = forms_find(f, rest, first); k < f->word_count; k++) {
			const struct form *y = &f->items[f->words[k].form];
			if (x->s->n[SIGHT_COUNT] < 2 || form_compare(&f->words[k], rest, first))
				break;
			if (!strcmp(y->key, rest) && forms_may_join(f, i, f->words[k].form))
				forms_join(f, i, f->words[k].form);
		}
		for (size_t k = forms_find(f, x->key, x->first_len); k < f->word_count; k++) {
			const struct form *y = &f->items[f->words[k].form];
			if (form_compare(&f->words[k], x->key, x->first_len))
				break;
			if (strlen(y->key) == head && !memcmp(y->key, x->key, head) &&
			    y->shape == SHAPE_FULL && forms_may_join(f, i, f->words[k].form))
				forms_join(f, i, f->words[k].form);
		}
	}
}

/* Two people in a list, or one as a register has him: "Hart John". */
static void join_reversed(struct forms *f)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct form *x = &f->items[i];
		size_t len = strlen(x->last);
		if (x->out || x->shape != SHAPE_FULL || x->key + x->first_len + 1 != x->last)
			continue;
		size_t at = forms_find(f, x->last, len);
		for (size_t k = at; k < f->word_count && k < at + NEAR; k++) {
			const struct form *y = &f->items[f->words[k].form];
			if (form_compare(&f->words[k], x->last, len))
				break;
			if (y->shape == SHAPE_FULL && y->first_len == len &&
			    f->words[k].word == y->key && strlen(y->last) == x->first_len &&
			    !memcmp(y->last, x->key, x->first_len)) {
				forms_join(f, i, f->words[k].form);
				break;
			}
		}
	}
}

/* "the Harts" are nobody. */
static void drop_plurals(struct forms *f)
{
	for (size_t i = 0; i < f->count; i++) {
		struct form *x = &f->items[i];
		size_t len = strlen(x->key);
		if (x->out || x->shape != SHAPE_LONE || len < 4 || x->key[len - 1] != 's')
			continue;
		size_t k = forms_find(f, x->key, len - 1);
		if (k == f->word_count || form_compare(&f->words[k], x->key, len - 1))
			continue;
		const struct form *y = &f->items[f->words[k].form];
		x->out = y->shape != SHAPE_NOUN && y->s->n[SIGHT_COUNT] >= x->s->n[SIGHT_COUNT];
	}
}

struct choice {
	size_t best, second; /* roots; SIZE_MAX: none */
	uint32_t best_count, second_count;
};

static void consider(struct choice *c, struct forms *f, size_t i)
{
	size_t root = forms_root(f, i);
	uint32_t count = f->items[root].sum[SIGHT_COUNT];
	if (root == c->best || root == c->second)
		return;
	if (c->best == SIZE_MAX || count > c->best_count) {
		c->second = c->best;
		c->second_count = c->best_count;
		c->best = root;
		c->best_count = count;
	} else if (c->second == SIZE_MAX || count > c->second_count) {
		c->second = root;
		c->second_count = count;
	}
}

/* The only one, or the one by far. */
static size_t chosen(const struct choice *c)
{
	if (c->second == SIZE_MAX || c->best_count >= 5 * c->second_count)
		return c->best;
	return SIZE_MAX;
}

enum part { PART_FIRST, PART_LAST, PART_TITLED };
/* Whom a surname may mean: one who never goes by the given name, or one who does so seldom. */
enum how { NOT_CALLED, SELDOM_CALLED, ANYBODY };

/* "Mrs. Hart" is only of one known as a woman. */
static bool fits_title(struct forms *f, const struct form *x, size_t other)
{
	const uint32_t *n = forms_sum(f, other);
	bool strict = x->ranks & (RANK_WIFE | RANK_MISS | RANK_LADY);
	return !strict || forms_sex(f, other) == SEX_FEMALE || n[SIGHT_FEMALE] > n[SIGHT_MALE];
}

/* Of a place's name the first word is it too if what follows says only what it is: "Oldfield" is
 * Oldfield Hall, but Ostrand is not Ostrand Bridge. */
static bool fits_place(const struct form *x, const struct form *y, bool first)
{
	static const char *const kinds[] = {
		"house", "park", "hall", "manor",  "castle", "abbey",	"farm",	 "lodge",  "moor",
		"river", "town", "city", "island", "county", "village", "place", "heights"};
	if (!first || x->shape != SHAPE_LONE || form_nature(x->s->n) > 0)
		return true;
	if (x->s->n[SIGHT_COUNT] <= 2 * y->s->n[SIGHT_COUNT])
		return true;
	if (strstr(y->key, " of ") && x->s->n[SIGHT_ARTICLE] * 2 >= x->s->n[SIGHT_COUNT])
		return true; /* "the Abbey" */
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!strcmp(y->last, kinds[i]))
			return true;
	}
	return false;
}

/* Those who have the word of form i as that part of their name, and may be meant by it. */
static struct choice choose(struct forms *f, size_t i, enum part part, enum how how)
{
	const struct form *x = &f->items[i];
	struct choice c = {.best = SIZE_MAX, .second = SIZE_MAX};
	size_t len = strlen(x->last);
	for (size_t k = forms_find(f, x->last, len); k < f->word_count; k++) {
		size_t other = f->words[k].form;
		const struct form *y = &f->items[other];
		if (form_compare(&f->words[k], x->last, len))
			break;
		bool first = f->words[k].word == y->key && y->shape == SHAPE_FULL;
		bool fits = part == PART_TITLED	 ? y->shape == SHAPE_TITLED
			    : part == PART_FIRST ? first
						 : y->shape == SHAPE_FULL && !first;
		if (!fits || other == i || !forms_may_join(f, i, other))
			continue;
		if (how != ANYBODY && y->alone > x->s->n[SIGHT_COUNT])
			continue;
		if (how == NOT_CALLED && y->alone > y->s->n[SIGHT_COUNT])
			continue;
		if (!fits_title(f, x, other) || !fits_place(x, y, first))
			continue;
		consider(&c, f, other);
	}
	return c;
}

static void join_chosen(struct forms *f, size_t i, const struct choice *c)
{
	if (chosen(c) != SIZE_MAX)
		forms_join(f, i, chosen(c));
}

/* Mr., Sir and Captain Hart are one; Mrs. and Miss Hart are not. */
static void join_titled_alike(struct forms *f, size_t i)
{
	const struct form *x = &f->items[i];
	const struct title *t = form_title(x->title);
	for (size_t k = forms_find(f, x->key, strlen(x->key)); k < f->word_count; k++) {
		size_t other = f->words[k].form;
		const struct form *y = &f->items[other];
		if (form_compare(&f->words[k], x->key, strlen(x->key)))
			break;
		const struct title *u = y->shape == SHAPE_TITLED ? form_title(y->title) : NULL;
		bool alike = !t || !u || !t->rank || !u->rank || t->rank == u->rank;
		if (y->shape == SHAPE_TITLED && other < i && alike && forms_same_sex(f, i, other)) {
			forms_join(f, i, other);
			return;
		}
	}
}

/* "Sir Otto" is Sir Otto Hart sooner than Otto Cole. */
static struct choice choose_given(struct forms *f, size_t i)
{
	const struct form *x = &f->items[i];
	struct choice all = choose(f, i, PART_FIRST, ANYBODY);
	struct choice same = {.best = SIZE_MAX, .second = SIZE_MAX};
	for (size_t k = forms_find(f, x->key, strlen(x->key)); k < f->word_count; k++) {
		size_t other = f->words[k].form;
		const struct form *y = &f->items[other];
		if (form_compare(&f->words[k], x->key, strlen(x->key)))
			break;
		if (y->shape == SHAPE_FULL && f->words[k].word == y->key &&
		    !strcmp(x->title, y->title))
			consider(&same, f, other);
	}
	return same.best != SIZE_MAX ? same : all;
}

/* Who goes by the given name may be a Mr. Hart to others; so is the one that has been called so. */
static struct choice choose_sir(struct forms *f, size_t i)
{
	struct choice c = choose(f, i, PART_LAST, ANYBODY);
	bool sir = c.best != SIZE_MAX && c.second == SIZE_MAX &&
		   f->items[forms_root(f, c.best)].ranks & RANK_SIR;
	return sir ? c : (struct choice){.best = SIZE_MAX, .second = SIZE_MAX};
}

static void join_titled(struct forms *f)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct form *x = &f->items[i];
		if (x->out || x->shape != SHAPE_TITLED)
			continue;
		const struct title *t = form_title(x->title);
		struct choice c = {.best = SIZE_MAX, .second = SIZE_MAX};
		if (t && t->given)
			c = choose_given(f, i);
		if (c.best == SIZE_MAX)
			c = choose(f, i, PART_LAST, NOT_CALLED);
		if (c.best == SIZE_MAX && x->ranks == RANK_SIR)
			c = choose_sir(f, i);
		join_chosen(f, i, &c);
		if (forms_root(f, i) == i)
			join_titled_alike(f, i);
	}
}

/* A given name of two people is mostly the one's who is spoken of more; a surname of two nobody's,
 * unless it stands more often than both. */
static void join_lone(struct forms *f, size_t i)
{
	struct form *x = &f->items[i];
	struct choice c = choose(f, i, PART_FIRST, ANYBODY);
	if (c.best != SIZE_MAX) {
		forms_join(f, i, c.best);
		return;
	}
	c = choose(f, i, PART_LAST, NOT_CALLED);
	if (c.best == SIZE_MAX)
		c = choose(f, i, PART_LAST, SELDOM_CALLED);
	struct choice titled = choose(f, i, PART_TITLED, ANYBODY);
	if (titled.best != SIZE_MAX)
		consider(&c, f, titled.best);
	if (titled.second != SIZE_MAX)
		consider(&c, f, titled.second);
	if (c.best == SIZE_MAX) {
		struct choice any = choose(f, i, PART_LAST, ANYBODY);
		if (any.second == SIZE_MAX)
			join_chosen(f, i, &any);
		else if (any.best != SIZE_MAX)
			x->out = x->s->n[SIGHT_COUNT] <= any.best_count;
		return;
	}
	join_chosen(f, i, &c);
	if (forms_root(f, i) == i && x->s->n[SIGHT_COUNT] <= c.best_count + c.second_count)
		x->out = true;
}

/* Does its first word stand as a given name does? */
static bool is_given(const struct form *y)
{
	return y->shape == SHAPE_FULL || y->shape == SHAPE_LONE;
}

/* The one whose given name this is short for, or the long form of. Two of about one size are two
 * people (Ida and Idania). */
static bool is_nickname(struct forms *f, size_t i, size_t k)
{
	const struct form *x = &f->items[i], *y = &f->items[k];
	CLEANUP(cleanup_free) char *given = xstrndup(y->key, y->first_len);
	if (i == k || forms_root(f, i) == forms_root(f, k) || !forms_may_join(f, i, k))
		return false;
	uint64_t a = forms_sum(f, i)[SIGHT_COUNT], b = forms_sum(f, k)[SIGHT_COUNT];
	if (x->s->n[SIGHT_SMALL] || y->s->n[SIGHT_SMALL] || (a * 3 > b && b * 3 > a))
		return false;
	return form_nature(forms_sum(f, k)) > 0 && nickname_like(x->key, given);
}

/* Nobody shortens the name of a lady who is mostly spoken of with a title. */
static bool is_formal(const uint32_t n[SIGHTS])
{
	return n[SIGHT_TITLED] * 2 > n[SIGHT_COUNT] && n[SIGHT_MALE] <= n[SIGHT_FEMALE];
}

static void join_nickname(struct forms *f, size_t i)
{
	const struct form *x = &f->items[i];
	struct choice c = {.best = SIZE_MAX, .second = SIZE_MAX};
	enum { LETTERS = 3 };
	size_t len = strlen(x->key), at;
	if (form_nature(forms_sum(f, i)) <= 0 || len < LETTERS)
		return;
	at = forms_find(f, x->key, LETTERS);
	for (size_t k = at; k < f->word_count && k < at + NEAR; k++) {
		const struct form *y = &f->items[f->words[k].form];
		if (f->words[k].len < LETTERS || memcmp(f->words[k].word, x->key, LETTERS) != 0)
			break;
		bool given = f->words[k].word == y->key && is_given(y);
		if (given && !y->out && !is_formal(forms_sum(f, f->words[k].form)) &&
		    is_nickname(f, i, f->words[k].form))
			consider(&c, f, f->words[k].form);
	}
	join_chosen(f, i, &c);
}

/* Short forms that begin otherwise: whoever's name may be the full one. */
static void join_short(struct forms *f, size_t i)
{
	const struct form *x = &f->items[i];
	struct choice c = {.best = SIZE_MAX, .second = SIZE_MAX};
	const char *full;
	for (size_t n = 0; (full = nickname_full(x->key, n)); n++) {
		size_t len = strlen(full), at = forms_find(f, full, len);
		for (size_t k = at; k < f->word_count && k < at + NEAR; k++) {
			size_t other = f->words[k].form;
			const struct form *y = &f->items[other];
			if (f->words[k].len < len || memcmp(f->words[k].word, full, len) != 0)
				break;
			if (f->words[k].word == y->key && is_given(y) && !y->out &&
			    y->first_len > strlen(x->key) && form_nature(forms_sum(f, other)) > 0 &&
			    !y->s->n[SIGHT_SMALL] && forms_may_join(f, i, other) &&
			    forms_root(f, other) != forms_root(f, i) &&
			    !is_formal(forms_sum(f, other)))
				consider(&c, f, other);
		}
	}
	join_chosen(f, i, &c);
}

/* The last word of the title, as the office is called: of "Dr." doctor. */
static struct entry office_of(const struct form *x, size_t index)
{
	const char *word = strrchr(x->title, ' ');
	word = word ? word + 1 : x->title;
	size_t len = strcspn(word, ".");
	bool doctor = len == 2 && !memcmp(word, "dr", 2);
	return doctor ? (struct entry){"doctor", 6, index} : (struct entry){word, len, index};
}

/* Anybody is a sir or an uncle; a captain or a count is one of few. */
static bool is_office(const char *word)
{
	static const char *const royal[] = {"king",  "queen",	 "prince",  "princess",
					    "duke",  "duchess",	 "count",   "countess",
					    "baron", "baroness", "emperor", "empress"};
	for (size_t i = 0; i < ARRAY_LEN(royal); i++) {
		if (!strcmp(royal[i], word))
			return true;
	}
	return !form_title(word);
}

/* "the Professor", "the doctor": of the one who has that title. */
static void join_office(struct forms *f)
{
	struct entry *offices = xcalloc(f->count + 1, sizeof(*offices));
	size_t count = 0;
	for (size_t i = 0; i < f->count; i++) {
		if (!f->items[i].out && *f->items[i].title)
			offices[count++] = office_of(&f->items[i], i);
	}
	qsort(offices, count, sizeof(*offices), form_compare_entries);
	for (size_t i = 0; i < f->count; i++) {
		const struct form *x = &f->items[i];
		bool alone = x->shape == SHAPE_LONE || x->shape == SHAPE_NOUN;
		size_t len = strlen(x->key);
		if (x->out || !alone || forms_root(f, i) != i || !is_office(x->key))
			continue;
		struct choice c = {.best = SIZE_MAX, .second = SIZE_MAX};
		for (size_t k = form_find(offices, count, x->key, len); k < count; k++) {
			if (form_compare(&offices[k], x->key, len))
				break;
			consider(&c, f, offices[k].form);
		}
		join_chosen(f, i, &c);
	}
	free(offices);
}

/* "the little bell" is the bell. */
static void join_described(struct forms *f)
{
	for (size_t i = 0, k; i < f->word_count; i = k) {
		size_t noun = NO_GROUP;
		for (k = i; k < f->word_count; k++) {
			if (form_compare(&f->words[k], f->words[i].word, f->words[i].len))
				break;
			if (f->items[f->words[k].form].shape != SHAPE_NOUN)
				continue;
			if (noun != NO_GROUP)
				forms_join(f, noun, f->words[k].form);
			noun = f->words[k].form;
		}
	}
}

/* "the rabbit": of the one who is called so. */
static void join_noun(struct forms *f, size_t i)
{
	const struct form *x = &f->items[i];
	struct choice c = {.best = SIZE_MAX, .second = SIZE_MAX};
	if (!form_votes(x->s->n))
		return; /* a man, a house: said of anybody's */
	for (size_t k = forms_find(f, x->last, strlen(x->last)); k < f->word_count; k++) {
		const struct form *y = &f->items[f->words[k].form];
		if (form_compare(&f->words[k], x->last, strlen(x->last)))
			break;
		if (!y->out && is_given(y) && y->s->n[SIGHT_ARTICLE] * 2 >= y->s->n[SIGHT_COUNT])
			consider(&c, f, f->words[k].form);
	}
	join_chosen(f, i, &c);
}

/* What the text itself says: "the mule's name was Daisy". */
static void join_stated(struct forms *f)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct form *x = &f->items[i];
		if (x->out || !x->s->other)
			continue;
		CLEANUP(cleanup_free) char *other = fold_name(x->s->other);
		size_t len = strlen(other);
		for (size_t k = forms_find(f, other, strcspn(other, " ")); k < f->word_count; k++) {
			const struct form *y = &f->items[f->words[k].form];
			if (form_compare(&f->words[k], other, strcspn(other, " ")))
				break;
			if (f->words[k].word == y->key && strlen(y->key) == len &&
			    !strcmp(y->key, other)) {
				forms_join(f, i, f->words[k].form);
				break;
			}
		}
	}
}

/* ---- what is no name */

/* What anybody may be called, alone. */
static bool is_vocative(const char *word)
{
	static const char *const words[] = {"mr",	 "mrs",	   "miss",   "ms",	 "sir",
					    "madam",	 "madame", "master", "mistress", "monsieur",
					    "lady",	 "lord",   "missis", "ma'am",	 "mister",
					    "gentlemen", "ladies"};
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!strcmp(words[i], word))
			return true;
	}
	return false;
}

/* A word that mostly stands small is an ordinary one. */
static bool is_nothing(const struct form *f)
{
	const uint32_t *n = f->s->n;
	if (!*f->key)
		return true;
	if (n[SIGHT_NOTHING] > form_votes(n) + 1)
		return true;
	if (f->shape == SHAPE_NOUN)
		return false;
	if (f->shape == SHAPE_LONE && is_vocative(f->key))
		return true;
	uint32_t few = n[SIGHT_INSIDE] < 6 ? 3 * n[SIGHT_SMALL] : n[SIGHT_SMALL] / 4;
	if (f->shape == SHAPE_LONE && few >= n[SIGHT_INSIDE] && few)
		return true;
	bool acts = !n[SIGHT_SMALL] && n[SIGHT_CHARACTER] >= 3 * n[SIGHT_COUNT];
	return n[SIGHT_INSIDE] * 6 < n[SIGHT_COUNT] && !acts;
}

/* A being does something, or something is done to it; of a place or a thing that is said anyway. */
static bool is_shown(const uint32_t n[SIGHTS])
{
	uint64_t being = (uint64_t)n[SIGHT_CHARACTER] + n[SIGHT_CREATURE];
	uint64_t thing = n[SIGHT_PLACE] > n[SIGHT_ITEM] ? n[SIGHT_PLACE] : n[SIGHT_ITEM];
	return n[SIGHT_TITLED] || being < thing || being * 5 >= n[SIGHT_COUNT] * 3ull;
}

/* In a manual most names are those of programs and of headings: only who is titled, or is a he or a
 * she and does much, and what one is always in. */
static bool is_certain(const struct form *root)
{
	const uint32_t *n = root->sum;
	uint64_t being = (uint64_t)n[SIGHT_CHARACTER] + n[SIGHT_CREATURE];
	if (root->shape == SHAPE_NOUN)
		return false;
	if (n[SIGHT_TITLED] * 2 >= n[SIGHT_COUNT])
		return true;
	return (being >= n[SIGHT_COUNT] && n[SIGHT_MALE] + n[SIGHT_FEMALE] > 0) ||
	       n[SIGHT_PLACE] >= n[SIGHT_COUNT] * 2ull;
}

/* Of a single mention in a whole book nobody can tell what it is, unless a title says so. A noun
 * must come again and again to be more than scenery. */
static bool is_passing(const struct form *root, const struct forms *f)
{
	const uint32_t *n = root->sum;
	if (!f->whole)
		return false;
	if (f->covered && !(f->peopled ? is_shown(n) : is_certain(root)))
		return true;
	if (root->shape == SHAPE_NOUN && !n[SIGHT_INSIDE])
		return n[SIGHT_COUNT] < 3 ||
		       form_votes(n) < (n[SIGHT_CREATURE] ? 9 : 8 + f->mentions / 100);
	return n[SIGHT_COUNT] < 2 && !n[SIGHT_TITLED];
}

/* ---- who leads */

/* Has somebody else of another first name, or of a title, the last name too? */
static bool is_family(const struct forms *f, const struct form *x)
{
	size_t len = strlen(x->last);
	for (size_t k = forms_find(f, x->last, len); k < f->word_count; k++) {
		const struct form *y = &f->items[f->words[k].form];
		if (form_compare(&f->words[k], x->last, len))
			return false;
		if (y->shape == SHAPE_FULL && strcmp(y->key, x->key) != 0)
			return true;
	}
	return false;
}

/* The fullest name that is in use leads, for it says most; one used once in a whole book does not.
 */
static bool leads(const struct forms *f, const struct form *a, const struct form *b,
		  const uint32_t sum[SIGHTS])
{
	uint32_t total = sum[SIGHT_COUNT];
	const struct form *both[] = {a, b};
	int rank[2];
	for (size_t i = 0; i < 2; i++) {
		uint64_t count = both[i]->s->n[SIGHT_COUNT];
		bool rare = f->whole && count * (is_family(f, both[i]) ? 120 : 20) < total;
		rank[i] = (int)both[i]->shape + (rare && both[i]->shape != SHAPE_NOUN ? 3 : 0);
	}
	if (rank[0] != rank[1])
		return rank[0] < rank[1];
	if (a->s->n[SIGHT_COUNT] != b->s->n[SIGHT_COUNT])
		return a->s->n[SIGHT_COUNT] > b->s->n[SIGHT_COUNT];
	return strcmp(a->s->name, b->s->name) < 0;
}

static void fill_groups(size_t *group, struct forms *f)
{
	size_t *leader = xcalloc(f->count + 1, sizeof(*leader));
	for (size_t i = 0; i < f->count; i++) {
		size_t root = forms_root(f, i);
		if (f->items[i].out)
			continue;
		if (!leader[root] ||
		    leads(f, &f->items[i], &f->items[leader[root] - 1], f->items[root].sum))
			leader[root] = i + 1;
	}
	for (size_t i = 0; i < f->count; i++)
		group[i] = f->items[i].out || is_passing(&f->items[forms_root(f, i)], f)
				   ? NO_GROUP
				   : leader[forms_root(f, i)] - 1;
	free(leader);
}

/* Where a lexicon covers the language, pronouns tell the sexes apart; elsewhere each name has been
 * counted for both. */
static void see_people(struct forms *f)
{
	enum { NAMES_TO_A_PRONOUN = 25 };
	uint64_t pronouns = 0;
	for (size_t i = 0; i < f->count; i++) {
		const uint32_t *n = f->items[i].s->n;
		bool both = n[SIGHT_MALE] == n[SIGHT_FEMALE] && n[SIGHT_MALE];
		f->covered |= !f->items[i].s->noun && n[SIGHT_COUNT] && !both;
		pronouns += n[SIGHT_MALE] > n[SIGHT_FEMALE] ? n[SIGHT_MALE] - n[SIGHT_FEMALE]
							    : n[SIGHT_FEMALE] - n[SIGHT_MALE];
	}
	f->peopled = pronouns * NAMES_TO_A_PRONOUN >= f->mentions;
}

void sightings_group(size_t *group, const struct sighting *s, size_t count, bool whole)
{
	CLEANUP(forms_finish) struct forms f = {.count = count, .whole = whole};
	f.items = xcalloc(count + 1, sizeof(*f.items));
	for (size_t i = 0; i < count; i++) {
		form_init(&f.items[i], &s[i], i);
		f.items[i].out = is_nothing(&f.items[i]);
		if (!f.items[i].out && !s[i].noun)
			f.mentions += s[i].n[SIGHT_COUNT];
	}
	see_people(&f);
	forms_index(&f);
	forms_count_alone(&f);
	join_equal(&f);
	join_longer(&f);
	join_reversed(&f);
	drop_plurals(&f);
	join_titled(&f);
	for (size_t i = 0; i < count; i++) {
		if (!f.items[i].out && f.items[i].shape == SHAPE_LONE)
			join_lone(&f, i);
	}
	for (size_t i = 0; i < count; i++) {
		if (!f.items[i].out && f.items[i].shape == SHAPE_LONE)
			join_short(&f, i);
		if (!f.items[i].out && f.items[i].shape == SHAPE_LONE)
			join_nickname(&f, i);
	}
	join_described(&f);
	join_stated(&f);
	join_office(&f);
	for (size_t i = 0; i < count; i++) {
		if (!f.items[i].out && f.items[i].shape == SHAPE_NOUN && forms_root(&f, i) == i)
			join_noun(&f, i);
	}
	fill_groups(group, &f);
}

enum element_type sights_type(const uint32_t n[SIGHTS])
{
	uint64_t being = (uint64_t)n[SIGHT_CHARACTER] + n[SIGHT_CREATURE];
	uint64_t place = n[SIGHT_PLACE], item = n[SIGHT_ITEM];
	/* "the Throat": mostly with the article, and it has not spoken. */
	bool person = !n[SIGHT_INSIDE] && being && !place && !item; /* a noun: "the murderer" */
	if (n[SIGHT_ARTICLE] * 4ull >= n[SIGHT_COUNT] * 3ull && !person)
		*(item > place ? &item : &place) += n[SIGHT_COUNT];
	if (being >= place && being >= item)
		return n[SIGHT_CREATURE] * 8ull > n[SIGHT_CHARACTER] ? ELEMENT_CREATURE
								     : ELEMENT_CHARACTER;
	return item > place ? ELEMENT_ITEM : ELEMENT_PLACE;
}
