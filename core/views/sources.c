/* SPDX-License-Identifier: MIT */
#include "tree.h"

#include <string.h>

/*
 * source/: folders out of the names of files. The files are sorted so that those of a folder stand
 * together ('/' comes before every other byte); a folder is then its first file and its depth, and
 * no tree is built. A file's item is its place in that order.
 */

static int byte_order(char c)
{
	return c == '/' ? 0 : c == '\0' ? -1 : 1 + (unsigned char)c;
}

/* Orders a against the first `len` bytes of b. */
static int name_order(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int order = byte_order(a[i]) - byte_order(b[i]);
		if (order || !a[i])
			return order;
	}
	return 0;
}

static int file_compare(const void *a, const void *b)
{
	const struct book_file *const *x = a, *const *y = b;
	return name_order((*x)->name, (*y)->name, strlen((*x)->name) + 1);
}

/* A store may be a stranger's: what the source layer would not have called a file is none. */
static bool is_path(const char *name)
{
	for (;; name++) {
		char safe[NAME_BYTES];
		size_t len = strcspn(name, "/");
		utf8_name(safe, name, len);
		if (strlen(safe) != len || memcmp(safe, name, len) != 0)
			return false;
		name += len;
		if (!*name)
			return true;
	}
}

void sources_index(struct views *v)
{
	size_t count = v->book->file_count;
	count = count > ITEM_MAX ? ITEM_MAX : count;
	v->files = xcalloc(count + 1, sizeof(const struct book_file *));
	v->file_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (is_path(v->book->files[i].name))
			v->files[v->file_count++] = &v->book->files[i];
	}
	qsort(v->files, v->file_count, sizeof(const struct book_file *), file_compare);
}

/* The first file whose name is not before the first `len` bytes of key. */
static size_t lower_bound(const struct views *v, size_t from, const char *key, size_t len)
{
	size_t low = from, high = v->file_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (name_order(v->files[middle]->name, key, len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Bytes of the first `depth` folders of name, the slashes included; 0 if it has not as many. */
static size_t prefix_bytes(const char *name, int depth)
{
	const char *p = name;
	for (int i = 0; i < depth; i++) {
		p = strchr(p, '/');
		if (!p)
			return 0;
		p++;
	}
	return (size_t)(p - name);
}

/* A folder's files have its first file's first bytes. source/ itself: none. */
static const char *folder_prefix(size_t *len, const struct views *v, const struct ref *folder)
{
	*len = 0;
	if (folder->kind == KIND_SOURCE)
		return "";
	const char *name = v->files[folder->item]->name;
	*len = prefix_bytes(name, folder->chapter);
	return name;
}

/* The place of PREFIX/name, or, with `slash`, of the first file below it. */
static int child_place(int *place, const struct views *v, const struct ref *folder,
		       const char *name, bool slash)
{
	size_t len;
	const char *prefix = folder_prefix(&len, v, folder);
	CLEANUP(cleanup_free)
	char *key = xasprintf("%.*s%s%s", (int)len, prefix, name, slash ? "/" : "");
	size_t compare = strlen(key) + (slash ? 0 : 1);
	size_t i = lower_bound(v, 0, key, compare);
	if (i == v->file_count || name_order(v->files[i]->name, key, compare) != 0)
		return -ENOENT;
	*place = (int)i;
	return 0;
}

static int depth_of(const struct ref *folder)
{
	return folder->kind == KIND_SOURCE ? 0 : folder->chapter;
}

int source_files_find(struct ref *child, struct views *v, const struct ref *folder,
		      const char *name)
{
	child->chapter = 0;
	return child_place(&child->item, v, folder, name, false);
}

int source_folders_find(struct ref *child, struct views *v, const struct ref *folder,
			const char *name)
{
	child->chapter = depth_of(folder) + 1;
	return child_place(&child->item, v, folder, name, true);
}

/* The folder's own files and folders: behind each folder the rest of its files is leapt over. */
static int children(struct view_list *out, struct views *v, const struct ref *folder, bool folders)
{
	size_t len;
	const char *prefix = folder_prefix(&len, v, folder);
	size_t i = len ? lower_bound(v, 0, prefix, len) : 0;
	while (i < v->file_count && strncmp(v->files[i]->name, prefix, len) == 0) {
		const char *name = v->files[i]->name + len;
		const char *slash = strchr(name, '/');
		struct ref ref = {.kind = KIND_SOURCE_FILE, .item = (int)i};
		if (slash) {
			ref.kind = KIND_SOURCE_FOLDER;
			ref.chapter = depth_of(folder) + 1;
		}
		CLEANUP(cleanup_free)
		char *own = slash ? xstrndup(name, (size_t)(slash - name)) : xstrdup(name);
		int err = !slash == !folders ? view_list_add(out, v, own, ref) : 0;
		if (err < 0)
			return err;
		i = i + 1;
		/* '/' sorts first: the next name that is not below differs at the slash. */
		while (slash && i < v->file_count &&
		       strncmp(v->files[i]->name, v->files[i - 1]->name,
			       len + (size_t)(slash - name) + 1) == 0)
			i++;
	}
	return 0;
}

int source_files_list(struct view_list *out, struct views *v, const struct ref *folder)
{
	return children(out, v, folder, false);
}

int source_folders_list(struct view_list *out, struct views *v, const struct ref *folder)
{
	return children(out, v, folder, true);
}

int source_file_detail(struct view_attr *attr, struct views *v, struct ref *ref)
{
	if ((size_t)ref->item >= v->file_count)
		return -ENOENT;
	const struct book_file *f = v->files[ref->item];
	attr->size_bytes = f->size_bytes;
	attr->costly = true;
	attr->of_book = true;
	if (f->mtime_unix_s > 0)
		attr->mtime_unix_ms = f->mtime_unix_s * 1000;
	return 0;
}

int source_folder_detail(struct view_attr *attr, struct views *v, struct ref *ref)
{
	if ((size_t)ref->item >= v->file_count || ref->chapter < 1 ||
	    prefix_bytes(v->files[ref->item]->name, ref->chapter) == 0)
		return -ENOENT;
	return 0;
}

int source_parent(struct ref *out, struct views *v, const struct ref *ref)
{
	if (ref->chapter <= 1) {
		*out = (struct ref){.kind = KIND_SOURCE};
		return 0;
	}
	const char *name = v->files[ref->item]->name;
	size_t len = prefix_bytes(name, ref->chapter - 1);
	*out = (struct ref){.kind = KIND_SOURCE_FOLDER,
			    .chapter = ref->chapter - 1,
			    .item = (int)lower_bound(v, 0, name, len)};
	return 0;
}
