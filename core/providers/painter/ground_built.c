/* SPDX-License-Identifier: MIT */
#include "scene.h"

#include <math.h>

/* What people have built: town, room, hall, ruin. */

static void box(struct scene *s, double x, double y, double w, double h, struct colour c)
{
	cairo_rectangle(s->cr, x, y, w, h);
	colour_set(s->cr, c, 1);
	cairo_fill(s->cr);
}

/* ---- town */

static void draw_windows(struct scene *s, double x, double top, double w, double foot)
{
	for (int y = 16; y < foot - top - 20; y += 34) {
		for (int at = 10; at < w - 16; at += 24) {
			bool lit = scene_random(s, 0, 1) < (scene_dark(s) ? .45 : .06);
			if (lit)
				box(s, x + at, top + y, 9, 14, s->colours.glow);
		}
	}
}

static void draw_house(struct scene *s, double x, double top, double w, struct colour c)
{
	double gable = w * scene_random(s, .3, .75);
	cairo_move_to(s->cr, x, s->h);
	cairo_line_to(s->cr, x, top);
	cairo_line_to(s->cr, x + w / 2, top - gable);
	cairo_line_to(s->cr, x + w, top);
	cairo_line_to(s->cr, x + w, s->h);
	colour_set(s->cr, c, 1);
	cairo_fill(s->cr);
	box(s, x + w * .7, top - gable * .75, w * .1, gable * .6, c);
}

static void draw_spire(struct scene *s, double x, double foot, double tall, struct colour c)
{
	colour_set(s->cr, c, 1);
	cairo_rectangle(s->cr, x - tall * .1, foot - tall * .55, tall * .2, tall);
	cairo_fill(s->cr);
	cairo_move_to(s->cr, x - tall * .12, foot - tall * .55);
	cairo_line_to(s->cr, x, foot - tall * 1.15);
	cairo_line_to(s->cr, x + tall * .12, foot - tall * .55);
	cairo_fill(s->cr);
}

static void draw_town(struct scene *s)
{
	draw_spire(s, s->w * scene_random(s, .2, .8), s->horizon + 30, scene_random(s, 170, 250),
		   scene_layer(s, .2));
	for (int layer = 0; layer < 3; layer++) {
		struct colour c = scene_layer(s, .2 + .38 * layer);
		double x = scene_random(s, -60, 0);
		while (x < s->w) {
			double w = scene_random(s, 52, 96) * (1 + .3 * layer);
			double top = s->horizon - 20 + layer * 78 + scene_random(s, -36, 24);
			draw_house(s, x, top, w, c);
			draw_windows(s, x, top, w, top + 90);
			x += w * scene_random(s, .82, 1.05);
		}
	}
}

/* ---- room */

static void draw_floor(struct scene *s, double top)
{
	double x = s->w / 2;
	box(s, 0, top, s->w, s->h - top, scene_layer(s, .72));
	colour_set(s->cr, scene_layer(s, 1), .5);
	cairo_set_line_width(s->cr, 2);
	for (int i = -12; i <= 12; i++) {
		cairo_move_to(s->cr, x + i * 70, top);
		cairo_line_to(s->cr, x + i * 180, s->h);
	}
	cairo_stroke(s->cr);
}

/* A window is where the sky is: its panes show it, with what hangs in it. */
static void draw_window(struct scene *s, double x, double y, double w, double h)
{
	struct colour frame = scene_layer(s, .95);
	cairo_save(s->cr);
	cairo_rectangle(s->cr, x, y, w, h);
	cairo_clip(s->cr);
	cairo_pattern_t *p = cairo_pattern_create_linear(0, y, 0, y + h);
	struct colour top = s->colours.sky_top, low = s->colours.sky_low;
	cairo_pattern_add_color_stop_rgb(p, 0, top.r, top.g, top.b);
	cairo_pattern_add_color_stop_rgb(p, 1, low.r, low.g, low.b);
	cairo_set_source(s->cr, p);
	cairo_paint(s->cr);
	cairo_pattern_destroy(p);
	scene_disc(s, x + w * .64, y + h * .3, w * .11, s->colours.glow, .95);
	cairo_restore(s->cr);
	colour_set(s->cr, frame, 1);
	cairo_set_line_width(s->cr, 9);
	cairo_rectangle(s->cr, x, y, w, h);
	cairo_move_to(s->cr, x + w / 2, y);
	cairo_line_to(s->cr, x + w / 2, y + h);
	cairo_move_to(s->cr, x, y + h * .45);
	cairo_line_to(s->cr, x + w, y + h * .45);
	cairo_stroke(s->cr);
	box(s, x - 16, y + h, w + 32, 12, frame);
}

