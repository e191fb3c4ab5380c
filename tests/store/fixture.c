/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"

/* ---- the folder */

void fixture_init(struct fixture *f)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(f->dir, sizeof(f->dir), "%.40s/bookfs-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(f->dir)) {
		perror(f->dir);
		exit(1);
	}
	snprintf(f->book_path, sizeof(f->book_path), "%s/book.txt", f->dir);
	snprintf(f->store_path, sizeof(f->store_path), "%s.bookfs", f->book_path);
	fixture_write_book(f, "a book, as far as the store looks at it\n");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

void fixture_finish(struct fixture *f)
{
	nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void fixture_write_book(const struct fixture *f, const char *bytes)
{
	int fd = open(f->book_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, bytes, strlen(bytes)) < 0 || close(fd) < 0) {
		perror(f->book_path);
		exit(1);
	}
}

char *fixture_path(const struct fixture *f, const char *suffix)
{
	return xasprintf("%s%s", f->store_path, suffix);
}

bool fixture_exists(const struct fixture *f, const char *suffix)
{
	CLEANUP(cleanup_free) char *path = fixture_path(f, suffix);
	return access(path, F_OK) == 0;
}

int fixture_open(struct store **out, const struct fixture *f, struct loop *loop, struct err *err)
{
	struct store_options options = {
		.path = f->store_path, .book_path = f->book_path, .create = true};
	return store_open(out, loop, &options, err);
}

/* ---- the book */

static void make_chapter(struct book_chapter *c, int number, int count, bool changed)
{
	struct buf text = {0};
	for (int i = 0; i < 40; i++)
		buf_addf(&text,
			 "In chapter %d, paragraph %d%s, a lantern swung over the grey water.\n%s",
			 number, i, changed ? ", as it is told now" : "", i < 39 ? "\n" : "");
	*c = (struct book_chapter){
		.title = xasprintf("Chapter the %dth", number),
		.kind = number == 1	  ? BOOK_FRONT
			: number == count ? BOOK_BACK
					  : BOOK_STORY,
		.words = utf8_words(text.data, text.len),
		.pages = xcalloc(2, sizeof(struct book_page)),
		.page_count = 2,
	};
	c->pages[0] = (struct book_page){.offset = 0, .label = xasprintf("%d", number * 2)};
	c->pages[1] = (struct book_page){.offset = 1000, .label = xasprintf("%d", number * 2 + 1)};
	c->text = buf_steal(&text, &c->text_bytes);
}

struct book *make_book(int chapters, int changed)
{
	struct book *b = xcalloc(1, sizeof(*b));
	b->title = xstrdup("The Lantern");
	strv_add(&b->creators, "A. Writer");
	strv_add(&b->creators, "B. Writer");
	strv_add(&b->warnings, "OPS/missing.xhtml: not there");
	b->language = xstrdup("en");
	b->publisher = xstrdup("");
	b->identifier = xstrdup("urn:x");
	b->pages = chapters * 2;
	b->real_pages = true;
	b->chapter_count = b->content_count = (size_t)chapters;
	b->chapters = xcalloc((size_t)chapters, sizeof(*b->chapters));
	b->contents = xcalloc((size_t)chapters, sizeof(*b->contents));
	for (int i = 1; i <= chapters; i++) {
		make_chapter(&b->chapters[i - 1], i, chapters, i == changed);
		b->words += b->chapters[i - 1].words;
		b->contents[i - 1] = (struct book_entry){
			.title = xasprintf("Chapter the %dth", i),
			.chapter = i,
			.role = ROLE_CHAPTER,
			.in = i % 2 ? xstrdup("Part One") : NULL,
		};
	}
	b->file_count = 1;
	b->files = xcalloc(1, sizeof(*b->files));
	b->files[0] = (struct book_file){
		.name = xstrdup("OPS/one.xhtml"), .index = 3, .size_bytes = 12, .mtime_unix_s = 7};
	return b;
}

void free_book(struct book *b)
{
	book_free(b);
}

struct analysis *make_analysis(int concepts, const char *word)
{
	struct analysis *a = analysis_new();
	a->tokens = 100;
	for (int i = 0; i < concepts; i++) {
		struct concept *c = analysis_add_concept(a);
		char text[64];
		snprintf(text, sizeof(text), "%s, scene %d", word, i + 1);
		analysis_set(&c->description, text);
		analysis_set(&c->quote.text, "a lantern swung");
		c->quote.offset = 10;
		c->quote.len = 15;
	}
	return a;
}

const struct result_info builtin_info = {
	.provider = "builtin",
	.model = "extractive-1",
	.options = "scenes=2",
	.prompt_version = 1,
	.prompt = "a lantern over grey water",
	.image_profile = "painter",
};

/* ---- closures */

struct import_arg {
	const struct book *book;
};

static int do_import(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_import(tx, ((struct import_arg *)arg)->book, "depth=0", err);
}

int import_book(struct store *s, const struct book *b)
{
	struct import_arg arg = {b};
	return store_write_wait(s, do_import, &arg, NULL);
}

static int do_wish(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_wish_analysis(NULL, tx, arg);
}

int wish_for(struct store *s, const char *profile, int chapter, bool on_demand, bool again)
{
	struct wish w = {
		.chapter = chapter, .profile = profile, .on_demand = on_demand, .again = again};
	return store_write_wait(s, do_wish, &w, NULL);
}

