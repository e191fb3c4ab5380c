/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "check.h"
#include "fixture.h"
#include "views.h"

/* A store with a book, a loop and views of it. */
struct bench {
	struct fixture files;
	struct loop *loop;
	struct store *store;
	struct views *views;
};

static const struct view_settings usual = {
	.provider = "builtin",
	.model = "extractive-1",
	.options = "scenes=2",
	.prompt_version = 1,
	.pages_per_image = 10,
	.images = true,
	.trigger = true,
};

static void open_views(struct bench *b, const struct view_settings *settings)
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

static void bench_open_book(struct bench *b, struct book *book)
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

static void bench_open(struct bench *b, int chapters)
{
	bench_open_book(b, make_book(chapters, 0));
}

static void bench_close(struct bench *b)
{
	b->views = views_free(b->views);
	b->store = store_close(b->store);
	b->loop = loop_free(b->loop);
	fixture_finish(&b->files);
}

static void analyse(struct bench *b, int chapter, int concepts, const char *word)
{
	struct store_job job = {0};
	CHECK(wish(b->store, chapter, true, true) >= 0);
	CHECK_INT(claim(&job, b->store, JOB_ANALYZE), 1);
	CHECK_INT(job.chapter, chapter);
	CHECK_INT(finish_analysis(b->store, job.id, concepts, word), 0);
	store_job_finish(&job);
}

static void draw(struct bench *b, const char *bytes)
{
	struct store_job job = {0};
	CHECK_INT(claim_for(&job, b->store, JOB_ILLUSTRATE, builtin_info.image_profile), 1);
	CHECK_INT(finish_picture(b->store, job.id, bytes, strlen(bytes)), 0);
	store_job_finish(&job);
}

/* ---- paths */

static int find(struct view_attr *out, struct bench *b, const char *path)
{
	CLEANUP(cleanup_free) char *copy = xstrdup(path);
	char *save, *name = strtok_r(copy, "/", &save);
	int err = view_attr(out, b->views, VIEW_ROOT);
	for (; name && err == 0; name = strtok_r(NULL, "/", &save))
		err = view_lookup(out, b->views, out->node, name);
	return err;
}

static struct view_attr at(struct bench *b, const char *path)
{
	struct view_attr attr = {0};
	int err = find(&attr, b, path);
	if (err < 0)
		fprintf(stderr, "%s: %s\n", path, strerror(-err));
	CHECK_INT(err, 0);
	return attr;
}

/* The bytes behind a path, "" after a failing check; owned. The size was true before. */
static char *text(struct bench *b, const char *path)
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

static cJSON *json(struct bench *b, const char *path)
{
	CLEANUP(cleanup_free) char *s = text(b, path);
	cJSON *j = cJSON_Parse(s);
	CHECK(j != NULL);
	CHECK(s[0] && s[strlen(s) - 1] == '\n');
	return j ? j : cJSON_CreateObject();
}

static const char *string(const cJSON *j, const char *key)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItem(j, key));
	return s ? s : "(none)";
}

static double number(const cJSON *j, const char *key)
{
	const cJSON *n = cJSON_GetObjectItem(j, key);
	return n ? n->valuedouble : -1;
}

static int length(const cJSON *j, const char *key)
{
	return cJSON_GetArraySize(cJSON_GetObjectItem(j, key));
}

static char *names(struct bench *b, const char *path)
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

#define CHECK_TEXT(b, path, want)                                                                  \
	do {                                                                                       \
		CLEANUP(cleanup_free) char *check_text = text(b, path);                            \
		CHECK_STR(check_text, want);                                                       \
	} while (0)
#define CHECK_NAMES(b, path, want)                                                                 \
	do {                                                                                       \
		CLEANUP(cleanup_free) char *check_names = names(b, path);                          \
		CHECK_STR(check_names, want);                                                      \
	} while (0)

static void check_contains(struct bench *b, const char *path, const char *want)
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

static size_t walk_all(struct bench *b)
{
	struct walk *w = xcalloc(1, sizeof(*w));
	w->b = b;
	walk_folder(w, VIEW_ROOT);
	size_t count = w->count;
	free(w);
	return count;
}

static void test_tree(void)
{
	struct bench b;
	bench_open(&b, 5);
	CHECK_NAMES(&b, "/",
		    "book.json status.json Contents.md Chapters.md Elements.md progress.md "
		    "progress.analyze.md progress.illustrate.md .imaginize.state.json chapters "
		    "by-title elements images source .analyze.state .illustrate.state .bookfs");
	CHECK_NAMES(&b, "chapters", "1 2 3 4 5");
	CHECK_NAMES(
		&b, "chapters/2",
		"title text.md concepts.json elements.json status.json prompt.txt prompts images");
	CHECK_NAMES(&b, "by-title",
		    "01 Chapter the 1th 02 Chapter the 2th 03 Chapter the 3th 04 Chapter the 4th "
		    "05 Chapter the 5th");
	CHECK_NAMES(&b, "elements", "characters creatures places items");
	CHECK_NAMES(&b, "images", "");
	CHECK_NAMES(&b, ".bookfs", "ctl why waiting log seq events.log");
	CHECK_INT(at(&b, ".bookfs/events").class, VIEW_STREAM); /* reachable */
	CHECK_INT(at(&b, ".bookfs/ctl").host, HOST_CTL);
	size_t before = walk_all(&b);
	analyse(&b, 2, 2, "a cold lamp");
	draw(&b, "PICTURE");
	/* +1 picture, link, prompt; +2 concept states; +1 chapter state */
	CHECK_INT(walk_all(&b), before + 6);
	bench_close(&b);
}

