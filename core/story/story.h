/* SPDX-License-Identifier: MIT */
#ifndef STORY_H
#define STORY_H

/*
 * story: what an analysis is, how it is written as JSON and read back, the catalogue merged from
 * all chapters, where a name is mentioned, and the words that are sent to a provider. Pure
 * functions: no files, no network, no clock; the same input gives the same bytes on every machine
 * and in every locale.
 *
 * An analysis belongs to a chapter's text, not to its number or pages: places are byte offsets into
 * the text, and page labels are looked up when a file is made, so that a change in chapter 3 does
 * not make chapter 9's pages wrong.
 */

#include "base.h"

enum element_type {
	ELEMENT_CHARACTER,
	ELEMENT_CREATURE,
	ELEMENT_PLACE,
	ELEMENT_ITEM,
	ELEMENT_TYPES
};
const char *element_type_name(enum element_type t); /* "character" ... */
const char *element_type_folder(
	enum element_type t); /* "characters", "creatures", "places", "items" */
const char *element_type_title(enum element_type t);		  /* "Characters" ... */
int element_type_parse(enum element_type *out, const char *name); /* also "object"; -EINVAL */

#define QUOTE_NOT_FOUND SIZE_MAX
#define CONCEPT_ID_BYTES 32 /* "ch9_scene1" */
#define SCENE_MAX 9999	    /* the largest number of a scene */

/* A verbatim passage. offset QUOTE_NOT_FOUND: it does not stand in the chapter ("quoteVerified":
 * false). */
struct quote {
	char *text;
	size_t offset, len; /* bytes in the chapter's text */
	char *page;	    /* as the provider said it, used only when offset is unknown; or NULL */
};

struct concept {
	int scene; /* its number in the chapter, 1..: its place when it was made, and kept when
		      others are struck out (ch9_scene3) */
	struct quote quote;
	char *description, *mood, *lighting; /* never NULL */
	struct strv elements;		     /* names seen in the scene */
};

struct element {
	enum element_type type;
	char *name, *description;
	struct strv aliases;
	struct quote *quotes;
	size_t quote_count, quote_cap;
	struct quote *looks; /* facts of how it looks, each in the chapter's own words, or none */
	size_t look_count, look_cap;
};

/* What a provider that counts (builtin) saw of one way to name somebody or something in a chapter.
 * It is kept beside the elements so that the catalogue can judge again by the whole book: a chapter
 * may know one Miss Hart only. */
enum sight {
	SIGHT_COUNT,	 /* times it stands there */
	SIGHT_INSIDE,	 /* of these, where its capital means something */
	SIGHT_SMALL,	 /* times the same word stands without a capital */
	SIGHT_ARTICLE,	 /* times behind "the" */
	SIGHT_TITLED,	 /* times with a title; of a noun that is no name: 1 */
	SIGHT_CHARACTER, /* votes for each type, in the types' order */
	SIGHT_CREATURE,
	SIGHT_PLACE,
	SIGHT_ITEM,
	SIGHT_NOTHING, /* votes for no element at all: a day, a people, an exclamation */
	SIGHT_MALE,
	SIGHT_FEMALE,
	SIGHTS
};
/* So a counting provider's description of an element begins whose looks the chapter does not tell.
 */
#define NO_LOOKS_TOLD "No looks told"
struct sighting {
	char *name;  /* as written, with its title: "Captain Ida Brand"; or a noun: "mule" */
	size_t bare; /* bytes of titles before the name itself */
	bool noun;   /* nobody's name */
	char *other; /* another way to name it that the text says is the same, or NULL */
	uint32_t n[SIGHTS];
};

struct analysis {
	struct concept *concepts;
	size_t concept_count, concept_cap;
	struct element *elements;
	size_t element_count, element_cap;
	struct sighting *sightings; /* or none */
	size_t sighting_count, sighting_cap;
	char *note; /* what a reader must know of how it was made ("extractive: ..."), or NULL */
	int64_t tokens;
};
struct analysis *analysis_new(void);
struct analysis *analysis_free(struct analysis *a);
DEFINE_CLEANUP(struct analysis, analysis_free)
struct concept *analysis_add_concept(
	struct analysis *a); /* zeroed, strings set to ""; borrowed until the next add */
