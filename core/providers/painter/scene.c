/* SPDX-License-Identifier: MIT */
#include "scene.h"

#include <math.h>

/* How a mood looks at things: where the horizon lies, how large those in front are (shares of the
 * height), and whether what matters stands in the middle. */
static const struct {
	double horizon_from, horizon_to, person;
	bool middle;
} views[MOODS] = {
	[MOOD_NONE] = {.48, .66, .34, false},	    [MOOD_CALM] = {.50, .72, .29, false},
	[MOOD_JOYFUL] = {.46, .64, .37, false},	    [MOOD_TENDER] = {.46, .62, .46, false},
	[MOOD_MELANCHOLY] = {.34, .52, .38, false}, [MOOD_TENSE] = {.28, .46, .50, false},
	[MOOD_EERIE] = {.38, .62, .35, false},	    [MOOD_MENACING] = {.26, .44, .48, false},
	[MOOD_MAJESTIC] = {.66, .80, .21, true},    [MOOD_LONELY] = {.68, .84, .17, false},
	[MOOD_WONDROUS] = {.58, .78, .25, true},    [MOOD_TURBULENT] = {.32, .52, .36, false},
	[MOOD_SOLEMN] = {.50, .70, .38, true},
};

/* Where the sun or the moon stands over the horizon, as a share of it: dawn low, noon high. */
static const double body_height[LIGHTS] = {
	[LIGHT_NONE] = .45,	 [LIGHT_DAWN] = .04,	  [LIGHT_MORNING] = .42,
	[LIGHT_NOON] = .82,	 [LIGHT_AFTERNOON] = .58, [LIGHT_SUNSET] = .10,
	[LIGHT_DUSK] = .62,	 [LIGHT_NIGHT] = .74,	  [LIGHT_MOONLIGHT] = .60,
	[LIGHT_STARLIGHT] = .80, [LIGHT_FIRELIGHT] = .7,  [LIGHT_LAMPLIGHT] = .7,
	[LIGHT_SUNLIGHT] = .70,	 [LIGHT_OVERCAST] = .5,	  [LIGHT_STORM] = .6,
	[LIGHT_MIST] = .40,
};

/* xorshift64*: small, and the same everywhere. */
double scene_random(struct scene *s, double from, double to)
{
	s->seed ^= s->seed >> 12;
	s->seed ^= s->seed << 25;
	s->seed ^= s->seed >> 27;
	uint64_t bits = (s->seed * 2685821657736338717u) >> 32;
	return from + (to - from) * (double)bits / 4294967296.0;
}

bool scene_chance(struct scene *s, double share)
{
	return scene_random(s, 0, 1) < share;
}

size_t scene_pick(struct scene *s, size_t count)
{
	size_t at = (size_t)scene_random(s, 0, (double)count);
	return at < count ? at : count - 1;
}

/* One that the words call for; else any that needs no word. */
void scene_draw_one(struct scene *s, const struct way *ways, size_t count)
{
	for (int round = 0; round < 2; round++) {
		const struct way *fit[8];
		size_t n = 0;
		for (size_t i = 0; i < count && n < ARRAY_LEN(fit); i++) {
			bool called = ways[i].sights & s->sights;
			if (called || (round && !ways[i].only))
				fit[n++] = &ways[i];
		}
		/* The words are not always about what is seen: now and then they are not asked. */
		if (n && (round || scene_chance(s, .85))) {
			fit[scene_pick(s, n)]->draw(s);
			return;
		}
	}
}

bool scene_dark(const struct scene *s)
{
	static const bool dark[LIGHTS] = {
		[LIGHT_DUSK] = true,	  [LIGHT_NIGHT] = true,	    [LIGHT_MOONLIGHT] = true,
		[LIGHT_STARLIGHT] = true, [LIGHT_FIRELIGHT] = true, [LIGHT_LAMPLIGHT] = true,
		[LIGHT_STORM] = true,
	};
	return dark[s->light];
}

bool scene_inside(const struct scene *s)
{
	return s->ground == GROUND_ROOM || s->ground == GROUND_HALL;
}

struct colour scene_tone(const struct scene *s, double tone)
{
	double at = (tone < 0 ? 0 : tone > 1 ? 1 : tone) * (INKS - 1);
	int i = at >= INKS - 1 ? INKS - 2 : (int)at;
	return colour_mix(s->colours.inks[i], s->colours.inks[i + 1], at - i);
}

struct colour scene_layer(const struct scene *s, double depth)
{
	return scene_tone(s, s->colours.far + (s->colours.near - s->colours.far) * depth);
}

