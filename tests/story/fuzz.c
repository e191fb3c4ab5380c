/* SPDX-License-Identifier: MIT */
#include "fuzz.h"
#include "story.h"

static const char chapter[] =
	"# Nine\n\n\xe2\x80\x9cLook,\xe2\x80\x9d said _Anna_, \xe2\x80\x9cthe griffin\xe2\x80\x99s "
	"wings!\xe2\x80\x9d The light\nwas gold \xe2\x80\x94 and the tower\n\n> stood "
	"black\xe2\x80\xa6\n";

/* What stands before the first NUL, as a string, and what stands behind it. */
struct halves {
	char *first;
	const char *second;
	size_t second_len;
};

static void split(struct halves *out, const char *s, size_t len)
{
	const char *nul = len ? memchr(s, '\0', len) : NULL;
	size_t n = nul ? (size_t)(nul - s) : len;

	out->first = xstrndup(s, n);
	out->second = nul ? nul + 1 : s + len;
	out->second_len = nul ? len - n - 1 : 0;
}

/* Encoding is canonical: what is decoded from it encodes to the same bytes. */
static void check_round_trip(const struct analysis *a)
{
	CLEANUP(analysis_free_cleanup) struct analysis *b = NULL;
	CLEANUP(buf_finish) struct buf one = {0}, two = {0};
	struct err err = {0};

	FUZZ_HOLDS(analysis_encode(&one, a) == 0);
	FUZZ_HOLDS(utf8_valid(buf_str(&one), one.len));
	FUZZ_HOLDS(analysis_decode(&b, buf_str(&one), one.len, &err) == 0);
	FUZZ_HOLDS(analysis_encode(&two, b) == 0);
	FUZZ_HOLDS(one.len == two.len && !memcmp(one.data, two.data, one.len));
	for (size_t i = 0; i < b->concept_count; i++) {
		char hash[HASH_HEX], again[HASH_HEX];
		const struct concept *c = analysis_scene(b, a->concepts[i].scene);

		FUZZ_HOLDS(c == &b->concepts[i]);
		concept_hash(hash, c);
		concept_hash(again, &a->concepts[i]);
		FUZZ_HOLDS(!strcmp(hash, again));
	}
}

/* Whatever scenes say, a style is proposed that says something. */
static void check_proposal(const struct analysis *a)
{
	CLEANUP(buf_finish) struct buf style = {0}, line = {0};

	FUZZ_HOLDS(style_propose(&style, &a, 1) == 0);
	FUZZ_HOLDS(style_line(&line, buf_str(&style), 4096) == 0);
	FUZZ_HOLDS(!strncmp(buf_str(&line), "Medium: ", 8));
	FUZZ_HOLDS(strstr(buf_str(&line), "Avoid: ") != NULL);
}

static void check_quote(const struct quote *q, const char *text, size_t len)
{
	if (q->offset == QUOTE_NOT_FOUND)
		return;
	FUZZ_HOLDS(q->offset <= len && q->len <= len - q->offset);
	FUZZ_HOLDS(!strncmp(text + q->offset, q->text, q->len));
}

static void fuzz_parse(const char *s, size_t len)
{
	CLEANUP(analysis_free_cleanup) struct analysis *a = NULL;
	struct err err = {0};
	struct halves h;

	split(&h, s, len);
	const char *text = h.second_len ? h.second : chapter;
	size_t text_len = h.second_len ? h.second_len : strlen(chapter);
	int r = analysis_parse(&a, h.first, strlen(h.first), text, text_len, &err);
	FUZZ_HOLDS(r == 0 || (r == -EBADMSG && err.msg[0] && !strchr(err.msg, '\n')));
	for (size_t i = 0; a && i < a->concept_count; i++)
		check_quote(&a->concepts[i].quote, text, text_len);
	for (size_t i = 0; a && i < a->element_count; i++) {
		for (size_t k = 0; k < a->elements[i].quote_count; k++)
			check_quote(&a->elements[i].quotes[k], text, text_len);
	}
	/* Text that is not UTF-8 comes back as it is, and is mended by the encoder. */
	if (a && utf8_valid(text, text_len) && !memchr(text, '\0', text_len))
		check_round_trip(a);
	free(h.first);
}

