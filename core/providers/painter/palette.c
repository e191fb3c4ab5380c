/* SPDX-License-Identifier: MIT */
#include "scene.h"

#include <math.h>

/* The mood gives the inks, the hour says which of them is where. */

#define RGB(hex)                                                                                   \
	{                                                                                          \
		((hex) >> 16 & 255) / 255.0, ((hex) >> 8 & 255) / 255.0, ((hex)&255) / 255.0       \
	}
#define INK_SET(a, b, c, d, e, spot)                                                               \
	{                                                                                          \
		{RGB(a), RGB(b), RGB(c), RGB(d), RGB(e)}, RGB(spot)                                \
	}

static const struct inks {
	struct colour inks[INKS], spot;
} moods[MOODS] = {
	[MOOD_CALM] = INK_SET(0x12303a, 0x2c6069, 0x77a8a2, 0xbad3c3, 0xf2ecd6, 0xd98a45),
	[MOOD_JOYFUL] = INK_SET(0x1f3a2c, 0x4d7d3a, 0xa3b24c, 0xf2c95c, 0xfcf0c9, 0xd8462a),
	[MOOD_TENDER] = INK_SET(0x43232f, 0x8b4a58, 0xca8b86, 0xecc5b2, 0xfbecdd, 0xb23a4e),
	[MOOD_MELANCHOLY] = INK_SET(0x1b2435, 0x3e4f6a, 0x7d8ca3, 0xb8bec6, 0xe8e4db, 0xa8644c),
	[MOOD_TENSE] = INK_SET(0x1e1512, 0x6b3020, 0xb76433, 0xe3aa60, 0xf6e3bd, 0xc62a1b),
	[MOOD_EERIE] = INK_SET(0x0c1f1d, 0x25493f, 0x5c8968, 0xa8c08c, 0xe6ebc9, 0xcbb93a),
	[MOOD_MENACING] = INK_SET(0x160a0d, 0x4c1419, 0x94322c, 0xd0805e, 0xf0d3b4, 0xd6231f),
	[MOOD_MAJESTIC] = INK_SET(0x141a3c, 0x324380, 0x7884b6, 0xdec48f, 0xf9eecf, 0xd2951f),
	[MOOD_LONELY] = INK_SET(0x232f3a, 0x506470, 0x90a4ab, 0xc8d1d1, 0xf0eee6, 0xbf6838),
	[MOOD_WONDROUS] = INK_SET(0x1c1847, 0x4a3a8a, 0x8f6fb5, 0xe3a8b8, 0xfce9da, 0xf0b13c),
	[MOOD_TURBULENT] = INK_SET(0x0e1b25, 0x2d4d5d, 0x688a92, 0xaabab2, 0xe8e6d7, 0xd0722e),
	[MOOD_SOLEMN] = INK_SET(0x1a1722, 0x443b52, 0x7f748a, 0xbcac9d, 0xece0ce, 0x8e2f3a),
};

/* Where no mood is named a card is printed in one of these. */
static const struct inks plain[] = {
	INK_SET(0x1c2a33, 0x48616a, 0x8d9f97, 0xd6c59b, 0xf5ebd3, 0xc24f2c),
	INK_SET(0x2a231c, 0x66594a, 0xa8967a, 0xd9cbae, 0xf6eedd, 0x3d6b73),
	INK_SET(0x17302c, 0x3f6657, 0x88a583, 0xcdd0a4, 0xf4efd6, 0xc8622f),
	INK_SET(0x2b2236, 0x5e5470, 0x9c90a4, 0xd6c3bd, 0xf6ebe2, 0xb8453c),
	INK_SET(0x152a3f, 0x3b617f, 0x8baab6, 0xd9cfae, 0xf7efda, 0xd07a2a),
};