static void test_no_such_names(void)
{
	static const char *const missing[] = {"chapters/0",
					      "chapters/6",
					      "chapters/01",
					      "chapters/1 ",
					      "chapters/+1",
					      "chapters/99999999999999999999",
					      "chapters/",
					      "images/chapter_2_scene_1.jpg",
					      "images/chapter_02_scene_1.png",
					      "images/chapter_2_scene_1.png.png",
					      "images/chapter_3_scene_1.png",
					      "images/chapter__scene_.png",
					      "chapters/3/images/chapter_2_scene_1.png",
					      "chapters/2/prompts/ch3_scene1.txt",
					      "chapters/2/prompts/ch2_scene01.txt",
					      "chapters/2/prompts/.txt",
					      "by-title/1 Chapter the 1th",
					      "by-title/01",
					      "elements/characters/.md",
					      "elements/characters/nobody.md",
					      "elements/persons",
					      ".analyze.state/chapter_02.json",
					      ".analyze.state/chapter_3.json",
					      ".illustrate.state/concept_1.json",
					      ".illustrate.state/concept_0001.json",
					      ".illustrate.state/concept_900.json",
					      "source/OPS/one",
					      "source/OP",
					      "source/OPS/one.xhtml2",
					      "locks",
					      "nothing"};
	struct bench b;
	struct view_attr attr;
	bench_open(&b, 5);
	analyse(&b, 2, 1, "a cold lamp");
	draw(&b, "PICTURE");
	for (size_t i = 0; i < ARRAY_LEN(missing); i++) {
		if (missing[i][strlen(missing[i]) - 1] == '/')
			continue;
		int err = find(&attr, &b, missing[i]);
		if (err != -ENOENT)
			fprintf(stderr, "%s is there\n", missing[i]);
		CHECK_INT(err, -ENOENT);
	}
	CHECK_INT(find(&attr, &b, "book.json/x"), -ENOTDIR);
	/* Ids nobody gave out. */
	unsigned long long seed = 11;
	for (int i = 0; i < 20000; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		struct view_content *c = NULL;
		struct view_list *l = NULL;
		char *target = NULL;
		uint64_t parent;
		view_attr(&attr, b.views, seed >> (i % 40));
		if (view_content(&c, b.views, seed >> (i % 40)) == 0)
			view_content_release(b.views, c);
		if (view_list(&l, b.views, seed >> (i % 40)) == 0)
			view_list_free(l);
		if (view_link(&target, b.views, seed >> (i % 40)) == 0)
			free(target);
		view_parent(&parent, b.views, seed >> (i % 40));
	}
	bench_close(&b);
}

/* ---- the trigger */

static void test_trigger(void)
{
	struct bench b;
	struct err err = {0};
	bench_open(&b, 5);
	struct view_attr before = at(&b, "chapters/2/concepts.json");
	CHECK_INT(before.class, VIEW_TRIGGER);
	CHECK_INT(before.chapter, 2);
	CHECK_INT(before.size_bytes, 4096);
	CHECK_INT(view_trigger(b.views, 2, clock_unix_ms(), &err), 0);
	struct view_content *c;
	CHECK_INT(view_content(&c, b.views, before.node), -EINVAL);
	struct view_attr elements = at(&b, "chapters/2/elements.json");
	CHECK_INT(elements.class, VIEW_TRIGGER);

	analyse(&b, 2, 2, "a cold lamp");
	CHECK_INT(view_trigger(b.views, 2, clock_unix_ms(), &err), 1);
	struct view_attr after = at(&b, "chapters/2/concepts.json"), again;
	CHECK_INT(after.class, VIEW_STABLE);
	CHECK(after.node != before.node);
	CHECK_INT(after.ino, before.ino);
	CHECK_INT(view_attr(&again, b.views, before.node), -ESTALE);
	CHECK(after.mtime_unix_ms > clock_unix_ms() - 10000);

	cJSON *j = json(&b, "chapters/2/concepts.json");
	CHECK_INT(number(j, "chapterNumber"), 2);
	CHECK_STR(string(j, "chapterTitle"), "Chapter the 2th");
	CHECK_STR(string(j, "status"), "completed");
	CHECK_STR(string(j, "provider"), "builtin");
	CHECK_INT(number(j, "tokensUsed"), 100);
	CHECK_INT(length(j, "concepts"), 2);
	const cJSON *concept = cJSON_GetArrayItem(cJSON_GetObjectItem(j, "concepts"), 1);
	CHECK_STR(string(concept, "id"), "ch2_scene2");
	CHECK_STR(string(concept, "pageRange"), "4");
	CHECK_STR(string(concept, "quote"), "a lantern swung");
	CHECK_STR(string(concept, "description"), "a cold lamp, scene 2");
	CHECK(!cJSON_GetObjectItem(concept, "quoteVerified"));
	CHECK(!cJSON_GetObjectItem(j, "outdated"));
	cJSON_Delete(j);
	CLEANUP(cleanup_free) char *one = text(&b, "chapters/2/concepts.json");
	CHECK_TEXT(&b, ".analyze.state/chapter_2.json", one);
	bench_close(&b);
}

