/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "pack.h"
#include "source.h"

/* ---- books written here */

#define CONTAINER                                                                                  \
	"@@ META-INF/container.xml\n"                                                              \
	"<container><rootfiles><rootfile full-path='OPS/c.opf'/></rootfiles></container>\n"
#define HTML "<html xmlns='http://www.w3.org/1999/xhtml' xmlns:epub='e'>"
#define ITEM(id) "<item id='" id "' href='" id ".xhtml' media-type='application/xhtml+xml'/>"
#define NAV_ITEM                                                                                   \
	"<item id='nav' properties='nav' href='nav.xhtml' media-type='application/xhtml+xml'/>"
#define NAV(list)                                                                                  \
	"@@ OPS/nav.xhtml\n" HTML "<body><nav epub:type='toc'><ol>" list                           \
	"</ol></nav></body></html>\n"
#define OPF(items, spine)                                                                          \
	"@@ OPS/c.opf\n<package><metadata><title>The Lamp</title><creator>A. Writer</creator>"     \
	"<language>en</language></metadata><manifest>" items "</manifest><spine>" spine            \
	"</spine></package>\n"
#define REF(id) "<itemref idref='" id "'/>"
#define DOC(id, body) "@@ OPS/" id ".xhtml\n" HTML "<body>" body "</body></html>\n"
#define LI(href, title) "<li><a href='" href "'>" title "</a></li>"

static struct book *read_bytes(const char *name, const char *s, size_t len, int depth)
{
	struct book_options options = {.limits = book_limits_default, .depth = depth};
	struct book *b = NULL;
	struct err err = {0};

	if (book_read_memory(&b, s, len, name, &options, &err) < 0) {
		fprintf(stderr, "%s: %s\n", name, err.msg);
		check_failures++;
		return NULL;
	}
	hold_promises(b);
	return b;
}

static struct book *read_epub(const char *spec, int depth)
{
	CLEANUP(buf_finish) struct buf zip = {0};

	pack(&zip, spec, strlen(spec));
	return read_bytes("book.epub", buf_str(&zip), zip.len, depth);
}

static struct book *read_text(const char *name, const char *s)
{
	return read_bytes(name, s, strlen(s), 0);
}

/* The body of a document, as Markdown. */
static char *markdown_of(const char *body)
{
	CLEANUP(cleanup_free)
	char *spec = xasprintf(CONTAINER OPF(ITEM("a"), REF("a")) "@@ OPS/a.xhtml\n%s%s</html>\n",
			       HTML, body);
	CLEANUP(book_free_cleanup) struct book *b = read_epub(spec, 0);

	return xstrdup(b && b->chapter_count == 1 ? b->chapters[0].text : "(not one chapter)");
}

static void check_markdown(int line, const char *body, const char *want)
{
	CLEANUP(cleanup_free) char *got = markdown_of(body);

	if (strcmp(got, want)) {
		fprintf(stderr, "line %d: \"%s\", not \"%s\"\n", line, got, want);
		check_failures++;
	}
}
#define CHECK_MARKDOWN(body, want) check_markdown(__LINE__, body, want)

/* One line a contents entry: "role chapter in", to compare in one go. */
static char *roles_of(const struct book *b)
{
	struct buf out = {0};

	for (size_t i = 0; b && i < b->content_count; i++)
		buf_addf(&out, "%s%s %d%s%s", i ? ", " : "", book_role_name(b->contents[i].role),
			 b->contents[i].chapter, b->contents[i].in ? " in " : "",
			 b->contents[i].in ? b->contents[i].in : "");
	return buf_steal(&out, NULL);
}

static void check_roles(int line, const struct book *b, const char *want)
{
	CLEANUP(cleanup_free) char *got = roles_of(b);

	if (strcmp(got, want)) {
		fprintf(stderr, "line %d: %s, not %s\n", line, got, want);
		check_failures++;
	}
}
#define CHECK_ROLES(b, want) check_roles(__LINE__, b, want)

/* "word word ..." n times; from a ring of strings, for one statement. */
static const char *words(int n)
{
	static char ring[8][8192];
	static int next;
	char *s = ring[next++ % 8], *at = s;

	for (int i = 0; i < n; i++)
		at += sprintf(at, "word ");
	return s;
}