/* The concept with that number, borrowed until the analysis changes; NULL: there is none. */
const struct concept *analysis_scene(const struct analysis *a, int scene);
struct element *analysis_add_element(struct analysis *a);
struct quote *element_add_quote(struct element *e);
struct quote *element_add_look(struct element *e);
struct sighting *analysis_add_sighting(struct analysis *a);
void analysis_set(char **field, const char *value); /* replaces an owned string */

/* The store's form: everything, offsets included, canonical. Not for people. */
int analysis_encode(struct buf *out, const struct analysis *a);
int analysis_decode(struct analysis **out, const char *json, size_t len,
		    struct err *err); /* -EBADMSG */

/* What a provider answered (ai-http.md, "What bookfs asks and what it accepts"), validated; quotes
 * are located in the chapter's text with white space and quotation marks folded. -EBADMSG with the
 * fault in err. */
int analysis_parse(struct analysis **out, const char *json, size_t len, const char *text,
		   size_t text_len, struct err *err);
/* Finds quote in text, folding white space and quotation marks; QUOTE_NOT_FOUND, else the offset
 * and *len. */
size_t quote_locate(size_t *len, const char *text, size_t text_len, const char *quote);
/* The same for many quotes: the text, borrowed until folded_free, is made ready once. Linear in
 * both. NULL: no memory. */
struct folded;
struct folded *folded_new(const char *text, size_t len);
struct folded *folded_free(struct folded *f);
DEFINE_CLEANUP(struct folded, folded_free)
size_t folded_locate(size_t *len, const struct folded *f, const char *quote);

/* ---- names: which are one's, and what one is */

#define NO_GROUP SIZE_MAX
/* group[i]: the name that leads those of whom or what s[i] names (of itself its own index), or
 * NO_GROUP if that is nothing for a cast, or may be one of several. No two of equal name and kind
 * in s. whole: a book, where what is named once is nobody; else a chapter. */
void sightings_group(size_t *group, const struct sighting *s, size_t count, bool whole);
/* By the sums of a group's counts. */
enum element_type sights_type(const uint32_t n[SIGHTS]);

/* What names are compared by: lower case, typographic apostrophes straight, white space one blank,
 * no leading article "the". Owned. */
char *fold_name(const char *name);

/* ---- the catalogue: elements of all chapters, merged by name and alias
 * ---------------------------------------------- */

struct appearance { /* borrowed until the analyses go */
	int chapter;
	const struct quote *quote;
	const struct element *element; /* of the chapter: who tells it */
};
struct catalogue_entry {
	enum element_type type;
	char *name;
	char file[NAME_BYTES]; /* its name in elements/TYPE/ without ".md", unique there */
	struct strv aliases;
	struct strv descriptions; /* in order of first chapter, no one twice; with looks, the last
				     is all these in a row */
	struct appearance *described; /* of each description but that row: where it is from; its
					 quote may be NULL */
	size_t described_cap;
	struct appearance *looks; /* facts that no earlier one says, for descriptions with pages */
	size_t look_count, look_cap;
	struct appearance *appearances;
	size_t appearance_count, appearance_cap;
	int64_t mentions; /* where a provider counted; else the appearances */
	size_t first;	  /* its place in the order of first appearance */
	/* Set from what the store knows; the catalogue works without them. */
	char *said; /* how it looks by a person's word, in place of what analyses say; or NULL */
	char *look; /* its look line, fixed when it was first drawn; or NULL */
	char *look_source; /* the book of the series that the line is of; NULL: this one */
	int64_t look_id;
	char drawn_in[CONCEPT_ID_BYTES]; /* the first scene that was drawn with that look; "" none
					  */
};
struct catalogue {
	struct catalogue_entry *entries; /* by type, then by mentions (most first), then by name */
	size_t len, cap;
	struct name_index *names; /* which entries are called how: catalogue_find's */
};
/* analyses[i] belongs to chapter numbers[i]; they must outlive the catalogue. */
struct catalogue *catalogue_new(const struct analysis *const *analyses, const int *numbers,
				size_t count);
