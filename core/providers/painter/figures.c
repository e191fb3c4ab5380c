/* SPDX-License-Identifier: MIT */
#include "scene.h"

#include <math.h>

/* Who is there, and what stands behind them. */

enum { UNITS_A_PERSON = 11 }; /* how tall a person would be beside a landmark: hundredths */

void landmark_draw(struct scene *s, double y, double depth)
{
	enum shape shape = s->cast.landmark;
	if (!shape)
		return;
	bool grand = s->mood == MOOD_MAJESTIC || s->mood == MOOD_MENACING;
	double tall = s->u * UNITS_A_PERSON * shape_size(shape) * (grand ? 1.25 : 1);
	if (tall > y * .95 && y > 0)
		tall = y * .95;
	bool lit = scene_dark(s) || s->light == LIGHT_SUNSET || s->light == LIGHT_DAWN;
	scene_shape(s, shape, s->aside, y + s->u * .4, tall, scene_chance(s, .5),
		    scene_layer(s, depth),
		    lit ? s->colours.glow : scene_tone(s, s->colours.sky_low));
	s->cast.landmark = SHAPE_NONE;
}

void vessel_draw(struct scene *s, double y, double depth)
{
	enum shape shape = s->cast.craft;
	if (shape_kind(shape) != KIND_VESSEL)
		return;
	double tall = s->u * UNITS_A_PERSON * shape_size(shape) * scene_random(s, .8, 1.1);
	double x = s->aside - s->u * scene_random(s, 4, 12);
	if (shape == SHAPE_BOAT)
		tall *= 1.5;
	scene_shape(s, shape, x, y, tall, scene_chance(s, .5), scene_layer(s, depth + .15),
		    scene_layer(s, depth));
	for (int i = 0; i < 7; i++)
		cut_mark(s, x + tall * scene_random(s, -.5, .5), y + s->u * (.8 + .9 * i),
			 tall * scene_random(s, .2, .7), 0, s->u * .3);
	colour_set(s->cr, scene_layer(s, depth), .7);
	cairo_fill(s->cr);
	s->cast.craft = SHAPE_NONE;
}

bool scene_peopled(const struct scene *s)
{
	const struct cast *c = &s->cast;
	return c->person_count || c->beast_count || c->crowd;
}

static void draw_birds(struct scene *s, struct colour ink)
{
	int count = 4 + (int)scene_random(s, 0, 8);
	double x = s->w * scene_random(s, .3, .6), y = s->horizon * scene_random(s, .25, .5);
	for (int i = 0; i < count; i++) {
		double near = scene_random(s, .25, 1);
		cairo_save(s->cr);
		cairo_translate(s->cr, x + s->w * .34 * scene_random(s, -1, 1),
				y + s->horizon * .24 * scene_random(s, -1, 1));
		cairo_rotate(s->cr, scene_random(s, -.35, .35));
		colour_set(s->cr, ink, 1);
		double size = s->u * 2.6 * near;
		cairo_scale(s->cr, size, size);
		shape_fill(s->cr, SHAPE_GULL, NULL);
		cairo_restore(s->cr);
	}
}

/* Heads and shoulders, row before row. */
static void draw_crowd(struct scene *s)
{
	static const enum shape people[] = {SHAPE_MAN,	 SHAPE_HAT, SHAPE_WOMAN,
					    SHAPE_SHAWL, SHAPE_MAN, SHAPE_BOY};
	for (int row = 0; row < 3; row++) {
		double tall = s->person * (.5 + .2 * row), x = -tall * .3;
		while (x < s->w) {
			enum shape one = people[scene_pick(s, ARRAY_LEN(people))];
			scene_shape(s, one, x, s->h + tall * (.42 - .16 * (2 - row)),
				    tall * shape_size(one) * scene_random(s, .92, 1.06), false,
				    scene_layer(s, .55 + .2 * row), scene_layer(s, .5));
			x += tall * scene_random(s, .24, .4);
		}
	}
}

static struct colour figure_ink(struct scene *s)
{
	return colour_mix(scene_tone(s, 0), (struct colour){0, 0, 0}, .25);
}

static void draw_shadow(struct scene *s, double x, double w, double foot)
{
	double away = x < s->body_x ? -1 : 1;
	cut_mark(s, x + away * w * .7, foot + s->u * .2, w * 2.6, away * .06, s->u * .7);
	colour_set(s->cr, figure_ink(s), .45);
	cairo_fill(s->cr);
}

static enum shape in_a_pose(struct scene *s, enum shape person)
{
	static const enum shape poses[SHAPES][3] = {
		[SHAPE_MAN] = {SHAPE_MAN, SHAPE_STRIDING, SHAPE_POINTING},
		[SHAPE_HAT] = {SHAPE_HAT, SHAPE_STRIDING_HAT, SHAPE_STRIDING_HAT},
		[SHAPE_WOMAN] = {SHAPE_WOMAN, SHAPE_STROLLING, SHAPE_STROLLING},
		[SHAPE_BOY] = {SHAPE_BOY, SHAPE_RUNNING_BOY, SHAPE_BOY},
	};
	const enum shape *p = poses[person];
	/* From near only a back is a person. */
	return p[0] && s->foot < s->h ? p[scene_pick(s, 3)] : person;
}

