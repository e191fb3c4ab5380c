/* SPDX-License-Identifier: MIT */
#include "scene.h"

#include <math.h>

/*
 * The gouge: what makes flat shapes a print. Skies are cut in a way of their own for each mood, so
 * that the same sea is calm under long level lines and in turmoil under whirls; slopes and waters
 * take short marks along their fall; and the whole print has the grain of a block that took the ink
 * here and there too thinly.
 */

void cut_mark(struct scene *s, double x, double y, double length, double angle, double width)
{
	double dx = cos(angle) * length / 2, dy = sin(angle) * length / 2;
	double nx = -sin(angle) * width, ny = cos(angle) * width;
	cairo_move_to(s->cr, x - dx, y - dy);
	cairo_curve_to(s->cr, x - dx * .3 + nx, y - dy * .3 + ny, x + dx * .3 + nx,
		       y + dy * .3 + ny, x + dx, y + dy);
	cairo_curve_to(s->cr, x + dx * .3 - nx * .4, y + dy * .3 - ny * .4, x - dx * .3 - nx * .4,
		       y - dy * .3 - ny * .4, x - dx, y - dy);
	cairo_close_path(s->cr);
}

void cut_field(struct scene *s, double x, double y, double w, double h, int count, double angle,
	       struct colour c, double alpha)
{
	for (int i = 0; i < count; i++) {
		double down = sqrt(scene_random(s, 0, 1)), size = s->u * (.6 + 1.6 * down);
		cut_mark(s, x + w * scene_random(s, 0, 1), y + h * down,
			 size * scene_random(s, 1.4, 3.4), angle + scene_random(s, -.12, .12),
			 size * .13);
	}
	colour_set(s->cr, c, alpha);
	cairo_fill(s->cr);
}

/* ---- skies */

static struct colour sky_at(const struct scene *s, double y, double lighter)
{
	double t = y / s->horizon;
	t = t < 0 ? 0 : t > 1 ? 1 : t;
	return scene_tone(s, s->colours.sky_top + (s->colours.sky_low - s->colours.sky_top) * t +
				     lighter);
}

/* Rows of marks over the whole sky, turned by an angle. */
static void cut_rows(struct scene *s, double angle, double gap, double length, double width)
{
	double reach = (s->w + s->horizon) * .75;
	cairo_save(s->cr);
	cairo_translate(s->cr, s->w / 2, s->horizon / 2);
	cairo_rotate(s->cr, angle);
	for (double y = -reach; y < reach; y += gap * scene_random(s, .75, 1.25)) {
		for (double x = -reach + scene_random(s, -length, 0); x < reach;) {
			double l = length * scene_random(s, .35, 1.3);
			cut_mark(s, x + l / 2, y + scene_random(s, -.1, .1) * gap, l, 0,
				 width * scene_random(s, .5, 1));
			x += l * scene_random(s, 1.1, 2.2);
		}
	}
	cairo_restore(s->cr);
	colour_set(s->cr, sky_at(s, s->horizon * .7, .14), .55);
	cairo_fill(s->cr);
}

static void cut_level(struct scene *s)
{
	cut_rows(s, 0, s->u * 3.4, s->u * 30, s->u * .32);
}

static void cut_slant(struct scene *s)
{
	cut_rows(s, scene_chance(s, .5) ? -.9 : -1.2, s->u * 2.2, s->u * 22, s->u * .4);
}

static void cut_drooping(struct scene *s)
{
	cut_rows(s, M_PI / 2 + .04, s->u * 2.4, s->u * 16, s->u * .28);
}

static void cut_wedges(struct scene *s, double x, double y, int count, double share)
{
	double reach = s->w + s->h, turn = scene_random(s, 0, 1);
	for (int i = 0; i < count; i++) {
		double a = (i + turn) * 2 * M_PI / count, half = M_PI / count * share;
		cairo_move_to(s->cr, x, y);
		cairo_line_to(s->cr, x + cos(a - half) * reach, y + sin(a - half) * reach);
		cairo_line_to(s->cr, x + cos(a + half) * reach, y + sin(a + half) * reach);
		cairo_close_path(s->cr);
	}
	colour_set(s->cr, sky_at(s, s->horizon, .06), .42);
	cairo_fill(s->cr);
}

static void cut_rays(struct scene *s)
{
	cut_wedges(s, s->body_x, s->body_y, 26 + (int)scene_random(s, 0, 12), .5);
}

/* From behind the land, wide: an altar piece. */
static void cut_glory(struct scene *s)
{
	cut_wedges(s, s->w * scene_random(s, .46, .54), s->horizon * 1.06,
		   30 + (int)scene_random(s, 0, 10), .55);
}

static void cut_rings(struct scene *s, double gap, double growth, double width)
{
	double reach = s->w + s->horizon;
	cairo_set_line_width(s->cr, width);
	for (double r = gap * 2.2; r < reach; r += gap, gap *= growth) {
		cairo_new_sub_path(s->cr);
		cairo_arc(s->cr, s->body_x, s->body_y, r, 0, 2 * M_PI);
	}
	colour_set(s->cr, sky_at(s, s->horizon, .05), .4);
	cairo_stroke(s->cr);
}

static void cut_halo(struct scene *s)
{
	cut_rings(s, s->u * 3.6, 1.06, s->u * .8);
}

