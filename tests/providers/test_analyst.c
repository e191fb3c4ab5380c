/* SPDX-License-Identifier: MIT */
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "providers.h"

/* A chapter of our own: plain talk, in which the visual passages are few and known. */

static const char talk[] = "\xe2\x80\x9cI do not agree,\xe2\x80\x9d said Mr. Hollis. "
			   "\xe2\x80\x9cThe question is what we "
			   "mean by it, and why you ask.\xe2\x80\x9d\n\n"
			   "\xe2\x80\x9cThen let us leave it,\xe2\x80\x9d Nora replied. "
			   "\xe2\x80\x9cThere is no reason to "
			   "decide before we know the facts.\xe2\x80\x9d\n\n"
			   "He thought about the matter for some time, and came to no conclusion. "
			   "It was a question of "
			   "principle. She could not believe that he would change his opinion.\n\n";

static const char harbour[] =
	"The red sun sank behind the black masts of the harbour. Grey gulls wheeled over the wet "
	"stones, and a cold wind drove the yellow leaves along the quay. Nora drew her long green "
	"cloak about her shoulders. On the dark water a white ship swung slowly at its chain.\n\n";

static const char tower[] =
	"Moonlight lay on the snow before the tower. A silver fox crossed the frozen pond, and its "
	"shadow ran beside it, blue and thin. In the high window of the tower a lantern burned, "
	"and "
	"old Mr. Hollis stood there with his white beard and his brown coat, and watched the "
	"stars.\n\n";

static char *make_chapter(size_t talks)
{
	CLEANUP(buf_finish) struct buf b = {0};

	buf_adds(&b, "# The Harbour\n\n");
	for (size_t i = 0; i < talks; i++) {
		if (i == talks / 3)
			buf_adds(&b, harbour);
		if (i == talks * 2 / 3)
			buf_adds(&b, tower);
		buf_adds(&b, talk);
	}
	return buf_steal(&b, NULL);
}

static struct analysis *analyze(const char *text, size_t len, int scenes)
{
	struct analysis *a = NULL;
	struct err err = {0};
	struct analyze_request r = {
		.book_title = "Test",
		.language = "en",
		.chapter = 1,
		.chapter_title = "One",
		.text = text,
		.text_len = len,
		.scenes = scenes,
	};

	if (builtin_analyze(&a, &r, &err) < 0)
		fprintf(stderr, "analysis failed: %s\n", err.msg);
	CHECK(a != NULL);
	return a;
}

/* ---- what must hold of every analysis of any text */

static int count_words(const char *s)
{
	return (int)utf8_words(s, strlen(s));
}

static size_t next_word(char out[64], const char **s)
{
	size_t n = 0;

	while (**s && !((**s | 32) >= 'a' && (**s | 32) <= 'z') && !(**s & 0x80))
		(*s)++;
	for (; ((**s | 32) >= 'a' && (**s | 32) <= 'z') || (**s & 0x80); (*s)++) {
		if (n < 63)
			out[n++] = **s >= 'A' && **s <= 'Z' ? (char)(**s + 32) : **s;
	}
	out[n] = '\0';
	return n;
}

/* The longest run of words that both have, by brute force. */
static int shared_run(const char *a, const char *b)
{
	int longest = 0;
	char x[64], y[64];

	for (const char *from_a = a; *from_a; next_word(x, &from_a)) {
		for (const char *from_b = b; *from_b; next_word(y, &from_b)) {
			const char *p = from_a, *q = from_b;
			int n = 0;

			while (next_word(x, &p) && next_word(y, &q) && !strcmp(x, y))
				n++;
			longest = n > longest ? n : longest;
		}
	}
	return longest;
}

static void check_quote(const struct quote *q, const char *text, size_t len)
{
	CHECK(q->offset != QUOTE_NOT_FOUND && q->offset <= len && q->len <= len - q->offset);
	CHECK(strlen(q->text) == q->len && !memcmp(text + q->offset, q->text, q->len));
}

