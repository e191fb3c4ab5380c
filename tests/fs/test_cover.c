/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"
#include "cover_rules.h"

/* flags.c wants it of main.c. */
int say_usage(const struct command *c, const char *fmt, ...)
{
	abort();
}

static const char *of(const struct cover_rules *r, const char *path)
{
	static char out[LOCK_RESOURCE_BYTES];

	CHECK(cover_of(out, r, path) == (out[0] != '\0'));
	return out;
}

static const struct {
	const char *path, *resource;
} table[] = {
	{"Manuscript/Chapters/Chapter_03/Chapter_03.md", "Chapter_03"},
	{"Manuscript/Chapters/Chapter_03/notes/deep/a b.txt", "Chapter_03"},
	{"Manuscript/Chapters/Chapter_03", "Chapter_03"},
	{"Manuscript/Chapters/Chapter_03/.Chapter_03.md.swp", "Chapter_03"},
	{"Manuscript/Chapters/Chapter_03/sedA1b2C3", "Chapter_03"},
	{"Manuscript/Chapters/Chapter_03.md", "Chapter_03"},
	{"Manuscript/Chapters/Chapter_03.md~", "Chapter_03"},
	{"Manuscript/Chapters/Chapter_03_Storm.md", "Chapter_03"},
	{"Manuscript/Chapters/Chapter_03_Storm/1.md", "Chapter_03"},
	{"Chapters/Chapter_12/x", "Chapter_12"},
	{"Chapter_12.md", "Chapter_12"},
	{"Chapter_12/x", "Chapter_12"},
	/* The number as it is, however it is written. */
	{"Manuscript/Chapters/Chapter_3/a", "Chapter_03"},
	{"Manuscript/Chapters/Chapter_0003.md", "Chapter_03"},
	{"Manuscript/Chapters/Chapter_100/a", "Chapter_100"},
	{"Manuscript/Chapters/Chapter_999/a", "Chapter_999"},
	{"Manuscript/Chapters/Chapter_1000/a", ""},
	{"Manuscript/Chapters/Chapter_99999999999999999999999/a", ""},
	{"Manuscript/Chapters/Chapter_0/a", ""},
	{"Manuscript/Chapters/Chapter_00.md", ""},
	{"Manuscript/Chapters/Chapter_/a", ""},
	{"Manuscript/Chapters/Chapter_-3/a", ""},
	{"Manuscript/Chapters/Chapter_03b/a", ""},
	{"Manuscript/Chapters/Chapter_03\xc3\xa9/a", ""},
	{"Manuscript/Chapters/.Chapter_03.md.swp", ""},
	{"Manuscript/Chapters/README.md", ""},
	{"Manuscript/Chapters", ""},
	{"Manuscript", ""},
	{"", ""},
	{"Manuscript/FrontMatter/Preface.md", "FrontMatter"},
	{"FrontMatter/Preface.md", "FrontMatter"},
	{"BackMatter", "BackMatter"},
	{"Manuscript/BackMatter/Chapter_03.md", "BackMatter"},
	{"Style/Style_Guide.md", "StyleSystem"},
	{"Manuscript/Style/x/y", "StyleSystem"},
	{"Quotes/Chapter_Quotes.md", "QuoteRegistry"},
	{"Manuscript/Quotes/x", "QuoteRegistry"},
	{".config/project.json", "ProjectConfig"},
	{"Manuscript/_TOC_/TOC.md", "ProjectConfig"},
	{"_TOC_/TOC.md", "ProjectConfig"},
	{"Manuscript/images/Image_Registry.md", "ImageRegistry"},
	{"Manuscript/images/Image_Registry_Chapter_03.md", "ImageRegistry"},
	{"Manuscript/images/fig-03-lamp.png", "ImageRegistry"},
	{"images/x.png", "ImageRegistry"},
	/* Of none. */
	{"Inbox/a", ""},
	{"Drafts/Chapter_03.md", ""},
	{"Exports/Chapter_03/a", ""},
	{"Manuscript/Exports/a", ""},
	{"Reports/FrontMatter/a", ""},
	{"Dashboard/a", ""},
	{"Research/Style/a", ""},
	{"README.md", ""},
	{".git/refs/heads/Chapter_03", ""},
	{"Manuscript/.git/FrontMatter", ""},
	{"StyleSystem/a", ""},
	{"Styles/a", ""},
	/* Another case is the same name to some file systems. */
	{"manuscript/CHAPTERS/chapter_03/A", "Chapter_03"},
	{"frontmatter/A", "FrontMatter"},
	/* What no path should have is gone through as a file system would. */
	{"/Style//x/", "StyleSystem"},
	{"./Style/.", "StyleSystem"},
	{"Style/../Drafts/x", ""},
	{"Drafts/../Style/x", "StyleSystem"},
	{"../../Style", "StyleSystem"},
	{"Style/..", ""},
	{"Style/...", "StyleSystem"},
	{"\xff\xfe\n\x01/Style", ""},
	{"Style/\xff\xfe\n\x01", "StyleSystem"},
};

