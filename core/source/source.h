/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_H
#define SOURCE_H

/*
 * source: a book file becomes plain data. EPUB 2 and 3, plain text, Markdown, HTML. It is not a
 * converter that keeps the looks of a page, and it does not keep the file open: book_read returns
 * everything, or a reason.
 *
 * Every byte of the file is hostile. Limits (struct book_limits) bound what is inflated and kept; a
 * part that cannot be read is left out with a warning, and the rest of the book is read. Names
 * never leave this layer unsanitised.
 *
 * Threads: a call works on its own data; several threads may read several books at once.
 */

#include "base.h"

/* A chapter's kind. BOOK_GAP: a number that no chapter has, in a folder whose chapters bring
 * their own numbers. */
enum book_kind { BOOK_STORY, BOOK_FRONT, BOOK_BACK, BOOK_GAP };
enum book_role {
	ROLE_PART,
	ROLE_CHAPTER,
	ROLE_SECTION,
	ROLE_FRONT,
	ROLE_BACK
};					      /* a contents entry's */
const char *book_kind_name(enum book_kind k); /* "story", "front", "back", "gap" */
const char *book_role_name(enum book_role r); /* "part", "chapter", "section", "front", "back" */
int book_kind_parse(enum book_kind *out, const char *name); /* -EINVAL */
int book_role_parse(enum book_role *out, const char *name);
struct book;

/* What a chapter goes by in names of files and commands: its number, "9". In a folder whose
 * chapters bring their numbers front and back matter have none: they stand behind the last one and
 * a gap, and go by "front-1", "back-1" and so on. Any number that is one. */
#define BOOK_CHAPTER_NAME_BYTES 24
void book_chapter_name(char out[BOOK_CHAPTER_NAME_BYTES], const struct book *b, int number);
int book_chapter_named(int *number, const struct book *b, const char *name); /* or -ENOENT */
/* The last number that a chapter goes by, or could between others; 0: none does. */
int book_last_number(const struct book *b);

/* A page begins at byte `offset` of the chapter's text. label: what the book prints ("12", "xii"),
 * owned. */
struct book_page {
	size_t offset;
	char *label;
};

/* Chapter N is chapters[N - 1]. The text is Markdown, UTF-8 without NUL, paragraphs apart by one
 * empty line, ending in one newline (or empty). No word of the book is lost or appears twice over
 * all chapters. */
struct book_chapter {
	char *title; /* one line, white space folded, never NULL, may be "" */
	enum book_kind kind;
	char *text; /* NULL when the book came from the store without texts */
	size_t text_bytes;
	int64_t words;
	struct book_page *pages; /* in order of offset; pages[0].offset == 0 if there are any */
	size_t page_count;
	/* From the store only: */
	int64_t text_id;	  /* the text's row; 0 from book_read */
	char text_hash[HASH_HEX]; /* SHA-256 of text; filled by both */
};

/* One entry of the book's table of contents, in document order. */
struct book_entry {
	char *title;
	int depth;   /* 0 = top */
	int chapter; /* the chapter its text is in, 1.. ; 0 if the entry leads nowhere */
	enum book_role role;
	char *in; /* for a section: the title of the chapter it belongs to; for a chapter or section
		     within a part: the part's title; else NULL */
};

/* One regular file of the book's archive under a sanitised name with '/' between folders; for
 * anything but an archive the one file itself. index: the member's index in the archive as libzip
 * counts. */
struct book_file {
	char *name;
	uint64_t index;
	uint64_t size_bytes; /* uncompressed */
	int64_t mtime_unix_s;
};

struct book {
	char *title; /* never NULL; falls back to the file's name */
	struct strv creators;
	char *language;	  /* BCP 47 as the book says it, or "" */
	char *publisher;  /* or "" */
	char *identifier; /* or "" */
	int64_t pages;	  /* by the book's page list or page breaks, else 300 words to a page */
	int64_t words;
	bool real_pages; /* pages come from the book itself */
	struct book_chapter *chapters;
	size_t chapter_count;
	struct book_entry *contents;
	size_t content_count;
	struct book_file *files;
	size_t file_count;
	struct strv warnings; /* one line each: what could not be read, and was left out */
};

struct book_limits {
	size_t entries;	    /* members of an archive */
	size_t depth;	    /* nesting of folders, elements, contents */
	size_t text_bytes;  /* one text member, inflated */
	size_t total_bytes; /* all members that are inflated at import */
	size_t ratio;	    /* inflated : compressed */
};
/* fuse.md, "Archives are hostile": 100,000; 256; 64 MB; 2 GB; 1,000. */
extern const struct book_limits book_limits_default;

struct book_options {
	struct book_limits limits;
	int depth; /* -o depth=N: entries at contents depth N-1 and above are chapters; 0 = the rule
		    */
};

