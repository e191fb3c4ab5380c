/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "fs.h"

/*
 * `bookfs run`: the whole book without a mount. Each chapter that is wanted is wished for, then the
 * store is watched until nothing that is wanted is open. Other processes may do part of the work.
 */

enum { LOOK_MS = 20, REFRESH_MS = 1000, PATIENCE_MS = 1000, BAR_CELLS = 24 };

struct count {
	int total, done, failed;
};

struct chapter_run {
	bool wanted, analysed, asked_pictures;
};

struct run {
	struct engine *engine;
	const struct options *options;
	struct book *book;
	struct chapter_run *chapters; /* [number - 1] */
	bool json, bar;
	bool began, draining, finished;
	int wishes; /* not stored yet */
	int result; /* <0: a wish could not be stored */
	int64_t seq, started_mono_us;
	int done_before; /* what was there when we began: no measure of our speed */
	struct count analyses, pictures;
	struct timer *look, *refresh, *patience;
	int64_t stuck_since_boot_ms; /* 0: the store takes what is given */
	struct watch *signals;
	int signal_fd;
};

/* ---- what is wanted */

static void want_all(struct run *run)
{
	for (size_t i = 0; i < run->book->chapter_count; i++)
		run->chapters[i].wanted = true;
}

/* "1-5,10", or NULL: all. -EINVAL. */
static int want(struct run *run, const char *list, struct err *err)
{
	long last = (long)run->book->chapter_count;
	const char *p = list;
	char *end;

	if (!list) {
		want_all(run);
		return 0;
	}
	do {
		long from = strtol(p, &end, 10), to = from;

		if (end != p && *end == '-') {
			p = end + 1;
			to = strtol(p, &end, 10);
		}
		if (end == p || (*end && *end != ',') || from < 1 || to < from || to > last)
			return err_set(err, -EINVAL,
				       "--chapters: \"%s\" names no chapters of 1 to %ld (1-5,10)",
				       list, last);
		for (long n = from; n <= to; n++)
			run->chapters[n - 1].wanted = true;
		p = end + 1;
	} while (*end);
	return 0;
}

static void look_soon(struct run *run)
{
	timer_set(run->look, clock_boot_ms() + LOOK_MS);
}

static void on_drained(void *arg)
{
	struct run *run = arg;

	loop_stop(run->engine->loop);
}

/* Without the wish the book cannot be completed: what is in flight is finished, and that is all. */
static void give_up(struct run *run, int result, const struct err *err)
{
	if (run->result < 0)
		return;
	run->result = result;
	if (!jobs_stuck(run->engine->jobs)) /* else they have said why */
		log_error("%s", err && err->msg[0] ? err->msg : strerror(-result));
	if (!run->draining)
		jobs_drain(run->engine->jobs, on_drained, run);
	run->draining = true;
}

static void wished(void *arg, int result, const struct err *err)
{
	struct run *run = arg;

	run->wishes--;
	if (result < 0 && result != -ENODATA)
		give_up(run, result, err);
	look_soon(run);
}

static void wish(struct run *run)
{
	if (run->engine->read_only)
		return;
	run->wishes++;
	jobs_command(run->engine->jobs, "resume", strlen("resume"), wished, run);
	for (size_t i = 0; i < run->book->chapter_count; i++) {
		if (!run->chapters[i].wanted || run->book->chapters[i].kind != BOOK_STORY)
			continue;
		run->wishes++;
		jobs_wish_analysis(run->engine->jobs, (int)i + 1, false, false, wished, run);
	}
}

/* ---- how far it is */

static int measure_picture(void *arg, const struct store_picture *p)
{
	struct run *run = arg;
	struct chapter_run *c;

	if (p->chapter < 1 || (size_t)p->chapter > run->book->chapter_count)
		return 0;
	c = &run->chapters[p->chapter - 1];
	if (!c->wanted)
		return 0;
	run->pictures.total++;
	run->pictures.done += p->state == STATE_COMPLETED;
	run->pictures.failed += p->state == STATE_FAILED;
	/* Analysed by somebody who wanted no pictures; or failed before we began: once more. */
	if (c->analysed && !c->asked_pictures &&
	    (p->state == STATE_NONE || (p->state == STATE_FAILED && !run->began))) {
		c->asked_pictures = true;
		run->wishes++;
		jobs_wish_pictures(run->engine->jobs, p->chapter, 0, wished, run);
	}
	return 0;
}

static void measure_chapter(struct run *run, int number)
{
	struct chapter_run *c = &run->chapters[number - 1];
	struct store_state s = {0};

	if (store_state(&s, store_reader(run->engine->store), number) < 0)
		return;
	c->analysed = s.state == STATE_COMPLETED;
	run->analyses.total++;
	run->analyses.done += c->analysed;
	run->analyses.failed += s.state == STATE_FAILED;
	store_state_finish(&s);
}

static void measure(struct run *run)
{
	run->analyses = run->pictures = (struct count){0};
	for (size_t i = 0; i < run->book->chapter_count; i++)
		if (run->chapters[i].wanted && run->book->chapters[i].kind == BOOK_STORY)
			measure_chapter(run, (int)i + 1);
	if (!run->options->no_images)
		store_pictures(store_reader(run->engine->store), 0, measure_picture, run);
}

