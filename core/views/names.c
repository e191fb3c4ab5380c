/* SPDX-License-Identifier: MIT */
#include "tree.h"

#include <stdio.h>
#include <string.h>

/* The kinds that are many: how their names are made, and found again. A name is found by reading
 * the numbers in it and writing it again: what is not written the same is no name of ours. */

/* Reads the decimal number at *p; 0 if there is none, or one past `max`. */
static int number_at(const char **p, int max)
{
	int64_t n = 0;
	while (**p >= '0' && **p <= '9' && n <= max)
		n = n * 10 + (*(*p)++ - '0');
	return n <= max ? (int)n : 0;
}

static bool skip(const char **p, const char *what)
{
	size_t len = strlen(what);
	if (strncmp(*p, what, len) != 0)
		return false;
	*p += len;
	return true;
}

/* ---- chapters/, by-title/ */

void chapter_name(char out[NAME_BYTES], const struct views *v, int chapter)
{
	char name[BOOK_CHAPTER_NAME_BYTES];
	book_chapter_name(name, v->book, chapter);
	snprintf(out, NAME_BYTES, "%s", name);
}

/* The chapter that goes by that name. */
static int chapter_called(int *chapter, const struct views *v, const char *name)
{
	int err = book_chapter_named(chapter, v->book, name);
	return err == 0 && !views_chapter(v, *chapter) ? -ENOENT : err;
}

cJSON *chapter_name_json(const struct views *v, int chapter)
{
	char name[NAME_BYTES];
	chapter_name(name, v, chapter);
	return name[0] >= '0' && name[0] <= '9' ? cJSON_CreateNumber(chapter)
						: cJSON_CreateString(name);
}

int chapters_find(struct ref *child, struct views *v, const struct ref *folder, const char *name)
{
	return chapter_called(&child->chapter, v, name);
}

static int each_chapter(struct view_list *out, struct views *v, enum kind kind,
			void (*name)(char out[NAME_BYTES], const struct views *v, int chapter))
{
	for (int chapter = 1; (size_t)chapter <= v->chapter_count; chapter++) {
		char buf[NAME_BYTES];
		if (!views_chapter(v, chapter))
			continue;
		name(buf, v, chapter);
		int err =
			view_list_add(out, v, buf, (struct ref){.kind = kind, .chapter = chapter});
		if (err < 0)
			return err;
	}
	return 0;
}

int chapters_list(struct view_list *out, struct views *v, const struct ref *folder)
{
	return each_chapter(out, v, KIND_CHAPTER, chapter_name);
}

char *way_to(const struct views *v, const char *from, int up, const char *to)
{
	bool from_moved = strv_has(&v->moved, from), to_moved = strv_has(&v->moved, to);
	struct buf way = {0};
	for (int i = from_moved && !to_moved ? -1 : 0; i < up; i++)
		buf_adds(&way, "../");
	if (to_moved && !from_moved)
		buf_adds(&way, ".bookfs/");
	buf_adds(&way, to);
	return buf_steal(&way, NULL);
}

/* "09 The Beginning", "front-1 Preface". The number keeps equal titles apart, and gives them their
 * order. */
void title_link_name(char out[NAME_BYTES], const struct views *v, int chapter)
{
	const char *title = views_chapter(v, chapter)->title;
	char name[NAME_BYTES];
	int width = 2;
	for (int n = book_last_number(v->book); n >= 100; n /= 10)
		width++;
	chapter_name(name, v, chapter);
	CLEANUP(cleanup_free)
	char *link = name[0] >= '0' && name[0] <= '9' ? xasprintf("%0*d %s", width, chapter, title)
						      : xasprintf("%s %s", name, title);
	utf8_name(out, link, strlen(link));
}

int title_links_find(struct ref *child, struct views *v, const struct ref *folder, const char *name)
{
	const char *from = name + strspn(name, "0");
	char first[NAME_BYTES], real[NAME_BYTES];
	snprintf(first, sizeof(first), "%.*s", (int)strcspn(from, " "), from);
	int err = chapter_called(&child->chapter, v, first);
	if (err < 0)
		return err;
	title_link_name(real, v, child->chapter);
	return strcmp(real, name) == 0 ? 0 : -ENOENT;
}

int title_links_list(struct view_list *out, struct views *v, const struct ref *folder)
{
	return each_chapter(out, v, KIND_TITLE_LINK, title_link_name);
}

char *title_link_target(struct views *v, const struct ref *ref)
{
	char name[NAME_BYTES];
	chapter_name(name, v, ref->chapter);
	CLEANUP(cleanup_free) char *way = way_to(v, "by-title", 1, "chapters");
	return xasprintf("%s/%s", way, name);
}

int chapter_text_detail(struct view_attr *attr, struct views *v, struct ref *ref)
{
	attr->size_bytes = views_chapter(v, ref->chapter)->text_bytes;
	return 0;
}

