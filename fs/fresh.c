/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "fs.h"

/*
 * A book that is a folder changes while it is mounted, through the mount and behind it. inotify
 * tells that something did, and nothing else: what it is now, a look at the folder finds out, in
 * the pool: the hash of its texts, and if that is another than the imported one, the texts, which
 * are then imported as at the start of a mount. No analysis is asked for by that.
 *
 * A look is due when the folder has been quiet for a moment, or when a chapter's text or analysis
 * is opened: what was changed before the open is read before it is answered. So a chapter that was
 * changed answers with an analysis of its new text, or waits for it; and half a sentence that
 * nobody reads costs nothing. With fresh=stale and both it answers at once with what was made of
 * the text before, and says so (store_show_former); with both it is then asked for anew, once
 * nobody has written at it for a while, so that who reads again and again while somebody writes
 * pays for one analysis.
 *
 * Watches (watcher.c) are set before the hash is taken, so what changes meanwhile is in the hash or
 * is told. Folders that come or go are not tracked: the next look sets all watches anew. Where
 * there are more folders than can be watched, each open looks.
 */

enum { QUIET_MS = 300, LATEST_MS = 3000, ASK_QUIET_MS = 2000, READER_WAIT_MS = 5000 };
enum { RENEW_QUIET_MS = 10000 };
enum { FOLDERS_MOST = 10000 };

/* An open that waits for a look. */
struct opener {
	struct link link; /* of the waiting or the interrupted */
	struct fresh *fresh;
	fuse_req_t req;
	uint64_t node;
	struct fuse_file_info fi;
	uint64_t look; /* its number */
	int64_t until_boot_ms;
};

/* One course: the pool looks, the writer stores. */
struct fresh_look {
	struct fresh *fresh;
	char known[HASH_HEX], hash[HASH_HEX];
	int64_t inode;
	bool watches; /* are to be set anew */
	int *numbers; /* of them */
	size_t number_cap;
	struct strv paths;
	int folders;
	bool unwatched; /* not all of them are */
	struct engine_book book;
	struct book *read;
	struct err err;
};

struct fresh {
	struct fs *fs;
	int folder; /* opened before the mount, which may hide it */
	struct timer *quiet, *readers, *ask, *renew;
	struct fresh_look *look; /* runs; or NULL */
	uint64_t begun, ended;	 /* looks */
	bool changed;		 /* since the last look began */
	bool heard;		 /* since it was thought of when to look */
	bool folders_changed;	 /* and what is to be watched, too */
	bool blind;		 /* there are no watches for all of it */
	int64_t changed_boot_ms; /* the first of these changes */
	struct link waiting, interrupted;
	int *former; /* chapters of which an earlier text's analysis was read, to be asked for */
	size_t former_count, former_cap;
	struct strv warned; /* what the last import had to leave out */
	char *failed;	    /* why the last look failed, which was said; or NULL */
};

/* ---- what inotify tells */

/* Whatever was written, of the book or not: who holds it wants to know. */
static void tell_pass(struct fresh *f, const char *folder, const char *name, uint32_t mask)
{
	CLEANUP(cleanup_free) char *path = NULL;

	if (!folder || !*name || !(mask & WATCHED_NAMES))
		return;
	path = xasprintf("%s%s%s", folder, *folder ? "/" : "", name);
	pass_told(f->fs->pass, path, mask);
}

void fresh_told(struct fresh *f, const char *folder, const char *name, uint32_t mask)
{
	bool is_folder = mask & IN_ISDIR, lost = mask & IN_Q_OVERFLOW;

	if (!f)
		return;
	tell_pass(f, folder, name, mask);
	if (!lost && !(mask & WATCHED_NAMES && *name && book_folder_counts(name, is_folder)))
		return;
	if (!f->changed)
		f->changed_boot_ms = clock_boot_ms();
	f->changed = f->heard = true;
	if (is_folder || lost)
		f->folders_changed = true;
}

/* While somebody writes on, it is read now and then all the same. */
static void look_later(struct fresh *f)
{
	int64_t now = clock_boot_ms(), latest = f->changed_boot_ms + LATEST_MS;

	if (f->changed && !f->look && !f->fs->ending)
		timer_set(f->quiet, latest < now + QUIET_MS ? latest : now + QUIET_MS);
}

void fresh_told_all(struct fresh *f)
{
	if (f && f->heard)
		look_later(f);
	if (f)
		f->heard = false;
}

/* ---- in the pool */