struct catalogue *catalogue_free(struct catalogue *c);
DEFINE_CLEANUP(struct catalogue, catalogue_free)

/* ---- corrections: what a person says of the catalogue, which no analysis overrules
 *
 * They hold by name, not by row: each is applied to the entry of that type that is called so or has
 * it for an alias (folded as names are), in the order in which they were said, whenever the
 * catalogue is merged. One whose entry is not there now waits until it is. */

enum correction_kind {
	CORRECTION_MERGE,	/* it and `to` are one, called `to` and of to_type */
	CORRECTION_RENAME,	/* it is called `to`; the old name stays an alias */
	CORRECTION_RETYPE,	/* it is of to_type */
	CORRECTION_SPLIT,	/* its alias `to` is another, of to_type, with what names it so */
	CORRECTION_ALIASES,	/* text: its aliases, one a line */
	CORRECTION_DESCRIPTION, /* text: how it looks; an entry that nobody found is made */
	CORRECTION_REMOVE,	/* it is nothing */
	CORRECTION_APART,	/* it and `to` are two: nobody asks again */
	CORRECTION_KINDS
};
struct correction {
	enum correction_kind kind;
	enum element_type type;
	char *name;
	enum element_type to_type;
	char *to;   /* or NULL */
	char *text; /* or NULL */
};
/* Zero-initialise; corrections_finish. */
struct corrections {
	struct correction *items;
	size_t len, cap;
};
struct correction *corrections_add(struct corrections *c, enum correction_kind kind,
				   enum element_type type, const char *name); /* to_type = type */
void corrections_move(struct corrections *out, struct corrections *from); /* all, behind out's */
void corrections_finish(struct corrections *c);
/* Afterwards the entries are in order and their file names unique again. */
void catalogue_correct(struct catalogue *c, const struct corrections *list);
/* The entry of that type with this name, else alias; else, as characters and creatures are one
 * kind, of the other of these. NO_ENTRY: there is none. In constant time. */
#define NO_ENTRY SIZE_MAX
size_t catalogue_find(const struct catalogue *c, enum element_type type, const char *name);

/* Entries that may be one by their names, of which nobody has said anything: what a provider is
 * asked about, once. Pairs of numbers of the catalogue; a is named more often. Zero-initialise;
 * doubts_finish. */
struct doubts {
	struct doubt {
		size_t a, b;
	} * items;
	size_t len, cap;
};
/* Those that matter most first, at most `most`. list: all corrections that stand. */
void catalogue_doubts(struct doubts *out, const struct catalogue *c, const struct corrections *list,
		      size_t most);
int prompt_doubts(struct buf *out, const struct catalogue *c, const struct doubts *d);
/* The verdicts as corrections to be stored: of each pair that was answered that they are one
 * (MERGE), or that they are left two (APART). -EBADMSG with the fault in err. */
int doubts_answer(struct corrections *out, const struct catalogue *c, const struct doubts *d,
		  const char *json, size_t len, struct err *err);
/* Which of the verdicts hold beside what is decided already: none of a pair of which something was
 * said. One that would make one, also by way of others, of two that are said to be two becomes that
 * its pair is left two. hold: [i]. */
void verdicts_judge(bool *hold, struct corrections *verdicts, const struct catalogue *c,
		    const struct corrections *decided);
void doubts_finish(struct doubts *d);

