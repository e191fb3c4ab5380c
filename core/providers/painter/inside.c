/* SPDX-License-Identifier: MIT */
#include "scene.h"

#include <math.h>

/* Under a roof: room and hall. The hour is what comes through the window, or the lamp. */

static double wall_tone(const struct scene *s)
{
	return scene_dark(s) ? .2 : s->light == LIGHT_OVERCAST ? .5 : .62;
}

static void poly(struct scene *s, const double (*xy)[2], size_t count, struct colour c,
		 double alpha)
{
	for (size_t i = 0; i < count; i++)
		cairo_line_to(s->cr, xy[i][0], xy[i][1]);
	cairo_close_path(s->cr);
	colour_set(s->cr, c, alpha);
	cairo_fill(s->cr);
}

/* ---- what stands in a room */

static void draw_boards(struct scene *s, double top, double x)
{
	scene_box(s, 0, top, s->w, s->h - top, scene_tone(s, wall_tone(s) - .26));
	for (int i = -9; i <= 9; i++) {
		double at = x + i * s->u * 9, low = x + i * s->u * 26;
		const double board[][2] = {
			{at, top}, {low - s->u * .35, s->h}, {low + s->u * .35, s->h}};
		poly(s, board, ARRAY_LEN(board), scene_tone(s, .04), .6);
	}
	scene_box(s, 0, top - s->u * 1.6, s->w, s->u * 1.6, scene_tone(s, .08));
}

/* Paper on the wall: rows of small cuts. */
static void draw_wallpaper(struct scene *s, double foot)
{
	double step = s->u * scene_random(s, 4, 7), lean = scene_chance(s, .5) ? 0 : M_PI / 2;
	int row = 0;
	for (double y = step * .5; y < foot - step * .5; y += step, row++) {
		for (double x = row % 2 ? step * .5 : 0; x < s->w; x += step)
			cut_mark(s, x, y, step * .34, lean, s->u * .24);
	}
	colour_set(s->cr, scene_tone(s, wall_tone(s) + .12), .5);
	cairo_fill(s->cr);
}

/* A window is where the sky is, with what hangs in it. */
static void draw_window(struct scene *s, double x, double y, double w, double h)
{
	struct colour frame = scene_tone(s, .03);
	double horizon = s->horizon, across = s->u * .8;
	cairo_save(s->cr);
	cairo_rectangle(s->cr, x, y, w, h);
	cairo_clip(s->cr);
	s->horizon = y + h * .86;
	s->body_x = x + w * scene_random(s, .3, .7);
	s->body_y = y + h * scene_random(s, .24, .5);
	sky_draw(s);
	scene_ridge(s, y + h * .84, s->u * 1.6, .3, scene_layer(s, .4));
	sky_front(s);
	cairo_restore(s->cr);
	s->horizon = horizon;
	int panes = w > h * .8 ? 3 : 2;
	for (int i = 1; i < panes; i++)
		scene_box(s, x + w * i / panes - across / 2, y, across, h, frame);
	for (int i = 1; i < 3; i++)
		scene_box(s, x, y + h * i / 3 - across / 2, w, across, frame);
	colour_set(s->cr, frame, 1);
	cairo_set_line_width(s->cr, s->u * 1.5);
	cairo_rectangle(s->cr, x, y, w, h);
	cairo_stroke(s->cr);
	scene_box(s, x - s->u * 2, y + h, w + s->u * 4, s->u * 1.6, frame);
}

static void draw_curtain(struct scene *s, double x, double y, double w, double h)
{
	struct colour c =
		colour_mix(s->colours.spot, s->colours.inks[0], scene_dark(s) ? .55 : .25);
	cairo_move_to(s->cr, x, y);
	cairo_line_to(s->cr, x + w, y);
	cairo_curve_to(s->cr, x + w, y + h * .4, x + w * .3, y + h * .5, x + w * .4, y + h * .6);
	cairo_curve_to(s->cr, x + w * .9, y + h * .8, x + w * .7, y + h, x + w * .7, y + h);
	cairo_line_to(s->cr, x, y + h);
	cairo_close_path(s->cr);
	colour_set(s->cr, c, 1);
	cairo_fill(s->cr);
	for (int i = 1; i < 4; i++)
		cut_mark(s, x + w * .2 * i, y + h * .3, h * .5, M_PI / 2, s->u * .25);
	colour_set(s->cr, s->colours.inks[0], .5);
	cairo_fill(s->cr);
}

