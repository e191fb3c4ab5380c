/* SPDX-License-Identifier: MIT */
#include "scene.h"

#include <math.h>

/*
 * Open country: forest, mountain, field, road, sky, and hills where no word says more. Each ground
 * has a few compositions, so that two forests of one book are two pictures.
 */

static double ground_h(const struct scene *s)
{
	return s->h - s->horizon;
}

/* ---- trees, in the source that is set */

void tree_draw_fir(struct scene *s, double x, double foot, double tall)
{
	cairo_t *cr = s->cr;
	double wide = tall * scene_random(s, .19, .25);
	for (int i = 0; i < 5; i++) {
		double top = foot - tall + i * tall * .17, low = top + tall * .3;
		double half = wide * (.34 + .17 * i);
		cairo_move_to(cr, x, top);
		cairo_line_to(cr, x + half, low);
		cairo_line_to(cr, x + half * .4, low - tall * .03);
		cairo_line_to(cr, x - half * .3, low - tall * .02);
		cairo_line_to(cr, x - half, low + tall * .01);
		cairo_close_path(cr);
	}
	cairo_rectangle(cr, x - tall * .02, foot - tall * .1, tall * .04, tall * .1);
	cairo_fill(cr);
}

void tree_draw_round(struct scene *s, double x, double foot, double tall)
{
	cairo_t *cr = s->cr;
	double wide = tall * scene_random(s, .24, .34);
	cairo_move_to(cr, x - tall * .05, foot);
	cairo_line_to(cr, x - tall * .02, foot - tall * .6);
	cairo_line_to(cr, x + tall * .02, foot - tall * .6);
	cairo_line_to(cr, x + tall * .05, foot);
	cairo_close_path(cr);
	for (int i = 0; i < 8; i++) {
		double a = i * 2 * M_PI / 8;
		cairo_new_sub_path(cr);
		cairo_arc(cr, x + cos(a) * wide * .62, foot - tall * .66 + sin(a) * tall * .19,
			  tall * scene_random(s, .12, .17), 0, 2 * M_PI);
	}
	cairo_new_sub_path(cr);
	cairo_arc(cr, x, foot - tall * .66, tall * .2, 0, 2 * M_PI);
	cairo_fill(cr);
}

static void draw_branch(struct scene *s, double x, double y, double len, double angle, double width,
			int depth)
{
	double x1 = x + cos(angle) * len, y1 = y + sin(angle) * len;
	double nx = -sin(angle) * width / 2, ny = cos(angle) * width / 2, thin = .62;
	cairo_move_to(s->cr, x - nx, y - ny);
	cairo_line_to(s->cr, x1 - nx * thin, y1 - ny * thin);
	cairo_line_to(s->cr, x1 + nx * thin, y1 + ny * thin);
	cairo_line_to(s->cr, x + nx, y + ny);
	cairo_close_path(s->cr);
	cairo_fill(s->cr);
	if (depth == 0)
		return;
	int forks = scene_chance(s, .35) ? 3 : 2;
	for (int i = 0; i < forks; i++) {
		double turn = forks == 3 ? (i - 1) * .55 : i ? .42 : -.42;
		draw_branch(s, x1, y1, len * scene_random(s, .58, .84),
			    angle + turn + scene_random(s, -.22, .22), width * thin, depth - 1);
	}
}

void tree_draw_bare(struct scene *s, double x, double foot, double tall)
{
	draw_branch(s, x, foot, tall * .36, -M_PI / 2 + scene_random(s, -.14, .14), tall * .075, 5);
}

static void draw_tree(struct scene *s, int kind, double x, double foot, double tall)
{
	static void (*const trees[])(struct scene *, double, double,
				     double) = {tree_draw_fir, tree_draw_round, tree_draw_bare};
	trees[kind](s, x, foot, tall);
}

