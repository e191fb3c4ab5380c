/* SPDX-License-Identifier: MIT */
#ifndef LOCKER_H
#define LOCKER_H

/*
 * Private to fs: the commands that take locks and give them back, with and without a mount. They
 * work on the lock table itself, as a mount does, and know their caller by the same rules
 * (holder.h).
 *
 *     locker.c           what they share: the table of a book, the names, who the caller is
 *     locker_lock.c      bookfs lock: asking, waiting
 *     locker_dialog.c    what it offers on a terminal
 *     locker_guard.c     bookfs lock ... -- COMMAND: held while it runs
 *     locker_commands.c  unlock, locks, break, clear
 *     history.c          history and undo, which asks for the locks of what it takes back
 */

#include <signal.h>

#include "fs.h"
#include "holder.h"

enum { EXIT_HELD = 75 }; /* sysexits.h: EX_TEMPFAIL; somebody else has it */

struct locker {
	struct options options;
	const char *place; /* the book or directory, as it was typed */
	bool store_given;  /* with --store */
	struct locks *table;
	struct holders *holders;
	struct holder me;
	sigset_t mask; /* of signals, as it was at the start */
	int signals;   /* a signalfd, once one is needed; else -1 */
	int signal;    /* that ended a wait */
};

/* The book, or the one that is mounted on that directory, and then its store. The error is for the
 * person. */
int locker_find_book(struct options *o, const char *place, struct err *err);
/* Opens the lock table of a book, or of the book that is mounted on a directory; as: --as, or NULL.
 * The error is for the person. locker_finish always. */
int locker_open(struct locker *k, const char *place, const char *as, struct err *err);
/* The same in two steps: the second makes the table if there is none. */
int locker_find(struct locker *k, const char *place, const char *as, struct err *err);
int locker_begin(struct locker *k, const char *as, struct err *err);
void locker_finish(struct locker *k);
/* Of a flag that was given more than once the last counts. NULL: it was not given. */
const char *locker_last(const struct strv *v);
/* Are these resources? A misspelt one is refused with the name that was meant. */
int locker_check_names(struct locker *k, char *const *names, size_t count, struct err *err);

/* "Chapter_03 is held by CLI-12345 (pid 4711) since ..., renewed ... ago, stale, reason: ..." */
void locker_describe(struct buf *out, const struct lock *k);
/* "bookfs COMMAND [--store PATH] PLACE", as a shell reads it. */
void locker_add_command(struct buf *out, const struct locker *k, const char *command);
/* Is it somebody's lock that refused? */
bool locker_is_held(const struct lock_refusal *no);
/* A refusal on stderr, in one line with what can be done: claim, or NULL if there was none that
 * could wait. The status to exit with. */
int locker_refused(const struct locker *k, int code, const struct lock_refusal *no,
		   const struct lock_claim *claim);
/* Says why the table cannot be used. */
int locker_failed(const struct locker *k, int code);
/* Whether a person can be asked, and the answer (owned, without its newline; NULL: there is none).
 */
bool locker_can_ask(void);
char *locker_ask(const char *question);

/* ---- locker_lock.c */

/* Takes it, after a wait of at most wait_s (0: none), with a countdown on a terminal. 0: then
 * signals are held back, as nobody knows yet; -EINTR (k->signal): nothing was taken; -ECANCELED:
 * the holder ended meanwhile; or the refusal as it is at the end. */
int locker_get(struct locker *k, const struct lock_claim *claim, int wait_s,
	       struct lock_refusal *no);

/* ---- locker_dialog.c */

/* A refused claim, on a terminal. 0 it was got after all; -ECANCELED; <0. */
int locker_dialog(struct locker *k, const struct lock_claim *claim, struct lock_refusal *no);

/* ---- locker_guard.c */

/* What of the claim this process is run under already: it asks no more for it. Of two commands
 * of one holder the inner one works under the lock of the outer one. */
bool locker_is_under(struct locker *k, const char *resource);
/* Runs argv under the claim, which was got by a descriptor, and gives it back. Its status. */
int locker_guard(struct locker *k, const struct lock_claim *claim, char **argv);

/* ---- history.c */

extern const struct command command_history, command_undo;

extern const struct command command_lock, command_unlock, command_locks, command_break,
	command_clear;

#endif