static void test_front_matter(void)
{
	struct bench b;
	struct err err;
	bench_open(&b, 5);
	CHECK_INT(at(&b, "chapters/1/concepts.json").class, VIEW_STABLE);
	CHECK_INT(view_trigger(b.views, 1, clock_unix_ms(), &err), 1);
	cJSON *j = json(&b, "chapters/1/concepts.json");
	CHECK_STR(string(j, "status"), "skipped");
	CHECK(cJSON_IsArray(cJSON_GetObjectItem(j, "concepts")));
	CHECK_INT(length(j, "concepts"), 0);
	cJSON_Delete(j);
	j = json(&b, "chapters/5/elements.json");
	CHECK_STR(string(j, "status"), "skipped");
	CHECK(cJSON_IsArray(cJSON_GetObjectItem(j, "elements")));
	cJSON_Delete(j);
	CHECK_INT(at(&b, "chapters/1/prompt.txt").size_bytes, 0);
	bench_close(&b);
}

static void test_failures(void)
{
	struct bench b;
	struct err err = {0};
	struct store_job job = {0};
	bench_open(&b, 5);
	int64_t asked = clock_unix_ms();
	CHECK(wish(b.store, 3, true, false) >= 0);
	CHECK_INT(claim(&job, b.store, JOB_ANALYZE), 1);
	CHECK_INT(view_trigger(b.views, 3, asked, &err), 0);
	CHECK_INT(fail_job(b.store, job.id, 0), 0);
	store_job_finish(&job);
	CHECK(view_trigger(b.views, 3, asked, &err) < 0);
	CHECK(strstr(err.msg, "chapter 3: ") == err.msg);
	CHECK(view_trigger(b.views, 3, clock_unix_ms() + 10, &err) < 0); /* still fresh */
	CHECK_INT(at(&b, "chapters/3/concepts.json").class, VIEW_TRIGGER);
	cJSON *j = json(&b, ".analyze.state/chapter_3.json");
	CHECK_STR(string(j, "status"), "failed");
	CHECK(cJSON_IsArray(cJSON_GetObjectItem(j, "concepts")));
	CHECK(cJSON_GetObjectItem(j, "error") != NULL);
	cJSON_Delete(j);
	struct view_settings never = usual;
	never.trigger = false;
	views_free(b.views);
	open_views(&b, &never);
	CHECK_INT(view_trigger(b.views, 4, asked, &err), -ENODATA);
	CHECK_INT(at(&b, "chapters/4/concepts.json").class, VIEW_TRIGGER);
	CHECK_INT(view_trigger(b.views, 44, asked, &err), -ENOENT);
	bench_close(&b);
}

static void test_outdated(void)
{
	static const struct {
		const char *provider, *options;
		int prompt_version;
		const char *why;
	} cases[] = {
		{"openai", "scenes=2", 1, "made by builtin extractive-1, this mount uses openai "},
		{"builtin", "scenes=3", 1, "made with scenes=2, this mount uses scenes=3"},
		{"builtin", "scenes=2", 2, "made with prompt version 1, this is version 2"},
	};
	struct bench b;
	bench_open(&b, 5);
	analyse(&b, 2, 1, "a cold lamp");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct view_settings s = usual;
		s.provider = cases[i].provider;
		s.options = cases[i].options;
		s.prompt_version = cases[i].prompt_version;
		views_free(b.views);
		open_views(&b, &s);
		cJSON *j = json(&b, "chapters/2/concepts.json");
		CHECK_INT(length(j, "concepts"), 1); /* never hidden */
		CHECK(strstr(string(j, "outdated"), cases[i].why) != NULL);
		cJSON_Delete(j);
		j = json(&b, "status.json");
		const cJSON *c = cJSON_GetArrayItem(cJSON_GetObjectItem(j, "chapters"), 1);
		CHECK(strstr(string(c, "outdated"), cases[i].why) != NULL);
		cJSON_Delete(j);
	}
	bench_close(&b);
}

/* ---- versions */

static void test_versions(void)
{
	struct bench b;
	bench_open(&b, 5);
	struct view_attr first = at(&b, "status.json"), again = at(&b, "status.json");
	struct view_attr book = at(&b, "book.json");
	CHECK_INT(first.class, VIEW_DOCUMENT);
	CHECK_INT(first.node, again.node);
	CLEANUP(cleanup_free) char *before = text(&b, "status.json");
	analyse(&b, 2, 1, "a cold lamp");
	struct view_attr second = at(&b, "status.json");
	CHECK(second.node != first.node);
	CHECK_INT(second.ino, first.ino);
	CHECK_INT(at(&b, "book.json").node, book.node); /* not its business */
	/* Handed out seconds ago: it opens, and has the bytes it had. */
	struct view_content *c = NULL;
	CHECK_INT(view_attr(&again, b.views, first.node), 0);
	CHECK_INT(again.size_bytes, first.size_bytes);
	CHECK_INT(view_content(&c, b.views, first.node), 0);
	CHECK(c && c->len == strlen(before) && memcmp(c->data, before, c->len) == 0);
	/* What is held outlives everything; what is not is gone when the memory is wanted. */
	views_idle(b.views);
	CHECK(memcmp(c->data, before, c->len) == 0);
	view_content_release(b.views, c);
	views_idle(b.views);
	CHECK_INT(view_attr(&again, b.views, first.node), -ESTALE);
	CHECK_INT(view_content(&c, b.views, first.node), -ESTALE);
	/* A folder's time moves with its list. */
	struct view_attr images = at(&b, "images");
	CHECK(images.volatile_list);
	usleep(3000);
	draw(&b, "PICTURE");
	CHECK(at(&b, "images").mtime_unix_ms > images.mtime_unix_ms);
	CHECK_INT(at(&b, "images").node, images.node);
	bench_close(&b);
}

