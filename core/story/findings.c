/* SPDX-License-Identifier: MIT */
#include "findings.h"

#include <stdio.h>
#include <string.h>

#include "json.h"

/*
 * What other illustrators left in a folder, read without trust. A chapter's scenes and elements are
 * kept as JSON in the form in which a provider answers, because only with the chapter's text at
 * hand can they be checked, and that is what analysis_parse does.
 */

enum { FINDINGS_MOST = 65535, NOTES_MOST = 100 };

void findings_note(struct findings *f, const char *path, const char *what)
{
	CLEANUP(cleanup_free) char *line = xasprintf("%.200s: %.200s", path, what);

	if (f->notes.len < NOTES_MOST)
		strv_add(&f->notes, line);
}

struct finding *findings_chapter(struct findings *f, int number, const char *title)
{
	struct finding *c;

	for (size_t i = 0; i < f->chapter_count; i++) {
		c = &f->chapters[i];
		if (number && c->number ? c->number != number
					: strcmp(c->title, title) || (number && !*title))
			continue;
		c->number = c->number ? c->number : number;
		return c;
	}
	if (f->chapter_count == FINDINGS_MOST)
		return NULL;
	f->chapters = xgrow(f->chapters, &f->chapter_cap, f->chapter_count + 1, sizeof(*c));
	c = &f->chapters[f->chapter_count++];
	*c = (struct finding){.number = number, .title = xstrdup(title)};
	return c;
}

/* What was found first stays: files are read from the most exact kind on. */
static void keep(char **field, const cJSON *json)
{
	if (!*field && cJSON_IsArray(json) && json->child)
		*field = cJSON_PrintUnformatted(json);
}

static const char *string_of(const cJSON *object, const char *key)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));

	return s ? s : "";
}

static int64_t number_of(const cJSON *object, const char *key)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsNumber(n) && n->valuedouble >= 0 && n->valuedouble < 9e15
		       ? (int64_t)n->valuedouble
		       : 0;
}

static int chapter_number(const cJSON *object, const char *key)
{
	int64_t n = number_of(object, key);

	return n >= 1 && n <= FINDINGS_MOST ? (int)n : 0;
}