static void cut_wide_halo(struct scene *s)
{
	cut_rings(s, s->u * 8, 1.12, s->u * 3.6);
}

/* Lines that cannot keep level, one like the next. */
static void cut_veins(struct scene *s)
{
	double a = scene_random(s, 0, 6), b = scene_random(s, 0, 6), bend = s->u * 5;
	cairo_set_line_width(s->cr, s->u * .5);
	for (double y = -bend; y < s->horizon + bend; y += s->u * 2.7) {
		for (double x = -10; x <= s->w + 10; x += s->u * 2) {
			double t = x / s->w;
			double at = y + bend * sin(t * 5 + a + y / s->h * 2) +
				    bend * .5 * sin(t * 13 + b);
			if (x < 0)
				cairo_move_to(s->cr, x, at);
			else
				cairo_line_to(s->cr, x, at);
		}
	}
	colour_set(s->cr, sky_at(s, s->horizon * .8, .1), .45);
	cairo_stroke(s->cr);
}

static void cut_whirls(struct scene *s)
{
	for (int i = 0; i < 5; i++) {
		double x = s->w * scene_random(s, 0, 1), y = s->horizon * scene_random(s, 0, .9);
		double turn = scene_random(s, 0, 6);
		for (double r = s->u * 2; r < s->u * 26; r += s->u * 1.9) {
			double from = turn + r * .02 + scene_random(s, -.3, .3);
			cairo_new_sub_path(s->cr);
			cairo_arc(s->cr, x, y, r, from, from + scene_random(s, 1.2, 3.6));
		}
	}
	cairo_set_line_width(s->cr, s->u * .55);
	cairo_set_line_cap(s->cr, CAIRO_LINE_CAP_ROUND);
	colour_set(s->cr, sky_at(s, s->horizon * .8, .1), .5);
	cairo_stroke(s->cr);
}

/* Dark teeth from above. */
static void cut_teeth(struct scene *s)
{
	for (double x = -s->u * 4; x < s->w + s->u * 4;) {
		double w = s->u * scene_random(s, 4, 13), lean = s->u * scene_random(s, -5, 5);
		cairo_move_to(s->cr, x, -2);
		cairo_line_to(s->cr, x + w, -2);
		cairo_line_to(s->cr, x + w / 2 + lean, s->horizon * scene_random(s, .25, .95));
		cairo_close_path(s->cr);
		x += w * scene_random(s, .45, .9);
	}
	colour_set(s->cr, scene_tone(s, s->colours.sky_top - .22), .6);
	cairo_fill(s->cr);
}

static void cut_steps(struct scene *s)
{
	int steps = 5 + (int)scene_random(s, 0, 4);
	for (int i = 0; i < steps; i++) {
		double y = s->horizon * i / steps;
		scene_box(s, 0, y, s->w, s->horizon / steps + 1, sky_at(s, y, i % 2 ? .05 : -.03));
	}
}

/* A sky that is left as it is but for a few lines over the land. */
static void cut_little(struct scene *s)
{
	for (int i = 0; i < 9; i++) {
		double y = s->horizon * (1 - .035 * (i + 1) * scene_random(s, .8, 1.2));
		cut_mark(s, s->w * scene_random(s, 0, 1), y, s->w * scene_random(s, .2, .7), 0,
			 s->u * .35);
	}
	colour_set(s->cr, sky_at(s, s->horizon * .7, -.14), .5);
	cairo_fill(s->cr);
}

static void cut_any(struct scene *s)
{
	static void (*const cuts[])(struct scene *) = {cut_level, cut_little, cut_steps, cut_halo};
	cuts[scene_pick(s, ARRAY_LEN(cuts))](s);
}

void cut_sky(struct scene *s)
{
	static void (*const cut[MOODS])(struct scene *) = {
		[MOOD_NONE] = cut_any,
		[MOOD_CALM] = cut_level,
		[MOOD_JOYFUL] = cut_rays,
		[MOOD_TENDER] = cut_wide_halo,
		[MOOD_MELANCHOLY] = cut_drooping,
		[MOOD_TENSE] = cut_slant,
		[MOOD_EERIE] = cut_veins,
		[MOOD_MENACING] = cut_teeth,
		[MOOD_MAJESTIC] = cut_glory,
		[MOOD_LONELY] = cut_little,
		[MOOD_WONDROUS] = cut_halo,
		[MOOD_TURBULENT] = cut_whirls,
		[MOOD_SOLEMN] = cut_steps,
	};
	cairo_save(s->cr);
	cairo_rectangle(s->cr, 0, 0, s->w, s->horizon + s->u * 4);
	cairo_clip(s->cr);
	cut[s->mood](s);
	cairo_restore(s->cr);
}

/* ---- grain */

/* Specks of bare paper in the darks and of ink in the lights, thicker along some bands. */
void cut_grain(struct scene *s)
{
	const int specks = 2600;
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < specks; i++) {
			double size = s->u * scene_random(s, .05, .17);
			double x = scene_random(s, 0, s->w), y = scene_random(s, 0, s->h);
			cairo_rectangle(s->cr, x, y, size * scene_random(s, .6, 2.2), size);
		}
		colour_set(s->cr, s->colours.inks[pass ? INKS - 1 : 0], pass ? .3 : .22);
		cairo_fill(s->cr);
	}
}
