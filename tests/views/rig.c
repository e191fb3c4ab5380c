/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <stdio.h>
#include <string.h>

const struct view_settings usual = {
	.provider = "builtin",
	.model = "extractive-1",
	.options = "scenes=2",
	.prompt_version = 1,
	.pages_per_image = 10,
	.images = true,
	.trigger = true,
};

void open_views(struct bench *b, const struct view_settings *settings)
{
	struct view_settings s = *settings;
	struct err err = {0};
	s.book_path = b->files.book_path;
	CHECK_INT(views_new(&b->views, b->store, &s, &err), 0);
	if (!b->views) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
}

void bench_open_book(struct bench *b, struct book *book)
{
	struct err err = {0};
	*b = (struct bench){0};
	fixture_init(&b->files);
	CHECK_INT(loop_new(&b->loop, 2), 0);
	CHECK_INT(fixture_open(&b->store, &b->files, b->loop, &err), 0);
	CHECK_INT(import_book(b->store, book), 0);
	free_book(book);
	open_views(b, &usual);
}

void bench_open(struct bench *b, int chapters)
{
	bench_open_book(b, make_book(chapters, 0));
}

void bench_close(struct bench *b)
{
	b->views = views_free(b->views);
	b->store = store_close(b->store);
	b->loop = loop_free(b->loop);
	fixture_finish(&b->files);
}

void analyse(struct bench *b, int chapter, int concepts, const char *word)
{
	struct store_job job = {0};
	CHECK(wish(b->store, chapter, true, true) >= 0);
	CHECK_INT(claim(&job, b->store, JOB_ANALYZE), 1);
	CHECK_INT(job.chapter, chapter);
	CHECK_INT(finish_analysis(b->store, job.id, concepts, word), 0);
	store_job_finish(&job);
}

void draw(struct bench *b, const char *bytes)
{
	struct store_job job = {0};
	CHECK_INT(claim_for(&job, b->store, JOB_ILLUSTRATE, builtin_info.image_profile), 1);
	CHECK_INT(finish_picture(b->store, job.id, bytes, strlen(bytes)), 0);
	store_job_finish(&job);
}

/* ---- paths */

int find(struct view_attr *out, struct bench *b, const char *path)
{
	CLEANUP(cleanup_free) char *copy = xstrdup(path);
	char *save, *name = strtok_r(copy, "/", &save);
	int err = view_attr(out, b->views, VIEW_ROOT);
	for (; name && err == 0; name = strtok_r(NULL, "/", &save))
		err = view_lookup(out, b->views, out->node, name);
	return err;
}

struct view_attr at(struct bench *b, const char *path)
{
	struct view_attr attr = {0};
	int err = find(&attr, b, path);
	if (err < 0)
		fprintf(stderr, "%s: %s\n", path, strerror(-err));
	CHECK_INT(err, 0);
	return attr;
}

/* The bytes behind a path, "" after a failing check; owned. The size was true before. */
char *text(struct bench *b, const char *path)
{
	struct view_attr attr = at(b, path);
	struct view_content *c = NULL;
	int err = view_content(&c, b->views, attr.node);
	if (err < 0)
		fprintf(stderr, "%s: %s\n", path, strerror(-err));
	CHECK_INT(err, 0);
	if (!c)
		return xstrdup("");
	CHECK_INT(c->len, attr.size_bytes);
	char *copy = xstrndup(c->data, c->len);
	view_content_release(b->views, c);
	return copy;
}

cJSON *json(struct bench *b, const char *path)
{
	CLEANUP(cleanup_free) char *s = text(b, path);
	cJSON *j = cJSON_Parse(s);
	CHECK(j != NULL);
	CHECK(s[0] && s[strlen(s) - 1] == '\n');
	return j ? j : cJSON_CreateObject();
}

const char *string(const cJSON *j, const char *key)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItem(j, key));
	return s ? s : "(none)";
}

double number(const cJSON *j, const char *key)
{
	const cJSON *n = cJSON_GetObjectItem(j, key);
	return n ? n->valuedouble : -1;
}

int length(const cJSON *j, const char *key)
{
	return cJSON_GetArraySize(cJSON_GetObjectItem(j, key));
}

char *names(struct bench *b, const char *path)
{
	struct view_attr attr = at(b, path);
	struct view_list *l = NULL;
	struct buf out = {0};
	CHECK_INT(view_list(&l, b->views, attr.node), 0);
	for (size_t i = 0; l && i < l->len; i++)
		buf_addf(&out, "%s%s", i ? " " : "", l->items[i].name);
	view_list_free(l);
	return buf_steal(&out, NULL);
}

