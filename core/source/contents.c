/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "contents.h"
#include "markup.h"
#include "package.h"

#define TITLE_BYTES 4096

static void add_entry(struct contents *c, struct contents_entry e)
{
	c->entries = xgrow(c->entries, &c->cap, c->count + 1, sizeof(*c->entries));
	c->entries[c->count++] = e;
}

void contents_add_landmark(struct contents *c, const char *types, const char *path,
			   const char *fragment, const char *title)
{
	c->landmarks =
		xgrow(c->landmarks, &c->landmark_cap, c->landmark_count + 1, sizeof(*c->landmarks));
	c->landmarks[c->landmark_count++] = (struct contents_landmark){
		xstrdup(types), xstrdup(path), xstrdup(fragment), xstrdup(title)};
}

static void add_page(struct contents *c, const char *label, const char *path, const char *fragment)
{
	c->pages = xgrow(c->pages, &c->page_cap, c->page_count + 1, sizeof(*c->pages));
	c->pages[c->page_count++] =
		(struct contents_page){xstrdup(label), xstrdup(path), xstrdup(fragment)};
}

static void clear_entries(struct contents *c)
{
	while (c->count) {
		struct contents_entry *e = &c->entries[--c->count];

		free(e->title);
		free(e->path);
		free(e->fragment);
	}
}

static void clear_lists(struct contents *c)
{
	while (c->page_count) {
		struct contents_page *p = &c->pages[--c->page_count];

		free(p->label);
		free(p->path);
		free(p->fragment);
	}
	while (c->landmark_count) {
		struct contents_landmark *l = &c->landmarks[--c->landmark_count];

		free(l->types);
		free(l->path);
		free(l->fragment);
		free(l->title);
	}
}

void contents_finish(struct contents *c)
{
	clear_entries(c);
	clear_lists(c);
	free(c->entries);
	free(c->pages);
	free(c->landmarks);
	*c = (struct contents){0};
}

/* ---- the navigation document */

enum nav_kind { NAV_NONE, NAV_TOC, NAV_PAGES, NAV_LANDMARKS };

struct nav {
	struct contents *c;
	const char *base;
	const struct book_limits *limits;
	enum nav_kind kind;
	int lists;	/* ol within the nav */
	bool in_label;	/* within the a or span of an item */
	bool item_done; /* this li has its label */
	char *href, *types;
	char *alt; /* what a picture or title attribute says, for a label without text */
	struct buf label;
	size_t landmarks_before;
};

static enum nav_kind nav_kind(const struct nav *n, const char *const *attrs)
{
	const char *type = markup_epub_type(attrs), *role = markup_attr(attrs, "role");

	if (markup_has_token(type, "toc") || markup_has_token(role, "doc-toc"))
		return n->c->count ? NAV_NONE : NAV_TOC;
	if (markup_has_token(type, "page-list") || markup_has_token(role, "doc-pagelist"))
		return NAV_PAGES;
	return markup_has_token(type, "landmarks") ? NAV_LANDMARKS : NAV_NONE;
}

static void label_begin(struct nav *n, const char *name, const char *const *attrs)
{
	const char *href = markup_attr(attrs, "href"), *title = markup_attr(attrs, "title");

	n->in_label = true;
	buf_clear(&n->label);
	n->href = !strcmp(name, "a") ? xstrdup(href) : NULL;
	n->types = xstrdup(markup_epub_type(attrs));
	n->alt = xstrdup(title);
}

static void label_end(struct nav *n)
{
	char *title = text_folded(buf_str(&n->label), n->label.len);
	char *path = NULL, *fragment = NULL;

	if (!*title && n->alt) {
		free(title);
		title = text_folded(n->alt, strlen(n->alt));
	}
	if (n->href && !href_resolve(&path, &fragment, n->base, n->href))
		path = fragment = NULL;
	if (n->kind == NAV_TOC && n->c->count < n->limits->entries) {
		int deepest = (int)n->limits->depth - 1, depth = n->lists - 1;

		add_entry(n->c, (struct contents_entry){
					.title = title,
					.path = path,
					.fragment = fragment,
					.depth = depth < 0	   ? 0
						 : depth < deepest ? depth
								   : deepest,
				});
		title = path = fragment = NULL;
	} else if (n->kind == NAV_PAGES && path && n->c->page_count < n->limits->entries) {
		add_page(n->c, title, path, fragment);
	} else if (n->kind == NAV_LANDMARKS && path && n->types && n->c->landmark_count < 1000) {
		contents_add_landmark(n->c, n->types, path, fragment, title);
	}
	free(title);
	free(path);
	free(fragment);
	free(n->href);
	free(n->types);
	free(n->alt);
	n->href = n->types = n->alt = NULL;
	n->in_label = false;
	n->item_done = true;
}