static void watch_folder(void *arg, int folder, const char *path)
{
	struct fresh_look *l = arg;
	int number = l->folders++ < FOLDERS_MOST ? watcher_add(l->fresh->fs->watcher, folder) : -1;

	if (number < 0) {
		l->unwatched = true;
		return;
	}
	l->numbers = xgrow(l->numbers, &l->number_cap, l->paths.len + 1, sizeof(int));
	l->numbers[l->paths.len] = number;
	strv_add(&l->paths, path);
}

static void look(void *arg)
{
	struct fresh_look *l = arg;
	const struct options *o = l->book.options;
	const struct book_options how = engine_reads(o);
	struct stat st;
	int r;

	if (l->watches && book_folder_walk(l->fresh->folder, watch_folder, l) < 0)
		l->unwatched = true;
	r = fstat(l->fresh->folder, &st) < 0 ? -errno : book_folder_hash(l->hash, l->fresh->folder);
	if (r < 0)
		err_set(&l->err, r, "%s: %s", o->book, strerror(-r));
	else if (strcmp(l->hash, l->known) != 0)
		book_folder_read(&l->read, l->fresh->folder, o->book, &how, &l->err);
	l->inode = (int64_t)st.st_ino;
}

/* ---- a look's course */

static void begin(struct fresh *f);
static void resume(struct opener *o);

/* What fails again and again is said once. */
static void say_failed_once(struct fresh *f, const struct err *err)
{
	if (err->code < 0 && (!f->failed || strcmp(f->failed, err->msg) != 0))
		log_warn("the folder is not read again, what was read before stays: %s", err->msg);
	free(f->failed);
	f->failed = err->code < 0 ? xstrdup(err->msg) : NULL;
}

static void say_warnings_once(struct fresh *f, const struct book *b)
{
	struct strv now = {0};

	for (size_t i = 0; i < b->warnings.len; i++) {
		if (!strv_has(&f->warned, b->warnings.items[i]))
			log_warn("%s", b->warnings.items[i]);
		strv_add(&now, b->warnings.items[i]);
	}
	strv_finish(&f->warned);
	f->warned = now;
}

static void answer_ready(struct fresh *f)
{
	for (struct link *l = f->waiting.next, *next; l != &f->waiting; l = next) {
		struct opener *o = LINK_OWNER(l, struct opener, link);

		next = l->next;
		if (o->look <= f->ended)
			resume(o);
	}
}

static void finish(struct fresh_look *l, const struct err *err)
{
	struct fresh *f = l->fresh;

	say_failed_once(f, err);
	if (l->read && err->code == 0) {
		say_warnings_once(f, l->read);
		timer_set(f->ask, clock_boot_ms() + ASK_QUIET_MS);
	}
	f->look = NULL;
	f->ended = f->begun;
	book_free(l->read);
	strv_finish(&l->paths);
	free(l->numbers);
	free(l);
	answer_ready(f);
	if (!ring_empty(&f->waiting))
		begin(f);
	else
		look_later(f);
	fs_done(f->fs);
}

static void imported(void *arg, int result, const struct err *err)
{
	struct fresh_look *l = LINK_OWNER(arg, struct fresh_look, book);

	finish(l, result < 0 && err ? err : &l->err);
}

static void looked(void *arg)
{
	struct fresh_look *l = arg;
	struct fresh *f = l->fresh;

	if (l->watches)
		watcher_walked(f->fs->watcher, l->numbers, &l->paths);
	if (l->unwatched && !f->blind) {
		f->blind = true;
		log_warn(
			"not all folders of %s can be watched (fs.inotify.max_user_watches): it is "
			"looked through whenever an analysis is opened",
			f->fs->options->book);
	}
	if (!l->read || f->fs->ending) {
		finish(l, &l->err);
		return;
	}
	l->book.book = l->read;
	store_folder_seen(f->fs->engine->store, l->inode, l->hash);
	store_write(f->fs->engine->store, engine_import, imported, &l->book);
}

static void begin(struct fresh *f)
{
	struct fresh_look *l;

	if (f->look || f->fs->ending)
		return;
	l = xcalloc(1, sizeof(*l));
	*l = (struct fresh_look){.fresh = f,
				 .watches = f->folders_changed && !f->blind,
				 .book.options = f->fs->options};
	store_imported_hash(l->known, store_reader(f->fs->engine->store));
	if (l->watches)
		watcher_walk(f->fs->watcher);
	f->look = l;
	f->begun++;
	f->changed = f->folders_changed = false;
	timer_stop(f->quiet);
	f->fs->pending++;
	loop_work(f->fs->loop, look, looked, l);
}

