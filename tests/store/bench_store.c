/* SPDX-License-Identifier: MIT */
#include <sys/wait.h>

#include "check.h"
#include "fixture.h"

/* What the store costs, in this run on this disk. One line a figure. */

#define PICTURES 40
#define PICTURE_BYTES 2500000

static double seconds_since(int64_t start_us)
{
	return (double)(clock_mono_us() - start_us) / 1e6;
}

static int one_event(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_event(tx, &(struct store_event){.type = EVENT_EDITED, .chapter = 2});
}

static void bench_commits(struct store *s)
{
	enum { ALONE = 500, GROUPED = 20000 };
	int64_t start = clock_mono_us();
	for (int i = 0; i < ALONE; i++)
		store_write_wait(s, one_event, NULL, NULL);
	printf("writes, one at a time       %10.0f /s\n", ALONE / seconds_since(start));
	start = clock_mono_us();
	for (int i = 0; i < GROUPED; i++)
		store_write(s, one_event, NULL, NULL);
	store_write_wait(s, one_event, NULL, NULL);
	printf("writes, grouped             %10.0f /s\n", GROUPED / seconds_since(start));
}

static void bench_jobs(struct store *s)
{
	int64_t start = clock_mono_us();
	for (int chapter = 2; chapter < MANY_CHAPTERS; chapter++)
		wish(s, chapter, false, false);
	printf("wish                        %10.0f /s\n", 118 / seconds_since(start));
	start = clock_mono_us();
	struct store_job job;
	int done = 0;
	while (claim(&job, s, JOB_ANALYZE) == 1) {
		finish_analysis(s, job.id, 3, "bench");
		store_job_finish(&job);
		done++;
	}
	printf("claim + finish, alone       %10.0f /s\n", done / seconds_since(start));
}

static void bench_lookups(struct store *s)
{
	enum { CALLS = 200000 };
	struct store_reader *r = store_reader(s);
	int64_t id, start = clock_mono_us();
	for (int i = 0; i < CALLS; i++)
		store_analysis_id(&id, r, 2 + i % 118);
	printf("store_analysis_id           %10.2f us\n", seconds_since(start) * 1e6 / CALLS);
	start = clock_mono_us();
	for (int i = 0; i < CALLS; i++) {
		struct store_state state;
		store_state(&state, r, 2 + i % 118);
		store_state_finish(&state);
	}
	printf("store_state                 %10.2f us\n", seconds_since(start) * 1e6 / CALLS);
	store_snapshot_begin(r);
	start = clock_mono_us();
	for (int i = 0; i < CALLS; i++)
		store_analysis_id(&id, r, 2 + i % 118);
	printf("store_analysis_id, snapshot %10.2f us\n", seconds_since(start) * 1e6 / CALLS);
	store_snapshot_end(r);
	start = clock_mono_us();
	for (int i = 0; i < CALLS; i++)
		store_seq(&id, r);
	printf("store_seq                   %10.2f us\n", seconds_since(start) * 1e6 / CALLS);
	start = clock_mono_us();
	struct store_totals t;
	for (int i = 0; i < 100; i++)
		store_totals(&t, r);
	printf("store_totals                %10.2f us\n", seconds_since(start) * 1e6 / 100);
}

static void bench_picture_writes(struct store *s, const char *bytes)
{
	struct store_job job;
	int64_t start = clock_mono_us();
	for (int i = 0; i < PICTURES && claim(&job, s, JOB_ILLUSTRATE) == 1; i++) {
		finish_picture(s, job.id, bytes, PICTURE_BYTES);
		store_job_finish(&job);
	}
	printf("picture of 2.5 MB stored in %10.2f ms\n", seconds_since(start) * 1e3 / PICTURES);
}

static void bench_picture_reads(struct store *s, const char *where)
{
	double best = 0;
	for (int run = 0; run < 5; run++) {
		int64_t start = clock_mono_us();
		for (int id = 1; id <= PICTURES; id++) {
			CLEANUP(buf_finish) struct buf b = {0};
			CHECK_INT(store_picture_bytes(&b, store_reader(s), id), 0);
			CHECK_INT(b.len, PICTURE_BYTES);
		}
		double rate = (double)PICTURES * PICTURE_BYTES / seconds_since(start) / 1e9;
		best = rate > best ? rate : best;
	}
	printf("pictures read, %-12s %10.2f GB/s\n", where, best);
}

/* ---- a book's pictures, as views and status ask for them */

