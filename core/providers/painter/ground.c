/* SPDX-License-Identifier: MIT */
#include "scene.h"

#include <math.h>

/* Open country: sea, shore, river, forest, mountain, field, road, sky. */

static void fill_below(struct scene *s, double y, struct colour c)
{
	cairo_rectangle(s->cr, 0, y, s->w, s->h - y);
	colour_set(s->cr, c, 1);
	cairo_fill(s->cr);
}

/* A band of water whose upper edge is a wave. */
static void draw_wave(struct scene *s, double y, double height, double length, struct colour c)
{
	double phase = scene_random(s, 0, 2 * M_PI);
	cairo_move_to(s->cr, 0, s->h);
	for (int x = 0; x <= s->w + 4; x += 4)
		cairo_line_to(s->cr, x, y + height * sin(x / length + phase));
	cairo_line_to(s->cr, s->w, s->h);
	cairo_close_path(s->cr);
	colour_set(s->cr, c, 1);
	cairo_fill(s->cr);
}

static void draw_water(struct scene *s, double from, double to)
{
	fill_below(s, from, scene_layer(s, 0));
	for (int i = 1; i <= 7; i++) {
		double t = i / 7.0, y = from + (to - from) * t * t;
		draw_wave(s, y, 1 + 7 * t, 30 + 60 * t, scene_layer(s, t * .85));
	}
}

static void draw_ship(struct scene *s, double x, double y, double size)
{
	cairo_t *cr = s->cr;
	colour_set(cr, scene_layer(s, .9), 1);
	cairo_move_to(cr, x - size, y);
	cairo_curve_to(cr, x - size * .6, y + size * .35, x + size * .6, y + size * .35,
		       x + size * 1.1, y - size * .05);
	cairo_close_path(cr);
	cairo_fill(cr);
	cairo_rectangle(cr, x - size * .04, y - size * 1.7, size * .08, size * 1.7);
	cairo_fill(cr);
	cairo_move_to(cr, x + size * .1, y - size * 1.6);
	cairo_curve_to(cr, x + size * .9, y - size, x + size * .9, y - size * .5, x + size * .1,
		       y - size * .2);
	cairo_close_path(cr);
	cairo_move_to(cr, x - size * .1, y - size * 1.3);
	cairo_line_to(cr, x - size * .75, y - size * .2);
	cairo_line_to(cr, x - size * .1, y - size * .2);
	cairo_close_path(cr);
	cairo_fill(cr);
}

static void draw_sea(struct scene *s)
{
	draw_water(s, s->horizon, s->h * 1.02);
	draw_ship(s, s->w * scene_random(s, .2, .8), s->horizon + 26, scene_random(s, 26, 48));
}

static void draw_shore(struct scene *s)
{
	double side = scene_random(s, 0, 1) < .5 ? 0 : s->w, dir = side > 0 ? -1 : 1;
	struct colour sand = colour_mix(scene_layer(s, .45), s->colours.glow, .3);
	draw_water(s, s->horizon, s->h * .9);
	/* The cliff stands at one side, the beach sweeps to the other. */
	cairo_move_to(s->cr, side, s->horizon - s->h * .32);
	double x = side, y = s->horizon - s->h * .32;
	for (int i = 0; i < 9; i++) {
		x += dir * s->w * scene_random(s, .02, .05);
		y += s->h * scene_random(s, .005, .06);
		cairo_line_to(s->cr, x, y);
	}
	cairo_line_to(s->cr, x, s->h);
	cairo_line_to(s->cr, side, s->h);
	cairo_close_path(s->cr);
	colour_set(s->cr, scene_layer(s, .6), 1);
	cairo_fill(s->cr);
	cairo_move_to(s->cr, side, s->horizon + s->h * .1);
	cairo_curve_to(s->cr, side + dir * s->w * .5, s->horizon + s->h * .12,
		       side + dir * s->w * .3, s->h * .86, side + dir * s->w * 1.02, s->h * .93);
	cairo_line_to(s->cr, side + dir * s->w, s->h);
	cairo_line_to(s->cr, side, s->h);
	cairo_close_path(s->cr);
	colour_set(s->cr, sand, 1);
	cairo_fill(s->cr);
}

/* A winding band that widens from the horizon to the foot. */
static void draw_winding(struct scene *s, double top, double narrow, double wide, struct colour c)
{
	double x0 = s->w * scene_random(s, .35, .65), x1 = s->w * scene_random(s, .2, .8);
	double bend = s->w * scene_random(s, -.35, .35), mid = (top + s->h) / 2;
	cairo_move_to(s->cr, x0 - narrow, top);
	cairo_curve_to(s->cr, x0 + bend - narrow, mid, x1 - bend - wide, mid, x1 - wide, s->h);
	cairo_line_to(s->cr, x1 + wide, s->h);
	cairo_curve_to(s->cr, x1 - bend + wide * .7, mid, x0 + bend + narrow * 3, mid, x0 + narrow,
		       top);
	cairo_close_path(s->cr);
	colour_set(s->cr, c, 1);
	cairo_fill(s->cr);
}

