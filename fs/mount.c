/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "fs.h"

/* ---- no surprise bills */

static void limit_spending(struct options *o)
{
	o->budget.requests = options_mount_requests(o);
	o->illustrate = options_mount_illustrate(o);
	o->fresh = options_mount_fresh(o);
	o->only_asked = options_mount_only_asked(o);
}

static void add_limits(struct buf *line, const struct options *o)
{
	if (o->budget.requests >= 0)
		buf_addf(line, "this mount stops after %lld requests (max_requests=)",
			 (long long)o->budget.requests);
	else
		buf_adds(line, "this mount has no max_requests=");
	if (o->images == IMAGES_APPROVE)
		buf_adds(line, ", pictures of what is approved (touch chapters/9/approved)");
	else if (o->images == IMAGES_AUTO && o->illustrate == ILLUSTRATE_ASK)
		buf_adds(line, ", pictures on request (echo illustrate 9 > .bookfs/ctl)");
}

/* One line, before anything is asked. */
static void say_spending(const struct engine *e, const struct options *o)
{
	const struct estimate_scope whole = {.images = o->images == IMAGES_AUTO};
	CLEANUP(buf_finish) struct buf line = {0};
	struct estimate left;
	struct err err;

	if (!server_costs(&o->text_server) && !server_costs(&o->image_server))
		return;
	if (jobs_estimate(&left, e->jobs, &whole, &err) < 0)
		return; /* what is wrong with the store, its readers are told */
	buf_addf(&line, "%s %s: ", e->provider->ops->name, e->provider->model);
	if (left.text.requests + left.image.requests) {
		buf_adds(&line,
			 left.chapters ? "the whole book would take " : "what is left would take ");
		words_of_estimate(&line, &left);
		buf_adds(&line, "; ");
	} else {
		buf_adds(&line, "all is done; ");
	}
	add_limits(&line, o);
	fprintf(stderr, "bookfs: %s\n", buf_str(&line));
}

/* ---- the course */

/* A folder that is mounted over itself stays reachable by a descriptor of it: what is opened by
 * that goes past the mount. Others of this user reach it the same way, by our process's number. */
static int reach_book(struct options *o, struct err *err)
{
	int fd;

	if (strcmp(o->dir, o->book))
		return 0;
	fd = open(o->book, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "%s: %s", o->book, strerror(errno));
	o->reach = xasprintf("/proc/self/fd/%d", fd);
	return 0;
}

/* In the order that fuse.md gives: the helper before threads and SQLite, the import before the
 * mount. */
static int start(struct engine **engine, struct fs *fs, bool *made, struct options *o, int verdict,
		 struct err *err)
{
	struct helper_process helper;
	char *dir;
	int r = mountpoint_prepare(&dir, made, o->dir, o->book, err);

	if (r < 0)
		return r;
	free(o->dir);
	o->dir = dir;
	r = reach_book(o, err);
	if (r == 0)
		r = session_check(o, err);
	if (r == 0)
		r = helper_fork(&helper, err);
	pass_make_room();
	if (r == 0)
		r = engine_open(engine, o, ENGINE_WORK, err);
	if (r == 0 && !start_is_awaited(verdict))
		r = err_set(err, -ECANCELED, "interrupted while it started");
	if (r < 0)
		return r;
	assert(*engine);
	fresh_show_former(*engine, o);
	say_spending(*engine, o);
	beside_say(stderr, "bookfs: ", o->book, store_reader((*engine)->store));
	return session_start(fs, *engine, helper, err);
}

