/* SPDX-License-Identifier: MIT */
#include "nickname.h"

#include <string.h>

/*
 * Short forms of English given names. Most are the name's own beginning; the others change a sound
 * (b for w, n before a vowel, l for r), and they do so in every name that begins alike: so what is
 * listed are beginnings, of the short form and of the names.
 */
static const struct {
	const char *nick, *full;
} nicknames[] = {
	{"bes", "eli"},	  {"bet", "eli"},    {"bec", "reb"},   {"bil", "wil"},	{"bob", "rob"},
	{"cath", "kath"}, {"char", "carol"}, {"chuc", "char"}, {"dic", "ric"},	{"dol", "dor"},
	{"fan", "fra"},	  {"ger", "jer"},    {"har", "hen"},   {"het", "hen"},	{"jac", "joh"},
	{"jen", "gui"},	  {"jen", "jan"},    {"jer", "ger"},   {"jo", "jose"},	{"kat", "cat"},
	{"kath", "cath"}, {"kit", "cat"},    {"kit", "kat"},   {"kit", "chri"}, {"lar", "law"},
	{"lau", "law"},	  {"liz", "eli"},    {"lot", "char"},  {"mag", "mar"},	{"mam", "mar"},
	{"may", "mar"},	  {"meg", "mar"},    {"mik", "mich"},  {"min", "wil"},	{"mol", "mar"},
	{"nan", "an"},	  {"nat", "nath"},   {"ned", "edw"},   {"ned", "edm"},	{"nel", "ele"},
	{"nel", "ell"},	  {"nel", "hel"},    {"nor", "ele"},   {"pad", "pat"},	{"peg", "mar"},
	{"pol", "mar"},	  {"sal", "sar"},    {"san", "alex"},  {"suk", "sus"},	{"ted", "edw"},
	{"ted", "theo"},  {"tib", "isa"},    {"til", "mat"},   {"tin", "chri"}, {"tom", "tho"},
	{"ton", "ant"},	  {"wil", "wil"},
};

static bool begins(const char *name, const char *with)
{
	return !strncmp(name, with, strlen(with));
}

const char *nickname_full(const char *nick, size_t n)
{
	enum { ENDING = 3 }; /* "-sy", "-ty", "-lly" */
	for (size_t i = 0; i < ARRAY_LEN(nicknames); i++) {
		bool fits = begins(nick, nicknames[i].nick) &&
			    strlen(nick) <= strlen(nicknames[i].nick) + ENDING;
		if (fits && n-- == 0)
			return nicknames[i].full;
	}
	return NULL;
}

/* A much longer ending makes another name. */
static bool shortens(const char *nick, const char *name)
{
	size_t len = strlen(nick), whole = strlen(name);
	return len >= 3 && whole > len && whole <= len + 5 && begins(name, nick);
}

bool nickname_like(const char *a, const char *b)
{
	return shortens(a, b) || shortens(b, a);
}
