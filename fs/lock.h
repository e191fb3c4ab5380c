/* SPDX-License-Identifier: MIT */
#ifndef LOCK_H
#define LOCK_H

/*
 * Private to fs: locks/ and .locks/, a small file system of its own within the mount (locks.md).
 * Its names are rows of the lock table, its writes are claims, its errnos are verdicts. route.c
 * hands it what concerns its nodes.
 *
 *     lock_mount.c  the whole: opening, what follows a change of the table, the end
 *     lock_nodes.c  what a node is, its attributes, what a folder lists
 *     lock_ops.c    the table of operations
 *     lock_claim.c  who asks, taking and giving back, and what a refused one is told
 *     lock_wait.c   flock, fcntl, and those who wait
 *     lock_ctl.c    locks/.ctl
 *     lock_old.c    .locks/locks.json
 *     lock_for.c    locks/.for/PATH
 *     lock_intake.c a locks.json on the disk
 *
 * A node id, from the low bits: 62 (6), what it is (4), a number (20), a token or version (34).
 * Nothing here is cached by the kernel: the table is changed by others, and a dead holder's lock
 * must be gone at the next look.
 *
 * Who asks whether something may be written asks locks_over(), not locks_get(): all of the book may
 * be locked, too, alone or shared (Book).
 */

#include "fs.h"
#include "holder.h"
#include "lock_words.h"

enum lock_what {
	LOCK_LOCKS,	 /* locks/ */
	LOCK_OLD,	 /* .locks/ */
	LOCK_ALL,	 /* locks/.all/ */
	LOCK_WAIT,	 /* locks/.wait/ */
	LOCK_HELD,	 /* locks/R, of one token */
	LOCK_SET,	 /* locks/A+B: the number is its place among the sets */
	LOCK_ANY,	 /* locks/.all/R, held or not; also locks/R opened while it is free */
	LOCK_AWAITED,	 /* locks/.wait/R */
	LOCK_HELPER,	 /* locks/.why ...: the number is an enum lock_helper */
	LOCK_OLD_JSON,	 /* .locks/locks.json */
	LOCK_OLD_COPY,	 /* a temporary sibling of it */
	LOCK_FOR,	 /* locks/.for/ */
	LOCK_FOR_FOLDER, /* a folder in it: the number is its place among the paths */
	LOCK_FOR_FILE,	 /* what is said of a path */
	LOCK_WHATS
};

enum lock_helper {
	LOCK_HELPER_RESOURCES,
	LOCK_HELPER_WHY,
	LOCK_HELPER_CTL,
	LOCK_HELPER_TABLE,
	LOCK_HELPER_TABLE_JSON,
	LOCK_HELPER_DASHBOARD,
	LOCK_HELPER_LOG,
	LOCK_HELPER_ME,
	LOCK_HELPERS
};

struct lock_node {
	enum lock_what what;
	unsigned number; /* of a resource, as lockfs_name counts; or see above */
	uint64_t token;
};

enum { LOCK_SETS = 256, LOCK_PATHS = 256, LOCK_LOG_MAX_BYTES = 16 << 20 };
struct lock_old;

struct lockfs {
	struct fs *fs;
	struct locks *table; /* of lockfs_table(): NULL until it can be used */
	struct err no_table; /* why not, when it was last asked for */
	struct holders *holders;
	struct why_table *why;
	struct view_attr folders[2]; /* views' nodes of locks/ and .locks/ */
	int64_t changed_unix_ms;
	unsigned named; /* resources that are no chapters */
	bool of_folder; /* the book is one: its chapters have numbers of their own */
	struct lock_names {
		struct strv list;
		uint64_t serial;
	} sets[LOCK_SETS]; /* the newest; a node has the place and the serial */
	uint64_t set_count;
	struct lock_path {
		char *path;
		uint64_t serial;
	} paths[LOCK_PATHS]; /* the same, of .for */
	uint64_t path_count;
	struct link handles;
	int64_t descriptors; /* how many there ever were */

	struct link waiting;	 /* for a descriptor */
	struct link watching;	 /* .wait/R */
	struct link trying;	 /* once more, as a RELEASE may be on its way */
	struct link interrupted; /* any of these */
	struct link ranges;	 /* fcntl */
	struct timer *retry;
	bool ended;

	int64_t *shown; /* [number]: the token that watchers saw arrive; 0: none */
	size_t shown_cap;
	struct timer *show;
	bool show_set;

	struct buf log;	 /* of .log, what is rendered so far */
	int64_t log_seq; /* and up to which event */
	struct lock_old *old;
};

/* An open file. */
struct lock_handle {
	struct link link;
	struct lockfs *l;
	struct lock_node node;
	struct buf bytes;	/* what it reads, or (.locks/) its private copy */
	bool append;		/* O_APPEND: what is written says who it is */
	bool took;		/* its open took the lock: a text that is refused gives it back */
	bool contested;		/* and somebody who cannot be seen was refused since then */
	struct lock_holder as;	/* of took */
	int64_t descriptor;	/* flock's; 0: none yet */
	bool shared;		/* it is */
	struct lock_copy *copy; /* .locks/ */
};

/* ---- lock_nodes.c */

bool lock_node_decode(struct lock_node *out, const struct lockfs *l, uint64_t node);
uint64_t lock_node_id(const struct lockfs *l, const struct lock_node *n);
int lockfs_chapters(const struct lockfs *l);
/* The number of a resource; -ENOENT. And its name; false: there is none. */
int lockfs_number(const struct lockfs *l, const char *name);
unsigned lockfs_named(const struct lockfs *l); /* how many are no chapters */
bool lockfs_name(char out[LOCK_RESOURCE_BYTES], const struct lockfs *l, unsigned number);
/* In locks/ and below. k is what a LOCK_HELD node shows. */
int lock_node_lookup(struct lock_node *out, struct lock *k, struct lockfs *l,
		     const struct lock_node *folder, const char *name);
