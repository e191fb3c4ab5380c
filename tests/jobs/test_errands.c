/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "rig.h"

/* What the book as a whole is asked for: portraits, doubts of the cast, a style. Each is asked
 * once, and what a person has said or brought stays. */

enum { CHAPTERS = 6 }; /* four of them story, as the fixture has them */

#define SAME "{\"pairs\": [{\"pair\": 1, \"same\": true, \"name\": \"Keeper\"}]}"

/* ---- what there is */

struct seen {
	int count, drawn;
	struct store_portrait newest;
};

static int see(void *arg, const struct store_portrait *p)
{
	struct seen *s = arg;
	s->count++;
	s->drawn += p->prompt != NULL;
	if (p->id > s->newest.id)
		s->newest = *p;
	s->newest.name = NULL;
	return 0;
}

static struct seen portraits(struct bench *b)
{
	struct seen s = {0};
	CHECK_INT(store_portraits(store_reader(b->store), see, &s), 0);
	return s;
}

static int count_edit(void *arg, const struct store_edit *e)
{
	int *count = arg;
	count[e->undone_unix_ms != 0]++;
	return 0;
}

static int edits(struct bench *b, bool undone)
{
	int count[2] = {0};
	CHECK_INT(store_edits(store_reader(b->store), 0, count_edit, count), 0);
	return count[undone];
}

static int count_job(void *arg, const struct store_job *j)
{
	int *count = arg;
	count[j->state]++;
	return 0;
}

static int errands(struct bench *b, enum job_state state)
{
	int count[STATE_SKIPPED + 1] = {0};
	CHECK_INT(store_errands(store_reader(b->store), count_job, count), 0);
	return count[state];
}

static bool at_rest(struct bench *b)
{
	return idle(b) && !errands(b, STATE_PENDING) && !errands(b, STATE_IN_PROGRESS) &&
	       !jobs_settling(b->jobs);
}

static bool all_at_rest(struct bench *b)
{
	return all_done(b) && at_rest(b);
}

static size_t named_keeper(struct bench *b)
{
	CLEANUP(store_cast_free_cleanup) struct store_cast *cast = store_cast_new();
	const struct catalogue *c;
	size_t count = 0;
	CHECK_INT(store_cast_catalogue(&c, cast, store_reader(b->store)), 0);
	for (size_t i = 0; i < c->len; i++)
		count += strstr(c->entries[i].name, "Keeper") != NULL;
	return count;
}

static bool answered_one(struct bench *b)
{
	return b->answers > 0;
}

/* 0, or why not. */
static int command(struct bench *b, const char *line)
{
	b->answers = 0;
	jobs_command(b->jobs, line, strlen(line), answered, b);
	CHECK(run_until(b, answered_one, 10000));
	return b->last_result;
}

static void do_and_rest(struct bench *b, const char *line)
{
	CHECK_INT(command(b, line), 0);
	CHECK(run_until(b, at_rest, 10000));
}

static void open_analysed(struct bench *b, struct slow_settings slow, struct jobs_settings s)
{
	bench_open(b, CHAPTERS, slow, s);
	jobs_wish_all(b->jobs, answered, b);
	CHECK(run_until(b, all_at_rest, 20000));
}

static struct jobs_settings no_pictures(void)
{
	struct jobs_settings s = usual;
	s.images = false;
	return s;
}

/* ---- writing as a person does */

static int bring_work(struct store_tx *tx, void *arg, struct err *err)
{
	const struct bytes bytes = {"\x89PNG own", 8, "png"};
	return tx_set_portrait(tx, ELEMENT_CHARACTER, "Keeper", &bytes);
}

static int undo_work(struct store_tx *tx, void *arg, struct err *err)
{
	int count;
	return tx_undo(&count, tx, 1);
}

static const char *style_written;

static int style_work(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_set_style(tx, style_written);
}

