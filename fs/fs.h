/* SPDX-License-Identifier: MIT */
#ifndef FS_H
#define FS_H

/*
 * fs: the mount and the command line. It asks views what the files are and jobs for what is not
 * made yet, and answers the kernel; it knows no SQL and renders no book.
 *
 * Threads: everything is the loop's. The exceptions are notify.c, whose thread only sends
 * invalidations to the kernel, and helper.c, which is a process.
 */

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/types.h>

#include "base.h"
#include "jobs.h"
#include "providers.h"
#include "store.h"
#include "views.h"

/* ---- list.h in four lines: an intrusive ring, its head a link of its own */

struct link {
	struct link *prev, *next;
};
#define LINK_OWNER(link, type, member) ((type *)((char *)(link)-offsetof(type, member)))

static inline void ring_init(struct link *head)
{
	head->prev = head->next = head;
}

static inline bool ring_empty(const struct link *head)
{
	return head->next == head;
}

static inline void ring_add(struct link *head, struct link *l) /* at the end */
{
	l->prev = head->prev;
	l->next = head;
	l->prev->next = l->next->prev = l;
}

static inline void ring_remove(struct link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	ring_init(l);
}

static inline void ring_take(struct link *to, struct link *from) /* all of it; to is made */
{
	ring_init(to);
	ring_add(from, to);
	ring_remove(from);
}

/* ---- the command line: main.c, flags.c, options.c */

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };
struct options;

struct command {
	const char *name, *usage, *summary, *help;
	int (*run)(const struct command *c, int argc, char **argv); /* argv: after the name */
};
extern const struct command command_mount, command_umount, command_run, command_status,
	command_check, command_export, command_import;
extern const struct command command_config, command_providers, command_models, command_probe;

/* A flag of a command: one of on, values and take is set. `also`: a second spelling or NULL. */
struct flag {
	const char *name, *also;
	bool *on;
	struct strv *values; /* every value given, in order */
	/* Is handed each value and options at once; what it refuses is a usage error. */
	int (*take)(struct options *o, const char *value, struct err *err);
	struct options *options;
};
/* Takes flags from argv in any place, the rest goes to words. --help is answered here. 0: go on;
 * FLAGS_ANSWERED; EXIT_USAGE: said. */
enum { FLAGS_ANSWERED = -1 };
int flags_parse(struct strv *words, const struct command *c, const struct flag *flags,
		size_t flag_count, int argc, char **argv);
/* The same for a command that takes one word; what it is says `what`: "one book: bookfs run BOOK".
 * *word is owned. */
int flags_parse_one(char **word, const char *what, const struct command *c,
		    const struct flag *flags, size_t flag_count, int argc, char **argv);
/* The same for a command that takes none. */
int flags_parse_none(const struct command *c, const struct flag *flags, size_t flag_count, int argc,
		     char **argv);
const char *flags_nearest(const char *word, const char *const *names, size_t count);

int say_usage(const struct command *c, const char *fmt, ...) PRINTF(2, 3); /* EXIT_USAGE */
int say_failed(const struct err *err);					   /* EXIT_FAILED */

/* Who holds a lock, and others write all the same: they are refused; even if nobody holds it, they
 * are; they are not. */
enum enforce { ENFORCE_CONFLICT, ENFORCE_STRICT, ENFORCE_OFF };

/* Where a setting's value comes from; the later one wins. */
enum origin_kind {
	FROM_DEFAULT,
	FROM_PRESET,  /* what is known of the server */
	FROM_FILE,    /* above the first section of the settings' file */
	FROM_SECTION, /* of a provider, in that file */
	FROM_ENVIRONMENT,
	FROM_OPTION,
};
struct origin {
	enum origin_kind kind;
	int line;	      /* in the file */
	const char *variable; /* of the environment; borrowed for ever */
};

