/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "fs.h"

/*
 * `bookfs run`: the whole book without a mount. Each chapter that is wanted is wished for, then the
 * store is watched until nothing that is wanted is open. Other processes may do part of the work.
 *
 * With a limit the analyses ask for no pictures: they are wished for here, so many as are left of
 * it, and none is left waiting for the next who opens the book.
 */

enum { LOOK_MS = 20, REFRESH_MS = 1000, PATIENCE_MS = 1000, LEAVE_MS = 500, BAR_CELLS = 24 };

struct count {
	int total, done, failed, open; /* the rest: nobody asked */
};

struct chapter_run {
	bool analysed, asked_pictures;
	int undrawn; /* pictures that may be asked for */
};

struct run {
	struct engine *engine;
	const struct options *options;
	const struct run_wish *wish;
	struct book *book;
	bool *wanted;		      /* [number - 1] */
	struct chapter_run *chapters; /* the same */
	struct estimate estimate;
	bool bar, yes;
	bool began, draining, finished;
	bool spent; /* the budget, and that ends it */
	int room;   /* pictures that the limit leaves */
	int wishes; /* not stored yet */
	int result; /* <0: a wish could not be stored */
	int64_t seq, started_mono_us;
	int errands;	 /* that are open */
	int done_before; /* what was there when we began: no measure of our speed */
	struct count analyses, pictures;
	struct timer *look, *refresh, *patience, *leave;
	int64_t stuck_since_boot_ms; /* 0: the store takes what is given */
	struct watch *signals;
	int signal_fd;
};

/* ---- what is wanted */

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
		if (!run->wanted[i] || run->book->chapters[i].kind != BOOK_STORY)
			continue;
		run->wishes++;
		jobs_wish_analysis(run->engine->jobs, (int)i + 1, false, false, wished, run);
	}
}

/* ---- how far it is */

static bool is_limited(const struct run *run)
{
	return run->wish->limit >= 0;
}

static int measure_picture(void *arg, const struct store_picture *p)
{
	struct run *run = arg;
	struct chapter_run *c;

	if (p->chapter < 1 || (size_t)p->chapter > run->book->chapter_count)
		return 0;
	c = &run->chapters[p->chapter - 1];
	if (!run->wanted[p->chapter - 1])
		return 0;
	/* With a limit what others asked for is not drawn, unless it is asked for here. */
	bool left = is_limited(run) && p->state == STATE_PENDING && !p->asked_here;
	run->pictures.total++;
	run->pictures.done += p->state == STATE_COMPLETED;
	run->pictures.failed += p->state == STATE_FAILED;
	run->pictures.open += !left && (p->state == STATE_PENDING || p->state == STATE_IN_PROGRESS);
	/* Analysed by somebody who wanted no pictures; or failed before we began: once more. */
	c->undrawn += left || p->state == STATE_NONE || (p->state == STATE_FAILED && !run->began);
	return 0;
}

static void wish_pictures(struct run *run, int number)
{
	struct chapter_run *c = &run->chapters[number - 1];
	int most = c->undrawn;

	if (!c->undrawn || !c->analysed || c->asked_pictures)
		return;
	if (is_limited(run) && most > run->room)
		most = run->room;
	if (most == 0)
		return;
	c->asked_pictures = true;
	run->room -= most;
	run->wishes++;
	jobs_wish_pictures(run->engine->jobs, number, most, wished, run);
}

static void measure_chapter(struct run *run, int number)
{
	struct chapter_run *c = &run->chapters[number - 1];
	struct store_state s = {0};

	if (store_state(&s, store_reader(run->engine->store), number) < 0)
		return;
	c->analysed = s.state == STATE_COMPLETED;
	c->undrawn = 0;
	run->analyses.total++;
	run->analyses.done += c->analysed;
	run->analyses.failed += s.state == STATE_FAILED;
	store_state_finish(&s);
}

/* What this run asks for besides; others' is not waited for. */
static int measure_errand(void *arg, const struct store_job *j)
{
	struct run *run = arg;

	run->errands += j->state != STATE_FAILED &&
			!strcmp(j->profile, jobs_profile(run->engine->jobs, j->kind));
	return 0;
}

