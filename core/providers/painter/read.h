/* SPDX-License-Identifier: MIT */
#ifndef PAINTER_READ_H
#define PAINTER_READ_H

#include "scene.h"

/* What the words of a card have voted for: see read.c. */
struct votes {
	uint32_t grounds[GROUNDS], lights[LIGHTS], moods[MOODS], shapes[SHAPES];
	bool several[SHAPES]; /* in the plural */
	uint32_t he, she, self, crowd, weather, sights;
};

/* For texts that are not English: the words of other tongues for places, hours and who is there. At
 * most len bytes of text are read. */
void tongues_see(struct votes *v, const char *text, size_t len, uint32_t weight);

#endif
