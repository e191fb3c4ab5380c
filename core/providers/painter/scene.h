/* SPDX-License-Identifier: MIT */
#ifndef PAINTER_SCENE_H
#define PAINTER_SCENE_H

/*
 * The drawn half of a card: what a scene's words say is to be seen, and the picture of it as a
 * linocut is made: a few inks, flat shapes that overlap from the horizon to the foot, and the marks
 * of the gouge. The painter's process only.
 *
 * The mood gives the inks and the way the sky is cut, the hour how light or dark each layer is, the
 * words the place and who stands in it, and a seed of all of them where everything stands.
 */

#include <cairo.h>

#include "lexicon.h"
#include "painter_wire.h"
#include "shapes.h"

struct colour {
	double r, g, b;
};

struct colour colour_mix(struct colour a, struct colour b, double share_of_b);
void colour_set(cairo_t *cr, struct colour c, double alpha);
/* Relative luminance, and contrast of two colours, 1 to 21 (WCAG 2). */
double colour_luminance(struct colour c);
double colour_contrast(struct colour a, struct colour b);

/* The inks of a mood from the darkest to the palest, and how light an hour makes each layer. */
enum { INKS = 5 };
struct palette {
	struct colour inks[INKS];
	struct colour spot; /* the one bright ink */
	struct colour glow; /* sun, moon, lamps, windows */
	struct colour air;  /* of a low sun, over the horizon */
	double air_share;
	double sky_top, sky_low, far, near;   /* tones, 0 the darkest ink to 1 the palest */
	struct colour panel, ink, soft, rule; /* of the words */
};
/* choice: which of the sets for no mood; dark: is the panel? */
void palette_init(struct palette *p, enum mood mood, enum light light, bool dark, unsigned choice);

enum weather {
	WEATHER_RAIN = 1 << 0,
	WEATHER_SNOW = 1 << 1,
	WEATHER_CLOUD = 1 << 2,
	WEATHER_MIST = 1 << 3,
	WEATHER_WIND = 1 << 4,
};

/* What of a ground the words name: it chooses among the ground's compositions. */
enum sight {
	SIGHT_BOOKS = 1 << 0,
	SIGHT_HEARTH = 1 << 1,
	SIGHT_WINDOW = 1 << 2,
	SIGHT_DOOR = 1 << 3,
	SIGHT_STAIR = 1 << 4,
	SIGHT_ROOF = 1 << 5, /* and what is under it: beams */
	SIGHT_COLUMN = 1 << 6,
	SIGHT_ARCH = 1 << 7,
	SIGHT_STREET = 1 << 8,
	SIGHT_CLIFF = 1 << 9,
	SIGHT_QUAY = 1 << 10,
	SIGHT_BEACH = 1 << 11,
	SIGHT_FALL = 1 << 12,
	SIGHT_GORGE = 1 << 13,
	SIGHT_PEAK = 1 << 14,
	SIGHT_FIR = 1 << 15,
	SIGHT_LEAF = 1 << 16,
	SIGHT_BARE = 1 << 17,
	SIGHT_GRAVE = 1 << 18,
	SIGHT_TOWER = 1 << 19,
	SIGHT_CORN = 1 << 20,
	SIGHT_PLOUGH = 1 << 21,
	SIGHT_DECK = 1 << 22,
	SIGHT_CLOSE = 1 << 23, /* a face, a look: they are seen from near */
};

/* Who and what is there. */
enum { CAST_MOST = 3 };
struct cast {
	enum shape persons[CAST_MOST]; /* the first is nearest */
	int person_count;
	bool crowd;
	enum shape beasts[2];
	int beast_count;
	bool birds;		    /* in the air */
	enum shape landmark, craft; /* SHAPE_NONE: none */
	enum shape emblem;	    /* a thing that a hand can hold */
};

