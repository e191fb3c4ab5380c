/* SPDX-License-Identifier: MIT */
#include "tree.h"

#include <assert.h>
#include <string.h>

#define UNSIZED UINT64_MAX
#define INO_BASE ((uint64_t)1 << 40)

/* ---- node ids */

static_assert(KINDS <= VIEW_KINDS_MAX, "a kind fits its bits, and leaves three to fs");
static_assert(KIND_BITS + CHAPTER_BITS + ITEM_BITS == 40, "st_ino is the id below its version");
static_assert(KIND_ROOT == VIEW_ROOT, "the root is FUSE's");

uint64_t ref_node(const struct ref *ref)
{
	return (uint64_t)ref->kind | (uint64_t)ref->chapter << KIND_BITS |
	       (uint64_t)ref->item << (KIND_BITS + CHAPTER_BITS) | (uint64_t)ref->version << 40;
}

uint64_t ref_ino(const struct ref *ref)
{
	return INO_BASE | (ref_node(ref) & (INO_BASE - 1));
}

int ref_decode(struct ref *out, uint64_t node)
{
	unsigned kind = node & ((1 << KIND_BITS) - 1);
	if (kind == KIND_NONE || kind >= KINDS)
		return -ESTALE;
	out->kind = (enum kind)kind;
	out->chapter = (int)(node >> KIND_BITS & CHAPTER_MAX);
	out->item = (int)(node >> (KIND_BITS + CHAPTER_BITS) & ITEM_MAX);
	out->version = (uint32_t)(node >> 40);
	return 0;
}

/* Never 0: that is what has no versions, or no content yet. */
uint32_t version_of(int64_t number)
{
	return 1 + (uint32_t)((uint64_t)number % ((1u << VERSION_BITS) - 1));
}

/* ---- attributes */

static const struct {
	mode_t mode;
	bool versioned;
} classes[] = {
	[VIEW_FOLDER] = {S_IFDIR | 0555, false},  [VIEW_LINK] = {S_IFLNK | 0777, false},
	[VIEW_STABLE] = {S_IFREG | 0444, true},	  [VIEW_DOCUMENT] = {S_IFREG | 0444, true},
	[VIEW_GROWING] = {S_IFREG | 0444, false}, [VIEW_TRIGGER] = {S_IFREG | 0444, false},
	[VIEW_HOST] = {S_IFREG | 0444, false},	  [VIEW_STREAM] = {S_IFREG | 0444, false},
	[VIEW_CONTROL] = {S_IFREG | 0644, false},
};

/* Only a story's chapters have scenes to be changed. */
static bool is_editable(const struct views *v, const struct ref *ref)
{
	const struct node *n = &view_nodes[ref->kind];
	const struct book_chapter *c = n->of_chapter ? views_chapter(v, ref->chapter) : NULL;
	return n->edit != VIEW_EDIT_NONE && n->edit != VIEW_EDIT_PICTURE &&
	       (!n->of_chapter || (c && c->kind == BOOK_STORY));
}

/* Fills the version into ref and everything but the size into attr: no rendering. */
int ref_resolve(struct view_attr *out, struct views *v, struct ref *ref)
{
	const struct node *n = &view_nodes[ref->kind];
	if (n->of_chapter && !views_chapter(v, ref->chapter))
		return -ENOENT;
	struct stamp stamp = views_stamp(v, n->topic, n->of_chapter ? ref->chapter : 0);
	*out = (struct view_attr){
		.class = n->class,
		.host = n->host,
		.links = 1,
		.mtime_unix_ms = stamp.time_unix_ms,
		.size_bytes = n->render ? UNSIZED : 0,
		.volatile_list = n->volatile_list,
		.editable = is_editable(v, ref),
		.scratch = n->scratch,
		.chapter = n->of_chapter ? ref->chapter : 0,
	};
	ref->version = classes[n->class].versioned ? version_of(stamp.seq) : 0;
	if (n->detail) {
		int err = n->detail(out, v, ref);
		if (err < 0)
			return err;
	}
	if (out->class == VIEW_TRIGGER)
		out->size_bytes = VIEW_PLACEHOLDER_BYTES;
	out->mode = classes[out->class].mode | (out->editable || out->scratch ? S_IWUSR : 0);
	out->node = ref_node(ref);
	out->ino = ref_ino(ref);
	return 0;
}