/* Winter and sorrow have bare trees. */
static int tree_kind(struct scene *s)
{
	if (s->sights & (SIGHT_FIR | SIGHT_LEAF | SIGHT_BARE) && scene_chance(s, .8))
		return s->sights & SIGHT_BARE ? 2 : s->sights & SIGHT_LEAF ? 1 : 0;
	bool bare = s->mood == MOOD_EERIE || s->mood == MOOD_MENACING ||
		    s->mood == MOOD_MELANCHOLY || s->mood == MOOD_LONELY ||
		    (s->weather & WEATHER_SNOW);
	return scene_chance(s, bare ? .65 : .12) ? 2 : scene_chance(s, .5) ? 1 : 0;
}

/* A fir by itself is a Christmas tree. */
static int lone_tree_kind(struct scene *s)
{
	int kind = tree_kind(s);
	return kind ? kind : scene_chance(s, .6) ? 1 : 2;
}

/* Something dark and near at one side makes the rest deep. */
static void draw_framing_tree(struct scene *s)
{
	double x = s->w * scene_random(s, .86, .97);
	colour_set(s->cr, scene_layer(s, 1), 1);
	draw_tree(s, lone_tree_kind(s), x, s->h * 1.04, s->h * scene_random(s, .8, 1.1));
}

/* Tall grass at the foot. */
static void draw_grass(struct scene *s, struct colour c)
{
	for (int i = 0; i < 110; i++)
		cut_mark(s, s->w * scene_random(s, 0, 1), s->h * scene_random(s, .97, 1.02),
			 s->u * scene_random(s, 5, 15), -M_PI / 2 + scene_random(s, -.3, .3),
			 s->u * .26);
	colour_set(s->cr, c, 1);
	cairo_fill(s->cr);
}

/* ---- forest */

static void draw_wood_edge(struct scene *s)
{
	int kind = tree_kind(s);
	landmark_draw(s, s->horizon + s->u * 3, .3);
	for (int layer = 0; layer < 4; layer++) {
		double depth = .16 + layer * .28;
		double foot = s->horizon + ground_h(s) * (.12 + .29 * layer);
		double gap = s->u * (5 + 4.6 * layer) * (kind == 2 ? 1.8 : kind == 1 ? 1.3 : 1);
		scene_ridge(s, foot - s->u * 2, s->u * 1.2, .2, scene_layer(s, depth));
		if (layer == 2)
			vessel_draw(s, foot, depth);
		colour_set(s->cr, scene_layer(s, depth), 1);
		for (double x = -gap * scene_random(s, 0, 1); x < s->w + gap;
		     x += gap * scene_random(s, .6, 1.4)) {
			/* The nearest ones leave room for who stands there. */
			if (layer == 3 && x > s->w * .16 && x < s->w * .8)
				continue;
			draw_tree(s, kind, x, foot + s->u,
				  s->u * scene_random(s, 15, 22) * (1 + layer * .75));
		}
	}
	cut_field(s, 0, s->h * .9, s->w, s->h * .1, 40, 0, scene_layer(s, .6), .5);
}

static void draw_trunk(struct scene *s, double x, double width, struct colour c, struct colour bark)
{
	double lean = scene_random(s, -2, 2) * s->u, foot = s->h * 1.01;
	cairo_move_to(s->cr, x - width * 1.1, foot);
	cairo_curve_to(s->cr, x - width * .6, s->h * .75, x + lean - width * .5, s->h * .3,
		       x + lean - width * .45, -2);
	cairo_line_to(s->cr, x + lean + width * .45, -2);
	cairo_curve_to(s->cr, x + lean + width * .5, s->h * .3, x + width * .6, s->h * .75,
		       x + width * 1.1, foot);
	cairo_close_path(s->cr);
	colour_set(s->cr, c, 1);
	cairo_fill(s->cr);
	for (int i = 0; i < (int)(width / s->u * 5); i++)
		cut_mark(s, x + lean * .5 + width * scene_random(s, -.34, .34),
			 s->h * scene_random(s, 0, .95), s->u * scene_random(s, 2, 7),
			 M_PI / 2 + scene_random(s, -.05, .05), s->u * .18);
	colour_set(s->cr, bark, .5);
	cairo_fill(s->cr);
}

