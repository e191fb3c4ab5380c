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
 * past that it begins anew when the byte is free. A loop does not stand still for that: what it was
 * to change is refused, and whoever asked asks again (LOCK_REFUSED_WRITTEN). In between the byte
 * stays wanted, but not on and on: if the disk stalls, others are not to be kept from writing.
 *
 * The locks belong to the open file, and in one process several writes may be under way: they are
 * counted. They begin in the thread whose table it is, as changes do, but may end in any other.
 *
 * What the kernel writes without asking anybody is delegated to it (RFC 8881, section 10.4, has the
 * word): the byte is held until that is recalled. It is held by an open file of its own, which the
 * kernel is given, too: should this process be killed, the byte stays held for as long as the
 * kernel has anything of the mount open. Who wants the byte rings the bell, and whoever delegated
 * it is told to recall it.
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
#define WANTED_MS 250
/* A change commits within microseconds, unless its process was stopped in it. */
#define GUARD_MOST_US (2000 * INT64_C(1000))

struct guard {
	int64_t number;
	int users;
};

struct guard_list {
	struct guard *items;
	size_t len, cap;
};

struct lock_guards {
	pthread_mutex_t mutex; /* of writing */
	struct guard_list writing;
	struct lock_numbers shut; /* in the transaction that runs */
	int64_t lacked;		  /* the number that it could not shut */
	bool wanted;		  /* and said so */
	struct timer *unwanted;	  /* with a loop: ends that, and then the rest from it */
	bool rests;

	struct guard_list delegated;
	int kernel_fd;	  /* that they are held by; -1: nothing was yet */
	bool wanted_here; /* by ourselves, and the bell was rung for it */
	void (*on_wanted)(void *arg);
	void *arg;
};

/* ---- bytes */

struct stretch {
	int64_t start, len;
};

static int ask(int fd, int command, short type, int64_t base, struct stretch b)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = base + b.start, .l_len = b.len};
	if (fcntl(fd, command, &lock) < 0)
		return errno == EACCES ? -EAGAIN : -errno;
	return lock.l_type != F_UNLCK; /* F_OFD_GETLK: somebody else has it */
}

