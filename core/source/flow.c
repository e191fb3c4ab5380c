/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "flow.h"

/* All the text of a book that is kept. The limit of one document is book_limits' business. */
#define FLOW_BYTES ((size_t)128 << 20)
#define LABEL_BYTES 64
/* Every chapter looks through the marks of its document. */
#define MARKS_MAX 10000
/* More than any book has; what is past it is text without being a heading or a page. */
#define HEADINGS_MAX 100000
#define PAGES_MAX 100000
#define TITLE_BYTES 1000

struct flow *flow_new(void)
{
	struct flow *f = xcalloc(1, sizeof(*f));

	f->text.max_bytes = FLOW_BYTES;
	return f;
}

struct flow *flow_free(struct flow *f)
{
	if (!f)
		return NULL;
	for (size_t i = 0; i < f->doc_count; i++) {
		free(f->docs[i].path);
		free(f->docs[i].title);
	}
	for (size_t i = 0; i < f->heading_count; i++)
		free(f->headings[i].title);
	for (size_t i = 0; i < f->page_count; i++)
		free(f->pages[i].label);
	for (size_t i = 0; i < f->target_count; i++) {
		free(f->targets[i].path);
		free(f->targets[i].fragment);
	}
	free(f->docs);
	free(f->headings);
	free(f->marks);
	free(f->pages);
	free(f->targets);
	free(f->met);
	symbols_finish(&f->wanted);
	buf_finish(&f->text);
	free(f);
	return NULL;
}

static struct flow_target *lookup(struct flow *f, const char *path, const char *fragment)
{
	size_t number = symbols_get(&f->wanted, path, fragment);

	return number ? &f->targets[number - 1] : NULL;
}

size_t flow_want(struct flow *f, const char *path, const char *fragment)
{
	struct flow_target *t = lookup(f, path, fragment);

	if (t)
		return (size_t)(t - f->targets);
	f->targets = xgrow(f->targets, &f->target_cap, f->target_count + 1, sizeof(*f->targets));
	f->targets[f->target_count++] = (struct flow_target){
		.path = xstrdup(path), .fragment = xstrdup(fragment), .offset = NO_OFFSET};
	symbols_set(&f->wanted, path, fragment, f->target_count);
	return f->target_count - 1;
}

void flow_doc_begin(struct flow *f, const char *path, bool linear)
{
	buf_addc(&f->text, FLOW_DOC);
	f->docs = xgrow(f->docs, &f->doc_cap, f->doc_count + 1, sizeof(*f->docs));
	f->docs[f->doc_count++] = (struct flow_doc){
		.path = xstrdup(path),
		.linear = linear,
		.start = f->text.len,
		.end = f->text.len,
		.first_heading = f->heading_count,
		.first_page = f->page_count,
		.first_mark = f->mark_count,
	};
	f->met_count = 0;
}

void flow_doc_end(struct flow *f)
{
	f->docs[f->doc_count - 1].end = f->text.len;
}

void flow_doc_restart(struct flow *f)
{
	struct flow_doc *doc = &f->docs[f->doc_count - 1];

	free(doc->title);
	doc->title = NULL;
	f->text.len = doc->start;
	while (f->heading_count > doc->first_heading)
		free(f->headings[--f->heading_count].title);
	while (f->page_count > doc->first_page)
		free(f->pages[--f->page_count].label);
	f->mark_count = doc->first_mark;
	while (f->met_count)
		f->targets[f->met[--f->met_count]].exact = false;
}

bool flow_meet(size_t *target, struct flow *f, const char *id, size_t offset)
{
	struct flow_target *t = *id ? lookup(f, f->docs[f->doc_count - 1].path, id) : NULL;

	if (!t || t->exact)
		return false;
	t->offset = offset;
	t->exact = true;
	*target = (size_t)(t - f->targets);
	f->met = xgrow(f->met, &f->met_cap, f->met_count + 1, sizeof(*f->met));
	f->met[f->met_count++] = *target;
	return true;
}

void flow_add_heading(struct flow *f, size_t offset, int level, const char *title, size_t len)
{
	if (f->heading_count >= HEADINGS_MAX)
		return;
	f->headings =
		xgrow(f->headings, &f->heading_cap, f->heading_count + 1, sizeof(*f->headings));
	f->headings[f->heading_count++] = (struct flow_heading){
		.offset = offset, .level = level, .title = text_folded(title, len)};
}

