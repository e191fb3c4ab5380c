/* SPDX-License-Identifier: MIT */
#include "scene.h"

#include <math.h>

/* Where the sun or the moon stands: shares of the width and of the height over the horizon. */
static const struct {
	double x, y, r;
	bool moon, stars;
} bodies[LIGHTS] = {
	[LIGHT_NONE] = {.72, .34, 26, false, false},
	[LIGHT_DAWN] = {.22, .97, 54, false, false},
	[LIGHT_MORNING] = {.24, .42, 34, false, false},
	[LIGHT_NOON] = {.5, .16, 30, false, false},
	[LIGHT_AFTERNOON] = {.74, .4, 36, false, false},
	[LIGHT_SUNSET] = {.76, .92, 62, false, false},
	[LIGHT_DUSK] = {.3, .25, 16, true, true},
	[LIGHT_NIGHT] = {.78, .22, 22, true, true},
	[LIGHT_MOONLIGHT] = {.66, .32, 50, true, true},
	[LIGHT_STARLIGHT] = {0, 0, 0, false, true},
	[LIGHT_FIRELIGHT] = {0, 0, 0, false, true},
	[LIGHT_LAMPLIGHT] = {0, 0, 0, false, true},
	[LIGHT_SUNLIGHT] = {.34, .24, 42, false, false},
	[LIGHT_OVERCAST] = {0, 0, 0, false, false},
	[LIGHT_STORM] = {0, 0, 0, false, false},
	[LIGHT_MIST] = {.5, .5, 34, false, false},
};

static void draw_stars(struct scene *s)
{
	int count = s->light == LIGHT_STARLIGHT ? 220 : 90;
	for (int i = 0; i < count; i++) {
		double y = scene_random(s, 0, s->horizon * .95);
		double size = scene_random(s, .5, s->light == LIGHT_STARLIGHT ? 2.0 : 1.4);
		scene_disc(s, scene_random(s, 0, s->w), y, size, s->colours.glow,
			   .9 * (1 - y / s->horizon * .7));
	}
}

/* A moon is a disc from which the sky takes a part: a crescent, or nearly full. */
static void draw_moon(struct scene *s, double x, double y, double r)
{
	double bite = s->light == LIGHT_MOONLIGHT ? 0 : r * .55;
	scene_glow(s, x, y, r * 5, .35);
	cairo_save(s->cr);
	if (bite > 0) {
		cairo_rectangle(s->cr, 0, 0, s->w, s->h);
		cairo_arc(s->cr, x + bite, y - bite * .5, r, 0, 2 * M_PI);
		cairo_set_fill_rule(s->cr, CAIRO_FILL_RULE_EVEN_ODD);
		cairo_clip(s->cr);
	}
	scene_disc(s, x, y, r, s->colours.glow, 1);
	cairo_restore(s->cr);
}

static void draw_body(struct scene *s)
{
	double r = bodies[s->light].r, y = s->horizon * bodies[s->light].y;
	double x = s->w * (bodies[s->light].x + scene_random(s, -.06, .06));
	if (r <= 0)
		return;
	if (bodies[s->light].moon) {
		draw_moon(s, x, y, r);
		return;
	}
	scene_glow(s, x, y, r * 7, .55);
	scene_disc(s, x, y, r, s->colours.glow, s->light == LIGHT_MIST ? .6 : .95);
}

/* A cloud is a flat foot under a row of discs. */
static void draw_cloud(struct scene *s, double x, double y, double size, struct colour c,
		       double alpha)
{
	int puffs = 4 + (int)scene_random(s, 0, 4);
	cairo_push_group(s->cr);
	for (int i = 0; i < puffs; i++) {
		double t = (double)i / (puffs - 1), r = size * (.22 + .3 * sin(t * M_PI));
		scene_disc(s, x + (t - .5) * size * 2, y - r * .4, r, c, 1);
	}
	cairo_rectangle(s->cr, x - size * 1.2, y, size * 2.4, size);
	cairo_set_operator(s->cr, CAIRO_OPERATOR_CLEAR);
	cairo_fill(s->cr);
	cairo_set_operator(s->cr, CAIRO_OPERATOR_OVER);
	cairo_pop_group_to_source(s->cr);
	cairo_paint_with_alpha(s->cr, alpha);
}