static void on_quiet(void *arg)
{
	begin(arg);
}

/* Who waits for the analysis of a text that is gone gets that of the one that took its place, when
 * nobody writes at it any more. */
static void on_ask(void *arg)
{
	struct fresh *f = arg;

	if (!f->fs->ending)
		parked_ask_again(f->fs->parked);
}

/* ---- old results that were read */

/* When it may be asked for; 0: not at all, any more. */
static int64_t renewal_boot_ms(struct fresh *f, int chapter)
{
	int64_t since, now = clock_boot_ms();
	struct err err = {0};

	if (!view_is_former(&since, f->fs->views, chapter) ||
	    jobs_rests(f->fs->engine->jobs, JOB_ANALYZE, &err) < 0)
		return 0;
	return now + since + RENEW_QUIET_MS - clock_unix_ms();
}

/* What was changed since the last look makes its text another: that is waited for. */
static void on_renew(void *arg)
{
	struct fresh *f = arg;
	size_t kept = 0;
	int64_t now = clock_boot_ms(), next = INT64_MAX;

	watcher_drain(f->fs->watcher);
	if (f->fs->ending)
		return;
	for (size_t i = 0; i < f->former_count; i++) {
		int chapter = f->former[i];
		int64_t at = renewal_boot_ms(f, chapter);

		if (at && at <= now && (f->changed || f->look))
			at = now + QUIET_MS;
		if (at && at <= now)
			parked_wish(f->fs->parked, chapter);
		if (at <= now)
			continue;
		f->former[kept++] = chapter;
		next = at < next ? at : next;
	}
	f->former_count = kept;
	if (kept)
		timer_set(f->renew, next);
}

static bool is_noted(const struct fresh *f, int chapter)
{
	for (size_t i = 0; i < f->former_count; i++)
		if (f->former[i] == chapter)
			return true;
	return false;
}

/* Somebody reads what a chapter has. */
static void note_reader(struct fresh *f, fuse_req_t req, int chapter)
{
	const struct options *o = f->fs->options;
	struct caller caller;

	if (o->fresh != FRESH_BOTH || f->fs->engine->read_only || is_noted(f, chapter) ||
	    !renewal_boot_ms(f, chapter))
		return;
	caller_find(&caller, fuse_req_ctx(req));
	if (caller_never_asks(&caller, o))
		return;
	f->former = xgrow(f->former, &f->former_cap, f->former_count + 1, sizeof(f->former[0]));
	f->former[f->former_count++] = chapter;
	on_renew(f);
}

/* ---- opens */

/* Was the node made of another text than the chapter has, or took something its place? Then the
 * open waits for the analysis as that of one that is not made does, and finds it by the name. */
static bool open_superseded(struct fs *fs, fuse_req_t req, uint64_t node,
			    const struct view_attr *trigger, struct fuse_file_info *fi)
{
	struct view_attr now;

	if (view_is_latest(fs->views, node) ||
	    (view_attr(&now, fs->views, node) == 0 && now.of_analysis)) {
		note_reader(fs->fresh, req, trigger->chapter);
		return false;
	}
	ahead_opened(req, trigger->chapter);
	parked_open(req, trigger, fi);
	return true;
}

/* The kernel is told of a new text beside the loop, and may ask for the node of the old one after
 * it was seen that there is a new one: it looks the name up again. */
static bool open_past(struct fs *fs, fuse_req_t req, uint64_t node)
{
	struct view_attr now;

	if (view_attr_now(&now, fs->views, node) < 0 || !now.chapter || now.costly ||
	    now.node == node || node_entry_timeout(&now) <= 0 || view_is_latest(fs->views, node))
		return false;
	fuse_reply_err(req, ESTALE);
	return true;
}

/* What it is of is known. true: it is answered, or will be. */
static bool open_known(struct fs *fs, fuse_req_t req, uint64_t node, struct fuse_file_info *fi)
{
	struct view_attr trigger;

	return view_trigger_of(&trigger, node) ? open_superseded(fs, req, node, &trigger, fi)
					       : open_past(fs, req, node);
}

static void resume(struct opener *o)
{
	struct fs *fs = o->fresh->fs;
	struct opener was = *o;

	ring_remove(&o->link);
	free(o);
	fuse_req_interrupt_func(was.req, NULL, NULL);
	if (!open_known(fs, was.req, was.node, &was.fi))
		book_open(was.req, was.node, &was.fi);
}

