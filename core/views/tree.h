/* SPDX-License-Identifier: MIT */
#ifndef TREE_H
#define TREE_H

/*
 * Private to views: what a node is, the table of kinds, and the state they are rendered from.
 *
 * A node id, from the low bits: kind 6, chapter 16, item 18, version 24. What the item counts is
 * the kind's own: a scene, a concept's serial number, a name of the catalogue, a file of the book's
 * archive. A folder within source/ keeps its depth where others keep a chapter.
 *
 * Versions. Everything that is shown follows from events, so a version is the number of the last
 * event that could have changed the bytes: each kind names the topic it follows, of its chapter or
 * of the whole book. Nothing is rendered to find out that nothing changed.
 */

#include <cjson/cJSON.h>

#include "source.h"
#include "story.h"
#include "views.h"

enum kind {
	KIND_NONE,
	KIND_ROOT,
	KIND_BOOK_JSON,
	KIND_STATUS_JSON,
	KIND_CONTENTS,
	KIND_CHAPTERS_MD,
	KIND_ELEMENTS_MD,
	KIND_PROGRESS,
	KIND_PROGRESS_ANALYZE,
	KIND_PROGRESS_ILLUSTRATE,
	KIND_STATE_JSON,
	KIND_CHAPTERS,
	KIND_CHAPTER,
	KIND_TITLE,
	KIND_TEXT,
	KIND_CONCEPTS,
	KIND_CHAPTER_ELEMENTS,
	KIND_CHAPTER_STATUS,
	KIND_CHAPTER_PROMPT,
	KIND_PROMPTS,
	KIND_PROMPT,
	KIND_CHAPTER_IMAGES,
	KIND_IMAGE_LINK,
	KIND_BY_TITLE,
	KIND_TITLE_LINK,
	KIND_ELEMENTS,
	KIND_ELEMENT_TYPE,
	KIND_ELEMENT,
	KIND_IMAGES,
	KIND_IMAGE,
	KIND_SOURCE,
	KIND_SOURCE_FOLDER,
	KIND_SOURCE_FILE,
	KIND_GALLERY,
	KIND_GALLERY_PAGE,
	KIND_ANALYZE_STATE,
	KIND_ANALYZE_CHAPTER,
	KIND_ANALYZE_MANIFEST,
	KIND_ILLUSTRATE_STATE,
	KIND_ILLUSTRATE_CONCEPT,
	KIND_ILLUSTRATE_MANIFEST,
	KIND_BOOKFS,
	KIND_CTL,
	KIND_WHY,
	KIND_WAITING,
	KIND_LOG,
	KIND_SEQ,
	KIND_EVENTS,
	KIND_EVENTS_LOG,
	KIND_LOCKS, /* what is in them is fs's */
	KIND_LOCKS_OLD,
	KIND_CHAPTER_LOCK,
	KIND_STYLE,
	KIND_PORTRAIT,
	KIND_APPROVED,
	KIND_STYLES,
	KIND_STYLE_PRESET,
	KIND_HISTORY,
	KINDS
};

#define VIEW_KINDS_MAX 61
enum { KIND_BITS = 6, CHAPTER_BITS = 16, ITEM_BITS = 18, VERSION_BITS = 24 };
#define CHAPTER_MAX ((1 << CHAPTER_BITS) - 1)
#define ITEM_MAX ((1 << ITEM_BITS) - 1)

struct ref {
	enum kind kind;
	int chapter, item;
	uint32_t version;
};
uint64_t ref_node(const struct ref *ref);
uint64_t ref_ino(const struct ref *ref); /* the version left out */

/* What a file follows. Each event moves one or more of them (views.c). */
enum topic {
	TOPIC_BOOK,	/* the import */
	TOPIC_ANALYSIS, /* the best analyses */
	TOPIC_PICTURES, /* the finished pictures, and the concepts they belong to */
	TOPIC_WORK,	/* every move of a job */
	TOPIC_CAST,	/* the catalogue, its portraits, the style */
	TOPIC_ANY,	/* every event */
	TOPICS
};

struct stamp {
	int64_t seq;
	int64_t time_unix_ms;
};

/* A picture the kernel may know the name of. */
struct shown {
	int64_t id; /* 0: it is gone */
	int scene;
	char ext[8];
};

