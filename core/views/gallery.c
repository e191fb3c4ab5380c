/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "plates.h"
#include "tree.h"

/*
 * One page for a browser, from a file or any server, with nothing of anybody else's in it. It is
 * read anew while work goes on, by a script, as a refresh by the document itself takes the reader's
 * place from him (WCAG 2.2, technique F41) and cannot be held back (2.2.2).
 */

static const char style[] =
	":root{color-scheme:light dark;--paper:#faf8f4;--ink:#23211d;--soft:#5c574e;--rule:#d9d3c7;"
	"--link:#7a3b12}\n"
	"@media(prefers-color-scheme:dark){:root{--paper:#191816;--ink:#ece8e0;--soft:#b3aca0;"
	"--rule:#3a3731;--link:#e9b384}}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0 "
	"auto;max-width:72rem;padding:1.5rem;background:var(--paper);color:var(--ink);"
	"font:1.05rem/1.55 Georgia,'Times New Roman',serif}\n"
	"a{color:var(--link)}\n"
	"a:focus-visible,input:focus-visible{outline:3px solid var(--link);outline-offset:3px}\n"
	".skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:1rem;padding:.5rem;"
	"background:var(--paper)}\n"
	"h1{font-weight:normal;font-size:2.3rem;line-height:1.15;margin:.5rem 0}\n"
	"h2{font-weight:normal;margin:3rem 0 1rem;border-bottom:1px solid var(--rule)}\n"
	"h3{margin:2rem 0 .5rem}\n"
	".soft,dd{color:var(--soft)}\n"
	"nav ol{columns:18rem;padding-left:1.5rem}\n"
	"figure{margin:0 0 2.5rem;display:grid;gap:1rem 2rem;"
	"grid-template-columns:repeat(auto-fit,minmax(min(18rem,100%),1fr))}\n"
	"img{display:block;width:100%;height:auto;aspect-ratio:auto 1;border:1px solid "
	"var(--rule)}\n"
	".blank{aspect-ratio:1;border:1px dashed var(--rule);display:grid;place-items:center;"
	"color:var(--soft)}\n"
	"figcaption p{margin:0 0 .75rem}\n"
	"blockquote{margin:.75rem 0;padding-left:1rem;border-left:2px solid var(--rule);"
	"font-style:italic}\n"
	"dt{font-weight:bold;margin-top:.75rem}dd{margin:0}\n";

/* What has the focus keeps it, and what stands at the window's top stays there: a position alone
 * would not do, as pictures far above are not loaded and have no height then. */
static const char script[] =
	"<script>\n"
	"const marks = [...document.querySelectorAll('a, figure, input')];\n"
	"const name = e => e && (e.id || e.getAttribute('href'));\n"
	"const top_of = e => e.getBoundingClientRect().top;\n"
	"const find = n => n && marks.find(e => name(e) === n);\n"
	"const {focus, seen, top: was} = history.state || {};\n"
	"find(focus)?.focus({preventScroll: true});\n"
	"if (find(seen)) scrollBy(0, top_of(find(seen)) - was);\n"
	"addEventListener('load', () => setTimeout(() => { history.scrollRestoration = 'auto'; "
	"}));\n"
	"setInterval(() => {\n"
	"	if (!document.getElementById('follow').checked) return;\n"
	"	const seen = marks.find(e => e.getBoundingClientRect().bottom > 0) || "
	"marks.at(-1);\n"
	"	history.replaceState({focus: name(document.activeElement), seen: name(seen), "
	"top: top_of(seen)}, '');\n"
	"	history.scrollRestoration = 'manual';\n"
	"	location.reload();\n"
	"}, 4000);\n"
	"</script>\n";

static void add_text(struct buf *out, const char *tag, const char *text)
{
	if (!*text)
		return;
	buf_addf(out, "<%s dir=\"auto\">", tag);
	buf_add_xml(out, text);
	buf_addf(out, "</%.*s>\n", (int)strcspn(tag, " "), tag);
}

static void begin(struct buf *out, const struct plates *p)
{
	buf_adds(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		      /* Else a browser asks the server for one. */
		      "<link rel=\"icon\" href=\"data:,\">\n"
		      "<title>");
	buf_add_xml(out, p->book->title);
	buf_addf(out,
		 "</title>\n<style>\n%s</style>\n</head>\n<body>\n"
		 "<a class=\"skip\" href=\"#plates\">To the pictures</a>\n<header>\n",
		 style);
	add_text(out, "h1", p->book->title);
	for (size_t i = 0; i < p->book->creators.len; i++)
		add_text(out, "p class=\"soft\"", p->book->creators.items[i]);
}

static void add_work(struct buf *out, const struct plates *p, const struct store_totals *t)
{
	int story = 0;

	for (size_t i = 0; i < p->book->chapter_count; i++)
		story += p->book->chapters[i].kind == BOOK_STORY;
	buf_addf(out, "<p role=\"status\">%zu of %zu pictures, %d of %d chapters%s</p>\n", p->drawn,
		 p->count, t->chapters[STATE_COMPLETED], story, t->running ? "; work goes on" : "");
	if (t->running)
		buf_adds(out, "<p><label><input type=\"checkbox\" id=\"follow\" checked> "
			      "Keep this page up with it</label></p>\n");
	buf_adds(out, "</header>\n");
}