static void nav_start(void *arg, const char *name, const char *const *attrs)
{
	struct nav *n = arg;

	if (!strcmp(name, "nav")) {
		n->kind = nav_kind(n, attrs);
		n->lists = 0;
	} else if (n->kind == NAV_NONE) {
		return;
	} else if (!strcmp(name, "ol") || !strcmp(name, "ul")) {
		if (n->in_label)
			label_end(n);
		n->lists++;
	} else if (!strcmp(name, "li")) {
		n->item_done = false;
	} else if (n->in_label) {
		if (!strcmp(name, "img") && markup_attr(attrs, "alt") && !n->alt)
			n->alt = xstrdup(markup_attr(attrs, "alt"));
		if (!strcmp(name, "a") && !n->href)
			n->href = xstrdup(markup_attr(attrs, "href"));
	} else if (n->lists && !n->item_done && (!strcmp(name, "a") || !strcmp(name, "span"))) {
		label_begin(n, name, attrs);
	}
}

static void nav_end(void *arg, const char *name)
{
	struct nav *n = arg;

	if (n->kind == NAV_NONE)
		return;
	if (n->in_label && (!strcmp(name, "li") || !strcmp(name, "nav") ||
			    !strcmp(name, n->href ? "a" : "span") || !strcmp(name, "a")))
		label_end(n);
	if (!strcmp(name, "ol") || !strcmp(name, "ul")) {
		n->lists -= n->lists > 0;
		n->item_done = true;
	} else if (!strcmp(name, "nav")) {
		n->kind = NAV_NONE;
	}
}

static void nav_text(void *arg, const char *s, size_t len)
{
	struct nav *n = arg;

	if (n->in_label)
		buf_add(&n->label, s, len);
}

static void nav_reset(struct nav *n)
{
	free(n->href);
	free(n->types);
	free(n->alt);
	buf_finish(&n->label);
	*n = (struct nav){.c = n->c, .base = n->base, .limits = n->limits};
	n->label.max_bytes = TITLE_BYTES;
}

static void nav_restart(void *arg)
{
	struct nav *n = arg;

	nav_reset(n);
	clear_entries(n->c);
	clear_lists(n->c);
}

void contents_read_nav(struct contents *c, const char *base, const char *s, size_t len,
		       const struct book_limits *limits)
{
	static const struct markup_events events = {nav_start, nav_end, nav_text, nav_restart};
	struct nav n = {.c = c, .base = base, .limits = limits, .label.max_bytes = TITLE_BYTES};

	markup_read(&events, &n, s, len, MARKUP_XHTML);
	nav_reset(&n);
}

/* ---- NCX */

struct ncx {
	struct contents *c;
	const char *base;
	const struct book_limits *limits;
	bool with_entries, with_pages; /* what is still wanted of it */
	int depth;		       /* navPoints around */
	size_t *open;		       /* entry numbers of the navPoints around */
	bool in_page, in_text;
	char *page_href;
	struct buf label;
	size_t first_page;
};

static void point_begin(struct ncx *n)
{
	if (n->depth < (int)n->limits->depth && n->c->count < n->limits->entries) {
		n->open[n->depth] = n->c->count;
		add_entry(n->c, (struct contents_entry){.title = xstrdup(""), .depth = n->depth});
	} else if (n->depth < (int)n->limits->depth) {
		n->open[n->depth] = SIZE_MAX;
	}
	n->depth++;
}

static struct contents_entry *point(struct ncx *n)
{
	size_t at =
		n->depth && n->depth <= (int)n->limits->depth ? n->open[n->depth - 1] : SIZE_MAX;

	return at != SIZE_MAX ? &n->c->entries[at] : NULL;
}

static void content(struct ncx *n, const char *src)
{
	struct contents_entry *e = point(n);

	if (!src)
		return;
	if (n->in_page) {
		free(n->page_href);
		n->page_href = xstrdup(src);
	} else if (e && !e->path) {
		href_resolve(&e->path, &e->fragment, n->base, src);
	}
}

static void ncx_start(void *arg, const char *name, const char *const *attrs)
{
	struct ncx *n = arg;

	if (!strcmp(name, "navpoint") && n->with_entries) {
		point_begin(n);
	} else if (!strcmp(name, "pagetarget") && n->with_pages) {
		n->in_page = true;
		buf_clear(&n->label);
	} else if (!strcmp(name, "text")) {
		n->in_text = true;
		buf_clear(&n->label);
	} else if (!strcmp(name, "content")) {
		content(n, markup_attr(attrs, "src"));
	}
}