/* Daylight on the floor, panes and all. */
static void draw_shaft(struct scene *s, double x, double y, double w, double h, double floor)
{
	double lean = -s->u * 14;
	const double beam[][2] = {
		{x, y}, {x + w, y}, {x + w + lean * 2.2, s->h}, {x + lean * 2.6, s->h}, {x, y + h}};
	poly(s, beam, ARRAY_LEN(beam), s->colours.glow, .13);
	for (int i = 0; i < 2; i++) {
		double a = x + w * (.04 + .5 * i), b = x + w * (.46 + .5 * i);
		double top = floor + (s->h - floor) * .2, low = s->h * .97;
		const double pane[][2] = {{a + lean, top},
					  {b + lean, top},
					  {b + lean * 1.9, low},
					  {a + lean * 2.1, low}};
		poly(s, pane, ARRAY_LEN(pane), s->colours.glow, .5);
	}
}

static void draw_lamp(struct scene *s, double x, double foot)
{
	enum shape lamp =
		s->light == LIGHT_LAMPLIGHT || scene_chance(s, .5) ? SHAPE_LANTERN : SHAPE_CANDLE;
	scene_glow(s, x, foot - s->u * 6, s->u * 30, .34);
	scene_shape(s, lamp, x, foot, s->u * 10, false, scene_tone(s, 0), s->colours.glow);
}

static void draw_table(struct scene *s, double x, double top, double w)
{
	struct colour c = scene_tone(s, .02);
	scene_box(s, x - w / 2, top, w, s->u * 1.8, c);
	scene_box(s, x - w * .44, top, s->u * 1.6, s->u * 15, c);
	scene_box(s, x + w * .44 - s->u * 1.6, top, s->u * 1.6, s->u * 15, c);
	scene_shape(s, s->cast.emblem ? s->cast.emblem : SHAPE_BOOK, x - w * .2, top, s->u * 7,
		    false, c, scene_tone(s, .8));
	if (scene_dark(s))
		draw_lamp(s, x + w * .22, top);
	else
		scene_shape(s, SHAPE_BOTTLE, x + w * .26, top, s->u * 9, false, c,
			    scene_tone(s, .6));
}

static void draw_shelf(struct scene *s, double x, double y, double w, int boards)
{
	for (int i = 0; i < boards; i++) {
		double foot = y + i * s->u * 12;
		for (double at = s->u * .6; at < w - s->u * 3;) {
			double thick = s->u * scene_random(s, 1, 2.4);
			double tall = s->u * scene_random(s, 5, 9.4);
			struct colour c = scene_tone(s, scene_random(s, .05, wall_tone(s) - .04));
			scene_box(s, x + at, foot - tall, thick, tall,
				  scene_chance(s, .14) ? s->colours.spot : c);
			at += thick * (scene_chance(s, .1) ? 2.2 : 1.05);
		}
		scene_box(s, x - s->u, foot, w + s->u * 2, s->u * 1.3, scene_tone(s, .04));
	}
}

