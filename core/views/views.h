/* SPDX-License-Identifier: MIT */
#ifndef VIEWS_H
#define VIEWS_H

/*
 * views: rows become the bytes of files, and what the folders are. It knows names, kinds, sizes,
 * times and contents of everything under the mount, and nothing of FUSE: fs asks and answers the
 * kernel.
 *
 * A node id says what a node is: kind, a chapter, an item, a version. There is no inode table.
 * Equal ids have equal bytes for ever; other content is another version, another id (fuse.md,
 * "Versions"). st_ino leaves the version out.
 *
 * Threads: the loop's; view_load is the exception and says so.
 */

#include <stdatomic.h>
#include <sys/stat.h>

#include "base.h"
#include "store.h"

#define VIEW_ROOT 1ull /* FUSE_ROOT_ID */

/* What a file needs of fs. */
enum view_class {
	VIEW_FOLDER,
	VIEW_LINK,
	VIEW_STABLE,   /* these bytes for ever: page cache kept, timeouts of a day */
	VIEW_DOCUMENT, /* a version of something that changes: entry timeout 0, bytes of this id for
			  ever */
	VIEW_GROWING,  /* append-only: one node, attribute timeout 0 */
	VIEW_TRIGGER, /* an analysis not made yet: placeholder size; opening it for reading makes it
		       */
	VIEW_HOST,    /* fs makes the bytes at each open: .bookfs/why, waiting, log */
	VIEW_STREAM,  /* fs: .bookfs/events */
	VIEW_CONTROL, /* fs: .bookfs/ctl, writable */
	VIEW_HELD,    /* fs: a version of the book to be held, bound by an open of its trigger */
};

/* The host files, for fs to tell apart. */
enum view_host { HOST_NONE, HOST_WHY, HOST_WAITING, HOST_LOG, HOST_EVENTS, HOST_CTL };

/* What a person may do to a file (issue 6). */
enum view_edit {
	VIEW_EDIT_NONE,
	VIEW_EDIT_CONCEPTS, /* chapters/N/concepts.json */
	VIEW_EDIT_ELEMENT,  /* elements/TYPE/NAME.md */
	VIEW_EDIT_PORTRAIT, /* elements/TYPE/NAME.png */
	VIEW_EDIT_STYLE,    /* style.md */
	VIEW_EDIT_APPROVED, /* chapters/N/approved: that it is there is all it says */
	VIEW_EDIT_PICTURE,  /* images/chapter_9_scene_1.png: can be removed, not written */
};

struct view_attr {
	uint64_t node;
	uint64_t ino; /* above 2^40, below 2^53 */
	enum view_class class;
	enum view_host host;
	mode_t mode; /* type and permission bits */
	uint32_t links;
	uint64_t size_bytes;
	int64_t mtime_unix_ms;
	bool volatile_list; /* a folder whose list changes while mounted: do not cache it */
	bool editable;	    /* may be opened for writing: view_subject_of says what it is */
	bool scratch;	    /* a folder in which editors may make files beside those */
	bool costly;  /* large bytes that are loaded on a pool thread (view_load), not rendered */
	bool of_book; /* its bytes are those of the book's own file */
	bool of_analysis; /* made or not; not of a version that is past */
	int chapter;	  /* whose it is; 0: no chapter's */
};

#define VIEW_PLACEHOLDER_BYTES 4096 /* what is not made yet must not look empty (fuse.md) */

struct view_settings {
	const char *provider, *model, *options; /* what this mount would make analyses with: for
						   prompt.txt and "outdated" */
	int prompt_version;
	const char *instructions; /* as in chapter_prompt */
	int pages_per_image;
	bool images;
	bool trigger;	       /* false: trigger=never */
	const char *book_path; /* for source/ */
	const char *book_name; /* NULL: the last of its path */
};

struct views;
int views_new(struct views **out, struct store *store, const struct view_settings *settings,
	      struct err *err);
struct views *views_free(struct views *v);
DEFINE_CLEANUP(struct views, views_free)
/* Names of the root that are shown in .bookfs/ instead: what links lead to. */
void view_set_moved(struct views *v, const struct strv *names);
/* Drops what can be made again. Call it when nothing has been asked for some seconds. */
void views_idle(struct views *v);

/* All of these: -ENOENT no such name; -ESTALE a node whose version is past and no longer
 * remembered. */
