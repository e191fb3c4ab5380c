/* SPDX-License-Identifier: MIT */
#include "form.h"
#include "fold.h"

#include <string.h>

/* ---- titles */

/* given: stands before a given name too. */
static const struct title titles[] = {
	{"mr", SEX_MALE, RANK_SIR, 0},
	{"mrs", SEX_FEMALE, RANK_WIFE, 0},
	{"miss", SEX_FEMALE, RANK_MISS, 1},
	{"ms", SEX_FEMALE, RANK_MISS, 0},
	{"sir", SEX_MALE, RANK_SIR, 1},
	{"lord", SEX_MALE, RANK_SIR, 1},
	{"lady", SEX_FEMALE, RANK_LADY, 1},
	{"madam", SEX_FEMALE, 0, 1},
	{"madame", SEX_FEMALE, RANK_WIFE, 0},
	{"mme", SEX_FEMALE, RANK_WIFE, 0},
	{"frau", SEX_FEMALE, RANK_WIFE, 0},
	{"mademoiselle", SEX_FEMALE, RANK_MISS, 1},
	{"mlle", SEX_FEMALE, RANK_MISS, 1},
	{"monsieur", SEX_MALE, RANK_SIR, 0},
	{"herr", SEX_MALE, RANK_SIR, 0},
	{"signor", SEX_MALE, RANK_SIR, 0},
	{"don", SEX_MALE, RANK_SIR, 1},
	{"king", SEX_MALE, RANK_SIR, 1},
	{"queen", SEX_FEMALE, RANK_LADY, 1},
	{"prince", SEX_MALE, RANK_SIR, 1},
	{"princess", SEX_FEMALE, RANK_LADY, 1},
	{"duke", SEX_MALE, RANK_SIR, 1},
	{"duchess", SEX_FEMALE, RANK_LADY, 1},
	{"count", SEX_MALE, RANK_SIR, 1},
	{"countess", SEX_FEMALE, RANK_LADY, 1},
	{"baron", SEX_MALE, RANK_SIR, 1},
	{"baroness", SEX_FEMALE, RANK_LADY, 1},
	{"uncle", SEX_MALE, RANK_SIR, 1},
	{"aunt", SEX_FEMALE, RANK_AUNT, 1},
	{"father", SEX_MALE, RANK_SIR, 1},
	{"mother", SEX_FEMALE, RANK_MOTHER, 1},
	{"brother", SEX_MALE, RANK_SIR, 1},
	{"sister", SEX_FEMALE, RANK_SISTER, 1},
	{"master", SEX_MALE, RANK_SIR, 1},
	{"mister", SEX_MALE, RANK_SIR, 0},
	{"mistress", SEX_FEMALE, RANK_WIFE, 1},
	{"dame", SEX_FEMALE, RANK_LADY, 1},
	{"cousin", SEX_UNKNOWN, 0, 1},
	{"saint", SEX_UNKNOWN, 0, 1},
	{"st", SEX_UNKNOWN, 0, 1},
	{"old", SEX_UNKNOWN, 0, 1},
	{"young", SEX_UNKNOWN, 0, 1},
	{"m", SEX_MALE, RANK_SIR, 0},
	{"aunty", SEX_FEMALE, RANK_AUNT, 1},
	{"auntie", SEX_FEMALE, RANK_AUNT, 1},
	{"grandfather", SEX_MALE, RANK_SIR, 1},
	{"grandmother", SEX_FEMALE, 0, 1},
	{"nurse", SEX_FEMALE, 0, 1},
	{"emperor", SEX_MALE, RANK_SIR, 1},
	{"empress", SEX_FEMALE, RANK_LADY, 1},
};

const struct title *form_title(const char *title)
{
	const char *word = strrchr(title, ' ');
	word = word ? word + 1 : title;
	size_t len = strcspn(word, ".");
	for (size_t i = 0; i < ARRAY_LEN(titles); i++) {
		if (strlen(titles[i].word) == len && !strncmp(titles[i].word, word, len))
			return &titles[i];
	}
	return NULL;
}

/* ---- names taken apart */

void form_init(struct form *f, const struct sighting *s, size_t index)
{
	CLEANUP(cleanup_free) char *title = xstrndup(s->name, s->bare);
	*f = (struct form){.s = s, .parent = index};
	f->key = fold_name(s->name + s->bare);
	f->title = fold_name(title);
	for (size_t len = strlen(f->title); len && f->title[len - 1] == ' ';)
		f->title[--len] = '\0';
	const struct title *t = *f->title ? form_title(f->title) : NULL;
	f->sex = t ? t->sex : SEX_UNKNOWN;
	f->ranks = t ? t->rank : 0;
	const char *space = strrchr(f->key, ' ');
	f->last = space ? space + 1 : f->key;
	f->first_len = strcspn(f->key, " ");
	f->shape = s->noun     ? SHAPE_NOUN
		   : space     ? SHAPE_FULL
		   : *f->title ? SHAPE_TITLED
			       : SHAPE_LONE;
	memcpy(f->sum, s->n, sizeof(f->sum));
}

