/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <strings.h>

#include "encoding.h"
#include "illustrate.h"

/*
 * The book's own archive with plates in it. Documents that get none, and everything else, are
 * copied as they are packed.
 */

struct own {
	struct binding *b;
	struct archive *archive;
	struct package *package;
	const struct archive_member *package_member;
	size_t *members; /* of b->documents: numbers in the archive */
};

static int read_clean(struct buf *out, struct archive *a, const struct archive_member *m)
{
	struct buf raw = {.max_bytes = book_limits_default.text_bytes};
	int r = archive_read(&raw, a, m);

	out->max_bytes = book_limits_default.text_bytes * 2;
	if (r == 0)
		r = text_decode(out, buf_str(&raw), raw.len, TEXT_MARKUP);
	buf_finish(&raw);
	return r;
}

/* What is written is UTF-8, whatever its declaration said before (XML 1.0, section 2.8). */
static void put_declared(struct buf *out, const char *s, size_t len)
{
	size_t end = len > 5 && !memcmp(s, "<?xml", 5) && strstr(s, "?>")
			     ? (size_t)(strstr(s, "?>") - s) + 2
			     : 0;

	if (end)
		buf_adds(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
	buf_add(out, s + end, len - end);
}

/* ---- what there is */

static int open_package(struct own *o, struct err *err)
{
	const struct archive_member *m = archive_find(o->archive, "META-INF/container.xml");
	CLEANUP(cleanup_free) char *path = NULL;
	struct buf s = {0};
	int r = m ? read_clean(&s, o->archive, m) : -EBADMSG;

	if (r == 0)
		path = container_rootfile(buf_str(&s), s.len);
	buf_finish(&s);
	o->package_member = path ? archive_find(o->archive, path) : NULL;
	r = o->package_member ? read_clean(&s, o->archive, o->package_member) : -EBADMSG;
	if (r == 0)
		o->package = package_read(path, buf_str(&s), s.len, &book_limits_default);
	buf_finish(&s);
	return r < 0 ? err_set(err, r, "the book's package document cannot be read") : 0;
}

/* "OEBPS/bookfs/": beside the package document, where nothing of the book is. */
static char *our_folder(const struct own *o)
{
	const char *path = o->package->path, *slash = strrchr(path, '/');
	int len = slash ? (int)(slash - path) + 1 : 0;
	char *folder = xasprintf("%.*sbookfs/", len, path);

	for (int n = 2;; n++) {
		bool taken = false;

		for (size_t i = 0; i < archive_count(o->archive) && !taken; i++)
			taken = !strncasecmp(archive_at(o->archive, i)->path, folder,
					     strlen(folder));
		if (!taken)
			return folder;
		free(folder);
		folder = xasprintf("%.*sbookfs-%d/", len, path, n);
	}
}

static size_t member_number(const struct own *o, const struct archive_member *m)
{
	return (size_t)(m - archive_at(o->archive, 0));
}

static bool is_read(const struct own *o, const struct archive_member *m)
{
	for (size_t d = 0; d < o->b->count; d++)
		if (o->members[d] == member_number(o, m))
			return true;
	return false;
}

/* The XHTML documents of the spine; one that cannot be read has no place for a plate. */
static void read_documents(struct own *o)
{
	o->members = xcalloc(o->package->spine_count + 1, sizeof(*o->members));
	for (size_t i = 0; i < o->package->spine_count; i++) {
		const struct package_item *item =
			package_item(o->package, o->package->spine[i].idref);
		const struct archive_member *m =
			item && item->media_type && strcasestr(item->media_type, "html")
				? archive_find(o->archive, item->path)
				: NULL;
		struct buf s = {0};

		if (m && !is_read(o, m) && read_clean(&s, o->archive, m) == 0) {
			o->members[o->b->count] = member_number(o, m);
			binding_document(o->b, item->path, buf_str(&s), s.len);
		}
		buf_finish(&s);
	}
}

/* ---- what is written */

static void add_id(struct buf *out, const struct own *o, const char *name)
{
	CLEANUP(cleanup_free) char *id = xasprintf("bookfs-%s", name);

	while (package_item(o->package, id)) {
		char *longer = xasprintf("%s_", id);

		free(id);
		id = longer;
	}
	buf_adds(out, id);
}

static void add_item(struct buf *out, const struct own *o, const char *prefix, const char *name,
		     const char *media_type)
{
	CLEANUP(cleanup_free) char *file = xasprintf("%s%s", o->b->folder, name);

	buf_addf(out, "<%sitem id=\"", prefix);
	add_id(out, o, name);
	buf_adds(out, "\" href=\"");
	xml_href(out, o->package->path, file);
	buf_addf(out, "\" media-type=\"%s\"/>\n", media_type);
}

/* The package document with our items in its manifest, and the page at the end of its spine. */
static int write_package(struct own *o, bool page, struct err *err)
{
	const struct book_plates *plates = o->b->plates;
	struct buf s = {0}, declared = {.max_bytes = SIZE_MAX}, out = {.max_bytes = SIZE_MAX};
	char manifest_prefix[16] = "", spine_prefix[16] = "";
	size_t manifest, spine;
	int r = read_clean(&s, o->archive, o->package_member);

	put_declared(&declared, buf_str(&s), s.len);
	buf_finish(&s);
	manifest = markup_end_of(manifest_prefix, buf_str(&declared), declared.len, "manifest");
	spine = markup_end_of(spine_prefix, buf_str(&declared), declared.len, "spine");
	if (r < 0 || manifest == SIZE_MAX || spine == SIZE_MAX || spine < manifest) {
		buf_finish(&declared);
		return err_set(err, -EBADMSG, "the book's package document has no %s",
			       manifest == SIZE_MAX ? "manifest" : "spine behind its manifest");
	}
	buf_add(&out, buf_str(&declared), manifest);
	for (size_t i = 0; i < plates->count; i++)
		add_item(&out, o, manifest_prefix, plates->items[i].name,
			 plate_media_type(plates->items[i].name));
	if (page)
		add_item(&out, o, manifest_prefix, BOUND_PAGE, "application/xhtml+xml");
	buf_add(&out, buf_str(&declared) + manifest, spine - manifest);
	if (page) {
		buf_addf(&out, "<%sitemref idref=\"", spine_prefix);
		add_id(&out, o, BOUND_PAGE);
		buf_adds(&out, "\"/>\n");
	}
	buf_add(&out, buf_str(&declared) + spine, declared.len - spine);
	buf_finish(&declared);
	return packer_add(o->b->packer, o->package_member->path, &out, err);
}

static int write_document(struct own *o, size_t document, const struct archive_member *m,
			  struct err *err)
{
	struct buf s = {0}, filled = {.max_bytes = SIZE_MAX}, out = {.max_bytes = SIZE_MAX};
	int r = read_clean(&s, o->archive, m);

	if (r < 0) {
		buf_finish(&s);
		return err_set(err, r, "%s cannot be read", m->name);
	}
	binding_fill(&filled, o->b, document, buf_str(&s), s.len);
	buf_finish(&s);
	put_declared(&out, buf_str(&filled), filled.len);
	buf_finish(&filled);
	return packer_add(o->b->packer, m->path, &out, err);
}

/* A name that leads out of the folder it is unpacked in is not handed on, nor what would be false
 * now. */
static bool is_kept(const char *path)
{
	CLEANUP(cleanup_free) char *framed = xasprintf("/%s/", path);

	return *path != '/' && !strchr(path, '\\') && !strstr(framed, "/../") &&
	       strcmp(path, "mimetype") != 0 && strcasecmp(path, "META-INF/signatures.xml") != 0;
}

static int write_member(struct own *o, size_t number, struct err *err)
{
	const struct archive_member *m = archive_at(o->archive, number);

	if (!is_kept(m->path) || m == o->package_member)
		return 0;
	for (size_t d = 0; d < o->b->count; d++)
		if (o->members[d] == number && o->b->documents[d].plates)
			return write_document(o, d, m, err);
	return packer_copy(o->b->packer, m->index, m->path, err);
}

static int write_all(struct own *o, struct err *err)
{
	CLEANUP(cleanup_free) char *path = xasprintf("%s" BOUND_PAGE, o->b->folder);
	struct buf page = {.max_bytes = SIZE_MAX};
	bool has_page = binding_page(&page, o->b, path);
	int r = 0;

	for (size_t i = 0; r == 0 && i < archive_count(o->archive); i++)
		r = write_member(o, i, err);
	if (r == 0)
		r = write_package(o, has_page, err);
	if (r == 0)
		r = binding_write_ours(o->b, has_page ? &page : NULL, err);
	buf_finish(&page);
	return r;
}

int bind_own(struct binding *b, struct archive *a, struct err *err)
{
	CLEANUP(cleanup_free) char *folder = NULL;
	struct own o = {.b = b, .archive = a};
	int r = open_package(&o, err);

	if (o.package) {
		const char *version = o.package->version;

		folder = our_folder(&o);
		b->folder = folder;
		b->epub2 = !version || *version < '3';
		read_documents(&o);
		binding_seat(b);
		r = write_all(&o, err);
	}
	package_free(o.package);
	free(o.members);
	b->folder = NULL;
	return r;
}
