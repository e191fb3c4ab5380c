/* SPDX-License-Identifier: MIT */
#ifndef LOCKS_H
#define LOCKS_H

/* The part of store.h that is about locks. */

#include "base.h"

/* ---- locks: who works on what (locks.md)
 *
 * A SQLite file of its own, NAME-locks, shared by every mount of the book and the command line.
 * Each change is one transaction, judged inside it, that also writes an event; it does not wait for
 * the disk. A struct locks belongs to one thread; with a loop, to the loop's.
 *
 * All calls below that take a struct locks: -ENOLCK when the table cannot be used (a damaged file,
 * a full disk): nothing was taken then, and locks_reason() says why. Those with a `no` (which may
 * be NULL) fill it when they refuse. Names of resources that are none: -EINVAL. */

#define LOCK_RESOURCE_BYTES 24
#define LOCK_INSTANCE_BYTES 64
#define LOCK_REASON_BYTES 256
#define LOCK_TTL_S 900 /* 15 minutes */
#define LOCK_TTL_MOST_S (31 * 24 * 3600)
#define LOCK_SET_MOST 1024  /* resources in one claim */
#define LOCK_LOG_KEEP 10000 /* numbers whose events are kept; up to a tenth more */
#define LOCK_FIRST_TOKEN 1000
#define LOCK_CHAPTERS_ALWAYS 99 /* may be locked before they exist */

/* Chapter_01 .. Chapter_99, Chapter_100 .. where the book has so many chapters, FrontMatter,
 * BackMatter, StyleSystem, QuoteRegistry, ImageRegistry, ProjectConfig; Book, which excludes all
 * others' locks; and Book.1 .. Book.64, of those who share it: they exclude all but each other. */
bool lock_resource_valid(const char *name, int chapters);
/* The k'th but for the shares, counted from 0: the named ones first; false past the end. */
bool lock_resource_name(char out[LOCK_RESOURCE_BYTES], int k, int chapters);
/* Which of them was meant; false: none is near. */
bool lock_resource_nearest(char out[LOCK_RESOURCE_BYTES], const char *name, int chapters);
/* 1 to 63 of A-Z a-z 0-9 . _ : @ - */
bool lock_instance_valid(const char *instance);
bool lock_reason_valid(const char *reason); /* one line of UTF-8, at most 255 bytes */

struct lock_holder {
	char instance[LOCK_INSTANCE_BYTES];
	uid_t uid;
	struct process anchor; /* the holder lives while it does; pid 0: it holds by lease */
};

/* STALE: idle for ttl or longer, while its anchor lives or is not known. It still excludes, and
 * anybody may remove it. Idle counts on through a suspend, but a sleeper has a minute (or its ttl,
 * if that is less) to renew after it. (A sleep is CLOCK_BOOTTIME moving on without CLOCK_MONOTONIC:
 * a test that sets one clock must set the other, unless it means that.) */
enum lock_state { LOCK_STATE_HELD, LOCK_STATE_STALE };

struct lock {
	char resource[LOCK_RESOURCE_BYTES];
	int64_t token; /* grows, never used twice; below 2^40 */
	struct lock_holder holder;
	enum lock_state state;
	bool by_name;	      /* taken by touch and the like; else only by a descriptor */
	int64_t descriptor;   /* of the flock on it, as its mount numbers them; 0: none */
	bool descriptor_ours; /* it is one of this process's */
	pid_t descriptor_pid; /* who made it */
	int64_t acquired_unix_ms, renewed_unix_ms;
	int64_t idle_ms;
	int ttl_s;
	char reason[LOCK_REASON_BYTES]; /* "" none */
	int64_t behind_unix_ms;		/* last change that came through no mount since then; 0 */
	char behind[LOCK_REASON_BYTES]; /* its path */
};
bool lock_is_of(const struct lock *k, const struct lock_holder *h); /* same id, same uid */