void scene_box(struct scene *s, double x, double y, double w, double h, struct colour c)
{
	cairo_rectangle(s->cr, x, y, w, h);
	colour_set(s->cr, c, 1);
	cairo_fill(s->cr);
}

void scene_arch(struct scene *s, double x, double w, double top, double foot, struct colour c)
{
	cairo_move_to(s->cr, x, foot);
	cairo_line_to(s->cr, x, top + w * .6);
	cairo_curve_to(s->cr, x, top + w * .25, x + w * .3, top, x + w / 2, top - w * .1);
	cairo_curve_to(s->cr, x + w * .7, top, x + w, top + w * .25, x + w, top + w * .6);
	cairo_line_to(s->cr, x + w, foot);
	cairo_close_path(s->cr);
	colour_set(s->cr, c, 1);
	cairo_fill(s->cr);
}

enum { RIDGE_POINTS = 129 };

/* Midpoint displacement: each round halves the distance and the height. */
static void displace(struct scene *s, double *y, double height, double rough)
{
	y[0] = scene_random(s, -height, height) * .7;
	y[RIDGE_POINTS - 1] = scene_random(s, -height, height) * .7;
	for (int step = RIDGE_POINTS - 1; step > 1; step /= 2) {
		for (int i = step / 2; i < RIDGE_POINTS; i += step) {
			double mid = (y[i - step / 2] + y[i + step / 2]) / 2;
			y[i] = mid + scene_random(s, -height, height);
		}
		height *= .28 + .26 * rough;
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
	cairo_new_sub_path(s->cr);
	cairo_arc(s->cr, x, y, r, 0, 2 * M_PI);
	colour_set(s->cr, c, alpha);
	cairo_fill(s->cr);
}

void scene_glow(struct scene *s, double x, double y, double r, double alpha)
{
	enum { RINGS = 4 };
	for (int i = 0; i < RINGS; i++)
		scene_disc(s, x, y, r * (RINGS - i) / RINGS, s->colours.glow, alpha / RINGS);
}

void scene_shape(struct scene *s, enum shape shape, double x, double foot, double tall,
		 bool mirrored, struct colour ink, struct colour light)
{
	cairo_pattern_t *p = cairo_pattern_create_rgb(light.r, light.g, light.b);
	cairo_save(s->cr);
	cairo_translate(s->cr, x, foot);
	cairo_scale(s->cr, mirrored ? -tall : tall, tall);
	colour_set(s->cr, ink, 1);
	shape_fill(s->cr, shape, p);
	cairo_restore(s->cr);
	cairo_pattern_destroy(p);
}

/* From the waist up, now and then: as close as the mood is. */
static bool is_close(struct scene *s)
{
	double share = s->mood == MOOD_TENDER	     ? .5
		       : views[s->mood].person > .45 ? .35
		       : views[s->mood].person < .26 ? 0
						     : .1;
	if (s->sights & SIGHT_CLOSE)
		share *= 2;
	return s->cast.person_count && s->cast.person_count <= 2 && !s->cast.beast_count &&
	       scene_chance(s, share);
}

static void compose(struct scene *s)
{
	bool middle = views[s->mood].middle;
	s->u = sqrt(s->w * s->h) / 100;
	s->horizon = s->h * scene_random(s, views[s->mood].horizon_from, views[s->mood].horizon_to);
	s->focus = s->w * (middle ? scene_random(s, .46, .54) : scene_random(s, .22, .40));
	s->aside = s->w * scene_random(s, .62, .8);
	s->foot = s->h * scene_random(s, .92, .97);
	s->person = (s->h < s->w ? s->h : s->w) * views[s->mood].person * scene_random(s, .9, 1.12);
	if (is_close(s)) {
		s->person = (s->h < s->w ? s->h : s->w) * scene_random(s, .9, 1.05);
		s->foot = s->h + s->person * scene_random(s, .34, .42);
	}
	s->body_x = middle ? s->w * scene_random(s, .47, .53) : s->w * scene_random(s, .58, .84);
	s->body_y = s->horizon * (1 - body_height[s->light] * scene_random(s, .9, 1.1));
}

void scene_draw(struct scene *s)
{
	compose(s);
	cairo_save(s->cr);
	if (scene_chance(s, .5)) { /* the same picture from the other side is another one */
		cairo_translate(s->cr, s->w, 0);
		cairo_scale(s->cr, -1, 1);
	}
	if (!scene_inside(s))
		sky_draw(s);
	ground_draw(s);
	if (!scene_inside(s))
		sky_mist(s);
	figures_draw(s);
	if (!scene_inside(s))
		sky_front(s);
	cairo_restore(s->cr);
	cut_grain(s);
}