/* Equal ids, equal bytes: every document, after every kind of event. */
static void test_versions_follow_bytes(void)
{
	static const char *const paths[] = {"book.json",
					    "status.json",
					    "Contents.md",
					    "Chapters.md",
					    "Elements.md",
					    ".imaginize.state.json",
					    "chapters/2/status.json",
					    "chapters/3/status.json",
					    "chapters/2/title",
					    "chapters/2/text.md",
					    "chapters/2/prompt.txt",
					    ".analyze.state/manifest.json",
					    ".illustrate.state/manifest.json",
					    ".bookfs/seq"};
	struct bench b;
	uint64_t nodes[ARRAY_LEN(paths)] = {0};
	char *texts[ARRAY_LEN(paths)] = {0};
	struct store_job job = {0};
	bench_open(&b, 5);
	for (int step = 0; step < 10; step++) {
		if (step == 1)
			wish(b.store, 2, true, false);
		else if (step == 2)
			CHECK_INT(claim(&job, b.store, JOB_ANALYZE), 1);
		else if (step == 3)
			finish_analysis(b.store, job.id, 2, "a cold lamp");
		else if (step == 4)
			draw(&b, "ONE");
		else if (step == 5)
			pause_store(b.store, true);
		else if (step == 6)
			pause_store(b.store, false);
		else if (step == 7)
			draw(&b, "TWO");
		else if (step == 8)
			analyse(&b, 2, 1, "a warm lamp");
		views_idle(b.views); /* nothing is remembered: all is made again */
		for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
			struct view_attr attr = at(&b, paths[i]);
			char *now = text(&b, paths[i]);
			if (texts[i] && attr.node == nodes[i] && strcmp(now, texts[i]) != 0)
				fprintf(stderr, "step %d: %s\n", step, paths[i]);
			CHECK(!texts[i] || attr.node != nodes[i] || strcmp(now, texts[i]) == 0);
			free(texts[i]);
			texts[i] = now;
			nodes[i] = attr.node;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		free(texts[i]);
	store_job_finish(&job);
	bench_close(&b);
}

/* ---- append-only files */

static void test_growing(void)
{
	static const char *const paths[] = {"progress.md", "progress.analyze.md",
					    "progress.illustrate.md", ".bookfs/events.log"};
	struct bench b;
	char *texts[ARRAY_LEN(paths)] = {0};
	uint64_t nodes[ARRAY_LEN(paths)] = {0};
	struct view_content *held = NULL;
	bench_open(&b, 5);
	for (int step = 0; step < 6; step++) {
		if (step == 1)
			analyse(&b, 2, 2, "a cold lamp");
		else if (step == 2)
			draw(&b, "PICTURE");
		else if (step == 3)
			views_idle(b.views); /* made again from the first event on */
		else if (step == 4)
			analyse(&b, 3, 1, "a warm lamp");
		for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
			char *now = text(&b, paths[i]);
			if (texts[i])
				CHECK(strncmp(now, texts[i], strlen(texts[i])) == 0);
			if (nodes[i])
				CHECK_INT(at(&b, paths[i]).node, nodes[i]);
			nodes[i] = at(&b, paths[i]).node;
			free(texts[i]);
			texts[i] = now;
		}
		if (step == 0)
			CHECK_INT(view_content(&held, b.views, nodes[0]), 0);
	}
	CHECK(strncmp(texts[0], held->data, held->len) == 0); /* still there, still short */
	CHECK(held->len < strlen(texts[0]));
	view_content_release(b.views, held);
	CHECK(strstr(texts[0], "# Illustrate Progress Report\n") == texts[0]);
	CHECK(strstr(texts[0], "**Book:** The Lantern\n"));
	CHECK(strstr(texts[0], "✅ Completed Chapter 2: Chapter the 2th - "
			       "Found 2 visual concepts\n"));
	CHECK(strstr(texts[0], "images/chapter_2_scene_1.png"));
	CHECK(strstr(texts[1], "Completed Chapter 3") && !strstr(texts[1], "Drew"));
	CHECK(strstr(texts[2], "Drew ch2_scene1") && !strstr(texts[2], "Completed"));
	CHECK(strstr(texts[3], "\"event\":\"conceptsReady\",\"chapter\":2"));
	int64_t seq = 0; /* no event left out, none twice */
	for (const char *line = texts[3]; line && *line; line = strchr(line, '\n') + 1) {
		CHECK_INT(strtoll(line + strlen("{\"seq\":"), NULL, 10), seq + 1);
		seq++;
	}
	int64_t newest;
	CHECK_INT(store_seq(&newest, store_reader(b.store)), 0);
	CHECK_INT(seq, newest);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		free(texts[i]);
	bench_close(&b);
}

/* ---- pictures */