/* concepts.json, elements.json: a trigger until there is a result. */
int analysis_detail(struct view_attr *attr, struct views *v, struct ref *ref)
{
	const struct chapter_state *c = views_analysis(v, ref->chapter);
	if (!c)
		return -EIO;
	attr->of_analysis = true;
	if (c->analysis_id) {
		attr->mtime_unix_ms = c->completed_unix_ms;
	} else if (views_chapter(v, ref->chapter)->kind == BOOK_STORY) {
		attr->class = VIEW_TRIGGER;
		ref->version = 0;
	}
	return 0;
}

/* ---- pictures: images/, chapters/N/images/, chapters/N/prompts/ */

void image_file(char out[NAME_BYTES], int chapter, int scene, const char *ext)
{
	snprintf(out, NAME_BYTES, "chapter_%d_scene_%d.%s", chapter, scene, ext);
}

static int image_called(struct ref *child, struct views *v, const char *name)
{
	const char *p = name;
	struct store_picture picture = {0};
	char real[NAME_BYTES];
	if (!skip(&p, "chapter_") || !(child->chapter = number_at(&p, CHAPTER_MAX)) ||
	    !skip(&p, "_scene_") || !(child->item = number_at(&p, ITEM_MAX)))
		return -ENOENT;
	int err = store_picture(&picture, v->reader, child->chapter, child->item);
	if (err < 0 || !picture.id)
		return err < 0 ? err : -ENOENT;
	image_file(real, child->chapter, child->item, picture.ext);
	return strcmp(real, name) == 0 ? 0 : -ENOENT;
}

int images_find(struct ref *child, struct views *v, const struct ref *folder, const char *name)
{
	return image_called(child, v, name);
}

int image_links_find(struct ref *child, struct views *v, const struct ref *folder, const char *name)
{
	int err = image_called(child, v, name);
	return err == 0 && child->chapter != folder->chapter ? -ENOENT : err;
}

static void shown_add(struct chapter_state *c, const struct store_picture *p)
{
	size_t i = 0;
	while (i < c->shown_len && c->shown[i].scene != p->scene)
		i++;
	if (i == c->shown_len) {
		c->shown = xgrow(c->shown, &c->shown_cap, i + 1, sizeof(c->shown[0]));
		c->shown_len++;
	}
	c->shown[i] = (struct shown){.id = p->id, .scene = p->scene};
	memcpy(c->shown[i].ext, p->ext, sizeof(p->ext));
}

/* Also of the link to it. */
int image_detail(struct view_attr *attr, struct views *v, struct ref *ref)
{
	struct store_picture p = {0};
	int err = store_picture(&p, v->reader, ref->chapter, ref->item);
	if (err < 0 || !p.id)
		return err < 0 ? err : -ENOENT;
	shown_add(&v->chapters[ref->chapter - 1], &p);
	ref->version = version_of(p.id);
	attr->mtime_unix_ms = p.completed_unix_ms;
	attr->size_bytes = (uint64_t)p.size_bytes;
	attr->costly = ref->kind == KIND_IMAGE;
	return 0;
}

char *image_link_target(struct views *v, const struct ref *ref)
{
	struct store_picture p = {0};
	char name[NAME_BYTES];
	if (store_picture(&p, v->reader, ref->chapter, ref->item) < 0 || !p.id)
		return NULL;
	image_file(name, ref->chapter, ref->item, p.ext);
	CLEANUP(cleanup_free) char *way = way_to(v, "chapters", 3, "images");
	return xasprintf("%s/%s", way, name);
}

/* Rows first, names after: a name's attributes are a query of their own. */
struct picture_rows {
	struct picture_row {
		int chapter, scene;
		int64_t concept;
		bool drawn, prompted, asked;
		char ext[8];
	} * items;
	size_t len, cap;
};

static int row_add(void *arg, const struct store_picture *p)
{
	struct picture_rows *rows = arg;
	rows->items = xgrow(rows->items, &rows->cap, rows->len + 1, sizeof(rows->items[0]));
	struct picture_row *row = &rows->items[rows->len++];
	*row = (struct picture_row){
		.chapter = p->chapter,
		.scene = p->scene,
		.concept = p->concept,
		.drawn = p->id != 0,
		.prompted = p->prompt != NULL,
		.asked = p->state != STATE_NONE,
	};
	memcpy(row->ext, p->ext, sizeof(row->ext));
	return 0;
}

static int pictures_list(struct view_list *out, struct views *v, int chapter,
			 bool (*name)(char out[NAME_BYTES], struct ref *ref,
				      const struct picture_row *row))
{
	struct picture_rows rows = {0};
	int err = store_pictures(v->reader, chapter, row_add, &rows);
	for (size_t i = 0; err == 0 && i < rows.len; i++) {
		char buf[NAME_BYTES];
		struct ref ref = {.chapter = rows.items[i].chapter, .item = rows.items[i].scene};
		if (name(buf, &ref, &rows.items[i]))
			err = view_list_add(out, v, buf, ref);
	}
	free(rows.items);
	return err;
}

static bool image_row_name(char out[NAME_BYTES], struct ref *ref, const struct picture_row *row)
{
	ref->kind = KIND_IMAGE;
	image_file(out, row->chapter, row->scene, row->ext);
	return row->drawn;
}

