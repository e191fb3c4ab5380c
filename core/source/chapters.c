/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "cutter.h"

/*
 * Every place where something begins is a boundary: an entry of the contents; a document of front
 * or back matter that the contents do not name; a non-linear document; the licence of Project
 * Gutenberg. Boundaries are put in the order of the text. What lies between two of them is a
 * boundary's own text, and its extent goes on to the next boundary that is not within it. From
 * these two lengths the rule gives each entry its role; then the text is cut at those boundaries
 * that begin a chapter. Text before all of them is front matter.
 */

#define PART_OWN_WORDS 200
#define PART_CHILD_WORDS 800
#define TITLE_PAGE_WORDS 200

/* ---- measuring */

static bool is_dense(uint32_t cp)
{
	return (cp >= 0x3040 && cp < 0xa000) || (cp >= 0xf900 && cp < 0xfb00) ||
	       (cp >= 0x20000 && cp < 0x40000) || (cp >= 0xe00 && cp < 0xe80) /* Thai */;
}

int64_t text_measure(const char *s, size_t len)
{
	const char *end = s + len;
	int64_t words = 0, dense = 0;
	bool inside = false;

	while (s < end) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x80) {
			words += !inside && c > ' ';
			inside = c > ' ';
			s++;
			continue;
		}
		if (is_dense(utf8_next(&s, end))) {
			dense++;
			inside = false;
			continue;
		}
		words += !inside;
		inside = true;
	}
	return words + dense / 2;
}

int64_t cutter_measure(const struct cutter *k, size_t from, size_t to)
{
	return to > from ? text_measure(buf_str(&k->flow->text) + from, to - from) : 0;
}

bool cutter_is_blank(const struct cutter *k, size_t from, size_t to)
{
	const char *s = buf_str(&k->flow->text);

	for (; from < to; from++)
		if ((unsigned char)s[from] > ' ')
			return false;
	return true;
}

/* ---- the entries as a tree */

static void build_tree(struct cutter *k)
{
	struct contents *c = k->contents;
	int *stack = xcalloc(c->count + 1, sizeof(*stack)), depth = 0;

	for (size_t i = 0; i < c->count; i++) {
		struct node *n = &k->nodes[i];

		while (depth && c->entries[stack[depth - 1]].depth >= c->entries[i].depth)
			depth--;
		n->parent = depth ? stack[depth - 1] : -1;
		n->boundary = -1;
		n->last = (int)i;
		if (depth)
			k->nodes[stack[depth - 1]].children++;
		stack[depth++] = (int)i;
	}
	for (size_t i = c->count; i-- > 0;)
		if (k->nodes[i].parent >= 0 && k->nodes[k->nodes[i].parent].last < k->nodes[i].last)
			k->nodes[k->nodes[i].parent].last = k->nodes[i].last;
	free(stack);
}

bool cutter_is_within(const struct cutter *k, int entry, int ancestor)
{
	return entry != NO_ENTRY && entry >= ancestor && entry <= k->nodes[ancestor].last;
}

/* ---- roles */

static void measure_entries(struct cutter *k)
{
	size_t count = k->bound_count;
	int64_t total =
		count ? k->bounds[count - 1].words_before +
				cutter_measure(k, k->bounds[count - 1].offset, k->flow->text.len)
		      : 0;

	for (size_t i = 0; i < count; i++) {
		int entry = k->bounds[i].entry;
		size_t next = i + 1;

		if (entry == NO_ENTRY)
			continue;
		k->nodes[entry].own = (next < count ? k->bounds[next].words_before : total) -
				      k->bounds[i].words_before;
		while (next < count && cutter_is_within(k, k->bounds[next].entry, entry))
			next++;
		k->nodes[entry].extent = (next < count ? k->bounds[next].words_before : total) -
					 k->bounds[i].words_before;
	}
}