static void draw_reeds(struct scene *s)
{
	colour_set(s->cr, scene_layer(s, 1), 1);
	for (int i = 0; i < 90; i++) {
		double side = scene_random(s, 0, 1) < .5 ? 0 : s->w * .74;
		double x = side + scene_random(s, 0, s->w * .26), tall = scene_random(s, 40, 130);
		double lean = scene_random(s, -16, 16);
		cairo_set_line_width(s->cr, scene_random(s, 1.5, 3.5));
		cairo_move_to(s->cr, x, s->h);
		cairo_curve_to(s->cr, x, s->h - tall * .5, x, s->h - tall * .8, x + lean,
			       s->h - tall);
		cairo_stroke(s->cr);
	}
}

static void draw_river(struct scene *s)
{
	scene_ridge(s, s->horizon - 24, 30, .3, scene_layer(s, .1));
	scene_ridge(s, s->horizon + 22, 16, .2, scene_layer(s, .4));
	draw_winding(s, s->horizon + 34, 5, s->w * .3,
		     colour_mix(s->colours.sky_low, s->colours.sky_top, .25));
	draw_reeds(s);
}

static void draw_fir(struct scene *s, double x, double foot, double tall)
{
	cairo_t *cr = s->cr;
	double wide = tall * .24;
	for (int i = 0; i < 4; i++) {
		double top = foot - tall + i * tall * .2, low = top + tall * .36;
		double half = wide * (.4 + .2 * i);
		cairo_move_to(cr, x, top);
		cairo_line_to(cr, x + half, low);
		cairo_line_to(cr, x - half, low);
		cairo_close_path(cr);
	}
	cairo_rectangle(cr, x - tall * .02, foot - tall * .1, tall * .04, tall * .12);
	cairo_fill(cr);
}

static void draw_trunk(struct scene *s, double x, double width)
{
	cairo_t *cr = s->cr;
	double lean = scene_random(s, -18, 18);
	cairo_move_to(cr, x - width, s->h);
	cairo_curve_to(cr, x - width * .5, s->h * .7, x + lean - width * .5, s->h * .3,
		       x + lean - width * .4, 0);
	cairo_line_to(cr, x + lean + width * .4, 0);
	cairo_curve_to(cr, x + lean + width * .5, s->h * .3, x + width * .5, s->h * .7, x + width,
		       s->h);
	cairo_fill(cr);
	double y = s->h * scene_random(s, .12, .45), dir = scene_random(s, -1, 1) < 0 ? -1 : 1;
	cairo_set_line_width(cr, width * .35);
	cairo_move_to(cr, x + lean * .5, y + 60);
	cairo_curve_to(cr, x + dir * 40, y + 30, x + dir * 70, y, x + dir * 110, y - 50);
	cairo_stroke(cr);
}

static void draw_forest(struct scene *s)
{
	bool firs = scene_random(s, 0, 1) < .55;
	for (int layer = 0; layer < 4; layer++) {
		double depth = .12 + layer * .26;
		double foot = s->horizon + (s->h - s->horizon) * (.1 + .3 * layer);
		scene_ridge(s, foot - 34 * (1 + layer * .6), 9, .2, scene_layer(s, depth));
		colour_set(s->cr, scene_layer(s, depth), 1);
		int count = firs ? 24 - layer * 5 : 14 - layer * 3;
		for (int i = 0; i < count; i++) {
			double x = s->w * (i + scene_random(s, -.4, .8)) / (count - 1);
			if (firs)
				draw_fir(s, x, foot + 12,
					 scene_random(s, 100, 150) * (1 + layer * .75));
			else
				draw_trunk(s, x, scene_random(s, 4, 9) * (1 + layer * 1.1));
		}
	}
}

/* A peak of straight edges, and its snow. */
static void draw_peak(struct scene *s, double x, double top, double half, struct colour c)
{
	cairo_t *cr = s->cr;
	double snow = (s->h - top) * .2, slope = half / (s->h - top);
	struct colour white = colour_mix(s->colours.glow, s->colours.sky_low, .25);
	cairo_move_to(cr, x, top);
	cairo_line_to(cr, x + half, s->h);
	cairo_line_to(cr, x - half, s->h);
	cairo_close_path(cr);
	colour_set(cr, c, 1);
	cairo_fill(cr);
	cairo_move_to(cr, x, top);
	cairo_line_to(cr, x + snow * slope, top + snow);
	for (int i = 1; i <= 5; i++) {
		double t = 1 - 2 * i / 6.0;
		cairo_line_to(cr, x + snow * slope * t, top + snow * (i % 2 ? .65 : 1.1));
	}
	cairo_line_to(cr, x - snow * slope, top + snow);
	cairo_close_path(cr);
	colour_set(cr, white, .8);
	cairo_fill(cr);
	cairo_move_to(cr, x, top);
	cairo_line_to(cr, x + half, s->h);
	cairo_line_to(cr, x + half * .15, s->h);
	cairo_line_to(cr, x + half * .1, top + (s->h - top) * .5);
	cairo_close_path(cr);
	colour_set(cr, s->colours.near, .22);
	cairo_fill(cr);
}

