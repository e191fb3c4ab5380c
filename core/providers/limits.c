/* SPDX-License-Identifier: MIT */
#include "providers.h"

#include <string.h>

/*
 * What the makers of image servers say that they take. A prompt is counted in bytes, which are
 * never fewer than the characters that most of them count. Where nothing is said a prompt may be as
 * long as the longest of the others: a server that takes less says so, once (refusal.c), and its
 * person may (image_prompt_bytes).
 */

enum { MB = 1 << 20, PROMPT_BYTES = 32000 };

/*
 * OpenAI (and Azure): images/edits takes 16 pictures, each below 50 MB. Google: a request with its
 * pictures in base64 is at most 20 MB, each picture 7 MB; three of them for Gemini 2.5, 14 for
 * those after it. Of OpenRouter's models each has a number of its own: three, as the least of
 * Google's.
 */
static const struct {
	enum wire wire;
	const char *model; /* a part of its name */
	struct paint_limits limits;
} known[] = {
	{WIRE_IMAGES, "dall-e-2", {1000}},
	{WIRE_IMAGES, "dall-e-3", {4000}},
	{WIRE_IMAGES, "", {PROMPT_BYTES, 16, 50 * MB - 1, 64 * MB}},
	{WIRE_AZURE_IMAGES, "dall-e-2", {1000}},
	{WIRE_AZURE_IMAGES, "dall-e-3", {4000}},
	{WIRE_AZURE_IMAGES, "", {PROMPT_BYTES, 16, 50 * MB - 1, 64 * MB}},
	{WIRE_GEMINI, "gemini-3", {PROMPT_BYTES, 14, 7 * MB, 14 * MB}},
	{WIRE_GEMINI, "", {PROMPT_BYTES, 3, 7 * MB, 14 * MB}},
	{WIRE_OPENROUTER, "dall-e-2", {1000}},
	{WIRE_OPENROUTER, "dall-e-3", {4000}},
	{WIRE_OPENROUTER, "", {PROMPT_BYTES, 3, 7 * MB, 14 * MB}},
};

static bool takes_references(const struct preset *p, const char *model)
{
	return p->reference_models && strstr(model, p->reference_models);
}

void provider_paint_limits(struct paint_limits *out, const struct preset *p, const char *model)
{
	if (!model)
		model = p->image_model ? p->image_model : p->reference_models;
	*out = (struct paint_limits){.prompt_bytes = PROMPT_BYTES};
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (model && known[i].wire == p->image && strstr(model, known[i].model)) {
			*out = known[i].limits;
			break;
		}
	if (!model || !takes_references(p, model))
		*out = (struct paint_limits){.prompt_bytes = out->prompt_bytes};
}

size_t paint_references_taken(bool *taken, const struct paint_limits *l,
			      const struct paint_reference *references, size_t count)
{
	size_t number = 0, left = l->all_references_bytes;
	for (size_t i = 0; i < count; i++) {
		size_t len = references[i].len;
		bool fits =
			number < l->references && len && len <= l->reference_bytes && len <= left;
		if (taken)
			taken[i] = fits;
		number += fits;
		left -= fits ? len : 0;
	}
	return number;
}
