/* SPDX-License-Identifier: MIT */
#include "scene.h"

#include <math.h>

/* Sea, shore, river: water is bands that grow towards the foot, and the light's path on it. */

static double ground_h(const struct scene *s)
{
	return s->h - s->horizon;
}

static double roughness(const struct scene *s)
{
	bool rough = s->mood == MOOD_TURBULENT || s->mood == MOOD_MENACING ||
		     s->light == LIGHT_STORM || (s->weather & WEATHER_WIND);
	return rough ? 1 : s->mood == MOOD_TENSE ? .6 : .22;
}

/* A band of water whose upper edge is a row of crests. */
static void draw_wave(struct scene *s, double y, double height, double length, struct colour c)
{
	cairo_move_to(s->cr, 0, s->h);
	cairo_line_to(s->cr, 0, y);
	for (double x = -length * scene_random(s, 0, 1); x < s->w + length; x += length) {
		double tall = height * scene_random(s, .6, 1.3);
		cairo_curve_to(s->cr, x + length * .4, y, x + length * .55, y - tall,
			       x + length * .72, y - tall);
		cairo_curve_to(s->cr, x + length * .66, y - tall * .4, x + length * .8, y,
			       x + length, y);
	}
	cairo_line_to(s->cr, s->w, s->h);
	cairo_close_path(s->cr);
	colour_set(s->cr, c, 1);
	cairo_fill(s->cr);
}

/* The light on the water under sun or moon. */
static void draw_path(struct scene *s, double from, double to)
{
	double wide = s->u * 3;
	static const bool none[LIGHTS] = {[LIGHT_OVERCAST] = true,
					  [LIGHT_STORM] = true,
					  [LIGHT_STARLIGHT] = true,
					  [LIGHT_LAMPLIGHT] = true,
					  [LIGHT_FIRELIGHT] = true};
	if (none[s->light])
		return;
	for (int i = 0; i < 34; i++) {
		double t = i / 33.0, y = from + (to - from) * t * t;
		cut_mark(s, s->body_x + wide * scene_random(s, -.6, .6) * (1 + 2 * t), y,
			 wide * scene_random(s, .6, 1.8) * (1 + 1.6 * t), 0, s->u * (.2 + .5 * t));
	}
	colour_set(s->cr, s->colours.glow, scene_dark(s) ? .75 : .6);
	cairo_fill(s->cr);
}

static void draw_water(struct scene *s, double to)
{
	double rough = roughness(s);
	int bands = 6 + (int)scene_random(s, 0, 4);
	scene_box(s, 0, s->horizon, s->w, s->h - s->horizon, scene_layer(s, .18));
	draw_path(s, s->horizon + s->u * .5, to);
	for (int i = 1; i <= bands; i++) {
		double t = (double)i / bands, y = s->horizon + (to - s->horizon) * t * t;
		if (i == bands / 2)
			vessel_draw(s, y, .75);
		draw_wave(s, y, s->u * (.3 + 9 * rough * t), s->u * (5 + 17 * t),
			  scene_layer(s, .18 + .66 * t));
		cut_field(s, 0, y + s->u * .6, s->w, s->u * (1 + 6 * t), 16, 0,
			  scene_layer(s, .1 + .5 * t - .12), .8);
		if (i < bands - 1)
			draw_path(s, y, y + s->u * (1 + 4 * t));
	}
}

/* Something to stand on. */
static void draw_rocks(struct scene *s, double reach)
{
	double x = 0, y = s->foot - s->u * 2;
	cairo_move_to(s->cr, 0, y - s->u * scene_random(s, 1, 7));
	while (x < reach) {
		x += s->u * scene_random(s, 4, 9);
		cairo_line_to(s->cr, x, y + s->u * scene_random(s, -1.4, .8));
	}
	cairo_line_to(s->cr, x + s->u * 3, s->h + 2);
	cairo_line_to(s->cr, 0, s->h + 2);
	cairo_close_path(s->cr);
	colour_set(s->cr, scene_layer(s, 1), 1);
	cairo_fill(s->cr);
	cut_field(s, 0, s->foot, reach, s->h - s->foot, 40, .3, scene_layer(s, .65), .6);
}

