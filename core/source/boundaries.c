/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "cutter.h"

#define STRAY_WORDS 50 /* before the first anchor of a document: a running head, an ornament */
/* Headings looked at for entries that share a place, in a whole book. */
#define SEARCH_MAX 100000

/* ---- places */

/* Two entries that lead to one place: the second is looked for among the headings behind it. */
static void find_by_heading(struct cutter *k, struct contents_entry *e)
{
	const struct flow *f = k->flow;
	const struct flow_doc *doc = flow_doc_at(f, e->offset);
	char wanted[160], found[160];

	matter_fold(wanted, sizeof(wanted), e->title);
	if (!doc || !*wanted)
		return;
	for (size_t i = flow_heading_from(f, e->offset); i < f->heading_count; i++) {
		const struct flow_heading *h = &f->headings[i];

		if (h->offset >= doc->end || k->headings_searched++ > SEARCH_MAX)
			return;
		matter_fold(found, sizeof(found), h->title);
		if (h->offset > e->offset && !strcmp(found, wanted)) {
			e->offset = h->offset;
			e->exact = true;
			return;
		}
	}
}

static void refine_places(struct cutter *k)
{
	struct contents *c = k->contents;

	for (size_t i = 0; i < c->count; i++) {
		struct contents_entry *e = &c->entries[i];
		bool same = i && c->entries[i - 1].offset == e->offset;

		if (e->offset == NO_OFFSET || (e->exact && e->fragment && *e->fragment))
			continue;
		if (same || !e->exact)
			find_by_heading(k, e);
	}
}

/* An entry without a place begins where the first of those within it does. */
static void inherit_places(struct cutter *k)
{
	struct contents *c = k->contents;

	for (size_t i = c->count; i-- > 0;) {
		int parent = k->nodes[i].parent;

		if (parent >= 0 && c->entries[i].offset != NO_OFFSET && !c->entries[parent].path &&
		    c->entries[parent].title &&
		    (c->entries[parent].offset == NO_OFFSET || !c->entries[parent].exact))
			c->entries[parent].offset = c->entries[i].offset;
	}
}

/* The first anchor of a document that is not the first: what little stands before it is its own. */
static void snap_to_documents(struct cutter *k)
{
	struct contents *c = k->contents;
	const struct flow_doc *seen = NULL;

	for (size_t i = 0; i < c->count; i++) {
		struct contents_entry *e = &c->entries[i];
		const struct flow_doc *doc;

		if (e->offset == NO_OFFSET)
			continue;
		doc = flow_doc_at(k->flow, e->offset);
		if (seen && doc && doc > seen && e->offset > doc->start &&
		    cutter_measure(k, doc->start, e->offset) < STRAY_WORDS) {
			size_t from = e->offset;

			for (size_t j = i; j < c->count && c->entries[j].offset == from; j++)
				c->entries[j].offset = doc->start;
		}
		if (!seen || doc > seen)
			seen = doc;
	}
}

/* ---- what a range of the text is */

/* The mark that holds at least half of the range and is the narrowest such; kinds and divisions
 * are looked for apart. */
static struct matter matter_of_range(const struct flow *f, size_t start, size_t end)
{
	struct matter m = {MATTER_NONE, MATTER_NONE};
	size_t kind_width = SIZE_MAX, division_width = SIZE_MAX;

	const struct flow_doc *doc = flow_doc_at(f, start);

	/* Marks are in the order of their starts, and none goes over the end of a document. */
	for (size_t i = doc ? doc->first_mark : 0; i < f->mark_count && f->marks[i].start <= end;
	     i++) {
		const struct flow_mark *mark = &f->marks[i];
		size_t from = mark->start > start ? mark->start : start;
		size_t to = mark->end < end ? mark->end : end;
		size_t width = mark->end - mark->start;

		if (to < from || (to - from) * 2 < end - start)
			continue;
		if (start == end && mark->start != start)
			continue;
		if (mark->matter.kind != MATTER_NONE && width <= kind_width) {
			m.kind = mark->matter.kind;
			kind_width = width;
		}
		if (mark->matter.division != MATTER_NONE && width <= division_width) {
			m.division = mark->matter.division;
			division_width = width;
		}
	}
	return m;
}