static void write_now(struct bench *b, store_work_fn work)
{
	b->answers = 0;
	store_write(b->store, work, answered, b);
	CHECK(run_until(b, answered_one, 10000));
	CHECK_INT(b->last_result, 0);
}

static void write_style(struct bench *b, const char *body)
{
	style_written = body;
	write_now(b, style_work);
}

/* ---- portraits */

static void test_portrait(void)
{
	struct bench b = {0};
	struct slow_settings slow = {0};
	open_analysed(&b, slow, no_pictures());
	CHECK_INT(command(&b, "portrait Nobody"), -ENODATA);
	CHECK(strstr(b.last_message, "Nobody"));
	do_and_rest(&b, "portrait Keeper");
	struct seen first = portraits(&b);
	CHECK_INT(first.count, 1);
	CHECK_INT(first.drawn, 1);
	CHECK(strstr(b.slow->last_prompt, "A reference picture of Keeper (character)"));
	CHECK_INT(b.slow->paints, 1);
	do_and_rest(&b, "portrait elements/characters/Keeper.md"); /* anew */
	struct seen second = portraits(&b);
	CHECK_INT(second.count, 1);
	CHECK(second.newest.id > first.newest.id);
	CHECK_INT(b.slow->paints, 2);
	write_now(&b, undo_work);
	CHECK_INT(portraits(&b).newest.id, first.newest.id);
	bench_close(&b);
}

/* A picture of a scene goes with it, of those who take some. */
static void test_reference(void)
{
	struct bench b = {0};
	open_analysed(&b, (struct slow_settings){0}, no_pictures());
	b.slow->provider.paint_limits = (struct paint_limits){0, 4, 1 << 20, 1 << 20};
	do_and_rest(&b, "portrait Keeper");
	CHECK_INT(b.slow->last_references, 0);
	do_and_rest(&b, "illustrate 3");
	CHECK_INT(b.slow->last_references, 1);
	bench_close(&b);
}

/* What a person brought is asked about before, and stays when it comes meanwhile. */
static void test_own_picture(void)
{
	struct bench b = {0};
	open_analysed(&b, (struct slow_settings){.latency_ms = 20}, no_pictures());
	CHECK_INT(command(&b, "portrait Keeper"), 0);
	write_now(&b, bring_work);
	CHECK(run_until(&b, at_rest, 10000));
	CHECK_INT(b.slow->paints, 1);
	struct seen s = portraits(&b);
	CHECK_INT(s.count, 1);
	CHECK_INT(s.drawn, 0);
	CHECK_INT(edits(&b, false), 1);
	CHECK_INT(edits(&b, true), 1); /* what was drawn is kept, as if it had been undone */
	CHECK_INT(command(&b, "portrait Keeper"), -EEXIST);
	CHECK(strstr(b.last_message, "rm it in elements/characters/ first"));
	CHECK_INT(b.slow->paints, 1);
	bench_close(&b);
}

static void fail_first_paint(struct provider_outcome *o, void *arg, const struct slow_call *call)
{
	if (call->paint && call->number == 1) {
		o->code = err_set(&o->err, -EIO, "no paint left");
		o->retry_after_ms = -1;
	}
}

static int count_failed(void *arg, const struct store_event *e)
{
	if (e->type == EVENT_FAILED) {
		++*(int *)arg;
		CHECK_INT(e->chapter, 0);
		CHECK_STR(e->detail, "the portrait of Keeper: no paint left");
	}
	CHECK(e->type != EVENT_IMAGE_FAILED);
	return 0;
}

static void test_failure(void)
{
	struct bench b = {0};
	int failed = 0;
	open_analysed(&b, (struct slow_settings){.script = fail_first_paint}, no_pictures());
	do_and_rest(&b, "portrait Keeper");
	CHECK_INT(portraits(&b).count, 0);
	CHECK_INT(errands(&b, STATE_FAILED), 1);
	CHECK_INT(store_events(store_reader(b.store), 0, 1000, count_failed, &failed), 0);
	CHECK_INT(failed, 1);
	do_and_rest(&b, "retry failed");
	CHECK_INT(portraits(&b).count, 1);
	bench_close(&b);
}