/* Daylight falls through the window onto the floor. */
static void draw_shaft(struct scene *s, double x, double y, double w, double h, double floor)
{
	double lean = x < s->w / 2 ? 170 : -170;
	cairo_move_to(s->cr, x, y);
	cairo_line_to(s->cr, x + w, y);
	cairo_line_to(s->cr, x + w + lean * 1.7, s->h);
	cairo_line_to(s->cr, x + lean, floor + (s->h - floor) * .6);
	cairo_line_to(s->cr, x, y + h);
	cairo_close_path(s->cr);
	colour_set(s->cr, s->colours.glow, .16);
	cairo_fill(s->cr);
}

static void draw_table(struct scene *s, double x, double floor, bool lamp)
{
	struct colour c = scene_layer(s, 1);
	double top = floor - 40;
	box(s, x - 120, top, 240, 13, c);
	box(s, x - 104, top, 13, 130, c);
	box(s, x + 91, top, 13, 130, c);
	box(s, x - 70, top - 10, 58, 10, scene_layer(s, .5));
	box(s, x - 64, top - 18, 46, 8, s->colours.accent);
	box(s, x + 46, top - 34, 7, 34, c);
	if (lamp) {
		scene_glow(s, x + 50, top - 48, 330, .75);
		scene_disc(s, x + 50, top - 46, 12, s->colours.glow, 1);
	}
}

static void draw_hearth(struct scene *s, double x, double floor)
{
	struct colour c = scene_layer(s, .92);
	box(s, x - 130, floor - 210, 260, 214, c);
	box(s, x - 150, floor - 226, 300, 20, c);
	box(s, x - 84, floor - 140, 168, 144, scene_layer(s, 1));
	scene_glow(s, x, floor - 30, 300, .85);
	for (int i = 0; i < 7; i++) {
		double fx = x + scene_random(s, -55, 55), tall = scene_random(s, 40, 110);
		cairo_move_to(s->cr, fx - 15, floor);
		cairo_curve_to(s->cr, fx - 20, floor - tall * .5, fx, floor - tall * .6, fx + 4,
			       floor - tall);
		cairo_curve_to(s->cr, fx + 12, floor - tall * .5, fx + 22, floor - tall * .4,
			       fx + 15, floor);
		colour_set(s->cr, s->colours.glow, .75);
		cairo_fill(s->cr);
	}
}

static void draw_shelf(struct scene *s, double x, double y)
{
	box(s, x, y, 200, 8, scene_layer(s, .95));
	for (int at = 6; at < 180; at += 17) {
		double tall = scene_random(s, 34, 60);
		box(s, x + at, y - tall, 14, tall,
		    colour_mix(scene_layer(s, scene_random(s, .4, .95)), s->colours.accent,
			       scene_random(s, 0, .4)));
	}
}

static void draw_room(struct scene *s)
{
	double floor = s->h * scene_random(s, .68, .76);
	bool left = scene_random(s, 0, 1) < .5, fire = s->light == LIGHT_FIRELIGHT;
	double wx = s->w * (left ? .12 : .62), wy = s->h * .14, ww = s->w * .24, wh = s->h * .4;
	struct colour wall = colour_mix(s->colours.far, s->colours.near, scene_dark(s) ? .55 : .2);
	box(s, 0, 0, s->w, s->h, wall);
	draw_floor(s, floor);
	box(s, 0, floor - 14, s->w, 14, scene_layer(s, .9));
	draw_window(s, wx, wy, ww, wh);
	if (!scene_dark(s))
		draw_shaft(s, wx, wy, ww, wh, floor);
	double other = s->w * (left ? .68 : .3);
	draw_shelf(s, other - 40, s->h * .3);
	if (fire)
		draw_hearth(s, other + 40, floor + 4);
	else
		draw_table(s, other + 30, floor + 34, scene_dark(s) || s->light == LIGHT_NONE);
}