static int render(struct entry **out, struct views *v, struct ref *ref)
{
	const struct node *n = &view_nodes[ref->kind];
	struct buf buf = {0};
	struct view_attr attr = {0};
	int err = store_snapshot_begin(v->reader);
	if (err < 0)
		return err;
	/* What is rendered is the state of one change number, and carries its version. */
	err = views_refresh(v);
	if (err == 0)
		err = ref_resolve(&attr, v, ref);
	if (err == 0 && !n->render)
		err = -ESTALE;
	if (err == 0)
		err = n->render(&buf, v, ref);
	store_snapshot_end(v->reader);
	if (err == 0)
		err = buf_error(&buf);
	if (err < 0) {
		buf_finish(&buf);
		return err;
	}
	size_t len;
	char *data = buf_steal(&buf, &len);
	*out = cache_find(v, ref_node(ref));
	if (*out) /* rendered before, under this very version */
		free(data);
	else
		*out = cache_add(v, ref_node(ref), data, len, attr.mtime_unix_ms);
	return 0;
}

/* The size that the content really has. A document is rendered for it and kept, so that the
 * version that is handed out here can be opened. */
static int measure(struct view_attr *attr, struct views *v, struct ref *ref)
{
	struct entry *e = cache_find(v, attr->node);
	if (!e && attr->size_bytes != UNSIZED)
		return 0;
	if (!e && attr->class == VIEW_STABLE && cache_memo_size(&attr->size_bytes, v, attr->node))
		return 0;
	if (!e) {
		int err = render(&e, v, ref);
		if (err < 0)
			return err;
		err = ref_resolve(attr, v, ref);
		if (err < 0)
			return err;
		cache_memo_set(v, e->node, e->content.len);
	}
	cache_handed(v, e);
	if (attr->class != VIEW_TRIGGER)
		attr->size_bytes = e->content.len;
	return 0;
}

static int face(struct view_attr *out, struct views *v, struct ref *ref)
{
	struct view_attr attr;
	int err = ref_resolve(&attr, v, ref);
	if (err == 0 && view_nodes[ref->kind].render && attr.class != VIEW_TRIGGER)
		err = measure(&attr, v, ref);
	if (err == 0 && attr.class == VIEW_GROWING)
		err = growing_size(&attr.size_bytes, v, ref);
	if (err < 0)
		return err;
	if (attr.class == VIEW_LINK) {
		char *target = view_nodes[ref->kind].target(v, ref);
		if (!target)
			return -ENOENT;
		attr.size_bytes = strlen(target);
		free(target);
	}
	*out = attr;
	return 0;
}

static bool is_of_analysis(enum kind kind)
{
	return kind == KIND_CONCEPTS || kind == KIND_CHAPTER_ELEMENTS;
}

/* A version that is past, but was handed out a moment ago or is held open. */
static int past(struct view_attr *out, struct views *v, const struct ref *ref)
{
	struct entry *e = cache_find(v, ref_node(ref));
	if (!e)
		return -ESTALE;
	*out = (struct view_attr){
		.node = e->node,
		.ino = ref_ino(ref),
		.class = view_nodes[ref->kind].class,
		.links = 1,
		.mode = S_IFREG | 0444,
		.size_bytes = e->content.len,
		.mtime_unix_ms = e->mtime_unix_ms,
		.chapter = view_nodes[ref->kind].of_chapter ? ref->chapter : 0,
	};
	out->editable = is_editable(v, ref);
	out->mode |= out->editable ? S_IWUSR : 0;
	return 0;
}