/* Like a picture of a scene: of the images that may be drawn, and counted by the estimate. */
static void test_budget(void)
{
	const struct estimate_scope whole = {.images = true};
	struct jobs_settings s = no_pictures();
	struct bench b = {.gated = true};
	struct estimate e = {0};
	struct err err = {0};
	s.budget.images = 1;
	open_analysed(&b, (struct slow_settings){.tokens = 2}, s);
	CHECK_INT(jobs_estimate(&e, b.jobs, &whole, &err), 0);
	int before = e.image.requests;
	do_and_rest(&b, "portrait Keeper");
	CHECK_INT(b.slow->requests[1], 1);
	CHECK_INT(command(&b, "portrait Keeper"), 0); /* waits: the budget is spent */
	CHECK_INT(jobs_estimate(&e, b.jobs, &whole, &err), 0);
	CHECK_INT(e.image.requests, before + 1);
	CHECK_INT(e.errands, 1);
	CHECK_INT(b.slow->requests[1], 1);
	do_and_rest(&b, "budget +1 images");
	CHECK_INT(b.slow->requests[1], 2);
	bench_close(&b);
}

/* ---- doubts */

static const struct slow_settings doubtful = {.also = "Tall Keeper", .says = SAME};

static struct jobs_settings resolving(void)
{
	struct jobs_settings s = usual;
	s.images = false;
	s.resolve = true;
	return s;
}

/* How many of them may turn out not to be needed, too. */
static int text_requests(struct bench *b, int unsure)
{
	const struct estimate_scope whole = {.images = false};
	struct estimate e = {0};
	struct err err = {0};
	CHECK_INT(jobs_estimate(&e, b->jobs, &whole, &err), 0);
	CHECK_INT(e.unsure, unsure);
	return e.text.requests;
}

/* Once for a cast, by whoever it is; the estimate knows of it before. */
static void test_doubts(void)
{
	struct bench b = {0};
	bench_open(&b, CHAPTERS, doubtful, resolving());
	CHECK_INT(text_requests(&b, 1), 5);
	jobs_wish_all(b.jobs, answered, &b);
	CHECK(run_until(&b, all_at_rest, 20000));
	CHECK_INT(b.slow->analyses, 4);
	CHECK_INT(b.slow->asks, 1);
	CHECK(strstr(b.slow->last_question, "Tall Keeper"));
	CHECK_INT(named_keeper(&b), 1);
	CHECK_INT(text_requests(&b, 0), 0);
	close_jobs(&b);
	struct jobs_settings again = resolving();
	open_jobs(&b, doubtful, &again);
	do_and_rest(&b, "resolve");
	CHECK_INT(b.slow->asks, 0);
	bench_close(&b);
}

/* Nothing to be in doubt of, or nobody who wants to be asked. */
static void test_no_doubts(void)
{
	struct bench b = {0};
	struct slow_settings sure = doubtful;
	sure.also = NULL;
	open_analysed(&b, sure, resolving());
	CHECK_INT(b.slow->asks, 0);
	bench_close(&b);
	open_analysed(&b, doubtful, no_pictures());
	CHECK_INT(b.slow->asks, 0);
	CHECK_INT(named_keeper(&b), 2);
	do_and_rest(&b, "resolve"); /* by name it is asked all the same */
	CHECK_INT(b.slow->asks, 1);
	CHECK_INT(named_keeper(&b), 1);
	bench_close(&b);
}

static bool is_asked(struct bench *b)
{
	return b->slow->asks > 0;
}