static void draw_hearth(struct scene *s, double x, double floor)
{
	struct colour stone = scene_tone(s, wall_tone(s) - .14), dark = scene_tone(s, 0);
	double w = s->u * 36, tall = s->u * 34;
	scene_glow(s, x, floor - s->u * 6, s->u * 52, .4);
	scene_box(s, x - w / 2, floor - tall, w, tall, stone);
	scene_box(s, x - w * .58, floor - tall - s->u * 3, w * 1.16, s->u * 3.4, dark);
	scene_box(s, x - w * .34, floor - tall * .66, w * .68, tall * .66, dark);
	scene_glow(s, x, floor - s->u * 5, s->u * 11, .7);
	for (int i = 0; i < 7; i++) {
		double fx = x + w * .26 * (i - 3) / 3.0, high = s->u * scene_random(s, 7, 18);
		cairo_move_to(s->cr, fx - s->u * 2.4, floor - s->u);
		cairo_curve_to(s->cr, fx - s->u * 3, floor - high * .5, fx, floor - high * .6,
			       fx + s->u * .5, floor - high);
		cairo_curve_to(s->cr, fx + s->u * 1.6, floor - high * .5, fx + s->u * 3,
			       floor - high * .4, fx + s->u * 2.2, floor - s->u);
		colour_set(s->cr, i % 2 ? s->colours.spot : s->colours.glow, 1);
		cairo_fill(s->cr);
	}
	scene_box(s, x - w * .3, floor - s->u * 2, w * .6, s->u * 2, dark);
	scene_shape(s, s->cast.emblem ? s->cast.emblem : SHAPE_CLOCK, x, floor - tall - s->u * 3,
		    s->u * 8, false, dark, scene_tone(s, .7));
}

static void draw_stair(struct scene *s);

/* ---- rooms */

static void draw_walls(struct scene *s, double floor)
{
	scene_box(s, 0, 0, s->w, s->h, scene_tone(s, wall_tone(s)));
	draw_wallpaper(s, floor);
	draw_boards(s, floor, s->w * scene_random(s, .3, .7));
}

static void draw_by_window(struct scene *s)
{
	double floor = s->h * scene_random(s, .70, .78), w = s->u * scene_random(s, 26, 36);
	double x = s->w * scene_random(s, .36, .62), y = s->h * scene_random(s, .06, .16);
	double h = floor * scene_random(s, .5, .74);
	draw_walls(s, floor);
	draw_window(s, x, y, w, h);
	if (scene_chance(s, .6))
		draw_curtain(s, x - s->u * 4, y - s->u * 2, s->u * 9, h + s->u * 8);
	if (!scene_dark(s))
		draw_shaft(s, x, y, w, h, floor);
	draw_table(s, s->w * scene_random(s, .72, .84), floor + s->u * 2, s->u * 32);
	if (x > s->w * .5 && scene_chance(s, .7))
		draw_shelf(s, s->w * .06, floor * scene_random(s, .3, .45), s->u * 22, 2);
}

static void draw_by_fire(struct scene *s)
{
	double floor = s->h * scene_random(s, .74, .8);
	draw_walls(s, floor);
	if (scene_chance(s, .6))
		draw_window(s, s->w * .06, s->h * .12, s->u * 18, floor * .5);
	else
		draw_shelf(s, s->w * .04, floor * .32, s->u * 26, 3);
	draw_hearth(s, s->w * scene_random(s, .62, .72), floor + s->u);
}

/* From a dark passage into a lit room. */
static void draw_doorway(struct scene *s)
{
	double x = s->w * scene_random(s, .46, .58), w = s->u * scene_random(s, 26, 34);
	double top = s->h * scene_random(s, .1, .2), floor = s->h * .8;
	struct colour lit = scene_dark(s) ? colour_mix(s->colours.glow, s->colours.spot, .25)
					  : scene_tone(s, .96);
	scene_box(s, 0, 0, s->w, s->h, scene_tone(s, wall_tone(s) * .5));
	for (double at = s->u * 2; at < s->w; at += s->u * 5)
		cut_mark(s, at, s->h * .4, s->h * .7, M_PI / 2, s->u * .3);
	colour_set(s->cr, scene_tone(s, wall_tone(s)), .4);
	cairo_fill(s->cr);
	scene_box(s, 0, floor, s->w, s->h, scene_tone(s, .06));
	scene_box(s, x - s->u * 3, top - s->u * 3, w + s->u * 6, floor - top + s->u * 3,
		  scene_tone(s, .04));
	scene_box(s, x, top, w, floor - top, lit);
	const double spill[][2] = {
		{x, floor}, {x + w, floor}, {x + w + s->u * 4, s->h}, {x - s->u * 34, s->h}};
	poly(s, spill, ARRAY_LEN(spill), lit, .75);
	const double leaf[][2] = {{x + w, top},
				  {x + w + s->u * 12, top + s->u * 5},
				  {x + w + s->u * 12, floor + s->u * 9},
				  {x + w, floor}};
	poly(s, leaf, ARRAY_LEN(leaf), scene_tone(s, .14), 1);
	scene_disc(s, x + w + s->u * 9.6, (top + floor) / 2 + s->u * 3, s->u * .9, lit, 1);
	s->focus = x + w * .5; /* who stands there, stands in the light */
	s->foot = s->h * .9;
}