bool view_trigger_of(struct view_attr *out, uint64_t node)
{
	struct ref ref;
	if (ref_decode(&ref, node) < 0 || !is_of_analysis(ref.kind))
		return false;
	*out = (struct view_attr){
		.class = VIEW_TRIGGER, .node = node, .ino = ref_ino(&ref), .chapter = ref.chapter};
	return true;
}

bool view_is_text(uint64_t node)
{
	struct ref ref;
	return ref_decode(&ref, node) == 0 && ref.kind == KIND_TEXT;
}

/* A version is the number of an event: of how many events ago? */
bool view_is_latest(struct views *v, uint64_t node)
{
	const uint32_t versions = (1u << VERSION_BITS) - 1;
	struct ref ref;
	if (ref_decode(&ref, node) < 0 || !ref.version || !view_nodes[ref.kind].of_chapter ||
	    views_refresh(v) < 0 || !views_chapter(v, ref.chapter))
		return false;
	uint32_t ago = (version_of(v->seq) + versions - ref.version) % versions;
	return v->seq - ago >= v->chapters[ref.chapter - 1].topics[view_nodes[ref.kind].topic].seq;
}

int view_attr(struct view_attr *out, struct views *v, uint64_t node)
{
	struct ref ref;
	int err = ref_decode(&ref, node);
	if (err == 0)
		err = views_refresh(v);
	if (err < 0)
		return err;
	struct ref now = ref;
	struct view_attr attr;
	err = face(&attr, v, &now);
	if (err < 0 && err != -ENOENT)
		return err;
	if (err < 0 || attr.node != node)
		return past(out, v, &ref);
	*out = attr;
	return 0;
}

int view_attr_now(struct view_attr *out, struct views *v, uint64_t node)
{
	struct ref ref;
	int err = ref_decode(&ref, node);
	if (err == 0)
		err = views_refresh(v);
	if (err == 0)
		err = face(out, v, &ref);
	return err == -ENOENT ? -ESTALE : err;
}

/* ---- folders */

static enum kind folder_kind(enum kind kind)
{
	return kind == KIND_SOURCE_FOLDER ? KIND_SOURCE : kind;
}

int folder_decode(struct ref *out, struct views *v, uint64_t node)
{
	int err = ref_decode(out, node);
	if (err == 0)
		err = views_refresh(v);
	if (err < 0)
		return err;
	if (view_nodes[out->kind].class != VIEW_FOLDER)
		return -ENOTDIR;
	struct view_attr attr;
	err = ref_resolve(&attr, v, out);
	return err == -ENOENT ? -ESTALE : err;
}

int child_find(struct ref *out, struct views *v, const struct ref *folder, const char *name)
{
	for (int kind = 0; kind < KINDS; kind++) {
		const struct node *n = &view_nodes[kind];
		if (n->parent != folder_kind(folder->kind))
			continue;
		struct ref child = {.kind = (enum kind)kind, .chapter = folder->chapter};
		if (n->name && strcmp(n->name, name) != 0)
			continue;
		int err = n->name ? 0 : n->find(&child, v, folder, name);
		if (err == -ENOENT)
			continue;
		if (err == 0)
			*out = child;
		return err;
	}
	return -ENOENT;
}

int view_lookup(struct view_attr *out, struct views *v, uint64_t folder, const char *name)
{
	struct ref ref, child;
	int err = folder_decode(&ref, v, folder);
	if (err == 0)
		err = child_find(&child, v, &ref, name);
	return err < 0 ? err : face(out, v, &child);
}

int view_parent(uint64_t *parent, struct views *v, uint64_t folder)
{
	struct ref ref;
	int err = folder_decode(&ref, v, folder);
	if (err < 0)
		return err;
	struct ref up = {.kind = view_nodes[ref.kind].parent};
	if (ref.kind == KIND_ROOT)
		up.kind = KIND_ROOT;
	if (view_nodes[up.kind].of_chapter)
		up.chapter = ref.chapter;
	if (ref.kind == KIND_SOURCE_FOLDER) {
		err = source_parent(&up, v, &ref);
		if (err < 0)
			return err;
	}
	*parent = ref_node(&up);
	return 0;
}

