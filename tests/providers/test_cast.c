/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "providers.h"

/* Who and what the built-in analyst finds in a chapter, of what type, and how it looks. */

static struct analysis *analyze_titled(const char *text, const char *title)
{
	struct analysis *a = NULL;
	struct err err = {0};
	struct analyze_request r = {
		.book_title = "Test",
		.language = "en",
		.chapter = 1,
		.chapter_title = title,
		.text = text,
		.text_len = strlen(text),
		.scenes = 1,
	};
	if (builtin_analyze(&a, &r, &err) < 0)
		fprintf(stderr, "analysis failed: %s\n", err.msg);
	CHECK(a != NULL);
	for (size_t i = 0; a && i < a->element_count; i++) {
		const struct element *e = &a->elements[i];
		CHECK(e->name[0] && e->description[0] && e->quote_count > 0);
		for (size_t k = 0; k < e->look_count; k++) {
			const struct quote *q = &e->looks[k];
			CHECK(q->offset + q->len <= r.text_len && strlen(q->text) == q->len &&
			      !memcmp(text + q->offset, q->text, q->len));
		}
	}
	return a;
}

static struct analysis *analyze(const char *text)
{
	return analyze_titled(text, "One");
}

static const struct element *find(const struct analysis *a, const char *name)
{
	for (size_t i = 0; i < a->element_count; i++) {
		if (!strcmp(a->elements[i].name, name))
			return &a->elements[i];
	}
	return NULL;
}

static bool has_type(const struct analysis *a, const char *name, enum element_type type)
{
	const struct element *e = find(a, name);
	if (!e)
		fprintf(stderr, "%s: not found\n", name);
	return e && e->type == type;
}

static bool is_also(const struct analysis *a, const char *name, const char *alias)
{
	const struct element *e = find(a, name);
	return e && strv_has(&e->aliases, alias);
}

static bool looks(const struct analysis *a, const char *name, const char *fact)
{
	const struct element *e = find(a, name);
	bool told = e && strstr(e->description, fact);
	if (!told)
		fprintf(stderr, "%s: not \"%s\" but: %s\n", name, fact, e ? e->description : "-");
	return told;
}

static void test_names(void)
{
	CLEANUP(analysis_free_cleanup)
	struct analysis *a = analyze(
		"At dawn the White Rabbit ran past Captain Brand to the old mill. The Rabbit "
		"stopped, and Brand laughed at it. \xe2\x80\x9cGood morning,\xe2\x80\x9d said "
		"Captain Brand. They lived in Ostrand, near Hill Street; in Ostrand everybody "
		"knew the mill. The mill was grey, and the sails of the mill were white. Nobody in "
		"Ostrand had seen the White Rabbit\xe2\x80\x99s watch. On Monday Anna "
		"O\xe2\x80\x99"
		"Brien came to the mill with Brand, and Anna O\xe2\x80\x99"
		"Brien asked for bread.\n");

	CHECK(has_type(a, "White Rabbit", ELEMENT_CREATURE));
	CHECK(is_also(a, "White Rabbit", "Rabbit"));
	CHECK(has_type(a, "Captain Brand", ELEMENT_CHARACTER));
	CHECK(is_also(a, "Captain Brand", "Brand"));
	CHECK(has_type(a, "Ostrand", ELEMENT_PLACE) && has_type(a, "the mill", ELEMENT_PLACE));
	CHECK(find(a, "Anna O\xe2\x80\x99"
		      "Brien") != NULL);
	CHECK(!find(a, "Monday") && !find(a, "Nobody") && !find(a, "Good") && !find(a, "Brand"));
}

/* Two of one surname are two; the surname alone is the one's who goes by it. */
static void test_families(void)
{
	CLEANUP(analysis_free_cleanup)
	struct analysis *a = analyze(
		"\xe2\x80\x9cGo home,\xe2\x80\x9d said Mr. Hart. Mrs. Hart laughed, and she took "
		"her hat. \xe2\x80\x9cWait,\xe2\x80\x9d cried Ida Brand. Ida ran to the door, and "
		"Ida called her brother. Corbin Brand was late. Brand came in with his dog, and "
		"Brand nodded. \xe2\x80\x9cIda,\xe2\x80\x9d said Brand. Otto Brand and Ida sat "
		"down. Otto said that he knew it. Otto smiled at Mr. Hart. Mrs. Hart smiled too. "
		"\xe2\x80\x9cOtto!\xe2\x80\x9d said Mrs. Hart.\n");

	CHECK(find(a, "Mr. Hart") && find(a, "Mrs. Hart") && !find(a, "Hart"));
	CHECK(is_also(a, "Ida Brand", "Ida") && is_also(a, "Otto Brand", "Otto"));
	CHECK(is_also(a, "Corbin Brand", "Brand"));
}

