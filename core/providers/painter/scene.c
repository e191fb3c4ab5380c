/* SPDX-License-Identifier: MIT */
#include "scene.h"

#include <math.h>
#include <string.h>

/* ---- reading the words */

struct votes {
	uint32_t grounds[GROUNDS], lights[LIGHTS], moods[MOODS];
	uint32_t persons, beasts, birds;
};

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *const birds[] = {"bird", "raven", "crow", "owl",   "eagle",	"hawk",
				    "gull", "heron", "swan", "crane", "pigeon", "dove"};

static void see_word(struct scene *s, struct votes *v, const struct lexeme *l, uint32_t weight)
{
	static const struct {
		const char *word;
		uint32_t bit;
	} weather[] = {
		{"rain", WEATHER_RAIN},	     {"rainy", WEATHER_RAIN},  {"shower", WEATHER_RAIN},
		{"drizzle", WEATHER_RAIN},   {"storm", WEATHER_RAIN},  {"snow", WEATHER_SNOW},
		{"snowflake", WEATHER_SNOW}, {"cloud", WEATHER_CLOUD}, {"cloudy", WEATHER_CLOUD},
		{"overcast", WEATHER_CLOUD}, {"mist", WEATHER_MIST},   {"fog", WEATHER_MIST},
		{"haze", WEATHER_MIST},	     {"smoke", WEATHER_MIST},  {"wind", WEATHER_WIND},
	};
	v->grounds[l->ground] += weight;
	v->lights[l->light] += weight;
	v->moods[l->mood] += weight;
	v->persons += l->kinds & LEX_PERSON ? 1 : 0;
	for (size_t i = 0; i < ARRAY_LEN(weather); i++) {
		if (!strcmp(l->word, weather[i].word))
			s->weather |= weather[i].bit;
	}
	for (size_t i = 0; i < ARRAY_LEN(birds); i++) {
		if (!strcmp(l->word, birds[i])) {
			v->birds++;
			return;
		}
	}
	v->beasts += l->kinds & LEX_CREATURE ? 1 : 0;
}

static void see_text(struct scene *s, struct votes *v, const char *text, uint32_t weight)
{
	while (*text) {
		size_t n = 0;
		while (is_letter(text[n]))
			n++;
		const struct lexeme *l = n ? lexicon_find(text, n) : NULL;
		if (l)
			see_word(s, v, l, weight);
		text += n ? n : 1;
	}
}

/* A name is a person unless its words say otherwise ("Baker Street", "Time Machine"). */
static int count_persons(const struct strv *names)
{
	int persons = 0;
	for (size_t i = 0; i < names->len; i++) {
		const char *name = names->items[i];
		uint32_t kinds = 0;
		while (*name) {
			size_t n = strcspn(name, " ");
			const struct lexeme *l = lexicon_find(name, n);
			kinds |= l ? l->kinds : 0;
			name += n + strspn(name + n, " ");
		}
		if (kinds & LEX_PERSON || !(kinds & ~(uint32_t)(LEX_STOP | LEX_TITLE)))
			persons++;
	}
	return persons;
}

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

static uint64_t seed_of(const struct card *c)
{
	uint64_t h = 14695981039346656037u;
	const char *const parts[] = {c->book_title, c->quote, c->description};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		for (const char *s = parts[i]; *s; s++)
			h = (h ^ (unsigned char)*s) * 1099511628211u;
	}
	return (h ^ ((uint64_t)c->chapter << 32) ^ (uint64_t)c->scene) | 1;
}

void scene_read(struct scene *s, const struct card *c)
{
	struct votes v = {0}, light = {0}, mood = {0};
	see_text(s, &v, c->quote, 1);
	see_text(s, &v, c->description, 2);
	see_text(s, &light, c->lighting, 1);
	see_text(s, &mood, c->mood, 1);
	s->ground = (enum ground)elected(v.grounds, GROUNDS);
	s->light = (enum light)named(c->lighting, light_names,
				     *c->lighting ? light.lights : v.lights, LIGHTS);
	s->mood = (enum mood)named(c->mood, mood_names, *c->mood ? mood.moods : v.moods, MOODS);
	int persons = count_persons(&c->names) + (v.persons > 0);
	s->persons = persons > 3 ? 3 : persons;
	s->beasts = v.beasts > 0;
	s->birds = v.birds ? 3 : 0;
	s->seed = seed_of(c);
	palette_init(&s->colours, s->mood, s->light);
}

