/* SPDX-License-Identifier: MIT */
#include "exchange.h"

/*
 * What an answer takes, before there is one: as much as the prompt allows. It asks for quotes of 3
 * to 8 sentences, of which the chapter itself says how long they are, for descriptions of at most
 * 60 words, which come out some three quarters as long, and for those who are seen, of whom a scene
 * shows two or three, some of them again and again. What stands around that was counted with the
 * tokenizer of newer models (o200k): the schema's own words, a mood, a light, names.
 *
 * That is of a model that does as it is told. What one really does is known when it has answered:
 * jobs' estimate goes by that then.
 */

enum {
	FRAME_TOKENS = 10,
	SCENE_TOKENS = 100, /* besides the quote; of them 55 for 44 words of English */
	SEEN_TOKENS = 60,   /* of one who is seen, besides quotes; of them 22 for 18 words */
	SEEN_TEXT = 50,	    /* tokens of text for each that is seen beside the first */
	/* In halves. */
	SCENE_SENTENCES = 11,
	SEEN_SENTENCES = 3,
	SEEN_IN_ALL = 3,
	SEEN_A_SCENE = 3,
};

static bool ends_anywhere(uint32_t cp)
{
	/* Of Chinese and Japanese, full width too; of Arabic, Urdu, Hindi, Armenian. */
	return cp == 0x3002 || cp == 0xff01 || cp == 0xff1f || cp == 0xff0e || cp == 0x061f ||
	       cp == 0x06d4 || cp == 0x0964 || cp == 0x0589;
}

static bool is_word(uint32_t cp)
{
	return (cp >= '0' && cp <= '9') || ((cp | 0x20) >= 'a' && (cp | 0x20) <= 'z') ||
	       (cp >= 0xc0 && !(cp >= 0x2000 && cp < 0x2e80) && !(cp >= 0x3000 && cp < 0x3040));
}

/* Sentences, and what stands alone on a line as they do. "e.g." is two, "3.5" is none. */
static int64_t sentences_in(const char *s, size_t len)
{
	int64_t count = 0;
	bool open = false, dot = false;
	for (const char *end = s + len; s < end;) {
		uint32_t cp = utf8_next(&s, end);
		bool word = is_word(cp) && !ends_anywhere(cp);
		if (open && (ends_anywhere(cp) || cp == '\n' || (dot && !word))) {
			count++;
			open = false;
		}
		open |= word;
		dot = cp == '.' || cp == '!' || cp == '?';
	}
	return count + open;
}

/* Of `halves` half sentences of this text, of which there are no more than it has. */
static int64_t tokens_of(int64_t halves, int64_t text_tokens, int64_t sentences)
{
	halves = halves < 2 * sentences ? halves : 2 * sentences;
	return halves * text_tokens / (2 * sentences);
}

int64_t answer_tokens(const char *text, size_t len, int scenes)
{
	int64_t sentences = sentences_in(text, len), tokens = tokens_estimate(text, len);
	if (!sentences || scenes < 1)
		return FRAME_TOKENS;
	int64_t seen_halves = SEEN_IN_ALL + SEEN_A_SCENE * (int64_t)scenes;
	int64_t most_halves = 2 + 2 * tokens / SEEN_TEXT; /* a title alone shows nobody */
	seen_halves = seen_halves < most_halves ? seen_halves : most_halves;
	int64_t scene = SCENE_TOKENS + tokens_of(SCENE_SENTENCES, tokens, sentences);
	int64_t seen = SEEN_TOKENS + tokens_of(SEEN_SENTENCES, tokens, sentences);
	return FRAME_TOKENS + scene * scenes + seen * seen_halves / 2;
}
