/* SPDX-License-Identifier: MIT */
#ifndef LOCK_TABLE_H
#define LOCK_TABLE_H

/*
 * What the files of the lock table share.
 *
 *	lock_name.c   resources and their numbers
 *	lock_file.c   the file, transactions, numbers
 *	lock_book.c   one table a book, whatever its name
 *	lock_keep.c   the log folded in, off the loop
 *	lock_row.c    rows, events, who is dead
 *	lock_known.c  the rows in memory
 *	lock_take.c   taking, giving back
 *	lock_share.c  all of the book, alone or shared
 *	lock_behind.c what happened without it
 *	lock_wait.c   the queues
 *	lock_clear.c  taking away, and what the dead leave
 *	lock_watch.c  who died, who changed something
 *	lock_look.c   looking without changing
 *	lock_guard.c  nobody's lock changes while he writes
 *
 * Everything that decides runs inside lock_transact(). There a query that fails sticks to the
 * transaction (lock_run, lock_step), which is then undone as a whole and answered -ENOLCK; any
 * other result of the work, a refusal too, is committed: what was found dead on the way stays
 * removed.
 */

#include "conn.h"
#include "live.h"
#include "store.h"

#define LOCK_CHAPTER_MOST 99999
/* The book; what a claim of a share names; and the shares, Book.1 the least. */
#define LOCK_BOOK (-7)
#define LOCK_SHARED (-8)
#define LOCK_SHARES 64
#define LOCK_FIRST_SHARE (LOCK_SHARED - LOCK_SHARES)

/* ---- lock_name.c */
int64_t lock_number(const char *name); /* 0: none */
bool lock_number_name(char out[LOCK_RESOURCE_BYTES], int64_t number);

/* ---- lock_file.c */

struct lock_numbers { /* of resources */
	int64_t *items;
	size_t len, cap;
};

/* Of lock_known.c: what the table says, as long as nobody else changes it. */
struct lock_known {
	bool valid;
	struct conn_moment moment;
	struct lock_row *rows; /* by resource; what depends on the time is not in them */
	size_t len, cap;
	int64_t seq;
	bool awaited; /* there may be waiters */
	bool told;    /* none of ours was granted anything that it has not been told */

	/* of the transaction that runs */
	uint32_t commits; /* before it */
	bool timed, wrote;
};

struct locks {
	char *path, *live_path;
	struct loop *loop; /* or NULL */
	mode_t mode;	   /* of the file, when it is made: the store's */
	struct live *live;
	int book_fd;		/* lock_book.c; -1: it is not said, or gone */
	int open_fd;		/* of NAME-locks-live: has a lock on OPEN_BYTE while conn is open */
	struct conn conn;	/* db NULL: the file was replaced and is not open again yet */
	uint64_t device, inode; /* of the file it has open */
	struct conn_moment busy_moment; /* when it was last found busy */
	int frames;			/* in the log after the last commit */
	int64_t room_end; /* the log has its blocks up to there, whatever fills the disk; -ENOSPC */
	struct lock_known known;
	int64_t reserved; /* at least; as in meta */
	int64_t floor;	  /* the highest number this process has seen, whatever the file says */
	int64_t swept_boot_ms; /* the last locks_sweep() */
	int64_t slept_ms;      /* as in meta when last looked */
	struct err err;	       /* of the last -ENOLCK */
	struct lock_keeper *keeper;
	struct lock_watch *watch; /* NULL without a loop */
	struct lock_guards *guards;
	int waiting;	   /* waiters of this process that were not told yet, at most */
	bool lost_waiters; /* they were in a table that was replaced */

	/* of the transaction that runs */
	bool open;
	/* Sticky: -errno, or what another attempt may have: -ERANGE, no reserved numbers left;
	 * -EINPROGRESS, somebody writes what is to change hands. */
	int failed;
	int64_t seq, began_seq;
	int64_t now_unix_ms, now_boot_ms;
	struct lock_numbers freed; /* whose queues must be looked at before it ends */
	bool shut_any;		   /* it ended, and something changed hands */
};

typedef int (*lock_work_fn)(struct locks *l, void *arg);
int lock_transact(struct locks *l, lock_work_fn work, void *arg);
/* For the net, which must not make what a person has removed: is there a table? If not, it is
 * closed, so that the next who needs one may make it. */
bool lock_is_there(struct locks *l);
int lock_ready(struct locks *l);	      /* before reading: is it still our file? */
int lock_unusable(struct locks *l, int code); /* fills l->err; -ENOLCK */
/* Reserves numbers for sure and lets old events go. On a connection of its own or none that is in a
 * transaction. */