static int done_count(const struct run *run)
{
	return run->analyses.done + run->pictures.done;
}

static bool nothing_open(const struct run *run)
{
	const struct count *a = &run->analyses, *p = &run->pictures;

	return !run->wishes && a->done + a->failed == a->total && p->done + p->failed == p->total;
}

/* ---- what is said of it */

static void print_eta(const struct run *run, int left)
{
	int64_t us = clock_mono_us() - run->started_mono_us;
	int made = done_count(run) - run->done_before;

	if (made > 0 && left > 0) {
		int64_t s = us / made * left / 1000000;

		fprintf(stderr, "  %d:%02d left", (int)(s / 60), (int)(s % 60));
	}
}

static void print_bar(const struct run *run)
{
	int total = run->analyses.total + run->pictures.total, done = done_count(run);
	int filled = total ? done * BAR_CELLS / total : BAR_CELLS;

	fputs("\r[", stderr);
	for (int i = 0; i < BAR_CELLS; i++)
		fputc(i < filled ? '#' : '.', stderr);
	fprintf(stderr, "] chapters %d/%d  pictures %d/%d", run->analyses.done, run->analyses.total,
		run->pictures.done, run->pictures.total);
	print_eta(run, total - done);
	fputs("\033[K", stderr);
	fflush(stderr);
}

static int print_event(void *arg, const struct store_event *e)
{
	static const char *const words[EVENT_TYPES] = {
		[EVENT_CONCEPTS_READY] = "analysed", [EVENT_ANALYSIS_FAILED] = "analysis failed",
		[EVENT_IMAGE_COMPLETE] = "painted",  [EVENT_IMAGE_FAILED] = "picture failed",
		[EVENT_REFUSED] = "refused",
	};
	struct run *run = arg;
	bool failed = e->type == EVENT_ANALYSIS_FAILED || e->type == EVENT_IMAGE_FAILED ||
		      e->type == EVENT_REFUSED;

	run->seq = e->seq;
	if (!words[e->type] || (run->bar && !failed))
		return 0;
	fprintf(stderr, "%schapter %d%s%s: %s%s%s%s\n", run->bar ? "\r\033[K" : "", e->chapter,
		e->id ? " " : "", e->id ? e->id : "", words[e->type],
		failed && e->detail ? ": " : "", failed && e->detail ? e->detail : "", "");
	return 0;
}

/* ---- the course */

static void look(void *arg)
{
	struct run *run = arg;

	/* In this order: whatever was counted has its line, though somebody commits in between. */
	measure(run);
	store_events(store_reader(run->engine->store), run->seq, 10000, print_event, run);
	if (run->bar)
		print_bar(run);
	if (nothing_open(run)) {
		run->finished = true;
		loop_stop(run->engine->loop);
	}
}

static void refresh(void *arg)
{
	struct run *run = arg;

	print_bar(run);
	timer_set(run->refresh, clock_boot_ms() + REFRESH_MS);
}

/* A mount holds its results until the disk has room again; a run that nobody watches must end. */
static void patience(void *arg)
{
	struct run *run = arg;
	int64_t now = clock_boot_ms();

	timer_set(run->patience, now + PATIENCE_MS);
	if (!jobs_stuck(run->engine->jobs))
		run->stuck_since_boot_ms = 0;
	else if (!run->stuck_since_boot_ms)
		run->stuck_since_boot_ms = now;
	else if (now - run->stuck_since_boot_ms > run->options->grace_s * 1000LL) {
		run->result = -EIO;
		log_error("for %d s nothing could be stored: see to the disk and run it again",
			  run->options->grace_s);
		loop_stop(run->engine->loop);
	}
}

static void on_change(void *arg)
{
	struct run *run = arg;

	if (!run->draining)
		jobs_changed(run->engine->jobs);
	look_soon(run);
}