/* elements/characters/Ida.md, and what a person who edited it wants changed: name, type, aliases,
 * description; what else stands in it is not read. What was not changed, or is not there, makes no
 * correction; an empty field says that there is none. In any order, with any editor's line ends.
 * page: the label of the page where that stands, "15-17"; NULL or "": not known. *out as it was
 * after a fault. -EINVAL with the line and the reason. */
int element_document(struct buf *out, const struct catalogue_entry *e,
		     const char *(*page)(void *arg, const struct appearance *a), void *arg);
/* The same without its heading, for Elements.md. */
int element_section(struct buf *out, const struct catalogue_entry *e,
		    const char *(*page)(void *arg, const struct appearance *a), void *arg);
int element_document_read(struct corrections *out, const struct catalogue_entry *e, /* NULL: new */
			  enum element_type type, const char *name, const char *text, size_t len,
			  struct err *err);

/* chapters/9/concepts.json as a person left it, or the bare list of its scenes, as an analysis:
 * scenes by their id, or new ones numbered behind all that there were; elements and what was
 * counted are `from`'s (NULL: none). Quotes are located in the chapter's text. -EINVAL
 * with the line and the reason; with success err->code is 0, and err->msg names a field that is no
 * scene's and was not kept, or is "". */
struct concepts_edit {
	int chapter;
	const struct analysis *from;
	const char *text;
	size_t text_len;
};
int concepts_document_read(struct analysis **out, const struct concepts_edit *e, const char *json,
			   size_t len, struct err *err);
/* What of a scene goes into its picture; another one: the scene was edited. */
void concept_hash(char out[HASH_HEX], const struct concept *c);

/* ---- style: how all pictures of a book are drawn (style.md) */

/* Those to start from, by number; NULL past the end. */
struct style_preset {
	const char *name; /* "watercolour"; its file is NAME.md */
	const char *body; /* Markdown */
};
const struct style_preset *style_preset(size_t i);
const struct style_preset *style_preset_named(const char *name); /* NULL: there is none */
/* The words of a style for a prompt: headings, comments and list marks left out, one line, at most
 * max bytes, cut behind a word. */
int style_line(struct buf *out, const char *body, size_t max);
/* A style that suits what the first chapters' scenes are like, as Markdown to be edited. */
int style_propose(struct buf *out, const struct analysis *const *analyses, size_t count);
/* The same asked of a server, by the scenes, and by pictures that go along; and its answer as
 * Markdown. -EBADMSG with the fault in err. */
struct style_prompt {
	const char *book_title;
	const struct analysis *const *analyses;
	size_t count, pictures;
};
int prompt_style(struct buf *out, const struct style_prompt *p);
int style_answer(struct buf *out, const char *json, size_t len, size_t pictures, struct err *err);
/* What style.md says while there is none: how to set one, and the presets. */
int style_none(struct buf *out);

/* ---- mentions: who and what of the catalogue a text names */

struct mentioned {
	size_t entry;	    /* of the catalogue */
	size_t offset, len; /* bytes of the text */
};
struct mentions;
struct mentions *mentions_new(const struct catalogue *c); /* borrowed until mentions_free */
struct mentions *mentions_free(struct mentions *m);
DEFINE_CLEANUP(struct mentions, mentions_free)
/* Calls fn for each name or alias in the text, in order: whole words, of several that begin at one
 * the longest, none within another. A person's name with a capital is not found without. Linear in
 * the text; any thread. */
void mentions_find(const struct mentions *m, const char *text, size_t len,
		   void (*fn)(void *arg, const struct mentioned *what), void *arg);

/* ---- what other illustrators wrote (formats.md, "What import must read") */

