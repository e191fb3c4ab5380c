/* SPDX-License-Identifier: MIT */
#include "pipeline.h"

#include <string.h>

#include "gate.h"
#include "settle.h"

/*
 * When a failure is tried again. Each job has its attempts. Beyond that, retries are for servers
 * that fail now and then: a pipeline may make RETRIES_MOST of them, and each success earns one more
 * up to that. So one that fails every other request is asked as often as it takes, and one that
 * refuses everything costs a request a job and ten more. A wait that the server named is its own
 * matter and takes none of them.
 */

#define RETRY_MS 500 /* pause after the first failure; doubles */
#define RETRY_CAP_MS 8000
#define BACKLOG_BYTES (6 << 20)
#define AHEAD_MOST 8		      /* claimed before there is a slot */
#define LONG_WAIT_MS (10 * 60 * 1000) /* a wait this long is no failure: the work stays pending */
#define STORE_MS 200		      /* pause before storing again what could not be stored */
#define STORE_CAP_MS 30000

static void due(void *arg)
{
	pipeline_pump(arg);
}

void pipeline_init(struct pipeline *p, struct jobs *j, enum job_kind kind, struct provider *pr)
{
	p->jobs = j;
	p->kind = kind;
	p->ops = kind == JOB_ANALYZE ? &analyze_ops : &paint_ops;
	p->provider = pr;
	p->slots = kind == JOB_ANALYZE ? pr->analyze_slots : pr->paint_slots;
	p->due = timer_new(j->loop, due, p);
	p->retries = RETRIES_MOST;
}

void pipeline_finish(struct pipeline *p)
{
	p->due = timer_free(p->due);
}

/* ---- tasks */

static const struct pipeline_ops *task_ops(const struct pipeline *p, int errand)
{
	static const struct pipeline_ops *const errands[ERRANDS] = {
		[ERRAND_DOUBTS] = &doubts_ops,
		[ERRAND_STYLE] = &style_ops,
		[ERRAND_STYLE_PICTURES] = &style_ops,
		[ERRAND_PORTRAIT] = &portrait_ops,
	};
	return errands[errand] ? errands[errand] : p->ops;
}

/* "the picture of chapter 3", "the portrait of Ida". Owned. */
static char *task_words(const struct task *t)
{
	if (t->job.errand)
		return errand_words((enum errand)t->job.errand, t->job.subject);
	return xasprintf("%s of chapter %d", t->ops->noun, t->job.chapter);
}

static struct task *task_new(struct pipeline *p, const struct store_job *job)
{
	struct task *t = xcalloc(1, sizeof(*t));
	t->pipeline = p;
	t->job = *job;
	t->ops = task_ops(p, job->errand);
	t->open = true;
	p->open++;
	struct task **last = &p->tasks;
	while (*last)
		last = &(*last)->next;
	*last = t;
	return t;
}

void task_drop(struct task *t)
{
	struct task **at = &t->pipeline->tasks;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	t->pipeline->open -= t->open;
	t->pipeline->asking -= t->asking;
	if (t->store_failures)
		t->pipeline->jobs->unstored--;
	timer_free(t->store_again);
	store_job_finish(&t->job);
	store_analysis_finish(&t->source);
	analysis_free(t->analysis);
	questioning_free(t->question);
	buf_finish(&t->text);
	buf_finish(&t->prompt);
	buf_finish(&t->picture);
	likenesses_finish(&t->likenesses);
	free(t->book_title);
	free(t->language);
	free(t->chapter_title);
	free(t);
}

static void task_end(struct task *t)
{
	struct pipeline *p = t->pipeline;
	task_drop(t);
	if (!p->tasks && p->ops->idle)
		p->ops->idle(p->jobs);
	pipeline_pump(p);
}

/* ---- storing */

static void store_task(struct task *t);

static int store_failure(struct store_tx *tx, const struct task *t)
{
	if (!t->waits)
		return tx_job_failed(tx, t->job.id, t->code, t->why.msg, t->retry_at_unix_ms,
				     t->event);
	if (t->code == -ECANCELED)
		return tx_job_yield(tx, t->job.id);
	return tx_job_wait(tx, t->job.id, t->code, t->why.msg, t->retry_at_unix_ms);
}