static const char *page_label(void *arg, const struct appearance *a)
{
	(void)arg;
	return a->quote->page;
}

/* Of an entry, NUL, and what somebody made of its document: no fault without a reason. What was not
 * edited says nothing. The entry is the first of an analysis in the store's form. */
static void fuzz_element(const char *s, size_t len)
{
	CLEANUP(analysis_free_cleanup) struct analysis *a = NULL;
	CLEANUP(catalogue_free_cleanup) struct catalogue *c = NULL;
	CLEANUP(buf_finish) struct buf out = {0};
	CLEANUP(corrections_finish) struct corrections list = {0}, none = {0};
	const struct catalogue_entry *e = NULL;
	struct err err = {0};
	struct halves h;

	split(&h, s, len);
	if (analysis_decode(&a, h.first, strlen(h.first), NULL) == 0) {
		const struct analysis *const all[] = {a};
		c = catalogue_new(all, &(int){1}, 1);
		e = c->len ? &c->entries[0] : NULL;
	}
	free(h.first);
	int r = element_document_read(&list, e, ELEMENT_PLACE, "Hall", h.second, h.second_len,
				      &err);
	FUZZ_HOLDS(r == 0 || (r == -EINVAL && err.msg[0] && !strchr(err.msg, '\n') && !list.len));
	if (!e)
		return;
	FUZZ_HOLDS(element_document(&out, e, page_label, NULL) == 0);
	FUZZ_HOLDS(utf8_valid(out.data, out.len));
	FUZZ_HOLDS(element_document_read(&none, e, e->type, e->file, out.data, out.len, &err) == 0);
	FUZZ_HOLDS(!none.len);
	catalogue_correct(c, &list);
}

static void fuzz_decode(const char *s, size_t len)
{
	CLEANUP(analysis_free_cleanup) struct analysis *a = NULL;
	struct err err = {0};
	int r = analysis_decode(&a, s, len, &err);

	FUZZ_HOLDS(r == 0 || (r == -EBADMSG && err.msg[0] && !strchr(err.msg, '\n')));
	if (a) {
		check_round_trip(a);
		check_proposal(a);
	}
}

/* A chapter's analysis in the store's form, NUL, and its scenes as somebody left them: what comes
 * of them is an analysis that the store takes, with each quote where it stands. */
static void fuzz_concepts(const char *s, size_t len)
{
	CLEANUP(analysis_free_cleanup) struct analysis *from = NULL, *a = NULL;
	struct concepts_edit edit = {9, NULL, chapter, strlen(chapter)};
	struct err err = {0};
	struct halves h;

	split(&h, s, len);
	if (analysis_decode(&from, h.first, strlen(h.first), NULL) == 0)
		edit.from = from;
	free(h.first);
	int r = concepts_document_read(&a, &edit, h.second, h.second_len, &err);
	FUZZ_HOLDS(r == 0 || (r == -EINVAL && !strncmp(err.msg, "line ", 5) && !a));
	FUZZ_HOLDS(err.code == r && !strchr(err.msg, '\n'));
	for (size_t i = 0; a && !from && i < a->concept_count; i++)
		check_quote(&a->concepts[i].quote, chapter, strlen(chapter));
	if (a)
		check_round_trip(a);
}

/* A path, NUL, and the file: chapters that were found give answers that are an answer's, or are
 * refused as one. */
