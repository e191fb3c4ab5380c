/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_PACKAGE_H
#define SOURCE_PACKAGE_H

/*
 * The package document (OPF 2.0.1, EPUB 3.3 section 5): metadata, manifest, spine, guide; and what
 * leads to it (OCF container.xml).
 */

#include "symbols.h"
#include "source.h"

struct package_item {
	char *id, *href; /* href as written */
	char *path;	 /* in the archive */
	char *media_type, *properties, *fallback;
	bool in_spine;
};
struct package_spine {
	char *idref;
	bool linear;
};
struct package_guide {
	char *type, *path, *fragment, *title;
};

struct package {
	char *path;    /* of the package document */
	char *version; /* "3.0"; or NULL */
	char *title, *language, *publisher, *identifier;
	struct strv creators;
	struct package_item *items;
	size_t item_count, item_cap;
	struct package_spine *spine;
	size_t spine_count, spine_cap;
	struct package_guide *guide;
	size_t guide_count, guide_cap;
	char *toc_id; /* spine's toc attribute, or NULL */
	struct symbols ids;
};

/* The full-path of the first package document that container.xml names; owned, NULL if none. */
char *container_rootfile(const char *s, size_t len);
/* s: clean UTF-8. Never fails: what is not there is empty. */
struct package *package_read(const char *path, const char *s, size_t len,
			     const struct book_limits *limits);
struct package *package_free(struct package *p);
DEFINE_CLEANUP(struct package, package_free)
struct package_item *package_item(const struct package *p, const char *id);
/* The item with a property ("nav"), or NULL. */
const struct package_item *package_with_property(const struct package *p, const char *property);

/* Resolves href against the document base: an archive path and a fragment (both owned, never
 * NULL). False for what is elsewhere: a scheme, a host. */
bool href_resolve(char **path, char **fragment, const char *base, const char *href);

#endif