static bool is_part(const struct cutter *k, int entry)
{
	const struct node *n = &k->nodes[entry];
	int64_t words = 0;

	if (n->own >= PART_OWN_WORDS || !n->children)
		return false;
	if (k->options->depth) /* chapters go down to the depth that was asked for */
		return true;
	for (int i = entry + 1; i <= n->last; i = k->nodes[i].last + 1)
		words += k->nodes[i].extent;
	return words >= (int64_t)n->children * PART_CHILD_WORDS;
}

/* A single entry that holds all others is the book itself. */
static bool is_book(const struct cutter *k)
{
	return !k->options->depth && k->contents->count > 1 &&
	       k->nodes[0].last == (int)k->contents->count - 1 &&
	       k->contents->entries[0].depth >= 0;
}

static void give_roles(struct cutter *k)
{
	struct contents *c = k->contents;
	int inside = -1; /* the chapter whose sections we are among */

	for (int i = 0; i < (int)c->count; i++) {
		struct node *n = &k->nodes[i];
		int level = c->entries[i].depth + 1;

		if (inside >= 0 && i <= k->nodes[inside].last) {
			n->role = ROLE_SECTION;
			continue;
		}
		inside = -1;
		if (i == 0 && is_book(k)) {
			n->role = ROLE_FRONT;
			continue;
		}
		if (n->children && (!k->options->depth || level < k->options->depth) &&
		    is_part(k, i)) {
			n->role = ROLE_PART;
			continue;
		}
		n->role = ROLE_CHAPTER;
		if (!k->options->depth || level >= k->options->depth)
			inside = i;
	}
}

/* ---- cutting */

/* Blank lines at the ends of a range are nobody's. */
static struct chapter_range trimmed(const struct flow *f, size_t start, size_t end)
{
	const char *s = buf_str(&f->text);

	while (end > start && (unsigned char)s[end - 1] <= ' ')
		end--;
	for (size_t at = start; at < end && (unsigned char)s[at] <= ' '; at++)
		if (s[at] != ' ') /* the first line's indent stays */
			start = at + 1;
	return (struct chapter_range){start, end};
}

static int add_chapter(struct cutter *k, size_t start, int entry, size_t bound, const char *title)
{
	struct book *b = k->book;
	size_t n = b->chapter_count, cap = k->range_cap;

	if (n)
		k->ranges[n - 1].end = start;
	k->ranges = xgrow(k->ranges, &k->range_cap, n + 1, sizeof(*k->ranges));
	if (k->range_cap != cap)
		b->chapters = reallocarray(b->chapters, k->range_cap, sizeof(*b->chapters));
	k->chapter_entry =
		xgrow(k->chapter_entry, &k->chapter_entry_cap, n + 1, sizeof(*k->chapter_entry));
	k->chapter_bound =
		xgrow(k->chapter_bound, &k->chapter_bound_cap, n + 1, sizeof(*k->chapter_bound));
	k->ranges[n] = (struct chapter_range){start, k->flow->text.len};
	k->chapter_entry[n] = entry;
	k->chapter_bound[n] = bound;
	b->chapters[n] = (struct book_chapter){.title = xstrdup(title ? title : "")};
	return (int)++b->chapter_count;
}

/* A part's own text is kept back and opens the chapter that comes next. */
static void cut(struct cutter *k)
{
	size_t kept = NO_OFFSET;
	int part = NO_ENTRY;
	size_t part_bound = 0;

	for (size_t i = 0; i < k->bound_count; i++) {
		const struct boundary *b = &k->bounds[i];
		struct node *n = b->entry == NO_ENTRY ? NULL : &k->nodes[b->entry];
		size_t start = kept != NO_OFFSET ? kept : b->offset;
		int count = (int)k->book->chapter_count;

		if (n && n->role == ROLE_PART) {
			if (kept == NO_OFFSET) {
				kept = b->offset;
				part = b->entry;
				part_bound = i;
			}
			continue;
		}
		if (n && n->role == ROLE_SECTION && count && kept == NO_OFFSET) {
			n->chapter = count;
			continue;
		}
		if (n && n->role == ROLE_FRONT && n->own == 0)
			continue; /* the book itself, without a word of its own */
		if (n && count && kept == NO_OFFSET && k->chapter_entry[count - 1] != NO_ENTRY &&
		    k->ranges[count - 1].start == b->offset &&
		    k->chapter_entry[count - 1] != n->parent) {
			n->role = ROLE_SECTION; /* two entries, one place */
			n->chapter = count;
			continue;
		}
		count = add_chapter(k, start, b->entry, i,
				    n ? k->contents->entries[b->entry].title : b->title);
		if (n)
			n->chapter = count;
		kept = NO_OFFSET;
	}
	if (kept != NO_OFFSET && !cutter_is_blank(k, kept, k->flow->text.len))
		add_chapter(k, kept, part, part_bound, k->contents->entries[part].title);
}