struct chapter_state {
	struct stamp topics[TOPICS];
	bool analysis_known;
	int64_t analysis_id; /* 0: none */
	int64_t completed_unix_ms;
	char *outdated;			       /* why, or NULL */
	bool of_former;			       /* it is of an earlier text */
	uint32_t told_concepts, told_elements; /* versions told last; 0: the trigger */
	char *section;			       /* its part of Chapters.md, of section_seq */
	size_t section_len;
	int64_t section_seq;
	bool same_title;  /* another chapter is called the same */
	bool anew;	  /* imported with another text or title, which no event has moved yet */
	int64_t anew_seq; /* of the import that did so */
	struct shown *shown;
	size_t shown_len, shown_cap;
};

/* Names of elements, by number: "2/Wonderland" is a type and a file. */
#define KEY_BYTES (NAME_BYTES + 8)
struct names {
	struct strv list; /* [item] */
	uint32_t *slots;
	size_t slot_count;
	size_t told; /* items from here on views_changed has not spoken of */
};

/* The merged elements of all chapters, and the analyses they borrow from. */
struct cast {
	struct store_cast *kept;
	const struct catalogue *catalogue;	/* kept's; NULL: to be asked for */
	int64_t seq;				/* of TOPIC_CAST; 0: none is built */
	int *items;				/* of catalogue->entries[i]; -1: it has none */
	const struct catalogue_entry **entries; /* by item; NULL: not in the catalogue now */
	size_t entry_count;
};

/* The portraits there are, by the items of their elements' names. */
struct portrait {
	int64_t id, made_unix_ms;
	uint64_t size_bytes;
	int item;
	enum element_type type; /* of the element as it is now */
	char ext[8];
	bool drawn, outdated; /* by another look than the element has now */
};
struct portraits {
	struct portrait *items;
	size_t len, cap;
	int64_t seq; /* of TOPIC_CAST; 0: not read */
};

#define CACHE_BUCKETS 1024
#define MEMO_SLOTS 4096
struct entry {
	struct view_content content;
	uint64_t node;
	int64_t mtime_unix_ms;
	int64_t handed_boot_ms; /* its id was last given to somebody */
	bool linked;		/* in the cache; else freed at its last release */
	bool dropped;		/* leaves the cache at its last release */
	struct entry *chain;	/* of its bucket */
	struct entry *older, *newer;
};
struct cache {
	struct entry *buckets[CACHE_BUCKETS];
	struct entry *oldest, *newest; /* by use */
	size_t bytes;
	struct {
		uint64_t node, size_bytes;
	} memo[MEMO_SLOTS]; /* a node's size never changes */
};

/* An append-only file: what is rendered so far. */
#define GROWING_FILES 4
struct growing {
	struct entry *entry;
	int64_t seq; /* of the last event in it */
	int64_t generation;
};

struct load;

struct views {
	struct store *store;
	struct store_reader *reader;
	struct view_settings settings; /* its strings are owned */
	struct stat book_file;	       /* as it was when the mount began */
	struct book *book;
	int64_t generation;
	int64_t imported_unix_ms;
	struct chapter_state *chapters; /* [N - 1] */
	size_t chapter_count;		/* at most CHAPTER_MAX */
	struct strv told_links; /* [N - 1]: in by-title/ before the last import; "": no chapter N */
	struct strv told_names; /* the same, in chapters/ */
	struct strv moved;	/* names of the root that are in .bookfs/ */
	const struct book_file **files; /* sorted for source/ */
	size_t file_count;		/* at most ITEM_MAX */
	struct stamp topics[TOPICS];	/* of the whole book */
	struct stamp every[TOPICS];	/* of events that name no chapter */
	int64_t seq;			/* events up to here are in the stamps */
	int64_t told_seq;		/* and up to here were told by views_changed */
	struct cast cast;
	struct names names;
	struct portraits portraits;
	struct cache cache;
	struct growing growing[GROWING_FILES];
	struct load *loads;
	struct store_reader *load_reader; /* an idle one */
	struct book_archive *load_archive;
};

struct node {
	const char *name; /* NULL: many, by find and list */
	enum kind parent;
	enum view_class class;
	enum view_host host;
	enum topic topic;
	enum view_edit edit; /* what a person may do to it */
	bool of_chapter;     /* ref.chapter is one */
	bool hidden;	     /* reachable, not listed */
	bool volatile_list;
	bool scratch; /* a folder: editors may make files beside what they edit */
	/* Finds the child that is called so: fills its chapter and item. */
	int (*find)(struct ref *child, struct views *v, const struct ref *folder, const char *name);
	int (*list)(struct view_list *out, struct views *v, const struct ref *folder);
	/* What the row does not say: class, version, size, time. -ENOENT if it is not there. */
	int (*detail)(struct view_attr *attr, struct views *v, struct ref *ref);
	int (*render)(struct buf *out, struct views *v, const struct ref *ref);
	char *(*target)(struct views *v, const struct ref *ref);
};
extern const struct node view_nodes[KINDS];

