/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <strings.h>

#include "encoding.h"
#include "markup.h"
#include "package.h"
#include "reader.h"
#include "xhtml.h"

/* All documents of a book: some twenty times the longest novel with every word marked up. */
#define MARKUP_BYTES ((size_t)256 << 20)

struct epub {
	struct reading *r;
	struct archive *archive;
	struct package *package;
	struct symbols spine_paths; /* every document that is read -> its step + 1 */
	struct symbols spine_names; /* its file name, for links into wrong folders */
	struct symbols encrypted;   /* paths that encryption.xml names, fonts left out */
	struct step {		    /* the documents in the order of reading */
		const char *path;
		bool linear;
	} * plan;
	size_t plan_count, plan_cap;
	size_t read, markup_bytes;
};

/* ---- members */

static const char *reason(int code)
{
	return code == -EFBIG	  ? "too large"
	       : code == -EACCES  ? "encrypted"
	       : code == -ENOENT  ? "missing"
	       : code == -EBADMSG ? "not text"
	       : code == -ENOMEM  ? "out of memory"
				  : "damaged";
}

/* A text member as clean UTF-8. What could be inflated of a damaged one is kept. */
static int read_text(struct buf *out, struct epub *e, const char *path)
{
	const struct archive_member *m = archive_find(e->archive, path);
	struct buf raw = {.max_bytes = e->r->options->limits.text_bytes};
	int r;

	if (!m)
		return -ENOENT;
	r = archive_read(&raw, e->archive, m);
	if (r == 0 || (r == -EIO && raw.len)) {
		if (r)
			reading_warn(e->r, "%s is damaged and was read as far as it goes", m->name);
		r = text_plausible(buf_str(&raw), raw.len) ? 0 : -EBADMSG;
	}
	out->max_bytes = e->r->options->limits.text_bytes * 2;
	if (r == 0)
		r = text_decode(out, buf_str(&raw), raw.len, TEXT_MARKUP);
	buf_finish(&raw);
	return r;
}

/* ---- encryption.xml (OCF 3.3, section 4.2.6.3) */

struct encryption {
	struct symbols *paths;
	bool font; /* obfuscated, not encrypted */
};

static void encryption_start(void *arg, const char *name, const char *const *attrs)
{
	struct encryption *x = arg;
	const char *algorithm = markup_attr(attrs, "Algorithm");
	const char *uri = markup_attr(attrs, "URI");
	char *path, *fragment;

	if (!strcmp(name, "encrypteddata"))
		x->font = false;
	if (!strcmp(name, "encryptionmethod") && algorithm)
		x->font = strstr(algorithm, "idpf.org/2008/embedding") ||
			  strstr(algorithm, "ns.adobe.com/pdf/enc");
	if (!strcmp(name, "cipherreference") && uri && !x->font &&
	    href_resolve(&path, &fragment, "", uri)) {
		symbols_add(x->paths, path, "", 1);
		free(path);
		free(fragment);
	}
}

static void no_end(void *arg, const char *name)
{
	(void)arg;
	(void)name;
}

static void no_text(void *arg, const char *s, size_t len)
{
	(void)arg;
	(void)s;
	(void)len;
}

static void encryption_restart(void *arg)
{
	(void)arg; /* what was read of a broken list is true as well */
}

static void read_encryption(struct epub *e)
{
	static const struct markup_events events = {encryption_start, no_end, no_text,
						    encryption_restart};
	struct encryption x = {.paths = &e->encrypted};
	struct buf s = {0};

	if (read_text(&s, e, "META-INF/encryption.xml") == 0)
		markup_read(&events, &x, buf_str(&s), s.len, MARKUP_XML);
	buf_finish(&s);
}

/* ---- finding the package document */

static bool ends_with(const char *s, const char *suffix)
{
	size_t a = strlen(s), b = strlen(suffix);

	return a >= b && !strcasecmp(s + a - b, suffix);
}