/* ---- kinds */

static bool is_file_name(const char *title)
{
	size_t len = strlen(title);

	return (len > 6 && !strcmp(title + len - 6, ".xhtml")) ||
	       (len > 5 && !strcmp(title + len - 5, ".html")) ||
	       (len > 4 && !strcmp(title + len - 4, ".htm"));
}

/* A chapter that the contents name after its file, or not at all, is called as its heading. */
static void better_title(struct cutter *k, size_t i)
{
	struct book_chapter *c = &k->book->chapters[i];
	const struct flow *f = k->flow;

	if (*c->title && !is_file_name(c->title))
		return;
	for (size_t h = flow_heading_from(f, k->ranges[i].start);
	     h < f->heading_count && f->headings[h].offset < k->ranges[i].end; h++)
		if (*f->headings[h].title) {
			free(c->title);
			c->title = xstrdup(f->headings[h].title);
			return;
		}
}

static bool is_title_page(const struct cutter *k, size_t i)
{
	char a[160], b[160];

	matter_fold(a, sizeof(a), k->book->chapters[i].title);
	matter_fold(b, sizeof(b), k->book->title);
	return i < 3 && *a && !strcmp(a, b) && k->book->chapter_count > 2 &&
	       cutter_measure(k, k->ranges[i].start, k->ranges[i].end) < TITLE_PAGE_WORDS;
}

static enum matter_kind chapter_matter(struct cutter *k, size_t i)
{
	int entry = k->chapter_entry[i];
	enum matter_kind kind = MATTER_NONE;
	size_t start = k->ranges[i].start;

	if (entry == NO_ENTRY)
		return k->bounds[k->chapter_bound[i]].matter;
	if (k->nodes[entry].role == ROLE_FRONT)
		return MATTER_FRONT;
	/* The text that a part put before it says nothing of the chapter. */
	if (k->nodes[entry].boundary >= 0)
		start = k->bounds[k->nodes[entry].boundary].offset;
	kind = cutter_matter(k, start, k->ranges[i].end, k->contents->entries[entry].title);
	for (int up = k->nodes[entry].parent; kind == MATTER_NONE && up >= 0;
	     up = k->nodes[up].parent)
		if (k->nodes[up].role == ROLE_PART) {
			kind = matter_of_title(k->contents->entries[up].title);
			kind = cutter_settled(kind, MATTER_NONE, start, k->flow->text.len);
		}
	if (kind == MATTER_NONE && is_title_page(k, i))
		kind = MATTER_FRONT;
	return kind;
}

static void give_kinds(struct cutter *k)
{
	for (size_t i = 0; i < k->book->chapter_count; i++) {
		enum matter_kind m = chapter_matter(k, i);
		int entry = k->chapter_entry[i];
		struct book_chapter *c = &k->book->chapters[i];

		c->kind = m == MATTER_FRONT  ? BOOK_FRONT
			  : m == MATTER_BACK ? BOOK_BACK
					     : BOOK_STORY;
		better_title(k, i);
		if (entry != NO_ENTRY && k->nodes[entry].role == ROLE_CHAPTER)
			k->nodes[entry].role = c->kind == BOOK_FRONT  ? ROLE_FRONT
					       : c->kind == BOOK_BACK ? ROLE_BACK
								      : ROLE_CHAPTER;
	}
}