static void check_properties(const struct analysis *a, const char *text, size_t len, int scenes)
{
	CHECK((int)a->concept_count <= scenes);
	CHECK(a->note && strstr(a->note, "xtractive"));
	size_t behind = 0;
	for (size_t i = 0; i < a->concept_count; i++) {
		const struct concept *c = &a->concepts[i];

		check_quote(&c->quote, text, len);
		CHECK(c->quote.offset >= behind);
		behind = c->quote.offset + c->quote.len;
		CHECK(c->description[0] && count_words(c->description) <= 60);
		CHECK(shared_run(c->description, c->quote.text) <= 12);
		CHECK(utf8_valid(c->description, strlen(c->description)));
		for (size_t k = 0; k < c->elements.len; k++) {
			bool known = false;
			for (size_t e = 0; e < a->element_count; e++)
				known |= !strcmp(a->elements[e].name, c->elements.items[k]);
			CHECK(known);
		}
	}
	for (size_t i = 0; i < a->element_count; i++) {
		const struct element *e = &a->elements[i];

		CHECK(e->name[0] && e->description[0] && e->quote_count > 0);
		for (size_t k = 0; k < e->quote_count; k++)
			check_quote(&e->quotes[k], text, len);
	}
}

/* ---- the chapter of our own */

static void test_scenes(void)
{
	CLEANUP(cleanup_free) char *text = make_chapter(12);
	CLEANUP(analysis_free_cleanup) struct analysis *a = analyze(text, strlen(text), 2);

	check_properties(a, text, strlen(text), 2);
	CHECK_INT(a->concept_count, 2);
	if (a->concept_count != 2)
		return;
	CHECK(strstr(a->concepts[0].quote.text, "The red sun sank") != NULL);
	CHECK(strstr(a->concepts[1].quote.text, "Moonlight lay on the snow") != NULL);
	CHECK(strstr(a->concepts[0].quote.text, "I do not agree") == NULL);
	CHECK_STR(a->concepts[1].lighting, "moonlight");
	CHECK(strstr(a->concepts[0].description, "green cloak") != NULL);
	CHECK(strv_has(&a->concepts[0].elements, "Nora"));
}

/* ---- bounds and hostile text */

static void test_small(void)
{
	static const char *const texts[] = {
		"",
		"\n",
		"# Only a heading\n",
		"One word.\n",
		"Two. Three.\n",
		"* * *\n\n---\n",
		"\xe2\x80\x9cYes.\xe2\x80\x9d\n\n\xe2\x80\x9cNo.\xe2\x80\x9d\n"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		CLEANUP(analysis_free_cleanup)
		struct analysis *a = analyze(texts[i], strlen(texts[i]), 3);

		CHECK_INT(a->concept_count, 0);
		check_properties(a, texts[i], strlen(texts[i]), 3);
	}
	CLEANUP(analysis_free_cleanup) struct analysis *none = analyze(harbour, strlen(harbour), 0);
	CHECK_INT(none->concept_count, 0);
}

/* Texts of one unit again and again, as long as their time is bounded by their length. */
/* Of this thread's processor: what else the machine does is not the analyst's fault. */
static int64_t processor_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void test_hostile(void)
{
	static const char *const units[] = {
		"a",	  "A",	    ". ",	".",	     "\xe2\x80\x9d", "\xe2\x80\xa6", "\n",
		" ",	  "Aa Bb ", "Mr. ",	"the sea. ", "\xe6\x97\xa5", "O'",	     "\"",
		"# \n\n", ">",	    "\xff\xfe", "x\n\n",     "The Sea Of ",
	};

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		CLEANUP(buf_finish) struct buf text = {0};
		while (text.len < 300000)
			buf_adds(&text, units[i]);
		int64_t start = processor_us();
		CLEANUP(analysis_free_cleanup)
		struct analysis *a = analyze(text.data, text.len, 1000000);
		CHECK(processor_us() - start < 5000000);
		check_quote(a->concept_count ? &a->concepts[0].quote
					     : &(struct quote){.text = "", .offset = 0, .len = 0},
			    text.data, text.len);
	}
}