static void test_table(void)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const char *got = of(NULL, table[i].path);

		if (strcmp(got, table[i].resource) != 0) {
			fprintf(stderr, "%s is of \"%s\", not \"%s\"\n", table[i].path, got,
				table[i].resource);
			check_failures++;
		}
	}
}

static void test_long_paths(void)
{
	CLEANUP(buf_finish) struct buf deep = {0}, back = {0};

	buf_adds(&deep, "Style");
	for (int i = 0; i < 3000; i++)
		buf_adds(&deep, "/d");
	CHECK_STR(of(NULL, buf_str(&deep)), "StyleSystem");
	for (int i = 0; i < 3000; i++)
		buf_adds(&back, "d/");
	for (int i = 0; i < 3000; i++)
		buf_adds(&back, "../");
	buf_adds(&back, "Quotes");
	CHECK_STR(of(NULL, buf_str(&back)), "QuoteRegistry");
	buf_clear(&deep);
	buf_adds(&deep, "Chapter_");
	for (int i = 0; i < 100000; i++)
		buf_addc(&deep, '0');
	buf_adds(&deep, "7");
	CHECK_STR(of(NULL, buf_str(&deep)), "Chapter_07");
}

static void test_figures(void)
{
	const struct cover_rules r = {.figures = true};

	CHECK_STR(of(&r, "Manuscript/images/fig-03-lamp.png"), "Chapter_03");
	CHECK_STR(of(&r, "Manuscript/images/sub/fig-3-lamp.png"), "Chapter_03");
	CHECK_STR(of(&r, "Manuscript/images/Image_Registry_Chapter_12.md"), "Chapter_12");
	CHECK_STR(of(&r, "Manuscript/images/Image_Registry.md"), "ImageRegistry");
	CHECK_STR(of(&r, "Manuscript/images/fig-lamp.png"), "ImageRegistry");
	CHECK_STR(of(&r, "Manuscript/images/fig-03b.png"), "ImageRegistry");
	CHECK_STR(of(&r, "Drafts/fig-03-lamp.png"), "");
	CHECK(cover_reaches(&r, "Chapter_03", "Manuscript/images"));
	CHECK(cover_reaches(&r, "ImageRegistry", "Manuscript/images"));
	CHECK(!cover_reaches(&r, "Chapter_03", "Manuscript/images/fig-04-lamp"));
	CHECK(!cover_reaches(NULL, "Chapter_03", "Manuscript/images"));
}

static void test_reaches(void)
{
	CHECK(cover_reaches(NULL, "Chapter_03", ""));
	CHECK(cover_reaches(NULL, "Chapter_03", "Manuscript"));
	CHECK(cover_reaches(NULL, "Chapter_03", "Manuscript/Chapters"));
	CHECK(cover_reaches(NULL, "Chapter_03", "Chapters"));
	CHECK(cover_reaches(NULL, "Chapter_03", "Manuscript/Chapters/Chapter_03"));
	CHECK(cover_reaches(NULL, "Chapter_03", "Manuscript/Chapters/Chapter_3/sub"));
	CHECK(!cover_reaches(NULL, "Chapter_03", "Manuscript/Chapters/Chapter_04"));
	CHECK(!cover_reaches(NULL, "Chapter_03", "Style"));
	CHECK(!cover_reaches(NULL, "Chapter_03", "Drafts"));
	CHECK(!cover_reaches(NULL, "Chapter_03", "Manuscript/Chapters/notes"));
	CHECK(cover_reaches(NULL, "StyleSystem", "Manuscript"));
	CHECK(cover_reaches(NULL, "StyleSystem", "Style/x"));
	CHECK(!cover_reaches(NULL, "StyleSystem", "Manuscript/Chapters"));
	CHECK(!cover_reaches(NULL, "StyleSystem", "Inbox"));
}