struct finding {     /* a chapter of theirs */
	int number;  /* as they count; 0: not said. They count documents, without front matter. */
	char *title; /* or "" */
	char *concepts, *elements; /* JSON; NULL: none */
	int64_t tokens;
	int64_t completed_unix_ms; /* 0: not said */
};
struct found_picture { /* chapter and scene as they count */
	int chapter, scene;
	char *file;		   /* its name in their images/ or beside it; NULL: none was met */
	char *prompt;		   /* or NULL */
	int64_t completed_unix_ms; /* 0: not said */
};
/* Zero-initialise; findings_finish. */
struct findings {
	struct finding *chapters;
	size_t chapter_count, chapter_cap;
	struct found_picture *pictures;
	size_t picture_count, picture_cap;
	struct analysis *cast; /* the elements of the book as a whole; or NULL */
	struct strv notes;     /* what could not be read, a line each */
};
/* Takes in one file of theirs, by its path within their folder and its bytes, whatever they are.
 * What an earlier file told of a chapter stays, so the most exact come first: .analyze.state/ and
 * chapters/, .illustrate.state/, .imaginize.state.json, Chapters.md, Elements.md. */
void findings_read(struct findings *f, const char *path, const char *s, size_t len);
bool findings_picture(struct findings *f, const char *file); /* false: it is called like none */
void findings_finish(struct findings *f);
/* The chapter as analysis_parse takes it. -ENOENT: nothing was found of it. */
int finding_answer(struct buf *out, const struct finding *c);

/* ---- prompts */

#define PROMPT_VERSION 1

struct chapter_prompt {
	const char *book_title, *language, *chapter_title;
	int chapter, scenes;
	const char *text;
	size_t text_len;
	/* A person's own words in place of ours, or NULL. {book}, {title}, {chapter} (its number),
	 * {language}, {scenes} and {text} in them are filled in, once: what was put in is not
	 * looked through again. What the answer must look like, and the text if it is not in them,
	 * stand behind them. */
	const char *instructions;
};
int prompt_chapter(struct buf *out, const struct chapter_prompt *p);

/* A scene to be painted. Who is in it is found by their names, and each is told with the looks that
 * the whole book gives, most important first (prompt.c). */
struct scene_prompt {
	const char *book_title, *chapter_title;
	int chapter, scene;
	const struct concept *concept;
	const struct catalogue *catalogue; /* or NULL */
	const struct mentions *mentions;   /* of that catalogue; or NULL: made for this prompt */
	const char *around;		   /* the text about the passage; or NULL */
	size_t around_len;
	const char *style;     /* style.md; NULL or "": none */
	const size_t *present; /* scene_present's; NULL: found here */
	size_t present_count;
	const char *const *pictured; /* of whom a picture goes along, in their order */
	size_t pictured_count;
	size_t most_bytes; /* 0: no limit; else what matters least is left out first */
	/* A person's own words in place of ours, or NULL. {book}, {title}, {description}, {mood},
	 * {lighting}, {quote}, {style}, {looks} (a line each) and {prompt} (all of ours) in them
	 * are filled in, once. */
	const char *instructions;
};
#define SCENE_ELEMENTS 8
/* Who and what is in the scene, most important first, of the catalogue; how many. */
size_t scene_present(size_t entries[SCENE_ELEMENTS], const struct scene_prompt *p);
/* How one looks, as it is told in each of its pictures: the fixed line if there is one. */
int look_line(struct buf *out, const struct catalogue_entry *e);
int prompt_scene(struct buf *out, const struct scene_prompt *p);
/* One element by itself, by its look line. */
struct portrait_prompt {
	const char *book_title;
	const struct catalogue_entry *entry;
	const char *style; /* style.md; NULL or "": none */
	size_t most_bytes; /* as a scene's */
};
int prompt_portrait(struct buf *out, const struct portrait_prompt *p);
/* Was that prompt made by the look that the element has now? */
bool prompt_portrait_shows(const char *prompt, const struct catalogue_entry *e);

/* "ch9_scene1" <-> 9, 1. -EINVAL. */
void concept_id(char out[CONCEPT_ID_BYTES], int chapter, int scene);
int concept_id_parse(int *chapter, int *scene, const char *id);
/* Scenes asked of a chapter: max(1, pages / pages_per_image). */
int scenes_wanted(int64_t pages, int pages_per_image);

#endif