int lock_reserve(int64_t *reserved, struct conn *c, int64_t need, struct err *err);

/* A query within the transaction or not: its failure is the table's. */
int lock_run(struct locks *l, struct query *q);	 /* 0 or <0 */
int lock_step(struct locks *l, struct query *q); /* 1, 0 or <0 */
void lock_numbers_add(struct lock_numbers *v, int64_t number);
void lock_numbers_finish(struct lock_numbers *v);

/* ---- lock_book.c */
/* After a table was opened: the book, if it is said, is this one's. -ENOLCK */
int lock_book_claim(struct locks *l, struct err *err);

/* ---- lock_keep.c */
struct lock_keeper *lock_keeper_new(struct locks *l);
struct lock_keeper *lock_keeper_free(struct lock_keeper *k);
void lock_keep(struct locks *l); /* after a commit */
void lock_room_make(struct locks *l);
/* Within a transaction, before somebody takes or waits: is there room to end that? -ENOSPC fails
 * it. */
int lock_room_check(struct locks *l);

/* ---- lock_known.c */
int lock_known_look(struct locks *l); /* before the others: reads what is not known; 0 or <0 */
void lock_known_forget(struct locks *l);
/* The first row of a resource not below this; NULL: there is none. */
const struct lock_row *lock_known_from(const struct locks *l, int64_t resource);
void lock_known_put(struct locks *l, const struct lock_row *row);
void lock_known_remove(struct locks *l, int64_t resource, int64_t token);
void lock_known_waiters_changed(struct locks *l); /* they are looked at again afterwards */
int lock_known_begin(struct locks *l);		  /* of a transaction */
void lock_known_end(struct locks *l, bool committed);

/* ---- lock_row.c */

struct lock_row {
	int64_t resource;
	struct lock k;
	int64_t owner; /* of the descriptor: a live byte */
	int64_t waiter;
	int64_t renewed_boot_ms;
};
/* The columns that lock and waiter share, in this order. */
#define LOCK_HOLDER_COLUMNS "instance, uid, pid, start_ticks, pid_namespace"
void lock_read_holder(struct lock_holder *out, struct query *q, int first_column);
void lock_bind_holder(struct query *q, const struct lock_holder *h);
int lock_row_get(struct lock_row *out, struct locks *l, int64_t resource); /* 1, 0 or <0 */
int lock_row_put(struct locks *l, const struct lock_row *row);
/* As the database has them, for lock_known.c. */
int lock_rows_read(struct locks *l, int (*fn)(void *arg, const struct lock_row *row), void *arg);
/* All of them: calls fn with each; its value other than 0 ends it. */
int lock_rows(struct locks *l, int (*fn)(void *arg, struct lock_row *row), void *arg);
/* The lock goes, with an event, and who waits for it gets it before the transaction ends. */
int lock_row_free(struct locks *l, const struct lock_row *row, enum lock_event_type type,
		  const char *detail);
/* One of the two ways it is held, or both, are over; without any it goes, as `type`. */
int lock_row_lessen(struct locks *l, struct lock_row *row, bool by_name, bool by_descriptor,
		    enum lock_event_type type);
/* Judges it: 1 it stands (state is set), 0 it is gone. conflict: it stands in somebody's way, so
 * an unknown holder past its ttl goes too. */
int lock_row_judge(struct locks *l, struct lock_row *row, bool conflict);
bool lock_is_past(struct locks *l, const struct lock_row *row);

struct lock_note {
	enum lock_event_type type;
	int64_t resource;
	const char *instance;
	int64_t token; /* 0: the event's own number */
	const char *detail;
};
int64_t lock_event(struct locks *l, const struct lock_note *n); /* its number */
/* Looks whether the machine slept since; true while sleepers are given time. */
bool lock_in_grace(struct locks *l, int ttl_s);

/* ---- lock_take.c */

/* Who asks for what: a claim, or a waiter whose turn came. */
struct lock_asker {
	struct lock_holder holder;
	const struct lock_holder *was; /* or NULL */
	struct lock_numbers set;
	int64_t owner, descriptor; /* owner: of the process that asks */
	pid_t descriptor_pid;
	int ttl_s;
	const char *reason; /* or NULL */
	int64_t waiter;	    /* 0: it is none */
	bool make;
};
void lock_asker_finish(struct lock_asker *a);
int lock_asker_of(struct lock_asker *out, struct locks *l, const struct lock_claim *c,
		  struct lock_refusal *no);