/* Arabic, perhaps with a letter ("12a"), or Roman. */
static bool is_page_number(const char *s, size_t len)
{
	size_t digits = strspn(s, "0123456789"), roman = strspn(s, "ivxlcdmIVXLCDM");

	return len && (digits >= len || roman >= len ||
		       (digits && digits + 1 == len && isalpha((unsigned char)s[digits])));
}

/* What is printed around a number goes: "[Pg 9]", "Page 9", "p. 9" are page 9. What has no number
 * stays as it is. */
static void page_label_strip(char *label)
{
	static const char *const words[] = {"page", "pag", "pagina", "página", "pg",
					    "p",    "s",   "seite",  "str"};
	char *s = label + strspn(label, " [({"), *number = s;
	size_t len = strlen(s), word = 0, separators;

	while (len && strchr(" ])}.:,", s[len - 1]))
		len--;
	while (word < len && (isalpha((unsigned char)s[word]) || s[word] & 0x80))
		word++;
	separators = strspn(s + word, " ._:");
	/* "p9" is page 9, and "pxi" a word. */
	if (separators || isdigit((unsigned char)s[word]))
		for (size_t i = 0; i < ARRAY_LEN(words); i++)
			if (strlen(words[i]) == word && !strncasecmp(s, words[i], word))
				number = s + word + separators;
	if (number >= s + len || !is_page_number(number, (size_t)(s + len - number)))
		return;
	s[len] = '\0';
	memmove(label, number, strlen(number) + 1);
}

void flow_add_page(struct flow *f, size_t offset, const char *label)
{
	size_t len = strlen(label);
	char *own;

	if (f->page_count >= PAGES_MAX)
		return;
	own = text_folded(label, len < LABEL_BYTES ? len : LABEL_BYTES);
	page_label_strip(own);
	f->pages = xgrow(f->pages, &f->page_cap, f->page_count + 1, sizeof(*f->pages));
	f->pages[f->page_count++] = (struct flow_page){.offset = offset, .label = own};
}

size_t flow_open_mark(struct flow *f, size_t offset, struct matter matter)
{
	if (f->mark_count >= MARKS_MAX)
		return SIZE_MAX;
	f->marks = xgrow(f->marks, &f->mark_cap, f->mark_count + 1, sizeof(*f->marks));
	f->marks[f->mark_count++] =
		(struct flow_mark){.start = offset, .end = offset, .matter = matter};
	return f->mark_count - 1;
}

void flow_resolve(struct flow *f)
{
	for (size_t d = 0; d < f->doc_count; d++) {
		size_t number = symbols_get(&f->wanted, f->docs[d].path, "");
		struct flow_target *t = number ? &f->targets[number - 1] : NULL;

		if (number && t->offset == NO_OFFSET) {
			t->offset = f->docs[d].start;
			t->exact = true;
		}
	}
	for (size_t i = 0; i < f->target_count; i++) {
		struct flow_target *t = &f->targets[i], *doc;

		if (t->exact)
			continue;
		doc = lookup(f, t->path, "");
		t->offset = doc ? doc->offset : NO_OFFSET;
	}
}

const struct flow_doc *flow_doc_at(const struct flow *f, size_t offset)
{
	size_t low = 0, high = f->doc_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (f->docs[mid].start <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? &f->docs[low - 1] : NULL;
}

size_t flow_target_offset(struct flow *f, const char *path, const char *fragment)
{
	const struct flow_target *t = lookup(f, path, fragment);

	return t ? t->offset : NO_OFFSET;
}

size_t flow_heading_from(const struct flow *f, size_t offset)
{
	size_t low = 0, high = f->heading_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (f->headings[mid].offset < offset)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

char *text_folded(const char *s, size_t len)
{
	struct buf out = {.max_bytes = TITLE_BYTES + 8};
	const char *end = s + len;
	bool space = false;

	while (s < end && out.len < TITLE_BYTES) {
		const char *at = s;
		uint32_t cp = utf8_next(&s, end);
		char bytes[4];
		bool blank = cp <= 0x20 || cp == 0xa0 || cp == 0x85 || cp == 0x3000 ||
			     (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 ||
			     cp == 0x202f || cp == 0x205f;

		if (cp == 0xad || cp == 0xfeff || cp == 0x200b || cp == 0x2060 || cp == 0x7f ||
		    (cp > 0x7f && cp < 0xa0 && !blank))
			continue;
		if (!blank && space && out.len)
			buf_addc(&out, ' ');
		if (!blank)
			buf_add(&out, bytes, utf8_put(bytes, cp));
		space = blank || (space && s == at);
	}
	return buf_steal(&out, NULL);
}
