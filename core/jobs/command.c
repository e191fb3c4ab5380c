/* SPDX-License-Identifier: MIT */
#include "pipeline.h"

#include <string.h>

#define ALLOWED                                                                                    \
	"analyze 9 | analyze all | illustrate 9 | illustrate all | retry failed | pause | resume"
#define COMMAND_BYTES 4096 /* one write; a person's line is a few words */
#define COMMANDS_MAX 256

enum verb { VERB_ANALYZE, VERB_ILLUSTRATE, VERB_RETRY, VERB_PAUSE, VERB_RESUME };
enum operand { OPERAND_NONE, OPERAND_CHAPTER, OPERAND_FAILED };

static const struct {
	const char *word;
	enum operand operand;
} verbs[] = {
	[VERB_ANALYZE] = {"analyze", OPERAND_CHAPTER},
	[VERB_ILLUSTRATE] = {"illustrate", OPERAND_CHAPTER},
	[VERB_RETRY] = {"retry", OPERAND_FAILED},
	[VERB_PAUSE] = {"pause", OPERAND_NONE},
	[VERB_RESUME] = {"resume", OPERAND_NONE},
};

struct command {
	enum verb verb;
	int chapter; /* 0: all */
	bool on_demand, again;
};

/* Commands on their way through the writer, all or none of them. */
struct order {
	struct jobs *jobs;
	int chapters; /* how many the book has */
	store_done_fn done;
	void *arg;
	size_t count;
	struct command commands[];
};

static struct order *order_new(struct jobs *j, size_t room, store_done_fn done, void *arg)
{
	struct order *o = xcalloc(1, sizeof(*o) + room * sizeof(o->commands[0]));
	o->jobs = j;
	o->done = done;
	o->arg = arg;
	return o;
}

/* ---- doing */

static int wish_code(int rc, int chapter, struct err *err)
{
	if (rc == -ENOENT)
		return err_set(err, rc, "the book has no chapter %d", chapter);
	if (rc == -ENODATA)
		return err_set(err, rc, "chapter %d is front or back matter, nothing is made of it",
			       chapter);
	return rc < 0 ? err_set(err, rc, "chapter %d: %s", chapter, strerror(-rc)) : 0;
}

static int analyze_one(struct store_tx *tx, const struct order *o, const struct command *c,
		       int chapter, struct err *err)
{
	const struct wish w = {
		.chapter = chapter,
		.profile = o->jobs->lines[JOB_ANALYZE].profile,
		.on_demand = c->on_demand,
		.again = c->again,
	};
	return wish_code(tx_wish_analysis(NULL, tx, &w), chapter, err);
}

static int analyze_all(struct store_tx *tx, const struct order *o, const struct command *c,
		       struct err *err)
{
	for (int chapter = 1; chapter <= o->chapters; chapter++) {
		int rc = analyze_one(tx, o, c, chapter, err);
		if (rc < 0 && rc != -ENODATA && rc != -ENOENT)
			return rc;
	}
	if (err)
		*err = (struct err){0};
	return 0;
}

static int pictures(struct store_tx *tx, const struct order *o, const struct command *c,
		    struct err *err)
{
	const struct wish w = {
		.chapter = c->chapter,
		.profile = o->jobs->lines[JOB_ILLUSTRATE].profile,
		.on_demand = c->on_demand,
	};
	int count = 0;
	return wish_code(tx_wish_pictures(&count, tx, &w), c->chapter, err);
}

static int do_analyze(struct store_tx *tx, const struct order *o, const struct command *c,
		      struct err *err)
{
	if (c->chapter)
		return analyze_one(tx, o, c, c->chapter, err);
	int rc = analyze_all(tx, o, c, err);
	return rc < 0 || !o->jobs->settings.images ? rc : pictures(tx, o, c, err);
}

/* A chapter that is not analysed yet has nothing to draw: the analysis comes first and brings its
 * pictures with it. */
static int do_illustrate(struct store_tx *tx, const struct order *o, const struct command *c,
			 struct err *err)
{
	struct command first = *c;
	first.again = false;
	int rc = c->chapter ? analyze_one(tx, o, &first, c->chapter, err)
			    : analyze_all(tx, o, &first, err);
	return rc < 0 ? rc : pictures(tx, o, c, err);
}

static int do_retry(struct store_tx *tx, const struct order *o, const struct command *c,
		    struct err *err)
{
	int count = 0;
	return tx_retry_failed(&count, tx, c->chapter);
}

static int do_pause(struct store_tx *tx, const struct order *o, const struct command *c,
		    struct err *err)
{
	return tx_pause(tx, c->verb == VERB_PAUSE);
}

