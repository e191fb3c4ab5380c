/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <time.h>

#include <cmark.h>

#include "illustrate.h"

/* An EPUB 3 of a book that is none: a document a chapter, its Markdown as XHTML. They stand as they
 * are read; where front matter has no number of the book's own, that is not as they are counted. */

#define FOLDER "OEBPS/"

static const struct book_chapter *chapter_of(const struct binding *b, size_t document)
{
	return &b->book->chapters[b->documents[document].chapter];
}

static void add_title(struct buf *out, const struct book_chapter *c, size_t i)
{
	if (*c->title)
		buf_add_xml(out, c->title);
	else
		buf_addf(out, "Chapter %zu", i + 1);
}

/* ---- a chapter */

/* Leads to nothing that would be in the archive. */
static bool leads_nowhere(cmark_node *n)
{
	const char *url = cmark_node_get_url(n);

	return cmark_node_get_type(n) == CMARK_NODE_IMAGE ||
	       (cmark_node_get_type(n) == CMARK_NODE_LINK &&
		(!url || (strncmp(url, "https:", 6) && strncmp(url, "http:", 5))));
}

/* What cannot be followed becomes the words it consists of. */
static void keep_words(cmark_node *n)
{
	cmark_node *child;

	while ((child = cmark_node_first_child(n)))
		cmark_node_insert_before(n, child);
	cmark_node_free(n);
}

/* Markup is shown, as text.md shows it: it is the author's, and may be no markup at all. */
static void show_markup(cmark_node *n)
{
	bool block = cmark_node_get_type(n) == CMARK_NODE_HTML_BLOCK;
	cmark_node *text = cmark_node_new(CMARK_NODE_TEXT);
	cmark_node *shown = block ? cmark_node_new(CMARK_NODE_PARAGRAPH) : text;

	cmark_node_set_literal(text, cmark_node_get_literal(n));
	if (block)
		cmark_node_append_child(shown, text);
	cmark_node_insert_before(n, shown);
	cmark_node_free(n);
}

static void make_harmless(cmark_node *root)
{
	cmark_iter *iter = cmark_iter_new(root);
	cmark_event_type event;

	while ((event = cmark_iter_next(iter)) != CMARK_EVENT_DONE) {
		cmark_node *n = cmark_iter_get_node(iter);
		cmark_node_type type = cmark_node_get_type(n);

		if (type == CMARK_NODE_HTML_BLOCK || type == CMARK_NODE_HTML_INLINE)
			show_markup(n);
		else if (event == CMARK_EVENT_EXIT && leads_nowhere(n))
			keep_words(n);
	}
	cmark_iter_free(iter);
}

static int add_markdown(struct buf *out, const char *s, size_t len)
{
	cmark_node *root = cmark_parse_document(s, len, CMARK_OPT_DEFAULT);
	char *html;

	if (!root)
		return -ENOMEM;
	make_harmless(root);
	html = cmark_render_html(root, CMARK_OPT_DEFAULT);
	cmark_node_free(root);
	if (!html)
		return -ENOMEM;
	buf_adds(out, html);
	free(html);
	return buf_error(out);
}

static void begin_document(struct buf *out, const char *language)
{
	buf_adds(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE html>\n<html xmlns=\""
		      "http://www.w3.org/1999/xhtml\" xmlns:epub=\"http://www.idpf.org/2007/ops\"");
	if (*language) {
		buf_adds(out, " xml:lang=\"");
		buf_add_xml(out, language);
		buf_addc(out, '"');
	}
	buf_adds(out, ">\n<head><title>");
}

