/* SPDX-License-Identifier: MIT */
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"

/*
 * Looks are fixed between a picture's claim and its request: prepare in the pool, fix with the
 * writer, prepare once more. Whoever leaves, dies or has no room in between loses nothing. The
 * order is held, not hoped for: the pool's threads and the writer are stopped and let go.
 */

enum { POOL_THREADS = 2, CHAPTERS = 5, PICTURES = 6 }; /* as rig.c has them */

struct stop {
	sem_t go;
	bool passed;
};

static void stop_init(struct stop *s)
{
	sem_init(&s->go, 0, 0);
	s->passed = false;
}

static void stop_here(void *arg)
{
	struct stop *s = arg;
	while (sem_wait(&s->go) < 0)
		continue;
}

static int stop_writer(struct store_tx *tx, void *arg, struct err *err)
{
	stop_here(arg);
	return 0;
}

static void pass(void *arg)
{
	struct stop *s = arg;
	s->passed = true;
}

static void written(void *arg, int result, const struct err *err)
{
	pass(arg);
}

static void pool_stop(struct bench *b, struct stop *s)
{
	stop_init(s);
	loop_work(b->loop, stop_here, pass, s);
}

static void writer_stop(struct bench *b, struct stop *s)
{
	stop_init(s);
	store_write(b->store, stop_writer, written, s);
}

/* What stands in the queue before it is done when this has passed. */
static void mark(struct stop *s)
{
	stop_init(s);
	sem_post(&s->go);
}

static struct stop *awaited;

static bool has_passed(struct bench *b)
{
	return awaited->passed;
}

static void await(struct bench *b, struct stop *s)
{
	awaited = s;
	CHECK(run_until(b, has_passed, 10000));
	sem_destroy(&s->go);
}

static void await_pool(struct bench *b)
{
	struct stop here;
	mark(&here);
	loop_work(b->loop, stop_here, pass, &here);
	await(b, &here);
}

static void await_writer(struct bench *b)
{
	struct stop here;
	mark(&here);
	store_write(b->store, stop_writer, written, &here);
	await(b, &here);
}

/* ---- what there is */

static bool claimed(struct bench *b)
{
	return totals(b).images[STATE_IN_PROGRESS] > 0;
}

static bool all_drawn(struct bench *b)
{
	return drawn(b) == PICTURES && idle(b);
}

static int looks(struct bench *b)
{
	CLEANUP(store_cast_free_cleanup) struct store_cast *cast = store_cast_new();
	const struct catalogue *c;
	int count = 0;
	CHECK_INT(store_cast_catalogue(&c, cast, store_reader(b->store)), 0);
	for (size_t i = 0; i < c->len; i++)
		count += c->entries[i].look != NULL;
	return count;
}

static int keeper_told(void *arg, const struct store_picture *p)
{
	CHECK(p->prompt && strstr(p->prompt, "- Keeper (character): seen by a slow reader"));
	return 0;
}

/* A bench whose chapters are analysed, and whose first picture is claimed: its prompt is to be made
 * by the one thread of the pool that is stopped last. */
static void bench_claimed(struct bench *b, struct stop stops[POOL_THREADS])
{
	struct jobs_settings s = usual;
	s.images = false;
	bench_open(b, CHAPTERS, (struct slow_settings){.latency_ms = 1, .paint_slots = 1}, s);
	jobs_wish_all(b->jobs, answered, b);
	CHECK(run_until(b, all_done, 10000));
	for (int i = 0; i < POOL_THREADS; i++)
		pool_stop(b, &stops[i]);
	jobs_wish_pictures(b->jobs, 0, 0, NULL, NULL);
	CHECK(run_until(b, claimed, 10000));
	await_writer(b); /* and they know it */
	CHECK_INT(looks(b), 0);
}

static void pool_go(struct bench *b, struct stop *s)
{
	sem_post(&s->go);
	await(b, s);
}

/* Somebody else goes on, and all is drawn once. */
static void finish_by_another(struct bench *b)
{
	open_jobs(b, (struct slow_settings){.latency_ms = 1}, &usual);
	CHECK(run_until(b, all_drawn, 10000));
	CHECK_INT(b->slow->paints, PICTURES);
	CHECK_INT(store_pictures(store_reader(b->store), 0, keeper_told, NULL), 0);
	bench_close(b);
}