/* tree.c */
int ref_decode(struct ref *out, uint64_t node);
uint32_t version_of(int64_t number); /* a change number or a row's id in the width of a version */
int ref_resolve(struct view_attr *out, struct views *v, struct ref *ref); /* all but the size */
int folder_decode(struct ref *out, struct views *v, uint64_t node);
int child_find(struct ref *out, struct views *v, const struct ref *folder, const char *name);
int view_list_add(struct view_list *l, struct views *v, const char *name, struct ref ref);

/* views.c */
int views_refresh(struct views *v);
struct stamp views_stamp(const struct views *v, enum topic topic, int chapter);
/* NULL: it has none of that number. A folder's chapters bring their numbers, and leave gaps. */
const struct book_chapter *views_chapter(const struct views *v, int chapter);
size_t views_chapters(const struct views *v); /* how many there are; chapter_count is the last */
struct chapter_state *views_analysis(struct views *v, int chapter); /* NULL: cannot be read */
char *views_outdated(const struct views *v, const struct store_analysis *a);

/* cache.c */
struct entry *cache_find(struct views *v, uint64_t node);
/* Takes data. The entry has no reference yet. */
struct entry *cache_add(struct views *v, uint64_t node, char *data, size_t len, int64_t mtime);
struct entry *cache_entry_new(uint64_t node, char *data, size_t len, int64_t mtime);
void cache_entry_release(struct views *v, struct entry *e);
void cache_handed(struct views *v, struct entry *e);
void cache_clear(struct views *v); /* what nobody holds */
bool cache_memo_size(uint64_t *size_bytes, const struct views *v, uint64_t node);
void cache_memo_set(struct views *v, uint64_t node, uint64_t size_bytes);

/* names.c: find, list and detail of the kinds that are many */
int chapters_find(struct ref *, struct views *, const struct ref *, const char *);
int chapters_list(struct view_list *, struct views *, const struct ref *);
/* What a chapter goes by: a number, or "front-1". */
void chapter_name(char out[NAME_BYTES], const struct views *v, int chapter);
cJSON *chapter_name_json(const struct views *v, int chapter); /* the number is one */
/* From `up` folders beneath (and in) the root's `from` to its `to`, owned. */
char *way_to(const struct views *v, const char *from, int up, const char *to);
void title_link_name(char out[NAME_BYTES], const struct views *v, int chapter);
int title_links_find(struct ref *, struct views *, const struct ref *, const char *);
int title_links_list(struct view_list *, struct views *, const struct ref *);
char *title_link_target(struct views *, const struct ref *);
int images_find(struct ref *, struct views *, const struct ref *, const char *);
int images_list(struct view_list *, struct views *, const struct ref *);
int image_detail(struct view_attr *, struct views *, struct ref *);
int image_links_find(struct ref *, struct views *, const struct ref *, const char *);
int image_links_list(struct view_list *, struct views *, const struct ref *);
char *image_link_target(struct views *, const struct ref *);
int prompts_find(struct ref *, struct views *, const struct ref *, const char *);
int prompts_list(struct view_list *, struct views *, const struct ref *);
int prompt_detail(struct view_attr *, struct views *, struct ref *);
int states_find(struct ref *, struct views *, const struct ref *, const char *);
int states_list(struct view_list *, struct views *, const struct ref *);
int states_detail(struct view_attr *, struct views *, struct ref *);
int concepts_find(struct ref *, struct views *, const struct ref *, const char *);
int concepts_list(struct view_list *, struct views *, const struct ref *);
int concept_detail(struct view_attr *, struct views *, struct ref *);
int chapter_text_detail(struct view_attr *, struct views *, struct ref *);
int analysis_detail(struct view_attr *, struct views *, struct ref *);
void image_file(char out[NAME_BYTES], int chapter, int scene, const char *ext);