/* A server as it is asked for. */
struct server {
	const struct preset *preset; /* NULL: there is none, builtin does it */
	char *base_url, *model;
	char *key, *key_url; /* a secret, and the address whose it is */
	char *key_file, *key_command;
	int slots;
	struct limits limits;
	struct prices prices;
};
void server_finish(struct server *s);
/* A key goes along: whoever gave it is billed. */
bool server_costs(const struct server *s);

/* When the pictures of an analysis are drawn. */
enum illustrate { ILLUSTRATE_UNSET, ILLUSTRATE_AUTO, ILLUSTRATE_ASK };
/* Who reads the analysis of a chapter whose text was changed: waits for that of the new text; gets
 * the old one, and none is made; gets the old one, and one is made. */
enum fresh_reading { FRESH_UNSET, FRESH_YES, FRESH_STALE, FRESH_BOTH };
/* Which are drawn at all: all, those that a person approved, none. */
enum images { IMAGES_AUTO, IMAGES_APPROVE, IMAGES_OFF };

enum { SETTINGS_MOST = 64 };

struct options {
	char *book, *dir, *store; /* absolute; dir and store may be NULL */
	char *reach; /* the book's folder, where something is mounted over it; else NULL */
	bool foreground, never_trigger, allow_other;
	struct strv never_trigger_for; /* names of programs, as in /proc/PID/comm */
	int wait_s, depth, grace_s, pages_per_image;
	int enforce;	    /* enum enforce */
	bool figures;	    /* an image is its chapter's, not the registry's (cover.h) */
	struct strv kernel; /* what the kernel is asked for, beside our own */

	/* Who reads and who paints. The names are as given, the servers what came of it. */
	char *provider, *image_provider;
	struct server text_server, image_server;
	bool insecure;			 /* a key may go unencrypted over a network */
	int timeout_s;			 /* for one answer of a server */
	int retries;			 /* of a job; <0: as many as usual */
	int64_t temperature_milli, seed; /* <0: the server's own */
	int64_t context_tokens;		 /* 0: the usual */
	int64_t prompt_bytes;		 /* of a picture's; 0: as documented */
	char *image_size, *image_quality, *workflow, *prompt_dir, *record_dir; /* NULL: none */
	char *series; /* the file of the book's series; NULL: it is in none */
	/* What is in prompt_dir's chapter.txt and picture.txt, and in workflow. */
	char *instructions, *picture_words, *workflow_text;
	struct budget budget;
	bool in_turn;	 /* no picture before all is analysed */
	bool resolve;	 /* a server is asked about doubts of the cast */
	bool only_asked; /* a mount whose reader costs: nothing that others left */
	int illustrate;	 /* enum illustrate */
	int images;	 /* enum images */
	int fresh;	 /* enum fresh_reading */
	int readahead;	 /* chapters; <0: not said */

	const struct preset *unused_key; /* whose key the environment held in vain; NULL */
	char *config_path;		 /* of the settings' file, there or not; NULL: no home */
	struct origin origins[SETTINGS_MOST];
};
void options_init(struct options *o);
void options_finish(struct options *o);
/* One -o value: "wait=60,ro". -EINVAL with the nearest known option in err. */
int options_parse(struct options *o, const char *list, struct err *err);
int options_store(struct options *o, const char *path, struct err *err);
/* The absolute path of the book. */
int options_book(struct options *o, const char *book, struct err *err);
/* The path to open the book by. */
const char *options_reach(const struct options *o);
/* Was it set by anybody, or is it what it is by itself? */
bool options_given(const struct options *o, const char *setting);

/* server.c: completes what was given by what the environment and the settings' file have: who
 * reads, who paints, addresses, models, keys (which are taken out of the environment), how long a
 * reader waits. Once, after the options. -EINVAL: something is missing or mistyped. */
int options_complete(struct options *o, struct err *err);
/* What of it a mount takes: whoever reads files means no bill, so where a server costs it asks but
 * so often and draws only on request. What was set stays. */
int64_t options_mount_requests(const struct options *o);
int options_mount_illustrate(const struct options *o);
bool options_mount_only_asked(const struct options *o);
int options_mount_fresh(const struct options *o);
/* What of it is jobs': limits, prices, budget, attempts, the order of work, sizes. */
void options_jobs(struct jobs_settings *out, const struct options *o);