static void fuzz_findings(const char *s, size_t len)
{
	CLEANUP(findings_finish) struct findings f = {0};
	struct halves h;

	split(&h, s, len);
	findings_picture(&f, h.first);
	findings_read(&f, h.first, h.second, h.second_len);
	for (size_t i = 0; i < f.chapter_count; i++) {
		CLEANUP(analysis_free_cleanup) struct analysis *a = NULL;
		CLEANUP(buf_finish) struct buf answer = {0};
		struct err err = {0};
		int r = finding_answer(&answer, &f.chapters[i]);

		FUZZ_HOLDS(r == 0 || r == -ENOENT || r == -EFBIG);
		if (r < 0)
			continue;
		r = analysis_parse(&a, buf_str(&answer), answer.len, chapter, strlen(chapter),
				   &err);
		FUZZ_HOLDS(r == 0 || (r == -EBADMSG && err.msg[0]));
	}
	free(h.first);
}

/* What is found is found again by its own words, there or before. */
static void fuzz_locate(const char *s, size_t len)
{
	struct halves h;
	size_t found = 0, again = 0;

	split(&h, s, len);
	size_t at = quote_locate(&found, h.second, h.second_len, h.first);
	if (at != QUOTE_NOT_FOUND) {
		FUZZ_HOLDS(found > 0 && at <= h.second_len && found <= h.second_len - at);
		CLEANUP(cleanup_free) char *slice = xstrndup(h.second + at, found);
		size_t before = quote_locate(&again, h.second, h.second_len, slice);
		FUZZ_HOLDS(strlen(slice) < found || before <= at);
	}
	free(h.first);
}

/* Of the chapter's cast, in the store's form, NUL, and an answer about it. */
static void fuzz_doubts(const char *s, size_t len)
{
	CLEANUP(analysis_free_cleanup) struct analysis *a = NULL;
	CLEANUP(catalogue_free_cleanup) struct catalogue *c = NULL;
	CLEANUP(doubts_finish) struct doubts doubts = {0};
	CLEANUP(corrections_finish) struct corrections said = {0};
	CLEANUP(buf_finish) struct buf prompt = {0};
	struct err err = {0};
	struct halves h;

	split(&h, s, len);
	int r = analysis_decode(&a, h.first, strlen(h.first), NULL);
	free(h.first);
	if (r < 0)
		return;
	c = catalogue_new(&(const struct analysis *){a}, &(int){1}, 1);
	catalogue_doubts(&doubts, c, &said, 40);
	FUZZ_HOLDS(prompt_doubts(&prompt, c, &doubts) == 0);
	r = doubts_answer(&said, c, &doubts, h.second, h.second_len, &err);
	FUZZ_HOLDS(r == 0 ? said.len <= doubts.len : r == -EBADMSG && err.msg[0] && !said.len);
	catalogue_correct(c, &said);
}

/* A style is one line of the prompt, within its bound and whole characters. */
static void fuzz_style(const char *s, size_t len)
{
	CLEANUP(cleanup_free) char *body = xstrndup(s, len);
	CLEANUP(buf_finish) struct buf out = {0};
	size_t max = len % 97;

	FUZZ_HOLDS(style_line(&out, body, max) == 0);
	FUZZ_HOLDS(out.len <= max && !strchr(buf_str(&out), '\n'));
	FUZZ_HOLDS(!utf8_valid(body, strlen(body)) || utf8_valid(buf_str(&out), out.len));
}

/* Each id has one spelling. */
static void fuzz_concept_id(const char *s, size_t len)
{
	CLEANUP(cleanup_free) char *id = xstrndup(s, len);
	char again[CONCEPT_ID_BYTES];
	int of, scene;

	if (concept_id_parse(&of, &scene, id) < 0)
		return;
	FUZZ_HOLDS(of > 0 && scene > 0);
	concept_id(again, of, scene);
	FUZZ_HOLDS(!strcmp(again, id));
}

static const struct fuzz_target targets[] = {
	{"analysis_parse", fuzz_parse}, {"analysis_decode", fuzz_decode},
	{"quote_locate", fuzz_locate},	{"concept_id", fuzz_concept_id},
	{"findings", fuzz_findings},	{"element", fuzz_element},
	{"concepts", fuzz_concepts},	{"style", fuzz_style},
	{"doubts", fuzz_doubts},
};
FUZZ_MAIN(targets)