/* The rail and a shroud of the ship that one is on. */
static void draw_deck(struct scene *s)
{
	struct colour c = scene_layer(s, 1);
	double rail = s->foot - s->person * .42;
	scene_box(s, 0, s->foot - s->u, s->w, s->h, c);
	scene_box(s, 0, rail, s->w, s->u * 1.4, c);
	for (double x = s->u * 3; x < s->w; x += s->u * 8)
		scene_box(s, x, rail, s->u * .9, s->foot - rail, c);
	colour_set(s->cr, c, 1);
	cairo_set_line_width(s->cr, s->u * .35);
	for (int i = 0; i < 5; i++) {
		cairo_move_to(s->cr, s->w * (.78 + .06 * i), rail);
		cairo_line_to(s->cr, s->w * .93, -s->h * .4);
	}
	for (int i = 1; i < 12; i++) {
		double y = rail * i / 12;
		cairo_move_to(s->cr, s->w * (.93 - .15 * (y + s->h * .4) / (rail + s->h * .4)), y);
		cairo_line_to(s->cr, s->w * (.93 + .09 * (y + s->h * .4) / (rail + s->h * .4)), y);
	}
	cairo_stroke(s->cr);
	cut_field(s, 0, s->foot, s->w, s->h - s->foot, 30, 0, scene_layer(s, .7), .5);
}

static void draw_sea(struct scene *s)
{
	if (s->cast.landmark) { /* on an island */
		cut_mark(s, s->aside, s->horizon + s->u * .6, s->u * 50, 0, -s->u * 6);
		colour_set(s->cr, scene_layer(s, .45), 1);
		cairo_fill(s->cr);
		landmark_draw(s, s->horizon - s->u * 2.4, .5);
	}
	draw_water(s, s->h * 1.02);
	if (scene_peopled(s)) {
		if (s->sights & SIGHT_DECK)
			draw_deck(s);
		else
			draw_rocks(s, s->w * scene_random(s, .55, .8));
	}
}

/* ---- shore */

static void draw_cliff(struct scene *s, double side, double top, double reach, double depth)
{
	double dir = side > 0 ? -1 : 1, x = side + dir * reach * .5, y = top;
	cairo_move_to(s->cr, side, top - s->u * 2);
	cairo_line_to(s->cr, x, top);
	for (int i = 0; i < 7; i++) {
		x += dir * reach * scene_random(s, .02, .11);
		y += (s->horizon + s->u * 5 - top) / 7;
		cairo_line_to(s->cr, x, y);
	}
	cairo_line_to(s->cr, x + dir * s->u * 3, s->horizon + s->u * 6);
	cairo_line_to(s->cr, side, s->h);
	cairo_close_path(s->cr);
	colour_set(s->cr, scene_layer(s, depth), 1);
	cairo_fill(s->cr);
	for (int i = 0; i < 50; i++) {
		double t = scene_random(s, 0, 1);
		cut_mark(s, side + dir * reach * (.5 + .4 * t) * scene_random(s, .05, .95),
			 top + (s->horizon - top) * t, s->u * scene_random(s, 2, 7),
			 M_PI / 2 - dir * .1, s->u * .2);
	}
	colour_set(s->cr, scene_layer(s, depth - .3), .6);
	cairo_fill(s->cr);
}

static void draw_beach(struct scene *s)
{
	double y = s->horizon + ground_h(s) * .5;
	struct colour sand = scene_tone(s, scene_dark(s) ? s->colours.near + .28 : .82);
	cairo_move_to(s->cr, 0, y);
	cairo_curve_to(s->cr, s->w * .3, y + s->u * 2, s->w * .2, s->h * .84, s->w * .66,
		       s->h * .88);
	cairo_curve_to(s->cr, s->w * .8, s->h * .89, s->w * .9, s->h * .95, s->w, s->h * .93);
	cairo_line_to(s->cr, s->w, s->h);
	cairo_line_to(s->cr, 0, s->h);
	cairo_close_path(s->cr);
	colour_set(s->cr, sand, 1);
	cairo_fill(s->cr);
	cut_field(s, 0, y + s->u * 4, s->w * .5, s->h - y, 50, .2,
		  scene_tone(s, scene_dark(s) ? .1 : .6), .6);
}

static void draw_cliffs(struct scene *s)
{
	draw_cliff(s, s->w, s->horizon * scene_random(s, .5, .75), s->w * .3, .25);
	draw_water(s, s->h * .9);
	draw_cliff(s, s->w, s->horizon * scene_random(s, .15, .45), s->w * scene_random(s, .3, .5),
		   .6);
	s->aside = s->w * .9;
	landmark_draw(s, s->horizon * .5, .75);
	draw_beach(s);
}