/* ---- engine.c: what a mount and `run` share: the store, imported, and who works on it */

struct engine {
	struct loop *loop;
	struct store *store;
	struct gate *gates[2];		     /* by enum job_kind */
	struct provider *provider, *painter; /* may be one */
	struct series *series;		     /* or NULL */
	struct jobs *jobs;
	bool read_only; /* the store cannot be written: nothing is made */
};
/* ENGINE_LOOK: neither makes a store nor imports; -ENOENT without one. */
enum engine_use { ENGINE_WORK, ENGINE_LOOK };
int engine_open(struct engine **out, const struct options *o, enum engine_use use, struct err *err);
struct engine *engine_close(struct engine *e);
DEFINE_CLEANUP(struct engine, engine_close)
/* A book that was read is stored by engine_import, a store_work_fn. Both are borrowed. */
struct engine_book {
	const struct book *book;
	const struct options *options;
};
int engine_import(struct store_tx *tx, void *book, struct err *err);
struct book_options engine_reads(const struct options *o); /* how it is read */
int engine_views(struct views **out, const struct engine *e, const struct options *o,
		 struct err *err);

/* provider.c alone, so that a test program can link another. The gates, by enum job_kind, are
 * borrowed until provider_free. */
int provider_make(struct provider **text, struct provider **image, struct loop *loop,
		  struct gate *const gates[2], const struct options *o, struct err *err);

/* ---- estimate.c: what a book would take, before it is spent */

extern const struct command command_estimate;

/* What a run is to do. */
struct run_wish {
	const char *chapters; /* "1-5,10"; NULL: all */
	int limit;	      /* pictures; <0: all */
	bool json;
};
int estimate_book(struct options *o, const struct run_wish *w); /* says it; the exit status */
/* Those of the book's chapters that a list names; NULL: all. -EINVAL. */
int chapters_parse(bool *wanted, const struct book *b, const char *list, struct err *err);
/* What the options say, which are completed by it; with a limit it is not the analyses that ask for
 * pictures. Of a flag that was given more than once the last counts; w borrows it. -EINVAL. */
int run_wish_take(struct run_wish *w, struct options *o, const struct strv *chapters,
		  const struct strv *limits, bool no_images, struct err *err);

/* "83 + 130 requests, about 1.2 M tokens, cost 3.10"; "1.2 M tokens, cost 3.10", or nothing. */
void words_of_estimate(struct buf *out, const struct estimate *e);
void words_of_usage(struct buf *out, int64_t tokens, int64_t cost_micro);
void words_of_cost(struct buf *out, int64_t micro);
bool costs_unknown(const struct options *o); /* a server costs, and its prices were not given */

/* ---- beside.c: a folder beside the book that can be imported, and how; a line each */

void beside_say(FILE *to, const char *prefix, const char *book, struct store_reader *r);

/* ---- mountpoint.c: the directory, before and after */

#define FS_TYPE "fuse.bookfs"

struct mountpoint {
	unsigned major, minor;
	char *source; /* the book */
};
/* Is a book mounted at the absolute path dir? 1 and *out (mountpoint_finish), 0 no, <0. */
int mountpoint_find(struct mountpoint *out, const char *dir);
void mountpoint_finish(struct mountpoint *m);
/* The absolute path of a directory that may be a dead mount: never asks the mount itself. */
int mountpoint_path(char **out, const char *dir, struct err *err);
/* Clears a dead mount of ours, makes a missing directory (*made), refuses what cannot be mounted
 * on. book: may be the directory itself. */
int mountpoint_prepare(char **out, bool *made, const char *dir, const char *book, struct err *err);
/* If a folder is mounted over itself: *store is where the mount has its store, owned. */
bool mountpoint_is_over(char **store, const char *book);
int mountpoint_has_store(const char *dir, struct err *err); /* -EINVAL: --store is not for it */
int mountpoint_killed(const char *dir, struct err *err);    /* -ENOTCONN, and what to do */
/* A name may be a mount whose process was killed: nothing beneath it can be asked. */
void mountpoint_clear_dead(const char *path);
int mountpoint_detach(const char *dir, bool lazy, struct err *err); /* -EBUSY, -EPERM */

