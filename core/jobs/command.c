/* SPDX-License-Identifier: MIT */
#include "ctl.h"
#include "pipeline.h"

#include <stdio.h>
#include <string.h>

/* Commands on their way through the writer, all or none of them. */
struct order {
	struct jobs *jobs;
	int chapters;	     /* how many the book has */
	struct buf style;    /* that is proposed */
	char cast[HASH_HEX]; /* whose doubts are to be asked about */
	char style_now[24];  /* the number of the style there is */
	store_done_fn done;
	void *arg;
	size_t count;
	struct ctl_command commands[];
};

static struct order *order_new(struct jobs *j, size_t room, store_done_fn done, void *arg)
{
	struct order *o = xcalloc(1, sizeof(*o) + room * sizeof(o->commands[0]));
	o->jobs = j;
	o->done = done;
	o->arg = arg;
	return o;
}

static void order_free(struct order *o)
{
	buf_finish(&o->style);
	free(o);
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

/* Who asks for pictures by name gets them, also where the settings say none. */
static int analyze_one(struct store_tx *tx, const struct order *o, const struct ctl_command *c,
		       int chapter, struct err *err)
{
	const struct wish w = {
		.chapter = chapter,
		.profile = o->jobs->lines[JOB_ANALYZE].profile,
		.on_demand = c->on_demand,
		.again = c->again,
		.pictures = c->verb == CTL_ILLUSTRATE,
	};
	return wish_code(tx_wish_analysis(NULL, tx, &w), chapter, err);
}

static int analyze_all(struct store_tx *tx, const struct order *o, const struct ctl_command *c,
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

static int pictures(struct store_tx *tx, const struct order *o, const struct ctl_command *c,
		    struct err *err)
{
	const struct wish w = {
		.chapter = c->chapter,
		.profile = o->jobs->lines[JOB_ILLUSTRATE].profile,
		.on_demand = c->on_demand,
		.most = c->most,
	};
	int count = 0;
	return wish_code(tx_wish_pictures(&count, tx, &w), c->chapter, err);
}

static int do_analyze(struct store_tx *tx, const struct order *o, const struct ctl_command *c,
		      struct err *err)
{
	if (c->chapter)
		return analyze_one(tx, o, c, c->chapter, err);
	int rc = analyze_all(tx, o, c, err);
	return rc < 0 || !o->jobs->settings.images ? rc : pictures(tx, o, c, err);
}

/* A chapter that is not analysed yet has nothing to draw: the analysis comes first and brings its
 * pictures with it. */
static int do_illustrate(struct store_tx *tx, const struct order *o, const struct ctl_command *c,
			 struct err *err)
{
	struct ctl_command first = *c;
	first.again = false;
	int rc = c->chapter ? analyze_one(tx, o, &first, c->chapter, err)
			    : analyze_all(tx, o, &first, err);
	return rc < 0 ? rc : pictures(tx, o, c, err);
}

static int do_retry(struct store_tx *tx, const struct order *o, const struct ctl_command *c,
		    struct err *err)
{
	int count = 0;
	return tx_retry_failed(&count, tx, c->chapter);
}

static int do_pause(struct store_tx *tx, const struct order *o, const struct ctl_command *c,
		    struct err *err)
{
	return tx_pause(tx, c->verb == CTL_PAUSE);
}

/* The numbers themselves are raised on the loop, once this is stored. */
static int do_raise(struct store_tx *tx, const struct order *o, const struct ctl_command *c,
		    struct err *err)
{
	int rc = tx_event(tx, &(struct store_event){.type = EVENT_BUDGET_RAISED});
	for (int kind = JOB_ANALYZE; rc == 0 && kind <= JOB_ILLUSTRATE; kind++)
		rc = tx_rest(tx, (enum job_kind)kind, NULL);
	return rc;
}

/* ---- what a person decides */

static int approve_one(struct store_tx *tx, const struct order *o, int chapter, int scene,
		       struct err *err)
{
	const struct wish w = {
		.chapter = chapter,
		.profile = o->jobs->lines[JOB_ILLUSTRATE].profile,
	};
	int count = 0, rc = tx_approve(&count, tx, &w, scene);
	if (rc == -ENOENT && scene)
		return err_set(err, rc, "chapter %d has no scene %d", chapter, scene);
	if (rc == -ENOENT)
		return err_set(err, rc, "chapter %d has no scenes to be approved yet", chapter);
	return wish_code(rc, chapter, err);
}

static int do_approve(struct store_tx *tx, const struct order *o, const struct ctl_command *c,
		      struct err *err)
{
	if (c->chapter)
		return approve_one(tx, o, c->chapter, c->scene, err);
	for (int chapter = 1; chapter <= o->chapters; chapter++) {
		int rc = approve_one(tx, o, chapter, 0, err);
		if (rc < 0 && rc != -ENODATA && rc != -ENOENT)
			return rc;
	}
	*err = (struct err){0};
	return 0;
}

static int do_regenerate(struct store_tx *tx, const struct order *o, const struct ctl_command *c,
			 struct err *err)
{
	const struct wish w = {
		.chapter = c->chapter,
		.profile = o->jobs->lines[JOB_ILLUSTRATE].profile,
		.on_demand = true,
	};
	int rc = tx_regenerate(tx, &w, c->scene);
	return rc == -ENOENT ? err_set(err, rc, "chapter %d has no scene %d", c->chapter, c->scene)
			     : wish_code(rc, c->chapter, err);
}

static int do_errand(struct store_tx *tx, const struct order *o, enum errand errand,
		     const char *subject, bool again)
{
	const struct errand_wish w = {
		.errand = errand,
		.subject = subject,
		.profile = o->jobs->lines[JOB_ANALYZE].profile,
		.on_demand = true,
		.again = again,
	};
	return tx_wish_errand(NULL, tx, &w);
}

static int do_style(struct store_tx *tx, const struct order *o, const struct ctl_command *c,
		    struct err *err)
{
	if (!strcmp(c->name, "propose") && !o->style.len)
		return do_errand(tx, o, c->by_pictures ? ERRAND_STYLE_PICTURES : ERRAND_STYLE,
				 o->style_now, true);
	const struct style_preset *preset = style_preset_named(c->name);
	const char *own = strcmp(c->name, "none") ? buf_str(&o->style) : NULL;
	int rc = tx_set_style(tx, preset ? preset->body : own);
	return rc < 0 ? err_set(err, rc, "the style: %s", strerror(-rc)) : 0;
}

static int do_split(struct store_tx *tx, const struct order *o, const struct ctl_command *c,
		    struct err *err)
{
	CLEANUP(corrections_finish) struct corrections list = {0};
	char subject[2 * NAME_BYTES];
	struct correction *split = corrections_add(&list, CORRECTION_SPLIT, c->type, c->name);
	split->to = xstrdup(c->alias);
	snprintf(subject, sizeof(subject), "elements/%s/%s.md", element_type_folder(c->type),
		 c->name);
	int rc = tx_correct(tx, subject, &list);
	return rc < 0 ? err_set(err, rc, "%s: %s", subject, strerror(-rc)) : 0;
}

static int do_portrait(struct store_tx *tx, const struct order *o, const struct ctl_command *c,
		       struct err *err)
{
	return tx_wish_portrait(tx, c->any_type ? NULL : &c->type, c->name,
				o->jobs->lines[JOB_ILLUSTRATE].profile, err);
}

static int do_resolve(struct store_tx *tx, const struct order *o, const struct ctl_command *c,
		      struct err *err)
{
	return do_errand(tx, o, ERRAND_DOUBTS, o->cast, false);
}

static int order_work(struct store_tx *tx, void *arg, struct err *err)
{
	static int (*const deeds[])(struct store_tx *, const struct order *,
				    const struct ctl_command *, struct err *) = {
		[CTL_ANALYZE] = do_analyze,   [CTL_ILLUSTRATE] = do_illustrate,
		[CTL_RETRY] = do_retry,	      [CTL_PAUSE] = do_pause,
		[CTL_RESUME] = do_pause,      [CTL_BUDGET] = do_raise,
		[CTL_APPROVE] = do_approve,   [CTL_REGENERATE] = do_regenerate,
		[CTL_STYLE] = do_style,	      [CTL_SPLIT] = do_split,
		[CTL_PORTRAIT] = do_portrait, [CTL_RESOLVE] = do_resolve,
	};
	const struct order *o = arg;
	for (size_t i = 0; i < o->count; i++) {
		int rc = deeds[o->commands[i].verb](tx, o, &o->commands[i], err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* What is this process's alone, once the rest is stored. */
static void order_follow(struct jobs *j, const struct ctl_command *c)
{
	if (c->verb == CTL_BUDGET)
		jobs_raise(j, &c->raise);
	for (size_t i = 0; c->verb == CTL_RETRY && i < ARRAY_LEN(j->lines); i++)
		j->lines[i].retries = RETRIES_MOST;
}

static void order_done(void *arg, int result, const struct err *err)
{
	struct order *o = arg;
	struct jobs *j = o->jobs;
	for (size_t i = 0; result == 0 && !atomic_load(&j->closed) && i < o->count; i++)
		order_follow(j, &o->commands[i]);
	if (o->done)
		o->done(o->arg, result, err);
	order_free(o);
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

static void order_one(struct jobs *j, struct ctl_command c, store_done_fn done, void *arg)
{
	struct order *o = order_new(j, 1, done, arg);
	o->commands[o->count++] = c;
	order_send(o);
}

void jobs_wish_analysis(struct jobs *j, int chapter, bool on_demand, bool again, store_done_fn done,
			void *arg)
{
	order_one(j,
		  (struct ctl_command){.verb = CTL_ANALYZE,
				       .chapter = chapter,
				       .on_demand = on_demand,
				       .again = again},
		  done, arg);
}

void jobs_wish_all(struct jobs *j, store_done_fn done, void *arg)
{
	order_one(j, (struct ctl_command){.verb = CTL_ANALYZE}, done, arg);
}

void jobs_wish_pictures(struct jobs *j, int chapter, int most, store_done_fn done, void *arg)
{
	const struct ctl_command c = {.verb = CTL_ILLUSTRATE,
				      .chapter = chapter,
				      .on_demand = chapter != 0,
				      .most = most};
	order_one(j, c, done, arg);
}

/* "budget +50" alone means requests, or pictures where only those have an end. */
static int may_raise(struct order *o, struct err *err)
{
	const struct budget *most = &o->jobs->purse.most;
	for (size_t i = 0; i < o->count; i++) {
		struct budget *by = &o->commands[i].raise;
		if (o->commands[i].any_part && most->requests < 0 && most->images >= 0)
			*by = (struct budget){.images = by->requests};
		int rc = purse_may_raise(&o->jobs->purse, by, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* A chapter by the name that persons know it by. Nothing is made of one that has no number. */
static int find_chapter(const struct book *book, const struct ctl_command *c, struct err *err)
{
	char number[BOOK_CHAPTER_NAME_BYTES];
	const char *name = c->matter[0] ? c->matter : number;
	int found;
	snprintf(number, sizeof(number), "%d", c->chapter);
	if (!c->matter[0] && !c->chapter)
		return 0;
	if (book_chapter_named(&found, book, name) < 0)
		return err_set(err, -ENOENT, "the book has no chapter %s", name);
	return c->matter[0] ? err_set(err, -ENODATA, "%s: nothing is made of front and back matter",
				      name)
			    : 0;
}

static int find_chapters(const struct order *o, struct err *err)
{
	struct book *book;
	int rc = jobs_book(&book, o->jobs);
	if (rc < 0)
		return err_set(err, rc, "the store: %s",
			       store_reason(store_reader(o->jobs->store), rc));
	for (size_t i = 0; rc == 0 && i < o->count; i++)
		rc = find_chapter(book, &o->commands[i], err);
	return rc;
}

/* A style like what the first chapters have. */
static int propose_style(struct order *o, struct err *err)
{
	enum { CHAPTERS = 3 };
	struct store_analysis first[CHAPTERS];
	const struct analysis *analyses[CHAPTERS];
	struct store_reader *r = store_reader(o->jobs->store);
	struct book *book;
	int count = 0, rc = jobs_book(&book, o->jobs);
	for (int i = 1; rc == 0 && count < CHAPTERS && i <= (int)book->chapter_count; i++) {
		rc = store_analysis(&first[count], r, i, true);
		if (rc == 0) {
			analyses[count] = first[count].analysis;
			count++;
		}
		rc = rc == -ENOENT ? 0 : rc;
	}
	if (rc == 0)
		rc = count ? style_propose(&o->style, analyses, (size_t)count)
			   : err_set(err, -ENOENT,
				     "no chapter is analysed yet: there is nothing to propose a "
				     "style from");
	while (count)
		store_analysis_finish(&first[--count]);
	return rc;
}

/* By the server of texts if there is one, else by our own rules. */
static int may_propose_one(struct order *o, const struct ctl_command *c, struct err *err)
{
	CLEANUP(buf_finish) struct buf now = {0};
	struct store_reader *r = store_reader(o->jobs->store);
	int64_t id = 0;
	struct store_totals t;
	int rc = store_totals(&t, r);
	if (rc == 0)
		rc = store_style(&now, &id, r);
	if (rc < 0)
		return err_set(err, rc, "the store: %s", store_reason(r, rc));
	if (c->by_pictures && !settle_asks(o->jobs))
		return err_set(
			err, -EINVAL,
			"a style is proposed from pictures by a server that sees, and none "
			"is set: provider=... model=...; \"style propose\" goes by the text");
	if (c->by_pictures && !t.images[STATE_COMPLETED])
		return err_set(err, -ENODATA,
			       "no picture is drawn yet: there is nothing to propose a style from");
	snprintf(o->style_now, sizeof(o->style_now), "%lld", (long long)id);
	if (settle_asks(o->jobs) && t.chapters[STATE_COMPLETED])
		return 0;
	return o->style.len ? 0 : propose_style(o, err);
}

static int may_propose(struct order *o, struct err *err)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < o->count; i++)
		if (o->commands[i].verb == CTL_STYLE && !strcmp(o->commands[i].name, "propose"))
			rc = may_propose_one(o, &o->commands[i], err);
	return rc;
}

static int may_resolve(struct order *o, struct err *err)
{
	bool whole;
	for (size_t i = 0; i < o->count; i++) {
		if (o->commands[i].verb != CTL_RESOLVE)
			continue;
		if (!settle_asks(o->jobs))
			return err_set(err, -EINVAL,
				       "doubts of the cast are asked of a server, and none is set: "
				       "provider=... model=...");
		int rc = store_cast_key(o->cast, &whole, store_reader(o->jobs->store));
		if (rc < 0)
			return err_set(err, rc, "the store: %s", strerror(-rc));
	}
	return 0;
}

/* A name that nobody has is a slip of the pen, and nothing would come of it. */
static int may_split_one(struct order *o, const struct ctl_command *c, struct err *err)
{
	CLEANUP(store_cast_free_cleanup) struct store_cast *kept = store_cast_new();
	const struct catalogue *cast = NULL;
	int rc = store_cast_catalogue(&cast, kept, store_reader(o->jobs->store));
	if (rc < 0)
		return err_set(err, rc, "the store: %s", strerror(-rc));
	if (catalogue_find(cast, c->type, c->name) == NO_ENTRY)
		return err_set(err, -ENODATA,
			       "nobody and nothing in elements/%s/ is called \"%.80s\"",
			       element_type_folder(c->type), c->name);
	return 0;
}

static int may_split(struct order *o, struct err *err)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < o->count; i++)
		if (o->commands[i].verb == CTL_SPLIT)
			rc = may_split_one(o, &o->commands[i], err);
	return rc;
}

void jobs_command(struct jobs *j, const char *line, size_t len, store_done_fn done, void *arg)
{
	struct err err = {0};
	struct order *o = order_new(j, CTL_COMMANDS_MAX, done, arg);
	if (ctl_parse(o->commands, &o->count, line, len, &err) == 0 &&
	    find_chapters(o, &err) == 0 && may_raise(o, &err) == 0 && may_propose(o, &err) == 0 &&
	    may_resolve(o, &err) == 0 && may_split(o, &err) == 0) {
		order_send(o);
		return;
	}
	if (done)
		done(arg, err.code, &err);
	order_free(o);
}
