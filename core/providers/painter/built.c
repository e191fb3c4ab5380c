/* SPDX-License-Identifier: MIT */
#include "scene.h"

#include <math.h>

/* What people have built, from outside: town and ruin. */

/* ---- town */

static struct colour window_colour(struct scene *s, struct colour wall)
{
	if (scene_chance(s, scene_dark(s) ? .45 : .1))
		return scene_dark(s) ? s->colours.glow : s->colours.spot;
	return colour_mix(wall, scene_tone(s, scene_dark(s) ? .0 : 1), .3);
}

static void draw_windows(struct scene *s, double x, double y, double w, double h,
			 struct colour wall)
{
	double step = s->u * scene_random(s, 3.6, 5), tall = step * scene_random(s, .45, .6);
	int across = (int)(w / (step * .85));
	if (across < 1)
		return;
	for (double at = y + step * .5; at + tall < y + h; at += step) {
		for (int i = 0; i < across; i++)
			scene_box(s, x + w * (i + .5) / across - step * .16, at, step * .32, tall,
				  window_colour(s, wall));
	}
}

static void draw_house(struct scene *s, double x, double top, double w, struct colour c)
{
	bool gable = scene_chance(s, .75);
	double roof = w * scene_random(s, .35, .8);
	cairo_move_to(s->cr, x, s->h);
	cairo_line_to(s->cr, x, top);
	if (gable) {
		cairo_line_to(s->cr, x + w / 2, top - roof);
	} else {
		cairo_line_to(s->cr, x + w * .14, top - roof * .5);
		cairo_line_to(s->cr, x + w * .86, top - roof * .5);
	}
	cairo_line_to(s->cr, x + w, top);
	cairo_line_to(s->cr, x + w, s->h);
	colour_set(s->cr, c, 1);
	cairo_fill(s->cr);
	scene_box(s, x + w * scene_random(s, .6, .74), top - roof * .8, w * .12, roof * .7, c);
	draw_windows(s, x + w * .08, top, w * .84, s->u * 26, c);
}

static void draw_spire(struct scene *s)
{
	enum shape tall = s->cast.landmark ? s->cast.landmark : SHAPE_CHURCH;
	s->cast.landmark = tall;
	landmark_draw(s, s->horizon + s->u * 8, .25);
}

static void draw_roofs(struct scene *s)
{
	draw_spire(s);
	for (int layer = 0; layer < 3; layer++) {
		double x = -s->u * scene_random(s, 0, 6), t = layer / 2.0;
		while (x < s->w) {
			double w = s->u * scene_random(s, 7, 13) * (1 + .45 * layer);
			double top = s->horizon - s->u * 2 + (s->h - s->horizon) * .44 * t +
				     s->u * scene_random(s, -5, 3);
			draw_house(s, x, top, w, scene_layer(s, .2 + .34 * layer));
			x += w * scene_random(s, .86, 1.1);
		}
	}
	scene_box(s, 0, s->h * .93, s->w, s->h, scene_layer(s, 1));
	cut_field(s, 0, s->h * .94, s->w, s->h * .06, 40, 0, scene_layer(s, .6), .5);
}

/* One side of a street, house by house towards the point where both meet. */
static void draw_front(struct scene *s, double side, double x, double y)
{
	double dir = side > x ? -1 : 1, reach = fabs(side - x);
	double at = 0;
	for (int i = 0; i < 6; i++) {
		double next = i == 5 ? .96 : at + (1 - at) * scene_random(s, .26, .42);
		double x0 = side + dir * reach * at, x1 = side + dir * reach * next;
		double roof = y * scene_random(s, .75, 1.15), depth = 1 - at * .85;
		double top0 = y - roof * (1 - at), top1 = y - roof * (1 - next);
		double low0 = y + (s->h - y) * (1 - at), low1 = y + (s->h - y) * (1 - next);
		struct colour wall = scene_layer(s, depth);
		cairo_move_to(s->cr, x0, top0);
		cairo_line_to(s->cr, x1, top1);
		cairo_line_to(s->cr, x1, low1);
		cairo_line_to(s->cr, x0, low0);
		cairo_close_path(s->cr);
		colour_set(s->cr, wall, 1);
		cairo_fill(s->cr);
		for (int k = 0; k < 6; k++) {
			int column = k % 2, floor = k / 2;
			double f = .2 + .3 * column, g = .14 + .2 * floor;
			double wx = x0 + (x1 - x0) * (f + .1), ww = fabs(x1 - x0) * .16;
			double edge = top0 + (top1 - top0) * (f + .1);
			double foot = low0 + (low1 - low0) * (f + .1);
			scene_box(s, wx - ww / 2, edge + (foot - edge) * g, ww, (foot - edge) * .11,
				  window_colour(s, wall));
		}
		at = next;
	}
}