/* Walls of books to the ceiling, a ladder, one lamp. */
static void draw_library(struct scene *s)
{
	double floor = s->h * scene_random(s, .78, .84), x = s->w * scene_random(s, .56, .8);
	scene_box(s, 0, 0, s->w, s->h, scene_tone(s, wall_tone(s) + .08));
	for (double at = s->u * 2; at < s->w; at += s->u * 32) {
		draw_shelf(s, at, s->u * 10, s->u * 28, (int)(floor / (s->u * 12)));
		scene_box(s, at + s->u * 28.4, 0, s->u * 2, floor, scene_tone(s, .02));
	}
	draw_boards(s, floor, s->w * .4);
	colour_set(s->cr, scene_tone(s, 0), 1);
	cairo_set_line_width(s->cr, s->u);
	for (int side = 0; side < 2; side++) {
		cairo_move_to(s->cr, x + side * s->u * 7, floor + s->u * 4);
		cairo_line_to(s->cr, x + s->u * (9 + side * 6), floor * .12);
	}
	for (int i = 1; i < 9; i++) {
		double t = i / 9.0, at = x + s->u * 9 * t, y = floor + s->u * 4 - floor * .9 * t;
		cairo_move_to(s->cr, at, y);
		cairo_line_to(s->cr, at + s->u * 6.6, y);
	}
	cairo_stroke(s->cr);
	if (scene_dark(s))
		scene_glow(s, s->focus, s->h * .55, s->u * 50, .4);
}

/* Under the rafters: beams that lean together, and a small window in the gable. */
static void draw_loft(struct scene *s)
{
	double x = s->w * scene_random(s, .44, .58), floor = s->h * scene_random(s, .76, .84);
	double top = -s->h * .06, w = s->u * 14, y = s->h * scene_random(s, .2, .28);
	struct colour beam = scene_tone(s, .03), side = scene_tone(s, wall_tone(s) - .14);
	scene_box(s, 0, 0, s->w, s->h, scene_tone(s, wall_tone(s)));
	draw_wallpaper(s, floor);
	for (int i = -1; i <= 1; i += 2) {
		const double slope[][2] = {{x, top},
					   {x + i * s->w * .64, floor * .8},
					   {x + i * s->w, floor * .8},
					   {x + i * s->w, top}};
		poly(s, slope, ARRAY_LEN(slope), side, 1);
		for (int k = 0; k < 4; k++) {
			double t = .16 + k * .17, thick = s->u * (1 + k * .5);
			const double rafter[][2] = {
				{x + i * s->w * t * .2, top},
				{x + i * (s->w * t * .2 + thick), top},
				{x + i * (s->w * (t + .2) + thick * 1.6), floor + s->u * 2 * k},
				{x + i * s->w * (t + .2), floor + s->u * 2 * k}};
			poly(s, rafter, ARRAY_LEN(rafter), beam, .8);
		}
	}
	draw_window(s, x - w / 2, y, w, w * 1.2);
	scene_box(s, 0, y + w * 1.6, s->w, s->u * 2.6, beam);
	draw_boards(s, floor, x);
	if (!scene_dark(s))
		draw_shaft(s, x - w / 2, y, w, w * 1.2, floor);
	draw_table(s, s->w * scene_random(s, .7, .82), floor + s->u * 2, s->u * 28);
}