int view_lookup(struct view_attr *out, struct views *v, uint64_t folder, const char *name);
int view_attr(struct view_attr *out, struct views *v, uint64_t node);
int view_attr_now(struct view_attr *out, struct views *v, uint64_t node); /* of any version */
int view_parent(uint64_t *parent, struct views *v, uint64_t folder);
int view_link(char **target, struct views *v, uint64_t node); /* owned */

/* A folder's list as it is now, without "." and "..", names that block or cost left out. Owned. */
struct view_item {
	char *name;
	uint64_t node, ino;
	mode_t mode;
};
struct view_list {
	struct view_item *items;
	size_t len, cap;
};
int view_list(struct view_list **out, struct views *v, uint64_t folder);
struct view_list *view_list_free(struct view_list *l);

/* What a name of a folder stands for, whether it is there or not, as far as persons change it.
 * what NONE: nothing of theirs. -ENOTDIR. */
struct view_subject {
	enum view_edit what;
	int chapter, scene;	   /* 0: none */
	enum element_type type;	   /* ELEMENT, PORTRAIT */
	char stem[NAME_BYTES];	   /* of these: the file's name without its ending */
	int64_t portrait;	   /* PORTRAIT: its id; 0: there is none */
	char path[2 * NAME_BYTES]; /* below the mount */
	uint64_t node;		   /* as it is now; 0: it is not there */
};
int view_subject(struct view_subject *out, struct views *v, uint64_t folder, const char *name);
int view_subject_of(struct view_subject *out, struct views *v, uint64_t node);
/* By its path: what is of that name now, after it was made or came back. */
void view_subject_named(struct view_subject *s, struct views *v);
/* The entry of the catalogue whose file is called so; NULL: there is none. Borrowed until the next
 * call of anything here. */
const struct catalogue_entry *view_element(struct views *v, enum element_type type,
					   const char *stem);
/* Likewise, who has that name for an alias. */
const struct catalogue_entry *view_element_called(struct views *v, enum element_type type,
						  const char *name);
int view_chapter_text(struct buf *out, struct views *v, int chapter);
/* The bytes of a subject as they are now, of a trigger too; costly ones are read at once. */
int view_subject_bytes(struct buf *out, struct views *v, const struct view_subject *s);

/* The bytes of a VIEW_STABLE, VIEW_DOCUMENT or VIEW_GROWING node. A content is shared by all who
 * hold it. */
struct view_content {
	const char *data;
	size_t len;
	int refs;
};
/* Rendered now, or remembered. -EAGAIN: attr.costly; use view_load. For VIEW_GROWING: as long as it
 * is now. */
int view_content(struct view_content **out, struct views *v, uint64_t node);
struct view_content *view_content_release(struct views *v,
					  struct view_content *c); /* returns NULL */
/* A costly one that can be had without waiting for anything, in pieces of at most *len bytes by who
 * reads on from offset 0. Borrowed until the next call; -EAGAIN: use view_load, which also says
 * what is wrong. */
int view_piece(const char **data, size_t *len, struct views *v, uint64_t node, uint64_t offset);
/* Makes ready what will be asked for next, while the one who asks is busy with what he has. */
void view_ahead(struct views *v, uint64_t node, uint64_t offset, size_t len);
/* Costly ones (pictures, members of source/): on a pool thread of loop, then done on the loop with
 * a content to release, or NULL and -errno. Loads of one node that are under way are shared. */
void view_load(struct views *v, struct loop *loop, uint64_t node,
	       void (*done)(void *arg, int result, struct view_content *c), void *arg);

/* The store changed. For each name that appeared or changed its bytes since the last call, in
 * order, fn is told, so that fs can tell the kernel and watchers. what: a result of a folder that
 * people watch (a picture, an analysis). */
struct view_change {
	uint64_t folder;
	char name[NAME_BYTES];
	uint64_t old_node; /* 0: the name is new */
	uint64_t node;	   /* what it is now; 0: the name is gone */
	bool announce;	   /* show watchers a rename: images/ and chapters/N/ */
	int chapter;	   /* the chapter whose waiting readers can be answered; 0 none */
};
int views_changed(struct views *v, void (*fn)(void *arg, const struct view_change *c), void *arg);

/* The trigger that a node of an analysis, of whatever version, is one of when nothing is made:
 * its chapter and ino. false: it is no such node. */
