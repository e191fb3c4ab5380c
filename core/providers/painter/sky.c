/* SPDX-License-Identifier: MIT */
#include "scene.h"

#include <math.h>

enum body { BODY_NONE, BODY_SUN, BODY_MOON, BODY_CRESCENT };

static const struct {
	double r; /* in hundredths of the picture */
	enum body body;
	int stars;
} skies[LIGHTS] = {
	[LIGHT_NONE] = {3.4, BODY_SUN, 0},	  [LIGHT_DAWN] = {8.5, BODY_SUN, 0},
	[LIGHT_MORNING] = {5, BODY_SUN, 0},	  [LIGHT_NOON] = {4.2, BODY_SUN, 0},
	[LIGHT_AFTERNOON] = {5.4, BODY_SUN, 0},	  [LIGHT_SUNSET] = {11, BODY_SUN, 0},
	[LIGHT_DUSK] = {2.8, BODY_CRESCENT, 24},  [LIGHT_NIGHT] = {4, BODY_CRESCENT, 90},
	[LIGHT_MOONLIGHT] = {7.5, BODY_MOON, 40}, [LIGHT_STARLIGHT] = {0, BODY_NONE, 260},
	[LIGHT_FIRELIGHT] = {0, BODY_NONE, 60},	  [LIGHT_LAMPLIGHT] = {0, BODY_NONE, 60},
	[LIGHT_SUNLIGHT] = {6.4, BODY_SUN, 0},	  [LIGHT_OVERCAST] = {0, BODY_NONE, 0},
	[LIGHT_STORM] = {0, BODY_NONE, 0},	  [LIGHT_MIST] = {6, BODY_SUN, 0},
};

static void draw_base(struct scene *s)
{
	struct colour top = scene_tone(s, s->colours.sky_top),
		      low = scene_tone(s, s->colours.sky_low);
	low = colour_mix(low, s->colours.air, s->colours.air_share);
	cairo_pattern_t *p = cairo_pattern_create_linear(0, 0, 0, s->horizon);
	cairo_pattern_add_color_stop_rgb(p, .1, top.r, top.g, top.b);
	cairo_pattern_add_color_stop_rgb(p, .97, low.r, low.g, low.b);
	cairo_set_source(s->cr, p);
	cairo_paint(s->cr);
	cairo_pattern_destroy(p);
}

/* A star is two crossed cuts. */
static void draw_stars(struct scene *s)
{
	for (int i = 0; i < skies[s->light].stars; i++) {
		double x = scene_random(s, 0, s->w), y = s->horizon * scene_random(s, 0, .95);
		double size = s->u * (scene_chance(s, .1) ? scene_random(s, 1.4, 2.4)
							  : scene_random(s, .4, .8));
		cut_mark(s, x, y, size, 0, size * .14);
		cut_mark(s, x, y, size, M_PI / 2, size * .14);
	}
	colour_set(s->cr, s->colours.glow, .9);
	cairo_fill(s->cr);
}

static void draw_crescent(struct scene *s, double r)
{
	cairo_new_sub_path(s->cr);
	cairo_arc(s->cr, s->body_x, s->body_y, r, -M_PI * .40, M_PI * .85);
	cairo_arc_negative(s->cr, s->body_x - r * .42, s->body_y - r * .18, r * .86, M_PI * .72,
			   -M_PI * .30);
	cairo_close_path(s->cr);
	colour_set(s->cr, s->colours.glow, 1);
	cairo_fill(s->cr);
}

static void draw_body(struct scene *s)
{
	double r = s->u * skies[s->light].r;
	bool low = s->light == LIGHT_SUNSET || s->light == LIGHT_DAWN;
	switch (skies[s->light].body) {
	case BODY_NONE:
		break;
	case BODY_CRESCENT:
		draw_crescent(s, r);
		break;
	case BODY_SUN:
		scene_disc(s, s->body_x, s->body_y, r * 1.5, s->colours.glow, .3);
		scene_disc(s, s->body_x, s->body_y, r,
			   low ? colour_mix(s->colours.spot, s->colours.glow, .25)
			       : s->colours.glow,
			   s->light == LIGHT_MIST ? .7 : 1);
		break;
	case BODY_MOON:
		scene_disc(s, s->body_x, s->body_y, r * 1.7, s->colours.glow, .12);
		scene_disc(s, s->body_x, s->body_y, r, s->colours.glow, 1);
		scene_disc(s, s->body_x - r * .3, s->body_y - r * .2, r * .22, scene_tone(s, .75),
			   .35);
		scene_disc(s, s->body_x + r * .25, s->body_y + r * .35, r * .3, scene_tone(s, .75),
			   .3);
		break;
	}
}