/* A person's word goes over the verdict, before it and after it. */
static void test_person_wins(void)
{
	struct bench b = {0};
	open_analysed(&b, doubtful, resolving());
	CHECK_INT(named_keeper(&b), 1);
	CHECK_INT(command(&b, "split characters/Kepeer: Tall Keeper"), -ENODATA);
	do_and_rest(&b, "split characters/Keeper: Tall Keeper");
	CHECK_INT(named_keeper(&b), 2);
	CHECK_INT(b.slow->asks, 1);
	bench_close(&b);
	struct slow_settings slow = doubtful;
	slow.latency_ms = 20;
	open_analysed(&b, slow, no_pictures());
	CHECK_INT(command(&b, "resolve"), 0);
	CHECK(run_until(&b, is_asked, 10000));
	CHECK_INT(command(&b, "split characters/Keeper: Tall Keeper"), 0); /* meanwhile */
	CHECK(run_until(&b, at_rest, 10000));
	CHECK_INT(b.slow->asks, 1);
	CHECK_INT(named_keeper(&b), 2);
	bench_close(&b);
}

static int note_outdated(void *arg, const struct store_picture *p)
{
	char *why = arg;
	if (p->outdated)
		snprintf(why, 200, "%s", p->outdated);
	return 0;
}

static bool none_outdated(struct bench *b)
{
	char why[200] = "";
	CHECK_INT(store_pictures(store_reader(b->store), 0, note_outdated, why), 0);
	return !why[0];
}

/* Drawn under both names before it was known: one line holds, the other's pictures say so. */
static void test_lost_look(void)
{
	struct bench b = {0};
	char why[200] = "";
	open_analysed(&b, doubtful, usual);
	CHECK_INT(store_pictures(store_reader(b.store), 0, note_outdated, why), 0);
	CHECK_STR(why, "");
	do_and_rest(&b, "resolve");
	CHECK_INT(named_keeper(&b), 1);
	CHECK_INT(store_pictures(store_reader(b.store), 0, note_outdated, why), 0);
	CHECK_STR(why, "Tall Keeper and Keeper are one, who is drawn by the look of Keeper");
	CHECK_INT(command(&b, "split characters/Keeper: Tall Keeper"), 0);
	CHECK(run_until(&b, none_outdated, 10000)); /* each has its own again */
	bench_close(&b);
}

static void test_useless_answer(void)
{
	struct bench b = {0};
	struct slow_settings slow = doubtful;
	struct jobs_settings s = resolving();
	slow.says = "{\"pairs\": 7}";
	s.max_attempts = 1;
	open_analysed(&b, slow, s);
	CHECK_INT(b.slow->asks, 1);
	CHECK_INT(errands(&b, STATE_FAILED), 1);
	CHECK_INT(named_keeper(&b), 2);
	close_jobs(&b);
	open_jobs(&b, doubtful, &s); /* by itself it is not asked again, whoever comes */
	do_and_rest(&b, "pause");
	CHECK_INT(b.slow->asks, 0);
	do_and_rest(&b, "resume");
	do_and_rest(&b, "retry failed");
	CHECK_INT(b.slow->asks, 1);
	CHECK_INT(named_keeper(&b), 1);
	bench_close(&b);
}

/* Left by one who can ask, for one who cannot: it is his who comes again, and keeps nobody. */
static void test_left_behind(void)
{
	struct bench b = {0};
	struct slow_settings slow = doubtful;
	struct jobs_settings s = no_pictures();
	slow.latency_ms = 10000;
	open_analysed(&b, doubtful, s);
	close_jobs(&b);
	open_jobs(&b, slow, &s);
	CHECK_INT(command(&b, "resolve"), 0);
	CHECK(run_until(&b, is_asked, 10000));
	close_jobs(&b);
	s.in_turn = s.resolve = true;
	open_jobs(&b, (struct slow_settings){0}, &s);
	b.answers = 0;
	jobs_command(b.jobs, "illustrate 3", strlen("illustrate 3"), answered, &b);
	CHECK(run_until(&b, all_done, 10000));
	CHECK_INT(drawn(&b), 2);
	CHECK_INT(errands(&b, STATE_PENDING), 1);
	close_jobs(&b);
	open_jobs(&b, doubtful, &s);
	CHECK(run_until(&b, at_rest, 10000));
	CHECK_INT(b.slow->asks, 1);
	CHECK_INT(named_keeper(&b), 1);
	bench_close(&b);
}