static void draw_strand(struct scene *s)
{
	scene_ridge(s, s->horizon - s->u, s->u * 3, .5, scene_layer(s, .15));
	landmark_draw(s, s->horizon + s->u, .45);
	draw_water(s, s->h * .86);
	draw_beach(s);
	for (int i = 0; i < 60; i++)
		cut_mark(s, s->w * scene_random(s, 0, .3), s->h * scene_random(s, .93, 1.02),
			 s->u * scene_random(s, 5, 13), -M_PI / 2 + scene_random(s, -.1, .6),
			 s->u * .26);
	colour_set(s->cr, scene_layer(s, 1), 1);
	cairo_fill(s->cr);
}

/* A wall of the harbour, its bollards, and masts. */
static void draw_quay(struct scene *s)
{
	struct colour c = scene_layer(s, .95);
	double top = s->foot - s->u;
	scene_ridge(s, s->horizon - s->u * 2, s->u * 3, .3, scene_layer(s, .2));
	for (double x = 0; x < s->w; x += s->u * scene_random(s, 4, 8)) {
		double w = s->u * scene_random(s, 4, 7), tall = s->u * scene_random(s, 3, 8);
		scene_box(s, x, s->horizon - tall, w, tall + s->u, scene_layer(s, .35));
		if (scene_chance(s, .4))
			scene_box(s, x + w * .4, s->horizon - tall * .7, s->u, s->u,
				  scene_dark(s) ? s->colours.glow : scene_layer(s, .1));
	}
	landmark_draw(s, s->horizon + s->u, .5);
	draw_water(s, s->h * .95);
	for (int i = 0; i < 3; i++) {
		double x = s->w * (.56 + .15 * i), tall = s->h * scene_random(s, .4, .62);
		scene_box(s, x, top - tall, s->u * .9, tall, c);
		scene_box(s, x - s->u * 6, top - tall * .78, s->u * 13, s->u * .6, c);
		scene_box(s, x - s->u * 4, top - tall * .55, s->u * 9, s->u * .5, c);
	}
	scene_box(s, 0, top, s->w, s->h, c);
	for (double x = s->u * 6; x < s->w; x += s->u * scene_random(s, 14, 24)) {
		scene_box(s, x, top - s->u * 3, s->u * 2, s->u * 3.4, c);
		scene_box(s, x - s->u * .5, top - s->u * 3.6, s->u * 3, s->u, c);
	}
	cut_field(s, 0, top + s->u, s->w, s->h - top, 40, 0, scene_layer(s, .65), .5);
}

/* ---- river */

static void draw_reeds(struct scene *s, double from, double to)
{
	for (int i = 0; i < 70; i++)
		cut_mark(s, s->w * scene_random(s, from, to), s->h * scene_random(s, .9, 1.0),
			 s->u * scene_random(s, 9, 26), -M_PI / 2 + scene_random(s, -.18, .18),
			 s->u * .28);
	colour_set(s->cr, scene_layer(s, 1), 1);
	cairo_fill(s->cr);
}

static void draw_bend(struct scene *s)
{
	struct colour water = scene_tone(s, s->colours.sky_low - .05);
	double x0 = s->w * scene_random(s, .4, .7), x1 = s->w * scene_random(s, .5, .75);
	double top = s->horizon + s->u * 3, mid = (top + s->h) / 2, bend = s->w * .32;
	scene_ridge(s, s->horizon - s->u * 3, s->u * 4, .3, scene_layer(s, .1));
	landmark_draw(s, s->horizon, .35);
	scene_ridge(s, s->horizon + s->u * 2, s->u * 2, .2, scene_layer(s, .42));
	cairo_move_to(s->cr, x0, top);
	cairo_curve_to(s->cr, x0 - bend, mid, x1 - bend * .4, mid, x1 - s->w * .3, s->h);
	cairo_line_to(s->cr, x1 + s->w * .34, s->h);
	cairo_curve_to(s->cr, x1 + bend * .2, mid, x0 - bend * .3, mid, x0 + s->u * 2, top);
	cairo_close_path(s->cr);
	colour_set(s->cr, water, 1);
	cairo_fill(s->cr);
	vessel_draw(s, s->h * .84, .85);
	cut_field(s, x1 - s->w * .14, s->h * .7, s->w * .34, s->h * .3, 30, 0, scene_layer(s, .4),
		  .6);
	cut_field(s, 0, s->horizon + s->u * 6, s->w * .3, ground_h(s), 40, .4, scene_layer(s, .7),
		  .5);
	draw_reeds(s, 0, .32);
	draw_reeds(s, .86, 1);
}