/* ---- start.c: the verdict for the command that waits */

/* Forks unless foreground. In the child (or in front): 0 and *verdict to hand to start_tell. In the
 * parent, which has waited and said what there is to say: 1 and *status to exit with. */
int start_fork(int *verdict, int *status, bool foreground, struct err *err);
/* Whether the command still waits: who ended it (Ctrl-C) wants no mount that comes afterwards. */
bool start_is_awaited(int verdict);
/* SIGTERM, SIGINT, and SIGHUP unless it is ignored, as with nohup(1). */
void signals_of_end(sigset_t *out);
/* They are for a signalfd; no thread that is made later gets them. */
void signals_block(void);
/* Ends the waiting: result 0, or <0 and the reason in err. Detaches from the terminal on 0. */
void start_tell(int verdict, int result, const struct err *err);

/* ---- the mount */

struct parked_table;
struct ahead;
struct why_table;
struct stream_table;
struct notify;
struct helper;
struct lockfs;
struct file_locks;
struct edits;
struct drafts;
struct draft;
struct held_table;
struct pass;
struct fresh;
struct watcher;

struct fs {
	const struct options *options;
	struct engine *engine;
	struct loop *loop;
	struct views *views;
	struct fuse_session *session;
	struct fuse_buf buf;
	unsigned major, minor; /* the mount's device number */

	struct again *again;
	struct parked_table *parked;
	struct ahead *ahead;
	struct why_table *why;
	struct stream_table *streams;
	struct notify *notify;
	struct helper *helper;
	struct lockfs *locks;
	struct file_locks *file_locks;
	struct drafts *drafts; /* scratch.h */
	struct edits *edits;   /* edit.h */
	struct held_table *held;
	struct pass *pass; /* NULL: the book is no folder, as is the next */
	struct watcher *watcher;
	struct fresh *fresh; /* NULL: it does not change, or cannot be stored anew */

	uint64_t control_folder; /* the node of .bookfs */
	struct link handles;	 /* of open files */
	struct timer *tidy;	 /* gives memory back when it is quiet */
	bool busy, tidy_set;	 /* since the timer last ran; is it set */

	/* The end (session.c). */
	int pending; /* answers that a pool or the writer thread will bring; see fs_done */
	bool ending, unmounted, drained, hurry;
	struct timer *grace;
	struct watch *signal_watch;
	int signal_fd;
};
void fs_done(struct fs *fs); /* one pending less */

/* The process of helper.c. */
struct helper_process {
	pid_t pid;
	int fd;
};

/* session.c: from the mount to its end. fs_init first; session_close always. */
/* What can be known to be in the way before anything is made for the mount. */
int session_check(const struct options *o, struct err *err);
void fs_init(struct fs *fs, const struct options *o);
int session_start(struct fs *fs, struct engine *e, struct helper_process helper, struct err *err);
int session_run(struct fs *fs);
void session_close(struct fs *fs);

/* route.c: what libfuse calls; it hands a request to whom the node belongs */
extern const struct fuse_lowlevel_ops fs_ops;

/* ops.c: the book */
extern const struct fuse_lowlevel_ops book_ops;
/* An open of a node as it is now, without asking fresh.c. */
void book_open(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi);
/* Replies an errno and remembers why for this caller. name may be NULL. */
void fs_refuse(fuse_req_t req, uint64_t node, const char *name, int code, const char *reason);

/* nodes.c: views' nodes, and the few that are fs's own */

/* .bookfs/pid, store and spending: reachable by name, for `bookfs umount`, `lock` and `status`;
 * from HOST_HELD on what held.c has */
