/* SPDX-License-Identifier: MIT */
#include "tree.h"

#include <stdio.h>
#include <string.h>

/* The documents for people (formats.md, "Documents"), and a chapter's plain files. */

/* ---- a chapter's own */

int render_title(struct buf *out, struct views *v, const struct ref *ref)
{
	return buf_addf(out, "%s\n", views_chapter(v, ref->chapter)->title);
}

int render_text(struct buf *out, struct views *v, const struct ref *ref)
{
	return store_text(out, v->reader, views_chapter(v, ref->chapter)->text_id);
}

int render_seq(struct buf *out, struct views *v, const struct ref *ref)
{
	return buf_addf(out, "%lld\n", (long long)v->seq);
}

/* What is sent for it; of front and back matter nothing is. */
int render_chapter_prompt(struct buf *out, struct views *v, const struct ref *ref)
{
	const struct book_chapter *c = views_chapter(v, ref->chapter);
	CLEANUP(buf_finish) struct buf text = {0};
	if (c->kind != BOOK_STORY)
		return 0;
	int err = store_text(&text, v->reader, c->text_id);
	if (err < 0)
		return err;
	const struct chapter_prompt p = {
		.book_title = v->book->title,
		.language = v->book->language,
		.chapter_title = c->title,
		.chapter = ref->chapter,
		.scenes = scenes_wanted((int64_t)c->page_count, v->settings.pages_per_image),
		.text = buf_str(&text),
		.text_len = text.len,
		.instructions = v->settings.instructions,
	};
	return prompt_chapter(out, &p);
}

int render_prompt(struct buf *out, struct views *v, const struct ref *ref)
{
	struct store_picture p = {0};
	int err = store_picture(&p, v->reader, ref->chapter, ref->item);
	if (err < 0 || !p.prompt)
		return err < 0 ? err : -ENOENT;
	return buf_adds(out, p.prompt);
}

/* ---- parts of documents */

void views_page_range(char out[64], const struct book_chapter *c, const struct quote *q)
{
	if (q->offset == QUOTE_NOT_FOUND || !c) {
		snprintf(out, 64, "%s", q->page ? q->page : "");
		return;
	}
	const char *first = book_page_at(c, q->offset);
	const char *last = book_page_at(c, q->offset + (q->len ? q->len - 1 : 0));
	if (strcmp(first, last) == 0)
		snprintf(out, 64, "%s", first);
	else
		snprintf(out, 64, "%.31s-%.31s", first, last);
}

/* Text on one line. */
void views_add_flat(struct buf *out, const char *s)
{
	for (bool space = false; *s; s++) {
		bool blank = *s == ' ' || *s == '\n' || *s == '\t' || *s == '\r';
		if (!blank && space)
			buf_addc(out, ' ');
		if (!blank)
			buf_addc(out, *s);
		space = blank;
	}
}

static void add_quoted(struct buf *out, const char *s)
{
	while (*s) {
		size_t len = strcspn(s, "\n");
		buf_adds(out, len ? "> " : ">");
		buf_add(out, s, len);
		buf_addc(out, '\n');
		s += len;
		if (*s)
			s++;
	}
}

static void add_chapter_name(struct buf *out, const struct views *v, int chapter)
{
	const char *title = views_chapter(v, chapter)->title;
	char name[NAME_BYTES];
	chapter_name(name, v, chapter);
	if (!title[0])
		buf_addf(out, "Chapter %s", name);
	else if (v->chapters[chapter - 1].same_title)
		buf_addf(out, "%s (Chapter %s)", title, name);
	else
		buf_adds(out, title);
}

/* ---- Contents.md */

static const char *state_of(const struct views *v, int chapter)
{
	struct store_state s = {0};
	if (store_state(&s, v->reader, chapter) < 0)
		return NULL;
	const char *name = job_state_name(s.state);
	store_state_finish(&s);
	return name;
}

static void chapter_pages(char out[64], const struct book_chapter *c)
{
	const struct quote whole = {.offset = 0, .len = c->text_bytes};
	views_page_range(out, c, &whole);
}

static int add_entry(struct buf *out, const struct views *v, int chapter, int depth,
		     const char *title)
{
	const struct book_chapter *c = views_chapter(v, chapter);
	buf_addf(out, "%*s- ", depth * 2, "");
	views_add_flat(out, title);
	if (c) {
		char pages[64], name[NAME_BYTES];
		const char *state = state_of(v, chapter);
		if (!state)
			return -EIO;
		chapter_pages(pages, c);
		chapter_name(name, v, chapter);
		CLEANUP(cleanup_free) char *way = way_to(v, "Contents.md", 0, "chapters");
		buf_addf(out, " - [chapter %s](%s/%s/text.md)", name, way, name);
		if (pages[0])
			buf_addf(out, ", %s %s", strchr(pages, '-') ? "pages" : "page", pages);
		buf_addf(out, ", %s", state);
	}
	return buf_addc(out, '\n');
}

/* A chapter's pages and state stand where it begins; its sections follow by their titles. */
static bool is_begin(enum book_role role)
{
	return role != ROLE_SECTION && role != ROLE_PART;
}