struct scene {
	cairo_t *cr;
	double w, h;	/* of the picture */
	double u;	/* a hundredth of its mean side: sizes are in it */
	double horizon; /* from its top */
	double foot;	/* where those in front stand, and at which x the first of them does */
	double focus;
	double aside;	       /* the x of what stands behind */
	double person;	       /* how tall a grown person in front is */
	double body_x, body_y; /* of sun or moon */
	struct palette colours;
	enum ground ground;
	enum light light;
	enum mood mood;
	struct cast cast;
	uint32_t weather; /* of enum weather */
	uint32_t sights;  /* of enum sight */
	uint64_t seed;
};
/* Elects all that from the card's words. Needs s->cr, sets neither w nor h. */
void scene_read(struct scene *s, const struct card *c);
void scene_draw(struct scene *s); /* at the origin of s->cr, clipped by the caller */

/* ---- for the parts of the picture */

/* A composition, the sights that call for it, and whether it needs one of them. */
struct way {
	void (*draw)(struct scene *s);
	uint32_t sights;
	bool only;
};
void scene_draw_one(struct scene *s, const struct way *ways, size_t count);

double scene_random(struct scene *s, double from, double to); /* the same for the same card */
bool scene_chance(struct scene *s, double share);
size_t scene_pick(struct scene *s, size_t count); /* 0 to count - 1 */
bool scene_dark(const struct scene *s);		  /* is the sky dark at this hour? */
bool scene_inside(const struct scene *s);	  /* under a roof */
struct colour scene_tone(const struct scene *s, double tone);
/* The layer at depth 0 (horizon) to 1 (foot). */
struct colour scene_layer(const struct scene *s, double depth);
void scene_box(struct scene *s, double x, double y, double w, double h, struct colour c);
/* A pointed arch w wide. */
void scene_arch(struct scene *s, double x, double w, double top, double foot, struct colour c);
/* A ridge of hills from side to side, filled down to the foot: rough 0 rolls, 1 is jagged. */
void scene_ridge(struct scene *s, double y, double height, double rough, struct colour c);
void scene_disc(struct scene *s, double x, double y, double r, struct colour c, double alpha);
/* Light that fades out from a middle, in rings. */
void scene_glow(struct scene *s, double x, double y, double r, double alpha);
/* A shape of that height standing at x. */
void scene_shape(struct scene *s, enum shape shape, double x, double foot, double tall,
		 bool mirrored, struct colour ink, struct colour light);

/* The gouge. A mark is pointed at both ends; marks are added to the path and filled at once. */
void cut_mark(struct scene *s, double x, double y, double length, double angle, double width);
/* Marks along a slope or a surface: as many, within a box, about an angle. */
void cut_field(struct scene *s, double x, double y, double w, double h, int count, double angle,
	       struct colour c, double alpha);
void cut_sky(struct scene *s);	 /* as the mood has it */
void cut_grain(struct scene *s); /* over the whole print */

void sky_draw(struct scene *s);	 /* its tone, sun, moon, stars, clouds */
void sky_mist(struct scene *s);	 /* over the ground, behind who stands there */
void sky_front(struct scene *s); /* rain, snow */
void ground_draw(struct scene *s);
void ground_draw_wet(struct scene *s);	  /* sea, shore, river */
void ground_draw_built(struct scene *s);  /* town, ruin */
void ground_draw_inside(struct scene *s); /* room, hall */
void tree_draw_fir(struct scene *s, double x, double foot, double tall);
void tree_draw_round(struct scene *s, double x, double foot, double tall);
void tree_draw_bare(struct scene *s, double x, double foot, double tall);
/* What stands behind: a building at y, a vessel on the water there. Grounds call these when their
 * layers behind it are drawn. */
void landmark_draw(struct scene *s, double y, double depth);
void vessel_draw(struct scene *s, double y, double depth);
bool scene_peopled(const struct scene *s); /* does anybody stand in front? */
void figures_draw(struct scene *s);

#endif