/* The other bank and all that stands on it, upside down in the water. */
static void draw_banks(struct scene *s)
{
	double bank = s->horizon + ground_h(s) * .12;
	scene_ridge(s, s->horizon - s->u * 3, s->u * 3, .3, scene_layer(s, .12));
	landmark_draw(s, s->horizon + s->u * 2, .5);
	colour_set(s->cr, scene_layer(s, .45), 1);
	for (double x = 0; x < s->w; x += s->u * scene_random(s, 3, 10))
		tree_draw_round(s, x, bank, s->u * scene_random(s, 7, 15));
	scene_box(s, 0, bank - s->u, s->w, s->u * 2, scene_layer(s, .5));
	scene_box(s, 0, bank + s->u, s->w, s->h, scene_tone(s, s->colours.sky_low - .08));
	for (int i = 0; i < 90; i++) {
		double t = scene_random(s, 0, 1);
		cut_mark(s, s->w * scene_random(s, 0, 1), bank + s->u * (1.5 + 14 * t * t),
			 s->u * scene_random(s, 5, 15), 0, s->u * (.5 - .3 * t));
	}
	colour_set(s->cr, scene_layer(s, .5), .8);
	cairo_fill(s->cr);
	draw_path(s, bank + s->u * 2, s->h * .92);
	vessel_draw(s, bank + (s->h - bank) * .5, .85);
	scene_ridge(s, s->h * .95, s->u * 1.6, .3, scene_layer(s, 1));
	draw_reeds(s, 0, .3);
	draw_reeds(s, .8, 1);
}

static void draw_white_water(struct scene *s, double x, double top, double foot, double wide)
{
	struct colour white = scene_tone(s, scene_dark(s) ? .58 : .98);
	scene_box(s, x - wide / 2, top, wide, foot - top, white);
	for (int i = 0; i < 30; i++)
		cut_mark(s, x + wide * scene_random(s, -.46, .46), scene_random(s, top, foot),
			 s->u * scene_random(s, 5, 14), M_PI / 2, s->u * .22);
	colour_set(s->cr, scene_layer(s, .45), .6);
	cairo_fill(s->cr);
	for (int i = 0; i < 9; i++)
		scene_disc(s, x + wide * scene_random(s, -.8, .8),
			   foot + s->u * scene_random(s, -1, 1), s->u * scene_random(s, 1, 2.6),
			   white, 1);
}

/* Down over rocks between firs, into a pool. */
static void draw_fall(struct scene *s)
{
	double x = s->w * scene_random(s, .5, .66), wide = s->u * scene_random(s, 6, 11);
	double top = s->horizon * scene_random(s, .5, .62), pool = s->horizon + ground_h(s) * .42;
	scene_ridge(s, top - s->u * 4, s->u * 7, .7, scene_layer(s, .2));
	landmark_draw(s, top - s->u * 2, .35);
	colour_set(s->cr, scene_layer(s, .4), 1);
	for (double at = 0; at < s->w; at += s->u * scene_random(s, 3, 8))
		if (fabs(at - x) > wide)
			tree_draw_fir(s, at, top + s->u * 3, s->u * scene_random(s, 12, 22));
	scene_ridge(s, top + s->u * 2, s->u * 1.6, .6, scene_layer(s, .55));
	cut_field(s, 0, top + s->u * 5, s->w, pool - top, 90, M_PI / 2, scene_layer(s, .85), .6);
	draw_white_water(s, x, top + s->u, pool, wide);
	scene_box(s, 0, pool, s->w, s->h, scene_tone(s, s->colours.sky_low - .2));
	draw_white_water(s, x, pool - s->u * 3, pool, wide);
	for (int i = 0; i < 40; i++) {
		double t = scene_random(s, 0, 1);
		cut_mark(s, x + s->w * scene_random(s, -.5, .5), pool + (s->h - pool) * t,
			 s->u * (6 + 12 * t), 0, s->u * .35);
	}
	colour_set(s->cr, scene_layer(s, .3), .7);
	cairo_fill(s->cr);
	vessel_draw(s, s->h * .9, .9);
	draw_rocks(s, s->w * .5);
}

void ground_draw_wet(struct scene *s)
{
	static const struct way shores[] = {
		{draw_cliffs, SIGHT_CLIFF, false},
		{draw_strand, SIGHT_BEACH, false},
		{draw_quay, SIGHT_QUAY, true},
	};
	static const struct way rivers[] = {
		{draw_bend, 0, false},
		{draw_banks, SIGHT_LEAF, false},
		{draw_fall, SIGHT_FALL, true},
	};
	if (s->ground == GROUND_SEA)
		draw_sea(s);
	else if (s->ground == GROUND_SHORE)
		scene_draw_one(s, shores, ARRAY_LEN(shores));
	else
		scene_draw_one(s, rivers, ARRAY_LEN(rivers));
}