static void on_signal(void *arg, uint32_t revents)
{
	struct run *run = arg;
	struct signalfd_siginfo info;

	if (read(run->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (run->draining) {
		loop_stop(run->engine->loop);
		return;
	}
	run->draining = true;
	fprintf(stderr,
		"%sbookfs: what is in flight (%d) is finished and stored; Ctrl-C leaves at once\n",
		run->bar ? "\n" : "", jobs_in_flight(run->engine->jobs));
	jobs_drain(run->engine->jobs, on_drained, run);
}

static int watch_signals(struct run *run, struct err *err)
{
	sigset_t set;
	int r;

	sigprocmask(SIG_SETMASK, NULL, &set);
	run->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (run->signal_fd < 0)
		return err_set(err, -errno, "signals: %s", strerror(errno));
	r = loop_watch(&run->signals, run->engine->loop, run->signal_fd, EPOLLIN, on_signal, run);
	return r < 0 ? err_set(err, r, "signals: %s", strerror(-r)) : 0;
}

static int prepare(struct run *run, struct err *err)
{
	struct store_reader *r = store_reader(run->engine->store);
	int code = store_book(&run->book, r);

	if (code == 0)
		code = store_seq(&run->seq, r);
	if (code < 0)
		return err_set(err, code, "the store: %s", store_reason(r, code));
	run->chapters = xcalloc(run->book->chapter_count + 1, sizeof(*run->chapters));
	if (run->engine->read_only)
		return err_set(err, -EROFS, "%s cannot be written", store_path(run->engine->store));
	return watch_signals(run, err);
}

static int course(struct run *run)
{
	struct loop *loop = run->engine->loop;
	int r;

	run->look = timer_new(loop, look, run);
	run->refresh = timer_new(loop, refresh, run);
	run->patience = timer_new(loop, patience, run);
	run->started_mono_us = clock_mono_us();
	measure(run);
	run->done_before = done_count(run);
	run->began = true;
	store_on_change(run->engine->store, on_change, run);
	jobs_start(run->engine->jobs);
	wish(run);
	patience(run);
	if (run->bar)
		refresh(run);
	r = loop_run(loop);
	if (run->bar)
		fputc('\n', stderr);
	store_on_change(run->engine->store, NULL, NULL);
	return r;
}

static bool all_done(const struct run *run)
{
	return run->finished && run->result == 0 && run->analyses.done == run->analyses.total &&
	       run->pictures.done == run->pictures.total;
}

static int answer(const struct run *run, struct err *err)
{
	CLEANUP(views_free_cleanup) struct views *views = NULL;
	CLEANUP(buf_finish) struct buf json = {0};
	int r;

	if (!run->json) {
		printf("chapters: %d of %d analysed; pictures: %d of %d painted; failed: %d\n",
		       run->analyses.done, run->analyses.total, run->pictures.done,
		       run->pictures.total, run->analyses.failed + run->pictures.failed);
		return 0;
	}
	r = engine_views(&views, run->engine, run->options, err);
	if (r == 0)
		r = view_status(&json, views);
	if (r == 0)
		fwrite(json.data, 1, json.len, stdout);
	return r;
}

static struct run *run_finish(struct run *run)
{
	if (!run->engine)
		return NULL;
	timer_free(run->look);
	timer_free(run->refresh);
	timer_free(run->patience);
	watch_free(run->signals);
	if (run->signal_fd >= 0)
		close(run->signal_fd);
	book_free(run->book);
	free(run->chapters);
	run->engine = engine_close(run->engine);
	return NULL;
}

static int run_book(struct run *run, const char *chapters)
{
	struct err err = {0};
	int r = engine_open(&run->engine, run->options, ENGINE_WORK, &err), status = EXIT_FAILED;

	run->signal_fd = -1;
	if (r == 0)
		r = prepare(run, &err);
	if (r == 0) {
		r = want(run, chapters, &err);
		status = r < 0 ? EXIT_USAGE : status;
	}
	if (r == 0)
		r = course(run);
	if (r == 0)
		r = answer(run, &err);
	if (r == 0)
		status = all_done(run) ? EXIT_DONE : EXIT_FAILED;
	else
		say_failed(&err);
	run_finish(run);
	return status;
}

static int run_run(const struct command *c, int argc, char **argv)
{
	CLEANUP(options_finish) struct options o;
	CLEANUP(strv_finish) struct strv chapters = {0};
	CLEANUP(cleanup_free) char *book = NULL;
	struct run run = {.options = &o, .bar = isatty(STDERR_FILENO)};
	const struct flag flags[] = {
		{"--chapters", .values = &chapters},
		{"--no-images", .on = &o.no_images},
		{"--json", .on = &run.json},
		{"--store", .take = options_store, .options = &o},
		{"--options", "-o", .take = options_parse, .options = &o},
	};
	struct err err = {0};
	int r;

	options_init(&o);
	r = flags_parse_one(&book, "one book: bookfs run BOOK", c, flags, ARRAY_LEN(flags), argc,
			    argv);
	if (r)
		return r < 0 ? EXIT_DONE : r;
	if (options_complete(&o, &err) < 0)
		return say_usage(c, "%s", err.msg);
	if (options_book(&o, book, &err) < 0)
		return say_failed(&err);
	signals_block();
	log_open(LOG_TO_STDERR, LOG_LEVEL_WARN);
	return run_book(&run, chapters.len ? chapters.items[chapters.len - 1] : NULL);
}

const struct command command_run = {
	.name = "run",
	.usage = "bookfs run [--chapters 1-5,10] [--no-images] [--json] [--store PATH] BOOK",
	.summary = "BOOK: do the whole book without a mount",
	.help = "Analyses every chapter and paints every picture that is not there yet. Exit 0: "
		"all\n"
		"of it is done. Ctrl-C once finishes and stores what is in flight, twice leaves.\n"
		"\n"
		"    --chapters 1-5,10     only these\n"
		"    --no-images           no pictures\n"
		"    --json                print the final state as JSON (status.json)\n"
		"    --store PATH          the results are in PATH instead of beside the book\n"
		"    -o depth=N            as for mount; also pages_per_image=N, grace=S: how "
		"long\n"
		"                          to wait for a disk that takes nothing; and "
		"provider=openai\n"
		"                          with all that belongs to it\n",
	.run = run_run,
};