static void test_too_long(void)
{
	struct analysis *a = NULL;
	struct err err = {0};
	struct analyze_request r = {.text = "", .text_len = (size_t)65 << 20, .scenes = 1};

	CHECK_INT(builtin_analyze(&a, &r, &err), -EFBIG);
	CHECK(!a && err.msg[0]);
}

/* The quote would hold the description, were it not for the check. */
static void test_overlap(void)
{
	static const char text[] = "The tailor was at home. He had much to do and he did it. To be "
				   "seen: red cloak, blue "
				   "cloak, green cloak, black hat, white hat, grey hat.\n";
	CLEANUP(analysis_free_cleanup) struct analysis *a = analyze(text, strlen(text), 1);

	CHECK_INT(a->concept_count, 1);
	check_properties(a, text, strlen(text), 1);
}

/* What is only spoken of is not seen, however colourful. */
static void test_dialogue(void)
{
	static const char text[] = "\xe2\x80\x9cThe red sun stood over the black sea. A silver "
				   "ship with white sails ran by the "
				   "green rocks. The golden moon shone on the blue "
				   "snow,\xe2\x80\x9d he said.\n\n* * *\n\n"
				   "He went up to the house. The door of the house was open. He "
				   "sat down on a chair and "
				   "waited for a long time in the cold room.\n";
	CLEANUP(analysis_free_cleanup) struct analysis *a = analyze(text, strlen(text), 1);

	CHECK_INT(a->concept_count, 1);
	CHECK(a->concept_count && !strncmp(a->concepts[0].quote.text, "He went up", 10));
}

/* ---- other languages */

/* Talk, and within it a passage that is to be chosen; a word of it that its description must have.
 */
static const struct language {
	const char *talk, *passage, *word;
} languages[] = {
	{"„Das weiß ich nicht“, sagte er. „Du hast es mir nie gesagt.“\n\n"
	 "„Ich habe es dir oft gesagt“, sagte sie. „Du hast nur nicht zugehört.“\n\n",
	 "Hinter der Mühle lag der Teich unter einer dünnen Eisdecke. Zwei Raben hockten auf dem "
	 "Pfahl, und der Schnee trieb in langen Schleiern über die Wiese. Am Ufer stand ein "
	 "Schlitten mit roten Kufen.\n\n",
	 "Eisdecke"},
	{"— Я не знаю, — сказал он. — Ты мне не говорил.\n\n"
	 "— Я тебе говорил, — ответил тот. — Ты меня не слушал.\n\n",
	 "За мельницей чернела замёрзшая река. Две вороны сидели на столбе, и позёмка стелилась "
	 "через дорогу длинными белыми полосами. У берега стояли санки с красными полозьями.\n\n",
	 "полозьями"},
	{"「知らない」と彼は言った。「言わなかった。」\n\n「何度も言ったよ」と彼女は言った。「聞か"
	 "なかった。」\n\n",
	 "水車小屋の裏で池が凍っていた。二羽の烏が杭に止まり、粉雪が野原を白く流れた。岸辺に赤い"
	 "橇が一台置いてあった。\n\n",
	 "水車小屋"},
	{"«لا أعرف»، قال له. «لم تقل لي ذلك.»\n\n«قلت لك مرارا»، قالت. «لم تسمع.»\n\n",
	 "خلف الطاحونة كانت البحيرة متجمدة تحت الضباب. جلس غرابان أسودان على العمود الخشبي. "
	 "وكانت الزلاجة الحمراء متروكة قرب الشاطئ البعيد.\n\n",
	 "الطاحونة"},
};

static void test_languages(void)
{
	for (size_t i = 0; i < ARRAY_LEN(languages); i++) {
		const struct language *l = &languages[i];
		CLEANUP(buf_finish) struct buf text = {0};
		for (int k = 0; k < 10; k++)
			buf_addf(&text, "%s%s", l->talk, k == 6 ? l->passage : "");
		CLEANUP(analysis_free_cleanup) struct analysis *a = analyze(text.data, text.len, 1);

		CHECK_INT(a->concept_count, 1);
		CHECK(strstr(a->note, "covers English only") != NULL);
		check_properties(a, text.data, text.len, 1);
		if (a->concept_count != 1)
			continue;
		CHECK(!strncmp(a->concepts[0].quote.text, l->passage, 30));
		CHECK(strstr(a->concepts[0].description, l->word) != NULL);
		CHECK_STR(a->concepts[0].mood, "");
		CHECK_STR(a->concepts[0].lighting, "");
	}
}