/* ---- text as Markdown */

static void test_blocks(void)
{
	CHECK_MARKDOWN("<body><h1>A <i>b</i></h1><p>One\n two.</p><p>Three</p></body>",
		       "# A *b*\n\nOne two.\n\nThree\n");
	CHECK_MARKDOWN("<body><p>One<br/>two<br/><br/>three</p></body>", "One  \ntwo\n\nthree\n");
	CHECK_MARKDOWN("<body><blockquote><p>a</p><p>b</p></blockquote><p>c</p></body>",
		       "> a\n\n> b\n\nc\n");
	CHECK_MARKDOWN("<body><ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>"
		       "<ol start='3'><li><p>d</p><p>e</p></li></ol></body>",
		       "- a\n  - b\n- c\n\n3. d\n\n   e\n");
	CHECK_MARKDOWN("<body><pre>a\n  *b*</pre><hr/><p>c</p></body>",
		       "```\na\n  *b*\n```\n\n* * *\n\nc\n");
	CHECK_MARKDOWN("<body><table><tr><td>a</td><td><p>b</p></td></tr><tr><td/><td>c</td></tr>"
		       "</table></body>",
		       "a | b  \nc\n");
	CHECK_MARKDOWN("<body><div>a<p>b</p>c</div></body>", "a\n\nb\n\nc\n");
	CHECK_MARKDOWN("<body><div class='line'>a</div><div class='line'>b</div></body>",
		       "a  \nb\n");
}

static void test_inline(void)
{
	CHECK_MARKDOWN("<body><p>a <em> b </em>c<b>d</b><em></em></p></body>", "a *b* c**d**\n");
	CHECK_MARKDOWN("<body><em><p>a</p><p>b</p></em></body>", "*a*\n\n*b*\n");
	CHECK_MARKDOWN("<body><p><b>a<i>b</b>c</i></p></body>", "**a*b***c\n");
	CHECK_MARKDOWN("<body><p>2*3 a_b _c_ &lt;p&gt; `x` # y</p></body>",
		       "2\\*3 a_b \\_c\\_ \\<p> \\`x\\` # y\n");
	CHECK_MARKDOWN("<body><p># a</p><p>1. b</p><p>- c</p></body>",
		       "\\# a\n\n1\\. b\n\n\\- c\n");
	CHECK_MARKDOWN("<body><p>a&nbsp;b&shy;c&#151;d&eacute;</p></body>", "a bc\u2014d\u00e9\n");
	CHECK_MARKDOWN("<body><p>\u5c71<ruby>\u8def<rt>\u307f\u3061</rt></ruby>\n\u3092</p></body>",
		       "\u5c71\u8def(\u307f\u3061)\u3092\n");
	CHECK_MARKDOWN("<body><p><img alt='T'/>he <img alt='A fox'/>end</p></body>", "The end\n");
	CHECK_MARKDOWN("<head><title>t</title><style>p{}</style></head>"
		       "<body><p>a<script>b</script></p></body>",
		       "a\n");
	CHECK_MARKDOWN("<body><p><epub:switch><epub:case required-namespace='x'>a</epub:case>"
		       "<epub:default>b</epub:default></epub:switch></p></body>",
		       "b\n");
}

static void test_malformed(void)
{
	CHECK_MARKDOWN("<body><p>a<p>b<i>c</p></x>&bogus; &amp d", "a\n\nb*c*\n\n&bogus; & d\n");
	CHECK_MARKDOWN("<body><p>a < b <!-- c", "a < b\n");
	CHECK_MARKDOWN("<body><p>a<![CDATA[<b>]]></p><table><tr><td>x<td>y</table>",
		       "a\\<b>\n\nx | y\n");
	CHECK_MARKDOWN("<body><p>a<!-- b><p>c</p><!-- d --><p>e<!f [g] h>i</p>", "a\n\nei\n");
	/* An entity of the document's own is nobody's business. */
	CHECK_MARKDOWN("<!DOCTYPE html [<!ENTITY a 'aa'><!ENTITY b '&a;&a;'>]><body><p>x&b;</p>",
		       "x&b;\n");
}

