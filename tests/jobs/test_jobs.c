/* SPDX-License-Identifier: MIT */
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "rig.h"

static void test_whole_book(void)
{
	struct bench b = {0};
	bench_open(&b, 8, (struct slow_settings){.latency_ms = 20, .held = 3}, usual);
	jobs_wish_all(b.jobs, answered, &b);
	CHECK(run_until(&b, all_done, 10000));
	CHECK_INT(b.last_result, 0);
	CHECK_INT(analysed(&b), 6); /* without front and back matter */
	CHECK_INT(drawn(&b), 12);
	CHECK_INT(b.slow->analyses, 6);
	CHECK_INT(b.slow->paints, 12);
	CHECK_INT(b.slow->most_analyzing, 2);
	CHECK_INT(b.slow->most_painting, 2);
	CHECK(b.slow->most_both > 0); /* both pipelines at once */
	CHECK(strstr(b.slow->last_prompt, "Scene") != NULL);
	bench_close(&b);
}

static bool one_open(struct bench *b)
{
	return b->slow->analyses >= 1;
}

static void test_on_demand_first(void)
{
	struct bench b = {0};
	const struct slow_settings one = {.latency_ms = 30, .analyze_slots = 1, .paint_slots = 1};
	bench_open(&b, 10, one, usual);
	jobs_wish_all(b.jobs, NULL, NULL);
	CHECK(run_until(&b, one_open, 5000));
	jobs_wish_analysis(b.jobs, 8, true, false, answered, &b);
	CHECK(run_until(&b, all_done, 10000));
	CHECK_INT(b.slow->order[0], 2);
	CHECK_INT(b.slow->order[1], 8);
	CHECK_INT(b.slow->order[2], 3);
	bench_close(&b);
}

static bool made_again(struct bench *b)
{
	return b->slow->analyses == 2 && jobs_in_flight(b->jobs) == 0;
}

static void test_many_wishes_one_analysis(void)
{
	struct bench b = {0};
	bench_open(&b, 4, (struct slow_settings){.latency_ms = 40}, usual);
	for (int i = 0; i < 200; i++)
		jobs_wish_analysis(b.jobs, 2, true, false, answered, &b);
	CHECK(run_until(&b, one_open, 5000));
	CHECK(b.answers > 0);
	struct store_totals t = totals(&b);
	CHECK_INT(t.chapters[STATE_IN_PROGRESS], 1);
	while (b.answers < 200 || analysed(&b) == 0)
		if (!run_until(&b, all_done, 5000))
			break;
	CHECK_INT(b.answers, 200);
	CHECK_INT(b.slow->analyses, 1);
	jobs_wish_analysis(b.jobs, 2, true, true, answered, &b); /* again, as asked */
	CHECK(run_until(&b, made_again, 5000));
	bench_close(&b);
}

static bool wish_answered(struct bench *b)
{
	return b->answers > 0;
}

static void test_wish_refused(void)
{
	struct bench b = {0};
	bench_open(&b, 4, (struct slow_settings){.latency_ms = 5}, usual);
	jobs_wish_analysis(b.jobs, 1, true, false, answered, &b);
	CHECK(run_until(&b, wish_answered, 2000));
	CHECK_INT(b.last_result, -ENODATA);
	b.answers = 0;
	jobs_wish_analysis(b.jobs, 99, true, false, answered, &b);
	CHECK(run_until(&b, wish_answered, 2000));
	CHECK_INT(b.last_result, -ENOENT);
	CHECK_STR(b.last_message, "the book has no chapter 99");
	CHECK_INT(b.slow->analyses, 0);
	bench_close(&b);
}

/* ---- failures */

static void fail_twice(struct provider_outcome *o, void *arg, const struct slow_call *call)
{
	if (!call->paint && call->attempt <= 2)
		o->code = err_set(&o->err, -EIO, "the server had a cold");
}

static void test_retry(void)
{
	struct bench b = {0};
	const struct slow_settings slow = {.latency_ms = 5, .script = fail_twice};
	bench_open(&b, 3, slow, usual);
	int64_t began = clock_boot_ms();
	jobs_wish_analysis(b.jobs, 2, true, false, answered, &b);
	CHECK(run_until(&b, all_done, 15000));
	CHECK_INT(analysed(&b), 1);
	CHECK_INT(b.slow->analyses, 3);
	CHECK_INT(b.slow->paints, 2);
	CHECK(clock_boot_ms() - began >= 500); /* it did not come back at once */
	bench_close(&b);
}

static void fail_always(struct provider_outcome *o, void *arg, const struct slow_call *call)
{
	o->code = err_set(&o->err, -EACCES, "the key was refused");
	o->retry_after_ms = -1;
}