bool lock_row_is_mine(const struct lock_row *row, const struct lock_asker *a);
/* Does the row not stand in its way? */
bool lock_row_admits(struct locks *l, const struct lock_row *row, const struct lock_asker *a);
int lock_may_take(struct locks *l, const struct lock_asker *a, struct lock_refusal *no);
int lock_take(struct locks *l, const struct lock_asker *a);
int lock_refuse(struct lock_refusal *no, int code, enum lock_refusal_why why,
		const struct lock_row *row, const char *fmt, ...) PRINTF(5, 6);
/* The table's reason in `no`, if it failed; the result unchanged. */
int lock_answer(struct locks *l, int result, struct lock_refusal *no);

int lock_check_id(struct locks *l, const struct lock_holder *me, struct lock_refusal *no);

/* ---- lock_share.c */
bool lock_is_share(int64_t number);
/* Do two holders' locks on these exclude each other? */
bool lock_conflict(int64_t a, int64_t b);
/* The resource; for LOCK_SHARED the share that a claim is about, or a free one; 0: there is none.
 */
int64_t lock_share_of(struct locks *l, int64_t resource, const struct lock_asker *a);
/* What Book means to one who gives it back: it, or his share. */
int64_t lock_book_of(struct locks *l, const struct lock_holder *h);
/* May it be had, for all that is held of other names, and all who came before? Judging who is dead,
 * or not. */
int lock_check_book(struct locks *l, int64_t resource, const struct lock_asker *a,
		    struct lock_refusal *no);
bool lock_book_admits(struct locks *l, int64_t resource, const struct lock_asker *a);

/* ---- lock_clear.c */
int lock_leave(struct locks *l); /* what hangs on this process goes */
int lock_sweep(struct locks *l); /* what is dead goes */

/* Requests that lock_take.c and lock_clear.c share: what one call is about, as its work sees it. */
struct lock_request {
	struct lock_asker asker;
	struct lock_numbers others; /* resources that go, or are renewed */
	const struct lock_holder *to;
	const char *reason;
	int64_t number; /* a token, a seq, a descriptor */
	bool all;	/* no resource was named */
	struct lock_refusal *no;
};
void lock_request_finish(struct lock_request *r);
int lock_request_of(struct lock_request *r, const struct lock_holder *h,
		    const char *const *resources, int count, struct lock_refusal *no);
int lock_request_run(struct locks *l, lock_work_fn work, struct lock_request *r);
int lock_refuse_held(struct lock_refusal *no, const struct lock_row *row);
int lock_refuse_free(struct lock_refusal *no, int64_t resource);
int lock_refuse_descriptor(struct lock_refusal *no, const struct lock_row *row);
/* All held resources, or those of one holder. */
int lock_gather(struct lock_numbers *out, struct locks *l, const struct lock_holder *of);

/* ---- lock_guard.c */

struct lock_guards *lock_guards_new(void);
struct lock_guards *lock_guards_free(struct lock_guards *g);
/* Within the transaction, before a resource changes hands: nobody writes to it until
 * lock_guard_open(), which is after the commit. false: somebody does. */
bool lock_guard_shut(struct locks *l, int64_t number);
bool lock_guard_open(struct locks *l); /* was any shut? */
/* Without a transaction: waits until what could not be shut can. false: that takes too long, or
 * there is a loop. And when that is over; changed: something was shut. *began_us: 0 at first. */
bool lock_guard_await(struct locks *l, int64_t *began_us);
void lock_guard_waited(struct locks *l, bool changed);
int lock_guard_refuse(struct locks *l); /* fills l->err; -EBUSY */
void lock_guard_look(struct locks *l);	/* the bell rang: is what is delegated wanted? */

/* ---- lock_wait.c */
int64_t lock_first_waiter(struct locks *l, int64_t resource); /* 0: none */
int lock_waiter_holder(struct lock_holder *out, struct locks *l, int64_t waiter);
int lock_settle(struct locks *l); /* the queues of what was freed */
/* All queues, for what could not be granted when it was freed: within a transaction, and alone. */
int lock_ask_queues(struct locks *l, void *arg);
int lock_settle_all(struct locks *l);
/* Those go whose process is `owner`, or, with 0, those whose process or anchor is dead. */
int lock_drop_waiters(struct locks *l, int64_t owner);

/* ---- lock_watch.c */
struct lock_watch *lock_watch_new(struct locks *l);
struct lock_watch *lock_watch_free(struct lock_watch *w);
void lock_watch_anchor(struct locks *l, const struct process *anchor);
/* Cheaper than process_life() for those that are watched. */
enum process_life lock_watch_life(struct locks *l, const struct process *anchor);
void lock_watch_tell(struct locks *l); /* a change was committed */

#endif