enum { HOST_PID = HOST_CTL + 1, HOST_STORE, HOST_SPENDING, HOST_HELD };
/* The last kind there can be, which no node of views has. */
#define NODE_OWN(n) (UINT64_MAX - ((uint64_t)(n) << 6))
#define INO_OWN(n) (((uint64_t)1 << 52) + (n))
enum {
	OWN_PID,
	OWN_STORE,
	OWN_SPENDING,
	OWN_TEMPORARY_FIRST,
	OWN_TEMPORARY_LAST = 0xffff,
	OWN_HELD_FIRST /* and all from here on */
};

int node_attr(struct view_attr *out, struct fs *fs, uint64_t node);
int node_lookup(struct view_attr *out, struct fs *fs, uint64_t folder, const char *name);
void node_stat(struct stat *st, struct fs *fs, const struct view_attr *a);
void node_entry(struct fuse_entry_param *e, struct fs *fs, const struct view_attr *a);
double node_attr_timeout(const struct view_attr *a);
double node_entry_timeout(const struct view_attr *a);
/* Answers a poll (takes ph; or NULL): nobody need wait to read or write it. */
void node_ready(fuse_req_t req, struct fuse_pollhandle *ph);
/* Answers a lseek to data or a hole: a file of ours has none before its end. */
void node_seek(fuse_req_t req, uint64_t size_bytes, off_t off, int whence);
/* The path of st_ino below the mount, found by walking the lists; -ENOENT. */
int node_path(struct buf *out, struct fs *fs, uint64_t ino);

/* content.c: reading what views render */

struct handle;
struct handle *handle_new(struct fs *fs, const struct view_attr *a);
struct handle *handle_free(struct handle *h);
/* Replies an open that hands out h (takes). */
void handle_reply(fuse_req_t req, struct fuse_file_info *fi, struct handle *h);
void content_open(fuse_req_t req, const struct view_attr *a, struct fuse_file_info *fi);
void content_read(fuse_req_t req, struct handle *h, size_t size, off_t offset);
void reply_slice(fuse_req_t req, const void *data, size_t len, size_t size, off_t offset);

struct handle {
	struct link link;
	struct fs *fs;
	uint64_t node, ino;
	uint64_t size_bytes; /* as it was opened */
	enum view_class class;
	struct view_content *content; /* STABLE, DOCUMENT: once read */
	struct buf bytes;	      /* HOST, CONTROL: made at open */
	struct held *held;
	struct stream *stream;
	struct draft *draft;
};
struct handle *handle_free(struct handle *h);

/* host.c: the files whose bytes fs makes itself */

int host_bytes(struct buf *out, struct fs *fs, int host, fuse_req_t req);

/* caller.c: who is asking */

struct caller {
	pid_t pid, parent, session; /* 0: not to be seen from here */
	uid_t uid;
	char name[16]; /* comm of the process, not of its thread */
};
void caller_find(struct caller *c, const struct fuse_ctx *ctx);
/* An indexer opens everything it finds; nobody asked for these analyses. */
bool caller_never_asks(const struct caller *c, const struct options *o);

/* why.c */

struct why_table *why_new(void);
struct why_table *why_free(struct why_table *w);
/* ino: the node's st_ino; name: an entry of it that was to be made, or NULL. */
void why_remember(struct why_table *w, const struct caller *c, uint64_t ino, const char *name,
		  int code, const char *reason);
/* remedy: what to do, if it is not what the errno stands for. Borrowed for ever. */
void why_remember_with(struct why_table *w, const struct caller *c, uint64_t ino, const char *name,
		       int code, const char *reason, const char *remedy);
/* A file that could not be opened to be read, and bytes that are there and could not be read. */
void why_remember_open(struct why_table *w, const struct caller *c, uint64_t ino, int code,
		       const char *reason);
void why_remember_read(struct why_table *w, const struct caller *c, const struct view_attr *a,
		       int code);
/* The same went well by now; reading: to open it, by name NULL. The second looks who asks only if
 * there is something to be forgotten. */