/* What a hostile book has many of: each of these took a minute and more once, as what is looked for
 * was looked for to the end of the text each time. */
static void test_linear(void)
{
	static const struct {
		const char *before, *repeated, *behind, *text;
	} cases[] = {
		{"<body><p>a<br>", "<!-- b>", "c</p>", "a  \nc\n"},
		{"<body><p>a<br>", "<!b>", "c</p>", "a  \nc\n"},
		{"<body><p ", "c%d='' ", ">a</p></body>", "a\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(buf_finish) struct buf body = {.max_bytes = 16 << 20};
		int64_t start;

		buf_adds(&body, cases[i].before);
		for (int n = 0; n < 1000000; n++)
			buf_addf(&body, cases[i].repeated, n);
		buf_adds(&body, cases[i].behind);
		start = clock_mono_us();
		CHECK_MARKDOWN(buf_str(&body), cases[i].text);
		CHECK(clock_mono_us() - start < 10000000);
	}
}

/* ---- the chapter rule */

static void test_parts(void)
{
	CLEANUP(cleanup_free)
	char *spec = xasprintf(
		CONTAINER OPF(NAV_ITEM ITEM("p") ITEM("a") ITEM("b") ITEM("c") ITEM("z"),
			      REF("p") REF("a") REF("b") REF("c") REF("z"))
			NAV("<li><a href='p.xhtml'>Part One</a><ol>" LI("a.xhtml", "A")
				    LI("b.xhtml", "B") "</ol></li><li><a "
						       "href='c.xhtml'>C</a><ol>" LI(
							       "c.xhtml#s",
							       "C, second") "</ol></li>" LI("z."
											    "xhtml",
											    "Coloph"
											    "on"))
				DOC("p", "<h1>Part One</h1>") DOC("a", "<p>%s</p>")
					DOC("b", "<p>%s</p>")
						DOC("c", "<p>first</p><h2 id='s'>second</h2>")
							DOC("z", "<p>Printed.</p>"),
		words(900), words(800));
	CLEANUP(book_free_cleanup) struct book *b = read_epub(spec, 0);
	CLEANUP(book_free_cleanup) struct book *deep = read_epub(spec, 2);
	CLEANUP(book_free_cleanup) struct book *flat = read_epub(spec, 1);

	CHECK_ROLES(b, "part 1, chapter 1 in Part One, chapter 2 in Part One, chapter 3, "
		       "section 3 in C, back 4");
	CHECK(b && !strncmp(b->chapters[0].text, "# Part One\n\nword", 16));
	CHECK(b && b->chapters[3].kind == BOOK_BACK);
	CHECK_ROLES(deep, "part 1, chapter 1 in Part One, chapter 2 in Part One, part 3, "
			  "chapter 3 in C, back 4");
	CHECK_ROLES(flat, "chapter 1, section 1 in Part One, section 1 in Part One, chapter 2, "
			  "section 2 in C, back 3");
}

/* A parent whose children are short is the chapter; so is one with words of its own. */
static void test_sections(void)
{
	CLEANUP(cleanup_free)
	char *spec = xasprintf(
		CONTAINER OPF(NAV_ITEM ITEM("a") ITEM("b"), REF("a") REF("b"))
			NAV("<li><a href='a.xhtml'>Short</a><ol>" LI("a.xhtml#x", "X")
				    LI("a.xhtml#y", "Y") "</ol></li><li><a "
							 "href='b.xhtml'>Own</a><ol>" LI(
								 "b.xhtml#x", "X") "</ol></li>")
				DOC("a", "<h1>Short</h1><p id='x'>%s</p><p id='y'>%s</p>")
					DOC("b", "<p>%s</p><p id='x'>%s</p>"),
		words(900), words(600), words(250), words(1000));
	CLEANUP(book_free_cleanup) struct book *b = read_epub(spec, 0);

	CHECK_ROLES(b, "chapter 1, section 1 in Short, section 1 in Short, chapter 2, "
		       "section 2 in Own");
}

static void test_anchors(void)
{
	CLEANUP(book_free_cleanup)
	struct book *b = read_epub(
		CONTAINER OPF(NAV_ITEM ITEM("a") ITEM("b") ITEM("c"), REF("a") REF("b") REF("c"))
			NAV("<li><a href='a.xhtml'>Book</a><ol>" LI("a.xhtml#one", "One") LI(
				"a.xhtml#two", "Two") LI("c.xhtml#three", "Three") "</ol></li>")
				DOC("a", "<p>Front.</p><h2>One<a id='one'></a></h2><p>1</p>"
					 "<p>end of one<a name='two'/></p><h2>Two</h2><p>2</p>")
					DOC("b", "<p>more of two</p>")
						DOC("c", "<p>3</p><h2 id='three'>Three</h2>"),
		0);

	CHECK_ROLES(b, "front 1, chapter 2, chapter 3, chapter 4");
	CHECK(b && b->chapter_count == 4);
	if (!b || b->chapter_count != 4)
		return;
	CHECK_STR(b->chapters[0].text, "Front.\n");
	CHECK_STR(b->chapters[1].text, "## One\n\n1\n\nend of one\n");
	CHECK_STR(b->chapters[2].text, "## Two\n\n2\n\nmore of two\n");
	/* What little stands before the first anchor of a document is that document's. */
	CHECK_STR(b->chapters[3].text, "3\n\n## Three\n");
}

static void test_order(void)
{
	CLEANUP(book_free_cleanup)
	struct book *b =
		read_epub(CONTAINER OPF(NAV_ITEM ITEM("cover") ITEM("x") ITEM("a") ITEM("b"),
					"<itemref idref='x' linear='no'/>" REF("cover") REF("b")
						REF("a") REF("a") REF("nobody"))
				  NAV(LI("a.xhtml", "A") LI("b.xhtml", "B") LI("gone.xhtml", "Gone")
					      LI("x.xhtml", "Notes") LI("http://h/", "Web"))
					  DOC("cover", "<p>The Lamp</p>") DOC("a", "<p>a</p>")
						  DOC("b", "<p>b</p>") DOC("x", "<p>x</p>"),
			  0);

	/* Reading order numbers the chapters; the contents keep theirs. */
	CHECK_ROLES(b, "chapter 3, chapter 2, chapter 0, back 4, chapter 0");
	CHECK(b && b->chapter_count == 4 && b->chapters[0].kind == BOOK_FRONT);
	CHECK(b && b->warnings.len > 0);
}

static void test_same_place(void)
{
	CLEANUP(book_free_cleanup)
	struct book *b = read_epub(
		CONTAINER OPF(NAV_ITEM ITEM("a"), REF("a"))
			NAV(LI("a.xhtml", "One") LI("a.xhtml", "Two") LI("a.xhtml", "Nowhere"))
				DOC("a", "<h1>One</h1><p>1</p><h1>Two</h1><p>2</p>"),
		0);

	CHECK_ROLES(b, "chapter 1, chapter 2, section 1 in One");
	CHECK(b && b->chapter_count == 2);
	if (b && b->chapter_count == 2)
		CHECK_STR(b->chapters[1].text, "# Two\n\n2\n");
}

static void test_matter(void)
{
	CLEANUP(book_free_cleanup)
	struct book *b = read_epub(
		CONTAINER OPF(NAV_ITEM ITEM("a") ITEM("b") ITEM("c") ITEM("d") ITEM("e") ITEM("f"),
			      REF("a") REF("b") REF("c") REF("d") REF("e") REF("f"))
			NAV(LI("a.xhtml", "Vorwort") LI("b.xhtml", "Introduction")
				    LI("c.xhtml", "\u0413\u043b\u0430\u0432\u0430 1") LI(
					    "d.xhtml", "Acknowledgments") LI("e.xhtml", "Odd name")
					    LI("f.xhtml", "\u3042\u3068\u304c\u304d"))
				DOC("a", "<p>a</p>")
					DOC("b", "<div epub:type='frontmatter'><section "
						 "epub:type='introduction'>b</section></div>")
						DOC("c", "<p>cc cc cc cc</p>") DOC("d", "<p>d</p>")
							DOC("e", "<section role='doc-glossary'>e"
								 "</section>") DOC("f", "<p>f</p>"),
		0);

	CHECK_ROLES(b, "front 1, chapter 2, chapter 3, back 4, back 5, back 6");
}

/* ---- contents from elsewhere */

static void test_ncx(void)
{
	CLEANUP(book_free_cleanup)
	struct book *b = read_epub(
		CONTAINER "@@ OPS/c.opf\n<package><metadata/><manifest>" ITEM("a") ITEM(
			"b") "<item id='ncx' href='toc.ncx' "
			     "media-type='application/x-dtbncx+xml'/></manifest><spine "
			     "toc='ncx'>" REF("a") REF(
				     "b") "</spine></package>\n"
					  "@@ OPS/toc.ncx\n<ncx><navMap><navPoint><navLabel><text> "
					  "One\n"
					  "More </text></navLabel><content "
					  "src='A.xhtml'/></navPoint>"
					  "<navPoint><navLabel><text>Two</text></navLabel><content "
					  "src='sub/b.xhtml#x'/></navPoint></"
					  "navMap><pageList><pageTarget>"
					  "<navLabel><text>vii</text></navLabel><content "
					  "src='b.xhtml'/>"
					  "</pageTarget></pageList></ncx>\n" DOC("a", "<p>1</p>")
						  DOC("b", "<p id='x'>2</p>"),
		0);

	CHECK_ROLES(b, "chapter 1, chapter 2");
	if (!b || b->chapter_count != 2)
		return;
	CHECK_STR(b->contents[0].title, "One More");
	CHECK_STR(b->title, "book");
	CHECK(b->real_pages && b->pages == 1);
	CHECK_STR(book_page_at(&b->chapters[0], 0), "");
	CHECK_STR(book_page_at(&b->chapters[1], 0), "vii");
}

static void test_headings(void)
{
	CLEANUP(book_free_cleanup)
	struct book *b = read_epub(CONTAINER OPF(ITEM("a") ITEM("b"), REF("a") REF("b"))
					   DOC("a", "<h1>The Lamp</h1><p>x</p><h2>Chapter 1</h2>"
						    "<h3>The Fox</h3><p>a</p>")
						   DOC("b", "<h2>Chapter 2</h2><p>b</p>"),
				   0);
	CLEANUP(book_free_cleanup)
	struct book *spine = read_epub(CONTAINER OPF(ITEM("a") ITEM("b"), REF("a") REF("b"))
					       DOC("a", "<p>x</p>") DOC("b", "<p>y</p>"),
				       0);

	CHECK_ROLES(b, "front 1, chapter 2, chapter 3");
	if (b)
		CHECK_STR(b->contents[1].title, "Chapter 1. The Fox");
	CHECK_ROLES(spine, "chapter 1, chapter 2");
	if (spine)
		CHECK_STR(spine->contents[1].title, "b");
}

/* ---- pages */

static void test_pages(void)
{
	CLEANUP(cleanup_free)
	char *spec = xasprintf(CONTAINER OPF(NAV_ITEM ITEM("a") ITEM("b"), REF("a") REF("b"))
				       NAV(LI("a.xhtml", "A") LI("b.xhtml", "B"))
					       DOC("a", "<p>%s</p><p>%s</p>") DOC("b", "<p>%s</p>"),
			       words(250), words(100), words(300));
	CLEANUP(book_free_cleanup) struct book *made = read_epub(spec, 0);
	CLEANUP(book_free_cleanup)
	struct book *real = read_epub(
		CONTAINER OPF(NAV_ITEM ITEM("a") ITEM("b"), REF("a") REF("b"))
			NAV(LI("a.xhtml", "A") LI("b.xhtml", "B"))
				DOC("a", "<p>one <span epub:type='pagebreak' title='5'>5</span>two"
					 "</p>") DOC("b", "<p>x</p><p>y<span role='doc-pagebreak' "
							  "aria-label='6'/>z</p>"),
		0);

	CHECK(made && made->pages == 3 && !made->real_pages);
	if (made && made->chapter_count == 2) {
		CHECK_INT(made->chapters[0].page_count, 2);
		CHECK_STR(book_page_at(&made->chapters[1], 0), "2");
		CHECK_STR(book_page_at(&made->chapters[1], made->chapters[1].text_bytes), "3");
	}
	if (!real || real->chapter_count != 2)
		return;
	CHECK_STR(real->chapters[0].text, "one two\n");
	CHECK_STR(book_page_at(&real->chapters[0], 7), "5");
	CHECK_STR(book_page_at(&real->chapters[1], 1), "5");
	CHECK_STR(real->chapters[1].text, "x\n\nyz\n");
	CHECK_STR(book_page_at(&real->chapters[1], 4), "6");
	CHECK(real->real_pages && real->pages == 2);
}

/* What is printed around a page's number is not part of it. */
static void test_page_labels(void)
{
	static const char *const labels[][2] = {
		{"[Pg 9]", "9"},    {"Page 9", "9"},
		{"p. 9", "9"},	    {"p9", "9"},
		{"page_12", "12"},  {"Seite 12", "12"},
		{"{ix}", "ix"},	    {" Page xii. ", "xii"},
		{"[12a]", "12a"},   {"pxi", "pxi"},
		{"cover", "cover"}, {"page", "page"},
		{"A-12", "A-12"},   {"Page 9 of 12", "Page 9 of 12"},
	};

	for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
		CLEANUP(cleanup_free)
		char *spec = xasprintf(
			CONTAINER OPF(NAV_ITEM ITEM("a"), REF("a")) NAV(LI("a.xhtml", "A"))
				DOC("a", "<p>one <span epub:type='pagebreak' title='%s'/>two</p>"),
			labels[i][0]);
		CLEANUP(book_free_cleanup) struct book *b = read_epub(spec, 0);

		CHECK_STR(book_page_at(&b->chapters[0], 5), labels[i][1]);
	}
	CLEANUP(book_free_cleanup)
	struct book *b = read_epub(
		CONTAINER OPF(NAV_ITEM ITEM("a"), REF("a")) NAV(LI("a.xhtml", "A"))
			DOC("a", "<p>one <span class='pagenum'><a id='Page_7'>[Pg 7]</a></span>two"
				 "</p>"),
		0);
	CHECK_STR(b->chapters[0].text, "one two\n");
	CHECK_STR(book_page_at(&b->chapters[0], 5), "7");
}

