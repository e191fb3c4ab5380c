/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "conn.h"
#include "fixture.h"
#include "setclock.h"
#include "store.h"

/* When servers may be asked, by two processes of one book; and what jobs took. */

#define ORIGIN "https://api.example.org"

struct pair {
	struct fixture files;
	struct store *one, *other;
};

static void pair_open(struct pair *p)
{
	struct err err = {0};
	fixture_init(&p->files);
	CHECK_INT(fixture_open(&p->one, &p->files, NULL, &err), 0);
	CHECK_INT(fixture_open(&p->other, &p->files, NULL, &err), 0);
}

static void pair_close(struct pair *p)
{
	store_close(p->one);
	store_close(p->other);
	fixture_finish(&p->files);
}

static int start_work(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_server_start(arg, tx);
}

static int64_t take(struct store *s, struct server_start what)
{
	struct err err = {0};
	what.origin = what.origin ? what.origin : ORIGIN;
	what.most_ms = what.most_ms ? what.most_ms : INT64_MAX;
	CHECK_INT(store_write_wait(s, start_work, &what, &err), 0);
	return what.at_boot_ms;
}

/* How far away the start is that was taken. */
static int64_t start(struct store *s, struct server_start what)
{
	int64_t now = clock_boot_ms();
	return take(s, what) - now;
}

/* The clock goes on while a test runs. */
static bool near(int64_t value, int64_t is)
{
	return value > is - 5000 && value < is + 5000;
}

static void test_interval(struct pair *p)
{
	const struct server_start minute = {.interval_ms = 60000};
	CHECK(near(start(p->one, minute), 0));
	CHECK(near(start(p->other, minute), 60000));
	CHECK(near(start(p->one, minute), 120000));
	const struct server_start pictures = {.kind = JOB_ILLUSTRATE, .interval_ms = 60000};
	CHECK(near(start(p->one, pictures), 0)); /* of another kind */
	const struct server_start elsewhere = {.origin = "http://127.0.0.1:1"};
	CHECK(near(start(p->one, elsewhere), 0));
	clock_pass(170000);
	CHECK(near(start(p->other, minute), 10000));
	clock_pass(1000000);
	CHECK(near(start(p->other, minute), 0)); /* what nobody took is nobody's */
	CHECK(near(start(p->other, minute), 60000));
}

/* The last that was taken costs nobody anything if it was missed; one before it does. */
static void test_missed(struct pair *p)
{
	struct server_start minute = {.interval_ms = 60000}, again = minute;
	int64_t first = take(p->one, minute);
	again.missed_boot_ms = first;
	again.lead_ms = 10000;
	CHECK(near(start(p->one, again), 10000));
	CHECK(near(start(p->other, minute), 70000));
	CHECK(near(start(p->one, again), 130000));
}

static void test_not_taken(struct pair *p)
{
	const struct server_start minute = {.interval_ms = 60000};
	const struct server_start soon = {.interval_ms = 60000, .most_ms = 30000};
	CHECK(near(start(p->one, minute), 0));
	CHECK(near(start(p->other, soon), 60000)); /* too far: it was not taken */
	CHECK(near(start(p->one, minute), 60000));
}

static int tokens_work(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_server_tokens(tx, ORIGIN, JOB_ANALYZE, *(int64_t *)arg);
}

static void test_tokens(struct pair *p)
{
	const struct server_start tokens = {.tokens_ms = 100000};
	int64_t more_ms = 50000;
	struct err err = {0};
	CHECK(near(start(p->one, tokens), 0));
	CHECK_INT(store_write_wait(p->one, tokens_work, &more_ms, &err), 0);
	CHECK(near(start(p->other, tokens), 150000));
	CHECK(near(start(p->one, tokens), 250000));
}

struct told {
	enum job_kind kind;
	int64_t wait_ms;
};

static int told_work(struct store_tx *tx, void *arg, struct err *err)
{
	const struct told *t = arg;
	return tx_server_told(tx, ORIGIN, t->kind, clock_boot_ms() + t->wait_ms);
}

static void tell(struct store *s, enum job_kind kind, int64_t wait_ms)
{
	struct told t = {kind, wait_ms};
	struct err err = {0};
	CHECK_INT(store_write_wait(s, told_work, &t, &err), 0);
}