/* A cloud has a level foot and a back of humps. */
static void draw_cloud(struct scene *s, double x, double y, double w, struct colour c)
{
	int humps = 3 + (int)scene_random(s, 0, 3);
	double at = x - w / 2;
	cairo_move_to(s->cr, at - w * .12, y);
	for (int i = 0; i < humps; i++) {
		double t = (i + .5) / humps, hump = w / humps;
		double tall = hump * (.35 + .75 * sin(t * M_PI)) * scene_random(s, .8, 1.2);
		cairo_curve_to(s->cr, at, y - tall, at + hump, y - tall * 1.15, at + hump * 1.02,
			       y - tall * .35);
		at += hump;
	}
	cairo_curve_to(s->cr, at + w * .06, y - w * .03, at + w * .1, y, at + w * .14, y);
	cairo_close_path(s->cr);
	colour_set(s->cr, c, 1);
	cairo_fill(s->cr);
	for (int i = 0; i < 5; i++)
		cut_mark(s, x + w * scene_random(s, -.35, .35), y - w * .03 * (i + 1),
			 w * scene_random(s, .1, .34), 0, s->u * .22);
	colour_set(s->cr, scene_tone(s, s->colours.sky_low - .16), .45);
	cairo_fill(s->cr);
}

static void draw_clouds(struct scene *s)
{
	bool heavy = s->light == LIGHT_OVERCAST || s->light == LIGHT_STORM ||
		     (s->weather & WEATHER_RAIN);
	bool some = (s->weather & WEATHER_CLOUD) || s->ground == GROUND_SKY;
	int count = heavy ? 8 : some ? 6 : scene_dark(s) ? 0 : (int)scene_random(s, 0, 4);
	for (int i = 0; i < count; i++) {
		double down = (i + scene_random(s, .2, .8)) / count;
		double tone = heavy ? s->colours.sky_top - .05 + .2 * down
				    : s->colours.sky_low + .06 - .1 * down;
		draw_cloud(s, scene_random(s, 0, s->w), s->horizon * (.14 + .66 * down),
			   s->u * (heavy ? 46 : 30) * (1.25 - down * .75) *
				   scene_random(s, .7, 1.2),
			   scene_tone(s, tone));
	}
}

static void draw_lightning(struct scene *s)
{
	double x = s->body_x, y = 0, lean = scene_random(s, -1, 1), width = s->u * .9;
	double xs[16], ys[16];
	int n = 0;
	while (y < s->horizon && n < 16) {
		xs[n] = x;
		ys[n++] = y;
		x += s->u * (n % 2 ? 4.5 : -3.2) * (1 + lean * .5);
		y += s->horizon * scene_random(s, .09, .17);
	}
	for (int i = 0; i < n; i++)
		cairo_line_to(s->cr, xs[i] - width * (n - i) / n, ys[i]);
	for (int i = n - 1; i >= 0; i--)
		cairo_line_to(s->cr, xs[i] + width * (n - i) / n, ys[i]);
	cairo_close_path(s->cr);
	colour_set(s->cr, s->colours.glow, 1);
	cairo_fill(s->cr);
}

void sky_draw(struct scene *s)
{
	draw_base(s);
	cut_sky(s);
	draw_stars(s);
	draw_body(s);
	draw_clouds(s);
	if (s->light == LIGHT_STORM)
		draw_lightning(s);
}

static void draw_rain(struct scene *s)
{
	double angle = (s->weather & WEATHER_WIND) || s->light == LIGHT_STORM ? 2.1 : 1.75;
	for (int i = 0; i < 240; i++)
		cut_mark(s, scene_random(s, 0, s->w), scene_random(s, 0, s->h),
			 s->u * scene_random(s, 3, 7), angle, s->u * .13);
	colour_set(s->cr, s->colours.inks[INKS - 1], .5);
	cairo_fill(s->cr);
}

static void draw_snow(struct scene *s)
{
	for (int i = 0; i < 300; i++) {
		double r = s->u * scene_random(s, .15, .55);
		cairo_new_sub_path(s->cr);
		cairo_arc(s->cr, scene_random(s, 0, s->w), scene_random(s, 0, s->h), r, 0,
			  2 * M_PI);
	}
	colour_set(s->cr, colour_mix(s->colours.inks[INKS - 1], (struct colour){1, 1, 1}, .6), .9);
	cairo_fill(s->cr);
}

/* Long pale bands that lie across the land. */
static void draw_mist(struct scene *s)
{
	for (int i = 0; i < 9; i++) {
		double y = s->horizon + (s->h - s->horizon) * (.08 * i - .06);
		cut_mark(s, s->w * scene_random(s, .1, .9), y, s->w * scene_random(s, .8, 1.6), 0,
			 s->u * scene_random(s, 1, 2.2));
	}
	colour_set(s->cr, scene_tone(s, s->colours.sky_low), .5);
	cairo_fill(s->cr);
}

void sky_mist(struct scene *s)
{
	if ((s->weather & WEATHER_MIST) || s->light == LIGHT_MIST)
		draw_mist(s);
}

void sky_front(struct scene *s)
{
	if (s->weather & WEATHER_SNOW)
		draw_snow(s);
	else if (s->weather & WEATHER_RAIN)
		draw_rain(s);
}
