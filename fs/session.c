/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <linux/fuse.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>

#include "edit.h"

/*
 * A mount from its first request to its last. It ends by a signal or by umount(8), and both ways go
 * through the same steps, each begun when the one before has called back:
 *
 *   ending     nobody is parked any more; the invalidation thread is asked to end. Requests are
 *              served on, as that thread may wait for one.
 *   unmounted  the kernel asks nothing more; what the providers have in flight is waited for, as
 *              it may be paid for, until `grace` is over or somebody is in a hurry.
 *   drained    no answer of the pool or the writer is pending: the loop stops.
 */

/* ---- requests */

enum { QUIET_MS = 2000, LAST_REQUESTS = 64 };

/* What was made to answer, and the holes it leaves in the heap, nobody needs while nothing goes on:
 * after QUIET_MS without a request or a change it is given back. */
static void tidy_later(struct fs *fs)
{
	fs->busy = true;
	if (fs->tidy_set)
		return;
	fs->tidy_set = true;
	timer_set(fs->tidy, clock_boot_ms() + QUIET_MS);
}

static void tidy(void *arg)
{
	struct fs *fs = arg;
	bool quiet = !fs->busy;

	fs->busy = fs->tidy_set = false;
	if (quiet) {
		views_idle(fs->views);
		store_idle(fs->engine->store);
		malloc_trim(0);
	} else {
		fs->tidy_set = true;
		timer_set(fs->tidy, clock_boot_ms() + QUIET_MS);
	}
}

static pid_t client_of(const struct fuse_buf *request)
{
	const struct fuse_in_header *head = request->mem;

	return request->flags & FUSE_BUF_IS_FD || !head ? 0 : (pid_t)head->pid;
}

static bool serve_one(struct fs *fs)
{
	if (fuse_session_receive_buf(fs->session, &fs->buf) <= 0)
		return false;
	if (!pass_holds_up(fs->pass, &fs->buf))
		again_serve(fs->again, &fs->buf);
	parked_interrupts(fs->parked);
	fresh_interrupts(fs->fresh);
	stream_interrupts(fs->streams);
	lockfs_interrupts(fs->locks);
	file_locks_interrupts(fs->file_locks);
	loop_client(fs->loop, client_of(&fs->buf));
	tidy_later(fs);
	return true;
}

/* Those that the kernel had before it is asked to forget us: its last closes among them. */
static void serve_last(struct fs *fs)
{
	for (int n = 0; n < LAST_REQUESTS && serve_one(fs); n++)
		;
}

/* ---- the end */

static void check_end(struct fs *fs)
{
	if (fs->unmounted && (fs->drained || fs->hurry) && fs->pending == 0)
		loop_stop(fs->loop);
}

void fs_done(struct fs *fs)
{
	fs->pending--;
	check_end(fs);
}

static void on_drained(void *arg)
{
	struct fs *fs = arg;

	fs->drained = true;
	check_end(fs);
}

static void hurry(void *arg)
{
	struct fs *fs = arg;

	fs->hurry = true;
	check_end(fs);
}

static void on_notify_ended(void *arg)
{
	struct fs *fs = arg;
	int in_flight = jobs_in_flight(fs->engine->jobs);

	loop_poller_stop(fs->loop);
	serve_last(fs);
	fuse_session_unmount(fs->session);
	fs->unmounted = true;
	if (in_flight > 0)
		log_warn("%d requests are in flight: they are waited for and stored, %d s at most; "
			 "Ctrl-C leaves at once",
			 in_flight, fs->options->grace_s);
	timer_set(fs->grace, clock_boot_ms() + fs->options->grace_s * 1000LL);
	jobs_drain(fs->engine->jobs, on_drained, fs);
}

struct event_note {
	enum store_event_type type;
	char *dir;
};

static int write_event(struct store_tx *tx, void *arg, struct err *err)
{
	const struct event_note *n = arg;
	const struct store_event e = {.type = n->type, .detail = n->dir};

	return tx_event(tx, &e);
}

static void event_written(void *arg, int result, const struct err *err)
{
	struct event_note *n = arg;

	free(n->dir);
	free(n);
}

static void note_event(struct fs *fs, enum store_event_type type)
{
	struct event_note *n;

	if (fs->engine->read_only)
		return;
	n = xcalloc(1, sizeof(*n));
	*n = (struct event_note){.type = type, .dir = xstrdup(fs->options->dir)};
	store_write(fs->engine->store, write_event, event_written, n);
}

static void end(struct fs *fs)
{
	if (fs->ending)
		return;
	fs->ending = true;
	parked_end(fs->parked);
	fresh_end(fs->fresh);
	held_end(fs->held);
	stream_end(fs->streams);
	again_end(fs->again);
	lockfs_end(fs->locks);
	file_locks_end(fs->file_locks);
	pass_end(fs->pass);
	note_event(fs, EVENT_UNMOUNTED);
	notify_end(fs->notify, on_notify_ended, fs);
}