static int64_t told(struct store *s, enum job_kind kind)
{
	int64_t wait_ms = -1;
	CHECK_INT(store_server_wait(&wait_ms, store_reader(s), ORIGIN, kind), 0);
	return wait_ms;
}

static void test_told(struct pair *p)
{
	const struct server_start minute = {.interval_ms = 60000};
	CHECK_INT(told(p->one, JOB_ANALYZE), 0);
	tell(p->one, JOB_ANALYZE, 500000);
	tell(p->other, JOB_ANALYZE, 20000); /* shortens nothing */
	CHECK(near(told(p->other, JOB_ANALYZE), 500000));
	CHECK_INT(told(p->other, JOB_ILLUSTRATE), 0);
	CHECK(near(start(p->other, minute), 500000));
	CHECK(near(start(p->one, minute), 560000));
	clock_pass(600000);
	CHECK_INT(told(p->one, JOB_ANALYZE), 0);
	tell(p->one, JOB_ANALYZE, INT64_MAX / 2);
	CHECK(near(told(p->other, JOB_ANALYZE), 24 * 3600 * 1000));
}

static void run_sql(const struct fixture *f, const char *sql)
{
	struct conn c = {0};
	struct err err = {0};
	CHECK_INT(conn_open(&c, f->store_path, CONN_WRITE, &err), 0);
	CHECK_INT(conn_exec(&c, sql, &err), 0);
	conn_close(&c);
}

/* In another boot only what the server said counts; nothing that a file says keeps one for ever. */
static void test_another_boot(struct pair *p)
{
	const struct server_start minute = {.interval_ms = 60000, .tokens_ms = 60000};
	tell(p->one, JOB_ANALYZE, 500000);
	CHECK(near(start(p->one, minute), 500000));
	run_sql(&p->files, "UPDATE server SET boot = 'another'");
	CHECK(near(told(p->other, JOB_ANALYZE), 500000));
	CHECK(near(start(p->other, minute), 500000));
	run_sql(&p->files, "UPDATE server SET boot = 'another', told_ms = 9000000000000000000");
	CHECK(near(told(p->other, JOB_ANALYZE), 24 * 3600 * 1000));
	run_sql(&p->files, "UPDATE server SET told_boot_ms = 0, told_ms = 0,"
			   " start_boot_ms = 9000000000000000000, tokens_boot_ms = 0");
	CHECK(start(p->other, minute) <= 24 * 3600 * 1000 + 5000);
}

/* ---- what it took */

static int64_t job_of(struct store *s, enum job_kind kind)
{
	struct store_job job = {0};
	CHECK_INT(claim(&job, s, kind), 1);
	int64_t id = job.id;
	store_job_finish(&job);
	return id;
}

struct spent {
	int64_t job;
	struct store_usage usage;
};

static int spent_work(struct store_tx *tx, void *arg, struct err *err)
{
	const struct spent *s = arg;
	return tx_job_spent(tx, s->job, &s->usage);
}

static void spend(struct store *s, int64_t job, struct store_usage u)
{
	struct spent what = {job, u};
	struct err err = {0};
	CHECK_INT(store_write_wait(s, spent_work, &what, &err), 0);
}

static int wait_work(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_job_wait(tx, *(int64_t *)arg, -EDQUOT, "no money", 0);
}

static void import_chapters(struct store *s)
{
	struct book *book = make_book(4, 0);
	CHECK_INT(import_book(s, book), 0);
	free_book(book);
}

