/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <string.h>

#include "matter.h"
#include "text.h"

/* A heading of plain text is a short line that begins with a word for a chapter or part and a
 * number, in the languages that are common; or one of the names of story and other matter. */

#define LINE_BYTES 240 /* longer lines are no headings */
#define LINE_CHARS 75

static const struct {
	const char *word; /* folded */
	enum heading_kind kind;
} labels[] = {
	{"chapter", HEADING_CHAPTER},	{"chap", HEADING_CHAPTER},
	{"stave", HEADING_CHAPTER},	{"letter", HEADING_CHAPTER},
	{"canto", HEADING_CHAPTER},	{"kapitel", HEADING_CHAPTER},
	{"chapitre", HEADING_CHAPTER},	{"capítulo", HEADING_CHAPTER},
	{"capitulo", HEADING_CHAPTER},	{"capitolo", HEADING_CHAPTER},
	{"hoofdstuk", HEADING_CHAPTER}, {"глава", HEADING_CHAPTER},
	{"rozdział", HEADING_CHAPTER},	{"kapitola", HEADING_CHAPTER},
	{"luku", HEADING_CHAPTER},	{"الفصل", HEADING_CHAPTER},
	{"book", HEADING_PART},		{"part", HEADING_PART},
	{"volume", HEADING_PART},	{"vol", HEADING_PART},
	{"act", HEADING_PART},		{"teil", HEADING_PART},
	{"buch", HEADING_PART},		{"band", HEADING_PART},
	{"partie", HEADING_PART},	{"livre", HEADING_PART},
	{"tome", HEADING_PART},		{"parte", HEADING_PART},
	{"libro", HEADING_PART},	{"tomo", HEADING_PART},
	{"livro", HEADING_PART},	{"deel", HEADING_PART},
	{"boek", HEADING_PART},		{"часть", HEADING_PART},
	{"книга", HEADING_PART},	{"том", HEADING_PART},
	{"الباب", HEADING_PART},	{"الجزء", HEADING_PART},
};

/* Story without a number. What else has a name is in matter.c's table. */
static const char *const story_names[] = {
	"prologue",	"epilogue",   "introduction", "conclusion",   "interlude",  "prolog",
	"epilog",	"einleitung", "schluss",      "épilogue",     "prólogo",    "epílogo",
	"introducción", "prologo",    "epilogo",      "introduzione", "introdução", "proloog",
	"epiloog",	"inleiding",  "пролог",	      "эпилог",	      "введение",   "序章",
	"终章",		"終章",	      "楔子",	      "プロローグ",   "エピローグ",
};

/* The value of a Roman number in letters of one case; 0 if it is none. */
static int roman(const char *s, size_t len)
{
	int total = 0, last = 0;

	if (!len || len > 12)
		return 0;
	for (size_t i = len; i-- > 0;) {
		const char *at = strchr("IVXLCDM", toupper((unsigned char)s[i]));
		static const int values[] = {1, 5, 10, 50, 100, 500, 1000};
		int v = at && *at ? values[at - "IVXLCDM"] : 0;

		if (!v)
			return 0;
		total += v < last ? -v : v;
		last = v > last ? v : last;
	}
	return total;
}

static bool is_number_word(const char *s, size_t len)
{
	static const char *const words[] = {
		"one",	  "two",    "three",   "four",	 "five",   "six",    "seven",  "eight",
		"nine",	  "ten",    "eleven",  "twelve", "first",  "second", "third",  "fourth",
		"fifth",  "sixth",  "seventh", "eighth", "ninth",  "tenth",  "last",   "the",
		"thir",	  "four",   "fif",     "twenty", "thirty", "forty",  "fifty",  "erste",
		"zweite", "dritte", "premi",   "deuxi",	 "troisi", "primer", "segund", "terce",
		"primo",  "second", "terzo",   "eerste", "tweede", "перв",   "втор",   "трет",
		"четв",	  "пят",    "uno",     "dos",	 "tres",   "un",     "deux",   "trois",
		"eins",	  "zwei",   "drei",    "الأول",	 "الثاني", "الثالث", "الرابع", "الخامس"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (len >= strlen(words[i]) && !strncmp(s, words[i], strlen(words[i])))
			return true;
	return false;
}

static int number_of(const char *s, size_t len)
{
	int value = 0;
	size_t i = 0;

	while (i < len && i < 4 && isdigit((unsigned char)s[i]))
		value = value * 10 + s[i++] - '0';
	return i && i == len ? value : roman(s, len);
}

/* "chapter" and then a number, or "erstes kapitel". folded: words apart by one blank. */
static enum heading_kind labelled(bool *bare, const char *folded)
{
	size_t first = strcspn(folded, " ");
	const char *second = folded[first] ? folded + first + 1 : "";
	size_t second_len = strcspn(second, " ");

	for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
		size_t len = strlen(labels[i].word);

		if (first == len && !strncmp(folded, labels[i].word, len) &&
		    (number_of(second, second_len) || is_number_word(second, second_len))) {
			const char *rest = second + second_len;

			*bare = !*rest || (is_number_word(second, second_len) &&
					   !strchr(rest + 1, ' ') && strlen(rest) < 14);
			return labels[i].kind;
		}
		if (second_len == len && !strncmp(second, labels[i].word, len) &&
		    is_number_word(folded, first)) {
			*bare = !second[second_len];
			return labels[i].kind;
		}
	}
	return HEADING_NONE;
}