static int store_work(struct store_tx *tx, void *arg, struct err *err)
{
	struct task *t = arg;
	int rc = t->usage.requests ? tx_job_spent(tx, t->job.id, &t->usage) : 0;
	if (rc == 0)
		rc = t->code == 0 ? t->ops->store(tx, t, err) : store_failure(tx, t);
	if (rc < 0 && err && !err->msg[0])
		err_set(err, rc, "%s", strerror(-rc));
	return rc;
}

/* Errors that say something of the disk and nothing of the result: worth waiting for. */
static bool may_pass(int code)
{
	static const int codes[] = {ENOSPC, EIO,    EDQUOT, EFBIG,  EROFS,  EBUSY, EAGAIN,
				    ENOMEM, EACCES, EPERM,  EMFILE, ENFILE, EINTR, ETIMEDOUT};
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (code == -codes[i])
			return true;
	return false;
}

static void store_again(void *arg)
{
	store_task(arg);
}

/* What was paid for is kept until it can be stored; nobody is told before. A disk that takes
 * nothing is said once, by whoever meets it first, until all that waited for it is stored. */
static void store_later(struct task *t, const struct err *err)
{
	struct jobs *j = t->pipeline->jobs;
	CLEANUP(cleanup_free) char *words = task_words(t);
	if (!jobs_stuck(j))
		log_error("jobs: %s is done but cannot be stored, trying on: %s", words, err->msg);
	if (t->store_failures++ == 0)
		j->unstored++;
	if (!t->store_again)
		t->store_again = timer_new(j->loop, store_again, t);
	timer_set(t->store_again,
		  clock_boot_ms() + jobs_backoff(j, STORE_MS, STORE_CAP_MS, t->store_failures));
}

static void store_refused(struct task *t, int code, const struct err *err)
{
	if (t->code < 0) { /* not even its failure: the claim ends with this process */
		log_error("jobs: the failure of job %lld cannot be stored: %s",
			  (long long)t->job.id, err->msg);
		task_end(t);
		return;
	}
	t->code = code;
	err_set(&t->why, code, "the result cannot be stored: %.400s", err->msg);
	t->retry_at_unix_ms = 0;
	t->event = t->ops->failed;
	store_task(t);
}

static void stored(void *arg, int result, const struct err *err)
{
	struct task *t = arg;
	struct jobs *j = t->pipeline->jobs;
	t->writing = false;
	if (atomic_load(&j->closed)) {
		task_drop(t);
	} else if (result == 0) {
		if (t->store_failures)
			log_info("jobs: what could not be stored of chapter %d is stored now",
				 t->job.chapter);
		task_end(t);
	} else if (result == -ESTALE) {
		log_info("jobs: job %lld is another's now", (long long)t->job.id);
		task_end(t);
	} else if (may_pass(result)) {
		store_later(t, err);
	} else {
		store_refused(t, result, err);
	}
	jobs_release(j);
}

static void store_task(struct task *t)
{
	t->answered = false;
	t->writing = true;
	jobs_hold(t->pipeline->jobs);
	store_write(t->pipeline->jobs->store, store_work, stored, t);
}

static void store_answers(struct pipeline *p)
{
	for (struct task *t = p->tasks; t; t = t->next) {
		if (t->answered)
			store_task(t);
	}
}

/* ---- slots */

/* It is no longer open, and its slot is the next one's. */
static void slot_free(struct task *t)
{
	t->pipeline->open -= t->open;
	t->pipeline->asking -= t->asking;
	t->open = t->ready = t->asking = false;
	t->ticket = NULL;
}

/* Whom somebody waits for goes first. */
static struct task *next_ready(const struct pipeline *p)
{
	struct task *first = NULL;
	for (struct task *t = p->tasks; t; t = t->next) {
		if (t->ready && t->job.on_demand)
			return t;
		if (t->ready && !first)
			first = t;
	}
	return first;
}

/* Answers in memory that are not stored yet. */
static size_t backlog_bytes(const struct pipeline *p)
{
	size_t bytes = 0;
	for (const struct task *t = p->tasks; t; t = t->next)
		bytes += t->picture.len;
	return bytes;
}

/* While a result waits for the disk nothing more is bought, and not much while many do. */
static void ask_ready(struct pipeline *p)
{
	struct task *t;
	while (!p->jobs->unstored && backlog_bytes(p) <= BACKLOG_BYTES && !p->rests &&
	       p->asking < p->slots && (t = next_ready(p))) {
		t->ready = false;
		t->asking = true;
		p->asking++;
		t->ops->ask(t);
	}
}

void pipeline_ready(struct task *t)
{
	t->ready = true;
	pipeline_yield(t->pipeline);
	ask_ready(t->pipeline);
}