/* An attempt that failed counts too, and one that was not made uses none up. */
static void test_usage(struct pair *p)
{
	struct store_state state = {0};
	struct store_totals totals = {0};
	struct store_picture picture;
	struct err err = {0};
	import_chapters(p->one);
	CHECK_INT(wish(p->one, 2, true, false), 0);
	int64_t job = job_of(p->one, JOB_ANALYZE);
	spend(p->one, job, (struct store_usage){2, 1000, 100, 70});
	CHECK_INT(fail_job(p->one, job, clock_unix_ms() - 1), 0);
	job = job_of(p->one, JOB_ANALYZE);
	CHECK_INT(store_write_wait(p->one, wait_work, &job, &err), 0);
	CHECK_INT(store_state(&state, store_reader(p->one), 2), 0);
	CHECK_INT(state.state, STATE_PENDING);
	CHECK_INT(state.attempts, 1);
	CHECK_INT(state.error_code, -EDQUOT);
	CHECK_STR(state.error, "no money");
	CHECK_INT(state.usage.tokens_in, 1000);
	store_state_finish(&state);
	job = job_of(p->one, JOB_ANALYZE);
	spend(p->one, job, (struct store_usage){1, 500, 50, 30});
	CHECK_INT(finish_analysis(p->one, job, 1, "x"), 0);
	CHECK_INT(store_state(&state, store_reader(p->other), 2), 0);
	CHECK_INT(state.state, STATE_COMPLETED);
	CHECK_INT(state.usage.requests, 3);
	CHECK_INT(state.usage.cost_micro, 100);
	CHECK_INT(state.tokens, 1650);
	store_state_finish(&state);
	job = job_of(p->one, JOB_ILLUSTRATE);
	spend(p->one, job, (struct store_usage){1, 0, 0, 40000});
	CHECK_INT(finish_picture(p->one, job, "x", 1), 0);
	CHECK_INT(store_picture(&picture, store_reader(p->other), 2, 1), 0);
	CHECK_INT(picture.usage.cost_micro, 40000);
	CHECK_INT(store_totals(&totals, store_reader(p->other)), 0);
	CHECK_INT(totals.usage[JOB_ANALYZE].requests, 3);
	CHECK_INT(totals.usage[JOB_ANALYZE].tokens_out, 150);
	CHECK_INT(totals.usage[JOB_ILLUSTRATE].cost_micro, 40000);
	CHECK_INT(totals.tokens, 1650);
}

static int open_jobs(struct store *s, enum job_kind kind)
{
	int count = -1;
	CHECK_INT(store_open_jobs(&count, store_reader(s), kind), 0);
	return count;
}

static void test_open_jobs(struct pair *p)
{
	import_chapters(p->one);
	CHECK_INT(open_jobs(p->one, JOB_ANALYZE), 0);
	CHECK_INT(wish(p->one, 2, true, false), 0);
	CHECK_INT(wish(p->one, 3, true, false), 0);
	int64_t job = job_of(p->one, JOB_ANALYZE);
	CHECK_INT(open_jobs(p->other, JOB_ANALYZE), 2);
	CHECK_INT(finish_analysis(p->one, job, 1, "x"), 0);
	CHECK_INT(open_jobs(p->other, JOB_ANALYZE), 1);
	CHECK_INT(open_jobs(p->other, JOB_ILLUSTRATE), 1);
	job = job_of(p->one, JOB_ANALYZE);
	CHECK_INT(fail_job(p->one, job, 0), 0);
	CHECK_INT(open_jobs(p->other, JOB_ANALYZE), 0);
}

/* ---- who rests */

static int rest_work(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_rest(tx, JOB_ANALYZE, arg);
}

static int rest_found(void *arg, enum job_kind kind, const char *why)
{
	CHECK_INT(kind, JOB_ANALYZE);
	CHECK_STR(why, arg);
	return 1;
}

static void test_rests(struct pair *p)
{
	struct err err = {0};
	char why[] = "it is late";
	CHECK_INT(adopt(p->one, JOB_ANALYZE, "builtin"), 0);
	CHECK_INT(store_rests(store_reader(p->other), rest_found, why), 0);
	CHECK_INT(store_write_wait(p->one, rest_work, why, &err), 0);
	CHECK_INT(store_rests(store_reader(p->other), rest_found, why), 1);
	CHECK_INT(store_write_wait(p->one, rest_work, NULL, &err), 0);
	CHECK_INT(store_rests(store_reader(p->other), rest_found, why), 0);
	CHECK_INT(store_write_wait(p->one, rest_work, why, &err), 0);
	p->one = store_close(p->one); /* and with it whoever rests */
	CHECK_INT(store_rests(store_reader(p->other), rest_found, why), 0);
}

int main(void)
{
	static void (*const tests[])(struct pair *) = {
		test_interval,	   test_missed, test_not_taken, test_tokens, test_told,
		test_another_boot, test_usage,	test_open_jobs, test_rests,
	};
	for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
		struct pair p;
		pair_open(&p);
		tests[i](&p);
		pair_close(&p);
	}
	return check_result();
}