/* ---- plain text, Markdown, HTML */

static void test_plain_text(void)
{
	CLEANUP(book_free_cleanup)
	struct book *b = read_text(
		"The Fox.txt",
		"Title: The Fox\nAuthor: A. Writer\nLanguage: German\n\n"
		"*** START OF THE PROJECT GUTENBERG EBOOK THE FOX ***\n\nby A. Writer\n\n"
		"CONTENTS\n\n  CHAPTER I. The Lamp\n  CHAPTER IX. The Fox\n\n\nCHAPTER I\n\n"
		"The Lamp\n\nIt was a _very dark\nnight_ in the long and winding street that went "
		"down\nto the river and the bridge that nobody had crossed.\n\n    Red,\n    "
		"blue.\n"
		"\n  * * * * *\n\nCHAPTER IX\n\n\"Tom!\"\n\nNo answer.\n\nEPILOGUE\n\nDone.\n\n"
		"*** END OF THE PROJECT GUTENBERG EBOOK THE FOX ***\n\nLicence.\n");

	CHECK_ROLES(b, "front 3, chapter 4, chapter 5, chapter 6");
	if (!b || b->chapter_count != 7)
		return;
	CHECK_STR(b->title, "The Fox");
	CHECK_STR(b->language, "de");
	CHECK_STR(b->chapters[1].text, "by A. Writer\n");
	CHECK_STR(b->chapters[3].title, "CHAPTER I. The Lamp");
	CHECK_STR(b->chapters[3].text,
		  "## CHAPTER I\n\n### The Lamp\n\nIt was a *very dark night* in the long and "
		  "winding street that went down to the river and the bridge that nobody had "
		  "crossed.\n\nRed,  \nblue.\n\n* * *\n");
	CHECK_STR(b->chapters[4].text, "## CHAPTER IX\n\n\"Tom!\"\n\nNo answer.\n");
	CHECK(b->chapters[0].kind == BOOK_FRONT && b->chapters[6].kind == BOOK_BACK);
}

