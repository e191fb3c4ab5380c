/* SPDX-License-Identifier: MIT */
#include "scene.h"

/* The mood gives the colours, the hour turns them. */

#define RGB(hex)                                                                                   \
	{                                                                                          \
		((hex) >> 16 & 255) / 255.0, ((hex) >> 8 & 255) / 255.0, ((hex)&255) / 255.0       \
	}

static const struct {
	struct colour sky_top, sky_low, far, near, accent;
} moods[MOODS] = {
	[MOOD_NONE] = {RGB(0x9db2bb), RGB(0xece3d0), RGB(0xa7af9f), RGB(0x3c463f), RGB(0x6b5a3e)},
	[MOOD_CALM] = {RGB(0x8ab4c4), RGB(0xeee6d2), RGB(0x9fbbb4), RGB(0x2c4d50), RGB(0x2f6468)},
	[MOOD_JOYFUL] = {RGB(0x79bfcd), RGB(0xfbe3a8), RGB(0xc6b765), RGB(0x55682c), RGB(0xb24a26)},
	[MOOD_TENDER] = {RGB(0xd6a3a2), RGB(0xf9e7d9), RGB(0xcda39b), RGB(0x6b4450), RGB(0x9a4154)},
	[MOOD_MELANCHOLY] = {RGB(0x6c7d95), RGB(0xcdc9c6), RGB(0x8791a2), RGB(0x2d3648),
			     RGB(0x47556e)},
	[MOOD_TENSE] = {RGB(0x80503d), RGB(0xe5b076), RGB(0x96603f), RGB(0x2b1c18), RGB(0xa2381f)},
	[MOOD_EERIE] = {RGB(0x26453f), RGB(0xb2c09c), RGB(0x64846c), RGB(0x13221d), RGB(0x48683a)},
	[MOOD_MENACING] = {RGB(0x321517), RGB(0xb9503f), RGB(0x702c2a), RGB(0x170b0d),
			   RGB(0x8a1a1a)},
	[MOOD_MAJESTIC] = {RGB(0x33508a), RGB(0xf2d595), RGB(0x7f83aa), RGB(0x20264a),
			   RGB(0x8d6418)},
	[MOOD_LONELY] = {RGB(0x93a5ad), RGB(0xe2e1da), RGB(0xaeb8b9), RGB(0x48535a), RGB(0x4d626e)},
	[MOOD_WONDROUS] = {RGB(0x3c3b80), RGB(0xecb0bd), RGB(0x8d74b5), RGB(0x2a2252),
			   RGB(0x6d4195)},
	[MOOD_TURBULENT] = {RGB(0x34464f), RGB(0xaab4aa), RGB(0x5d7179), RGB(0x19242a),
			    RGB(0x285a70)},
	[MOOD_SOLEMN] = {RGB(0x4b455b), RGB(0xcdbba9), RGB(0x7f7384), RGB(0x27212f), RGB(0x634665)},
};

/* What an hour does: a colour and its share, for the sky's top, its foot, and the layers. */
static const struct {
	struct colour top, low, layers, glow;
	double top_share, low_share, layers_share;
} lights[LIGHTS] = {
	[LIGHT_NONE] = {RGB(0xffffff), RGB(0xffffff), RGB(0xffffff), RGB(0xfff6dc), 0, 0, 0},
	[LIGHT_DAWN] = {RGB(0x8fa8c8), RGB(0xf9c5a0), RGB(0xc9a3a0), RGB(0xffe2b8), .4, .65, .18},
	[LIGHT_MORNING] = {RGB(0xa8cfe0), RGB(0xfdf0cf), RGB(0xd8dcb8), RGB(0xfff3cf), .4, .5, .15},
	[LIGHT_NOON] = {RGB(0x7fc0e0), RGB(0xf6f6ea), RGB(0xe2e2c8), RGB(0xfffbe8), .55, .55, .15},
	[LIGHT_AFTERNOON] = {RGB(0x9fc0c8), RGB(0xfbe0a6), RGB(0xd9b878), RGB(0xffeeb8), .3, .55,
			     .18},
	[LIGHT_SUNSET] = {RGB(0x5a3f74), RGB(0xf48e4c), RGB(0x5c2f3e), RGB(0xffd08a), .5, .75, .3},
	[LIGHT_DUSK] = {RGB(0x2c2c5c), RGB(0xc88a9c), RGB(0x26233f), RGB(0xffdfae), .65, .6, .4},
	[LIGHT_NIGHT] = {RGB(0x090d20), RGB(0x22304f), RGB(0x060a16), RGB(0xf4e9c8), .85, .8, .6},
	[LIGHT_MOONLIGHT] = {RGB(0x0d1936), RGB(0x587aa3), RGB(0x0a1530), RGB(0xf5f1dc), .82, .7,
			     .5},
	[LIGHT_STARLIGHT] = {RGB(0x060818), RGB(0x2d2f5c), RGB(0x070918), RGB(0xf3eee0), .85, .75,
			     .55},
	[LIGHT_FIRELIGHT] = {RGB(0x1b0d0a), RGB(0xe2762c), RGB(0x1c0d08), RGB(0xffc46a), .8, .65,
			     .5},
	[LIGHT_LAMPLIGHT] = {RGB(0x1f1710), RGB(0xd9a44f), RGB(0x1c140c), RGB(0xffdf94), .75, .6,
			     .45},
	[LIGHT_SUNLIGHT] = {RGB(0x8cc6de), RGB(0xfff0bd), RGB(0xdfcf86), RGB(0xfff4c4), .45, .6,
			    .15},
	[LIGHT_OVERCAST] = {RGB(0x8d9296), RGB(0xc6c6c0), RGB(0x8e918e), RGB(0xe6e4da), .7, .65,
			    .35},
	[LIGHT_STORM] = {RGB(0x1a222c), RGB(0x76868a), RGB(0x161c22), RGB(0xeef2e0), .75, .65, .4},
	[LIGHT_MIST] = {RGB(0xc2c9ca), RGB(0xe6e6e0), RGB(0xc0c7c6), RGB(0xf6f3e8), .65, .65, .5},
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

void palette_init(struct palette *p, enum mood mood, enum light light)
{
	const struct colour paper = RGB(0xf7f1e4), ink = RGB(0x1d1a17), black = RGB(0x000000);
	double layers = lights[light].layers_share;
	p->sky_top = colour_mix(moods[mood].sky_top, lights[light].top, lights[light].top_share);
	p->sky_low = colour_mix(moods[mood].sky_low, lights[light].low, lights[light].low_share);
	p->far = colour_mix(moods[mood].far, lights[light].layers, layers);
	p->near = colour_mix(moods[mood].near, lights[light].layers, layers * .5);
	p->glow = lights[light].glow;
	p->paper = colour_mix(paper, moods[mood].sky_low, .15);
	p->ink = colour_mix(ink, moods[mood].near, .25);
	p->soft_ink = colour_mix(p->ink, p->paper, .22);
	p->accent = colour_mix(moods[mood].accent, black, .12);
}