/* ---- results */

/* Entries without a chapter of their own: a part is in its first chapter. */
static void place_parts(struct cutter *k)
{
	for (size_t i = k->contents->count; i-- > 0;) {
		int parent = k->nodes[i].parent;

		if (parent >= 0 && k->nodes[i].chapter &&
		    (!k->nodes[parent].chapter || (k->nodes[parent].role == ROLE_PART &&
						   k->nodes[parent].chapter > k->nodes[i].chapter)))
			k->nodes[parent].chapter = k->nodes[i].chapter;
	}
}

static const char *entry_in(const struct cutter *k, size_t i)
{
	const struct node *n = &k->nodes[i];

	if (n->role == ROLE_SECTION && n->chapter)
		return k->book->chapters[n->chapter - 1].title;
	for (int up = n->parent; up >= 0; up = k->nodes[up].parent)
		if (k->nodes[up].role == ROLE_PART)
			return n->role == ROLE_PART ? NULL : k->contents->entries[up].title;
	return NULL;
}

static void fill_contents(struct cutter *k)
{
	struct book *b = k->book;

	place_parts(k);
	b->content_count = k->contents->count;
	b->contents = xcalloc(b->content_count, sizeof(*b->contents));
	for (size_t i = 0; i < b->content_count; i++)
		b->contents[i] = (struct book_entry){
			.title = xstrdup(k->contents->entries[i].title),
			.depth = k->contents->entries[i].depth,
			.chapter = k->nodes[i].chapter,
			.role = k->nodes[i].role,
			.in = xstrdup(entry_in(k, i)),
		};
}

static size_t copy_text(char *to, const char *s, size_t len)
{
	size_t n = 0;

	for (const char *end = s + len; s < end;) {
		const char *stop = memchr(s, FLOW_DOC, (size_t)(end - s));
		size_t run = (size_t)((stop ? stop : end) - s);

		memcpy(to + n, s, run);
		n += run;
		s += run + (stop != NULL);
	}
	return n;
}

int chapters_fill(struct book *b, const struct flow *f, struct chapter_range *ranges,
		  struct err *err)
{
	const char *s = buf_str(&f->text);

	for (size_t i = 0; i < b->chapter_count; i++) {
		struct chapter_range r = trimmed(f, ranges[i].start, ranges[i].end);
		struct book_chapter *c = &b->chapters[i];
		struct hash *hash = hash_new();
		size_t len = r.end - r.start;

		ranges[i] = r;
		c->text = malloc(len + 2);
		if (!c->text) {
			hash_free(hash);
			return err_set(err, -ENOMEM, "out of memory");
		}
		len = copy_text(c->text, s + r.start, len);
		if (len)
			c->text[len++] = '\n';
		c->text[len] = '\0';
		c->text_bytes = len;
		c->words = utf8_words(c->text, len);
		b->words += c->words;
		hash_add(hash, c->text, len);
		hash_hex(c->text_hash, hash);
		hash_free(hash);
	}
	pages_assign(b, f, ranges);
	return 0;
}

int chapters_cut(struct book *b, struct flow *f, struct contents *c,
		 const struct book_options *options, struct err *err)
{
	struct cutter k = {.book = b, .flow = f, .contents = c, .options = options};
	int r;

	k.nodes = xcalloc(c->count + 1, sizeof(*k.nodes));
	build_tree(&k);
	cutter_find_boundaries(&k);
	measure_entries(&k);
	give_roles(&k);
	cut(&k);
	give_kinds(&k);
	fill_contents(&k);
	r = chapters_fill(b, f, k.ranges, err);
	for (size_t i = 0; i < k.bound_count; i++)
		free(k.bounds[i].title);
	free(k.nodes);
	free(k.bounds);
	free(k.landmarks);
	free(k.ranges);
	free(k.chapter_entry);
	free(k.chapter_bound);
	return r;
}