/* Among the trunks, whose crowns are above the picture. */
static void draw_trunks(struct scene *s)
{
	for (int layer = 0; layer < 4; layer++) {
		double depth = .12 + layer * .29, width = s->u * (.7 + layer * layer * .62);
		double foot = s->horizon + ground_h(s) * (.05 + .27 * layer);
		double gap = s->u * (4.5 + layer * 6);
		for (double x = gap * scene_random(s, -.8, .4); x < s->w + gap;
		     x += gap * scene_random(s, .55, 1.5)) {
			if (layer == 3 && x > s->w * .18 && x < s->w * .72)
				continue;
			draw_trunk(s, x, width * scene_random(s, .7, 1.3), scene_layer(s, depth),
				   scene_layer(s, depth - .3));
		}
		scene_ridge(s, foot, s->u * .8, .3, scene_layer(s, depth + .04));
		if (layer == 1)
			landmark_draw(s, foot + s->u, depth + .15);
	}
	cut_field(s, 0, s->horizon + ground_h(s) * .5, s->w, ground_h(s) * .5, 70, .05,
		  scene_layer(s, .55), .5);
}

/* A clearing under a ring of crowns. */
static void draw_clearing(struct scene *s)
{
	struct colour crown = scene_layer(s, .95), leaf = scene_layer(s, .6);
	scene_ridge(s, s->horizon, s->u * 1.5, .2, scene_layer(s, .25));
	colour_set(s->cr, scene_layer(s, .3), 1);
	for (double x = 0; x < s->w; x += s->u * scene_random(s, 3, 7))
		draw_tree(s, 1, x, s->horizon + s->u * 2, s->u * scene_random(s, 12, 18));
	landmark_draw(s, s->horizon + s->u * 4, .45);
	scene_ridge(s, s->horizon + s->u * 6, s->u * 1.2, .2, scene_layer(s, .12));
	for (int side = 0; side < 2; side++)
		draw_trunk(s, s->w * (side ? .95 : .06), s->u * scene_random(s, 3.5, 6), crown,
			   leaf);
	for (int i = 0; i < 34; i++) {
		double t = i / 33.0, x = s->w * t, arch = 1 - sin(t * M_PI);
		scene_disc(s, x, s->h * (.0 + .42 * arch * arch) + s->u * scene_random(s, -3, 3),
			   s->u * scene_random(s, 6, 10), crown, 1);
	}
	for (int i = 0; i < 90; i++) {
		double t = scene_random(s, 0, 1), arch = 1 - sin(t * M_PI);
		cut_mark(s, s->w * t, s->h * .42 * arch * arch + s->u * scene_random(s, -7, 7),
			 s->u * scene_random(s, 1.5, 3), scene_random(s, .3, 1.2), s->u * .4);
	}
	colour_set(s->cr, leaf, .7);
	cairo_fill(s->cr);
	draw_grass(s, crown);
}

static void draw_forest(struct scene *s)
{
	static const struct way ways[] = {
		{draw_wood_edge, SIGHT_FIR | SIGHT_BARE, false},
		{draw_trunks, SIGHT_FIR | SIGHT_BARE | SIGHT_LEAF, false},
		{draw_clearing, SIGHT_LEAF, false},
	};
	scene_draw_one(s, ways, ARRAY_LEN(ways));
}

/* ---- mountain */

/* A peak with a light side and a dark one, snow, and the marks of its fall. */
static void draw_peak(struct scene *s, double x, double top, double half, double foot, double depth)
{
	cairo_t *cr = s->cr;
	double tall = foot - top, ridge = x + half * scene_random(s, -.1, .2);
	double snow = tall * scene_random(s, .22, .36), slope = half / tall;
	struct colour white = colour_mix(s->colours.inks[INKS - 1], s->colours.glow, .3);
	if (scene_dark(s))
		white = colour_mix(scene_layer(s, depth), s->colours.glow, .4);
	cairo_move_to(cr, x, top);
	cairo_line_to(cr, x + half, foot);
	cairo_line_to(cr, x - half, foot);
	cairo_close_path(cr);
	colour_set(cr, scene_layer(s, depth), 1);
	cairo_fill(cr);
	cairo_move_to(cr, x, top);
	for (int i = 1; i <= 6; i++)
		cairo_line_to(cr, x - snow * slope + 2 * snow * slope * (i - 1) / 5.0,
			      top + snow * (i % 2 ? 1 : .62));
	cairo_close_path(cr);
	colour_set(cr, white, 1);
	cairo_fill(cr);
	cairo_move_to(cr, x, top);
	cairo_line_to(cr, x + half, foot);
	cairo_line_to(cr, ridge + half * .2, foot);
	cairo_line_to(cr, ridge - half * .06, top + tall * .6);
	cairo_line_to(cr, ridge + half * .1, top + tall * .34);
	cairo_close_path(cr);
	colour_set(cr, scene_layer(s, depth + .4), .75);
	cairo_fill(cr);
	for (int i = 0; i < 26; i++) {
		double t = scene_random(s, .35, .95);
		cut_mark(s, x - half * t * scene_random(s, .1, .85), top + tall * t,
			 tall * scene_random(s, .05, .16), 2.2, s->u * .22);
	}
	colour_set(cr, white, .45);
	cairo_fill(cr);
}

