/* SPDX-License-Identifier: MIT */
#include "analyst_clock.h"

#include <string.h>

/*
 * Hours of the clock: "nine o'clock", "half past six", "at two", "ten to four", "the clock
 * gave three". Twelve of them make a day twice, so the words behind ("in the morning", "at night")
 * or else whether it is dark must tell which is meant.
 */

static bool is_word(const struct word *w, const char *what)
{
	size_t len = strlen(what);
	return w->len == len && (w->s[0] | 32) == what[0] && !strncmp(w->s + 1, what + 1, len - 1);
}

#define IS_AMONG(w, ...)                                                                           \
	is_among(w, (const char *const[]){__VA_ARGS__},                                            \
		 ARRAY_LEN(((const char *const[]){__VA_ARGS__})))

static bool is_among(const struct word *w, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (is_word(w, list[i]))
			return true;
	}
	return false;
}

/* 1 to 12, or 0. */
static unsigned numeral(const struct word *w)
{
	static const char *const numerals[] = {"one",  "two", "three",	"four",
					       "five", "six", "seven",	"eight",
					       "nine", "ten", "eleven", "twelve"};
	for (unsigned i = 0; i < ARRAY_LEN(numerals); i++) {
		if (is_word(w, numerals[i]))
			return i + 1;
	}
	return 0;
}

/* "At two yards", "by nine men": a number of something. */
static bool counts_things(const struct word *words, size_t count, size_t i)
{
	if (i + 1 == count || !words[i + 1].joined)
		return false;
	const struct word *next = &words[i + 1];
	return !IS_AMONG(next, "o", "and", "by", "in", "at", "on", "when", "that", "the", "he",
			 "she", "they", "we", "i", "it", "before", "or", "to", "sharp", "precisely",
			 "a", "with", "there", "this");
}

/* The ten of "ten to four". */
static bool counts_minutes(const struct word *words, size_t count, size_t i)
{
	return i + 2 < count && IS_AMONG(&words[i + 1], "to", "past") && numeral(&words[i + 2]);
}

static bool has_clock(const struct word *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (IS_AMONG(&words[i], "clock", "bell", "bells", "chimed", "watch"))
			return true;
	}
	return false;
}

/* Does a time of day stand at i? */
static bool tells_time(const struct word *words, size_t count, size_t i)
{
	if (i + 1 < count && is_word(&words[i + 1], "o") && words[i + 1].joined)
		return true;
	if (!i || counts_things(words, count, i) || counts_minutes(words, count, i))
		return false;
	const struct word *left = &words[i - 1];
	if (!words[i].joined)
		return false;
	if (IS_AMONG(left, "past", "struck", "strike", "striking", "strikes"))
		return true;
	if (IS_AMONG(left, "to") && i > 1)
		return numeral(&words[i - 2]) ||
		       IS_AMONG(&words[i - 2], "minute", "minutes", "quarter", "twenty");
	if (IS_AMONG(left, "said", "gave", "showed", "chimed", "tolled", "rang"))
		return has_clock(words, count);
	return IS_AMONG(left, "at", "by", "till", "until", "towards", "toward", "nearly", "about",
			"since", "after", "before", "gone");
}

/* "Four in the morning", "ten at night": which hour of the day it is, or none. */
static enum light part_of_day(const struct word *words, size_t count, size_t i, unsigned hour)
{
	size_t end = i + 5 < count ? i + 5 : count;
	for (size_t k = i + 1; k < end; k++) {
		if (is_word(&words[k], "morning"))
			return hour < 5 ? LIGHT_NIGHT : hour == 5 ? LIGHT_DAWN : LIGHT_MORNING;
		if (is_word(&words[k], "afternoon"))
			return LIGHT_AFTERNOON;
		if (is_word(&words[k], "evening"))
			return hour < 8 ? LIGHT_DUSK : LIGHT_NIGHT;
		if (is_word(&words[k], "night"))
			return LIGHT_NIGHT;
	}
	return LIGHT_NONE;
}

unsigned clock_at(enum light *part, const struct word *words, size_t count, size_t i)
{
	unsigned hour = numeral(&words[i]);
	if (!hour || !tells_time(words, count, i))
		return 0;
	*part = part_of_day(words, count, i, hour);
	return hour;
}

enum light clock_hour(unsigned hour, bool dark)
{
	if (dark)
		return hour == 5 || hour == 6 ? LIGHT_DUSK : LIGHT_NIGHT;
	return hour == 12 ? LIGHT_NOON : hour < 6 ? LIGHT_AFTERNOON : LIGHT_MORNING;
}