/* ---- tools */

/* xorshift64*: small, and the same everywhere. */
double scene_random(struct scene *s, double from, double to)
{
	s->seed ^= s->seed >> 12;
	s->seed ^= s->seed << 25;
	s->seed ^= s->seed >> 27;
	uint64_t bits = (s->seed * 2685821657736338717u) >> 32;
	return from + (to - from) * (double)bits / 4294967296.0;
}

bool scene_dark(const struct scene *s)
{
	static const bool dark[LIGHTS] = {
		[LIGHT_DUSK] = true,	  [LIGHT_NIGHT] = true,	    [LIGHT_MOONLIGHT] = true,
		[LIGHT_STARLIGHT] = true, [LIGHT_FIRELIGHT] = true, [LIGHT_LAMPLIGHT] = true,
	};
	return dark[s->light];
}

struct colour scene_layer(const struct scene *s, double depth)
{
	struct colour c = colour_mix(s->colours.far, s->colours.near, depth);
	/* The air lies between: what is far takes the sky's colour. */
	return colour_mix(c, s->colours.sky_low, .45 * (1 - depth) * (1 - depth));
}

enum { RIDGE_POINTS = 129 };

/* Midpoint displacement: each round halves the distance and the height. */
static void displace(struct scene *s, double *y, double height, double rough)
{
	y[0] = scene_random(s, -height, height) * .5;
	y[RIDGE_POINTS - 1] = scene_random(s, -height, height) * .5;
	for (int step = RIDGE_POINTS - 1; step > 1; step /= 2) {
		for (int i = step / 2; i < RIDGE_POINTS; i += step) {
			double mid = (y[i - step / 2] + y[i + step / 2]) / 2;
			y[i] = mid + scene_random(s, -height, height);
		}
		height *= .3 + .25 * rough;
	}
}

void scene_ridge(struct scene *s, double y, double height, double rough, struct colour c)
{
	double points[RIDGE_POINTS];
	displace(s, points, height, rough);
	cairo_move_to(s->cr, 0, s->h);
	for (int i = 0; i < RIDGE_POINTS; i++)
		cairo_line_to(s->cr, s->w * i / (RIDGE_POINTS - 1), y + points[i]);
	cairo_line_to(s->cr, s->w, s->h);
	cairo_close_path(s->cr);
	colour_set(s->cr, c, 1);
	cairo_fill(s->cr);
}

void scene_disc(struct scene *s, double x, double y, double r, struct colour c, double alpha)
{
	cairo_arc(s->cr, x, y, r, 0, 2 * M_PI);
	colour_set(s->cr, c, alpha);
	cairo_fill(s->cr);
}

void scene_glow(struct scene *s, double x, double y, double r, double alpha)
{
	const struct colour c = s->colours.glow;
	cairo_pattern_t *p = cairo_pattern_create_radial(x, y, 0, x, y, r);
	cairo_pattern_add_color_stop_rgba(p, 0, c.r, c.g, c.b, alpha);
	cairo_pattern_add_color_stop_rgba(p, .4, c.r, c.g, c.b, alpha * .35);
	cairo_pattern_add_color_stop_rgba(p, 1, c.r, c.g, c.b, 0);
	cairo_set_source(s->cr, p);
	cairo_rectangle(s->cr, x - r, y - r, 2 * r, 2 * r);
	cairo_fill(s->cr);
	cairo_pattern_destroy(p);
}

static void draw_sky(struct scene *s)
{
	const struct colour top = s->colours.sky_top, low = s->colours.sky_low;
	cairo_pattern_t *p = cairo_pattern_create_linear(0, 0, 0, s->horizon);
	cairo_pattern_add_color_stop_rgb(p, 0, top.r, top.g, top.b);
	cairo_pattern_add_color_stop_rgb(p, 1, low.r, low.g, low.b);
	cairo_set_source(s->cr, p);
	cairo_paint(s->cr);
	cairo_pattern_destroy(p);
}

void scene_draw(struct scene *s)
{
	s->horizon = s->h * scene_random(s, .5, .66);
	draw_sky(s);
	if (s->ground != GROUND_ROOM && s->ground != GROUND_HALL)
		weather_draw_sky(s);
	ground_draw(s);
	figures_draw(s);
	weather_draw_front(s);
}