static struct cover_rules *parse(const char *text)
{
	struct cover_rules *r = xcalloc(1, sizeof(*r));
	struct err err = {0};

	if (cover_rules_parse(r, text, strlen(text), &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		check_failures++;
	}
	return r;
}

static void test_rules(void)
{
	CLEANUP(cover_rules_free_cleanup)
	struct cover_rules *r =
		parse("{\"rules\": ["
		      "{\"path\": \"Drafts/Chapter_NN/**\", \"lock\": \"Chapter_NN\"},"
		      "{\"path\": \"Data/\", \"lock\": \"ProjectConfig\"},"
		      "{\"path\": \"Manuscript/Style/notes*.md\", \"lock\": null},"
		      "{\"path\": \"art/*-NN-*\", \"lock\": \"Chapter_NN\"},"
		      "{\"path\": \"a/*/c*d*e\", \"lock\": \"Chapter_100\"},"
		      "{\"path\": \"ANNA/NN\", \"lock\": \"BackMatter\"},"
		      "{\"path\": \"*NN\", \"lock\": \"Chapter_NN\"},"
		      "{\"path\": \"Data/late\", \"lock\": \"BackMatter\"}]}");

	CHECK_INT(r->count, 8);
	CHECK_STR(of(r, "Drafts/Chapter_7/a/b"), "Chapter_07");
	CHECK_STR(of(r, "Drafts/Chapter_7"), "Chapter_07");
	CHECK_STR(of(r, "drafts/chapter_007"), "Chapter_07");
	CHECK_STR(of(r, "Drafts/Chapter_0"), "");
	CHECK_STR(of(r, "Drafts/Chapter_1000"), "");
	CHECK_STR(of(r, "Drafts/Chapter_NN"), "");
	CHECK_STR(of(r, "Drafts"), "");
	CHECK_STR(of(r, "Data"), "ProjectConfig");
	CHECK_STR(of(r, "Data/late"), "ProjectConfig");
	CHECK_STR(of(r, "Manuscript/Style/notes.md"), "");
	CHECK_STR(of(r, "Manuscript/Style/notes.txt"), "StyleSystem");
	CHECK_STR(of(r, "art/fig-7-a-9-b.png"), "Chapter_07");
	CHECK_STR(of(r, "art/fig-x-12-b.png"), "Chapter_12");
	CHECK_STR(of(r, "art/fig-12"), "");
	CHECK_STR(of(r, "a/x/cde"), "Chapter_100");
	CHECK_STR(of(r, "a/x/c11d22d33e/f"), "Chapter_100");
	CHECK_STR(of(r, "a/x/c11d22"), "");
	CHECK_STR(of(r, "a/cde"), "");
	CHECK_STR(of(r, "anna/nn"), "BackMatter");
	CHECK_STR(of(r, "x123"), "Chapter_123"); /* not 23, nor 3 */
	CHECK_STR(of(r, "x1234"), "");
	CHECK_STR(of(r, "Manuscript/Chapters/Chapter_03/a"), "Chapter_03");

	CHECK(cover_reaches(r, "Chapter_07", "Drafts"));
	CHECK(cover_reaches(r, "Chapter_07", "Drafts/Chapter_07/x"));
	CHECK(!cover_reaches(r, "Chapter_07", "Drafts/Chapter_08"));
	CHECK(!cover_reaches(r, "StyleSystem", "Drafts"));
	CHECK(cover_reaches(r, "StyleSystem", "Manuscript/Style"));
	CHECK(!cover_reaches(r, "StyleSystem", "Manuscript/Style/notes.md"));
	CHECK(cover_reaches(r, "Chapter_100", "a/b"));
	CHECK(!cover_reaches(r, "BackMatter", "Data")); /* the first rule has it whole */
	CHECK(cover_reaches(r, "BackMatter", "Anna"));
}

static const struct {
	const char *text, *says;
} bad[] = {
	{"", "is not JSON"},
	{"{\"rules\": [}", "is not JSON"},
	{"[]", "is not JSON"},
	{"{\"rules\": []} x", "is not JSON"},
	{"{\"rules\": [], \"x\\u0000\": 1}", "is not JSON"},
	{"{}", "has no list of rules"},
	{"{\"rules\": {}}", "has no list of rules"},
	{"{\"rules\": [], \"more\": 1}", "\"more\" is no word here"},
	{"{\"rules\": [], \"rules\": []}", "\"rules\" is there twice"},
	{"{\"rules\": [3]}", "rule 1: it is no object"},
	{"{\"rules\": [{}]}", "rule 1: it has no \"path\""},
	{"{\"rules\": [{\"path\": \"a\", \"lock\": null}, {\"path\": \"b\"}]}",
	 "rule 2: it has no \"lock\""},
	{"{\"rules\": [{\"path\": 3, \"lock\": null}]}", "rule 1: it has no \"path\""},
	{"{\"rules\": [{\"path\": \"a\", \"lock\": 3}]}", "rule 1: \"lock\" is to be a name"},
	{"{\"rules\": [{\"path\": \"a\", \"lock\": \"Chapter_3\"}]}",
	 "rule 1: there is no resource \"Chapter_3\"; write Chapter_03"},
	{"{\"rules\": [{\"path\": \"a\", \"lock\": \"zebra\"}]}",
	 "there is no resource \"zebra\"; locks/.resources"},
	{"{\"rules\": [{\"path\": \"a\", \"lock\": \"\"}]}", "there is no resource \"\""},
	{"{\"rules\": [{\"path\": \"a\", \"lock\": null, \"why\": 1}]}",
	 "rule 1: \"why\" is no word here"},
	{"{\"rules\": [{\"path\": \"a\", \"path\": \"b\", \"lock\": null}]}",
	 "rule 1: \"path\" is there twice"},
	{"{\"rules\": [{\"path\": \"\", \"lock\": null}]}", "is no path within the project"},
	{"{\"rules\": [{\"path\": \"/\", \"lock\": null}]}", "is no path within the project"},
	{"{\"rules\": [{\"path\": \"/a\", \"lock\": null}]}", "is no path within the project"},
	{"{\"rules\": [{\"path\": \"a//b\", \"lock\": null}]}", "is no path within the project"},
	{"{\"rules\": [{\"path\": \"a/../b\", \"lock\": null}]}", "is no path within the project"},
	{"{\"rules\": [{\"path\": \"./b\", \"lock\": null}]}", "is no path within the project"},
	{"{\"rules\": [{\"path\": \"a\\u0007\", \"lock\": null}]}", "has control characters"},
	{"{\"rules\": [{\"path\": \"a?\", \"lock\": null}]}", "of a pattern only * is known"},
	{"{\"rules\": [{\"path\": \"a/**/b\", \"lock\": null}]}", "** may only be the end"},
	{"{\"rules\": [{\"path\": \"**\", \"lock\": null}]}", "** may only be the end"},
	{"{\"rules\": [{\"path\": \"a\", \"lock\": \"Chapter_NN\"}]}", "has no NN"},
	{"{\"rules\": [{\"path\": \"ANNA\", \"lock\": \"Chapter_NN\"}]}", "has no NN"},
	{"{\"rules\": [{\"path\": \"NN/NN\", \"lock\": \"Chapter_NN\"}]}", "more than one NN"},
	{"{\"rules\": [{\"path\": \"1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g/h\", \"lock\": null}]}",
	 "more than 16 parts"},
	{"{\"rules\": [{\"path\": \"\xff\", \"lock\": null}]}", "is not UTF-8"},
};

static void test_bad_rules(void)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CLEANUP(cover_rules_free_cleanup)
		struct cover_rules *r = xcalloc(1, sizeof(*r));
		struct err err = {0};