static void draw_range(struct scene *s)
{
	for (int i = 0; i < 5; i++)
		draw_peak(s, s->w * (.04 + .23 * i + scene_random(s, -.07, .07)),
			  s->horizon * scene_random(s, .2, .66), s->w * scene_random(s, .2, .34),
			  s->horizon + s->u * 6, .12 + .1 * (i % 2));
	scene_ridge(s, s->horizon + ground_h(s) * .12, s->u * 5, .9, scene_layer(s, .5));
	landmark_draw(s, s->horizon + ground_h(s) * .12, .7);
	scene_ridge(s, s->horizon + ground_h(s) * .45, s->u * 5, .8, scene_layer(s, .75));
	scene_ridge(s, s->h * .94, s->u * 2, .7, scene_layer(s, 1));
}

static void draw_one_peak(struct scene *s)
{
	double x = s->w * scene_random(s, .42, .66);
	scene_ridge(s, s->horizon, s->u * 6, .8, scene_layer(s, .1));
	draw_peak(s, x, s->h * scene_random(s, .06, .14), s->w * scene_random(s, .42, .6),
		  s->horizon + ground_h(s) * .5, .28);
	scene_ridge(s, s->horizon + ground_h(s) * .3, s->u * 3, .8, scene_layer(s, .55));
	landmark_draw(s, s->horizon + ground_h(s) * .32, .75);
	colour_set(s->cr, scene_layer(s, .78), 1);
	for (double at = 0; at < s->w; at += s->u * scene_random(s, 2, 7))
		tree_draw_fir(s, at, s->horizon + ground_h(s) * .52, s->u * scene_random(s, 5, 10));
	scene_ridge(s, s->horizon + ground_h(s) * .5, s->u * 2, .6, scene_layer(s, .8));
	scene_ridge(s, s->h * .93, s->u * 2.4, .8, scene_layer(s, 1));
}

static void draw_wall(struct scene *s, double side, double reach, double top, double depth)
{
	double dir = side > 0 ? -1 : 1, x = side + dir * reach, y = top;
	cairo_move_to(s->cr, side, top - s->u * 20);
	cairo_line_to(s->cr, side + dir * reach * .4, top);
	for (int i = 0; i < 7; i++) {
		y += (s->h - top) / 7 * scene_random(s, .7, 1.3);
		x = side + dir * reach * (.4 + .09 * i + scene_random(s, -.07, .07));
		cairo_line_to(s->cr, x, y);
	}
	cairo_line_to(s->cr, x + dir * s->u * 4, s->h + 2);
	cairo_line_to(s->cr, side, s->h + 2);
	cairo_close_path(s->cr);
	colour_set(s->cr, scene_layer(s, depth), 1);
	cairo_fill(s->cr);
	for (int i = 0; i < 60; i++) {
		double t = scene_random(s, 0, 1);
		cut_mark(s, side + dir * reach * .6 * scene_random(s, 0, .3 + .5 * t),
			 top + (s->h - top) * t, s->u * scene_random(s, 3, 9), M_PI / 2 - dir * .25,
			 s->u * .25);
	}
	colour_set(s->cr, scene_layer(s, depth - .3), .5);
	cairo_fill(s->cr);
}

