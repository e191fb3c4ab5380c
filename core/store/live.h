/* SPDX-License-Identifier: MIT */
#ifndef LIVE_H
#define LIVE_H

/*
 * live: the side files by which the processes of one store know of each other.
 *
 * NAME-live: each holds an OFD lock on one byte of it, drawn at random out of 2^62 and recorded as
 * the owner of what it claims. The kernel lets go of it when the process ends, however it ends, and
 * at no other time: not while it is stopped or the machine asleep. No byte is drawn twice, so a
 * dead owner never comes to life again. Byte 0 is locked shared by all; who can lock it exclusively
 * is the last, and removes the files.
 *
 * NAME-bell: a byte is written into it after each commit, and inotify tells the others. (The WAL
 * file would tell them one write too early: before the commit can be seen.)
 */

#include "base.h"

struct live;
/* writable false: only looks; the files may be missing. */
int live_open(struct live **out, const char *store_path, bool writable, struct err *err);
struct live *live_close(struct live *l);
DEFINE_CLEANUP(struct live, live_close)
/* NAME-live once more, with byte 0: for who may have it open when this process has ended, as the
 * files stay until then. A descriptor, the caller's, or -errno. */
int live_open_lasting(const struct live *l);
/* Held while the store is made or brought up to date: one process at a time. */
int live_lock_making(struct live *l);
void live_unlock_making(struct live *l);
int64_t live_owner(const struct live *l);
bool live_is_alive(const struct live *l, int64_t owner); /* any thread */
bool live_is_alone(const struct live *l);		 /* has no other process the store open? */
void live_ring(const struct live *l);			 /* any thread */
/* Readable when a bell rang or a process ended; made at the first call. -1: there is none. */
int live_fd(struct live *l);
/* Empties it. Did a process close NAME-live? Its lock may last some microseconds longer. */
bool live_drain(const struct live *l);

#endif