		CHECK_INT(cover_rules_parse(r, bad[i].text, strlen(bad[i].text), &err), -EINVAL);
		CHECK(!strncmp(err.msg, ".config/locks.json", strlen(".config/locks.json")));
		CHECK(!strchr(err.msg, '\n'));
		if (!strstr(err.msg, bad[i].says)) {
			fprintf(stderr, "%s: says \"%s\", not \"%s\"\n", bad[i].text, err.msg,
				bad[i].says);
			check_failures++;
		}
	}
}

static void test_most_rules(void)
{
	for (int count = COVER_RULES_MOST; count <= COVER_RULES_MOST + 1; count++) {
		CLEANUP(buf_finish) struct buf text = {0};
		CLEANUP(cover_rules_free_cleanup)
		struct cover_rules *r = xcalloc(1, sizeof(*r));
		struct err err = {0};

		for (int i = 0; i < count; i++)
			buf_addf(&text, "%s{\"path\": \"a%d\", \"lock\": null}",
				 i ? ", " : "{\"rules\": [", i);
		buf_adds(&text, "]}");
		CHECK_INT(cover_rules_parse(r, buf_str(&text), text.len, &err),
			  count > COVER_RULES_MOST ? -EINVAL : 0);
		CHECK(count == COVER_RULES_MOST || strstr(err.msg, "more than 256 rules"));
	}
}

