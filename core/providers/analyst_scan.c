/* SPDX-License-Identifier: MIT */
#include "analyst_grammar.h"

enum { FACTS_MAX = 1 << 16 };

bool scan_apart(const struct word *before, const struct word *w)
{
	for (const char *s = before->s + before->len; s < w->s; s++) {
		if (!strchr(" -'s\n", *s) && (unsigned char)*s != 0xe2 &&
		    (unsigned char)*s != 0x80 && (unsigned char)*s != 0x99)
			return true;
	}
	return false;
}

bool scan_comma(const struct word *before, const struct word *w)
{
	return w->s - (before->s + before->len) == 2 && !memcmp(before->s + before->len, ", ", 2);
}

bool scan_clause(const struct word *before, const struct word *w)
{
	const char *gap = before->s + before->len;
	size_t len = (size_t)(w->s - gap);
	return memchr(gap, ';', len) || memchr(gap, ':', len);
}

bool scan_is_thing(const struct cast *c, uint32_t m)
{
	return m != NOBODY && m != SOMEBODY &&
	       (c->members[m - 1].type == ELEMENT_PLACE || c->members[m - 1].type == ELEMENT_ITEM);
}
bool scan_is_being(const struct cast *c, uint32_t m)
{
	return m != NOBODY && !scan_is_thing(c, m);
}

bool scan_is_preposition(const struct word *w)
{
	return WORD_AMONG(w, "to", "at", "of", "by", "from", "for", "beside", "behind", "after",
			  "before", "like", "near", "towards", "upon", "on", "into", "in", "over",
			  "under", "above", "below", "against", "than", "with");
}

bool scan_is_linking(const struct word *w)
{
	return WORD_AMONG(w, "was", "were", "is", "are", "had", "has", "wore", "wears", "wearing",
			  "looked", "seemed", "grew", "became", "have", "been", "be");
}

/* A finite verb; behind an article or another word that describes it is none ("black curls"). */
bool scan_is_verb(const struct word *w, const struct word *first)
{
	if (!w->lex || w->lex->verb < 60 || w->lex->adjective >= 30 || grammar_is_look(w) ||
	    grammar_is_part(w))
		return false;
	if (w > first && grammar_is_participle(w) &&
	    (!w->joined || scan_is_linking(w - 1) || word_is(w - 1, "and")))
		return false;
	if (w > first && w->joined &&
	    (grammar_is_look(w - 1) || word_has(w - 1, LEX_MATERIAL) ||
	     WORD_AMONG(w - 1, "a", "an", "the", "his", "her", "its")))
		return false;
	return !(w->len > 4 &&
		 (!memcmp(w->s + w->len - 2, "ed", 2) || !memcmp(w->s + w->len - 3, "ing", 3)));
}

bool scan_is_owning(const struct word *w)
{
	return WORD_AMONG(w, "his", "her", "its", "their");
}

void scan_add(struct scan *s, size_t from, size_t to, uint32_t owner, uint32_t weight)
{
	const struct word *last = &s->words[to - 1];
	struct looks *l = s->out;
	uint32_t start = (uint32_t)(s->words[from].s - s->prose->text),
		 end = (uint32_t)(last->s + last->len - s->prose->text);
	if (l->len == FACTS_MAX)
		return;
	for (size_t i = s->first_fact; i < l->len; i++) {
		const struct fact *f = &l->facts[i];
		if (f->member + 1 == owner && f->start <= start && f->end >= end)
			return; /* a part of what is told already */
	}
	l->facts = xgrow(l->facts, &l->cap, l->len + 1, sizeof(*l->facts));
	l->facts[l->len++] = (struct fact){
		.member = owner - 1,
		.start = start,
		.end = end,
		.weight = weight,
	};
}
