/* SPDX-License-Identifier: MIT */
#include "scene.h"

#include <math.h>

/* Silhouettes: persons seen from behind in long coats, beasts on four legs, birds far off. */

static void draw_person(struct scene *s, double x, double foot, double tall)
{
	cairo_t *cr = s->cr;
	double head = tall * .075, shoulder = foot - tall * .8,
	       wide = tall * scene_random(s, .13, .17);
	double hem = wide * scene_random(s, 1.0, 1.5), lean = scene_random(s, -.03, .03) * tall;
	cairo_arc(cr, x + lean, foot - tall + head, head, 0, 2 * M_PI);
	cairo_fill(cr);
	cairo_move_to(cr, x + lean - head * .5, foot - tall * .88);
	cairo_curve_to(cr, x + lean - wide * .5, shoulder - tall * .03, x - wide, shoulder,
		       x - wide * .9, foot - tall * .5);
	cairo_line_to(cr, x - hem, foot - tall * .04);
	cairo_curve_to(cr, x - hem * .4, foot, x + hem * .4, foot, x + hem, foot - tall * .04);
	cairo_line_to(cr, x + wide * .9, foot - tall * .5);
	cairo_curve_to(cr, x + wide, shoulder, x + lean + wide * .5, shoulder - tall * .03,
		       x + lean + head * .5, foot - tall * .88);
	cairo_close_path(cr);
	cairo_fill(cr);
	cairo_rectangle(cr, x - wide * .5, foot - tall * .06, wide * .3, tall * .06);
	cairo_rectangle(cr, x + wide * .2, foot - tall * .06, wide * .3, tall * .06);
	cairo_fill(cr);
	if (scene_random(s, 0, 1) < .4) { /* a hat */
		cairo_rectangle(cr, x + lean - head * 1.5, foot - tall + head * .35, head * 3,
				head * .3);
		cairo_rectangle(cr, x + lean - head * .85, foot - tall - head * .7, head * 1.7,
				head * 1.2);
		cairo_fill(cr);
	}
}

static void draw_beast(struct scene *s, double x, double foot, double size, double dir)
{
	cairo_t *cr = s->cr;
	double back = foot - size * .75;
	cairo_save(cr);
	cairo_translate(cr, x, 0);
	cairo_scale(cr, dir, 1);
	cairo_move_to(cr, -size * .7, back + size * .05);
	cairo_curve_to(cr, -size * .3, back - size * .12, size * .3, back + size * .05, size * .55,
		       back - size * .1);
	cairo_line_to(cr, size * .75, back - size * .42);
	cairo_line_to(cr, size * .82, back - size * .6);
	cairo_line_to(cr, size * .9, back - size * .4);
	cairo_line_to(cr, size * 1.15, back - size * .2);
	cairo_line_to(cr, size * .85, back - size * .08);
	cairo_curve_to(cr, size * .7, back + size * .4, size * .3, back + size * .42, -size * .1,
		       back + size * .36);
	cairo_curve_to(cr, -size * .6, back + size * .45, -size * .75, back + size * .3, -size * .7,
		       back + size * .05);
	cairo_fill(cr);
	for (int i = 0; i < 4; i++) {
		double at = size * (i < 2 ? -.62 + .16 * i : .2 + .18 * (i - 2));
		cairo_move_to(cr, at, back + size * .25);
		cairo_line_to(cr, at + size * .14, back + size * .25);
		cairo_line_to(cr, at + size * .1, foot);
		cairo_line_to(cr, at + size * .02, foot);
		cairo_fill(cr);
	}
	cairo_set_line_width(cr, size * .07);
	cairo_move_to(cr, -size * .68, back + size * .1);
	cairo_curve_to(cr, -size * .95, back + size * .1, -size * .9, back + size * .5, -size,
		       back + size * .6);
	cairo_stroke(cr);
	cairo_restore(cr);
}

static void draw_birds(struct scene *s)
{
	cairo_set_line_width(s->cr, 3);
	for (int i = 0; i < s->birds + 4; i++) {
		double x = scene_random(s, s->w * .1, s->w * .9), size = scene_random(s, 8, 20);
		double y = scene_random(s, s->h * .08, s->horizon * .6);
		cairo_move_to(s->cr, x - size, y - size * .3);
		cairo_curve_to(s->cr, x - size * .5, y - size * .7, x - size * .1, y - size * .3, x,
			       y);
		cairo_curve_to(s->cr, x + size * .1, y - size * .3, x + size * .5, y - size * .7,
			       x + size, y - size * .3);
		cairo_stroke(s->cr);
	}
}

/* Dark against what lies behind them, with a little light where that is dark too. */
void figures_draw(struct scene *s)
{
	double x = s->w * scene_random(s, .28, .62), foot = s->h * scene_random(s, .88, .94);
	double tall = s->h * scene_random(s, .3, .38);
	struct colour c = colour_mix(s->colours.near, (struct colour){0, 0, 0}, .45);
	if ((s->persons || s->beasts) && scene_dark(s))
		scene_glow(s, x, foot - tall * .4, tall * .9, .2);
	colour_set(s->cr, c, 1);
	if (s->birds)
		draw_birds(s);
	for (int i = 0; i < s->persons; i++) {
		double size = tall * scene_random(s, .86, 1);
		draw_person(s, x, foot + scene_random(s, -6, 10), size);
		x += size * scene_random(s, .36, .5);
	}
	if (s->beasts)
		draw_beast(s, x + (s->persons ? 40 : 0), foot + 6, tall * scene_random(s, .36, .46),
			   scene_random(s, 0, 1) < .5 ? 1 : -1);
}
