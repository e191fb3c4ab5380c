/* SPDX-License-Identifier: MIT */
#include <sys/stat.h>

#include "check.h"
#include "faultvfs.h"
#include "fixture.h"

/*
 * The disk fails once, at every call an import and a set of jobs make, one after the other. Each
 * time: a step says done or gives one reason, what said done is there afterwards, the store is
 * sound, and the next run without a fault completes.
 */

#define PICTURE_BYTES 60000

struct run {
	struct store *store;
	const struct book *book;
	const struct analysis *analysis;
	char *picture;
	bool imported, analysed, drawn; /* what was said to be done */
	int failures;
};

static int step_import(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_import(tx, ((struct run *)arg)->book, "", err);
}

static int step_wish(struct store_tx *tx, void *arg, struct err *err)
{
	struct wish w = {.chapter = 2, .profile = "builtin", .on_demand = true};
	return tx_wish_analysis(NULL, tx, &w);
}

static int step_wish_pictures(struct store_tx *tx, void *arg, struct err *err)
{
	struct wish w = {.chapter = 2, .profile = "painter"};
	return tx_wish_pictures(NULL, tx, &w);
}

static int claim_and(struct store_tx *tx, enum job_kind kind, struct run *run)
{
	struct store_job job;
	int got = tx_claim(&job, tx, kind, kind == JOB_ANALYZE ? "builtin" : "painter");
	if (got != 1)
		return got;
	int result = kind == JOB_ANALYZE
			     ? tx_analysis_done(tx, job.id, run->analysis, &builtin_info)
			     : tx_picture_done(tx, job.id, run->picture, PICTURE_BYTES, "png",
					       &builtin_info);
	store_job_finish(&job);
	return result;
}

static int step_analyse(struct store_tx *tx, void *arg, struct err *err)
{
	return claim_and(tx, JOB_ANALYZE, arg);
}

static int step_draw(struct store_tx *tx, void *arg, struct err *err)
{
	return claim_and(tx, JOB_ILLUSTRATE, arg);
}

/* A failure has one of the codes a full or broken disk has, and a reason a person can read. */
static void check_reason(struct run *run, int result, const struct err *err)
{
	run->failures++;
	CHECK(result == -ENOSPC || result == -EIO);
	CHECK(err->msg[0] != '\0' && !strchr(err->msg, '\n'));
	CHECK_INT(err->code, result);
}

static bool step(struct run *run, store_work_fn work)
{
	struct err err = {0};
	int result = store_write_wait(run->store, work, run, &err);
	if (result < 0)
		check_reason(run, result, &err);
	return result >= 0;
}

static void run_all(struct run *run, const struct fixture *f)
{
	struct err err = {0};
	int result = fixture_open(&run->store, f, NULL, &err);
	if (result < 0) {
		check_reason(run, result, &err);
		return;
	}
	int current = store_import_current(run->store, "", &err);
	CHECK(current >= 0 || current == -EIO || current == -ENOSPC);
	run->imported = step(run, step_import);
	if (run->imported && step(run, step_wish))
		run->analysed = step(run, step_analyse);
	if (run->analysed && step(run, step_wish_pictures))
		run->drawn = step(run, step_draw);
	run->store = store_close(run->store);
}

/* What was said to be done is there, and the store is sound. */
static void check_kept(const struct run *run, const struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = NULL;
	struct err err = {0};
	CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
	if (!s) {
		fprintf(stderr, "%s\n", err.msg);
		return;
	}
	CHECK_INT(check_store(s), 0);
	int64_t number = 0;
	CHECK_INT(store_generation(&number, store_reader(s)), 0);
	CHECK(number > 0 || !run->imported);
	CHECK_INT(store_analysis_id(&number, store_reader(s), 2), 0);
	CHECK(number > 0 || !run->analysed);
	if (!run->drawn)
		return;
	struct store_picture p;
	CLEANUP(buf_finish) struct buf bytes = {0};
	CHECK_INT(store_picture(&p, store_reader(s), 2, 1), 0);
	CHECK_INT(store_picture_bytes(&bytes, store_reader(s), p.id), 0);
	CHECK(bytes.len == PICTURE_BYTES && !memcmp(bytes.data, run->picture, PICTURE_BYTES));
}

/* One fault at call `at`; the number of faults that happened. */
static int64_t fail_at(const struct run *blank, struct fault_plan plan)
{
	static const struct fault_plan none = {0};
	struct fixture f;
	struct run run = *blank;
	fixture_init(&f);
	faultvfs_plan(&plan);
	run_all(&run, &f);
	int64_t failed = faultvfs_failed();
	faultvfs_plan(&none);
	CHECK(failed > 0 || run.failures == 0);
	int before = check_failures;
	check_kept(&run, &f);
	struct run again = *blank;
	run_all(&again, &f);
	CHECK(again.imported && again.analysed && again.drawn);
	check_kept(&again, &f);
	if (check_failures > before)
		fprintf(stderr, "... after fault %lld, calls %u, how %d\n", (long long)plan.at,
			plan.calls, plan.how);
	fixture_finish(&f);
	return failed;
}

static void test_each_call(const struct run *blank)
{
	static const char *const names[] = {"EIO", "ENOSPC", "short write"};
	for (int how = FAULT_EIO; how <= FAULT_SHORT; how++) {
		struct fault_plan plan = {.how = (enum fault_how)how, .calls = FAULT_ALL};
		if (how == FAULT_SHORT)
			plan.calls = FAULT_WRITE;
		int64_t at = 1;
		for (; check_failures == 0; at++) {
			plan.at = at;
			if (fail_at(blank, plan) == 0)
				break;
		}
		printf("%s at each of %lld calls\n", names[how], (long long)at - 1);
		CHECK(at > 20); /* else the shim was not in the way */
	}
}

/* It goes on failing, as a full disk does, from early, in the midst and late. */
static void test_stuck(const struct run *blank)
{
	for (int64_t at = 1; at < 60 && check_failures == 0; at += 6)
		fail_at(blank, (struct fault_plan){.how = FAULT_ENOSPC,
						   .calls = FAULT_WRITE | FAULT_TRUNCATE,
						   .at = at,
						   .from_on = true});
}

static void test_slow(const struct run *blank)
{
	struct fixture f;
	struct run run = *blank;
	fixture_init(&f);
	faultvfs_plan(&(struct fault_plan){.calls = FAULT_SYNC | FAULT_OPEN, .slow_ms = 10});
	run_all(&run, &f);
	faultvfs_plan(&(struct fault_plan){0});
	CHECK(run.imported && run.analysed && run.drawn);
	check_kept(&run, &f);
	fixture_finish(&f);
}

int main(void)
{
	/* In memory: a sync that is to be made hundreds of times costs nothing there. */
	struct stat st;
	if (stat("/dev/shm", &st) == 0)
		setenv("TMPDIR", "/dev/shm", 1);
	log_open(LOG_TO_STDERR, LOG_LEVEL_ERROR);
	if (faultvfs_install() < 0)
		return 1;
	struct book *book = make_book(6, 0);
	struct analysis *analysis = make_analysis(1, "fault");
	struct run blank = {
		.book = book, .analysis = analysis, .picture = xcalloc(1, PICTURE_BYTES)};
	for (int i = 0; i < PICTURE_BYTES; i++)
		blank.picture[i] = (char)(i * 31);
	test_each_call(&blank);
	test_stuck(&blank);
	test_slow(&blank);
	free(blank.picture);
	analysis_free(analysis);
	free_book(book);
	return check_result();
}