/* "2025-11-11T00:50:55.420Z", and nothing else that a date may look like; 0: it is none. */
static int64_t time_of(const cJSON *object, const char *key)
{
	int year, month, day, hour, minute, second, ms, end = 0;
	int64_t days;

	if (sscanf(string_of(object, key), "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &year, &month, &day,
		   &hour, &minute, &second, &ms, &end) != 7 ||
	    end != 24 || year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 ||
	    hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 ||
	    ms < 0)
		return 0;
	/* Days since 1970 in the Gregorian calendar, years beginning in March. */
	year -= month <= 2;
	days = year * 365LL + year / 4 - year / 100 + year / 400 +
	       (153LL * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1 - 719468;
	return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + ms;
}

static void take_facts(struct finding *c, const cJSON *json)
{
	if (!c->tokens)
		c->tokens = number_of(json, "tokensUsed");
	if (!c->completed_unix_ms)
		c->completed_unix_ms = time_of(json, "completedAt");
	if (!*c->title && *string_of(json, "chapterTitle"))
		analysis_set(&c->title, string_of(json, "chapterTitle"));
}

/* ---- one file of a chapter: .analyze.state/chapter_9.json, chapters/9/elements.json */

static void read_chapter(struct findings *f, const cJSON *json)
{
	struct finding *c = findings_chapter(f, chapter_number(json, "chapterNumber"),
					     string_of(json, "chapterTitle"));

	if (!c)
		return;
	take_facts(c, json);
	keep(&c->concepts, cJSON_GetObjectItemCaseSensitive(json, "concepts"));
	keep(&c->elements, cJSON_GetObjectItemCaseSensitive(json, "elements"));
}

/* ---- .imaginize.state.json 2.0.0: everything in one file */

static void read_phase(struct findings *f, const cJSON *phase)
{
	const cJSON *chapters = cJSON_GetObjectItemCaseSensitive(phase, "chapters"), *json;

	cJSON_ArrayForEach(json, chapters)
	{
		int number = json->string ? atoi(json->string) : 0;
		struct finding *c;

		if (number < 1 || number > FINDINGS_MOST || !cJSON_IsObject(json) ||
		    !(c = findings_chapter(f, number, "")))
			continue;
		take_facts(c, json);
		keep(&c->concepts, cJSON_GetObjectItemCaseSensitive(json, "sceneConcepts"));
		keep(&c->elements, cJSON_GetObjectItemCaseSensitive(json, "elements"));
	}
}

static void read_titles(struct findings *f, const cJSON *toc)
{
	const cJSON *json;

	cJSON_ArrayForEach(json, cJSON_GetObjectItemCaseSensitive(toc, "chapters"))
	{
		int number = chapter_number(json, "number");
		struct finding *c = number ? findings_chapter(f, number, "") : NULL;

		if (c && !*c->title)
			analysis_set(&c->title, string_of(json, "title"));
	}
}

static void read_state(struct findings *f, const cJSON *json)
{
	static const char *const phases[] = {"parse", "analyze", "extract", "enrich", "illustrate"};
	const cJSON *all = cJSON_GetObjectItemCaseSensitive(json, "phases");

	for (size_t i = 0; i < ARRAY_LEN(phases); i++)
		read_phase(f, cJSON_GetObjectItemCaseSensitive(all, phases[i]));
	read_titles(f, cJSON_GetObjectItemCaseSensitive(json, "toc"));
}

/* ---- pictures */

static struct found_picture *picture(struct findings *f, int chapter, int scene)
{
	struct found_picture *p;

	for (size_t i = 0; i < f->picture_count; i++)
		if (f->pictures[i].chapter == chapter && f->pictures[i].scene == scene)
			return &f->pictures[i];
	if (f->picture_count == FINDINGS_MOST)
		return NULL;
	f->pictures =
		xgrow(f->pictures, &f->picture_cap, f->picture_count + 1, sizeof(*f->pictures));
	p = &f->pictures[f->picture_count++];
	*p = (struct found_picture){.chapter = chapter, .scene = scene};
	return p;
}

/* .illustrate.state/concept_001.json */
static void read_picture(struct findings *f, const cJSON *json)
{
	const char *prompt = string_of(json, "enrichedPrompt");
	struct found_picture *p;
	int chapter, scene;

	if (concept_id_parse(&chapter, &scene, string_of(json, "conceptId")) < 0 ||
	    !(p = picture(f, chapter, scene)))
		return;
	if (*prompt && !p->prompt)
		p->prompt = xstrdup(prompt);
	if (!p->completed_unix_ms)
		p->completed_unix_ms = time_of(json, "generatedAt");
}

/* "chapter_9_scene_1.png", "chapter_9_the_tower_scene_1.jpg": digits at *s, at most FINDINGS_MOST;
 * 0: none. */
static int digits(const char **s)
{
	int n = 0;

	for (; **s >= '0' && **s <= '9'; (*s)++)
		n = n > FINDINGS_MOST ? n : n * 10 + (**s - '0');
	return n > FINDINGS_MOST ? 0 : n;
}

int findings_picture_chapter(const char **s)
{
	if (strncmp(*s, "chapter_", 8))
		return 0;
	*s += 8;
	return digits(s);
}

bool findings_picture(struct findings *f, const char *file)
{
	static const char *const kinds[] = {".png", ".jpg", ".jpeg", ".webp"};
	const char *s = file, *scene_at = NULL;
	struct found_picture *p;
	int chapter = findings_picture_chapter(&s), scene;

	for (const char *at = s; (at = strstr(at, "_scene_")); at++)
		scene_at = at + 7;
	if (!chapter || !scene_at)
		return false;
	scene = digits(&scene_at);
	for (size_t i = 0; scene && i < ARRAY_LEN(kinds); i++) {
		if (strcmp(scene_at, kinds[i]) || !(p = picture(f, chapter, scene)))
			continue;
		if (!p->file)
			p->file = xstrdup(file);
		return true;
	}
	return false;
}

/* ---- which file is what */

static bool ends_with(const char *s, const char *suffix)
{
	size_t a = strlen(s), b = strlen(suffix);

	return a >= b && !strcmp(s + a - b, suffix);
}

static void read_json(struct findings *f, const char *path, const char *s, size_t len)
{
	CLEANUP(json_free) cJSON *json = NULL;
	struct err err = {0};

	if (json_parse(&json, s, len, &err) < 0)
		findings_note(f, path, err.msg);
	else if (!cJSON_IsObject(json))
		findings_note(f, path, "is no object");
	else if (cJSON_GetObjectItemCaseSensitive(json, "phases"))
		read_state(f, json);
	else if (cJSON_GetObjectItemCaseSensitive(json, "conceptId"))
		read_picture(f, json);
	else if (cJSON_GetObjectItemCaseSensitive(json, "chapterNumber"))
		read_chapter(f, json);
	else if (!ends_with(path, "manifest.json"))
		findings_note(f, path, "is of no kind that is known");
}

void findings_read(struct findings *f, const char *path, const char *s, size_t len)
{
	if (!f->cast)
		f->cast = analysis_new();
	if (ends_with(path, ".json"))
		read_json(f, path, s, len);
	else if (!utf8_valid(s, len) || memchr(s, '\0', len))
		findings_note(f, path, "is not UTF-8 text");
	else if (ends_with(path, "Chapters.md"))
		findings_read_chapters(f, s, len);
	else if (ends_with(path, "Elements.md"))
		findings_read_elements(f, s, len);
}

int finding_answer(struct buf *out, const struct finding *c)
{
	if (!c->concepts && !c->elements)
		return -ENOENT;
	buf_addf(out, "{\"concepts\":%s,\"elements\":%s}", c->concepts ? c->concepts : "[]",
		 c->elements ? c->elements : "[]");
	return buf_error(out);
}

void findings_finish(struct findings *f)
{
	for (size_t i = 0; i < f->chapter_count; i++) {
		free(f->chapters[i].title);
		free(f->chapters[i].concepts);
		free(f->chapters[i].elements);
	}
	for (size_t i = 0; i < f->picture_count; i++) {
		free(f->pictures[i].file);
		free(f->pictures[i].prompt);
	}
	free(f->chapters);
	free(f->pictures);
	analysis_free(f->cast);
	strv_finish(&f->notes);
	*f = (struct findings){0};
}