void why_settle(struct why_table *w, const struct caller *c, uint64_t ino, const char *name,
		bool reading);
void why_settle_by(struct why_table *w, fuse_req_t req, uint64_t ino, const char *name,
		   bool reading);
/* The reason of the newest one of the nearest relative, or NULL. Borrowed until the next. */
const char *why_reason(const struct why_table *w, const struct caller *c);
int why_text(struct buf *out, struct fs *fs, const struct caller *c);

/* parked.c: opens that wait for an analysis, or for a book to be held */

struct parked_table *parked_new(struct fs *fs);
struct parked_table *parked_free(struct parked_table *t);
void parked_open(fuse_req_t req, const struct view_attr *a, struct fuse_file_info *fi);
void parked_changed(struct parked_table *t);	/* the store changed */
void parked_interrupts(struct parked_table *t); /* after each request of the kernel */
void parked_end(struct parked_table *t);	/* EINTR to all, and to all that come */
int parked_text(struct buf *out, struct parked_table *t);

/* held.c: illustrated.epub, .pdf and .cbz: bound when they are opened, of what the store has */

struct held_table *held_new(struct fs *fs);
struct held_table *held_free(struct held_table *t);
int held_lookup(struct view_attr *out, struct held_table *t, const char *name); /* -ENOENT */
int held_attr(struct view_attr *out, struct held_table *t, uint64_t own);	/* -ESTALE */
const char *held_name(uint64_t ino); /* NULL: it is none of these */
/* host: of the trigger. As view_trigger: 1 the name leads to a version, 0 wait, <0 and the reason.
 */
int held_look(struct held_table *t, int host, int64_t asked_unix_ms, struct err *err);
void held_wish(struct held_table *t, int host);
/* So many readers are answered ESTALE, and look for what they waited for. */
void held_owe(struct held_table *t, int host, int readers);
void held_open(fuse_req_t req, const struct view_attr *a, struct fuse_file_info *fi);
void held_read(fuse_req_t req, struct handle *handle, size_t size, off_t offset);
void held_closed(struct held *h);
void held_changed(struct held_table *t); /* the store changed */
void held_end(struct held_table *t);	 /* what is being bound is not wanted any more */

/* The folder was read anew: what is waited for may be another text's analysis. */
void parked_ask_again(struct parked_table *t);
/* Asks for an analysis, whoever waits for it. */
void parked_wish(struct parked_table *t, int chapter);

/* fresh.c: a book that is a folder, read again when its texts change */

void fresh_show_former(struct engine *e, const struct options *o); /* before anybody looks */
int fresh_new(struct fresh **out, struct fs *fs, struct err *err); /* before the mount */
struct fresh *fresh_free(struct fresh *f);
void fresh_start(struct fresh *f); /* all of these take NULL */
void fresh_interrupts(struct fresh *f);
/* A change of an entry of a watched folder (NULL: of one that is being looked for); and: that was
 * all until now. */
void fresh_told(struct fresh *f, const char *folder, const char *name, uint32_t mask);
void fresh_told_all(struct fresh *f);
void fresh_end(struct fresh *f);
/* Takes an open of an analysis that is not of the text as it is now. false: the node's own open is
 * to answer. */
bool fresh_open(fuse_req_t req, uint64_t node, struct fuse_file_info *fi);

/* watcher.c: what inotify tells of a folder that is mounted */

#define WATCHED_NAMES (IN_CLOSE_WRITE | IN_MOVE | IN_CREATE | IN_DELETE)
struct watcher *watcher_new(struct fs *fs);
struct watcher *watcher_free(struct watcher *w);
/* Reads what is to be read, and tells it. false: it was nothing. */
bool watcher_drain(struct watcher *w);
/* For pass_watch.c: a number, or -errno: it cannot be watched. What happens in the folder, to its
 * files too, is told with the node. */
int watcher_add_node(struct watcher *w, int folder, uint64_t node);
void watcher_drop_node(struct watcher *w, int number);
/* For fresh.c: it looks for its folders (the second in the pool), and these are all. */
void watcher_walk(struct watcher *w);
int watcher_add(struct watcher *w, int folder);
void watcher_walked(struct watcher *w, const int *numbers, const struct strv *paths);