/* ---- the file */

static void put(int folder, const char *text, size_t len)
{
	CLEANUP(cleanup_close)
	int fd = openat(folder, ".config/locks.json", O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC,
			0644);

	CHECK_INT(file_write(fd, text, len), 0);
}

static void check_file(int folder, int want, const char *says)
{
	CLEANUP(cover_rules_free_cleanup) struct cover_rules *r = NULL;
	struct err err = {0};

	CHECK_INT(cover_rules_read(&r, folder, false, &err), want);
	CHECK(strstr(err.msg, says));
	CHECK(!r == (want < 0));
}

static void test_file(int folder, const char *outside)
{
	static const char good[] = "{\"rules\": [{\"path\": \"Data\", \"lock\": \"BackMatter\"}]}";
	struct cover_rules *r = NULL;
	struct err err = {0};

	CHECK_INT(cover_rules_read(&r, folder, false, &err), 0);
	CHECK(!r);
	CHECK_INT(mkdirat(folder, ".config", 0755), 0);
	CHECK_INT(cover_rules_read(&r, folder, false, &err), 0);
	CHECK(!r);
	CHECK_INT(cover_rules_read(&r, folder, true, &err), 0);
	CHECK_STR(of(r, "images/fig-03-a"), "Chapter_03");
	r = cover_rules_free(r);
	put(folder, good, strlen(good));
	CHECK_INT(cover_rules_read(&r, folder, true, &err), 0);
	CHECK_STR(of(r, "Data/x"), "BackMatter");
	CHECK_STR(of(r, "images/fig-03-a"), "Chapter_03");
	cover_rules_free(r);
	put(folder, "{", 1);
	check_file(folder, -EINVAL, "is not JSON");
	CLEANUP(cleanup_free) char *large = xcalloc(1, COVER_RULES_BYTES + 1);
	memset(large, ' ', COVER_RULES_BYTES + 1);
	put(folder, large, COVER_RULES_BYTES + 1);
	check_file(folder, -EINVAL, "larger than 64 KB");
	memcpy(large, good, strlen(good));
	put(folder, large, COVER_RULES_BYTES);
	check_file(folder, 0, "");
	CHECK_INT(unlinkat(folder, ".config/locks.json", 0), 0);
	CHECK_INT(symlinkat(outside, folder, ".config/locks.json"), 0);
	check_file(folder, -EINVAL, "it leads out of the project");
	CHECK_INT(unlinkat(folder, ".config/locks.json", 0), 0);
	CHECK_INT(mkfifoat(folder, ".config/locks.json", 0644), 0);
	check_file(folder, -EINVAL, "is no file");
}

/* A plain folder: names come first, then what the texts are. */
static void test_texts(void)
{
	static const struct {
		const char *path, *resource;
	} texts[] = {{"b/02-storm.md", "Chapter_02"},
		     {"a.md", "Chapter_01"},
		     {"preface.md", "FrontMatter"},
		     {"Chapter_09.md", "Chapter_03"},
		     {"Drafts/x.md", "Chapter_04"}};
	struct cover_text items[ARRAY_LEN(texts)] = {0};
	CLEANUP(cover_rules_free_cleanup) struct cover_rules *r = NULL;

	cover_rules_texts(&r, items, 0);
	CHECK(!r);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		items[i].path = xstrdup(texts[i].path);
		snprintf(items[i].resource, LOCK_RESOURCE_BYTES, "%s", texts[i].resource);
	}
	cover_rules_texts(&r, items, ARRAY_LEN(items));
	CHECK_STR(of(r, "a.md"), "Chapter_01");
	CHECK_STR(of(r, "b/02-storm.md"), "Chapter_02");
	CHECK_STR(of(r, "preface.md"), "FrontMatter");
	CHECK_STR(of(r, "Chapter_09.md"), "Chapter_09");
	CHECK_STR(of(r, "Drafts/x.md"), "Chapter_04");
	CHECK_STR(of(r, "Drafts/y.md"), "");
	CHECK_STR(of(r, "b"), "");
	CHECK(cover_reaches(r, "Chapter_02", "b"));
	CHECK(!cover_reaches(r, "Chapter_01", "b"));
	CHECK(!cover_reaches(r, "Chapter_02", "b/0"));
	CHECK(cover_reaches(r, "Chapter_02", "b/02-storm.md"));
}