static void test_short_names(void)
{
	CLEANUP(analysis_free_cleanup)
	struct analysis *a = analyze(
		"\xe2\x80\x9cGood night,\xe2\x80\x9d said Bertram. Bertram looked at his sister. "
		"Bertram "
		"smiled at Margaret. \xe2\x80\x9c"
		"Come, Bert,\xe2\x80\x9d said Margaret. Margaret took her hat. Bertram asked why, "
		"and "
		"Bertram laughed. \xe2\x80\x9cNo, Meg,\xe2\x80\x9d said Bertram. Margaret nodded; "
		"and "
		"Margaret said that she knew. Dear Bertram was late, and poor Margaret wept.\n");

	CHECK(is_also(a, "Bertram", "Bert") && is_also(a, "Margaret", "Meg"));
	CHECK(!find(a, "Bert") && !find(a, "Meg") && !find(a, "Dear Bertram"));
}

/* By what stands around the name. */
static void test_types(void)
{
	CLEANUP(analysis_free_cleanup)
	struct analysis *a = analyze("They sailed from Karsted in the *Swift*, and the ship was "
				     "old. The *Swift* was aground by "
				     "night. We went aboard the *Swift* at Karsted. The "
				     "mule\xe2\x80\x99s name was Daisy. Daisy "
				     "had a grey coat, and Daisy kicked the door. Everybody in "
				     "Karsted feared Daisy. The Wend ran "
				     "through the town of Karsted, and they walked along the Wend "
				     "into the Low Moor. Nobody lived "
				     "in the Low Moor. Across the Wend lay the Miller\xe2\x80\x99s "
				     "Ear. Nothing grew on the "
				     "Miller\xe2\x80\x99s Ear.\n");

	CHECK(has_type(a, "Swift", ELEMENT_ITEM));
	CHECK(has_type(a, "Daisy", ELEMENT_CREATURE));
	CHECK(has_type(a, "Karsted", ELEMENT_PLACE) && has_type(a, "Wend", ELEMENT_PLACE));
	CHECK(has_type(a, "Low Moor", ELEMENT_PLACE));
	CHECK(find(a, "Miller's Ear") && !find(a, "Miller") && !find(a, "Ear"));
}

static void test_no_names(void)
{
	CLEANUP(analysis_free_cleanup)
	struct analysis *a = analyze(
		"# The Road Home\n\n\xe2\x80\x9cStop!\xe2\x80\x9d cried Ida. \xe2\x80\x9cStop! Oh, "
		"my "
		"God!\xe2\x80\x9d In January the French came, and on Tuesday some English ships. "
		"\xe2\x80\x9cYour Majesty,\xe2\x80\x9d said Ida, \xe2\x80\x9cyour Majesty is "
		"kind.\xe2\x80\x9d "
		"They were to wait until Harvest Eve. By Harvest Eve the Harts were gone, and Mr. "
		"Hart too. \"Yes,\" said Mr. Hart. Ida knew "
		"the "
		"Harts. Suddenly it rained. Suddenly it was dark. Suddenly Ida wept.\n");
	static const char *const none[] = {"Stop",     "Oh",	       "God",	"January",
					   "French",   "Tuesday",      "Road",	"English",
					   "Majesty",  "Harvest Eve",  "Harts", "They",
					   "Suddenly", "The Road Home"};
	/* A hyphen behind a title: nothing is read past the name's end. */
	CLEANUP(analysis_free_cleanup)
	struct analysis *b =
		analyze("We met the King-Street and the Captain-Major of Captain-Street.\n");
	CHECK(b && b->sighting_count > 0);

	CHECK(find(a, "Ida") != NULL);
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		CHECK(!find(a, none[i]));
}

