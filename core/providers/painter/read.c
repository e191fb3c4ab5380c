/* SPDX-License-Identifier: MIT */
#include "read.h"

#include <string.h>

/*
 * What a card's words say is to be seen. Each word votes: the lexicon knows of it a ground, an hour
 * and a mood, the vocabulary a silhouette. The description, which says what is to be drawn, counts
 * twice.
 */

enum { READ_BYTES_MOST = 8192 }; /* of a text: more says nothing new */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word(const char *word, size_t len, const char *list)
{
	while (*list) {
		size_t n = strcspn(list, " ");
		if (n == len && !strncasecmp(list, word, n))
			return true;
		list += n + strspn(list + n, " ");
	}
	return false;
}

static void see_weather(struct votes *v, const char *word, size_t len)
{
	static const struct {
		const char *words;
		uint32_t bit;
	} weather[] = {
		{"rain rainy raining shower drizzle storm tempest downpour", WEATHER_RAIN},
		{"snow snowy snowflake snowing sleet blizzard", WEATHER_SNOW},
		{"cloud clouds cloudy overcast", WEATHER_CLOUD},
		{"mist misty fog foggy haze hazy smoke vapour steam", WEATHER_MIST},
		{"wind windy gale breeze gust hurricane storm", WEATHER_WIND},
	};
	for (size_t i = 0; i < ARRAY_LEN(weather); i++)
		v->weather |= is_word(word, len, weather[i].words) ? weather[i].bit : 0;
}

static void see_sight(struct votes *v, const char *word, size_t len)
{
	static const struct {
		const char *words;
		uint32_t bit;
	} sights[] = {
		{"books library study shelf shelves bookcase volumes school archive", SIGHT_BOOKS},
		{"fire hearth fireplace fireside grate chimney-piece embers stove coals",
		 SIGHT_HEARTH},
		{"window windows pane panes casement sill curtain curtains", SIGHT_WINDOW},
		{"door doors doorway threshold passage entrance", SIGHT_DOOR},
		{"stair stairs staircase steps", SIGHT_STAIR},
		{"attic loft garret beam beams rafters cellar shed barn hut cabin roof roofs "
		 "chimney "
		 "chimneys",
		 SIGHT_ROOF},
		{"pillar pillars column columns gallery ballroom", SIGHT_COLUMN},
		{"arch arches vault nave abbey cathedral church chapel aisle dome", SIGHT_ARCH},
		{"street streets alley lane lamps pavement market", SIGHT_STREET},
		{"cliff cliffs crag rock rocks headland promontory", SIGHT_CLIFF},
		{"quay harbour harbor pier wharf dock docks mast masts jetty port", SIGHT_QUAY},
		{"beach sand sands strand shingle dune dunes mud flats", SIGHT_BEACH},
		{"waterfall cascade torrent falls fall cataract weir rapids", SIGHT_FALL},
		{"gorge ravine valley chasm precipice pass abyss canyon", SIGHT_GORGE},
		{"peak summit mountain alp glacier mont dome", SIGHT_PEAK},
		{"fir firs pine pines spruce larch needles", SIGHT_FIR},
		{"oak oaks beech elm willow leaves leaf foliage lime orchard apple blossom bushes",
		 SIGHT_LEAF},
		{"bare leafless winter dead withered blasted skeleton branches", SIGHT_BARE},
		{"grave graves tomb tombs graveyard churchyard coffin cemetery", SIGHT_GRAVE},
		{"tower turret ruin ruins castle wall walls", SIGHT_TOWER},
		{"corn wheat barley grass hay meadow meadows heather reeds", SIGHT_CORN},
		{"plough ploughed furrow furrows stubble acre acres", SIGHT_PLOUGH},
		{"deck rail helm bulwark rigging aboard board foredeck", SIGHT_DECK},
		{"face eyes cheek cheeks lips brow hair kiss kissed", SIGHT_CLOSE},
	};
	for (size_t i = 0; i < ARRAY_LEN(sights); i++)
		v->sights |= is_word(word, len, sights[i].words) ? sights[i].bit : 0;
}