static void on_signal(void *arg, uint32_t revents)
{
	struct fs *fs = arg;
	struct signalfd_siginfo info;
	bool again = fs->ending;

	if (read(fs->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	end(fs);
	if (again)
		hurry(fs);
}

static bool serve(void *arg)
{
	struct fs *fs = arg;
	bool any = serve_one(fs);

	if (fuse_session_exited(fs->session)) {
		loop_poller_stop(fs->loop);
		end(fs);
	}
	return any;
}

/* ---- change */

/* Whether the kernel was told something of this name that is not so any more. */
static bool kernel_remembers(struct fs *fs, const struct view_change *c)
{
	struct view_attr attr;

	if (!c->old_node)
		return view_attr(&attr, fs->views, c->folder) < 0 || !attr.volatile_list;
	return view_attr(&attr, fs->views, c->old_node) < 0 || node_entry_timeout(&attr) > 0;
}

static void on_view_change(void *arg, const struct view_change *c)
{
	struct fs *fs = arg;

	if (fs->ending)
		return;
	if (kernel_remembers(fs, c))
		notify_name(fs->notify, c);
	else if (c->announce)
		helper_announce(fs->helper, c);
}

static void on_store_change(void *arg)
{
	struct fs *fs = arg;

	tidy_later(fs);
	if (!fs->engine->read_only && !fs->ending)
		jobs_changed(fs->engine->jobs);
	views_changed(fs->views, on_view_change, fs);
	parked_changed(fs->parked);
	held_changed(fs->held);
	stream_changed(fs->streams);
}

/* ---- mounting */

static int new_session(struct fs *fs, struct err *err)
{
	const struct options *o = fs->options;
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	CLEANUP(cleanup_free) char *name = xasprintf("fsname=%s", o->book), *list = NULL;

	fuse_opt_add_opt(&list, "nosuid,nodev,subtype=bookfs");
	/* A project's scripts run, and its files say who may do what. */
	if (!fs->pass)
		fuse_opt_add_opt(&list, "noexec");
	else if (o->allow_other)
		fuse_opt_add_opt(&list, "default_permissions");
	fuse_opt_add_opt_escaped(&list, name);
	if (o->allow_other)
		fuse_opt_add_opt(&list, "allow_other");
	for (size_t i = 0; i < o->kernel.len; i++)
		fuse_opt_add_opt(&list, o->kernel.items[i]);
	fuse_opt_add_arg(&args, "bookfs");
	fuse_opt_add_arg(&args, "-o");
	fuse_opt_add_arg(&args, list);
	fs->session = fuse_session_new(&args, &fs_ops, sizeof(fs_ops), fs);
	fuse_opt_free_args(&args);
	return fs->session ? 0 : err_set(err, -EINVAL, "the mount options are refused: %s", list);
}

/* What stands in the way most often, said before libfuse and fusermount3 say it in their words. */
int session_check(const struct options *o, struct err *err)
{
	CLEANUP(cleanup_close) int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd < 0 && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
		return err_set(err, -errno,
			       "there is no /dev/fuse: this machine's kernel or container has no "
			       "FUSE (modprobe fuse)");
	if (fd < 0)
		return err_set(err, -errno, "/dev/fuse: %s; ls -l /dev/fuse says who may mount",
			       strerror(errno));
	if (geteuid() != 0 && access(o->dir, W_OK) < 0)
		return err_set(err, -errno, "%s: not yours to mount on (%s)", o->dir,
			       strerror(errno));
	return pass_rules_check(o, err);
}

/* The first line of what was written to a file instead of the terminal. */
static int take_reason(int fd, const struct options *o, struct err *err)
{
	char line[256];
	ssize_t n = pread(fd, line, sizeof(line) - 1, 0);

	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (geteuid() != 0 && (!line[0] || strstr(line, "No such file")))
		return err_set(err, -ENOENT, "fusermount3 is missing: install the package fuse3");
	return err_set(err, -EPERM, "%s: cannot mount: %s", o->dir,
		       line[0] ? line : "not permitted");
}

/* libfuse and fusermount3 write to stderr, in several lines. */
static int mount_quietly(struct fs *fs, struct err *err)
{
	CLEANUP(cleanup_close) int said = memfd_create("said", MFD_CLOEXEC);
	CLEANUP(cleanup_close) int kept = dup(STDERR_FILENO);
	int r;

	fflush(stderr);
	dup2(said, STDERR_FILENO);
	r = fuse_session_mount(fs->session, fs->options->dir);
	dup2(kept, STDERR_FILENO);
	return r == 0 ? 0 : take_reason(said, fs->options, err);
}

static int mount_book(struct fs *fs, struct err *err)
{
	struct mountpoint here;
	int fd, r = new_session(fs, err);

	if (r == 0)
		r = mount_quietly(fs, err);
	if (r < 0)
		return r;
	if (mountpoint_find(&here, fs->options->dir) == 1) {
		fs->major = here.major;
		fs->minor = here.minor;
		mountpoint_finish(&here);
	}
	if (fs->pass)
		pass_connect(fs);
	fd = fuse_session_fd(fs->session);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	r = loop_poller(fs->loop, fd, serve, fs);
	return r == 0 ? 0 : err_set(err, r, "the mount's descriptor: %s", strerror(-r));
}

/* After the mount libfuse has nothing to say that a person could use: a reader who is gone. */
static void on_fuse_log(enum fuse_log_level level, const char *fmt, va_list ap)
{
	char line[256];

	vsnprintf(line, sizeof(line), fmt, ap);
	log_debug("libfuse: %s", line);
}

static int open_parts(struct fs *fs, struct helper_process helper, struct err *err)
{
	struct view_attr folder;
	sigset_t signals;
	int r = engine_views(&fs->views, fs->engine, fs->options, err);

	if (r < 0)
		return r;
	if (view_lookup(&folder, fs->views, VIEW_ROOT, ".bookfs") == 0)
		fs->control_folder = folder.node;
	fs->why = why_new();
	fs->again = again_new(fs);
	fs->parked = parked_new(fs);
	fs->held = held_new(fs);
	fs->ahead = ahead_new(fs);
	fs->streams = stream_table_new(fs);
	fs->grace = timer_new(fs->loop, hurry, fs);
	fs->tidy = timer_new(fs->loop, tidy, fs);
	r = helper_new(&fs->helper, fs, helper);
	lockfs_new(&fs->locks, fs);
	fs->file_locks = file_locks_new();
	if (r == 0 && (r = pass_new(&fs->pass, fs, err)) < 0)
		return r;
	if (fs->pass)
		fs->watcher = watcher_new(fs);
	if (r == 0 && (r = fresh_new(&fs->fresh, fs, err)) < 0)
		return r;
	fs->drafts = drafts_new(fs);
	fs->edits = edits_new(fs);
	sigprocmask(SIG_SETMASK, NULL, &signals);
	fs->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (r == 0)
		r = loop_watch(&fs->signal_watch, fs->loop, fs->signal_fd, EPOLLIN, on_signal, fs);
	return r == 0 ? 0 : err_set(err, r, "the event loop: %s", strerror(-r));
}

void fs_init(struct fs *fs, const struct options *o)
{
	*fs = (struct fs){.options = o, .signal_fd = -1};
	ring_init(&fs->handles);
}

int session_start(struct fs *fs, struct engine *e, struct helper_process helper, struct err *err)
{
	int r;

	fs->engine = e;
	fs->loop = e->loop;
	r = open_parts(fs, helper, err);
	if (r == 0)
		r = mount_book(fs, err);
	if (r < 0)
		return r;
	fuse_set_log_func(on_fuse_log);
	r = notify_new(&fs->notify, fs);
	if (r < 0) {
		fuse_session_unmount(fs->session);
		return err_set(err, r, "a thread: %s", strerror(-r));
	}
	store_on_change(e->store, on_store_change, fs);
	if (!e->read_only)
		jobs_start(e->jobs);
	fresh_start(fs->fresh);
	note_event(fs, EVENT_MOUNTED);
	return 0;
}

int session_run(struct fs *fs)
{
	log_info("%s is mounted at %s", fs->options->book, fs->options->dir);
	return loop_run(fs->loop);
}

void session_close(struct fs *fs)
{
	while (!ring_empty(&fs->handles))
		handle_free(LINK_OWNER(fs->handles.next, struct handle, link));
	if (fs->engine)
		store_on_change(fs->engine->store, NULL, NULL);
	notify_free(fs->notify);
	lockfs_free(fs->locks);
	file_locks_free(fs->file_locks);
	edits_free(fs->edits);
	drafts_free(fs->drafts);
	pass_free(fs->pass);
	helper_free(fs->helper);
	again_free(fs->again);
	fresh_free(fs->fresh);
	watcher_free(fs->watcher);
	parked_free(fs->parked);
	held_free(fs->held);
	ahead_free(fs->ahead);
	stream_table_free(fs->streams);
	why_free(fs->why);
	timer_free(fs->grace);
	timer_free(fs->tidy);
	watch_free(fs->signal_watch);
	views_free(fs->views);
	if (fs->session)
		fuse_session_destroy(fs->session);
	free(fs->buf.mem);
	if (fs->signal_fd >= 0)
		close(fs->signal_fd);
}