static int order_work(struct store_tx *tx, void *arg, struct err *err)
{
	static int (*const deeds[])(struct store_tx *, const struct order *, const struct command *,
				    struct err *) = {
		[VERB_ANALYZE] = do_analyze, [VERB_ILLUSTRATE] = do_illustrate,
		[VERB_RETRY] = do_retry,     [VERB_PAUSE] = do_pause,
		[VERB_RESUME] = do_pause,
	};
	const struct order *o = arg;
	for (size_t i = 0; i < o->count; i++) {
		int rc = deeds[o->commands[i].verb](tx, o, &o->commands[i], err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static void order_done(void *arg, int result, const struct err *err)
{
	struct order *o = arg;
	struct jobs *j = o->jobs;
	if (o->done)
		o->done(o->arg, result, err);
	free(o);
	jobs_release(j);
}

static void order_send(struct order *o)
{
	struct book *book;
	if (jobs_book(&book, o->jobs) == 0)
		o->chapters = (int)book->chapter_count;
	jobs_hold(o->jobs);
	store_write(o->jobs->store, order_work, order_done, o);
}

static void order_one(struct jobs *j, struct command c, store_done_fn done, void *arg)
{
	struct order *o = order_new(j, 1, done, arg);
	o->commands[o->count++] = c;
	order_send(o);
}

void jobs_wish_analysis(struct jobs *j, int chapter, bool on_demand, bool again, store_done_fn done,
			void *arg)
{
	order_one(j, (struct command){VERB_ANALYZE, chapter, on_demand, again}, done, arg);
}

void jobs_wish_all(struct jobs *j, store_done_fn done, void *arg)
{
	order_one(j, (struct command){VERB_ANALYZE, 0, false, false}, done, arg);
}

void jobs_wish_pictures(struct jobs *j, int chapter, store_done_fn done, void *arg)
{
	order_one(j, (struct command){VERB_ILLUSTRATE, chapter, chapter != 0, false}, done, arg);
}

/* ---- reading: every byte is a stranger's */

static const char *word(const char **p, const char *end, size_t *len)
{
	while (*p < end && (**p == ' ' || **p == '\t' || **p == '\r'))
		++*p;
	const char *start = *p;
	while (*p < end && **p != ' ' && **p != '\t' && **p != '\r')
		++*p;
	*len = (size_t)(*p - start);
	return start;
}

static bool is_word(const char *w, size_t len, const char *is)
{
	return strlen(is) == len && memcmp(w, is, len) == 0;
}

static int parse_chapter(int *chapter, const char *w, size_t len)
{
	int number = 0;
	if (is_word(w, len, "all")) {
		*chapter = 0;
		return 0;
	}
	if (len == 0 || len > 6)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (w[i] < '0' || w[i] > '9')
			return -EINVAL;
		number = number * 10 + (w[i] - '0');
	}
	*chapter = number;
	return number > 0 ? 0 : -EINVAL;
}

/* What a message shows of a word: enough to find it again. */
static int shown(size_t len)
{
	return len > 40 ? 40 : (int)len;
}

static int parse_operand(struct command *c, const char *w, size_t len, struct err *err)
{
	switch (verbs[c->verb].operand) {
	case OPERAND_CHAPTER:
		if (parse_chapter(&c->chapter, w, len) == 0)
			return 0;
		break;
	case OPERAND_FAILED:
		if (is_word(w, len, "failed"))
			return 0;
		break;
	case OPERAND_NONE:
		if (len == 0)
			return 0;
		break;
	}
	if (len == 0)
		return err_set(err, -EINVAL, "\"%s\" needs one more word; allowed: " ALLOWED,
			       verbs[c->verb].word);
	return err_set(err, -EINVAL, "\"%s\" cannot be followed by \"%.*s\"; allowed: " ALLOWED,
		       verbs[c->verb].word, shown(len), w);
}

static int parse_command(struct command *c, const char *p, const char *end, struct err *err)
{
	size_t len;
	const char *w = word(&p, end, &len);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (!is_word(w, len, verbs[i].word))
			continue;
		c->verb = (enum verb)i;
		w = word(&p, end, &len);
		int rc = parse_operand(c, w, len, err);
		if (rc < 0)
			return rc;
		c->on_demand = c->chapter != 0;
		c->again = c->verb == VERB_ANALYZE && c->chapter != 0;
		w = word(&p, end, &len);
		return len == 0 ? 0
				: err_set(err, -EINVAL,
					  "\"%.*s\" is one word too many; allowed: " ALLOWED,
					  shown(len), w);
	}
	return err_set(err, -EINVAL, "unknown command \"%.*s\"; allowed: " ALLOWED, shown(len), w);
}

static bool is_blank(const char *p, const char *end)
{
	size_t len;
	word(&p, end, &len);
	return len == 0;
}

static int parse_order(struct order *o, const char *line, size_t len, struct err *err)
{
	if (len > COMMAND_BYTES)
		return err_set(err, -EINVAL, "more than %d bytes at once; allowed: " ALLOWED,
			       COMMAND_BYTES);
	for (const char *p = line, *end = line + len; p < end;) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		stop = stop ? stop : end;
		if (!is_blank(p, stop)) {
			if (o->count == COMMANDS_MAX)
				return err_set(err, -EINVAL, "more than %d commands at once",
					       COMMANDS_MAX);
			int rc = parse_command(&o->commands[o->count++], p, stop, err);
			if (rc < 0)
				return rc;
		}
		p = stop < end ? stop + 1 : end;
	}
	return o->count ? 0 : err_set(err, -EINVAL, "no command; allowed: " ALLOWED);
}

void jobs_command(struct jobs *j, const char *line, size_t len, store_done_fn done, void *arg)
{
	struct err err = {0};
	struct order *o = order_new(j, COMMANDS_MAX, done, arg);
	if (parse_order(o, line, len, &err) == 0) {
		order_send(o);
		return;
	}
	if (done)
		done(arg, err.code, &err);
	free(o);
}