static char *find_package(struct epub *e)
{
	struct buf s = {0};
	char *path = NULL;

	if (read_text(&s, e, "META-INF/container.xml") == 0)
		path = container_rootfile(buf_str(&s), s.len);
	buf_finish(&s);
	if (path && archive_find(e->archive, path))
		return path;
	for (size_t i = 0; i < archive_count(e->archive); i++) {
		const char *name = archive_at(e->archive, i)->path;

		if (!ends_with(name, ".opf") || strstr(name, "__MACOSX"))
			continue;
		reading_warn(e->r, "META-INF/container.xml names no package document; %s was taken",
			     archive_at(e->archive, i)->name);
		free(path);
		return xstrdup(name);
	}
	free(path);
	return NULL;
}

static int open_package(struct epub *e)
{
	CLEANUP(cleanup_free) char *path = find_package(e);
	struct buf s = {0};
	int r;

	if (!path)
		return err_set(e->r->err, -EBADMSG,
			       "not an EPUB: the archive has no package document");
	r = read_text(&s, e, path);
	if (r == 0)
		e->package = package_read(path, buf_str(&s), s.len, &e->r->options->limits);
	buf_finish(&s);
	if (r < 0)
		return err_set(e->r->err, r == -EFBIG ? r : -EBADMSG, "the package document is %s",
			       reason(r));
	return 0;
}

/* ---- the spine */

static bool is_document(const struct package_item *item)
{
	const char *t = item->media_type ? item->media_type : "";

	return strcasestr(t, "html") || strcasestr(t, "dtbook") || strcasestr(t, "oeb1-document") ||
	       strcasestr(t, "svg") ||
	       (!strcasestr(t, "image/") && !strcasestr(t, "audio/") && !strcasestr(t, "video/") &&
		!strcasestr(t, "font") && !strcasestr(t, "css") && !strcasestr(t, "script") &&
		(ends_with(item->path, ".xhtml") || ends_with(item->path, ".html") ||
		 ends_with(item->path, ".htm") || ends_with(item->path, ".xml")));
}

/* The item itself, or what stands in for it where it is no text (OPF 2.0.1, section 2.3.1). */
static struct package_item *readable(struct epub *e, struct package_item *item)
{
	for (int hops = 0; item && hops < 16; hops++) {
		if (is_document(item) && archive_find(e->archive, item->path))
			return item;
		if (!item->fallback)
			return NULL;
		item = package_item(e->package, item->fallback);
	}
	return NULL;
}

/* A document to be read, once; links can lead to it. path: borrowed while the book is read. */
static void plan(struct epub *e, const char *path, bool linear)
{
	const char *slash = strrchr(path, '/');

	if (symbols_get(&e->spine_paths, path, ""))
		return;
	e->plan = xgrow(e->plan, &e->plan_cap, e->plan_count + 1, sizeof(*e->plan));
	e->plan[e->plan_count++] = (struct step){path, linear};
	symbols_set(&e->spine_paths, path, "", e->plan_count);
	symbols_add(&e->spine_names, slash ? slash + 1 : path, "", e->plan_count);
}

static void plan_spine(struct epub *e)
{
	struct package *p = e->package;

	for (size_t i = 0; i < p->spine_count; i++) {
		struct package_item *item = package_item(p, p->spine[i].idref);
		struct package_item *found = item ? readable(e, item) : NULL;

		if (!item)
			reading_warn(e->r, "the spine names an item that is not in the manifest");
		else if (!found && (is_document(item) || !archive_find(e->archive, item->path)))
			reading_warn(e->r, "%s is missing", item->path);
		if (found)
			plan(e, found->path, p->spine[i].linear);
	}
}

/* A spine that leads nowhere: the documents are read in the order of the manifest, or else in that
 * of the archive. */