static void draw_clouds(struct scene *s)
{
	bool heavy = s->light == LIGHT_OVERCAST || s->light == LIGHT_STORM ||
		     (s->weather & WEATHER_RAIN);
	int count = heavy ? 9 : s->ground == GROUND_SKY ? 7 : (s->weather & WEATHER_CLOUD) ? 5 : 2;
	for (int i = 0; i < count; i++) {
		double y = s->horizon * scene_random(s, .1, heavy ? .75 : .6);
		struct colour c = colour_mix(s->colours.sky_low, s->colours.sky_top,
					     heavy ? scene_random(s, .5, .9) : .12);
		draw_cloud(s, scene_random(s, 0, s->w), y, scene_random(s, 60, heavy ? 190 : 130),
			   c, heavy ? .75 : .55);
	}
}

static void draw_lightning(struct scene *s)
{
	double x = s->w * scene_random(s, .2, .8), y = 0;
	cairo_move_to(s->cr, x, y);
	while (y < s->horizon) {
		x += scene_random(s, -34, 34);
		y += scene_random(s, 22, 48);
		cairo_line_to(s->cr, x, y);
	}
	colour_set(s->cr, s->colours.glow, .9);
	cairo_set_line_width(s->cr, 3);
	cairo_stroke(s->cr);
}

void weather_draw_sky(struct scene *s)
{
	if (bodies[s->light].stars)
		draw_stars(s);
	draw_body(s);
	if (s->light == LIGHT_STORM)
		draw_lightning(s);
	if (!scene_dark(s) || (s->weather & WEATHER_CLOUD) || (s->weather & WEATHER_RAIN) ||
	    s->ground == GROUND_SKY)
		draw_clouds(s);
}

static void draw_rain(struct scene *s)
{
	double slant = (s->weather & WEATHER_WIND) || s->light == LIGHT_STORM ? -22 : -7;
	colour_set(s->cr, s->colours.sky_low, .35);
	cairo_set_line_width(s->cr, 1.3);
	for (int i = 0; i < 260; i++) {
		double x = scene_random(s, 0, s->w + 30), y = scene_random(s, -40, s->h);
		cairo_move_to(s->cr, x, y);
		cairo_line_to(s->cr, x + slant, y + 38);
	}
	cairo_stroke(s->cr);
}

static void draw_snow(struct scene *s)
{
	const struct colour white = {.98, .98, .97};
	for (int i = 0; i < 240; i++) {
		double x = scene_random(s, 0, s->w), y = scene_random(s, 0, s->h);
		scene_disc(s, x, y, scene_random(s, 1, 3.2), white, .75);
	}
}

static void draw_mist(struct scene *s)
{
	const struct colour c = s->colours.sky_low;
	double y = s->horizon;
	cairo_pattern_t *p = cairo_pattern_create_linear(0, y - 120, 0, s->h);
	cairo_pattern_add_color_stop_rgba(p, 0, c.r, c.g, c.b, 0);
	cairo_pattern_add_color_stop_rgba(p, .45, c.r, c.g, c.b, .6);
	cairo_pattern_add_color_stop_rgba(p, 1, c.r, c.g, c.b, .12);
	cairo_set_source(s->cr, p);
	cairo_paint(s->cr);
	cairo_pattern_destroy(p);
}

void weather_draw_front(struct scene *s)
{
	if (s->ground == GROUND_ROOM || s->ground == GROUND_HALL)
		return;
	if ((s->weather & WEATHER_MIST) || s->light == LIGHT_MIST)
		draw_mist(s);
	if ((s->weather & WEATHER_SNOW))
		draw_snow(s);
	else if ((s->weather & WEATHER_RAIN))
		draw_rain(s);
}