/* Why a call was refused, in err.msg also as a line for a person. */
enum lock_refusal_why {
	LOCK_REFUSED_NOT,     /* the table cannot be used, or the request is none: err alone */
	LOCK_REFUSED_HELD,    /* -EBUSY: somebody else's; lock */
	LOCK_REFUSED_STALE,   /* -EBUSY: the same, but anybody may remove it; lock */
	LOCK_REFUSED_AWAITED, /* -EBUSY: free, but others came before; lock.holder is the first */
	LOCK_REFUSED_IN_USE,  /* -EBUSY: a descriptor holds it; lock */
	LOCK_REFUSED_MINE,    /* -EEXIST: it is mine already, and the claim was to make it; lock */
	LOCK_REFUSED_ID,      /* -EEXIST: the id belongs to another live process, or user; lock */
	LOCK_REFUSED_FREE,    /* -ENOENT: nobody holds it; lock.resource */
	LOCK_REFUSED_OLD, /* -ESTALE: token or seq is not the current one; lock if there is one */
	LOCK_REFUSED_CIRCLE,  /* -EDEADLK: who holds it waits for me; lock */
	LOCK_REFUSED_WRITTEN, /* -EBUSY: a write to it is under way; ask again until it has ended */
};
/* How long that is worth it: a disk that stalls comes back, or nobody writes anything any more. */
enum { LOCK_WRITTEN_MOST_MS = 10000 };
struct lock_refusal {
	enum lock_refusal_why why;
	struct lock lock;
	struct err err;
};

struct locks;
/* Makes the file if it is missing. In another boot than it was written in all its locks are void.
 * -ENOLCK: it cannot be opened or is damaged (never overwritten: a lock may be held),
 * with the remedy; -EROFS, -EACCES: no leave to write. loop may be NULL; then the caller asks
 * locks_sweep(). store_path is the store's, whose side file it is. */
int locks_open(struct locks **out, struct loop *loop, const char *store_path, struct err *err);
/* Says which book they are of, so that no other name of it leads to other locks: where this store
 * is is remembered in the state folder, by the book's file. -ENOLCK: by another name it is in use
 * with another table. A book that cannot be opened is nobody's. */
int locks_of_book(struct locks *l, const char *book_path, struct err *err);
struct locks *locks_close(struct locks *l); /* what it waits for or has by descriptor goes */
DEFINE_CLEANUP(struct locks, locks_close)
/* Why the last call failed with -ENOLCK. Borrowed until the next. */
const char *locks_reason(const struct locks *l);
/* Calls fn on the loop after a change by any process, ours included: once for many. */
void locks_on_change(struct locks *l, void (*fn)(void *arg), void *arg);
/* Without a loop: readable when another process changed something or ended, then call
 * locks_sweep(), which removes what is dead and hands over; also every 250 ms, for holders whose
 * death rings no bell. It does no more than that, however often it is called. */
int locks_fd(struct locks *l);
int locks_sweep(struct locks *l);

/* ---- locks: taking and giving back */

struct lock_claim {
	const char *const *resources; /* in any order; a name twice counts once */
	int count;
	bool shared; /* Book, beside others who share it */
	const struct lock_holder *holder;
	const struct lock_holder *was; /* what this one holds is mine too, and renamed; or NULL */
	int ttl_s;		       /* 0: as it is; LOCK_TTL_S for a new one */
	const char *reason;	       /* NULL: as it is */
	bool make;		       /* none may be mine already */
	int64_t descriptor;	       /* by this descriptor, not by name; 0: by name */
	pid_t descriptor_pid;
};
/* All or nothing. What is mine is renewed; what is new gets a token each. -EBUSY, -EEXIST. */
int locks_acquire(struct locks *l, const struct lock_claim *c, struct lock_refusal *no);
/* The same, and in the same transaction `remove` goes, each of them mine or stale; all or nothing.
 * take may be NULL. For locks.json. */
int locks_exchange(struct locks *l, const struct lock_claim *take, const struct lock_holder *holder,
		   const char *const *remove, int count, struct lock_refusal *no);
/* Once for each `entry`, whatever becomes of it: 1; 0 it is known; -EBUSY, -EEXIST. */
int locks_take_in(struct locks *l, const struct lock_claim *c, const char *entry);
/* Renews what is mine; count 0: all of mine. How many, or -ENOENT, -EBUSY (none was renewed). */
int locks_renew(struct locks *l, const struct lock_holder *h, const char *const *resources,
		int count, int ttl_s, const char *reason, struct lock_refusal *no);