static void measure(struct run *run)
{
	run->analyses = run->pictures = (struct count){0};
	run->errands = 0;
	store_errands(store_reader(run->engine->store), measure_errand, run);
	for (size_t i = 0; i < run->book->chapter_count; i++)
		if (run->wanted[i] && run->book->chapters[i].kind == BOOK_STORY)
			measure_chapter(run, (int)i + 1);
	if (run->options->images == IMAGES_OFF)
		return;
	store_pictures(store_reader(run->engine->store), 0, measure_picture, run);
	if (!run->began) /* what is being drawn counts */
		run->room = run->wish->limit - run->pictures.open;
	if (run->room < 0)
		run->room = 0;
	for (size_t i = 0; i < run->book->chapter_count; i++)
		wish_pictures(run, (int)i + 1);
}

static int done_count(const struct run *run)
{
	return run->analyses.done + run->pictures.done;
}

static int left_count(const struct run *run)
{
	const struct count *p = &run->pictures;

	return p->total - p->done - p->failed - p->open;
}

static bool nothing_open(const struct run *run)
{
	const struct count *a = &run->analyses, *p = &run->pictures;

	return !run->wishes && a->done + a->failed == a->total && !p->open && !run->errands &&
	       !jobs_settling(run->engine->jobs) && (is_limited(run) || !left_count(run));
}

/* Nothing of what is open will be begun. What is in flight is waited for. */
static bool budget_spent(const struct run *run)
{
	struct spending s;

	jobs_spending(&s, run->engine->jobs);
	return s.exhausted && !run->wishes && !jobs_in_flight(run->engine->jobs);
}

/* ---- what is said of it */

/* Pictures of chapters that are not analysed yet are expected, as the estimate had them. */
static int expected_count(const struct run *run)
{
	int pictures = run->pictures.total - left_count(run);

	if (run->options->images != IMAGES_OFF && run->estimate.pictures > pictures)
		pictures = run->estimate.pictures;
	return run->analyses.total + pictures;
}

static void print_pace(const struct run *run, int left)
{
	int64_t us = clock_mono_us() - run->started_mono_us;
	int made = done_count(run) - run->done_before;

	if (made <= 0 || us <= 0)
		return;
	fprintf(stderr, "  %.0f/min", made * 60e6 / (double)us);
	if (left > 0) {
		int64_t s = us / made * left / 1000000;

		fprintf(stderr, "  %d:%02d left", (int)(s / 60), (int)(s % 60));
	}
}

static void print_spending(const struct run *run)
{
	CLEANUP(buf_finish) struct buf words = {0};
	struct spending s;
	char until[ISO_TIME_BYTES];

	jobs_spending(&s, run->engine->jobs);
	words_of_usage(&words, s.spent.tokens, s.spent.cost_micro);
	if (words.len)
		fprintf(stderr, "  %s", buf_str(&words));
	if (s.waits_until_unix_ms > clock_unix_ms()) {
		clock_iso(until, s.waits_until_unix_ms);
		fprintf(stderr, "  the server asked to wait until %.8sZ", until + 11);
	}
}

static void print_bar(const struct run *run)
{
	int total = expected_count(run), done = done_count(run);
	int filled = total ? done * BAR_CELLS / total : BAR_CELLS;

	fputs("\r[", stderr);
	for (int i = 0; i < BAR_CELLS; i++)
		fputc(i < filled ? '#' : '.', stderr);
	fprintf(stderr, "] chapters %d/%d  pictures %d/%d", run->analyses.done, run->analyses.total,
		run->pictures.done, total - run->analyses.total);
	print_spending(run);
	print_pace(run, total - done);
	fputs("\033[K", stderr);
	fflush(stderr);
}