/* "A bear", but not "to bear"; "the well", but not "as well". */
static bool is_noun_here(const char *word, size_t len, const char *before, size_t before_len)
{
	static const char *const verbs_too =
		"bear well watch fly duck seal cock sail saw rose bat kite keep shade spirit note "
		"figure glass calf ass kid ram general master swallow note crown death bitch house "
		"fish "
		"hammer chest pen";
	static const char *const determiners =
		"a an the this that his her my our their its your old great black white little big "
		"brown grey red huge small tall young another every each two three four";
	return !is_word(word, len, verbs_too) || is_word(before, before_len, determiners);
}

static void see_shape(struct votes *v, const char *word, size_t len, const char *before,
		      size_t before_len, uint32_t weight)
{
	enum shape s = shape_of_word(word, len);
	if (s == SHAPE_NONE || !is_noun_here(word, len, before, before_len))
		return;
	v->shapes[s] += weight;
	v->several[s] |= word[len - 1] == 's' || is_word(word, len, "men women children cattle");
}

static void see_person(struct votes *v, const char *word, size_t len, uint32_t weight)
{
	v->he += is_word(word, len, "he him his himself") ? weight : 0;
	v->she += is_word(word, len, "she her hers herself") ? weight : 0;
	v->self += is_word(word, len, "i me my myself we us our") ? weight : 0;
	v->crowd += is_word(word, len,
			    "crowd throng mob multitude procession army villagers audience "
			    "guests soldiers congregation")
			    ? weight
			    : 0;
}

static void see_text(struct votes *v, const char *text, uint32_t weight)
{
	const char *end = text + strnlen(text, READ_BYTES_MOST), *before = "";
	size_t before_len = 0;
	while (text < end) {
		size_t n = 0;
		while (text + n < end && is_letter(text[n]))
			n++;
		const struct lexeme *l = n ? lexicon_find(text, n) : NULL;
		if (l) {
			v->grounds[l->ground] += weight;
			v->lights[l->light] += weight;
			v->moods[l->mood] += weight;
		}
		if (n) {
			see_weather(v, text, n);
			see_sight(v, text, n);
			see_person(v, text, n, weight);
			see_shape(v, text, n, before, before_len, weight);
			before = text;
			before_len = n;
		}
		text += n ? n : 1;
	}
}

/* One word in twenty of an English text is one of these, at the least. */
static bool is_english(const char *text)
{
	const char *end = text + strnlen(text, READ_BYTES_MOST);
	size_t words = 0, english = 0, letters = 0, bytes = (size_t)(end - text);
	while (text < end) {
		size_t n = 0;
		while (text + n < end && is_letter(text[n]))
			n++;
		words += n > 0;
		letters += n;
		english += is_word(text, n,
				   "the and of was with his her had which were they that is "
				   "it from upon");
		text += n ? n : 1;
	}
	return letters * 2 >= bytes && english * 20 >= words;
}

/* ---- the election */

static size_t elected(const uint32_t *votes, size_t count)
{
	size_t best = 0;
	for (size_t i = 1; i < count; i++) {
		if (votes[i] && (!best || votes[i] > votes[best]))
			best = i;
	}
	return best;
}

/* A name of the built-in analyst's, or what another one's words amount to. */
static size_t named(const char *text, const char *const *names, const uint32_t *votes, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		if (!strcmp(text, names[i]))
			return i;
	}
	return elected(votes, count);
}

/* The shape of a kind with the most votes, which are then taken from it. */
static enum shape take_shape(struct votes *v, enum shape_kind kind)
{
	enum shape best = SHAPE_NONE;
	for (size_t i = 1; i < SHAPES; i++) {
		if (shape_kind((enum shape)i) == kind && v->shapes[i] > v->shapes[best])
			best = (enum shape)i;
	}
	v->shapes[best] = 0;
	return best;
}