void pipeline_yield(struct pipeline *p)
{
	const struct jobs *j = p->jobs;
	for (struct task *t = p->tasks; t; t = t->next) {
		if (!t->ready || !(j->draining || p->rests || (j->paused && !t->job.on_demand)))
			continue;
		t->code = -ECANCELED;
		t->waits = true;
		slot_free(t);
		t->answered = true;
	}
	if (!p->claiming)
		store_answers(p);
}

/* What a slot does next is decided before its answer is written. */
static void task_answered(struct task *t, const struct provider_outcome *outcome)
{
	const struct jobs *j = t->pipeline->jobs;
	enum job_kind kind = t->pipeline->kind;
	const struct usage *u = &outcome->usage;
	t->usage = (struct store_usage){
		.requests = u->requests,
		.tokens_in = u->tokens_in,
		.tokens_out = u->tokens_out,
		.cost_micro = cost_of(&j->settings.prices[kind], u->tokens_in, u->tokens_out,
				      t->code == 0 && kind == JOB_ILLUSTRATE),
	};
	slot_free(t);
	t->answered = true;
	pipeline_pump(t->pipeline);
	if (!t->pipeline->claiming)
		store_answers(t->pipeline);
}

void pipeline_answer(struct task *t, const struct provider_outcome *outcome)
{
	struct pipeline *p = t->pipeline;
	if (p->retries < RETRIES_MOST)
		p->retries++;
	task_answered(t, outcome);
}

/* It was not asked: for want of money, or of time, or because it is too late. */
static bool must_wait(const struct task *t, const struct provider_outcome *outcome)
{
	const struct pipeline *p = t->pipeline;
	return outcome->retry_after_ms > LONG_WAIT_MS || (t->code == -EDQUOT && p->rests) ||
	       (t->code == -ECANCELED && p->jobs->draining);
}

/* Says so in the reason, where it is another's fault. */
static bool may_retry(struct task *t, const struct provider_outcome *outcome)
{
	struct pipeline *p = t->pipeline;
	if (outcome->refused || outcome->retry_after_ms < 0 ||
	    t->job.attempts >= p->jobs->settings.max_attempts)
		return false;
	if (outcome->retry_after_ms > 0 || p->retries-- > 0)
		return true;
	const struct err why = t->why;
	p->retries = 0;
	err_set(&t->why, t->code, "%.440s; nearly all requests fail, so it is not tried again",
		why.msg);
	return false;
}

static int64_t retry_at(const struct task *t, const struct provider_outcome *outcome)
{
	int64_t wait_ms = outcome->retry_after_ms;
	if (t->waits && wait_ms <= 0)
		return 0;
	if (wait_ms == 0)
		wait_ms = jobs_backoff(t->pipeline->jobs, RETRY_MS, RETRY_CAP_MS, t->job.attempts);
	return clock_unix_ms() + wait_ms;
}

void pipeline_fail(struct task *t, const struct provider_outcome *outcome)
{
	t->code = outcome->code < 0 ? outcome->code : -EIO;
	t->why = outcome->err;
	if (!t->why.msg[0])
		err_set(&t->why, t->code, "%s", strerror(-t->code));
	t->waits = must_wait(t, outcome);
	bool again = t->waits || may_retry(t, outcome);
	t->event = outcome->refused ? EVENT_REFUSED : again ? EVENT_WAITING : t->ops->failed;
	if (again)
		t->retry_at_unix_ms = retry_at(t, outcome);
	CLEANUP(cleanup_free) char *words = task_words(t);
	log_info("jobs: %s, attempt %d: %s%s", words, t->job.attempts, t->why.msg,
		 again ? "; will be tried again" : "");
	task_answered(t, outcome);
}

/* The book may have changed since the job was wished for. */
static int find_chapter(const struct book_chapter **out, struct task *t, struct err *err)
{
	struct book *book = NULL;
	int rc = jobs_book(&book, t->pipeline->jobs);
	if (rc < 0)
		return rc;
	if (t->job.chapter < 1 || (size_t)t->job.chapter > book->chapter_count)
		return err_set(err, -ENOENT, "the book no longer has this text");
	*out = &book->chapters[t->job.chapter - 1];
	t->book_title = xstrdup(book->title);
	t->language = xstrdup(book->language);
	t->chapter_title = xstrdup((*out)->title);
	return 0;
}

