/* SPDX-License-Identifier: MIT */
#ifndef STORY_FENCE_H
#define STORY_FENCE_H

#include "base.h"

/* What a text is put between in a prompt: a number made of the text itself that is not in it. */
#define FENCE_BYTES 32
void fence_make(char out[FENCE_BYTES], const char *text, size_t len);

#endif