static void test_markdown(void)
{
	CLEANUP(book_free_cleanup)
	struct book *b =
		read_text("x.md", "---\ntitle: The Lamp\nauthor: A\n---\n# One *x*\n\n\n\ntext\n"
				  "```\n# no\n\n\nno\n```\nTwo\n===\ny\n");

	CHECK_ROLES(b, "chapter 1, chapter 2");
	if (!b || b->chapter_count != 2)
		return;
	CHECK_STR(b->title, "The Lamp");
	CHECK_STR(b->chapters[0].title, "One x");
	CHECK_STR(b->chapters[0].text, "# One *x*\n\ntext\n```\n# no\n\n\nno\n```\n");
	CHECK_STR(b->chapters[1].text, "Two\n===\n\ny\n");
}

static void test_html(void)
{
	CLEANUP(book_free_cleanup)
	struct book *b = read_text(
		"x.html", "<!DOCTYPE html><html lang=fr><title>Le Renard</title><meta name=author "
			  "content='A. B.'><h2>Un</h2><p>a<h2>Deux</h2>b");

	CHECK_ROLES(b, "chapter 1, chapter 2");
	if (!b)
		return;
	CHECK_STR(b->title, "Le Renard");
	CHECK_STR(b->language, "fr");
	CHECK(b->creators.len == 1 && !strcmp(b->creators.items[0], "A. B."));
}