static void draw_street(struct scene *s)
{
	double x = s->w * scene_random(s, .42, .62), y = s->horizon;
	s->aside = x;
	draw_spire(s);
	scene_box(s, 0, y, s->w, s->h, scene_tone(s, scene_dark(s) ? s->colours.far : .8));
	draw_front(s, s->w * 1.02, x, y);
	draw_front(s, -s->w * .02, x, y);
	for (int i = 0; i < 60; i++) {
		double t = scene_random(s, .1, 1), half = (s->w * .5) * t * .6;
		cut_mark(s, x + half * scene_random(s, -.8, .8), y + (s->h - y) * t,
			 s->u * (1 + 5 * t), 0, s->u * (.1 + .3 * t));
	}
	colour_set(s->cr, scene_layer(s, .6), .6);
	cairo_fill(s->cr);
}

/* From a window under the roof: chimneys near, the town beyond. */
static void draw_chimneys(struct scene *s)
{
	draw_spire(s);
	for (double x = -s->u * 4; x < s->w;) {
		double w = s->u * scene_random(s, 6, 11);
		draw_house(s, x, s->horizon + s->u * scene_random(s, 0, 6), w, scene_layer(s, .35));
		x += w;
	}
	struct colour c = scene_layer(s, .95);
	cairo_move_to(s->cr, 0, s->h * .82);
	cairo_line_to(s->cr, s->w * .5, s->h * .66);
	cairo_line_to(s->cr, s->w, s->h * .84);
	cairo_line_to(s->cr, s->w, s->h);
	cairo_line_to(s->cr, 0, s->h);
	cairo_close_path(s->cr);
	colour_set(s->cr, c, 1);
	cairo_fill(s->cr);
	for (int i = 0; i < 3; i++) {
		double x = s->w * (.55 + .14 * i), w = s->u * scene_random(s, 4, 7);
		double tall = s->h * scene_random(s, .2, .42);
		scene_box(s, x, s->h * .8 - tall, w, tall, c);
		scene_box(s, x - s->u * .8, s->h * .8 - tall, w + s->u * 1.6, s->u * 1.6, c);
		for (int k = 0; k < 2; k++)
			scene_box(s, x + w * (.15 + .45 * k), s->h * .8 - tall - s->u * 3, w * .25,
				  s->u * 3, c);
	}
	for (int row = 0; row < 7; row++)
		for (double x = s->u * (row % 2); x < s->w; x += s->u * 3)
			cut_mark(s, x, s->h * (.86 + .022 * row), s->u * 2, 0, s->u * .2);
	colour_set(s->cr, scene_layer(s, .6), .5);
	cairo_fill(s->cr);
}

static void draw_town(struct scene *s)
{
	static const struct way ways[] = {
		{draw_roofs, 0, false},
		{draw_street, SIGHT_STREET, false},
		{draw_chimneys, SIGHT_ROOF, false},
	};
	scene_draw_one(s, ways, ARRAY_LEN(ways));
}

/* ---- ruin */

/* Courses of stone, as far as they were cut. */
static void draw_stones(struct scene *s, double x, double y, double w, double h, struct colour c)
{
	for (int i = 0; i < (int)(w * h / (s->u * s->u * 14)); i++)
		cut_mark(s, x + w * scene_random(s, .05, .95),
			 y + floor(scene_random(s, .05, .95) * h / (s->u * 2)) * s->u * 2,
			 s->u * scene_random(s, 1.4, 3.4), 0, s->u * .22);
	colour_set(s->cr, c, .55);
	cairo_fill(s->cr);
}

static void draw_broken_tower(struct scene *s)
{
	struct colour c = scene_layer(s, .8), sky = scene_tone(s, s->colours.sky_low - .05);
	double x = s->aside, foot = s->horizon + (s->h - s->horizon) * .5;
	double w = s->u * scene_random(s, 14, 19), tall = foot - s->h * scene_random(s, .1, .2);
	scene_ridge(s, s->horizon - s->u, s->u * 6, .6, scene_layer(s, .15));
	scene_ridge(s, s->horizon + s->u * 5, s->u * 4, .4, scene_layer(s, .4));
	cairo_move_to(s->cr, x - w * .58, foot);
	cairo_line_to(s->cr, x - w / 2, foot - tall);
	for (int i = 1; i <= 6; i++)
		cairo_line_to(s->cr, x - w / 2 + w * i / 7,
			      foot - tall * (1 - .07 * i) + s->u * scene_random(s, -2, 2));
	cairo_line_to(s->cr, x + w / 2, foot - tall * .5);
	cairo_line_to(s->cr, x + w * .6, foot);
	cairo_close_path(s->cr);
	colour_set(s->cr, c, 1);
	cairo_fill(s->cr);
	scene_arch(s, x - w * .26, w * .3, foot - tall * .72, foot - tall * .52, sky);
	scene_arch(s, x - w * .14, w * .28, foot - tall * .26, foot, scene_layer(s, 1));
	draw_stones(s, x - w * .45, foot - tall * .95, w * .55, tall * .9, scene_layer(s, .4));
	for (int i = 1; i <= 4; i++)
		scene_box(s, x - w * (.4 + .62 * i), foot - s->u * scene_random(s, 2, 14) / i,
			  w * .5, s->u * 20, scene_layer(s, .72));
	scene_ridge(s, foot, s->u * 3, .5, scene_layer(s, .85));
	scene_ridge(s, s->h * .94, s->u * 2, .4, scene_layer(s, 1));
}