/* Each with its own, word for word. */
static void test_looks(void)
{
	CLEANUP(analysis_free_cleanup)
	struct analysis *a = analyze("Mr. Hollis stood there with his white beard and a long brown "
				     "coat. He was seventy, tall and "
				     "stooped, and his eyes were a pale blue. Ida was thirteen, "
				     "with short copper hair and grey "
				     "eyes. She wore a green oilskin patched at both elbows. Ida "
				     "looked at Mr. Hollis. The light "
				     "was red.\n\nA girl stood at the door. She was sixteen, with "
				     "a black plait and a torn red "
				     "jersey. That was Nora. Ida saw an old woman with yellow "
				     "teeth. Nora laughed, and Ida said "
				     "nothing to Nora.\n\nThe tower stood on the hill. It was "
				     "squat and square, built of black flint. "
				     "Nora knew the tower. Nobody lived in the tower.\n");

	CHECK(looks(a, "Mr. Hollis", "white beard") && looks(a, "Mr. Hollis", "long brown coat"));
	CHECK(looks(a, "Mr. Hollis", "tall and stooped"));
	CHECK(looks(a, "Mr. Hollis", "eyes were a pale blue"));
	CHECK(looks(a, "Ida", "thirteen") && looks(a, "Ida", "short copper hair and grey eyes"));
	CHECK(looks(a, "Ida", "a green oilskin patched at both elbows"));
	CHECK(looks(a, "Nora", "a black plait and a torn red jersey"));
	CHECK(!strstr(find(a, "Ida")->description, "yellow teeth"));
	CHECK(!strstr(find(a, "Ida")->description, "red"));
	CHECK(looks(a, "the tower", "squat and square") && looks(a, "the tower", "black flint"));
}

/* Of a place what is said of it, and what stands in it while nobody does anything. */
static void test_places(void)
{
	CLEANUP(analysis_free_cleanup)
	struct analysis *a = analyze_titled(
		"They came over the hill. There were thirty stone houses, and every roof was red. "
		"Ida saw a ragged man. They slept in Ostrand, and at Ostrand they ate. Ostrand lay "
		"still, and Ida went through Ostrand to the "
		"quay.\n\n"
		"They passed the Widow Rock, a single tooth of grey granite, and came to Lake "
		"Hanna. The Widow Rock was higher than a church.\n",
		"Down to Ostrand");

	CHECK(has_type(a, "Ostrand", ELEMENT_PLACE));
	CHECK(looks(a, "Ostrand", "thirty stone houses"));
	CHECK(!strstr(find(a, "Ostrand")->description, "ragged"));
	CHECK(looks(a, "Widow Rock", "a single tooth of grey granite"));
	CHECK(looks(a, "Widow Rock", "higher than a church"));
	CHECK(!strstr(find(a, "Ostrand")->description, "granite"));
}

/* What somebody does is no look; what it is done with may be. */
static void test_deeds(void)
{
	CLEANUP(analysis_free_cleanup)
	struct analysis *a = analyze("Here Ida was tall, said Ida. She raised her great blue eyes. "
				     "She had long felt it. "
				     "She wore a grey coat, patched at the elbows. Ida stroked a "
				     "yellow cat.\n");

	CHECK(looks(a, "Ida", "great blue eyes") &&
	      looks(a, "Ida", "a grey coat, patched at the elbows"));
	CHECK(!strstr(find(a, "Ida")->description, "raised"));
	CHECK(!strstr(find(a, "Ida")->description, "felt"));
}

/* What is somebody else's, or of this moment, or no look at all, is told of nobody. */
static void test_strays(void)
{
	CLEANUP(analysis_free_cleanup)
	struct analysis *a = analyze(
		"Otto Hart had a red beard, and Otto Hart was tall. Mr. Brand was bald. Otto Hart "
		"looked at him. He had a green hat. \xe2\x80\x9cHe has a yellow hat,\xe2\x80\x9d "
		"said Otto Hart.\n\n"
		"Otto Hart opened the door. The old gentleman laughed. His coat was blue. Otto "
		"Hart saw that it was dark. A pale light fell across the floor. His work was long "
		"and hard, and the rooms had grey curtains. Otto Hart knew the men with the silver "
		"boots.\n");
	static const char *const none[] = {"green",   "yellow", "blue", "dark",
					   "curtain", "pale",	"long", "silver"};

	CHECK(looks(a, "Otto Hart", "a red beard") && looks(a, "Otto Hart", "tall"));
	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		CHECK(!strstr(find(a, "Otto Hart")->description, none[i]));
		CHECK(!strstr(find(a, "Mr. Brand")->description, none[i]));
	}
}

