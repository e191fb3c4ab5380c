/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "lock_table.h"

/*
 * Who looks at the table and then writes a file must not find his lock overridden between the two,
 * by whatever process: the byte would be late. So he holds a byte of NAME-locks-live shared, one a
 * resource, from before he looks until he has written. Whoever gives the resource to somebody, or
 * takes it away by force, holds that byte alone while he commits, and so has to wait for writes
 * under way. A lock that is given back, or whose holder died, waits for nobody: what comes late
 * then comes to what is free, and who takes it next waits.
 *
 * A change must not wait for ever behind those who write on and on: it says that it wants the byte,
 * by another one, and nobody begins a write then. It is given up when a write does not end (a disk
 * that stalls). Whoever changes holds the table's write lock meanwhile for a millisecond at most;
 * past that it begins anew when the byte is free.
 *
 * The locks belong to the open file, and in one process several writes may be under way: they are
 * counted. They begin in the thread whose table it is, as changes do, but may end in any other.
 */

/* lock_file.c and live.c have those below. */
#define FIRST_BYTE ((INT64_C(1) << 62) + (INT64_C(1) << 20))
#define WANTED_BYTE (FIRST_BYTE + (INT64_C(1) << 20))
/* Resources are numbered from here to LOCK_CHAPTER_MOST. Who changes whose all of the book is wants
 * all their bytes. */
#define LEAST (-1000)
/* No resource has this number. Its byte is held the other way about: alone by who guards all,
 * shared by those who change any, who have no quarrel with each other. */
#define ALL (LEAST - 1)
#define SPIN_US 60
#define SHUT_MOST_US 1000
#define CHANGE_MOST_US (250 * INT64_C(1000))
/* A change commits within microseconds, unless its process was stopped in it. */
#define GUARD_MOST_US (2000 * INT64_C(1000))

struct guard {
	int64_t number;
	int users;
};

struct lock_guards {
	pthread_mutex_t mutex; /* of items */
	struct guard *items;
	size_t len, cap;
	struct lock_numbers shut; /* in the transaction that runs */
	int64_t lacked;		  /* the number that it could not shut */
	bool wanted;		  /* and said so */
};

/* ---- bytes */

struct stretch {
	int64_t start, len;
};

static int ask(const struct locks *l, int command, short type, int64_t base, struct stretch b)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = base + b.start, .l_len = b.len};
	if (fcntl(l->open_fd, command, &lock) < 0)
		return errno == EACCES ? -EAGAIN : -errno;
	return lock.l_type != F_UNLCK; /* F_OFD_GETLK: somebody else has it */
}

static int set(const struct locks *l, short type, int64_t base, struct stretch b)
{
	int result = ask(l, F_OFD_SETLK, type, base, b);
	return result < 0 ? result : 0;
}

static struct stretch one(int64_t number)
{
	return (struct stretch){number, 1};
}

static bool is_book(int64_t number)
{
	return number == LOCK_BOOK || (number != ALL && lock_is_share(number));
}

/* What a change of hands is kept out by. */
static struct stretch covered(int64_t number)
{
	return is_book(number) ? (struct stretch){LEAST, LOCK_CHAPTER_MOST + 1 - LEAST}
			       : one(number);
}

static short guarding(int64_t number)
{
	return number == ALL ? F_WRLCK : F_RDLCK;
}

static short changing(int64_t number)
{
	return number == ALL ? F_RDLCK : F_WRLCK;
}

/* A moment's pause; false: it took too long. *began_us 0: it begins. */
static bool pause_until(int64_t *began_us, int64_t most_us)
{
	static const struct timespec moment = {.tv_nsec = 20000};
	int64_t now = clock_mono_us();
	if (!*began_us)
		*began_us = now;
	if (now - *began_us >= SPIN_US)
		nanosleep(&moment, NULL);
	return now - *began_us < most_us;
}

/* ---- those who write */

static struct guard *guard_of(struct lock_guards *g, int64_t number)
{
	for (size_t i = 0; i < g->len; i++)
		if (g->items[i].number == number)
			return &g->items[i];
	g->items = xgrow(g->items, &g->cap, g->len + 1, sizeof(*g->items));
	g->items[g->len] = (struct guard){.number = number};
	return &g->items[g->len++];
}

static int enter(struct locks *l, int64_t number)
{
	struct lock_guards *g = l->guards;
	int result = ask(l, F_OFD_GETLK, F_RDLCK, WANTED_BYTE, one(number)) ? -EAGAIN : 0;
	pthread_mutex_lock(&g->mutex);
	struct guard *at = guard_of(g, number);
	if (result == 0 && at->users == 0)
		result = set(l, guarding(number), FIRST_BYTE, one(number));
	at->users += result == 0;
	pthread_mutex_unlock(&g->mutex);
	return result;
}