static bool link_row_name(char out[NAME_BYTES], struct ref *ref, const struct picture_row *row)
{
	bool drawn = image_row_name(out, ref, row);
	ref->kind = KIND_IMAGE_LINK;
	return drawn;
}

static bool prompt_row_name(char out[NAME_BYTES], struct ref *ref, const struct picture_row *row)
{
	char id[CONCEPT_ID_BYTES];
	ref->kind = KIND_PROMPT;
	concept_id(id, row->chapter, row->scene);
	snprintf(out, NAME_BYTES, "%s.txt", id);
	return row->prompted;
}

int images_list(struct view_list *out, struct views *v, const struct ref *folder)
{
	return pictures_list(out, v, 0, image_row_name);
}

int image_links_list(struct view_list *out, struct views *v, const struct ref *folder)
{
	return pictures_list(out, v, folder->chapter, link_row_name);
}

int prompts_list(struct view_list *out, struct views *v, const struct ref *folder)
{
	return pictures_list(out, v, folder->chapter, prompt_row_name);
}

int prompts_find(struct ref *child, struct views *v, const struct ref *folder, const char *name)
{
	size_t len = strlen(name);
	char id[CONCEPT_ID_BYTES];
	if (len <= 4 || len - 4 >= sizeof(id) || strcmp(name + len - 4, ".txt") != 0)
		return -ENOENT;
	memcpy(id, name, len - 4);
	id[len - 4] = '\0';
	if (concept_id_parse(&child->chapter, &child->item, id) < 0 ||
	    child->chapter != folder->chapter || child->item > ITEM_MAX)
		return -ENOENT;
	char real[CONCEPT_ID_BYTES];
	concept_id(real, child->chapter, child->item);
	if (strcmp(real, id) != 0)
		return -ENOENT;
	struct view_attr attr = {0};
	return prompt_detail(&attr, v, child);
}

int prompt_detail(struct view_attr *attr, struct views *v, struct ref *ref)
{
	struct store_picture p = {0};
	int err = store_picture(&p, v->reader, ref->chapter, ref->item);
	if (err < 0 || !p.prompt)
		return err < 0 ? err : -ENOENT;
	return 0;
}

/* ---- .analyze.state/, .illustrate.state/ */

int states_find(struct ref *child, struct views *v, const struct ref *folder, const char *name)
{
	const char *p = name, *end = strrchr(name, '.');
	char of[NAME_BYTES];
	if (!skip(&p, "chapter_") || !end || end < p || strcmp(end, ".json") != 0)
		return -ENOENT;
	snprintf(of, sizeof(of), "%.*s", (int)(end - p), p);
	int err = chapter_called(&child->chapter, v, of);
	struct view_attr attr = {0};
	return err < 0 ? err : states_detail(&attr, v, child);
}

/* Only chapters that have a state have a file. */
int states_detail(struct view_attr *attr, struct views *v, struct ref *ref)
{
	struct store_state s = {0};
	int err = store_state(&s, v->reader, ref->chapter);
	if (err < 0)
		return err;
	bool none = s.state == STATE_NONE;
	store_state_finish(&s);
	return none ? -ENOENT : 0;
}

static void state_name(char out[NAME_BYTES], const struct views *v, int chapter)
{
	char name[BOOK_CHAPTER_NAME_BYTES];
	book_chapter_name(name, v->book, chapter);
	snprintf(out, NAME_BYTES, "chapter_%s.json", name);
}

int states_list(struct view_list *out, struct views *v, const struct ref *folder)
{
	return each_chapter(out, v, KIND_ANALYZE_CHAPTER, state_name);
}

int concepts_find(struct ref *child, struct views *v, const struct ref *folder, const char *name)
{
	const char *p = name;
	char real[NAME_BYTES];
	if (!skip(&p, "concept_"))
		return -ENOENT;
	child->chapter = 0;
	child->item = number_at(&p, ITEM_MAX);
	snprintf(real, sizeof(real), "concept_%03d.json", child->item);
	if (!child->item || strcmp(real, name) != 0)
		return -ENOENT;
	struct view_attr attr = {0};
	return concept_detail(&attr, v, child);
}

int concept_detail(struct view_attr *attr, struct views *v, struct ref *ref)
{
	struct store_picture p = {0};
	int err = store_concept(&p, v->reader, ref->item);
	return err < 0 ? err : p.state == STATE_NONE ? -ENOENT : 0;
}

static bool concept_row_name(char out[NAME_BYTES], struct ref *ref, const struct picture_row *row)
{
	*ref = (struct ref){.kind = KIND_ILLUSTRATE_CONCEPT, .item = (int)row->concept};
	snprintf(out, NAME_BYTES, "concept_%03d.json", ref->item);
	return row->asked && row->concept <= ITEM_MAX;
}

int concepts_list(struct view_list *out, struct views *v, const struct ref *folder)
{
	return pictures_list(out, v, 0, concept_row_name);
}