/* ---- mood, light and hour */

/* What is denied, compared, figurative or idle says nothing; what the passage shows does. */
static void test_air(void)
{
	static const struct {
		const char *text, *lighting, *mood;
	} cases[] = {
		{"The moon stood over the churchyard. Every stone had its black shadow. Behind the "
		 "porch something pale and ghostly drew slowly back.\n",
		 "moonlight", "eerie"},
		{"The boat came down with a crash. Spray flew over the mast, and two men were "
		 "shouting. Every moment the sea leapt out white under the lightning.\n",
		 "storm light", "turbulent"},
		{"A storm of applause broke out, and the clown fell over his own shoes. Everyone "
		 "laughed and clapped. It dawned on my uncle only now that the dog wore his hat.\n",
		 "", "joyful"},
		{"There was no moon that evening over the road. It had rained all day, and low "
		 "grey "
		 "clouds hung on the dykes. A man walked alone through the puddles, and the land "
		 "was solitary and deserted.\n",
		 "overcast, dusk", "lonely"},
		{"The sun had sunk behind the black hills. He drew his cloak about his shoulders "
		 "and "
		 "stood on the wall. The river lay like a storm of copper below.\n",
		 "sunset", NULL},
		{"They sat round the fire at midnight with their knives in their hands. Their "
		 "leader "
		 "snarled. He was a cruel and wicked man, and a wolf howled in the wood.\n",
		 "firelight, night", "menacing"},
		{"In the light of what he told us, nothing was strange. The two men shook hands on "
		 "the stairs. A ray of hope was in their faces as they went to the door.\n",
		 "", NULL},
		{"A lamp with a red shade stood on the bench. The dog lay under the table and "
		 "kept one eye on the door. The room was as quiet as a grave at a funeral.\n",
		 "lamplight, night", NULL},
		{"He put the red box upon the table. A man in a brown coat stood at the window. "
		 "They told the man to leave her alone, and she went to the door.\n",
		 "", NULL},
		{"At half past ten somebody knocked. The candle had burned down, and the house was "
		 "dark. Nobody went to the door.\n",
		 "lamplight, night", NULL},
		{"It was four in the afternoon, and the sun lay on the wall. A cat slept on a "
		 "barrel. The men had gone in.\n",
		 "sunlight, afternoon", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(analysis_free_cleanup)
		struct analysis *a = analyze(cases[i].text, strlen(cases[i].text), 1);

		CHECK_INT(a->concept_count, 1);
		if (a->concept_count != 1)
			continue;
		CHECK_STR(a->concepts[0].lighting, cases[i].lighting);
		if (cases[i].mood)
			CHECK_STR(a->concepts[0].mood, cases[i].mood);
	}
}

/* ---- the description */

static void test_description(void)
{
	static const char text[] =
		"At dusk the old ferryman stood on the stony beach. He held a lantern in his left "
		"hand. Two grey dogs ran along the water, and a red boat rocked at its chain.\n";
	CLEANUP(analysis_free_cleanup) struct analysis *a = analyze(text, strlen(text), 1);
	const char *d = a->concept_count ? a->concepts[0].description : "";

	CHECK(strstr(d, "stony beach") && strstr(d, "by lamplight, at dusk"));
	CHECK(strstr(d, "holds a lantern in his left hand") != NULL);
	CHECK(strstr(d, "Two grey dogs run along the water") != NULL);
	CHECK(!strstr(d, " stood ") && !strstr(d, " ran "));
}

/* "My" is nobody else's, and who is called "the" so and so is called so. */
/* A slip of the little grammar is read by everybody. */
static void test_grammar(void)
{
	static const struct {
		const char *text, *has, *lacks;
	} cases[] = {
		{"The flats shone in the early light. His knuckles were white. The sailors drew "
		 "the "
		 "boat ashore.\n",
		 "flats shine in the early light", "is white"},
		{"The dark pines rose before the house. It was late. It was a pity.\n",
		 "pines rise before the house", "pin "},
		{"The old men ran out to talk it over, and the boys stayed. A red lamp burned. It "
		 "was late.\n",
		 "old men", "talk it"},
		{"The tall sailor drew this last forward. The black dog was on what seemed to be a "
		 "bed. It was late.\n",
		 "black dog", "what seemed"},
		{"\"A white ship!\" cried the boy, and he ran along the grey wall. It was late. It "
		 "was cold.\n",
		 "along the grey wall", "ship"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(analysis_free_cleanup)
		struct analysis *a = analyze(cases[i].text, strlen(cases[i].text), 1);
		const char *d = a->concept_count ? a->concepts[0].description : "";

		CHECK(strstr(d, cases[i].has) && !strstr(d, cases[i].lacks));
	}
}

static void test_narrator(void)
{
	static const char text[] =
		"I carried my green lantern to the iron gate. The Grey Friar walked along the wet "
		"wall in a red hood. I lifted my lantern, and the Grey Friar saw the black dog. "
		"Then the Grey Friar ran.\n";
	CLEANUP(analysis_free_cleanup) struct analysis *a = analyze(text, strlen(text), 1);
	const char *d = a->concept_count ? a->concepts[0].description : "";

	CHECK(strstr(d, "The narrator carries the green lantern") != NULL);
	CHECK(strstr(d, "the Grey Friar") || strstr(d, "The Grey Friar"));
	CHECK(!strstr(d, "With Grey") && !strstr(d, "their"));
}

/* A story told by somebody over many paragraphs opens a quotation in each. It is no talk. */
static void test_told(void)
{
	CLEANUP(buf_finish) struct buf text = {0};
	for (int i = 0; i < 4; i++)
		buf_adds(&text, "“I thought about the matter, and came to no conclusion. It was a "
				"question of principle. I could not believe it.\n\n");
	size_t at = text.len;
	buf_adds(&text, "“The red sun sank behind the black masts. Grey gulls wheeled over the wet "
			"stones. A white ship swung at its chain.\n\n“Then I told them so.”\n");
	CLEANUP(analysis_free_cleanup) struct analysis *a = analyze(text.data, text.len, 1);

	CHECK_INT(a->concept_count, 1);
	CHECK(a->concept_count && a->concepts[0].quote.offset <= at + 3 &&
	      a->concepts[0].quote.offset >= at);
}

/* ---- the same bytes in every locale */

static void test_locales(void)
{
	static const char *const locales[] = {"C", "C.UTF-8", "tr_TR.UTF-8", "de_DE.UTF-8"};
	CLEANUP(cleanup_free) char *text = make_chapter(12);
	CLEANUP(buf_finish) struct buf first = {0};

	for (size_t i = 0; i < ARRAY_LEN(locales); i++) {
		CLEANUP(buf_finish) struct buf now = {0};

		if (!setlocale(LC_ALL, locales[i]))
			continue;
		CLEANUP(analysis_free_cleanup) struct analysis *a = analyze(text, strlen(text), 3);
		CHECK(analysis_encode(&now, a) == 0);
		if (i == 0)
			buf_adds(&first, buf_str(&now));
		CHECK_STR(buf_str(&now), buf_str(&first));
	}
	setlocale(LC_ALL, "C");
	/* And on every machine, by every compiler: this changes with the rules alone. */
	char hex[HASH_HEX];
	CLEANUP(hash_free_cleanup) struct hash *h = hash_new();
	hash_add(h, first.data, first.len);
	hash_hex(hex, h);
	CHECK_STR(hex, "705741dc6e96a2c9d5e1d9ab59692e94577c8ebf66c18b2b43b75f058bd5d828");
}

int main(void)
{
	test_scenes();
	test_small();
	test_hostile();
	test_too_long();
	test_overlap();
	test_dialogue();
	test_languages();
	test_air();
	test_description();
	test_grammar();
	test_narrator();
	test_told();
	test_locales();
	return check_result();
}