static void text_end(struct ncx *n)
{
	struct contents_entry *e = point(n);

	n->in_text = false;
	if (n->in_page || !e || *e->title)
		return;
	free(e->title);
	e->title = text_folded(buf_str(&n->label), n->label.len);
}

static void page_end(struct ncx *n)
{
	CLEANUP(cleanup_free) char *label = text_folded(buf_str(&n->label), n->label.len);
	CLEANUP(cleanup_free) char *path = NULL;
	CLEANUP(cleanup_free) char *fragment = NULL;

	n->in_page = false;
	if (n->page_href && n->c->page_count < n->limits->entries &&
	    href_resolve(&path, &fragment, n->base, n->page_href))
		add_page(n->c, label, path, fragment);
	free(n->page_href);
	n->page_href = NULL;
}

static void ncx_end(void *arg, const char *name)
{
	struct ncx *n = arg;

	if (!strcmp(name, "navpoint") && n->depth)
		n->depth--;
	else if (!strcmp(name, "text") && n->in_text)
		text_end(n);
	else if (!strcmp(name, "pagetarget") && n->in_page)
		page_end(n);
}

static void ncx_text(void *arg, const char *s, size_t len)
{
	struct ncx *n = arg;

	if (n->in_text)
		buf_add(&n->label, s, len);
}

static void ncx_restart(void *arg)
{
	struct ncx *n = arg;

	n->depth = 0;
	n->in_page = n->in_text = false;
	free(n->page_href);
	n->page_href = NULL;
	buf_clear(&n->label);
	if (n->with_entries)
		clear_entries(n->c);
	if (n->with_pages)
		while (n->c->page_count) {
			struct contents_page *p = &n->c->pages[--n->c->page_count];

			free(p->label);
			free(p->path);
			free(p->fragment);
		}
}

void contents_read_ncx(struct contents *c, const char *base, const char *s, size_t len,
		       const struct book_limits *limits)
{
	static const struct markup_events events = {ncx_start, ncx_end, ncx_text, ncx_restart};
	struct ncx n = {.c = c,
			.base = base,
			.limits = limits,
			.label.max_bytes = TITLE_BYTES,
			.with_entries = !c->count,
			.with_pages = !c->page_count};

	n.open = xcalloc(limits->depth, sizeof(*n.open));
	markup_read(&events, &n, s, len, MARKUP_XML);
	buf_finish(&n.label);
	free(n.page_href);
	free(n.open);
}

/* ---- headings, spine */

/* "CHAPTER IV" over "The Bridge" is one title, not a chapter that holds another: a heading
 * followed by another without a word between, and alone under it. */
static bool is_subtitle(const struct flow *f, size_t i)
{
	const struct flow_heading *a = &f->headings[i], *b = a + 1;
	const char *s, *nl;

	if (i + 1 >= f->heading_count || b->level < a->level)
		return false;
	s = f->text.data + a->offset;
	s += strspn(s, "\n ");
	nl = strchr(s, '\n');
	if (!nl || f->text.data + b->offset != nl)
		return false;
	if (b->level == a->level)
		return strlen(a->title) < 20 &&
		       strcspn(a->title, "0123456789IVXLivxl") < strlen(a->title);
	for (size_t k = i + 2; k < f->heading_count && f->headings[k].level > a->level; k++)
		if (f->headings[k].level == b->level)
			return false;
	return true;
}

static char *joined_title(const char *a, const char *b)
{
	size_t len = strlen(a);

	return xasprintf("%s%s%s", a, len && ispunct((unsigned char)a[len - 1]) ? " " : ". ", b);
}

void contents_from_headings(struct contents *c, const struct flow *f)
{
	int levels[8], depth = 0;

	for (size_t i = 0; i < f->heading_count; i++) {
		const struct flow_heading *h = &f->headings[i];
		char *title = xstrdup(h->title);

		while (depth && levels[depth - 1] >= h->level)
			depth--;
		add_entry(c, (struct contents_entry){
				     .depth = depth, .offset = h->offset, .exact = true});
		levels[depth++] = h->level;
		while (is_subtitle(f, i)) {
			char *longer = joined_title(title, f->headings[++i].title);

			free(title);
			title = longer;
		}
		c->entries[c->count - 1].title = title;
	}
}

void contents_from_spine(struct contents *c, const struct flow *f)
{
	for (size_t i = 0; i < f->doc_count; i++) {
		const struct flow_doc *d = &f->docs[i];
		const char *slash = strrchr(d->path, '/');
		const char *name = slash ? slash + 1 : d->path;
		size_t len = strcspn(name, ".");

		if (d->start == d->end)
			continue;
		add_entry(c, (struct contents_entry){.title = d->title && *d->title
								      ? xstrdup(d->title)
								      : text_folded(name, len),
						     .offset = d->start,
						     .exact = true});
	}
}
