/* SPDX-License-Identifier: MIT */
#include "analyst.h"

static const char note[] = "Extractive: passages are chosen and described by rule from the "
			   "chapter's own words; no model "
			   "has read it";
static const char note_unlisted[] = "Extractive: passages are chosen by structure and capitals "
				    "alone, since the built-in word list "
				    "covers English only; moods, light, and beings and things "
				    "without a name are not recognised";
static const char note_uncased[] =
	"Extractive: passages are chosen by structure alone, since the built-in word list covers "
	"English only; the script or the language does not mark names by capitals, so few or none "
	"are "
	"recognised";

int builtin_analyze(struct analysis **out, const struct analyze_request *r, struct err *err)
{
	CLEANUP(prose_finish) struct prose p = {0};
	CLEANUP(cast_finish) struct cast cast = {0};
	CLEANUP(analysis_free_cleanup) struct analysis *a = analysis_new();
	int result = prose_init(&p, r->text, r->text_len);
	if (result == 0)
		result = cast_init(&cast, &p, r->chapter_title);
	if (result == 0)
		result = scenes_concepts(a, &p, &cast, r->scenes);
	if (result < 0)
		return err_set(err, result, "a chapter of %zu bytes is too long to analyse",
			       r->text_len);
	cast_elements(a, &cast, &p);
	analysis_set(&a->note, p.listed ? note : p.cased ? note_unlisted : note_uncased);
	*out = a;
	a = NULL;
	return 0;
}