/* ---- leaving */

static void test_leave_before(void)
{
	struct stop stops[POOL_THREADS];
	struct bench b = {0};
	bench_claimed(&b, stops);
	close_jobs(&b); /* waits for nobody */
	for (int i = 0; i < POOL_THREADS; i++)
		pool_go(&b, &stops[i]);
	CHECK_INT(looks(&b), 0);
	finish_by_another(&b);
}

static void test_leave_while_fixing(void)
{
	struct stop stops[POOL_THREADS], writer;
	struct bench b = {0};
	bench_claimed(&b, stops);
	writer_stop(&b, &writer);
	pool_go(&b, &stops[0]);
	await_pool(&b); /* prepared: to be fixed, behind the writer's stop */
	CHECK_INT(b.slow->paints, 0);
	close_jobs(&b);
	sem_post(&writer.go);
	await(&b, &writer);
	pool_go(&b, &stops[1]);
	await_writer(&b);
	CHECK_INT(looks(&b), 1); /* nobody needs it any more, and it holds */
	finish_by_another(&b);
}

static void test_leave_when_fixed(void)
{
	struct stop stops[POOL_THREADS], writer, again;
	struct bench b = {0};
	bench_claimed(&b, stops);
	writer_stop(&b, &writer);
	pool_go(&b, &stops[0]);
	await_pool(&b);
	pool_stop(&b, &again);
	sem_post(&writer.go);
	await(&b, &writer);
	await_writer(&b); /* fixed: to be made once more, behind the pool's stops */
	CHECK_INT(looks(&b), 1);
	CHECK_INT(b.slow->paints, 0);
	close_jobs(&b);
	pool_go(&b, &stops[1]);
	pool_go(&b, &again);
	finish_by_another(&b);
}

/* ---- no room */

static void disk_full(bool full)
{
	struct rlimit limit;
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = full ? 1 : limit.rlim_max;
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static bool stuck(struct bench *b)
{
	return jobs_stuck(b->jobs);
}

static void test_disk_full(void)
{
	struct stop stops[POOL_THREADS];
	struct bench b = {0};
	bench_claimed(&b, stops);
	disk_full(true);
	for (int i = 0; i < POOL_THREADS; i++)
		pool_go(&b, &stops[i]);
	CHECK(run_until(&b, stuck, 10000));
	CHECK_INT(b.slow->paints, 0); /* what cannot be kept is not asked for */
	CHECK_INT(looks(&b), 0);
	disk_full(false);
	CHECK(run_until(&b, all_drawn, 20000));
	CHECK_INT(b.slow->paints, PICTURES);
	CHECK_INT(store_pictures(store_reader(b.store), 0, keeper_told, NULL), 0);
	bench_close(&b);
}

/* ---- kill -9 when they are fixed and nothing is asked */

static struct provider_ticket *die(struct provider *p, const struct paint_request *r,
				   paint_done_fn done, void *arg)
{
	raise(SIGKILL);
	return NULL;
}

static void run_to_death(struct bench *b)
{
	open_store(b);
	import_made(b, CHAPTERS);
	open_jobs(b, (struct slow_settings){.latency_ms = 1}, &usual);
	struct provider_ops deadly = *b->slow->provider.ops;
	deadly.paint = die;
	b->slow->provider.ops = &deadly;
	jobs_wish_all(b->jobs, NULL, NULL);
	run_until(b, never, 10000);
	_exit(1);
}

static void test_killed(void)
{
	struct bench b = {0};
	int status = 0;
	fixture_init(&b.files);
	pid_t child = fork();
	if (child == 0)
		run_to_death(&b);
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	open_store(&b);
	CHECK_INT(looks(&b), 1);
	CHECK_INT(drawn(&b), 0);
	open_jobs(&b, (struct slow_settings){.latency_ms = 1}, &usual);
	CHECK(run_until(&b, all_drawn, 10000));
	CHECK_INT(b.slow->paints, PICTURES);
	CHECK_INT(store_pictures(store_reader(b.store), 0, keeper_told, NULL), 0);
	bench_close(&b);
}

int main(void)
{
	signal(SIGXFSZ, SIG_IGN);
	test_killed(); /* forks: before there are threads */
	test_leave_before();
	test_leave_while_fixing();
	test_leave_when_fixed();
	test_disk_full();
	return check_result();
}