/* One lamp over a table, and the dark around it. */
static void draw_lamplit(struct scene *s)
{
	double x = s->w * scene_random(s, .5, .66), y = s->h * scene_random(s, .24, .34);
	double top = s->h * scene_random(s, .72, .78), dark = wall_tone(s) * .45;
	scene_box(s, 0, 0, s->w, s->h, scene_tone(s, dark));
	draw_wallpaper(s, top);
	const double cone[][2] = {
		{x - s->u * 4, y}, {x + s->u * 4, y}, {x + s->u * 38, s->h}, {x - s->u * 38, s->h}};
	poly(s, cone, ARRAY_LEN(cone), s->colours.glow, .3);
	scene_box(s, 0, s->h * .9, s->w, s->h, scene_tone(s, 0));
	scene_box(s, x - s->u * .25, 0, s->u * .5, y, scene_tone(s, 0));
	const double shade[][2] = {{x - s->u * 1.6, y - s->u * 5},
				   {x + s->u * 1.6, y - s->u * 5},
				   {x + s->u * 7, y},
				   {x - s->u * 7, y}};
	poly(s, shade, ARRAY_LEN(shade), colour_mix(s->colours.spot, s->colours.inks[0], .2), 1);
	scene_disc(s, x, y, s->u * 2.2, s->colours.glow, 1);
	scene_box(s, x - s->u * 25, top, s->u * 50, s->u * 2.4, scene_tone(s, 0));
	scene_box(s, x - s->u * 3, top, s->u * 6, s->h, scene_tone(s, 0));
	scene_shape(s, s->cast.emblem ? s->cast.emblem : SHAPE_CUP, x + s->u * 9, top, s->u * 8,
		    false, scene_tone(s, 0), scene_tone(s, .8));
}

static void draw_room(struct scene *s)
{
	static const struct way ways[] = {
		{draw_by_window, SIGHT_WINDOW, false}, {draw_doorway, SIGHT_DOOR, false},
		{draw_library, SIGHT_BOOKS, true},     {draw_by_fire, SIGHT_HEARTH, true},
		{draw_loft, SIGHT_ROOF, false},	       {draw_lamplit, 0, false},
		{draw_stair, SIGHT_STAIR, true},
	};
	if (s->light == LIGHT_FIRELIGHT)
		draw_by_fire(s);
	else if (s->light == LIGHT_LAMPLIGHT && scene_chance(s, .5))
		draw_lamplit(s);
	else
		scene_draw_one(s, ways, ARRAY_LEN(ways));
}

/* ---- halls */

/* Arches within arches, each further and lighter, to a window at the end. */
static void draw_nave(struct scene *s)
{
	double x = s->w * scene_random(s, .4, .6), floor = s->h * scene_random(s, .7, .78);
	double from = .02, to = scene_dark(s) ? .4 : .78;
	scene_box(s, 0, 0, s->w, s->h, scene_tone(s, from));
	for (int i = 0; i < 5; i++) {
		double w = s->w * (.86 - .165 * i), top = s->h * (.03 + .06 * i);
		double foot = s->h - (s->h - floor) * i / 4.0;
		scene_arch(s, x - w / 2, w, top + w * .1, foot,
			   scene_tone(s, from + (to - from) * (i + 1) / 5));
	}
	double w = s->w * .1;
	scene_arch(s, x - w / 2, w, s->h * .36, floor - s->u * 3, s->colours.glow);
	scene_glow(s, x, s->h * .46, s->u * 26, .5);
	const double carpet[][2] = {{x - w * .5, floor},
				    {x + w * .5, floor},
				    {x + s->w * .2, s->h},
				    {x - s->w * .2, s->h}};
	poly(s, carpet, ARRAY_LEN(carpet), s->colours.spot, .7);
}