/* All but the size. k: of a LOCK_HELD node; NULL: it is no more. */
void lock_node_stat(struct stat *st, const struct lockfs *l, const struct lock_node *n,
		    const struct lock *k);
/* The lock that a LOCK_HELD node is; -ESTALE: no more. */
int lock_node_lock(struct lock *out, struct lockfs *l, const struct lock_node *n);
/* -ENOLCK: what is held cannot be told */
int lock_node_list(struct view_list **out, struct lockfs *l, const struct lock_node *n);
/* The node of a set, and the names of a node (LOCK_HELD, LOCK_SET). -ESTALE: forgotten. */
struct lock_node lock_set_node(struct lockfs *l, const struct strv *names);
int lock_node_names(struct strv *out, const struct lockfs *l, const struct lock_node *n);
/* A lock as it is now: one whose holder has died is gone. -ENOENT, -ENOLCK */
int lockfs_now(struct lock *out, struct lockfs *l, const char *resource);
/* All of them. -ENOLCK */
int lockfs_read(struct lock_list *out, struct lockfs *l);

/* ---- lock_claim.c. All that refuse have said why (locks/.why) when they return <0. */

/* Who asks, with what he wrote or NULL. */
int lockfs_who(struct holder *out, struct lockfs *l, fuse_req_t req,
	       const struct lock_words *words);
/* The same, for what is to be done to a lock that there may be: whose anchor is above him, he is.
 */
int lockfs_who_of(struct lock_holder *out, struct lockfs *l, fuse_req_t req, const char *resource);
/* *as: who it was that took or renewed. make: none may be mine already (-EEXIST). */
int lockfs_take(struct lock_holder *as, struct lockfs *l, fuse_req_t req, const struct strv *names,
		bool make);
/* *first: the first of them as it was. -ESTALE: one of them is gone. */
int lockfs_renew(struct lock_holder *as, struct lock *first, struct lockfs *l, fuse_req_t req,
		 const struct strv *names, int ttl_s);
int lockfs_give_back(struct lockfs *l, fuse_req_t req, const struct strv *names);
/* A text written into the files of these: names the holder, sets ttl and reason. */
int lockfs_written(struct lock_handle *h, fuse_req_t req, const struct strv *names,
		   const char *text, size_t len);
/* A file of the book's folder was changed, and not through this mount: who holds what it belongs to
 * is told (locks/.why). path: as in cover.h. */
void lockfs_note_behind(struct lockfs *l, const char *path);
/* Remembers a refusal for locks/.why; returns code. reason: a line, or NULL. */
int lockfs_refused(struct lockfs *l, fuse_req_t req, const char *name, int code,
		   const char *reason);
/* It went well by now. */
void lockfs_settled(struct lockfs *l, fuse_req_t req, const char *name);
int lockfs_refused_by(struct lockfs *l, fuse_req_t req, const char *name, int code,
		      const struct lock_refusal *no);
/* Who has it, and the three commands; wanted: the resource that somebody wants. */
void lockfs_describe(struct buf *out, const struct lockfs *l, const struct lock *k,
		     const char *wanted);
int lockfs_why_text(struct buf *out, struct lockfs *l, fuse_req_t req);
int lockfs_me_text(struct buf *out, struct lockfs *l, fuse_req_t req);

/* ---- lock_for.c */

int lockfs_for_lookup(struct lock_node *out, struct lockfs *l, const struct lock_node *folder,
		      const char *name);
int lockfs_for_text(struct buf *out, struct lockfs *l, fuse_req_t req, const struct lock_node *n);

/* ---- lock_intake.c: folder is the open folder of a book */

void lockfs_take_in(struct lockfs *l, int folder);

/* ---- lock_ctl.c */

int lockfs_command(struct lockfs *l, fuse_req_t req, const char *text, size_t len);

/* ---- lock_wait.c */

void lockfs_flock(fuse_req_t req, struct lock_handle *h, int op);
void lockfs_setlk(fuse_req_t req, struct lock_handle *h, uint64_t owner, const struct flock *range,
		  bool sleep);
void lockfs_getlk(fuse_req_t req, struct lock_handle *h, uint64_t owner, struct flock *range);
void lockfs_closing(struct lock_handle *h, uint64_t owner); /* FLUSH: POSIX locks of owner go */
void lockfs_closed(struct lock_handle *h);		    /* RELEASE: all that it has goes */
void lockfs_await(fuse_req_t req, struct lockfs *l, unsigned number, struct fuse_file_info *fi);
void lockfs_waits_init(struct lockfs *l);
void lockfs_waits_finish(struct lockfs *l);
void lockfs_waits_changed(struct lockfs *l);
void lockfs_waits_end(struct lockfs *l);

/* ---- lock_mount.c */

struct lock_handle *lock_handle_new(struct lockfs *l, const struct lock_node *n);
struct lock_handle *lock_handle_free(struct lock_handle *h);
void lock_handle_reply(fuse_req_t req, struct fuse_file_info *fi, struct lock_handle *h);
/* Watchers were shown by the kernel itself that a name arrived (token) or went (0). */
void lockfs_shown(struct lockfs *l, const char *resource, int64_t token);
/* The history as far as it goes now. Borrowed until the next call. */
int lockfs_log_text(const struct buf **out, struct lockfs *l);

#endif