static void test_encodings(void)
{
	static const struct {
		const char *name, *bytes;
		size_t len;
		const char *want;
	} cases[] = {
		{"a.txt", "caf\xe9 \x93x\x94", 8, "caf\u00e9 \u201cx\u201d\n"},
		{"a.txt", "\xff\xfe\x16\x04.\x00", 6, "\u0416.\n"},
		{"a.txt", "\xfe\xff\x04\x16\xd8\x3d\xde\x00", 8, "\u0416\U0001f600\n"},
		{"a.txt", "\xef\xbb\xbf\xc3\xa9", 5, "\u00e9\n"},
		{"a.txt", "\xc3\xa9 \xc3\xa8 \xe9", 7, "\u00e9 \u00e8 \u00e9\n"},
		{"a.html", "<html><meta charset=windows-1251>\xc6", 34, "\u0416\n"},
		{"a.html", "<?xml version='1.0' encoding='ISO-8859-1'?><html>\xe9</html>", 57,
		 "\u00e9\n"},
		{"a.html", "<meta charset=ucs-4><html>One fox.", 34, "One fox.\n"},
		{"a.txt", "a\0b\x01\r\nc\rd", 9, NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases) - 1; i++) {
		CLEANUP(book_free_cleanup)
		struct book *b = read_bytes(cases[i].name, cases[i].bytes, cases[i].len, 0);

		CHECK(b && b->chapter_count == 1);
		if (b && b->chapter_count == 1)
			CHECK_STR(b->chapters[0].text, cases[i].want);
	}
}