static int count_picture(void *arg, const struct store_picture *p)
{
	(*(int *)arg)++;
	return 0;
}

static void list_pictures(struct store_reader *r, const char *what)
{
	enum { RUNS = 200 };
	double list_us = 1e9, totals_us = 1e9;
	int count = 0;
	for (int run = 0; run < RUNS; run++) {
		struct store_totals t;
		int64_t start = clock_mono_us();
		store_pictures(r, 0, count_picture, &count);
		double us = seconds_since(start) * 1e6;
		list_us = us < list_us ? us : list_us;
		start = clock_mono_us();
		store_totals(&t, r);
		us = seconds_since(start) * 1e6;
		totals_us = us < totals_us ? us : totals_us;
	}
	printf("list of %d, %-15s %10.0f us, store_totals %.0f us\n", count / RUNS, what, list_us,
	       totals_us);
}

/* All that makes a picture outdated: of every scene it must be asked. */
static int set_style(struct store_tx *tx, void *arg, struct err *err)
{
	struct look look = {.type = ELEMENT_CHARACTER, .name = "Alice", .line = "fair hair"};
	CLEANUP(corrections_finish) struct corrections list = {0};
	corrections_add(&list, CORRECTION_DESCRIPTION, ELEMENT_CHARACTER, "Alice")->text =
		xstrdup("red hair");
	int result = tx_set_style(tx, "ink");
	if (result == 0)
		result = tx_fix_looks(tx, &look, 1);
	return result < 0 ? result : tx_correct(tx, "elements/characters/Alice.md", &list);
}

static void bench_lists(void)
{
	CLEANUP(store_close_cleanup) struct store *s = NULL;
	struct fixture f;
	struct err err = {0};
	struct store_job job;
	fixture_init(&f);
	CHECK_INT(fixture_open(&s, &f, NULL, &err), 0);
	struct book *b = make_book(67, 0);
	CHECK_INT(import_book(s, b), 0);
	for (int chapter = 2; chapter < 67; chapter++)
		wish(s, chapter, false, false);
	while (claim(&job, s, JOB_ANALYZE) == 1) {
		finish_analysis(s, job.id, 2, "bench");
		store_job_finish(&job);
	}
	while (claim(&job, s, JOB_ILLUSTRATE) == 1) {
		finish_picture(s, job.id, "PNG", 3);
		store_job_finish(&job);
	}
	list_pictures(store_reader(s), "no edits");
	CHECK_INT(store_write_wait(s, set_style, NULL, &err), 0);
	list_pictures(store_reader(s), "all outdated");
	free_book(b);
	fixture_finish(&f);
}

static void bench_open(const struct fixture *f)
{
	struct err err = {0};
	double best = 1e9, worst = 0;
	for (int i = 0; i < 20; i++) {
		struct store *s = NULL;
		struct book *b = NULL;
		int64_t start = clock_mono_us();
		CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
		CHECK_INT(store_import_current(s, "depth=0", &err), 1);
		CHECK_INT(store_book(&b, store_reader(s)), 0);
		double ms = seconds_since(start) * 1e3;
		best = ms < best ? ms : best;
		worst = ms > worst ? ms : worst;
		free_book(b);
		store_close(s);
	}
	printf("open, current, book         %10.2f ms (worst %.2f)\n", best, worst);
}

int main(void)
{
	struct fixture f;
	fixture_init(&f);
	struct err err = {0};
	struct store *s = NULL;
	CHECK_INT(fixture_open(&s, &f, NULL, &err), 0);
	struct book *b = make_book(MANY_CHAPTERS, 0);
	store_import_current(s, "depth=0", &err);
	int64_t start = clock_mono_us();
	CHECK_INT(import_book(s, b), 0);
	printf("import, 120 chapters        %10.2f ms\n", seconds_since(start) * 1e3);
	free_book(b);
	bench_commits(s);
	bench_jobs(s);
	bench_lookups(s);
	char *bytes = xcalloc(1, PICTURE_BYTES);
	for (int i = 0; i < PICTURE_BYTES; i++)
		bytes[i] = (char)(i * 2654435761u >> 24);
	bench_picture_writes(s, bytes);
	bench_picture_reads(s, "unfolded");
	store_close(s);
	s = NULL;
	CHECK_INT(fixture_open(&s, &f, NULL, &err), 0);
	bench_picture_reads(s, "folded");
	s = store_close(s);
	bench_open(&f);
	bench_lists();
	free(bytes);
	fixture_finish(&f);
	return check_result();
}
