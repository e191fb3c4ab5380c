/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_ILLUSTRATE_H
#define SOURCE_ILLUSTRATE_H

/*
 * The parts of book_illustrate (source.h): where in a document a picture goes, what the words are
 * of Markdown and of markup alike, and the pages that are added.
 *
 * A document is changed by putting bytes between its own and in no other way, so whatever it holds
 * stays what it was.
 */

#include "archive.h"
#include "package.h"
#include "source.h"

/* ---- letters.c: a text without what markup, Markdown and typesetters make of it: letters and
 * digits alone, small */

/* Appends s, Markdown or plain. */
void letters_add(struct buf *letters, const char *s, size_t len);

/* A document's letters, and the places between its blocks where another block may stand. */
struct slot {
	size_t letters; /* how many are before it */
	size_t since;	/* how many are before the element that it is in */
	size_t offset;	/* byte of the document */
};
struct places {
	struct buf letters;
	struct slot *slots; /* in order */
	size_t count, cap;
	char prefix[16]; /* of its elements: "" or "h:" */
};
/* s: a content document in clean UTF-8. */
void places_read(struct places *p, const char *s, size_t len);
void places_finish(struct places *p);
/* Where those letters end, of those from `from` to `to`; SIZE_MAX: they are not there. */
size_t places_find(const struct places *p, const char *wanted, size_t len, size_t from, size_t to);
/* The first place behind the paragraph (item, table) in which the first `letters` of them end;
 * SIZE_MAX: there is none. */
size_t places_behind(const struct places *p, size_t letters);

/* Where the first element `name` of a document ends: before its end tag; SIZE_MAX. */
size_t markup_end_of(char prefix[16], const char *s, size_t len, const char *name);

/* ---- plate.c: what is added */

/* The way from a document to a file of the same archive, as an URL (RFC 3986). */
void xml_href(struct buf *out, const char *document, const char *file);
/* NULL: the name says of no kind of picture that it is one. */
const char *plate_media_type(const char *name);
/* The block that shows it in the document. prefix: of the document's elements. */
void plate_add(struct buf *out, const struct book_plate *p, const char *document, const char *file,
	       const char *prefix, bool epub2);

/* ---- packer.c: an EPUB is written */

struct packer;
/* To fd, an empty file; name: of it, for messages. from: an archive whose members are to be copied,
 * or NULL. type: what its first member "mimetype" says (OCF 3.3, section 4.2). */
int packer_open(struct packer **out, int fd, const char *name, const char *from, const char *type,
		struct err *err);
/* Takes the bytes. */
int packer_add(struct packer *p, const char *path, struct buf *bytes, struct err *err);
int packer_copy(struct packer *p, uint64_t index, const char *path, struct err *err);
/* Its bytes are read when the archive is written. plates: borrowed until then. */
int packer_add_plate(struct packer *p, const char *path, const struct book_plates *plates,
		     size_t plate, struct err *err);
int packer_write(struct packer *p, struct err *err); /* all of it */
struct packer *packer_close(struct packer *p);	     /* what was not written is forgotten */
DEFINE_CLEANUP(struct packer, packer_close)

/* ---- bind.c: which plate goes where */

struct binding {
	const struct book *book;
	const struct book_plates *plates;
	struct packer *packer;
	bool epub2;
	const char *folder; /* where our own files are: "OEBPS/bookfs/" */
	struct bound {	    /* the documents, in the order of reading */
		char *path;
		struct places places;
		size_t plates;	/* how many go in */
		size_t chapter; /* bind_new.c: which of the book's it is, from 0 */
	} * documents;
	size_t count, cap;
	struct spot {
		size_t document, letters;
	} * chapters;		 /* where each begins; one more: where the last one ends */
	struct seat {		 /* of plates->items[i] */
		size_t document; /* SIZE_MAX: it found none */
		size_t offset;
	} * seats;
};
/* Adds a document; text: clean UTF-8. */
void binding_document(struct binding *b, const char *path, const char *text, size_t len);
/* All documents are there: gives each plate its seat. */
void binding_seat(struct binding *b);
/* The document with its plates. */
void binding_fill(struct buf *out, const struct binding *b, size_t document, const char *text,
		  size_t len);
/* The page at the end: the cast, and plates that have no seat. false: nothing would be on it. */
bool binding_page(struct buf *out, const struct binding *b, const char *path);
char *binding_file(const struct binding *b, size_t plate); /* a plate's path; owned */
/* Our own files: the plates, and the page (taken) if there is one. */
int binding_write_ours(struct binding *b, struct buf *page, struct err *err);
void binding_finish(struct binding *b);

#define BOUND_PAGE "cast.xhtml" /* in the folder */

/* bind_own.c, bind_new.c */
int bind_own(struct binding *b, struct archive *a, struct err *err);
int bind_new(struct binding *b, struct err *err);

#endif
