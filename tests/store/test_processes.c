/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "check.h"
#include "fixture.h"

/* Several processes on one store: each job once, whoever dies; each commit seen by all, at once.
 * Nothing of a store is open across a fork. */

#define WAKES 200

/* ---- each job once */

static int work_once(struct store *s, enum job_kind kind, int *wrong)
{
	struct store_job job;
	int got = claim(&job, s, kind);
	*wrong += got < 0;
	if (got != 1)
		return 0;
	int result = kind == JOB_ANALYZE ? finish_analysis(s, job.id, 2, "race")
					 : finish_picture(s, job.id, "PNG", 3);
	*wrong += result != 0;
	store_job_finish(&job);
	return 1;
}

/* Takes and finishes until there is nothing left; 0, or how many calls went wrong. */
static int work_until_empty(const struct fixture *f, int gate)
{
	struct store *s = NULL;
	struct err err = {0};
	char byte;
	if (fixture_open(&s, f, NULL, &err) < 0 || read(gate, &byte, 1) < 0)
		return 100;
	int wrong = 0, done, all = 0;
	do {
		done = work_once(s, JOB_ANALYZE, &wrong) + work_once(s, JOB_ILLUSTRATE, &wrong);
		all += done;
	} while (done && !wrong);
	printf("one of three did %d jobs\n", all);
	store_close(s);
	return wrong;
}

struct tally {
	int started[EVENT_TYPES];
};

static int tally_event(void *arg, const struct store_event *e)
{
	((struct tally *)arg)->started[e->type]++;
	return 0;
}

static void test_race(const struct fixture *f)
{
	enum { CHAPTERS = 42, STORY = 40, PROCESSES = 3 };
	CLEANUP(store_close_cleanup) struct store *s = NULL;
	struct err err = {0};
	CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
	struct book *b = make_book(CHAPTERS, 0);
	CHECK_INT(import_book(s, b), 0);
	for (int i = 2; i < CHAPTERS; i++)
		CHECK_INT(wish(s, i, false, false), 0);
	s = store_close(s);
	free_book(b);

	int gate[2];
	pid_t children[PROCESSES];
	CHECK_INT(pipe(gate), 0);
	for (int i = 0; i < PROCESSES; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			close(gate[1]);
			_exit(work_until_empty(f, gate[0]));
		}
	}
	close(gate[0]);
	close(gate[1]); /* all begin */
	for (int i = 0; i < PROCESSES; i++) {
		int status = -1;
		waitpid(children[i], &status, 0);
		CHECK_INT(status, 0);
	}
	CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
	struct tally t = {0};
	CHECK_INT(store_events(store_reader(s), 0, 10000, tally_event, &t), 0);
	CHECK_INT(t.started[EVENT_ANALYSIS_STARTED], STORY);
	CHECK_INT(t.started[EVENT_CONCEPTS_READY], STORY);
	CHECK_INT(t.started[EVENT_IMAGE_STARTED], STORY * 2);
	CHECK_INT(t.started[EVENT_IMAGE_COMPLETE], STORY * 2);
	CHECK_INT(check_store(s), 0);
}

/* Three make the store at the same moment: one does, all have it. */
static int open_once(const struct fixture *f, int gate)
{
	struct store *s = NULL;
	struct err err = {0};
	char byte;
	if (read(gate, &byte, 1) < 0)
		return 1;
	int result = fixture_open(&s, f, NULL, &err);
	if (result < 0)
		fprintf(stderr, "%s\n", err.msg);
	else
		result = wish(s, 2, true, true) == -ENOENT ? 0 : 1;
	store_close(s);
	return result != 0;
}

static void test_making(void)
{
	enum { PROCESSES = 3, ROUNDS = 10 };
	for (int round = 0; round < ROUNDS; round++) {
		struct fixture f;
		int gate[2];
		pid_t children[PROCESSES];
		fixture_init(&f);
		CHECK_INT(pipe(gate), 0);
		for (int i = 0; i < PROCESSES; i++) {
			children[i] = fork();
			if (children[i] == 0) {
				close(gate[1]);
				_exit(open_once(&f, gate[0]));
			}
		}
		close(gate[0]);
		close(gate[1]);
		for (int i = 0; i < PROCESSES; i++) {
			int status = -1;
			waitpid(children[i], &status, 0);
			CHECK_INT(status, 0);
		}
		CHECK(fixture_exists(&f, "") && !fixture_exists(&f, "-new"));
		CHECK(!fixture_exists(&f, "-live"));
		fixture_finish(&f);
	}
}