static int serve(struct options *o, int verdict)
{
	struct engine *engine = NULL;
	struct err err = {0};
	bool made = false;
	struct fs fs;
	int r, began;

	signals_block();
	log_open(o->foreground ? LOG_TO_STDERR : LOG_TO_SYSLOG, LOG_LEVEL_INFO);
	fs_init(&fs, o);
	r = began = start(&engine, &fs, &made, o, verdict, &err);
	if (r == 0) {
		start_tell(verdict, r, &err);
		r = session_run(&fs);
	}
	session_close(&fs);
	engine_close(engine);
	if (began < 0) {
		if (made)
			rmdir(o->dir);
		start_tell(verdict, began, &err);
	}
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

static int mount_words(struct options *o, const struct command *c, const struct strv *words)
{
	struct err err = {0};

	if (words->len == 0)
		return say_usage(c, "name a book and a directory: bookfs BOOK DIR");
	if (words->len == 1)
		return say_usage(c, "name the directory too: bookfs %s DIR", words->items[0]);
	if (words->len > 2)
		return say_usage(c, "one word too many: %s", words->items[2]);
	mountpoint_clear_dead(words->items[0]);
	if (options_book(o, words->items[0], &err) < 0)
		return say_failed(&err);
	o->dir = xstrdup(words->items[1]);
	return 0;
}

static int parse_mount(struct options *o, const struct command *c, int argc, char **argv)
{
	CLEANUP(strv_finish) struct strv words = {0};
	const struct flag flags[] = {
		{"--foreground", "-f", .on = &o->foreground},
		{"--options", "-o", .take = options_parse, .options = o},
		{"--store", .take = options_store, .options = o},
	};
	struct err err = {0};
	int r = flags_parse(&words, c, flags, ARRAY_LEN(flags), argc, argv);

	if (r == 0 && options_complete(o, &err) < 0)
		return say_usage(c, "%s", err.msg);
	return r == 0 ? mount_words(o, c, &words) : r;
}

static int run_mount(const struct command *c, int argc, char **argv)
{
	CLEANUP(options_finish) struct options o;
	struct err err = {0};
	int verdict, status, r;

	options_init(&o);
	r = parse_mount(&o, c, argc, argv);
	if (r)
		return r < 0 ? EXIT_DONE : r;
	limit_spending(&o);
	r = start_fork(&verdict, &status, o.foreground, &err);
	if (r < 0)
		return say_failed(&err);
	if (r == 1)
		return status;
	return serve(&o, verdict);
}

const struct command command_mount = {
	.name = "mount",
	.usage = "bookfs [mount] [-f] [--store PATH] [-o OPTION,...] BOOK DIR",
	.summary = "BOOK DIR: make the book a directory",
	.help = "Mounts BOOK (EPUB, text, Markdown, HTML) at DIR, which is made if it is missing.\n"
		"The command returns when the mount answers.\n"
		"\n"
		"    -f                    stay in front, log to stderr\n"
		"    --store PATH          keep results in PATH instead of beside the book\n"
		"    -o trigger=read       reading an analysis makes it (never: it does not)\n"
		"    -o no_trigger=A:B     programs whose reading makes none (instead of the "
		"known\n"
		"                          indexers and thumbnailers)\n"
		"    -o wait=SECONDS       how long a reader waits (60)\n"
		"    -o grace=SECONDS      how long requests in flight are waited for at the end "
		"(70)\n"
		"    -o depth=N            contents entries of this depth are chapters (0: a "
		"rule)\n"
		"    -o pages_per_image=N  scenes asked of a chapter (10)\n"
		"    -o images=auto        draw what an analysis found (approve: what a person\n"
		"                          approved, off: nothing)\n"
		"    -o allow_other        other users may read\n"
		"    -o provider=NAME      who reads (builtin: nothing leaves this machine);\n"
		"                          image_provider=NAME who paints; `bookfs providers` "
		"lists\n"
		"                          them and what each needs\n"
		"    -o model=NAME         the model that reads; image_model=NAME the one that "
		"paints\n"
		"    -o base_url=URL       the server's address; image_base_url=URL of the one "
		"that\n"
		"                          paints\n"
		"\n"
		"`bookfs config` shows all options and settings and where each is from, `bookfs "
		"probe`\n"
		"tries a server. bookfs(1) says more of each.\n",
	.run = run_mount,
};