/* What is left of a nave: a row of arches, the last ones fallen. */
static void draw_arcade(struct scene *s)
{
	double foot = s->horizon + (s->h - s->horizon) * .62, w = s->w * scene_random(s, .2, .26);
	double top = s->h * scene_random(s, .14, .24);
	struct colour c = scene_layer(s, .78);
	scene_ridge(s, s->horizon, s->u * 5, .4, scene_layer(s, .2));
	landmark_draw(s, s->horizon + s->u, .4);
	cairo_push_group(s->cr);
	cairo_move_to(s->cr, s->w, top);
	for (double x = s->w; x > s->w * .24; x -= s->u * 4)
		cairo_line_to(s->cr, x, top + (s->w - x) * .12 + s->u * scene_random(s, -1, 3));
	cairo_line_to(s->cr, s->w * .2, foot - s->u * 12);
	cairo_line_to(s->cr, s->w * .17, foot + s->u * 3);
	cairo_line_to(s->cr, s->w, foot + s->u * 3);
	cairo_close_path(s->cr);
	colour_set(s->cr, c, 1);
	cairo_fill(s->cr);
	draw_stones(s, s->w * .2, top, s->w * .8, foot - top, scene_layer(s, .4));
	cairo_set_operator(s->cr, CAIRO_OPERATOR_CLEAR);
	for (int i = 0; i < 4; i++)
		scene_arch(s, s->w * .99 - w * (i + .86), w * .68, top + w * .26 + i * w * .1,
			   foot + s->u * 4, c);
	cairo_set_operator(s->cr, CAIRO_OPERATOR_OVER);
	cairo_pop_group_to_source(s->cr);
	cairo_paint(s->cr);
	scene_ridge(s, foot + s->u * 2, s->u * 2, .4, scene_layer(s, .9));
	for (int i = 0; i < 8; i++)
		scene_box(s, s->w * scene_random(s, 0, .5), foot + s->u * scene_random(s, -1, 3),
			  s->u * scene_random(s, 2, 6), s->u * scene_random(s, 1, 3),
			  scene_layer(s, .9));
	scene_ridge(s, s->h * .95, s->u * 1.6, .5, scene_layer(s, 1));
}

/* A yard of stones under a bare tree, and what they belong to. */
static void draw_yard(struct scene *s)
{
	struct colour c = scene_layer(s, .95), light = scene_layer(s, .55);
	if (!s->cast.landmark || s->cast.landmark == SHAPE_GRAVES)
		s->cast.landmark = scene_chance(s, .5) ? SHAPE_CHURCH : SHAPE_TOWER;
	scene_ridge(s, s->horizon, s->u * 5, .3, scene_layer(s, .2));
	landmark_draw(s, s->horizon + s->u * 3, .55);
	scene_ridge(s, s->horizon + s->u * 6, s->u * 3, .2, scene_layer(s, .75));
	for (int i = 0; i < 4; i++)
		scene_shape(s, SHAPE_GRAVES, s->w * (.2 + .22 * i),
			    s->horizon + (s->h - s->horizon) * (.4 + .14 * (i % 3)),
			    s->u * (5 + 3 * (i % 3)), i % 2, c, light);
	colour_set(s->cr, c, 1);
	tree_draw_bare(s, s->w * scene_random(s, .86, .94), s->h, s->h * scene_random(s, .8, 1));
	scene_ridge(s, s->h * .93, s->u * 2.4, .3, scene_layer(s, 1));
}

void ground_draw_built(struct scene *s)
{
	static const struct way ruins[] = {
		{draw_broken_tower, SIGHT_TOWER, false},
		{draw_arcade, SIGHT_ARCH, false},
		{draw_yard, SIGHT_GRAVE, false},
	};
	if (s->ground == GROUND_TOWN)
		draw_town(s);
	else
		scene_draw_one(s, ruins, ARRAY_LEN(ruins));
}