static int print_event(void *arg, const struct store_event *e)
{
	static const char *const words[EVENT_TYPES] = {
		[EVENT_CONCEPTS_READY] = "analysed", [EVENT_ANALYSIS_FAILED] = "analysis failed",
		[EVENT_IMAGE_COMPLETE] = "painted",  [EVENT_IMAGE_FAILED] = "picture failed",
		[EVENT_REFUSED] = "refused",	     [EVENT_FAILED] = "failed",
	};
	struct run *run = arg;
	bool failed = e->type == EVENT_ANALYSIS_FAILED || e->type == EVENT_IMAGE_FAILED ||
		      e->type == EVENT_REFUSED || e->type == EVENT_FAILED;

	run->seq = e->seq;
	if (!words[e->type] || (run->bar && !failed))
		return 0;
	if (!e->chapter) {
		fprintf(stderr, "%sfailed: %s\n", run->bar ? "\r\033[K" : "",
			e->detail ? e->detail : "");
		return 0;
	}
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
	} else if (budget_spent(run)) {
		run->spent = true;
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

static void settled(void *arg)
{
	look_soon(arg);
}

static void leave(void *arg)
{
	struct run *run = arg;

	loop_stop(run->engine->loop);
}

/* Ctrl-C is from somebody who waits: what is in flight gets half a second. SIGTERM is from somebody
 * who does not, and what is in flight may be paid for. */
static void on_signal(void *arg, uint32_t revents)
{
	struct run *run = arg;
	struct signalfd_siginfo info;
	bool hurry;

	if (read(run->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	hurry = info.ssi_signo == SIGINT;
	if (run->draining) {
		loop_stop(run->engine->loop);
		return;
	}
	run->draining = true;
	fprintf(stderr,
		hurry ? "%sbookfs: stopped; run it again to go on\n"
		      : "%sbookfs: what is in flight (%d) is finished and stored; Ctrl-C leaves at "
			"once\n",
		run->bar ? "\n" : "", jobs_in_flight(run->engine->jobs));
	timer_set(run->leave,
		  clock_boot_ms() + (hurry ? LEAVE_MS : run->options->grace_s * 1000LL));
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
	run->wanted = xcalloc(run->book->chapter_count + 1, sizeof(*run->wanted));
	code = chapters_parse(run->wanted, run->book, run->wish->chapters, err);
	if (code < 0)
		return code;
	if (run->engine->read_only)
		return err_set(err, -EROFS, "%s cannot be written", store_path(run->engine->store));
	return watch_signals(run, err);
}

/* ---- before anything is spent */

/* A line that begins with y; Ctrl-C and the end of the input are a no. */
static bool answered_yes(const struct run *run)
{
	struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
			       {.fd = run->signal_fd, .events = POLLIN}};
	char line[64];
	ssize_t n = -1;

	if (poll(fds, ARRAY_LEN(fds), -1) > 0 && !fds[1].revents)
		n = read(STDIN_FILENO, line, sizeof(line));
	if (fds[1].revents)
		fputc('\n', stderr);
	return n > 0 && (line[0] == 'y' || line[0] == 'Y');
}

/* "anthropic claude and openai gpt-image": who will be asked. */
static void words_of_asked(struct buf *out, const struct run *run)
{
	const struct provider *text = run->engine->provider, *image = run->engine->painter;
	bool paints = run->estimate.image.requests && image != text;

	if (run->estimate.text.requests || !paints)
		buf_addf(out, "%s %s", text->ops->name, text->model);
	if (run->estimate.text.requests && paints)
		buf_adds(out, " and ");
	if (paints)
		buf_addf(out, "%s %s", image->ops->name, image->model);
}

/* What servers will be asked for is said, and where it costs and somebody is there he is asked. */
static int consent(struct run *run, struct err *err)
{
	const struct options *o = run->options;
	const struct estimate_scope scope = {
		.chapters = run->wanted,
		.images = o->images != IMAGES_OFF && run->wish->limit != 0,
		.most = run->wish->limit > 0 ? run->wish->limit : 0,
	};
	CLEANUP(buf_finish) struct buf words = {0};
	bool costs = server_costs(&o->text_server) || server_costs(&o->image_server);
	bool ask = costs && !run->yes && isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
	int r;

	if (!o->text_server.preset && !o->image_server.preset)
		return 0;
	r = jobs_estimate(&run->estimate, run->engine->jobs, &scope, err);
	if (r < 0 || run->estimate.text.requests + run->estimate.image.requests == 0)
		return r;
	words_of_estimate(&words, &run->estimate);
	buf_adds(&words, " to ");
	words_of_asked(&words, run);
	fprintf(stderr, "bookfs: %s%s%s", buf_str(&words),
		costs_unknown(o) ? "; what they cost is not known without prices=" : "",
		ask ? ". Go on? [y/N] " : "\n");
	if (ask && !answered_yes(run))
		return err_set(err, -ECANCELED, "nothing was asked");
	return 0;
}

static int course(struct run *run)
{
	struct loop *loop = run->engine->loop;
	int r;

	run->look = timer_new(loop, look, run);
	run->refresh = timer_new(loop, refresh, run);
	run->patience = timer_new(loop, patience, run);
	run->leave = timer_new(loop, leave, run);
	run->started_mono_us = clock_mono_us();
	measure(run);
	run->done_before = done_count(run);
	run->began = true;
	store_on_change(run->engine->store, on_change, run);
	jobs_on_settled(run->engine->jobs, settled, run);
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
	       run->pictures.done + left_count(run) == run->pictures.total;
}

static void answer_text(const struct run *run)
{
	CLEANUP(buf_finish) struct buf words = {0};
	struct spending s;

	printf("chapters: %d of %d analysed; pictures: %d of %d painted; failed: %d",
	       run->analyses.done, run->analyses.total, run->pictures.done, run->pictures.total,
	       run->analyses.failed + run->pictures.failed);
	if (run->finished && left_count(run))
		printf(run->options->images == IMAGES_APPROVE ? "; not approved: %d"
							      : "; left by --limit: %d",
		       left_count(run));
	jobs_spending(&s, run->engine->jobs);
	words_of_usage(&words, s.spent.tokens, s.spent.cost_micro);
	if (s.spent.requests)
		printf("\ntook: %lld requests%s%s", (long long)s.spent.requests,
		       words.len ? ", " : "", buf_str(&words));
	putchar('\n');
}

static void say_why_it_ended(const struct run *run)
{
	struct err why = {0};

	if (!run->spent)
		return;
	if (jobs_rests(run->engine->jobs, JOB_ANALYZE, &why) == 0)
		jobs_rests(run->engine->jobs, JOB_ILLUSTRATE, &why);
	fprintf(stderr, "bookfs: %s; run it again with more of it to go on\n", why.msg);
}

static int answer(const struct run *run, struct err *err)
{
	CLEANUP(views_free_cleanup) struct views *views = NULL;
	CLEANUP(buf_finish) struct buf json = {0};
	int r;

	say_why_it_ended(run);
	if (!run->wish->json) {
		answer_text(run);
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
	timer_free(run->leave);
	watch_free(run->signals);
	if (run->signal_fd >= 0)
		close(run->signal_fd);
	book_free(run->book);
	free(run->chapters);
	free(run->wanted);
	run->engine = engine_close(run->engine);
	return NULL;
}

static int run_book(struct run *run)
{
	struct err err = {0};
	int r = engine_open(&run->engine, run->options, ENGINE_WORK, &err), status = EXIT_FAILED;

	run->signal_fd = -1;
	if (r == 0)
		r = prepare(run, &err);
	if (r == -EINVAL)
		status = EXIT_USAGE;
	if (r == 0)
		r = consent(run, &err);
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
	CLEANUP(strv_finish) struct strv chapters = {0}, limits = {0};
	CLEANUP(cleanup_free) char *book = NULL;
	struct run_wish w = {.limit = -1};
	struct run run = {.options = &o, .wish = &w, .bar = isatty(STDERR_FILENO)};
	bool dry = false, no_images = false;
	const struct flag flags[] = {
		{"--chapters", .values = &chapters},
		{"--limit", .values = &limits},
		{"--no-images", .on = &no_images},
		{"--dry-run", "-n", .on = &dry},
		{"--yes", "-y", .on = &run.yes},
		{"--json", .on = &w.json},
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
	if (run_wish_take(&w, &o, &chapters, &limits, no_images, &err) < 0)
		return say_usage(c, "%s", err.msg);
	if (options_book(&o, book, &err) < 0)
		return say_failed(&err);
	signals_block();
	log_open(LOG_TO_STDERR, LOG_LEVEL_WARN);
	return dry ? estimate_book(&o, &w) : run_book(&run);
}

const struct command command_run = {
	.name = "run",
	.usage = "bookfs run [--chapters 1-5,10] [--limit N] [--no-images] [--dry-run] [--yes]\n"
		 "           [--json] [--store PATH] [-o OPTION,...] BOOK",
	.summary = "BOOK: do the whole book without a mount",
	.help = "Analyses every chapter and paints every picture that is not there yet. Exit 0: "
		"all\n"
		"that was asked for is done; 1: something failed, the budget is spent, or it was\n"
		"stopped; run it again to go on. What servers will be asked is said first, and on "
		"a\n"
		"terminal, where it costs, you are asked. Ctrl-C leaves at once; SIGTERM first "
		"lets\n"
		"what is in flight end.\n"
		"\n"
		"    --chapters 1-5,10     only these\n"
		"    --limit N             at most N pictures; the others are left\n"
		"    --no-images           no pictures\n"
		"    --dry-run             say what it would take, as bookfs estimate does\n"
		"    --yes                 do not ask\n"
		"    --json                print the final state as JSON (status.json)\n"
		"    --store PATH          the results are in PATH instead of beside the book\n"
		"    -o OPTION,...         as for mount; grace=S is also how long to wait for a "
		"disk\n"
		"                          that takes nothing\n",
	.run = run_run,
};