static void plan_without_spine(struct epub *e)
{
	struct package *p = e->package;

	for (size_t i = 0; i < p->item_count; i++) {
		struct package_item *item = &p->items[i];

		if (is_document(item) && archive_find(e->archive, item->path) &&
		    !markup_has_token(item->properties, "nav"))
			plan(e, item->path, true);
	}
	for (size_t i = 0; !e->plan_count && i < archive_count(e->archive); i++) {
		const char *path = archive_at(e->archive, i)->path;

		if (ends_with(path, ".xhtml") || ends_with(path, ".html") ||
		    ends_with(path, ".htm"))
			plan(e, path, true);
	}
	if (e->plan_count)
		reading_warn(e->r, "the spine names no document; all that were found are read");
}

/* Encrypted for good: named so, and its bytes are no markup. */
static bool is_protected(const struct epub *e, const char *path, const struct buf *s)
{
	return symbols_get(&e->encrypted, path, "") &&
	       !memchr(buf_str(s), '<', s->len < 512 ? s->len : 512);
}

static int read_document(struct epub *e, const char *path, bool linear)
{
	struct flow *f = e->r->flow;
	struct buf s = {0};
	int r = read_text(&s, e, path);

	if (r == 0 && is_protected(e, path, &s))
		r = -EACCES;
	if (r == -EBADMSG && symbols_get(&e->encrypted, path, ""))
		r = -EACCES;
	if (r < 0) {
		reading_warn(e->r, "%s is %s and was left out", path, reason(r));
		buf_finish(&s);
		return r == -ENOMEM ? r : 0;
	}
	e->markup_bytes += s.len;
	if (e->markup_bytes > MARKUP_BYTES) {
		buf_finish(&s);
		return -EFBIG;
	}
	flow_doc_begin(f, path, linear);
	if (xhtml_read(f, buf_str(&s), s.len, NULL) > 0)
		reading_warn(e->r, "%s is not well-formed", path);
	flow_doc_end(f);
	e->read++;
	buf_finish(&s);
	return buf_error(&f->text);
}

static int read_documents(struct epub *e)
{
	bool any_linear = false;

	for (size_t i = 0; i < e->plan_count; i++)
		any_linear |= e->plan[i].linear;
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < e->plan_count; i++) {
			bool linear = e->plan[i].linear || !any_linear;
			int r = 0;

			if (linear == (pass == 0))
				r = read_document(e, e->plan[i].path, linear);
			if (r < 0)
				return err_set(e->r->err, r, "the book's text is %s", reason(r));
		}
	return 0;
}

/* ---- contents */

/* Links that lead to no document of the spine may still name one: in another folder, or as the
 * item that another stands in for. */
static void settle_path(struct epub *e, char **path)
{
	const struct archive_member *m;
	const char *slash;
	size_t step;

	if (!*path || symbols_get(&e->spine_paths, *path, ""))
		return;
	m = archive_find(e->archive, *path);
	slash = strrchr(*path, '/');
	step = m ? symbols_get(&e->spine_paths, m->path, "")
		 : symbols_get(&e->spine_names, slash ? slash + 1 : *path, "");
	if (!step)
		return; /* it is no part of the reading order */
	free(*path);
	*path = xstrdup(e->plan[step - 1].path);
}

static void want(struct epub *e, char **path, const char *fragment)
{
	settle_path(e, path);
	flow_want(e->r->flow, *path, "");
	if (*fragment)
		flow_want(e->r->flow, *path, fragment);
}

static void want_all(struct epub *e)
{
	struct contents *c = &e->r->contents;

	for (size_t i = 0; i < c->count; i++)
		if (c->entries[i].path)
			want(e, &c->entries[i].path, c->entries[i].fragment);
	for (size_t i = 0; i < c->page_count; i++)
		want(e, &c->pages[i].path, c->pages[i].fragment);
	for (size_t i = 0; i < c->landmark_count; i++)
		want(e, &c->landmarks[i].path, c->landmarks[i].fragment);
}

