/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "rig.h"

/* ---- a disk that does not take it */

static void disk_full(bool full)
{
	struct rlimit limit;
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = full ? 1 : limit.rlim_max;
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void fill_disk(struct provider_outcome *o, void *arg, const struct slow_call *call)
{
	if (!call->paint && call->number == 1)
		disk_full(true); /* before the answer can be stored */
}

static bool nothing_asked(struct bench *b)
{
	return jobs_stuck(b->jobs) && b->slow->analyzing == 0;
}

static void test_store_fails(void)
{
	struct bench b = {0};
	const struct slow_settings slow = {
		.latency_ms = 250, .analyze_slots = 1, .script = fill_disk};
	bench_open(&b, 5, slow, usual);
	jobs_wish_all(b.jobs, answered, &b);
	CHECK(run_until(&b, nothing_asked, 5000));
	run_until(&b, never, 500);
	CHECK_INT(analysed(&b), 0);
	/* The next was asked for before the first was refused; no more is bought. */
	CHECK_INT(b.slow->analyses, 2);
	disk_full(false);
	CHECK(run_until(&b, all_done, 10000));
	CHECK_INT(analysed(&b), 3);
	CHECK_INT(b.slow->analyses, 3); /* nothing was made twice */
	CHECK_INT(drawn(&b), 6);
	bench_close(&b);
}

/* Small writes go through, the picture does not: it is kept, and not many more are bought. */
static void fill_nearly(struct provider_outcome *o, void *arg, const struct slow_call *call)
{
	struct rlimit limit;
	if (!call->paint || call->number > 1)
		return;
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = 1 << 20;
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static bool one_painted(struct bench *b)
{
	return jobs_stuck(b->jobs) && b->slow->painting == 0;
}

static void test_picture_does_not_fit(void)
{
	struct bench b = {0};
	const struct slow_settings slow = {.latency_ms = 250,
					   .analyze_slots = 1,
					   .paint_slots = 1,
					   .picture_bytes = 2 << 20,
					   .script = fill_nearly};
	bench_open(&b, 6, slow, usual);
	jobs_wish_all(b.jobs, NULL, NULL);
	CHECK(run_until(&b, one_painted, 5000));
	run_until(&b, never, 400);
	CHECK_INT(b.slow->paints, 2); /* the next was asked for before the first was refused */
	CHECK_INT(drawn(&b), 0);
	disk_full(false);
	jobs_drain(b.jobs, drained, &b);
	run_until(&b, never, 10000);
	CHECK(b.drained);
	CHECK_INT(drawn(&b), b.slow->paints);
	bench_close(&b);
}

/* ---- what is said of it */

/* Standard error as a pipe: a file would be as full as the disk. */
struct ear {
	int was, fds[2];
};

static void ear_open(struct ear *e)
{
	e->was = dup(STDERR_FILENO);
	CHECK_INT(pipe(e->fds), 0);
	fcntl(e->fds[0], F_SETFL, O_NONBLOCK);
	dup2(e->fds[1], STDERR_FILENO);
}

/* The lines that were heard, and that have `what` in them. */
static int ear_close(struct ear *e, const char *what)
{
	char heard[8192];
	int lines = 0;
	dup2(e->was, STDERR_FILENO);
	ssize_t n = read(e->fds[0], heard, sizeof(heard) - 1);
	heard[n > 0 ? n : 0] = '\0';
	for (char *rest = heard, *line; (line = strsep(&rest, "\n")) != NULL;)
		lines += strstr(line, what) != NULL;
	close(e->was);
	close(e->fds[0]);
	close(e->fds[1]);
	return lines;
}

static bool both_stuck(struct bench *b)
{
	return b->slow->analyses >= 2 && b->slow->analyzing == 0 && jobs_stuck(b->jobs);
}

/* Two results wait, and then a reader's wish cannot be stored either: one cause, one line. */
static void test_said_once(void)
{
	struct bench b = {0};
	struct ear ear;
	const struct slow_settings slow = {
		.latency_ms = 5, .analyze_slots = 2, .script = fill_disk};
	bench_open(&b, 6, slow, usual);
	ear_open(&ear);
	jobs_wish_all(b.jobs, answered, &b);
	bool stuck = run_until(&b, both_stuck, 5000);
	run_until(&b, never, 400);
	CHECK_INT(ear_close(&ear, ""), 2); /* the line, and the nothing behind it */
	CHECK(stuck);
	disk_full(false);
	CHECK(run_until(&b, all_done, 10000));
	CHECK(!jobs_stuck(b.jobs));
	CHECK_INT(drawn(&b), 8);
	bench_close(&b);
}

static bool is_stuck(struct bench *b)
{
	return jobs_stuck(b->jobs);
}

/* Not even the first look at the queue succeeds: said once, tried again, and then all is done. */
static void test_begins_late(void)
{
	struct bench b = {0};
	struct ear ear;
	fixture_init(&b.files);
	open_store(&b);
	import_made(&b, 4);
	ear_open(&ear);
	disk_full(true);
	open_jobs(&b, (struct slow_settings){.latency_ms = 5}, &usual);
	bool stuck = run_until(&b, is_stuck, 5000);
	run_until(&b, never, 1200); /* a second try */
	CHECK_INT(ear_close(&ear, "no work can be begun"), 1);
	CHECK(stuck);
	disk_full(false);
	jobs_wish_all(b.jobs, answered, &b);
	CHECK(run_until(&b, all_done, 10000));
	CHECK_INT(drawn(&b), 4);
	bench_close(&b);
}

int main(void)
{
	signal(SIGXFSZ, SIG_IGN);
	log_open(LOG_TO_STDERR, LOG_LEVEL_ERROR);
	test_store_fails();
	test_picture_does_not_fit();
	test_said_once();
	test_begins_late();
	return check_result();
}
