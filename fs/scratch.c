/* SPDX-License-Identifier: MIT */
#include "scratch.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Below 2^53 and above all st_ino of views, beside those of fs's own files. */
#define INO_DRAFT(serial) (((uint64_t)1 << 51) + (serial))

struct drafts {
	struct fs *fs;
	struct link list;
	uint64_t serials;
	size_t count, named, bytes;
};

struct drafts *drafts_new(struct fs *fs)
{
	struct drafts *all = xcalloc(1, sizeof(*all));

	all->fs = fs;
	ring_init(&all->list);
	return all;
}

static struct draft *owner(struct link *l)
{
	return LINK_OWNER(l, struct draft, link);
}

static void draft_free(struct draft *d)
{
	d->all->bytes -= d->bytes.len;
	d->all->count--;
	ring_remove(&d->link);
	buf_finish(&d->bytes);
	free(d);
}

struct drafts *drafts_free(struct drafts *all)
{
	while (all && !ring_empty(&all->list))
		draft_free(owner(all->list.next));
	free(all);
	return NULL;
}

bool drafts_any(const struct drafts *all)
{
	return all->count != 0;
}

bool drafts_write(const struct drafts *all, uint64_t ino)
{
	for (struct link *l = all->list.next; l != &all->list; l = l->next)
		if (owner(l)->ino == ino)
			return true;
	return false;
}

/* ---- life */

int draft_new(struct draft **out, struct drafts *all, uint64_t folder, const char *name)
{
	struct draft *d;

	if (all->count == DRAFTS_MOST || (name && all->named == SCRATCH_MOST))
		return -ENOSPC;
	d = xcalloc(1, sizeof(*d));
	d->all = all;
	d->fs = all->fs;
	d->serial = ++all->serials;
	d->ino = INO_DRAFT(d->serial);
	d->mode = S_IFREG | 0644;
	d->mtime_unix_ms = clock_unix_ms();
	d->bytes.max_bytes = DRAFT_BYTES_MOST;
	d->refs = 1;
	all->count++;
	ring_add(&all->list, &d->link);
	if (name)
		draft_rename(d, folder, name);
	*out = d;
	return 0;
}

struct draft *draft_at(const struct drafts *all, uint64_t node)
{
	for (struct link *l = all->list.next; l != &all->list; l = l->next)
		if (draft_node(owner(l)) == node)
			return owner(l);
	return NULL;
}

struct draft *draft_named(const struct drafts *all, uint64_t folder, const char *name)
{
	for (struct link *l = all->list.next; l != &all->list; l = l->next)
		if (owner(l)->folder == folder && !strcmp(owner(l)->name, name))
			return owner(l);
	return NULL;
}

void draft_hold(struct draft *d)
{
	d->refs++;
}

void draft_release(struct draft *d)
{
	if (--d->refs > 0)
		return;
	/* What was to become something has its name while it is written. */
	if (d->folder && d->subject.what != VIEW_EDIT_NONE)
		draft_rename(d, 0, NULL);
	else if (!d->folder)
		draft_free(d);
}

void draft_rename(struct draft *d, uint64_t folder, const char *name)
{
	d->all->named += (name != NULL) - (d->folder != 0);
	d->folder = name ? folder : 0;
	snprintf(d->name, sizeof(d->name), "%s", name ? name : "");
	if (!d->folder && d->refs == 0)
		draft_free(d);
}

void draft_orphan(struct draft *d)
{
	d->subject.what = VIEW_EDIT_NONE;
	draft_rename(d, 0, NULL);
}

/* ---- bytes */

static int most_bytes(const struct draft *d)
{
	return d->subject.what == VIEW_EDIT_NONE || d->subject.what == VIEW_EDIT_PORTRAIT
		       ? DRAFT_BYTES_MOST
		       : DRAFT_TEXT_BYTES_MOST;
}

int draft_resize(struct draft *d, size_t size)
{
	size_t had = d->bytes.len;

	if (size > (size_t)most_bytes(d))
		return -EFBIG;
	if (size > had && d->all->bytes + (size - had) > DRAFTS_BYTES_MOST)
		return -ENOSPC;
	if (size > had && buf_reserve(&d->bytes, size - had) < 0)
		return -ENOSPC;
	if (size > had)
		memset(d->bytes.data + had, 0, size - had + 1);
	else if (d->bytes.data)
		d->bytes.data[size] = '\0';
	d->bytes.len = size;
	d->all->bytes += size - had;
	d->head = d->head < size ? d->head : size;
	d->mtime_unix_ms = clock_unix_ms();
	return 0;
}

int draft_write(struct draft *d, const void *data, size_t len, off_t offset)
{
	size_t at = (size_t)offset, end = at + len;
	int r;

	if (offset < 0 || at > DRAFT_BYTES_MOST || len > DRAFT_BYTES_MOST)
		return -EFBIG;
	r = draft_resize(d, end > d->bytes.len ? end : d->bytes.len);
	if (r < 0)
		return r;
	if (len)
		memcpy(d->bytes.data + at, data, len);
	if (at <= d->head && end > d->head)
		d->head = end;
	return 0;
}

/* ---- what the kernel is told: nothing of it for longer than the answer */

uint64_t draft_node(const struct draft *d)
{
	return DRAFT_NODE | d->serial << 6;
}

void draft_stat(struct stat *st, const struct draft *d)
{
	const struct timespec when = clock_timespec(d->mtime_unix_ms);

	*st = (struct stat){
		.st_ino = d->ino,
		.st_mode = d->mode,
		.st_nlink = 1,
		.st_uid = getuid(),
		.st_gid = getgid(),
		.st_size = (off_t)d->bytes.len,
		.st_blocks = (blkcnt_t)((d->bytes.len + 511) / 512),
		.st_mtim = when,
		.st_ctim = when,
		.st_atim = when,
	};
}

void draft_entry(struct fuse_entry_param *e, const struct draft *d)
{
	*e = (struct fuse_entry_param){.ino = draft_node(d)};
	draft_stat(&e->attr, d);
}

bool drafts_list(struct view_list *list, const struct drafts *all, uint64_t folder)
{
	bool any = false;

	for (struct link *l = all->list.next; l != &all->list; l = l->next) {
		const struct draft *d = owner(l);

		if (d->folder != folder)
			continue;
		any = true;
		list->items = xgrow(list->items, &list->cap, list->len + 1, sizeof(*list->items));
		list->items[list->len++] = (struct view_item){.name = xstrdup(d->name),
							      .node = draft_node(d),
							      .ino = d->ino,
							      .mode = d->mode};
	}
	return any;
}