static int chapter_document(struct buf *out, const struct book *b, size_t i)
{
	const struct book_chapter *c = &b->chapters[i];

	out->max_bytes = SIZE_MAX;
	begin_document(out, b->language);
	add_title(out, c, i);
	buf_adds(out, "</title></head>\n<body>\n");
	if (*c->title && c->text && *c->text != '#') {
		buf_adds(out, "<h1>");
		buf_add_xml(out, c->title);
		buf_adds(out, "</h1>\n");
	}
	if (c->text && add_markdown(out, c->text, c->text_bytes) < 0)
		return -ENOMEM;
	buf_adds(out, "</body>\n</html>\n");
	return buf_error(out);
}

static int write_chapter(struct binding *b, size_t document, struct err *err)
{
	struct buf text = {0}, filled = {.max_bytes = SIZE_MAX};
	size_t i = b->documents[document].chapter;
	int r = chapter_document(&text, b->book, i);

	if (r < 0) {
		buf_finish(&text);
		return err_set(err, r, "chapter %zu: %s", i + 1, strerror(-r));
	}
	binding_fill(&filled, b, document, buf_str(&text), text.len);
	buf_finish(&text);
	return packer_add(b->packer, b->documents[document].path, &filled, err);
}

/* ---- what leads to them */

static int write_container(struct binding *b, struct err *err)
{
	struct buf s = {0};

	buf_adds(&s, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<container version=\"1.0\" xmlns="
		     "\"urn:oasis:names:tc:opendocument:xmlns:container\"><rootfiles><rootfile "
		     "full-path=\"" FOLDER "package.opf\" media-type=\""
		     "application/oebps-package+xml\"/></rootfiles></container>\n");
	return packer_add(b->packer, "META-INF/container.xml", &s, err);
}

static void add_navigation_item(struct buf *out, const char *path)
{
	buf_adds(out, "<li><a href=\"");
	xml_href(out, FOLDER "nav.xhtml", path);
	buf_adds(out, "\">");
}

static int write_navigation(struct binding *b, bool page, struct err *err)
{
	struct buf s = {.max_bytes = SIZE_MAX};

	begin_document(&s, b->book->language);
	buf_add_xml(&s, b->book->title);
	buf_adds(&s, "</title></head>\n<body>\n<nav epub:type=\"toc\"><ol>\n");
	for (size_t i = 0; i < b->count; i++) {
		add_navigation_item(&s, b->documents[i].path);
		add_title(&s, chapter_of(b, i), b->documents[i].chapter);
		buf_adds(&s, "</a></li>\n");
	}
	if (page) {
		CLEANUP(cleanup_free) char *path = xasprintf("%s" BOUND_PAGE, b->folder);

		add_navigation_item(&s, path);
		buf_addf(&s, "%s</a></li>\n", b->plates->cast_count ? "The cast" : "Pictures");
	}
	buf_adds(&s, "</ol></nav>\n</body>\n</html>\n");
	return packer_add(b->packer, FOLDER "nav.xhtml", &s, err);
}

/* dcterms:modified is the file's, so that the same book is the same bytes. */
static void add_metadata(struct buf *s, const struct book *b)
{
	time_t when = b->file_count ? (time_t)b->files[0].mtime_unix_s : 0;
	struct tm tm;
	char modified[32];

	strftime(modified, sizeof(modified), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&when, &tm));
	buf_adds(s, "<metadata xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\n"
		    "<dc:identifier id=\"id\">");
	if (*b->identifier)
		buf_add_xml(s, b->identifier);
	else
		buf_addf(s, "urn:sha256:%s", b->chapter_count ? b->chapters[0].text_hash : "0");
	buf_adds(s, "</dc:identifier>\n<dc:title>");
	buf_add_xml(s, *b->title ? b->title : "untitled");
	buf_adds(s, "</dc:title>\n<dc:language>");
	buf_add_xml(s, *b->language ? b->language : "und");
	buf_adds(s, "</dc:language>\n");
	for (size_t i = 0; i < b->creators.len; i++) {
		buf_adds(s, "<dc:creator>");
		buf_add_xml(s, b->creators.items[i]);
		buf_adds(s, "</dc:creator>\n");
	}
	buf_addf(s, "<meta property=\"dcterms:modified\">%s</meta>\n</metadata>\n", modified);
}