/* ---- an owner that dies */

/* Claims one job, says so, and waits to be killed. */
static void claim_and_hang(const struct fixture *f, int say)
{
	struct store *s = NULL;
	struct err err = {0};
	struct store_job job;
	if (fixture_open(&s, f, NULL, &err) < 0 || claim(&job, s, JOB_ANALYZE) != 1)
		_exit(1);
	if (write(say, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static pid_t start_hanging(const struct fixture *f)
{
	int ends[2];
	char byte;
	CHECK_INT(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0)
		claim_and_hang(f, ends[1]);
	close(ends[1]);
	CHECK_INT(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	return child;
}

struct seen {
	struct loop *loop;
	struct store *store;
	int64_t at_us;
	int64_t want_seq;
};

static int first_state(void *arg, const struct store_job *j)
{
	*(enum job_state *)arg = j->state;
	return 1;
}

/* Stops the loop once the job is pending again. */
static void on_released(void *arg)
{
	struct seen *seen = arg;
	enum job_state state = STATE_NONE;
	store_jobs(store_reader(seen->store), first_state, &state);
	if (state != STATE_PENDING)
		return;
	seen->at_us = clock_mono_us();
	loop_stop(seen->loop);
}

static void give_up(void *arg)
{
	loop_stop(((struct seen *)arg)->loop);
}

static void test_death(const struct fixture *f)
{
	CLEANUP(loop_free_cleanup) struct loop *loop = NULL;
	CLEANUP(store_close_cleanup) struct store *s = NULL;
	struct err err = {0};
	CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
	CHECK_INT(wish(s, 2, true, true), 0);
	s = store_close(s);
	pid_t child = start_hanging(f);

	CHECK_INT(loop_new(&loop, 1), 0);
	CHECK_INT(fixture_open(&s, f, loop, &err), 0);
	struct store_job job;
	int64_t due;
	CHECK_INT(claim(&job, s, JOB_ANALYZE), 0);
	kill(child, SIGSTOP); /* stopped is not dead */
	CHECK_INT(claim(&job, s, JOB_ANALYZE), 0);
	CHECK_INT(store_claimable(&due, store_reader(s), JOB_ANALYZE, "builtin"), 0);
	CHECK(due == INT64_MAX);

	struct seen seen = {.loop = loop, .store = s};
	store_on_change(s, on_released, &seen);
	struct timer *limit = timer_new(loop, give_up, &seen);
	timer_set(limit, clock_boot_ms() + 2000);
	int64_t killed_us = clock_mono_us();
	kill(child, SIGKILL);
	loop_run(loop);
	limit = timer_free(limit);
	CHECK(seen.at_us > 0);
	printf("a dead owner's job is free after %.1f ms\n",
	       (double)(seen.at_us - killed_us) / 1e3);
	CHECK(seen.at_us - killed_us < 200000);
	waitpid(child, NULL, 0);
	CHECK_INT(claim(&job, s, JOB_ANALYZE), 1);
	CHECK_INT(job.attempts, 1); /* the dead one's was given back */
	CHECK_INT(finish_analysis(s, job.id, 1, "after death"), 0);
	store_job_finish(&job);
	CHECK_INT(check_store(s), 0);
}

/* Without a loop a claim itself finds the dead, and so does the next to open. */
static void test_death_unseen(const struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = NULL;
	struct err err = {0};
	struct store_job job;
	struct store_state state;
	for (int reopened = 0; reopened < 2; reopened++) {
		CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
		CHECK_INT(wish(s, 3, true, true), 0);
		s = store_close(s);
		pid_t child = start_hanging(f);
		if (!reopened)
			CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		if (reopened) {
			CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
			enum job_state first = STATE_NONE;
			CHECK_INT(store_jobs(store_reader(s), first_state, &first), 1);
			CHECK_INT(first, STATE_PENDING);
		} else {
			int64_t due;
			CHECK_INT(store_claimable(&due, store_reader(s), JOB_ANALYZE, "builtin"),
				  0);
			CHECK_INT(due, 0);
		}
		CHECK_INT(claim(&job, s, JOB_ANALYZE), 1);
		CHECK_INT(job.attempts, 1);
		CHECK_INT(finish_analysis(s, job.id, 1, reopened ? "one" : "two"), 0);
		CHECK_INT(store_state(&state, store_reader(s), 3), 0);
		CHECK_INT(state.state, STATE_COMPLETED);
		store_state_finish(&state);
		store_job_finish(&job);
		s = store_close(s);
	}
}

/* ---- killed at any moment */

/* Analyses and draws without end; tells each result that was said to be stored. */
static void work_for_ever(const struct fixture *f, int tell)
{
	enum { BYTES = 100000 };
	struct store *s = NULL;
	struct err err = {0};
	char *picture = xcalloc(1, BYTES);
	if (fixture_open(&s, f, NULL, &err) < 0)
		_exit(1);
	for (;;) {
		struct store_job job;
		enum job_kind kind = JOB_ILLUSTRATE;
		int got = claim(&job, s, JOB_ILLUSTRATE);
		if (got == 0) {
			kind = JOB_ANALYZE;
			if (wish(s, 2, true, true) < 0)
				_exit(1);
			got = claim(&job, s, JOB_ANALYZE);
		}
		char word[32];
		snprintf(word, sizeof(word), "%lld", (long long)clock_mono_us());
		if (got != 1 || (kind == JOB_ANALYZE ? finish_analysis(s, job.id, 2, word)
						     : finish_picture(s, job.id, picture, BYTES)))
			_exit(1);
		if (write(tell, "", 1) != 1)
			_exit(1);
		store_job_finish(&job);
	}
}

/* How many results there are, and that the store is sound. */
static int count_results(const struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = NULL;
	struct err err = {0};
	struct tally t = {0};
	CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
	CHECK_INT(store_events(store_reader(s), 0, INT32_MAX, tally_event, &t), 0);
	CHECK_INT(check_store(s), 0);
	struct store_totals totals;
	CHECK_INT(store_totals(&totals, store_reader(s)), 0);
	CHECK_INT(totals.running, 0);
	return t.started[EVENT_CONCEPTS_READY] + t.started[EVENT_IMAGE_COMPLETE];
}

static void test_kill(const struct fixture *f)
{
	int before = count_results(f), kills = 0;
	for (int ms = 1; ms < 60; ms += 3, kills++) {
		int ends[2];
		char told[4096];
		CHECK_INT(pipe(ends), 0);
		pid_t child = fork();
		if (child == 0)
			work_for_ever(f, ends[1]);
		close(ends[1]);
		usleep((useconds_t)ms * 1000); /* the moment of the kill, not a wait */
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		ssize_t stored = read(ends[0], told, sizeof(told));
		close(ends[0]);
		int after = count_results(f);
		CHECK(after >= before + (int)stored);
		before = after;
	}
	printf("%d kills, %d results, none lost\n", kills, before);
}

/* ---- waking the other process */

struct wakes {
	int64_t asked_us[WAKES]; /* in memory that both share */
	int64_t committed_us[WAKES];
	int64_t seen_us[WAKES];
	int64_t first_seq;
	int seen;
	struct loop *loop;
	struct store *store;
};

static int one_event(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_event(tx, &(struct store_event){.type = EVENT_EDITED});
}

static void commit_many(const struct fixture *f, struct wakes *w, int count)
{
	struct store *s = NULL;
	struct err err = {0};
	if (fixture_open(&s, f, NULL, &err) < 0)
		_exit(1);
	for (int i = 0; i < count; i++) {
		w->asked_us[i] = clock_mono_us();
		if (store_write_wait(s, one_event, NULL, NULL) < 0)
			_exit(1);
		w->committed_us[i] = clock_mono_us();
		usleep(2000); /* the pace of somebody at work, not a wait for anything */
	}
	if (count == 1) /* open until killed: to close the store would be a sign too */
		pause();
	store_close(s);
	_exit(0);
}

static void on_wake(void *arg)
{
	struct wakes *w = arg;
	int64_t seq, now = clock_mono_us();
	CHECK_INT(store_seq(&seq, store_reader(w->store)), 0);
	while (w->seen < WAKES && w->first_seq + w->seen <= seq)
		w->seen_us[w->seen++] = now;
	if (w->seen == WAKES)
		loop_stop(w->loop);
}

static void stop_waking(void *arg)
{
	loop_stop(((struct wakes *)arg)->loop);
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

static void wait_for_wakes(struct wakes *w, int64_t limit_ms)
{
	struct timer *limit = timer_new(w->loop, stop_waking, w);
	timer_set(limit, clock_boot_ms() + limit_ms);
	loop_run(w->loop);
	timer_free(limit);
}

/* Sorted, in a line. */
static void report(const char *what, int64_t *late)
{
	qsort(late, WAKES, sizeof(late[0]), by_size);
	printf("another process' commit is seen after %s: %lld us (median), %lld (p99), %lld "
	       "(worst)\n",
	       what, (long long)late[WAKES / 2], (long long)late[WAKES * 99 / 100],
	       (long long)late[WAKES - 1]);
}

static void report_wakes(struct wakes *w)
{
	int64_t since_asked[WAKES], late[WAKES];
	for (int i = 0; i < WAKES; i++) {
		since_asked[i] = w->seen_us[i] - w->asked_us[i];
		late[i] = w->seen_us[i] - w->committed_us[i];
	}
	report("it was asked for", since_asked);
	report("it returned", late); /* below 0: before the committer itself heard of it */
	CHECK(late[WAKES / 2] < 5000);
	CHECK(late[WAKES * 9 / 10] < 5000);
}

static void test_wake(const struct fixture *f)
{
	struct wakes *w =
		mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int gate[2];
	char byte;
	CHECK_INT(pipe(gate), 0);
	pid_t child = fork();
	if (child == 0) {
		close(gate[1]);
		if (read(gate[0], &byte, 1) < 0)
			_exit(1);
		commit_many(f, w, WAKES);
	}
	close(gate[0]);
	struct err err = {0};
	CHECK_INT(loop_new(&w->loop, 1), 0);
	CHECK_INT(fixture_open(&w->store, f, w->loop, &err), 0);
	CHECK_INT(store_seq(&w->first_seq, store_reader(w->store)), 0);
	w->first_seq++;
	store_on_change(w->store, on_wake, w);
	close(gate[1]);
	wait_for_wakes(w, 10000);
	CHECK_INT(w->seen, WAKES);
	waitpid(child, NULL, 0);
	if (w->seen == WAKES)
		report_wakes(w);
	store_close(w->store);
	loop_free(w->loop);
	munmap(w, sizeof(*w));
}

/* A bell that nobody hears: the net finds the commit within its 250 ms. */
static void test_net(const struct fixture *f)
{
	struct wakes *w =
		mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CLEANUP(cleanup_free) char *bell = fixture_path(f, "-bell");
	struct err err = {0};
	int gate[2];
	char byte;
	CHECK_INT(pipe(gate), 0);
	pid_t child = fork();
	if (child == 0) {
		close(gate[1]);
		if (read(gate[0], &byte, 1) < 0)
			_exit(1);
		commit_many(f, w, 1);
	}
	close(gate[0]);
	CHECK_INT(loop_new(&w->loop, 1), 0);
	CHECK_INT(fixture_open(&w->store, f, w->loop, &err), 0);
	CHECK_INT(store_seq(&w->first_seq, store_reader(w->store)), 0);
	w->first_seq++;
	w->seen = WAKES - 1;
	w->first_seq -= WAKES - 1;
	store_on_change(w->store, on_wake, w);
	CHECK_INT(unlink(bell), 0);
	close(gate[1]);
	wait_for_wakes(w, 3000);
	CHECK_INT(w->seen, WAKES);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	store_close(w->store);
	loop_free(w->loop);
	munmap(w, sizeof(*w));
}

/* ---- side files */

static void test_side_files(const struct fixture *f)
{
	struct store *first = NULL, *second = NULL;
	struct err err = {0};
	CHECK_INT(fixture_open(&first, f, NULL, &err), 0);
	CHECK_INT(fixture_open(&second, f, NULL, &err), 0);
	CHECK(fixture_exists(f, "-live") && fixture_exists(f, "-bell"));
	CHECK_INT(store_write_wait(first, one_event, NULL, NULL), 0);
	CHECK(fixture_exists(f, "-wal"));
	first = store_close(first);
	CHECK(fixture_exists(f, "-live") && fixture_exists(f, "-bell"));
	CHECK_INT(store_write_wait(second, one_event, NULL, NULL), 0);
	second = store_close(second);
	CHECK(!fixture_exists(f, "-live") && !fixture_exists(f, "-bell"));
	CHECK(!fixture_exists(f, "-wal") && !fixture_exists(f, "-shm"));
}

int main(void)
{
	struct fixture f;
	setlinebuf(stdout);
	test_making();
	fixture_init(&f);
	test_race(&f);
	test_death(&f);
	test_death_unseen(&f);
	test_kill(&f);
	test_wake(&f);
	test_net(&f);
	test_side_files(&f);
	fixture_finish(&f);
	return check_result();
}
