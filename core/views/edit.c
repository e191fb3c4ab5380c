/* SPDX-License-Identifier: MIT */
#include "tree.h"

#include <stdio.h>
#include <string.h>

/* What persons bring, as files: the style and the presets to start from, portraits, the approval of
 * a chapter, the journal of all that. And what a name means to somebody who wants to change it. */

/* ---- portraits: by the element they are of, as it is called now */

void portraits_drop(struct views *v)
{
	free(v->portraits.items);
	v->portraits = (struct portraits){0};
}

static struct portrait *portrait_at(struct views *v, int item)
{
	for (size_t i = 0; i < v->portraits.len; i++)
		if (v->portraits.items[i].item == item)
			return &v->portraits.items[i];
	return NULL;
}

/* Of two that were of two elements which are one now, the newer is it. */
static int portrait_add(void *arg, const struct store_portrait *p)
{
	struct views *v = arg;
	struct portraits *list = &v->portraits;
	size_t i = catalogue_owner(v->cast.catalogue, p->type, p->name);
	if (i == NO_ENTRY || v->cast.items[i] < 0)
		return 0;
	struct portrait *have = portrait_at(v, v->cast.items[i]);
	if (have && have->id > p->id)
		return 0;
	if (!have) {
		list->items = xgrow(list->items, &list->cap, list->len + 1, sizeof(*list->items));
		have = &list->items[list->len++];
	}
	*have = (struct portrait){
		.id = p->id,
		.made_unix_ms = p->made_unix_ms,
		.size_bytes = (uint64_t)p->size_bytes,
		.item = v->cast.items[i],
		.type = v->cast.catalogue->entries[i].type,
		.drawn = p->prompt,
		.outdated = p->prompt &&
			    !prompt_portrait_shows(p->prompt, &v->cast.catalogue->entries[i]),
	};
	memcpy(have->ext, p->ext, sizeof(have->ext));
	return 0;
}

static int portraits_renew(struct views *v)
{
	const struct catalogue *all;
	int64_t seq = v->topics[TOPIC_CAST].seq + 1; /* 0: not read */
	if (v->portraits.seq == seq)
		return 0;
	int err = views_catalogue(&all, v);
	if (err < 0)
		return err;
	portraits_drop(v);
	err = store_portraits(v->reader, portrait_add, v);
	if (err == 0)
		v->portraits.seq = seq;
	return err;
}

static int one(void *arg, const struct store_portrait *p)
{
	return 1;
}

int portraits_read(const struct portraits **out, struct views *v)
{
	static const struct portraits none;
	int err = store_portraits(v->reader, one, NULL);
	*out = err > 0 ? &v->portraits : &none;
	return err > 0 ? portraits_renew(v) : err;
}

int64_t portrait_id(struct views *v, int item)
{
	const struct portrait *p = portraits_renew(v) < 0 ? NULL : portrait_at(v, item);
	return p ? p->id : 0;
}

static const char *const picture_exts[] = {"png", "jpg", "webp"};

/* The bytes of a name before ".png" and the like; 0: it is no picture's. */
static size_t picture_stem(const char *name)
{
	const char *dot = strrchr(name, '.');
	for (size_t i = 0; dot && i < ARRAY_LEN(picture_exts); i++)
		if (strcmp(dot + 1, picture_exts[i]) == 0)
			return (size_t)(dot - name);
	return 0;
}

int portraits_find(struct ref *child, struct views *v, const struct ref *folder, const char *name)
{
	size_t stem = picture_stem(name);
	int item = stem ? element_named(v, folder->item, name, stem) : -1;
	int err = item < 0 ? -ENOENT : portraits_renew(v);
	if (err < 0)
		return err;
	const struct portrait *p = portrait_at(v, item);
	if (!p || strcmp(name + stem + 1, p->ext) != 0)
		return -ENOENT;
	child->item = item;
	return 0;
}

int portraits_list(struct view_list *out, struct views *v, const struct ref *folder)
{
	int err = portraits_renew(v);
	for (size_t i = 0; err == 0 && i < v->portraits.len; i++) {
		const struct portrait *p = &v->portraits.items[i];
		const struct catalogue_entry *e = element_entry(v, p->item);
		const struct ref ref = {.kind = KIND_PORTRAIT, .item = p->item};
		char name[KEY_BYTES];
		if ((int)p->type != folder->item || !e)
			continue;
		snprintf(name, sizeof(name), "%s.%s", e->file, p->ext);
		err = view_list_add(out, v, name, ref);
	}
	return err;
}