struct loading {
	struct bench *b;
	int answers, wanted, result;
	struct view_content *contents[4];
};

static void loaded(void *arg, int result, struct view_content *c)
{
	struct loading *l = arg;
	l->result = result;
	l->contents[l->answers++] = c;
	if (l->answers == l->wanted)
		loop_stop(l->b->loop);
}

static void load(struct loading *l, struct bench *b, uint64_t node, int times)
{
	*l = (struct loading){.b = b, .wanted = times};
	for (int i = 0; i < times; i++)
		view_load(b->views, b->loop, node, loaded, l);
	CHECK_INT(l->answers, 0);
	loop_run(b->loop);
}

static void release(struct loading *l)
{
	for (int i = 0; i < l->answers; i++)
		view_content_release(l->b->views, l->contents[i]);
}

static void test_pictures(void)
{
	struct bench b;
	struct loading l;
	bench_open(&b, 5);
	analyse(&b, 2, 2, "a cold lamp");
	CHECK_NAMES(&b, "images", "");
	CLEANUP(cleanup_free) char *plain = text(&b, "Chapters.md");
	CHECK(!strstr(plain, "Generated Image"));
	CHECK_NAMES(&b, ".illustrate.state", "concept_001.json concept_002.json manifest.json");
	draw(&b, "PICTURE");
	CHECK_NAMES(&b, "images", "chapter_2_scene_1.png");
	CHECK_NAMES(&b, "chapters/2/images", "chapter_2_scene_1.png");
	CHECK_NAMES(&b, "chapters/3/images", "");
	CHECK_NAMES(&b, "chapters/2/prompts", "ch2_scene1.txt");
	CHECK_TEXT(&b, "chapters/2/prompts/ch2_scene1.txt", "a lantern over grey water");
	struct view_attr attr = at(&b, "images/chapter_2_scene_1.png");
	CHECK_INT(attr.class, VIEW_STABLE);
	CHECK_INT(attr.size_bytes, 7);
	CHECK(attr.costly);
	char *target = NULL;
	CHECK_INT(
		view_link(&target, b.views, at(&b, "chapters/2/images/chapter_2_scene_1.png").node),
		0);
	CHECK_STR(target, "../../../images/chapter_2_scene_1.png");
	free(target);
	load(&l, &b, attr.node, 3);
	CHECK_INT(l.result, 0);
	CHECK(l.contents[0] && l.contents[0] == l.contents[1] && l.contents[1] == l.contents[2]);
	CHECK(l.contents[0]->len == 7 && memcmp(l.contents[0]->data, "PICTURE", 7) == 0);
	struct view_content *shared = NULL;
	CHECK_INT(view_content(&shared, b.views, attr.node), 0); /* it is there already */
	CHECK(shared == l.contents[0]);
	view_content_release(b.views, shared);
	release(&l);
	CHECK_INT(view_content(&shared, b.views, attr.node), -EAGAIN); /* and gone at once */
	load(&l, &b, attr.node + (1ull << 40), 1);
	CHECK_INT(l.result, -ESTALE);
	load(&l, &b, at(&b, "images").node, 1);
	CHECK_INT(l.result, -EINVAL); /* no bytes at all */
	check_contains(&b, "Chapters.md",
		       "**Generated Image:** [View Image](images/chapter_2_scene_1.png)");
	cJSON *j = json(&b, ".illustrate.state/concept_001.json");
	CHECK_STR(string(j, "conceptId"), "ch2_scene1");
	CHECK_STR(string(j, "status"), "completed");
	CHECK_STR(string(j, "imageUrl"), "chapter_2_scene_1.png");
	CHECK_STR(string(j, "enrichedPrompt"), "a lantern over grey water");
	cJSON_Delete(j);
	j = json(&b, ".illustrate.state/concept_002.json");
	CHECK_STR(string(j, "status"), "pending");
	CHECK(cJSON_IsNull(cJSON_GetObjectItem(j, "imageUrl")));
	cJSON_Delete(j);
	/* Views that go while a load is under way. */
	view_load(b.views, b.loop, attr.node, loaded, &l);
	bench_close(&b);
}

/* ---- documents */

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

static void analyse_story(struct bench *b, int chapter)
{
	struct store_job job = {0};
	CLEANUP(analysis_free_cleanup) struct analysis *a = make_story();
	CHECK(wish(b->store, chapter, true, true) >= 0);
	CHECK_INT(claim(&job, b->store, JOB_ANALYZE), 1);
	CHECK_INT(finish_analysis_by(b->store, job.id, a, &builtin_info), 0);
	store_job_finish(&job);
}