/* ahead.c: the analyses that will be read next */

struct ahead *ahead_new(struct fs *fs);
struct ahead *ahead_free(struct ahead *a);
void ahead_opened(fuse_req_t req, int chapter); /* an analysis, made or not; before the reply */

/* stream.c: .bookfs/events */

struct stream_table *stream_table_new(struct fs *fs);
struct stream_table *stream_table_free(struct stream_table *t);
int stream_open(struct stream **out, struct stream_table *t);
void stream_read(fuse_req_t req, struct stream *s, size_t size, bool nonblock);
void stream_poll(fuse_req_t req, struct stream *s, struct fuse_pollhandle *ph);
struct stream *stream_close(struct stream *s);
void stream_changed(struct stream_table *t);
void stream_interrupts(struct stream_table *t);
void stream_end(struct stream_table *t);

/* control.c: .bookfs/ctl */

void control_write(fuse_req_t req, const char *data, size_t len);

/* lock_mount.c and its like (lock.h): locks/ and .locks/ */

void lockfs_new(struct lockfs **out, struct fs *fs); /* after the helper */
struct lockfs *lockfs_free(struct lockfs *l);
void lockfs_end(struct lockfs *l); /* nobody waits any more, nor those who come */
void lockfs_interrupts(struct lockfs *l);
bool lockfs_has(const struct lockfs *l, uint64_t node);
/* NULL: it cannot be used now, and locks/.why says why. Who asks again, asks whether it can be. */
struct locks *lockfs_table(struct lockfs *l);
extern const struct fuse_lowlevel_ops lock_ops;

/* file_lock.c: flock and fcntl on the files of the book, among those who have this mount */

struct file_locks *file_locks_new(void);
struct file_locks *file_locks_free(struct file_locks *t);
void file_flock(fuse_req_t req, struct handle *h, int op);
void file_setlk(fuse_req_t req, struct handle *h, const struct flock *range);
void file_closed(struct handle *h);
void file_locks_interrupts(struct file_locks *t);
void file_locks_end(struct file_locks *t);

/* pass.c and its like (pass.h): the files of a book that is a folder, beside ours */

enum { NODE_PASS = 60 }; /* in place of a view's kind */
/* Could a project's own rules, which lock covers what, be read? */
int pass_rules_check(const struct options *o, struct err *err);
void pass_make_room(void); /* for descriptors: before the first thread */
int pass_new(struct pass **out, struct fs *fs, struct err *err); /* *out stays NULL for a file */
struct pass *pass_free(struct pass *p);
void pass_end(struct pass *p);
void pass_init(struct fuse_conn_info *conn);
void pass_connect(struct fs *fs); /* after the mount, before its first request */
/* Is the node the folder's, or the root, where both are? */
static inline bool pass_has(const struct pass *p, uint64_t node)
{
	return p && ((node & 63) == NODE_PASS || node == VIEW_ROOT);
}
/* Ours that the folder has a name for, too; they are in .bookfs/. */
bool pass_moved(const struct pass *p, const char *name);
void pass_list_moved(struct pass *p, struct view_list *list);
void pass_locks_changed(struct pass *p); /* takes NULL */
/* What inotify tells of the folder, by whomever: of a path in it (as in cover.h). And: that was all
 * until now. */
void pass_told(struct pass *p, const char *path, uint32_t mask);
void pass_told_all(struct pass *p);
/* Of a folder of which the kernel remembers names; name "": of itself. false: it was not
 * looked at. And: what was told is not all. */
bool pass_told_of(struct pass *p, uint64_t folder, const char *name, uint32_t mask);
void pass_told_nothing(struct pass *p);
/* Of its own, which lock covers what (cover.h); NULL: none. Borrowed until the next request. */
struct cover_rules;
const struct cover_rules *pass_rules(struct pass *p);
/* To the helper the name is shown as such a node. */
bool pass_shows(fuse_req_t req, uint64_t folder, const char *name);
/* Is the request, as it was read, put aside until later? */
bool pass_holds_up(struct pass *p, const struct fuse_buf *buf);
extern const struct fuse_lowlevel_ops pass_ops;

