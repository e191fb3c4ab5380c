/* SPDX-License-Identifier: MIT */
#ifndef PAINTER_SCENE_H
#define PAINTER_SCENE_H

/*
 * The drawn half of a card: what a scene's words say is to be seen, and the picture of it in flat
 * layers, like cut paper. The painter's process only.
 */

#include <cairo.h>

#include "lexicon.h"
#include "painter_wire.h"

struct colour {
	double r, g, b;
};

struct colour colour_mix(struct colour a, struct colour b, double share_of_b);
void colour_set(cairo_t *cr, struct colour c, double alpha);

struct palette {
	struct colour sky_top, sky_low;		    /* the picture, top to horizon */
	struct colour far, near;		    /* its layers, from the horizon to the foot */
	struct colour glow;			    /* sun, moon, lamps, windows */
	struct colour paper, ink, soft_ink, accent; /* the page */
};
void palette_init(struct palette *p, enum mood mood, enum light light);

enum weather {
	WEATHER_RAIN = 1 << 0,
	WEATHER_SNOW = 1 << 1,
	WEATHER_CLOUD = 1 << 2,
	WEATHER_MIST = 1 << 3,
	WEATHER_WIND = 1 << 4,
};

/* Which words the card has, elected: see scene_read. */
struct scene {
	cairo_t *cr;
	double w, h;	/* of the picture */
	double horizon; /* from its top */
	struct palette colours;
	enum ground ground;
	enum light light;
	enum mood mood;
	int persons, beasts, birds; /* silhouettes */
	uint32_t weather;	    /* of enum weather */
	uint64_t seed;
};
void scene_read(struct scene *s, const struct card *c);
void scene_draw(struct scene *s); /* at the origin of s->cr, clipped by the caller */

/* ---- for the parts of the picture */

double scene_random(struct scene *s, double from, double to); /* the same for the same card */
bool scene_dark(const struct scene *s);
/* The layer at depth 0 (horizon) to 1 (foot). */
struct colour scene_layer(const struct scene *s, double depth);
/* A ridge of hills from side to side, filled down to the foot: rough 0 rolls, 1 is jagged. */
void scene_ridge(struct scene *s, double y, double height, double rough, struct colour c);
void scene_disc(struct scene *s, double x, double y, double r, struct colour c, double alpha);
/* Light that fades out from a middle. */
void scene_glow(struct scene *s, double x, double y, double r, double alpha);

void ground_draw(struct scene *s);
void ground_draw_built(struct scene *s);  /* town, room, hall, ruin */
void weather_draw_sky(struct scene *s);	  /* sun, moon, stars, clouds */
void weather_draw_front(struct scene *s); /* rain, snow, mist */
void figures_draw(struct scene *s);

#endif