int wish(struct store *s, int chapter, bool on_demand, bool again)
{
	return wish_for(s, "builtin", chapter, on_demand, again);
}

static int do_wish_pictures(struct store_tx *tx, void *arg, struct err *err)
{
	int count = 0;
	int result = tx_wish_pictures(&count, tx, arg);
	return result < 0 ? result : count;
}

int wish_pictures(struct store *s, int chapter, bool again)
{
	struct wish w = {.chapter = chapter, .profile = "painter", .again = again};
	return store_write_wait(s, do_wish_pictures, &w, NULL);
}

struct claim_arg {
	struct store_job job;
	enum job_kind kind;
	const char *profile;
};

static int do_claim(struct store_tx *tx, void *arg, struct err *err)
{
	struct claim_arg *c = arg;
	return tx_claim(&c->job, tx, c->kind, c->profile);
}

int claim_for(struct store_job *out, struct store *s, enum job_kind kind, const char *profile)
{
	struct claim_arg arg = {.kind = kind, .profile = profile};
	int result = store_write_wait(s, do_claim, &arg, NULL);
	if (result == 1)
		*out = arg.job;
	else
		store_job_finish(&arg.job);
	return result;
}

int claim(struct store_job *out, struct store *s, enum job_kind kind)
{
	return claim_for(out, s, kind, kind == JOB_ANALYZE ? "builtin" : "painter");
}

struct done_arg {
	int64_t job;
	const struct analysis *analysis;
	const struct result_info *info;
	const void *data;
	size_t len;
	int64_t retry_at;
};

static int do_analysis_done(struct store_tx *tx, void *arg, struct err *err)
{
	struct done_arg *d = arg;
	return tx_analysis_done(tx, d->job, d->analysis, d->info);
}

int finish_analysis_by(struct store *s, int64_t job, const struct analysis *a,
		       const struct result_info *info)
{
	struct done_arg arg = {.job = job, .analysis = a, .info = info};
	return store_write_wait(s, do_analysis_done, &arg, NULL);
}

int finish_analysis(struct store *s, int64_t job, int concepts, const char *word)
{
	CLEANUP(analysis_free_cleanup) struct analysis *a = make_analysis(concepts, word);
	return finish_analysis_by(s, job, a, &builtin_info);
}

static int do_picture_done(struct store_tx *tx, void *arg, struct err *err)
{
	struct done_arg *d = arg;
	return tx_picture_done(tx, d->job, d->data, d->len, "png", &builtin_info);
}

int finish_picture(struct store *s, int64_t job, const void *data, size_t len)
{
	struct done_arg arg = {.job = job, .data = data, .len = len};
	return store_write_wait(s, do_picture_done, &arg, NULL);
}

static int do_fail(struct store_tx *tx, void *arg, struct err *err)
{
	struct done_arg *d = arg;
	return tx_job_failed(tx, d->job, -EIO, "the server said no", d->retry_at,
			     d->retry_at ? EVENT_WAITING : EVENT_ANALYSIS_FAILED);
}

int fail_job(struct store *s, int64_t job, int64_t retry_at_unix_ms)
{
	struct done_arg arg = {.job = job, .retry_at = retry_at_unix_ms};
	return store_write_wait(s, do_fail, &arg, NULL);
}

static int do_pause(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_pause(tx, *(bool *)arg);
}

int pause_store(struct store *s, bool paused)
{
	return store_write_wait(s, do_pause, &paused, NULL);
}

static int do_retry(struct store_tx *tx, void *arg, struct err *err)
{
	int count = 0;
	int result = tx_retry_failed(&count, tx, *(int *)arg);
	return result < 0 ? result : count;
}

int retry_failed(struct store *s, int chapter)
{
	return store_write_wait(s, do_retry, &chapter, NULL);
}

static int do_adopt(struct store_tx *tx, void *arg, struct err *err)
{
	struct claim_arg *c = arg;
	return tx_adopt(tx, &(struct worker){.kind = c->kind, .profile = c->profile, .asks = true});
}

int adopt(struct store *s, enum job_kind kind, const char *profile)
{
	struct claim_arg arg = {.kind = kind, .profile = profile};
	return store_write_wait(s, do_adopt, &arg, NULL);
}

static int do_yield(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_job_yield(tx, *(int64_t *)arg);
}

int yield_job(struct store *s, int64_t job)
{
	return store_write_wait(s, do_yield, &job, NULL);
}

static void say(void *arg, const char *line)
{
	fprintf(stderr, "check: %s\n", line);
}

int check_store(struct store *s)
{
	return store_check(s, say, NULL);
}

static int fill(struct store *s)
{
	struct store_job job = {0};
	struct book *b = make_book(5, 0);
	int result = import_book(s, b);
	free_book(b);
	if (result == 0)
		result = wish(s, 2, true, false);
	if (result == 0 && (result = claim(&job, s, JOB_ANALYZE)) == 1)
		result = finish_analysis(s, job.id, 1, "kept");
	store_job_finish(&job);
	if (result == 0 && (result = claim(&job, s, JOB_ILLUSTRATE)) == 1)
		result = finish_picture(s, job.id, "PNG", 3);
	store_job_finish(&job);
	return result;
}

int fixture_fill(const struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = NULL;
	int result = fixture_open(&s, f, NULL, NULL);
	return result < 0 ? result : fill(s);
}