static void read_contents(struct epub *e)
{
	struct package *p = e->package;
	const struct package_item *nav = package_with_property(p, "nav");
	const struct package_item *ncx = p->toc_id ? package_item(p, p->toc_id) : NULL;
	const struct book_limits *limits = &e->r->options->limits;
	struct contents *c = &e->r->contents;
	struct buf s = {0};

	for (size_t i = 0; !ncx && i < p->item_count; i++)
		if (p->items[i].media_type && strcasestr(p->items[i].media_type, "dtbncx"))
			ncx = &p->items[i];
	if (nav && read_text(&s, e, nav->path) == 0)
		contents_read_nav(c, nav->path, buf_str(&s), s.len, limits);
	buf_finish(&s);
	if (ncx && read_text(&s, e, ncx->path) == 0)
		contents_read_ncx(c, ncx->path, buf_str(&s), s.len, limits);
	buf_finish(&s);
	for (size_t i = 0; i < p->guide_count; i++)
		contents_add_landmark(c, p->guide[i].type, p->guide[i].path, p->guide[i].fragment,
				      p->guide[i].title);
}

static const struct flow_target *target(struct epub *e, const char *path, const char *fragment)
{
	return &e->r->flow->targets[flow_want(e->r->flow, path, fragment)];
}

static void place_contents(struct epub *e)
{
	struct contents *c = &e->r->contents;
	size_t own_pages = e->r->flow->page_count;

	flow_resolve(e->r->flow);
	for (size_t i = 0; i < c->count; i++) {
		struct contents_entry *entry = &c->entries[i];
		const struct flow_target *t;

		entry->offset = NO_OFFSET;
		if (!entry->path)
			continue;
		t = target(e, entry->path, entry->fragment);
		entry->offset = t->offset;
		entry->exact = t->exact;
		if (t->offset == NO_OFFSET)
			reading_warn(e->r, "the contents entry \"%s\" leads nowhere", entry->title);
	}
	for (size_t i = 0; i < c->page_count; i++) {
		const struct flow_target *t = target(e, c->pages[i].path, c->pages[i].fragment);

		if (t->offset == NO_OFFSET)
			continue;
		if (own_pages) { /* the list is better than what was seen in the text */
			e->r->flow->page_count = 0;
			for (size_t k = 0; k < own_pages; k++)
				free(e->r->flow->pages[k].label);
			own_pages = 0;
		}
		flow_add_page(e->r->flow, t->offset, c->pages[i].label);
	}
}

/* ---- the whole */

static void take_metadata(struct epub *e)
{
	struct book *b = e->r->book;
	struct package *p = e->package;
	char **const to[] = {&b->title, &b->language, &b->publisher, &b->identifier};
	char **const from[] = {&p->title, &p->language, &p->publisher, &p->identifier};

	for (size_t i = 0; i < ARRAY_LEN(to); i++)
		if (*from[i] && **from[i]) {
			free(*to[i]);
			*to[i] = *from[i];
			*from[i] = NULL;
		}
	b->creators = p->creators;
	p->creators = (struct strv){0};
}

/* What was said of its parts goes nowhere when there is no book: the last of it is the reason. */
static int nothing_read(const struct epub *e)
{
	const struct strv *w = &e->r->book->warnings;

	return err_set(e->r->err, -EBADMSG, "no text of the book can be read%s%s",
		       w->len ? ": " : "", w->len ? w->items[w->len - 1] : "");
}

static int read_all(struct epub *e)
{
	int r = open_package(e);

	if (!e->package)
		return r;
	take_metadata(e);
	read_encryption(e);
	plan_spine(e);
	if (!e->plan_count)
		plan_without_spine(e);
	read_contents(e);
	want_all(e);
	r = read_documents(e);
	if (r < 0)
		return r;
	if (!e->read && e->encrypted.count)
		return err_set(e->r->err, -EBADMSG, "the book is encrypted (DRM)");
	if (!e->read)
		return nothing_read(e);
	place_contents(e);
	return 0;
}

int epub_read(struct reading *r, struct archive *a)
{
	struct epub e = {.r = r, .archive = a};
	int result;

	result = read_all(&e);
	symbols_finish(&e.spine_paths);
	symbols_finish(&e.spine_names);
	symbols_finish(&e.encrypted);
	free(e.plan);
	package_free(e.package);
	return result;
}
