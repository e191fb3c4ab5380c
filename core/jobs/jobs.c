/* SPDX-License-Identifier: MIT */
#include "gate.h"
#include "pipeline.h"
#include "preparation.h"

#include <string.h>
#include <sys/random.h>

#define TICK_MS 1000

static void jobs_destroy(struct jobs *j)
{
	for (size_t i = 0; i < ARRAY_LEN(j->lines); i++) {
		free(j->lines[i].profile);
		free(j->lines[i].options);
		free(j->lines[i].provider_name);
		free(j->lines[i].model);
	}
	book_free(j->book);
	free(j);
}

static void drain_check(struct jobs *j)
{
	if (!j->drained || j->writes || jobs_in_flight(j))
		return;
	void (*done)(void *arg) = j->drained;
	j->drained = NULL;
	done(j->drained_arg);
}

struct jobs *jobs_hold(struct jobs *j)
{
	j->writes++;
	return j;
}

void jobs_release(struct jobs *j)
{
	j->writes--;
	if (!atomic_load(&j->closed))
		drain_check(j);
	else if (!j->writes)
		jobs_destroy(j);
}

int jobs_book(struct book **out, struct jobs *j)
{
	struct store_reader *r = store_reader(j->store);
	int64_t generation;
	int err = store_generation(&generation, r);
	if (err < 0)
		return err;
	if (!j->book || generation != j->generation) {
		struct book *book;
		err = store_book(&book, r);
		if (err < 0)
			return err;
		book_free(j->book);
		j->book = book;
		j->generation = generation;
	}
	*out = j->book;
	return 0;
}

int64_t jobs_backoff(struct jobs *j, int64_t base_ms, int64_t cap_ms, int failures)
{
	int64_t wait = base_ms;
	for (int i = 1; i < failures && wait < cap_ms; i++)
		wait *= 2;
	if (wait > cap_ms)
		wait = cap_ms;
	j->jitter = j->jitter * 1664525u + 1013904223u;
	return wait / 2 + (int64_t)((j->jitter >> 8) / (double)(1 << 24) * (double)wait);
}

/* ---- life */

/* What a provider's own options leave out of a result's key, in words a person can read. */
static char *options_of(const struct provider *p, const char *more)
{
	if (!p->options || !p->options[0])
		return xstrdup(more);
	return xasprintf("%s %s", p->options, more);
}

static char *profile_of(const struct provider *p, const char *options)
{
	return xasprintf("%s %s p%d %s", p->ops->name, p->model, PROMPT_VERSION, options);
}

static void line_init(struct jobs *j, enum job_kind kind, struct provider *p, char *more)
{
	struct pipeline *line = &j->lines[kind];
	line->options = options_of(p, more);
	line->profile = profile_of(p, line->options);
	line->provider_name = xstrdup(p->ops->name);
	line->model = xstrdup(p->model);
	line->asks = p->ops->ask != NULL;
	pipeline_init(line, j, kind, p);
	free(more);
}

static void tick(void *arg);

int jobs_new(struct jobs **out, struct loop *loop, struct store *store, struct provider *text,
	     struct provider *image, const struct jobs_settings *settings, struct err *err)
{
	if (settings->pages_per_image < 1 || settings->max_attempts < 1)
		return err_set(err, -EINVAL, "pages per image and attempts must be 1 or more");
	struct jobs *j = xcalloc(1, sizeof(*j));
	j->loop = loop;
	j->store = store;
	j->settings = *settings;
	j->purse.most = settings->budget;
	for (size_t i = 0; i < ARRAY_LEN(settings->gates); i++)
		gate_attach(settings->gates[i], j);
	if (getrandom(&j->jitter, sizeof(j->jitter), GRND_NONBLOCK) < 0)
		j->jitter = (unsigned)getpid();
	line_init(j, JOB_ANALYZE, text, xasprintf("pages_per_image=%d", settings->pages_per_image));
	line_init(j, JOB_ILLUSTRATE, image,
		  xasprintf("%dx%d", settings->image_width_px, settings->image_height_px));
	j->tick = timer_new(loop, tick, j);
	*out = j;
	return 0;
}