static void task_begin(struct task *t)
{
	const struct book_chapter *c = NULL;
	struct provider_outcome no = {0};
	no.code = find_chapter(&c, t, &no.err);
	if (no.code == -ENOENT)
		no.retry_after_ms = -1;
	if (no.code < 0)
		pipeline_fail(t, &no);
	else
		t->ops->begin(t, c);
}

struct result_info pipeline_result(const struct pipeline *p)
{
	return (struct result_info){
		.provider = p->provider_name,
		.model = p->model,
		.options = p->options,
		.prompt_version = PROMPT_VERSION,
	};
}

/* ---- claiming */

struct claim {
	struct pipeline *pipeline;
	unsigned epoch;
	int want, got;
	struct store_job jobs[];
};

static void claim_empty(struct claim *c)
{
	while (c->got > 0)
		store_job_finish(&c->jobs[--c->got]);
}

static int claim_work(struct store_tx *tx, void *arg, struct err *err)
{
	struct claim *c = arg;
	claim_empty(c);
	struct pipeline *p = c->pipeline;
	while (c->got < c->want && !atomic_load(&p->jobs->closed)) {
		int rc = tx_claim(&c->jobs[c->got], tx, p->kind, p->profile);
		if (rc < 0)
			return err_set(err, rc, "no job can be claimed: %s", strerror(-rc));
		if (rc == 0)
			break;
		c->got++;
	}
	return 0;
}

struct give_back {
	struct jobs *jobs;
	size_t count;
	int64_t ids[];
};

static int give_back_work(struct store_tx *tx, void *arg, struct err *err)
{
	struct give_back *g = arg;
	for (size_t i = 0; i < g->count; i++) {
		int rc = tx_job_yield(tx, g->ids[i]);
		if (rc < 0 && rc != -ESTALE)
			return rc;
	}
	return 0;
}

static void give_back_done(void *arg, int result, const struct err *err)
{
	struct give_back *g = arg;
	if (result < 0) /* they are taken up when this process ends */
		log_warn("jobs: claims were not given back: %s", err->msg);
	jobs_release(g->jobs);
	free(g);
}

static struct give_back *give_back_new(struct jobs *j, size_t room)
{
	struct give_back *g = xcalloc(1, sizeof(*g) + room * sizeof(g->ids[0]));
	g->jobs = j;
	return g;
}

static void give_back(struct give_back *g)
{
	jobs_hold(g->jobs);
	store_write(g->jobs->store, give_back_work, give_back_done, g);
}

static void claim_return(struct claim *c)
{
	struct give_back *g = give_back_new(c->pipeline->jobs, (size_t)c->got);
	for (int i = 0; i < c->got; i++)
		g->ids[g->count++] = c->jobs[i].id;
	claim_empty(c);
	give_back(g);
}

static void claim_failed(struct pipeline *p, const struct err *err)
{
	if (p->jobs->draining)
		return;
	if (!jobs_stuck(p->jobs))
		log_error("jobs: %s waits: %s", p->ops->noun, err->msg);
	p->claim_failures++;
	timer_set(p->due, clock_boot_ms() +
				  jobs_backoff(p->jobs, STORE_MS, STORE_CAP_MS, p->claim_failures));
}

static void claim_taken(struct claim *c)
{
	struct pipeline *p = c->pipeline;
	p->claim_failures = 0;
	p->dry = c->got < c->want && c->epoch == p->epoch;
	if (p->dry)
		jobs_look_again(p->jobs);
	int got = c->got;
	c->got = 0; /* the tasks own them now */
	for (int i = 0; i < got; i++)
		task_begin(task_new(p, &c->jobs[i]));
	pipeline_pump(p);
}

static void claimed(void *arg, int result, const struct err *err)
{
	struct claim *c = arg;
	struct pipeline *p = c->pipeline;
	struct jobs *j = p->jobs;
	p->claiming -= c->want;
	if (atomic_load(&j->closed) || result < 0) {
		claim_empty(c);
		if (!atomic_load(&j->closed))
			claim_failed(p, err);
	} else if (j->draining && c->got) {
		claim_return(c);
	} else {
		claim_taken(c);
	}
	free(c);
	if (!atomic_load(&j->closed) && !p->claiming)
		store_answers(p);
	jobs_release(j);
}

static void claim(struct pipeline *p, int want)
{
	struct claim *c = xcalloc(1, sizeof(*c) + (size_t)want * sizeof(c->jobs[0]));
	c->pipeline = p;
	c->want = want;
	c->epoch = p->epoch;
	p->claiming += want;
	jobs_hold(p->jobs);
	store_write(p->jobs->store, claim_work, claimed, c);
}

