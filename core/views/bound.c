/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "plates.h"
#include "views.h"

/* illustrated.epub: the book itself with its pictures at their scenes, and its cast at the end. */

struct bound {
	struct plates plates;
	struct store_reader *reader;
	const atomic_bool *stop;
	int64_t *pictures; /* of each book_plate */
	struct book_plate *items;
	struct book_cast *cast;
	struct strv words; /* what items and cast point to */
	size_t count, cast_count;
};

static const char *keep(struct bound *b, char *s /* takes */)
{
	b->words.items = xgrow(b->words.items, &b->words.cap, b->words.len + 1, sizeof(s));
	return b->words.items[b->words.len++] = s;
}

static const char *caption_of(struct bound *b, const struct plate *p)
{
	return keep(b, p->pages[0] ? xasprintf("%s (%s %s)", p->caption,
					       strchr(p->pages, '-') ? "pages" : "page", p->pages)
				   : xstrdup(p->caption));
}

static void add_plates(struct bound *b)
{
	b->items = xcalloc(b->plates.drawn + 1, sizeof(*b->items));
	b->pictures = xcalloc(b->plates.drawn + 1, sizeof(*b->pictures));
	for (size_t i = 0; i < b->plates.count; i++) {
		const struct plate *p = &b->plates.items[i];

		if (!p->picture)
			continue;
		b->pictures[b->count] = p->picture;
		b->items[b->count++] = (struct book_plate){
			.chapter = p->chapter,
			.name = p->file,
			.quote = p->quote,
			.alt = p->caption,
			.caption = caption_of(b, p),
			.size_bytes = p->size_bytes,
		};
	}
}

static void add_cast(struct bound *b)
{
	const struct catalogue *c = b->plates.cast;

	b->cast = xcalloc(c->len + 1, sizeof(*b->cast));
	for (size_t i = 0; i < c->len; i++)
		b->cast[b->cast_count++] = (struct book_cast){
			.group = element_type_title(c->entries[i].type),
			.name = c->entries[i].name,
			.text = keep(b, plates_look(&c->entries[i])),
		};
}

static int picture_bytes(struct buf *out, void *arg, size_t plate)
{
	struct bound *b = arg;

	if (b->stop && *b->stop)
		return -ECANCELED;
	return store_picture_bytes(out, b->reader, b->pictures[plate]);
}

int view_bind_epub(int fd, const char *name, const char *book_path, struct store_reader *r,
		   const atomic_bool *stop, struct err *err)
{
	struct bound b = {.reader = r, .stop = stop};
	int code = plates_read(&b.plates, r, true, err);

	if (code == 0) {
		struct book_plates plates = {.read = picture_bytes, .arg = &b};

		add_plates(&b);
		add_cast(&b);
		plates.items = b.items;
		plates.count = b.count;
		plates.cast = b.cast;
		plates.cast_count = b.cast_count;
		code = book_illustrate(fd, name, book_path, b.plates.book, &plates, err);
	}
	plates_finish(&b.plates);
	strv_finish(&b.words);
	free(b.items);
	free(b.pictures);
	free(b.cast);
	return code;
}