static bool carries_light(const struct scene *s)
{
	return s->cast.emblem == SHAPE_LANTERN || s->cast.emblem == SHAPE_CANDLE;
}

/* By night a little of the ground shows light about those who stand on it. */
static void draw_pool(struct scene *s, double x, double foot)
{
	cairo_save(s->cr);
	cairo_translate(s->cr, x, foot);
	cairo_scale(s->cr, s->person * .75, s->person * .11);
	cairo_new_sub_path(s->cr);
	cairo_arc(s->cr, 0, 0, 1, 0, 2 * M_PI);
	cairo_restore(s->cr);
	colour_set(s->cr, scene_tone(s, s->colours.near + .3), .5);
	cairo_fill(s->cr);
}

/* The first stands in front, the others a little further back each. */
static double draw_persons(struct scene *s, double x, struct colour ink)
{
	const struct cast *c = &s->cast;
	double step = scene_random(s, .28, .5), xs[CAST_MOST] = {0}, feet[CAST_MOST] = {0},
	       talls[CAST_MOST] = {0};
	for (int i = 0; i < c->person_count; i++) {
		talls[i] = s->person * shape_size(c->persons[i]) * (1 - .06 * i) *
			   scene_random(s, .96, 1.03);
		feet[i] = s->foot - s->person * .03 * i;
		xs[i] = x;
		x += s->person * step * (i ? 1 : scene_random(s, .9, 1.5));
	}
	double hand_x = xs[0] + talls[0] * .22, hand_y = feet[0] - talls[0] * .3;
	bool lantern = c->person_count && carries_light(s) && hand_y < s->h &&
		       (scene_dark(s) || scene_inside(s));
	if (lantern)
		scene_glow(s, hand_x, hand_y, talls[0] * .7, .5);
	for (int i = c->person_count - 1; i >= 0; i--) {
		enum shape one = in_a_pose(s, c->persons[i]);
		draw_shadow(s, xs[i], talls[i] * .2, feet[i]);
		scene_shape(s, one, xs[i], feet[i], talls[i], scene_chance(s, .4),
			    colour_mix(ink, scene_layer(s, .7), .12 * i), scene_layer(s, .5));
	}
	if (lantern)
		scene_shape(s, SHAPE_LANTERN, hand_x, hand_y, talls[0] * .16, false, ink,
			    s->colours.glow);
	return x;
}

static bool herds(enum shape shape)
{
	return shape == SHAPE_SHEEP || shape == SHAPE_COW || shape == SHAPE_RAT ||
	       shape == SHAPE_SWAN;
}

static void draw_beasts(struct scene *s, double x, struct colour ink)
{
	const struct cast *c = &s->cast;
	for (int i = 0; i < c->beast_count; i++) {
		double tall = s->person * shape_size(c->beasts[i]);
		/* Alone it is what the picture is about. */
		if (!c->person_count)
			tall *= shape_size(c->beasts[i]) < .5 ? 1.9 : 1.25;
		int count = herds(c->beasts[i]) ? 3 : 1;
		for (int k = 0; k < count; k++) {
			double foot = s->foot + s->u * (1 - 1.4 * k);
			draw_shadow(s, x, tall * .5, foot);
			scene_shape(s, c->beasts[i], x + tall * .4, foot, tall, scene_chance(s, .5),
				    ink, scene_layer(s, .3));
			x += tall * scene_random(s, 1.0, 1.5);
		}
	}
}

static void draw_vehicle(struct scene *s, struct colour ink)
{
	double tall = s->person * shape_size(s->cast.craft) * 1.15;
	double x = s->w * scene_random(s, .66, .8);
	bool horse = s->cast.craft == SHAPE_COACH;
	draw_shadow(s, x, tall, s->foot);
	scene_shape(s, s->cast.craft, x, s->foot, tall, true, ink, scene_layer(s, .4));
	if (horse)
		scene_shape(s, SHAPE_HORSE, x - tall * 1.15, s->foot, tall * .92, true, ink, ink);
}

void figures_draw(struct scene *s)
{
	struct colour ink = figure_ink(s);
	if (s->cast.birds && !scene_inside(s))
		draw_birds(s, scene_dark(s) ? scene_tone(s, s->colours.sky_low + .2) : ink);
	if (s->cast.crowd)
		draw_crowd(s);
	if (shape_kind(s->cast.craft) == KIND_VEHICLE && !scene_inside(s))
		draw_vehicle(s, ink);
	if (scene_peopled(s) && scene_dark(s) && !scene_inside(s))
		draw_pool(s, s->focus + s->person * .2, s->foot);
	double x = draw_persons(s, s->focus, ink);
	draw_beasts(s, x, ink);
}