int locks_guard(struct locks *l, const char *resource)
{
	int64_t number = resource ? lock_number(resource) : ALL, began_us = 0;
	int result;
	if (number == 0)
		return -EINVAL;
	while ((result = enter(l, number)) == -EAGAIN)
		if (!pause_until(&began_us, GUARD_MOST_US))
			return -EBUSY;
	return result;
}

void locks_unguard(struct locks *l, const char *resource)
{
	int64_t number = resource ? lock_number(resource) : ALL;
	struct lock_guards *g = l->guards;
	pthread_mutex_lock(&g->mutex);
	if (--guard_of(g, number)->users == 0)
		set(l, F_UNLCK, FIRST_BYTE, one(number));
	pthread_mutex_unlock(&g->mutex);
}

/* ---- those who change */

/* Does a thread of this process write to it? Its bytes are our own and would be given to us. */
static bool is_used_here(const struct lock_guards *g, int64_t number)
{
	for (size_t i = 0; i < g->len; i++) {
		bool about = g->items[i].number == number ||
			     (is_book(number) && g->items[i].number != ALL);
		if (about && g->items[i].users)
			return true;
	}
	return false;
}

static int shut(struct locks *l, int64_t number)
{
	struct lock_guards *g = l->guards;
	pthread_mutex_lock(&g->mutex);
	int result = is_used_here(g, number)
			     ? -EAGAIN
			     : set(l, changing(number), FIRST_BYTE, covered(number));
	pthread_mutex_unlock(&g->mutex);
	return result;
}

static bool is_shut(const struct lock_guards *g, int64_t number)
{
	for (size_t i = 0; i < g->shut.len; i++)
		if (g->shut.items[i] == number)
			return true;
	return false;
}

static bool shut_one(struct locks *l, int64_t number)
{
	struct lock_guards *g = l->guards;
	int64_t began_us = 0;
	int result = 0;
	if (is_shut(g, number))
		return true;
	while ((result = shut(l, number)) == -EAGAIN)
		if (!pause_until(&began_us, SHUT_MOST_US))
			break;
	if (result == 0)
		lock_numbers_add(&g->shut, number);
	else
		g->lacked = number;
	return result == 0;
}

bool lock_guard_shut(struct locks *l, int64_t number)
{
	return shut_one(l, ALL) && shut_one(l, is_book(number) ? LOCK_BOOK : number);
}

void lock_guard_open(struct locks *l)
{
	struct lock_guards *g = l->guards;
	for (size_t i = 0; i < g->shut.len; i++)
		set(l, F_UNLCK, FIRST_BYTE, covered(g->shut.items[i]));
	g->shut.len = 0;
}

static bool is_free(struct locks *l, int64_t number)
{
	struct lock_guards *g = l->guards;
	pthread_mutex_lock(&g->mutex);
	bool free_here = !is_used_here(g, number);
	pthread_mutex_unlock(&g->mutex);
	return free_here && ask(l, F_OFD_GETLK, changing(number), FIRST_BYTE, covered(number)) == 0;
}

bool lock_guard_await(struct locks *l, int64_t *began_us)
{
	struct lock_guards *g = l->guards;
	set(l, F_WRLCK, WANTED_BYTE, covered(g->lacked));
	g->wanted = true;
	while (pause_until(began_us, CHANGE_MOST_US))
		if (is_free(l, g->lacked))
			return true;
	return false;
}

void lock_guard_waited(struct locks *l)
{
	struct lock_guards *g = l->guards;
	if (g->wanted)
		set(l, F_UNLCK, WANTED_BYTE, covered(g->lacked));
	g->wanted = false;
}

int lock_guard_refuse(struct locks *l)
{
	char name[LOCK_RESOURCE_BYTES];
	if (!lock_number_name(name, l->guards->lacked))
		snprintf(name, sizeof(name), "the book");
	return err_set(&l->err, -EBUSY, "a write to %s is under way and does not end; try again",
		       name);
}

/* ---- lifetime */

struct lock_guards *lock_guards_new(void)
{
	struct lock_guards *g = xcalloc(1, sizeof(*g));
	pthread_mutex_init(&g->mutex, NULL);
	return g;
}

struct lock_guards *lock_guards_free(struct lock_guards *g)
{
	if (!g)
		return NULL;
	pthread_mutex_destroy(&g->mutex);
	lock_numbers_finish(&g->shut);
	free(g->items);
	free(g);
	return NULL;
}