static bool one_failed(struct bench *b)
{
	return totals(b).chapters[STATE_FAILED] == 1 && jobs_in_flight(b->jobs) == 0;
}

static void test_final_failure(void)
{
	struct bench b = {0};
	const struct slow_settings slow = {.latency_ms = 5, .script = fail_always};
	bench_open(&b, 3, slow, usual);
	jobs_wish_analysis(b.jobs, 2, true, false, answered, &b);
	CHECK(run_until(&b, one_failed, 5000));
	struct store_state s = {0};
	CHECK_INT(store_state(&s, store_reader(b.store), 2), 0);
	CHECK_INT(s.state, STATE_FAILED);
	CHECK_INT(s.error_code, -EACCES);
	CHECK_STR(s.error, "the key was refused");
	CHECK_INT(b.slow->analyses, 1);
	store_state_finish(&s);
	b.slow->settings.script = NULL;
	b.answers = 0;
	jobs_command(b.jobs, "retry failed\n", 13, answered, &b);
	CHECK(run_until(&b, all_done, 5000));
	CHECK_INT(analysed(&b), 1);
	bench_close(&b);
}

static void wait_an_hour(struct provider_outcome *o, void *arg, const struct slow_call *call)
{
	o->code = err_set(&o->err, -EDQUOT, "the quota of today is spent");
	o->retry_after_ms = 3600 * 1000;
}

static bool asked_and_idle(struct bench *b)
{
	return b->slow->analyses >= 1 && jobs_in_flight(b->jobs) == 0;
}

static void test_long_wait(void)
{
	struct bench b = {0};
	struct jobs_settings once = usual;
	once.max_attempts = 1;
	bench_open(&b, 3, (struct slow_settings){.latency_ms = 5, .script = wait_an_hour}, once);
	jobs_wish_analysis(b.jobs, 2, true, false, answered, &b);
	CHECK(run_until(&b, asked_and_idle, 5000));
	struct store_state s = {0};
	CHECK_INT(store_state(&s, store_reader(b.store), 2), 0);
	CHECK_INT(s.state, STATE_PENDING);
	CHECK(s.not_before_unix_ms > clock_unix_ms() + 3000 * 1000);
	store_state_finish(&s);
	bench_close(&b);
}

/* ---- draining, leaving */

static void test_drain(void)
{
	struct bench b = {0};
	bench_open(&b, 30, (struct slow_settings){.latency_ms = 50}, usual);
	jobs_wish_all(b.jobs, NULL, NULL);
	CHECK(run_until(&b, one_open, 5000));
	int before = b.slow->analyses;
	jobs_drain(b.jobs, drained, &b);
	CHECK(!b.drained); /* there is something in flight */
	run_until(&b, never, 5000);
	CHECK(b.drained);
	CHECK_INT(jobs_in_flight(b.jobs), 0);
	CHECK(b.slow->analyses <= before + 1);
	CHECK(analysed(&b) >= before);
	CHECK_INT(totals(&b).chapters[STATE_IN_PROGRESS], 0);
	b.drained = false;
	jobs_drain(b.jobs, drained, &b);
	CHECK(b.drained); /* at once */
	bench_close(&b);
}

static bool none_in_flight(struct bench *b)
{
	return jobs_in_flight(b->jobs) == 0;
}

/* What was claimed ahead is given back; what is asked for goes on. */
static void test_pause(void)
{
	struct bench b = {0};
	const struct slow_settings one = {.latency_ms = 150, .analyze_slots = 1};
	struct jobs_settings no_pictures = usual;
	no_pictures.images = false;
	bench_open(&b, 6, one, no_pictures);
	jobs_wish_all(b.jobs, NULL, NULL);
	CHECK(run_until(&b, one_open, 5000));
	jobs_command(b.jobs, "pause", 5, answered, &b);
	CHECK(run_until(&b, wish_answered, 5000));
	CHECK(run_until(&b, none_in_flight, 5000));
	CHECK_INT(b.slow->analyses, 1);
	CHECK_INT(totals(&b).chapters[STATE_IN_PROGRESS], 0);
	b.answers = 0;
	jobs_command(b.jobs, "resume", 6, answered, &b);
	CHECK(run_until(&b, all_done, 10000));
	CHECK_INT(b.slow->analyses, 4);
	bench_close(&b);
}