/* cast.c */
int views_catalogue(const struct catalogue **out, struct views *v);
void views_cast_drop(struct views *v);
void view_names_finish(struct names *n);
const struct catalogue_entry *element_entry(struct views *v, int item); /* or NULL */
int element_types_find(struct ref *, struct views *, const struct ref *, const char *);
int element_types_list(struct view_list *, struct views *, const struct ref *);
int elements_find(struct ref *, struct views *, const struct ref *, const char *);
int elements_list(struct view_list *, struct views *, const struct ref *);
int element_detail(struct view_attr *, struct views *, struct ref *);

int element_named(struct views *v, int type, const char *file, size_t len); /* item, or -1 */

/* edit.c: what persons bring, and what they may change */
int portraits_find(struct ref *, struct views *, const struct ref *, const char *);
int portraits_list(struct view_list *, struct views *, const struct ref *);
int portrait_detail(struct view_attr *, struct views *, struct ref *);
int64_t portrait_id(struct views *v, int item); /* 0: it has none */
void portraits_drop(struct views *v);
/* Those that there are; at once where there never was one. */
int portraits_read(const struct portraits **out, struct views *v);
char *portrait_path(struct views *v, const struct portrait *p); /* owned */
int approved_detail(struct view_attr *, struct views *, struct ref *);
int presets_find(struct ref *, struct views *, const struct ref *, const char *);
int presets_list(struct view_list *, struct views *, const struct ref *);
int render_style(struct buf *, struct views *, const struct ref *);
int render_preset(struct buf *, struct views *, const struct ref *);
int render_approved(struct buf *, struct views *, const struct ref *);
int render_history(struct buf *, struct views *, const struct ref *);

/* sources.c */
void sources_index(struct views *v);
int source_folders_find(struct ref *, struct views *, const struct ref *, const char *);
int source_folders_list(struct view_list *, struct views *, const struct ref *);
int source_folder_detail(struct view_attr *, struct views *, struct ref *);
int source_files_find(struct ref *, struct views *, const struct ref *, const char *);
int source_files_list(struct view_list *, struct views *, const struct ref *);
int source_file_detail(struct view_attr *, struct views *, struct ref *);
int source_parent(struct ref *out, struct views *v, const struct ref *ref);

/* json.c, status.c */
int render_book(struct buf *, struct views *, const struct ref *);
int render_status(struct buf *, struct views *, const struct ref *);
int render_chapter_status(struct buf *, struct views *, const struct ref *);
int render_concepts(struct buf *, struct views *, const struct ref *);
int render_chapter_elements(struct buf *, struct views *, const struct ref *);
int render_state(struct buf *, struct views *, const struct ref *);
int render_analyze_manifest(struct buf *, struct views *, const struct ref *);
int render_illustrate_manifest(struct buf *, struct views *, const struct ref *);
int render_illustrate_concept(struct buf *, struct views *, const struct ref *);
int view_json_print(struct buf *out, cJSON *json /* takes */);
cJSON *view_json_time(int64_t unix_ms); /* null for 0 */
cJSON *view_json_text(const char *s);	/* null for NULL */
cJSON *view_json_free(cJSON *json);
DEFINE_CLEANUP(cJSON, view_json_free)

/* documents.c */
int render_contents(struct buf *, struct views *, const struct ref *);
int render_chapters_md(struct buf *, struct views *, const struct ref *);
int render_elements_md(struct buf *, struct views *, const struct ref *);
int render_element(struct buf *, struct views *, const struct ref *);
int render_title(struct buf *, struct views *, const struct ref *);
int render_text(struct buf *, struct views *, const struct ref *);
int render_chapter_prompt(struct buf *, struct views *, const struct ref *);
int render_prompt(struct buf *, struct views *, const struct ref *);
int render_seq(struct buf *, struct views *, const struct ref *);
int render_gallery(struct buf *, struct views *, const struct ref *);
void views_add_flat(struct buf *out, const char *s); /* on one line */
/* "15-17", "15", or "" where no page is known. */
void views_page_range(char out[64], const struct book_chapter *c, const struct quote *q);

/* locks.c */
char *chapter_lock_target(struct views *, const struct ref *);

/* progress.c */
int growing_detail(struct view_attr *, struct views *, struct ref *);
int growing_content(struct entry **out, struct views *v, const struct ref *ref);
int growing_size(uint64_t *size_bytes, struct views *v, const struct ref *ref);
void growing_clear(struct views *v);

/* load.c */
void views_loads_idle(struct views *v);
void views_loads_orphan(struct views *v); /* views goes; loads under way answer nobody */

#endif