/* Landmarks and the guide, once: there may be many chapters to ask for. */
static void place_landmarks(struct cutter *k)
{
	const struct contents *c = k->contents;

	k->landmarks = xcalloc(c->landmark_count + 1, sizeof(*k->landmarks));
	for (size_t i = 0; i < c->landmark_count; i++) {
		const struct contents_landmark *l = &c->landmarks[i];
		size_t offset = flow_target_offset(k->flow, l->path, l->fragment);
		enum matter_kind kind = matter_of_types(l->types).kind;

		if (offset != NO_OFFSET && kind != MATTER_NONE)
			k->landmarks[k->landmark_count++] = (struct landmark){offset, kind};
	}
}

static enum matter_kind matter_of_place(const struct cutter *k, size_t offset)
{
	for (size_t i = 0; i < k->landmark_count; i++)
		if (k->landmarks[i].offset == offset)
			return k->landmarks[i].kind;
	return MATTER_NONE;
}

/* Front or back by where it stands, when the thing can be either. */
enum matter_kind cutter_settled(enum matter_kind kind, enum matter_kind division, size_t offset,
				size_t total)
{
	if (kind != MATTER_EITHER)
		return kind;
	if (division == MATTER_FRONT || division == MATTER_BACK)
		return division;
	return offset < total / 2 ? MATTER_FRONT : MATTER_BACK;
}

enum matter_kind cutter_matter(const struct cutter *k, size_t start, size_t end, const char *title)
{
	struct matter m = matter_of_range(k->flow, start, end);
	enum matter_kind kind = m.kind;

	if (kind == MATTER_NONE)
		kind = matter_of_place(k, start);
	if (kind == MATTER_NONE && title)
		kind = matter_of_title(title);
	if (kind == MATTER_NONE && m.division != MATTER_NONE)
		kind = m.division;
	return cutter_settled(kind, m.division, start, k->flow->text.len);
}

/* ---- boundaries */

static void add_boundary(struct cutter *k, struct boundary b)
{
	k->bounds = xgrow(k->bounds, &k->bound_cap, k->bound_count + 1, sizeof(*k->bounds));
	k->bounds[k->bound_count++] = b;
}

/* What a document that the contents do not name is called: as the guide has it, as the first of
 * its highest headings before `end`, as its head says. */
static const char *document_title(const struct cutter *k, const struct flow_doc *d, size_t end)
{
	const struct flow *f = k->flow;
	const struct flow_heading *best = NULL;

	for (size_t i = 0; i < k->contents->landmark_count; i++) {
		const struct contents_landmark *l = &k->contents->landmarks[i];

		if (l->title && *l->title && !*l->fragment && !strcmp(l->path, d->path) &&
		    end == d->end)
			return l->title;
	}
	for (size_t i = d->first_heading; i < f->heading_count && f->headings[i].offset < end; i++)
		if (!best || f->headings[i].level < best->level)
			best = &f->headings[i];
	return best && *best->title ? best->title : d->title ? d->title : "";
}

/* In the order of the text; those of one place in the order of the contents. */
static int compare(const void *a, const void *b)
{
	const struct boundary *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->entry < y->entry ? -1 : x->entry > y->entry;
}

/* Text before all that the contents name is front matter, a chapter for each document. */
static void add_leading(struct cutter *k, size_t first)
{
	const struct flow *f = k->flow;

	for (size_t i = 0; i < f->doc_count && f->docs[i].start < first; i++) {
		const struct flow_doc *d = &f->docs[i];
		size_t end = d->end < first ? d->end : first;

		if (!cutter_is_blank(k, d->start, end))
			add_boundary(
				k, (struct boundary){.offset = d->start,
						     .entry = NO_ENTRY,
						     .matter = MATTER_FRONT,
						     .title = xstrdup(document_title(k, d, end))});
	}
}