/* Gives back what is mine; count 0: all of mine (one that a descriptor holds too stays with it).
 * How many, or -ENOENT, -EBUSY (none was released). */
int locks_release(struct locks *l, const struct lock_holder *h, const char *const *resources,
		  int count, struct lock_refusal *no);
/* The same for one lock, whosever it is, but no later one. -ESTALE. */
int locks_release_token(struct locks *l, const char *resource, int64_t token);
/* The descriptor is closed or unlocked; what is mine by name too stays so. -ENOENT: it has none. */
int locks_release_descriptor(struct locks *l, int64_t descriptor);
/* rm: releases mine, overrides a stale one. -EBUSY, -ENOENT. */
int locks_remove(struct locks *l, const struct lock_holder *h, const char *resource,
		 struct lock_refusal *no);
/* Mine becomes another's, under a new token; `to` may leave its anchor to what the table knows of
 * that id. -EBUSY, -ENOENT, -EEXIST. */
int locks_transfer(struct locks *l, const struct lock_holder *h, const char *resource,
		   const struct lock_holder *to, struct lock_refusal *no);
/* Takes a lock away from whoever has it. -ESTALE: token is not its token; -EINVAL: no reason. */
int locks_break(struct locks *l, const struct lock_holder *by, const char *resource, int64_t token,
		const char *reason, struct lock_refusal *no);
int locks_clear_stale(struct locks *l, const struct lock_holder *by,
		      struct lock_refusal *no); /* how many */
/* All of them, whosever. How many, or -ESTALE: seq is not locks_seq(): not what was seen. */
int locks_clear_all(struct locks *l, const struct lock_holder *by, int64_t seq,
		    struct lock_refusal *no);

/* ---- locks: waiting, in order of arrival
 *
 * Whoever frees a resource grants it, in the same transaction, to the first in its queue, if all of
 * that one's set is free; nobody passes an earlier one that wants the same resource, though part of
 * what that wants be free. A waiter takes nothing in part, and goes with its process. */

/* 1 it was free and is taken, 0 *waiter waits, and `no` says for what first. -EDEADLK: a holder in
 * the way waits, itself or through others, for something of mine. -EEXIST. */
int locks_wait(int64_t *waiter, struct locks *l, const struct lock_claim *c,
	       struct lock_refusal *no);
/* 1 and *waiter: one of this process's was granted, and is the caller's from now on; 0: no more.
 * To be asked on each change; cheap while there is none. -ECANCELED and *waiter: its holder's
 * anchor died, it waits no more. -ENOLCK: the table was replaced or cannot be used; nobody of this
 * process waits any more. */
int locks_wait_next(int64_t *waiter, struct locks *l);
/* Leaves the queue; what was just granted is released. -ENOENT: locks_wait_next() told it. */
int locks_wait_cancel(struct locks *l, int64_t waiter);

/* ---- locks: looking
 *
 * fn must not change the table; its value other than 0 ends the iteration and is returned. */

int locks_get(struct lock *out, struct locks *l, const char *resource); /* 0 or -ENOENT */
int locks_each(struct locks *l, int (*fn)(void *arg, const struct lock *k), void *arg);
struct lock_waiter {
	int64_t id;
	struct lock_holder holder;
	int64_t since_unix_ms;
	bool ours;			   /* of this process */
	char resources[LOCK_REASON_BYTES]; /* "Chapter_01+StyleSystem", cut short if need be */
};
/* Those in the queue of a resource (NULL: all), the first first. */
int locks_waiters_each(struct locks *l, const char *resource,
		       int (*fn)(void *arg, const struct lock_waiter *w), void *arg);
/* A holder (of a lock, or one who waits) by its anchor, or by its id; 0 or -ENOENT. */
int locks_holder_of(struct lock_holder *out, struct locks *l, const struct process *anchor);
int locks_holder_named(struct lock_holder *out, struct locks *l, const char *instance);
/* For the fence: whose lock covers a resource, as locks_get: the one on it, else on Book, else a
 * share of Book; of several who share it, the newest, with a holder who is none of them. */