/* A name is a person unless its words say otherwise ("Baker Street", "Time Machine", "the White
 * Rabbit"), in which case they have a vote. */
static int count_named_persons(struct votes *v, const struct strv *names)
{
	int persons = 0;
	for (size_t i = 0; i < names->len; i++) {
		const char *name = names->items[i];
		bool person = true;
		while (*name) {
			size_t n = strcspn(name, " ");
			const struct lexeme *l = lexicon_find(name, n);
			enum shape s = shape_of_word(name, n);
			const uint32_t kinds = l ? l->kinds : 0;
			v->shapes[s] += s ? 2 : 0;
			if (kinds & ~(uint32_t)(LEX_STOP | LEX_TITLE | LEX_PERSON | LEX_ABBR) ||
			    (s && shape_kind(s) != KIND_PERSON))
				person = false;
			name += n + strspn(name + n, " ");
		}
		persons += person;
	}
	return persons;
}

static enum shape unnamed_person(struct scene *s, struct votes *v)
{
	bool she = v->she > v->he;
	uint32_t *spent = she ? &v->she : &v->he;
	*spent /= 2;
	if (she)
		return scene_chance(s, .7) ? SHAPE_WOMAN : SHAPE_SHAWL;
	return scene_chance(s, .5) ? SHAPE_MAN : SHAPE_HAT;
}

/* The persons that have a word of their own first; who is only a name, or "he", after them. */
static void elect_persons(struct scene *s, struct votes *v, const struct strv *names)
{
	struct cast *c = &s->cast;
	int wanted = count_named_persons(v, names);
	if (!wanted && (v->he || v->she || v->self))
		wanted = 1;
	while (c->person_count < CAST_MOST) {
		enum shape one = take_shape(v, KIND_PERSON);
		if (!one)
			break;
		c->persons[c->person_count++] = one;
		if (v->several[one] && c->person_count < CAST_MOST)
			c->persons[c->person_count++] = one;
	}
	while (c->person_count < wanted && c->person_count < CAST_MOST)
		c->persons[c->person_count++] = unnamed_person(s, v);
	c->crowd = v->crowd > 0;
}

static void elect_beasts(struct scene *s, struct votes *v)
{
	struct cast *c = &s->cast;
	c->birds = take_shape(v, KIND_FLYING) != SHAPE_NONE;
	for (int i = 0; i < 2; i++) {
		enum shape one = take_shape(v, KIND_BEAST);
		if (one)
			c->beasts[c->beast_count++] = one;
	}
}

/* Where nothing else says so, what stands there says where that is. */
static enum ground ground_of_shapes(const struct cast *c)
{
	static const enum ground grounds[SHAPES] = {
		[SHAPE_SHIP] = GROUND_SEA,	   [SHAPE_SAIL] = GROUND_SEA,
		[SHAPE_BOAT] = GROUND_RIVER,	   [SHAPE_COACH] = GROUND_ROAD,
		[SHAPE_LIGHTHOUSE] = GROUND_SHORE, [SHAPE_CASTLE] = GROUND_RUIN,
		[SHAPE_TOWER] = GROUND_RUIN,	   [SHAPE_CHURCH] = GROUND_TOWN,
		[SHAPE_COTTAGE] = GROUND_FIELD,	   [SHAPE_MILL] = GROUND_FIELD,
		[SHAPE_TENT] = GROUND_FIELD,	   [SHAPE_BRIDGE] = GROUND_RIVER,
		[SHAPE_GRAVES] = GROUND_RUIN,	   [SHAPE_GATE] = GROUND_ROAD,
		[SHAPE_SLEDGE] = GROUND_MOUNTAIN,
	};
	return grounds[c->craft] ? grounds[c->craft] : grounds[c->landmark];
}