/* Documents the contents do not name, where they are no part of the chapter before them. */
static void add_unlisted(struct cutter *k, size_t first)
{
	const struct flow *f = k->flow;
	size_t listed = k->bound_count, at = 0;

	for (size_t i = 0; i < f->doc_count; i++) {
		const struct flow_doc *d = &f->docs[i];
		const char *title;
		enum matter_kind kind;

		while (at < listed && k->bounds[at].offset < d->start)
			at++;
		if (d->start < first || (at < listed && k->bounds[at].offset <= d->end) ||
		    cutter_is_blank(k, d->start, d->end))
			continue;
		title = document_title(k, d, d->end);
		kind = cutter_matter(k, d->start, d->end, title);
		if (!d->linear && kind == MATTER_NONE)
			kind = MATTER_BACK;
		if (kind == MATTER_FRONT || kind == MATTER_BACK || !d->linear)
			add_boundary(k, (struct boundary){.offset = d->start,
							  .entry = NO_ENTRY,
							  .matter = kind,
							  .title = xstrdup(title)});
	}
}

static char *heading_in(const struct cutter *k, size_t start, size_t end)
{
	size_t i = flow_heading_from(k->flow, start);

	return xstrdup(i < k->flow->heading_count && k->flow->headings[i].offset < end
			       ? k->flow->headings[i].title
			       : "");
}

/* Sections marked as back matter that end their document, not named by the contents. */
static void add_back_sections(struct cutter *k)
{
	const struct flow *f = k->flow;

	for (size_t i = 0; i < f->mark_count; i++) {
		const struct flow_mark *mark = &f->marks[i];
		const struct flow_doc *d = flow_doc_at(f, mark->start);
		bool known = false;

		if (mark->matter.division != MATTER_BACK || !d || mark->start == d->start ||
		    !cutter_is_blank(k, mark->end, d->end) ||
		    cutter_is_blank(k, mark->start, mark->end))
			continue;
		for (size_t b = 0; b < k->bound_count && !known; b++)
			known = k->bounds[b].offset >= mark->start && k->bounds[b].offset < d->end;
		if (!known)
			add_boundary(k, (struct boundary){
						.offset = mark->start,
						.entry = NO_ENTRY,
						.matter = MATTER_BACK,
						.title = heading_in(k, mark->start, mark->end)});
	}
}

/* "*** END OF THE PROJECT GUTENBERG EBOOK ... ***" and all behind it is no part of the story. */
static void add_licence(struct cutter *k)
{
	static const char *const ends[] = {"END OF THE PROJECT GUTENBERG EBOOK",
					   "END OF THIS PROJECT GUTENBERG EBOOK"};
	const char *text = buf_str(&k->flow->text);

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		const char *at = strstr(text, ends[i]);
		size_t offset;

		if (!at)
			continue;
		while (at > text && at[-1] != '\n')
			at--;
		while (at > text && at[-1] <= ' ')
			at--;
		offset = (size_t)(at - text);
		for (size_t b = 0; b < k->bound_count; b++)
			if (k->bounds[b].offset >= offset &&
			    cutter_is_blank(k, offset, k->bounds[b].offset))
				return;
		add_boundary(k, (struct boundary){.offset = offset,
						  .entry = NO_ENTRY,
						  .matter = MATTER_BACK,
						  .title = xstrdup("Project Gutenberg License")});
		return;
	}
}

static void collect(struct cutter *k)
{
	struct contents *c = k->contents;
	int64_t words = 0;
	size_t first;

	for (size_t i = 0; i < c->count; i++)
		if (c->entries[i].offset != NO_OFFSET)
			add_boundary(k, (struct boundary){.offset = c->entries[i].offset,
							  .entry = (int)i});
	if (k->bound_count)
		qsort(k->bounds, k->bound_count, sizeof(*k->bounds), compare);
	first = k->bound_count ? k->bounds[0].offset : k->flow->text.len;
	add_unlisted(k, first);
	add_leading(k, first);
	add_back_sections(k);
	add_licence(k);
	if (k->bound_count)
		qsort(k->bounds, k->bound_count, sizeof(*k->bounds), compare);
	for (size_t i = 0; i < k->bound_count; i++) {
		words += cutter_measure(k, i ? k->bounds[i - 1].offset : 0, k->bounds[i].offset);
		k->bounds[i].words_before = words;
		if (k->bounds[i].entry != NO_ENTRY)
			k->nodes[k->bounds[i].entry].boundary = (int)i;
	}
}

void cutter_find_boundaries(struct cutter *k)
{
	place_landmarks(k);
	refine_places(k);
	inherit_places(k);
	snap_to_documents(k);
	collect(k);
}