/* The folder is on a disk that does not answer, or the machine is busy: what was read before
 * answers. */
static void on_readers(void *arg)
{
	struct fresh *f = arg;

	while (!ring_empty(&f->waiting)) {
		struct opener *first = LINK_OWNER(f->waiting.next, struct opener, link);

		if (first->until_boot_ms > clock_boot_ms()) {
			timer_set(f->readers, first->until_boot_ms);
			return;
		}
		resume(first);
	}
}

static void on_interrupt(fuse_req_t req, void *arg)
{
	struct opener *o = arg;

	ring_remove(&o->link);
	ring_add(&o->fresh->interrupted, &o->link);
}

static void hold(struct fresh *f, fuse_req_t req, uint64_t node, const struct fuse_file_info *fi,
		 uint64_t number)
{
	struct opener *o = xcalloc(1, sizeof(*o));

	*o = (struct opener){.fresh = f,
			     .req = req,
			     .node = node,
			     .fi = *fi,
			     .look = number,
			     .until_boot_ms = clock_boot_ms() + READER_WAIT_MS};
	if (ring_empty(&f->waiting))
		timer_set(f->readers, o->until_boot_ms);
	ring_add(&f->waiting, &o->link);
	fuse_req_interrupt_func(req, on_interrupt, o); /* may call it at once */
}

/* The number of the look that has what was changed until now; 0: that is known. */
static uint64_t look_needed(struct fresh *f)
{
	watcher_drain(f->fs->watcher);
	if (f->changed || f->blind || f->failed)
		return f->begun + 1;
	return f->look ? f->begun : 0;
}

bool fresh_open(fuse_req_t req, uint64_t node, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);
	struct fresh *f = fs->fresh;
	struct view_attr trigger;
	uint64_t number = 0;

	if (!f || fs->ending)
		return false;
	if (view_is_text(node) || view_trigger_of(&trigger, node))
		number = look_needed(f);
	if (!number)
		return open_known(fs, req, node, fi);
	hold(f, req, node, fi, number);
	begin(f);
	return true;
}

static void interrupted(struct link *l)
{
	struct opener *o = LINK_OWNER(l, struct opener, link);

	ring_remove(&o->link);
	fuse_reply_err(o->req, EINTR);
	free(o);
}

void fresh_interrupts(struct fresh *f)
{
	while (f && !ring_empty(&f->interrupted))
		interrupted(f->interrupted.next);
}

void fresh_end(struct fresh *f)
{
	if (!f)
		return;
	fresh_interrupts(f);
	while (!ring_empty(&f->waiting))
		interrupted(f->waiting.next);
}

/* ---- life */

void fresh_start(struct fresh *f)
{
	if (!f)
		return;
	f->folders_changed = true;
	begin(f);
}

/* What nobody may ask for is better old than not at all. */
void fresh_show_former(struct engine *e, const struct options *o)
{
	struct stat st;

	if (stat(options_reach(o), &st) == 0 && S_ISDIR(st.st_mode))
		store_show_former(e->store,
				  o->fresh != FRESH_YES || o->never_trigger || e->read_only);
}

int fresh_new(struct fresh **out, struct fs *fs, struct err *err)
{
	const char *book = options_reach(fs->options);
	struct stat st;
	struct fresh *f;

	if (fs->engine->read_only || stat(book, &st) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	f = xcalloc(1, sizeof(*f));
	*f = (struct fresh){.fs = fs};
	f->folder = open(book, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	f->quiet = timer_new(fs->loop, on_quiet, f);
	f->readers = timer_new(fs->loop, on_readers, f);
	f->ask = timer_new(fs->loop, on_ask, f);
	f->renew = timer_new(fs->loop, on_renew, f);
	ring_init(&f->waiting);
	ring_init(&f->interrupted);
	*out = f;
	return f->folder < 0 ? err_set(err, -errno, "%s: %s", book, strerror(errno)) : 0;
}

struct fresh *fresh_free(struct fresh *f)
{
	if (!f)
		return NULL;
	fresh_end(f);
	cleanup_close(&f->folder);
	timer_free(f->quiet);
	timer_free(f->readers);
	timer_free(f->ask);
	timer_free(f->renew);
	free(f->former);
	strv_finish(&f->warned);
	free(f->failed);
	free(f);
	return NULL;
}
