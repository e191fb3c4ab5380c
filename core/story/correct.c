/* SPDX-License-Identifier: MIT */
#include "story.h"

struct correction *corrections_add(struct corrections *c, enum correction_kind kind,
				   enum element_type type, const char *name)
{
	c->items = xgrow(c->items, &c->cap, c->len + 1, sizeof(*c->items));
	struct correction *new = &c->items[c->len++];
	*new = (struct correction){
		.kind = kind, .type = type, .name = xstrdup(name), .to_type = type};
	return new;
}

void corrections_finish(struct corrections *c)
{
	for (size_t i = 0; i < c->len; i++) {
		free(c->items[i].name);
		free(c->items[i].to);
		free(c->items[i].text);
	}
	free(c->items);
	*c = (struct corrections){0};
}