char *portrait_path(struct views *v, const struct portrait *p)
{
	const struct catalogue_entry *e = element_entry(v, p->item);
	return xasprintf("elements/%s/%s.%s", element_type_folder(p->type), e ? e->file : "",
			 p->ext);
}

int portrait_detail(struct view_attr *attr, struct views *v, struct ref *ref)
{
	int err = portraits_renew(v);
	if (err < 0)
		return err;
	const struct portrait *p = portrait_at(v, ref->item);
	if (!p)
		return -ENOENT;
	ref->version = version_of(p->id);
	attr->mtime_unix_ms = p->made_unix_ms;
	attr->size_bytes = p->size_bytes;
	attr->costly = true;
	return 0;
}

/* ---- style.md, .bookfs/styles/ */

int render_style(struct buf *out, struct views *v, const struct ref *ref)
{
	int64_t id;
	int err = store_style(out, &id, v->reader);
	return err < 0 || id ? err : style_none(out);
}

int presets_find(struct ref *child, struct views *v, const struct ref *folder, const char *name)
{
	char real[NAME_BYTES];
	const struct style_preset *p;
	for (int i = 0; (p = style_preset((size_t)i)); i++) {
		snprintf(real, sizeof(real), "%s.md", p->name);
		child->item = i;
		if (strcmp(real, name) == 0)
			return 0;
	}
	return -ENOENT;
}

int presets_list(struct view_list *out, struct views *v, const struct ref *folder)
{
	const struct style_preset *p;
	int err = 0;
	for (int i = 0; err == 0 && (p = style_preset((size_t)i)); i++) {
		const struct ref ref = {.kind = KIND_STYLE_PRESET, .item = i};
		char name[NAME_BYTES];
		snprintf(name, sizeof(name), "%s.md", p->name);
		err = view_list_add(out, v, name, ref);
	}
	return err;
}

int render_preset(struct buf *out, struct views *v, const struct ref *ref)
{
	const struct style_preset *p = style_preset((size_t)ref->item);
	return p ? buf_adds(out, p->body) : -ENOENT;
}

/* ---- chapters/N/approved */

int approved_detail(struct view_attr *attr, struct views *v, struct ref *ref)
{
	int yes = store_approved(v->reader, ref->chapter);
	return yes < 0 ? yes : yes ? 0 : -ENOENT;
}

int render_approved(struct buf *out, struct views *v, const struct ref *ref)
{
	return 0;
}

/* ---- .bookfs/history: the newest last, as a log is read */

struct history {
	struct strv lines;
};

static int history_add(void *arg, const struct store_edit *e)
{
	struct history *h = arg;
	char when[ISO_TIME_BYTES];
	clock_iso(when, e->time_unix_ms);
	CLEANUP(cleanup_free)
	char *line = xasprintf("%lld  %s  %-9s  %s%s%s%s", (long long)e->id, when,
			       edit_kind_name(e->kind), e->subject, e->detail[0] ? ": " : "",
			       e->detail, e->undone_unix_ms ? " (undone)" : "");
	strv_add(&h->lines, line);
	return 0;
}

int render_history(struct buf *out, struct views *v, const struct ref *ref)
{
	struct history h = {0};
	int err = store_edits(v->reader, 0, history_add, &h);
	for (size_t i = h.lines.len; err == 0 && i-- > 0;) {
		views_add_flat(out, h.lines.items[i]);
		buf_addc(out, '\n');
	}
	strv_finish(&h.lines);
	return err < 0 ? err : buf_error(out);
}

/* ---- what a name means to who changes it */

static const char *type_folder(int type)
{
	return element_type_folder((enum element_type)type);
}

/* In elements/TYPE/: NAME.md and NAME.png. Editors' own names are neither: .x, #x#. */
static void new_in_type(struct view_subject *out, const struct ref *folder, const char *name)
{
	size_t len = strlen(name), stem = picture_stem(name);
	if (name[0] == '.' || name[0] == '#' || len >= NAME_BYTES || !utf8_valid(name, len))
		return;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
			return;
	out->what = stem ? VIEW_EDIT_PORTRAIT : VIEW_EDIT_ELEMENT;
	if (!stem && len > 3 && strcmp(name + len - 3, ".md") == 0)
		stem = len - 3;
	if (!stem)
		out->what = VIEW_EDIT_NONE;
	out->type = (enum element_type)folder->item;
	snprintf(out->stem, sizeof(out->stem), "%.*s", (int)stem, name);
	snprintf(out->path, sizeof(out->path), "elements/%s/%s", type_folder(folder->item), name);
}