/* Between two walls of rock, towards the light. */
static void draw_gorge(struct scene *s)
{
	draw_peak(s, s->w * scene_random(s, .42, .58), s->horizon * .35, s->w * .26,
		  s->horizon + s->u * 8, .12);
	scene_ridge(s, s->horizon + s->u * 3, s->u * 3, .6, scene_layer(s, .3));
	landmark_draw(s, s->horizon + s->u * 3, .5);
	draw_wall(s, s->w, s->w * .52, s->h * .22, .5);
	draw_wall(s, 0, s->w * .44, s->h * .12, .7);
	scene_ridge(s, s->h * .86, s->u * 3, .7, scene_layer(s, .88));
	draw_wall(s, s->w, s->w * .26, s->h * .3, 1);
	scene_ridge(s, s->h * .94, s->u * 2, .8, scene_layer(s, 1));
}

static void draw_mountain(struct scene *s)
{
	static const struct way ways[] = {
		{draw_range, SIGHT_PEAK, false},
		{draw_one_peak, SIGHT_PEAK, false},
		{draw_gorge, SIGHT_GORGE, false},
	};
	scene_draw_one(s, ways, ARRAY_LEN(ways));
}

/* ---- field */

/* Lines that run to one point make the field flat and wide. */
static void draw_furrows(struct scene *s)
{
	double x = s->w * scene_random(s, .2, .8), top = s->horizon + ground_h(s) * .3;
	scene_ridge(s, s->horizon - s->u * 2, s->u * 3, 0, scene_layer(s, .12));
	scene_ridge(s, s->horizon + s->u * 3, s->u * 2, 0, scene_layer(s, .35));
	landmark_draw(s, s->horizon + s->u * 4, .7);
	scene_box(s, 0, top, s->w, s->h - top, scene_layer(s, .4));
	for (int i = -20; i <= 20; i++) {
		cairo_move_to(s->cr, x + i * s->u * .9, top);
		cairo_line_to(s->cr, x + i * s->u * 9 - s->u * 1.6, s->h);
		cairo_line_to(s->cr, x + i * s->u * 9 + s->u * 2.6, s->h);
		cairo_close_path(s->cr);
	}
	colour_set(s->cr, scene_layer(s, .72), 1);
	cairo_fill(s->cr);
	colour_set(s->cr, scene_layer(s, .9), 1);
	draw_tree(s, lone_tree_kind(s), s->w * scene_random(s, .62, .9), top + s->u * 2,
		  s->u * scene_random(s, 22, 36));
}

static void draw_downs(struct scene *s)
{
	for (int i = 0; i < 5; i++) {
		double y = s->horizon + ground_h(s) * (.2 * i);
		scene_ridge(s, y, s->u * (5 - i * .6), 0, scene_layer(s, .1 + .2 * i));
		if (i == 1)
			landmark_draw(s, y + s->u, .75);
		cut_field(s, 0, y + s->u * 3, s->w, ground_h(s) * .18, 40, i % 2 ? .5 : -.4,
			  scene_layer(s, .3 + .2 * i), .6);
		colour_set(s->cr, scene_layer(s, .35 + .18 * i), 1);
		for (int k = 0; k < 5 && i < 3; k++)
			tree_draw_round(s, s->w * scene_random(s, 0, 1), y + s->u * 3,
					s->u * scene_random(s, 3, 6) * (1 + i * .6));
	}
}

/* Lying in the corn, nearly. */
static void draw_meadow(struct scene *s)
{
	scene_ridge(s, s->horizon + ground_h(s) * .3, s->u * 3, .1, scene_layer(s, .2));
	landmark_draw(s, s->horizon + ground_h(s) * .32, .55);
	scene_ridge(s, s->horizon + ground_h(s) * .5, s->u * 2, .1, scene_layer(s, .45));
	colour_set(s->cr, scene_layer(s, .6), 1);
	draw_tree(s, lone_tree_kind(s), s->w * scene_random(s, .6, .86),
		  s->horizon + ground_h(s) * .56, s->h * scene_random(s, .34, .55));
	draw_grass(s, scene_layer(s, .75));
	scene_ridge(s, s->h * .965, s->u * 1.4, .3, scene_layer(s, .9));
	draw_grass(s, scene_layer(s, .95));
}