/* What an hour does: the tones of the layers, and a tint of all inks with its share. */
static const struct {
	double sky_top, sky_low, far, near;
	struct colour tint;
	double share;
	struct colour glow;
} lights[LIGHTS] = {
	[LIGHT_NONE] = {.74, .95, .66, .08, RGB(0xffffff), 0, RGB(0xfff3d6)},
	[LIGHT_DAWN] = {.42, .93, .56, .06, RGB(0xf2a98e), .26, RGB(0xffe7bd)},
	[LIGHT_MORNING] = {.80, 1.0, .72, .16, RGB(0xf6e6b4), .16, RGB(0xfff6d8)},
	[LIGHT_NOON] = {.62, .98, .70, .20, RGB(0x9fd0e6), .20, RGB(0xfffceb)},
	[LIGHT_AFTERNOON] = {.70, .92, .58, .10, RGB(0xe9bd6c), .22, RGB(0xffedb4)},
	[LIGHT_SUNSET] = {.30, .80, .34, .02, RGB(0xee7b3f), .34, RGB(0xffd48c)},
	[LIGHT_DUSK] = {.20, .60, .26, .02, RGB(0x6a5590), .30, RGB(0xffdfae)},
	[LIGHT_NIGHT] = {.10, .38, .22, .08, RGB(0x10213f), .34, RGB(0xf4e7c0)},
	[LIGHT_MOONLIGHT] = {.17, .50, .32, .08, RGB(0x3a5f92), .34, RGB(0xf8f3dc)},
	[LIGHT_STARLIGHT] = {.07, .36, .20, .07, RGB(0x1c2258), .34, RGB(0xf6f0df)},
	[LIGHT_FIRELIGHT] = {.08, .42, .26, .07, RGB(0x8a3312), .34, RGB(0xffbe5c)},
	[LIGHT_LAMPLIGHT] = {.12, .44, .30, .08, RGB(0x7d5718), .30, RGB(0xffdc8c)},
	[LIGHT_SUNLIGHT] = {.68, 1.0, .72, .14, RGB(0xffdf8a), .18, RGB(0xfff6c8)},
	[LIGHT_OVERCAST] = {.52, .78, .48, .12, RGB(0x9da19c), .36, RGB(0xece9dc)},
	[LIGHT_STORM] = {.14, .54, .24, .0, RGB(0x2c3a44), .30, RGB(0xf3f6df)},
	[LIGHT_MIST] = {.84, .93, .80, .34, RGB(0xdcdcd2), .40, RGB(0xfffaf0)},
};

struct colour colour_mix(struct colour a, struct colour b, double share)
{
	return (struct colour){a.r + (b.r - a.r) * share, a.g + (b.g - a.g) * share,
			       a.b + (b.b - a.b) * share};
}

void colour_set(cairo_t *cr, struct colour c, double alpha)
{
	cairo_set_source_rgba(cr, c.r, c.g, c.b, alpha);
}

static double linear(double v)
{
	return v <= .03928 ? v / 12.92 : pow((v + .055) / 1.055, 2.4);
}

double colour_luminance(struct colour c)
{
	return .2126 * linear(c.r) + .7152 * linear(c.g) + .0722 * linear(c.b);
}

double colour_contrast(struct colour a, struct colour b)
{
	double x = colour_luminance(a) + .05, y = colour_luminance(b) + .05;
	return x > y ? x / y : y / x;
}

/* Moves c away from the panel until their contrast is that: 4.5 is what text needs (WCAG 2, 1.4.3),
 * and it gets some more for what its soft edges lose; 3 is enough for a drawing (1.4.11). */
static struct colour legible(struct colour c, struct colour panel, double contrast)
{
	bool on_dark = colour_luminance(panel) < .18;
	const struct colour end = on_dark ? (struct colour){1, 1, 1} : (struct colour){0, 0, 0};
	while (colour_contrast(c, panel) < contrast)
		c = colour_mix(c, end, .06);
	return c;
}

/* A tint does not change how light an ink is, or hardly: that is the layers' business. */
static struct colour tinted(struct colour ink, struct colour tint, double share, double tone)
{
	double most = 1 - fabs(tone - .5) * 1.2; /* the ends stay what they are */
	return colour_mix(ink, tint, share * most);
}

void palette_init(struct palette *p, enum mood mood, enum light light, bool dark, unsigned choice)
{
	const struct colour cream = RGB(0xf6efe0), black = RGB(0x14110f);
	const struct inks *set =
		mood == MOOD_NONE ? &plain[choice % ARRAY_LEN(plain)] : &moods[mood];
	for (int i = 0; i < INKS; i++)
		p->inks[i] = tinted(set->inks[i], lights[light].tint, lights[light].share,
				    (double)i / (INKS - 1));
	p->spot = set->spot;
	p->glow = lights[light].glow;
	p->air = lights[light].tint;
	p->air_share = light == LIGHT_SUNSET			    ? .6
		       : light == LIGHT_DAWN || light == LIGHT_DUSK ? .4
								    : 0;
	p->sky_top = lights[light].sky_top;
	p->sky_low = lights[light].sky_low;
	p->far = lights[light].far;
	p->near = lights[light].near;
	p->panel = dark ? colour_mix(p->inks[0], black, .25) : colour_mix(cream, p->inks[4], .35);
	p->ink = dark ? colour_mix(cream, p->inks[4], .5) : colour_mix(p->inks[0], black, .5);
	p->soft = legible(colour_mix(p->ink, p->panel, .3), p->panel, 6);
	p->rule = legible(p->spot, p->panel, 3.2);
}