static int task_count(const struct pipeline *p)
{
	int count = 0;
	for (const struct task *t = p->tasks; t; t = t->next)
		count++;
	return count;
}

/* Somebody waits for what is behind all that was claimed ahead: it goes before. */
static bool is_demanded(const struct pipeline *p, int ahead)
{
	bool demanded = false;
	for (const struct task *t = p->tasks; t; t = t->next)
		ahead -= t->open && !t->asking && t->job.on_demand;
	return ahead > 0 && !p->claiming &&
	       store_demanded(&demanded, store_reader(p->jobs->store), p->kind, p->profile) == 0 &&
	       demanded;
}

/* For free slots and what is claimed ahead, and no more than the disk keeps up with: as many
 * answers as there are slots may be on their way to it. */
static int room_of(const struct pipeline *p)
{
	int ahead = p->slots < AHEAD_MOST ? p->slots : AHEAD_MOST;
	int room = p->slots + ahead - p->open - p->claiming;
	int tasks = 2 * p->slots + ahead - task_count(p) - p->claiming;
	room = room < tasks ? room : tasks;
	return room <= 0 && is_demanded(p, ahead) ? 1 : room;
}

bool pipeline_in_turn(const struct jobs *j)
{
	int open = 0;
	if (!j->settings.in_turn || j->paused)
		return false;
	return jobs_settling(j) ||
	       (store_open_jobs(&open, store_reader(j->store), JOB_ANALYZE) == 0 && open > 0);
}

/* When there is something to claim: at once 0, INT64_MAX nothing is there. While the server asks to
 * be left alone nothing is taken that others could have. */
static int64_t claimable_in_ms(struct pipeline *p)
{
	int64_t due_unix_ms = INT64_MAX;
	int err = store_claimable(&due_unix_ms, store_reader(p->jobs->store), p->kind, p->profile);
	if (err < 0)
		log_warn("jobs: the queue cannot be read: %s", strerror(-err));
	if (err < 0 || due_unix_ms == INT64_MAX)
		return INT64_MAX;
	int64_t wait_ms = due_unix_ms - clock_unix_ms();
	int64_t told_boot_ms = gate_told_boot_ms(p->jobs->settings.gates[p->kind]);
	int64_t told_ms = told_boot_ms ? told_boot_ms - clock_boot_ms() : 0;
	wait_ms = wait_ms > told_ms ? wait_ms : told_ms;
	return wait_ms > 0 ? wait_ms : 0;
}

static bool may_work(const struct pipeline *p)
{
	const struct jobs *j = p->jobs;
	return j->started && !j->draining && !j->unstored && !p->dry && !p->rests;
}

/* Fills the free slots. A claim that came back with less than it had room for is not repeated
 * before the store changes or a second is over: what can be seen and what can be had differ for a
 * moment when several processes claim. */
void pipeline_pump(struct pipeline *p)
{
	ask_ready(p);
	int room = may_work(p) ? room_of(p) : 0;
	if (room <= 0)
		return;
	int64_t wait_ms = claimable_in_ms(p);
	if (wait_ms == INT64_MAX)
		timer_stop(p->due);
	else if (wait_ms > 0)
		timer_set(p->due, clock_boot_ms() + wait_ms);
	else if (jobs_can_pay(p->jobs, p->kind) &&
		 !(p->kind == JOB_ILLUSTRATE && pipeline_in_turn(p->jobs)))
		claim(p, room);
}

void pipeline_leave(struct pipeline *p)
{
	size_t lost = 0;
	store_answers(p); /* closing the store still commits them */
	if (!p->tasks)
		return;
	struct give_back *g = give_back_new(p->jobs, (size_t)task_count(p));
	for (struct task *t = p->tasks, *next; t; t = next) {
		next = t->next;
		if (t->writing) {
			timer_free(t->store_again);
			t->store_again = NULL;
			continue; /* stored() drops it */
		}
		if (t->open) {
			g->ids[g->count++] = t->job.id;
			if (t->ticket)
				p->provider->ops->cancel(p->provider, t->ticket);
		} else if (t->code == 0) {
			lost++;
		}
		task_drop(t);
	}
	if (lost)
		log_error("jobs: %zu finished results could not be stored and are lost", lost);
	give_back(g);
}