int render_contents(struct buf *out, struct views *v, const struct ref *ref)
{
	bool *seen = xcalloc(v->chapter_count + 1, sizeof(*seen));
	int err = 0;
	buf_adds(out, "# Contents - ");
	views_add_flat(out, v->book->title);
	buf_adds(out, "\n\n");
	for (size_t i = 0; err == 0 && i < v->book->content_count; i++) {
		const struct book_entry *e = &v->book->contents[i];
		bool begin = is_begin(e->role) && views_chapter(v, e->chapter);
		if (begin)
			seen[e->chapter - 1] = true;
		err = add_entry(out, v, begin ? e->chapter : 0, e->depth, e->title);
	}
	for (size_t i = 0; err == 0 && i < v->chapter_count; i++)
		if (!seen[i] && views_chapter(v, (int)i + 1))
			err = add_entry(out, v, (int)i + 1, 0, v->book->chapters[i].title);
	free(seen);
	return err;
}

/* ---- Chapters.md */

struct section {
	struct buf out;
	const struct book_chapter *chapter;
	const struct analysis *analysis;
	char *images; /* the way to them */
	struct picture_names {
		char (*items)[NAME_BYTES]; /* of concepts[i]; "" where there is none */
		size_t len;
	} files;
};

static int note_file(void *arg, const struct store_picture *p)
{
	struct section *s = arg;
	const struct concept *c = analysis_scene(s->analysis, p->scene);
	if (p->id && c)
		image_file(s->files.items[c - s->analysis->concepts], p->chapter, p->scene, p->ext);
	return 0;
}

static void add_scene(struct section *s, size_t i)
{
	const struct concept *c = &s->analysis->concepts[i];
	char pages[64];
	views_page_range(pages, s->chapter, &c->quote);
	buf_addf(&s->out, "#### Scene %d\n\n**Pages:** %s\n\n**Source Text:**\n\n", c->scene,
		 pages);
	add_quoted(&s->out, c->quote.text);
	buf_adds(&s->out, "\n**Visual Elements:** ");
	views_add_flat(&s->out, c->description);
	buf_adds(&s->out, "\n\n");
	if (s->files.items[i][0])
		buf_addf(&s->out, "**Generated Image:** [View Image](%s/%s)\n\n", s->images,
			 s->files.items[i]);
}

static int section_fill(struct section *s, struct views *v, int chapter)
{
	struct store_analysis a = {0};
	int err = store_analysis(&a, v->reader, chapter, true);
	if (err < 0)
		return err;
	s->chapter = views_chapter(v, chapter);
	s->analysis = a.analysis;
	s->files.len = a.analysis->concept_count;
	s->files.items = xcalloc(s->files.len + 1, NAME_BYTES);
	s->images = way_to(v, "Chapters.md", 0, "images");
	err = store_pictures(v->reader, chapter, note_file, s);
	buf_adds(&s->out, "### ");
	add_chapter_name(&s->out, v, chapter);
	buf_adds(&s->out, "\n\n");
	for (size_t i = 0; i < s->files.len; i++)
		add_scene(s, i);
	free(s->files.items);
	free(s->images);
	store_analysis_finish(&a);
	return err < 0 ? err : buf_error(&s->out);
}

/* Each chapter's part is kept, so that one new picture costs one chapter's rendering. */
static int section_renew(struct views *v, int chapter)
{
	struct chapter_state *c = &v->chapters[chapter - 1];
	struct section s = {0};
	int64_t seq = views_stamp(v, TOPIC_PICTURES, chapter).seq;
	if (c->section && c->section_seq == seq)
		return 0;
	int err = section_fill(&s, v, chapter);
	if (err < 0) {
		buf_finish(&s.out);
		return err;
	}
	free(c->section);
	c->section = buf_steal(&s.out, &c->section_len);
	c->section_seq = seq;
	return 0;
}

int render_chapters_md(struct buf *out, struct views *v, const struct ref *ref)
{
	buf_adds(out, "# Chapters - ");
	views_add_flat(out, v->book->title);
	buf_adds(out, "\n\n");
	for (int chapter = 1; (size_t)chapter <= v->chapter_count; chapter++) {
		const struct chapter_state *c = views_analysis(v, chapter);
		if (!c)
			return -EIO;
		if (!c->analysis_id)
			continue;
		int err = section_renew(v, chapter);
		if (err < 0)
			return err;
		buf_add(out, c->section, c->section_len);
	}
	return buf_error(out);
}

/* ---- Elements.md and elements/TYPE/NAME.md */

/* Pages are looked up for the one that is written next. */
struct page_lookup {
	const struct views *views;
	char page[64];
};

static const char *page_of(void *arg, const struct appearance *a)
{
	struct page_lookup *l = arg;
	views_page_range(l->page, views_chapter(l->views, a->chapter), a->quote);
	return l->page;
}

int render_elements_md(struct buf *out, struct views *v, const struct ref *ref)
{
	const struct catalogue *c;
	int err = views_catalogue(&c, v);
	if (err < 0)
		return err;
	buf_adds(out, "# Story Elements - ");
	views_add_flat(out, v->book->title);
	buf_adds(out, "\n");
	struct page_lookup pages = {.views = v};
	int type = -1;
	for (size_t i = 0; i < c->len; i++) {
		const struct catalogue_entry *e = &c->entries[i];
		if ((int)e->type != type)
			buf_addf(out, "\n## %s\n", element_type_title(e->type));
		type = (int)e->type;
		buf_adds(out, "\n### ");
		views_add_flat(out, e->name);
		buf_adds(out, "\n\n");
		element_section(out, e, page_of, &pages);
	}
	return buf_error(out);
}

int render_element(struct buf *out, struct views *v, const struct ref *ref)
{
	const struct catalogue_entry *e = element_entry(v, ref->item);
	struct page_lookup l = {.views = v};
	return e ? element_document(out, e, page_of, &l) : -ENOENT;
}