static void draw_field(struct scene *s)
{
	static const struct way ways[] = {
		{draw_furrows, SIGHT_PLOUGH, false},
		{draw_downs, SIGHT_LEAF, false},
		{draw_meadow, SIGHT_CORN, false},
	};
	scene_draw_one(s, ways, ARRAY_LEN(ways));
}

/* ---- road */

/* A band that winds and widens from the horizon to the foot. */
static void draw_winding(struct scene *s, double top, double wide, struct colour c)
{
	double x0 = s->w * scene_random(s, .45, .7), x1 = s->w * scene_random(s, .2, .45);
	double bend = s->w * scene_random(s, .2, .4), mid = (top + s->h) / 2, n = s->u * .5;
	cairo_move_to(s->cr, x0 - n, top);
	cairo_curve_to(s->cr, x0 + bend - n, mid, x1 - bend - wide, mid, x1 - wide, s->h);
	cairo_line_to(s->cr, x1 + wide, s->h);
	cairo_curve_to(s->cr, x1 - bend + wide * .8, mid, x0 + bend + n * 4, mid, x0 + n, top);
	cairo_close_path(s->cr);
	colour_set(s->cr, c, 1);
	cairo_fill(s->cr);
}

static void draw_posts(struct scene *s, double x, double dx)
{
	for (int i = 0; i < 8; i++) {
		double t = pow((i + 1) / 8.0, 1.8), foot = s->horizon + ground_h(s) * (.1 + .9 * t);
		double tall = s->u * (2 + 15 * t);
		scene_box(s, x + dx * t, foot - tall, s->u * (.3 + 1.2 * t), tall,
			  scene_layer(s, .5 + .5 * t));
	}
}

static void draw_open_road(struct scene *s)
{
	scene_ridge(s, s->horizon - s->u, s->u * 4, .3, scene_layer(s, .12));
	landmark_draw(s, s->horizon + s->u * 2, .45);
	scene_ridge(s, s->horizon + s->u * 2, s->u * 1.4, 0, scene_layer(s, .5));
	draw_winding(s, s->horizon + s->u * 3, s->w * scene_random(s, .12, .2), scene_tone(s, .92));
	cut_field(s, 0, s->horizon + s->u * 6, s->w, ground_h(s), 70, .1, scene_layer(s, .85), .6);
	draw_posts(s, s->w * .72, s->w * scene_random(s, .1, .22));
}

static void draw_avenue(struct scene *s)
{
	double x = s->w * scene_random(s, .4, .6);
	int kind = tree_kind(s);
	scene_ridge(s, s->horizon, s->u * 2, .2, scene_layer(s, .1));
	landmark_draw(s, s->horizon + s->u, .3);
	scene_box(s, 0, s->horizon + s->u, s->w, s->h, scene_layer(s, .55));
	cairo_move_to(s->cr, x - s->u * .4, s->horizon + s->u);
	cairo_line_to(s->cr, x + s->u * .4, s->horizon + s->u);
	cairo_line_to(s->cr, x + s->w * .36, s->h);
	cairo_line_to(s->cr, x - s->w * .36, s->h);
	cairo_close_path(s->cr);
	colour_set(s->cr, scene_tone(s, scene_dark(s) ? .5 : .9), 1);
	cairo_fill(s->cr);
	for (int i = 0; i < 7; i++) {
		double t = pow((i + 1) / 7.0, 2.1);
		colour_set(s->cr, scene_layer(s, .2 + .8 * t), 1);
		for (int side = -1; side <= 1; side += 2)
			draw_tree(s, kind, x + side * (s->u + s->w * .47 * t),
				  s->horizon + s->u + ground_h(s) * .92 * t,
				  s->u * 6 + s->h * .74 * t);
	}
}