/* ---- the page for a framework's projects says what is true */

static void read_page(struct buf *out, const char *path)
{
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char chunk[4096];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(out, chunk, (size_t)n);
}

/* What stands between the next two backquotes before end, with 07 for XX; NULL: no more. */
static char *next_code(const char **at, const char *end)
{
	const char *start = memchr(*at, '`', (size_t)(end - *at));
	const char *close = start ? memchr(start + 1, '`', (size_t)(end - start - 1)) : NULL;
	char *code = close ? xstrndup(start + 1, (size_t)(close - start - 1)) : NULL;

	for (char *x = code; x && (x = strstr(x, "XX"));)
		memcpy(x, "07", 2);
	*at = close ? close + 1 : end;
	return code;
}

/* "| 3 | `a`, `b` | `Chapter_XX` | ...": how many paths. */
static int check_line(const struct cover_rules *rules, const char *line, const char *end)
{
	const char *paths = memmem(line + 2, (size_t)(end - line - 2), " | ", 3);
	const char *resource = memmem(paths + 3, (size_t)(end - paths - 3), " | ", 3);
	const char *rest = memmem(resource + 3, (size_t)(end - resource - 3), " | ", 3);
	const char *at = resource;
	CLEANUP(cleanup_free) char *want = next_code(&at, rest);
	int count = 0;

	for (at = paths; at < resource;) {
		CLEANUP(cleanup_free) char *path = next_code(&at, resource);

		if (!path)
			break;
		if (strcmp(of(NULL, path), want ? want : "") != 0) {
			fprintf(stderr, "%s is of \"%s\", not \"%s\"\n", path, of(NULL, path),
				want ? want : "none");
			check_failures++;
		}
		if (!want && strstr(rest, "closed by the rules") == rest + strlen(" | gap: "))
			CHECK_STR(of(rules, path), "ProjectConfig");
		count++;
	}
	return count;
}

static void test_page(const char *path)
{
	CLEANUP(buf_finish) struct buf page = {0};
	CLEANUP(cover_rules_free_cleanup) struct cover_rules *rules = NULL;
	static const int writing[] = {1, 2, 3, 4, 5, 6, 11, 14, 15, 16};
	const char *json, *end;
	int prompts[32] = {0}, count = 0;

	read_page(&page, path);
	json = strstr(buf_str(&page), "```json\n");
	CHECK(json);
	CLEANUP(cleanup_free)
	char *text = json ? xstrndup(json + 8, (size_t)(strstr(json + 8, "```") - json - 8)) : NULL;
	rules = parse(text ? text : "");
	for (const char *line = buf_str(&page); (end = strchr(line, '\n')); line = end + 1) {
		int number, len = 0;

		if (sscanf(line, "| %d |%n", &number, &len) != 1 || !len || number > 31)
			continue;
		count += check_line(rules, line, end);
		prompts[number] = 1;
	}
	CHECK(count > 60);
	for (size_t i = 0; i < ARRAY_LEN(writing); i++)
		CHECK(prompts[writing[i]]);
}

int main(int argc, char **argv)
{
	char path[] = "/tmp/bookfs-cover-XXXXXX";

	if (!mkdtemp(path))
		return 1;
	CLEANUP(cleanup_close) int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(cleanup_free) char *rm = xasprintf("rm -r %s", path);
	test_table();
	test_long_paths();
	test_figures();
	test_reaches();
	test_rules();
	test_bad_rules();
	test_most_rules();
	test_texts();
	test_page(argc > 1 ? argv[1] : "");
	test_file(folder, "/etc/hostname");
	CHECK_INT(system(rm), 0);
	return check_result();
}