static uint64_t seed_of(const struct card *c)
{
	uint64_t h = 14695981039346656037u;
	const char *const parts[] = {c->book_title, c->quote, c->description, c->mood, c->lighting};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		for (const char *s = parts[i]; *s; s++)
			h = (h ^ (unsigned char)*s) * 1099511628211u;
	}
	/* The last bits of the last letters must reach the first ones: scenes differ by little. */
	h ^= (uint64_t)(uint32_t)c->chapter << 32 ^ (uint64_t)(uint32_t)c->scene;
	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
	h = (h ^ h >> 27) * 0x94d049bb133111ebu;
	return (h ^ h >> 31) | 1;
}

/* Of one part of a card's lighting, a name of ours or another's words. */
static enum light light_of(const char *text)
{
	struct votes v = {0};
	see_text(&v, text, 1);
	return (enum light)named(text, light_names, v.lights, LIGHTS);
}

static bool is_hour(enum light light)
{
	return light >= LIGHT_DAWN && light <= LIGHT_NIGHT;
}

/* "lamplight, dusk": where both a light and an hour are told, a fire and a lamp rule a room and the
 * dark, and the hour the sky by day; mist and clouds are weather then. */
static enum light joined_light(struct scene *s, enum light light, enum light hour)
{
	if (!is_hour(hour) || is_hour(light))
		return light ? light : hour;
	switch (light) {
	case LIGHT_FIRELIGHT:
	case LIGHT_LAMPLIGHT:
		return scene_inside(s) || hour == LIGHT_NIGHT ? light : hour;
	case LIGHT_MIST:
		s->weather |= WEATHER_MIST;
		return hour;
	case LIGHT_OVERCAST:
		s->weather |= WEATHER_CLOUD;
		return hour == LIGHT_MORNING || hour == LIGHT_NOON || hour == LIGHT_AFTERNOON
			       ? light
			       : hour;
	case LIGHT_NONE:
	case LIGHT_SUNLIGHT:
		return hour;
	default:
		return light;
	}
}

static void read_light(struct scene *s, const char *lighting, const struct votes *words)
{
	size_t comma = strcspn(lighting, ",");
	if (!*lighting) {
		s->light = (enum light)elected(words->lights, LIGHTS);
		return;
	}
	CLEANUP(cleanup_free) char *first = xstrndup(lighting, comma);
	const char *rest = lighting + comma + strspn(lighting + comma, ", ");
	s->light = joined_light(s, light_of(first), *rest ? light_of(rest) : LIGHT_NONE);
}

void scene_read(struct scene *s, const struct card *c)
{
	struct votes v = {0}, mood = {0};
	s->seed = seed_of(c);
	bool english = is_english(*c->quote ? c->quote : c->description);
	if (english)
		see_text(&v, c->quote, 1);
	else
		tongues_see(&v, c->quote, strnlen(c->quote, READ_BYTES_MOST), 1);
	see_text(&v, c->description, 2); /* whose phrases may be English where its words are not */
	if (!english)
		tongues_see(&v, c->description, strnlen(c->description, READ_BYTES_MOST), 1);
	see_text(&mood, c->mood, 1);
	s->weather = v.weather;
	s->sights = v.sights;
	s->mood = (enum mood)named(c->mood, mood_names, *c->mood ? mood.moods : v.moods, MOODS);
	elect_persons(s, &v, &c->names);
	elect_beasts(s, &v);
	s->cast.landmark = take_shape(&v, KIND_LANDMARK);
	s->cast.craft = take_shape(&v, KIND_VESSEL);
	if (!s->cast.craft)
		s->cast.craft = take_shape(&v, KIND_VEHICLE);
	s->cast.emblem = take_shape(&v, KIND_THING);
	s->ground = (enum ground)elected(v.grounds, GROUNDS);
	if (s->ground == GROUND_NONE)
		s->ground = ground_of_shapes(&s->cast);
	read_light(s, c->lighting, &v);
}