/* ---- what is no book, and what is hostile */

static void check_refused(int line, const char *name, const char *s, size_t len, int code,
			  const char *says)
{
	struct book_options options = {.limits = book_limits_default};
	struct book *b = NULL;
	struct err err = {0};
	int r = book_read_memory(&b, s, len, name, &options, &err);

	if (r != code || b || !strstr(err.msg, says)) {
		fprintf(stderr, "line %d: %d \"%s\", not %d \"%s\"\n", line, r, err.msg, code,
			says);
		check_failures++;
		book_free(b);
	}
}
#define CHECK_REFUSED(name, s, len, code, says) check_refused(__LINE__, name, s, len, code, says)

static void test_no_book(void)
{
	static const char empty[] = CONTAINER OPF(ITEM("a"), REF("a")) "@@ OPS/a.xhtml\n\1\2\3\4\n";
	CLEANUP(buf_finish) struct buf zip = {0};
	struct book_options options = {.limits = book_limits_default};
	struct book *b = NULL;
	struct err err = {0};

	CHECK_REFUSED("x.txt", "", 0, -EBADMSG, "empty");
	CHECK_REFUSED("x.epub", "%PDF-1.4", 8, -EBADMSG, "a PDF");
	CHECK_REFUSED("x.epub", "\0\1\2\3\4", 5, -EBADMSG, "not a book");
	CHECK_REFUSED("x.epub", "PK\3\4 and no more", 16, -EBADMSG, "archive");
	pack(&zip, "@@ a.txt\nhello\n", 15);
	CHECK_REFUSED("x.zip", buf_str(&zip), zip.len, -EBADMSG, "not an EPUB");
	buf_clear(&zip);
	pack(&zip, empty, sizeof(empty) - 1);
	CHECK_REFUSED("x.epub", buf_str(&zip), zip.len, -EBADMSG,
		      "no text of the book can be read: OPS/a.xhtml is not text and was left out");
	CHECK_INT(book_read(&b, "/nowhere/at/all.epub", &options, &err), -ENOENT);
	CHECK_INT(book_read(&b, "/dev/null", &options, &err), -EBADMSG);
}