int locks_over(struct lock *out, struct locks *l, const char *resource);
/* After that: who took what covers it since *seq (0: since this look), though he may have given it
 * back; not the lock `token`. fn gets the id of each, "" if not all of them are known any more; and
 * *seq is that of the look then. Without a change it costs nothing. */
int locks_takers(int64_t *seq, struct locks *l, const char *resource, int64_t token,
		 void (*fn)(void *arg, const char *instance), void *arg);
/* Is this still the lock that was seen? 0, or -ESTALE. For each write under it. */
int locks_fence(struct locks *l, const char *resource, int64_t token);
/* The holder used what the lock (as of locks_over) covers: renews it, once a second. 0, -ESTALE. */
int locks_used(struct locks *l, const char *resource, int64_t token);
/* A path that the resource covers was changed behind the mount. How many holders are concerned. */
int locks_note_behind(struct locks *l, const char *resource, const char *path);
/* Held from before such a look until what it allows is done: meanwhile no process gives the
 * resource (NULL: any) to anybody or takes it away by force. Who wants to waits 250 ms (on a loop,
 * 1 ms) and gets LOCK_REFUSED_WRITTEN, or stays in the queue. Its holder changes no locks. Begins
 * in the table's thread, ends in any. -EBUSY: a change does not end. */
int locks_guard(struct locks *l, const char *resource);
void locks_unguard(struct locks *l, const char *resource);
/* The same while the kernel writes what the resource covers and asks nobody. To be called under a
 * guard of the resource, and as often ended; on the loop, as all below. It holds on when this
 * process is killed, for as long as the kernel has locks_lasting_fd() open. */
int locks_delegate(struct locks *l, const char *resource); /* 0 or -errno */
void locks_undelegate(struct locks *l, const char *resource);
int locks_lasting_fd(const struct locks *l); /* borrowed; -1: nothing was delegated yet */
/* Somebody, perhaps of this process, wants what is delegated: it is to be recalled and ended. What
 * this process wants itself it is refused until then. */
void locks_on_wanted(struct locks *l, void (*fn)(void *arg), void *arg);
int locks_seq(int64_t *seq, struct locks *l); /* of the newest event: every change moves it */

enum lock_event_type {
	LOCK_EVENT_ACQUIRED, /* its seq is the lock's token */
	LOCK_EVENT_RENEWED,
	LOCK_EVENT_RELEASED,
	LOCK_EVENT_EXPIRED,	   /* its holder is dead, or was unknown and past its ttl */
	LOCK_EVENT_OVERRIDDEN,	   /* was stale; detail: by whom */
	LOCK_EVENT_BROKEN,	   /* detail: by whom, and why */
	LOCK_EVENT_CLEARED,	   /* by clear; detail: by whom */
	LOCK_EVENT_TRANSFERRED,	   /* instance has it from now on; detail: from */
	LOCK_EVENT_WAITING,	   /* its seq is the waiter */
	LOCK_EVENT_GAVE_UP,	   /* a waiter left, or died */
	LOCK_EVENT_CHANGED,	   /* of two ways it was held by (name, descriptor) one ended */
	LOCK_EVENT_CHANGED_BEHIND, /* what it covers, not through a mount; detail: the path */
	LOCK_EVENT_VOIDED,	   /* the machine was started again: all locks went; resource "" */
	LOCK_EVENT_TYPES
};
const char *lock_event_name(enum lock_event_type t); /* "acquired" ... */
struct lock_event {
	int64_t seq;
	int64_t time_unix_ms;
	enum lock_event_type type;
	char resource[LOCK_RESOURCE_BYTES], instance[LOCK_INSTANCE_BYTES];
	int64_t token;
	const char *detail; /* or ""; borrowed until fn returns */
};
/* Events after `after`, oldest first, at most max. */
int locks_log(struct locks *l, int64_t after, int max,
	      int (*fn)(void *arg, const struct lock_event *e), void *arg);

#endif