int form_compare(const struct entry *a, const char *word, size_t len)
{
	int r = memcmp(a->word, word, a->len < len ? a->len : len);
	return r ? r : a->len < len ? -1 : a->len > len;
}

int form_compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = form_compare(x, y->word, y->len);
	return r ? r : x->form < y->form ? -1 : x->form > y->form;
}

void forms_index(struct forms *f)
{
	f->words = xcalloc(2 * f->count + 1, sizeof(*f->words));
	for (size_t i = 0; i < f->count; i++) {
		const struct form *x = &f->items[i];
		if (x->out)
			continue;
		if (x->shape == SHAPE_NOUN) {
			f->words[f->word_count++] = (struct entry){x->last, strlen(x->last), i};
			continue;
		}
		f->words[f->word_count++] = (struct entry){x->key, x->first_len, i};
		if (x->shape == SHAPE_FULL && !strstr(x->key, " of "))
			f->words[f->word_count++] = (struct entry){x->last, strlen(x->last), i};
	}
	qsort(f->words, f->word_count, sizeof(*f->words), form_compare_entries);
}

/* The first entry that is not before the word. */
size_t form_find(const struct entry *entries, size_t count, const char *word, size_t len)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (form_compare(&entries[mid], word, len) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

size_t forms_find(const struct forms *f, const char *word, size_t len)
{
	return form_find(f->words, f->word_count, word, len);
}

/* ---- joining */

uint64_t form_votes(const uint32_t n[SIGHTS])
{
	return (uint64_t)n[SIGHT_CHARACTER] + n[SIGHT_CREATURE] + n[SIGHT_PLACE] + n[SIGHT_ITEM];
}

size_t forms_root(struct forms *f, size_t i)
{
	while (f->items[i].parent != i)
		i = f->items[i].parent = f->items[f->items[i].parent].parent;
	return i;
}

void forms_join(struct forms *f, size_t a, size_t b)
{
	a = forms_root(f, a);
	b = forms_root(f, b);
	if (a == b)
		return;
	struct form *into = &f->items[a < b ? a : b], *from = &f->items[a < b ? b : a];
	from->parent = a < b ? a : b;
	for (size_t i = 0; i < SIGHTS; i++)
		into->sum[i] += from->sum[i];
	if (!into->sex)
		into->sex = from->sex;
	into->ranks |= from->ranks;
}

const uint32_t *forms_sum(struct forms *f, size_t i)
{
	return f->items[forms_root(f, i)].sum;
}

enum sex forms_sex(struct forms *f, size_t i)
{
	const struct form *root = &f->items[forms_root(f, i)];
	uint32_t male = root->sum[SIGHT_MALE], female = root->sum[SIGHT_FEMALE];
	if (root->sex)
		return root->sex;
	return male > 2 * female + 2 ? SEX_MALE : female > 2 * male + 2 ? SEX_FEMALE : SEX_UNKNOWN;
}

bool forms_same_sex(struct forms *f, size_t a, size_t b)
{
	enum sex x = forms_sex(f, a), y = forms_sex(f, b);
	return !x || !y || x == y;
}

/* Beings or things, if the votes say so clearly. */
int form_nature(const uint32_t n[SIGHTS])
{
	uint64_t being = (uint64_t)n[SIGHT_CHARACTER] + n[SIGHT_CREATURE],
		 thing = (uint64_t)n[SIGHT_PLACE] + n[SIGHT_ITEM];
	return being > 2 * thing + 3 ? 1 : thing > 2 * being + 2 ? -1 : 0;
}

bool forms_may_join(struct forms *f, size_t a, size_t b)
{
	int x = form_nature(forms_sum(f, a)), y = form_nature(forms_sum(f, b));
	unsigned ranks = f->items[forms_root(f, a)].ranks | f->items[forms_root(f, b)].ranks;
	bool two = (ranks & RANK_WIFE) && (ranks & (RANK_MISS | RANK_LADY));
	return x * y >= 0 && forms_same_sex(f, a, b) && !two;
}

/* Times that the first name of each full name stands alone. */
void forms_count_alone(struct forms *f)
{
	for (size_t i = 0, k; i < f->word_count; i = k) {
		uint32_t alone = 0;
		for (k = i; k < f->word_count; k++) {
			const struct form *x = &f->items[f->words[k].form];
			if (form_compare(&f->words[k], f->words[i].word, f->words[i].len))
				break;
			if (x->shape == SHAPE_LONE)
				alone += x->s->n[SIGHT_COUNT];
		}
		for (size_t n = i; n < k; n++) {
			struct form *x = &f->items[f->words[n].form];
			if (x->shape == SHAPE_FULL && f->words[n].word == x->key)
				x->alone = alone;
		}
	}
}

void forms_finish(struct forms *f)
{
	for (size_t i = 0; i < f->count; i++) {
		free(f->items[i].key);
		free(f->items[i].title);
	}
	free(f->items);
	free(f->words);
}
