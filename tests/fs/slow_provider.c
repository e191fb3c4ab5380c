/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "fs.h"

/*
 * The program with another provider, for tests only: it takes its time, or fails, as the
 * environment says, and keeps a list of what it was asked.
 *
 * SLOW_GATE a FIFO: nothing is answered until somebody writes to it, which is never read;
 * SLOW_STEPS a FIFO: each byte written to it lets one answer go; SLOW_MS how long an answer takes
 * from then on; SLOW_FAIL a reason: every analysis fails with EIO; SLOW_LOG a file that gets a line
 * for each request.
 */

struct provider_ticket {
	struct provider_ticket *next;
	struct slow *slow;
	struct timer *timer;
	bool began;
	struct analyze_request analyze;
	analyze_done_fn analyzed;
	paint_done_fn painted;
	void *arg;
};

struct slow {
	struct provider provider;
	struct loop *loop;
	struct provider_ticket *tickets;
	struct watch *gate; /* NULL: it is open */
	int gate_fd;
	bool by_steps;
	int steps; /* that nobody has taken yet */
	int64_t delay_ms;
	const char *fail, *log;
};

static const unsigned char png[] = {
	0x89, 'P',  'N',  'G',	0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 'I',  'H',
	'D',  'R',  0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00,
	0x00, 0x1f, 0x15, 0xc4, 0x89, 0x00, 0x00, 0x00, 0x0d, 'I',  'D',  'A',	'T',  0x78,
	0x9c, 0x63, 0x60, 0x60, 0x60, 0xf8, 0x0f, 0x00, 0x01, 0x04, 0x01, 0x00, 0x5f, 0xe5,
	0xc3, 0x4b, 0x00, 0x00, 0x00, 0x00, 'I',  'E',	'N',  'D',  0xae, 0x42, 0x60, 0x82};

static void ticket_end(struct provider_ticket *t)
{
	struct provider_ticket **at = &t->slow->tickets;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	timer_free(t->timer);
	free(t);
}

/* No two answers are the same, as a server's are not. */
static void note_time(struct analysis *a)
{
	CLEANUP(cleanup_free)
	char *note = xasprintf("answered at %lld", (long long)clock_mono_us());

	if (a)
		analysis_set(&a->note, note);
}

static void answer_analysis(struct provider_ticket *t)
{
	struct provider_outcome outcome = {0};
	struct analysis *a = NULL;

	if (t->slow->fail) {
		outcome.code = err_set(&outcome.err, -EIO, "%s", t->slow->fail);
		outcome.retry_after_ms = -1;
	} else {
		outcome.code = builtin_analyze(&a, &t->analyze, &outcome.err);
		note_time(a);
	}
	t->analyzed(t->arg, &outcome, a);
}

static void on_time(void *arg)
{
	struct provider_ticket *t = arg;
	const struct provider_outcome good = {0};

	if (t->analyzed)
		answer_analysis(t);
	else
		t->painted(t->arg, &good, png, sizeof(png), "png");
	ticket_end(t);
}

static void begin(struct provider_ticket *t)
{
	t->began = true;
	timer_set(t->timer, clock_boot_ms() + t->slow->delay_ms);
}

/* Those that may. */
static void begin_some(struct slow *s)
{
	for (struct provider_ticket *t = s->tickets; t; t = t->next)
		if (!t->began && (!s->by_steps || s->steps-- > 0))
			begin(t);
	if (s->steps < 0)
		s->steps = 0;
}

static void on_gate(void *arg, uint32_t revents)
{
	struct slow *s = arg;
	char bytes[64];
	ssize_t n = s->by_steps ? read(s->gate_fd, bytes, sizeof(bytes)) : 0;

	if (!s->by_steps)
		s->gate = watch_free(s->gate);
	s->steps += n > 0 ? (int)n : 0;
	begin_some(s);
}

static struct provider_ticket *ticket(struct provider *p, void *arg, const char *what, int chapter)
{
	struct slow *s = (struct slow *)p;
	struct provider_ticket *t = xcalloc(1, sizeof(*t));
	CLEANUP(cleanup_close)
	int fd = s->log ? open(s->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;

	if (fd >= 0)
		dprintf(fd, "%s %d\n", what, chapter);
	*t = (struct provider_ticket){.next = s->tickets, .slow = s, .arg = arg};
	s->tickets = t;
	t->timer = timer_new(s->loop, on_time, t);
	if (!s->gate || s->steps > 0)
		begin_some(s);
	return t;
}

static struct provider_ticket *slow_analyze(struct provider *p, const struct analyze_request *r,
					    analyze_done_fn done, void *arg)
{
	struct provider_ticket *t = ticket(p, arg, "analyze", r->chapter);

	t->analyze = *r;
	t->analyzed = done;
	return t;
}

static struct provider_ticket *slow_paint(struct provider *p, const struct paint_request *r,
					  paint_done_fn done, void *arg)
{
	struct provider_ticket *t = ticket(p, arg, "paint", r->chapter);

	t->painted = done;
	return t;
}

static void slow_cancel(struct provider *p, struct provider_ticket *t)
{
	ticket_end(t);
}

static struct provider *slow_free(struct provider *p)
{
	struct slow *s = (struct slow *)p;

	while (s->tickets)
		ticket_end(s->tickets);
	watch_free(s->gate);
	if (s->gate_fd >= 0)
		close(s->gate_fd);
	free(s);
	return NULL;
}

static const struct provider_ops slow_ops = {
	.name = "slow",
	.analyze = slow_analyze,
	.paint = slow_paint,
	.cancel = slow_cancel,
	.free = slow_free,
};

int provider_make(struct provider **text, struct provider **image, struct loop *loop,
		  struct gate *const gates[2], const struct options *o, struct err *err)
{
	const char *delay = getenv("SLOW_MS"), *gate = getenv("SLOW_GATE"),
		   *steps = getenv("SLOW_STEPS");
	struct slow *s = xcalloc(1, sizeof(*s));

	gate = steps ? steps : gate;
	*s = (struct slow){
		.provider = {.ops = &slow_ops,
			     .model = "slow-1",
			     .options = "",
			     .analyze_slots = 4,
			     .paint_slots = 4},
		.loop = loop,
		.gate_fd = gate ? open(gate, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1,
		.by_steps = steps != NULL,
		.delay_ms = delay ? strtol(delay, NULL, 10) : 0,
		.fail = getenv("SLOW_FAIL"),
		.log = getenv("SLOW_LOG"),
	};
	if (gate &&
	    (s->gate_fd < 0 || loop_watch(&s->gate, loop, s->gate_fd, EPOLLIN, on_gate, s) < 0)) {
		err_set(err, -EIO, "%s: %s", gate, strerror(errno));
		slow_free(&s->provider);
		return err->code;
	}
	*text = *image = &s->provider;
	return 0;
}