static int set(int fd, short type, int64_t base, struct stretch b)
{
	int result = ask(fd, F_OFD_SETLK, type, base, b);
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

static struct guard *guard_of(struct guard_list *v, int64_t number)
{
	for (size_t i = 0; i < v->len; i++)
		if (v->items[i].number == number)
			return &v->items[i];
	v->items = xgrow(v->items, &v->cap, v->len + 1, sizeof(*v->items));
	v->items[v->len] = (struct guard){.number = number};
	return &v->items[v->len++];
}

/* Is any of those used that a change of this number is kept out by? */
static bool is_used(const struct guard_list *v, int64_t number)
{
	for (size_t i = 0; i < v->len; i++) {
		bool about = v->items[i].number == number ||
			     (is_book(number) && v->items[i].number != ALL);
		if (about && v->items[i].users)
			return true;
	}
	return false;
}

static int enter(struct locks *l, int64_t number)
{
	struct lock_guards *g = l->guards;
	int result = 0;
	/* Where it is delegated besides, who wants it waits for that anyway. */
	if (!is_used(&g->delegated, number) &&
	    ask(l->open_fd, F_OFD_GETLK, F_RDLCK, WANTED_BYTE, one(number)))
		result = -EAGAIN;
	pthread_mutex_lock(&g->mutex);
	struct guard *at = guard_of(&g->writing, number);
	if (result == 0 && at->users == 0)
		result = set(l->open_fd, guarding(number), FIRST_BYTE, one(number));
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
	if (--guard_of(&g->writing, number)->users == 0)
		set(l->open_fd, F_UNLCK, FIRST_BYTE, one(number));
	pthread_mutex_unlock(&g->mutex);
}

/* ---- what the kernel writes by itself */

int locks_delegate(struct locks *l, const char *resource)
{
	struct lock_guards *g = l->guards;
	int64_t number = lock_number(resource);
	if (number == 0)
		return -EINVAL;
	if (g->kernel_fd < 0)
		g->kernel_fd = live_open_lasting(l->live);
	if (g->kernel_fd < 0)
		return g->kernel_fd;
	struct guard *at = guard_of(&g->delegated, number);
	int result = at->users ? 0 : set(g->kernel_fd, F_RDLCK, FIRST_BYTE, one(number));
	at->users += result == 0;
	return result;
}

static int stop_at_first(void *arg, const struct lock_waiter *w)
{
	return 1;
}

static bool anybody_waits(struct locks *l)
{
	return locks_waiters_each(l, NULL, stop_at_first, NULL) == 1;
}

void locks_undelegate(struct locks *l, const char *resource)
{
	struct lock_guards *g = l->guards;
	int64_t number = lock_number(resource);
	if (--guard_of(&g->delegated, number)->users > 0)
		return;
	set(g->kernel_fd, F_UNLCK, FIRST_BYTE, one(number));
	if (anybody_waits(l))
		lock_settle_all(l);
}

int locks_lasting_fd(const struct locks *l)
{
	return l->guards->kernel_fd;
}

void locks_on_wanted(struct locks *l, void (*fn)(void *arg), void *arg)
{
	l->guards->on_wanted = fn;
	l->guards->arg = arg;
}

static bool is_wanted(struct locks *l)
{
	const struct guard_list *v = &l->guards->delegated;
	for (size_t i = 0; i < v->len; i++)
		if (v->items[i].users &&
		    ask(l->open_fd, F_OFD_GETLK, F_RDLCK, WANTED_BYTE, one(v->items[i].number)))
			return true;
	return anybody_waits(l);
}

void lock_guard_look(struct locks *l)
{
	struct lock_guards *g = l->guards;
	bool here = g->wanted_here;
	g->wanted_here = false;
	/* A change of Book is kept out by any. */
	if (g->on_wanted && is_used(&g->delegated, LOCK_BOOK) && (here || is_wanted(l)))
		g->on_wanted(g->arg);
}

static bool is_delegated_here(struct locks *l, int64_t number)
{
	struct lock_guards *g = l->guards;
	if (!is_used(&g->delegated, number))
		return false;
	if (!g->wanted_here)
		live_ring(l->live);
	return g->wanted_here = true;
}

/* ---- those who change */

static int shut(struct locks *l, int64_t number)
{
	struct lock_guards *g = l->guards;
	pthread_mutex_lock(&g->mutex);
	/* The bytes of those who write here are our own and would be given to us. */
	int result = is_used(&g->writing, number)
			     ? -EAGAIN
			     : set(l->open_fd, changing(number), FIRST_BYTE, covered(number));
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
	if (is_delegated_here(l, number)) {
		g->lacked = number;
		return false;
	}
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

bool lock_guard_open(struct locks *l)
{
	struct lock_guards *g = l->guards;
	bool any = g->shut.len > 0;
	for (size_t i = 0; i < g->shut.len; i++)
		set(l->open_fd, F_UNLCK, FIRST_BYTE, covered(g->shut.items[i]));
	g->shut.len = 0;
	return any;
}

static bool is_free(struct locks *l, int64_t number)
{
	struct lock_guards *g = l->guards;
	pthread_mutex_lock(&g->mutex);
	bool free_here = !is_used(&g->writing, number);
	pthread_mutex_unlock(&g->mutex);
	return free_here &&
	       ask(l->open_fd, F_OFD_GETLK, changing(number), FIRST_BYTE, covered(number)) == 0;
}

static void want(struct locks *l)
{
	struct lock_guards *g = l->guards;
	set(l->open_fd, F_WRLCK, WANTED_BYTE, covered(g->lacked));
	if (!g->wanted)
		live_ring(l->live);
	g->wanted = true;
}

static void want_nothing(struct locks *l)
{
	if (l->guards->wanted)
		set(l->open_fd, F_UNLCK, WANTED_BYTE,
		    (struct stretch){ALL, LOCK_CHAPTER_MOST + 1 - ALL});
	l->guards->wanted = false;
}

static void on_unwanted(void *arg)
{
	struct locks *l = arg;
	struct lock_guards *g = l->guards;
	g->rests = g->wanted;
	if (g->rests)
		timer_set(g->unwanted, clock_boot_ms() + WANTED_MS);
	want_nothing(l);
}

static void want_for_a_while(struct locks *l)
{
	struct lock_guards *g = l->guards;
	if (!g->unwanted)
		g->unwanted = timer_new(l->loop, on_unwanted, l);
	if (g->rests)
		return;
	if (!g->wanted)
		timer_set(g->unwanted, clock_boot_ms() + WANTED_MS);
	want(l);
}

bool lock_guard_await(struct locks *l, int64_t *began_us)
{
	if (is_delegated_here(l, l->guards->lacked))
		return false; /* only this thread could recall it */
	if (l->loop) {
		want_for_a_while(l);
		return false;
	}
	want(l);
	while (pause_until(began_us, CHANGE_MOST_US))
		if (is_free(l, l->guards->lacked))
			return true;
	return false;
}

/* On a loop others may still be asked for that nobody has asked about since: they are wanted anew
 * when somebody does. */
void lock_guard_waited(struct locks *l, bool changed)
{
	if (changed || !l->loop)
		want_nothing(l);
}

int lock_guard_refuse(struct locks *l)
{
	char name[LOCK_RESOURCE_BYTES];
	if (!lock_number_name(name, l->guards->lacked))
		snprintf(name, sizeof(name), "the book");
	return err_set(
		&l->err, -EBUSY,
		"a write to %s is under way and does not end; try again; if a bookfs was killed, "
		"close what is still open in its mount, and leave it",
		name);
}

/* ---- lifetime */

struct lock_guards *lock_guards_new(void)
{
	struct lock_guards *g = xcalloc(1, sizeof(*g));
	g->kernel_fd = -1;
	pthread_mutex_init(&g->mutex, NULL);
	return g;
}

struct lock_guards *lock_guards_free(struct lock_guards *g)
{
	if (!g)
		return NULL;
	pthread_mutex_destroy(&g->mutex);
	timer_free(g->unwanted);
	/* What is still delegated is the kernel's. */
	if (g->kernel_fd >= 0 && !is_used(&g->delegated, LOCK_BOOK))
		ask(g->kernel_fd, F_OFD_SETLK, F_UNLCK, 0, (struct stretch){0});
	cleanup_close(&g->kernel_fd);
	lock_numbers_finish(&g->shut);
	free(g->writing.items);
	free(g->delegated.items);
	free(g);
	return NULL;
}