/* Told behind, beside and in a relative clause; a thing that is a she; one that is called. */
static void test_phrases(void)
{
	CLEANUP(analysis_free_cleanup)
	struct analysis *a = analyze(
		"Ida Brand was sixty, a broad-shouldered woman with spectacles that had been "
		"mended with wire. A braid the colour of steel hung down to her belt, and she had "
		"eyes as green as glass. Ida Brand came to the Fang, a single tooth of black rock "
		"as high as a house, bearded with weed. The gate of the Fang was made of iron. "
		"Nobody lived at the Fang, and Ida Brand laughed. \xe2\x80\x9cSail to the "
		"Fang,\xe2\x80\x9d said Ida Brand.\n\n"
		"\xe2\x80\x9cThere was a sturgeon in the pool,\xe2\x80\x9d said Ida Brand. "
		"\xe2\x80\x9cWe call him the Bishop.\xe2\x80\x9d Ida Brand liked the Bishop. In "
		"the "
		"tower hung Old Bess, two tons of bronze, with her crown of silver fishes. "
		"Ida Brand rang Old Bess.\n");

	CHECK(looks(a, "Ida Brand", "sixty, a broad-shouldered woman"));
	CHECK(looks(a, "Ida Brand", "spectacles that had been mended with wire"));
	CHECK(looks(a, "Ida Brand", "A braid the colour of steel"));
	CHECK(looks(a, "Ida Brand", "eyes as green as glass"));
	CHECK(looks(a, "Fang", "a single tooth of black rock"));
	CHECK(looks(a, "Fang", "as high as a house") && looks(a, "Fang", "bearded with weed"));
	CHECK(looks(a, "Fang", "The gate of the Fang was made of iron"));
	CHECK(has_type(a, "Bishop", ELEMENT_CREATURE) && is_also(a, "Bishop", "the sturgeon"));
	CHECK(has_type(a, "Old Bess", ELEMENT_ITEM));
}

/* Of whom no looks are told, in whose company. */
static void test_company(void)
{
	CLEANUP(analysis_free_cleanup)
	struct analysis *a =
		analyze("Ida asked Nora. Nora answered Ida. Ida told Nora that it was late, "
			"and Nora believed it.\n");

	CHECK_STR(find(a, "Ida") ? find(a, "Ida")->description : "",
		  "No looks told; together with Nora");
}

/* Names by capitals where those mark names, else few or none. */
static void test_languages(void)
{
	CLEANUP(analysis_free_cleanup)
	struct analysis *german = analyze(
		"Der alte Mann ging mit Johann durch den Wald zum Haus. Die Sonne schien auf das "
		"Dach, "
		"und der Hund lief \xc3\xbc"
		"ber die Wiese. Am Abend kam der Wind vom Meer. Die Frau "
		"stand an der T\xc3\xbcr und sah den Mond. Der Mann sah den Hund. Die Frau sah den "
		"Mann. Der Hund sah das Haus. Der Mann ging in das Haus. Der Hund lief in den "
		"Wald.\n");
	CLEANUP(analysis_free_cleanup)
	struct analysis *japanese =
		analyze("\xe5\xb1\xb1\xe8\xb7\xaf\xe3\x82\x92\xe7\x99\xbb\xe3\x82\x8b"
			"\xe3\x80\x82\xe7\xa9\xba\xe3\x81\xaf\xe9\x9d\x92\xe3\x81\x84"
			"\xe3\x80\x82\n");

	CHECK(!find(german, "Mann") && !find(german, "Hund") && !find(german, "Haus"));
	CLEANUP(analysis_free_cleanup)
	struct analysis *russian =
		analyze("Там сидел Иван, и Иван пошёл к реке. "
			"Утром Иван сидел у огня. В Петровке звонили. Он жил в Петровке. "
			"Вода шумела, и большое колесо медленно вращалось, а старые ели "
			"стояли над лугами чёрные и тихие, и белый туман лежал у реки.\n");

	CHECK(find(russian, "Иван") && find(russian, "Петровке"));
	CHECK(!find(russian, "Утром Иван") && !find(russian, "В Петровке"));
	CHECK_INT(japanese->element_count, 0);
}

int main(void)
{
	test_names();
	test_families();
	test_short_names();
	test_types();
	test_no_names();
	test_looks();
	test_places();
	test_deeds();
	test_strays();
	test_phrases();
	test_company();
	test_languages();
	return check_result();
}