static void draw_over_hill(struct scene *s)
{
	double crest = s->horizon + ground_h(s) * .2;
	scene_ridge(s, s->horizon - s->u * 3, s->u * 5, .4, scene_layer(s, .1));
	landmark_draw(s, s->horizon + s->u * 2, .4);
	cairo_move_to(s->cr, 0, crest + s->u * 9);
	cairo_curve_to(s->cr, s->w * .3, crest - s->u * 4, s->w * .7, crest - s->u * 5, s->w,
		       crest + s->u * 7);
	cairo_line_to(s->cr, s->w, s->h);
	cairo_line_to(s->cr, 0, s->h);
	cairo_close_path(s->cr);
	colour_set(s->cr, scene_layer(s, .7), 1);
	cairo_fill(s->cr);
	draw_winding(s, crest - s->u * .5, s->w * .24, scene_tone(s, scene_dark(s) ? .45 : .85));
	draw_framing_tree(s);
	draw_grass(s, scene_layer(s, 1));
}

static void draw_road(struct scene *s)
{
	static const struct way ways[] = {
		{draw_open_road, 0, false},
		{draw_avenue, SIGHT_LEAF | SIGHT_FIR, false},
		{draw_over_hill, SIGHT_BARE, false},
	};
	scene_draw_one(s, ways, ARRAY_LEN(ways));
}

/* ---- sky and hills */

static void draw_open(struct scene *s)
{
	scene_ridge(s, s->h * .86, s->u * 3, .3, scene_layer(s, .35));
	landmark_draw(s, s->h * .87, .6);
	scene_ridge(s, s->h * .94, s->u * 2.4, .3, scene_layer(s, .95));
}

static void draw_hills(struct scene *s)
{
	int layers = 3 + (int)scene_random(s, 0, 3);
	double rough = scene_random(s, .1, .6);
	for (int i = 0; i < layers; i++) {
		double t = (double)i / (layers - 1), y = s->horizon + ground_h(s) * .88 * t;
		scene_ridge(s, y, s->u * (7 - 4 * t), rough, scene_layer(s, .1 + .9 * t));
		if (i == 1)
			landmark_draw(s, y + s->u, .7);
		cut_field(s, 0, y + s->u * 4, s->w, s->u * 8, 26, scene_random(s, -.6, .6),
			  scene_layer(s, .35 + .6 * t), .5);
	}
}

static void draw_lone_tree(struct scene *s)
{
	double crest = s->horizon + ground_h(s) * .3;
	scene_ridge(s, s->horizon, s->u * 4, .3, scene_layer(s, .12));
	landmark_draw(s, s->horizon + s->u * 3, .4);
	scene_ridge(s, crest, s->u * 3, 0, scene_layer(s, .6));
	colour_set(s->cr, scene_layer(s, .9), 1);
	draw_tree(s, lone_tree_kind(s), s->w * scene_random(s, .62, .8), crest + s->u * 2,
		  s->h * scene_random(s, .4, .62));
	scene_ridge(s, s->horizon + ground_h(s) * .72, s->u * 2, .2, scene_layer(s, .85));
	draw_grass(s, scene_layer(s, 1));
}

static void draw_anywhere(struct scene *s)
{
	static const struct way ways[] = {
		{draw_hills, 0, false},
		{draw_lone_tree, SIGHT_LEAF | SIGHT_BARE, false},
		{draw_downs, 0, false},
		{draw_meadow, SIGHT_CORN, false},
	};
	scene_draw_one(s, ways, ARRAY_LEN(ways));
}

void ground_draw(struct scene *s)
{
	static void (*const draw[GROUNDS])(struct scene *) = {
		[GROUND_NONE] = draw_anywhere,	    [GROUND_SEA] = ground_draw_wet,
		[GROUND_SHORE] = ground_draw_wet,   [GROUND_RIVER] = ground_draw_wet,
		[GROUND_FOREST] = draw_forest,	    [GROUND_MOUNTAIN] = draw_mountain,
		[GROUND_FIELD] = draw_field,	    [GROUND_ROAD] = draw_road,
		[GROUND_TOWN] = ground_draw_built,  [GROUND_ROOM] = ground_draw_inside,
		[GROUND_HALL] = ground_draw_inside, [GROUND_RUIN] = ground_draw_built,
		[GROUND_SKY] = draw_open,
	};
	draw[s->ground](s);
}