/* What is in flight when jobs go away is given back, and done by the next. */
static void test_free_in_flight(void)
{
	struct bench b = {0};
	bench_open(&b, 6, (struct slow_settings){.latency_ms = 30}, usual);
	jobs_wish_all(b.jobs, NULL, NULL);
	CHECK(run_until(&b, one_open, 5000));
	close_jobs(&b);
	open_jobs(&b, (struct slow_settings){.latency_ms = 10}, &usual);
	b.answers = 1;
	CHECK(run_until(&b, all_done, 10000));
	CHECK_INT(analysed(&b), 4);
	CHECK_INT(b.slow->analyses, 4);
	CHECK_INT(drawn(&b), 8);
	bench_close(&b);
}

/* ---- two processes on one store */

struct share {
	int analyses, paints, failures;
};

static bool book_done(struct bench *b)
{
	return analysed(b) == 10 && drawn(b) == 20 && idle(b);
}

/* Both are ready before either begins, and each holds its first analysis until the other has one:
 * so both have a part in it, however late a machine lets one of them run. */
struct meeting {
	int tell_fd, hear_fd;
};

static void meet(const struct meeting *m)
{
	struct pollfd other = {.fd = m->hear_fd, .events = POLLIN};
	char byte = 'x';
	CHECK(write(m->tell_fd, &byte, 1) == 1);
	CHECK(poll(&other, 1, 20000) == 1);
	CHECK(other.revents && read(m->hear_fd, &byte, 1) == 1);
}

static void meet_first(struct provider_outcome *o, void *arg, const struct slow_call *call)
{
	if (!call->paint && call->number == 1)
		meet(arg);
}

static void work_alone(const struct fixture *files, struct meeting *other, int result_fd)
{
	struct bench b = {.files = *files};
	check_failures = 0;
	open_store(&b);
	open_jobs(&b, (struct slow_settings){.latency_ms = 15, .script = meet_first, .arg = other},
		  &usual);
	meet(other);
	jobs_wish_all(b.jobs, answered, &b);
	CHECK(run_until(&b, book_done, 20000));
	struct share share = {b.slow->analyses, b.slow->paints, check_failures};
	close_jobs(&b);
	b.poll = timer_free(b.poll);
	b.limit = timer_free(b.limit);
	store_close(b.store);
	loop_free(b.loop);
	_exit(write(result_fd, &share, sizeof(share)) == sizeof(share) ? 0 : 1);
}

static void test_two_processes(void)
{
	struct bench b = {0};
	struct share sum = {0}, share;
	int fds[2], there[2], back[2], status;
	fixture_init(&b.files);
	open_store(&b);
	import_made(&b, 12);
	b.store = store_close(b.store); /* no thread and no SQLite across the fork */
	timer_free(b.poll);
	timer_free(b.limit);
	b.loop = loop_free(b.loop);
	CHECK(pipe(fds) == 0 && pipe(there) == 0 && pipe(back) == 0);
	struct meeting sides[] = {{there[1], back[0]}, {back[1], there[0]}};
	for (int i = 0; i < 2; i++)
		if (fork() == 0)
			work_alone(&b.files, &sides[i], fds[1]);
	for (int i = 0; i < 2; i++) {
		CHECK(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0);
		CHECK(read(fds[0], &share, sizeof(share)) == (ssize_t)sizeof(share));
		CHECK(share.analyses > 0); /* both had a part in it */
		sum.analyses += share.analyses;
		sum.paints += share.paints;
		CHECK_INT(share.failures, 0);
	}
	for (int i = 0; i < 2; i++) {
		close(fds[i]);
		close(there[i]);
		close(back[i]);
	}
	CHECK_INT(sum.analyses, 10);
	CHECK_INT(sum.paints, 20);
	open_store(&b);
	CHECK_INT(analysed(&b), 10);
	bench_close(&b);
}

/* One is killed with claims in its hands; the other notices without an event, and does them. */
static void test_dead_owner(void)
{
	struct bench b = {0};
	int fds[2];
	char byte;
	fixture_init(&b.files);
	open_store(&b);
	import_made(&b, 4);
	b.store = store_close(b.store);
	timer_free(b.poll);
	timer_free(b.limit);
	b.loop = loop_free(b.loop);
	CHECK_INT(pipe(fds), 0);
	pid_t child = fork();
	if (child == 0) {
		open_store(&b);
		open_jobs(&b, (struct slow_settings){.latency_ms = 60000}, &usual);
		jobs_wish_all(b.jobs, NULL, NULL);
		run_until(&b, one_open, 5000);
		byte = write(fds[1], "x", 1) == 1 ? 'x' : 0;
		run_until(&b, never, 60000);
		_exit(1);
	}
	CHECK(read(fds[0], &byte, 1) == 1);
	open_store(&b);
	open_jobs(&b, (struct slow_settings){.latency_ms = 5}, &usual);
	b.answers = 1;
	run_until(&b, never, 1200);	/* longer than the first look */
	CHECK_INT(b.slow->analyses, 0); /* they are another's */
	kill(child, SIGKILL);
	CHECK(waitpid(child, NULL, 0) == child);
	CHECK(run_until(&b, all_done, 6000));
	CHECK_INT(b.slow->analyses, 2);
	CHECK_INT(drawn(&b), 4);
	close(fds[0]);
	close(fds[1]);
	bench_close(&b);
}