static void add_contents(struct buf *out, const struct plates *p)
{
	int chapter = 0;

	buf_adds(out, "<nav aria-label=\"Chapters\">\n<ol>\n");
	for (size_t i = 0; i < p->count; i++) {
		CLEANUP(cleanup_free) char *title = NULL;

		if (p->items[i].chapter == chapter)
			continue;
		chapter = p->items[i].chapter;
		title = plates_chapter(p, chapter);
		buf_addf(out, "<li value=\"%d\"><a href=\"#chapter_%d\" dir=\"auto\">", chapter,
			 chapter);
		buf_add_xml(out, title);
		buf_adds(out, "</a></li>\n");
	}
	buf_adds(out, "</ol>\n");
	if (p->cast->len)
		buf_adds(out, "<p><a href=\"#cast\">The cast</a></p>\n");
	buf_adds(out, "</nav>\n");
}

static const char *why_missing(const struct plate *plate)
{
	switch (plate->state) {
	case STATE_IN_PROGRESS:
		return "being drawn";
	case STATE_FAILED:
		return "could not be drawn: status.json says why";
	default:
		return "not drawn yet";
	}
}

static void add_picture(struct buf *out, const struct plate *plate, const char *images)
{
	if (!plate->picture) {
		buf_addf(out, "<div class=\"blank\">%s</div>\n", why_missing(plate));
		return;
	}
	buf_addf(out, "<a href=\"%s%s\"><img loading=\"lazy\" src=\"%s%s\" alt=\"", images,
		 plate->file, images, plate->file);
	buf_add_xml(out, plate->caption);
	buf_adds(out, "\"></a>\n");
}

/* Where it stands, and what the analysis says of it. */
static void add_facts(struct buf *out, const struct plate *plate)
{
	const char *between = "";

	buf_adds(out, "<p class=\"soft\">");
	if (plate->pages[0]) {
		buf_adds(out, strchr(plate->pages, '-') ? "Pages " : "Page ");
		buf_add_xml(out, plate->pages);
		between = " &middot; ";
	}
	for (int i = 0; i < 2; i++) {
		const char *fact = i ? plate->lighting : plate->mood;

		if (!*fact)
			continue;
		buf_adds(out, between);
		buf_add_xml(out, fact);
		between = " &middot; ";
	}
	for (size_t i = 0; i < plate->names.len; i++) {
		buf_adds(out, i ? ", " : between);
		buf_add_xml(out, plate->names.items[i]);
	}
	buf_adds(out, "</p>\n");
}

static void add_plate(struct buf *out, const struct plates *p, const struct plate *plate,
		      const char *images)
{
	buf_addf(out, "<figure id=\"ch%d_scene%d\">\n", plate->chapter, plate->scene);
	add_picture(out, plate, images);
	buf_adds(out, "<figcaption>\n");
	add_text(out, "p", plate->caption);
	buf_adds(out, "<blockquote");
	if (*p->book->language) {
		buf_adds(out, " lang=\"");
		buf_add_xml(out, p->book->language);
		buf_addc(out, '"');
	}
	buf_addc(out, '>');
	add_text(out, "p", plate->quote);
	buf_adds(out, "</blockquote>\n");
	add_facts(out, plate);
	buf_adds(out, "</figcaption>\n</figure>\n");
}

static void add_plates(struct buf *out, const struct plates *p, const char *images)
{
	int chapter = 0;

	buf_adds(out, "<main id=\"plates\" tabindex=\"-1\">\n");
	if (!p->count)
		buf_adds(out, "<p>No chapter is analysed yet. Read one, and its scenes stand "
			      "here.</p>\n");
	for (size_t i = 0; i < p->count; i++) {
		CLEANUP(cleanup_free) char *title = NULL;

		if (p->items[i].chapter != chapter) {
			buf_adds(out, chapter ? "</section>\n" : "");
			chapter = p->items[i].chapter;
			title = plates_chapter(p, chapter);
			buf_addf(out, "<section id=\"chapter_%d\">\n", chapter);
			add_text(out, "h2", title);
		}
		add_plate(out, p, &p->items[i], images);
	}
	buf_adds(out, chapter ? "</section>\n" : "");
}

static void add_cast(struct buf *out, const struct plates *p)
{
	int type = -1;

	if (p->cast->len)
		buf_adds(out, "<section id=\"cast\">\n<h2>The cast</h2>\n");
	for (size_t i = 0; i < p->cast->len; i++) {
		const struct catalogue_entry *e = &p->cast->entries[i];
		CLEANUP(cleanup_free) char *look = plates_look(e);

		if ((int)e->type != type) {
			buf_addf(out, "%s<h3>%s</h3>\n<dl>\n", type >= 0 ? "</dl>\n" : "",
				 element_type_title(e->type));
			type = (int)e->type;
		}
		add_text(out, "dt", e->name);
		add_text(out, "dd", *look ? look : "named, not described");
	}
	buf_adds(out, p->cast->len ? "</dl>\n</section>\n" : "");
	buf_adds(out, "</main>\n");
}

int view_gallery(struct buf *out, const char *images, struct store_reader *r, struct err *err)
{
	struct plates p = {0};
	struct store_totals totals = {0};
	int code = plates_read(&p, r, false, err);

	if (code == 0 && (code = store_totals(&totals, r)) < 0)
		err_set(err, code, "%s", store_reason(r, code));
	if (code == 0) {
		begin(out, &p);
		add_work(out, &p, &totals);
		add_contents(out, &p);
		add_plates(out, &p, images);
		add_cast(out, &p);
		if (totals.running)
			buf_adds(out, script);
		buf_adds(out, "</body>\n</html>\n");
		code = buf_error(out);
	}
	plates_finish(&p);
	return code;
}

int render_gallery(struct buf *out, struct views *v, const struct ref *ref)
{
	CLEANUP(cleanup_free)
	char *way = way_to(v, "gallery", 1, "images"), *images = xasprintf("%s/", way);
	return view_gallery(out, images, v->reader, NULL);
}