struct jobs *jobs_free(struct jobs *j)
{
	if (!j)
		return NULL;
	atomic_store(&j->closed, true);
	j->tick = timer_free(j->tick);
	preparation_leave(j);
	for (size_t i = 0; i < ARRAY_LEN(j->lines); i++) {
		pipeline_leave(&j->lines[i]);
		pipeline_finish(&j->lines[i]);
		gate_attach(j->settings.gates[i], NULL);
	}
	if (!j->writes)
		jobs_destroy(j); /* else the last closure that comes back does it */
	return NULL;
}

/* ---- work */

static void pump(struct jobs *j)
{
	for (size_t i = 0; i < ARRAY_LEN(j->lines); i++)
		pipeline_pump(&j->lines[i]);
}

/* Looks again, for want of an event: what could be seen and not be had may be had by then. */
void jobs_look_again(struct jobs *j)
{
	if (j->tick_set || j->draining)
		return;
	j->tick_set = true;
	timer_set(j->tick, clock_boot_ms() + TICK_MS);
}

static void adopt(struct jobs *j);

static void tick(void *arg)
{
	struct jobs *j = arg;
	j->tick_set = false;
	if (j->draining)
		return;
	if (!j->started) {
		adopt(j);
		return;
	}
	j->lines[0].dry = j->lines[1].dry = false;
	settle_check(j);
	pump(j);
}

void jobs_changed(struct jobs *j)
{
	if (!j->started || j->draining)
		return;
	if (store_paused(&j->paused, store_reader(j->store)) < 0)
		j->paused = false; /* who claims will find that nothing can be read */
	for (size_t i = 0; i < ARRAY_LEN(j->lines); i++) {
		j->lines[i].dry = false;
		j->lines[i].epoch++;
		pipeline_yield(&j->lines[i]);
	}
	settle_check(j);
	pump(j);
}

static int adopt_work(struct store_tx *tx, void *arg, struct err *err)
{
	struct jobs *j = arg;
	for (size_t i = 0; i < ARRAY_LEN(j->lines); i++) {
		const struct worker w = {.kind = j->lines[i].kind,
					 .profile = j->lines[i].profile,
					 .asks = settle_asks(j),
					 .only_asked = j->lines[i].kind == JOB_ANALYZE
							       ? j->settings.only_asked
							       : !j->settings.images};
		int rc = tx_adopt(tx, &w);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Until then nothing is begun: others would take what they see nobody for as theirs. */
static void adopt_failed(struct jobs *j, const struct err *err)
{
	if (!jobs_stuck(j))
		log_error("jobs: no work can be begun: %s", err->msg);
	j->adopt_failures++;
	jobs_look_again(j);
}

static void adopt_done(void *arg, int result, const struct err *err)
{
	struct jobs *j = arg;
	if (atomic_load(&j->closed)) {
		jobs_release(j);
		return;
	}
	if (result < 0) {
		adopt_failed(j, err);
	} else {
		j->adopt_failures = 0;
		j->started = true;
		jobs_changed(j);
	}
	jobs_release(j);
}

static void adopt(struct jobs *j)
{
	store_write(j->store, adopt_work, adopt_done, jobs_hold(j));
}

void jobs_start(struct jobs *j)
{
	if (!store_read_only(j->store))
		adopt(j);
}

int jobs_in_flight(const struct jobs *j)
{
	int count = 0;
	for (size_t i = 0; i < ARRAY_LEN(j->lines); i++)
		for (const struct task *t = j->lines[i].tasks; t; t = t->next)
			count++;
	return count;
}

bool jobs_stuck(const struct jobs *j)
{
	for (size_t i = 0; i < ARRAY_LEN(j->lines); i++)
		if (j->lines[i].claim_failures > 0)
			return true;
	return j->unstored > 0 || j->adopt_failures > 0;
}

void jobs_drain(struct jobs *j, void (*done)(void *arg), void *arg)
{
	j->draining = true;
	j->drained = done;
	j->drained_arg = arg;
	for (size_t i = 0; i < ARRAY_LEN(j->settings.gates); i++)
		gate_look(j->settings.gates[i]); /* who waits there is in vain */
	for (size_t i = 0; i < ARRAY_LEN(j->lines); i++)
		pipeline_yield(&j->lines[i]);
	drain_check(j);
}

const char *jobs_profile(const struct jobs *j, enum job_kind kind)
{
	return j->lines[kind].profile;
}

const char *jobs_options(const struct jobs *j, enum job_kind kind)
{
	return j->lines[kind].options;
}

const struct jobs_settings *jobs_settings(const struct jobs *j)
{
	return &j->settings;
}
