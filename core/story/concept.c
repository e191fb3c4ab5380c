/* SPDX-License-Identifier: MIT */
#include "story.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

void concept_id(char out[CONCEPT_ID_BYTES], int chapter, int scene)
{
	snprintf(out, CONCEPT_ID_BYTES, "ch%d_scene%d", chapter, scene);
}

/* A number from 1 on, without sign, space or leading zero, so that each id has one spelling. */
static const char *parse_number(int *out, const char *s)
{
	if (*s < '1' || *s > '9')
		return NULL;
	int64_t n = 0;
	for (; *s >= '0' && *s <= '9'; s++) {
		n = n * 10 + (*s - '0');
		if (n > INT_MAX)
			return NULL;
	}
	*out = (int)n;
	return s;
}

int concept_id_parse(int *chapter, int *scene, const char *id)
{
	static const char scene_word[] = "_scene";
	int c, s;
	if (strncmp(id, "ch", 2) != 0 || !(id = parse_number(&c, id + 2)))
		return -EINVAL;
	if (strncmp(id, scene_word, strlen(scene_word)) != 0)
		return -EINVAL;
	id = parse_number(&s, id + strlen(scene_word));
	if (!id || *id)
		return -EINVAL;
	*chapter = c;
	*scene = s;
	return 0;
}

void concept_hash(char out[HASH_HEX], const struct concept *c)
{
	CLEANUP(hash_free_cleanup) struct hash *h = hash_new();
	hash_adds(h, c->quote.text);
	hash_adds(h, c->description);
	hash_adds(h, c->mood);
	hash_adds(h, c->lighting);
	for (size_t i = 0; i < c->elements.len; i++)
		hash_adds(h, c->elements.items[i]);
	hash_hex(out, h);
}

int scenes_wanted(int64_t pages, int pages_per_image)
{
	int64_t n = pages / (pages_per_image > 0 ? pages_per_image : 1);
	return n < 1 ? 1 : n > INT_MAX ? INT_MAX : (int)n;
}