static void draw_mountain(struct scene *s)
{
	for (int i = 0; i < 4; i++) {
		double x = s->w * (.1 + .27 * i + scene_random(s, -.08, .08));
		draw_peak(s, x, s->horizon * scene_random(s, .22, .6),
			  s->w * scene_random(s, .26, .4), scene_layer(s, .15 + .08 * (i % 2)));
	}
	scene_ridge(s, s->horizon + 30, 60, .9, scene_layer(s, .5));
	scene_ridge(s, s->horizon + 100, 50, .8, scene_layer(s, .75));
	scene_ridge(s, s->h - 50, 34, .7, scene_layer(s, 1));
}

static void draw_round_tree(struct scene *s, double x, double foot, double tall)
{
	cairo_rectangle(s->cr, x - tall * .035, foot - tall * .5, tall * .07, tall * .5);
	cairo_fill(s->cr);
	for (int i = 0; i < 7; i++) {
		double a = i * 2 * M_PI / 7, r = tall * scene_random(s, .16, .24);
		cairo_arc(s->cr, x + cos(a) * tall * .2, foot - tall * .68 + sin(a) * tall * .17, r,
			  0, 2 * M_PI);
		cairo_fill(s->cr);
	}
}

static void draw_furrows(struct scene *s)
{
	double x = s->w * scene_random(s, .3, .7);
	colour_set(s->cr, scene_layer(s, 1), .35);
	cairo_set_line_width(s->cr, 2.5);
	for (int i = -14; i <= 14; i++) {
		cairo_move_to(s->cr, x + i * 12, s->horizon + (s->h - s->horizon) * .5);
		cairo_line_to(s->cr, x + i * 95, s->h);
	}
	cairo_stroke(s->cr);
}

static void draw_field(struct scene *s)
{
	scene_ridge(s, s->horizon - 14, 30, 0, scene_layer(s, .1));
	scene_ridge(s, s->horizon + 34, 24, 0, scene_layer(s, .35));
	scene_ridge(s, s->horizon + (s->h - s->horizon) * .48, 14, 0, scene_layer(s, .65));
	draw_furrows(s);
	colour_set(s->cr, scene_layer(s, .95), 1);
	double x = s->w * scene_random(s, .12, .88);
	draw_round_tree(s, x, s->horizon + 74, scene_random(s, 130, 210));
	for (int i = 0; i < 6; i++) {
		colour_set(s->cr, scene_layer(s, .5), 1);
		draw_round_tree(s, scene_random(s, 0, s->w), s->horizon + 26,
				scene_random(s, 26, 52));
	}
}

static void draw_road(struct scene *s)
{
	scene_ridge(s, s->horizon - 10, 34, .3, scene_layer(s, .12));
	scene_ridge(s, s->horizon + 18, 12, 0, scene_layer(s, .55));
	draw_winding(s, s->horizon + 26, 3, s->w * .17,
		     colour_mix(scene_layer(s, .3), s->colours.glow, .45));
	colour_set(s->cr, scene_layer(s, 1), 1);
	for (int i = 0; i < 7; i++) {
		double t = i / 6.0, side = i % 2 ? 1 : -1;
		double foot = s->horizon + 26 + (s->h - s->horizon - 30) * t * t;
		double x = s->w * .5 + side * s->w * (.1 + .38 * t);
		draw_round_tree(s, x, foot, 50 + 190 * t);
	}
}

static void draw_open(struct scene *s)
{
	scene_ridge(s, s->h * .8, 22, .2, scene_layer(s, .35));
	scene_ridge(s, s->h * .9, 18, .3, scene_layer(s, .85));
}

static void draw_hills(struct scene *s)
{
	scene_ridge(s, s->horizon, 60, .35, scene_layer(s, .1));
	scene_ridge(s, s->horizon + 46, 46, .3, scene_layer(s, .4));
	scene_ridge(s, s->horizon + 110, 36, .25, scene_layer(s, .7));
	scene_ridge(s, s->h - 40, 22, .2, scene_layer(s, 1));
}

void ground_draw(struct scene *s)
{
	static void (*const draw[GROUNDS])(struct scene * s) = {
		[GROUND_NONE] = draw_hills,	   [GROUND_SEA] = draw_sea,
		[GROUND_SHORE] = draw_shore,	   [GROUND_RIVER] = draw_river,
		[GROUND_FOREST] = draw_forest,	   [GROUND_MOUNTAIN] = draw_mountain,
		[GROUND_FIELD] = draw_field,	   [GROUND_ROAD] = draw_road,
		[GROUND_TOWN] = ground_draw_built, [GROUND_ROOM] = ground_draw_built,
		[GROUND_HALL] = ground_draw_built, [GROUND_RUIN] = ground_draw_built,
		[GROUND_SKY] = draw_open,
	};
	draw[s->ground](s);
}