static void test_documents(void)
{
	struct bench b;
	struct book *book = make_book(5, 0);
	free(book->chapters[2].title);
	book->chapters[2].title = xstrdup(book->chapters[1].title);
	free(book->chapters[3].title);
	book->chapters[3].title = xstrdup("A/B: \"C\"");
	bench_open_book(&b, book);
	analyse_story(&b, 2);
	analyse_story(&b, 3);
	analyse_story(&b, 4);
	CHECK_TEXT(&b, "chapters/4/title", "A/B: \"C\"\n");
	check_contains(&b, "Chapters.md",
		       "# Chapters - The Lantern\n\n### Chapter the 2th (Chapter 2)");
	check_contains(&b, "Chapters.md", "### Chapter the 2th (Chapter 3)\n");
	check_contains(&b, "Chapters.md", "### A/B: \"C\"\n");
	check_contains(&b, "Chapters.md",
		       "#### Scene 1\n\n**Pages:** 4-5\n\n**Source Text:**\n\n> one line\n>\n> "
		       "another\n\n**Visual Elements:** a line and another\n");
	check_contains(&b, "Chapters.md", "#### Scene 2\n\n**Pages:** xii\n");
	check_contains(
		&b, "Elements.md",
		"# Story Elements - The Lantern\n\n## Characters\n\n### Ada\n\n"
		"**Type:** character\n\n**Description:** old and tall\n\n**Appearances:**\n\n"
		"- Page 4: \"seen from the sea\"\n");
	check_contains(&b, "Elements.md", "## Places\n\n### The Light/house\n");
	check_contains(&b, "Contents.md", "chapters/2/text.md), pages 4-5, completed");
	check_contains(&b, "Contents.md", "chapters/1/text.md), pages 2-3, skipped");
	CHECK_NAMES(&b, "elements/characters", "Ada.md");
	check_contains(&b, "elements/characters/Ada.md", "# Ada\n\n**Type:** character\n");
	CLEANUP(cleanup_free) char *places = names(&b, "elements/places");
	CHECK(!strchr(places, '/') && strstr(places, ".md"));
	CHECK_NAMES(&b, "by-title",
		    "01 Chapter the 1th 02 Chapter the 2th 03 Chapter the 2th 04 A-B: \"C\" "
		    "05 Chapter the 5th");
	char *target = NULL;
	CHECK_INT(view_link(&target, b.views, at(&b, "by-title/03 Chapter the 2th").node), 0);
	CHECK_STR(target, "../chapters/3");
	free(target);
	cJSON *j = json(&b, "chapters/2/concepts.json");
	const cJSON *c = cJSON_GetArrayItem(cJSON_GetObjectItem(j, "concepts"), 1);
	CHECK(cJSON_IsFalse(cJSON_GetObjectItem(c, "quoteVerified")));
	CHECK_STR(string(c, "pageRange"), "xii");
	cJSON_Delete(j);
	j = json(&b, "chapters/2/elements.json");
	CHECK_INT(length(j, "elements"), 2);
	c = cJSON_GetArrayItem(cJSON_GetObjectItem(j, "elements"), 1);
	CHECK_STR(string(c, "type"), "character");
	CHECK_INT(length(c, "quotes"), 1);
	cJSON_Delete(j);
	bench_close(&b);
}

static void test_book_and_status(void)
{
	struct bench b;
	struct store_job job = {0};
	bench_open(&b, 5);
	cJSON *j = json(&b, "book.json");
	CHECK_STR(string(j, "title"), "The Lantern");
	CHECK_INT(length(j, "creators"), 2);
	CHECK_INT(length(j, "chapters"), 5);
	CHECK_INT(length(j, "contents"), 5);
	const cJSON *c = cJSON_GetArrayItem(cJSON_GetObjectItem(j, "chapters"), 1);
	CHECK_STR(string(c, "pageRange"), "4-5");
	CHECK_STR(string(c, "kind"), "story");
	cJSON_Delete(j);
	analyse(&b, 2, 2, "a cold lamp");
	draw(&b, "PICTURE");
	wish(b.store, 3, true, false);
	CHECK_INT(claim(&job, b.store, JOB_ANALYZE), 1);
	wish(b.store, 4, true, false);
	j = json(&b, "status.json");
	CHECK_STR(string(j, "provider"), "builtin");
	CHECK_INT(length(j, "chapters"), 5);
	CHECK_INT(length(j, "images"), 2);
	CHECK_INT(length(j, "running"), 1);
	c = cJSON_GetObjectItem(cJSON_GetObjectItem(j, "totals"), "chapters");
	CHECK_INT(number(c, "completed"), 1);
	CHECK_INT(number(c, "in_progress"), 1);
	CHECK_INT(number(c, "pending"), 1);
	CHECK_INT(number(c, "skipped"), 2);
	c = cJSON_GetArrayItem(cJSON_GetObjectItem(j, "images"), 0);
	CHECK_STR(string(c, "file"), "chapter_2_scene_1.png");
	CHECK_STR(string(c, "status"), "completed");
	c = cJSON_GetArrayItem(cJSON_GetObjectItem(j, "chapters"), 2);
	CHECK_STR(string(c, "status"), "in_progress");
	CHECK(cJSON_IsNull(cJSON_GetObjectItem(c, "error")));
	CHECK(cJSON_IsFalse(cJSON_GetObjectItem(c, "outdated")));
	cJSON_Delete(j);
	CLEANUP(cleanup_free) char *one = text(&b, "status.json");
	CLEANUP(buf_finish) struct buf two = {0};
	CHECK_INT(view_status(&two, b.views), 0);
	CHECK_STR(buf_str(&two), one);
	j = json(&b, ".analyze.state/manifest.json");
	CHECK_INT(number(j, "totalChapters"), 5);
	CHECK_INT(length(j, "completedChapters"), 1);
	CHECK_INT(length(j, "inProgressChapters"), 1);
	cJSON_Delete(j);
	j = json(&b, ".illustrate.state/manifest.json");
	CHECK_INT(length(j, "completedChapters"), 0);
	CHECK_INT(length(j, "inProgressChapters"), 1);
	cJSON_Delete(j);
	j = json(&b, ".imaginize.state.json");
	CHECK_STR(string(j, "version"), "3.0.0");
	CHECK_STR(string(j, "bookFile"), "book.txt");
	CHECK_STR(
		string(cJSON_GetObjectItem(cJSON_GetObjectItem(j, "phases"), "analyze"), "status"),
		"in_progress");
	cJSON_Delete(j);
	/* A failure that waits says for what and until when. */
	CHECK_INT(fail_job(b.store, job.id, clock_unix_ms() + 60000), 0);
	store_job_finish(&job);
	j = json(&b, "status.json");
	CHECK_INT(length(j, "waiting"), 1);
	c = cJSON_GetArrayItem(cJSON_GetObjectItem(j, "waiting"), 0);
	CHECK_INT(number(c, "chapter"), 3);
	CHECK(cJSON_IsString(cJSON_GetObjectItem(c, "reason")) &&
	      cJSON_IsString(cJSON_GetObjectItem(c, "until")));
	cJSON_Delete(j);
	j = json(&b, "chapters/3/status.json");
	CHECK_STR(string(j, "status"), "pending");
	CHECK(cJSON_IsString(cJSON_GetObjectItem(j, "waitingUntil")));
	cJSON_Delete(j);
	pause_store(b.store, true);
	j = json(&b, "status.json");
	CHECK_INT(length(j, "waiting"), 2);
	cJSON_Delete(j);
	bench_close(&b);
}

