/* SPDX-License-Identifier: MIT */
#ifndef LIKENESS_H
#define LIKENESS_H

/* Private to jobs: the portraits that go with a request for a picture. */

#include "jobs.h"

/* Zero-initialise; likenesses_finish. */
struct likenesses {
	struct paint_reference items[SCENE_ELEMENTS]; /* most important first; names are owned */
	struct buf bytes[SCENE_ELEMENTS];
	size_t count;
};
/* Of those who are in the scene, what the painter takes. Any thread, with its own reader. */
int likenesses_read(struct likenesses *out, struct store_reader *r,
		    const struct scene_prompt *scene, const struct paint_limits *limits);
void likenesses_finish(struct likenesses *l);
/* The same, borrowed for ever. */
const char *likeness_ext(const char *ext);

#endif