int view_link(char **target, struct views *v, uint64_t node)
{
	struct ref ref;
	int err = ref_decode(&ref, node);
	if (err == 0)
		err = views_refresh(v);
	if (err < 0)
		return err;
	if (view_nodes[ref.kind].class != VIEW_LINK)
		return -EINVAL;
	struct view_attr attr;
	err = ref_resolve(&attr, v, &ref);
	if (err < 0 || attr.node != node)
		return -ESTALE;
	char *path = view_nodes[ref.kind].target(v, &ref);
	if (!path)
		return -ESTALE;
	*target = path;
	return 0;
}

/* A name that is not there any more when it is looked at is left out. */
int view_list_add(struct view_list *l, struct views *v, const char *name, struct ref ref)
{
	struct view_attr attr;
	int err = ref_resolve(&attr, v, &ref);
	if (err < 0)
		return err == -ENOENT ? 0 : err;
	l->items = xgrow(l->items, &l->cap, l->len + 1, sizeof(l->items[0]));
	l->items[l->len++] = (struct view_item){
		.name = xstrdup(name), .node = attr.node, .ino = attr.ino, .mode = attr.mode};
	return 0;
}

static int list_kind(struct view_list *l, struct views *v, const struct ref *folder, enum kind kind)
{
	const struct node *n = &view_nodes[kind];
	if (n->hidden)
		return 0;
	if (!n->name)
		return n->list(l, v, folder);
	return view_list_add(l, v, n->name, (struct ref){.kind = kind, .chapter = folder->chapter});
}

static int list_all(struct view_list *l, struct views *v, const struct ref *folder)
{
	for (int kind = 0; kind < KINDS; kind++) {
		if (kind == KIND_ROOT || view_nodes[kind].parent != folder_kind(folder->kind))
			continue;
		int err = list_kind(l, v, folder, (enum kind)kind);
		if (err < 0)
			return err;
	}
	return 0;
}

int view_list(struct view_list **out, struct views *v, uint64_t folder)
{
	struct ref ref;
	int err = store_snapshot_begin(v->reader);
	if (err < 0)
		return err;
	struct view_list *l = xcalloc(1, sizeof(*l));
	err = folder_decode(&ref, v, folder);
	if (err == 0)
		err = list_all(l, v, &ref);
	store_snapshot_end(v->reader);
	if (err < 0) {
		view_list_free(l);
		return err;
	}
	*out = l;
	return 0;
}

struct view_list *view_list_free(struct view_list *l)
{
	if (!l)
		return NULL;
	for (size_t i = 0; i < l->len; i++)
		free(l->items[i].name);
	free(l->items);
	free(l);
	return NULL;
}

/* ---- contents */

static int content_make(struct entry **out, struct views *v, const struct ref *ref)
{
	struct ref now = *ref;
	struct view_attr attr;
	int err = ref_resolve(&attr, v, &now);
	if (err == -ENOENT || (err == 0 && attr.node != ref_node(ref)))
		return -ESTALE;
	if (err < 0)
		return err;
	if (attr.class == VIEW_GROWING)
		return growing_content(out, v, &now);
	if (attr.costly)
		return -EAGAIN;
	if (attr.class != VIEW_STABLE && attr.class != VIEW_DOCUMENT)
		return -EINVAL;
	err = render(out, v, &now);
	if (err < 0)
		return err;
	return (*out)->node == ref_node(ref) ? 0 : -ESTALE;
}

int view_content(struct view_content **out, struct views *v, uint64_t node)
{
	struct ref ref;
	int err = ref_decode(&ref, node);
	if (err < 0)
		return err;
	struct entry *e = cache_find(v, node);
	if (!e) {
		err = views_refresh(v);
		if (err == 0)
			err = content_make(&e, v, &ref);
	}
	if (err < 0)
		return err;
	assert(e);
	e->content.refs++;
	*out = &e->content;
	return 0;
}

struct view_content *view_content_release(struct views *v, struct view_content *c)
{
	if (c)
		cache_entry_release(v, (struct entry *)c);
	return NULL;
}