/* again.c: requests that are asked once more, as what is in their way will end */

struct again *again_new(struct fs *fs);
struct again *again_free(struct again *a);
void again_serve(struct again *a, struct fuse_buf *request); /* as it was read */
/* May the request that is being answered be asked again? -EINPROGRESS it may; -EINTR, -EBUSY not:
 * nobody wants it any more, it has waited long enough. */
int again_may(struct again *a, fuse_req_t req);
void again_later(struct again *a, fuse_req_t req); /* takes it: it gets no answer now */
/* Takes it, however long: what is in its way ends by itself. */
void again_until_done(struct again *a, fuse_req_t req);
void again_now(struct again *a); /* a write has ended */
void again_end(struct again *a); /* nobody waits any more */

/* notify.c: tells the kernel, on a thread of its own */

int notify_new(struct notify **out, struct fs *fs);
/* Forgets what the kernel remembers of a name and of its folder's list; then, on the loop, shows
 * watchers the name if announce. */
void notify_name(struct notify *n, const struct view_change *c);
/* Forgets a name, and what the kernel has read of the file that it was. */
void notify_node(struct notify *n, uint64_t node, uint64_t folder, const char *name);
/* What a name leads to is to be asked again. */
void notify_doubt(struct notify *n, uint64_t folder, const char *name);
/* No more; done is called on the loop when the thread holds nothing of the kernel. */
void notify_end(struct notify *n, void (*done)(void *arg), void *arg);
struct notify *notify_free(struct notify *n); /* after done */

/* helper.c: a process that makes names appear and go through the mount, so that inotify sees it */

enum helper_act { HELPER_RENAME, HELPER_CREATE, HELPER_UNLINK, HELPER_TOUCH };
int helper_fork(struct helper_process *out, struct err *err); /* before threads and SQLite */
int helper_new(struct helper **out, struct fs *fs, struct helper_process process);
struct helper *helper_free(struct helper *h);
void helper_announce(struct helper *h, const struct view_change *c);
/* A name that somebody else made or removed is created or unlinked, while `still` says that it is
 * so. arg must outlive the helper. */
void helper_show(struct helper *h, enum helper_act act, uint64_t folder, const char *name,
		 bool (*still)(void *arg, const char *name), void *arg);
/* The owner of a node is made what he is, after all changes of it that are under way; then done is
 * called on the loop, even if that was not possible. arg must outlive the mount's requests. */
void helper_touch(struct helper *h, uint64_t node, void (*done)(void *arg, uint64_t node),
		  void *arg);
/* Of which node the helper, who asks, is to be told for this name; 0: of none. */
uint64_t helper_touches(const struct helper *h, uint64_t folder, const char *name);
bool helper_is_there(const struct helper *h);
bool helper_is(const struct helper *h, fuse_req_t req); /* does the helper ask? */
bool helper_has_pid(const struct helper *h, pid_t pid);
/* Does it ask for what it is to show? Then *e, of which ino is 0 for "no such name", is true for it
 * alone. */
bool helper_lookup_shown(struct fuse_entry_param *e, struct helper *h, fuse_req_t req,
			 uint64_t folder, const char *name);
bool helper_create_shown(struct fuse_entry_param *e, struct helper *h, fuse_req_t req,
			 uint64_t folder, const char *name);
bool helper_unlink_shown(struct helper *h, fuse_req_t req, uint64_t folder, const char *name);
int helper_lookup(struct view_attr *out, struct helper *h, uint64_t folder, const char *name);
int helper_create(struct view_attr *out, struct helper *h, uint64_t folder, const char *name);
int helper_rename(struct helper *h, uint64_t folder, const char *name, uint64_t to_folder,
		  const char *to_name);

#endif