/* 第一章, 第12回, 第三部 */
static enum heading_kind numbered_cjk(bool *bare, const char *s, size_t len)
{
	static const struct {
		const char *sign;
		enum heading_kind kind;
	} signs[] = {{"章", HEADING_CHAPTER}, {"回", HEADING_CHAPTER}, {"話", HEADING_CHAPTER},
		     {"话", HEADING_CHAPTER}, {"節", HEADING_CHAPTER}, {"节", HEADING_CHAPTER},
		     {"部", HEADING_PART},    {"卷", HEADING_PART},    {"編", HEADING_PART},
		     {"篇", HEADING_PART},    {"集", HEADING_PART}};

	if (len < 9 || memcmp(s, "第", 3))
		return HEADING_NONE;
	for (size_t at = 4; at < len && at < 24; at++)
		for (size_t i = 0; i < ARRAY_LEN(signs); i++)
			if (at + 3 <= len && !memcmp(s + at, signs[i].sign, 3)) {
				*bare = at + 3 == len;
				return signs[i].kind;
			}
	return HEADING_NONE;
}

static bool is_named(const char *folded)
{
	for (size_t i = 0; i < ARRAY_LEN(story_names); i++)
		if (!strcmp(folded, story_names[i]))
			return true;
	return false;
}

/* "IV", "IV.", "12": the number, else 0. */
static int bare_number(const char *s, size_t len)
{
	if (len && strchr(".:)", s[len - 1]))
		len--;
	for (size_t i = 0; i < len; i++)
		if (!isdigit((unsigned char)s[i]) && !strchr("IVXLC", s[i]))
			return 0;
	return number_of(s, len);
}

/* "IV. The Bridge": the number, else 0. */
static int titled_number(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && (isdigit((unsigned char)s[n]) || strchr("IVXLC", s[n])))
		n++;
	if (!n || n + 3 > len || s[n] != '.' || s[n + 1] != ' ' ||
	    (s[n + 2] >= 'a' && s[n + 2] <= 'z') || strchr(".,;", s[len - 1]))
		return 0;
	return number_of(s, n);
}

static bool has_lower_start(const char *s)
{
	return *s >= 'a' && *s <= 'z';
}

enum heading_kind heading_of_line(bool *bare, int *number, const char *s, size_t len)
{
	char folded[LINE_BYTES + 8], line[LINE_BYTES + 1];
	enum heading_kind kind;

	*bare = false;
	*number = 0;
	while (len && isspace((unsigned char)*s)) {
		s++;
		len--;
	}
	while (len && isspace((unsigned char)s[len - 1]))
		len--;
	while (len && (*s == '_' || *s == '*') && s[len - 1] == *s && len > 2) {
		s++;
		len -= 2;
	}
	if (!len || len > LINE_BYTES || strchr(",;", s[len - 1]) || has_lower_start(s))
		return HEADING_NONE;
	memcpy(line, s, len);
	line[len] = '\0';
	matter_fold(folded, sizeof(folded), line);
	if ((unsigned char)*s < 0x80 && len > LINE_CHARS)
		return HEADING_NONE;
	kind = labelled(bare, folded);
	if (!kind)
		kind = numbered_cjk(bare, s, len);
	if (kind)
		return kind;
	if (is_named(folded) || (matter_of_title(line) != MATTER_NONE && len < 50 &&
				 s[len - 1] != '.' && !isdigit((unsigned char)*s)))
		return HEADING_CHAPTER;
	*number = bare_number(s, len);
	*bare = *number > 0;
	if (!*number)
		*number = titled_number(s, len);
	return *number ? HEADING_NUMBER : HEADING_NONE;
}