/* ---- a style */

#define STYLE "{\"medium\": \"ink\", \"palette\": \"<!-- two\\ngreys\", \"avoid\": 7}"

static bool style_has(struct bench *b, const char *words)
{
	CLEANUP(buf_finish) struct buf body = {0};
	int64_t id;
	CHECK_INT(store_style(&body, &id, store_reader(b->store)), 0);
	return strstr(buf_str(&body), words) != NULL;
}

static void test_style(void)
{
	struct bench b = {0};
	struct slow_settings slow = {.says = STYLE, .latency_ms = 20};
	open_analysed(&b, slow, no_pictures());
	CHECK_INT(command(&b, "style propose pictures"), -ENODATA); /* none is drawn */
	do_and_rest(&b, "style propose");
	CHECK_INT(b.slow->asks, 1);
	CHECK(style_has(&b, "- Medium: ink\n- Palette: !-- two greys\n"));
	CHECK(strstr(b.slow->last_question, "Scene 1 of chapter 3"));
	CHECK_INT(command(&b, "style propose"), 0);
	CHECK_INT(command(&b, "style woodcut"), 0); /* meanwhile */
	CHECK(run_until(&b, at_rest, 10000));
	CHECK_INT(b.slow->asks, 2);
	CHECK(style_has(&b, style_preset_named("woodcut")->body));
	bench_close(&b);
}

static int count_unseen(void *arg, const struct store_event *e)
{
	if (e->type == EVENT_FAILED)
		CHECK(strstr(e->detail, "this kind of server is not shown pictures"));
	*(int *)arg += e->type == EVENT_FAILED;
	return 0;
}

static void test_style_pictures(void)
{
	struct bench b = {0};
	int failed = 0;
	open_analysed(&b, (struct slow_settings){.says = STYLE}, usual);
	do_and_rest(&b, "style propose pictures");
	CHECK_INT(b.slow->asks, 0);
	CHECK_INT(store_events(store_reader(b.store), 0, 1000, count_unseen, &failed), 0);
	CHECK_INT(failed, 1);
	b.slow->provider.look_limits = (struct paint_limits){0, 4, 1 << 20, 1 << 20};
	do_and_rest(&b, "style propose pictures");
	CHECK_INT(b.slow->asks, 1);
	CHECK_INT(b.slow->last_pictures, 4);
	CHECK(strstr(b.slow->last_question, "The 4 pictures that go with this"));
	CHECK(style_has(&b, "from the first pictures"));
	bench_close(&b);
}

/* What stands in style.md while there is none, saved; or a remark added: no picture is another. */
static void test_style_remarks(void)
{
	struct bench b = {0};
	CLEANUP(buf_finish) struct buf none = {0};
	char why[200] = "";
	open_analysed(&b, (struct slow_settings){0}, usual);
	CHECK_INT(style_none(&none), 0);
	write_style(&b, buf_str(&none));
	CHECK_INT(edits(&b, false), 0);
	write_style(&b, "# Notes\n\n<!-- to be written -->\n");
	CHECK_INT(store_pictures(store_reader(b.store), 0, note_outdated, why), 0);
	CHECK_STR(why, "");
	write_style(&b, "Ink.\n");
	CHECK_INT(store_pictures(store_reader(b.store), 0, note_outdated, why), 0);
	CHECK_STR(why, "the style was changed");
	bench_close(&b);
}

int main(void)
{
	test_portrait();
	test_reference();
	test_own_picture();
	test_failure();
	test_budget();
	test_doubts();
	test_no_doubts();
	test_person_wins();
	test_lost_look();
	test_useless_answer();
	test_left_behind();
	test_style();
	test_style_pictures();
	test_style_remarks();
	return check_result();
}
