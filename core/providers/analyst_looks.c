/* SPDX-License-Identifier: MIT */
#include "analyst_scan.h"

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
		if (m->unnamed || !scan_is_thing(c, (uint32_t)i + 1) || !last || !often ||
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
		s->first_fact = l->len;
		whom_read(s, (uint32_t)i);
		being_facts(s);
		thing_facts(s);
	}
	free(s->same);
	free(s);
	looks_sort(l);
}