/* ---- source/ */

static void test_source(void)
{
	static const char *const files[] = {
		"mimetype",	   "OPS/a/1.xhtml",  "OPS/a/b/2.xhtml",	       "OPS/a.css",
		"OPS/a-b/3.xhtml", "OPS/aa/4.xhtml", "META-INF/container.xml", "OPS/z"};
	struct bench b;
	struct book *book = make_book(3, 0);
	free(book->files[0].name);
	book->files = xgrow(book->files, &(size_t){1}, ARRAY_LEN(files), sizeof(*book->files));
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		book->files[i] = (struct book_file){
			.name = xstrdup(files[i]), .index = i, .size_bytes = i, .mtime_unix_s = 7};
	book->file_count = ARRAY_LEN(files);
	bench_open_book(&b, book);
	CHECK_NAMES(&b, "source", "META-INF OPS mimetype");
	CHECK_NAMES(&b, "source/OPS", "a a-b aa a.css z");
	CHECK_NAMES(&b, "source/OPS/a", "b 1.xhtml");
	CHECK_NAMES(&b, "source/OPS/a/b", "2.xhtml");
	CHECK_NAMES(&b, "source/OPS/aa", "4.xhtml");
	CHECK_INT(at(&b, "source/OPS/a/b/2.xhtml").size_bytes, 2);
	CHECK_INT(at(&b, "source/OPS/a.css").mtime_unix_ms, 7000);
	CHECK(at(&b, "source/OPS/a.css").costly);
	walk_all(&b);
	bench_close(&b);
}

/* The book here is no archive: its one member is the file itself. */
static void test_source_bytes(void)
{
	struct bench b;
	struct loading l;
	struct book *book = make_book(3, 0);
	static const char bytes[] = "a book, as far as the store looks at it\n";
	free(book->files[0].name);
	book->files[0] = (struct book_file){
		.name = xstrdup("book.txt"), .size_bytes = sizeof(bytes) - 1, .mtime_unix_s = 7};
	bench_open_book(&b, book);
	struct view_attr attr = at(&b, "source/book.txt");
	load(&l, &b, attr.node, 2);
	CHECK_INT(l.result, 0);
	CHECK(l.contents[0] && memcmp(l.contents[0]->data, bytes, sizeof(bytes) - 1) == 0);
	release(&l);
	fixture_write_book(&b.files, "another length\n");
	views_idle(b.views);
	load(&l, &b, attr.node, 1);
	CHECK_INT(l.result, -ESTALE); /* not the bytes that were promised */
	bench_close(&b);
}

/* ---- changes */

struct heard {
	struct view_change changes[64];
	int count;
};

static void hear(void *arg, const struct view_change *c)
{
	struct heard *h = arg;
	if (h->count < 64)
		h->changes[h->count++] = *c;
}

static struct heard listen(struct bench *b)
{
	struct heard h = {0};
	CHECK_INT(views_changed(b->views, hear, &h), 0);
	return h;
}

static const struct view_change *said(const struct heard *h, uint64_t folder, const char *name)
{
	for (int i = 0; i < h->count; i++)
		if (h->changes[i].folder == folder && strcmp(h->changes[i].name, name) == 0)
			return &h->changes[i];
	return NULL;
}

