/* SPDX-License-Identifier: MIT */
#ifndef PAINTER_SHAPES_H
#define PAINTER_SHAPES_H

/*
 * The silhouettes of persons, creatures, buildings, vessels and things, as outlines in a small
 * language of their own (shapes.c), and the words that call for them (vocabulary.c).
 */

#include <cairo.h>
#include <stdbool.h>
#include <stddef.h>

enum shape {
	SHAPE_NONE,
	/* persons */
	SHAPE_MAN,
	SHAPE_HAT,
	SHAPE_WOMAN,
	SHAPE_SHAWL,
	SHAPE_BOY,
	SHAPE_GIRL,
	SHAPE_OLD,
	SHAPE_HOOD,
	SHAPE_SITTING,
	SHAPE_GIANT,
	/* the same in other poses: no word calls for one */
	SHAPE_STRIDING,
	SHAPE_STRIDING_HAT,
	SHAPE_POINTING,
	SHAPE_STROLLING,
	SHAPE_RUNNING_BOY,
	/* creatures */
	SHAPE_HORSE,
	SHAPE_DOG,
	SHAPE_WOLF,
	SHAPE_CAT,
	SHAPE_LION,
	SHAPE_STAG,
	SHAPE_COW,
	SHAPE_SHEEP,
	SHAPE_BEAR,
	SHAPE_RABBIT,
	SHAPE_RAT,
	SHAPE_CROW,
	SHAPE_SWAN,
	SHAPE_HEN,
	SHAPE_OWL,
	SHAPE_GULL, /* in the air */
	SHAPE_MOTH,
	SHAPE_FISH,
	SHAPE_WHALE,
	SHAPE_SNAKE,
	SHAPE_SPIDER,
	SHAPE_CRAB,
	SHAPE_FROG,
	SHAPE_DRAGON,
	/* what stands in a landscape */
	SHAPE_LIGHTHOUSE,
	SHAPE_TOWER,
	SHAPE_CASTLE,
	SHAPE_CHURCH,
	SHAPE_COTTAGE,
	SHAPE_MILL,
	SHAPE_TENT,
	SHAPE_GRAVES,
	SHAPE_FIRE,
	SHAPE_GATE,
	SHAPE_STATUE,
	SHAPE_WELL,
	SHAPE_BRIDGE,
	/* what carries */
	SHAPE_SHIP,
	SHAPE_SAIL,
	SHAPE_BOAT,
	SHAPE_COACH,
	SHAPE_SLEDGE,
	/* what a hand can hold */
	SHAPE_LANTERN,
	SHAPE_CANDLE,
	SHAPE_BOOK,
	SHAPE_KEY,
	SHAPE_CLOCK,
	SHAPE_SWORD,
	SHAPE_BELL,
	SHAPE_ANCHOR,
	SHAPE_LETTER,
	SHAPE_CUP,
	SHAPE_BOTTLE,
	SHAPE_CROWN,
	SHAPE_MIRROR,
	SHAPE_TELESCOPE,
	SHAPE_FLOWER,
	SHAPE_FEATHER,
	SHAPE_WHEEL,
	SHAPE_CHEST,
	SHAPE_UMBRELLA,
	SHAPE_GUN,
	SHAPE_AXE,
	SHAPE_FLAG,
	SHAPES
};

enum shape_kind {
	KIND_NONE,
	KIND_PERSON,
	KIND_BEAST,
	KIND_FLYING,
	KIND_SWIMMING,
	KIND_LANDMARK,
	KIND_VESSEL,
	KIND_VEHICLE,
	KIND_THING,
};
enum shape_kind shape_kind(enum shape s);
/* How tall it is beside a grown person, who is 1. */
double shape_size(enum shape s);

/* Fills the outline in the source that is set, standing on (0, 0) and 1 tall; then, if light is not
 * NULL, its openings in that one: windows, sails' seams, a dial. */
void shape_fill(cairo_t *cr, enum shape s, cairo_pattern_t *light);

/* The shape that a word calls for, in any case and number. SHAPE_NONE. */
enum shape shape_of_word(const char *word, size_t len);

#endif
