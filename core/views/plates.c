/* SPDX-License-Identifier: MIT */
#include "plates.h"

#include <string.h>

#include "tree.h"

char *plates_chapter(const struct plates *p, int chapter)
{
	const char *title = p->book->chapters[chapter - 1].title;

	return *title ? xstrdup(title) : xasprintf("Chapter %d", chapter);
}

static char *flat(const char *s)
{
	struct buf out = {0};

	views_add_flat(&out, s);
	return buf_steal(&out, NULL);
}

/* The last description is all looks in a row, where there are any (story.h). */
char *plates_look(const struct catalogue_entry *e)
{
	return flat(e->descriptions.len ? e->descriptions.items[e->descriptions.len - 1] : "");
}

/* ---- scenes */

struct filling {
	struct plates *plates;
	const struct book_chapter *chapter;
	const struct analysis *analysis;
};

static int add_plate(void *arg, const struct store_picture *p)
{
	struct filling *f = arg;
	struct plates *all = f->plates;
	const struct concept *c = analysis_scene(f->analysis, p->scene);
	struct plate *plate;

	if (!c)
		return 0;
	all->items = xgrow(all->items, &all->cap, all->count + 1, sizeof(*all->items));
	plate = &all->items[all->count++];
	*plate = (struct plate){
		.chapter = p->chapter,
		.scene = p->scene,
		.picture = p->id,
		.size_bytes = (uint64_t)p->size_bytes,
		.state = p->state,
		.caption = flat(c->description),
		.quote = xstrdup(c->quote.text),
		.mood = flat(c->mood),
		.lighting = flat(c->lighting),
	};
	for (size_t i = 0; i < c->elements.len; i++)
		strv_add(&plate->names, c->elements.items[i]);
	views_page_range(plate->pages, f->chapter, &c->quote);
	if (p->id)
		image_file(plate->file, p->chapter, p->scene, p->ext);
	all->drawn += p->id != 0;
	return 0;
}

static int read_chapter(struct plates *p, struct store_reader *r, int chapter)
{
	struct store_analysis a = {0};
	int code = store_analysis(&a, r, chapter, true);

	if (code == 0) {
		struct filling f = {p, &p->book->chapters[chapter - 1], a.analysis};

		code = store_pictures(r, chapter, add_plate, &f);
	}
	store_analysis_finish(&a);
	return code == -ENOENT ? 0 : code;
}

static int read_text(struct book_chapter *c, struct store_reader *r)
{
	CLEANUP(buf_finish) struct buf text = {.max_bytes = SIZE_MAX};
	int code = store_text(&text, r, c->text_id);

	if (code == 0)
		c->text = buf_steal(&text, &c->text_bytes);
	return code;
}

static int read_all(struct plates *p, struct store_reader *r, bool texts)
{
	int code = store_book(&p->book, r);

	for (size_t i = 0; code == 0 && i < p->book->chapter_count; i++) {
		code = read_chapter(p, r, (int)i + 1);
		if (code == 0 && texts)
			code = read_text(&p->book->chapters[i], r);
	}
	p->kept = store_cast_new();
	return code ? code : store_cast_catalogue(&p->cast, p->kept, r);
}

/* One state of the store: a picture that is finished meanwhile is not half there. */
int plates_read(struct plates *out, struct store_reader *r, bool texts, struct err *err)
{
	int code = store_snapshot_begin(r);

	if (code == 0) {
		code = read_all(out, r, texts);
		store_snapshot_end(r);
	}
	return code ? err_set(err, code, "%s", store_reason(r, code)) : 0;
}

void plates_finish(struct plates *p)
{
	for (size_t i = 0; i < p->count; i++) {
		struct plate *plate = &p->items[i];

		free(plate->caption);
		free(plate->quote);
		free(plate->mood);
		free(plate->lighting);
		strv_finish(&plate->names);
	}
	free(p->items);
	store_cast_free(p->kept);
	book_free(p->book);
	*p = (struct plates){0};
}