/* ---- hall */

static void draw_arch(struct scene *s, double x, double w, double top, double foot, struct colour c)
{
	cairo_move_to(s->cr, x, foot);
	cairo_line_to(s->cr, x, top + w * .6);
	cairo_curve_to(s->cr, x, top + w * .2, x + w * .3, top, x + w / 2, top - w * .12);
	cairo_curve_to(s->cr, x + w * .7, top, x + w, top + w * .2, x + w, top + w * .6);
	cairo_line_to(s->cr, x + w, foot);
	cairo_close_path(s->cr);
	colour_set(s->cr, c, 1);
	cairo_fill(s->cr);
}

static void draw_hall(struct scene *s)
{
	double middle = s->w * scene_random(s, .4, .6), floor = s->h * .74;
	box(s, 0, 0, s->w, s->h, scene_layer(s, .85));
	box(s, 0, floor, s->w, s->h - floor, scene_layer(s, .7));
	/* Arches within arches, each further and lighter, to a window at the end. */
	for (int i = 0; i < 5; i++) {
		double w = s->w * (.86 - .16 * i), top = s->h * (.05 + .065 * i);
		double foot = s->h - (s->h - floor) * i / 4.0;
		draw_arch(s, middle - w / 2, w, top, foot, scene_layer(s, .72 - .16 * i));
	}
	struct colour light = s->colours.glow;
	draw_arch(s, middle - 48, 96, s->h * .34, floor - 34, light);
	scene_glow(s, middle, s->h * .45, 300, .55);
	cairo_move_to(s->cr, middle - 40, floor);
	cairo_line_to(s->cr, middle + 40, floor);
	cairo_line_to(s->cr, middle + 190, s->h);
	cairo_line_to(s->cr, middle - 190, s->h);
	cairo_close_path(s->cr);
	colour_set(s->cr, s->colours.accent, .45);
	cairo_fill(s->cr);
}

/* ---- ruin */

static void draw_broken_tower(struct scene *s, double x, double foot, double w, double tall)
{
	struct colour c = scene_layer(s, .82), sky = colour_mix(s->colours.sky_low, c, .25);
	cairo_move_to(s->cr, x - w / 2 - 8, foot);
	cairo_line_to(s->cr, x - w / 2, foot - tall);
	for (int i = 1; i <= 6; i++)
		cairo_line_to(s->cr, x - w / 2 + w * i / 7,
			      foot - tall * (1 - .07 * i) + scene_random(s, -18, 18));
	cairo_line_to(s->cr, x + w / 2, foot - tall * .55);
	cairo_line_to(s->cr, x + w / 2 + 8, foot);
	cairo_close_path(s->cr);
	colour_set(s->cr, c, 1);
	cairo_fill(s->cr);
	draw_arch(s, x - w * .14, w * .28, foot - tall * .7, foot - tall * .45, sky);
	draw_arch(s, x - w * .12, w * .24, foot - tall * .3, foot - tall * .02, scene_layer(s, 1));
}

static void draw_ruin(struct scene *s)
{
	double x = s->w * scene_random(s, .3, .7);
	scene_ridge(s, s->horizon - 10, 60, .6, scene_layer(s, .15));
	scene_ridge(s, s->horizon + 60, 34, .4, scene_layer(s, .5));
	draw_broken_tower(s, x, s->horizon + 130, 120, scene_random(s, 250, 330));
	struct colour wall = scene_layer(s, .82);
	for (int i = 1; i <= 3; i++) {
		double side = x + (scene_random(s, 0, 1) < .5 ? -1 : 1) * (60 + 70 * i);
		box(s, side, s->horizon + 130 - 100. / i, 62, 140, wall);
	}
	scene_ridge(s, s->horizon + 118, 26, .5, scene_layer(s, .85));
	scene_ridge(s, s->h - 34, 22, .4, scene_layer(s, 1));
}

void ground_draw_built(struct scene *s)
{
	if (s->ground == GROUND_TOWN)
		draw_town(s);
	else if (s->ground == GROUND_ROOM)
		draw_room(s);
	else if (s->ground == GROUND_HALL)
		draw_hall(s);
	else
		draw_ruin(s);
}