static void test_changes(void)
{
	struct bench b;
	struct store_job job = {0};
	bench_open(&b, 5);
	CHECK_INT(listen(&b).count, 0); /* what was there before is no change */
	uint64_t chapter = at(&b, "chapters/2").node, images = at(&b, "images").node;
	uint64_t trigger = at(&b, "chapters/2/concepts.json").node;
	analyse(&b, 2, 2, "a cold lamp");
	at(&b, "chapters/2/concepts.json"); /* somebody looks before views_changed */
	struct heard h = listen(&b);
	const struct view_change *c = said(&h, chapter, "concepts.json");
	CHECK(c && c->announce && c->chapter == 2);
	CHECK(c && c->old_node == trigger);
	CHECK(c && c->node == at(&b, "chapters/2/concepts.json").node);
	c = said(&h, chapter, "elements.json");
	CHECK(c && c->announce && c->chapter == 2);
	CHECK_INT(listen(&b).count, 0);

	draw(&b, "PICTURE");
	struct view_attr picture = at(&b, "images/chapter_2_scene_1.png");
	h = listen(&b);
	c = said(&h, images, "chapter_2_scene_1.png");
	CHECK(c && c->announce && c->old_node == 0 && c->node == picture.node);
	c = said(&h, at(&b, "chapters/2/images").node, "chapter_2_scene_1.png");
	CHECK(c && !c->announce &&
	      c->node == at(&b, "chapters/2/images/chapter_2_scene_1.png").node);

	wish(b.store, 3, true, false);
	CHECK_INT(claim(&job, b.store, JOB_ANALYZE), 1);
	CHECK_INT(listen(&b).count, 0); /* nothing the kernel keeps */
	fail_job(b.store, job.id, 0);
	store_job_finish(&job);
	h = listen(&b);
	CHECK(h.count == 1 && h.changes[0].chapter == 3 && !h.changes[0].announce);

	/* Another analysis: its concepts have no pictures yet, the old names lead nowhere. */
	analyse(&b, 2, 1, "a warm lamp");
	h = listen(&b);
	c = said(&h, images, "chapter_2_scene_1.png");
	CHECK(c && c->node == 0 && c->old_node == picture.node && !c->announce);
	c = said(&h, chapter, "concepts.json");
	CHECK(c && c->announce && c->old_node != trigger && c->node != c->old_node);
	struct view_attr attr;
	CHECK_INT(find(&attr, &b, "images/chapter_2_scene_1.png"), -ENOENT);

	/* New elements are told to those who have looked for elements. */
	CHECK_NAMES(&b, "elements/characters", "");
	analyse_story(&b, 4);
	h = listen(&b);
	c = said(&h, at(&b, "elements/characters").node, "Ada.md");
	CHECK(c && c->node == at(&b, "elements/characters/Ada.md").node);
	views_idle(b.views); /* forgotten, looked for again: she is not new */
	CHECK_NAMES(&b, "elements/characters", "Ada.md");
	analyse_story(&b, 3);
	h = listen(&b);
	CHECK(!said(&h, at(&b, "elements/characters").node, "Ada.md"));
	analyse(&b, 3, 1, "nobody");
	analyse(&b, 4, 1, "nobody");
	CHECK_NAMES(&b, "elements/characters", "");
	CHECK_INT(find(&attr, &b, "elements/characters/Ada.md"), -ENOENT);
	bench_close(&b);
}

static void test_import_again(void)
{
	struct bench b;
	bench_open(&b, 5);
	analyse(&b, 2, 1, "a cold lamp");
	analyse(&b, 3, 1, "a warm lamp");
	listen(&b);
	struct view_attr text2 = at(&b, "chapters/2/text.md");
	struct book *book = make_book(6, 3);
	CHECK_INT(import_book(b.store, book), 0);
	free_book(book);
	CHECK_NAMES(&b, "chapters", "1 2 3 4 5 6");
	CHECK_INT(at(&b, "chapters/2/concepts.json").class, VIEW_STABLE);
	CHECK_INT(at(&b, "chapters/3/concepts.json").class, VIEW_TRIGGER); /* another text */
	CHECK(at(&b, "chapters/2/text.md").node != text2.node);
	check_contains(&b, "chapters/3/text.md", "as it is told now");
	struct heard h = listen(&b);
	const struct view_change *c = said(&h, at(&b, "chapters/3").node, "concepts.json");
	CHECK(c && c->chapter == 3 && !c->announce);
	c = said(&h, at(&b, "chapters/3").node, "text.md");
	CHECK(c && c->node == at(&b, "chapters/3/text.md").node);
	walk_all(&b);
	bench_close(&b);
}

/* ---- cost */

static void test_cheap(void)
{
	struct bench b;
	bench_open(&b, MANY_CHAPTERS);
	struct view_attr attr;
	uint64_t chapter = at(&b, "chapters/60").node;
	const int rounds = 20000;
	int64_t began = clock_mono_us();
	for (int i = 0; i < rounds; i++)
		view_lookup(&attr, b.views, chapter, "text.md");
	double us = (double)(clock_mono_us() - began) / rounds;
	fprintf(stderr, "lookup of a stable file: %.2f us\n", us);
	CHECK(us < 100); /* a few; a query too many would be more */
	began = clock_mono_us();
	walk_all(&b);
	fprintf(stderr, "walk over %d chapters: %.1f ms\n", MANY_CHAPTERS,
		(double)(clock_mono_us() - began) / 1000);
	bench_close(&b);
}

int main(void)
{
	log_open(LOG_TO_STDERR, getenv("VERBOSE") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	test_tree();
	test_no_such_names();
	test_trigger();
	test_front_matter();
	test_failures();
	test_outdated();
	test_versions();
	test_versions_follow_bytes();
	test_growing();
	test_pictures();
	test_documents();
	test_book_and_status();
	test_source();
	test_source_bytes();
	test_changes();
	test_import_again();
	test_cheap();
	return check_result();
}