bool view_trigger_of(struct view_attr *out, uint64_t node);
bool view_is_text(uint64_t node); /* Is it a chapter's text, of whatever version? */
/* How an open of chapter's trigger stands: 1 a result is stored (answer ESTALE: the name now leads
 * to it), 0 wait, <0 the errno to answer, with the reason: -EIO and others failed, -ENODATA
 * (trigger=never). asked_unix_ms: when the reader asked; a failure older than that and than 30 s
 * does not count (the open asks again). */
int view_trigger(struct views *v, int chapter, int64_t asked_unix_ms, struct err *err);

/* Is a node of a chapter, of whatever version, later than all that befell what it shows of that
 * chapter? Its version may be past all the same: what befalls others moves it, too. */
bool view_is_latest(struct views *v, uint64_t node);
/* Does a chapter show what was made of an earlier text, and may an analysis of its own be asked
 * for? One that failed may not for a while. since_unix_ms: since when it has its text. */
bool view_is_former(int64_t *since_unix_ms, struct views *v, int chapter);

/* The JSON of status.json, for `bookfs status --json`, and one event as a line of NDJSON. */
int view_status(struct buf *out, struct views *v);
int view_event(struct buf *out, const struct store_event *e);

/* The change that moved last what a book to be held shows: pictures, scenes, cast. */
int view_book_stamp(int64_t *seq, int64_t *time_unix_ms, struct views *v);

/* ---- the book to be held. Any thread: the reader is the caller's. */

/* The book with its pictures at their scenes, as an EPUB (source.h, book_illustrate). stop: once it
 * is set, -ECANCELED; or NULL. */
int view_bind_epub(int fd, const char *name, const char *book_path, struct store_reader *r,
		   const atomic_bool *stop, struct err *err);
/* A page for a browser: the pictures by chapter, the cast, the state of work. images: where the
 * pictures are, as seen from it: "../images/". */
int view_gallery(struct buf *out, const char *images, struct store_reader *r, struct err *err);

/* The pages of a picture book: a cover with the first picture, a page a picture, the cast. */
struct view_sheet {
	enum view_page { VIEW_PAGE_COVER, VIEW_PAGE_PLATE, VIEW_PAGE_CAST } page;
	const char *title, *text, *foot; /* borrowed until the next view_sheet, as all here */
	const struct strv *lines;	 /* the cast: a name, what is said of it, a name ... */
	int64_t picture;		 /* 0: none */
};
struct view_sheets;
/* As the store is now. -ENODATA: there is no picture. */
int view_sheets_open(struct view_sheets **out, struct store_reader *r, struct err *err);
struct view_sheets *view_sheets_close(struct view_sheets *s);
DEFINE_CLEANUP(struct view_sheets, view_sheets_close)
size_t view_sheets_count(const struct view_sheets *s);
void view_sheet(struct view_sheet *out, struct view_sheets *s, size_t i); /* 0 is the cover */

/* ---- the lock table, written down (locks.md). fs asks the table; the command line does too. */

int view_chapters(const struct views *v);
/* The resource that a node belongs to; false: to none. chapters/N/ and all in it: the chapter's;
 * images/ and the elements, whose looks all pictures share: ImageRegistry; style.md: StyleSystem.
 */
bool view_resource(char out[LOCK_RESOURCE_BYTES], struct views *v, uint64_t node);

/* What is held, and the change number it is of. Zero-initialise; lock_list_finish. */
struct lock_list {
	struct lock *items;
	size_t len, cap;
	int64_t seq;
};
int lock_list_read(struct lock_list *out, struct locks *l);
void lock_list_finish(struct lock_list *list);

int view_lock(struct buf *out, const struct lock *k);		    /* locks/R */
int view_lock_rows(struct buf *out, const struct lock_list *list);  /* bookfs locks */
int view_lock_table(struct buf *out, const struct lock_list *list); /* .table: and .ctl's line */
int view_lock_table_json(struct buf *out, const struct lock_list *list);
int view_lock_dashboard(struct buf *out, const struct lock_list *list); /* .dashboard.md */
int view_lock_old(struct buf *out, const struct lock_list *list);	/* .locks/locks.json */
int view_lock_resources(struct buf *out, struct views *v);		/* .resources */
int view_lock_event(struct buf *out, const struct lock_event *e);	/* a line of .log */

#endif