/* ---- .bookfs/ctl */

static bool failed_once(struct bench *b)
{
	return b->slow->attempts[3][0] == 1 && jobs_in_flight(b->jobs) == 0;
}

static bool three_analysed(struct bench *b)
{
	return analysed(b) == 3 && idle(b);
}

struct line {
	const char *text;
	int result;
	const char *says;
};

static void test_commands(void)
{
	static const struct line lines[] = {
		{"analyze 2\n", 0, ""},
		{"  analyze\t3  \r\n\n", 0, ""},
		{"pause\nresume\nretry failed", 0, ""},
		{"illustrate all", 0, ""},
		{"illustrate 2", 0, ""},
		{"", -EINVAL, "no command; allowed: analyze 9 | "},
		{"\n \n", -EINVAL, "no command; allowed: "},
		{"analyse 9", -EINVAL, "unknown command \"analyse\"; allowed: analyze 9 | "},
		{"analyze", -EINVAL, "\"analyze\" needs one more word; allowed: "},
		{"analyze nine", -EINVAL, "\"analyze\" cannot be followed by \"nine\"; allowed: "},
		{"analyze 0", -EINVAL, "\"analyze\" cannot be followed by \"0\"; allowed: "},
		{"analyze -2", -EINVAL, "\"analyze\" cannot be followed by"},
		{"analyze 99999999999999999999", -EINVAL, "\"analyze\" cannot be followed by"},
		{"analyze 2 3", -EINVAL, "\"3\" is one word too many; allowed: "},
		{"retry all", -EINVAL, "\"retry\" cannot be followed by \"all\""},
		{"pause now", -EINVAL, "\"pause\" cannot be followed by \"now\""},
		{"analyze 2\nfly", -EINVAL, "unknown command \"fly\""},
		{"analyze 77", -ENOENT, "the book has no chapter 77"},
		{"illustrate 1", -ENODATA, "chapter 1 is front or back matter"},
	};
	struct bench b = {0};
	bench_open(&b, 4, (struct slow_settings){.latency_ms = 1}, usual);
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		b.answers = 0;
		jobs_command(b.jobs, lines[i].text, strlen(lines[i].text), answered, &b);
		CHECK(run_until(&b, wish_answered, 2000));
		bool right = b.last_result == lines[i].result &&
			     strncmp(b.last_message, lines[i].says, strlen(lines[i].says)) == 0;
		if (!right)
			fprintf(stderr, "command %zu: %d \"%s\"\n", i, b.last_result,
				b.last_message);
		CHECK(right);
	}
	CHECK(run_until(&b, all_done, 5000));
	CHECK_INT(analysed(&b), 2);
	CHECK_INT(drawn(&b), 4);
	bench_close(&b);
}

/* Pictures asked for by name are drawn, also by a process that is set to draw none, and after a
 * failure and another process's turn. */
static void test_illustrate_without_images(void)
{
	struct bench b = {0};
	struct jobs_settings none = usual;
	none.images = false;
	bench_open(&b, 5, (struct slow_settings){.latency_ms = 5, .script = fail_twice}, none);
	jobs_wish_analysis(b.jobs, 2, true, false, answered, &b);
	CHECK(run_until(&b, all_done, 8000));
	CHECK_INT(b.slow->paints, 0);
	jobs_command(b.jobs, "illustrate 3", 12, answered, &b);
	CHECK(run_until(&b, failed_once, 5000));
	close_jobs(&b);
	open_jobs(&b, (struct slow_settings){.latency_ms = 5}, &none);
	CHECK(run_until(&b, all_done, 8000));
	CHECK_INT(analysed(&b), 2);
	CHECK_INT(drawn(&b), 2);
	jobs_wish_all(b.jobs, NULL, NULL);
	CHECK(run_until(&b, three_analysed, 5000));
	CHECK_INT(drawn(&b), 2); /* of chapter 3 alone */
	bench_close(&b);
}