static void test_limits(void)
{
	CLEANUP(buf_finish) struct buf zip = {0};
	CLEANUP(book_free_cleanup) struct book *b = NULL;
	struct book_options options = {.limits = book_limits_default};
	struct err err = {0};
	static const char spec[] = CONTAINER OPF(ITEM("a") ITEM("b"), REF("a") REF("b"))
		DOC("a", "<p>a</p>") DOC("b", "<p>A longer text that is past the limit, which is "
					      "small: but the rest of the book is read.</p>");

	pack(&zip, spec, sizeof(spec) - 1);
	options.limits.entries = 3;
	CHECK_INT(book_read_memory(&b, zip.data, zip.len, "x.epub", &options, &err), -EFBIG);
	options.limits.entries = 4;
	options.limits.text_bytes = 440;
	CHECK_INT(book_read_memory(&b, zip.data, zip.len, "x.epub", &options, &err), 0);
	options.limits.total_bytes = 40;
	CHECK(b && b->chapter_count == 2);
	b = book_free(b);
	CHECK_INT(book_read_memory(&b, zip.data, zip.len, "x.epub", &options, &err), -EFBIG);
}

static void test_names(void)
{
	CLEANUP(book_free_cleanup)
	struct book *b =
		read_epub(CONTAINER OPF(ITEM("a"), REF("a"))
				  DOC("a", "<p>a</p>") "@@ ../../evil\nx\n@@ /etc/./x\ny\n@@ "
						       "win\\dos\nz\n@@ OPS/a.xhtml\ntwice\n"
						       "@@ OPS\nfile\n@@ win\nfile\n@@ folder/\n\n",
			  0);
	static const char *const want[] = {"META-INF/container.xml",
					   "OPS/c.opf",
					   "OPS/a.xhtml",
					   "__/__/evil",
					   "etc/x",
					   "win/dos",
					   "OPS/a.xhtml~2",
					   "OPS~2",
					   "win~2"};

	CHECK(b && b->file_count == ARRAY_LEN(want));
	for (size_t i = 0; b && i < b->file_count && i < ARRAY_LEN(want); i++)
		CHECK_STR(b->files[i].name, want[i]);
	if (b && b->chapter_count)
		CHECK_STR(b->chapters[0].text, "a\n");
}

static void test_kind_names(void)
{
	enum book_kind kind;
	enum book_role role;

	CHECK_STR(book_kind_name(BOOK_BACK), "back");
	CHECK_INT(book_kind_parse(&kind, "front"), 0);
	CHECK_INT(kind, BOOK_FRONT);
	CHECK_INT(book_kind_parse(&kind, "side"), -EINVAL);
	CHECK_INT(book_role_parse(&role, book_role_name(ROLE_SECTION)), 0);
	CHECK_INT(role, ROLE_SECTION);
}

int main(void)
{
	test_kind_names();
	test_blocks();
	test_inline();
	test_malformed();
	test_linear();
	test_parts();
	test_sections();
	test_anchors();
	test_order();
	test_same_place();
	test_matter();
	test_ncx();
	test_headings();
	test_pages();
	test_page_labels();
	test_plain_text();
	test_markdown();
	test_html();
	test_encodings();
	test_no_book();
	test_limits();
	test_names();
	return check_result();
}