/* A row of columns before tall windows, the light falling in between them. */
static void draw_columns(struct scene *s)
{
	double floor = s->h * scene_random(s, .74, .82), gap = s->u * scene_random(s, 22, 32);
	double back = scene_dark(s) ? .3 : .7, shift = scene_random(s, -.4, .1) * gap, w = s->u * 5;
	struct colour sky = scene_tone(s, s->colours.sky_low + (scene_dark(s) ? .12 : 0));
	scene_box(s, 0, 0, s->w, s->h, scene_tone(s, back));
	scene_box(s, 0, floor, s->w, s->h, scene_tone(s, back - .2));
	for (double x = shift; x < s->w; x += gap) {
		scene_arch(s, x + gap * .34, gap * .34, s->h * .2, floor - s->u * 8, sky);
		scene_box(s, x + gap * .5, s->h * .18, s->u * .7, floor - s->h * .28,
			  scene_tone(s, back - .2));
		const double light[][2] = {{x + gap * .34, floor},
					   {x + gap * .68, floor},
					   {x + gap * .4, s->h},
					   {x - gap * .2, s->h}};
		poly(s, light, ARRAY_LEN(light), sky, .5);
	}
	if (scene_dark(s)) { /* candles on the ledges */
		scene_glow(s, s->w * .5, s->h * .5, s->u * 40, .35);
		for (double x = shift; x < s->w; x += gap * .17)
			scene_disc(s, x, floor - s->u * 7, s->u * .7, s->colours.glow, 1);
	}
	for (double x = shift; x < s->w + gap; x += gap) {
		scene_box(s, x - w / 2, 0, w, s->h * .9, scene_tone(s, .03));
		scene_box(s, x - w / 2, 0, w * .3, s->h * .9, scene_tone(s, back - .16));
		scene_box(s, x - w * .8, s->h * .87, w * 1.6, s->u * 5, scene_tone(s, .03));
	}
	/* The vault: what the arches from column to column leave. */
	for (double x = shift; x < s->w + gap; x += gap) {
		cairo_move_to(s->cr, x - gap * .5, -2);
		cairo_curve_to(s->cr, x - gap * .2, s->h * .02, x - w * .6, s->h * .1, x - w * .5,
			       s->h * .24);
		cairo_line_to(s->cr, x + w * .5, s->h * .24);
		cairo_curve_to(s->cr, x + w * .6, s->h * .1, x + gap * .2, s->h * .02, x + gap * .5,
			       -2);
		cairo_close_path(s->cr);
	}
	colour_set(s->cr, scene_tone(s, .03), 1);
	cairo_fill(s->cr);
}

/* A wide stair up to a tall window. */
static void draw_stair(struct scene *s)
{
	double x = s->w * scene_random(s, .5, .62), top = s->h * scene_random(s, .46, .54);
	double back = scene_dark(s) ? .18 : .66;
	int steps = 11;
	scene_box(s, 0, 0, s->w, s->h, scene_tone(s, back));
	draw_wallpaper(s, s->h);
	draw_window(s, x - s->u * 10, s->h * .06, s->u * 20, top - s->h * .14);
	for (int i = 0; i < steps; i++) {
		double t = (double)i / (steps - 1), y = top + (s->h - top) * t * (.5 + .5 * t);
		double half = s->u * 15 + s->w * .4 * t;
		scene_box(s, x - half, y, half * 2, s->h,
			  scene_tone(s, back + (i % 2 ? -.34 : -.1)));
	}
	for (int side = -1; side <= 1; side += 2) {
		for (int i = 0; i <= 6; i++) {
			double t = i / 6.0, y = top + (s->h - top) * t * (.5 + .5 * t);
			double at = x + side * (s->u * 16 + s->w * .41 * t);
			scene_box(s, at - s->u * (.4 + t), y - s->u * (6 + 15 * t),
				  s->u * (.8 + 2 * t), s->u * (8 + 20 * t), scene_tone(s, .02));
			scene_disc(s, at, y - s->u * (6.6 + 16 * t), s->u * (.8 + 1.6 * t),
				   scene_tone(s, .02), 1);
		}
	}
	s->focus = x - s->u * 8;
}

void ground_draw_inside(struct scene *s)
{
	static const struct way halls[] = {
		{draw_nave, SIGHT_ARCH, false},
		{draw_columns, SIGHT_COLUMN, false},
		{draw_stair, SIGHT_STAIR, false},
	};
	if (s->ground == GROUND_ROOM)
		draw_room(s);
	else
		scene_draw_one(s, halls, ARRAY_LEN(halls));
}