/* Bytes of a stranger: one answer each, one line, and nothing else happens. */
static void test_hostile_commands(void)
{
	struct bench b = {0};
	bench_open(&b, 3, (struct slow_settings){.latency_ms = 1}, usual);
	unsigned seed = 7;
	for (int i = 0; i < 2000; i++) {
		char line[64];
		size_t len = seed % sizeof(line);
		for (size_t k = 0; k < len; k++) {
			seed = seed * 1664525u + 1013904223u;
			line[k] = k == 0 ? (char)(0x80 | seed >> 24) : (char)(seed >> 24);
		}
		seed = seed * 1664525u + 1013904223u;
		b.answers = 0;
		jobs_command(b.jobs, line, len, answered, &b);
		CHECK(b.answers == 1 && b.last_result == -EINVAL);
		CHECK(!strchr(b.last_message, '\n'));
	}
	char *big = xcalloc(1, 1 << 20);
	memset(big, 'a', 1 << 20);
	b.answers = 0;
	jobs_command(b.jobs, big, 1 << 20, answered, &b);
	CHECK(b.answers == 1 && b.last_result == -EINVAL);
	CHECK(strstr(b.last_message, "more than 4096 bytes at once") == b.last_message);
	free(big);
	CHECK_INT(b.slow->analyses, 0);
	bench_close(&b);
}

/* ---- the bound: slots and dependencies, and nothing else */

static bool book_painted(struct bench *b)
{
	return b->slow->paints == 16 && b->slow->painting == 0 && jobs_in_flight(b->jobs) == 0;
}

static bool one_painting(struct bench *b)
{
	return b->slow->painting > 0;
}

struct order {
	int slots, all, started, completed, late;
};

/* What a slot does next was decided before its answer was stored. */
static int count_order(void *arg, const struct store_event *e)
{
	struct order *o = arg;
	o->started += e->type == EVENT_IMAGE_STARTED;
	if (e->type != EVENT_IMAGE_COMPLETE)
		return 0;
	o->completed++;
	int wanted = o->completed + o->slots;
	o->late += o->started < (wanted < o->all ? wanted : o->all);
	return 0;
}

/* Measured by the provider's own record, at a latency beside which a slow machine does not matter.
 * How near the bound is, bench_jobs measures. */
static void test_slots_stay_busy(void)
{
	struct bench b = {0};
	const struct slow_settings slow = {
		.latency_ms = 200, .analyze_slots = 4, .paint_slots = 4, .picture_bytes = 500000};
	bench_open(&b, 10, slow, usual);
	jobs_wish_all(b.jobs, NULL, NULL);
	CHECK(run_until(&b, one_painting, 20000));
	int64_t began_us = clock_mono_us();
	CHECK(run_until(&b, book_painted, 20000));
	double slots = (double)b.slow->paint_busy_us / (double)(b.slow->paint_moved_us - began_us);
	struct order order = {.slots = 4, .all = 16};
	CHECK_INT(store_events(store_reader(b.store), 0, 1000, count_order, &order), 0);
	CHECK_INT(order.completed, 16);
	CHECK_INT(order.late, 0);
	if (slots <= 4 * 0.6)
		fprintf(stderr, "%.2f of 4 slots were busy\n", slots);
	CHECK(slots > 4 * 0.6);
	CHECK_INT(b.slow->most_painting, 4);
	bench_close(&b);
}

static int wait_until_told(struct store_tx *tx, void *arg, struct err *err)
{
	return sem_wait(arg);
}

static void told(void *arg, int result, const struct err *err)
{
	CHECK_INT(result, 0);
}

/* What is still with the writer when they close finds the provider gone. */
static void test_closed_at_once(void)
{
	struct bench b = {0};
	sem_t closed;
	CHECK_INT(sem_init(&closed, 0, 0), 0);
	fixture_init(&b.files);
	open_store(&b);
	import_made(&b, 6);
	store_write(b.store, wait_until_told, told, &closed);
	open_jobs(&b, (struct slow_settings){0}, &usual);
	close_jobs(&b);
	CHECK_INT(sem_post(&closed), 0);
	bench_close(&b);
	sem_destroy(&closed);
}

int main(void)
{
	log_open(LOG_TO_STDERR, getenv("VERBOSE") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	test_two_processes(); /* first: it forks */
	test_dead_owner();
	test_whole_book();
	test_on_demand_first();
	test_many_wishes_one_analysis();
	test_wish_refused();
	test_closed_at_once();
	test_retry();
	test_final_failure();
	test_long_wait();
	test_drain();
	test_pause();
	test_free_in_flight();
	test_commands();
	test_illustrate_without_images();
	test_hostile_commands();
	test_slots_stay_busy();
	return check_result();
}