void check_contains(struct bench *b, const char *path, const char *want)
{
	CLEANUP(cleanup_free) char *s = text(b, path);
	if (!strstr(s, want))
		fprintf(stderr, "%s has no \"%s\":\n%s\n", path, want, s);
	CHECK(strstr(s, want) != NULL);
}

/* ---- the whole tree */

#define WALK_MAX 4096
struct walk {
	struct bench *b;
	uint64_t inos[WALK_MAX];
	size_t count;
};

static void walk_item(struct walk *w, uint64_t folder, const struct view_item *item);

static void walk_folder(struct walk *w, uint64_t folder)
{
	struct view_list *l = NULL;
	CHECK_INT(view_list(&l, w->b->views, folder), 0);
	for (size_t i = 0; l && i < l->len; i++)
		walk_item(w, folder, &l->items[i]);
	view_list_free(l);
}

static void walk_content(struct walk *w, const struct view_attr *attr)
{
	struct view_content *c = NULL;
	int err = view_content(&c, w->b->views, attr->node);
	if (attr->costly) {
		CHECK_INT(err, -EAGAIN);
		return;
	}
	CHECK_INT(err, 0);
	CHECK_INT(c ? c->len : 0, attr->size_bytes);
	view_content_release(w->b->views, c);
}

static void walk_item(struct walk *w, uint64_t folder, const struct view_item *item)
{
	struct view_attr attr = {0}, same = {0};
	uint64_t parent = 0;
	char *target = NULL;
	CHECK_INT(view_lookup(&attr, w->b->views, folder, item->name), 0);
	CHECK_INT(attr.node, item->node);
	CHECK_INT(attr.ino, item->ino);
	CHECK_INT(attr.mode, item->mode);
	CHECK_INT(view_attr(&same, w->b->views, attr.node), 0);
	CHECK_INT(same.size_bytes, attr.size_bytes);
	CHECK(attr.ino > 1ull << 40 && attr.ino < 1ull << 53);
	CHECK(attr.mtime_unix_ms > 0);
	for (size_t i = 0; i < w->count; i++)
		CHECK(w->inos[i] != attr.ino);
	if (w->count < WALK_MAX)
		w->inos[w->count++] = attr.ino;
	switch (attr.class) {
	case VIEW_FOLDER:
		CHECK_INT(view_parent(&parent, w->b->views, attr.node), 0);
		CHECK_INT(parent, folder);
		walk_folder(w, attr.node);
		break;
	case VIEW_LINK:
		CHECK_INT(view_link(&target, w->b->views, attr.node), 0);
		CHECK_INT(target ? strlen(target) : 0, attr.size_bytes);
		free(target);
		break;
	case VIEW_TRIGGER:
		CHECK(attr.size_bytes > 0);
		break;
	case VIEW_STABLE:
	case VIEW_DOCUMENT:
	case VIEW_GROWING:
		walk_content(w, &attr);
		break;
	default:
		break;
	}
}

size_t walk_all(struct bench *b)
{
	struct walk *w = xcalloc(1, sizeof(*w));
	w->b = b;
	walk_folder(w, VIEW_ROOT);
	size_t count = w->count;
	free(w);
	return count;
}

/* ---- a story that is known */

static struct analysis *make_story(void)
{
	struct analysis *a = analysis_new();
	struct concept *c = analysis_add_concept(a);
	analysis_set(&c->quote.text, "one line\n\nanother");
	c->quote.offset = 990; /* from the first page into the second */
	c->quote.len = 20;
	analysis_set(&c->description, "a line\nand another");
	c = analysis_add_concept(a);
	analysis_set(&c->quote.text, "nowhere");
	analysis_set(&c->quote.page, "xii");
	c->quote.offset = QUOTE_NOT_FOUND;
	static const struct {
		enum element_type type;
		const char *name;
	} elements[] = {{ELEMENT_PLACE, "The Light/house"}, {ELEMENT_CHARACTER, "Ada"}};
	for (size_t i = 0; i < ARRAY_LEN(elements); i++) {
		struct element *e = analysis_add_element(a);
		e->type = elements[i].type;
		analysis_set(&e->name, elements[i].name);
		analysis_set(&e->description, "old and\ntall");
		struct quote *q = element_add_quote(e);
		analysis_set(&q->text, "seen from\nthe sea");
		q->offset = 0;
		q->len = 10;
	}
	return a;
}

void analyse_story(struct bench *b, int chapter)
{
	struct store_job job = {0};
	CLEANUP(analysis_free_cleanup) struct analysis *a = make_story();
	CHECK(wish(b->store, chapter, true, true) >= 0);
	CHECK_INT(claim(&job, b->store, JOB_ANALYZE), 1);
	CHECK_INT(finish_analysis_by(b->store, job.id, a, &builtin_info), 0);
	store_job_finish(&job);
}