/*
 * Reads the book at path (absolute or not): a file, or a folder of Markdown, HTML and plain text
 * (project.c tells which file is which chapter). -EBADMSG: it is no book that can be read, err says
 * why in one line; -EFBIG: past a limit; others from open(2), read(2). *out is owned.
 */
int book_read(struct book **out, const char *path, const struct book_options *options,
	      struct err *err);
/* The same from memory; name (for the format, by its ending, and the fallback title) as a path
 * would give it. */
int book_read_memory(struct book **out, const void *data, size_t len, const char *name,
		     const struct book_options *options, struct err *err);
bool book_is_folder(const char *path); /* Is it a folder with a text in it? */
/* What tells whether a folder is still the book that was read: a hash over names, sizes, times and
 * inode numbers of the texts that are of the book, its table of contents, and what says what it is
 * (.config). fd: the folder. */
int book_folder_hash(char out[HASH_HEX], int fd);
/* Calls fn with each text of a folder that is no writing project, and the number of the chapter
 * that it is; its value other than 0 ends it. */
int book_folder_chapters(int fd, int (*fn)(void *arg, const char *path, int chapter), void *arg);
/* book_read of a folder that is open; path is but its name. */
int book_folder_read(struct book **out, int fd, const char *path,
		     const struct book_options *options, struct err *err);
/* Calls enter with each folder that is looked through for these, before it is; borrowed, open for
 * reading. path: beneath fd, "" itself. -EFBIG: there are too many entries. */
int book_folder_walk(int fd, void (*enter)(void *arg, int folder, const char *path), void *arg);
/* May an entry of this name be one of these, or a folder with some? */
bool book_folder_counts(const char *name, bool is_folder);
struct book *book_free(struct book *b);
DEFINE_CLEANUP(struct book, book_free)

/* The label of the page that byte `offset` of a chapter lies on; "" without pages. Borrowed until
 * the chapter goes. */
const char *book_page_at(const struct book_chapter *c, size_t offset);

/* ---- members of the archive, for source/
 * ---------------------------------------------------------------------------- */

/* An open book file whose members are read by index. One thread at a time. For a book that is no
 * archive, member 0 is the file itself. */
struct book_archive;
int book_archive_open(struct book_archive **out, const char *path, struct err *err);
struct book_archive *book_archive_close(struct book_archive *a);
DEFINE_CLEANUP(struct book_archive, book_archive_close)
/* The whole member, at most b->max_bytes (else -EFBIG). -EIO: damaged; -EACCES: encrypted. */
int book_archive_member(struct buf *b, struct book_archive *a, uint64_t index);
/* A stored member in pieces of at most *len bytes, for who begins at its first byte and asks for
 * one after the other. Never waits for the disk. Borrowed until the next call. -EAGAIN: ask
 * book_archive_member, as the member is not stored, not of size_bytes, damaged, not in the page
 * cache, or not asked for in order. */
#define PIECE_BYTES_MAX ((size_t)1 << 20)
int book_archive_piece(const char **data, size_t *len, struct book_archive *a, uint64_t index,
		       uint64_t size_bytes, uint64_t offset);
/* Makes that piece ready, for when it is asked for. */
void book_archive_ahead(struct book_archive *a, uint64_t index, uint64_t size_bytes,
			uint64_t offset, size_t len);

/* ---- the book with pictures in it */

/* A picture and where it belongs: behind the paragraph in which its quote ends, else behind the
 * first one of its chapter. All borrowed. */
struct book_plate {
	int chapter;
	const char *name; /* of its file, unique; .png, .jpg or .webp says what it is */
	const char *quote, *alt, *caption;
	uint64_t size_bytes;
};
struct book_cast { /* a line of the page at the end; those of one group in a row */
	const char *group, *name, *text;
};
struct book_plates {
	const struct book_plate *items; /* in order of chapter */
	size_t count;
	const struct book_cast *cast;
	size_t cast_count;
	int (*read)(struct buf *out, void *arg, size_t plate); /* its bytes; any number of times */
	void *arg;
};
/*
 * Writes an EPUB to fd, an empty file; name: of it, for messages. Of a book that is one: itself,
 * and nothing of it changed but that documents and package document have something more in them
 * (EPUB 3.3, OPF 2.0.1); a signature over it is left out. Of any other: an EPUB 3 of its chapters.
 * The same input gives the same bytes. b: path as it was read, with its texts. An error of
 * plates->read ends it and is returned.
 */
int book_illustrate(int fd, const char *name, const char *path, const struct book *b,
		    const struct book_plates *plates, struct err *err);

/* ---- an archive is written whose members are not packed: a CBZ. Its members go to fd, an empty
 * file, as they come, so none is kept. name: for messages. */

struct crate;
struct crate *crate_new(int fd, const char *name);
int crate_add(struct crate *c, const char *path, const void *data, size_t len, struct err *err);
int crate_finish(struct crate *c, struct err *err);
struct crate *crate_free(struct crate *c);
DEFINE_CLEANUP(struct crate, crate_free)

#endif
