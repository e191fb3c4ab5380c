/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "rig.h"

/* Bytes that are read in the pool: pictures, and the book's own files. */

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

int main(void)
{
	log_open(LOG_TO_STDERR, getenv("VERBOSE") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	test_pictures();
	test_source();
	test_source_bytes();
	return check_result();
}