static void add_item(struct buf *s, const char *id, size_t number, const char *path,
		     const char *media_type, const char *more)
{
	buf_addf(s, "<item id=\"%s%zu\" href=\"", id, number);
	xml_href(s, FOLDER "package.opf", path);
	buf_addf(s, "\" media-type=\"%s\"%s/>\n", media_type, more);
}

static int write_package(struct binding *b, bool page, struct err *err)
{
	struct buf s = {.max_bytes = SIZE_MAX};

	buf_adds(&s, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<package xmlns=\""
		     "http://www.idpf.org/2007/opf\" version=\"3.0\" unique-identifier=\"id\">\n");
	add_metadata(&s, b->book);
	buf_adds(&s, "<manifest>\n");
	add_item(&s, "nav", 0, FOLDER "nav.xhtml", "application/xhtml+xml", " properties=\"nav\"");
	for (size_t i = 0; i < b->count; i++)
		add_item(&s, "chapter", i + 1, b->documents[i].path, "application/xhtml+xml", "");
	for (size_t i = 0; i < b->plates->count; i++) {
		CLEANUP(cleanup_free) char *file = binding_file(b, i);

		add_item(&s, "plate", i + 1, file, plate_media_type(b->plates->items[i].name), "");
	}
	if (page) {
		CLEANUP(cleanup_free) char *path = xasprintf("%s" BOUND_PAGE, b->folder);

		add_item(&s, "page", 0, path, "application/xhtml+xml", "");
	}
	buf_adds(&s, "</manifest>\n<spine>\n");
	for (size_t i = 0; i < b->count; i++)
		buf_addf(&s, "<itemref idref=\"chapter%zu\"/>\n", i + 1);
	buf_adds(&s, page ? "<itemref idref=\"page0\"/>\n</spine>\n</package>\n"
			  : "</spine>\n</package>\n");
	return packer_add(b->packer, FOLDER "package.opf", &s, err);
}

static int read_chapter(struct binding *b, size_t i, struct err *err)
{
	CLEANUP(cleanup_free)
	char *path = xasprintf(FOLDER "chapter-%03zu.xhtml", i + 1);
	CLEANUP(buf_finish) struct buf text = {0};
	int r = chapter_document(&text, b->book, i);

	if (r < 0)
		return err_set(err, r, "chapter %zu: %s", i + 1, strerror(-r));
	binding_document(b, path, buf_str(&text), text.len);
	b->documents[b->count - 1].chapter = i;
	return 0;
}

/* Front matter that is counted behind all chapters. */
static bool is_ahead(const struct book *b, size_t i)
{
	return b->chapters[i].kind == BOOK_FRONT && (int)i >= book_last_number(b);
}

static int read_chapters(struct binding *b, bool ahead, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->book->chapter_count; i++)
		if (b->book->chapters[i].kind != BOOK_GAP && is_ahead(b->book, i) == ahead)
			r = read_chapter(b, i, err);
	return r;
}

int bind_new(struct binding *b, struct err *err)
{
	struct buf page = {.max_bytes = SIZE_MAX};
	bool has_page;
	int r = read_chapters(b, true, err);

	if (r == 0)
		r = read_chapters(b, false, err);
	b->folder = FOLDER "bookfs/";
	if (r < 0)
		return r;
	binding_seat(b);
	has_page = binding_page(&page, b, FOLDER "bookfs/" BOUND_PAGE);
	r = write_container(b, err);
	if (r == 0)
		r = write_package(b, has_page, err);
	if (r == 0)
		r = write_navigation(b, has_page, err);
	for (size_t i = 0; r == 0 && i < b->count; i++)
		r = write_chapter(b, i, err);
	if (r == 0)
		r = binding_write_ours(b, has_page ? &page : NULL, err);
	buf_finish(&page);
	return r;
}