static void element_subject(struct view_subject *out, struct views *v, const struct ref *ref)
{
	const struct catalogue_entry *e = element_entry(v, ref->item);
	const char *ext = "md";
	if (!e)
		return;
	if (ref->kind == KIND_PORTRAIT) {
		const struct portrait *p = portrait_at(v, ref->item);
		out->portrait = p ? p->id : 0;
		ext = p ? p->ext : "png";
	}
	out->type = e->type;
	snprintf(out->stem, sizeof(out->stem), "%s", e->file);
	snprintf(out->path, sizeof(out->path), "elements/%s/%s.%s", type_folder((int)e->type),
		 e->file, ext);
}

static void subject_of(struct view_subject *out, struct views *v, struct ref *ref)
{
	const struct node *n = &view_nodes[ref->kind];
	struct view_attr attr;
	char called[NAME_BYTES];
	bool here = ref_resolve(&attr, v, ref) == 0;
	*out = (struct view_subject){
		.what = n->edit,
		.chapter = n->of_chapter ? ref->chapter : 0,
		.node = here ? attr.node : 0,
	};
	if (n->edit == VIEW_EDIT_ELEMENT || n->edit == VIEW_EDIT_PORTRAIT) {
		element_subject(out, v, ref);
	} else if (n->edit == VIEW_EDIT_PICTURE) {
		out->scene = ref->item;
		snprintf(out->path, sizeof(out->path), "images/chapter_%d_scene_%d", ref->chapter,
			 ref->item);
	} else if (n->of_chapter && n->name) {
		chapter_name(called, v, ref->chapter);
		snprintf(out->path, sizeof(out->path), "chapters/%s/%s", called, n->name);
	} else if (n->name) {
		snprintf(out->path, sizeof(out->path), "%s", n->name);
	}
}

int view_subject(struct view_subject *out, struct views *v, uint64_t folder, const char *name)
{
	struct ref ref, child;
	int err = folder_decode(&ref, v, folder);
	if (err < 0)
		return err;
	err = child_find(&child, v, &ref, name);
	if (err == 0)
		subject_of(out, v, &child);
	else
		*out = (struct view_subject){0};
	if (err == -ENOENT && ref.kind == KIND_ELEMENT_TYPE)
		new_in_type(out, &ref, name);
	return err == -ENOENT ? 0 : err;
}

int view_subject_of(struct view_subject *out, struct views *v, uint64_t node)
{
	struct ref ref;
	int err = ref_decode(&ref, node);
	if (err == 0)
		err = views_refresh(v);
	if (err == 0)
		subject_of(out, v, &ref);
	return err;
}

void view_subject_named(struct view_subject *s, struct views *v)
{
	const char *name = strrchr(s->path, '/');
	struct ref folder = {.kind = KIND_ROOT};
	if (s->chapter)
		folder = (struct ref){.kind = KIND_CHAPTER, .chapter = s->chapter};
	else if (name)
		folder = (struct ref){.kind = KIND_ELEMENT_TYPE, .item = (int)s->type};
	struct view_subject now;
	if (view_subject(&now, v, ref_node(&folder), name ? name + 1 : s->path) == 0)
		*s = now;
}

int view_chapter_text(struct buf *out, struct views *v, int chapter)
{
	int err = views_refresh(v);
	if (err < 0)
		return err;
	const struct book_chapter *c = views_chapter(v, chapter);
	return c ? store_text(out, v->reader, c->text_id) : -ENOENT;
}

const struct catalogue_entry *view_element(struct views *v, enum element_type type,
					   const char *stem)
{
	if (views_refresh(v) < 0)
		return NULL;
	int item = element_named(v, (int)type, stem, strlen(stem));
	return item < 0 ? NULL : element_entry(v, item);
}

const struct catalogue_entry *view_element_called(struct views *v, enum element_type type,
						  const char *name)
{
	const struct catalogue *all;
	if (views_refresh(v) < 0 || views_catalogue(&all, v) < 0)
		return NULL;
	size_t i = catalogue_find(all, type, name);
	if (i == NO_ENTRY)
		return NULL;
	CLEANUP(cleanup_free) char *folded = fold_name(name);
	CLEANUP(cleanup_free) char *own = fold_name(all->entries[i].name);
	return strcmp(folded, own) == 0 ? NULL : &all->entries[i];
}

int view_subject_bytes(struct buf *out, struct views *v, const struct view_subject *s)
{
	struct ref ref;
	if (!s->node)
		return 0;
	int err = ref_decode(&ref, s->node);
	if (err == 0)
		err = views_refresh(v);
	if (err < 0)
		return err;
	if (ref.kind == KIND_PORTRAIT)
		return store_portrait_bytes(out, v->reader, s->portrait);
	return view_nodes[ref.kind].render ? view_nodes[ref.kind].render(out, v, &ref) : 0;
}
